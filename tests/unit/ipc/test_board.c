/*
 * The board in use: slots and their counts, tickets, and slots of workers that outlive their
 * master.
 */
#include "tests/unit/ipc/board_place.h"

#include <sys/prctl.h>

#define TICKETS 10000

static const struct board_sizes sizes; /* the least */

static struct board *
create(const struct place *p, bool *kept)
{
	return place_create(p, &sizes, kept);
}

/* ---- slots ---- */

static void
slots_are_given_out_until_there_is_none(void **state)
{
	struct board *b = create(*state, NULL);

	for (int i = 0; i < BOARD_WORKERS_MAX; i++) {
		assert_int_equal(board_slot_take(b, (uint32_t)i, 99), i);
		assert_int_equal(atomic_load(&board_slot(b, i)->state), WORKER_STARTING);
		assert_int_equal(atomic_load(&board_slot(b, i)->number), i);
		assert_int_equal(atomic_load(&board_slot(b, i)->since_wall_ms), 99);
	}
	assert_int_equal(board_slot_take(b, 0, 0), -1);
	board_slot_sweep(b, 17);
	assert_int_equal(board_slot_take(b, 5, 0), 17);
	board_detach(&b);
}

static void
sweeping_keeps_counters_and_drops_gauges(void **state)
{
	struct board *b = create(*state, NULL);

	for (int round = 1; round <= 2; round++) {
		int slot = board_slot_take(b, 0, 0);

		for (int c = 0; c < BOARD_COUNT_COUNT; c++)
			board_count_add(board_slot(b, slot), (enum board_count)c, c + 1);
		board_slot_sweep(b, slot);
		for (int c = 0; c < BOARD_COUNT_COUNT; c++)
			assert_int_equal(board_count_sum(b, (enum board_count)c),
			    board_count_is_gauge((enum board_count)c) ? 0 : round * (c + 1));
	}
	board_slot_sweep(b, 0);
	assert_int_equal(board_count_sum(b, BOARD_REQUESTS), 2 * (BOARD_REQUESTS + 1));
	board_detach(&b);
}

static void
counts_have_names(void **state)
{
	(void)state;
	assert_string_equal(board_count_name(BOARD_CONNECTIONS), "connections");
	assert_true(board_count_is_gauge(BOARD_CONNECTIONS));
	assert_string_equal(board_count_name(BOARD_LOST_WRITES), "lost_writes");
	assert_false(board_count_is_gauge(BOARD_LOST_WRITES));
}

/* ---- tickets ---- */

static int
draw_tickets(void *ctx)
{
	for (int i = 0; i < TICKETS; i++)
		board_ticket(ctx);
	return 0;
}

static void
tickets_are_one_row_over_all_processes(void **state)
{
	struct board *b = create(*state, NULL);
	pid_t one = child(draw_tickets, b), two = child(draw_tickets, b);

	assert_int_equal(ended(one), 0);
	assert_int_equal(ended(two), 0);
	assert_int_equal(board_ticket(b), 2 * TICKETS + 1);
	board_detach(&b);
}

/* ---- workers of a dead master ---- */

struct told {
	int times;
	int slot;
	int64_t streams; /* that stood in the slot when it was told */
};

static void
let_go(void *ctx, struct board *b, int slot)
{
	struct told *t = ctx;

	t->times++;
	t->slot = slot;
	t->streams = atomic_load(&board_slot(b, slot)->counts[BOARD_STREAMS]);
}

/* Until the other end of the pipe is closed. */
struct owner {
	struct place *place;
	int leave[2];
};

static int
leave_a_worker_behind(void *ctx)
{
	struct owner *o = ctx;
	struct board *b = create(o->place, NULL);
	int slot = board_slot_take(b, 0, 1);
	char byte = 1;
	pid_t worker = fork();

	if (worker == 0) {
		board_detach(&b);
		close(o->leave[1]);
		_exit(read(o->leave[0], &byte, 1) < 0);
	}
	atomic_store(&board_slot(b, slot)->pid, worker);
	board_count_add(board_slot(b, slot), BOARD_STREAMS, 2);
	board_detach(&b);
	return worker < 0;
}

static void
a_worker_that_outlives_its_master_keeps_its_slot_until_it_ends(void **state)
{
	struct owner o = { .place = *state };
	struct told told = { 0 };
	struct board *b;
	pid_t worker;
	bool kept;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* it comes to us then */
	assert_int_equal(pipe(o.leave), 0);
	assert_int_equal(ended(child(leave_a_worker_behind, &o)), 0);
	close(o.leave[0]);
	b = create(*state, &kept);
	assert_true(kept);
	worker = atomic_load(&board_slot(b, 0)->pid);
	assert_int_equal(atomic_load(&board_slot(b, 0)->state), WORKER_DRAINING);
	assert_int_equal(board_slot_take(b, 0, 2), 1);
	board_sweep_orphans(b, let_go, &told);
	assert_int_equal(told.times, 0);
	assert_int_equal(board_count_sum(b, BOARD_STREAMS), 2);

	close(o.leave[1]);
	assert_int_equal(ended(worker), 0);
	board_sweep_orphans(b, let_go, &told);
	assert_int_equal(told.times, 1);
	assert_int_equal(told.slot, 0);
	assert_int_equal(told.streams, 2);
	assert_int_equal(board_count_sum(b, BOARD_STREAMS), 0);
	assert_int_equal(atomic_load(&board_slot(b, 0)->state), WORKER_EMPTY);
	assert_int_equal(atomic_load(&board_slot(b, 1)->state), WORKER_STARTING);
	board_sweep_orphans(b, let_go, &told);
	assert_int_equal(told.times, 1);
	board_detach(&b);
}

static int
leave_a_slot_behind(void *ctx)
{
	struct board *b = create(ctx, NULL);
	int slot = board_slot_take(b, 3, 1000);

	board_count_add(board_slot(b, slot), BOARD_REQUESTS, 7);
	board_count_add(board_slot(b, slot), BOARD_CONNECTIONS, 5);
	board_detach(&b);
	return 0;
}

/* What their leases held must be given back before the slot is another's. */
static void
slots_of_a_kept_board_are_not_free_before_they_were_let_go(void **state)
{
	struct told told = { 0 };
	struct board *b;

	assert_int_equal(ended(child(leave_a_slot_behind, *state)), 0);
	b = create(*state, NULL);
	assert_int_equal(board_slot_take(b, 0, 0), 1);
	assert_int_equal(board_count_sum(b, BOARD_CONNECTIONS), 5);
	board_sweep_orphans(b, let_go, &told);
	assert_int_equal(told.times, 1);
	assert_int_equal(board_count_sum(b, BOARD_CONNECTIONS), 0);
	assert_int_equal(board_count_sum(b, BOARD_REQUESTS), 7);
	assert_int_equal(board_slot_take(b, 0, 0), 0);
	board_detach(&b);
}

static int
take_all_slots_and_end(void *ctx)
{
	struct board *b = create(ctx, NULL);

	for (int i = 0; i < BOARD_WORKERS_MAX; i++)
		board_slot_take(b, 0, 0);
	board_detach(&b);
	return 0;
}

struct sweepers {
	struct board *board;
	_Atomic uint32_t come; /* the rest is shared */
	_Atomic uint32_t told[BOARD_WORKERS_MAX];
	int killed_at; /* the slot at which the sweeper dies; -1: none */
};

static void
let_go_and_count(void *ctx, struct board *b, int slot)
{
	struct sweepers *s = ctx;

	(void)b;
	atomic_fetch_add(&s->told[slot], 1);
	if (s->killed_at == slot)
		kill(getpid(), SIGKILL);
}

static int
sweep_with_others(void *ctx)
{
	struct sweepers *s = ctx;

	meet(&s->come, 3);
	board_sweep_orphans(s->board, let_go_and_count, s);
	return 0;
}

static void
of_several_sweepers_one_lets_go_of_a_slot(void **state)
{
	struct sweepers *s = shared(sizeof(*s));
	pid_t pids[3];

	assert_int_equal(ended(child(take_all_slots_and_end, *state)), 0);
	s->board = create(*state, NULL);
	s->killed_at = -1;
	for (size_t i = 0; i < COUNT(pids); i++)
		pids[i] = child(sweep_with_others, s);
	for (size_t i = 0; i < COUNT(pids); i++)
		assert_int_equal(ended(pids[i]), 0);
	for (int i = 0; i < BOARD_WORKERS_MAX; i++) {
		assert_int_equal(s->told[i], 1);
		assert_int_equal(board_slot(s->board, i)->state, WORKER_EMPTY);
	}
	board_detach(&s->board);
	munmap(s, sizeof(*s));
}

/* Says that it is there and stays until told. */
struct slow {
	struct board *board;
	int there[2], leave[2];
};

static void
let_go_slowly(void *ctx, struct board *b, int slot)
{
	struct slow *s = ctx;
	char byte = 1;

	(void)b;
	(void)slot;
	if (write(s->there[1], &byte, 1) != 1 || read(s->leave[0], &byte, 1) != 1)
		_exit(1);
}

static int
sweep_slowly(void *ctx)
{
	struct slow *s = ctx;

	board_sweep_orphans(s->board, let_go_slowly, s);
	return 0;
}

static void
a_slot_that_is_being_let_go_is_left_to_its_sweeper(void **state)
{
	struct told told = { 0 };
	struct slow s;
	char byte = 1;
	pid_t pid;

	assert_int_equal(ended(child(leave_a_slot_behind, *state)), 0);
	s.board = create(*state, NULL);
	assert_int_equal(pipe(s.there), 0);
	assert_int_equal(pipe(s.leave), 0);
	pid = child(sweep_slowly, &s);
	assert_int_equal(read(s.there[0], &byte, 1), 1);
	board_sweep_orphans(s.board, let_go, &told);
	assert_int_equal(told.times, 0);
	assert_int_equal(atomic_load(&board_slot(s.board, 0)->state), WORKER_DRAINING);
	assert_int_equal(write(s.leave[1], &byte, 1), 1);
	assert_int_equal(ended(pid), 0);
	assert_int_equal(atomic_load(&board_slot(s.board, 0)->state), WORKER_EMPTY);
	board_detach(&s.board);
	for (int i = 0; i < 2; i++) {
		close(s.there[i]);
		close(s.leave[i]);
	}
}

static int
sweep_alone(void *ctx)
{
	struct sweepers *s = ctx;

	board_sweep_orphans(s->board, let_go_and_count, s);
	return 0;
}

static void
what_a_killed_sweeper_began_the_next_one_finishes(void **state)
{
	struct sweepers *s = shared(sizeof(*s));

	assert_int_equal(ended(child(take_all_slots_and_end, *state)), 0);
	s->board = create(*state, NULL);
	s->killed_at = 100;
	assert_int_equal(ended(child(sweep_alone, s)), 128 + SIGKILL);
	s->killed_at = -1;
	assert_int_equal(ended(child(sweep_alone, s)), 0);
	for (int i = 0; i < BOARD_WORKERS_MAX; i++) {
		assert_int_equal(s->told[i], i == 100 ? 2 : 1);
		assert_int_equal(board_slot(s->board, i)->state, WORKER_EMPTY);
	}
	board_detach(&s->board);
	munmap(s, sizeof(*s));
}

int
main(void)
{
#define BOARD_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		BOARD_TEST(slots_are_given_out_until_there_is_none),
		BOARD_TEST(sweeping_keeps_counters_and_drops_gauges),
		BOARD_TEST(counts_have_names),
		BOARD_TEST(tickets_are_one_row_over_all_processes),
		BOARD_TEST(a_worker_that_outlives_its_master_keeps_its_slot_until_it_ends),
		BOARD_TEST(slots_of_a_kept_board_are_not_free_before_they_were_let_go),
		BOARD_TEST(of_several_sweepers_one_lets_go_of_a_slot),
		BOARD_TEST(a_slot_that_is_being_let_go_is_left_to_its_sweeper),
		BOARD_TEST(what_a_killed_sweeper_began_the_next_one_finishes),
	};

	return cmocka_run_group_tests_name("ipc/board", tests, NULL, NULL);
}
