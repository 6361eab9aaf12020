/*
 * Transactions and records, the format's version, the key's fingerprint.  Runs in the janitor
 * (the only writer) and in workers (readers); owns its process's environment and, within a
 * transaction, the values that it unsealed.
 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "store/environment.h"

#define LOGGED_KEY_BYTES 16 /* of a key, in a log line */
#define GROW_TRIES       64 /* of one transaction on a map that doubles each time */

struct store {
	char *dir;               /* owned */
	const struct seal *seal; /* borrowed */
	enum store_mode mode;
	struct environment *env; /* owned */
};

/* A value in the clear, in the transaction's arena. */
struct unsealed {
	struct unsealed *next;
	size_t len;
	char bytes[];
};

/* ---- transactions ---- */

static struct txn
txn_begin(struct store *s, bool writes)
{
	struct txn t = { .store = s, .writes = writes };
	MDB_txn *mdb = NULL;

	if (environment_begin(s->env, writes, &mdb, &t.err))
		t.mdb = mdb;
	return t;
}

struct txn
store_read(struct store *s)
{
	return txn_begin(s, false);
}

struct txn
store_write(struct store *s)
{
	return txn_begin(s, true);
}

static void
forget_unsealed(struct txn *t)
{
	for (struct unsealed *u = t->unsealed; u; u = u->next)
		mem_wipe(u->bytes, u->len);
	t->unsealed = NULL;
	arena_free(&t->arena);
}

bool
store_end(struct txn *t, struct err *e)
{
	struct environment *env = t->store->env;
	bool ok;

	if (t->mdb && t->writes && t->err.kind == ERR_NONE)
		environment_commit(env, t->mdb, &t->err);
	else if (t->mdb)
		environment_abort(env, t->mdb, t->writes);
	t->mdb = NULL;
	forget_unsealed(t);
	ok = t->err.kind == ERR_NONE;
	if (!ok && e)
		*e = t->err;
	t->err = ERR_INIT;
	return ok;
}

void
store_abort(struct txn *t)
{
	if (t->mdb)
		environment_abort(t->store->env, t->mdb, t->writes);
	t->mdb = NULL;
	forget_unsealed(t);
	t->err = ERR_INIT;
}

static bool
is_usable(const struct txn *t)
{
	return t->mdb && t->err.kind == ERR_NONE;
}

static bool
is_usable_with(struct txn *t, struct span key)
{
	if (!is_usable(t))
		return false;
	if (key.len >= 1 && key.len <= SCHEMA_KEY_MAX)
		return true;
	return err_set(
	    &t->err, ERR_BAD_REQUEST, "a key of %zu bytes does not fit the store", key.len);
}

/* True when the library did what it was asked; a record that is absent is no error. */
static bool
note(struct txn *t, int rc, enum table table)
{
	char what[80];

	if (rc == 0)
		return true;
	if (rc == MDB_NOTFOUND)
		return false;
	snprintf(what, sizeof(what), "table %s", table_name(table));
	return environment_fail(t->store->env, rc, what, &t->err);
}

/* ---- sealing ---- */

/* The record's place, which its seal holds it to: table, a zero byte, key. */
static void
place_make(struct buf *out, enum table table, struct span key)
{
	buf_add_text(out, table_name(table));
	buf_add_char(out, '\0');
	buf_add_span(out, key);
}

static bool
unseal(const struct store *s, enum table table, struct span key, struct span sealed,
    struct buf *plain, struct err *e)
{
	struct buf place = BUF_INIT;
	bool ok;

	place_make(&place, table, key);
	ok = seal_unwrap(s->seal, plain, sealed, buf_span(&place), e);
	if (!ok)
		err_prefix(e, "table %s: ", table_name(table));
	buf_fini(&place);
	return ok;
}

/* Moves a value in the clear into the transaction's arena, where the end wipes it. */
static struct span
keep_unsealed(struct txn *t, struct buf *plain)
{
	struct unsealed *u;

	if (!t->arena)
		t->arena = arena_new(0);
	u = arena_alloc(t->arena, sizeof(*u) + plain->len + 1);
	u->next = t->unsealed;
	u->len = plain->len;
	memcpy(u->bytes, buf_text(plain), plain->len);
	t->unsealed = u;
	buf_wipe(plain);
	return span_mem(u->bytes, u->len);
}

/* ---- records ---- */

static MDB_val
val_of(struct span s)
{
	return (MDB_val){ .mv_size = s.len, .mv_data = (void *)(uintptr_t)s.p };
}

/* An empty value is there all the same, so its p is not NULL. */
static struct span
span_of_val(MDB_val v)
{
	return v.mv_size ? span_mem(v.mv_data, v.mv_size) : SPAN("");
}

static bool
find(struct txn *t, enum table table, struct span key, MDB_val *value)
{
	MDB_val k = val_of(key);

	return is_usable_with(t, key) &&
	       note(t, mdb_get(t->mdb, environment_table(t->store->env, table), &k, value), table);
}

struct span
store_get(struct txn *t, enum table table, struct span key)
{
	struct buf plain = BUF_INIT;
	MDB_val v;

	if (!find(t, table, key, &v))
		return SPAN_NONE;
	if (!table_is_sealed(table))
		return span_of_val(v);
	if (unseal(t->store, table, key, span_of_val(v), &plain, &t->err))
		return keep_unsealed(t, &plain);
	buf_wipe(&plain);
	return SPAN_NONE;
}

bool
store_has(struct txn *t, enum table table, struct span key)
{
	MDB_val v;

	return find(t, table, key, &v);
}

void
store_put(struct txn *t, enum table table, struct span key, struct span value)
{
	struct buf place = BUF_INIT, sealed = BUF_INIT;
	MDB_val k = val_of(key), v = val_of(value);

	assert(t->writes);
	if (!is_usable_with(t, key))
		return;
	if (table_is_sealed(table)) {
		place_make(&place, table, key);
		seal_wrap(t->store->seal, &sealed, value, buf_span(&place));
		v = val_of(buf_span(&sealed));
	}
	note(t, mdb_put(t->mdb, environment_table(t->store->env, table), &k, &v, 0), table);
	buf_fini(&place);
	buf_fini(&sealed);
}

void
store_erase(struct txn *t, enum table table, struct span key)
{
	MDB_val k = val_of(key);

	assert(t->writes);
	if (is_usable_with(t, key))
		note(t, mdb_del(t->mdb, environment_table(t->store->env, table), &k, NULL), table);
}

static void
say_unreadable(enum table table, struct span key, const struct err *why)
{
	char hex[2 * LOGGED_KEY_BYTES + 1];

	text_hex(hex, key.p, key.len < LOGGED_KEY_BYTES ? key.len : LOGGED_KEY_BYTES);
	log_error("store", "a record cannot be read and is left out", "table=%s key=%s cause=%s",
	    table_name(table), hex, why->text);
}

/* One record of store_each; false: the caller has seen enough. */
static bool
hand_over(const struct store *s, enum table table, struct span key, struct span value,
    bool (*fn)(void *ctx, struct span key, struct span value), void *ctx)
{
	struct buf plain = BUF_INIT;
	struct err why = ERR_INIT;
	bool on = true;

	if (!table_is_sealed(table))
		return fn(ctx, key, value);
	if (unseal(s, table, key, value, &plain, &why))
		on = fn(ctx, key, span_mem(buf_text(&plain), plain.len));
	else
		say_unreadable(table, key, &why);
	buf_wipe(&plain);
	return on;
}

void
store_each(struct txn *t, enum table table,
    bool (*fn)(void *ctx, struct span key, struct span value), void *ctx)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	bool on = true;

	if (!is_usable(t) ||
	    !note(t, mdb_cursor_open(t->mdb, environment_table(t->store->env, table), &cursor),
		table))
		return;
	while (on && note(t, mdb_cursor_get(cursor, &k, &v, MDB_NEXT), table))
		on = hand_over(t->store, table, span_of_val(k), span_of_val(v), fn, ctx);
	mdb_cursor_close(cursor);
}

uint64_t
store_count(struct txn *t, enum table table)
{
	MDB_stat stat;

	if (!is_usable(t) ||
	    !note(t, mdb_stat(t->mdb, environment_table(t->store->env, table), &stat), table))
		return 0;
	return stat.ms_entries;
}

uint64_t
store_table_bytes(struct txn *t, enum table table)
{
	MDB_stat stat;

	if (!is_usable(t) ||
	    !note(t, mdb_stat(t->mdb, environment_table(t->store->env, table), &stat), table))
		return 0;
	return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
	       (uint64_t)stat.ms_psize;
}

/* ---- the format's version and its steps ---- */

/* What brings an older store up, one version each; the first version has nothing below it. */
static const struct store_step steps[] = {
	{ 0, NULL },
};

/* 0: nothing was ever written here. */
static bool
format_read(struct store *s, uint32_t *out, struct err *e)
{
	struct txn t = store_read(s);
	struct span text = store_get(&t, TABLE_META, SCHEMA_META_FORMAT);
	bool sane, empty = true;
	int64_t n = 0;

	sane = !text.p || span_int(text, 1, UINT32_MAX, &n);
	for (int i = 0; !text.p && i < TABLE_COUNT; i++)
		empty &= store_count(&t, (enum table)i) == 0;
	if (!store_end(&t, e))
		return false;
	if (!sane || !empty)
		return err_set(
		    e, ERR_CONFIG, "%s holds data that is not a store of Pollux", s->dir);
	*out = (uint32_t)n;
	return true;
}

static void
format_write(struct txn *t, uint32_t version)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, version);
	store_put(t, TABLE_META, SCHEMA_META_FORMAT, span_of(text));
}

static bool
refuse_newer(const struct store *s, uint32_t have, uint32_t to, struct err *e)
{
	return err_set(e, ERR_CONFIG,
	    "the store in %s has format %" PRIu32 " and was written by a newer version of Pollux; "
	    "this one knows formats up to %" PRIu32,
	    s->dir, have, to);
}

/* Runs fn in a writing transaction, again each time that the map had to grow for it. */
static bool
write_growing(struct store *s, bool (*fn)(struct txn *, const void *ctx, struct err *),
    const void *ctx, struct err *e)
{
	for (int i = 0; i < GROW_TRIES; i++) {
		struct txn t = store_write(s);

		if (!fn(&t, ctx, e) && t.err.kind == ERR_NONE) {
			store_abort(&t);
			return false;
		}
		if (store_end(&t, e))
			return true;
		if (e->kind != ERR_FULL || e->retry_ms != 1)
			return false;
	}
	return false;
}

/* The step's changes and the new number are one transaction: a step is done or not begun. */
static bool
step_run(struct txn *t, const void *ctx, struct err *e)
{
	const struct store_step *step = ctx;

	if (!step->run(t, e))
		return false;
	format_write(t, step->from + 1);
	return true;
}

static const struct store_step *
step_from(const struct store_step *list, size_t n, uint32_t version)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].run && list[i].from == version)
			return &list[i];
	return NULL;
}

bool
store_migrate(struct store *s, const struct store_step *list, size_t n, uint32_t to, struct err *e)
{
	struct err own = ERR_INIT, *why = e ? e : &own;
	uint32_t have = 0;

	if (!format_read(s, &have, why))
		return false;
	if (have > to)
		return refuse_newer(s, have, to, why);
	for (; have < to; have++) {
		const struct store_step *step = step_from(list, n, have);

		if (!step)
			return err_set(why, ERR_CONFIG,
			    "the store in %s has format %" PRIu32
			    ", which this version of Pollux cannot bring up",
			    s->dir, have);
		if (!write_growing(s, step_run, step, why))
			return false;
		log_info(
		    "store", "format brought up", "from=%" PRIu32 " to=%" PRIu32, have, have + 1);
	}
	if (e)
		*e = ERR_INIT; /* a map that grew on the way is no error */
	return true;
}

/* A new store gets its version and its key's fingerprint together. */
static bool
found(struct txn *t, const void *ctx, struct err *e)
{
	(void)e;
	format_write(t, SCHEMA_FORMAT_VERSION);
	store_put(t, TABLE_META, SCHEMA_META_FINGERPRINT, span_mem(ctx, SEAL_HASH_BYTES));
	return true;
}

static bool
fingerprint_check(struct store *s, const unsigned char print[SEAL_HASH_BYTES], struct err *e)
{
	struct txn t = store_read(s);
	bool same = span_eq(
	    store_get(&t, TABLE_META, SCHEMA_META_FINGERPRINT), span_mem(print, SEAL_HASH_BYTES));

	if (!store_end(&t, e))
		return false;
	return same ||
	       err_set(e, ERR_CONFIG,
		   "the key file is not the one that the store in %s was made with: put the right "
		   "one back, or move the store away to begin anew",
		   s->dir);
}

/* The key before any step: nothing is changed in a store that turns out to be another's. */
static bool
check(struct store *s, struct err *e)
{
	unsigned char print[SEAL_HASH_BYTES];
	uint32_t have = 0;

	seal_fingerprint(s->seal, print);
	if (!format_read(s, &have, e))
		return false;
	if (have > SCHEMA_FORMAT_VERSION)
		return refuse_newer(s, have, SCHEMA_FORMAT_VERSION, e);
	if (have == 0 && s->mode == STORE_WRITE)
		return write_growing(s, found, print, e);
	if (have < SCHEMA_FORMAT_VERSION && s->mode == STORE_READ)
		return err_set(e, ERR_UNAVAILABLE, "the store in %s is not of format %d yet",
		    s->dir, SCHEMA_FORMAT_VERSION);
	if (!fingerprint_check(s, print, e))
		return false;
	return s->mode == STORE_READ ||
	       store_migrate(s, steps, sizeof(steps) / sizeof(steps[0]), SCHEMA_FORMAT_VERSION, e);
}

/* ---- opening and closing ---- */

bool
store_exists(const char *dir)
{
	char *file = mem_printf("%s/data.mdb", dir);
	struct stat st;
	bool is = stat(file, &st) == 0 && st.st_size > 0;

	mem_free(file);
	return is;
}

static bool
dir_prepare(const char *dir, enum store_mode mode, struct err *e)
{
	struct stat st;

	if (mode == STORE_WRITE && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_errno(e, "the directory %s cannot be made", dir);
	if (stat(dir, &st) != 0)
		return err_errno(e, "the directory %s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_CONFIG, "%s is not a directory", dir);
	if (mode == STORE_READ && !store_exists(dir))
		return err_set(e, ERR_UNAVAILABLE, "there is no store in %s yet", dir);
	if (mode == STORE_WRITE && st.st_mode & 022)
		log_warn("store", "others may write in the state directory", "dir=%s mode=%04o",
		    dir, (unsigned)(st.st_mode & 07777));
	return true;
}

struct store *
store_open(const char *dir, enum store_mode mode, uint64_t map_bytes, const struct seal *seal,
    struct err *e)
{
	struct err own = ERR_INIT, *why = e ? e : &own;
	struct store *s;

	assert(seal);
	if (!dir_prepare(dir, mode, why))
		return NULL;
	s = mem_alloc(sizeof(*s));
	s->dir = mem_dup(dir);
	s->seal = seal;
	s->mode = mode;
	s->env = environment_open(dir, mode == STORE_WRITE, map_bytes, why);
	if (!s->env || !check(s, why)) {
		store_close(&s);
		return NULL;
	}
	if (e)
		*e = ERR_INIT; /* a map that grew on the way is no error */
	return s;
}

void
store_close(struct store **slot)
{
	struct store *s = *slot;

	if (!s)
		return;
	environment_close(&s->env);
	mem_free(s->dir);
	mem_free(s);
	*slot = NULL;
}

/* ---- upkeep ---- */

void
store_check_readers(struct store *s)
{
	environment_check_readers(s->env);
}

uint64_t
store_used_bytes(struct store *s)
{
	return environment_used_bytes(s->env);
}

uint64_t
store_map_bytes(struct store *s)
{
	return environment_map_bytes(s->env);
}
