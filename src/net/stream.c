/*
 * Streams: answers whose sockets have left libmicrohttpd.  Runs in workers.
 *
 * Owns the duplicated descriptors and what has not yet been handed to the kernel.  A stream
 * outlives its request by the lingering close.
 */
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"

#define KEEP_BYTES  2048 /* an empty buffer larger than that is given back */
#define SINK_BYTES  16384
#define SINK_ROUNDS 64 /* receives for one event, so that no sender holds up the loop */

enum state {
	WAITING,   /* its socket is still with libmicrohttpd */
	OPEN,      /* the socket is ours */
	LINGERING, /* all was sent; what still comes in is dropped */
	DEAD       /* closed; freed behind this turn */
};

enum finish { FINISH_NOT, FINISH_END, FINISH_BREAK };

struct stream {
	struct list home;                   /* in the server's list */
	struct loop *loop;                  /* borrowed */
	const struct stream_config *config; /* borrowed from the server */
	const struct stream_owner *owner;   /* borrowed from the server */
	void *ctx; /* the request; NULL once it was told that all is over */
	loop_fn *drained;
	void *drained_ctx;

	int fd; /* owned; -1 while waiting and when dead */
	struct watch watch;
	struct timer timer; /* a stalled reader, later the end of lingering */
	enum state state;
	enum stream_framing framing;
	enum finish finish;
	bool is_over_high;
	bool is_flush_due;
	bool is_cut;       /* more was written than promised */
	int64_t due_bytes; /* of the promised length; -1: nothing was promised */
	size_t linger_left;

	struct buf out;
	size_t sent; /* bytes at the front of out that the kernel has */
};

static void
move_to(struct stream *s, enum state to)
{
	static const unsigned allowed[] = {
		[WAITING] = 1u << OPEN | 1u << DEAD,
		[OPEN] = 1u << LINGERING | 1u << DEAD,
		[LINGERING] = 1u << DEAD,
		[DEAD] = 0,
	};

	assert(allowed[s->state] & 1u << to);
	s->state = to;
}

/* ---- its end ---- */

static void
tell_over(struct stream *s)
{
	void *ctx = s->ctx;

	s->ctx = NULL;
	s->drained = NULL;
	if (ctx)
		s->owner->over(ctx);
}

static void
bury(void *arg)
{
	struct stream *s = arg;
	const struct stream_owner *owner = s->owner;

	tell_over(s);
	list_remove(&s->home);
	mem_free(s);
	owner->closed(owner->house);
}

static void
close_socket(struct stream *s, bool reset)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	loop_untimer(s->loop, &s->timer);
	if (s->fd < 0)
		return;
	loop_unwatch(s->loop, &s->watch);
	if (reset)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(s->fd);
	s->fd = -1;
}

static void
die(struct stream *s, bool reset)
{
	close_socket(s, reset);
	buf_fini(&s->out);
	s->sent = 0;
	move_to(s, DEAD);
	loop_defer(s->loop, bury, s);
}

void
stream_lose(struct stream *s)
{
	if (s->state == DEAD)
		return;
	die(s, true);
	if (s->ctx)
		s->owner->gone(s->ctx);
}

static void
stalled(void *arg)
{
	stream_lose(arg);
}

/* ---- lingering ---- */

static void
lingered_long(void *arg)
{
	die(arg, false);
}

static void
drop_input(struct stream *s)
{
	static char sink[SINK_BYTES];

	for (int i = 0; i < SINK_ROUNDS; i++) {
		ssize_t n = recv(s->fd, sink, sizeof(sink), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || (size_t)n >= s->linger_left) {
			die(s, false);
			return;
		}
		s->linger_left -= (size_t)n;
	}
}

static void
linger(struct stream *s)
{
	move_to(s, LINGERING);
	buf_fini(&s->out);
	shutdown(s->fd, SHUT_WR);
	tell_over(s);
	loop_rewatch(s->loop, &s->watch, EPOLLIN);
	loop_timer(s->loop, &s->timer, s->config->linger_ms, lingered_long, s);
	drop_input(s);
}

/* ---- sending ---- */

size_t
stream_waiting(const struct stream *s)
{
	return s->out.len - s->sent;
}

bool
stream_is_over_high(const struct stream *s)
{
	return s->is_over_high;
}

/* Keeps the buffer no larger than what waits in it, at a cost that stays linear. */
static void
compact(struct stream *s)
{
	if (s->sent == s->out.len) {
		s->sent = 0;
		if (s->out.cap > KEEP_BYTES)
			buf_fini(&s->out);
		else
			buf_clear(&s->out);
	} else if (s->sent >= s->out.len / 2) {
		buf_drop_front(&s->out, s->sent);
		s->sent = 0;
	}
}

/* False: the client is gone. */
static bool
send_waiting(struct stream *s)
{
	size_t before = s->sent;

	while (stream_waiting(s)) {
		ssize_t n = send(
		    s->fd, s->out.data + s->sent, stream_waiting(s), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			s->sent += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n == 0 || errno != EINTR)
			return false;
	}
	if (!stream_waiting(s))
		loop_untimer(s->loop, &s->timer);
	else if (s->sent != before || s->timer.place == 0)
		loop_timer(s->loop, &s->timer, s->config->stall_timeout_ms, stalled, s);
	compact(s);
	return true;
}

static void
tell_drained(struct stream *s)
{
	if (!s->is_over_high || stream_waiting(s) >= s->config->low_water_bytes)
		return;
	s->is_over_high = false;
	if (s->drained && s->finish == FINISH_NOT)
		s->drained(s->drained_ctx);
}

static void
flush(void *arg)
{
	struct stream *s = arg;

	s->is_flush_due = false;
	if (s->state != OPEN)
		return;
	if (!send_waiting(s))
		stream_lose(s);
	else if (s->finish == FINISH_BREAK)
		die(s, true);
	else if (s->finish == FINISH_END && stream_waiting(s) == 0)
		linger(s);
	else
		tell_drained(s);
}

/* Behind this turn's other calls, so that what one turn brought goes in one send. */
static void
flush_soon(struct stream *s)
{
	if (s->is_flush_due || s->state != OPEN)
		return;
	s->is_flush_due = true;
	loop_defer(s->loop, flush, s);
}

static void
client_event(void *arg, uint32_t events)
{
	struct stream *s = arg;

	if (s->state == LINGERING)
		drop_input(s);
	else if (events & (EPOLLHUP | EPOLLERR))
		stream_lose(s);
	/* One that sends no more is taken to have left, unless it already has its answer coming. */
	else if ((events & EPOLLRDHUP) && s->finish == FINISH_NOT)
		stream_lose(s);
	else if (stream_waiting(s) || s->finish != FINISH_NOT)
		flush(s);
}

/* ---- what its writer calls ---- */

/* The client reads no more than the head promised; behind that may only come another answer. */
static struct span
within_promise(struct stream *s, struct span in)
{
	if (s->due_bytes < 0)
		return in;
	if (in.len > (uint64_t)s->due_bytes) {
		if (!s->is_cut)
			log_warn("server", "an answer is longer than its head says, it is cut off",
			    NULL);
		s->is_cut = true;
		in.len = (size_t)s->due_bytes;
	}
	s->due_bytes -= (int64_t)in.len;
	return in;
}

bool
stream_write(struct stream *s, struct span in)
{
	if (s->state > OPEN || s->finish != FINISH_NOT || s->framing == STREAM_BODILESS)
		return true;
	in = within_promise(s, in);
	/* An empty chunk would be the last one. */
	if (in.len && s->framing == STREAM_CHUNKED)
		buf_printf(&s->out, "%zx\r\n", in.len);
	buf_add_span(&s->out, in);
	if (in.len && s->framing == STREAM_CHUNKED)
		buf_add_lit(&s->out, "\r\n");
	if (stream_waiting(s) > s->config->high_water_bytes)
		s->is_over_high = true;
	flush_soon(s);
	return !s->is_over_high;
}

void
stream_end(struct stream *s)
{
	if (s->state > OPEN || s->finish != FINISH_NOT)
		return;
	if (s->due_bytes > 0 && s->framing != STREAM_BODILESS) {
		stream_break(s);
		return;
	}
	s->finish = FINISH_END;
	if (s->framing == STREAM_CHUNKED)
		buf_add_lit(&s->out, "0\r\n\r\n");
	flush_soon(s);
}

void
stream_break(struct stream *s)
{
	if (s->state > OPEN || s->finish != FINISH_NOT)
		return;
	s->finish = FINISH_BREAK;
	flush_soon(s);
}

/* ---- what the server calls ---- */

struct stream *
stream_new(struct loop *loop, const struct stream_config *config, enum stream_framing framing,
    struct span head, const struct stream_owner *owner, void *ctx, struct list *home)
{
	struct stream *s = mem_alloc(sizeof(*s));

	s->loop = loop;
	s->config = config;
	s->owner = owner;
	s->ctx = ctx;
	s->fd = -1;
	s->watch.fd = -1;
	s->state = WAITING;
	s->framing = framing;
	s->due_bytes = -1;
	s->linger_left = config->linger_bytes;
	list_push(home, &s->home);
	buf_add_span(&s->out, head);
	return s;
}

void
stream_promise(struct stream *s, int64_t bytes)
{
	assert(s->state == WAITING && s->framing != STREAM_CHUNKED);
	s->due_bytes = bytes;
}

void
stream_on_drained(struct stream *s, loop_fn *drained, void *ctx)
{
	s->drained = drained;
	s->drained_ctx = ctx;
}

void
stream_set_linger_bytes(struct stream *s, size_t bytes)
{
	s->linger_left = bytes;
}

/*
 * The order matters.  The old descriptor leaves our epoll first: its registration belongs to
 * the open file, which lives on in the duplicate, and would report events for a freed watch.
 */
bool
stream_take_over(struct stream *s, struct watch *client)
{
	static const int on = 1, off = 0;
	int old = client->fd;

	assert(s->state == WAITING);
	loop_unwatch(s->loop, client);
	s->fd = fcntl(old, F_DUPFD_CLOEXEC, 0);
	if (s->fd < 0) {
		log_warn("server", "no descriptor for a stream, its client is dropped", "errno=%d",
		    errno);
		stream_lose(s);
		return false;
	}
	/* libmicrohttpd sets both as it likes; what waits for Nagle's rule waits 40 ms. */
	setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	move_to(s, OPEN);
	/* Edges for life: no system call when the reader stalls or goes on. */
	loop_watch(s->loop, &s->watch, s->fd, EPOLLOUT | EPOLLRDHUP | EPOLLET, client_event, s);
	flush_soon(s);
	return true;
}

void
stream_free_all(struct list *home)
{
	struct list *first;

	while ((first = list_shift(home))) {
		struct stream *s = list_entry(first, struct stream, home);

		loop_undefer(s->loop, flush, s);
		loop_undefer(s->loop, bury, s);
		/* What the client has not got, it must not take for the end. */
		close_socket(s, s->state == OPEN && s->finish != FINISH_END);
		buf_fini(&s->out);
		s->state = DEAD;
		tell_over(s);
		mem_free(s);
	}
}
