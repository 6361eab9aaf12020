/*
 * Choosing: who is eligible, who of these is taken, and what is told when none is.
 */
#include "tests/unit/upstream/choice_world.h"

/* ---- who is eligible ---- */

static void
of_none_nobody_is_chosen(void **state)
{
	struct pool_world *w = *state;

	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->made.next_i, CHOICE_NONE);
	assert_int_equal(w->made.next.pass, PASS_DISABLED);
	assert_true(w->made.next.free_at_ms == INT64_MAX);
	assert_false(w->made.tried_free);
	choice_wake_all(w->choice);
}

static void
freeze_own(struct pool_world *w, uint32_t i)
{
	freeze(own(w, i), MINUTE);
}

static void
freeze_whole(struct pool_world *w, uint32_t i)
{
	freeze(whole(w, i), MINUTE);
}

static void
freeze_scope(struct pool_world *w, uint32_t i)
{
	freeze(scope(w, i), MINUTE);
}

static void
freeze_scope_whole(struct pool_world *w, uint32_t i)
{
	freeze(board_row(w->board, w->items[i].scope, BOARD_WHOLE, true), MINUTE);
}

static void
break_own(struct pool_world *w, uint32_t i)
{
	break_for(own(w, i), MINUTE);
}

static void
break_whole(struct pool_world *w, uint32_t i)
{
	break_for(whole(w, i), MINUTE);
}

static void
fill_minute(struct pool_world *w, uint32_t i)
{
	fitness_full(scope(w, i), T0.ms + MINUTE);
}

static void
fill_tokens(struct pool_world *w, uint32_t i)
{
	fitness_full_tokens(scope(w, i), 1000, T0.ms + MINUTE);
}

/* What keeps a credential from being chosen, with few beside it and with many. */
static const struct {
	const char *what;
	void (*spoil)(struct pool_world *, uint32_t i);
	enum pass pass;
	int64_t free_in_ms; /* 0: not told here */
} spoilers[] = {
	{ "frozen for the model", freeze_own, PASS_FROZEN, MINUTE },
	{ "frozen as a whole", freeze_whole, PASS_FROZEN, MINUTE },
	{ "frozen with its project", freeze_scope, PASS_FROZEN, MINUTE },
	{ "its project frozen as a whole", freeze_scope_whole, PASS_FROZEN, MINUTE },
	{ "resting for the model", break_own, PASS_BROKEN, MINUTE },
	{ "resting as a whole", break_whole, PASS_BROKEN, MINUTE },
	{ "minute used up", fill_minute, PASS_MINUTE, MINUTE },
	{ "tokens used up", fill_tokens, PASS_TOKENS, MINUTE },
	{ "being probed", probe_it, PASS_PROBED, 0 },
};

static void
who_is_spoiled_is_passed_over(void **state, uint32_t n)
{
	for (size_t c = 0; c < COUNT(spoilers); c++) {
		struct pool_world *w = pool_world_anew(state);

		for (uint32_t i = 0; i < n; i++)
			add_one(w, 0, 7 + i % 2); /* two projects */
		for (uint32_t i = 0; i < n; i++)
			if (i % 2 == 0)
				spoilers[c].spoil(w, i);
		struct choice_wish wished = wish(w);

		wished.tokens = 5000;
		for (int k = 0; k < 50; k++) {
			uint32_t i = choose(w, wished, T0);

			if (i == CHOICE_NONE || i % 2 == 0)
				fail_msg("%s among %u: %u", spoilers[c].what, n, i);
		}
		for (uint32_t i = 0; i < n; i++)
			if (i % 2 == 1)
				spoilers[c].spoil(w, i);
		assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
		if (w->made.next.pass != spoilers[c].pass)
			fail_msg("%s: told as %s", spoilers[c].what, pass_name(w->made.next.pass));
		assert_true(w->made.next_i < n);
		assert_true(w->made.next.free_at_ms > T0.ms);
		if (spoilers[c].free_in_ms)
			assert_true(w->made.next.free_at_ms == T0.ms + spoilers[c].free_in_ms);
	}
}

static void
of_few_who_is_of_no_use_is_passed_over(void **state)
{
	who_is_spoiled_is_passed_over(state, 4);
}

static void
of_many_who_is_of_no_use_is_passed_over(void **state)
{
	who_is_spoiled_is_passed_over(state, MANY);
}

static void
a_disabled_one_is_not_chosen_also_when_it_is_disabled_later(void **state)
{
	struct pool_world *w = *state;

	add(w, 3);
	w->items[0].enabled = false;
	for (int k = 0; k < 20; k++)
		assert_int_not_equal(chosen(w), 0);
	w->items[2].enabled = false;
	for (int k = 0; k < 20; k++)
		assert_int_equal(chosen(w), 1);
	w->items[1].enabled = false;
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->made.next.pass, PASS_DISABLED);
	assert_true(w->made.next.free_at_ms == INT64_MAX);
}

static void
one_that_the_board_had_no_room_for_is_not_chosen(void **state)
{
	struct pool_world *w = *state;

	add(w, 2);
	w->items[0].subject = w->items[0].scope = -1;
	w->items[1].scope = -1;
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->made.next.pass, PASS_NO_ROOM);
}

static void
a_day_used_up_is_passed_over_where_a_limit_of_days_is_in_force(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	add(w, 1);
	for (int k = 0; k < 10; k++)
		assert_true(fitness_day_book(scope(w, 0), 0, T0));
	assert_int_equal(choose(w, wished, T0), 0);
	wished.limits.rpd = 11;
	assert_int_equal(choose(w, wished, T0), 0);
	wished.limits.rpd = 10;
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_int_equal(w->made.next.pass, PASS_DAY);
	assert_true(w->made.next.free_at_ms > T0.ms);
}

static void
a_limit_that_was_learned_counts_where_the_operator_set_none(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	add(w, 1);
	for (int k = 0; k < 10; k++)
		assert_true(fitness_day_book(scope(w, 0), 0, T0));
	fitness_learn(scope(w, 0), &(struct fitness_limits){ .rpd = 10 }, T0);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	wished.limits.rpd = 20;
	assert_int_equal(choose(w, wished, T0), 0);
}

static void
what_froze_another_model_does_not_matter(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	add(w, 1);
	freeze(own(w, 0), MINUTE);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	wished.model = board_model(w->board, span_of("gemini-2.5-pro"), true);
	assert_int_equal(choose(w, wished, T0), 0);
	wished.model = -1;
	assert_int_equal(choose(w, wished, T0), 0);
	freeze(whole(w, 0), MINUTE);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
}

static void
a_frozen_one_is_chosen_again_at_its_time(void **state)
{
	struct pool_world *w = *state;

	add(w, 1);
	freeze(own(w, 0), MINUTE);
	assert_int_equal(choose(w, wish(w), after(MINUTE - 1)), CHOICE_NONE);
	assert_int_equal(choose(w, wish(w), after(MINUTE)), 0);
}

static void
the_rows_of_the_chosen_are_told_and_none_is_made(void **state)
{
	struct pool_world *w = *state;

	add_one(w, 0, 77);
	assert_int_equal(chosen(w), 0);
	assert_null(w->made.rows.own);
	assert_null(w->made.rows.scope);
	(void)own(w, 0);
	(void)scope(w, 0);
	(void)whole(w, 0);
	assert_int_equal(chosen(w), 0);
	assert_ptr_equal(w->made.rows.own, own(w, 0));
	assert_ptr_equal(w->made.rows.whole, whole(w, 0));
	assert_ptr_equal(w->made.rows.scope, scope(w, 0));
	assert_ptr_not_equal(w->made.rows.scope, w->made.rows.own);
}

/* ---- what is not metered ---- */

static void
use_up_the_day(struct pool_world *w, uint32_t i)
{
	fitness_learn(scope(w, i), &(struct fitness_limits){ .rpd = 1 }, T0);
	fitness_day_book(scope(w, i), 0, T0);
}

static void
use_up_all(struct pool_world *w, uint32_t i)
{
	use_up_the_day(w, i);
	fill_minute(w, i);
	fill_tokens(w, i);
}

static const struct {
	void (*spoil)(struct pool_world *, uint32_t i);
	enum pass pass;
} limits[] = {
	{ fill_minute, PASS_MINUTE },
	{ fill_tokens, PASS_TOKENS },
	{ use_up_the_day, PASS_DAY },
	{ use_up_all, PASS_DAY },
};

/* Asked for in turn, so that what one finds out is not held against the other. */
static void
a_limit_that_is_used_up_does_not_matter_to_what_is_not_metered(void **state)
{
	static const uint32_t sizes[] = { 4, MANY };

	for (size_t c = 0; c < 2 * COUNT(limits); c++) {
		struct pool_world *w = pool_world_anew(state);
		struct choice_wish metered = wish(w), other = wish(w);

		metered.tokens = 5000;
		other.metered = false;
		for (uint32_t i = 0; i < sizes[c % 2]; i++) {
			add_one(w, 0, 7 + i % 2);
			limits[c / 2].spoil(w, i);
		}
		for (int k = 0; k < 20; k++) {
			assert_int_equal(choose(w, metered, T0), CHOICE_NONE);
			assert_int_equal(w->made.next.pass, limits[c / 2].pass);
			assert_true(choose(w, other, T0) < sizes[c % 2]);
			assert_int_equal(w->why.passed[limits[c / 2].pass], 0);
		}
	}
}

static void
all_but_limits_matters_to_what_is_not_metered(void **state)
{
	static const uint32_t sizes[] = { 4, MANY };

	for (size_t c = 0; c < 2 * COUNT(spoilers); c++) {
		struct pool_world *w = pool_world_anew(state);
		enum pass pass = spoilers[c / 2].pass;
		struct choice_wish other = wish(w);

		if (pass == PASS_MINUTE || pass == PASS_TOKENS)
			continue;
		other.metered = false;
		for (uint32_t i = 0; i < sizes[c % 2]; i++) {
			add_one(w, 0, 7 + i % 2);
			use_up_all(w, i);
			spoilers[c / 2].spoil(w, i);
		}
		if (choose(w, other, T0) != CHOICE_NONE || w->made.next.pass != pass)
			fail_msg(
			    "%s: told as %s", spoilers[c / 2].what, pass_name(w->made.next.pass));
	}
}

static void
a_probe_behind_a_full_minute_is_one_for_what_is_not_metered(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish other = wish(w);

	add_one(w, 0, 7);
	break_for(own(w, 0), SECOND);
	fill_minute(w, 0);
	other.metered = false;
	assert_int_equal(choose(w, other, T0), CHOICE_NONE);
	assert_int_equal(w->made.next.pass, PASS_BROKEN);
	assert_int_equal(choose(w, other, after(SECOND)), 0);
	assert_true(w->made.probes);
}

/* ---- the next when there is none ---- */

static void
the_next_is_whoever_is_free_first(void **state)
{
	struct pool_world *w = *state;

	for (int t = 0; t < 6; t++)
		add_one(w, (unsigned)t % 2, 0);
	freeze(own(w, 0), 3 * MINUTE);
	break_for(whole(w, 1), 2 * MINUTE);
	w->items[2].enabled = false;
	freeze(own(w, 3), HOUR);
	fitness_full(scope(w, 4), T0.ms + 90 * SECOND);
	w->items[5].subject = -1;
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->made.next_i, 4);
	assert_int_equal(w->made.next.pass, PASS_MINUTE);
	freeze(own(w, 4), HOUR);
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->made.next_i, 1);
	assert_int_equal(w->made.next.pass, PASS_BROKEN);
	assert_int_equal(w->made.next.cause, OUTCOME_SERVER_ERROR);
	assert_true(w->made.next.free_at_ms == T0.ms + 2 * MINUTE);
}

static void
what_was_tried_is_not_chosen_again_but_told_to_be_free(void **state)
{
	struct pool_world *w = *state;
	const uint32_t not_[] = { 0, 2 };
	const enum pass why[] = { PASS_TRIED, PASS_TRIED };
	struct choice_wish wished = wish(w);

	add(w, 3);
	wished.not_ = not_;
	wished.not_why = why;
	wished.not_count = 2;
	for (int k = 0; k < 20; k++)
		assert_int_equal(choose(w, wished, T0), 1);
	assert_false(w->made.tried_free);
	freeze(own(w, 1), MINUTE);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_true(w->made.tried_free);
	assert_int_equal(w->made.next_i, 1);
	assert_int_equal(w->why.passed[PASS_TRIED], 2);
	assert_int_equal(w->why.passed[PASS_FROZEN], 1);

	/* What came of the tries counts, too. */
	freeze(own(w, 0), SECOND);
	freeze(own(w, 2), 2 * SECOND);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_false(w->made.tried_free);
	assert_int_equal(w->made.next_i, 0);
	assert_int_equal(w->made.next.pass, PASS_FROZEN);
}

static void
what_was_found_full_while_booking_is_told_as_that(void **state)
{
	struct pool_world *w = *state;
	const uint32_t not_[] = { 0, 1 };
	const enum pass why[] = { PASS_MINUTE, PASS_NO_ROOM };
	struct choice_wish wished = wish(w);

	add(w, 2);
	wished.not_ = not_;
	wished.not_why = why;
	wished.not_count = 2;
	fitness_full(scope(w, 0), T0.ms + 40 * SECOND);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_false(w->made.tried_free);
	assert_int_equal(w->made.next.pass, PASS_MINUTE);
	assert_true(w->made.next.free_at_ms == T0.ms + 40 * SECOND);

	/* Room that was given back meanwhile is worth asking for at once. */
	fitness_full(scope(w, 0), 0);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_int_equal(w->made.next.pass, PASS_MINUTE);
	assert_true(w->made.next.free_at_ms == T0.ms + 1);
}

/* ---- picks ---- */

/* How often each of the first few is chosen. */
static void
tally(struct pool_world *w, struct choice_wish wished, int times, int *counts)
{
	for (int k = 0; k < times; k++)
		counts[choose(w, wished, T0)]++;
}

static void
thompson_prefers_who_succeeds_and_still_tries_who_is_unknown(void **state)
{
	struct pool_world *w = *state;
	int counts[3] = { 0 };

	add(w, 3);
	learn(own(w, 0), 40, 2);
	learn(own(w, 1), 10, 30);
	tally(w, wish(w), 2000, counts);
	assert_true(counts[0] > 1600);
	assert_true(counts[1] < 20);
	assert_true(counts[2] > 20);
	assert_int_equal(counts[0] + counts[1] + counts[2], 2000);
}

static void
thompson_spreads_over_who_is_alike(void **state)
{
	struct pool_world *w = *state;
	int counts[4] = { 0 };

	add(w, 4);
	for (uint32_t i = 0; i < 4; i++)
		learn(own(w, i), 20, 0);
	tally(w, wish(w), 2000, counts);
	for (int i = 0; i < 4; i++)
		assert_in_range(counts[i], 400, 600);
}

/* All clients once drew a key that hangs, until the first of them had waited in vain. */
static void
thompson_trusts_who_is_unknown_with_few_at_once(void **state)
{
	struct pool_world *w = *state;
	int unknown = 0, counts[3] = { 0 };

	add(w, 3);
	learn(own(w, 0), 20, 0);
	learn(own(w, 1), 20, 0);
	for (int k = 0; k < 2000; k++) {
		uint32_t i = chosen(w);

		if (i == 2)
			fitness_lent(own(w, 2), (uint64_t)k, T0);
		unknown += i == 2;
	}
	assert_in_range(unknown, 1, 3);
	while (fitness_in_flight(own(w, 2)) > 0)
		fitness_returned(own(w, 2));
	tally(w, wish(w), 2000, counts);
	assert_true(counts[2] > 20);
}

static void
thompson_trusts_who_is_well_known_with_many_at_once(void **state)
{
	struct pool_world *w = *state;

	add(w, 2);
	learn(own(w, 0), 40, 0);
	learn(own(w, 1), 1, 20);
	for (int k = 0; k < 300; k++)
		fitness_lent(own(w, 0), (uint64_t)k, T0);
	for (int k = 0; k < 100; k++)
		assert_int_equal(chosen(w), 0);
}

static void
thompson_goes_by_the_model(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);
	int counts[2] = { 0 };

	add(w, 2);
	learn(own(w, 0), 0, 40);
	learn(own(w, 1), 40, 0);
	wished.model = board_model(w->board, span_of("gemini-2.5-pro"), true);
	tally(w, wished, 1000, counts);
	assert_in_range(counts[0], 400, 600);
}

static void
least_used_takes_the_fewest_in_flight_then_the_longest_ago(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	wished.pick = CHOICE_LEAST_USED;
	add(w, 3);
	lend(w, 0);
	lend(w, 1);
	lend(w, 2);
	lend(w, 1);
	lend(w, 2);
	lend(w, 0);
	give_back(w, 2);
	assert_int_equal(choose(w, wished, T0), 2);
	give_back(w, 1);
	assert_int_equal(choose(w, wished, T0), 1); /* lent before 2 was */
	lend(w, 1);
	lend(w, 2);
	assert_int_equal(choose(w, wished, T0), 0); /* all have two, and 0 was lent before */
}

static void
round_robin_goes_around(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);
	int counts[5] = { 0 };
	uint32_t order[5];

	wished.pick = CHOICE_ROUND_ROBIN;
	add(w, 5);
	for (int k = 0; k < 5; k++) {
		order[k] = choose(w, wished, T0);
		counts[order[k]]++;
		lend(w, order[k]);
	}
	for (int k = 0; k < 5; k++)
		assert_int_equal(counts[k], 1);
	for (int k = 0; k < 20; k++) {
		assert_int_equal(choose(w, wished, T0), order[k % 5]);
		lend(w, order[k % 5]);
	}
}

static void
of_equals_each_is_taken_as_often(void **state)
{
	static const enum choice_pick picks[] = { CHOICE_LEAST_USED, CHOICE_ROUND_ROBIN };
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	add(w, 4);
	for (size_t p = 0; p < COUNT(picks); p++) {
		int counts[4] = { 0 };

		wished.pick = picks[p];
		tally(w, wished, 2000, counts);
		for (int i = 0; i < 4; i++)
			assert_in_range(counts[i], 400, 600);
	}
}

static void
order_takes_the_first_that_is_eligible(void **state)
{
	static const uint32_t sizes[] = { 5, MANY };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct pool_world *w = pool_world_anew(state);
		struct choice_wish wished = wish(w);

		wished.pick = CHOICE_ORDER;
		add(w, sizes[s]);
		assert_int_equal(choose(w, wished, T0), 0);
		freeze(own(w, 0), MINUTE);
		freeze(own(w, 1), 2 * MINUTE);
		assert_int_equal(choose(w, wished, T0), 2);
		freeze(own(w, 2), HOUR);
		assert_int_equal(choose(w, wished, T0), 3);
		assert_int_equal(choose(w, wished, after(MINUTE)), 0);
		freeze(own(w, 0), HOUR);
		assert_int_equal(choose(w, wished, after(MINUTE)), 3);
		assert_int_equal(choose(w, wished, after(2 * MINUTE)), 1);
	}
}

/* ---- tiers ---- */

static void
the_lower_tier_comes_first(void **state)
{
	static const uint32_t sizes[] = { 2, MANY };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct pool_world *w = pool_world_anew(state);
		uint32_t n = sizes[s];

		for (uint32_t i = 0; i < n; i++)
			add_one(w, 1, 0);
		for (uint32_t i = 0; i < n; i++)
			add_one(w, 0, 0);
		for (uint32_t i = 0; i < n; i++)
			learn(own(w, n + i), 0, 20); /* however good the other one is */
		for (int k = 0; k < 20; k++)
			assert_in_range(chosen(w), n, 2 * n - 1);
		for (uint32_t i = 0; i < n; i++)
			freeze(own(w, n + i), MINUTE);
		for (int k = 0; k < 20; k++)
			assert_in_range(chosen(w), 0, n - 1);
		assert_in_range(choose(w, wish(w), after(MINUTE)), n, 2 * n - 1);
		for (uint32_t i = 0; i < n; i++)
			freeze(own(w, i), i == 1 ? SECOND : HOUR);
		assert_int_equal(chosen(w), CHOICE_NONE);
		assert_int_equal(w->made.next_i, 1);
	}
}

/* A request once waited a minute for a key that was disabled a moment before. */
static void
nobody_waits_for_one_that_was_just_disabled(void **state)
{
	struct pool_world *w = *state;
	const struct fitness_freeze lost = { .until_ms = T0.ms + MINUTE,
		.cause = OUTCOME_KEY_INVALID };

	add(w, 2);
	fitness_freeze(whole(w, 0), &lost, T0);
	freeze(own(w, 1), HOUR);
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_int_equal(w->made.next_i, 1);
	assert_true(w->made.next.free_at_ms == T0.ms + HOUR);
	fitness_freeze(whole(w, 1), &lost, T0);
	fitness_thaw(own(w, 1));
	assert_int_equal(chosen(w), CHOICE_NONE);
	assert_true(w->made.next.free_at_ms == INT64_MAX);
}

static void
tiers_are_in_order_whatever_their_numbers(void **state)
{
	static const unsigned tiers[] = { 9, 2, 4000000000, 2, 9, 0 };
	static const uint32_t expected[] = { 5, 1, 3, 0, 4, 2 };
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	wished.pick = CHOICE_ORDER;
	for (size_t i = 0; i < COUNT(tiers); i++)
		add_one(w, tiers[i], 0);
	for (size_t k = 0; k < COUNT(expected); k++) {
		assert_int_equal(choose(w, wished, T0), expected[k]);
		freeze(own(w, expected[k]), MINUTE);
	}
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
}

/* ---- one that is named ---- */

static void
only_that_one_is_chosen(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	add(w, 3);
	learn(own(w, 1), 0, 40);
	wished.only = 1;
	wished.affinity = 99;
	for (int k = 0; k < 20; k++)
		assert_int_equal(choose(w, wished, T0), 1);
	assert_int_equal(w->why.chosen, CHOSEN_OWNER);
	assert_int_equal(w->why.looked_at, 1);
	freeze(own(w, 1), MINUTE);
	freeze(own(w, 0), SECOND);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_int_equal(w->made.next_i, 1);
	assert_true(w->made.next.free_at_ms == T0.ms + MINUTE);
}

static void
only_one_that_was_tried_is_told_to_be_free(void **state)
{
	struct pool_world *w = *state;
	const uint32_t not_[] = { 0, 1 };
	const enum pass why[] = { PASS_TRIED, PASS_TRIED };
	struct choice_wish wished = wish(w);

	add(w, 2);
	wished.only = 1;
	wished.not_ = not_;
	wished.not_why = why;
	wished.not_count = 2;
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_true(w->made.tried_free);
	assert_int_equal(w->made.next_i, CHOICE_NONE); /* nobody is waited for */
	assert_true(w->made.next.free_at_ms == INT64_MAX);
	freeze(own(w, 1), MINUTE);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_false(w->made.tried_free);
	assert_int_equal(w->made.next_i, 1);
}

static void
a_probe_takes_it_whatever_its_state(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);

	add(w, COUNT(spoilers));
	wished.whatever = true;
	for (uint32_t i = 0; i < COUNT(spoilers); i++) {
		spoilers[i].spoil(w, i);
		wished.only = i;
		assert_int_equal(choose(w, wished, T0), i);
		assert_int_equal(w->why.chosen, CHOSEN_PROBE);
		w->items[i].enabled = false;
		assert_int_equal(choose(w, wished, T0), i);
	}
}

/* ---- half-open breakers ---- */

static void
a_half_open_one_has_its_probe_soon_though_others_are_healthy(void **state)
{
	struct pool_world *w = *state;
	int probes = 0, others = 0;

	add(w, 4);
	for (uint32_t i = 0; i < 4; i++)
		learn(own(w, i), i == 2 ? 0 : 40, i == 2 ? 40 : 0);
	break_for(own(w, 2), MINUTE);
	for (int k = 0; k < 800; k++) {
		if (choose(w, wish(w), after(MINUTE)) == 2) {
			assert_true(w->made.probes);
			assert_int_equal(w->why.chosen, CHOSEN_PROBE);
			assert_true(w->why.draw < 0.5);
			probes++;
		} else {
			assert_false(w->made.probes);
			others++;
		}
	}
	assert_in_range(probes, 60, 140); /* one in eight */
	assert_int_equal(probes + others, 800);
}

static void
one_that_is_being_probed_is_left_alone(void **state)
{
	struct pool_world *w = *state;

	add(w, 2);
	break_for(own(w, 0), MINUTE);
	assert_true(fitness_probe(own(w, 0), after(MINUTE)));
	for (int k = 0; k < 100; k++)
		assert_int_equal(choose(w, wish(w), after(MINUTE)), 1);
	fitness_mend(own(w, 0));
	bool back = false;

	for (int k = 0; k < 100; k++)
		back |= choose(w, wish(w), after(MINUTE)) == 0 && !w->made.probes;
	assert_true(back);
}

/* ---- what is told of it ---- */

static void
why_tells_the_draw_and_who_was_passed_over(void **state)
{
	struct pool_world *w = *state;
	struct trace trace;
	struct choice_wish wished = wish(w);

	add(w, 6);
	trace_begin(&trace, span_of("r-1"), span_of(""), T0);
	wished.trace = &trace;
	wished.why = trace_try_begin(&trace);
	learn(own(w, 3), 40, 0);
	freeze(own(w, 0), MINUTE);
	w->items[1].enabled = false;
	break_for(whole(w, 2), 10 * MINUTE);
	uint32_t i = choose(w, wished, T0);

	assert_in_range(i, 3, 5);
	assert_int_equal(wished.why->chosen, CHOSEN_DRAW);
	assert_int_equal(wished.why->looked_at, 6);
	assert_int_equal(wished.why->passed[PASS_FROZEN], 1);
	assert_int_equal(wished.why->passed[PASS_DISABLED], 1);
	assert_int_equal(wished.why->passed[PASS_BROKEN], 1);
	assert_int_equal(wished.why->passed[PASS_OUTDRAWN], 2);
	assert_true(wished.why->draw > 0 && wished.why->draw <= 1);
	assert_true(wished.why->mean > 0 && wished.why->mean < 1);
	assert_int_equal(trace.pass_count, 3);
	assert_int_equal(trace.passes[0].credential, w->items[0].key);
	assert_int_equal(trace.passes[0].pass, PASS_FROZEN);
	assert_int_equal(trace.passes[0].free_in_s, 60);

	/* Chosen from again for the same request: what was said is not said twice. */
	(void)choose(w, wished, T0);
	assert_int_equal(trace.pass_count, 3);
}

static void
a_trace_that_is_full_takes_no_harm(void **state)
{
	struct pool_world *w = *state;
	struct trace trace;
	struct choice_wish wished = wish(w);

	add(w, 60);
	trace_begin(&trace, span_of("r-1"), span_of(""), T0);
	wished.trace = &trace;
	for (uint32_t i = 0; i < 60; i++)
		freeze(own(w, i), MINUTE);
	assert_int_equal(choose(w, wished, T0), CHOICE_NONE);
	assert_int_equal(trace.pass_count, TRACE_PASSES);
	assert_int_equal(w->why.passed[PASS_FROZEN], 60);
	assert_int_equal(w->why.chosen, CHOSEN_NONE);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pool_world_open, pool_world_close)
	const struct CMUnitTest tests[] = {
		T(of_none_nobody_is_chosen),
		T(of_few_who_is_of_no_use_is_passed_over),
		T(of_many_who_is_of_no_use_is_passed_over),
		T(a_disabled_one_is_not_chosen_also_when_it_is_disabled_later),
		T(one_that_the_board_had_no_room_for_is_not_chosen),
		T(a_day_used_up_is_passed_over_where_a_limit_of_days_is_in_force),
		T(a_limit_that_was_learned_counts_where_the_operator_set_none),
		T(what_froze_another_model_does_not_matter),
		T(a_frozen_one_is_chosen_again_at_its_time),
		T(the_rows_of_the_chosen_are_told_and_none_is_made),
		T(a_limit_that_is_used_up_does_not_matter_to_what_is_not_metered),
		T(all_but_limits_matters_to_what_is_not_metered),
		T(a_probe_behind_a_full_minute_is_one_for_what_is_not_metered),
		T(the_next_is_whoever_is_free_first),
		T(nobody_waits_for_one_that_was_just_disabled),
		T(what_was_tried_is_not_chosen_again_but_told_to_be_free),
		T(what_was_found_full_while_booking_is_told_as_that),
		T(thompson_prefers_who_succeeds_and_still_tries_who_is_unknown),
		T(thompson_spreads_over_who_is_alike),
		T(thompson_trusts_who_is_unknown_with_few_at_once),
		T(thompson_trusts_who_is_well_known_with_many_at_once),
		T(thompson_goes_by_the_model),
		T(least_used_takes_the_fewest_in_flight_then_the_longest_ago),
		T(round_robin_goes_around),
		T(of_equals_each_is_taken_as_often),
		T(order_takes_the_first_that_is_eligible),
		T(the_lower_tier_comes_first),
		T(tiers_are_in_order_whatever_their_numbers),
		T(only_that_one_is_chosen),
		T(only_one_that_was_tried_is_told_to_be_free),
		T(a_probe_takes_it_whatever_its_state),
		T(a_half_open_one_has_its_probe_soon_though_others_are_healthy),
		T(one_that_is_being_probed_is_left_alone),
		T(why_tells_the_draw_and_who_was_passed_over),
		T(a_trace_that_is_full_takes_no_harm),
	};

	return cmocka_run_group_tests_name("upstream/choice", tests, NULL, NULL);
}
