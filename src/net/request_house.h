/*
 * What the requests of a server share: its limits and callbacks, the streams that have left
 * libmicrohttpd, and a stock of ids.  The server fills in the first part; it outlives them.
 */
#ifndef POLLUX_NET_REQUEST_HOUSE_H
#define POLLUX_NET_REQUEST_HOUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/loop.h"
#include "base/map.h"
#include "net/answer.h"
#include "net/stream.h"

#define REQUEST_ID_BYTES 12
#define REQUEST_ID_SIZE  (4 + 2 * REQUEST_ID_BYTES + 1) /* "req_", hex, NUL */
#define REQUEST_ID_STOCK 64                             /* for one system call */

struct server;
struct server_handler;

struct request_house {
	struct server *server;
	struct loop *loop;
	const struct server_handler *handler; /* borrowed from the server */
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

/* What streams tell requests is given; what they tell the house is added. */
void request_house_init(struct request_house *, const struct stream_owner *requests);
void request_house_fini(struct request_house *); /* the library has let go of all requests */
void request_house_make_id(struct request_house *, char out[REQUEST_ID_SIZE]);
/* The answer's head is in it; what is written follows.  ctx is for the requests' callbacks. */
struct stream *request_house_stream(struct request_house *, const struct answer *,
    enum answer_length, bool answers_head, const char *request_id, void *ctx);

#endif
