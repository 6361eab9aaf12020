/*
 * Calls to an upstream over HTTP.  A small interface; libcurl multi (socket action) is behind
 * it, sharded into multis of at most 128 active transfers (curl's connection pool is a linear
 * list), HTTP/1.1, easy handles reused, CAPATH off and CAINFO given (else each connection
 * parses the CA bundle).
 *
 * Events come from the loop, never from inside fetch_start:
 *	head  the status and headers of the final response (no 1xx, no proxy's CONNECT reply)
 *	data  body bytes, decoded from transfer coding, borrowed during the call
 *	end   last event: result FETCH_OK, or why it failed.  The fetch is freed behind it.
 *	sent  room again for fetch_send(), after it said no
 *	written  all of the request is on its way: written to the socket, or into TLS.  Comes before
 *	      the head; where the answer is early, once all is out, before the end at the latest
 *	      (a refusal stops the sending).  Never where a call fails before it was all out.
 * An answer of any status is FETCH_OK; redirects are not followed.
 *
 * In any event any fetch may be started, paused, resumed or cancelled, its own or another.  After
 * fetch_cancel() no event follows and the connection is closed within the turn, at once
 * when no event is under way.  Only fetcher_free() may not be called in an event.
 */
#ifndef POLLUX_NET_FETCH_H
#define POLLUX_NET_FETCH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/loop.h"
#include "base/text.h"
#include "net/fetch_types.h"

const char *fetch_result_name(enum fetch_result);

/* The value of the last header of that name; p NULL: there is none. */
struct span fetch_head_get(const struct fetch_head *, const char *name);

struct fetcher;
struct fetch;

struct fetcher *fetcher_new(struct loop *, const struct fetcher_config *, struct err *);
void fetcher_free(struct fetcher **); /* cancels all, without events */
int64_t fetcher_active(const struct fetcher *);

struct fetch *fetch_start(
    struct fetcher *, const struct fetch_order *, const struct fetch_events *, void *ctx);
/* No more data events once it returns; at most 4 KiB more are read from the socket. */
void fetch_pause(struct fetch *);
/* Data may come from the loop, not from inside this call. */
void fetch_resume(struct fetch *);
void fetch_cancel(struct fetch **); /* NULL or empty is fine */

/*
 * Of an order that streams its body: more of it, copied.  False: over 64 KiB wait, stop until
 * sent says go on.  Fewer or more bytes than announced end the call as FETCH_REFUSED.
 *
 * An answer of 300 and above ends the sending, one below goes beside it.  The call ends when the
 * answer is whole, though not all may be sent; one below 300 that does not tell its length only
 * when all is sent, too.  Such a call is never sent twice.
 */
bool fetch_send(struct fetch *, struct span);
void fetch_send_end(struct fetch *); /* that was all */

#endif
