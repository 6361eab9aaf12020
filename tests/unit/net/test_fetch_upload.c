/*
 * net/fetch.c and net/upload.c against a scripted upstream: bodies in pieces, and bodies that are
 * relayed as they come.
 */
#include "net/fetch.h"

#include "net/upload.h"
#include "tests/unit/net/caller.h"

#define MANY_MAX 4096

/* ---- bodies in pieces ---- */

/* Cuts what lies at p into so many pieces of uneven size, some of them empty. */
static struct body
cut(struct span *pieces, size_t count, const char *p, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n = i + 1 == count ? len - at
			   : i % 3 == 1   ? 0
					  : (len - at) / (count - i) + (i % 2 ? 3 : 0);

		if (n > len - at)
			n = len - at;
		pieces[i] = span_mem(p + at, n);
		at += n;
	}
	return (struct body){ pieces, count };
}

static struct span
request_head(struct world *w)
{
	const char *end = strstr(w->peer.request.data, "\r\n\r\n");

	assert_non_null(end);
	return span_mem(w->peer.request.data, (size_t)(end - w->peer.request.data) + 4);
}

static void
assert_arrived(struct world *w, const char *body, size_t len)
{
	assert_true(w->peer.request.len > len);
	assert_memory_equal(w->peer.request.data + w->peer.request.len - len, body, len);
}

static void
a_body_in_pieces_arrives_as_one(void **state)
{
	static const struct {
		size_t len, pieces;
	} cases[] = { { 1, 1 }, { 5, 7 }, { 16384, 3 }, { 16385, 1 }, { 16385, 2 }, { 16385, 4000 },
		{ 65537, 9 }, { 4u << 20, 2 }, { 4u << 20, 4096 }, { 20u << 20, 5 } };
	struct span *pieces = mem_array(MANY_MAX, sizeof(*pieces));
	struct world *w = *state;
	char length[64];

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *body = pattern(cases[i].len);
		struct fetch_order order = { .method = "POST",
			.body = cut(pieces, cases[i].pieces, body, cases[i].len) };

		expect(w, order, FETCH_OK, 200, "hello");
		assert_arrived(w, body, cases[i].len);
		snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", cases[i].len);
		assert_true(span_has(request_head(w), length));
		mem_free(body);
	}
	assert_int_equal(w->peer.accepted, 1);
	mem_free(pieces);
}

/* Seen in that a change to the caller's bytes, made after the start, arrives. */
static void
a_large_body_is_sent_from_where_it_lies(void **state)
{
	enum { LEN = 1 << 20 };
	struct world *w = *state;
	struct call c = { .lent = pattern(LEN) };
	struct span pieces[3];

	PLAY(w, { .says = OK_HELLO });
	start_order(
	    w, &c, (struct fetch_order){ .method = "POST", .body = cut(pieces, 3, c.lent, LEN) });
	memset(c.lent, 'n', LEN);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_arrived(w, c.lent, LEN);
	clear(&c);
}

static void
a_body_that_is_read_slowly_arrives_whole(void **state)
{
	enum { LEN = 8 << 20 };
	struct world *w = *state;
	struct call c = { .lent = pattern(LEN) };
	struct span pieces[50];

	PLAY(w, { .says = OK_HELLO });
	w->peer.deaf = true;
	start_order(
	    w, &c, (struct fetch_order){ .method = "POST", .body = cut(pieces, 50, c.lent, LEN) });
	TURN_UNTIL(w, w->peer.accepted == 1);
	for (int i = 0; i < 40; i++) {
		settle(w, &c);
		peer_hear(&w->peer);
		loop_turn(w->loop, 0);
		w->peer.deaf = true;
	}
	peer_hear(&w->peer);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_arrived(w, c.lent, LEN);
	clear(&c);
}

/* Lesson 59 again: curl goes back to the first piece by itself. */
static void
a_body_in_pieces_is_sent_again_when_a_kept_connection_was_dead(void **state)
{
	static const struct peer_line stale[] = {
		{ .then = PEER_CLOSE },
		{ .then = PEER_RESET },
		{ .then = PEER_CLOSE, .at_head = true },
		{ .then = PEER_RESET, .at_head = true },
	};
	enum { LEN = 6 << 20 };
	struct world *w = *state;
	char *body = pattern(LEN);
	struct span pieces[30];

	for (size_t i = 0; i < COUNT(stale); i++) {
		struct peer_line script[] = { { .says = OK_HELLO }, stale[i],
			{ .says = OK_HELLO } };
		int accepted = w->peer.accepted;

		refit(w, "", "", 100);
		peer_play(&w->peer, script, COUNT(script));
		expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
		expect(w,
		    (struct fetch_order){ .method = "POST", .body = cut(pieces, 30, body, LEN) },
		    FETCH_OK, 200, "hello");
		assert_int_equal(w->peer.accepted - accepted, 2);
		assert_arrived(w, body, LEN);
	}
	mem_free(body);
}

/* ---- bodies that stream ---- */

/* Hands over what is left of lent, in parts, until there is no room. */
static void
send_more(struct call *c, size_t len, size_t part)
{
	while (c->sending < len) {
		size_t n = len - c->sending < part ? len - c->sending : part;
		const char *at = c->lent + c->sending;

		c->sending += n;
		if (!fetch_send(c->fetch, span_mem(at, n)))
			return;
	}
	fetch_send_end(c->fetch);
}

#define STREAM_BYTES (3u << 20)

static void
send_the_rest(struct call *c)
{
	send_more(c, STREAM_BYTES, 5000);
}

/* The body without the chunks' frames. */
static void
unchunk(struct span in, struct buf *out)
{
	for (;;) {
		struct span line = span_trim(span_cut(&in, '\n'));
		size_t len = strtoul(line.p, NULL, 16);

		assert_true(line.len > 0 && len + 2 <= in.len);
		if (len == 0)
			return;
		buf_add(out, in.p, len);
		in.p += len + 2;
		in.len -= len + 2;
	}
}

static struct span
arrived_body(struct world *w)
{
	struct span head = request_head(w);

	return span_mem(head.p + head.len, w->peer.request.len - head.len);
}

static void
a_body_of_known_length_streams(void **state)
{
	struct world *w = *state;
	struct call c = { .at_sent = send_the_rest, .lent = pattern(STREAM_BYTES) };

	PLAY(w, { .says = OK_HELLO });
	start_order(w, &c,
	    (struct fetch_order){
		.method = "PUT", .streams_body = true, .body_bytes = STREAM_BYTES });
	send_the_rest(&c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.sending, STREAM_BYTES);
	assert_true(c.sents > 1);
	assert_true(span_has(request_head(w), "\r\nContent-Length: 3145728\r\n"));
	assert_false(span_has_nocase(request_head(w), "expect"));
	assert_arrived(w, c.lent, STREAM_BYTES);
	assert_string_equal(buf_text(&c.body), "hello");
	clear(&c);
}

static void
a_body_of_unknown_length_goes_out_in_chunks(void **state)
{
	struct world *w = *state;
	struct call c = { .at_sent = send_the_rest, .lent = pattern(STREAM_BYTES) };
	struct buf body = BUF_INIT;

	PLAY(w, { .says = OK_HELLO });
	start_order(w, &c,
	    (struct fetch_order){ .method = "POST", .streams_body = true, .body_bytes = -1 });
	send_the_rest(&c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_true(span_has(request_head(w), "\r\nTransfer-Encoding: chunked\r\n"));
	assert_false(span_has_nocase(request_head(w), "content-length"));
	unchunk(arrived_body(w), &body);
	assert_int_equal(body.len, STREAM_BYTES);
	assert_memory_equal(body.data, c.lent, STREAM_BYTES);
	buf_fini(&body);
	clear(&c);
}

static void
a_body_may_stream_nothing(void **state)
{
	static const int64_t announced[] = { 0, -1 };
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(announced); i++) {
		struct call c = { 0 };

		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .streams_body = true, .body_bytes = announced[i] });
		fetch_send(c.fetch, SPAN(""));
		fetch_send_end(c.fetch);
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_true(span_ends(buf_span(&w->peer.request),
		    i ? "\r\n\r\n0\r\n\r\n" : "Content-Length: 0\r\n\r\n"));
		clear(&c);
	}
}

/* The sender stops again and again, at every byte. */
static void
a_streaming_body_waits_for_its_sender(void **state)
{
	static const char text[] = "a body that takes its time";
	static const int64_t announced[] = { sizeof(text) - 1, -1 };
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(announced); i++) {
		struct call c = { 0 };
		struct buf body = BUF_INIT;

		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .streams_body = true, .body_bytes = announced[i] });
		for (size_t k = 0; k < sizeof(text) - 1; k++) {
			settle(w, &c);
			assert_int_equal(c.heads + c.ends, 0);
			assert_true(fetch_send(c.fetch, span_mem(text + k, 1)));
		}
		if (i == 1) {
			settle(w, &c);
			assert_int_equal(c.heads + c.ends, 0);
		}
		fetch_send_end(c.fetch);
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.sents, 0);
		if (i == 0)
			buf_add_span(&body, arrived_body(w));
		else
			unchunk(arrived_body(w), &body);
		assert_string_equal(buf_text(&body), text);
		buf_fini(&body);
		clear(&c);
	}
}

static void
a_server_that_does_not_read_stops_the_sender(void **state)
{
	enum { LEN = 64 << 20, PART = 32768 };
	struct fetch_order order = { .method = "POST", .streams_body = true, .body_bytes = LEN };
	struct world *w = *state;
	struct call c = { .lent = mem_alloc(PART) };
	size_t handed = 0;
	int sents;
	bool room;

	PLAY(w, { .says = OK_HELLO });
	w->peer.deaf = true;
	start_order(w, &c, order);
	do { /* until the kernel has enough, too: then no event follows a no */
		sents = c.sents;
		room = fetch_send(c.fetch, span_mem(c.lent, PART));
		handed += PART;
		settle(w, &c);
	} while ((room || c.sents > sents) && handed < LEN);
	assert_true(handed < LEN / 2);
	peer_hear(&w->peer);
	while (handed < LEN) {
		TURN_UNTIL(w, c.sents > sents);
		sents = c.sents;
		do {
			room = fetch_send(c.fetch, span_mem(c.lent, PART));
			handed += PART;
		} while (room && handed < LEN);
		assert_int_equal(c.sents, sents); /* never from inside */
	}
	fetch_send_end(c.fetch);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_true(w->peer.request.len > LEN);
	clear(&c);
}

#define REFUSED_TEXT                                                                               \
	"HTTP/1.1 413 Too Large\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\ntoo much"
#define REFUSED_CHUNKED                                                                            \
	"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntoo \r\n4\r\nmuch\r\n0\r\n\r\n"
#define EARLY_HELLO OK_HEAD "Content-Length: 8\r\n\r\ntoo much"
#define EARLY_CLOSE                                                                                \
	OK_HEAD "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ntoo "                 \
		"much\r\n0\r\n\r\n"
#define EARLY_204 "HTTP/1.1 204 Enough\r\n\r\n"

static void
an_answer_before_all_is_sent_comes_through_and_ends_it(void **state)
{
	static const struct {
		const char *says;
		int status;
		size_t pieces;
	} cases[] = {
		{ REFUSED_TEXT, 413, 0 },
		{ REFUSED_TEXT, 413, PEER_DRIBBLE },
		{ REFUSED_CHUNKED, 400, 0 },
		{ REFUSED_CHUNKED, 400, PEER_DRIBBLE },
		{ EARLY_HELLO, 200, 0 },
		{ EARLY_HELLO, 200, PEER_DRIBBLE },
		{ EARLY_204, 204, 0 },
	};
	static const int64_t announced[] = { 1 << 20, -1 };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases) * 4; i++) {
		struct peer_line script[] = { { .says = cases[i / 4].says,
						  .pieces = cases[i / 4].pieces,
						  .at_head = true },
			{ .waits = true } };
		struct call c = { 0 };

		peer_play(&w->peer, script, COUNT(script));
		start_order(w, &c,
		    (struct fetch_order){ .method = "POST",
			.streams_body = true,
			.body_bytes = announced[i % 2],
			.idle_timeout_ms = 100000 });
		if (i & 2)
			fetch_send(c.fetch, SPAN("some of it"));
		finish(w, &c);
		if (c.result != FETCH_OK)
			print_message(
			    "case %zu: %s: %s\n", i, fetch_result_name(c.result), c.words);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.status, cases[i / 4].status);
		assert_string_equal(buf_text(&c.body), c.status == 204 ? "" : "too much");
		TURN_UNTIL(w, w->peer.open == 0); /* half a request is on it */
		clear(&c);
	}
}

/* Of an answer in chunks only curl sees the end, and it looks when it has something to do. */
static void
an_early_answer_that_closes_its_connection_ends_it_with_the_next_bytes(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	PLAY(
	    w, { .says = EARLY_CLOSE, .pieces = PEER_DRIBBLE, .at_head = true }, { .waits = true });
	start_order(w, &c,
	    (struct fetch_order){ .method = "POST", .streams_body = true, .body_bytes = 1 << 20 });
	TURN_UNTIL(w, c.body.len == 8);
	settle(w, &c);
	while (!c.ends) {
		fetch_send(c.fetch, SPAN("more"));
		settle(w, &c);
	}
	assert_int_equal(c.result, FETCH_OK);
	assert_string_equal(buf_text(&c.body), "too much");
	clear(&c);
}

/* The sender does not care, and the server reads no more. */
static void
a_refusal_ends_a_body_that_is_being_sent(void **state)
{
	struct world *w = *state;
	struct call c = { .at_sent = send_the_rest, .lent = pattern(STREAM_BYTES) };

	PLAY(w, { .says = REFUSED_TEXT, .at_head = true }, { .waits = true });
	start_order(w, &c,
	    (struct fetch_order){
		.method = "POST", .streams_body = true, .body_bytes = STREAM_BYTES });
	send_the_rest(&c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.status, 413);
	assert_string_equal(buf_text(&c.body), "too much");
	clear(&c);
}

static void
an_answer_may_begin_while_the_body_goes_on(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	PLAY(w, { .says = OK_CHUNKED, .at_head = true }, { .waits = true });
	start_order(w, &c,
	    (struct fetch_order){ .method = "POST", .streams_body = true, .body_bytes = 10 });
	fetch_send(c.fetch, SPAN("12345"));
	TURN_UNTIL(w, c.body.len == 12);
	assert_int_equal(c.ends, 0);
	fetch_send(c.fetch, SPAN("67890"));
	fetch_send_end(c.fetch);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	TURN_UNTIL(w, w->peer.requests == 2);
	assert_true(span_ends(buf_span(&w->peer.request), "\r\n\r\n1234567890"));
	clear(&c);
}

static void
a_body_that_streams_is_never_sent_twice(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO }, { .says = OK_HELLO }, { .then = PEER_CLOSE },
	    { .says = OK_HELLO });
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	assert_int_equal(w->peer.open, 1);
	for (int i = 0; i < 2; i++) {
		struct call c = { 0 };

		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .streams_body = true, .body_bytes = 4 });
		fetch_send(c.fetch, SPAN("once"));
		fetch_send_end(c.fetch);
		finish(w, &c);
		assert_int_equal(c.result, i == 0 ? FETCH_OK : FETCH_RESET);
		assert_int_equal(w->peer.accepted, 2 + i); /* a kept one might be dead */
		clear(&c);
	}
	assert_int_equal(w->peer.requests, 3);
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	assert_int_equal(w->peer.accepted, 3); /* others use what is kept */
}

static void
a_body_of_another_length_than_announced_is_our_own_fault(void **state)
{
	static const char *const bodies[] = { "", "short", "this is too long" };
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(bodies) * 2; i++) {
		struct call c = { 0 };

		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .streams_body = true, .body_bytes = 9 });
		if (i >= COUNT(bodies))
			settle(w, &c); /* curl waits for it already */
		fetch_send(c.fetch, span_of(bodies[i % COUNT(bodies)]));
		fetch_send_end(c.fetch);
		finish(w, &c);
		assert_int_equal(c.result, FETCH_REFUSED);
		assert_non_null(strstr(c.words, "announced"));
		assert_int_equal(c.heads, 0);
		clear(&c);
	}
	assert_int_equal(w->peer.requests, 0);
}

static void
cancel_when_sent(struct call *c)
{
	fetch_cancel(&c->fetch);
}

static void
a_call_may_be_cancelled_while_it_sends(void **state)
{
	struct world *w = *state;
	struct call starved = { 0 };
	struct call in_sent = { .at_sent = cancel_when_sent, .lent = pattern(STREAM_BYTES) };
	struct fetch_order order = { .method = "POST", .streams_body = true, .body_bytes = -1 };

	PLAY(w, { .says = OK_HELLO });
	start_order(w, &starved, order);
	fetch_send(starved.fetch, SPAN("some"));
	settle(w, &starved);
	fetch_send(starved.fetch, SPAN("more")); /* and before the loop comes to it */
	cancel_it(&starved);
	assert_true(peer_sees_close(&w->peer));
	start_order(w, &in_sent, order);
	send_the_rest(&in_sent);
	TURN_UNTIL(w, in_sent.sents == 1);
	TURN_UNTIL(w, fetcher_active(w->fetcher) == 0);
	settle(w, &in_sent);
	assert_int_equal(starved.ends + in_sent.ends, 0);
	assert_int_equal(in_sent.sents, 1);
	clear(&starved);
	clear(&in_sent);
}

static void
the_first_byte_is_not_waited_for_while_the_sender_pauses(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };
	struct fetch_order order = { .method = "POST",
		.streams_body = true,
		.body_bytes = -1,
		.first_byte_timeout_ms = 20,
		.total_timeout_ms = 100 };

	PLAY(w, { .waits = true });
	start_order(w, &c, order);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_TOTAL_SLOW);
	clear(&c);
	order.total_timeout_ms = 100000;
	start_order(w, &c, order);
	fetch_send(c.fetch, SPAN("all"));
	fetch_send_end(c.fetch);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_FIRST_BYTE_SLOW);
	clear(&c);
}

static void
sending_goes_on_while_the_answer_is_paused(void **state)
{
	struct world *w = *state;
	struct call c = { .at_data = pause_it };

	PLAY(w, { .says = OK_CHUNKED, .pieces = PEER_DRIBBLE, .at_head = true }, { .waits = true });
	start_order(w, &c,
	    (struct fetch_order){ .method = "POST", .streams_body = true, .body_bytes = -1 });
	TURN_UNTIL(w, c.datas == 1);
	for (int i = 0; i < 5; i++) {
		settle(w, &c);
		fetch_send(c.fetch, SPAN("0123456789"));
	}
	fetch_send_end(c.fetch);
	TURN_UNTIL(w, w->peer.requests == 2);
	settle(w, &c);
	assert_int_equal(c.datas, 1);
	assert_int_equal(c.ends, 0);
	c.at_data = NULL;
	fetch_resume(c.fetch);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_string_equal(buf_text(&c.body), "hello, world");
	clear(&c);
}

/* ---- the room itself ---- */

static void
pieces_are_read_and_read_again_from_any_place(void **state)
{
	struct span pieces[] = { SPAN(""), SPAN("abc"), SPAN("d"), SPAN(""), SPAN("efgh"),
		SPAN("") };
	struct fetch_order order = { .body = { pieces, COUNT(pieces) } };
	struct upload u;
	char text[16];
	size_t len;

	(void)state;
	for (size_t room = 1; room < 10; room++)
		for (int64_t from = 0; from <= 8; from++) {
			size_t at = (size_t)from;

			upload_init(&u, &order);
			assert_true(upload_rewind(&u, from));
			while (upload_read(&u, text + at, room, &len) == UPLOAD_BYTES)
				at += len;
			assert_int_equal(at, 8);
			assert_memory_equal(text + from, &"abcdefgh"[from], 8 - (size_t)from);
			assert_true(upload_is_out(&u));
			assert_true(upload_rewind(&u, 0));
			assert_false(upload_is_out(&u));
			assert_false(upload_rewind(&u, 9));
			assert_false(upload_rewind(&u, -1));
			upload_fini(&u);
		}
}

static void
the_marks_are_where_they_are_said_to_be(void **state)
{
	struct fetch_order order = { .streams_body = true, .body_bytes = -1 };
	static char some[UPLOAD_HIGH_BYTES];
	struct upload u;
	size_t len;

	(void)state;
	upload_init(&u, &order);
	assert_true(upload_add(&u, span_mem(some, UPLOAD_HIGH_BYTES)));
	assert_false(upload_add(&u, SPAN("x")));
	assert_int_equal(
	    upload_read(&u, some, UPLOAD_HIGH_BYTES - UPLOAD_LOW_BYTES + 1, &len), UPLOAD_BYTES);
	assert_false(upload_wants_more(&u));
	assert_int_equal(upload_read(&u, some, 1, &len), UPLOAD_BYTES);
	assert_true(upload_wants_more(&u));
	assert_false(upload_wants_more(&u));
	assert_false(upload_rewind(&u, 0));
	upload_end(&u);
	assert_false(upload_is_out(&u));
	assert_int_equal(upload_read(&u, some, sizeof(some), &len), UPLOAD_BYTES);
	assert_int_equal(upload_read(&u, some, sizeof(some), &len), UPLOAD_DONE);
	upload_fini(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(a_body_in_pieces_arrives_as_one),
		IN_A_WORLD(a_large_body_is_sent_from_where_it_lies),
		IN_A_WORLD(a_body_that_is_read_slowly_arrives_whole),
		IN_A_WORLD(a_body_in_pieces_is_sent_again_when_a_kept_connection_was_dead),
		IN_A_WORLD(a_body_of_known_length_streams),
		IN_A_WORLD(a_body_of_unknown_length_goes_out_in_chunks),
		IN_A_WORLD(a_body_may_stream_nothing),
		IN_A_WORLD(a_streaming_body_waits_for_its_sender),
		IN_A_WORLD(a_server_that_does_not_read_stops_the_sender),
		IN_A_WORLD(an_answer_before_all_is_sent_comes_through_and_ends_it),
		IN_A_WORLD(an_early_answer_that_closes_its_connection_ends_it_with_the_next_bytes),
		IN_A_WORLD(a_refusal_ends_a_body_that_is_being_sent),
		IN_A_WORLD(an_answer_may_begin_while_the_body_goes_on),
		IN_A_WORLD(a_body_that_streams_is_never_sent_twice),
		IN_A_WORLD(a_body_of_another_length_than_announced_is_our_own_fault),
		IN_A_WORLD(a_call_may_be_cancelled_while_it_sends),
		IN_A_WORLD(the_first_byte_is_not_waited_for_while_the_sender_pauses),
		IN_A_WORLD(sending_goes_on_while_the_answer_is_paused),
		cmocka_unit_test(pieces_are_read_and_read_again_from_any_place),
		cmocka_unit_test(the_marks_are_where_they_are_said_to_be),
	};

	return cmocka_run_group_tests_name("net/upload", tests, NULL, NULL);
}
