/*
 * The board's file: made, kept, refused, replaced.
 */
#include "tests/unit/ipc/board_place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "ipc/board_layout.h"
#include "tests/unit/small_disk.h"

static const struct board_sizes sizes = {
	.cells = 16384, .subjects = 1024, .models = 16, .windows = 256, .leases = 64, .traces = 16
};
static const struct board_sizes least;

/* As the daemon makes it. */
static const struct board_sizes full = { .cells = 1 << 20,
	.subjects = 32768,
	.models = 64,
	.windows = 1 << 20,
	.leases = 16384,
	.traces = 4096 };

static struct board *
create(const struct place *p, bool *kept)
{
	return place_create(p, &sizes, kept);
}

/* ---- making and keeping ---- */

static void
a_new_board_is_private_sparse_and_empty(void **state)
{
	struct place *p = *state;
	bool kept = true;
	struct board *b = place_create(p, &full, &kept);
	struct stat st;

	assert_false(kept);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(st.st_size > 1 << 30);
	assert_true(st.st_blocks * 512 < 256 << 10);
	assert_int_equal(board_cells_size(b), 1 << 20);
	assert_int_equal(board_subjects_size(b), 32768);
	assert_int_equal(board_leases_size(b), 16384);
	assert_int_equal(board_cells_used(b), 0);
	assert_int_equal(board_subjects_used(b), 0);
	assert_int_equal(board_models_used(b), 1);
	assert_int_equal(board_windows_used(b), 0);
	assert_int_equal(board_spent_until(b), 0);
	assert_false(board_ended_orderly(b));
	for (int g = 0; g < BOARD_GEN_COUNT; g++)
		assert_int_equal(board_generation(b, (enum board_generation)g), 0);
	board_detach(&b);
	assert_null(b);
	board_detach(&b);
}

static void
tables_are_rounded_up_to_a_power_of_two(void **state)
{
	static const struct {
		uint32_t asked, given;
	} cases[] = { { 0, 64 }, { 1, 64 }, { 64, 64 }, { 65, 128 }, { 1000, 1024 },
		{ 4096, 4096 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct board_sizes asked = { .cells = cases[i].asked, .subjects = cases[i].asked };
		struct board *b = place_create(*state, &asked, NULL);

		assert_int_equal(board_cells_size(b), cases[i].given);
		assert_int_equal(board_subjects_size(b), cases[i].given);
		board_disown(b);
		board_detach(&b);
	}
}

static void
there_is_at_least_one_of_each(void **state)
{
	struct board *b = place_create(*state, &least, NULL);

	assert_non_null(board_cell(b, BOARD_KIND_CLIENT, 1, true));
	assert_true(board_subject(b, 1, true) > 0);
	assert_int_equal(board_model(b, SPAN("gemini-2.5-flash"), true), 1);
	assert_non_null(board_row(b, BOARD_EVERYONE, 1, true));
	assert_int_equal(board_window_take(b), 1);
	assert_int_equal(board_leases_size(b), 1);
	assert_non_null(board_lease(b, BOARD_WORKERS_MAX - 1, 0, true));
	board_trace_put(b, "x", 1);
	board_detach(&b);
}

static void
a_directory_that_is_not_there_is_an_error(void **state)
{
	struct err e = ERR_INIT;
	bool kept;

	(void)state;
	assert_null(board_create("/nonexistent/run/board", &sizes, &kept, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_null(board_attach("/nonexistent/run/board", &e));
}

static int
make_some_and_end(void *ctx)
{
	struct board *b = create(ctx, NULL);
	int slot = board_slot_take(b, 3, 1000);

	atomic_store(&board_slot(b, slot)->pid, getpid());
	board_count_add(board_slot(b, slot), BOARD_REQUESTS, 7);
	board_count_add(board_slot(b, slot), BOARD_CONNECTIONS, 5);
	board_bump(b, BOARD_GEN_CLIENTS);
	board_ticket(b);
	board_ticket(b);
	atomic_store(&board_cell(b, BOARD_KIND_CLIENT, 42, true)->words[2], 4711);
	board_spent_set(b, 777);
	board_detach(&b);
	return 0;
}

static int
make_some_and_end_orderly(void *ctx)
{
	struct board *b;

	make_some_and_end(ctx);
	b = create(ctx, NULL); /* the same process: it is its own */
	board_disown(b);
	board_detach(&b);
	return 0;
}

static void
a_board_whose_owner_died_is_kept_with_cells_and_totals(void **state)
{
	bool kept = false;
	struct board *b;
	struct board_cell *c;

	assert_int_equal(ended(child(make_some_and_end, *state)), 0);
	b = create(*state, &kept);
	assert_true(kept);
	assert_false(board_ended_orderly(b));
	c = board_cell(b, BOARD_KIND_CLIENT, 42, false);
	assert_non_null(c);
	assert_int_equal(atomic_load(&c->words[2]), 4711);
	assert_int_equal(board_cells_used(b), 1);
	assert_int_equal(board_generation(b, BOARD_GEN_CLIENTS), 1);
	assert_int_equal(board_ticket(b), 3);
	assert_int_equal(board_spent_until(b), 777);
	assert_int_equal(board_count_sum(b, BOARD_REQUESTS), 7);
	board_detach(&b);
}

/* What stands at addresses that follow from numbers, and the numbers themselves. */
struct numbers {
	struct place *place;
	int subject, model;
	uint32_t window;
	size_t marked, traces;
};

static int
fill_and_end(void *ctx)
{
	struct numbers *n = ctx;
	struct board *b = create(n->place, NULL);

	n->subject = board_subject(b, 99, true);
	n->model = board_model(b, SPAN("gemini-2.5-pro"), true);
	atomic_store(&board_row(b, n->subject, n->model, true)->words[15], 1001);
	board_mark(b, n->subject);
	n->window = board_window_take(b);
	atomic_store(&board_window(b, n->window)->words[63], 1002);
	atomic_store(&board_lease(b, 7, 63, true)->words[7], 1003);
	atomic_store(board_scratch(b, 5), 1004);
	board_trace_put(b, "of the run before", 18);
	board_detach(&b);
	return 0;
}

static bool
is_of_the_run_before(void *ctx, const void *bytes)
{
	struct numbers *n = ctx;

	assert_string_equal(bytes, "of the run before");
	n->traces++;
	return true;
}

static void
a_kept_board_goes_on_with_all_that_stands_on_it(void **state)
{
	struct numbers *n = shared(sizeof(*n));
	bool kept = false;
	struct board *b;

	n->place = *state;
	assert_int_equal(ended(child(fill_and_end, n)), 0);
	b = create(*state, &kept);
	assert_true(kept);
	assert_int_equal(board_subject(b, 99, false), n->subject);
	assert_int_equal(board_subjects_used(b), 1);
	assert_int_equal(board_model(b, SPAN("gemini-2.5-pro"), false), n->model);
	assert_int_equal(board_row(b, n->subject, n->model, false)->words[15], 1001);
	assert_int_equal(board_marked(b, 0), n->subject);
	assert_int_equal(board_windows_used(b), n->window);
	assert_int_equal(board_window(b, n->window)->words[63], 1002);
	assert_int_equal(board_window_take(b), n->window + 1);
	assert_int_equal(board_lease(b, 7, 63, false)->words[7], 1003);
	assert_int_equal(*board_scratch(b, 5), 1004);
	board_trace_each(b, is_of_the_run_before, n);
	assert_int_equal(n->traces, 1);
	board_detach(&b);
	munmap(n, sizeof(*n));
}

static void
an_orderly_end_is_remembered_once(void **state)
{
	bool kept = false;
	struct board *b;

	assert_int_equal(ended(child(make_some_and_end_orderly, *state)), 0);
	b = create(*state, &kept);
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
	struct board *b = create(o->place, NULL);
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

	assert_null(board_create(((struct place *)*state)->path, &sizes, &kept, &e));
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
	b = create(*state, &kept);
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
	b = create(*state, &kept);
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
	struct board *b = create(*state, NULL);
	int slot = board_slot_take(b, 1, 5);
	bool kept = false;

	board_count_add(board_slot(b, slot), BOARD_CONNECTIONS, 5);
	board_detach(&b);
	b = create(*state, &kept);
	assert_true(kept);
	assert_true(board_ended_orderly(b));
	assert_int_equal(atomic_load(&board_slot(b, slot)->state), WORKER_STARTING);
	assert_int_equal(board_count_sum(b, BOARD_CONNECTIONS), 5);
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
		{ offsetof(struct board_about, items[BOARD_REGION_PAGES]), "\x03" },
		{ offsetof(struct board_about, items[BOARD_REGION_CELLS]), "\x03" },
		{ offsetof(struct board_about, items[BOARD_REGION_ROWS]) + 4, "\xff\xff\xff\xff" },
		{ offsetof(struct board_about, items[BOARD_REGION_LEASES]) + 4,
		    "\xff\xff\xff\xff" },
		{ offsetof(struct board_about, at[BOARD_REGION_MODELS]), "\x01" },
		{ offsetof(struct board_about, at[BOARD_REGION_TRACES]), "\x01" },
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
		b = create(p, &kept);
		assert_false(kept);
		assert_null(board_cell(b, BOARD_KIND_CLIENT, 42, false));
		board_detach(&b);
		unlink(p->path);
	}
}

static void
a_board_of_another_size_is_replaced(void **state)
{
	struct board_sizes others[6];

	for (size_t i = 0; i < COUNT(others); i++)
		others[i] = sizes;
	others[0].cells *= 2;
	others[1].subjects /= 2;
	others[2].models += 1;
	others[3].windows += 1;
	others[4].leases -= 1;
	others[5].traces += 1;
	for (size_t i = 0; i < COUNT(others); i++) {
		bool kept = true;
		struct board *b;

		assert_int_equal(ended(child(make_some_and_end_orderly, *state)), 0);
		b = place_create(*state, &others[i], &kept);
		assert_false(kept);
		assert_null(board_cell(b, BOARD_KIND_CLIENT, 42, false));
		board_detach(&b);
		unlink(((struct place *)*state)->path);
	}
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
		b = create(p, &kept);
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
	b = create(p, &kept);
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
	b = create(p, &kept);
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
	struct board *old = create(p, NULL), *b;

	board_ticket(old);
	board_disown(old);
	b = place_create(p, &full, NULL);
	assert_int_equal(board_ticket(old), 2);
	assert_int_equal(board_ticket(b), 1);
	board_detach(&old);
	board_detach(&b);
}

static void
a_stranger_attaches_by_the_path(void **state)
{
	struct place *p = *state;
	struct board *b = create(p, NULL), *same;
	struct err e = ERR_INIT;
	int subject;

	board_ticket(b);
	same = board_attach(p->path, &e);
	assert_non_null(same);
	assert_int_equal(board_ticket(same), 2);
	assert_int_equal(board_ticket(b), 3);
	board_model(b, SPAN("gemini-2.5-pro"), true);
	assert_int_equal(board_model(same, SPAN("gemini-2.5-pro"), false), 1);
	subject = board_subject(same, 3, true);
	assert_int_equal(board_subject(b, 3, false), subject);
	assert_int_equal(board_window_take(same), 1);
	assert_int_equal(board_window_take(b), 2);
	board_detach(&same);
	board_detach(&b);
}

/* ---- without room ---- */

static int
create_without_room(void *ctx)
{
	struct place *p = ctx;
	struct err e = ERR_INIT;
	bool kept;

	if (!small_disk(p->dir, "16k"))
		return SMALL_DISK_NONE;
	if (board_create(p->path, &full, &kept, &e))
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
#define BOARD_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		BOARD_TEST(a_new_board_is_private_sparse_and_empty),
		BOARD_TEST(tables_are_rounded_up_to_a_power_of_two),
		BOARD_TEST(there_is_at_least_one_of_each),
		BOARD_TEST(a_directory_that_is_not_there_is_an_error),
		BOARD_TEST(a_board_whose_owner_died_is_kept_with_cells_and_totals),
		BOARD_TEST(a_kept_board_goes_on_with_all_that_stands_on_it),
		BOARD_TEST(an_orderly_end_is_remembered_once),
		BOARD_TEST(a_board_whose_owner_lives_is_refused),
		BOARD_TEST(an_owner_that_is_a_zombie_is_dead),
		BOARD_TEST(a_recycled_pid_is_not_taken_for_the_owner),
		BOARD_TEST(its_own_board_is_kept_with_its_slots),
		BOARD_TEST(a_board_of_another_layout_boot_or_magic_is_replaced),
		BOARD_TEST(a_board_of_another_size_is_replaced),
		BOARD_TEST(a_cut_or_foreign_file_is_replaced),
		BOARD_TEST(a_board_that_others_may_touch_is_replaced),
		BOARD_TEST(a_symbolic_link_is_not_followed),
		BOARD_TEST(whoever_maps_the_old_board_keeps_it),
		BOARD_TEST(a_stranger_attaches_by_the_path),
		BOARD_TEST(a_file_system_without_room_for_the_board_is_said_so),
	};

	return cmocka_run_group_tests_name("ipc/board_file", tests, NULL, NULL);
}
