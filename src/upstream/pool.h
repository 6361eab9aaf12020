/*
 * The pool: all credentials of this process and who gets one next.
 *
 * Which one: the least recently used of those that are enabled and not frozen (pool.pick =
 * least-used), or the first of these in order (order).  The choice itself is one function
 * behind pool_lend, the seam where a cleverer scheduler goes.  Up to 64 credentials all are looked
 * at; of more, a random handful, and all only when the whole handful is frozen.
 */
#ifndef POLLUX_UPSTREAM_POOL_H
#define POLLUX_UPSTREAM_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "config/config.h"
#include "ipc/board.h"
#include "store/store.h"
#include "store/writer.h"
#include "upstream/credential.h"
#include "upstream/outcome.h"

struct pool;

/* What a request wishes for. */
struct wish {
	struct span model; /* may be empty: any credential that is not frozen as a whole */
	const char (*tried)[CREDENTIAL_ID_LEN + 1]; /* not these again */
	size_t tried_count;
	struct span only; /* this one alone, by its id; empty: any */
};

/* A credential lent for one attempt.  Settle it exactly once: that is how the pool learns. */
struct lease {
	char id[CREDENTIAL_ID_LEN + 1]; /* "" when settled */
	const char *label;              /* borrowed: valid until settled */
	const char *secret;             /* borrowed: valid until settled */
	struct span model;              /* borrowed from the wish */
	uint64_t board_key;
	struct board_cell *cell;        /* its own; borrowed from the board, or NULL */
	struct pool_snapshot *snapshot; /* private: keeps label and secret alive across reloads */
};

/* All borrowed; the slot counts lost writes.  Writer and slot may be NULL (tests). */
struct pool *pool_new(
    struct store *, struct board *, struct writer *, const struct config *, struct board_slot *);
void pool_free(struct pool **);
/* False fills err: UNAVAILABLE (none at all, or all disabled), BUSY or QUOTA (all frozen; retry_ms
 * says until the earliest thaw), and *thaw_wall_ms: when the first of the frozen ones thaws, tried
 * or not (0: none will). */
bool pool_lend(struct pool *, const struct wish *, int64_t now_wall_ms, uint64_t chance,
    struct lease *, int64_t *thaw_wall_ms, struct err *);
/* Applies the verdict: freezes, disables (a write to the store), counts. */
void lease_settle(struct pool *, struct lease *, const struct verdict *, int64_t now_wall_ms);
/* A credential that is enabled and not frozen as a whole is there (readyz). */
bool pool_in_sight(struct pool *, int64_t now_wall_ms);
size_t pool_size(struct pool *, int64_t now_wall_ms); /* enabled ones */

#endif
