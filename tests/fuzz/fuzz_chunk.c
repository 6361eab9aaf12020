/*
 * Answers of Gemini, through the reader and the dialect of OpenAI's chat.  The first byte picks
 * framing and what was asked for, the second what the client and the operator are like, the
 * third where the rest is split: whole and split must give the same, and what comes out must be
 * events of JSON.  What is remembered of calls must be what the store takes.
 */
#include <assert.h>
#include "base/scan.h"
#include "dialect/openai_chat.h"

#define MAX_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct replay {
	struct arena *arena;
	struct chat_notes notes;
	struct openai_tools tools;
	struct dialect_options options;
	struct dialect_house house;
	struct call call;
	struct buf bytes;
	struct dialect_out out;
};

static bool
take_chunk(void *ctx, const struct chunk *k)
{
	struct replay *r = ctx;
	struct fault f;

	assert(scan_check(k->raw, NULL, NULL));
	if (k->error.p == NULL) {
		chunk_says_something(k, r->call.op);
		chunk_ends(k);
		dialect_openai_chat.encode(&r->out, k);
		return true;
	}
	fault_parse(200, k->raw, r->arena, &f);
	return false;
}

static void
remember(void *ctx, const struct signed_call *c)
{
	(void)ctx;
	assert(c->id.len == 29 && span_starts(c->id, "call_"));
	assert(span_starts(c->args, "{") && scan_check(c->args, NULL, NULL));
	assert(c->model.len > 0);
}

static void
read_tools(struct replay *r, bool legacy)
{
	struct err e = ERR_INIT;
	struct scan s;
	bool ok;

	if (legacy) {
		scan_init(&s, SPAN("[{\"name\":\"f\"}]"));
		ok = openai_functions_read(&r->tools, &s, r->arena, &e);
	} else {
		scan_init(
		    &s, SPAN("[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":"
			     "\"custom\",\"custom\":{\"name\":\"g\"}},{\"type\":\"function\","
			     "\"function\":{\"name\":\"h\"}}]"));
		ok = openai_tools_read(&r->tools, &s, "tools", r->arena, &e);
	}
	assert(ok);
	r->tools.last->wrapped = !legacy;
	r->notes.tools = &r->tools;
}

static void
replay_init(struct replay *r, uint8_t asked, uint8_t likes)
{
	static const enum framing framings[] = { FRAMING_UNARY, FRAMING_SSE, FRAMING_ARRAY,
		FRAMING_SSE };
	enum framing framing = framings[asked & 3];
	bool stream = framing != FRAMING_UNARY;

	*r = (struct replay){ .arena = arena_new(0),
		.notes = { .include_usage = asked & 4,
		    .logprobs = asked & 8,
		    .one_call = asked & 32,
		    .raw_audio = asked & 64,
		    .thought_tag = asked & 128 ? SPAN("t") : SPAN_NONE },
		.options = { .thoughts = likes & 1 ? THOUGHTS_NEVER : THOUGHTS_AUTO,
		    .image_out = likes >> 1 & 3,
		    .blocked_prompt = likes >> 3 & 1 } };
	r->call = (struct call){ .op = stream ? OP_STREAM : OP_GENERATE,
		.framing = framing,
		.stream = stream && !(asked & 16),
		.model = SPAN("m"),
		.model_asked = SPAN("m"),
		.parts = 1,
		.choices = 1,
		.notes = &r->notes };
	r->house = (struct dialect_house){ .ctx = r, .remember = remember };
	r->out = (struct dialect_out){ .dialect = &dialect_openai_chat,
		.arena = r->arena,
		.bytes = &r->bytes,
		.call = &r->call,
		.request_id = "r",
		.created_s = 1,
		.options = &r->options,
		.house = &r->house };
	if (likes & 16)
		read_tools(r, likes & 32);
}

static void
replay_run(struct replay *r, struct span text, size_t split)
{
	struct chunk_reader *reader =
	    chunk_reader_new(r->call.framing, r->call.op, MAX_BYTES, take_chunk, r);
	struct err e = ERR_INIT;
	bool ok = chunk_reader_feed(reader, span_mem(text.p, split), &e) &&
		  chunk_reader_feed(reader, span_mem(text.p + split, text.len - split), &e) &&
		  chunk_reader_finish(reader, &e) && dialect_openai_chat.finish(&r->out, &e);

	if (!ok) {
		if (e.kind == ERR_NONE)
			err_set(&e, ERR_UPSTREAM, "stopped");
		r->out.begun = r->call.stream;
		dialect_openai_chat.fail(&r->out, &e);
	}
	chunk_reader_free(&reader);
}

static void
check(const struct replay *r)
{
	struct span rest = buf_span(&r->bytes);

	if (!r->call.stream) {
		assert(scan_check(rest, NULL, NULL));
		return;
	}
	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');

		assert(span_starts(line, "data: "));
		line = span_mem(line.p + 6, line.len - 6);
		assert(span_is(line, "[DONE]") || scan_check(line, NULL, NULL));
		assert(span_cut(&rest, '\n').len == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct replay whole, split;
	struct span text;

	if (len < 3)
		return 0;
	text = span_mem(data + 3, len - 3);
	replay_init(&whole, data[0], data[1]);
	replay_init(&split, data[0], data[1]);
	replay_run(&whole, text, text.len);
	replay_run(&split, text, text.len * data[2] / 256);
	check(&whole);
	assert(span_eq(buf_span(&whole.bytes), buf_span(&split.bytes)));
	buf_fini(&whole.bytes);
	buf_fini(&split.bytes);
	arena_free(&whole.arena);
	arena_free(&split.arena);
	return 0;
}
