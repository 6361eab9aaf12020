/*
 * The pool of a process: its birth and its lending; upstream/lent.c is for what comes behind.  The
 * board holds what all processes know, the store what survives.
 */
#include "upstream/pool.h"

#include <assert.h>
#include "base/log.h"
#include "base/mem.h"
#include "upstream/allowance.h"
#include "upstream/pool_inside.h"
#include "upstream/pool_refusal.h"

#define LAST_RESORT_MS 1000 /* one try in so long, when all rest after failures */
#define EXCLUDED_MAX   64   /* tried already, or found full while booking */

/* ---- limits of the operator's ---- */

static bool
has_limits(const struct config_model *m)
{
	return m->rpm || m->tpm || m->rpd;
}

struct fitness_limits
pool_limits(const struct config *c, struct span model)
{
	const struct config_model *own = config_model_find(c, model);

	if (own && own->alias[0] == '\0')
		return (struct fitness_limits){ own->rpm, own->tpm, own->rpd };
	for (size_t i = 0; i < c->model_count; i++) {
		const struct config_model *m = &c->models[i];

		if (has_limits(m) && span_is(model, m->alias))
			return (struct fitness_limits){ m->rpm, m->tpm, m->rpd };
	}
	return (struct fitness_limits){ 0 };
}

/* What is limited is counted from the first request on, so these have their rows at once. */
static void
gather_limits(struct pool *p)
{
	const struct config *c = p->house.config;

	for (size_t i = 0; i < c->model_count; i++) {
		const struct config_model *m = &c->models[i];
		struct span name = span_of(m->alias[0] ? m->alias : m->name);

		if (has_limits(m) && board_model(p->house.board, name, true) < 0)
			log_error("pool", "no room for the limits of a model", "model=%s", m->name);
	}
	p->limits_count = board_models_used(p->house.board);
	p->limits = mem_array((size_t)p->limits_count + 1, sizeof(*p->limits));
	for (int i = BOARD_WHOLE + 1; i < p->limits_count; i++)
		p->limits[i] = pool_limits(c, board_model_name(p->house.board, i));
}

static bool
is_limited(const struct fitness_limits *l)
{
	return l->rpm > 0 || l->tpm > 0 || l->rpd > 0;
}

/* Models that came later have none: those that have some were there at the start. */
struct fitness_limits
pool_limits_now(const struct pool *p, int model)
{
	return model > BOARD_WHOLE && model < p->limits_count ? p->limits[model]
							      : (struct fitness_limits){ 0 };
}

/* ---- birth and end ---- */

static enum choice_pick
pick_of(const struct config *c)
{
	static const struct {
		const char *word;
		enum choice_pick pick;
	} picks[] = { { "thompson", CHOICE_THOMPSON }, { "least-used", CHOICE_LEAST_USED },
		{ "round-robin", CHOICE_ROUND_ROBIN }, { "order", CHOICE_ORDER } };
	size_t i = 0;

	while (strcmp(picks[i].word, c->pool_pick) != 0) {
		i++;
		assert(i < sizeof(picks) / sizeof(picks[0]));
	}
	return picks[i].pick;
}

struct pool *
pool_new(const struct pool_house *house)
{
	struct pool *p = mem_alloc(sizeof(*p));

	*p = (struct pool){ .house = *house, .pick = pick_of(house->config) };
	chance_seed(&p->chance, house->seed);
	gather_limits(p);
	holdings_init(&p->holdings, house->board, house->slot);
	inventory_init(&p->inventory, house->store, house->board, house->config);
	return p;
}

void
pool_free(struct pool **pp)
{
	struct pool *p = *pp;

	if (!p)
		return;
	inventory_fini(&p->inventory);
	holdings_fini(&p->holdings);
	mem_free(p->limits);
	mem_free(p);
	*pp = NULL;
}

/* ---- lending ---- */

/* One lending under way. */
struct lending {
	struct pool *pool;
	const struct wish *wish;
	struct moment now;
	struct choice_wish choice;
	uint32_t excluded[EXCLUDED_MAX];
	enum pass why[EXCLUDED_MAX];
	struct choice_made made;
	struct fitness_pass
	    full; /* of those found full while booking, the one that is free first */
	bool probes_model;
	bool last_resort;
};

static void
exclude(struct lending *l, uint32_t i, enum pass why)
{
	if (l->choice.not_count == EXCLUDED_MAX)
		return;
	l->excluded[l->choice.not_count] = i;
	l->why[l->choice.not_count++] = why;
}

/* What is of no model (a list of them) is the same to all, but each should have its turn: such
 * lists are put together of what several were told. */
static enum choice_pick
pick_for(const struct pool *p, const struct wish *w)
{
	return w->model.len == 0 && p->pick != CHOICE_ORDER ? CHOICE_ROUND_ROBIN : p->pick;
}

/* One that the board has no place for is not forgotten to be limited. */
static struct fitness_limits
limits_of_wish(const struct pool *p, const struct wish *w, int model)
{
	if (!w->metered)
		return (struct fitness_limits){ 0 };
	return model < BOARD_WHOLE ? pool_limits(p->house.config, w->model)
				   : pool_limits_now(p, model);
}

static void
begin_lending(struct lending *l, struct pool *p, const struct wish *w, struct moment now)
{
	int model = w->model.len ? board_model(p->house.board, w->model, false) : BOARD_WHOLE;

	*l = (struct lending){ .pool = p, .wish = w, .now = now };
	l->full.free_at_ms = INT64_MAX;
	l->choice = (struct choice_wish){ .pick = pick_for(p, w),
		.model = model > BOARD_WHOLE ? model : -1,
		.metered = w->metered,
		.limits = limits_of_wish(p, w, model),
		.tokens = w->metered ? w->tokens : 0,
		.affinity = p->house.config->pool_affinity ? w->affinity : 0,
		.only = w->only.len ? inventory_find(&p->inventory, w->only) : CHOICE_NONE,
		.not_ = l->excluded,
		.not_why = l->why,
		.whatever = w->probe,
		.trace = w->trace,
		.why = trace_try_begin(w->trace) };
	for (size_t i = 0; i < w->tried_count; i++) {
		uint32_t at = inventory_find(&p->inventory, span_of(w->tried[i]));

		if (at != CHOICE_NONE)
			exclude(l, at, PASS_TRIED);
	}
}

/* The probe of that row's breaker, if it is half-open.  False: somebody else was faster, and it may
 * even be open again. */
static bool
claim_probe(struct board_row *row, struct moment now, bool *claimed)
{
	struct fitness_rows alone = { .own = row };
	struct fitness_pass look = fitness_look(&alone, 0, 0, now);

	if (look.pass != PASS_NONE || !look.probes)
		return look.pass == PASS_NONE;
	*claimed = fitness_probe(row, now);
	return *claimed;
}

/* Claims the probes of the chosen one's breakers.  False: somebody else was faster. */
static bool
claim_probes(struct lending *l, struct held *h)
{
	if (l->wish->probe || !l->made.probes)
		return true;
	return claim_probe(l->made.rows.whole, l->now, &h->line.probes_whole) &&
	       claim_probe(l->made.rows.own, l->now, &h->line.probes_own);
}

static void
unclaim_probes(struct lending *l, struct held *h)
{
	if (h->line.probes_own)
		fitness_unprobe(l->made.rows.own, l->now);
	if (h->line.probes_whole)
		fitness_unprobe(l->made.rows.whole, l->now);
}

/* What is limited is lent by nobody who cannot count it: the board had no place for its row. */
static bool
book_nowhere(struct lending *l)
{
	if (!is_limited(&l->choice.limits))
		return true;
	exclude(l, l->made.i, PASS_NO_ROOM);
	return false;
}

/* What the chosen one has of limits is booked; false: it has no room, which of the limits is noted.
 */
static bool
book(struct lending *l, struct held *h)
{
	const struct config *c = l->pool->house.config;
	struct fitness_pass why;

	if (!l->wish->metered)
		return true;
	if (!l->made.rows.scope)
		return book_nowhere(l);
	struct fitness_limits limits =
	    allowance_limits(&l->choice.limits, l->made.rows.scope, l->now);

	if (allowance_book(l->pool->house.board, l->made.rows.scope, &limits, l->wish->tokens,
		c->pool_margin_ms, l->now, &h->line.allowance, &why))
		return true;
	if (why.free_at_ms < l->full.free_at_ms)
		l->full = why;
	exclude(l, l->made.i, why.pass);
	return false;
}

/* The chosen one, made sure of.  False: another one is to be chosen. */
static bool
secure(struct lending *l, uint32_t place)
{
	struct pool *p = l->pool;
	struct held *h = holdings_at(&p->holdings, place);
	const struct choosable *c = &p->inventory.now->items[l->made.i];

	h->line.subject = c->subject;
	h->line.scope = c->scope;
	h->line.model = l->choice.model;
	l->made.rows = settle_rows(p->house.board, c->subject, c->scope, l->choice.model, true);
	bool claimed = claim_probes(l, h);

	if (claimed && book(l, h))
		return true;
	if (!claimed)
		exclude(l, l->made.i, PASS_PROBED);
	unclaim_probes(l, h);
	h->line = (struct lease_line){ .model = -1 };
	return false;
}

/* When all that may be asked rest after failures it may be the network that failed: one is tried
 * now and then, or nothing would be for as long as the longest of them rests. */
static bool
is_last_resort(struct lending *l)
{
	struct board *b = l->pool->house.board;
	struct board_row *all = board_row(b, BOARD_EVERYONE, BOARD_WHOLE, true);

	if (l->last_resort || l->made.resort_i == CHOICE_NONE || !all)
		return false;
	_Atomic uint64_t *next = &all->words[FITNESS_FULL];
	uint64_t old = atomic_load_explicit(next, memory_order_relaxed);

	return (int64_t)old <= l->now.ms && atomic_compare_exchange_strong_explicit(next, &old,
						(uint64_t)(l->now.ms + LAST_RESORT_MS),
						memory_order_relaxed, memory_order_relaxed);
}

static bool
choose(struct lending *l)
{
	choice_make(l->pool->inventory.now->choice, &l->choice, l->now, &l->pool->chance, &l->made);
	if (l->made.i != CHOICE_NONE)
		return true;
	if (!is_last_resort(l))
		return false;
	l->last_resort = true;
	l->made.i = l->made.resort_i;
	l->made.probes = false;
	if (l->choice.why)
		l->choice.why->chosen = CHOSEN_LAST_RESORT;
	return true;
}

static bool
choose_and_secure(struct lending *l, uint32_t place)
{
	while (l->choice.not_count < EXCLUDED_MAX && choose(l))
		if (secure(l, place))
			return true;
	return false;
}

static void
fill_lease(struct lending *l, uint32_t place, struct lease *out)
{
	struct pool *p = l->pool;
	const struct credential *cred = &p->inventory.now->set.items[l->made.i];
	struct held *h = holdings_at(&p->holdings, place);
	uint64_t ticket = board_ticket(p->house.board);

	*out = (struct lease){ .label = cred->label,
		.secret = cred->secret,
		.model = l->wish->model,
		.try_ = l->choice.why,
		.since_ms = l->now.ms,
		.snapshot = p->inventory.now,
		.index = l->made.i,
		.place = place };
	memcpy(out->id, cred->id, sizeof(out->id));
	p->inventory.now->leases++;
	h->line.probes_model = l->probes_model;
	held_write(h);
	fitness_lent(l->made.rows.own, ticket, l->now);
	fitness_lent(l->made.rows.whole, ticket, l->now);
	fitness_lent(board_row(p->house.board, BOARD_EVERYONE, BOARD_WHOLE, true), ticket, l->now);
	if (out->try_)
		out->try_->credential = cred->board_key;
}

/* Whether the model itself may be asked for; of all credentials at once. */
static bool
model_is_open(struct lending *l, struct fitness_pass *why)
{
	struct pool *p = l->pool;
	struct fitness_rows rows = { 0 };

	*why = (struct fitness_pass){ .pass = PASS_NONE };
	if (l->wish->probe || l->wish->model.len == 0)
		return true;
	if (l->choice.model < 0)
		return !fitness_is_unknown(p->house.board, l->wish->model, l->now);
	rows.model = board_row(p->house.board, BOARD_EVERYONE, l->choice.model, false);
	*why = fitness_look_model(&rows, l->now);
	if (why->pass != PASS_NONE || !why->probes)
		return why->pass == PASS_NONE;
	l->probes_model = fitness_probe(rows.model, l->now);
	if (l->probes_model)
		return true;
	*why = fitness_look_model(&rows, l->now);
	if (why->probes) /* by now another one is to be sent */
		*why = (struct fitness_pass){ PASS_PROBED, OUTCOME_OK, l->now.ms + 1, false };
	return why->pass == PASS_NONE;
}

static bool
refuse(
    const struct lending *l, const struct fitness_pass *model, int64_t *free_in_ms, struct err *e)
{
	const struct pool *p = l->pool;
	struct pool_refusal r = { .now = l->now,
		.credentials = p->inventory.now ? p->inventory.now->set.count : 0,
		.enabled = p->inventory.now ? p->inventory.now->enabled : 0,
		.model = l->wish->model,
		.model_pass = *model,
		.model_unknown = model->pass == PASS_OTHER,
		.next = l->made.next,
		.tried_free = l->made.tried_free,
		.only = l->wish->only.len > 0 };

	if (l->full.free_at_ms < r.next.free_at_ms)
		r.next = l->full;
	return pool_refuse(&r, free_in_ms, e);
}

bool
pool_lend(struct pool *p, const struct wish *w, struct moment now, struct lease *out,
    int64_t *free_in_ms, struct err *e)
{
	struct fitness_pass model = { .pass = PASS_NONE };
	struct lending l = { .pool = p, .wish = w, .now = now };
	uint32_t place;

	l.made.next.free_at_ms = l.full.free_at_ms = INT64_MAX;
	inventory_refresh(&p->inventory, now);
	if (!p->inventory.now || (p->inventory.now->enabled == 0 && !w->probe))
		return refuse(&l, &model, free_in_ms, e);
	begin_lending(&l, p, w, now);
	l.made.next.free_at_ms = INT64_MAX;
	if (!model_is_open(&l, &model)) {
		if (model.pass == PASS_NONE)
			model.pass = PASS_OTHER;
		return refuse(&l, &model, free_in_ms, e);
	}
	bool known = w->only.len == 0 || l.choice.only != CHOICE_NONE;
	bool placed = known && holdings_take(&p->holdings, &place);

	if (placed && choose_and_secure(&l, place)) {
		fill_lease(&l, place, out);
		return true;
	}
	if (placed)
		holdings_leave(&p->holdings, place);
	if (l.probes_model)
		fitness_unprobe(
		    board_row(p->house.board, BOARD_EVERYONE, l.choice.model, false), now);
	if (known && !placed)
		l.made.next = (struct fitness_pass){ PASS_NO_ROOM, OUTCOME_OK, INT64_MAX, false };
	return refuse(&l, &model, free_in_ms, e);
}

/* ---- what is asked of it ---- */

bool
pool_counts_tokens(struct pool *p, struct span model, struct moment now)
{
	int number = model.len ? board_model(p->house.board, model, false) : -1;

	if (number <= BOARD_WHOLE)
		return false;
	if (pool_limits_now(p, number).tpm > 0)
		return true;
	const struct board_row *all = board_row(p->house.board, BOARD_EVERYONE, number, false);

	return all && fitness_learned(all, now).tpm > 0;
}

bool
pool_in_sight(struct pool *p, struct moment now)
{
	inventory_refresh(&p->inventory, now);
	for (size_t i = 0; p->inventory.now && i < p->inventory.now->set.count; i++) {
		const struct choosable *c = &p->inventory.now->items[i];
		const struct board_row *whole =
		    c->subject < 0 ? NULL
				   : board_row(p->house.board, c->subject, BOARD_WHOLE, false);

		if (c->enabled && (!whole || fitness_frozen(whole, now).until_ms == 0))
			return true;
	}
	return false;
}

size_t
pool_size(struct pool *p, struct moment now)
{
	inventory_refresh(&p->inventory, now);
	return p->inventory.now ? p->inventory.now->enabled : 0;
}

uint64_t
pool_changes(const struct pool *p)
{
	return board_generation(p->house.board, BOARD_GEN_CREDENTIALS) +
	       board_generation(p->house.board, BOARD_GEN_THAWS);
}
