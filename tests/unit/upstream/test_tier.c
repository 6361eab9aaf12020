/*
 * Tiers: who belongs to which, and the rosters of models, which are bounded in number.
 */
#include "tests/unit/unit.h"

#include "upstream/tier.h"

#define N 100

static void
fill(struct choosable *items)
{
	for (uint32_t i = 0; i < N; i++)
		items[i] =
		    (struct choosable){ .key = 1000 + i, .tier = i % 3 ? 7 : 2, .enabled = i % 2 };
}

static void
of_nobody_there_is_no_tier(void **state)
{
	struct tier *tiers;

	(void)state;
	assert_int_equal(tiers_new(&tiers, NULL, 0), 0);
	tiers_free(&tiers, 0);
	assert_null(tiers);
	tiers_free(&tiers, 0);
}

static void
members_are_in_order_of_creation(void **state)
{
	struct choosable items[N];
	struct tier *tiers;

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	assert_int_equal(tiers[0].n, 34);
	assert_int_equal(tiers[1].n, 66);
	assert_int_equal(tiers[0].enabled + tiers[1].enabled, N / 2);
	for (int t = 0; t < 2; t++)
		for (uint32_t m = 0; m < tiers[t].n; m++) {
			assert_int_equal(items[tiers[t].members[m]].tier, t ? 7 : 2);
			assert_true(m == 0 || tiers[t].members[m] > tiers[t].members[m - 1]);
		}
	tiers_free(&tiers, 2);
}

static void
who_is_disabled_is_nobody_s_neighbour(void **state)
{
	struct choosable items[N];
	struct tier *tiers;
	uint32_t near[AFFINITY_NEIGHBOURS];

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	for (uint64_t prefix = 1; prefix < 100; prefix++) {
		assert_int_equal(affinity_near(tiers[1].affinity, prefix, near), 16);
		for (int k = 0; k < 16; k++)
			assert_true(items[tiers[1].members[near[k]]].enabled);
	}
	tiers_free(&tiers, 2);
}

static void
each_model_has_a_field_of_its_own(void **state)
{
	struct choosable items[N];
	struct tier *tiers;

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	struct field *none = tier_field(&tiers[0], -1, true, 0, 1);
	struct field *first = tier_field(&tiers[0], 1, true, 0, 2);

	assert_ptr_not_equal(none, first);
	roster_sleep(first->roster, 5, INT64_MAX, 0);
	assert_ptr_equal(
	    tier_field(&tiers[0], 500, true, 0, 3), tier_field(&tiers[0], 500, true, 0, 4));
	assert_ptr_equal(tier_field(&tiers[0], 1, true, 0, 5), first);
	assert_false(roster_is_awake(first->roster, 5));
	assert_true(roster_is_awake(none->roster, 5));
	tiers_free(&tiers, 2);
}

static void
what_is_not_metered_has_a_field_of_its_own(void **state)
{
	struct choosable items[N];
	struct tier *tiers;

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	struct field *seen[20];

	for (size_t i = 0; i < COUNT(seen); i++) {
		seen[i] = tier_field(&tiers[0], 1 + (int)i / 2, i % 2, 0, i);
		for (size_t k = 0; k < i; k++)
			assert_ptr_not_equal(seen[i], seen[k]);
	}
	assert_ptr_equal(tier_field(&tiers[0], 10, true, 0, 99), seen[19]);
	/* Where no model is named nothing is counted. */
	assert_ptr_equal(
	    tier_field(&tiers[0], -1, false, 0, 99), tier_field(&tiers[0], -1, true, 0, 99));
	tiers_free(&tiers, 2);
}

static void
fields_are_bounded_and_the_one_longest_unused_goes(void **state)
{
	struct choosable items[N];
	struct tier *tiers;
	uint64_t serial = 0;

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	struct tier *t = &tiers[0];

	for (int m = 1; m <= TIER_FIELDS_MAX; m++)
		roster_sleep(tier_field(t, m, true, 0, ++serial)->roster, 5, INT64_MAX, 0);
	tier_field(t, 1, true, 0, ++serial);
	for (int m = 201; m <= 300; m++) {
		tier_field(t, m, true, 0, ++serial);
		tier_field(t, 1, true, 0, ++serial);
		assert_int_equal(t->fields_count, TIER_FIELDS_MAX);
	}
	assert_false(roster_is_awake(tier_field(t, 1, true, 0, ++serial)->roster, 5));
	assert_true(roster_is_awake(tier_field(t, 2, true, 0, ++serial)->roster, 5));
	tiers_free(&tiers, 2);
}

static void
a_thaw_that_is_new_to_a_field_wakes_it_once(void **state)
{
	struct choosable items[N];
	struct tier *tiers;

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	struct field *f = tier_field(&tiers[0], 1, true, 3, 1);

	roster_sleep(f->roster, 5, INT64_MAX, 0);
	f->first = 6;
	tier_field(&tiers[0], 1, true, 3, 2);
	assert_false(roster_is_awake(f->roster, 5));
	assert_int_equal(f->first, 6);
	tier_field(&tiers[0], 1, true, 4, 3);
	assert_true(roster_is_awake(f->roster, 5));
	assert_int_equal(f->first, 0);
	roster_sleep(f->roster, 5, INT64_MAX, 0);
	tier_field(&tiers[0], 1, true, 4, 4);
	assert_false(roster_is_awake(f->roster, 5));
	tiers_free(&tiers, 2);
}

static void
who_wakes_may_come_before_the_first(void **state)
{
	struct choosable items[N];
	struct tier *tiers;

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	struct field *f = tier_field(&tiers[0], 1, true, 0, 1);

	roster_sleep(f->roster, 0, 1000, 0);
	f->first = 1;
	field_wake(f, 999, 8);
	assert_int_equal(f->first, 1);
	field_wake(f, 1000, 8);
	assert_int_equal(f->first, 0);
	assert_true(roster_is_awake(f->roster, 0));
	roster_sleep(f->roster, 0, INT64_MAX, 0);
	f->first = 1;
	tier_wake_all(&tiers[0]);
	assert_int_equal(f->first, 0);
	tiers_free(&tiers, 2);
}

/* ---- winners ---- */

static void
draws(struct field *f, const uint32_t *expected, uint32_t n)
{
	uint32_t member[TIER_WINNERS];

	roster_round(f->roster);
	assert_int_equal(field_draw_winners(f, member), n);
	for (uint32_t k = 0; k < n; k++) {
		bool found = false;

		for (uint32_t i = 0; i < n; i++)
			found |= member[i] == expected[k];
		assert_true(found);
	}
}

static void
the_latest_winners_are_known_each_once(void **state)
{
	static const uint32_t first[] = { 11, 12, 13, 14 }, later[] = { 12, 13, 14, 15 };
	struct choosable items[N];
	struct tier *tiers;

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	struct field *f = tier_field(&tiers[0], 1, true, 0, 1);

	draws(f, NULL, 0);
	for (uint32_t k = 0; k < COUNT(first); k++) {
		field_won(f, first[k]);
		field_won(f, first[0]);
		draws(f, first, k + 1);
	}
	/* Who was there first goes first, however often it won meanwhile. */
	field_won(f, 15);
	draws(f, later, COUNT(later));
	tier_wake_all(&tiers[0]);
	draws(f, later, COUNT(later));
	draws(tier_field(&tiers[0], 1, false, 0, 2), NULL, 0);
	tiers_free(&tiers, 2);
}

static void
a_winner_that_sleeps_or_was_drawn_is_not_drawn(void **state)
{
	static const uint32_t awake[] = { 3, 5 }, all[] = { 3, 4, 5 };
	struct choosable items[N];
	struct tier *tiers;
	uint32_t member[TIER_WINNERS];

	(void)state;
	fill(items);
	assert_int_equal(tiers_new(&tiers, items, N), 2);
	struct field *f = tier_field(&tiers[0], 1, true, 0, 1);

	for (uint32_t k = 0; k < COUNT(all); k++)
		field_won(f, all[k]);
	roster_sleep(f->roster, 4, 1000, 0);
	draws(f, awake, COUNT(awake));
	assert_int_equal(field_draw_winners(f, member), 0); /* in the same round */
	field_wake(f, 1000, 8);
	assert_int_equal(field_draw_winners(f, member), 1);
	assert_int_equal(member[0], 4);
	draws(f, all, COUNT(all));
	tiers_free(&tiers, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_nobody_there_is_no_tier),
		cmocka_unit_test(members_are_in_order_of_creation),
		cmocka_unit_test(who_is_disabled_is_nobody_s_neighbour),
		cmocka_unit_test(each_model_has_a_field_of_its_own),
		cmocka_unit_test(what_is_not_metered_has_a_field_of_its_own),
		cmocka_unit_test(fields_are_bounded_and_the_one_longest_unused_goes),
		cmocka_unit_test(a_thaw_that_is_new_to_a_field_wakes_it_once),
		cmocka_unit_test(who_wakes_may_come_before_the_first),
		cmocka_unit_test(the_latest_winners_are_known_each_once),
		cmocka_unit_test(a_winner_that_sleeps_or_was_drawn_is_not_drawn),
	};

	return cmocka_run_group_tests_name("upstream/tier", tests, NULL, NULL);
}
