/* The world that policies are compared in: see choose-world.h.  Pure. */
#include "tests/sim/choose-world.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SECOND_MS 1000
#define RATE_MIN  0.02
#define RATE_MAX  0.99

const struct scenario scenarios[] = {
	{ .name = "alike",
	    .what = "10 keys, all at 95 %",
	    .keys = 10,
	    .every_ms = 200,
	    .low = 0.95,
	    .high = 0.95 },
	{ .name = "alike-100",
	    .what = "100 keys, all at 95 %",
	    .keys = 100,
	    .every_ms = 200,
	    .low = 0.95,
	    .high = 0.95 },
	{ .name = "few-bad",
	    .what = "10 keys at 97 %, but 3 of them at 30 %",
	    .compared = true,
	    .keys = 10,
	    .every_ms = 200,
	    .low = 0.97,
	    .high = 0.97,
	    .bad = 3,
	    .bad_rate = 0.3 },
	{ .name = "differing",
	    .what = "10 keys, each at its own rate from 50 to 98 %",
	    .compared = true,
	    .keys = 10,
	    .every_ms = 200,
	    .low = 0.5,
	    .high = 0.98 },
	{ .name = "slow-drift",
	    .what = "10 keys, rates walk by 0.1 in 10 minutes",
	    .compared = true,
	    .keys = 10,
	    .every_ms = 200,
	    .low = 0.05,
	    .high = 0.99,
	    .walk = 0.004 },
	{ .name = "fast-drift",
	    .what = "10 keys, rates walk by 0.1 in a minute",
	    .compared = true,
	    .keys = 10,
	    .every_ms = 200,
	    .low = 0.05,
	    .high = 0.99,
	    .walk = 0.013 },
	{ .name = "slow-drift-100",
	    .what = "100 keys, rates walk by 0.1 in 10 minutes",
	    .compared = true,
	    .keys = 100,
	    .every_ms = 200,
	    .low = 0.05,
	    .high = 0.99,
	    .walk = 0.004 },
	{ .name = "fast-drift-100",
	    .what = "100 keys, rates walk by 0.1 in a minute",
	    .compared = true,
	    .keys = 100,
	    .every_ms = 200,
	    .low = 0.05,
	    .high = 0.99,
	    .walk = 0.013 },
	{ .name = "deaths",
	    .what = "10 keys at 97 %, each dead for 3 minutes every 20",
	    .compared = true,
	    .keys = 10,
	    .every_ms = 200,
	    .low = 0.97,
	    .high = 0.97,
	    .life_s = 1200,
	    .ill_s = 180 },
	{ .name = "deaths-100",
	    .what = "100 keys at 97 %, each dead for 3 minutes every 20",
	    .compared = true,
	    .keys = 100,
	    .every_ms = 200,
	    .low = 0.97,
	    .high = 0.97,
	    .life_s = 1200,
	    .ill_s = 180 },
	{ .name = "quotas",
	    .what = "10 keys, slow drift, 30 requests a minute each, 60 % of it used; refusals "
		    "do not say the limit",
	    .compared = true,
	    .keys = 10,
	    .every_ms = 333,
	    .low = 0.6,
	    .high = 0.98,
	    .walk = 0.004,
	    .quota = 30 },
	{ .name = "stated-quotas",
	    .what = "the same, and refusals say the limit",
	    .compared = true,
	    .keys = 10,
	    .every_ms = 333,
	    .low = 0.6,
	    .high = 0.98,
	    .walk = 0.004,
	    .quota = 30,
	    .stated = true },
};
const uint32_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

/* ---- rates ---- */

static double
between(struct chance *c, double low, double high)
{
	return low + (high - low) * chance_unit(c);
}

/* The sum of twelve: near enough to a normal, and the same on every machine. */
static double
jolt(struct chance *c)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += chance_unit(c);
	return sum;
}

static double
reflected(double rate)
{
	if (rate > RATE_MAX)
		rate = 2 * RATE_MAX - rate;
	return rate < RATE_MIN ? 2 * RATE_MIN - rate : rate;
}

void
world_init(struct world *w, const struct scenario *s, uint64_t seed, int64_t now_ms)
{
	assert(s->keys <= WORLD_KEYS_MAX && s->quota <= WORLD_QUOTA_MAX);
	memset(w, 0, sizeof(*w));
	w->scenario = s;
	w->seed = seed;
	w->now_ms = now_ms;
	chance_seed(&w->chance, seed);
	for (uint32_t i = 0; i < s->keys; i++)
		w->rates[i] = i < s->bad ? s->bad_rate : between(&w->chance, s->low, s->high);
	for (uint32_t i = 0; i < s->keys; i++)
		for (uint32_t k = 0; k < WORLD_QUOTA_MAX; k++)
			w->minutes[i].at_ms[k] = w->oracle[i].at_ms[k] = now_ms - WORLD_MINUTE_MS;
}

static void
pass_a_second(struct world *w)
{
	const struct scenario *s = w->scenario;

	for (uint32_t i = 0; i < s->keys; i++) {
		if (s->walk > 0)
			w->rates[i] = reflected(w->rates[i] + s->walk * jolt(&w->chance));
		if (s->life_s > 0 &&
		    chance_unit(&w->chance) < 1.0 / (w->ill[i] ? s->ill_s : s->life_s))
			w->ill[i] = !w->ill[i];
	}
}

int64_t
world_go_on(struct world *w)
{
	double wait = -log(1 - chance_unit(&w->chance)) * w->scenario->every_ms;
	int64_t now_ms = w->now_ms + 1 + (int64_t)wait;

	for (int64_t s = w->now_ms / SECOND_MS; s < now_ms / SECOND_MS; s++)
		pass_a_second(w);
	w->now_ms = now_ms;
	return now_ms;
}

double
world_rate(const struct world *w, uint32_t key)
{
	assert(key < w->scenario->keys);
	return w->ill[key] ? 0 : w->rates[key];
}

/* ---- minutes ---- */

/* 0: there is room now. */
static int64_t
full_for_ms(const struct world *w, const struct minute *m)
{
	int64_t since = w->now_ms - m->at_ms[m->next];

	return w->scenario->quota == 0 || since >= WORLD_MINUTE_MS ? 0 : WORLD_MINUTE_MS - since;
}

static void
count(const struct world *w, struct minute *m)
{
	if (w->scenario->quota == 0)
		return;
	m->at_ms[m->next] = w->now_ms;
	m->next = (m->next + 1) % w->scenario->quota;
}

/* ---- answers ---- */

struct answer
world_ask(struct world *w, uint32_t key, uint32_t request)
{
	struct answer a = { .kind = ANSWER_REFUSED };
	struct chance luck;

	a.retry_ms = full_for_ms(w, &w->minutes[key]);
	if (a.retry_ms > 0)
		return a;
	count(w, &w->minutes[key]);
	chance_seed(&luck, w->seed << 32 ^ request);
	a.kind = chance_unit(&luck) < world_rate(w, key) ? ANSWER_GOOD : ANSWER_FAILED;
	a.took_ms = (int64_t)(a.kind == ANSWER_GOOD ? between(&luck, 1000, 4000)
						    : between(&luck, 200, 1000));
	return a;
}

double
world_best(struct world *w)
{
	uint32_t best = WORLD_KEYS_MAX;

	for (uint32_t i = 0; i < w->scenario->keys; i++)
		if (full_for_ms(w, &w->oracle[i]) == 0 &&
		    (best == WORLD_KEYS_MAX || world_rate(w, i) > world_rate(w, best)))
			best = i;
	if (best == WORLD_KEYS_MAX)
		return 0;
	count(w, &w->oracle[best]);
	return world_rate(w, best);
}
