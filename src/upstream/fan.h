/*
 * All parts of a call: each an ask of its own, some at a time, their chunks given as those of one
 * answer.  One request takes several where a model makes only one choice at a time (n), where
 * there is a list of prompts, or more texts to embed than one call takes.
 *
 * The interface is that of an ask (upstream/ask.h).  What a chunk then says of itself is right
 * for the whole: its part, the index of its choices, and the usage, which is the sum over all
 * parts as far as they have come.  The first part that fails for good ends all.
 */
#ifndef POLLUX_UPSTREAM_FAN_H
#define POLLUX_UPSTREAM_FAN_H

#include "upstream/ask.h"

struct fan;

/* The call and the arena outlive it; a mend may give the call more parts.  Only a call of one
 * part may be relayed. */
struct fan *fan_start(struct upstream *, const struct call *, const struct ask_lend *,
    struct arena *, const struct ask_events *, void *ctx);
const char *fan_label(const struct fan *); /* of the credential that the first part tried last */
void fan_pause(struct fan *);
void fan_resume(struct fan *);
void fan_cancel(struct fan **); /* no event follows; empty is fine */

#endif
