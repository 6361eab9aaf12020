/*
 * What stands at an address that follows from its number: rows, marks, windows, leases, scratch.
 */
#include "tests/unit/ipc/board_place.h"

#include "ipc/board_layout.h"
#include "tests/unit/small_disk.h"

#define SUBJECTS  1024
#define MODELS    16
#define WINDOWS   256
#define LEASES    100
#define PROCESSES 4
#define ROUNDS    20000

static const struct board_sizes sizes = {
	.subjects = SUBJECTS, .models = MODELS, .windows = WINDOWS, .leases = LEASES
};

/* ---- rows ---- */

static void
a_row_begins_with_zeros_and_is_found_again(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct board_row *r;

	assert_null(board_row(b, 17, 3, false));
	r = board_row(b, 17, 3, true);
	assert_non_null(r);
	for (size_t i = 0; i < BOARD_ROW_WORDS; i++)
		assert_int_equal(r->words[i], 0);
	assert_ptr_equal(board_row(b, 17, 3, false), r);
	assert_ptr_equal(board_row(b, 17, 3, true), r);
	board_detach(&b);
}

static void
rows_of_a_model_stand_side_by_side(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (int model = 0; model <= MODELS; model++) {
		struct board_row *first = board_row(b, 0, model, true);

		for (int subject = 0; subject < SUBJECTS; subject++)
			assert_ptr_equal(board_row(b, subject, model, true), first + subject);
	}
	board_detach(&b);
}

static void
no_two_rows_are_one(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (int model = 0; model <= MODELS; model++)
		for (int subject = 0; subject < SUBJECTS; subject++)
			for (size_t i = 0; i < BOARD_ROW_WORDS; i++)
				board_row(b, subject, model, true)->words[i]++;
	for (int model = 0; model <= MODELS; model++)
		for (int subject = 0; subject < SUBJECTS; subject++)
			for (size_t i = 0; i < BOARD_ROW_WORDS; i++)
				assert_int_equal(board_row(b, subject, model, false)->words[i], 1);
	board_detach(&b);
}

static void
who_has_no_number_has_no_row(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	assert_null(board_row(b, -1, 0, true));
	assert_null(board_row(b, 0, -1, true));
	assert_null(board_row(b, -1, -1, false));
	board_detach(&b);
}

static void
a_row_that_nobody_made_takes_no_page(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	int per_page = (int)(sysconf(_SC_PAGESIZE) / (long)sizeof(struct board_row));

	assert_non_null(board_row(b, 0, 1, true));
	for (int subject = 0; subject < per_page; subject++) /* of the same page */
		assert_non_null(board_row(b, subject, 1, false));
	assert_null(board_row(b, per_page, 1, false));
	assert_null(board_row(b, 0, 2, false));
	board_detach(&b);
}

/* ---- marks ---- */

static void
marks_are_taken_in_order_and_once(void **state)
{
	static const int marked[] = { 0, 1, 63, 64, 65, 127, 500, SUBJECTS - 1 };
	struct board *b = place_create(*state, &sizes, NULL);

	assert_int_equal(board_marked(b, 0), -1);
	for (size_t i = COUNT(marked); i-- > 0;) {
		board_mark(b, marked[i]);
		board_mark(b, marked[i]);
	}
	for (size_t i = 0; i < COUNT(marked); i++)
		assert_int_equal(board_marked(b, 0), marked[i]);
	assert_int_equal(board_marked(b, 0), -1);
	board_detach(&b);
}

static void
marks_are_looked_for_from_a_number_on(void **state)
{
	static const struct {
		int from, found;
	} cases[] = { { 0, 70 }, { 70, 70 }, { 71, 200 }, { 64, 70 }, { 128, 200 }, { 200, 200 },
		{ 201, -1 }, { SUBJECTS - 1, -1 }, { SUBJECTS, -1 }, { INT32_MAX, -1 } };
	struct board *b = place_create(*state, &sizes, NULL);

	for (size_t i = 0; i < COUNT(cases); i++) {
		board_mark(b, 70);
		board_mark(b, 200);
		assert_int_equal(board_marked(b, cases[i].from), cases[i].found);
	}
	board_detach(&b);
}

struct marking {
	struct board *board;
	_Atomic uint32_t come, gone;
	_Atomic uint64_t changed[128];
};

static int
change_and_mark(void *ctx)
{
	struct marking *m = ctx;

	meet(&m->come, PROCESSES);
	for (int i = 0; i < ROUNDS; i++) {
		int subject = i * 7 % 128;

		atomic_fetch_add_explicit(&m->changed[subject], 1, memory_order_relaxed);
		board_mark(m->board, subject);
	}
	atomic_fetch_add(&m->gone, 1);
	return 0;
}

/* Whoever takes a mark sees at least what was changed before it; what is changed later is
 * marked again.  So the last look at each is at its end. */
static void
no_change_is_lost_between_marking_and_taking(void **state)
{
	struct marking *m = shared(sizeof(*m));
	uint64_t seen[128] = { 0 };
	pid_t pids[PROCESSES];
	bool last;

	m->board = place_create(*state, &sizes, NULL);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child(change_and_mark, m);
	do {
		last = atomic_load(&m->gone) == PROCESSES;
		for (int s = board_marked(m->board, 0); s >= 0; s = board_marked(m->board, s + 1))
			seen[s] = atomic_load_explicit(&m->changed[s], memory_order_relaxed);
	} while (!last);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(ended(pids[i]), 0);
	for (int i = 0; i < 128; i++)
		assert_int_equal(seen[i], m->changed[i]);
	board_detach(&m->board);
	munmap(m, sizeof(*m));
}

struct taking {
	struct board *board;
	_Atomic uint32_t come;
	_Atomic uint32_t taken[SUBJECTS];
};

static int
take_marks(void *ctx)
{
	struct taking *t = ctx;

	meet(&t->come, PROCESSES);
	for (int s = board_marked(t->board, 0); s >= 0; s = board_marked(t->board, s + 1))
		atomic_fetch_add(&t->taken[s], 1);
	return 0;
}

static void
a_mark_is_taken_by_one_of_many(void **state)
{
	struct taking *t = shared(sizeof(*t));
	pid_t pids[PROCESSES];

	t->board = place_create(*state, &sizes, NULL);
	for (int s = 0; s < SUBJECTS; s++)
		board_mark(t->board, s);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child(take_marks, t);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(ended(pids[i]), 0);
	for (int s = 0; s < SUBJECTS; s++)
		assert_int_equal(t->taken[s], 1);
	board_detach(&t->board);
	munmap(t, sizeof(*t));
}

/* ---- windows ---- */

static void
windows_are_numbered_from_1_and_begin_with_zeros(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (uint32_t n = 1; n <= WINDOWS; n++) {
		struct window *w;

		assert_int_equal(board_window_take(b), n);
		w = board_window(b, n);
		for (size_t i = 0; i < WINDOW_WORDS; i++) {
			assert_int_equal(w->words[i], 0);
			w->words[i] = n;
		}
	}
	for (uint32_t n = 1; n <= WINDOWS; n++)
		for (size_t i = 0; i < WINDOW_WORDS; i++)
			assert_int_equal(board_window(b, n)->words[i], n);
	board_detach(&b);
}

static void
when_all_windows_are_given_out_there_is_none(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (uint32_t n = 1; n <= WINDOWS; n++)
		board_window_take(b);
	assert_int_equal(board_window_take(b), 0);
	assert_int_equal(board_window_take(b), 0);
	assert_int_equal(board_windows_used(b), WINDOWS);
	assert_int_equal(b->map->said, BOARD_SAID_WINDOWS);
	board_detach(&b);
}

static int
take_windows(void *ctx)
{
	struct taking *t = ctx;

	for (uint32_t i = 1; i <= WINDOWS / PROCESSES; i++) {
		meet(&t->come, i * PROCESSES); /* all take one at the same time */
		atomic_fetch_add(&t->taken[board_window_take(t->board)], 1);
	}
	return 0;
}

static void
no_window_is_given_to_two(void **state)
{
	struct taking *t = shared(sizeof(*t));
	pid_t pids[PROCESSES];

	t->board = place_create(*state, &sizes, NULL);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child(take_windows, t);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(ended(pids[i]), 0);
	assert_int_equal(t->taken[0], 0);
	for (uint32_t n = 1; n <= WINDOWS; n++)
		assert_int_equal(t->taken[n], 1);
	assert_int_equal(board_window_take(t->board), 0);
	board_detach(&t->board);
	munmap(t, sizeof(*t));
}

/* ---- leases ---- */

static void
a_slot_has_its_own_journal(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	assert_int_equal(board_leases_size(b), LEASES);
	assert_null(board_lease(b, 3, 0, false));
	for (int slot = 0; slot < BOARD_WORKERS_MAX; slot++)
		for (uint32_t place = 0; place < LEASES; place++)
			for (size_t i = 0; i < BOARD_LEASE_WORDS; i++)
				board_lease(b, slot, place, true)->words[i]++;
	for (int slot = 0; slot < BOARD_WORKERS_MAX; slot++)
		for (uint32_t place = 0; place < LEASES; place++)
			for (size_t i = 0; i < BOARD_LEASE_WORDS; i++)
				assert_int_equal(board_lease(b, slot, place, false)->words[i], 1);
	board_detach(&b);
}

static void
behind_the_end_of_a_journal_there_is_nothing(void **state)
{
	static const uint32_t places[] = { LEASES, LEASES + 1, UINT32_MAX };
	struct board *b = place_create(*state, &sizes, NULL);

	for (size_t i = 0; i < COUNT(places); i++) {
		assert_null(board_lease(b, 0, places[i], true));
		assert_null(board_lease(b, BOARD_WORKERS_MAX - 1, places[i], true));
	}
	board_detach(&b);
}

/* ---- scratch ---- */

static void
a_key_has_the_same_scratch_word_in_every_process(void **state)
{
	struct place *p = *state;
	struct board *b = place_create(p, &sizes, NULL), *same;
	struct err e = ERR_INIT;

	same = board_attach(p->path, &e);
	assert_non_null(same);
	for (uint64_t key = 0; key < 1000; key++) {
		atomic_store(board_scratch(b, key), key);
		assert_int_equal(atomic_load(board_scratch(same, key)), key);
	}
	board_detach(&same);
	board_detach(&b);
}

/* Of 4,096 words that a thousand keys choose at random, most are one key's alone. */
static void
scratch_words_are_spread_over_the_keys(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	size_t used = 0;

	for (uint64_t key = 0; key < 1000; key++)
		atomic_fetch_add(board_scratch(b, key << 32), 1);
	for (size_t i = 0; i < BOARD_SCRATCH_WORDS; i++)
		used += b->scratch[i] != 0;
	assert_in_range(used, 800, 1000);
	board_detach(&b);
}

/* ---- without room ---- */

/* Of each: some are there, the others are refused, and a refused window's number is not lost. */
static int
fill_small_file_system(void *ctx)
{
	static const struct board_sizes big = {
		.subjects = 1 << 17, .models = 4, .windows = 1 << 20, .leases = 16384, .traces = 64
	};
	struct place *p = ctx;
	struct board *b;
	int rows = 0, leases = 0;
	uint32_t windows = 0;
	bool kept;

	if (!small_disk(p->dir, "1m"))
		return SMALL_DISK_NONE;
	b = board_create(p->path, &big, &kept, NULL);
	if (!b)
		return 1;
	for (int i = 0; i < 1000; i++) {
		struct board_row *r = board_row(b, i * 100, 4, true);
		struct board_lease *l = board_lease(b, i % 256, (uint32_t)i * 16, true);
		uint32_t n = board_window_take(b);

		if (r)
			rows += (int)++r->words[15];
		if (l)
			leases += (int)++l->words[7];
		if (n)
			windows += (uint32_t)++board_window(b, n)->words[63];
	}
	board_trace_put(b, "dropped", 8);
	if (rows == 0 || rows == 1000 || leases == 0 || leases == 1000 || windows == 0 ||
	    windows == 1000 || windows != board_windows_used(b))
		return 2;
	for (int i = 0; i < 1000; i++) {
		rows -= board_row(b, i * 100, 4, false) != NULL;
		leases -= board_lease(b, i % 256, (uint32_t)i * 16, false) != NULL;
	}
	if (rows || leases || b->map->said != BOARD_SAID_ROOM)
		return 3;
	board_detach(&b);
	return 0;
}

static void
a_full_file_system_refuses_rows_windows_and_leases(void **state)
{
	int code = ended(child(fill_small_file_system, *state));

	if (code == SMALL_DISK_NONE)
		skip();
	assert_int_equal(code, 0);
}

int
main(void)
{
#define BOARD_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		BOARD_TEST(a_row_begins_with_zeros_and_is_found_again),
		BOARD_TEST(rows_of_a_model_stand_side_by_side),
		BOARD_TEST(no_two_rows_are_one),
		BOARD_TEST(who_has_no_number_has_no_row),
		BOARD_TEST(a_row_that_nobody_made_takes_no_page),
		BOARD_TEST(marks_are_taken_in_order_and_once),
		BOARD_TEST(marks_are_looked_for_from_a_number_on),
		BOARD_TEST(no_change_is_lost_between_marking_and_taking),
		BOARD_TEST(a_mark_is_taken_by_one_of_many),
		BOARD_TEST(windows_are_numbered_from_1_and_begin_with_zeros),
		BOARD_TEST(when_all_windows_are_given_out_there_is_none),
		BOARD_TEST(no_window_is_given_to_two),
		BOARD_TEST(a_slot_has_its_own_journal),
		BOARD_TEST(behind_the_end_of_a_journal_there_is_nothing),
		BOARD_TEST(a_key_has_the_same_scratch_word_in_every_process),
		BOARD_TEST(scratch_words_are_spread_over_the_keys),
		BOARD_TEST(a_full_file_system_refuses_rows_windows_and_leases),
	};

	return cmocka_run_group_tests_name("ipc/board_rows", tests, NULL, NULL);
}
