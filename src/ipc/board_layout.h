/*
 * What stands where on the board; for the two rooms that make and use it (board_file.c,
 * board.c).
 *
 * File: about (whose head is the same in every layout, so that any version can tell whether
 * the owner lives), then words, slots, a bit for each page of cells, and from a page boundary on
 * the cells.  All up to the cells is allocated when the file is made.  The cells are sparse: their
 * pages are filled one by one, each by a call that can say "no room" where a plain write would
 * be answered with SIGBUS, and a page whose bit is not set is not even read.
 */
#ifndef POLLUX_IPC_BOARD_LAYOUT_H
#define POLLUX_IPC_BOARD_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>
#include "ipc/board_words.h"

struct board_head {
	char magic[16];
	uint32_t layout;
	uint32_t spare;
	char boot[40]; /* the kernel's boot id: whoever belongs to another boot is dead */
	_Atomic int64_t owner_pid;    /* 0: disowned */
	_Atomic uint64_t owner_start; /* in ticks since boot: tells a recycled pid from the owner */
	char reserved[48];
};

/* What a board says of itself; one that says another thing is not kept. */
struct board_about {
	struct board_head head;
	uint64_t bytes; /* of the whole file */
	uint64_t cells; /* a power of two */
	uint64_t cells_at;
	uint64_t page_bytes;
	uint64_t slot_bytes;
	uint64_t counts; /* words of a slot and of the totals */
};

struct board_layout {
	struct board_about about;
	unsigned char seed[16];   /* of the cells' places, so that input cannot pile them up */
	_Atomic uint32_t orderly; /* the last owner took its leave */
	_Atomic uint32_t full_said, room_said;
	_Atomic uint64_t used;
	_Atomic uint64_t generations[BOARD_GEN_COUNT];
	_Atomic int64_t totals[BOARD_COUNT_COUNT];
	_Alignas(64) _Atomic uint64_t ticket; /* drawn for every attempt: alone on its line */
	_Alignas(64) struct board_slot slots[BOARD_WORKERS_MAX];
	_Atomic uint64_t pages[]; /* bit set: this page of cells is there */
};

struct board {
	struct board_layout *map; /* owned mapping */
	struct board_cell *cells; /* in it */
	bool ended_orderly;       /* of the board that was kept */
};

_Static_assert(sizeof(struct board_head) == 128, "the head is the same in every layout");
_Static_assert(sizeof(struct board_cell) == 64, "a cell is one cache line");

/* Whether this page of cells may be touched. */
static inline bool
board_page_is_there(const struct board *b, uint64_t page)
{
	uint64_t word = atomic_load_explicit(&b->map->pages[page / 64], memory_order_acquire);

	return word >> (page % 64) & 1;
}

#endif
