/*
 * Chat completions, the request: JSON of OpenAI to a call.  Pure, runs in workers; owns what is
 * not in the arena while it decodes.
 *
 * The body is walked once and no tree is built: that proves it to be JSON, reads its fields into
 * what the rooms beside this one make of them, and leaves the messages as they stand.  Then, with
 * the model known, everything is told to it in its own words.  What cannot be said at all is noted
 * where a user would expect an effect.
 */
#include "dialect/openai_chat.h"

#include "base/rope.h"
#include "base/scan.h"
#include "dialect/openai_extra.h"
#include "dialect/openai_fields.h"
#include "dialect/openai_format.h"
#include "dialect/openai_messages.h"
#include "dialect/openai_params.h"
#include "dialect/openai_thinking.h"
#include "dialect/overlay.h"
#include "dialect/private.h"
#include "dialect/turns.h"
#include "gemini/read.h"

struct reading {
	const struct dialect_request *req; /* borrowed, as are the next four */
	const struct dialect_options *options;
	struct arena *arena;
	struct call *call;
	struct err *err;
	struct scan s;
	struct chat_notes *notes;   /* in the arena */
	struct openai_tools *tools; /* in the arena: the answer speaks of them */
	struct openai_params params;
	struct openai_format format;
	struct openai_thinking thinking;
	struct openai_extra extra;
	struct span model;    /* escaped */
	struct span messages; /* raw; p == NULL: none */
	bool wants_search;    /* web_search_options */
	struct dialect_model found;
	struct turns *turns;    /* owned, as are the buffers */
	const char *resolution; /* of the images in the messages */
	struct buf tools_json;  /* ,"tools":...,"toolConfig":... */
	struct buf config;      /* generationConfig */
	struct buf instruction; /* to the system, escaped: what there is no field for */
};

/* ---- fields of the request ---- */

static bool
read_model(struct reading *r, const char *name)
{
	return openai_text_read(&r->s, name, &r->model, r->err);
}

static bool
keep_messages(struct reading *r, const char *name)
{
	(void)name;
	r->messages = SPAN_NONE;
	return take_null(&r->s) || scan_skip(&r->s, &r->messages);
}

static bool
read_stream(struct reading *r, const char *name)
{
	return openai_flag_read(&r->s, name, false, &r->call->stream, r->err);
}

static bool
read_stream_options(struct reading *r, const char *name)
{
	(void)name;
	return openai_stream_options_read(&r->s, &r->notes->include_usage, r->err);
}

static bool
read_parallel(struct reading *r, const char *name)
{
	bool parallel;

	if (!openai_flag_read(&r->s, name, true, &parallel, r->err))
		return false;
	r->notes->one_call = !parallel;
	return true;
}

static bool
read_tools(struct reading *r, const char *name)
{
	return openai_tools_read(r->tools, &r->s, name, r->arena, r->err);
}

static bool
read_functions(struct reading *r, const char *name)
{
	(void)name;
	return openai_functions_read(r->tools, &r->s, r->arena, r->err);
}

static bool
read_choice(struct reading *r, const char *name)
{
	return openai_choice_read(r->tools, &r->s, name, r->arena, r->err);
}

static bool
read_search(struct reading *r, const char *name)
{
	(void)name;
	if (!openai_search_read(r->tools, &r->s, r->arena, r->err))
		return false;
	r->wants_search = r->tools->searches;
	return true;
}

static bool
read_format(struct reading *r, const char *name)
{
	(void)name;
	return openai_format_read(&r->format, &r->s, r->err);
}

static bool
read_effort(struct reading *r, const char *name)
{
	(void)name;
	return openai_effort_read(&r->thinking, &r->s, r->err);
}

static bool
read_extra_body(struct reading *r, const char *name)
{
	(void)name;
	return openai_extra_body_read(&r->extra, &r->thinking, &r->s, r->arena, r->call, r->err);
}

static bool
read_google(struct reading *r, const char *name)
{
	(void)name;
	return openai_extra_read(&r->extra, &r->thinking, &r->s, r->arena, r->call, r->err);
}

static bool
note_ignored(struct reading *r, const char *name)
{
	if (take_something(&r->s))
		dialect_ignore(r->call, r->arena, span_of(name));
	return true;
}

/* What is neither here nor a parameter has no effect that anyone would miss. */
static const struct field {
	const char *name;
	bool (*read)(struct reading *, const char *name);
} fields[] = {
	{ "model", read_model },
	{ "messages", keep_messages },
	{ "stream", read_stream },
	{ "stream_options", read_stream_options },
	{ "tools", read_tools },
	{ "functions", read_functions },
	{ "tool_choice", read_choice },
	{ "function_call", read_choice },
	{ "parallel_tool_calls", read_parallel },
	{ "web_search_options", read_search },
	{ "response_format", read_format },
	{ "reasoning_effort", read_effort },
	{ "extra_body", read_extra_body },
	{ "google", read_google },
	{ "verbosity", note_ignored },
	{ "logit_bias", note_ignored },
	{ "prediction", note_ignored },
};

static bool
read_field(void *ctx, struct span key)
{
	struct reading *r = ctx;
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

/* ---- what only makes sense together ---- */

static bool
is_of_system(struct scan *s)
{
	struct span key, role = SPAN_NONE;

	if (!read_object(s))
		return false;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "role"))
			read_text(s, &role);
		else
			scan_skip(s, NULL);
	}
	return scan_key_is(role, "system") || scan_key_is(role, "developer");
}

/* The message that would become a system instruction; -1: none does. */
static int
find_instruction(const struct reading *r)
{
	struct scan s;
	int at = -1;
	bool others = false;

	scan_init(&s, r->messages);
	if (r->messages.p == NULL || !read_array(&s))
		return -1;
	for (int i = 0; scan_item(&s); i++) {
		if (!is_of_system(&s))
			others = true;
		else if (at < 0 && (i == 0 || r->options->late_system == LATE_SYSTEM_HOIST))
			at = i;
	}
	return others ? at : -1; /* alone they are the user's turn */
}

/* System instruction and tools lie in the cache with what else is cached; Gemini refuses a second
 * set beside them. */
static bool
check_cached(const struct reading *r)
{
	static const char words[] = "cannot stand beside cached_content, which has its own";
	int at;

	if (r->extra.cached_content.len == 0)
		return true;
	if (r->tools->count > 0)
		return refuse(r->err, words, "%s", r->tools->legacy ? "functions" : "tools");
	if (r->tools->search_tool)
		return refuse(r->err, words, "tools");
	if (r->tools->choice_field != NULL)
		return refuse(r->err, words, "%s", r->tools->choice_field);
	if (r->wants_search)
		return refuse(r->err, words, "web_search_options");
	if (r->extra.tools.len > 0)
		return refuse(r->err, words, "%s.tools", r->extra.field);
	at = find_instruction(r);
	return at < 0 || refuse(r->err, words, "messages[%d]", at);
}

/* NAME-search asks for a search as web_search_options does. */
static bool
settle_tools(struct reading *r)
{
	if (r->found.searches && r->extra.cached_content.len > 0)
		dialect_ignore(r->call, r->arena, SPAN("model"));
	else
		r->tools->searches = r->wants_search || r->found.searches;
	r->tools->extra = r->extra.tools;
	return openai_tools_check(r->tools, r->err);
}

static bool
check(struct reading *r)
{
	return openai_params_check(&r->params, r->err) &&
	       openai_thinking_check(&r->thinking, r->err) && check_cached(r) && settle_tools(r);
}

/* ---- translating ---- */

static void
note_search_dropped(struct reading *r)
{
	if (r->wants_search)
		dialect_ignore(r->call, r->arena, SPAN("web_search_options"));
	if (r->tools->search_tool)
		dialect_ignore(r->call, r->arena, SPAN("web_search"));
	if (r->found.searches)
		dialect_ignore(r->call, r->arena, SPAN("model"));
}

static bool
write_tools(struct reading *r)
{
	bool dropped_search = false;

	if (!openai_tools_write(
		r->tools, &r->found.facts, r->arena, &r->tools_json, &dropped_search, r->err))
		return false;
	if (dropped_search)
		note_search_dropped(r);
	for (size_t i = 0; i < r->tools->ignored_count; i++)
		dialect_ignore(r->call, r->arena, span_of(r->tools->ignored[i]));
	return true;
}

static bool
read_messages(struct reading *r)
{
	r->turns = turns_new(r->arena, r->req->house, &r->found, r->options->late_system);
	return openai_messages_read(r->messages, r->req, r->arena, r->call, &r->found, r->tools,
	    r->turns, &r->resolution, r->err);
}

static bool
has_tools(const struct reading *r)
{
	return r->tools->count > 0 || r->tools->searches || r->tools->search_tool ||
	       r->tools->extra.len > 0;
}

static bool
write_config(struct reading *r)
{
	const struct model_facts *facts = &r->found.facts;
	struct buf ours = BUF_INIT;
	struct object_writer o;
	bool ok;

	object_begin(&o, &ours);
	openai_params_write(&r->params, facts, r->call, r->arena, &o);
	ok = openai_format_write(
	    &r->format, facts, has_tools(r), r->call, r->arena, &o, &r->instruction, r->err);
	openai_thinking_write(&r->thinking, facts, r->options->thoughts, r->call, r->arena, &o);
	openai_extra_write(&r->extra, facts, r->resolution, r->call, r->arena, &o);
	object_end(&o);
	if (ok)
		openai_extra_merge(
		    &r->extra, facts, buf_span(&ours), r->call, r->arena, &r->config);
	buf_fini(&ours);
	return ok;
}

/* The system's words lie in the cache too: none can be added. */
static void
instruct(struct reading *r)
{
	if (r->instruction.len == 0)
		return;
	if (r->extra.cached_content.len > 0)
		dialect_ignore(r->call, r->arena, SPAN("response_format"));
	else
		turns_instruct(r->turns, arena_span(r->arena, buf_span(&r->instruction)));
}

/* The members of tools_json, with one more in toolConfig. */
static void
add_tools(struct reading *r, struct buf *out)
{
	static const char streams[] =
	    "{\"toolConfig\":{\"functionCallingConfig\":{\"streamFunctionCallArguments\":true}}}";
	struct buf written = BUF_INIT, merged = BUF_INIT;

	if (r->tools_json.len == 0 || !r->extra.stream_arguments) {
		buf_add_span(out, buf_span(&r->tools_json));
		return;
	}
	buf_printf(&written, "{%s}", buf_text(&r->tools_json) + 1);
	overlay_write(buf_span(&written), span_of(streams), NULL, NULL, &merged);
	buf_add_char(out, ',');
	buf_add(out, merged.data + 1, merged.len - 2);
	buf_fini(&merged);
	buf_fini(&written);
}

static void
add_rest(struct reading *r, struct buf *out)
{
	add_tools(r, out);
	if (!span_is(buf_span(&r->config), "{}")) {
		buf_add_lit(out, ",\"generationConfig\":");
		buf_add_span(out, buf_span(&r->config));
	}
	openai_extra_safety(&r->extra, r->options->safety_default, out);
	if (r->extra.cached_content.len > 0) {
		buf_add_lit(out, ",\"cachedContent\":\"");
		buf_add_span(out, r->extra.cached_content);
		buf_add_char(out, '"');
	}
	if (r->params.tier.len > 0) {
		buf_add_lit(out, ",\"serviceTier\":\"");
		buf_add_span(out, r->params.tier);
		buf_add_char(out, '"');
	}
}

/* As many bodies as the model has to be asked for one answer each; they are all the same, and so
 * are their pieces: media that is still to come is there for all. */
static void
set_bodies(struct reading *r, struct body body)
{
	struct call *c = r->call;
	bool fans_out = openai_params_fan_out(&r->params, &r->found.facts);

	c->parts = fans_out ? openai_params_choices(&r->params) : 1;
	c->choices = fans_out ? 1 : openai_params_choices(&r->params);
	c->bodies = arena_alloc(r->arena, c->parts * sizeof(*c->bodies));
	for (size_t i = 0; i < c->parts; i++)
		c->bodies[i] = body;
}

static void
write_body(struct reading *r)
{
	struct rope body = ROPE_INIT;

	buf_add_char(&body.text, '{');
	turns_write(r->turns, &body);
	add_rest(r, &body.text);
	buf_add_char(&body.text, '}');
	set_bodies(r, rope_body(&body, r->arena));
	rope_fini(&body);
}

static void
set_notes(struct reading *r)
{
	struct chat_notes *n = r->notes;

	n->logprobs = r->params.logprobs;
	n->raw_audio = openai_params_raw_audio(&r->params);
	n->thought_tag = r->extra.thought_tag;
	n->tools = r->tools->count > 0 ? r->tools : NULL;
	r->call->op = r->call->stream ? OP_STREAM : OP_GENERATE;
	r->call->framing = r->call->stream ? FRAMING_SSE : FRAMING_UNARY;
}

/* Tools come before the messages, whose calls go by their names, and both before the rest, which
 * depends on what they hold. */
static bool
translate(struct reading *r)
{
	if (!openai_model_find(r->req, r->call, r->arena, r->model, &r->found, r->err) || !check(r))
		return false;
	if (!write_tools(r) || !read_messages(r) || !write_config(r))
		return false;
	instruct(r);
	write_body(r);
	set_notes(r);
	return true;
}

bool
openai_chat_decode(
    const struct dialect_request *req, struct arena *arena, struct call *c, struct err *e)
{
	struct reading r = { .req = req,
		.options = dialect_options_of(req->options),
		.arena = arena,
		.call = c,
		.err = e };
	bool ok;

	*c = (struct call){ .op = OP_GENERATE,
		.parts = 1,
		.choices = 1,
		.server_timeout_ms = req->server_timeout_ms };
	r.notes = c->notes = arena_alloc(arena, sizeof(*r.notes));
	r.tools = arena_alloc(arena, sizeof(*r.tools));
	r.tools->drop_unknown = r.options->drop_unknown_tools;
	scan_init(&r.s, req->body);
	ok = openai_body_read(&r.s, read_field, &r, e) && translate(&r);
	turns_free(&r.turns);
	buf_fini(&r.tools_json);
	buf_fini(&r.config);
	buf_fini(&r.instruction);
	return ok;
}
