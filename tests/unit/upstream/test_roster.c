#include "tests/unit/unit.h"
#include "upstream/roster.h"

#define T0 INT64_C(1000000)

static struct chance chance;

static int
seed(void **state)
{
	(void)state;
	chance_seed(&chance, 11);
	return 0;
}

static void
at_first_all_are_awake(void **state)
{
	struct roster *r = roster_new(7);

	(void)state;
	assert_int_equal(roster_awake(r), 7);
	for (uint32_t i = 0; i < 7; i++)
		assert_true(roster_is_awake(r, i));
	assert_true(roster_next_ms(r) == INT64_MAX);
	roster_free(&r);
	assert_null(r);
	roster_free(&r);
}

static void
an_empty_one_is_of_use_to_nobody(void **state)
{
	struct roster *r = roster_new(0);
	uint32_t i;

	(void)state;
	roster_round(r);
	assert_false(roster_draw(r, &chance, &i));
	roster_wake(r, INT64_MAX, UINT32_MAX);
	roster_wake_all(r);
	assert_int_equal(roster_awake(r), 0);
	assert_true(roster_next_ms(r) == INT64_MAX);
	roster_free(&r);
}

static void
a_round_draws_each_once(void **state)
{
	struct roster *r = roster_new(100);

	(void)state;
	for (int round = 0; round < 5; round++) {
		bool seen[100] = { false };
		uint32_t i;

		roster_round(r);
		for (int k = 0; k < 100; k++) {
			assert_true(roster_draw(r, &chance, &i));
			assert_false(seen[i]);
			seen[i] = true;
		}
		assert_false(roster_draw(r, &chance, &i));
		assert_false(roster_draw(r, &chance, &i));
	}
	roster_free(&r);
}

/* Each of the 5 x 4 beginnings of a round comes alike, whatever the order was before. */
static void
every_beginning_of_a_round_is_as_likely(void **state)
{
	struct roster *r = roster_new(7);
	int seen[7][7] = { { 0 } };
	const int rounds = 40000;

	(void)state;
	roster_sleep(r, 2, INT64_MAX, 0);
	roster_sleep(r, 5, T0, 0);
	for (int k = 0; k < rounds; k++) {
		uint32_t first, second;

		roster_round(r);
		assert_true(roster_draw(r, &chance, &first));
		assert_true(roster_draw(r, &chance, &second));
		seen[first][second]++;
	}
	for (uint32_t i = 0; i < 7; i++)
		for (uint32_t k = 0; k < 7; k++) {
			if (i == k || i == 2 || i == 5 || k == 2 || k == 5)
				assert_int_equal(seen[i][k], 0);
			else
				assert_in_range(seen[i][k], 1800, 2200);
		}
	roster_free(&r);
}

static void
who_sleeps_is_not_drawn_and_wakes_at_its_time(void **state)
{
	struct roster *r = roster_new(3);
	uint32_t i;

	(void)state;
	roster_sleep(r, 1, T0, 0);
	assert_false(roster_is_awake(r, 1));
	assert_int_equal(roster_next_ms(r), T0);
	roster_wake(r, T0 - 1, UINT32_MAX);
	for (int round = 0; round < 20; round++) {
		roster_round(r);
		while (roster_draw(r, &chance, &i))
			assert_int_not_equal(i, 1);
	}
	roster_wake(r, T0, UINT32_MAX);
	assert_true(roster_is_awake(r, 1));
	assert_true(roster_next_ms(r) == INT64_MAX);
	roster_free(&r);
}

static void
the_later_of_two_times_holds(void **state)
{
	static const struct {
		int64_t first, second, holds;
	} cases[] = {
		{ T0, T0 + 5, T0 + 5 },
		{ T0 + 5, T0, T0 + 5 },
		{ T0, T0, T0 },
		{ T0, INT64_MAX, INT64_MAX },
		{ INT64_MAX, T0, INT64_MAX },
		{ INT64_MIN, -1, -1 },
	};

	(void)state;
	for (size_t k = 0; k < COUNT(cases); k++) {
		struct roster *r = roster_new(2);

		roster_sleep(r, 0, cases[k].first, 0);
		roster_sleep(r, 0, cases[k].second, 0);
		assert_true(roster_next_ms(r) == cases[k].holds);
		roster_wake(r, cases[k].holds - 1, UINT32_MAX);
		assert_false(roster_is_awake(r, 0));
		roster_free(&r);
	}
}

static void
who_has_no_time_wakes_only_with_all(void **state)
{
	struct roster *r = roster_new(3);

	(void)state;
	roster_sleep(r, 0, INT64_MAX, 0);
	roster_sleep(r, 2, T0, 0);
	assert_int_equal(roster_next_ms(r), T0);
	roster_wake(r, INT64_MAX, UINT32_MAX);
	assert_false(roster_is_awake(r, 0));
	assert_true(roster_is_awake(r, 2));
	roster_wake_all(r);
	assert_true(roster_is_awake(r, 0));
	assert_int_equal(roster_awake(r), 3);
	roster_free(&r);
}

static void
a_thousand_that_wake_at_once_do_so_a_few_at_a_time(void **state)
{
	struct roster *r = roster_new(1000);

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		roster_sleep(r, i, T0 + (int64_t)(i * 7919 % 1000), 0);
	assert_int_equal(roster_awake(r), 0);
	for (uint32_t woken = 0; woken < 1000; woken += 8) {
		assert_int_equal(roster_awake(r), woken);
		assert_int_equal(roster_next_ms(r), T0 + woken);
		roster_wake(r, T0 + 5000, 8);
	}
	assert_int_equal(roster_awake(r), 1000);
	roster_free(&r);
}

/* As choice does it: whoever is drawn and found wanting falls asleep at once. */
static void
falling_asleep_when_drawn_loses_and_repeats_no_other(void **state)
{
	struct roster *r = roster_new(50);

	(void)state;
	for (int round = 0; round < 20; round++) {
		bool seen[50] = { false };
		int drawn = 0;
		uint32_t i;

		roster_wake_all(r);
		roster_round(r);
		while (roster_draw(r, &chance, &i)) {
			assert_false(seen[i]);
			seen[i] = true;
			drawn++;
			if (chance_below(&chance, 2))
				roster_sleep(r, i, T0 + i, 0);
		}
		assert_int_equal(drawn, 50);
	}
	roster_free(&r);
}

static void
one_that_is_taken_is_drawn_once_like_any_other(void **state)
{
	struct roster *r = roster_new(20);

	(void)state;
	roster_sleep(r, 4, T0, 0);
	for (int round = 0; round < 20; round++) {
		bool seen[20] = { false };
		uint32_t i;

		roster_round(r);
		assert_true(roster_take(r, 7));
		assert_false(roster_take(r, 7));
		assert_false(roster_take(r, 4));
		seen[7] = true;
		for (int k = 0; k < 18; k++) {
			assert_true(roster_draw(r, &chance, &i));
			assert_false(seen[i]);
			assert_false(roster_take(r, i));
			seen[i] = true;
		}
		assert_false(seen[4]);
		assert_false(roster_draw(r, &chance, &i));
	}
	roster_round(r);
	roster_wake(r, T0, 1);
	assert_true(roster_take(r, 4)); /* who wakes during a round may be drawn in it */
	roster_free(&r);
}

static void
sleepers_are_counted_by_their_reason(void **state)
{
	struct roster *r = roster_new(10);
	const uint32_t *asleep = roster_asleep(r);

	(void)state;
	roster_sleep(r, 0, T0, 3);
	roster_sleep(r, 1, T0 + 1, 3);
	roster_sleep(r, 2, INT64_MAX, ROSTER_WHYS - 1);
	assert_int_equal(asleep[3], 2);
	assert_int_equal(asleep[ROSTER_WHYS - 1], 1);
	roster_sleep(r, 0, T0 - 1, 5); /* the later time holds, and so does its reason */
	assert_int_equal(asleep[3], 2);
	roster_sleep(r, 0, T0 + 2, 5);
	assert_int_equal(asleep[3], 1);
	assert_int_equal(asleep[5], 1);
	roster_wake(r, T0 + 1, 8);
	assert_int_equal(asleep[3], 0);
	roster_wake_all(r);
	for (int why = 0; why < ROSTER_WHYS; why++)
		assert_int_equal(asleep[why], 0);
	roster_free(&r);
}

/* ---- beside a model that is plainly right ---- */

#define MOST 40

struct model {
	uint32_t n;
	bool awake[MOST], drawn[MOST];
	int64_t until_ms[MOST];
	unsigned why[MOST];
};

static int64_t
model_next_ms(const struct model *m)
{
	int64_t next = INT64_MAX;

	for (uint32_t i = 0; i < m->n; i++)
		if (!m->awake[i] && m->until_ms[i] < next)
			next = m->until_ms[i];
	return next;
}

static void
check_sleep(struct model *m, struct roster *r, uint32_t i, int64_t until_ms)
{
	unsigned why = (unsigned)chance_below(&chance, ROSTER_WHYS);

	roster_sleep(r, i, until_ms, why);
	if (m->awake[i] || until_ms > m->until_ms[i]) {
		m->until_ms[i] = until_ms;
		m->why[i] = why;
	}
	m->awake[i] = m->drawn[i] = false;
}

/* Which of several that wake at the same time does so first is the roster's affair. */
static void
check_wake(struct model *m, struct roster *r, int64_t now_ms, uint32_t most)
{
	uint32_t due = 0, woken = 0;
	int64_t latest = INT64_MIN;

	for (uint32_t i = 0; i < m->n; i++)
		due += !m->awake[i] && m->until_ms[i] != INT64_MAX && m->until_ms[i] <= now_ms;
	roster_wake(r, now_ms, most);
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->awake[i] || !roster_is_awake(r, i))
			continue;
		assert_true(m->until_ms[i] <= now_ms);
		if (m->until_ms[i] > latest)
			latest = m->until_ms[i];
		m->awake[i] = true;
		woken++;
	}
	assert_int_equal(woken, due < most ? due : most);
	assert_true(model_next_ms(m) >= latest);
}

static void
check_draw(struct model *m, struct roster *r)
{
	uint32_t left = 0, i;

	for (uint32_t k = 0; k < m->n; k++)
		left += m->awake[k] && !m->drawn[k];
	if (!roster_draw(r, &chance, &i)) {
		assert_int_equal(left, 0);
		return;
	}
	assert_true(left > 0 && i < m->n);
	assert_true(m->awake[i] && !m->drawn[i]);
	m->drawn[i] = true;
}

static void
check_take(struct model *m, struct roster *r, uint32_t i)
{
	assert_int_equal(roster_take(r, i), m->awake[i] && !m->drawn[i]);
	m->drawn[i] = m->awake[i];
}

static void
check_same(const struct model *m, const struct roster *r)
{
	uint32_t awake = 0, asleep[ROSTER_WHYS] = { 0 };

	for (uint32_t i = 0; i < m->n; i++) {
		assert_int_equal(roster_is_awake(r, i), m->awake[i]);
		awake += m->awake[i];
		asleep[m->why[i]] += !m->awake[i];
	}
	assert_int_equal(roster_awake(r), awake);
	assert_memory_equal(roster_asleep(r), asleep, sizeof(asleep));
	assert_true(roster_next_ms(r) == model_next_ms(m));
}

static void
step(struct model *m, struct roster *r, int64_t now_ms)
{
	uint32_t i = (uint32_t)chance_below(&chance, m->n);

	switch (chance_below(&chance, 16)) {
	case 0:
		roster_round(r);
		memset(m->drawn, 0, sizeof(m->drawn));
		break;
	case 1:
		if (chance_below(&chance, 8))
			break;
		roster_wake_all(r);
		memset(m->awake, true, sizeof(m->awake));
		break;
	case 2:
	case 3:
		check_wake(m, r, now_ms, (uint32_t)chance_below(&chance, 6));
		break;
	case 4:
		check_sleep(m, r, i, INT64_MAX);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		check_sleep(m, r, i, now_ms + (int64_t)chance_below(&chance, 60));
		break;
	case 9:
	case 10:
		check_take(m, r, i);
		break;
	default:
		check_draw(m, r);
	}
}

static void
any_script_ends_as_the_model_does(void **state)
{
	(void)state;
	for (int script = 0; script < 200; script++) {
		struct model m = { .n = 1 + (uint32_t)chance_below(&chance, MOST) };
		struct roster *r = roster_new(m.n);

		memset(m.awake, true, sizeof(m.awake));
		for (int k = 0; k < 400; k++) {
			step(&m, r, T0 + k);
			check_same(&m, r);
		}
		roster_free(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_first_all_are_awake),
		cmocka_unit_test(an_empty_one_is_of_use_to_nobody),
		cmocka_unit_test(a_round_draws_each_once),
		cmocka_unit_test(every_beginning_of_a_round_is_as_likely),
		cmocka_unit_test(who_sleeps_is_not_drawn_and_wakes_at_its_time),
		cmocka_unit_test(the_later_of_two_times_holds),
		cmocka_unit_test(who_has_no_time_wakes_only_with_all),
		cmocka_unit_test(a_thousand_that_wake_at_once_do_so_a_few_at_a_time),
		cmocka_unit_test(falling_asleep_when_drawn_loses_and_repeats_no_other),
		cmocka_unit_test(one_that_is_taken_is_drawn_once_like_any_other),
		cmocka_unit_test(sleepers_are_counted_by_their_reason),
		cmocka_unit_test(any_script_ends_as_the_model_does),
	};

	return cmocka_run_group_tests_name("upstream/roster", tests, seed, NULL);
}
