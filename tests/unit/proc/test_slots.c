/*
 * What dead workers leave: their leases are given back, once, and only then is their slot free.
 */
#include "tests/unit/ipc/board_place.h"

#include "proc/slots.h"
#include "upstream/fitness.h"
#include "upstream/lease.h"

static const struct board_sizes sizes = {
	.subjects = 64, .models = 8, .windows = 16, .leases = 128
};
static const struct moment now = { .ms = 1000000, .wall_ms = 1790000000000 };

/* One request under way of a credential, as a worker has it in its journal. */
static struct board_row *
lend(struct board *b, int slot)
{
	int subject = board_subject(b, 77, true);
	struct board_row *own = board_row(b, subject, BOARD_WHOLE, true);
	struct lease_line line = { .subject = subject, .scope = subject, .model = -1 };

	fitness_lent(own, board_ticket(b), now);
	lease_line_write(board_lease(b, slot, 0, true), &line);
	return own;
}

static void
a_reaped_workers_leases_are_given_back_and_its_slot_is_free(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	int slot = board_slot_take(b, 0, now.wall_ms);
	struct board_row *own = lend(b, slot);
	struct lease_line line;

	assert_int_equal(fitness_in_flight(own), 1);
	slot_bury(b, slot);
	assert_int_equal(fitness_in_flight(own), 0);
	assert_false(lease_line_read(board_lease(b, slot, 0, false), &line, NULL));
	assert_int_equal(board_slot_take(b, 0, now.wall_ms), slot);
	board_detach(&b);
}

static void
a_slot_that_never_lent_anything_is_free_too(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	int slot = board_slot_take(b, 0, now.wall_ms);

	slot_bury(b, slot);
	assert_int_equal(board_slot_take(b, 0, now.wall_ms), slot);
	board_detach(&b);
}

/* A daemon of which all were killed: workers without a pid have ended. */
static int
lend_and_end(void *ctx)
{
	struct board *b = place_create(ctx, &sizes, NULL);

	for (int i = 0; i < 3; i++)
		lend(b, board_slot_take(b, 0, now.wall_ms));
	board_detach(&b);
	return 0;
}

static void
what_workers_of_a_dead_master_held_is_given_back_once(void **state)
{
	struct board_row *own;
	struct board *b;
	bool kept = false;

	assert_int_equal(ended(child(lend_and_end, *state)), 0);
	b = place_create(*state, &sizes, &kept);
	assert_true(kept);
	own = board_row(b, board_subject(b, 77, false), BOARD_WHOLE, false);
	assert_int_equal(fitness_in_flight(own), 3);
	slots_bury_orphans(b);
	assert_int_equal(fitness_in_flight(own), 0);
	lend(b, board_slot_take(b, 0, now.wall_ms));
	slots_bury_orphans(b);
	assert_int_equal(fitness_in_flight(own), 1);
	board_detach(&b);
}

int
main(void)
{
#define SLOTS_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		SLOTS_TEST(a_reaped_workers_leases_are_given_back_and_its_slot_is_free),
		SLOTS_TEST(a_slot_that_never_lent_anything_is_free_too),
		SLOTS_TEST(what_workers_of_a_dead_master_held_is_given_back_once),
	};

	return cmocka_run_group_tests_name("proc/slots", tests, NULL, NULL);
}
