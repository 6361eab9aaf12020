/*
 * The client's side of a connection: has it left, is it too slow.  Runs in workers.  Owns
 * its watch and its timer; the descriptor is libmicrohttpd's.
 */
#include "net/conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "base/log.h"
#include "base/mem.h"

/* How far the clock of a turn may lag behind the bytes that came during it. */
#define TURN_SLACK_MS 20
/* A client that waits for its answer before it sends the rest does not wait long. */
#define REST_MS 1000

static void
print_peer(char *out, size_t room, const struct sockaddr *addr)
{
	const struct sockaddr_in6 *six = (const void *)addr;
	const struct sockaddr_in *four = (const void *)addr;

	if (addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &four->sin_addr, out, (socklen_t)room);
	else if (addr->sa_family != AF_INET6)
		snprintf(out, room, "unix");
	else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) /* the same client on a socket for both */
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], out, (socklen_t)room);
	else
		inet_ntop(AF_INET6, &six->sin6_addr, out, (socklen_t)room);
}

/* ---- what is said without libmicrohttpd ---- */

void
conn_shut(struct conn *c)
{
	loop_untimer(c->loop, &c->timer);
	shutdown(c->fd, SHUT_RDWR);
}

void
conn_refuse(struct conn *c, const char *status)
{
	char line[160];
	int len = snprintf(line, sizeof(line),
	    "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status);

	/* Nothing was sent on this connection that could fill its buffer. */
	if (send(c->fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		log_debug("server", "a client did not take its refusal", "peer=%s", c->peer);
	conn_shut(c);
}

static void
tell_slow(struct conn *c, const char *what)
{
	log_debug("server", "a client is too slow", "peer=%s part=%s", c->peer, what);
	c->owner->slow(c->owner->ctx, c);
}

/* ---- the head ---- */

static void
head_is_late(void *arg)
{
	tell_slow(arg, "head");
}

static int
unread_bytes(const struct conn *c)
{
	int n = 0;

	return ioctl(c->fd, FIONREAD, &n) == 0 ? n : 0;
}

/* Has something come since the last answer?  libmicrohttpd does not tell before the request
 * line is whole. */
static bool
has_begun(const struct conn *c)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int64_t since_ms = loop_now_ms(c->loop) - c->rested_at_ms;

	if (c->request || unread_bytes(c) > 0)
		return true;
	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return false;
	return (int64_t)info.tcpi_last_data_recv + TURN_SLACK_MS < since_ms;
}

static void
was_idle(void *arg)
{
	struct conn *c = arg;

	/* A 408 could be taken for the answer to a request that is just on its way. */
	if (has_begun(c))
		loop_timer(c->loop, &c->timer, c->config->header_timeout_ms, head_is_late, c);
	else
		conn_shut(c);
}

bool
conn_is_fresh(const struct conn *c)
{
	return c->rested_at_ms < 0;
}

void
conn_rest(struct conn *c, int64_t idle_ms)
{
	c->rested_at_ms = loop_now_ms(c->loop);
	loop_timer(c->loop, &c->timer, idle_ms, was_idle, c);
}

void
conn_hurry(struct conn *c, int64_t idle_ms)
{
	int64_t left_ms = c->rested_at_ms + idle_ms - loop_now_ms(c->loop);

	if (c->timer.place && c->timer.fn == was_idle)
		loop_timer(c->loop, &c->timer, left_ms > 0 ? left_ms : 0, was_idle, c);
}

/* ---- the body ---- */

static void weigh_body(void *);

static void
begin_interval(struct conn *c)
{
	c->body_bytes = 0;
	loop_timer(c->loop, &c->timer, c->interval_ms, weigh_body, c);
}

static void
weigh_body(void *arg)
{
	struct conn *c = arg;
	uint64_t least = (uint64_t)c->interval_ms * CONN_LEAST_BYTES_PER_S / 1000;
	uint64_t unread = (uint64_t)unread_bytes(c);
	bool was_unread = c->is_unread;

	/* What waits in the kernel is our slowness, not the client's.  But twice in a row nothing:
	 * the library has no room for a line of the coding, and reads no further. */
	c->is_unread = c->body_bytes == 0 && unread > 0;
	if (c->body_bytes + unread < least || (was_unread && c->is_unread))
		tell_slow(c, "body");
	else
		begin_interval(c);
}

void
conn_await_body(struct conn *c)
{
	c->interval_ms = c->config->header_timeout_ms;
	begin_interval(c);
}

void
conn_await_rest(struct conn *c)
{
	c->interval_ms =
	    c->config->header_timeout_ms < REST_MS ? c->config->header_timeout_ms : REST_MS;
	begin_interval(c);
}

void
conn_hold(struct conn *c)
{
	int64_t left_ms = c->timer.at_ms - loop_now_ms(c->loop);

	c->left_ms = left_ms > 0 ? left_ms : 0;
	conn_be_patient(c);
}

void
conn_go_on(struct conn *c)
{
	loop_timer(c->loop, &c->timer, c->left_ms, weigh_body, c);
}

void
conn_body_came(struct conn *c, uint64_t bytes)
{
	c->body_bytes += bytes;
	c->stands_still = false;
}

bool
conn_look(struct conn *c)
{
	bool waits = c->timer.place && c->timer.fn == weigh_body && unread_bytes(c) > 0;
	bool is_stuck = waits && c->stands_still;

	c->stands_still = waits && !is_stuck;
	if (is_stuck)
		tell_slow(c, "body");
	return is_stuck;
}

void
conn_be_patient(struct conn *c)
{
	c->is_unread = false;
	c->stands_still = false;
	loop_untimer(c->loop, &c->timer);
}

/* ---- its life ---- */

static void
client_left(void *arg, uint32_t events)
{
	struct conn *c = arg;

	(void)events;
	c->has_left = true;
	c->owner->left(c->owner->ctx, c);
}

struct conn *
conn_new(struct loop *loop, const struct conn_config *config, const struct conn_owner *owner,
    int fd, const struct sockaddr *addr)
{
	struct conn *c = mem_alloc(sizeof(*c));

	list_init(&c->link);
	c->loop = loop;
	c->config = config;
	c->owner = owner;
	c->fd = fd;
	c->watch.fd = -1;
	c->rested_at_ms = -1;
	print_peer(c->peer, sizeof(c->peer), addr);
	return c;
}

void
conn_open(struct conn *c)
{
	/* Not EPOLLIN: libmicrohttpd reads, and what it has not read yet must not wake us. */
	loop_watch(c->loop, &c->watch, c->fd, EPOLLRDHUP | EPOLLET, client_left, c);
	loop_timer(c->loop, &c->timer, c->config->header_timeout_ms, head_is_late, c);
}

void
conn_free(struct conn **slot)
{
	struct conn *c = *slot;

	if (!c)
		return;
	loop_untimer(c->loop, &c->timer);
	loop_unwatch(c->loop, &c->watch);
	list_remove(&c->link);
	mem_free(c);
	*slot = NULL;
}
