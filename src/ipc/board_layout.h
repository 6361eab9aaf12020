/*
 * What stands where on the board; for the rooms that make and use it (board_file.c, board.c,
 * board_tables.c, board_rows.c, board_traces.c).
 *
 * File: about (whose head is the same in every layout, so that any version can tell whether
 * the owner lives), then words and slots, then the regions.  All up to the first sparse region
 * is allocated when the file is made.  The pages of the sparse ones are filled one by one, each by
 * a call that can say "no room" where a plain write would be answered with SIGBUS; a bit
 * for each page says that it is there, and a page whose bit is not set is not even read.  Sparse
 * regions begin on pages and nothing in them lies across two.
 */
#ifndef POLLUX_IPC_BOARD_LAYOUT_H
#define POLLUX_IPC_BOARD_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ipc/board_words.h"
#include "ipc/window.h"

#define BOARD_SCRATCH_WORDS 4096 /* a power of two */
#define BOARD_SEED_BYTES    16

struct board_head {
	char magic[16];
	uint32_t layout;
	uint32_t spare;
	char boot[40]; /* the kernel's boot id: whoever belongs to another boot is dead */
	_Atomic int64_t owner_pid;    /* 0: disowned */
	_Atomic uint64_t owner_start; /* in ticks since boot: tells a recycled pid from the owner */
	char reserved[48];
};

/* A name is there once its length is not 0.  No word changes again once it is not 0. */
#define BOARD_NAME_WORDS (BOARD_MODEL_BYTES / 8)
struct board_model {
	_Atomic uint64_t hash; /* 0: free */
	_Atomic uint64_t length;
	_Atomic uint64_t name[BOARD_NAME_WORDS];
};

/* sequence: twice the trace's number, and one more while it is being written. */
#define BOARD_TRACE_WORDS (BOARD_TRACE_BYTES / 8)
struct board_trace {
	_Atomic uint64_t sequence; /* 0: never used */
	_Atomic uint64_t check;    /* of number and words: no mixture of two is taken for one */
	_Atomic uint64_t words[BOARD_TRACE_WORDS];
};

/* In the order of the file: name, what one item is. */
#define BOARD_REGIONS(R)                                                                           \
	R(PAGES, _Atomic uint64_t) /* a bit for each page of the sparse regions */                 \
	R(MARKS, _Atomic uint64_t) /* a bit for each subject */                                    \
	R(SCRATCH, _Atomic uint64_t)                                                               \
	R(MODELS, struct board_model)                                                              \
	R(CELLS, struct board_cell)   /* the first sparse one */                                   \
	R(SUBJECTS, _Atomic uint64_t) /* their keys */                                             \
	R(ROWS, struct board_row)     /* model by model: all subjects of 0, of 1 ... */            \
	R(WINDOWS, struct window)                                                                  \
	R(LEASES, struct board_lease) /* slot by slot */                                           \
	R(TRACES, struct board_trace)

enum board_region {
#define BOARD_REGION_ENUM(name, type) BOARD_REGION_##name,
	BOARD_REGIONS(BOARD_REGION_ENUM)
#undef BOARD_REGION_ENUM
	    BOARD_REGION_COUNT
};
#define BOARD_FIRST_SPARSE BOARD_REGION_CELLS

/* What a board says of itself; one that says another thing is not kept. */
struct board_about {
	struct board_head head;
	uint64_t bytes; /* of the whole file */
	uint64_t page_bytes;
	uint64_t slot_bytes;
	uint64_t counts; /* words of a slot and of the totals */
	uint64_t items[BOARD_REGION_COUNT];
	uint64_t at[BOARD_REGION_COUNT];
};

/* What is said once in the log: a bit each. */
enum board_said {
	BOARD_SAID_ROOM = 1,
	BOARD_SAID_CELLS = 2,
	BOARD_SAID_SUBJECTS = 4,
	BOARD_SAID_MODELS = 8,
	BOARD_SAID_WINDOWS = 16
};

struct board_layout {
	struct board_about about;
	unsigned char seed[BOARD_SEED_BYTES]; /* of all hashes: input cannot pile things up */
	_Atomic uint32_t orderly;             /* the last owner took its leave */
	_Atomic uint32_t said;                /* of enum board_said */
	_Atomic uint64_t cells_used, subjects_used, windows_used;
	_Atomic uint64_t generations[BOARD_GEN_COUNT];
	_Atomic int64_t totals[BOARD_COUNT_COUNT];
	_Atomic int64_t spent_until_ms;
	/* Drawn for every attempt and every request: each alone on its line. */
	_Alignas(64) _Atomic uint64_t ticket;
	_Alignas(64) _Atomic uint64_t traces_put;
	_Alignas(64) struct board_slot slots[BOARD_WORKERS_MAX];
};

/* What a process knows of the board it mapped. */
struct board {
	struct board_layout *map; /* owned mapping; all below is in it */
	char *sparse;             /* where the first page stands that has a bit */
	unsigned page_shift;
	uint32_t subjects, models;        /* rows of a model; models without number 0 */
	uint32_t windows, leases, traces; /* leases: of each slot */
	_Atomic uint64_t *pages, *marks, *scratch, *keys;
	struct board_model *names;
	struct board_cell *cells;
	struct board_row *rows;
	struct window *window_at;
	struct board_lease *lease_at;
	struct board_trace *trace_at;
	bool ended_orderly; /* of the board that was kept */
};

_Static_assert(sizeof(struct board_head) == 128, "the head is the same in every layout");
_Static_assert(sizeof(struct board_cell) == 64, "a cell is one cache line");
_Static_assert(sizeof(struct board_row) == 128, "rows divide a page");
_Static_assert(sizeof(struct window) == 512, "windows divide a page");
_Static_assert(sizeof(struct board_lease) == 64, "leases divide a page");
_Static_assert(sizeof(struct board_trace) == 1024, "traces divide a page");
_Static_assert(BOARD_NAME_WORDS * 8 == BOARD_MODEL_BYTES, "a name is whole words");
_Static_assert(BOARD_TRACE_WORDS * 8 == BOARD_TRACE_BYTES, "a trace is whole words");

/* Whether this place in a sparse region may be touched. */
static inline bool
board_is_there(const struct board *b, const volatile void *at)
{
	uint64_t page = (uint64_t)((const volatile char *)at - b->sparse) >> b->page_shift;
	uint64_t word = atomic_load_explicit(&b->pages[page / 64], memory_order_acquire);

	return word >> (page % 64) & 1;
}

/* Fills its page, so that writing to it cannot fail any more.  False: no room, said once. */
bool board_fill(struct board *, const volatile void *at);

static inline bool
board_have(struct board *b, const volatile void *at, bool create)
{
	return board_is_there(b, at) || (create && board_fill(b, at));
}

/* The first one writes a line to the log. */
void board_say_once(
    struct board *, enum board_said, const char *words, uint64_t used, uint64_t size);
uint64_t board_hash(const struct board *, const void *bytes, size_t);
/* What has been given out is counted anew: a process killed in between left the count short. */
void board_recount(struct board *);
/* Of a kept board: workers of a dead master may still be draining, and what they count must not
 * land in the slot of another.  A slot is free when board_sweep_orphans has found its worker
 * ended. */
void board_mark_orphans(struct board *);

#endif
