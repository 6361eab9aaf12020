/*
 * A fetcher and its upstream in one loop, and calls that note what they hear.  Shared by the tests
 * of net/fetch.
 */
#ifndef POLLUX_TESTS_NET_CALLER_H
#define POLLUX_TESTS_NET_CALLER_H

#include "net/fetch.h"
#include "tests/unit/net/peer.h"

/* They live as long as the block around them. */
#define BODY_AT(p, len) ((struct body){ (struct span[]){ { p, len } }, 1 })
#define BODY(text)      BODY_AT("" text, sizeof(text) - 1)

#define TURNS_MAX 200000 /* a test that would hang fails instead */

struct world {
	struct loop *loop;
	struct peer peer;
	struct fetcher *fetcher;
	char url[128];
	bool (*is_public)(const struct sockaddr *); /* for the next refit */
};

/* One call and what was heard of it. */
struct call {
	struct world *w;
	struct fetch *fetch;
	int heads, datas, ends, sents, status;
	int writtens; /* how often it was said that all is written */
	int agains;   /* how often it was asked whether it may be sent once more */
	bool only_once;
	int64_t length;
	char type[128], retry[64];
	struct buf body;
	struct buf headers; /* "name=value\n" for each */
	enum fetch_result result;
	char words[512];
	void (*at_head)(struct call *); /* what the test does inside an event */
	void (*at_data)(struct call *);
	void (*at_end)(struct call *);
	void (*at_sent)(struct call *);
	void (*at_written)(struct call *);
	void (*at_again)(struct call *);
	struct call *other;
	size_t sending; /* of lent, for a body that streams: what was handed over */
	char *lent;     /* a body of its own */
};

#define OK_HEAD  "HTTP/1.1 200 OK\r\n"
#define OK_HELLO OK_HEAD "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
#define OK_CHUNKED                                                                                 \
	OK_HEAD "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"            \
		"5;x=y\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\nTrailer: content-type\r\n\r\n"
#define OK_CLOSED OK_HEAD "Content-Type: text/plain\r\n\r\nhello"

static inline void
on_head(void *ctx, const struct fetch_head *head)
{
	struct call *c = ctx;

	assert_int_equal(c->ends, 0);
	assert_int_equal(c->datas, 0);
	c->heads++;
	c->status = head->status;
	c->length = head->content_length;
	snprintf(c->type, sizeof(c->type), "%.*s", SPAN_ARG(head->content_type));
	snprintf(c->retry, sizeof(c->retry), "%.*s", SPAN_ARG(head->retry_after));
	for (size_t i = 0; i < head->header_count; i++)
		buf_printf(&c->headers, "%.*s=%.*s\n", SPAN_ARG(head->headers[i].name),
		    SPAN_ARG(head->headers[i].value));
	assert_true(span_eq(fetch_head_get(head, "CONTENT-TYPE"), head->content_type));
	assert_null(fetch_head_get(head, "absent").p);
	if (c->at_head)
		c->at_head(c);
}

static inline void
on_data(void *ctx, struct span bytes)
{
	struct call *c = ctx;

	assert_int_equal(c->heads, 1);
	assert_int_equal(c->ends, 0);
	assert_true(bytes.len > 0);
	c->datas++;
	buf_add_span(&c->body, bytes);
	if (c->at_data)
		c->at_data(c);
}

static inline void
on_end(void *ctx, enum fetch_result result, const char *words)
{
	struct call *c = ctx;

	c->ends++;
	c->result = result;
	snprintf(c->words, sizeof(c->words), "%s", words);
	if (c->at_end)
		c->at_end(c);
	c->fetch = NULL;
}

static inline void
on_sent(void *ctx)
{
	struct call *c = ctx;

	assert_int_equal(c->ends, 0);
	c->sents++;
	if (c->at_sent)
		c->at_sent(c);
}

static inline void
on_written(void *ctx)
{
	struct call *c = ctx;

	assert_int_equal(c->ends, 0);
	c->writtens++;
	if (c->at_written)
		c->at_written(c);
}

static inline bool
on_again(void *ctx)
{
	struct call *c = ctx;

	assert_int_equal(c->heads + c->ends, 0);
	c->agains++;
	if (c->at_again)
		c->at_again(c);
	return !c->only_once;
}

static const struct fetch_events events = { on_head, on_data, on_end, on_sent, on_written,
	on_again };

static inline void
start_order(struct world *w, struct call *c, struct fetch_order order)
{
	if (!order.method)
		order.method = "GET";
	if (!order.url)
		order.url = w->url;
	c->w = w;
	c->fetch = fetch_start(w->fetcher, &order, &events, c);
	assert_non_null(c->fetch);
	assert_int_equal(c->heads + c->ends, 0);
}

static inline void
start(struct world *w, struct call *c)
{
	start_order(w, c, (struct fetch_order){ 0 });
}

static inline void
finish(struct world *w, struct call *c)
{
	for (int i = 0; !c->ends && i < TURNS_MAX; i++)
		loop_turn(w->loop, 1000);
	assert_int_equal(c->ends, 1);
}

static inline void
clear(struct call *c)
{
	buf_fini(&c->body);
	buf_fini(&c->headers);
	mem_free(c->lent);
	*c = (struct call){ 0 };
}

#define TURN_UNTIL(w, condition)                                                                   \
	do {                                                                                       \
		for (int i_ = 0; !(condition) && i_ < TURNS_MAX; i_++)                             \
			loop_turn((w)->loop, 1000);                                                \
		assert_true(condition);                                                            \
	} while (0)

#define PLAY(w, ...)                                                                               \
	do {                                                                                       \
		static const struct peer_line script_[] = { __VA_ARGS__ };                         \
		peer_play(&(w)->peer, script_, COUNT(script_));                                    \
	} while (0)

/* A call from start to end, and what came of it. */
static inline void
expect(struct world *w, struct fetch_order order, enum fetch_result result, int status,
    const char *body)
{
	struct call c = { 0 };

	start_order(w, &c, order);
	finish(w, &c);
	if (c.result != result)
		print_message("%s, not %s: %s\n", fetch_result_name(c.result),
		    fetch_result_name(result), c.words);
	assert_int_equal(c.result, result);
	assert_int_equal(c.status, status);
	assert_string_equal(buf_text(&c.body), body);
	if (result == FETCH_OK)
		assert_string_equal(c.words, "");
	else
		assert_string_not_equal(c.words, "");
	clear(&c);
}

static inline struct fetcher *
fetcher_with(struct world *w, const char *proxy, const char *ca_file, int64_t idle)
{
	struct err e = ERR_INIT;
	struct fetcher_config config = {
		.proxy = proxy,
		.ca_file = ca_file,
		.user_agent = "pollux-test",
		.max_idle_connections = idle,
		.is_public = w->is_public,
	};
	struct fetcher *f = fetcher_new(w->loop, &config, &e);

	if (!f)
		print_message("%s\n", e.text);
	return f;
}

static inline void
refit(struct world *w, const char *proxy, const char *ca_file, int64_t idle)
{
	fetcher_free(&w->fetcher);
	w->fetcher = fetcher_with(w, proxy, ca_file, idle);
	assert_non_null(w->fetcher);
}

static inline int
open_world(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->loop = loop_new();
	peer_start(&w->peer, w->loop);
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%d/v1/thing?x=1", w->peer.port);
	w->fetcher = fetcher_with(w, "", "", 100);
	*state = w;
	return w->fetcher ? 0 : -1;
}

static inline int
close_world(void **state)
{
	struct world *w = *state;

	fetcher_free(&w->fetcher);
	peer_stop(&w->peer);
	loop_free(&w->loop);
	mem_free(w);
	return 0;
}

static inline char *
pattern(size_t len)
{
	char *p = mem_alloc(len);

	for (size_t i = 0; i < len; i++)
		p[i] = (char)(i * 31 + (i >> 13));
	return p;
}

static inline void
pause_it(struct call *c)
{
	fetch_pause(c->fetch);
}

/* Turns until nothing moves any more: on loopback a few turns without progress are enough. */
static inline void
settle(struct world *w, const struct call *c)
{
	size_t pushed, seen;

	for (int still = 0, i = 0; still < 200 && i < TURNS_MAX; i++) {
		pushed = w->peer.pushed;
		seen = c->body.len;
		loop_turn(w->loop, 0);
		still = pushed == w->peer.pushed && seen == c->body.len ? still + 1 : 0;
	}
}

static inline void
cancel_it(struct call *c)
{
	fetch_cancel(&c->fetch);
	assert_null(c->fetch);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

#endif
