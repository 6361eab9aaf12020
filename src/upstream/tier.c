/*
 * Tiers: see tier.h.  Runs in workers and in the janitor; owns rings and rosters.
 */
#include "upstream/tier.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

static int
by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

/* The ranks there are, each once, in order; gives how many. */
static uint32_t
gather_ranks(const struct choosable *items, uint32_t n, unsigned *ranks)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		ranks[i] = items[i].tier;
	qsort(ranks, n, sizeof(*ranks), by_number);
	for (uint32_t i = 0; i < n; i++)
		if (count == 0 || ranks[count - 1] != ranks[i])
			ranks[count++] = ranks[i];
	return count;
}

static void
tier_init(struct tier *t, const struct choosable *items, uint32_t n, unsigned rank)
{
	uint64_t *keys = mem_array(n, sizeof(*keys));

	*t = (struct tier){ .members = mem_array(n, sizeof(*t->members)) };
	for (uint32_t i = 0; i < n; i++) {
		if (items[i].tier != rank)
			continue;
		keys[t->n] = items[i].enabled ? items[i].key : 0;
		t->enabled += items[i].enabled;
		t->members[t->n++] = i;
	}
	t->affinity = affinity_new(keys, t->n);
	mem_free(keys);
}

static void
field_free(struct field **fp)
{
	struct field *f = *fp;

	*fp = NULL;
	if (!f)
		return;
	roster_free(&f->roster);
	mem_free(f);
}

uint32_t
tiers_new(struct tier **tiers, const struct choosable *items, uint32_t n)
{
	unsigned *ranks = mem_array(n, sizeof(*ranks));
	uint32_t count = gather_ranks(items, n, ranks);

	*tiers = mem_array(count, sizeof(**tiers));
	for (uint32_t i = 0; i < count; i++)
		tier_init(&(*tiers)[i], items, n, ranks[i]);
	mem_free(ranks);
	return count;
}

void
tiers_free(struct tier **tiers, uint32_t count)
{
	if (!*tiers)
		return;
	for (uint32_t i = 0; i < count; i++) {
		struct tier *t = &(*tiers)[i];

		for (uint32_t m = 0; m < t->fields_room; m++)
			field_free(&t->fields[m]);
		mem_free(t->fields);
		affinity_free(&t->affinity);
		mem_free(t->members);
	}
	mem_free(*tiers);
	*tiers = NULL;
}

/* ---- who is awake ---- */

static void
field_wake_all(struct field *f)
{
	roster_wake_all(f->roster);
	f->first = 0;
}

void
field_wake(struct field *f, int64_t now_ms, uint32_t most)
{
	uint32_t awake = roster_awake(f->roster);

	roster_wake(f->roster, now_ms, most);
	if (roster_awake(f->roster) != awake)
		f->first = 0;
}

/* To win again keeps nobody in the ring for longer: it goes round with whoever wins anew, so that
 * among equals the work does, too. */
void
field_won(struct field *f, uint32_t member)
{
	for (uint32_t k = 0; k < f->winner_count; k++)
		if (f->winners[k] == member)
			return;
	f->winners[f->winner_next] = member;
	f->winner_next = (f->winner_next + 1) % TIER_WINNERS;
	f->winner_count += f->winner_count < TIER_WINNERS;
}

uint32_t
field_draw_winners(struct field *f, uint32_t member[TIER_WINNERS])
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < f->winner_count; k++)
		if (roster_take(f->roster, f->winners[k]))
			member[n++] = f->winners[k];
	return n;
}

void
tier_wake_all(struct tier *t)
{
	for (uint32_t m = 0; m < t->fields_room; m++)
		if (t->fields[m])
			field_wake_all(t->fields[m]);
}

static void
drop_oldest_field(struct tier *t)
{
	struct field **oldest = NULL;

	for (uint32_t m = 0; m < t->fields_room; m++)
		if (t->fields[m] && (!oldest || t->fields[m]->used < (*oldest)->used))
			oldest = &t->fields[m];
	assert(oldest); /* it is full, so there are some */
	field_free(oldest);
	t->fields_count--;
}

/* Models are numbered as they come, and there are a few hundred of them at most. */
static void
make_room(struct tier *t, uint32_t at)
{
	uint32_t room = t->fields_room;

	if (at < room)
		return;
	t->fields_room = at + 16;
	t->fields = mem_resize(t->fields, t->fields_room * sizeof(struct field *));
	memset(t->fields + room, 0, (t->fields_room - room) * sizeof(struct field *));
}

/* Where no model is named nothing is counted: there metered or not is the same. */
static uint32_t
place_of(int model, bool metered)
{
	return model > 0 ? 2 * (uint32_t)model + !metered : 0;
}

struct field *
tier_field(struct tier *t, int model, bool metered, uint64_t thaws, uint64_t serial)
{
	uint32_t at = place_of(model, metered);

	make_room(t, at);
	if (!t->fields[at]) {
		if (t->fields_count == TIER_FIELDS_MAX)
			drop_oldest_field(t);
		t->fields[at] = mem_alloc(sizeof(struct field));
		*t->fields[at] = (struct field){ .roster = roster_new(t->n), .thaws = thaws };
		t->fields_count++;
	}
	struct field *f = t->fields[at];

	if (f->thaws != thaws)
		field_wake_all(f);
	f->thaws = thaws;
	f->used = serial;
	return f;
}
