/*
 * Affinity: the order of neighbours, and what choosing makes of it.  Lessons 65 and 66: what begins
 * alike goes to the same credential, fails over to another one and back, and starves nobody.
 */
#include "tests/unit/upstream/choice_world.h"

#include "upstream/affinity.h"

#define PREFIXES 4000

static uint64_t
prefix_of(int k)
{
	return ((uint64_t)k + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- neighbours ---- */

static struct affinity *
keys_from(uint64_t first, uint32_t n)
{
	uint64_t *keys = calloc(n ? n : 1, sizeof(*keys));
	struct affinity *a;

	for (uint32_t i = 0; i < n; i++)
		keys[i] = first + i;
	a = affinity_new(keys, n);
	free(keys);
	return a;
}

static void
as_many_are_near_as_there_are_up_to_the_most(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 2, 15, 16, 17, 1000 };

	(void)state;
	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct affinity *a = keys_from(1, sizes[s]);
		uint32_t near[AFFINITY_NEIGHBOURS];

		for (int k = 0; k < 100; k++) {
			uint32_t n = affinity_near(a, prefix_of(k), near);

			assert_int_equal(n, sizes[s] < 16 ? sizes[s] : 16);
			for (uint32_t i = 0; i < n; i++) {
				assert_true(near[i] < sizes[s]);
				for (uint32_t j = 0; j < i; j++)
					assert_int_not_equal(near[i], near[j]);
			}
		}
		affinity_free(&a);
		assert_null(a);
		affinity_free(&a);
	}
}

static void
the_order_follows_from_keys_and_prefix_alone(void **state)
{
	static const uint64_t keys[] = { 11, 12, 13, 14, 15 }, turned[] = { 15, 14, 13, 12, 11 };
	struct affinity *a = affinity_new(keys, 5), *b = affinity_new(turned, 5);
	uint32_t near[AFFINITY_NEIGHBOURS], other[AFFINITY_NEIGHBOURS];

	(void)state;
	for (int k = 0; k < 100; k++) {
		assert_int_equal(affinity_near(a, prefix_of(k), near), 5);
		assert_int_equal(affinity_near(b, prefix_of(k), other), 5);
		for (int i = 0; i < 5; i++)
			assert_int_equal(keys[near[i]], turned[other[i]]);
	}
	affinity_free(&a);
	affinity_free(&b);
}

static void
a_key_of_zero_takes_no_part(void **state)
{
	static const uint64_t keys[] = { 0, 12, 0, 14 };
	struct affinity *a = affinity_new(keys, 4);
	uint32_t near[AFFINITY_NEIGHBOURS];

	(void)state;
	for (int k = 0; k < 50; k++) {
		assert_int_equal(affinity_near(a, prefix_of(k), near), 2);
		assert_true(near[0] % 2 == 1 && near[1] % 2 == 1);
	}
	affinity_free(&a);
}

static void
keys_share_the_prefixes_fairly(void **state)
{
	static const uint32_t sizes[] = { 2, 10, 16, 17, 64 };

	(void)state;
	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct affinity *a = keys_from(5000, sizes[s]);
		int counts[64] = { 0 }, share = 64000 / (int)sizes[s];
		uint32_t near[AFFINITY_NEIGHBOURS];

		for (int k = 0; k < 64000; k++) {
			affinity_near(a, prefix_of(k), near);
			counts[near[0]]++;
		}
		for (uint32_t i = 0; i < sizes[s]; i++)
			assert_in_range(counts[i], share * 2 / 5, share * 2);
		affinity_free(&a);
	}
}

/* Lesson 66: a ring and a window of neighbours cost up to twice the ideal share. */
static void
one_more_key_moves_about_its_share_of_the_prefixes(void **state)
{
	static const uint32_t sizes[] = { 4, 16, 100, 1000 };

	(void)state;
	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct affinity *a = keys_from(1, sizes[s]), *b = keys_from(1, sizes[s] + 1);
		uint32_t near[AFFINITY_NEIGHBOURS], after_it[AFFINITY_NEIGHBOURS];
		int moved = 0, to_others = 0;

		for (int k = 0; k < 64000; k++) {
			affinity_near(a, prefix_of(k), near);
			affinity_near(b, prefix_of(k), after_it);
			moved += near[0] != after_it[0];
			to_others += near[0] != after_it[0] && after_it[0] != sizes[s];
		}
		double ideal = 64000.0 / (sizes[s] + 1);

		assert_true(moved > 0.4 * ideal && moved < 3 * ideal);
		if (sizes[s] < 16)
			assert_int_equal(to_others, 0);
		affinity_free(&a);
		affinity_free(&b);
	}
}

static void
prefixes_that_are_nearly_alike_are_spread(void **state)
{
	struct affinity *a = keys_from(1, 8);
	int counts[8] = { 0 };
	uint32_t near[AFFINITY_NEIGHBOURS];

	(void)state;
	for (uint64_t k = 1; k <= 8000; k++) {
		affinity_near(a, k, near);
		counts[near[0]]++;
	}
	for (int i = 0; i < 8; i++)
		assert_in_range(counts[i], 800, 1200);
	affinity_free(&a);
}

/* ---- lesson 65: stickiness ---- */

static void
lesson_65_what_begins_alike_goes_to_the_same_credential(void **state)
{
	static const uint32_t sizes[] = { 3, 40, MANY };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct pool_world *w = pool_world_anew(state);

		add(w, sizes[s]);
		for (uint32_t i = 0; i < sizes[s]; i++)
			learn(own(w, i), i % 3 ? 40 : 3, i % 5 ? 0 : 2);
		for (int k = 0; k < 30; k++) {
			uint32_t first = chosen_by_affinity(w, prefix_of(k));

			assert_int_not_equal(first, CHOICE_NONE);
			assert_int_equal(w->why.chosen, CHOSEN_AFFINITY);
			for (int again = 0; again < 10; again++)
				assert_int_equal(chosen_by_affinity(w, prefix_of(k)), first);
		}
	}
}

static void
lesson_65_another_worker_chooses_the_same(void **state)
{
	struct pool_world *w = *state;
	struct chance other_chance;
	struct choice_made made;

	add(w, MANY);
	chance_seed(&other_chance, 4711);
	struct choice *other = choice_new(w->board, w->items, w->n);

	for (int k = 0; k < 200; k++) {
		struct choice_wish wished = wish(w);

		wished.affinity = prefix_of(k);
		choice_make(other, &wished, T0, &other_chance, &made);
		assert_int_equal(made.i, chosen_by_affinity(w, prefix_of(k)));
	}
	choice_free(&other);
}

static void
without_a_prefix_it_is_a_draw(void **state)
{
	struct pool_world *w = *state;
	bool different = false;
	uint32_t first;

	add(w, 5);
	first = chosen(w);
	for (int k = 0; k < 100; k++)
		different |= chosen(w) != first;
	assert_true(different);
	assert_int_equal(w->why.chosen, CHOSEN_DRAW);
}

/* ---- lesson 66: over, and back ---- */

static void
lesson_66_a_frozen_affine_one_gives_way_to_always_the_same_other_and_comes_back(void **state)
{
	static const uint32_t sizes[] = { 6, MANY };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct pool_world *w = pool_world_anew(state);

		add(w, sizes[s]);
		for (int k = 0; k < 20; k++) {
			struct choice_wish wished = wish(w);
			uint32_t first = chosen_by_affinity(w, prefix_of(k)), second;

			freeze(own(w, first), MINUTE);
			second = chosen_by_affinity(w, prefix_of(k));
			assert_int_not_equal(second, first);
			assert_int_equal(w->why.chosen, CHOSEN_AFFINITY);
			assert_int_equal(w->why.passed[PASS_FROZEN], 1);
			assert_int_equal(w->why.looked_at, 2);
			for (int again = 0; again < 5; again++)
				assert_int_equal(chosen_by_affinity(w, prefix_of(k)), second);
			wished.affinity = prefix_of(k);
			assert_int_equal(choose(w, wished, after(MINUTE)), first);
			fitness_thaw(own(w, first));
			assert_int_equal(chosen_by_affinity(w, prefix_of(k)), first);
		}
	}
}

static void
lesson_66_an_affine_one_that_was_tried_gives_way(void **state)
{
	struct pool_world *w = *state;
	const enum pass why[] = { PASS_TRIED };
	struct choice_wish wished = wish(w);
	uint32_t first;

	add(w, 6);
	first = chosen_by_affinity(w, 99);
	wished.affinity = 99;
	wished.not_ = &first;
	wished.not_why = why;
	wished.not_count = 1;
	for (int k = 0; k < 20; k++)
		assert_int_not_equal(choose(w, wished, T0), first);
	assert_int_equal(w->why.passed[PASS_TRIED], 1);
}

static void
a_half_open_affine_one_gets_its_probe_and_is_then_left_alone(void **state)
{
	struct pool_world *w = *state;
	struct choice_wish wished = wish(w);
	uint32_t first;

	add(w, 6);
	first = chosen_by_affinity(w, 99);
	wished.affinity = 99;
	break_for(own(w, first), MINUTE);
	assert_int_not_equal(choose(w, wished, T0), first);
	assert_int_equal(choose(w, wished, after(MINUTE)), first);
	assert_true(w->made.probes);
	assert_int_equal(w->why.chosen, CHOSEN_PROBE);
	assert_true(fitness_probe(own(w, first), after(MINUTE)));
	assert_int_not_equal(choose(w, wished, after(MINUTE)), first);
	fitness_mend(own(w, first));
	assert_int_equal(choose(w, wished, after(MINUTE)), first);
	assert_false(w->made.probes);
}

static void
where_no_neighbour_is_eligible_any_other_is_drawn(void **state)
{
	struct pool_world *w = *state;
	struct affinity *a;
	uint64_t keys[MANY];
	uint32_t near[AFFINITY_NEIGHBOURS];

	add(w, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		keys[i] = w->items[i].key;
	a = affinity_new(keys, MANY);
	affinity_near(a, 99, near);
	affinity_free(&a);
	for (int i = 0; i < AFFINITY_NEIGHBOURS; i++)
		freeze(own(w, near[i]), MINUTE);
	for (int k = 0; k < 50; k++) {
		uint32_t i = chosen_by_affinity(w, 99);

		assert_int_not_equal(i, CHOICE_NONE);
		for (int j = 0; j < AFFINITY_NEIGHBOURS; j++)
			assert_int_not_equal(i, near[j]);
	}
	assert_int_equal(w->why.chosen, CHOSEN_DRAW);
}

static void
where_none_at_all_is_eligible_it_is_refused_with_the_next(void **state)
{
	struct pool_world *w = *state;

	add(w, 5);
	for (uint32_t i = 0; i < 5; i++)
		freeze(own(w, i), i == 3 ? SECOND : MINUTE);
	assert_int_equal(chosen_by_affinity(w, 99), CHOICE_NONE);
	assert_int_equal(w->made.next_i, 3);
	assert_int_equal(w->why.passed[PASS_FROZEN], 5);
	assert_int_equal(w->why.looked_at, 5);
}

/* ---- lesson 66: nobody starves ---- */

static void
lesson_66_conversations_are_spread_over_all(void **state)
{
	static const uint32_t sizes[] = { 10, MANY };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct pool_world *w = pool_world_anew(state);
		int counts[MANY] = { 0 }, share = PREFIXES / (int)sizes[s];

		add(w, sizes[s]);
		for (int k = 0; k < PREFIXES; k++)
			counts[chosen_by_affinity(w, prefix_of(k))]++;
		for (uint32_t i = 0; i < sizes[s]; i++)
			assert_in_range(counts[i], share / 10, share * 5 / 2);
	}
}

static void
lesson_66_one_prefix_asked_all_the_time_does_not_pile_up_on_one(void **state)
{
	static const uint32_t sizes[] = { 10, MANY };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct pool_world *w = pool_world_anew(state);
		uint32_t n = sizes[s], others = 0, used = 0;

		add(w, n);
		for (uint32_t k = 0; k < 20 * n; k++) {
			uint32_t i = chosen_by_affinity(w, 99);
			unsigned most = 2 * (k + 1) / n + 1;

			assert_int_not_equal(i, CHOICE_NONE);
			lend(w, i);
			others += w->why.chosen != CHOSEN_AFFINITY;
			if (w->why.chosen == CHOSEN_AFFINITY && most > CHOICE_LOAD_LEAST)
				assert_in_range(fitness_in_flight(whole(w, i)), 1, most);
		}
		for (uint32_t i = 0; i < n; i++)
			used += fitness_in_flight(whole(w, i)) > 0;
		/* Among many, what its neighbours cannot take goes to anybody. */
		assert_true(n > AFFINITY_NEIGHBOURS ? others > 0 : others == 0);
		assert_true(used >= n / 2);
	}
}

static void
a_few_in_flight_are_no_load(void **state)
{
	struct pool_world *w = *state;
	uint32_t first;

	add(w, 10);
	first = chosen_by_affinity(w, 99);
	for (int k = 0; k < CHOICE_LOAD_LEAST; k++) {
		assert_int_equal(chosen_by_affinity(w, 99), first);
		lend(w, first);
	}
	assert_int_not_equal(chosen_by_affinity(w, 99), first);
	assert_int_equal(w->why.chosen, CHOSEN_AFFINITY);
	assert_int_equal(w->why.passed[PASS_BUSY], 1);
	give_back(w, first);
	assert_int_equal(chosen_by_affinity(w, 99), first);
}

static void
where_most_are_out_the_rest_share_the_load_and_stay_affine(void **state)
{
	struct pool_world *w = *state;
	uint32_t first;

	add(w, 10);
	for (uint32_t i = 0; i < 8; i++)
		freeze(own(w, i), MINUTE);
	for (int k = 0; k < 60; k++)
		lend(w, 8 + (uint32_t)k % 2); /* thirty each: five times the mean of all */
	first = chosen_by_affinity(w, 99);
	assert_in_range(first, 8, 9);
	for (int k = 0; k < 20; k++) {
		assert_int_equal(chosen_by_affinity(w, 99), first);
		assert_int_equal(w->why.chosen, CHOSEN_AFFINITY);
	}
	for (int k = 0; k < 200; k++)
		lend(w, first); /* more than twice the mean of the two would be even so */
	for (uint32_t i = 0; i < 30; i++)
		give_back(w, first == 8 ? 9 : 8);
	assert_int_not_equal(chosen_by_affinity(w, 99), first);
}

/* ---- sets and tiers ---- */

static void
one_credential_more_moves_few_conversations(void **state)
{
	struct pool_world *w = *state;
	uint32_t before[PREFIXES];
	int moved = 0;

	add(w, 20);
	for (int k = 0; k < PREFIXES; k++)
		before[k] = chosen_by_affinity(w, prefix_of(k));
	add(w, 1);
	for (int k = 0; k < PREFIXES; k++)
		moved += chosen_by_affinity(w, prefix_of(k)) != before[k];
	assert_true(moved > 0);
	assert_true(moved < 3 * PREFIXES / 21);
}

static void
one_that_is_disabled_moves_its_own_conversations_alone(void **state)
{
	struct pool_world *w = *state;
	uint32_t before[PREFIXES];

	add(w, 10);
	for (int k = 0; k < PREFIXES; k++)
		before[k] = chosen_by_affinity(w, prefix_of(k));
	w->items[4].enabled = false;
	for (int loaded = 0; loaded < 2; loaded++) {
		for (int k = 0; k < PREFIXES; k++) {
			uint32_t i = chosen_by_affinity(w, prefix_of(k));

			assert_int_not_equal(i, 4);
			assert_true(i == before[k] || before[k] == 4);
		}
		choice_free(&w->choice); /* a set that was loaded with it disabled is no other */
	}
}

static void
the_lower_tier_comes_before_affinity(void **state)
{
	struct pool_world *w = *state;

	for (unsigned i = 0; i < 12; i++)
		add_one(w, i % 2, 0);
	for (int k = 0; k < 100; k++) {
		assert_int_equal(chosen_by_affinity(w, prefix_of(k)) % 2, 0);
		assert_int_equal(w->why.chosen, CHOSEN_AFFINITY);
	}
	for (uint32_t i = 0; i < 12; i += 2)
		freeze(own(w, i), MINUTE);
	for (int k = 0; k < 100; k++) {
		uint32_t first = chosen_by_affinity(w, prefix_of(k));

		assert_int_equal(first % 2, 1);
		assert_int_equal(w->why.chosen, CHOSEN_AFFINITY);
		assert_int_equal(chosen_by_affinity(w, prefix_of(k)), first);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pool_world_open, pool_world_close)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_are_near_as_there_are_up_to_the_most),
		cmocka_unit_test(the_order_follows_from_keys_and_prefix_alone),
		cmocka_unit_test(a_key_of_zero_takes_no_part),
		cmocka_unit_test(keys_share_the_prefixes_fairly),
		cmocka_unit_test(one_more_key_moves_about_its_share_of_the_prefixes),
		cmocka_unit_test(prefixes_that_are_nearly_alike_are_spread),
		T(lesson_65_what_begins_alike_goes_to_the_same_credential),
		T(lesson_65_another_worker_chooses_the_same),
		T(without_a_prefix_it_is_a_draw),
		T(lesson_66_a_frozen_affine_one_gives_way_to_always_the_same_other_and_comes_back),
		T(lesson_66_an_affine_one_that_was_tried_gives_way),
		T(a_half_open_affine_one_gets_its_probe_and_is_then_left_alone),
		T(where_no_neighbour_is_eligible_any_other_is_drawn),
		T(where_none_at_all_is_eligible_it_is_refused_with_the_next),
		T(lesson_66_conversations_are_spread_over_all),
		T(lesson_66_one_prefix_asked_all_the_time_does_not_pile_up_on_one),
		T(a_few_in_flight_are_no_load),
		T(where_most_are_out_the_rest_share_the_load_and_stay_affine),
		T(one_credential_more_moves_few_conversations),
		T(one_that_is_disabled_moves_its_own_conversations_alone),
		T(the_lower_tier_comes_before_affinity),
	};

	return cmocka_run_group_tests_name("upstream/affinity", tests, NULL, NULL);
}
