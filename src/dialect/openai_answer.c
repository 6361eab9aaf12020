/*
 * The answer of a chat, gathered: see openai_answer.h.  Pure, runs in workers, owns nothing.
 */
#include "dialect/openai_answer.h"

#include "base/scan.h"
#include "dialect/openai_chat.h"

#define AUDIO_KEPT_S   3600 /* what OpenAI says of its own; nothing is kept here */
#define ID_MAX         128  /* of a response; Gemini gives 22 letters */
#define CANDIDATES_MAX 8    /* Gemini's limit */

/* ---- gathering ---- */

/* It stands in each event of a stream: a long one would grow with the number of parts. */
/* The same in every event and in the plain answer. */
static struct span
make_head(const struct dialect_out *out, const char *id_prefix, const char *object,
    struct span response_id)
{
	bool fits = response_id.len > 0 && response_id.len <= ID_MAX;
	struct buf b = BUF_INIT;
	struct object_writer o;
	struct span head;

	object_begin(&o, &b);
	object_key(&o, "id");
	buf_add_char(&b, '"');
	buf_add_text(&b, id_prefix);
	buf_add_span(&b, fits ? response_id : span_of(out->request_id));
	buf_add_char(&b, '"');
	object_text(&o, "object", span_of(object));
	object_int(&o, "created", out->created_s);
	object_text(&o, "model", out->call->model_asked);
	head = arena_span(out->arena, buf_span(&b));
	buf_fini(&b);
	return head;
}

struct openai_answer *
openai_answer_open(struct dialect_out *out, const char *id_prefix, const char *object,
    struct span response_id)
{
	struct openai_answer *a = arena_alloc(out->arena, sizeof(*a));

	a->head = make_head(out, id_prefix, object, response_id);
	usage_init(&a->usage);
	out->state = a;
	return a;
}

void
openai_answer_end_stream(struct dialect_out *out, bool usage)
{
	const struct openai_answer *a = out->state;

	if (usage) {
		buf_add_lit(out->bytes, "data: ");
		buf_add_span(out->bytes, a->head);
		buf_add_lit(out->bytes, ",\"choices\":[],\"usage\":");
		openai_usage_write(out->bytes, &a->usage);
		buf_add_lit(out->bytes, "}\n\n");
	}
	buf_add_lit(out->bytes, "data: [DONE]\n\n");
}

void
openai_answer_keep_alive(struct dialect_out *out)
{
	sse_comment(out->bytes, "keep-alive");
}

bool
openai_answer_takes(const struct dialect_out *out, const struct candidate *k)
{
	return k->index >= 0 && (uint64_t)k->index < out->call->parts * CANDIDATES_MAX;
}

struct openai_choice *
openai_answer_choice(struct openai_answer *a, struct arena *arena, int64_t index)
{
	struct openai_choice **at = &a->choices, *c;

	while (*at != NULL && (*at)->index < index)
		at = &(*at)->next;
	if (*at != NULL && (*at)->index == index)
		return *at;
	c = arena_alloc(arena, sizeof(*c));
	c->index = index;
	c->calls.choice = index;
	c->calls.salt = a->head;
	c->next = *at;
	*at = c;
	return c;
}

/* ---- why it ended ---- */

/* Older models repeat it on each chunk; the last one counts. */
void
openai_choice_ends(struct openai_choice *c, struct arena *arena, const struct candidate *k)
{
	if (k->finish_reason.p != NULL)
		openai_kept_set(&c->finish, arena, k->finish_reason);
	if (k->finish_message.p != NULL)
		openai_kept_set(&c->finish_message, arena, k->finish_message);
}

bool
openai_choice_is_blocked(const struct openai_choice *c)
{
	return c->block_reason.p != NULL;
}

static enum finish
finish_kind(const struct openai_choice *c)
{
	return finish_of(openai_kept_span(&c->finish));
}

static bool
is_cut(const struct openai_answer *a)
{
	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next)
		if (finish_kind(c) == FINISH_NONE && !openai_choice_is_blocked(c) &&
		    (c->calls.count == 0 || openai_told_calls_is_open(&c->calls)))
			return true;
	return false;
}

bool
openai_blocks_are_errors(const struct dialect_out *out)
{
	return dialect_options_of(out->options)->blocked_prompt == BLOCKED_PROMPT_ERROR400;
}

static const struct openai_choice *
blocked_choice(const struct openai_answer *a)
{
	const struct openai_choice *c = a != NULL ? a->choices : NULL;

	while (c != NULL && !openai_choice_is_blocked(c))
		c = c->next;
	return c;
}

/* Choices are in order. */
static bool
has_all_parts(const struct openai_answer *a, const struct call *call)
{
	size_t part = 0;

	if (a == NULL || call->parts == 1)
		return a != NULL && a->choices != NULL;
	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next)
		if (part < call->parts && (uint64_t)c->index / call->choices == part)
			part++;
	return part == call->parts;
}

bool
openai_answer_check(const struct dialect_out *out, struct err *e)
{
	const struct openai_answer *a = out->state;
	const struct openai_choice *blocked = blocked_choice(a);

	if (!has_all_parts(a, out->call))
		return err_set(e, ERR_UPSTREAM, "the upstream answered with nothing in it");
	if (blocked != NULL && openai_blocks_are_errors(out))
		return err_set(e, ERR_BAD_REQUEST, "The prompt was blocked: %.*s",
		    SPAN_ARG(openai_kept_span(&blocked->block_reason)));
	if (operation_streams(out->call->op) && is_cut(a))
		return err_set(e, ERR_UPSTREAM, "the upstream broke off before its answer's end");
	return true;
}

static void
tell_blocked(struct dialect_out *out, const struct err *e)
{
	struct object_writer o, inner;

	if (out->begun)
		buf_add_lit(out->bytes, "data: ");
	object_begin(&o, out->bytes);
	object_key(&o, "error");
	object_begin(&inner, out->bytes);
	object_text(&inner, "message", span_of(e->text));
	object_text(&inner, "type", SPAN("invalid_request_error"));
	object_raw(&inner, "param", SPAN("null"));
	object_text(&inner, "code", SPAN("content_policy_violation"));
	object_end(&inner);
	object_end(&o);
	if (out->begun)
		buf_add_lit(out->bytes, "\n\n");
}

void
openai_answer_fail(struct dialect_out *out, const struct err *e)
{
	if (e->kind == ERR_BAD_REQUEST && blocked_choice(out->state) != NULL)
		tell_blocked(out, e);
	else
		dialect_openai_fail(out, e);
}

bool
openai_choice_is_cut_short(const struct openai_choice *c)
{
	enum finish kind = finish_kind(c);

	return kind == FINISH_LENGTH || kind == FINISH_FILTER;
}

/* A stop with calls is a stop for them; a limit or a filter is not masked by them. */
const char *
openai_choice_finish(const struct openai_choice *c, const char *call)
{
	if (openai_choice_is_blocked(c))
		return "content_filter";
	switch (finish_kind(c)) {
	case FINISH_LENGTH:
		return "length";
	case FINISH_FILTER:
		return "content_filter";
	default:
		return c->calls.count > 0 ? call : "stop";
	}
}

/* ---- what OpenAI has no word for ---- */

/* STOP and MAX_TOKENS say no more than OpenAI's own words for them. */
static bool
has_native_finish(const struct openai_choice *c)
{
	struct span reason = openai_kept_span(&c->finish);

	return reason.p != NULL && finish_kind(c) != FINISH_STOP &&
	       !scan_key_is(reason, "MAX_TOKENS");
}

static void
write_message_extra(struct object_writer *google, const struct openai_choice *c)
{
	struct buf grounding = BUF_INIT;

	if (c->signature.p != NULL)
		object_escaped(google, "thought_signature", openai_kept_span(&c->signature));
	if (openai_grounding_write(&c->citations, &grounding))
		object_raw(google, "grounding_metadata", buf_span(&grounding));
	buf_fini(&grounding);
}

void
openai_choice_extra(
    struct object_writer *o, const struct openai_choice *c, bool of_message, bool of_finish)
{
	struct buf inner = BUF_INIT;
	struct object_writer google;

	object_begin(&google, &inner);
	if (of_message)
		write_message_extra(&google, c);
	if (of_finish && has_native_finish(c)) {
		object_escaped(&google, "finish_reason", openai_kept_span(&c->finish));
		if (c->finish_message.p != NULL)
			object_escaped(
			    &google, "finish_message", openai_kept_span(&c->finish_message));
	}
	object_end(&google);
	if (google.members > 0) {
		object_key(o, "extra_content");
		buf_add_lit(o->out, "{\"google\":");
		buf_add_span(o->out, buf_span(&inner));
		buf_add_char(o->out, '}');
	}
	buf_fini(&inner);
}

/* ---- usage ---- */

/* Two of them can be added, whatever upstream wrote. */
static int64_t
said(int64_t counter)
{
	if (counter < 0)
		return 0;
	return counter < INT64_MAX / 2 ? counter : INT64_MAX / 2;
}

static void
write_if_said(struct object_writer *o, const char *key, int64_t counter)
{
	if (counter >= 0)
		object_int(o, key, counter);
}

static void
write_prompt_details(struct object_writer *o, const struct usage *u)
{
	struct object_writer details;

	object_key(o, "prompt_tokens_details");
	object_begin(&details, o->out);
	object_int(&details, "cached_tokens", said(u->cached));
	write_if_said(&details, "audio_tokens", u->prompt_audio);
	write_if_said(&details, "image_tokens", u->prompt_image);
	write_if_said(&details, "text_tokens", u->prompt_text);
	object_end(&details);
}

static void
write_answer_details(struct object_writer *o, const struct usage *u)
{
	struct object_writer details;

	object_key(o, "completion_tokens_details");
	object_begin(&details, o->out);
	object_int(&details, "reasoning_tokens", said(u->thoughts));
	write_if_said(&details, "audio_tokens", u->answer_audio);
	write_if_said(&details, "image_tokens", u->answer_image);
	write_if_said(&details, "text_tokens", u->answer_text);
	object_end(&details);
}

/* Google counts thoughts beside the answer, OpenAI inside; both count cached tokens inside. */
void
openai_usage_write(struct buf *b, const struct usage *u)
{
	int64_t prompt = said(u->prompt) + said(u->tool_prompt);
	int64_t completion = said(u->candidates) + said(u->thoughts);
	struct object_writer o;

	object_begin(&o, b);
	object_int(&o, "prompt_tokens", prompt);
	object_int(&o, "completion_tokens", completion);
	object_int(&o, "total_tokens", u->total >= 0 ? u->total : prompt + completion);
	write_prompt_details(&o, u);
	write_answer_details(&o, u);
	object_end(&o);
}

/* ---- sound ---- */

void
openai_choice_audio(
    struct object_writer *audio, const struct openai_choice *c, const struct dialect_out *out)
{
	object_key(audio, "id");
	buf_add_char(audio->out, '"');
	openai_id_write(audio->out, out, &c->calls, "audio_");
	buf_add_char(audio->out, '"');
	object_int(audio, "expires_at", out->created_s + AUDIO_KEPT_S);
	object_text(audio, "transcript", SPAN(""));
}

/* ---- the plain answer ---- */

void
openai_refusal_write(struct buf *b, const struct openai_choice *c)
{
	buf_add_lit(b, "\"The prompt was blocked: ");
	buf_add_span(b, openai_kept_span(&c->block_reason));
	buf_add_char(b, '"');
}

static void
write_text(struct object_writer *o, const char *key, const struct openai_pieces *text)
{
	object_key(o, key);
	buf_add_char(o->out, '"');
	openai_pieces_write(text, "", o->out);
	buf_add_char(o->out, '"');
}

static void
write_content(struct object_writer *o, const struct openai_choice *c, const char *call)
{
	const char *finish = openai_choice_finish(c, call);
	bool is_silent = strcmp(finish, call) == 0 || strcmp(finish, "content_filter") == 0;

	if (c->content.first == NULL && is_silent)
		object_raw(o, "content", SPAN("null"));
	else
		write_text(o, "content", &c->content);
	object_key(o, "refusal");
	if (openai_choice_is_blocked(c))
		openai_refusal_write(o->out, c);
	else
		buf_add_lit(o->out, "null");
	if (c->reasoning.first != NULL)
		write_text(o, "reasoning_content", &c->reasoning);
}

static void
write_calls(struct object_writer *o, const struct openai_choice *c, const char *key)
{
	bool is_list = strcmp(key, "tool_calls") == 0;

	if (c->items.first == NULL)
		return;
	object_key(o, key);
	if (is_list)
		buf_add_char(o->out, '[');
	openai_pieces_write(&c->items, ",", o->out);
	if (is_list)
		buf_add_char(o->out, ']');
}

static void
write_annotations(struct object_writer *o, const struct openai_choice *c)
{
	struct buf items = BUF_INIT;

	if (openai_citations_write(&c->citations, &items)) {
		object_key(o, "annotations");
		buf_add_char(o->out, '[');
		buf_add_span(o->out, buf_span(&items));
		buf_add_char(o->out, ']');
	}
	buf_fini(&items);
}

static void
write_media(struct object_writer *o, const struct openai_choice *c, const struct dialect_out *out)
{
	const struct chat_notes *notes = out->call->notes;
	struct object_writer audio;

	if (c->pictures.first != NULL) {
		object_key(o, "images");
		buf_add_char(o->out, '[');
		openai_pieces_write(&c->pictures, "", o->out); /* with commas of their own */
		buf_add_char(o->out, ']');
	}
	if (!c->audio.begun)
		return;
	object_key(o, "audio");
	object_begin(&audio, o->out);
	openai_choice_audio(&audio, c, out);
	object_key(&audio, "data");
	buf_add_char(o->out, '"');
	openai_audio_write(&c->audio, notes->raw_audio, o->out);
	buf_add_char(o->out, '"');
	object_end(&audio);
}

static void
write_message(struct dialect_out *out, const struct openai_choice *c, const char *call)
{
	struct object_writer o;

	object_begin(&o, out->bytes);
	object_text(&o, "role", SPAN("assistant"));
	write_content(&o, c, call);
	write_calls(&o, c, call);
	write_annotations(&o, c);
	write_media(&o, c, out);
	openai_choice_extra(&o, c, true, true);
	object_end(&o);
}

static void
write_choice(struct dialect_out *out, const struct openai_choice *c, const char *call)
{
	struct object_writer o;

	object_begin(&o, out->bytes);
	object_int(&o, "index", c->index);
	object_key(&o, "message");
	write_message(out, c, call);
	object_key(&o, "logprobs");
	if (c->logprobs.first != NULL) {
		buf_add_lit(out->bytes, "{\"content\":[");
		openai_pieces_write(&c->logprobs, ",", out->bytes);
		buf_add_lit(out->bytes, "],\"refusal\":null}");
	} else {
		buf_add_lit(out->bytes, "null");
	}
	object_text(&o, "finish_reason", span_of(openai_choice_finish(c, call)));
	object_end(&o);
}

void
openai_answer_write(const struct openai_answer *a, struct dialect_out *out)
{
	const char *call = openai_told_calls_key(out);

	buf_add_span(out->bytes, a->head);
	buf_add_lit(out->bytes, ",\"choices\":[");
	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next) {
		if (c != a->choices)
			buf_add_char(out->bytes, ',');
		write_choice(out, c, call);
	}
	buf_add_lit(out->bytes, "],\"usage\":");
	openai_usage_write(out->bytes, &a->usage);
	buf_add_char(out->bytes, '}');
}
