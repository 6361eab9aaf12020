/*
 * Chat completions, the answer: chunks to bytes of OpenAI.  Pure, runs in workers; what is
 * remembered between chunks (openai_answer.h) lies in the exchange's arena.
 *
 * A stream's parts are written as they come.  A finish reason is held back to the end, since
 * older models put STOP on every chunk and newer ones send it behind their calls.  A plain
 * answer is gathered and written by finish, so that it may come in one chunk or in many.
 * Text stays in its escaped form all the way.
 */
#include "dialect/openai_chat.h"

#include <assert.h>
#include <sodium.h>
#include "base/scan.h"
#include "dialect/openai_answer.h"
#include "gemini/content.h"

#define CALL_ID_LETTERS 24

static const struct chat_notes *
notes_of(const struct dialect_out *out)
{
	return out->call->notes;
}

/* ---- the head ---- */

/* The same over the whole answer, hence made at its first chunk. */
static struct span
make_head(struct dialect_out *out, struct span response_id)
{
	struct buf b = BUF_INIT;
	struct object_writer o;
	struct span head;

	object_begin(&o, &b);
	object_key(&o, "id");
	buf_add_lit(&b, "\"chatcmpl-");
	if (response_id.len > 0)
		buf_add_span(&b, response_id);
	else
		buf_add_text(&b, out->request_id);
	buf_add_char(&b, '"');
	object_text(&o, "object",
	    out->call->stream ? SPAN("chat.completion.chunk") : SPAN("chat.completion"));
	object_int(&o, "created", out->created_s);
	object_text(&o, "model", out->call->model_asked);
	head = arena_span(out->arena, buf_span(&b));
	buf_fini(&b);
	return head;
}

static struct openai_answer *
answer_of(struct dialect_out *out, struct span response_id)
{
	struct openai_answer *a = out->state;

	if (a != NULL)
		return a;
	a = arena_alloc(out->arena, sizeof(*a));
	a->head = make_head(out, response_id);
	usage_init(&a->usage);
	out->state = a;
	return a;
}

/* ---- events ---- */

/* An event up to its delta, whose value the caller writes. */
static void
event_begin(struct dialect_out *out, const struct openai_choice *c)
{
	const struct openai_answer *a = out->state;

	buf_add_lit(out->bytes, "data: ");
	buf_add_span(out->bytes, a->head);
	buf_add_lit(out->bytes, ",\"choices\":[{\"index\":");
	buf_add_int(out->bytes, c->index);
	buf_add_lit(out->bytes, ",\"delta\":");
}

/* finish: NULL, or the finish reason.  logprobs: items, may be empty. */
static void
event_end(struct dialect_out *out, struct span logprobs, const char *finish)
{
	if (logprobs.len > 0) {
		buf_add_lit(out->bytes, ",\"logprobs\":{\"content\":[");
		buf_add_span(out->bytes, logprobs);
		buf_add_lit(out->bytes, "],\"refusal\":null}");
	}
	buf_add_lit(out->bytes, ",\"finish_reason\":");
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
event_text(struct dialect_out *out, const struct openai_choice *c, const char *key,
    struct span escaped, struct span logprobs)
{
	struct object_writer o;

	event_begin(out, c);
	object_begin(&o, out->bytes);
	object_escaped(&o, key, escaped);
	object_end(&o);
	event_end(out, logprobs, NULL);
}

/* A delta with a list of one. */
static void
event_item(
    struct dialect_out *out, const struct openai_choice *c, const char *key, struct span json)
{
	struct object_writer o;

	event_begin(out, c);
	object_begin(&o, out->bytes);
	object_key(&o, key);
	buf_add_char(out->bytes, '[');
	buf_add_span(out->bytes, json);
	buf_add_char(out->bytes, ']');
	object_end(&o);
	event_end(out, SPAN_NONE, NULL);
}

static void
introduce(struct dialect_out *out, struct openai_choice *c)
{
	if (c->introduced || !out->call->stream)
		return;
	c->introduced = true;
	event_begin(out, c);
	buf_add_lit(out->bytes, "{\"role\":\"assistant\",\"content\":\"\"}");
	event_end(out, SPAN_NONE, NULL);
}

/* ---- parts ---- */

static void
tell_text(
    struct dialect_out *out, struct openai_choice *c, struct span escaped, struct span *logprobs)
{
	if (escaped.len == 0)
		return;
	if (!out->call->stream) {
		openai_pieces_add(&c->content, out->arena, escaped);
		return;
	}
	event_text(out, c, "content", escaped, *logprobs);
	*logprobs = SPAN_NONE;
}

static void
tell_thought(struct dialect_out *out, struct openai_choice *c, struct span escaped)
{
	if (escaped.len == 0)
		return;
	if (out->call->stream)
		event_text(out, c, "reasoning_content", escaped, SPAN_NONE);
	else
		openai_pieces_add(&c->reasoning, out->arena, escaped);
}

/* An id that no other call of anyone has: clients bring it back with the result. */
static void
add_call_id(struct buf *b, const struct dialect_out *out, const struct openai_choice *c)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	const struct openai_answer *a = out->state;
	unsigned char hash[CALL_ID_LETTERS];
	struct buf seed = BUF_INIT;

	buf_printf(&seed, "%s %lld %lld ", out->request_id ? out->request_id : "",
	    (long long)c->index, (long long)c->calls);
	buf_add_span(&seed, a->head);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)seed.data, seed.len, NULL, 0);
	buf_fini(&seed);
	buf_add_lit(b, "call_");
	for (size_t i = 0; i < sizeof(hash); i++)
		buf_add_char(b, letters[hash[i] % 32]);
}

/* JSON without its white space, as the text of a JSON string. */
static void
add_compact_quoted(struct buf *b, struct span json)
{
	bool in_string = false;

	buf_add_char(b, '"');
	for (size_t i = 0; i < json.len; i++) {
		char c = json.p[i];

		if (!in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
			continue;
		if (c == '"' || c == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, c);
		if (c == '"')
			in_string = !in_string;
		if (c == '\\') { /* validated: something follows */
			c = json.p[++i];
			if (c == '"' || c == '\\')
				buf_add_char(b, '\\');
			buf_add_char(b, c);
		}
	}
	buf_add_char(b, '"');
}

static void
write_call(
    struct buf *b, struct dialect_out *out, const struct openai_choice *c, const struct part *p)
{
	struct object_writer o, function;

	object_begin(&o, b);
	if (out->call->stream)
		object_int(&o, "index", c->calls);
	object_key(&o, "id");
	buf_add_char(b, '"');
	add_call_id(b, out, c);
	buf_add_char(b, '"');
	object_text(&o, "type", SPAN("function"));
	object_key(&o, "function");
	object_begin(&function, b);
	object_escaped(&function, "name", p->name);
	object_key(&function, "arguments");
	add_compact_quoted(b, p->args.p != NULL ? p->args : SPAN("{}"));
	object_end(&function);
	if (p->signature.len > 0) {
		object_key(&o, "extra_content");
		buf_add_lit(b, "{\"google\":{\"thought_signature\":\"");
		buf_add_span(b, p->signature);
		buf_add_lit(b, "\"}}");
	}
	object_end(&o);
}

static void
write_picture(struct buf *b, const struct openai_choice *c, const struct part *p)
{
	buf_add_lit(b, "{\"type\":\"image_url\",\"index\":");
	buf_add_int(b, c->images);
	buf_add_lit(b, ",\"image_url\":{\"url\":\"data:");
	buf_add_span(b, p->mime);
	buf_add_lit(b, ";base64,");
	buf_add_span(b, p->data);
	buf_add_lit(b, "\"}}");
}

static void
tell_item(struct dialect_out *out, struct openai_choice *c, const struct part *p)
{
	bool is_call = p->kind == PART_FUNCTION_CALL;
	struct buf b = BUF_INIT;

	if (is_call)
		write_call(&b, out, c, p);
	else
		write_picture(&b, c, p);
	if (out->call->stream)
		event_item(out, c, is_call ? "tool_calls" : "images", buf_span(&b));
	else
		openai_pieces_add(
		    is_call ? &c->tool_calls : &c->pictures, out->arena, buf_span(&b));
	buf_fini(&b);
	if (is_call)
		c->calls++;
	else
		c->images++;
}

/* Code that Google ran, and what came of it, are part of the text. */
static void
tell_code(
    struct dialect_out *out, struct openai_choice *c, const struct part *p, struct span *logprobs)
{
	struct buf b = BUF_INIT;

	buf_add_text(&b, p->kind == PART_CODE ? "\\n```python\\n" : "\\n```\\n");
	buf_add_span(&b, p->text);
	buf_add_lit(&b, "\\n```\\n");
	tell_text(out, c, buf_span(&b), logprobs);
	buf_fini(&b);
}

static void
tell_part(
    struct dialect_out *out, struct openai_choice *c, const struct part *p, struct span *logprobs)
{
	switch (p->kind) {
	case PART_TEXT:
		if (p->thought)
			tell_thought(out, c, p->text);
		else
			tell_text(out, c, p->text, logprobs);
		return;
	case PART_FUNCTION_CALL:
	case PART_INLINE_DATA:
		tell_item(out, c, p);
		return;
	case PART_CODE:
	case PART_CODE_RESULT:
		tell_code(out, c, p, logprobs);
		return;
	case PART_OTHER:
		return; /* nothing that this dialect could show */
	}
}

/* ---- chunks ---- */

static void
tell_candidate(struct dialect_out *out, struct openai_answer *a, const struct candidate *k)
{
	struct openai_choice *c = openai_answer_choice(a, out->arena, k->index);
	struct buf items = BUF_INIT;
	struct span logprobs;

	introduce(out, c);
	if (notes_of(out)->logprobs && k->logprobs.p != NULL)
		openai_logprobs_write(&items, k->logprobs);
	logprobs = buf_span(&items);
	for (size_t i = 0; i < k->part_count; i++)
		tell_part(out, c, &k->parts[i], &logprobs);
	if (logprobs.len > 0 && !out->call->stream)
		openai_pieces_add(&c->logprobs, out->arena, logprobs);
	else if (logprobs.len > 0)
		event_text(out, c, "content", SPAN_NONE, logprobs);
	/* Older models repeat it on each chunk. */
	if (k->finish_reason.p != NULL && !span_eq(k->finish_reason, c->finish))
		c->finish = arena_span(out->arena, k->finish_reason);
	if (k->finish_message.p != NULL)
		c->finish_message = arena_span(out->arena, k->finish_message);
	buf_fini(&items);
}

static void
tell_block(struct dialect_out *out, struct openai_answer *a, struct span reason)
{
	struct openai_choice *c = openai_answer_choice(a, out->arena, 0);

	if (c->blocked)
		return;
	c->blocked = true;
	a->block_reason = arena_span(out->arena, reason);
	introduce(out, c);
	if (!out->call->stream)
		return;
	event_begin(out, c);
	buf_add_lit(out->bytes, "{\"refusal\":");
	openai_refusal_write(out->bytes, a);
	buf_add_char(out->bytes, '}');
	event_end(out, SPAN_NONE, NULL);
}

static void
chat_encode(struct dialect_out *out, const struct chunk *k)
{
	struct openai_answer *a = answer_of(out, k->response_id);

	assert(k->error.p == NULL);
	for (size_t i = 0; i < k->candidate_count; i++)
		tell_candidate(out, a, &k->candidates[i]);
	if (k->block_reason.p != NULL)
		tell_block(out, a, k->block_reason);
	usage_merge(&a->usage, &k->usage);
}

/* ---- the end ---- */

static void
finish_stream(struct dialect_out *out, const struct openai_answer *a)
{
	struct object_writer o;

	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next) {
		event_begin(out, c);
		object_begin(&o, out->bytes);
		openai_choice_native(&o, c);
		object_end(&o);
		event_end(out, SPAN_NONE, openai_choice_finish(c));
	}
	if (notes_of(out)->include_usage) {
		buf_add_lit(out->bytes, "data: ");
		buf_add_span(out->bytes, a->head);
		buf_add_lit(out->bytes, ",\"choices\":[],\"usage\":");
		openai_usage_write(out->bytes, &a->usage);
		buf_add_lit(out->bytes, "}\n\n");
	}
	buf_add_lit(out->bytes, "data: [DONE]\n\n");
}

static bool
chat_finish(struct dialect_out *out, struct err *e)
{
	const struct openai_answer *a = out->state;

	if (a == NULL || a->choices == NULL)
		return err_set(e, ERR_UPSTREAM, "the upstream answered with nothing in it");
	if (operation_streams(out->call->op) && openai_answer_is_cut(a))
		return err_set(e, ERR_UPSTREAM, "the upstream broke off before its answer's end");
	if (out->call->stream)
		finish_stream(out, a);
	else
		openai_answer_write(a, out->bytes);
	return true;
}

static void
chat_keep_alive(struct dialect_out *out)
{
	sse_comment(out->bytes, "keep-alive");
}

const struct dialect dialect_openai_chat = {
	.name = "openai-chat",
	.stream_type = "text/event-stream; charset=utf-8",
	.keeps_alive = true,
	.decode = openai_chat_decode,
	.encode = chat_encode,
	.finish = chat_finish,
	.fail = dialect_openai_fail,
	.keep_alive = chat_keep_alive,
};
