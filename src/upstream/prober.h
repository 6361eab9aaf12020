/*
 * Probes of the janitor's: whoever rests for long (upstream/resting.h) is asked now and then for
 * the least that proves something, so that it comes back when whatever stopped it is over.
 *
 * Every pool.probe_interval the board is looked through.  Who has rested for an interval since it
 * was first seen to is due, and again an interval behind each probe (six hours where it was
 * disabled); those that have waited longest come first, PROBER_A_ROUND at most, spread over the
 * interval.  A probe is a request like any other: lent by the pool, counted in the limits, settled
 * by its outcome.  One that is answered ends the freeze; any other end leaves it to settling.
 */
#ifndef POLLUX_UPSTREAM_PROBER_H
#define POLLUX_UPSTREAM_PROBER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/loop.h"
#include "config/config.h"
#include "ipc/board.h"
#include "net/fetch.h"
#include "store/store.h"
#include "store/write.h"
#include "upstream/inventory.h"

#define PROBER_AT_ONCE 4
#define PROBER_A_ROUND 20

struct prober;

/* All borrowed. */
struct prober_house {
	struct loop *loop;
	struct store *store;
	struct board *board;
	const struct config *config;
	struct fetcher *fetcher;
	struct inventory *credentials;
	uint64_t seed; /* of its chance */
	/* Records for the store; false: they were not taken. */
	bool (*write)(void *ctx, const struct write_op *, size_t n);
	void *ctx;
};

/* Begins with a look behind the first interval.  Nothing is asked while no worker is READY: the
 * daemon comes up or drains. */
struct prober *prober_new(const struct prober_house *);
/* What is under way is cancelled; it is let go of in the loop's next turn. */
void prober_free(struct prober **);

#endif
