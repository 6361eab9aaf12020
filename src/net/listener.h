/*
 * Accepting connections: some listening sockets, as many connections as their owner has room
 * for.  The others wait in the kernel's queue.
 */
#ifndef POLLUX_NET_LISTENER_H
#define POLLUX_NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "base/err.h"
#include "base/loop.h"

struct listener;

struct listener_owner {
	bool (*has_room)(void *ctx);
	/* fd is non-blocking, close-on-exec, without Nagle's delay, and the owner's from now on. */
	void (*accepted)(void *ctx, int fd, const struct sockaddr *, socklen_t);
};

/* The descriptors are borrowed for the listener's life; the array is copied, owner is borrowed. */
struct listener *listener_new(struct loop *, const int *fds, size_t n,
    const struct listener_owner *, void *ctx, struct err *);
void listener_wake(struct listener *); /* there may be room again; cheap when it was not waiting */
void listener_stop(struct listener *); /* for good */
void listener_free(struct listener **);

#endif
