#include "tests/unit/upstream/world.h"
#include "upstream/health.h"

#define KEY UINT64_C(0x1234)
#define M   SPAN("gemini-2.5-flash")
#define N   SPAN("gemini-2.5-pro")

static void
a_freeze_of_one_model_leaves_the_others(void **state)
{
	struct world *w = *state;
	struct board_cell *cell = health_cell(w->board, KEY);
	enum outcome cause;

	health_freeze(w->board, cell, KEY, M, false, T0 + MINUTE, OUTCOME_QUOTA_MINUTE);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, M, T0, &cause), T0 + MINUTE);
	assert_int_equal(cause, OUTCOME_QUOTA_MINUTE);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, N, T0, &cause), 0);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, SPAN_NONE, T0, NULL), 0);
}

static void
a_freeze_of_the_whole_holds_for_every_model(void **state)
{
	struct world *w = *state;
	struct board_cell *cell = health_cell(w->board, KEY);

	health_freeze(w->board, cell, KEY, M, true, T0 + MINUTE, OUTCOME_REGION);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, N, T0, NULL), T0 + MINUTE);
}

static void
a_freeze_ends_at_its_time(void **state)
{
	struct world *w = *state;
	struct board_cell *cell = health_cell(w->board, KEY);

	health_freeze(w->board, cell, KEY, M, true, T0 + MINUTE, OUTCOME_REGION);
	assert_int_equal(
	    health_frozen_until(w->board, cell, KEY, M, T0 + MINUTE - 1, NULL), T0 + MINUTE);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, M, T0 + MINUTE, NULL), 0);
}

static void
a_freeze_is_only_ever_lengthened(void **state)
{
	struct world *w = *state;
	struct board_cell *cell = health_cell(w->board, KEY);
	enum outcome cause;

	health_freeze(w->board, cell, KEY, M, false, T0 + 10 * MINUTE, OUTCOME_QUOTA_DAY);
	health_freeze(w->board, cell, KEY, M, false, T0 + MINUTE, OUTCOME_QUOTA_MINUTE);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, M, T0, &cause), T0 + 10 * MINUTE);
	assert_int_equal(cause, OUTCOME_QUOTA_DAY);
}

static void
thawing_ends_every_freeze_also_of_single_models(void **state)
{
	struct world *w = *state;
	struct board_cell *cell = health_cell(w->board, KEY);

	health_freeze(w->board, cell, KEY, M, true, T0 + MINUTE, OUTCOME_REGION);
	health_freeze(w->board, cell, KEY, N, false, T0 + MINUTE, OUTCOME_QUOTA_DAY);
	health_thaw(cell);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, M, T0, NULL), 0);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, N, T0, NULL), 0);
	/* And a new one holds again, even a shorter one. */
	health_freeze(w->board, cell, KEY, N, false, T0 + SECOND, OUTCOME_QUOTA_MINUTE);
	assert_int_equal(health_frozen_until(w->board, cell, KEY, N, T0, NULL), T0 + SECOND);
}

static void
failures_in_a_row_are_counted_until_a_success(void **state)
{
	struct world *w = *state;
	struct board_cell *cell = health_cell(w->board, KEY);
	struct health_view v;

	assert_int_equal(health_failed(cell, OUTCOME_UNREACHABLE, true), 1);
	assert_int_equal(health_failed(cell, OUTCOME_SERVER_ERROR, true), 2);
	health_view(cell, T0, &v);
	assert_int_equal(v.failed_in_a_row, 2);
	assert_int_equal(v.last_failure, OUTCOME_SERVER_ERROR);
	health_succeeded(cell);
	health_view(cell, T0, &v);
	assert_int_equal(v.failed_in_a_row, 0);
	assert_int_equal(v.successes, 1);
	assert_int_equal(v.failures, 2);
	assert_int_equal(v.last_failure, OUTCOME_SERVER_ERROR);
	assert_int_equal(health_failed(cell, OUTCOME_QUOTA_MINUTE, false), 0);
}

static void
without_a_cell_a_credential_is_simply_unknown(void **state)
{
	struct world *w = *state;
	struct health_view v;

	health_freeze(w->board, NULL, KEY, M, true, T0 + MINUTE, OUTCOME_REGION);
	assert_int_equal(health_frozen_until(w->board, NULL, KEY, M, T0, NULL), 0);
	assert_int_equal(health_failed(NULL, OUTCOME_UNREACHABLE, true), 1);
	health_succeeded(NULL);
	health_thaw(NULL);
	health_lent(NULL, 5);
	assert_int_equal(health_last_lent(NULL), 0);
	health_view(NULL, T0, &v);
	assert_int_equal(v.frozen_until_wall_ms, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_freeze_of_one_model_leaves_the_others, world_open, world_close),
		cmocka_unit_test_setup_teardown(
		    a_freeze_of_the_whole_holds_for_every_model, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_freeze_ends_at_its_time, world_open, world_close),
		cmocka_unit_test_setup_teardown(
		    a_freeze_is_only_ever_lengthened, world_open, world_close),
		cmocka_unit_test_setup_teardown(
		    thawing_ends_every_freeze_also_of_single_models, world_open, world_close),
		cmocka_unit_test_setup_teardown(
		    failures_in_a_row_are_counted_until_a_success, world_open, world_close),
		cmocka_unit_test_setup_teardown(
		    without_a_cell_a_credential_is_simply_unknown, world_open, world_close),
	};

	return cmocka_run_group_tests_name("upstream/health", tests, NULL, NULL);
}
