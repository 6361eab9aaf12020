/*
 * Media that a request names by its URL, downloaded before the call is made: guarded against
 * addresses that are not public, bounded in size and time, their type told by their first bytes.
 */
#ifndef POLLUX_UPSTREAM_DOWNLOAD_H
#define POLLUX_UPSTREAM_DOWNLOAD_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "gemini/call.h"
#include "net/fetch.h"

struct downloads;

struct downloads_limits {
	size_t at_once;
	int redirects;   /* of each */
	int64_t time_ms; /* for each, from its start to its last byte */
	int64_t all_ms;  /* for all of a request */
	size_t one_bytes;
	size_t all_bytes; /* one that is named in several places counts in each */
	/* Of all requests that share it together, until each is freed; NULL: nothing is shared.  A
	 * URL of a few bytes costs us many, so that a few clients could take all there is. */
	size_t *shared;
	size_t shared_bytes;
};
#define DOWNLOADS_LIMITS                                                                           \
	((struct downloads_limits){ .at_once = 4,                                                  \
	    .redirects = 3,                                                                        \
	    .time_ms = 10000,                                                                      \
	    .all_ms = 60000,                                                                       \
	    .one_bytes = 20u << 20,                                                                \
	    .all_bytes = 100u << 20,                                                               \
	    .shared_bytes = 512u << 20 })

/* Last event: err is NULL when all are in their places, else BAD_REQUEST with the field of the
 * first that failed, in words without secrets; UNAVAILABLE where others hold too much. */
typedef void downloads_fn(void *ctx, const struct err *);

/* The list (call->remotes) and the arena outlive it; what is downloaded lies in memory of its
 * own until downloads_free.  done comes from the loop, never from inside; in it downloads_free
 * may be called. */
struct downloads *downloads_start(const struct downloads_limits *, struct loop *, struct fetcher *,
    struct remote *, struct arena *, downloads_fn *done, void *ctx);
void downloads_free(struct downloads **); /* cancels what is under way; empty is fine */

#endif
