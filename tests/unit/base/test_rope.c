/* Bytes in pieces: what is copied, what is borrowed, what comes later. */
#include "tests/unit/unit.h"

#include "base/rope.h"

#define LARGE (ROPE_BORROW_MIN + 100)

struct world {
	struct arena *arena;
	struct rope rope;
	char large[LARGE];
};

static int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->arena = arena_new(0);
	memset(w->large, 'x', sizeof(w->large));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	rope_fini(&w->rope);
	arena_free(&w->arena);
	mem_free(w);
	return 0;
}

static void
assert_flat(const struct body *b, struct span wanted)
{
	struct buf flat = BUF_INIT;

	body_flatten(b, &flat);
	assert_int_equal(flat.len, wanted.len);
	assert_int_equal(body_len(b), wanted.len);
	if (wanted.len > 0)
		assert_memory_equal(flat.data, wanted.p, wanted.len);
	buf_fini(&flat);
}

static void
an_empty_rope_is_an_empty_body_and_not_none(void **state)
{
	struct world *w = *state;
	struct body b = rope_body(&w->rope, w->arena);

	assert_non_null(b.pieces);
	assert_flat(&b, SPAN_NONE);
}

static void
text_alone_is_one_piece(void **state)
{
	struct world *w = *state;

	buf_add_lit(&w->rope.text, "{\"a\":1}");
	struct body b = rope_body(&w->rope, w->arena);

	assert_int_equal(b.count, 1);
	assert_flat(&b, SPAN("{\"a\":1}"));
}

static void
what_is_large_is_borrowed_and_stands_where_it_was_put(void **state)
{
	struct world *w = *state;
	struct buf wanted = BUF_INIT;

	buf_add_lit(&w->rope.text, "before ");
	rope_borrow(&w->rope, span_mem(w->large, LARGE));
	buf_add_lit(&w->rope.text, " behind");
	struct body b = rope_body(&w->rope, w->arena);

	buf_add_lit(&wanted, "before ");
	buf_add(&wanted, w->large, LARGE);
	buf_add_lit(&wanted, " behind");
	assert_int_equal(b.count, 3);
	assert_ptr_equal(b.pieces[1].p, w->large);
	assert_flat(&b, buf_span(&wanted));
	assert_int_equal(rope_len(&w->rope), wanted.len);
	buf_fini(&wanted);
}

static void
what_is_small_is_copied(void **state)
{
	struct world *w = *state;

	rope_borrow(&w->rope, span_mem(w->large, ROPE_BORROW_MIN - 1));
	struct body b = rope_body(&w->rope, w->arena);

	assert_int_equal(b.count, 1);
	assert_ptr_not_equal(b.pieces[0].p, w->large);
}

static void
two_borrowed_ones_may_follow_each_other(void **state)
{
	struct world *w = *state;

	rope_borrow(&w->rope, span_mem(w->large, LARGE));
	rope_borrow(&w->rope, span_mem(w->large, LARGE - 1));
	struct body b = rope_body(&w->rope, w->arena);

	assert_int_equal(b.count, 2);
	assert_int_equal(body_len(&b), 2 * LARGE - 1);
}

static void
a_place_is_told_and_filled_later(void **state)
{
	struct world *w = *state;
	struct span *place = NULL;

	buf_add_lit(&w->rope.text, "[");
	rope_later(&w->rope, &place);
	buf_add_lit(&w->rope.text, "]");
	struct body b = rope_body(&w->rope, w->arena);

	assert_non_null(place);
	assert_flat(&b, SPAN("[]"));
	*place = SPAN("{}");
	assert_flat(&b, SPAN("[{}]"));
}

static void
a_rope_behind_another_keeps_its_places(void **state)
{
	struct world *w = *state;
	struct rope other = ROPE_INIT;
	struct span *place = NULL;
	struct buf wanted = BUF_INIT;

	buf_add_lit(&w->rope.text, "one ");
	rope_borrow(&w->rope, span_mem(w->large, LARGE));
	buf_add_lit(&other.text, " two ");
	rope_borrow(&other, span_mem(w->large, LARGE));
	rope_later(&other, &place);
	buf_add_lit(&other.text, " end");
	rope_append(&w->rope, &other);
	rope_fini(&other);
	struct body b = rope_body(&w->rope, w->arena);

	*place = SPAN("later");
	buf_add_lit(&wanted, "one ");
	buf_add(&wanted, w->large, LARGE);
	buf_add_lit(&wanted, " two ");
	buf_add(&wanted, w->large, LARGE);
	buf_add_lit(&wanted, "later end");
	assert_flat(&b, buf_span(&wanted));
	buf_fini(&wanted);
}

static void
a_cleared_rope_begins_anew(void **state)
{
	struct world *w = *state;

	rope_borrow(&w->rope, span_mem(w->large, LARGE));
	rope_clear(&w->rope);
	buf_add_lit(&w->rope.text, "new");
	struct body b = rope_body(&w->rope, w->arena);

	assert_flat(&b, SPAN("new"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(an_empty_rope_is_an_empty_body_and_not_none),
		CASE(text_alone_is_one_piece),
		CASE(what_is_large_is_borrowed_and_stands_where_it_was_put),
		CASE(what_is_small_is_copied),
		CASE(two_borrowed_ones_may_follow_each_other),
		CASE(a_place_is_told_and_filled_later),
		CASE(a_rope_behind_another_keeps_its_places),
		CASE(a_cleared_rope_begins_anew),
	};

	return cmocka_run_group_tests_name("base/rope", tests, NULL, NULL);
}
