/*
 * The listening TCP sockets: for each address as many as there are workers (SO_REUSEPORT), so
 * that the kernel spreads connections and worker i serves the i-th of each.  Owned by the master.
 */
#ifndef POLLUX_PROC_SOCKETS_H
#define POLLUX_PROC_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "config/config.h"

struct sockets;

/* addresses: HOST:PORT, [IPV6]:PORT, *:PORT; port 0 takes a free one, the same for all.  An
 * address that somebody else listens on is refused, also where SO_REUSEPORT would let us in. */
struct sockets *sockets_open(const struct config_list *addresses, size_t workers, struct err *);
void sockets_close(struct sockets **);

/* The descriptors of worker number i, one for each address; NULL while they are closed. */
const int *sockets_of(const struct sockets *, size_t number);
size_t sockets_count(const struct sockets *); /* addresses */
/* Nobody reads there: closed, so that no connection waits in a queue without a reader. */
void sockets_close_place(struct sockets *, size_t number);
bool sockets_open_place(
    struct sockets *, size_t number, struct err *);       /* nothing to do while they are open */
const char *const *sockets_names(const struct sockets *); /* "127.0.0.1:8080", NULL-terminated */
bool sockets_is_loopback(const char *name);

#endif
