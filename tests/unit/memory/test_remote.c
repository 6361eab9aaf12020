/*
 * Who owns what lives at Google: learned from answers, found by name, forgotten in time.
 */
#include "tests/unit/upstream/world.h"

#include "base/loop.h"
#include "memory/remote.h"
#include "memory/remote_name.h"

#define HOUR  (60 * MINUTE)
#define DAY   (24 * HOUR)
#define ANN   "aaaaaaaaaaaaaaaa"
#define BEN   "bbbbbbbbbbbbbbbb"
#define LATER "2026-09-22T00:00:00Z" /* T0 is on the 21st */

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
		if (ops[i].value.p)
			store_put(&t, ops[i].table, ops[i].key, ops[i].value);
		else
			store_erase(&t, ops[i].table, ops[i].key);
	assert_true(store_end(&t, &e));
	w->writes++;
	if (done)
		done(ctx, NULL);
	return true;
}

struct memory {
	struct world *world;
	struct writer writer;
	struct remote_book book;
	size_t done;
};

static int
setup(void **state)
{
	struct memory *m = mem_alloc(sizeof(*m));

	if (world_open((void **)&m->world) != 0)
		return -1;
	m->writer.store = m->world->store;
	m->book = (struct remote_book){ .store = m->world->store, .writer = &m->writer };
	*state = m;
	return 0;
}

static int
teardown(void **state)
{
	struct memory *m = *state;

	world_close((void **)&m->world);
	mem_free(m);
	return 0;
}

static void
on_done(void *ctx, const struct err *e)
{
	struct memory *m = ctx;

	assert_null(e);
	m->done++;
}

/* True: something was written. */
static bool
learn(struct memory *m, const char *answer, const char *owner, int64_t wall_ms)
{
	size_t done = m->done;
	bool writes = remote_learn(&m->book, span_of(answer), owner, wall_ms, on_done, m);

	assert_int_equal(m->done, done + writes);
	return writes;
}

/* Whose it is, or "". */
static const char *
owner_of(struct memory *m, const char *name, int64_t wall_ms)
{
	static char owner[CREDENTIAL_ID_LEN + 1];
	bool found = remote_owner(&m->book, span_of(name), wall_ms, owner);

	assert_int_equal(found, owner[0] != '\0');
	return owner;
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

/* ---- learning ---- */

static void
an_object_belongs_to_whoever_showed_it(void **state)
{
	struct memory *m = *state;

	assert_true(learn(m, "{\"file\":{\"name\":\"files/a\"}}", ANN, T0));
	assert_true(learn(m, "{\"name\":\"cachedContents/c\"}", BEN, T0));
	assert_string_equal(owner_of(m, "files/a", T0 + HOUR), ANN);
	assert_string_equal(owner_of(m, "cachedContents/c", T0), BEN);
	assert_string_equal(owner_of(m, "files/b", T0), "");
	assert_string_equal(owner_of(m, "nonsense", T0), "");
	assert_string_equal(owner_of(m, "", T0), "");
}

static void
a_list_shows_all_that_it_holds(void **state)
{
	struct memory *m = *state;

	assert_true(
	    learn(m, "{\"files\":[{\"name\":\"files/a\"},{\"name\":\"files/b\"}]}", ANN, T0));
	assert_int_equal(m->writer.writes, 1);
	assert_string_equal(owner_of(m, "files/a", T0), ANN);
	assert_string_equal(owner_of(m, "files/b", T0), ANN);
}

static void
an_answer_that_shows_nothing_writes_nothing(void **state)
{
	struct memory *m = *state;

	assert_false(learn(m, "{}", ANN, T0));
	assert_false(learn(m, "{\"candidates\":[]}", ANN, T0));
	assert_false(learn(m, "broken", ANN, T0));
	assert_false(learn(m, "", ANN, T0));
	assert_int_equal(m->writer.writes, 0);
}

/* Programs ask after a file each second until it is ready. */
static void
what_is_known_is_not_written_again(void **state)
{
	struct memory *m = *state;
	static const char file[] = "{\"name\":\"files/a\",\"expirationTime\":\"" LATER "\"}";
	static const char batch[] = "{\"name\":\"batches/b\"}";

	assert_true(learn(m, file, ANN, T0));
	assert_true(learn(m, batch, ANN, T0));
	for (int i = 1; i < 100; i++) {
		assert_false(learn(m, file, ANN, T0 + i * SECOND));
		assert_false(learn(m, batch, ANN, T0 + i * SECOND));
		assert_false(learn(m, "{\"uri\":\"files/a\"}", ANN, T0 + i * SECOND));
	}
	assert_int_equal(m->writer.writes, 2);
}

static void
the_last_one_that_showed_it_owns_it(void **state)
{
	struct memory *m = *state;

	learn(m, "{\"name\":\"files/a\"}", ANN, T0);
	assert_true(learn(m, "{\"name\":\"files/a\"}", BEN, T0 + SECOND));
	assert_string_equal(owner_of(m, "files/a", T0 + SECOND), BEN);
	assert_int_equal(records(m, TABLE_REMOTE), 1);
	assert_int_equal(records(m, TABLE_REMOTE_AGE), 1);
}

static void
what_the_store_does_not_take_is_not_waited_for(void **state)
{
	struct memory *m = *state;

	m->writer.is_full = true;
	assert_false(learn(m, "{\"name\":\"files/a\"}", ANN, T0));
	m->book.writer = NULL;
	assert_false(learn(m, "{\"name\":\"files/a\"}", ANN, T0));
	assert_string_equal(owner_of(m, "files/a", T0), "");
}

/* ---- its time ---- */

static void
it_is_known_until_it_expires(void **state)
{
	struct memory *m = *state;
	int64_t end = INT64_C(1790035200000); /* LATER */

	learn(m, "{\"name\":\"files/a\",\"expirationTime\":\"" LATER "\"}", ANN, T0);
	assert_string_equal(owner_of(m, "files/a", end - 1), ANN);
	assert_string_equal(owner_of(m, "files/a", end), "");
}

static void
an_end_that_is_put_off_counts(void **state)
{
	struct memory *m = *state;

	learn(
	    m, "{\"name\":\"cachedContents/c\",\"expireTime\":\"2026-09-21T16:00:00Z\"}", ANN, T0);
	assert_true(
	    learn(m, "{\"name\":\"cachedContents/c\",\"expireTime\":\"" LATER "\"}", ANN, T0));
	assert_int_equal(records(m, TABLE_REMOTE_AGE), 1);
	assert_string_equal(owner_of(m, "cachedContents/c", T0 + 3 * HOUR), ANN);
}

static void
what_has_expired_already_is_not_learned(void **state)
{
	assert_false(learn(
	    *state, "{\"name\":\"files/a\",\"expirationTime\":\"2020-01-01T00:00:00Z\"}", ANN, T0));
}

static void
an_absurd_end_is_cut(void **state)
{
	struct memory *m = *state;

	learn(m, "{\"name\":\"files/a\",\"expirationTime\":\"9999-12-31T23:59:59Z\"}", ANN, T0);
	assert_string_equal(owner_of(m, "files/a", T0 + 399 * DAY), ANN);
	assert_string_equal(owner_of(m, "files/a", T0 + 401 * DAY), "");
}

static void
without_an_end_it_is_kept_for_two_days_behind_its_last_use(void **state)
{
	struct memory *m = *state;

	learn(m, "{\"name\":\"batches/b\"}", ANN, T0);
	assert_string_equal(owner_of(m, "batches/b", T0 + 47 * HOUR), ANN);
	assert_string_equal(owner_of(m, "batches/b", T0 + 94 * HOUR), ANN);
	assert_string_equal(owner_of(m, "batches/b", T0 + 94 * HOUR + REMOTE_TTL_MS), "");
	assert_int_equal(records(m, TABLE_REMOTE_AGE), 1);
}

static void
a_use_is_written_once_an_hour_at_most(void **state)
{
	struct memory *m = *state;

	learn(m, "{\"name\":\"batches/b\"}", ANN, T0);
	for (int i = 0; i < 120; i++)
		assert_string_equal(owner_of(m, "batches/b", T0 + i * MINUTE), ANN);
	assert_int_equal(m->writer.writes, 2);
}

static void
what_google_keeps_is_kept_for_long(void **state)
{
	struct memory *m = *state;

	learn(m, "{\"name\":\"fileSearchStores/s\"}", ANN, T0);
	assert_string_equal(owner_of(m, "fileSearchStores/s", T0 + 89 * DAY), ANN);
	assert_string_equal(owner_of(m, "fileSearchStores/s", T0 + 178 * DAY), ANN);
}

/* ---- finding ---- */

static void
a_part_belongs_to_the_owner_of_the_whole(void **state)
{
	struct memory *m = *state;

	learn(m, "{\"name\":\"fileSearchStores/s\"}", ANN, T0);
	learn(m, "{\"name\":\"tunedModels/t/operations/o\"}", BEN, T0);
	assert_string_equal(owner_of(m, "fileSearchStores/s/documents/d", T0), ANN);
	assert_string_equal(owner_of(m, "fileSearchStores/s/upload/operations/o", T0), ANN);
	assert_string_equal(owner_of(m, "fileSearchStores/x/documents/d", T0), "");
	assert_string_equal(owner_of(m, "tunedModels/t/operations/o", T0), BEN);
	assert_string_equal(owner_of(m, "tunedModels/t", T0), "");
}

static void
what_belongs_to_one_is_used_together(void **state)
{
	struct memory *m = *state;
	const struct span names[] = { SPAN("files/nobody"), SPAN("files/a"), SPAN("files/b") };
	char owner[CREDENTIAL_ID_LEN + 1];
	struct err e = ERR_INIT;

	learn(m, "{\"files\":[{\"name\":\"files/a\"},{\"name\":\"files/b\"}]}", ANN, T0);
	assert_true(remote_owner_of_all(&m->book, names, COUNT(names), T0, owner, &e));
	assert_string_equal(owner, ANN);
	assert_true(remote_owner_of_all(&m->book, names, 1, T0, owner, &e));
	assert_string_equal(owner, "");
	assert_true(remote_owner_of_all(&m->book, NULL, 0, T0, owner, &e));
	assert_string_equal(owner, "");
}

static void
what_belongs_to_two_is_refused_by_name(void **state)
{
	struct memory *m = *state;
	const struct span names[] = { SPAN("files/nobody"), SPAN("files/a"),
		SPAN("cachedContents/c"), SPAN("files/b") };
	char owner[CREDENTIAL_ID_LEN + 1];
	struct err e = ERR_INIT;

	learn(m, "{\"files\":[{\"name\":\"files/a\"},{\"name\":\"files/b\"}]}", ANN, T0);
	learn(m, "{\"name\":\"cachedContents/c\"}", BEN, T0);
	assert_false(remote_owner_of_all(&m->book, names, COUNT(names), T0, owner, &e));
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_string_equal(e.field, "cachedContent");
	assert_non_null(strstr(e.text, "\"files/a\" and \"cachedContents/c\""));
	assert_null(strstr(e.text, ANN));
}

static void
what_is_forgotten_belongs_to_nobody(void **state)
{
	struct memory *m = *state;

	learn(m, "{\"name\":\"files/a\"}", ANN, T0);
	remote_forget(&m->book, SPAN("files/a"));
	assert_string_equal(owner_of(m, "files/a", T0), "");
	assert_int_equal(records(m, TABLE_REMOTE), 0);
	assert_int_equal(records(m, TABLE_REMOTE_AGE), 0);
	remote_forget(&m->book, SPAN("files/a"));
	remote_forget(&m->book, SPAN("nonsense"));
	remote_forget(&m->book, SPAN_NONE);
	assert_int_equal(m->writer.writes, 2);
}

static void
put(struct memory *m, enum table table, struct span key, struct span value)
{
	struct txn t = store_write(m->world->store);
	struct err e = ERR_INIT;

	store_put(&t, table, key, value);
	assert_true(store_end(&t, &e));
}

static void
a_broken_record_has_no_owner(void **state)
{
	static const struct span records_[] = { { "", 0 },
		{ "\x01\x10"
		  "abc",
		    5 },
		{ "\xFF", 1 }, { "\x02\x01\x02", 3 },
		{ "\x01\x11"
		  "aaaaaaaaaaaaaaaaa",
		    19 } };
	struct memory *m = *state;

	for (size_t i = 0; i < COUNT(records_); i++) {
		put(m, TABLE_REMOTE, SPAN("files/a"), records_[i]);
		assert_string_equal(owner_of(m, "files/a", T0), "");
	}
	assert_true(learn(m, "{\"name\":\"files/a\"}", ANN, T0));
	assert_string_equal(owner_of(m, "files/a", T0), ANN);
}

/* ---- sweeping ---- */

static void
sweep(struct memory *m, int64_t wall_ms)
{
	struct loop *loop = loop_new();
	struct committer *c = committer_new(loop, m->world->store, m->world->board);

	while (remote_sweep(m->world->store, c, wall_ms) > 0) {
		committer_free(&c);
		c = committer_new(loop, m->world->store, m->world->board);
	}
	committer_free(&c);
	loop_free(&loop);
}

static void
what_is_over_its_time_is_swept(void **state)
{
	struct memory *m = *state;

	learn(m, "{\"name\":\"files/a\"}", ANN, T0);
	learn(m, "{\"name\":\"files/b\"}", ANN, T0 + 10 * HOUR);
	learn(m, "{\"name\":\"tunedModels/t\"}", ANN, T0);
	sweep(m, T0 + REMOTE_TTL_MS + HOUR);
	assert_int_equal(records(m, TABLE_REMOTE), 2);
	assert_int_equal(records(m, TABLE_REMOTE_AGE), 2);
	assert_string_equal(owner_of(m, "files/b", T0 + REMOTE_TTL_MS + HOUR), ANN);
}

/* Two workers may have written at once: a line stays that no record knows of. */
static void
a_line_of_a_record_that_was_put_off_goes_alone(void **state)
{
	struct memory *m = *state;
	static const char lines[][16] = { "\0\0\0\0\0\0\0\1files/a", "\0\0\0\0\0\0\0\2files/z" };

	learn(m, "{\"name\":\"files/a\"}", ANN, T0);
	put(m, TABLE_REMOTE_AGE, span_mem(lines[0], 15), SPAN(""));
	put(m, TABLE_REMOTE_AGE, span_mem(lines[1], 15), SPAN(""));
	put(m, TABLE_REMOTE_AGE, span_mem(lines[0], 3), SPAN(""));
	assert_int_equal(records(m, TABLE_REMOTE_AGE), 4);
	sweep(m, T0 + HOUR);
	assert_int_equal(records(m, TABLE_REMOTE_AGE), 1);
	assert_string_equal(owner_of(m, "files/a", T0 + HOUR), ANN);
}

static void
hundreds_are_swept_in_several_turns(void **state)
{
	struct memory *m = *state;

	for (int page = 0; page < 5; page++) {
		struct buf answer = BUF_INIT;

		buf_add_lit(&answer, "{\"files\":[");
		for (int i = 0; i < 200; i++)
			buf_printf(&answer, "%s{\"name\":\"files/f%d-%d\"}", i ? "," : "", page, i);
		buf_add_lit(&answer, "]}");
		assert_true(learn(m, buf_text(&answer), ANN, T0));
		buf_fini(&answer);
	}
	assert_int_equal(records(m, TABLE_REMOTE), 1000);
	sweep(m, T0 + REMOTE_TTL_MS + 1);
	assert_int_equal(records(m, TABLE_REMOTE), 0);
	assert_int_equal(records(m, TABLE_REMOTE_AGE), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(an_object_belongs_to_whoever_showed_it),
		CASE(a_list_shows_all_that_it_holds),
		CASE(an_answer_that_shows_nothing_writes_nothing),
		CASE(what_is_known_is_not_written_again),
		CASE(the_last_one_that_showed_it_owns_it),
		CASE(what_the_store_does_not_take_is_not_waited_for),
		CASE(it_is_known_until_it_expires),
		CASE(an_end_that_is_put_off_counts),
		CASE(what_has_expired_already_is_not_learned),
		CASE(an_absurd_end_is_cut),
		CASE(without_an_end_it_is_kept_for_two_days_behind_its_last_use),
		CASE(a_use_is_written_once_an_hour_at_most),
		CASE(what_google_keeps_is_kept_for_long),
		CASE(a_part_belongs_to_the_owner_of_the_whole),
		CASE(what_belongs_to_one_is_used_together),
		CASE(what_belongs_to_two_is_refused_by_name),
		CASE(what_is_forgotten_belongs_to_nobody),
		CASE(a_broken_record_has_no_owner),
		CASE(what_is_over_its_time_is_swept),
		CASE(a_line_of_a_record_that_was_put_off_goes_alone),
		CASE(hundreds_are_swept_in_several_turns),
	};

	return cmocka_run_group_tests_name("memory/remote", tests, NULL, NULL);
}
