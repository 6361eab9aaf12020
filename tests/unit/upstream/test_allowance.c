/*
 * What a scope may use of a model, on a real board: all that is limited or nothing, over all
 * processes.
 */
#include "tests/unit/ipc/board_place.h"

#include "upstream/allowance.h"

#define SECOND  INT64_C(1000)
#define MINUTE  (60 * SECOND)
#define HOUR    (60 * MINUTE)
#define MARGIN  INT64_C(500)
#define STRETCH (MINUTE + MARGIN)

/* 2026-09-21 14:13:20 UTC, a Monday: 07:13:20 in California. */
static const struct moment T0 = { .ms = 5000000, .wall_ms = INT64_C(1790000000000) };
#define MIDNIGHT_MS (16 * HOUR + 46 * MINUTE + 40 * SECOND) /* from T0 on */

struct world {
	struct place *place;
	struct board *board;
	struct board_row *row;
	struct allowance a; /* of the last booking */
	struct fitness_pass why;
};

static struct moment
later(int64_t ms)
{
	return (struct moment){ T0.ms + ms, T0.wall_ms + ms };
}

static int
world_open(void **state)
{
	static const struct board_sizes sizes = { .cells = 64,
		.subjects = 64,
		.models = 8,
		.windows = 8, /* a page of them */
		.leases = 8,
		.traces = 8 };
	struct world *w = calloc(1, sizeof(*w));
	void *place;

	if (place_setup(&place) != 0)
		return -1;
	w->place = place;
	w->board = place_create(w->place, &sizes, NULL);
	w->row = board_row(w->board, board_subject(w->board, 77, true),
	    board_model(w->board, span_of("gemini-2.5-flash"), true), true);
	*state = w;
	return w->row ? 0 : -1;
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

static bool
book(struct world *w, struct fitness_limits limits, uint64_t tokens, int64_t at_ms)
{
	bool in =
	    allowance_book(w->board, w->row, &limits, tokens, MARGIN, later(at_ms), &w->a, &w->why);

	assert_int_equal(in, w->why.pass == PASS_NONE);
	if (!in) {
		struct allowance nothing = { 0 };

		assert_true(w->why.free_at_ms > T0.ms + at_ms);
		assert_memory_equal(&w->a, &nothing, sizeof(nothing));
	}
	return in;
}

static unsigned
flood(struct world *w, struct fitness_limits limits, uint64_t tokens, int64_t at_ms)
{
	unsigned n = 0;

	for (; book(w, limits, tokens, at_ms); n++)
		allowance_stamp(w->board, &w->a, T0.ms + at_ms);
	return n;
}

static struct allowance_used
used(struct world *w, struct fitness_limits limits, int64_t at_ms)
{
	return allowance_used(w->board, w->row, &limits, MARGIN, T0.ms + at_ms);
}

static enum pass
looks(struct world *w, uint64_t tokens, int64_t at_ms)
{
	struct fitness_rows rows = { .scope = w->row };

	return fitness_look(&rows, 0, tokens, later(at_ms)).pass;
}

#define RPM(n)          ((struct fitness_limits){ .rpm = (n) })
#define TPM(n)          ((struct fitness_limits){ .tpm = (n) })
#define RPD(n)          ((struct fitness_limits){ .rpd = (n) })
#define LIMITS(r, t, d) ((struct fitness_limits){ .rpm = (r), .tpm = (t), .rpd = (d) })

/* ---- limits ---- */

static void
what_the_operator_set_beats_what_upstream_stated_each_for_itself(void **state)
{
	struct world *w = *state;
	struct fitness_limits said = LIMITS(15, 250000, 1000), set = LIMITS(10, 0, 0), l;

	l = allowance_limits(&set, w->row, T0);
	assert_int_equal(l.rpm, 10);
	assert_int_equal(l.tpm, 0);
	assert_int_equal(l.rpd, 0);
	fitness_learn(w->row, &said, T0);
	l = allowance_limits(&set, w->row, T0);
	assert_int_equal(l.rpm, 10);
	assert_int_equal(l.tpm, 250000);
	assert_int_equal(l.rpd, 1000);
	set = LIMITS(0, 7, 9);
	l = allowance_limits(&set, w->row, T0);
	assert_int_equal(l.rpm, 15);
	assert_int_equal(l.tpm, 7);
	assert_int_equal(l.rpd, 9);
	l = allowance_limits(&set, NULL, T0);
	assert_int_equal(l.rpm, 0);
	assert_int_equal(l.tpm, 7);
}

static void
without_a_row_nothing_is_booked(void **state)
{
	struct world *w = *state;
	struct fitness_limits one = LIMITS(1, 1, 1);
	struct allowance nothing = { 0 };

	w->row = NULL;
	for (int i = 0; i < 10; i++)
		assert_true(book(w, one, 100, 0));
	assert_memory_equal(&w->a, &nothing, sizeof(nothing));
	allowance_stamp(w->board, &w->a, T0.ms);
	allowance_settle(w->board, NULL, &w->a, 10);
	allowance_return(w->board, NULL, &w->a, T0);
	assert_int_equal(used(w, one, 0).requests, 0);
}

static void
what_is_not_limited_takes_no_window_and_counts_the_day(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 1000; i++)
		assert_true(book(w, LIMITS(0, 0, 0), 5000, 0));
	assert_int_equal(fitness_day_used(w->row, T0), 1000);
	assert_int_equal(board_windows_used(w->board), 0);
}

/* ---- requests ---- */

static void
requests_of_a_minute_are_kept_with_the_margin(void **state)
{
	struct world *w = *state;

	assert_int_equal(flood(w, RPM(5), 0, 0), 5);
	assert_int_equal(w->why.pass, PASS_MINUTE);
	assert_int_equal(w->why.free_at_ms, T0.ms + STRETCH);
	assert_int_equal(flood(w, RPM(5), 0, STRETCH - 1), 0);
	assert_int_equal(flood(w, RPM(5), 0, STRETCH), 5);
}

static void
a_full_minute_is_noted_on_the_row_until_a_place_is_given_back(void **state)
{
	struct world *w = *state;
	struct allowance kept;

	assert_int_equal(flood(w, RPM(4), 0, 0), 4);
	assert_true(book(w, RPM(5), 0, 10));
	kept = w->a;
	assert_false(book(w, RPM(5), 0, 20));
	assert_int_equal(looks(w, 0, 20), PASS_MINUTE);
	assert_int_equal(looks(w, 0, STRETCH), PASS_NONE);
	allowance_return(w->board, w->row, &kept, later(20));
	assert_int_equal(kept.requests, 0);
	assert_int_equal(looks(w, 0, 20), PASS_NONE);
	assert_true(book(w, RPM(5), 0, 20));
}

static void
the_minute_begins_when_the_last_byte_is_written(void **state)
{
	struct world *w = *state;

	assert_true(book(w, LIMITS(1, 100, 0), 100, 0));
	allowance_renew(w->board, &w->a, T0.ms + 40 * SECOND);
	assert_false(book(w, RPM(1), 0, STRETCH + 1));
	assert_int_equal(w->why.free_at_ms, T0.ms + 40 * SECOND + STRETCH);
	assert_int_equal(used(w, LIMITS(1, 100, 0), STRETCH + 2 * SECOND).tokens, 100);
}

static void
a_stamp_moves_requests_and_tokens(void **state)
{
	struct world *w = *state;

	assert_true(book(w, LIMITS(1, 100, 0), 100, 0));
	allowance_stamp(w->board, &w->a, T0.ms + 5 * SECOND);
	assert_int_equal(used(w, LIMITS(1, 100, 0), 4 * SECOND + STRETCH).requests, 1);
	assert_int_equal(used(w, LIMITS(1, 100, 0), 4 * SECOND + STRETCH).tokens, 100);
	assert_int_equal(used(w, LIMITS(1, 100, 0), 7 * SECOND + STRETCH).requests, 0);
	assert_int_equal(used(w, LIMITS(1, 100, 0), 7 * SECOND + STRETCH).tokens, 0);
}

/* ---- tokens ---- */

static void
tokens_are_reserved_by_the_estimate_and_settled_by_what_upstream_counted(void **state)
{
	struct world *w = *state;
	struct allowance first;

	assert_true(book(w, TPM(1000), 700, 0));
	first = w->a;
	allowance_stamp(w->board, &first, T0.ms);
	assert_false(book(w, TPM(1000), 400, 1));
	assert_int_equal(w->why.pass, PASS_TOKENS);
	allowance_settle(w->board, w->row, &first, 650);
	assert_int_equal(used(w, TPM(1000), 1).tokens, 650);
	assert_true(book(w, TPM(1000), 350, 1));
	allowance_settle(w->board, w->row, &first, 900);
	assert_int_equal(used(w, TPM(1000), 1).tokens, 1250);
	assert_false(book(w, TPM(1000), 1, 2));
}

static void
an_estimate_stays_where_upstream_does_not_count(void **state)
{
	struct world *w = *state;

	assert_true(book(w, TPM(1000), 700, 0));
	allowance_settle(w->board, w->row, &w->a, -1);
	assert_int_equal(used(w, TPM(1000), 0).tokens, 700);
	allowance_settle(w->board, w->row, &w->a, 0);
	assert_int_equal(used(w, TPM(1000), 0).tokens, 0);
	allowance_settle(w->board, w->row, &w->a, 500);
	assert_int_equal(used(w, TPM(1000), 0).tokens, 0);
}

static void
full_for_a_long_prompt_is_not_full_for_a_short_one(void **state)
{
	struct world *w = *state;

	assert_true(book(w, TPM(1000), 600, 0));
	assert_false(book(w, TPM(1000), 500, 0));
	assert_int_equal(looks(w, 500, 0), PASS_TOKENS);
	assert_int_equal(looks(w, 400, 0), PASS_NONE);
	assert_true(book(w, TPM(1000), 400, 0));
}

static void
what_was_reserved_too_much_has_room_again_and_the_note_is_gone(void **state)
{
	struct world *w = *state;

	assert_true(book(w, TPM(1000), 900, 0));
	struct allowance first = w->a;

	assert_false(book(w, TPM(1000), 500, 0));
	assert_int_equal(looks(w, 500, 0), PASS_TOKENS);
	allowance_settle(w->board, w->row, &first, 100);
	assert_int_equal(looks(w, 500, 0), PASS_NONE);
	assert_true(book(w, TPM(1000), 500, 0));
}

static void
a_prompt_above_the_whole_limit_goes_alone(void **state)
{
	struct world *w = *state;

	assert_true(book(w, TPM(1000), 1, 0));
	assert_false(book(w, TPM(1000), 50000, 0));
	assert_true(book(w, TPM(1000), UINT64_MAX, 2 * STRETCH));
	assert_int_equal(used(w, TPM(1000), 2 * STRETCH).tokens, 1000);
	assert_false(book(w, TPM(1000), 1, 2 * STRETCH));
}

static void
a_prompt_that_nothing_is_known_of_is_settled_all_the_same(void **state)
{
	struct world *w = *state;

	assert_true(book(w, TPM(1000), 0, 0));
	allowance_settle(w->board, w->row, &w->a, 990);
	assert_int_equal(used(w, TPM(1000), 0).tokens, 990);
	assert_false(book(w, TPM(1000), 11, 0));
}

static void
the_largest_limit_is_kept(void **state)
{
	struct world *w = *state;

	assert_int_equal(flood(w, TPM(16000000), 1000000, 0), 16);
	assert_int_equal(w->why.pass, PASS_TOKENS);
	assert_true(book(w, TPM(100000000), 100000000, 2 * STRETCH));
	assert_int_equal(used(w, TPM(100000000), 2 * STRETCH).tokens, WINDOW_AMOUNT_MAX);
}

/* Lesson 47: where both shared one start, limits were reached at two thirds. */
static void
requests_and_tokens_have_windows_of_their_own(void **state)
{
	struct world *w = *state;
	struct fitness_limits both = LIMITS(5, 1000, 0);
	unsigned n = 0;

	for (int64_t at = 0; at < 10 * STRETCH; at += 100)
		if (book(w, both, 200, at)) {
			allowance_stamp(w->board, &w->a, T0.ms + at);
			assert_int_not_equal(w->a.requests_window, w->a.tokens_window);
			n++;
		}
	/* Each span the tokens fall out a sub-window later at most. */
	assert_int_equal(board_windows_used(w->board), 2);
	assert_in_range(n, 48, 50);
	assert_int_equal(used(w, both, 10 * STRETCH - 100).requests, 5);
}

/* ---- all or nothing ---- */

static void
where_one_limit_has_no_room_the_others_are_given_back(void **state)
{
	static const struct {
		struct fitness_limits limits;
		uint64_t tokens;
		enum pass why;
	} cases[] = { { { 1, 1000, 100 }, 10, PASS_MINUTE }, { { 10, 100, 100 }, 100, PASS_TOKENS },
		{ { 10, 1000, 1 }, 10, PASS_DAY } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world *w = *state;
		int64_t at = (int64_t)i * 3 * STRETCH, day = (int64_t)i;
		struct fitness_limits limits = cases[i].limits;

		limits.rpd = cases[i].why == PASS_DAY ? day + 1 : limits.rpd;
		assert_true(book(w, limits, cases[i].tokens, at));
		assert_false(book(w, limits, cases[i].tokens, at));
		assert_int_equal(w->why.pass, cases[i].why);
		assert_int_equal(used(w, limits, at).requests, 1);
		assert_int_equal(used(w, limits, at).tokens, cases[i].tokens);
		assert_int_equal(fitness_day_used(w->row, later(at)), day + 1);
	}
}

static void
a_board_without_room_for_windows_lends_nothing_limited(void **state)
{
	struct world *w = *state;

	while (board_window_take(w->board))
		;
	assert_false(book(w, RPM(5), 0, 0));
	assert_int_equal(w->why.pass, PASS_NO_ROOM);
	assert_int_equal(w->why.free_at_ms, INT64_MAX);
	assert_int_equal(fitness_day_used(w->row, T0), 0);
	assert_int_equal(looks(w, 0, 0), PASS_NONE);
	assert_true(book(w, RPD(5), 0, 0));
}

static void
room_for_one_window_of_two_keeps_neither_booking(void **state)
{
	struct world *w = *state;
	uint32_t all = 0, first;

	first = board_window_take(w->board);
	assert_int_equal(first, 1);
	while (board_window_take(w->board))
		all++;
	assert_true(all > 0);
	/* The row has the window of requests, but none of tokens. */
	atomic_store(&w->row->words[FITNESS_WINDOWS], (uint64_t)first << 32);
	assert_false(book(w, LIMITS(5, 100, 0), 10, 0));
	assert_int_equal(w->why.pass, PASS_NO_ROOM);
	assert_int_equal(used(w, LIMITS(5, 100, 0), 0).requests, 0);
}

/* ---- the day ---- */

static void
a_spent_day_frees_at_midnight_in_california(void **state)
{
	struct world *w = *state;

	assert_int_equal(flood(w, RPD(20), 0, 0), 20);
	assert_int_equal(w->why.pass, PASS_DAY);
	assert_in_range(w->why.free_at_ms, T0.ms + MIDNIGHT_MS, T0.ms + MIDNIGHT_MS + 10 * SECOND);
	assert_int_equal(flood(w, RPD(20), 0, MIDNIGHT_MS - 1), 0);
	assert_int_equal(flood(w, RPD(20), 0, w->why.free_at_ms - T0.ms), 20);
}

/* Neither of two days that meet gets one too many, and the row says at once who need not be asked.
 */
static void
nothing_is_sent_while_it_cannot_be_told_which_day_counts_it(void **state)
{
	struct world *w = *state;

	assert_true(book(w, RPD(20), 0, 0));
	assert_true(book(w, RPD(20), 0, MIDNIGHT_MS - MARGIN - 1));
	assert_int_equal(flood(w, RPD(20), 0, MIDNIGHT_MS - MARGIN), 0);
	assert_int_equal(w->why.pass, PASS_MINUTE);
	assert_in_range(w->why.free_at_ms, T0.ms + MIDNIGHT_MS, T0.ms + MIDNIGHT_MS + 10 * SECOND);
	assert_int_equal(looks(w, 0, MIDNIGHT_MS - MARGIN), PASS_MINUTE);
	assert_true(book(w, RPM(20), 0, MIDNIGHT_MS - MARGIN));
	assert_int_equal(flood(w, RPD(20), 0, MIDNIGHT_MS + 10 * SECOND), 20);
}

static void
a_day_is_given_back_with_the_rest(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 100; i++) {
		assert_true(book(w, LIMITS(1, 10, 1), 10, 0));
		allowance_return(w->board, w->row, &w->a, T0);
	}
	assert_int_equal(flood(w, LIMITS(1, 10, 1), 10, 0), 1);
}

/* ---- the board ---- */

static void
nothing_limited_is_lent_while_the_minute_before_is_not_known(void **state)
{
	struct world *w = *state;

	board_spent_set(w->board, T0.ms + STRETCH);
	assert_false(book(w, RPM(5), 0, 0));
	assert_int_equal(w->why.pass, PASS_MINUTE);
	assert_int_equal(w->why.free_at_ms, T0.ms + STRETCH);
	assert_int_equal(looks(w, 0, 0), PASS_MINUTE);
	assert_false(book(w, TPM(5), 1, STRETCH - 1));
	assert_int_equal(w->why.pass, PASS_TOKENS);
	assert_int_equal(fitness_day_used(w->row, T0), 0);
	assert_true(book(w, RPD(5), 0, 0));
	assert_true(book(w, LIMITS(0, 0, 0), 0, 0));
	assert_int_equal(flood(w, LIMITS(5, 100, 0), 10, STRETCH), 5);
}

static void
windows_stay_with_their_row_when_limits_come_and_go(void **state)
{
	struct world *w = *state;

	assert_int_equal(flood(w, RPM(5), 0, 0), 5);
	for (int i = 0; i < 20; i++)
		assert_true(book(w, LIMITS(0, 0, 0), 0, 100));
	assert_false(book(w, RPM(5), 0, 200));
	assert_int_equal(board_windows_used(w->board), 1);
}

static void
a_limit_that_outgrows_the_form_of_its_window_is_kept(void **state)
{
	struct world *w = *state;

	assert_int_equal(flood(w, RPM(5), 0, 0), 5);
	assert_false(book(w, RPM(500), 0, 100));
	assert_int_equal(w->why.free_at_ms, T0.ms + STRETCH);
	assert_int_equal(flood(w, RPM(500), 0, STRETCH), 500);
}

/* ---- processes ---- */

struct crowd {
	struct world *world;
	_Atomic uint32_t come;
	_Atomic uint32_t admitted;
};

#define CROWD 4

static int
crowd_child(void *ctx)
{
	struct crowd *c = ctx;

	meet(&c->come, CROWD);
	for (int i = 0; i < 200; i++) {
		struct fitness_limits limits = LIMITS(37, 100000, 37);

		if (book(c->world, limits, 10, 0)) {
			allowance_stamp(c->world->board, &c->world->a, T0.ms);
			allowance_settle(c->world->board, c->world->row, &c->world->a, 5);
			atomic_fetch_add(&c->admitted, 1);
		}
	}
	return 0;
}

/* Lesson 46: elsewhere limits multiply by workers.  From the first request on, that makes the
 * windows. */
static void
processes_that_begin_at_once_share_one_limit(void **state)
{
	struct crowd *c = shared(sizeof(*c));

	for (int round = 0; round < 10; round++) {
		void *fresh;
		pid_t pids[CROWD];

		assert_int_equal(world_open(&fresh), 0);
		*c = (struct crowd){ .world = fresh };
		for (int i = 0; i < CROWD; i++)
			pids[i] = child(crowd_child, c);
		for (int i = 0; i < CROWD; i++)
			assert_int_equal(ended(pids[i]), 0);
		assert_int_equal(c->admitted, 37);
		assert_int_equal(fitness_day_used(c->world->row, T0), 37);
		assert_int_equal(used(c->world, LIMITS(37, 100000, 0), 0).requests, 37);
		assert_int_equal(used(c->world, LIMITS(37, 100000, 0), 0).tokens, 37 * 5);
		world_close(&fresh);
	}
	(void)state;
	munmap(c, sizeof(*c));
}

int
main(void)
{
#define ALLOWANCE_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
	const struct CMUnitTest tests[] = {
		ALLOWANCE_TEST(what_the_operator_set_beats_what_upstream_stated_each_for_itself),
		ALLOWANCE_TEST(without_a_row_nothing_is_booked),
		ALLOWANCE_TEST(what_is_not_limited_takes_no_window_and_counts_the_day),
		ALLOWANCE_TEST(requests_of_a_minute_are_kept_with_the_margin),
		ALLOWANCE_TEST(a_full_minute_is_noted_on_the_row_until_a_place_is_given_back),
		ALLOWANCE_TEST(the_minute_begins_when_the_last_byte_is_written),
		ALLOWANCE_TEST(a_stamp_moves_requests_and_tokens),
		ALLOWANCE_TEST(
		    tokens_are_reserved_by_the_estimate_and_settled_by_what_upstream_counted),
		ALLOWANCE_TEST(an_estimate_stays_where_upstream_does_not_count),
		ALLOWANCE_TEST(full_for_a_long_prompt_is_not_full_for_a_short_one),
		ALLOWANCE_TEST(what_was_reserved_too_much_has_room_again_and_the_note_is_gone),
		ALLOWANCE_TEST(a_prompt_above_the_whole_limit_goes_alone),
		ALLOWANCE_TEST(a_prompt_that_nothing_is_known_of_is_settled_all_the_same),
		ALLOWANCE_TEST(the_largest_limit_is_kept),
		ALLOWANCE_TEST(requests_and_tokens_have_windows_of_their_own),
		ALLOWANCE_TEST(where_one_limit_has_no_room_the_others_are_given_back),
		ALLOWANCE_TEST(a_board_without_room_for_windows_lends_nothing_limited),
		ALLOWANCE_TEST(room_for_one_window_of_two_keeps_neither_booking),
		ALLOWANCE_TEST(a_spent_day_frees_at_midnight_in_california),
		ALLOWANCE_TEST(nothing_is_sent_while_it_cannot_be_told_which_day_counts_it),
		ALLOWANCE_TEST(a_day_is_given_back_with_the_rest),
		ALLOWANCE_TEST(nothing_limited_is_lent_while_the_minute_before_is_not_known),
		ALLOWANCE_TEST(windows_stay_with_their_row_when_limits_come_and_go),
		ALLOWANCE_TEST(a_limit_that_outgrows_the_form_of_its_window_is_kept),
		ALLOWANCE_TEST(processes_that_begin_at_once_share_one_limit),
	};

	return cmocka_run_group_tests_name("upstream/allowance", tests, NULL, NULL);
}
