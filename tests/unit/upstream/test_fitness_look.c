/* Looking at a credential: why it is passed over, until when, and what is noted to spare a look. */
#include "tests/unit/unit.h"

#include "upstream/fitness.h"

#define WALL   INT64_C(1790000000000) /* 2026-09-21 14:13:20 UTC */
#define UP     INT64_C(86400000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const struct moment now = { UP, WALL };
static const struct breaker_rule rule = { 3, 5000, 60000, 1000 };

static struct moment
later(int64_t ms)
{
	return (struct moment){ UP + ms, WALL + ms };
}

static void
freeze_for(struct board_row *row, int64_t ms, enum outcome cause)
{
	struct fitness_freeze f = { .until_ms = UP + ms, .cause = cause };

	fitness_freeze(row, &f, now);
}

struct five {
	struct board_row own, whole, scope, scope_whole, model;
	struct fitness_rows rows;
};

static void
five_init(struct five *f)
{
	*f = (struct five){ 0 };
	f->rows =
	    (struct fitness_rows){ &f->own, &f->whole, &f->scope, &f->scope_whole, &f->model };
}

static void
a_freeze_in_any_row_of_it_keeps_a_credential_from_being_lent(void **state)
{
	static const size_t at[] = { offsetof(struct five, own), offsetof(struct five, whole),
		offsetof(struct five, scope), offsetof(struct five, scope_whole) };

	(void)state;
	for (size_t i = 0; i < COUNT(at); i++) {
		struct five f;

		five_init(&f);
		freeze_for((struct board_row *)((char *)&f + at[i]), MINUTE, OUTCOME_REGION);
		struct fitness_pass p = fitness_look(&f.rows, 0, 0, now);

		assert_int_equal(p.pass, PASS_FROZEN);
		assert_int_equal(p.cause, OUTCOME_REGION);
		assert_int_equal(p.free_at_ms, UP + MINUTE);
		assert_int_equal(fitness_look(&f.rows, 0, 0, later(MINUTE)).pass, PASS_NONE);
		assert_int_equal(fitness_look_model(&f.rows, now).pass, PASS_NONE);
	}
}

static void
of_several_freezes_the_last_to_end_is_told(void **state)
{
	static const struct moment set_forward = { UP, WALL + 10 * MINUTE };
	struct five f;

	(void)state;
	five_init(&f);
	freeze_for(&f.whole, MINUTE, OUTCOME_REGION);
	struct fitness_freeze day = { WALL + HOUR, true, OUTCOME_QUOTA_DAY };

	fitness_freeze(&f.scope, &day, now);
	freeze_for(&f.own, 2 * MINUTE, OUTCOME_FORBIDDEN);
	struct fitness_pass p = fitness_look(&f.rows, 0, 0, set_forward);

	assert_int_equal(p.cause, OUTCOME_QUOTA_DAY);
	assert_int_equal(p.free_at_ms, UP + 50 * MINUTE); /* on the monotonic clock */
}

static void
a_look_tells_the_first_reason_in_their_order(void **state)
{
	static const enum pass order[] = { PASS_FROZEN, PASS_BROKEN, PASS_DAY, PASS_MINUTE,
		PASS_TOKENS };
	struct five f;

	/* All at once; then one after the other is mended. */
	(void)state;
	for (size_t mended = 0; mended < COUNT(order); mended++) {
		five_init(&f);
		switch (order[mended]) {
		case PASS_FROZEN:
			freeze_for(&f.whole, MINUTE, OUTCOME_REGION);
			/* fall through */
		case PASS_BROKEN:
			for (int i = 0; i < 3; i++)
				fitness_break(&f.own, &rule, OUTCOME_SERVER_ERROR, now, 0);
			/* fall through */
		case PASS_DAY:
			fitness_day_book(&f.scope, 0, now);
			/* fall through */
		case PASS_MINUTE:
			fitness_full(&f.scope, UP + MINUTE);
			/* fall through */
		default:
			fitness_full_tokens(&f.scope, 1, UP + MINUTE);
		}
		assert_int_equal(fitness_look(&f.rows, 1, 0, now).pass, order[mended]);
	}
}

static void
either_breaker_keeps_it_from_being_lent_until_its_time(void **state)
{
	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		struct five f;

		five_init(&f);
		for (int i = 0; i < 3; i++)
			fitness_break(whole ? &f.whole : &f.own, &rule, OUTCOME_SILENT, now, 0);
		struct fitness_pass p = fitness_look(&f.rows, 0, 0, now);

		assert_int_equal(p.pass, PASS_BROKEN);
		assert_int_equal(p.cause, OUTCOME_SILENT);
		assert_int_equal(p.free_at_ms, UP + rule.least_ms);
		p = fitness_look(&f.rows, 0, 0, later(rule.least_ms));
		assert_int_equal(p.pass, PASS_NONE);
		assert_true(p.probes);
	}
}

static void
a_probe_of_the_whole_is_one_though_the_own_breaker_is_closed(void **state)
{
	struct five f;

	(void)state;
	five_init(&f);
	for (int i = 0; i < 3; i++)
		fitness_break(&f.whole, &rule, OUTCOME_SILENT, now, 0);
	fitness_break(&f.own, &rule, OUTCOME_SERVER_ERROR, now, 0);
	assert_true(fitness_look(&f.rows, 0, 0, later(MINUTE)).probes);
}

static void
a_breaker_of_the_scope_is_another_credentials(void **state)
{
	struct five f;

	(void)state;
	five_init(&f);
	for (int i = 0; i < 3; i++) {
		fitness_break(&f.scope, &rule, OUTCOME_SERVER_ERROR, now, 0);
		fitness_break(&f.scope_whole, &rule, OUTCOME_SERVER_ERROR, now, 0);
	}
	assert_int_equal(fitness_look(&f.rows, 0, 0, now).pass, PASS_NONE);
}

static void
an_overloaded_model_rests_for_every_credential(void **state)
{
	struct five f;

	(void)state;
	five_init(&f);
	for (int i = 0; i < 3; i++)
		fitness_break(&f.model, &rule, OUTCOME_OVERLOADED, now, 0);
	assert_int_equal(fitness_look_model(&f.rows, now).pass, PASS_BROKEN);
	assert_int_equal(fitness_look_model(&f.rows, now).cause, OUTCOME_OVERLOADED);
	assert_true(fitness_look_model(&f.rows, later(MINUTE)).probes);
	assert_int_equal(fitness_look(&f.rows, 0, 0, now).pass, PASS_NONE);
	freeze_for(&f.model, HOUR, OUTCOME_OVERLOADED);
	assert_int_equal(fitness_look_model(&f.rows, now).pass, PASS_FROZEN);
}

static void
a_full_minute_is_passed_over_until_its_time(void **state)
{
	struct five f;

	(void)state;
	five_init(&f);
	fitness_full(&f.scope, UP + 40 * SECOND);
	struct fitness_pass p = fitness_look(&f.rows, 0, 0, now);
	struct fitness_view v;

	assert_int_equal(p.pass, PASS_MINUTE);
	assert_int_equal(p.free_at_ms, UP + 40 * SECOND);
	fitness_view(&f.scope, now, &v);
	assert_int_equal(v.full_for_ms, 40 * SECOND);
	assert_int_equal(fitness_look(&f.rows, 0, 0, later(40 * SECOND)).pass, PASS_NONE);
}

static void
the_newest_note_of_a_full_minute_counts(void **state)
{
	struct five f;

	(void)state;
	five_init(&f);
	fitness_full(&f.scope, UP + 40 * SECOND);
	fitness_full(&f.scope, UP + 10 * SECOND);
	assert_int_equal(fitness_look(&f.rows, 0, 0, later(10 * SECOND)).pass, PASS_NONE);
	fitness_full(&f.scope, UP + 40 * SECOND);
	fitness_full(&f.scope, 0);
	assert_int_equal(fitness_look(&f.rows, 0, 0, now).pass, PASS_NONE);
}

static void
a_note_never_outlives_a_minute_and_its_margin(void **state)
{
	static const int64_t until[] = { UP + 91 * SECOND, UP + HOUR, INT64_MAX };
	struct five f;

	(void)state;
	for (size_t i = 0; i < COUNT(until); i++) {
		five_init(&f);
		fitness_full(&f.scope, until[i]);
		fitness_full_tokens(&f.scope, 1, until[i]);
		assert_int_equal(fitness_look(&f.rows, 0, 9, now).pass, PASS_NONE);
	}
}

static void
full_tokens_let_smaller_prompts_pass(void **state)
{
	static const struct {
		uint64_t noted, prompt;
		enum pass pass;
	} cases[] = { { 100, 99, PASS_NONE }, { 100, 100, PASS_TOKENS }, { 100, 5000, PASS_TOKENS },
		{ 100, 0, PASS_NONE }, { 0, 0, PASS_TOKENS }, { 0, 1, PASS_TOKENS },
		{ 1, 0, PASS_TOKENS }, { UINT64_MAX, (1 << 24) - 2, PASS_NONE },
		{ UINT64_MAX, UINT64_MAX, PASS_TOKENS } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct five f;

		five_init(&f);
		fitness_full_tokens(&f.scope, cases[i].noted, UP + MINUTE);
		assert_int_equal(
		    fitness_look(&f.rows, 0, cases[i].prompt, now).pass, cases[i].pass);
		assert_int_equal(
		    fitness_look(&f.rows, 0, cases[i].prompt, later(MINUTE)).pass, PASS_NONE);
	}
}

static void
of_two_notes_of_tokens_the_stronger_or_the_newer_stays(void **state)
{
	static const struct {
		uint64_t first, second;
		int64_t first_s, second_s;
		uint64_t kept;
		int64_t kept_s;
	} cases[] = {
		{ 100, 50, 30, 40, 50, 40 },  /* says more */
		{ 50, 100, 40, 30, 50, 40 },  /* says less */
		{ 50, 100, 30, 40, 100, 40 }, /* says something else */
		{ 100, 50, 40, 30, 50, 30 },
		{ 100, 100, 30, 40, 100, 40 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct five f;

		five_init(&f);
		fitness_full_tokens(&f.scope, cases[i].first, UP + cases[i].first_s * SECOND);
		fitness_full_tokens(&f.scope, cases[i].second, UP + cases[i].second_s * SECOND);
		struct fitness_pass p = fitness_look(&f.rows, 0, cases[i].kept, now);

		assert_int_equal(p.pass, PASS_TOKENS);
		assert_int_equal(p.free_at_ms, UP + cases[i].kept_s * SECOND);
		assert_int_equal(fitness_look(&f.rows, 0, cases[i].kept - 1, now).pass, PASS_NONE);
	}
}

static void
a_day_that_is_used_up_is_told_with_its_end(void **state)
{
	struct five f;

	(void)state;
	five_init(&f);
	assert_true(fitness_day_book(&f.scope, 2, now));
	assert_int_equal(fitness_look(&f.rows, 2, 0, now).pass, PASS_NONE);
	assert_true(fitness_day_book(&f.scope, 2, now));
	assert_int_equal(fitness_look(&f.rows, 2, 0, now).pass, PASS_DAY);
	assert_int_equal(fitness_look(&f.rows, 0, 0, now).pass, PASS_NONE); /* without a limit */

	int64_t free_at = fitness_look(&f.rows, 2, 0, now).free_at_ms - UP;

	assert_true(free_at > 0 && free_at < DAY);
	assert_int_equal(fitness_look(&f.rows, 2, 0, later(free_at)).pass, PASS_NONE);
	assert_int_equal(fitness_look(&f.rows, 2, 0, later(free_at - MINUTE)).pass, PASS_DAY);
}

static void
whatever_bits_a_row_has_it_can_be_looked_at(void **state)
{
	struct chance chance;

	(void)state;
	chance_seed(&chance, 4711);
	for (int i = 0; i < 20000; i++) {
		struct five f;
		struct fitness_view v;
		struct board_row *rows[] = { &f.own, &f.whole, &f.scope, &f.scope_whole, &f.model };

		five_init(&f);
		for (size_t r = 0; r < COUNT(rows); r++)
			for (int w = 0; w < FITNESS_WORD_COUNT; w++)
				rows[r]->words[w] =
				    chance_next(&chance) >> chance_below(&chance, 64);
		struct fitness_pass p = fitness_look(&f.rows, 5, 5, now);

		assert_true(p.pass < PASS_COUNT && p.cause < OUTCOME_COUNT);
		assert_true(p.pass == PASS_NONE || p.free_at_ms > UP);
		p = fitness_look_model(&f.rows, now);
		assert_true(p.pass < PASS_COUNT && p.cause < OUTCOME_COUNT);
		fitness_view(&f.own, now, &v);
		assert_true(v.freeze.cause < OUTCOME_COUNT && v.last_failure < OUTCOME_COUNT);
		fitness_lent(&f.own, 1, now);
		fitness_succeeded(&f.own, 1, 1, now);
		fitness_failed(&f.own, OUTCOME_SILENT, true, now);
		fitness_break(&f.own, &rule, OUTCOME_SILENT, now, chance_next(&chance));
		fitness_probe(&f.own, now);
		fitness_unprobe(&f.own, now);
		fitness_mend(&f.own);
		fitness_day_book(&f.own, 3, now);
		fitness_day_return(&f.own, now);
	}
}

static void
every_reason_has_a_name(void **state)
{
	(void)state;
	for (int p = 0; p < PASS_COUNT; p++)
		assert_true(strlen(pass_name((enum pass)p)) > 3);
	assert_string_equal(pass_name(PASS_NONE), "eligible");
	assert_string_equal(pass_name(PASS_NO_ROOM), "the board is full");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_freeze_in_any_row_of_it_keeps_a_credential_from_being_lent),
		cmocka_unit_test(of_several_freezes_the_last_to_end_is_told),
		cmocka_unit_test(a_look_tells_the_first_reason_in_their_order),
		cmocka_unit_test(either_breaker_keeps_it_from_being_lent_until_its_time),
		cmocka_unit_test(a_probe_of_the_whole_is_one_though_the_own_breaker_is_closed),
		cmocka_unit_test(a_breaker_of_the_scope_is_another_credentials),
		cmocka_unit_test(an_overloaded_model_rests_for_every_credential),
		cmocka_unit_test(a_full_minute_is_passed_over_until_its_time),
		cmocka_unit_test(the_newest_note_of_a_full_minute_counts),
		cmocka_unit_test(a_note_never_outlives_a_minute_and_its_margin),
		cmocka_unit_test(full_tokens_let_smaller_prompts_pass),
		cmocka_unit_test(of_two_notes_of_tokens_the_stronger_or_the_newer_stays),
		cmocka_unit_test(a_day_that_is_used_up_is_told_with_its_end),
		cmocka_unit_test(whatever_bits_a_row_has_it_can_be_looked_at),
		cmocka_unit_test(every_reason_has_a_name),
	};

	return cmocka_run_group_tests_name("upstream/fitness_look", tests, NULL, NULL);
}
