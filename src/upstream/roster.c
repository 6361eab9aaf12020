/*
 * The roster of one model: who is awake and who sleeps.  Runs in workers and in the janitor; owns
 * its six arrays.
 *
 * All numbers stand in `order`, in three stretches:
 *
 *	[0, drawn)      awake, and drawn in this round
 *	[drawn, awake)  awake, and not yet drawn
 *	[awake, n)      asleep
 *
 * so a draw, a waking and a falling asleep are each a swap or two.  Whoever sleeps until a time is
 * also in a binary heap with the earliest on top; who sleeps until all are woken is not.
 */
#include "upstream/roster.h"

#include <assert.h>
#include <string.h>
#include "base/mem.h"

#define NOWHERE UINT32_MAX

struct roster {
	uint32_t n, awake, drawn, sleepers;
	uint32_t *order;   /* owned: numbers */
	uint32_t *place;   /* owned: of each number in order */
	uint32_t *heap;    /* owned: numbers, `sleepers` of them */
	uint32_t *perch;   /* owned: of each number in the heap, or NOWHERE */
	int64_t *until_ms; /* owned: of each number that sleeps */
	uint8_t *why;      /* owned: the same */
	uint32_t asleep[ROSTER_WHYS];
};

struct roster *
roster_new(uint32_t n)
{
	struct roster *r = mem_alloc(sizeof(*r));

	assert(n < NOWHERE);
	r->n = r->awake = n;
	r->order = mem_array(n, sizeof(*r->order));
	r->place = mem_array(n, sizeof(*r->place));
	r->heap = mem_array(n, sizeof(*r->heap));
	r->perch = mem_array(n, sizeof(*r->perch));
	r->until_ms = mem_array(n, sizeof(*r->until_ms));
	r->why = mem_array(n, sizeof(*r->why));
	for (uint32_t i = 0; i < n; i++) {
		r->order[i] = r->place[i] = i;
		r->perch[i] = NOWHERE;
	}
	return r;
}

void
roster_free(struct roster **rp)
{
	struct roster *r = *rp;

	if (!r)
		return;
	mem_free(r->order);
	mem_free(r->place);
	mem_free(r->heap);
	mem_free(r->perch);
	mem_free(r->until_ms);
	mem_free(r->why);
	mem_free(r);
	*rp = NULL;
}

/* ---- the heap of those that sleep until a time ---- */

static void
perch_at(struct roster *r, uint32_t perch, uint32_t i)
{
	r->heap[perch] = i;
	r->perch[i] = perch;
}

/* Puts i where it belongs: at this perch or above it. */
static void
sift_up(struct roster *r, uint32_t perch, uint32_t i)
{
	while (perch > 0) {
		uint32_t above = (perch - 1) / 2;

		if (r->until_ms[r->heap[above]] <= r->until_ms[i])
			break;
		perch_at(r, perch, r->heap[above]);
		perch = above;
	}
	perch_at(r, perch, i);
}

/* The same, at this perch or below it. */
static void
sift_down(struct roster *r, uint32_t perch, uint32_t i)
{
	for (;;) {
		uint32_t below = 2 * perch + 1;

		if (below >= r->sleepers)
			break;
		if (below + 1 < r->sleepers &&
		    r->until_ms[r->heap[below + 1]] < r->until_ms[r->heap[below]])
			below++;
		if (r->until_ms[i] <= r->until_ms[r->heap[below]])
			break;
		perch_at(r, perch, r->heap[below]);
		perch = below;
	}
	perch_at(r, perch, i);
}

static void
heap_add(struct roster *r, uint32_t i)
{
	sift_up(r, r->sleepers++, i);
}

/* What was last takes the free perch, and may belong above or below it. */
static void
heap_remove(struct roster *r, uint32_t i)
{
	uint32_t perch = r->perch[i];
	uint32_t last = r->heap[--r->sleepers];

	r->perch[i] = NOWHERE;
	if (last == i)
		return;
	sift_up(r, perch, last);
	sift_down(r, r->perch[last], last);
}

/* ---- awake and asleep ---- */

static void
swap_places(struct roster *r, uint32_t a, uint32_t b)
{
	uint32_t i = r->order[a], k = r->order[b];

	r->order[a] = k;
	r->place[k] = a;
	r->order[b] = i;
	r->place[i] = b;
}

static void
wake(struct roster *r, uint32_t i)
{
	swap_places(r, r->place[i], r->awake++);
	r->asleep[r->why[i]]--;
}

void
roster_wake_all(struct roster *r)
{
	for (uint32_t p = r->awake; p < r->n; p++)
		r->perch[r->order[p]] = NOWHERE;
	r->sleepers = 0;
	r->awake = r->n;
	memset(r->asleep, 0, sizeof(r->asleep));
}

void
roster_wake(struct roster *r, int64_t now_ms, uint32_t most)
{
	for (; most > 0 && roster_next_ms(r) <= now_ms && r->sleepers > 0; most--) {
		uint32_t i = r->heap[0];

		heap_remove(r, i);
		wake(r, i);
	}
}

/* Over the edge of those that were drawn, then over that of those that are awake. */
static void
fall_asleep(struct roster *r, uint32_t i)
{
	if (r->place[i] < r->drawn)
		swap_places(r, r->place[i], --r->drawn);
	swap_places(r, r->place[i], --r->awake);
}

void
roster_sleep(struct roster *r, uint32_t i, int64_t until_ms, unsigned why)
{
	assert(i < r->n && why < ROSTER_WHYS);
	if (roster_is_awake(r, i))
		fall_asleep(r, i);
	else if (until_ms <= r->until_ms[i])
		return;
	else
		r->asleep[r->why[i]]--;
	r->asleep[why]++;
	r->why[i] = (uint8_t)why;
	r->until_ms[i] = until_ms;
	if (until_ms == INT64_MAX) {
		if (r->perch[i] != NOWHERE)
			heap_remove(r, i);
	} else if (r->perch[i] == NOWHERE) {
		heap_add(r, i);
	} else {
		sift_down(r, r->perch[i], i);
	}
}

bool
roster_is_awake(const struct roster *r, uint32_t i)
{
	assert(i < r->n);
	return r->place[i] < r->awake;
}

uint32_t
roster_awake(const struct roster *r)
{
	return r->awake;
}

const uint32_t *
roster_asleep(const struct roster *r)
{
	return r->asleep;
}

int64_t
roster_next_ms(const struct roster *r)
{
	return r->sleepers ? r->until_ms[r->heap[0]] : INT64_MAX;
}

/* ---- rounds ---- */

void
roster_round(struct roster *r)
{
	r->drawn = 0;
}

bool
roster_draw(struct roster *r, struct chance *chance, uint32_t *i)
{
	if (r->drawn == r->awake)
		return false;
	swap_places(r, r->drawn, r->drawn + (uint32_t)chance_below(chance, r->awake - r->drawn));
	*i = r->order[r->drawn++];
	return true;
}

bool
roster_take(struct roster *r, uint32_t i)
{
	if (!roster_is_awake(r, i) || r->place[i] < r->drawn)
		return false;
	swap_places(r, r->place[i], r->drawn++);
	return true;
}
