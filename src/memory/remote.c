/*
 * Who owns what lives at Google: see remote.h.  Read and asked to be written in workers, swept in
 * the janitor.  Owns two tables: the records, and their order by the end of their time.
 */
#include "memory/remote.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "memory/remote_name.h"

#define LEARN_MOST     300                  /* objects of one answer; each takes three writes */
#define TOUCH_AFTER_MS INT64_C(3600000)     /* a use puts off an end at most this often */
#define UNTIL_MOST_MS  INT64_C(34560000000) /* 400 days: what is later is taken for that */
#define SWEEP_AT_ONCE  400                  /* lines; each takes two writes, a commit has 1,000 */
#define TIME_BYTES     8
#define KEY_MAX        (TIME_BYTES + REMOTE_NAME_MAX)

/*	tag		member */
enum { TAG_OWNER = 1, TAG_UNTIL, TAG_SEEN, TAG_STATED };

struct owned {
	char owner[CREDENTIAL_ID_LEN + 1];
	int64_t until_wall_ms;
	int64_t seen_wall_ms;
	bool stated; /* until is Google's word */
};

/* ---- keys and records ---- */

/* Big-endian, so that the table is in order of time. */
static struct span
key_of_age(int64_t wall_ms, struct span name, char room[KEY_MAX])
{
	assert(name.len <= REMOTE_NAME_MAX);
	for (int i = 0; i < TIME_BYTES; i++)
		room[i] = (char)((uint64_t)wall_ms >> 8 * (TIME_BYTES - 1 - i) & 0xFF);
	memcpy(room + TIME_BYTES, name.p, name.len);
	return span_mem(room, TIME_BYTES + name.len);
}

/* The time of a line, and the name of its object; -1: no such line was ever written. */
static int64_t
time_of_age(struct span key, struct span *name)
{
	uint64_t wall_ms = 0;

	if (key.len <= TIME_BYTES)
		return -1;
	for (int i = 0; i < TIME_BYTES; i++)
		wall_ms = wall_ms << 8 | (unsigned char)key.p[i];
	*name = span_mem(key.p + TIME_BYTES, key.len - TIME_BYTES);
	return (int64_t)wall_ms;
}

static void
encode(const struct owned *o, struct buf *out)
{
	record_put_text(out, TAG_OWNER, span_of(o->owner));
	record_put_int(out, TAG_UNTIL, o->until_wall_ms);
	record_put_int(out, TAG_SEEN, o->seen_wall_ms);
	record_put_int(out, TAG_STATED, o->stated);
}

static bool
decode(struct span raw, struct owned *out)
{
	struct record r;
	struct span value;
	unsigned tag;
	int64_t stated = 0;

	*out = (struct owned){ 0 };
	record_begin(&r, raw);
	while (record_next(&r, &tag, &value)) {
		if (tag == TAG_OWNER && value.len <= CREDENTIAL_ID_LEN)
			memcpy(out->owner, value.p, value.len);
		else if (tag == TAG_OWNER ||
			 (tag == TAG_UNTIL && !record_int(value, &out->until_wall_ms)) ||
			 (tag == TAG_SEEN && !record_int(value, &out->seen_wall_ms)) ||
			 (tag == TAG_STATED && !record_int(value, &stated)))
			r.broken = true;
	}
	out->stated = stated != 0;
	return !r.broken && out->owner[0] != '\0';
}

/* Within the transaction. */
static bool
read_owned(struct txn *t, struct span name, struct owned *out)
{
	struct span raw = store_get(t, TABLE_REMOTE, name);

	return raw.p && decode(raw, out);
}

static bool
end_reading(struct txn *t)
{
	struct err e = ERR_INIT;

	if (store_end(t, &e))
		return true;
	log_warn("memory", "the owner of a remote object cannot be read", "error=%s", e.text);
	return false;
}

/* ---- writing ---- */

/* What one write is made of; all of it lies in the arena. */
struct changes {
	struct arena *arena;
	struct write_op *ops;
	size_t n;
};

static struct changes
changes_begin(size_t most)
{
	struct changes c = { .arena = arena_new(0) };

	c.ops = arena_alloc(c.arena, most * sizeof(*c.ops));
	return c;
}

static bool
changes_end(struct changes *c, const struct remote_book *b, writer_fn *done, void *ctx)
{
	bool taken = c->n > 0 && writer_write(b->writer, c->ops, c->n, done, ctx);

	if (c->n > 0 && !taken)
		log_warn("memory", "owners of remote objects are not stored: too much waits",
		    "writes=%zu", c->n);
	arena_free(&c->arena);
	return taken;
}

static void
change(struct changes *c, enum table table, struct span key, struct span value)
{
	c->ops[c->n++] = (struct write_op){ .table = table,
		.key = arena_span(c->arena, key),
		.value = value.p ? arena_span(c->arena, value) : SPAN_NONE };
}

static void
change_age(struct changes *c, int64_t wall_ms, struct span name, struct span value)
{
	char room[KEY_MAX];

	change(c, TABLE_REMOTE_AGE, key_of_age(wall_ms, name, room), value);
}

/* had: what stands there so far, or NULL. */
static void
put(struct changes *c, struct span name, const struct owned *o, const struct owned *had)
{
	struct buf record = BUF_INIT;

	encode(o, &record);
	if (had && had->until_wall_ms != o->until_wall_ms)
		change_age(c, had->until_wall_ms, name, SPAN_NONE);
	change(c, TABLE_REMOTE, name, buf_span(&record));
	change_age(c, o->until_wall_ms, name, SPAN(""));
	buf_fini(&record);
}

/* Where the object itself does not say until when it is there. */
static int64_t
until_unsaid(struct span name, int64_t now_wall_ms)
{
	return now_wall_ms + (remote_name_is_lasting(name) ? REMOTE_LASTING_MS : REMOTE_TTL_MS);
}

/* ---- learning ---- */

static struct owned
owned_of(const struct remote_shown *s, const char *owner, int64_t now_wall_ms)
{
	struct owned o = { .seen_wall_ms = now_wall_ms, .stated = s->until_wall_ms > 0 };
	int64_t latest = now_wall_ms + UNTIL_MOST_MS;

	snprintf(o.owner, sizeof(o.owner), "%s", owner);
	o.until_wall_ms = o.stated ? s->until_wall_ms : until_unsaid(s->name, now_wall_ms);
	if (o.until_wall_ms > latest)
		o.until_wall_ms = latest;
	return o;
}

/* Programs ask after a file each second until it is ready: what is known is not written again. */
static bool
is_news(const struct owned *o, const struct owned *had)
{
	if (strcmp(o->owner, had->owner) != 0)
		return true;
	if (o->stated)
		return !had->stated || o->until_wall_ms != had->until_wall_ms;
	if (had->stated)
		return had->until_wall_ms <= o->seen_wall_ms;
	return o->seen_wall_ms - had->seen_wall_ms > TOUCH_AFTER_MS;
}

static void
learn(struct changes *c, struct txn *t, const struct remote_shown *s, const char *owner,
    int64_t now_wall_ms)
{
	struct owned o = owned_of(s, owner, now_wall_ms), had;
	bool is_known = read_owned(t, s->name, &had);

	if (o.until_wall_ms > now_wall_ms && (!is_known || is_news(&o, &had)))
		put(c, s->name, &o, is_known ? &had : NULL);
}

bool
remote_learn(const struct remote_book *b, struct span answer,
    const char owner[CREDENTIAL_ID_LEN + 1], int64_t now_wall_ms, writer_fn *done, void *ctx)
{
	struct arena *arena;
	struct remote_shown *shown;
	struct changes c;
	size_t n;

	if (!b->writer)
		return false;
	arena = arena_new(0);
	shown = arena_alloc(arena, LEARN_MOST * sizeof(*shown));
	n = remote_names_of_answer(answer, arena, shown, LEARN_MOST);
	c = changes_begin(3 * n);
	if (n > 0) {
		struct txn t = store_read(b->store);

		for (size_t i = 0; i < n; i++)
			learn(&c, &t, &shown[i], owner, now_wall_ms);
		end_reading(&t);
	}
	arena_free(&arena);
	return changes_end(&c, b, done, ctx);
}

void
remote_forget(const struct remote_book *b, struct span name)
{
	struct owned had;
	bool is_known;

	if (!b->writer || !remote_name_is_valid(name))
		return;
	struct txn t = store_read(b->store);

	is_known = read_owned(&t, name, &had);
	if (!end_reading(&t) || !is_known)
		return;
	struct changes c = changes_begin(2);

	change(&c, TABLE_REMOTE, name, SPAN_NONE);
	change_age(&c, had.until_wall_ms, name, SPAN_NONE);
	changes_end(&c, b, NULL, NULL);
}

/* ---- finding ---- */

/* Of the object or what it is a part of; *found: which of the two. */
static bool
find(struct txn *t, struct span name, int64_t now_wall_ms, struct owned *out, struct span *found)
{
	if (!remote_name_is_valid(name))
		return false;
	for (; name.len > 0; name = remote_name_parent(name)) {
		*found = name;
		if (read_owned(t, name, out) && out->until_wall_ms > now_wall_ms)
			return true;
	}
	return false;
}

/* A use puts the end off where Google did not set it. */
static void
touch(struct changes *c, struct span name, const struct owned *had, int64_t now_wall_ms)
{
	struct owned o = *had;

	if (had->stated || now_wall_ms - had->seen_wall_ms <= TOUCH_AFTER_MS)
		return;
	o.seen_wall_ms = now_wall_ms;
	o.until_wall_ms = until_unsaid(name, now_wall_ms);
	put(c, name, &o, had);
}

static bool
refuse(struct span one, struct span other, struct err *e)
{
	const char *field = span_starts(other, "files/")            ? "fileUri"
			    : span_starts(other, "cachedContents/") ? "cachedContent"
								    : "name";

	return err_field(e, field,
	    "\"%.*s\" and \"%.*s\" belong to different credentials, and none can use both: "
	    "upload or create them again, one right after the other",
	    SPAN_ARG(one), SPAN_ARG(other));
}

bool
remote_owner_of_all(const struct remote_book *b, const struct span *names, size_t n,
    int64_t now_wall_ms, char owner[CREDENTIAL_ID_LEN + 1], struct err *e)
{
	struct span first = SPAN_NONE, found;
	struct changes c;
	struct owned o;
	bool agree = true;

	owner[0] = '\0';
	if (n == 0)
		return true;
	c = changes_begin(3 * n);
	struct txn t = store_read(b->store);

	for (size_t i = 0; i < n && agree; i++) {
		if (!find(&t, names[i], now_wall_ms, &o, &found))
			continue;
		if (first.p == NULL) {
			first = names[i];
			memcpy(owner, o.owner, sizeof(o.owner));
		}
		agree = strcmp(owner, o.owner) == 0 || refuse(first, names[i], e);
		touch(&c, found, &o, now_wall_ms);
	}
	if (!end_reading(&t))
		owner[0] = '\0';
	if (!b->writer)
		c.n = 0;
	changes_end(&c, b, NULL, NULL);
	return agree;
}

bool
remote_owner(const struct remote_book *b, struct span name, int64_t now_wall_ms,
    char owner[CREDENTIAL_ID_LEN + 1])
{
	return remote_owner_of_all(b, &name, 1, now_wall_ms, owner, NULL) && owner[0] != '\0';
}

/* ---- sweeping ---- */

struct sweep {
	struct txn *t;
	struct arena *arena; /* the keys of ops */
	int64_t now_wall_ms;
	uint64_t too_many; /* so many of the oldest go whatever their time */
	struct write_op ops[2 * SWEEP_AT_ONCE];
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

static bool
sweep_line(void *ctx, struct span age_key, struct span value)
{
	struct sweep *s = ctx;
	struct span name = SPAN_NONE;
	struct owned o;
	int64_t until = time_of_age(age_key, &name);
	bool is_known;

	(void)value;
	if (s->seen++ == SWEEP_AT_ONCE || (until > s->now_wall_ms && s->too_many == 0))
		return false;
	erase(s, TABLE_REMOTE_AGE, age_key);
	if (name.len == 0)
		return true;
	is_known = read_owned(s->t, name, &o);
	if (is_known && o.until_wall_ms > until)
		return true; /* it was put off: another line tells of it */
	if (is_known && s->too_many > 0)
		s->too_many--;
	s->records += is_known;
	erase(s, TABLE_REMOTE, name);
	return true;
}

size_t
remote_sweep(struct store *store, struct committer *committer, int64_t now_wall_ms)
{
	struct sweep *s = mem_alloc(sizeof(*s));
	struct txn t = store_read(store);
	struct err e = ERR_INIT;
	uint64_t count = store_count(&t, TABLE_REMOTE);
	size_t lines;

	s->t = &t;
	s->arena = arena_new(0);
	s->now_wall_ms = now_wall_ms;
	s->too_many = count > REMOTE_COUNT_MAX ? count - REMOTE_COUNT_MAX : 0;
	store_each(&t, TABLE_REMOTE_AGE, sweep_line, s);
	if (!store_end(&t, &e))
		log_warn("memory", "remote objects cannot be swept", "error=%s", e.text);
	else if (s->op_count > 0)
		committer_add(committer, s->ops, s->op_count, NULL, NULL);
	lines = s->op_count;
	if (s->records > 0)
		log_debug("memory", "remote objects forgotten", "count=%zu", s->records);
	arena_free(&s->arena);
	mem_free(s);
	return lines;
}
