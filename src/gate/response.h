/*
 * The client's side of an exchange: what becomes of the bytes that a dialect writes.
 *
 * An answer is open (nothing sent, any status possible), kept alive (the head and comments
 * went out: a failure is now an event of the stream) or begun (a chunk is out: nothing is
 * tried again).  A plain answer is open until it is whole.
 */
#ifndef POLLUX_GATE_RESPONSE_H
#define POLLUX_GATE_RESPONSE_H

#include <stdbool.h>
#include "dialect/dialect.h"
#include "gate/gate.h"
#include "net/request.h"
#include "net/stream.h"

struct response {
	const struct gate *gate; /* borrowed */
	struct request *request; /* borrowed: it owns the arena */
	struct arena *arena;     /* borrowed from the request */
	const struct dialect *dialect;
	const struct call *call; /* borrowed from the exchange */
	struct dialect_out out;  /* what the dialect writes to */
	struct buf bytes;        /* owned: of the answer, not yet handed to the client's side */
	struct stream *stream;   /* borrowed from the request; NULL while the answer is open */
	struct timer silence;
	const char *allow;       /* of a METHOD error: for the Allow header; or NULL */
	const char *credential;  /* to be shown; or NULL */
	int attempts;            /* of upstream calls, for what an error says about trying again */
	int status;              /* of the answer; 0 while it is open */
	bool over;               /* answered or given up: nothing more is written */
	loop_fn *full, *drained; /* the client takes no more for now; it does again */
	void *ctx;
};

void response_init(struct response *, const struct gate *, struct request *, const struct dialect *,
    const struct call *);
void response_fini(struct response *);

/* The one place where an error becomes a status. */
void response_fail(struct response *, const struct err *, const struct fault *);
/* From now on comments go out when a stream is silent for long. */
void response_await(struct response *);
/* Hands over what the dialect wrote: of a stream; a plain answer only gathers. */
void response_flush(struct response *);
/* Relayed bytes of a stream.  type: its Content-Type; empty: the dialect's. */
void response_relay(struct response *, struct span bytes, struct span type);
/* The last bytes of a good answer were written: a stream ends, a plain answer goes out.  type: of
 * a plain one; empty: JSON. */
void response_end(struct response *, int status, struct span type);
void response_leave(struct response *); /* the client is gone */

/* Of what is handed on as it is, with headers of its own.  Whole: what stands in bytes ... */
void response_pass_whole(struct response *, int status, const struct header *, size_t n);
/* ... or as it comes, by response_relay, until response_pass_end.  Not whole: it broke off, and
 * the client must see that. */
void response_pass(struct response *, int status, const struct header *, size_t n);
void response_pass_end(struct response *, bool whole);

#endif
