/* Rows as records: what comes back after a restart, when, and what hostile bytes do. */
#include "tests/unit/unit.h"

#include "upstream/fitness.h"
#include "upstream/fitness_words.h"

#define UP INT64_C(86400000)
/* 2026-09-22 07:00 UTC: midnight in California, in summer. */
#define MIDNIGHT INT64_C(1790060400000)
#define NOON     (MIDNIGHT - 12 * HOUR_MS)

static const struct moment before = { UP, NOON };
static const struct breaker_rule rule = { 3, 5000, 60000, 1000 };

/* The machine was started anew meanwhile: its monotonic clock stands elsewhere. */
static struct moment
after(int64_t ms)
{
	return (struct moment){ 5000 + ms, NOON + ms };
}

/* Words of a record, as fitness_record.c has them in order. */
enum { AT_FREEZE, AT_POSTERIOR, AT_BREAKER, AT_DAY = 6, WORDS = 12 };

static void
put_word(struct buf *record, size_t at, uint64_t value)
{
	while (record->len < (at + 1) * 8)
		buf_add_char(record, '\0');
	for (size_t i = 0; i < 8; i++)
		record->data[at * 8 + i] = (char)(value >> 8 * i);
}

static uint64_t
freeze_word(int64_t until, bool by_wall, uint16_t mark)
{
	return (uint64_t)until << 17 | (uint64_t)by_wall << 16 | mark;
}

/* Written before, read by another board; extra_day 0. */
static void
carry(const struct board_row *from, struct board_row *to, struct moment m)
{
	struct buf record = BUF_INIT;

	fitness_encode(from, before, &record);
	assert_true(fitness_decode(to, buf_span(&record), 0, m));
	buf_fini(&record);
}

static void
freeze(struct board_row *row, int64_t ms, bool by_wall, enum outcome cause)
{
	struct fitness_freeze f = { (by_wall ? NOON : UP) + ms, by_wall, cause };

	fitness_freeze(row, &f, before);
}

static void
fill(struct board_row *row)
{
	struct fitness_limits said = { 5, 250000, 20 };

	for (int i = 0; i < 7; i++) {
		fitness_lent(row, 99, before);
		assert_true(fitness_day_book(row, 0, before));
		fitness_succeeded(row, 120, 3400, before);
	}
	fitness_failed(row, OUTCOME_GARBLED, true, before);
	fitness_failed(row, OUTCOME_QUOTA_DAY, false, before);
	for (int i = 0; i < 3; i++)
		fitness_break(row, &rule, OUTCOME_SERVER_ERROR, before, UINT64_MAX);
	freeze(row, HOUR_MS, true, OUTCOME_QUOTA_DAY);
	fitness_learn(row, &said, before);
	fitness_vague(row);
	fitness_ask_probe(row, before);
	fitness_full(row, UP + MINUTE_MS);
}

/* ---- there and back ---- */

static void
a_row_comes_back_as_it_was(void **state)
{
	struct board_row row = { 0 }, back = { 0 };
	struct fitness_view was, is;

	(void)state;
	fill(&row);
	carry(&row, &back, after(0));
	fitness_view(&row, before, &was);
	fitness_view(&back, after(0), &is);
	assert_int_equal(is.frozen_for_ms, HOUR_MS);
	assert_int_equal(is.freeze.cause, OUTCOME_QUOTA_DAY);
	assert_true(is.freeze.by_wall);
	assert_int_equal(is.breaker, BREAKER_OPEN);
	assert_int_equal(is.breaker_cause, OUTCOME_SERVER_ERROR);
	assert_int_equal(is.open_for_ms, was.open_for_ms);
	assert_true(was.open_for_ms > 0);
	assert_int_equal(is.failures_in_a_row, 3);
	assert_true(is.mean > was.mean - 0.01 && is.mean < was.mean + 0.01);
	assert_true(is.weight > was.weight - 0.1);
	assert_int_equal(is.first_byte_ms, 120);
	assert_int_equal(is.total_ms, 3400);
	assert_int_equal(is.successes, 7);
	assert_int_equal(is.failures, 2);
	assert_int_equal(is.last_failure, OUTCOME_QUOTA_DAY);
	assert_int_equal(is.day_used, 7);
	assert_int_equal(is.learned.rpm, 5);
	assert_int_equal(is.learned.tpm, 250000);
	assert_int_equal(is.learned.rpd, 20);
	assert_int_equal(is.learned_wall_s, NOON / SECOND_MS);
	assert_int_equal(is.last_success_wall_s, NOON / SECOND_MS);
	assert_int_equal(is.first_lent_wall_s, NOON / SECOND_MS);
	assert_int_equal(fitness_vague(&back), 2);
	assert_true(fitness_take_probe(&back));
}

static void
what_a_process_held_and_what_saved_a_look_does_not_come_back(void **state)
{
	struct board_row row = { 0 }, back = { 0 };
	struct fitness_view v;

	(void)state;
	fill(&row);
	carry(&row, &back, after(0));
	fitness_view(&back, after(0), &v);
	assert_int_equal(v.in_flight, 0);
	assert_int_equal(v.full_for_ms, 0);
	assert_int_equal(fitness_ticket(&back), 0);
}

static void
a_row_that_says_nothing_writes_nothing(void **state)
{
	struct board_row row = { 0 };
	struct buf record = BUF_INIT;

	(void)state;
	fitness_encode(&row, before, &record);
	fitness_encode(NULL, before, &record);
	fitness_full(&row, UP + MINUTE_MS);
	fitness_encode(&row, before, &record);
	freeze(&row, HOUR_MS, false, OUTCOME_REGION);
	fitness_encode(&row, (struct moment){ UP + HOUR_MS, NOON + HOUR_MS }, &record);
	assert_int_equal(record.len, 0);
	buf_fini(&record);
}

static void
a_record_takes_the_place_of_what_stood_there(void **state)
{
	struct board_row row = { 0 };

	(void)state;
	fill(&row);
	assert_true(fitness_decode(&row, SPAN_NONE, 0, before));
	struct fitness_view v;

	fitness_view(&row, before, &v);
	assert_int_equal(v.frozen_for_ms, 0);
	assert_int_equal(v.successes, 0);
	assert_int_equal(v.day_used, 0);
	assert_int_equal(v.learned.rpm, 0);
	assert_int_equal(v.breaker, BREAKER_CLOSED);
}

static void
every_cause_comes_back_by_its_name(void **state)
{
	(void)state;
	for (int o = OUTCOME_OK + 1; o < OUTCOME_COUNT; o++) {
		struct board_row row = { 0 }, back = { 0 };
		struct fitness_view v;

		freeze(&row, HOUR_MS, false, (enum outcome)o);
		fitness_failed(&row, (enum outcome)o, false, before);
		carry(&row, &back, after(0));
		fitness_view(&back, after(0), &v);
		assert_int_equal(v.freeze.cause, o);
		assert_int_equal(v.last_failure, o);
	}
}

/* ---- time goes on while nobody runs ---- */

static void
freezes_of_both_clocks_end_when_they_would_have(void **state)
{
	(void)state;
	for (int by_wall = 0; by_wall < 2; by_wall++) {
		struct board_row row = { 0 }, back = { 0 };

		freeze(&row, HOUR_MS, by_wall, OUTCOME_QUOTA_MINUTE);
		carry(&row, &back, after(20 * MINUTE_MS));
		assert_true(fitness_frozen(&back, after(HOUR_MS - 1)).until_ms > 0);
		assert_int_equal(fitness_frozen(&back, after(HOUR_MS)).until_ms, 0);
		assert_int_equal(fitness_frozen(&back, after(0)).by_wall, by_wall);
		carry(&row, &back, after(HOUR_MS));
		assert_int_equal(back.words[FITNESS_FREEZE], 0);
	}
}

static void
a_posterior_fades_while_nobody_runs(void **state)
{
	struct board_row row = { 0 }, soon = { 0 }, late = { 0 };
	struct fitness_view a, b, c;

	(void)state;
	for (int i = 0; i < 30; i++)
		fitness_failed(&row, OUTCOME_GARBLED, true, before);
	carry(&row, &soon, after(0));
	carry(&row, &late, after(10 * HOUR_MS));
	fitness_view(&row, before, &a);
	fitness_view(&soon, after(0), &b);
	fitness_view(&late, after(10 * HOUR_MS), &c);
	assert_true(a.mean < 0.1 && b.mean < 0.1);
	assert_true(c.mean > 0.49);
}

static void
a_breaker_whose_time_has_come_is_half_open_and_its_probe_forgotten(void **state)
{
	struct board_row row = { 0 }, back = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		fitness_break(&row, &rule, OUTCOME_SERVER_ERROR, before, 0);
	carry(&row, &back, after(MINUTE_MS));
	assert_true(fitness_probe(&back, after(MINUTE_MS)));
	struct moment m = { UP + MINUTE_MS, NOON + MINUTE_MS };

	assert_true(fitness_probe(&row, m));
	carry(&row, &back, after(2 * MINUTE_MS));
	assert_true(fitness_probe(&back, after(2 * MINUTE_MS)));
}

static void
todays_requests_come_back_and_yesterdays_do_not(void **state)
{
	struct board_row row = { 0 }, back = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(fitness_day_book(&row, 0, before));
	carry(&row, &back, after(12 * HOUR_MS - MINUTE_MS));
	assert_int_equal(fitness_day_used(&back, after(12 * HOUR_MS - MINUTE_MS)), 3);
	assert_int_equal(fitness_day_used(&back, after(12 * HOUR_MS + MINUTE_MS)), 0);
	carry(&row, &back, after(12 * HOUR_MS + MINUTE_MS));
	assert_int_equal(fitness_day_used(&back, after(12 * HOUR_MS + MINUTE_MS)), 0);
}

static void
requests_made_behind_the_last_writing_are_added_to_the_day(void **state)
{
	struct board_row row = { 0 }, back = { 0 };
	struct buf record = BUF_INIT;

	(void)state;
	assert_true(fitness_day_book(&row, 0, before));
	fitness_encode(&row, before, &record);
	assert_true(fitness_decode(&back, buf_span(&record), 4, after(0)));
	assert_int_equal(fitness_day_used(&back, after(0)), 5);
	assert_true(fitness_decode(&back, buf_span(&record), -4, after(0)));
	assert_int_equal(fitness_day_used(&back, after(0)), 1);
	assert_true(fitness_decode(&back, buf_span(&record), INT64_MAX, after(0)));
	assert_int_equal(fitness_day_used(&back, after(0)), (1 << 24) - 1);
	assert_true(fitness_decode(&back, buf_span(&record), 4, after(13 * HOUR_MS)));
	assert_int_equal(fitness_day_used(&back, after(13 * HOUR_MS)), 0);
	/* Nothing was counted: there is no limit to keep. */
	assert_true(fitness_decode(&back, SPAN_NONE, 4, after(0)));
	assert_int_equal(fitness_day_used(&back, after(0)), 0);
	buf_fini(&record);
}

static void
limits_learned_are_forgotten_a_day_after_they_were_stated(void **state)
{
	struct board_row row = { 0 }, back = { 0 };
	struct fitness_limits said = { .rpd = 20 };

	(void)state;
	fitness_learn(&row, &said, before);
	carry(&row, &back, after(23 * HOUR_MS));
	assert_int_equal(fitness_learned(&back, after(23 * HOUR_MS)).rpd, 20);
	assert_int_equal(fitness_learned(&back, after(24 * HOUR_MS)).rpd, 0);
}

/* ---- records that cannot be right ---- */

static void
a_record_from_the_future_freezes_for_a_day_at_most(void **state)
{
	static const int64_t until[] = { NOON + 30 * DAY_MS, NOON + 4000 * DAY_MS,
		(INT64_C(1) << 47) - 1 };

	(void)state;
	for (size_t i = 0; i < COUNT(until); i++)
		for (int by_wall = 0; by_wall < 2; by_wall++) {
			struct board_row row = { 0 };
			struct buf record = BUF_INIT;

			put_word(&record, AT_FREEZE, freeze_word(until[i], by_wall, 4711));
			assert_true(fitness_decode(&row, buf_span(&record), 0, after(0)));
			struct fitness_freeze f = fitness_frozen(&row, after(0));
			int64_t left = f.until_ms - (by_wall ? NOON : 5000);

			assert_int_equal(left, by_wall ? 12 * HOUR_MS + 2 * MINUTE_MS : DAY_MS);
			assert_int_equal(f.cause, OUTCOME_QUOTA_VAGUE);
			buf_fini(&record);
		}
}

static void
times_of_the_future_are_taken_for_now(void **state)
{
	struct board_row row = { 0 }, back = { 0 };
	struct fitness_limits said = { .rpm = 5 };
	struct moment m = { UP, NOON + 400 * DAY_MS };
	struct buf record = BUF_INIT;
	struct fitness_view v;

	(void)state;
	fitness_lent(&row, 1, m);
	fitness_succeeded(&row, 1, 1, m);
	fitness_learn(&row, &said, m);
	for (int i = 0; i < 3; i++)
		fitness_break(&row, &rule, OUTCOME_SERVER_ERROR, m, 0);
	fitness_encode(&row, m, &record);
	assert_true(fitness_decode(&back, buf_span(&record), 0, after(0)));
	fitness_view(&back, after(0), &v);
	assert_int_equal(v.last_success_wall_s, NOON / SECOND_MS);
	assert_int_equal(v.first_lent_wall_s, NOON / SECOND_MS);
	assert_int_equal(v.learned.rpm, 5);
	assert_in_range(v.open_for_ms, 1, BREAKER_WAIT_MAX_MS);
	buf_fini(&record);
}

static void
a_cause_of_a_newer_version_still_freezes(void **state)
{
	struct board_row row = { 0 };
	struct buf record = BUF_INIT;

	(void)state;
	put_word(&record, AT_FREEZE, freeze_word(NOON + MINUTE_MS, false, 0));
	put_word(&record, WORDS, 4711); /* and what else it may say */
	assert_true(fitness_decode(&row, buf_span(&record), 0, after(0)));
	assert_int_equal(fitness_frozen(&row, after(0)).cause, OUTCOME_QUOTA_VAGUE);
	buf_fini(&record);
}

static void
a_breaker_that_rests_for_no_known_cause_is_forgotten(void **state)
{
	static const unsigned causes[] = { OUTCOME_OK, OUTCOME_COUNT, 63 };

	(void)state;
	for (size_t i = 0; i < COUNT(causes); i++) {
		struct board_row row = { 0 };
		struct fitness_rows rows = { .own = &row };
		struct buf record = BUF_INIT;
		breaker w = 0;

		for (int k = 0; k < 3; k++)
			w = breaker_failed(w, &rule, causes[i], NOON, UINT64_MAX);
		assert_int_equal(breaker_state(w, NOON), BREAKER_OPEN);
		put_word(&record, AT_BREAKER, w);
		assert_true(fitness_decode(&row, buf_span(&record), 0, after(0)));
		assert_int_equal(fitness_look(&rows, 0, 0, after(0)).pass, PASS_NONE);
		buf_fini(&record);
	}
}

static void
a_broken_record_leaves_the_row_as_it_is(void **state)
{
	struct board_row row = { 0 }, was;
	struct buf record = BUF_INIT;

	(void)state;
	fill(&row);
	fitness_encode(&row, before, &record);
	memcpy(&was, &row, sizeof(was));
	size_t whole = 0;

	/* Cut anywhere: it either ends between two words, or is refused. */
	for (size_t len = 1; len < record.len; len++) {
		struct board_row cut;

		memcpy(&cut, &was, sizeof(cut));
		if (fitness_decode(&cut, span_mem(record.data, len), 0, before))
			whole++;
		else
			assert_memory_equal(&cut, &was, sizeof(cut));
	}
	assert_int_equal(whole, WORDS - 1);
	buf_fini(&record);
}

static void
without_a_row_a_record_is_only_checked(void **state)
{
	(void)state;
	assert_true(fitness_decode(NULL, SPAN_NONE, 0, before));
	assert_false(fitness_decode(NULL, SPAN("\x01"), 0, before));
	assert_true(fitness_decode(NULL, SPAN("\x01\0\0\0\0\0\0\0"), 0, before));
}

/* Any numbers in any fields, and any bytes: the row can be used, and nothing holds for ever. */
static void
hostile_records_neither_crash_nor_hold_for_ever(void **state)
{
	struct chance chance;
	struct buf record = BUF_INIT;
	size_t taken = 0;

	(void)state;
	chance_seed(&chance, 42);
	for (int i = 0; i < 20000; i++) {
		struct board_row row = { 0 };
		struct fitness_rows rows = { .own = &row, .scope = &row };
		struct fitness_view v;
		size_t words = chance_below(&chance, WORDS + 3);

		buf_clear(&record);
		for (size_t at = 0; at < words; at++)
			put_word(&record, at, chance_next(&chance) >> chance_below(&chance, 64));
		if (i % 4 == 0 && record.len)
			record.len -= chance_below(&chance, record.len);
		taken += fitness_decode(&row, buf_span(&record), 1, after(0));
		fitness_look(&rows, 3, 3, after(0));
		fitness_view(&row, after(0), &v);
		assert_true(v.freeze.cause < OUTCOME_COUNT && v.last_failure < OUTCOME_COUNT);
		assert_in_range(v.frozen_for_ms, 0, 25 * HOUR_MS);
		assert_in_range(v.open_for_ms, 0, BREAKER_WAIT_MAX_MS);
		assert_in_range(v.day_used, 0, (1 << 24) - 1);
		assert_true(v.mean > 0 && v.mean < 1);
		fitness_succeeded(&row, 5, 5, after(0));
		fitness_failed(&row, OUTCOME_SILENT, true, after(0));
		fitness_break(&row, &rule, OUTCOME_SILENT, after(0), chance_next(&chance));
		assert_int_equal(fitness_look(&rows, 0, 0, after(50 * HOUR_MS)).pass, PASS_NONE);
		buf_clear(&record);
		fitness_encode(&row, after(0), &record);
		assert_true(fitness_decode(&row, buf_span(&record), 0, after(0)));
	}
	assert_in_range(taken, 1000, 19999);
	buf_fini(&record);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_comes_back_as_it_was),
		cmocka_unit_test(what_a_process_held_and_what_saved_a_look_does_not_come_back),
		cmocka_unit_test(a_row_that_says_nothing_writes_nothing),
		cmocka_unit_test(a_record_takes_the_place_of_what_stood_there),
		cmocka_unit_test(every_cause_comes_back_by_its_name),
		cmocka_unit_test(freezes_of_both_clocks_end_when_they_would_have),
		cmocka_unit_test(a_posterior_fades_while_nobody_runs),
		cmocka_unit_test(
		    a_breaker_whose_time_has_come_is_half_open_and_its_probe_forgotten),
		cmocka_unit_test(todays_requests_come_back_and_yesterdays_do_not),
		cmocka_unit_test(requests_made_behind_the_last_writing_are_added_to_the_day),
		cmocka_unit_test(limits_learned_are_forgotten_a_day_after_they_were_stated),
		cmocka_unit_test(a_record_from_the_future_freezes_for_a_day_at_most),
		cmocka_unit_test(times_of_the_future_are_taken_for_now),
		cmocka_unit_test(a_cause_of_a_newer_version_still_freezes),
		cmocka_unit_test(a_breaker_that_rests_for_no_known_cause_is_forgotten),
		cmocka_unit_test(a_broken_record_leaves_the_row_as_it_is),
		cmocka_unit_test(without_a_row_a_record_is_only_checked),
		cmocka_unit_test(hostile_records_neither_crash_nor_hold_for_ever),
	};

	return cmocka_run_group_tests_name("upstream/fitness_record", tests, NULL, NULL);
}
