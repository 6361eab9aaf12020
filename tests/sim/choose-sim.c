/*
 * Which way of choosing a credential loses least: Thompson sampling, least-used, round-robin, and
 * blind chance as the floor.  Never installed; no network, no sleeping; the same output for the
 * same seed.  The rooms are those that ship (choice, fitness, posterior, breaker, roster,
 * allowance, settle, on a real board); the upstream is a world of keys that drift (choose-world.h).
 * What it found is in doc/choosing.md.
 *
 *	choose-sim [--seed N] [--seeds N] [--requests N] [--only SCENARIO] [--json] [--check]
 *
 * Regret of a run: the answers that were to be expected had the best key that has room been asked
 * each time, less those to be expected of the keys that were.  What a quota refuses goes on to
 * another key, as it does in the pool, up to ATTEMPTS; what fails is lost, and so is what finds no
 * key.
 *
 * --check: exit 1 unless Thompson's mean regret is the least wherever keys differ.
 */
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "gemini/fault.h"
#include "tests/sim/choose-world.h"
#include "upstream/allowance.h"
#include "upstream/choice.h"
#include "upstream/outcome.h"
#include "upstream/pool.h"
#include "upstream/settle.h"

#define T0_MS         INT64_C(100000000)
#define WALL_AHEAD_MS INT64_C(1893500000000) /* eight in the morning in California */
#define MARGIN_MS     500
#define RESORT_MS     1000
#define FLIGHTS_MAX   1024
#define ATTEMPTS      4
#define TRIES_MAX     64
#define SEEDS_MAX     1000
#define MODEL         "gemini-2.5-flash"

enum policy { POLICY_THOMPSON, POLICY_LEAST_USED, POLICY_ROUND_ROBIN, POLICY_RANDOM, POLICIES };

static const char *const policy_names[] = { "Thompson", "least-used", "round-robin", "random" };

static const struct config config = { .pool_freeze_min_ms = 1000, .pool_freeze_max_ms = 86400000 };

/* A request under way. */
struct flight {
	uint32_t key;
	int64_t ends_ms;
	struct answer answer;
	struct allowance allowance;
	bool probes_own, probes_whole, probes_model;
};

/* One policy in one world. */
struct run {
	enum policy policy;
	struct world world;
	struct board *board;   /* owned */
	struct choice *choice; /* owned */
	struct arena *arena;   /* owned */
	struct choosable items[WORLD_KEYS_MAX];
	struct chance chance;
	int model;
	int64_t resort_ms;
	uint32_t tried[TRIES_MAX]; /* for this request, or found full while booking ... */
	enum pass why[TRIES_MAX];  /* ... and which of the two */
	uint32_t tried_count;
	struct flight flights[FLIGHTS_MAX];
	uint32_t flying;
	double best, got;
	uint32_t refused, stranded, asked[WORLD_KEYS_MAX];
};

static struct moment
moment_at(int64_t ms)
{
	return (struct moment){ ms, ms + WALL_AHEAD_MS };
}

/* ---- what is asked and what comes of it: as upstream/pool.c does it ---- */

static struct board_row *
everyone(const struct run *r)
{
	return board_row(r->board, BOARD_EVERYONE, BOARD_WHOLE, true);
}

static void
claim_probes(const struct fitness_rows *rows, struct flight *f, struct moment now)
{
	struct fitness_rows own = { .own = rows->own }, whole = { .whole = rows->whole };

	f->probes_whole = fitness_look(&whole, 0, 0, now).probes && fitness_probe(rows->whole, now);
	f->probes_own = fitness_look(&own, 0, 0, now).probes && fitness_probe(rows->own, now);
}

/* All rest after failures: one a second is tried. */
static bool
resort(struct run *r, struct choice_made *made, int64_t now_ms)
{
	if (made->next.pass != PASS_BROKEN || made->next_i == CHOICE_NONE || now_ms < r->resort_ms)
		return false;
	r->resort_ms = now_ms + RESORT_MS;
	made->i = made->next_i;
	made->probes = false;
	return true;
}

static void
exclude(struct run *r, uint32_t key, enum pass why)
{
	r->tried[r->tried_count] = key;
	r->why[r->tried_count++] = why;
}

/* False: its minute is full, as far as its limit is known. */
static bool
secure(struct run *r, const struct choice_made *made, struct flight *f, struct moment now)
{
	static const struct fitness_limits none_set;
	const struct choosable *it = &r->items[made->i];
	struct fitness_rows rows = settle_rows(r->board, it->subject, it->scope, r->model, true);
	struct fitness_limits limits = allowance_limits(&none_set, rows.scope, now);
	struct fitness_pass pass = { 0 };

	f->key = made->i;
	if (!allowance_book(
		r->board, rows.scope, &limits, 0, MARGIN_MS, now, &f->allowance, &pass)) {
		exclude(r, made->i, pass.pass);
		return false;
	}
	uint64_t ticket = board_ticket(r->board);

	if (made->probes)
		claim_probes(&rows, f, now);
	fitness_lent(rows.own, ticket, now);
	fitness_lent(rows.whole, ticket, now);
	fitness_lent(everyone(r), ticket, now);
	allowance_stamp(r->board, &f->allowance, now.ms);
	return true;
}

/* False: none is eligible. */
static bool
lend(struct run *r, struct flight *f, struct moment now)
{
	static const enum choice_pick picks[] = { CHOICE_THOMPSON, CHOICE_LEAST_USED,
		CHOICE_ROUND_ROBIN };
	struct choice_made made;

	while (r->tried_count < TRIES_MAX) {
		struct choice_wish wish = { .pick = picks[r->policy],
			.model = r->model,
			.metered = true,
			.only = CHOICE_NONE,
			.not_ = r->tried,
			.not_why = r->why,
			.not_count = r->tried_count };

		choice_make(r->choice, &wish, now, &r->chance, &made);
		if (made.i == CHOICE_NONE && !resort(r, &made, now.ms))
			return false;
		if (secure(r, &made, f, now))
			return true;
	}
	return false;
}

/* In Google's words, so that what reads them has its part in it. */
static struct verdict
verdict_of(struct run *r, const struct flight *f, struct moment now)
{
	const struct scenario *s = r->world.scenario;
	struct buf body = BUF_INIT;
	struct fault fault;
	int status = f->answer.kind == ANSWER_REFUSED ? 429 : 500;

	if (f->answer.kind == ANSWER_GOOD)
		return (struct verdict){ .outcome = OUTCOME_OK };
	if (status == 500)
		buf_add_lit(&body, "{\"error\":{\"code\":500,\"status\":\"INTERNAL\","
				   "\"message\":\"An internal error has occurred.\"}}");
	else
		buf_printf(&body,
		    "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"You "
		    "exceeded your current quota.\",\"details\":[{\"@type\":"
		    "\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":"
		    "\"GenerateRequestsPerMinutePerProjectPerModel-FreeTier\"%s%.*u%s}]},{\"@"
		    "type\":"
		    "\"type.googleapis.com/"
		    "google.rpc.RetryInfo\",\"retryDelay\":\"%lld.%03llds\"}]}}",
		    s->stated ? ",\"quotaValue\":\"" : "", s->stated ? 1 : 0,
		    s->stated ? s->quota : 0, s->stated ? "\"" : "",
		    (long long)f->answer.retry_ms / 1000, (long long)f->answer.retry_ms % 1000);
	fault_parse(status, buf_span(&body), r->arena, &fault);
	struct verdict v = outcome_of_fault(&fault, now.wall_ms, chance_next(&r->chance));

	arena_reset(r->arena);
	buf_fini(&body);
	return v;
}

static void
settle(struct run *r, struct flight *f)
{
	static const int statuses[] = { 200, 500, 429 };
	const struct choosable *it = &r->items[f->key];
	struct moment now = moment_at(f->ends_ms);
	struct verdict v = verdict_of(r, f, now);
	struct fitness_rows rows = settle_rows(r->board, it->subject, it->scope, r->model, false);
	struct settlement end = { .verdict = &v,
		.prompt_tokens = -1,
		.first_byte_ms = f->answer.took_ms,
		.total_ms = f->answer.took_ms,
		.http_status = statuses[f->answer.kind] };
	struct settled whose = { .board = r->board,
		.config = &config,
		.chance = &r->chance,
		.label = "key",
		.key = it->key,
		.name = SPAN(MODEL),
		.subject = it->subject,
		.scope = it->scope,
		.model = r->model,
		.probes_own = f->probes_own,
		.probes_whole = f->probes_whole,
		.probes_model = f->probes_model };

	allowance_settle(r->board, rows.scope, &f->allowance, -1);
	fitness_returned(rows.own);
	fitness_returned(rows.whole);
	fitness_returned(everyone(r));
	settle_apply(&whose, &end, now);
}

/* In order of their ends. */
static void
land(struct run *r, int64_t now_ms)
{
	for (;;) {
		uint32_t first = FLIGHTS_MAX;

		for (uint32_t k = 0; k < r->flying; k++)
			if (r->flights[k].ends_ms <= now_ms &&
			    (first == FLIGHTS_MAX ||
				r->flights[k].ends_ms < r->flights[first].ends_ms))
				first = k;
		if (first == FLIGHTS_MAX)
			return;
		settle(r, &r->flights[first]);
		r->flights[first] = r->flights[--r->flying];
	}
}

/* Blind chance learns nothing, so nothing is settled. */
static bool
choose(struct run *r, struct flight *f)
{
	if (r->policy != POLICY_RANDOM)
		return lend(r, f, moment_at(r->world.now_ms));
	f->key = (uint32_t)chance_below(&r->chance, r->world.scenario->keys);
	return true;
}

/* A refusal comes at once, and is all that it costs.  True: it was not refused. */
static bool
ask(struct run *r, struct flight *f, uint32_t request)
{
	f->answer = world_ask(&r->world, f->key, request);
	f->ends_ms = r->world.now_ms + f->answer.took_ms;
	r->asked[f->key]++;
	if (f->answer.kind != ANSWER_REFUSED)
		return true;
	r->refused++;
	if (r->policy != POLICY_RANDOM)
		settle(r, f);
	return false;
}

static void
fly(struct run *r, const struct flight *f)
{
	r->got += world_rate(&r->world, f->key);
	if (r->policy == POLICY_RANDOM)
		return;
	if (r->flying == FLIGHTS_MAX) {
		fputs("choose-sim: too many requests under way\n", stderr);
		exit(2);
	}
	r->flights[r->flying++] = *f;
}

static void
request(struct run *r, uint32_t number)
{
	land(r, world_go_on(&r->world));
	r->best += world_best(&r->world);
	r->tried_count = 0;
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct flight f = { 0 };

		if (!choose(r, &f))
			break;
		if (ask(r, &f, number)) {
			fly(r, &f);
			return;
		}
		exclude(r, f.key, PASS_TRIED);
	}
	r->stranded++;
}

/* ---- a run ---- */

static void
run_init(
    struct run *r, const struct scenario *s, enum policy policy, uint64_t seed, const char *path)
{
	static const struct board_sizes sizes = { .cells = 1024,
		.subjects = 1024,
		.models = 4,
		.windows = 1024,
		.leases = 16,
		.traces = 16 };
	struct err e = ERR_INIT;
	bool kept;

	memset(r, 0, sizeof(*r));
	unlink(path);
	r->policy = policy;
	r->board = board_create(path, &sizes, &kept, &e);
	if (!r->board) {
		fprintf(stderr, "choose-sim: %s\n", e.text);
		exit(2);
	}
	r->arena = arena_new(0);
	r->model = board_model(r->board, SPAN(MODEL), true);
	for (uint32_t i = 0; i < s->keys; i++) {
		uint64_t key = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		int subject = board_subject(r->board, key, true);

		r->items[i] = (struct choosable){ key, subject, subject, 0, true };
	}
	r->choice = choice_new(r->board, r->items, s->keys);
	chance_seed(&r->chance, seed ^ UINT64_C(0x636f696e));
	world_init(&r->world, s, seed, T0_MS);
}

static void
run_fini(struct run *r, const char *path)
{
	choice_free(&r->choice);
	board_disown(r->board);
	board_detach(&r->board);
	arena_free(&r->arena);
	unlink(path);
}

/* Means over the seeds, and the standard error of the regret's. */
struct score {
	double regret, error, best, refused, stranded, busiest;
};

static void
score_add(struct score *s, const struct run *r)
{
	double regret = r->best - r->got;
	uint32_t asked = 0, most = 0;

	for (uint32_t i = 0; i < r->world.scenario->keys; i++) {
		asked += r->asked[i];
		most = r->asked[i] > most ? r->asked[i] : most;
	}
	s->regret += regret;
	s->error += regret * regret;
	s->best += r->best;
	s->refused += r->refused;
	s->stranded += r->stranded;
	s->busiest += asked ? (double)most / asked : 0;
}

static void
score_end(struct score *s, int n)
{
	double mean = s->regret / n, square = s->error / n - mean * mean;

	s->regret = mean;
	s->error = n > 1 && square > 0 ? sqrt(square / (n - 1)) : 0;
	s->best /= n;
	s->refused /= n;
	s->stranded /= n;
	s->busiest /= n;
}

struct options {
	uint64_t seed;
	int seeds;
	uint32_t requests;
	const char *only; /* NULL: all */
	bool json, check;
};

static void
score_policies(const struct options *o, const struct scenario *s, const char *path,
    struct score scores[POLICIES])
{
	struct run *r = mem_alloc(sizeof(*r));

	memset(scores, 0, sizeof(*scores) * POLICIES);
	for (int k = 0; k < o->seeds; k++)
		for (int p = 0; p < POLICIES; p++) {
			run_init(r, s, (enum policy)p, o->seed + (uint64_t)k, path);
			for (uint32_t i = 0; i < o->requests; i++)
				request(r, i);
			land(r, INT64_MAX);
			score_add(&scores[p], r);
			run_fini(r, path);
		}
	for (int p = 0; p < POLICIES; p++)
		score_end(&scores[p], o->seeds);
	mem_free(r);
}

/* ---- saying it ---- */

static bool
thompson_is_best(const struct score scores[POLICIES])
{
	for (int p = POLICY_THOMPSON + 1; p < POLICIES; p++)
		if (scores[p].regret <= scores[POLICY_THOMPSON].regret)
			return false;
	return true;
}

static void
print_head(const struct options *o)
{
	printf("Regret over %u requests, mean of %d seeds from %llu on, ± its standard error.\n\n",
	    o->requests, o->seeds, (unsigned long long)o->seed);
	printf("| scenario | best possible |");
	for (int p = 0; p < POLICIES; p++)
		printf(" %s |", policy_names[p]);
	printf("\n| --- | ---: |");
	for (int p = 0; p < POLICIES; p++)
		printf(" ---: |");
	printf("\n");
}

static void
print_row(const struct scenario *s, const struct score scores[POLICIES])
{
	printf("| %s: %s | %ld |", s->name, s->what, lround(scores[0].best));
	for (int p = 0; p < POLICIES; p++)
		printf(" %ld ± %ld |", lround(scores[p].regret), lround(scores[p].error));
	printf("\n");
}

static json_t *
json_of(const struct scenario *s, const struct score scores[POLICIES])
{
	json_t *policies = json_object();

	for (int p = 0; p < POLICIES; p++)
		json_object_set_new(policies, policy_names[p],
		    json_pack("{s:f,s:f,s:f,s:f,s:f}", "regret", scores[p].regret, "error",
			scores[p].error, "refused", scores[p].refused, "stranded",
			scores[p].stranded, "busiest_share", scores[p].busiest));
	return json_pack("{s:s,s:s,s:b,s:f,s:o}", "scenario", s->name, "what", s->what, "compared",
	    s->compared, "best", scores[0].best, "policies", policies);
}

/* Gives whether Thompson is best where it should be. */
static bool
compare_all(const struct options *o, const char *path)
{
	json_t *all = json_array();
	bool good = true;

	if (!o->json)
		print_head(o);
	for (uint32_t i = 0; i < scenario_count; i++) {
		const struct scenario *s = &scenarios[i];
		struct score scores[POLICIES];

		if (o->only && strcmp(o->only, s->name) != 0)
			continue;
		score_policies(o, s, path, scores);
		if (o->json)
			json_array_append_new(all, json_of(s, scores));
		else
			print_row(s, scores);
		fflush(stdout);
		if (!o->check || !s->compared || thompson_is_best(scores))
			continue;
		fprintf(stderr, "choose-sim: Thompson is not best in %s\n", s->name);
		good = false;
	}
	if (o->json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(all);
	return good;
}

static bool
number(const char *text, int64_t min, int64_t max, int64_t *out)
{
	if (span_int(span_of(text), min, max, out))
		return true;
	fprintf(stderr, "choose-sim: \"%s\" is no number from %lld to %lld\n", text, (long long)min,
	    (long long)max);
	return false;
}

static bool
is_scenario(const char *name)
{
	for (uint32_t i = 0; i < scenario_count; i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return true;
	fprintf(stderr, "choose-sim: there is no scenario \"%s\"\n", name);
	return false;
}

static bool
read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "requests", required_argument, NULL, 'r' },
		{ "only", required_argument, NULL, 'o' }, { "json", no_argument, NULL, 'j' },
		{ "check", no_argument, NULL, 'c' }, { NULL, 0, NULL, 0 } };
	int64_t n = 0;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 's' && number(optarg, 0, INT64_MAX, &n))
			o->seed = (uint64_t)n;
		else if (c == 'n' && number(optarg, 1, SEEDS_MAX, &n))
			o->seeds = (int)n;
		else if (c == 'r' && number(optarg, 1, 10000000, &n))
			o->requests = (uint32_t)n;
		else if (c == 'o' && is_scenario(optarg))
			o->only = optarg;
		else if (c == 'j')
			o->json = true;
		else if (c == 'c')
			o->check = true;
		else
			return false;
	}
	return optind == argc;
}

int
main(int argc, char **argv)
{
	struct options o = { .seed = 1, .seeds = 10, .requests = 10000 };
	char dir[] = "/tmp/choose-sim-XXXXXX", path[64];
	struct err e = ERR_INIT;

	if (!read_options(argc, argv, &o)) {
		fputs("usage: choose-sim [--seed N] [--seeds N] [--requests N] [--only SCENARIO] "
		      "[--json] [--check]\n",
		    stderr);
		return 2;
	}
	if (!mkdtemp(dir) || !log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, NULL, &e)) {
		perror("choose-sim");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/board", dir);
	bool good = compare_all(&o, path);

	rmdir(dir);
	return o.check && !good ? 1 : 0;
}
