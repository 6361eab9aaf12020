/*
 * net/fetch.c against a scripted upstream: when it says that a request was written, and when it
 * does not.
 */
#include "net/fetch.h"

#include <curl/curl.h>
#include "tests/unit/net/caller.h"
#include "tests/unit/net/tls.h"

/* ---- what is small ---- */

static void
expect_written(struct call *c)
{
	assert_int_equal(c->writtens, 1);
}

static void
a_small_request_is_written_before_its_answer_begins(void **state)
{
	struct world *w = *state;
	struct fetch_order orders[] = {
		{ .method = "GET" },
		{ .method = "HEAD" },
		{ .method = "DELETE" },
		{ .method = "POST" },
		{ .method = "POST", .body = BODY("{}") },
		{ .method = "POST", .body = BODY("") },
		{ .method = "PUT", .body = BODY("something") },
	};

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct call c = { .at_head = expect_written };

		start_order(w, &c, orders[i]);
		assert_int_equal(c.writtens, 0); /* never from inside */
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.heads, 1);
		assert_int_equal(c.writtens, 1);
		clear(&c);
	}
}

static void
it_is_told_without_waiting_for_an_answer(void **state)
{
	static const size_t lens[] = { 0, 5, 16384, 16385, 100000 };
	struct world *w = *state;

	PLAY(w, { .waits = true });
	for (size_t i = 0; i < COUNT(lens); i++) {
		char *body = pattern(lens[i] + 1);
		struct call c = { 0 };

		start_order(w, &c,
		    (struct fetch_order){ .method = "POST", .body = BODY_AT(body, lens[i]) });
		TURN_UNTIL(w, c.writtens == 1);
		TURN_UNTIL(w, w->peer.requests == (int)i + 1);
		settle(w, &c);
		assert_int_equal(c.writtens, 1);
		assert_int_equal(c.heads, 0);
		cancel_it(&c);
		clear(&c);
		mem_free(body);
	}
}

/* The first one connects, which takes turns of its own; the next goes out and is told of in one. */
static void
on_a_kept_connection_it_is_told_in_the_turn_that_sends_it(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	for (int i = 0; i < 3; i++) {
		struct call c = { 0 };

		start_order(w, &c, (struct fetch_order){ .method = "POST", .body = BODY("{}") });
		loop_turn(w->loop, 0);
		assert_int_equal(c.writtens, 1);
		finish(w, &c);
		assert_int_equal(c.writtens, 1);
		clear(&c);
	}
	assert_int_equal(w->peer.accepted, 1);
}

static void
many_at_once_are_each_told_of_once(void **state)
{
	enum { N = 300 };
	struct call *calls = mem_array(N, sizeof(*calls));
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < N; i++)
			start_order(w, &calls[i],
			    (struct fetch_order){
				.method = "POST", .body = BODY("{\"contents\":[]}") });
		for (size_t i = 0; i < N; i++) {
			finish(w, &calls[i]);
			assert_int_equal(calls[i].result, FETCH_OK);
			assert_int_equal(calls[i].writtens, 1);
			clear(&calls[i]);
		}
	}
	mem_free(calls);
}

static void
nobody_needs_to_listen(void **state)
{
	static const struct fetch_events deaf = { on_head, on_data, on_end, on_sent, NULL, NULL };
	struct world *w = *state;
	struct call c = { .w = w };
	struct fetch_order order = { .method = "POST", .url = w->url, .body = BODY("{}") };

	PLAY(w, { .says = OK_HELLO });
	c.fetch = fetch_start(w->fetcher, &order, &deaf, &c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	clear(&c);
}

/* ---- what takes several writes ---- */

#define TOO_LARGE ((size_t)32 << 20) /* for what the kernel holds between two sockets */
#define KERNEL    ((size_t)16 << 20)

/* As far as it goes with an upstream that reads nothing. */
static void
stall(struct world *w, const struct call *c)
{
	TURN_UNTIL(w, w->peer.accepted > 0);
	settle(w, c);
}

static size_t
bytes_taken(const struct world *w)
{
	return list_entry(w->peer.conns.prev, struct peer_conn, link)->in.len;
}

/* Lets the upstream read a little at a time; nothing is written until it has read nearly all. */
static void
read_slowly_until_written(struct world *w, const struct call *c)
{
	stall(w, c);
	assert_int_equal(c->writtens, 0);
	while (c->writtens == 0 && w->peer.requests == 0) {
		size_t before = bytes_taken(w);

		peer_hear(&w->peer);
		TURN_UNTIL(w, bytes_taken(w) > before || w->peer.requests > 0);
		w->peer.deaf = true;
		settle(w, c);
	}
	assert_int_equal(c->writtens, 1);
	assert_true(bytes_taken(w) > TOO_LARGE - KERNEL);
	peer_hear(&w->peer);
}

static void
a_large_body_is_not_written_before_its_reader_took_it(void **state)
{
	struct world *w = *state;
	struct call c = { .lent = pattern(TOO_LARGE) };

	PLAY(w, { .says = OK_HELLO });
	w->peer.deaf = true;
	start_order(
	    w, &c, (struct fetch_order){ .method = "POST", .body = BODY_AT(c.lent, TOO_LARGE) });
	read_slowly_until_written(w, &c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.writtens, 1);
	clear(&c);
}

/* From now on the kernel takes little of what an upstream does not read. */
static void
make_narrow(struct world *w)
{
	int segment = 536, buffer = 2048;

	assert_int_equal(
	    setsockopt(w->peer.fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment)), 0);
	assert_int_equal(setsockopt(w->peer.fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)), 0);
}

/* Stalls, is not written; read on, it is. */
static void
expect_written_when_read(struct world *w, struct fetch_order order)
{
	struct call c = { .at_head = expect_written };

	PLAY(w, { .says = OK_HELLO });
	w->peer.deaf = true;
	start_order(w, &c, order);
	stall(w, &c);
	assert_int_equal(c.writtens, 0);
	peer_hear(&w->peer);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.writtens, 1);
	clear(&c);
}

static void
a_mebibyte_is_not_written_before_its_reader_took_it(void **state)
{
	struct world *w = *state;
	char *body = pattern(1 << 20);

	make_narrow(w);
	expect_written_when_read(
	    w, (struct fetch_order){ .method = "POST", .body = BODY_AT(body, 1 << 20) });
	mem_free(body);
}

/* Of a head curl does not say how much there is.  Before 8.7 it loses what of a head without a body
 * does not go out in two writes. */
static void
a_long_head_is_not_written_before_its_reader_took_it(void **state)
{
	enum { LINE = 30000, LINES = 25 };
	struct world *w = *state;
	const char *headers[LINES + 1] = { NULL };
	char *line;

	if (curl_version_info(CURLVERSION_NOW)->version_num < 0x080700)
		skip();
	line = pattern(LINE + 1);
	memset(line, 'h', LINE);
	memcpy(line, "x: ", 3);
	line[LINE] = '\0';
	for (size_t i = 0; i < LINES; i++)
		headers[i] = line;
	make_narrow(w);
	expect_written_when_read(w, (struct fetch_order){ .headers = headers });
	mem_free(line);
}

static void
send_pattern(struct call *c)
{
	while (c->sending < TOO_LARGE) {
		struct span part = span_mem(c->lent, 32768);

		c->sending += part.len;
		if (!fetch_send(c->fetch, part))
			return;
	}
	fetch_send_end(c->fetch);
}

static void
a_streamed_body_is_not_written_before_its_reader_took_it(void **state)
{
	static const int64_t announced[] = { (int64_t)TOO_LARGE, -1 };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(announced); i++) {
		struct call c = { .lent = pattern(32768), .at_sent = send_pattern };

		refit(w, "", "", 100);
		PLAY(w, { .says = OK_HELLO });
		w->peer.deaf = true;
		w->peer.accepted = w->peer.requests = 0;
		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .streams_body = true, .body_bytes = announced[i] });
		send_pattern(&c);
		read_slowly_until_written(w, &c);
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.writtens, 1);
		clear(&c);
	}
}

/* What was given so far is out; that there is no more nobody has said. */
static void
a_streamed_body_is_not_written_before_it_was_ended(void **state)
{
	static const int64_t announced[] = { 8, -1 };
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(announced); i++) {
		struct call c = { .at_head = expect_written };

		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .streams_body = true, .body_bytes = announced[i] });
		settle(w, &c);
		assert_int_equal(c.writtens, 0);
		fetch_send(c.fetch, SPAN("1234"));
		settle(w, &c);
		assert_int_equal(c.writtens, 0);
		fetch_send(c.fetch, SPAN("5678"));
		if (announced[i] < 0) {
			settle(w, &c);
			assert_int_equal(c.writtens, 0);
		}
		fetch_send_end(c.fetch);
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.writtens, 1);
		clear(&c);
	}
}

static void
a_body_that_streams_nothing_is_written_at_its_end(void **state)
{
	static const int64_t announced[] = { 0, -1 };
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(announced); i++) {
		struct call c = { .at_head = expect_written };

		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .streams_body = true, .body_bytes = announced[i] });
		fetch_send_end(c.fetch);
		finish(w, &c);
		assert_int_equal(c.writtens, 1);
		clear(&c);
	}
}

/* ---- answers that do not wait ---- */

#define EARLY_REFUSAL "HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much"
#define EARLY_ANSWER  OK_HEAD "Content-Length: 8\r\n\r\ntoo much"

static void
expect_not_written(struct call *c)
{
	assert_int_equal(c->writtens, 0);
}

/* A refusal stops the sending; what upstream has got of it is all there will be. */
static void
an_answer_that_overtakes_the_body_puts_it_off_to_the_end(void **state)
{
	static const char *const answers[] = { EARLY_REFUSAL, EARLY_ANSWER };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(answers); i++) {
		struct peer_line script[] = { { .says = answers[i], .at_head = true },
			{ .waits = true } };
		struct call c = { .at_head = expect_not_written,
			.at_data = expect_not_written,
			.at_end = expect_written };

		peer_play(&w->peer, script, COUNT(script));
		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .streams_body = true, .body_bytes = 1 << 20 });
		fetch_send(c.fetch, SPAN("some of it"));
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.writtens, 1);
		clear(&c);
	}
}

static void
an_answer_beside_the_body_does_not_make_it_written(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	PLAY(w, { .says = OK_CHUNKED, .at_head = true }, { .waits = true });
	start_order(w, &c,
	    (struct fetch_order){ .method = "POST", .streams_body = true, .body_bytes = 10 });
	fetch_send(c.fetch, SPAN("12345"));
	TURN_UNTIL(w, c.body.len == 12);
	assert_int_equal(c.writtens, 0);
	fetch_send(c.fetch, SPAN("67890"));
	fetch_send_end(c.fetch);
	finish(w, &c);
	assert_int_equal(c.writtens, 1);
	clear(&c);
}

/* ---- what is sent again ---- */

static void
a_request_sent_again_on_a_new_connection_is_written_again(void **state)
{
	static const size_t lens[] = { 2, 6 << 20 };
	static const struct peer_line stale[] = { { .then = PEER_CLOSE }, { .then = PEER_RESET } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(lens) * COUNT(stale); i++) {
		struct peer_line script[] = { { .says = OK_HELLO }, stale[i % 2],
			{ .says = OK_HELLO } };
		struct call c = { .lent = pattern(lens[i / 2]), .at_head = expect_written };
		int accepted = w->peer.accepted;

		refit(w, "", "", 100);
		peer_play(&w->peer, script, COUNT(script));
		expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
		start_order(w, &c,
		    (struct fetch_order){ .method = "POST", .body = BODY_AT(c.lent, lens[i / 2]) });
		TURN_UNTIL(w, w->peer.requests >= 2);
		TURN_UNTIL(w, c.writtens == 1);
		c.writtens = 0;
		assert_int_equal(c.agains, 0);
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.writtens, 1);
		assert_int_equal(c.agains, 1);
		assert_int_equal(w->peer.accepted - accepted, 2);
		w->peer.requests = 0;
		clear(&c);
	}
}

static void
a_pool_of_dead_connections_is_told_of_twice(void **state)
{
	enum { N = 8 };
	struct world *w = *state;
	struct call calls[N] = { { 0 } };
	struct call c = { .at_head = NULL };

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < N; i++)
		start(w, &calls[i]);
	for (size_t i = 0; i < N; i++) {
		finish(w, &calls[i]);
		clear(&calls[i]);
	}
	w->peer.stale_upto = w->peer.accepted;
	start_order(w, &c, (struct fetch_order){ .method = "POST", .body = BODY("{}") });
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.writtens, 2);
	assert_int_equal(c.agains, 1);
	clear(&c);
}

/* What the server read and broke off was once sent again whatever the caller counts. */
static void
what_may_be_sent_once_only_is_not_sent_again(void **state)
{
	static const struct peer_line stale[] = { { .then = PEER_CLOSE }, { .then = PEER_RESET } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(stale); i++) {
		struct peer_line script[] = { { .says = OK_HELLO }, stale[i],
			{ .says = OK_HELLO } };
		struct call c = { .only_once = true };

		refit(w, "", "", 100);
		peer_play(&w->peer, script, COUNT(script));
		expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
		w->peer.requests = 0;
		start_order(w, &c, (struct fetch_order){ .method = "POST", .body = BODY("{}") });
		finish(w, &c);
		assert_int_equal(c.result, FETCH_RESET);
		assert_int_equal(c.agains, 1);
		assert_int_equal(c.writtens, 1);
		assert_int_equal(w->peer.requests, 1);
		assert_non_null(strstr(c.words, "sent twice"));
		clear(&c);
	}
}

static void
it_may_be_cancelled_when_it_is_asked_about(void **state)
{
	struct world *w = *state;
	struct peer_line script[] = { { .says = OK_HELLO }, { .then = PEER_RESET },
		{ .says = OK_HELLO } };
	struct call c = { .at_again = cancel_it };

	peer_play(&w->peer, script, COUNT(script));
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	start_order(w, &c, (struct fetch_order){ .method = "POST", .body = BODY("{}") });
	TURN_UNTIL(w, c.agains == 1);
	TURN_UNTIL(w, fetcher_active(w->fetcher) == 0);
	assert_int_equal(c.ends, 0);
	clear(&c);
}

/* ---- what fails ---- */

static void
what_fails_before_it_was_written_is_never_written(void **state)
{
	struct world *w = *state;
	struct fetch_order orders[] = {
		{ .url = "http://127.0.0.1:1/" },
		{ .url = "http://no.such.name.invalid/" },
		{ .url = "gopher://127.0.0.1/" },
		{ .headers = (const char *const[]){ "x: a\r\nb", NULL } },
		{ .method = "POST", .body = BODY("{}"), .url = "http://127.0.0.1:1/" },
		{ .public_only = true },
	};

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct call c = { 0 };

		start_order(w, &c, orders[i]);
		finish(w, &c);
		assert_int_not_equal(c.result, FETCH_OK);
		assert_int_equal(c.writtens, 0);
		clear(&c);
	}
	assert_int_equal(w->peer.requests, 0);
}

static void
a_body_that_breaks_off_is_never_written(void **state)
{
	struct world *w = *state;
	struct call c = { .lent = pattern(TOO_LARGE) };

	PLAY(w, { .then = PEER_RESET, .at_head = true });
	start_order(
	    w, &c, (struct fetch_order){ .method = "POST", .body = BODY_AT(c.lent, TOO_LARGE) });
	finish(w, &c);
	assert_int_equal(c.result, FETCH_RESET);
	assert_int_equal(c.writtens, 0);
	clear(&c);
}

static void
a_body_that_is_given_up_is_never_written(void **state)
{
	struct world *w = *state;
	struct call slow = { .lent = pattern(TOO_LARGE) };
	struct call starved = { 0 };

	PLAY(w, { .says = OK_HELLO });
	w->peer.deaf = true;
	start_order(w, &slow,
	    (struct fetch_order){
		.method = "POST", .body = BODY_AT(slow.lent, TOO_LARGE), .total_timeout_ms = 100 });
	start_order(w, &starved,
	    (struct fetch_order){
		.method = "POST", .streams_body = true, .body_bytes = 9, .total_timeout_ms = 100 });
	finish(w, &slow);
	finish(w, &starved);
	assert_int_equal(slow.result, FETCH_TOTAL_SLOW);
	assert_int_equal(slow.writtens + starved.writtens, 0);
	clear(&slow);
	clear(&starved);
}

static void
what_breaks_once_it_was_written_was_written(void **state)
{
	struct world *w = *state;

	PLAY(w, { .then = PEER_CLOSE }, { .then = PEER_RESET }, { .says = "HTTP/1.1 2" });
	for (int i = 0; i < 3; i++) {
		struct call c = { 0 };

		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .body = BODY("{}"), .first_byte_timeout_ms = 50 });
		finish(w, &c);
		assert_int_not_equal(c.result, FETCH_OK);
		assert_int_equal(c.writtens, 1);
		clear(&c);
	}
}

/* ---- proxies, TLS ---- */

/* The tunnel's words are not the request. */
static void
a_tunnel_is_not_the_request(void **state)
{
	struct world *w = *state;
	char proxy[64];
	struct call c = { 0 };

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", w->peer.port);
	refit(w, proxy, "", 100);
	PLAY(w, { .says = "HTTP/1.1 200 Tunnel\r\n\r\n", .waits = true }, { .says = OK_HELLO });
	start_order(w, &c,
	    (struct fetch_order){
		.method = "POST", .url = "http://upstream.test/x", .body = BODY("{}") });
	TURN_UNTIL(w, w->peer.requests == 1);
	settle(w, &c);
	assert_int_equal(c.writtens, 0);
	peer_release(&w->peer);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.writtens, 1);
	clear(&c);
}

static void
what_goes_into_tls_is_written(void **state)
{
	static const size_t lens[] = { 0, 2, 16384, 300000 };
	struct world *w = *state;
	struct tls t = { 0 };
	char url[64], ca[128];

	if (!tls_start(&t)) {
		print_message("no openssl to serve TLS with\n");
		skip();
	}
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", t.port);
	snprintf(ca, sizeof(ca), "%s/ca.pem", t.dir);
	refit(w, "", ca, 100);
	for (size_t i = 0; i < COUNT(lens); i++) {
		char *body = pattern(lens[i] + 1);
		struct call c = { 0 };

		start_order(w, &c,
		    (struct fetch_order){
			.method = "POST", .url = url, .body = BODY_AT(body, lens[i]) });
		TURN_UNTIL(w, c.writtens == 1 || c.ends == 1);
		assert_int_equal(c.writtens, 1);
		cancel_it(&c);
		clear(&c);
		mem_free(body);
	}
	tls_stop(&t);
}

/* ---- inside the event ---- */

static void
start_other(struct call *c)
{
	start(c->w, c->other);
}

static void
cancel_other(struct call *c)
{
	fetch_cancel(&c->other->fetch);
}

static void
a_call_may_be_cancelled_as_it_is_written(void **state)
{
	static const size_t lens[] = { 0, 100000 };
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(lens); i++) {
		struct call c = { .at_written = cancel_it, .lent = pattern(100000) };

		start_order(w, &c,
		    (struct fetch_order){ .method = "POST", .body = BODY_AT(c.lent, lens[i]) });
		TURN_UNTIL(w, c.writtens == 1);
		settle(w, &c);
		assert_int_equal(c.heads + c.ends, 0);
		assert_int_equal(fetcher_active(w->fetcher), 0);
		clear(&c);
	}
}

static void
a_call_may_be_cancelled_as_its_refusal_ends_it(void **state)
{
	struct world *w = *state;
	struct call c = { .at_written = cancel_it };

	PLAY(w, { .says = EARLY_REFUSAL, .at_head = true }, { .waits = true });
	start_order(w, &c,
	    (struct fetch_order){ .method = "POST", .streams_body = true, .body_bytes = 1 << 20 });
	TURN_UNTIL(w, c.writtens == 1);
	settle(w, &c);
	assert_int_equal(c.heads, 1);
	assert_int_equal(c.ends, 0);
	assert_int_equal(fetcher_active(w->fetcher), 0);
	clear(&c);
}

/* Also those that are about to be asked in the same breath. */
static void
one_call_may_cancel_others_as_it_is_written(void **state)
{
	enum { N = 6 };
	struct world *w = *state;
	struct call calls[N] = { { 0 } };
	int writtens = 0;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < N; i++) {
		calls[i].other = &calls[i ^ 1];
		calls[i].at_written = cancel_other;
		start_order(
		    w, &calls[i], (struct fetch_order){ .method = "POST", .body = BODY("{}") });
	}
	for (size_t i = 0; i < N; i += 2)
		TURN_UNTIL(w, calls[i].ends + calls[i ^ 1].ends > 0);
	for (size_t i = 0; i < N; i++) {
		writtens += calls[i].writtens;
		clear(&calls[i]);
	}
	assert_int_equal(writtens, N / 2);
}

static void
a_call_may_be_started_and_paused_as_another_is_written(void **state)
{
	struct world *w = *state;
	struct call other = { 0 };
	struct call c = { .at_written = start_other, .other = &other };
	struct call paused = { .at_written = pause_it };

	PLAY(w, { .says = OK_HELLO });
	start_order(w, &c, (struct fetch_order){ .method = "POST", .body = BODY("{}") });
	finish(w, &c);
	finish(w, &other);
	assert_int_equal(other.writtens, 1);
	start(w, &paused);
	TURN_UNTIL(w, paused.heads == 1);
	settle(w, &paused);
	assert_int_equal(paused.datas, 0);
	fetch_resume(paused.fetch);
	finish(w, &paused);
	assert_int_equal(paused.writtens, 1);
	clear(&c);
	clear(&other);
	clear(&paused);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(a_small_request_is_written_before_its_answer_begins),
		IN_A_WORLD(it_is_told_without_waiting_for_an_answer),
		IN_A_WORLD(on_a_kept_connection_it_is_told_in_the_turn_that_sends_it),
		IN_A_WORLD(many_at_once_are_each_told_of_once),
		IN_A_WORLD(nobody_needs_to_listen),
		IN_A_WORLD(a_large_body_is_not_written_before_its_reader_took_it),
		IN_A_WORLD(a_mebibyte_is_not_written_before_its_reader_took_it),
		IN_A_WORLD(a_long_head_is_not_written_before_its_reader_took_it),
		IN_A_WORLD(a_streamed_body_is_not_written_before_its_reader_took_it),
		IN_A_WORLD(a_streamed_body_is_not_written_before_it_was_ended),
		IN_A_WORLD(a_body_that_streams_nothing_is_written_at_its_end),
		IN_A_WORLD(an_answer_that_overtakes_the_body_puts_it_off_to_the_end),
		IN_A_WORLD(an_answer_beside_the_body_does_not_make_it_written),
		IN_A_WORLD(a_request_sent_again_on_a_new_connection_is_written_again),
		IN_A_WORLD(a_pool_of_dead_connections_is_told_of_twice),
		IN_A_WORLD(what_may_be_sent_once_only_is_not_sent_again),
		IN_A_WORLD(it_may_be_cancelled_when_it_is_asked_about),
		IN_A_WORLD(what_fails_before_it_was_written_is_never_written),
		IN_A_WORLD(a_body_that_breaks_off_is_never_written),
		IN_A_WORLD(a_body_that_is_given_up_is_never_written),
		IN_A_WORLD(what_breaks_once_it_was_written_was_written),
		IN_A_WORLD(a_tunnel_is_not_the_request),
		IN_A_WORLD(what_goes_into_tls_is_written),
		IN_A_WORLD(a_call_may_be_cancelled_as_it_is_written),
		IN_A_WORLD(a_call_may_be_cancelled_as_its_refusal_ends_it),
		IN_A_WORLD(one_call_may_cancel_others_as_it_is_written),
		IN_A_WORLD(a_call_may_be_started_and_paused_as_another_is_written),
	};

	return cmocka_run_group_tests_name("net/fetch: written", tests, NULL, NULL);
}
