/*
 * Probes: who is asked, when, for what, and what an answer changes.  Pool, board and store are
 * real; the loop is played, so time is the test's, and so are the fetches.
 */
#include "tests/unit/upstream/world.h"

#include "upstream/attempt.h"
#include "upstream/fitness.h"
#include "upstream/lease.h"
#include "upstream/prober.h"

#include "tests/unit/upstream/clockwork.h"

#define MODEL    SPAN("gemini-2.5-flash")
#define INTERVAL (5 * MINUTE)
#define KEYS_MAX 30
#define CALLS    256

/* ---- fetches ---- */

struct fetch {
	struct fetch_events events;
	void *ctx;
	int64_t at_ms;
	char url[256], key[64];
	char body[256];
	bool over;
};

static struct fetch calls[CALLS];
static size_t call_count;
static struct loop the_loop;

struct fetch *
fetch_start(
    struct fetcher *all, const struct fetch_order *o, const struct fetch_events *events, void *ctx)
{
	struct fetch *f = &calls[call_count++];
	struct buf body = BUF_INIT;

	(void)all;
	assert_in_range(call_count, 1, CALLS);
	*f = (struct fetch){ .events = *events, .ctx = ctx, .at_ms = the_loop.now_ms };
	snprintf(f->url, sizeof(f->url), "%s", o->url);
	snprintf(f->key, sizeof(f->key), "%s", o->headers[0]);
	body_flatten(&o->body, &body);
	snprintf(f->body, sizeof(f->body), "%s", buf_text(&body));
	buf_fini(&body);
	return f;
}

void
fetch_cancel(struct fetch **f)
{
	if (*f)
		(*f)->over = true;
	*f = NULL;
}

void
fetch_pause(struct fetch *f)
{
	(void)f;
}

void
fetch_resume(struct fetch *f)
{
	(void)f;
}

static size_t
under_way(void)
{
	size_t n = 0;

	for (size_t i = 0; i < call_count; i++)
		n += !calls[i].over;
	return n;
}

/* The first that has no answer yet. */
static void
answer(int status, const char *body)
{
	struct fetch *f = calls;
	struct fetch_head head = {
		.status = status, .content_type = SPAN("application/json"), .content_length = -1
	};

	while (f->over)
		f++;
	assert_true(f < calls + call_count);
	f->over = true;
	f->events.written(f->ctx);
	f->events.head(f->ctx, &head);
	f->events.data(f->ctx, span_of(body));
	f->events.end(f->ctx, FETCH_OK, "");
}

static const char good[] = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"H\"}]},"
			   "\"finishReason\":\"MAX_TOKENS\"}]}";
static const char silent[] = "{\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}";
static const char forbidden[] =
    "{\"error\":{\"code\":403,\"message\":\"No.\",\"status\":\"PERMISSION_DENIED\"}}";
static const char broke[] =
    "{\"error\":{\"code\":402,\"message\":\"Pay.\",\"status\":\"RESOURCE_EXHAUSTED\"}}";
static const char invalid[] =
    "{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass "
    "a valid API key.\",\"status\":\"INVALID_ARGUMENT\"}}";

/* ---- the world ---- */

struct scene {
	struct world *world;
	struct config config;
	struct config_model models[1];
	struct inventory inventory;
	struct prober *prober;
	int worker;
	size_t written;
	char id[KEYS_MAX][CREDENTIAL_ID_LEN + 1];
};

static bool
write_now(void *ctx, const struct write_op *ops, size_t n)
{
	struct scene *s = ctx;
	struct txn t = store_write(s->world->store);

	for (size_t i = 0; i < n; i++) {
		assert_true(ops[i].only_change);
		if (store_has(&t, ops[i].table, ops[i].key))
			store_put(&t, ops[i].table, ops[i].key, ops[i].value);
	}
	assert_true(store_end(&t, NULL));
	board_bump(s->world->board, BOARD_GEN_CREDENTIALS);
	s->written += n;
	return true;
}

static void
scene_open(struct scene *s, struct world *w, int keys)
{
	*s = (struct scene){ .world = w,
		.config = { .pool_pick = "order",
		    .pool_freeze_min_ms = SECOND,
		    .pool_freeze_max_ms = 24 * 60 * MINUTE,
		    .pool_margin_ms = 500,
		    .pool_probe_interval_ms = INTERVAL,
		    .upstream_gemini_url = "http://upstream.test",
		    .upstream_total_timeout_ms = 30 * MINUTE } };
	s->config.models = s->models;
	call_count = 0;
	clockwork_begin(&the_loop);
	clockwork = &the_loop;
	for (int i = 0; i < keys; i++) {
		char label[16], secret[48];

		snprintf(label, sizeof(label), "k%d", i);
		snprintf(secret, sizeof(secret), "AIza-%02d-0123456789abcdef", i);
		world_add(w, label, secret, true, T0 + i, s->id[i]);
	}
	inventory_init(&s->inventory, w->store, w->board, &s->config);
	s->worker = board_slot_take(w->board, 0, T0);
	atomic_store(&board_slot(w->board, s->worker)->state, WORKER_READY);
}

static void
begin(struct scene *s)
{
	struct prober_house house = { .loop = &the_loop,
		.store = s->world->store,
		.board = s->world->board,
		.config = &s->config,
		.credentials = &s->inventory,
		.seed = 11,
		.write = write_now,
		.ctx = s };

	s->prober = prober_new(&house);
}

static void
scene_close(struct scene *s)
{
	struct board *b = s->world->board;

	prober_free(&s->prober);
	assert_int_equal(the_loop.timer_count, 0);
	clockwork_turn(&the_loop);
	assert_int_equal(under_way(), 0);
	assert_int_equal(fitness_in_flight(board_row(b, BOARD_EVERYONE, BOARD_WHOLE, false)), 0);
	inventory_fini(&s->inventory);
	clockwork = NULL;
}

static struct moment
now(void)
{
	return loop_moment(&the_loop);
}

static const struct pool_snapshot *
loaded(struct scene *s)
{
	inventory_refresh(&s->inventory, now());
	return s->inventory.now;
}

static struct board_row *
row(struct scene *s, int who, struct span model)
{
	int number = model.len ? board_model(s->world->board, model, true) : BOARD_WHOLE;

	return board_row(s->world->board, loaded(s)->items[who].subject, number, true);
}

static void
freeze(struct board_row *r, int64_t for_ms, enum outcome cause)
{
	struct fitness_freeze f = { .until_ms = now().ms + for_ms, .cause = cause };

	fitness_freeze(r, &f, now());
}

static int64_t
frozen_for_ms(const struct board_row *r)
{
	struct fitness_freeze f = fitness_frozen(r, now());

	return fitness_freeze_left_ms(&f, now());
}

static void
disable(struct scene *s, int who, const char *note)
{
	struct credential c = loaded(s)->set.items[who];
	struct buf record = BUF_INIT;

	c.enabled = false;
	c.note = (char *)note;
	credential_encode(&c, &record);
	struct write_op op = { .table = TABLE_CREDENTIAL,
		.key = span_of(s->id[who]),
		.value = buf_span(&record),
		.only_change = true };

	write_now(s, &op, 1);
	s->written = 0;
	buf_wipe(&record);
}

/* ---- what is asked ---- */

static void
a_forbidden_model_is_asked_for_again_and_comes_back(void **state)
{
	struct scene s;

	scene_open(&s, *state, 2);
	freeze(row(&s, 1, MODEL), 30 * MINUTE, OUTCOME_FORBIDDEN);
	begin(&s);
	clockwork_pass(&the_loop, 3 * INTERVAL);
	assert_int_equal(call_count, 1);
	assert_string_equal(
	    calls[0].url, "http://upstream.test/v1beta/models/gemini-2.5-flash:generateContent");
	assert_string_equal(calls[0].key, "x-goog-api-key: AIza-01-0123456789abcdef");
	assert_non_null(strstr(calls[0].body, "\"maxOutputTokens\":1"));
	assert_int_equal(fitness_in_flight(row(&s, 1, MODEL)), 1);

	uint64_t thaws = board_generation(s.world->board, BOARD_GEN_THAWS);

	while (board_marked(s.world->board, 0) >= 0)
		;
	answer(200, good);
	assert_int_equal(frozen_for_ms(row(&s, 1, MODEL)), 0);
	assert_true(board_generation(s.world->board, BOARD_GEN_THAWS) > thaws);
	assert_int_equal(board_marked(s.world->board, 0), loaded(&s)->items[1].subject);
	clockwork_pass(&the_loop, 4 * INTERVAL);
	assert_int_equal(call_count, 1);
	scene_close(&s);
}

static void
an_answer_without_a_word_is_one(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	freeze(row(&s, 0, MODEL), 30 * MINUTE, OUTCOME_FORBIDDEN);
	begin(&s);
	clockwork_pass(&the_loop, 3 * INTERVAL);
	answer(200, silent);
	assert_int_equal(frozen_for_ms(row(&s, 0, MODEL)), 0);
	scene_close(&s);
}

static void
a_probe_in_vain_freezes_anew_and_is_made_again_an_interval_later(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	freeze(row(&s, 0, MODEL), 30 * MINUTE, OUTCOME_FORBIDDEN);
	begin(&s);
	for (size_t i = 1; i <= 6; i++) {
		while (call_count < i)
			clockwork_pass(&the_loop, SECOND);
		answer(403, forbidden);
		assert_in_range(frozen_for_ms(row(&s, 0, MODEL)), 29 * MINUTE, 31 * MINUTE);
	}
	for (size_t i = 2; i < 6; i++) /* each somewhere in its interval */
		assert_in_range(calls[i].at_ms - calls[i - 2].at_ms, INTERVAL, 3 * INTERVAL);
	/* The same model six times: that is no reason to disable it. */
	assert_true(loaded(&s)->set.items[0].enabled);
	scene_close(&s);
}

static void
what_is_new_has_an_interval_for_itself(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	begin(&s);
	while (the_loop.now_ms < CLOCKWORK_BEGUN + INTERVAL)
		clockwork_pass(&the_loop, SECOND);
	freeze(row(&s, 0, MODEL), 30 * MINUTE, OUTCOME_FORBIDDEN);
	int64_t since = the_loop.now_ms;

	while (call_count == 0)
		clockwork_pass(&the_loop, SECOND);
	assert_true(the_loop.now_ms - since >= INTERVAL);
	scene_close(&s);
}

static void
embeddings_are_asked_for_where_the_model_embeds(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	freeze(row(&s, 0, SPAN("gemini-embedding-001")), 30 * MINUTE, OUTCOME_FORBIDDEN);
	begin(&s);
	clockwork_pass(&the_loop, 3 * INTERVAL);
	assert_int_equal(call_count, 1);
	assert_non_null(strstr(calls[0].url, "gemini-embedding-001:embedContent"));
	answer(200, "{\"embedding\":{\"values\":[0.5]}}");
	assert_int_equal(frozen_for_ms(row(&s, 0, SPAN("gemini-embedding-001"))), 0);
	scene_close(&s);
}

static void
a_credential_as_a_whole_is_asked_for_what_it_answered_last(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	fitness_succeeded(row(&s, 0, SPAN("gemini-2.5-pro")), 1, 1, now());
	row(&s, 0, MODEL);
	freeze(row(&s, 0, SPAN_NONE), 24 * 60 * MINUTE, OUTCOME_REGION);
	begin(&s);
	clockwork_pass(&the_loop, 3 * INTERVAL);
	assert_int_equal(call_count, 1);
	assert_non_null(strstr(calls[0].url, "gemini-2.5-pro:generateContent"));
	answer(200, good);
	assert_int_equal(frozen_for_ms(row(&s, 0, SPAN_NONE)), 0);
	scene_close(&s);
}

static void
an_operators_wish_is_fulfilled_once(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	fitness_ask_probe(row(&s, 0, SPAN_NONE), now());
	begin(&s);
	clockwork_pass(&the_loop, 2 * INTERVAL);
	assert_int_equal(call_count, 1);
	answer(403, forbidden);
	clockwork_pass(&the_loop, 4 * INTERVAL);
	assert_int_equal(call_count, 1);
	scene_close(&s);
}

/* ---- breakers ---- */

static const struct breaker_rule rule = { 1, 1000, 1000, 1000 };

static enum breaker_state
breaker_of(struct scene *s)
{
	struct fitness_view v;

	fitness_view(row(s, 0, MODEL), now(), &v);
	return v.breaker;
}

static void
a_half_open_breaker_has_one_probe_and_it_is_ours(void **state)
{
	struct scene s;
	struct fitness_rows rows;

	scene_open(&s, *state, 1);
	assert_true(fitness_break(row(&s, 0, MODEL), &rule, OUTCOME_SERVER_ERROR, now(), 0));
	begin(&s);
	while (call_count == 0)
		clockwork_pass(&the_loop, SECOND);
	rows = (struct fitness_rows){ .own = row(&s, 0, MODEL) };
	assert_int_equal(fitness_look(&rows, 0, 0, now()).pass, PASS_PROBED);
	answer(500, "{}");
	assert_int_equal(breaker_of(&s), BREAKER_OPEN);
	while (call_count == 1)
		clockwork_pass(&the_loop, SECOND);
	answer(200, good);
	assert_int_equal(breaker_of(&s), BREAKER_CLOSED);
	scene_close(&s);
}

static void
a_probe_that_says_nothing_lets_another_one_be_made(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	assert_true(fitness_break(row(&s, 0, MODEL), &rule, OUTCOME_SERVER_ERROR, now(), 0));
	begin(&s);
	while (call_count == 0)
		clockwork_pass(&the_loop, SECOND);
	answer(404, "{\"error\":{\"code\":404,\"message\":\"What?\",\"status\":\"NOT_FOUND\"}}");
	assert_int_equal(breaker_of(&s), BREAKER_HALF_OPEN);
	assert_true(fitness_probe(row(&s, 0, MODEL), now()));
	scene_close(&s);
}

/* ---- disabled ones ---- */

static void
whose_credit_was_gone_is_asked_every_six_hours_and_enabled_again(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1); /* also the only one there is */
	disable(&s, 0, "no-credit");
	begin(&s);
	clockwork_pass(&the_loop, 359 * MINUTE);
	assert_int_equal(call_count, 0);
	clockwork_pass(&the_loop, 16 * MINUTE);
	assert_int_equal(call_count, 1);
	answer(402, broke);
	assert_int_equal(s.written, 0);
	clockwork_pass(&the_loop, 340 * MINUTE);
	assert_int_equal(call_count, 1);
	clockwork_pass(&the_loop, 40 * MINUTE);
	assert_int_equal(call_count, 2);
	answer(200, good);
	assert_int_equal(s.written, 1);
	assert_true(loaded(&s)->set.items[0].enabled);
	assert_string_equal(loaded(&s)->set.items[0].note, "");
	scene_close(&s);
}

static void
what_has_become_worse_is_noted(void **state)
{
	struct scene s;

	scene_open(&s, *state, 2);
	disable(&s, 0, "no-credit");
	begin(&s);
	clockwork_pass(&the_loop, 380 * MINUTE);
	answer(400, invalid);
	assert_false(loaded(&s)->set.items[0].enabled);
	assert_string_equal(loaded(&s)->set.items[0].note, "key-invalid");
	clockwork_pass(&the_loop, 800 * MINUTE);
	assert_int_equal(call_count, 1);
	scene_close(&s);
}

static void
what_the_operator_disabled_meanwhile_stays_so(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	disable(&s, 0, "no-credit");
	begin(&s);
	clockwork_pass(&the_loop, 380 * MINUTE);
	assert_int_equal(under_way(), 1);
	disable(&s, 0, "by the operator");
	answer(200, good);
	assert_int_equal(s.written, 0);
	assert_false(loaded(&s)->set.items[0].enabled);
	scene_close(&s);
}

static void
who_was_removed_meanwhile_does_not_come_back(void **state)
{
	struct scene s;

	scene_open(&s, *state, 2);
	disable(&s, 0, "no-credit");
	begin(&s);
	clockwork_pass(&the_loop, 380 * MINUTE);
	assert_int_equal(under_way(), 1);
	struct txn t = store_write(s.world->store);

	store_erase(&t, TABLE_CREDENTIAL, span_of(s.id[0]));
	assert_true(store_end(&t, NULL));
	board_bump(s.world->board, BOARD_GEN_CREDENTIALS);
	answer(200, good);
	assert_int_equal(s.written, 0);
	assert_int_equal(loaded(&s)->set.count, 1);
	scene_close(&s);
}

/* ---- bounds ---- */

static void
at_most_so_many_are_asked_at_once_and_in_a_round_those_first_who_waited_longest(void **state)
{
	size_t asked[KEYS_MAX] = { 0 };
	struct scene s;

	scene_open(&s, *state, KEYS_MAX);
	for (int i = 0; i < KEYS_MAX; i++)
		freeze(row(&s, i, MODEL), 24 * 60 * MINUTE, OUTCOME_REGION);
	begin(&s);
	while (under_way() < PROBER_AT_ONCE)
		clockwork_pass(&the_loop, SECOND);
	clockwork_pass(&the_loop, MINUTE);
	assert_int_equal(call_count, PROBER_AT_ONCE);
	answer(403, forbidden);
	clockwork_pass(&the_loop, SECOND);
	assert_int_equal(call_count, PROBER_AT_ONCE + 1);

	while (call_count < PROBER_A_ROUND + KEYS_MAX) {
		while (under_way() > 0)
			answer(403, forbidden);
		clockwork_pass(&the_loop, SECOND);
	}
	while (under_way() > 0)
		answer(403, forbidden);
	for (size_t i = 0; i < KEYS_MAX; i++) /* all of them before any a second time */
		asked[strtoul(calls[i].key + strlen("x-goog-api-key: AIza-"), NULL, 10)]++;
	for (size_t i = 0; i < KEYS_MAX; i++)
		assert_int_equal(asked[i], 1);
	for (size_t i = PROBER_A_ROUND; i < call_count; i++)
		assert_true(calls[i].at_ms - calls[i - PROBER_A_ROUND].at_ms > INTERVAL / 2);
	scene_close(&s);
}

static void
probes_are_spread_over_the_interval(void **state)
{
	int64_t first, last;
	struct scene s;

	scene_open(&s, *state, PROBER_A_ROUND);
	for (int i = 0; i < PROBER_A_ROUND; i++)
		freeze(row(&s, i, MODEL), 24 * 60 * MINUTE, OUTCOME_REGION);
	begin(&s);
	while (call_count < PROBER_A_ROUND) {
		clockwork_pass(&the_loop, SECOND);
		if (under_way() > 0)
			answer(403, forbidden);
	}
	first = calls[0].at_ms;
	last = calls[PROBER_A_ROUND - 1].at_ms;
	assert_in_range(last - first, INTERVAL * 3 / 4, INTERVAL);
	for (int i = 1; i < PROBER_A_ROUND; i++)
		assert_in_range(calls[i].at_ms - calls[i - 1].at_ms, 0, INTERVAL / 8);
	scene_close(&s);
}

static void
probes_are_counted_in_the_limits_and_wait_for_them(void **state)
{
	struct scene s;
	struct fitness_view v;

	scene_open(&s, *state, 1);
	s.models[0] = (struct config_model){ .name = "gemini-2.5-flash",
		.display_name = "",
		.alias = "",
		.rpd = 2,
		.enabled = true };
	s.config.model_count = 1;
	freeze(row(&s, 0, MODEL), 24 * 60 * MINUTE, OUTCOME_MODEL_UNKNOWN);
	begin(&s);
	for (size_t i = 1; i <= 2; i++) {
		while (call_count < i)
			clockwork_pass(&the_loop, SECOND);
		answer(403, forbidden);
		fitness_view(row(&s, 0, MODEL), now(), &v);
		assert_int_equal(v.day_used, i);
	}
	clockwork_pass(&the_loop, 6 * INTERVAL);
	assert_int_equal(call_count, 2);
	scene_close(&s);
}

static void
nobody_is_asked_while_no_worker_is_ready(void **state)
{
	struct scene s;

	scene_open(&s, *state, 1);
	freeze(row(&s, 0, MODEL), 24 * 60 * MINUTE, OUTCOME_REGION);
	atomic_store(&board_slot(s.world->board, s.worker)->state, WORKER_DRAINING);
	begin(&s);
	clockwork_pass(&the_loop, 10 * INTERVAL);
	assert_int_equal(call_count, 0);
	atomic_store(&board_slot(s.world->board, s.worker)->state, WORKER_READY);
	clockwork_pass(&the_loop, 3 * INTERVAL);
	assert_int_equal(call_count, 1);
	scene_close(&s);
}

static void
what_came_back_by_itself_is_not_asked(void **state)
{
	struct scene s;

	scene_open(&s, *state, 2);
	freeze(row(&s, 0, MODEL), 24 * 60 * MINUTE, OUTCOME_REGION);
	freeze(row(&s, 1, MODEL), 24 * 60 * MINUTE, OUTCOME_REGION);
	begin(&s);
	while (call_count == 0)
		clockwork_pass(&the_loop, SECOND);
	fitness_thaw(row(&s, 0, MODEL));
	fitness_thaw(row(&s, 1, MODEL));
	clockwork_pass(&the_loop, 3 * INTERVAL);
	assert_int_equal(call_count, 1);
	scene_close(&s);
}

static void
what_is_under_way_is_let_go_at_the_end(void **state)
{
	struct scene s;

	scene_open(&s, *state, 6);
	for (int i = 1; i < 6; i++)
		freeze(row(&s, i, MODEL), 24 * 60 * MINUTE, OUTCOME_REGION);
	assert_true(fitness_break(row(&s, 0, MODEL), &rule, OUTCOME_SERVER_ERROR, now(), 0));
	begin(&s);
	clockwork_pass(&the_loop, 3 * INTERVAL);
	assert_int_equal(under_way(), PROBER_AT_ONCE);
	prober_free(&s.prober);
	assert_int_equal(under_way(), 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(fitness_in_flight(row(&s, i, SPAN_NONE)), 0);
	assert_true(fitness_probe(row(&s, 0, MODEL), now()));
	scene_close(&s);
}

static void
what_a_killed_janitor_held_is_given_back(void **state)
{
	struct scene s;

	scene_open(&s, *state, 2);
	for (int i = 0; i < 2; i++)
		freeze(row(&s, i, MODEL), 24 * 60 * MINUTE, OUTCOME_REGION);
	begin(&s);
	clockwork_pass(&the_loop, 3 * INTERVAL);
	assert_int_equal(under_way(), 2);
	lease_sweep(s.world->board, BOARD_JANITOR, now());
	for (int i = 0; i < 2; i++)
		assert_int_equal(fitness_in_flight(row(&s, i, MODEL)), 0);
	scene_close(&s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_open, world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_forbidden_model_is_asked_for_again_and_comes_back),
		TEST(an_answer_without_a_word_is_one),
		TEST(a_probe_in_vain_freezes_anew_and_is_made_again_an_interval_later),
		TEST(what_is_new_has_an_interval_for_itself),
		TEST(embeddings_are_asked_for_where_the_model_embeds),
		TEST(a_credential_as_a_whole_is_asked_for_what_it_answered_last),
		TEST(an_operators_wish_is_fulfilled_once),
		TEST(a_half_open_breaker_has_one_probe_and_it_is_ours),
		TEST(a_probe_that_says_nothing_lets_another_one_be_made),
		TEST(whose_credit_was_gone_is_asked_every_six_hours_and_enabled_again),
		TEST(what_has_become_worse_is_noted),
		TEST(what_the_operator_disabled_meanwhile_stays_so),
		TEST(who_was_removed_meanwhile_does_not_come_back),
		TEST(
		    at_most_so_many_are_asked_at_once_and_in_a_round_those_first_who_waited_longest),
		TEST(probes_are_spread_over_the_interval),
		TEST(probes_are_counted_in_the_limits_and_wait_for_them),
		TEST(nobody_is_asked_while_no_worker_is_ready),
		TEST(what_came_back_by_itself_is_not_asked),
		TEST(what_is_under_way_is_let_go_at_the_end),
		TEST(what_a_killed_janitor_held_is_given_back),
	};

	return cmocka_run_group_tests_name("upstream/prober", tests, NULL, NULL);
}
