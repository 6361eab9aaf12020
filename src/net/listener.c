/*
 * Accepts clients.  Runs in workers.  Owns nothing but its watches: the listening sockets
 * are the master's, what was accepted is the server's.
 *
 * libmicrohttpd could accept by itself, but knows no limit that counts streams which have
 * left it, and would be woken without end by a queue that it may not empty.
 */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include "base/log.h"
#include "base/mem.h"

#define BATCH    64  /* accepted for one event, so that a flood leaves time for the others */
#define AGAIN_MS 250 /* until the next try when the system has no descriptor left */

struct door {
	struct listener *listener; /* borrowed */
	int fd;                    /* borrowed from the master */
	struct watch watch;
};

struct listener {
	struct loop *loop; /* borrowed */
	const struct listener_owner *owner;
	void *ctx;
	struct timer again;
	bool is_resting; /* no room: nothing is watched */
	bool is_stopped;
	bool has_complained; /* once for each time that descriptors ran out */
	size_t n;
	struct door doors[];
};

static void come_in(void *, uint32_t);

static void
rest(struct listener *l)
{
	l->is_resting = true;
	for (size_t i = 0; i < l->n; i++)
		loop_unwatch(l->loop, &l->doors[i].watch);
}

static void
go_on(struct listener *l)
{
	l->is_resting = false;
	loop_untimer(l->loop, &l->again);
	for (size_t i = 0; i < l->n; i++)
		loop_watch(
		    l->loop, &l->doors[i].watch, l->doors[i].fd, EPOLLIN, come_in, &l->doors[i]);
}

void
listener_wake(struct listener *l)
{
	if (l->is_resting && !l->is_stopped && l->owner->has_room(l->ctx))
		go_on(l);
}

static void
try_again(void *arg)
{
	listener_wake(arg);
}

/* The queue stays readable, so that looking on would spin until a descriptor is free. */
static void
rest_a_while(struct listener *l, int error)
{
	if (!l->has_complained)
		log_warn("server", "a connection cannot be accepted", "errno=%d retry_ms=%d", error,
		    AGAIN_MS);
	l->has_complained = true;
	rest(l);
	loop_timer(l->loop, &l->again, AGAIN_MS, try_again, l);
}

static bool
is_passing(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO: /* and what accept(2) passes on from the network: that client's affair alone */
	case EPERM:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

/* False: there is no more to take at this door. */
static bool
take_one(struct door *d)
{
	static const int on = 1;
	struct listener *l = d->listener;
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(peer);
	int fd = accept4(d->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EAGAIN)
			return false;
		if (is_passing(errno))
			return true;
		rest_a_while(l, errno);
		return false;
	}
	l->has_complained = false;
	if (peer.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	l->owner->accepted(l->ctx, fd, (struct sockaddr *)&peer, len);
	return true;
}

static void
come_in(void *arg, uint32_t events)
{
	struct door *d = arg;
	struct listener *l = d->listener;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		if (!l->owner->has_room(l->ctx)) {
			rest(l);
			return;
		}
		if (!take_one(d))
			return;
	}
}

struct listener *
listener_new(struct loop *loop, const int *fds, size_t n, const struct listener_owner *owner,
    void *ctx, struct err *e)
{
	struct listener *l;

	for (size_t i = 0; i < n; i++) {
		int flags = fcntl(fds[i], F_GETFL);

		if (flags < 0 || fcntl(fds[i], F_SETFL, flags | O_NONBLOCK) < 0) {
			err_errno(e, "listening socket %d", fds[i]);
			return NULL;
		}
	}
	l = mem_alloc(sizeof(*l) + n * sizeof(l->doors[0]));
	l->loop = loop;
	l->owner = owner;
	l->ctx = ctx;
	l->n = n;
	for (size_t i = 0; i < n; i++)
		l->doors[i] = (struct door){ .listener = l, .fd = fds[i], .watch.fd = -1 };
	go_on(l);
	return l;
}

void
listener_stop(struct listener *l)
{
	l->is_stopped = true;
	loop_untimer(l->loop, &l->again);
	rest(l);
}

void
listener_free(struct listener **slot)
{
	if (!*slot)
		return;
	listener_stop(*slot);
	mem_free(*slot);
	*slot = NULL;
}
