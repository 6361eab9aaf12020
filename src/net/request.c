/*
 * Requests: what is known of each, and the one place that decides how it goes on.  Runs in
 * workers.  Owns the request, its arena and body; the streams until they are closed.
 *
 * libmicrohttpd calls on its own stack, from within MHD_run.  What is decided outside of it (an
 * answer, a client that left) is written into the state and the connection is resumed; the
 * library then asks again, and what_next() tells what the state says.
 */
#include "net/request.h"

#include <assert.h>
#include <microhttpd.h>
#include <sys/random.h>
#include "net/answer.h"
#include "net/conn.h"

#define ARENA_BYTES 2048
/* In the library's pool, beside its text: a header's or a query argument's own record. */
#define RECORD_BYTES 80
/* The answer's status line, date, length, id, and what alignment costs. */
#define FRAME_BYTES 1024

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
	bool is_gone;
	bool is_loss_due; /* lose_later waits */
	char id[4 + 2 * REQUEST_ID_BYTES + 1];
	char peer[CONN_PEER_BYTES];
	struct arena *arena; /* owned */
	struct request_head head;
	struct buf body; /* owned; grows as bytes come, not as they are declared */
	uint64_t body_came;
	struct answer answer;
	struct stream *stream; /* borrowed from house->streams */
	struct stream *deaf;   /* likewise: drops what it gets, when it is too late for an answer */
	void *user;            /* the handler's */
};

static void
request_move(struct request *r, enum request_state to)
{
#define TO(name) (1u << REQUEST_##name)
	static const unsigned allowed[] = {
		[REQUEST_ARRIVING] = TO(GATHERING) | TO(GIVEN_UP),
		[REQUEST_GATHERING] = TO(REFUSED) | TO(READY) | TO(STREAMING) | TO(GIVEN_UP),
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

static void
make_id(struct request_house *h, char *out)
{
	if (h->ids_left == 0) {
		ssize_t n = getrandom(h->ids, sizeof(h->ids), 0);

		/* Less is only given where more than 256 bytes were asked for and a signal came. */
		assert(n >= REQUEST_ID_BYTES);
		h->ids_left = (size_t)n / REQUEST_ID_BYTES;
	}
	memcpy(out, "req_", 4);
	text_hex(out + 4, h->ids[--h->ids_left], REQUEST_ID_BYTES);
}

struct request *
request_new(struct request_house *h, struct conn *c, struct MHD_Connection *mhd, const char *target)
{
	struct request *r = mem_alloc(sizeof(*r));

	r->house = h;
	r->conn = c;
	r->mhd = mhd;
	r->arena = arena_new(ARENA_BYTES);
	memcpy(r->peer, c->peer, sizeof(r->peer));
	make_id(h, r->id);
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
	r->house->handler.gone(r->house->ctx, r);
}

static void lose_later(void *);

static void
finish(struct request *r)
{
	if (r->is_loss_due)
		loop_undefer(r->house->loop, lose_later, r);
	if (r->is_announced)
		r->house->handler.done(r->house->ctx, r);
	if (r->deaf)
		stream_lose(r->deaf);
	buf_fini(&r->body);
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

/* Only a suspended connection needs that: the library sees to the others by itself. */
void
request_client_left(struct request *r)
{
	/* The end may have come with the last bytes read: the library does not look again. */
	if (r->conn && (r->state == REQUEST_ARRIVING || r->state == REQUEST_GATHERING)) {
		conn_shut(r->conn);
		close_soon(r);
	}
	if (!r->is_suspended || r->state != REQUEST_READY)
		return;
	request_move(r, REQUEST_GIVEN_UP);
	tell_gone(r);
	conn_shut(r->conn);
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

static void
stream_is_closed(void *arg)
{
	struct request_house *h = arg;

	h->n_streams--;
	h->place_is_free(h->server);
}

static struct stream *
make_stream(struct request *r, const struct answer *a, enum answer_length length, void *ctx)
{
	struct request_house *h = r->house;
	enum stream_framing framing = length == ANSWER_CHUNKED ? STREAM_CHUNKED : STREAM_RAW;
	struct buf head = BUF_INIT;
	struct stream *s;

	if (!answer_may_have_body(a->status))
		length = ANSWER_TO_THE_END;
	if (!answer_may_have_body(a->status) || span_is(r->head.method, "HEAD"))
		framing = STREAM_BODILESS;
	answer_print_head(&head, a, length, r->id, loop_wall_ms(h->loop));
	s = stream_new(
	    h->loop, &h->stream, framing, buf_span(&head), &h->stream_owner, ctx, &h->streams);
	h->n_streams++;
	buf_fini(&head);
	return s;
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

/*
 * Can the rest of a refused body not be read to its end?  The library would close with unread
 * bytes, and so reset the connection before the client has read its answer.  One that waits for
 * leave to send would be given it.
 */
static bool
must_leave(const struct request *r)
{
	uint64_t bound = r->house->drain_bytes;

	return r->is_untrusted || r->head.expects_continue || r->body_came > bound ||
	       (r->head.body_bytes > 0 && (uint64_t)r->head.body_bytes > bound);
}

static size_t
headers_bytes(const struct header *h, size_t n)
{
	size_t bytes = n * RECORD_BYTES;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(h[i].name) + strlen(h[i].value) + 4;
	return bytes;
}

/* Both heads share one small pool; where the answer's finds no room there, the library
 * closes without a word. */
static bool
is_tight(const struct request *r)
{
	const struct request_head *h = &r->head;
	size_t bytes = FRAME_BYTES + h->path.len + h->query.len;

	for (size_t i = 0; i < h->query.len; i++)
		bytes += h->query.p[i] == '&' ? RECORD_BYTES : 0;
	bytes += headers_bytes(h->headers, h->n_headers);
	bytes += headers_bytes(r->answer.headers, r->answer.n);
	return bytes > r->house->pool_bytes;
}

static enum request_turn
send_whole(struct request *r)
{
	return is_tight(r) ? leave_answered(r) : REQUEST_SEND;
}

static enum request_turn
park(struct request *r)
{
	r->is_suspended = true;
	/* The edge may have come with the request's last bytes; it does not come again. */
	if (r->conn->has_left) {
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
		if (!r->is_whole)
			return must_leave(r) ? leave_answered(r) : REQUEST_READ_ON;
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

/* ---- what the library brings ---- */

static void
refuse_bare(struct request *r, int status)
{
	answer_make(&r->answer, r->arena, status, NULL, 0, SPAN(""));
	request_move(r, REQUEST_REFUSED);
}

static void
refuse_large(struct request *r)
{
	struct request_house *h = r->house;

	r->is_announced = true;
	request_drop_body(r);
	if (h->handler.too_large)
		h->handler.too_large(h->ctx, r);
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
	} else if (r->head.body_bytes > 0 && (uint64_t)r->head.body_bytes > h->max_body_bytes) {
		refuse_large(r);
	} else {
		r->is_announced = true;
		h->handler.head(h->ctx, r);
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
		return;
	if (r->body_came > r->house->max_body_bytes)
		refuse_large(r);
	else
		buf_add_span(&r->body, bytes);
}

static void
close_body(struct request *r)
{
	r->is_whole = true;
	conn_be_patient(r->conn);
	if (r->state != REQUEST_GATHERING)
		return;
	request_move(r, REQUEST_READY);
	r->house->handler.ready(r->house->ctx, r);
}

enum request_turn
request_read_body(struct request *r, struct span bytes)
{
	if (bytes.len)
		gather(r, bytes);
	else if (!r->is_whole)
		close_body(r);
	return what_next(r);
}

bool
request_has_left(const struct request *r)
{
	return !r->conn;
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

void
request_house_init(struct request_house *h)
{
	list_init(&h->streams);
	h->n_streams = 0;
	h->ids_left = 0;
	h->stream_owner = (struct stream_owner){
		.gone = stream_is_gone,
		.over = stream_is_over,
		.closed = stream_is_closed,
		.house = h,
	};
}

void
request_house_fini(struct request_house *h)
{
	stream_free_all(&h->streams);
	h->n_streams = 0;
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
	return buf_span(&r->body);
}

void
request_drop_body(struct request *r)
{
	buf_fini(&r->body);
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
	request_move(r, r->state == REQUEST_READY ? REQUEST_ANSWERED : REQUEST_REFUSED);
	resume(r);
}

struct stream *
request_stream(struct request *r, int status, const struct header *headers, size_t n,
    loop_fn *drained, void *ctx)
{
	enum answer_length length = r->head.http_1_0 ? ANSWER_TO_THE_END : ANSWER_CHUNKED;
	struct answer a;

	if (r->stream || r->deaf)
		return r->stream ? r->stream : r->deaf;
	answer_make(&a, r->arena, status, headers, n, SPAN(""));
	if (!may_answer(r)) {
		r->deaf = make_stream(r, &a, length, NULL);
		stream_break(r->deaf);
		return r->deaf;
	}
	r->stream = make_stream(r, &a, length, r);
	stream_on_drained(r->stream, drained, ctx);
	request_move(r, REQUEST_STREAMING);
	resume(r);
	return r->stream;
}
