/*
 * The tries of one request: which credential next, when, and when to stop.  What asks
 * (upstream/ask.h) and relays (upstream/relay.h) have in common; they make the attempts.
 *
 *	tries_next   ->  lent: an attempt begins        ->  tries_ended: on, or over
 *	             ->  nothing eligible: waits for a pause or a thaw, then lends
 *	             ->  over
 *
 * The rules, in order (Gemini's errors, what each means for a scheduler; doc/upstream.md):
 *   - at most upstream.max_attempts attempts, never past the deadline, never once the answer began;
 *   - never the same credential twice, but: a request that was mended (not counted as an attempt,
 *once for each thing it does without), and, when no other is eligible, once for an outcome that
 *     says try_same, after its pause;
 *   - an outcome with a spread moves on to that many other credentials at most;
 *   - where all are frozen or full, the first to be free is waited for, within queue.max_wait; who
 *     then comes too late waits again.  What an operator thaws, adds or enables meanwhile is found
 *     within TRIES_LOOK_MS.
 */
#ifndef POLLUX_UPSTREAM_TRIES_H
#define POLLUX_UPSTREAM_TRIES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/loop.h"
#include "gemini/fault.h"
#include "upstream/outcome.h"
#include "upstream/pool.h"
#include "upstream/upstream.h"

#define TRIES_MAX       32
#define TRIES_MENDS_MAX 6  /* each takes one more attempt than upstream.max_attempts */
#define TRIES_LATE_MS   50 /* those that wait for one thaw come one after the other within this */
#define TRIES_LOOK_MS   500 /* and look so often whether there is need to wait any more */

struct tries_events {
	bool (*gone)(void *ctx); /* as in struct ask_events */
	/* Of the prompt: asked for once, and after each mend, where a limit of tokens needs it. May
	 * be NULL: not known. */
	uint64_t (*tokens)(void *ctx);
	void (*lent)(void *ctx, struct lease *); /* takes the lease over: begins an attempt */
	/* Last event. */
	void (*over)(void *ctx, const struct err *, const struct fault *);
};

struct tries_order {
	struct span model; /* may be empty */
	bool metered;
	int64_t total_ms; /* the deadline, from the beginning on */
	struct ask_lend lend;
};

/* Embedded in its owner; the members are private, but for label, attempts and mends. */
struct tries {
	struct upstream *up; /* borrowed */
	struct tries_order order;
	struct tries_events events;
	void *ctx;
	struct timer timer; /* a pause, or a part of the wait for a thaw */
	int64_t thaw_ms;    /* when that wait ends */
	uint64_t changes;   /* of the pool, when it began */
	int64_t since_ms;
	uint64_t tokens; /* of the prompt; 0: not asked for yet */
	/* Those that may not be asked again come first. */
	char tried[TRIES_MAX][CREDENTIAL_ID_LEN + 1];
	size_t tried_count, barred_count;
	size_t disabled_count; /* of the tried */
	char label[64];        /* of the credential that is being tried, or was last */
	int attempts, mends;
	int failed_with[OUTCOME_COUNT];
	enum outcome pause_of; /* of the failures that allow the same one again the most patient */
	bool repeats;          /* whoever may be asked again may be lent next */
	bool repeated;         /* one was: no other will */
	bool over;
	struct verdict told;            /* what the caller is told of in the end */
	const struct fault *told_fault; /* in the arena */
};

/* events is copied; what order points to is not. */
void tries_init(struct tries *, struct upstream *, const struct tries_order *,
    const struct tries_events *, void *ctx);
void tries_fini(struct tries *); /* no event follows */
/* From the loop, not from inside this call. */
void tries_next(struct tries *);
/* An attempt ended in vain; its lease is settled.  again: nothing of the answer was given, and it
 * may be sent again.  Goes on, or ends with over (from inside).  fault may be NULL. */
void tries_ended(struct tries *, const struct verdict *, const struct fault *, bool again);
/* It ended, but the request was mended and is to be tried anew: what was tried and failed before is
 * forgotten.  At most TRIES_MENDS_MAX times. */
void tries_mended(struct tries *);
/* How many ms are left to the deadline, at least 1. */
int64_t tries_left_ms(const struct tries *);

#endif
