/*
 * The tries of one request: see tries.h.  Runs in workers; owns no more than its timer.  Knows
 * nothing of what is asked or how: only of credentials, outcomes and time.
 */
#include "upstream/tries.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void lend(void *ctx);

void
tries_init(struct tries *t, struct upstream *up, const struct tries_order *order,
    const struct tries_events *events, void *ctx)
{
	*t = (struct tries){ .up = up,
		.order = *order,
		.events = *events,
		.ctx = ctx,
		.since_ms = loop_now_ms(up->loop) };
}

void
tries_fini(struct tries *t)
{
	t->over = true;
	loop_untimer(t->up->loop, &t->timer);
	loop_undefer(t->up->loop, lend, t);
}

void
tries_next(struct tries *t)
{
	loop_defer(t->up->loop, lend, t);
}

/* ---- time ---- */

static int64_t
left_of(const struct tries *t, int64_t limit_ms)
{
	return limit_ms - (loop_now_ms(t->up->loop) - t->since_ms);
}

int64_t
tries_left_ms(const struct tries *t)
{
	int64_t left = left_of(t, t->order.total_ms);

	return left < 1 ? 1 : left;
}

static int64_t
random_ms(int64_t least, int64_t most)
{
	uint64_t chance;

	randombytes_buf(&chance, sizeof(chance));
	return least + (int64_t)(chance % (uint64_t)(most - least + 1));
}

/* ---- the end ---- */

static void
give_up(struct tries *t, const struct err *e, const struct fault *f)
{
	tries_fini(t);
	t->events.over(t->ctx, e, f);
}

/* Of what the last attempts ended with the one says most that is not a credential's own affair. */
static void
give_up_as_told(struct tries *t)
{
	struct err e = ERR_INIT;
	const struct fault *shown = outcome_err(t->told.outcome, t->told_fault, &e);

	give_up(t, &e, shown);
}

static void
give_up_late(struct tries *t)
{
	if (t->told.outcome == OUTCOME_OK)
		t->told = (struct verdict){ .outcome = OUTCOME_OUT_OF_TIME };
	give_up_as_told(t);
}

/* Where every credential is spent, or the model rests, the pool knows best until when. */
static void
give_up_unlent(struct tries *t, const struct err *refusal)
{
	if (t->told.outcome == OUTCOME_OK || refusal->kind == ERR_BUSY ||
	    refusal->kind == ERR_QUOTA || refusal->kind == ERR_OVERLOADED)
		give_up(t, refusal, NULL);
	else
		give_up_as_told(t);
}

/* ---- after an attempt ---- */

/* The one that was tried last, and stands last, changes places with the first that may be asked
 * again.  (Behind a repetition nobody may, and the order does not matter.) */
static void
bar_last(struct tries *t)
{
	char id[CREDENTIAL_ID_LEN + 1];

	if (t->barred_count == t->tried_count)
		return;
	memcpy(id, t->tried[t->barred_count], sizeof(id));
	memcpy(t->tried[t->barred_count], t->tried[t->tried_count - 1], sizeof(id));
	memcpy(t->tried[t->tried_count - 1], id, sizeof(id));
	t->barred_count++;
}

static void
remember_failure(struct tries *t, const struct verdict *v, const struct fault *f)
{
	t->failed_with[v->outcome]++;
	t->disabled_count += v->disable;
	if (!v->try_same)
		bar_last(t);
	else if (outcome_facts(v->outcome)->pause_most_ms >=
		 outcome_facts(t->pause_of)->pause_most_ms)
		t->pause_of = v->outcome;
	if (outcome_outweighs(v, &t->told)) {
		t->told = *v;
		t->told_fault = f;
	}
}

/* Whether it may be sent once more, to whomsoever. */
static bool
may_go_on(const struct tries *t, const struct verdict *v)
{
	int spread = outcome_facts(v->outcome)->spread;

	return (v->try_other || v->try_same) &&
	       t->attempts - t->mends < t->up->config->upstream_max_attempts &&
	       (spread == 0 || t->failed_with[v->outcome] <= spread) &&
	       left_of(t, t->order.total_ms) > 0;
}

void
tries_ended(struct tries *t, const struct verdict *v, const struct fault *f, bool again)
{
	assert(!t->over);
	remember_failure(t, v, f);
	if (again && may_go_on(t, v))
		tries_next(t);
	else
		give_up_as_told(t);
}

void
tries_mended(struct tries *t)
{
	assert(!t->over && t->mends < TRIES_MENDS_MAX);
	t->mends++;
	if (t->order.lend.trace)
		t->order.lend.trace->mends++;
	t->tried_count = t->barred_count = t->disabled_count = 0;
	t->tokens = 0;
	t->told = (struct verdict){ .outcome = OUTCOME_OK };
	t->told_fault = NULL;
	tries_next(t);
}

/* ---- when none is eligible ---- */

/* Another credential, or the same one later, may do better: not where the model is unknown, say, or
 * was too slow. */
static bool
time_helps(const struct verdict *told)
{
	return told->outcome == OUTCOME_OK || told->disable || told->try_same ||
	       (told->freeze != FREEZE_NONE && told->outcome != OUTCOME_MODEL_UNKNOWN);
}

/* What thaws may be one of those that are not asked again. */
static bool
somebody_is_left(const struct tries *t)
{
	size_t enabled =
	    t->order.lend.owner.len > 0 ? 1 : pool_size(t->up->pool, loop_moment(t->up->loop));

	return t->repeats || enabled > t->tried_count - t->disabled_count;
}

static bool
may_repeat(const struct tries *t)
{
	return !t->repeated && !t->repeats && t->barred_count < t->tried_count;
}

static bool
can_wait(const struct tries *t, int64_t ms, int64_t limit_ms)
{
	return ms <= left_of(t, limit_ms) && ms < left_of(t, t->order.total_ms);
}

/* A pause is part of the trying, and has the deadline alone for a bound. */
static bool
pause_and_repeat(struct tries *t)
{
	const struct outcome_facts *facts = outcome_facts(t->pause_of);
	int64_t ms = random_ms(facts->pause_least_ms, facts->pause_most_ms);

	t->repeats = true;
	if (!can_wait(t, ms, t->order.total_ms))
		return false;
	loop_timer(t->up->loop, &t->timer, ms, lend, t);
	return true;
}

/* Nobody tells who waits that there is no need any more, so he looks now and then. */
static void
wait_on(void *ctx)
{
	struct tries *t = ctx;
	int64_t ms = t->thaw_ms - loop_now_ms(t->up->loop);

	if (ms <= 0 || pool_changes(t->up->pool) != t->changes)
		lend(t);
	else
		loop_timer(
		    t->up->loop, &t->timer, ms < TRIES_LOOK_MS ? ms : TRIES_LOOK_MS, wait_on, t);
}

static bool
wait_for_thaw(struct tries *t, int64_t free_in_ms)
{
	struct trace *trace = t->order.lend.trace;
	int64_t max_wait_ms = t->up->config->queue_max_wait_ms;

	if (free_in_ms < 0 || free_in_ms > left_of(t, max_wait_ms) || !time_helps(&t->told) ||
	    !somebody_is_left(t))
		return false;
	free_in_ms += random_ms(1, TRIES_LATE_MS);
	/* What is late by a few ms only is not too late. */
	if (!can_wait(t, free_in_ms, max_wait_ms + TRIES_LATE_MS))
		return false;
	t->thaw_ms = loop_now_ms(t->up->loop) + free_in_ms;
	t->changes = pool_changes(t->up->pool);
	wait_on(t);
	if (trace)
		trace->waits++;
	return true;
}

/* ---- lending ---- */

static struct wish
wish_of(struct tries *t, struct moment now)
{
	const struct tries_order *o = &t->order;

	if (o->metered && t->tokens == 0 && t->events.tokens &&
	    pool_counts_tokens(t->up->pool, o->model, now))
		t->tokens = t->events.tokens(t->ctx);
	return (struct wish){ .model = o->model,
		.metered = o->metered,
		.tokens = t->tokens,
		.affinity = o->lend.affinity,
		.tried = (const char(*)[CREDENTIAL_ID_LEN + 1]) t->tried,
		.tried_count = t->repeats ? t->barred_count : t->tried_count,
		.only = o->lend.owner,
		.trace = o->lend.trace };
}

static bool
was_tried(const struct tries *t, const struct lease *lease)
{
	for (size_t i = 0; i < t->tried_count; i++)
		if (strcmp(t->tried[i], lease->id) == 0)
			return true;
	return false;
}

static void
note_tried(struct tries *t, const struct lease *lease)
{
	if (was_tried(t, lease)) {
		t->repeated = true;
	} else {
		assert(t->tried_count < TRIES_MAX);
		memcpy(t->tried[t->tried_count++], lease->id, sizeof(lease->id));
	}
	t->repeats = false;
	snprintf(t->label, sizeof(t->label), "%s", lease->label);
}

static void
count_attempt(struct tries *t, const struct lease *lease)
{
	const struct trace *trace = t->order.lend.trace;

	if (trace && lease->try_)
		lease->try_->lent_ms = (uint32_t)(lease->since_ms - trace->began_ms);
	board_count_add(t->up->slot, BOARD_ATTEMPTS, 1);
	board_count_add(t->up->slot, BOARD_RETRIES, t->attempts > 0);
	t->attempts++;
}

/* How full a trace was. */
struct mark {
	uint8_t try_count, pass_count;
	uint16_t tries_made;
};

static struct mark
mark_trace(const struct trace *t)
{
	return t ? (struct mark){ t->try_count, t->pass_count, t->tries_made } : (struct mark){ 0 };
}

/* Who waits for long would fill the trace with it: the next lending takes the place of one that
 * came to nothing.  Why it came to that stays, of the first. */
static void
take_back(struct trace *t, struct mark before)
{
	if (!t)
		return;
	t->try_count = before.try_count;
	t->tries_made = before.tries_made;
	if (t->waits > 1)
		t->pass_count = before.pass_count;
}

static bool
wait_or_repeat(struct tries *t, int64_t free_in_ms)
{
	return may_repeat(t) ? pause_and_repeat(t) : wait_for_thaw(t, free_in_ms);
}

static void
lend(void *ctx)
{
	struct tries *t = ctx;
	struct trace *trace = t->order.lend.trace;
	struct moment now = loop_moment(t->up->loop);
	struct mark before = mark_trace(trace);
	struct err e = ERR_INIT;
	struct lease lease;
	int64_t free_in_ms;

	if (t->events.gone(t->ctx))
		return; /* whoever began this is about to end it */
	if (left_of(t, t->order.total_ms) <= 0) {
		give_up_late(t);
		return;
	}
	struct wish wish = wish_of(t, now);

	if (pool_lend(t->up->pool, &wish, now, &lease, &free_in_ms, &e)) {
		note_tried(t, &lease);
		count_attempt(t, &lease);
		t->events.lent(t->ctx, &lease);
	} else if (wait_or_repeat(t, free_in_ms)) {
		take_back(trace, before);
	} else {
		give_up_unlent(t, &e);
	}
}
