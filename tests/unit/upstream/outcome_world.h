/*
 * What the tests of outcomes share: errors as Google writes them, and what is asked of verdicts.
 */
#ifndef POLLUX_TESTS_OUTCOME_WORLD_H
#define POLLUX_TESTS_OUTCOME_WORLD_H

#include "tests/unit/unit.h"
#include "base/mem.h"
#include "upstream/outcome.h"

#define S      INT64_C(1000)
#define MINUTE (60 * S)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOW    INT64_C(1790000000000) /* 2026-09-21T14:13:20Z */
#define CHANCE 7

/* ---- errors as Google writes them ---- */

#define RPC "type.googleapis.com/google.rpc."
#define ERROR(status, message, details)                                                            \
	"{\"error\":{\"message\":\"" message "\",\"status\":\"" status "\",\"details\":[" details  \
	"]}}"
#define INFO(reason, metadata)                                                                     \
	"{\"@type\":\"" RPC "ErrorInfo\",\"reason\":\"" reason "\",\"metadata\":{" metadata "}}"
#define REASON(reason)              INFO(reason, "")
#define RETRY(delay)                "{\"@type\":\"" RPC "RetryInfo\",\"retryDelay\":\"" delay "\"}"
#define QUOTA(list)                 "{\"@type\":\"" RPC "QuotaFailure\",\"violations\":[" list "]}"
#define V(id)                       "{\"quotaId\":\"" id "\"}"
#define V_OF(id, value)             "{\"quotaId\":\"" id "\",\"quotaValue\":\"" value "\"}"
#define SPENT(details)              ERROR("RESOURCE_EXHAUSTED", "Quota exceeded.", details)
#define NO_ACCESS(message, details) ERROR("PERMISSION_DENIED", message, details)
#define BAD(message)                ERROR("INVALID_ARGUMENT", message, "")

#define RPM "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
#define RPD "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
#define TPM "GenerateContentPaidTierInputTokensPerModelPerMinute"
#define TPD "GenerateContentInputTokensPerModelPerDay-FreeTier"
#define NOT_FOUND(model, method)                                                                   \
	ERROR("NOT_FOUND",                                                                         \
	    "models/" model " is not found for API version v1beta, or is not supported for "       \
	    "" method ". Call ListModels to see the list of available models.",                    \
	    "")

static struct arena *arena;
static struct fault fault; /* the last one read */

static inline int
setup(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static inline struct verdict
verdict_on(int status, const char *body)
{
	fault_parse(status, span_of(body), arena, &fault);
	return outcome_of_fault(&fault, NOW, CHANCE);
}

/* ---- what is asked of verdicts ---- */

static inline void
assert_outcome(const struct verdict *v, enum outcome o, bool try_other, bool try_same)
{
	assert_string_equal(outcome_name(v->outcome), outcome_name(o));
	assert_int_equal(v->try_other, try_other);
	assert_int_equal(v->try_same, try_same);
}

static inline void
assert_free(const struct verdict *v)
{
	assert_int_equal(v->freeze, FREEZE_NONE);
	assert_int_equal(v->freeze_for_ms, 0);
	assert_int_equal(v->freeze_until_wall_ms, 0);
	assert_false(v->disable);
	assert_false(v->siblings);
}

static inline void
assert_frozen_for(const struct verdict *v, enum freeze_scope scope, int64_t ms)
{
	assert_int_equal(v->freeze, scope);
	assert_int_equal(v->freeze_for_ms, ms);
	assert_int_equal(v->freeze_until_wall_ms, 0);
	assert_false(v->disable);
}

static inline void
assert_frozen_until(const struct verdict *v, int64_t wall_ms)
{
	assert_int_equal(v->freeze, FREEZE_QUOTA);
	assert_int_equal(v->freeze_for_ms, 0);
	assert_int_equal(v->freeze_until_wall_ms, wall_ms);
	assert_false(v->bounded);
	assert_false(v->disable);
}

static inline void
assert_frozen_until_midnight(const struct verdict *v)
{
	assert_frozen_until(v, outcome_pacific_midnight(NOW) + CHANCE);
}

static inline void
assert_disabled(const struct verdict *v, enum outcome o, bool siblings)
{
	assert_outcome(v, o, true, false);
	assert_true(v->disable);
	assert_int_equal(v->siblings, siblings);
	assert_int_equal(v->freeze, FREEZE_NONE);
	assert_true(outcome_is_ours(o));
}

static inline void
assert_facts(enum outcome o, enum outcome_blame blame, enum outcome_breaker breaker, int spread)
{
	assert_int_equal(outcome_facts(o)->blame, blame);
	assert_int_equal(outcome_facts(o)->breaker, breaker);
	assert_int_equal(outcome_facts(o)->spread, spread);
}

static inline void
assert_pause(enum outcome o, int64_t least_ms, int64_t most_ms)
{
	assert_int_equal(outcome_facts(o)->pause_least_ms, least_ms);
	assert_int_equal(outcome_facts(o)->pause_most_ms, most_ms);
}

static inline void
assert_blames_nobody(enum outcome o)
{
	assert_int_equal(outcome_facts(o)->blame, OUTCOME_BLAMES_NONE);
	assert_int_equal(outcome_facts(o)->breaker, OUTCOME_BREAKS_NONE);
}

/* The request's own fault: told to whoever sent it, and to no other credential. */
static inline void
assert_relayed(const struct verdict *v)
{
	assert_outcome(v, OUTCOME_REFUSED, false, false);
	assert_free(v);
	assert_blames_nobody(OUTCOME_REFUSED);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
