/*
 * The master's children: places, births, deaths.
 *
 * Each worker number is a place, and the janitor has one of its own.  A place has at most one
 * child that serves it and any number of older ones that drain.  A child that had said READY
 * is replaced at once, one that dies before it after 1 s, doubling to 60 s.  A worker's place that
 * stands empty for longer than 100 ms has its sockets closed until somebody serves it again.
 *
 * What the master does about it all is its own business: it gives callbacks.
 */
#ifndef POLLUX_PROC_CHILDREN_H
#define POLLUX_PROC_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/loop.h"
#include "ipc/board.h"
#include "ipc/link.h"
#include "proc/process.h"
#include "proc/sockets.h"

struct children;
struct place;

struct child {
	struct list link;    /* in children.all */
	struct place *place; /* borrowed */
	pid_t pid;
	struct link *wire; /* owned; NULL once it is closed */
	int slot;          /* of the board; -1: the janitor */
	int64_t drain_ms;  /* how long it may drain, by the configuration it was born with */
	bool ready;
	bool leaving; /* told to drain or stop: its death is no accident */
	struct timer
	    patience;  /* until READY, and from STOP to its end where the master asks for that */
	bool dead;     /* reaped; buried once its wire has given what it said last */
	int status;    /* of waitpid */
	char why[512]; /* what it said when it could not start */
};

struct place {
	struct children *children; /* borrowed */
	size_t number;
	bool is_janitor;
	char title[32];
	struct child *child; /* who serves it; borrowed from children.all; NULL while it is empty */
	int64_t backoff_ms;  /* 0: the last one had said READY */
	struct timer rebirth;
	struct timer empty;
};

struct children_events {
	void (*ready)(void *ctx, struct child *);
	void (*asked)(
	    void *ctx, struct child *, const struct frame *); /* the janitor's questions */
	/* It is out of every list and is freed behind the call.  served: the place it served is
	 * empty now; true: the place is to be filled again. */
	bool (*ended)(void *ctx, struct child *, bool served);
};

struct children {
	struct loop *loop; /* borrowed, like all up to events */
	struct board *board;
	struct sockets *sockets;
	const int *control_fds; /* control.sock, janitor.sock */
	const int *lifeline;    /* both ends of the pipe */
	struct birth birth;     /* what all of them are born with; config and secrets may change */
	struct children_events events;
	void *ctx;
	struct list all; /* struct child, those that drain too */
	struct place janitor;
	struct place *workers; /* owned */
	size_t worker_count;
	bool barren; /* no more births: the daemon stops */
};

void children_init(struct children *, size_t worker_count);
void children_fini(struct children *);
void child_bear(struct place *); /* for an empty place; a failure is logged and tried again later */
/* A message that needs no answer; a child whose wire is gone is sent SIGTERM.  All but REOPEN make
 * it leave. */
void child_tell(struct child *, enum message);
void children_tell_workers(struct children *, enum message);
/* Those before newest at its place, which still take connections, are told to drain. */
void children_relieve(struct children *, const struct child *newest);
size_t children_count_workers(const struct children *);
void children_kill(struct children *, bool workers_only);
/* It is killed unless it has ended by then. */
void child_hurry(struct child *, int64_t within_ms);
void children_reap(struct children *); /* on SIGCHLD */

#endif
