/*
 * The files the master makes for the daemon: directories, pid file, control sockets, board.
 */
#ifndef POLLUX_PROC_RUNDIR_H
#define POLLUX_PROC_RUNDIR_H

#include <stdbool.h>
#include "base/err.h"
#include "config/config.h"
#include "ipc/board.h"
#include "proc/process.h"

struct rundir {
	int pid_fd;         /* locked as long as the master lives: one daemon for each run_dir */
	int state_fd;       /* of state.dir, locked likewise: one janitor for each store */
	int control_fds[2]; /* control.sock, janitor.sock */
	struct board *board;
};

/* Makes server.run_dir and state.dir where they are missing and gives them to identity.  On
 * false what was opened is closed again. */
bool rundir_open(struct rundir *, const struct config *, const struct identity *, struct err *);
/*
 * Makes again what somebody has removed: a session's end empties its run_dir, and nobody could
 * reach the daemon until a restart.  Between two janitors; control_fds may change.
 */
bool rundir_mend(struct rundir *, const struct config *, const struct identity *, struct err *);
/* orderly: the daemon has ended as it should: files are removed and the board may go on in another
 * run. */
void rundir_close(struct rundir *, const struct config *, bool orderly);

#endif
