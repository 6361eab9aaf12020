/*
 * The head of a request, copied out of libmicrohttpd: request line, headers, and what they
 * say of the body to come.
 */
#ifndef POLLUX_NET_HEAD_H
#define POLLUX_NET_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/text.h"

struct MHD_Connection;

struct header {
	const char *name;
	const char *value;
};

struct request_head {
	struct span method; /* "POST" */
	struct span path;   /* raw, as it came, without the query; begins with '/' */
	struct span query;  /* raw, without '?'; empty when there is none */
	int64_t body_bytes; /* Content-Length; 0 when there is no body, -1 when chunked */
	bool http_1_0;
	bool expects_continue;        /* the client waits before it sends its body */
	const struct header *headers; /* in the order they came */
	size_t n_headers;
};

/* The target as it stands in the request line, before the library takes it apart.  Leaves
 * path empty when there is none in it. */
void head_read_target(struct request_head *, struct arena *, const char *target);
/* The rest, copied into the arena.  0, or the status with which a head is refused that
 * cannot be trusted to say where its body ends. */
int head_read(struct request_head *, struct arena *, struct MHD_Connection *, const char *method,
    const char *version);
/* Has the query more arguments than a pool of that size has room for?  Asked behind
 * head_read_target: there the library goes silent, answers nothing and reads no further. */
bool head_is_crowded(const struct request_head *, size_t pool_bytes);
/* The first of that name; p == NULL: absent. */
struct span head_find(const struct request_head *, const char *name);

#endif
