/*
 * Legacy completions and what upstream may answer: each prompt's body must be JSON for Gemini, each
 * refusal an error that OpenAI's clients can read, each event and each plain answer JSON.  The
 * first byte is what the model lacks and the operator chose, the rest of its line an answer of
 * upstream's, given to each part; what follows is the body.
 */
#include <assert.h>
#include "base/scan.h"
#include "dialect/dialect.h"
#include "gemini/model.h"

#define PARTS_ANSWERED 16

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static bool
know_model(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	(void)e;
	*out = (struct dialect_model){ .name = bare, .facts = model_facts(bare) };
	out->facts.lacks |= *(const unsigned *)ctx;
	return true;
}

static void
check_bodies(const struct call *c)
{
	struct buf flat = BUF_INIT;

	for (size_t i = 0; i < c->parts; i++) {
		buf_clear(&flat);
		body_flatten(&c->bodies[i], &flat);
		assert(flat.len == body_len(&c->bodies[i]));
		assert(scan_check(buf_span(&flat), NULL, NULL));
		assert(span_starts(
		    buf_span(&flat), "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\""));
	}
	buf_fini(&flat);
}

static void
check(const struct call *c, struct span body)
{
	assert(scan_check(body, NULL, NULL));
	assert(model_name_is_valid(c->model));
	assert(c->notes != NULL && (c->op == OP_STREAM) == c->stream);
	assert(c->parts >= 1 && c->parts <= 128 * 8 && c->choices >= 1 && c->choices <= 8);
	check_bodies(c);
}

/* Each event has its line, and its JSON in it; the last one only ends. */
static void
check_events(struct span stream)
{
	while (stream.len > 0) {
		struct span line = span_cut(&stream, '\n');
		struct span blank = span_cut(&stream, '\n');

		assert(span_starts(line, "data: ") && blank.len == 0);
		line = span_mem(line.p + 6, line.len - 6);
		assert(span_is(line, "[DONE]") || scan_check(line, NULL, NULL));
	}
}

static void
finish(struct dialect_out *out)
{
	struct err e = ERR_INIT;
	size_t told = out->bytes->len;

	out->begun = told > 0;
	if (!dialect_openai_completions.finish(out, &e)) {
		assert(e.kind != ERR_NONE && e.text[0] != '\0' && out->bytes->len == told);
		dialect_openai_completions.fail(out, &e);
	}
	if (span_starts(buf_span(out->bytes), "data: "))
		check_events(buf_span(out->bytes));
	else
		assert(scan_check(buf_span(out->bytes), NULL, NULL));
}

static void
answer(const struct call *c, struct arena *arena, struct span json, const struct dialect_options *o)
{
	struct buf bytes = BUF_INIT;
	struct dialect_out out = { .dialect = &dialect_openai_completions,
		.arena = arena,
		.bytes = &bytes,
		.call = c,
		.request_id = "r",
		.options = o };
	struct err e = ERR_INIT;
	struct chunk k;

	for (size_t part = 0; part < c->parts && part < PARTS_ANSWERED; part++) {
		if (!chunk_parse(json, c->op, arena, &k, &e) || k.error.p != NULL)
			break;
		k.part = part;
		for (size_t i = 0; i < k.candidate_count; i++) {
			int64_t of_part = k.candidates[i].index & 7;

			k.candidates[i].index = (int64_t)(part * c->choices) + of_part;
		}
		dialect_openai_completions.encode(&out, &k);
	}
	finish(&out);
	buf_fini(&bytes);
}

static void
check_refusal(const struct err *e)
{
	struct buf bytes = BUF_INIT;

	assert(e->kind == ERR_BAD_REQUEST || e->kind == ERR_MODEL_NOT_FOUND);
	assert(e->text[0] != '\0');
	dialect_openai_error(&bytes, e, NULL);
	assert(scan_check(buf_span(&bytes), NULL, NULL));
	buf_fini(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 1)
		return 0;
	unsigned lacks = data[0] & ((1u << LACK_COUNT) - 1) & 0x7F;
	const struct dialect_options options = { .blocked_prompt = (data[0] & 0x80) != 0
								       ? BLOCKED_PROMPT_ERROR400
								       : BLOCKED_PROMPT_CHOICE };
	const struct dialect_house house = { .ctx = &lacks, .model = know_model };
	struct span body = span_mem(data + 1, len - 1);
	struct span chunk = span_cut(&body, '\n');
	const struct dialect_request req = {
		.op = OP_GENERATE, .body = body, .options = &options, .house = &house
	};
	struct arena *arena = arena_new(0);
	struct err e = ERR_INIT;
	struct call c;

	if (dialect_openai_completions.decode(&req, arena, &c, &e)) {
		check(&c, body);
		answer(&c, arena, chunk, &options);
	} else {
		check_refusal(&e);
	}
	arena_free(&arena);
	return 0;
}
