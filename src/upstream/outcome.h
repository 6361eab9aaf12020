/*
 * What an attempt's end means: for the credential, for the next try, for the caller.  One
 * table.  Pure.  (Source: Google's error documents and field reports, gathered in
 * doc/upstream.md.)
 */
#ifndef POLLUX_UPSTREAM_OUTCOME_H
#define POLLUX_UPSTREAM_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "gemini/fault.h"
#include "net/fetch.h"

/*	outcome		printable	blames	 */
#define OUTCOMES(O)                                                                                \
	O(OK, "ok")                       /* answered */                                           \
	O(DROPPED, "dropped")             /* the client left: blames no one */                     \
	O(REFUSED, "refused")             /* the request's own fault: relayed, never retried */    \
	O(MODEL_UNKNOWN, "model-unknown") /* 404 for the model: another project may have it */     \
	O(KEY_INVALID, "key-invalid")     /* disabled until the operator acts */                   \
	O(KEY_DENIED, "key-denied")       /* suspended, leaked, API not enabled, blocked */        \
	O(NO_CREDIT, "no-credit")         /* prepaid credit is gone */                             \
	O(FORBIDDEN, "forbidden")         /* another 403: this model is frozen a while */          \
	O(REGION, "region")               /* not available from where we call */                   \
	O(QUOTA_MINUTE, "minute-quota")                                                            \
	O(QUOTA_DAY, "day-quota")                                                                  \
	O(QUOTA_ZERO, "no-quota")       /* limit 0: the model is not for this credential */        \
	O(QUOTA_VAGUE, "rate-limited")  /* a 429 that does not say which */                        \
	O(OVERLOADED, "overloaded")     /* 503: the model, not the credential */                   \
	O(SERVER_ERROR, "server-error") /* 500, 502, HTML ... */                                   \
	O(TIMED_OUT, "timed-out")       /* 504, or nothing came in time */                         \
	O(OUT_OF_TIME, "out-of-time")   /* the request's own time was over: blames no one */       \
	O(UNREACHABLE, "unreachable")   /* refused, reset, DNS, TLS */                             \
	O(EMPTY, "empty")               /* 200 with nothing in it */                               \
	O(GARBLED,                                                                                 \
	    "garbled") /* 200 that cannot be understood or breaks off before it said anything */   \
	O(BROKE_OFF, "broke-off") /* after the answer had begun */

enum outcome {
#define OUTCOME_ENUM(name, text) OUTCOME_##name,
	OUTCOMES(OUTCOME_ENUM)
#undef OUTCOME_ENUM
	    OUTCOME_COUNT
};
const char *outcome_name(enum outcome);

struct verdict {
	enum outcome outcome;
	bool try_other; /* another credential may do better */
	bool try_same;  /* when there is no other, the same one may, once, after a pause */
	bool disable;   /* the credential, until the operator enables it */
	bool whole;     /* the freeze is for all its models, else for this one */
	int64_t freeze_until_wall_ms; /* 0: none */
};

/* A head with a status of 400 or more, or an error amid a stream.  chance: any random number, for
 * jitter. */
struct verdict outcome_of_fault(const struct fault *, int64_t now_wall_ms, uint64_t chance);
struct verdict outcome_of_fetch(enum fetch_result);
/* About a credential of ours, which is no business of the client's: Google's words are not passed
 * on. */
bool outcome_is_ours(enum outcome);
/* Of two tries in vain, whether the newer one is what the client should hear of: what one
 * credential has spent is no answer while another one failed for a reason of its own. */
bool outcome_outweighs(const struct verdict *newer, const struct verdict *told);
/* What to say when all was in vain, and when to try again.  fault may be NULL; gives it back where
 * the client may see it. */
const struct fault *outcome_err(enum outcome, const struct fault *, struct err *);
/* The next midnight in Pacific time, daylight saving right, in Unix ms. */
int64_t outcome_pacific_midnight(int64_t now_wall_ms);

#endif
