/*
 * One window in shared memory under real processes, killed at any point by SIGKILL.  The time is
 * a word in the same memory, which they move on themselves; nothing here waits for a clock.
 */
#include "tests/unit/unit.h"
#include "tests/unit/ipc/window_oracle.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ipc/window.h"

#define PROCESSES 4
#define T0        INT64_C(7200000)
#define SPAN      INT64_C(60500)
#define SPANS     40
#define SENT_MAX  200000

enum journal { HOLDS_NONE, HOLDS_BOOKING, HOLDS_DOUBT };

struct process {
	/* By what time it acts: the clock does not run away from it.  0: idle. */
	_Alignas(64) _Atomic int64_t since_ms;
	_Atomic int journal;
	_Atomic uint64_t booking;
	_Atomic uint64_t acts;
};

struct shared {
	struct window window;
	_Alignas(64) _Atomic int64_t now_ms;
	struct process processes[PROCESSES];
	_Alignas(64) _Atomic uint64_t sent_count;
	struct sent sent[SENT_MAX];
};

/* ---- what a process does ---- */

static int64_t
hold_time(struct shared *s, struct process *p)
{
	int64_t now_ms;

	do {
		now_ms = atomic_load(&s->now_ms);
		atomic_store(&p->since_ms, now_ms);
	} while (atomic_load(&s->now_ms) != now_ms);
	return now_ms;
}

static void
move_time(struct shared *s, uint64_t *seed)
{
	int64_t now_ms = atomic_load(&s->now_ms);
	int64_t to_ms = now_ms + (int64_t)random_below(seed, 40);

	for (int i = 0; i < PROCESSES; i++) {
		int64_t since_ms = atomic_load(&s->processes[i].since_ms);

		if (since_ms && since_ms + SPAN / 2 < to_ms)
			return;
	}
	atomic_compare_exchange_strong(&s->now_ms, &now_ms, to_ms);
}

static void
stamp(struct shared *s, struct process *p, int64_t now_ms, enum journal then)
{
	atomic_store(&p->journal, HOLDS_DOUBT);
	atomic_store(&p->booking, window_stamp(&s->window, atomic_load(&p->booking), now_ms));
	atomic_store(&p->journal, then);
}

/* Upstream has it before the stamp. */
static void
send_one(struct shared *s, struct process *p, uint64_t amount)
{
	uint64_t i = atomic_fetch_add(&s->sent_count, 1);

	if (i < SENT_MAX) {
		s->sent[i].amount = amount;
		s->sent[i].at_ms = atomic_load(&s->now_ms);
	}
	stamp(s, p, atomic_load(&s->now_ms), HOLDS_NONE);
	window_settle(&s->window, atomic_load(&p->booking), amount);
}

static void
act(struct shared *s, struct process *p, const struct window_rule *r, uint64_t *seed)
{
	uint64_t most = r->unit == WINDOW_TOKENS ? r->limit / 4 : 1;
	uint64_t amount = 1 + random_below(seed, most);
	int64_t free_at_ms;
	window_booking b = window_book(&s->window, r, amount, hold_time(s, p), &free_at_ms);

	if (!b)
		return;
	atomic_store(&p->booking, b);
	atomic_store(&p->journal, HOLDS_BOOKING);
	if (random_one_in(seed, 4))
		stamp(s, p, hold_time(s, p), HOLDS_BOOKING);
	if (random_one_in(seed, 8)) {
		atomic_store(&p->journal, HOLDS_DOUBT);
		window_return(&s->window, atomic_load(&p->booking));
		atomic_store(&p->journal, HOLDS_NONE);
		return;
	}
	send_one(s, p, amount - random_below(seed, amount));
}

static void
live(struct shared *s, struct process *p, const struct window_rule *r, uint64_t seed)
{
	while (atomic_load(&s->now_ms) < T0 + SPANS * SPAN) {
		act(s, p, r, &seed);
		atomic_store(&p->since_ms, 0);
		atomic_fetch_add(&p->acts, 1);
		move_time(s, &seed);
		if (random_one_in(&seed, 100))
			sched_yield();
	}
}

/* ---- the test's side ---- */

static pid_t
birth(struct shared *s, int i, const struct window_rule *r, uint64_t seed)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		live(s, &s->processes[i], r, seed * 7919 + 1);
		_exit(0);
	}
	return pid;
}

static bool
has_ended_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* As lease_sweep does. */
static void
sweep(struct shared *s, struct process *p)
{
	int64_t now_ms = atomic_load(&s->now_ms);

	if (atomic_load(&p->journal) == HOLDS_BOOKING)
		window_stamp(&s->window, atomic_load(&p->booking), now_ms);
	else if (atomic_load(&p->journal) == HOLDS_DOUBT)
		window_stamp_doubtful(&s->window, atomic_load(&p->booking), now_ms);
	atomic_store(&p->journal, HOLDS_NONE);
	atomic_store(&p->since_ms, 0);
}

/* Kills one after another, each when it has done some more: true while the time is not over. */
static bool
kill_one(struct shared *s, pid_t *pid, int i, uint64_t *seed)
{
	struct process *p = &s->processes[i];
	uint64_t until = atomic_load(&p->acts) + 1 + random_below(seed, 600);

	while (atomic_load(&p->acts) < until)
		if (atomic_load(&s->now_ms) >= T0 + SPANS * SPAN)
			return false;
		else
			sched_yield();
	kill(*pid, SIGKILL);
	bool was_over = has_ended_well(*pid);

	*pid = 0;
	sweep(s, p);
	return !was_over;
}

static unsigned
run(struct shared *s, const struct window_rule *r, bool kills)
{
	pid_t pids[PROCESSES];
	uint64_t seed = r->limit * 31 + 7;
	unsigned killed = 0;

	memset(s, 0, sizeof(*s));
	atomic_store(&s->now_ms, T0);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = birth(s, i, r, (uint64_t)i);
	while (kills) {
		int i = (int)random_below(&seed, PROCESSES);

		if (!kill_one(s, &pids[i], i, &seed))
			break;
		pids[i] = birth(s, i, r, ++killed + PROCESSES);
	}
	for (int i = 0; i < PROCESSES; i++)
		if (pids[i])
			assert_true(has_ended_well(pids[i]));
	return killed;
}

/* Some were killed in the middle of it: those have no time. */
static size_t
keep_sent(struct shared *s)
{
	size_t kept = 0;

	assert_true(atomic_load(&s->sent_count) < SENT_MAX);
	for (uint64_t i = 0; i < atomic_load(&s->sent_count); i++)
		if (s->sent[i].at_ms)
			s->sent[kept++] = s->sent[i];
	return kept;
}

/* Nothing over the limit, and at least so much of what it allows. */
static void
check(struct shared *s, const struct window_rule *r, unsigned least_percent)
{
	size_t n = keep_sent(s);
	uint64_t allowed = r->limit * SPANS, sent = 0, worst = sent_worst(s->sent, n, SPAN);

	for (size_t i = 0; i < n; i++)
		sent += s->sent[i].amount;
	if (worst > r->limit)
		fail_msg("%llu in a span, of %llu", (unsigned long long)worst,
		    (unsigned long long)r->limit);
	if (sent * 100 < allowed * least_percent)
		fail_msg(
		    "%llu sent, of %llu", (unsigned long long)sent, (unsigned long long)allowed);
	assert_int_equal(window_used(&s->window, r, atomic_load(&s->now_ms) + 2 * SPAN), 0);
}

static const struct window_rule rules[] = { { WINDOW_REQUESTS, 5, SPAN },
	{ WINDOW_REQUESTS, 60, SPAN }, { WINDOW_REQUESTS, 61, SPAN },
	{ WINDOW_REQUESTS, 300, SPAN }, { WINDOW_TOKENS, 32000, SPAN } };

/* Four processes: a limit is the same for one and for all (lesson 46). */
static void
processes_share_a_limit_and_use_it(void **state)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		run(*state, &rules[i], false);
		check(*state, &rules[i], 95);
	}
}

static void
processes_killed_at_any_point_break_no_limit(void **state)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		assert_true(run(*state, &rules[i], true) > 0);
		check(*state, &rules[i], 80);
	}
}

static int
shared_setup(void **state)
{
	*state = mmap(
	    NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return *state == MAP_FAILED ? -1 : 0;
}

static int
shared_teardown(void **state)
{
	return munmap(*state, sizeof(struct shared));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes_share_a_limit_and_use_it),
		cmocka_unit_test(processes_killed_at_any_point_break_no_limit),
	};

	return cmocka_run_group_tests_name(
	    "ipc/window (race)", tests, shared_setup, shared_teardown);
}
