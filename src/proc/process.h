/*
 * What every process of the daemon has in common: what it is born with, and the order in
 * which it comes up, so that its powers can be read at a glance:
 *
 *	inherited descriptors (all others are closed) -> title and log -> user and group
 *	-> limits -> board, store -> loop and signals -> peers -> READY -> loop_run -> orderly end
 */
#ifndef POLLUX_PROC_PROCESS_H
#define POLLUX_PROC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "base/loop.h"
#include "config/config.h"
#include "ipc/board.h"
#include "ipc/link.h"

/* Who the children are, and whose the files are that the master makes for them. */
struct identity {
	uid_t uid;
	gid_t gid;
	bool change; /* the master is root and they are somebody else */
	char name[64];
};

/* server.user, server.group and the rule of the manual: as root without the account "pollux" a
 * user must be written out.  False fills err (kind CONFIG). */
bool process_identity(const struct config *, struct identity *, struct err *);

/* Given by the master over fork(); everything is inherited memory or descriptors. */
struct birth {
	const char *title;           /* "worker 0", "janitor" */
	const struct config *config; /* the snapshot this process lives with */
	const struct identity *identity;
	struct config_secrets *secrets; /* the first janitor only; NULL for all others */
	struct board *board;
	int slot;        /* worker: its board slot; janitor: -1 */
	int link_fd;     /* its end of the pair with the master */
	int lifeline_fd; /* read end of a pipe that only the master can write to: EOF = the master
			    is dead */
	const int *listen_fds; /* worker: its TCP sockets; janitor: control.sock, janitor.sock */
	size_t listen_count;
	const char *const *listen_names; /* addresses really bound, NULL-terminated: for `status` */
	int64_t started_wall_ms;         /* of the daemon */
	pid_t master_pid;
	bool foreground;
};

/* The first half of that order: descriptors, title, log, user and group, limits. */
bool process_settle(const struct birth *, struct err *);
/* Says FAILED with the error over the birth link and ends the process with 1. */
_Noreturn void process_fail(const struct birth *, const struct err *);

/* Log target, format and level of the configuration. */
bool process_open_log(const struct config *, bool foreground, struct err *);

/* In the background, once there is nothing more to tell whoever started the daemon: stderr
 * becomes /dev/null, unless the log goes there. */
void process_leave_stderr(void);

/*
 * Called first in main: moves arguments and environment to the heap, so that the block the
 * kernel shows (ps, /proc/PID/environ) can be overwritten.  Gives the moved arguments.
 */
char **process_keep_arguments(int argc, char **argv);
/* Overwrites that block, and leaves in environ only what libraries may need (PATH, TZ, LANG, LC_*,
 * ...). */
void process_wipe_environment(void);
void process_set_title(const char *title); /* what ps shows: "pollux: worker 0" */
/* No core dump, and no look into this memory for others of the same user: secrets lie in it. */
void process_forbid_cores(void);
void process_raise_descriptors(void); /* the soft limit to the hard one */
int64_t process_descriptors(void);    /* the limit now */

#endif
