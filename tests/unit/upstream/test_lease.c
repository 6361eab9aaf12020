/*
 * The journal of leases: what is written comes back, and a killed worker's lines give back what
 * they hold, wherever it was killed.
 */
#include "tests/unit/ipc/board_place.h"
#include "tests/unit/ipc/window_oracle.h"

#include "upstream/lease.h"

#define SECOND  INT64_C(1000)
#define MINUTE  (60 * SECOND)
#define MARGIN  INT64_C(500)
#define SPAN_MS (MINUTE + MARGIN)
#define SLOT    3
#define KEY     77

static const struct moment T0 = { .ms = 5000000, .wall_ms = INT64_C(1790000000000) };

struct world {
	struct place *place;
	struct board *board;
	int subject, model;
	struct board_row *own, *whole, *everyone, *model_row;
};

static struct moment
later(int64_t ms)
{
	return (struct moment){ T0.ms + ms, T0.wall_ms + ms };
}

static int
world_open(void **state)
{
	static const struct board_sizes sizes = {
		.cells = 64, .subjects = 64, .models = 8, .windows = 64, .leases = 1024, .traces = 8
	};
	struct world *w = calloc(1, sizeof(*w));
	void *place;

	if (place_setup(&place) != 0)
		return -1;
	w->place = place;
	w->board = place_create(w->place, &sizes, NULL);
	w->subject = board_subject(w->board, KEY, true);
	w->model = board_model(w->board, span_of("gemini-2.5-flash"), true);
	w->own = board_row(w->board, w->subject, w->model, true);
	w->whole = board_row(w->board, w->subject, BOARD_WHOLE, true);
	w->everyone = board_row(w->board, BOARD_EVERYONE, BOARD_WHOLE, true);
	w->model_row = board_row(w->board, BOARD_EVERYONE, w->model, true);
	*state = w;
	return 0;
}

static int
world_close(void **state)
{
	struct world *w = *state;
	void *place = w->place;

	board_detach(&w->board);
	place_teardown(&place);
	free(w);
	return 0;
}

static struct board_lease *
line_at(struct world *w, uint32_t place)
{
	struct board_lease *l = board_lease(w->board, SLOT, place, true);

	assert_non_null(l);
	return l;
}

static bool
is_held(struct world *w, uint32_t place)
{
	struct lease_line line;

	return lease_line_read(line_at(w, place), &line, NULL);
}

static struct fitness_limits limits = { .rpm = 5, .tpm = 1000 };

/* As the pool lends. */
static struct lease_line
lend(struct world *w, uint32_t place, uint64_t tokens, int64_t at_ms)
{
	struct lease_line line = { w->subject, w->subject, w->model, .written = false };
	struct fitness_pass why;

	assert_true(allowance_book(
	    w->board, w->own, &limits, tokens, MARGIN, later(at_ms), &line.allowance, &why));
	lease_line_write(line_at(w, place), &line);
	fitness_lent(w->own, 1, later(at_ms));
	fitness_lent(w->whole, 1, later(at_ms));
	fitness_lent(w->everyone, 1, later(at_ms));
	return line;
}

static struct allowance_used
used(struct world *w, int64_t at_ms)
{
	return allowance_used(w->board, w->own, &limits, MARGIN, T0.ms + at_ms);
}

/* ---- lines ---- */

static void
a_line_comes_back_as_it_was_written(void **state)
{
	static const struct lease_line lines[] = {
		{ 1, 2, 3, true, true, false, true, { 11, 12, 13, 14, true } },
		{ 1, 1, -1, false, false, true, false, { 0, 0, 0, 0, false } },
		{ -1, -1, -1, false, false, false, false, { 0, 0, 0, 0, true } },
		{ INT32_MAX, INT32_MAX, INT32_MAX, true, true, true, true,
		    { UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, true } },
		{ 0, 0, 0, false, false, false, false, { 0, 0, 0, 0, false } },
	};
	struct board_lease l;
	struct lease_line back;
	bool doubtful;

	(void)state;
	memset(&l, 0, sizeof(l));
	assert_false(lease_line_read(&l, &back, &doubtful));
	for (size_t i = 0; i < COUNT(lines); i++) {
		const struct lease_line *line = &lines[i];

		lease_line_write(&l, line);
		assert_true(lease_line_read(&l, &back, &doubtful));
		assert_false(doubtful);
		assert_int_equal(back.subject, line->subject);
		assert_int_equal(back.scope, line->scope);
		assert_int_equal(back.model, line->model);
		assert_int_equal(back.written, line->written);
		assert_int_equal(back.probes_own, line->probes_own);
		assert_int_equal(back.probes_whole, line->probes_whole);
		assert_int_equal(back.probes_model, line->probes_model);
		assert_int_equal(back.allowance.requests, line->allowance.requests);
		assert_int_equal(back.allowance.tokens, line->allowance.tokens);
		assert_int_equal(back.allowance.requests_window, line->allowance.requests_window);
		assert_int_equal(back.allowance.tokens_window, line->allowance.tokens_window);
		assert_int_equal(back.allowance.day, line->allowance.day);
		lease_line_wipe(&l);
		assert_false(lease_line_read(&l, &back, &doubtful));
	}
}

static void
a_line_is_in_doubt_until_it_is_written_again(void **state)
{
	struct lease_line line = { 1, 1, 1, .written = false };
	struct board_lease l;
	bool doubtful;

	(void)state;
	memset(&l, 0, sizeof(l));
	lease_line_doubt(NULL);
	lease_line_doubt(&l);
	assert_false(lease_line_read(&l, &line, &doubtful));
	line = (struct lease_line){ 1, 1, 1, .written = false };
	lease_line_write(&l, &line);
	lease_line_doubt(&l);
	assert_true(lease_line_read(&l, &line, &doubtful) && doubtful);
	assert_int_equal(line.model, 1);
	lease_line_write(&l, &line);
	assert_true(lease_line_read(&l, &line, &doubtful) && !doubtful);
}

/* ---- sweeping ---- */

static void
what_may_have_been_sent_counts_from_the_sweep(void **state)
{
	struct world *w = *state;

	lend(w, 0, 100, 0);
	lease_sweep(w->board, SLOT, later(20 * SECOND));
	assert_false(is_held(w, 0));
	assert_int_equal(used(w, 20 * SECOND).requests, 1);
	assert_int_equal(used(w, 20 * SECOND).tokens, 100);
	assert_int_equal(used(w, 19 * SECOND + SPAN_MS).requests, 1);
	assert_int_equal(used(w, 19 * SECOND + SPAN_MS).tokens, 100);
	assert_int_equal(used(w, 22 * SECOND + SPAN_MS).requests, 0);
	assert_int_equal(used(w, 22 * SECOND + SPAN_MS).tokens, 0);
}

static void
what_was_written_keeps_its_minute(void **state)
{
	struct world *w = *state;
	struct lease_line line = lend(w, 0, 100, 0);

	allowance_stamp(w->board, &line.allowance, T0.ms + 1000);
	line.written = true;
	lease_line_write(line_at(w, 0), &line);
	lease_sweep(w->board, SLOT, later(20 * SECOND));
	assert_int_equal(used(w, SPAN_MS).requests, 1);
	assert_int_equal(used(w, SPAN_MS + 1000).requests, 0);
	assert_int_equal(used(w, SPAN_MS + 3000).tokens, 0);
}

/* A connection that was stale: it is written anew, on another one. */
static void
what_was_being_written_anew_counts_from_the_sweep(void **state)
{
	struct world *w = *state;
	struct lease_line line = lend(w, 0, 100, 0);

	allowance_stamp(w->board, &line.allowance, T0.ms + 1000);
	line.written = true;
	lease_line_write(line_at(w, 0), &line);
	lease_line_doubt(line_at(w, 0));
	lease_sweep(w->board, SLOT, later(20 * SECOND));
	assert_int_equal(used(w, 19 * SECOND + SPAN_MS).requests, 1);
	assert_int_equal(used(w, 19 * SECOND + SPAN_MS).tokens, 100);
}

static void
a_worker_killed_in_the_middle_of_a_stamp_takes_nothing_from_others(void **state)
{
	struct world *w = *state;
	struct lease_line line = lend(w, 0, 300, 0);

	lend(w, 1, 400, 0);
	lease_line_doubt(line_at(w, 0));
	allowance_stamp(w->board, &line.allowance, T0.ms + 5 * SECOND);
	/* Killed: the line still has the bookings that it had before. */
	lease_sweep(w->board, SLOT, later(6 * SECOND));
	assert_int_equal(used(w, 6 * SECOND).tokens, 2 * 300 + 400);
	assert_int_equal(used(w, 8 * SECOND + SPAN_MS).tokens, 0);
	assert_int_equal(used(w, 8 * SECOND + SPAN_MS).requests, 0);
}

static void
a_worker_killed_while_it_returns_takes_nothing_from_others(void **state)
{
	struct world *w = *state;
	struct lease_line line = lend(w, 0, 300, 0);

	lend(w, 1, 400, 0);
	lease_line_doubt(line_at(w, 0));
	allowance_return(w->board, w->own, &line.allowance, T0);
	lease_sweep(w->board, SLOT, later(10));
	assert_int_equal(used(w, 10).tokens, 300 + 400);
	assert_int_equal(used(w, 10).requests, 2);
}

static void
requests_in_flight_are_given_back_and_the_day_stays(void **state)
{
	struct world *w = *state;

	for (uint32_t i = 0; i < 4; i++)
		lend(w, i, 10, 0);
	assert_int_equal(fitness_in_flight(w->own), 4);
	lease_sweep(w->board, SLOT, T0);
	assert_int_equal(fitness_in_flight(w->own), 0);
	assert_int_equal(fitness_in_flight(w->whole), 0);
	assert_int_equal(fitness_in_flight(w->everyone), 0);
	assert_int_equal(fitness_day_used(w->own, T0), 4);
}

static void
only_what_the_slot_holds_is_given_back(void **state)
{
	struct world *w = *state;
	struct lease_line other = { w->subject, w->subject, w->model, .written = false };
	struct board_lease *l = board_lease(w->board, SLOT + 1, 0, true);

	lend(w, 0, 10, 0);
	lend(w, 1, 10, 0);
	lease_line_wipe(line_at(w, 1));
	lease_line_write(l, &other);
	lease_sweep(w->board, SLOT, T0);
	assert_int_equal(fitness_in_flight(w->own), 1);
	assert_true(lease_line_read(l, &other, NULL));
	lease_sweep(w->board, SLOT, T0);
	assert_int_equal(fitness_in_flight(w->own), 1);
}

static void
probes_may_be_claimed_again(void **state)
{
	static const struct breaker_rule rule = { 1, 1000, 1000, 1000 };
	struct world *w = *state;
	struct board_row *const rows[] = { w->own, w->whole, w->model_row };
	struct moment open = later(2 * SECOND);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lease_line line = { w->subject, w->subject, w->model, .written = false };

		fitness_break(rows[i], &rule, OUTCOME_SERVER_ERROR, T0, 0);
		assert_true(fitness_probe(rows[i], open));
		assert_false(fitness_probe(rows[i], open));
		line.probes_own = i == 0;
		line.probes_whole = i == 1;
		line.probes_model = i == 2;
		lease_line_write(line_at(w, 0), &line);
		lease_sweep(w->board, SLOT, open);
		assert_true(fitness_probe(rows[i], open));
	}
}

static void
a_line_of_no_model_or_no_subject_is_swept(void **state)
{
	struct world *w = *state;
	struct lease_line line = { w->subject, w->subject, -1, .probes_own = true,
		.probes_model = true };

	fitness_lent(w->whole, 1, T0);
	fitness_lent(w->everyone, 1, T0);
	fitness_lent(w->everyone, 1, T0);
	lease_line_write(line_at(w, 0), &line);
	line.subject = line.scope = -1;
	lease_line_write(line_at(w, 1), &line);
	lease_sweep(w->board, SLOT, T0);
	assert_int_equal(fitness_in_flight(w->whole), 0);
	assert_int_equal(fitness_in_flight(w->everyone), 0);
}

static void
a_slot_that_was_never_used_is_swept_without_making_it(void **state)
{
	struct world *w = *state;

	lease_sweep(w->board, SLOT + 5, T0);
	assert_null(board_lease(w->board, SLOT + 5, 0, false));
}

static void
all_places_of_a_slot_are_swept(void **state)
{
	struct world *w = *state;
	struct lease_line line = { w->subject, w->subject, w->model, .written = true };
	uint32_t n = board_leases_size(w->board);

	for (uint32_t i = 0; i < n; i++)
		lease_line_write(line_at(w, i), &line);
	lease_sweep(w->board, SLOT, T0);
	for (uint32_t i = 0; i < n; i++)
		assert_false(is_held(w, i));
}

static void
the_next_worker_of_the_slot_begins_anew(void **state)
{
	struct world *w = *state;

	for (uint32_t i = 0; i < 3; i++)
		lend(w, i, 10, 0);
	lease_sweep(w->board, SLOT, T0);
	lend(w, 0, 10, SPAN_MS);
	lease_sweep(w->board, SLOT, later(SPAN_MS));
	assert_false(is_held(w, 0));
	assert_int_equal(fitness_in_flight(w->own), 0);
}

/* So that it costs no more than the worker used at once. */
static void
the_sweep_ends_at_the_first_place_that_this_worker_never_wrote(void **state)
{
	struct world *w = *state;

	for (int life = 0; life < 3; life++) {
		lend(w, 0, 10, life * 2 * SPAN_MS);
		lend(w, 2, 10, life * 2 * SPAN_MS);
		lease_sweep(w->board, SLOT, later(life * 2 * SPAN_MS));
		assert_false(is_held(w, 0));
		assert_true(is_held(w, 2));
		lend(w, 1, 10, life * 2 * SPAN_MS);
		lend(w, 0, 10, life * 2 * SPAN_MS);
		lease_sweep(w->board, SLOT, later(life * 2 * SPAN_MS));
		assert_false(is_held(w, 2));
	}
}

/* ---- killed at any point ---- */

#define LINES 1024

static int
sweep_child(void *ctx)
{
	struct world *w = ctx;

	lease_sweep(w->board, SLOT, T0);
	return 0;
}

static void
what_a_killed_sweeper_left_is_swept_by_the_next(void **state)
{
	struct world *w = *state;
	struct lease_line line = { w->subject, w->subject, w->model, .written = true };
	uint64_t seed = 99;

	for (int round = 0; round < 30; round++) {
		uint32_t seen = (uint32_t)random_below(&seed, LINES);

		for (uint32_t i = 0; i < LINES; i++)
			lease_line_write(line_at(w, i), &line);
		pid_t pid = child(sweep_child, w);

		while (is_held(w, seen))
			sched_yield();
		kill(pid, SIGKILL);
		ended(pid);
		lease_sweep(w->board, SLOT, T0);
		for (uint32_t i = 0; i < LINES; i++)
			assert_false(is_held(w, i));
	}
}

/* Workers on one credential with a clock of their own, killed and swept; what upstream saw is
 * noted before the stamp. */
#define WORKERS  3
#define SPANS    25
#define SENT_MAX 40000

struct scene {
	struct world *world;
	_Atomic int64_t at_ms;
	_Atomic int64_t since_ms[WORKERS]; /* + 1; by what time each acts; the clock waits for it */
	_Atomic uint64_t acts[WORKERS];
	_Atomic uint64_t seed;
	_Atomic uint64_t sent_count;
	struct sent requests[SENT_MAX], tokens[SENT_MAX];
};

struct worker {
	struct scene *scene;
	int number;
};

static int64_t
hold_time(struct worker *me)
{
	struct scene *s = me->scene;
	int64_t at_ms;

	do {
		at_ms = atomic_load(&s->at_ms);
		atomic_store(&s->since_ms[me->number], at_ms + 1);
	} while (atomic_load(&s->at_ms) != at_ms);
	return at_ms;
}

static void
move_time(struct scene *s, uint64_t *seed)
{
	int64_t at_ms = atomic_load(&s->at_ms), to_ms = at_ms + (int64_t)random_below(seed, 60);

	for (int i = 0; i < WORKERS; i++) {
		int64_t since_ms = atomic_load(&s->since_ms[i]);

		if (since_ms && since_ms + SPAN_MS / 2 < to_ms)
			return;
	}
	atomic_compare_exchange_strong(&s->at_ms, &at_ms, to_ms);
}

static struct board_lease *
line_of(struct worker *me)
{
	return board_lease(me->scene->world->board, me->number, 0, true);
}

static void
renew(struct worker *me, struct lease_line *line)
{
	lease_line_doubt(line_of(me));
	allowance_renew(me->scene->world->board, &line->allowance, T0.ms + hold_time(me));
	lease_line_write(line_of(me), line);
}

static void
send_one(struct worker *me, struct lease_line *line, uint64_t tokens)
{
	struct scene *s = me->scene;
	uint64_t i = atomic_fetch_add(&s->sent_count, 1);

	assert_true(i < SENT_MAX);
	s->requests[i] = (struct sent){ T0.ms + atomic_load(&s->at_ms), 1 };
	s->tokens[i] = (struct sent){ s->requests[i].at_ms, tokens };
	lease_line_doubt(line_of(me));
	allowance_stamp(s->world->board, &line->allowance, T0.ms + atomic_load(&s->at_ms));
	line->written = true;
	lease_line_write(line_of(me), line);
	allowance_settle(s->world->board, s->world->own, &line->allowance, (int64_t)tokens);
}

static void
act(struct worker *me, uint64_t *seed)
{
	struct world *w = me->scene->world;
	struct lease_line line = { w->subject, w->subject, w->model, .written = false };
	uint64_t tokens = 1 + random_below(seed, 200);
	struct fitness_pass why;

	if (!allowance_book(w->board, w->own, &limits, tokens, MARGIN, later(hold_time(me)),
		&line.allowance, &why))
		return;
	lease_line_write(line_of(me), &line);
	if (random_one_in(seed, 3))
		renew(me, &line);
	if (random_one_in(seed, 5)) {
		lease_line_doubt(line_of(me));
		allowance_return(w->board, w->own, &line.allowance, T0);
	} else {
		send_one(me, &line, tokens - random_below(seed, tokens));
	}
	lease_line_wipe(line_of(me));
}

static int
work(void *ctx)
{
	struct worker *me = ctx;
	struct scene *s = me->scene;
	uint64_t seed = atomic_fetch_add(&s->seed, 1) * 7919 + 1;

	while (atomic_load(&s->at_ms) < SPANS * SPAN_MS) {
		act(me, &seed);
		atomic_store(&s->since_ms[me->number], 0);
		atomic_fetch_add(&s->acts[me->number], 1);
		move_time(s, &seed);
	}
	return 0;
}

/* False: the time was over before. */
static bool
kill_worker(struct scene *s, struct worker *who, pid_t *pid, uint64_t *seed)
{
	uint64_t until = atomic_load(&s->acts[who->number]) + 1 + random_below(seed, 300);

	while (
	    atomic_load(&s->acts[who->number]) < until && atomic_load(&s->at_ms) < SPANS * SPAN_MS)
		sched_yield();
	kill(*pid, SIGKILL);
	bool killed = ended(*pid) != 0;

	lease_sweep(s->world->board, who->number, later(atomic_load(&s->at_ms)));
	atomic_store(&s->since_ms[who->number], 0);
	*pid = 0;
	return killed;
}

static unsigned
play(struct scene *s)
{
	struct worker workers[WORKERS];
	pid_t pids[WORKERS];
	uint64_t seed = 31337;
	unsigned killed = 0;

	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ s, i };
		pids[i] = child(work, &workers[i]);
	}
	for (;;) {
		int i = (int)random_below(&seed, WORKERS);

		if (!kill_worker(s, &workers[i], &pids[i], &seed))
			break;
		killed++;
		pids[i] = child(work, &workers[i]);
	}
	for (int i = 0; i < WORKERS; i++)
		if (pids[i])
			assert_int_equal(ended(pids[i]), 0);
	return killed;
}

/* Those that were killed in the middle of it have no time. */
static size_t
keep_sent(struct sent *sent, uint64_t n)
{
	size_t kept = 0;

	for (uint64_t i = 0; i < n; i++)
		if (sent[i].at_ms)
			sent[kept++] = sent[i];
	return kept;
}

static void
workers_killed_at_any_point_break_no_limit(void **state)
{
	struct world *w = *state;
	struct scene *s = shared(sizeof(*s));

	s->world = w;
	assert_true(play(s) > 0);
	size_t requests = keep_sent(s->requests, atomic_load(&s->sent_count));
	size_t tokens = keep_sent(s->tokens, atomic_load(&s->sent_count));
	int64_t end_ms = atomic_load(&s->at_ms) + 2 * SPAN_MS;

	assert_true(sent_worst(s->requests, requests, SPAN_MS) <= 5);
	assert_true(sent_worst(s->tokens, tokens, SPAN_MS) <= 1000);
	assert_true(requests > 5 * SPANS / 2);
	assert_int_equal(used(w, end_ms).requests, 0);
	assert_int_equal(used(w, end_ms).tokens, 0);
	munmap(s, sizeof(*s));
}

int
main(void)
{
#define LEASE_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_comes_back_as_it_was_written),
		cmocka_unit_test(a_line_is_in_doubt_until_it_is_written_again),
		LEASE_TEST(what_may_have_been_sent_counts_from_the_sweep),
		LEASE_TEST(what_was_written_keeps_its_minute),
		LEASE_TEST(what_was_being_written_anew_counts_from_the_sweep),
		LEASE_TEST(a_worker_killed_in_the_middle_of_a_stamp_takes_nothing_from_others),
		LEASE_TEST(a_worker_killed_while_it_returns_takes_nothing_from_others),
		LEASE_TEST(requests_in_flight_are_given_back_and_the_day_stays),
		LEASE_TEST(only_what_the_slot_holds_is_given_back),
		LEASE_TEST(probes_may_be_claimed_again),
		LEASE_TEST(a_line_of_no_model_or_no_subject_is_swept),
		LEASE_TEST(a_slot_that_was_never_used_is_swept_without_making_it),
		LEASE_TEST(all_places_of_a_slot_are_swept),
		LEASE_TEST(the_next_worker_of_the_slot_begins_anew),
		LEASE_TEST(the_sweep_ends_at_the_first_place_that_this_worker_never_wrote),
		LEASE_TEST(what_a_killed_sweeper_left_is_swept_by_the_next),
		LEASE_TEST(workers_killed_at_any_point_break_no_limit),
	};

	return cmocka_run_group_tests_name("upstream/lease", tests, NULL, NULL);
}
