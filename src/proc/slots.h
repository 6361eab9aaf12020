/*
 * What a dead worker leaves on the board: what its leases held is given back, then its slot is swept.
 * Runs in the master, which reaps workers, and in the janitor, which looks after those of an earlier
 * master.
 */
#ifndef POLLUX_PROC_SLOTS_H
#define POLLUX_PROC_SLOTS_H

#include "ipc/board.h"

/* Of a worker that has been reaped, or was never born. */
void slot_bury(struct board *, int slot);
/* Of workers that outlived their master and have ended since. */
void slots_bury_orphans(struct board *);

#endif
