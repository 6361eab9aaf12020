/*
 * A lease at work: what the pool is told of it and when, and what a refusal comes to.  Loop and
 * pool are played by the test.
 */
#include "tests/unit/unit.h"

#include "base/mem.h"
#include "upstream/loan.h"

#include "tests/unit/upstream/clockwork.h"
#include "tests/unit/upstream/lender.h"

struct world {
	struct loop loop;
	struct config config;
	struct board_slot slot;
	struct upstream up;
	struct arena *arena;
	struct loan loan;
	int enough;
};

static const struct verdict ok = { .outcome = OUTCOME_OK };

static int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	clockwork_begin(&w->loop);
	clockwork = &w->loop;
	lender = (struct lender){ .ids = { "a" } };
	w->arena = arena_new(0);
	w->up = (struct upstream){ .loop = &w->loop,
		.estimates = estimates_new(),
		.config = &w->config,
		.slot = &w->slot };
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	loan_settle(&w->loan, &ok, -1);
	loan_fini(&w->loan);
	assert_int_equal(w->slot.counts[BOARD_FETCHES], 0);
	assert_int_equal(w->loop.timer_count, 0);
	estimates_free(&w->up.estimates);
	arena_free(&w->arena);
	mem_free(w);
	clockwork = NULL;
	return 0;
}

static void
begin(struct world *w)
{
	struct wish wish = { .model = SPAN("gemini-x") };
	struct lease lease;
	struct err e = ERR_INIT;
	int64_t free_in_ms;

	assert_true(pool_lend(NULL, &wish, loop_moment(&w->loop), &lease, &free_in_ms, &e));
	loan_begin(&w->loan, &w->up, &lease);
	assert_string_equal(lease.id, "");
	assert_true(loan_is_open(&w->loan));
}

static void
a_loan_is_settled_once(void **state)
{
	struct world *w = *state;

	begin(w);
	loan_settle(&w->loan, &ok, 12);
	assert_false(loan_is_open(&w->loan));
	loan_settle(&w->loan, &ok, 12);
	assert_int_equal(lender.settled, 1);
	assert_int_equal(lender.end.prompt_tokens, 12);
}

static void
one_that_was_settled_begins_anew_with_nothing_left_of_it(void **state)
{
	struct world *w = *state;

	begin(w);
	loan_written(&w->loan);
	loan_head(&w->loan, 500);
	assert_true(loan_add_words(&w->loan, SPAN("words")));
	loan_settle(&w->loan, &ok, -1);
	begin(w);
	assert_int_equal(w->loan.status, 0);
	assert_int_equal(w->loan.first_byte_ms, -1);
	assert_int_equal(w->loan.words.len, 0);
	assert_false(w->loan.written);
	loan_settle(&w->loan, &ok, -1);
	assert_int_equal(lender.end.http_status, 0);
	assert_int_equal(lender.end.first_byte_ms, -1);
}

static void
a_head_without_a_word_of_writing_is_both(void **state)
{
	struct world *w = *state;

	begin(w);
	clockwork_pass(&w->loop, 30);
	loan_head(&w->loan, 200);
	assert_int_equal(lender.written, 1);
	assert_int_equal(lender.written_at.ms, w->loop.now_ms + w->loop.late_ms);
	assert_int_equal(w->loan.first_byte_ms, 30);
}

/* Upstream may have read it both times. */
static void
what_is_sent_once_more_is_asked_for_and_written_anew(void **state)
{
	struct world *w = *state;

	begin(w);
	loan_written(&w->loan);
	clockwork_pass(&w->loop, 30);
	assert_true(loan_again(&w->loan));
	assert_int_equal(lender.again_at.ms, w->loop.now_ms + w->loop.late_ms);
	assert_false(w->loan.written);
	loan_head(&w->loan, 200);
	assert_int_equal(lender.written, 2);
	assert_int_equal(lender.answered, 200);
}

static void
what_may_not_be_sent_twice_stays_written(void **state)
{
	struct world *w = *state;

	begin(w);
	lender.is_full = true;
	loan_written(&w->loan);
	assert_false(loan_again(&w->loan));
	assert_true(w->loan.written);
	assert_int_equal(lender.written, 1);
}

static void
on_enough(void *ctx)
{
	((struct world *)ctx)->enough++;
}

static void
patience_with_a_refusals_words_ends(void **state)
{
	struct world *w = *state;

	begin(w);
	loan_head(&w->loan, 503);
	loan_refused(&w->loan, on_enough, w);
	clockwork_pass(&w->loop, LOAN_WORDS_MS - 1);
	assert_int_equal(w->enough, 0);
	clockwork_pass(&w->loop, 1);
	assert_int_equal(w->enough, 1);
}

static void
nobody_is_impatient_with_what_is_settled(void **state)
{
	struct world *w = *state;

	begin(w);
	loan_head(&w->loan, 503);
	loan_refused(&w->loan, on_enough, w);
	loan_settle(&w->loan, &ok, -1);
	clockwork_pass(&w->loop, 2 * LOAN_WORDS_MS);
	assert_int_equal(w->enough, 0);
}

static void
of_a_refusals_words_so_many_are_kept(void **state)
{
	struct world *w = *state;
	char *much = mem_alloc(LOAN_WORDS_BYTES);

	begin(w);
	assert_true(loan_add_words(&w->loan, SPAN("x")));
	assert_true(loan_add_words(&w->loan, span_mem(much, LOAN_WORDS_BYTES - 1)));
	assert_true(loan_add_words(&w->loan, SPAN("")));
	assert_false(loan_add_words(&w->loan, SPAN("x")));
	assert_int_equal(w->loan.words.len, LOAN_WORDS_BYTES);
	mem_free(much);
}

static void
a_refusal_is_judged_by_its_status_and_words(void **state)
{
	static const struct {
		int status;
		const char *words;
		enum outcome outcome;
	} rows[] = {
		{ 400, "{\"error\":{\"message\":\"no\",\"status\":\"INVALID_ARGUMENT\"}}",
		    OUTCOME_REFUSED },
		{ 503, "{\"error\":{\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}",
		    OUTCOME_OVERLOADED },
		{ 502, "<html>Bad Gateway</html>", OUTCOME_SERVER_ERROR },
		{ 500, "", OUTCOME_SERVER_ERROR },
		{ 200,
		    "{\"error\":{\"code\":429,\"message\":\"Resource has been exhausted\","
		    "\"status\":\"RESOURCE_EXHAUSTED\"}}",
		    OUTCOME_QUOTA_VAGUE },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v;
		const struct fault *f;

		begin(w);
		loan_head(&w->loan, rows[i].status);
		f = loan_judge(&w->loan, span_of(rows[i].words), &BODY_NONE, w->arena, &v);
		assert_non_null(f);
		assert_int_equal(v.outcome, rows[i].outcome);
		loan_settle(&w->loan, &v, -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(a_loan_is_settled_once),
		CASE(one_that_was_settled_begins_anew_with_nothing_left_of_it),
		CASE(a_head_without_a_word_of_writing_is_both),
		CASE(what_is_sent_once_more_is_asked_for_and_written_anew),
		CASE(what_may_not_be_sent_twice_stays_written),
		CASE(patience_with_a_refusals_words_ends),
		CASE(nobody_is_impatient_with_what_is_settled),
		CASE(of_a_refusals_words_so_many_are_kept),
		CASE(a_refusal_is_judged_by_its_status_and_words),
	};

	return cmocka_run_group_tests_name("upstream/loan", tests, NULL, NULL);
}
