/*
 * What it costs to choose a credential: among how many, in which state, by which pick; by the
 * rosters that choosing keeps, and, for comparison, by looking at a few at random without them; and
 * what lending and settling add to it.
 *
 *	usage: bench-choice [--json]
 *
 * mean	ns of the processor's for one choice, over many in a row: everything is in the caches
 * p99	ns that 99 of 100 stay within, each timed by itself
 * cold	ns after something else has used the caches, the median
 * first	us of the first choice of a set: rosters are made, who is frozen is found out
 * looked	credentials looked at, on average
 * plain	ns of looking at CHOICE_HANDFUL at random instead
 * none	how many of 100 of these find nobody, where somebody is
 *
 * The board is a real one in a directory of its own, with a fixed chance.  Times are of this
 * machine; nothing here fails by them.
 */
#include <jansson.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "upstream/allowance.h"
#include "upstream/choice.h"

#define MOST      10000
#define WARM_UP   2000
#define ROUNDS    20000
#define TIMED     4000
#define COLD      60
#define SWEEP     (8 << 20) /* bytes: more than the caches of one core */
#define SECOND_MS 1000
#define HOUR_MS   INT64_C(3600000)
#define FROZEN_MS (10 * HOUR_MS)
#define GOAL_NS   5000

struct bed {
	char dir[64], path[96];
	struct board *board;
	struct choosable items[MOST];
	uint32_t n;
	int model;
	struct choice *choice;
	struct chance chance;
	struct moment now;
	unsigned char *sweep; /* owned */
};

/* ---- the pool under test ---- */

static struct bed *
bed_new(uint32_t n)
{
	static const struct board_sizes sizes = { .cells = 64,
		.subjects = 16384,
		.models = 64,
		.windows = 32768,
		.leases = 64,
		.traces = 64 };
	struct bed *d = mem_alloc(sizeof(*d));
	struct err e = ERR_INIT;
	bool kept;

	strcpy(d->dir, "/tmp/bench-choice-XXXXXX");
	if (!mkdtemp(d->dir))
		exit(1);
	snprintf(d->path, sizeof(d->path), "%s/board", d->dir);
	d->board = board_create(d->path, &sizes, &kept, &e);
	if (!d->board) {
		fprintf(stderr, "bench-choice: %s\n", e.text);
		exit(1);
	}
	d->model = board_model(d->board, span_of("gemini-2.5-flash"), true);
	d->now = (struct moment){ 10 * HOUR_MS, INT64_C(1790000000000) };
	d->n = n;
	d->sweep = mem_alloc(SWEEP);
	chance_seed(&d->chance, 4711);
	return d;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void
bed_free(struct bed *d)
{
	choice_free(&d->choice);
	board_detach(&d->board);
	nftw(d->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	mem_free(d->sweep);
	mem_free(d);
}

static struct board_row *
own(struct bed *d, uint32_t i)
{
	return board_row(d->board, d->items[i].subject, d->model, true);
}

static struct board_row *
whole(struct bed *d, uint32_t i)
{
	return board_row(d->board, d->items[i].subject, BOARD_WHOLE, true);
}

/* Each with a past: most succeed, a few do not; some in flight. */
static void
add_all(struct bed *d)
{
	for (uint32_t i = 0; i < d->n; i++) {
		struct choosable *it = &d->items[i];

		it->key = chance_next(&d->chance) | 1;
		it->subject = it->scope = board_subject(d->board, it->key, true);
		it->enabled = true;
		for (uint64_t k = 5 + chance_below(&d->chance, 30); k > 0; k--)
			fitness_succeeded(own(d, i), 400, 2000, d->now);
		for (uint64_t k = chance_below(&d->chance, 4); k > 0; k--)
			fitness_failed(own(d, i), OUTCOME_SERVER_ERROR, true, d->now);
		for (uint64_t k = 1 + chance_below(&d->chance, 3); k > 0; k--)
			fitness_lent(whole(d, i), board_ticket(d->board), d->now);
	}
	fitness_lent(
	    board_row(d->board, BOARD_EVERYONE, BOARD_WHOLE, true), board_ticket(d->board), d->now);
}

/* All but `left` of them, these spread over all. */
static void
freeze_but(struct bed *d, uint32_t left)
{
	struct fitness_freeze f = { .until_ms = d->now.ms + FROZEN_MS, .cause = OUTCOME_QUOTA_DAY };

	for (uint32_t i = 0; i < d->n; i++)
		if ((uint64_t)(i + 1) * left / d->n == (uint64_t)i * left / d->n)
			fitness_freeze(own(d, i), &f, d->now);
}

static void
freeze_none(struct bed *d)
{
	(void)d;
}

static void
freeze_half(struct bed *d)
{
	freeze_but(d, d->n / 2);
}

static void
freeze_all_but_three(struct bed *d)
{
	freeze_but(d, 3);
}

static void
freeze_all(struct bed *d)
{
	freeze_but(d, 0);
}

/* ---- cases ---- */

struct bench_case {
	const char *name, *words;
	void (*freeze)(struct bed *);
	enum choice_pick pick;
	bool affinity;
	bool churns; /* the chosen one is frozen for a while: some sleep and wake all the time */
	bool plain;  /* compared with */
};

static const struct bench_case cases[] = {
	{ "eligible", "all eligible", freeze_none, CHOICE_THOMPSON, false, false, true },
	{ "half", "half frozen", freeze_half, CHOICE_THOMPSON, false, false, true },
	{ "three", "all but three frozen", freeze_all_but_three, CHOICE_THOMPSON, false, false,
	    true },
	{ "none", "all frozen: refused", freeze_all, CHOICE_THOMPSON, false, false, false },
	{ "churn", "half freeze and thaw", freeze_none, CHOICE_THOMPSON, false, true, false },
	{ "affinity", "with affinity", freeze_none, CHOICE_THOMPSON, true, false, false },
	{ "affinity-half", "with affinity, half frozen", freeze_half, CHOICE_THOMPSON, true, false,
	    false },
	{ "affinity-three", "with affinity, all but three frozen", freeze_all_but_three,
	    CHOICE_THOMPSON, true, false, false },
	{ "least-used", "least-used", freeze_none, CHOICE_LEAST_USED, false, false, false },
	{ "round-robin", "round-robin", freeze_none, CHOICE_ROUND_ROBIN, false, false, false },
	{ "order", "order, half frozen", freeze_half, CHOICE_ORDER, false, false, false },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static const uint32_t sizes[] = { 10, CHOICE_ALL, 100, 1000, MOST };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* ---- measuring ---- */

static double
told_by(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Cheap enough for one choice; also runs while others have the processor. */
static double
clock_ns(void)
{
	return told_by(CLOCK_MONOTONIC);
}

/* The processor's time, ours alone; dear to ask for. */
static double
cpu_ns(void)
{
	return told_by(CLOCK_THREAD_CPUTIME_ID);
}

/* Of asking the time twice. */
static double
clock_cost_ns(void)
{
	double least = 1e9;

	for (int k = 0; k < 1000; k++) {
		double before = clock_ns(), cost = clock_ns() - before;

		least = cost < least ? cost : least;
	}
	return least;
}

static void
make_cold(struct bed *d)
{
	for (size_t i = 0; i < SWEEP; i += 64)
		d->sweep[i]++;
}

static uint32_t
choose(struct bed *d, const struct bench_case *c, struct trace_try *why)
{
	struct choice_wish w = { .pick = c->pick,
		.model = d->model,
		.metered = true,
		.tokens = 2000,
		.only = CHOICE_NONE,
		.why = why };
	struct choice_made made;

	if (c->affinity)
		w.affinity = chance_next(&d->chance) | 1;
	d->now.ms += c->churns;
	choice_make(d->choice, &w, d->now, &d->chance, &made);
	if (c->churns && made.i != CHOICE_NONE)
		fitness_freeze(own(d, made.i),
		    &(struct fitness_freeze){
			.until_ms = d->now.ms + d->n / 2, .cause = OUTCOME_QUOTA_MINUTE },
		    d->now);
	return made.i;
}

/* Without rosters: a handful at random, the best draw of those that are eligible. */
static bool
choose_plainly(struct bed *d)
{
	static const struct fitness_limits none = { 0, 0, 0 };
	double best = -1;

	for (int k = 0; k < CHOICE_HANDFUL; k++) {
		const struct choosable *it = &d->items[chance_below(&d->chance, d->n)];
		struct fitness_rows r = { .own = board_row(d->board, it->subject, d->model, false),
			.whole = board_row(d->board, it->subject, BOARD_WHOLE, false) };

		r.scope = r.own;
		r.scope_whole = r.whole;
		struct fitness_limits limits = allowance_limits(&none, r.scope, d->now);

		if (!it->enabled || fitness_look(&r, limits.rpd, 2000, d->now).pass != PASS_NONE)
			continue;
		double draw = posterior_draw(fitness_posterior(r.own), d->now.ms, &d->chance);

		best = draw > best ? draw : best;
	}
	return best >= 0;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct measure {
	double mean_ns, p99_ns, cold_ns, first_us, looked, plain_ns, none_percent;
};

static void
measure_each(struct bed *d, const struct bench_case *c, double overhead, struct measure *m)
{
	static double ns[TIMED];

	for (int k = 0; k < TIMED; k++) {
		double before = clock_ns();

		choose(d, c, NULL);
		ns[k] = clock_ns() - before - overhead;
	}
	qsort(ns, TIMED, sizeof(*ns), by_size);
	m->p99_ns = ns[TIMED * 99 / 100];
	for (int k = 0; k < COLD; k++) {
		make_cold(d);
		double before = clock_ns();

		choose(d, c, NULL);
		ns[k] = clock_ns() - before - overhead;
	}
	qsort(ns, COLD, sizeof(*ns), by_size);
	m->cold_ns = ns[COLD / 2];
}

static void
measure_plain(struct bed *d, struct measure *m)
{
	int none = 0;
	double before = cpu_ns();

	for (int k = 0; k < ROUNDS; k++)
		none += !choose_plainly(d);
	m->plain_ns = (cpu_ns() - before) / ROUNDS;
	m->none_percent = 100.0 * none / ROUNDS;
}

static struct measure
measure(const struct bench_case *c, uint32_t n, double overhead)
{
	struct bed *d = bed_new(n);
	struct measure m = { 0 };
	struct trace_try why;
	double before;
	int64_t looked = 0;

	add_all(d);
	c->freeze(d);
	d->choice = choice_new(d->board, d->items, d->n);
	before = clock_ns();
	choose(d, c, NULL);
	m.first_us = (clock_ns() - before) / 1000;
	for (int k = 0; k < WARM_UP; k++)
		choose(d, c, NULL);
	before = cpu_ns();
	for (int k = 0; k < ROUNDS; k++) {
		choose(d, c, &why);
		looked += why.looked_at;
	}
	m.mean_ns = (cpu_ns() - before) / ROUNDS;
	m.looked = (double)looked / ROUNDS;
	measure_each(d, c, overhead, &m);
	if (c->plain)
		measure_plain(d, &m);
	bed_free(d);
	return m;
}

/* ---- and what follows ---- */

static const struct fitness_limits small = { .rpm = 60, .tpm = 1000000, .rpd = 100000 };
static const struct fitness_limits large = { .rpm = 2000, .tpm = 1000000, .rpd = 100000 };

/* Chosen, booked, written, settled: what the board has to do with one request. */
static bool
lend_and_settle(struct bed *d, const struct fitness_limits *limits)
{
	struct choice_wish w = { .model = d->model,
		.metered = true,
		.limits = *limits,
		.tokens = 2000,
		.only = CHOICE_NONE };
	struct choice_made made;
	struct allowance a;
	struct fitness_pass why;
	uint64_t ticket;

	d->now.ms += SECOND_MS;
	d->now.wall_ms += SECOND_MS;
	choice_make(d->choice, &w, d->now, &d->chance, &made);
	if (made.i == CHOICE_NONE ||
	    !allowance_book(d->board, made.rows.scope, limits, w.tokens, 500, d->now, &a, &why))
		return false;
	ticket = board_ticket(d->board);
	fitness_lent(made.rows.own, ticket, d->now);
	fitness_lent(made.rows.whole, ticket, d->now);
	allowance_stamp(d->board, &a, d->now.ms);
	allowance_settle(d->board, made.rows.scope, &a, 1800);
	fitness_returned(made.rows.own);
	fitness_returned(made.rows.whole);
	fitness_succeeded(made.rows.own, 400, 2000, d->now);
	fitness_mend(made.rows.own);
	return true;
}

struct lending {
	double mean_ns;
	int refused;
};

static struct lending
measure_lending(uint32_t n, const struct fitness_limits *limits)
{
	struct bed *d = bed_new(n);
	struct lending l = { 0 };

	add_all(d);
	d->choice = choice_new(d->board, d->items, d->n);
	for (int k = 0; k < WARM_UP; k++)
		lend_and_settle(d, limits);
	double before = cpu_ns();

	for (int k = 0; k < ROUNDS; k++)
		l.refused += !lend_and_settle(d, limits);
	l.mean_ns = (cpu_ns() - before) / ROUNDS;
	bed_free(d);
	return l;
}

/* ---- telling ---- */

static void
tell(json_t *all, const struct bench_case *c, uint32_t n, const struct measure *m)
{
	json_t *o = json_pack("{s:s, s:i, s:f, s:f, s:f, s:f, s:f}", "case", c->name, "credentials",
	    (int)n, "mean_ns", m->mean_ns, "p99_ns", m->p99_ns, "cold_ns", m->cold_ns, "first_us",
	    m->first_us, "looked_at", m->looked);

	if (c->plain) {
		json_object_set_new(o, "plain_ns", json_real(m->plain_ns));
		json_object_set_new(o, "plain_none_percent", json_real(m->none_percent));
	}
	json_array_append_new(all, o);
}

static void
print(const struct bench_case *c, uint32_t n, const struct measure *m)
{
	printf("%-36s %7u %7.0f %7.0f %7.0f %8.1f %7.1f", c->words, n, m->mean_ns, m->p99_ns,
	    m->cold_ns, m->first_us, m->looked);
	if (c->plain)
		printf(" %7.0f %6.1f%%", m->plain_ns, m->none_percent);
	printf("%s\n", m->mean_ns > GOAL_NS ? "  over the goal" : "");
	fflush(stdout);
}

static void
bench_choosing(json_t *all)
{
	double overhead = clock_cost_ns();

	if (!all)
		printf("%-36s %7s %7s %7s %7s %8s %7s %7s %7s\n", "choosing one of", "", "mean",
		    "p99", "cold", "first", "looked", "plain", "none");
	for (size_t i = 0; i < CASES; i++)
		for (size_t k = 0; k < SIZES; k++) {
			struct measure m = measure(&cases[i], sizes[k], overhead);

			if (all)
				tell(all, &cases[i], sizes[k], &m);
			else
				print(&cases[i], sizes[k], &m);
		}
}

static void
tell_lending(json_t *all, const char *name, uint32_t n, const struct lending *l)
{
	json_array_append_new(all, json_pack("{s:s, s:i, s:f, s:i}", "case", name, "credentials",
				       (int)n, "mean_ns", l->mean_ns, "refused", l->refused));
}

static void
bench_lending(json_t *all)
{
	static const struct {
		const char *name, *words;
		const struct fitness_limits *limits;
	} kinds[] = { { "lend-small", "chosen, booked, settled (ring)", &small },
		{ "lend-large", "chosen, booked, settled (sub-windows)", &large } };

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < SIZES; k++) {
			struct lending l = measure_lending(sizes[k], kinds[i].limits);

			if (all)
				tell_lending(all, kinds[i].name, sizes[k], &l);
			else
				printf("%-36s %7u %7.0f\n", kinds[i].words, sizes[k], l.mean_ns);
		}
}

int
main(int argc, char **argv)
{
	bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
	json_t *all = as_json ? json_array() : NULL;

	if (argc > 1 && !as_json) {
		fprintf(stderr, "usage: %s [--json]\n", argv[0]);
		return 2;
	}
	bench_choosing(all);
	bench_lending(all);
	if (all) {
		json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(all);
	}
	return 0;
}
