/*
 * One try.  Runs in workers.  An attempt owns its loan, its fetch and its chunk reader; whoever
 * started it owns the rest.
 *
 * Its events may cancel it: then it is only marked, and freed after the turn of the loop.
 */
#include "upstream/attempt.h"

#include "base/loop.h"
#include "upstream/loan.h"

struct attempt {
	struct upstream *up;     /* borrowed */
	struct arena *arena;     /* borrowed from the exchange */
	const struct call *call; /* borrowed */
	struct body body; /* its part's, as it is sent; the bytes are borrowed from the call */
	struct attempt_events events;
	void *ctx;
	struct loan loan;
	struct fetch *fetch;         /* owned */
	struct chunk_reader *reader; /* owned; NULL unless the status is 200 */
	size_t answer_bytes;
	struct usage usage;      /* as it was said last */
	struct buf content_type; /* owned */
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
	loan_fini(&a->loan);
	buf_fini(&a->torn);
	mem_free(a);
}

/* What a limit of tokens counts; what tools brought into the prompt is in no other count. */
static int64_t
prompt_tokens(const struct attempt *a)
{
	if (a->usage.prompt < 0)
		return -1;
	return a->usage.prompt + (a->usage.tool_prompt > 0 ? a->usage.tool_prompt : 0);
}

/* Only what was sent here teaches how many tokens its bytes are; caches count to the prompt too. */
static void
learn(const struct attempt *a)
{
	if (a->body.pieces && a->usage.prompt >= 0 && a->usage.cached <= 0 &&
	    pool_counts_tokens(a->up->pool, a->call->model, loop_moment(a->up->loop)))
		estimate_learn(a->up->estimates, a->call->model, &a->body, a->usage.prompt);
}

static void
retire(struct attempt *a, const struct verdict *v)
{
	a->over = true;
	fetch_cancel(&a->fetch);
	loan_settle(&a->loan, v, prompt_tokens(a));
	loop_defer(a->up->loop, attempt_free, a);
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
end_with_fault(struct attempt *a, struct span words)
{
	struct verdict v;
	const struct fault *f = loan_judge(&a->loan, words, &a->body, a->arena, &v);

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
		end_with_fault(a, k->raw);
		return false;
	}
	usage_merge(&a->usage, &k->usage);
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

	if (a->loan.status >= 300)
		end_with_fault(a, buf_span(&a->loan.words));
	else
		end_with_outcome(a, OUTCOME_GARBLED);
}

static void
on_head(void *ctx, const struct fetch_head *head)
{
	struct attempt *a = ctx;

	loan_head(&a->loan, head->status);
	buf_add_span(&a->content_type, head->content_type);
	if (head->status == 200)
		a->reader =
		    chunk_reader_new(a->call->framing, a->call->op, a->answer_bytes, on_chunk, a);
	else
		loan_refused(&a->loan, refused, a);
}

static void
on_written(void *ctx)
{
	struct attempt *a = ctx;

	loan_written(&a->loan);
}

static bool
on_again(void *ctx)
{
	struct attempt *a = ctx;

	return loan_again(&a->loan);
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

	if (a->loan.status != 200) {
		if (!loan_add_words(&a->loan, bytes))
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
	learn(a);
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
	if (a->loan.status == 200 && result == FETCH_OK) {
		finish_answer(a);
	} else if (a->loan.status >= 300 && (result == FETCH_OK || a->loan.words.len > 0)) {
		end_with_fault(a, buf_span(&a->loan.words));
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
send_call(struct attempt *a, const struct attempt_limits *l)
{
	static const struct fetch_events events = { .head = on_head,
		.data = on_data,
		.end = on_end,
		.written = on_written,
		.again = on_again };
	struct buf url = BUF_INIT, key = BUF_INIT;

	call_url(a->call, a->up->config->upstream_gemini_url, &url);
	buf_printf(&key, "x-goog-api-key: %s", a->loan.lease.secret);
	const char *headers[] = { buf_text(&key),
		a->body.pieces ? "content-type: application/json" : NULL, NULL };
	struct fetch_order order = {
		.method = operation_method(a->call->op),
		.url = buf_text(&url),
		.headers = headers,
		.body = a->body,
		.connect_timeout_ms = l->connect_timeout_ms,
		.first_byte_timeout_ms = l->first_byte_timeout_ms,
		.idle_timeout_ms = l->idle_timeout_ms,
		.total_timeout_ms = l->total_timeout_ms,
	};
	struct fetch *f = fetch_start(a->up->fetcher, &order, &events, a);

	buf_wipe(&key);
	buf_fini(&url);
	return f;
}

struct attempt *
attempt_start(struct upstream *up, struct lease *lease, const struct call *call, size_t part,
    const struct attempt_limits *limits, struct arena *arena, const struct attempt_events *events,
    void *ctx)
{
	struct attempt *a = mem_alloc(sizeof(*a));

	*a = (struct attempt){ .up = up,
		.arena = arena,
		.call = call,
		.body = call->bodies ? call->bodies[part] : BODY_NONE,
		.events = *events,
		.ctx = ctx,
		.answer_bytes = limits->answer_bytes };
	usage_init(&a->usage);
	loan_begin(&a->loan, up, lease);
	a->fetch = send_call(a, limits);
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
