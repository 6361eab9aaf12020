/*
 * Freezes, outcomes, breakers and the look at them, on rows of the test's own; the names that
 * nobody knows and the thaw of all, on a board.
 */
#include "tests/unit/ipc/board_place.h"

#include "upstream/fitness.h"

#define WALL   INT64_C(1790000000000) /* 2026-09-21 14:13:20 UTC */
#define UP     INT64_C(86400000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const struct moment now = { UP, WALL };
static const struct breaker_rule rule = { 3, 5000, 60000, 1000 };

static struct moment
later(int64_t ms)
{
	return (struct moment){ UP + ms, WALL + ms };
}

/* As the clock shows it that was set by that much. */
static struct moment
set_by(struct moment m, int64_t ms)
{
	m.wall_ms += ms;
	return m;
}

static void
freeze_for(struct board_row *row, int64_t ms, enum outcome cause)
{
	struct fitness_freeze f = { .until_ms = UP + ms, .cause = cause };

	fitness_freeze(row, &f, now);
}

static void
freeze_by_wall(struct board_row *row, int64_t ms, enum outcome cause)
{
	struct fitness_freeze f = { .until_ms = WALL + ms, .by_wall = true, .cause = cause };

	fitness_freeze(row, &f, now);
}

static bool
is_frozen(const struct board_row *row, struct moment m)
{
	return fitness_frozen(row, m).until_ms != 0;
}

/* ---- freezes ---- */

static void
a_freeze_ends_at_its_time(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	freeze_for(&row, MINUTE, OUTCOME_QUOTA_MINUTE);
	struct fitness_freeze f = fitness_frozen(&row, later(MINUTE - 1));

	assert_int_equal(f.until_ms, UP + MINUTE);
	assert_false(f.by_wall);
	assert_int_equal(f.cause, OUTCOME_QUOTA_MINUTE);
	assert_false(is_frozen(&row, later(MINUTE)));
	assert_int_equal(fitness_frozen(&row, later(MINUTE)).cause, OUTCOME_OK);
}

static void
a_freeze_of_a_day_ends_by_the_wall_clock(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	freeze_by_wall(&row, 10 * HOUR, OUTCOME_QUOTA_DAY);
	struct fitness_freeze f = fitness_frozen(&row, later(HOUR));

	assert_int_equal(f.until_ms, WALL + 10 * HOUR);
	assert_true(f.by_wall);
	assert_int_equal(f.cause, OUTCOME_QUOTA_DAY);
	assert_true(is_frozen(&row, later(10 * HOUR - 1)));
	assert_false(is_frozen(&row, later(10 * HOUR)));
}

static void
a_freeze_only_ever_grows_longer(void **state)
{
	static const struct {
		bool first_by_wall, second_by_wall;
		int64_t first, second, left;
	} cases[] = {
		{ false, false, 10 * MINUTE, MINUTE, 10 * MINUTE },
		{ false, false, MINUTE, 10 * MINUTE, 10 * MINUTE },
		{ true, true, 10 * MINUTE, MINUTE, 10 * MINUTE },
		{ true, true, MINUTE, 10 * MINUTE, 10 * MINUTE },
		{ true, false, 10 * MINUTE, MINUTE, 10 * MINUTE },
		{ true, false, MINUTE, 10 * MINUTE, 10 * MINUTE },
		{ false, true, 10 * MINUTE, MINUTE, 10 * MINUTE },
		{ false, true, MINUTE, 10 * MINUTE, 10 * MINUTE },
		{ false, true, MINUTE, MINUTE, MINUTE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct board_row row = { 0 };
		bool kept = cases[i].first >= cases[i].second;

		(cases[i].first_by_wall ? freeze_by_wall : freeze_for)(
		    &row, cases[i].first, OUTCOME_QUOTA_DAY);
		(cases[i].second_by_wall ? freeze_by_wall : freeze_for)(
		    &row, cases[i].second, OUTCOME_REGION);
		assert_true(is_frozen(&row, later(cases[i].left - 1)));
		assert_false(is_frozen(&row, later(cases[i].left)));
		assert_int_equal(
		    fitness_frozen(&row, now).cause, kept ? OUTCOME_QUOTA_DAY : OUTCOME_REGION);
	}
}

static void
a_freeze_that_is_over_gives_way_to_a_shorter_one(void **state)
{
	struct board_row row = { 0 };
	struct fitness_freeze f = { .until_ms = UP + 2 * HOUR, .cause = OUTCOME_QUOTA_VAGUE };

	(void)state;
	freeze_by_wall(&row, HOUR, OUTCOME_QUOTA_DAY);
	fitness_freeze(&row, &f, later(2 * HOUR - SECOND));
	assert_int_equal(fitness_frozen(&row, later(2 * HOUR - SECOND)).cause, OUTCOME_QUOTA_VAGUE);
}

static void
a_freeze_until_a_time_that_is_past_is_none(void **state)
{
	static const int64_t until[] = { 0, -1, INT64_MIN / 2, UP, UP - 1, 1 };
	struct board_row row = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(until); i++) {
		struct fitness_freeze f = { .until_ms = until[i], .cause = OUTCOME_REGION };

		fitness_freeze(&row, &f, now);
		assert_false(is_frozen(&row, now));
		f.by_wall = true;
		f.until_ms = until[i] < 2 ? until[i] : WALL;
		fitness_freeze(&row, &f, now);
		assert_int_equal(row.words[FITNESS_FREEZE], 0);
	}
}

static void
a_freeze_for_ever_is_bounded(void **state)
{
	struct board_row row = { 0 };
	struct fitness_freeze f = { .until_ms = INT64_MAX, .cause = OUTCOME_REGION };

	(void)state;
	for (int by_wall = 0; by_wall < 2; by_wall++) {
		f.by_wall = by_wall;
		row.words[FITNESS_FREEZE] = 0;
		fitness_freeze(&row, &f, now);
		assert_true(is_frozen(&row, later(90 * DAY)));
		assert_false(is_frozen(&row, later(101 * DAY)));
	}
}

static void
a_clock_that_jumps_leaves_a_minutes_freeze_as_it_is(void **state)
{
	static const int64_t jumps[] = { HOUR, -HOUR, 400 * DAY, -400 * DAY, -WALL };

	(void)state;
	for (size_t i = 0; i < COUNT(jumps); i++) {
		struct board_row row = { 0 };

		freeze_for(&row, MINUTE, OUTCOME_QUOTA_MINUTE);
		assert_true(is_frozen(&row, set_by(later(MINUTE - 1), jumps[i])));
		assert_false(is_frozen(&row, set_by(later(MINUTE), jumps[i])));
	}
}

static void
a_clock_set_back_makes_a_days_freeze_longer_by_two_hours_at_most(void **state)
{
	static const int64_t starts[] = { 0, 1, HOUR / 2, HOUR - 1 };
	static const int64_t jumps[] = { -HOUR, -3 * HOUR, -DAY, -4000 * DAY };

	(void)state;
	for (size_t s = 0; s < COUNT(starts); s++)
		for (size_t i = 0; i < COUNT(jumps); i++) {
			struct board_row row = { 0 };
			struct moment m = later(starts[s]);
			struct fitness_freeze f = { .until_ms = m.wall_ms + 10 * HOUR,
				.by_wall = true,
				.cause = OUTCOME_QUOTA_DAY };

			fitness_freeze(&row, &f, m);
			m = later(starts[s] + 11 * HOUR - 1);
			assert_true(is_frozen(&row, set_by(m, jumps[i])));
			m = later(starts[s] + 12 * HOUR);
			assert_false(is_frozen(&row, set_by(m, jumps[i])));
		}
}

static void
a_clock_set_forward_ends_a_days_freeze_when_it_says_so(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	freeze_by_wall(&row, 10 * HOUR, OUTCOME_QUOTA_DAY);
	assert_false(is_frozen(&row, set_by(later(9 * HOUR), HOUR)));
}

static void
ends_are_compared_on_one_scale_though_the_clock_was_set(void **state)
{
	struct board_row row = { 0 };
	struct fitness_freeze f = { .until_ms = UP + 20 * MINUTE, .cause = OUTCOME_REGION };

	/* It had an hour to go, of which the jump has left ten minutes. */
	(void)state;
	freeze_by_wall(&row, HOUR, OUTCOME_QUOTA_DAY);
	fitness_freeze(&row, &f, set_by(now, 50 * MINUTE));
	assert_int_equal(fitness_frozen(&row, set_by(now, 50 * MINUTE)).cause, OUTCOME_REGION);
}

static void
a_thaw_ends_what_stands_in_the_way_and_keeps_what_was_counted(void **state)
{
	struct board_row row = { 0 };
	struct fitness_rows rows = { .own = &row, .scope = &row };
	struct fitness_view v;

	(void)state;
	fitness_succeeded(&row, 10, 20, now);
	assert_true(fitness_day_book(&row, 0, now));
	freeze_for(&row, HOUR, OUTCOME_QUOTA_MINUTE);
	for (int i = 0; i < 3; i++)
		fitness_break(&row, &rule, OUTCOME_SERVER_ERROR, now, 0);
	fitness_full(&row, UP + MINUTE);
	fitness_full_tokens(&row, 1, UP + MINUTE);
	fitness_vague(&row);
	fitness_thaw(&row);
	assert_int_equal(fitness_look(&rows, 0, 5, now).pass, PASS_NONE);
	assert_int_equal(fitness_vague(&row), 1);
	fitness_view(&row, now, &v);
	assert_int_equal(v.successes, 1);
	assert_int_equal(v.day_used, 1);
	/* And a new one holds again, even a shorter one. */
	freeze_for(&row, SECOND, OUTCOME_QUOTA_MINUTE);
	assert_true(is_frozen(&row, now));
}

/* ---- the thaw of all ---- */

static const struct board_sizes sizes = {
	.cells = 64, .subjects = 64, .models = 16, .windows = 16, .leases = 4, .traces = 16
};

static void
a_thaw_of_all_reaches_every_model_and_what_the_project_shares(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	int key = board_subject(b, 7, true), project = board_subject(b, 8, true);
	int other = board_subject(b, 9, true);
	int flash = board_model(b, SPAN("flash"), true), pro = board_model(b, SPAN("pro"), true);
	uint64_t thaws = board_generation(b, BOARD_GEN_THAWS);
	const int models[] = { BOARD_WHOLE, flash, pro };

	for (size_t i = 0; i < COUNT(models); i++) {
		freeze_for(board_row(b, key, models[i], true), HOUR, OUTCOME_FORBIDDEN);
		freeze_for(board_row(b, project, models[i], true), HOUR, OUTCOME_QUOTA_DAY);
		freeze_for(board_row(b, other, models[i], true), HOUR, OUTCOME_REGION);
	}
	fitness_thaw_all(b, key, project);
	for (size_t i = 0; i < COUNT(models); i++) {
		assert_false(is_frozen(board_row(b, key, models[i], true), now));
		assert_false(is_frozen(board_row(b, project, models[i], true), now));
		assert_true(is_frozen(board_row(b, other, models[i], true), now));
	}
	assert_true(board_generation(b, BOARD_GEN_THAWS) > thaws);
	assert_int_equal(board_marked(b, key), key);
	assert_int_equal(board_marked(b, project), project);
	assert_int_equal(board_marked(b, 0), -1);
	board_detach(&b);
}

static void
a_thaw_of_one_that_never_had_a_place_does_nothing(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);

	int key = board_subject(b, 7, true);

	fitness_thaw_all(b, -1, -1);
	assert_int_equal(board_marked(b, 0), -1);
	fitness_thaw_all(b, key, -1);
	assert_int_equal(board_marked(b, 0), key);
	assert_null(board_row(b, key, BOARD_WHOLE, false)); /* nor does it make a row */
	board_detach(&b);
}

/* ---- lending ---- */

static void
what_is_lent_is_in_flight_until_it_is_returned(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	fitness_lent(&row, 5, now);
	fitness_lent(&row, 6, now);
	assert_int_equal(fitness_in_flight(&row), 2);
	fitness_returned(&row);
	assert_int_equal(fitness_in_flight(&row), 1);
	fitness_returned(&row);
	fitness_returned(&row);
	assert_int_equal(fitness_in_flight(&row), 0);
}

static void
the_latest_ticket_is_kept_and_the_first_lending(void **state)
{
	struct board_row row = { 0 };
	struct fitness_view v;

	(void)state;
	fitness_lent(&row, 9, now);
	fitness_lent(&row, 7, later(MINUTE)); /* of another process, a moment late */
	assert_int_equal(fitness_ticket(&row), 9);
	fitness_view(&row, now, &v);
	assert_int_equal(v.first_lent_wall_s, WALL / SECOND);
}

/* ---- outcomes ---- */

static void
a_success_is_counted_and_raises_the_posterior(void **state)
{
	struct board_row row = { 0 };
	struct fitness_view v;

	(void)state;
	for (int i = 0; i < 10; i++)
		fitness_succeeded(&row, 100, 900, now);
	fitness_view(&row, now, &v);
	assert_int_equal(v.successes, 10);
	assert_int_equal(v.failures, 0);
	assert_int_equal(v.last_failure, OUTCOME_OK);
	assert_true(v.mean > 0.8 && v.weight > 8);
	assert_int_equal(v.last_success_wall_s, WALL / SECOND);
}

static void
a_failure_is_counted_and_blamed_only_where_it_is_one(void **state)
{
	struct board_row row = { 0 };
	struct fitness_view v;

	(void)state;
	fitness_failed(&row, OUTCOME_QUOTA_MINUTE, false, now);
	fitness_view(&row, now, &v);
	assert_int_equal(v.failures, 1);
	assert_int_equal(v.last_failure, OUTCOME_QUOTA_MINUTE);
	assert_true(v.weight < 0.001 && v.mean > 0.499);
	fitness_failed(&row, OUTCOME_GARBLED, true, now);
	fitness_view(&row, now, &v);
	assert_int_equal(v.failures, 2);
	assert_int_equal(v.last_failure, OUTCOME_GARBLED);
	assert_true(v.mean < 0.4);
}

static void
every_outcome_is_kept_as_the_last_failure(void **state)
{
	(void)state;
	for (int o = OUTCOME_OK + 1; o < OUTCOME_COUNT; o++) {
		struct board_row row = { 0 };
		struct fitness_view v;

		fitness_failed(&row, (enum outcome)o, false, now);
		freeze_for(&row, HOUR, (enum outcome)o);
		fitness_view(&row, now, &v);
		assert_int_equal(v.last_failure, o);
		assert_int_equal(v.freeze.cause, o);
		assert_int_equal(v.frozen_for_ms, HOUR);
	}
}

static void
an_average_begins_with_the_first_and_comes_to_rest_at_the_true_value(void **state)
{
	struct board_row row = { 0 };
	struct fitness_view v;

	(void)state;
	fitness_succeeded(&row, 800, 4000, now);
	fitness_view(&row, now, &v);
	assert_int_equal(v.first_byte_ms, 800);
	assert_int_equal(v.total_ms, 4000);
	fitness_succeeded(&row, 1600, 4000, now);
	fitness_view(&row, now, &v);
	assert_int_equal(v.first_byte_ms, 900);
	for (int i = 0; i < 200; i++)
		fitness_succeeded(&row, 203, 7, now);
	fitness_view(&row, now, &v);
	assert_in_range(v.first_byte_ms, 203, 204);
	assert_in_range(v.total_ms, 7, 8);
}

static void
what_was_not_reached_leaves_its_average(void **state)
{
	struct board_row row = { 0 };
	struct fitness_view v;

	(void)state;
	fitness_succeeded(&row, 800, -1, now);
	fitness_succeeded(&row, -1, 50, now);
	fitness_succeeded(&row, -1, -1, now);
	fitness_view(&row, now, &v);
	assert_int_equal(v.first_byte_ms, 800);
	assert_int_equal(v.total_ms, 50);
}

static void
an_absurd_time_fills_its_average_and_no_other(void **state)
{
	struct board_row row = { 0 };
	struct fitness_view v;

	(void)state;
	for (int i = 0; i < 20; i++)
		fitness_succeeded(&row, 3, INT64_MAX, now);
	fitness_view(&row, now, &v);
	assert_int_equal(v.first_byte_ms, 3);
	assert_int_equal(v.total_ms, UINT32_MAX / 8);
}

static void
vague_refusals_are_counted_in_a_row_until_a_success(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	assert_int_equal(fitness_vague(&row), 1);
	assert_int_equal(fitness_vague(&row), 2);
	fitness_succeeded(&row, 1, 1, now);
	assert_int_equal(fitness_vague(&row), 1);
	assert_int_equal(fitness_vague(&row), 2);
	fitness_vague_ends(&row);
	for (int i = 0; i < 300; i++)
		fitness_vague(&row);
	assert_int_equal(fitness_vague(&row), 255);
}

static void
a_forbidden_model_is_counted_once_however_often_it_is_forbidden(void **state)
{
	struct board_row whole = { 0 }, a = { 0 }, b = { 0 };

	/* It is frozen for half an hour each time: one busy model must not disable a credential
	 * that has all others. */
	(void)state;
	for (int i = 0; i < 40; i++)
		assert_int_equal(fitness_forbidden(&a, &whole, later(i * 30 * MINUTE)), 1);
	assert_int_equal(fitness_forbidden(&b, &whole, later(20 * HOUR)), 2);
	assert_int_equal(fitness_forbidden(&b, &whole, later(21 * HOUR)), 2);
}

static void
forbidden_models_are_counted_within_a_day(void **state)
{
	struct board_row whole = { 0 }, a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	assert_int_equal(fitness_forbidden(&a, &whole, now), 1);
	assert_int_equal(fitness_forbidden(&b, &whole, later(23 * HOUR)), 2);
	assert_int_equal(fitness_forbidden(&c, &whole, later(24 * HOUR)), 1);
	assert_int_equal(fitness_forbidden(&b, &whole, later(25 * HOUR)), 2);
	assert_int_equal(fitness_forbidden(&a, &whole, later(25 * HOUR)), 3);
}

static void
forbidden_models_are_forgotten_by_a_thaw_but_not_by_a_success(void **state)
{
	struct board_row whole = { 0 }, a = { 0 }, b = { 0 };

	(void)state;
	fitness_forbidden(&a, &whole, now);
	fitness_succeeded(&whole, 1, 1, now);
	assert_int_equal(fitness_forbidden(&b, &whole, now), 2);
	fitness_thaw(&whole);
	fitness_thaw(&a);
	fitness_thaw(&b);
	assert_int_equal(fitness_forbidden(&a, &whole, later(SECOND)), 1);
}

static void
a_forbidden_model_without_a_row_is_not_counted(void **state)
{
	struct board_row whole = { 0 }, a = { 0 };

	/* Names come from clients: three that are made up must not disable a credential. */
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(fitness_forbidden(NULL, &whole, now), 0);
	assert_int_equal(fitness_forbidden(&a, &whole, now), 1);
}

static void
vague_and_forbidden_share_a_word_and_nothing_else(void **state)
{
	struct board_row whole = { 0 }, a = { 0 }, b = { 0 };

	(void)state;
	fitness_vague(&whole);
	fitness_forbidden(&a, &whole, now);
	assert_int_equal(fitness_vague(&whole), 2);
	assert_int_equal(fitness_forbidden(&b, &whole, now), 2);
	assert_int_equal(fitness_vague(&whole), 3);
}

/* ---- breakers ---- */

static void
a_breaker_opens_once_and_says_so(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	assert_false(fitness_break(&row, &rule, OUTCOME_SERVER_ERROR, now, 0));
	assert_false(fitness_break(&row, &rule, OUTCOME_SERVER_ERROR, now, 0));
	assert_true(fitness_break(&row, &rule, OUTCOME_SERVER_ERROR, now, 0));
	assert_false(fitness_break(&row, &rule, OUTCOME_SERVER_ERROR, now, 0));
	assert_true(fitness_probe(&row, later(MINUTE)));
	assert_true(fitness_break(&row, &rule, OUTCOME_UNREACHABLE, later(MINUTE), 0));
	assert_int_equal(breaker_cause(row.words[FITNESS_BREAKER]), OUTCOME_UNREACHABLE);
}

static void
a_half_open_breaker_gives_one_probe(void **state)
{
	struct board_row row = { 0 };
	struct fitness_rows rows = { .own = &row };

	(void)state;
	for (int i = 0; i < 3; i++)
		fitness_break(&row, &rule, OUTCOME_SERVER_ERROR, now, 0);
	assert_false(fitness_probe(&row, now));
	assert_true(fitness_look(&rows, 0, 0, later(MINUTE)).probes);
	assert_true(fitness_probe(&row, later(MINUTE)));
	assert_false(fitness_probe(&row, later(MINUTE)));
	assert_int_equal(fitness_look(&rows, 0, 0, later(MINUTE)).pass, PASS_PROBED);
	fitness_unprobe(&row, later(MINUTE));
	assert_true(fitness_probe(&row, later(MINUTE)));
	fitness_mend(&row);
	assert_false(fitness_probe(&row, later(MINUTE)));
	assert_int_equal(fitness_look(&rows, 0, 0, later(MINUTE)).pass, PASS_NONE);
	assert_false(fitness_look(&rows, 0, 0, later(MINUTE)).probes);
}

static void
a_probe_that_is_wished_for_is_taken_once(void **state)
{
	struct board_row row = { 0 };
	struct fitness_limits said = { .rpm = 5 };

	(void)state;
	assert_false(fitness_take_probe(&row));
	fitness_learn(&row, &said, now);
	fitness_ask_probe(&row, now);
	assert_true(fitness_take_probe(&row));
	assert_false(fitness_take_probe(&row));
	assert_int_equal(fitness_learned(&row, now).rpm, 5);
}

/* ---- without rows ---- */

static void
without_rows_a_credential_is_simply_unknown(void **state)
{
	struct fitness_rows none = { 0 };
	struct fitness_freeze f = { .until_ms = UP + 1, .cause = OUTCOME_REGION };
	struct fitness_limits said = { 5, 5, 5 };
	struct fitness_view v;

	(void)state;
	fitness_freeze(NULL, &f, now);
	fitness_thaw(NULL);
	fitness_lent(NULL, 1, now);
	fitness_returned(NULL);
	fitness_succeeded(NULL, 1, 1, now);
	fitness_failed(NULL, OUTCOME_SILENT, true, now);
	fitness_mend(NULL);
	fitness_unprobe(NULL, now);
	fitness_day_return(NULL, now);
	fitness_learn(NULL, &said, now);
	fitness_full(NULL, 1);
	fitness_full_tokens(NULL, 1, 1);
	fitness_vague_ends(NULL);
	fitness_ask_probe(NULL, now);
	assert_false(fitness_take_probe(NULL));
	assert_false(fitness_break(NULL, &rule, OUTCOME_SILENT, now, 0));
	assert_false(fitness_probe(NULL, now));
	assert_int_equal(fitness_vague(NULL), 1);
	assert_int_equal(fitness_forbidden(NULL, NULL, now), 0);
	assert_true(fitness_day_book(NULL, 1, now));
	assert_int_equal(fitness_day_used(NULL, now), 0);
	assert_int_equal(fitness_in_flight(NULL), 0);
	assert_int_equal(fitness_ticket(NULL), 0);
	assert_int_equal(fitness_learned(NULL, now).rpm, 0);
	assert_int_equal(fitness_look(&none, 1, 1, now).pass, PASS_NONE);
	assert_int_equal(fitness_look_model(&none, now).pass, PASS_NONE);
	fitness_view(NULL, now, &v);
	assert_int_equal(v.frozen_for_ms, 0);
	assert_int_equal(v.breaker, BREAKER_CLOSED);
	assert_true(v.mean > 0.49 && v.mean < 0.51);
}

/* ---- together ---- */

#define WORKERS 4
#define ROUNDS  20000

static int
work(void *ctx)
{
	struct board_row *row = ctx;

	for (int i = 0; i < ROUNDS; i++) {
		fitness_lent(row, (uint64_t)i, now);
		fitness_day_book(row, 3 * ROUNDS, now);
		fitness_failed(row, OUTCOME_SILENT, false, now);
		fitness_returned(row);
	}
	return 0;
}

static void
processes_that_change_a_row_at_once_lose_nothing(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct board_row *row = board_row(b, board_subject(b, 7, true), BOARD_WHOLE, true);
	pid_t pids[WORKERS];
	struct fitness_view v;

	for (int i = 0; i < WORKERS; i++)
		pids[i] = child(work, row);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(ended(pids[i]), 0);
	fitness_view(row, now, &v);
	assert_int_equal(v.in_flight, 0);
	assert_int_equal(v.failures, WORKERS * ROUNDS);
	assert_int_equal(v.day_used, 3 * ROUNDS); /* and not one more */
	assert_int_equal(fitness_ticket(row), ROUNDS - 1);
	board_detach(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_freeze_ends_at_its_time),
		cmocka_unit_test(a_freeze_of_a_day_ends_by_the_wall_clock),
		cmocka_unit_test(a_freeze_only_ever_grows_longer),
		cmocka_unit_test(a_freeze_that_is_over_gives_way_to_a_shorter_one),
		cmocka_unit_test(a_freeze_until_a_time_that_is_past_is_none),
		cmocka_unit_test(a_freeze_for_ever_is_bounded),
		cmocka_unit_test(a_clock_that_jumps_leaves_a_minutes_freeze_as_it_is),
		cmocka_unit_test(a_clock_set_back_makes_a_days_freeze_longer_by_two_hours_at_most),
		cmocka_unit_test(a_clock_set_forward_ends_a_days_freeze_when_it_says_so),
		cmocka_unit_test(ends_are_compared_on_one_scale_though_the_clock_was_set),
		cmocka_unit_test(a_thaw_ends_what_stands_in_the_way_and_keeps_what_was_counted),
		cmocka_unit_test_setup_teardown(
		    a_thaw_of_all_reaches_every_model_and_what_the_project_shares, place_setup,
		    place_teardown),
		cmocka_unit_test_setup_teardown(
		    a_thaw_of_one_that_never_had_a_place_does_nothing, place_setup, place_teardown),
		cmocka_unit_test(what_is_lent_is_in_flight_until_it_is_returned),
		cmocka_unit_test(the_latest_ticket_is_kept_and_the_first_lending),
		cmocka_unit_test(a_success_is_counted_and_raises_the_posterior),
		cmocka_unit_test(a_failure_is_counted_and_blamed_only_where_it_is_one),
		cmocka_unit_test(every_outcome_is_kept_as_the_last_failure),
		cmocka_unit_test(
		    an_average_begins_with_the_first_and_comes_to_rest_at_the_true_value),
		cmocka_unit_test(what_was_not_reached_leaves_its_average),
		cmocka_unit_test(an_absurd_time_fills_its_average_and_no_other),
		cmocka_unit_test(vague_refusals_are_counted_in_a_row_until_a_success),
		cmocka_unit_test(a_forbidden_model_is_counted_once_however_often_it_is_forbidden),
		cmocka_unit_test(forbidden_models_are_counted_within_a_day),
		cmocka_unit_test(forbidden_models_are_forgotten_by_a_thaw_but_not_by_a_success),
		cmocka_unit_test(a_forbidden_model_without_a_row_is_not_counted),
		cmocka_unit_test(vague_and_forbidden_share_a_word_and_nothing_else),
		cmocka_unit_test(a_breaker_opens_once_and_says_so),
		cmocka_unit_test(a_half_open_breaker_gives_one_probe),
		cmocka_unit_test(a_probe_that_is_wished_for_is_taken_once),
		cmocka_unit_test(without_rows_a_credential_is_simply_unknown),
		cmocka_unit_test_setup_teardown(
		    processes_that_change_a_row_at_once_lose_nothing, place_setup, place_teardown),
	};

	return cmocka_run_group_tests_name("upstream/fitness", tests, NULL, NULL);
}
