/*
 * The fitness of a credential, as it stands on the board: frozen until when and why, last
 * lent when, how it fared.  One cell for the credential as a whole, and one for each model it
 * was frozen for.  Every word is right by itself; nothing here locks.
 */
#ifndef POLLUX_UPSTREAM_HEALTH_H
#define POLLUX_UPSTREAM_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"
#include "ipc/board.h"
#include "upstream/outcome.h"

/* The cell of a credential as a whole, made on first use; NULL when the board's table is full:
 * every function takes that and answers as for a credential nothing is known of. */
struct board_cell *health_cell(struct board *, uint64_t board_key);

/* The later of the freezes of the whole and of the model (may be empty); 0 when it is free now.
 * cause may be NULL. */
int64_t health_frozen_until(struct board *, struct board_cell *, uint64_t board_key,
    struct span model, int64_t now_wall_ms, enum outcome *cause);
/* Only ever lengthens. */
void health_freeze(struct board *, struct board_cell *, uint64_t board_key, struct span model,
    bool whole, int64_t until_wall_ms, enum outcome cause);
void health_thaw(struct board_cell *); /* the whole and every model of it */

uint64_t health_last_lent(const struct board_cell *); /* a ticket of the board; 0: never */
void health_lent(struct board_cell *, uint64_t ticket);

void health_succeeded(struct board_cell *);
/* Counts a failure.  in_streak: one of those that cool; gives how many of them there were in a row,
 * 0 for others. */
unsigned health_failed(struct board_cell *, enum outcome, bool in_streak);

struct health_view {
	int64_t frozen_until_wall_ms; /* of the whole; 0: free */
	enum outcome cause;           /* of that freeze */
	enum outcome last_failure;    /* OK when there was none */
	uint64_t successes, failures;
	unsigned failed_in_a_row;
};
void health_view(const struct board_cell *, int64_t now_wall_ms, struct health_view *);

#endif
