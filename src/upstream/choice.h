/*
 * Which credential: the eligible ones first, then by pool.pick.  Private to a worker, made anew
 * with each loaded set; reads the board, changes nothing on it.
 *
 *	thompson     a draw from each posterior, the best is taken; who has more requests under way
 *	             than is known of it is drawn lower
 *	least-used   the fewest requests in flight, then the one lent longest ago
 *	round-robin  the one that was lent longest ago
 *	order        the first, in order of creation
 *
 * Up to CHOICE_ALL of a tier are all looked at; of more, a random CHOICE_HANDFUL of those awake,
 * and whoever is found to be ineligible sleeps until its time (upstream/roster.h), so that the
 * handful is soon one of eligible ones.  Where draws decide, the latest TIER_WINNERS winners are
 * of the handful: chance alone would seldom meet the best few of many.  Lower tiers come first; a
 * higher one is looked at when none is left below it.  Equals are taken at random.
 *
 * One whose breaker is half-open takes part like others, as a probe.  Thompson's draw would leave
 * it aside for long: one choice in CHOICE_PROBE_ONE_IN takes such a one where it sees one.
 *
 * Affinity: requests that begin alike go to the same credential, so that Google's implicit cache
 * meets its own (lessons 65, 66).  upstream/affinity.h gives an order of neighbours, and the first
 * that is eligible and not busier than its share is taken: fewer in flight than CHOICE_LOAD_LEAST,
 * or than CHOICE_LOAD_BOUND times the mean of the tier's enabled ones (of as many as seem to be
 * left, where all neighbours are busier than that).  Nothing is remembered, so it fails over and
 * back by itself.
 *
 * The model's own row (overloaded) is for the caller to look at: it is the same for all.
 */
#ifndef POLLUX_UPSTREAM_CHOICE_H
#define POLLUX_UPSTREAM_CHOICE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/moment.h"
#include "ipc/board.h"
#include "upstream/fitness.h"
#include "upstream/tier.h"
#include "upstream/trace.h"

#define CHOICE_ALL          32
#define CHOICE_HANDFUL      12
#define CHOICE_LOAD_BOUND   2
#define CHOICE_LOAD_LEAST   4
#define CHOICE_PROBE_ONE_IN 8

enum choice_pick { CHOICE_THOMPSON, CHOICE_LEAST_USED, CHOICE_ROUND_ROBIN, CHOICE_ORDER };

struct choice;

/* items are borrowed; enabled may turn false while it is in use. */
struct choice *choice_new(struct board *, const struct choosable *items, uint32_t n);
void choice_free(struct choice **);
/* One was set free before its time. */
void choice_wake_all(struct choice *);

#define CHOICE_NONE UINT32_MAX
struct choice_wish {
	enum choice_pick pick;
	int model;                    /* of the board, or -1 */
	bool metered;                 /* false: a limit used up keeps nobody from being chosen */
	struct fitness_limits limits; /* that the operator set for the model */
	uint64_t tokens;
	uint64_t affinity;            /* 0: none */
	uint32_t only;                /* this one alone; CHOICE_NONE: any */
	const uint32_t *not_;         /* tried already, or found full while booking ... */
	const enum pass *not_why;     /* ... and which of the two */
	uint32_t not_count;
	bool whatever;                /* a probe: frozen or disabled, it is chosen */
	struct trace *trace;          /* who was passed over; may be NULL */
	struct trace_try *why;        /* may be NULL */
};

struct choice_made {
	uint32_t i;               /* CHOICE_NONE: none is eligible ... */
	struct fitness_pass next; /* ... and this is the state of the one that is free first ... */
	uint32_t next_i;          /* ... which is this one; CHOICE_NONE: there is none */
	uint32_t resort_i; /* none, but of those that were not tried this one is free first, and rests
			      after failures; CHOICE_NONE: not so */
	struct fitness_rows rows; /* of the chosen */
	bool probes;              /* its breaker is half-open: the probe is still to be claimed */
	bool tried_free;          /* none, but one of the tried ones would be eligible */
};

void choice_make(struct choice *, const struct choice_wish *, struct moment, struct chance *,
    struct choice_made *);

#endif
