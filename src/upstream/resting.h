/*
 * Who rests for long and would not be tried by any request for as long: what the janitor's probes
 * (upstream/prober.h) are for.  Pure: reads the board and the credentials, changes nothing.
 *
 * What ends by itself and is told by a clock is left to it: quotas of a minute or a day or of
 * nothing at all, what ends before the next look, breakers until their time has come.
 */
#ifndef POLLUX_UPSTREAM_RESTING_H
#define POLLUX_UPSTREAM_RESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/moment.h"
#include "base/span.h"
#include "config/config.h"
#include "ipc/board.h"
#include "upstream/inventory.h"
#include "upstream/outcome.h"

enum resting_how {
	RESTING_NOT,
	RESTING_FROZEN,
	RESTING_BROKEN,   /* half-open, and no probe is under way */
	RESTING_DISABLED, /* by what may pass without the operator's doing, as its note says */
	RESTING_ASKED     /* does not rest: an operator wishes to know */
};

/* A row that rests; credentials of a project share some of theirs. */
struct resting {
	uint64_t subject_key; /* whose row it is, and of which model: what names it */
	int subject, model;
	uint32_t credential; /* place in the set of whom to ask with */
	enum resting_how how;
	enum outcome cause; /* OK where nobody is told one */
};

struct resting_list {
	struct resting *items; /* owned */
	size_t count, room;
};
#define RESTING_MAX 20000 /* more are left for the next look */

/* For qsort: by the rows that they are about. */
int resting_compare(const void *, const void *);
/* All that rest longer than until the next look, in that order; the list is filled anew. */
void resting_find(struct resting_list *, struct board *, const struct pool_snapshot *,
    int64_t next_look_ms, struct moment);
void resting_fini(struct resting_list *);
/* The same of one that was found: things change.  False: it does not rest any more. */
bool resting_still(struct board *, const struct pool_snapshot *, const struct resting *,
    int64_t next_look_ms, struct moment);

/* The credential's note says that it was disabled by what may pass. */
bool resting_may_pass(const struct credential *, enum outcome *cause);

/*
 * The model to ask for, where the credential as a whole is meant: the one that it answered for last
 * and that does not rest itself; else one of the configuration; else any the board knows; else a
 * cheap one that everybody knows.  Models whose answers are no text are left out.
 */
struct span resting_model(struct board *, const struct config *, const struct pool_snapshot *,
    uint32_t credential, struct moment);
/* Not those whose answers are images, sound or video: these are dear. */
bool resting_is_cheap(struct span model);

#endif
