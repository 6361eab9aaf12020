/*
 * One line for each event: time, level, process, subsystem, plain words, then key=value pairs.
 * Written where a thing is handled, not where it passes.  error: the operator must act.  warn:
 * something is degraded.  info: life of processes and credentials.  debug: the rest, switchable
 * for each subsystem.  Never a secret, never a prompt: credentials appear by label.
 *
 *	2026-11-20 13:37:01.123Z info worker 2 pool: credential frozen label=a for=40s
 *	{"ts":"2026-11-20T13:37:01.123Z","level":"info","process":"worker 2","subsystem":"pool",
 *	 "msg":"credential frozen","label":"a","for":"40s"}	(on one line)
 *
 * Times are UTC: no zone file is needed, and no hour comes twice.
 *
 * The pairs are given as one printf format, "label=%s for=%ds".  Where a value begins and ends is
 * taken from the format alone (a word with = after a space begins the next pair), so a value may
 * hold anything: it is quoted or escaped as needed, and no input can forge a line or a pair.
 *
 * In JSON a value that is one plain %d, %u, %i (with any length) is a number, all else text.
 *
 * Writing never blocks and never kills: what the target does not take at once is lost and counted,
 * and the next line that passes is preceded by one that says how many were.
 */
#ifndef POLLUX_BASE_LOG_H
#define POLLUX_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/*
 * target: "stderr", "syslog", "journal" or the absolute path of a file (created 0640, appended;
 * opened anew by log_reopen).  "syslog:/PATH" and "journal:/PATH" name a socket that is not at its
 * usual place, as in a container.  debug: NULL, or subsystems for which debug lines pass whatever
 * the level says, comma separated.  May be called again.  Until it is called, lines of level info
 * and above go to stderr as text.  When it says false the log stays as it was.
 */
bool log_open(const char *target, enum log_format, enum log_level, const char *debug, struct err *);
bool log_reopen(struct err *); /* when it says false the old one stays open */
void log_close(void);          /* back to how it was before log_open */
/* The descriptor that a process keeps when it closes all it inherited; -1: none but stderr. */
int log_fd(void);
void log_set_process(const char *name); /* "master", "worker 3": copied */
bool log_wants(enum log_level, const char *subsystem);
bool log_level_parse(const char *text, enum log_level *out);

/* pairs may be NULL.  errno is left as it was, and %m in pairs means it. */
void log_line(enum log_level, const char *subsystem, const char *words, const char *pairs, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(sub, words, ...) log_line(LOG_LEVEL_ERROR, sub, words, __VA_ARGS__)
#define log_warn(sub, words, ...)  log_line(LOG_LEVEL_WARN, sub, words, __VA_ARGS__)
#define log_info(sub, words, ...)  log_line(LOG_LEVEL_INFO, sub, words, __VA_ARGS__)
#define log_debug(sub, words, ...)                                                                 \
	do {                                                                                       \
		if (log_wants(LOG_LEVEL_DEBUG, sub))                                               \
			log_line(LOG_LEVEL_DEBUG, sub, words, __VA_ARGS__);                        \
	} while (0)

/* Lines dropped because the target could not take them (full disk, syslog gone). */
uint64_t log_lost(void);

#endif
