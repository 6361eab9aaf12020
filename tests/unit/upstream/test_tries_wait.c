/*
 * Who waits for a credential, and for how long; what is wished for, and what the trace tells: the
 * rest of upstream/tries.h.
 */
#include "tests/unit/upstream/party.h"

/* ---- waiting for a thaw ---- */

static void
a_frozen_credential_is_waited_for(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p;
	int64_t began = s->loop.now_ms;

	freeze_first(s, MINUTE_OF("10s"));
	p = begin(s);
	clockwork_pass(&s->loop, 10000);
	ASSERT_ASKED(p, "");
	assert_int_equal(p->over, 0);
	clockwork_pass(&s->loop, TRIES_LATE_MS);
	ASSERT_ASKED(p, "a ");
	assert_in_range(p->asked_ms - began, 10001, 10000 + TRIES_LATE_MS);
	is_answered(p);
}

static void
the_first_to_thaw_is_waited_for(void **state)
{
	struct scene *s = with_keys(state, 2);
	struct party *p;

	freeze_first(s, MINUTE_OF("20s"));
	freeze_first(s, MINUTE_OF("10s"));
	p = begin(s);
	clockwork_pass(&s->loop, 10000 + TRIES_LATE_MS);
	ASSERT_ASKED(p, "b ");
	is_answered(p);
}

static void
nothing_is_waited_for_longer_than_allowed(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p;

	freeze_first(s, MINUTE_OF("31s"));
	p = begin(s);
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_BUSY);
	assert_int_equal(p->err.retry_ms, 31000);
	assert_int_equal(s->loop.timer_count, 0);
}

static void
where_waiting_is_forbidden_nobody_waits(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p;

	s->config.queue_max_wait_ms = 0;
	freeze_first(s, MINUTE_OF("1s"));
	p = begin(s);
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_BUSY);
}

/* A request of 5 s does not wait for 10. */
static void
the_deadline_bounds_the_waiting_too(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p;

	freeze_first(s, MINUTE_OF("10s"));
	p = begin_as(s, (struct tries_order){ .total_ms = 5000, .metered = true });
	clockwork_turn(&s->loop);
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_BUSY);
}

static void
those_that_wait_for_one_thaw_do_not_all_come_at_once(void **state)
{
	struct scene *s = with_keys(state, 1);
	int64_t began = s->loop.now_ms;
	bool differs = false;

	freeze_first(s, MINUTE_OF("10s"));
	for (int i = 1; i < MANY; i++)
		begin(s);
	clockwork_pass(&s->loop, 20000);
	for (int i = 1; i < MANY; i++) {
		struct party *p = &s->parties[i];

		ASSERT_ASKED(p, "a ");
		assert_in_range(p->asked_ms - began, 10001, 10000 + TRIES_LATE_MS);
		differs = differs || p->asked_ms != s->parties[1].asked_ms;
	}
	assert_true(differs);
}

/* Two thousand waited on for 17 s after the operator had thawed all keys. */
static void
what_is_thawed_before_its_time_is_not_waited_for(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p;

	freeze_first(s, MINUTE_OF("20s"));
	p = begin(s);
	clockwork_pass(&s->loop, 3000);
	ASSERT_ASKED(p, "");
	for (int i = BOARD_EVERYONE + 1; i < (int)board_subjects_size(s->world->board); i++)
		if (board_subject_key(s->world->board, i) != 0)
			fitness_thaw_all(s->world->board, i, i);
	clockwork_pass(&s->loop, TRIES_LOOK_MS);
	ASSERT_ASKED(p, "a ");
	is_answered(p);
}

static void
who_waits_is_lent_what_is_added_meanwhile(void **state)
{
	struct scene *s = with_keys(state, 1);
	char id[CREDENTIAL_ID_LEN + 1];
	struct party *p;

	freeze_first(s, MINUTE_OF("20s"));
	p = begin(s);
	clockwork_pass(&s->loop, 3000);
	world_add(s->world, "new", "AIza-new-aaaaaaaaaaaaaaaa", true, T0, id);
	clockwork_pass(&s->loop, TRIES_LOOK_MS);
	ASSERT_ASKED(p, "new ");
	is_answered(p);
}

/* To look and find nothing costs no more waiting, and does not begin it anew. */
static void
looking_in_vain_changes_nothing(void **state)
{
	struct scene *s = with_keys(state, 1);
	int64_t began = s->loop.now_ms;
	struct party *p;

	freeze_first(s, MINUTE_OF("20s"));
	p = begin(s);
	for (int i = 0; i < 5; i++) {
		clockwork_pass(&s->loop, 2 * TRIES_LOOK_MS);
		board_bump(s->world->board, BOARD_GEN_THAWS);
	}
	ASSERT_ASKED(p, "");
	assert_int_equal(p->over, 0);
	clockwork_pass(&s->loop, 20 * SECOND);
	ASSERT_ASKED(p, "a ");
	assert_in_range(p->asked_ms - began, 20001, 20000 + TRIES_LATE_MS);
	is_answered(p);
}

/* One request a minute: of those that wait for it one is served, the others go on waiting. */
static void
who_comes_too_late_waits_again(void **state)
{
	struct scene *s = with_keys_limited(state, 1, (struct fitness_limits){ .rpm = 1 });
	struct party *first, *waiting[3];
	int served = 0;

	s->config.queue_max_wait_ms = 5 * MINUTE;
	first = begin(s);
	ASSERT_ASKED(first, "a ");
	is_answered(first);
	for (size_t i = 0; i < COUNT(waiting); i++)
		waiting[i] = begin(s);
	for (int round = 1; round <= 3; round++) {
		clockwork_pass(&s->loop, 61 * SECOND);
		served = 0;
		for (size_t i = 0; i < COUNT(waiting); i++) {
			assert_int_equal(waiting[i]->over, 0);
			if (waiting[i]->lease.id[0])
				is_answered(waiting[i]);
			served += waiting[i]->ended;
		}
		assert_int_equal(served, round);
	}
}

static void
who_waits_in_vain_is_told_until_when(void **state)
{
	struct scene *s = with_keys_limited(state, 1, (struct fitness_limits){ .rpm = 1 });
	struct party *p, *q;

	s->config.queue_max_wait_ms = 70 * SECOND;
	is_answered(begin(s));
	p = begin(s);
	q = begin(s);
	clockwork_pass(&s->loop, 61 * SECOND);
	assert_int_equal(p->over + q->over, 1);
	struct party *late = p->over ? p : q;

	ASSERT_ASKED(late, "");
	assert_int_equal(late->err.kind, ERR_BUSY);
	assert_in_range(late->err.retry_ms, 60000, 60500);
}

static void
a_client_that_left_while_it_waited_is_noticed(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p;

	freeze_first(s, MINUTE_OF("10s"));
	p = begin(s);
	p->gone = true;
	clockwork_pass(&s->loop, MINUTE);
	ASSERT_ASKED(p, "");
	assert_int_equal(p->over, 0); /* who began it is about to end it */
	assert_int_equal(s->loop.timer_count, 0);
}

static void
an_end_while_it_waits_is_the_last_of_it(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *waits, *begins;

	freeze_first(s, MINUTE_OF("10s"));
	waits = begin(s);
	begins = begin_as(s, (struct tries_order){ .metered = true });
	tries_fini(&waits->tries);
	tries_fini(&begins->tries);
	clockwork_pass(&s->loop, MINUTE);
	ASSERT_ASKED(waits, "");
	ASSERT_ASKED(begins, "");
	assert_int_equal(waits->over + begins->over, 0);
}

/* What is told already is worth the waiting only where another credential may do better. */
static void
another_one_is_waited_for_where_it_may_do_better(void **state)
{
	static const struct {
		int status;
		const char *body;
		bool waits;
	} rows[] = {
		{ BAD_KEY, true },
		{ DAY, true },
		{ VAGUE(""), true },
		{ MINUTE_OF("20s"), true },
		{ NO_MODEL, false },
		{ TOO_SLOW, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *state_of_one;
		struct scene *s;
		struct party *other, *p;
		struct verdict v;

		if (i > 0)
			setup(&state_of_one);
		else
			state_of_one = *state;
		s = with_keys(&state_of_one, 2);
		p = begin(s);
		other = begin_as(s, (struct tries_order){ .lend = { .owner = span_of(s->id[1]) } });
		clockwork_turn(&s->loop);
		ASSERT_ASKED(other, "b ");
		v = verdict_of(s, MINUTE_OF("3s"), NULL);
		settle(other, &v, 429);
		tries_fini(&other->tries);
		is_refused(p, rows[i].status, rows[i].body);
		clockwork_pass(&s->loop, 3000 + TRIES_LATE_MS);
		ASSERT_ASKED(p, rows[i].waits ? "a b " : "a ");
		assert_int_equal(p->over, rows[i].waits ? 0 : 1);
		if (i > 0)
			teardown(&state_of_one);
	}
	clockwork = &((struct scene *)*state)->loop;
}

/* The model's breaker is open: asking would only add to the storm. */
static void
an_overloaded_model_is_waited_for(void **state)
{
	struct scene *s = with_keys(state, 3);
	struct party *storm = begin(s), *p;

	is_refused(storm, OVERLOADED);
	is_refused(storm, OVERLOADED);
	is_refused(storm, OVERLOADED);
	ASSERT_ASKED(storm, "a b c ");
	assert_int_equal(storm->over, 1);
	assert_int_equal(storm->err.kind, ERR_OVERLOADED);
	p = begin(s);
	ASSERT_ASKED(p, "");
	assert_int_equal(p->over, 0);
	clockwork_pass(&s->loop, 10 * SECOND);
	assert_int_equal(p->asked.len, 2);
	is_answered(p);
}

/* ---- what is wished for ---- */

static void
only_the_owner_of_what_is_named_is_asked(void **state)
{
	struct scene *s = with_keys(state, 3);
	struct party *p = begin_as(
	    s, (struct tries_order){ .metered = true, .lend = { .owner = span_of(s->id[1]) } });

	clockwork_turn(&s->loop);
	is_refused(p, FAILED);
	clockwork_pass(&s->loop, 750);
	ASSERT_ASKED(p, "b b ");
	is_refused(p, FAILED);
	assert_int_equal(p->over, 1);
}

static void
what_is_not_metered_is_not_counted(void **state)
{
	struct scene *s = with_keys_limited(state, 1, (struct fitness_limits){ .rpm = 1 });

	for (int i = 0; i < 5; i++) {
		struct party *p = begin_as(s, (struct tries_order){ .metered = false });

		clockwork_turn(&s->loop);
		ASSERT_ASKED(p, "a ");
		is_answered(p);
	}
	is_answered(begin(s));
	struct party *p = begin(s);

	ASSERT_ASKED(p, "");
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_BUSY);
}

static void
tokens_are_estimated_where_they_are_limited_and_once(void **state)
{
	struct scene *s = with_keys_limited(state, 2, (struct fitness_limits){ .tpm = 100 });
	struct party *p = begin_as(s, (struct tries_order){ .metered = true }), *q;

	p->tokens = 60;
	clockwork_turn(&s->loop);
	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a b ");
	assert_int_equal(p->token_asks, 1);
	settle(p, &(struct verdict){ .outcome = OUTCOME_REFUSED }, 400);
	tries_mended(&p->tries);
	clockwork_turn(&s->loop);
	assert_int_equal(p->token_asks, 2); /* it is another prompt */
	q = begin_as(s, (struct tries_order){ .metered = true });
	q->tokens = 60;
	clockwork_turn(&s->loop);
	ASSERT_ASKED(q, "");
	assert_int_equal(q->over, 1);
	assert_int_equal(q->err.kind, ERR_BUSY);
}

static void
tokens_are_not_estimated_where_nothing_limits_them(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p = begin(s);

	assert_int_equal(p->token_asks, 0);
	is_answered(p);
}

/* ---- the trace ---- */

static void
the_trace_tells_of_each_try(void **state)
{
	struct scene *s = with_keys(state, 2);
	struct trace trace;
	struct party *p;

	trace_begin(&trace, SPAN("request"), SPAN_NONE, loop_moment(&s->loop));
	clockwork_pass(&s->loop, 40);
	p = begin_as(s, (struct tries_order){ .metered = true, .lend = { .trace = &trace } });
	clockwork_pass(&s->loop, 100);
	is_refused(p, FAILED);
	is_answered(p);
	assert_int_equal(trace.tries_made, 2);
	assert_int_equal(trace.try_count, 2);
	assert_int_equal(trace.tries[0].lent_ms, 40);
	assert_int_equal(trace.tries[1].lent_ms, 140);
	assert_int_equal(trace.tries[0].outcome, OUTCOME_SERVER_ERROR);
	assert_int_equal(trace.tries[1].outcome, OUTCOME_OK);
	assert_int_equal(trace.waits, 0);
}

/* However often it wakes too early or too late. */
static void
waiting_does_not_fill_the_trace(void **state)
{
	struct scene *s = with_keys_limited(state, 1, (struct fitness_limits){ .rpm = 1 });
	struct trace trace;
	struct party *p;

	s->config.queue_max_wait_ms = 10 * MINUTE;
	trace_begin(&trace, SPAN("request"), SPAN_NONE, loop_moment(&s->loop));
	is_answered(begin(s));
	p = begin_as(s, (struct tries_order){ .metered = true, .lend = { .trace = &trace } });
	clockwork_turn(&s->loop);
	for (int i = 0; i < 4; i++) { /* somebody else is always faster */
		s->loop.now_ms = p->tries.thaw_ms;
		is_answered(begin(s));
		clockwork_pass(&s->loop, 0);
		ASSERT_ASKED(p, "");
	}
	clockwork_pass(&s->loop, MINUTE + 2 * SECOND);
	ASSERT_ASKED(p, "a ");
	assert_in_range(trace.waits, 4, 100);
	assert_int_equal(trace.tries_made, 1);
	assert_int_equal(trace.try_count, 1);
	assert_true(trace.tries[0].credential != 0);
	assert_true(trace.pass_count >= 1); /* why it had to wait */
	assert_in_range(trace.pass_count, 1, 3);
	is_answered(p);
}

static void
a_refusal_without_any_try_is_in_the_trace(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct trace trace;
	struct party *p;

	freeze_first(s, MINUTE_OF("50s"));
	trace_begin(&trace, SPAN("request"), SPAN_NONE, loop_moment(&s->loop));
	p = begin_as(s, (struct tries_order){ .metered = true, .lend = { .trace = &trace } });
	clockwork_turn(&s->loop);
	assert_int_equal(p->over, 1);
	assert_int_equal(trace.tries_made, 1);
	assert_int_equal(trace.tries[0].credential, 0);
	assert_int_equal(trace.pass_count, 1);
	assert_int_equal(trace.passes[0].pass, PASS_FROZEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_frozen_credential_is_waited_for),
		CASE(the_first_to_thaw_is_waited_for),
		CASE(nothing_is_waited_for_longer_than_allowed),
		CASE(where_waiting_is_forbidden_nobody_waits),
		CASE(the_deadline_bounds_the_waiting_too),
		CASE(those_that_wait_for_one_thaw_do_not_all_come_at_once),
		CASE(what_is_thawed_before_its_time_is_not_waited_for),
		CASE(who_waits_is_lent_what_is_added_meanwhile),
		CASE(looking_in_vain_changes_nothing),
		CASE(who_comes_too_late_waits_again),
		CASE(who_waits_in_vain_is_told_until_when),
		CASE(a_client_that_left_while_it_waited_is_noticed),
		CASE(an_end_while_it_waits_is_the_last_of_it),
		CASE(another_one_is_waited_for_where_it_may_do_better),
		CASE(an_overloaded_model_is_waited_for),
		CASE(only_the_owner_of_what_is_named_is_asked),
		CASE(what_is_not_metered_is_not_counted),
		CASE(tokens_are_estimated_where_they_are_limited_and_once),
		CASE(tokens_are_not_estimated_where_nothing_limits_them),
		CASE(the_trace_tells_of_each_try),
		CASE(waiting_does_not_fill_the_trace),
		CASE(a_refusal_without_any_try_is_in_the_trace),
	};

	return cmocka_run_group_tests_name("upstream/tries: waiting", tests, NULL, NULL);
}
