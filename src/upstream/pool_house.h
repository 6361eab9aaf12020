/*
 * What a pool works with.
 */
#ifndef POLLUX_UPSTREAM_POOL_HOUSE_H
#define POLLUX_UPSTREAM_POOL_HOUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/config.h"
#include "ipc/board.h"
#include "store/store.h"
#include "store/write.h"

/* All borrowed. */
struct pool_house {
	struct store *store;
	struct board *board;
	const struct config *config;
	int slot; /* of the board, for the journal, or BOARD_JANITOR; -1: none is kept (tests) */
	uint64_t seed; /* of its chance */
	/* Records for the store; false: they were not taken.  May be NULL (tests). */
	bool (*write)(void *ctx, const struct write_op *, size_t n);
	void *ctx;
};

#endif
