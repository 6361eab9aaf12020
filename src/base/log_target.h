/*
 * Where log lines go: a descriptor or a socket of the system's log.  Only base/log.c calls this.
 *
 * No call waits for anybody, and no signal comes of one.
 */
#ifndef POLLUX_BASE_LOG_TARGET_H
#define POLLUX_BASE_LOG_TARGET_H

#include <stdbool.h>
#include "base/err.h"
#include "base/span.h"

/* What one line may have, its end included: a pipe takes so much whole or not at all. */
#define LOG_LINE_BYTES 4096

enum log_target_kind {
	LOG_TARGET_STREAM, /* a file, a pipe, a terminal */
	LOG_TARGET_SOCKET, /* stderr that happens to be a socket */
	LOG_TARGET_SYSLOG,
	LOG_TARGET_JOURNAL
};

struct log_target {
	enum log_target_kind kind;
	int fd;     /* owned, unless it is 2 */
	bool waits; /* writing might block, so poll first */
	bool torn;  /* the last line went out without its end */
	char *path; /* owned; of the file or the socket, NULL for stderr */
};

/* stderr as it stands, without a system call: what the log has before it is opened. */
#define LOG_TARGET_STDERR_INIT                                                                     \
	{                                                                                          \
		.kind = LOG_TARGET_STREAM, .fd = 2, .waits = true                                  \
	}
#define LOG_TARGET_STDERR ((struct log_target)LOG_TARGET_STDERR_INIT)

bool log_target_open(struct log_target *, const char *name, struct err *);
bool log_target_reopen(struct log_target *, struct err *); /* the descriptor's number stays */
void log_target_close(struct log_target *);                /* leaves LOG_TARGET_STDERR */
bool log_target_stamps(const struct log_target *);         /* it notes the time of a line itself */
/* One line, with its '\n'.  priority is syslog's, 3 to 7.  False: it is lost, or a part of it. */
bool log_target_write(struct log_target *, int priority, struct span line);

#endif
