/*
 * The list of upstream's models: merged from what credentials were told, kept in the store,
 * asked for anew when it is old.
 */
#include "tests/unit/upstream/world.h"

#include "upstream/catalogue.h"

#define HOUR (60 * MINUTE)

/* The worker's end of writing, done at once; it stands in for store/writer.c, which
 * needs a janitor at the other end of a link. */
struct writer {
	struct world *world;
	bool is_full;
	size_t writes, ops;
};

bool
writer_write(struct writer *w, const struct write_op *ops, size_t n, writer_fn *done, void *ctx)
{
	struct txn t = store_write(w->world->store);
	struct err e = ERR_INIT;

	(void)ctx;
	assert_null(done);
	assert_true(n > 0);
	if (w->is_full) {
		store_abort(&t);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (ops[i].value.p)
			store_put(&t, ops[i].table, ops[i].key, ops[i].value);
		else
			store_erase(&t, ops[i].table, ops[i].key);
	}
	assert_true(store_end(&t, &e));
	board_bump(w->world->board, BOARD_GEN_MODELS);
	w->writes++;
	w->ops += n;
	return true;
}

struct shelf {
	struct world *world;
	struct writer writer;
	struct catalogue *here, *there; /* of two workers */
	struct buf names;               /* of what was listed last, each behind a blank */
};

static int
setup(void **state)
{
	struct shelf *s = mem_alloc(sizeof(*s));

	if (world_open((void **)&s->world) != 0)
		return -1;
	s->writer.world = s->world;
	s->here = catalogue_new(s->world->store, s->world->board, &s->writer);
	s->there = catalogue_new(s->world->store, s->world->board, &s->writer);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct shelf *s = *state;

	catalogue_free(&s->here);
	catalogue_free(&s->there);
	catalogue_free(&s->there); /* twice is fine */
	buf_fini(&s->names);
	world_close((void **)&s->world);
	mem_free(s);
	return 0;
}

static struct catalogue_model
model(const char *name, int64_t seen_wall_ms)
{
	return (struct catalogue_model){ .name = span_of(name),
		.display_name = SPAN("Gemini \"x\""),
		.input_tokens = 1048576,
		.output_tokens = 65536,
		.thinks = true,
		.generates = true,
		.embeds = false,
		.seen_wall_ms = seen_wall_ms };
}

static void
note(struct catalogue *c, const char *name, int64_t seen_wall_ms)
{
	struct catalogue_model m = model(name, seen_wall_ms);

	catalogue_note(c, &m);
}

static bool
add_name(void *ctx, const struct catalogue_model *m)
{
	struct shelf *s = ctx;

	buf_printf(&s->names, " %.*s", SPAN_ARG(m->name));
	return true;
}

static const char *
listed(struct shelf *s, struct catalogue *c, int64_t now_wall_ms)
{
	buf_clear(&s->names);
	catalogue_each(c, now_wall_ms, add_name, s);
	return buf_text(&s->names);
}

/* ---- records ---- */

static void
a_record_has_all_that_is_known_of_a_model(void **state)
{
	struct catalogue_model m = model("gemini-x", T0), back;
	struct buf record = BUF_INIT;

	(void)state;
	catalogue_encode(&m, &record);
	assert_true(catalogue_decode(m.name, buf_span(&record), &back));
	assert_true(span_is(back.name, "gemini-x"));
	assert_true(span_is(back.display_name, "Gemini \"x\""));
	assert_int_equal(back.input_tokens, 1048576);
	assert_int_equal(back.output_tokens, 65536);
	assert_true(back.thinks && back.generates && !back.embeds);
	assert_int_equal(back.seen_wall_ms, T0);
	buf_fini(&record);
}

static void
a_record_of_a_newer_version_is_read(void **state)
{
	struct catalogue_model m = model("gemini-x", T0), back;
	struct buf record = BUF_INIT;

	(void)state;
	catalogue_encode(&m, &record);
	record_put_text(&record, 77, SPAN("who knows"));
	assert_true(catalogue_decode(m.name, buf_span(&record), &back));
	assert_int_equal(back.seen_wall_ms, T0);
	buf_fini(&record);
}

static void
what_is_no_record_is_refused(void **state)
{
	static const char *const records[] = { "\x01", "\x01\x7fshort", "\x02\x03\x80\x80\x80",
		"\x02\x01\x01", "\x03\x01\x01" /* both less than nothing */ };
	struct catalogue_model back;

	(void)state;
	for (size_t i = 0; i < COUNT(records); i++)
		if (catalogue_decode(SPAN("x"), span_of(records[i]), &back))
			fail_msg("record %zu was taken", i);
	assert_false(catalogue_decode(SPAN(""), SPAN_NONE, &back));
}

/* ---- the list ---- */

static void
an_empty_catalogue_is_not_fresh(void **state)
{
	struct shelf *s = *state;

	assert_false(catalogue_is_fresh(s->here, T0));
	assert_string_equal(listed(s, s->here, T0), "");
	assert_null(catalogue_find(s->here, SPAN("gemini-x")));
}

static void
models_are_listed_in_order_of_name(void **state)
{
	struct shelf *s = *state;

	note(s->here, "gemini-b", T0);
	note(s->here, "gemini-a", T0);
	note(s->here, "gemini-b-2", T0);
	note(s->here, "aqa", T0);
	assert_string_equal(listed(s, s->here, T0), " aqa gemini-a gemini-b gemini-b-2");
}

static bool
stop_at_once(void *ctx, const struct catalogue_model *m)
{
	(void)m;
	++*(int *)ctx;
	return false;
}

static void
a_list_ends_when_its_reader_has_enough(void **state)
{
	struct shelf *s = *state;
	int count = 0;

	note(s->here, "a", T0);
	note(s->here, "b", T0);
	catalogue_each(s->here, T0, stop_at_once, &count);
	assert_int_equal(count, 1);
}

static void
what_several_credentials_were_told_is_merged(void **state)
{
	struct shelf *s = *state;
	struct catalogue_model again = model("b", T0 + SECOND);

	note(s->here, "a", T0);
	note(s->here, "b", T0);
	again.output_tokens = 8;
	again.display_name = SPAN_NONE;
	catalogue_note(s->here, &again);
	note(s->here, "c", T0 + SECOND);
	assert_string_equal(listed(s, s->here, T0 + SECOND), " a b c");
	assert_int_equal(catalogue_find(s->here, SPAN("b"))->output_tokens, 8);
	assert_int_equal(catalogue_find(s->here, SPAN("b"))->display_name.len, 0);
}

static void
a_model_may_be_noted_out_of_the_catalogue_itself(void **state)
{
	struct shelf *s = *state;
	const struct catalogue_model *found;

	note(s->here, "a", T0);
	catalogue_note(s->here, catalogue_find(s->here, SPAN("a")));
	found = catalogue_find(s->here, SPAN("a"));
	assert_true(span_is(found->name, "a"));
	assert_true(span_is(found->display_name, "Gemini \"x\""));
}

static void
a_name_is_found_whole(void **state)
{
	struct shelf *s = *state;

	note(s->here, "gemini-b", T0);
	assert_non_null(catalogue_find(s->here, SPAN("gemini-b")));
	assert_null(catalogue_find(s->here, SPAN("gemini")));
	assert_null(catalogue_find(s->here, SPAN("gemini-bb")));
	assert_null(catalogue_find(s->here, SPAN("")));
}

/* ---- time ---- */

static void
a_list_is_fresh_for_ten_minutes(void **state)
{
	struct shelf *s = *state;

	note(s->here, "a", T0 - HOUR);
	note(s->here, "b", T0);
	assert_true(catalogue_is_fresh(s->here, T0));
	assert_true(catalogue_is_fresh(s->here, T0 + CATALOGUE_FRESH_MS - 1));
	assert_false(catalogue_is_fresh(s->here, T0 + CATALOGUE_FRESH_MS));
}

static void
what_nobody_was_told_of_for_two_days_is_forgotten(void **state)
{
	struct shelf *s = *state;

	note(s->here, "gone", T0);
	note(s->here, "here", T0 + HOUR);
	assert_string_equal(listed(s, s->here, T0 + CATALOGUE_FORGET_MS - 1), " gone here");
	assert_string_equal(listed(s, s->here, T0 + CATALOGUE_FORGET_MS), " here");
}

/* A clock that was a year ahead must not keep the list of that day for a year. */
static void
a_list_of_tomorrow_is_not_fresh(void **state)
{
	struct shelf *s = *state;

	note(s->here, "a", T0 + 365 * 24 * HOUR);
	assert_false(catalogue_is_fresh(s->here, T0));
	assert_string_equal(listed(s, s->here, T0), "");
	note(s->here, "a", T0);
	assert_true(catalogue_is_fresh(s->here, T0));
	assert_string_equal(listed(s, s->here, T0), " a");
}

/* ---- the store ---- */

static void
another_worker_has_what_was_saved(void **state)
{
	struct shelf *s = *state;

	assert_false(catalogue_is_fresh(s->there, T0)); /* has an empty copy */
	note(s->here, "a", T0);
	note(s->here, "b", T0);
	assert_string_equal(listed(s, s->there, T0), "");
	catalogue_save(s->here, T0);
	assert_string_equal(listed(s, s->there, T0), " a b");
	assert_true(catalogue_is_fresh(s->there, T0));
	assert_true(span_is(catalogue_find(s->there, SPAN("a"))->display_name, "Gemini \"x\""));
}

static void
what_has_not_changed_is_not_saved_again(void **state)
{
	struct shelf *s = *state;

	catalogue_save(s->here, T0);
	assert_int_equal(s->writer.writes, 0);
	note(s->here, "a", T0);
	note(s->here, "b", T0);
	catalogue_save(s->here, T0);
	catalogue_save(s->here, T0);
	assert_int_equal(s->writer.writes, 1);
	note(s->here, "b", T0 + SECOND);
	catalogue_save(s->here, T0);
	assert_int_equal(s->writer.ops, 3);
}

/* Lists come in parts; between two of them another worker may write of its own models. */
static void
what_is_not_saved_yet_survives_another_ones_write(void **state)
{
	struct shelf *s = *state;

	note(s->here, "a", T0 + SECOND);
	note(s->there, "a", T0);
	note(s->there, "b", T0);
	catalogue_save(s->there, T0);
	assert_string_equal(listed(s, s->here, T0), " a b");
	assert_int_equal(catalogue_find(s->here, SPAN("a"))->seen_wall_ms, T0 + SECOND);
	catalogue_save(s->here, T0);
	assert_int_equal(catalogue_find(s->there, SPAN("a"))->seen_wall_ms, T0 + SECOND);
}

static void
what_left_the_store_leaves_the_list(void **state)
{
	struct shelf *s = *state;
	struct err e = ERR_INIT;

	note(s->here, "a", T0);
	note(s->here, "b", T0);
	catalogue_save(s->here, T0);
	struct txn t = store_write(s->world->store);

	store_erase(&t, TABLE_MODEL, SPAN("a"));
	assert_true(store_end(&t, &e));
	board_bump(s->world->board, BOARD_GEN_MODELS);
	assert_string_equal(listed(s, s->here, T0), " b");
}

static void
a_broken_record_costs_only_itself(void **state)
{
	struct shelf *s = *state;
	struct err e = ERR_INIT;

	note(s->here, "a", T0);
	note(s->here, "c", T0);
	catalogue_save(s->here, T0);
	struct txn t = store_write(s->world->store);

	store_put(&t, TABLE_MODEL, SPAN("b"), SPAN("\x01\x7f"));
	assert_true(store_end(&t, &e));
	board_bump(s->world->board, BOARD_GEN_MODELS);
	assert_string_equal(listed(s, s->here, T0), " a c");
}

static void
what_the_queue_does_not_take_is_listed_here(void **state)
{
	struct shelf *s = *state;

	s->writer.is_full = true;
	note(s->here, "a", T0);
	catalogue_save(s->here, T0);
	assert_string_equal(listed(s, s->here, T0), " a");
}

static void
a_list_without_end_is_cut(void **state)
{
	struct shelf *s = *state;
	char name[32];
	size_t spaces = 0;

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		note(s->here, name, T0);
	}
	listed(s, s->here, T0);
	for (size_t i = 0; i < s->names.len; i++)
		spaces += s->names.data[i] == ' ';
	assert_in_range(spaces, 100, 1000);
	catalogue_save(s->here, T0);
	assert_int_equal(s->writer.writes, 1);
}

/* ---- facts ---- */

static void
the_catalogue_fills_in_what_the_table_does_not_know(void **state)
{
	struct shelf *s = *state;
	struct model_facts f = { .output_token_limit = 0 };

	note(s->here, "gemini-x", T0);
	catalogue_refine(s->here, SPAN("gemini-x"), &f);
	assert_int_equal(f.output_token_limit, 65536);
	assert_int_equal(f.input_token_limit, 1048576);
	assert_true(f.thinks);
}

static void
the_table_knows_better(void **state)
{
	struct shelf *s = *state;
	struct model_facts f = { .output_token_limit = 8, .input_token_limit = 9 };

	note(s->here, "gemini-x", T0);
	catalogue_refine(s->here, SPAN("gemini-x"), &f);
	assert_int_equal(f.output_token_limit, 8);
	assert_int_equal(f.input_token_limit, 9);
}

static void
a_model_nobody_was_told_of_stays_as_it_is(void **state)
{
	struct shelf *s = *state;
	struct model_facts f = { .output_token_limit = 0 };

	catalogue_refine(s->here, SPAN("gemini-x"), &f);
	assert_int_equal(f.output_token_limit, 0);
	assert_false(f.thinks);
}

static void
what_is_forgotten_leaves_the_store(void **state)
{
	struct shelf *s = *state;

	note(s->here, "gemini-old", T0 - CATALOGUE_FORGET_MS);
	note(s->here, "gemini-new", T0);
	catalogue_save(s->here, T0 - HOUR);
	assert_non_null(catalogue_find(s->there, SPAN("gemini-old")));
	catalogue_save(s->here, T0);
	assert_null(catalogue_find(s->there, SPAN("gemini-old")));
	assert_non_null(catalogue_find(s->there, SPAN("gemini-new")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(a_record_has_all_that_is_known_of_a_model),
		CASE(a_record_of_a_newer_version_is_read),
		CASE(what_is_no_record_is_refused),
		CASE(an_empty_catalogue_is_not_fresh),
		CASE(models_are_listed_in_order_of_name),
		CASE(a_list_ends_when_its_reader_has_enough),
		CASE(what_several_credentials_were_told_is_merged),
		CASE(a_model_may_be_noted_out_of_the_catalogue_itself),
		CASE(a_name_is_found_whole),
		CASE(a_list_is_fresh_for_ten_minutes),
		CASE(what_nobody_was_told_of_for_two_days_is_forgotten),
		CASE(a_list_of_tomorrow_is_not_fresh),
		CASE(another_worker_has_what_was_saved),
		CASE(what_has_not_changed_is_not_saved_again),
		CASE(what_is_not_saved_yet_survives_another_ones_write),
		CASE(what_left_the_store_leaves_the_list),
		CASE(what_is_forgotten_leaves_the_store),
		CASE(a_broken_record_costs_only_itself),
		CASE(what_the_queue_does_not_take_is_listed_here),
		CASE(a_list_without_end_is_cut),
		CASE(the_catalogue_fills_in_what_the_table_does_not_know),
		CASE(the_table_knows_better),
		CASE(a_model_nobody_was_told_of_stays_as_it_is),
	};

	return cmocka_run_group_tests_name("upstream/catalogue", tests, NULL, NULL);
}
