/*
 * One request of a client and its answer, from the first line read to the last byte sent.
 *
 * Life of a request, seen from the one who answers:
 *
 *	head   the head is read, the body is not.  Answer now to refuse early (the rest of the
 *	       body is drained within bounds, so that the client can read the refusal), or
 *	       return, and the body is gathered; or take it, and it is handed on as it comes.
 *	ready  the body is there, whole.  Answer at once or any time later: until then the request
 *	       is parked (libmicrohttpd's connection is suspended).
 *	gone   the client left before the answer's last byte was sent.  Stop what runs for it.
 *	       Called at most once, never from inside a request_ or stream_ call.
 *	done   last call: everything was sent or is given up; request and arena are freed behind it.
 *	       Without ready and gone before it the body broke off: its chunks cannot be read, or
 *	       it was too slow and got a bare 408.
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
#include "base/mem.h"
#include "base/text.h"
#include "net/head.h"
#include "net/stream.h"

struct conn;
struct request;
struct request_house;
struct MHD_Connection;

typedef void request_body_fn(void *ctx, struct span piece); /* borrowed, never empty */

struct server_handler {
	void (*head)(void *ctx, struct request *);
	void (*ready)(void *ctx, struct request *);
	void (*gone)(void *ctx, struct request *);
	void (*done)(void *ctx, struct request *);
	/*
	 * The body is over max_body_bytes: answer at once in your words (kind TOO_LARGE), else a
	 * bare 413 is sent, as without this.  Comes behind a head that neither answered nor took
	 * the body: at once when the length is declared, else when the body has grown that far.
	 */
	void (*too_large)(void *ctx, struct request *);
};

const struct request_head *request_head(const struct request *);
/* First header of that name (case-insensitive), p == NULL when absent; valid until done. */
struct span request_header(struct request *, const char *name);
struct span request_body(const struct request *); /* from ready to done or request_drop_body */
void request_drop_body(struct request *); /* frees one that is no longer needed; from ready on */

/*
 * In the head event, unanswered: the body is not gathered but handed on piece by piece, each once,
 * however much it is; max_body_bytes is not asked.  Behind the last piece comes ready, and
 * request_body() is empty.
 */
void request_take_body(struct request *, request_body_fn *, void *ctx);
/*
 * Not a piece more, nor ready, until resumed; the client is made to wait, and the rule for slow
 * bodies with it.  From anywhere, inside a piece too; without effect once the body is whole or
 * the request is answered.  One that leaves meanwhile is gone at once, unless more of its body
 * waits than the kernel takes: then its end stands in line behind that (a reset does not).
 */
void request_pause_body(struct request *);
void request_resume_body(struct request *);

struct arena *request_arena(struct request *);     /* dies with the request */
const char *request_id(const struct request *);    /* "req_" + 24 characters; unguessable */
const char *request_peer(const struct request *);  /* address without port, "127.0.0.1" */
bool request_is_gone(const struct request *);
void request_set_user(struct request *, void *);
void *request_user(const struct request *);

/*
 * A whole answer.  body must live until done (take it from the request's arena, or static).
 * Content-Length is set; headers are copied.  status is 200 or more.
 *
 * This and request_stream() end a body that is still coming: no piece is handed on any more, what
 * was gathered is freed, and the rest is drained within drain_bytes before the answer goes out.
 * Where the rest is more, or the client sends none of it for a second, the answer goes out at
 * once and its connection is closed behind it.
 */
void request_answer(struct request *, int status, const struct header *, size_t n,
    struct span body);

/*
 * Begins an answer that is sent as it comes.  The head goes out at once; the connection leaves
 * libmicrohttpd within this turn (net/stream.h).  drained is called when the buffer has
 * fallen under the low-water mark after stream_write said false.
 *
 * A Content-Length among the headers is a promise: it is sent, and the bytes as they are instead
 * of chunks; see stream_end().  One that is not a number, or two that differ, are left out.
 */
struct stream *request_stream(struct request *, int status, const struct header *, size_t n,
    loop_fn *drained, void *ctx);

/* ---- for net/server.c, which has the library ---- */

extern const struct stream_owner request_streams; /* for the house */

/* What the library is to do with the connection. */
enum request_turn {
	REQUEST_READ_ON,
	REQUEST_SUSPEND,
	REQUEST_SEND,  /* request_response() */
	REQUEST_LET_GO /* return MHD_NO; its conn has no request any more if it left by a stream */
};

struct request *request_new(struct request_house *, struct conn *, struct MHD_Connection *,
    const char *target);
enum request_turn request_read_head(struct request *, const char *method, const char *version);
bool request_has_head(const struct request *);
/* Body bytes, of which it leaves there what is to be brought again; none: the body is whole, or
 * the suspended connection was resumed. */
enum request_turn request_read_body(struct request *, struct span *);
struct MHD_Response *request_response(const struct request *);
int request_status(const struct request *);
void request_client_left(struct request *);
void request_client_slow(struct request *); /* it was told 408 or 414 */
/* Its client does not send the rest of the body: the answer, if there is one, goes out now. */
bool request_answer_slow(struct request *);
void request_release(struct request *);     /* resumes it, for the library to be stopped */
enum request_end {
	REQUEST_END_SENT,
	REQUEST_END_CLIENT, /* left, or takes nothing any more */
	REQUEST_END_LIBRARY /* the library could not go on */
};
void request_end(struct request *, enum request_end); /* the library's last word */

#endif
