/*
 * What the end of a lease means for the credential, on the board: freezes, breakers, posterior,
 * limits learned, models known.  One place for the effects of upstream/outcome.h's verdicts; what
 * has to be stored (a credential that is disabled) is said back to the pool.
 */
#ifndef POLLUX_UPSTREAM_SETTLE_H
#define POLLUX_UPSTREAM_SETTLE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/moment.h"
#include "config/config.h"
#include "ipc/board.h"
#include "upstream/fitness.h"
#include "upstream/lease.h"
#include "upstream/outcome.h"
#include "upstream/posterior.h"
#include "upstream/unproven.h"

/* How it went, beside the verdict. */
struct settlement {
	const struct verdict *verdict;
	int64_t prompt_tokens;           /* as upstream counted them; -1: not said */
	int64_t first_byte_ms, total_ms; /* since it was lent; -1: not reached */
	int http_status;                 /* 0: none came */
};

/* Whose lease it was; all borrowed. */
struct settled {
	struct board *board;
	const struct config *config;
	struct chance *chance;
	struct unproven *unproven;
	const char *label; /* for the log */
	uint64_t key;      /* of the credential on the board */
	struct span name;  /* of the model; may be empty */
	int subject, scope;
	int model;                                   /* -1: the board has none for the name (yet) */
	bool probes_own, probes_whole, probes_model; /* it was the probe of that row's breaker */
};

enum settle_end { SETTLE_ON, SETTLE_DISABLE, SETTLE_DISABLE_PROJECT };

/* Gives what is to be stored. */
enum settle_end settle_apply(const struct settled *, const struct settlement *, struct moment);

/* The head of an answer is there.  It proves that the way is open, and a 200 that the model is not
 * overloaded; whether the credential does better now its end tells, but a stream may last, and
 * until then another probe may be sent. */
void settle_answered(
    const struct fitness_rows *, struct lease_line *, int http_status, struct moment);

/* The rows of a credential and a model as they stand; create: those that are missing are made, as
 * far as the model has a number. */
struct fitness_rows settle_rows(struct board *, int subject, int scope, int model, bool create);

#endif
