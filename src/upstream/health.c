/*
 * The fitness of a credential on the board.  Used by workers, which change it, and by the
 * janitor, which shows and thaws it.
 *
 * A freeze is one word, {until in ms: 42 bits, thaw epoch: 16, cause: 6}, so it is read and
 * changed as a whole.  The epoch in a freeze must be that of the credential's cell: thawing
 * moves the epoch on and thereby ends every freeze at once, also those of single models.
 */
#include "upstream/health.h"

#include <assert.h>

/* What the six words of a credential's cell hold; of a model's cell only the first is used. */
enum { WORD_FREEZE, WORD_EPOCH, WORD_TICKET, WORD_SUCCESSES, WORD_FAILURES, WORD_STREAK };

#define CAUSE_BITS 6
#define EPOCH_BITS 16
#define CAUSE_MASK ((UINT64_C(1) << CAUSE_BITS) - 1)
#define EPOCH_MASK ((UINT64_C(1) << EPOCH_BITS) - 1)
#define UNTIL_MAX  ((INT64_C(1) << 42) - 1) /* the year 2109 */

_Static_assert(OUTCOME_COUNT <= (1 << CAUSE_BITS), "causes fit their bits");

static uint64_t
load(const struct board_cell *cell, int word)
{
	/* atomic_load takes no pointer to const in C11 as gcc 12 has it. */
	return atomic_load_explicit((_Atomic uint64_t *)&cell->words[word], memory_order_relaxed);
}

static uint64_t
pack(int64_t until_wall_ms, uint64_t epoch, enum outcome cause)
{
	int64_t until = until_wall_ms > UNTIL_MAX ? UNTIL_MAX : until_wall_ms;

	return (uint64_t)until << (EPOCH_BITS + CAUSE_BITS) | (epoch & EPOCH_MASK) << CAUSE_BITS |
	       cause;
}

static int64_t
until_of(uint64_t freeze, uint64_t epoch, int64_t now_wall_ms, enum outcome *cause)
{
	int64_t until = (int64_t)(freeze >> (EPOCH_BITS + CAUSE_BITS));

	if (until <= now_wall_ms || (freeze >> CAUSE_BITS & EPOCH_MASK) != (epoch & EPOCH_MASK))
		return 0;
	*cause = (enum outcome)(freeze & CAUSE_MASK);
	return until;
}

/* The board outlives this process, so the hash must not change from start to start: FNV-1a. */
static uint64_t
model_key(uint64_t board_key, struct span model)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ board_key;

	for (size_t i = 0; i < model.len; i++)
		h = (h ^ (unsigned char)model.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 29;
	return h ? h : 1;
}

struct board_cell *
health_cell(struct board *b, uint64_t board_key)
{
	return board_cell(b, BOARD_KIND_CREDENTIAL, board_key, true);
}

int64_t
health_frozen_until(struct board *b, struct board_cell *cell, uint64_t board_key, struct span model,
    int64_t now_wall_ms, enum outcome *cause)
{
	enum outcome whole_cause = OUTCOME_OK, model_cause = OUTCOME_OK;
	int64_t until = 0;

	if (!cell)
		return 0;
	uint64_t epoch = load(cell, WORD_EPOCH);
	int64_t whole_until = until_of(load(cell, WORD_FREEZE), epoch, now_wall_ms, &whole_cause);
	struct board_cell *of_model =
	    model.len ? board_cell(b, BOARD_KIND_MODEL, model_key(board_key, model), false) : NULL;

	if (of_model)
		until = until_of(load(of_model, WORD_FREEZE), epoch, now_wall_ms, &model_cause);
	if (cause)
		*cause = whole_until >= until ? whole_cause : model_cause;
	return whole_until >= until ? whole_until : until;
}

void
health_freeze(struct board *b, struct board_cell *cell, uint64_t board_key, struct span model,
    bool whole, int64_t until_wall_ms, enum outcome cause)
{
	if (!cell)
		return;
	struct board_cell *target =
	    whole || model.len == 0
		? cell
		: board_cell(b, BOARD_KIND_MODEL, model_key(board_key, model), true);

	if (!target)
		return;
	uint64_t epoch = load(cell, WORD_EPOCH);
	uint64_t wanted = pack(until_wall_ms, epoch, cause);
	uint64_t old = load(target, WORD_FREEZE);
	enum outcome ignored;

	do {
		if (until_of(old, epoch, 0, &ignored) >= until_wall_ms)
			return;
	} while (!atomic_compare_exchange_weak_explicit(
	    &target->words[WORD_FREEZE], &old, wanted, memory_order_relaxed, memory_order_relaxed));
}

void
health_thaw(struct board_cell *cell)
{
	if (!cell)
		return;
	atomic_fetch_add_explicit(&cell->words[WORD_EPOCH], 1, memory_order_relaxed);
	atomic_store_explicit(&cell->words[WORD_STREAK], 0, memory_order_relaxed);
}

uint64_t
health_last_lent(const struct board_cell *cell)
{
	return cell ? load(cell, WORD_TICKET) : 0;
}

void
health_lent(struct board_cell *cell, uint64_t ticket)
{
	if (cell)
		atomic_store_explicit(&cell->words[WORD_TICKET], ticket, memory_order_relaxed);
}

void
health_succeeded(struct board_cell *cell)
{
	if (!cell)
		return;
	atomic_fetch_add_explicit(&cell->words[WORD_SUCCESSES], 1, memory_order_relaxed);
	atomic_store_explicit(
	    &cell->words[WORD_STREAK], load(cell, WORD_STREAK) & CAUSE_MASK, memory_order_relaxed);
}

/* The streak is one word too: {failures in a row, outcome of the last}. */
unsigned
health_failed(struct board_cell *cell, enum outcome o, bool in_streak)
{
	uint64_t old, wanted;

	if (!cell)
		return in_streak;
	atomic_fetch_add_explicit(&cell->words[WORD_FAILURES], 1, memory_order_relaxed);
	old = load(cell, WORD_STREAK);
	do {
		wanted = ((old >> CAUSE_BITS) + in_streak) << CAUSE_BITS | o;
	} while (!atomic_compare_exchange_weak_explicit(
	    &cell->words[WORD_STREAK], &old, wanted, memory_order_relaxed, memory_order_relaxed));
	return in_streak ? (unsigned)(wanted >> CAUSE_BITS) : 0;
}

void
health_view(const struct board_cell *cell, int64_t now_wall_ms, struct health_view *v)
{
	*v = (struct health_view){ .cause = OUTCOME_OK, .last_failure = OUTCOME_OK };
	if (!cell)
		return;
	v->frozen_until_wall_ms =
	    until_of(load(cell, WORD_FREEZE), load(cell, WORD_EPOCH), now_wall_ms, &v->cause);
	v->successes = load(cell, WORD_SUCCESSES);
	v->failures = load(cell, WORD_FAILURES);
	v->last_failure = (enum outcome)(load(cell, WORD_STREAK) & CAUSE_MASK);
	v->failed_in_a_row = (unsigned)(load(cell, WORD_STREAK) >> CAUSE_BITS);
}
