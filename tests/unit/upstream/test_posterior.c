#include "tests/unit/unit.h"
#include <math.h>
#include "upstream/posterior.h"

#define T0        INT64_C(86400000)
#define HALF_LIFE POSTERIOR_HALF_LIFE_MS
#define SEED      UINT64_C(20240229)

/* Failures first, all at once. */
static posterior
known(int successes, int failures, int64_t now_ms)
{
	posterior w = 0;

	for (int i = 0; i < failures; i++)
		w = posterior_after(w, false, now_ms);
	for (int i = 0; i < successes; i++)
		w = posterior_after(w, true, now_ms);
	return w;
}

static double
successes_of(posterior w, int64_t now_ms)
{
	double n;

	posterior_counts(w, now_ms, &n, NULL);
	return n;
}

static double
failures_of(posterior w, int64_t now_ms)
{
	double n;

	posterior_counts(w, now_ms, NULL, &n);
	return n;
}

/* ---- the word ---- */

static void
of_nothing_nothing_is_known(void **state)
{
	(void)state;
	assert_true(successes_of(0, T0) == 0);
	assert_true(failures_of(0, T0) == 0);
	assert_true(posterior_mean(0, T0) == 0.5);
}

static void
a_first_outcome_counts_as_one(void **state)
{
	(void)state;
	assert_true(successes_of(known(1, 0, T0), T0) == 1);
	assert_true(failures_of(known(1, 0, T0), T0) == 0);
	assert_true(successes_of(known(0, 1, T0), T0) == 0);
	assert_true(failures_of(known(0, 1, T0), T0) == 1);
	assert_float_equal(posterior_mean(known(1, 0, T0), T0), 2.0 / 3, 1e-9);
	assert_float_equal(posterior_mean(known(0, 1, T0), T0), 1.0 / 3, 1e-9);
}

static void
some_fifty_outcomes_count_however_many_there_were(void **state)
{
	static const int many[] = { 1000, 100000 };

	(void)state;
	for (size_t i = 0; i < COUNT(many); i++) {
		assert_float_equal(successes_of(known(many[i], 0, T0), T0), POSTERIOR_EVENTS, 0.1);
		assert_float_equal(failures_of(known(0, many[i], T0), T0), POSTERIOR_EVENTS, 0.1);
	}
}

static void
outcomes_alternating_weigh_the_same_as_the_share_they_have(void **state)
{
	posterior w = 0;

	(void)state;
	for (int i = 0; i < 100000; i++)
		w = posterior_after(w, i % 4 != 0, T0);
	assert_float_equal(successes_of(w, T0) + failures_of(w, T0), POSTERIOR_EVENTS, 0.1);
	assert_float_equal(posterior_mean(w, T0), 0.75, 0.02);
}

static void
one_that_turns_bad_is_noticed_within_a_dozen_outcomes(void **state)
{
	posterior w = known(10000, 0, T0);

	(void)state;
	assert_true(posterior_mean(w, T0) > 0.97);
	for (int i = 0; i < 12; i++)
		w = posterior_after(w, false, T0);
	assert_true(posterior_mean(w, T0) < 0.8);
	for (int i = 0; i < 38; i++)
		w = posterior_after(w, false, T0);
	assert_true(posterior_mean(w, T0) < 0.4);
}

static void
what_was_long_ago_is_forgotten_to_the_last_bit(void **state)
{
	posterior w = known(0, 1000, T0);

	(void)state;
	for (int i = 0; i < 2000; i++)
		w = posterior_after(w, true, T0);
	assert_true(failures_of(w, T0) == 0);
}

static void
time_halves_what_is_known(void **state)
{
	posterior w = known(40, 8, T0);
	double s = successes_of(w, T0), f = failures_of(w, T0);

	(void)state;
	for (int lives = 0; lives < 10; lives++) {
		int64_t now = T0 + lives * HALF_LIFE;

		assert_float_equal(successes_of(w, now), ldexp(s, -lives), 1e-9);
		assert_float_equal(failures_of(w, now), ldexp(f, -lives), 1e-9);
	}
	assert_float_equal(successes_of(w, T0 + HALF_LIFE / 2), s * sqrt(0.5), 1e-9);
}

static void
looking_often_or_seldom_makes_no_difference(void **state)
{
	posterior often = known(40, 8, T0), seldom = often;

	(void)state;
	for (int64_t s = 1; s <= 600; s++)
		often = posterior_moved(often, T0 + s * 1000, T0 + s * 1000);
	seldom = posterior_moved(seldom, T0 + HALF_LIFE, T0 + HALF_LIFE);
	/* Each look may cost a 1024th of an outcome. */
	assert_float_equal(successes_of(often, T0 + HALF_LIFE),
	    successes_of(seldom, T0 + HALF_LIFE), 600.0 / 1024);
}

static void
an_outcome_takes_the_age_of_what_was_into_account(void **state)
{
	posterior w = posterior_after(known(40, 0, T0), false, T0 + HALF_LIFE);
	double s = successes_of(known(40, 0, T0), T0);

	(void)state;
	assert_float_equal(successes_of(w, T0 + HALF_LIFE), s * 0.5 * 0.98, 1.0 / 1024);
	assert_true(failures_of(w, T0 + HALF_LIFE) == 1);
}

/* A word that held 24 bits of seconds would look fresh again after 194 days. */
static void
what_is_very_old_never_looks_fresh(void **state)
{
	static const int64_t ages_s[] = { 86400, (INT64_C(1) << 24) - 1, INT64_C(1) << 24,
		(INT64_C(1) << 24) + 5, INT64_C(1) << 25, (INT64_C(1) << 31) + 3,
		(INT64_C(1) << 32) + 86400, (INT64_C(1) << 32) + 86405 };
	posterior w = known(50, 50, T0);

	(void)state;
	for (size_t i = 0; i < COUNT(ages_s); i++) {
		assert_true(successes_of(w, T0 + ages_s[i] * 1000) == 0);
		assert_true(failures_of(w, T0 + ages_s[i] * 1000) == 0);
	}
	assert_true(successes_of(w, INT64_MAX) == 0);
}

static void
a_clock_that_steps_back_makes_nothing_younger(void **state)
{
	static const int64_t steps_ms[] = { 1, 999, 1000, 3600000, T0, 2 * T0 };
	posterior w = known(20, 5, T0);

	(void)state;
	for (size_t i = 0; i < COUNT(steps_ms); i++) {
		int64_t then = T0 - steps_ms[i];
		posterior after = posterior_after(w, false, then);

		assert_true(successes_of(w, then) == successes_of(w, T0));
		assert_true(successes_of(after, then) <= successes_of(w, T0));
		assert_true(successes_of(after, T0) <= successes_of(w, T0));
	}
	assert_true(successes_of(w, INT64_MIN) == successes_of(w, T0));
}

static void
no_word_and_no_time_is_too_strange(void **state)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, 999, T0, UINT32_MAX * INT64_C(1000),
		INT64_MAX };
	struct chance chance;

	(void)state;
	chance_seed(&chance, SEED);
	for (int i = 0; i < 20000; i++) {
		posterior w = chance_next(&chance);
		int64_t now = times[i % COUNT(times)];

		if (i % 3 == 0)
			w |= UINT64_MAX << 32;
		posterior next = posterior_after(w, i % 2, now);
		double mean = posterior_mean(w, now), draw = posterior_draw(w, now, &chance);

		assert_true(mean > 0 && mean < 1);
		assert_true(draw > 0 && draw < 1);
		assert_true(successes_of(next, now) < 64 && failures_of(next, now) < 64);
		assert_true(next != 0);
		posterior_moved(w, now, times[(i / 7) % COUNT(times)]);
	}
}

/* ---- other clocks ---- */

static void
a_word_in_the_store_ages_by_the_wall_clock(void **state)
{
	const int64_t wall = INT64_C(1900000000000);
	posterior w = known(40, 4, T0);
	posterior stored = posterior_moved(w, T0 + 60000, wall);
	posterior back = posterior_moved(stored, wall + HALF_LIFE, T0 + 120000);
	double left = exp2(-660.0 / 600);

	(void)state;
	assert_float_equal(successes_of(back, T0 + 120000), left * successes_of(w, T0), 2.0 / 1024);
	assert_float_equal(failures_of(back, T0 + 120000), left * failures_of(w, T0), 2.0 / 1024);
}

/* After a boot the monotonic clock begins anew: younger than what the store holds is old. */
static void
a_word_may_be_older_than_the_clock_it_is_moved_to(void **state)
{
	posterior stored = known(40, 0, INT64_C(1900000000000));
	posterior back = posterior_moved(stored, INT64_C(1900000000000) + HALF_LIFE, 5000);

	(void)state;
	assert_float_equal(successes_of(back, 5000), successes_of(known(40, 0, T0), T0) / 2, 0.01);
	assert_float_equal(
	    successes_of(back, 5000 + HALF_LIFE), successes_of(known(40, 0, T0), T0) / 4, 0.01);
}

static void
what_is_forgotten_moves_as_nothing(void **state)
{
	(void)state;
	assert_int_equal(posterior_moved(0, T0, 2 * T0), 0);
	assert_int_equal(posterior_moved(known(40, 40, T0), T0 + 40 * HALF_LIFE, T0), 0);
}

/* ---- chance ---- */

/* The first numbers of xoshiro256++ from the state 1, 2, 3, 4. */
static void
chance_is_xoshiro256(void **state)
{
	static const uint64_t expected[] = { UINT64_C(41943041), UINT64_C(58720359),
		UINT64_C(3588806011781223), UINT64_C(3591011842654386),
		UINT64_C(9228616714210784205), UINT64_C(9973669472204895162),
		UINT64_C(14011001112246962877), UINT64_C(12406186145184390807),
		UINT64_C(15849039046786891736), UINT64_C(10450023813501588000) };
	struct chance chance = { { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_true(chance_next(&chance) == expected[i]);
}

static void
a_seed_gives_the_same_numbers_again_and_another_others(void **state)
{
	struct chance a, b, other;
	int same = 0;

	(void)state;
	chance_seed(&a, 0);
	chance_seed(&b, 0);
	chance_seed(&other, 1);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = chance_next(&a);

		assert_true(x == chance_next(&b));
		same += x == chance_next(&other);
	}
	assert_int_equal(same, 0);
}

static void
a_unit_is_at_least_0_and_below_1(void **state)
{
	struct chance chance;
	double sum = 0, squares = 0;
	const int n = 200000;

	(void)state;
	chance_seed(&chance, SEED);
	for (int i = 0; i < n; i++) {
		double u = chance_unit(&chance);

		assert_true(u >= 0 && u < 1);
		sum += u;
		squares += u * u;
	}
	assert_float_equal(sum / n, 0.5, 0.003);
	assert_float_equal(squares / n, 1.0 / 3, 0.003);
}

static void
below_n_each_number_comes_alike(void **state)
{
	struct chance chance;

	(void)state;
	chance_seed(&chance, SEED);
	for (uint64_t n = 1; n <= 20; n++) {
		int seen[20] = { 0 };
		double square = 0;
		const int throws = 40000;

		for (int i = 0; i < throws; i++) {
			uint64_t x = chance_below(&chance, n);

			assert_true(x < n);
			seen[x]++;
		}
		for (uint64_t k = 0; k < n; k++) {
			double expected = (double)throws / (double)n;

			square += (seen[k] - expected) * (seen[k] - expected) / expected;
		}
		/* Chi-square has a mean of n - 1; this is beyond its 99.99 % for each n here. */
		assert_true(square < (double)(n - 1) + 5 * sqrt(2.0 * (double)(n - 1)) + 10);
	}
}

/* A plain remainder would give the lower half of the numbers twice as often. */
static void
below_a_large_n_there_is_no_bias(void **state)
{
	const uint64_t n = UINT64_C(3) << 62; /* three quarters of all */
	struct chance chance;
	int low = 0;

	(void)state;
	chance_seed(&chance, SEED);
	for (int i = 0; i < 100000; i++) {
		uint64_t x = chance_below(&chance, n);

		assert_true(x < n);
		low += x < n / 3;
	}
	assert_float_equal(low / 100000.0, 1.0 / 3, 0.008);
}

/* ---- draws, beside the exact distribution ---- */

/* The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz.
 */
static double
fraction(double a, double b, double x)
{
	double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), f = d;

	for (int m = 1; m < 500; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

		d = 1 / (1 + even * d);
		c = 1 + even / c;
		f *= c * d;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		f *= c * d;
		if (fabs(c * d - 1) < 1e-14)
			break;
	}
	return f;
}

/* The distribution function of Beta(a, b). */
static double
beta_below(double a, double b, double x)
{
	double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));

	if (x < (a + 1) / (a + b + 2))
		return front * fraction(a, b, x) / a;
	return 1 - front * fraction(b, a, 1 - x) / b;
}

static double
beta_quantile(double a, double b, double p)
{
	double low = 0, high = 1;

	for (int i = 0; i < 200; i++) {
		double mid = (low + high) / 2;

		*(beta_below(a, b, mid) < p ? &low : &high) = mid;
	}
	return (low + high) / 2;
}

static const struct {
	int successes, failures;
	int64_t age_s;
} drawn[] = {
	{ 0, 0, 0 },
	{ 1, 0, 0 },
	{ 0, 1, 0 },
	{ 1, 1, 0 },
	{ 3, 1, 2000 }, /* both parameters a little over 1 */
	{ 1000, 0, 0 },
	{ 0, 1000, 0 },
	{ 60, 1, 0 },
	{ 60, 3, 300 },
	{ 5, 40, 0 },
	{ 11, 11, 0 },
	{ 40, 60, 0 },
	{ 50, 20, 30 },
};
#define DRAWS 200000

static void
draws_have_the_mean_and_the_variance_of_the_beta(void **state)
{
	(void)state;
	for (size_t k = 0; k < COUNT(drawn); k++) {
		posterior w = known(drawn[k].successes, drawn[k].failures, T0);
		int64_t now = T0 + drawn[k].age_s * 1000;
		double a = 1 + successes_of(w, now), b = 1 + failures_of(w, now);
		double mean = a / (a + b), var = mean * (1 - mean) / (a + b + 1);
		double sum = 0, squares = 0;
		struct chance chance;

		chance_seed(&chance, SEED + k);
		for (int i = 0; i < DRAWS; i++) {
			double x = posterior_draw(w, now, &chance) - mean;

			sum += x;
			squares += x * x;
		}
		assert_float_equal(posterior_mean(w, now), mean, 1e-12);
		assert_float_equal(sum / DRAWS, 0, 4 * sqrt(var / DRAWS));
		assert_float_equal(squares / DRAWS / var, 1, 0.025);
	}
}

static void
draws_have_the_tails_of_the_beta(void **state)
{
	static const double levels[] = { 0.0005, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.9995 };

	(void)state;
	for (size_t k = 0; k < COUNT(drawn); k++) {
		posterior w = known(drawn[k].successes, drawn[k].failures, T0);
		int64_t now = T0 + drawn[k].age_s * 1000;
		double a = 1 + successes_of(w, now), b = 1 + failures_of(w, now);
		double at[COUNT(levels)];
		int below[COUNT(levels)] = { 0 };
		struct chance chance;

		for (size_t i = 0; i < COUNT(levels); i++)
			at[i] = beta_quantile(a, b, levels[i]);
		chance_seed(&chance, SEED + 100 + k);
		for (int i = 0; i < DRAWS; i++) {
			double x = posterior_draw(w, now, &chance);

			for (size_t l = 0; l < COUNT(levels); l++)
				below[l] += x < at[l];
		}
		for (size_t i = 0; i < COUNT(levels); i++) {
			double error = sqrt(levels[i] * (1 - levels[i]) / DRAWS);

			assert_float_equal((double)below[i] / DRAWS, levels[i], 4 * error);
		}
	}
}

/* The oracle of the two above, at places where it is known otherwise. */
static void
the_exact_distribution_is_exact(void **state)
{
	(void)state;
	assert_float_equal(beta_below(1, 1, 0.3), 0.3, 1e-12);
	assert_float_equal(beta_below(5, 1, 0.7), pow(0.7, 5), 1e-12);
	assert_float_equal(beta_below(1, 5, 0.2), 1 - pow(0.8, 5), 1e-12);
	assert_float_equal(beta_below(7.5, 7.5, 0.5), 0.5, 1e-12);
	assert_float_equal(beta_below(2, 3, 0.5), 11.0 / 16, 1e-12);
	assert_float_equal(beta_quantile(2, 2, 0.5), 0.5, 1e-12);
}

static void
the_better_known_one_is_drawn_best_most_of_the_time(void **state)
{
	posterior good = known(45, 5, T0), bad = known(25, 25, T0);
	struct chance chance;
	int won = 0;

	(void)state;
	chance_seed(&chance, SEED);
	for (int i = 0; i < 10000; i++)
		won += posterior_draw(good, T0, &chance) > posterior_draw(bad, T0, &chance);
	assert_true(won > 9950);
	/* A day later nothing is left of it. */
	won = 0;
	for (int i = 0; i < 10000; i++)
		won += posterior_draw(good, 2 * T0, &chance) > posterior_draw(bad, 2 * T0, &chance);
	assert_true(won > 4800 && won < 5200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_nothing_nothing_is_known),
		cmocka_unit_test(a_first_outcome_counts_as_one),
		cmocka_unit_test(some_fifty_outcomes_count_however_many_there_were),
		cmocka_unit_test(outcomes_alternating_weigh_the_same_as_the_share_they_have),
		cmocka_unit_test(one_that_turns_bad_is_noticed_within_a_dozen_outcomes),
		cmocka_unit_test(what_was_long_ago_is_forgotten_to_the_last_bit),
		cmocka_unit_test(time_halves_what_is_known),
		cmocka_unit_test(looking_often_or_seldom_makes_no_difference),
		cmocka_unit_test(an_outcome_takes_the_age_of_what_was_into_account),
		cmocka_unit_test(what_is_very_old_never_looks_fresh),
		cmocka_unit_test(a_clock_that_steps_back_makes_nothing_younger),
		cmocka_unit_test(no_word_and_no_time_is_too_strange),
		cmocka_unit_test(a_word_in_the_store_ages_by_the_wall_clock),
		cmocka_unit_test(a_word_may_be_older_than_the_clock_it_is_moved_to),
		cmocka_unit_test(what_is_forgotten_moves_as_nothing),
		cmocka_unit_test(chance_is_xoshiro256),
		cmocka_unit_test(a_seed_gives_the_same_numbers_again_and_another_others),
		cmocka_unit_test(a_unit_is_at_least_0_and_below_1),
		cmocka_unit_test(below_n_each_number_comes_alike),
		cmocka_unit_test(below_a_large_n_there_is_no_bias),
		cmocka_unit_test(draws_have_the_mean_and_the_variance_of_the_beta),
		cmocka_unit_test(draws_have_the_tails_of_the_beta),
		cmocka_unit_test(the_exact_distribution_is_exact),
		cmocka_unit_test(the_better_known_one_is_drawn_best_most_of_the_time),
	};

	return cmocka_run_group_tests_name("upstream/posterior", tests, NULL, NULL);
}
