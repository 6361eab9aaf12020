/*
 * Reading one chunk: see chunk.h.  Pure, runs in workers; parts and candidates lie in the
 * arena that the caller gives, everything else points into the chunk's own bytes.
 *
 * A member that is null counts as absent, as proto3's JSON has it; one of a type that it
 * cannot have makes the whole chunk unusable, since then nothing else in it can be trusted.
 */
#include "gemini/chunk.h"

#include <string.h>
#include "base/scan.h"
#include "gemini/read.h"

#define BAD_TYPE "a member of a type that it cannot have"

/* ---- usage ---- */

void
usage_init(struct usage *u)
{
#define USAGE_UNSAID(name, key) u->name = -1;
	USAGE_COUNTERS(USAGE_UNSAID)
#undef USAGE_UNSAID
}

void
usage_merge(struct usage *into, const struct usage *newer)
{
#define USAGE_NEWER(name, key)                                                                     \
	if (newer->name >= 0)                                                                      \
		into->name = newer->name;
	USAGE_COUNTERS(USAGE_NEWER)
#undef USAGE_NEWER
}

/* ---- members ---- */

/* False when the value is null (taken) or of another type (a fault). */
static bool
is_there(struct scan *s, enum scan_type wanted)
{
	enum scan_type type = scan_type(s);

	if (type == wanted)
		return true;
	if (type == SCAN_NULL)
		scan_null(s);
	else
		scan_fail(s, BAD_TYPE);
	return false;
}

static void
want_text(struct scan *s, struct span *escaped)
{
	if (is_there(s, SCAN_STRING))
		scan_string(s, escaped);
}

static void
want_bool(struct scan *s, bool *out)
{
	if (is_there(s, SCAN_BOOL))
		scan_bool(s, out);
}

static void
want_int(struct scan *s, int64_t *out)
{
	enum scan_type type = scan_type(s);

	if (type == SCAN_STRING || type == SCAN_NUMBER || is_there(s, SCAN_NUMBER))
		read_int(s, out);
}

/* An enum value is a name, or a number. */
static void
want_enum(struct scan *s, struct span *out)
{
	if (scan_type(s) == SCAN_NUMBER)
		scan_number(s, out);
	else
		want_text(s, out);
}

static bool
enter_object(struct scan *s)
{
	return is_there(s, SCAN_OBJECT) && scan_object(s);
}

static bool
enter_array(struct scan *s)
{
	return is_there(s, SCAN_ARRAY) && scan_array(s);
}

/* Room for one more behind n; the old place stays in the arena, which dies with the chunk. */
static void *
grow(struct arena *a, void *items, size_t n, size_t size)
{
	void *roomy;

	/* Powers of two: full when n is one. */
	if (n > 0 && (n & (n - 1)) != 0)
		return items;
	roomy = arena_alloc(a, (n > 0 ? 2 * n : 1) * size);
	if (n > 0)
		memcpy(roomy, items, n * size);
	return roomy;
}

/* ---- why it ended ---- */

enum finish
finish_of(struct span reason)
{
	static const struct {
		const char *reason;
		enum finish finish;
	} known[] = { { "STOP", FINISH_STOP }, { "MAX_TOKENS", FINISH_LENGTH },
		{ "CONTINUATION", FINISH_LENGTH }, { "SAFETY", FINISH_FILTER },
		{ "RECITATION", FINISH_FILTER }, { "LANGUAGE", FINISH_FILTER },
		{ "BLOCKLIST", FINISH_FILTER }, { "PROHIBITED_CONTENT", FINISH_FILTER },
		{ "SPII", FINISH_FILTER }, { "IMAGE_SAFETY", FINISH_FILTER },
		{ "IMAGE_PROHIBITED_CONTENT", FINISH_FILTER },
		{ "IMAGE_RECITATION", FINISH_FILTER } };

	if (reason.p == NULL)
		return FINISH_NONE;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (scan_key_is(reason, known[i].reason))
			return known[i].finish;
	return FINISH_FAILED;
}

/* ---- parts ---- */

/* A part has one of these; should it have more, the one that says most decides. */
static void
be(struct part *p, enum part_kind kind)
{
	static const int weight[] = { [PART_OTHER] = 0,
		[PART_TEXT] = 1,
		[PART_CODE_RESULT] = 2,
		[PART_CODE] = 3,
		[PART_INLINE_DATA] = 4,
		[PART_FUNCTION_CALL] = 5 };

	if (weight[kind] > weight[p->kind])
		p->kind = kind;
}

static void
read_function_call(struct scan *s, struct part *p)
{
	struct span key;

	if (!enter_object(s))
		return;
	be(p, PART_FUNCTION_CALL);
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "name"))
			want_text(s, &p->name);
		else if (scan_key_is(key, "id"))
			want_text(s, &p->id);
		else if (scan_key_is(key, "args"))
			read_raw(s, &p->args);
		else if (scan_key_is(key, "partialArgs"))
			read_raw(s, &p->partial);
		else if (scan_key_is(key, "willContinue"))
			want_bool(s, &p->will_continue);
		else
			scan_skip(s, NULL);
	}
}

static void
read_inline_data(struct scan *s, struct part *p)
{
	struct span key;

	if (!enter_object(s))
		return;
	be(p, PART_INLINE_DATA);
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "mimeType"))
			want_text(s, &p->mime);
		else if (scan_key_is(key, "data"))
			want_text(s, &p->data);
		else
			scan_skip(s, NULL);
	}
}

/* Of executableCode its code, of codeExecutionResult its output. */
static void
read_code(struct scan *s, struct part *p, enum part_kind kind, const char *name)
{
	struct span key;

	if (!enter_object(s))
		return;
	be(p, kind);
	while (scan_member(s, &key)) {
		if (scan_key_is(key, name))
			want_text(s, &p->text);
		else if (scan_key_is(key, "language"))
			want_enum(s, &p->language);
		else
			scan_skip(s, NULL);
	}
}

/* False: it is none of those that are known here. */
static bool
read_part_member(struct scan *s, struct span key, struct part *p)
{
	if (scan_key_is(key, "text")) {
		want_text(s, &p->text);
		if (p->text.p != NULL)
			be(p, PART_TEXT);
	} else if (scan_key_is(key, "thought")) {
		want_bool(s, &p->thought);
	} else if (scan_key_is(key, "thoughtSignature")) {
		want_text(s, &p->signature);
	} else if (scan_key_is(key, "functionCall")) {
		read_function_call(s, p);
	} else if (scan_key_is(key, "inlineData")) {
		read_inline_data(s, p);
	} else if (scan_key_is(key, "executableCode")) {
		read_code(s, p, PART_CODE, "code");
	} else if (scan_key_is(key, "codeExecutionResult")) {
		read_code(s, p, PART_CODE_RESULT, "output");
	} else {
		scan_skip(s, NULL);
		return false;
	}
	return true;
}

static void
read_part(struct scan *s, struct arena *a, struct candidate *c)
{
	struct part p = { .kind = PART_OTHER };
	struct span key;
	const char *begin;
	bool known = true;

	if (!enter_object(s))
		return;
	begin = s->at - 1;
	while (scan_member(s, &key))
		known = read_part_member(s, key, &p) && known;
	/* Of nothing, or of a signature alone: an empty text that was left out. */
	if (known)
		be(&p, PART_TEXT);
	p.raw = span_mem(begin, (size_t)(s->at - begin));
	c->parts = grow(a, c->parts, c->part_count, sizeof(p));
	c->parts[c->part_count++] = p;
}

/* ---- candidates ---- */

static void
read_content(struct scan *s, struct arena *a, struct candidate *c)
{
	struct span key;

	if (!enter_object(s))
		return;
	while (scan_member(s, &key)) {
		if (!scan_key_is(key, "parts")) {
			scan_skip(s, NULL);
		} else if (enter_array(s)) {
			c->part_count = 0;
			while (scan_item(s))
				read_part(s, a, c);
		}
	}
}

static void
read_candidate_member(struct scan *s, struct span key, struct arena *a, struct candidate *c)
{
	if (scan_key_is(key, "content"))
		read_content(s, a, c);
	else if (scan_key_is(key, "index"))
		want_int(s, &c->index);
	else if (scan_key_is(key, "finishReason"))
		want_enum(s, &c->finish_reason);
	else if (scan_key_is(key, "finishMessage"))
		want_text(s, &c->finish_message);
	else if (scan_key_is(key, "groundingMetadata"))
		read_raw(s, &c->grounding);
	else if (scan_key_is(key, "citationMetadata"))
		read_raw(s, &c->citation);
	else if (scan_key_is(key, "logprobsResult"))
		read_raw(s, &c->logprobs);
	else if (scan_key_is(key, "safetyRatings"))
		read_raw(s, &c->safety);
	else
		scan_skip(s, NULL);
}

static void
read_candidates(struct scan *s, struct arena *a, struct chunk *k)
{
	struct span key;

	if (!enter_array(s))
		return;
	k->candidate_count = 0;
	while (scan_item(s)) {
		struct candidate c = { 0 };

		if (!enter_object(s))
			continue;
		while (scan_member(s, &key))
			read_candidate_member(s, key, a, &c);
		k->candidates = grow(a, k->candidates, k->candidate_count, sizeof(c));
		k->candidates[k->candidate_count++] = c;
	}
}

/* ---- the chunk ---- */

static void
read_feedback(struct scan *s, struct chunk *k)
{
	struct span key;

	if (!enter_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "blockReason"))
			want_enum(s, &k->block_reason);
		else if (scan_key_is(key, "blockReasonMessage"))
			want_text(s, &k->block_message);
		else
			scan_skip(s, NULL);
	}
	if (k->block_reason.p == NULL && k->block_message.len > 0)
		k->block_reason = SPAN("BLOCK_REASON_UNSPECIFIED");
}

struct detail {
	struct span modality;
	int64_t tokens;
};

static bool
next_detail(struct scan *s, struct detail *d)
{
	struct span key;

	*d = (struct detail){ SPAN_NONE, 0 };
	if (!scan_item(s))
		return false;
	if (!read_object(s))
		return true;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "modality"))
			read_text(s, &d->modality);
		else if (scan_key_is(key, "tokenCount"))
			read_int(s, &d->tokens);
		else
			scan_skip(s, NULL);
	}
	return true;
}

static void
count(int64_t *sum, int64_t tokens)
{
	if (tokens >= 0 && tokens <= INT64_MAX - (*sum > 0 ? *sum : 0))
		*sum = (*sum > 0 ? *sum : 0) + tokens;
}

static void
read_details(struct scan *s, struct usage *u, bool of_prompt)
{
	struct usage said;
	struct detail d;

	if (!read_array(s))
		return;
	usage_init(&said);
	while (next_detail(s, &d)) {
#define DETAIL_COUNT(name, word)                                                                   \
	if (scan_key_is(d.modality, word))                                                         \
		count(&said.name, d.tokens);
		if (of_prompt) {
			USAGE_PROMPT_DETAILS(DETAIL_COUNT)
		} else {
			USAGE_ANSWER_DETAILS(DETAIL_COUNT)
		}
#undef DETAIL_COUNT
	}
	usage_merge(u, &said);
}

static void
read_usage(struct scan *s, struct usage *u)
{
	struct span key;

	if (!enter_object(s))
		return;
	while (scan_member(s, &key)) {
#define USAGE_READ(name, word)                                                                     \
	if (scan_key_is(key, word)) {                                                              \
		want_int(s, &u->name);                                                             \
		continue;                                                                          \
	}
		USAGE_TOTALS(USAGE_READ)
#undef USAGE_READ
		if (scan_key_is(key, "promptTokensDetails"))
			read_details(s, u, true);
		else if (scan_key_is(key, "candidatesTokensDetails"))
			read_details(s, u, false);
		else
			scan_skip(s, NULL);
	}
}

static void
read_generated(struct scan *s, struct span key, struct arena *a, struct chunk *k)
{
	if (scan_key_is(key, "candidates"))
		read_candidates(s, a, k);
	else if (scan_key_is(key, "promptFeedback"))
		read_feedback(s, k);
	else if (scan_key_is(key, "usageMetadata"))
		read_usage(s, &k->usage);
	else if (scan_key_is(key, "responseId"))
		want_text(s, &k->response_id);
	else if (scan_key_is(key, "modelVersion"))
		want_text(s, &k->model_version);
	else
		scan_skip(s, NULL);
}

static bool
is_generated(enum operation op)
{
	return op == OP_GENERATE || op == OP_STREAM;
}

bool
chunk_parse(struct span json, enum operation op, struct arena *a, struct chunk *k, struct err *e)
{
	struct scan s;
	struct span key;

	*k = (struct chunk){ .raw = json };
	usage_init(&k->usage);
	scan_init(&s, json);
	if (scan_object(&s)) {
		while (scan_member(&s, &key)) {
			if (scan_key_is(key, "error"))
				read_raw(&s, &k->error);
			else if (is_generated(op))
				read_generated(&s, key, a, k);
			else
				scan_skip(&s, NULL);
		}
	}
	if (!scan_end(&s))
		return err_set(e, ERR_UPSTREAM,
		    "the upstream's answer cannot be understood: %s at byte %zu", s.fault,
		    s.fault_at);
	return true;
}

static bool
part_says_something(const struct part *p)
{
	return p->kind != PART_TEXT || p->text.len > 0;
}

static bool
candidate_says_something(const struct candidate *c)
{
	enum finish why = finish_of(c->finish_reason);

	for (size_t i = 0; i < c->part_count; i++)
		if (part_says_something(&c->parts[i]))
			return true;
	return why != FINISH_NONE && why != FINISH_FAILED;
}

bool
chunk_says_something(const struct chunk *k, enum operation op)
{
	if (k->error.p != NULL)
		return false;
	if (!is_generated(op) || k->block_reason.p != NULL)
		return true;
	for (size_t i = 0; i < k->candidate_count; i++)
		if (candidate_says_something(&k->candidates[i]))
			return true;
	return false;
}

bool
chunk_ends(const struct chunk *k)
{
	for (size_t i = 0; i < k->candidate_count; i++)
		if (k->candidates[i].finish_reason.p != NULL)
			return true;
	return false;
}
