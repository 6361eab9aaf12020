/*
 * Which addresses belong to the public Internet.  What clients name (media, pages) is fetched
 * only from there, so that nobody reads through us what stands in our own network.  Pure.
 */
#ifndef POLLUX_NET_GUARD_H
#define POLLUX_NET_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

typedef bool guard_fn(const struct sockaddr *);

/* IPv4 and IPv6 only; an IPv4 address inside an IPv6 one is judged as what it is. */
bool guard_is_public(const struct sockaddr *);

#endif
