/*
 * Windows between whose steps others take theirs: processes are coroutines in one, which may give
 * way to each other before each atomic operation.  The room is compiled into the program that
 * includes this, with its atomics as such places.
 */
#ifndef POLLUX_TESTS_WINDOW_STEPS_H
#define POLLUX_TESTS_WINDOW_STEPS_H

#include <stdatomic.h>
#include <ucontext.h>
#include "tests/unit/unit.h"

static void give_way(unsigned one_in);

#undef atomic_load
#undef atomic_fetch_add
#undef atomic_compare_exchange_strong
#define atomic_load(p) (give_way(8), atomic_load_explicit((p), memory_order_seq_cst))
#define atomic_fetch_add(p, by)                                                                    \
	(give_way(2), atomic_fetch_add_explicit((p), (by), memory_order_seq_cst))
#define atomic_compare_exchange_strong(p, old, to)                                                 \
	(give_way(2), atomic_compare_exchange_strong_explicit(                                     \
			  (p), (old), (to), memory_order_seq_cst, memory_order_seq_cst))

#include "ipc/window.c"

#define STACK_BYTES (64 << 10)

struct coroutine {
	ucontext_t context;
	char stack[STACK_BYTES];
};

static struct coroutine *coroutine_now; /* NULL: the scheduler, which gives way to nobody */
static ucontext_t coroutine_scheduler;

/* The program's own: whether to give way here; one_in: how often chance would. */
static bool gives_way(unsigned one_in);

/* fn never returns: it ends by pausing. */
static void
coroutine_begin(struct coroutine *c, void (*fn)(void))
{
	getcontext(&c->context);
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = STACK_BYTES;
	c->context.uc_link = NULL;
	makecontext(&c->context, fn, 0);
}

static void
coroutine_go_on(struct coroutine *c)
{
	coroutine_now = c;
	swapcontext(&coroutine_scheduler, &c->context);
	coroutine_now = NULL;
}

static void
coroutine_pause(void)
{
	swapcontext(&coroutine_now->context, &coroutine_scheduler);
}

static void
give_way(unsigned one_in)
{
	if (coroutine_now && gives_way(one_in))
		coroutine_pause();
}

#endif
