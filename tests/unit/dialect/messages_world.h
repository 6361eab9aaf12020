/*
 * For the tests of OpenAI's messages: a request and the house it comes to, words for messages and
 * for what Gemini gets of them.
 */
#ifndef POLLUX_TESTS_MESSAGES_WORLD_H
#define POLLUX_TESTS_MESSAGES_WORLD_H

#include "dialect/openai_messages.h"
#include "base/scan.h"
#include "tests/unit/unit.h"

struct world {
	struct arena *arena;
	struct dialect_house house;
	struct dialect_options options;
	struct dialect_model model;
	struct openai_tools *tools;
	const char *resolution;
	struct call call;
	struct rope out;
	struct body body;
	struct buf json;
	bool remembers;
};

static const struct signed_call memory[] = {
	{ .id = { "call_AAA", 8 },
	    .upstream_id = { "fc-1", 4 },
	    .name = { "get_temp", 8 },
	    .signature = { "QUJD", 4 },
	    .model = { "gemini-3.5-flash", 16 } },
	{ .id = { "call_BBB", 8 },
	    .upstream_id = { "fc-2", 4 },
	    .name = { "get_temp", 8 },
	    .step_index = 1,
	    .model = { "gemini-3.5-flash", 16 } },
};

static inline bool
recall(void *ctx, struct span id, struct arena *arena, struct signed_call *out)
{
	struct world *w = ctx;

	(void)arena;
	for (size_t i = 0; w->remembers && i < COUNT(memory); i++)
		if (span_eq(memory[i].id, id)) {
			*out = memory[i];
			return true;
		}
	return false;
}

static inline int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->arena = arena_new(0);
	w->house = (struct dialect_house){ .ctx = w, .recall = recall };
	w->out = ROPE_INIT;
	*state = w;
	return 0;
}

static inline int
teardown(void **state)
{
	struct world *w = *state;

	rope_fini(&w->out);
	buf_fini(&w->json);
	arena_free(&w->arena);
	mem_free(w);
	return 0;
}

static inline void
ask(struct world *w, const char *model, unsigned lacks)
{
	w->model.name = span_of(model);
	w->model.facts = model_facts(w->model.name);
	w->model.facts.lacks |= lacks;
}

/* messages lies in an allocation of its very size, so that a read past its end is seen. */
static inline bool
read_span(struct world *w, struct span messages, struct err *e)
{
	const struct dialect_request req = { .op = OP_GENERATE, .options = &w->options };
	struct turns *turns;
	bool ok;

	if (w->model.name.len == 0)
		ask(w, "gemini-2.5-flash", 0);
	w->call = (struct call){ 0 };
	rope_clear(&w->out);
	buf_clear(&w->json);
	*e = ERR_INIT;
	turns = turns_new(w->arena, &w->house, &w->model, w->options.late_system);
	ok = openai_messages_read(
	    messages, &req, w->arena, &w->call, &w->model, w->tools, turns, &w->resolution, e);
	if (ok) {
		buf_add_char(&w->out.text, '{');
		turns_write(turns, &w->out);
		buf_add_char(&w->out.text, '}');
	}
	turns_free(&turns);
	if (!ok)
		return false;
	w->body = rope_body(&w->out, w->arena);
	for (struct remote *r = w->call.remotes; r != NULL; r = r->next)
		*r->place = SPAN("{\"fetched\":true}");
	body_flatten(&w->body, &w->json);
	return true;
}

static inline bool
read_text(struct world *w, const char *messages, struct err *e)
{
	char *copy = mem_alloc(strlen(messages));
	struct span json = span_mem(memcpy(copy, messages, strlen(messages)), strlen(messages));
	bool ok;

	if (!scan_check(json, NULL, NULL))
		fail_msg("no JSON: %s", messages);
	ok = read_span(w, json, e);
	mem_free(copy);
	return ok;
}

/* What the messages become, without the outermost braces. */
static const char *
made(struct world *w, const char *messages)
{
	struct err e;

	if (!read_text(w, messages, &e))
		fail_msg("%s: %s", messages, e.text);
	assert_true(scan_check(buf_span(&w->json), NULL, NULL));
	w->json.data[w->json.len - 1] = '\0';
	return w->json.data + 1;
}

static inline void
assert_refused(struct world *w, const char *messages, const char *field, const char *words)
{
	struct err e;

	if (read_text(w, messages, &e))
		fail_msg("not refused: %s", messages);
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_string_equal(e.field, field);
	if (strstr(e.text, words) == NULL)
		fail_msg("%s: %s", messages, e.text);
}

struct row {
	const char *name, *messages, *body;
};

static inline void
assert_rows(struct world *w, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *body = made(w, rows[i].messages);

		if (strcmp(body, rows[i].body) != 0)
			fail_msg("%s:\n%s\nis not\n%s", rows[i].name, body, rows[i].body);
	}
}

struct refusal {
	const char *messages, *field, *words;
};

static inline void
assert_refusals(struct world *w, const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_refused(w, rows[i].messages, rows[i].field, rows[i].words);
}

/* Of the client's. */
#define USER             "{\"role\":\"user\",\"content\":\"hi\"}"
#define SAYS(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define PARTS(role, ...) "{\"role\":\"" role "\",\"content\":[" __VA_ARGS__ "]}"
#define TEXT(text)       "{\"type\":\"text\",\"text\":\"" text "\"}"
#define IMAGE(url)       "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}"
#define PNG              "data:image/png;base64,iVBORw0KGgo="
#define CALLS(...)       "{\"role\":\"assistant\",\"tool_calls\":[" __VA_ARGS__ "]}"
#define CALL(id, name, args)                                                                       \
	"{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name                  \
	"\",\"arguments\":\"" args "\"}}"
#define TOOL(id, text) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"" text "\"}"

#define GOOGLE(...) "\"extra_content\":{\"google\":{" __VA_ARGS__ "}}"

/* Of Gemini's. */
#define CONTENTS(...)      "\"contents\":[" __VA_ARGS__ "]"
#define INSTRUCTION(...)   ",\"systemInstruction\":{\"parts\":[" __VA_ARGS__ "]}"
#define BY(role, ...)      "{\"role\":\"" role "\",\"parts\":[" __VA_ARGS__ "]}"
#define T(text)            "{\"text\":\"" text "\"}"
#define HI                 BY("user", T("hi"))
#define FC(name, args)     "{\"functionCall\":{\"name\":\"" name "\",\"args\":" args "}}"
#define FR(name, json)     "{\"functionResponse\":{\"name\":\"" name "\",\"response\":" json "}}"
#define MISSING            "{\"error\":\"no result was provided\"}"
#define INLINE(mime, data) "{\"inlineData\":{\"mimeType\":\"" mime "\",\"data\":\"" data "\"}}"
#define INLINE_PNG         INLINE("image/png", "iVBORw0KGgo=")

#endif
