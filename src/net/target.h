/*
 * Whom a URL names, and the checked addresses that a call to it is bound to.  For net/fetch.c,
 * for calls that may only go to public addresses.
 */
#ifndef POLLUX_NET_TARGET_H
#define POLLUX_NET_TARGET_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <curl/curl.h>
#include "net/guard.h"

/* More of what a name stands for are checked, but not tried. */
#define TARGET_ADDRESSES_MAX 8

struct target {
	char *host;   /* owned; as curl will look it up, an IPv6 address without its brackets */
	char *port;   /* owned; in digits */
	bool literal; /* host is an address */
	struct curl_slist *pins; /* owned */
	bool by_proxy;
};

/* NULL: read.  Otherwise why not, in static words; nothing is kept. */
const char *target_read(struct target *, const char *url);
void target_fini(struct target *); /* its handle was given back, or has forgotten the pins */
/* True when every address passes; then these are what target_pin binds to. */
bool target_bind(struct target *, const struct addrinfo *, guard_fn *, bool by_proxy);
/* Before each time that the handle, a guarded one, is given to a multi.  connect_ms: what is left
 * of the time to connect. */
bool target_pin(const struct target *, CURL *easy, int64_t connect_ms);

#endif
