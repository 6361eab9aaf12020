/*
 * An exchange: one client request and its answer, from the first byte read to the last byte
 * sent.  Runs in workers.  Lives in the request's arena and dies with it.
 *
 *	begin     the head is there        which door, which dialect
 *	identify                           whose key
 *	decode    the body is there        dialect: JSON -> call
 *	ask       upstream/ask.c           tries until answered
 *	answer    chunk by chunk           dialect: chunk -> bytes -> client
 *	close     everything was sent      counters, log
 *
 * An answer is open (nothing sent, any status possible), kept alive (the head and comments
 * went out: a failure is now an event of the stream) or begun (a chunk is out: nothing is
 * tried again).  A plain answer is open until it is whole.
 */
#include "gate/exchange.h"

#include <assert.h>
#include "base/log.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "gate/probe.h"
#include "gate/routes.h"
#include "admit/client.h"
#include "admit/failures.h"
#include "net/stream.h"

#define KEEP_ALIVE_MS 15000 /* of silence on a stream, before a comment goes out */
#define RETRY_AFTER_MAX_MS                                                                         \
	60000 /* SDKs sleep for any value they are told: longer waits are not told */
#define HEADERS_MAX 10

struct exchange {
	struct gate *gate;       /* borrowed */
	struct request *request; /* borrowed: it owns the arena this lies in */
	struct arena *arena;     /* borrowed from the request */
	struct route route;
	struct client client;
	struct call call;
	struct buf bytes; /* owned: of the answer, not yet handed to the client's side */
	struct dialect_out out;
	struct ask *ask;         /* owned; NULL when none runs */
	struct stream *stream;   /* borrowed from the request; NULL while the answer is open */
	struct span stream_type; /* Content-Type that a relayed answer came with */
	struct timer silence;
	int64_t since_ms;
	int attempts;
	int status; /* of the answer; 0 while it is open */
	bool over;  /* answered or given up: nothing more is written */
};

/* Answering. */

static void
add_header(struct header *headers, size_t *n, const char *name, const char *value)
{
	assert(*n < HEADERS_MAX);
	headers[(*n)++] = (struct header){ name, value };
}

static void
note_answered(struct exchange *x, int status)
{
	x->status = status;
	board_count_add(x->gate->slot, BOARD_ANSWERED, 1);
}

/* The request's own headers of an answer, whatever its status. */
static size_t
common_headers(struct exchange *x, struct header *headers, const char *type)
{
	size_t n = 0;

	add_header(headers, &n, "content-type", type);
	if (x->call.ignored.len)
		add_header(
		    headers, &n, "x-pollux-ignored", arena_dup_span(x->arena, x->call.ignored));
	return n;
}

static void
answer_whole(struct exchange *x, int status, const struct header *headers, size_t n)
{
	/* libmicrohttpd reads the body until done, which frees it. */
	x->over = true;
	note_answered(x, status);
	request_answer(x->request, status, headers, n, buf_span(&x->bytes));
}

/* When trying again makes sense, in the words that SDKs obey. */
static void
retry_headers(struct exchange *x, const struct err *e, struct header *headers, size_t *n)
{
	int status = err_kind_status(e->kind);

	if (status != 429 && status < 500)
		return;
	if (e->retry_ms > 0 && e->retry_ms <= RETRY_AFTER_MAX_MS && e->kind != ERR_QUOTA) {
		add_header(headers, n, "retry-after",
		    arena_printf(x->arena, "%lld", (long long)((e->retry_ms + 999) / 1000)));
		add_header(headers, n, "retry-after-ms",
		    arena_printf(x->arena, "%lld", (long long)e->retry_ms));
	} else if (e->retry_ms > RETRY_AFTER_MAX_MS || e->kind == ERR_QUOTA || x->attempts > 1) {
		add_header(headers, n, "x-should-retry", "false");
	}
}

static void send_bytes(struct exchange *, struct span type);

/* The last bytes of a stream, whether it ends well or with an error event. */
static void
end_stream(struct exchange *x)
{
	send_bytes(x, SPAN_NONE);
	loop_untimer(x->gate->loop, &x->silence);
	x->over = true;
	stream_end(x->stream);
}

/* The one place where an error becomes a status. */
static void
fail(struct exchange *x, const struct err *e, const struct fault *fault)
{
	struct header headers[HEADERS_MAX];
	int status = err_kind_status(e->kind);

	if (x->over)
		return;
	loop_untimer(x->gate->loop, &x->silence);
	x->out.fault = fault;
	x->out.begun = x->stream != NULL;
	if (!x->stream)
		buf_clear(&x->bytes);
	x->route.dialect->fail(&x->out, e);
	if (x->stream) {
		end_stream(x);
		return;
	}
	if (x->route.dialect->relays && fault && fault->is_json && fault->http_status >= 400)
		status = fault->http_status;
	size_t n = common_headers(x, headers, "application/json; charset=utf-8");

	retry_headers(x, e, headers, &n);
	if (x->route.allow)
		add_header(headers, &n, "allow", x->route.allow);
	if (e->kind == ERR_UNAUTHORIZED)
		add_header(headers, &n, "www-authenticate", "Bearer");
	answer_whole(x, status, headers, n);
}

static void keep_alive(void *ctx);

static void
restart_silence(struct exchange *x)
{
	if (x->call.stream && x->route.dialect->keeps_alive)
		loop_timer(x->gate->loop, &x->silence, KEEP_ALIVE_MS, keep_alive, x);
}

static void
on_drained(void *ctx)
{
	struct exchange *x = ctx;

	if (x->ask)
		ask_resume(x->ask);
}

static void
begin_stream(struct exchange *x, struct span type)
{
	struct header headers[HEADERS_MAX];
	const char *content_type =
	    type.len ? arena_dup_span(x->arena, type) : x->route.dialect->stream_type;
	size_t n = common_headers(x, headers, content_type);

	add_header(headers, &n, "cache-control", "no-cache");
	add_header(headers, &n, "x-accel-buffering", "no");
	note_answered(x, 200);
	board_count_add(x->gate->slot, BOARD_STREAMS, 1);
	x->stream = request_stream(x->request, 200, headers, n, on_drained, x);
}

/* Hands what the dialect wrote to the client's side, which sets the pace. */
static void
send_bytes(struct exchange *x, struct span type)
{
	if (!x->stream)
		begin_stream(x, type);
	if (x->bytes.len == 0)
		return;
	if (!stream_write(x->stream, buf_span(&x->bytes)) && x->ask)
		ask_pause(x->ask);
	buf_clear(&x->bytes);
	restart_silence(x);
}

static void
keep_alive(void *ctx)
{
	struct exchange *x = ctx;

	x->route.dialect->keep_alive(&x->out);
	send_bytes(x, SPAN_NONE);
}

/* Events of the ask. */

static bool
on_gone_asked(void *ctx)
{
	struct exchange *x = ctx;

	return request_is_gone(x->request);
}

static void
on_chunk(void *ctx, const struct chunk *k)
{
	struct exchange *x = ctx;

	if (x->route.dialect->relays)
		return; /* the bytes themselves follow */
	x->route.dialect->encode(&x->out, k);
	if (x->call.stream && x->bytes.len > 0)
		send_bytes(x, SPAN_NONE);
}

static void
on_raw(void *ctx, struct span bytes, struct span type)
{
	struct exchange *x = ctx;

	buf_add_span(&x->bytes, bytes);
	if (x->call.stream)
		send_bytes(x, type);
	else if (!x->stream_type.p)
		x->stream_type = arena_span(x->arena, type);
}

static void
on_failed(void *ctx, const struct err *e, const struct fault *fault)
{
	struct exchange *x = ctx;

	x->ask = NULL; /* it frees itself behind its last event */
	fail(x, e, fault);
}

static void
on_done(void *ctx)
{
	struct exchange *x = ctx;
	struct header headers[HEADERS_MAX];
	struct err e = ERR_INIT;

	x->ask = NULL;
	if (!x->route.dialect->finish(&x->out, &e)) {
		fail(x, &e, NULL);
		return;
	}
	if (x->call.stream) {
		end_stream(x);
		return;
	}
	const char *type = x->stream_type.len ? arena_dup_span(x->arena, x->stream_type)
					      : "application/json; charset=utf-8";
	size_t n = common_headers(x, headers, type);

	answer_whole(x, 200, headers, n);
}

static void
on_tried(void *ctx, const char *label, const struct verdict *v)
{
	struct exchange *x = ctx;

	x->attempts++;
	log_debug("gate", "attempt ended", "id=%s attempt=%d credential=%s outcome=%s",
	    request_id(x->request), x->attempts, label, outcome_name(v->outcome));
}

/* The steps. */

static bool
is_authorised_by_goog(const struct exchange *x)
{
	struct span ignored;

	return request_header(x->request, "x-goog-api-key").len > 0 ||
	       text_query_get(request_head(x->request)->query, "key", &ignored);
}

static bool
identify(struct exchange *x, struct err *e)
{
	struct request *r = x->request;

	if (x->gate->config->auth_anonymous)
		return true;
	struct span key = client_presented(request_header(r, "authorization"),
	    request_header(r, "x-goog-api-key"), request_header(r, "x-api-key"),
	    request_head(r)->query, x->arena);

	if (key.len == 0)
		return err_set(e, ERR_UNAUTHORIZED,
		    "a client key is needed: send it as \"Authorization: Bearer KEY\", "
		    "x-goog-api-key or x-api-key");
	if (client_identify(x->gate->store, x->gate->seal, key, &x->client, e))
		return true;
	if (e->kind == ERR_UNAUTHORIZED)
		failures_note(
		    x->gate->board, x->gate->seal, request_peer(r), loop_wall_ms(x->gate->loop), e);
	return false;
}

/* What the configuration says of the model: another name for it, or that it is not to be had. */
static bool
apply_model_settings(struct exchange *x, struct err *e)
{
	const struct config_model *m = config_model_find(x->gate->config, x->call.model);

	if (!m)
		return true;
	if (!m->enabled)
		return err_set(
		    e, ERR_MODEL_NOT_FOUND, "the model \"%s\" is switched off here", m->name);
	if (m->alias[0] != '\0')
		x->call.model = span_of(m->alias);
	return true;
}

static bool
decode(struct exchange *x, struct err *e)
{
	const struct request_head *head = request_head(x->request);
	struct dialect_request in = { .op = x->route.op,
		.model = x->route.model,
		.query = head->query,
		.body = request_body(x->request) };
	int64_t seconds;

	if (span_int(request_header(x->request, "x-server-timeout"), 1, 86400, &seconds))
		in.server_timeout_ms = seconds * 1000;
	return x->route.dialect->decode(&in, x->arena, &x->call, e) && apply_model_settings(x, e);
}

static void
start_ask(struct exchange *x)
{
	static const struct ask_events translated = { .gone = on_gone_asked,
		.chunk = on_chunk,
		.done = on_done,
		.failed = on_failed,
		.tried = on_tried };
	static const struct ask_events relayed = { .gone = on_gone_asked,
		.chunk = on_chunk,
		.raw = on_raw,
		.done = on_done,
		.failed = on_failed,
		.tried = on_tried };

	restart_silence(x);
	x->ask = ask_start(x->gate->upstream, &x->call, x->arena,
	    x->route.dialect->relays ? &relayed : &translated, x);
}

static void
answer_probe(struct exchange *x)
{
	struct header headers[HEADERS_MAX];
	int status = probe_answer(x->gate, x->route.door, &x->bytes);
	size_t n = common_headers(x, headers, "application/json; charset=utf-8");

	answer_whole(x, status, headers, n);
}

static struct exchange *
begin(struct gate *g, struct request *r)
{
	struct exchange *x = arena_alloc(request_arena(r), sizeof(*x));

	x->gate = g;
	x->request = r;
	x->arena = request_arena(r);
	x->since_ms = loop_now_ms(g->loop);
	request_set_user(r, x);
	board_count_add(g->slot, BOARD_REQUESTS, 1);
	board_count_add(g->slot, BOARD_EXCHANGES, 1);
	return x;
}

static void
open_answer(struct exchange *x)
{
	x->out = (struct dialect_out){ .dialect = x->route.dialect,
		.arena = x->arena,
		.bytes = &x->bytes,
		.call = &x->call,
		.request_id = request_id(x->request),
		.created_s = loop_wall_ms(x->gate->loop) / 1000 };
}

/* The server's events. */

/* An exchange with its door; false: it is refused already. */
static bool
open_door(struct exchange *x)
{
	const struct request_head *head = request_head(x->request);
	struct err e = ERR_INIT;
	bool found =
	    route_find(head->method, head->path, is_authorised_by_goog(x), x->arena, &x->route, &e);

	open_answer(x);
	if (!found)
		fail(x, &e, NULL);
	return found;
}

static void
on_head(void *ctx, struct request *r)
{
	struct exchange *x = begin(ctx, r);
	struct err e = ERR_INIT;

	if (!open_door(x))
		return;
	if (x->route.door != DOOR_ASK)
		answer_probe(x);
	else if (!identify(x, &e))
		fail(x, &e, NULL);
}

static void
on_ready(void *ctx, struct request *r)
{
	struct exchange *x = request_user(r);
	struct err e = ERR_INIT;

	(void)ctx;
	if (x->over)
		return;
	if (!decode(x, &e)) {
		fail(x, &e, NULL);
		return;
	}
	start_ask(x);
}

static void
on_too_large(void *ctx, struct request *r)
{
	struct exchange *x = request_user(r);
	struct err e = ERR_INIT;

	/* A declared length is refused before the head is announced. */
	if (!x && !open_door(x = begin(ctx, r)))
		return;
	err_set(&e, ERR_TOO_LARGE,
	    "the request's body is larger than the %llu bytes this server takes (server.max_body)",
	    (unsigned long long)((struct gate *)ctx)->config->server_max_body_bytes);
	fail(x, &e, NULL);
}

static void
on_gone(void *ctx, struct request *r)
{
	struct exchange *x = request_user(r);

	(void)ctx;
	if (!x)
		return;
	board_count_add(x->gate->slot, BOARD_GONE, 1);
	loop_untimer(x->gate->loop, &x->silence);
	ask_cancel(&x->ask);
	x->over = true;
}

static void
on_request_done(void *ctx, struct request *r)
{
	struct exchange *x = request_user(r);

	(void)ctx;
	if (!x)
		return;
	loop_untimer(x->gate->loop, &x->silence);
	ask_cancel(&x->ask);
	board_count_add(x->gate->slot, BOARD_EXCHANGES, -1);
	if (x->stream)
		board_count_add(x->gate->slot, BOARD_STREAMS, -1);
	log_debug("gate", "exchange closed",
	    "id=%s dialect=%s op=%s client=%s status=%d attempts=%d ms=%lld", request_id(r),
	    x->route.dialect->name, operation_name(x->call.op), x->client.label, x->status,
	    x->attempts, (long long)(loop_now_ms(x->gate->loop) - x->since_ms));
	buf_fini(&x->bytes);
}

const struct server_handler exchange_handler = {
	.head = on_head,
	.ready = on_ready,
	.gone = on_gone,
	.done = on_request_done,
	.too_large = on_too_large,
};
