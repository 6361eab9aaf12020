/* net/course.c: which deadline holds when. */
#include "net/course.h"

#include "tests/unit/unit.h"

#define T0 1000000

static const struct fetch_order all_limits = { .connect_timeout_ms = 5,
	.first_byte_timeout_ms = 100,
	.idle_timeout_ms = 50,
	.total_timeout_ms = 1000 };

static struct course
course_in(enum course_state state)
{
	struct course c;

	course_begin(&c, &all_limits, T0);
	for (enum course_state to = COURSE_SENDING; to <= state; to++)
		course_move(&c, to);
	c.sent_at = T0 + 200;
	c.heard_at = T0 + 300;
	return c;
}

static void
assert_deadline(const struct course *c, int64_t at_ms, int64_t after_ms, enum fetch_result result)
{
	struct course_deadline d = course_nearest(c);

	assert_int_equal(d.at_ms, at_ms);
	assert_int_equal(d.after_ms, after_ms);
	assert_int_equal(d.result, result);
}

static void
until_the_request_is_sent_only_the_whole_call_has_one(void **state)
{
	struct fetch_order guarded = all_limits;
	struct course c = course_in(COURSE_CONNECTING);

	(void)state;
	assert_int_equal(c.state, COURSE_CONNECTING);
	assert_deadline(&c, T0 + 1000, 1000, FETCH_TOTAL_SLOW);
	guarded.public_only = true;
	course_begin(&c, &guarded, T0);
	assert_int_equal(c.state, COURSE_RESOLVING);
	assert_deadline(&c, T0 + 1000, 1000, FETCH_TOTAL_SLOW);
}

static void
the_first_byte_is_waited_for_since_the_last_one_sent(void **state)
{
	struct course c = course_in(COURSE_SENDING);

	(void)state;
	assert_deadline(&c, T0 + 300, 100, FETCH_FIRST_BYTE_SLOW);
	c.starved = true;
	assert_deadline(&c, T0 + 1000, 1000, FETCH_TOTAL_SLOW);
	c.starved = false;
	c.sent_at = T0 + 950;
	assert_deadline(&c, T0 + 1000, 1000, FETCH_TOTAL_SLOW);
}

static void
silence_counts_since_the_last_byte_heard_unless_paused(void **state)
{
	struct course c = course_in(COURSE_READING);

	(void)state;
	assert_deadline(&c, T0 + 350, 50, FETCH_IDLE);
	c.starved = true;
	assert_deadline(&c, T0 + 350, 50, FETCH_IDLE);
	c.paused = true;
	assert_deadline(&c, T0 + 1000, 1000, FETCH_TOTAL_SLOW);
}

static void
a_limit_of_nothing_is_none(void **state)
{
	static const struct fetch_order none = { 0 };
	struct course c;

	(void)state;
	course_begin(&c, &none, T0);
	assert_int_equal(course_nearest(&c).at_ms, INT64_MAX);
	course_move(&c, COURSE_SENDING);
	assert_int_equal(course_nearest(&c).at_ms, INT64_MAX);
	course_move(&c, COURSE_READING);
	assert_int_equal(course_nearest(&c).at_ms, INT64_MAX);
	c = course_in(COURSE_READING);
	course_move(&c, COURSE_OVER);
	assert_int_equal(course_nearest(&c).at_ms, INT64_MAX);
}

static void
a_call_may_begin_anew_until_an_answer_begins(void **state)
{
	struct course c = course_in(COURSE_SENDING);

	(void)state;
	course_move(&c, COURSE_SENDING); /* curl within itself */
	course_move(&c, COURSE_CONNECTING);
	course_move(&c, COURSE_SENDING);
	course_move(&c, COURSE_READING);
	assert_string_equal(course_state_name(c.state), "reading the answer");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(until_the_request_is_sent_only_the_whole_call_has_one),
		cmocka_unit_test(the_first_byte_is_waited_for_since_the_last_one_sent),
		cmocka_unit_test(silence_counts_since_the_last_byte_heard_unless_paused),
		cmocka_unit_test(a_limit_of_nothing_is_none),
		cmocka_unit_test(a_call_may_begin_anew_until_an_answer_begins),
	};

	return cmocka_run_group_tests_name("net/course", tests, NULL, NULL);
}
