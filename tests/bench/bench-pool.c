/*
 * What a pool costs: loading all credentials from the store, and lending and settling one.
 *
 *	usage: bench-pool [--json]
 *
 * load	ms from a store with so many credentials to a pool that can lend, a new board
 * free	ns of the processor's for one lent and settled, no limits
 * limited	the same with limits of requests, tokens and days
 * spread	the same with affinity, of a new conversation each time
 */
#include <jansson.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/mem.h"
#include "upstream/pool.h"

#define ROUNDS    20000
#define WARM_UP   2000
#define SECOND_MS 1000

struct bed {
	char dir[64];
	struct seal *seal;
	struct store *store;
	struct board *board;
	struct config_model models[2];
	struct config config;
	struct pool *pool;
	struct chance chance;
	struct moment now;
};

static double
told_by(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *
made(void *thing, const struct err *e)
{
	if (!thing) {
		fprintf(stderr, "bench-pool: %s\n", e->text);
		exit(1);
	}
	return thing;
}

static void
open_board_and_store(struct bed *d)
{
	static const struct board_sizes sizes = { .cells = 64,
		.subjects = 16384,
		.models = 64,
		.windows = 32768,
		.leases = 256,
		.traces = 64 };
	char path[96];
	struct err e = ERR_INIT;
	bool kept;

	strcpy(d->dir, "/tmp/bench-pool-XXXXXX");
	if (!mkdtemp(d->dir))
		exit(1);
	snprintf(path, sizeof(path), "%s/key", d->dir);
	d->seal = made(seal_open(path, true, &e), &e);
	snprintf(path, sizeof(path), "%s/store", d->dir);
	mkdir(path, 0700);
	d->store = made(store_open(path, STORE_WRITE, 256 << 20, d->seal, &e), &e);
	snprintf(path, sizeof(path), "%s/board", d->dir);
	d->board = made(board_create(path, &sizes, &kept, &e), &e);
}

static void
add_credentials(struct bed *d, uint32_t n)
{
	struct err e = ERR_INIT;
	struct txn t = store_write(d->store);

	for (uint32_t i = 0; i < n; i++) {
		char label[32], secret[40], id[CREDENTIAL_ID_LEN + 1];
		struct credential c = { .label = label,
			.secret = secret,
			.project = (char *)"",
			.note = (char *)"",
			.enabled = true,
			.created_wall_ms = d->now.wall_ms + i };
		struct buf record = BUF_INIT;

		snprintf(label, sizeof(label), "key-%u", i);
		snprintf(secret, sizeof(secret), "AIza-%034u", i);
		credential_make_id(span_of(secret), d->seal, id);
		credential_encode(&c, &record);
		store_put(&t, TABLE_CREDENTIAL, span_of(id), buf_span(&record));
		buf_wipe(&record);
	}
	if (!store_end(&t, &e))
		made(NULL, &e);
}

static struct bed *
bed_new(uint32_t n)
{
	struct bed *d = mem_alloc(sizeof(*d));

	d->now = (struct moment){ 36000000, INT64_C(1790000000000) };
	chance_seed(&d->chance, 4711);
	d->models[0] = (struct config_model){ .name = "free", .alias = "", .display_name = "" };
	d->models[1] = (struct config_model){ .name = "limited",
		.alias = "",
		.display_name = "",
		.rpm = 1000,
		.tpm = 1000000,
		.rpd = 100000 };
	d->config = (struct config){ .pool_pick = "thompson",
		.pool_affinity = true,
		.pool_margin_ms = 500,
		.pool_freeze_min_ms = SECOND_MS,
		.pool_freeze_max_ms = 86400 * SECOND_MS,
		.models = d->models,
		.model_count = 2 };
	open_board_and_store(d);
	add_credentials(d, n);
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
	pool_free(&d->pool);
	board_detach(&d->board);
	store_close(&d->store);
	seal_close(&d->seal);
	nftw(d->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	mem_free(d);
}

static void
load(struct bed *d)
{
	struct pool_house house = { .store = d->store,
		.board = d->board,
		.config = &d->config,
		.slot = board_slot_take(d->board, 0, d->now.wall_ms),
		.seed = 4711 };

	d->pool = pool_new(&house);
}

static void
lend_and_settle(struct bed *d, const struct wish *wish)
{
	static const struct verdict ok = { .outcome = OUTCOME_OK };
	static const struct settlement end = { .verdict = &ok,
		.prompt_tokens = 1800,
		.first_byte_ms = 400,
		.total_ms = 2000,
		.http_status = 200 };
	struct lease lease;
	struct err e = ERR_INIT;
	int64_t free_in_ms;

	d->now.ms += SECOND_MS;
	d->now.wall_ms += SECOND_MS;
	if (!pool_lend(d->pool, wish, d->now, &lease, &free_in_ms, &e))
		made(NULL, &e);
	lease_written(d->pool, &lease, d->now);
	lease_settle(d->pool, &lease, &end, d->now);
}

static double
measure(struct bed *d, const char *model, bool affinity)
{
	struct wish wish = { .model = span_of(model), .metered = true, .tokens = 2000 };
	double before = 0;

	for (int k = -WARM_UP; k < ROUNDS; k++) {
		if (k == 0)
			before = told_by(CLOCK_THREAD_CPUTIME_ID);
		wish.affinity = affinity ? chance_next(&d->chance) | 1 : 0;
		lend_and_settle(d, &wish);
	}
	return (told_by(CLOCK_THREAD_CPUTIME_ID) - before) / ROUNDS;
}

int
main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 10, 100, 1000, 10000 };
	bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
	json_t *all = json_array();

	if (argc > 1 && !as_json) {
		fprintf(stderr, "usage: %s [--json]\n", argv[0]);
		return 2;
	}
	if (!as_json)
		printf("%-16s %9s %9s %9s %9s\n", "credentials", "load ms", "free ns", "limited",
		    "spread");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bed *d = bed_new(sizes[i]);
		double before = told_by(CLOCK_MONOTONIC);

		load(d);
		double load_ms = (told_by(CLOCK_MONOTONIC) - before) / 1e6;
		double plain = measure(d, "free", false), limited = measure(d, "limited", false);
		double spread = measure(d, "limited", true);

		bed_free(d);
		json_array_append_new(all,
		    json_pack("{s:i, s:f, s:f, s:f, s:f}", "credentials", (int)sizes[i], "load_ms",
			load_ms, "free_ns", plain, "limited_ns", limited, "spread_ns", spread));
		if (!as_json)
			printf("%-16u %9.1f %9.0f %9.0f %9.0f\n", sizes[i], load_ms, plain, limited,
			    spread);
	}
	if (as_json) {
		json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		putchar('\n');
	}
	json_decref(all);
	return 0;
}
