/*
 * A row as a record of the store and back.  Runs in the janitor, which writes what changed every
 * few seconds, and in whoever builds the board anew.  Owns nothing.
 *
 * Between the two lies a restart, perhaps of the machine: the monotonic clock begins anew, so every
 * time is kept as Unix time.  That clock may have been wrong when the record was written, or be
 * wrong now, so nothing in it may freeze or rest a credential for longer than a day.  Outcomes are
 * kept by their names: their numbers may change from version to version.
 */
#include "upstream/fitness.h"

#include "store/schema.h"
#include "upstream/fitness_words.h"

/* Append only. */
enum tag {
	TAG_FREEZE_UNTIL = 1, /* Unix ms */
	TAG_FREEZE_BY_WALL,
	TAG_FREEZE_CAUSE, /* name of an outcome */
	TAG_POSTERIOR,    /* as seen by the wall clock */
	TAG_BREAKER,      /* the same */
	TAG_FIRST_BYTE,   /* average, in 1/8 ms */
	TAG_TOTAL,        /* the same */
	TAG_SUCCESSES,
	TAG_FAILURES,
	TAG_LAST_FAILURE, /* name of an outcome */
	TAG_DAY,          /* Pacific, in days since 2020-01-01 */
	TAG_DAY_REQUESTS,
	TAG_RPM, /* learned limits, and when (Unix s) */
	TAG_TPM,
	TAG_RPD,
	TAG_LEARNED,
	TAG_PROBE_ASKED, /* Unix s, as the rest */
	TAG_LAST_SUCCESS,
	TAG_FIRST_LENT,
	TAG_VAGUE,
	TAG_FORBIDDEN,
	TAG_FORBIDDEN_SINCE,
	TAG_COUNT
};

/* ---- writing ---- */

static void
put(struct buf *record, enum tag tag, uint64_t value)
{
	if (value)
		record_put_int(record, tag, (int64_t)value);
}

static void
put_outcome(struct buf *record, enum tag tag, enum outcome o)
{
	record_put_text(record, tag, span_of(outcome_name(o)));
}

static void
encode_freeze(const struct board_row *row, struct moment m, struct buf *record)
{
	struct fitness_freeze f = fitness_frozen(row, m);
	int64_t left = fitness_freeze_left_ms(&f, m);

	if (left == 0)
		return;
	put(record, TAG_FREEZE_UNTIL, (uint64_t)bounded(m.wall_ms + left, 0, INT64_MAX));
	put(record, TAG_FREEZE_BY_WALL, f.by_wall);
	put_outcome(record, TAG_FREEZE_CAUSE, f.cause);
}

static void
encode_counts(const struct board_row *row, struct buf *record)
{
	struct fitness_latency latency = fitness_latency(row);
	uint64_t failures = word_get(row, FITNESS_FAILURES), last = word_get(row, FITNESS_LAST);

	put(record, TAG_FIRST_BYTE, latency.first_byte);
	put(record, TAG_TOTAL, latency.total);
	put(record, TAG_SUCCESSES, word_get(row, FITNESS_SUCCESSES));
	put(record, TAG_FAILURES, failures >> FAILURE_CAUSE_BITS);
	if (failures)
		put_outcome(record, TAG_LAST_FAILURE,
		    outcome_of_number(failures & BITS(FAILURE_CAUSE_BITS)));
	put(record, TAG_LAST_SUCCESS, (uint64_t)HIGH_SECONDS(last));
	put(record, TAG_FIRST_LENT, (uint64_t)LOW_SECONDS(last));
}

static void
encode_limits(const struct board_row *row, struct moment m, struct buf *record)
{
	struct fitness_day day = fitness_day_told(row, m);
	struct fitness_limits l = fitness_learned(row, m);
	uint64_t said = word_get(row, FITNESS_SAID);

	if (day.requests > 0) {
		put(record, TAG_DAY, day.number);
		put(record, TAG_DAY_REQUESTS, (uint64_t)day.requests);
	}
	if (l.rpm || l.tpm || l.rpd) {
		put(record, TAG_RPM, (uint64_t)l.rpm);
		put(record, TAG_TPM, (uint64_t)l.tpm);
		put(record, TAG_RPD, (uint64_t)l.rpd);
		put(record, TAG_LEARNED, (uint64_t)HIGH_SECONDS(said));
	}
	put(record, TAG_PROBE_ASKED, (uint64_t)LOW_SECONDS(said));
}

void
fitness_encode(const struct board_row *row, struct moment m, struct buf *record)
{
	struct fitness_streaks s = fitness_streaks(row);

	if (!row)
		return;
	encode_freeze(row, m, record);
	put(record, TAG_POSTERIOR,
	    posterior_moved(word_get(row, FITNESS_POSTERIOR), m.ms, m.wall_ms));
	put(record, TAG_BREAKER, breaker_moved(word_get(row, FITNESS_BREAKER), m.ms, m.wall_ms));
	encode_counts(row, record);
	encode_limits(row, m, record);
	put(record, TAG_VAGUE, s.vague);
	put(record, TAG_FORBIDDEN, s.forbidden);
	put(record, TAG_FORBIDDEN_SINCE, s.forbidden_s);
}

/* ---- reading ---- */

/* What a record says; 0 where it is silent. */
struct told {
	int64_t n[TAG_COUNT];
	enum outcome freeze_cause, last_failure;
};

/* One of a newer version is taken for the one that says least. */
static enum outcome
outcome_of_name(struct span name)
{
	static const struct span names[] = {
#define OUTCOME_SPAN(name, text, ...) { text, sizeof(text) - 1 },
		OUTCOMES(OUTCOME_SPAN)
#undef OUTCOME_SPAN
	};

	for (int o = OUTCOME_OK + 1; o < OUTCOME_COUNT; o++)
		if (names[o].len == name.len && names[o].p[0] == name.p[0] &&
		    memcmp(names[o].p, name.p, name.len) == 0)
			return (enum outcome)o;
	return OUTCOME_QUOTA_VAGUE;
}

static bool
read_field(struct told *t, unsigned tag, struct span value)
{
	if (tag == TAG_FREEZE_CAUSE)
		t->freeze_cause = outcome_of_name(value);
	else if (tag == TAG_LAST_FAILURE)
		t->last_failure = outcome_of_name(value);
	else if (tag > 0 && tag < TAG_COUNT)
		return record_int(value, &t->n[tag]);
	return true; /* perhaps of a newer binary */
}

static bool
read_record(struct told *t, struct span raw)
{
	struct record r;
	struct span value;
	unsigned tag;

	record_begin(&r, raw);
	while (record_next(&r, &tag, &value))
		if (!read_field(t, tag, value))
			return false;
	return !r.broken;
}

/* A time that lies behind us. */
static uint64_t
past_seconds(const struct told *t, enum tag tag, struct moment m)
{
	return (uint64_t)bounded(t->n[tag], 0, (int64_t)wall_seconds(m));
}

static void
restore_freeze(struct board_row *row, const struct told *t, struct moment m)
{
	struct fitness_freeze f = { .by_wall = t->n[TAG_FREEZE_BY_WALL] != 0,
		.cause = t->freeze_cause };
	int64_t until = t->n[TAG_FREEZE_UNTIL], most = DAY_MS;

	word_put(row, FITNESS_FREEZE, 0);
	if (until <= 0 || until <= m.wall_ms)
		return;
	/* The jitter behind a midnight is two minutes at most. */
	if (f.by_wall)
		most = fitness_day_ends_in_ms(m) + 2 * MINUTE_MS;
	f.until_ms = (f.by_wall ? m.wall_ms : m.ms) + bounded(until - m.wall_ms, 0, most);
	fitness_freeze(row, &f, m);
}

static void
restore_breaker(struct board_row *row, const struct told *t, struct moment m)
{
	breaker w = breaker_moved((breaker)t->n[TAG_BREAKER], m.wall_ms, m.ms);
	/* Whoever is told that it rests is told for what. */
	bool known = breaker_cause(w) < OUTCOME_COUNT &&
		     (breaker_cause(w) != OUTCOME_OK || breaker_state(w, m.ms) == BREAKER_CLOSED);

	word_put(row, FITNESS_BREAKER, known ? w : 0);
}

static void
restore_counts(struct board_row *row, const struct told *t, struct moment m)
{
	struct fitness_latency latency = { (uint32_t)bounded(t->n[TAG_FIRST_BYTE], 0, UINT32_MAX),
		(uint32_t)bounded(t->n[TAG_TOTAL], 0, UINT32_MAX) };
	uint64_t failures =
	    (uint64_t)bounded(t->n[TAG_FAILURES], 0, (int64_t)BITS(63 - FAILURE_CAUSE_BITS));

	fitness_latency_restore(row, latency);
	word_put(row, FITNESS_SUCCESSES, (uint64_t)bounded(t->n[TAG_SUCCESSES], 0, INT64_MAX));
	word_put(
	    row, FITNESS_FAILURES, failures ? failures << FAILURE_CAUSE_BITS | t->last_failure : 0);
	word_put(row, FITNESS_LAST,
	    SECONDS_PAIR(past_seconds(t, TAG_LAST_SUCCESS, m), past_seconds(t, TAG_FIRST_LENT, m)));
}

static void
restore_limits(struct board_row *row, const struct told *t, int64_t extra_day, struct moment m)
{
	struct fitness_limits l = { t->n[TAG_RPM], t->n[TAG_TPM], t->n[TAG_RPD] };
	struct moment said = { m.ms, (int64_t)past_seconds(t, TAG_LEARNED, m) * SECOND_MS };
	int64_t requests = bounded(t->n[TAG_DAY_REQUESTS], 0, UINT32_MAX);
	struct fitness_day day = { (uint16_t)t->n[TAG_DAY],
		requests + bounded(extra_day, 0, UINT32_MAX) };

	word_put(row, FITNESS_DAY, 0);
	fitness_day_restore(row, day, m);
	/* Without a time no limit is believed, so that those of the record replace them. */
	word_put(row, FITNESS_SAID, past_seconds(t, TAG_PROBE_ASKED, m));
	fitness_learn(row, &l, said);
}

static void
restore_streaks(struct board_row *row, const struct told *t, struct moment m)
{
	struct fitness_streaks s = { (unsigned)bounded(t->n[TAG_VAGUE], 0, UINT8_MAX),
		(unsigned)bounded(t->n[TAG_FORBIDDEN], 0, UINT8_MAX),
		(uint32_t)past_seconds(t, TAG_FORBIDDEN_SINCE, m) };

	fitness_streaks_restore(row, &s);
}

bool
fitness_decode(struct board_row *row, struct span raw, int64_t extra_day, struct moment m)
{
	struct told t = { .freeze_cause = OUTCOME_QUOTA_VAGUE,
		.last_failure = OUTCOME_QUOTA_VAGUE };

	if (!read_record(&t, raw))
		return false;
	if (!row)
		return true;
	restore_freeze(row, &t, m);
	word_put(row, FITNESS_POSTERIOR,
	    posterior_moved((posterior)t.n[TAG_POSTERIOR], m.wall_ms, m.ms));
	restore_breaker(row, &t, m);
	restore_counts(row, &t, m);
	restore_limits(row, &t, extra_day, m);
	restore_streaks(row, &t, m);
	return true;
}
