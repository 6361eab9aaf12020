/*
 * Probing: see prober.h.  Runs in the janitor.  Owns a pool of its own, the probes under way, and
 * what it remembers of each that rests.
 */
#include "upstream/prober.h"

#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "upstream/attempt.h"
#include "upstream/credential.h"
#include "upstream/estimate.h"
#include "upstream/fitness.h"
#include "upstream/pool.h"
#include "upstream/resting.h"
#include "upstream/upkeep.h"
#include "upstream/upstream.h"

#define DISABLED_RECHECK_MS INT64_C(21600000) /* six hours */
#define TOTAL_MAX_MS        INT64_C(60000)
#define ANSWER_BYTES        (256u << 10)

static const char chat_text[] = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}],"
				"\"generationConfig\":{\"maxOutputTokens\":1}}";
static const char embed_text[] = "{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}";

/* What is remembered of a row that rests, for as long as it does. */
struct note {
	struct resting it;
	int64_t seen_ms;  /* resting, for the first time */
	int64_t tried_ms; /* the round in which it was probed last; 0: not yet */
};

/* One that is to be probed in this round. */
struct job {
	struct resting it;
	char id[CREDENTIAL_ID_LEN + 1];
};

struct probe {
	struct prober *prober;
	struct attempt *attempt; /* owned; NULL: this place is free */
	struct job job;
	char *model; /* owned */
	char label[128];
	bool claimed; /* the breaker's only probe */
	struct call call;
	struct body body;
	struct span piece;
	struct arena *arena; /* owned: for what a refusal says */
};

struct prober {
	struct prober_house house; /* all borrowed */
	struct pool *pool;         /* owned; NULL before the first probe */
	struct estimates *estimates;
	struct upstream upstream;
	struct board_slot slot; /* counts, of no interest to anybody */
	struct chance chance;
	struct timer round, next, renewal;
	struct note *notes; /* owned; in order, as resting_find gives them */
	size_t note_count;
	struct resting_list found;
	struct job jobs[PROBER_A_ROUND];
	size_t job_count, begun;
	int64_t round_ms; /* when it began */
	bool held;        /* the next job waits for a place */
	struct probe probes[PROBER_AT_ONCE];
};

static int64_t
interval_ms(const struct prober *p)
{
	return p->house.config->pool_probe_interval_ms;
}

static const struct pool_snapshot *
credentials(const struct prober *p)
{
	inventory_refresh(p->house.credentials, loop_moment(p->house.loop));
	return p->house.credentials->now;
}

/* ---- ends ---- */

static void
store_credential(struct prober *p, const struct credential *was, bool enabled, const char *note)
{
	struct credential c = *was;
	struct buf record = BUF_INIT;

	c.enabled = enabled;
	c.note = (char *)note;
	credential_encode(&c, &record);
	struct write_op op = { .table = TABLE_CREDENTIAL,
		.key = span_of(c.id),
		.value = buf_span(&record),
		.only_change = true };

	if (!p->house.write(p->house.ctx, &op, 1))
		log_warn("pool", "a probed credential could not be stored", "label=%s", c.label);
	buf_wipe(&record);
}

/* What an operator has changed meanwhile stays. */
static void
change_disabled(struct prober *p, const struct job *j, bool enabled, const char *note)
{
	struct credential c;
	enum outcome cause;

	if (!upkeep_read(p->house.store, j->id, &c))
		return;
	if (resting_may_pass(&c, &cause) && cause == j->it.cause)
		store_credential(p, &c, enabled, note);
	credential_fini(&c);
}

static void
comes_back(struct prober *p, struct probe *b)
{
	struct board *board = p->house.board;
	const struct resting *it = &b->job.it;

	if (it->how == RESTING_DISABLED)
		change_disabled(p, &b->job, true, "");
	if (it->how != RESTING_ASKED && it->subject >= 0) {
		fitness_thaw(board_row(board, it->subject, it->model, false));
		board_mark(board, it->subject);
		board_bump(board, BOARD_GEN_THAWS);
	}
	log_info("pool", it->how == RESTING_ASKED ? "credential answers" : "credential is back",
	    "label=%s model=%s after=%s", b->label, b->model, outcome_name(it->cause));
}

static void
stays(struct prober *p, struct probe *b, const struct verdict *v)
{
	log_debug("pool", "a probe was in vain", "label=%s model=%s outcome=%s", b->label, b->model,
	    outcome_name(v->outcome));
	/* Disabled already, so the pool leaves it as it is; but the reason has become another. */
	if (b->job.it.how == RESTING_DISABLED && v->disable && v->outcome != b->job.it.cause)
		change_disabled(p, &b->job, false, outcome_name(v->outcome));
}

static void
unclaim(struct prober *p, struct probe *b)
{
	if (b->claimed)
		fitness_unprobe(
		    board_row(p->house.board, b->job.it.subject, b->job.it.model, false),
		    loop_moment(p->house.loop));
	b->claimed = false;
}

static void start_next(void *ctx);

static void
on_end(void *ctx, const struct verdict *v, const struct fault *fault)
{
	struct probe *b = ctx;
	struct prober *p = b->prober;

	(void)fault;
	b->attempt = NULL;
	if (v->outcome == OUTCOME_OK || v->outcome == OUTCOME_EMPTY)
		comes_back(p, b);
	else
		stays(p, b, v);
	unclaim(p, b);
	if (p->held)
		loop_timer(p->house.loop, &p->next, 0, start_next, p);
}

/* ---- beginnings ---- */

static bool
on_chunk(void *ctx, const struct chunk *k)
{
	(void)ctx;
	(void)k;
	return true;
}

static void
open_pool(struct prober *p)
{
	struct pool_house house = { .store = p->house.store,
		.board = p->house.board,
		.config = p->house.config,
		.slot = BOARD_JANITOR,
		.seed = chance_next(&p->chance),
		.write = p->house.write,
		.ctx = p->house.ctx };

	if (p->pool)
		return;
	p->pool = pool_new(&house);
	p->upstream.pool = p->pool;
}

static void
make_call(struct probe *b)
{
	bool embeds = span_has_nocase(span_of(b->model), "embed");

	b->piece = embeds ? span_of(embed_text) : span_of(chat_text);
	b->body = (struct body){ .pieces = &b->piece, .count = 1 };
	b->call = (struct call){ .op = embeds ? OP_EMBED : OP_GENERATE,
		.framing = FRAMING_UNARY,
		.model = span_of(b->model),
		.bodies = &b->body,
		.parts = 1,
		.choices = 1 };
}

static bool
lend(struct prober *p, struct probe *b, struct lease *lease)
{
	struct moment now = loop_moment(p->house.loop);
	struct wish wish = {
		.model = b->call.model, .metered = true, .only = span_of(b->job.id), .probe = true
	};
	struct err e = ERR_INIT;
	int64_t free_in_ms;

	open_pool(p);
	if (pool_counts_tokens(p->pool, wish.model, now))
		wish.tokens = estimate_tokens(p->estimates, wish.model, &b->body);
	if (pool_lend(p->pool, &wish, now, lease, &free_in_ms, &e))
		return true;
	log_debug("pool", "a probe has to wait", "label=%s model=%s cause=%s", b->label, b->model,
	    e.text);
	return false;
}

/* False: somebody else's probe is under way. */
static bool
claim(struct prober *p, struct probe *b)
{
	const struct resting *it = &b->job.it;

	if (it->how != RESTING_BROKEN)
		return true;
	b->claimed = fitness_probe(
	    board_row(p->house.board, it->subject, it->model, false), loop_moment(p->house.loop));
	return b->claimed;
}

static void
renew(void *ctx)
{
	struct prober *p = ctx;
	bool any = false;

	for (size_t i = 0; i < PROBER_AT_ONCE; i++)
		any |= p->probes[i].attempt != NULL;
	if (!any)
		return;
	pool_renew(p->pool, loop_clock_moment());
	loop_timer(p->house.loop, &p->renewal, POOL_RENEW_MS, renew, p);
}

static void
ask(struct prober *p, struct probe *b)
{
	static const struct attempt_events events = { .chunk = on_chunk, .end = on_end };
	const struct config *c = p->house.config;
	struct attempt_limits limits = { .connect_timeout_ms = c->upstream_connect_timeout_ms,
		.first_byte_timeout_ms = c->upstream_first_byte_timeout_ms,
		.idle_timeout_ms = c->upstream_idle_timeout_ms,
		.total_timeout_ms = c->upstream_total_timeout_ms < TOTAL_MAX_MS
					? c->upstream_total_timeout_ms
					: TOTAL_MAX_MS,
		.answer_bytes = ANSWER_BYTES };
	struct lease lease;

	make_call(b);
	if (!claim(p, b))
		return;
	if (!lend(p, b, &lease)) {
		unclaim(p, b);
		return;
	}
	arena_reset(b->arena);
	b->attempt =
	    attempt_start(&p->upstream, &lease, &b->call, 0, &limits, b->arena, &events, b);
	if (!p->renewal.place)
		loop_timer(p->house.loop, &p->renewal, POOL_RENEW_MS, renew, p);
}

static struct span
model_of(struct prober *p, const struct pool_snapshot *s, const struct resting *it)
{
	if (it->model != BOARD_WHOLE)
		return board_model_name(p->house.board, it->model);
	return resting_model(
	    p->house.board, p->house.config, s, it->credential, loop_moment(p->house.loop));
}

/* As if at the round's beginning: then it is due again an interval, that is a round later. */
static void
note_tried(struct prober *p, const struct resting *it)
{
	for (size_t i = 0; i < p->note_count; i++)
		if (resting_compare(&p->notes[i].it, it) == 0)
			p->notes[i].tried_ms = p->round_ms;
}

/* Much may have happened since the look. */
static void
begin_job(struct prober *p, struct probe *b, struct job *j)
{
	const struct pool_snapshot *s = credentials(p);
	const struct credential *c = s ? map_get(s->set.by_id, span_of(j->id)) : NULL;

	if (!c)
		return;
	j->it.credential = (uint32_t)(c - s->set.items);
	if (!resting_still(p->house.board, s, &j->it, 0, loop_moment(p->house.loop)))
		return;
	note_tried(p, &j->it);
	if (j->it.how == RESTING_ASKED)
		fitness_take_probe(board_row(p->house.board, j->it.subject, BOARD_WHOLE, false));
	b->job = *j;
	mem_free(b->model);
	b->model = mem_dup_span(model_of(p, s, &j->it));
	snprintf(b->label, sizeof(b->label), "%s", c->label);
	log_debug("pool", "probing", "label=%s model=%s cause=%s", b->label, b->model,
	    outcome_name(j->it.cause));
	ask(p, b);
}

/* ---- rounds ---- */

/* Whoever comes up or drains is left alone. */
static bool
is_served(struct board *b)
{
	for (int i = 0; i < BOARD_WORKERS_MAX; i++)
		if (atomic_load(&board_slot(b, i)->state) == WORKER_READY)
			return true;
	return false;
}

/* The interval is cut in as many pieces as there are jobs, and each begins somewhere in its own. */
static void
schedule_next(struct prober *p)
{
	int64_t piece = p->job_count ? interval_ms(p) / (int64_t)p->job_count : 0;
	int64_t at = p->round_ms + (int64_t)p->begun * piece;
	int64_t now = loop_now_ms(p->house.loop);

	if (p->begun == p->job_count)
		return;
	at += (int64_t)chance_below(&p->chance, (uint64_t)piece + 1);
	loop_timer(p->house.loop, &p->next, at > now ? at - now : 0, start_next, p);
}

static void
start_next(void *ctx)
{
	struct prober *p = ctx;
	struct probe *free_one = NULL;

	for (size_t i = 0; i < PROBER_AT_ONCE && !free_one; i++)
		if (!p->probes[i].attempt)
			free_one = &p->probes[i];
	p->held = free_one == NULL;
	if (p->held || p->begun == p->job_count)
		return;
	struct job *j = &p->jobs[p->begun++];

	if (is_served(p->house.board))
		begin_job(p, free_one, j);
	schedule_next(p);
}

static int64_t
due_ms(const struct prober *p, const struct note *n)
{
	int64_t pause = n->it.how == RESTING_DISABLED && interval_ms(p) < DISABLED_RECHECK_MS
			    ? DISABLED_RECHECK_MS
			    : interval_ms(p);

	if (n->it.how == RESTING_ASKED)
		return n->seen_ms;
	return (n->tried_ms ? n->tried_ms : n->seen_ms) + pause;
}

/* What was found takes the place of what is remembered; both are in the same order. */
static void
remember(struct prober *p)
{
	struct note *notes = mem_array(p->found.count + 1, sizeof(*notes));
	size_t old = 0;

	for (size_t i = 0; i < p->found.count; i++) {
		const struct resting *it = &p->found.items[i];

		notes[i] = (struct note){ .it = *it, .seen_ms = loop_now_ms(p->house.loop) };
		while (old < p->note_count && resting_compare(&p->notes[old].it, it) < 0)
			old++;
		if (old == p->note_count || p->notes[old].it.how != it->how ||
		    resting_compare(&p->notes[old].it, it) != 0)
			continue;
		notes[i].seen_ms = p->notes[old].seen_ms;
		notes[i].tried_ms = p->notes[old].tried_ms;
	}
	mem_free(p->notes);
	p->notes = notes;
	p->note_count = p->found.count;
}

/* Puts it among those that have been due for longest. */
static void
choose(struct prober *p, const struct note *n, const struct pool_snapshot *s,
    int64_t due[PROBER_A_ROUND])
{
	size_t at = p->job_count;

	while (at > 0 && due[at - 1] > due_ms(p, n))
		at--;
	if (at == PROBER_A_ROUND)
		return;
	size_t last = p->job_count < PROBER_A_ROUND ? p->job_count++ : PROBER_A_ROUND - 1;

	memmove(&p->jobs[at + 1], &p->jobs[at], (last - at) * sizeof(p->jobs[0]));
	memmove(&due[at + 1], &due[at], (last - at) * sizeof(due[0]));
	due[at] = due_ms(p, n);
	p->jobs[at].it = n->it;
	memcpy(p->jobs[at].id, s->set.items[n->it.credential].id, sizeof(p->jobs[at].id));
}

static void
begin_round(void *ctx)
{
	struct prober *p = ctx;
	const struct pool_snapshot *s = credentials(p);
	int64_t due[PROBER_A_ROUND];

	loop_timer(p->house.loop, &p->round, interval_ms(p), begin_round, p);
	p->job_count = p->begun = 0;
	p->held = false;
	p->round_ms = loop_now_ms(p->house.loop);
	loop_untimer(p->house.loop, &p->next);
	if (!s || !is_served(p->house.board))
		return;
	resting_find(&p->found, p->house.board, s, interval_ms(p), loop_moment(p->house.loop));
	remember(p);
	for (size_t i = 0; i < p->note_count; i++)
		if (due_ms(p, &p->notes[i]) <= p->round_ms)
			choose(p, &p->notes[i], s, due);
	if (p->found.count)
		log_debug("pool", "credentials rest", "rows=%zu probed=%zu", p->found.count,
		    p->job_count);
	schedule_next(p);
}

/* ---- birth and end ---- */

struct prober *
prober_new(const struct prober_house *house)
{
	struct prober *p = mem_alloc(sizeof(*p));

	p->house = *house;
	p->estimates = estimates_new();
	p->upstream = (struct upstream){ .loop = house->loop,
		.fetcher = house->fetcher,
		.estimates = p->estimates,
		.config = house->config,
		.slot = &p->slot };
	chance_seed(&p->chance, house->seed);
	for (size_t i = 0; i < PROBER_AT_ONCE; i++) {
		p->probes[i].prober = p;
		p->probes[i].arena = arena_new(0);
	}
	/* Daemons that were started together need not ask together. */
	loop_timer(house->loop, &p->round,
	    interval_ms(p) - (int64_t)chance_below(&p->chance, (uint64_t)interval_ms(p) / 4 + 1),
	    begin_round, p);
	return p;
}

/* The attempts that were cancelled look at nothing of the prober's when they are freed. */
void
prober_free(struct prober **pp)
{
	struct prober *p = *pp;

	if (!p)
		return;
	loop_untimer(p->house.loop, &p->round);
	loop_untimer(p->house.loop, &p->next);
	loop_untimer(p->house.loop, &p->renewal);
	for (size_t i = 0; i < PROBER_AT_ONCE; i++) {
		attempt_cancel(&p->probes[i].attempt);
		unclaim(p, &p->probes[i]);
		mem_free(p->probes[i].model);
		arena_free(&p->probes[i].arena);
	}
	pool_free(&p->pool);
	estimates_free(&p->estimates);
	resting_fini(&p->found);
	mem_free(p->notes);
	mem_free(p);
	*pp = NULL;
}
