/*
 * Chat completions, the request: JSON of OpenAI to a call.  Pure, runs in workers; owns the
 * body under way while it decodes.
 *
 * The request is walked once and no tree is built.  What would change the answer's meaning and
 * is not translated is refused with its path; what has no effect is noted where a user would
 * expect one.
 */
#include "dialect/openai_chat.h"

#include "base/scan.h"
#include "dialect/openai_messages.h"
#include "dialect/openai_params.h"
#include "dialect/private.h"
#include "gemini/model.h"

struct reading {
	struct scan s;
	struct arena *arena; /* borrowed */
	struct call *call;
	struct err *err;
	struct chat_notes *notes;        /* in the arena */
	struct openai_messages messages; /* owned */
	struct openai_params params;
	struct span model; /* escaped */
};

/* ---- fields of the request ---- */

static bool
read_model(struct reading *r, const char *name)
{
	r->model = SPAN_NONE;
	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) != SCAN_STRING)
		return refuse(r->err, "must be a string", "%s", name);
	return scan_string(&r->s, &r->model);
}

static bool
read_messages(struct reading *r, const char *name)
{
	(void)name;
	return openai_messages_read(&r->messages, &r->s, r->err);
}

static bool
read_flag(struct reading *r, const char *name, bool *out)
{
	*out = false;
	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) != SCAN_BOOL)
		return refuse(r->err, "must be true or false", "%s", name);
	return scan_bool(&r->s, out);
}

static bool
read_stream(struct reading *r, const char *name)
{
	return read_flag(r, name, &r->call->stream);
}

static bool
read_stream_options(struct reading *r, const char *name)
{
	struct span key;

	r->notes->include_usage = false;
	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) != SCAN_OBJECT)
		return refuse(r->err, "must be an object", "%s", name);
	scan_object(&r->s);
	while (scan_member(&r->s, &key)) {
		if (!scan_key_is(key, "include_usage"))
			scan_skip(&r->s, NULL);
		else if (!read_flag(r, "stream_options.include_usage", &r->notes->include_usage))
			return false;
	}
	return true;
}

static bool
refuse_something(struct reading *r, const char *name)
{
	return !take_something(&r->s) || refuse(r->err, UNSUPPORTED, "%s", name);
}

/* Without tools, to leave the choice and to forbid them come to the same. */
static bool
refuse_choice(struct reading *r, const char *name)
{
	struct span choice;

	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) == SCAN_STRING && scan_string(&r->s, &choice) &&
	    (scan_key_is(choice, "none") || scan_key_is(choice, "auto")))
		return true;
	return refuse(r->err, UNSUPPORTED, "%s", name);
}

static bool
read_modalities(struct reading *r, const char *name)
{
	struct span modality;

	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) != SCAN_ARRAY)
		return refuse(r->err, "must be a list", "%s", name);
	scan_array(&r->s);
	for (size_t i = 0; scan_item(&r->s); i++) {
		if (scan_type(&r->s) != SCAN_STRING)
			return refuse(r->err, "must be a string", "%s[%zu]", name, i);
		if (scan_string(&r->s, &modality) && !scan_key_is(modality, "text"))
			return refuse(r->err, UNSUPPORTED, "%s[%zu]", name, i);
	}
	return true;
}

static bool
note_ignored(struct reading *r, const char *name)
{
	if (take_something(&r->s))
		dialect_ignore(r->call, r->arena, span_of(name));
	return true;
}

/* {} asks for a search as well. */
static bool
note_search(struct reading *r, const char *name)
{
	if (take_null(&r->s))
		return true;
	dialect_ignore(r->call, r->arena, span_of(name));
	return scan_skip(&r->s, NULL);
}

/* true is what happens anyway. */
static bool
note_parallel(struct reading *r, const char *name)
{
	bool parallel;

	if (scan_type(&r->s) != SCAN_BOOL)
		return scan_skip(&r->s, NULL);
	if (scan_bool(&r->s, &parallel) && !parallel)
		dialect_ignore(r->call, r->arena, span_of(name));
	return true;
}

/* The other tiers are the one that Gemini has for everyone. */
static bool
note_tier(struct reading *r, const char *name)
{
	struct span tier;

	if (scan_type(&r->s) != SCAN_STRING)
		return scan_skip(&r->s, NULL);
	if (scan_string(&r->s, &tier) &&
	    (scan_key_is(tier, "flex") || scan_key_is(tier, "priority")))
		dialect_ignore(r->call, r->arena, span_of(name));
	return true;
}

/* What is neither here nor a parameter has no effect that anyone would miss. */
static const struct field {
	const char *name;
	bool (*read)(struct reading *, const char *name);
} fields[] = {
	{ "model", read_model },
	{ "messages", read_messages },
	{ "stream", read_stream },
	{ "stream_options", read_stream_options },
	{ "tools", refuse_something },
	{ "functions", refuse_something },
	{ "tool_choice", refuse_choice },
	{ "function_call", refuse_choice },
	{ "modalities", read_modalities },
	{ "audio", refuse_something },
	{ "parallel_tool_calls", note_parallel },
	{ "service_tier", note_tier },
	{ "reasoning_effort", note_ignored },
	{ "verbosity", note_ignored },
	{ "logit_bias", note_ignored },
	{ "prediction", note_ignored },
	{ "web_search_options", note_search },
	{ "extra_body", note_ignored },
	{ "google", note_ignored },
};

static bool
read_field(struct reading *r, struct span key)
{
	bool known;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (scan_key_is(key, fields[i].name))
			return fields[i].read(r, fields[i].name);
	if (!openai_params_read(&r->params, &r->s, key, &known, r->err))
		return false;
	if (!known)
		scan_skip(&r->s, NULL);
	return true;
}

/* ---- the request ---- */

static bool
walk(struct reading *r)
{
	struct span key;
	bool ok = true;

	if (scan_type(&r->s) != SCAN_OBJECT && r->s.fault == NULL)
		return err_set(r->err, ERR_BAD_REQUEST, "the body must be a JSON object");
	if (scan_object(&r->s))
		while (ok && scan_member(&r->s, &key))
			ok = read_field(r, key);
	/* Text that is not JSON is that first of all. */
	if (r->s.fault == NULL && !ok)
		return false;
	if (!scan_end(&r->s))
		return err_set(r->err, ERR_BAD_REQUEST, "the body is not JSON: %s at byte %zu",
		    r->s.fault, r->s.fault_at);
	return true;
}

static bool
name_model(struct reading *r)
{
	struct buf plain = BUF_INIT;
	struct span asked = r->model;

	if (scan_has_escape(asked)) {
		scan_text(&plain, asked);
		asked = arena_span(r->arena, buf_span(&plain));
		buf_fini(&plain);
	}
	return dialect_model(r->call, asked, r->err);
}

static void
write_config(struct reading *r)
{
	struct buf config = BUF_INIT;

	openai_params_write(&r->params, model_facts(r->call->model).output_token_limit, &config);
	if (!span_is(buf_span(&config), "{}")) {
		buf_add_lit(&r->messages.body, ",\"generationConfig\":");
		buf_add_span(&r->messages.body, buf_span(&config));
	}
	buf_fini(&config);
}

static bool
finish(struct reading *r)
{
	if (!name_model(r))
		return false;
	if (!openai_messages_end(&r->messages, r->err) || !openai_params_check(&r->params, r->err))
		return false;
	write_config(r);
	buf_add_char(&r->messages.body, '}');
	r->notes->logprobs = r->params.logprobs;
	r->call->op = r->call->stream ? OP_STREAM : OP_GENERATE;
	r->call->framing = r->call->stream ? FRAMING_SSE : FRAMING_UNARY;
	r->call->body = arena_span(r->arena, buf_span(&r->messages.body));
	return true;
}

bool
openai_chat_decode(
    const struct dialect_request *req, struct arena *arena, struct call *c, struct err *e)
{
	struct reading r = { .arena = arena, .call = c, .err = e };
	bool ok;

	*c = (struct call){ .op = OP_GENERATE, .server_timeout_ms = req->server_timeout_ms };
	r.notes = c->notes = arena_alloc(arena, sizeof(*r.notes));
	scan_init(&r.s, req->body);
	ok = walk(&r) && finish(&r);
	openai_messages_fini(&r.messages);
	return ok;
}
