/*
 * Choosing among many: who sleeps is not looked at, who wakes is, and what it costs does not grow
 * with their number.
 */
#include "tests/unit/upstream/choice_world.h"

/* How many different ones are chosen in so many choices. */
static int
different(struct pool_world *w, int choices, struct moment now)
{
	bool seen[MANY] = { 0 };
	int count = 0;

	for (int k = 0; k < choices; k++) {
		uint32_t i = choose(w, wish(w), now);

		assert_true(i < MANY);
		count += !seen[i];
		seen[i] = true;
	}
	return count;
}

static void
order_among_many_of_no_use_refuses_and_tells_the_next(void **state)
{
	struct pool_world *w = *state;
	uint32_t not_[50];
	enum pass why[50];
	struct choice_wish wished = wish(w);

	for (uint32_t i = 0; i < 50; i++) {
		not_[i] = i;
		why[i] = PASS_TRIED;
	}
	wished.pick = CHOICE_ORDER;
	wished.not_ = not_;
	wished.not_why = why;
	wished.not_count = 50;
	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		freeze(own(w, i), MINUTE + (i + 100) % MANY * SECOND);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
		assert_int_equal(w->made.next_i, MANY - 100);
		assert_true(w->made.next.free_at_ms == T0.ms + MINUTE);
		assert_int_equal(w->why.passed[PASS_TRIED], 50);
	}
}

static void
among_many_a_handful_is_looked_at(void **state)
{
	struct pool_world *w = *state;

	add(w, 4000);
	assert_int_not_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->why.looked_at, CHOICE_HANDFUL);
	for (uint32_t i = 0; i < 4000; i++)
		if (i % 1000 != 7)
			freeze(own(w, i), HOUR);
	/* Finding out costs one look for each, once, and is no hurry while someone is found. */
	int64_t looks = 0;

	for (int k = 0; k < 500; k++) {
		assert_int_equal(chosen(w) % 1000, 7);
		looks += w->why.looked_at;
	}
	assert_true(looks < 4000 + 500 * 4);
	for (int k = 0; k < 20; k++) {
		assert_int_equal(chosen(w) % 1000, 7);
		assert_int_equal(w->why.looked_at, 4);
	}
}

static void
a_refusal_among_many_does_not_look_at_all_of_them(void **state)
{
	struct pool_world *w = *state;

	add(w, 4000);
	for (uint32_t i = 0; i < 4000; i++)
		freeze(own(w, i), HOUR - (int64_t)(i * 7919 % 4000) * 100);
	assert_int_equal(chosen(w), CHOICE_NONE);
	for (int k = 0; k < 20; k++) {
		assert_int_equal(chosen(w), CHOICE_NONE);
		assert_in_range(w->why.looked_at, 1, 8);
		assert_int_equal(w->made.next.pass, PASS_FROZEN);
		assert_int_equal(w->made.next.cause, OUTCOME_QUOTA_MINUTE);
		assert_true(w->made.next.free_at_ms == T0.ms + HOUR - 3999 * 100);
		assert_int_equal(w->made.next_i * 7919 % 4000, 3999);
	}
}

static void
a_sleeper_is_chosen_at_its_time(void **state)
{
	struct pool_world *w = *state;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		freeze(own(w, i), i == 33 ? MINUTE : HOUR);
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(choose(w, wish(w), after(MINUTE - 1)), CHOICE_NONE);
	assert_int_equal(choose(w, wish(w), after(MINUTE)), 33);
	freeze(own(w, 33), HOUR + MINUTE);
	/* All the others wake at once, more than are woken in one step. */
	assert_int_equal(different(w, 3000, after(HOUR)), MANY - 1);
}

static void
a_thaw_wakes_all(void **state)
{
	struct pool_world *w = *state;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		freeze(own(w, i), HOUR);
	assert_int_equal(chosen(w), CHOICE_NONE);
	fitness_thaw_all(w->board, w->items[5].subject, w->items[5].scope);
	assert_int_equal(chosen(w), 5);
}

static void
one_set_free_without_a_word_is_found_before_a_refusal(void **state)
{
	struct pool_world *w = *state;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		freeze(own(w, i), HOUR + i * SECOND);
	assert_int_equal(chosen(w), CHOICE_NONE);
	fitness_thaw(own(w, 0));
	assert_int_equal(chosen(w), 0);
}

static void
one_that_is_held_longer_is_not_told_as_the_next(void **state)
{
	struct pool_world *w = *state;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		freeze(own(w, i), HOUR + i * SECOND);
	assert_int_equal(chosen(w), CHOICE_NONE);
	for (uint32_t i = 0; i < 5; i++)
		freeze(own(w, i), 2 * HOUR);
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->made.next_i, 5);
	assert_true(w->made.next.free_at_ms == T0.ms + HOUR + 5 * SECOND);
}

static void
a_prompt_of_few_tokens_fits_where_a_long_one_did_not(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish longer = wish(w), shorter = wish(w);

	longer.tokens = 5000;
	shorter.tokens = 500;
	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		fitness_full_tokens(scope(w, i), 1000, T0.ms + MINUTE);
	for (int k = 0; k < 10; k++) {
		assert_int_equal(choose(w, longer, T0), CHOICE_NONE);
		assert_int_equal(w->made.next.pass, PASS_TOKENS);
		assert_int_not_equal(choose(w, shorter, T0), CHOICE_NONE);
	}
}

static void
where_thousands_are_of_no_use_for_so_long_a_prompt_some_are_looked_at(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	wished.tokens = 5000;
	add(w, 3000);
	for (uint32_t i = 0; i < 3000; i++)
		fitness_full_tokens(scope(w, i), 1000, T0.ms + MINUTE);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_in_range(w->why.looked_at, 256, 300);
	assert_int_equal(w->made.next.pass, PASS_TOKENS);
}

static void
whose_probe_is_under_way_only_naps(void **state)
{
	struct pool_world *w = *state;
	bool back = false;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		if (i != 9 && i != 10)
			freeze(own(w, i), HOUR);
	probe_it(w, 9);
	assert_int_equal(chosen(w), 10);
	fitness_mend(own(w, 9));
	for (int k = 0; k < 50; k++)
		back |= choose(w, wish(w), after(SECOND)) == 9;
	assert_true(back);
}

static void
a_clock_that_is_set_wakes_those_frozen_by_it(void **state)
{
	struct pool_world *w = *state;
	struct moment set = { T0.ms + SECOND, T0.wall_ms + HOUR };

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		fitness_freeze(own(w, i),
		    &(struct fitness_freeze){ .until_ms = T0.wall_ms + HOUR,
			.by_wall = true,
			.cause = OUTCOME_QUOTA_DAY },
		    T0);
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(choose(w, wish(w), after(SECOND)), CHOICE_NONE);
	assert_int_equal(different(w, 3000, set), MANY);
}

static void
who_was_excluded_stays_awake_for_others(void **state)
{
	struct pool_world *w = *state;
	uint32_t not_[MANY];
	enum pass why[MANY];
	struct choice_wish wished = wish(w);

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		not_[i] = i;
		why[i] = i % 2 ? PASS_TRIED : PASS_NO_ROOM;
	}
	wished.not_ = not_;
	wished.not_why = why;
	wished.not_count = MANY;
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_true(w->made.tried_free);
	assert_int_equal(different(w, 3000, T0), MANY);
}

static void
few_left_awake_are_all_looked_at(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		if (i % 10 != 3)
			freeze(own(w, i), HOUR);
	for (int k = 0; k < 50; k++)
		assert_int_equal(chosen(w) % 10, 3);
	assert_int_equal(w->why.looked_at, MANY / 10);
	wished.pick = CHOICE_ORDER;
	assert_int_equal(choose(w, wished, T0), 3);
	wished.pick = CHOICE_LEAST_USED;
	for (uint32_t i = 3; i < MANY; i += 10)
		if (i != 123)
			lend(w, i);
	assert_int_equal(choose(w, wished, T0), 123);
}

static void
of_all_that_are_due_at_once_the_one_that_is_free_is_found(void **state)
{
	struct pool_world *w = *state;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		freeze(own(w, i), MINUTE);
	assert_int_equal(chosen(w), CHOICE_NONE);
	for (uint32_t i = 0; i < MANY; i++)
		if (i != 111)
			freeze(own(w, i), HOUR);
	assert_int_equal(choose(w, wish(w), after(MINUTE)), 111);
}

static void
disabled_ones_among_many_are_left_asleep(void **state)
{
	struct pool_world *w = *state;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		w->items[i].enabled = i == 150;
	for (int k = 0; k < 20; k++)
		assert_int_equal(choose(w, wish(w), after(k * HOUR)), 150);
	assert_int_equal(w->why.looked_at, 1);
	w->items[150].enabled = false;
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->made.next.pass, PASS_DISABLED);
}

static void
models_sleep_apart_and_those_longest_unused_are_forgotten(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	add(w, MANY);
	for (int m = 0; m < 100; m++) {
		char name[32];

		snprintf(name, sizeof(name), "model-%d", m);
		w->model = wished.model = board_model(w->board, span_of(name), true);
		for (uint32_t i = 0; i < MANY; i++)
			if (i != (uint32_t)m)
				freeze(own(w, i), HOUR);
		assert_int_equal(choose(w, wished, T0), m);
	}
	for (int m = 99; m >= 0; m--) {
		char name[32];

		snprintf(name, sizeof(name), "model-%d", m);
		wished.model = board_model(w->board, span_of(name), false);
		assert_int_equal(choose(w, wished, T0), m);
	}
	wished.model = -1;
	assert_int_not_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_int_equal(w->why.looked_at, CHOICE_HANDFUL);
}

static void
among_many_the_better_are_preferred_and_all_are_used(void **state)
{
	struct pool_world *w = *state;
	static const enum choice_pick picks[] = { CHOICE_THOMPSON, CHOICE_LEAST_USED,
		CHOICE_ROUND_ROBIN };

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		learn(own(w, i), i % 2 ? 40 : 0, i % 2 ? 0 : 40);
	for (size_t p = 0; p < COUNT(picks); p++) {
		struct choice_wish wished = wish(w);
		int counts[MANY] = { 0 }, used = 0, odd = 0;

		wished.pick = picks[p];
		for (int k = 0; k < 4000; k++) {
			uint32_t i = choose(w, wished, T0);

			counts[i]++;
			odd += i % 2;
			if (picks[p] != CHOICE_THOMPSON)
				lend(w, i);
		}
		for (uint32_t i = 0; i < MANY; i++)
			used += counts[i] > 0;
		if (picks[p] == CHOICE_THOMPSON) {
			assert_true(odd > 3960);
			assert_true(used >= MANY / 2);
		} else {
			assert_int_equal(used, MANY);
			for (uint32_t i = 0; i < MANY; i++)
				assert_in_range(counts[i], 12, 28);
		}
	}
}

/* ---- winners ---- */

/* All fail, but for these, which nobody knows yet. */
static void
add_with_three_good_ones(struct pool_world *w)
{
	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		learn(own(w, i), i < 3 ? 40 : 0, i < 3 ? 0 : 40);
}

/* A handful of 12 would have one of them in it every sixth time. */
static void
the_best_few_of_many_are_found_again(void **state)
{
	struct pool_world *w = *state;
	int counts[3] = { 0 }, good = 0;

	add_with_three_good_ones(w);
	for (int k = 0; k < 1100; k++) {
		uint32_t i = chosen(w);

		if (k < 100 || i >= 3)
			continue;
		counts[i]++;
		good++;
	}
	assert_in_range(good, 990, 1000);
	for (int i = 0; i < 3; i++)
		assert_in_range(counts[i], 200, 500);
}

static void
a_winner_that_fell_asleep_is_not_weighed(void **state)
{
	struct pool_world *w = *state;

	add_with_three_good_ones(w);
	for (int k = 0; k < 200; k++)
		(void)chosen(w);
	for (uint32_t i = 0; i < 3; i++)
		freeze(own(w, i), MINUTE);
	(void)chosen(w); /* looked at, and asleep from now on */
	assert_int_equal(w->why.looked_at, CHOICE_HANDFUL);
	for (int k = 0; k < 100; k++) {
		assert_in_range(chosen(w), 3, MANY - 1);
		assert_int_equal(w->why.looked_at, CHOICE_HANDFUL);
		assert_int_equal(w->why.passed[PASS_FROZEN], 3);
		assert_int_equal(w->why.passed[PASS_OUTDRAWN], CHOICE_HANDFUL - 1);
	}
}

static void
a_winner_wakes_as_one_of_all(void **state)
{
	struct pool_world *w = *state;
	int good = 0;

	add_with_three_good_ones(w);
	for (int k = 0; k < 200; k++)
		(void)chosen(w);
	for (uint32_t i = 0; i < 3; i++)
		freeze(own(w, i), MINUTE);
	assert_in_range(chosen(w), 3, MANY - 1);
	for (int k = 0; k < 300; k++)
		good += choose(w, wish(w), after(MINUTE)) < 3;
	assert_true(good > 200);
}

static void
nobody_is_weighed_twice(void **state)
{
	struct pool_world *w = *state;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		if (i >= 20)
			freeze(own(w, i), HOUR);
	for (int k = 0; k < 200; k++)
		assert_in_range(chosen(w), 0, 19);
	for (int k = 0; k < 20; k++) {
		assert_in_range(chosen(w), 0, 19);
		assert_int_equal(w->why.looked_at, 20);
		assert_int_equal(w->why.passed[PASS_OUTDRAWN], 19);
		assert_int_equal(w->why.passed[PASS_FROZEN], MANY - 20);
	}
}

static void
a_winner_that_was_tried_is_passed_over(void **state)
{
	struct pool_world *w = *state;
	const uint32_t not_[] = { 0, 1, 2 };
	const enum pass why[] = { PASS_TRIED, PASS_TRIED, PASS_TRIED };
	struct choice_wish wished = wish(w);

	add_with_three_good_ones(w);
	for (int k = 0; k < 200; k++)
		(void)chosen(w);
	wished.not_ = not_;
	wished.not_why = why;
	wished.not_count = 3;
	assert_in_range(choose(w, wished, T0), 3, MANY - 1);
	for (int k = 0; k < 20; k++)
		assert_in_range(chosen(w), 0, 2); /* and is a winner still */
}

/* It was favoured, not better than others. */
static void
a_probe_is_no_winner(void **state)
{
	struct pool_world *w = *state;
	int probes = 0;

	add_with_three_good_ones(w);
	break_for(own(w, 100), MINUTE);
	for (int k = 0; k < 4000; k++)
		probes += choose(w, wish(w), after(MINUTE)) == 100;
	assert_in_range(probes, 5, 60); /* a winner would be found by one choice in eight: 500 */
}

static void
winners_are_of_their_model(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish other = wish(w);
	int good = 0;

	other.model = board_model(w->board, span_of("gemini-2.5-pro"), true);
	add_with_three_good_ones(w);
	for (int k = 0; k < 200; k++)
		(void)chosen(w);
	for (int k = 0; k < 1000; k++)
		good += choose(w, other, T0) < 3;
	assert_in_range(good, 0, 60);
}

/* Whoever was the least used has one more by now. */
static void
only_draws_make_winners(void **state)
{
	static const enum choice_pick picks[] = { CHOICE_LEAST_USED, CHOICE_ROUND_ROBIN };
	struct pool_world *w = *state;

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		if (i != 5)
			lend(w, i);
	for (size_t p = 0; p < COUNT(picks); p++) {
		struct choice_wish wished = wish(w);
		int found = 0;

		wished.pick = picks[p];
		for (int k = 0; k < 1000; k++)
			found += choose(w, wished, T0) == 5;
		assert_in_range(found, 30, 90); /* as often as it is in a handful */
	}
}

/* Each outcome is learned, so luck makes some look better than others for a while. */
static void
among_equals_the_work_goes_round(void **state)
{
	struct pool_world *w = *state;
	int counts[100] = { 0 };

	add(w, COUNT(counts));
	for (int k = 0; k < 10000; k++) {
		struct moment now = after(k * 200);
		uint32_t i = choose(w, wish(w), now);

		counts[i]++;
		if (chance_below(&w->chance, 20) > 0)
			fitness_succeeded(own(w, i), 100, 200, now);
		else
			fitness_failed(own(w, i), OUTCOME_SERVER_ERROR, true, now);
	}
	for (size_t i = 0; i < COUNT(counts); i++)
		assert_in_range(counts[i], 1, 500);
}

/* ---- what is told of it ---- */

static void
who_sleeps_is_told_by_the_reason_each_once(void **state)
{
	struct pool_world *w = *state;
	uint16_t frozen = 0;

	add(w, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		if (i % 10 < 4)
			freeze(own(w, i), HOUR);
		else if (i % 10 < 6)
			w->items[i].enabled = false;
		else if (i % 10 < 7)
			fitness_full(scope(w, i), T0.ms + MINUTE);
	}
	for (int k = 0; k < 1000; k++) {
		assert_int_equal(chosen(w) % 10 / 7, 1);
		assert_in_range(w->why.passed[PASS_FROZEN], frozen, 400);
		frozen = w->why.passed[PASS_FROZEN];
	}
	assert_int_equal(w->why.looked_at, CHOICE_HANDFUL);
	assert_int_equal(frozen, 400);
	assert_int_equal(w->why.passed[PASS_DISABLED], 200);
	assert_int_equal(w->why.passed[PASS_MINUTE], 100);
	assert_int_equal(w->why.passed[PASS_OUTDRAWN], CHOICE_HANDFUL - 1);
	for (int k = 0; k < 1000; k++)
		(void)choose(w, wish(w), after(MINUTE));
	assert_int_equal(w->why.passed[PASS_FROZEN], 400);
	assert_int_equal(w->why.passed[PASS_MINUTE], 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pool_world_open, pool_world_close)
	const struct CMUnitTest tests[] = {
		T(order_among_many_of_no_use_refuses_and_tells_the_next),
		T(among_many_a_handful_is_looked_at),
		T(a_refusal_among_many_does_not_look_at_all_of_them),
		T(a_sleeper_is_chosen_at_its_time),
		T(a_thaw_wakes_all),
		T(one_set_free_without_a_word_is_found_before_a_refusal),
		T(one_that_is_held_longer_is_not_told_as_the_next),
		T(a_prompt_of_few_tokens_fits_where_a_long_one_did_not),
		T(where_thousands_are_of_no_use_for_so_long_a_prompt_some_are_looked_at),
		T(who_was_excluded_stays_awake_for_others),
		T(few_left_awake_are_all_looked_at),
		T(of_all_that_are_due_at_once_the_one_that_is_free_is_found),
		T(whose_probe_is_under_way_only_naps),
		T(a_clock_that_is_set_wakes_those_frozen_by_it),
		T(disabled_ones_among_many_are_left_asleep),
		T(models_sleep_apart_and_those_longest_unused_are_forgotten),
		T(among_many_the_better_are_preferred_and_all_are_used),
		T(the_best_few_of_many_are_found_again),
		T(a_winner_that_fell_asleep_is_not_weighed),
		T(a_winner_wakes_as_one_of_all),
		T(nobody_is_weighed_twice),
		T(a_winner_that_was_tried_is_passed_over),
		T(a_probe_is_no_winner),
		T(winners_are_of_their_model),
		T(only_draws_make_winners),
		T(among_equals_the_work_goes_round),
		T(who_sleeps_is_told_by_the_reason_each_once),
	};

	return cmocka_run_group_tests_name("upstream/choice_many", tests, NULL, NULL);
}
