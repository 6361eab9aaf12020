/*
 * A loop that is played: time stands still until the test moves it, and nothing waits.  Stands in
 * for base/loop.c, for rooms that set timers and put off calls but watch no descriptor.
 */
#ifndef POLLUX_TESTS_UPSTREAM_CLOCKWORK_H
#define POLLUX_TESTS_UPSTREAM_CLOCKWORK_H

#include "base/loop.h"
#include "tests/unit/unit.h"

#define CLOCKWORK_MAX   64
#define CLOCKWORK_WALL  INT64_C(1790000000000) /* Unix time when it begins */
#define CLOCKWORK_BEGUN INT64_C(5000000)       /* the other clock, then */

struct loop {
	int64_t now_ms;
	int64_t late_ms; /* the clock itself is so far ahead of the turn */
	size_t deferred_count, timer_count;
	struct {
		loop_fn *fn;
		void *ctx;
	} deferred[CLOCKWORK_MAX];
	struct timer *timers[CLOCKWORK_MAX];
};

static inline void
clockwork_begin(struct loop *l)
{
	*l = (struct loop){ .now_ms = CLOCKWORK_BEGUN, .late_ms = 7 };
}

int64_t
loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t
loop_wall_ms(const struct loop *l)
{
	return CLOCKWORK_WALL + l->now_ms - CLOCKWORK_BEGUN;
}

struct moment
loop_moment(const struct loop *l)
{
	return (struct moment){ loop_now_ms(l), loop_wall_ms(l) };
}

/* There is one in a test, and whoever asks the clock does not say which. */
static struct loop *clockwork;

int64_t
loop_clock_ms(void)
{
	return clockwork ? clockwork->now_ms + clockwork->late_ms : 0;
}

int64_t
loop_clock_wall_ms(void)
{
	return clockwork ? loop_wall_ms(clockwork) + clockwork->late_ms : 0;
}

struct moment
loop_clock_moment(void)
{
	return (struct moment){ loop_clock_ms(), loop_clock_wall_ms() };
}

void
loop_defer(struct loop *l, loop_fn *fn, void *ctx)
{
	assert_in_range(l->deferred_count, 0, CLOCKWORK_MAX - 1);
	l->deferred[l->deferred_count].fn = fn;
	l->deferred[l->deferred_count++].ctx = ctx;
}

void
loop_undefer(struct loop *l, loop_fn *fn, void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->deferred_count; i++)
		if (l->deferred[i].fn != fn || l->deferred[i].ctx != ctx)
			l->deferred[kept++] = l->deferred[i];
	l->deferred_count = kept;
}

void
loop_untimer(struct loop *l, struct timer *t)
{
	for (size_t i = 0; i < l->timer_count; i++) {
		if (l->timers[i] != t)
			continue;
		l->timers[i] = l->timers[--l->timer_count];
		t->place = 0;
		return;
	}
}

void
loop_timer(struct loop *l, struct timer *t, int64_t after_ms, loop_fn *fn, void *ctx)
{
	loop_untimer(l, t);
	assert_in_range(l->timer_count, 0, CLOCKWORK_MAX - 1);
	assert_true(after_ms >= 0);
	*t = (struct timer){ .at_ms = l->now_ms + after_ms, .place = 1, .fn = fn, .ctx = ctx };
	l->timers[l->timer_count++] = t;
}

/* All that was put off, also by what was put off. */
static inline void
clockwork_turn(struct loop *l)
{
	for (int i = 0; l->deferred_count > 0; i++) {
		loop_fn *fn = l->deferred[0].fn;
		void *ctx = l->deferred[0].ctx;

		assert_in_range(i, 0, 10000);
		memmove(l->deferred, l->deferred + 1, --l->deferred_count * sizeof(l->deferred[0]));
		fn(ctx);
	}
}

/* When the next timer is due, from now; -1: none is set. */
static inline int64_t
clockwork_next_ms(const struct loop *l)
{
	int64_t next = -1;

	for (size_t i = 0; i < l->timer_count; i++)
		if (next < 0 || l->timers[i]->at_ms - l->now_ms < next)
			next = l->timers[i]->at_ms - l->now_ms;
	return next;
}

/* Moves the time on, through all that is due until then. */
static inline void
clockwork_pass(struct loop *l, int64_t ms)
{
	int64_t end = l->now_ms + ms;

	clockwork_turn(l);
	for (int i = 0;; i++) {
		struct timer *due = NULL;

		assert_in_range(i, 0, 100000);
		for (size_t k = 0; k < l->timer_count; k++)
			if (l->timers[k]->at_ms <= end &&
			    (!due || l->timers[k]->at_ms < due->at_ms))
				due = l->timers[k];
		if (!due)
			break;
		if (due->at_ms > l->now_ms)
			l->now_ms = due->at_ms;
		loop_untimer(l, due);
		due->fn(due->ctx);
		clockwork_turn(l);
	}
	l->now_ms = end;
}

#endif
