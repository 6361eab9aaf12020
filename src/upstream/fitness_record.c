/*
 * A row as a record of the store and back.  Runs in the janitor, which writes what changed every
 * few seconds, and in whoever builds the board anew.  Owns nothing.
 *
 * Between the two lies a restart, perhaps of the machine: the monotonic clock begins anew, so every
 * time is kept as Unix time.  That clock may have been wrong when the record was written, or be
 * wrong now, so nothing in it may freeze or rest a credential for longer than a day.  Outcomes are
 * kept by marks made of their names: their numbers may change from version to version.
 *
 * A record is a list of words of 8 bytes, least significant first, without the zeros at its end. No
 * tags and no varints: a start may read half a million of these before anybody is served.
 */
#include "upstream/fitness.h"

#include <endian.h>
#include <string.h>
#include "upstream/fitness_words.h"

/* Append only: an older binary takes no notice of what comes behind. */
enum word {
	AT_FREEZE,    /* {until, Unix ms: 47, by the wall clock: 1, mark of the cause: 16} */
	AT_POSTERIOR, /* as seen by the wall clock */
	AT_BREAKER,   /* the same */
	AT_LATENCY,   /* averages in 1/8 ms: {to the first byte: 32, to the last: 32} */
	AT_SUCCESSES,
	AT_FAILURES, /* {how many: 48, mark of the last one's outcome: 16} */
	AT_DAY,      /* {requests: 48, Pacific day since 2020-01-01: 16} */
	AT_LIMITS,   /* as stated: {requests a minute: 32, requests a day: 32} ... */
	AT_TOKENS,   /* ... and tokens a minute */
	AT_SAID,     /* Unix s: {limits were stated: 32, a probe was asked for: 32} */
	AT_LAST,     /* Unix s: {last success: 32, first lent: 32} */
	AT_STREAKS,  /* {since, Unix s: 32, forbidden models: 16, vague 429s in a row: 16} */
	WORD_COUNT
};

#define MARK_BITS    16
#define UNTIL_MAX    ((int64_t)BITS(47))
#define FAILURES_MAX ((int64_t)BITS(48))

struct words {
	uint64_t at[WORD_COUNT]; /* 0: nothing is said */
};

static uint64_t
pair(uint64_t high, uint64_t low)
{
	return high << 32 | (low & UINT32_MAX);
}

/* ---- outcomes ---- */

static uint16_t
mark_of_name(const char *name)
{
	uint32_t h = UINT32_C(2166136261); /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT32_C(16777619);
	return (uint16_t)(h ^ h >> MARK_BITS);
}

/* By the outcomes' numbers; no two are alike. */
static const uint16_t *
marks(void)
{
	static _Thread_local uint16_t made[OUTCOME_COUNT];
	static _Thread_local bool are_made;

	for (int o = 0; o < OUTCOME_COUNT && !are_made; o++)
		made[o] = mark_of_name(outcome_name((enum outcome)o));
	are_made = true;
	return made;
}

/* One of a newer version is taken for the one that says least. */
static enum outcome
outcome_of(uint64_t word)
{
	const uint16_t *made = marks();

	for (int o = OUTCOME_OK + 1; o < OUTCOME_COUNT; o++)
		if (made[o] == (uint16_t)word)
			return (enum outcome)o;
	return OUTCOME_QUOTA_VAGUE;
}

/* ---- writing ---- */

static uint64_t
freeze_word(const struct board_row *row, struct moment m)
{
	struct fitness_freeze f = fitness_frozen(row, m);
	int64_t left = fitness_freeze_left_ms(&f, m);

	if (left == 0)
		return 0;
	return (uint64_t)bounded(m.wall_ms + left, 0, UNTIL_MAX) << (MARK_BITS + 1) |
	       (uint64_t)f.by_wall << MARK_BITS | marks()[f.cause];
}

static uint64_t
failures_word(const struct board_row *row)
{
	uint64_t failures = word_get(row, FITNESS_FAILURES);

	if (failures == 0)
		return 0;
	return (uint64_t)bounded((int64_t)(failures >> FAILURE_CAUSE_BITS), 0, FAILURES_MAX)
		   << MARK_BITS |
	       marks()[outcome_of_number(failures & BITS(FAILURE_CAUSE_BITS))];
}

static uint64_t
day_word(const struct board_row *row, struct moment m)
{
	struct fitness_day day = fitness_day_told(row, m);

	return day.requests > 0 ? (uint64_t)day.requests << 16 | day.number : 0;
}

static uint64_t
streaks_word(const struct board_row *row)
{
	struct fitness_streaks s = fitness_streaks(row);

	return pair(s.forbidden_s, (s.forbidden & BITS(16)) << 16 | (s.vague & BITS(16)));
}

static struct words
words_of(const struct board_row *row, struct moment m)
{
	struct fitness_latency latency = fitness_latency(row);
	struct fitness_limits l = fitness_learned(row, m);
	uint64_t said = word_get(row, FITNESS_SAID);
	struct words w = { 0 };

	w.at[AT_FREEZE] = freeze_word(row, m);
	w.at[AT_POSTERIOR] = posterior_moved(word_get(row, FITNESS_POSTERIOR), m.ms, m.wall_ms);
	w.at[AT_BREAKER] = breaker_moved(word_get(row, FITNESS_BREAKER), m.ms, m.wall_ms);
	w.at[AT_LATENCY] = pair(latency.first_byte, latency.total);
	w.at[AT_SUCCESSES] = word_get(row, FITNESS_SUCCESSES);
	w.at[AT_FAILURES] = failures_word(row);
	w.at[AT_DAY] = day_word(row, m);
	w.at[AT_LIMITS] = pair((uint64_t)l.rpm, (uint64_t)l.rpd);
	w.at[AT_TOKENS] = (uint64_t)l.tpm;
	w.at[AT_SAID] = w.at[AT_LIMITS] || w.at[AT_TOKENS] ? said : (uint64_t)LOW_SECONDS(said);
	w.at[AT_LAST] = word_get(row, FITNESS_LAST);
	w.at[AT_STREAKS] = streaks_word(row);
	return w;
}

void
fitness_encode(const struct board_row *row, struct moment m, struct buf *record)
{
	struct words w;
	size_t n = WORD_COUNT;

	if (!row)
		return;
	w = words_of(row, m);
	while (n > 0 && w.at[n - 1] == 0)
		n--;
	for (size_t i = 0; i < n; i++)
		w.at[i] = htole64(w.at[i]);
	buf_add(record, w.at, n * sizeof(w.at[0]));
}

/* ---- reading ---- */

/* A time that lies behind us. */
static uint64_t
past_seconds(uint64_t seconds, struct moment m)
{
	uint64_t now = wall_seconds(m);

	return seconds < now ? seconds : now;
}

static uint64_t
past_pair(uint64_t word, struct moment m)
{
	return pair(past_seconds(word >> 32, m), past_seconds(word & UINT32_MAX, m));
}

static void
restore_freeze(struct board_row *row, uint64_t word, struct moment m)
{
	struct fitness_freeze f = { .by_wall = word >> MARK_BITS & 1 };
	int64_t until = (int64_t)(word >> (MARK_BITS + 1)), most = DAY_MS;

	word_put(row, FITNESS_FREEZE, 0);
	if (until <= m.wall_ms)
		return;
	f.cause = outcome_of(word);
	/* The jitter behind a midnight is two minutes at most. */
	if (f.by_wall)
		most = fitness_day_ends_in_ms(m) + 2 * MINUTE_MS;
	f.until_ms = (f.by_wall ? m.wall_ms : m.ms) + bounded(until - m.wall_ms, 0, most);
	fitness_freeze(row, &f, m);
}

static void
restore_breaker(struct board_row *row, uint64_t word, struct moment m)
{
	breaker w = breaker_moved(word, m.wall_ms, m.ms);
	/* Whoever is told that it rests is told for what. */
	bool known = breaker_cause(w) < OUTCOME_COUNT &&
		     (breaker_cause(w) != OUTCOME_OK || breaker_state(w, m.ms) == BREAKER_CLOSED);

	word_put(row, FITNESS_BREAKER, known ? w : 0);
}

static void
restore_counts(struct board_row *row, const struct words *w, struct moment m)
{
	struct fitness_latency latency = { (uint32_t)(w->at[AT_LATENCY] >> 32),
		(uint32_t)w->at[AT_LATENCY] };
	uint64_t failures = w->at[AT_FAILURES] >> MARK_BITS;

	fitness_latency_restore(row, latency);
	word_put(row, FITNESS_SUCCESSES,
	    w->at[AT_SUCCESSES] < INT64_MAX ? w->at[AT_SUCCESSES] : INT64_MAX);
	word_put(row, FITNESS_FAILURES,
	    failures ? failures << FAILURE_CAUSE_BITS | outcome_of(w->at[AT_FAILURES]) : 0);
	word_put(row, FITNESS_LAST, past_pair(w->at[AT_LAST], m));
}

static void
restore_limits(struct board_row *row, const struct words *w, int64_t extra_day, struct moment m)
{
	struct fitness_limits l = { (int64_t)(w->at[AT_LIMITS] >> 32),
		(int64_t)(w->at[AT_TOKENS] & UINT32_MAX),
		(int64_t)(w->at[AT_LIMITS] & UINT32_MAX) };
	uint64_t said = past_pair(w->at[AT_SAID], m);
	struct moment stated = { m.ms, HIGH_SECONDS(said) * SECOND_MS };
	int64_t requests = bounded((int64_t)(w->at[AT_DAY] >> 16), 0, UINT32_MAX);
	struct fitness_day day = { (uint16_t)w->at[AT_DAY],
		requests + bounded(extra_day, 0, UINT32_MAX) };

	word_put(row, FITNESS_DAY, 0);
	if (requests > 0)
		fitness_day_restore(row, day, m);
	/* Without a time no limit is believed, so that those of the record replace them. */
	word_put(row, FITNESS_SAID, (uint64_t)LOW_SECONDS(said));
	fitness_learn(row, &l, stated);
}

static void
restore_streaks(struct board_row *row, uint64_t word, struct moment m)
{
	struct fitness_streaks s = {
		(unsigned)bounded((int64_t)(word & BITS(16)), 0, UINT8_MAX),
		(unsigned)bounded((int64_t)(word >> 16 & BITS(16)), 0, UINT8_MAX),
		(uint32_t)past_seconds(word >> 32, m),
	};

	fitness_streaks_restore(row, &s);
}

bool
fitness_decode(struct board_row *row, struct span raw, int64_t extra_day, struct moment m)
{
	struct words w = { 0 };

	if (raw.len % sizeof(w.at[0]) != 0)
		return false;
	if (!row)
		return true;
	for (size_t i = 0; i < WORD_COUNT && i < raw.len / sizeof(w.at[0]); i++) {
		memcpy(&w.at[i], raw.p + i * sizeof(w.at[0]), sizeof(w.at[0]));
		w.at[i] = le64toh(w.at[i]);
	}
	restore_freeze(row, w.at[AT_FREEZE], m);
	word_put(row, FITNESS_POSTERIOR, posterior_moved(w.at[AT_POSTERIOR], m.wall_ms, m.ms));
	restore_breaker(row, w.at[AT_BREAKER], m);
	restore_counts(row, &w, m);
	restore_limits(row, &w, extra_day, m);
	restore_streaks(row, w.at[AT_STREAKS], m);
	return true;
}
