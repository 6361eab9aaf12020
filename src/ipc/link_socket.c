/*
 * Where links come from: sockets at a path, connected or listened on, pairs, and one whole
 * question and answer for a program that has no loop of its own.  Owns nothing that lasts.
 */
#include "ipc/link.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING_MAX_MS 15000 /* a HELLO comes at once, or soon after where a reload is under way  \
			       */

/* ---- connecting ---- */

static bool
address_of(const char *path, struct sockaddr_un *out, struct err *e)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (path[0] == '\0' || strlen(path) >= sizeof(out->sun_path))
		return err_set(e, ERR_CONFIG,
		    "the socket path %s is too long: %zu bytes are the most", path,
		    sizeof(out->sun_path) - 1);
	memcpy(out->sun_path, path, strlen(path));
	return true;
}

/* Connected, or -1 with errno. */
static int
connect_address(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), why;

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
		return fd;
	why = errno;
	close(fd);
	errno = why;
	return -1;
}

struct link *
link_connect(struct loop *loop, const char *path, link_frame_fn *frame, link_gone_fn *gone,
    void *ctx, struct err *e)
{
	struct sockaddr_un to;
	int fd;

	if (!address_of(path, &to, e))
		return NULL;
	fd = connect_address(&to);
	if (fd >= 0)
		return link_open(loop, fd, frame, gone, ctx);
	err_set(e, errno == EACCES || errno == EPERM ? ERR_FORBIDDEN : ERR_UNAVAILABLE, "%s: %s",
	    path, strerror(errno));
	return NULL;
}

/* ---- listening ---- */

/* A socket at path may go when nobody listens there any more. */
static bool
clear_path(const char *path, const struct sockaddr_un *at, struct err *e)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) != 0)
		return errno == ENOENT || err_errno(e, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_CONFLICT, "%s is there and is not a socket", path);
	fd = connect_address(at);
	if (fd >= 0) {
		close(fd);
		return err_set(e, ERR_CONFLICT, "somebody listens on %s already", path);
	}
	if (errno == EAGAIN) /* so many wait there that one more does not fit */
		return err_set(e, ERR_CONFLICT, "somebody listens on %s already", path);
	if (errno != ECONNREFUSED && errno != ENOENT)
		return err_set(
		    e, ERR_CONFLICT, "%s belongs to somebody else: %s", path, strerror(errno));
	return unlink(path) == 0 || errno == ENOENT || err_errno(e, "%s cannot be removed", path);
}

int
link_listen(const char *path, mode_t mode, struct err *e)
{
	struct sockaddr_un at;
	int fd;

	if (!address_of(path, &at, e) || !clear_path(path, &at, e))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The socket's own mode first: the file is never open to more than it shall be. */
	if (fd >= 0 && fchmod(fd, mode) == 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    chmod(path, mode) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	err_errno(e, "cannot listen on %s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

bool
link_pair(int fds[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0)
		return true;
	return err_errno(e, "no pair of sockets to be had");
}

/* ---- one question ---- */

struct ask {
	struct loop *loop;
	struct link *link;
	void (*progress)(void *ctx, struct span body);
	void *ctx;
	struct buf *answer;
	struct err *err;
	int64_t timeout_ms, until_ms, greeting_until_ms;
	bool over, ok;
};

static void
on_ask_frame(void *ctx, struct link *l, struct frame *f)
{
	struct ask *a = ctx;

	(void)l;
	a->until_ms = loop_clock_ms() + a->timeout_ms;
	if (f->kind == MESSAGE_PROGRESS) {
		if (a->progress)
			a->progress(a->ctx, f->body);
		return;
	}
	if (f->id != 1 || a->over || (f->kind != MESSAGE_DONE && f->kind != MESSAGE_REFUSED))
		return;
	a->over = true;
	a->ok = f->kind == MESSAGE_DONE;
	if (a->ok)
		buf_add_span(a->answer, f->body);
	else
		err_set(a->err, ERR_CONFLICT, "%.*s", SPAN_ARG(f->body));
}

static void
on_ask_gone(void *ctx, struct link *l, const char *why)
{
	struct ask *a = ctx;

	(void)l;
	a->link = NULL;
	if (!a->over)
		err_set(a->err, ERR_UNAVAILABLE, "no answer: %s", why);
	a->over = true;
}

/* Nobody has taken the connection yet, and that is to be told before the answer is late. */
static bool
awaits_greeting(const struct ask *a)
{
	return !link_is_greeted(a->link) &&
	       (a->timeout_ms < 0 || a->greeting_until_ms < a->until_ms);
}

static void
wait_for_answer(struct ask *a)
{
	while (!a->over) {
		bool greeting = awaits_greeting(a), for_ever = !greeting && a->timeout_ms < 0;
		int64_t until_ms = greeting ? a->greeting_until_ms : a->until_ms;
		int64_t left_ms = for_ever ? -1 : until_ms - loop_clock_ms();

		if (!for_ever && left_ms <= 0 && greeting) {
			err_set(a->err, ERR_UNAVAILABLE,
			    "the socket is there, but nobody answers on it: the log says why");
			return;
		}
		if (!for_ever && left_ms <= 0) {
			err_set(a->err, ERR_SLOW, "no answer came in time");
			return;
		}
		loop_turn(a->loop, left_ms);
	}
}

bool
link_ask(const char *path, enum message kind, struct span body, int64_t timeout_ms,
    void (*progress)(void *ctx, struct span body), void *ctx, struct buf *answer, struct err *e)
{
	struct ask a = { .progress = progress,
		.ctx = ctx,
		.answer = answer,
		.err = e,
		.timeout_ms = timeout_ms };

	if (body.len > LINK_FRAME_MAX)
		return err_set(e, ERR_TOO_LARGE, "the question is larger than a link takes");
	a.loop = loop_new();
	a.until_ms = loop_clock_ms() + timeout_ms;
	a.greeting_until_ms = loop_clock_ms() + GREETING_MAX_MS;
	a.link = link_connect(a.loop, path, on_ask_frame, on_ask_gone, &a, e);
	if (a.link) {
		link_send(a.link, kind, 1, body);
		wait_for_answer(&a);
	}
	link_close(&a.link);
	loop_free(&a.loop);
	return a.ok;
}
