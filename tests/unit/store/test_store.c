/*
 * The store: records and their seals, transactions, versions and keys that are refused, maps
 * that grow, disks that are full, processes that are killed.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/store.h"
#include "tests/unit/small_disk.h"

#define MAP (8u << 20)

struct world {
	char dir[64];   /* of the test */
	char state[80]; /* of the store, in it: made by the store itself */
	char key[96];
	struct seal *seal;
	struct store *store;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/test-store-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->state, sizeof(w->state), "%s/state", w->dir);
	snprintf(w->key, sizeof(w->key), "%s/key", w->dir);
	w->seal = seal_open(w->key, true, NULL);
	*state = w;
	return w->seal ? 0 : -1;
}

static void
remove_file(const char *dir, const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static int
teardown(void **state)
{
	struct world *w = *state;

	store_close(&w->store);
	seal_close(&w->seal);
	remove_file(w->state, "data.mdb");
	remove_file(w->state, "lock.mdb");
	rmdir(w->state);
	unlink(w->key);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void
open_store_of(struct world *w, enum store_mode mode, uint64_t map)
{
	struct err e = ERR_INIT;

	store_close(&w->store);
	w->store = store_open(w->state, mode, map, w->seal, &e);
	if (!w->store)
		fail_msg("%s", e.text);
	assert_int_equal(e.kind, ERR_NONE);
}

static void
put_one(struct store *s, enum table table, const char *key, const char *value)
{
	struct txn t = store_write(s);
	struct err e = ERR_INIT;

	store_put(&t, table, span_of(key), span_of(value));
	if (!store_end(&t, &e))
		fail_msg("%s", e.text);
}

/* A child that ends with fn's answer; 0 is well. */
static pid_t
child(int (*fn)(struct world *), struct world *w)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(w));
	return pid;
}

static int
ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool
has_value(struct store *s, enum table table, const char *key, const char *value)
{
	struct txn t = store_read(s);
	bool same = span_is(store_get(&t, table, span_of(key)), value);

	return store_end(&t, NULL) && same;
}

static bool
is_absent(struct store *s, enum table table, const char *key)
{
	struct txn t = store_read(s);
	bool none =
	    store_get(&t, table, span_of(key)).p == NULL && !store_has(&t, table, span_of(key));

	return store_end(&t, NULL) && none;
}

/* ---- records ---- */

static void
a_new_store_is_private(void **state)
{
	static const char *const names[] = { "data.mdb", "lock.mdb" };
	struct world *w = *state;
	mode_t mask = umask(0);
	struct stat st;

	assert_false(store_exists(w->state));
	open_store_of(w, STORE_WRITE, MAP);
	umask(mask);
	assert_true(store_exists(w->state));
	assert_int_equal(stat(w->state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[200];

		snprintf(path, sizeof(path), "%s/%s", w->state, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_int_equal(store_map_bytes(w->store), MAP);
	assert_true(store_used_bytes(w->store) > 0);
}

static void
records_of_any_table_outlive_the_process(void **state)
{
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, MAP);
	for (int t = 0; t < TABLE_COUNT; t++)
		put_one(w->store, (enum table)t, "key", table_name((enum table)t));
	open_store_of(w, STORE_READ, MAP);
	for (int t = 0; t < TABLE_COUNT; t++)
		assert_true(has_value(w->store, (enum table)t, "key", table_name((enum table)t)));
}

static void
a_put_replaces_and_an_erase_takes_away(void **state)
{
	struct world *w = *state;
	struct txn t;

	open_store_of(w, STORE_WRITE, MAP);
	put_one(w->store, TABLE_CREDENTIAL, "k", "one");
	put_one(w->store, TABLE_CREDENTIAL, "k", "two");
	assert_true(has_value(w->store, TABLE_CREDENTIAL, "k", "two"));
	assert_true(is_absent(w->store, TABLE_CREDENTIAL, "kk"));
	t = store_write(w->store);
	assert_int_equal(store_count(&t, TABLE_CREDENTIAL), 1);
	store_erase(&t, TABLE_CREDENTIAL, SPAN("k"));
	store_erase(&t, TABLE_CREDENTIAL, SPAN("never there"));
	assert_int_equal(store_count(&t, TABLE_CREDENTIAL), 0);
	assert_true(store_end(&t, NULL));
	assert_true(is_absent(w->store, TABLE_CREDENTIAL, "k"));
}

static void
an_empty_value_is_there(void **state)
{
	static const enum table tables[] = { TABLE_CLIENT, TABLE_CREDENTIAL };
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, MAP);
	for (size_t i = 0; i < COUNT(tables); i++) {
		struct txn t;
		struct span v;

		put_one(w->store, tables[i], "k", "");
		t = store_read(w->store);
		v = store_get(&t, tables[i], SPAN("k"));
		assert_non_null(v.p);
		assert_int_equal(v.len, 0);
		assert_true(store_has(&t, tables[i], SPAN("k")));
		assert_true(store_end(&t, NULL));
	}
}

static void
a_writing_transaction_sees_what_it_wrote(void **state)
{
	struct world *w = *state;
	struct txn t;

	open_store_of(w, STORE_WRITE, MAP);
	t = store_write(w->store);
	store_put(&t, TABLE_CREDENTIAL, SPAN("k"), SPAN("secret"));
	assert_true(span_is(store_get(&t, TABLE_CREDENTIAL, SPAN("k")), "secret"));
	assert_true(store_end(&t, NULL));
}

static void
an_aborted_transaction_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct txn t;

	open_store_of(w, STORE_WRITE, MAP);
	t = store_write(w->store);
	store_put(&t, TABLE_CLIENT, SPAN("k"), SPAN("v"));
	store_abort(&t);
	assert_true(is_absent(w->store, TABLE_CLIENT, "k"));
	put_one(w->store, TABLE_CLIENT, "k", "later");
	assert_true(has_value(w->store, TABLE_CLIENT, "k", "later"));
}

static void
an_error_ends_a_transaction_without_a_trace(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	char key[SCHEMA_KEY_MAX + 1];
	struct txn t;

	memset(key, 'k', sizeof(key));
	open_store_of(w, STORE_WRITE, MAP);
	t = store_write(w->store);
	store_put(&t, TABLE_CLIENT, SPAN("before"), SPAN("v"));
	store_put(&t, TABLE_CLIENT, span_mem(key, sizeof(key)), SPAN("v"));
	store_put(&t, TABLE_CLIENT, SPAN("behind"), SPAN("v"));
	assert_null(store_get(&t, TABLE_CLIENT, SPAN("before")).p);
	assert_int_equal(store_count(&t, TABLE_CLIENT), 0);
	assert_false(store_end(&t, &e));
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_true(is_absent(w->store, TABLE_CLIENT, "before"));
	assert_true(is_absent(w->store, TABLE_CLIENT, "behind"));
}

static void
keys_from_one_byte_to_the_longest_fit(void **state)
{
	struct world *w = *state;
	char key[SCHEMA_KEY_MAX];
	struct txn t;

	memset(key, 'k', sizeof(key));
	open_store_of(w, STORE_WRITE, MAP);
	t = store_write(w->store);
	store_put(&t, TABLE_CLIENT, span_mem(key, sizeof(key)), SPAN("long"));
	store_put(&t, TABLE_CREDENTIAL, span_mem(key, 1), SPAN("short"));
	assert_true(span_is(store_get(&t, TABLE_CLIENT, span_mem(key, sizeof(key))), "long"));
	assert_true(span_is(store_get(&t, TABLE_CREDENTIAL, span_mem(key, 1)), "short"));
	assert_true(store_end(&t, NULL));
	t = store_read(w->store);
	assert_null(store_get(&t, TABLE_CLIENT, SPAN_NONE).p);
	assert_false(store_end(&t, NULL));
}

struct seen {
	struct buf text;
	size_t n, stop_at;
};

static bool
see(void *ctx, struct span key, struct span value)
{
	struct seen *s = ctx;

	buf_printf(&s->text, "%.*s=%.*s ", SPAN_ARG(key), SPAN_ARG(value));
	return ++s->n != s->stop_at;
}

static void
each_record_comes_in_key_order_until_enough(void **state)
{
	static const enum table tables[] = { TABLE_CLIENT, TABLE_CREDENTIAL };
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, MAP);
	for (size_t i = 0; i < COUNT(tables); i++) {
		struct seen all = { .n = 0 }, two = { .stop_at = 2 };
		struct txn t;

		put_one(w->store, tables[i], "b", "2");
		put_one(w->store, tables[i], "c", "3");
		put_one(w->store, tables[i], "a", "1");
		t = store_read(w->store);
		assert_int_equal(store_count(&t, tables[i]), 3);
		store_each(&t, tables[i], see, &all);
		store_each(&t, tables[i], see, &two);
		assert_true(store_end(&t, NULL));
		assert_string_equal(buf_text(&all.text), "a=1 b=2 c=3 ");
		assert_string_equal(buf_text(&two.text), "a=1 b=2 ");
		buf_fini(&all.text);
		buf_fini(&two.text);
	}
}

static void
reading_goes_on_beside_reading_and_writing(void **state)
{
	struct world *w = *state;
	struct txn one, two, writing;

	open_store_of(w, STORE_WRITE, MAP);
	put_one(w->store, TABLE_CREDENTIAL, "k", "old");
	one = store_read(w->store);
	writing = store_write(w->store);
	store_put(&writing, TABLE_CREDENTIAL, SPAN("k"), SPAN("new"));
	assert_true(store_end(&writing, NULL));
	two = store_read(w->store);
	assert_true(span_is(store_get(&one, TABLE_CREDENTIAL, SPAN("k")), "old"));
	assert_true(span_is(store_get(&two, TABLE_CREDENTIAL, SPAN("k")), "new"));
	assert_true(store_end(&one, NULL));
	assert_true(store_end(&two, NULL));
	for (int i = 0; i < 100; i++)
		assert_true(has_value(w->store, TABLE_CREDENTIAL, "k", "new"));
}

/* ---- seals ---- */

static bool
file_has(const char *dir, const char *text)
{
	char path[200];
	struct buf all = BUF_INIT;
	char chunk[65536];
	ssize_t n;
	bool has;
	int fd;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&all, chunk, (size_t)n);
	close(fd);
	has = span_has(span_mem(buf_text(&all), all.len), text);
	buf_fini(&all);
	return has;
}

static void
secrets_do_not_stand_in_the_file(void **state)
{
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, MAP);
	put_one(w->store, TABLE_CREDENTIAL, "k", "AIza-a-very-secret-key");
	put_one(w->store, TABLE_CLIENT, "k", "a label in the clear");
	store_close(&w->store);
	assert_false(file_has(w->state, "AIza-a-very-secret-key"));
	assert_true(file_has(w->state, "a label in the clear"));
}

/* Does in the library what no room of ours would: damages a value. */
static void
meddle(struct world *w, const char *table, const char *key, struct span value)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val k = { strlen(key), (void *)(uintptr_t)key };
	MDB_val v = { value.len, (void *)(uintptr_t)value.p };

	store_close(&w->store);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 16), 0);
	assert_int_equal(mdb_env_open(env, w->state, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
	if (value.p)
		assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	else
		assert_int_equal(mdb_del(txn, dbi, &k, NULL), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void
a_damaged_record_is_an_error_to_get_and_left_out_of_each(void **state)
{
	struct world *w = *state;
	struct seen all = { .n = 0 };
	struct err e = ERR_INIT;
	struct txn t;

	open_store_of(w, STORE_WRITE, MAP);
	put_one(w->store, TABLE_CREDENTIAL, "a", "1");
	put_one(w->store, TABLE_CREDENTIAL, "b", "2");
	put_one(w->store, TABLE_CREDENTIAL, "c", "3");
	meddle(w, "credential", "b",
	    SPAN("not a sealed value, but one that is long enough to be one"));
	open_store_of(w, STORE_READ, MAP);
	t = store_read(w->store);
	assert_true(store_has(&t, TABLE_CREDENTIAL, SPAN("b")));
	assert_null(store_get(&t, TABLE_CREDENTIAL, SPAN("b")).p);
	assert_false(store_end(&t, &e));
	assert_true(strncmp(e.text, "table credential: ", 18) == 0);
	t = store_read(w->store);
	store_each(&t, TABLE_CREDENTIAL, see, &all);
	assert_true(store_end(&t, NULL));
	assert_string_equal(buf_text(&all.text), "a=1 c=3 ");
	buf_fini(&all.text);
}

static void
the_key_file_of_another_store_is_refused(void **state)
{
	static const enum store_mode modes[] = { STORE_WRITE, STORE_READ };
	struct world *w = *state;
	char path[200];
	struct seal *other;

	snprintf(path, sizeof(path), "%s/other", w->dir);
	other = seal_open(path, true, NULL);
	open_store_of(w, STORE_WRITE, MAP);
	put_one(w->store, TABLE_CREDENTIAL, "k", "v");
	store_close(&w->store);
	for (size_t i = 0; i < COUNT(modes); i++) {
		struct err e = ERR_INIT;

		assert_null(store_open(w->state, modes[i], MAP, other, &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_non_null(strstr(e.text, "the key file is not the one"));
	}
	open_store_of(w, STORE_WRITE, MAP);
	assert_true(has_value(w->store, TABLE_CREDENTIAL, "k", "v"));
	seal_close(&other);
	unlink(path);
}

/* ---- opening ---- */

static void
a_reader_without_a_store_is_told_so(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_null(store_open(w->state, STORE_READ, MAP, w->seal, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_int_equal(access(w->state, F_OK), -1);
	assert_int_equal(mkdir(w->state, 0700), 0);
	assert_null(store_open(w->state, STORE_READ, MAP, w->seal, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	assert_non_null(strstr(e.text, "no store"));
}

static void
a_directory_that_cannot_be_is_an_error(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	char path[200];

	snprintf(path, sizeof(path), "%s/no/such/dir", w->dir);
	assert_null(store_open(path, STORE_WRITE, MAP, w->seal, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_null(store_open(w->key, STORE_WRITE, MAP, w->seal, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "not a directory"));
}

static void
a_newer_format_is_refused_in_clear_words(void **state)
{
	static const enum store_mode modes[] = { STORE_WRITE, STORE_READ };
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, MAP);
	put_one(w->store, TABLE_META, "format", "2");
	store_close(&w->store);
	for (size_t i = 0; i < COUNT(modes); i++) {
		struct err e = ERR_INIT;

		assert_null(store_open(w->state, modes[i], MAP, w->seal, &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_non_null(strstr(e.text, "has format 2 and was written by a newer version"));
	}
}

static void
a_version_that_is_no_number_is_refused(void **state)
{
	static const char *const cases[] = { "", "0", "-1", "1.5", "one", "99999999999" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = ERR_INIT;

		open_store_of(w, STORE_WRITE, MAP);
		put_one(w->store, TABLE_META, "format", cases[i]);
		store_close(&w->store);
		assert_null(store_open(w->state, STORE_WRITE, MAP, w->seal, &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		meddle(w, "meta", "format", SPAN("1"));
	}
}

static void
data_without_a_version_is_not_taken_for_a_new_store(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	open_store_of(w, STORE_WRITE, MAP);
	put_one(w->store, TABLE_CLIENT, "k", "v");
	meddle(w, "meta", "format", SPAN_NONE);
	assert_null(store_open(w->state, STORE_WRITE, MAP, w->seal, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "not a store of Pollux"));
}

static void
a_file_that_is_no_store_is_refused_and_left_alone(void **state)
{
	struct world *w = *state;
	char path[200];
	struct stat st;
	struct err e = ERR_INIT;
	int fd;

	assert_int_equal(mkdir(w->state, 0700), 0);
	snprintf(path, sizeof(path), "%s/data.mdb", w->state);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write(fd, "not a database\n", 15), 15);
	close(fd);
	assert_null(store_open(w->state, STORE_WRITE, MAP, w->seal, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 15000);
}

/* ---- migrations ---- */

static bool
add_mark(struct txn *t, struct err *e)
{
	(void)e;
	store_put(t, TABLE_CLIENT, SPAN("mark"), SPAN("made by 1 to 2"));
	return true;
}

static bool
change_mark(struct txn *t, struct err *e)
{
	struct span mark = store_get(t, TABLE_CLIENT, SPAN("mark"));

	if (!mark.p)
		return err_set(e, ERR_SYSTEM, "the steps came out of order");
	store_put(t, TABLE_CREDENTIAL, SPAN("mark"), mark);
	store_erase(t, TABLE_CLIENT, SPAN("mark"));
	return true;
}

static bool
fail_half_way(struct txn *t, struct err *e)
{
	store_erase(t, TABLE_CREDENTIAL, SPAN("mark"));
	return err_set(e, ERR_SYSTEM, "this record cannot be understood");
}

static bool
write_much(struct txn *t, struct err *e)
{
	char *value = calloc(1, 200000);

	(void)e;
	for (int i = 0; i < 100; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		store_put(t, TABLE_CLIENT, span_of(key), span_mem(value, 200000));
	}
	free(value);
	return true;
}

static void
steps_bring_a_store_up_one_version_each(void **state)
{
	static const struct store_step list[] = { { 2, change_mark }, { 1, add_mark },
		{ 0, NULL } };
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, MAP);
	assert_true(store_migrate(w->store, list, COUNT(list), 3, NULL));
	assert_true(has_value(w->store, TABLE_META, "format", "3"));
	assert_true(has_value(w->store, TABLE_CREDENTIAL, "mark", "made by 1 to 2"));
	assert_true(is_absent(w->store, TABLE_CLIENT, "mark"));
	assert_true(store_migrate(w->store, list, COUNT(list), 3, NULL));
}

static void
a_step_that_fails_changes_nothing_and_the_ones_before_it_stand(void **state)
{
	static const struct store_step list[] = { { 1, add_mark }, { 2, change_mark },
		{ 3, fail_half_way } };
	struct world *w = *state;
	struct err e = ERR_INIT;

	open_store_of(w, STORE_WRITE, MAP);
	assert_false(store_migrate(w->store, list, COUNT(list), 4, &e));
	assert_string_equal(e.text, "this record cannot be understood");
	assert_true(has_value(w->store, TABLE_META, "format", "3"));
	assert_true(has_value(w->store, TABLE_CREDENTIAL, "mark", "made by 1 to 2"));
}

static void
a_missing_step_and_a_newer_store_are_refused(void **state)
{
	static const struct store_step list[] = { { 2, change_mark } };
	struct world *w = *state;
	struct err e = ERR_INIT;

	open_store_of(w, STORE_WRITE, MAP);
	assert_false(store_migrate(w->store, list, COUNT(list), 3, &e));
	assert_non_null(strstr(e.text, "cannot bring up"));
	assert_true(has_value(w->store, TABLE_META, "format", "1"));
	put_one(w->store, TABLE_META, "format", "4");
	assert_false(store_migrate(w->store, list, COUNT(list), 3, &e));
	assert_non_null(strstr(e.text, "newer"));
}

static void
a_step_that_fills_the_map_is_run_again_on_a_larger_one(void **state)
{
	static const struct store_step list[] = { { 1, write_much } };
	struct world *w = *state;
	struct err e = ERR_INIT;
	struct txn t;

	open_store_of(w, STORE_WRITE, 1 << 20);
	assert_true(store_migrate(w->store, list, COUNT(list), 2, &e));
	assert_int_equal(e.kind, ERR_NONE);
	t = store_read(w->store);
	assert_int_equal(store_count(&t, TABLE_CLIENT), 100);
	assert_true(store_end(&t, NULL));
}

/* ---- growing ---- */

/* Puts n values of this size, each in a transaction that is run again as the store asks;
 * gives how many times that was. */
static int
put_many(struct store *s, int first, int n, size_t bytes)
{
	char *value = calloc(1, bytes);
	int again = 0;

	for (int i = first; i < first + n;) {
		struct err e = ERR_INIT;
		struct txn t = store_write(s);
		char key[16];

		snprintf(key, sizeof(key), "%08d", i);
		store_put(&t, TABLE_CREDENTIAL, span_of(key), span_mem(value, bytes));
		if (store_end(&t, &e)) {
			i++;
			continue;
		}
		assert_int_equal(e.kind, ERR_FULL);
		assert_int_equal(e.retry_ms, 1);
		again++;
		assert_true(again < 64);
	}
	free(value);
	return again;
}

static void
a_full_map_grows_and_the_transaction_is_run_again(void **state)
{
	struct world *w = *state;
	int again;
	struct txn t;

	open_store_of(w, STORE_WRITE, 1 << 20);
	again = put_many(w->store, 0, 100, 50000);
	assert_true(again >= 2);
	assert_true(store_map_bytes(w->store) >= 5000000);
	assert_true(store_map_bytes(w->store) >= store_used_bytes(w->store));
	t = store_read(w->store);
	assert_int_equal(store_count(&t, TABLE_CREDENTIAL), 100);
	assert_true(store_end(&t, NULL));
}

static void
a_map_of_nothing_opens_and_grows(void **state)
{
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, 0);
	put_many(w->store, 0, 10, 1000);
	open_store_of(w, STORE_WRITE, 1);
	put_many(w->store, 10, 10, 1000);
	open_store_of(w, STORE_READ, 1);
	assert_false(is_absent(w->store, TABLE_CREDENTIAL, "00000019"));
}

static void
a_value_of_many_times_the_map_is_taken_in_the_end(void **state)
{
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, 1 << 20);
	assert_true(put_many(w->store, 0, 1, 20 << 20) >= 4);
	assert_false(is_absent(w->store, TABLE_CREDENTIAL, "00000000"));
}

static void
the_map_does_not_move_under_a_reader(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	char *big = calloc(1, 4 << 20);
	struct txn reading, t;
	struct span v;

	open_store_of(w, STORE_WRITE, 1 << 20);
	put_one(w->store, TABLE_CLIENT, "k", "still here");
	reading = store_read(w->store);
	v = store_get(&reading, TABLE_CLIENT, SPAN("k"));
	for (int i = 0; i < 3; i++) {
		t = store_write(w->store);
		store_put(&t, TABLE_CLIENT, SPAN("big"), span_mem(big, 4 << 20));
		assert_false(store_end(&t, &e));
		assert_int_equal(e.kind, ERR_FULL);
		assert_int_equal(store_map_bytes(w->store), 1 << 20);
	}
	assert_true(span_is(v, "still here"));
	assert_true(store_end(&reading, NULL));
	assert_true(store_map_bytes(w->store) > 1 << 20);
	free(big);
}

/* One process that writes when it is told, so that the other never has its environment. */
struct helper {
	pid_t pid;
	int go, done;
};

static int
grow_in_steps(struct world *w, int go, int done)
{
	struct err e = ERR_INIT;
	char byte;
	int first = 0;

	w->store = store_open(w->state, STORE_WRITE, 1 << 20, w->seal, &e);
	if (!w->store || write(done, "r", 1) != 1)
		return 1;
	for (; read(go, &byte, 1) == 1; first += 30) {
		put_many(w->store, first, 30, 100000);
		if (write(done, "d", 1) != 1)
			return 2;
	}
	store_close(&w->store);
	return 0;
}

static void
tell(const struct helper *h)
{
	char byte;

	assert_int_equal(write(h->go, "g", 1), 1);
	assert_int_equal(read(h->done, &byte, 1), 1);
}

static struct helper
start_helper(struct world *w, int (*fn)(struct world *, int go, int done))
{
	int go[2], done[2];
	struct helper h;
	char byte;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(done), 0);
	h = (struct helper){ fork(), go[1], done[0] };
	if (h.pid == 0) {
		close(go[1]);
		close(done[0]);
		_exit(fn(w, go[0], done[1]));
	}
	close(go[0]);
	close(done[1]);
	assert_int_equal(read(h.done, &byte, 1), 1);
	return h;
}

static void
stop_helper(struct helper *h, int code)
{
	close(h->go);
	assert_int_equal(ended(h->pid), code);
	close(h->done);
}

static void
a_reader_follows_a_map_that_another_process_grows(void **state)
{
	struct world *w = *state;
	struct helper h = start_helper(w, grow_in_steps);

	open_store_of(w, STORE_READ, 1 << 20);
	for (int i = 1; i <= 4; i++) {
		struct txn t;

		tell(&h);
		t = store_read(w->store);
		assert_int_equal(store_count(&t, TABLE_CREDENTIAL), 30 * i);
		assert_int_equal(store_get(&t, TABLE_CREDENTIAL, SPAN("00000029")).len, 100000);
		assert_true(store_end(&t, NULL));
		assert_true(store_map_bytes(w->store) >= store_used_bytes(w->store));
	}
	stop_helper(&h, 0);
}

static void
a_reader_opens_a_store_larger_than_its_setting(void **state)
{
	struct world *w = *state;

	open_store_of(w, STORE_WRITE, 1 << 20);
	put_many(w->store, 0, 50, 100000);
	open_store_of(w, STORE_READ, 1 << 20);
	assert_false(is_absent(w->store, TABLE_CREDENTIAL, "00000049"));
	open_store_of(w, STORE_WRITE, 1 << 20);
	put_many(w->store, 50, 50, 100000);
	assert_false(is_absent(w->store, TABLE_CREDENTIAL, "00000099"));
}

/* ---- full disks ---- */

/* Everything that was committed must be there, and the store must go on. */
static int
check_after_full(struct world *w, int committed)
{
	struct err e = ERR_INIT;
	struct txn t = store_write(w->store);

	if (store_count(&t, TABLE_CREDENTIAL) != (uint64_t)committed)
		return 3;
	store_put(&t, TABLE_CREDENTIAL, SPAN("after"), SPAN("room again"));
	if (!store_end(&t, &e))
		return 4;
	store_close(&w->store);
	w->store = store_open(w->state, STORE_READ, MAP, w->seal, &e);
	if (!w->store || !has_value(w->store, TABLE_CREDENTIAL, "after", "room again"))
		return 5;
	t = store_read(w->store);
	return store_count(&t, TABLE_CREDENTIAL) == (uint64_t)committed + 1 && store_end(&t, &e)
		   ? 0
		   : 6;
}

/* Writes until the store says that it is full, and a few times more; -1: it never did. */
static int
write_until_full(struct store *s)
{
	int committed = 0, refused = 0;
	char value[3000] = { 0 };

	for (int i = 0; i < 10000 && refused < 5; i++) {
		struct err e = ERR_INIT;
		struct txn t = store_write(s);
		char key[16];

		snprintf(key, sizeof(key), "%08d", i);
		store_put(&t, TABLE_CREDENTIAL, span_of(key), span_mem(value, sizeof(value)));
		if (store_end(&t, &e))
			committed++;
		else if (e.kind == ERR_FULL && e.retry_ms == 0)
			refused++;
		else
			return -1;
	}
	return refused ? committed : -1;
}

static int
run_into_size_limit(struct world *w)
{
	struct rlimit limit = { 300 << 10, RLIM_INFINITY };
	struct err e = ERR_INIT;
	int committed;

	signal(SIGXFSZ, SIG_IGN);
	w->store = store_open(w->state, STORE_WRITE, 1 << 30, w->seal, &e);
	if (!w->store || setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	committed = write_until_full(w->store);
	limit.rlim_cur = RLIM_INFINITY;
	if (committed <= 0 || setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 2;
	return check_after_full(w, committed);
}

static int
run_into_full_disk(struct world *w)
{
	struct err e = ERR_INIT;
	char filler[200] = "";
	int committed, fd;

	if (!small_disk(w->dir, "1m"))
		return SMALL_DISK_NONE;
	snprintf(filler, sizeof(filler), "%s/filler", w->dir);
	fd = open(filler, O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 2000; i++)
		if (write(fd, filler, sizeof(filler)) != sizeof(filler))
			return 1;
	w->store = store_open(w->state, STORE_WRITE, 1 << 30, w->seal, &e);
	if (!w->store)
		return 1;
	committed = write_until_full(w->store);
	if (committed <= 0 || ftruncate(fd, 0) != 0)
		return 2;
	return check_after_full(w, committed);
}

static void
a_file_at_its_size_limit_loses_nothing_and_goes_on_later(void **state)
{
	assert_int_equal(ended(child(run_into_size_limit, *state)), 0);
}

static void
a_full_disk_loses_nothing_and_goes_on_later(void **state)
{
	int code = ended(child(run_into_full_disk, *state));

	if (code == SMALL_DISK_NONE)
		skip();
	assert_int_equal(code, 0);
}

/* The library's descriptor for its head, which it opens apart from the other, with O_DSYNC. */
static int
head_fd(struct world *w)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *entry;
	char want[200];
	int found = -1;

	snprintf(want, sizeof(want), "%s/data.mdb", w->state);
	while ((entry = readdir(d))) {
		char path[300], target[300] = "";
		int fd = atoi(entry->d_name);

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		if (readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, want) == 0 &&
		    fcntl(fd, F_GETFL) & O_DSYNC)
			found = fd;
	}
	closedir(d);
	return found;
}

/* When its head cannot be written the library gives the environment up for good. */
static void
an_environment_that_was_given_up_is_opened_anew(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	struct txn t;
	int fd, full;

	open_store_of(w, STORE_WRITE, MAP);
	put_one(w->store, TABLE_CREDENTIAL, "k", "acknowledged");
	fd = head_fd(w);
	full = open("/dev/full", O_WRONLY);
	assert_true(fd >= 0 && full >= 0);
	assert_int_equal(dup2(full, fd), fd);
	close(full);
	t = store_write(w->store);
	store_put(&t, TABLE_CREDENTIAL, SPAN("lost"), SPAN("refused"));
	assert_false(store_end(&t, &e));
	assert_int_equal(e.kind, ERR_FULL);
	assert_int_equal(e.retry_ms, 0);
	put_one(w->store, TABLE_CREDENTIAL, "l", "later");
	assert_true(has_value(w->store, TABLE_CREDENTIAL, "k", "acknowledged"));
	assert_true(has_value(w->store, TABLE_CREDENTIAL, "l", "later"));
	assert_true(is_absent(w->store, TABLE_CREDENTIAL, "lost"));
}

/* ---- deaths ---- */

static int
die_reading(struct world *w, int go, int done)
{
	struct err e = ERR_INIT;
	struct txn t;

	(void)go;
	w->store = store_open(w->state, STORE_READ, MAP, w->seal, &e);
	t = store_read(w->store);
	if (write(done, "r", 1) != 1 || !t.mdb)
		return 1;
	for (;;)
		pause();
}

static uint64_t
used_after_rewriting(struct store *s, int times)
{
	for (int i = 0; i < times; i++)
		put_many(s, 0, 1, 20000);
	return store_used_bytes(s);
}

static void
a_reader_that_was_killed_holds_the_file_only_until_the_check(void **state)
{
	struct world *w = *state;
	struct helper h;
	uint64_t used;

	open_store_of(w, STORE_WRITE, 64 << 20);
	store_close(&w->store);
	h = start_helper(w, die_reading);
	open_store_of(w, STORE_WRITE, 64 << 20);
	kill(h.pid, SIGKILL);
	stop_helper(&h, 128 + SIGKILL);
	used = used_after_rewriting(w->store, 20);
	assert_true(used_after_rewriting(w->store, 20) > used); /* nothing is used again */
	store_check_readers(w->store);
	used = used_after_rewriting(w->store, 5);
	assert_int_equal(used_after_rewriting(w->store, 20), used);
}

static int
die_writing(struct world *w)
{
	struct err e = ERR_INIT;
	struct txn t;

	w->store = store_open(w->state, STORE_WRITE, MAP, w->seal, &e);
	if (!w->store)
		return 1;
	put_one(w->store, TABLE_CREDENTIAL, "k", "committed");
	t = store_write(w->store);
	store_put(&t, TABLE_CREDENTIAL, SPAN("k"), SPAN("not committed"));
	raise(SIGKILL);
	return 2;
}

static void
a_writer_killed_in_its_transaction_leaves_the_last_commit(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 5; i++) {
		assert_int_equal(ended(child(die_writing, w)), 128 + SIGKILL);
		open_store_of(w, STORE_WRITE, MAP);
		assert_true(has_value(w->store, TABLE_CREDENTIAL, "k", "committed"));
		put_one(w->store, TABLE_CREDENTIAL, "k", "the next writer's");
		store_close(&w->store);
	}
}

int
main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_new_store_is_private),
		STORE_TEST(records_of_any_table_outlive_the_process),
		STORE_TEST(a_put_replaces_and_an_erase_takes_away),
		STORE_TEST(an_empty_value_is_there),
		STORE_TEST(a_writing_transaction_sees_what_it_wrote),
		STORE_TEST(an_aborted_transaction_leaves_nothing),
		STORE_TEST(an_error_ends_a_transaction_without_a_trace),
		STORE_TEST(keys_from_one_byte_to_the_longest_fit),
		STORE_TEST(each_record_comes_in_key_order_until_enough),
		STORE_TEST(reading_goes_on_beside_reading_and_writing),
		STORE_TEST(secrets_do_not_stand_in_the_file),
		STORE_TEST(a_damaged_record_is_an_error_to_get_and_left_out_of_each),
		STORE_TEST(the_key_file_of_another_store_is_refused),
		STORE_TEST(a_reader_without_a_store_is_told_so),
		STORE_TEST(a_directory_that_cannot_be_is_an_error),
		STORE_TEST(a_newer_format_is_refused_in_clear_words),
		STORE_TEST(a_version_that_is_no_number_is_refused),
		STORE_TEST(data_without_a_version_is_not_taken_for_a_new_store),
		STORE_TEST(a_file_that_is_no_store_is_refused_and_left_alone),
		STORE_TEST(steps_bring_a_store_up_one_version_each),
		STORE_TEST(a_step_that_fails_changes_nothing_and_the_ones_before_it_stand),
		STORE_TEST(a_missing_step_and_a_newer_store_are_refused),
		STORE_TEST(a_step_that_fills_the_map_is_run_again_on_a_larger_one),
		STORE_TEST(a_full_map_grows_and_the_transaction_is_run_again),
		STORE_TEST(a_map_of_nothing_opens_and_grows),
		STORE_TEST(a_value_of_many_times_the_map_is_taken_in_the_end),
		STORE_TEST(the_map_does_not_move_under_a_reader),
		STORE_TEST(a_reader_follows_a_map_that_another_process_grows),
		STORE_TEST(a_reader_opens_a_store_larger_than_its_setting),
		STORE_TEST(a_file_at_its_size_limit_loses_nothing_and_goes_on_later),
		STORE_TEST(a_full_disk_loses_nothing_and_goes_on_later),
		STORE_TEST(an_environment_that_was_given_up_is_opened_anew),
		STORE_TEST(a_reader_that_was_killed_holds_the_file_only_until_the_check),
		STORE_TEST(a_writer_killed_in_its_transaction_leaves_the_last_commit),
	};

	return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
