/*
 * Answers of Gemini, through the reader and the dialect of OpenAI's chat.  The first byte picks
 * framing and options, the second where the rest is split: whole and split must give the same,
 * and what comes out must be events of JSON.
 */
#include <assert.h>
#include "base/scan.h"
#include "dialect/openai_chat.h"

#define MAX_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct replay {
	struct arena *arena;
	struct chat_notes notes;
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
		dialect_openai_chat.encode(&r->out, k);
		return true;
	}
	fault_parse(200, k->raw, r->arena, &f);
	return false;
}

static void
replay_init(struct replay *r, uint8_t options)
{
	static const enum framing framings[] = { FRAMING_UNARY, FRAMING_SSE, FRAMING_ARRAY,
		FRAMING_SSE };
	enum framing framing = framings[options & 3];
	bool stream = framing != FRAMING_UNARY;

	*r = (struct replay){ .arena = arena_new(0),
		.notes = { .include_usage = options & 4, .logprobs = options & 8 } };
	r->call = (struct call){ .op = stream ? OP_STREAM : OP_GENERATE,
		.framing = framing,
		.stream = stream && !(options & 16),
		.model_asked = SPAN("m"),
		.notes = &r->notes };
	r->out = (struct dialect_out){ .dialect = &dialect_openai_chat,
		.arena = r->arena,
		.bytes = &r->bytes,
		.call = &r->call,
		.request_id = "r",
		.created_s = 1 };
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

	if (len < 2)
		return 0;
	text = span_mem(data + 2, len - 2);
	replay_init(&whole, data[0]);
	replay_init(&split, data[0]);
	replay_run(&whole, text, text.len);
	replay_run(&split, text, text.len * data[1] / 256);
	check(&whole);
	assert(span_eq(buf_span(&whole.bytes), buf_span(&split.bytes)));
	buf_fini(&whole.bytes);
	buf_fini(&split.bytes);
	arena_free(&whole.arena);
	arena_free(&split.arena);
	return 0;
}
