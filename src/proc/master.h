/*
 * The master: births, deaths, reload, drain.  It owns every listening socket and never reads
 * a request, the key file or the store.
 */
#ifndef POLLUX_PROC_MASTER_H
#define POLLUX_PROC_MASTER_H

#include <stdbool.h>
#include "config/config.h"

struct master_start {
	struct config_input *input; /* borrowed; its secrets are wiped once the janitor is READY */
	struct config *config;      /* taken over */
	bool foreground;            /* -f */
	int ready_fd; /* -1, or where the first process waits: one byte 0 when READY, else the line
			 that says why not */
};

/* Runs until it is told to stop; the exit code of the daemon. */
int master_run(struct master_start *);

#endif
