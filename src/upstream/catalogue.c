/*
 * The models that upstream has: see catalogue.h.  Runs in workers; owns a copy of the store's
 * records, in order of name.
 */
#include "upstream/catalogue.h"

#include "base/log.h"
#include "base/mem.h"

#define MODELS_MAX 900 /* what one write takes; upstream has about a hundred */

enum {
	TAG_DISPLAY_NAME = 1,
	TAG_INPUT,
	TAG_OUTPUT,
	TAG_THINKS,
	TAG_GENERATES,
	TAG_EMBEDS,
	TAG_SEEN
};

struct item {
	struct catalogue_model m; /* texts owned: name and display_name in one block each */
	bool changed;             /* since it was saved */
};

struct catalogue {
	struct store *store;   /* borrowed */
	struct board *board;   /* borrowed */
	struct writer *writer; /* borrowed */
	struct item *items;    /* owned; in order of name */
	size_t count, room;
	bool loaded;
	uint64_t generation; /* of the store, when it was loaded */
};

/* ---- records ---- */

void
catalogue_encode(const struct catalogue_model *m, struct buf *record)
{
	record_put_text(record, TAG_DISPLAY_NAME, m->display_name);
	record_put_int(record, TAG_INPUT, m->input_tokens);
	record_put_int(record, TAG_OUTPUT, m->output_tokens);
	record_put_int(record, TAG_THINKS, m->thinks);
	record_put_int(record, TAG_GENERATES, m->generates);
	record_put_int(record, TAG_EMBEDS, m->embeds);
	record_put_int(record, TAG_SEEN, m->seen_wall_ms);
}

static bool
decode_int(struct catalogue_model *m, unsigned tag, int64_t n)
{
	switch (tag) {
	case TAG_INPUT:
		m->input_tokens = n;
		return n >= 0;
	case TAG_OUTPUT:
		m->output_tokens = n;
		return n >= 0;
	case TAG_THINKS:
		m->thinks = n != 0;
		return true;
	case TAG_GENERATES:
		m->generates = n != 0;
		return true;
	case TAG_EMBEDS:
		m->embeds = n != 0;
		return true;
	case TAG_SEEN:
		m->seen_wall_ms = n;
		return true;
	default:
		return true;
	}
}

bool
catalogue_decode(struct span name, struct span raw, struct catalogue_model *m)
{
	struct record r;
	struct span value;
	unsigned tag;
	int64_t n;

	*m = (struct catalogue_model){ .name = name };
	record_begin(&r, raw);
	while (record_next(&r, &tag, &value)) {
		if (tag == TAG_DISPLAY_NAME)
			m->display_name = value;
		else if (tag <= TAG_SEEN && (!record_int(value, &n) || !decode_int(m, tag, n)))
			return false;
	}
	return !r.broken && name.len > 0;
}

/* ---- the copy ---- */

static int
compare(struct span a, struct span b)
{
	int c = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* Where the model is, or belongs. */
static size_t
place_of(const struct catalogue *c, struct span name, bool *found)
{
	size_t low = 0, high = c->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(c->items[middle].m.name, name);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct span
own(struct span s)
{
	return (struct span){ mem_dup_span(s), s.len };
}

static void
item_fini(struct item *i)
{
	mem_free((char *)i->m.name.p);
	mem_free((char *)i->m.display_name.p);
}

static void
put(struct catalogue *c, const struct catalogue_model *m, bool changed)
{
	bool found;
	size_t at = place_of(c, m->name, &found);
	struct item fresh = { *m, changed };

	if (!found && c->count == MODELS_MAX)
		return;
	fresh.m.name = own(m->name);
	fresh.m.display_name = own(m->display_name);
	if (found) {
		item_fini(&c->items[at]);
	} else {
		if (c->count == c->room) {
			c->room = c->room > 0 ? 2 * c->room : 64;
			c->items = mem_resize(c->items, c->room * sizeof(*c->items));
		}
		memmove(c->items + at + 1, c->items + at, (c->count - at) * sizeof(*c->items));
		c->count++;
	}
	c->items[at] = fresh;
}

/* All but what the store cannot know yet. */
static void
forget_saved(struct catalogue *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (c->items[i].changed)
			c->items[kept++] = c->items[i];
		else
			item_fini(&c->items[i]);
	}
	c->count = kept;
}

static bool
load_one(void *ctx, struct span name, struct span record)
{
	struct catalogue *c = ctx;
	struct catalogue_model m;
	bool found;
	size_t at = place_of(c, name, &found);

	if (found && c->items[at].changed)
		return true;
	if (catalogue_decode(name, record, &m))
		put(c, &m, false);
	return true;
}

/* Reads the store when it has changed. */
static void
refresh(struct catalogue *c)
{
	uint64_t generation = board_generation(c->board, BOARD_GEN_MODELS);
	struct err e = ERR_INIT;

	if (c->loaded && generation == c->generation)
		return;
	c->loaded = true;
	c->generation = generation;
	forget_saved(c);
	struct txn t = store_read(c->store);

	store_each(&t, TABLE_MODEL, load_one, c);
	if (!store_end(&t, &e))
		log_warn("upstream", "the list of models cannot be read", "error=%s", e.text);
}

struct catalogue *
catalogue_new(struct store *store, struct board *board, struct writer *writer)
{
	struct catalogue *c = mem_alloc(sizeof(*c));

	*c = (struct catalogue){ .store = store, .board = board, .writer = writer };
	return c;
}

void
catalogue_free(struct catalogue **cp)
{
	struct catalogue *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		item_fini(&c->items[i]);
	mem_free(c->items);
	mem_free(c);
}

/* ---- asking ---- */

/* Either way: a clock may have been set back since. */
static bool
was_seen_within(const struct catalogue_model *m, int64_t span_ms, int64_t now_wall_ms)
{
	return m->seen_wall_ms > now_wall_ms - span_ms && m->seen_wall_ms < now_wall_ms + span_ms;
}

bool
catalogue_is_fresh(struct catalogue *c, int64_t now_wall_ms)
{
	refresh(c);
	for (size_t i = 0; i < c->count; i++)
		if (was_seen_within(&c->items[i].m, CATALOGUE_FRESH_MS, now_wall_ms))
			return true;
	return false;
}

void
catalogue_each(struct catalogue *c, int64_t now_wall_ms,
    bool (*fn)(void *ctx, const struct catalogue_model *), void *ctx)
{
	refresh(c);
	for (size_t i = 0; i < c->count; i++)
		if (was_seen_within(&c->items[i].m, CATALOGUE_FORGET_MS, now_wall_ms) &&
		    !fn(ctx, &c->items[i].m))
			return;
}

const struct catalogue_model *
catalogue_find(struct catalogue *c, struct span bare)
{
	bool found;

	refresh(c);
	size_t at = place_of(c, bare, &found);

	return found ? &c->items[at].m : NULL;
}

void
catalogue_refine(struct catalogue *c, struct span bare, struct model_facts *facts)
{
	const struct catalogue_model *m = catalogue_find(c, bare);

	if (!m)
		return;
	if (facts->output_token_limit == 0)
		facts->output_token_limit = m->output_tokens;
	if (facts->input_token_limit == 0)
		facts->input_token_limit = m->input_tokens;
	facts->thinks = facts->thinks || m->thinks;
}

/* ---- learning ---- */

void
catalogue_note(struct catalogue *c, const struct catalogue_model *m)
{
	refresh(c);
	put(c, m, true);
}

/* What is to be done about a record: written, erased since nobody was told of it for long, or
 * nothing.  What the store does not take is told anew soon. */
static bool
make_op(struct item *i, int64_t now_wall_ms, struct arena *arena, struct write_op *op)
{
	bool forgotten = now_wall_ms - i->m.seen_wall_ms >= CATALOGUE_FORGET_MS;
	struct buf record = BUF_INIT;

	*op = (struct write_op){ .table = TABLE_MODEL, .key = i->m.name };
	if (!i->changed || forgotten)
		return forgotten;
	i->changed = false;
	catalogue_encode(&i->m, &record);
	op->value = arena_span(arena, buf_span(&record));
	buf_fini(&record);
	return true;
}

void
catalogue_save(struct catalogue *c, int64_t now_wall_ms)
{
	struct write_op *ops = mem_array(c->count, sizeof(*ops));
	struct arena *arena = arena_new(0);
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		if (make_op(&c->items[i], now_wall_ms, arena, &ops[n]))
			n++;
	if (n > 0 && c->writer && !writer_write(c->writer, ops, n, NULL, NULL))
		log_warn("upstream", "the list of models is not stored: too much waits", NULL);
	arena_free(&arena);
	mem_free(ops);
}
