/*
 * The board: shared memory that all processes of one daemon map.  Hot, small, rebuilt from
 * the store when it is lost.
 *
 * It is a file (run_dir/board, 0600, sparse) mapped shared by the master before it forks.  A
 * starting master that finds one of its own layout and this boot, with no living owner, keeps
 * it; otherwise it makes a new one.  There are no pointers in it and no locks on the way of a
 * request: everything hot is an independent atomic word that is right by itself, so a process
 * killed between two of them leaves nothing torn.  What a worker holds is counted in its own
 * slot and taken back when it is reaped.
 *
 * Cells are 64-byte records found by kind and a 64-bit key in a fixed sparse table, made on
 * first use.  Key and kind are the board's; the other 48 bytes, zero at first, belong to the
 * one room that understands that kind.  A cell stays where it is for the board's life.
 */
#ifndef POLLUX_IPC_BOARD_H
#define POLLUX_IPC_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "ipc/board_words.h"

const char *board_count_name(enum board_count);
bool board_count_is_gauge(enum board_count);

struct board;

/* cells: size of the table (rounded up to a power of two; seven eighths of it are given out).
 * kept: whether an earlier board went on.  The calling process becomes its owner.  A board
 * whose owner lives is an error (CONFLICT), unless that is this process (an upgrade in place). */
struct board *board_create(const char *path, uint64_t cells, bool *kept, struct err *);
/* For a process that did not inherit it. */
struct board *board_attach(const char *path, struct err *);
void board_detach(struct board **); /* unmaps; the file stays */
void board_disown(struct board *);  /* the owner's orderly end: another master may keep it */
/* Of the board that was kept: its last owner disowned it, or is this very process. */
bool board_ended_orderly(const struct board *);

uint64_t board_generation(const struct board *, enum board_generation);
void board_bump(struct board *, enum board_generation);
uint64_t board_ticket(struct board *); /* 1, 2, 3 ... over all processes */

/* Slots.  The master gives them out (STARTING, without a pid) before it forks; they are swept when
 * it has reaped: counters go into the totals, gauges away, and the slot is empty. */
int board_slot_take(struct board *, uint32_t number, int64_t wall_ms); /* index, or -1 */
struct board_slot *board_slot(struct board *, int index);
void board_slot_sweep(struct board *, int index);
/* Of a kept board: slots whose worker outlived its master and has ended since.  A chore. */
void board_sweep_orphans(struct board *);
void board_count_add(struct board_slot *, enum board_count, int64_t by);
int64_t board_count_sum(const struct board *, enum board_count); /* over slots and totals */

/* NULL when absent and create is false, or when the table is full or the file system of the
 * board has no room for another page (each said once in the log). */
struct board_cell *board_cell(struct board *, enum board_kind, uint64_t key, bool create);
uint64_t board_cells_used(const struct board *);
uint64_t board_cells_size(const struct board *);

#endif
