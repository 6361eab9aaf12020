/*
 * What "status" says of the pool as a whole.
 */
#ifndef POLLUX_PROC_CONTROL_POOL_H
#define POLLUX_PROC_CONTROL_POOL_H

#include <jansson.h>
#include "base/moment.h"
#include "ipc/board.h"

/* Models that rest for all keys, what is under way, how full the board is.  The caller owns it. */
json_t *control_pool_shown(struct board *, struct moment now);

#endif
