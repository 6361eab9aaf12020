/*
 * Legacy completions, OpenAI's: POST /v1/completions.  Pure, runs in workers; what is remembered
 * between chunks lies in the exchange's arena.
 *
 * Each prompt is what a user says, in a call of its own; the answer is its text, and nothing else.
 */
#include "dialect/dialect.h"

#include "base/rope.h"
#include "base/scan.h"
#include "dialect/openai_answer.h"
#include "dialect/openai_fields.h"
#include "dialect/openai_params.h"
#include "dialect/private.h"
#include "gemini/object.h"

#define PROMPTS_MAX 128

struct prompt {
	struct prompt *next;
	struct span text; /* escaped */
};

/* What the answer must know of the request: call.notes. */
struct completion_notes {
	bool include_usage;
	bool echo;
	struct prompt *prompts;
	size_t n; /* choices of each prompt */
};

struct completion_request {
	const struct dialect_request *req; /* borrowed, as are the next three */
	struct arena *arena;
	struct call *call;
	struct err *err;
	struct scan s;
	struct completion_notes *notes;
	struct openai_params params;
	struct span model;           /* escaped */
	struct span prompt;          /* raw */
	struct prompt **last_prompt; /* where the next one goes */
	size_t prompt_count;
	struct dialect_model found;
};

/* ---- reading ---- */

/* What users would miss; logprobs is a number here, and Gemini's are not of this kind. */
static bool
note_ignored(struct completion_request *r, struct span key)
{
	static const char *const names[] = { "suffix", "best_of", "logit_bias", "logprobs" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!scan_key_is(key, names[i]))
			continue;
		if (take_something(&r->s))
			dialect_ignore(r->call, r->arena, span_of(names[i]));
		return true;
	}
	return false;
}

static bool
read_member(void *ctx, struct span key)
{
	struct completion_request *r = ctx;
	bool known;

	if (scan_key_is(key, "model"))
		return openai_text_read(&r->s, "model", &r->model, r->err);
	if (scan_key_is(key, "prompt"))
		return scan_skip(&r->s, &r->prompt);
	if (scan_key_is(key, "stream"))
		return openai_flag_read(&r->s, "stream", false, &r->call->stream, r->err);
	if (scan_key_is(key, "stream_options"))
		return openai_stream_options_read(&r->s, &r->notes->include_usage, r->err);
	if (scan_key_is(key, "echo"))
		return openai_flag_read(&r->s, "echo", false, &r->notes->echo, r->err);
	if (note_ignored(r, key))
		return true;
	if (!openai_params_read(&r->params, &r->s, key, &known, r->err))
		return false;
	return known || scan_skip(&r->s, NULL);
}

static void
add_prompt(void *ctx, struct span escaped)
{
	struct completion_request *r = ctx;
	struct prompt *p = arena_alloc(r->arena, sizeof(*p));

	p->text = escaped;
	*r->last_prompt = p;
	r->last_prompt = &p->next;
	r->prompt_count++;
}

static bool
read_request(struct completion_request *r)
{
	return openai_body_read(&r->s, read_member, r, r->err) &&
	       openai_params_check(&r->params, r->err) &&
	       openai_model_find(r->req, r->call, r->arena, r->model, &r->found, r->err) &&
	       openai_texts_read(r->prompt, "prompt", PROMPTS_MAX, add_prompt, r, r->err);
}

/* ---- the calls ---- */

static struct span
make_config(struct completion_request *r)
{
	struct buf config = BUF_INIT;
	struct object_writer o;
	struct span made;

	object_begin(&o, &config);
	openai_params_write(&r->params, &r->found.facts, r->call, r->arena, &o);
	object_end(&o);
	made = arena_span(r->arena, buf_span(&config));
	buf_fini(&config);
	return made;
}

static struct body
make_body(const struct completion_request *r, const struct prompt *p, struct span config)
{
	struct rope rope = ROPE_INIT;
	struct body body;

	buf_add_lit(&rope.text, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"");
	rope_borrow(&rope, p->text);
	buf_add_lit(&rope.text, "\"}]}]");
	if (!span_is(config, "{}")) {
		buf_add_lit(&rope.text, ",\"generationConfig\":");
		buf_add_span(&rope.text, config);
	}
	if (r->found.searches)
		buf_add_lit(&rope.text, ",\"tools\":[{\"googleSearch\":{}}]");
	if (r->params.tier.len > 0) {
		buf_add_lit(&rope.text, ",\"serviceTier\":\"");
		buf_add_span(&rope.text, r->params.tier);
		buf_add_char(&rope.text, '"');
	}
	buf_add_char(&rope.text, '}');
	body = rope_body(&rope, r->arena);
	rope_fini(&rope);
	return body;
}

/* A model that gives one answer at a time is asked n times for each prompt. */
static void
write_bodies(struct completion_request *r)
{
	struct call *c = r->call;
	bool fans_out = openai_params_fan_out(&r->params, &r->found.facts);
	size_t n = openai_params_choices(&r->params), each = fans_out ? n : 1;
	struct span config = make_config(r);
	size_t i = 0;

	r->notes->n = n;
	c->choices = fans_out ? 1 : n;
	c->parts = r->prompt_count * each;
	c->bodies = arena_alloc(r->arena, c->parts * sizeof(*c->bodies));
	for (const struct prompt *p = r->notes->prompts; p != NULL; p = p->next) {
		struct body body = make_body(r, p, config);

		for (size_t k = 0; k < each; k++)
			c->bodies[i++] = body;
	}
}

static bool
completions_decode(
    const struct dialect_request *req, struct arena *arena, struct call *c, struct err *e)
{
	struct completion_request r = { .req = req, .arena = arena, .call = c, .err = e };

	*c = (struct call){ .op = OP_GENERATE,
		.parts = 1,
		.choices = 1,
		.server_timeout_ms = req->server_timeout_ms };
	r.notes = c->notes = arena_alloc(arena, sizeof(*r.notes));
	r.last_prompt = &r.notes->prompts;
	scan_init(&r.s, req->body);
	if (!read_request(&r))
		return false;
	write_bodies(&r);
	c->op = c->stream ? OP_STREAM : OP_GENERATE;
	c->framing = c->stream ? FRAMING_SSE : FRAMING_UNARY;
	return true;
}

/* ---- the answer ---- */

static const struct completion_notes *
notes_of(const struct dialect_out *out)
{
	return out->call->notes;
}

static struct openai_answer *
answer_of(struct dialect_out *out, struct span response_id)
{
	return out->state != NULL
		   ? out->state
		   : openai_answer_open(out, "cmpl-", "text_completion", response_id);
}

/* finish: NULL, or why it ended. */
static void
write_event(struct dialect_out *out, int64_t index, struct span text, const char *finish)
{
	const struct openai_answer *a = out->state;

	buf_add_lit(out->bytes, "data: ");
	buf_add_span(out->bytes, a->head);
	buf_add_lit(out->bytes, ",\"choices\":[{\"text\":\"");
	buf_add_span(out->bytes, text);
	buf_add_lit(out->bytes, "\",\"index\":");
	buf_add_int(out->bytes, index);
	buf_add_lit(out->bytes, ",\"logprobs\":null,\"finish_reason\":");
	if (finish != NULL)
		scan_quote(out->bytes, span_of(finish));
	else
		buf_add_lit(out->bytes, "null");
	buf_add_lit(out->bytes, "}]");
	if (notes_of(out)->include_usage)
		buf_add_lit(out->bytes, ",\"usage\":null");
	buf_add_lit(out->bytes, "}\n\n");
}

static void
tell_text(struct dialect_out *out, struct openai_choice *c, struct span text)
{
	if (text.len == 0)
		return;
	if (out->call->stream)
		write_event(out, c->index, text, NULL);
	else
		openai_pieces_add(&c->content, out->arena, text);
}

/* The prompt in front of its answer, where the client wants it there. */
static void
introduce(struct dialect_out *out, struct openai_choice *c)
{
	const struct completion_notes *notes = notes_of(out);
	const struct prompt *p = notes->prompts;

	if (c->introduced)
		return;
	c->introduced = true;
	if (!notes->echo)
		return;
	for (size_t i = (size_t)c->index / notes->n; i > 0 && p->next != NULL; i--)
		p = p->next;
	tell_text(out, c, p->text);
}

static void
tell_candidate(struct dialect_out *out, struct openai_answer *a, const struct candidate *k)
{
	struct openai_choice *c = openai_answer_choice(a, out->arena, k->index);

	introduce(out, c);
	for (size_t i = 0; i < k->part_count; i++)
		if (k->parts[i].kind == PART_TEXT && !k->parts[i].thought)
			tell_text(out, c, k->parts[i].text);
	openai_choice_ends(c, out->arena, k);
}

static void
tell_block(struct dialect_out *out, struct openai_answer *a, const struct chunk *k)
{
	int64_t index = (int64_t)(k->part * out->call->choices);
	struct openai_choice *c = openai_answer_choice(a, out->arena, index);

	openai_kept_set(&c->block_reason, out->arena, k->block_reason);
	if (!openai_blocks_are_errors(out))
		introduce(out, c);
}

static void
completions_encode(struct dialect_out *out, const struct chunk *k)
{
	struct openai_answer *a = answer_of(out, k->response_id);

	for (size_t i = 0; i < k->candidate_count; i++)
		if (openai_answer_takes(out, &k->candidates[i]))
			tell_candidate(out, a, &k->candidates[i]);
	if (k->block_reason.p != NULL)
		tell_block(out, a, k);
	usage_merge(&a->usage, &k->usage);
}

/* ---- the end ---- */

static void
finish_stream(struct dialect_out *out, const struct openai_answer *a)
{
	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next)
		write_event(out, c->index, SPAN(""), openai_choice_finish(c, "stop"));
	openai_answer_end_stream(out, notes_of(out)->include_usage);
}

static void
finish_whole(struct dialect_out *out, const struct openai_answer *a)
{
	struct buf *b = out->bytes;

	buf_add_span(b, a->head);
	buf_add_lit(b, ",\"choices\":[");
	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next) {
		buf_add_text(b, c == a->choices ? "{\"text\":\"" : ",{\"text\":\"");
		openai_pieces_write(&c->content, "", b);
		buf_add_lit(b, "\",\"index\":");
		buf_add_int(b, c->index);
		buf_add_lit(b, ",\"logprobs\":null,\"finish_reason\":");
		scan_quote(b, span_of(openai_choice_finish(c, "stop")));
		buf_add_char(b, '}');
	}
	buf_add_lit(b, "],\"usage\":");
	openai_usage_write(b, &a->usage);
	buf_add_char(b, '}');
}

static bool
completions_finish(struct dialect_out *out, struct err *e)
{
	const struct openai_answer *a = out->state;

	if (!openai_answer_check(out, e))
		return false;
	if (out->call->stream)
		finish_stream(out, a);
	else
		finish_whole(out, a);
	return true;
}

const struct dialect dialect_openai_completions = {
	.name = "openai-completions",
	.stream_type = "text/event-stream; charset=utf-8",
	.keeps_alive = true,
	.decode = completions_decode,
	.encode = completions_encode,
	.finish = completions_finish,
	.fail = openai_answer_fail,
	.keep_alive = openai_answer_keep_alive,
};
