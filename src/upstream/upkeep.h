/*
 * What time does to credentials: those that have had no success for long are disabled, days end.
 * Chores of the janitor; time is an argument.
 */
#ifndef POLLUX_UPSTREAM_UPKEEP_H
#define POLLUX_UPSTREAM_UPKEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/moment.h"
#include "base/text.h"
#include "ipc/board.h"
#include "store/store.h"
#include "upstream/credential.h"
#include "upstream/inventory.h"

/*
 * Who is to be disabled since nothing good has been heard of it for long.  Looked at now and then:
 * whoever had no success for that long, and has failed since it was looked at before, is named; an
 * idle one is not.  It takes two looks, since the board tells how often one failed, not when.
 */
struct upkeep; /* what was seen at the last look */
struct upkeep *upkeep_new(void);
void upkeep_free(struct upkeep **);

struct upkeep_idle {
	uint32_t *items; /* owned: places in the set */
	size_t count;
};
/* Of the enabled ones; never all of these: whoever succeeded last is kept. */
void upkeep_look(struct upkeep *, struct board *, const struct pool_snapshot *, int64_t after_ms,
    struct moment, struct upkeep_idle *);
void upkeep_idle_fini(struct upkeep_idle *);
/* "no success for 30d": the note of one that is disabled so. */
void upkeep_note(int64_t after_ms, struct buf *out);

/* As it is stored now: a loaded set may be older than what an operator has just changed.  False: it
 * is not there any more. */
bool upkeep_read(struct store *, const char *id, struct credential *out);

/* How many credentials had requests counted for the day at that moment, or rested until its end. */
size_t upkeep_spent_days(struct board *, const struct pool_snapshot *, struct moment);

#endif
