/*
 * One request of a client and its answer, from the first line read to the last byte sent.
 *
 * Life of a request, seen from the one who answers:
 *
 *	head   the head is read, the body is not.  Answer now to refuse early (the rest of the
 *	       body is drained within bounds, so that the client can read the refusal), or
 *	       return, and the body is gathered.
 *	ready  the body is there, whole.  Answer at once or any time later: until then the request
 *	       is parked (libmicrohttpd's connection is suspended).
 *	gone   the client left before the answer's last byte was sent.  Stop what runs for it.
 *	       Called at most once, never from inside a request_ or stream_ call.
 *	done   last call: everything was sent or is given up; request and arena are freed behind it.
 *
 * Exactly one of request_answer() and request_stream() is called for each request that was
 * announced and whose client is not gone; afterwards the other does nothing.  A watch on
 * each client socket (EPOLLRDHUP, edge) keeps a sticky gone flag, also when the FIN came with
 * the last bytes of the request: request_is_gone() is asked before every upstream start.
 *
 * Every answer is given x-request-id and, while draining, "Connection: close".  Headers that
 * frame it are the server's: see net/answer.h.  The rules for slow heads and bodies stand in
 * net/conn.h.
 *
 * A request whose framing cannot be trusted (a transfer coding other than chunked, or one
 * beside a Content-Length, or two lengths) is refused with a bare status, like a broken
 * request line.
 */
#ifndef POLLUX_NET_REQUEST_H
#define POLLUX_NET_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/head.h"
#include "net/stream.h"

struct conn;
struct request;
struct server;
struct MHD_Connection;

struct server_handler {
	void (*head)(void *ctx, struct request *);
	void (*ready)(void *ctx, struct request *);
	void (*gone)(void *ctx, struct request *);
	void (*done)(void *ctx, struct request *);
	/*
	 * The body is over max_body_bytes: answer at once in your words (kind TOO_LARGE), else a
	 * bare 413 is sent, as without this.  Comes in place of head when the length is declared,
	 * behind head when the body grew chunk by chunk.  A body that is too slow gets a bare 408,
	 * then done.
	 */
	void (*too_large)(void *ctx, struct request *);
};

const struct request_head *request_head(const struct request *);
/* First header of that name (case-insensitive), p == NULL when absent; valid until done. */
struct span request_header(struct request *, const char *name);
struct span request_body(const struct request *); /* from ready to done or request_drop_body */
void request_drop_body(struct request *);         /* frees a body that is no longer needed */
struct arena *request_arena(struct request *);     /* dies with the request */
const char *request_id(const struct request *);    /* "req_" + 24 characters; unguessable */
const char *request_peer(const struct request *);  /* address without port, "127.0.0.1" */
bool request_is_gone(const struct request *);
void request_set_user(struct request *, void *);
void *request_user(const struct request *);

/* A whole answer.  body must live until done (take it from the request's arena, or static).
 * Content-Length is set; headers are copied.  status is 200 or more. */
void request_answer(struct request *, int status, const struct header *, size_t n,
    struct span body);

/*
 * Begins an answer of unknown length.  The head goes out at once; the connection leaves
 * libmicrohttpd within this turn (net/stream.h).  drained is called when the buffer has
 * fallen under the low-water mark after stream_write said false.
 */
struct stream *request_stream(struct request *, int status, const struct header *, size_t n,
    loop_fn *drained, void *ctx);

/* ---- for net/server.c, which has the library ---- */

#define REQUEST_ID_BYTES 12
#define REQUEST_ID_STOCK 64 /* for one system call */

/* What the requests of a server share.  The server fills in the first part; it outlives them. */
struct request_house {
	struct server *server;
	struct loop *loop;
	struct server_handler handler;
	void *ctx;
	uint64_t max_body_bytes, drain_bytes;
	size_t pool_bytes; /* of the library, for the heads of a request and its answer together */
	struct stream_config stream;
	void (*wake)(struct server *);          /* the library has something to do */
	void (*place_is_free)(struct server *); /* a stream was closed */
	bool is_draining; /* each answer is the last of its connection */
	bool is_closing;  /* nobody is told any more that a client left */

	struct list streams; /* those that have left the library, or are about to */
	int64_t n_streams;
	struct stream_owner stream_owner;
	size_t ids_left;
	unsigned char ids[REQUEST_ID_STOCK][REQUEST_ID_BYTES];
};

void request_house_init(struct request_house *);
void request_house_fini(struct request_house *); /* the library has let go of all requests */

/* What the library is to do with the connection. */
enum request_turn {
	REQUEST_READ_ON,
	REQUEST_SUSPEND,
	REQUEST_SEND,  /* request_response() */
	REQUEST_LET_GO /* return MHD_NO; of one that has left by a stream, forget it first */
};

struct request *request_new(struct request_house *, struct conn *, struct MHD_Connection *,
    const char *target);
enum request_turn request_read_head(struct request *, const char *method, const char *version);
bool request_has_head(const struct request *);
/* Body bytes; none: it is whole, or the suspended connection was resumed. */
enum request_turn request_read_body(struct request *, struct span);
bool request_has_left(const struct request *); /* the socket is a stream's */
struct MHD_Response *request_response(const struct request *);
int request_status(const struct request *);
void request_client_left(struct request *);
void request_client_slow(struct request *); /* it was told 408 or 414 */
void request_release(struct request *);     /* resumes it, for the library to be stopped */
enum request_end {
	REQUEST_END_SENT,
	REQUEST_END_CLIENT, /* left, or takes nothing any more */
	REQUEST_END_LIBRARY /* the library could not go on */
};
void request_end(struct request *, enum request_end); /* the library's last word */

#endif
