/*
 * Looking at a credential: may it be lent, and if not, why and until when; all that is shown of it.
 * And what a look can be spared by: notes of what a booking found full.  Runs in workers, and in
 * the janitor for showing.  Owns nothing, and changes nothing but those notes.
 */
#include "upstream/fitness.h"

#include <assert.h>
#include "upstream/fitness_words.h"

const char *
pass_name(enum pass p)
{
	static const char *const names[] = {
#define PASS_NAME(name, text) text,
		PASSES(PASS_NAME)
#undef PASS_NAME
	};

	assert(p < PASS_COUNT);
	return names[p];
}

/* ---- notes ---- */

/* {tokens: 24, until: 40} */
#define UNTIL_BITS 40

/* A note only spares a look in vain.  Room may come back before its time, and in a span it is all
 * back: what says more than that is of another boot, or nonsense.  A minute and the most that
 * pool.margin may be. */
#define NOTE_MOST_MS (90 * SECOND_MS)

static int64_t
noted_until(int64_t until_ms, struct moment m)
{
	return until_ms > m.ms && until_ms - m.ms <= NOTE_MOST_MS ? until_ms : 0;
}

static int64_t
full_until(const struct board_row *row, struct moment m)
{
	return noted_until((int64_t)word_get(row, FITNESS_FULL), m);
}

static int64_t
full_tokens_until(const struct board_row *row, uint64_t tokens, struct moment m)
{
	uint64_t word = word_get(row, FITNESS_FULL_TOKENS);

	if ((tokens ? tokens : 1) < word >> UNTIL_BITS)
		return 0;
	return noted_until((int64_t)(word & BITS(UNTIL_BITS)), m);
}

/* The newest tells best: an older one may not know of what was given back. */
void
fitness_full(struct board_row *row, int64_t until_ms)
{
	word_put(row, FITNESS_FULL, (uint64_t)bounded(until_ms, 0, INT64_MAX));
}

/* Both notes are true, and there is place for one: the one that says more, or else the newer. */
void
fitness_full_tokens(struct board_row *row, uint64_t tokens, int64_t until_ms)
{
	uint64_t old = word_get(row, FITNESS_FULL_TOKENS);
	uint64_t until = (uint64_t)bounded(until_ms, 0, BITS(UNTIL_BITS));
	uint64_t count = tokens == 0 ? 1 : tokens > BITS(24) ? BITS(24) : tokens;

	if (!row)
		return;
	while ((until == 0 || count <= old >> UNTIL_BITS || until >= (old & BITS(UNTIL_BITS))) &&
	       !word_swap(row, FITNESS_FULL_TOKENS, &old, until ? count << UNTIL_BITS | until : 0))
		;
}

/* ---- looking ---- */

static const struct fitness_pass eligible = { PASS_NONE, OUTCOME_OK, 0, false };

static struct fitness_pass
passed_over(enum pass why, enum outcome cause, int64_t free_at_ms)
{
	return (struct fitness_pass){ why, cause, free_at_ms, false };
}

/* Of several freezes the one that ends last is told. */
static void
look_at_freeze(const struct board_row *row, struct moment m, struct fitness_pass *p)
{
	struct fitness_freeze f;

	if (word_get(row, FITNESS_FREEZE) == 0)
		return;
	f = fitness_frozen(row, m);

	int64_t left = fitness_freeze_left_ms(&f, m);

	if (left > 0 && (p->pass == PASS_NONE || m.ms + left > p->free_at_ms))
		*p = passed_over(PASS_FROZEN, f.cause, m.ms + left);
}

static void
look_at_breaker(const struct board_row *row, struct moment m, struct fitness_pass *p)
{
	breaker w = word_get(row, FITNESS_BREAKER);
	int64_t free_at_ms = 0;
	bool is_probe = false;

	if (w == 0 || p->pass != PASS_NONE)
		return;
	if (breaker_lets(w, m.ms, &is_probe, &free_at_ms))
		p->probes = p->probes || is_probe;
	else if (breaker_state(w, m.ms) == BREAKER_OPEN)
		*p = passed_over(PASS_BROKEN, outcome_of_number(breaker_cause(w)), free_at_ms);
	else
		*p = passed_over(PASS_PROBED, OUTCOME_OK, free_at_ms);
}

static void
look_at_room(const struct board_row *scope, int64_t rpd, uint64_t tokens, struct moment m,
    struct fitness_pass *p)
{
	int64_t until;

	if (!scope || p->pass != PASS_NONE)
		return;
	if (rpd > 0 && fitness_day_used(scope, m) >= rpd)
		*p = passed_over(PASS_DAY, OUTCOME_OK, fitness_day_ends_ms(scope, m));
	else if ((until = full_until(scope, m)) > 0)
		*p = passed_over(PASS_MINUTE, OUTCOME_OK, until);
	else if ((until = full_tokens_until(scope, tokens, m)) > 0)
		*p = passed_over(PASS_TOKENS, OUTCOME_OK, until);
}

struct fitness_pass
fitness_look(const struct fitness_rows *rows, int64_t rpd, uint64_t tokens, struct moment m)
{
	struct fitness_pass p = eligible;

	look_at_freeze(rows->whole, m, &p);
	if (rows->scope_whole != rows->whole)
		look_at_freeze(rows->scope_whole, m, &p);
	look_at_freeze(rows->own, m, &p);
	if (rows->scope != rows->own)
		look_at_freeze(rows->scope, m, &p);
	look_at_breaker(rows->whole, m, &p);
	look_at_breaker(rows->own, m, &p);
	look_at_room(rows->scope, rpd, tokens, m, &p);
	return p;
}

struct fitness_pass
fitness_look_model(const struct fitness_rows *rows, struct moment m)
{
	struct fitness_pass p = eligible;

	look_at_freeze(rows->model, m, &p);
	look_at_breaker(rows->model, m, &p);
	return p;
}

/* ---- showing ---- */

static void
view_breaker(const struct board_row *row, struct moment m, struct fitness_view *v)
{
	breaker w = word_get(row, FITNESS_BREAKER);
	int64_t until = breaker_open_until(w);

	v->breaker = breaker_state(w, m.ms);
	v->breaker_cause = outcome_of_number(breaker_cause(w));
	v->open_for_ms = until > m.ms ? until - m.ms : 0;
	v->failures_in_a_row = breaker_failures(w);
}

static void
view_posterior(const struct board_row *row, struct moment m, struct fitness_view *v)
{
	posterior w = word_get(row, FITNESS_POSTERIOR);
	double successes, failures;

	posterior_counts(w, m.ms, &successes, &failures);
	v->mean = posterior_mean(w, m.ms);
	v->weight = successes + failures;
}

void
fitness_view(const struct board_row *row, struct moment m, struct fitness_view *v)
{
	struct fitness_latency latency = fitness_latency(row);
	uint64_t failures = word_get(row, FITNESS_FAILURES), last = word_get(row, FITNESS_LAST);
	int64_t full = full_until(row, m);

	*v = (struct fitness_view){ .freeze = fitness_frozen(row, m),
		.first_byte_ms = latency.first_byte / 8,
		.total_ms = latency.total / 8,
		.in_flight = fitness_in_flight(row),
		.successes = word_get(row, FITNESS_SUCCESSES),
		.failures = failures >> FAILURE_CAUSE_BITS,
		.last_failure = outcome_of_number(failures & BITS(FAILURE_CAUSE_BITS)),
		.day_used = fitness_day_used(row, m),
		.learned = fitness_learned(row, m),
		.learned_wall_s = HIGH_SECONDS(word_get(row, FITNESS_SAID)),
		.last_success_wall_s = HIGH_SECONDS(last),
		.first_lent_wall_s = LOW_SECONDS(last),
		.full_for_ms = full ? full - m.ms : 0 };
	v->frozen_for_ms = fitness_freeze_left_ms(&v->freeze, m);
	view_breaker(row, m, v);
	view_posterior(row, m, v);
}
