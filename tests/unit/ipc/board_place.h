/*
 * A board in a directory of its own, children that work on it, and memory they share with the test.
 */
#ifndef POLLUX_TESTS_BOARD_PLACE_H
#define POLLUX_TESTS_BOARD_PLACE_H

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ipc/board.h"
#include "tests/unit/unit.h"

struct place {
	char dir[64];
	char path[80];
};

static inline int
place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/test-board-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/board", p->dir);
	*state = p;
	return 0;
}

static inline int
place_teardown(void **state)
{
	struct place *p = *state;
	char beside[96];

	snprintf(beside, sizeof(beside), "%s.new", p->path);
	unlink(beside);
	unlink(p->path);
	rmdir(p->dir);
	free(p);
	return 0;
}

/* kept may be NULL. */
static inline struct board *
place_create(const struct place *p, const struct board_sizes *sizes, bool *kept)
{
	struct err e = ERR_INIT;
	bool unused;
	struct board *b = board_create(p->path, sizes, kept ? kept : &unused, &e);

	if (!b)
		fail_msg("%s", e.text);
	return b;
}

/* Runs fn in a child that ends with its answer. */
static inline pid_t
child(int (*fn)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(ctx));
	return pid;
}

static inline int
ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void *
shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

/* For children that are to begin together: each waits until all have come. */
static inline void
meet(_Atomic uint32_t *come, uint32_t all)
{
	atomic_fetch_add(come, 1);
	while (atomic_load(come) < all)
		sched_yield();
}

#endif
