/*
 * GET /v1/models and /v1/models/ID in OpenAI's shape.  Pure, runs in workers, owns nothing.
 *
 * The list is the house's: what several credentials were told, merged, with the operator's
 * aliases and the names that search.  Upstream is asked when it has grown old, as several parts
 * at once so that several credentials answer, and what they say goes to the house.
 */
#include "dialect/dialect.h"

#include "base/scan.h"
#include "gemini/model.h"
#include "gemini/object.h"
#include "gemini/read.h"

/* The most that one page may hold: clients of this dialect know no pages. */
#define PAGE_QUERY "pageSize=1000"
#define ASKED_MAX  3 /* credentials whose lists are merged */

/* ---- what the house knows ---- */

static void
write_model(struct buf *out, struct span name, const struct listed_model *m, int64_t created_s)
{
	struct object_writer o;

	object_begin(&o, out);
	object_text(&o, "id", name);
	object_text(&o, "object", SPAN("model"));
	object_int(&o, "created", created_s);
	object_text(&o, "owned_by", SPAN("google"));
	if (m->input_tokens > 0)
		object_int(&o, "context_length", m->input_tokens);
	if (m->output_tokens > 0)
		object_int(&o, "max_output_tokens", m->output_tokens);
	object_end(&o);
}

struct search {
	struct span name;
	struct buf *out; /* NULL: only looks */
	int64_t created_s;
	size_t count;
};

static bool
write_one(void *ctx, const struct listed_model *m)
{
	struct search *s = ctx;

	if (s->count++ > 0)
		buf_add_char(s->out, ',');
	write_model(s->out, m->name, m, s->created_s);
	return true;
}

static bool
write_if_named(void *ctx, const struct listed_model *m)
{
	struct search *s = ctx;

	if (!span_eq(m->name, s->name))
		return true;
	s->count++;
	if (s->out != NULL)
		write_model(s->out, m->name, m, s->created_s);
	return false;
}

static bool
house_has(const struct dialect_house *h, struct span name, struct buf *out, int64_t created_s)
{
	struct search s = { .name = name, .out = out, .created_s = created_s };

	if (h == NULL || h->each_model == NULL)
		return false;
	h->each_model(h->ctx, write_if_named, &s);
	return s.count > 0;
}

static bool
house_is_fresh(const struct dialect_house *h)
{
	return h != NULL && h->models_are_fresh != NULL && h->models_are_fresh(h->ctx);
}

/* ---- requests ---- */

static bool
models_decode(const struct dialect_request *req, struct arena *arena, struct call *c, struct err *e)
{
	(void)arena;
	*c = (struct call){
		.op = req->op, .parts = 1, .choices = 1, .server_timeout_ms = req->server_timeout_ms
	};
	if (c->op == OP_MODEL_GET) {
		if (!dialect_find_model(req, c, req->model, NULL, e))
			return false;
		c->known = house_is_fresh(req->house) &&
			   house_has(req->house, model_bare(req->model), NULL, 0);
		return true;
	}
	c->query = SPAN(PAGE_QUERY);
	c->known = house_is_fresh(req->house);
	c->parts = c->known ? 1 : ASKED_MAX;
	return true;
}

/* ---- what upstream says ---- */

struct found {
	struct span name, display_name; /* escaped */
	struct listed_model m;
};

static void
read_methods(struct scan *s, struct listed_model *m)
{
	struct span method;

	if (!read_array(s))
		return;
	while (scan_item(s)) {
		method = SPAN_NONE;
		read_text(s, &method);
		m->generates = m->generates || scan_key_is(method, "generateContent");
		m->embeds = m->embeds || scan_key_is(method, "embedContent");
	}
}

static void
read_flag(struct scan *s, bool *out)
{
	if (scan_type(s) == SCAN_BOOL)
		scan_bool(s, out);
	else
		scan_skip(s, NULL);
}

static void
read_model(struct scan *s, struct found *f)
{
	struct span key;

	*f = (struct found){ .name = SPAN_NONE };
	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "name"))
			read_text(s, &f->name);
		else if (scan_key_is(key, "displayName"))
			read_text(s, &f->display_name);
		else if (scan_key_is(key, "inputTokenLimit"))
			read_int(s, &f->m.input_tokens);
		else if (scan_key_is(key, "outputTokenLimit"))
			read_int(s, &f->m.output_tokens);
		else if (scan_key_is(key, "supportedGenerationMethods"))
			read_methods(s, &f->m);
		else if (scan_key_is(key, "thinking"))
			read_flag(s, &f->m.thinks);
		else
			scan_skip(s, NULL);
	}
}

static void
tell_house(struct dialect_out *out, struct found *f)
{
	const struct dialect_house *h = out->house;
	struct buf name = BUF_INIT, display = BUF_INIT;

	scan_text(&name, f->name);
	scan_text(&display, f->display_name);
	f->m.name = model_bare(buf_span(&name));
	f->m.display_name = buf_span(&display);
	if (model_name_is_valid(f->m.name) && h != NULL && h->found_model != NULL)
		h->found_model(h->ctx, &f->m);
	buf_fini(&name);
	buf_fini(&display);
}

static void
take_models(struct dialect_out *out, struct scan *s)
{
	struct found f;

	if (!read_array(s))
		return;
	while (scan_item(s)) {
		read_model(s, &f);
		if (f.name.len > 0)
			tell_house(out, &f);
	}
}

static void
take_list(struct dialect_out *out, struct scan *s)
{
	struct span key;

	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "models"))
			take_models(out, s);
		else
			scan_skip(s, NULL);
	}
}

static void
models_encode(struct dialect_out *out, const struct chunk *k)
{
	struct scan s;
	struct found f;

	scan_init(&s, k->raw);
	if (out->call->op == OP_MODELS_LIST) {
		take_list(out, &s);
		return;
	}
	read_model(&s, &f);
	if (f.name.len == 0 || out->state != NULL)
		return;
	write_model(out->bytes, model_bare(out->call->model_asked), &f.m, out->created_s);
	out->state = out; /* something was written */
}

/* ---- answers ---- */

static bool
finish_list(struct dialect_out *out, struct err *e)
{
	struct search s = { .out = out->bytes, .created_s = out->created_s };

	buf_clear(out->bytes);
	buf_add_lit(out->bytes, "{\"object\":\"list\",\"data\":[");
	if (out->house != NULL && out->house->each_model != NULL)
		out->house->each_model(out->house->ctx, write_one, &s);
	buf_add_lit(out->bytes, "]}");
	if (s.count > 0)
		return true;
	buf_clear(out->bytes);
	return err_set(e, ERR_UPSTREAM, "the upstream answered with nothing in it");
}

static bool
models_finish(struct dialect_out *out, struct err *e)
{
	if (out->call->op == OP_MODELS_LIST)
		return finish_list(out, e);
	if (out->state != NULL)
		return true;
	if (house_has(out->house, model_bare(out->call->model_asked), out->bytes, out->created_s))
		return true;
	return err_set(e, ERR_UPSTREAM, "the upstream answered with nothing in it");
}

/* Whatever upstream's words, it is the model that is not there. */
static void
models_fail(struct dialect_out *out, const struct err *e)
{
	struct err told = *e;

	if (told.kind == ERR_NOT_FOUND && out->call->op == OP_MODEL_GET)
		told.kind = ERR_MODEL_NOT_FOUND;
	dialect_openai_fail(out, &told);
}

const struct dialect dialect_openai_models = {
	.name = "openai-models",
	.stream_type = "application/json",
	.decode = models_decode,
	.encode = models_encode,
	.finish = models_finish,
	.fail = models_fail,
};
