/*
 * An answer of chat completions under way, for the tests of the rooms that write it: chunks of
 * Gemini go in, a client's bytes come out, and what the house is told to remember is kept.
 */
#ifndef POLLUX_TESTS_CHAT_ANSWER_H
#define POLLUX_TESTS_CHAT_ANSWER_H

#include "base/scan.h"
#include "dialect/openai_chat.h"
#include "tests/unit/unit.h"

#define REMEMBERED_MAX 8

struct remembered {
	char id[40], upstream_id[40], name[80], args[200], signature[80], model[40];
	size_t step_index;
};

struct answer {
	struct arena *arena;
	struct chat_notes notes;
	struct openai_tools tools;
	struct dialect_options options;
	struct dialect_house house;
	struct call call;
	struct buf bytes;
	struct dialect_out out;
	struct err err;
	struct remembered remembered[REMEMBERED_MAX];
	size_t remembered_count;
};

static inline void
answer_remembers(void *ctx, const struct signed_call *c)
{
	struct answer *a = ctx;
	struct remembered *r = &a->remembered[a->remembered_count++];

	assert_in_range(a->remembered_count, 1, REMEMBERED_MAX);
#define REMEMBERED(member) snprintf(r->member, sizeof(r->member), "%.*s", SPAN_ARG(c->member))
	REMEMBERED(id);
	REMEMBERED(upstream_id);
	REMEMBERED(name);
	REMEMBERED(args);
	REMEMBERED(signature);
	REMEMBERED(model);
#undef REMEMBERED
	r->step_index = c->step_index;
}

static inline void
answer_init(struct answer *a, bool stream)
{
	*a = (struct answer){ .arena = arena_new(0),
		.call = { .op = stream ? OP_STREAM : OP_GENERATE,
		    .framing = stream ? FRAMING_SSE : FRAMING_UNARY,
		    .model = SPAN("gemini-3.5-flash"),
		    .model_asked = SPAN("models/gem\"ini"),
		    .parts = 1,
		    .choices = 1,
		    .stream = stream } };
	a->call.notes = &a->notes;
	a->house = (struct dialect_house){ .ctx = a, .remember = answer_remembers };
	a->out = (struct dialect_out){ .dialect = &dialect_openai_chat,
		.arena = a->arena,
		.bytes = &a->bytes,
		.call = &a->call,
		.request_id = "req1",
		.created_s = 1700000000,
		.options = &a->options,
		.house = &a->house };
}

static inline void
answer_fini(struct answer *a)
{
	arena_free(&a->arena);
	buf_fini(&a->bytes);
}

/* The request's tools, as JSON of OpenAI's. */
static inline void
answer_has_tools(struct answer *a, const char *json, bool legacy)
{
	struct scan s;
	bool ok;

	scan_init(&s, span_of(json));
	ok = legacy ? openai_functions_read(&a->tools, &s, a->arena, &a->err)
		    : openai_tools_read(&a->tools, &s, "tools", a->arena, &a->err);
	if (!ok)
		fail_msg("%s: %s", json, a->err.text);
	a->notes.tools = &a->tools;
}

/* The chunk's bytes are gone when this returns, as they are behind a reader's callback. */
static inline void
answer_gets(struct answer *a, const char *json)
{
	char *copy = malloc(strlen(json) + 1);
	struct arena *brief = arena_new(0);
	struct chunk k;

	strcpy(copy, json);
	if (!chunk_parse(span_of(copy), a->call.op, brief, &k, &a->err))
		fail_msg("%s: %s", json, a->err.text);
	dialect_openai_chat.encode(&a->out, &k);
	arena_free(&brief);
	memset(copy, '#', strlen(json));
	free(copy);
}

static inline void
answer_ends(struct answer *a)
{
	if (!dialect_openai_chat.finish(&a->out, &a->err))
		fail_msg("%s", a->err.text);
}

/* cmocka has a macro of the name fail. */
static inline void
answer_fails(struct answer *a)
{
	(dialect_openai_chat.fail)(&a->out, &a->err);
}

static inline void
answer_is(const struct answer *a, const char *want)
{
	if (strcmp(buf_text(&a->bytes), want) != 0)
		fail_msg("\n%s\ninstead of\n%s", buf_text(&a->bytes), want);
}

static inline void
answer_has(const struct answer *a, const char *want)
{
	if (strstr(buf_text(&a->bytes), want) == NULL)
		fail_msg("\n%s\nis not in\n%s", want, buf_text(&a->bytes));
}

static inline void
answer_lacks(const struct answer *a, const char *word)
{
	if (strstr(buf_text(&a->bytes), word) != NULL)
		fail_msg("\n%s\nis in\n%s", word, buf_text(&a->bytes));
}

/* All chunks of a list that ends in NULL, and the end. */
static inline void
answer_gets_all(struct answer *a, const char *const *chunks)
{
	for (; *chunks != NULL; chunks++)
		answer_gets(a, *chunks);
	answer_ends(a);
}

/* Puts "call_*" in place of each id, having looked at it; likewise "audio_*". */
static inline size_t
answer_hide_ids(struct answer *a, char ids[][40], size_t max)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	struct buf out = BUF_INIT;
	const char *p = buf_text(&a->bytes), *mark;
	size_t count = 0;

	while ((mark = strchr(p, '_')) != NULL) {
		size_t len = strspn(mark + 1, letters);

		buf_add(&out, p, (size_t)(mark + 1 - p));
		if (len == 24 && mark[25] == '"') {
			buf_add_char(&out, '*');
			if (count < max)
				snprintf(ids[count], 40, "call_%.24s", mark + 1);
			count++;
		} else {
			buf_add(&out, mark + 1, len);
		}
		p = mark + 1 + len;
	}
	buf_add_text(&out, p);
	buf_fini(&a->bytes);
	a->bytes = out;
	return count;
}

/* A stream. */
#define CREATED    ",\"created\":1700000000,\"model\":\"models/gem\\\"ini\""
#define PLAIN_HEAD "{\"id\":\"chatcmpl-R1\",\"object\":\"chat.completion\"" CREATED
#define CHUNK_HEAD "data: {\"id\":\"chatcmpl-R1\",\"object\":\"chat.completion.chunk\"" CREATED
#define EVENT(index, delta, finish)                                                                \
	CHUNK_HEAD ",\"choices\":[{\"index\":" index ",\"delta\":" delta                           \
		   ",\"finish_reason\":" finish "}]}\n\n"
#define DELTA(delta)   EVENT("0", delta, "null")
#define FINISH(reason) EVENT("0", "{}", "\"" reason "\"")
#define ROLE           "{\"role\":\"assistant\",\"content\":\"\"}"
#define DONE           "data: [DONE]\n\n"

/* A chunk of Gemini's. */
#define PART(p) "{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" p "]}}]}"
#define LAST(p, why)                                                                               \
	"{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" p                       \
	"]},\"finishReason\":\"" why "\"}]}"
#define TEXT(t)          "{\"text\":\"" t "\"}"
#define CALL(name, args) "{\"functionCall\":{\"name\":\"" name "\",\"args\":" args "}}"

/* A plain answer. */
#define NO_USAGE                                                                                   \
	",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0,"              \
	"\"prompt_tokens_details\":{\"cached_tokens\":0},"                                         \
	"\"completion_tokens_details\":{\"reasoning_tokens\":0}}}"
#define CHOICE(index, message, finish)                                                             \
	"{\"index\":" index ",\"message\":{\"role\":\"assistant\"," message "},\"logprobs\":null," \
	"\"finish_reason\":\"" finish "\"}"
#define PLAIN(message, finish) PLAIN_HEAD ",\"choices\":[" CHOICE("0", message, finish) "]" NO_USAGE

/* Chunks through a stream, or a plain answer, and what comes of them; ids are hidden. */
static inline void
gives(bool stream, const char *const *chunks, const char *want)
{
	struct answer a;

	answer_init(&a, stream);
	answer_gets_all(&a, chunks);
	answer_hide_ids(&a, NULL, 0);
	answer_is(&a, want);
	if (!stream)
		assert_true(scan_check(buf_span(&a.bytes), NULL, NULL));
	answer_fini(&a);
}

#define CHUNKS(...)        ((const char *const[]){ __VA_ARGS__, NULL })
#define STREAMS(want, ...) gives(true, CHUNKS(__VA_ARGS__), want)
#define ANSWERS(want, ...) gives(false, CHUNKS(__VA_ARGS__), want)

#endif
