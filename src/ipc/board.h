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
 * Rows (128 bytes) hold what is known of a subject (a credential or a project) and a model; they
 * stand at an address that follows from both numbers, so there is nothing to look up and
 * nothing moves.  Windows (512 bytes) count what is limited.  Leases are the journal of each
 * worker: what it holds and what must be given back when it dies.  Traces tell how the latest
 * requests were answered.
 *
 * Cells are 64-byte records found by kind and a 64-bit key in a fixed sparse table, made on
 * first use.  Key and kind are the board's; the other 48 bytes, zero at first, belong to the
 * one room that understands that kind.  A cell stays where it is for the board's life.
 *
 * All of these are sparse: a page that nothing was written to takes no memory.
 */
#ifndef POLLUX_IPC_BOARD_H
#define POLLUX_IPC_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/span.h"
#include "ipc/board_words.h"
#include "ipc/window.h"

const char *board_count_name(enum board_count);
bool board_count_is_gauge(enum board_count);

struct board;

/* How much there may be of what is sparse, at least one of each (doc/board.md says what each
 * takes).  A board of other sizes is not kept. */
struct board_sizes {
	uint64_t cells;    /* rounded up to a power of two; seven eighths of it are given out */
	uint32_t subjects; /* the same */
	uint32_t models;   /* that can have a number */
	uint32_t windows;
	uint32_t leases; /* of each worker, and of the janitor */
	uint32_t traces;
};

/* kept: whether an earlier board went on: then board_sweep_orphans is the next to be called.  The
 * calling process becomes its owner.  A board whose owner lives is an error (CONFLICT), unless
 * that is this process (an upgrade in place). */
struct board *board_create(const char *path, const struct board_sizes *, bool *kept, struct err *);
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
 * it has reaped: counters go into the totals, gauges away, and the slot is empty.  What its leases
 * hold is given back before, by whoever knows what they mean. */
int board_slot_take(struct board *, uint32_t number, int64_t wall_ms); /* index, or -1 */
struct board_slot *board_slot(struct board *, int index);
void board_slot_sweep(struct board *, int index);
/* Of a kept board: slots whose worker has ended, at once or since.  Also a chore.  let_go is told
 * of each before it is swept, to give back what its leases hold: once, unless the process that does
 * it is killed meanwhile; then the next one to sweep is told again. */
void board_sweep_orphans(
    struct board *, void (*let_go)(void *ctx, struct board *, int slot), void *ctx);
void board_count_add(struct board_slot *, enum board_count, int64_t by);
int64_t board_count_sum(const struct board *, enum board_count); /* over slots and totals */

/* NULL when absent and create is false, or when the table is full or the file system of the
 * board has no room for another page (each said once in the log). */
struct board_cell *board_cell(struct board *, enum board_kind, uint64_t key, bool create);

/*
 * Subjects: credentials and projects by a 64-bit key of the caller's (not 0), in the order of their
 * places.  BOARD_EVERYONE is for what holds for all.  -1: unknown, or (said once) no room is left.
 * A subject keeps its number for the board's life.
 */
#define BOARD_EVERYONE 0
int board_subject(struct board *, uint64_t key, bool create);
uint64_t board_subject_key(const struct board *, int subject); /* 0: none has that number */
uint32_t board_subjects_size(const struct board *);
uint32_t board_subjects_used(const struct board *);

/*
 * Models by upstream's bare name, numbered from 1 in the order they came; BOARD_WHOLE is a subject
 * as a whole.  -1: unknown, longer than BOARD_MODEL_BYTES, or (said once) no room is left.
 */
#define BOARD_WHOLE 0
int board_model(struct board *, struct span name, bool create);
struct span board_model_name(const struct board *, int model); /* empty: none has that number */
int board_models_used(const struct board *);                   /* numbers below this are given */
int board_models_size(const struct board *);                   /* as many can be given */

/* NULL when absent and create is false, or when the file system of the board has no room, or of a
 * subject or model of -1. */
struct board_row *board_row(struct board *, int subject, int model, bool create);
/* What is known of the subject has changed, and is to be written to the store. */
void board_mark(struct board *, int subject);
/* The next marked subject from this number on, and takes the mark away; -1: none. */
int board_marked(struct board *, int from);

/* A window that nobody has, from 1 on; 0: no room is left (said once).  Never given back. */
uint32_t board_window_take(struct board *);
struct window *board_window(struct board *, uint32_t number);
uint32_t board_windows_used(const struct board *);

/* A place in the journal of a slot, or of BOARD_JANITOR; NULL behind its end, or no room. */
struct board_lease *board_lease(struct board *, int slot, uint32_t place, bool create);
uint32_t board_leases_size(const struct board *);

/*
 * A word for what may be forgotten at any time, the same for all keys that share it: whoever reads
 * it checks by a part of the key that it is his.
 */
_Atomic uint64_t *board_scratch(struct board *, uint64_t key);

/* Until then (monotonic) nothing is known of what limited credentials did in the minute before. */
void board_spent_set(struct board *, int64_t until_ms);
int64_t board_spent_until(const struct board *);

/* Traces: the latest ones of all workers.  A trace that is being written while it is read is left
 * out; one whose writer died is too. */
/* At most BOARD_TRACE_BYTES.  Dropped where there is no room, or where the one a whole ring before
 * it is still being written. */
void board_trace_put(struct board *, const void *bytes, size_t);
/* Newest first, copies of BOARD_TRACE_BYTES (zeros behind what was put), until fn says false. */
void board_trace_each(struct board *, bool (*fn)(void *ctx, const void *bytes), void *ctx);

uint64_t board_cells_used(const struct board *);
uint64_t board_cells_size(const struct board *);

#endif
