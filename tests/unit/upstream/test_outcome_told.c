/*
 * What the client is told of each outcome, and what is kept from it.
 */
#include "tests/unit/upstream/outcome_world.h"

/* ---- what the client is told ---- */

static void
every_outcome_has_a_name_and_last_words(void **state)
{
	(void)state;
	for (enum outcome o = 0; o < OUTCOME_COUNT; o++) {
		struct err e = ERR_INIT;

		outcome_err(o, NULL, &e);
		assert_int_not_equal(e.kind, ERR_NONE);
		assert_true(strlen(e.text) > 0);
		assert_true(strlen(outcome_name(o)) > 0);
		assert_true(outcome_facts(o)->pause_least_ms <= outcome_facts(o)->pause_most_ms);
	}
}

/* "What to return to OpenAI-style callers"; the dialects give each kind its type and code. */
static void
every_internal_result_has_the_kind_of_its_status(void **state)
{
	static const struct {
		enum outcome outcome;
		enum err_kind kind;
	} rows[] = {
		{ OUTCOME_REFUSED, ERR_BAD_REQUEST },
		{ OUTCOME_REGION, ERR_BAD_REQUEST },
		{ OUTCOME_MODEL_UNKNOWN, ERR_MODEL_NOT_FOUND },
		{ OUTCOME_FORBIDDEN, ERR_FORBIDDEN },
		/* all credentials frozen: for a minute */
		{ OUTCOME_QUOTA_MINUTE, ERR_BUSY },
		{ OUTCOME_QUOTA_VAGUE, ERR_BUSY },
		/* for the day, for good, without credit */
		{ OUTCOME_QUOTA_DAY, ERR_QUOTA },
		{ OUTCOME_QUOTA_ZERO, ERR_QUOTA },
		{ OUTCOME_NO_CREDIT, ERR_QUOTA },
		{ OUTCOME_TOO_MANY_TOKENS, ERR_QUOTA },
		/* upstream 500, 502 */
		{ OUTCOME_SERVER_ERROR, ERR_UPSTREAM },
		{ OUTCOME_UNREACHABLE, ERR_UPSTREAM },
		{ OUTCOME_CANCELLED, ERR_UPSTREAM },
		{ OUTCOME_EMPTY, ERR_UPSTREAM },
		{ OUTCOME_GARBLED, ERR_UPSTREAM },
		{ OUTCOME_BROKE_OFF, ERR_UPSTREAM },
		/* overload, no usable credential */
		{ OUTCOME_OVERLOADED, ERR_OVERLOADED },
		{ OUTCOME_NO_CAPACITY, ERR_OVERLOADED },
		{ OUTCOME_KEY_INVALID, ERR_UNAVAILABLE },
		{ OUTCOME_KEY_DENIED, ERR_UNAVAILABLE },
		{ OUTCOME_SUSPENDED, ERR_UNAVAILABLE },
		{ OUTCOME_NEEDS_VALIDATION, ERR_UNAVAILABLE },
		/* deadline */
		{ OUTCOME_TIMED_OUT, ERR_UPSTREAM_SLOW },
		{ OUTCOME_SILENT, ERR_UPSTREAM_SLOW },
		{ OUTCOME_OUT_OF_TIME, ERR_UPSTREAM_SLOW },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;

		outcome_err(rows[i].outcome, NULL, &e);
		if (e.kind != rows[i].kind)
			fail_msg("%s: %s", outcome_name(rows[i].outcome), err_kind_name(e.kind));
	}
}

static void
a_refusal_keeps_its_status_and_its_words(void **state)
{
	static const struct {
		int status;
		enum err_kind kind;
	} rows[] = { { 400, ERR_BAD_REQUEST }, { 403, ERR_FORBIDDEN }, { 404, ERR_NOT_FOUND },
		{ 409, ERR_CONFLICT }, { 413, ERR_TOO_LARGE }, { 501, ERR_UNSUPPORTED } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;

		verdict_on(rows[i].status, BAD("contents is not specified"));
		assert_ptr_equal(outcome_err(OUTCOME_REFUSED, &fault, &e), &fault);
		assert_int_equal(e.kind, rows[i].kind);
		assert_string_equal(e.text, "contents is not specified");
	}
}

static void
googles_words_about_our_credentials_are_not_passed_on(void **state)
{
	static const enum outcome ours[] = { OUTCOME_KEY_INVALID, OUTCOME_KEY_DENIED,
		OUTCOME_SUSPENDED, OUTCOME_NO_CREDIT, OUTCOME_NEEDS_VALIDATION };

	(void)state;
	verdict_on(403, NO_ACCESS("Consumer number 42 has been suspended.",
			    REASON("CONSUMER_SUSPENDED") "," RETRY("30s")));
	for (size_t i = 0; i < COUNT(ours); i++) {
		struct err e = ERR_INIT;

		assert_null(outcome_err(ours[i], &fault, &e));
		assert_null(strstr(e.text, "42"));
		assert_int_equal(e.retry_ms, 0);
	}
}

static void
only_what_passes_by_itself_says_when(void **state)
{
	static const struct {
		int status;
		const char *body;
		int64_t retry_ms;
	} rows[] = {
		{ 429, SPENT(QUOTA(V(RPM)) "," RETRY("30s")), 30 * S },
		{ 429, SPENT(RETRY("30s")), 30 * S },
		{ 503, ERROR("UNAVAILABLE", "x", RETRY("30s")), 30 * S },
		{ 500, ERROR("INTERNAL", "x", RETRY("30s")), 30 * S },
		/* It does not mean it. */
		{ 429, SPENT(QUOTA(V(RPD)) "," RETRY("30s")), 0 },
		{ 429, SPENT(QUOTA(V_OF(RPM, "0")) "," RETRY("30s")), 0 },
		{ 400, ERROR("INVALID_ARGUMENT", "x", RETRY("30s")), 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(rows[i].status, rows[i].body);
		struct err e = ERR_INIT;

		outcome_err(v.outcome, &fault, &e);
		assert_int_equal(e.retry_ms, rows[i].retry_ms);
	}
}

static void
what_one_credential_has_spent_is_not_the_last_word(void **state)
{
	const struct verdict none = { .outcome = OUTCOME_OK };
	const struct verdict spent = { .outcome = OUTCOME_QUOTA_DAY, .freeze = FREEZE_QUOTA };
	const struct verdict denied = { .outcome = OUTCOME_KEY_DENIED, .disable = true };
	const struct verdict failed = { .outcome = OUTCOME_SERVER_ERROR };
	const struct verdict unknown = { .outcome = OUTCOME_MODEL_UNKNOWN, .freeze = FREEZE_OWN };
	const struct verdict huge = { .outcome = OUTCOME_TOO_MANY_TOKENS };

	(void)state;
	assert_true(outcome_outweighs(&spent, &none));
	assert_true(outcome_outweighs(&failed, &spent));
	assert_true(outcome_outweighs(&denied, &spent));
	assert_true(outcome_outweighs(&failed, &failed));
	assert_true(outcome_outweighs(&unknown, &spent));
	assert_true(outcome_outweighs(&huge, &spent));
	assert_false(outcome_outweighs(&spent, &failed));
	assert_false(outcome_outweighs(&denied, &failed));
	assert_false(outcome_outweighs(&spent, &unknown));
	assert_false(outcome_outweighs(&spent, &huge));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_outcome_has_a_name_and_last_words),
		T(every_internal_result_has_the_kind_of_its_status),
		T(a_refusal_keeps_its_status_and_its_words),
		T(googles_words_about_our_credentials_are_not_passed_on),
		T(only_what_passes_by_itself_says_when),
		T(what_one_credential_has_spent_is_not_the_last_word),
	};

	return cmocka_run_group_tests_name("upstream/outcome_told", tests, NULL, NULL);
}
