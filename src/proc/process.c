/*
 * What every process of the daemon has in common.
 */
#include "proc/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"

#define KEPT_MAX 600 /* descriptors a child may be born with */

extern char **environ;

static bool logs_to_stderr; /* by choice, or because nothing else was to be had */
static bool fallback_said;  /* there is no syslog; inherited by the children */
static char *block;         /* the kernel's view of arguments and environment */
static size_t block_bytes;
/* What main goes on with; named here so that leak checkers see whose it is. */
static char **arguments __attribute__((used));
static char **kept_environment __attribute__((used));

static bool
group_of(const struct config *c, struct identity *who, struct err *e)
{
	if (c->server_group[0] == '\0')
		return true;
	const struct group *g = getgrnam(c->server_group);

	if (!g)
		return err_set(
		    e, ERR_CONFIG, "server.group: there is no group \"%s\"", c->server_group);
	who->gid = g->gr_gid;
	return true;
}

bool
process_identity(const struct config *c, struct identity *who, struct err *e)
{
	const char *name = c->server_user[0] ? c->server_user : "pollux";
	const struct passwd *p;

	*who = (struct identity){ .uid = getuid(), .gid = getgid() };
	if (geteuid() != 0) {
		p = getpwuid(getuid());
		if (c->server_user[0] && (!p || strcmp(p->pw_name, c->server_user) != 0))
			return err_set(e, ERR_CONFIG,
			    "server.user: only root can start Pollux as \"%s\"", c->server_user);
		return true;
	}
	p = getpwnam(name);
	if (!p && c->server_user[0])
		return err_set(e, ERR_CONFIG, "server.user: there is no account \"%s\"", name);
	if (!p)
		return err_set(e, ERR_CONFIG,
		    "started by root, but there is no account \"pollux\" to run as: make one "
		    "(useradd --system pollux), or write server.user = \"root\" out");
	who->uid = p->pw_uid;
	who->gid = p->pw_gid;
	snprintf(who->name, sizeof(who->name), "%s", name);
	if (!group_of(c, who, e))
		return false;
	who->change = who->uid != 0 || who->gid != getgid();
	return true;
}

bool
process_open_log(const struct config *c, bool foreground, struct err *e)
{
	const char *target = c->log_target[0] ? c->log_target : foreground ? "stderr" : "syslog";
	enum log_format format =
	    strcmp(c->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	enum log_level level = LOG_LEVEL_INFO;
	struct buf debug = BUF_INIT;

	if (!log_level_parse(c->log_level, &level))
		return err_set(e, ERR_CONFIG, "log.level: \"%s\" is no level", c->log_level);
	for (size_t i = 0; i < c->log_debug.count; i++)
		buf_printf(&debug, "%s%s", i ? "," : "", c->log_debug.items[i]);
	const char *subsystems = debug.len ? buf_text(&debug) : NULL;
	bool ok = log_open(target, format, level, subsystems, e);

	logs_to_stderr = strcmp(target, "stderr") == 0;
	/* Nobody asked for syslog, and a container may have none. */
	if (!ok && c->log_target[0] == '\0' && strcmp(target, "stderr") != 0) {
		ok = log_open("stderr", format, level, subsystems, e);
		logs_to_stderr = true;
		/* Said by the master; its children inherit that it was. */
		if (!fallback_said)
			log_warn("log",
			    "there is no syslog here: the log goes to stderr, and stays there; "
			    "log.target can name a file",
			    NULL);
		fallback_said = true;
	}
	buf_fini(&debug);
	return ok;
}

void
process_leave_stderr(void)
{
	int null = logs_to_stderr ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDERR_FILENO);
	close(null);
}

/* Descriptors. */

static int
by_number(const void *left, const void *right)
{
	return *(const int *)left - *(const int *)right;
}

static void
close_between(int first, int last)
{
	if (first <= last && close_range((unsigned)first, (unsigned)last, 0) != 0)
		for (int fd = first; fd <= last && fd < process_descriptors(); fd++)
			close(fd);
}

static void
close_others(const struct birth *b)
{
	int kept[KEPT_MAX];
	size_t n = 0;
	int next = 3;

	assert(b->listen_count + 3 <= KEPT_MAX);
	for (size_t i = 0; i < b->listen_count; i++)
		kept[n++] = b->listen_fds[i];
	kept[n++] = b->link_fd;
	kept[n++] = b->lifeline_fd;
	/* The log is opened anew next, and what is open till then is closed by the log itself. */
	if (log_fd() >= 0)
		kept[n++] = log_fd();
	qsort(kept, n, sizeof(kept[0]), by_number);
	for (size_t i = 0; i < n; i++) {
		close_between(next, kept[i] - 1);
		if (kept[i] >= next)
			next = kept[i] + 1;
	}
	close_between(next, ~0U >> 1);
}

void
process_raise_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &l) != 0)
			log_warn("master", "the descriptor limit could not be raised", "error=%s",
			    strerror(errno));
	}
}

int64_t
process_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return 1024;
	return l.rlim_cur > (1 << 30) ? 1 << 30 : (int64_t)l.rlim_cur;
}

/* Coming up. */

static bool
become(const struct identity *who, struct err *e)
{
	if (!who->change)
		return true;
	if (initgroups(who->name, who->gid) != 0)
		return err_errno(e, "supplementary groups of %s cannot be set", who->name);
	if (setresgid(who->gid, who->gid, who->gid) != 0)
		return err_errno(e, "group %ld cannot be taken on", (long)who->gid);
	if (setresuid(who->uid, who->uid, who->uid) != 0)
		return err_errno(e, "user %s cannot be taken on", who->name);
	return true;
}

/* Secrets lie in this process's memory: it leaves no core, and no other process of its user may
 * look into it. */
void
process_forbid_cores(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) && !defined(POLLUX_SANITIZED)
	prctl(PR_SET_DUMPABLE, 0); /* the leak checker of the sanitizers must be able to look */
#endif
}

bool
process_settle(const struct birth *b, struct err *e)
{
	loop_signals_reset();
	close_others(b);
	process_set_title(b->title);
	log_set_process(b->title);
	if (!process_open_log(b->config, b->foreground, e))
		return false;
	/* Else who started us waits for its end for as long as we live.  The first janitor may
	 * have a client key to show there, and leaves it after that. */
	if (!b->foreground && !b->secrets)
		process_leave_stderr();
	if (!become(b->identity, e))
		return false;
	/* The master's to hear: whoever signals the whole group must not kill the others. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	process_forbid_cores();
	return true;
}

static void
ignore_frame(void *ctx, struct link *l, struct frame *f)
{
	(void)ctx;
	(void)l;
	(void)f;
}

static void
ignore_gone(void *ctx, struct link *l, const char *why)
{
	(void)ctx;
	(void)l;
	(void)why;
}

void
process_fail(const struct birth *b, const struct err *e)
{
	struct loop *loop = loop_new();
	struct link *l = link_open(loop, b->link_fd, ignore_frame, ignore_gone, NULL);

	log_error(b->title, "cannot start", "error=%s", e->text);
	if (l) {
		link_send(l, MESSAGE_FAILED, 0, span_of(e->text));
		for (int turns = 0; turns < 100 && link_queued_bytes(l) > 0; turns++)
			loop_turn(loop, 10);
		link_close(&l);
	}
	loop_free(&loop);
	exit(1);
}

/* Arguments, environment, title. */

static char **
copy_texts(char **texts)
{
	size_t n = 0;

	while (texts[n])
		n++;
	char **copy = mem_array(n + 1, sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = mem_dup(texts[i]);
	return copy;
}

/* Both lie behind one another on the stack, as the kernel put them there. */
static void
measure_block(char **argv)
{
	char *end = argv[0] + strlen(argv[0]) + 1;

	block = argv[0];
	for (int i = 1; argv[i]; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	for (int i = 0; environ && environ[i]; i++)
		if (environ[i] == end)
			end += strlen(environ[i]) + 1;
	block_bytes = (size_t)(end - block);
}

char **
process_keep_arguments(int argc, char **argv)
{
	if (argc > 0 && argv[0])
		measure_block(argv);
	arguments = copy_texts(argv);
	return arguments;
}

static bool
libraries_need(const char *variable)
{
	static const char *const needed[] = { "PATH=", "HOME=", "TZ=", "LANG=", "LC_",
		"NOTIFY_SOCKET=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (strncmp(variable, needed[i], strlen(needed[i])) == 0)
			return true;
	return false;
}

void
process_wipe_environment(void)
{
	char **kept = copy_texts(environ);
	size_t n = 0;

	for (size_t i = 0; kept[i]; i++) {
		if (libraries_need(kept[i])) {
			kept[n++] = kept[i];
			continue;
		}
		mem_wipe(kept[i], strlen(kept[i]));
		mem_free(kept[i]);
	}
	kept[n] = NULL;
	environ = kept_environment = kept;
	if (block)
		mem_wipe(block, block_bytes);
	process_set_title("master");
}

void
process_set_title(const char *title)
{
	char name[16];

	snprintf(name, sizeof(name), "pollux %.8s", title);
	prctl(PR_SET_NAME, name);
	if (!block || block_bytes < 2)
		return;
	/* Behind the title everything is NUL, so ps shows the title alone. */
	memset(block, 0, block_bytes);
	snprintf(block, block_bytes, "pollux: %s", title);
}
