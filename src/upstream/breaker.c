/*
 * Circuit breakers.  Runs in workers and in the janitor, owns nothing: the words lie on the board
 * or in the store, and each function says to what a word changes.
 */
#include "upstream/breaker.h"

#include <assert.h>

#define STATE_SHIFT    62
#define OPENINGS_SHIFT 56
#define FAILURES_SHIFT 48
#define CAUSE_SHIFT    42

#define OPENINGS_MAX 63u
#define FAILURES_MAX 255u
#define CAUSE_MAX    63u
#define TIME_MAX     ((INT64_C(1) << CAUSE_SHIFT) - 1)

/* A word taken apart. */
struct parts {
	unsigned state, openings, failures, cause;
	int64_t time_ms;
};

/* The fourth state, which no function here gives, is taken for one that a probe gets out of. */
static struct parts
parts_of(breaker w)
{
	unsigned state = (unsigned)(w >> STATE_SHIFT);

	return (struct parts){
		.state = state > BREAKER_HALF_OPEN ? BREAKER_HALF_OPEN : state,
		.openings = (unsigned)(w >> OPENINGS_SHIFT) & OPENINGS_MAX,
		.failures = (unsigned)(w >> FAILURES_SHIFT) & FAILURES_MAX,
		.cause = (unsigned)(w >> CAUSE_SHIFT) & CAUSE_MAX,
		.time_ms = (int64_t)w & TIME_MAX,
	};
}

static int64_t
bounded(int64_t ms)
{
	return ms < 0 ? 0 : ms > TIME_MAX ? TIME_MAX : ms;
}

static breaker
word_of(struct parts p)
{
	assert(p.state <= BREAKER_HALF_OPEN && p.openings <= OPENINGS_MAX);
	assert(p.failures <= FAILURES_MAX && p.cause <= CAUSE_MAX);
	return (breaker)p.state << STATE_SHIFT | (breaker)p.openings << OPENINGS_SHIFT |
	       (breaker)p.failures << FAILURES_SHIFT | (breaker)p.cause << CAUSE_SHIFT |
	       (breaker)bounded(p.time_ms);
}

const char *
breaker_state_name(enum breaker_state s)
{
	static const char *const names[] = { "closed", "open", "half-open" };

	assert(s <= BREAKER_HALF_OPEN);
	return names[s];
}

enum breaker_state
breaker_state(breaker w, int64_t now_ms)
{
	struct parts p = parts_of(w);

	if (p.state == BREAKER_OPEN)
		return now_ms < p.time_ms ? BREAKER_OPEN : BREAKER_HALF_OPEN;
	return p.state == BREAKER_CLOSED ? BREAKER_CLOSED : BREAKER_HALF_OPEN;
}

bool
breaker_lets(breaker w, int64_t now_ms, bool *is_probe, int64_t *free_at_ms)
{
	struct parts p = parts_of(w);
	int64_t free_ms = p.state == BREAKER_OPEN ? p.time_ms : p.time_ms + BREAKER_PROBE_MAX_MS;

	*is_probe = false;
	if (p.state == BREAKER_CLOSED)
		return true;
	if (now_ms < free_ms) {
		*free_at_ms = free_ms;
		return false;
	}
	*is_probe = true;
	return true;
}

breaker
breaker_probing(breaker w, int64_t now_ms)
{
	struct parts p = parts_of(w);

	assert(p.state != BREAKER_CLOSED);
	p.state = BREAKER_HALF_OPEN;
	p.time_ms = now_ms;
	return word_of(p);
}

breaker
breaker_unprobed(breaker w, int64_t now_ms)
{
	struct parts p = parts_of(w);

	if (p.state != BREAKER_HALF_OPEN)
		return w;
	p.state = BREAKER_OPEN;
	p.time_ms = now_ms;
	return word_of(p);
}

breaker
breaker_succeeded(breaker w)
{
	struct parts p = parts_of(w);

	return word_of((struct parts){
	    .state = BREAKER_CLOSED,
	    .openings = p.state == BREAKER_CLOSED ? p.openings / 2 : p.openings,
	});
}

/* Full jitter: anything from the least to the bound, which doubles with each opening before. */
static int64_t
wait_ms(const struct breaker_rule *rule, unsigned openings, uint64_t chance)
{
	int64_t bound = rule->first_ms;

	for (unsigned i = 0; i < openings && bound < rule->most_ms; i++)
		bound *= 2;
	if (bound > rule->most_ms)
		bound = rule->most_ms;
	if (bound <= rule->least_ms)
		return rule->least_ms;
	uint64_t choices = (uint64_t)(bound - rule->least_ms) + 1;

	return rule->least_ms + (int64_t)((unsigned __int128)chance * choices >> 64);
}

breaker
breaker_failed(
    breaker w, const struct breaker_rule *rule, unsigned cause, int64_t now_ms, uint64_t chance)
{
	struct parts p = parts_of(w);

	assert(rule->first_ms >= 0 && rule->least_ms >= 0);
	assert(rule->most_ms <= BREAKER_WAIT_MAX_MS && rule->least_ms <= BREAKER_WAIT_MAX_MS);
	assert(cause <= CAUSE_MAX);
	if (p.state == BREAKER_OPEN)
		return w;
	if (p.failures < FAILURES_MAX)
		p.failures++;
	p.cause = cause;
	if (p.state == BREAKER_HALF_OPEN || p.failures >= rule->failures) {
		p.state = BREAKER_OPEN;
		p.time_ms = bounded(now_ms) + wait_ms(rule, p.openings, chance);
		if (p.openings < OPENINGS_MAX)
			p.openings++;
	}
	return word_of(p);
}

unsigned
breaker_cause(breaker w)
{
	return parts_of(w).cause;
}

unsigned
breaker_failures(breaker w)
{
	return parts_of(w).failures;
}

unsigned
breaker_openings(breaker w)
{
	return parts_of(w).openings;
}

int64_t
breaker_open_until(breaker w)
{
	struct parts p = parts_of(w);

	return p.state == BREAKER_OPEN ? p.time_ms : 0;
}

breaker
breaker_moved(breaker w, int64_t from_ms, int64_t to_ms)
{
	struct parts p = parts_of(w);
	int64_t left_ms = p.state == BREAKER_OPEN ? p.time_ms - bounded(from_ms) : 0;

	if (p.state == BREAKER_CLOSED)
		return w;
	if (left_ms > BREAKER_WAIT_MAX_MS)
		left_ms = BREAKER_WAIT_MAX_MS;
	p.state = BREAKER_OPEN;
	p.time_ms = bounded(to_ms) + (left_ms > 0 ? left_ms : 0);
	return word_of(p);
}
