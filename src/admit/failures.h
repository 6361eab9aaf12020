/*
 * Failed log-ins by address.  Whoever presents wrong keys again and again is told to wait
 * instead of being looked up; a right key always passes, so nobody can lock out those who
 * share an address with him.
 *
 * Counted on the board, over all workers, in FAILURES_PLACES cells that addresses share by a keyed
 * hash: more addresses cost no more memory.
 */
#ifndef POLLUX_ADMIT_FAILURES_H
#define POLLUX_ADMIT_FAILURES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "ipc/board.h"
#include "store/seal.h"

#define FAILURES_ALLOWED   30 /* in one window of FAILURES_WINDOW_MS */
#define FAILURES_WINDOW_MS 60000
#define FAILURES_PLACES    4096

/* Counts one failure.  When the address has used up its window, err becomes BUSY with the time
 * that is left of it; else err is left alone.  peer: the address as text; an IPv6 one counts with
 * its /64. */
void failures_note(
    struct board *, const struct seal *, const char *peer, int64_t now_wall_ms, struct err *);

#endif
