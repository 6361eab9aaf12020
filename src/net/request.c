/*
 * Requests: what is known of each, and the one place that decides how it goes on.  Runs in
 * workers.  Owns the request, its arena and body.
 *
 * libmicrohttpd calls on its own stack, from within MHD_run.  What is decided outside of it (an
 * answer, a client that left) is written into the state and the connection is resumed; the
 * library then asks again, and what_next() tells what the state says.
 */
#include "net/request.h"

#include <assert.h>
#include <microhttpd.h>
#include "net/answer.h"
#include "net/body.h"
#include "net/conn.h"
#include "net/request_house.h"

#define ARENA_BYTES 2048

enum request_state {
	REQUEST_ARRIVING,  /* its line is read, not yet the whole head: nobody was told */
	REQUEST_GATHERING, /* announced; the body is coming */
	REQUEST_REFUSED,   /* answered before the body was whole; the rest is dropped */
	REQUEST_READY,     /* whole and unanswered; the connection is suspended */
	REQUEST_ANSWERED,  /* with a whole answer, which the library sends */
	REQUEST_STREAMING, /* the answer goes by a stream, whose over() ends the request */
	REQUEST_GIVEN_UP   /* the library is to close the connection */
};

struct request {
	struct request_house *house; /* borrowed */
	struct conn *conn;           /* borrowed; NULL once the library has let go */
	struct MHD_Connection *mhd;  /* borrowed, as long as conn */
	enum request_state state;
	bool is_announced;
	bool is_whole;     /* the library has read all of it */
	bool is_untrusted; /* nobody knows where its body ends */
	bool is_suspended;
	bool is_paused; /* pieces of the body are held back, and its end */
	bool is_gone;
	bool is_loss_due; /* lose_later waits */
	char id[REQUEST_ID_SIZE];
	char peer[CONN_PEER_BYTES];
	struct arena *arena; /* owned */
	struct request_head head;
	struct body body;      /* owned */
	request_body_fn *take; /* is handed the body instead; NULL: it is gathered */
	void *take_ctx;
	uint64_t body_came, drained; /* of it, since it was refused */
	struct answer answer;
	struct stream *stream; /* borrowed from the house */
	struct stream *deaf;   /* likewise: drops what it gets, when it is too late for an answer */
	void *user;            /* the handler's */
};

static void
request_move(struct request *r, enum request_state to)
{
#define TO(name) (1u << REQUEST_##name)
	static const unsigned allowed[] = {
		[REQUEST_ARRIVING] = TO(GATHERING) | TO(GIVEN_UP),
		[REQUEST_GATHERING] = TO(REFUSED) | TO(READY) | TO(GIVEN_UP),
		[REQUEST_REFUSED] = TO(ANSWERED) | TO(STREAMING) | TO(GIVEN_UP),
		[REQUEST_READY] = TO(ANSWERED) | TO(STREAMING) | TO(GIVEN_UP),
		[REQUEST_ANSWERED] = TO(STREAMING) | TO(GIVEN_UP),
		[REQUEST_STREAMING] = TO(GIVEN_UP),
		[REQUEST_GIVEN_UP] = 0,
	};
#undef TO
	assert(allowed[r->state] & 1u << to);
	r->state = to;
}

/* ---- its birth and end ---- */

struct request *
request_new(struct request_house *h, struct conn *c, struct MHD_Connection *mhd, const char *target)
{
	struct request *r = mem_alloc(sizeof(*r));

	r->house = h;
	r->conn = c;
	r->mhd = mhd;
	r->arena = arena_new(ARENA_BYTES);
	memcpy(r->peer, c->peer, sizeof(r->peer));
	request_house_make_id(h, r->id);
	head_read_target(&r->head, r->arena, target);
	c->request = r;
	return r;
}

static void
tell_gone(struct request *r)
{
	if (r->is_gone || !r->is_announced || r->house->is_closing)
		return;
	r->is_gone = true;
	r->house->handler->gone(r->house->ctx, r);
}

static void lose_later(void *);

static void
finish(struct request *r)
{
	if (r->is_loss_due)
		loop_undefer(r->house->loop, lose_later, r);
	if (r->is_announced)
		r->house->handler->done(r->house->ctx, r);
	if (r->deaf)
		stream_lose(r->deaf);
	body_fini(&r->body);
	arena_free(&r->arena);
	mem_free(r);
}

/* ---- a client that leaves, or is too slow ---- */

static void
resume(struct request *r)
{
	if (!r->is_suspended)
		return;
	r->is_suspended = false;
	MHD_resume_connection(r->mhd);
	r->house->wake(r->house->server);
}

void
request_release(struct request *r)
{
	resume(r);
}

/* Where its pool is spent the library reads no more, so it does not see that the socket was shut:
 * it closes by its own clock, and until then the connection holds a place. */
static void
close_soon(struct request *r)
{
	MHD_set_connection_option(r->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
}

/* The library sees to all others by itself. */
void
request_client_left(struct request *r)
{
	bool is_parked = r->is_suspended && r->state == REQUEST_READY;

	if (!r->conn)
		return;
	if (r->state == REQUEST_GATHERING || is_parked) {
		request_move(r, REQUEST_GIVEN_UP);
		tell_gone(r);
	} else if (r->state != REQUEST_ARRIVING) {
		return;
	}
	conn_shut(r->conn);
	/* The end may have come with the last bytes read: the library does not look again. */
	close_soon(r);
	resume(r);
}

static void
lose_later(void *arg)
{
	struct request *r = arg;

	r->is_loss_due = false;
	request_client_left(r);
}

void
request_client_slow(struct request *r)
{
	request_move(r, REQUEST_GIVEN_UP);
	close_soon(r);
}

/* ---- out of the library ---- */

static void
stream_is_gone(void *arg)
{
	tell_gone(arg);
}

static void
stream_is_over(void *arg)
{
	struct request *r = arg;

	assert(!r->conn);
	finish(r);
}

const struct stream_owner request_streams = { .gone = stream_is_gone, .over = stream_is_over };

static struct stream *
make_stream(struct request *r, const struct answer *a, enum answer_length length, void *ctx)
{
	return request_house_stream(
	    r->house, a, length, span_is(r->head.method, "HEAD"), r->id, ctx);
}

/* The library closes its descriptor and goes on without the request; the socket is the stream's. */
static enum request_turn
leave(struct request *r)
{
	struct conn *c = r->conn;

	c->request = NULL;
	r->conn = NULL;
	r->mhd = NULL;
	conn_be_patient(c);
	stream_take_over(r->stream, &c->watch);
	return REQUEST_LET_GO;
}

/* A whole answer that the library cannot send, or not so that it arrives. */
static enum request_turn
leave_answered(struct request *r)
{
	struct stream *s = make_stream(r, &r->answer, ANSWER_SIZED, r);

	request_move(r, REQUEST_STREAMING);
	r->stream = s;
	stream_set_linger_bytes(s, (size_t)r->house->drain_bytes);
	stream_write(s, r->answer.body);
	stream_end(s);
	return leave(r);
}

static enum request_turn
leave_refused(struct request *r)
{
	if (!r->stream)
		return leave_answered(r);
	request_move(r, REQUEST_STREAMING);
	if (!r->is_whole)
		stream_set_linger_bytes(r->stream, (size_t)r->house->drain_bytes);
	return leave(r);
}

/*
 * Can the rest of a refused body not be read to its end?  The library would close with unread
 * bytes, and so reset the connection before the client has read its answer.  One that waits for
 * leave to send would be given it.
 */
static bool
must_leave(const struct request *r)
{
	uint64_t bound = r->house->drain_bytes;
	int64_t declared = r->head.body_bytes;

	return r->is_untrusted || (r->head.expects_continue && r->body_came == 0) ||
	       r->drained > bound || (declared > 0 && (uint64_t)declared - r->body_came > bound);
}

static enum request_turn
send_whole(struct request *r)
{
	return answer_is_tight(&r->answer, &r->head, r->house->pool_bytes) ? leave_answered(r)
									   : REQUEST_SEND;
}

static enum request_turn
park(struct request *r)
{
	r->is_suspended = true;
	/* The edge may have come with the request's last bytes; it does not come again. */
	if (r->conn->has_left && !r->is_loss_due) {
		r->is_loss_due = true;
		loop_defer(r->house->loop, lose_later, r);
	}
	return REQUEST_SUSPEND;
}

static enum request_turn
what_next(struct request *r)
{
	switch (r->state) {
	case REQUEST_REFUSED:
		if (!r->is_whole && !must_leave(r))
			return REQUEST_READ_ON;
		if (!r->is_whole || r->stream)
			return leave_refused(r);
		request_move(r, REQUEST_ANSWERED);
		return send_whole(r);
	case REQUEST_GATHERING:
		return REQUEST_READ_ON;
	case REQUEST_READY:
		return park(r);
	case REQUEST_ANSWERED:
		return send_whole(r);
	case REQUEST_STREAMING:
		return leave(r);
	default:
		return REQUEST_LET_GO;
	}
}

bool
request_answer_slow(struct request *r)
{
	if (r->state != REQUEST_REFUSED)
		return false;
	/* The library is not to be moved from here.  It finds its descriptor idle, and closes it;
	 * whatever of the body it reads before that is dropped like all of it. */
	close_soon(r);
	r->house->wake(r->house->server);
	leave_refused(r);
	return true;
}

/* ---- what the library brings ---- */

/* The answer is there before the body is whole. */
static void
refuse(struct request *r)
{
	request_move(r, REQUEST_REFUSED);
	body_fini(&r->body);
	if (r->head.body_bytes)
		conn_await_rest(r->conn);
}

static void
refuse_bare(struct request *r, int status)
{
	answer_make(&r->answer, r->arena, status, NULL, 0, SPAN(""));
	refuse(r);
}

static void
refuse_large(struct request *r)
{
	struct request_house *h = r->house;

	if (h->handler->too_large)
		h->handler->too_large(h->ctx, r);
	if (r->state == REQUEST_GATHERING)
		refuse_bare(r, 413);
}

enum request_turn
request_read_head(struct request *r, const char *method, const char *version)
{
	struct request_house *h = r->house;
	int refusal = head_read(&r->head, r->arena, r->mhd, method, version);

	request_move(r, REQUEST_GATHERING);
	if (r->head.body_bytes)
		conn_await_body(r->conn);
	else
		conn_be_patient(r->conn);
	if (refusal) {
		r->is_untrusted = true;
		refuse_bare(r, refusal);
	} else {
		r->is_announced = true;
		h->handler->head(h->ctx, r);
		/* A head is asked first: only its handler knows whether it takes the body. */
		if (r->state == REQUEST_GATHERING && !r->take && r->head.body_bytes > 0 &&
		    (uint64_t)r->head.body_bytes > h->max_body_bytes)
			refuse_large(r);
	}
	return what_next(r);
}

bool
request_has_head(const struct request *r)
{
	return r->state != REQUEST_ARRIVING;
}

static void
gather(struct request *r, struct span bytes)
{
	conn_body_came(r->conn, bytes.len);
	r->body_came += bytes.len;
	if (r->state != REQUEST_GATHERING)
		r->drained += bytes.len;
	else if (r->take)
		r->take(r->take_ctx, bytes);
	else if (r->body_came > r->house->max_body_bytes)
		refuse_large(r);
	else
		body_add(&r->body, bytes, r->head.body_bytes);
}

static void
close_body(struct request *r)
{
	r->is_whole = true;
	conn_be_patient(r->conn);
	if (r->state != REQUEST_GATHERING)
		return;
	request_move(r, REQUEST_READY);
	r->house->handler->ready(r->house->ctx, r);
}

enum request_turn
request_read_body(struct request *r, struct span *bytes)
{
	/* A connection is only suspended with something to bring again: resuming it is then sure
	 * to bring the library back here. */
	if (r->is_paused && r->state == REQUEST_GATHERING)
		return park(r);
	if (bytes->len)
		gather(r, *bytes);
	else if (!r->is_whole)
		close_body(r);
	bytes->len = 0;
	return what_next(r);
}

struct MHD_Response *
request_response(const struct request *r)
{
	return answer_response(&r->answer, r->id, r->house->is_draining);
}

int
request_status(const struct request *r)
{
	return r->answer.status;
}

void
request_end(struct request *r, enum request_end end)
{
	/* A body in chunks that cannot be read is the library's affair; nobody left. */
	bool has_left =
	    end == REQUEST_END_CLIENT ||
	    (end == REQUEST_END_LIBRARY && (r->conn->has_left || r->state == REQUEST_ANSWERED));

	r->conn->request = NULL;
	r->conn = NULL;
	r->mhd = NULL;
	if (r->stream) { /* the socket was lost before the stream could take it; over() follows */
		stream_lose(r->stream);
		return;
	}
	if (has_left && r->state != REQUEST_GIVEN_UP)
		tell_gone(r);
	finish(r);
}

/* ---- what handlers call ---- */

const struct request_head *
request_head(const struct request *r)
{
	return &r->head;
}

struct span
request_header(struct request *r, const char *name)
{
	return head_find(&r->head, name);
}

struct span
request_body(const struct request *r)
{
	return body_span(&r->body);
}

void
request_drop_body(struct request *r)
{
	assert(r->state != REQUEST_GATHERING);
	body_fini(&r->body);
}

void
request_take_body(struct request *r, request_body_fn *take, void *ctx)
{
	assert(r->state == REQUEST_GATHERING && !r->take && r->body_came == 0);
	r->take = take;
	r->take_ctx = ctx;
}

void
request_pause_body(struct request *r)
{
	assert(r->take);
	if (r->is_paused || r->state != REQUEST_GATHERING)
		return;
	r->is_paused = true;
	if (r->head.body_bytes)
		conn_hold(r->conn);
}

void
request_resume_body(struct request *r)
{
	if (!r->is_paused || r->state != REQUEST_GATHERING)
		return;
	r->is_paused = false;
	if (r->head.body_bytes)
		conn_go_on(r->conn);
	resume(r);
}

struct arena *
request_arena(struct request *r)
{
	return r->arena;
}

const char *
request_id(const struct request *r)
{
	return r->id;
}

const char *
request_peer(const struct request *r)
{
	return r->peer;
}

bool
request_is_gone(const struct request *r)
{
	return r->is_gone || r->state == REQUEST_GIVEN_UP || (r->conn && r->conn->has_left);
}

void
request_set_user(struct request *r, void *user)
{
	r->user = user;
}

void *
request_user(const struct request *r)
{
	return r->user;
}

static bool
may_answer(const struct request *r)
{
	return r->state == REQUEST_GATHERING || r->state == REQUEST_READY;
}

void
request_answer(
    struct request *r, int status, const struct header *headers, size_t n, struct span body)
{
	if (!may_answer(r))
		return;
	answer_make(&r->answer, r->arena, status, headers, n, body);
	if (r->state == REQUEST_READY)
		request_move(r, REQUEST_ANSWERED);
	else
		refuse(r);
	resume(r);
}

struct stream *
request_stream(struct request *r, int status, const struct header *headers, size_t n,
    loop_fn *drained, void *ctx)
{
	enum answer_length length = r->head.http_1_0 ? ANSWER_TO_THE_END : ANSWER_CHUNKED;
	int64_t promised = answer_promised_bytes(headers, n);
	struct answer a;

	if (r->stream || r->deaf)
		return r->stream ? r->stream : r->deaf;
	answer_make(&a, r->arena, status, headers, n, SPAN(""));
	if (promised >= 0) {
		length = ANSWER_SIZED;
		a.length_bytes = promised;
	}
	if (!may_answer(r)) {
		r->deaf = make_stream(r, &a, length, NULL);
		stream_break(r->deaf);
		return r->deaf;
	}
	r->stream = make_stream(r, &a, length, r);
	stream_on_drained(r->stream, drained, ctx);
	if (r->state == REQUEST_READY)
		request_move(r, REQUEST_STREAMING);
	else
		refuse(r);
	resume(r);
	return r->stream;
}
