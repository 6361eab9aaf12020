/*
 * What the rooms of a credential's fitness share: one word of a row read, written and changed as a
 * whole.  A change is a loop around word_swap, so that it is right beside any other process's.  The
 * words are those of enum fitness_word (upstream/fitness.h).
 */
#ifndef POLLUX_UPSTREAM_FITNESS_WORDS_H
#define POLLUX_UPSTREAM_FITNESS_WORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/moment.h"
#include "ipc/board_words.h"
#include "upstream/outcome.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

#define BITS(n) ((UINT64_C(1) << (n)) - 1)

/* Those of no row are 0: nothing is known. */
static inline uint64_t
word_get(const struct board_row *row, int w)
{
	/* atomic_load takes no pointer to const in C11 as gcc 12 has it. */
	return row ? atomic_load_explicit((_Atomic uint64_t *)&row->words[w], memory_order_relaxed)
		   : 0;
}

static inline void
word_put(struct board_row *row, int w, uint64_t value)
{
	if (row)
		atomic_store_explicit(&row->words[w], value, memory_order_relaxed);
}

/* False: another one was faster, and *old is what it left. */
static inline bool
word_swap(struct board_row *row, int w, uint64_t *old, uint64_t wanted)
{
	return atomic_compare_exchange_weak_explicit(
	    &row->words[w], old, wanted, memory_order_relaxed, memory_order_relaxed);
}

static inline int64_t
bounded(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* Unix seconds in 32 bits, as far as they go: to the year 2106. */
static inline uint64_t
wall_seconds(struct moment m)
{
	return (uint64_t)bounded(m.wall_ms / SECOND_MS, 0, UINT32_MAX);
}

/* What was written down as a number may be of another version, or nonsense. */
static inline enum outcome
outcome_of_number(uint64_t n)
{
	return n < OUTCOME_COUNT ? (enum outcome)n : OUTCOME_OK;
}

/* DAY and STREAKS taken apart, for the record. */
struct fitness_day {
	uint16_t number;  /* of the Pacific day, in days since 2020-01-01 */
	int64_t requests; /* 0: none are counted */
};
struct fitness_day fitness_day_told(const struct board_row *, struct moment);
void fitness_day_restore(struct board_row *, struct fitness_day, struct moment);

struct fitness_streaks {
	unsigned vague, forbidden;
	uint32_t forbidden_s; /* Unix seconds: since when forbidden models are counted */
};
struct fitness_streaks fitness_streaks(const struct board_row *);
void fitness_streaks_restore(struct board_row *, const struct fitness_streaks *);

/* Averages in eighths of a millisecond; 0: unknown. */
struct fitness_latency {
	uint32_t first_byte, total;
};
struct fitness_latency fitness_latency(const struct board_row *);
void fitness_latency_restore(struct board_row *, struct fitness_latency);

/* FAILURES, SAID and LAST. */
#define FAILURE_CAUSE_BITS      6
#define HIGH_SECONDS(word)      ((int64_t)((word) >> 32))
#define LOW_SECONDS(word)       ((int64_t)((word)&UINT32_MAX))
#define SECONDS_PAIR(high, low) ((uint64_t)(high) << 32 | (uint64_t)(low))

#endif
