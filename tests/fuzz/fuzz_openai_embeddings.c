/*
 * Requests of OpenAI's embeddings and what upstream may answer: each batch must be JSON for Gemini,
 * each refusal an error that OpenAI's clients can read, and an answer JSON however the batches
 * came.  The first line is an answer of upstream's, given to each part; the rest is the body.
 */
#include <assert.h>
#include "base/scan.h"
#include "dialect/dialect.h"
#include "gemini/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_body(const struct call *c, size_t part)
{
	struct buf flat = BUF_INIT;

	body_flatten(&c->bodies[part], &flat);
	assert(flat.len == body_len(&c->bodies[part]));
	assert(scan_check(buf_span(&flat), NULL, NULL));
	assert(span_starts(buf_span(&flat), "{\"requests\":[{\"model\":\""));
	buf_fini(&flat);
}

static void
check_json(const struct buf *bytes)
{
	assert(bytes->len > 0 && scan_check(buf_span(bytes), NULL, NULL));
}

static void
fail(struct dialect_out *out, const struct err *e)
{
	assert(e->kind != ERR_NONE && e->text[0] != '\0' && out->bytes->len == 0);
	dialect_openai_embeddings.fail(out, e);
}

/* The last part answers first. */
static void
answer(const struct call *c, struct arena *arena, struct span json)
{
	struct buf bytes = BUF_INIT;
	struct dialect_out out = { .dialect = &dialect_openai_embeddings,
		.arena = arena,
		.bytes = &bytes,
		.call = c,
		.request_id = "r" };
	struct err e = ERR_INIT;
	struct chunk k;

	for (size_t part = c->parts; part-- > 0;) {
		if (!chunk_parse(json, c->op, arena, &k, &e) || k.error.p != NULL)
			break;
		k.part = part;
		dialect_openai_embeddings.encode(&out, &k);
	}
	e = ERR_INIT;
	if (!dialect_openai_embeddings.finish(&out, &e))
		fail(&out, &e);
	check_json(&bytes);
	buf_fini(&bytes);
}

static void
check(const struct call *c, struct span body)
{
	assert(scan_check(body, NULL, NULL));
	assert(model_name_is_valid(c->model));
	assert(c->op == OP_BATCH_EMBED && c->notes != NULL && c->choices == 1);
	assert(c->parts >= 1 && c->parts <= 21);
	for (size_t i = 0; i < c->parts; i++)
		check_body(c, i);
}

static void
check_refusal(const struct err *e)
{
	struct buf bytes = BUF_INIT;

	assert(e->kind == ERR_BAD_REQUEST || e->kind == ERR_MODEL_NOT_FOUND);
	dialect_openai_error(&bytes, e, NULL);
	check_json(&bytes);
	buf_fini(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span body = span_mem(data, len);
	struct span chunk = span_cut(&body, '\n');
	const struct dialect_request req = { .op = OP_BATCH_EMBED, .body = body };
	struct arena *arena = arena_new(0);
	struct err e = ERR_INIT;
	struct call c;

	if (dialect_openai_embeddings.decode(&req, arena, &c, &e)) {
		check(&c, body);
		answer(&c, arena, chunk);
	} else {
		check_refusal(&e);
	}
	arena_free(&arena);
	return 0;
}
