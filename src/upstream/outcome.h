/*
 * What an attempt's end means: for the credential, for the next try, for the caller.  Pure.
 * (Source: Google's error documents and field reports, gathered in doc/upstream.md.)
 */
#ifndef POLLUX_UPSTREAM_OUTCOME_H
#define POLLUX_UPSTREAM_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "gemini/fault.h"
#include "net/fetch.h"

/*
 * One table.  printable: in logs, `keys show`, metrics.  blame: whether the posterior hears of it.
 * breaker: the row whose breaker counts it (NONE, OWN: credential and model, WHOLE: the
 * credential, MODEL: the model for all).  spread: how many other credentials are asked at most
 * for its sake (0: as upstream.max_attempts allows).  pause: before the same credential is
 * asked again, where none other is eligible and the verdict says try_same.
 *
 *	O(outcome, printable, blame, breaker, spread, pause least ms, most ms)
 */
#define OUTCOMES(O)                                                                                \
	O(OK, "ok", NONE, NONE, 0, 0, 0)                                                           \
	O(DROPPED, "dropped", NONE, NONE, 0, 0, 0) /* the client left */                           \
	O(REFUSED, "refused", NONE, NONE, 0, 0, 0) /* the request's own fault: relayed */          \
	O(MODEL_UNKNOWN, "model-unknown", NONE, NONE, 1, 0, 0) /* 404 for the model */             \
	O(KEY_INVALID, "key-invalid", NONE, NONE, 0, 0, 0) /* disabled until the operator acts */  \
	O(KEY_DENIED, "key-denied", NONE, NONE, 0, 0, 0)   /* API not enabled, blocked */          \
	O(SUSPENDED, "suspended", NONE, NONE, 0, 0, 0) /* suspended, leaked: its project too */    \
	O(NO_CREDIT, "no-credit", NONE, NONE, 0, 0, 0) /* prepaid credit is gone */                \
	O(NEEDS_VALIDATION, "needs-validation", NONE, NONE, 0, 0, 0) /* its owner must confirm */  \
	O(FORBIDDEN, "forbidden", NONE, NONE, 1, 0, 0)               /* another 403 */             \
	O(REGION, "region", NONE, NONE, 0, 0, 0) /* not available from where we call */            \
	O(QUOTA_MINUTE, "minute-quota", NONE, NONE, 0, 0, 0)                                       \
	O(QUOTA_DAY, "day-quota", NONE, NONE, 0, 0, 0)                                             \
	O(QUOTA_ZERO, "no-quota", NONE, NONE, 0, 0, 0)      /* limit 0: not for this credential */ \
	O(QUOTA_VAGUE, "rate-limited", NONE, NONE, 0, 0, 0) /* a 429 that does not say which */    \
	O(TOO_MANY_TOKENS, "too-many-tokens", NONE, NONE, 0, 0, 0) /* for a minute, by itself */   \
	O(NO_CAPACITY, "no-capacity", NONE, MODEL, 2, 1000, 1000)  /* 429 of the surface */        \
	O(OVERLOADED, "overloaded", NONE, MODEL, 2, 500, 1500)     /* 503: the model */            \
	O(CANCELLED, "cancelled", NONE, NONE, 0, 0, 500)           /* 499, and not by us */        \
	O(SERVER_ERROR, "server-error", FAILURE, OWN, 2, 250, 750) /* 500, 502, HTML ... */        \
	O(TIMED_OUT, "timed-out", NONE, NONE, 1, 0, 0)     /* 504: it took upstream too long */    \
	O(SILENT, "silent", FAILURE, WHOLE, 1, 0, 0)       /* nothing came in time */              \
	O(OUT_OF_TIME, "out-of-time", NONE, NONE, 0, 0, 0) /* the request's own time was over */   \
	O(UNREACHABLE, "unreachable", FAILURE, WHOLE, 0, 0, 500) /* refused, reset, DNS, TLS */    \
	O(EMPTY, "empty", NONE, NONE, 1, 0, 0)                   /* 200 with nothing in it */      \
	O(GARBLED, "garbled", FAILURE, OWN, 0, 250, 750) /* 200 that cannot be understood */       \
	O(BROKE_OFF, "broke-off", FAILURE, OWN, 0, 0, 0) /* after the answer had begun */

enum outcome {
#define OUTCOME_ENUM(name, ...) OUTCOME_##name,
	OUTCOMES(OUTCOME_ENUM)
#undef OUTCOME_ENUM
	    OUTCOME_COUNT
};
const char *outcome_name(enum outcome);

enum outcome_blame { OUTCOME_BLAMES_NONE, OUTCOME_BLAMES_FAILURE };
enum outcome_breaker {
	OUTCOME_BREAKS_NONE,
	OUTCOME_BREAKS_OWN,
	OUTCOME_BREAKS_WHOLE,
	OUTCOME_BREAKS_MODEL
};
struct outcome_facts {
	enum outcome_blame blame;
	enum outcome_breaker breaker;
	int spread;
	int64_t pause_least_ms, pause_most_ms;
};
const struct outcome_facts *outcome_facts(enum outcome);

enum freeze_scope {
	FREEZE_NONE,
	FREEZE_OWN,   /* this credential and model */
	FREEZE_QUOTA, /* the same, for all credentials of the project */
	FREEZE_WHOLE  /* the credential with all its models */
};

struct verdict {
	enum outcome outcome;
	bool unsent;    /* nothing was sent, not even in part: no limit counts it */
	bool try_other; /* another credential may do better */
	bool try_same;  /* when there is no other, the same one may, once, after a pause */
	bool disable;   /* the credential, until the operator enables it ... */
	bool siblings;  /* ... and all of its project */
	enum freeze_scope freeze;
	/* One of the two; both 0: a 429 that says nothing, for outcome_vague_ms of the streak. */
	int64_t freeze_for_ms;        /* from now on */
	int64_t freeze_until_wall_ms; /* bound to the calendar */
	bool bounded; /* by pool.freeze_min and freeze_max: a hint or a guess, no fact */
	/* Limits that upstream stated in refusing; 0: it did not. */
	int64_t limit_rpm, limit_tpm, limit_rpd;
};

/* A head with a status of 300 or more, or an error amid a stream (whose freezes hold as well).
 * chance: any random number, for jitter. */
struct verdict outcome_of_fault(const struct fault *, int64_t now_wall_ms, uint64_t chance);
/* For whoever knows how many tokens the prompt has (0: nobody does): a token limit that this
 * request breaks by itself makes TOO_MANY_TOKENS of a minute's quota, and nobody rests for it. */
void outcome_with_tokens(struct verdict *, const struct fault *, uint64_t tokens);
/* The wait of a 429 that says nothing, the in_a_row-th: 30 s, doubling to 300 s. */
int64_t outcome_vague_ms(unsigned in_a_row);
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
