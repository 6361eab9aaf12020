/*
 * What becomes of a credential's fitness: freezes, lendings, outcomes, breakers, thaws.  Runs in
 * workers, which learn by it, and in the janitor, which probes and thaws.  Owns nothing: the rows
 * are the board's.
 *
 * A freeze goes by the clock that fits its cause: what is counted in minutes by the monotonic one,
 * which nobody sets; what ends with a calendar day by the other.  When that one is set back by more
 * than an hour or two, the freeze must not last for what the clock was wrong by.  So its word also
 * holds the hour of the monotonic clock in which it is over at the latest.
 */
#include "upstream/fitness.h"

#include <assert.h>
#include "upstream/fitness_words.h"

/* ---- freezes ---- */

/* {until: 44, hour at the latest: 13, by the wall clock: 1, cause: 6} */
#define CAUSE_BITS     6
#define BY_WALL_SHIFT  CAUSE_BITS
#define HOUR_SHIFT     (BY_WALL_SHIFT + 1)
#define HOUR_BITS      13
#define UNTIL_SHIFT    (HOUR_SHIFT + HOUR_BITS)
#define UNTIL_MAX      ((int64_t)BITS(44))
#define FREEZE_MOST_MS (100 * DAY_MS) /* fits the hours, with as much to spare */
#define SLACK_HOURS    2              /* the one begun, and one that the clock may be set back */

_Static_assert(OUTCOME_COUNT <= (1 << CAUSE_BITS), "causes fit their bits");
_Static_assert(2 * (FREEZE_MOST_MS / HOUR_MS) < (1 << HOUR_BITS) - 2 * SLACK_HOURS,
    "hours are told apart from those gone by");

int64_t
fitness_freeze_left_ms(const struct fitness_freeze *f, struct moment m)
{
	int64_t left = f->until_ms - (f->by_wall ? m.wall_ms : m.ms);

	return f->until_ms > 0 && left > 0 ? left : 0;
}

static uint64_t
freeze_word(const struct fitness_freeze *f, struct moment m)
{
	int64_t left = bounded(fitness_freeze_left_ms(f, m), 0, FREEZE_MOST_MS);
	int64_t until = bounded((f->by_wall ? m.wall_ms : m.ms) + left, 0, UNTIL_MAX);
	uint64_t hour = (uint64_t)((m.ms + left) / HOUR_MS + SLACK_HOURS) & BITS(HOUR_BITS);

	return (uint64_t)until << UNTIL_SHIFT | (f->by_wall ? hour : 0) << HOUR_SHIFT |
	       (uint64_t)f->by_wall << BY_WALL_SHIFT | (uint64_t)f->cause;
}

/* How many ms are left until that hour begins; below 0 when it is past. */
static int64_t
hour_left_ms(uint64_t hour, struct moment m)
{
	int64_t half = INT64_C(1) << (HOUR_BITS - 1);
	int64_t hours =
	    (int64_t)((hour - (uint64_t)(m.ms / HOUR_MS) + (uint64_t)half) & BITS(HOUR_BITS)) -
	    half;

	return hours * HOUR_MS - m.ms % HOUR_MS;
}

static struct fitness_freeze
freeze_of(uint64_t word, struct moment m)
{
	struct fitness_freeze f = { .until_ms = (int64_t)(word >> UNTIL_SHIFT),
		.by_wall = word >> BY_WALL_SHIFT & 1,
		.cause = outcome_of_number(word & BITS(CAUSE_BITS)) };
	int64_t left = fitness_freeze_left_ms(&f, m);

	if (f.by_wall && left > 0) {
		int64_t most = hour_left_ms(word >> HOUR_SHIFT & BITS(HOUR_BITS), m);

		if (most < left) {
			left = most;
			f.until_ms = m.wall_ms + most;
		}
	}
	return left > 0 ? f : (struct fitness_freeze){ 0, false, OUTCOME_OK };
}

void
fitness_freeze(struct board_row *row, const struct fitness_freeze *f, struct moment m)
{
	uint64_t old = word_get(row, FITNESS_FREEZE);
	int64_t left = fitness_freeze_left_ms(f, m);
	struct fitness_freeze standing;

	assert(f->cause < OUTCOME_COUNT);
	if (!row || left == 0)
		return;
	do {
		standing = freeze_of(old, m);
		if (fitness_freeze_left_ms(&standing, m) >= left)
			return;
	} while (!word_swap(row, FITNESS_FREEZE, &old, freeze_word(f, m)));
}

struct fitness_freeze
fitness_frozen(const struct board_row *row, struct moment m)
{
	return freeze_of(word_get(row, FITNESS_FREEZE), m);
}

void
fitness_thaw(struct board_row *row)
{
	static const enum fitness_word ended[] = { FITNESS_FREEZE, FITNESS_BREAKER, FITNESS_FULL,
		FITNESS_FULL_TOKENS, FITNESS_STREAKS };

	for (size_t i = 0; i < sizeof(ended) / sizeof(ended[0]); i++)
		word_put(row, ended[i], 0);
}

/* Limits that were stated are reasons to rest, too: who thaws wants it lent. */
static void
thaw_subject(struct board *b, int subject)
{
	int models = board_models_used(b);

	if (subject < 0)
		return;
	fitness_thaw(board_row(b, subject, BOARD_WHOLE, false));
	for (int model = BOARD_WHOLE + 1; model < models; model++) {
		struct board_row *row = board_row(b, subject, model, false);

		fitness_thaw(row);
		word_put(row, FITNESS_LEARNED, 0);
	}
	board_mark(b, subject);
}

void
fitness_thaw_all(struct board *b, int subject, int scope_subject)
{
	thaw_subject(b, subject);
	if (scope_subject != subject)
		thaw_subject(b, scope_subject);
	board_bump(b, BOARD_GEN_THAWS);
}

void
fitness_ask_probe(struct board_row *whole, struct moment m)
{
	uint64_t old = word_get(whole, FITNESS_SAID);

	while (whole && !word_swap(whole, FITNESS_SAID, &old,
			    SECONDS_PAIR(HIGH_SECONDS(old), wall_seconds(m))))
		;
}

bool
fitness_take_probe(struct board_row *whole)
{
	uint64_t old = word_get(whole, FITNESS_SAID);

	do {
		if (LOW_SECONDS(old) == 0)
			return false;
	} while (!word_swap(whole, FITNESS_SAID, &old, SECONDS_PAIR(HIGH_SECONDS(old), 0)));
	return true;
}

/* ---- lending ---- */

void
fitness_lent(struct board_row *row, uint64_t ticket, struct moment m)
{
	uint64_t old;

	if (!row)
		return;
	atomic_fetch_add_explicit(&row->words[FITNESS_IN_FLIGHT], 1, memory_order_relaxed);
	for (old = word_get(row, FITNESS_TICKET);
	     old < ticket && !word_swap(row, FITNESS_TICKET, &old, ticket);)
		;
	for (old = word_get(row, FITNESS_LAST);
	     LOW_SECONDS(old) == 0 && !word_swap(row, FITNESS_LAST, &old, old | wall_seconds(m));)
		;
}

void
fitness_returned(struct board_row *row)
{
	uint64_t old = word_get(row, FITNESS_IN_FLIGHT);

	while (old > 0 && !word_swap(row, FITNESS_IN_FLIGHT, &old, old - 1))
		;
}

unsigned
fitness_in_flight(const struct board_row *row)
{
	return (unsigned)word_get(row, FITNESS_IN_FLIGHT);
}

uint64_t
fitness_ticket(const struct board_row *row)
{
	return word_get(row, FITNESS_TICKET);
}

posterior
fitness_posterior(const struct board_row *row)
{
	return word_get(row, FITNESS_POSTERIOR);
}

/* ---- outcomes ---- */

/* An exponential average that weighs the newest by an eighth, kept in eighths so that it comes to
 * rest at the true value.  The first is taken as it is. */
static uint64_t
averaged(uint64_t eighths, int64_t ms)
{
	if (ms < 0)
		return eighths;
	uint64_t newest = (uint64_t)bounded(ms, 0, UINT32_MAX / 8);
	uint64_t mean = eighths ? eighths - eighths / 8 + newest : newest * 8;

	return mean ? mean : 1;
}

static void
learn_latency(struct board_row *row, int64_t first_byte_ms, int64_t total_ms)
{
	uint64_t old = word_get(row, FITNESS_LATENCY);

	while (!word_swap(row, FITNESS_LATENCY, &old,
	    averaged(old >> 32, first_byte_ms) << 32 | averaged(old & UINT32_MAX, total_ms)))
		;
}

static void
learn_posterior(struct board_row *row, bool success, struct moment m)
{
	uint64_t old = word_get(row, FITNESS_POSTERIOR);

	while (!word_swap(row, FITNESS_POSTERIOR, &old, posterior_after(old, success, m.ms)))
		;
}

#define STREAK_BITS 8 /* {since: 32, forbidden: 8, vague: 8} */

void
fitness_vague_ends(struct board_row *row)
{
	uint64_t old = word_get(row, FITNESS_STREAKS);

	while ((old & BITS(STREAK_BITS)) &&
	       !word_swap(row, FITNESS_STREAKS, &old, old & ~BITS(STREAK_BITS)))
		;
}

void
fitness_succeeded(struct board_row *row, int64_t first_byte_ms, int64_t total_ms, struct moment m)
{
	uint64_t last = word_get(row, FITNESS_LAST);

	if (!row)
		return;
	atomic_fetch_add_explicit(&row->words[FITNESS_SUCCESSES], 1, memory_order_relaxed);
	learn_posterior(row, true, m);
	learn_latency(row, first_byte_ms, total_ms);
	while (
	    !word_swap(row, FITNESS_LAST, &last, SECONDS_PAIR(wall_seconds(m), LOW_SECONDS(last))))
		;
	fitness_vague_ends(row);
}

void
fitness_failed(struct board_row *row, enum outcome o, bool blamed, struct moment m)
{
	uint64_t old = word_get(row, FITNESS_FAILURES);

	assert(o < OUTCOME_COUNT);
	if (!row)
		return;
	while (!word_swap(row, FITNESS_FAILURES, &old,
	    ((old >> FAILURE_CAUSE_BITS) + 1) << FAILURE_CAUSE_BITS | o))
		;
	if (blamed)
		learn_posterior(row, false, m);
}

unsigned
fitness_vague(struct board_row *row)
{
	uint64_t old = word_get(row, FITNESS_STREAKS), count;

	if (!row)
		return 1;
	do {
		count = old & BITS(STREAK_BITS);
		count += count < BITS(STREAK_BITS);
	} while (!word_swap(row, FITNESS_STREAKS, &old, (old & ~BITS(STREAK_BITS)) | count));
	return (unsigned)count;
}

static struct fitness_streaks
streaks_of(uint64_t word)
{
	return (struct fitness_streaks){ .vague = word & BITS(STREAK_BITS),
		.forbidden = word >> STREAK_BITS & BITS(STREAK_BITS),
		.forbidden_s = (uint32_t)(word >> 2 * STREAK_BITS) };
}

struct fitness_streaks
fitness_streaks(const struct board_row *row)
{
	return streaks_of(word_get(row, FITNESS_STREAKS));
}

static uint64_t
streaks_word(const struct fitness_streaks *s)
{
	return (uint64_t)s->forbidden_s << 2 * STREAK_BITS |
	       (uint64_t)(s->forbidden & BITS(STREAK_BITS)) << STREAK_BITS |
	       (s->vague & BITS(STREAK_BITS));
}

void
fitness_streaks_restore(struct board_row *row, const struct fitness_streaks *s)
{
	word_put(row, FITNESS_STREAKS, streaks_word(s));
}

static bool
is_counting(const struct fitness_streaks *all, uint64_t now_s)
{
	return all->forbidden > 0 && now_s >= all->forbidden_s &&
	       now_s - all->forbidden_s < DAY_MS / SECOND_MS;
}

/* Both rows have the same word: of the model it says when it was counted, of the whole since when
 * there is a count.  False: it was counted since then. */
static bool
claim_forbidden(struct board_row *own, uint64_t since_s, uint64_t now_s)
{
	uint64_t old = word_get(own, FITNESS_STREAKS);
	struct fitness_streaks s;

	do {
		s = streaks_of(old);
		if (s.forbidden > 0 && s.forbidden_s >= since_s)
			return false;
		s.forbidden = 1;
		s.forbidden_s = (uint32_t)now_s;
	} while (!word_swap(own, FITNESS_STREAKS, &old, streaks_word(&s)));
	return true;
}

unsigned
fitness_forbidden(struct board_row *own, struct board_row *whole, struct moment m)
{
	uint64_t now_s = wall_seconds(m), old = word_get(whole, FITNESS_STREAKS);
	struct fitness_streaks all = streaks_of(old);

	if (!own || !whole ||
	    !claim_forbidden(own, is_counting(&all, now_s) ? all.forbidden_s : now_s, now_s))
		return all.forbidden;
	do {
		all = streaks_of(old);
		if (!is_counting(&all, now_s)) {
			all.forbidden = 0;
			all.forbidden_s = (uint32_t)now_s;
		}
		all.forbidden += all.forbidden < BITS(STREAK_BITS);
	} while (!word_swap(whole, FITNESS_STREAKS, &old, streaks_word(&all)));
	return all.forbidden;
}

struct fitness_latency
fitness_latency(const struct board_row *row)
{
	uint64_t word = word_get(row, FITNESS_LATENCY);

	return (struct fitness_latency){ (uint32_t)(word >> 32), (uint32_t)word };
}

void
fitness_latency_restore(struct board_row *row, struct fitness_latency l)
{
	word_put(row, FITNESS_LATENCY, SECONDS_PAIR(l.first_byte, l.total));
}

/* ---- breakers ---- */

bool
fitness_break(struct board_row *row, const struct breaker_rule *rule, enum outcome cause,
    struct moment m, uint64_t chance)
{
	uint64_t old = word_get(row, FITNESS_BREAKER), wanted;

	assert(cause < OUTCOME_COUNT);
	if (!row)
		return false;
	do {
		wanted = breaker_failed(old, rule, cause, m.ms, chance);
	} while (!word_swap(row, FITNESS_BREAKER, &old, wanted));
	return breaker_open_until(wanted) != 0 && wanted != old;
}

void
fitness_mend(struct board_row *row)
{
	uint64_t old = word_get(row, FITNESS_BREAKER);

	while (old && !word_swap(row, FITNESS_BREAKER, &old, breaker_succeeded(old)))
		;
}

bool
fitness_probe(struct board_row *row, struct moment m)
{
	uint64_t old = word_get(row, FITNESS_BREAKER);
	int64_t free_at_ms;
	bool is_probe;

	if (!row)
		return false;
	do {
		if (!breaker_lets(old, m.ms, &is_probe, &free_at_ms) || !is_probe)
			return false;
	} while (!word_swap(row, FITNESS_BREAKER, &old, breaker_probing(old, m.ms)));
	return true;
}

void
fitness_unprobe(struct board_row *row, struct moment m)
{
	uint64_t old = word_get(row, FITNESS_BREAKER);

	while (old && !word_swap(row, FITNESS_BREAKER, &old, breaker_unprobed(old, m.ms)))
		;
}
