/*
 * The ring of traces: order, what is being written, writers that die, stand still or meet.
 */
#include "tests/unit/ipc/board_place.h"

#include "ipc/board_layout.h"

#define RING      4
#define PROCESSES 3
#define PUTS      30000

static const struct board_sizes sizes = { .traces = RING };

static void
put(struct board *b, uint64_t value)
{
	uint64_t words[BOARD_TRACE_WORDS];

	for (size_t i = 0; i < COUNT(words); i++)
		words[i] = value;
	board_trace_put(b, words, sizeof(words));
}

struct heard {
	uint64_t values[2 * RING];
	size_t count, most;
};

/* All words of a trace are the same. */
static bool
hear(void *ctx, const void *bytes)
{
	struct heard *h = ctx;
	const uint64_t *words = bytes;

	for (size_t i = 1; i < BOARD_TRACE_WORDS; i++)
		assert_int_equal(words[i], words[0]);
	h->values[h->count++] = words[0];
	return h->count < h->most;
}

static struct heard
hear_all(struct board *b)
{
	struct heard h = { .most = 2 * RING };

	board_trace_each(b, hear, &h);
	return h;
}

#define assert_heard(b, ...)                                                                       \
	do {                                                                                       \
		const uint64_t expected[] = { __VA_ARGS__ };                                       \
		struct heard heard = hear_all(b);                                                  \
		assert_int_equal(heard.count, COUNT(expected));                                    \
		assert_memory_equal(heard.values, expected, sizeof(expected));                     \
	} while (0)

static void
an_empty_ring_tells_nothing(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	assert_int_equal(hear_all(b).count, 0);
	board_detach(&b);
}

static void
the_newest_is_told_first(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	put(b, 11);
	put(b, 12);
	put(b, 13);
	assert_heard(b, 13, 12, 11);
	board_detach(&b);
}

static void
older_ones_than_fit_the_ring_are_forgotten(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (uint64_t i = 1; i <= 3 * RING + 2; i++)
		put(b, i);
	assert_heard(b, 14, 13, 12, 11);
	board_detach(&b);
}

static void
telling_ends_when_enough_was_heard(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct heard h = { .most = 2 };

	for (uint64_t i = 1; i <= RING; i++)
		put(b, i);
	board_trace_each(b, hear, &h);
	assert_int_equal(h.count, 2);
	assert_int_equal(h.values[1], RING - 1);
	board_detach(&b);
}

static bool
is_short(void *ctx, const void *bytes)
{
	const char *text = bytes;

	assert_string_equal(text, "short");
	for (size_t i = 5; i < BOARD_TRACE_BYTES; i++)
		assert_int_equal(text[i], 0);
	*(int *)ctx += 1;
	return true;
}

/* Also where a longer one stood. */
static void
behind_a_short_trace_there_are_zeros(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	int told = 0;

	for (uint64_t i = 0; i < RING; i++)
		put(b, UINT64_MAX);
	for (uint64_t i = 0; i < RING; i++)
		board_trace_put(b, "short", 5);
	board_trace_each(b, is_short, &told);
	assert_int_equal(told, RING);
	board_detach(&b);
}

/* As if the writer of this number had been stopped before its last word. */
static void
stop_writer_of(struct board *b, uint64_t number)
{
	b->trace_at[number % RING].sequence = number * 2 + 1;
}

static void
what_is_being_written_is_left_out(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (uint64_t i = 1; i <= RING; i++)
		put(b, i);
	stop_writer_of(b, 3);
	assert_heard(b, 4, 2, 1);
	board_detach(&b);
}

static void
a_writer_a_whole_ring_later_drops_its_own(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (uint64_t i = 1; i <= RING; i++)
		put(b, i);
	stop_writer_of(b, 3);
	for (uint64_t i = RING + 1; i <= 2 * RING; i++)
		put(b, i);
	assert_heard(b, 8, 6, 5);
	assert_int_equal(b->trace_at[3].sequence, 3 * 2 + 1);
	board_detach(&b);
}

static void
a_dead_writers_place_is_used_again(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (uint64_t i = 1; i <= RING; i++)
		put(b, i);
	stop_writer_of(b, 3);
	for (uint64_t i = RING + 1; i <= 3 * RING; i++)
		put(b, i);
	assert_heard(b, 12, 11, 10, 9);
	board_detach(&b);
}

/* It was passed over, and wakes: some of its words land in another's trace. */
static void
a_mixture_of_two_is_left_out(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (uint64_t i = 1; i <= RING; i++)
		put(b, i);
	b->trace_at[3].words[100] = 7;
	assert_heard(b, 4, 2, 1);
	board_detach(&b);
}

/* The same, and it got as far as to write all of its words. */
static void
a_trace_under_the_number_of_another_is_left_out(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct board_trace early;

	for (uint64_t i = 1; i <= RING; i++)
		put(b, i);
	early = b->trace_at[3];
	for (uint64_t i = RING + 1; i <= 2 * RING; i++)
		put(b, i);
	early.sequence = b->trace_at[3].sequence;
	b->trace_at[3] = early;
	assert_heard(b, 8, 6, 5);
	board_detach(&b);
}

static void
a_writer_that_was_overtaken_drops_its_own(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	for (uint64_t i = 1; i <= RING; i++)
		put(b, i);
	/* Its number was drawn before these were put. */
	b->map->traces_put = 1;
	put(b, 99);
	b->map->traces_put = RING;
	assert_heard(b, 4, 3, 2, 1);
	board_detach(&b);
}

/* ---- many processes ---- */

struct writers {
	struct board *board;
	_Atomic uint32_t come;
	_Atomic uint64_t puts;
	bool forever;
};

static int
write_many(void *ctx)
{
	struct writers *w = ctx;

	meet(&w->come, PROCESSES);
	for (uint64_t i = 0; i < PUTS || w->forever; i++)
		put(w->board, atomic_fetch_add(&w->puts, 1) + 1);
	return 0;
}

static void
no_reader_ever_sees_a_torn_trace(void **state)
{
	struct writers *w = shared(sizeof(*w));
	pid_t pids[PROCESSES];

	w->board = place_create(*state, &sizes, NULL);
	for (size_t i = 0; i < COUNT(pids); i++)
		pids[i] = child(write_many, w);
	while (atomic_load(&w->puts) < PROCESSES * PUTS)
		hear_all(w->board);
	for (size_t i = 0; i < COUNT(pids); i++)
		assert_int_equal(ended(pids[i]), 0);
	for (uint64_t i = 1; i <= 2 * RING; i++)
		put(w->board, i);
	assert_heard(w->board, 8, 7, 6, 5);
	board_detach(&w->board);
	munmap(w, sizeof(*w));
}

/* After two rounds every place is in use again, wherever they were when they were killed. */
static void
killed_writers_hold_up_nobody(void **state)
{
	struct writers *w = shared(sizeof(*w));

	w->board = place_create(*state, &sizes, NULL);
	w->forever = true;
	for (uint64_t round = 1; round <= 20; round++) {
		pid_t pids[PROCESSES];

		atomic_store(&w->come, 0);
		atomic_store(&w->puts, 0);
		for (size_t i = 0; i < COUNT(pids); i++)
			pids[i] = child(write_many, w);
		while (atomic_load(&w->puts) < round * 100)
			hear_all(w->board);
		for (size_t i = 0; i < COUNT(pids); i++)
			kill(pids[i], SIGKILL);
		for (size_t i = 0; i < COUNT(pids); i++)
			assert_int_equal(ended(pids[i]), 128 + SIGKILL);
		for (uint64_t i = 1; i <= 2 * RING; i++)
			put(w->board, i);
		assert_heard(w->board, 8, 7, 6, 5);
	}
	board_detach(&w->board);
	munmap(w, sizeof(*w));
}

int
main(void)
{
#define BOARD_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		BOARD_TEST(an_empty_ring_tells_nothing),
		BOARD_TEST(the_newest_is_told_first),
		BOARD_TEST(older_ones_than_fit_the_ring_are_forgotten),
		BOARD_TEST(telling_ends_when_enough_was_heard),
		BOARD_TEST(behind_a_short_trace_there_are_zeros),
		BOARD_TEST(what_is_being_written_is_left_out),
		BOARD_TEST(a_writer_a_whole_ring_later_drops_its_own),
		BOARD_TEST(a_dead_writers_place_is_used_again),
		BOARD_TEST(a_mixture_of_two_is_left_out),
		BOARD_TEST(a_trace_under_the_number_of_another_is_left_out),
		BOARD_TEST(a_writer_that_was_overtaken_drops_its_own),
		BOARD_TEST(no_reader_ever_sees_a_torn_trace),
		BOARD_TEST(killed_writers_hold_up_nobody),
	};

	return cmocka_run_group_tests_name("ipc/board_traces", tests, NULL, NULL);
}
