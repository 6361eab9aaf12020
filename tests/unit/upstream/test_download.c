/*
 * upstream/download.c against a scripted server in the same loop: media that is named by its URL,
 * how it comes to its place, and everything that is refused on the way.
 */
#include "upstream/download.h"

#include <limits.h>
#include <sodium.h>
#include "base/scan.h"
#include "dialect/media.h"
#include "tests/unit/net/names.h"
#include "tests/unit/net/peer.h"

#define TURNS_MAX   200000 /* a test that would hang fails instead */
#define REMOTES_MAX 8
#define FIELD       "messages[0].content[0].image_url.url"

struct world {
	struct loop *loop;
	struct peer peer;
	struct fetcher *fetcher;
	struct arena *arena;
	struct downloads *downloads;
	struct downloads_limits limits;
	struct remote remotes[REMOTES_MAX];
	struct span places[REMOTES_MAX];
	size_t count;
	int ends;
	bool good;
	struct err err;
	bool frees_at_end;
};

/* 127.0.0.1 stands for the public Internet here, 127.0.0.2 for our own network. */
static bool
is_open(const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;

	return address->sa_family == AF_INET && ntohl(in->sin_addr.s_addr) == INADDR_LOOPBACK;
}

static void
refit(struct world *w, bool (*is_public)(const struct sockaddr *))
{
	struct fetcher_config config = {
		.proxy = "",
		.ca_file = "",
		.user_agent = "pollux-test",
		.max_idle_connections = 100,
		.is_public = is_public,
	};
	struct err e = ERR_INIT;

	fetcher_free(&w->fetcher);
	w->fetcher = fetcher_new(w->loop, &config, &e);
	if (w->fetcher == NULL)
		fail_msg("%s", e.text);
}

static int
open_world(void **state)
{
	static struct name names[] = {
		{ .host = "media.test", .addresses = { "127.0.0.1" } },
		{ .host = "inner.test", .addresses = { "127.0.0.2" } },
		{ .host = "mixed.test", .addresses = { "127.0.0.1", "127.0.0.2" } },
	};
	struct world *w = mem_alloc(sizeof(*w));

	names_are(names, COUNT(names));
	w->loop = loop_new();
	w->arena = arena_new(0);
	w->limits = DOWNLOADS_LIMITS;
	peer_start(&w->peer, w->loop);
	refit(w, is_open);
	*state = w;
	return 0;
}

static int
close_world(void **state)
{
	struct world *w = *state;

	downloads_free(&w->downloads);
	fetcher_free(&w->fetcher);
	peer_stop(&w->peer);
	loop_free(&w->loop);
	arena_free(&w->arena);
	mem_free(w);
	return 0;
}

static const char *
url_at(struct world *w, const char *host, const char *path)
{
	return arena_printf(w->arena, "http://%s:%d%s", host, w->peer.port, path);
}

static struct remote *
add(struct world *w, const char *url, const char *mime)
{
	struct remote *r = &w->remotes[w->count];

	assert_true(w->count < REMOTES_MAX);
	*r = (struct remote){
		.url = span_of(url),
		.field = w->count == 0 ? FIELD : arena_printf(w->arena, "messages[%zu]", w->count),
		.mime = span_of(mime),
		.place = &w->places[w->count],
	};
	w->places[w->count] = SPAN_NONE;
	if (w->count > 0)
		w->remotes[w->count - 1].next = r;
	w->count++;
	return r;
}

static void
on_done(void *ctx, const struct err *e)
{
	struct world *w = ctx;

	w->ends++;
	w->good = e == NULL;
	w->err = e != NULL ? *e : ERR_INIT;
	if (w->frees_at_end)
		downloads_free(&w->downloads);
}

static void
start(struct world *w)
{
	w->ends = 0;
	w->downloads = downloads_start(&w->limits, w->loop, w->fetcher,
	    w->count > 0 ? w->remotes : NULL, w->arena, on_done, w);
	assert_int_equal(w->ends, 0);
}

static void
finish(struct world *w)
{
	for (int i = 0; w->ends == 0 && i < TURNS_MAX; i++)
		loop_turn(w->loop, 1000);
	assert_int_equal(w->ends, 1);
	for (int i = 0; i < 5; i++) /* nothing comes behind the last event */
		loop_turn(w->loop, 0);
	assert_int_equal(w->ends, 1);
}

static void
forget(struct world *w)
{
	downloads_free(&w->downloads);
	w->count = 0;
}

#define PLAY(w, ...)                                                                               \
	do {                                                                                       \
		static const struct peer_line script_[] = { __VA_ARGS__ };                         \
		peer_play(&(w)->peer, script_, COUNT(script_));                                    \
	} while (0)

static void
expect_place(struct world *w, size_t i, const char *want)
{
	if (!w->good)
		fail_msg("%s", w->err.text);
	if (!span_is(w->places[i], want))
		fail_msg("%.*s, not %s", SPAN_ARG(w->places[i]), want);
}

/* One medium: what comes of it, or the words that it is refused with. */
static void
expect_one(struct world *w, const char *url, const char *mime, const char *want)
{
	add(w, url, mime);
	start(w);
	finish(w);
	expect_place(w, 0, want);
	forget(w);
}

static void
expect_refused(struct world *w, const char *url, const char *mime, const char *words)
{
	char want[512];

	add(w, url, mime);
	start(w);
	finish(w);
	assert_false(w->good);
	snprintf(want, sizeof(want), "%s %s", FIELD, words);
	assert_int_equal(w->err.kind, ERR_BAD_REQUEST);
	assert_string_equal(w->err.field, FIELD);
	assert_string_equal(w->err.text, want);
	assert_null(w->places[0].p);
	forget(w);
}

#define HEAD(type, length)                                                                         \
	"HTTP/1.1 200 OK\r\nContent-Type: " type "\r\nContent-Length: " length "\r\n\r\n"
#define PNG              "\x89PNG\r\n\x1a\n"
#define OK_PNG           HEAD("image/png", "8") PNG
#define JSON_PNG         "{\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgo=\"}"
#define AWAY(status, to) "HTTP/1.1 " status " Away\r\nLocation: " to "\r\nContent-Length: 0\r\n\r\n"

/* ---- what comes ---- */

static void
a_medium_comes_to_its_place(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_PNG });
	expect_one(w, url_at(w, "media.test", "/cat.png?x=1#top"), "image/*", JSON_PNG);
	assert_true(span_starts(buf_span(&w->peer.request), "GET /cat.png?x=1 HTTP/1.1\r\n"));
	assert_true(span_has_nocase(buf_span(&w->peer.request), "accept-encoding: identity\r\n"));
	assert_false(span_has_nocase(buf_span(&w->peer.request), "authorization"));
}

static void
blanks_and_letters_of_other_scripts_are_coded(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_PNG });
	expect_one(w, url_at(w, "media.test", "/a b/\xc3\xbc.png?q=1 2"), "image/*", JSON_PNG);
	assert_true(
	    span_starts(buf_span(&w->peer.request), "GET /a%20b/%c3%bc.png?q=1+2 HTTP/1.1\r\n"));
}

static void
nothing_to_fetch_is_fetched_at_once(void **state)
{
	struct world *w = *state;

	start(w);
	finish(w);
	assert_true(w->good);
	forget(w);
	w->downloads = downloads_start(&w->limits, w->loop, w->fetcher, NULL, w->arena, on_done, w);
	w->ends = 0;
	finish(w);
	assert_true(w->good);
}

/* The groups of base64 do not begin where the pieces do. */
static void
a_medium_may_be_split_at_any_byte(void **state)
{
	static const char bytes[] = PNG "0123456789abcdef";
	struct world *w = *state;

	for (size_t len = 8; len <= strlen(bytes); len++) {
		struct buf text = BUF_INIT, want = BUF_INIT;
		struct peer_line line;

		buf_printf(&text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s", len,
		    (int)len, bytes);
		buf_add_text(&want, "{\"mimeType\":\"image/png\",\"data\":\"");
		media_base64_add(&want, bytes, len);
		buf_add_text(&want, "\"}");
		line = (struct peer_line){ .says = text.data, .pieces = PEER_DRIBBLE };
		peer_play(&w->peer, &line, 1);
		expect_one(w, url_at(w, "media.test", "/"), "image/*", buf_text(&want));
		buf_fini(&text);
		buf_fini(&want);
	}
}

static void
a_large_medium_is_whole(void **state)
{
	struct world *w = *state;
	size_t flood = 3000001, n = 0;
	char *text = arena_printf(w->arena, HEAD("image/png", "%zu") PNG, flood + 8);
	struct peer_line line = { .says = text, .flood = flood };
	const char head[] = "{\"mimeType\":\"image/png\",\"data\":\"";
	unsigned char *bytes = mem_alloc(flood + 100);

	peer_play(&w->peer, &line, 1);
	add(w, url_at(w, "media.test", "/"), "image/*");
	start(w);
	finish(w);
	assert_true(w->good);
	assert_true(span_starts(w->places[0], head));
	assert_true(span_ends(w->places[0], "\"}"));
	assert_true(scan_check(w->places[0], NULL, NULL));
	assert_int_equal(sodium_base642bin(bytes, flood + 100, w->places[0].p + strlen(head),
			     w->places[0].len - strlen(head) - 2, NULL, &n, NULL,
			     sodium_base64_VARIANT_ORIGINAL),
	    0);
	assert_int_equal(n, flood + 8);
	assert_memory_equal(bytes, PNG, 8);
	for (size_t i = 8; i < n; i++)
		if (bytes[i] != 'x')
			fail_msg("byte %zu", i);
	mem_free(bytes);
}

static void
a_medium_of_unknown_length_comes_as_well(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "3\r\n\x89PN\r\n5\r\nG\r\n\x1a\n\r\n0\r\n\r\n" });
	expect_one(w, url_at(w, "media.test", "/"), "image/*", JSON_PNG);
	PLAY(w, { .says = "HTTP/1.1 200 OK\r\n\r\n" PNG, .then = PEER_CLOSE });
	expect_one(w, url_at(w, "media.test", "/"), "image/*", JSON_PNG);
}

static void
what_is_named_twice_is_fetched_once(void **state)
{
	struct world *w = *state;
	const char *url = url_at(w, "media.test", "/cat.png");

	PLAY(w, { .says = OK_PNG });
	add(w, url, "image/*");
	add(w, arena_dup(w->arena, url), "image/jpeg");
	add(w, url, "image/*");
	start(w);
	finish(w);
	for (size_t i = 0; i < 3; i++)
		expect_place(w, i, JSON_PNG);
	assert_int_equal(w->peer.requests, 1);
}

static void
at_most_four_are_fetched_at_a_time(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_PNG, .waits = true }, { .says = OK_PNG, .waits = true },
	    { .says = OK_PNG, .waits = true }, { .says = OK_PNG, .waits = true },
	    { .says = OK_PNG });
	for (int i = 0; i < 7; i++)
		add(w, url_at(w, "media.test", arena_printf(w->arena, "/%d", i)), "image/*");
	start(w);
	for (int i = 0; w->peer.waiting < 4 && i < TURNS_MAX; i++)
		loop_turn(w->loop, 1000);
	for (int i = 0; i < 50; i++)
		loop_turn(w->loop, 0);
	assert_int_equal(w->peer.requests, 4);
	peer_release(&w->peer);
	finish(w);
	for (size_t i = 0; i < 7; i++)
		expect_place(w, i, JSON_PNG);
	assert_int_equal(w->peer.requests, 7);
}

/* ---- types ---- */

static void
the_first_bytes_know_the_type_better_than_the_server(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("image/jpeg", "8") PNG });
	expect_one(w, url_at(w, "media.test", "/a.webp"), "image/gif", JSON_PNG);
	PLAY(w, { .says = HEAD("text/plain", "8") PNG });
	expect_one(w, url_at(w, "media.test", "/a.webp"), "image/*", JSON_PNG);
}

static void
then_the_server_is_asked(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("Image/JPG; charset=binary", "3") "ABC" });
	expect_one(w, url_at(w, "media.test", "/a.webp"), "image/gif",
	    "{\"mimeType\":\"image/jpeg\",\"data\":\"QUJD\"}");
}

static void
then_the_client(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("application/octet-stream", "3") "ABC" });
	expect_one(w, url_at(w, "media.test", "/a.webp"), "image/gif",
	    "{\"mimeType\":\"image/gif\",\"data\":\"QUJD\"}");
}

static void
then_the_name(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("binary/octet-stream", "3") "ABC" });
	expect_one(w, url_at(w, "media.test", "/a.webp?b.png"), "image/*",
	    "{\"mimeType\":\"image/webp\",\"data\":\"QUJD\"}");
	PLAY(w, { .says = AWAY("302", "/b") }, { .says = HEAD("", "3") "ABC" });
	expect_one(w, url_at(w, "media.test", "/a.webp"), "image/*",
	    "{\"mimeType\":\"image/webp\",\"data\":\"QUJD\"}");
	PLAY(w, { .says = AWAY("302", "/b.heic") }, { .says = HEAD("", "3") "ABC" });
	expect_one(w, url_at(w, "media.test", "/a.webp"), "image/*",
	    "{\"mimeType\":\"image/heic\",\"data\":\"QUJD\"}");
}

static void
what_nobody_can_name_is_refused(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("application/octet-stream", "3") "ABC" });
	expect_refused(
	    w, url_at(w, "media.test", "/a"), "image/*", "does not say what type it is of");
}

static void
a_container_holds_sound_where_sound_was_meant(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("video/webm", "8") "\x1a\x45\xdf\xa3webm" });
	expect_one(w, url_at(w, "media.test", "/a"), "audio/*",
	    "{\"mimeType\":\"audio/webm\",\"data\":\"GkXfo3dlYm0=\"}");
	expect_one(w, url_at(w, "media.test", "/a"), "video/*",
	    "{\"mimeType\":\"video/webm\",\"data\":\"GkXfo3dlYm0=\"}");
}

static void
a_page_is_not_an_image(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("text/html; charset=utf-8", "6") "<html>" });
	expect_refused(w, url_at(w, "media.test", "/a.png"), "image/*",
	    "is text (text/html) and not an image");
	expect_refused(w, url_at(w, "media.test", "/a.png"), "image/png",
	    "is text (text/html) and not an image");
	expect_refused(
	    w, url_at(w, "media.test", "/a.mp4"), "video/*", "is text (text/html) and not a video");
	PLAY(w, { .says = HEAD("image/png", "15") "<!DOCTYPE html>" });
	expect_refused(w, url_at(w, "media.test", "/a.png"), "image/*",
	    "is text (text/html) and not an image");
	PLAY(w, { .says = HEAD("application/json", "2") "{}" });
	expect_refused(
	    w, url_at(w, "media.test", "/a.mp3"), "audio/*", "is text (text/plain) and not sound");
}

static void
a_page_may_be_a_document(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("text/html; charset=utf-8", "6") "<html>" });
	expect_one(w, url_at(w, "media.test", "/"), "application/*",
	    "{\"mimeType\":\"text/html\",\"data\":\"PGh0bWw+\"}");
}

/* ---- redirects ---- */

static void
every_kind_of_redirect_is_followed(void **state)
{
	static const char *const answers[] = { AWAY("301", "/b"), AWAY("302", "/b"),
		AWAY("303", "/b"), AWAY("307", "/b"), AWAY("308", "/b") };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(answers); i++) {
		struct peer_line lines[] = { { .says = answers[i] }, { .says = OK_PNG } };

		peer_play(&w->peer, lines, COUNT(lines));
		expect_one(w, url_at(w, "media.test", "/a/cat"), "image/*", JSON_PNG);
		assert_true(span_starts(buf_span(&w->peer.request), "GET /b HTTP/1.1\r\n"));
	}
}

static void
a_redirect_may_be_relative(void **state)
{
	static const struct {
		const char *to, *request;
	} rows[] = {
		{ "/b", "GET /b HTTP/1.1\r\n" },
		{ "b", "GET /a/b HTTP/1.1\r\n" },
		{ "../b", "GET /b HTTP/1.1\r\n" },
		{ "?y=2", "GET /a/cat?y=2 HTTP/1.1\r\n" },
		{ "b c/\xc3\xa9#end", "GET /a/b%20c/%c3%a9 HTTP/1.1\r\n" },
		{ "//media.test:%d/b", "GET /b HTTP/1.1\r\n" },
		{ "http://media.test:%d/c", "GET /c HTTP/1.1\r\n" },
		{ "HTTP://media.test:%d/c", "GET /c HTTP/1.1\r\n" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text = BUF_INIT;
		struct span rest = span_of(rows[i].to), first = span_cut(&rest, '%');
		struct peer_line lines[] = { { .says = NULL }, { .says = OK_PNG } };

		buf_printf(&text, "HTTP/1.1 302 Away\r\nlocation: %.*s", SPAN_ARG(first));
		if (rest.p != NULL)
			buf_printf(&text, "%d%.*s", w->peer.port, (int)rest.len - 1, rest.p + 1);
		buf_add_text(&text, "\r\nContent-Length: 0\r\n\r\n");
		lines[0].says = text.data;
		peer_play(&w->peer, lines, COUNT(lines));
		expect_one(w, url_at(w, "media.test", "/a/cat?x=1"), "image/*", JSON_PNG);
		if (!span_starts(buf_span(&w->peer.request), rows[i].request))
			fail_msg("%s: %s", rows[i].to, buf_text(&w->peer.request));
		buf_fini(&text);
	}
}

static void
three_redirects_are_followed_and_no_fourth(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = AWAY("302", "/b") }, { .says = AWAY("302", "/c") },
	    { .says = AWAY("302", "/d") }, { .says = OK_PNG });
	expect_one(w, url_at(w, "media.test", "/a"), "image/*", JSON_PNG);
	PLAY(w, { .says = AWAY("302", "/a") });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: it redirects more than 3 times");
	assert_int_equal(w->peer.requests, 8);
}

static void
a_redirect_out_of_http_is_refused(void **state)
{
	static const char *const places[] = { AWAY("302", "ftp://media.test/a"),
		AWAY("302", "file:///etc/passwd"), AWAY("302", "data:image/png;base64,QUJD"),
		AWAY("302", "gopher://media.test/") };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(places); i++) {
		struct peer_line line = { .says = places[i] };

		peer_play(&w->peer, &line, 1);
		add(w, url_at(w, "media.test", "/a"), "image/*");
		start(w);
		finish(w);
		assert_false(w->good);
		assert_true(span_starts(span_of(w->err.text),
		    FIELD " could not be fetched: it redirects to what is not "));
		forget(w);
	}
}

static void
a_redirect_that_names_no_place_is_an_answer(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = "HTTP/1.1 302 Away\r\nContent-Length: 0\r\n\r\n" });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the server answered 302");
}

/* ---- addresses ---- */

static void
an_address_that_is_not_public_is_refused(void **state)
{
	struct world *w = *state;

	refit(w, NULL);
	PLAY(w, { .says = OK_PNG });
	for (size_t i = 0; i < 4; i++)
		expect_refused(w,
		    url_at(w,
			(const char *[]){
			    "127.0.0.1", "media.test", "2130706433", "[::ffff:127.0.0.1]" }[i],
			"/cat.png"),
		    "image/*",
		    "could not be fetched: the address of its host is not a public address");
	assert_int_equal(w->peer.accepted, 0);
}

static void
one_address_that_is_not_public_is_enough(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_PNG });
	expect_refused(w, url_at(w, "mixed.test", "/cat.png"), "image/*",
	    "could not be fetched: the address of its host is not a public address");
	assert_int_equal(w->peer.accepted, 0);
}

static void
every_hop_is_guarded(void **state)
{
	static const char *const places[] = { AWAY("302", "http://inner.test/cat.png"),
		AWAY("307", "//127.0.0.2/"), AWAY("301", "http://169.254.169.254/latest/"),
		AWAY("308", "http://[::1]/") };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(places); i++) {
		struct peer_line lines[] = { { .says = AWAY("302", "/b") }, { .says = places[i] },
			{ .says = OK_PNG } };

		peer_play(&w->peer, lines, COUNT(lines));
		expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
		    "could not be fetched: the address of its host is not a public address");
	}
	assert_int_equal(w->peer.requests, 2 * COUNT(places));
}

/* ---- what goes wrong ---- */

static void
a_name_that_is_not_known_is_told(void **state)
{
	struct world *w = *state;

	expect_refused(w, "http://nowhere.test/cat.png?secret=1", "image/*",
	    "could not be fetched: the name of its host is not known");
}

static void
a_host_that_is_not_reached_is_told(void **state)
{
	struct world *w = *state;
	const char *url = url_at(w, "media.test", "/");

	loop_unwatch(w->loop, &w->peer.watch);
	shutdown(w->peer.fd, SHUT_RDWR);
	expect_refused(w, url, "image/*", "could not be fetched: its host cannot be reached");
}

static void
an_answer_other_than_200_is_told(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno" },
	    { .says = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno" },
	    { .says = "HTTP/1.1 204 None\r\n\r\n" },
	    { .says = "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno" });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the server answered 404");
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the server answered 403");
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the server answered 204");
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the server answered 500");
}

static void
an_empty_medium_is_refused(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("image/png", "0") });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*", "is empty");
}

static void
a_server_that_breaks_off_is_told(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("image/png", "100") PNG, .then = PEER_CLOSE });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the server broke off");
	PLAY(w, { .then = PEER_CLOSE });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the server broke off");
	PLAY(w, { .says = "SSH-2.0-thing\r\n\r\n", .then = PEER_CLOSE });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the server did not answer in HTTP");
}

static void
coded_content_is_refused(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
			  "4\r\n\r\n\x1f\x8b\x08\x01" });
	expect_refused(w, url_at(w, "media.test", "/a.png"), "image/*",
	    "could not be fetched: the server answered with coded content");
	PLAY(w, { .says = "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: "
			  "8\r\n\r\n" PNG });
	expect_one(w, url_at(w, "media.test", "/a.png"), "image/*", JSON_PNG);
}

static void
a_server_that_takes_too_long_is_told(void **state)
{
	struct world *w = *state;

	w->limits.time_ms = 30;
	PLAY(w, { .says = OK_PNG, .waits = true });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: it took longer than 0.03 s");
	PLAY(w, { .says = HEAD("image/png", "100") PNG });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: it took longer than 0.03 s");
}

/* Five hundred that take nine seconds each would take twenty minutes. */
static void
all_together_have_an_end_too(void **state)
{
	struct world *w = *state;

	w->limits.all_ms = 30;
	PLAY(w, { .says = OK_PNG, .waits = true });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: the media of this request took longer than 0.03 s");
}

/* Each hop has what the ones before it left. */
static void
redirects_do_not_lengthen_the_time(void **state)
{
	struct world *w = *state;

	w->limits.time_ms = 30;
	w->limits.redirects = INT_MAX;
	PLAY(w, { .says = AWAY("302", "/b") });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*",
	    "could not be fetched: it took longer than 0.03 s");
}

static void
a_medium_over_20_mb_is_refused_by_its_length(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("image/png", "20971521") PNG, .waits = false });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*", "is larger than 20 MB");
	PLAY(w, { .says = HEAD("image/png", "9223372036854775807") });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*", "is larger than 20 MB");
}

static void
a_medium_over_20_mb_is_refused_without_a_length_too(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = "HTTP/1.1 200 OK\r\n\r\n" PNG, .flood = (20u << 20) - 7 });
	expect_refused(w, url_at(w, "media.test", "/a"), "image/*", "is larger than 20 MB");
}

static void
just_20_mb_are_taken(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = HEAD("image/png", "20971520") PNG, .flood = (20u << 20) - 8 });
	add(w, url_at(w, "media.test", "/a"), "image/*");
	start(w);
	finish(w);
	assert_true(w->good);
	assert_int_equal(w->places[0].len,
	    strlen("{\"mimeType\":\"image/png\",\"data\":\"\"}") + ((20u << 20) + 2) / 3 * 4);
}

static void
all_together_have_a_limit_too(void **state)
{
	struct world *w = *state;

	assert_int_equal(w->limits.all_bytes, 100u << 20);
	w->limits.all_bytes = 1u << 20;
	w->limits.at_once = 1;
	PLAY(w, { .says = HEAD("image/png", "600008") PNG, .flood = 600000 });
	add(w, url_at(w, "media.test", "/1"), "image/*");
	add(w, url_at(w, "media.test", "/2"), "image/*");
	add(w, url_at(w, "media.test", "/3"), "image/*");
	start(w);
	finish(w);
	assert_false(w->good);
	assert_string_equal(w->err.field, "messages[1]");
	assert_string_equal(
	    w->err.text, "messages[1] and what else is to be fetched are larger than 1 MB");
	assert_int_equal(w->peer.requests, 2);
}

/* A URL of sixty bytes costs us twenty megabytes: a few clients could take all there is. */
/* A request of a few bytes would else make one of gigabytes. */
static void
what_is_named_often_counts_as_often(void **state)
{
	struct world *w = *state;

	w->limits.all_bytes = 2000000;
	PLAY(w, { .says = HEAD("image/png", "600008") PNG, .flood = 600000 });
	for (int i = 0; i < 3; i++)
		add(w, url_at(w, "media.test", "/1"), "image/*");
	start(w);
	finish(w);
	assert_true(w->good);
	downloads_free(&w->downloads);

	add(w, url_at(w, "media.test", "/1"), "image/*");
	start(w);
	finish(w);
	assert_false(w->good);
	assert_int_equal(w->err.kind, ERR_BAD_REQUEST);
	assert_string_equal(w->err.field, FIELD);
	assert_int_equal(w->peer.requests, 2);
}

static void
what_all_requests_hold_together_has_a_limit(void **state)
{
	struct world *w = *state;
	size_t shared = 700000;

	assert_int_equal(w->limits.shared_bytes, 512u << 20);
	w->limits.shared = &shared;
	w->limits.shared_bytes = 1000000;
	PLAY(w, { .says = HEAD("image/png", "600008") PNG, .flood = 600000 });
	add(w, url_at(w, "media.test", "/1"), "image/*");
	start(w);
	finish(w);
	assert_false(w->good);
	assert_int_equal(w->err.kind, ERR_UNAVAILABLE);
	assert_true(w->err.retry_ms > 0);
	assert_int_equal(shared, 700000); /* for the others, at once */
	downloads_free(&w->downloads);
	assert_int_equal(shared, 700000);

	shared = 0;
	start(w);
	finish(w);
	assert_true(w->good);
	assert_int_equal(shared, 600008);
	downloads_free(&w->downloads);
	assert_int_equal(shared, 0);
}

static void
the_first_failure_ends_all(void **state)
{
	struct world *w = *state;

	PLAY(w, { .says = OK_PNG, .waits = true },
	    { .says = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" });
	for (int i = 0; i < 6; i++)
		add(w, url_at(w, "media.test", arena_printf(w->arena, "/%d", i)), "image/*");
	w->limits.at_once = 2;
	start(w);
	finish(w);
	assert_false(w->good);
	assert_true(span_ends(span_of(w->err.text), "the server answered 404"));
	assert_true(w->peer.requests <= 2);
	for (int i = 0; w->peer.open > 0 && i < TURNS_MAX; i++)
		loop_turn(w->loop, 10);
	assert_int_equal(fetcher_active(w->fetcher), 0);
}

static void
no_words_tell_a_query_or_a_password(void **state)
{
	static const char *const urls[] = { "http://us:secret@media.test/?key=secret",
		"http://secret@media.test/", "http://nowhere.test/secret?key=secret",
		"http://exa mple/secret", "http://media.test:99999/secret", "http://[::1/secret",
		"http://media.test:1/secret?secret" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(urls); i++) {
		add(w, urls[i], "image/*");
		start(w);
		finish(w);
		assert_false(w->good);
		assert_string_equal(w->err.field, FIELD);
		assert_false(span_has(span_of(w->err.text), "secret"));
		forget(w);
	}
}

static void
a_name_in_a_url_is_not_sent(void **state)
{
	struct world *w = *state;

	expect_refused(w, "http://us:pw@media.test/", "image/*",
	    "has a user's name in it, which is not supported");
	PLAY(w, { .says = AWAY("302", "http://us:pw@media.test/") });
	expect_refused(w, url_at(w, "media.test", "/"), "image/*",
	    "could not be fetched: it redirects to what has a user's name in it, which is not "
	    "supported");
}

/* ---- the end ---- */

static void
it_may_be_freed_at_any_time(void **state)
{
	struct world *w = *state;

	for (int turns = 0; turns < 40; turns++) {
		PLAY(w, { .says = AWAY("302", "/b") },
		    { .says = HEAD("image/png", "30008") PNG, .flood = 30000 });
		for (int i = 0; i < 6; i++)
			add(w, url_at(w, "media.test", arena_printf(w->arena, "/%d", i)),
			    "image/*");
		start(w);
		for (int i = 0; i < turns; i++)
			loop_turn(w->loop, 0);
		forget(w);
		assert_null(w->downloads);
		w->ends = 0;
		for (int i = 0; i < 5; i++)
			loop_turn(w->loop, 0);
		assert_int_equal(w->ends, 0);
		assert_int_equal(fetcher_active(w->fetcher), 0);
	}
	downloads_free(&w->downloads);
	downloads_free(NULL);
}

static void
it_may_be_freed_in_its_last_event(void **state)
{
	struct world *w = *state;

	w->frees_at_end = true;
	PLAY(w, { .says = OK_PNG }, { .says = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" });
	add(w, url_at(w, "media.test", "/a"), "image/*");
	start(w);
	finish(w);
	assert_true(w->good);
	assert_null(w->downloads);
	w->count = 0;
	add(w, url_at(w, "media.test", "/a"), "image/*");
	start(w);
	finish(w);
	assert_false(w->good);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_WORLD(a_medium_comes_to_its_place),
		IN_A_WORLD(blanks_and_letters_of_other_scripts_are_coded),
		IN_A_WORLD(nothing_to_fetch_is_fetched_at_once),
		IN_A_WORLD(a_medium_may_be_split_at_any_byte),
		IN_A_WORLD(a_large_medium_is_whole),
		IN_A_WORLD(a_medium_of_unknown_length_comes_as_well),
		IN_A_WORLD(what_is_named_twice_is_fetched_once),
		IN_A_WORLD(at_most_four_are_fetched_at_a_time),
		IN_A_WORLD(the_first_bytes_know_the_type_better_than_the_server),
		IN_A_WORLD(then_the_server_is_asked),
		IN_A_WORLD(then_the_client),
		IN_A_WORLD(then_the_name),
		IN_A_WORLD(what_nobody_can_name_is_refused),
		IN_A_WORLD(a_container_holds_sound_where_sound_was_meant),
		IN_A_WORLD(a_page_is_not_an_image),
		IN_A_WORLD(a_page_may_be_a_document),
		IN_A_WORLD(every_kind_of_redirect_is_followed),
		IN_A_WORLD(a_redirect_may_be_relative),
		IN_A_WORLD(three_redirects_are_followed_and_no_fourth),
		IN_A_WORLD(a_redirect_out_of_http_is_refused),
		IN_A_WORLD(a_redirect_that_names_no_place_is_an_answer),
		IN_A_WORLD(an_address_that_is_not_public_is_refused),
		IN_A_WORLD(one_address_that_is_not_public_is_enough),
		IN_A_WORLD(every_hop_is_guarded),
		IN_A_WORLD(a_name_that_is_not_known_is_told),
		IN_A_WORLD(a_host_that_is_not_reached_is_told),
		IN_A_WORLD(an_answer_other_than_200_is_told),
		IN_A_WORLD(an_empty_medium_is_refused),
		IN_A_WORLD(a_server_that_breaks_off_is_told),
		IN_A_WORLD(coded_content_is_refused),
		IN_A_WORLD(a_server_that_takes_too_long_is_told),
		IN_A_WORLD(all_together_have_an_end_too),
		IN_A_WORLD(redirects_do_not_lengthen_the_time),
		IN_A_WORLD(a_medium_over_20_mb_is_refused_by_its_length),
		IN_A_WORLD(a_medium_over_20_mb_is_refused_without_a_length_too),
		IN_A_WORLD(just_20_mb_are_taken),
		IN_A_WORLD(all_together_have_a_limit_too),
		IN_A_WORLD(what_is_named_often_counts_as_often),
		IN_A_WORLD(what_all_requests_hold_together_has_a_limit),
		IN_A_WORLD(the_first_failure_ends_all),
		IN_A_WORLD(no_words_tell_a_query_or_a_password),
		IN_A_WORLD(a_name_in_a_url_is_not_sent),
		IN_A_WORLD(it_may_be_freed_at_any_time),
		IN_A_WORLD(it_may_be_freed_in_its_last_event),
	};

	return cmocka_run_group_tests_name("upstream/download", tests, NULL, NULL);
}
