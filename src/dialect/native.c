/*
 * Gemini's own wire.  Pure, runs in workers, owns nothing.
 *
 * Nothing is translated here: the body goes upstream as the very bytes that came and the
 * answer comes back the same way, so what Google adds to its API tomorrow passes today.  Only
 * the query is looked at, and whether the body is JSON at all.  One thing is changed: a model
 * that has another name upstream has it in the body as well, where Google wants the URL's.
 */
#include "dialect/dialect.h"

#include "base/rope.h"
#include "base/scan.h"
#include "dialect/overlay.h"
#include "gemini/read.h"

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

/* A body whose model is known by another name upstream. */
struct renaming {
	const struct call *call;
	struct span asked;  /* bare */
	const char *copied; /* the body is in out up to here */
	struct rope out;
};

static bool
is_asked(const struct renaming *r, struct span escaped)
{
	struct buf plain = BUF_INIT;
	bool is;

	scan_text(&plain, escaped);
	is = span_eq(model_bare(buf_span(&plain)), r->asked);
	buf_fini(&plain);
	return is;
}

/* The value ahead is a model's name; that of any other model is the client's affair. */
static void
rename_model(struct renaming *r, struct scan *s)
{
	struct span name = SPAN_NONE;

	read_text(s, &name);
	if (name.p == NULL || !is_asked(r, name))
		return;
	rope_borrow(&r->out, span_mem(r->copied, (size_t)(name.p - r->copied)));
	if (!span_starts(r->call->model, "tunedModels/"))
		buf_add_lit(&r->out.text, "models/");
	buf_add_span(&r->out.text, r->call->model);
	r->copied = name.p + name.len;
}

/* Of a request, of those of a batch, and of the one whose tokens are to be counted. */
static void
rename_in(struct renaming *r, struct scan *s)
{
	struct span key;

	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "model")) {
			rename_model(r, s);
		} else if (overlay_key_is(key, "generateContentRequest")) {
			rename_in(r, s);
		} else if (scan_key_is(key, "requests") && scan_type(s) == SCAN_ARRAY) {
			scan_array(s);
			while (scan_item(s))
				rename_in(r, s);
		} else {
			scan_skip(s, NULL);
		}
	}
}

static struct body
renamed(struct span body, const struct call *c, struct span asked, struct arena *arena)
{
	struct renaming r = { .call = c, .asked = asked, .copied = body.p, .out = ROPE_INIT };
	struct body made;
	struct scan s;

	scan_init(&s, body);
	rename_in(&r, &s);
	rope_borrow(&r.out, span_mem(r.copied, (size_t)(body.p + body.len - r.copied)));
	made = rope_body(&r.out, arena);
	rope_fini(&r.out);
	return made;
}

static bool
native_decode(const struct dialect_request *req, struct arena *arena, struct call *c, struct err *e)
{
	struct dialect_model model = { 0 };
	struct span asked = model_bare(req->model);

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
	c->bodies[0] = span_eq(asked, c->model) ? body_of(arena, req->body)
						: renamed(req->body, c, asked, arena);
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
