/*
 * A sliding window on the board: at most `limit` in any stretch of `span_ms`, over all processes.
 * Pure but for the words it changes; the time is an argument (monotonic ms).
 *
 * Plain token buckets and fixed windows admit up to twice the limit around a boundary; this one
 * is exact.  What is booked counts from the moment it was stamped (its last byte was written) or,
 * until then, from when it was booked or stamped before.  Whoever holds a booking that is not
 * written yet stamps it anew well within span_ms.
 *
 * Two forms, by the limit.  Up to WINDOW_RING_MAX requests: a ring of times, exact to the
 * millisecond.  Above that, and for tokens: sub-windows of span_ms / WINDOW_SUBS (rounded up),
 * each one word {its number, count}; what is in one falls out as a whole, at most one sub-window
 * late.  A process killed at any point leaves at worst a place taken for one span.
 *
 * The window itself knows its form, so that only booking needs the rule.  A rule that its form
 * cannot serve changes the form: what counts at that moment is then counted as the whole limit
 * until the last of it has fallen out.
 */
#ifndef POLLUX_IPC_WINDOW_H
#define POLLUX_IPC_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WINDOW_WORDS      64
#define WINDOW_RING_MAX   60
#define WINDOW_SUBS       58 /* that cover a span; two words more, so that none is reused early */
#define WINDOW_AMOUNT_MAX ((UINT64_C(1) << 24) - 1) /* of one booking */
#define WINDOW_SPAN_MAX   ((INT64_C(1) << 24) - 1)

struct window {
	_Atomic uint64_t words[WINDOW_WORDS]; /* private; all zero: empty */
};

/* Of what kind its bookings are: of requests each is 1, of tokens any amount. */
enum window_unit { WINDOW_REQUESTS, WINDOW_TOKENS };

struct window_rule {
	enum window_unit unit;
	uint64_t limit;  /* above 0 */
	int64_t span_ms; /* 60,000 and the margin */
};

/* A place in a window; 0 is none, which all below take and leave alone.  One word, so that a
 * journal can hold it. */
typedef uint64_t window_booking;

/*
 * Books amount: above 0, at most the limit and WINDOW_AMOUNT_MAX; of requests 1.  0: there is no
 * room; *free_at_ms is the earliest time at which there may be, always later than now_ms.  A now_ms
 * that is behind that of others (this process did not run for a while) costs room, never exactness.
 */
window_booking window_book(struct window *, const struct window_rule *, uint64_t amount,
    int64_t now_ms, int64_t *free_at_ms);
/* Counts from now_ms on: written, or not yet and still wanted.  Gives the booking as it is called
 * from now on.  One that others took meanwhile, as it was not stamped for a span, is counted again,
 * over the limit if need be. */
window_booking window_stamp(struct window *, window_booking, int64_t now_ms);
/* The same for what a killed process held, which may have been in the middle of a stamp, a settling
 * or a return of this booking: nothing is taken away where it stood. */
window_booking window_stamp_doubtful(struct window *, window_booking, int64_t now_ms);
/* It turned out to be this many tokens, at the time it was stamped.  May go over the limit.  Of
 * requests nothing changes. */
window_booking window_settle(struct window *, window_booking, uint64_t amount);
/* Nothing was sent: the place is free again. */
void window_return(struct window *, window_booking);
/* Nothing gets in before until_ms. */
void window_spend(struct window *, int64_t until_ms);
/* What counts now; for showing. */
uint64_t window_used(const struct window *, const struct window_rule *, int64_t now_ms);
uint64_t window_amount(window_booking);

#endif
