#include "tests/unit/upstream/world.h"
#include "upstream/lease.h"
#include "upstream/pool.h"

#define MODEL SPAN("gemini-2.5-flash")
#define M0    INT64_C(5000000) /* the monotonic clock at T0 */

/* A pool over the world's store with two credentials, "a" and "b", and a clock of its own. */
struct bench {
	struct world *world;
	struct config config;
	struct config_model models[1];
	struct pool *pool;
	struct moment now;
	char id[3][CREDENTIAL_ID_LEN + 1];
	struct lease lease; /* the last that was lent */
	struct err err;
	int64_t free_in_ms;
	size_t written; /* records handed on for the store */
	struct buf record;
};

static bool
keep_record(void *ctx, const struct write_op *ops, size_t n)
{
	struct bench *b = ctx;

	b->written += n;
	buf_clear(&b->record);
	buf_add_span(&b->record, ops[0].value);
	return true;
}

static struct pool *
another_pool(struct bench *b, int slot)
{
	struct pool_house house = { .store = b->world->store,
		.board = b->world->board,
		.config = &b->config,
		.slot = slot,
		.seed = 7 + (uint64_t)slot,
		.write = keep_record,
		.ctx = b };

	return pool_new(&house);
}

static void
bench_fill(struct bench *b, struct world *w, const char *pick, const char *project)
{
	*b = (struct bench){ .world = w,
		.config = { .pool_pick = pick,
		    .pool_freeze_min_ms = SECOND,
		    .pool_freeze_max_ms = 24 * 60 * MINUTE,
		    .pool_margin_ms = 500,
		    .pool_affinity = true,
		    .pool_accounts_first = true },
		.now = { M0, T0 } };
	b->config.models = b->models;
	world_add_of(w, project, "a", "AIza-aaaaaaaaaaaaaaaa", true, T0 + 1, b->id[0]);
	world_add_of(w, project, "b", "AIza-bbbbbbbbbbbbbbbb", true, T0 + 2, b->id[1]);
}

static void
bench_open(struct bench *b, struct world *w, const char *pick)
{
	bench_fill(b, w, pick, "");
	b->pool = another_pool(b, -1);
}

/* One with limits for MODEL. */
static void
bench_open_limited(struct bench *b, struct world *w, const char *project,
    struct fitness_limits limits)
{
	bench_fill(b, w, "order", project);
	b->models[0] = (struct config_model){ .name = "gemini-2.5-flash",
		.display_name = "",
		.alias = "",
		.rpm = limits.rpm,
		.tpm = limits.tpm,
		.rpd = limits.rpd,
		.enabled = true };
	b->config.model_count = 1;
	b->pool = another_pool(b, -1);
}

static void
bench_close(struct bench *b)
{
	pool_free(&b->pool);
	buf_wipe(&b->record);
}

static void
pass(struct bench *b, int64_t ms)
{
	b->now.ms += ms;
	b->now.wall_ms += ms;
}

static bool
lend_as(struct bench *b, struct wish wish)
{
	if (wish.model.len == 0)
		wish.model = MODEL;
	b->err = ERR_INIT;
	return pool_lend(b->pool, &wish, b->now, &b->lease, &b->free_in_ms, &b->err);
}

static bool
lend(struct bench *b)
{
	return lend_as(b, (struct wish){ .metered = true });
}

static const struct verdict ok = { .outcome = OUTCOME_OK };

/* status: 0 where no answer came. */
static void
settle(struct bench *b, struct verdict v, int status)
{
	struct settlement end = { .verdict = &v,
		.prompt_tokens = -1,
		.first_byte_ms = status ? 10 : -1,
		.total_ms = 20,
		.http_status = status };

	if (status)
		lease_written(b->pool, &b->lease, b->now);
	lease_settle(b->pool, &b->lease, &end, b->now);
	assert_int_equal(b->lease.id[0], 0);
}

/* Lends, says whose it was, and settles with that verdict. */
static char
lend_and_settle(struct bench *b, struct verdict v)
{
	if (!lend(b))
		return '-';
	char who = b->lease.label[0];
	enum outcome_breaker breaks = outcome_facts(v.outcome)->breaker;

	settle(b, v, breaks == OUTCOME_BREAKS_WHOLE ? 0 : v.outcome == OUTCOME_OK ? 200 : 400);
	return who;
}

static struct verdict
spent(int64_t for_ms)
{
	return (struct verdict){ .outcome = OUTCOME_QUOTA_MINUTE,
		.try_other = true,
		.freeze = FREEZE_QUOTA,
		.freeze_for_ms = for_ms,
		.bounded = true };
}

static struct verdict
spent_for_the_day(void)
{
	return (struct verdict){ .outcome = OUTCOME_QUOTA_DAY,
		.try_other = true,
		.freeze = FREEZE_QUOTA,
		.freeze_until_wall_ms = T0 + 600 * MINUTE };
}

static struct board_row *
row_of(struct bench *b, int which, bool whole)
{
	int subject = board_subject(b->world->board, strtoull(b->id[which], NULL, 16), false);
	int model = whole ? BOARD_WHOLE : board_model(b->world->board, MODEL, false);

	return model < 0 ? NULL : board_row(b->world->board, subject, model, false);
}

static struct fitness_view
view_of(struct bench *b, int which, bool whole)
{
	struct fitness_view v = { 0 };
	struct board_row *row = row_of(b, which, whole);

	if (row)
		fitness_view(row, b->now, &v);
	return v;
}

/* ---- whom it lends ---- */

static void
the_least_recently_used_is_lent(void **state)
{
	struct bench b;

	bench_open(&b, *state, "round-robin");
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	bench_close(&b);
}

static void
in_order_the_first_is_lent_as_long_as_it_is_fit(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, spent(MINUTE)), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	pass(&b, MINUTE + 1);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

static void
a_minutes_freeze_outlives_no_jump_of_the_wall_clock(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, spent(MINUTE)), 'a');
	b.now.wall_ms += 60 * MINUTE;
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	b.now.wall_ms -= 120 * MINUTE;
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	b.now.ms += MINUTE + 1;
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

static void
what_was_begun_with_one_credential_is_lent_that_one_alone(void **state)
{
	struct bench b;
	struct verdict v = spent(MINUTE);

	v.freeze = FREEZE_WHOLE;
	bench_open(&b, *state, "order");
	struct wish wish = { .only = span_of(b.id[1]) };

	assert_true(lend_as(&b, wish));
	assert_string_equal(b.lease.label, "b");
	settle(&b, v, 429);
	assert_false(lend_as(&b, wish));
	assert_int_equal(b.err.kind, ERR_BUSY);
	assert_int_equal(b.free_in_ms, MINUTE);

	wish.only = SPAN("0000000000000000");
	assert_false(lend_as(&b, wish));
	assert_int_equal(b.err.kind, ERR_UNAVAILABLE);
	assert_int_equal(b.free_in_ms, -1);
	assert_non_null(strstr(b.err.text, "make it anew"));
	bench_close(&b);
}

static void
one_that_was_tried_is_not_lent_again(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	struct wish wish = { .tried = (const char(*)[CREDENTIAL_ID_LEN + 1]) b.id,
		.tried_count = 1 };

	assert_true(lend_as(&b, wish));
	assert_string_equal(b.lease.label, "b");
	settle(&b, ok, 200);
	wish.tried_count = 2;
	assert_false(lend_as(&b, wish));
	assert_int_equal(b.err.kind, ERR_UNAVAILABLE);
	bench_close(&b);
}

static void
when_all_are_frozen_the_refusal_says_until_when(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	lend_and_settle(&b, spent(40 * SECOND));
	lend_and_settle(&b, spent_for_the_day());
	assert_false(lend(&b));
	assert_int_equal(b.free_in_ms, 40 * SECOND);
	assert_int_equal(b.err.kind, ERR_BUSY);
	assert_int_equal(b.err.retry_ms, 40 * SECOND);
	bench_close(&b);
}

static void
a_day_without_quota_is_said_as_such(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	lend_and_settle(&b, spent_for_the_day());
	lend_and_settle(&b, spent_for_the_day());
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_QUOTA);
	bench_close(&b);
}

static void
an_empty_pool_says_how_to_fill_it(void **state)
{
	struct bench b = { .world = *state,
		.config = { .pool_pick = "order" },
		.now = { M0, T0 } };

	b.pool = another_pool(&b, -1);
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_UNAVAILABLE);
	assert_non_null(strstr(b.err.text, "polluxctl keys add"));
	assert_int_equal(b.free_in_ms, -1);
	bench_close(&b);
}

static void
a_credential_that_is_added_is_lent_at_once_and_leases_keep_what_they_have(void **state)
{
	struct bench b;

	bench_open(&b, *state, "round-robin");
	assert_true(lend(&b)); /* keeps the set it came from alive */
	struct lease held = b.lease;

	world_add(*state, "c", "AIza-cccccccccccccccc", true, T0 + 3, b.id[2]);
	lend_and_settle(&b, ok);
	assert_int_equal(lend_and_settle(&b, ok), 'c');
	assert_string_equal(held.label, "a");
	assert_string_equal(held.secret, "AIza-aaaaaaaaaaaaaaaa");
	b.lease = held;
	settle(&b, ok, 200);
	bench_close(&b);
}

static void
lists_of_models_are_asked_of_each_in_turn(void **state)
{
	struct bench b;
	struct lease held[2];

	bench_open(&b, *state, "thompson");
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 2; i++) {
			struct wish wish = { .metered = false };

			b.err = ERR_INIT;
			assert_true(pool_lend(
			    b.pool, &wish, b.now, &held[i], &b.free_in_ms, &b.err));
		}
		assert_string_not_equal(held[0].label, held[1].label);
		for (int i = 0; i < 2; i++) {
			b.lease = held[i];
			settle(&b, ok, 200);
		}
	}
	bench_close(&b);
}

static void
of_many_each_gets_its_turn(void **state)
{
	struct bench b;
	char id[CREDENTIAL_ID_LEN + 1], label[16], secret[40];
	int lent = 0;

	bench_open(&b, *state, "round-robin");
	for (int i = 0; i < 198; i++) {
		snprintf(label, sizeof(label), "k%d", i);
		snprintf(secret, sizeof(secret), "AIza-%020d", i);
		world_add(*state, label, secret, true, T0 + 10 + i, id);
	}
	for (int round = 0; round < 2000; round++)
		assert_int_not_equal(lend_and_settle(&b, ok), '-');
	for (int i = 1; i <= 200; i++) {
		struct board_row *row = NULL;

		for (uint32_t s = 1, seen = 0; s < board_subjects_size(b.world->board); s++)
			if (board_subject_key(b.world->board, (int)s) && ++seen == (uint32_t)i)
				row = board_row(b.world->board, (int)s, BOARD_WHOLE, false);
		lent += fitness_ticket(row) > 0;
	}
	assert_int_equal(lent, 200);
	bench_close(&b);
}

/* ---- limits ---- */

static void
a_limited_model_is_lent_so_often_and_no_more(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "", (struct fitness_limits){ .rpm = 3 });
	for (int i = 0; i < 3; i++)
		assert_int_equal(lend_and_settle(&b, ok), 'a');
	for (int i = 0; i < 3; i++)
		assert_int_equal(lend_and_settle(&b, ok), 'b');
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_BUSY);
	assert_int_equal(b.free_in_ms, MINUTE + 500);
	pass(&b, MINUTE + 499);
	assert_false(lend(&b));
	pass(&b, 1);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

static void
limits_do_not_multiply_with_the_processes(void **state)
{
	struct bench b;
	struct pool *pools[4];
	int lent = 0;

	bench_open_limited(&b, *state, "", (struct fitness_limits){ .rpm = 5 });
	struct pool *first = b.pool;

	for (int i = 0; i < 4; i++)
		pools[i] = another_pool(&b, -1);
	for (int i = 0; i < 40; i++) {
		b.pool = pools[i % 4];
		lent += lend_and_settle(&b, ok) != '-';
	}
	assert_int_equal(lent, 10);
	for (int i = 0; i < 4; i++)
		pool_free(&pools[i]);
	b.pool = first;
	bench_close(&b);
}

static void
keys_of_one_project_share_its_limits_and_its_freezes(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "acme", (struct fitness_limits){ .rpm = 3 });
	for (int i = 0; i < 3; i++)
		assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), '-');
	pass(&b, 2 * MINUTE);
	assert_int_equal(lend_and_settle(&b, spent(30 * SECOND)), 'a');
	assert_int_equal(lend_and_settle(&b, ok), '-');
	assert_int_equal(b.free_in_ms, 30 * SECOND);
	bench_close(&b);
}

static void
what_is_not_metered_counts_for_nothing(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "", (struct fitness_limits){ .rpm = 1, .rpd = 1 });
	for (int i = 0; i < 5; i++) {
		assert_true(lend_as(&b, (struct wish){ .metered = false }));
		settle(&b, ok, 200);
	}
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

static void
a_minute_begins_when_the_request_was_written(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpm = 1 });
	assert_true(lend(&b));
	pass(&b, 20 * SECOND);
	settle(&b, ok, 200); /* written and answered only now */
	pass(&b, 41 * SECOND);
	assert_false(lend(&b));
	assert_int_equal(b.free_in_ms, 19 * SECOND + 500);
	bench_close(&b);
}

static void
a_request_that_was_never_sent_gives_its_place_back(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpm = 1, .rpd = 1 });
	assert_true(lend(&b));
	settle(&b, (struct verdict){ .outcome = OUTCOME_UNREACHABLE, .unsent = true }, 0);
	assert_true(lend(&b));
	settle(&b, ok, 200);
	assert_false(lend(&b));
	bench_close(&b);
}

/* A connection that was reset amid the sending had once given back what upstream may have read. */
static void
a_request_that_broke_off_on_its_way_counts(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpm = 1 });
	assert_true(lend(&b));
	settle(&b, (struct verdict){ .outcome = OUTCOME_UNREACHABLE }, 0);
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_BUSY);
	bench_close(&b);
}

/* Where kept connections break just as they are used again, upstream once got nearly twice the
 * limit. */
static void
a_request_that_is_sent_twice_counts_twice(void **state)
{
	struct bench b;

	bench_open_limited(
	    &b, *state, "x", (struct fitness_limits){ .rpm = 3, .tpm = 3000, .rpd = 3 });
	assert_true(lend_as(&b, (struct wish){ .metered = true, .tokens = 1000 }));
	lease_written(b.pool, &b.lease, b.now);
	pass(&b, SECOND);
	assert_true(lease_again(b.pool, &b.lease, b.now));
	settle(&b, ok, 200);
	assert_false(lend_as(&b, (struct wish){ .metered = true, .tokens = 1001 }));
	assert_true(lend_as(&b, (struct wish){ .metered = true, .tokens = 1000 }));
	settle(&b, ok, 200);
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_QUOTA);
	bench_close(&b);
}

static void
what_has_no_room_is_not_sent_twice(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpm = 1 });
	assert_true(lend(&b));
	pass(&b, 10 * SECOND);
	assert_false(lease_again(b.pool, &b.lease, b.now)); /* perhaps read just now */
	settle(&b, (struct verdict){ .outcome = OUTCOME_UNREACHABLE }, 0);
	assert_false(lend(&b));
	assert_int_equal(b.free_in_ms, MINUTE + 500);
	bench_close(&b);
}

static void
of_what_is_sent_twice_the_second_alone_is_given_back(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpm = 2 });
	assert_true(lend(&b));
	lease_written(b.pool, &b.lease, b.now);
	assert_true(lease_again(b.pool, &b.lease, b.now));
	settle(&b, (struct verdict){ .outcome = OUTCOME_UNREACHABLE, .unsent = true }, 0);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), '-');
	bench_close(&b);
}

static void
what_no_limit_counts_is_sent_twice_at_will(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpm = 1 });
	assert_true(lend_as(&b, (struct wish){ .metered = false }));
	assert_true(lease_again(b.pool, &b.lease, b.now));
	assert_true(lease_again(b.pool, &b.lease, b.now));
	settle(&b, ok, 200);
	assert_true(lend(&b));
	settle(&b, ok, 200);
	bench_close(&b);
}

/* It was once lent without any limit. */
static void
a_limited_model_that_the_board_has_no_place_for_is_not_lent(void **state)
{
	struct world *w = *state;
	struct bench b;
	char name[16];

	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "m-%d", i);
		assert_true(board_model(w->board, span_of(name), true) > 0);
	}
	bench_open_limited(&b, w, "x", (struct fitness_limits){ .rpm = 1000 });
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_UNAVAILABLE);
	assert_int_equal(b.free_in_ms, -1);
	assert_true(lend_as(&b, (struct wish){ .metered = false }));
	settle(&b, ok, 200);
	assert_true(lend_as(&b, (struct wish){ .model = SPAN("other"), .metered = true }));
	settle(&b, ok, 200);
	bench_close(&b);
}

static void
the_day_is_counted_and_ends_at_midnight_in_california(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpd = 2 });
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_QUOTA);
	assert_true(b.free_in_ms > 0);
	pass(&b, b.free_in_ms + 1);
	assert_int_not_equal(lend_and_settle(&b, ok), '-');
	bench_close(&b);
}

/* A connection took its time: upstream gets it on a day that has not lent it. */
static void
a_request_that_midnight_overtakes_counts_on_both_days(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpd = 3 });
	pass(&b, fitness_day_ends_in_ms(b.now) - SECOND);
	assert_true(lend(&b));
	pass(&b, 2 * SECOND);
	settle(&b, ok, 200);
	pass(&b, 10 * SECOND);
	assert_int_not_equal(lend_and_settle(&b, ok), '-');
	assert_int_not_equal(lend_and_settle(&b, ok), '-');
	assert_int_equal(lend_and_settle(&b, ok), '-');
	bench_close(&b);
}

static void
tokens_are_reserved_by_estimate_and_settled_by_use(void **state)
{
	struct bench b;
	struct settlement end = { .verdict = &ok, .total_ms = 5, .http_status = 200 };

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .tpm = 1000 });
	assert_true(lend_as(&b, (struct wish){ .metered = true, .tokens = 800 }));
	struct lease first = b.lease;

	assert_false(lend_as(&b, (struct wish){ .metered = true, .tokens = 300 }));
	assert_int_equal(b.err.kind, ERR_BUSY);
	end.prompt_tokens = 100;
	lease_written(b.pool, &first, b.now);
	lease_settle(b.pool, &first, &end, b.now);
	assert_true(lend_as(&b, (struct wish){ .metered = true, .tokens = 900 }));
	settle(&b, ok, 200);
	assert_false(lend_as(&b, (struct wish){ .metered = true, .tokens = 1 }));
	bench_close(&b);
}

static void
a_limit_that_upstream_states_is_kept_from_then_on(void **state)
{
	struct bench b;
	struct verdict v = spent(2 * SECOND);

	v.limit_rpm = 2;
	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, v), 'a');
	pass(&b, 3 * SECOND);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	assert_int_equal(view_of(&b, 0, false).learned.rpm, 2);
	bench_close(&b);
}

static void
a_thaw_forgets_what_upstream_stated(void **state)
{
	struct bench b;
	struct verdict v = spent(2 * SECOND);

	v.limit_rpd = 1;
	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, v), 'a');
	pass(&b, 3 * SECOND);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'b'); /* the day of a is used up */
	int a = board_subject(b.world->board, strtoull(b.id[0], NULL, 16), false);

	fitness_thaw_all(b.world->board, a, a);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

static void
an_alias_is_limited_as_what_it_stands_for(void **state)
{
	struct bench b;
	struct config_model models[2] = {
		{ .name = "fast", .alias = "gemini-2.5-flash", .rpm = 7 },
		{ .name = "gemini-2.5-flash", .alias = "", .rpm = 5 },
	};

	bench_fill(&b, *state, "order", "");
	b.config.models = models;
	b.config.model_count = 1;
	assert_int_equal(pool_limits(&b.config, MODEL).rpm, 7);
	b.config.model_count = 2;
	assert_int_equal(pool_limits(&b.config, MODEL).rpm, 5);
	assert_int_equal(pool_limits(&b.config, SPAN("gemini-2.5-pro")).rpm, 0);
	bench_close(&b);
}

/* ---- what it learns ---- */

static void
a_client_that_hung_up_blames_no_credential(void **state)
{
	struct bench b;
	static const enum outcome blameless[] = { OUTCOME_DROPPED, OUTCOME_REFUSED,
		OUTCOME_OUT_OF_TIME, OUTCOME_TIMED_OUT, OUTCOME_EMPTY, OUTCOME_CANCELLED };

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, ok), 'a'); /* the model is known from here on */
	double mean = view_of(&b, 0, false).mean;

	for (size_t i = 0; i < COUNT(blameless); i++)
		for (int times = 0; times < 5; times++)
			assert_int_equal(
			    lend_and_settle(&b, (struct verdict){ .outcome = blameless[i] }), 'a');
	assert_true(view_of(&b, 0, false).mean >= mean - 1e-9);
	assert_int_equal(view_of(&b, 0, true).frozen_for_ms, 0);
	assert_int_equal(view_of(&b, 0, true).breaker, BREAKER_CLOSED);
	bench_close(&b);
}

static void
a_spent_quota_is_no_failure(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	lend_and_settle(&b, ok);
	double mean = view_of(&b, 0, false).mean;

	lend_and_settle(&b, spent(SECOND));
	assert_true(view_of(&b, 0, false).mean >= mean - 1e-9);
	assert_int_equal(view_of(&b, 0, false).freeze.cause, OUTCOME_QUOTA_MINUTE);
	bench_close(&b);
}

static void
a_way_that_is_closed_is_tried_twice_and_then_by_a_probe(void **state)
{
	struct bench b;
	static const struct verdict down = { .outcome = OUTCOME_UNREACHABLE, .try_other = true };

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, down), 'a');
	assert_int_equal(lend_and_settle(&b, down), 'a');
	assert_int_equal(view_of(&b, 0, true).breaker, BREAKER_OPEN);
	assert_int_equal(view_of(&b, 0, true).breaker_cause, OUTCOME_UNREACHABLE);
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	pass(&b, 5001);
	assert_true(lend(&b)); /* the one probe */
	assert_string_equal(b.lease.label, "a");
	struct lease probe = b.lease;

	assert_int_equal(lend_and_settle(&b, ok), 'b');
	b.lease = probe;
	settle(&b, ok, 200);
	assert_int_equal(view_of(&b, 0, true).breaker, BREAKER_CLOSED);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

static void
when_all_ways_are_closed_one_a_second_is_tried(void **state)
{
	struct bench b;
	static const struct verdict down = { .outcome = OUTCOME_UNREACHABLE, .try_other = true };

	bench_open(&b, *state, "order");
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(lend_and_settle(&b, down), '-');
	assert_int_not_equal(lend_and_settle(&b, down), '-'); /* the last resort */
	assert_int_equal(lend_and_settle(&b, down), '-');
	assert_int_equal(b.err.kind, ERR_UNAVAILABLE);
	assert_true(b.free_in_ms > 0);
	pass(&b, 1000);
	assert_int_not_equal(lend_and_settle(&b, ok), '-');
	assert_int_not_equal(lend_and_settle(&b, ok), '-');
	bench_close(&b);
}

/* The last resort was once whoever would be free first, tried or not: a request that had failed with
 * the only credential and been repeated was sent a third time. */
static void
the_last_resort_is_no_one_that_was_tried(void **state)
{
	struct bench b;
	static const struct verdict down = { .outcome = OUTCOME_UNREACHABLE, .try_other = true };

	bench_open(&b, *state, "order");
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(lend_and_settle(&b, down), '-');
	struct wish wish = { .tried = (const char(*)[CREDENTIAL_ID_LEN + 1]) b.id,
		.tried_count = 2 };

	assert_false(lend_as(&b, wish));
	wish.tried_count = 1;
	assert_true(lend_as(&b, wish));
	assert_string_equal(b.lease.label, "b");
	settle(&b, down, 0);
	bench_close(&b);
}

static void
an_overloaded_model_rests_for_all_and_blames_none(void **state)
{
	struct bench b;
	static const struct verdict busy = { .outcome = OUTCOME_OVERLOADED, .try_other = true };

	bench_open(&b, *state, "order");
	lend_and_settle(&b, ok);
	for (int i = 0; i < 3; i++)
		assert_int_equal(lend_and_settle(&b, busy), 'a');
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_OVERLOADED);
	assert_in_range(b.free_in_ms, 1, 2000);
	/* Another model has nothing to do with it. */
	assert_true(lend_as(&b, (struct wish){ .model = SPAN("gemini-2.5-pro") }));
	settle(&b, ok, 200);
	assert_int_equal(view_of(&b, 0, true).breaker, BREAKER_CLOSED);
	pass(&b, 2001);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

static void
a_model_that_two_credentials_do_not_know_is_not_asked_for_again(void **state)
{
	struct bench b;
	static const struct verdict unknown = { .outcome = OUTCOME_MODEL_UNKNOWN,
		.try_other = true,
		.freeze = FREEZE_OWN,
		.freeze_for_ms = 24 * 60 * MINUTE };
	struct wish first = { .model = SPAN("gemini-none") }, second = first;

	bench_open(&b, *state, "order");
	second.tried = (const char(*)[CREDENTIAL_ID_LEN + 1]) b.id;
	second.tried_count = 1;
	assert_true(lend_as(&b, first));
	settle(&b, unknown, 404);
	assert_true(lend_as(&b, second));
	settle(&b, unknown, 404);
	assert_false(lend_as(&b, first));
	assert_int_equal(b.err.kind, ERR_MODEL_NOT_FOUND);
	pass(&b, 61 * MINUTE);
	assert_true(lend_as(&b, first));
	settle(&b, ok, 200);
	bench_close(&b);
}

static void
a_name_that_a_client_made_up_takes_no_row(void **state)
{
	struct bench b;
	char name[32];

	bench_open(&b, *state, "order");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "made-up-%d", i);
		assert_true(lend_as(&b, (struct wish){ .model = span_of(name) }));
		settle(&b, (struct verdict){ .outcome = OUTCOME_MODEL_UNKNOWN }, 404);
		assert_true(lend_as(&b, (struct wish){ .model = span_of(name) }));
		settle(&b, (struct verdict){ .outcome = OUTCOME_SERVER_ERROR }, 500);
		lend_and_settle(&b, ok);
	}
	assert_int_equal(board_models_used(b.world->board), 2); /* the whole, and MODEL */
	bench_close(&b);
}

static void
take_models(struct bench *b, int up_to)
{
	char name[16];

	for (int i = board_models_used(b->world->board); i <= up_to; i++) {
		snprintf(name, sizeof(name), "m-%d", i);
		assert_true(board_model(b->world->board, span_of(name), true) > 0);
	}
}

/* While upstream is out of order all names are answered alike, and there is room for few. */
static void
names_that_are_no_more_than_overloaded_leave_room_for_others(void **state)
{
	static const struct verdict busy = { .outcome = OUTCOME_OVERLOADED };
	struct bench b;

	bench_open(&b, *state, "order");
	int size = board_models_size(b.world->board);

	assert_true(lend_as(&b, (struct wish){ .model = SPAN("busy") }));
	settle(&b, busy, 503);
	assert_true(board_model(b.world->board, SPAN("busy"), false) > 0);
	take_models(&b, size / 2);
	assert_true(lend_as(&b, (struct wish){ .model = SPAN("made-up") }));
	settle(&b, busy, 503);
	assert_int_equal(board_model(b.world->board, SPAN("made-up"), false), -1);
	assert_true(lend_as(&b, (struct wish){ .model = SPAN("real") }));
	settle(&b, ok, 200);
	assert_true(board_model(b.world->board, SPAN("real"), false) > 0);
	bench_close(&b);
}

/* One day's quota of a model without a place once took a credential from all models until midnight.
 */
static void
the_quota_of_a_model_without_a_place_rests_the_others_for_a_moment(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	take_models(&b, board_models_size(b.world->board));
	assert_true(lend_as(&b, (struct wish){ .model = SPAN("one-too-many") }));
	settle(&b, spent_for_the_day(), 429);
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	pass(&b, MINUTE);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

static void
a_model_that_one_credential_has_is_frozen_for_the_other_alone(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	lend_and_settle(&b, ok);
	lend_and_settle(&b, (struct verdict){ .outcome = OUTCOME_MODEL_UNKNOWN,
				.freeze = FREEZE_OWN,
				.freeze_for_ms = 24 * 60 * MINUTE });
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	assert_true(lend_as(&b, (struct wish){ .model = SPAN("gemini-2.5-pro") }));
	assert_string_equal(b.lease.label, "a");
	settle(&b, ok, 200);
	bench_close(&b);
}

static void
what_a_model_was_refused_before_it_was_proved_counts_once_it_is(void **state)
{
	struct bench b;
	struct wish wish = { .model = SPAN("gemini-preview"), .metered = true };
	struct verdict unknown = { .outcome = OUTCOME_MODEL_UNKNOWN,
		.try_other = true,
		.freeze = FREEZE_OWN,
		.freeze_for_ms = 24 * 60 * MINUTE };

	bench_open(&b, *state, "order");
	assert_true(lend_as(&b, wish));
	assert_string_equal(b.lease.label, "a");
	settle(&b, unknown, 404);
	wish.tried = (const char(*)[CREDENTIAL_ID_LEN + 1]) b.id;
	wish.tried_count = 1;
	assert_true(lend_as(&b, wish));
	settle(&b, ok, 200); /* b has it, so it is there */
	wish.tried_count = 0;
	assert_true(lend_as(&b, wish));
	assert_string_equal(b.lease.label, "b");
	settle(&b, ok, 200);
	bench_close(&b);
}

static void
a_vague_refusal_rests_the_model_alone_even_if_it_is_the_first_word_of_it(void **state)
{
	struct bench b;
	static const struct verdict vague = { .outcome = OUTCOME_QUOTA_VAGUE,
		.try_other = true,
		.freeze = FREEZE_QUOTA,
		.bounded = true };

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, vague), 'a');
	assert_int_equal(view_of(&b, 0, false).frozen_for_ms, 30 * SECOND);
	assert_int_equal(view_of(&b, 0, true).frozen_for_ms, 0);
	bench_close(&b);
}

static void
a_vague_refusal_lasts_longer_each_time(void **state)
{
	struct bench b;
	static const struct verdict vague = { .outcome = OUTCOME_QUOTA_VAGUE,
		.try_other = true,
		.freeze = FREEZE_QUOTA,
		.bounded = true };
	static const int64_t expected[] = { 30, 60, 120, 240, 300, 300 };

	bench_open(&b, *state, "order");
	lend_and_settle(&b, ok);
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_int_equal(lend_and_settle(&b, vague), 'a');
		assert_int_equal(view_of(&b, 0, false).frozen_for_ms, expected[i] * SECOND);
		pass(&b, expected[i] * SECOND + 1);
	}
	lend_and_settle(&b, ok);
	lend_and_settle(&b, vague);
	assert_int_equal(view_of(&b, 0, false).frozen_for_ms, 30 * SECOND);
	bench_close(&b);
}

static void
hints_keep_to_the_bounds_of_the_configuration_and_facts_do_not(void **state)
{
	struct bench b;

	bench_open(&b, *state, "order");
	b.config.pool_freeze_min_ms = 10 * SECOND;
	b.config.pool_freeze_max_ms = 20 * SECOND;
	lend_and_settle(&b, spent(1));
	assert_int_equal(view_of(&b, 0, false).frozen_for_ms, 10 * SECOND);
	pass(&b, 10 * SECOND + 1);
	lend_and_settle(&b, spent(600 * MINUTE));
	assert_int_equal(view_of(&b, 0, false).frozen_for_ms, 20 * SECOND);
	pass(&b, 20 * SECOND + 1);
	lend_and_settle(&b, spent_for_the_day());
	assert_int_equal(
	    view_of(&b, 0, false).frozen_for_ms, 600 * MINUTE - 30 * SECOND - 2);
	bench_close(&b);
}

/* ---- disabling ---- */

static void
a_disabled_credential_is_not_lent_and_the_last_one_leaves_words(void **state)
{
	struct bench b;
	static const struct verdict invalid = { .outcome = OUTCOME_KEY_INVALID, .disable = true };

	bench_open(&b, *state, "order");
	assert_int_equal(lend_and_settle(&b, invalid), 'a');
	assert_int_equal(b.written, 1);
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	assert_int_equal(pool_size(b.pool, b.now), 1);
	assert_int_equal(lend_and_settle(&b, invalid), 'b');
	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_UNAVAILABLE);
	assert_non_null(strstr(b.err.text, "polluxctl keys list"));
	assert_false(pool_in_sight(b.pool, b.now));
	bench_close(&b);
}

static void
a_suspended_project_takes_all_its_keys_along(void **state)
{
	struct bench b;
	static const struct verdict suspended = {
		.outcome = OUTCOME_SUSPENDED, .disable = true, .siblings = true
	};

	bench_fill(&b, *state, "order", "acme");
	world_add(*state, "c", "AIza-cccccccccccccccc", true, T0 + 3, b.id[2]);
	b.pool = another_pool(&b, -1);
	assert_int_equal(lend_and_settle(&b, suspended), 'a');
	assert_int_equal(b.written, 2);
	assert_int_equal(pool_size(b.pool, b.now), 1);
	assert_int_equal(lend_and_settle(&b, ok), 'c');
	bench_close(&b);
}

static void
three_models_forbidden_are_the_credentials_own_trouble(void **state)
{
	struct bench b;
	static const struct verdict forbidden = { .outcome = OUTCOME_FORBIDDEN,
		.try_other = true,
		.freeze = FREEZE_OWN,
		.freeze_for_ms = 30 * MINUTE };
	static const char *const names[] = { "m-one", "m-two", "m-three" };

	bench_open(&b, *state, "order");
	for (size_t i = 0; i < COUNT(names); i++) {
		struct wish wish = { .model = span_of(names[i]), .metered = true };

		assert_true(lend_as(&b, wish));
		settle(&b, ok, 200);
		assert_int_equal(b.written, 0);
		assert_true(lend_as(&b, wish));
		assert_string_equal(b.lease.label, "a");
		settle(&b, forbidden, 403);
	}
	assert_int_equal(b.written, 1);
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	bench_close(&b);
}

/* ---- the journal ---- */

/* The memory of a worker that was killed; only a test has it still. */
static void
bury(struct bench *b, struct pool *dead, struct lease held)
{
	struct pool *alive = b->pool;

	b->pool = dead;
	b->lease = held;
	settle(b, (struct verdict){ .outcome = OUTCOME_DROPPED }, 0);
	b->pool = alive;
	pool_free(&dead);
}

static void
what_a_killed_worker_held_is_given_back(void **state)
{
	struct bench b;
	int slot = board_slot_take(((struct world *)*state)->board, 0, T0);

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpm = 2 });
	struct pool *first = b.pool;

	b.pool = another_pool(&b, slot);
	assert_true(lend(&b)); /* never to be heard of again */
	struct lease lost = b.lease;
	struct pool *dead = b.pool;

	assert_int_equal(view_of(&b, 0, true).in_flight, 1);
	pass(&b, 20 * SECOND);
	lease_sweep(b.world->board, slot, b.now);
	assert_int_equal(view_of(&b, 0, true).in_flight, 0);
	b.pool = first;
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), '-'); /* it may have been sent just before */
	pass(&b, MINUTE + 501);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bury(&b, dead, lost);
	bench_close(&b);
}

static void
a_probe_of_a_killed_worker_may_be_claimed_again(void **state)
{
	struct bench b;
	int slot = board_slot_take(((struct world *)*state)->board, 0, T0);
	static const struct verdict down = { .outcome = OUTCOME_UNREACHABLE };

	bench_open(&b, *state, "order");
	lend_and_settle(&b, down);
	lend_and_settle(&b, down);
	pass(&b, 6 * SECOND);
	struct pool *first = b.pool;

	b.pool = another_pool(&b, slot);
	assert_true(lend(&b));
	assert_string_equal(b.lease.label, "a");
	struct lease lost = b.lease;
	struct pool *dead = b.pool;

	b.pool = first;
	assert_int_equal(lend_and_settle(&b, ok), 'b');
	lease_sweep(b.world->board, slot, b.now);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bury(&b, dead, lost);
	bench_close(&b);
}

static void
an_upload_of_minutes_keeps_its_place_by_renewing(void **state)
{
	struct bench b;

	bench_open_limited(&b, *state, "x", (struct fitness_limits){ .rpm = 1 });
	assert_true(lend(&b));
	struct lease upload = b.lease;

	for (int i = 0; i < 12; i++) {
		pass(&b, 10 * SECOND);
		pool_renew(b.pool, b.now);
		assert_false(lend(&b));
	}
	b.lease = upload;
	settle(&b, ok, 200);
	pass(&b, MINUTE);
	assert_false(lend(&b));
	pass(&b, 501);
	assert_true(lend(&b));
	settle(&b, ok, 200);
	bench_close(&b);
}

/* ---- why ---- */

static void
a_trace_says_who_was_lent_and_who_was_passed_over(void **state)
{
	struct bench b;
	struct trace trace;

	bench_open(&b, *state, "order");
	lend_and_settle(&b, spent(MINUTE));
	trace_begin(&trace, SPAN("req-1"), SPAN(""), b.now);
	assert_true(lend_as(&b, (struct wish){ .metered = true, .trace = &trace }));
	pass(&b, 30);
	settle(&b, ok, 200);
	assert_int_equal(trace.try_count, 1);
	assert_true(trace.tries[0].credential == strtoull(b.id[1], NULL, 16));
	assert_int_equal(trace.tries[0].outcome, OUTCOME_OK);
	assert_int_equal(trace.tries[0].http_status, 200);
	assert_int_equal(trace.tries[0].chosen, CHOSEN_ORDER);
	assert_int_equal(trace.tries[0].passed[PASS_FROZEN], 1);
	assert_int_equal(trace.pass_count, 1);
	assert_int_equal(trace.passes[0].cause, OUTCOME_QUOTA_MINUTE);
	bench_close(&b);
}

/* ---- probes ---- */

static const struct verdict unreachable = {
	.outcome = OUTCOME_UNREACHABLE, .try_other = true, .try_same = true
};

/* Whoever passed over a probe was once told to come back in a quarter of an hour, and so did not
 * wait at all. */
static void
a_probe_under_way_is_waited_for_a_moment(void **state)
{
	struct bench b;
	struct wish owned = { .only = SPAN_NONE };

	bench_open(&b, *state, "order");
	owned.only = span_of(b.id[0]);
	for (int i = 0; i < 2; i++) {
		assert_true(lend_as(&b, owned));
		settle(&b, unreachable, 0);
	}
	pass(&b, 5001);
	assert_true(lend_as(&b, owned)); /* the probe */
	struct lease probe = b.lease;

	assert_false(lend_as(&b, owned));
	assert_int_equal(b.err.kind, ERR_UNAVAILABLE);
	assert_in_range(b.free_in_ms, 1, 1000);
	b.lease = probe;
	settle(&b, ok, 200);
	assert_true(lend_as(&b, owned));
	settle(&b, ok, 200);
	bench_close(&b);
}

/* A stream may last for minutes, and all that while nobody else was lent the only credential. */
static void
a_probe_that_is_being_answered_holds_nobody_up(void **state)
{
	static const struct {
		struct verdict failure;
		int times;
		struct wish wish;
	} rows[] = {
		{ { .outcome = OUTCOME_UNREACHABLE }, 2, { .metered = true } },
		{ { .outcome = OUTCOME_SERVER_ERROR }, 3, { .metered = true } },
		{ { .outcome = OUTCOME_OVERLOADED }, 3, { .metered = true } },
	};
	struct bench b;

	bench_open(&b, *state, "order");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wish wish = rows[i].wish;

		wish.only = span_of(b.id[0]);
		assert_true(lend_as(&b, wish));
		settle(&b, ok, 200);
		for (int k = 0; k < rows[i].times; k++) {
			assert_true(lend_as(&b, wish));
			settle(&b, rows[i].failure,
			    rows[i].failure.outcome == OUTCOME_UNREACHABLE ? 0 : 503);
		}
		pass(&b, MINUTE);
		assert_true(lend_as(&b, wish));
		struct lease probe = b.lease;

		assert_false(lend_as(&b, wish));
		lease_written(b.pool, &probe, b.now);
		lease_answered(b.pool, &probe, 200, b.now);
		assert_true(lend_as(&b, wish));
		settle(&b, ok, 200);
		b.lease = probe;
		settle(&b, ok, 200);
	}
	bench_close(&b);
}

/* That the way is open says nothing of the model. */
static void
a_probe_that_is_refused_proves_the_way_alone(void **state)
{
	static const struct verdict broken = { .outcome = OUTCOME_SERVER_ERROR };
	struct bench b;
	struct wish wish = { .metered = true };

	bench_open(&b, *state, "order");
	wish.only = span_of(b.id[0]);
	assert_true(lend_as(&b, wish));
	settle(&b, ok, 200);
	for (int k = 0; k < 3; k++) {
		assert_true(lend_as(&b, wish));
		settle(&b, broken, 500);
	}
	pass(&b, MINUTE);
	assert_true(lend_as(&b, wish));
	lease_answered(b.pool, &b.lease, 500, b.now);
	struct lease probe = b.lease;

	assert_false(lend_as(&b, wish));
	b.lease = probe;
	settle(&b, broken, 500);
	assert_int_equal(view_of(&b, 0, false).breaker, BREAKER_OPEN);
	bench_close(&b);
}

static void
a_model_that_is_being_probed_is_waited_for_a_moment(void **state)
{
	struct bench b;
	static const struct verdict busy = { .outcome = OUTCOME_OVERLOADED, .try_other = true };

	bench_open(&b, *state, "order");
	lend_and_settle(&b, ok);
	for (int i = 0; i < 3; i++)
		lend_and_settle(&b, busy);
	pass(&b, 2001);
	assert_true(lend(&b));
	struct lease probe = b.lease;

	assert_false(lend(&b));
	assert_int_equal(b.err.kind, ERR_OVERLOADED);
	assert_in_range(b.free_in_ms, 1, 1000);
	b.lease = probe;
	settle(&b, ok, 200);
	assert_int_equal(lend_and_settle(&b, ok), 'a');
	bench_close(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_least_recently_used_is_lent),
		TEST(in_order_the_first_is_lent_as_long_as_it_is_fit),
		TEST(a_minutes_freeze_outlives_no_jump_of_the_wall_clock),
		TEST(what_was_begun_with_one_credential_is_lent_that_one_alone),
		TEST(one_that_was_tried_is_not_lent_again),
		TEST(when_all_are_frozen_the_refusal_says_until_when),
		TEST(a_day_without_quota_is_said_as_such),
		TEST(an_empty_pool_says_how_to_fill_it),
		TEST(a_credential_that_is_added_is_lent_at_once_and_leases_keep_what_they_have),
		TEST(lists_of_models_are_asked_of_each_in_turn),
		TEST(of_many_each_gets_its_turn),
		TEST(a_limited_model_is_lent_so_often_and_no_more),
		TEST(limits_do_not_multiply_with_the_processes),
		TEST(keys_of_one_project_share_its_limits_and_its_freezes),
		TEST(what_is_not_metered_counts_for_nothing),
		TEST(a_minute_begins_when_the_request_was_written),
		TEST(a_request_that_was_never_sent_gives_its_place_back),
		TEST(a_request_that_broke_off_on_its_way_counts),
		TEST(a_request_that_is_sent_twice_counts_twice),
		TEST(what_has_no_room_is_not_sent_twice),
		TEST(of_what_is_sent_twice_the_second_alone_is_given_back),
		TEST(what_no_limit_counts_is_sent_twice_at_will),
		TEST(a_limited_model_that_the_board_has_no_place_for_is_not_lent),
		TEST(the_day_is_counted_and_ends_at_midnight_in_california),
		TEST(a_request_that_midnight_overtakes_counts_on_both_days),
		TEST(tokens_are_reserved_by_estimate_and_settled_by_use),
		TEST(a_limit_that_upstream_states_is_kept_from_then_on),
		TEST(a_thaw_forgets_what_upstream_stated),
		TEST(an_alias_is_limited_as_what_it_stands_for),
		TEST(a_client_that_hung_up_blames_no_credential),
		TEST(a_spent_quota_is_no_failure),
		TEST(a_way_that_is_closed_is_tried_twice_and_then_by_a_probe),
		TEST(when_all_ways_are_closed_one_a_second_is_tried),
		TEST(the_last_resort_is_no_one_that_was_tried),
		TEST(an_overloaded_model_rests_for_all_and_blames_none),
		TEST(a_model_that_two_credentials_do_not_know_is_not_asked_for_again),
		TEST(a_name_that_a_client_made_up_takes_no_row),
		TEST(names_that_are_no_more_than_overloaded_leave_room_for_others),
		TEST(the_quota_of_a_model_without_a_place_rests_the_others_for_a_moment),
		TEST(a_model_that_one_credential_has_is_frozen_for_the_other_alone),
		TEST(what_a_model_was_refused_before_it_was_proved_counts_once_it_is),
		TEST(a_vague_refusal_rests_the_model_alone_even_if_it_is_the_first_word_of_it),
		TEST(a_vague_refusal_lasts_longer_each_time),
		TEST(hints_keep_to_the_bounds_of_the_configuration_and_facts_do_not),
		TEST(a_disabled_credential_is_not_lent_and_the_last_one_leaves_words),
		TEST(a_suspended_project_takes_all_its_keys_along),
		TEST(three_models_forbidden_are_the_credentials_own_trouble),
		TEST(what_a_killed_worker_held_is_given_back),
		TEST(a_probe_of_a_killed_worker_may_be_claimed_again),
		TEST(an_upload_of_minutes_keeps_its_place_by_renewing),
		TEST(a_probe_under_way_is_waited_for_a_moment),
		TEST(a_probe_that_is_being_answered_holds_nobody_up),
		TEST(a_probe_that_is_refused_proves_the_way_alone),
		TEST(a_model_that_is_being_probed_is_waited_for_a_moment),
		TEST(a_trace_says_who_was_lent_and_who_was_passed_over),
	};

	return cmocka_run_group_tests_name("upstream/pool", tests, NULL, NULL);
}
