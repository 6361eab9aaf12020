/*
 * The fitness of credentials, as it stands in the rows of the board (ipc/board.h): the only room
 * that knows what their words mean.  Changed by any worker, right in all; nothing here locks.
 *
 * Four rows speak of a credential and a model:
 *	own     credential, model             posterior, breaker, averages, requests in flight, and
 *	                                      the freezes that are this credential's own doing
 *	whole   credential, BOARD_WHOLE       the same for all its models: what its way to us, or its
 *	                                      account, suffers from
 *	scope   project or credential, model  what quotas count: freezes by quota, the day's requests,
 *	                                      learned limits, windows.  Credentials that say they are
 *	                                      of one project share it; of others it is the own row
 *	model   BOARD_EVERYONE, model         what holds for every credential: it is overloaded
 *
 * Rows of models that upstream has not yet answered for do not exist: names come from clients.
 * Then the row is NULL; every function takes that and answers as of one nothing is known of.
 */
#ifndef POLLUX_UPSTREAM_FITNESS_H
#define POLLUX_UPSTREAM_FITNESS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/moment.h"
#include "ipc/board.h"
#include "upstream/breaker.h"
#include "upstream/outcome.h"
#include "upstream/posterior.h"

/* What the words of a row mean, in order.  Each is right by itself. */
#define FITNESS_WORDS(W)                                                                           \
	W(FREEZE)      /* {until: 44, hour at the latest: 13, by the wall clock: 1, cause: 6} */   \
	W(POSTERIOR)                                                                               \
	W(BREAKER)                                                                                 \
	W(LATENCY)     /* averages in 1/8 ms: {to the first byte: 32, to the last: 32} */          \
	W(IN_FLIGHT)                                                                               \
	W(TICKET)      /* when it was lent last, as a number of the board's */                     \
	W(SUCCESSES)                                                                               \
	W(FAILURES)    /* {how many: 58, the last one's outcome: 6} */                             \
	W(DAY)         /* {Pacific day: 16, requests: 24, not over before: 24} */                  \
	W(LEARNED)     /* limits that upstream stated: {rpm: 20, tpm: 24, rpd: 20} */              \
	W(SAID)        /* Unix seconds: {limits were learned: 32, a probe was asked for: 32} */    \
	W(FULL)        /* no request fits before this time (monotonic ms) */                       \
	W(FULL_TOKENS) /* {no prompt of this many tokens or more: 24, before then: 40} */          \
	W(WINDOWS)     /* numbers of its windows: {requests: 32, tokens: 32} */                    \
	W(LAST)        /* Unix seconds: {last success: 32, first lent: 32} */                      \
	W(STREAKS)     /* {Unix seconds: 32, forbidden models: 8, vague 429s in a row: 8} */

enum fitness_word {
#define FITNESS_WORD_ENUM(name) FITNESS_##name,
	FITNESS_WORDS(FITNESS_WORD_ENUM)
#undef FITNESS_WORD_ENUM
	    FITNESS_WORD_COUNT
};
_Static_assert(FITNESS_WORD_COUNT <= BOARD_ROW_WORDS, "the words fit a row");

struct fitness_rows {
	struct board_row *own, *whole, *scope, *scope_whole, *model; /* borrowed; any may be NULL */
};

/* Why a credential is not lent. */
#define PASSES(P)                                                                                  \
	P(NONE, "eligible")                                                                        \
	P(DISABLED, "disabled")                                                                    \
	P(TRIED, "tried already")                                                                  \
	P(FROZEN, "frozen")                                                                        \
	P(BROKEN, "resting after failures") /* its breaker is open */                              \
	P(PROBED, "being probed")           /* its breaker is half-open, and a probe under way */  \
	P(MINUTE, "minute's requests used up")                                                     \
	P(TOKENS, "minute's tokens used up")                                                       \
	P(DAY, "day's requests used up")                                                           \
	P(OUTDRAWN, "another one was drawn")                                                       \
	P(BUSY, "busier than its share")    /* affinity would have it, its load forbids it */      \
	P(OTHER, "another one is asked for")                                                       \
	P(NO_ROOM, "the board is full")

enum pass {
#define PASS_ENUM(name, text) PASS_##name,
	PASSES(PASS_ENUM)
#undef PASS_ENUM
	    PASS_COUNT
};
const char *pass_name(enum pass);

struct fitness_pass {
	enum pass pass;     /* PASS_NONE: it may be lent */
	enum outcome cause; /* of FROZEN and BROKEN; OK for others */
	int64_t free_at_ms; /* monotonic: when to look again; INT64_MAX: it is not free by itself */
	bool probes;        /* PASS_NONE: as the one probe of a half-open breaker */
};

/* Whether it may be lent now, as far as these words tell; a booking (upstream/allowance.h) may
 * still find no room.  rpd: the limit in force, 0: none.  tokens: of the prompt, 0: not known.
 * Of several freezes the one that ends last is told. */
struct fitness_pass fitness_look(
    const struct fitness_rows *, int64_t rpd, uint64_t tokens, struct moment);
/* Of the model alone, for all credentials: overloaded, or (scratch) known by none. */
struct fitness_pass fitness_look_model(const struct fitness_rows *, struct moment);

/* Freezes.  They only ever grow longer: of two, of whichever clocks, the later end wins.  A wall
 * clock that is set back may lengthen one that goes by it by two hours at most. */
struct fitness_freeze {
	int64_t until_ms; /* monotonic, or Unix time when by_wall; 0: free */
	bool by_wall;
	enum outcome cause;
};
void fitness_freeze(struct board_row *, const struct fitness_freeze *, struct moment);
struct fitness_freeze fitness_frozen(const struct board_row *, struct moment);
int64_t fitness_freeze_left_ms(const struct fitness_freeze *, struct moment); /* 0: free */
/* Ends the freeze, closes the breaker, forgets what was full and what was in a row. */
void fitness_thaw(struct board_row *);
/* The credential, all its models, and what it shares with its project, limits that were learned
 * included; bumps BOARD_GEN_THAWS. */
void fitness_thaw_all(struct board *, int subject, int scope_subject);

/* An operator wishes the credential to be probed, frozen or not; whoever does so takes the wish. */
void fitness_ask_probe(struct board_row *whole, struct moment);
bool fitness_take_probe(struct board_row *whole); /* false: there was none */

/* Lent: one more in flight, ticket, first lent. */
void fitness_lent(struct board_row *, uint64_t ticket, struct moment);
void fitness_returned(struct board_row *); /* never below 0 */
unsigned fitness_in_flight(const struct board_row *);
uint64_t fitness_ticket(const struct board_row *);
posterior fitness_posterior(const struct board_row *);

/* Outcomes, each on the row that they are about. */
void fitness_succeeded(struct board_row *, int64_t first_byte_ms, int64_t total_ms, struct moment);
/* Counts it; blamed: the posterior too. */
void fitness_failed(struct board_row *, enum outcome, bool blamed, struct moment);
/* True when this opened it (or opened it again). */
bool fitness_break(
    struct board_row *, const struct breaker_rule *, enum outcome, struct moment, uint64_t chance);
void fitness_mend(struct board_row *); /* a success closes the breaker */
/* Claims the one probe; false: somebody else was faster. */
bool fitness_probe(struct board_row *, struct moment);
void fitness_unprobe(struct board_row *, struct moment);
/* One more 429 that does not say why: how many in a row. */
unsigned fitness_vague(struct board_row *);
/* A success ends that row of them; fitness_succeeded does so on its own row, which is not the one
 * that quotas are counted in where a project shares them. */
void fitness_vague_ends(struct board_row *scope);
/* The model answered 403.  How many different ones did for this credential within a day of the
 * first (or since its thaw), this one counted once however often it does; models without a row of
 * their own are not counted, since their names may be anything. */
unsigned fitness_forbidden(struct board_row *own, struct board_row *whole, struct moment);

/* The day's requests: by Pacific days, never starting a new one before both clocks say so. */
bool fitness_day_book(struct board_row *, int64_t limit, struct moment); /* limit 0: counts only */
void fitness_day_return(struct board_row *, struct moment);
int64_t fitness_day_used(const struct board_row *, struct moment);
int64_t fitness_day_ends_in_ms(struct moment); /* to the next midnight in California */
/* When this row's day is over by both clocks, as far as can be told now (monotonic). */
int64_t fitness_day_ends_ms(const struct board_row *, struct moment);
/* To which of two days upstream will count a request cannot be told in the last margin_ms before
 * midnight, nor while the wall clock alone says that the day is over.  Until when (monotonic); 0: it
 * can. */
int64_t fitness_day_doubt_ms(const struct board_row *, int64_t margin_ms, struct moment);
/* What was booked at since_ms reaches upstream at that moment: a day that began meanwhile counts it,
 * too. */
void fitness_day_late(struct board_row *, int64_t since_ms, struct moment);

/* What upstream stated in a refusal; 0 where it said nothing, which leaves what was known.
 * Believed for a day from the last time. */
struct fitness_limits {
	int64_t rpm, tpm, rpd; /* 0: none */
};
void fitness_learn(struct board_row *, const struct fitness_limits *, struct moment);
struct fitness_limits fitness_learned(const struct board_row *, struct moment);

/* What a booking found full. */
void fitness_full(struct board_row *, int64_t until_ms);
void fitness_full_tokens(struct board_row *, uint64_t tokens, int64_t until_ms);

/* No credential knows the model: said by two of them, it is believed for an hour. */
void fitness_unknown(struct board *, struct span model, uint64_t credential_key, struct moment);
bool fitness_is_unknown(struct board *, struct span model, struct moment);
void fitness_known(struct board *, struct span model); /* one of them knew it after all */

/* All that is shown of a row. */
struct fitness_view {
	struct fitness_freeze freeze;
	int64_t frozen_for_ms; /* 0: free */
	enum breaker_state breaker;
	enum outcome breaker_cause;
	int64_t open_for_ms;
	unsigned failures_in_a_row;
	double mean, weight; /* of the posterior; weight: how many outcomes it rests on */
	int64_t first_byte_ms, total_ms;
	unsigned in_flight;
	uint64_t successes, failures;
	enum outcome last_failure; /* OK: none */
	int64_t day_used;
	struct fitness_limits learned;
	int64_t learned_wall_s, last_success_wall_s, first_lent_wall_s; /* 0: never */
	int64_t full_for_ms;
};
void fitness_view(const struct board_row *, struct moment, struct fitness_view *);

/* A row as a record of the store and back: what must outlive the board.  Times are kept as Unix
 * time.  Nothing is written of a row that says nothing. */
void fitness_encode(const struct board_row *, struct moment, struct buf *record);
/* extra_day: requests added to the day's, for those that were made behind the last writing. */
bool fitness_decode(struct board_row *, struct span record, int64_t extra_day, struct moment);

#endif
