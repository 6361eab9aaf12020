/* net/resolve.c: names into addresses, from the loop and without waiting for anybody. */
#include "net/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/text.h"
#include "tests/unit/net/names.h"

#define TURNS_MAX 200000 /* a test that would hang fails instead */

static struct name table[] = {
	{ .host = "three.test", .addresses = { "192.0.2.1", "2001:db8::7", "10.1.2.3" } },
	{ .host = "slow.test", .addresses = { "192.0.2.9" }, .waits = true },
	{ .host = "empty.test" },
};

struct world {
	struct loop *loop;
	struct resolver *resolver;
};

struct question {
	struct world *w;
	struct resolve *resolve;
	int answers;
	bool slow;
	char fault[128];
	struct buf found; /* each address, and a space */
	void (*at_answer)(struct question *);
	struct question *other;
};

static void
on_answer(void *ctx, const struct resolved *answer)
{
	struct question *q = ctx;
	char text[INET6_ADDRSTRLEN];

	assert_true((answer->list != NULL) == (answer->fault == NULL));
	q->answers++;
	q->slow = answer->slow;
	snprintf(q->fault, sizeof(q->fault), "%s", answer->fault ? answer->fault : "");
	for (const struct addrinfo *it = answer->list; it; it = it->ai_next) {
		assert_int_equal(it->ai_socktype, SOCK_STREAM);
		assert_int_equal(getnameinfo(it->ai_addr, it->ai_addrlen, text, sizeof(text), NULL,
				     0, NI_NUMERICHOST),
		    0);
		buf_printf(&q->found, "%s ", text);
	}
	if (q->at_answer)
		q->at_answer(q);
	q->resolve = NULL;
}

static void
ask(struct world *w, struct question *q, const char *host, int64_t limit_ms)
{
	q->w = w;
	q->resolve = resolve_start(w->resolver, host, limit_ms, on_answer, q);
	assert_non_null(q->resolve);
	assert_int_equal(q->answers, 0);
}

#define TURN_UNTIL(w, condition)                                                                   \
	do {                                                                                       \
		for (int i_ = 0; !(condition) && i_ < TURNS_MAX; i_++)                             \
			loop_turn((w)->loop, 1);                                                   \
		assert_true(condition);                                                            \
	} while (0)

static void
expect(struct world *w, const char *host, const char *found)
{
	struct question q = { 0 };

	ask(w, &q, host, 0);
	TURN_UNTIL(w, q.answers == 1);
	assert_string_equal(q.fault, "");
	assert_string_equal(buf_text(&q.found), found);
	buf_fini(&q.found);
}

static void
clear(struct question *q)
{
	buf_fini(&q->found);
	*q = (struct question){ 0 };
}

static int
open_world(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));
	struct err e = ERR_INIT;

	names_are(table, COUNT(table));
	w->loop = loop_new();
	w->resolver = resolver_new(w->loop, &e);
	*state = w;
	return w->resolver ? 0 : -1;
}

static int
close_world(void **state)
{
	struct world *w = *state;

	resolver_free(&w->resolver);
	loop_free(&w->loop);
	mem_free(w);
	return 0;
}

static void
a_name_gives_all_its_addresses(void **state)
{
	struct world *w = *state;

	expect(w, "three.test", "192.0.2.1 2001:db8::7 10.1.2.3 ");
	assert_int_equal(resolver_threads(w->resolver), 0);
}

static void
the_system_knows_localhost(void **state)
{
	struct world *w = *state;
	struct question q = { 0 };

	ask(w, &q, "localhost", 0);
	TURN_UNTIL(w, q.answers == 1);
	assert_true(
	    span_has(buf_span(&q.found), "127.0.0.1 ") || span_has(buf_span(&q.found), "::1 "));
	clear(&q);
}

static void
an_address_in_any_spelling_needs_no_thread(void **state)
{
	static const char *const cases[][2] = {
		{ "127.0.0.1", "127.0.0.1 " },
		{ "127.1", "127.0.0.1 " },
		{ "0x7f.1", "127.0.0.1 " },
		{ "0x7f000001", "127.0.0.1 " },
		{ "017700000001", "127.0.0.1 " },
		{ "2130706433", "127.0.0.1 " },
		{ "0", "0.0.0.0 " },
		{ "::1", "::1 " },
		{ "::ffff:10.0.0.1", "::ffff:10.0.0.1 " },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct question q = { 0 };

		ask(w, &q, cases[i][0], 0);
		assert_int_equal(resolver_threads(w->resolver), 0);
		TURN_UNTIL(w, q.answers == 1);
		assert_string_equal(buf_text(&q.found), cases[i][1]);
		clear(&q);
	}
}

static void
a_name_that_is_none_is_a_fault_in_words(void **state)
{
	static const char *const cases[] = { "empty.test", "nobody.test", "a b", "127.0.0.1.",
		"[::1]" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct question q = { 0 };

		ask(w, &q, cases[i], 0);
		TURN_UNTIL(w, q.answers == 1);
		assert_string_not_equal(q.fault, "");
		assert_false(q.slow);
		assert_int_equal(q.found.len, 0);
	}
}

static void
the_loop_turns_while_a_thread_waits(void **state)
{
	struct world *w = *state;
	struct question q = { 0 };

	ask(w, &q, "slow.test", 0);
	TURN_UNTIL(w, names_entered == 1);
	assert_int_equal(resolver_threads(w->resolver), 1);
	expect(w, "three.test", "192.0.2.1 2001:db8::7 10.1.2.3 ");
	assert_int_equal(q.answers, 0);
	names_release(1);
	TURN_UNTIL(w, q.answers == 1);
	assert_string_equal(buf_text(&q.found), "192.0.2.9 ");
	clear(&q);
}

static void
a_thread_takes_no_signals(void **state)
{
	struct world *w = *state;
	struct question q = { 0 };
	sigset_t mask;

	ask(w, &q, "slow.test", 0);
	names_release(1);
	TURN_UNTIL(w, q.answers == 1);
	assert_false(names_unmasked);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGTERM));
	clear(&q);
}

static void
a_question_has_a_time_limit(void **state)
{
	struct world *w = *state;
	struct question q = { 0 };

	ask(w, &q, "slow.test", 20);
	TURN_UNTIL(w, q.answers == 1);
	assert_true(q.slow);
	assert_string_not_equal(q.fault, "");
	assert_int_equal(resolver_threads(w->resolver), 1); /* nobody can call it back */
	names_release(1);
	TURN_UNTIL(w, resolver_threads(w->resolver) == 0);
	assert_int_equal(q.answers, 1);
	clear(&q);
}

static void
a_cancelled_question_is_never_answered(void **state)
{
	struct world *w = *state;
	struct question asked = { 0 }, literal = { 0 };

	ask(w, &asked, "slow.test", 0);
	ask(w, &literal, "127.0.0.1", 0);
	TURN_UNTIL(w, names_entered == 1);
	resolve_cancel(&asked.resolve);
	assert_null(asked.resolve);
	resolve_cancel(&asked.resolve);
	resolve_cancel(NULL);
	names_release(1);
	TURN_UNTIL(w, resolver_threads(w->resolver) == 0);
	assert_int_equal(asked.answers, 0);
	assert_int_equal(literal.answers, 1);
	clear(&literal);
	ask(w, &literal, "127.0.0.1", 0);
	resolve_cancel(&literal.resolve); /* known, but not yet told */
	loop_turn(w->loop, 0);
	assert_int_equal(literal.answers, 0);
}

static void
cancel_it_and_other(struct question *q)
{
	resolve_cancel(&q->resolve);
	if (q->other)
		resolve_cancel(&q->other->resolve);
}

/* Both answers lie in the mail when the first is told. */
static void
one_question_may_cancel_another_in_its_event(void **state)
{
	struct world *w = *state;
	struct question a = { .at_answer = cancel_it_and_other };
	struct question b = { .at_answer = cancel_it_and_other };

	a.other = &b;
	b.other = &a;
	ask(w, &a, "slow.test", 0);
	ask(w, &b, "slow.test", 0);
	TURN_UNTIL(w, names_entered == 2);
	names_release(2);
	TURN_UNTIL(w, resolver_threads(w->resolver) == 0);
	assert_int_equal(a.answers + b.answers, 1);
	clear(&a);
	clear(&b);
}

static void
few_threads_are_at_work_and_the_rest_waits_for_one(void **state)
{
	enum { QUESTIONS = RESOLVE_THREADS_MAX + 9 };
	struct world *w = *state;
	struct question q[QUESTIONS] = { 0 };
	int done = 0;

	for (int i = 0; i < QUESTIONS; i++)
		ask(w, &q[i], "slow.test", 0);
	TURN_UNTIL(w, names_entered == RESOLVE_THREADS_MAX);
	assert_int_equal(resolver_threads(w->resolver), RESOLVE_THREADS_MAX);
	names_release(1);
	TURN_UNTIL(w, names_entered == RESOLVE_THREADS_MAX + 1);
	assert_int_equal(resolver_threads(w->resolver), RESOLVE_THREADS_MAX);
	resolve_cancel(&q[QUESTIONS - 1].resolve); /* still waiting */
	names_release(QUESTIONS - 2);
	TURN_UNTIL(w, resolver_threads(w->resolver) == 0);
	for (int i = 0; i < QUESTIONS; i++) {
		done += q[i].answers;
		clear(&q[i]);
	}
	assert_int_equal(done, QUESTIONS - 1);
	assert_int_equal(names_entered, QUESTIONS - 1);
}

static void
a_question_without_a_thread_has_a_time_limit_too(void **state)
{
	struct world *w = *state;
	struct question q[RESOLVE_THREADS_MAX] = { 0 }, late = { 0 };

	for (int i = 0; i < RESOLVE_THREADS_MAX; i++)
		ask(w, &q[i], "slow.test", 0);
	ask(w, &late, "three.test", 20);
	TURN_UNTIL(w, late.answers == 1);
	assert_true(late.slow);
	names_release(RESOLVE_THREADS_MAX);
	TURN_UNTIL(w, resolver_threads(w->resolver) == 0);
	for (int i = 0; i < RESOLVE_THREADS_MAX; i++)
		clear(&q[i]);
}

static void
those_that_wait_are_not_without_number(void **state)
{
	enum { QUESTIONS = RESOLVE_THREADS_MAX + RESOLVE_WAITING_MAX };
	struct world *w = *state;
	struct question *q = mem_array(QUESTIONS, sizeof(*q)), more = { 0 };

	for (int i = 0; i < QUESTIONS; i++)
		ask(w, &q[i], "slow.test", 0);
	ask(w, &more, "slow.test", 0);
	TURN_UNTIL(w, more.answers == 1);
	assert_string_not_equal(more.fault, "");
	assert_false(more.slow);
	for (int i = 0; i < QUESTIONS; i++)
		resolve_cancel(&q[i].resolve);
	names_release(RESOLVE_THREADS_MAX);
	TURN_UNTIL(w, resolver_threads(w->resolver) == 0);
	mem_free(q);
}

static void
a_resolver_goes_without_waiting_for_its_threads(void **state)
{
	struct world *w = *state;
	struct question q[3] = { 0 };

	for (int i = 0; i < 3; i++)
		ask(w, &q[i], "slow.test", 0);
	TURN_UNTIL(w, names_entered == 3);
	for (int i = 0; i < 3; i++)
		resolve_cancel(&q[i].resolve);
	resolver_free(&w->resolver);
	assert_null(w->resolver);
	resolver_free(&w->resolver);
	assert_int_equal(names_left, 0);
	names_release(3);
	TURN_UNTIL(w, names_left == 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(q[i].answers, 0);
}

static void
no_descriptor_stays_behind(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	int before, after;

	resolver_free(&w->resolver);
	before = dup(0);
	close(before);
	w->resolver = resolver_new(w->loop, &e);
	expect(w, "three.test", "192.0.2.1 2001:db8::7 10.1.2.3 ");
	resolver_free(&w->resolver);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(a_name_gives_all_its_addresses),
		IN_A_WORLD(the_system_knows_localhost),
		IN_A_WORLD(an_address_in_any_spelling_needs_no_thread),
		IN_A_WORLD(a_name_that_is_none_is_a_fault_in_words),
		IN_A_WORLD(the_loop_turns_while_a_thread_waits),
		IN_A_WORLD(a_thread_takes_no_signals),
		IN_A_WORLD(a_question_has_a_time_limit),
		IN_A_WORLD(a_cancelled_question_is_never_answered),
		IN_A_WORLD(one_question_may_cancel_another_in_its_event),
		IN_A_WORLD(few_threads_are_at_work_and_the_rest_waits_for_one),
		IN_A_WORLD(a_question_without_a_thread_has_a_time_limit_too),
		IN_A_WORLD(those_that_wait_are_not_without_number),
		IN_A_WORLD(no_descriptor_stays_behind),
		/* Last: its threads may outlive it by a moment. */
		IN_A_WORLD(a_resolver_goes_without_waiting_for_its_threads),
	};

	return cmocka_run_group_tests_name("net/resolve", tests, NULL, NULL);
}
