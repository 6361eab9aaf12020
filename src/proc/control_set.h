/*
 * The keys as words of the operator's need them: loaded, one of them by its name, or all of them in
 * turn.
 */
#ifndef POLLUX_PROC_CONTROL_SET_H
#define POLLUX_PROC_CONTROL_SET_H

#include <stdbool.h>
#include "base/text.h"
#include "proc/key_state.h"
#include "upstream/credential.h"

struct control_ask;

/* False: the ask was refused. */
bool control_set_load(struct control_ask *, struct credential_set *);
/* By id or label; NULL: the ask was refused, with the nearest label. */
struct credential *control_set_find(
    struct control_ask *, const struct credential_set *, struct span named);

/* What is done at each key and behind the last; end answers the ask. */
struct control_set_walk {
	void (*key)(void *ctx, const struct key_scene *, const struct credential *);
	void (*end)(void *ctx, struct control_ask *);
	void (*drop)(void *ctx); /* ctx is no longer needed, answered or not */
};
/*
 * Ten thousand keys times fifty models are half a million rows: they are taken a few milliseconds
 * at a time, and the loop goes on in between.  Takes ctx over.  Refuses where the keys cannot be
 * read.
 */
void control_set_walk(struct control_ask *, const struct control_set_walk *, void *ctx_take);

#endif
