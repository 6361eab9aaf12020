/*
 * A request handed on as it is: see relay.h.  Runs in workers; owns its lease, its fetch and what
 * it has read of a refusal.
 *
 *	try_next  ->  fetch  ->  head under 400: given, data, done or broke
 *	   ^            |
 *	   |            +--> refused or failed, another credential may do better: try_next
 *	   |            +--> refused or failed otherwise: failed
 *	   +-- waits until a frozen credential thaws
 */
#include "upstream/relay.h"

#include <sodium.h>
#include <stdio.h>
#include "base/mem.h"
#include "upstream/outcome.h"

#define TRIED_MAX      32
#define ERROR_BODY_MAX (256u << 10)
#define ERROR_BODY_MS  10000       /* no longer is waited for the words of a refusal */
#define WAITING_MAX    (64u << 10) /* of a streamed body, while no fetch takes it yet */

struct relay {
	struct upstream *up;      /* borrowed */
	struct relay_order order; /* its spans are borrowed */
	struct arena *arena;      /* borrowed */
	struct relay_events events;
	void *ctx;
	struct lease lease;  /* of the attempt under way */
	struct fetch *fetch; /* owned; NULL between attempts */
	struct timer timer;  /* a wait for a thaw, or patience with a refusal */
	struct buf waiting;  /* owned: of a streamed body, before the first fetch takes it */
	struct buf error_body;
	int64_t since_ms;
	char tried[TRIED_MAX][CREDENTIAL_ID_LEN + 1];
	size_t tried_count;
	int attempts;
	int status;
	bool body_ended; /* relay_send_end was called */
	bool took;       /* something of a streamed body went into a fetch */
	bool begun;      /* the head was given */
	bool paused, over;
	struct verdict told;
	const struct fault *told_fault; /* in the arena */
};

static void try_next(void *ctx);

static void
relay_free(void *ctx)
{
	struct relay *r = ctx;

	buf_fini(&r->waiting);
	buf_fini(&r->error_body);
	mem_free(r);
}

static void
settle(struct relay *r, const struct verdict *v)
{
	if (r->lease.id[0] == '\0')
		return;
	board_count_add(r->up->slot, BOARD_FETCHES, -1);
	lease_settle(r->up->pool, &r->lease, v, loop_wall_ms(r->up->loop));
}

static void
tell_and_settle(struct relay *r, const struct verdict *v)
{
	if (r->events.tried)
		r->events.tried(r->ctx, r->lease.label, v);
	settle(r, v);
}

static void
retire(struct relay *r)
{
	static const struct verdict dropped = { .outcome = OUTCOME_DROPPED };

	r->over = true;
	loop_untimer(r->up->loop, &r->timer);
	loop_undefer(r->up->loop, try_next, r);
	fetch_cancel(&r->fetch);
	settle(r, &dropped);
	loop_defer(r->up->loop, relay_free, r);
}

static void
fail(struct relay *r, const struct err *e, const struct fault *f)
{
	retire(r);
	r->events.failed(r->ctx, e, f);
}

static void
give_up(struct relay *r, const struct err *refusal)
{
	struct err e = ERR_INIT;

	if (r->attempts == 0 ||
	    (refusal && (refusal->kind == ERR_BUSY || refusal->kind == ERR_QUOTA))) {
		fail(r, refusal, NULL);
		return;
	}
	const struct fault *shown = outcome_err(r->told.outcome, r->told_fault, &e);

	fail(r, &e, shown);
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
	if (r->status >= 400) /* 499: cancelled, at whatever it was */
		return (r->status < 500 && r->status != 499) || r->status == 503;
	return result == FETCH_DNS || result == FETCH_CONNECT || result == FETCH_CONNECT_SLOW ||
	       result == FETCH_TLS;
}

static void
end_attempt(
    struct relay *r, const struct verdict *v, const struct fault *f, enum fetch_result result)
{
	bool again = v->try_other && was_harmless(r, result) && !r->took &&
		     r->attempts < r->up->config->upstream_max_attempts;

	tell_and_settle(r, v);
	if (outcome_outweighs(v, &r->told)) {
		r->told = *v;
		r->told_fault = f;
	}
	if (again)
		loop_defer(r->up->loop, try_next, r);
	else
		give_up(r, NULL);
}

static void
end_with_fault(struct relay *r)
{
	struct fault *f = arena_alloc(r->arena, sizeof(*f));
	uint64_t chance;

	randombytes_buf(&chance, sizeof(chance));
	fault_parse(r->status, buf_span(&r->error_body), r->arena, f);
	struct verdict v = outcome_of_fault(f, loop_wall_ms(r->up->loop), chance);

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
on_head(void *ctx, const struct fetch_head *head)
{
	struct relay *r = ctx;

	r->status = head->status;
	if (head->status >= 400) {
		loop_timer(r->up->loop, &r->timer, ERROR_BODY_MS, refused, r);
		return;
	}
	r->begun = true;
	r->events.head(r->ctx, head, r->lease.id, r->lease.label);
}

static void
on_data(void *ctx, struct span bytes)
{
	struct relay *r = ctx;

	if (r->begun) {
		r->events.data(r->ctx, bytes);
		return;
	}
	size_t room = ERROR_BODY_MAX - r->error_body.len;

	buf_add(&r->error_body, bytes.p, bytes.len < room ? bytes.len : room);
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
	loop_untimer(r->up->loop, &r->timer);
	if (!r->begun && r->status >= 400) {
		end_with_fault(r);
	} else if (!r->begun) {
		if (result == FETCH_OK)
			v.outcome = OUTCOME_GARBLED;
		end_attempt(r, &v, NULL, result);
	} else {
		void (*last)(void *) = result == FETCH_OK ? r->events.done : r->events.broke;

		if (result != FETCH_OK)
			v = (struct verdict){ .outcome = OUTCOME_BROKE_OFF };
		tell_and_settle(r, &v);
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

static int64_t
total_ms(const struct relay *r)
{
	int64_t total = r->up->config->upstream_total_timeout_ms;
	int64_t asked = r->order.server_timeout_ms;
	int64_t left;

	if (asked > 0 && asked < total)
		total = asked;
	left = total - (loop_now_ms(r->up->loop) - r->since_ms);
	return left < 1 ? 1 : left;
}

/* The credential's header stands in front of those of the order. */
static struct fetch *
start_fetch(struct relay *r)
{
	static const struct fetch_events events = {
		.head = on_head, .data = on_data, .end = on_end, .sent = on_sent
	};
	const struct config *c = r->up->config;
	struct buf url = BUF_INIT, key = BUF_INIT;
	size_t n = 0;

	while (r->order.headers[n])
		n++;
	const char **headers = arena_alloc(r->arena, (n + 2) * sizeof(*headers));

	buf_add_text(&url, c->upstream_gemini_url);
	buf_add_span(&url, r->order.target);
	buf_printf(&key, "x-goog-api-key: %s", r->lease.secret);
	headers[0] = buf_text(&key);
	memcpy(headers + 1, r->order.headers, (n + 1) * sizeof(*headers));
	struct fetch_order order = {
		.method = r->order.method,
		.url = buf_text(&url),
		.headers = headers,
		.body = r->order.body.p ? body_of(r->arena, r->order.body) : BODY_NONE,
		.streams_body = r->order.streams_body,
		.body_bytes = r->order.body_bytes,
		.connect_timeout_ms = c->upstream_connect_timeout_ms,
		.first_byte_timeout_ms = c->upstream_first_byte_timeout_ms,
		.idle_timeout_ms = c->upstream_idle_timeout_ms,
		.total_timeout_ms = total_ms(r),
	};
	struct fetch *f = fetch_start(r->up->fetcher, &order, &events, r);

	buf_wipe(&key);
	buf_fini(&url);
	return f;
}

static void
start_attempt(struct relay *r)
{
	if (r->tried_count < TRIED_MAX)
		memcpy(r->tried[r->tried_count++], r->lease.id, sizeof(r->lease.id));
	board_count_add(r->up->slot, BOARD_ATTEMPTS, 1);
	board_count_add(r->up->slot, BOARD_RETRIES, r->attempts > 0);
	board_count_add(r->up->slot, BOARD_FETCHES, 1);
	r->attempts++;
	r->status = 0;
	buf_clear(&r->error_body);
	r->fetch = start_fetch(r);
	if (r->paused)
		fetch_pause(r->fetch);
	send_waiting(r);
}

/* Another credential may do better; it would not after a 404, say, or a 503. */
static bool
worth_waiting(const struct relay *r)
{
	return r->attempts == 0 || r->told.freeze_until_wall_ms || r->told.disable;
}

/* Until the first of them thaws, or the end. */
static void
wait_or_give_up(struct relay *r, int64_t thaw_wall_ms, const struct err *refusal)
{
	int64_t in_ms = thaw_wall_ms - loop_wall_ms(r->up->loop);
	int64_t left_ms =
	    r->up->config->queue_max_wait_ms - (loop_now_ms(r->up->loop) - r->since_ms);

	if (!thaw_wall_ms || in_ms > left_ms || !worth_waiting(r)) {
		give_up(r, refusal);
		return;
	}
	r->tried_count = 0;
	loop_timer(r->up->loop, &r->timer, in_ms + 1, try_next, r);
}

static void
try_next(void *ctx)
{
	struct relay *r = ctx;
	struct wish wish = { .model = r->order.model,
		.tried = (const char(*)[CREDENTIAL_ID_LEN + 1]) r->tried,
		.tried_count = r->tried_count,
		.only = r->order.credential };
	struct err e = ERR_INIT;
	int64_t thaw_wall_ms;
	uint64_t chance;

	if (r->events.gone(r->ctx))
		return; /* whoever started it is about to cancel */
	randombytes_buf(&chance, sizeof(chance));
	if (pool_lend(r->up->pool, &wish, loop_wall_ms(r->up->loop), chance, &r->lease,
		&thaw_wall_ms, &e))
		start_attempt(r);
	else
		wait_or_give_up(r, thaw_wall_ms, &e);
}

struct relay *
relay_start(struct upstream *up, const struct relay_order *order, struct arena *arena,
    const struct relay_events *events, void *ctx)
{
	struct relay *r = mem_alloc(sizeof(*r));

	*r = (struct relay){ .up = up,
		.order = *order,
		.arena = arena,
		.events = *events,
		.ctx = ctx,
		.since_ms = loop_now_ms(up->loop) };
	loop_defer(up->loop, try_next, r);
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
