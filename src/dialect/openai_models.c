/*
 * GET /v1/models and /v1/models/ID in OpenAI's shape, from Google's list.  Pure, runs in
 * workers, owns nothing.
 *
 * Whether a list or one object was asked for, the answer is a single chunk, so encode writes
 * all of it.
 */
#include "dialect/dialect.h"

#include "base/scan.h"
#include "gemini/content.h"
#include "gemini/model.h"
#include "gemini/read.h"

/* The most that one page may hold: clients of this dialect know no pages. */
#define PAGE_QUERY "pageSize=1000"

static bool
models_decode(const struct dialect_request *req, struct arena *arena, struct call *c, struct err *e)
{
	(void)arena;
	*c = (struct call){ .op = req->op, .server_timeout_ms = req->server_timeout_ms };
	if (c->op == OP_MODEL_GET)
		return dialect_model(c, req->model, e);
	c->query = SPAN(PAGE_QUERY);
	return true;
}

struct model {
	struct span name;                    /* escaped */
	int64_t input_tokens, output_tokens; /* -1: not said */
};

static void
read_model(struct scan *s, struct model *m)
{
	struct span key;

	*m = (struct model){ .input_tokens = -1, .output_tokens = -1 };
	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "name"))
			read_text(s, &m->name);
		else if (scan_key_is(key, "inputTokenLimit"))
			read_int(s, &m->input_tokens);
		else if (scan_key_is(key, "outputTokenLimit"))
			read_int(s, &m->output_tokens);
		else
			scan_skip(s, NULL);
	}
}

static void
write_model(struct buf *out, const struct model *m, int64_t created_s)
{
	struct object_writer o;

	object_begin(&o, out);
	object_escaped(&o, "id", model_bare(m->name));
	object_text(&o, "object", SPAN("model"));
	object_int(&o, "created", created_s);
	object_text(&o, "owned_by", SPAN("google"));
	if (m->input_tokens >= 0)
		object_int(&o, "context_length", m->input_tokens);
	if (m->output_tokens >= 0)
		object_int(&o, "max_output_tokens", m->output_tokens);
	object_end(&o);
}

static void
write_models(struct scan *s, struct buf *out, int64_t created_s)
{
	struct model m;
	int written = 0;

	if (!read_array(s))
		return;
	while (scan_item(s)) {
		read_model(s, &m);
		if (m.name.len == 0)
			continue;
		if (written++ > 0)
			buf_add_char(out, ',');
		write_model(out, &m, created_s);
	}
}

static void
write_list(struct scan *s, struct buf *out, int64_t created_s)
{
	struct span key;
	bool done = false;

	buf_add_lit(out, "{\"object\":\"list\",\"data\":[");
	if (read_object(s)) {
		while (scan_member(s, &key)) {
			if (!done && scan_key_is(key, "models")) {
				write_models(s, out, created_s);
				done = true;
			} else {
				scan_skip(s, NULL);
			}
		}
	}
	buf_add_lit(out, "]}");
}

static void
models_encode(struct dialect_out *out, const struct chunk *k)
{
	struct scan s;
	struct model m;

	if (out->state != NULL)
		return;
	scan_init(&s, k->raw);
	if (out->call->op == OP_MODELS_LIST) {
		write_list(&s, out->bytes, out->created_s);
	} else {
		read_model(&s, &m);
		if (m.name.len == 0)
			return;
		write_model(out->bytes, &m, out->created_s);
	}
	out->state = out; /* something was written */
}

static bool
models_finish(struct dialect_out *out, struct err *e)
{
	if (out->state == NULL)
		return err_set(e, ERR_UPSTREAM, "the upstream answered with nothing in it");
	return true;
}

const struct dialect dialect_openai_models = {
	.name = "openai-models",
	.stream_type = "application/json",
	.decode = models_decode,
	.encode = models_encode,
	.finish = models_finish,
	.fail = dialect_openai_fail,
};
