/*
 * Reading Google's errors: see fault.h.  Pure, runs in workers; all it gives lies in the
 * caller's arena.  Taking secrets out and understanding quota words have their own rooms.
 *
 * Nothing here may fail: an answer that says nothing still has a status, and that much is told.
 */
#include "gemini/fault.h"

#include "base/scan.h"
#include "gemini/read.h"

#define NESTED_MAX  4   /* envelopes that hold an envelope as text */
#define PLAIN_BYTES 300 /* of an answer that is no JSON */
#define LINK_BYTES  1024

struct reading {
	struct arena *arena;
	struct fault *f;
	struct buf body;           /* owned: the envelope without DebugInfo */
	const char *copied;        /* the text is in body up to here */
	struct span message;       /* escaped */
	const char *model, *limit; /* of ErrorInfo's metadata */
	const char *link,
	    *help;        /* where an account is confirmed: metadata's, the first of Help's */
	const char *word; /* a reason that is told outside of ErrorInfo */
	int64_t limit_value, reset_delay_ms;
	bool found;       /* it is an error, whatever it says */
	bool is_envelope; /* "error" is an object in it */
	bool no_quota;    /* a quotaValue of 0 */
	int violations;
};

/* ---- words ---- */

static bool
key_is(struct span key, const char *name)
{
	return scan_key_is(span_trim(key), name);
}

/* Plain, without secrets, in the arena. */
static const char *
say_plain(struct arena *a, struct span plain)
{
	struct buf clean = BUF_INIT;
	const char *words;

	fault_redact(plain, &clean);
	words = arena_dup_span(a, buf_span(&clean));
	buf_fini(&clean);
	return words;
}

static const char *
say(struct arena *a, struct span escaped)
{
	struct buf plain = BUF_INIT;
	const char *words;

	scan_text(&plain, escaped);
	words = say_plain(a, buf_span(&plain));
	buf_fini(&plain);
	return words;
}

/* The first of what is said wins; "" is nothing said. */
static void
say_once(struct arena *a, const char **words, struct span escaped)
{
	if ((*words)[0] == '\0' && escaped.len > 0)
		*words = say(a, escaped);
}

/* ---- quota ---- */

/* Only of answers that speak of quota: another's "limit: 0" means something else. */
static void
classify(struct reading *r)
{
	struct fault *f = r->f;
	struct span model;
	int64_t value;

	if (f->http_status != 429 && f->code != 429 && strcmp(f->status, "RESOURCE_EXHAUSTED") != 0)
		return;
	if (f->quota_id[0] == '\0')
		f->quota_id = r->limit;
	if (f->quota_model[0] == '\0')
		f->quota_model = r->model;
	if (f->quota_value < 0)
		f->quota_value = r->limit_value;
	if (f->period == QUOTA_UNKNOWN)
		f->period = quota_period_of(f->quota_id);
	if (f->period == QUOTA_UNKNOWN)
		f->period = quota_period_of(f->message);
	if (r->no_quota || r->limit_value == 0 || quota_says_zero(f->message))
		f->period = QUOTA_ZERO;
	quota_limit(f->message, &value, &model);
	if (f->quota_value < 0)
		f->quota_value = value;
	/* A number outside of the violations can only be told apart where there is but one. */
	if (r->violations <= 1)
		quota_limits_add(&f->limits, f->quota_id, f->quota_value);
	if (f->quota_model[0] == '\0' && model.len > 0)
		f->quota_model = arena_dup_span(r->arena, model);
}

/* ---- details ---- */

/* The text of one member of the object ahead; the others are passed over. */
static struct span
read_member(struct scan *s, const char *name)
{
	struct span key, text = SPAN_NONE;

	if (!read_object(s))
		return text;
	while (scan_member(s, &key)) {
		if (key_is(key, name))
			read_text(s, &text);
		else
			scan_skip(s, NULL);
	}
	return text;
}

static void
read_violation(struct reading *r, struct scan *s)
{
	struct span key, id = SPAN_NONE, model = SPAN_NONE;
	struct fault *f = r->f;
	const char *words;
	int64_t value = -1;
	enum quota_period period;

	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (key_is(key, "quotaId"))
			read_text(s, &id);
		else if (key_is(key, "quotaValue"))
			read_int(s, &value);
		else if (key_is(key, "quotaDimensions"))
			model = read_member(s, "model");
		else
			scan_skip(s, NULL);
	}
	r->no_quota = r->no_quota || value == 0;
	say_once(r->arena, &f->quota_model, model);
	words = say(r->arena, id);
	period = quota_period_of(words);
	quota_limits_add(&f->limits, words, value);
	if (r->violations++ > 0 && period <= f->period)
		return;
	f->period = period;
	f->quota_id = words;
	f->quota_value = value;
}

static void
read_field_violation(struct reading *r, struct scan *s)
{
	say_once(r->arena, &r->f->field, read_member(s, "field"));
}

static void
read_metadata(struct reading *r, struct scan *s)
{
	struct span key;

	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		struct span text = SPAN_NONE;

		if (key_is(key, "quota_limit_value")) {
			read_int(s, &r->limit_value);
			continue;
		}
		read_text(s, &text);
		if (key_is(key, "model"))
			say_once(r->arena, &r->model, text);
		else if (key_is(key, "quota_limit"))
			say_once(r->arena, &r->limit, text);
		else if (key_is(key, "validation_link"))
			say_once(r->arena, &r->link, text);
		else if (key_is(key, "quotaResetDelay"))
			r->reset_delay_ms = quota_duration_ms(say(r->arena, text));
		else if (key_is(key, "quotaResetTimeStamp"))
			r->f->reset_at_ms = quota_timestamp_ms(say(r->arena, text));
	}
}

/* The first that leads on; pages of explanation stand beside it. */
static void
read_link(struct reading *r, struct scan *s)
{
	struct span url = read_member(s, "url");

	if (!span_starts(url, "https://support.google.com"))
		say_once(r->arena, &r->help, url);
}

static void
read_each(struct reading *r, struct scan *s, void (*read)(struct reading *, struct scan *))
{
	if (read_array(s))
		while (scan_item(s))
			read(r, s);
}

/* The members of all kinds of detail have different names, so the kind need not be known
 * before they are read.  False: a DebugInfo, not to be shown. */
static bool
read_detail(struct reading *r, struct span json)
{
	struct scan s;
	struct span key, type = SPAN_NONE, reason = SPAN_NONE, delay = SPAN_NONE;

	scan_init(&s, json);
	if (!read_object(&s))
		return true;
	while (scan_member(&s, &key)) {
		if (key_is(key, "@type"))
			read_text(&s, &type);
		else if (key_is(key, "reason"))
			read_text(&s, &reason);
		else if (key_is(key, "retryDelay"))
			read_text(&s, &delay);
		else if (key_is(key, "metadata"))
			read_metadata(r, &s);
		else if (key_is(key, "violations"))
			read_each(r, &s, read_violation);
		else if (key_is(key, "fieldViolations"))
			read_each(r, &s, read_field_violation);
		else if (key_is(key, "links"))
			read_each(r, &s, read_link);
		else
			scan_skip(&s, NULL);
	}
	say_once(r->arena, &r->f->reason, reason);
	if (delay.len > 0)
		r->f->retry_ms = quota_duration_ms(say(r->arena, delay));
	return !span_ends(type, "DebugInfo");
}

/* What stands before p goes into the body; p is where copying goes on. */
static void
copy_until(struct reading *r, const char *p)
{
	buf_add(&r->body, r->copied, (size_t)(p - r->copied));
	r->copied = p;
}

static void
read_details(struct reading *r, struct scan *s)
{
	struct span item;
	int kept = 0;

	if (!read_array(s))
		return;
	copy_until(r, s->at);
	while (scan_item(s)) {
		if (!scan_skip(s, &item) || !read_detail(r, item))
			continue;
		if (kept++ > 0)
			buf_add_char(&r->body, ',');
		buf_add_span(&r->body, item);
	}
	r->copied = s->at - 1; /* the ']' */
}

/* ---- the envelope ---- */

/* Some fronts list {message, domain, reason} beside the details. */
static void
read_legacy(struct reading *r, struct scan *s)
{
	say_once(r->arena, &r->word, read_member(s, "reason"));
}

/* An HTTP status; the Interactions API writes a word instead. */
static void
read_code(struct reading *r, struct scan *s)
{
	struct span word = SPAN_NONE;
	int64_t code = 0;

	if (scan_type(s) == SCAN_STRING)
		scan_string(s, &word);
	else
		read_int(s, &code);
	if (span_int(word, 1, 999, &code))
		word = SPAN_NONE;
	say_once(r->arena, &r->word, word);
	if (code > 0 && code < 1000)
		r->f->code = (int)code;
}

static void
read_error_member(struct reading *r, struct scan *s, struct span key)
{
	struct span status = SPAN_NONE;

	if (key_is(key, "code")) {
		read_code(r, s);
		r->found = true;
	} else if (key_is(key, "message")) {
		read_text(s, &r->message);
		r->found = true;
	} else if (key_is(key, "status")) {
		read_text(s, &status);
		say_once(r->arena, &r->f->status, status);
	} else if (key_is(key, "details")) {
		read_details(r, s);
	} else if (key_is(key, "errors")) {
		read_each(r, s, read_legacy);
	} else {
		scan_skip(s, NULL);
	}
}

/* The value of "error": an object; OAuth's token door has a word there. */
static void
read_error(struct reading *r, struct scan *s)
{
	struct span key, word = SPAN_NONE;

	r->found = true;
	if (scan_type(s) == SCAN_OBJECT && scan_object(s)) {
		r->is_envelope = true;
		while (scan_member(s, &key))
			read_error_member(r, s, key);
		return;
	}
	read_text(s, &word);
	say_once(r->arena, &r->word, word);
}

static void
read_object_of(struct reading *r, struct scan *s)
{
	struct span key;

	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (key_is(key, "error"))
			read_error(r, s);
		else if (key_is(key, "error_description"))
			read_text(s, &r->message);
		else
			read_error_member(r, s, key);
	}
}

/* Of valid JSON only: half an error would tell half the truth. */
static void
read_json(struct reading *r, struct span json)
{
	struct scan s;

	buf_clear(&r->body);
	r->copied = json.p;
	r->is_envelope = false;
	scan_init(&s, json);
	if (scan_type(&s) == SCAN_ARRAY)
		read_each(r, &s, read_object_of);
	else
		read_object_of(r, &s);
	copy_until(r, json.p + json.len);
}

/* ---- what is no JSON ---- */

/* A copy without the commas that are one too many; they have been seen on streams. */
static void
drop_stray_commas(struct span json, struct buf *out)
{
	bool in_string = false;

	for (size_t i = 0; i < json.len; i++) {
		char c = json.p[i];

		if (in_string && c == '\\' && i + 1 < json.len) {
			buf_add(out, json.p + i++, 2);
			continue;
		}
		if (c == '"')
			in_string = !in_string;
		if (c == ',' && !in_string) {
			size_t next = i + 1;

			while (next < json.len && memchr(" \t\r\n", json.p[next], 4))
				next++;
			if (next < json.len && memchr(",]}", json.p[next], 3))
				continue;
		}
		buf_add_char(out, c);
	}
}

/* Plain text may say something worth telling; a page of HTML does not. */
static const char *
read_plain(struct arena *a, struct span body)
{
	char text[PLAIN_BYTES + 1];
	size_t len = 0;

	if (body.len == 0 || body.p[0] == '<' || body.p[0] == '{' || body.p[0] == '[')
		return "";
	for (; len < body.len && len < PLAIN_BYTES; len++) {
		unsigned char c = (unsigned char)body.p[len];

		text[len] = c >= ' ' && c < 0x7F ? (char)c : ' ';
	}
	return say_plain(a, span_trim(span_mem(text, len)));
}

/* ---- all of it ---- */

static bool
has_error_object(struct scan *s)
{
	struct span key;
	bool has = false;

	if (!read_object(s))
		return false;
	while (scan_member(s, &key)) {
		has = has || (key_is(key, "error") && scan_type(s) == SCAN_OBJECT);
		scan_skip(s, NULL);
	}
	return has;
}

static bool
is_envelope(struct span json)
{
	struct scan s;
	bool is = false;

	scan_init(&s, json);
	if (scan_type(&s) != SCAN_ARRAY)
		is = has_error_object(&s);
	else if (scan_array(&s))
		while (scan_item(&s))
			is = has_error_object(&s) || is;
	return scan_end(&s) && is;
}

static void read_body(struct reading *r, struct span json, int depth);

/* A proxy may have put a whole envelope into the message of another one: the innermost tells. */
static void
open_message(struct reading *r, int depth)
{
	struct buf plain = BUF_INIT;
	struct span text;

	scan_text(&plain, r->message);
	text = span_trim(buf_span(&plain));
	r->message = SPAN_NONE;
	if (depth < NESTED_MAX && is_envelope(text)) {
		r->f->status = r->f->reason = r->word = "";
		read_body(r, text, depth + 1);
	} else {
		r->f->message = say_plain(r->arena, text);
	}
	buf_fini(&plain);
}

static void
read_body(struct reading *r, struct span json, int depth)
{
	struct buf tidy = BUF_INIT;

	if (!scan_check(json, NULL, NULL)) {
		drop_stray_commas(json, &tidy);
		json = buf_span(&tidy);
	}
	if (scan_check(json, NULL, NULL))
		read_json(r, json);
	if (r->found)
		open_message(r, depth);
	buf_fini(&tidy);
}

static void
keep_body(struct reading *r)
{
	struct buf clean = BUF_INIT;

	fault_redact(buf_span(&r->body), &clean);
	r->f->body = arena_span(r->arena, buf_span(&clean));
	r->f->is_json = true;
	buf_fini(&clean);
}

/* Amid a stream there is no other status; some errors there have no code either. */
static int
code_of_status(const char *status, int otherwise)
{
	static const struct {
		const char *status;
		int code;
	} codes[] = { { "INVALID_ARGUMENT", 400 }, { "FAILED_PRECONDITION", 400 },
		{ "OUT_OF_RANGE", 400 }, { "UNAUTHENTICATED", 401 }, { "PERMISSION_DENIED", 403 },
		{ "NOT_FOUND", 404 }, { "ABORTED", 409 }, { "ALREADY_EXISTS", 409 },
		{ "RESOURCE_EXHAUSTED", 429 }, { "CANCELLED", 499 }, { "UNKNOWN", 500 },
		{ "INTERNAL", 500 }, { "DATA_LOSS", 500 }, { "UNIMPLEMENTED", 501 },
		{ "UNAVAILABLE", 503 }, { "DEADLINE_EXCEEDED", 504 } };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].status, status) == 0)
			return codes[i].code;
	return otherwise;
}

/* To be opened by a person: nothing that a terminal or a page would take for anything else. */
static const char *
link_of(const struct reading *r)
{
	const char *link = r->link[0] != '\0' ? r->link : r->help;

	if (strcmp(r->f->reason, "VALIDATION_REQUIRED") != 0)
		return "";
	if (strncmp(link, "https://", 8) != 0 || strlen(link) > LINK_BYTES)
		return "";
	for (const char *p = link; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7F || strchr("\"'<>\\`", *p))
			return "";
	return link;
}

void
fault_parse(int http_status, struct span body, struct arena *arena, struct fault *f)
{
	struct reading r = { .arena = arena,
		.f = f,
		.model = "",
		.limit = "",
		.link = "",
		.help = "",
		.word = "",
		.limit_value = -1,
		.reset_delay_ms = -1 };

	*f = (struct fault){ .http_status = http_status,
		.code = http_status,
		.status = "",
		.message = "",
		.reason = "",
		.field = "",
		.validation_link = "",
		.quota_id = "",
		.quota_model = "",
		.quota_value = -1,
		.retry_ms = -1,
		.reset_at_ms = -1 };
	body = span_trim(body);
	if (span_starts(body, "{") || span_starts(body, "["))
		read_body(&r, body, 0);
	if (!r.found)
		f->message = read_plain(arena, body);
	else if (r.is_envelope)
		keep_body(&r);
	if (f->reason[0] == '\0')
		f->reason = r.word;
	if (f->code < 400)
		f->code = code_of_status(f->status, http_status);
	f->validation_link = link_of(&r);
	if (f->retry_ms < 0)
		f->retry_ms = r.reset_delay_ms;
	if (f->retry_ms < 0)
		f->retry_ms = quota_retry_ms(f->message);
	classify(&r);
	buf_fini(&r.body);
}

int
fault_status(const struct fault *f)
{
	return f->http_status >= 400 ? f->http_status : f->code;
}
