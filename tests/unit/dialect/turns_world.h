/*
 * For the tests of conversations: a house that remembers calls, a conversation told in a few
 * words, and words for what Gemini gets of it.
 */
#ifndef POLLUX_TESTS_TURNS_WORLD_H
#define POLLUX_TESTS_TURNS_WORLD_H

#include "dialect/turns.h"
#include "base/scan.h"
#include "tests/unit/unit.h"

struct world {
	struct arena *arena;
	struct dialect_house house;
	struct dialect_model model;
	const struct signed_call *memory;
	size_t remembered, asked_by_id, asked_by_content;
	struct turns *turns;
	struct rope out;
	struct buf json;
};

static inline bool
recall(void *ctx, struct span id, struct arena *arena, struct signed_call *out)
{
	struct world *w = ctx;

	(void)arena;
	w->asked_by_id++;
	for (size_t i = 0; i < w->remembered; i++)
		if (span_eq(w->memory[i].id, id)) {
			*out = w->memory[i];
			return true;
		}
	return false;
}

static inline bool
recall_like(void *ctx, const struct signed_call *like, struct arena *arena, struct signed_call *out)
{
	struct world *w = ctx;

	(void)arena;
	w->asked_by_content++;
	for (size_t i = 0; i < w->remembered; i++) {
		const struct signed_call *c = &w->memory[i];

		if (span_eq(c->name, like->name) && span_eq(c->args, like->args) &&
		    c->step_index == like->step_index && span_eq(c->model, like->model)) {
			*out = *c;
			return true;
		}
	}
	return false;
}

static inline int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->arena = arena_new(0);
	w->house = (struct dialect_house){ .ctx = w, .recall = recall, .recall_like = recall_like };
	w->out = ROPE_INIT;
	*state = w;
	return 0;
}

static inline int
teardown(void **state)
{
	struct world *w = *state;

	turns_free(&w->turns);
	rope_fini(&w->out);
	buf_fini(&w->json);
	arena_free(&w->arena);
	mem_free(w);
	return 0;
}

static inline void
talk_as(struct world *w, const char *model, unsigned lacks, enum late_system late)
{
	turns_free(&w->turns);
	w->model.name = span_of(model);
	w->model.facts = model_facts(w->model.name);
	w->model.facts.lacks |= lacks;
	w->turns = turns_new(w->arena, &w->house, &w->model, late);
}

/* With a model of Gemini 3. */
static inline struct turns *
talk(struct world *w)
{
	talk_as(w, "gemini-3-flash", 0, LATE_SYSTEM_INLINE);
	return w->turns;
}

static inline struct turns *
talk_25(struct world *w)
{
	talk_as(w, "gemini-2.5-flash", 0, LATE_SYSTEM_INLINE);
	return w->turns;
}

static inline struct turns *
talk_lacking(struct world *w, unsigned lacks)
{
	talk_as(w, "gemini-3-flash", lacks, LATE_SYSTEM_INLINE);
	return w->turns;
}

#define REMEMBER(w, ...)                                                                           \
	do {                                                                                       \
		static const struct signed_call memory[] = { __VA_ARGS__ };                        \
		(w)->memory = memory;                                                              \
		(w)->remembered = COUNT(memory);                                                   \
	} while (0)
#define CALL(id_, upstream, name_, sign, at)                                                       \
	{                                                                                          \
		.id = { id_, sizeof(id_) - 1 }, .upstream_id = { upstream, sizeof(upstream) - 1 }, \
		.name = { name_, sizeof(name_) - 1 }, .args = { "{}", 2 },                         \
		.signature = { sign, sizeof(sign) - 1 }, .step_index = at, .model = {              \
			"gemini-3-flash",                                                          \
			14                                                                         \
		}                                                                                  \
	}

static inline void
says(struct turns *t, enum speaker speaker, const char *text)
{
	turns_begin(t, speaker);
	turns_text(t, span_of(text));
	turns_end(t);
}

#define SYSTEM(text) says(t, SPEAKER_SYSTEM, text)
#define USER(text)   says(t, SPEAKER_USER, text)
#define MODEL(text)  says(t, SPEAKER_MODEL, text)

static inline void
tell_call(struct turns *t, const char *id, const char *name, const char *signature)
{
	const struct turn_call c = { span_of(id), span_of(name), SPAN("{}"), span_of(signature) };

	turns_call(t, &c);
}

/* "a b": calls of a and b, under these ids, of functions of these names. */
static inline void
calls(struct turns *t, const char *ids)
{
	struct span rest = span_of(ids);

	turns_begin(t, SPEAKER_MODEL);
	while (rest.p != NULL) {
		struct span id = span_cut(&rest, ' ');

		turns_call(t, &(struct turn_call){ id, id, SPAN("{}"), SPAN_NONE });
	}
	turns_end(t);
}

static inline void
tell_result(struct turns *t, const char *id, const char *name, const char *response,
    const struct rope *media)
{
	const struct turn_result r = { span_of(id), span_of(name), span_of(response), SPAN("words"),
		media };

	turns_begin(t, SPEAKER_USER);
	turns_result(t, &r);
	turns_end(t);
}

#define RESULT(id, response) tell_result(t, id, "", response, NULL)

static const char *
written(struct world *w)
{
	struct buf whole = BUF_INIT;
	struct body body;

	rope_clear(&w->out);
	buf_clear(&w->json);
	turns_write(w->turns, &w->out);
	body = rope_body(&w->out, w->arena);
	body_flatten(&body, &w->json);
	buf_printf(&whole, "{%s}", buf_text(&w->json));
	assert_true(scan_check(buf_span(&whole), NULL, NULL));
	buf_fini(&whole);
	return buf_text(&w->json);
}

#define CONTENTS(...)    "\"contents\":[" __VA_ARGS__ "]"
#define INSTRUCTION(...) ",\"systemInstruction\":{\"parts\":[" __VA_ARGS__ "]}"
#define BY(role, ...)    "{\"role\":\"" role "\",\"parts\":[" __VA_ARGS__ "]}"
#define T(text)          "{\"text\":\"" text "\"}"
#define SIGN(signature)  ",\"thoughtSignature\":\"" signature "\""
#define SKIPS            SIGN("skip_thought_signature_validator")
#define FC(name, sign)   "{\"functionCall\":{\"name\":\"" name "\",\"args\":{}}" sign "}"
#define FR(name, json)   "{\"functionResponse\":{\"name\":\"" name "\",\"response\":" json "}}"
#define FC_ID(id, name, sign)                                                                      \
	"{\"functionCall\":{\"id\":\"" id "\",\"name\":\"" name "\",\"args\":{}}" sign "}"
#define FR_ID(id, name, json)                                                                      \
	"{\"functionResponse\":{\"id\":\"" id "\",\"name\":\"" name "\",\"response\":" json "}}"
#define MISSING "{\"error\":\"no result was provided\"}"
#define HI      BY("user", T("hi"))

#endif
