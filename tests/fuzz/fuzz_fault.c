/*
 * Errors of Gemini: nothing may crash, what is to be relayed must be JSON, and a key that was
 * planted in front must be gone from everything that is told.
 */
#include <assert.h>
#include "base/scan.h"
#include "gemini/fault.h"

#define KEY "AIzaSyA1234567890abcdefghijklmnopqrstuv"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const struct fault *f)
{
	const char *const told[] = { f->status, f->message, f->reason, f->field, f->quota_id,
		f->quota_model };

	assert(f->is_json ? scan_check(f->body, NULL, NULL) : f->body.len == 0);
	assert(!span_has(f->body, KEY));
	assert(f->retry_ms >= -1 && f->reset_at_ms >= -1);
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		assert(strstr(told[i], KEY) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new(0);
	struct buf planted = BUF_INIT;
	struct fault f;

	fault_parse(429, span_mem(data, len), arena, &f);
	check(&f);
	/* The same as a message, with a key in it. */
	buf_add_lit(&planted, "{\"error\":{\"message\":");
	scan_quote(&planted, span_mem(data, len));
	buf_add_lit(&planted, ",\"status\":\"x " KEY "\"}}");
	fault_parse(403, buf_span(&planted), arena, &f);
	check(&f);
	buf_clear(&planted);
	fault_redact(span_mem(data, len), &planted);
	buf_fini(&planted);
	arena_free(&arena);
	return 0;
}
