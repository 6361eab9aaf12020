/*
 * The looks of the pool: its lines in status, and a request explained.
 */
#ifndef POLLUX_POLLUXCTL_LOOKS_POOL_H
#define POLLUX_POLLUXCTL_LOOKS_POOL_H

#include <jansson.h>
#include "polluxctl/table.h"

/* "2 enabled, 1 frozen, 0 disabled": those of other states where there are any. */
void looks_states(struct buf *, const json_t *keys);
void looks_pool(struct buf *, const json_t *pool); /* lines */
void looks_explained(const struct looks *, const json_t *answer);

#endif
