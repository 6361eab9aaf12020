/*
 * Who is asked next and when it is over: the rules of upstream/tries.h but for those of waiting
 * (test_tries_wait.c).
 */
#include "tests/unit/upstream/party.h"

/* ---- on to others ---- */

static void
a_request_is_lent_the_first_that_is_eligible(void **state)
{
	struct scene *s = with_keys(state, 3);
	struct party *p = begin(s);

	ASSERT_ASKED(p, "a ");
	is_answered(p);
	assert_int_equal(p->over, 0);
	assert_int_equal(s->slot.counts[BOARD_ATTEMPTS], 1);
	assert_int_equal(s->slot.counts[BOARD_RETRIES], 0);
}

static void
a_failure_moves_on_to_another_credential(void **state)
{
	struct scene *s = with_keys(state, 3);
	struct party *p = begin(s);

	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a b ");
	is_refused(p, DAY);
	ASSERT_ASKED(p, "a b c ");
	is_answered(p);
	assert_int_equal(s->slot.counts[BOARD_ATTEMPTS], 3);
	assert_int_equal(s->slot.counts[BOARD_RETRIES], 2);
}

/* Whatever it ends with, as long as there are others: nobody is asked twice. */
static void
no_credential_is_asked_twice_while_there_are_others(void **state)
{
	struct scene *s = *state;

	add_keys(s, 5);
	s->config.upstream_max_attempts = 5;
	for (int o = OUTCOME_REFUSED; o < OUTCOME_COUNT; o++) {
		struct verdict v = {
			.outcome = (enum outcome)o, .try_other = true, .try_same = true
		};
		struct party *p;

		open_pool(s);
		p = begin_as(s, (struct tries_order){ .model = SPAN_NONE, .metered = true });
		clockwork_turn(&s->loop);
		for (int i = 0; i < 5 && p->lease.id[0]; i++) {
			char label = p->tries.label[0];

			assert_ptr_equal(strchr(buf_text(&p->asked), label),
			    strrchr(buf_text(&p->asked), label));
			ends_quietly_with(p, &v);
		}
		tries_fini(&p->tries);
		if (p->lease.id[0])
			settle(p, &(struct verdict){ .outcome = OUTCOME_DROPPED }, 0);
		buf_fini(&p->asked);
		s->party_count--;
		pool_free(&s->up.pool);
	}
	open_pool(s);
}

static void
a_fault_of_the_request_is_tried_nowhere_else(void **state)
{
	struct scene *s = with_keys(state, 3);
	struct party *p = begin(s);

	is_refused(p, BAD_REQUEST);
	ASSERT_ASKED(p, "a ");
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_BAD_REQUEST);
	assert_string_equal(p->err.text, "temperature must be in range");
	assert_non_null(p->fault);
}

static void
nothing_is_tried_once_the_answer_began(void **state)
{
	struct scene *s = with_keys(state, 3);
	struct party *p = begin(s);
	struct verdict v = verdict_of(s, OVERLOADED, NULL);

	settle(p, &v, 200);
	tries_ended(&p->tries, &v, NULL, false);
	clockwork_pass(&s->loop, MINUTE);
	ASSERT_ASKED(p, "a ");
	assert_int_equal(p->over, 1);
}

static void
no_more_than_max_attempts_are_made(void **state)
{
	struct scene *s = with_keys(state, 6);
	struct party *p = begin(s);

	for (int i = 0; i < 3; i++)
		is_refused(p, BAD_KEY);
	ASSERT_ASKED(p, "a b c d ");
	is_refused(p, BAD_KEY);
	ASSERT_ASKED(p, "a b c d ");
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_UNAVAILABLE);
}

/* An outcome that would be the same elsewhere is not asked of everyone. */
static void
an_outcome_spreads_to_so_many_others_and_no_further(void **state)
{
	static const struct {
		enum outcome outcome;
		size_t asked;
	} rows[] = {
		{ OUTCOME_MODEL_UNKNOWN, 2 },
		{ OUTCOME_FORBIDDEN, 2 },
		{ OUTCOME_TIMED_OUT, 2 },
		{ OUTCOME_SILENT, 2 },
		{ OUTCOME_EMPTY, 2 },
		{ OUTCOME_OVERLOADED, 3 },
		{ OUTCOME_NO_CAPACITY, 3 },
		{ OUTCOME_SERVER_ERROR, 3 },
		{ OUTCOME_UNREACHABLE, 6 },
		{ OUTCOME_QUOTA_DAY, 6 },
		{ OUTCOME_KEY_INVALID, 6 },
	};
	struct scene *s = with_keys(state, 6);

	s->config.upstream_max_attempts = 8;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = { .outcome = rows[i].outcome, .try_other = true };
		struct party *p = begin(s);

		while (!p->over)
			ends_quietly_with(p, &v);
		assert_int_equal(p->asked.len, rows[i].asked * 2);
	}
}

static void
nobody_is_asked_behind_the_deadline(void **state)
{
	struct scene *s = with_keys(state, 3);
	struct party *p = begin_as(s, (struct tries_order){ .total_ms = 2000, .metered = true });

	clockwork_pass(&s->loop, 500);
	assert_int_equal(tries_left_ms(&p->tries), 1500);
	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a b ");
	clockwork_pass(&s->loop, 1500);
	assert_int_equal(tries_left_ms(&p->tries), 1);
	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a b ");
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_UPSTREAM);
}

/* ---- the same one again ---- */

static void
where_no_other_is_eligible_a_failure_in_passing_allows_one_repeat(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p = begin(s);

	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a ");
	assert_int_equal(p->over, 0);
	clockwork_pass(&s->loop, 750);
	ASSERT_ASKED(p, "a a ");
	is_refused(p, FAILED);
	clockwork_pass(&s->loop, MINUTE);
	ASSERT_ASKED(p, "a a ");
	assert_int_equal(p->over, 1);
}

static void
a_repeat_comes_behind_all_others(void **state)
{
	struct scene *s = with_keys(state, 2);
	struct party *p = begin(s);

	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a b ");
	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a b ");
	clockwork_pass(&s->loop, 750);
	ASSERT_ASKED(p, "a b a ");
	is_refused(p, FAILED);
	clockwork_pass(&s->loop, MINUTE);
	ASSERT_ASKED(p, "a b a ");
	assert_int_equal(p->over, 1);
}

/* Of two that failed only the second may be asked again: the first one's failure says it is of no
 * use. */
static void
only_a_failure_that_allows_it_is_repeated(void **state)
{
	struct scene *s = with_keys(state, 2);
	struct party *p = begin(s);

	is_refused(p, TOO_SLOW);
	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a b ");
	clockwork_pass(&s->loop, MINUTE);
	ASSERT_ASKED(p, "a b b ");
	is_answered(p);
}

static void
what_allows_no_repeat_ends_it(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum err_kind kind;
	} rows[] = {
		{ TOO_SLOW, ERR_UPSTREAM_SLOW },
		{ NO_MODEL, ERR_MODEL_NOT_FOUND },
		{ VAGUE(""), ERR_BUSY },
		{ VAGUE("Please retry in 2s."), ERR_BUSY },
		{ DAY, ERR_QUOTA },
		{ BAD_KEY, ERR_UNAVAILABLE },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *state_of_one;
		struct scene *s;
		struct party *p;

		if (i > 0)
			setup(&state_of_one);
		else
			state_of_one = *state;
		s = with_keys(&state_of_one, 1);
		p = begin(s);
		is_refused(p, rows[i].status, rows[i].body);
		assert_int_equal(p->over, 1); /* at once */
		ASSERT_ASKED(p, "a ");
		assert_int_equal(p->err.kind, rows[i].kind);
		if (i > 0)
			teardown(&state_of_one);
	}
	clockwork = &((struct scene *)*state)->loop;
}

/* The pauses of the table, whatever chance says. */
static void
the_pause_before_a_repeat_is_within_its_bounds(void **state)
{
	static const enum outcome outcomes[] = { OUTCOME_UNREACHABLE, OUTCOME_NO_CAPACITY,
		OUTCOME_OVERLOADED, OUTCOME_CANCELLED, OUTCOME_SERVER_ERROR, OUTCOME_GARBLED,
		OUTCOME_EMPTY };
	struct scene *s = with_keys(state, 1);

	for (size_t i = 0; i < COUNT(outcomes) * 40; i++) {
		enum outcome o = outcomes[i % COUNT(outcomes)];
		struct verdict v = { .outcome = o, .try_other = true, .try_same = true };
		const struct outcome_facts *facts = outcome_facts(o);
		struct party *p = begin(s);
		int64_t began = s->loop.now_ms;

		ends_quietly_with(p, &v);
		clockwork_pass(&s->loop, 2000);
		ASSERT_ASKED(p, "a a ");
		assert_in_range(p->asked_ms - began, facts->pause_least_ms, facts->pause_most_ms);
		is_answered(p);
		buf_fini(&p->asked);
		s->party_count--;
		clockwork_pass(&s->loop, MINUTE);
	}
}

static void
a_pause_that_the_deadline_does_not_allow_ends_it(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p = begin_as(s, (struct tries_order){ .total_ms = 250, .metered = true });

	clockwork_turn(&s->loop);
	is_refused(p, FAILED);
	ASSERT_ASKED(p, "a ");
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_UPSTREAM);
}

static void
a_repeat_is_an_attempt_like_any(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p;

	s->config.upstream_max_attempts = 1;
	p = begin(s);
	is_refused(p, FAILED);
	assert_int_equal(p->over, 1);
	ASSERT_ASKED(p, "a ");
}

/* Row 19: of a pool of one, when the minute is over in time. */
static void
the_only_one_is_asked_again_when_its_minute_is_over_in_time(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p = begin(s);
	int64_t began = s->loop.now_ms;

	is_refused(p, MINUTE_OF("5s"));
	clockwork_pass(&s->loop, 4999);
	ASSERT_ASKED(p, "a ");
	clockwork_pass(&s->loop, 1000);
	ASSERT_ASKED(p, "a a ");
	assert_in_range(p->asked_ms - began, 5000, 5000 + TRIES_LATE_MS);
	is_refused(p, MINUTE_OF("5s"));
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_BUSY);
}

static void
a_minute_that_is_not_over_in_time_is_told_at_once(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p = begin(s);

	is_refused(p, MINUTE_OF("50s"));
	clockwork_pass(&s->loop, 0);
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_BUSY);
	assert_in_range(p->err.retry_ms, 49000, 50000);
}

/* ---- mended requests ---- */

static void
a_mended_request_is_asked_of_the_same_again_and_not_counted(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct trace trace = { 0 };
	struct party *p;

	s->config.upstream_max_attempts = 1;
	p = begin_as(s, (struct tries_order){ .metered = true, .lend = { .trace = &trace } });
	clockwork_turn(&s->loop);
	for (int i = 0; i < TRIES_MENDS_MAX; i++) {
		settle(p, &(struct verdict){ .outcome = OUTCOME_REFUSED }, 400);
		tries_mended(&p->tries);
		clockwork_turn(&s->loop);
	}
	ASSERT_ASKED(p, "a a a a a a a ");
	assert_int_equal(p->tries.mends, TRIES_MENDS_MAX);
	assert_int_equal(trace.mends, TRIES_MENDS_MAX);
	is_refused(p, FAILED);
	assert_int_equal(p->over, 1);
}

/* What it failed with before it was mended says nothing of what it is now. */
static void
a_mend_makes_forget_what_was_told(void **state)
{
	struct scene *s = with_keys(state, 2);
	struct party *p = begin(s);

	is_refused(p, FAILED);
	settle(p, &(struct verdict){ .outcome = OUTCOME_REFUSED }, 400);
	tries_mended(&p->tries);
	clockwork_turn(&s->loop);
	ASSERT_ASKED(p, "a b a ");
	is_refused(p, BAD_REQUEST);
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_BAD_REQUEST);
}

/* ---- what is told ---- */

static void
what_one_credential_spent_does_not_hide_anothers_reason(void **state)
{
	struct scene *s = with_keys(state, 2);
	struct party *p = begin(s);

	is_refused(p, TOO_SLOW);
	is_refused(p, DAY);
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_UPSTREAM_SLOW);
	assert_non_null(p->fault);
	assert_int_equal(p->fault->http_status, 504);
}

static void
where_all_are_spent_the_pool_says_until_when(void **state)
{
	struct scene *s = with_keys(state, 2);
	struct party *p = begin(s);
	int64_t midnight = outcome_pacific_midnight(loop_wall_ms(&s->loop));

	is_refused(p, DAY);
	is_refused(p, DAY);
	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_QUOTA);
	assert_int_equal(p->err.retry_ms, midnight - loop_wall_ms(&s->loop));
	assert_null(p->fault);
}

static void
what_upstream_says_of_our_keys_is_not_passed_on(void **state)
{
	struct scene *s = with_keys(state, 1);
	struct party *p = begin(s);

	is_refused(p, BAD_KEY);
	assert_int_equal(p->over, 1);
	assert_null(strstr(p->err.text, "API key not valid"));
	assert_null(p->fault);
}

static void
without_a_credential_it_is_over_at_once(void **state)
{
	struct scene *s = with_keys(state, 0);
	struct party *p = begin(s);

	assert_int_equal(p->over, 1);
	assert_int_equal(p->err.kind, ERR_UNAVAILABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_is_lent_the_first_that_is_eligible),
		CASE(a_failure_moves_on_to_another_credential),
		CASE(no_credential_is_asked_twice_while_there_are_others),
		CASE(a_fault_of_the_request_is_tried_nowhere_else),
		CASE(nothing_is_tried_once_the_answer_began),
		CASE(no_more_than_max_attempts_are_made),
		CASE(an_outcome_spreads_to_so_many_others_and_no_further),
		CASE(nobody_is_asked_behind_the_deadline),
		CASE(where_no_other_is_eligible_a_failure_in_passing_allows_one_repeat),
		CASE(a_repeat_comes_behind_all_others),
		CASE(only_a_failure_that_allows_it_is_repeated),
		CASE(what_allows_no_repeat_ends_it),
		CASE(the_pause_before_a_repeat_is_within_its_bounds),
		CASE(a_pause_that_the_deadline_does_not_allow_ends_it),
		CASE(a_repeat_is_an_attempt_like_any),
		CASE(the_only_one_is_asked_again_when_its_minute_is_over_in_time),
		CASE(a_minute_that_is_not_over_in_time_is_told_at_once),
		CASE(a_mended_request_is_asked_of_the_same_again_and_not_counted),
		CASE(a_mend_makes_forget_what_was_told),
		CASE(what_one_credential_spent_does_not_hide_anothers_reason),
		CASE(where_all_are_spent_the_pool_says_until_when),
		CASE(what_upstream_says_of_our_keys_is_not_passed_on),
		CASE(without_a_credential_it_is_over_at_once),
	};

	return cmocka_run_group_tests_name("upstream/tries", tests, NULL, NULL);
}
