/*
 * What the first janitor of a daemon does before it says READY: keys and client keys that came
 * by the environment become records, and without any client one is made, or the start refused.
 */
#ifndef POLLUX_PROC_FIRST_RUN_H
#define POLLUX_PROC_FIRST_RUN_H

#include <stdbool.h>
#include "base/err.h"
#include "ipc/board.h"
#include "proc/process.h"
#include "store/store.h"

struct first_run {
	const struct birth *birth; /* its secrets are those of the environment; NULL: a later
				      janitor, nothing to do */
	struct store *store;
	const struct seal *seal;
	struct board *board;
	int64_t now_wall_ms;
	bool to_terminal; /* a new client key is shown there, else it is written to a file */
};

/* All of it is durable when this is true.  False: the start must fail, err says what to do. */
bool first_run(const struct first_run *, struct err *);
/* Removes the file with the first client key once that client is gone. */
void first_run_tidy(const struct birth *, struct store *);

#endif
