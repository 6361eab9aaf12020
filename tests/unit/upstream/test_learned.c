/*
 * What upstream refused of a model's options: once noted it is known, here at once and elsewhere
 * by the store, and is believed for a day.
 */
#include "tests/unit/upstream/world.h"

#include "gemini/model.h"
#include "upstream/learned.h"

#define MODEL SPAN("gemini-2.5-flash")
#define OTHER SPAN("gemini-2.5-pro")

/* The worker's end of writing, done at once; it stands in for store/writer.c, which needs a
 * janitor at the other end of a link. */
struct writer {
	struct world *world;
	bool is_full, is_slow; /* slow: takes it, and it is stored later */
	size_t writes;
};

bool
writer_write(struct writer *w, const struct write_op *ops, size_t n, writer_fn *done, void *ctx)
{
	struct txn t = store_write(w->world->store);
	struct err e = ERR_INIT;

	(void)ctx;
	assert_null(done);
	if (w->is_full) {
		store_abort(&t);
		return false;
	}
	if (w->is_slow) {
		store_abort(&t);
		return true;
	}
	for (size_t i = 0; i < n; i++)
		store_put(&t, ops[i].table, ops[i].key, ops[i].value);
	assert_true(store_end(&t, &e));
	board_bump(w->world->board, BOARD_GEN_MODELS);
	w->writes++;
	return true;
}

struct school {
	struct world *world;
	struct writer writer;
	struct learned *here, *there; /* of two workers */
};

static int
setup(void **state)
{
	struct school *s = mem_alloc(sizeof(*s));

	if (world_open((void **)&s->world) != 0)
		return -1;
	s->writer.world = s->world;
	s->here = learned_new(s->world->store, s->world->board, &s->writer);
	s->there = learned_new(s->world->store, s->world->board, &s->writer);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct school *s = *state;

	learned_free(&s->here);
	learned_free(&s->there);
	learned_free(&s->there); /* twice is fine */
	world_close((void **)&s->world);
	mem_free(s);
	return 0;
}

static void
nothing_is_lacked_before_it_is_learned(void **state)
{
	struct school *s = *state;

	assert_int_equal(learned_lacks(s->here, MODEL, T0), 0);
	assert_int_equal(learned_lacks(s->here, SPAN_NONE, T0), 0);
}

static void
what_was_learned_is_known_of_that_model_alone(void **state)
{
	struct school *s = *state;

	learned_note(s->here, MODEL, LACKS(PENALTIES), T0);
	assert_int_equal(learned_lacks(s->here, MODEL, T0), LACKS(PENALTIES));
	assert_int_equal(learned_lacks(s->here, OTHER, T0), 0);
}

static void
another_worker_knows_it_from_the_store(void **state)
{
	struct school *s = *state;

	assert_int_equal(learned_lacks(s->there, MODEL, T0), 0); /* has a copy from before */
	learned_note(s->here, MODEL, LACKS(LOGPROBS) | LACKS(SEED), T0);
	assert_int_equal(learned_lacks(s->there, MODEL, T0), LACKS(LOGPROBS) | LACKS(SEED));
}

static void
one_lack_after_another_adds_up(void **state)
{
	struct school *s = *state;

	learned_note(s->here, MODEL, LACKS(PENALTIES), T0);
	learned_note(s->there, MODEL, LACKS(CANDIDATES), T0 + MINUTE);
	assert_int_equal(
	    learned_lacks(s->here, MODEL, T0 + MINUTE), LACKS(PENALTIES) | LACKS(CANDIDATES));
}

static void
each_lack_has_a_name_of_its_own_in_the_store(void **state)
{
	struct school *s = *state;
	const unsigned all = (1u << LACK_COUNT) - 1;

	learned_note(s->here, MODEL, all, T0);
	assert_int_equal(learned_lacks(s->there, MODEL, T0), all);
}

static void
it_is_believed_for_a_day(void **state)
{
	struct school *s = *state;

	learned_note(s->here, MODEL, LACKS(TOP_K), T0);
	assert_int_equal(learned_lacks(s->here, MODEL, T0 + LEARNED_TTL_MS - 1), LACKS(TOP_K));
	assert_int_equal(learned_lacks(s->here, MODEL, T0 + LEARNED_TTL_MS), 0);
	assert_int_equal(learned_lacks(s->there, MODEL, T0 + LEARNED_TTL_MS), 0);
}

static void
what_is_over_does_not_come_back_with_the_next_lesson(void **state)
{
	struct school *s = *state;
	int64_t later = T0 + LEARNED_TTL_MS + SECOND;

	learned_note(s->here, MODEL, LACKS(TOP_K), T0);
	learned_note(s->here, MODEL, LACKS(SEED), later);
	assert_int_equal(learned_lacks(s->here, MODEL, later), LACKS(SEED));
	assert_int_equal(learned_lacks(s->there, MODEL, later), LACKS(SEED));
}

static void
what_one_request_was_refused_says_nothing_of_the_model(void **state)
{
	struct school *s = *state;

	learned_note(s->here, MODEL, LACKS_HERE(THINKING), T0);
	learned_note(s->here, SPAN_NONE, LACKS(SEED), T0);
	assert_int_equal(s->writer.writes, 0);
	assert_int_equal(learned_lacks(s->here, MODEL, T0), 0);
	learned_note(s->here, MODEL, LACKS_HERE(THINKING) | LACKS(SEED), T0);
	assert_int_equal(learned_lacks(s->here, MODEL, T0), LACKS(SEED));
}

static void
what_the_queue_does_not_take_is_known_here(void **state)
{
	struct school *s = *state;

	s->writer.is_full = true;
	learned_note(s->here, MODEL, LACKS(SEED), T0);
	assert_int_equal(learned_lacks(s->here, MODEL, T0), LACKS(SEED));
	assert_int_equal(learned_lacks(s->there, MODEL, T0), 0);
}

static void
what_is_on_its_way_to_the_store_is_not_forgotten_here(void **state)
{
	struct school *s = *state;

	learned_note(s->here, MODEL, LACKS(PENALTIES), T0);
	s->writer.is_slow = true;
	learned_note(s->here, MODEL, LACKS(LOGPROBS), T0);
	board_bump(s->world->board, BOARD_GEN_MODELS); /* for what was stored before */
	assert_int_equal(
	    learned_lacks(s->here, MODEL, T0), LACKS(PENALTIES) | LACKS(LOGPROBS));
	assert_int_equal(learned_lacks(s->here, MODEL, T0 + LEARNED_TTL_MS), 0);
}

static void
without_a_writer_it_is_known_here(void **state)
{
	struct school *s = *state;
	struct learned *alone = learned_new(s->world->store, s->world->board, NULL);

	learned_note(alone, MODEL, LACKS(SEED), T0);
	assert_int_equal(learned_lacks(alone, MODEL, T0), LACKS(SEED));
	learned_free(&alone);
}

static void
put(struct school *s, struct span record)
{
	struct txn t = store_write(s->world->store);
	struct err e = ERR_INIT;

	store_put(&t, TABLE_MODEL_LACK, MODEL, record);
	assert_true(store_end(&t, &e));
	board_bump(s->world->board, BOARD_GEN_MODELS);
}

static void
a_record_that_is_none_says_nothing(void **state)
{
	static const char *const records[] = { "", "\x01", "\x01\xff\xff\xff\xff\xff\xff",
		"\x02\x05zzzzz", "\x01\x04seed\x02\x01" };
	struct school *s = *state;

	for (size_t i = 0; i < COUNT(records); i++) {
		put(s, span_of(records[i]));
		assert_int_equal(learned_lacks(s->here, MODEL, T0), 0);
	}
}

/* A newer version may have lacks, and members, that are unknown here. */
static void
what_another_version_learned_is_taken_as_far_as_it_is_known(void **state)
{
	struct school *s = *state;
	struct buf record = BUF_INIT;

	record_put_text(&record, 1, SPAN("telepathy"));
	record_put_text(&record, 9, SPAN("whatever"));
	record_put_text(&record, 1, SPAN("seed"));
	record_put_int(&record, 2, T0 + MINUTE);
	put(s, buf_span(&record));
	assert_int_equal(learned_lacks(s->here, MODEL, T0), LACKS(SEED));
	buf_fini(&record);
}

static void
thousands_of_names_do_not_pile_up(void **state)
{
	struct school *s = *state;
	char name[32];

	learned_note(s->here, MODEL, LACKS(SEED), T0);
	for (int i = 0; i < 2500; i++) {
		snprintf(name, sizeof(name), "gemini-%d", i);
		assert_int_equal(learned_lacks(s->here, span_of(name), T0), 0);
	}
	assert_int_equal(learned_lacks(s->here, MODEL, T0), LACKS(SEED));
}

static void
a_name_too_long_for_the_store_lacks_nothing(void **state)
{
	struct school *s = *state;
	char name[2000];

	memset(name, 'x', sizeof(name));
	assert_int_equal(learned_lacks(s->here, span_mem(name, sizeof(name)), T0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(nothing_is_lacked_before_it_is_learned),
		CASE(what_was_learned_is_known_of_that_model_alone),
		CASE(another_worker_knows_it_from_the_store),
		CASE(one_lack_after_another_adds_up),
		CASE(each_lack_has_a_name_of_its_own_in_the_store),
		CASE(it_is_believed_for_a_day),
		CASE(what_is_over_does_not_come_back_with_the_next_lesson),
		CASE(what_one_request_was_refused_says_nothing_of_the_model),
		CASE(what_the_queue_does_not_take_is_known_here),
		CASE(what_is_on_its_way_to_the_store_is_not_forgotten_here),
		CASE(without_a_writer_it_is_known_here),
		CASE(a_record_that_is_none_says_nothing),
		CASE(what_another_version_learned_is_taken_as_far_as_it_is_known),
		CASE(thousands_of_names_do_not_pile_up),
		CASE(a_name_too_long_for_the_store_lacks_nothing),
	};

	return cmocka_run_group_tests_name("upstream/learned", tests, NULL, NULL);
}
