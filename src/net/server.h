/*
 * The client's side of HTTP: libmicrohttpd (external epoll mode) inside our loop.  Knows
 * nothing of Gemini; takes its limits as plain values.
 *
 * What a request is and how it is answered stands in net/request.h.
 */
#ifndef POLLUX_NET_SERVER_H
#define POLLUX_NET_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/loop.h"
#include "net/request.h"
#include "net/stream.h"

struct server;

struct server_config {
	/* The array is borrowed during server_new, the sockets until server_free. */
	const int *listen_fds;
	size_t listen_count;
	uint64_t max_body_bytes; /* of one that is gathered */
	int64_t max_connections;    /* more wait in the kernel's queue */
	const char *limited_by;     /* static: what that number comes from, for the log */
	int64_t header_timeout_ms;  /* from accept, or from the last answer plus idle_timeout */
	int64_t idle_timeout_ms;    /* between requests; then closed without a word */
	int64_t drain_bytes;        /* of a refused body that are read and dropped before closing */
	struct stream_config stream;
};

struct server *server_new(struct loop *, const struct server_config *,
    const struct server_handler *, void *ctx, struct err *);
void server_free(struct server **); /* closes what is still open; done is called for each request */
/* No new connections; idle ones are closed (a second after their last answer, since the next
 * request may be on its way), busy ones after their answer; idle(ctx) when none is left. */
void server_drain(struct server *, loop_fn *idle, void *ctx);
int64_t server_connections(const struct server *); /* streams included */
int64_t server_streams(const struct server *);

#endif
