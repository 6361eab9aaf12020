/*
 * The pool of a worker: which credential next.  Owns the loaded set; the board holds what all
 * workers know of each credential, the store what survives.
 *
 * A loaded set is a snapshot with a count of its leases: a reload puts a new one in its place,
 * and the old one goes when its last lease is settled.
 */
#include "upstream/pool.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>
#include "base/log.h"
#include "base/mem.h"
#include "upstream/health.h"

#define HANDFUL     32 /* looked at when there are more than LOOK_AT_ALL */
#define LOOK_AT_ALL 64

#define DISABLED_FREEZE_MS 60000 /* far more than a commit takes */
#define UNREAD_PAUSE_MS    1000  /* before a store that could not be read is read again */

#define COOL_FIRST_MS INT64_C(1000)
#define COOL_MAX_MS   INT64_C(60000)

struct pool_snapshot {
	struct credential_set set; /* owned */
	struct board_cell **cells; /* owned; beside set.items; one is NULL when the table is full */
	size_t enabled;
	unsigned leases;
	bool current;
};

struct pool {
	struct store *store;          /* borrowed */
	struct board *board;          /* borrowed */
	struct writer *writer;        /* borrowed */
	const struct config *config;  /* borrowed */
	struct board_slot *slot;      /* borrowed; NULL in tests */
	uint64_t unread_generation;   /* of the store, which could not be read ... */
	int64_t unread_until_wall_ms; /* ... and is not tried again before */
	struct pool_snapshot *now;    /* owned; NULL before the first load */
};

static void
snapshot_release(struct pool_snapshot *s)
{
	if (s->leases > 0 || s->current)
		return;
	credential_set_fini(&s->set);
	mem_free(s->cells);
	mem_free(s);
}

static void
retire(struct pool *p)
{
	if (!p->now)
		return;
	p->now->current = false;
	snapshot_release(p->now);
	p->now = NULL;
}

/* Loads the set anew when the store has moved on.  A store that cannot be read leaves the old one
 * in place. */
static void
refresh(struct pool *p, int64_t now_wall_ms)
{
	uint64_t generation = board_generation(p->board, BOARD_GEN_CREDENTIALS);
	struct err e = ERR_INIT;

	if (p->now && p->now->set.generation == generation)
		return;
	if (p->unread_generation == generation && now_wall_ms < p->unread_until_wall_ms)
		return;
	struct pool_snapshot *s = mem_alloc(sizeof(*s));

	if (!credential_set_load(&s->set, p->store, generation, &e)) {
		log_error("pool", "credentials cannot be loaded", "error=%s", e.text);
		p->unread_generation = generation;
		p->unread_until_wall_ms = now_wall_ms + UNREAD_PAUSE_MS;
		mem_free(s);
		return;
	}
	s->cells = mem_array(s->set.count + 1, sizeof(*s->cells));
	for (size_t i = 0; i < s->set.count; i++) {
		s->cells[i] = health_cell(p->board, s->set.items[i].board_key);
		s->enabled += s->set.items[i].enabled;
	}
	s->current = true;
	retire(p);
	p->now = s;
}

struct pool *
pool_new(struct store *store, struct board *board, struct writer *writer,
    const struct config *config, struct board_slot *slot)
{
	struct pool *p = mem_alloc(sizeof(*p));

	*p = (struct pool){
		.store = store, .board = board, .writer = writer, .config = config, .slot = slot
	};
	refresh(p, 0); /* before the first request has to wait for it */
	return p;
}

void
pool_free(struct pool **pp)
{
	if (!*pp)
		return;
	retire(*pp);
	mem_free(*pp);
	*pp = NULL;
}

/* One look at the candidates: the best so far and, in case there is none, when the first thaws. */
struct choice {
	const struct wish *wish;
	int64_t now_wall_ms;
	bool in_order;
	size_t best; /* SIZE_MAX: none */
	uint64_t best_ticket;
	int64_t thaw_wall_ms; /* 0: none is frozen */
	enum outcome cause;   /* of the one that thaws first */
	bool tried_free;      /* one is free, but was tried already */
};

static bool
was_tried(const struct wish *w, const char *id)
{
	for (size_t i = 0; i < w->tried_count; i++)
		if (strcmp(w->tried[i], id) == 0)
			return true;
	return false;
}

static void
consider(const struct pool *p, struct choice *c, size_t i)
{
	const struct credential *cred = &p->now->set.items[i];
	struct board_cell *cell = p->now->cells[i];
	enum outcome cause;

	if (!cred->enabled)
		return;
	int64_t until = health_frozen_until(
	    p->board, cell, cred->board_key, c->wish->model, c->now_wall_ms, &cause);

	if (until) {
		if (!c->thaw_wall_ms || until < c->thaw_wall_ms) {
			c->thaw_wall_ms = until;
			c->cause = cause;
		}
		return;
	}
	if (was_tried(c->wish, cred->id)) {
		c->tried_free = true;
		return;
	}
	uint64_t ticket = c->in_order ? i : health_last_lent(cell);

	if (c->best == SIZE_MAX || ticket < c->best_ticket) {
		c->best = i;
		c->best_ticket = ticket;
	}
}

/* splitmix64: spreads one random number over a handful of picks. */
static uint64_t
next_chance(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The seam: which of the eligible. */
static void
choose(const struct pool *p, struct choice *c, uint64_t chance)
{
	size_t n = p->now->set.count;

	if (c->wish->only.len > 0) {
		const struct credential *only = map_get(p->now->set.by_id, c->wish->only);

		if (only)
			consider(p, c, (size_t)(only - p->now->set.items));
		return;
	}
	if (n > LOOK_AT_ALL && !c->in_order) {
		for (int k = 0; k < HANDFUL; k++)
			consider(p, c, (size_t)(next_chance(&chance) % n));
		if (c->best != SIZE_MAX)
			return;
		c->thaw_wall_ms = 0;
	}
	for (size_t i = 0; i < n && !(c->in_order && c->best != SIZE_MAX); i++)
		consider(p, c, i);
}

static const char *
time_text(int64_t wall_ms, char *out, size_t size)
{
	time_t seconds = (time_t)((wall_ms + 999) / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, size, "a time far off");
	return out;
}

static bool
refuse(const struct pool *p, const struct choice *c, int64_t *thaw_wall_ms, struct err *e)
{
	struct err why = ERR_INIT;
	char at[32];

	*thaw_wall_ms = c->thaw_wall_ms;
	if (!p->now || p->now->set.count == 0)
		return err_set(e, ERR_UNAVAILABLE,
		    "no credential is configured: the operator adds one with \"polluxctl keys "
		    "add\"");
	if (p->now->enabled == 0)
		return err_set(e, ERR_UNAVAILABLE,
		    "every credential is disabled: \"polluxctl keys list\" says why");
	if (c->wish->only.len > 0 && !c->thaw_wall_ms && !c->tried_free)
		return err_set(e, ERR_UNAVAILABLE,
		    "the credential that this was begun with can no longer be used: begin anew");
	if (!c->thaw_wall_ms || c->tried_free)
		return err_set(e, ERR_UNAVAILABLE, "every credential was tried");
	outcome_err(c->cause, NULL, &why);
	/* What else froze them is our business: it says nothing about this request. */
	bool spent = why.kind == ERR_BUSY || why.kind == ERR_QUOTA;

	return err_retry(e, spent ? why.kind : ERR_UNAVAILABLE, c->thaw_wall_ms - c->now_wall_ms,
	    "%s; the first is free again at %s",
	    spent ? why.text : "every credential rests after failures",
	    time_text(c->thaw_wall_ms, at, sizeof(at)));
}

static void
fill_lease(struct pool *p, size_t i, const struct wish *w, struct lease *out)
{
	const struct credential *cred = &p->now->set.items[i];

	*out = (struct lease){ .label = cred->label,
		.secret = cred->secret,
		.model = w->model,
		.board_key = cred->board_key,
		.cell = p->now->cells[i],
		.snapshot = p->now };
	memcpy(out->id, cred->id, sizeof(out->id));
	p->now->leases++;
	health_lent(out->cell, board_ticket(p->board));
}

bool
pool_lend(struct pool *p, const struct wish *w, int64_t now_wall_ms, uint64_t chance,
    struct lease *out, int64_t *thaw_wall_ms, struct err *e)
{
	struct choice c = { .wish = w,
		.now_wall_ms = now_wall_ms,
		.best = SIZE_MAX,
		.in_order = strcmp(p->config->pool_pick, "order") == 0 };

	*thaw_wall_ms = 0;
	refresh(p, now_wall_ms);
	if (p->now)
		choose(p, &c, chance);
	if (c.best == SIZE_MAX)
		return refuse(p, &c, thaw_wall_ms, e);
	fill_lease(p, c.best, w, out);
	return true;
}

/* Failures that may be the credential's own way to us: a second one in a row cools it, doubling. */
static bool
cools(enum outcome o)
{
	return o == OUTCOME_UNREACHABLE || o == OUTCOME_SERVER_ERROR || o == OUTCOME_TIMED_OUT;
}

static int64_t
cooling_ms(unsigned in_a_row)
{
	if (in_a_row < 2)
		return 0;
	int64_t ms = COOL_FIRST_MS << (in_a_row - 2 > 6 ? 6 : in_a_row - 2);

	return ms > COOL_MAX_MS ? COOL_MAX_MS : ms;
}

static bool
blames_the_credential(enum outcome o)
{
	switch (o) {
	case OUTCOME_OK:
	case OUTCOME_DROPPED:
	case OUTCOME_REFUSED:
	case OUTCOME_MODEL_UNKNOWN:
	case OUTCOME_OVERLOADED:
	case OUTCOME_EMPTY:
	case OUTCOME_OUT_OF_TIME:
		return false;
	default:
		return true;
	}
}

/* Hints are bounded by pool.freeze_min and freeze_max; a day's quota and no quota say themselves
 * how long. */
static int64_t
bounded_until(const struct pool *p, const struct verdict *v, int64_t now_wall_ms)
{
	int64_t ms = v->freeze_until_wall_ms - now_wall_ms;

	if (v->outcome == OUTCOME_QUOTA_DAY || v->outcome == OUTCOME_QUOTA_ZERO)
		return v->freeze_until_wall_ms;
	if (ms > p->config->pool_freeze_max_ms)
		ms = p->config->pool_freeze_max_ms;
	if (ms < p->config->pool_freeze_min_ms)
		ms = p->config->pool_freeze_min_ms;
	return now_wall_ms + ms;
}

static void
lost_write(const struct pool *p, const char *label)
{
	log_warn("pool", "a disabled credential could not be stored", "label=%s", label);
	if (p->slot)
		board_count_add(p->slot, BOARD_LOST_WRITES, 1);
}

static void
disable(struct pool *p, const struct lease *l, enum outcome why, int64_t now_wall_ms)
{
	refresh(p, now_wall_ms);
	struct credential *cred = p->now ? map_get(p->now->set.by_id, span_of(l->id)) : NULL;
	struct buf record = BUF_INIT;

	if (!cred || !cred->enabled)
		return; /* the operator, or another request, was faster */
	struct credential changed = *cred;

	changed.enabled = false;
	changed.note = (char *)outcome_name(why);
	credential_encode(&changed, &record);
	struct write_op op = { .table = TABLE_CREDENTIAL,
		.key = span_of(l->id),
		.value = buf_span(&record),
		.only_change = true };

	if (!p->writer || !writer_write(p->writer, &op, 1, NULL, NULL))
		lost_write(p, l->label);
	buf_wipe(&record);
	/*
	 * Nobody lends it until all have read that: other workers have not yet, and here a
	 * reload for another record may come before this one is committed.
	 */
	health_freeze(p->board, l->cell, l->board_key, SPAN_NONE, true,
	    now_wall_ms + DISABLED_FREEZE_MS, why);
	cred->enabled = false;
	p->now->enabled--;
	log_error("pool", "credential disabled", "label=%s cause=%s", l->label, outcome_name(why));
}

static void
freeze(struct pool *p, const struct lease *l, const struct verdict *v, int64_t until,
    int64_t now_wall_ms)
{
	health_freeze(p->board, l->cell, l->board_key, l->model, v->whole, until, v->outcome);
	log_info("pool", "credential frozen", "label=%s model=%.*s for=%llds cause=%s", l->label,
	    SPAN_ARG(v->whole ? SPAN("*") : l->model),
	    (long long)((until - now_wall_ms + 999) / 1000), outcome_name(v->outcome));
}

void
lease_settle(struct pool *p, struct lease *l, const struct verdict *v, int64_t now_wall_ms)
{
	struct pool_snapshot *s = l->snapshot;

	if (l->id[0] == '\0')
		return;
	int64_t until = v->freeze_until_wall_ms ? bounded_until(p, v, now_wall_ms) : 0;
	struct verdict cooled = *v;

	if (v->outcome == OUTCOME_OK)
		health_succeeded(l->cell);
	else if (blames_the_credential(v->outcome)) {
		int64_t cool = cooling_ms(health_failed(l->cell, v->outcome, cools(v->outcome)));

		if (!until && cool) {
			until = now_wall_ms + cool;
			cooled.whole = true;
		}
	}
	if (v->disable)
		disable(p, l, v->outcome, now_wall_ms);
	else if (until)
		freeze(p, l, &cooled, until, now_wall_ms);
	*l = (struct lease){ 0 };
	assert(s->leases > 0);
	s->leases--;
	snapshot_release(s);
}

bool
pool_in_sight(struct pool *p, int64_t now_wall_ms)
{
	refresh(p, now_wall_ms);
	for (size_t i = 0; p->now && i < p->now->set.count; i++) {
		const struct credential *cred = &p->now->set.items[i];

		if (cred->enabled && !health_frozen_until(p->board, p->now->cells[i],
					 cred->board_key, SPAN_NONE, now_wall_ms, NULL))
			return true;
	}
	return false;
}

size_t
pool_size(struct pool *p, int64_t now_wall_ms)
{
	refresh(p, now_wall_ms);
	return p->now ? p->now->enabled : 0;
}
