/*
 * What one credential (or one project) may use of one model: requests a minute, prompt tokens a
 * minute, requests a day, kept exactly over all processes.  Books on the scope row of the board
 * (upstream/fitness.h) and in its windows (ipc/window.h), which it makes on first use.
 */
#ifndef POLLUX_UPSTREAM_ALLOWANCE_H
#define POLLUX_UPSTREAM_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/moment.h"
#include "ipc/board.h"
#include "upstream/fitness.h"

/* In force: what the operator set, else what was learned; 0: none. */
struct fitness_limits allowance_limits(
    const struct fitness_limits *set, const struct board_row *scope, struct moment);

/* What one lease has booked; all zero: nothing. */
struct allowance {
	window_booking requests, tokens;
	uint32_t requests_window, tokens_window; /* numbers of the board's */
	bool day;
};

/*
 * Books all that is limited, or nothing.  tokens: estimated of the prompt; more than the whole
 * limit is booked as all of it, so that it goes alone; 0, not known, as one, for settling to
 * correct.  margin_ms: pool.margin.  False: *why tells which limit and when it frees (PASS_NO_ROOM:
 * the board has no window left), and the row remembers it (fitness_full).  Nothing is booked on a
 * scope that is NULL.
 */
bool allowance_book(struct board *, struct board_row *scope, const struct fitness_limits *,
    uint64_t tokens, int64_t margin_ms, struct moment, struct allowance *,
    struct fitness_pass *why);
/* The last byte was written now, or it is not yet and still wanted: everything counts from here.
 * The latter well within a minute each time. */
void allowance_stamp(struct board *, struct allowance *, int64_t now_ms);
void allowance_renew(struct board *, struct allowance *, int64_t now_ms);
/* Of one whose holder was killed, perhaps while it changed it (see window_stamp_doubtful). */
void allowance_stamp_doubtful(struct board *, struct allowance *, int64_t now_ms);
/* Stamped before.  prompt_tokens: as upstream counted; -1: it did not say, the estimate stays.
 * What was reserved too much has room again, and the row forgets that it was full. */
void allowance_settle(
    struct board *, struct board_row *scope, struct allowance *, int64_t prompt_tokens);
/* Nothing was sent: it is empty again, and the row forgets that it was full. */
void allowance_return(struct board *, struct board_row *scope, struct allowance *, struct moment);

/* For showing: what counts in the minute now. */
struct allowance_used {
	uint64_t requests, tokens;
};
struct allowance_used allowance_used(struct board *, const struct board_row *scope,
    const struct fitness_limits *, int64_t margin_ms, int64_t now_ms);

#endif
