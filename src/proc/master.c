/*
 * The master: phases, signals, reload.  One process, one loop.  Owns every listening socket,
 * the board, the pid file and its children; reads no request, opens neither key file nor store.
 *
 *	STARTING   janitor, then workers, until all have said READY
 *	RUNNING    whoever dies is replaced; a reload brings a new janitor, then new workers
 *	STOPPING   workers drain, then the janitor writes what is left
 *	ENDED
 */
#include "proc/master.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "proc/children.h"
#include "proc/process.h"
#include "proc/rundir.h"
#include "proc/sockets.h"

#define FLUSH_MAX_MS 10000 /* the janitor's last commits */

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING, PHASE_ENDED };

struct master {
	struct master_start *start; /* borrowed */
	struct config *config;      /* owned: the snapshot of the newest children */
	struct config *next_config; /* owned: of a reload, until the old janitor has ended */
	bool renewing; /* of a reload: the READY of the new janitor brings new workers */
	struct identity identity;
	struct loop *loop;
	struct rundir rundir;
	struct sockets *sockets;
	int lifeline[2];
	struct children children;
	struct timer deadline; /* of stopping */
	enum phase phase;
	int exit_code;
};

/* Moves the phase; it only ever goes on. */
static void
enter(struct master *m, enum phase next)
{
	assert(next > m->phase);
	m->phase = next;
}

/* Children reopen a log file as themselves, so it is theirs whenever it was made anew.  By its
 * descriptor, and never a device: /dev/null is nobody's to give. */
static bool
give_log_file(const struct master *m, struct err *e)
{
	struct stat st;
	int fd = log_fd();

	if (!m->identity.change || m->config->log_target[0] != '/' || fd < 0 ||
	    fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return true;
	if (fchown(fd, m->identity.uid, m->identity.gid) != 0)
		return err_errno(e, "log file %s cannot be given to %s", m->config->log_target,
		    m->identity.name);
	return true;
}

/* Saying how it went. */

static void
tell_starter(struct master *m, const char *line)
{
	if (m->start->ready_fd < 0)
		return;
	if (write(m->start->ready_fd, line ? line : "", line ? strlen(line) : 1) < 0)
		log_warn("master", "who started this does not listen any more", "error=%s",
		    strerror(errno));
	close(m->start->ready_fd);
	m->start->ready_fd = -1;
	process_leave_stderr();
}

static void begin_stop(struct master *);

static void
fail_start(struct master *m, const char *line)
{
	if (m->start->foreground)
		fprintf(stderr, "polluxd: %s\n", line);
	tell_starter(m, line);
	m->exit_code = 1;
	begin_stop(m);
}

static bool
all_ready(const struct master *m)
{
	for (size_t i = 0; i < m->children.worker_count; i++) {
		const struct child *c = m->children.workers[i].child;

		if (!c || !c->ready)
			return false;
	}
	return m->children.janitor.child && m->children.janitor.child->ready;
}

static void
announce_if_ready(struct master *m)
{
	struct buf listen = BUF_INIT;

	if (m->phase != PHASE_STARTING || !all_ready(m))
		return;
	enter(m, PHASE_RUNNING);
	for (const char *const *name = sockets_names(m->sockets); *name; name++)
		buf_printf(&listen, "%s%s", listen.len ? "," : "", *name);
	log_info("master", "ready", "version=%s pid=%ld workers=%zu listen=%s", PACKAGE_VERSION,
	    (long)getpid(), m->children.worker_count, buf_text(&listen));
	buf_fini(&listen);
	tell_starter(m, NULL);
}

/* Stopping. */

static void
kill_all(void *ctx)
{
	struct master *m = ctx;

	children_kill(&m->children, children_count_workers(&m->children) > 0);
}

/* Workers first: the janitor has their last records to write. */
static void
go_on_stopping(struct master *m)
{
	struct child *janitor = m->children.janitor.child;

	if (m->phase != PHASE_STOPPING || children_count_workers(&m->children) > 0)
		return;
	if (list_is_empty(&m->children.all)) {
		enter(m, PHASE_ENDED);
		loop_stop(m->loop);
	} else if (janitor && !janitor->leaving) {
		child_tell(janitor, MESSAGE_STOP);
		loop_timer(m->loop, &m->deadline, FLUSH_MAX_MS, kill_all, m);
	}
}

static void
begin_stop(struct master *m)
{
	if (m->phase >= PHASE_STOPPING)
		return;
	enter(m, PHASE_STOPPING);
	m->children.barren = true;
	log_info("master", "draining, then stopping", "workers=%zu",
	    children_count_workers(&m->children));
	/* Nobody will answer a new connection: it is refused instead of left waiting. */
	for (size_t i = 0; i < m->children.worker_count; i++)
		sockets_close_place(m->sockets, i);
	children_tell_workers(&m->children, MESSAGE_DRAIN);
	loop_timer(
	    m->loop, &m->deadline, m->config->server_drain_timeout_ms + FLUSH_MAX_MS, kill_all, m);
	go_on_stopping(m);
}

/* Reloading. */

static void
say_config_fault(void *ctx, bool is_error, const char *line)
{
	(void)ctx;
	if (is_error)
		log_error("config", "refused", "line=%s", line);
	else
		log_warn("config", "noticed", "line=%s", line);
}

static void
say_changed(void *ctx, const char *name, bool restart)
{
	(void)ctx;
	if (restart)
		log_warn(
		    "config", "changed, but takes a restart to have an effect", "setting=%s", name);
	else
		log_info("config", "changed", "setting=%s", name);
}

/* False fills err: the old configuration goes on, or the one that a reload under way has read. */
static bool
begin_reload(struct master *m, struct err *e)
{
	struct config *next;

	if (m->phase != PHASE_RUNNING)
		return err_set(
		    e, ERR_CONFLICT, "Pollux is starting or stopping: try again when it is done");
	next = config_load(m->start->input, say_config_fault, m);
	if (!next)
		return err_set(e, ERR_CONFIG,
		    "the configuration is not valid and the old one goes on: the log names each "
		    "fault, "
		    "and so does polluxd -t");
	config_free(&m->next_config);
	m->next_config = next;
	config_diff(m->config, m->next_config, say_changed, NULL);
	config_keep_running(m->next_config, m->config);
	log_info("master", "reloading", NULL);
	return true;
}

/* The old janitor has ended.  The new snapshot goes to a new one, and when that is READY to new
 * workers. */
static void
adopt_next_config(struct master *m)
{
	struct err e = ERR_INIT;

	config_free(&m->config);
	m->config = m->next_config;
	m->next_config = NULL;
	m->renewing = true;
	m->children.birth.config = m->config;
	if (!process_open_log(m->config, m->start->foreground, &e) || !give_log_file(m, &e))
		log_error("master", "the log cannot be opened as the new configuration says",
		    "error=%s", e.text);
	if (!rundir_mend(&m->rundir, m->config, &m->identity, &e))
		log_error("master", "polluxctl cannot reach this daemon", "error=%s", e.text);
	child_bear(&m->children.janitor);
}

/* The old janitor ends first; where there is none (it did not come up), nothing is waited for. */
static void
change_janitor(struct master *m)
{
	struct child *janitor = m->children.janitor.child;

	if (!janitor) {
		m->children.janitor.backoff_ms = 0;
		adopt_next_config(m);
		return;
	}
	if (janitor->leaving)
		return; /* asked again meanwhile: what was read last is adopted when it has ended */
	child_tell(janitor, MESSAGE_STOP);
	child_hurry(janitor, FLUSH_MAX_MS);
}

/* Workers that are missing, and after a reload one more for each place. */
static void
bear_workers(struct master *m)
{
	for (size_t i = 0; i < m->children.worker_count; i++) {
		struct place *p = &m->children.workers[i];

		if (m->renewing)
			p->child = NULL; /* goes on until the new one is READY */
		if (!p->child && !p->rebirth.place)
			child_bear(p);
	}
	m->renewing = false;
}

/* Events of the children. */

static void
on_child_ready(void *ctx, struct child *c)
{
	struct master *m = ctx;

	if (!c->place->is_janitor) {
		children_relieve(&m->children, c);
	} else {
		/* It has stored what came by the environment; nobody born from now on sees that. */
		config_secrets_wipe(config_input_secrets(m->start->input));
		m->children.birth.secrets = NULL;
		bear_workers(m);
	}
	announce_if_ready(m);
}

static void
on_janitor_asked(void *ctx, struct child *c, const struct frame *f)
{
	struct master *m = ctx;
	struct err e = ERR_INIT;

	switch (f->kind) {
	case MESSAGE_RELOAD:
		if (!begin_reload(m, &e)) {
			log_error("master", "reload refused", "why=%s", e.text);
			link_send(c->wire, MESSAGE_REFUSED, f->id, span_of(e.text));
			break;
		}
		link_send(c->wire, MESSAGE_DONE, f->id, SPAN_NONE);
		change_janitor(m);
		break;
	case MESSAGE_DRAIN:
	case MESSAGE_STOP:
		link_send(c->wire, MESSAGE_DONE, f->id, SPAN_NONE);
		begin_stop(m);
		break;
	default:
		break;
	}
}

static bool
on_child_ended(void *ctx, struct child *c, bool served)
{
	struct master *m = ctx;

	if (served && m->phase == PHASE_STARTING && !c->ready) {
		fail_start(m,
		    c->why[0] ? c->why : "a child process died while starting; the log says more");
		return false;
	}
	if (served && c->place->is_janitor && m->next_config && m->phase == PHASE_RUNNING) {
		adopt_next_config(m);
		return false;
	}
	go_on_stopping(m);
	return m->phase < PHASE_STOPPING;
}

/* Signals. */

static void
on_sigchld(void *ctx, int signo)
{
	struct master *m = ctx;

	(void)signo;
	children_reap(&m->children);
	go_on_stopping(m);
}

static void
on_terminate(void *ctx, int signo)
{
	struct master *m = ctx;

	(void)signo;
	if (m->phase < PHASE_STOPPING) {
		begin_stop(m);
		return;
	}
	log_info("master", "stopping at once", "workers=%zu", children_count_workers(&m->children));
	children_tell_workers(&m->children, MESSAGE_STOP);
	loop_timer(m->loop, &m->deadline, FLUSH_MAX_MS, kill_all, m);
}

static void
on_sighup(void *ctx, int signo)
{
	struct master *m = ctx;
	struct err e = ERR_INIT;

	(void)signo;
	if (begin_reload(m, &e))
		change_janitor(m);
	else
		log_error("master", "reload refused", "why=%s", e.text);
}

static void
on_sigusr1(void *ctx, int signo)
{
	struct master *m = ctx;
	struct err e = ERR_INIT;

	(void)signo;
	if (!log_reopen(&e) || !give_log_file(m, &e))
		log_error("master", "the log cannot be opened anew", "error=%s", e.text);
	list_for_each(it, &m->children.all)
		child_tell(list_entry(it, struct child, link), MESSAGE_REOPEN);
}

static void
on_sigusr2(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	log_warn("master",
	    "SIGUSR2 is ignored: this build cannot replace its binary in place; restart it", NULL);
}

/* Up and down. */

static bool
come_up(struct master *m, struct err *e)
{
	int64_t workers = m->config->server_workers;

	if (workers == 0)
		workers = sysconf(_SC_NPROCESSORS_ONLN);
	process_raise_descriptors();
	if (!process_open_log(m->config, m->start->foreground, e) ||
	    !process_identity(m->config, &m->identity, e) || !give_log_file(m, e) ||
	    !rundir_open(&m->rundir, m->config, &m->identity, e))
		return false;
	m->sockets = sockets_open(&m->config->server_listen, workers < 1 ? 1 : (size_t)workers, e);
	if (!m->sockets)
		return false;
	if (pipe2(m->lifeline, O_CLOEXEC) != 0)
		return err_errno(e, "pipe");
	m->loop = loop_new();
	children_init(&m->children, workers < 1 ? 1 : (size_t)workers);
	return true;
}

static void
run(struct master *m)
{
	m->children.loop = m->loop;
	m->children.board = m->rundir.board;
	m->children.sockets = m->sockets;
	m->children.control_fds = m->rundir.control_fds;
	m->children.lifeline = m->lifeline;
	m->children.birth = (struct birth){ .config = m->config,
		.identity = &m->identity,
		.secrets = config_input_secrets(m->start->input),
		.started_wall_ms = loop_wall_ms(m->loop),
		.foreground = m->start->foreground };
	m->children.events = (struct children_events){
		.ready = on_child_ready, .asked = on_janitor_asked, .ended = on_child_ended
	};
	m->children.ctx = m;
	loop_signal(m->loop, SIGCHLD, on_sigchld, m);
	loop_signal(m->loop, SIGTERM, on_terminate, m);
	loop_signal(m->loop, SIGINT, on_terminate, m);
	loop_signal(m->loop, SIGHUP, on_sighup, m);
	loop_signal(m->loop, SIGUSR1, on_sigusr1, m);
	loop_signal(m->loop, SIGUSR2, on_sigusr2, m);
	child_bear(&m->children.janitor);
	loop_run(m->loop);
}

static void
go_down(struct master *m)
{
	bool orderly = m->phase == PHASE_ENDED || !m->loop;

	if (m->phase == PHASE_ENDED)
		log_info("master", "stopped", NULL);
	if (m->rundir.board)
		rundir_close(&m->rundir, m->config, orderly);
	if (m->loop)
		children_fini(&m->children);
	sockets_close(&m->sockets);
	for (size_t i = 0; i < 2; i++)
		if (m->lifeline[i] >= 0)
			close(m->lifeline[i]);
	config_free(&m->next_config);
	config_free(&m->config);
	loop_free(&m->loop);
	log_close();
}

int
master_run(struct master_start *start)
{
	struct master *m = mem_alloc(sizeof(*m));
	struct err e = ERR_INIT;

	*m = (struct master){ .start = start, .config = start->config, .lifeline = { -1, -1 } };
	start->config = NULL;
	log_set_process("master");
	signal(SIGPIPE, SIG_IGN);
	if (come_up(m, &e)) {
		run(m);
	} else {
		if (start->foreground)
			fprintf(stderr, "polluxd: %s\n", e.text);
		tell_starter(m, e.text);
		m->exit_code = 1;
	}
	go_down(m);
	int code = m->exit_code;

	mem_free(m);
	return code;
}
