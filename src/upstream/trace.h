/*
 * Why a request was answered as it was: which credentials were passed over and why, each try with
 * its outcome and times.  Filled while a request runs (it lies in the exchange's arena), put on the
 * board at its end, where `polluxctl explain` finds the latest ones.  Numbers and keys only:
 * labels are looked up when it is shown.
 */
#ifndef POLLUX_UPSTREAM_TRACE_H
#define POLLUX_UPSTREAM_TRACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/moment.h"
#include "ipc/board.h"
#include "upstream/fitness.h"

#define TRACE_TRIES  8
#define TRACE_PASSES 14

/* How a credential came to be chosen. */
#define CHOSEN_BYS(B)                                                                              \
	B(NONE, "")                                                                                \
	B(DRAW, "best draw")                                                                       \
	B(AFFINITY, "same beginning")  /* of the prompt, as earlier ones */                        \
	B(OWNER, "owns what is named") /* a file, a cache, an upload */                            \
	B(USE, "least used")                                                                       \
	B(TURN, "next in turn")                                                                    \
	B(ORDER, "first in order")                                                                 \
	B(PROBE, "probe")              /* of a half-open breaker, or the janitor's */              \
	B(LAST_RESORT, "last resort")  /* all rest after failures: one a second is tried */

enum chosen_by {
#define CHOSEN_ENUM(name, text) CHOSEN_##name,
	CHOSEN_BYS(CHOSEN_ENUM)
#undef CHOSEN_ENUM
	    CHOSEN_COUNT
};
const char *chosen_name(enum chosen_by);

struct trace_try {
	uint64_t credential;              /* its board key; 0: none was lent */
	uint32_t lent_ms;                 /* since the request began */
	uint32_t first_byte_ms, total_ms; /* since it was lent; UINT32_MAX: not reached */
	float mean, draw;                 /* of the posterior; draw only of DRAW */
	uint16_t http_status;
	uint16_t looked_at;          /* credentials, for this choice; those asleep are not */
	uint8_t chosen;              /* enum chosen_by */
	uint8_t outcome;             /* enum outcome; OUTCOME_COUNT: not ended */
	uint16_t passed[PASS_COUNT]; /* how many were passed over for each reason, also asleep */
};

struct trace_pass {
	uint64_t credential;
	uint32_t free_in_s; /* UINT32_MAX: not by itself */
	uint8_t pass, cause;
	uint8_t try_;       /* which of the tries it was passed over for, from 0 */
};

struct trace {
	char request[48];   /* its id; what is longer is cut */
	char model[64];     /* the same */
	char client[24];    /* its id, or "" */
	int64_t began_wall_ms, began_ms;
	uint32_t took_ms;   /* at its end */
	uint16_t status;    /* that the client got */
	uint16_t tries_made; /* also of those that did not fit */
	uint16_t mends;     /* translated anew and tried again, not counted as attempts */
	uint16_t waits;     /* for something to thaw */
	uint8_t try_count, pass_count;
	struct trace_try tries[TRACE_TRIES];
	struct trace_pass passes[TRACE_PASSES]; /* the first that were passed over */
};
_Static_assert(sizeof(struct trace) <= BOARD_TRACE_BYTES, "a trace fits its place");

/* All that fill take NULL for a request that is not traced, and do nothing. */
void trace_begin(struct trace *, struct span request_id, struct span client, struct moment);
void trace_model(struct trace *, struct span model);
/* The next try: zeroed, but not ended and its times not reached.  When all are used, a spare one
 * that is not kept; NULL where there is no trace. */
struct trace_try *trace_try_begin(struct trace *);
/* Of the latest try. */
void trace_pass_add(
    struct trace *, uint64_t credential, const struct fitness_pass *, struct moment);
/* Told of it already, for this try or an earlier one. */
bool trace_has_pass(const struct trace *, uint64_t credential, enum pass);
/* Ended: to the board, which may be NULL. */
void trace_end(struct trace *, struct board *, unsigned status, struct moment);

/* The latest of this request; false: it is not among them. */
bool trace_find(struct board *, struct span request_id, struct trace *out);
/*
 * As `polluxctl explain --json` has it; the caller owns it.  label_of gives the label of a
 * credential by its key, or NULL where there is none any more: then its id is shown; it may be NULL
 * itself.  What was not reached or is not known is null.
 */
json_t *trace_shown(
    const struct trace *, const char *(*label_of)(void *ctx, uint64_t key), void *ctx);

#endif
