/*
 * A server on 127.0.0.1 with the real loop, and clients that are bare sockets.  Shared by the
 * tests of net/server and net/stream.  What a test waits for is a condition: turn_until() turns
 * the loop until it holds and fails after very many turns.
 */
#ifndef POLLUX_TESTS_NET_DOOR_H
#define POLLUX_TESTS_NET_DOOR_H

#include "tests/unit/unit.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "net/server.h"

#define TURNS_MAX 20000
#define LONG_MS   60000

struct door {
	struct loop *loop;
	struct server *server;
	struct server_config config;
	struct server_handler handler;
	int listen_fd;
	struct sockaddr_in addr;

	/* What the test wants to happen; NULL: nothing. */
	void (*on_head)(struct door *, struct request *);
	void (*on_ready)(struct door *, struct request *);
	void (*on_too_large)(struct door *, struct request *);
	void (*on_gone)(struct door *, struct request *);
	void (*on_piece)(struct door *, struct span); /* of a body taken by take_it() */

	int heads, readies, gones, dones, too_larges, drains, idles, pieces;
	struct request *request; /* the last one announced; NULL after its done */
	struct stream *stream;
	struct buf seen;  /* "METHOD path query body\n" for each ready one */
	struct buf taken; /* all pieces */
};

struct client {
	int fd;
	struct buf in;
	bool at_end;
	int error;
};

#define turn_until(door, condition)                                                              \
	do {                                                                                     \
		int turns_ = 0;                                                                  \
		while (!(condition)) {                                                           \
			assert_true(turns_++ < TURNS_MAX);                                       \
			loop_turn((door)->loop, 1);                                              \
		}                                                                                \
	} while (0)

static inline void
door_head(void *ctx, struct request *r)
{
	struct door *d = ctx;

	d->heads++;
	d->request = r;
	if (d->on_head)
		d->on_head(d, r);
}

static inline void
door_ready(void *ctx, struct request *r)
{
	struct door *d = ctx;
	const struct request_head *h = request_head(r);
	struct span body = request_body(r);

	d->readies++;
	d->request = r;
	buf_printf(&d->seen, "%.*s %.*s %.*s %.*s\n", SPAN_ARG(h->method), SPAN_ARG(h->path),
	    SPAN_ARG(h->query), SPAN_ARG(body));
	if (d->on_ready)
		d->on_ready(d, r);
}

static inline void
door_gone(void *ctx, struct request *r)
{
	struct door *d = ctx;

	d->gones++;
	if (d->on_gone)
		d->on_gone(d, r);
}

static inline void
door_done(void *ctx, struct request *r)
{
	struct door *d = ctx;

	d->dones++;
	if (d->request == r)
		d->request = NULL;
}

static inline void
door_too_large(void *ctx, struct request *r)
{
	struct door *d = ctx;

	d->too_larges++;
	if (d->on_too_large)
		d->on_too_large(d, r);
}

static inline int
door_listen(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	*addr = (struct sockaddr_in){ .sin_family = AF_INET };
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)addr, sizeof(*addr)), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &len), 0);
	return fd;
}

static inline void
door_open(struct door *d)
{
	struct err e = ERR_INIT;

	d->config.listen_fds = &d->listen_fd;
	d->config.listen_count = 1;
	d->server = server_new(d->loop, &d->config, &d->handler, d, &e);
	assert_string_equal(e.text, "");
	assert_non_null(d->server);
}

/* The same door with other limits: change d->config before. */
static inline void
door_reopen(struct door *d)
{
	server_free(&d->server);
	door_open(d);
}

static inline int
door_setup(void **state)
{
	struct door *d = calloc(1, sizeof(*d));
	struct err e = ERR_INIT;

	assert_true(log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, NULL, &e));
	d->loop = loop_new();
	d->listen_fd = door_listen(&d->addr);
	d->handler = (struct server_handler){ door_head, door_ready, door_gone, door_done,
		door_too_large };
	d->config = (struct server_config){
		.max_body_bytes = 1 << 20,
		.max_connections = 5000,
		.header_timeout_ms = LONG_MS,
		.idle_timeout_ms = LONG_MS,
		.drain_bytes = 1 << 20,
		.stream = { 64 << 10, 16 << 10, LONG_MS, LONG_MS, 1 << 20 },
	};
	door_open(d);
	*state = d;
	return 0;
}

static inline int
door_teardown(void **state)
{
	struct door *d = *state;

	server_free(&d->server);
	loop_free(&d->loop);
	close(d->listen_fd);
	buf_fini(&d->seen);
	buf_fini(&d->taken);
	free(d);
	log_close();
	return 0;
}

/* ---- clients ---- */

static inline struct client
client_dial(struct door *d)
{
	struct client c = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	int r = connect(c.fd, (struct sockaddr *)&d->addr, sizeof(d->addr));

	assert_true(r == 0 || errno == EINPROGRESS);
	return c;
}

static inline void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_fini(&c->in);
}

static inline void
client_reset(struct client *c)
{
	struct linger at_once = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	client_close(c);
}

static inline void
client_send(struct door *d, struct client *c, const void *p, size_t len)
{
	size_t sent = 0;

	turn_until(d, ({
		ssize_t n = send(c->fd, (const char *)p + sent, len - sent, MSG_NOSIGNAL);

		assert_true(n >= 0 || errno == EAGAIN || errno == EINPROGRESS || errno == ENOTCONN);
		sent += n > 0 ? (size_t)n : 0;
		sent == len;
	}));
}

static inline void
client_say(struct door *d, struct client *c, const char *text)
{
	client_send(d, c, text, strlen(text));
}

/* Takes what is there, at most so much. */
static inline void
client_take(struct client *c, size_t most)
{
	static char part[65536];

	while (most && !c->at_end && !c->error) {
		ssize_t n = recv(c->fd, part, most < sizeof(part) ? most : sizeof(part),
		    MSG_DONTWAIT);

		if (n > 0) {
			buf_add(&c->in, part, (size_t)n);
			most -= (size_t)n;
		} else if (n == 0) {
			c->at_end = true;
		} else if (errno == EAGAIN || errno == ENOTCONN) {
			return;
		} else {
			c->error = errno;
		}
	}
}

static inline bool
client_has(struct client *c, const char *text)
{
	client_take(c, SIZE_MAX);
	return span_has(buf_span(&c->in), text);
}

static inline bool
client_is_closed(struct client *c)
{
	client_take(c, SIZE_MAX);
	return c->at_end || c->error;
}

static inline void
client_hear(struct door *d, struct client *c, const char *text)
{
	turn_until(d, client_has(c, text) || c->at_end || c->error);
	if (!client_has(c, text))
		fail_msg("heard \"%s\" and not \"%s\"", buf_text(&c->in), text);
}

static inline void
client_hear_end(struct door *d, struct client *c)
{
	turn_until(d, client_is_closed(c));
	assert_int_equal(c->error, 0);
}

static inline int
count_in(struct client *c, const char *text)
{
	int n = 0;

	for (const char *p = buf_text(&c->in); (p = strstr(p, text)); p++)
		n++;
	return n;
}

static inline int
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* ---- common answers ---- */

static inline void
say_ok(struct door *d, struct request *r)
{
	(void)d;
	request_answer(r, 200, NULL, 0, SPAN("fine"));
}

static inline void
say_no(struct door *d, struct request *r)
{
	(void)d;
	request_answer(r, 401, NULL, 0, SPAN("no key"));
}

static inline void
door_piece(void *ctx, struct span piece)
{
	struct door *d = ctx;

	assert_true(piece.len > 0);
	d->pieces++;
	buf_add_span(&d->taken, piece);
	if (d->on_piece)
		d->on_piece(d, piece);
}

static inline void
take_it(struct door *d, struct request *r)
{
	request_take_body(r, door_piece, d);
}

static inline void
door_drained(void *ctx)
{
	((struct door *)ctx)->drains++;
}

static inline void
begin_stream(struct door *d, struct request *r)
{
	struct header type = { "content-type", "text/event-stream" };

	d->stream = request_stream(r, 200, &type, 1, door_drained, d);
}

#endif
