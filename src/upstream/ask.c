/*
 * Tries until answered.  Runs in workers.  An ask owns its attempt, one at a time, and what it
 * holds back until the answer begins.
 *
 *	try_next  ->  attempt  ->  answered: done
 *	   ^             |
 *	   |             +-->  failed before the answer began, another may do better: try_next
 *	   |             +-->  the request was refused and could be mended: try_next
 *	   |             +-->  failed otherwise: failed
 *	   +-- waits: a pause before the same credential again, or until a frozen one thaws
 */
#include "upstream/ask.h"

#include <assert.h>
#include <sodium.h>
#include "base/log.h"
#include "base/mem.h"
#include "gemini/model.h"
#include "upstream/attempt.h"

#define TRIED_MAX       32
#define HELD_MAX        (1u << 20)   /* bytes held back before an answer counts as begun anyway */
#define ANSWER_MAX      (256u << 20) /* bytes of a unary answer or one event */
#define THINKING_FACTOR 5            /* of first_byte_timeout: 2m are 10m */
#define PAUSE_MIN_MS    250          /* before the same credential is asked again */
#define PAUSE_SPAN_MS   500
#define THAW_LATE_MS    50 /* waiters of one thaw spread over this */
#define MENDS_MAX       6  /* each takes one more attempt than upstream.max_attempts */

/* What came before the answer began, or all of one that ended without saying anything. */
struct held {
	struct buf chunks; /* JSON of chunks that said nothing, each behind its size_t length */
	struct buf bytes;  /* raw bytes, in an answer that is relayed */
	struct buf type;   /* Content-Type of a plain one */
	bool ends;         /* a candidate has its finish reason */
};

struct ask {
	struct upstream *up;     /* borrowed */
	const struct call *call; /* borrowed */
	size_t part;             /* of the call */
	unsigned revision;       /* of the call, as it was sent last */
	struct arena *arena;     /* borrowed */
	struct ask_events events;
	void *ctx;
	struct attempt *attempt; /* owned; NULL between attempts */
	struct timer timer;      /* a pause, or the wait for a thaw */
	int64_t since_ms;
	char tried[TRIED_MAX][CREDENTIAL_ID_LEN + 1];
	size_t tried_count;
	char label[64]; /* of the credential that is being tried */
	int attempts, mends;
	int failed_with[OUTCOME_COUNT];
	bool repeated; /* the same credential was asked twice already */
	bool begun;
	bool paused;
	bool over;
	struct verdict last;            /* of the last attempt */
	struct verdict told;            /* of the one that the caller is told of in the end */
	const struct fault *told_fault; /* in the arena */
	struct held held;               /* of the attempt under way */
	struct held spare;              /* an earlier answer that ended empty: better than none */
};

static void try_next(void *ctx);

static uint64_t
chance(void)
{
	uint64_t c;

	randombytes_buf(&c, sizeof(c));
	return c;
}

static void
held_fini(struct held *h)
{
	buf_fini(&h->chunks);
	buf_fini(&h->bytes);
	buf_fini(&h->type);
	h->ends = false;
}

static void
ask_free(void *ctx)
{
	struct ask *a = ctx;

	held_fini(&a->held);
	held_fini(&a->spare);
	mem_free(a);
}

static void
retire(struct ask *a)
{
	a->over = true;
	loop_untimer(a->up->loop, &a->timer);
	loop_undefer(a->up->loop, try_next, a);
	attempt_cancel(&a->attempt);
	loop_defer(a->up->loop, ask_free, a);
}

static void
finish(struct ask *a)
{
	retire(a);
	a->events.done(a->ctx);
}

static void
fail(struct ask *a, const struct err *e, const struct fault *f)
{
	retire(a);
	a->events.failed(a->ctx, e, f);
}

static bool give_spare(struct ask *);

/* Where every credential is spent the pool knows best when it ends; else the last attempt has the
 * last word. */
static void
give_up(struct ask *a, const struct err *refusal)
{
	struct err e = ERR_INIT;

	if (give_spare(a))
		return;
	if (a->attempts == 0 ||
	    (refusal && (refusal->kind == ERR_BUSY || refusal->kind == ERR_QUOTA))) {
		fail(a, refusal, NULL);
		return;
	}
	const struct fault *shown = outcome_err(a->told.outcome, a->told_fault, &e);

	fail(a, &e, shown);
}

/* Reading: what comes before the answer has begun is held back. */

static void
hold_chunk(struct ask *a, const struct chunk *k)
{
	buf_add(&a->held.chunks, &k->raw.len, sizeof(k->raw.len));
	buf_add_span(&a->held.chunks, k->raw);
	if (chunk_ends(k))
		a->held.ends = true;
}

static void
give_chunks(struct ask *a, struct held *h)
{
	size_t at = 0, len;

	if (h->chunks.len == 0)
		return;
	struct arena *scratch = arena_new(0);

	while (!a->over && at < h->chunks.len) {
		struct chunk k;
		struct err ignored;

		memcpy(&len, h->chunks.data + at, sizeof(len));
		at += sizeof(len);
		if (chunk_parse(
			span_mem(h->chunks.data + at, len), a->call->op, scratch, &k, &ignored))
			a->events.chunk(a->ctx, &k);
		at += len;
		arena_reset(scratch);
	}
	arena_free(&scratch);
	buf_fini(&h->chunks);
}

static bool
on_chunk(void *ctx, const struct chunk *k)
{
	struct ask *a = ctx;

	if (!a->begun) {
		if (!chunk_says_something(k, a->call->op) && a->held.chunks.len < HELD_MAX &&
		    a->held.bytes.len < HELD_MAX) {
			hold_chunk(a, k);
			return true;
		}
		a->begun = true;
		give_chunks(a, &a->held);
	}
	if (!a->over)
		a->events.chunk(a->ctx, k);
	return !a->over;
}

static void
on_raw(void *ctx, struct span bytes)
{
	struct ask *a = ctx;

	if (a->begun && a->held.bytes.len == 0) {
		a->events.raw(a->ctx, bytes, attempt_content_type(a->attempt));
		return;
	}
	buf_add_span(&a->held.bytes, bytes);
	if (!a->begun)
		return;
	a->events.raw(a->ctx, buf_span(&a->held.bytes), attempt_content_type(a->attempt));
	if (!a->over)
		buf_fini(&a->held.bytes);
}

static void
on_plain(void *ctx, struct buf *bytes)
{
	struct ask *a = ctx;

	if (a->begun) {
		a->events.plain(a->ctx, bytes, attempt_content_type(a->attempt));
		return;
	}
	buf_fini(&a->held.bytes);
	a->held.bytes = *bytes;
	*bytes = BUF_INIT;
	buf_clear(&a->held.type);
	buf_add_span(&a->held.type, attempt_content_type(a->attempt));
}

/* An answer that ended and said nothing is an answer after all: nothing better came. */
static bool
give_spare(struct ask *a)
{
	struct held *h = &a->spare;

	if (!h->ends)
		return false;
	a->begun = true;
	give_chunks(a, h);
	if (!a->over && a->events.raw && a->call->framing != FRAMING_UNARY)
		a->events.raw(a->ctx, buf_span(&h->bytes), buf_span(&h->type));
	else if (!a->over && a->events.plain)
		a->events.plain(a->ctx, &h->bytes, buf_span(&h->type));
	if (!a->over)
		finish(a);
	return true;
}

/* The end of an attempt. */

static void
forget_held(struct ask *a)
{
	if (a->held.ends) {
		held_fini(&a->spare);
		a->spare = a->held;
		a->held = (struct held){ 0 };
	} else {
		held_fini(&a->held);
	}
}

/* How often one kind of failure may move on to another credential (0: as often as attempts allow).
 */
static int
spread_of(enum outcome o)
{
	switch (o) {
	case OUTCOME_MODEL_UNKNOWN:
	case OUTCOME_FORBIDDEN:
	case OUTCOME_EMPTY:
	case OUTCOME_TIMED_OUT:
		return 1;
	case OUTCOME_OVERLOADED: /* capacity is shared: asking everyone multiplies the storm */
	case OUTCOME_SERVER_ERROR:
		return 2;
	default:
		return 0;
	}
}

static bool
may_try_on(const struct ask *a)
{
	int spread = spread_of(a->last.outcome);

	return !a->begun && a->last.try_other &&
	       a->attempts - a->mends < a->up->config->upstream_max_attempts &&
	       (spread == 0 || a->failed_with[a->last.outcome] <= spread);
}

static void
remember_to_tell(struct ask *a, const struct verdict *v, const struct fault *f)
{
	if (!outcome_outweighs(v, &a->told))
		return;
	a->told = *v;
	a->told_fault = f;
}

/* The request was at fault, and may be without it: a part of it may have been mended already. */
static bool
may_mend(struct ask *a, const struct verdict *v, const struct fault *f)
{
	if (a->begun || v->outcome != OUTCOME_REFUSED || !f || !a->events.mend ||
	    a->mends == MENDS_MAX)
		return false;
	if (a->revision == a->call->revision && !a->events.mend(a->ctx, f))
		return false;
	a->mends++;
	a->told = (struct verdict){ .outcome = OUTCOME_OK };
	a->told_fault = NULL;
	return true;
}

static void
on_end(void *ctx, const struct verdict *v, const struct fault *f)
{
	struct ask *a = ctx;

	a->attempt = NULL; /* it frees itself behind its last event */
	board_count_add(a->up->slot, BOARD_FETCHES, -1);
	if (a->events.tried)
		a->events.tried(a->ctx, a->label, v);
	if (v->outcome == OUTCOME_OK) {
		finish(a);
		return;
	}
	a->last = *v;
	remember_to_tell(a, v, f);
	a->failed_with[v->outcome]++;
	if (!a->begun)
		forget_held(a);
	if (may_mend(a, v, f))
		a->tried_count = 0;
	else if (a->over)
		return;
	else if (!may_try_on(a)) {
		give_up(a, NULL);
		return;
	}
	loop_defer(a->up->loop, try_next, a);
}

/* Trying. */

static int64_t
time_left_ms(const struct ask *a, int64_t limit_ms)
{
	int64_t left = limit_ms - (loop_now_ms(a->up->loop) - a->since_ms);

	return left < 1 ? 1 : left;
}

/* A model that thinks may be silent for long before it begins. */
static int64_t
first_byte_ms(const struct ask *a)
{
	int64_t ms = a->up->config->upstream_first_byte_timeout_ms;

	return model_facts(a->call->model).thinks ? ms * THINKING_FACTOR : ms;
}

static void
start_attempt(struct ask *a, struct lease *lease)
{
	static const struct attempt_events relayed = {
		.chunk = on_chunk, .raw = on_raw, .plain = on_plain, .end = on_end
	};
	static const struct attempt_events translated = { .chunk = on_chunk, .end = on_end };
	const struct config *c = a->up->config;
	int64_t total_ms = c->upstream_total_timeout_ms;

	if (a->call->server_timeout_ms > 0 && a->call->server_timeout_ms < total_ms)
		total_ms = a->call->server_timeout_ms;
	struct attempt_limits limits = {
		.connect_timeout_ms = c->upstream_connect_timeout_ms,
		.first_byte_timeout_ms = first_byte_ms(a),
		.idle_timeout_ms = c->upstream_idle_timeout_ms,
		.total_timeout_ms = time_left_ms(a, total_ms),
		.answer_bytes = ANSWER_MAX,
	};

	if (a->tried_count < TRIED_MAX)
		memcpy(a->tried[a->tried_count++], lease->id, sizeof(lease->id));
	snprintf(a->label, sizeof(a->label), "%s", lease->label);
	board_count_add(a->up->slot, BOARD_ATTEMPTS, 1);
	board_count_add(a->up->slot, BOARD_RETRIES, a->attempts > 0);
	board_count_add(a->up->slot, BOARD_FETCHES, 1);
	a->attempts++;
	a->revision = a->call->revision;
	a->attempt = attempt_start(a->up->fetcher, a->up->loop, a->up->pool, lease, a->call,
	    a->part, c->upstream_gemini_url, &limits, a->arena,
	    a->events.raw ? &relayed : &translated, a);
	if (a->paused)
		attempt_pause(a->attempt);
}

/* Another credential, or the same one later, may do better; not so after a 404. */
static bool
worth_waiting(const struct ask *a)
{
	return a->attempts == 0 || a->told.freeze_until_wall_ms || a->told.disable ||
	       a->told.try_same;
}

/* No other credential: the same one again after a pause, or whichever thaws in time, or the end. */
static void
wait_or_give_up(struct ask *a, int64_t thaw_wall_ms, const struct err *refusal)
{
	int64_t in_ms = thaw_wall_ms - loop_wall_ms(a->up->loop);
	int64_t left_ms =
	    a->up->config->queue_max_wait_ms - (loop_now_ms(a->up->loop) - a->since_ms);

	if (a->attempts > 0 && a->told.try_same && !a->repeated) {
		a->repeated = true;
		in_ms = PAUSE_MIN_MS + (int64_t)(chance() % PAUSE_SPAN_MS);
	} else if (thaw_wall_ms && in_ms <= left_ms && worth_waiting(a)) {
		in_ms += (int64_t)(chance() % THAW_LATE_MS) + 1;
	} else {
		give_up(a, refusal);
		return;
	}
	a->tried_count = 0;
	loop_timer(a->up->loop, &a->timer, in_ms, try_next, a);
}

static void
try_next(void *ctx)
{
	struct ask *a = ctx;
	struct wish wish = { .model = a->call->model,
		.tried = (const char(*)[CREDENTIAL_ID_LEN + 1]) a->tried,
		.tried_count = a->tried_count };
	struct err e = ERR_INIT;
	struct lease lease;
	int64_t thaw_wall_ms;

	if (a->events.gone(a->ctx))
		return; /* whoever started it is about to cancel */
	if (pool_lend(
		a->up->pool, &wish, loop_wall_ms(a->up->loop), chance(), &lease, &thaw_wall_ms, &e))
		start_attempt(a, &lease);
	else
		wait_or_give_up(a, thaw_wall_ms, &e);
}

struct ask *
ask_start(struct upstream *up, const struct call *call, size_t part, struct arena *arena,
    const struct ask_events *events, void *ctx)
{
	struct ask *a = mem_alloc(sizeof(*a));

	*a = (struct ask){ .up = up,
		.call = call,
		.part = part,
		.arena = arena,
		.events = *events,
		.ctx = ctx,
		.since_ms = loop_now_ms(up->loop) };
	loop_defer(up->loop, try_next, a);
	return a;
}

const char *
ask_label(const struct ask *a)
{
	return a->label;
}

void
ask_pause(struct ask *a)
{
	a->paused = true;
	if (a->attempt)
		attempt_pause(a->attempt);
}

void
ask_resume(struct ask *a)
{
	a->paused = false;
	if (a->attempt)
		attempt_resume(a->attempt);
}

void
ask_cancel(struct ask **ap)
{
	struct ask *a = *ap;

	*ap = NULL;
	if (!a || a->over)
		return;
	if (a->attempt)
		board_count_add(a->up->slot, BOARD_FETCHES, -1);
	retire(a);
}
