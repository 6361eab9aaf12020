/*
 * Time and credentials: see upkeep.h.  Runs in the janitor; owns what it saw at the last look.
 */
#include "upstream/upkeep.h"

#include <stdlib.h>
#include "base/mem.h"
#include "config/values.h"
#include "upstream/fitness.h"

#define SECOND_MS INT64_C(1000)

struct seen {
	uint64_t key;
	uint64_t failures;
	int64_t last_success_s;
	int64_t begun_s; /* it was enabled then, while we watched; 0: before */
	bool enabled;
};

struct upkeep {
	struct seen *seen; /* owned; in order of their keys */
	size_t count;
};

struct upkeep *
upkeep_new(void)
{
	return mem_alloc(sizeof(struct upkeep));
}

void
upkeep_free(struct upkeep **up)
{
	if (*up)
		mem_free((*up)->seen);
	mem_free(*up);
	*up = NULL;
}

/* ---- who is of no use ---- */

static int
compare(const void *va, const void *vb)
{
	const struct seen *a = va, *b = vb;

	return a->key < b->key ? -1 : a->key > b->key;
}

static const struct seen *
seen_before(const struct upkeep *u, uint64_t key)
{
	struct seen wanted = { .key = key };

	return u->count ? bsearch(&wanted, u->seen, u->count, sizeof(wanted), compare) : NULL;
}

static struct fitness_view
view_of(struct board *b, const struct choosable *it, struct moment m)
{
	struct fitness_view v;

	fitness_view(board_row(b, it->subject, BOARD_WHOLE, false), m, &v);
	return v;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Since when it could have had a success and had none, in Unix seconds. */
static int64_t
idle_since_s(const struct credential *c, const struct fitness_view *v, const struct seen *now)
{
	int64_t since = v->last_success_wall_s ? v->last_success_wall_s : v->first_lent_wall_s;

	return later(since, later(c->created_wall_ms / SECOND_MS, now->begun_s));
}

static bool
is_idle(const struct credential *c, const struct fitness_view *v, const struct seen *before,
    const struct seen *now, int64_t after_ms, struct moment m)
{
	bool failed_since = before && before->enabled && v->failures > before->failures &&
			    v->last_success_wall_s == before->last_success_s;

	return c->enabled && failed_since && v->first_lent_wall_s != 0 &&
	       m.wall_ms / SECOND_MS - idle_since_s(c, v, now) >= after_ms / SECOND_MS;
}

/* The failures of one that is to be judged later are counted from the first look on. */
static struct seen
seen_now(const struct credential *c, const struct fitness_view *v, const struct seen *before,
    struct moment m)
{
	struct seen s = { .key = c->board_key,
		.failures = v->failures,
		.last_success_s = v->last_success_wall_s,
		.begun_s = before ? before->begun_s : 0,
		.enabled = c->enabled };

	if (before && c->enabled && !before->enabled)
		s.begun_s = m.wall_ms / SECOND_MS;
	else if (before && before->enabled && v->failures >= before->failures &&
		 v->last_success_wall_s == before->last_success_s)
		s.failures = before->failures;
	return s;
}

/* Of all that are enabled one is kept: it may be the way that is broken, not the keys. */
static void
keep_the_best(
    struct upkeep_idle *idle, struct board *b, const struct pool_snapshot *s, struct moment m)
{
	int64_t best_s = -1;
	size_t best = 0;

	if (idle->count == 0 || idle->count < s->enabled)
		return;
	for (size_t i = 0; i < idle->count; i++) {
		struct fitness_view v = view_of(b, &s->items[idle->items[i]], m);

		if (v.last_success_wall_s <= best_s)
			continue;
		best_s = v.last_success_wall_s;
		best = i;
	}
	idle->items[best] = idle->items[--idle->count];
}

void
upkeep_look(struct upkeep *u, struct board *b, const struct pool_snapshot *s, int64_t after_ms,
    struct moment m, struct upkeep_idle *idle)
{
	struct seen *seen = mem_array(s->set.count + 1, sizeof(*seen));

	*idle = (struct upkeep_idle){ .items = mem_array(s->set.count + 1, sizeof(uint32_t)) };
	for (uint32_t i = 0; i < s->set.count; i++) {
		const struct credential *c = &s->set.items[i];
		const struct seen *before = seen_before(u, c->board_key);
		struct fitness_view v = view_of(b, &s->items[i], m);

		seen[i] = seen_now(c, &v, before, m);
		if (is_idle(c, &v, before, &seen[i], after_ms, m))
			idle->items[idle->count++] = i;
	}
	keep_the_best(idle, b, s, m);
	if (s->set.count > 0)
		qsort(seen, s->set.count, sizeof(*seen), compare);
	mem_free(u->seen);
	u->seen = seen;
	u->count = s->set.count;
}

void
upkeep_idle_fini(struct upkeep_idle *idle)
{
	mem_free(idle->items);
	*idle = (struct upkeep_idle){ NULL, 0 };
}

void
upkeep_note(int64_t after_ms, struct buf *out)
{
	buf_add_lit(out, "no success for ");
	value_show_duration(out, after_ms);
}

bool
upkeep_read(struct store *store, const char *id, struct credential *out)
{
	struct txn t = store_read(store);
	struct span record = store_get(&t, TABLE_CREDENTIAL, span_of(id));
	bool read = record.p && credential_decode(span_of(id), record, out);

	return store_end(&t, NULL) && read;
}

/* ---- days ---- */

static bool
is_spent(struct board *b, int subject, struct moment m)
{
	for (int model = BOARD_WHOLE; model < board_models_used(b); model++) {
		const struct board_row *row = board_row(b, subject, model, false);

		if (row && (fitness_day_used(row, m) > 0 ||
			       fitness_frozen(row, m).cause == OUTCOME_QUOTA_DAY))
			return true;
	}
	return false;
}

size_t
upkeep_spent_days(struct board *b, const struct pool_snapshot *s, struct moment m)
{
	size_t n = 0;

	for (size_t i = 0; i < s->set.count; i++)
		n +=
		    is_spent(b, s->items[i].subject, m) ||
		    (s->items[i].scope != s->items[i].subject && is_spent(b, s->items[i].scope, m));
	return n;
}
