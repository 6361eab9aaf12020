/*
 * net/fetch.c (with shard, easy, order, reply and verdict behind it) against a scripted upstream in
 * the same loop: what a call reports, when, and what becomes of its connection.
 */
#include "net/fetch.h"

#include "tests/unit/net/caller.h"
#include "tests/unit/net/tls.h"

/* ---- answers ---- */

static void
an_answer_is_given_in_full_however_it_is_framed(void **state)
{
	static const struct {
		struct peer_line line;
		int64_t length;
		const char *type, *body;
	} cases[] = {
		{ { .says = OK_HELLO }, 5, "text/plain", "hello" },
		{ { .says = OK_CHUNKED }, -1, "text/event-stream", "hello, world" },
		{ { .says = OK_CLOSED, .then = PEER_CLOSE }, -1, "text/plain", "hello" },
		{ { .says = "HTTP/1.0 200\r\ncontent-LENGTH:  2\r\n\r\nok", .then = PEER_CLOSE }, 2,
		    "", "ok" },
		{ { .says = "HTTP/1.1 204 No Content\r\n\r\n" }, -1, "", "" },
		{ { .says = "HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 1\r\n\r\n!" },
		    1, "", "!" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = { 0 };

		peer_play(&w->peer, &cases[i].line, 1);
		start(w, &c);
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.heads, 1);
		assert_int_equal(c.length, cases[i].length);
		assert_string_equal(c.type, cases[i].type);
		assert_string_equal(buf_text(&c.body), cases[i].body);
		if (c.status == 503)
			assert_string_equal(c.retry, "17");
		clear(&c);
	}
}

static void
an_answer_may_be_split_at_any_byte(void **state)
{
	static const char *const answers[] = { OK_HELLO, OK_CHUNKED };
	static const char *const bodies[] = { "hello", "hello, world" };
	struct world *w = *state;
	struct peer_line line = { 0 };

	for (size_t a = 0; a < COUNT(answers); a++)
		for (size_t at = 1; at < strlen(answers[a]); at++) {
			line = (struct peer_line){ .says = answers[a], .pieces = at };
			peer_play(&w->peer, &line, 1);
			expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, bodies[a]);
		}
	line = (struct peer_line){ .says = OK_CHUNKED, .pieces = PEER_DRIBBLE };
	peer_play(&w->peer, &line, 1);
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello, world");
	assert_int_equal(w->peer.accepted, 1);
}

static void
interim_answers_are_passed_over(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	PLAY(w, { .says = "HTTP/1.1 103 Early Hints\r\nContent-Type: no\r\nRetry-After: 9\r\n\r\n"
			  "HTTP/1.1 100 Continue\r\n\r\n" OK_HELLO,
		    .pieces = PEER_DRIBBLE });
	start(w, &c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.heads, 1);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.type, "text/plain");
	assert_string_equal(c.retry, "");
	clear(&c);
}

static void
an_error_status_is_an_ordinary_answer(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = "HTTP/1.1 429 No\r\nContent-Length: 2\r\n\r\n{}" },
	    { .says = "HTTP/1.1 301 Away\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n" },
	    { .says = "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n" });
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 429, "{}");
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 301, "");
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 401, "");
	assert_int_equal(w->peer.requests, 3);
}

static void
the_header_lines_of_an_answer_are_given(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	PLAY(w, { .says = "HTTP/1.1 103 Hints\r\nLink: no\r\n\r\n"
			  "HTTP/1.1 200 OK\r\nX-Goog-Upload-URL: http://u/1\r\nfolded: a\r\n b\r\n"
			  "x-twice: 1\r\nX-Twice: 2\r\nContent-Length: 0\r\n\r\n",
		    .pieces = PEER_DRIBBLE });
	start(w, &c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_string_equal(buf_text(&c.headers),
	    "X-Goog-Upload-URL=http://u/1\nfolded=a b\nx-twice=1\nX-Twice=2\n"
	    "Content-Length=0\n");
	clear(&c);
}

static void
an_answer_to_head_has_no_body(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_HEAD "Content-Length: 5000\r\n\r\n" });
	expect(w, (struct fetch_order){ .method = "HEAD" }, FETCH_OK, 200, "");
	expect(w, (struct fetch_order){ .method = "HEAD" }, FETCH_OK, 200, "");
	assert_int_equal(w->peer.accepted, 1);
	assert_true(span_starts(buf_span(&w->peer.request), "HEAD /v1/thing"));
}

/* ---- requests ---- */

static void
the_request_is_what_was_ordered_and_little_more(void **state)
{
	const char *const headers[] = { "x-goog-api-key: k1", "content-type: application/json",
		NULL };
	struct world *w = *state;
	char wanted[512];

	PLAY(w, { .says = OK_HELLO });
	expect(w, (struct fetch_order){ .method = "POST", .headers = headers, .body = BODY("{}") },
	    FETCH_OK, 200, "hello");
	snprintf(wanted, sizeof(wanted),
	    "POST /v1/thing?x=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: pollux-test\r\n"
	    "Accept: */*\r\nx-goog-api-key: k1\r\ncontent-type: application/json\r\n"
	    "Content-Length: 2\r\n\r\n{}",
	    w->peer.port);
	assert_string_equal(buf_text(&w->peer.request), wanted);
}

static void
nothing_of_a_request_stays_for_the_next(void **state)
{
	static struct {
		const char *method;
		struct span body;
		const char *starts, *ends;
	} cases[] = {
		{ "POST", { "abc", 3 }, "POST /", "Content-Length: 3\r\n\r\nabc" },
		{ "GET", { NULL, 0 }, "GET /", "Accept: */*\r\n\r\n" },
		{ "DELETE", { NULL, 0 }, "DELETE /", "Accept: */*\r\n\r\n" },
		{ "GET", { NULL, 0 }, "GET /", "Accept: */*\r\n\r\n" },
		{ "PATCH", { "{}", 2 }, "PATCH /", "Content-Length: 2\r\n\r\n{}" },
		{ "POST", { NULL, 0 }, "POST /", "Content-Length: 0\r\n\r\n" },
		{ "POST", { "", 0 }, "POST /", "Content-Length: 0\r\n\r\n" },
		{ "PUT", { NULL, 0 }, "PUT /", "Content-Length: 0\r\n\r\n" },
		{ "DELETE", { "{}", 2 }, "DELETE /", "Content-Length: 2\r\n\r\n{}" },
		{ "GET", { NULL, 0 }, "GET /", "Accept: */*\r\n\r\n" },
	};
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(cases); i++) {
		expect(w,
		    (struct fetch_order){ .method = cases[i].method,
			.body = cases[i].body.p ? (struct body){ &cases[i].body, 1 } : BODY_NONE },
		    FETCH_OK, 200, "hello");
		assert_true(span_starts(buf_span(&w->peer.request), cases[i].starts));
		assert_true(span_ends(buf_span(&w->peer.request), cases[i].ends));
		assert_false(span_has_nocase(buf_span(&w->peer.request), "content-type"));
		assert_false(span_has_nocase(buf_span(&w->peer.request), "expect"));
	}
	assert_int_equal(w->peer.accepted, 1);
}

static void
the_path_goes_out_byte_for_byte(void **state)
{
	struct world *w = *state;
	char url[128];

	PLAY(w, { .says = OK_HELLO });
	snprintf(
	    url, sizeof(url), "http://127.0.0.1:%d/a/../b/./models/x:y%%2F?q=%%20", w->peer.port);
	expect(w, (struct fetch_order){ .url = url }, FETCH_OK, 200, "hello");
	assert_true(span_starts(
	    buf_span(&w->peer.request), "GET /a/../b/./models/x:y%2F?q=%20 HTTP/1.1\r\n"));
}

static void
a_large_body_arrives_whole(void **state)
{
	static const size_t sizes[] = { 16384, 16385, 65537, 20u << 20 };
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *body = pattern(sizes[i]);

		expect(w, (struct fetch_order){ .method = "POST", .body = BODY_AT(body, sizes[i]) },
		    FETCH_OK, 200, "hello");
		assert_true(w->peer.request.len > sizes[i]);
		assert_memory_equal(
		    w->peer.request.data + w->peer.request.len - sizes[i], body, sizes[i]);
		mem_free(body);
	}
	assert_int_equal(w->peer.accepted, 1);
}

static void
an_order_that_cannot_be_carried_out_is_refused_from_the_loop(void **state)
{
	const char *const broken[] = { "x: y\r\nz: 1", NULL };
	struct world *w = *state;
	struct fetch_order cases[] = {
		{ .url = "ftp://127.0.0.1/" },
		{ .url = "file:///etc/passwd" },
		{ .url = "127.0.0.1/" },
		{ .url = "" },
		{ .url = "http://" },
		{ .url = "http://127.0.0.1:99999/" },
		{ .url = "http://127.0.0.1/a b" },
		{ .url = "http://user:secret@127.0.0.1/" },
		{ .method = "" },
		{ .method = "GET / HTTP/1.1" },
		{ .headers = broken },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = { 0 };

		start_order(w, &c, cases[i]);
		finish(w, &c);
		assert_int_equal(c.result, FETCH_REFUSED);
		assert_null(strstr(c.words, "secret"));
		clear(&c);
	}
	assert_int_equal(w->peer.accepted, 0);
}

/* ---- connections ---- */

static void
ten_calls_in_a_row_use_one_connection(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO }, { .says = OK_CHUNKED }, { .says = OK_HELLO });
	for (int i = 0; i < 10; i++)
		expect(w, (struct fetch_order){ .method = "POST", .body = BODY("{}") }, FETCH_OK,
		    200, i == 1 ? "hello, world" : "hello");
	assert_int_equal(w->peer.accepted, 1);
	assert_int_equal(w->peer.requests, 10);
}

static void
a_connection_closed_while_idle_is_replaced(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	peer_drop(list_entry(w->peer.conns.prev, struct peer_conn, link), false);
	loop_turn(w->loop, 0);
	loop_turn(w->loop, 0);
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	assert_int_equal(w->peer.accepted, 2);
	assert_int_equal(w->peer.requests, 2);
}

/* Lesson 59: the server closes a kept connection just as it is used again. */
static void
a_stale_connection_is_tried_again_unseen(void **state)
{
	static const struct {
		size_t body;
		struct peer_line stale;
	} cases[] = {
		{ 2, { .then = PEER_CLOSE } },
		{ 2, { .then = PEER_RESET } },
		{ 100000, { .then = PEER_CLOSE } },
		{ 100000, { .then = PEER_RESET } },
		{ 8000000, { .then = PEER_CLOSE, .at_head = true } },
		{ 8000000, { .then = PEER_RESET, .at_head = true } },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer_line script[] = { { .says = OK_HELLO }, cases[i].stale,
			{ .says = OK_HELLO } };
		char *body = pattern(cases[i].body);
		int accepted = w->peer.accepted;

		refit(w, "", "", 100);
		peer_play(&w->peer, script, COUNT(script));
		expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
		expect(w,
		    (struct fetch_order){ .method = "POST", .body = BODY_AT(body, cases[i].body) },
		    FETCH_OK, 200, "hello");
		assert_int_equal(w->peer.accepted - accepted, 2);
		assert_int_equal(w->peer.at, 3);
		assert_memory_equal(w->peer.request.data + w->peer.request.len - cases[i].body,
		    body, cases[i].body);
		mem_free(body);
	}
}

/* Curl by itself would try five of them one after the other, and each may have taken the request. */
static void
a_pool_full_of_stale_connections_is_survived(void **state)
{
	enum { CALLS = 12 };
	struct world *w = *state;
	struct call calls[CALLS] = { 0 };

	PLAY(w, { .says = OK_HELLO, .waits = true });
	for (int i = 0; i < CALLS; i++)
		start(w, &calls[i]);
	TURN_UNTIL(w, w->peer.waiting == CALLS);
	peer_release(&w->peer);
	for (int i = 0; i < CALLS; i++) {
		if (!calls[i].ends)
			finish(w, &calls[i]);
		clear(&calls[i]);
	}
	assert_int_equal(w->peer.open, CALLS);
	w->peer.stale_upto = CALLS;
	w->peer.requests = 0;
	PLAY(w, { .says = OK_HELLO });
	expect(w, (struct fetch_order){ .method = "POST", .body = BODY("{}") }, FETCH_OK, 200,
	    "hello");
	assert_int_equal(w->peer.requests, 2);
	assert_int_equal(w->peer.accepted, CALLS + 1);
	assert_true(span_ends(buf_span(&w->peer.request), "\r\n\r\n{}"));
}

static void
a_new_connection_that_breaks_is_not_tried_again(void **state)
{
	struct world *w = *state;

	PLAY(w, { .then = PEER_CLOSE }, { .then = PEER_RESET }, { .says = OK_HELLO });
	expect(w, (struct fetch_order){ .method = "POST", .body = BODY("{}") }, FETCH_RESET, 0, "");
	assert_int_equal(w->peer.requests, 1);
	expect(w, (struct fetch_order){ .method = "POST", .body = BODY("{}") }, FETCH_RESET, 0, "");
	assert_int_equal(w->peer.requests, 2);
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
}

static void
many_calls_at_once_all_end_and_few_connections_stay(void **state)
{
	enum { CALLS = 300, IDLE = 150 };
	struct world *w = *state;
	struct call *calls = mem_array(CALLS, sizeof(*calls));
	int done = 0;

	refit(w, "", "", IDLE);
	PLAY(w, { .says = OK_CHUNKED, .waits = true });
	for (int i = 0; i < CALLS; i++)
		start(w, &calls[i]);
	TURN_UNTIL(w, w->peer.waiting == CALLS);
	assert_int_equal(fetcher_active(w->fetcher), CALLS);
	assert_int_equal(w->peer.open, CALLS);
	peer_release(&w->peer);
	for (int turn = 0; done < CALLS && turn < TURNS_MAX; turn++) {
		loop_turn(w->loop, 1000);
		for (done = 0; done < CALLS && calls[done].ends; done++)
			;
	}
	for (int i = 0; i < CALLS; i++) {
		assert_int_equal(calls[i].result, FETCH_OK);
		assert_string_equal(buf_text(&calls[i].body), "hello, world");
		clear(&calls[i]);
	}
	assert_int_equal(fetcher_active(w->fetcher), 0);
	TURN_UNTIL(w, w->peer.open <= IDLE);
	assert_true(w->peer.open > 0);
	/* What stayed is warm. */
	PLAY(w, { .says = OK_HELLO });
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	assert_int_equal(w->peer.accepted, CALLS);
	mem_free(calls);
}

static void
the_number_of_idle_connections_is_bounded_as_calls_end_one_by_one(void **state)
{
	enum { CALLS = 40, IDLE = 5 };
	struct world *w = *state;
	struct call *calls = mem_array(CALLS, sizeof(*calls));

	refit(w, "", "", IDLE);
	PLAY(w, { .says = OK_HELLO, .waits = true });
	for (int i = 0; i < CALLS; i++)
		start(w, &calls[i]);
	TURN_UNTIL(w, w->peer.waiting == CALLS);
	for (int i = 0; i < CALLS; i++) {
		int ended = 0;

		list_entry(w->peer.conns.next, struct peer_conn, link)->waiting = false;
		list_push(&w->peer.conns, list_shift(&w->peer.conns));
		for (int turn = 0; ended <= i && turn < TURNS_MAX; turn++) {
			loop_turn(w->loop, 0);
			ended = 0;
			for (int k = 0; k < CALLS; k++)
				ended += calls[k].ends;
		}
		assert_int_equal(ended, i + 1);
		TURN_UNTIL(w, w->peer.open <= CALLS - ended + IDLE + 1);
	}
	for (int i = 0; i < CALLS; i++)
		clear(&calls[i]);
	mem_free(calls);
}

/* ---- failures ---- */

static void
a_refused_port_is_named(void **state)
{
	struct world *w = *state;
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, never listening */
	char url[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(at.sin_port));
	expect(w, (struct fetch_order){ .url = url }, FETCH_CONNECT, 0, "");
	close(fd);
}

static void
a_name_that_is_none_is_not_resolved(void **state)
{
	struct world *w = *state;

	/* A label of 70 characters: refused by the resolver itself, nothing is asked outside. */
	expect(w,
	    (struct fetch_order){
		.url = "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaaaaaaaaa.invalid/" },
	    FETCH_DNS, 0, "");
}

static void
an_answer_that_breaks_off_is_told_from_none(void **state)
{
	static const struct {
		struct peer_line line;
		enum fetch_result result;
		int status;
		const char *body;
	} cases[] = {
		{ { .says = "", .then = PEER_RESET }, FETCH_RESET, 0, "" },
		{ { .says = "", .then = PEER_CLOSE }, FETCH_RESET, 0, "" },
		{ { .says = "HTTP/1.1 100 Continue\r\n\r\n", .then = PEER_CLOSE }, FETCH_RESET, 0,
		    "" },
		{ { .says = "HTTP/1.1 2", .then = PEER_CLOSE }, FETCH_RESET, 0, "" },
		{ { .says = OK_HEAD "Content-Type: x\r\n", .then = PEER_CLOSE }, FETCH_CUT, 0, "" },
		{ { .says = OK_HEAD "Content-Length: 9\r\n\r\nabc", .then = PEER_CLOSE }, FETCH_CUT,
		    200, "abc" },
		{ { .says = OK_HEAD "Content-Length: 9\r\n\r\n", .then = PEER_CLOSE }, FETCH_CUT,
		    200, "" },
		{ { .says = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		      .then = PEER_CLOSE },
		    FETCH_CUT, 200, "hello" },
		{ { .says = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
		      .then = PEER_CLOSE },
		    FETCH_CUT, 200, "hel" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		peer_play(&w->peer, &cases[i].line, 1);
		expect(
		    w, (struct fetch_order){ 0 }, cases[i].result, cases[i].status, cases[i].body);
	}
}

static void
reset_peer(struct call *c)
{
	peer_drop(list_entry(c->w->peer.conns.prev, struct peer_conn, link), true);
}

static void
a_reset_in_the_body_cuts_the_answer(void **state)
{
	struct world *w = *state;
	struct call c = { .at_data = reset_peer };

	PLAY(w, { .says = OK_CLOSED, .flood = 1 << 20 });
	start(w, &c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_CUT);
	assert_true(c.body.len > 0);
	clear(&c);
}

static char *
answer_with_head_of(size_t bytes)
{
	struct buf b = BUF_INIT;

	buf_add_lit(&b, OK_HEAD);
	while (b.len < bytes)
		buf_add_lit(
		    &b, "X-Filler: ffffffffffffffffffffffffffffffffffffffffffffffffffff\r\n");
	buf_add_lit(&b, "Content-Length: 5\r\n\r\nhello");
	return b.data;
}

static void
what_is_no_http_is_told_from_what_breaks_off(void **state)
{
	static const char *const cases[] = {
		"SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"{\"error\":\"plain\"}\r\n\r\n",
		"HTTP/1.1 abc\r\n\r\n",
		OK_HEAD "Content-Length: -5\r\n\r\nhello",
	};
	struct world *w = *state;
	struct peer_line line = { .then = PEER_CLOSE };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = { 0 };

		line.says = cases[i];
		peer_play(&w->peer, &line, 1);
		start(w, &c);
		finish(w, &c);
		if (c.result != FETCH_PROTOCOL)
			print_message("case %zu: %s\n", i, c.words);
		assert_int_equal(c.result, FETCH_PROTOCOL);
		assert_int_equal(c.datas, 0);
		clear(&c);
	}
}

static void
a_head_has_a_bound(void **state)
{
	struct world *w = *state;
	char *fits = answer_with_head_of(60000), *large = answer_with_head_of(70000);
	struct peer_line script[] = { { .says = fits }, { .says = large } };

	peer_play(&w->peer, script, COUNT(script));
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	expect(w, (struct fetch_order){ 0 }, FETCH_PROTOCOL, 0, "");
	TURN_UNTIL(w, w->peer.open == 0);
	mem_free(fits);
	mem_free(large);
}

/* ---- deadlines ---- */

static void
a_server_that_does_not_answer_is_given_up(void **state)
{
	struct world *w = *state;

	PLAY(w, { .waits = true });
	expect(w, (struct fetch_order){ .first_byte_timeout_ms = 30, .idle_timeout_ms = 1 },
	    FETCH_FIRST_BYTE_SLOW, 0, "");
	assert_true(peer_sees_close(&w->peer));
}

static void
an_interim_answer_is_not_the_first_byte(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = "HTTP/1.1 100 Continue\r\n\r\n", .flood = 0 });
	expect(
	    w, (struct fetch_order){ .first_byte_timeout_ms = 30 }, FETCH_FIRST_BYTE_SLOW, 0, "");
}

static void
an_answer_that_falls_silent_is_given_up(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_CLOSED }, { .says = OK_HEAD });
	expect(w, (struct fetch_order){ .first_byte_timeout_ms = 100000, .idle_timeout_ms = 30 },
	    FETCH_IDLE, 200, "hello");
	assert_true(peer_sees_close(&w->peer));
	expect(w, (struct fetch_order){ .idle_timeout_ms = 30 }, FETCH_IDLE, 0, "");
}

static void
the_whole_call_has_a_deadline(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_CLOSED }, { .waits = true });
	expect(w, (struct fetch_order){ .idle_timeout_ms = 100000, .total_timeout_ms = 30 },
	    FETCH_TOTAL_SLOW, 200, "hello");
	expect(w, (struct fetch_order){ .first_byte_timeout_ms = 100000, .total_timeout_ms = 30 },
	    FETCH_TOTAL_SLOW, 0, "");
	assert_true(peer_sees_close(&w->peer));
}

static void
a_proxy_that_does_not_answer_is_a_slow_connection(void **state)
{
	struct world *w = *state;
	char proxy[64];

	PLAY(w, { .waits = true });
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", w->peer.port);
	refit(w, proxy, "", 100);
	expect(w, (struct fetch_order){ .connect_timeout_ms = 40, .first_byte_timeout_ms = 1 },
	    FETCH_CONNECT_SLOW, 0, "");
}

/* ---- pause and resume ---- */

static void
a_paused_call_stops_its_server(void **state)
{
	enum { FLOOD = 64 << 20 };
	struct world *w = *state;
	struct call c = { .at_data = pause_it };
	size_t heard, pushed;

	PLAY(w, { .says = OK_HEAD "Content-Length: 67108864\r\n\r\n", .flood = FLOOD });
	start_order(w, &c, (struct fetch_order){ .idle_timeout_ms = 100000 });
	TURN_UNTIL(w, c.datas > 0);
	settle(w, &c);
	heard = c.body.len;
	pushed = w->peer.pushed;
	assert_int_equal(c.datas, 1);
	assert_true(pushed - heard < 4u << 20);
	for (int i = 0; i < 20; i++) { /* each resume brings something, and ends in a pause again */
		int datas = c.datas;

		fetch_resume(c.fetch);
		assert_int_equal(c.datas, datas);
		TURN_UNTIL(w, c.datas > datas);
		assert_int_equal(c.datas, datas + 1);
	}
	settle(w, &c);
	assert_true(w->peer.pushed - c.body.len < 4u << 20);
	c.at_data = NULL;
	fetch_resume(c.fetch);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.body.len, FLOOD);
	clear(&c);
}

static void
a_call_paused_at_its_head_gives_no_data(void **state)
{
	struct world *w = *state;
	struct call c = { .at_head = pause_it };

	PLAY(w, { .says = OK_CHUNKED });
	start_order(w, &c, (struct fetch_order){ .idle_timeout_ms = 100000 });
	TURN_UNTIL(w, c.heads > 0);
	settle(w, &c);
	assert_int_equal(c.datas, 0);
	fetch_resume(c.fetch);
	fetch_resume(c.fetch);
	fetch_pause(c.fetch); /* before the loop came to it */
	settle(w, &c);
	assert_int_equal(c.datas, 0);
	fetch_resume(c.fetch);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_string_equal(buf_text(&c.body), "hello, world");
	clear(&c);
}

static void
pause_and_resume(struct call *c)
{
	fetch_pause(c->fetch);
	fetch_resume(c->fetch);
}

static void
a_pause_taken_back_in_the_same_event_changes_nothing(void **state)
{
	struct world *w = *state;
	struct call c = { .at_head = pause_and_resume, .at_data = pause_and_resume };

	PLAY(w, { .says = OK_CHUNKED, .pieces = PEER_DRIBBLE });
	start(w, &c);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_string_equal(buf_text(&c.body), "hello, world");
	clear(&c);
}

static void
a_call_may_be_paused_before_it_begins(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	PLAY(w, { .says = OK_HELLO });
	start(w, &c);
	fetch_pause(c.fetch);
	TURN_UNTIL(w, c.heads > 0);
	settle(w, &c);
	assert_int_equal(c.datas, 0);
	fetch_resume(c.fetch);
	finish(w, &c);
	assert_string_equal(buf_text(&c.body), "hello");
	clear(&c);
}

static void
the_idle_clock_stands_still_while_paused(void **state)
{
	struct world *w = *state;
	struct call c = { .at_head = pause_it };

	PLAY(w, { .says = OK_CLOSED });
	start_order(w, &c, (struct fetch_order){ .idle_timeout_ms = 20, .total_timeout_ms = 100 });
	finish(w, &c);
	assert_int_equal(c.result, FETCH_TOTAL_SLOW);
	clear(&c);
	start_order(
	    w, &c, (struct fetch_order){ .idle_timeout_ms = 20, .total_timeout_ms = 100000 });
	finish(w, &c);
	assert_int_equal(c.result, FETCH_IDLE);
	clear(&c);
}

static void
a_reset_while_paused_is_told_after_the_resume(void **state)
{
	struct world *w = *state;
	struct call c = { .at_data = pause_it };

	PLAY(w, { .says = OK_CLOSED, .flood = 8 << 20 });
	start(w, &c);
	TURN_UNTIL(w, c.datas > 0);
	settle(w, &c);
	reset_peer(&c);
	settle(w, &c);
	assert_int_equal(c.ends, 0);
	c.at_data = NULL;
	fetch_resume(c.fetch);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_CUT);
	clear(&c);
}

/* ---- cancel ---- */

static void
a_call_cancelled_in_an_event_hears_no_more(void **state)
{
	struct world *w = *state;
	struct call in_head = { .at_head = cancel_it }, in_data = { .at_data = cancel_it };
	struct call in_end = { .at_end = cancel_it };

	PLAY(w, { .says = OK_CHUNKED, .flood = 1 << 20 });
	start(w, &in_head);
	TURN_UNTIL(w, in_head.heads > 0);
	assert_true(peer_sees_close(&w->peer)); /* within the turn */
	start(w, &in_data);
	TURN_UNTIL(w, in_data.datas > 0);
	assert_true(peer_sees_close(&w->peer));
	PLAY(w, { .says = OK_CHUNKED });
	start(w, &in_end);
	finish(w, &in_end);
	settle(w, &in_end);
	assert_int_equal(in_head.datas + in_head.ends, 0);
	assert_int_equal(in_data.ends, 0);
	assert_int_equal(in_data.datas, 1);
	assert_int_equal(in_end.ends, 1);
	assert_int_equal(fetcher_active(w->fetcher), 0);
	clear(&in_head);
	clear(&in_data);
	clear(&in_end);
}

static void
a_call_cancelled_between_events_is_closed_at_once(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	PLAY(w, { .waits = true });
	start(w, &c);
	cancel_it(&c); /* curl has not heard of it yet */
	loop_turn(w->loop, 0);
	assert_int_equal(w->peer.accepted, 0);
	start(w, &c);
	TURN_UNTIL(w, w->peer.waiting == 1);
	assert_false(peer_sees_close(&w->peer));
	cancel_it(&c);
	assert_true(peer_sees_close(&w->peer));
	PLAY(w, { .says = OK_CLOSED });
	start(w, &c);
	TURN_UNTIL(w, c.datas > 0);
	cancel_it(&c);
	assert_true(peer_sees_close(&w->peer));
	loop_turn(w->loop, 0);
	assert_int_equal(c.ends, 0);
	assert_int_equal(fetcher_active(w->fetcher), 0);
	clear(&c);
}

static void
a_paused_call_may_be_cancelled(void **state)
{
	struct world *w = *state;
	struct call c = { .at_data = pause_it };

	PLAY(w, { .says = OK_CLOSED, .flood = 8 << 20 });
	start(w, &c);
	TURN_UNTIL(w, c.datas > 0);
	settle(w, &c);
	fetch_resume(c.fetch); /* and before the loop comes to it */
	cancel_it(&c);
	assert_true(peer_sees_close(&w->peer));
	settle(w, &c);
	assert_int_equal(c.datas, 1);
	clear(&c);
}

static void
a_refused_order_may_be_cancelled_before_it_is_told(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	start_order(w, &c, (struct fetch_order){ .url = "gopher://x/" });
	cancel_it(&c);
	loop_turn(w->loop, 0);
	assert_int_equal(c.ends, 0);
	fetch_cancel(&c.fetch);
	fetch_cancel(NULL);
}

/* A port whose connections stand, take a little and never answer. */
static int
silent_port(int *fd)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(*fd, 64), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&at, &len), 0);
	return ntohs(at.sin_port);
}

/* The other's body is freed in the same breath: curl may not look at it again. */
static void
cancel_other(struct call *c)
{
	fetch_cancel(&c->other->fetch);
	mem_free(c->other->lent);
	c->other->lent = NULL;
}

static void
one_call_may_cancel_another_and_take_its_body_back(void **state)
{
	static const size_t sizes[] = { 1000, 16384, 4u << 20 };
	struct world *w = *state;
	char url[64];
	int fd;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", silent_port(&fd));
	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(sizes) * 2; i++) {
		struct call a = { .at_head = cancel_other }, b = { .lent = pattern(sizes[i / 2]) };
		struct fetch_order order = {
			.method = "POST",
			.url = url,
			.body = BODY_AT(b.lent, sizes[i / 2]),
		};

		a.other = &b;
		if (i % 2)
			start_order(w, &b, order);
		start(w, &a);
		if (i % 2 == 0)
			start_order(w, &b, order);
		finish(w, &a);
		assert_int_equal(a.result, FETCH_OK);
		assert_null(b.lent);
		settle(w, &b);
		assert_int_equal(b.ends, 0);
		clear(&a);
		clear(&b);
	}
	assert_int_equal(fetcher_active(w->fetcher), 0);
	close(fd);
}

static void
start_other(struct call *c)
{
	if (!c->other->fetch && !c->other->ends)
		start(c->w, c->other);
}

static void
a_call_may_be_started_in_any_event(void **state)
{
	struct world *w = *state;
	struct call others[3] = { 0 };
	struct call calls[3] = {
		{ .at_head = start_other, .other = &others[0] },
		{ .at_data = start_other, .other = &others[1] },
		{ .at_end = start_other, .other = &others[2] },
	};

	PLAY(w, { .says = OK_HELLO });
	for (size_t i = 0; i < COUNT(calls); i++) {
		start(w, &calls[i]);
		finish(w, &calls[i]);
		finish(w, &others[i]);
		assert_int_equal(others[i].result, FETCH_OK);
		assert_string_equal(buf_text(&others[i].body), "hello");
		clear(&calls[i]);
		clear(&others[i]);
	}
}

static void
freeing_the_fetcher_ends_everything_in_silence(void **state)
{
	struct world *w = *state;
	struct call calls[5] = { 0 };

	PLAY(w, { .waits = true });
	for (int i = 0; i < 3; i++)
		start(w, &calls[i]);
	TURN_UNTIL(w, w->peer.waiting == 3);
	start(w, &calls[3]);
	start_order(w, &calls[4], (struct fetch_order){ .url = "gopher://x/" });
	fetcher_free(&w->fetcher);
	assert_null(w->fetcher);
	fetcher_free(&w->fetcher);
	TURN_UNTIL(w, w->peer.open == 0);
	for (size_t i = 0; i < COUNT(calls); i++)
		assert_int_equal(calls[i].heads + calls[i].ends, 0);
}

static void
no_descriptor_stays_behind(void **state)
{
	struct world *w = *state;
	int before, after;

	fetcher_free(&w->fetcher);
	before = dup(0);
	close(before);
	w->fetcher = fetcher_with(w, "", "", 100);
	PLAY(w, { .says = OK_HELLO }, { .says = OK_CLOSED, .then = PEER_CLOSE },
	    { .then = PEER_RESET });
	for (int i = 0; i < 6; i++) {
		struct call c = { 0 };

		start(w, &c);
		finish(w, &c);
		clear(&c);
	}
	fetcher_free(&w->fetcher);
	TURN_UNTIL(w, w->peer.open == 0);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

/* ---- proxies ---- */

static void
an_http_proxy_is_asked_for_a_tunnel(void **state)
{
	struct world *w = *state;
	const char *const headers[] = { "x-goog-api-key: k1", NULL };
	char proxy[96];
	struct call c = { 0 };

	PLAY(w, { .says = "HTTP/1.1 200 Tunnel\r\nContent-Type: proxy/words\r\n\r\n" },
	    { .says = OK_HELLO });
	snprintf(proxy, sizeof(proxy), "http://us%%65r:p%%40ss@127.0.0.1:%d/", w->peer.port);
	refit(w, proxy, "", 100);
	start_order(
	    w, &c, (struct fetch_order){ .url = "http://upstream.test/x", .headers = headers });
	TURN_UNTIL(w, w->peer.requests == 1);
	assert_true(
	    span_starts(buf_span(&w->peer.request), "CONNECT upstream.test:80 HTTP/1.1\r\n"));
	assert_true(span_has(buf_span(&w->peer.request), "Basic dXNlcjpwQHNz\r\n"));
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.heads, 1);
	assert_string_equal(c.type, "text/plain");
	assert_true(
	    span_starts(buf_span(&w->peer.request), "GET /x HTTP/1.1\r\nHost: upstream.test\r\n"));
	assert_false(span_has(buf_span(&w->peer.request), "Proxy-"));
	clear(&c);
	expect(w, (struct fetch_order){ .url = "http://upstream.test/y" }, FETCH_OK, 200, "hello");
	assert_int_equal(w->peer.accepted, 1); /* the tunnel is kept */
}

/* The upstream's credentials are not for the proxy. */
static void
a_proxy_does_not_see_the_headers(void **state)
{
	struct world *w = *state;
	const char *const headers[] = { "x-goog-api-key: k1", NULL };
	char proxy[96];
	struct call c = { 0 };

	PLAY(w, { .waits = true });
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", w->peer.port);
	refit(w, proxy, "", 100);
	start_order(
	    w, &c, (struct fetch_order){ .url = "http://upstream.test/x", .headers = headers });
	TURN_UNTIL(w, w->peer.requests == 1);
	assert_false(span_has(buf_span(&w->peer.request), "k1"));
	cancel_it(&c);
	clear(&c);
}

static void
a_proxy_that_refuses_is_a_failed_connection(void **state)
{
	static const struct peer_line lines[] = {
		{ .says = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: "
			  "0\r\n\r\n" },
		{ .says = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", .then = PEER_CLOSE },
		{ .says = "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n" },
		{ .then = PEER_CLOSE },
	};
	struct world *w = *state;
	char proxy[96];

	snprintf(proxy, sizeof(proxy), "http://user:hidden@127.0.0.1:%d", w->peer.port);
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct call c = { 0 };

		refit(w, proxy, "", 100);
		peer_play(&w->peer, &lines[i], 1);
		start_order(w, &c, (struct fetch_order){ .url = "http://upstream.test/" });
		finish(w, &c);
		assert_int_equal(c.result, FETCH_CONNECT);
		assert_int_equal(c.heads + c.datas, 0);
		assert_null(strstr(c.words, "hidden"));
		clear(&c);
	}
}

static void
a_socks_proxy_is_spoken_to(void **state)
{
	static const struct {
		const char *scheme, *login, *url, *asked;
	} cases[] = {
		{ "socks5", "", "http://127.0.0.9:81/", "7f000009" },
		{ "socks5h", "", "http://upstream.test/", "upstream.test" },
		{ "socks5h", "me:p%40ss@", "http://upstream.test/", "me/p@ss upstream.test" },
	};
	struct world *w = *state;
	char proxy[96];

	PLAY(w, { .says = OK_HELLO });
	w->peer.socks = SOCKS_HELLO;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(proxy, sizeof(proxy), "%s://%s127.0.0.1:%d", cases[i].scheme,
		    cases[i].login, w->peer.port);
		refit(w, proxy, "", 100);
		buf_clear(&w->peer.asked);
		expect(w, (struct fetch_order){ .url = cases[i].url }, FETCH_OK, 200, "hello");
		assert_string_equal(buf_text(&w->peer.asked), cases[i].asked);
	}
	w->peer.socks_code = 5; /* refused by the destination */
	refit(w, proxy, "", 100);
	expect(w, (struct fetch_order){ .url = "http://upstream.test/" }, FETCH_CONNECT, 0, "");
}

static void
the_environment_chooses_no_proxy(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO });
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	refit(w, "", "", 100);
	expect(w, (struct fetch_order){ 0 }, FETCH_OK, 200, "hello");
	unsetenv("http_proxy");
	unsetenv("all_proxy");
}

static void
a_proxy_that_is_none_is_refused_without_its_secrets(void **state)
{
	static const char *const cases[] = {
		"127.0.0.1:3128",
		"ftp://user:hidden@127.0.0.1:1",
		"socks4://user:hidden@127.0.0.1:1",
		"https://user:hidden@127.0.0.1:1",
		"http://user:hidden@",
		"http://user:hidden@127.0.0.1:70000",
		"http://user:hidden@127.0.0.1:1/path",
		"http://user:hid den@127.0.0.1:1",
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = ERR_INIT;
		struct fetcher_config config = {
			.proxy = cases[i], .ca_file = "", .user_agent = ""
		};

		if (fetcher_new(w->loop, &config, &e))
			fail_msg("taken: %s", cases[i]);
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_null(strstr(e.text, "hid"));
	}
}

static void
a_ca_file_that_cannot_be_read_is_refused(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	struct fetcher_config config = {
		.proxy = "", .ca_file = "/nonexistent/ca.pem", .user_agent = ""
	};

	assert_null(fetcher_new(w->loop, &config, &e));
	assert_non_null(strstr(e.text, "/nonexistent/ca.pem"));
}

/* ---- TLS ---- */

static void
a_tls_server_is_believed_only_by_its_ca(void **state)
{
	struct world *w = *state;
	struct tls t = { 0 };
	struct call c = { 0 };
	char url[64], ca[128];

	if (!tls_start(&t)) {
		print_message("no openssl command: TLS is not tested\n");
		skip();
	}
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", t.port);
	snprintf(ca, sizeof(ca), "%s/ca.pem", t.dir);
	expect(w, (struct fetch_order){ .url = url }, FETCH_TLS, 0, ""); /* the system's CAs */
	refit(w, "", ca, 100);
	for (int i = 0; i < 3; i++) {
		start_order(w, &c, (struct fetch_order){ .url = url });
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.status, 200);
		assert_true(span_has(buf_span(&c.body), "TLSv1.3"));
		clear(&c);
	}
	snprintf(url, sizeof(url), "https://localhost:%d/", t.port); /* another name */
	expect(w, (struct fetch_order){ .url = url }, FETCH_TLS, 0, "");
	tls_stop(&t);
}

static void
a_plain_server_is_no_tls_server(void **state)
{
	struct world *w = *state;
	char url[64];

	PLAY(w, { .says = OK_HELLO });
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", w->peer.port);
	for (int i = 0; i < 2; i++) {
		struct call c = { 0 };

		start_order(
		    w, &c, (struct fetch_order){ .url = url, .connect_timeout_ms = i ? 40 : 0 });
		if (i == 0) {
			TURN_UNTIL(w, w->peer.accepted == 1);
			send(list_entry(w->peer.conns.prev, struct peer_conn, link)->fd,
			    "HTTP/1.1 400 No\r\n\r\n", 19, MSG_NOSIGNAL);
		}
		finish(w, &c);
		assert_int_equal(c.result, i ? FETCH_CONNECT_SLOW : FETCH_TLS);
		clear(&c);
	}
}

static void
every_result_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = FETCH_OK; i <= FETCH_FORBIDDEN; i++)
		for (int k = FETCH_OK; k < i; k++)
			assert_string_not_equal(fetch_result_name(i), fetch_result_name(k));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(an_answer_is_given_in_full_however_it_is_framed),
		IN_A_WORLD(an_answer_may_be_split_at_any_byte),
		IN_A_WORLD(interim_answers_are_passed_over),
		IN_A_WORLD(an_error_status_is_an_ordinary_answer),
		IN_A_WORLD(the_header_lines_of_an_answer_are_given),
		IN_A_WORLD(an_answer_to_head_has_no_body),
		IN_A_WORLD(the_request_is_what_was_ordered_and_little_more),
		IN_A_WORLD(nothing_of_a_request_stays_for_the_next),
		IN_A_WORLD(the_path_goes_out_byte_for_byte),
		IN_A_WORLD(a_large_body_arrives_whole),
		IN_A_WORLD(an_order_that_cannot_be_carried_out_is_refused_from_the_loop),
		IN_A_WORLD(ten_calls_in_a_row_use_one_connection),
		IN_A_WORLD(a_connection_closed_while_idle_is_replaced),
		IN_A_WORLD(a_stale_connection_is_tried_again_unseen),
		IN_A_WORLD(a_pool_full_of_stale_connections_is_survived),
		IN_A_WORLD(a_new_connection_that_breaks_is_not_tried_again),
		IN_A_WORLD(many_calls_at_once_all_end_and_few_connections_stay),
		IN_A_WORLD(the_number_of_idle_connections_is_bounded_as_calls_end_one_by_one),
		IN_A_WORLD(a_refused_port_is_named),
		IN_A_WORLD(a_name_that_is_none_is_not_resolved),
		IN_A_WORLD(an_answer_that_breaks_off_is_told_from_none),
		IN_A_WORLD(a_reset_in_the_body_cuts_the_answer),
		IN_A_WORLD(what_is_no_http_is_told_from_what_breaks_off),
		IN_A_WORLD(a_head_has_a_bound),
		IN_A_WORLD(a_server_that_does_not_answer_is_given_up),
		IN_A_WORLD(an_interim_answer_is_not_the_first_byte),
		IN_A_WORLD(an_answer_that_falls_silent_is_given_up),
		IN_A_WORLD(the_whole_call_has_a_deadline),
		IN_A_WORLD(a_proxy_that_does_not_answer_is_a_slow_connection),
		IN_A_WORLD(a_paused_call_stops_its_server),
		IN_A_WORLD(a_call_paused_at_its_head_gives_no_data),
		IN_A_WORLD(a_pause_taken_back_in_the_same_event_changes_nothing),
		IN_A_WORLD(a_call_may_be_paused_before_it_begins),
		IN_A_WORLD(the_idle_clock_stands_still_while_paused),
		IN_A_WORLD(a_reset_while_paused_is_told_after_the_resume),
		IN_A_WORLD(a_call_cancelled_in_an_event_hears_no_more),
		IN_A_WORLD(a_call_cancelled_between_events_is_closed_at_once),
		IN_A_WORLD(a_paused_call_may_be_cancelled),
		IN_A_WORLD(a_refused_order_may_be_cancelled_before_it_is_told),
		IN_A_WORLD(one_call_may_cancel_another_and_take_its_body_back),
		IN_A_WORLD(a_call_may_be_started_in_any_event),
		IN_A_WORLD(freeing_the_fetcher_ends_everything_in_silence),
		IN_A_WORLD(no_descriptor_stays_behind),
		IN_A_WORLD(an_http_proxy_is_asked_for_a_tunnel),
		IN_A_WORLD(a_proxy_does_not_see_the_headers),
		IN_A_WORLD(a_proxy_that_refuses_is_a_failed_connection),
		IN_A_WORLD(a_socks_proxy_is_spoken_to),
		IN_A_WORLD(the_environment_chooses_no_proxy),
		IN_A_WORLD(a_proxy_that_is_none_is_refused_without_its_secrets),
		IN_A_WORLD(a_ca_file_that_cannot_be_read_is_refused),
		IN_A_WORLD(a_tls_server_is_believed_only_by_its_ca),
		IN_A_WORLD(a_plain_server_is_no_tls_server),
		cmocka_unit_test(every_result_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests_name("net/fetch", tests, NULL, NULL);
}
