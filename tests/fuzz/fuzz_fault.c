/*
 * Errors of Gemini: nothing may crash, what is to be relayed must be JSON, and a key that was
 * planted in front must be gone from everything that is told.  What they mean for a credential
 * is bounded, whatever they say.
 */
#include <assert.h>
#include "base/scan.h"
#include "gemini/fault.h"
#include "upstream/outcome.h"

#define NOW INT64_C(1790000000000)
#define DAY INT64_C(86400000)
#define KEY "AIzaSyA1234567890abcdefghijklmnopqrstuv"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Shown to a person, in a terminal or on a page. */
static void
check_link(const char *link)
{
	assert(link[0] == '\0' || strncmp(link, "https://", 8) == 0);
	assert(strpbrk(link, " \t\r\n\033\"'<>") == NULL);
}

static void
check(const struct fault *f)
{
	const char *const told[] = { f->status, f->message, f->reason, f->field, f->quota_id,
		f->quota_model, f->validation_link };

	assert(f->is_json ? scan_check(f->body, NULL, NULL) : f->body.len == 0);
	assert(!span_has(f->body, KEY));
	check_link(f->validation_link);
	assert(f->retry_ms >= -1 && f->reset_at_ms >= -1);
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		assert(strstr(told[i], KEY) == NULL);
}

static void
check_limit(int64_t limit)
{
	assert(limit >= 0 && limit <= QUOTA_LIMIT_MAX);
}

/* No credential rests for longer than two days and a bit, or is given up for words that do not come
 * in Google's envelope. */
static void
check_verdict(const struct fault *f)
{
	struct verdict v = outcome_of_fault(f, NOW, 7);
	int64_t until = v.freeze_until_wall_ms;

	assert(v.freeze_for_ms >= 0 && v.freeze_for_ms <= 2 * DAY + DAY / 12);
	assert(until == 0 || (until > NOW && until <= NOW + 2 * DAY + DAY / 12));
	assert(v.freeze_for_ms == 0 || until == 0);
	assert(v.freeze != FREEZE_NONE || (v.freeze_for_ms == 0 && until == 0));
	assert(!v.disable || (f->is_json && v.freeze == FREEZE_NONE));
	assert(v.disable == outcome_is_ours(v.outcome));
	assert(!v.siblings || v.outcome == OUTCOME_SUSPENDED);
	check_limit(v.limit_rpm);
	check_limit(v.limit_tpm);
	check_limit(v.limit_rpd);
	outcome_with_tokens(&v, f, 1000);
	assert(v.outcome != OUTCOME_TOO_MANY_TOKENS || v.freeze == FREEZE_NONE);
}

/* The same words under every status. */
static void
check_statuses(const uint8_t *data, size_t len)
{
	static const int statuses[] = { 200, 400, 401, 402, 403, 404, 429, 500, 503 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct arena *arena = arena_new(0);
		struct fault f;

		fault_parse(statuses[i], span_mem(data, len), arena, &f);
		check(&f);
		check_verdict(&f);
		arena_free(&arena);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new(0);
	struct buf planted = BUF_INIT;
	struct fault f;

	check_statuses(data, len);
	/* The same as a message, with a key in it. */
	buf_add_lit(&planted, "{\"error\":{\"message\":");
	scan_quote(&planted, span_mem(data, len));
	buf_add_lit(&planted, ",\"status\":\"x " KEY "\"}}");
	fault_parse(403, buf_span(&planted), arena, &f);
	check(&f);
	check_verdict(&f);
	buf_clear(&planted);
	fault_redact(span_mem(data, len), &planted);
	buf_fini(&planted);
	arena_free(&arena);
	return 0;
}
