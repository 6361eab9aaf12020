/*
 * One try: a lease becomes a fetch, its bytes become chunks, its end becomes a verdict.
 */
#ifndef POLLUX_UPSTREAM_ATTEMPT_H
#define POLLUX_UPSTREAM_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/mem.h"
#include "gemini/call.h"
#include "gemini/chunk.h"
#include "gemini/fault.h"
#include "upstream/outcome.h"
#include "upstream/pool.h"
#include "upstream/upstream.h"

struct attempt;

struct attempt_limits {
	int64_t connect_timeout_ms, first_byte_timeout_ms, idle_timeout_ms, total_timeout_ms;
	size_t answer_bytes; /* of a unary answer or one event */
};

struct attempt_events {
	/* A chunk, in order; false stops the reading (the attempt must then be cancelled). */
	bool (*chunk)(void *ctx, const struct chunk *);
	/* Of dialects that relay; NULL for the others.  Bytes of a stream with status 200, behind
	 * the chunks that end in them, never half a chunk ... */
	void (*raw)(void *ctx, struct span);
	/* ... and a plain answer, whole: it may be taken out of its buffer. */
	void (*plain)(void *ctx, struct buf *);
	/* Last event: the lease is settled, the attempt is freed behind it.  fault is NULL unless
	 * Google said something; it lives in the arena given at the start. */
	void (*end)(void *ctx, const struct verdict *, const struct fault *);
};

/* Takes the lease over.  part: which of the call's.  arena: for the fault; the exchange's. */
struct attempt *attempt_start(struct upstream *, struct lease *, const struct call *, size_t part,
    const struct attempt_limits *, struct arena *, const struct attempt_events *, void *ctx);
void attempt_pause(struct attempt *);
void attempt_resume(struct attempt *);
void attempt_cancel(struct attempt **); /* settles as DROPPED; no event follows; empty is fine */
struct span attempt_content_type(
    const struct attempt *); /* of the upstream's answer, once a chunk or raw came */

#endif
