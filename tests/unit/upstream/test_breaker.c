#include "tests/unit/unit.h"
#include "upstream/breaker.h"
#include "upstream/posterior.h"

#define T0    INT64_C(1000000)
#define CAUSE 21

static const struct breaker_rule rule = {
	.failures = 3, .first_ms = 5000, .most_ms = 60000, .least_ms = 1000
};

/* As upstream/breaker.h has the word. */
#define WORD(state, openings, failures, cause, time_ms)                                            \
	((breaker)(state) << 62 | (breaker)(openings) << 56 | (breaker)(failures) << 48 |          \
	    (breaker)(cause) << 42 | (breaker)(time_ms))
#define CLOSED(openings, failures, cause) WORD(BREAKER_CLOSED, openings, failures, cause, 0)
#define OPEN(openings, until)             WORD(BREAKER_OPEN, openings, 3, CAUSE, until)
#define PROBED(openings, since)           WORD(BREAKER_HALF_OPEN, openings, 3, CAUSE, since)

/* ---- every state and what can befall it ---- */

/* chance 0: the shortest wait there is. */
static breaker
failed(breaker w, int64_t now_ms)
{
	return breaker_failed(w, &rule, CAUSE + 1, now_ms, 0);
}

static breaker
succeeded(breaker w, int64_t now_ms)
{
	(void)now_ms;
	return breaker_succeeded(w);
}

static const struct {
	const char *what;
	breaker before;
	breaker (*befalls)(breaker, int64_t now_ms);
	breaker after;
} moves[] = {
	{ "closed: a first failure is counted", 0, failed, CLOSED(0, 1, CAUSE + 1) },
	{ "closed: one more is counted too", CLOSED(0, 1, 5), failed, CLOSED(0, 2, CAUSE + 1) },
	{ "closed: the rule's number opens", CLOSED(0, 2, 5), failed,
	    WORD(BREAKER_OPEN, 1, 3, CAUSE + 1, T0 + 1000) },
	{ "closed: so it does with a past", CLOSED(4, 2, 5), failed,
	    WORD(BREAKER_OPEN, 5, 3, CAUSE + 1, T0 + 1000) },
	{ "closed: more than the number opens as well", CLOSED(0, 200, 5), failed,
	    WORD(BREAKER_OPEN, 1, 201, CAUSE + 1, T0 + 1000) },
	{ "closed: a success forgets failures", CLOSED(0, 2, 5), succeeded, 0 },
	{ "closed: and halves the openings", CLOSED(5, 2, 5), succeeded, CLOSED(2, 0, 0) },
	{ "closed: down to none", CLOSED(1, 0, 0), succeeded, 0 },
	{ "closed: nothing is still nothing", 0, succeeded, 0 },
	{ "closed: no probe ends", CLOSED(1, 2, 5), breaker_unprobed, CLOSED(1, 2, 5) },
	{ "open: a failure beside it is none", OPEN(1, T0 + 1), failed, OPEN(1, T0 + 1) },
	{ "open: a success closes and keeps the past", OPEN(3, T0 + 1), succeeded,
	    CLOSED(3, 0, 0) },
	{ "open: no probe ends", OPEN(1, T0 + 1), breaker_unprobed, OPEN(1, T0 + 1) },
	{ "due: a probe may begin", OPEN(1, T0), breaker_probing, PROBED(1, T0) },
	{ "due: a failure beside it is none", OPEN(1, T0 - 5), failed, OPEN(1, T0 - 5) },
	{ "due: a success closes", OPEN(1, T0 - 5), succeeded, CLOSED(1, 0, 0) },
	{ "probed: success closes and keeps the past", PROBED(6, T0), succeeded, CLOSED(6, 0, 0) },
	{ "probed: failure opens again", PROBED(1, T0 - 9), failed,
	    WORD(BREAKER_OPEN, 2, 4, CAUSE + 1, T0 + 1000) },
	{ "probed: nothing said, at once again", PROBED(2, T0 - 9), breaker_unprobed, OPEN(2, T0) },
	{ "probed: never heard of, and once more", PROBED(2, 0), breaker_probing, PROBED(2, T0) },
	{ "counts stay within their bits", WORD(BREAKER_HALF_OPEN, 63, 255, 0, T0), failed,
	    WORD(BREAKER_OPEN, 63, 255, CAUSE + 1, T0 + 1000) },
};

static void
every_move_ends_where_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(moves); i++) {
		breaker after = moves[i].befalls(moves[i].before, T0);

		if (after != moves[i].after)
			fail_msg("%s: %016llx for %016llx", moves[i].what,
			    (unsigned long long)after, (unsigned long long)moves[i].after);
	}
}

/* ---- what is let through ---- */

static const struct {
	const char *what;
	breaker w;
	enum breaker_state state;
	bool lets, probe;
	int64_t free_at_ms; /* when it does not let */
} looks[] = {
	{ "nothing known", 0, BREAKER_CLOSED, true, false, 0 },
	{ "closed after failures", CLOSED(3, 2, 5), BREAKER_CLOSED, true, false, 0 },
	{ "open", OPEN(1, T0 + 1), BREAKER_OPEN, false, false, T0 + 1 },
	{ "open for long", OPEN(1, T0 + 60000), BREAKER_OPEN, false, false, T0 + 60000 },
	{ "its time is now", OPEN(1, T0), BREAKER_HALF_OPEN, true, true, 0 },
	{ "its time was long ago", OPEN(1, 7), BREAKER_HALF_OPEN, true, true, 0 },
	{ "a probe is under way", PROBED(1, T0), BREAKER_HALF_OPEN, false, false,
	    T0 + BREAKER_PROBE_MAX_MS },
	{ "nearly for too long", PROBED(1, T0 - BREAKER_PROBE_MAX_MS + 1), BREAKER_HALF_OPEN, false,
	    false, T0 + 1 },
	{ "for too long", PROBED(1, T0 - BREAKER_PROBE_MAX_MS), BREAKER_HALF_OPEN, true, true, 0 },
	{ "the clock went back since it began", PROBED(1, T0 + 3000), BREAKER_HALF_OPEN, false,
	    false, T0 + 3000 + BREAKER_PROBE_MAX_MS },
	{ "a state that is none", WORD(3, 1, 3, 5, 0), BREAKER_HALF_OPEN, true, true, 0 },
};

static void
every_state_lets_through_what_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(looks); i++) {
		bool probe = !looks[i].probe;
		int64_t free_at_ms = -1;
		bool lets = breaker_lets(looks[i].w, T0, &probe, &free_at_ms);

		if (breaker_state(looks[i].w, T0) != looks[i].state || lets != looks[i].lets ||
		    probe != looks[i].probe)
			fail_msg("%s", looks[i].what);
		if (lets)
			continue;
		assert_int_equal(free_at_ms, looks[i].free_at_ms);
		assert_true(free_at_ms > T0);
		/* It keeps its word: not a millisecond before. */
		assert_false(breaker_lets(looks[i].w, free_at_ms - 1, &probe, &free_at_ms));
		assert_true(breaker_lets(looks[i].w, free_at_ms, &probe, &free_at_ms));
		assert_true(probe);
	}
}

static void
one_probe_alone_is_let_through(void **state)
{
	bool probe;
	int64_t free_at_ms;
	breaker w = OPEN(1, T0);

	(void)state;
	assert_true(breaker_lets(w, T0, &probe, &free_at_ms));
	w = breaker_probing(w, T0);
	assert_false(breaker_lets(w, T0, &probe, &free_at_ms));
	assert_false(breaker_lets(w, T0 + 10000, &probe, &free_at_ms));
}

static void
a_cause_is_kept_until_it_closes(void **state)
{
	breaker w = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		w = breaker_failed(w, &rule, 10 + i, T0, 0);
	assert_int_equal(breaker_cause(w), 12);
	assert_int_equal(breaker_failures(w), 3);
	assert_int_equal(breaker_openings(w), 1);
	assert_int_equal(breaker_open_until(w), T0 + 1000);
	w = breaker_probing(w, T0 + 1000);
	assert_int_equal(breaker_cause(w), 12);
	assert_int_equal(breaker_open_until(w), 0);
	w = breaker_succeeded(w);
	assert_int_equal(breaker_cause(w), 0);
	assert_int_equal(breaker_failures(w), 0);
	assert_int_equal(breaker_openings(w), 1);
}

/* ---- how long it rests ---- */

static int64_t
rest_ms(unsigned openings, const struct breaker_rule *r, uint64_t chance)
{
	breaker w = breaker_failed(PROBED(openings, T0), r, CAUSE, T0, chance);

	return breaker_open_until(w) - T0;
}

static void
the_longest_rest_doubles_up_to_the_most(void **state)
{
	static const int64_t longest[] = { 5000, 10000, 20000, 40000, 60000, 60000 };

	(void)state;
	for (unsigned i = 0; i < COUNT(longest); i++)
		assert_int_equal(rest_ms(i, &rule, UINT64_MAX), longest[i]);
	assert_int_equal(rest_ms(63, &rule, UINT64_MAX), 60000);
}

static void
a_rest_is_anything_between_the_least_and_the_longest(void **state)
{
	int quarters[4] = { 0 };
	struct chance chance;

	(void)state;
	chance_seed(&chance, 4);
	for (int i = 0; i < 40000; i++) {
		int64_t ms = rest_ms(2, &rule, chance_next(&chance));

		assert_in_range(ms, 1000, 20000);
		quarters[(ms - 1000) * 4 / 19001]++;
	}
	for (size_t i = 0; i < 4; i++)
		assert_in_range(quarters[i], 9600, 10400);
}

static void
a_rule_may_be_narrow(void **state)
{
	static const struct breaker_rule narrow[] = {
		{ 1, 5000, 5000, 5000 }, /* no choice at all */
		{ 1, 0, 0, 5000 },       /* the least is more than the most */
		{ 1, 10, 20, 5000 },
		{ 1, 5000, 900000, 5000 },
	};
	static const struct breaker_rule none = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(narrow); i++)
		assert_int_equal(rest_ms(0, &narrow[i], UINT64_MAX), 5000);
	assert_int_equal(rest_ms(63, &narrow[3], UINT64_MAX), 900000);
	assert_int_equal(breaker_state(breaker_failed(0, &none, 0, T0, 7), T0), BREAKER_HALF_OPEN);
}

/* One that answers a probe and then fails at once must not be asked as often as one that fell over
 * once. */
static void
one_that_flaps_rests_longer_each_time(void **state)
{
	breaker w = 0;
	int64_t now = T0;

	(void)state;
	for (unsigned round = 1; round <= 6; round++) {
		for (int i = 0; i < 3; i++)
			w = breaker_failed(w, &rule, CAUSE, now, UINT64_MAX);
		int64_t longest = 5000 << (round - 1);

		assert_int_equal(breaker_openings(w), round);
		assert_int_equal(breaker_open_until(w) - now, longest < 60000 ? longest : 60000);
		now = breaker_open_until(w);
		w = breaker_succeeded(breaker_probing(w, now));
	}
}

static void
one_that_recovered_is_without_a_past_after_a_few_answers(void **state)
{
	breaker w = PROBED(63, T0);
	int answers = 0;

	(void)state;
	for (; w != 0; answers++)
		w = breaker_succeeded(w);
	assert_int_equal(answers, 7);
}

static void
a_dead_one_is_asked_a_handful_of_times_in_five_minutes(void **state)
{
	struct chance chance;
	breaker w = 0;
	bool probe;
	int64_t free_at_ms;
	int asked = 0;

	(void)state;
	chance_seed(&chance, 8);
	for (int64_t now = T0; now < T0 + 300000; now += 100) {
		if (!breaker_lets(w, now, &probe, &free_at_ms))
			continue;
		asked++;
		if (probe)
			w = breaker_probing(w, now);
		w = breaker_failed(w, &rule, CAUSE, now, chance_next(&chance));
	}
	assert_in_range(asked, 3 + 5, 3 + 25);
}

/* ---- other clocks ---- */

static const struct {
	const char *what;
	breaker before;
	int64_t from_ms, to_ms;
	breaker after;
} travels[] = {
	{ "nothing", 0, T0, 5, 0 },
	{ "closed, with a past", CLOSED(3, 2, 5), T0, 5, CLOSED(3, 2, 5) },
	{ "open: what is left of its rest", OPEN(2, T0 + 700), T0, 5000, OPEN(2, 5700) },
	{ "to the wall clock", OPEN(2, T0 + 700), T0, INT64_C(1900000000000),
	    OPEN(2, INT64_C(1900000000700)) },
	{ "due: at once", OPEN(2, T0 - 700), T0, 5000, OPEN(2, 5000) },
	{ "due, to a clock that has just begun", OPEN(2, T0 - 700), T0, 0, OPEN(2, 0) },
	{ "a probe is forgotten", PROBED(2, T0 - 700), T0, 5000, OPEN(2, 5000) },
	{ "the clock was set back by a year", OPEN(2, T0 + INT64_C(31536000000)), T0, 5000,
	    OPEN(2, 5000 + BREAKER_WAIT_MAX_MS) },
	{ "from before all time", OPEN(2, 700), INT64_MIN, 5000, OPEN(2, 5700) },
	{ "to before all time", OPEN(2, T0 + 700), T0, INT64_MIN, OPEN(2, 700) },
	{ "to behind all time", OPEN(2, T0), T0, INT64_MAX, OPEN(2, (INT64_C(1) << 42) - 1) },
};

static void
a_word_says_the_same_by_another_clock(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(travels); i++) {
		breaker after =
		    breaker_moved(travels[i].before, travels[i].from_ms, travels[i].to_ms);

		if (after != travels[i].after)
			fail_msg("%s: %016llx for %016llx", travels[i].what,
			    (unsigned long long)after, (unsigned long long)travels[i].after);
	}
}

static void
no_word_and_no_time_is_too_strange(void **state)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, T0, INT64_C(1) << 42, INT64_MAX };
	struct chance chance;

	(void)state;
	chance_seed(&chance, 16);
	for (int i = 0; i < 60000; i++) {
		breaker w = chance_next(&chance);
		int64_t now = times[i % COUNT(times)], free_at_ms = INT64_MIN;
		bool probe;

		if (!breaker_lets(w, now, &probe, &free_at_ms)) {
			assert_true(free_at_ms > now);
			assert_true(breaker_state(w, now) != BREAKER_CLOSED);
		}
		if (breaker_state(w, now) != BREAKER_CLOSED)
			assert_int_equal(
			    breaker_state(breaker_probing(w, now), now), BREAKER_HALF_OPEN);
		breaker_unprobed(w, now);
		breaker_failed(w, &rule, 63, now, chance_next(&chance));
		breaker_moved(w, now, times[(i / 5) % COUNT(times)]);
		assert_int_equal(breaker_state(breaker_succeeded(w), now), BREAKER_CLOSED);
	}
}

static void
states_have_names(void **state)
{
	(void)state;
	assert_string_equal(breaker_state_name(BREAKER_CLOSED), "closed");
	assert_string_equal(breaker_state_name(BREAKER_OPEN), "open");
	assert_string_equal(breaker_state_name(BREAKER_HALF_OPEN), "half-open");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_move_ends_where_it_should),
		cmocka_unit_test(every_state_lets_through_what_it_should),
		cmocka_unit_test(one_probe_alone_is_let_through),
		cmocka_unit_test(a_cause_is_kept_until_it_closes),
		cmocka_unit_test(the_longest_rest_doubles_up_to_the_most),
		cmocka_unit_test(a_rest_is_anything_between_the_least_and_the_longest),
		cmocka_unit_test(a_rule_may_be_narrow),
		cmocka_unit_test(one_that_flaps_rests_longer_each_time),
		cmocka_unit_test(one_that_recovered_is_without_a_past_after_a_few_answers),
		cmocka_unit_test(a_dead_one_is_asked_a_handful_of_times_in_five_minutes),
		cmocka_unit_test(a_word_says_the_same_by_another_clock),
		cmocka_unit_test(no_word_and_no_time_is_too_strange),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests_name("upstream/breaker", tests, NULL, NULL);
}
