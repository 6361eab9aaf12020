/*
 * An upstream of many keys for tests/sim/choose-sim.c: how likely each is to answer, how that
 * drifts, what its minute allows.  The same for all policies that are compared: luck goes by the
 * seed and the number of a request, and never by what was asked before.  And an oracle that knows
 * it all, but for whether an answer comes.
 */
#ifndef POLLUX_TESTS_CHOOSE_WORLD_H
#define POLLUX_TESTS_CHOOSE_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include "upstream/posterior.h"

#define WORLD_KEYS_MAX  100
#define WORLD_QUOTA_MAX 60
#define WORLD_MINUTE_MS 60000

struct scenario {
	const char *name, *what;
	bool compared; /* Thompson must be best */
	uint32_t keys;
	int every_ms;     /* a request, in the mean */
	double low, high; /* bounds of the rates at first */
	uint32_t bad;     /* so many of the keys have ... */
	double bad_rate;
	double walk;       /* of a rate in a second: standard deviation */
	int life_s, ill_s; /* means, between which a key answers nothing at all; 0: never */
	uint32_t quota;    /* requests a minute; 0: none */
	bool stated;       /* a refusal says how many */
};

extern const struct scenario scenarios[];
extern const uint32_t scenario_count;

/* The latest requests of one key, as many as its minute allows. */
struct minute {
	int64_t at_ms[WORLD_QUOTA_MAX];
	uint32_t next;
};

struct world {
	const struct scenario *scenario;
	uint64_t seed;
	struct chance chance;
	int64_t now_ms;
	double rates[WORLD_KEYS_MAX];
	bool ill[WORLD_KEYS_MAX];
	struct minute minutes[WORLD_KEYS_MAX], oracle[WORLD_KEYS_MAX];
};

enum answer_kind { ANSWER_GOOD, ANSWER_FAILED, ANSWER_REFUSED };

struct answer {
	enum answer_kind kind;
	int64_t took_ms;
	int64_t retry_ms; /* of a refusal: when there is room again */
};

void world_init(struct world *, const struct scenario *, uint64_t seed, int64_t now_ms);
/* To the next request; gives the time. */
int64_t world_go_on(struct world *);
/* How likely this key is to answer now. */
double world_rate(const struct world *, uint32_t key);
struct answer world_ask(struct world *, uint32_t key, uint32_t request);
/* The same for who knows all rates: it takes the best of those that have room. */
double world_best(struct world *);

#endif
