/*
 * The event loop of a process: epoll, timers, deferred calls, signals.  The only room that
 * asks the time.
 *
 * Order of one turn: wait -> read the clock -> descriptors -> timers that are due -> turn
 * hooks -> deferred calls (also those that deferred calls add, bounded) -> next turn.
 *
 * Watches and timers are embedded in their owner and must stay in place while set.  Removing
 * one is always safe, also from inside any callback of the same turn: an event already
 * fetched for a removed watch is not delivered.  Freeing a thing inside its own callback is
 * not: loop_defer does that after the turn.
 */
#ifndef POLLUX_BASE_LOOP_H
#define POLLUX_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include "base/map.h"
#include "base/moment.h"

struct loop;
struct watch;
struct timer;
typedef void loop_fd_fn(void *ctx, uint32_t events); /* EPOLL* bits */
typedef void loop_fn(void *ctx);
typedef void loop_signal_fn(void *ctx, int signo);
/* Called once a turn; returns for how many ms the loop may sleep: 0 not at all, -1 for ever. */
typedef int64_t loop_hook_fn(void *ctx);

struct watch {
	int fd; /* borrowed; -1 when not watched */
	uint32_t events;
	loop_fd_fn *fn;
	void *ctx;
};

struct timer {
	int64_t at_ms; /* loop_now_ms time */
	size_t place;  /* in the heap, from 1; 0: not set */
	loop_fn *fn;
	void *ctx;
};

struct loop_hook {
	struct list link;
	loop_hook_fn *fn;
	void *ctx;
};

struct loop *loop_new(void);
/* Not in a turn, save in a forked child, which frees its copy of the parent's loop at any time
 * (and does nothing else to it: epoll instances are shared, so unwatching would hit the parent). */
void loop_free(struct loop **);
void loop_run(struct loop *); /* until loop_stop, which may have been called before */
void loop_turn(struct loop *, int64_t max_wait_ms); /* one, for tests and clients; -1: no bound */
void loop_stop(struct loop *);

/* As of this turn's beginning, which is after the wait. */
int64_t loop_now_ms(const struct loop *);  /* monotonic */
int64_t loop_wall_ms(const struct loop *); /* Unix time */
struct moment loop_moment(const struct loop *); /* both */
/* The same, asked now: for the log, for code that runs before there is a turn, and where a turn's
 * length would matter. */
int64_t loop_clock_ms(void);
int64_t loop_clock_wall_ms(void);
struct moment loop_clock_moment(void);

/* events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLET ...  A watch must be zeroed or unwatched before.
 * EPOLLERR and EPOLLHUP are delivered even when events is 0, as epoll has it. */
void loop_watch(struct loop *, struct watch *, int fd, uint32_t events, loop_fd_fn *, void *ctx);
void loop_rewatch(struct loop *, struct watch *, uint32_t events); /* free when unchanged */
void loop_unwatch(struct loop *, struct watch *); /* before the fd is closed; twice is fine */

/* Sets or moves; a timer is zeroed before its first use.  after_ms counts from loop_now_ms; what a
 * timer's own callback sets is due in the next turn at the earliest. */
void loop_timer(struct loop *, struct timer *, int64_t after_ms, loop_fn *, void *ctx);
void loop_untimer(struct loop *, struct timer *); /* unset is fine */

void loop_defer(struct loop *, loop_fn *, void *ctx);   /* after this turn's callbacks, in order */
void loop_undefer(struct loop *, loop_fn *, void *ctx); /* forgets all such calls not yet made */
void loop_hook(struct loop *, struct loop_hook *, loop_hook_fn *, void *ctx);
void loop_unhook(struct loop *, struct loop_hook *); /* twice is fine */
/* Blocks signo for the process and delivers it through the loop. */
void loop_signal(struct loop *, int signo, loop_signal_fn *, void *ctx);
/* Undoes every loop_signal: for a child that has just been forked, before it runs its own. */
void loop_signals_reset(void);

#endif
