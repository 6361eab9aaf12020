/*
 * What net/fetch.h speaks of: orders, heads, results, configuration.  In a header of its own
 * for the rooms behind fetch; all others include net/fetch.h.
 */
#ifndef POLLUX_NET_FETCH_TYPES_H
#define POLLUX_NET_FETCH_TYPES_H

#include <stdint.h>
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
	R(REFUSED, "refused")   /* not even tried: bad URL, a line break in a header, ... */

enum fetch_result {
#define FETCH_ENUM(result, name) FETCH_##result,
	FETCH_RESULTS(FETCH_ENUM)
#undef FETCH_ENUM
};

/* Spans are borrowed during the event. */
struct fetch_head {
	int status;
	struct span content_type; /* may be empty */
	struct span retry_after;  /* may be empty */
	int64_t content_length;   /* -1: unknown */
};

struct fetch_order {
	const char *method; /* "POST", "GET" */
	const char *url;    /* copied */
	/* "name: value", NULL-terminated; copied, wiped afterwards.  Secrets go here, not into url.
	 */
	const char *const *headers;
	struct span body; /* borrowed until end or cancel; p == NULL: none */
	/* 0: none.  first byte: from the start of sending to the status line (not an interim one);
	 * idle: from then on, standing still while paused; total: from fetch_start, always. */
	int64_t connect_timeout_ms, first_byte_timeout_ms, idle_timeout_ms, total_timeout_ms;
};

struct fetcher_config {
	/* "", or http://, socks5://, socks5h://[USER:PASSWORD@]HOST[:PORT]; all calls go through
	 * it, http: ones through a tunnel too.  The environment is not asked.  Credentials stay out
	 * of words. */
	const char *proxy;
	const char *ca_file; /* "", or a PEM bundle; "" finds the system's */
	const char *user_agent;
	int64_t max_idle_connections; /* kept open without a call, over all shards */
};

#endif
