/*
 * Tries until answered: attempts with other credentials, unseen by the caller, up to the
 * first chunk that says something or until attempts or time are used up.  One ask is for one
 * part of a call; upstream/fan.h is for all of them.
 *
 * Chunks that come before an answer has begun are held (with their bytes) and given together with
 * the first that says something, so a failure until then leaves no trace.  An answer that ends
 * without having said anything is asked for once more; if nothing better comes, it is the answer.
 */
#ifndef POLLUX_UPSTREAM_ASK_H
#define POLLUX_UPSTREAM_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include "gemini/call.h"
#include "gemini/chunk.h"
#include "gemini/fault.h"
#include "upstream/upstream.h"

struct ask;

struct ask_events {
	/* True when the client is known to have left: asked before each attempt is started. */
	bool (*gone)(void *ctx);
	void (*chunk)(void *ctx, const struct chunk *);
	/* For dialects that relay, NULL for the others: a stream's own bytes, nothing before the
	 * answer has begun; and a plain answer, whole, to be taken out of its buffer. */
	void (*raw)(void *ctx, struct span bytes, struct span content_type);
	void (*plain)(void *ctx, struct buf *bytes, struct span content_type);
	/*
	 * Upstream refused the request itself.  True: the call was translated anew, without what
	 * was refused (its revision has moved), and is to be tried once more.  May be NULL.
	 */
	bool (*mend)(void *ctx, const struct fault *);
	/* One of the two is the last event; the ask is freed behind it. */
	void (*done)(void *ctx);
	void (*failed)(void *ctx, const struct err *, const struct fault *);
	/* For the log of the exchange: one attempt has ended.  May be NULL. */
	void (*tried)(void *ctx, const char *label, const struct verdict *);
};

/* The call and the arena outlive the ask; lend is copied.  Events come from the loop, never from
 * inside ask_start. */
struct ask *ask_start(struct upstream *, const struct call *, size_t part,
    const struct ask_lend *, struct arena *, const struct ask_events *, void *ctx);
const char *ask_label(const struct ask *); /* of the credential tried last; "" before the first */
void ask_pause(struct ask *);
void ask_resume(struct ask *);
void ask_cancel(
    struct ask **); /* the upstream call is stopped at once; no event follows; empty is fine */

#endif
