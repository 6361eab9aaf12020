/*
 * What the rooms that ask upstream share: the things of a worker that they work with, and what a
 * request brings along for the choice of its credential.
 */
#ifndef POLLUX_UPSTREAM_UPSTREAM_H
#define POLLUX_UPSTREAM_UPSTREAM_H

#include <stddef.h>
#include <stdint.h>
#include "base/loop.h"
#include "base/span.h"
#include "config/config.h"
#include "ipc/board.h"
#include "net/fetch.h"
#include "upstream/estimate.h"
#include "upstream/pool.h"
#include "upstream/trace.h"

/* What every ask of a worker shares; all pointers borrowed. */
struct upstream {
	struct loop *loop;
	struct pool *pool;
	struct fetcher *fetcher;
	struct estimates *estimates;
	const struct config *config;
	struct board_slot *slot;
	size_t downloaded_bytes; /* that requests hold (upstream/download.h) */
};

/* What else a request brings for the choice of its credential; all of it may be zero. */
struct ask_lend {
	uint64_t affinity;   /* hash of how the prompt begins (gemini/prefix.h) */
	struct span owner;   /* id of the credential that owns what is named: no other is asked */
	struct trace *trace; /* borrowed: filled with why */
	int64_t since_ms;    /* when that began which this is a part of; 0: with this */
};

#endif
