/*
 * How likely a credential is to succeed with a model: a Beta posterior in one word, forgetting as
 * it goes.  Pure; time and chance are arguments.
 *
 * The word is {successes: 16 bits, failures: 16 bits, both in 1/1024, time in seconds: 32 bits};
 * 0 is "nothing known", Beta(1, 1).  Each outcome first discounts what was there (by events, so
 * that some POSTERIOR_EVENTS count, and by time, with a half-life), so a credential that was bad is
 * asked again, and one that turns bad is noticed.  What a quota refused is no failure and never
 * comes here.  Where the constants come from: doc/choosing.md.
 *
 * The time is of the caller's clock and does not wrap: 32 bits hold both a machine's time since
 * boot and Unix time.  A clock that steps back makes nothing younger than it was; it only does not
 * age.
 */
#ifndef POLLUX_UPSTREAM_POSTERIOR_H
#define POLLUX_UPSTREAM_POSTERIOR_H

#include <stdbool.h>
#include <stdint.h>

#define POSTERIOR_EVENTS       50 /* fewer than 64: a count is 16 bits of 1/1024 */
#define POSTERIOR_HALF_LIFE_MS INT64_C(600000)

typedef uint64_t posterior;

posterior posterior_after(posterior, bool success, int64_t now_ms);
/* The mean of Beta(1 + successes, 1 + failures), as they are worth now. */
double posterior_mean(posterior, int64_t now_ms);
/* successes and failures as they are worth now; either may be NULL. */
void posterior_counts(posterior, int64_t now_ms, double *successes, double *failures);
/* The same word as seen by another clock, for the store and back: aged up to from_ms, and from then
 * on by the other. */
posterior posterior_moved(posterior, int64_t from_ms, int64_t to_ms);

/* A source of chance for a process: xoshiro256++.  Seeded by whoever owns it. */
struct chance {
	uint64_t s[4];
};
void chance_seed(struct chance *, uint64_t seed);
uint64_t chance_next(struct chance *);
double chance_unit(struct chance *); /* in [0, 1) */
uint64_t chance_below(struct chance *, uint64_t n); /* in [0, n), n > 0, without bias */

/* One draw from the posterior, in (0, 1): Thompson sampling takes the best. */
double posterior_draw(posterior, int64_t now_ms, struct chance *);

#endif
