#include "tests/unit/upstream/world.h"
#include "admit/failures.h"

static enum err_kind
fail_from(struct world *w, const char *peer, int64_t at, int64_t *retry_ms)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_UNAUTHORIZED, "this client key is not known here");
	failures_note(w->board, w->seal, peer, at, &e);
	if (retry_ms)
		*retry_ms = e.retry_ms;
	return e.kind;
}

static void
the_first_failures_are_simply_refused(void **state)
{
	for (int i = 0; i < FAILURES_ALLOWED; i++)
		assert_int_equal(fail_from(*state, "192.0.2.1", T0, NULL), ERR_UNAUTHORIZED);
}

static void
too_many_are_told_to_wait_for_the_rest_of_the_window(void **state)
{
	int64_t retry_ms;

	for (int i = 0; i < FAILURES_ALLOWED; i++)
		fail_from(*state, "192.0.2.1", T0, NULL);
	assert_int_equal(fail_from(*state, "192.0.2.1", T0 + 20 * SECOND, &retry_ms), ERR_BUSY);
	assert_int_equal(retry_ms, 40 * SECOND);
}

static void
a_new_window_begins_from_nothing(void **state)
{
	for (int i = 0; i <= FAILURES_ALLOWED; i++)
		fail_from(*state, "192.0.2.1", T0, NULL);
	assert_int_equal(fail_from(*state, "192.0.2.1", T0 + MINUTE, NULL), ERR_UNAUTHORIZED);
}

static void
a_clock_that_jumps_back_does_not_lock_out_for_ever(void **state)
{
	for (int i = 0; i <= FAILURES_ALLOWED; i++)
		fail_from(*state, "192.0.2.1", T0, NULL);
	assert_int_equal(fail_from(*state, "192.0.2.1", T0 - 60 * MINUTE, NULL), ERR_UNAUTHORIZED);
}

static void
another_address_is_counted_apart(void **state)
{
	for (int i = 0; i <= FAILURES_ALLOWED; i++)
		fail_from(*state, "192.0.2.1", T0, NULL);
	/* Places are shared by chance, but not by all of a few. */
	int apart = 0;

	for (int i = 2; i < 12; i++) {
		char peer[24];

		snprintf(peer, sizeof(peer), "192.0.2.%d", i);
		apart += fail_from(*state, peer, T0, NULL) == ERR_UNAUTHORIZED;
	}
	assert_true(apart >= 8);
}

static void
addresses_of_one_ipv6_network_are_one(void **state)
{
	for (int i = 0; i < FAILURES_ALLOWED; i++) {
		char peer[40];

		snprintf(peer, sizeof(peer), "2001:db8:1:2::%x", i + 1);
		assert_int_equal(fail_from(*state, peer, T0, NULL), ERR_UNAUTHORIZED);
	}
	assert_int_equal(fail_from(*state, "2001:db8:1:2:ffff::1", T0, NULL), ERR_BUSY);
}

static void
a_million_addresses_take_no_more_cells_than_there_are_places(void **state)
{
	struct world *w = *state;
	char peer[24];

	for (int i = 0; i < 20000; i++) {
		snprintf(peer, sizeof(peer), "10.%d.%d.1", i / 256, i % 256);
		fail_from(w, peer, T0, NULL);
	}
	assert_true(board_cells_used(w->board) <= FAILURES_PLACES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_failures_are_simply_refused),
		TEST(too_many_are_told_to_wait_for_the_rest_of_the_window),
		TEST(a_new_window_begins_from_nothing),
		TEST(a_clock_that_jumps_back_does_not_lock_out_for_ever),
		TEST(another_address_is_counted_apart),
		TEST(addresses_of_one_ipv6_network_are_one),
		TEST(a_million_addresses_take_no_more_cells_than_there_are_places),
	};

	return cmocka_run_group_tests_name("admit/failures", tests, NULL, NULL);
}
