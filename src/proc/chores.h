/*
 * What the janitor does by itself, now and then: one table of chores, each a name, a period and a
 * function.  And what is owned by these: the way of fitness to the store, the probes.
 */
#ifndef POLLUX_PROC_CHORES_H
#define POLLUX_PROC_CHORES_H

#include "base/loop.h"
#include "net/fetch.h"
#include "proc/process.h"
#include "store/store.h"
#include "store/writer.h"

struct chores;

struct chores_house { /* all borrowed */
	const struct birth *birth;
	struct loop *loop;
	struct store *store;
	struct committer *committer;
	struct fetcher *fetcher;
};

/* The board from the store, before anybody lends: see upstream/fitness_store.h. */
bool chores_restore(const struct birth *, struct store *, struct err *);
/* Begins: each comes for the first time when its period is over. */
struct chores *chores_new(const struct chores_house *);
/* No more of them.  What was begun is cancelled, and let go of in the loop's next turn. */
void chores_stop(struct chores *);
/* What is known of credentials goes to the committer, which is to be freed next. */
void chores_flush(struct chores *);
void chores_free(struct chores **); /* behind the committer's end; NULL or empty is fine */

#endif
