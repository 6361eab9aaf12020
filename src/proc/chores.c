/*
 * Chores: see chores.h.  Runs in the janitor.
 */
#include "proc/chores.h"

#include <sodium.h>
#include "base/log.h"
#include "base/mem.h"
#include "memory/remote.h"
#include "memory/signature.h"
#include "proc/first_run.h"
#include "proc/records.h"
#include "proc/slots.h"
#include "upstream/fitness.h"
#include "upstream/fitness_store.h"
#include "upstream/inventory.h"
#include "upstream/lease.h"
#include "upstream/prober.h"
#include "upstream/upkeep.h"

/* Subjects: some milliseconds of work, and of as many as a board can have each gets its turn within
 * the minute that fitness_restore reckons with. */
#define FLUSH_A_TURN 1000

struct chore {
	const char *name;
	int64_t period_ms;
	void (*fn)(struct chores *);
};

struct errand {
	struct chores *chores;
	const struct chore *chore;
	struct timer timer;
};

struct chores {
	struct chores_house house;
	struct errand *errands;       /* owned; one for each of table[] */
	struct fitness_flush *flush;  /* owned */
	struct inventory credentials; /* loaded when they are needed first */
	struct prober *prober;        /* owned; NULL again once they are stopped */
	struct upkeep *upkeep;        /* owned */
	int64_t midnight_wall_ms;     /* the next one in California, when last looked; 0: not yet */
};

/* ---- the store ---- */

static void
check_readers(struct chores *c)
{
	store_check_readers(c->house.store);
}

static void
tidy_first_run(struct chores *c)
{
	first_run_tidy(c->house.birth, c->house.store);
}

static void
note_size(struct chores *c)
{
	log_debug("store", "size", "used=%llu map=%llu",
	    (unsigned long long)store_used_bytes(c->house.store),
	    (unsigned long long)store_map_bytes(c->house.store));
}

static void
sweep_signatures(struct chores *c)
{
	signature_sweep(c->house.store, c->house.committer, loop_wall_ms(c->house.loop));
}

static void
sweep_remote(struct chores *c)
{
	remote_sweep(c->house.store, c->house.committer, loop_wall_ms(c->house.loop));
}

/* ---- fitness ---- */

bool
chores_restore(const struct birth *b, struct store *store, struct err *e)
{
	struct moment now = loop_clock_moment();
	struct fitness_restored done;

	lease_sweep(b->board, BOARD_JANITOR, now); /* what one before us held when it was killed */
	if (!fitness_restore(store, b->board, b->config, now, &done, e))
		return false;
	int64_t spent_ms = board_spent_until(b->board) - now.ms;

	log_info("janitor", "what is known of credentials is on the board",
	    "restored=%zu rows=%zu took=%lldms orderly=%s spent_for=%lldms", done.subjects,
	    done.rows, (long long)(loop_clock_ms() - now.ms), done.was_orderly ? "yes" : "no",
	    (long long)(spent_ms > 0 ? spent_ms : 0));
	return true;
}

static void
store_fitness(struct chores *c)
{
	fitness_flush_some(c->flush, loop_moment(c->house.loop), FLUSH_A_TURN);
}

/* NULL: the store cannot be read. */
static const struct pool_snapshot *
credentials(struct chores *c)
{
	inventory_refresh(&c->credentials, loop_moment(c->house.loop));
	return c->credentials.now;
}

static void
sweep_fitness(struct chores *c)
{
	const struct pool_snapshot *s = credentials(c);

	if (s)
		fitness_store_sweep(c->house.store, c->house.committer, &s->set);
}

/* ---- credentials ---- */

static bool
write_records(void *ctx, const struct write_op *ops, size_t n)
{
	struct chores *c = ctx;

	committer_add(c->house.committer, ops, n, NULL, NULL);
	return true;
}

static void
disable_idle_one(struct chores *c, const char *id, const char *note)
{
	struct changes changes = CHANGES_INIT;
	struct credential cred;

	if (!upkeep_read(c->house.store, id, &cred))
		return;
	if (cred.enabled) {
		cred.enabled = false;
		mem_free(cred.note);
		cred.note = mem_dup(note);
		changes_put_credential(&changes, &cred);
		changes.ops[0].only_change = true;
		write_records(c, changes.ops, changes.count);
		log_warn("pool", "credential disabled", "label=%s cause=%s", cred.label, note);
	}
	changes_fini(&changes);
	credential_fini(&cred);
}

static void
disable_idle(struct chores *c)
{
	int64_t after_ms = c->house.birth->config->pool_auto_disable_after_ms;
	const struct pool_snapshot *s = after_ms > 0 ? credentials(c) : NULL;
	struct buf note = BUF_INIT;
	struct upkeep_idle idle;

	if (!s)
		return;
	upkeep_note(after_ms, &note);
	upkeep_look(
	    c->upkeep, c->house.birth->board, s, after_ms, loop_moment(c->house.loop), &idle);
	for (size_t i = 0; i < idle.count; i++)
		disable_idle_one(c, s->set.items[idle.items[i]].id, buf_text(&note));
	upkeep_idle_fini(&idle);
	buf_fini(&note);
}

/* The moment before that midnight. */
static struct moment
moment_before(struct moment now, int64_t midnight_wall_ms)
{
	int64_t ago = now.wall_ms - midnight_wall_ms + 1;

	return (struct moment){ now.ms - ago, now.wall_ms - ago };
}

/* Counts of the day end by themselves; but who sleeps until midnight should not oversleep it. */
static void
end_day(struct chores *c)
{
	struct moment now = loop_moment(c->house.loop);
	int64_t next = now.wall_ms + fitness_day_ends_in_ms(now), last = c->midnight_wall_ms;
	const struct pool_snapshot *s;

	c->midnight_wall_ms = next;
	if (last == 0 || next <= last || now.wall_ms < last)
		return;
	s = credentials(c);
	log_info("pool", "a new day begins in California", "credentials=%zu",
	    s ? upkeep_spent_days(c->house.birth->board, s, moment_before(now, last)) : 0);
	board_bump(c->house.birth->board, BOARD_GEN_THAWS);
}

/* ---- the table ---- */

static void
sweep_orphans(struct chores *c)
{
	slots_bury_orphans(c->house.birth->board);
}

static const struct chore table[] = {
	/* A dead reader pins pages: the store would grow. */
	{ "check-readers", 30000, check_readers },
	{ "sweep-orphans", 10000, sweep_orphans },
	{ "tidy-first-run", 10000, tidy_first_run },
	/* A few hundred at a time, so that no commit takes long: more than ten million in a day. */
	{ "sweep-signatures", 2000, sweep_signatures },
	{ "sweep-remote", 2000, sweep_remote },
	{ "note-size", 60000, note_size },
	/* What a machine that loses its power forgets. */
	{ "store-fitness", 2000, store_fitness },
	{ "sweep-fitness", 3600000, sweep_fitness },
	{ "disable-idle", 600000, disable_idle },
	{ "end-day", 10000, end_day },
};
#define CHORE_COUNT (sizeof(table) / sizeof(table[0]))

static void
run_errand(void *ctx)
{
	struct errand *errand = ctx;
	struct chores *c = errand->chores;

	log_debug("janitor", "chore", "name=%s", errand->chore->name);
	errand->chore->fn(c);
	loop_timer(c->house.loop, &errand->timer, errand->chore->period_ms, run_errand, errand);
}

static void
start_errands(struct chores *c)
{
	c->errands = mem_array(CHORE_COUNT, sizeof(*c->errands));
	for (size_t i = 0; i < CHORE_COUNT; i++) {
		c->errands[i].chores = c;
		c->errands[i].chore = &table[i];
		loop_timer(c->house.loop, &c->errands[i].timer, table[i].period_ms, run_errand,
		    &c->errands[i]);
	}
}

static void
start_prober(struct chores *c)
{
	struct prober_house house = { .loop = c->house.loop,
		.store = c->house.store,
		.board = c->house.birth->board,
		.config = c->house.birth->config,
		.fetcher = c->house.fetcher,
		.credentials = &c->credentials,
		.write = write_records,
		.ctx = c };

	randombytes_buf(&house.seed, sizeof(house.seed));
	c->prober = prober_new(&house);
}

/* ---- beginning and end ---- */

struct chores *
chores_new(const struct chores_house *house)
{
	struct chores *c = mem_alloc(sizeof(*c));
	const struct birth *b = house->birth;

	c->house = *house;
	c->flush = fitness_flush_new(b->board, house->committer);
	c->upkeep = upkeep_new();
	c->credentials =
	    (struct inventory){ .store = house->store, .board = b->board, .config = b->config };
	start_errands(c);
	start_prober(c);
	return c;
}

void
chores_stop(struct chores *c)
{
	for (size_t i = 0; i < CHORE_COUNT; i++)
		loop_untimer(c->house.loop, &c->errands[i].timer);
	prober_free(&c->prober);
}

void
chores_flush(struct chores *c)
{
	fitness_flush_end(c->flush, loop_clock_moment());
}

void
chores_free(struct chores **cp)
{
	struct chores *c = *cp;

	if (!c)
		return;
	fitness_flush_free(&c->flush);
	inventory_fini(&c->credentials);
	upkeep_free(&c->upkeep);
	mem_free(c->errands);
	mem_free(c);
	*cp = NULL;
}
