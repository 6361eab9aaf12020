/*
 * Links between the processes of one daemon.  Runs in each of them; a link owns its socket,
 * what it has read of an unfinished frame, what waits to leave, and the descriptors that ride
 * along with either.
 *
 * A descriptor leaves with the first byte of its frame, and the kernel keeps it there: it
 * arrives before the frame is whole.  So the reader queues the descriptors that come and gives one
 * to each frame whose flag asks for it.
 */
#include "ipc/link.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"

#define READ_BYTES        (64u << 10)
#define READS_PER_TURN    16           /* of one link, before the others have their turn */
#define READS_WHEN_BROKEN 64           /* more than a socket holds, unless its other end goes on */
#define HELLO_MAX         256u         /* bytes of a HELLO's body: a stranger gets no more */
#define KEEP_BYTES        (256u << 10) /* an emptied buffer that is larger is given back */
#define FDS_MAX           64           /* descriptors that may wait to leave */
#define FDS_AT_ONCE       4            /* room of one recvmsg; a peer of ours sends one */

/* A descriptor that waits to leave with the byte at this place of the stream. */
struct passenger {
	uint64_t at;
	int fd; /* owned */
};

struct link {
	struct loop *loop; /* borrowed */
	int fd;            /* owned; -1 once closed */
	struct watch watch;
	link_frame_fn *frame;
	link_gone_fn *gone;
	void *ctx; /* borrowed */

	struct buf in;           /* the beginning of a frame that is not whole */
	int in_fds[FDS_AT_ONCE]; /* owned: came with it */
	size_t in_fd_count;
	bool greeted; /* its HELLO came and was right */

	struct buf out; /* from out_at on: not taken by the socket yet */
	size_t out_at;
	uint64_t sent; /* bytes of the stream that have left */
	struct passenger out_fds[FDS_MAX];
	size_t out_fd_count;

	bool in_callback; /* of the loop to this link: it may not be freed there */
	bool closed;      /* by its user, or behind gone */
	bool broken;      /* nothing can be sent; what has arrived is read before gone is said */
	char why[160];
};

/* ---- the end of a link ---- */

static void
close_all(int *fds, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		close(fds[i]);
	*n = 0;
}

static void
drop_output(struct link *l)
{
	for (size_t i = 0; i < l->out_fd_count; i++)
		close(l->out_fds[i].fd);
	l->out_fd_count = 0;
	l->out_at = 0;
	buf_fini(&l->out);
}

static void
link_free(void *ctx)
{
	struct link *l = ctx;

	buf_fini(&l->in);
	mem_free(l);
}

static void on_broken(void *ctx);

/* Closes all that it holds; the rest is freed when nobody up the stack can still look at it. */
static void
shut(struct link *l)
{
	if (l->closed)
		return;
	l->closed = true;
	loop_unwatch(l->loop, &l->watch);
	loop_undefer(l->loop, on_broken, l);
	close(l->fd);
	l->fd = -1;
	close_all(l->in_fds, &l->in_fd_count);
	drop_output(l);
	if (l->in_callback)
		loop_defer(l->loop, link_free, l);
	else
		link_free(l);
}

/* Only from the loop's own calls. */
static void
end(struct link *l, const char *why)
{
	if (l->closed)
		return;
	assert(l->in_callback);
	loop_unwatch(l->loop, &l->watch);
	l->broken = true; /* gone may look at the link, but not send */
	l->gone(l->ctx, l, why);
	shut(l);
}

/* Nothing more can be sent, but what the other end said before it went (why it failed, what it
 * has done) may still stand in the socket: that is read before gone is told. */
static void
breaks(struct link *l, const char *why)
{
	if (l->broken)
		return;
	l->broken = true;
	snprintf(l->why, sizeof(l->why), "%s", why);
	drop_output(l);
	loop_defer(l->loop, on_broken, l);
}

/* ---- sending ---- */

static void
expect_writable(struct link *l)
{
	if (l->watch.fn)
		loop_rewatch(l->loop, &l->watch, EPOLLIN | (l->out_at < l->out.len ? EPOLLOUT : 0));
}

static ssize_t
send_bytes(int sock, const char *p, size_t len, int fd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL);
}

static void
passenger_left(struct link *l)
{
	close(l->out_fds[0].fd);
	l->out_fd_count--;
	memmove(l->out_fds, l->out_fds + 1, l->out_fd_count * sizeof(l->out_fds[0]));
}

/* One sendmsg: with the first passenger when it is his byte's turn, and never past the byte of
 * the next. */
static ssize_t
send_part(struct link *l)
{
	size_t len = l->out.len - l->out_at, i = 0;
	int fd = -1;
	ssize_t n;

	if (l->out_fd_count && l->out_fds[0].at == l->sent)
		fd = l->out_fds[i++].fd;
	if (i < l->out_fd_count && l->out_fds[i].at - l->sent < len)
		len = (size_t)(l->out_fds[i].at - l->sent);
	n = send_bytes(l->fd, l->out.data + l->out_at, len, fd);
	if (n <= 0)
		return n;
	if (fd >= 0)
		passenger_left(l);
	l->sent += (uint64_t)n;
	l->out_at += (size_t)n;
	return n;
}

static void
tidy_output(struct link *l)
{
	if (l->out_at == l->out.len) {
		l->out_at = 0;
		if (l->out.cap > KEEP_BYTES)
			buf_fini(&l->out);
		else
			buf_clear(&l->out);
	} else if (l->out_at > l->out.len / 2 && l->out_at > KEEP_BYTES) {
		buf_drop_front(&l->out, l->out_at);
		l->out_at = 0;
	}
}

static void
flush(struct link *l)
{
	while (!l->broken && l->out_at < l->out.len) {
		ssize_t n = send_part(l);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			breaks(l, errno == EPIPE ? "the other end is gone" : strerror(errno));
	}
	tidy_output(l);
	if (!l->closed)
		expect_writable(l);
}

/* fd, or -1: taken over. */
static bool
send_frame(struct link *l, enum message kind, uint64_t id, struct span body, int fd)
{
	struct link_head head = { .kind = (uint16_t)kind, .id = id };

	assert(body.len <= LINK_FRAME_MAX);
	head.length = (uint32_t)body.len;
	head.flags = fd >= 0 ? LINK_FLAG_FD : 0;
	if (link_queued_bytes(l) + LINK_HEAD_BYTES + body.len > LINK_QUEUE_MAX) {
		breaks(l, "the other end does not read");
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (fd >= 0)
		l->out_fds[l->out_fd_count++] =
		    (struct passenger){ l->sent + link_queued_bytes(l), fd };
	link_put(&l->out, &head, body);
	if (!(l->watch.events & EPOLLOUT))
		flush(l);
	return !l->broken;
}

bool
link_send(struct link *l, enum message kind, uint64_t id, struct span body)
{
	return !l->broken && !l->closed && send_frame(l, kind, id, body, -1);
}

bool
link_send_fd(struct link *l, enum message kind, uint64_t id, struct span body, int fd)
{
	int own;

	if (l->broken || l->closed || l->out_fd_count == FDS_MAX)
		return false;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return own >= 0 && send_frame(l, kind, id, body, own);
}

size_t
link_queued_bytes(const struct link *l)
{
	return l->out.len - l->out_at;
}

bool
link_is_greeted(const struct link *l)
{
	return l->greeted;
}

/* ---- receiving ---- */

/* Keeps the descriptors that came; false when there were more than one of ours would send. */
static bool
take_fds(struct link *l, struct msghdr *m)
{
	bool ok = !(m->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (l->in_fd_count < FDS_AT_ONCE) {
				l->in_fds[l->in_fd_count++] = fd;
			} else {
				close(fd);
				ok = false;
			}
		}
	}
	return ok;
}

static ssize_t
receive(struct link *l, bool *fds_ok)
{
	struct iovec iov;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_AT_ONCE * sizeof(int))];
	} control;
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	buf_reserve(&l->in, READ_BYTES);
	iov = (struct iovec){ l->in.data + l->in.len, READ_BYTES };
	n = recvmsg(l->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return n;
	l->in.len += (size_t)n;
	l->in.data[l->in.len] = '\0';
	*fds_ok = take_fds(l, &m);
	return n;
}

/* Little endian, as all numbers of a frame. */
static uint32_t
version_of(struct span hello)
{
	const unsigned char *p = (const unsigned char *)hello.p;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool
check_hello(struct link *l, const struct link_head *head, struct span body)
{
	uint32_t version;

	if (head->kind != MESSAGE_HELLO || body.len < 4 || body.len > HELLO_MAX) {
		end(l, "it did not begin with a HELLO");
		return false;
	}
	version = version_of(body);
	if (version != LINK_PROTOCOL_VERSION) {
		snprintf(l->why, sizeof(l->why),
		    "it speaks version %" PRIu32 " of the link protocol and this end version %d",
		    version, LINK_PROTOCOL_VERSION);
		end(l, l->why);
		return false;
	}
	l->greeted = true;
	return true;
}

static void
answer_unknown(struct link *l, const struct link_head *head)
{
	char line[64];

	log_debug("link", "a message of an unknown kind came", "kind=%u", head->kind);
	if (head->id == 0 || l->broken)
		return;
	snprintf(line, sizeof(line), "this end does not know messages of kind %u", head->kind);
	link_send(l, MESSAGE_REFUSED, head->id, span_of(line));
}

static int
take_front_fd(struct link *l)
{
	int fd = l->in_fds[0];

	l->in_fd_count--;
	memmove(l->in_fds, l->in_fds + 1, l->in_fd_count * sizeof(l->in_fds[0]));
	return fd;
}

/* One whole frame; false when the link has ended over it. */
static bool
deliver(struct link *l, const struct link_head *head, struct span body)
{
	struct frame f = { .id = head->id, .body = body, .fd = -1 };

	if (!l->greeted)
		return check_hello(l, head, body);
	if (head->kind == MESSAGE_HELLO) {
		end(l, "it sent a second HELLO");
		return false;
	}
	if (head->flags & LINK_FLAG_FD) {
		if (l->in_fd_count == 0) {
			end(l, "it announced a descriptor that did not come");
			return false;
		}
		f.fd = take_front_fd(l);
	}
	f.kind = (enum message)head->kind;
	if (message_is_known(head->kind))
		l->frame(l->ctx, l, &f);
	else
		answer_unknown(l, head);
	if (f.fd >= 0)
		close(f.fd);
	return !l->closed;
}

/* All whole frames at the front; false when the link has ended over one. */
static bool
take_frames(struct link *l)
{
	size_t used = 0;

	for (;;) {
		struct span rest = span_mem(l->in.data + used, l->in.len - used), body;
		struct link_head head = { .length = 0 };
		const char *why = NULL;
		enum link_parsed p = link_parse(rest, &head, &body, &why);

		if (p == LINK_PARSED_PART && !l->greeted &&
		    rest.len > LINK_HEAD_BYTES + HELLO_MAX) {
			p = LINK_PARSED_BAD;
			why = "it did not begin with a HELLO";
		}
		if (p == LINK_PARSED_BAD) {
			end(l, why);
			return false;
		}
		if (p == LINK_PARSED_PART)
			break;
		if (!deliver(l, &head, body))
			return false;
		used += LINK_HEAD_BYTES + body.len;
	}
	buf_drop_front(&l->in, used);
	if (l->in.len == 0 && l->in.cap > KEEP_BYTES)
		buf_fini(&l->in);
	/* One may wait for the rest of its frame; more were sent without being announced. */
	if (l->in_fd_count <= 1)
		return true;
	end(l, "it sent descriptors that it did not announce");
	return false;
}

static void
end_of_stream(struct link *l)
{
	if (l->broken)
		end(l, l->why);
	else
		end(l, l->in.len ? "the other end went away in the middle of a frame"
				 : "the other end is gone");
}

/* Reads once; false when there is nothing more for now, or the link has ended. */
static bool
read_once(struct link *l)
{
	bool fds_ok = true;
	ssize_t n = receive(l, &fds_ok);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (n < 0 && errno != ECONNRESET) {
		end(l, strerror(errno));
		return false;
	}
	if (n <= 0) {
		end_of_stream(l);
		return false;
	}
	if (!fds_ok) {
		end(l, "a descriptor that it sent cannot be taken: too many are open");
		return false;
	}
	return take_frames(l);
}

static void
on_events(void *ctx, uint32_t events)
{
	struct link *l = ctx;

	l->in_callback = true;
	if (events & EPOLLOUT)
		flush(l);
	if (events & ~(uint32_t)EPOLLOUT)
		for (int i = 0; i < READS_PER_TURN && read_once(l); i++)
			continue;
	l->in_callback = false;
}

static void
on_broken(void *ctx)
{
	struct link *l = ctx;

	l->in_callback = true;
	for (int i = 0; i < READS_WHEN_BROKEN && read_once(l); i++)
		continue;
	end(l, l->why);
	l->in_callback = false;
}

/* ---- opening and closing ---- */

struct link *
link_open(struct loop *loop, int fd, link_frame_fn *frame, link_gone_fn *gone, void *ctx)
{
	struct link *l = mem_alloc(sizeof(*l));
	const char hello[4] = { LINK_PROTOCOL_VERSION, 0, 0, 0 };

	_Static_assert(LINK_PROTOCOL_VERSION < 256, "the first of four bytes");
	assert(fd >= 0 && frame && gone);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	l->loop = loop;
	l->fd = fd;
	l->frame = frame;
	l->gone = gone;
	l->ctx = ctx;
	loop_watch(loop, &l->watch, fd, EPOLLIN, on_events, l);
	link_send(l, MESSAGE_HELLO, 0, span_mem(hello, sizeof(hello)));
	return l;
}

void
link_close(struct link **slot)
{
	struct link *l = *slot;

	if (!l)
		return;
	*slot = NULL;
	if (!l->broken && !l->closed)
		flush(l);
	shut(l);
}

void
link_set_ctx(struct link *l, void *ctx)
{
	l->ctx = ctx;
}

bool
link_peer(const struct link *l, uid_t *uid, gid_t *gid, pid_t *pid)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (l->fd < 0 || getsockopt(l->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return false;
	if (uid)
		*uid = who.uid;
	if (gid)
		*gid = who.gid;
	if (pid)
		*pid = who.pid;
	return true;
}
