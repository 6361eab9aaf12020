/*
 * The answer of a chat, gathered: see openai_answer.h.  Pure, runs in workers, owns nothing.
 */
#include "dialect/openai_answer.h"

#include "base/scan.h"

/* ---- gathering ---- */

void
openai_pieces_add(struct openai_pieces *list, struct arena *a, struct span json)
{
	struct openai_text *p = arena_alloc(a, sizeof(*p));

	p->json = arena_span(a, json);
	if (list->last != NULL)
		list->last->next = p;
	else
		list->first = p;
	list->last = p;
}

static void
pieces_write(const struct openai_pieces *list, const char *between, struct buf *out)
{
	for (const struct openai_text *p = list->first; p != NULL; p = p->next) {
		if (p != list->first)
			buf_add_text(out, between);
		buf_add_span(out, p->json);
	}
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
	c->next = *at;
	*at = c;
	return c;
}

/* ---- why it ended ---- */

bool
openai_answer_is_cut(const struct openai_answer *a)
{
	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next)
		if (c->finish.p == NULL && !c->blocked && c->calls == 0)
			return true;
	return false;
}

/* Gemini's finish reasons.  Those that are not here say that the model went wrong, or are
 * newer than this table. */
static const struct finish {
	const char *gemini, *openai;
} finishes[] = {
	{ "STOP", "stop" },
	{ "MAX_TOKENS", "length" },
	{ "CONTINUATION", "length" },
	{ "SAFETY", "content_filter" },
	{ "RECITATION", "content_filter" },
	{ "LANGUAGE", "content_filter" },
	{ "BLOCKLIST", "content_filter" },
	{ "PROHIBITED_CONTENT", "content_filter" },
	{ "SPII", "content_filter" },
	{ "IMAGE_SAFETY", "content_filter" },
	{ "IMAGE_PROHIBITED_CONTENT", "content_filter" },
	{ "IMAGE_RECITATION", "content_filter" },
};

static const struct finish *
finish_known(const struct openai_choice *c)
{
	for (size_t i = 0; i < sizeof(finishes) / sizeof(finishes[0]); i++)
		if (c->finish.p != NULL && scan_key_is(c->finish, finishes[i].gemini))
			return &finishes[i];
	return NULL;
}

/* A stop with calls is a stop for them; a limit or a filter is not masked by them. */
const char *
openai_choice_finish(const struct openai_choice *c)
{
	const struct finish *known = finish_known(c);

	if (c->blocked)
		return "content_filter";
	if (known != NULL && strcmp(known->openai, "stop") != 0)
		return known->openai;
	return c->calls > 0 ? "tool_calls" : "stop";
}

/* What OpenAI has no word for is told beside it. */
void
openai_choice_native(struct object_writer *o, const struct openai_choice *c)
{
	struct object_writer google;

	if (c->finish.p == NULL || finish_known(c) != NULL)
		return;
	object_key(o, "extra_content");
	buf_add_lit(o->out, "{\"google\":");
	object_begin(&google, o->out);
	object_escaped(&google, "finish_reason", c->finish);
	if (c->finish_message.p != NULL)
		object_escaped(&google, "finish_message", c->finish_message);
	object_end(&google);
	buf_add_char(o->out, '}');
}

/* ---- usage ---- */

static int64_t
said(int64_t counter)
{
	return counter > 0 ? counter : 0;
}

static void
write_detail(struct object_writer *o, const char *key, const char *counter, int64_t value)
{
	struct object_writer detail;

	object_key(o, key);
	object_begin(&detail, o->out);
	object_int(&detail, counter, value);
	object_end(&detail);
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
	write_detail(&o, "prompt_tokens_details", "cached_tokens", said(u->cached));
	write_detail(&o, "completion_tokens_details", "reasoning_tokens", said(u->thoughts));
	object_end(&o);
}

/* ---- the plain answer ---- */

void
openai_refusal_write(struct buf *b, const struct openai_answer *a)
{
	buf_add_lit(b, "\"The prompt was blocked: ");
	buf_add_span(b, a->block_reason);
	buf_add_char(b, '"');
}

static void
write_content(struct object_writer *o, const struct openai_choice *c, const char *finish)
{
	bool is_silent = strcmp(finish, "tool_calls") == 0 || strcmp(finish, "content_filter") == 0;

	object_key(o, "content");
	if (c->content.first == NULL && is_silent) {
		buf_add_lit(o->out, "null");
		return;
	}
	buf_add_char(o->out, '"');
	pieces_write(&c->content, "", o->out);
	buf_add_char(o->out, '"');
}

static void
write_items(struct object_writer *o, const char *key, const struct openai_pieces *list)
{
	if (list->first == NULL)
		return;
	object_key(o, key);
	buf_add_char(o->out, '[');
	pieces_write(list, ",", o->out);
	buf_add_char(o->out, ']');
}

static void
write_message(struct buf *b, const struct openai_answer *a, const struct openai_choice *c)
{
	struct object_writer o;

	object_begin(&o, b);
	object_text(&o, "role", SPAN("assistant"));
	write_content(&o, c, openai_choice_finish(c));
	object_key(&o, "refusal");
	if (c->blocked)
		openai_refusal_write(b, a);
	else
		buf_add_lit(b, "null");
	if (c->reasoning.first != NULL) {
		object_key(&o, "reasoning_content");
		buf_add_char(b, '"');
		pieces_write(&c->reasoning, "", b);
		buf_add_char(b, '"');
	}
	write_items(&o, "tool_calls", &c->tool_calls);
	write_items(&o, "images", &c->pictures);
	openai_choice_native(&o, c);
	object_end(&o);
}

static void
write_choice(struct buf *b, const struct openai_answer *a, const struct openai_choice *c)
{
	struct object_writer o;

	object_begin(&o, b);
	object_int(&o, "index", c->index);
	object_key(&o, "message");
	write_message(b, a, c);
	object_key(&o, "logprobs");
	if (c->logprobs.first != NULL) {
		buf_add_lit(b, "{\"content\":[");
		pieces_write(&c->logprobs, ",", b);
		buf_add_lit(b, "],\"refusal\":null}");
	} else {
		buf_add_lit(b, "null");
	}
	object_text(&o, "finish_reason", span_of(openai_choice_finish(c)));
	object_end(&o);
}

void
openai_answer_write(const struct openai_answer *a, struct buf *out)
{
	buf_add_span(out, a->head);
	buf_add_lit(out, ",\"choices\":[");
	for (const struct openai_choice *c = a->choices; c != NULL; c = c->next) {
		if (c != a->choices)
			buf_add_char(out, ',');
		write_choice(out, a, c);
	}
	buf_add_lit(out, "],\"usage\":");
	openai_usage_write(out, &a->usage);
	buf_add_char(out, '}');
}
