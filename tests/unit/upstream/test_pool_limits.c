/*
 * Hours of several workers in no time: clients that never have enough, workers that are killed, a
 * daemon that is born again, clocks that are set.  Beside it upstream, which counts what comes in
 * when it comes in.  Chance has a seed, so that what fails once fails again.
 */
#include "tests/unit/upstream/world.h"

#include <stdlib.h>
#include "upstream/lease.h"
#include "upstream/pool.h"

#define MODEL    SPAN("gemini-2.5-flash")
#define WORKERS  4
#define KEYS     3
#define CLIENTS  20
#define TICK_MS  20
#define MARGIN   500
#define HOUR     (60 * MINUTE)
#define DEAD_MAX 400
#define SENT_MAX 20000
#define DAY_LATE (10 * SECOND) /* a day waits for both clocks */

/* 2026-09-22 07:00 UTC: midnight in California. */
#define MIDNIGHT INT64_C(1790060400000)

/* A client, and the request that it has under way. */
struct client {
	struct lease lease; /* of `pool`; id "": none */
	struct pool *pool;  /* borrowed; NULL: it was killed meanwhile */
	int worker;
	int64_t write_at_ms, answer_at_ms;
	bool written;
	uint64_t tokens;
};

/* What came in upstream. */
struct sent {
	int64_t at_ms;
	uint64_t tokens;
	int key;
};

struct town {
	struct world *world;
	struct config config;
	struct config_model models[1];
	struct pool *pools[WORKERS]; /* owned */
	int slots[WORKERS];
	struct client clients[CLIENTS];
	struct {
		struct pool *pool; /* owned */
		struct lease leases[CLIENTS];
		size_t count;
	} dead[DEAD_MAX]; /* what the killed left behind in this process; of no effect on the board
			   */
	size_t dead_count;
	char ids[KEYS][CREDENTIAL_ID_LEN + 1];
	struct sent *sent; /* owned */
	size_t sent_count;
	int64_t ms, began_ms; /* the monotonic clock */
	int64_t wall_ms;      /* the wall clock that nobody sets, as it was when it began */
	int64_t set_ms;       /* by how much the daemon's wall clock is ahead of that one */
	uint64_t chance;
};

static uint64_t
below(struct town *t, uint64_t n)
{
	t->chance = t->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (t->chance >> 33) % n;
}

static struct moment
now_of(const struct town *t)
{
	return (struct moment){ t->ms, t->wall_ms + (t->ms - t->began_ms) + t->set_ms };
}

/* ---- the daemon ---- */

static void
worker_begin(struct town *t, int i)
{
	struct pool_house house = { .store = t->world->store,
		.board = t->world->board,
		.config = &t->config,
		.slot = t->slots[i],
		.seed = below(t, 1 << 30) };

	t->pools[i] = pool_new(&house);
}

static void
town_open(struct town *t, struct world *w, struct fitness_limits limits, uint64_t seed)
{
	static const char *const secrets[KEYS] = { "AIza-aaaaaaaaaaaaaaaa", "AIza-bbbbbbbbbbbbbbbb",
		"AIza-cccccccccccccccc" };
	static const char *const labels[KEYS] = { "a", "b", "c" };

	t->world = w;
	t->chance = seed;
	t->ms = t->began_ms = 50 * HOUR;
	t->wall_ms = MIDNIGHT - 2 * HOUR;
	t->sent = mem_array(SENT_MAX, sizeof(*t->sent));
	t->config = (struct config){ .pool_pick = "thompson",
		.pool_freeze_min_ms = SECOND,
		.pool_freeze_max_ms = 24 * HOUR,
		.pool_margin_ms = MARGIN,
		.pool_affinity = true,
		.pool_accounts_first = true,
		.models = t->models,
		.model_count = 1 };
	t->models[0] = (struct config_model){ .name = "gemini-2.5-flash",
		.display_name = "",
		.alias = "",
		.rpm = limits.rpm,
		.tpm = limits.tpm,
		.rpd = limits.rpd,
		.enabled = true };
	for (int i = 0; i < KEYS; i++)
		world_add(w, labels[i], secrets[i], true, T0 + i, t->ids[i]);
	for (int i = 0; i < WORKERS; i++) {
		t->slots[i] = board_slot_take(w->board, (uint32_t)i, T0);
		worker_begin(t, i);
	}
}

/* Upstream gets it within the margin. */
static void
send_on(struct town *t, const struct client *c)
{
	int key = 0;

	while (strcmp(c->lease.id, t->ids[key]) != 0)
		assert_true(++key < KEYS);
	assert_true(t->sent_count < SENT_MAX);
	t->sent[t->sent_count++] =
	    (struct sent){ t->ms + (int64_t)below(t, MARGIN - 1), c->tokens, key };
}

static void
settle(struct town *t, struct client *c, enum outcome o)
{
	struct verdict v = { .outcome = o };
	struct settlement end = { .verdict = &v,
		.prompt_tokens = o == OUTCOME_OK ? (int64_t)c->tokens : -1,
		.first_byte_ms = o == OUTCOME_OK ? 10 : -1,
		.total_ms = 20,
		.http_status = o == OUTCOME_OK ? 200 : 0 };

	lease_settle(c->pool, &c->lease, &end, now_of(t));
}

static void
write_request(struct town *t, struct client *c)
{
	send_on(t, c);
	c->written = true;
	lease_written(c->pool, &c->lease, now_of(t));
}

/* Where it was in the middle of a request upstream may have it all the same. */
static void
worker_kill(struct town *t, int i)
{
	assert_true(t->dead_count < DEAD_MAX);
	size_t at = t->dead_count++;

	t->dead[at].pool = t->pools[i];
	for (int k = 0; k < CLIENTS; k++) {
		struct client *c = &t->clients[k];

		if (c->lease.id[0] == '\0' || c->worker != i)
			continue;
		if (!c->written && below(t, 2))
			send_on(t, c);
		t->dead[at].leases[t->dead[at].count++] = c->lease;
		*c = (struct client){ 0 };
	}
	t->ms += (int64_t)below(t, 30);
	lease_sweep(t->world->board, t->slots[i], now_of(t));
	worker_begin(t, i);
}

/* Its end is orderly: whoever waits for an answer gets none. */
static void
worker_end(struct town *t, int i)
{
	for (int k = 0; k < CLIENTS; k++) {
		struct client *c = &t->clients[k];

		if (c->lease.id[0] == '\0' || c->worker != i)
			continue;
		settle(t, c, OUTCOME_DROPPED);
		*c = (struct client){ 0 };
	}
	pool_free(&t->pools[i]);
	lease_sweep(t->world->board, t->slots[i], now_of(t));
	worker_begin(t, i);
}

static void
town_close(struct town *t)
{
	for (int i = 0; i < WORKERS; i++)
		worker_end(t, i);
	for (size_t i = 0; i < t->dead_count; i++) {
		for (size_t k = 0; k < t->dead[i].count; k++) {
			struct client c = { .pool = t->dead[i].pool,
				.lease = t->dead[i].leases[k] };

			settle(t, &c, OUTCOME_DROPPED);
		}
		pool_free(&t->dead[i].pool);
	}
	for (int i = 0; i < WORKERS; i++)
		pool_free(&t->pools[i]);
	mem_free(t->sent);
}

/* ---- clients ---- */

/* Some tokens are reserved too many, never too few. */
static void
client_ask(struct town *t, struct client *c)
{
	struct wish wish = { .model = MODEL, .metered = true };
	struct err e = ERR_INIT;
	int64_t free_in_ms;

	*c = (struct client){ .worker = (int)below(t, WORKERS) };
	c->tokens = below(t, 4) ? 50 + below(t, 200) : 50 + below(t, 1950);
	wish.tokens = c->tokens + below(t, c->tokens);
	c->pool = t->pools[c->worker];
	if (!pool_lend(c->pool, &wish, now_of(t), &c->lease, &free_in_ms, &e))
		return;
	c->write_at_ms = t->ms + (int64_t)(below(t, 10) ? below(t, 30) : below(t, 3000));
	c->answer_at_ms = c->write_at_ms + 1 + (int64_t)below(t, 1500);
}

static void
client_go_on(struct town *t, struct client *c)
{
	if (c->lease.id[0] == '\0') {
		client_ask(t, c);
		return;
	}
	if (!c->written && t->ms >= c->write_at_ms)
		write_request(t, c);
	if (c->written && t->ms >= c->answer_at_ms)
		settle(t, c, OUTCOME_OK);
}

static void
live(struct town *t, int64_t ms)
{
	for (int64_t end = t->ms + ms; t->ms < end; t->ms += TICK_MS)
		for (int i = 0; i < CLIENTS; i++)
			client_go_on(t, &t->clients[i]);
}

/* ---- upstream ---- */

static int
by_time(const void *left, const void *right)
{
	const struct sent *a = left, *b = right;

	return a->at_ms < b->at_ms ? -1 : a->at_ms > b->at_ms;
}

static uint64_t
amount_of(const struct sent *s, bool tokens)
{
	return tokens ? s->tokens : 1;
}

/* Every stretch of a minute, of every key. */
static void
no_minute_has_more(struct town *t, uint64_t limit, bool tokens)
{
	qsort(t->sent, t->sent_count, sizeof(*t->sent), by_time);
	for (int key = 0; key < KEYS; key++) {
		uint64_t sum = 0;
		size_t first = 0;

		for (size_t i = 0; i < t->sent_count; i++) {
			if (t->sent[i].key != key)
				continue;
			sum += amount_of(&t->sent[i], tokens);
			for (; t->sent[first].at_ms <= t->sent[i].at_ms - MINUTE; first++)
				if (t->sent[first].key == key)
					sum -= amount_of(&t->sent[first], tokens);
			if (sum > limit)
				fail_msg("%llu in a minute", (unsigned long long)sum);
		}
	}
}

/* Of limit x floor(T / (60 s + margin) + 1), for each key. */
static void
so_much_is_used(struct town *t, uint64_t limit, bool tokens, int64_t ms, unsigned percent)
{
	uint64_t sum = 0, most = KEYS * limit * (uint64_t)(ms / (MINUTE + MARGIN) + 1);

	for (size_t i = 0; i < t->sent_count; i++)
		if (t->sent[i].at_ms <= t->began_ms + ms)
			sum += amount_of(&t->sent[i], tokens);
	if (sum * 100 < most * percent)
		fail_msg("%llu of %llu", (unsigned long long)sum, (unsigned long long)most);
}

/* Of the key, on the day that begins there by the clock that nobody sets. */
static uint64_t
sent_on_day(const struct town *t, int key, int64_t begins_wall_ms)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->sent_count; i++) {
		int64_t wall_ms = t->sent[i].at_ms - t->began_ms + t->wall_ms;

		n += t->sent[i].key == key && wall_ms >= begins_wall_ms &&
		     wall_ms < begins_wall_ms + 24 * HOUR;
	}
	return n;
}

/* ---- the proofs ---- */

#define LAST_MS (3 * MINUTE)

static void
a_minutes_requests_are_kept_and_used(void **state)
{
	struct town t = { 0 };

	town_open(&t, *state, (struct fitness_limits){ .rpm = 5 }, 1);
	live(&t, LAST_MS);
	no_minute_has_more(&t, 5, false);
	so_much_is_used(&t, 5, false, LAST_MS, 100);
	town_close(&t);
}

/* What a killed worker held may have been sent, and counts for a minute. */
static void
killed_workers_break_no_limit_and_leave_it_to_the_others(void **state)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct town t = { 0 };

		if (seed > 1) {
			world_close(state);
			world_open(state);
		}
		town_open(&t, *state, (struct fitness_limits){ .rpm = 20 }, seed);
		for (int i = 0; i < 90; i++) {
			live(&t, 2 * SECOND);
			worker_kill(&t, (int)below(&t, WORKERS));
			for (int k = 0; i == 45 && k < WORKERS; k++)
				seed % 2 ? worker_kill(&t, k) : worker_end(&t, k);
		}
		no_minute_has_more(&t, 20, false);
		so_much_is_used(&t, 20, false, LAST_MS, 95);
		town_close(&t);
	}
}

static void
a_minutes_tokens_are_kept_and_used(void **state)
{
	struct town t = { 0 };

	town_open(&t, *state, (struct fitness_limits){ .tpm = 20000 }, 2);
	live(&t, LAST_MS);
	no_minute_has_more(&t, 20000, true);
	so_much_is_used(&t, 20000, true, LAST_MS, 95);
	town_close(&t);
}

static void
killed_workers_break_no_limit_of_tokens(void **state)
{
	struct town t = { 0 };

	town_open(&t, *state, (struct fitness_limits){ .tpm = 20000 }, 3);
	for (int i = 0; i < 90; i++) {
		live(&t, 2 * SECOND);
		worker_kill(&t, (int)below(&t, WORKERS));
	}
	no_minute_has_more(&t, 20000, true);
	so_much_is_used(&t, 20000, true, LAST_MS, 95);
	town_close(&t);
}

static void
minutes_go_on_whatever_hour_it_is(void **state)
{
	struct town t = { 0 };

	town_open(&t, *state, (struct fitness_limits){ .rpm = 5 }, 4);
	for (int i = 0; i < 18; i++) {
		live(&t, 10 * SECOND);
		t.set_ms = (int64_t)below(&t, 5) * HOUR - 2 * HOUR;
	}
	no_minute_has_more(&t, 5, false);
	so_much_is_used(&t, 5, false, LAST_MS, 100);
	town_close(&t);
}

/* Spent before midnight or amid the spending at midnight: no day has one too many.  What a worker
 * had not sent at its end is lost. */
static void
days_are_kept_across_midnight(void **state)
{
	static const int64_t limits[] = { 7, 400, 500, 600, 700, 800, 900 };

	for (size_t i = 0; i < COUNT(limits); i++) {
		struct town t = { 0 };
		uint64_t limit = (uint64_t)limits[i];

		if (i > 0) {
			world_close(state);
			world_open(state);
		}
		town_open(&t, *state, (struct fitness_limits){ .rpd = limits[i] }, 5 + i);
		t.wall_ms = MIDNIGHT - MINUTE;
		live(&t, MINUTE / 2);
		worker_kill(&t, 0);
		worker_end(&t, 1);
		live(&t, MINUTE / 2 + DAY_LATE + 2 * MINUTE);
		worker_end(&t, 2);
		live(&t, SECOND);
		for (int key = 0; key < KEYS; key++) {
			assert_in_range(sent_on_day(&t, key, MIDNIGHT - 24 * HOUR), 7, limit);
			assert_in_range(sent_on_day(&t, key, MIDNIGHT),
			    limit == 7 ? 7 : limit - CLIENTS, limit);
		}
		town_close(&t);
	}
}

static void
days_are_not_given_twice_by_a_clock_that_jumps(void **state)
{
	struct town t = { 0 };

	town_open(&t, *state, (struct fitness_limits){ .rpd = 7 }, 9);
	t.wall_ms = MIDNIGHT - 3 * MINUTE;
	for (int i = 0; i < 60; i++) {
		live(&t, 5 * SECOND);
		t.set_ms = (int64_t)below(&t, 3) * HOUR - HOUR;
		if (i % 10 == 5)
			worker_end(&t, i % WORKERS);
	}
	t.set_ms = 0;
	live(&t, DAY_LATE);
	for (int key = 0; key < KEYS; key++) {
		assert_int_equal(sent_on_day(&t, key, MIDNIGHT - 24 * HOUR), 7);
		assert_int_equal(sent_on_day(&t, key, MIDNIGHT), 7);
	}
	town_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(a_minutes_requests_are_kept_and_used),
		TEST(killed_workers_break_no_limit_and_leave_it_to_the_others),
		TEST(a_minutes_tokens_are_kept_and_used),
		TEST(killed_workers_break_no_limit_of_tokens),
		TEST(minutes_go_on_whatever_hour_it_is),
		TEST(days_are_kept_across_midnight),
		TEST(days_are_not_given_twice_by_a_clock_that_jumps),
	};

	return cmocka_run_group_tests_name("upstream/pool_limits", tests, NULL, NULL);
}
