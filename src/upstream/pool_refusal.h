/*
 * Why no credential is lent, in words for the client and with the time when it is worth asking
 * again.  Pure.
 */
#ifndef POLLUX_UPSTREAM_POOL_REFUSAL_H
#define POLLUX_UPSTREAM_POOL_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/moment.h"
#include "base/span.h"
#include "upstream/fitness.h"

struct pool_refusal {
	struct moment now;
	size_t credentials, enabled;
	struct span model;
	struct fitness_pass model_pass; /* of the model as a whole; PASS_NONE: it may be asked for */
	bool model_unknown;             /* no credential knows it */
	struct fitness_pass next;       /* of the credential that is free first */
	bool tried_free;                /* one that was tried already would be */
	bool only;                      /* one credential alone was asked for */
};

/* False, always.  *free_in_ms: -1 when waiting is of no use. */
bool pool_refuse(const struct pool_refusal *, int64_t *free_in_ms, struct err *);

#endif
