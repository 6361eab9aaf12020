/*
 * The journal of what a worker holds: one line on the board for each lease, so that what it held is
 * given back when it is killed.  A line is written before anything is sent and wiped when the
 * lease is settled.
 *
 * Killed at any point: a request that may have been sent counts in its windows from the moment of
 * the sweeping (upstream cannot have got it later), one that was not counts for a span at most;
 * requests in flight are given back; a probe may be claimed again.
 *
 * A slot's places are used from 0 on, a new one only when each before it has been written: the
 * sweep ends at the first that never was.
 */
#ifndef POLLUX_UPSTREAM_LEASE_H
#define POLLUX_UPSTREAM_LEASE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/moment.h"
#include "ipc/board.h"
#include "upstream/allowance.h"

struct lease_line {
	int subject, scope, model; /* the board's numbers; model -1: none */
	bool written;              /* the last byte of the request was */
	bool probes_own, probes_whole, probes_model; /* whose breaker's probe it is */
	struct allowance allowance; /* booked on the row of scope and model */
};

/* Anew, or what became of it: of a line that is held only written and the bookings change. */
void lease_line_write(struct board_lease *, const struct lease_line *);
/* Before the allowance of a line is stamped, renewed or returned, until the line is written again
 * or wiped: the bookings that it names may be gone.  NULL is left alone. */
void lease_line_doubt(struct board_lease *);
/* False: nothing is held.  doubtful may be NULL. */
bool lease_line_read(const struct board_lease *, struct lease_line *, bool *doubtful);
void lease_line_wipe(struct board_lease *);

/* Gives back what the lines of that slot hold: its worker has ended.  Now is asked of the clock
 * behind that end.  Whoever is killed in the middle leaves the rest to the next sweep. */
void lease_sweep(struct board *, int slot, struct moment);

#endif
