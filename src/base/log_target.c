/*
 * Where log lines go.  Runs in every process; a target owns its descriptor and its path.
 *
 * A log that blocks stops everything that logs, so each way out is one that says no instead:
 * descriptors of our own are opened with O_NONBLOCK, sockets are sent to with MSG_DONTWAIT,
 * and what was given to us (stderr, whose flags we share with strangers) is polled first.
 */
#include "base/log_target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/text.h"

#define SYSLOG_SOCKET   "/dev/log"
#define JOURNAL_SOCKET  "/run/systemd/journal/socket"
#define SYSLOG_FACILITY 3 /* daemon */
#define SYSLOG_NAME     "polluxd"

_Static_assert(LOG_LINE_BYTES <= PIPE_BUF, "a pipe might take a part of a line");

/* ---- opening ---- */

/*
 * Pipes and terminals can be opened a second time through /proc, which gives flags of our own.
 * Where that is refused (no /proc, or a terminal of another user) polling has to do.
 */
static void
open_stderr(struct log_target *t)
{
	struct stat st;
	int fd;

	*t = LOG_TARGET_STDERR;
	if (fstat(STDERR_FILENO, &st) != 0)
		return;
	if (S_ISREG(st.st_mode))
		t->waits = false;
	if (S_ISSOCK(st.st_mode))
		t->kind = LOG_TARGET_SOCKET;
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return;
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return;
	t->fd = fd;
	t->waits = false;
}

static int
open_path(const char *path, struct err *e)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags, 0640);

	if (fd < 0)
		err_errno(e, "cannot open the log file %s", path);
	return fd;
}

/* Also done again on a connected socket, when who listened there was restarted. */
static bool
connect_to(int fd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
}

static int
open_socket(const char *path, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect_to(fd, path))
		return fd;
	err_errno(e, "cannot reach the system's log at %s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The socket's path when name is word or word:/PATH, else NULL. */
static const char *
socket_path(const char *name, const char *word, const char *usual)
{
	size_t len = strlen(word);

	if (strncmp(name, word, len) != 0)
		return NULL;
	if (name[len] == '\0')
		return usual;
	return name[len] == ':' && name[len + 1] == '/' ? name + len + 1 : NULL;
}

bool
log_target_open(struct log_target *t, const char *name, struct err *e)
{
	const char *path;
	int fd;

	*t = LOG_TARGET_STDERR;
	if (strcmp(name, "stderr") == 0) {
		open_stderr(t);
		return true;
	}
	if ((path = socket_path(name, "syslog", SYSLOG_SOCKET)))
		t->kind = LOG_TARGET_SYSLOG;
	else if ((path = socket_path(name, "journal", JOURNAL_SOCKET)))
		t->kind = LOG_TARGET_JOURNAL;
	else if (name[0] == '/')
		path = name;
	else
		return err_set(e, ERR_CONFIG,
		    "a log goes to stderr, syslog, journal or the absolute path of a file, not "
		    "to \"%s\"",
		    name);
	fd = t->kind == LOG_TARGET_STREAM ? open_path(path, e) : open_socket(path, e);
	if (fd < 0) {
		*t = LOG_TARGET_STDERR;
		return false;
	}
	t->fd = fd;
	t->waits = false;
	t->path = mem_dup(path);
	return true;
}

bool
log_target_reopen(struct log_target *t, struct err *e)
{
	int fd;

	if (!t->path)
		return true;
	if (t->kind != LOG_TARGET_STREAM)
		return connect_to(t->fd, t->path) ||
		       err_errno(e, "cannot reach the system's log at %s", t->path);
	fd = open_path(t->path, e);
	if (fd < 0)
		return false;
	if (dup3(fd, t->fd, O_CLOEXEC) < 0) {
		err_errno(e, "cannot open the log file %s", t->path);
		close(fd);
		return false;
	}
	close(fd);
	t->torn = false;
	return true;
}

void
log_target_close(struct log_target *t)
{
	if (t->fd != STDERR_FILENO)
		close(t->fd);
	mem_free(t->path);
	*t = LOG_TARGET_STDERR;
}

bool
log_target_stamps(const struct log_target *t)
{
	return t->kind == LOG_TARGET_SYSLOG || t->kind == LOG_TARGET_JOURNAL;
}

/* ---- writing ---- */

/*
 * A pipe without a reader and a file at its size limit answer with a signal first, which
 * would end the process.  Only the signals that our own write caused are swallowed.
 */
static ssize_t
write_quietly(int fd, const struct iovec *iov, int n)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t deadly, before, swallow;
	ssize_t done;
	int number;

	sigemptyset(&deadly);
	sigaddset(&deadly, SIGPIPE);
	sigaddset(&deadly, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &deadly, &before);
	do
		done = writev(fd, iov, n);
	while (done < 0 && errno == EINTR);
	number = done < 0 ? errno == EPIPE ? SIGPIPE : errno == EFBIG ? SIGXFSZ : 0 : 0;
	if (number && !sigismember(&before, number)) {
		sigemptyset(&swallow);
		sigaddset(&swallow, number);
		sigtimedwait(&swallow, NULL, &at_once);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return done;
}

static ssize_t
send_now(int fd, struct iovec *iov, size_t n)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };

	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static struct iovec
piece(const char *p, size_t len)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)p, .iov_len = len };
}

static bool
is_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* A full disk may take a part of a line; the next one then begins by ending it. */
static bool
write_stream(struct log_target *t, struct span line)
{
	struct iovec iov[2] = { piece("\n", t->torn ? 1 : 0), piece(line.p, line.len) };
	size_t want = iov[0].iov_len + line.len;
	ssize_t done;

	if (t->waits && !is_ready(t->fd))
		return false;
	if (t->kind == LOG_TARGET_SOCKET)
		done = send_now(t->fd, iov, 2);
	else
		done = write_quietly(t->fd, iov, 2);
	if (done <= 0)
		return false;
	t->torn = (size_t)done < want;
	return !t->torn;
}

static bool
send_datagram(struct log_target *t, struct iovec *iov, size_t n)
{
	if (send_now(t->fd, iov, n) >= 0)
		return true;
	if (errno == EAGAIN || errno == EMSGSIZE || errno == ENOBUFS)
		return false;
	return connect_to(t->fd, t->path) && send_now(t->fd, iov, n) >= 0;
}

/* Without a time: who receives it notes the moment, and in the zone that its files are in. */
static bool
send_syslog(struct log_target *t, int priority, struct span text)
{
	char head[64];
	int len = snprintf(head, sizeof(head),
	    "<%d>" SYSLOG_NAME "[%d]: ", SYSLOG_FACILITY * 8 + priority, (int)getpid());
	struct iovec iov[2] = { piece(head, (size_t)len), piece(text.p, text.len) };

	return send_datagram(t, iov, 2);
}

/* The journal's native protocol: a field on each line.  The text has no line end inside. */
static bool
send_journal(struct log_target *t, int priority, struct span text)
{
	char head[128];
	int len = snprintf(head, sizeof(head),
	    "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=" SYSLOG_NAME
	    "\nSYSLOG_PID=%d\nMESSAGE=",
	    priority, SYSLOG_FACILITY, (int)getpid());
	struct iovec iov[3] = { piece(head, (size_t)len), piece(text.p, text.len), piece("\n", 1) };

	return send_datagram(t, iov, 3);
}

bool
log_target_write(struct log_target *t, int priority, struct span line)
{
	struct span text = { line.p, line.len - 1 };

	switch (t->kind) {
	case LOG_TARGET_SYSLOG:
		return send_syslog(t, priority, text);
	case LOG_TARGET_JOURNAL:
		return send_journal(t, priority, text);
	default:
		return write_stream(t, line);
	}
}
