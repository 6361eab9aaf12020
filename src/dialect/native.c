/*
 * Gemini's own wire.  Pure, runs in workers, owns nothing.
 *
 * Nothing is translated here: the body goes upstream as the very bytes that came and the
 * answer comes back the same way, so what Google adds to its API tomorrow passes today.  Only
 * the query is looked at, and whether the body is JSON at all.
 */
#include "dialect/dialect.h"

#include "base/scan.h"

/* ---- requests ---- */

static bool
check_body(struct span body, struct err *e)
{
	const char *fault;
	size_t at;

	if (span_trim(body).len == 0)
		return err_set(e, ERR_BAD_REQUEST, "the request has no body");
	if (!scan_check(body, &fault, &at))
		return err_set(
		    e, ERR_BAD_REQUEST, "the body is not JSON: %s at byte %zu", fault, at);
	return true;
}

static bool
native_decode(const struct dialect_request *req, struct arena *arena, struct call *c, struct err *e)
{
	struct dialect_model model = { 0 };

	*c = (struct call){
		.op = req->op, .parts = 1, .choices = 1, .server_timeout_ms = req->server_timeout_ms
	};
	if (!call_query(req->query, arena, &c->query, e))
		return false;
	c->framing = call_framing(c->op, c->query);
	c->stream = operation_streams(c->op);
	if (c->op != OP_MODELS_LIST && !dialect_find_model(req, c, req->model, &model, e))
		return false;
	if (model.searches) /* the body is not ours to change */
		dialect_ignore(c, arena, SPAN("model"));
	if (span_is(span_of(operation_method(c->op)), "GET"))
		return true;
	if (!check_body(req->body, e))
		return false;
	c->bodies = arena_alloc(arena, sizeof(*c->bodies));
	c->bodies[0] = body_of(arena, req->body);
	return true;
}

/* ---- answers ---- */

/* Upstream's bytes were the answer, to its last. */
static bool
native_finish(struct dialect_out *out, struct err *e)
{
	(void)out;
	(void)e;
	return true;
}

static void
write_error(struct dialect_out *out, const struct err *e)
{
	if (out->fault != NULL && out->fault->is_json)
		buf_add_span(out->bytes, out->fault->body);
	else
		dialect_google_error(out->bytes, e, err_kind_status(e->kind));
}

/* The error as the last element of a list.  One that is a list itself cannot stand in it. */
static void
write_last_element(struct dialect_out *out, const struct err *e)
{
	buf_add_lit(out->bytes, ",\r\n");
	if (out->fault != NULL && span_starts(out->fault->body, "["))
		dialect_google_error(out->bytes, e, err_kind_status(e->kind));
	else
		write_error(out, e);
	buf_add_lit(out->bytes, "\n]");
}

/* As Google does it: a bare error amid events, which its SDKs look for, and a list of one in
 * place of a list. */
static void
native_fail(struct dialect_out *out, const struct err *e)
{
	bool is_list = out->call != NULL && out->call->framing == FRAMING_ARRAY;
	bool is_relayed = out->fault != NULL && out->fault->is_json;

	if (out->begun && is_list) {
		write_last_element(out, e);
	} else if (is_list && !is_relayed) {
		buf_add_char(out->bytes, '[');
		write_error(out, e);
		buf_add_char(out->bytes, ']');
	} else {
		write_error(out, e);
	}
	buf_add_char(out->bytes, '\n');
}

const struct dialect dialect_native = {
	.name = "native",
	.stream_type = "text/event-stream",
	.relays = true,
	.decode = native_decode,
	.finish = native_finish,
	.fail = native_fail,
};
