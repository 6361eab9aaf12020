/*
 * Births and deaths.  Runs in the master; what stands behind fork() is the child's beginning.
 */
#include "proc/children.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "proc/janitor.h"
#include "proc/slots.h"
#include "proc/worker.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS   60000
#define READY_MAX_MS     120000 /* a child that has not come up by then never will */
#define DRAIN_SLACK_MS   10000  /* beyond drain_timeout, for a worker to end in order */
#define EMPTY_MAX_MS     100 /* a place may stand empty that long before its sockets are closed */

void
children_init(struct children *all, size_t worker_count)
{
	list_init(&all->all);
	all->worker_count = worker_count;
	all->workers = mem_array(worker_count, sizeof(*all->workers));
	all->janitor = (struct place){ .children = all, .is_janitor = true, .title = "janitor" };
	for (size_t i = 0; i < worker_count; i++) {
		all->workers[i] = (struct place){ .children = all, .number = i };
		snprintf(all->workers[i].title, sizeof(all->workers[i].title), "worker %zu", i);
	}
}

void
children_fini(struct children *all)
{
	list_for_each_safe(it, next, &all->all) {
		struct child *c = list_entry(it, struct child, link);

		loop_untimer(all->loop, &c->patience);
		link_close(&c->wire);
		list_remove(&c->link);
		mem_free(c);
	}
	mem_free(all->workers);
	all->workers = NULL;
	all->worker_count = 0;
}

/* Births. */

static void
bear_later(void *ctx)
{
	child_bear(ctx);
}

static void
lengthen_backoff(struct place *p)
{
	p->backoff_ms = p->backoff_ms ? p->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (p->backoff_ms > BACKOFF_MAX_MS)
		p->backoff_ms = BACKOFF_MAX_MS;
}

static void
schedule_birth(struct place *p)
{
	if (p->backoff_ms == 0) {
		child_bear(p);
		return;
	}
	log_warn("master", "child is started again later", "who=%s in=%llds", p->title,
	    (long long)(p->backoff_ms / 1000));
	loop_timer(p->children->loop, &p->rebirth, p->backoff_ms, bear_later, p);
}

static void
birth_failed(struct place *p, int slot, const char *why)
{
	if (slot >= 0)
		slot_bury(p->children->board, slot);
	log_error("master", "child cannot be started", "who=%s error=%s", p->title, why);
	lengthen_backoff(p);
	schedule_birth(p);
}

/* In the child: what it inherits, then its own main, which does not return. */
static _Noreturn void
live(struct place *p, int slot, int fd)
{
	struct children *all = p->children;
	struct birth b = all->birth;

	b.title = p->title;
	b.board = all->board;
	b.slot = slot;
	b.link_fd = fd;
	b.lifeline_fd = all->lifeline[0];
	b.listen_names = sockets_names(all->sockets);
	b.master_pid = getppid();
	if (p->is_janitor) {
		b.listen_fds = all->control_fds;
		b.listen_count = 2;
		janitor_main(&b);
	}
	b.secrets = NULL;
	b.listen_fds = sockets_of(all->sockets, p->number);
	b.listen_count = sockets_count(all->sockets);
	worker_main(&b);
}

static void
lose_patience(void *ctx)
{
	struct child *c = ctx;

	log_error("master", "child is killed: it takes too long", "who=%s pid=%ld step=%s",
	    c->place->title, (long)c->pid, c->ready ? "end" : "start");
	if (!c->dead)
		kill(c->pid, SIGKILL);
}

void
child_hurry(struct child *c, int64_t within_ms)
{
	loop_timer(c->place->children->loop, &c->patience, within_ms, lose_patience, c);
}

static void on_frame(void *ctx, struct link *, struct frame *);
static void on_wire_gone(void *ctx, struct link *, const char *why);

static void
register_child(struct place *p, pid_t pid, int fd, int slot)
{
	struct children *all = p->children;
	struct child *c = mem_alloc(sizeof(*c));

	*c = (struct child){ .place = p,
		.pid = pid,
		.slot = slot,
		.drain_ms = all->birth.config->server_drain_timeout_ms };
	list_push(&all->all, &c->link);
	p->child = c;
	if (slot >= 0)
		atomic_store(&board_slot(all->board, slot)->pid, pid);
	c->wire = link_open(all->loop, fd, on_frame, on_wire_gone, c);
	child_hurry(c, READY_MAX_MS);
}

static bool
prepare_worker(struct place *p, int *slot, struct err *e)
{
	struct children *all = p->children;

	if (!sockets_open_place(all->sockets, p->number, e))
		return false;
	*slot = board_slot_take(all->board, (uint32_t)p->number, loop_wall_ms(all->loop));
	return *slot >= 0 ||
	       err_set(e, ERR_SYSTEM, "no slot is free on the board: too many workers still drain");
}

void
child_bear(struct place *p)
{
	struct children *all = p->children;
	struct err e = ERR_INIT;
	int slot = -1, pair[2];

	if (all->barren || p->child)
		return;
	loop_untimer(all->loop, &p->rebirth);
	if ((!p->is_janitor && !prepare_worker(p, &slot, &e)) || !link_pair(pair, &e)) {
		birth_failed(p, slot, e.text);
		return;
	}
	pid_t pid = fork();

	if (pid == 0)
		live(p, slot, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		birth_failed(p, slot, strerror(errno));
		return;
	}
	loop_untimer(all->loop, &p->empty);
	register_child(p, pid, pair[0], slot);
}

/* While they live. */

/* A worker was told by a signal to drain: another one takes its place at once. */
static void
replace_leaver(struct child *c)
{
	c->leaving = true;
	if (c->place->child != c)
		return;
	c->place->child = NULL;
	child_bear(c->place);
}

static void
on_frame(void *ctx, struct link *l, struct frame *f)
{
	struct child *c = ctx;
	struct children *all = c->place->children;

	(void)l;
	switch (f->kind) {
	case MESSAGE_READY:
		c->ready = true;
		loop_untimer(all->loop, &c->patience);
		c->place->backoff_ms = 0;
		log_info("master", "child ready", "who=%s pid=%ld", c->place->title, (long)c->pid);
		all->events.ready(all->ctx, c);
		break;
	case MESSAGE_FAILED:
		snprintf(c->why, sizeof(c->why), "%.*s", SPAN_ARG(f->body));
		break;
	default:
		if (!c->place->is_janitor && f->kind == MESSAGE_DRAIN)
			replace_leaver(c);
		if (c->place->is_janitor)
			all->events.asked(all->ctx, c, f);
		break;
	}
}

void
child_tell(struct child *c, enum message kind)
{
	if (kind != MESSAGE_REOPEN)
		c->leaving = true;
	if (c->dead)
		return; /* its pid may be a stranger's by now */
	if (!c->wire || !link_send(c->wire, kind, 0, SPAN_NONE))
		kill(c->pid, SIGTERM);
}

void
children_tell_workers(struct children *all, enum message kind)
{
	list_for_each(it, &all->all) {
		struct child *c = list_entry(it, struct child, link);

		if (!c->place->is_janitor && !c->dead)
			child_tell(c, kind);
	}
}

void
children_relieve(struct children *all, const struct child *newest)
{
	list_for_each(it, &all->all) {
		struct child *c = list_entry(it, struct child, link);

		if (c->place != newest->place || c == newest || c->leaving || c->dead)
			continue;
		child_tell(c, MESSAGE_DRAIN);
		/* It looks at its own clock; one that hangs does not, and would stay for ever. */
		child_hurry(c, c->drain_ms + DRAIN_SLACK_MS);
	}
}

size_t
children_count_workers(const struct children *all)
{
	size_t n = 0;

	for (const struct list *it = all->all.next; it != &all->all; it = it->next)
		n += !list_entry(it, const struct child, link)->place->is_janitor;
	return n;
}

void
children_kill(struct children *all, bool workers_only)
{
	list_for_each(it, &all->all) {
		struct child *c = list_entry(it, struct child, link);

		if (!c->dead && !(workers_only && c->place->is_janitor))
			kill(c->pid, SIGKILL);
	}
}

/* Deaths. */

/* One of an older generation that nobody has told to leave serves the place still. */
static bool
has_older(struct place *p)
{
	list_for_each(it, &p->children->all) {
		const struct child *c = list_entry(it, struct child, link);

		if (c->place == p && !c->leaving && !c->dead)
			return true;
	}
	return false;
}

static void
close_empty_place(void *ctx)
{
	struct place *p = ctx;

	if (p->child || has_older(p))
		return;
	log_warn("master", "place stands empty: its sockets are closed", "who=%s", p->title);
	sockets_close_place(p->children->sockets, p->number);
}

static void
log_death(const struct child *c)
{
	if (WIFSIGNALED(c->status))
		log_error("master", "child was killed", "who=%s pid=%ld signal=%s", c->place->title,
		    (long)c->pid, strsignal(WTERMSIG(c->status)));
	else if (!c->leaving)
		log_error("master", "child ended", "who=%s pid=%ld code=%d why=%s", c->place->title,
		    (long)c->pid, WEXITSTATUS(c->status), c->why[0] ? c->why : "unknown");
	else
		log_info("master", "child ended", "who=%s pid=%ld", c->place->title, (long)c->pid);
}

/* A dead reader's slot in the store pins pages: the janitor looks at once. */
static void
tell_janitor_of(struct children *all, int slot)
{
	uint32_t number = (uint32_t)slot;
	struct child *janitor = all->janitor.child;

	if (janitor && janitor->wire)
		link_send(janitor->wire, MESSAGE_REAPED, 0, span_mem(&number, sizeof(number)));
}

static void
bury(struct child *c)
{
	struct place *p = c->place;
	struct children *all = p->children;
	bool served = p->child == c;

	log_death(c);
	loop_untimer(all->loop, &c->patience);
	list_remove(&c->link);
	if (served)
		p->child = NULL;
	if (c->slot >= 0) {
		slot_bury(all->board, c->slot);
		tell_janitor_of(all, c->slot);
	}
	if (served && !c->ready)
		lengthen_backoff(p);
	if (all->events.ended(all->ctx, c, served) && served) {
		if (!p->is_janitor)
			loop_timer(all->loop, &p->empty, EMPTY_MAX_MS, close_empty_place, p);
		schedule_birth(p);
	}
	mem_free(c);
}

static void
on_wire_gone(void *ctx, struct link *l, const char *why)
{
	struct child *c = ctx;

	(void)l;
	(void)why;
	c->wire = NULL;
	if (c->dead)
		bury(c);
}

static struct child *
child_of(struct children *all, pid_t pid)
{
	list_for_each(it, &all->all) {
		struct child *c = list_entry(it, struct child, link);

		if (c->pid == pid)
			return c;
	}
	return NULL;
}

void
children_reap(struct children *all)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = child_of(all, pid);

		if (!c)
			continue;
		c->dead = true;
		c->status = status;
		if (!c->wire)
			bury(c);
	}
}
