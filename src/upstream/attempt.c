/*
 * One try.  Runs in workers.  An attempt owns its lease, its fetch, its chunk reader and what it
 * has read of an error answer; whoever started it owns the rest.
 *
 * Its events may cancel it: then it is only marked, and freed after the turn of the loop.
 */
#include "upstream/attempt.h"

#include <assert.h>
#include <sodium.h>
#include "base/loop.h"

#define ERROR_BODY_MAX (256u << 10) /* of a refusal of Google's; more is not read */
#define ERROR_BODY_MS  10000        /* nor is longer waited for it: another credential may do */

struct attempt {
	struct loop *loop;       /* borrowed */
	struct pool *pool;       /* borrowed */
	struct arena *arena;     /* borrowed from the exchange */
	const struct call *call; /* borrowed */
	struct attempt_events events;
	void *ctx;
	struct lease lease;          /* settled exactly once */
	struct fetch *fetch;         /* owned */
	struct chunk_reader *reader; /* owned; NULL unless the status is 200 */
	size_t answer_bytes;
	int status;              /* 0: no head yet */
	struct buf content_type; /* owned */
	struct buf error_body;   /* owned */
	struct timer refusal;    /* the end of patience with error_body */
	struct buf torn; /* owned; to be relayed when the chunk that begins in it is whole */
	bool chunk_came; /* in the bytes just read */
	bool said;       /* a chunk said something */
	bool over;       /* ended or cancelled: no more events */
};

static void
attempt_free(void *ctx)
{
	struct attempt *a = ctx;

	chunk_reader_free(&a->reader);
	buf_fini(&a->content_type);
	buf_fini(&a->error_body);
	buf_fini(&a->torn);
	mem_free(a);
}

static void
retire(struct attempt *a, const struct verdict *v)
{
	a->over = true;
	loop_untimer(a->loop, &a->refusal);
	fetch_cancel(&a->fetch);
	lease_settle(a->pool, &a->lease, v, loop_wall_ms(a->loop));
	loop_defer(a->loop, attempt_free, a);
}

static void
end(struct attempt *a, const struct verdict *v, const struct fault *fault)
{
	if (a->over)
		return;
	retire(a, v);
	a->events.end(a->ctx, v, fault);
}

/* An error of Google's: as the whole answer, or amid one that has begun with status 200. */
static void
end_with_fault(struct attempt *a, struct span body, int status)
{
	struct fault *f = arena_alloc(a->arena, sizeof(*f));
	uint64_t chance;

	randombytes_buf(&chance, sizeof(chance));
	fault_parse(status, body, a->arena, f);
	struct verdict v = outcome_of_fault(f, loop_wall_ms(a->loop), chance);

	end(a, &v, f);
}

static void
end_with_outcome(struct attempt *a, enum outcome o)
{
	bool again = !a->said && (o == OUTCOME_EMPTY || o == OUTCOME_GARBLED);
	struct verdict v = { .outcome = o, .try_other = again, .try_same = again };

	end(a, &v, NULL);
}

static bool
on_chunk(void *ctx, const struct chunk *k)
{
	struct attempt *a = ctx;

	if (k->error.p) {
		end_with_fault(a, k->raw, a->status);
		return false;
	}
	a->chunk_came = true;
	if (chunk_says_something(k, a->call->op))
		a->said = true;
	return a->events.chunk(a->ctx, k) && !a->over;
}

/* The status says enough where the body does not end. */
static void
refused(void *ctx)
{
	struct attempt *a = ctx;

	if (a->status >= 300)
		end_with_fault(a, buf_span(&a->error_body), a->status);
	else
		end_with_outcome(a, OUTCOME_GARBLED);
}

static void
on_head(void *ctx, const struct fetch_head *head)
{
	struct attempt *a = ctx;

	a->status = head->status;
	buf_add_span(&a->content_type, head->content_type);
	if (head->status == 200)
		a->reader =
		    chunk_reader_new(a->call->framing, a->call->op, a->answer_bytes, on_chunk, a);
	else
		loop_timer(a->loop, &a->refusal, ERROR_BODY_MS, refused, a);
}

/* Up to where a chunk may end: a line's end, or a closing brace where elements stand in a list. */
static struct span
cut_piece(const struct attempt *a, struct span *rest)
{
	struct span piece = *rest;
	const char *end =
	    memchr(piece.p, a->call->framing == FRAMING_ARRAY ? '}' : '\n', piece.len);

	if (end)
		piece.len = (size_t)(end - piece.p) + 1;
	rest->p += piece.len;
	rest->len -= piece.len;
	return piece;
}

/*
 * Relayed bytes go out up to the end of the last whole chunk.  What begins behind it may turn
 * out to be an error, or never end; half of it would spoil the error that the client gets then.
 */
static bool
relay(struct attempt *a, struct span rest, struct err *e)
{
	while (rest.len > 0) {
		struct span piece = cut_piece(a, &rest);

		a->chunk_came = false;
		if (!chunk_reader_feed(a->reader, piece, e) || a->over)
			return false;
		/* Comments are no part of a chunk, and may never end. */
		if (piece.len > a->answer_bytes || a->torn.len > a->answer_bytes - piece.len)
			return err_set(e, ERR_UPSTREAM, "the upstream's answer has no chunk in it");
		buf_add_span(&a->torn, piece);
		if (!a->chunk_came)
			continue;
		a->events.raw(a->ctx, buf_span(&a->torn));
		if (a->over)
			return false;
		buf_clear(&a->torn);
	}
	return true;
}

static bool
understand(struct attempt *a, struct span bytes, struct err *e)
{
	if (a->events.raw && a->call->framing != FRAMING_UNARY)
		return relay(a, bytes, e);
	return chunk_reader_feed(a->reader, bytes, e) && !a->over;
}

static void
on_data(void *ctx, struct span bytes)
{
	struct attempt *a = ctx;
	struct err e = ERR_INIT;

	if (a->status != 200) {
		size_t room = ERROR_BODY_MAX - a->error_body.len;

		buf_add(&a->error_body, bytes.p, bytes.len < room ? bytes.len : room);
		if (bytes.len > room)
			refused(a);
		return;
	}
	if (!understand(a, bytes, &e) && !a->over)
		end_with_outcome(a, a->said ? OUTCOME_BROKE_OFF : OUTCOME_GARBLED);
}

/* What stands behind the last chunk, or the whole of a plain answer.  False: cancelled. */
static bool
relay_rest(struct attempt *a)
{
	struct buf plain = BUF_INIT;

	if (a->torn.len > 0)
		a->events.raw(a->ctx, buf_span(&a->torn));
	if (a->events.plain && a->call->framing == FRAMING_UNARY) {
		chunk_reader_take(a->reader, &plain);
		a->events.plain(a->ctx, &plain);
		buf_fini(&plain);
	}
	return !a->over;
}

/* All bytes of a 200 are there. */
static void
finish_answer(struct attempt *a)
{
	struct err e = ERR_INIT;
	bool whole = chunk_reader_finish(a->reader, &e);

	if (a->over)
		return;
	if (whole && !relay_rest(a))
		return;
	if (!whole)
		end_with_outcome(a, a->said ? OUTCOME_BROKE_OFF : OUTCOME_GARBLED);
	else
		end_with_outcome(a, a->said ? OUTCOME_OK : OUTCOME_EMPTY);
}

static void
on_end(void *ctx, enum fetch_result result, const char *words)
{
	struct attempt *a = ctx;

	(void)words;
	a->fetch = NULL; /* it frees itself behind its last event */
	if (a->status == 200 && result == FETCH_OK) {
		finish_answer(a);
	} else if (a->status >= 300 && (result == FETCH_OK || a->error_body.len > 0)) {
		end_with_fault(a, buf_span(&a->error_body), a->status);
	} else if (a->said) {
		end_with_outcome(a, OUTCOME_BROKE_OFF);
	} else if (result == FETCH_OK) {
		end_with_outcome(
		    a, OUTCOME_GARBLED); /* a 2xx that is no answer to anything we ask */
	} else {
		struct verdict v = outcome_of_fetch(result);

		end(a, &v, NULL);
	}
}

static struct fetch *
send_call(struct attempt *a, size_t part, struct fetcher *fetcher, const char *base_url,
    const struct attempt_limits *l)
{
	static const struct fetch_events events = {
		.head = on_head, .data = on_data, .end = on_end
	};
	struct buf url = BUF_INIT, key = BUF_INIT;

	call_url(a->call, base_url, &url);
	buf_printf(&key, "x-goog-api-key: %s", a->lease.secret);
	struct body body = a->call->bodies ? a->call->bodies[part] : BODY_NONE;
	const char *headers[] = { buf_text(&key),
		body.pieces ? "content-type: application/json" : NULL, NULL };
	struct fetch_order order = {
		.method = operation_method(a->call->op),
		.url = buf_text(&url),
		.headers = headers,
		.body = body,
		.connect_timeout_ms = l->connect_timeout_ms,
		.first_byte_timeout_ms = l->first_byte_timeout_ms,
		.idle_timeout_ms = l->idle_timeout_ms,
		.total_timeout_ms = l->total_timeout_ms,
	};
	struct fetch *f = fetch_start(fetcher, &order, &events, a);

	buf_wipe(&key);
	buf_fini(&url);
	return f;
}

struct attempt *
attempt_start(struct fetcher *fetcher, struct loop *loop, struct pool *pool, struct lease *lease,
    const struct call *call, size_t part, const char *base_url, const struct attempt_limits *limits,
    struct arena *arena, const struct attempt_events *events, void *ctx)
{
	struct attempt *a = mem_alloc(sizeof(*a));

	*a = (struct attempt){ .loop = loop,
		.pool = pool,
		.arena = arena,
		.call = call,
		.events = *events,
		.ctx = ctx,
		.lease = *lease,
		.answer_bytes = limits->answer_bytes };
	*lease = (struct lease){ 0 };
	a->fetch = send_call(a, part, fetcher, base_url, limits);
	return a;
}

void
attempt_pause(struct attempt *a)
{
	if (a->fetch)
		fetch_pause(a->fetch);
}

void
attempt_resume(struct attempt *a)
{
	if (a->fetch)
		fetch_resume(a->fetch);
}

void
attempt_cancel(struct attempt **ap)
{
	static const struct verdict dropped = { .outcome = OUTCOME_DROPPED };
	struct attempt *a = *ap;

	*ap = NULL;
	if (a && !a->over)
		retire(a, &dropped);
}

struct span
attempt_content_type(const struct attempt *a)
{
	return buf_span(&a->content_type);
}
