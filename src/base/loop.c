/*
 * The event loop.  Runs in every process, one for each; the only room that asks the time.
 *
 * Owns the epoll instance, the heap of timers, the queue of deferred calls and the signal
 * descriptor.  Watches, timers and hooks belong to their owners and are only pointed at.
 */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"

#define BATCH_MAX 256  /* events fetched at once */
#define DEFER_MAX 4096 /* deferred calls in one turn; what is left waits for the next */

struct deferred {
	loop_fn *fn; /* NULL: forgotten */
	void *ctx;
};

struct signal_taker {
	loop_signal_fn *fn; /* NULL: not ours */
	void *ctx;
};

struct loop {
	int epoll; /* owned */
	pid_t pid; /* of the process that made it */
	bool stopping;
	bool in_turn;
	bool in_timers;
	int64_t now_ms, wall_ms; /* as of this turn */
	int64_t hooks_wait_ms;   /* what the hooks allowed at last; -1: no bound */

	struct epoll_event batch[BATCH_MAX];
	int n_batch, at_batch; /* those from at_batch on are not yet delivered */

	struct timer **heap; /* owned array of borrowed timers; [1] is the earliest */
	size_t n_heap, heap_room;

	struct deferred *queue; /* owned */
	size_t queue_at, queue_end, queue_room;

	struct list hooks;
	struct list *next_hook; /* while hooks are called */

	int signals; /* owned signalfd; -1 before the first loop_signal */
	struct watch signals_watch;
	struct signal_taker takers[NSIG];
};

/* A process has one signal mask, whatever its loops. */
static sigset_t taken_signals;
static bool has_taken_signals;

/* The kernel refused what it never refuses to a sane program: nothing goes on without it. */
static _Noreturn void
die(const char *what)
{
	char line[160];
	int len = snprintf(line, sizeof(line), "event loop: %s: %s\n", what, strerror(errno));

	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		abort();
	abort();
}

/* ---- time ---- */

static int64_t
clock_read_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct moment
loop_moment(const struct loop *l)
{
	return (struct moment){ loop_now_ms(l), loop_wall_ms(l) };
}

int64_t
loop_clock_ms(void)
{
	return clock_read_ms(CLOCK_MONOTONIC);
}

int64_t
loop_clock_wall_ms(void)
{
	return clock_read_ms(CLOCK_REALTIME);
}

struct moment
loop_clock_moment(void)
{
	return (struct moment){ loop_clock_ms(), loop_clock_wall_ms() };
}

int64_t
loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t
loop_wall_ms(const struct loop *l)
{
	return l->wall_ms;
}

static void
read_clock(struct loop *l)
{
	l->now_ms = loop_clock_ms();
	l->wall_ms = loop_clock_wall_ms();
}

/* ---- descriptors ---- */

void
loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events, loop_fd_fn *fn, void *ctx)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	assert(fd >= 0 && fn && !w->fn);
	*w = (struct watch){ .fd = fd, .events = events, .fn = fn, .ctx = ctx };
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
		die("a descriptor cannot be watched");
}

void
loop_rewatch(struct loop *l, struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	assert(w->fn && w->fd >= 0);
	if (events == w->events)
		return;
	w->events = events;
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &ev) != 0)
		die("a watched descriptor is gone");
}

void
loop_unwatch(struct loop *l, struct watch *w)
{
	if (!w->fn || w->fd < 0)
		return;
	/* A library may have closed the descriptor first; then the kernel has forgotten it. */
	if (epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL) != 0 && errno != EBADF &&
	    errno != ENOENT)
		die("a descriptor cannot be let go");
	for (int i = l->at_batch; i < l->n_batch; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
	*w = (struct watch){ .fd = -1 };
}

static void
fetch_events(struct loop *l, int timeout_ms)
{
	int n = epoll_wait(l->epoll, l->batch, BATCH_MAX, timeout_ms);

	if (n < 0 && errno != EINTR)
		die("waiting failed");
	l->n_batch = n > 0 ? n : 0;
	l->at_batch = 0;
}

static void
deliver_events(struct loop *l)
{
	while (l->at_batch < l->n_batch) {
		const struct epoll_event *ev = &l->batch[l->at_batch++];
		const struct watch *w = ev->data.ptr;
		uint32_t events = ev->events;

		/* What a callback before this one stopped waiting for is no longer wanted. */
		if (w && (events &= w->events | EPOLLERR | EPOLLHUP))
			w->fn(w->ctx, events);
	}
}

/* ---- timers: a binary heap, in which each timer knows its place ---- */

static void
put_at(struct loop *l, size_t place, struct timer *t)
{
	l->heap[place] = t;
	t->place = place;
}

static void
sift_up(struct loop *l, struct timer *t)
{
	size_t place = t->place;

	for (; place > 1 && l->heap[place / 2]->at_ms > t->at_ms; place /= 2)
		put_at(l, place, l->heap[place / 2]);
	put_at(l, place, t);
}

static void
sift_down(struct loop *l, struct timer *t)
{
	size_t place = t->place, child;

	while ((child = place * 2) <= l->n_heap) {
		if (child < l->n_heap && l->heap[child + 1]->at_ms < l->heap[child]->at_ms)
			child++;
		if (l->heap[child]->at_ms >= t->at_ms)
			break;
		put_at(l, place, l->heap[child]);
		place = child;
	}
	put_at(l, place, t);
}

static void
append(struct loop *l, struct timer *t)
{
	if (l->n_heap + 1 >= l->heap_room) {
		l->heap_room = l->heap_room ? l->heap_room * 2 : 64;
		l->heap = mem_resize(l->heap, l->heap_room * sizeof(struct timer *));
	}
	put_at(l, ++l->n_heap, t);
}

void
loop_timer(struct loop *l, struct timer *t, int64_t after_ms, loop_fn *fn, void *ctx)
{
	/* A timer set by a timer is due in the next turn at the earliest, so a turn ends. */
	int64_t least_ms = l->in_timers ? 1 : 0;

	assert(fn);
	if (after_ms < least_ms)
		after_ms = least_ms;
	if (__builtin_add_overflow(l->now_ms, after_ms, &t->at_ms))
		t->at_ms = INT64_MAX;
	t->fn = fn;
	t->ctx = ctx;
	if (t->place == 0)
		append(l, t);
	assert(l->heap[t->place] == t);
	sift_up(l, t);
	sift_down(l, t);
}

void
loop_untimer(struct loop *l, struct timer *t)
{
	struct timer *last;
	size_t place = t->place;

	if (place == 0)
		return;
	assert(place <= l->n_heap && l->heap[place] == t);
	t->place = 0;
	last = l->heap[l->n_heap--];
	if (last == t)
		return;
	put_at(l, place, last);
	sift_up(l, last);
	sift_down(l, last);
}

static void
fire_timers(struct loop *l)
{
	l->in_timers = true;
	while (l->n_heap && l->heap[1]->at_ms <= l->now_ms) {
		struct timer *t = l->heap[1];

		loop_untimer(l, t);
		t->fn(t->ctx);
	}
	l->in_timers = false;
}

/* ---- hooks ---- */

void
loop_hook(struct loop *l, struct loop_hook *h, loop_hook_fn *fn, void *ctx)
{
	assert(fn);
	h->fn = fn;
	h->ctx = ctx;
	list_push(&l->hooks, &h->link);
	/* It has not been asked yet how long the loop may sleep. */
	l->hooks_wait_ms = 0;
}

void
loop_unhook(struct loop *l, struct loop_hook *h)
{
	if (!h->fn)
		return;
	if (l->next_hook == &h->link)
		l->next_hook = h->link.next;
	list_remove(&h->link);
	h->fn = NULL;
}

/* The shorter of two waits, where -1 has no end. */
static int64_t
shorter(int64_t a_ms, int64_t b_ms)
{
	if (a_ms < 0)
		return b_ms < 0 ? -1 : b_ms;
	return b_ms < 0 || a_ms < b_ms ? a_ms : b_ms;
}

static void
call_hooks(struct loop *l)
{
	int64_t wait_ms = -1;

	for (struct list *at = l->hooks.next; at != &l->hooks; at = l->next_hook) {
		struct loop_hook *h = list_entry(at, struct loop_hook, link);

		l->next_hook = at->next;
		wait_ms = shorter(wait_ms, h->fn(h->ctx));
	}
	l->next_hook = NULL;
	l->hooks_wait_ms = wait_ms;
}

/* ---- deferred calls ---- */

void
loop_defer(struct loop *l, loop_fn *fn, void *ctx)
{
	assert(fn);
	if (l->queue_end == l->queue_room) {
		l->queue_room = l->queue_room ? l->queue_room * 2 : 64;
		l->queue = mem_resize(l->queue, l->queue_room * sizeof(*l->queue));
	}
	l->queue[l->queue_end++] = (struct deferred){ fn, ctx };
}

void
loop_undefer(struct loop *l, loop_fn *fn, void *ctx)
{
	for (size_t i = l->queue_at; i < l->queue_end; i++)
		if (l->queue[i].fn == fn && l->queue[i].ctx == ctx)
			l->queue[i].fn = NULL;
}

static void
call_deferred(struct loop *l)
{
	int n = 0;

	for (; l->queue_at < l->queue_end && n < DEFER_MAX; n++) {
		/* By value: the call may add others, and so move the queue. */
		struct deferred d = l->queue[l->queue_at++];

		if (d.fn)
			d.fn(d.ctx);
	}
	l->queue_end -= l->queue_at;
	if (l->queue_end)
		memmove(l->queue, l->queue + l->queue_at, l->queue_end * sizeof(*l->queue));
	l->queue_at = 0;
	/* What was done may be news to the hooks, whose leave to sleep is older than that. */
	if (n && !list_is_empty(&l->hooks))
		l->hooks_wait_ms = 0;
}

/* ---- signals ---- */

static void
take_signals(void *ctx, uint32_t events)
{
	struct loop *l = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		const struct signal_taker *s = &l->takers[info.ssi_signo];

		if (s->fn)
			s->fn(s->ctx, (int)info.ssi_signo);
	}
}

static void
block_signal(int signo)
{
	if (!has_taken_signals)
		sigemptyset(&taken_signals);
	has_taken_signals = true;
	sigaddset(&taken_signals, signo);
	/* Whoever started us may have left it ignored, and ignored children reap themselves. */
	signal(signo, SIG_DFL);
	sigprocmask(SIG_BLOCK, &taken_signals, NULL);
}

void
loop_signal(struct loop *l, int signo, loop_signal_fn *fn, void *ctx)
{
	sigset_t mine;

	assert(signo > 0 && signo < NSIG && fn);
	l->takers[signo] = (struct signal_taker){ fn, ctx };
	block_signal(signo);
	sigemptyset(&mine);
	for (int i = 1; i < NSIG; i++)
		if (l->takers[i].fn)
			sigaddset(&mine, i);
	l->signals = signalfd(l->signals, &mine, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->signals < 0)
		die("signals cannot be read");
	if (!l->signals_watch.fn)
		loop_watch(l, &l->signals_watch, l->signals, EPOLLIN, take_signals, l);
}

void
loop_signals_reset(void)
{
	if (!has_taken_signals)
		return;
	for (int i = 1; i < NSIG; i++)
		if (sigismember(&taken_signals, i) == 1)
			signal(i, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &taken_signals, NULL);
	sigemptyset(&taken_signals);
}

/* ---- the loop ---- */

struct loop *
loop_new(void)
{
	struct loop *l = mem_alloc(sizeof(*l));

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		die("no epoll instance");
	l->pid = getpid();
	l->signals = -1;
	l->hooks_wait_ms = -1;
	list_init(&l->hooks);
	read_clock(l);
	return l;
}

/* Closes, and takes nothing out first: a forked child may free the loop that it shares with
 * its parent, and whatever it took out would be gone from the parent's. */
void
loop_free(struct loop **slot)
{
	struct loop *l = slot ? *slot : NULL;

	if (!l)
		return;
	assert(!l->in_turn || l->pid != getpid());
	for (size_t i = 1; i <= l->n_heap; i++)
		l->heap[i]->place = 0;
	if (l->signals >= 0)
		close(l->signals);
	close(l->epoll);
	mem_free(l->heap);
	mem_free(l->queue);
	mem_free(l);
	*slot = NULL;
}

/*
 * How long nothing can happen but events.  The turn's own time may be old by what the turn
 * did, so a timer's distance is taken from the clock as it is now.
 */
static int
wait_bound(const struct loop *l, int64_t max_wait_ms)
{
	int64_t wait_ms = shorter(max_wait_ms, l->hooks_wait_ms);

	if (l->queue_at < l->queue_end)
		return 0;
	if (l->n_heap && wait_ms != 0) {
		int64_t timer_ms = l->heap[1]->at_ms - loop_clock_ms();

		wait_ms = shorter(wait_ms, timer_ms > 0 ? timer_ms : 0);
	}
	return wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
}

void
loop_turn(struct loop *l, int64_t max_wait_ms)
{
	assert(!l->in_turn);
	l->in_turn = true;
	fetch_events(l, wait_bound(l, max_wait_ms));
	read_clock(l);
	deliver_events(l);
	fire_timers(l);
	call_hooks(l);
	call_deferred(l);
	l->in_turn = false;
}

void
loop_run(struct loop *l)
{
	while (!l->stopping)
		loop_turn(l, -1);
	l->stopping = false;
}

void
loop_stop(struct loop *l)
{
	l->stopping = true;
}
