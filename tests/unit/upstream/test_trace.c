/* Traces: filled, put on a board, found again, shown. */
#include "tests/unit/ipc/board_place.h"

#include <math.h>
#include "base/text.h"
#include "upstream/trace.h"

#define UP   INT64_C(86400000)
#define WALL INT64_C(1790000000123) /* 2026-09-21T14:13:20.123Z */

static const struct moment now = { UP, WALL };
static const struct board_sizes sizes = {
	.cells = 64, .subjects = 64, .models = 16, .windows = 16, .leases = 4, .traces = 16
};

static struct moment
later(int64_t ms)
{
	return (struct moment){ UP + ms, WALL + ms };
}

static const char *
label_of(void *ctx, uint64_t key)
{
	*(int *)ctx += 1;
	return key == 0xa1 ? "first" : NULL;
}

/* Shows it, and reads it back from its text as a client would. */
static json_t *
shown(const struct trace *t)
{
	int asked = 0;
	json_t *o = trace_shown(t, label_of, &asked);
	char *text = json_dumps(o, JSON_COMPACT);
	json_t *back = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(text);
	assert_non_null(back);
	free(text);
	json_decref(o);
	return back;
}

static const char *
text_of(const json_t *o, const char *key)
{
	assert_non_null(json_object_get(o, key));
	return json_string_value(json_object_get(o, key));
}

static json_int_t
number_of(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static bool
is_null(const json_t *o, const char *key)
{
	assert_non_null(json_object_get(o, key));
	return json_is_null(json_object_get(o, key));
}

static void
begin(struct trace *t, const char *request)
{
	trace_begin(t, span_of(request), SPAN("c-1"), now);
	trace_model(t, SPAN("gemini-2.5-flash"));
}

/* ---- filling ---- */

static void
a_request_is_told_from_its_beginning_to_its_end(void **state)
{
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	t.waits = 2;
	t.mends = 1;
	trace_end(&t, NULL, 200, later(1234));
	json_t *o = shown(&t);

	assert_string_equal(text_of(o, "request"), "req-1");
	assert_string_equal(text_of(o, "client"), "c-1");
	assert_string_equal(text_of(o, "model"), "gemini-2.5-flash");
	assert_string_equal(text_of(o, "began"), "2026-09-21T14:13:20.123Z");
	assert_int_equal(number_of(o, "took_ms"), 1234);
	assert_int_equal(number_of(o, "status"), 200);
	assert_int_equal(number_of(o, "waits"), 2);
	assert_int_equal(number_of(o, "mends"), 1);
	assert_int_equal(number_of(o, "attempts_made"), 0);
	assert_int_equal(json_array_size(json_object_get(o, "attempts")), 0);
	assert_int_equal(json_array_size(json_object_get(o, "passed_over")), 0);
	json_decref(o);
}

static void
a_try_is_told_with_how_it_was_chosen_and_how_it_ended(void **state)
{
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	struct trace_try *a = trace_try_begin(&t);

	a->credential = 0xa1;
	a->lent_ms = 3;
	a->first_byte_ms = 210;
	a->total_ms = 900;
	a->mean = 0.87501f;
	a->draw = 0.91f;
	a->http_status = 200;
	a->looked_at = 16;
	a->chosen = CHOSEN_DRAW;
	a->outcome = OUTCOME_OK;
	a->passed[PASS_FROZEN] = 3;
	a->passed[PASS_TOKENS] = 1;
	json_t *o = shown(&t), *first = json_array_get(json_object_get(o, "attempts"), 0);
	json_t *passed = json_object_get(first, "passed_over");

	assert_string_equal(text_of(first, "credential"), "first");
	assert_string_equal(text_of(first, "chosen"), "best draw");
	assert_string_equal(text_of(first, "outcome"), "ok");
	assert_int_equal(number_of(first, "status"), 200);
	assert_int_equal(number_of(first, "lent_after_ms"), 3);
	assert_int_equal(number_of(first, "first_byte_ms"), 210);
	assert_int_equal(number_of(first, "total_ms"), 900);
	assert_int_equal(number_of(first, "looked_at"), 16);
	assert_true(json_real_value(json_object_get(first, "mean")) == 0.875);
	assert_true(json_real_value(json_object_get(first, "draw")) == 0.91);
	assert_int_equal(json_object_size(passed), 2);
	assert_int_equal(number_of(passed, "frozen"), 3);
	assert_int_equal(number_of(passed, "minutes_tokens_used_up"), 1);
	json_decref(o);
}

static void
what_was_not_reached_is_null(void **state)
{
	static const char *const keys[] = { "credential", "chosen", "outcome", "status",
		"lent_after_ms", "first_byte_ms", "total_ms", "mean", "draw" };
	struct trace t;

	(void)state;
	trace_begin(&t, SPAN_NONE, SPAN_NONE, (struct moment){ UP, 0 });
	trace_try_begin(&t);
	json_t *o = shown(&t), *first = json_array_get(json_object_get(o, "attempts"), 0);

	for (size_t i = 0; i < COUNT(keys); i++)
		assert_true(is_null(first, keys[i]));
	assert_true(is_null(o, "request"));
	assert_true(is_null(o, "client"));
	assert_true(is_null(o, "model"));
	assert_true(is_null(o, "status"));
	assert_true(is_null(o, "began"));
	json_decref(o);
}

static void
a_draw_is_told_only_where_one_was_made(void **state)
{
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	struct trace_try *a = trace_try_begin(&t), *b = trace_try_begin(&t);

	a->credential = b->credential = 0xa1;
	a->draw = b->draw = 0.5f;
	a->chosen = CHOSEN_AFFINITY;
	b->chosen = CHOSEN_DRAW;
	json_t *o = shown(&t), *tries = json_object_get(o, "attempts");

	assert_true(is_null(json_array_get(tries, 0), "draw"));
	assert_false(is_null(json_array_get(tries, 0), "mean"));
	assert_false(is_null(json_array_get(tries, 1), "draw"));
	json_decref(o);
}

static void
a_credential_that_is_gone_is_told_by_its_id(void **state)
{
	struct trace t;
	int asked = 0;

	(void)state;
	begin(&t, "req-1");
	trace_try_begin(&t)->credential = UINT64_C(0x0123456789abcdef);
	trace_try_begin(&t)->credential = 0;
	json_t *o = trace_shown(&t, label_of, &asked), *tries = json_object_get(o, "attempts");

	assert_string_equal(text_of(json_array_get(tries, 0), "credential"), "0123456789abcdef");
	assert_int_equal(asked, 1); /* not for the one that is none */
	json_decref(o);
	o = trace_shown(&t, NULL, NULL);
	tries = json_object_get(o, "attempts");
	assert_string_equal(text_of(json_array_get(tries, 0), "credential"), "0123456789abcdef");
	json_decref(o);
}

static void
tries_that_do_not_fit_are_counted_and_not_kept(void **state)
{
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	for (int i = 0; i < TRACE_TRIES + 3; i++) {
		struct trace_try *a = trace_try_begin(&t);

		assert_int_equal(a->credential, 0);
		assert_int_equal(a->outcome, OUTCOME_COUNT);
		a->credential = 0x100 + (uint64_t)i;
		a->outcome = OUTCOME_SILENT;
	}
	assert_int_equal(t.try_count, TRACE_TRIES);
	assert_int_equal(t.tries[TRACE_TRIES - 1].credential, 0x100 + TRACE_TRIES - 1);
	json_t *o = shown(&t);

	assert_int_equal(number_of(o, "attempts_made"), TRACE_TRIES + 3);
	assert_int_equal(json_array_size(json_object_get(o, "attempts")), TRACE_TRIES);
	json_decref(o);
}

static void
those_passed_over_are_told_with_the_reason_and_the_time(void **state)
{
	static const struct {
		struct fitness_pass pass;
		const char *why, *cause;
		int64_t free_in_s; /* -1: null */
	} cases[] = {
		{ { PASS_FROZEN, OUTCOME_QUOTA_DAY, UP + 60000, false }, "frozen", "day-quota",
		    60 },
		{ { PASS_BROKEN, OUTCOME_SILENT, UP + 1, false }, "resting after failures",
		    "silent", 1 },
		{ { PASS_MINUTE, OUTCOME_OK, UP - 5, false }, "minute's requests used up", NULL,
		    0 },
		{ { PASS_DISABLED, OUTCOME_OK, INT64_MAX, false }, "disabled", NULL, -1 },
		{ { PASS_DAY, OUTCOME_OK, INT64_MAX - 1, false }, "day's requests used up", NULL,
		    -1 },
	};
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	trace_try_begin(&t);
	for (size_t i = 0; i < COUNT(cases); i++)
		trace_pass_add(&t, 0xa1, &cases[i].pass, now);
	json_t *o = shown(&t), *passes = json_object_get(o, "passed_over");

	assert_int_equal(json_array_size(passes), COUNT(cases));
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *p = json_array_get(passes, i);

		assert_string_equal(text_of(p, "credential"), "first");
		assert_string_equal(text_of(p, "why"), cases[i].why);
		if (cases[i].cause)
			assert_string_equal(text_of(p, "cause"), cases[i].cause);
		else
			assert_true(is_null(p, "cause"));
		if (cases[i].free_in_s >= 0)
			assert_int_equal(number_of(p, "free_in_s"), cases[i].free_in_s);
		else
			assert_true(is_null(p, "free_in_s"));
		assert_int_equal(number_of(p, "attempt"), 1);
	}
	json_decref(o);
}

static void
those_passed_over_belong_to_the_latest_try_and_the_first_are_kept(void **state)
{
	struct fitness_pass p = { PASS_TRIED, OUTCOME_OK, INT64_MAX, false };
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	trace_pass_add(&t, 1, &p, now); /* before any try: of the first */
	for (int i = 0; i < 300; i++) {
		trace_try_begin(&t);
		if (i % 100 == 99)
			trace_pass_add(&t, 1, &p, now);
	}
	assert_int_equal(t.passes[0].try_, 0);
	assert_int_equal(t.passes[1].try_, 99);
	assert_int_equal(t.passes[2].try_, 199);
	assert_int_equal(t.passes[3].try_, UINT8_MAX);
	for (uint64_t i = 0; i < 100; i++)
		trace_pass_add(&t, 100 + i, &p, now);
	assert_int_equal(t.pass_count, TRACE_PASSES);
	assert_int_equal(t.passes[TRACE_PASSES - 1].credential, 100 + TRACE_PASSES - 5);
}

static void
a_reason_that_was_told_is_known(void **state)
{
	struct fitness_pass p = { PASS_FROZEN, OUTCOME_QUOTA_DAY, INT64_MAX, false };
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	assert_false(trace_has_pass(&t, 1, PASS_FROZEN));
	trace_pass_add(&t, 1, &p, now);
	trace_try_begin(&t);
	assert_true(trace_has_pass(&t, 1, PASS_FROZEN));
	assert_false(trace_has_pass(&t, 1, PASS_DAY));
	assert_false(trace_has_pass(&t, 2, PASS_FROZEN));
	assert_false(trace_has_pass(NULL, 1, PASS_FROZEN));
}

static void
without_a_trace_nothing_is_traced(void **state)
{
	struct fitness_pass p = { PASS_TRIED, OUTCOME_OK, INT64_MAX, false };

	(void)state;
	trace_begin(NULL, SPAN("r"), SPAN("c"), now);
	trace_model(NULL, SPAN("m"));
	assert_null(trace_try_begin(NULL));
	trace_pass_add(NULL, 1, &p, now);
	trace_end(NULL, NULL, 200, now);
}

/* ---- hostile input ---- */

static void
ids_and_models_of_any_bytes_are_shown_as_text(void **state)
{
	static const struct {
		struct span given;
		const char *text; /* NULL: null */
	} cases[] = {
		{ SPAN("plain"), "plain" },
		{ SPAN("\"quoted\\\n\x01"), "\"quoted\\\n\x01" },
		{ SPAN("\xff\xfe"), "\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ SPAN("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f" },
		{ SPAN("\xed\xa0\x80x"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx" },
		{ SPAN("a\0b"), "a" },
		{ SPAN("\0b"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trace t;

		trace_begin(&t, cases[i].given, cases[i].given, now);
		trace_model(&t, cases[i].given);
		json_t *o = shown(&t);

		for (int k = 0; k < 3; k++) {
			static const char *const keys[] = { "request", "client", "model" };

			if (cases[i].text)
				assert_string_equal(text_of(o, keys[k]), cases[i].text);
			else
				assert_true(is_null(o, keys[k]));
		}
		json_decref(o);
	}
}

static void
what_is_too_long_is_cut_and_stays_text(void **state)
{
	char longer[300];
	struct trace t;

	(void)state;
	for (size_t i = 0; i < sizeof(longer); i += 2)
		memcpy(longer + i, "\xc3\xbc", 2);
	trace_begin(&t, span_mem(longer, 299), span_mem(longer, 300), now);
	trace_model(&t, span_mem(longer, 300));
	json_t *o = shown(&t);

	/* 47 bytes: the last character is cut in the middle. */
	assert_int_equal(strlen(text_of(o, "request")), 46 + 3);
	assert_int_equal(strlen(text_of(o, "client")), 22 + 3);
	assert_int_equal(strlen(text_of(o, "model")), 62 + 3);
	json_decref(o);
}

static void
a_time_or_a_share_that_is_none_is_null(void **state)
{
	static const float shares[] = { NAN, INFINITY, -INFINITY };
	static const int64_t times[] = { 0, -1, INT64_MIN, INT64_MAX };
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	for (size_t i = 0; i < COUNT(shares); i++) {
		struct trace_try *a = trace_try_begin(&t);

		a->credential = 1;
		a->chosen = CHOSEN_DRAW;
		a->mean = a->draw = shares[i];
	}
	for (size_t i = 0; i < COUNT(times); i++) {
		t.began_wall_ms = times[i];
		json_t *o = shown(&t), *tries = json_object_get(o, "attempts");

		assert_true(is_null(o, "began"));
		for (size_t k = 0; k < COUNT(shares); k++)
			assert_true(is_null(json_array_get(tries, k), "mean"));
		json_decref(o);
	}
}

static void
whatever_bytes_a_trace_has_it_can_be_shown(void **state)
{
	struct chance chance;

	(void)state;
	chance_seed(&chance, 4711);
	for (int i = 0; i < 2000; i++) {
		struct trace t;
		unsigned char *bytes = (unsigned char *)&t;

		for (size_t k = 0; k < sizeof(t); k++)
			bytes[k] = (unsigned char)chance_next(&chance);
		json_decref(shown(&t));
	}
}

static void
a_request_that_took_for_ever_or_ended_before_it_began_took_a_number(void **state)
{
	struct trace t;

	(void)state;
	begin(&t, "req-1");
	trace_end(&t, NULL, 99999, (struct moment){ UP - 5, WALL });
	assert_int_equal(t.took_ms, 0);
	assert_int_equal(t.status, 0);
	trace_end(&t, NULL, 200, (struct moment){ INT64_MAX, WALL });
	assert_int_equal(t.took_ms, UINT32_MAX - 1);
}

/* ---- on the board ---- */

static void
a_request_is_found_on_the_board(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct trace t, found;

	begin(&t, "req-1");
	trace_try_begin(&t)->credential = 0xa1;
	trace_end(&t, b, 200, later(5));
	assert_true(trace_find(b, SPAN("req-1"), &found));
	assert_memory_equal(&found, &t, sizeof(t));
	assert_false(trace_find(b, SPAN("req-"), &found));
	assert_false(trace_find(b, SPAN("req-11"), &found));
	assert_false(trace_find(b, SPAN_NONE, &found));
	board_detach(&b);
}

static void
of_requests_of_one_id_the_latest_is_found(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct trace t, found;

	for (unsigned i = 0; i < 5; i++) {
		begin(&t, i % 2 ? "other" : "same");
		trace_end(&t, b, 200 + i, later(5));
	}
	assert_true(trace_find(b, SPAN("same"), &found));
	assert_int_equal(found.status, 204);
	assert_true(trace_find(b, SPAN("other"), &found));
	assert_int_equal(found.status, 203);
	board_detach(&b);
}

static void
an_id_that_was_cut_is_found_by_the_whole_of_it(void **state)
{
	static const char id[] = "0123456789012345678901234567890123456789012345678901234567890";
	struct board *b = place_create(*state, &sizes, NULL);
	struct trace t, found;

	begin(&t, id);
	trace_end(&t, b, 200, later(5));
	assert_true(trace_find(b, span_of(id), &found));
	assert_true(trace_find(b, span_mem(id, sizeof(t.request) - 1), &found));
	assert_false(trace_find(b, span_mem(id, sizeof(t.request) - 2), &found));
	board_detach(&b);
}

static void
the_oldest_give_way(void **state)
{
	struct board *b = place_create(*state, &sizes, NULL);
	struct trace t, found;
	char id[16];

	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "req-%d", i);
		begin(&t, id);
		trace_end(&t, b, 200, later(5));
	}
	assert_true(trace_find(b, SPAN("req-39"), &found));
	assert_true(trace_find(b, SPAN("req-30"), &found));
	assert_false(trace_find(b, SPAN("req-3"), &found));
	board_detach(&b);
}

static void
every_way_to_be_chosen_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(chosen_name(CHOSEN_NONE), "");
	for (int by = CHOSEN_NONE + 1; by < CHOSEN_COUNT; by++)
		assert_true(strlen(chosen_name((enum chosen_by)by)) > 3);
}

int
main(void)
{
#define ON_BOARD(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_told_from_its_beginning_to_its_end),
		cmocka_unit_test(a_try_is_told_with_how_it_was_chosen_and_how_it_ended),
		cmocka_unit_test(what_was_not_reached_is_null),
		cmocka_unit_test(a_draw_is_told_only_where_one_was_made),
		cmocka_unit_test(a_credential_that_is_gone_is_told_by_its_id),
		cmocka_unit_test(tries_that_do_not_fit_are_counted_and_not_kept),
		cmocka_unit_test(those_passed_over_are_told_with_the_reason_and_the_time),
		cmocka_unit_test(those_passed_over_belong_to_the_latest_try_and_the_first_are_kept),
		cmocka_unit_test(a_reason_that_was_told_is_known),
		cmocka_unit_test(without_a_trace_nothing_is_traced),
		cmocka_unit_test(ids_and_models_of_any_bytes_are_shown_as_text),
		cmocka_unit_test(what_is_too_long_is_cut_and_stays_text),
		cmocka_unit_test(a_time_or_a_share_that_is_none_is_null),
		cmocka_unit_test(whatever_bytes_a_trace_has_it_can_be_shown),
		cmocka_unit_test(
		    a_request_that_took_for_ever_or_ended_before_it_began_took_a_number),
		ON_BOARD(a_request_is_found_on_the_board),
		ON_BOARD(of_requests_of_one_id_the_latest_is_found),
		ON_BOARD(an_id_that_was_cut_is_found_by_the_whole_of_it),
		ON_BOARD(the_oldest_give_way),
		cmocka_unit_test(every_way_to_be_chosen_has_a_name),
	};

	return cmocka_run_group_tests_name("upstream/trace", tests, NULL, NULL);
}
