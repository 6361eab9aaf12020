/*
 * Nearest credentials: see affinity.h.  Runs in workers and in the janitor; owns the ring.
 *
 * Neither keys nor prefixes are chosen by whoever sends requests (one is a keyed hash, the other
 * a hash of the prompt), and the worst that a crafted one could do is to meet its own credential.
 */
#include "upstream/affinity.h"

#include <stdlib.h>
#include "base/mem.h"

struct point {
	uint64_t at; /* on the ring */
	uint64_t key;
	uint32_t number;
};

struct affinity {
	struct point *points; /* owned; around the ring */
	uint32_t n;
};

/* The finaliser of splitmix64: each bit of the input turns about half of the output's. */
static uint64_t
mixed(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* How much this key wants this prefix; independent of where the two are on the ring. */
static uint64_t
wants(uint64_t key, uint64_t prefix)
{
	return mixed(mixed(key ^ UINT64_C(0x2545f4914f6cdd1d)) ^ prefix);
}

static int
by_place(const void *a, const void *b)
{
	const struct point *p = a, *q = b;

	if (p->at != q->at)
		return p->at < q->at ? -1 : 1;
	return (p->number > q->number) - (p->number < q->number);
}

struct affinity *
affinity_new(const uint64_t *keys, uint32_t n)
{
	struct affinity *a = mem_alloc(sizeof(*a));

	a->points = mem_array(n, sizeof(*a->points));
	for (uint32_t i = 0; i < n; i++)
		if (keys[i] != 0)
			a->points[a->n++] = (struct point){ mixed(keys[i]), keys[i], i };
	qsort(a->points, a->n, sizeof(*a->points), by_place);
	return a;
}

void
affinity_free(struct affinity **ap)
{
	struct affinity *a = *ap;

	if (!a)
		return;
	mem_free(a->points);
	mem_free(a);
	*ap = NULL;
}

/* The first point at or behind that place; n: around the end, so the first of all. */
static uint32_t
place_of(const struct affinity *a, uint64_t at)
{
	uint32_t low = 0, high = a->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (a->points[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
affinity_near(const struct affinity *a, uint64_t prefix, uint32_t near[AFFINITY_NEIGHBOURS])
{
	uint64_t wanted[AFFINITY_NEIGHBOURS];
	uint32_t count = a->n < AFFINITY_NEIGHBOURS ? a->n : AFFINITY_NEIGHBOURS;
	uint32_t from = a->n > AFFINITY_NEIGHBOURS ? place_of(a, mixed(prefix)) : 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct point *p = &a->points[(from + i) % a->n];
		uint64_t w = wants(p->key, prefix);
		uint32_t k = i;

		for (; k > 0 && wanted[k - 1] < w; k--) {
			wanted[k] = wanted[k - 1];
			near[k] = near[k - 1];
		}
		wanted[k] = w;
		near[k] = p->number;
	}
	return count;
}
