/*
 * The janitor: it alone writes the store, it answers control.sock, it does the chores
 * (proc/chores.c).  Owns the writing environment, the committer and every link to workers and to
 * polluxctl.  May never answer clients' HTTP, nor do anything but puts inside a write transaction.
 */
#include "proc/janitor.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "net/fetch.h"
#include "proc/chores.h"
#include "proc/control.h"
#include "proc/first_run.h"
#include "store/store.h"
#include "store/writer.h"

#define IDLE_UPSTREAM   4 /* connections kept for fetches out of band */
#define ACCEPTS_AT_ONCE 64
#define FDS_SPENT_MS    1000 /* until a door is looked at again that could not be answered */
#define LAST_TURN_MS    20   /* without a word from anybody: all that was sent has been read */
#define LAST_TURNS      100
#define GROUPS_MAX      256

enum { DOOR_CONTROL, DOOR_WORKERS, DOOR_COUNT }; /* as the master orders listen_fds */

struct janitor;

/* A listening socket. */
struct door {
	struct janitor *janitor;
	struct watch watch;
	struct timer again;
	bool is_control;
};

/* A link of a worker's or polluxctl's. */
struct peer {
	struct list link; /* in janitor.peers */
	struct janitor *janitor;
	struct link *wire; /* owned */
	bool is_control;
};

struct janitor {
	const struct birth *birth; /* borrowed from the master's memory */
	struct loop *loop;
	struct seal *seal;
	struct store *store;
	struct committer *committer; /* NULL again while it goes down */
	struct fetcher *fetcher;
	struct control control;
	struct link *master;
	struct watch lifeline;
	struct door doors[DOOR_COUNT];
	struct list peers;
	struct chores *chores; /* owned */
	uint64_t heard;        /* frames and peers that came */
};

/* Peers. */

/* The link is closed, or about to be. */
static void
peer_free(struct peer *p, struct link *wire)
{
	struct janitor *j = p->janitor;

	if (p->is_control)
		control_forget(&j->control, wire);
	else if (j->committer)
		committer_forget(j->committer, wire);
	list_remove(&p->link);
	mem_free(p);
}

static void
on_peer_frame(void *ctx, struct link *l, struct frame *f)
{
	struct peer *p = ctx;
	struct janitor *j = p->janitor;

	j->heard++;
	if (!p->is_control && f->kind == MESSAGE_WRITE) {
		if (j->committer) /* else it stays with the worker, for the next janitor */
			committer_frame(j->committer, l, f);
	} else if (p->is_control && f->kind == MESSAGE_CONTROL && j->committer) {
		control_frame(&j->control, l, f);
	} else if (f->id) {
		link_send(l, MESSAGE_REFUSED, f->id,
		    j->committer ? SPAN("this socket does not take such messages")
				 : SPAN("Pollux is stopping or reloading: try again in a moment"));
	}
}

static void
on_peer_gone(void *ctx, struct link *l, const char *why)
{
	struct peer *p = ctx;

	log_debug("janitor", "peer left", "control=%d why=%s", p->is_control, why);
	peer_free(p, l);
}

static bool
has_our_group(int fd)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == getegid())
			return true;
	return false;
}

/* Records are written by workers alone; who may control Pollux is root, its user, its group. */
static bool
may_enter(const struct door *d, int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return false;
	if (who.uid == 0 || who.uid == geteuid() ||
	    (d->is_control && (who.gid == getegid() || has_our_group(fd))))
		return true;
	log_warn(
	    "janitor", "a peer was turned away", "uid=%ld pid=%ld", (long)who.uid, (long)who.pid);
	return false;
}

static void
welcome(struct door *d, int fd)
{
	struct peer *p = mem_alloc(sizeof(*p));

	p->janitor = d->janitor;
	p->is_control = d->is_control;
	list_push(&d->janitor->peers, &p->link);
	p->wire = link_open(d->janitor->loop, fd, on_peer_frame, on_peer_gone, p);
}

static void
look_again(void *ctx)
{
	struct door *d = ctx;

	loop_rewatch(d->janitor->loop, &d->watch, EPOLLIN);
}

static void
on_knock(void *ctx, uint32_t events)
{
	struct door *d = ctx;

	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(d->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			log_error("janitor", "a connection cannot be taken", "error=%m");
			loop_rewatch(d->janitor->loop, &d->watch, 0);
			loop_timer(d->janitor->loop, &d->again, FDS_SPENT_MS, look_again, d);
			return;
		}
		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			return;
		if (fd < 0)
			continue;
		d->janitor->heard++;
		if (may_enter(d, fd))
			welcome(d, fd);
		else
			close(fd);
	}
}

static void
open_doors(struct janitor *j)
{
	for (int i = 0; i < DOOR_COUNT; i++) {
		j->doors[i].janitor = j;
		j->doors[i].is_control = i == DOOR_CONTROL;
		loop_watch(j->loop, &j->doors[i].watch, j->birth->listen_fds[i], EPOLLIN, on_knock,
		    &j->doors[i]);
	}
}

/* The master. */

static void
on_master_frame(void *ctx, struct link *l, struct frame *f)
{
	struct janitor *j = ctx;
	struct err e = ERR_INIT;

	(void)l;
	switch (f->kind) {
	case MESSAGE_STOP:
		loop_stop(j->loop);
		break;
	case MESSAGE_REAPED:
		store_check_readers(j->store);
		break;
	case MESSAGE_REOPEN:
		if (!log_reopen(&e))
			log_error("janitor", "the log cannot be opened anew", "error=%s", e.text);
		break;
	case MESSAGE_DONE:
	case MESSAGE_REFUSED:
		control_master_replied(&j->control, f);
		break;
	default:
		break;
	}
}

static void
on_master_gone(void *ctx, struct link *l, const char *why)
{
	struct janitor *j = ctx;

	(void)l;
	j->master = NULL;
	log_warn("janitor", "the master is gone: ending", "why=%s", why);
	loop_stop(j->loop);
}

static void
on_lifeline(void *ctx, uint32_t events)
{
	struct janitor *j = ctx;

	(void)events;
	loop_unwatch(j->loop, &j->lifeline);
	loop_stop(j->loop);
}

/*
 * Ctrl-C and service managers signal every process at once.  The workers still have records to
 * write then, so the janitor ends when the master says so, or is gone.
 */
static void
on_signal(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	log_debug("janitor", "a signal to end is left to the master", NULL);
}

/* Up and down. */

static bool
open_store(struct janitor *j, struct err *e)
{
	const struct config *c = j->birth->config;

	/* Asked as who we have become: the master, as root, could do anything. */
	if (access(c->state_dir, R_OK | W_OK | X_OK) != 0)
		return err_errno(e,
		    "state.dir: the account that Pollux runs as must own %s, and be let through "
		    "to it",
		    c->state_dir);
	/* A store without its key file is not given a new key: nothing in it could be read. */
	j->seal = seal_open(c->state_key_file, !store_exists(c->state_dir), e);
	if (!j->seal)
		return false;
	j->store = store_open(c->state_dir, STORE_WRITE, c->state_map_size_bytes, j->seal, e);
	if (!j->store)
		return false;
	store_check_readers(j->store);
	return true;
}

/* One before us may have been killed between its commit and telling of it. */
static void
tell_all_changed(struct janitor *j)
{
	for (int g = 0; g < BOARD_GEN_COUNT; g++)
		board_bump(j->birth->board, (enum board_generation)g);
}

static bool
do_first_run(struct janitor *j, struct err *e)
{
	struct first_run run = { .birth = j->birth,
		.store = j->store,
		.seal = j->seal,
		.board = j->birth->board,
		.now_wall_ms = loop_clock_wall_ms(),
		.to_terminal = isatty(STDERR_FILENO) };
	bool ok = first_run(&run, e);

	if (!j->birth->foreground)
		process_leave_stderr();
	return ok;
}

static bool
open_fetcher(struct janitor *j, struct err *e)
{
	const struct config *c = j->birth->config;
	struct fetcher_config fc = { .proxy = c->upstream_proxy,
		.ca_file = c->upstream_ca_file,
		.user_agent = "pollux/" PACKAGE_VERSION,
		.max_idle_connections = IDLE_UPSTREAM };

	j->fetcher = fetcher_new(j->loop, &fc, e);
	return j->fetcher != NULL;
}

static void
open_control(struct janitor *j)
{
	j->control = (struct control){ .loop = j->loop,
		.birth = j->birth,
		.store = j->store,
		.seal = j->seal,
		.board = j->birth->board,
		.committer = j->committer,
		.fetcher = j->fetcher,
		.master = &j->master };
	control_init(&j->control);
}

static void
start_chores(struct janitor *j)
{
	struct chores_house house = { .birth = j->birth,
		.loop = j->loop,
		.store = j->store,
		.committer = j->committer,
		.fetcher = j->fetcher };

	j->chores = chores_new(&house);
}

static bool
come_up(struct janitor *j, struct err *e)
{
	const struct birth *b = j->birth;

	if (!process_settle(b, e) || !open_store(j, e) || !chores_restore(b, j->store, e))
		return false;
	tell_all_changed(j);
	j->loop = loop_new();
	loop_signal(j->loop, SIGTERM, on_signal, j);
	loop_signal(j->loop, SIGINT, on_signal, j);
	if (!do_first_run(j, e) || !open_fetcher(j, e))
		return false;
	j->committer = committer_new(j->loop, j->store, b->board);
	open_control(j);
	open_doors(j);
	start_chores(j);
	j->master = link_open(j->loop, b->link_fd, on_master_frame, on_master_gone, j);
	loop_watch(j->loop, &j->lifeline, b->lifeline_fd, EPOLLIN | EPOLLRDHUP, on_lifeline, j);
	link_send(j->master, MESSAGE_READY, 0, SPAN_NONE);
	return true;
}

/* What workers sent before they ended may still stand in their sockets. */
static void
hear_them_out(struct janitor *j)
{
	uint64_t heard;
	int turns = 0;

	do {
		heard = j->heard;
		loop_turn(j->loop, LAST_TURN_MS);
	} while (j->heard != heard && ++turns < LAST_TURNS);
}

/* Answers that were just given leave before the links close. */
static void
let_answers_leave(struct janitor *j)
{
	for (int turns = 0; turns < LAST_TURNS; turns++) {
		size_t queued = 0;

		list_for_each(it, &j->peers)
			queued += link_queued_bytes(list_entry(it, struct peer, link)->wire);
		if (queued == 0)
			return;
		loop_turn(j->loop, LAST_TURN_MS);
	}
}

static void
close_doors(struct janitor *j)
{
	for (int i = 0; i < DOOR_COUNT; i++) {
		loop_unwatch(j->loop, &j->doors[i].watch);
		loop_untimer(j->loop, &j->doors[i].again);
	}
}

/* What has been opened, in reverse; a start that failed has only a part of it. */
static void
close_all(struct janitor *j)
{
	fetcher_free(&j->fetcher);
	store_close(&j->store);
	seal_close(&j->seal);
	loop_free(&j->loop);
}

static void
go_down(struct janitor *j)
{
	chores_stop(j->chores);
	hear_them_out(j);
	close_doors(j);
	chores_flush(j->chores);
	committer_free(&j->committer);
	chores_free(&j->chores);
	control_fini(&j->control);
	let_answers_leave(j);
	list_for_each_safe(it, next, &j->peers) {
		struct peer *p = list_entry(it, struct peer, link);
		struct link *wire = p->wire;

		peer_free(p, wire);
		link_close(&wire);
	}
	loop_unwatch(j->loop, &j->lifeline);
	link_close(&j->master);
	close_all(j);
	log_close();
}

void
janitor_main(const struct birth *b)
{
	struct janitor *j = mem_alloc(sizeof(*j));
	struct err e = ERR_INIT;

	j->birth = b;
	list_init(&j->peers);
	if (sodium_init() < 0) {
		err_set(&e, ERR_SYSTEM, "libsodium cannot be initialised");
		process_fail(b, &e);
	}
	if (!come_up(j, &e)) {
		close_all(j);
		mem_free(j);
		process_fail(b, &e);
	}
	loop_run(j->loop);
	go_down(j);
	mem_free(j);
	exit(0);
}
