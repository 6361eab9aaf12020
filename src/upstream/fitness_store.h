/*
 * Fitness in the store: what must outlive the board.  Table FITNESS has one record for each subject
 * (credential or project, by its key on the board) with all its rows.  Runs in the janitor.
 *
 * What changes is marked on the board and written every few seconds and at the end; a board that
 * was made anew is filled from it before anybody lends.  Minutes are not kept: a new board counts
 * the minute as spent, from the orderly end on that was noted, or else from now.
 */
#ifndef POLLUX_UPSTREAM_FITNESS_STORE_H
#define POLLUX_UPSTREAM_FITNESS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/moment.h"
#include "config/config.h"
#include "ipc/board.h"
#include "store/store.h"
#include "store/writer.h"
#include "upstream/credential.h"

struct fitness_restored {
	size_t subjects, rows;
	bool was_orderly; /* the end of the last run was noted */
};

/*
 * The board from the store, once in its life: one that was filled before (also by a run before this
 * one) stays as it is, and is written to the store once more as a whole.  False: the store could
 * not be read.  Takes the note of an orderly end away in any case.
 */
bool fitness_restore(struct store *, struct board *, const struct config *, struct moment,
    struct fitness_restored *, struct err *);

/* The way to the store; a chore.  What could not be written is marked again. */
struct fitness_flush; /* of a janitor */
struct fitness_flush *fitness_flush_new(struct board *, struct committer *);
void fitness_flush_free(struct fitness_flush **); /* behind the committer's end */
/* At most `most` subjects, each in its turn however often others are marked; none while the last
 * ones are on their way: a disk is never asked for more than it takes.  Gives how many were handed
 * on. */
size_t fitness_flush_some(struct fitness_flush *, struct moment, size_t most);
/* All that is left; and where no worker is left who could lend, the note that this end is an
 * orderly one.  The committer is freed next. */
void fitness_flush_end(struct fitness_flush *, struct moment);

/* Records of credentials and projects that are not in the set any more; a chore.  Gives how many.
 */
size_t fitness_store_sweep(struct store *, struct committer *, const struct credential_set *);

#endif
