/*
 * Signatures of function calls: see signature.h.  Read and asked to be written in workers, swept
 * in the janitor.  Owns three tables: the records, where they stand by what they are, and by
 * their age.
 */
#include "memory/signature.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>
#include "base/log.h"
#include "gemini/model.h"

#define HASH_PURPOSE   "callkind"
#define RECORD_MAX     (1u << 20) /* a call with its arguments and signature; more is not kept */
#define TOUCH_AFTER_MS INT64_C(3600000) /* a use moves the end of its time at most this often */
#define SWEEP_AT_ONCE  300              /* records; each takes three writes, a commit has 1,000 */
#define TIME_BYTES     8

/*	tag		member */
enum { TAG_UPSTREAM_ID = 1, TAG_NAME, TAG_ARGS, TAG_SIGNATURE, TAG_INDEX, TAG_MODEL, TAG_USED };

/* ---- keys ---- */

static void
key_of_id(const struct signature_book *b, struct span id, struct buf *out)
{
	buf_add_span(out, b->client);
	buf_add_char(out, ':');
	buf_add_span(out, id);
}

/* Clients parse arguments and print them anew: blanks, the order of members and how a number is
 * written (2.0 and 2) do not count. */
static void
canonical_args(struct span args, struct buf *out)
{
	json_t *tree = json_loadb(
	    args.p, args.len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	char *text =
	    tree ? json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;

	if (text)
		buf_add_text(out, text);
	else
		buf_add_span(out, args);
	free(text);
	json_decref(tree);
}

static void
hash_of_kind(const struct signature_book *b, const struct signed_call *c,
    unsigned char hash[SEAL_HASH_BYTES])
{
	struct model_facts facts = model_facts(c->model);
	struct buf text = BUF_INIT;
	char family[24];

	model_family(&facts, family);
	buf_printf(&text, "%.*s\n%s\n%.*s\n%zu\n", SPAN_ARG(b->client), family, SPAN_ARG(c->name),
	    c->step_index);
	canonical_args(c->args, &text);
	seal_hash(b->seal, HASH_PURPOSE, buf_span(&text), hash);
	buf_fini(&text);
}

/* Big-endian, so that the table is in order of time. */
static void
key_of_age(int64_t wall_ms, struct span record_key, struct buf *out)
{
	for (int shift = 8 * (TIME_BYTES - 1); shift >= 0; shift -= 8)
		buf_add_char(out, (char)((uint64_t)wall_ms >> shift & 0xFF));
	buf_add_span(out, record_key);
}

static int64_t
time_of_age(struct span *key)
{
	uint64_t wall_ms = 0;

	assert(key->len > TIME_BYTES);
	for (int i = 0; i < TIME_BYTES; i++)
		wall_ms = wall_ms << 8 | (unsigned char)key->p[i];
	*key = span_mem(key->p + TIME_BYTES, key->len - TIME_BYTES);
	return (int64_t)wall_ms;
}

/* ---- records ---- */

static void
encode(const struct signed_call *c, int64_t used_wall_ms, struct buf *out)
{
	record_put_text(out, TAG_UPSTREAM_ID, c->upstream_id);
	record_put_text(out, TAG_NAME, c->name);
	record_put_text(out, TAG_ARGS, c->args);
	record_put_text(out, TAG_SIGNATURE, c->signature);
	record_put_int(out, TAG_INDEX, (int64_t)c->step_index);
	record_put_text(out, TAG_MODEL, c->model);
	record_put_int(out, TAG_USED, used_wall_ms);
}

static bool
decode(struct span raw, struct arena *arena, struct signed_call *out, int64_t *used_wall_ms)
{
	struct record r;
	struct span value;
	unsigned tag;
	int64_t index = 0;

	*out = (struct signed_call){ 0 };
	*used_wall_ms = 0;
	record_begin(&r, raw);
	while (record_next(&r, &tag, &value)) {
		if (tag == TAG_UPSTREAM_ID)
			out->upstream_id = arena_span(arena, value);
		else if (tag == TAG_NAME)
			out->name = arena_span(arena, value);
		else if (tag == TAG_ARGS)
			out->args = arena_span(arena, value);
		else if (tag == TAG_SIGNATURE)
			out->signature = arena_span(arena, value);
		else if (tag == TAG_MODEL)
			out->model = arena_span(arena, value);
		else if (tag == TAG_INDEX && !record_int(value, &index))
			r.broken = true;
		else if (tag == TAG_USED && !record_int(value, used_wall_ms))
			r.broken = true;
	}
	out->step_index = (size_t)index;
	return !r.broken && index >= 0;
}

/* ---- keeping ---- */

static bool
write_all(const struct signature_book *b, struct span key, const struct signed_call *c,
    int64_t now_wall_ms, writer_fn *done, void *ctx)
{
	struct buf record = BUF_INIT, age = BUF_INIT;
	unsigned char hash[SEAL_HASH_BYTES];
	bool ok;

	if (c->args.len + c->signature.len > RECORD_MAX)
		return false;
	encode(c, now_wall_ms, &record);
	key_of_age(now_wall_ms, key, &age);
	hash_of_kind(b, c, hash);
	struct span like = span_mem(hash, sizeof(hash));
	struct write_op ops[] = {
		{ .table = TABLE_SIGNATURE, .key = key, .value = buf_span(&record) },
		{ .table = TABLE_SIGNATURE_LIKE, .key = like, .value = key },
		{ .table = TABLE_SIGNATURE_AGE, .key = buf_span(&age), .value = like },
	};

	ok = record.len <= RECORD_MAX && age.len <= SCHEMA_KEY_MAX &&
	     writer_write(b->writer, ops, sizeof(ops) / sizeof(ops[0]), done, ctx);
	buf_fini(&record);
	buf_fini(&age);
	return ok;
}

bool
signature_keep(const struct signature_book *b, const struct signed_call *c, int64_t now_wall_ms,
    writer_fn *done, void *ctx)
{
	struct buf key = BUF_INIT;
	bool ok;

	if (!b->writer)
		return false;
	key_of_id(b, c->id, &key);
	ok = write_all(b, buf_span(&key), c, now_wall_ms, done, ctx);
	buf_fini(&key);
	return ok;
}

/* ---- finding ---- */

static bool
is_fit(struct span key)
{
	return key.len > 0 && key.len + TIME_BYTES <= SCHEMA_KEY_MAX;
}

/* Within the transaction; *used_wall_ms says since when it was not used. */
static bool
read_record(struct txn *t, struct span key, struct arena *arena, struct signed_call *out,
    int64_t *used_wall_ms)
{
	struct span raw = is_fit(key) ? store_get(t, TABLE_SIGNATURE, key) : SPAN_NONE;

	return raw.p && decode(raw, arena, out, used_wall_ms);
}

/* What was found: still in its time?  A use puts its end off. */
static bool
take(const struct signature_book *b, struct span key, struct signed_call *c, int64_t used_wall_ms,
    int64_t now_wall_ms, struct arena *arena)
{
	struct span id = key;

	if (now_wall_ms - used_wall_ms > SIGNATURE_TTL_MS)
		return false;
	span_cut(&id, ':');
	c->id = arena_span(arena, id);
	if (b->writer && now_wall_ms - used_wall_ms > TOUCH_AFTER_MS)
		write_all(b, key, c, now_wall_ms, NULL, NULL);
	return true;
}

bool
signature_find(const struct signature_book *b, struct span id, int64_t now_wall_ms,
    struct arena *arena, struct signed_call *out)
{
	struct buf key = BUF_INIT;
	struct err e = ERR_INIT;
	int64_t used = 0;
	bool found;

	key_of_id(b, id, &key);
	struct txn t = store_read(b->store);

	found = read_record(&t, buf_span(&key), arena, out, &used);
	if (!store_end(&t, &e)) {
		log_warn("memory", "a signature cannot be read", "error=%s", e.text);
		found = false;
	}
	found = found && take(b, buf_span(&key), out, used, now_wall_ms, arena);
	buf_fini(&key);
	return found;
}

bool
signature_find_like(const struct signature_book *b, const struct signed_call *like,
    int64_t now_wall_ms, struct arena *arena, struct signed_call *out)
{
	unsigned char hash[SEAL_HASH_BYTES];
	struct buf key = BUF_INIT;
	struct err e = ERR_INIT;
	int64_t used = 0;
	bool found;

	if (like->args.len > RECORD_MAX)
		return false; /* none such is kept, and to parse it takes its time */
	hash_of_kind(b, like, hash);
	struct txn t = store_read(b->store);

	/* A copy: the value dies with the next read. */
	buf_add_span(&key, store_get(&t, TABLE_SIGNATURE_LIKE, span_mem(hash, sizeof(hash))));
	found = read_record(&t, buf_span(&key), arena, out, &used);
	if (!store_end(&t, &e)) {
		log_warn("memory", "a signature cannot be read", "error=%s", e.text);
		found = false;
	}
	found = found && take(b, buf_span(&key), out, used, now_wall_ms, arena);
	buf_fini(&key);
	return found;
}

/* ---- sweeping ---- */

struct sweep {
	struct txn *t;
	struct arena *arena;   /* the keys of ops */
	struct arena *scratch; /* the record at hand */
	int64_t now_wall_ms;
	uint64_t too_many; /* so many of the oldest go whatever their age */
	struct write_op ops[3 * SWEEP_AT_ONCE];
	size_t op_count;
	size_t records;
	size_t seen;
};

static void
erase(struct sweep *s, enum table table, struct span key)
{
	s->ops[s->op_count++] =
	    (struct write_op){ .table = table, .key = arena_span(s->arena, key) };
}

/* The record was used since: another line of the table of ages stands for it. */
static bool
is_younger(struct sweep *s, struct span key, int64_t than_wall_ms)
{
	struct span raw = store_get(s->t, TABLE_SIGNATURE, key);
	struct signed_call c;
	int64_t used;

	arena_reset(s->scratch);
	return raw.p && decode(raw, s->scratch, &c, &used) && used > than_wall_ms;
}

static bool
sweep_line(void *ctx, struct span age_key, struct span like)
{
	struct sweep *s = ctx;
	struct span key = age_key;

	if (s->seen++ == SWEEP_AT_ONCE)
		return false;
	int64_t used = time_of_age(&key);

	if (s->now_wall_ms - used <= SIGNATURE_TTL_MS && s->too_many == 0)
		return false;
	erase(s, TABLE_SIGNATURE_AGE, age_key);
	if (is_younger(s, key, used))
		return true;
	if (s->too_many > 0)
		s->too_many--;
	s->records++;
	erase(s, TABLE_SIGNATURE, key);
	if (span_eq(store_get(s->t, TABLE_SIGNATURE_LIKE, like), key))
		erase(s, TABLE_SIGNATURE_LIKE, like);
	return true;
}

static uint64_t
excess(struct txn *t)
{
	uint64_t count = store_count(t, TABLE_SIGNATURE);
	uint64_t bytes = store_table_bytes(t, TABLE_SIGNATURE);

	if (bytes > SIGNATURE_BYTES_MAX)
		return count / 8 + 1;
	return count > SIGNATURE_COUNT_MAX ? count - SIGNATURE_COUNT_MAX : 0;
}

size_t
signature_sweep(struct store *store, struct committer *committer, int64_t now_wall_ms)
{
	struct sweep *s = mem_alloc(sizeof(*s));
	struct txn t = store_read(store);
	struct err e = ERR_INIT;
	size_t lines;

	s->t = &t;
	s->arena = arena_new(0);
	s->scratch = arena_new(0);
	s->now_wall_ms = now_wall_ms;
	s->too_many = excess(&t);
	store_each(&t, TABLE_SIGNATURE_AGE, sweep_line, s);
	if (!store_end(&t, &e))
		log_warn("memory", "signatures cannot be swept", "error=%s", e.text);
	else if (s->op_count > 0)
		committer_add(committer, s->ops, s->op_count, NULL, NULL);
	lines = s->op_count;
	if (s->records > 0)
		log_debug("memory", "signatures forgotten", "count=%zu", s->records);
	arena_free(&s->arena);
	arena_free(&s->scratch);
	mem_free(s);
	return lines;
}
