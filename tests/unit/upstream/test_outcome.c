#include "tests/unit/unit.h"
#include <time.h>
#include "base/mem.h"
#include "upstream/outcome.h"

static int64_t
utc(const char *text)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%S", &tm));
	return (int64_t)timegm(&tm) * 1000;
}

static void
the_day_of_quotas_ends_at_midnight_in_california(void **state)
{
	static const struct {
		const char *now, *reset;
	} cases[] = {
		{ "2026-01-15T12:00:00", "2026-01-16T08:00:00" },
		{ "2026-03-08T07:59:59", "2026-03-08T08:00:00" }, /* the day summer time begins */
		{ "2026-03-08T08:00:00", "2026-03-09T07:00:00" },
		{ "2026-03-08T10:00:00", "2026-03-09T07:00:00" },
		{ "2026-07-04T06:59:59", "2026-07-04T07:00:00" },
		{ "2026-07-04T07:00:00", "2026-07-05T07:00:00" },
		{ "2026-11-01T06:59:59", "2026-11-01T07:00:00" }, /* the day it ends */
		{ "2026-11-01T07:00:00", "2026-11-02T08:00:00" },
		{ "2026-11-01T12:00:00", "2026-11-02T08:00:00" },
		{ "2026-11-02T08:00:00", "2026-11-03T08:00:00" },
		{ "2027-03-14T09:00:00", "2027-03-15T07:00:00" },
		{ "2027-11-07T08:00:00", "2027-11-08T08:00:00" },
		{ "2028-02-29T23:30:00", "2028-03-01T08:00:00" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(outcome_pacific_midnight(utc(cases[i].now)), utc(cases[i].reset));
}

#define NOW INT64_C(1790000000000)
#define S   INT64_C(1000)

/* Verdict on a body as Google sends it. */
static struct verdict
verdict_on(int status, const char *body)
{
	struct arena *arena = arena_new(0);
	struct fault f;

	fault_parse(status, span_of(body), arena, &f);
	struct verdict v = outcome_of_fault(&f, NOW, 7);

	arena_free(&arena);
	return v;
}

#define ERROR(status, message, details)                                                            \
	"{\"error\":{\"code\":0,\"message\":\"" message "\",\"status\":\"" status                  \
	"\",\"details\":[" details "]}}"
#define REASON(r) "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"" r "\"}"
#define QUOTA(id)                                                                                  \
	"{\"@type\":\"type.googleapis.com/"                                                        \
	"google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":\"" id                             \
	"\",\"quotaValue\":\"5\"}]}"
#define RETRY(d) "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"" d "\"}"

static void
each_error_of_googles_means_what_the_table_says(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum outcome outcome;
		bool try_other, disable;
		int64_t frozen_ms; /* 0: not; -1: until midnight */
	} rows[] = {
		{ 400,
		    ERROR("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
			REASON("API_KEY_INVALID")),
		    OUTCOME_KEY_INVALID, true, true, 0 },
		{ 400, ERROR("INVALID_ARGUMENT", "API key expired. Please renew the API key.", ""),
		    OUTCOME_KEY_INVALID, true, true, 0 },
		{ 400,
		    ERROR("FAILED_PRECONDITION", "User location is not supported for the API use.",
			""),
		    OUTCOME_REGION, true, false, 86400 * S },
		{ 400, ERROR("INVALID_ARGUMENT", "Unknown name foo", ""), OUTCOME_REFUSED, false,
		    false, 0 },
		{ 401, ERROR("UNAUTHENTICATED", "no", ""), OUTCOME_KEY_INVALID, true, true, 0 },
		/* A method for accounts alone: each key in turn was disabled. */
		{ 401,
		    ERROR("UNAUTHENTICATED", "API keys are not supported by this API. Expected ...",
			REASON("CREDENTIALS_MISSING")),
		    OUTCOME_REFUSED, false, false, 0 },
		{ 401, ERROR("UNAUTHENTICATED", "API keys are not supported by this API.", ""),
		    OUTCOME_REFUSED, false, false, 0 },
		/* What the client wrote is quoted: it is not Google's word on the key. */
		{ 400,
		    ERROR("INVALID_ARGUMENT",
			"Invalid JSON payload received. Unknown name \\\"API key not valid\\\": "
			"Cannot "
			"find field.",
			""),
		    OUTCOME_REFUSED, false, false, 0 },
		{ 403,
		    ERROR("PERMISSION_DENIED",
			"You do not have permission to access the File has been suspended or it "
			"may "
			"not exist.",
			""),
		    OUTCOME_REFUSED, false, false, 0 },
		{ 403,
		    ERROR("PERMISSION_DENIED",
			"You do not have permission to access tuned model tunedModels/x.", ""),
		    OUTCOME_REFUSED, false, false, 0 },
		/* A portal on the way knows nothing of our keys. */
		{ 401, "<html>log in here</html>", OUTCOME_SERVER_ERROR, true, false, 0 },
		{ 402, "<html>pay here</html>", OUTCOME_SERVER_ERROR, true, false, 0 },
		{ 402, ERROR("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", ""),
		    OUTCOME_NO_CREDIT, true, true, 0 },
		{ 429, ERROR("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", ""),
		    OUTCOME_NO_CREDIT, true, true, 0 },
		{ 403, ERROR("PERMISSION_DENIED", "suspended", REASON("CONSUMER_SUSPENDED")),
		    OUTCOME_KEY_DENIED, true, true, 0 },
		{ 403,
		    ERROR("PERMISSION_DENIED",
			"Your API key was reported as leaked. Please use another API key.", ""),
		    OUTCOME_KEY_DENIED, true, true, 0 },
		{ 403, ERROR("PERMISSION_DENIED", "disabled", REASON("SERVICE_DISABLED")),
		    OUTCOME_KEY_DENIED, true, true, 0 },
		{ 403,
		    ERROR("PERMISSION_DENIED",
			"You do not have permission to access the File x or it may not exist.", ""),
		    OUTCOME_REFUSED, false, false, 0 },
		{ 403, ERROR("PERMISSION_DENIED", "something new", ""), OUTCOME_FORBIDDEN, true,
		    false, 1800 * S },
		{ 404, ERROR("NOT_FOUND", "models/x is not found for API version v1beta", ""),
		    OUTCOME_MODEL_UNKNOWN, true, false, 0 },
		{ 404, ERROR("NOT_FOUND", "Not found: cache content", ""), OUTCOME_REFUSED, false,
		    false, 0 },
		{ 413, "too big", OUTCOME_REFUSED, false, false, 0 },
		{ 501, ERROR("UNIMPLEMENTED", "no", ""), OUTCOME_REFUSED, false, false, 0 },
		{ 429,
		    ERROR("RESOURCE_EXHAUSTED", "quota",
			QUOTA("GenerateRequestsPerMinutePerProjectPerModel-FreeTier") "," RETRY(
			    "56s")),
		    OUTCOME_QUOTA_MINUTE, true, false, 56 * S },
		{ 429,
		    ERROR("RESOURCE_EXHAUSTED", "quota",
			QUOTA("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")),
		    OUTCOME_QUOTA_MINUTE, true, false, 60 * S },
		/* Lesson 20: the delay says seconds, the quota says day. */
		{ 429,
		    ERROR("RESOURCE_EXHAUSTED", "quota",
			QUOTA("GenerateRequestsPerDayPerProjectPerModel-FreeTier") "," RETRY(
			    "38s")),
		    OUTCOME_QUOTA_DAY, true, false, -1 },
		{ 429,
		    ERROR("RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: gemini-2.0-flash",
			""),
		    OUTCOME_QUOTA_ZERO, true, false, 86400 * S },
		{ 429,
		    ERROR("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).",
			""),
		    OUTCOME_QUOTA_VAGUE, true, false, 30 * S },
		{ 500, ERROR("INTERNAL", "An internal error has occurred.", ""),
		    OUTCOME_SERVER_ERROR, true, false, 0 },
		{ 502, "<html>Bad Gateway</html>", OUTCOME_SERVER_ERROR, true, false, 0 },
		{ 503, ERROR("UNAVAILABLE", "The model is overloaded. Please try again later.", ""),
		    OUTCOME_OVERLOADED, true, false, 0 },
		{ 504, ERROR("DEADLINE_EXCEEDED", "Deadline expired", ""), OUTCOME_TIMED_OUT, true,
		    false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(rows[i].status, rows[i].body);
		int64_t until = rows[i].frozen_ms == -1  ? outcome_pacific_midnight(NOW) + 7
				: rows[i].frozen_ms == 0 ? 0
							 : NOW + rows[i].frozen_ms;

		if (v.outcome != rows[i].outcome || v.freeze_until_wall_ms != until)
			fail_msg("row %zu: %s, frozen %lld", i, outcome_name(v.outcome),
			    (long long)(v.freeze_until_wall_ms - NOW));
		assert_int_equal(v.try_other, rows[i].try_other);
		assert_int_equal(v.disable, rows[i].disable);
	}
}

static void
absurd_hints_are_bounded(void **state)
{
	(void)state;
	struct verdict v = verdict_on(
	    429, ERROR("RESOURCE_EXHAUSTED", "q",
		     QUOTA("GenerateRequestsPerMinutePerProjectPerModel") "," RETRY("561600s")));

	assert_int_equal(v.freeze_until_wall_ms, NOW + 120 * S);
	v = verdict_on(429, ERROR("RESOURCE_EXHAUSTED", "q", RETRY("999999999s")));
	assert_int_equal(v.freeze_until_wall_ms, NOW + 600 * S);
	v = verdict_on(429, ERROR("RESOURCE_EXHAUSTED", "q", RETRY("0s")));
	assert_int_equal(v.freeze_until_wall_ms, NOW + S);
}

static void
what_the_network_said_blames_rightly(void **state)
{
	static const struct {
		enum fetch_result result;
		enum outcome outcome;
		bool try_other;
	} rows[] = {
		{ FETCH_OK, OUTCOME_OK, false },
		{ FETCH_DNS, OUTCOME_UNREACHABLE, true },
		{ FETCH_CONNECT, OUTCOME_UNREACHABLE, true },
		{ FETCH_CONNECT_SLOW, OUTCOME_TIMED_OUT, true },
		{ FETCH_TLS, OUTCOME_UNREACHABLE, true },
		{ FETCH_RESET, OUTCOME_UNREACHABLE, true },
		{ FETCH_CUT, OUTCOME_GARBLED, true },
		{ FETCH_FIRST_BYTE_SLOW, OUTCOME_TIMED_OUT, true },
		{ FETCH_IDLE, OUTCOME_TIMED_OUT, true },
		{ FETCH_TOTAL_SLOW, OUTCOME_OUT_OF_TIME, false },
		{ FETCH_PROTOCOL, OUTCOME_GARBLED, true },
		{ FETCH_REFUSED, OUTCOME_REFUSED, false },
		{ FETCH_FORBIDDEN, OUTCOME_UNREACHABLE, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = outcome_of_fetch(rows[i].result);

		assert_int_equal(v.outcome, rows[i].outcome);
		assert_int_equal(v.try_other, rows[i].try_other);
		assert_false(v.disable);
	}
}

static void
every_outcome_has_last_words(void **state)
{
	(void)state;
	for (enum outcome o = 0; o < OUTCOME_COUNT; o++) {
		struct err e = ERR_INIT;

		outcome_err(o, NULL, &e);
		assert_int_not_equal(e.kind, ERR_NONE);
		assert_true(strlen(e.text) > 0);
		assert_true(strlen(outcome_name(o)) > 0);
	}
}

static void
what_one_credential_has_spent_is_not_the_last_word(void **state)
{
	const struct verdict none = { .outcome = OUTCOME_OK };
	const struct verdict spent = { .outcome = OUTCOME_QUOTA_DAY, .freeze_until_wall_ms = NOW };
	const struct verdict denied = { .outcome = OUTCOME_KEY_DENIED, .disable = true };
	const struct verdict failed = { .outcome = OUTCOME_SERVER_ERROR };

	(void)state;
	assert_true(outcome_outweighs(&spent, &none));
	assert_true(outcome_outweighs(&failed, &spent));
	assert_true(outcome_outweighs(&denied, &spent));
	assert_true(outcome_outweighs(&failed, &failed));
	assert_false(outcome_outweighs(&spent, &failed));
	assert_false(outcome_outweighs(&denied, &failed));
}

static void
googles_words_about_our_credentials_are_not_passed_on(void **state)
{
	struct arena *arena = arena_new(0);
	struct fault f;
	struct err e = ERR_INIT;

	(void)state;
	fault_parse(403,
	    SPAN(ERROR("PERMISSION_DENIED", "Consumer number 42 has been suspended.",
		REASON("CONSUMER_SUSPENDED"))),
	    arena, &f);
	outcome_err(OUTCOME_KEY_DENIED, &f, &e);
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	assert_null(strstr(e.text, "42"));
	fault_parse(
	    400, SPAN(ERROR("INVALID_ARGUMENT", "contents is not specified", "")), arena, &f);
	outcome_err(OUTCOME_REFUSED, &f, &e);
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_string_equal(e.text, "contents is not specified");
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_day_of_quotas_ends_at_midnight_in_california),
		cmocka_unit_test(each_error_of_googles_means_what_the_table_says),
		cmocka_unit_test(absurd_hints_are_bounded),
		cmocka_unit_test(what_the_network_said_blames_rightly),
		cmocka_unit_test(every_outcome_has_last_words),
		cmocka_unit_test(what_one_credential_has_spent_is_not_the_last_word),
		cmocka_unit_test(googles_words_about_our_credentials_are_not_passed_on),
	};

	return cmocka_run_group_tests_name("upstream/outcome", tests, NULL, NULL);
}
