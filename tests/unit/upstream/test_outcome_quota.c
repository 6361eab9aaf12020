/*
 * What a 429 means for a scheduler: rows 17 to 24 of the table of errors, the vectors of quota
 * classification, limits that are learned, and the calendar.
 */
#include "tests/unit/upstream/outcome_world.h"
#include <time.h>

/* ---- rows 17 to 24: quotas ---- */

static void
a_429_with_a_limit_of_0_freezes_the_model_for_24_hours(void **state)
{
	static const char *const bodies[] = {
		ERROR(
		    "RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: gemini-2.0-flash", ""),
		ERROR("RESOURCE_EXHAUSTED", "* Quota exceeded, limit: 0\\nPlease retry in 3s.",
		    QUOTA(V(RPD) "," V(RPM) "," V(TPM)) "," RETRY("3s")),
		SPENT(QUOTA(V_OF(RPM, "0"))),
		SPENT(QUOTA(V_OF(RPM, "0")) "," REASON("QUOTA_EXHAUSTED") "," RETRY("7200s")),
		SPENT(QUOTA(V_OF(RPM, "0")) "," REASON("MODEL_CAPACITY_EXHAUSTED")),
		SPENT(QUOTA(V_OF(RPD, "0") "," V_OF(RPM, "5"))),
		SPENT(INFO("RATE_LIMIT_EXCEEDED",
		    "\"quota_limit\":\"" RPM "\",\"quota_limit_value\":\"0\"")),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(429, bodies[i]);

		assert_outcome(&v, OUTCOME_QUOTA_ZERO, true, false);
		assert_frozen_for(&v, FREEZE_QUOTA, DAY);
		assert_false(v.bounded);
	}
	assert_blames_nobody(OUTCOME_QUOTA_ZERO);
}

/* Lesson 20. */
static void
a_429_of_the_day_freezes_until_midnight_whatever_retryinfo_says(void **state)
{
	static const char *const delays[] = {
		SPENT(QUOTA(V_OF(RPD, "20")) "," RETRY("38s")),
		SPENT(QUOTA(V_OF(RPD, "20")) "," RETRY("0s")),
		SPENT(QUOTA(V_OF(RPD, "20")) "," RETRY("999999999s")),
		SPENT(QUOTA(V_OF(RPD, "20"))),
		SPENT(QUOTA(V_OF(TPD, "20"))),
		SPENT(QUOTA(V_OF("SomethingDaily", "20"))),
		SPENT(INFO("RATE_LIMIT_EXCEEDED", "\"quota_limit\":\"" RPD "\"") "," RETRY("1s")),
		ERROR("RESOURCE_EXHAUSTED", "x, limit: 20\\nPlease retry in 964ms.",
		    QUOTA(V(RPD)) "," RETRY("0s")),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(delays); i++) {
		struct verdict v = verdict_on(429, delays[i]);

		assert_outcome(&v, OUTCOME_QUOTA_DAY, true, false);
		assert_frozen_until_midnight(&v);
	}
	assert_blames_nobody(OUTCOME_QUOTA_DAY);
}

static void
of_a_minute_and_a_day_the_day_decides(void **state)
{
	struct verdict v = verdict_on(
	    429, SPENT(QUOTA(V_OF(RPM, "5") "," V_OF(RPD, "20") "," V(TPM)) "," RETRY("7s")));

	(void)state;
	assert_outcome(&v, OUTCOME_QUOTA_DAY, true, false);
	assert_frozen_until_midnight(&v);
}

static void
not_all_come_back_in_the_same_moment_of_midnight(void **state)
{
	int64_t midnight = outcome_pacific_midnight(NOW);

	(void)state;
	verdict_on(429, SPENT(QUOTA(V(RPD))));
	for (uint64_t chance = 0; chance < 1000; chance++) {
		struct verdict v =
		    outcome_of_fault(&fault, NOW, chance * UINT64_C(0x9E3779B97F4A7C15));

		assert_in_range(v.freeze_until_wall_ms, midnight, midnight + 120 * S - 1);
	}
}

/* Lesson 18; the wait is the operator's to bound. */
static void
a_429_of_the_minute_freezes_for_as_long_as_retryinfo_says(void **state)
{
	static const struct {
		const char *body;
		int64_t ms;
	} rows[] = {
		{ SPENT(QUOTA(V_OF(RPM, "2")) "," RETRY("56s")), 56 * S },
		{ SPENT(QUOTA(V_OF(TPM, "2")) "," RETRY("0.539477544s")), S },
		{ SPENT(QUOTA(V_OF(RPM, "2")) "," RETRY("0s")), S },
		{ SPENT(QUOTA(V_OF(RPM, "2"))), MINUTE },
		{ SPENT(QUOTA(V_OF(RPM, "2")) "," RETRY("soon")), MINUTE },
		{ SPENT(QUOTA(V_OF(RPM, "2")) "," RETRY("-5s")), MINUTE },
		{ SPENT(QUOTA(V_OF(RPM, "2")) "," RETRY("121s")), 120 * S },
		{ SPENT(QUOTA(V_OF(RPM, "2")) "," RETRY("561600s")), 120 * S },
		{ ERROR("RESOURCE_EXHAUSTED", "Please retry in 7.2s.", QUOTA(V(RPM))), 7200 },
		{ ERROR("RESOURCE_EXHAUSTED", "Quota exceeded for requests per minute", ""),
		    MINUTE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(429, rows[i].body);

		/* The same one only where there is no other, and when its time has come. */
		assert_outcome(&v, OUTCOME_QUOTA_MINUTE, true, true);
		assert_frozen_for(&v, FREEZE_QUOTA, rows[i].ms);
		assert_true(v.bounded);
	}
	assert_blames_nobody(OUTCOME_QUOTA_MINUTE);
}

static void
a_429_of_the_hour_or_the_second_is_kept_within_it(void **state)
{
	static const struct {
		const char *body;
		int64_t ms;
		bool try_same;
	} rows[] = {
		{ SPENT(QUOTA(V("XPerHour")) "," RETRY("600s")), 600 * S, false },
		{ SPENT(QUOTA(V("XPerHour")) "," RETRY("999999s")), HOUR, false },
		{ SPENT(QUOTA(V("XPerHour")) "," RETRY("0s")), MINUTE, false },
		{ SPENT(QUOTA(V("XPerHour"))), HOUR, false },
		{ SPENT(QUOTA(V("XPerSecond")) "," RETRY("600s")), S, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(429, rows[i].body);

		assert_outcome(&v, OUTCOME_QUOTA_MINUTE, true, rows[i].try_same);
		assert_frozen_for(&v, FREEZE_QUOTA, rows[i].ms);
		assert_true(v.bounded);
	}
}

static void
a_request_that_alone_exceeds_the_tokens_of_a_minute_freezes_nothing(void **state)
{
	struct verdict v = verdict_on(429, SPENT(QUOTA(V_OF(TPM, "10000")) "," RETRY("40s")));

	(void)state;
	outcome_with_tokens(&v, &fault, 10001);
	assert_outcome(&v, OUTCOME_TOO_MANY_TOKENS, true, false);
	assert_free(&v);
	assert_blames_nobody(OUTCOME_TOO_MANY_TOKENS);
	assert_int_equal(v.limit_tpm, 10000);
}

static void
tokens_that_fit_or_are_not_known_leave_a_minutes_quota_what_it_is(void **state)
{
	static const struct {
		const char *body;
		uint64_t tokens;
		enum outcome outcome;
	} rows[] = {
		{ SPENT(QUOTA(V_OF(TPM, "10000"))), 10000, OUTCOME_QUOTA_MINUTE },
		{ SPENT(QUOTA(V_OF(TPM, "10000"))), 0, OUTCOME_QUOTA_MINUTE },
		{ SPENT(QUOTA(V(TPM))), 20000, OUTCOME_QUOTA_MINUTE },
		{ SPENT(QUOTA(V_OF(RPM, "5"))), 20000, OUTCOME_QUOTA_MINUTE },
		/* The minute is over for shorter prompts, too. */
		{ SPENT(QUOTA(V_OF(TPM, "10000") "," V_OF(RPM, "5"))), 20000,
		    OUTCOME_QUOTA_MINUTE },
		{ SPENT(QUOTA(V_OF(TPM, "10000") "," V_OF(RPD, "5"))), 20000, OUTCOME_QUOTA_DAY },
		{ SPENT(QUOTA(V_OF(TPM, "0"))), 20000, OUTCOME_QUOTA_ZERO },
		{ SPENT(""), 20000, OUTCOME_QUOTA_VAGUE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(429, rows[i].body), before = v;

		outcome_with_tokens(&v, &fault, rows[i].tokens);
		assert_int_equal(v.outcome, rows[i].outcome);
		assert_int_equal(v.freeze, before.freeze);
		assert_int_equal(v.freeze_for_ms, before.freeze_for_ms);
	}
}

#define RESET(delay, stamp)                                                                        \
	"\"quotaResetDelay\":\"" delay "\",\"quotaResetTimeStamp\":\"" stamp "\""

static void
an_exhausted_account_is_frozen_until_the_moment_of_reset(void **state)
{
	struct verdict v = verdict_on(429,
	    SPENT(INFO("QUOTA_EXHAUSTED", RESET("5h", "2026-09-21T20:00:00Z")) "," RETRY("9s")));

	(void)state;
	assert_outcome(&v, OUTCOME_QUOTA_DAY, true, false);
	assert_frozen_until(&v, INT64_C(1790020800000));
}

static void
an_exhausted_account_without_a_moment_of_reset_is_frozen_for_the_delay(void **state)
{
	static const struct {
		const char *body;
		int64_t ms;
	} rows[] = {
		{ SPENT(INFO("QUOTA_EXHAUSTED", "\"quotaResetDelay\":\"11h2m3.5s\"")), 39723500 },
		{ SPENT(REASON("QUOTA_EXHAUSTED") "," RETRY("7200s")), 2 * HOUR },
		/* The past is no hint. */
		{ SPENT(INFO("QUOTA_EXHAUSTED", RESET("3h", "2025-10-20T19:14:08Z"))), 3 * HOUR },
		{ SPENT(REASON("QUOTA_EXHAUSTED") "," RETRY("0.2s")), S },
		{ ERROR("RESOURCE_EXHAUSTED",
		      "You have exhausted your capacity on this model. Your quota will reset after "
		      "3h.",
		      REASON("QUOTA_EXHAUSTED")),
		    3 * HOUR },
		/* A word of the message is no quota id. */
		{ ERROR("RESOURCE_EXHAUSTED", "Your daily quota is exhausted.",
		      REASON("QUOTA_EXHAUSTED") "," RETRY("7200s")),
		    2 * HOUR },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(429, rows[i].body);

		assert_outcome(&v, OUTCOME_QUOTA_DAY, true, false);
		assert_frozen_for(&v, FREEZE_QUOTA, rows[i].ms);
		assert_true(v.bounded);
	}
}

static void
an_exhausted_account_that_says_nothing_is_frozen_until_pacific_midnight(void **state)
{
	static const char *const bodies[] = { SPENT(REASON("QUOTA_EXHAUSTED")),
		SPENT(REASON("QUOTA_EXHAUSTED") "," RETRY("0s")),
		SPENT(REASON("QUOTA_EXHAUSTED") "," RETRY("later")),
		SPENT(INFO("QUOTA_EXHAUSTED", "\"quotaResetTimeStamp\":\"2025-10-20T19:14:08Z\"")),
		SPENT(INFO("QUOTA_EXHAUSTED", "\"quota_limit\":\"" RPD "\"") "," RETRY("38s")) };

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(429, bodies[i]);

		assert_outcome(&v, OUTCOME_QUOTA_DAY, true, false);
		assert_frozen_until_midnight(&v);
	}
}

/* Lesson 24: a hint without bounds parked a key for days. */
static void
an_exhausted_account_is_parked_no_longer_than_the_day_after_the_next_midnight(void **state)
{
	int64_t latest = outcome_pacific_midnight(NOW) + DAY;
	struct verdict v = verdict_on(429,
	    SPENT(INFO("QUOTA_EXHAUSTED", "\"quotaResetTimeStamp\":\"2044-01-01T00:00:00Z\"")));

	(void)state;
	assert_frozen_until(&v, latest);
	v = verdict_on(429, SPENT(REASON("QUOTA_EXHAUSTED") "," RETRY("99999999s")));
	assert_frozen_for(&v, FREEZE_QUOTA, latest - NOW);
}

static void
an_account_that_is_too_fast_is_frozen_for_the_delay(void **state)
{
	static const struct {
		const char *body;
		int64_t ms;
		bool try_same; /* up to 2 s */
	} rows[] = {
		{ SPENT(REASON("RATE_LIMIT_EXCEEDED") "," RETRY("0.539477544s")), 540, true },
		{ SPENT(INFO("RATE_LIMIT_EXCEEDED", RESET("539.477544ms", "2025-10-20T19:14:08Z"))),
		    540, true },
		{ SPENT(REASON("RATE_LIMIT_EXCEEDED") "," RETRY("2s")), 2 * S, true },
		{ SPENT(REASON("RATE_LIMIT_EXCEEDED") "," RETRY("2.1s")), 2100, false },
		{ SPENT(REASON("RATE_LIMIT_EXCEEDED") "," RETRY("300s")), 300 * S, false },
		{ SPENT(REASON("RATE_LIMIT_EXCEEDED") "," RETRY("0s")), S, true },
		{ SPENT(REASON("RATE_LIMIT_EXCEEDED")), MINUTE, false },
		{ SPENT(INFO(
		      "RATE_LIMIT_EXCEEDED", "\"quotaResetTimeStamp\":\"2026-09-21T14:13:30Z\"")),
		    10 * S, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(429, rows[i].body);

		assert_outcome(&v, OUTCOME_QUOTA_MINUTE, true, rows[i].try_same);
		assert_frozen_for(&v, FREEZE_QUOTA, rows[i].ms);
		assert_true(v.bounded);
	}
}

static void
an_account_that_is_to_wait_for_more_than_5_minutes_is_exhausted(void **state)
{
	struct verdict v = verdict_on(429, SPENT(REASON("RATE_LIMIT_EXCEEDED") "," RETRY("600s")));

	(void)state;
	assert_outcome(&v, OUTCOME_QUOTA_DAY, true, false);
	assert_frozen_for(&v, FREEZE_QUOTA, 600 * S);
	v = verdict_on(
	    429, SPENT(INFO("RATE_LIMIT_EXCEEDED", RESET("5h", "2026-09-21T20:00:00Z"))));
	assert_frozen_until(&v, INT64_C(1790020800000));
}

static void
a_surface_without_capacity_punishes_no_credential(void **state)
{
	static const char *const bodies[] = { SPENT(REASON("MODEL_CAPACITY_EXHAUSTED")),
		"[" SPENT(REASON("MODEL_CAPACITY_EXHAUSTED")) "]",
		SPENT(REASON("MODEL_CAPACITY_EXCEEDED")),
		/* The older list beside it says less, and comes first. */
		"{\"error\":{\"code\":429,\"errors\":[{\"domain\":\"global\",\"reason\":"
		"\"rateLimitExceeded\"}],\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[" REASON(
		    "MODEL_CAPACITY_EXHAUSTED") "]}}",
		ERROR("RESOURCE_EXHAUSTED",
		    "No capacity available for model gemini-x on the server", "") };

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(429, bodies[i]);

		assert_outcome(&v, OUTCOME_NO_CAPACITY, true, true);
		assert_free(&v);
	}
	assert_facts(OUTCOME_NO_CAPACITY, OUTCOME_BLAMES_NONE, OUTCOME_BREAKS_MODEL, 2);
	assert_pause(OUTCOME_NO_CAPACITY, 1000, 1000);
}

/* Lesson 22: the streak decides, and no key is retired. */
static void
a_429_without_details_freezes_for_the_words_or_by_the_streak(void **state)
{
	static const struct {
		const char *body;
		int64_t ms; /* 0: by the streak */
	} rows[] = {
		{ ERROR(
		      "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", ""),
		    0 },
		{ ERROR("RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.", ""),
		    0 },
		{ "<html>Too many requests</html>", 0 },
		{ "", 0 },
		{ ERROR("RESOURCE_EXHAUSTED", "Please retry in 17.5s.", ""), 17500 },
		{ SPENT(RETRY("9s")), 9 * S },
		{ SPENT(RETRY("0s")), S },
		{ SPENT(RETRY("999999999s")), 600 * S },
		{ SPENT(RETRY("-3s")), 0 },
		{ ERROR("RESOURCE_EXHAUSTED", "limit: 0.5", ""), 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(429, rows[i].body);

		assert_outcome(&v, OUTCOME_QUOTA_VAGUE, true, false);
		assert_frozen_for(&v, FREEZE_QUOTA, rows[i].ms);
		assert_true(v.bounded);
	}
	assert_blames_nobody(OUTCOME_QUOTA_VAGUE);
}

static void
the_streak_of_vague_429s_grows_from_30_to_300_seconds(void **state)
{
	static const int64_t waits[] = { 30, 30, 60, 120, 240, 300, 300 };

	(void)state;
	for (unsigned i = 0; i < COUNT(waits); i++)
		assert_int_equal(outcome_vague_ms(i), waits[i] * S);
	assert_int_equal(outcome_vague_ms(UINT32_MAX), 300 * S);
}

/* ---- the vectors of quota classification ---- */

enum how { FOR, UNTIL_MIDNIGHT, UNTIL, DISABLED, SIBLINGS, NOT };

static void
every_vector_of_classification_comes_out_as_stated(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *body;
		enum outcome outcome;
		enum how how;
		int64_t ms;
	} rows[] = {
		{ "minute", 429, SPENT(QUOTA(V_OF(RPM, "2")) "," RETRY("56s")),
		    OUTCOME_QUOTA_MINUTE, FOR, 56 * S },
		{ "day with a delay of seconds", 429,
		    SPENT(QUOTA(V_OF(RPD, "20")) "," RETRY("38s")), OUTCOME_QUOTA_DAY,
		    UNTIL_MIDNIGHT, 0 },
		{ "three violations and limit: 0", 429,
		    ERROR("RESOURCE_EXHAUSTED", "x, limit: 0, model: gemini-2.0-flash",
			QUOTA(V(TPM) "," V(RPM) "," V(RPD))),
		    OUTCOME_QUOTA_ZERO, FOR, DAY },
		{ "tokens of a minute, limit: 10000", 429,
		    ERROR("RESOURCE_EXHAUSTED", "x, limit: 10000\\nPlease retry in 40.025771073s.",
			QUOTA(V(TPM))),
		    OUTCOME_QUOTA_MINUTE, FOR, 40026 },
		{ "limit: 0.5", 429, ERROR("RESOURCE_EXHAUSTED", "x, limit: 0.5", ""),
		    OUTCOME_QUOTA_VAGUE, FOR, 0 },
		{ "rate limit, short", 429,
		    SPENT(REASON("RATE_LIMIT_EXCEEDED") "," RETRY("0.539477544s")),
		    OUTCOME_QUOTA_MINUTE, FOR, 540 },
		{ "rate limit, long", 429, SPENT(REASON("RATE_LIMIT_EXCEEDED") "," RETRY("600s")),
		    OUTCOME_QUOTA_DAY, FOR, 600 * S },
		{ "quota exhausted", 429,
		    SPENT(INFO(
			"QUOTA_EXHAUSTED", "\"quotaResetTimeStamp\":\"2026-09-21T20:00:00Z\"")),
		    OUTCOME_QUOTA_DAY, UNTIL, INT64_C(1790020800000) },
		{ "capacity, in a list", 429, "[" SPENT(REASON("MODEL_CAPACITY_EXHAUSTED")) "]",
		    OUTCOME_NO_CAPACITY, NOT, 0 },
		{ "generic", 429,
		    ERROR("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).",
			""),
		    OUTCOME_QUOTA_VAGUE, FOR, 0 },
		{ "invalid key", 400, ERROR("INVALID_ARGUMENT", "x", REASON("API_KEY_INVALID")),
		    OUTCOME_KEY_INVALID, DISABLED, 0 },
		{ "suspended", 403, NO_ACCESS("x", REASON("CONSUMER_SUSPENDED")), OUTCOME_SUSPENDED,
		    SIBLINGS, 0 },
		{ "leaked, no details", 403,
		    "{\"error\":{\"code\":403,\"message\":\"Your API key was reported as leaked. "
		    "Please use another API key.\",\"status\":\"PERMISSION_DENIED\"}}",
		    OUTCOME_SUSPENDED, SIBLINGS, 0 },
		{ "any 402", 402, "{\"error\":{}}", OUTCOME_NO_CREDIT, DISABLED, 0 },
		{ "overloaded", 503, ERROR("UNAVAILABLE", "The model is overloaded.", ""),
		    OUTCOME_OVERLOADED, NOT, 0 },
		{ "an error amid a stream", 200, "{\"error\":{\"code\":499}}", OUTCOME_CANCELLED,
		    NOT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(rows[i].status, rows[i].body);
		int64_t until = rows[i].how == UNTIL ? rows[i].ms
				: rows[i].how == UNTIL_MIDNIGHT
				    ? outcome_pacific_midnight(NOW) + CHANCE
				    : 0;

		if (v.outcome != rows[i].outcome || v.freeze_until_wall_ms != until ||
		    v.freeze_for_ms != (rows[i].how == FOR ? rows[i].ms : 0) ||
		    v.disable != (rows[i].how == DISABLED || rows[i].how == SIBLINGS) ||
		    v.siblings != (rows[i].how == SIBLINGS) ||
		    (v.freeze != FREEZE_NONE) != (rows[i].how <= UNTIL))
			fail_msg("%s: %s, for %lld, until %lld", rows[i].name,
			    outcome_name(v.outcome), (long long)v.freeze_for_ms,
			    (long long)v.freeze_until_wall_ms);
	}
	assert_int_equal(outcome_vague_ms(1), 30 * S);
}

/* ---- learned limits ---- */

static void
each_violation_states_a_limit_of_its_own(void **state)
{
	static const struct {
		const char *body;
		int64_t rpm, tpm, rpd;
	} rows[] = {
		{ SPENT(QUOTA(V_OF(RPM, "2"))), 2, 0, 0 },
		{ SPENT(QUOTA(V_OF(RPM, "5") "," V_OF(TPM, "250000") "," V_OF(RPD, "100"))), 5,
		    250000, 100 },
		{ ERROR("RESOURCE_EXHAUSTED", "x, limit: 20, model: gemini-x", QUOTA(V(RPD))), 0, 0,
		    20 },
		/* Which of them the number belongs to is not said. */
		{ ERROR("RESOURCE_EXHAUSTED", "x, limit: 20", QUOTA(V(RPD) "," V(RPM))), 0, 0, 0 },
		{ SPENT(QUOTA(V_OF(TPD, "7"))), 0, 0, 0 },
		{ SPENT(QUOTA(V_OF(RPM, "16000000"))), 16000000, 0, 0 },
		{ SPENT(QUOTA(V_OF(TPM, "16000001"))), 0, 0, 0 },
		{ SPENT(QUOTA(V_OF(RPM, "-3"))), 0, 0, 0 },
		/* Nothing at all is not a limit to learn. */
		{ SPENT(QUOTA(V_OF(RPM, "0") "," V_OF(RPD, "50"))), 0, 0, 50 },
		{ SPENT(INFO("RATE_LIMIT_EXCEEDED",
		      "\"quota_limit\":\"" RPM "\",\"quota_limit_value\":\"60\"")),
		    60, 0, 0 },
		{ ERROR("RESOURCE_EXHAUSTED", "x, limit: 20", ""), 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(429, rows[i].body);

		if (v.limit_rpm != rows[i].rpm || v.limit_tpm != rows[i].tpm ||
		    v.limit_rpd != rows[i].rpd)
			fail_msg("row %zu: %lld %lld %lld", i, (long long)v.limit_rpm,
			    (long long)v.limit_tpm, (long long)v.limit_rpd);
	}
}

/* ---- the calendar ---- */

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
		{ "1970-01-01T00:00:00", "1970-01-01T08:00:00" }, /* a clock that was never set */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(outcome_pacific_midnight(utc(cases[i].now)), utc(cases[i].reset));
}

static void
the_next_midnight_is_never_more_than_25_hours_away(void **state)
{
	int64_t from = utc("2026-01-01T00:00:00"), to = utc("2031-01-01T00:00:00");

	(void)state;
	for (int64_t now = from; now < to; now += 30 * MINUTE) {
		int64_t ahead = outcome_pacific_midnight(now) - now;

		assert_in_range(ahead, 1, 25 * HOUR);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_429_with_a_limit_of_0_freezes_the_model_for_24_hours),
		T(a_429_of_the_day_freezes_until_midnight_whatever_retryinfo_says),
		T(of_a_minute_and_a_day_the_day_decides),
		T(not_all_come_back_in_the_same_moment_of_midnight),
		T(a_429_of_the_minute_freezes_for_as_long_as_retryinfo_says),
		T(a_429_of_the_hour_or_the_second_is_kept_within_it),
		T(a_request_that_alone_exceeds_the_tokens_of_a_minute_freezes_nothing),
		T(tokens_that_fit_or_are_not_known_leave_a_minutes_quota_what_it_is),
		T(an_exhausted_account_is_frozen_until_the_moment_of_reset),
		T(an_exhausted_account_without_a_moment_of_reset_is_frozen_for_the_delay),
		T(an_exhausted_account_that_says_nothing_is_frozen_until_pacific_midnight),
		T(an_exhausted_account_is_parked_no_longer_than_the_day_after_the_next_midnight),
		T(an_account_that_is_too_fast_is_frozen_for_the_delay),
		T(an_account_that_is_to_wait_for_more_than_5_minutes_is_exhausted),
		T(a_surface_without_capacity_punishes_no_credential),
		T(a_429_without_details_freezes_for_the_words_or_by_the_streak),
		T(the_streak_of_vague_429s_grows_from_30_to_300_seconds),
		T(every_vector_of_classification_comes_out_as_stated),
		T(each_violation_states_a_limit_of_its_own),
		T(the_day_of_quotas_ends_at_midnight_in_california),
		T(the_next_midnight_is_never_more_than_25_hours_away),
	};

	return cmocka_run_group_tests_name("upstream/outcome, quotas", tests, NULL, NULL);
}
