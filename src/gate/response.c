/*
 * The client's side of an exchange: see response.h.  Runs in workers; lies in the request's arena
 * and dies with it.
 */
#include "gate/response.h"

#include <assert.h>
#include "base/log.h"
#include "base/mem.h"

#define KEEP_ALIVE_MS 15000 /* of silence on a stream, before a comment goes out */
#define RETRY_AFTER_MAX_MS                                                                         \
	60000 /* SDKs sleep for any value they are told: longer waits are not told */
#define HEADERS_MAX 12

#define JSON_TYPE "application/json; charset=utf-8"

struct headers {
	struct header list[HEADERS_MAX];
	size_t n;
};

void
response_init(struct response *r, const struct gate *g, struct request *request,
    const struct dialect *d, const struct call *call)
{
	*r = (struct response){ .gate = g,
		.request = request,
		.arena = request_arena(request),
		.dialect = d,
		.call = call };
	r->out = (struct dialect_out){ .dialect = d,
		.arena = r->arena,
		.bytes = &r->bytes,
		.call = call,
		.request_id = request_id(request),
		.created_s = loop_wall_ms(g->loop) / 1000,
		.options = &g->options };
}

void
response_fini(struct response *r)
{
	loop_untimer(r->gate->loop, &r->silence);
	buf_fini(&r->bytes);
}

/* ---- headers ---- */

static void
add_header(struct headers *h, const char *name, const char *value)
{
	assert(h->n < HEADERS_MAX);
	h->list[h->n++] = (struct header){ name, value };
}

/* The exchange's own headers of an answer, whatever its status. */
static void
common_headers(struct response *r, struct headers *h, const char *type)
{
	add_header(h, "content-type", type);
	if (r->call->ignored.len)
		add_header(h, "x-pollux-ignored", arena_dup_span(r->arena, r->call->ignored));
	if (r->credential && r->gate->config->dialect_show_credential)
		add_header(h, "x-pollux-credential", r->credential);
}

/* When trying again makes sense, in the words that SDKs obey. */
static void
retry_headers(struct response *r, const struct err *e, struct headers *h)
{
	int status = err_kind_status(e->kind);

	if (status != 429 && status < 500)
		return;
	if (e->retry_ms > 0 && e->retry_ms <= RETRY_AFTER_MAX_MS && e->kind != ERR_QUOTA) {
		add_header(h, "retry-after",
		    arena_printf(r->arena, "%lld", (long long)((e->retry_ms + 999) / 1000)));
		add_header(
		    h, "retry-after-ms", arena_printf(r->arena, "%lld", (long long)e->retry_ms));
	} else if (e->retry_ms > RETRY_AFTER_MAX_MS || e->kind == ERR_QUOTA || r->attempts > 1) {
		add_header(h, "x-should-retry", "false");
	}
}

/* ---- sending ---- */

static void
note_answered(struct response *r, int status)
{
	r->status = status;
	board_count_add(r->gate->slot, BOARD_ANSWERED, 1);
}

static void
answer_whole(struct response *r, int status, const struct headers *h)
{
	/* libmicrohttpd reads the body until done, which frees it. */
	r->over = true;
	note_answered(r, status);
	request_answer(r->request, status, h->list, h->n, buf_span(&r->bytes));
}

static void
on_drained(void *ctx)
{
	struct response *r = ctx;

	if (!r->over && r->drained)
		r->drained(r->ctx);
}

static void
begin_stream(struct response *r, struct span type)
{
	struct headers h = { .n = 0 };

	common_headers(r, &h, type.len ? arena_dup_span(r->arena, type) : r->dialect->stream_type);
	add_header(&h, "cache-control", "no-cache");
	add_header(&h, "x-accel-buffering", "no");
	note_answered(r, 200);
	board_count_add(r->gate->slot, BOARD_STREAMS, 1);
	r->stream = request_stream(r->request, 200, h.list, h.n, on_drained, r);
}

static void keep_alive(void *ctx);

void
response_await(struct response *r)
{
	if (r->call->stream && r->dialect->keeps_alive)
		loop_timer(r->gate->loop, &r->silence, KEEP_ALIVE_MS, keep_alive, r);
}

/* The client sets the pace. */
static void
hand_over(struct response *r, struct span bytes)
{
	if (bytes.len == 0)
		return;
	if (!stream_write(r->stream, bytes) && r->full)
		r->full(r->ctx);
	response_await(r);
}

void
response_flush(struct response *r)
{
	if (!r->call->stream || r->bytes.len == 0)
		return;
	if (!r->stream)
		begin_stream(r, SPAN_NONE);
	hand_over(r, buf_span(&r->bytes));
	buf_clear(&r->bytes);
}

void
response_relay(struct response *r, struct span bytes, struct span type)
{
	if (!r->stream)
		begin_stream(r, type);
	hand_over(r, bytes);
}

static void
keep_alive(void *ctx)
{
	struct response *r = ctx;

	r->dialect->keep_alive(&r->out);
	response_flush(r);
}

/* The last bytes of a stream, whether it ends well or with an error event. */
static void
end_stream(struct response *r)
{
	if (!r->stream)
		begin_stream(r, SPAN_NONE);
	response_flush(r);
	loop_untimer(r->gate->loop, &r->silence);
	r->over = true;
	stream_end(r->stream);
}

void
response_end(struct response *r, int status, struct span type)
{
	struct headers h = { .n = 0 };

	loop_untimer(r->gate->loop, &r->silence);
	if (r->call->stream) {
		end_stream(r);
		return;
	}
	common_headers(r, &h, type.len ? arena_dup_span(r->arena, type) : JSON_TYPE);
	answer_whole(r, status, &h);
}

void
response_fail(struct response *r, const struct err *e, const struct fault *fault)
{
	struct headers h = { .n = 0 };
	int status = err_kind_status(e->kind);

	if (r->over)
		return;
	loop_untimer(r->gate->loop, &r->silence);
	r->out.fault = fault;
	r->out.begun = r->stream != NULL;
	if (!r->stream)
		buf_clear(&r->bytes);
	r->dialect->fail(&r->out, e);
	if (r->stream) {
		end_stream(r);
		return;
	}
	if (r->dialect->relays && fault && fault->is_json && fault->http_status >= 400)
		status = fault->http_status;
	common_headers(r, &h, JSON_TYPE);
	retry_headers(r, e, &h);
	if (r->allow)
		add_header(&h, "allow", r->allow);
	if (e->kind == ERR_UNAUTHORIZED)
		add_header(&h, "www-authenticate", "Bearer");
	answer_whole(r, status, &h);
}

void
response_pass_whole(struct response *r, int status, const struct header *headers, size_t n)
{
	r->over = true;
	note_answered(r, status);
	request_answer(r->request, status, headers, n, buf_span(&r->bytes));
}

void
response_pass(struct response *r, int status, const struct header *headers, size_t n)
{
	note_answered(r, status);
	board_count_add(r->gate->slot, BOARD_STREAMS, 1);
	r->stream = request_stream(r->request, status, headers, n, on_drained, r);
}

void
response_pass_end(struct response *r, bool whole)
{
	r->over = true;
	if (whole)
		stream_end(r->stream);
	else
		stream_break(r->stream);
}

void
response_leave(struct response *r)
{
	loop_untimer(r->gate->loop, &r->silence);
	r->over = true;
}
