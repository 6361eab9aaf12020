/*
 * A scripted upstream for tests: speaks raw bytes on 127.0.0.1, in the test's own loop.  Each
 * request that has come in whole is answered by the next line of the script; the last
 * line serves all that follow.  It plays an HTTP proxy just as well, and a SOCKS5 one before HTTP.
 */
#ifndef POLLUX_TESTS_NET_PEER_H
#define POLLUX_TESTS_NET_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/loop.h"
#include "base/mem.h"
#include "base/text.h"
#include "tests/unit/unit.h"

enum peer_then { PEER_KEEP, PEER_CLOSE, PEER_RESET };

struct peer_line {
	const char *says;    /* NULL: nothing */
	enum peer_then then; /* once it is said */
	size_t pieces; /* n: first n bytes, one turn later the rest; PEER_DRIBBLE: byte by byte */
	size_t flood;  /* behind says: so many bytes 'x' */
	bool at_head;  /* acts when the request's head is there, not its body */
	bool waits;    /* until peer_release() */
};
#define PEER_DRIBBLE ((size_t)-1)

enum peer_socks { SOCKS_NONE, SOCKS_HELLO, SOCKS_LOGIN, SOCKS_ASK };

struct peer_conn {
	struct list link;
	struct peer *peer;
	struct watch watch;
	int fd, number; /* from 1, as accepted */
	enum peer_socks socks;
	struct buf in;
	struct buf out;
	size_t sent, flood;
	bool acted, open, waiting;
	const struct peer_line *line;
};

struct peer {
	struct loop *loop;
	struct watch watch;
	struct loop_hook hook;
	int fd, port;
	const struct peer_line *script;
	size_t lines, at;
	struct list conns;
	enum peer_socks socks; /* how each connection begins; SOCKS_NONE: with HTTP */
	int socks_code;        /* the answer to its question, 0: granted */
	bool deaf;      /* reads nothing, until peer_hear() */
	int stale_upto; /* connections up to this number are closed when they are used again */
	int accepted, open, requests, waiting;
	size_t pushed;      /* flood bytes that the kernel took */
	struct buf request; /* the last one that was whole */
	struct buf
	    asked; /* what SOCKS was asked for: "host" or an address in hex, login before it */
};

static inline void
peer_drop(struct peer_conn *c, bool reset)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (!c->open)
		return;
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loop_unwatch(c->peer->loop, &c->watch);
	close(c->fd);
	c->open = false;
	c->peer->open--;
}

/* Sends what this turn may; false: something is left for another turn. */
static inline bool
peer_send(struct peer_conn *c)
{
	static char flood[65536];
	size_t most = c->out.len - c->sent;

	if (flood[0] == 0)
		memset(flood, 'x', sizeof(flood));
	if (c->line && c->line->pieces == PEER_DRIBBLE)
		most = most > 0 ? 1 : 0;
	else if (c->line && c->line->pieces > c->sent)
		most = c->line->pieces - c->sent;
	if (most > 0) {
		ssize_t n = send(c->fd, c->out.data + c->sent, most, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			peer_drop(c, false);
		c->sent += n > 0 ? (size_t)n : 0;
	}
	if (!c->open || c->sent < c->out.len)
		return !c->open;
	while (c->flood > 0) {
		ssize_t n = send(c->fd, flood, c->flood < sizeof(flood) ? c->flood : sizeof(flood),
		    MSG_NOSIGNAL);

		if (n <= 0) {
			if (n < 0 && errno != EAGAIN)
				peer_drop(c, false);
			return !c->open;
		}
		c->flood -= (size_t)n;
		c->peer->pushed += (size_t)n;
	}
	return true;
}

static inline void
peer_act(struct peer_conn *c)
{
	static const struct peer_line stale = { .then = PEER_CLOSE };
	struct peer *p = c->peer;

	if (c->number <= p->stale_upto) {
		c->line = &stale;
	} else {
		c->line = &p->script[p->at < p->lines ? p->at : p->lines - 1];
		p->at++;
	}
	p->requests++;
	buf_clear(&c->out);
	c->sent = 0;
	if (c->line->says)
		buf_add_text(&c->out, c->line->says);
	c->flood = c->line->flood;
	c->acted = true;
	c->waiting = c->line->waits;
	p->waiting += c->waiting;
}

static inline void
peer_socks_step(struct peer_conn *c)
{
	struct peer *p = c->peer;
	const unsigned char *b = (const unsigned char *)c->in.data;
	char address[64];

	if (c->socks == SOCKS_HELLO && c->in.len >= 2 && c->in.len >= 2u + b[1]) {
		bool login = memchr(b + 2, 2, b[1]) != NULL;

		buf_drop_front(&c->in, 2u + b[1]);
		send(c->fd, login ? "\5\2" : "\5\0", 2, MSG_NOSIGNAL);
		c->socks = login ? SOCKS_LOGIN : SOCKS_ASK;
	} else if (c->socks == SOCKS_LOGIN && c->in.len >= 2 && c->in.len > 2u + b[1] &&
		   c->in.len >= 3u + b[1] + b[2 + b[1]]) {
		buf_printf(&p->asked, "%.*s/%.*s ", b[1], b + 2, b[2 + b[1]], b + 3 + b[1]);
		buf_drop_front(&c->in, 3u + b[1] + b[2 + b[1]]);
		send(c->fd, "\1\0", 2, MSG_NOSIGNAL);
		c->socks = SOCKS_ASK;
	} else if (c->socks == SOCKS_ASK && c->in.len >= 10) {
		char answer[10] = { 5, (char)p->socks_code, 0, 1 };
		size_t len = b[3] == 3 ? 7u + b[4] : 10;

		assert_true(b[3] == 1 || b[3] == 3);
		text_hex(address, b + 4, 4);
		if (b[3] == 3)
			buf_add(&p->asked, b + 5, b[4]);
		else
			buf_add_text(&p->asked, address);
		buf_drop_front(&c->in, len);
		send(c->fd, answer, sizeof(answer), MSG_NOSIGNAL);
		c->socks = SOCKS_NONE;
	}
}

/* The length of the request at the front of the buffer; 0: not whole yet. */
static inline size_t
peer_request_bytes(struct peer_conn *c, bool *has_head)
{
	const char *end = c->in.len ? strstr(c->in.data, "\r\n\r\n") : NULL;
	const char *length = c->in.len ? strcasestr(c->in.data, "\r\ncontent-length:") : NULL;
	const char *coding =
	    c->in.len ? strcasestr(c->in.data, "\r\ntransfer-encoding: chunked\r\n") : NULL;
	size_t need;

	*has_head = end != NULL;
	if (!end)
		return 0;
	need = (size_t)(end - c->in.data) + 4;
	if (coding && coding < end)
		return span_ends(buf_span(&c->in), "\r\n0\r\n\r\n") ? c->in.len : 0;
	if (length && length < end)
		need += strtoull(length + 17, NULL, 10);
	return c->in.len >= need ? need : 0;
}

static inline void
peer_read(struct peer_conn *c)
{
	bool head;
	size_t whole;

	if (c->socks != SOCKS_NONE) {
		peer_socks_step(c);
		return;
	}
	whole = peer_request_bytes(c, &head);
	if (head && !c->acted &&
	    c->peer->script[c->peer->at < c->peer->lines ? c->peer->at : c->peer->lines - 1]
		.at_head)
		peer_act(c);
	if (whole == 0 || (c->acted && !c->line->at_head))
		return;
	buf_clear(&c->peer->request);
	buf_add(&c->peer->request, c->in.data, whole);
	buf_drop_front(&c->in, whole);
	if (!c->acted)
		peer_act(c);
}

static inline void
peer_on_event(void *ctx, uint32_t events)
{
	static char bytes[262144];
	struct peer_conn *c = ctx;
	ssize_t n;

	(void)events;
	if (c->peer->deaf) {
		loop_rewatch(c->peer->loop, &c->watch, 0);
		return;
	}
	n = recv(c->fd, bytes, sizeof(bytes), 0);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		peer_drop(c, false);
		return;
	}
	if (n > 0)
		buf_add(&c->in, bytes, (size_t)n);
	peer_read(c);
}

/* Once a turn: goes on sending.  Keeps the loop awake only for pieces. */
static inline int64_t
peer_on_turn(void *ctx)
{
	struct peer *p = ctx;
	int64_t wait = -1;

	list_for_each(it, &p->conns)
	{
		struct peer_conn *c = list_entry(it, struct peer_conn, link);
		uint32_t events = EPOLLIN;

		if (!c->open || !c->acted || c->waiting)
			continue;
		if (!peer_send(c)) {
			if (c->sent < c->out.len)
				wait = 0;
			else
				events |= EPOLLOUT;
		} else if (c->open) {
			c->acted = false;
			if (c->line->then != PEER_KEEP)
				peer_drop(c, c->line->then == PEER_RESET);
			else if (c->in.len > 0)
				peer_read(c);
		}
		if (c->open)
			loop_rewatch(p->loop, &c->watch, events);
	}
	return wait;
}

static inline void
peer_on_accept(void *ctx, uint32_t events)
{
	struct peer *p = ctx;
	int fd, one = 1, small = 65536;

	(void)events;
	while ((fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer_conn *c = mem_alloc(sizeof(*c));

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
		c->peer = p;
		c->fd = fd;
		c->open = true;
		c->socks = p->socks;
		list_push(&p->conns, &c->link);
		loop_watch(p->loop, &c->watch, fd, EPOLLIN, peer_on_event, c);
		c->number = ++p->accepted;
		p->open++;
	}
}

static inline void
peer_start(struct peer *p, struct loop *loop)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	*p = (struct peer){ .loop = loop };
	list_init(&p->conns);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(p->fd, 1024), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&at, &len), 0);
	p->port = ntohs(at.sin_port);
	loop_watch(loop, &p->watch, p->fd, EPOLLIN, peer_on_accept, p);
	loop_hook(loop, &p->hook, peer_on_turn, p);
}

static inline void
peer_play(struct peer *p, const struct peer_line *script, size_t lines)
{
	p->script = script;
	p->lines = lines;
	p->at = 0;
}

static inline void
peer_release(struct peer *p)
{
	list_for_each(it, &p->conns) list_entry(it, struct peer_conn, link)->waiting = false;
	p->waiting = 0;
}

static inline void
peer_hear(struct peer *p)
{
	p->deaf = false;
	list_for_each(it, &p->conns)
	{
		struct peer_conn *c = list_entry(it, struct peer_conn, link);

		if (c->open)
			loop_rewatch(p->loop, &c->watch, EPOLLIN);
	}
}

static inline void
peer_stop(struct peer *p)
{
	struct list *it;

	while ((it = list_shift(&p->conns))) {
		struct peer_conn *c = list_entry(it, struct peer_conn, link);

		peer_drop(c, false);
		buf_fini(&c->in);
		buf_fini(&c->out);
		mem_free(c);
	}
	loop_unhook(p->loop, &p->hook);
	loop_unwatch(p->loop, &p->watch);
	close(p->fd);
	buf_fini(&p->request);
	buf_fini(&p->asked);
}

/* Asks the kernel, not the loop: has the other side closed the newest connection? */
static inline bool
peer_sees_close(struct peer *p)
{
	struct peer_conn *c = list_entry(p->conns.prev, struct peer_conn, link);
	char bytes[4096];
	ssize_t n;

	assert_false(list_is_empty(&p->conns));
	do {
		n = c->open ? recv(c->fd, bytes, sizeof(bytes), 0) : 0;
	} while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

#endif
