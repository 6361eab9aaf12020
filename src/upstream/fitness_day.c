/*
 * The requests of a day, and the limits that upstream stated.  Runs in workers, which book and
 * learn, and in the janitor, which keeps both in the store.  Owns nothing.
 *
 * Google's day ends at midnight in California, so this is the one count that goes by the wall
 * clock; and that clock may be set by hand, by an hour or by years.  A day is therefore begun
 * together with the time on the monotonic clock at which it ends, and the next one starts only when
 * both clocks say so: an hour forward does not start it early, an hour back does not give it twice,
 * and a clock that was wrong by years has healed within a day.
 */
#include "upstream/fitness.h"

#include "upstream/fitness_words.h"

/* ---- days ---- */

/* {number of the Pacific day: 16, requests: 24, not over before (monotonic, in units): 24} */
#define UNIT_MS       (8 * SECOND_MS) /* so that the time goes round only once in four years */
#define TIME_BITS     24
#define REQUESTS_BITS 24
#define REQUESTS_MAX  ((int64_t)BITS(REQUESTS_BITS))
#define NUMBER_SHIFT  (TIME_BITS + REQUESTS_BITS)

/* The longest day has 25 hours, and one that the store knew of may be the next (see restore); what
 * seems further ahead lies behind. */
#define AHEAD_MOST_MS (60 * HOUR_MS)
#define FIRST_DAY     18262 /* 2020-01-01 in days since 1970 */

#define SHORTEST_DAY_MS (23 * HOUR_MS)

/* A lease of the day before may be given back this late: so long nothing is. */
#define GRACE_MS (30 * MINUTE_MS)

/* A clock that nobody has set yet stands near 1970: the day before is none. */
static int64_t
sane_wall_ms(struct moment m)
{
	return m.wall_ms < DAY_MS ? DAY_MS : m.wall_ms;
}

/* The calendar is dear, and at a start it is asked for every row there is: what it said last holds
 * until that midnight, and for as long before it as no day is shorter. */
static int64_t
next_midnight(struct moment m)
{
	static _Thread_local int64_t last;
	int64_t wall_ms = sane_wall_ms(m);

	if (wall_ms >= last || last - wall_ms > SHORTEST_DAY_MS)
		last = outcome_pacific_midnight(wall_ms);
	return last;
}

/* Midnight is at 07:00 or 08:00 UTC: of either, less seven hours is a day's number. */
static uint16_t
day_number(struct moment m)
{
	return (uint16_t)((next_midnight(m) - 7 * HOUR_MS) / DAY_MS - 1 - FIRST_DAY);
}

int64_t
fitness_day_ends_in_ms(struct moment m)
{
	return next_midnight(m) - sane_wall_ms(m);
}

static uint64_t
day_word(uint16_t number, int64_t requests, int64_t not_before_ms)
{
	uint64_t units = (uint64_t)((not_before_ms + UNIT_MS - 1) / UNIT_MS);

	return (uint64_t)number << NUMBER_SHIFT |
	       (uint64_t)bounded(requests, 0, REQUESTS_MAX) << TIME_BITS |
	       (units & BITS(TIME_BITS));
}

/* How long the monotonic clock says that it is not over; 0: it may be. */
static int64_t
held_ms(uint64_t word, struct moment m)
{
	uint64_t now = (uint64_t)(m.ms / UNIT_MS);
	int64_t ahead_ms = (int64_t)((word - now) & BITS(TIME_BITS)) * UNIT_MS - m.ms % UNIT_MS;

	return ahead_ms > 0 && ahead_ms <= AHEAD_MOST_MS ? ahead_ms : 0;
}

/* In this order: the calendar costs more. */
static bool
is_over(uint64_t word, struct moment m)
{
	return word == 0 ||
	       (held_ms(word, m) == 0 && (uint16_t)(word >> NUMBER_SHIFT) != day_number(m));
}

static int64_t
requests_of(uint64_t word)
{
	return (int64_t)(word >> TIME_BITS & BITS(REQUESTS_BITS));
}

static uint64_t
with_requests(uint64_t word, int64_t n)
{
	return (word & ~(BITS(REQUESTS_BITS) << TIME_BITS)) | (uint64_t)bounded(n, 0, REQUESTS_MAX)
								  << TIME_BITS;
}

static uint64_t
new_day(struct moment m)
{
	return day_word(day_number(m), 0, m.ms + fitness_day_ends_in_ms(m));
}

bool
fitness_day_book(struct board_row *row, int64_t limit, struct moment m)
{
	uint64_t old = word_get(row, FITNESS_DAY), day;

	if (!row)
		return true;
	do {
		day = is_over(old, m) ? new_day(m) : old;
		if (limit > 0 && requests_of(day) >= limit)
			return false;
	} while (!word_swap(row, FITNESS_DAY, &old, with_requests(day, requests_of(day) + 1)));
	return true;
}

/*
 * What is given back was booked some time ago.  If that was yesterday, today's count is not
 * touched: there it would make room for one too many.
 */
void
fitness_day_return(struct board_row *row, struct moment m)
{
	uint64_t old = word_get(row, FITNESS_DAY);
	struct moment before = { m.ms, m.wall_ms - GRACE_MS };

	if (day_number(before) != day_number(m))
		return;
	while (!is_over(old, m) && requests_of(old) > 0 &&
	       !word_swap(row, FITNESS_DAY, &old, with_requests(old, requests_of(old) - 1)))
		;
}

int64_t
fitness_day_used(const struct board_row *row, struct moment m)
{
	uint64_t word = word_get(row, FITNESS_DAY);

	return is_over(word, m) ? 0 : requests_of(word);
}

int64_t
fitness_day_ends_ms(const struct board_row *row, struct moment m)
{
	uint64_t word = word_get(row, FITNESS_DAY);
	int64_t held = is_over(word, m) ? 0 : held_ms(word, m);
	int64_t left = fitness_day_ends_in_ms(m);

	/* The wall clock has moved on: the other alone is waited for. */
	if (held > 0 && (uint16_t)(word >> NUMBER_SHIFT) != day_number(m))
		return m.ms + held;
	return m.ms + (held > left ? held : left);
}

/* The units round the end up by some seconds.  Where the two clocks are further apart, the wall
 * clock was set, and the other one is right. */
static bool
is_about_over(uint64_t word, struct moment m)
{
	int64_t held = word ? held_ms(word, m) : 0;

	return held > 0 && held <= UNIT_MS && (uint16_t)(word >> NUMBER_SHIFT) != day_number(m);
}

int64_t
fitness_day_doubt_ms(const struct board_row *row, int64_t margin_ms, struct moment m)
{
	uint64_t word = word_get(row, FITNESS_DAY);
	int64_t left = fitness_day_ends_in_ms(m), held = word ? held_ms(word, m) : 0;
	bool is_near = left <= margin_ms;

	if (!is_near && !is_about_over(word, m))
		return 0;
	if (!is_near || (held > left && held <= UNIT_MS + margin_ms))
		return m.ms + held;
	return m.ms + left;
}

void
fitness_day_late(struct board_row *row, int64_t since_ms, struct moment m)
{
	struct moment then = { since_ms, m.wall_ms - (m.ms - since_ms) };
	uint64_t old = word_get(row, FITNESS_DAY), day;

	if (!row || day_number(then) == day_number(m))
		return;
	do
		day = is_over(old, m) || is_about_over(old, m) ? new_day(m) : old;
	while (!word_swap(row, FITNESS_DAY, &old, with_requests(day, requests_of(day) + 1)));
}

struct fitness_day
fitness_day_told(const struct board_row *row, struct moment m)
{
	uint64_t word = word_get(row, FITNESS_DAY);

	if (is_over(word, m))
		return (struct fitness_day){ 0, 0 };
	return (struct fitness_day){ (uint16_t)(word >> NUMBER_SHIFT), requests_of(word) };
}

/*
 * The clock may have been set back over midnight while nobody ran.  Then the record's day is
 * tomorrow, and it has been used already: it goes on, to its own end.
 */
void
fitness_day_restore(struct board_row *row, struct fitness_day day, struct moment m)
{
	struct moment tomorrow = { m.ms, m.wall_ms + fitness_day_ends_in_ms(m) };
	int64_t ends_ms = m.ms + fitness_day_ends_in_ms(m);

	if (day.requests <= 0)
		return;
	if (day.number == (uint16_t)(day_number(m) + 1))
		ends_ms += fitness_day_ends_in_ms(tomorrow);
	else if (day.number != day_number(m))
		return;
	word_put(row, FITNESS_DAY, day_word(day.number, day.requests, ends_ms));
}

/* ---- limits that upstream stated ---- */

/* {rpm: 20, tpm: 24, rpd: 20} */
#define RPM_SHIFT 44
#define TPM_SHIFT 20

static struct fitness_limits
limits_of(uint64_t word)
{
	return (struct fitness_limits){ .rpm = (int64_t)(word >> RPM_SHIFT),
		.tpm = (int64_t)(word >> TPM_SHIFT & BITS(24)),
		.rpd = (int64_t)(word & BITS(20)) };
}

static uint64_t
limits_word(const struct fitness_limits *l)
{
	return (uint64_t)bounded(l->rpm, 0, BITS(20)) << RPM_SHIFT |
	       (uint64_t)bounded(l->tpm, 0, BITS(24)) << TPM_SHIFT |
	       (uint64_t)bounded(l->rpd, 0, BITS(20));
}

/* A clock that was set back since must not make them last for years. */
static bool
is_believed(const struct board_row *row, struct moment m)
{
	int64_t said = HIGH_SECONDS(word_get(row, FITNESS_SAID));
	int64_t age = (int64_t)wall_seconds(m) - said;

	return said > 0 && age < DAY_MS / SECOND_MS && age > -DAY_MS / SECOND_MS;
}

void
fitness_learn(struct board_row *row, const struct fitness_limits *said, struct moment m)
{
	uint64_t old = word_get(row, FITNESS_LEARNED), when = word_get(row, FITNESS_SAID);
	bool believed = is_believed(row, m);
	struct fitness_limits l;

	if (!row || (said->rpm <= 0 && said->tpm <= 0 && said->rpd <= 0))
		return;
	do {
		l = limits_of(believed ? old : 0);
		l.rpm = said->rpm > 0 ? said->rpm : l.rpm;
		l.tpm = said->tpm > 0 ? said->tpm : l.tpm;
		l.rpd = said->rpd > 0 ? said->rpd : l.rpd;
	} while (!word_swap(row, FITNESS_LEARNED, &old, limits_word(&l)));
	while (
	    !word_swap(row, FITNESS_SAID, &when, SECONDS_PAIR(wall_seconds(m), LOW_SECONDS(when))))
		;
}

struct fitness_limits
fitness_learned(const struct board_row *row, struct moment m)
{
	return limits_of(is_believed(row, m) ? word_get(row, FITNESS_LEARNED) : 0);
}
