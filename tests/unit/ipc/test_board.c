/*
 * The board: made, kept, refused; slots and their counts; cells under several processes and
 * their deaths.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ipc/board.h"
#include "ipc/board_layout.h"
#include "tests/unit/small_disk.h"

#define CELLS 16384 /* of which seven eighths are given out: 14,336 */
#define KEYS  10000

struct place {
	char dir[64];
	char path[80];
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/test-board-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/board", p->dir);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char beside[96];

	snprintf(beside, sizeof(beside), "%s.new", p->path);
	unlink(beside);
	unlink(p->path);
	rmdir(p->dir);
	free(p);
	return 0;
}

static struct board *
create(const struct place *p, uint64_t cells, bool *kept)
{
	struct err e = ERR_INIT;
	bool unused;
	struct board *b = board_create(p->path, cells, kept ? kept : &unused, &e);

	if (!b)
		fail_msg("%s", e.text);
	return b;
}

/* Runs fn in a child that ends with its answer. */
static pid_t
child(int (*fn)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(ctx));
	return pid;
}

static int
ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- making and keeping ---- */

static void
a_new_board_is_private_sparse_and_empty(void **state)
{
	struct place *p = *state;
	bool kept = true;
	struct board *b = create(p, 1 << 20, &kept);
	struct stat st;

	assert_false(kept);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(st.st_size >= 64 << 20);
	assert_true(st.st_blocks * 512 < 1 << 20);
	assert_int_equal(board_cells_size(b), 1 << 20);
	assert_int_equal(board_cells_used(b), 0);
	assert_false(board_ended_orderly(b));
	for (int g = 0; g < BOARD_GEN_COUNT; g++)
		assert_int_equal(board_generation(b, (enum board_generation)g), 0);
	board_detach(&b);
	assert_null(b);
	board_detach(&b);
}

static void
the_table_is_rounded_up_to_a_power_of_two(void **state)
{
	static const struct {
		uint64_t asked, given;
	} cases[] = { { 0, 64 }, { 1, 64 }, { 64, 64 }, { 65, 128 }, { 1000, 1024 },
		{ 4096, 4096 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct board *b = create(*state, cases[i].asked, NULL);

		assert_int_equal(board_cells_size(b), cases[i].given);
		board_disown(b);
		board_detach(&b);
	}
}

static void
a_directory_that_is_not_there_is_an_error(void **state)
{
	struct err e = ERR_INIT;
	bool kept;

	(void)state;
	assert_null(board_create("/nonexistent/run/board", 64, &kept, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_null(board_attach("/nonexistent/run/board", &e));
}

static int
make_some_and_end(void *ctx)
{
	struct board *b = create(ctx, CELLS, NULL);
	int slot = board_slot_take(b, 3, 1000);

	atomic_store(&board_slot(b, slot)->pid, getpid());
	board_count_add(board_slot(b, slot), BOARD_REQUESTS, 7);
	board_count_add(board_slot(b, slot), BOARD_CONNECTIONS, 5);
	board_bump(b, BOARD_GEN_CLIENTS);
	board_ticket(b);
	board_ticket(b);
	atomic_store(&board_cell(b, BOARD_KIND_CREDENTIAL, 42, true)->words[2], 4711);
	board_detach(&b);
	return 0;
}

static int
make_some_and_end_orderly(void *ctx)
{
	struct board *b;

	make_some_and_end(ctx);
	b = create(ctx, CELLS, NULL); /* the same process: it is its own */
	board_disown(b);
	board_detach(&b);
	return 0;
}

static void
a_board_whose_owner_died_is_kept_with_cells_and_totals_and_swept_slots(void **state)
{
	bool kept = false;
	struct board *b;
	struct board_cell *c;

	assert_int_equal(ended(child(make_some_and_end, *state)), 0);
	b = create(*state, CELLS, &kept);
	assert_true(kept);
	assert_false(board_ended_orderly(b));
	c = board_cell(b, BOARD_KIND_CREDENTIAL, 42, false);
	assert_non_null(c);
	assert_int_equal(atomic_load(&c->words[2]), 4711);
	assert_int_equal(board_cells_used(b), 1);
	assert_int_equal(board_generation(b, BOARD_GEN_CLIENTS), 1);
	assert_int_equal(board_ticket(b), 3);
	assert_int_equal(board_count_sum(b, BOARD_REQUESTS), 7);
	assert_int_equal(board_count_sum(b, BOARD_CONNECTIONS), 0);
	assert_int_equal(atomic_load(&board_slot(b, 0)->state), WORKER_EMPTY);
	board_detach(&b);
}

static void
an_orderly_end_is_remembered_once(void **state)
{
	bool kept = false;
	struct board *b;

	assert_int_equal(ended(child(make_some_and_end_orderly, *state)), 0);
	b = create(*state, CELLS, &kept);
	assert_true(kept);
	assert_true(board_ended_orderly(b));
	assert_int_equal(atomic_load(&b->map->orderly), 0);
	board_detach(&b);
}

/* A pipe each way: the child says that it is so far, the parent lets it go. */
struct owner {
	struct place *place;
	int ready[2], leave[2];
};

static int
own_until_told(void *ctx)
{
	struct owner *o = ctx;
	struct board *b = create(o->place, CELLS, NULL);
	char byte = 1;

	close(o->leave[1]);
	if (write(o->ready[1], &byte, 1) != 1 || read(o->leave[0], &byte, 1) < 0)
		return 1;
	board_detach(&b);
	return 0;
}

static pid_t
start_owner(struct owner *o, struct place *place)
{
	char byte;
	pid_t pid;

	o->place = place;
	assert_int_equal(pipe(o->ready), 0);
	assert_int_equal(pipe(o->leave), 0);
	pid = child(own_until_told, o);
	close(o->leave[0]);
	close(o->ready[1]);
	assert_int_equal(read(o->ready[0], &byte, 1), 1);
	return pid;
}

static void
stop_owner(struct owner *o)
{
	close(o->leave[1]);
	close(o->ready[0]);
}

static void
a_board_whose_owner_lives_is_refused(void **state)
{
	struct owner o;
	pid_t pid = start_owner(&o, *state);
	struct err e = ERR_INIT;
	bool kept;

	assert_null(board_create(((struct place *)*state)->path, CELLS, &kept, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_non_null(strstr(e.text, "which is running"));
	stop_owner(&o);
	assert_int_equal(ended(pid), 0);
}

static void
an_owner_that_is_a_zombie_is_dead(void **state)
{
	pid_t pid = child(make_some_and_end, *state);
	siginfo_t info;
	bool kept = false;
	struct board *b;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	b = create(*state, CELLS, &kept);
	assert_true(kept);
	board_detach(&b);
	assert_int_equal(ended(pid), 0);
}

/* The pid lives, but it is another process that began at another time. */
static void
a_recycled_pid_is_not_taken_for_the_owner(void **state)
{
	struct owner o;
	pid_t pid = start_owner(&o, *state);
	struct err e = ERR_INIT;
	struct board *b = board_attach(((struct place *)*state)->path, &e);
	bool kept = false;

	assert_non_null(b);
	assert_int_equal(atomic_load(&b->map->about.head.owner_pid), pid);
	atomic_fetch_sub(&b->map->about.head.owner_start, 1);
	board_detach(&b);
	b = create(*state, CELLS, &kept);
	assert_true(kept);
	assert_int_equal(atomic_load(&b->map->about.head.owner_pid), getpid());
	board_detach(&b);
	stop_owner(&o);
	assert_int_equal(ended(pid), 0);
}

/* An upgrade in place executes a new program: same process, same workers. */
static void
its_own_board_is_kept_with_its_slots(void **state)
{
	struct board *b = create(*state, CELLS, NULL);
	int slot = board_slot_take(b, 1, 5);
	bool kept = false;

	board_count_add(board_slot(b, slot), BOARD_CONNECTIONS, 5);
	board_detach(&b);
	b = create(*state, CELLS, &kept);
	assert_true(kept);
	assert_true(board_ended_orderly(b));
	assert_int_equal(atomic_load(&board_slot(b, slot)->state), WORKER_STARTING);
	assert_int_equal(board_count_sum(b, BOARD_CONNECTIONS), 5);
	board_detach(&b);
}

static int
leave_a_worker_behind(void *ctx)
{
	struct owner *o = ctx;
	struct board *b = create(o->place, CELLS, NULL);
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
	struct board *b;
	pid_t worker;
	bool kept;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* it comes to us then */
	assert_int_equal(pipe(o.leave), 0);
	assert_int_equal(ended(child(leave_a_worker_behind, &o)), 0);
	close(o.leave[0]);
	b = create(*state, CELLS, &kept);
	assert_true(kept);
	worker = atomic_load(&board_slot(b, 0)->pid);
	assert_int_equal(atomic_load(&board_slot(b, 0)->state), WORKER_DRAINING);
	assert_int_equal(board_slot_take(b, 0, 2), 1);
	board_sweep_orphans(b);
	assert_int_equal(board_count_sum(b, BOARD_STREAMS), 2);

	close(o.leave[1]);
	assert_int_equal(ended(worker), 0);
	board_sweep_orphans(b);
	assert_int_equal(board_count_sum(b, BOARD_STREAMS), 0);
	assert_int_equal(atomic_load(&board_slot(b, 0)->state), WORKER_EMPTY);
	assert_int_equal(atomic_load(&board_slot(b, 1)->state), WORKER_STARTING);
	board_detach(&b);
}

/* ---- boards that are not kept ---- */

static void
overwrite(const char *path, off_t at, const void *bytes, size_t len)
{
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

static void
a_board_of_another_layout_boot_or_magic_is_replaced(void **state)
{
	static const struct {
		size_t at;
		const char *bytes;
	} cases[] = {
		{ offsetof(struct board_head, magic), "someone else" },
		{ offsetof(struct board_head, layout), "\x7f" },
		{ offsetof(struct board_head, boot), "00000000-1111" },
		{ offsetof(struct board_about, bytes), "\x01" },
		{ offsetof(struct board_about, cells), "\x03" },
		{ offsetof(struct board_about, cells_at), "\x01" },
		{ offsetof(struct board_about, page_bytes), "\x01" },
		{ offsetof(struct board_about, slot_bytes), "\x01" },
		{ offsetof(struct board_about, counts), "\x01" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool kept = true;
		struct err e = ERR_INIT;
		struct board *b;

		assert_int_equal(ended(child(make_some_and_end_orderly, p)), 0);
		overwrite(p->path, (off_t)cases[i].at, cases[i].bytes, strlen(cases[i].bytes));
		assert_null(board_attach(p->path, &e));
		assert_int_equal(e.kind, ERR_CONFLICT);
		b = create(p, CELLS, &kept);
		assert_false(kept);
		assert_null(board_cell(b, BOARD_KIND_CREDENTIAL, 42, false));
		board_detach(&b);
		unlink(p->path);
	}
}

static void
a_board_of_another_size_is_replaced(void **state)
{
	bool kept = true;
	struct board *b;

	assert_int_equal(ended(child(make_some_and_end_orderly, *state)), 0);
	b = create(*state, 2 * CELLS, &kept);
	assert_false(kept);
	board_detach(&b);
}

static void
a_cut_or_foreign_file_is_replaced(void **state)
{
	struct place *p = *state;

	for (off_t len = 0; len <= 4096; len += 512) {
		bool kept = true;
		struct board *b;

		assert_int_equal(ended(child(make_some_and_end_orderly, p)), 0);
		assert_int_equal(truncate(p->path, len), 0);
		b = create(p, CELLS, &kept);
		assert_false(kept);
		board_detach(&b);
		unlink(p->path);
	}
}

static void
a_board_that_others_may_touch_is_replaced(void **state)
{
	struct place *p = *state;
	bool kept = true;
	struct board *b;

	assert_int_equal(ended(child(make_some_and_end_orderly, p)), 0);
	assert_int_equal(chmod(p->path, 0660), 0);
	b = create(p, CELLS, &kept);
	assert_false(kept);
	board_detach(&b);
}

static void
a_symbolic_link_is_not_followed(void **state)
{
	struct place *p = *state;
	char target[96];
	struct stat st;
	bool kept = true;
	struct board *b;

	snprintf(target, sizeof(target), "%s/target", p->dir);
	assert_int_equal(ended(child(make_some_and_end_orderly, p)), 0);
	assert_int_equal(rename(p->path, target), 0);
	assert_int_equal(symlink(target, p->path), 0);
	b = create(p, CELLS, &kept);
	assert_false(kept);
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	board_detach(&b);
	unlink(target);
}

static void
whoever_maps_the_old_board_keeps_it(void **state)
{
	struct place *p = *state;
	struct board *old = create(p, CELLS, NULL), *b;

	board_ticket(old);
	board_disown(old);
	b = create(p, 2 * CELLS, NULL);
	assert_int_equal(board_ticket(old), 2);
	assert_int_equal(board_ticket(b), 1);
	board_detach(&old);
	board_detach(&b);
}

static void
a_stranger_attaches_by_the_path(void **state)
{
	struct place *p = *state;
	struct board *b = create(p, CELLS, NULL), *same;
	struct err e = ERR_INIT;

	board_ticket(b);
	same = board_attach(p->path, &e);
	assert_non_null(same);
	assert_int_equal(board_ticket(same), 2);
	assert_int_equal(board_ticket(b), 3);
	board_detach(&same);
	board_detach(&b);
}

/* ---- slots ---- */

static void
slots_are_given_out_until_there_is_none(void **state)
{
	struct board *b = create(*state, 64, NULL);

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
	struct board *b = create(*state, 64, NULL);

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

/* ---- cells ---- */

static void
a_cell_is_found_again_and_begins_with_zeros(void **state)
{
	struct board *b = create(*state, CELLS, NULL);
	struct board_cell *c;

	assert_null(board_cell(b, BOARD_KIND_CREDENTIAL, 7, false));
	c = board_cell(b, BOARD_KIND_CREDENTIAL, 7, true);
	assert_non_null(c);
	for (size_t i = 0; i < COUNT(c->words); i++)
		assert_int_equal(atomic_load(&c->words[i]), 0);
	assert_ptr_equal(board_cell(b, BOARD_KIND_CREDENTIAL, 7, false), c);
	assert_ptr_equal(board_cell(b, BOARD_KIND_CREDENTIAL, 7, true), c);
	assert_int_equal(board_cells_used(b), 1);
	board_detach(&b);
}

static void
the_same_key_of_another_kind_is_another_cell(void **state)
{
	static const uint64_t keys[] = { 0, 1, 2, 64, UINT64_MAX };
	struct board *b = create(*state, 64, NULL);
	struct board_cell *made[COUNT(keys)][BOARD_KIND_ADDRESS + 1];

	for (size_t i = 0; i < COUNT(keys); i++)
		for (int k = BOARD_KIND_CREDENTIAL; k <= BOARD_KIND_ADDRESS; k++)
			made[i][k] = board_cell(b, (enum board_kind)k, keys[i], true);
	assert_int_equal(board_cells_used(b), COUNT(keys) * BOARD_KIND_ADDRESS);
	for (size_t i = 0; i < COUNT(keys); i++)
		for (int k = BOARD_KIND_CREDENTIAL; k <= BOARD_KIND_ADDRESS; k++)
			assert_ptr_equal(
			    board_cell(b, (enum board_kind)k, keys[i], false), made[i][k]);
	board_detach(&b);
}

static void
a_full_table_refuses_new_cells_and_keeps_the_old(void **state)
{
	struct board *b = create(*state, 1024, NULL);

	for (uint64_t key = 0; key < 896; key++)
		assert_non_null(board_cell(b, BOARD_KIND_ADDRESS, key, true));
	for (uint64_t key = 896; key < 1024; key++)
		assert_null(board_cell(b, BOARD_KIND_ADDRESS, key, true));
	for (uint64_t key = 0; key < 896; key++)
		assert_non_null(board_cell(b, BOARD_KIND_ADDRESS, key, true));
	assert_int_equal(board_cells_used(b), 896);
	board_detach(&b);
}

/* Killed between the two steps: the key stands, the kind does not. */
static void
a_cell_whose_maker_was_killed_is_finished_by_the_next(void **state)
{
	struct board *b = create(*state, CELLS, NULL);
	struct board_cell *c = board_cell(b, BOARD_KIND_CLIENT, 9, true);

	atomic_store(&c->kind, 0);
	assert_null(board_cell(b, BOARD_KIND_CLIENT, 9, false));
	assert_ptr_equal(board_cell(b, BOARD_KIND_CLIENT, 9, true), c);
	assert_ptr_equal(board_cell(b, BOARD_KIND_CLIENT, 9, false), c);
	board_detach(&b);
}

/* Many processes over one table: each writes down which cell it got for every key. */
struct race {
	struct board *board;
	_Atomic uint32_t *start; /* shared */
	uint32_t (*seen)[KEYS];  /* shared: index of the cell, by process and key */
	uint32_t processes;
	uint32_t number;
	uint64_t stride; /* each goes through the keys in an order of its own */
};

static void *
shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static int
run_race(void *ctx)
{
	struct race *r = ctx;

	atomic_fetch_add(r->start, 1);
	while (atomic_load(r->start) < r->processes)
		sched_yield();
	for (uint64_t i = 0, key = 0; i < KEYS; i++, key = (key + r->stride) % KEYS) {
		struct board_cell *c = board_cell(r->board, BOARD_KIND_CREDENTIAL, key * 77, true);

		if (!c)
			return 1;
		atomic_fetch_add(&c->words[0], 1);
		r->seen[r->number][key] = (uint32_t)(c - r->board->cells);
	}
	return 0;
}

static void
race(void **state, uint32_t processes)
{
	static const uint64_t strides[] = { 1, 7, 9999, 3 }; /* coprime to KEYS */
	struct board *b = create(*state, CELLS, NULL);
	struct race r = { .board = b,
		.start = shared(4096),
		.processes = processes,
		.seen = shared(processes * sizeof(*r.seen)) };
	pid_t pids[4];

	for (uint32_t i = 0; i < processes; i++) {
		r.number = i;
		r.stride = strides[i];
		pids[i] = child(run_race, &r);
	}
	for (uint32_t i = 0; i < processes; i++)
		assert_int_equal(ended(pids[i]), 0);
	for (uint64_t key = 0; key < KEYS; key++) {
		struct board_cell *c = board_cell(b, BOARD_KIND_CREDENTIAL, key * 77, false);

		assert_non_null(c);
		assert_int_equal(atomic_load(&c->words[0]), processes);
		for (uint32_t i = 0; i < processes; i++)
			assert_int_equal(r.seen[i][key], c - b->cells);
	}
	assert_int_equal(board_cells_used(b), KEYS);
	munmap((void *)r.start, 4096);
	munmap(r.seen, processes * sizeof(*r.seen));
	board_detach(&b);
}

static void
two_processes_that_make_the_same_cells_find_the_same(void **state)
{
	race(state, 2);
}

static void
four_processes_that_make_the_same_cells_find_the_same(void **state)
{
	race(state, 4);
}

struct victim {
	struct board *board;
	_Atomic uint64_t *done; /* shared */
};

static int
make_all(void *ctx)
{
	struct victim *v = ctx;

	for (uint64_t key = 0; key < KEYS; key++) {
		struct board_cell *c = board_cell(v->board, BOARD_KIND_CREDENTIAL, key, true);

		atomic_fetch_add(&c->words[0], 1);
		atomic_store(v->done, key + 1);
	}
	return 0;
}

static void
a_process_killed_while_it_makes_cells_leaves_them_usable(void **state)
{
	for (uint64_t kill_at = 1; kill_at < KEYS; kill_at += KEYS / 12) {
		struct victim v = { create(*state, CELLS, NULL), shared(4096) };
		pid_t pid = child(make_all, &v);
		uint64_t found = 0;
		bool kept;

		while (atomic_load(v.done) < kill_at)
			sched_yield();
		kill(pid, SIGKILL);
		ended(pid);
		for (uint64_t key = 0; key < KEYS; key++) {
			struct board_cell *c =
			    board_cell(v.board, BOARD_KIND_CREDENTIAL, key, true);

			assert_non_null(c);
			found += atomic_load(&c->words[0]);
			assert_true(atomic_load(&c->words[0]) <= 1);
		}
		assert_true(found >= kill_at);
		/* Whoever keeps the board counts again what the killed one may have left uncounted.
		 */
		board_detach(&v.board);
		v.board = create(*state, CELLS, &kept);
		assert_true(kept);
		assert_int_equal(board_cells_used(v.board), KEYS);
		board_disown(v.board);
		board_detach(&v.board);
		unlink(((struct place *)*state)->path);
		munmap((void *)v.done, 4096);
	}
}

static int
draw_tickets(void *ctx)
{
	for (int i = 0; i < KEYS; i++)
		board_ticket(ctx);
	return 0;
}

static void
tickets_are_one_row_over_all_processes(void **state)
{
	struct board *b = create(*state, 64, NULL);
	pid_t one = child(draw_tickets, b), two = child(draw_tickets, b);

	assert_int_equal(ended(one), 0);
	assert_int_equal(ended(two), 0);
	assert_int_equal(board_ticket(b), 2 * KEYS + 1);
	board_detach(&b);
}

/* A full file system would be answered with SIGBUS by a plain write to the map. */
static int
fill_small_file_system(void *ctx)
{
	struct place *p = ctx;
	struct board *b;
	uint64_t made = 0;
	bool kept;

	if (!small_disk(p->dir, "1m"))
		return SMALL_DISK_NONE;
	b = board_create(p->path, 1 << 20, &kept, NULL);
	if (!b)
		return 1;
	for (uint64_t key = 0; key < 5000; key++)
		made += board_cell(b, BOARD_KIND_ADDRESS, key, true) != NULL;
	for (uint64_t key = 0; key < 5000; key++)
		made -= board_cell(b, BOARD_KIND_ADDRESS, key, false) != NULL;
	/* Some were made, some refused, and all that were made are found. */
	if (made || board_cells_used(b) == 0 || board_cells_used(b) >= 5000)
		return 2;
	board_detach(&b);
	return 0;
}

static void
a_full_file_system_refuses_new_cells(void **state)
{
	int code = ended(child(fill_small_file_system, *state));

	if (code == SMALL_DISK_NONE)
		skip();
	assert_int_equal(code, 0);
}

static int
create_without_room(void *ctx)
{
	struct place *p = ctx;
	struct err e = ERR_INIT;
	bool kept;

	if (!small_disk(p->dir, "16k"))
		return SMALL_DISK_NONE;
	if (board_create(p->path, 1 << 20, &kept, &e))
		return 1;
	return e.kind == ERR_FULL && access(p->path, F_OK) != 0 ? 0 : 2;
}

static void
a_file_system_without_room_for_the_board_is_said_so(void **state)
{
	int code = ended(child(create_without_room, *state));

	if (code == SMALL_DISK_NONE)
		skip();
	assert_int_equal(code, 0);
}

int
main(void)
{
#define BOARD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		BOARD_TEST(a_new_board_is_private_sparse_and_empty),
		BOARD_TEST(the_table_is_rounded_up_to_a_power_of_two),
		BOARD_TEST(a_directory_that_is_not_there_is_an_error),
		BOARD_TEST(a_board_whose_owner_died_is_kept_with_cells_and_totals_and_swept_slots),
		BOARD_TEST(an_orderly_end_is_remembered_once),
		BOARD_TEST(a_board_whose_owner_lives_is_refused),
		BOARD_TEST(an_owner_that_is_a_zombie_is_dead),
		BOARD_TEST(a_recycled_pid_is_not_taken_for_the_owner),
		BOARD_TEST(its_own_board_is_kept_with_its_slots),
		BOARD_TEST(a_worker_that_outlives_its_master_keeps_its_slot_until_it_ends),
		BOARD_TEST(a_board_of_another_layout_boot_or_magic_is_replaced),
		BOARD_TEST(a_board_of_another_size_is_replaced),
		BOARD_TEST(a_cut_or_foreign_file_is_replaced),
		BOARD_TEST(a_board_that_others_may_touch_is_replaced),
		BOARD_TEST(a_symbolic_link_is_not_followed),
		BOARD_TEST(whoever_maps_the_old_board_keeps_it),
		BOARD_TEST(a_stranger_attaches_by_the_path),
		BOARD_TEST(slots_are_given_out_until_there_is_none),
		BOARD_TEST(sweeping_keeps_counters_and_drops_gauges),
		BOARD_TEST(counts_have_names),
		BOARD_TEST(a_cell_is_found_again_and_begins_with_zeros),
		BOARD_TEST(the_same_key_of_another_kind_is_another_cell),
		BOARD_TEST(a_full_table_refuses_new_cells_and_keeps_the_old),
		BOARD_TEST(a_cell_whose_maker_was_killed_is_finished_by_the_next),
		BOARD_TEST(two_processes_that_make_the_same_cells_find_the_same),
		BOARD_TEST(four_processes_that_make_the_same_cells_find_the_same),
		BOARD_TEST(a_process_killed_while_it_makes_cells_leaves_them_usable),
		BOARD_TEST(tickets_are_one_row_over_all_processes),
		BOARD_TEST(a_full_file_system_refuses_new_cells),
		BOARD_TEST(a_file_system_without_room_for_the_board_is_said_so),
	};

	return cmocka_run_group_tests_name("ipc/board", tests, NULL, NULL);
}
