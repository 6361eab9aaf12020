/*
 * An exchange: one client request and its answer, from the first byte read to the last byte
 * sent.  Runs in workers.  Lives in the request's arena and dies with it.
 *
 *	begin     the head is there        which door, which dialect
 *	identify                           whose key
 *	decode    the body is there        dialect: JSON -> call
 *	gather    upstream/download.c      media that the request names by URL
 *	lend      gemini/prefix.c          what the choice of a credential goes by, beside the model
 *	ask       upstream/fan.c           tries until answered; a call that was refused for an
 *	                                   option is decoded anew, without it
 *	answer    chunk by chunk           dialect: chunk -> bytes -> client (gate/response.c)
 *	remember  gate/house.c             the last bytes wait for what the next request may need
 *	close     everything was sent      counters, log, the trace for `polluxctl explain`
 *
 * What of Gemini's own API no dialect makes a call of takes another way behind identify:
 * gate/passage.c hands it on as it is.
 */
#include "gate/exchange.h"

#include <stdio.h>
#include "base/log.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "gate/house.h"
#include "gate/passage.h"
#include "gate/probe.h"
#include "gate/response.h"
#include "gate/routes.h"
#include "gemini/prefix.h"
#include "admit/client.h"
#include "admit/failures.h"
#include "upstream/download.h"
#include "upstream/fan.h"
#include "upstream/trace.h"

#define REMEMBER_MS 250 /* the last bytes of an answer wait no longer for the store */

struct exchange {
	struct gate *gate;       /* borrowed */
	struct request *request; /* borrowed: it owns the arena this lies in */
	struct arena *arena;     /* borrowed from the request */
	struct route route;
	struct client client;
	struct house house;
	struct call call;
	struct response response;
	struct downloads *downloads; /* owned; NULL: no media stands elsewhere */
	struct fan *fan;             /* owned; NULL when none runs */
	struct ask_lend lend;
	struct trace trace;
	struct passage *passage;     /* owned; of what is handed on as it is */
	struct span plain_type;      /* Content-Type that a relayed plain answer came with */
	struct timer patience;       /* with the store */
	int64_t since_ms;
	char label[64]; /* of the credential tried last */
};

/* ---- decode ---- */

/* Google's programs name the fields that they want in the query or in a header. */
static struct span
query_of(const struct exchange *x)
{
	struct span query = request_head(x->request)->query, ignored;
	struct span mask = request_header(x->request, "x-goog-fieldmask");
	struct buf out = BUF_INIT;

	if (!x->route.dialect->relays || mask.len == 0 || text_query_get(query, "fields", &ignored))
		return query;
	buf_add_span(&out, query);
	buf_add_text(&out, query.len > 0 ? "&fields=" : "fields=");
	text_percent_encode(&out, mask);
	query = arena_span(x->arena, buf_span(&out));
	buf_fini(&out);
	return query;
}

static bool
decode(struct exchange *x, struct err *e)
{
	struct dialect_request in = { .op = x->route.op,
		.model = x->route.model,
		.query = query_of(x),
		.body = request_body(x->request),
		.options = &x->gate->options,
		.house = &x->house.face };
	unsigned revision = x->call.revision;
	int64_t seconds;

	if (span_int(request_header(x->request, "x-server-timeout"), 1, 86400, &seconds))
		in.server_timeout_ms = seconds * 1000;
	if (!x->route.dialect->decode(&in, x->arena, &x->call, e))
		return false;
	x->call.revision = revision + 1;
	return true;
}

/* What was downloaded goes into the body that was made anew, wherever its places are now. */
static bool
fill_places(const struct remote *from, struct remote *to)
{
	const struct remote *had;

	for (; to; to = to->next) {
		for (had = from; had && !span_eq(had->url, to->url);)
			had = had->next;
		if (!had)
			return false;
		*to->place = *had->place;
	}
	return true;
}

static bool
on_refused(void *ctx, const struct fault *fault)
{
	struct exchange *x = ctx;
	const struct remote *had = x->call.remotes;
	struct call refused = x->call;
	struct err e = ERR_INIT;

	if (!house_learn(&x->house, x->call.model, span_of(fault->message)))
		return false;
	if (!decode(x, &e) || !fill_places(had, x->call.remotes)) {
		x->call = refused; /* what upstream said is the better answer */
		return false;
	}
	log_debug("gate", "request translated anew", "id=%s revision=%u", request_id(x->request),
	    x->call.revision);
	return true;
}

/* ---- answer ---- */

static bool
on_gone_asked(void *ctx)
{
	struct exchange *x = ctx;

	return request_is_gone(x->request);
}

static const char *
label_of(struct exchange *x)
{
	const char *now = x->fan ? fan_label(x->fan) : "";

	return now[0] != '\0' ? arena_dup(x->arena, now) : x->label;
}

static void
on_chunk(void *ctx, const struct chunk *k)
{
	struct exchange *x = ctx;

	if (x->route.dialect->relays)
		return; /* the bytes themselves follow */
	if (!x->response.credential)
		x->response.credential = label_of(x);
	x->route.dialect->encode(&x->response.out, k);
	response_flush(&x->response);
}

static void
on_raw(void *ctx, struct span bytes, struct span type)
{
	struct exchange *x = ctx;

	if (!x->response.credential)
		x->response.credential = label_of(x);
	response_relay(&x->response, bytes, type);
}

/* The very buffer that upstream's answer was read into. */
static void
on_plain(void *ctx, struct buf *bytes, struct span type)
{
	struct exchange *x = ctx;

	buf_fini(&x->response.bytes);
	x->response.bytes = *bytes;
	*bytes = BUF_INIT;
	x->response.credential = label_of(x);
	x->plain_type = arena_span(x->arena, type);
}

static void
on_failed(void *ctx, const struct err *e, const struct fault *fault)
{
	struct exchange *x = ctx;

	x->fan = NULL; /* it frees itself behind its last event */
	if (!x->response.credential && x->label[0] != '\0')
		x->response.credential = x->label;
	/* An old list of models is better than none. */
	if (x->call.op == OP_MODELS_LIST && !x->route.dialect->relays &&
	    x->route.dialect->finish(&x->response.out, &(struct err){ 0 }))
		response_end(&x->response, 200, SPAN_NONE);
	else
		response_fail(&x->response, e, fault);
}

static void
on_full(void *ctx)
{
	struct exchange *x = ctx;

	if (x->fan)
		fan_pause(x->fan);
	if (x->passage)
		passage_full(x->passage);
}

static void
on_drained(void *ctx)
{
	struct exchange *x = ctx;

	if (x->fan)
		fan_resume(x->fan);
	if (x->passage)
		passage_drained(x->passage);
}

static void
on_tried(void *ctx, const char *label, const struct verdict *v)
{
	struct exchange *x = ctx;

	x->response.attempts++;
	snprintf(x->label, sizeof(x->label), "%s", label);
	log_debug("gate", "attempt ended", "id=%s attempt=%d credential=%s outcome=%s",
	    request_id(x->request), x->response.attempts, label, outcome_name(v->outcome));
}

/* ---- remember ---- */

static void
finish(void *ctx)
{
	struct exchange *x = ctx;
	struct err e = ERR_INIT;

	loop_untimer(x->gate->loop, &x->patience);
	x->house.saved = NULL;
	if (x->response.over)
		return;
	if (x->route.dialect->finish(&x->response.out, &e))
		response_end(&x->response, 200, x->plain_type);
	else
		response_fail(&x->response, &e, NULL);
}

static void
lose_patience(void *ctx)
{
	struct exchange *x = ctx;

	log_warn("gate", "the store is slow: an answer ends before what it needs is stored",
	    "id=%s", request_id(x->request));
	finish(x);
}

/* The next request, in whichever worker, must find what this answer gave names to. */
static void
on_done(void *ctx)
{
	struct exchange *x = ctx;

	x->fan = NULL;
	if (!x->response.credential)
		x->response.credential = x->label;
	if (!house_is_saving(&x->house)) {
		finish(x);
		return;
	}
	x->house.saved = finish;
	x->house.ctx = x;
	loop_timer(x->gate->loop, &x->patience, REMEMBER_MS, lose_patience, x);
}

/* ---- ask ---- */

static void
start_ask(struct exchange *x)
{
	static const struct ask_events translated = { .gone = on_gone_asked,
		.chunk = on_chunk,
		.mend = on_refused,
		.done = on_done,
		.failed = on_failed,
		.tried = on_tried };
	static const struct ask_events relayed = { .gone = on_gone_asked,
		.chunk = on_chunk,
		.raw = on_raw,
		.plain = on_plain,
		.done = on_done,
		.failed = on_failed,
		.tried = on_tried };

	x->fan = fan_start(x->gate->upstream, &x->call, &x->lend, x->arena,
	    x->route.dialect->relays ? &relayed : &translated, x);
}

/* ---- lend ---- */

/* Only what is generated from a prompt meets a cache, and only a whole prompt says how it begins. */
static bool
meets_caches(const struct call *c)
{
	return (c->op == OP_GENERATE || c->op == OP_STREAM) && c->bodies;
}

/* Whose is what the call names, and where did those go that began like it?  False: the call names
 * what no single credential has; it is refused. */
static bool
find_lender(struct exchange *x)
{
	struct err e = ERR_INIT;

	x->lend.trace = &x->trace;
	trace_model(&x->trace, x->call.model);
	if (meets_caches(&x->call) && x->gate->config->pool_affinity)
		x->lend.affinity = prefix_hash(x->call.model, &x->call.bodies[0]);
	if (house_owner(&x->house, &x->call, &x->lend.owner, &e))
		return true;
	response_fail(&x->response, &e, NULL);
	return false;
}

/* ---- gather ---- */

static void
on_downloaded(void *ctx, const struct err *e)
{
	struct exchange *x = ctx;

	if (x->response.over || request_is_gone(x->request))
		return;
	if (e)
		response_fail(&x->response, e, NULL);
	else if (find_lender(x))
		start_ask(x);
}

static void
gather(struct exchange *x)
{
	if (x->call.known) {
		finish(x);
		return;
	}
	response_await(&x->response);
	if (!x->call.remotes) {
		if (find_lender(x))
			start_ask(x);
		return;
	}
	struct downloads_limits limits = DOWNLOADS_LIMITS;

	limits.shared = &x->gate->upstream->downloaded_bytes;
	x->downloads = downloads_start(&limits, x->gate->loop, x->gate->upstream->fetcher,
	    x->call.remotes, x->arena, on_downloaded, x);
}

/* ---- identify ---- */

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

/* ---- begin ---- */

static struct exchange *
begin(struct gate *g, struct request *r)
{
	struct exchange *x = arena_alloc(request_arena(r), sizeof(*x));

	x->gate = g;
	x->request = r;
	x->arena = request_arena(r);
	x->since_ms = loop_now_ms(g->loop);
	house_init(&x->house, g, x->client.id, request_id(r));
	request_set_user(r, x);
	board_count_add(g->slot, BOARD_REQUESTS, 1);
	board_count_add(g->slot, BOARD_EXCHANGES, 1);
	return x;
}

static void
open_response(struct exchange *x)
{
	response_init(&x->response, x->gate, x->request, x->route.dialect, &x->call);
	x->response.out.house = &x->house.face;
	/* The same for each request: clients compare lists. */
	if (x->route.op == OP_MODELS_LIST || x->route.op == OP_MODEL_GET)
		x->response.out.created_s = x->gate->started_s;
	x->response.allow = x->route.allow;
	x->response.full = on_full;
	x->response.drained = on_drained;
	x->response.ctx = x;
}

/* An exchange with its door; false: it is refused already. */
static bool
open_door(struct exchange *x)
{
	const struct request_head *head = request_head(x->request);
	struct err e = ERR_INIT;
	bool found =
	    route_find(head->method, head->path, is_authorised_by_goog(x), x->arena, &x->route, &e);

	open_response(x);
	if (!found)
		response_fail(&x->response, &e, NULL);
	return found;
}

/* ---- the server's events ---- */

static void
identified(struct exchange *x)
{
	trace_begin(&x->trace, span_of(request_id(x->request)), span_of(x->client.id),
	    loop_moment(x->gate->loop));
	if (x->route.door == DOOR_RELAY)
		x->passage =
		    passage_open(&x->response, &x->route, &x->house, x->label, &x->trace);
}

static void
on_head(void *ctx, struct request *r)
{
	struct exchange *x = begin(ctx, r);
	struct err e = ERR_INIT;

	if (!open_door(x))
		return;
	if (x->route.door != DOOR_ASK && x->route.door != DOOR_RELAY)
		response_end(&x->response, probe_answer(x->gate, x->route.door, &x->response.bytes),
		    SPAN_NONE);
	else if (!identify(x, &e))
		response_fail(&x->response, &e, NULL);
	else
		identified(x);
}

static void
on_ready(void *ctx, struct request *r)
{
	struct exchange *x = request_user(r);
	struct err e = ERR_INIT;

	(void)ctx;
	if (x->response.over)
		return;
	if (x->passage)
		passage_ready(x->passage);
	else if (decode(x, &e))
		gather(x);
	else
		response_fail(&x->response, &e, NULL);
}

static void
on_too_large(void *ctx, struct request *r)
{
	struct exchange *x = request_user(r);
	struct err e = ERR_INIT;

	err_set(&e, ERR_TOO_LARGE,
	    "the request's body is larger than the %llu bytes this server takes (server.max_body)",
	    (unsigned long long)((struct gate *)ctx)->config->server_max_body_bytes);
	response_fail(&x->response, &e, NULL);
}

/* Whatever still runs for it ends. */
static void
stop(struct exchange *x)
{
	loop_untimer(x->gate->loop, &x->patience);
	fan_cancel(&x->fan); /* before what it sends goes */
	passage_close(&x->passage);
	downloads_free(&x->downloads);
	house_leave(&x->house);
}

static void
on_gone(void *ctx, struct request *r)
{
	struct exchange *x = request_user(r);

	(void)ctx;
	if (!x)
		return;
	board_count_add(x->gate->slot, BOARD_GONE, 1);
	stop(x);
	response_leave(&x->response);
}

static const char *
name_of_deed(const struct exchange *x)
{
	if (x->route.door == DOOR_RELAY)
		return "relayed";
	return x->route.door == DOOR_ASK ? operation_name(x->call.op) : "probe";
}

/* Of what no credential was wished for there is nothing to explain. */
static void
leave_trace(struct exchange *x)
{
	if (x->trace.try_count > 0)
		trace_end(&x->trace, x->gate->board, (unsigned)x->response.status,
		    loop_moment(x->gate->loop));
}

static void
on_request_done(void *ctx, struct request *r)
{
	struct exchange *x = request_user(r);

	(void)ctx;
	if (!x)
		return;
	stop(x);
	board_count_add(x->gate->slot, BOARD_EXCHANGES, -1);
	leave_trace(x);
	if (x->response.stream)
		board_count_add(x->gate->slot, BOARD_STREAMS, -1);
	log_debug("gate", "exchange closed",
	    "id=%s dialect=%s op=%s client=%s status=%d attempts=%d ms=%lld", request_id(r),
	    x->route.dialect->name, name_of_deed(x), x->client.label, x->response.status,
	    x->response.attempts, (long long)(loop_now_ms(x->gate->loop) - x->since_ms));
	response_fini(&x->response);
}

const struct server_handler exchange_handler = {
	.head = on_head,
	.ready = on_ready,
	.gone = on_gone,
	.done = on_request_done,
	.too_large = on_too_large,
};
