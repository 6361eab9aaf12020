/*
 * Chat completions, the answer: chunks to bytes of OpenAI.  Pure, runs in workers; what is
 * remembered between chunks (openai_answer.h) lies in the exchange's arena.
 *
 * A stream's parts are written as they come.  A finish reason is held back to the end, since
 * older models put STOP on every chunk and newer ones send it behind their calls; so are
 * citations, which count in the whole text, and a text's signature, since clients join what a
 * stream says twice of one name.  A plain answer is gathered and written by finish, so that it
 * may come in one chunk or in many.  Text stays in its escaped form all the way.
 */
#include "dialect/openai_chat.h"

#include <assert.h>
#include "base/scan.h"
#include "dialect/openai_answer.h"
#include "dialect/openai_teller.h"
#include "gemini/object.h"

static const struct chat_notes *
notes_of(const struct dialect_out *out)
{
	return out->call->notes;
}

/* ---- the answer ---- */

static struct span
make_tag(struct dialect_out *out, const char *before)
{
	struct buf b = BUF_INIT;
	struct span tag;

	buf_add_text(&b, before);
	openai_text_escape(&b, notes_of(out)->thought_tag);
	buf_add_char(&b, '>');
	tag = arena_span(out->arena, buf_span(&b));
	buf_fini(&b);
	return tag;
}

static struct openai_answer *
answer_of(struct dialect_out *out, struct span response_id)
{
	struct openai_answer *a = out->state;

	if (a != NULL)
		return a;
	a = openai_answer_open(out, "chatcmpl-",
	    out->call->stream ? "chat.completion.chunk" : "chat.completion", response_id);
	if (notes_of(out)->thought_tag.len > 0) {
		a->tag_open = make_tag(out, "<");
		a->tag_close = make_tag(out, "</");
	}
	return a;
}

/* ---- chunks ---- */

static void
tell_candidate(struct dialect_out *out, struct openai_answer *a, const struct candidate *k)
{
	struct openai_choice *c = openai_answer_choice(a, out->arena, k->index);
	struct openai_teller t = { .out = out, .choice = c };
	struct buf items = BUF_INIT;

	openai_tell_role(&t);
	if (notes_of(out)->logprobs && k->logprobs.p != NULL)
		openai_logprobs_write(&items, k->logprobs);
	t.logprobs = buf_span(&items);
	for (size_t i = 0; i < k->part_count; i++) {
		openai_citations_part(&c->citations, out->arena, &k->parts[i], i == 0);
		openai_tell_part(&t, &k->parts[i]);
	}
	openai_tell_logprobs(&t);
	openai_citations_gather(&c->citations, out->arena, k);
	openai_choice_ends(c, out->arena, k);
	buf_fini(&items);
}

static void
tell_block(struct dialect_out *out, struct openai_answer *a, const struct chunk *k)
{
	int64_t index = (int64_t)(k->part * out->call->choices);
	struct openai_choice *c = openai_answer_choice(a, out->arena, index);
	struct openai_teller t = { .out = out, .choice = c };
	struct object_writer delta;

	if (openai_choice_is_blocked(c))
		return;
	openai_kept_set(&c->block_reason, out->arena, k->block_reason);
	if (!out->call->stream || openai_blocks_are_errors(out))
		return;
	openai_tell_role(&t);
	openai_event_begin(out, c, &delta);
	object_key(&delta, "refusal");
	openai_refusal_write(out->bytes, c);
	openai_event_end(out, &delta, SPAN_NONE, NULL);
}

static void
chat_encode(struct dialect_out *out, const struct chunk *k)
{
	struct openai_answer *a = answer_of(out, k->response_id);

	assert(k->error.p == NULL);
	for (size_t i = 0; i < k->candidate_count; i++)
		if (openai_answer_takes(out, &k->candidates[i]))
			tell_candidate(out, a, &k->candidates[i]);
	if (k->block_reason.p != NULL)
		tell_block(out, a, k);
	usage_merge(&a->usage, &k->usage);
}

/* ---- the end ---- */

static void
tell_annotations(struct dialect_out *out, const struct openai_choice *c)
{
	struct buf items = BUF_INIT;
	struct object_writer delta;
	bool has_citations = openai_citations_write(&c->citations, &items);

	if (has_citations || c->signature.p != NULL || c->citations.facts != NULL) {
		openai_event_begin(out, c, &delta);
		if (has_citations) {
			object_key(&delta, "annotations");
			buf_add_char(out->bytes, '[');
			buf_add_span(out->bytes, buf_span(&items));
			buf_add_char(out->bytes, ']');
		}
		openai_choice_extra(&delta, c, true, false);
		openai_event_end(out, &delta, SPAN_NONE, NULL);
	}
	buf_fini(&items);
}

static void
finish_stream(struct dialect_out *out, const struct openai_answer *a)
{
	struct object_writer delta;

	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next) {
		tell_annotations(out, c);
		openai_event_begin(out, c, &delta);
		openai_choice_extra(&delta, c, false, true);
		openai_event_end(
		    out, &delta, SPAN_NONE, openai_choice_finish(c, openai_told_calls_key(out)));
	}
	openai_answer_end_stream(out, notes_of(out)->include_usage);
}

static bool
chat_finish(struct dialect_out *out, struct err *e)
{
	struct openai_answer *a = out->state;

	if (!openai_answer_check(out, e))
		return false;
	for (struct openai_choice *c = a->choices; c != NULL; c = c->next)
		openai_tell_rest(&(struct openai_teller){ .out = out, .choice = c });
	if (out->call->stream)
		finish_stream(out, a);
	else
		openai_answer_write(a, out);
	return true;
}

const struct dialect dialect_openai_chat = {
	.name = "openai-chat",
	.stream_type = "text/event-stream; charset=utf-8",
	.keeps_alive = true,
	.decode = openai_chat_decode,
	.encode = chat_encode,
	.finish = chat_finish,
	.fail = openai_answer_fail,
	.keep_alive = openai_answer_keep_alive,
};
