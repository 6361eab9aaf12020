/*
 * The bytes of a request's body, gathered.  Knows neither requests nor libmicrohttpd.
 *
 * A large body costs its size and little more, and all of it is given back when it is freed:
 * it lies in a mapping of its own, which grows without copying.  What realloc() does with such
 * blocks depends on what was freed before (glibc moves its threshold up to 32 MiB): measured,
 * 16 MB beside a body of 100 MB, which then stayed.
 *
 * Room is taken as bytes come.  The declared length only keeps it from being too much.
 */
#ifndef POLLUX_NET_BODY_H
#define POLLUX_NET_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

#define BODY_MAP_BYTES (256u << 10) /* a larger one is mapped */

struct body {
	char *data; /* owned; NULL while there is nothing */
	size_t len, cap;
	bool is_mapped;
};

#define BODY_INIT ((struct body){ NULL, 0, 0, false })

/* declared_bytes: what the body will be in all, as far as anyone said; else 0 or less. */
void body_add(struct body *, struct span, int64_t declared_bytes);
struct span body_span(const struct body *); /* a NUL stands behind it; never p == NULL */
void body_fini(struct body *);              /* frees; leaves it empty */

#endif
