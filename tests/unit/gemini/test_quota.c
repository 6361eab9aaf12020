#include "gemini/quota.h"

#include "base/text.h"
#include "tests/unit/unit.h"

static void
durations_are_read_in_every_spelling(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "38s", 38000 },
		{ "0.539477544s", 540 },
		{ "51820.638305887s", 51820639 },
		{ "964ms", 964 },
		{ "11h2m3.5s", 39723500 },
		{ "0s", 0 },
		{ "56.185908122s.", 56186 },
		{ "1e300s", 366 * 86400 * INT64_C(1000) },
		{ "", -1 },
		{ "s", -1 },
		{ "5", -1 },
		{ "-5s", -1 },
		{ "soon", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (quota_duration_ms(rows[i].text) != rows[i].ms)
			fail_msg(
			    "%s: %lld", rows[i].text, (long long)quota_duration_ms(rows[i].text));
}

static void
timestamps_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-01-02T03:04:05.678Z", INT64_C(1767323045678) },
		{ "2026-01-02T03:04:05Z", INT64_C(1767323045000) },
		{ "2026-01-02T05:04:05+02:00", INT64_C(1767323045000) },
		{ "2026-01-01T22:04:05-05:00", INT64_C(1767323045000) },
		{ "2026-01-02T03:04:05", -1 },
		{ "2026-01-02", -1 },
		{ "tomorrow", -1 },
		{ "2026-01-02T03:04:05.1e9Z", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (quota_timestamp_ms(rows[i].text) != rows[i].ms)
			fail_msg(
			    "%s: %lld", rows[i].text, (long long)quota_timestamp_ms(rows[i].text));
}

static void
periods_are_told_by_their_words(void **state)
{
	static const struct {
		const char *text;
		enum quota_period period;
	} rows[] = {
		{ "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", QUOTA_MINUTE },
		{ "GenerateRequestsPerDayPerProjectPerModel-FreeTier", QUOTA_DAY },
		{ "generaterequestsperday", QUOTA_DAY },
		{ "SomethingDaily", QUOTA_DAY },
		{ "GenerateContentInputTokensPerModelPerHour", QUOTA_HOUR },
		{ "RequestsPerSecond", QUOTA_SECOND },
		{ "'Generate Content API requests per minute'", QUOTA_MINUTE },
		{ "Resource has been exhausted (e.g. check quota).", QUOTA_UNKNOWN },
		{ "", QUOTA_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(quota_period_of(rows[i].text), rows[i].period);
}

static void
only_a_bare_zero_is_no_quota_at_all(void **state)
{
	static const struct {
		const char *text;
		bool zero;
	} rows[] = {
		{ "limit: 0, model: x", true },
		{ "limit: 0", true },
		{ "limit:0\nPlease", true },
		{ "limit: 10\nlimit:  0, model: y", true },
		{ "limit: 10000\nPlease retry", false },
		{ "limit: 0.5", false },
		{ "limit: 00", false },
		{ "limit: 05", false },
		{ "limits 0", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (quota_says_zero(rows[i].text) != rows[i].zero)
			fail_msg("%s", rows[i].text);
}

static void
limits_and_waits_are_read_out_of_sentences(void **state)
{
	struct span model;
	int64_t value;

	(void)state;
	quota_limit("Quota exceeded, limit: 20, model: gemini-x\nPlease", &value, &model);
	assert_int_equal(value, 20);
	assert_true(span_is(model, "gemini-x"));
	quota_limit("limit: 0.5", &value, &model);
	assert_int_equal(value, -1);
	assert_int_equal(model.len, 0);
	quota_limit("nothing", &value, &model);
	assert_int_equal(value, -1);
	quota_limit("limit: 20, model: x\nlimit: 20, model: x", &value, &model);
	assert_int_equal(value, 20);
	assert_true(span_is(model, "x"));
	quota_limit("limit: 20, model: x\nlimit: 5, model: x", &value, &model);
	assert_int_equal(value, -1);
	quota_limit("limit: 99999999999999999999", &value, &model);
	assert_int_equal(value, -1);
	quota_limit("limit:", &value, &model);
	assert_int_equal(value, -1);
	assert_int_equal(quota_retry_ms("... Please retry in 40.025771073s."), 40026);
	assert_int_equal(quota_retry_ms("PLEASE RETRY IN 964ms."), 964);
	assert_int_equal(quota_retry_ms("Your quota will reset after 3h2m."), 10920000);
	assert_int_equal(quota_retry_ms("Your quota will reset after 0s."), 0);
	assert_int_equal(quota_retry_ms("retry in a while"), -1);
	assert_int_equal(quota_retry_ms("reset after lunch"), -1);
	assert_int_equal(quota_retry_ms(""), -1);
}

static void
the_identifier_says_whose_limit_a_number_is(void **state)
{
	static const struct {
		const char *id;
		struct quota_limits limits; /* of 7 */
	} rows[] = {
		{ "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", { .rpm = 7 } },
		{ "GenerateRequestsPerDayPerProjectPerModel-FreeTier", { .rpd = 7 } },
		{ "GenerateContentInputTokensPerModelPerMinute", { .tpm = 7 } },
		{ "GenerateContentPaidTierInputTokensPerModelPerMinute", { .tpm = 7 } },
		{ "EmbedContentRequestsPerMinutePerProjectPerModel", { .rpm = 7 } },
		{ "EmbedContentRequestsPerDayPerUserPerProjectPerModel", { .rpd = 7 } },
		{ "GenerateContentRequestsPerMinutePerProjectPerRegion", { .rpm = 7 } },
		/* Not ours to count. */
		{ "GenerateContentInputTokensPerModelPerDay", { 0 } },
		{ "GenerateContentOutputTokensPerModelPerMinute", { 0 } },
		{ "GenerateRequestsPerHour", { 0 } },
		{ "GenerateRequestsPerSecond", { 0 } },
		{ "ImagesPerMinute", { 0 } },
		{ "TotalCachedContentStorageTokensPerModelFreeTier", { 0 } },
		{ "", { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct quota_limits l = { 0 };

		quota_limits_add(&l, rows[i].id, 7);
		if (memcmp(&l, &rows[i].limits, sizeof(l)) != 0)
			fail_msg("%s", rows[i].id);
	}
}

static void
only_sane_limits_are_taken_and_the_smaller_of_two(void **state)
{
	static const int64_t odd[] = { 0, -1, INT64_MIN, QUOTA_LIMIT_MAX + 1, INT64_MAX };
	struct quota_limits l = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++)
		quota_limits_add(&l, "RequestsPerMinute", odd[i]);
	assert_int_equal(l.rpm, 0);
	quota_limits_add(&l, "RequestsPerMinute", QUOTA_LIMIT_MAX);
	assert_int_equal(l.rpm, QUOTA_LIMIT_MAX);
	quota_limits_add(&l, "RequestsPerMinute", 5);
	quota_limits_add(&l, "RequestsPerMinute", 9);
	assert_int_equal(l.rpm, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_in_every_spelling),
		cmocka_unit_test(timestamps_are_read),
		cmocka_unit_test(periods_are_told_by_their_words),
		cmocka_unit_test(only_a_bare_zero_is_no_quota_at_all),
		cmocka_unit_test(limits_and_waits_are_read_out_of_sentences),
		cmocka_unit_test(the_identifier_says_whose_limit_a_number_is),
		cmocka_unit_test(only_sane_limits_are_taken_and_the_smaller_of_two),
	};

	return cmocka_run_group_tests_name("gemini/quota", tests, NULL, NULL);
}
