/*
 * Names into addresses without blocking the loop.  For net/fetch.c, which must see the addresses
 * before anything is connected to them; curl resolves all other names by itself.
 *
 * Asks the system's resolver (hosts file, DNS, whatever it is set up for) in threads, few of them
 * at a time; further questions wait for one.  An address in any spelling that the system
 * understands needs none.
 */
#ifndef POLLUX_NET_RESOLVE_H
#define POLLUX_NET_RESOLVE_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/loop.h"

#define RESOLVE_THREADS_MAX 16    /* for each resolver */
#define RESOLVE_WAITING_MAX 1024  /* beyond, a question is answered with a fault */
#define RESOLVE_MS_MAX      60000 /* no question takes longer, whatever its limit */

struct resolver;
struct resolve;

/* Borrowed during the event.  The list is never empty without a fault. */
struct resolved {
	const struct addrinfo *list; /* stream sockets of any family, port 0, best first */
	const char *fault;           /* static words; NULL: none */
	bool slow;                   /* the fault is that the time is up */
};

typedef void resolve_fn(void *ctx, const struct resolved *);

struct resolver *resolver_new(struct loop *, struct err *);
/* All questions are answered or cancelled.  A thread that still waits for the network is left
 * to itself, and cleans up behind itself. */
void resolver_free(struct resolver **);
size_t resolver_threads(const struct resolver *); /* at work, also for what was cancelled */

/* fn comes from the loop, once; the question is freed behind it.  limit_ms 0: RESOLVE_MS_MAX. */
struct resolve *resolve_start(
    struct resolver *, const char *host, int64_t limit_ms, resolve_fn *, void *ctx);
void resolve_cancel(struct resolve **); /* fn does not come any more; NULL or empty is fine */

#endif
