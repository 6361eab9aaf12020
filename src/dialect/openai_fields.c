/*
 * Fields that OpenAI's requests have in common: see openai_fields.h.  Pure, runs in workers, owns
 * nothing.
 */
#include "dialect/openai_fields.h"

#include <stdio.h>
#include "dialect/private.h"

/* ---- the body ---- */

bool
openai_body_read(struct scan *s, openai_member_fn *take, void *ctx, struct err *e)
{
	struct span key;
	bool ok = true;

	if (scan_type(s) != SCAN_OBJECT && s->fault == NULL)
		return err_set(e, ERR_BAD_REQUEST, "the body must be a JSON object");
	if (scan_object(s))
		while (ok && scan_member(s, &key))
			ok = take(ctx, key);
	if (s->fault == NULL && !ok)
		return false;
	if (!scan_end(s))
		return err_set(e, ERR_BAD_REQUEST, "the body is not JSON: %s at byte %zu", s->fault,
		    s->fault_at);
	return true;
}

/* ---- single fields ---- */

bool
openai_flag_read(struct scan *s, const char *field, bool usual, bool *out, struct err *e)
{
	*out = usual;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_BOOL)
		return refuse(e, "must be true or false", "%s", field);
	return scan_bool(s, out);
}

bool
openai_text_read(struct scan *s, const char *field, struct span *escaped, struct err *e)
{
	*escaped = SPAN_NONE;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_STRING)
		return refuse(e, "must be a string", "%s", field);
	return scan_string(s, escaped);
}

bool
openai_stream_options_read(struct scan *s, bool *include_usage, struct err *e)
{
	struct span key;
	bool ok = true;

	*include_usage = false;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return refuse(e, "must be an object", "stream_options");
	scan_object(s);
	while (ok && scan_member(s, &key)) {
		if (scan_key_is(key, "include_usage"))
			ok = openai_flag_read(
			    s, "stream_options.include_usage", false, include_usage, e);
		else
			scan_skip(s, NULL);
	}
	return ok;
}

bool
openai_model_find(const struct dialect_request *req, struct call *c, struct arena *arena,
    struct span escaped, struct dialect_model *out, struct err *e)
{
	struct buf plain = BUF_INIT;
	struct span asked = escaped;

	if (scan_has_escape(escaped)) {
		scan_text(&plain, escaped);
		asked = arena_span(arena, buf_span(&plain));
		buf_fini(&plain);
	}
	return dialect_find_model(req, c, asked, out, e);
}

/* ---- lists of texts ---- */

static bool
read_one(struct scan *s, const char *field, struct span *text, struct err *e)
{
	if (scan_type(s) != SCAN_STRING)
		return err_field(e, field, "%s must be text: Gemini takes no tokens", field);
	scan_string(s, text);
	return text->len > 0 || err_field(e, field, "%s is empty", field);
}

bool
openai_texts_read(struct span raw, const char *field, size_t most,
    void (*take)(void *ctx, struct span escaped), void *ctx, struct err *e)
{
	struct scan s;
	struct span text = SPAN_NONE;
	size_t n = 0;

	if (raw.p == NULL || span_is(raw, "null"))
		return err_field(e, field, "%s is missing", field);
	scan_init(&s, raw);
	if (scan_type(&s) != SCAN_ARRAY) {
		if (!read_one(&s, field, &text, e))
			return false;
		take(ctx, text);
		return true;
	}
	scan_array(&s);
	for (; scan_item(&s); n++) {
		char place[64];

		snprintf(place, sizeof(place), "%s[%zu]", field, n);
		if (n == most)
			return err_field(e, field, "%s may have at most %zu texts", field, most);
		if (!read_one(&s, place, &text, e))
			return false;
		take(ctx, text);
	}
	return n > 0 || err_field(e, field, "%s is empty", field);
}
