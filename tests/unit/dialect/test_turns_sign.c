/*
 * Calls that come back: their ids, their signatures, the order that Gemini made them in.
 */
#include "dialect/turns.h"

#include "tests/unit/dialect/turns_world.h"

/* ---- ids ---- */

static void
upstreams_own_id_stands_in_the_call_and_in_its_result(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("f", "fc-1", "f", "QUJD", 0), CALL("g", "", "g", "", 1));
	USER("hi");
	calls(t, "f g");
	RESULT("f", "{}");
	assert_string_equal(written(w),
	    CONTENTS(HI "," BY("model", FC_ID("fc-1", "f", SIGN("QUJD")) "," FC("g", "")) "," BY(
		"user", FR_ID("fc-1", "f", "{}") "," FR("g", MISSING))));
}

static void
an_id_that_upstream_did_not_give_is_sent_in_neither(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	calls(t, "f");
	RESULT("f", "{}");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", SKIPS)) "," BY("user", FR("f", "{}"))));
}

static void
upstreams_own_id_is_sent_for_one_call_alone(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("f", "fc-1", "f", "QUJD", 0));
	USER("hi");
	calls(t, "f");
	RESULT("f", "{}");
	calls(t, "f");
	assert_string_equal(
	    written(w), CONTENTS(HI "," BY("model", FC_ID("fc-1", "f", SIGN("QUJD"))) "," BY(
			    "user", FR_ID("fc-1", "f", "{}")) "," BY("model",
			    FC("f", SIGN("QUJD"))) "," BY("user", FR("f", MISSING))));
}

/* An id is looked up only if it may be one of ours. */
static void
an_id_of_any_length_is_understood(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);
	char id[1200];

	memset(id, 'x', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, id, "f", NULL);
	turns_end(t);
	RESULT(id, "{}");
	assert_string_equal(
	    written(w), CONTENTS(HI "," BY("model", FC("f", SKIPS)) "," BY("user", FR("f", "{}"))));
	assert_int_equal(w->asked_by_id, 0);
}

/* ---- signatures ---- */

/* One call of f under this id with this signature, in the current turn: how it is written. */
static void
assert_signed(struct world *w, const char *id, const char *brought, const char *call)
{
	struct turns *t = w->turns;
	struct buf expected = BUF_INIT;

	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, id, "f", brought);
	turns_end(t);
	buf_printf(
	    &expected, CONTENTS(HI "," BY("model", "%s") "," BY("user", FR("f", MISSING))), call);
	assert_string_equal(written(w), buf_text(&expected));
	buf_fini(&expected);
}

static void
a_signature_that_the_client_brings_goes_upstream(void **state)
{
	talk(*state);
	assert_signed(*state, "f", "QUJD+/8=", FC("f", SIGN("QUJD+/8=")));
	talk(*state);
	assert_signed(*state, "f", "QUJD\\/w", FC("f", SIGN("QUJD/w")));
	talk(*state);
	assert_signed(*state, "f", "QUJD-_8", FC("f", SIGN("QUJD-_8")));
	talk(*state);
	assert_signed(*state, "f", "skip_thought_signature_validator", FC("f", SKIPS));
	talk_25(*state);
	assert_signed(*state, "f", "QUJD", FC("f", SIGN("QUJD")));
}

static void
a_signature_in_the_id_is_taken_out_of_it(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	assert_signed(w, "f__thought__QUJD", NULL, FC("f", SIGN("QUJD")));
	t = talk(w);
	assert_signed(w, "f__thought__", NULL, FC("f", SKIPS));
	t = talk(w);
	assert_signed(w, "f__thought__a b\\", NULL, FC("f", SKIPS));
	t = talk(w);
	assert_signed(w, "f__thought__QUJD", "WFla", FC("f", SIGN("WFla")));
	t = talk(w);
	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "f__thought__QUJD", "f", NULL);
	tell_call(t, "g", "g", NULL);
	turns_end(t);
	RESULT("g__thought__QUJD", "{\"g\":1}");
	RESULT("f", "{\"f\":1}");
	assert_string_equal(
	    written(w), CONTENTS(HI "," BY("model", FC("f", SIGN("QUJD")) "," FC("g", "")) "," BY(
			    "user", FR("f", "{\"f\":1}") "," FR("g", "{\"g\":1}"))));
}

static void
a_signature_that_is_not_base64_is_discarded(void **state)
{
	static const char *const rubbish[] = { "", "a b", "QUJ!", "QUJDR", "QUJD=", "QU=", "=",
		"====", "QU\\u0000D", "\\\"", "Z\xC3\xBCrich", "QU=D" };

	for (size_t i = 0; i < COUNT(rubbish); i++) {
		talk(*state);
		assert_signed(*state, "f", rubbish[i], FC("f", SKIPS));
		talk_25(*state);
		assert_signed(*state, "f", rubbish[i], FC("f", ""));
	}
}

static void
a_signature_that_the_client_dropped_is_put_back_by_id(void **state)
{
	struct world *w = *state;

	REMEMBER(w, CALL("f", "", "f", "QUJD", 0));
	talk(w);
	assert_signed(w, "f", NULL, FC("f", SIGN("QUJD")));
	assert_int_equal(w->asked_by_content, 0);
}

static void
a_signature_that_the_client_dropped_is_put_back_by_content(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("call_ours", "fc-1", "f", "QUJD", 0));
	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "theirs", "f", NULL);
	turns_end(t);
	assert_string_equal(
	    written(w), CONTENTS(HI "," BY("model", FC_ID("fc-1", "f", SIGN("QUJD"))) "," BY(
			    "user", FR_ID("fc-1", "f", MISSING))));
}

static void
a_signature_that_the_client_copied_to_all_calls_goes_to_the_first(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "a", "f", "QUJD");
	tell_call(t, "b", "g", "QUJD");
	turns_end(t);
	assert_string_equal(
	    written(w), CONTENTS(HI "," BY("model", FC("f", SIGN("QUJD")) "," FC("g", "")) "," BY(
			    "user", FR("f", MISSING) "," FR("g", MISSING))));
}

/* Its id is the client's own, its signature Gemini's: so is the id that Gemini gave it. */
static void
a_signature_that_the_client_brings_says_which_call_it_is(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("call_a", "fc-1", "f", "QUJD", 0), CALL("call_b", "fc-2", "g", "", 1));
	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "mine-1", "f", "QUJD");
	tell_call(t, "mine-2", "g", "QUJD");
	turns_end(t);
	assert_string_equal(written(w),
	    CONTENTS(HI
		"," BY("model", FC_ID("fc-1", "f", SIGN("QUJD")) "," FC_ID("fc-2", "g", "")) "," BY(
		    "user", FR_ID("fc-1", "f", MISSING) "," FR_ID("fc-2", "g", MISSING))));
}

static void
a_signature_that_the_client_brings_beats_a_call_of_the_same_content(void **state)
{
	struct world *w = *state;

	REMEMBER(w, CALL("call_a", "fc-1", "f", "QUJD", 0));
	talk(w);
	assert_signed(w, "mine", "WFla", FC("f", SIGN("WFla")));
}

/* A history from elsewhere that was gone on with here may hold a call of the same content. */
static void
a_call_that_bears_the_id_is_not_guessed_to_be_another(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("call_ours", "fc-1", "f", "QUJD", 0));
	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "foreign", "f", NULL);
	turns_end(t);
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "call_ours", "f", NULL);
	turns_end(t);
	assert_string_equal(written(w),
	    CONTENTS(
		HI "," BY("model", FC("f", SKIPS)) "," BY("user", FR("f", MISSING)) "," BY("model",
		    FC_ID("fc-1", "f", SIGN("QUJD"))) "," BY("user", FR_ID("fc-1", "f", MISSING))));
}

static void
of_two_calls_of_one_content_the_last_one_is_the_one_remembered(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("call_ours", "fc-1", "f", "QUJD", 0));
	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "theirs-1", "f", NULL);
	turns_end(t);
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "theirs-2", "f", NULL);
	turns_end(t);
	assert_string_equal(written(w),
	    CONTENTS(
		HI "," BY("model", FC("f", SKIPS)) "," BY("user", FR("f", MISSING)) "," BY("model",
		    FC_ID("fc-1", "f", SIGN("QUJD"))) "," BY("user", FR_ID("fc-1", "f", MISSING))));
}

/* The second call of an answer is not the first one of another. */
static void
the_place_in_its_answer_is_part_of_a_calls_content(void **state)
{
	struct world *w = *state;
	struct turns *t = talk_25(w);

	REMEMBER(w, CALL("call_ours", "fc-1", "g", "QUJD", 0));
	USER("hi");
	calls(t, "f g");
	assert_string_equal(
	    written(w), CONTENTS(HI "," BY("model", FC("f", "") "," FC("g", "")) "," BY(
			    "user", FR("f", MISSING) "," FR("g", MISSING))));
	assert_int_equal(w->asked_by_content, 2);
}

static void
what_is_remembered_beats_what_the_client_brings(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("f", "", "f", "QUJD", 0), CALL("g", "", "g", "", 1));
	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "f", "f", "WFla");
	tell_call(t, "g", "g", "WFla");
	turns_end(t);
	assert_string_equal(
	    written(w), CONTENTS(HI "," BY("model", FC("f", SIGN("QUJD")) "," FC("g", "")) "," BY(
			    "user", FR("f", MISSING) "," FR("g", MISSING))));
}

static void
a_signature_of_another_family_is_not_used(void **state)
{
	struct world *w = *state;

	REMEMBER(w, { .id = SPAN("f"),
			.name = SPAN("f"),
			.args = SPAN("{}"),
			.signature = SPAN("QUJD"),
			.model = SPAN("gemini-2.5-flash") });
	talk(w);
	assert_signed(w, "f", NULL, FC("f", SKIPS));
	talk(w);
	assert_signed(w, "f", "QUJD", FC("f", SKIPS));
	talk_as(w, "learnlm-2", 0, LATE_SYSTEM_INLINE);
	assert_signed(w, "f", NULL, FC("f", ""));
}

static void
a_signature_of_the_same_family_is_used_by_another_model(void **state)
{
	struct world *w = *state;

	REMEMBER(w, { .id = SPAN("f"),
			.name = SPAN("f"),
			.args = SPAN("{}"),
			.signature = SPAN("QUJD"),
			.model = SPAN("gemini-3-pro") });
	talk(w);
	assert_signed(w, "f", NULL, FC("f", SIGN("QUJD")));
}

static void
a_history_from_elsewhere_gets_the_skip_value(void **state)
{
	struct world *w = *state;

	talk(w);
	assert_signed(w, "f", NULL, FC("f", SKIPS));
	turns_free(&w->turns);
	w->turns = turns_new(w->arena, NULL, &w->model, LATE_SYSTEM_INLINE);
	assert_signed(w, "f", NULL, FC("f", SKIPS));
}

static void
models_before_gemini_3_and_those_of_images_get_no_skip_value(void **state)
{
	talk_25(*state);
	assert_signed(*state, "f", NULL, FC("f", ""));
	talk_as(*state, "gemini-3-pro-image", 0, LATE_SYSTEM_INLINE);
	assert_signed(*state, "f", NULL, FC("f", ""));
}

static void
of_parallel_calls_the_first_one_alone_is_signed(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	calls(t, "f g h");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", SKIPS) "," FC("g", "") "," FC("h", "")) "," BY(
		"user", FR("f", MISSING) "," FR("g", MISSING) "," FR("h", MISSING))));
}

static void
each_step_of_the_current_turn_is_signed(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	calls(t, "f");
	RESULT("f", "{}");
	calls(t, "g");
	RESULT("g", "{}");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", SKIPS)) "," BY("user", FR("f", "{}")) "," BY(
		"model", FC("g", SKIPS)) "," BY("user", FR("g", "{}"))));
}

static void
earlier_turns_get_no_skip_value(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	calls(t, "f");
	RESULT("f", "{}");
	MODEL("Done.");
	USER("hi");
	calls(t, "g");
	RESULT("g", "{}");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", "")) "," BY("user", FR("f", "{}")) "," BY("model",
		T("Done.")) "," HI "," BY("model", FC("g", SKIPS)) "," BY("user", FR("g", "{}"))));
}

static void
earlier_turns_keep_the_signatures_they_have(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("f", "", "f", "QUJD", 0));
	USER("hi");
	calls(t, "f");
	RESULT("f", "{}");
	USER("hi");
	assert_string_equal(written(w), CONTENTS(HI "," BY("model", FC("f", SIGN("QUJD"))) "," BY(
					    "user", FR("f", "{}")) "," HI));
}

static void
a_user_who_speaks_while_a_tool_runs_begins_a_turn(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	calls(t, "f");
	USER("hi");
	RESULT("f", "{}");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", "")) "," BY("user", FR("f", "{}")) "," HI));
}

static void
refused_signatures_are_all_replaced_by_the_skip_value(void **state)
{
	struct world *w = *state;
	struct turns *t = talk_lacking(w, LACKS(SIGNATURES));

	REMEMBER(w, CALL("f", "", "f", "QUJD", 0), CALL("h", "", "h", "", 1));
	USER("hi");
	calls(t, "f");
	turns_begin(t, SPEAKER_MODEL);
	turns_text_signed(t, SPAN("Done."), SPAN("QUJD"), false);
	turns_end(t);
	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "g", "g", "WFla");
	tell_call(t, "h", "h", NULL);
	turns_end(t);
	assert_string_equal(written(w),
	    CONTENTS(HI "," BY("model", FC("f", SKIPS)) "," BY("user", FR("f", MISSING)) "," BY(
		"model", "{\"text\":\"Done.\"" SKIPS "}") "," HI "," BY("model",
		FC("g", SKIPS) "," FC("h", "")) "," BY("user",
		FR("g", MISSING) "," FR("h", MISSING))));
}

static void
a_refusal_for_a_missing_signature_signs_every_step(void **state)
{
	struct world *w = *state;
	struct turns *t;

	talk_as(w, "gemini-flash-latest", LACKS(SIGNATURES), LATE_SYSTEM_INLINE);
	t = w->turns;
	USER("hi");
	calls(t, "f");
	USER("hi");
	calls(t, "g");
	assert_string_equal(written(w), CONTENTS(HI "," BY("model", FC("f", SKIPS)) "," BY(
					    "user", FR("f", MISSING)) "," HI "," BY("model",
					    FC("g", SKIPS)) "," BY("user", FR("g", MISSING))));
}

static void
texts_keep_their_signatures_and_thoughts(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	turns_text_signed(t, SPAN("Hm."), SPAN_NONE, true);
	turns_text_signed(t, SPAN("a"), SPAN("QUJD"), false);
	turns_text_signed(t, SPAN("b"), SPAN("no signature"), false);
	turns_text_signed(t, SPAN(""), SPAN("WFla"), false);
	turns_text_signed(t, SPAN(""), SPAN_NONE, true);
	turns_end(t);
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model",
		"{\"text\":\"Hm.\",\"thought\":true},"
		"{\"text\":\"a\"" SIGN("QUJD") "}," T("b") ",{\"text\":\"\"" SIGN("WFla") "}")));
}

/* ---- order ---- */

static void
calls_that_a_client_reordered_stand_as_gemini_made_them(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(
	    w, CALL("f", "", "f", "QUJD", 0), CALL("g", "", "g", "", 1), CALL("h", "", "h", "", 2));
	USER("hi");
	calls(t, "h new f g");
	RESULT("g", "{\"g\":1}");
	assert_string_equal(
	    written(w), CONTENTS(HI "," BY("model", FC("f", SIGN("QUJD")) "," FC("new", "") "," FC(
							"g", "") "," FC("h", "")) "," BY("user",
			    FR("f", MISSING) "," FR("new", MISSING) "," FR("g", "{\"g\":1}") "," FR(
				"h", MISSING))));
}

static void
calls_of_several_answers_in_one_message_stay_as_they_are(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("f", "", "f", "QUJD", 0), CALL("g", "", "g", "", 1),
	    CALL("h", "", "h", "WFla", 0));
	USER("hi");
	calls(t, "f g h");
	assert_string_equal(written(w),
	    CONTENTS(HI "," BY("model",
		FC("f", SIGN("QUJD")) "," FC("g", "") "," FC("h", SIGN("WFla"))) "," BY("user",
		FR("f", MISSING) "," FR("g", MISSING) "," FR("h", MISSING))));
}

/* Interleaved, the second call would be the first of a step, and unsigned. */
static void
calls_of_one_answer_that_a_client_took_apart_are_put_together(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(
	    w, CALL("f", "", "f", "QUJD", 0), CALL("g", "", "g", "", 1), CALL("h", "", "h", "", 2));
	USER("hi");
	calls(t, "f");
	RESULT("f", "{\"f\":1}");
	calls(t, "g");
	RESULT("g", "{\"g\":1}");
	calls(t, "h");
	RESULT("h", "{\"h\":1}");
	assert_string_equal(written(w),
	    CONTENTS(HI "," BY(
		"model", FC("f", SIGN("QUJD")) "," FC("g", "") "," FC("h", "")) "," BY("user",
		FR("f", "{\"f\":1}") "," FR("g", "{\"g\":1}") "," FR("h", "{\"h\":1}"))));
}

static void
calls_of_several_answers_stay_apart(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);

	REMEMBER(w, CALL("f", "", "f", "QUJD", 0), CALL("g", "", "g", "WFla", 0));
	USER("hi");
	calls(t, "f");
	calls(t, "g");
	RESULT("f", "{\"f\":1}");
	RESULT("g", "{\"g\":1}");
	assert_string_equal(written(w),
	    CONTENTS(HI
		"," BY("model", FC("f", SIGN("QUJD"))) "," BY("user", FR("f", "{\"f\":1}")) "," BY(
		    "model", FC("g", SIGN("WFla"))) "," BY("user", FR("g", "{\"g\":1}"))));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(upstreams_own_id_stands_in_the_call_and_in_its_result),
		TEST(an_id_that_upstream_did_not_give_is_sent_in_neither),
		TEST(upstreams_own_id_is_sent_for_one_call_alone),
		TEST(an_id_of_any_length_is_understood),
		TEST(a_signature_that_the_client_brings_goes_upstream),
		TEST(a_signature_in_the_id_is_taken_out_of_it),
		TEST(a_signature_that_is_not_base64_is_discarded),
		TEST(a_signature_that_the_client_dropped_is_put_back_by_id),
		TEST(a_signature_that_the_client_dropped_is_put_back_by_content),
		TEST(a_signature_that_the_client_copied_to_all_calls_goes_to_the_first),
		TEST(a_signature_that_the_client_brings_says_which_call_it_is),
		TEST(a_signature_that_the_client_brings_beats_a_call_of_the_same_content),
		TEST(a_call_that_bears_the_id_is_not_guessed_to_be_another),
		TEST(of_two_calls_of_one_content_the_last_one_is_the_one_remembered),
		TEST(the_place_in_its_answer_is_part_of_a_calls_content),
		TEST(what_is_remembered_beats_what_the_client_brings),
		TEST(a_signature_of_another_family_is_not_used),
		TEST(a_signature_of_the_same_family_is_used_by_another_model),
		TEST(a_history_from_elsewhere_gets_the_skip_value),
		TEST(models_before_gemini_3_and_those_of_images_get_no_skip_value),
		TEST(of_parallel_calls_the_first_one_alone_is_signed),
		TEST(each_step_of_the_current_turn_is_signed),
		TEST(earlier_turns_get_no_skip_value),
		TEST(earlier_turns_keep_the_signatures_they_have),
		TEST(a_user_who_speaks_while_a_tool_runs_begins_a_turn),
		TEST(refused_signatures_are_all_replaced_by_the_skip_value),
		TEST(a_refusal_for_a_missing_signature_signs_every_step),
		TEST(texts_keep_their_signatures_and_thoughts),
		TEST(calls_that_a_client_reordered_stand_as_gemini_made_them),
		TEST(calls_of_several_answers_in_one_message_stay_as_they_are),
		TEST(calls_of_one_answer_that_a_client_took_apart_are_put_together),
		TEST(calls_of_several_answers_stay_apart),
	};

	return cmocka_run_group_tests_name("dialect/turns_sign", tests, NULL, NULL);
}
