/*
 * The order in which a dead worker's slot is emptied: the journal first, as long as nobody else can
 * be given the slot.  Asks the clocks themselves, since the master does so before it has a loop.
 */
#include "proc/slots.h"

#include "base/loop.h"
#include "upstream/lease.h"

static void
let_go(void *ctx, struct board *board, int slot)
{
	(void)ctx;
	lease_sweep(board, slot, loop_clock_moment());
}

void
slot_bury(struct board *board, int slot)
{
	let_go(NULL, board, slot);
	board_slot_sweep(board, slot);
}

void
slots_bury_orphans(struct board *board)
{
	board_sweep_orphans(board, let_go, NULL);
}
