/*
 * Calls of functions with their signatures: what was given out comes back, to its own client
 * alone, and is forgotten in time.
 */
#include "tests/unit/upstream/world.h"

#include "base/loop.h"
#include "memory/signature.h"

#define HOUR (60 * MINUTE)

/*
 * The worker's end of writing, done at once: what is written is in the store when the call
 * returns.  It stands in for store/writer.c, which needs a janitor at the other end of a link.
 */
struct writer {
	struct store *store;
	bool is_full;
	size_t writes;
};

bool
writer_write(struct writer *w, const struct write_op *ops, size_t n, writer_fn *done, void *ctx)
{
	struct txn t = store_write(w->store);
	struct err e = ERR_INIT;

	if (w->is_full) {
		store_abort(&t);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		store_put(&t, ops[i].table, ops[i].key, ops[i].value);
	assert_true(store_end(&t, &e));
	w->writes++;
	if (done)
		done(ctx, NULL);
	return true;
}

struct memory {
	struct world *world;
	struct writer writer;
	struct arena *arena;
	struct signature_book book;
};

static int
setup(void **state)
{
	struct memory *m = mem_alloc(sizeof(*m));

	if (world_open((void **)&m->world) != 0)
		return -1;
	m->writer.store = m->world->store;
	m->arena = arena_new(0);
	m->book = (struct signature_book){ .store = m->world->store,
		.seal = m->world->seal,
		.writer = &m->writer,
		.client = SPAN("c1") };
	*state = m;
	return 0;
}

static int
teardown(void **state)
{
	struct memory *m = *state;

	arena_free(&m->arena);
	world_close((void **)&m->world);
	mem_free(m);
	return 0;
}

static const struct signed_call call = {
	.id = { "call_AAA", 8 },
	.upstream_id = { "fc-1", 4 },
	.name = { "get_temp", 8 },
	.args = { "{\"city\":\"Paris\",\"days\":2}", 25 },
	.signature = { "QUJD", 4 },
	.step_index = 1,
	.model = { "gemini-3.5-flash", 16 },
};

static void
keep(struct memory *m, const struct signed_call *c, int64_t wall_ms)
{
	assert_true(signature_keep(&m->book, c, wall_ms, NULL, NULL));
}

static bool
is_found(struct memory *m, const char *id, int64_t wall_ms)
{
	struct signed_call found;

	return signature_find(&m->book, span_of(id), wall_ms, m->arena, &found);
}

static void
assert_text(struct span is, struct span wanted)
{
	assert_int_equal(is.len, wanted.len);
	assert_memory_equal(is.p, wanted.p, wanted.len);
}

static void
a_call_is_found_by_its_id_with_all_it_had(void **state)
{
	struct memory *m = *state;
	struct signed_call found;

	keep(m, &call, T0);
	assert_true(signature_find(&m->book, call.id, T0 + SECOND, m->arena, &found));
	assert_text(found.id, call.id);
	assert_text(found.upstream_id, call.upstream_id);
	assert_text(found.name, call.name);
	assert_text(found.args, call.args);
	assert_text(found.signature, call.signature);
	assert_text(found.model, call.model);
	assert_int_equal(found.step_index, 1);
}

static void
an_id_that_was_never_given_out_is_not_found(void **state)
{
	struct memory *m = *state;

	keep(m, &call, T0);
	assert_false(is_found(m, "call_BBB", T0));
	assert_false(is_found(m, "", T0));
}

static void
an_id_too_long_for_the_store_is_not_found(void **state)
{
	struct memory *m = *state;
	char id[2000];

	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_false(is_found(m, id, T0));
}

static void
another_client_does_not_find_it(void **state)
{
	struct memory *m = *state;
	struct signed_call found;

	keep(m, &call, T0);
	m->book.client = SPAN("c2");
	assert_false(is_found(m, "call_AAA", T0));
	assert_false(signature_find_like(&m->book, &call, T0, m->arena, &found));
}

static void
a_call_is_found_by_what_it_is(void **state)
{
	struct memory *m = *state;
	struct signed_call like = call, found;

	keep(m, &call, T0);
	like.id = SPAN("made-by-the-client");
	assert_true(signature_find_like(&m->book, &like, T0, m->arena, &found));
	assert_text(found.signature, call.signature);
	assert_text(found.id, call.id);
}

static void
blanks_and_the_order_of_arguments_do_not_count(void **state)
{
	struct memory *m = *state;
	struct signed_call like = call, found;

	keep(m, &call, T0);
	like.args = SPAN("{ \"days\": 2, \"city\": \"Paris\" }");
	assert_true(signature_find_like(&m->book, &like, T0, m->arena, &found));
}

/* JSON.parse and JSON.stringify make 2 of 2.0. */
static void
how_a_number_is_written_does_not_count(void **state)
{
	struct memory *m = *state;
	struct signed_call like = call, found;

	keep(m, &call, T0);
	like.args = SPAN("{\"city\":\"Paris\",\"days\":2.0}");
	assert_true(signature_find_like(&m->book, &like, T0, m->arena, &found));
	like.args = SPAN("{\"city\":\"Paris\",\"days\":0.2e1}");
	assert_true(signature_find_like(&m->book, &like, T0, m->arena, &found));
	like.args = SPAN("{\"city\":\"Paris\",\"days\":2.5}");
	assert_false(signature_find_like(&m->book, &like, T0, m->arena, &found));
}

static void
other_arguments_name_place_or_family_are_another_call(void **state)
{
	struct memory *m = *state;
	struct signed_call others[] = { call, call, call, call }, found;

	keep(m, &call, T0);
	others[0].args = SPAN("{\"city\":\"Rome\",\"days\":2}");
	others[1].name = SPAN("get_wind");
	others[2].step_index = 0;
	others[3].model = SPAN("gemini-2.5-flash");
	for (size_t i = 0; i < 4; i++)
		assert_false(signature_find_like(&m->book, &others[i], T0, m->arena, &found));
}

static void
a_model_of_the_same_family_is_the_same(void **state)
{
	struct memory *m = *state;
	struct signed_call like = call, found;

	keep(m, &call, T0);
	like.model = SPAN("gemini-3.1-pro-preview");
	assert_true(signature_find_like(&m->book, &like, T0, m->arena, &found));
}

static void
a_call_over_its_time_is_not_found(void **state)
{
	struct memory *m = *state;

	keep(m, &call, T0);
	m->writer.is_full = true; /* no use is noted */
	assert_true(is_found(m, "call_AAA", T0 + SIGNATURE_TTL_MS));
	assert_false(is_found(m, "call_AAA", T0 + SIGNATURE_TTL_MS + 1));
}

static void
a_use_puts_the_end_of_its_time_off(void **state)
{
	struct memory *m = *state;

	keep(m, &call, T0);
	assert_true(is_found(m, "call_AAA", T0 + 20 * HOUR));
	assert_true(is_found(m, "call_AAA", T0 + 40 * HOUR));
	assert_false(is_found(m, "call_AAA", T0 + 65 * HOUR));
}

static void
a_use_soon_after_is_not_written(void **state)
{
	struct memory *m = *state;

	keep(m, &call, T0);
	assert_true(is_found(m, "call_AAA", T0 + 10 * MINUTE));
	assert_int_equal(m->writer.writes, 1);
}

static void
what_the_queue_does_not_take_is_said(void **state)
{
	struct memory *m = *state;

	m->writer.is_full = true;
	assert_false(signature_keep(&m->book, &call, T0, NULL, NULL));
}

static void
a_signature_is_sealed_at_rest(void **state)
{
	(void)state;
	assert_true(table_is_sealed(TABLE_SIGNATURE));
}

static uint64_t
records(struct memory *m, enum table table)
{
	struct txn t = store_read(m->world->store);
	struct err e = ERR_INIT;
	uint64_t n = store_count(&t, table);

	assert_true(store_end(&t, &e));
	return n;
}

static void
sweep(struct memory *m, int64_t wall_ms)
{
	struct loop *loop = loop_new();
	struct committer *c = committer_new(loop, m->world->store, m->world->board);

	while (signature_sweep(m->world->store, c, wall_ms) > 0) {
		committer_free(&c);
		c = committer_new(loop, m->world->store, m->world->board);
	}
	committer_free(&c);
	loop_free(&loop);
}

static void
what_is_over_its_time_is_swept_with_all_its_traces(void **state)
{
	struct memory *m = *state;
	struct signed_call other = call;

	keep(m, &call, T0);
	other.id = SPAN("call_BBB");
	other.step_index = 0;
	keep(m, &other, T0 + 10 * HOUR);
	sweep(m, T0 + SIGNATURE_TTL_MS + HOUR);
	assert_int_equal(records(m, TABLE_SIGNATURE), 1);
	assert_int_equal(records(m, TABLE_SIGNATURE_LIKE), 1);
	assert_int_equal(records(m, TABLE_SIGNATURE_AGE), 1);
	assert_true(is_found(m, "call_BBB", T0 + SIGNATURE_TTL_MS + HOUR));
}

static void
what_was_used_since_is_not_swept(void **state)
{
	struct memory *m = *state;

	keep(m, &call, T0);
	assert_true(is_found(m, "call_AAA", T0 + 20 * HOUR));
	sweep(m, T0 + 30 * HOUR);
	assert_int_equal(records(m, TABLE_SIGNATURE_AGE), 1);
	assert_true(is_found(m, "call_AAA", T0 + 30 * HOUR));
}

static void
hundreds_are_swept_in_several_turns(void **state)
{
	struct memory *m = *state;

	for (int i = 0; i < 700; i++) {
		struct signed_call c = call;
		char id[32];

		snprintf(id, sizeof(id), "call_%d", i);
		c.id = span_of(id);
		c.step_index = (size_t)i;
		keep(m, &c, T0 + i);
	}
	sweep(m, T0 + 2 * SIGNATURE_TTL_MS);
	assert_int_equal(records(m, TABLE_SIGNATURE), 0);
	assert_int_equal(records(m, TABLE_SIGNATURE_LIKE), 0);
	assert_int_equal(records(m, TABLE_SIGNATURE_AGE), 0);
}

/* To compare arguments is to parse them, and a client may send any number of megabytes. */
static void
a_call_that_is_too_large_is_neither_kept_nor_looked_for(void **state)
{
	struct memory *m = *state;
	struct signed_call large = call, found;
	struct buf args = BUF_INIT;

	buf_add_lit(&args, "{\"a\":\"");
	for (int i = 0; i < 1 << 17; i++)
		buf_add_lit(&args, "12345678");
	buf_add_lit(&args, "\"}");
	large.args = buf_span(&args);
	assert_false(signature_keep(&m->book, &large, T0, NULL, NULL));
	assert_int_equal(m->writer.writes, 0);
	assert_false(signature_find_like(&m->book, &large, T0, m->arena, &found));
	buf_fini(&args);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(a_call_is_found_by_its_id_with_all_it_had),
		CASE(an_id_that_was_never_given_out_is_not_found),
		CASE(an_id_too_long_for_the_store_is_not_found),
		CASE(another_client_does_not_find_it),
		CASE(a_call_is_found_by_what_it_is),
		CASE(blanks_and_the_order_of_arguments_do_not_count),
		CASE(how_a_number_is_written_does_not_count),
		CASE(other_arguments_name_place_or_family_are_another_call),
		CASE(a_model_of_the_same_family_is_the_same),
		CASE(a_call_over_its_time_is_not_found),
		CASE(a_use_puts_the_end_of_its_time_off),
		CASE(a_use_soon_after_is_not_written),
		CASE(what_the_queue_does_not_take_is_said),
		CASE(a_call_that_is_too_large_is_neither_kept_nor_looked_for),
		CASE(a_signature_is_sealed_at_rest),
		CASE(what_is_over_its_time_is_swept_with_all_its_traces),
		CASE(what_was_used_since_is_not_swept),
		CASE(hundreds_are_swept_in_several_turns),
	};

	return cmocka_run_group_tests_name("memory/signature", tests, NULL, NULL);
}
