/*
 * The pool of a process: all credentials, who gets one next, and what is learned of each lease.
 *
 *	pool_lend       choice (upstream/choice.h), then the booking of what is limited
 *	                (upstream/allowance.h), then a line in the journal (upstream/lease.h)
 *	lease_written   the last byte of the request was written: its minute begins
 *	lease_again     it may have been read, and is to be sent on another connection
 *	lease_answered  the head of the answer is there: nobody need wait for what it probed
 *	lease_settle    what its end means for the credential (upstream/settle.h)
 */
#ifndef POLLUX_UPSTREAM_POOL_H
#define POLLUX_UPSTREAM_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/moment.h"
#include "config/config.h"
#include "upstream/credential.h"
#include "upstream/pool_house.h"
#include "upstream/settle.h"
#include "upstream/trace.h"

struct pool;

/* What a request wishes for. */
struct wish {
	struct span model; /* may be empty: any credential that is not frozen as a whole */
	bool metered;      /* counts against the model's limits; not so countTokens, lists */
	uint64_t tokens;   /* of the prompt, estimated; 0: not known */
	uint64_t affinity; /* hash of how the prompt begins; 0: none */
	const char (*tried)[CREDENTIAL_ID_LEN + 1]; /* not these again */
	size_t tried_count;
	struct span only;    /* this one alone, by its id; empty: any */
	bool probe;          /* the janitor's, of `only`: frozen, disabled or not */
	struct trace *trace; /* may be NULL */
};

/* A credential lent for one attempt.  Settle it exactly once: that is how the pool learns. */
struct lease {
	char id[CREDENTIAL_ID_LEN + 1]; /* "" when settled */
	const char *label;              /* borrowed: valid until settled */
	const char *secret;             /* borrowed: valid until settled */
	struct span model;              /* borrowed from the wish */
	struct trace_try *try_;         /* borrowed from the trace; or NULL */
	int64_t since_ms;
	struct pool_snapshot *snapshot; /* private, as is the rest */
	uint32_t index, place;
};

struct pool *pool_new(const struct pool_house *);
void pool_free(struct pool **); /* its leases are settled */
/*
 * False fills err: UNAVAILABLE (none at all, or all disabled, or all rest after failures),
 * MODEL_NOT_FOUND (no credential knows it), BUSY or QUOTA (all are spent; retry_ms says until the
 * first is free), and *free_in_ms: when it is worth asking again, tried ones or not (-1: it is
 * not).
 */
bool pool_lend(struct pool *, const struct wish *, struct moment, struct lease *,
    int64_t *free_in_ms, struct err *);
/* Now is asked of the clock itself, not of the loop's turn: a minute must not begin too early. */
void lease_written(struct pool *, struct lease *, struct moment);
/* It may have been read by now, and counts from here; it is to be sent once more, and that counts,
 * too.  False: there is no room for it. */
bool lease_again(struct pool *, struct lease *, struct moment);
void lease_answered(struct pool *, struct lease *, int http_status, struct moment);
void lease_settle(struct pool *, struct lease *, const struct settlement *, struct moment);
/* Every ten seconds or so: what is booked and not yet written stays booked. */
void pool_renew(struct pool *, struct moment);
#define POOL_RENEW_MS 10000

/* Whether any credential has a limit of prompt tokens for the model: only then need they be
 * estimated. */
bool pool_counts_tokens(struct pool *, struct span model, struct moment);
/* A credential that is enabled and not frozen as a whole is there (readyz). */
bool pool_in_sight(struct pool *, struct moment);
size_t pool_size(struct pool *, struct moment); /* enabled ones */
/* Moves when somebody may be lent before his time: an operator thawed, added or enabled one. */
uint64_t pool_changes(const struct pool *);
/* The operator's limits of a model by upstream's name: of its own block, or of the alias's. */
struct fitness_limits pool_limits(const struct config *, struct span model);

#endif
