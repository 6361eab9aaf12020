/*
 * What a scope may use of a model: see allowance.h.  Runs in workers, and in the master for what a
 * killed worker held.  Owns nothing: the day stands in the scope's row, the minute in its windows.
 *
 * Requests and tokens have windows of their own (lesson 47), which all processes share (lesson
 * 46); tokens are reserved by an estimate and settled by what upstream counted (lessons 48, 50).
 */
#include "upstream/allowance.h"

#include <assert.h>

#define MINUTE_MS INT64_C(60000)

struct fitness_limits
allowance_limits(const struct fitness_limits *set, const struct board_row *scope, struct moment now)
{
	struct fitness_limits l = { 0, 0, 0 };

	if (scope && (set->rpm <= 0 || set->tpm <= 0 || set->rpd <= 0))
		l = fitness_learned(scope, now);
	if (set->rpm > 0)
		l.rpm = set->rpm;
	if (set->tpm > 0)
		l.tpm = set->tpm;
	if (set->rpd > 0)
		l.rpd = set->rpd;
	return l;
}

/* ---- windows of a row: {requests: 32, tokens: 32} ---- */

static unsigned
shift_of(enum window_unit unit)
{
	return unit == WINDOW_REQUESTS ? 32 : 0;
}

static uint32_t
window_of(const struct board_row *scope, enum window_unit unit)
{
	/* atomic_load takes no pointer to const in C11 as gcc 12 has it. */
	_Atomic uint64_t *word = (_Atomic uint64_t *)&scope->words[FITNESS_WINDOWS];

	return (uint32_t)(atomic_load(word) >> shift_of(unit));
}

/* 0: the board has no room.  Of two that make it at once the first one's is used; the other's is
 * lost, as is one whose maker is killed: that happens once in a row's life at most, and costs 512
 * bytes of many. */
static uint32_t
window_have(struct board *b, struct board_row *scope, enum window_unit unit)
{
	uint32_t number = window_of(scope, unit), made;
	uint64_t old;

	if (number)
		return number;
	made = board_window_take(b);
	if (!made)
		return 0;
	old = atomic_load(&scope->words[FITNESS_WINDOWS]);
	do {
		number = (uint32_t)(old >> shift_of(unit));
		if (number)
			return number;
	} while (!atomic_compare_exchange_weak(
	    &scope->words[FITNESS_WINDOWS], &old, old | (uint64_t)made << shift_of(unit)));
	return made;
}

static struct window_rule
rule_of(enum window_unit unit, int64_t limit, int64_t margin_ms)
{
	return (struct window_rule){ unit, (uint64_t)limit, MINUTE_MS + margin_ms };
}

/* ---- booking ---- */

struct booking {
	struct board *board;
	struct board_row *scope;
	int64_t margin_ms;
	struct moment now;
	struct allowance *out;
	struct fitness_pass *why;
};

static bool
refuse(struct booking *k, enum pass pass, int64_t free_at_ms)
{
	*k->why = (struct fitness_pass){ pass, OUTCOME_OK, free_at_ms, false };
	return false;
}

/* Nothing is known of the minute before the board was made. */
static bool
is_known(struct booking *k, const struct fitness_limits *l)
{
	int64_t spent_ms = board_spent_until(k->board);

	if (k->now.ms >= spent_ms || (l->rpm <= 0 && l->tpm <= 0))
		return true;
	fitness_full(k->scope, spent_ms);
	return refuse(k, l->rpm > 0 ? PASS_MINUTE : PASS_TOKENS, spent_ms);
}

/* Of two days that meet neither must get a request too many, so between them nothing is sent. */
static bool
day_is_clear(struct booking *k, int64_t limit)
{
	int64_t until_ms = limit > 0 ? fitness_day_doubt_ms(k->scope, k->margin_ms, k->now) : 0;

	if (until_ms == 0)
		return true;
	fitness_full(k->scope, until_ms);
	return refuse(k, PASS_MINUTE, until_ms);
}

static bool
book_day(struct booking *k, int64_t limit)
{
	if (!day_is_clear(k, limit))
		return false;
	if (!fitness_day_book(k->scope, limit, k->now))
		return refuse(k, PASS_DAY, fitness_day_ends_ms(k->scope, k->now));
	k->out->day = true;
	return true;
}

static bool
book_window(struct booking *k, enum window_unit unit, int64_t limit, uint64_t amount,
    uint32_t *number, window_booking *booked)
{
	struct window_rule rule = rule_of(unit, limit, k->margin_ms);
	int64_t free_at_ms;

	*number = window_have(k->board, k->scope, unit);
	if (*number == 0)
		return refuse(k, PASS_NO_ROOM, INT64_MAX);
	*booked =
	    window_book(board_window(k->board, *number), &rule, amount, k->now.ms, &free_at_ms);
	if (*booked)
		return true;
	return refuse(k, unit == WINDOW_REQUESTS ? PASS_MINUTE : PASS_TOKENS, free_at_ms);
}

static bool
book_requests(struct booking *k, int64_t limit)
{
	if (limit <= 0 ||
	    book_window(k, WINDOW_REQUESTS, limit, 1, &k->out->requests_window, &k->out->requests))
		return true;
	if (k->why->pass == PASS_MINUTE)
		fitness_full(k->scope, k->why->free_at_ms);
	return false;
}

/* One is booked of a prompt that nothing is known of, or there would be nothing to settle. */
static uint64_t
amount_of(uint64_t tokens, int64_t limit)
{
	uint64_t most = (uint64_t)limit < WINDOW_AMOUNT_MAX ? (uint64_t)limit : WINDOW_AMOUNT_MAX;

	return tokens == 0 ? 1 : tokens < most ? tokens : most;
}

static bool
book_tokens(struct booking *k, int64_t limit, uint64_t tokens)
{
	if (limit <= 0)
		return true;
	uint64_t amount = amount_of(tokens, limit);

	if (book_window(k, WINDOW_TOKENS, limit, amount, &k->out->tokens_window, &k->out->tokens))
		return true;
	if (k->why->pass == PASS_TOKENS)
		fitness_full_tokens(k->scope, amount, k->why->free_at_ms);
	return false;
}

static void
give_back(struct board *b, struct board_row *scope, struct allowance *a, struct moment now)
{
	if (a->tokens)
		window_return(board_window(b, a->tokens_window), a->tokens);
	if (a->requests)
		window_return(board_window(b, a->requests_window), a->requests);
	if (a->day)
		fitness_day_return(scope, now);
	*a = (struct allowance){ 0 };
}

bool
allowance_book(struct board *b, struct board_row *scope, const struct fitness_limits *l,
    uint64_t tokens, int64_t margin_ms, struct moment now, struct allowance *out,
    struct fitness_pass *why)
{
	struct booking k = { b, scope, margin_ms, now, out, why };

	assert(margin_ms >= 0);
	*out = (struct allowance){ 0 };
	*why = (struct fitness_pass){ PASS_NONE, OUTCOME_OK, 0, false };
	if (!scope)
		return true;
	if (is_known(&k, l) && book_day(&k, l->rpd) && book_requests(&k, l->rpm) &&
	    book_tokens(&k, l->tpm, tokens))
		return true;
	give_back(b, scope, out, now);
	return false;
}

/* ---- what is booked ---- */

typedef window_booking stamp_fn(struct window *, window_booking, int64_t now_ms);

static void
stamp_both(struct board *b, struct allowance *a, int64_t now_ms, stamp_fn *stamp)
{
	if (a->requests)
		a->requests = stamp(board_window(b, a->requests_window), a->requests, now_ms);
	if (a->tokens)
		a->tokens = stamp(board_window(b, a->tokens_window), a->tokens, now_ms);
}

void
allowance_stamp(struct board *b, struct allowance *a, int64_t now_ms)
{
	stamp_both(b, a, now_ms, window_stamp);
}

void
allowance_renew(struct board *b, struct allowance *a, int64_t now_ms)
{
	stamp_both(b, a, now_ms, window_stamp);
}

void
allowance_stamp_doubtful(struct board *b, struct allowance *a, int64_t now_ms)
{
	stamp_both(b, a, now_ms, window_stamp_doubtful);
}

void
allowance_settle(
    struct board *b, struct board_row *scope, struct allowance *a, int64_t prompt_tokens)
{
	uint64_t reserved = window_amount(a->tokens);

	if (!a->tokens || prompt_tokens < 0)
		return;
	a->tokens =
	    window_settle(board_window(b, a->tokens_window), a->tokens, (uint64_t)prompt_tokens);
	if (scope && (uint64_t)prompt_tokens < reserved)
		fitness_full_tokens(scope, 0, 0);
}

void
allowance_return(struct board *b, struct board_row *scope, struct allowance *a, struct moment now)
{
	if (scope && a->requests)
		fitness_full(scope, 0);
	if (scope && a->tokens)
		fitness_full_tokens(scope, 0, 0);
	give_back(b, scope, a, now);
}

/* ---- for showing ---- */

static uint64_t
used_of(struct board *b, const struct board_row *scope, enum window_unit unit, int64_t limit,
    int64_t margin_ms, int64_t now_ms)
{
	struct window_rule rule = rule_of(unit, limit, margin_ms);
	uint32_t number = limit > 0 ? window_of(scope, unit) : 0;

	return number ? window_used(board_window(b, number), &rule, now_ms) : 0;
}

struct allowance_used
allowance_used(struct board *b, const struct board_row *scope, const struct fitness_limits *l,
    int64_t margin_ms, int64_t now_ms)
{
	struct allowance_used u = { 0, 0 };

	if (!scope)
		return u;
	u.requests = used_of(b, scope, WINDOW_REQUESTS, l->rpm, margin_ms, now_ms);
	u.tokens = used_of(b, scope, WINDOW_TOKENS, l->tpm, margin_ms, now_ms);
	return u;
}
