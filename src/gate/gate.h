/*
 * What all exchanges of a worker share.  Made and owned by proc/worker.c.
 */
#ifndef POLLUX_GATE_GATE_H
#define POLLUX_GATE_GATE_H

#include "base/loop.h"
#include "config/config.h"
#include "ipc/board.h"
#include "store/store.h"
#include "dialect/dialect.h"
#include "store/writer.h"
#include "upstream/ask.h"
#include "upstream/catalogue.h"
#include "upstream/learned.h"

struct gate { /* all pointers borrowed */
	struct loop *loop;
	const struct config *config;
	struct store *store;
	const struct seal *seal;
	struct board *board;
	struct board_slot *slot;
	struct upstream *upstream;
	struct writer *writer;
	struct learned *learned;
	struct catalogue *catalogue;
	struct dialect_options options;
	int64_t started_s; /* Unix time of the worker's start: when its models were "created" */
};

#endif
