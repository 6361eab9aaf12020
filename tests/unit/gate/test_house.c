/*
 * What a dialect may ask of the house: how much one request may have looked for, and what becomes
 * of those who wait for the store.  The signatures are played by the test.
 */
#include "tests/unit/unit.h"

#include "base/loop.h"
#include "gate/house.h"
#include "memory/signature.h"

/* Stands in for memory/signature.c: all that is looked for is found, and is of the size told. */
static size_t looked, found_bytes;
static writer_fn *waiting;
static void *waiting_ctx;

bool
signature_find(const struct signature_book *b, struct span id, int64_t now_wall_ms,
    struct arena *arena, struct signed_call *out)
{
	(void)b;
	(void)id;
	(void)now_wall_ms;
	(void)arena;
	looked++;
	*out = (struct signed_call){ .args = { "", found_bytes } };
	return true;
}

bool
signature_find_like(const struct signature_book *b, const struct signed_call *like,
    int64_t now_wall_ms, struct arena *arena, struct signed_call *out)
{
	(void)like;
	return signature_find(b, SPAN_NONE, now_wall_ms, arena, out);
}

bool
signature_keep(const struct signature_book *b, const struct signed_call *c, int64_t now_wall_ms,
    writer_fn *done, void *ctx)
{
	(void)b;
	(void)c;
	(void)now_wall_ms;
	waiting = done;
	waiting_ctx = ctx;
	return true;
}

struct world {
	struct gate gate;
	struct board_slot slot;
	struct house house;
	size_t saved;
};

static int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	looked = found_bytes = 0;
	waiting = NULL;
	w->gate.loop = loop_new();
	w->gate.slot = &w->slot;
	house_init(&w->house, &w->gate, "c1", "req_1");
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	house_leave(&w->house);
	loop_free(&w->gate.loop);
	mem_free(w);
	return 0;
}

static size_t
ids_found(struct world *w, size_t tries)
{
	const struct dialect_house *face = &w->house.face;
	struct signed_call out;
	size_t n = 0;

	for (size_t i = 0; i < tries; i++)
		n += face->recall(face->ctx, SPAN("call_A"), NULL, &out);
	return n;
}

static size_t
likes_found(struct world *w, size_t tries, size_t args_len)
{
	const struct dialect_house *face = &w->house.face;
	const struct signed_call like = { .args = { "", args_len } };
	struct signed_call out;
	size_t n = 0;

	for (size_t i = 0; i < tries; i++)
		n += face->recall_like(face->ctx, &like, NULL, &out);
	return n;
}

/* ---- looking for calls ---- */

static void
ten_thousand_calls_are_all_looked_for(void **state)
{
	found_bytes = 2000;
	assert_int_equal(ids_found(*state, 10000), 10000);
	assert_int_equal(likes_found(*state, 1000, 1000), 1000);
}

static void
a_request_does_not_search_for_ever(void **state)
{
	size_t n = ids_found(*state, 1000000);

	assert_in_range(n, 10000, 100000);
	assert_int_equal(looked, n);
}

/* One record of a megabyte, named over and over, would fill the memory with its copies. */
static void
a_large_record_comes_back_so_often_only(void **state)
{
	found_bytes = 1u << 20;
	assert_in_range(ids_found(*state, 10000), 32, 128);
}

static void
arguments_are_compared_up_to_some_megabytes(void **state)
{
	assert_in_range(likes_found(*state, 1000, 1u << 20), 4, 16);
	assert_int_equal(ids_found(*state, 1), 0);
}

static void
another_request_has_its_own_share(void **state)
{
	struct world *w = *state;

	ids_found(w, 1000000);
	house_init(&w->house, &w->gate, "c1", "req_2");
	assert_int_equal(ids_found(w, 1), 1);
}

/* ---- waiting for the store ---- */

static void
on_saved(void *ctx)
{
	struct world *w = ctx;

	w->saved++;
	house_leave(&w->house); /* as one does whose last bytes were all that it waited for */
}

static void
remember(struct world *w)
{
	static const struct signed_call c = { .id = { "call_A", 6 } };

	w->house.face.remember(w->house.face.ctx, &c);
	assert_true(house_is_saving(&w->house));
	w->house.saved = on_saved;
	w->house.ctx = w;
}

static void
whoever_waits_is_told_and_may_leave_at_once(void **state)
{
	struct world *w = *state;

	remember(w);
	waiting(waiting_ctx, NULL);
	assert_int_equal(w->saved, 1);
}

static void
the_store_may_answer_when_nobody_waits_any_more(void **state)
{
	struct world *w = *state;

	remember(w);
	house_leave(&w->house);
	assert_false(house_is_saving(&w->house));
	waiting(waiting_ctx, NULL);
	assert_int_equal(w->saved, 0);
}

static void
what_the_store_does_not_take_is_counted(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	err_set(&e, ERR_FULL, "the disk is full");
	remember(w);
	house_leave(&w->house);
	waiting(waiting_ctx, &e);
	assert_int_equal(atomic_load(&w->slot.counts[BOARD_LOST_WRITES]), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(ten_thousand_calls_are_all_looked_for),
		CASE(a_request_does_not_search_for_ever),
		CASE(a_large_record_comes_back_so_often_only),
		CASE(arguments_are_compared_up_to_some_megabytes),
		CASE(another_request_has_its_own_share),
		CASE(whoever_waits_is_told_and_may_leave_at_once),
		CASE(the_store_may_answer_when_nobody_waits_any_more),
		CASE(what_the_store_does_not_take_is_counted),
	};

	return cmocka_run_group_tests_name("gate/house", tests, NULL, NULL);
}
