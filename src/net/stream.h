/*
 * An answer being sent on a descriptor taken over from libmicrohttpd.
 *
 * How it is taken over: the handler duplicates the descriptor (F_DUPFD_CLOEXEC) and returns
 * MHD_NO; under MHD_USE_TURBO libmicrohttpd then closes its own descriptor without
 * shutdown(), and the socket is ours.  tests/unit/net/test_stream.c proves that against the
 * installed library, so one that behaves otherwise fails loudly.
 *
 * Chunked transfer coding for HTTP/1.1, closed at the end for 1.0; with a promised length its
 * bytes as they are.  Always "Connection: close".
 * What one loop turn brought goes in one send.  The end is a lingering close:
 * shutdown(SHUT_WR), then receive and drop until EOF, with a deadline and a byte limit, since
 * unread bytes would turn close() into a reset that costs the client the tail of the answer.
 */
#ifndef POLLUX_NET_STREAM_H
#define POLLUX_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/loop.h"
#include "base/map.h"
#include "base/text.h"

struct stream;

struct stream_config {
	size_t high_water_bytes;  /* 64 KiB: stream_write says false above it */
	size_t low_water_bytes;   /* 16 KiB: drained is called below it */
	int64_t stall_timeout_ms; /* a reader that takes nothing for that long is gone */
	int64_t linger_ms;        /* lingering close: deadline and byte limit */
	size_t linger_bytes;
};

/* Copies.  False when the buffer is now over the high-water mark: pause the source until
 * drained.  After the client is gone it drops what it is given and says true. */
bool stream_write(struct stream *, struct span);
/* Orderly: the last chunk, then a lingering close.  With less than the promised length it
 * breaks; what is written beyond that is cut off. */
void stream_end(struct stream *);
void stream_break(struct stream *); /* the client must see the cut: no last chunk, reset */
size_t stream_waiting(const struct stream *); /* bytes not yet taken by the kernel */
bool stream_is_over_high(const struct stream *);

/* ---- for net/server.c, which makes them ---- */

enum stream_framing {
	STREAM_CHUNKED,
	STREAM_RAW,     /* the head gave a length, or the end is the end of the connection */
	STREAM_BODILESS /* answers HEAD: what is written is dropped */
};

struct stream_owner {
	void (*gone)(void *ctx);     /* the client left, or takes nothing any more */
	void (*over)(void *ctx);     /* last call, also behind gone: all is sent or given up */
	void (*closed)(void *house); /* the descriptor is closed and the stream no more */
	void *house;
};

/*
 * Waits for its descriptor; what is written meanwhile is kept behind the head (a copy).  It
 * lies in home until it is closed.  config and owner are borrowed for as long as that.
 */
struct stream *stream_new(struct loop *, const struct stream_config *, enum stream_framing,
    struct span head, const struct stream_owner *, void *ctx, struct list *home);
void stream_promise(struct stream *, int64_t bytes); /* what the head said, before any is written */
void stream_on_drained(struct stream *, loop_fn *, void *ctx);
/* How much a client that was refused may still send before it is cut off. */
void stream_set_linger_bytes(struct stream *, size_t);
/* Takes the socket over from the watch, which is ended.  False: no descriptor was free, and
 * gone was called. */
bool stream_take_over(struct stream *, struct watch *client);
void stream_lose(struct stream *); /* the socket was lost before it could be taken over */
void stream_free_all(struct list *home); /* at once; calls over, but neither gone nor closed */

#endif
