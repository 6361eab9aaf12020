/*
 * What net/fetch.h speaks of: orders, heads, events, results, configuration.  In a header of its
 * own for the rooms behind fetch; all others include net/fetch.h.
 */
#ifndef POLLUX_NET_FETCH_TYPES_H
#define POLLUX_NET_FETCH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/rope.h"
#include "base/text.h"

/*	result		name */
#define FETCH_RESULTS(R)                                                                           \
	R(OK, "ok")                                                                                \
	R(DNS, "dns")                      /* name not resolved */                                 \
	R(CONNECT, "connect")              /* refused, unreachable, proxy refused */               \
	R(CONNECT_SLOW, "connect-timeout") /* connect_timeout_ms passed, with name, proxy, TLS */  \
	R(TLS, "tls")                                                                              \
	R(RESET, "reset") /* broke off before a status line */                                     \
	R(CUT, "cut")     /* broke off in the middle of the answer */                              \
	R(FIRST_BYTE_SLOW, "first-byte-timeout")                                                   \
	R(IDLE, "idle-timeout") /* idle_timeout_ms without a byte */                               \
	R(TOTAL_SLOW, "total-timeout")                                                             \
	R(PROTOCOL, "protocol") /* not HTTP, head too large, ... */                                \
	R(REFUSED, "refused")   /* not even tried: bad URL, a line break in a header, ... */       \
	R(FORBIDDEN, "forbidden-address") /* public_only, and the host has one that is not */

enum fetch_result {
#define FETCH_ENUM(result, name) FETCH_##result,
	FETCH_RESULTS(FETCH_ENUM)
#undef FETCH_ENUM
};

struct fetch_header {
	struct span name, value; /* value without white space around it, folded lines joined */
};

/* All is borrowed during the event. */
struct fetch_head {
	int status;
	struct span content_type;           /* may be empty */
	struct span retry_after;            /* may be empty */
	int64_t content_length;             /* -1: unknown */
	const struct fetch_header *headers; /* every line, in order, repeated names too */
	size_t header_count;
};

struct fetch_events {
	void (*head)(void *ctx, const struct fetch_head *);
	void (*data)(void *ctx, struct span);
	/* words: for the log, no secrets; "" for FETCH_OK */
	void (*end)(void *ctx, enum fetch_result, const char *words);
	void (*sent)(void *ctx); /* of no use without streams_body, and may be NULL then */
	/* The last byte of the request, head and body, was written; again when it is sent anew, a
	 * kept connection having been dead.  May be NULL. */
	void (*written)(void *ctx);
	/* A kept connection was dead, or broke before any answer: the request may have been read,
	 * and is to be sent once more.  False: it is not, and ends as FETCH_RESET.  May be NULL. */
	bool (*again)(void *ctx);
};

struct fetch_order {
	const char *method; /* "POST", "GET" */
	const char *url;    /* copied */
	/* "name: value", NULL-terminated; copied, wiped afterwards.  Secrets go here, not into url.
	 */
	const char *const *headers;
	struct body body; /* borrowed until end or cancel, the pieces too; pieces NULL: none */
	/* The body comes by fetch_send() instead, body_bytes in all; -1: unknown, in chunks. */
	bool streams_body;
	int64_t body_bytes;
	/* The host comes from a client: refused unless all its addresses are public, and bound to
	 * these (net/guard.h).  A redirect is a new order. */
	bool public_only;
	/* 0: none.  connect: with looking up the name, proxy and TLS; first byte: from when the
	 * request began, or the last of a large body was handed over, to the status line (not an
	 * interim one), standing still while fetch_send() is waited for; idle: from then on,
	 * standing still while paused; total: from fetch_start, always. */
	int64_t connect_timeout_ms, first_byte_timeout_ms, idle_timeout_ms, total_timeout_ms;
};

struct fetcher_config {
	/* "", or http://, socks5://, socks5h://[USER:PASSWORD@]HOST[:PORT]; all calls go through
	 * it, http: ones through a tunnel too.  The environment is not asked.  Credentials stay out
	 * of words. */
	const char *proxy;
	const char *ca_file; /* "", or a PEM bundle; "" finds the system's */
	const char *user_agent;
	int64_t max_idle_connections;               /* kept open without a call, over all shards */
	bool (*is_public)(const struct sockaddr *); /* NULL: guard_is_public */
};

#endif
