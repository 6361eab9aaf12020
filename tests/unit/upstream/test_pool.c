#include "tests/unit/upstream/world.h"
#include "upstream/health.h"
#include "upstream/pool.h"

#define MODEL SPAN("gemini-2.5-flash")

/* A pool over the world's store; pick: how it chooses. */
struct bench {
	struct config config;
	struct pool *pool;
	char id[3][CREDENTIAL_ID_LEN + 1];
};

static void
bench_open(struct bench *b, struct world *w, const char *pick)
{
	*b = (struct bench){ .config = { .pool_pick = pick,
				 .pool_freeze_min_ms = SECOND,
				 .pool_freeze_max_ms = 24 * 60 * MINUTE } };
	world_add(w, "a", "AIza-aaaaaaaaaaaaaaaa", true, T0 + 1, b->id[0]);
	world_add(w, "b", "AIza-bbbbbbbbbbbbbbbb", true, T0 + 2, b->id[1]);
	b->pool = pool_new(w->store, w->board, NULL, &b->config, NULL);
}

static bool
lend(struct bench *b, struct lease *l, struct err *e, int64_t *thaw)
{
	struct wish wish = { .model = MODEL };

	return pool_lend(b->pool, &wish, T0, 1, l, thaw, e);
}

/* Lends, says whose it was, and settles with that verdict. */
static char
lend_and_settle(struct bench *b, struct verdict v)
{
	struct lease l;
	struct err e = ERR_INIT;
	int64_t thaw;

	if (!lend(b, &l, &e, &thaw))
		return '-';
	char who = l.label[0];

	lease_settle(b->pool, &l, &v, T0);
	assert_int_equal(l.id[0], 0);
	return who;
}

static const struct verdict ok = { .outcome = OUTCOME_OK };

static void
the_least_recently_used_is_lent(void **state)
{
	struct bench b;

	bench_open(&b, *state, "least-used");
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	pool_free(&b.pool);
}

static void
in_order_the_first_is_lent_as_long_as_it_is_fit(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, (struct verdict){ .outcome = OUTCOME_QUOTA_MINUTE,
						 .freeze_until_wall_ms = T0 + MINUTE }),
	    'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	pool_free(&b.pool);
}

static void
a_frozen_credential_is_not_lent(void **state)
{
	struct world *w = *state;
	struct bench b;

	bench_open(&b, w, "least-used");
	uint64_t key = strtoull(b.id[0], NULL, 16);

	health_freeze(w->board, health_cell(w->board, key), key, MODEL, false, T0 + MINUTE,
	    OUTCOME_QUOTA_MINUTE);
	for (int i = 0; i < 10; i++)
		assert_int_equal(lend_and_settle(&b, ok), 'b');
	pool_free(&b.pool);
}

static void
what_was_begun_with_one_credential_is_lent_that_one_alone(void **state)
{
	const struct verdict spent = { .outcome = OUTCOME_QUOTA_MINUTE,
		.whole = true,
		.freeze_until_wall_ms = T0 + MINUTE };
	struct bench b;
	struct lease l;
	struct err e = ERR_INIT;
	int64_t thaw;

	bench_open(&b, *state, "order");
	struct wish wish = { .model = MODEL, .only = span_of(b.id[1]) };

	assert_true(pool_lend(b.pool, &wish, T0, 1, &l, &thaw, &e));
	assert_string_equal(l.label, "b");
	lease_settle(b.pool, &l, &spent, T0);
	assert_false(pool_lend(b.pool, &wish, T0, 1, &l, &thaw, &e));
	assert_int_equal(e.kind, ERR_BUSY);
	assert_int_equal(thaw, T0 + MINUTE);

	wish.only = SPAN("0000000000000000");
	assert_false(pool_lend(b.pool, &wish, T0, 1, &l, &thaw, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	assert_int_equal(thaw, 0);
	assert_non_null(strstr(e.text, "begin anew"));
	pool_free(&b.pool);
}

static void
one_that_was_tried_is_not_lent_again(void **state)
{
	struct bench b;
	struct lease l;
	struct err e = ERR_INIT;
	int64_t thaw;

	bench_open(&b, *state, "order");
	struct wish wish = { .model = MODEL,
		.tried = (const char(*)[CREDENTIAL_ID_LEN + 1]) b.id,
		.tried_count = 1 };

	assert_true(pool_lend(b.pool, &wish, T0, 1, &l, &thaw, &e));
	assert_string_equal(l.label, "b");
	lease_settle(b.pool, &l, &ok, T0);
	wish.tried_count = 2;
	assert_false(pool_lend(b.pool, &wish, T0, 1, &l, &thaw, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	assert_int_equal(thaw, 0);
	pool_free(&b.pool);
}

static void
when_all_are_frozen_the_refusal_says_until_when(void **state)
{
	struct bench b;
	struct lease l;
	struct err e = ERR_INIT;
	int64_t thaw;

	bench_open(&b, *state, "order");
	lend_and_settle(&b, (struct verdict){ .outcome = OUTCOME_QUOTA_MINUTE,
				.freeze_until_wall_ms = T0 + 40 * SECOND });
	lend_and_settle(&b, (struct verdict){ .outcome = OUTCOME_QUOTA_DAY,
				.freeze_until_wall_ms = T0 + 600 * MINUTE });
	assert_false(lend(&b, &l, &e, &thaw));
	assert_int_equal(thaw, T0 + 40 * SECOND);
	assert_int_equal(e.kind, ERR_BUSY);
	assert_int_equal(e.retry_ms, 40 * SECOND);
	pool_free(&b.pool);
}

static void
a_day_without_quota_is_said_as_such(void **state)
{
	struct bench b;
	struct lease l;
	struct err e = ERR_INIT;
	int64_t thaw;

	bench_open(&b, *state, "order");
	for (int i = 0; i < 2; i++)
		lend_and_settle(&b, (struct verdict){ .outcome = OUTCOME_QUOTA_DAY,
					.freeze_until_wall_ms = T0 + 600 * MINUTE });
	assert_false(lend(&b, &l, &e, &thaw));
	assert_int_equal(e.kind, ERR_QUOTA);
	pool_free(&b.pool);
}

static void
a_disabled_credential_is_not_lent_and_the_last_one_leaves_words(void **state)
{
	struct bench b;
	struct lease l;
	struct err e = ERR_INIT;
	int64_t thaw;
	static const struct verdict invalid = { .outcome = OUTCOME_KEY_INVALID, .disable = true };

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, invalid), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	assert_int_equal(pool_size(b.pool, T0), 1);
	assert_int_equal(lend_and_settle(&b, invalid), 'b');
	assert_false(lend(&b, &l, &e, &thaw));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	assert_non_null(strstr(e.text, "polluxctl keys list"));
	assert_false(pool_in_sight(b.pool, T0));
	pool_free(&b.pool);
}

static void
an_empty_pool_says_how_to_fill_it(void **state)
{
	struct world *w = *state;
	struct bench b = { .config = { .pool_pick = "order" } };
	struct lease l;
	struct err e = ERR_INIT;
	int64_t thaw;

	b.pool = pool_new(w->store, w->board, NULL, &b.config, NULL);
	assert_false(lend(&b, &l, &e, &thaw));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	assert_non_null(strstr(e.text, "polluxctl keys add"));
	pool_free(&b.pool);
}

static void
a_credential_that_is_added_is_lent_at_once(void **state)
{
	struct world *w = *state;
	struct bench b;
	struct lease held;
	struct err e = ERR_INIT;
	int64_t thaw;

	bench_open(&b, w, "least-used");
	assert_true(lend(&b, &held, &e, &thaw)); /* keeps the set it came from alive */
	world_add(w, "c", "AIza-cccccccccccccccc", true, T0 + 3, b.id[2]);
	lend_and_settle(&b, ok);
	assert_int_equal(lend_and_settle(&b, ok), 'c');
	assert_string_equal(held.label, "a");
	assert_string_equal(held.secret, "AIza-aaaaaaaaaaaaaaaa");
	lease_settle(b.pool, &held, &ok, T0);
	pool_free(&b.pool);
}

static void
a_client_that_hung_up_blames_no_credential(void **state)
{
	struct world *w = *state;
	struct bench b;
	struct health_view v;
	static const enum outcome blameless[] = { OUTCOME_DROPPED, OUTCOME_REFUSED,
		OUTCOME_MODEL_UNKNOWN, OUTCOME_OVERLOADED, OUTCOME_EMPTY, OUTCOME_OUT_OF_TIME };

	bench_open(&b, w, "order");
	for (size_t i = 0; i < COUNT(blameless); i++)
		for (int times = 0; times < 5; times++)
			assert_int_equal(
			    lend_and_settle(&b, (struct verdict){ .outcome = blameless[i] }), 'a');
	health_view(health_cell(w->board, strtoull(b.id[0], NULL, 16)), T0, &v);
	assert_int_equal(v.failures, 0);
	assert_int_equal(v.frozen_until_wall_ms, 0);
	pool_free(&b.pool);
}

static void
a_second_failure_in_a_row_cools_and_more_cool_longer(void **state)
{
	struct world *w = *state;
	struct bench b;
	struct lease l;
	struct err e = ERR_INIT;
	struct health_view v;
	int64_t thaw, now = T0, rest[9];
	static const struct verdict down = { .outcome = OUTCOME_UNREACHABLE };
	struct wish wish = { .model = MODEL };

	bench_open(&b, w, "order");
	struct board_cell *cell = health_cell(w->board, strtoull(b.id[0], NULL, 16));

	for (size_t i = 0; i < COUNT(rest); i++) {
		assert_true(pool_lend(b.pool, &wish, now, 1, &l, &thaw, &e));
		assert_string_equal(l.label, "a");
		lease_settle(b.pool, &l, &down, now);
		health_view(cell, now, &v);
		rest[i] = v.frozen_until_wall_ms ? v.frozen_until_wall_ms - now : 0;
		now += rest[i];
	}
	static const int64_t expected[] = { 0, 1, 2, 4, 8, 16, 32, 60, 60 };

	for (size_t i = 0; i < COUNT(rest); i++)
		assert_int_equal(rest[i], expected[i] * SECOND);
	pool_free(&b.pool);
}

static void
freezes_keep_to_the_bounds_of_the_configuration(void **state)
{
	struct world *w = *state;
	struct bench b;
	struct health_view v;

	bench_open(&b, w, "order");
	b.config.pool_freeze_min_ms = 10 * SECOND;
	b.config.pool_freeze_max_ms = 20 * SECOND;
	struct board_cell *cell = health_cell(w->board, strtoull(b.id[0], NULL, 16));

	lend_and_settle(&b,
	    (struct verdict){
		.outcome = OUTCOME_REGION, .whole = true, .freeze_until_wall_ms = T0 + SECOND });
	health_view(cell, T0, &v);
	assert_int_equal(v.frozen_until_wall_ms, T0 + 10 * SECOND);
	health_thaw(cell);
	lend_and_settle(&b, (struct verdict){ .outcome = OUTCOME_REGION,
				.whole = true,
				.freeze_until_wall_ms = T0 + 600 * MINUTE });
	health_view(cell, T0, &v);
	assert_int_equal(v.frozen_until_wall_ms, T0 + 20 * SECOND);
	pool_free(&b.pool);
}

static void
of_many_each_gets_its_turn(void **state)
{
	struct world *w = *state;
	struct bench b;
	char id[CREDENTIAL_ID_LEN + 1], label[16], secret[40];
	int lent = 0;

	bench_open(&b, w, "least-used");
	for (int i = 0; i < 198; i++) {
		snprintf(label, sizeof(label), "k%d", i);
		snprintf(secret, sizeof(secret), "AIza-%020d", i);
		world_add(w, label, secret, true, T0 + 10 + i, id);
	}
	for (uint64_t round = 0; round < 2000; round++) {
		struct wish wish = { .model = MODEL };
		struct lease l;
		struct err e = ERR_INIT;
		int64_t thaw;

		assert_true(
		    pool_lend(b.pool, &wish, T0, round * 0x9e3779b97f4a7c15u, &l, &thaw, &e));
		lease_settle(b.pool, &l, &ok, T0);
	}
	struct credential_set set;
	struct err e = ERR_INIT;

	assert_true(credential_set_load(&set, w->store, 0, &e));
	assert_int_equal(set.count, 200);
	for (size_t i = 0; i < set.count; i++)
		lent += health_last_lent(health_cell(w->board, set.items[i].board_key)) > 0;
	credential_set_fini(&set);
	assert_int_equal(lent, 200);
	pool_free(&b.pool);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_least_recently_used_is_lent),
		TEST(in_order_the_first_is_lent_as_long_as_it_is_fit),
		TEST(a_frozen_credential_is_not_lent),
		TEST(what_was_begun_with_one_credential_is_lent_that_one_alone),
		TEST(one_that_was_tried_is_not_lent_again),
		TEST(when_all_are_frozen_the_refusal_says_until_when),
		TEST(a_day_without_quota_is_said_as_such),
		TEST(a_disabled_credential_is_not_lent_and_the_last_one_leaves_words),
		TEST(an_empty_pool_says_how_to_fill_it),
		TEST(a_credential_that_is_added_is_lent_at_once),
		TEST(a_client_that_hung_up_blames_no_credential),
		TEST(a_second_failure_in_a_row_cools_and_more_cool_longer),
		TEST(freezes_keep_to_the_bounds_of_the_configuration),
		TEST(of_many_each_gets_its_turn),
	};

	return cmocka_run_group_tests_name("upstream/pool", tests, NULL, NULL);
}
