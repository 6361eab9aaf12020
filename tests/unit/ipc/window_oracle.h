/*
 * What upstream would say of a window: all that was sent, when and how much, and the worst stretch
 * of it.  By brute force, and without a word of how windows work.
 */
#ifndef POLLUX_TESTS_WINDOW_ORACLE_H
#define POLLUX_TESTS_WINDOW_ORACLE_H

#include <stdint.h>
#include <stdlib.h>

struct sent {
	int64_t at_ms;
	uint64_t amount;
};

static inline int
sent_compare(const void *a, const void *b)
{
	const struct sent *x = a, *y = b;

	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

/* The most that was sent in any span_ms; sorts what it is given. */
static inline uint64_t
sent_worst(struct sent *s, size_t n, int64_t span_ms)
{
	uint64_t worst = 0, sum = 0;
	size_t first = 0;

	qsort(s, n, sizeof(*s), sent_compare);
	for (size_t i = 0; i < n; i++) {
		sum += s[i].amount;
		while (s[first].at_ms + span_ms <= s[i].at_ms)
			sum -= s[first++].amount;
		if (sum > worst)
			worst = sum;
	}
	return worst;
}

/* xorshift64*: the same in every run. */
static inline uint64_t
random_next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint64_t
random_below(uint64_t *seed, uint64_t n)
{
	return (random_next(seed) >> 11) % n;
}

static inline bool
random_one_in(uint64_t *seed, uint64_t n)
{
	return random_below(seed, n) == 0;
}

#endif
