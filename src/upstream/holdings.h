/*
 * What this process holds, and its lines in the journal (upstream/lease.h): one place for each lease.
 */
#ifndef POLLUX_UPSTREAM_HOLDINGS_H
#define POLLUX_UPSTREAM_HOLDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include "ipc/board.h"
#include "upstream/lease.h"

struct held {
	struct lease_line line;
	struct board_lease *place; /* on the board; NULL: no journal is kept */
	bool used;
	uint32_t next_free;        /* of those that are not */
};

/* Embedded in its owner. */
struct holdings {
	struct board *board; /* borrowed */
	int slot;            /* -1: no journal is kept */
	struct held *items;  /* owned; moves when it grows */
	uint32_t room, first_free;
};

void holdings_init(struct holdings *, struct board *, int slot);
void holdings_fini(struct holdings *);
/* False: the journal is full, or the board's file system is. */
bool holdings_take(struct holdings *, uint32_t *place);
void holdings_leave(struct holdings *, uint32_t place);
struct held *holdings_at(struct holdings *, uint32_t place);
void held_write(const struct held *); /* to the journal */

#endif
