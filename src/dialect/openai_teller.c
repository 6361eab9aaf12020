/*
 * Telling an answer part by part: see openai_teller.h.  Pure, runs in workers, owns nothing.
 */
#include "dialect/openai_teller.h"

#include "base/scan.h"
#include "dialect/openai_chat.h"

#define LANGUAGE_MAX 32

static const struct chat_notes *
notes_of(const struct dialect_out *out)
{
	return out->call->notes;
}

/* ---- events ---- */

void
openai_event_begin(
    struct dialect_out *out, const struct openai_choice *c, struct object_writer *delta)
{
	const struct openai_answer *a = out->state;

	buf_add_lit(out->bytes, "data: ");
	buf_add_span(out->bytes, a->head);
	buf_add_lit(out->bytes, ",\"choices\":[{\"index\":");
	buf_add_int(out->bytes, c->index);
	buf_add_lit(out->bytes, ",\"delta\":");
	object_begin(delta, out->bytes);
}

void
openai_event_end(
    struct dialect_out *out, struct object_writer *delta, struct span logprobs, const char *finish)
{
	object_end(delta);
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

void
openai_tell_role(struct openai_teller *t)
{
	struct dialect_out *out = t->out;
	struct object_writer delta;

	if (t->choice->introduced || !out->call->stream)
		return;
	t->choice->introduced = true;
	openai_event_begin(out, t->choice, &delta);
	object_text(&delta, "role", SPAN("assistant"));
	object_text(&delta, "content", SPAN(""));
	openai_event_end(out, &delta, SPAN_NONE, NULL);
}

/* ---- texts ---- */

/* Texts that stand behind each other, all escaped. */
static void
tell_texts(struct openai_teller *t, const char *key, struct openai_pieces *gathered,
    const struct span *texts, size_t count)
{
	struct dialect_out *out = t->out;
	struct object_writer delta;
	bool is_content = gathered == &t->choice->content;

	if (!out->call->stream) {
		for (size_t i = 0; i < count; i++)
			if (texts[i].len > 0)
				openai_pieces_add(gathered, out->arena, texts[i]);
		return;
	}
	openai_event_begin(out, t->choice, &delta);
	object_key(&delta, key);
	buf_add_char(out->bytes, '"');
	for (size_t i = 0; i < count; i++)
		buf_add_span(out->bytes, texts[i]);
	buf_add_char(out->bytes, '"');
	openai_event_end(out, &delta, is_content ? t->logprobs : SPAN_NONE, NULL);
	if (is_content)
		t->logprobs = SPAN_NONE;
}

static void
tell_content(struct openai_teller *t, const struct span *texts, size_t count)
{
	tell_texts(t, "content", &t->choice->content, texts, count);
}

/* Content that is none of Gemini's text. */
static void
tell_inset(struct openai_teller *t, const struct span *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		openai_citations_inset(&t->choice->citations, t->out->arena, texts[i]);
	tell_content(t, texts, count);
}

/* The tag that has to stand before what is told next; empty where there is none to close. */
static struct span
leave_thought(struct openai_teller *t)
{
	const struct openai_answer *a = t->out->state;
	struct span tag = t->choice->in_thought ? a->tag_close : SPAN_NONE;

	t->choice->in_thought = false;
	openai_citations_inset(&t->choice->citations, t->out->arena, tag);
	return tag;
}

static void
end_thought(struct openai_teller *t)
{
	struct span tag = leave_thought(t);

	if (tag.len > 0)
		tell_content(t, &tag, 1);
}

static void
tell_text(struct openai_teller *t, struct span escaped)
{
	struct span texts[2];

	if (escaped.len == 0)
		return;
	texts[0] = leave_thought(t);
	texts[1] = escaped;
	openai_citations_text(&t->choice->citations, t->out->arena, escaped);
	tell_content(t, texts, 2);
}

static void
tell_thought(struct openai_teller *t, struct span escaped)
{
	const struct openai_answer *a = t->out->state;
	struct span texts[2] = { SPAN_NONE, escaped };

	if (escaped.len == 0 || dialect_options_of(t->out->options)->thoughts == THOUGHTS_NEVER)
		return;
	if (a->tag_open.len == 0) {
		tell_texts(t, "reasoning_content", &t->choice->reasoning, &escaped, 1);
		return;
	}
	if (!t->choice->in_thought)
		texts[0] = a->tag_open;
	t->choice->in_thought = true;
	tell_inset(t, texts, 2);
}

/* ---- code ---- */

/* "PYTHON" as people write it behind a fence; what is no such word is left out. */
static struct span
fence_language(struct span escaped, char room[LANGUAGE_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < escaped.len && i < LANGUAGE_MAX; i++) {
		char c = escaped.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if (c < 'a' || c > 'z')
			return SPAN_NONE;
		room[len++] = c;
	}
	return span_mem(room, len);
}

/* Ends in an escaped line end, and not in a backslash before an n. */
static bool
ends_line(struct span escaped)
{
	size_t slashes = 0;

	if (!span_ends(escaped, "\\n"))
		return false;
	while (slashes + 1 < escaped.len && escaped.p[escaped.len - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 1;
}

/* Code that Google ran, and what came of it, are part of the text. */
static void
tell_code(struct openai_teller *t, const struct part *p)
{
	char room[LANGUAGE_MAX];
	struct span texts[6];

	if (p->text.len == 0)
		return;
	texts[0] = leave_thought(t);
	texts[1] = SPAN("\\n```");
	texts[2] = fence_language(p->language, room);
	texts[3] = SPAN("\\n");
	texts[4] = p->text;
	texts[5] = ends_line(p->text) ? SPAN("```\\n") : SPAN("\\n```\\n");
	for (size_t i = 1; i < 6; i++)
		openai_citations_inset(&t->choice->citations, t->out->arena, texts[i]);
	tell_content(t, texts, 6);
}

/* ---- calls ---- */

static void
tell_call_item(struct openai_teller *t, struct span item)
{
	struct dialect_out *out = t->out;
	const char *key = openai_told_calls_key(out);
	bool is_list = strcmp(key, "tool_calls") == 0;
	struct object_writer delta;

	if (!out->call->stream) {
		openai_pieces_add(&t->choice->items, out->arena, item);
		return;
	}
	openai_event_begin(out, t->choice, &delta);
	object_key(&delta, key);
	if (is_list)
		buf_add_char(out->bytes, '[');
	buf_add_span(out->bytes, item);
	if (is_list)
		buf_add_char(out->bytes, ']');
	openai_event_end(out, &delta, SPAN_NONE, NULL);
}

static void
tell_call(struct openai_teller *t, const struct part *p)
{
	struct buf item = BUF_INIT;

	end_thought(t);
	if (openai_told_calls_add(&t->choice->calls, t->out, p, &item))
		tell_call_item(t, buf_span(&item));
	buf_fini(&item);
}

/* ---- pictures and sound ---- */

/* The item around the data URL. */
static void
picture_frame(
    const struct openai_choice *c, const struct part *p, struct buf *before, struct buf *behind)
{
	buf_printf(before,
	    "{\"type\":\"image_url\",\"index\":%zu,\"image_url\":{\"url\":\"data:", c->images);
	buf_add_span(before, p->mime);
	buf_add_lit(before, ";base64,");
	buf_add_lit(behind, "\"}");
	if (p->signature.len > 0) {
		buf_add_lit(behind, ",\"extra_content\":{\"google\":{\"thought_signature\":\"");
		buf_add_span(behind, p->signature);
		buf_add_lit(behind, "\"}}");
	}
	buf_add_char(behind, '}');
}

/* The picture itself may be large: it is copied once, to where it is told or kept. */
static void
tell_picture_item(struct openai_teller *t, const struct part *p)
{
	struct dialect_out *out = t->out;
	struct openai_pieces *pictures = &t->choice->pictures;
	struct buf before = BUF_INIT, behind = BUF_INIT;
	struct object_writer delta;

	if (!out->call->stream && t->choice->images > 0)
		buf_add_char(&before, ',');
	picture_frame(t->choice, p, &before, &behind);
	t->choice->images++;
	if (out->call->stream) {
		openai_event_begin(out, t->choice, &delta);
		object_key(&delta, "images");
		buf_add_char(out->bytes, '[');
		buf_add_span(out->bytes, buf_span(&before));
		buf_add_span(out->bytes, p->data);
		buf_add_span(out->bytes, buf_span(&behind));
		buf_add_char(out->bytes, ']');
		openai_event_end(out, &delta, SPAN_NONE, NULL);
	} else {
		openai_pieces_add(pictures, out->arena, buf_span(&before));
		openai_pieces_add(pictures, out->arena, p->data);
		openai_pieces_add(pictures, out->arena, buf_span(&behind));
	}
	buf_fini(&before);
	buf_fini(&behind);
}

static void
tell_picture(struct openai_teller *t, const struct part *p)
{
	enum image_out as = dialect_options_of(t->out->options)->image_out;
	const struct span markdown[] = { SPAN("![image](data:"), p->mime, SPAN(";base64,"), p->data,
		SPAN(")") };

	end_thought(t);
	if (as != IMAGE_OUT_MARKDOWN)
		tell_picture_item(t, p);
	if (as != IMAGE_OUT_IMAGES)
		tell_inset(t, markdown, sizeof(markdown) / sizeof(markdown[0]));
}

/* Clients join what a stream says of the audio: all but its data is said once. */
static void
tell_audio_data(struct openai_teller *t, struct span base64, bool is_first)
{
	struct dialect_out *out = t->out;
	struct object_writer delta, audio;

	if (base64.len == 0 && !is_first)
		return;
	openai_event_begin(out, t->choice, &delta);
	object_key(&delta, "audio");
	object_begin(&audio, out->bytes);
	if (is_first)
		openai_choice_audio(&audio, t->choice, out);
	object_escaped(&audio, "data", base64);
	object_end(&audio);
	openai_event_end(out, &delta, SPAN_NONE, NULL);
}

static void
tell_audio(struct openai_teller *t, const struct part *p)
{
	struct openai_audio *audio = &t->choice->audio;
	struct arena *arena = t->out->arena;
	bool is_first = !audio->begun;
	struct buf base64 = BUF_INIT;

	end_thought(t);
	if (!t->out->call->stream) {
		openai_audio_keep(audio, arena, p);
		return;
	}
	openai_audio_stream(audio, arena, p, notes_of(t->out)->raw_audio, &base64);
	tell_audio_data(t, buf_span(&base64), is_first);
	buf_fini(&base64);
}

/* ---- parts ---- */

/* Pictures and code of a thought are drafts, and no part of the answer. */
static bool
is_draft(const struct part *p)
{
	return p->thought && p->kind != PART_TEXT && p->kind != PART_FUNCTION_CALL;
}

void
openai_tell_part(struct openai_teller *t, const struct part *p)
{
	if (is_draft(p))
		return;
	switch (p->kind) {
	case PART_TEXT:
		if (p->signature.len > 0)
			openai_kept_set(&t->choice->signature, t->out->arena, p->signature);
		if (p->thought)
			tell_thought(t, p->text);
		else
			tell_text(t, p->text);
		return;
	case PART_FUNCTION_CALL:
		tell_call(t, p);
		return;
	case PART_INLINE_DATA:
		if (openai_audio_is(p))
			tell_audio(t, p);
		else
			tell_picture(t, p);
		return;
	case PART_CODE:
	case PART_CODE_RESULT:
		tell_code(t, p);
		return;
	case PART_OTHER:
		return; /* nothing that this dialect could show */
	}
}

/* ---- the end ---- */

void
openai_tell_logprobs(struct openai_teller *t)
{
	const struct span nothing = SPAN_NONE;

	if (t->logprobs.len > 0 && !t->out->call->stream)
		openai_pieces_add(&t->choice->logprobs, t->out->arena, t->logprobs);
	else if (t->logprobs.len > 0)
		tell_content(t, &nothing, 1);
}

void
openai_tell_rest(struct openai_teller *t)
{
	struct openai_choice *c = t->choice;
	struct buf rest = BUF_INIT;

	end_thought(t);
	if (openai_told_calls_end(&c->calls, t->out, openai_choice_is_cut_short(c), &rest))
		tell_call_item(t, buf_span(&rest));
	if (t->out->call->stream) {
		buf_clear(&rest);
		openai_audio_end(&c->audio, &rest);
		tell_audio_data(t, buf_span(&rest), false);
	}
	buf_fini(&rest);
}
