/*
 * Tries until answered.  Runs in workers.  An ask owns its tries, its attempt, one at a time, and
 * what it holds back until the answer begins.  Who is asked next, and when, upstream/tries.c knows.
 *
 *	lent  ->  attempt  ->  answered: done
 *	  ^          |
 *	  |          +-->  the request was refused and could be mended
 *	  +-- tries -+-->  failed before the answer began
 *	        |    +-->  failed otherwise
 *	        +--> over: failed, or an empty answer for want of a better one
 */
#include "upstream/ask.h"

#include "base/mem.h"
#include "gemini/model.h"
#include "upstream/attempt.h"
#include "upstream/tries.h"

#define HELD_MAX        (1u << 20)   /* bytes held back before an answer counts as begun anyway */
#define ANSWER_MAX      (256u << 20) /* bytes of a unary answer or one event */
#define THINKING_FACTOR 5            /* of first_byte_timeout: 2m are 10m */

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
	struct tries tries;
	bool begun;
	bool paused;
	bool over;
	struct held held;  /* of the attempt under way */
	struct held spare; /* an earlier answer that ended empty: better than none */
};

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
	tries_fini(&a->tries);
	attempt_cancel(&a->attempt);
	loop_defer(a->up->loop, ask_free, a);
}

static void
finish(struct ask *a)
{
	retire(a);
	a->events.done(a->ctx);
}

/* ---- reading: what comes before the answer has begun is held back ---- */

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

/* ---- the end of an attempt ---- */

/* The request was at fault, and may be without it: a part of it may have been mended already. */
static bool
may_mend(struct ask *a, const struct verdict *v, const struct fault *f)
{
	if (a->begun || v->outcome != OUTCOME_REFUSED || !f || !a->events.mend ||
	    a->tries.mends == TRIES_MENDS_MAX)
		return false;
	return a->revision != a->call->revision || a->events.mend(a->ctx, f);
}

static void
on_end(void *ctx, const struct verdict *v, const struct fault *f)
{
	struct ask *a = ctx;

	a->attempt = NULL; /* it frees itself behind its last event */
	if (a->events.tried)
		a->events.tried(a->ctx, a->tries.label, v);
	if (a->over)
		return;
	if (v->outcome == OUTCOME_OK) {
		finish(a);
		return;
	}
	if (!a->begun)
		forget_held(a);
	bool mended = may_mend(a, v, f);

	if (a->over)
		return;
	if (mended)
		tries_mended(&a->tries);
	else
		tries_ended(&a->tries, v, f, !a->begun);
}

static void
on_over(void *ctx, const struct err *e, const struct fault *f)
{
	struct ask *a = ctx;

	if (!a->begun && give_spare(a))
		return;
	retire(a);
	a->events.failed(a->ctx, e, f);
}

/* ---- trying ---- */

/* A model that thinks may be silent for long before it begins. */
static int64_t
first_byte_ms(const struct ask *a)
{
	int64_t ms = a->up->config->upstream_first_byte_timeout_ms;

	return model_facts(a->call->model).thinks ? ms * THINKING_FACTOR : ms;
}

static void
on_lent(void *ctx, struct lease *lease)
{
	static const struct attempt_events relayed = {
		.chunk = on_chunk, .raw = on_raw, .plain = on_plain, .end = on_end
	};
	static const struct attempt_events translated = { .chunk = on_chunk, .end = on_end };
	struct ask *a = ctx;
	const struct config *c = a->up->config;
	struct attempt_limits limits = {
		.connect_timeout_ms = c->upstream_connect_timeout_ms,
		.first_byte_timeout_ms = first_byte_ms(a),
		.idle_timeout_ms = c->upstream_idle_timeout_ms,
		.total_timeout_ms = tries_left_ms(&a->tries),
		.answer_bytes = ANSWER_MAX,
	};

	a->revision = a->call->revision;
	a->attempt = attempt_start(a->up, lease, a->call, a->part, &limits, a->arena,
	    a->events.raw ? &relayed : &translated, a);
	if (a->paused)
		attempt_pause(a->attempt);
}

static bool
on_gone_asked(void *ctx)
{
	struct ask *a = ctx;

	return a->events.gone(a->ctx);
}

static uint64_t
on_tokens_asked(void *ctx)
{
	struct ask *a = ctx;

	if (!a->call->bodies)
		return 0;
	return estimate_tokens(a->up->estimates, a->call->model, &a->call->bodies[a->part]);
}

/* Counting and listing are free. */
static bool
is_metered(enum operation op)
{
	return op == OP_GENERATE || op == OP_STREAM || op == OP_EMBED || op == OP_BATCH_EMBED;
}

/* What is left of it: a part that begins late has no more time than the others. */
static int64_t
total_ms(const struct ask *a, const struct ask_lend *lend)
{
	int64_t most = a->up->config->upstream_total_timeout_ms;
	int64_t asked = a->call->server_timeout_ms;
	int64_t gone = lend->since_ms > 0 ? loop_now_ms(a->up->loop) - lend->since_ms : 0;

	return (asked > 0 && asked < most ? asked : most) - gone;
}

struct ask *
ask_start(struct upstream *up, const struct call *call, size_t part, const struct ask_lend *lend,
    struct arena *arena, const struct ask_events *events, void *ctx)
{
	static const struct tries_events trying = {
		.gone = on_gone_asked, .tokens = on_tokens_asked, .lent = on_lent, .over = on_over
	};
	struct ask *a = mem_alloc(sizeof(*a));

	*a = (struct ask){
		.up = up, .call = call, .part = part, .arena = arena, .events = *events, .ctx = ctx
	};
	struct tries_order order = { .model = call->model,
		.metered = is_metered(call->op),
		.total_ms = total_ms(a, lend),
		.lend = *lend };

	tries_init(&a->tries, up, &order, &trying, a);
	tries_next(&a->tries);
	return a;
}

const char *
ask_label(const struct ask *a)
{
	return a->tries.label;
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
	if (a && !a->over)
		retire(a);
}
