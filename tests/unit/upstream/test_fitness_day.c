/* The day's requests under clocks that jump, and the limits that upstream stated. */
#include "tests/unit/unit.h"

#include "upstream/fitness.h"
#include "upstream/fitness_words.h"

#define UP INT64_C(86400000)
/* 2026-09-22 07:00 UTC: midnight in California, in summer. */
#define MIDNIGHT INT64_C(1790060400000)
#define NOON     (MIDNIGHT - 12 * HOUR_MS)

/* Both clocks go on from here: the second is set by `set`. */
static struct moment
at(int64_t since_noon_ms, int64_t set)
{
	return (struct moment){ UP + since_noon_ms, NOON + since_noon_ms + set };
}

static void
book(struct board_row *row, int n, struct moment m)
{
	for (int i = 0; i < n; i++)
		assert_true(fitness_day_book(row, 0, m));
}

/* ---- booking ---- */

static void
a_limit_is_kept_to_the_last_request(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_true(fitness_day_book(&row, 20, at(i, 0)));
	assert_false(fitness_day_book(&row, 20, at(HOUR_MS, 0)));
	assert_int_equal(fitness_day_used(&row, at(HOUR_MS, 0)), 20);
	assert_true(fitness_day_book(&row, 21, at(HOUR_MS, 0)));
}

static void
without_a_limit_it_is_only_counted(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	book(&row, 1000, at(0, 0));
	assert_int_equal(fitness_day_used(&row, at(0, 0)), 1000);
	assert_false(fitness_day_book(&row, 1000, at(0, 0)));
}

static void
the_day_begins_anew_at_midnight_in_california(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	book(&row, 5, at(0, 0));
	assert_int_equal(fitness_day_used(&row, at(12 * HOUR_MS - 1, 0)), 5);
	assert_int_equal(fitness_day_used(&row, at(12 * HOUR_MS + 8 * SECOND_MS, 0)), 0);
	book(&row, 1, at(12 * HOUR_MS + 8 * SECOND_MS, 0));
	assert_int_equal(fitness_day_used(&row, at(13 * HOUR_MS, 0)), 1);
}

static void
a_day_ends_at_its_midnight_and_at_most_seconds_later(void **state)
{
	(void)state;
	/* The time is kept in units of eight seconds, rounded up. */
	for (int64_t ms = 0; ms < 20 * SECOND_MS; ms += 777) {
		struct board_row row = { 0 };

		book(&row, 1, at(ms, 0));
		assert_int_equal(fitness_day_used(&row, at(12 * HOUR_MS - 1, 0)), 1);
		assert_int_equal(fitness_day_used(&row, at(12 * HOUR_MS + 8 * SECOND_MS, 0)), 0);

		int64_t ends = fitness_day_ends_ms(&row, at(ms, 0)) - UP;

		assert_in_range(ends, 12 * HOUR_MS, 12 * HOUR_MS + 8 * SECOND_MS);
		assert_int_equal(fitness_day_used(&row, at(ends, 0)), 0);
		assert_int_equal(fitness_day_used(&row, at(ends - 8 * SECOND_MS - 1, 0)), 1);
	}
}

static void
days_that_are_longer_or_shorter_end_at_their_midnight(void **state)
{
	static const struct {
		int64_t noon_utc; /* in California */
		int hours;        /* to the midnight after the next */
	} cases[] = {
		{ INT64_C(1772913600000),
		    35 }, /* 2026-03-07 20:00 UTC: the next day has 23 hours */
		{ INT64_C(1793473200000), 37 }, /* 2026-10-31 19:00 UTC: the next day has 25 */
		{ INT64_C(1779649200000), 36 }, /* 2026-05-24 19:00 UTC */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct board_row row = { 0 };
		int64_t noon = cases[i].noon_utc, next = 12 * HOUR_MS + MINUTE_MS;
		int64_t end = cases[i].hours * HOUR_MS;

		assert_int_equal(fitness_day_ends_in_ms((struct moment){ UP, noon }), 12 * HOUR_MS);
		book(&row, 2, (struct moment){ UP, noon });
		book(&row, 3, (struct moment){ UP + next, noon + next });
		assert_int_equal(
		    fitness_day_used(&row, (struct moment){ UP + end - 1, noon + end - 1 }), 3);
		end += 8 * SECOND_MS;
		assert_int_equal(
		    fitness_day_used(&row, (struct moment){ UP + end, noon + end }), 0);
	}
}

static void
a_full_count_stays_full(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	book(&row, 1, at(0, 0));
	struct fitness_day day = fitness_day_told(&row, at(0, 0));

	day.requests = INT64_MAX;
	fitness_day_restore(&row, day, at(0, 0));
	assert_int_equal(fitness_day_used(&row, at(0, 0)), (1 << 24) - 1);
	book(&row, 2, at(0, 0));
	assert_int_equal(fitness_day_used(&row, at(0, 0)), (1 << 24) - 1);
}

/* ---- between two days ---- */

#define MARGIN INT64_C(500)

static void
which_day_counts_is_in_doubt_before_midnight(void **state)
{
	int64_t midnight = 12 * HOUR_MS;
	struct board_row row = { 0 };

	(void)state;
	assert_int_equal(fitness_day_doubt_ms(NULL, MARGIN, at(midnight - 501, 0)), 0);
	for (int64_t ms = -500; ms < 0; ms += 37)
		assert_int_equal(
		    fitness_day_doubt_ms(NULL, MARGIN, at(midnight + ms, 0)), UP + midnight);
	assert_int_equal(fitness_day_doubt_ms(NULL, MARGIN, at(midnight, 0)), 0);
	assert_int_equal(fitness_day_doubt_ms(NULL, 0, at(midnight - 1, 0)), 0);
	book(&row, 1, at(midnight, 0));
	assert_int_equal(fitness_day_doubt_ms(&row, MARGIN, at(midnight + 1, 0)), 0);
}

/* What was left of the day was spent in the seconds by which its end was rounded up, which upstream
 * counted to the next one already. */
static void
no_request_of_the_next_day_is_counted_to_the_last(void **state)
{
	(void)state;
	for (int64_t begun = 0; begun < 20 * SECOND_MS; begun += 777)
		for (int64_t ms = -500; ms < 10 * SECOND_MS; ms += 333) {
			struct board_row row = { 0 };
			struct moment now = at(12 * HOUR_MS + ms, 0);

			book(&row, 1, at(begun, 0));
			int64_t until = fitness_day_doubt_ms(&row, MARGIN, now);

			if (until == 0) {
				assert_int_equal(fitness_day_used(&row, now), 0);
				continue;
			}
			assert_in_range(until - now.ms, 1, 8 * SECOND_MS + MARGIN);
			now = at(until - UP, 0);
			assert_int_equal(fitness_day_doubt_ms(&row, MARGIN, now), 0);
			assert_int_equal(fitness_day_used(&row, now), 0);
		}
}

/* Nobody waits for an hour because a clock was set. */
static void
a_wall_clock_that_was_set_leaves_no_doubt_but_for_seconds(void **state)
{
	struct board_row row = { 0 };
	int64_t most = 0, doubt = 0;

	(void)state;
	book(&row, 1, at(0, 0));
	for (int64_t ms = 10 * HOUR_MS; ms < 14 * HOUR_MS; ms += 100)
		for (int64_t set = -HOUR_MS; set <= HOUR_MS; set += HOUR_MS) {
			int64_t until = fitness_day_doubt_ms(&row, MARGIN, at(ms, set));

			doubt = until ? until - (UP + ms) : 0;
			most = doubt > most ? doubt : most;
		}
	assert_in_range(most, 500, 9 * SECOND_MS);
}

static void
what_was_booked_yesterday_and_is_sent_today_counts_today(void **state)
{
	struct board_row row = { 0 };
	int64_t midnight = 12 * HOUR_MS;

	(void)state;
	book(&row, 3, at(0, 0));
	fitness_day_late(&row, UP + midnight - SECOND_MS, at(midnight - 1, 0));
	assert_int_equal(fitness_day_used(&row, at(midnight - 1, 0)), 3);
	/* The day begins with it, if need be. */
	fitness_day_late(&row, UP + midnight - SECOND_MS, at(midnight + 1, 0));
	assert_int_equal(fitness_day_used(&row, at(midnight + 1, 0)), 1);
	fitness_day_late(&row, UP + midnight - SECOND_MS, at(midnight + MINUTE_MS, 0));
	book(&row, 1, at(midnight + MINUTE_MS, 0));
	assert_int_equal(fitness_day_used(&row, at(midnight + MINUTE_MS, 0)), 3);
	fitness_day_late(&row, UP + midnight + 1, at(midnight + MINUTE_MS, 0));
	assert_int_equal(fitness_day_used(&row, at(midnight + MINUTE_MS, 0)), 3);
	fitness_day_late(NULL, UP, at(midnight + MINUTE_MS, 0));
}

/* ---- giving back ---- */

static void
what_is_given_back_makes_room_and_never_more_than_there_was(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	book(&row, 2, at(0, 0));
	fitness_day_return(&row, at(0, 0));
	assert_int_equal(fitness_day_used(&row, at(0, 0)), 1);
	fitness_day_return(&row, at(0, 0));
	fitness_day_return(&row, at(0, 0));
	assert_int_equal(fitness_day_used(&row, at(0, 0)), 0);
	assert_true(fitness_day_book(&row, 1, at(0, 0)));
	assert_false(fitness_day_book(&row, 1, at(0, 0)));
}

static void
what_yesterday_booked_is_not_given_back_to_today(void **state)
{
	struct board_row row = { 0 };
	struct moment today = at(12 * HOUR_MS + MINUTE_MS, 0);

	(void)state;
	assert_true(fitness_day_book(&row, 1, at(12 * HOUR_MS - MINUTE_MS, 0)));
	assert_true(fitness_day_book(&row, 1, today));
	fitness_day_return(&row, today);
	assert_false(fitness_day_book(&row, 1, today));
}

static void
what_yesterday_booked_is_nothing_today(void **state)
{
	struct board_row row = { 0 };
	struct moment today = at(14 * HOUR_MS, 0);

	(void)state;
	book(&row, 3, at(0, 0));
	fitness_day_return(&row, today);
	assert_int_equal(fitness_day_used(&row, today), 0);
}

/* ---- clocks that jump ---- */

static void
an_hour_forward_does_not_start_the_day_early(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	book(&row, 5, at(0, 0));
	assert_int_equal(fitness_day_used(&row, at(11 * HOUR_MS + MINUTE_MS, HOUR_MS)), 5);
	assert_int_equal(fitness_day_used(&row, at(12 * HOUR_MS - MINUTE_MS, HOUR_MS)), 5);
	assert_int_equal(fitness_day_used(&row, at(12 * HOUR_MS + MINUTE_MS, HOUR_MS)), 0);
}

static void
nor_by_a_second(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < 8 * SECOND_MS; ms += 777) {
		struct board_row row = { 0 };
		struct moment noon = { UP + ms, NOON };
		struct moment early = { UP + ms + 12 * HOUR_MS - 1, MIDNIGHT + HOUR_MS };

		book(&row, 5, noon);
		assert_int_equal(fitness_day_used(&row, early), 5);
	}
}

static void
its_end_is_told_right_though_the_clock_was_set(void **state)
{
	struct board_row row = { 0 };
	struct moment early = at(11 * HOUR_MS + MINUTE_MS, HOUR_MS);
	struct moment late = at(HOUR_MS, -HOUR_MS);

	(void)state;
	book(&row, 5, at(0, 0));
	assert_in_range(
	    fitness_day_ends_ms(&row, early) - UP, 12 * HOUR_MS, 12 * HOUR_MS + 8 * SECOND_MS);
	assert_int_equal(fitness_day_ends_ms(&row, late) - UP, 13 * HOUR_MS);
	assert_int_equal(fitness_day_ends_ms(&row, at(HOUR_MS, HOUR_MS)) - UP, 12 * HOUR_MS);
}

static void
an_hour_back_does_not_give_the_day_twice(void **state)
{
	struct board_row row = { 0 };

	/* It has begun, and the clock says that it has not. */
	(void)state;
	book(&row, 5, at(0, 0));
	book(&row, 3, at(12 * HOUR_MS + 10 * MINUTE_MS, 0));
	assert_int_equal(fitness_day_used(&row, at(12 * HOUR_MS + 20 * MINUTE_MS, -HOUR_MS)), 3);
	/* The clock says for the second time that it begins. */
	assert_int_equal(fitness_day_used(&row, at(13 * HOUR_MS + 20 * MINUTE_MS, -HOUR_MS)), 3);
	assert_int_equal(fitness_day_used(&row, at(37 * HOUR_MS + MINUTE_MS, -HOUR_MS)), 0);
}

static void
an_hour_back_before_midnight_waits_for_the_clock(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	book(&row, 5, at(0, 0));
	assert_int_equal(fitness_day_used(&row, at(12 * HOUR_MS + MINUTE_MS, -HOUR_MS)), 5);
	assert_int_equal(fitness_day_used(&row, at(13 * HOUR_MS + MINUTE_MS, -HOUR_MS)), 0);
}

static void
a_clock_that_was_wrong_by_years_has_healed_within_a_day(void **state)
{
	static const int64_t wrong[] = { 14 * 365 * DAY_MS, -5 * 365 * DAY_MS, -NOON, 3 * DAY_MS,
		-3 * DAY_MS };

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct board_row row = { 0 };
		int64_t began = 0;

		assert_true(fitness_day_book(&row, 1, at(0, wrong[i])));
		for (int64_t t = 0; t < 26 * HOUR_MS && !began; t += MINUTE_MS)
			if (fitness_day_book(&row, 1, at(t, 0)))
				began = t;
		assert_true(began > 0 && began <= 25 * HOUR_MS + MINUTE_MS);
		/* And from then on it goes by the right clock. */
		struct moment next = { UP + 36 * HOUR_MS + MINUTE_MS,
			MIDNIGHT + DAY_MS + MINUTE_MS };

		assert_true(fitness_day_book(&row, 1, next));
		assert_false(fitness_day_book(&row, 1, next));
	}
}

static void
a_row_that_slept_for_years_is_not_held(void **state)
{
	static const int64_t years[] = { 1, 2, 3, 4, 5, 9 };

	/* The time in the word has gone round since. */
	(void)state;
	for (size_t i = 0; i < COUNT(years); i++) {
		struct board_row row = { 0 };

		book(&row, 5, at(0, 0));
		assert_int_equal(fitness_day_used(&row, at(years[i] * 365 * DAY_MS, 0)), 0);
	}
}

static void
any_clock_is_survived(void **state)
{
	static const int64_t walls[] = { 0, -1, 1, -DAY_MS, 8 * HOUR_MS, DAY_MS, INT64_C(1) << 31,
		SECOND_MS << 31, SECOND_MS << 32, INT64_C(1) << 52 };

	(void)state;
	for (size_t i = 0; i < COUNT(walls); i++)
		for (size_t j = 0; j < COUNT(walls); j++) {
			struct board_row row = { 0 };
			struct moment then = { UP, walls[i] }, now = { UP + HOUR_MS, walls[j] };

			assert_true(fitness_day_book(&row, 1, then));
			assert_in_range(fitness_day_ends_in_ms(then), 1, 35 * HOUR_MS);
			assert_true(fitness_day_used(&row, now) <= 1);
			assert_true(fitness_day_ends_ms(&row, now) > now.ms);
		}
}

/*
 * A year of bookings as fast as they are let, beside a clock that is set forward or back by an hour
 * every now and then.  Whatever it does, a day's limit is given once for each day: the beginnings
 * lie at least 21 hours apart (the shortest day, less what lies between an hour back and an hour
 * forward), and none is left out.
 */
static void
a_year_with_a_jumping_clock_has_as_many_days_as_any_other(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct board_row row = { 0 };
		struct chance chance;
		int64_t set = 0, began = -DAY_MS, begun = 0, booked = 0, last_used = 0;

		chance_seed(&chance, seed);
		for (int64_t t = 0; t < 365 * DAY_MS; t += 5 * MINUTE_MS) {
			if (chance_below(&chance, 60) == 0)
				set = ((int64_t)chance_below(&chance, 3) - 1) * HOUR_MS;
			struct moment m = at(t + (int64_t)chance_below(&chance, 1000), set);

			booked += fitness_day_book(&row, 7, m);
			int64_t used = fitness_day_used(&row, m);

			assert_in_range(used, 1, 7);
			if (used < last_used || t == 0) {
				assert_true(begun < 2 || t - began >= 21 * HOUR_MS);
				began = t;
				begun++;
			}
			last_used = used;
		}
		assert_in_range(begun, 365, 366);
		assert_in_range(booked, 7 * 364, 7 * 366);
	}
}

/* ---- kept over a restart ---- */

static void
the_clock_set_back_over_midnight_while_nobody_ran_does_not_give_the_day_twice(void **state)
{
	struct board_row row = { 0 }, other = { 0 };

	(void)state;
	book(&row, 5, at(12 * HOUR_MS + 10 * MINUTE_MS, 0));
	struct fitness_day day = fitness_day_told(&row, at(12 * HOUR_MS + 20 * MINUTE_MS, 0));

	fitness_day_restore(&other, day, at(12 * HOUR_MS + 30 * MINUTE_MS, -HOUR_MS));
	assert_int_equal(fitness_day_used(&other, at(12 * HOUR_MS + 40 * MINUTE_MS, -HOUR_MS)), 5);
	assert_int_equal(fitness_day_used(&other, at(14 * HOUR_MS, -HOUR_MS)), 5);
	assert_int_equal(fitness_day_used(&other, at(36 * HOUR_MS - MINUTE_MS, 0)), 5);
	assert_int_equal(fitness_day_used(&other, at(37 * HOUR_MS + MINUTE_MS, -HOUR_MS)), 0);
}

static void
a_day_that_is_neither_today_nor_tomorrow_is_forgotten(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	book(&row, 5, at(0, 0));
	struct fitness_day day = fitness_day_told(&row, at(0, 0));

	for (int shift = -3; shift <= 4; shift++) {
		struct board_row other = { 0 };
		struct fitness_day shifted = { (uint16_t)(day.number + shift), day.requests };

		fitness_day_restore(&other, shifted, at(0, 0));
		assert_int_equal(
		    fitness_day_used(&other, at(0, 0)), shift == 0 || shift == 1 ? 5 : 0);
	}
}

/* ---- limits ---- */

static void
a_limit_that_was_stated_is_believed_for_a_day(void **state)
{
	struct board_row row = { 0 };
	struct fitness_limits said = { 5, 250000, 20 };

	(void)state;
	fitness_learn(&row, &said, at(0, 0));
	struct fitness_limits l = fitness_learned(&row, at(DAY_MS - SECOND_MS, 0));

	assert_int_equal(l.rpm, 5);
	assert_int_equal(l.tpm, 250000);
	assert_int_equal(l.rpd, 20);
	l = fitness_learned(&row, at(DAY_MS, 0));
	assert_int_equal(l.rpm, 0);
	assert_int_equal(l.tpm, 0);
	assert_int_equal(l.rpd, 0);
}

static void
what_was_not_stated_leaves_what_was_known(void **state)
{
	static const struct fitness_limits nothing = { 0, -1, INT64_MIN };
	struct board_row row = { 0 };
	struct fitness_limits said = { .rpm = 5 }, more = { .rpd = 20 };

	(void)state;
	fitness_learn(&row, &said, at(0, 0));
	fitness_learn(&row, &more, at(HOUR_MS, 0));
	fitness_learn(&row, &nothing, at(2 * HOUR_MS, 0));
	struct fitness_limits l = fitness_learned(&row, at(DAY_MS, 0));

	assert_int_equal(l.rpm, 5);
	assert_int_equal(l.tpm, 0);
	assert_int_equal(l.rpd, 20);
	assert_int_equal(fitness_learned(&row, at(25 * HOUR_MS, 0)).rpd, 0);
}

static void
what_is_believed_no_more_does_not_come_back(void **state)
{
	struct board_row row = { 0 };
	struct fitness_limits said = { .rpm = 5 }, more = { .rpd = 20 };

	(void)state;
	fitness_learn(&row, &said, at(0, 0));
	fitness_learn(&row, &more, at(2 * DAY_MS, 0));
	assert_int_equal(fitness_learned(&row, at(2 * DAY_MS, 0)).rpm, 0);
	assert_int_equal(fitness_learned(&row, at(2 * DAY_MS, 0)).rpd, 20);
}

static void
absurd_limits_are_clamped(void **state)
{
	struct board_row row = { 0 };
	struct fitness_limits said = { INT64_MAX, INT64_MAX, INT64_MAX };

	(void)state;
	fitness_learn(&row, &said, at(0, 0));
	struct fitness_limits l = fitness_learned(&row, at(0, 0));

	assert_int_equal(l.rpm, (1 << 20) - 1);
	assert_int_equal(l.tpm, (1 << 24) - 1);
	assert_int_equal(l.rpd, (1 << 20) - 1);
}

static void
a_jumping_clock_neither_keeps_a_limit_for_years_nor_loses_it_at_once(void **state)
{
	struct board_row row = { 0 };
	struct fitness_limits said = { .rpm = 5 };

	(void)state;
	fitness_learn(&row, &said, at(0, 0));
	assert_int_equal(fitness_learned(&row, at(0, -HOUR_MS)).rpm, 5);
	assert_int_equal(fitness_learned(&row, at(0, HOUR_MS)).rpm, 5);
	assert_int_equal(fitness_learned(&row, at(0, -400 * DAY_MS)).rpm, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_is_kept_to_the_last_request),
		cmocka_unit_test(without_a_limit_it_is_only_counted),
		cmocka_unit_test(the_day_begins_anew_at_midnight_in_california),
		cmocka_unit_test(a_day_ends_at_its_midnight_and_at_most_seconds_later),
		cmocka_unit_test(days_that_are_longer_or_shorter_end_at_their_midnight),
		cmocka_unit_test(a_full_count_stays_full),
		cmocka_unit_test(which_day_counts_is_in_doubt_before_midnight),
		cmocka_unit_test(no_request_of_the_next_day_is_counted_to_the_last),
		cmocka_unit_test(a_wall_clock_that_was_set_leaves_no_doubt_but_for_seconds),
		cmocka_unit_test(what_was_booked_yesterday_and_is_sent_today_counts_today),
		cmocka_unit_test(what_is_given_back_makes_room_and_never_more_than_there_was),
		cmocka_unit_test(what_yesterday_booked_is_not_given_back_to_today),
		cmocka_unit_test(what_yesterday_booked_is_nothing_today),
		cmocka_unit_test(an_hour_forward_does_not_start_the_day_early),
		cmocka_unit_test(nor_by_a_second),
		cmocka_unit_test(its_end_is_told_right_though_the_clock_was_set),
		cmocka_unit_test(an_hour_back_does_not_give_the_day_twice),
		cmocka_unit_test(an_hour_back_before_midnight_waits_for_the_clock),
		cmocka_unit_test(a_clock_that_was_wrong_by_years_has_healed_within_a_day),
		cmocka_unit_test(a_row_that_slept_for_years_is_not_held),
		cmocka_unit_test(any_clock_is_survived),
		cmocka_unit_test(a_year_with_a_jumping_clock_has_as_many_days_as_any_other),
		cmocka_unit_test(
		    the_clock_set_back_over_midnight_while_nobody_ran_does_not_give_the_day_twice),
		cmocka_unit_test(a_day_that_is_neither_today_nor_tomorrow_is_forgotten),
		cmocka_unit_test(a_limit_that_was_stated_is_believed_for_a_day),
		cmocka_unit_test(what_was_not_stated_leaves_what_was_known),
		cmocka_unit_test(what_is_believed_no_more_does_not_come_back),
		cmocka_unit_test(absurd_limits_are_clamped),
		cmocka_unit_test(
		    a_jumping_clock_neither_keeps_a_limit_for_years_nor_loses_it_at_once),
	};

	return cmocka_run_group_tests_name("upstream/fitness_day", tests, NULL, NULL);
}
