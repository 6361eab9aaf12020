/*
 * Requests of OpenAI's chat: whatever is accepted must be JSON for Gemini, whatever is refused
 * must be an error that OpenAI's clients can read.
 */
#include <assert.h>
#include "base/scan.h"
#include "dialect/openai_chat.h"
#include "gemini/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct dialect_request req = { .op = OP_GENERATE, .body = span_mem(data, len) };
	struct arena *arena = arena_new(0);
	struct buf bytes = BUF_INIT;
	struct err e = ERR_INIT;
	struct call c;

	if (openai_chat_decode(&req, arena, &c, &e)) {
		assert(scan_check(req.body, NULL, NULL));
		assert(scan_check(c.body, NULL, NULL));
		assert(model_name_is_valid(c.model));
		assert(c.notes != NULL);
		call_url(&c, "https://gemini.example", &bytes);
	} else {
		assert(e.kind != ERR_NONE && e.text[0] != '\0');
		dialect_openai_error(&bytes, &e, NULL);
		assert(scan_check(buf_span(&bytes), NULL, NULL));
	}
	buf_fini(&bytes);
	arena_free(&arena);
	return 0;
}
