/*
 * What is found by a key: cells, subjects, models.  Full tables, several processes that make the
 * same at once, and their deaths.
 */
#include "tests/unit/ipc/board_place.h"

#include "ipc/board_layout.h"
#include "tests/unit/small_disk.h"

#define KEYS      10000
#define PROCESSES 4
#define NAMES     60

static const struct board_sizes sizes = { .cells = 16384, .subjects = 16384, .models = 64 };
static const struct board_sizes least;

/* ---- cells ---- */

static void
a_cell_is_found_again_and_begins_with_zeros(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct board_cell *c;

	assert_null(board_cell(b, BOARD_KIND_CLIENT, 7, false));
	c = board_cell(b, BOARD_KIND_CLIENT, 7, true);
	assert_non_null(c);
	for (size_t i = 0; i < COUNT(c->words); i++)
		assert_int_equal(atomic_load(&c->words[i]), 0);
	assert_ptr_equal(board_cell(b, BOARD_KIND_CLIENT, 7, false), c);
	assert_ptr_equal(board_cell(b, BOARD_KIND_CLIENT, 7, true), c);
	assert_int_equal(board_cells_used(b), 1);
	board_detach(&b);
}

static void
the_same_key_of_another_kind_is_another_cell(void **state)
{
	static const uint64_t keys[] = { 0, 1, 2, 64, UINT64_MAX };
	struct board *b = place_create(*state, &least, NULL);
	struct board_cell *made[COUNT(keys)][BOARD_KIND_ADDRESS + 1];

	for (size_t i = 0; i < COUNT(keys); i++)
		for (int k = BOARD_KIND_CLIENT; k <= BOARD_KIND_ADDRESS; k++)
			made[i][k] = board_cell(b, (enum board_kind)k, keys[i], true);
	assert_int_equal(board_cells_used(b), COUNT(keys) * BOARD_KIND_ADDRESS);
	for (size_t i = 0; i < COUNT(keys); i++)
		for (int k = BOARD_KIND_CLIENT; k <= BOARD_KIND_ADDRESS; k++)
			assert_ptr_equal(
			    board_cell(b, (enum board_kind)k, keys[i], false), made[i][k]);
	board_detach(&b);
}

static void
a_full_table_refuses_new_cells_and_keeps_the_old(void **state)
{
	static const struct board_sizes small = { .cells = 1024 };
	struct board *b = place_create(*state, &small, NULL);

	for (uint64_t key = 0; key < 896; key++)
		assert_non_null(board_cell(b, BOARD_KIND_ADDRESS, key, true));
	for (uint64_t key = 896; key < 1024; key++)
		assert_null(board_cell(b, BOARD_KIND_ADDRESS, key, true));
	for (uint64_t key = 0; key < 896; key++)
		assert_non_null(board_cell(b, BOARD_KIND_ADDRESS, key, true));
	assert_int_equal(board_cells_used(b), 896);
	assert_int_equal(b->map->said, BOARD_SAID_CELLS);
	board_detach(&b);
}

/* Killed between the two steps: the key stands, the kind does not. */
static void
a_cell_whose_maker_was_killed_is_finished_by_the_next(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct board_cell *c = board_cell(b, BOARD_KIND_CLIENT, 9, true);

	atomic_store(&c->kind, 0);
	assert_null(board_cell(b, BOARD_KIND_CLIENT, 9, false));
	assert_ptr_equal(board_cell(b, BOARD_KIND_CLIENT, 9, true), c);
	assert_ptr_equal(board_cell(b, BOARD_KIND_CLIENT, 9, false), c);
	board_detach(&b);
}

/* ---- subjects ---- */

static void
a_subject_keeps_its_number(void **state)
{
	static const uint64_t keys[] = { 1, 2, 64, UINT64_MAX };
	struct board *b = place_create(*state, &sizes, NULL);
	int numbers[COUNT(keys)];

	for (size_t i = 0; i < COUNT(keys); i++) {
		assert_int_equal(board_subject(b, keys[i], false), -1);
		numbers[i] = board_subject(b, keys[i], true);
		assert_in_range(numbers[i], 1, board_subjects_size(b) - 1);
		assert_int_equal(board_subject_key(b, numbers[i]), keys[i]);
	}
	for (size_t i = 0; i < COUNT(keys); i++) {
		assert_int_equal(board_subject(b, keys[i], false), numbers[i]);
		assert_int_equal(board_subject(b, keys[i], true), numbers[i]);
	}
	assert_int_equal(board_subjects_used(b), COUNT(keys));
	board_detach(&b);
}

/* At seven eighths of 64 every other place has been tried, the first one too. */
static void
a_full_table_refuses_new_subjects_and_never_gives_out_everyone(void **state)
{
	struct board *b = place_create(*state, &least, NULL);
	bool given[64] = { false };

	for (uint64_t key = 1; key <= 56; key++) {
		int number = board_subject(b, key, true);

		assert_in_range(number, BOARD_EVERYONE + 1, 63);
		assert_false(given[number]);
		given[number] = true;
	}
	for (uint64_t key = 57; key <= 1000; key++) {
		assert_int_equal(board_subject(b, key, true), -1);
		assert_int_equal(board_subject(b, key, false), -1);
	}
	for (uint64_t key = 1; key <= 56; key++)
		assert_true(given[board_subject(b, key, true)]);
	assert_int_equal(board_subjects_used(b), 56);
	assert_int_equal(b->map->said, BOARD_SAID_SUBJECTS);
	board_detach(&b);
}

/* Their rows then share pages.  Nearly all: where they come to stand is chance. */
static void
subjects_stand_close_together(void **state)
{
	static const struct {
		uint64_t subjects;
		int within;
	} cases[] = { { 7, 64 }, { 40, 128 }, { 1000, 2048 }, { 5000, 8192 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct board *b = place_create(*state, &sizes, NULL);
		uint64_t far = 0;

		for (uint64_t key = 1; key <= cases[i].subjects; key++)
			far += board_subject(b, key, true) >= cases[i].within;
		assert_int_equal(board_subjects_used(b), cases[i].subjects);
		assert_in_range(far, 0, cases[i].subjects / 20);
		board_disown(b);
		board_detach(&b);
		unlink(((struct place *)*state)->path);
	}
}

/* Should the count fall behind (a maker was killed before it counted), looking still ends. */
static void
a_table_without_a_free_place_ends_the_looking(void **state)
{
	struct board *b = place_create(*state, &least, NULL);
	int made = 0;

	for (uint64_t key = 1; key <= 1000; key++) {
		atomic_store(&b->map->subjects_used, 0);
		made += board_subject(b, key, true) > 0;
	}
	assert_int_equal(made, 63);
	assert_int_equal(board_subject_key(b, BOARD_EVERYONE), 0);
	board_detach(&b);
}

static void
a_number_that_no_subject_has_has_no_key(void **state)
{
	static const int numbers[] = { INT32_MIN, -1, BOARD_EVERYONE, 5, 16383, 16384, INT32_MAX };
	struct board *b = place_create(*state, &sizes, NULL);

	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_int_equal(board_subject_key(b, numbers[i]), 0);
	board_detach(&b);
}

/* ---- models ---- */

static struct span
name_of(char out[BOARD_MODEL_BYTES], uint64_t i)
{
	return (struct span){ out, (size_t)snprintf(out, BOARD_MODEL_BYTES,
				       "gemini-%llu-model-of-some-length", (unsigned long long)i) };
}

static void
models_are_numbered_from_1_in_the_order_they_came(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	char text[BOARD_MODEL_BYTES];

	assert_int_equal(board_models_used(b), 1);
	for (int i = 0; i < 10; i++) {
		struct span name = name_of(text, (uint64_t)i);

		assert_int_equal(board_model(b, name, false), -1);
		assert_int_equal(board_model(b, name, true), i + 1);
		assert_int_equal(board_models_used(b), i + 2);
	}
	for (int i = 0; i < 10; i++) {
		struct span name = name_of(text, (uint64_t)i), told = board_model_name(b, i + 1);

		assert_int_equal(board_model(b, name, false), i + 1);
		assert_int_equal(board_model(b, name, true), i + 1);
		assert_int_equal(told.len, name.len);
		assert_memory_equal(told.p, name.p, name.len);
	}
	board_detach(&b);
}

static void
a_name_may_be_of_any_bytes_up_to_its_length(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	char longest[BOARD_MODEL_BYTES + 1];
	struct span same_beginning = { longest, BOARD_MODEL_BYTES - 1 };

	memset(longest, 0, sizeof(longest));
	assert_int_equal(board_model(b, (struct span){ longest, 0 }, true), -1);
	assert_int_equal(board_model(b, SPAN_NONE, true), -1);
	assert_int_equal(board_model(b, (struct span){ longest, sizeof(longest) }, true), -1);
	assert_int_equal(board_models_used(b), 1);
	assert_int_equal(board_model(b, (struct span){ longest, BOARD_MODEL_BYTES }, true), 1);
	assert_int_equal(board_model(b, same_beginning, true), 2);
	assert_int_equal(board_model(b, (struct span){ longest, 8 }, true), 3);
	memset(longest, 0xff, sizeof(longest));
	assert_int_equal(board_model(b, (struct span){ longest, BOARD_MODEL_BYTES }, true), 4);
	assert_int_equal(board_model(b, same_beginning, false), -1);
	assert_int_equal(board_model_name(b, 4).len, BOARD_MODEL_BYTES);
	assert_memory_equal(board_model_name(b, 4).p, longest, BOARD_MODEL_BYTES);
	board_detach(&b);
}

static void
a_number_that_no_model_has_has_no_name(void **state)
{
	static const int numbers[] = { INT32_MIN, -1, BOARD_WHOLE, 1, 64, 65, INT32_MAX };
	struct board *b = place_create(*state, &sizes, NULL);

	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_int_equal(board_model_name(b, numbers[i]).len, 0);
	board_detach(&b);
}

static void
a_full_table_refuses_new_models_and_keeps_the_old(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	char text[BOARD_MODEL_BYTES];

	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(board_model(b, name_of(text, i), true), i + 1);
	for (uint64_t i = 64; i < 200; i++)
		assert_int_equal(board_model(b, name_of(text, i), true), -1);
	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(board_model(b, name_of(text, i), true), i + 1);
	assert_int_equal(board_models_used(b), 65);
	assert_int_equal(b->map->said, BOARD_SAID_MODELS);
	board_detach(&b);
}

/* How many words of the name the maker had written when it was killed. */
static void
a_model_whose_maker_was_killed_is_finished_by_the_next(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct span name = SPAN("gemini-2.5-flash-preview-09-2025"), other = SPAN("another");

	for (size_t written = 0; written <= 4; written++) {
		struct board_model *m = &b->names[0];

		memset(m, 0, 2 * sizeof(*m));
		m->hash = board_hash(b, name.p, name.len);
		memcpy((char *)m->name, name.p, written * 8);
		assert_int_equal(board_model(b, name, false), -1);
		assert_int_equal(board_model_name(b, 1).len, 0);
		assert_int_equal(board_model(b, other, true), 2); /* is not held up */
		assert_int_equal(board_models_used(b), 3);
		assert_int_equal(board_model(b, name, true), 1);
		assert_int_equal(board_model(b, name, false), 1);
		assert_memory_equal(board_model_name(b, 1).p, name.p, name.len);
	}
	board_detach(&b);
}

static void
another_name_of_the_same_hash_gets_a_place_of_its_own(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	assert_int_equal(board_model(b, SPAN("one"), true), 1);
	b->names[0].hash = board_hash(b, "two", 3);
	assert_int_equal(board_model(b, SPAN("two"), false), -1);
	assert_int_equal(board_model(b, SPAN("two"), true), 2);
	assert_int_equal(board_model(b, SPAN("two"), false), 2);
	board_detach(&b);
}

/* ---- counted anew ---- */

/* What a process killed between taking a place and counting it leaves behind. */
static void
whoever_keeps_a_board_counts_what_is_used(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	bool kept = false;

	for (uint64_t key = 1; key <= 3000; key++) {
		board_cell(b, BOARD_KIND_CLIENT, key, true);
		board_subject(b, key, true);
	}
	b->map->cells_used = 2999;
	b->map->subjects_used = 2998;
	board_detach(&b);
	b = place_create(*state, &sizes, &kept);
	assert_true(kept);
	assert_int_equal(board_cells_used(b), 3000);
	assert_int_equal(board_subjects_used(b), 3000);
	board_detach(&b);
}

/* ---- many processes ---- */

/* Each goes through the same keys in an order of its own and writes down what it got. */
struct race {
	struct board *board;
	_Atomic uint32_t come;
	_Atomic uint64_t done;          /* keys, over all */
	uint32_t seen[PROCESSES][KEYS]; /* index of the cell, number of the subject or the model */
	uint64_t keys;
	bool in_step; /* each key is made by all at the same time */
	uint32_t (*make)(struct board *, uint64_t key); /* 0: nothing */
};

struct racer {
	struct race *race;
	uint32_t number;
};

static uint32_t
make_cell(struct board *b, uint64_t key)
{
	struct board_cell *c = board_cell(b, BOARD_KIND_CLIENT, key * 77, true);

	return c ? (uint32_t)(c - b->cells) + 1 : 0;
}

static uint32_t
make_subject(struct board *b, uint64_t key)
{
	int number = board_subject(b, key + 1, true);

	return number > 0 ? (uint32_t)number : 0;
}

static uint32_t
make_model(struct board *b, uint64_t key)
{
	char text[BOARD_MODEL_BYTES];
	int number = board_model(b, name_of(text, key), true);

	return number > 0 ? (uint32_t)number : 0;
}

static int
run_race(void *ctx)
{
	static const uint64_t strides[PROCESSES] = { 1, 7, 59, 11 }; /* coprime to all counts */
	struct racer *me = ctx;
	struct race *r = me->race;
	bool failed = false;

	meet(&r->come, PROCESSES);
	for (uint64_t i = 0, key = 0; i < r->keys; i++) {
		if (r->in_step)
			meet(&r->come, (uint32_t)(i + 2) * PROCESSES);
		r->seen[me->number][key] = r->make(r->board, key);
		failed |= r->seen[me->number][key] == 0; /* goes on: others wait for it */
		atomic_fetch_add(&r->done, 1);
		key = (key + strides[me->number]) % r->keys;
	}
	return failed;
}

static void
start_race(struct race *r, pid_t pids[PROCESSES])
{
	for (uint32_t i = 0; i < PROCESSES; i++) {
		struct racer racer = { .race = r, .number = i };

		pids[i] = child(run_race, &racer);
	}
}

/* All that the survivors saw is the same, is found again, and is no other key's. */
static void
check_race(struct race *r, uint32_t from)
{
	bool *taken = calloc(r->board->subjects + KEYS, sizeof(*taken));

	for (uint64_t key = 0; key < r->keys; key++) {
		uint32_t number = r->make(r->board, key);

		assert_int_not_equal(number, 0);
		assert_false(taken[number]);
		taken[number] = true;
		for (uint32_t i = from; i < PROCESSES; i++)
			assert_int_equal(r->seen[i][key], number);
	}
	free(taken);
}

static void
race(void **state, uint64_t keys, uint32_t (*make)(struct board *, uint64_t))
{
	struct race *r = shared(sizeof(*r));
	pid_t pids[PROCESSES];

	r->board = place_create(*state, &sizes, NULL);
	r->keys = keys;
	r->make = make;
	r->in_step = make == make_model; /* they are few: else one would be through before others */
	start_race(r, pids);
	for (uint32_t i = 0; i < PROCESSES; i++)
		assert_int_equal(ended(pids[i]), 0);
	check_race(r, 0);
	if (make == make_cell)
		assert_int_equal(board_cells_used(r->board), keys);
	if (make == make_subject)
		assert_int_equal(board_subjects_used(r->board), keys);
	if (make == make_model)
		assert_int_equal(board_models_used(r->board), keys + 1);
	board_disown(r->board);
	board_detach(&r->board);
	unlink(((struct place *)*state)->path);
	munmap(r, sizeof(*r));
}

static void
processes_that_make_the_same_cells_find_the_same(void **state)
{
	race(state, KEYS, make_cell);
}

static void
processes_that_make_the_same_subjects_find_the_same(void **state)
{
	race(state, KEYS, make_subject);
}

/* A race over so few names is short: it is run many times. */
static void
processes_that_make_the_same_models_find_the_same(void **state)
{
	for (int round = 0; round < 20; round++)
		race(state, NAMES, make_model);
}

/* The first of them is killed somewhere on its way. */
static void
race_with_a_death(
    void **state, uint64_t keys, uint64_t kill_at, uint32_t (*make)(struct board *, uint64_t))
{
	struct race *r = shared(sizeof(*r));
	pid_t pids[PROCESSES];
	bool kept;

	r->board = place_create(*state, &sizes, NULL);
	r->keys = keys;
	r->make = make;
	start_race(r, pids);
	while (atomic_load(&r->done) < kill_at)
		sched_yield();
	kill(pids[0], SIGKILL);
	ended(pids[0]);
	for (uint32_t i = 1; i < PROCESSES; i++)
		assert_int_equal(ended(pids[i]), 0);
	check_race(r, 1);
	/* Whoever keeps the board counts again what the killed one may have left uncounted. */
	board_detach(&r->board);
	r->board = place_create(*state, &sizes, &kept);
	assert_true(kept);
	if (make == make_cell)
		assert_int_equal(board_cells_used(r->board), keys);
	if (make == make_subject)
		assert_int_equal(board_subjects_used(r->board), keys);
	board_disown(r->board);
	board_detach(&r->board);
	unlink(((struct place *)*state)->path);
	munmap(r, sizeof(*r));
}

static void
a_process_killed_while_it_makes_cells_leaves_them_usable(void **state)
{
	for (uint64_t kill_at = 1; kill_at < KEYS; kill_at += KEYS / 8)
		race_with_a_death(state, KEYS, kill_at, make_cell);
}

static void
a_process_killed_while_it_makes_subjects_leaves_them_usable(void **state)
{
	for (uint64_t kill_at = 1; kill_at < KEYS; kill_at += KEYS / 8)
		race_with_a_death(state, KEYS, kill_at, make_subject);
}

static void
a_process_killed_while_it_makes_models_leaves_them_usable(void **state)
{
	for (uint64_t kill_at = 1; kill_at < NAMES; kill_at += 3)
		race_with_a_death(state, NAMES, kill_at, make_model);
}

/* ---- without room ---- */

/* A full file system would be answered with SIGBUS by a plain write to the map. */
static int
fill_small_file_system(void *ctx)
{
	static const struct board_sizes big = {
		.cells = 1 << 20, .subjects = 1 << 20, .models = 1
	};
	struct place *p = ctx;
	struct board *b;
	uint64_t cells = 0, subjects = 0;
	bool kept;

	if (!small_disk(p->dir, "1m"))
		return SMALL_DISK_NONE;
	b = board_create(p->path, &big, &kept, NULL);
	if (!b)
		return 1;
	for (uint64_t key = 1; key < 5000; key++) {
		cells += board_cell(b, BOARD_KIND_ADDRESS, key, true) != NULL;
		subjects += board_subject(b, key, true) > 0;
	}
	/* Some were made, some refused, and all that were made are found. */
	if (cells == 0 || cells >= 4999 || cells != board_cells_used(b) || subjects == 0 ||
	    subjects >= 4999 || subjects != board_subjects_used(b))
		return 2;
	for (uint64_t key = 1; key < 5000; key++) {
		cells -= board_cell(b, BOARD_KIND_ADDRESS, key, false) != NULL;
		subjects -= board_subject(b, key, false) > 0;
	}
	if (cells || subjects || b->map->said != BOARD_SAID_ROOM)
		return 3;
	board_detach(&b);
	return 0;
}

static void
a_full_file_system_refuses_new_cells_and_subjects(void **state)
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
		BOARD_TEST(a_cell_is_found_again_and_begins_with_zeros),
		BOARD_TEST(the_same_key_of_another_kind_is_another_cell),
		BOARD_TEST(a_full_table_refuses_new_cells_and_keeps_the_old),
		BOARD_TEST(a_cell_whose_maker_was_killed_is_finished_by_the_next),
		BOARD_TEST(a_subject_keeps_its_number),
		BOARD_TEST(a_full_table_refuses_new_subjects_and_never_gives_out_everyone),
		BOARD_TEST(subjects_stand_close_together),
		BOARD_TEST(a_table_without_a_free_place_ends_the_looking),
		BOARD_TEST(a_number_that_no_subject_has_has_no_key),
		BOARD_TEST(models_are_numbered_from_1_in_the_order_they_came),
		BOARD_TEST(a_name_may_be_of_any_bytes_up_to_its_length),
		BOARD_TEST(a_number_that_no_model_has_has_no_name),
		BOARD_TEST(a_full_table_refuses_new_models_and_keeps_the_old),
		BOARD_TEST(a_model_whose_maker_was_killed_is_finished_by_the_next),
		BOARD_TEST(another_name_of_the_same_hash_gets_a_place_of_its_own),
		BOARD_TEST(whoever_keeps_a_board_counts_what_is_used),
		BOARD_TEST(processes_that_make_the_same_cells_find_the_same),
		BOARD_TEST(processes_that_make_the_same_subjects_find_the_same),
		BOARD_TEST(processes_that_make_the_same_models_find_the_same),
		BOARD_TEST(a_process_killed_while_it_makes_cells_leaves_them_usable),
		BOARD_TEST(a_process_killed_while_it_makes_subjects_leaves_them_usable),
		BOARD_TEST(a_process_killed_while_it_makes_models_leaves_them_usable),
		BOARD_TEST(a_full_file_system_refuses_new_cells_and_subjects),
	};

	return cmocka_run_group_tests_name("ipc/board_tables", tests, NULL, NULL);
}
