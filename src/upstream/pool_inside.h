/*
 * The inside of a pool, for the two rooms that share it: upstream/pool.c, which lends, and
 * upstream/lent.c, which knows what becomes of what is lent.
 */
#ifndef POLLUX_UPSTREAM_POOL_INSIDE_H
#define POLLUX_UPSTREAM_POOL_INSIDE_H

#include "upstream/choice.h"
#include "upstream/holdings.h"
#include "upstream/inventory.h"
#include "upstream/pool_house.h"
#include "upstream/unproven.h"

struct pool {
	struct pool_house house; /* all borrowed */
	enum choice_pick pick;
	struct chance chance;
	struct fitness_limits *limits; /* owned: the operator's, by the board's number of a model */
	int limits_count;
	struct inventory inventory;
	struct holdings holdings;
	struct unproven unproven;
};

/* Those that the operator set for this model; of one that the board has no number for none. */
struct fitness_limits pool_limits_now(const struct pool *, int model);

#endif
