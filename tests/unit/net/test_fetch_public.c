/*
 * net/fetch.c with net/target.c and the wall in net/shard.c: calls that may only go to public
 * addresses.  The upstream stands on 127.0.0.1, so most tests count that one as public too.
 */
#include "net/fetch.h"

#include "net/guard.h"
#include "tests/unit/net/caller.h"
#include "tests/unit/net/names.h"
#include "tests/unit/net/tls.h"

static struct name table[] = {
	{ .host = "upstream.test", .addresses = { "127.0.0.1" } },
	{ .host = "other.test", .addresses = { "127.0.0.1" } },
	{ .host = "rebind.test", .addresses = { "127.0.0.1" }, .later = { "127.0.0.2" } },
	{ .host = "dotted.test.", .addresses = { "127.0.0.1" }, .later = { "127.0.0.2" } },
	{ .host = "private.test", .addresses = { "10.0.0.1" } },
	{ .host = "mixed.test", .addresses = { "93.184.216.34", "2606:4700::1", "10.0.0.1" } },
	{ .host = "metadata.test", .addresses = { "169.254.169.254" } },
	{ .host = "six.test", .addresses = { "fd00:ec2::254" } },
	{ .host = "page.test", .addresses = { "93.184.216.34", "2606:4700::1" } },
	{ .host = "page6.test", .addresses = { "2606:4700::1", "93.184.216.34" } },
	{ .host = "second.test", .addresses = { "127.0.0.3", "127.0.0.1" } },
	{ .host = "slow.test", .addresses = { "127.0.0.1" }, .waits = true },
};

enum { UPSTREAM, OTHER, REBIND, DOTTED }; /* places in the table */

static int judged;
static int changes_its_mind_after;

/* The public Internet, 127.0.0.1 and .3. */
static bool
is_public_here(const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

	judged++;
	if (changes_its_mind_after > 0 && judged > changes_its_mind_after)
		return false;
	if (sa->sa_family == AF_INET && (in->sin_addr.s_addr == htonl(INADDR_LOOPBACK) ||
					    in->sin_addr.s_addr == htonl(INADDR_LOOPBACK + 2)))
		return true;
	return guard_is_public(sa);
}

static int
open_here(void **state)
{
	struct world *w;

	if (open_world(state) != 0)
		return -1;
	w = *state;
	names_are(table, COUNT(table));
	judged = changes_its_mind_after = 0;
	w->is_public = is_public_here;
	refit(w, "", "", 100);
	PLAY(w, { .says = OK_HELLO });
	return 0;
}

/* The host's URL on the upstream's port; good until the next one. */
static const char *
url_of(struct world *w, const char *host)
{
	static char url[256];

	snprintf(url, sizeof(url), "http://%s:%d/page?x=1", host, w->peer.port);
	return url;
}

static struct fetch_order
guarded(const char *url)
{
	return (struct fetch_order){ .url = url, .public_only = true };
}

static void
expect_page(struct world *w, const char *host)
{
	expect(w, guarded(url_of(w, host)), FETCH_OK, 200, "hello");
}

/* ---- what is refused ---- */

static void
a_host_that_is_not_public_is_forbidden_in_every_spelling(void **state)
{
	static const char *const hosts[] = { "localhost", "LocalHost", "127.0.0.1", "127.1",
		"0x7f.1", "0x7f000001", "017700000001", "2130706433", "0", "0.0.0.0", "[::1]",
		"[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
		"[::127.0.0.1]", "[fe80::1%25lo]", "[fd00:ec2::254]", "%31%32%37.0.0.1",
		"169.254.169.254", "10.0.0.1", "192.168.1.1", "100.64.0.1", "private.test",
		"PRIVATE.test", "mixed.test", "metadata.test", "six.test" };
	struct world *w = *state;

	w->is_public = NULL; /* the real one */
	refit(w, "", "", 100);
	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct call c = { 0 };

		start_order(w, &c, guarded(url_of(w, hosts[i])));
		finish(w, &c);
		if (c.result != FETCH_FORBIDDEN)
			print_message(
			    "%s: %s: %s\n", hosts[i], fetch_result_name(c.result), c.words);
		assert_int_equal(c.result, FETCH_FORBIDDEN);
		assert_non_null(strstr(c.words, "not public"));
		assert_int_equal(c.heads + c.datas, 0);
		clear(&c);
	}
	assert_int_equal(w->peer.accepted, 0);
	expect(w, (struct fetch_order){ .url = url_of(w, "localhost") }, FETCH_OK, 200, "hello");
}

static void
a_url_that_is_none_or_holds_a_user_is_refused(void **state)
{
	static const char *const urls[] = { "http://user@93.184.216.34/",
		"http://user:secret@93.184.216.34/", "http://127.0.0.1@93.184.216.34/",
		"ftp://93.184.216.34/", "file:///etc/passwd", "http:///", "http://", "//host/",
		"http://a b/", "http://93.184.216.34:99999/", "http://[::1/",
		"javascript:alert(1)" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(urls); i++) {
		struct call c = { 0 };

		start_order(w, &c, guarded(urls[i]));
		finish(w, &c);
		assert_int_equal(c.result, FETCH_REFUSED);
		assert_null(strstr(c.words, "secret"));
		clear(&c);
	}
	assert_int_equal(judged, 0);
}

static void
a_name_that_this_host_cannot_resolve_is_told_as_that(void **state)
{
	static const char *const hosts[] = { "nobody.test", "127.0.0.1.nobody.test", "127.0.0.1.",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct call c = { 0 };

		start_order(w, &c, guarded(url_of(w, hosts[i])));
		finish(w, &c);
		assert_int_equal(c.result, FETCH_DNS);
		assert_non_null(strstr(c.words, "this host cannot tell"));
		clear(&c);
	}
}

static void
a_name_in_another_script_must_be_written_in_ascii(void **state)
{
	struct world *w = *state;

	expect(w, guarded("http://b\303\274cher.test/"), FETCH_REFUSED, 0, "");
	expect(w, guarded("http://%e2%93%9bocalhost/"), FETCH_REFUSED, 0, "");
	expect(w, guarded("http://127\343\200\2020.0.1/"), FETCH_REFUSED, 0, "");
	expect(w, guarded("http://xn--bcher-kva.test/"), FETCH_DNS, 0, "");
}

static void
a_redirect_is_an_answer_like_any_other(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	PLAY(w, { .says = "HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n"
			  "Content-Length: 0\r\n\r\n" });
	start_order(w, &c, guarded(url_of(w, "upstream.test")));
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_int_equal(c.status, 302);
	assert_string_equal(buf_text(&c.headers), "Location=http://10.0.0.1/\nContent-Length=0\n");
	assert_int_equal(w->peer.requests, 1);
	clear(&c);
}

/* ---- what is bound ---- */

static void
a_public_host_is_fetched_under_its_own_name(void **state)
{
	struct world *w = *state;
	char host[64];

	expect_page(w, "upstream.test");
	snprintf(host, sizeof(host), "\r\nHost: upstream.test:%d\r\n", w->peer.port);
	assert_true(span_starts(buf_span(&w->peer.request), "GET /page?x=1 HTTP/1.1\r\n"));
	assert_true(span_has(buf_span(&w->peer.request), host));
}

static void
what_is_judged_is_what_is_connected_to(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "127.1", "0x7f.1", "2130706433",
		"%31%32%37.0.0.1", "upstream.test", "UPSTREAM.test" };
	struct world *w = *state;

	table[UPSTREAM].asked = 0;
	for (size_t i = 0; i < COUNT(hosts) - 1; i++) {
		judged = 0;
		expect_page(w, hosts[i]);
		assert_true(judged > 0);
	}
	assert_int_equal(table[UPSTREAM].asked, 1); /* by us, and by curl not at all */
	expect_page(w, "dotted.test.");
	assert_int_equal(table[DOTTED].asked, 1);
}

/* The name's owner answers us with a public address and would answer curl with a private one. */
static void
a_name_that_changes_between_check_and_connection_gains_nothing(void **state)
{
	struct world *w = *state;

	expect_page(w, "rebind.test");
	assert_int_equal(table[REBIND].asked, 1);
	assert_int_equal(w->peer.accepted, 1);
	/* A connection to what it was is still there: it is not enough. */
	expect(w, guarded(url_of(w, "rebind.test")), FETCH_FORBIDDEN, 0, "");
	assert_int_equal(table[REBIND].asked, 2);
	assert_int_equal(w->peer.requests, 1);
}

static void
another_address_of_the_host_is_tried(void **state)
{
	struct world *w = *state;

	expect_page(w, "second.test");
}

static void
guarded_calls_to_one_host_share_a_connection(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 4; i++)
		expect_page(w, "upstream.test");
	assert_int_equal(w->peer.accepted, 1);
	expect_page(w, "other.test"); /* the same address under another name */
	assert_int_equal(w->peer.accepted, 2);
}

static void
neither_names_nor_connections_pass_between_guarded_calls_and_others(void **state)
{
	struct world *w = *state;
	struct fetch_order ordinary = { 0 };

	expect_page(w, "upstream.test");
	ordinary.url = url_of(w, "upstream.test");
	expect(w, ordinary, FETCH_OK, 200, "hello");
	assert_int_equal(w->peer.accepted, 2);
	assert_int_equal(table[UPSTREAM].asked, 2);
	expect_page(w, "upstream.test");
	assert_int_equal(table[UPSTREAM].asked, 3);
	expect(w, ordinary, FETCH_OK, 200, "hello");
	assert_int_equal(w->peer.accepted, 2);
	/* The other way round: what an ordinary call learned is of no use to a guarded one. */
	expect(w, (struct fetch_order){ .url = url_of(w, "rebind.test") }, FETCH_OK, 200, "hello");
	expect(w, guarded(url_of(w, "rebind.test")), FETCH_FORBIDDEN, 0, "");
}

static void
a_guarded_call_meets_a_stale_connection_like_any_other(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_HELLO }, { .then = PEER_CLOSE }, { .says = OK_HELLO });
	expect_page(w, "upstream.test");
	expect_page(w, "upstream.test");
	assert_int_equal(w->peer.accepted, 2);
	assert_int_equal(table[UPSTREAM].asked, 2);
}

/* Eight dead ones: more than curl tries by itself, so that the call begins anew with its pins. */
static void
a_guarded_call_that_begins_anew_stays_bound(void **state)
{
	enum { CALLS = 8 };
	struct world *w = *state;
	struct call calls[CALLS] = { 0 };

	PLAY(w, { .says = OK_HELLO, .waits = true });
	for (int i = 0; i < CALLS; i++)
		start_order(w, &calls[i], guarded(url_of(w, "upstream.test")));
	TURN_UNTIL(w, w->peer.waiting == CALLS);
	peer_release(&w->peer);
	for (int i = 0; i < CALLS; i++) {
		if (!calls[i].ends)
			finish(w, &calls[i]);
		clear(&calls[i]);
	}
	assert_int_equal(w->peer.open, CALLS);
	w->peer.stale_upto = CALLS;
	PLAY(w, { .says = OK_HELLO });
	judged = 0;
	expect_page(w, "upstream.test");
	assert_int_equal(judged, 2); /* the name's address, and that of the new socket */
	assert_int_equal(w->peer.accepted, CALLS + 1);
	assert_int_equal(table[UPSTREAM].asked, CALLS + 1);
}

static void
the_last_wall_is_the_socket_itself(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	changes_its_mind_after = 1; /* the address passed, its socket does not */
	start_order(w, &c, guarded(url_of(w, "upstream.test")));
	finish(w, &c);
	assert_int_equal(c.result, FETCH_FORBIDDEN);
	assert_non_null(strstr(c.words, "not public"));
	assert_int_equal(judged, 2);
	assert_int_equal(w->peer.accepted, 0);
	clear(&c);
}

static void
a_guarded_call_may_stream_its_body(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	start_order(w, &c,
	    (struct fetch_order){ .method = "POST",
		.url = url_of(w, "upstream.test"),
		.public_only = true,
		.streams_body = true,
		.body_bytes = 4 });
	fetch_send(c.fetch, SPAN("body"));
	fetch_send_end(c.fetch);
	finish(w, &c);
	assert_int_equal(c.result, FETCH_OK);
	assert_true(span_ends(buf_span(&w->peer.request), "\r\n\r\nbody"));
	clear(&c);
}

/* ---- while the name is looked up ---- */

/* Threads that nobody listens to any more do not wake the loop. */
static void
await_names(struct world *w, int count)
{
	for (int i = 0; names_left < count && i < TURNS_MAX; i++)
		loop_turn(w->loop, 1);
	assert_int_equal(names_left, count);
}

static void
a_call_may_be_cancelled_while_its_name_is_looked_up(void **state)
{
	struct world *w = *state;
	struct call slow = { 0 }, literal = { 0 };

	start_order(w, &slow, guarded(url_of(w, "slow.test")));
	start_order(w, &literal, guarded(url_of(w, "127.0.0.1")));
	assert_int_equal(fetcher_active(w->fetcher), 2);
	cancel_it(&literal);
	TURN_UNTIL(w, names_entered == 1);
	expect_page(w, "upstream.test"); /* the loop does not wait for it */
	cancel_it(&slow);
	assert_int_equal(fetcher_active(w->fetcher), 0);
	names_release(1);
	await_names(w, 1);
	settle(w, &slow);
	assert_int_equal(slow.ends + literal.ends, 0);
	assert_int_equal(w->peer.accepted, 1);
}

static void
freeing_the_fetcher_does_not_wait_for_names(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	start_order(w, &c, guarded(url_of(w, "slow.test")));
	TURN_UNTIL(w, names_entered == 1);
	fetcher_free(&w->fetcher);
	assert_int_equal(names_left, 0);
	assert_int_equal(c.ends, 0);
	names_release(1);
	await_names(w, 1);
}

static void
looking_up_is_part_of_the_time_to_connect(void **state)
{
	struct world *w = *state;
	struct fetch_order order = guarded(url_of(w, "slow.test"));

	order.connect_timeout_ms = 20;
	expect(w, order, FETCH_CONNECT_SLOW, 0, "");
	order.connect_timeout_ms = 100000;
	order.total_timeout_ms = 20;
	expect(w, order, FETCH_TOTAL_SLOW, 0, "");
	names_release(2);
	await_names(w, 2);
	assert_int_equal(w->peer.accepted, 0);
}

/* ---- through a proxy ---- */

static void
behind_a_proxy(struct world *w, const char *scheme)
{
	char proxy[96];

	snprintf(proxy, sizeof(proxy), "%s://127.0.0.1:%d", scheme, w->peer.port);
	w->is_public = NULL; /* the proxy itself stands where it stands */
	refit(w, proxy, "", 100);
}

static void
a_proxy_is_asked_for_the_checked_address(void **state)
{
	static const struct {
		const char *url, *connect, *host;
	} cases[] = {
		{ "http://page.test/x", "CONNECT 93.184.216.34:80 HTTP/1.1\r\n",
		    "GET /x HTTP/1.1\r\nHost: page.test\r\n" },
		{ "http://page.test:8080/x", "CONNECT 93.184.216.34:8080 HTTP/1.1\r\n",
		    "GET /x HTTP/1.1\r\nHost: page.test:8080\r\n" },
		{ "http://page6.test/x", "CONNECT [2606:4700::1]:80 HTTP/1.1\r\n",
		    "GET /x HTTP/1.1\r\nHost: page6.test\r\n" },
		{ "http://93.184.216.34/x", "CONNECT 93.184.216.34:80 HTTP/1.1\r\n",
		    "GET /x HTTP/1.1\r\nHost: 93.184.216.34\r\n" },
		{ "http://[2606:4700::1]/x", "CONNECT [2606:4700::1]:80 HTTP/1.1\r\n",
		    "GET /x HTTP/1.1\r\nHost: [2606:4700::1]\r\n" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = { 0 };
		int accepted = w->peer.accepted;

		behind_a_proxy(w, "http");
		PLAY(w, { .says = "HTTP/1.1 200 Tunnel\r\n\r\n" }, { .says = OK_HELLO });
		buf_clear(&w->peer.request);
		start_order(w, &c, guarded(cases[i].url));
		TURN_UNTIL(w, w->peer.request.len > 0);
		assert_true(span_starts(buf_span(&w->peer.request), cases[i].connect));
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_true(span_starts(buf_span(&w->peer.request), cases[i].host));
		clear(&c);
		expect(w, guarded(cases[i].url), FETCH_OK, 200, "hello");
		assert_int_equal(w->peer.accepted - accepted, 1); /* the tunnel is kept */
	}
}

/* It may get the handle that the guarded one had. */
static void
an_ordinary_call_leaves_the_name_to_the_proxy(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };

	behind_a_proxy(w, "http");
	PLAY(w, { .says = "HTTP/1.1 200 Tunnel\r\n\r\n" }, { .says = OK_HELLO }, { .waits = true });
	expect(w, guarded("http://page.test/"), FETCH_OK, 200, "hello");
	start_order(w, &c, (struct fetch_order){ .url = "http://page.test/" });
	TURN_UNTIL(w, w->peer.waiting == 1);
	assert_true(span_starts(buf_span(&w->peer.request), "CONNECT page.test:80 HTTP/1.1\r\n"));
	assert_int_equal(w->peer.accepted, 2);
	cancel_it(&c);
}

static void
a_tunnel_to_one_address_is_not_used_for_another(void **state)
{
	static struct name moves[] = {
		{ .host = "moves.test", .addresses = { "93.184.216.34" }, .later = { "8.8.8.8" } },
	};
	struct world *w = *state;

	names_are(moves, COUNT(moves));
	behind_a_proxy(w, "http");
	PLAY(w, { .says = "HTTP/1.1 200 Tunnel\r\n\r\n" }, { .says = OK_HELLO },
	    { .says = "HTTP/1.1 200 Tunnel\r\n\r\n" }, { .says = OK_HELLO });
	expect(w, guarded("http://moves.test/"), FETCH_OK, 200, "hello");
	expect(w, guarded("http://moves.test/"), FETCH_OK, 200, "hello");
	assert_int_equal(w->peer.accepted, 2);
}

static void
a_socks_proxy_is_asked_for_the_checked_address(void **state)
{
	static const char *const schemes[] = { "socks5", "socks5h" };
	struct world *w = *state;

	w->peer.socks = SOCKS_HELLO;
	for (size_t i = 0; i < COUNT(schemes); i++) {
		behind_a_proxy(w, schemes[i]);
		buf_clear(&w->peer.asked);
		expect(w, guarded("http://page.test/"), FETCH_OK, 200, "hello");
		assert_string_equal(buf_text(&w->peer.asked), "5db8d822"); /* 93.184.216.34 */
		assert_true(span_has(buf_span(&w->peer.request), "\r\nHost: page.test\r\n"));
	}
}

static void
a_proxy_never_hears_of_what_is_forbidden(void **state)
{
	static const struct {
		const char *url;
		enum fetch_result result;
	} cases[] = {
		{ "http://private.test/", FETCH_FORBIDDEN },
		{ "http://mixed.test/", FETCH_FORBIDDEN },
		{ "http://localhost/", FETCH_FORBIDDEN },
		{ "http://0x7f.1/", FETCH_FORBIDDEN },
		{ "https://[::ffff:10.0.0.1]/", FETCH_FORBIDDEN },
		{ "http://nobody.test/", FETCH_DNS },
	};
	struct world *w = *state;

	behind_a_proxy(w, "http");
	for (size_t i = 0; i < COUNT(cases); i++)
		expect(w, guarded(cases[i].url), cases[i].result, 0, "");
	assert_int_equal(w->peer.accepted, 0);
}

/* ---- TLS ---- */

static void
tls_asks_for_the_name_and_not_for_the_address(void **state)
{
	struct world *w = *state;
	struct tls t = { 0 };
	struct call c = { 0 };
	char url[64], ca[128];

	if (!tls_start(&t)) {
		print_message("no openssl command: TLS is not tested\n");
		skip();
	}
	snprintf(ca, sizeof(ca), "%s/ca.pem", t.dir);
	refit(w, "", ca, 100);
	snprintf(url, sizeof(url), "https://upstream.test:%d/", t.port);
	for (int i = 0; i < 2; i++) {
		start_order(w, &c, guarded(url));
		finish(w, &c);
		assert_int_equal(c.result, FETCH_OK);
		assert_int_equal(c.status, 200);
		clear(&c);
	}
	snprintf(url, sizeof(url), "https://other.test:%d/", t.port);
	expect(w, guarded(url), FETCH_TLS, 0, ""); /* the certificate is for another name */
	tls_stop(&t);
}

static void
tls_through_a_proxy_asks_for_the_name_too(void **state)
{
	struct world *w = *state;
	struct call c = { 0 };
	struct peer_conn *conn;

	behind_a_proxy(w, "http");
	PLAY(w, { .says = "HTTP/1.1 200 Tunnel\r\n\r\n" }, { .waits = true });
	start_order(w, &c, guarded("https://page.test/"));
	TURN_UNTIL(w, w->peer.requests == 1);
	assert_true(
	    span_starts(buf_span(&w->peer.request), "CONNECT 93.184.216.34:443 HTTP/1.1\r\n"));
	conn = list_entry(w->peer.conns.prev, struct peer_conn, link);
	TURN_UNTIL(w, conn->in.len > 0);
	/* The first bytes of TLS name the server in clear. */
	TURN_UNTIL(w, memmem(conn->in.data, conn->in.len, "page.test", 9) != NULL);
	cancel_it(&c);
	clear(&c);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, open_here, close_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(a_host_that_is_not_public_is_forbidden_in_every_spelling),
		HERE(a_url_that_is_none_or_holds_a_user_is_refused),
		HERE(a_name_that_this_host_cannot_resolve_is_told_as_that),
		HERE(a_name_in_another_script_must_be_written_in_ascii),
		HERE(a_redirect_is_an_answer_like_any_other),
		HERE(a_public_host_is_fetched_under_its_own_name),
		HERE(what_is_judged_is_what_is_connected_to),
		HERE(a_name_that_changes_between_check_and_connection_gains_nothing),
		HERE(another_address_of_the_host_is_tried),
		HERE(guarded_calls_to_one_host_share_a_connection),
		HERE(neither_names_nor_connections_pass_between_guarded_calls_and_others),
		HERE(a_guarded_call_meets_a_stale_connection_like_any_other),
		HERE(a_guarded_call_that_begins_anew_stays_bound),
		HERE(the_last_wall_is_the_socket_itself),
		HERE(a_guarded_call_may_stream_its_body),
		HERE(a_call_may_be_cancelled_while_its_name_is_looked_up),
		HERE(freeing_the_fetcher_does_not_wait_for_names),
		HERE(looking_up_is_part_of_the_time_to_connect),
		HERE(a_proxy_is_asked_for_the_checked_address),
		HERE(an_ordinary_call_leaves_the_name_to_the_proxy),
		HERE(a_tunnel_to_one_address_is_not_used_for_another),
		HERE(a_socks_proxy_is_asked_for_the_checked_address),
		HERE(a_proxy_never_hears_of_what_is_forbidden),
		HERE(tls_asks_for_the_name_and_not_for_the_address),
		HERE(tls_through_a_proxy_asks_for_the_name_too),
	};

	return cmocka_run_group_tests_name("net/target", tests, NULL, NULL);
}
