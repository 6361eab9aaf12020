/*
 * A circuit breaker in one word: closed, open until a time, half-open with one probe.  Pure; time
 * and chance are arguments.
 *
 *	closed     failures in a row are counted; at the rule's number it opens
 *	open       nothing is let through until its time, which grows with each opening before:
 *	           exponential backoff with full jitter, capped
 *	half-open  its time has come: one probe is let through; a success closes it, a failure
 *	           opens it for longer; a probe that is never heard of again is over at PROBE_MAX_MS
 *
 * Closing forgets no openings, only each success that comes after does: it halves them.  So what
 * answers one probe and fails again does not begin anew with the shortest wait, but rests longer
 * each time; what has truly recovered is without a past after a handful of answers.
 *
 * The word is {state: 2 bits, openings: 6, failures in a row: 8, cause: 6, time: 42 bits}:
 * of an open one when it may be probed, of a half-open one when the probe was let through.  0 is
 * closed.  Each change is one compare-and-swap by the caller; these functions say to what.
 */
#ifndef POLLUX_UPSTREAM_BREAKER_H
#define POLLUX_UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_PROBE_MAX_MS INT64_C(900000)
#define BREAKER_WAIT_MAX_MS  INT64_C(900000) /* of any rule */

typedef uint64_t breaker;

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
const char *breaker_state_name(enum breaker_state); /* "closed", "open", "half-open" */

struct breaker_rule {
	unsigned failures; /* in a row, that open it */
	int64_t first_ms;  /* the bound of the first wait; doubles with each opening */
	int64_t most_ms;
	int64_t least_ms;  /* full jitter, but not below this */
};

/* OPEN until its time; HALF_OPEN from then on, with or without a probe under way. */
enum breaker_state breaker_state(breaker, int64_t now_ms);
/* What may be sent now: closed, or half-open without a probe (*is_probe).  False: *free_at_ms is
 * when it may be worth asking again, later than now. */
bool breaker_lets(breaker, int64_t now_ms, bool *is_probe, int64_t *free_at_ms);
/* With a probe under way since now; breaker_lets said that one may be sent. */
breaker breaker_probing(breaker, int64_t now_ms);
/* The probe ended without saying anything (its client left, a quota was in the way). */
breaker breaker_unprobed(breaker, int64_t now_ms);
/* Closes it, also when what succeeds was sent before it opened. */
breaker breaker_succeeded(breaker);
/* cause: 6 bits of the caller's.  What fails beside an open breaker (it was sent before) changes
 * nothing; beside a probe it counts as the probe. */
breaker breaker_failed(
    breaker, const struct breaker_rule *, unsigned cause, int64_t now_ms, uint64_t chance);
unsigned breaker_cause(breaker);
unsigned breaker_failures(breaker); /* in a row */
unsigned breaker_openings(breaker); /* that are not forgotten */
int64_t breaker_open_until(breaker); /* 0: not open, or a probe is under way */
/* The same word as seen by another clock: for the store and back.  A probe under way is forgotten;
 * whatever the clocks did in between, no wait is longer than BREAKER_WAIT_MAX_MS. */
breaker breaker_moved(breaker, int64_t from_ms, int64_t to_ms);

#endif
