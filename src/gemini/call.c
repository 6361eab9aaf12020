/*
 * From a call to its URL, and what of a native query goes upstream: see call.h.  Pure, runs
 * in workers, owns nothing.
 */
#include "gemini/call.h"

#include <assert.h>

static const struct {
	const char *verb, *method;
	bool streams;
} operations[] = {
#define OPERATION_ROW(name, verb, http, streams) { verb, http, streams },
	OPERATIONS(OPERATION_ROW)
#undef OPERATION_ROW
};

/* ---- operations ---- */

const char *
operation_name(enum operation op)
{
	assert((unsigned)op < OPERATION_COUNT);
	if (op == OP_MODELS_LIST)
		return "models.list";
	return op == OP_MODEL_GET ? "models.get" : operations[op].verb;
}

const char *
operation_method(enum operation op)
{
	assert((unsigned)op < OPERATION_COUNT);
	return operations[op].method;
}

bool
operation_streams(enum operation op)
{
	assert((unsigned)op < OPERATION_COUNT);
	return operations[op].streams;
}

bool
operation_find(struct span verb, enum operation *out)
{
	if (verb.len == 0)
		return false;
	for (int op = 0; op < OPERATION_COUNT; op++) {
		if (!span_is(verb, operations[op].verb))
			continue;
		*out = (enum operation)op;
		return true;
	}
	return false;
}

/* ---- query parameters ---- */

/* A parameter's name, decoded and without the '$' that Google allows in front of its own. */
static struct span
name_of(struct span param, struct buf *decoded)
{
	struct span name;

	buf_clear(decoded);
	text_percent_decode(decoded, span_cut(&param, '='), true);
	name = buf_span(decoded);
	if (span_starts(name, "$"))
		name = span_mem(name.p + 1, name.len - 1);
	return name;
}

static bool
value_is(struct span param, const char *wanted)
{
	struct buf value = BUF_INIT;
	bool is;

	span_cut(&param, '=');
	text_percent_decode(&value, param, true);
	is = span_is_nocase(buf_span(&value), wanted);
	buf_fini(&value);
	return is;
}

/* Ours to set, or nobody's: credentials, who is counted, the form of errors, the method. */
static bool
stays_here(struct span name)
{
	static const char *const names[] = { "key", "api_key", "apikey", "api-key", "x-api-key",
		"x-goog-api-key", "authorization", "access_token", "bearer_token", "oauth_token",
		"quotaUser", "xgafv", "httpMethod" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is_nocase(name, names[i]))
			return true;
	return false;
}

static bool
is_adornment(char c)
{
	return (unsigned char)c <= ' ' || c == '$' || c == '.';
}

/* Without the blanks and the "[]" that clumsy programs write: a key is not to be known by them. */
static struct span
bare_name(struct span name)
{
	struct span bare = span_cut(&name, '[');

	while (bare.len > 0 && is_adornment(bare.p[0]))
		bare = span_mem(bare.p + 1, bare.len - 1);
	while (bare.len > 0 && is_adornment(bare.p[bare.len - 1]))
		bare.len--;
	return bare;
}

/* Some programs still part parameters by ';'. */
static bool
holds_what_stays(struct span param, struct buf *name_room)
{
	while (param.p != NULL)
		if (stays_here(bare_name(name_of(span_cut(&param, ';'), name_room))))
			return true;
	return false;
}

bool
call_may_carry(struct span raw)
{
	for (size_t i = 0; i < raw.len; i++)
		if ((unsigned char)raw.p[i] <= ' ' || raw.p[i] == 0x7F || raw.p[i] == '#')
			return false;
	return true;
}

static bool
take_param(struct span param, struct buf *name_room, struct buf *kept, struct err *e)
{
	struct span name = name_of(param, name_room);

	if (span_is_nocase(name, "callback"))
		return err_field(e, "callback", "callback is not offered");
	if (span_is_nocase(name, "alt") && value_is(param, "proto"))
		return err_field(e, "alt", "alt=proto is not offered; json and sse are");
	if (param.len == 0 || holds_what_stays(param, name_room))
		return true;
	if (kept->len > 0)
		buf_add_char(kept, '&');
	buf_add_span(kept, param);
	return true;
}

bool
call_query(struct span raw, struct arena *arena, struct span *out, struct err *e)
{
	struct buf kept = BUF_INIT, name_room = BUF_INIT;
	bool ok = true;

	*out = SPAN_NONE;
	if (!call_may_carry(raw))
		return err_field(e, "query", "the query has a byte that may not stand in a URL");
	while (ok && raw.p != NULL)
		ok = take_param(span_cut(&raw, '&'), &name_room, &kept, e);
	if (ok && kept.len > 0)
		*out = arena_span(arena, buf_span(&kept));
	buf_fini(&kept);
	buf_fini(&name_room);
	return ok;
}

static bool
asks_for_sse(struct span query)
{
	struct buf room = BUF_INIT;
	bool asks = false;

	while (query.p != NULL && !asks) {
		struct span param = span_cut(&query, '&');

		asks = span_is_nocase(name_of(param, &room), "alt") && value_is(param, "sse");
	}
	buf_fini(&room);
	return asks;
}

enum framing
call_framing(enum operation op, struct span query)
{
	if (!operation_streams(op))
		return FRAMING_UNARY;
	return asks_for_sse(query) ? FRAMING_SSE : FRAMING_ARRAY;
}

/* ---- the URL ---- */

static void
add_resource(const struct call *c, struct buf *out)
{
	if (c->op == OP_MODELS_LIST) {
		buf_add_lit(out, "/v1beta/models");
		return;
	}
	buf_add_text(out, span_starts(c->model, "tunedModels/") ? "/v1beta/" : "/v1beta/models/");
	buf_add_span(out, c->model);
}

void
call_url(const struct call *c, const char *base, struct buf *out)
{
	const char *verb = operations[c->op].verb;
	bool adds_sse =
	    operation_streams(c->op) && c->framing == FRAMING_SSE && !asks_for_sse(c->query);

	buf_add_text(out, base);
	add_resource(c, out);
	if (verb[0] != '\0') {
		buf_add_char(out, ':');
		buf_add_text(out, verb);
	}
	if (c->query.len > 0 || adds_sse)
		buf_add_char(out, '?');
	buf_add_span(out, c->query);
	if (adds_sse)
		buf_add_text(out, c->query.len > 0 ? "&alt=sse" : "alt=sse");
}
