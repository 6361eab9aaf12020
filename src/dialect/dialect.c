/*
 * What the dialects share: naming a model, noting what had no effect, and the error shapes of
 * OpenAI and Google.  Pure, runs in workers, owns nothing.
 */
#include "dialect/dialect.h"

#include <assert.h>
#include "base/scan.h"
#include "gemini/model.h"
#include "gemini/object.h"

/* ---- requests ---- */

static bool
is_noted(struct span list, struct span field)
{
	while (list.p != NULL)
		if (span_eq(span_trim(span_cut(&list, ',')), field))
			return true;
	return false;
}

void
dialect_ignore(struct call *c, struct arena *arena, struct span field)
{
	if (is_noted(c->ignored, field))
		return;
	if (c->ignored.len == 0)
		c->ignored = arena_span(arena, field);
	else
		c->ignored = span_of(
		    arena_printf(arena, "%.*s, %.*s", SPAN_ARG(c->ignored), SPAN_ARG(field)));
}

static bool
look_up(
    const struct dialect_house *house, struct span bare, struct dialect_model *out, struct err *e)
{
	if (house != NULL && house->model != NULL)
		return house->model(house->ctx, bare, out, e);
	*out = (struct dialect_model){ .name = bare, .facts = model_facts(bare) };
	return true;
}

static bool
refuse_model(struct err *e)
{
	return err_set(e, ERR_MODEL_NOT_FOUND, "there is no model of that name");
}

bool
dialect_find_model(const struct dialect_request *req, struct call *c, struct span asked,
    struct dialect_model *out, struct err *e)
{
	struct dialect_model m = { .searches = false };
	struct span bare = model_bare(asked);

	if (asked.len == 0)
		return err_field(e, "model", "model is missing");
	if (!model_name_is_valid(bare))
		return refuse_model(e);
	if (!look_up(req->house, bare, &m, e))
		return false;
	/* An alias is the operator's word for a model, and may be written in any of the ways. */
	m.name = model_bare(m.name);
	if (!model_name_is_valid(m.name))
		return refuse_model(e);
	m.facts.lacks = model_lacks_now(m.facts.lacks);
	c->model = m.name;
	c->model_asked = asked;
	if (out != NULL)
		*out = m;
	return true;
}

const struct dialect_options *
dialect_options_of(const struct dialect_options *chosen)
{
	static const struct dialect_options defaults;

	return chosen != NULL ? chosen : &defaults;
}

/* ---- errors, shared ---- */

/* The request itself was refused: the client can mend it and needs Google's words for that. */
static bool
is_of_request(enum err_kind kind)
{
	return kind == ERR_BAD_REQUEST || kind == ERR_NOT_FOUND || kind == ERR_MODEL_NOT_FOUND ||
	       kind == ERR_TOO_LARGE || kind == ERR_UNSUPPORTED;
}

static struct span
words_of(const struct err *e, const struct fault *f)
{
	if (f != NULL && f->message[0] != '\0' && (is_of_request(e->kind) || e->text[0] == '\0'))
		return span_of(f->message);
	if (e->text[0] != '\0')
		return span_of(e->text);
	return span_of(err_kind_name(e->kind));
}

/* ---- OpenAI ---- */

struct openai_words {
	const char *type, *code; /* code NULL: null */
};

/* "The input token count (N) exceeds the maximum number of tokens allowed (M)." */
static bool
is_too_long(struct span words)
{
	return span_has_nocase(words, "token count") &&
	       span_has_nocase(words, "exceeds the maximum number of tokens");
}

static struct openai_words
openai_bad_request(const char *field, struct span words)
{
	if (is_too_long(words))
		return (struct openai_words){ "invalid_request_error", "context_length_exceeded" };
	return (struct openai_words){ "invalid_request_error",
		field[0] != '\0' ? "invalid_value" : NULL };
}

/* The model is short of room, whatever credential asks. */
static struct openai_words
openai_words_of(const struct err *e, const struct fault *f)
{
	switch (e->kind) {
	case ERR_UNAUTHORIZED:
		return (struct openai_words){ "invalid_request_error", "invalid_api_key" };
	case ERR_FORBIDDEN:
		return (struct openai_words){ "permission_error", NULL };
	case ERR_NOT_FOUND:
		return (struct openai_words){ "invalid_request_error",
			f != NULL ? NULL : "unsupported_endpoint" };
	case ERR_MODEL_NOT_FOUND:
		return (struct openai_words){ "invalid_request_error", "model_not_found" };
	case ERR_METHOD:
	case ERR_SLOW:
	case ERR_CONFLICT:
		return (struct openai_words){ "invalid_request_error", NULL };
	case ERR_TOO_LARGE:
		return (struct openai_words){ "invalid_request_error", "request_too_large" };
	case ERR_BUSY:
		return (struct openai_words){ "rate_limit_error", "rate_limit_exceeded" };
	case ERR_QUOTA:
		return (struct openai_words){ "insufficient_quota", "insufficient_quota" };
	case ERR_UPSTREAM:
		return (struct openai_words){ "server_error", "upstream_error" };
	case ERR_OVERLOADED:
		return (struct openai_words){ "server_error", "overloaded" };
	case ERR_UNAVAILABLE:
		return (struct openai_words){ "server_error", "no_available_credential" };
	case ERR_UPSTREAM_SLOW:
		return (struct openai_words){ "server_error", "timeout" };
	default:
		return (struct openai_words){ "server_error", NULL };
	}
}

static void
text_or_null(struct object_writer *o, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		object_text(o, key, span_of(text));
	else
		object_raw(o, key, SPAN("null"));
}

static void
openai_write(struct buf *out, struct span message, struct openai_words w, const char *param)
{
	struct object_writer o, inner;

	object_begin(&o, out);
	object_key(&o, "error");
	object_begin(&inner, out);
	object_text(&inner, "message", message);
	object_text(&inner, "type", span_of(w.type));
	text_or_null(&inner, "param", param);
	text_or_null(&inner, "code", w.code);
	object_end(&inner);
	object_end(&o);
}

/* The field that is to blame: ours by its path, Google's by its own. */
static const char *
param_of(const struct err *e, const struct fault *f)
{
	if (e->field[0] != '\0' || f == NULL || e->kind != ERR_BAD_REQUEST)
		return e->field;
	return f->field;
}

void
dialect_openai_error(struct buf *out, const struct err *e, const struct fault *f)
{
	struct span words = words_of(e, f);
	const char *param = param_of(e, f);

	if (e->kind == ERR_BAD_REQUEST)
		openai_write(out, words, openai_bad_request(param, words), param);
	else
		openai_write(out, words, openai_words_of(e, f), param);
}

void
dialect_openai_fail(struct dialect_out *out, const struct err *e)
{
	if (!out->begun) {
		dialect_openai_error(out->bytes, e, out->fault);
		return;
	}
	buf_add_lit(out->bytes, "data: ");
	if (e->kind == ERR_UPSTREAM && out->fault == NULL)
		openai_write(out->bytes, words_of(e, NULL),
		    (struct openai_words){ "server_error", "upstream_truncated" }, NULL);
	else
		dialect_openai_error(out->bytes, e, out->fault);
	buf_add_lit(out->bytes, "\n\n");
}

/* ---- Google ---- */

static const char *
google_status(int status)
{
	static const struct {
		int status;
		const char *name;
	} names[] = { { 400, "INVALID_ARGUMENT" }, { 401, "UNAUTHENTICATED" },
		{ 402, "RESOURCE_EXHAUSTED" }, { 403, "PERMISSION_DENIED" }, { 404, "NOT_FOUND" },
		{ 405, "UNIMPLEMENTED" }, { 408, "DEADLINE_EXCEEDED" }, { 409, "ABORTED" },
		{ 413, "INVALID_ARGUMENT" }, { 429, "RESOURCE_EXHAUSTED" }, { 499, "CANCELLED" },
		{ 500, "INTERNAL" }, { 501, "UNIMPLEMENTED" }, { 502, "UNAVAILABLE" },
		{ 503, "UNAVAILABLE" }, { 504, "DEADLINE_EXCEEDED" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].status == status)
			return names[i].name;
	return status < 500 ? "INVALID_ARGUMENT" : "INTERNAL";
}

static void
google_retry(struct buf *out, int64_t retry_ms)
{
	struct object_writer o;

	object_begin(&o, out);
	object_text(&o, "@type", SPAN("type.googleapis.com/google.rpc.RetryInfo"));
	object_key(&o, "retryDelay");
	buf_add_char(out, '"');
	buf_add_int(out, (retry_ms - 1) / 1000 + 1);
	buf_add_lit(out, "s\"");
	object_end(&o);
}

static void
google_violation(struct buf *out, const char *field, struct span words)
{
	struct object_writer o, violation;

	object_begin(&o, out);
	object_text(&o, "@type", SPAN("type.googleapis.com/google.rpc.BadRequest"));
	object_key(&o, "fieldViolations");
	buf_add_char(out, '[');
	object_begin(&violation, out);
	object_text(&violation, "field", span_of(field));
	object_text(&violation, "description", words);
	object_end(&violation);
	buf_add_char(out, ']');
	object_end(&o);
}

static void
google_details(struct buf *out, const struct err *e)
{
	bool retries = e->retry_ms > 0, blames = e->field[0] != '\0';

	buf_add_char(out, '[');
	if (retries)
		google_retry(out, e->retry_ms);
	if (retries && blames)
		buf_add_char(out, ',');
	if (blames)
		google_violation(out, e->field, words_of(e, NULL));
	buf_add_char(out, ']');
}

void
dialect_google_error(struct buf *out, const struct err *e, int status)
{
	struct object_writer o, inner;

	object_begin(&o, out);
	object_key(&o, "error");
	object_begin(&inner, out);
	object_int(&inner, "code", status);
	object_text(&inner, "message", words_of(e, NULL));
	object_text(&inner, "status", span_of(google_status(status)));
	if (e->retry_ms > 0 || e->field[0] != '\0') {
		object_key(&inner, "details");
		google_details(out, e);
	}
	object_end(&inner);
	object_end(&o);
}
