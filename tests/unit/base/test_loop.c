/*
 * base/loop: the order of a turn, and what may be taken away while it runs.
 *
 * Time passes only as far as a test makes it: timers are due at once, or so far off that no
 * machine is slow enough for them.
 */
#include "tests/unit/unit.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/loop.h"

#define FAR_OFF_MS 3600000

/* What happened, one letter for each thing. */
struct world {
	struct loop *loop;
	char story[256];
	int fd[4][2]; /* pairs of connected sockets */
	struct watch watch[4];
	struct timer timer[8];
	struct loop_hook hook[3];
	int64_t hook_wait_ms;
	uint32_t events;
	int count;
};

static void
tell(struct world *w, char letter)
{
	size_t len = strlen(w->story);

	assert_true(len + 1 < sizeof(w->story));
	w->story[len] = letter;
	w->story[len + 1] = '\0';
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->loop = loop_new();
	for (size_t i = 0; i < COUNT(w->fd); i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, w->fd[i]))
			return -1;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	loop_free(&w->loop);
	for (size_t i = 0; i < COUNT(w->fd); i++) {
		close(w->fd[i][0]);
		close(w->fd[i][1]);
	}
	free(w);
	return 0;
}

static void
say(struct world *w, int pair)
{
	assert_int_equal(write(w->fd[pair][1], "x", 1), 1);
}

static void
tell_a(void *ctx)
{
	tell(ctx, 'a');
}

static void
tell_b(void *ctx)
{
	tell(ctx, 'b');
}

static void
tell_c(void *ctx)
{
	tell(ctx, 'c');
}

static void
tell_read(void *ctx, uint32_t events)
{
	struct world *w = ctx;

	w->events = events;
	tell(w, 'r');
}

/* ---- descriptors ---- */

static void
a_readable_descriptor_is_told_of_until_it_is_read(void **state)
{
	struct world *w = *state;
	char c;

	loop_watch(w->loop, &w->watch[0], w->fd[0][0], EPOLLIN, tell_read, w);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "");
	say(w, 0);
	loop_turn(w->loop, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "rr");
	assert_int_equal(w->events, EPOLLIN);
	assert_int_equal(read(w->fd[0][0], &c, 1), 1);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "rr");
}

static void
an_edge_is_told_of_once(void **state)
{
	struct world *w = *state;

	loop_watch(w->loop, &w->watch[0], w->fd[0][0], EPOLLIN | EPOLLET, tell_read, w);
	say(w, 0);
	loop_turn(w->loop, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "r");
	say(w, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "rr");
}

static void
watching_for_something_else_takes_effect(void **state)
{
	struct world *w = *state;

	loop_watch(w->loop, &w->watch[0], w->fd[0][0], EPOLLIN, tell_read, w);
	loop_rewatch(w->loop, &w->watch[0], EPOLLOUT);
	loop_rewatch(w->loop, &w->watch[0], EPOLLOUT);
	loop_turn(w->loop, 0);
	assert_int_equal(w->events, EPOLLOUT);
	loop_rewatch(w->loop, &w->watch[0], 0);
	say(w, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "r");
}

static void
a_hang_up_is_told_of_unasked(void **state)
{
	struct world *w = *state;

	loop_watch(w->loop, &w->watch[0], w->fd[0][0], 0, tell_read, w);
	close(w->fd[0][1]);
	w->fd[0][1] = dup(w->fd[1][1]);
	loop_turn(w->loop, 0);
	assert_true(w->events & EPOLLHUP);
}

static void
an_unwatched_descriptor_is_silent(void **state)
{
	struct world *w = *state;

	loop_watch(w->loop, &w->watch[0], w->fd[0][0], EPOLLIN, tell_read, w);
	say(w, 0);
	loop_unwatch(w->loop, &w->watch[0]);
	loop_unwatch(w->loop, &w->watch[0]);
	assert_int_equal(w->watch[0].fd, -1);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "");
}

static void
a_watch_that_was_never_set_may_be_unwatched(void **state)
{
	struct world *w = *state;

	loop_watch(w->loop, &w->watch[0], w->fd[0][0], EPOLLIN, tell_read, w);
	loop_unwatch(w->loop, &w->watch[1]);
	say(w, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "r");
}

static void
a_descriptor_that_was_closed_first_can_be_unwatched(void **state)
{
	struct world *w = *state;
	int fd = fcntl(w->fd[0][0], F_DUPFD_CLOEXEC, 200);

	assert_true(fd >= 0);
	loop_watch(w->loop, &w->watch[0], fd, EPOLLIN, tell_read, w);
	close(fd);
	loop_unwatch(w->loop, &w->watch[0]);
	assert_int_equal(w->watch[0].fd, -1);
}

/* Unwatches all, itself included. */
static void
unwatch_all(void *ctx, uint32_t events)
{
	struct world *w = ctx;

	(void)events;
	tell(w, 'u');
	for (size_t i = 0; i < COUNT(w->watch); i++)
		loop_unwatch(w->loop, &w->watch[i]);
}

static void
an_event_already_fetched_for_a_removed_watch_is_not_delivered(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 4; i++) {
		loop_watch(w->loop, &w->watch[i], w->fd[i][0], EPOLLIN, unwatch_all, w);
		say(w, i);
	}
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "u");
}

/* Moves every watch to a descriptor that has nothing to say. */
static void
move_all(void *ctx, uint32_t events)
{
	struct world *w = ctx;

	unwatch_all(w, events);
	for (size_t i = 0; i < COUNT(w->watch); i++)
		loop_watch(w->loop, &w->watch[i], w->fd[i][1], EPOLLIN, tell_read, w);
}

static void
an_old_event_does_not_reach_a_watch_that_was_set_anew(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 4; i++) {
		loop_watch(w->loop, &w->watch[i], w->fd[i][0], EPOLLIN, move_all, w);
		say(w, i);
	}
	loop_turn(w->loop, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "u");
}

static void
mute_all(void *ctx, uint32_t events)
{
	struct world *w = ctx;

	(void)events;
	tell(w, 'm');
	for (size_t i = 0; i < COUNT(w->watch); i++)
		loop_rewatch(w->loop, &w->watch[i], 0);
}

static void
an_event_that_is_no_longer_wanted_is_not_delivered(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 4; i++) {
		loop_watch(w->loop, &w->watch[i], w->fd[i][0], EPOLLIN, mute_all, w);
		say(w, i);
	}
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "m");
}

/* ---- timers ---- */

static void
a_timer_that_is_due_fires_once(void **state)
{
	struct world *w = *state;

	loop_timer(w->loop, &w->timer[0], 0, tell_a, w);
	assert_int_not_equal(w->timer[0].place, 0);
	loop_turn(w->loop, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "a");
	assert_int_equal(w->timer[0].place, 0);
}

static void
a_timer_ends_the_wait(void **state)
{
	struct world *w = *state;
	int64_t since = loop_now_ms(w->loop);

	loop_timer(w->loop, &w->timer[0], 5, tell_a, w);
	while (!*w->story)
		loop_turn(w->loop, -1);
	assert_true(loop_now_ms(w->loop) - since >= 5);
}

static void
a_timer_in_the_past_is_due_now_and_one_beyond_time_is_never(void **state)
{
	struct world *w = *state;

	loop_timer(w->loop, &w->timer[0], -1000, tell_a, w);
	loop_timer(w->loop, &w->timer[1], INT64_MAX, tell_b, w);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "a");
	assert_true(w->timer[1].at_ms == INT64_MAX);
}

static void
an_unset_timer_does_not_fire(void **state)
{
	struct world *w = *state;

	loop_timer(w->loop, &w->timer[0], 0, tell_a, w);
	loop_untimer(w->loop, &w->timer[0]);
	loop_untimer(w->loop, &w->timer[0]);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "");
}

static void
a_timer_can_be_moved_both_ways(void **state)
{
	struct world *w = *state;

	loop_timer(w->loop, &w->timer[0], 0, tell_a, w);
	loop_timer(w->loop, &w->timer[0], FAR_OFF_MS, tell_a, w);
	loop_timer(w->loop, &w->timer[1], FAR_OFF_MS, tell_b, w);
	loop_timer(w->loop, &w->timer[1], 0, tell_c, w);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "c");
}

static void
again(void *ctx)
{
	struct world *w = ctx;

	tell(w, 't');
	loop_timer(w->loop, &w->timer[0], 0, again, w);
}

static void
a_timer_that_sets_itself_does_not_hold_up_the_turn(void **state)
{
	struct world *w = *state;

	loop_timer(w->loop, &w->timer[0], 0, again, w);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "t");
	assert_true(w->timer[0].at_ms > loop_now_ms(w->loop));
}

static void
untimer_others(void *ctx)
{
	struct world *w = ctx;

	tell(w, 'o');
	for (size_t i = 0; i < COUNT(w->timer); i++)
		loop_untimer(w->loop, &w->timer[i]);
}

static void
a_timer_unset_by_another_of_the_same_turn_does_not_fire(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(w->timer); i++)
		loop_timer(w->loop, &w->timer[i], 0, untimer_others, w);
	loop_turn(w->loop, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "o");
}

struct many {
	struct timer timer;
	struct crowd *crowd;
};

/* Many timers, all overdue by different amounts, that note in which order they fire. */
struct crowd {
	struct many one[2000];
	int64_t last_ms;
	int fired;
	bool in_order;
};

static void
note_order(void *ctx)
{
	struct many *m = ctx;

	m->crowd->in_order &= m->timer.at_ms >= m->crowd->last_ms;
	m->crowd->last_ms = m->timer.at_ms;
	m->crowd->fired++;
}

static void
never(void *ctx)
{
	(void)ctx;
	fail();
}

static void
many_timers_fire_in_the_order_of_their_times(void **state)
{
	struct world *w = *state;
	struct crowd *c = calloc(1, sizeof(*c));
	uint32_t random = 12345;
	int unset = 0;

	c->in_order = true;
	c->last_ms = INT64_MIN;
	for (size_t i = 0; i < COUNT(c->one); i++) {
		struct many *m = &c->one[i];

		random = random * 1664525 + 1013904223;
		m->crowd = c;
		loop_timer(w->loop, &m->timer, FAR_OFF_MS + (random >> 16), note_order, m);
	}
	/* Those that are taken out of the middle, and those that are moved, leave a heap. */
	for (size_t i = 0; i < COUNT(c->one); i += 3, unset++)
		loop_untimer(w->loop, &c->one[i].timer);
	for (size_t i = 1; i < COUNT(c->one); i += 3) {
		random = random * 1664525 + 1013904223;
		loop_timer(w->loop, &c->one[i].timer, random >> 27, note_order, &c->one[i]);
	}
	for (size_t i = 2; i < COUNT(c->one); i += 3) {
		loop_timer(w->loop, &c->one[i].timer, FAR_OFF_MS, never, NULL);
		unset++;
	}
	while (c->fired < (int)COUNT(c->one) - unset)
		loop_turn(w->loop, -1);
	assert_true(c->in_order);
	loop_free(&w->loop);
	w->loop = loop_new();
	assert_int_equal(c->one[2].timer.place, 0);
	free(c);
}

/* ---- hooks ---- */

static int64_t
hook(void *ctx)
{
	struct world *w = ctx;

	tell(w, 'h');
	return w->hook_wait_ms;
}

static int64_t
hook_with_no_bound(void *ctx)
{
	tell(ctx, 'n');
	return -1;
}

static void
a_new_hook_is_asked_before_the_loop_sleeps(void **state)
{
	struct world *w = *state;

	w->hook_wait_ms = -1;
	loop_hook(w->loop, &w->hook[0], hook, w);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "h");
}

static void
the_least_wait_of_all_hooks_holds(void **state)
{
	struct world *w = *state;

	w->hook_wait_ms = 0;
	loop_hook(w->loop, &w->hook[0], hook_with_no_bound, w);
	loop_hook(w->loop, &w->hook[1], hook, w);
	loop_hook(w->loop, &w->hook[2], hook_with_no_bound, w);
	loop_turn(w->loop, -1);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "nhnnhn");
}

static int64_t
unhook_all(void *ctx)
{
	struct world *w = ctx;

	tell(w, 'u');
	for (size_t i = 0; i < COUNT(w->hook); i++)
		loop_unhook(w->loop, &w->hook[i]);
	return -1;
}

static void
hooks_may_go_while_they_are_called(void **state)
{
	struct world *w = *state;

	loop_hook(w->loop, &w->hook[0], hook_with_no_bound, w);
	loop_hook(w->loop, &w->hook[1], unhook_all, w);
	loop_hook(w->loop, &w->hook[2], hook_with_no_bound, w);
	loop_turn(w->loop, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "nu");
}

/* ---- deferred calls ---- */

static void
deferred_calls_are_made_in_order_after_the_turn(void **state)
{
	struct world *w = *state;

	loop_defer(w->loop, tell_b, w);
	loop_defer(w->loop, tell_a, w);
	loop_timer(w->loop, &w->timer[0], 0, tell_c, w);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "cba");
}

static void
defer_another(void *ctx)
{
	struct world *w = ctx;

	tell(w, 'd');
	loop_defer(w->loop, tell_a, w);
}

static void
what_a_deferred_call_defers_is_made_in_the_same_turn(void **state)
{
	struct world *w = *state;

	loop_defer(w->loop, defer_another, w);
	loop_defer(w->loop, tell_b, w);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "dba");
}

static void
defer_for_ever(void *ctx)
{
	struct world *w = ctx;

	w->count++;
	loop_defer(w->loop, defer_for_ever, w);
}

static void
calls_that_defer_themselves_for_ever_leave_room_for_events(void **state)
{
	struct world *w = *state;
	int after_first;

	loop_defer(w->loop, defer_for_ever, w);
	loop_turn(w->loop, -1);
	after_first = w->count;
	assert_true(after_first > 1);
	loop_watch(w->loop, &w->watch[0], w->fd[0][0], EPOLLIN, tell_read, w);
	say(w, 0);
	loop_turn(w->loop, -1);
	assert_true(w->count > after_first);
	assert_string_equal(w->story, "r");
}

static void
count(void *ctx)
{
	++*(int *)ctx;
}

static void
no_deferred_call_is_forgotten_when_there_are_many(void **state)
{
	struct world *w = *state;
	int n = 0;

	for (int i = 0; i < 10000; i++)
		loop_defer(w->loop, count, &n);
	for (int i = 0; i < 10 && n < 10000; i++)
		loop_turn(w->loop, -1);
	assert_int_equal(n, 10000);
}

static void
a_call_that_was_taken_back_is_not_made(void **state)
{
	struct world *w = *state;
	int other = 0;

	loop_defer(w->loop, count, &w->count);
	loop_defer(w->loop, count, &other);
	loop_defer(w->loop, count, &w->count);
	loop_undefer(w->loop, count, &w->count);
	loop_turn(w->loop, -1);
	assert_int_equal(w->count, 0);
	assert_int_equal(other, 1);
}

static void
undefer_a(void *ctx)
{
	struct world *w = ctx;

	loop_undefer(w->loop, tell_a, w);
}

static void
a_call_can_be_taken_back_by_the_one_before_it(void **state)
{
	struct world *w = *state;

	loop_defer(w->loop, undefer_a, w);
	loop_defer(w->loop, tell_a, w);
	loop_defer(w->loop, tell_b, w);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "b");
}

static void
hooks_are_asked_again_after_deferred_calls(void **state)
{
	struct world *w = *state;

	w->hook_wait_ms = -1;
	loop_hook(w->loop, &w->hook[0], hook, w);
	loop_defer(w->loop, tell_a, w);
	loop_turn(w->loop, -1);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "hah");
}

/* ---- a turn as a whole ---- */

static void
read_and_defer(void *ctx, uint32_t events)
{
	struct world *w = ctx;

	(void)events;
	tell(w, 'r');
	loop_defer(w->loop, tell_a, w);
	loop_timer(w->loop, &w->timer[0], 0, tell_b, w);
}

static void
a_turn_has_its_order(void **state)
{
	struct world *w = *state;

	w->hook_wait_ms = -1;
	loop_hook(w->loop, &w->hook[0], hook, w);
	loop_watch(w->loop, &w->watch[0], w->fd[0][0], EPOLLIN, read_and_defer, w);
	say(w, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "rbha");
}

static void
note_time(void *ctx)
{
	struct world *w = ctx;

	while (loop_clock_ms() == loop_now_ms(w->loop))
		;
	w->hook_wait_ms = loop_now_ms(w->loop);
}

static void
the_clock_stands_still_within_a_turn(void **state)
{
	struct world *w = *state;

	loop_defer(w->loop, note_time, w);
	loop_turn(w->loop, 0);
	assert_true(loop_now_ms(w->loop) == w->hook_wait_ms);
	assert_true(loop_clock_ms() > loop_now_ms(w->loop));
	loop_turn(w->loop, 0);
	assert_true(loop_now_ms(w->loop) > w->hook_wait_ms);
	assert_true(loop_wall_ms(w->loop) <= loop_clock_wall_ms());
}

static void
stop(void *ctx)
{
	struct world *w = ctx;

	tell(w, 's');
	loop_stop(w->loop);
}

static void
the_loop_runs_until_it_is_stopped_and_ends_its_turn(void **state)
{
	struct world *w = *state;

	loop_timer(w->loop, &w->timer[0], 0, stop, w);
	loop_hook(w->loop, &w->hook[0], hook_with_no_bound, w);
	loop_run(w->loop);
	assert_string_equal(w->story, "sn");
}

static void
a_stop_before_the_run_is_not_lost(void **state)
{
	struct world *w = *state;

	loop_stop(w->loop);
	loop_run(w->loop);
	loop_defer(w->loop, stop, w);
	loop_run(w->loop);
	assert_string_equal(w->story, "s");
}

static void
freeing_nothing_is_fine(void **state)
{
	struct loop *none = NULL;

	(void)state;
	loop_free(&none);
	loop_free(NULL);
}

/* ---- signals ---- */

static void
tell_signal(void *ctx, int signo)
{
	tell(ctx, signo == SIGUSR1 ? '1' : signo == SIGUSR2 ? '2' : '?');
}

static void
signals_come_through_the_loop(void **state)
{
	struct world *w = *state;

	loop_signal(w->loop, SIGUSR1, tell_signal, w);
	loop_signal(w->loop, SIGUSR2, tell_signal, w);
	raise(SIGUSR2);
	assert_string_equal(w->story, "");
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "2");
	raise(SIGUSR1);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "21");
	loop_signals_reset();
}

static void
a_signal_that_was_ignored_at_birth_comes_all_the_same(void **state)
{
	struct world *w = *state;

	signal(SIGUSR1, SIG_IGN);
	loop_signal(w->loop, SIGUSR1, tell_signal, w);
	raise(SIGUSR1);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "1");
	loop_signals_reset();
}

static void
the_end_of_a_child_is_a_signal_like_others(void **state)
{
	struct world *w = *state;
	pid_t pid;

	loop_signal(w->loop, SIGCHLD, tell_signal, w);
	pid = fork();
	if (pid == 0)
		_exit(3);
	loop_turn(w->loop, -1);
	assert_string_equal(w->story, "?");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	loop_signals_reset();
}

static int
status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
a_child_that_resets_the_signals_dies_of_them_again(void **state)
{
	struct world *w = *state;
	int status;
	pid_t pid;

	loop_signal(w->loop, SIGUSR1, tell_signal, w);
	pid = fork();
	if (pid == 0) {
		loop_signals_reset();
		raise(SIGUSR1);
		_exit(0);
	}
	status = status_of(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGUSR1);
	loop_signals_reset();
}

static void
fork_and_free(void *ctx)
{
	struct world *w = ctx;
	pid_t pid = fork();

	if (pid == 0) {
		loop_free(&w->loop);
		_exit(w->loop ? 1 : 0);
	}
	assert_int_equal(status_of(pid), 0);
	tell(w, 'f');
}

static void
a_child_frees_its_copy_within_a_turn_and_the_parent_goes_on(void **state)
{
	struct world *w = *state;

	loop_watch(w->loop, &w->watch[0], w->fd[0][0], EPOLLIN, tell_read, w);
	loop_signal(w->loop, SIGUSR1, tell_signal, w);
	loop_timer(w->loop, &w->timer[0], 0, fork_and_free, w);
	loop_turn(w->loop, 0);
	say(w, 0);
	loop_turn(w->loop, 0);
	loop_unwatch(w->loop, &w->watch[0]);
	raise(SIGUSR1);
	loop_turn(w->loop, 0);
	assert_string_equal(w->story, "fr1");
	loop_signals_reset();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_readable_descriptor_is_told_of_until_it_is_read),
		TEST(an_edge_is_told_of_once),
		TEST(watching_for_something_else_takes_effect),
		TEST(a_hang_up_is_told_of_unasked),
		TEST(an_unwatched_descriptor_is_silent),
		TEST(a_watch_that_was_never_set_may_be_unwatched),
		TEST(a_descriptor_that_was_closed_first_can_be_unwatched),
		TEST(an_event_already_fetched_for_a_removed_watch_is_not_delivered),
		TEST(an_old_event_does_not_reach_a_watch_that_was_set_anew),
		TEST(an_event_that_is_no_longer_wanted_is_not_delivered),
		TEST(a_timer_that_is_due_fires_once),
		TEST(a_timer_ends_the_wait),
		TEST(a_timer_in_the_past_is_due_now_and_one_beyond_time_is_never),
		TEST(an_unset_timer_does_not_fire),
		TEST(a_timer_can_be_moved_both_ways),
		TEST(a_timer_that_sets_itself_does_not_hold_up_the_turn),
		TEST(a_timer_unset_by_another_of_the_same_turn_does_not_fire),
		TEST(many_timers_fire_in_the_order_of_their_times),
		TEST(a_new_hook_is_asked_before_the_loop_sleeps),
		TEST(the_least_wait_of_all_hooks_holds),
		TEST(hooks_may_go_while_they_are_called),
		TEST(deferred_calls_are_made_in_order_after_the_turn),
		TEST(what_a_deferred_call_defers_is_made_in_the_same_turn),
		TEST(calls_that_defer_themselves_for_ever_leave_room_for_events),
		TEST(no_deferred_call_is_forgotten_when_there_are_many),
		TEST(a_call_that_was_taken_back_is_not_made),
		TEST(a_call_can_be_taken_back_by_the_one_before_it),
		TEST(hooks_are_asked_again_after_deferred_calls),
		TEST(a_turn_has_its_order),
		TEST(the_clock_stands_still_within_a_turn),
		TEST(the_loop_runs_until_it_is_stopped_and_ends_its_turn),
		TEST(a_stop_before_the_run_is_not_lost),
		TEST(freeing_nothing_is_fine),
		TEST(signals_come_through_the_loop),
		TEST(a_signal_that_was_ignored_at_birth_comes_all_the_same),
		TEST(the_end_of_a_child_is_a_signal_like_others),
		TEST(a_child_that_resets_the_signals_dies_of_them_again),
		TEST(a_child_frees_its_copy_within_a_turn_and_the_parent_goes_on),
	};

	return cmocka_run_group_tests_name("base/loop", tests, NULL, NULL);
}
