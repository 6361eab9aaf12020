/*
 * A request handed on as it is: see relay.h.  Runs in workers; owns its tries, its loan, its fetch
 * and what waits to be sent.  Who is asked next, and when, upstream/tries.c knows; whether the
 * request may be sent again at all is known here.
 *
 *	lent  ->  fetch  ->  head under 400: given, data, done or broke
 *	  ^         |
 *	  +- tries -+-->  refused or failed
 *	       +-->  over: failed
 */
#include "upstream/relay.h"

#include <string.h>
#include "base/mem.h"
#include "upstream/loan.h"
#include "upstream/tries.h"

#define WAITING_MAX (64u << 10) /* of a streamed body, while no fetch takes it yet */

struct relay {
	struct upstream *up;      /* borrowed */
	struct relay_order order; /* its spans are borrowed */
	struct arena *arena;      /* borrowed */
	struct relay_events events;
	void *ctx;
	struct tries tries;
	struct loan loan;    /* of the attempt under way */
	struct fetch *fetch; /* owned; NULL between attempts */
	struct body body;    /* of one piece, or none */
	struct buf waiting;  /* owned: of a streamed body, before the first fetch takes it */
	bool body_ended;     /* relay_send_end was called */
	bool took;           /* something of a streamed body went into a fetch */
	bool begun;          /* the head was given */
	bool paused, over;
};

static void
relay_free(void *ctx)
{
	struct relay *r = ctx;

	buf_fini(&r->waiting);
	loan_fini(&r->loan);
	mem_free(r);
}

static void
retire(struct relay *r)
{
	static const struct verdict dropped = { .outcome = OUTCOME_DROPPED };

	r->over = true;
	tries_fini(&r->tries);
	fetch_cancel(&r->fetch);
	loan_settle(&r->loan, &dropped, -1);
	loop_defer(r->up->loop, relay_free, r);
}

static void
on_over(void *ctx, const struct err *e, const struct fault *f)
{
	struct relay *r = ctx;

	retire(r);
	r->events.failed(r->ctx, e, f);
}

/* ---- whether to try again ---- */

static bool
only_reads(const struct relay *r)
{
	return strcmp(r->order.method, "GET") == 0 || strcmp(r->order.method, "HEAD") == 0;
}

/* Upstream did nothing of what was asked: it said so, or never heard of it. */
static bool
was_harmless(const struct relay *r, enum fetch_result result)
{
	if (only_reads(r))
		return true;
	if (r->loan.status >= 400) /* 499: cancelled, at whatever it was */
		return (r->loan.status < 500 && r->loan.status != 499) || r->loan.status == 503;
	return result == FETCH_DNS || result == FETCH_CONNECT || result == FETCH_CONNECT_SLOW ||
	       result == FETCH_TLS;
}

static void
settle(struct relay *r, const struct verdict *v)
{
	loan_settle(&r->loan, v, -1);
	if (r->events.tried)
		r->events.tried(r->ctx, r->tries.label, v);
}

static void
end_attempt(
    struct relay *r, const struct verdict *v, const struct fault *f, enum fetch_result result)
{
	settle(r, v);
	if (!r->over)
		tries_ended(&r->tries, v, f, was_harmless(r, result) && !r->took);
}

static void
end_with_fault(struct relay *r)
{
	struct verdict v;
	const struct fault *f =
	    loan_judge(&r->loan, buf_span(&r->loan.words), &r->body, r->arena, &v);

	/* Upstream was told as well how long the client waits: no credential's doing. */
	if (v.outcome == OUTCOME_TIMED_OUT && r->order.server_timeout_ms > 0)
		v = (struct verdict){ .outcome = OUTCOME_OUT_OF_TIME };
	end_attempt(r, &v, f, FETCH_OK);
}

/* The status says enough where the body does not end. */
static void
refused(void *ctx)
{
	struct relay *r = ctx;

	fetch_cancel(&r->fetch);
	end_with_fault(r);
}

/* ---- events of the fetch ---- */

static void
on_written(void *ctx)
{
	struct relay *r = ctx;

	loan_written(&r->loan);
}

static bool
on_again(void *ctx)
{
	struct relay *r = ctx;

	return loan_again(&r->loan);
}

static void
on_head(void *ctx, const struct fetch_head *head)
{
	struct relay *r = ctx;

	loan_head(&r->loan, head->status);
	if (head->status >= 400) {
		loan_refused(&r->loan, refused, r);
		return;
	}
	r->begun = true;
	r->events.head(r->ctx, head, r->loan.lease.id, r->tries.label);
}

static void
on_data(void *ctx, struct span bytes)
{
	struct relay *r = ctx;

	if (r->begun)
		r->events.data(r->ctx, bytes);
	else if (!loan_add_words(&r->loan, bytes))
		refused(r);
}

static void
on_sent(void *ctx)
{
	struct relay *r = ctx;

	if (r->events.sent)
		r->events.sent(r->ctx);
}

static void
on_end(void *ctx, enum fetch_result result, const char *words)
{
	struct relay *r = ctx;
	struct verdict v = outcome_of_fetch(result);

	(void)words;
	r->fetch = NULL; /* it frees itself behind its last event */
	if (!r->begun && r->loan.status >= 400) {
		end_with_fault(r);
	} else if (!r->begun) {
		if (result == FETCH_OK)
			v.outcome = OUTCOME_GARBLED;
		end_attempt(r, &v, NULL, result);
	} else {
		void (*last)(void *) = result == FETCH_OK ? r->events.done : r->events.broke;

		if (result != FETCH_OK)
			v = (struct verdict){ .outcome = OUTCOME_BROKE_OFF };
		settle(r, &v);
		retire(r);
		last(r->ctx);
	}
}

/* ---- trying ---- */

static void
send_waiting(struct relay *r)
{
	if (!r->order.streams_body)
		return;
	if (r->waiting.len > 0) {
		r->took = true;
		fetch_send(r->fetch, buf_span(&r->waiting));
		buf_fini(&r->waiting);
	}
	if (r->body_ended)
		fetch_send_end(r->fetch);
	else if (r->events.sent)
		r->events.sent(r->ctx);
}

/* The credential's header stands in front of those of the order. */
static struct fetch *
start_fetch(struct relay *r)
{
	static const struct fetch_events events = { .head = on_head,
		.data = on_data,
		.end = on_end,
		.sent = on_sent,
		.written = on_written,
		.again = on_again };
	const struct config *c = r->up->config;
	struct buf url = BUF_INIT, key = BUF_INIT;
	size_t n = 0;

	while (r->order.headers[n])
		n++;
	const char **headers = arena_alloc(r->arena, (n + 2) * sizeof(*headers));

	buf_add_text(&url, c->upstream_gemini_url);
	buf_add_span(&url, r->order.target);
	buf_printf(&key, "x-goog-api-key: %s", r->loan.lease.secret);
	headers[0] = buf_text(&key);
	memcpy(headers + 1, r->order.headers, (n + 1) * sizeof(*headers));
	struct fetch_order order = {
		.method = r->order.method,
		.url = buf_text(&url),
		.headers = headers,
		.body = r->body,
		.streams_body = r->order.streams_body,
		.body_bytes = r->order.body_bytes,
		.connect_timeout_ms = c->upstream_connect_timeout_ms,
		.first_byte_timeout_ms = c->upstream_first_byte_timeout_ms,
		.idle_timeout_ms = c->upstream_idle_timeout_ms,
		.total_timeout_ms = tries_left_ms(&r->tries),
	};
	struct fetch *f = fetch_start(r->up->fetcher, &order, &events, r);

	buf_wipe(&key);
	buf_fini(&url);
	return f;
}

static void
on_lent(void *ctx, struct lease *lease)
{
	struct relay *r = ctx;

	loan_begin(&r->loan, r->up, lease);
	r->fetch = start_fetch(r);
	if (r->paused)
		fetch_pause(r->fetch);
	send_waiting(r);
}

static bool
on_gone_asked(void *ctx)
{
	struct relay *r = ctx;

	return r->events.gone(r->ctx);
}

static uint64_t
on_tokens_asked(void *ctx)
{
	struct relay *r = ctx;

	return r->body.pieces ? estimate_tokens(r->up->estimates, r->order.model, &r->body) : 0;
}

/* What a model is asked to do, but for counting: "/v1beta/models/NAME:METHOD", however it is
 * written. */
static bool
is_metered(const struct relay_order *o)
{
	struct span path = o->target;
	struct buf plain = BUF_INIT;
	bool metered;

	if (strcmp(o->method, "POST") != 0)
		return false;
	text_percent_decode(&plain, span_cut(&path, '?'), false);
	struct span method = buf_span(&plain);
	struct span noun = span_cut(&method, ':');

	metered = span_has(noun, "/models/") && method.p && !span_is(method, "countTokens");
	buf_fini(&plain);
	return metered;
}

static int64_t
total_ms(const struct relay *r)
{
	int64_t most = r->up->config->upstream_total_timeout_ms;
	int64_t asked = r->order.server_timeout_ms;

	return asked > 0 && asked < most ? asked : most;
}

struct relay *
relay_start(struct upstream *up, const struct relay_order *order, struct arena *arena,
    const struct relay_events *events, void *ctx)
{
	static const struct tries_events trying = {
		.gone = on_gone_asked, .tokens = on_tokens_asked, .lent = on_lent, .over = on_over
	};
	struct relay *r = mem_alloc(sizeof(*r));

	*r = (struct relay){ .up = up,
		.order = *order,
		.arena = arena,
		.events = *events,
		.ctx = ctx,
		.body = order->body.p ? body_of(arena, order->body) : BODY_NONE };
	struct tries_order what = { .model = order->model,
		.metered = is_metered(order),
		.total_ms = total_ms(r),
		.lend = order->lend };

	tries_init(&r->tries, up, &what, &trying, r);
	tries_next(&r->tries);
	return r;
}

bool
relay_send(struct relay *r, struct span bytes)
{
	if (r->fetch) {
		r->took = true;
		return fetch_send(r->fetch, bytes);
	}
	buf_add_span(&r->waiting, bytes);
	return r->waiting.len < WAITING_MAX;
}

void
relay_send_end(struct relay *r)
{
	r->body_ended = true;
	if (r->fetch)
		fetch_send_end(r->fetch);
}

void
relay_pause(struct relay *r)
{
	r->paused = true;
	if (r->fetch)
		fetch_pause(r->fetch);
}

void
relay_resume(struct relay *r)
{
	r->paused = false;
	if (r->fetch)
		fetch_resume(r->fetch);
}

void
relay_cancel(struct relay **rp)
{
	struct relay *r = *rp;

	*rp = NULL;
	if (r && !r->over)
		retire(r);
}
