/*
 * Conversations as Gemini gets them: who speaks, the order of turns, calls and their results.
 * What is told here in a few words, the dialects tell of their messages.
 */
#include "dialect/turns.h"

#include "tests/unit/dialect/turns_world.h"

/* ---- who speaks ---- */

static void
leading_system_messages_are_one_instruction_with_a_part_each(void **state)
{
	struct turns *t = talk(*state);

	SYSTEM("a");
	SYSTEM("");
	SYSTEM("b");
	USER("hi");
	assert_string_equal(written(*state), CONTENTS(HI) INSTRUCTION(T("a") "," T("b")));
}

static void
a_later_system_message_speaks_as_the_user_in_its_place(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	MODEL("yes?");
	SYSTEM("be brief");
	SYSTEM("");
	USER("hi");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", T("yes?")) "," BY("user", T("be brief")) "," HI));
	assert_int_equal(turns_count(t), 4);
}

static void
a_later_system_message_is_hoisted_where_the_operator_says_so(void **state)
{
	struct world *w = *state;
	struct turns *t;

	talk_as(w, "gemini-3-flash", 0, LATE_SYSTEM_HOIST);
	t = w->turns;
	SYSTEM("a");
	USER("hi");
	SYSTEM("b");
	assert_string_equal(written(w), CONTENTS(HI) INSTRUCTION(T("a") "," T("b")));
}

static void
system_messages_alone_are_what_the_user_says(void **state)
{
	struct turns *t = talk(*state);

	assert_true(turns_is_empty(t));
	SYSTEM("a");
	SYSTEM("b");
	assert_false(turns_is_empty(t));
	turns_instruct(t, SPAN("c"));
	assert_string_equal(written(*state), CONTENTS(BY("user", T("a") "," T("b") "," T("c"))));
}

static void
more_words_of_the_system_stand_behind_its_own(void **state)
{
	struct turns *t = talk(*state);

	turns_instruct(t, SPAN("Answer with JSON."));
	SYSTEM("a");
	USER("hi");
	assert_string_equal(
	    written(*state), CONTENTS(HI) INSTRUCTION(T("a") "," T("Answer with JSON.")));
}

static void
more_words_of_the_system_need_none_of_its_own(void **state)
{
	struct turns *t = talk(*state);

	turns_instruct(t, SPAN("Answer with JSON."));
	assert_true(turns_is_empty(t));
	USER("hi");
	assert_string_equal(written(*state), CONTENTS(HI) INSTRUCTION(T("Answer with JSON.")));
}

static void
a_model_without_instructions_hears_them_in_the_users_first_turn(void **state)
{
	struct turns *t = talk_lacking(*state, LACKS(SYSTEM));

	SYSTEM("a");
	USER("hi");
	assert_string_equal(written(*state), CONTENTS(BY("user", T("a")) "," HI));
}

static void
a_user_who_says_nothing_says_a_blank(void **state)
{
	struct turns *t = talk(*state);

	USER("");
	assert_string_equal(written(*state), CONTENTS(BY("user", T(" "))));
	assert_int_equal(turns_count(t), 1);
}

static void
an_assistant_who_says_nothing_is_dropped(void **state)
{
	struct turns *t = talk(*state);

	MODEL("");
	assert_true(turns_is_empty(t));
	assert_int_equal(turns_count(t), 0);
	USER("hi");
	MODEL("");
	assert_string_equal(written(*state), CONTENTS(HI));
}

static void
contents_of_one_speaker_stay_apart(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	USER("hi");
	MODEL("a");
	MODEL("b");
	assert_string_equal(
	    written(*state), CONTENTS(HI "," HI "," BY("model", T("a")) "," BY("model", T("b"))));
}

static void
a_first_turn_of_the_model_stays_where_it_may(void **state)
{
	struct turns *t = talk(*state);

	MODEL("Welcome.");
	USER("hi");
	assert_string_equal(written(*state), CONTENTS(BY("model", T("Welcome.")) "," HI));
}

static void
a_first_turn_of_the_model_gets_a_blank_in_front_where_it_may_not(void **state)
{
	struct turns *t = talk_lacking(*state, LACKS(MODEL_FIRST));

	MODEL("Welcome.");
	USER("hi");
	assert_string_equal(
	    written(*state), CONTENTS(BY("user", T(" ")) "," BY("model", T("Welcome.")) "," HI));
	t = talk_lacking(*state, LACKS(MODEL_FIRST));
	USER("hi");
	MODEL("a");
	assert_string_equal(written(*state), CONTENTS(HI "," BY("model", T("a"))));
}

static void
a_last_word_of_the_model_stays_as_a_beginning(void **state)
{
	struct turns *t = talk(*state);

	USER("hi");
	MODEL("The answer is");
	assert_string_equal(written(*state), CONTENTS(HI "," BY("model", T("The answer is"))));
}

static void
a_last_word_of_the_model_is_asked_to_go_on_where_it_may_not_be_last(void **state)
{
	struct turns *t = talk_lacking(*state, LACKS(MODEL_LAST));

	USER("hi");
	MODEL("The");
	assert_string_equal(
	    written(*state), CONTENTS(HI "," BY("model", T("The")) "," BY("user", T("Continue."))));
	t = talk_lacking(*state, LACKS(MODEL_LAST));
	USER("hi");
	calls(t, "f");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", SKIPS)) "," BY("user", FR("f", MISSING))));
}

/* ---- calls and results ---- */

static void
calls_are_followed_by_their_results(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	calls(t, "f");
	RESULT("f", "{\"c\":12}");
	MODEL("12.");
	assert_string_equal(written(*state), CONTENTS(HI "," BY("model", FC("f", "")) "," BY("user",
						 FR("f", "{\"c\":12}")) "," BY("model", T("12."))));
}

static void
text_stands_before_the_calls_of_its_message(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "f", "f", NULL);
	turns_text(t, SPAN("Let me see."));
	turns_end(t);
	RESULT("f", "{}");
	assert_string_equal(written(*state),
	    CONTENTS(HI
		"," BY("model", T("Let me see.") "," FC("f", "")) "," BY("user", FR("f", "{}"))));
}

static void
results_come_in_one_content_in_the_order_of_the_calls(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	calls(t, "f g h");
	RESULT("h", "{\"h\":1}");
	RESULT("f", "{\"f\":1}");
	RESULT("g", "{\"g\":1}");
	USER("hi");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", "") "," FC("g", "") "," FC("h", "")) "," BY("user",
		FR("f", "{\"f\":1}") "," FR("g", "{\"g\":1}") "," FR("h", "{\"h\":1}")) "," HI));
}

static void
a_call_without_a_result_gets_one_that_says_so(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	calls(t, "f g");
	RESULT("g", "{\"g\":1}");
	USER("hi");
	assert_string_equal(
	    written(*state), CONTENTS(HI "," BY("model", FC("f", "") "," FC("g", "")) "," BY(
				 "user", FR("f", MISSING) "," FR("g", "{\"g\":1}")) "," HI));
}

static void
of_two_results_the_last_one_counts(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	calls(t, "f");
	RESULT("f", "{\"a\":1}");
	RESULT("f", "{\"b\":1}");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", "")) "," BY("user", FR("f", "{\"b\":1}"))));
}

static void
a_result_without_a_call_is_told_as_text(void **state)
{
	struct turns *t = talk(*state);

	RESULT("call_\"1\"", "{}");
	tell_result(t, "", "legacy", "{}", NULL);
	USER("hi");
	assert_string_equal(
	    written(*state), CONTENTS(BY("user", T("Tool result (call_\\\"1\\\"): words")) "," BY(
				 "user", T("Tool result (legacy): words")) "," HI));
}

static void
a_result_before_its_call_is_nobodys(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	RESULT("f", "{}");
	calls(t, "f");
	assert_string_equal(
	    written(*state), CONTENTS(HI "," BY("user", T("Tool result (f): words")) "," BY(
				 "model", FC("f", "")) "," BY("user", FR("f", MISSING))));
}

static void
results_move_up_to_their_calls_and_what_stood_between_follows(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	calls(t, "f g");
	RESULT("g", "{\"g\":1}");
	USER("hurry");
	MODEL("I do.");
	RESULT("f", "{\"f\":1}");
	USER("thanks");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", "") "," FC("g", "")) "," BY(
		"user", FR("f", "{\"f\":1}") "," FR("g", "{\"g\":1}")) "," BY("user",
		T("hurry")) "," BY("model", T("I do.")) "," BY("user", T("thanks"))));
}

static void
words_beside_a_result_are_a_content_of_their_own(void **state)
{
	const struct turn_result r = { .id = SPAN("f"), .response = SPAN("{}") };
	struct turns *t = talk_25(*state);

	USER("hi");
	calls(t, "f");
	turns_begin(t, SPEAKER_USER);
	turns_text(t, SPAN("and?"));
	turns_result(t, &r);
	turns_end(t);
	assert_string_equal(written(*state), CONTENTS(HI "," BY("model", FC("f", "")) "," BY(
						 "user", FR("f", "{}")) "," BY("user", T("and?"))));
}

static void
results_without_an_id_find_their_calls_by_name(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "", "f", NULL);
	turns_end(t);
	tell_result(t, "", "f", "{\"a\":1}", NULL);
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "", "f", NULL);
	tell_call(t, "", "f", NULL);
	tell_call(t, "", "g", NULL);
	turns_end(t);
	tell_result(t, "", "g", "{\"b\":1}", NULL);
	tell_result(t, "", "f", "{\"c\":1}", NULL);
	tell_result(t, "", "f", "{\"d\":1}", NULL);
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", "")) "," BY("user", FR("f", "{\"a\":1}")) "," BY(
		"model", FC("f", "") "," FC("f", "") "," FC("g", "")) "," BY("user",
		FR("f", "{\"c\":1}") "," FR("f", "{\"d\":1}") "," FR("g", "{\"b\":1}"))));
}

static void
results_with_neither_id_nor_name_go_to_the_calls_in_turn(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	tell_call(t, "", "f", NULL);
	tell_call(t, "", "g", NULL);
	turns_end(t);
	RESULT("", "{\"a\":1}");
	RESULT("", "{\"b\":1}");
	assert_string_equal(
	    written(*state), CONTENTS(HI "," BY("model", FC("f", "") "," FC("g", "")) "," BY(
				 "user", FR("f", "{\"a\":1}") "," FR("g", "{\"b\":1}"))));
}

static void
calls_of_one_message_under_one_id_take_results_in_turn(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	calls(t, "f f");
	RESULT("f", "{\"a\":1}");
	RESULT("f", "{\"b\":1}");
	RESULT("f", "{\"c\":1}");
	assert_string_equal(
	    written(*state), CONTENTS(HI "," BY("model", FC("f", "") "," FC("f", "")) "," BY(
				 "user", FR("f", "{\"a\":1}") "," FR("f", "{\"c\":1}"))));
}

static void
an_id_that_is_used_again_belongs_to_the_newest_call(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	calls(t, "f");
	RESULT("f", "{\"a\":1}");
	calls(t, "f");
	RESULT("f", "{\"b\":1}");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", "")) "," BY("user", FR("f", "{\"a\":1}")) "," BY(
		"model", FC("f", "")) "," BY("user", FR("f", "{\"b\":1}"))));
}

static void
calls_follow_the_user_or_a_result(void **state)
{
	struct turns *t = talk_25(*state);

	calls(t, "f");
	assert_string_equal(written(*state), CONTENTS(BY("user", T(" ")) "," BY("model",
						 FC("f", "")) "," BY("user", FR("f", MISSING))));
}

static void
what_the_model_said_just_before_its_calls_belongs_to_them(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	MODEL("Let me see.");
	calls(t, "f");
	assert_string_equal(
	    written(*state), CONTENTS(HI "," BY("model", T("Let me see.") "," FC("f", "")) "," BY(
				 "user", FR("f", MISSING))));
}

static void
contents_of_the_model_that_are_signed_are_never_merged(void **state)
{
	struct turns *t = talk_25(*state);

	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	turns_text_signed(t, SPAN("Done."), SPAN("QUJD"), false);
	turns_end(t);
	calls(t, "f");
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", "{\"text\":\"Done.\"" SIGN("QUJD") "}") "," BY(
		"user", T(" ")) "," BY("model", FC("f", "")) "," BY("user", FR("f", MISSING))));
}

static void
media_of_a_result_stand_in_it_since_gemini_3(void **state)
{
	struct turns *t = talk(*state);
	struct rope media = ROPE_INIT;

	buf_add_lit(&media.text, "{\"inlineData\":{}},{\"inlineData\":{}}");
	USER("hi");
	calls(t, "f");
	tell_result(t, "f", "", "{}", &media);
	assert_string_equal(
	    written(*state), CONTENTS(HI "," BY("model", FC("f", SKIPS)) "," BY("user",
				 "{\"functionResponse\":{\"name\":\"f\",\"response\":{},\"parts\":["
				 "{\"inlineData\":{}},{\"inlineData\":{}}]}}")));
	rope_fini(&media);
}

static void
media_of_results_follow_them_before_gemini_3(void **state)
{
	struct turns *t = talk_25(*state);
	struct rope media = ROPE_INIT;

	buf_add_lit(&media.text, "{\"inlineData\":{}}");
	USER("hi");
	calls(t, "f g h");
	tell_result(t, "f", "", "{}", &media);
	tell_result(t, "g", "", "{}", NULL);
	tell_result(t, "h", "", "{}", &media);
	assert_string_equal(written(*state),
	    CONTENTS(HI "," BY("model", FC("f", "") "," FC("g", "") "," FC("h", "")) "," BY(
		"user", FR("f", "{}") "," FR("g", "{}") "," FR("h", "{}")) "," BY("user",
		"{\"inlineData\":{}},{\"inlineData\":{}}")));
	rope_fini(&media);
}

static void
media_of_a_result_without_a_call_stand_beside_its_text(void **state)
{
	struct turns *t = talk(*state);
	struct rope media = ROPE_INIT;

	buf_add_lit(&media.text, "{\"inlineData\":{}}");
	tell_result(t, "f", "", "{}", &media);
	assert_string_equal(written(*state),
	    CONTENTS(BY("user", T("Tool result (f): words") ",{\"inlineData\":{}}")));
	rope_fini(&media);
}

/* Whoever fetches it must find a place for it all the same. */
static void
media_of_a_result_that_does_not_count_have_a_place(void **state)
{
	struct turns *t = talk(*state);
	struct rope media = ROPE_INIT;
	struct span *first = NULL, *second = NULL;

	USER("hi");
	calls(t, "f");
	buf_add_lit(&media.text, "{\"inlineData\":");
	rope_later(&media, &first);
	buf_add_char(&media.text, '}');
	tell_result(t, "f", "", "{}", &media);
	rope_clear(&media);
	buf_add_lit(&media.text, "{\"inlineData\":");
	rope_later(&media, &second);
	buf_add_char(&media.text, '}');
	tell_result(t, "f", "", "{}", &media);
	rope_fini(&media);
	turns_write(t, &((struct world *)*state)->out);
	rope_body(&((struct world *)*state)->out, ((struct world *)*state)->arena);
	assert_non_null(first);
	assert_non_null(second);
	assert_ptr_not_equal(first, second);
}

/* ---- size ---- */

/* Each call of ten thousand messages has its own result behind it. */
static void
ten_thousand_messages_with_ten_thousand_calls_find_their_results(void **state)
{
	enum { N = 10000 };
	struct world *w = *state;
	struct turns *t = talk_25(w);
	struct buf expected = BUF_INIT;
	char id[16], response[32];

	USER("hi");
	buf_add_text(&expected, "\"contents\":[" HI);
	for (int i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "f%d", i);
		calls(t, arena_dup(w->arena, id));
		buf_printf(&expected,
		    "," BY("model", FC("f%d", "")) "," BY("user", FR("f%d", "{\"i\":%d}")), i, i,
		    i);
	}
	for (int i = N - 1; i >= 0; i--) {
		snprintf(id, sizeof(id), "f%d", i);
		snprintf(response, sizeof(response), "{\"i\":%d}", i);
		RESULT(arena_dup(w->arena, id), arena_dup(w->arena, response));
	}
	buf_add_char(&expected, ']');
	assert_string_equal(written(w), buf_text(&expected));
	buf_fini(&expected);
}

static void
ten_thousand_calls_of_one_message_under_one_id_take_results_in_turn(void **state)
{
	enum { N = 10000 };
	struct world *w = *state;
	struct turns *t = talk_25(w);
	char response[32];
	const char *at;

	USER("hi");
	turns_begin(t, SPEAKER_MODEL);
	for (int i = 0; i < N; i++)
		tell_call(t, "f", "f", NULL);
	turns_end(t);
	for (int i = 0; i < N; i++) {
		snprintf(response, sizeof(response), "{\"i\":%d}", i);
		RESULT("f", arena_dup(w->arena, response));
	}
	at = written(w);
	for (int i = 0; i < N; i++) {
		snprintf(response, sizeof(response), "{\"i\":%d}", i);
		at = strstr(at, response);
		assert_non_null(at);
	}
}

static void
media_are_borrowed_and_not_copied(void **state)
{
	enum { SIZE = 1 << 20 };
	struct world *w = *state;
	struct turns *t = talk(w);
	struct rope media = ROPE_INIT;
	char *bytes = mem_alloc(SIZE);
	struct body body;
	size_t found = 0;

	memset(bytes, 'A', SIZE);
	buf_add_lit(&media.text, "{\"inlineData\":{\"data\":\"");
	rope_borrow(&media, span_mem(bytes, SIZE));
	buf_add_lit(&media.text, "\"}}");
	turns_begin(t, SPEAKER_USER);
	turns_media(t, &media);
	turns_end(t);
	calls(t, "f");
	tell_result(t, "f", "", "{}", &media);
	rope_fini(&media);
	turns_write(t, &w->out);
	body = rope_body(&w->out, w->arena);
	for (size_t i = 0; i < body.count; i++)
		found += body.pieces[i].p == bytes && body.pieces[i].len == SIZE;
	assert_int_equal(found, 2);
	assert_true(body_len(&body) < 2 * SIZE + 1000);
	assert_true(w->out.text.len < 1000);
	mem_free(bytes);
}

static void
media_that_are_fetched_later_have_their_place(void **state)
{
	struct world *w = *state;
	struct turns *t = talk(w);
	struct rope media = ROPE_INIT;
	struct span *place = NULL;
	struct body body;

	buf_add_lit(&media.text, "{\"inlineData\":");
	rope_later(&media, &place);
	buf_add_char(&media.text, '}');
	turns_begin(t, SPEAKER_USER);
	turns_text(t, SPAN("look"));
	turns_media(t, &media);
	turns_end(t);
	rope_fini(&media);
	turns_write(t, &w->out);
	body = rope_body(&w->out, w->arena);
	assert_non_null(place);
	*place = SPAN("{\"data\":\"QUJD\"}");
	body_flatten(&body, &w->json);
	assert_string_equal(buf_text(&w->json),
	    CONTENTS(BY("user", T("look") ",{\"inlineData\":{\"data\":\"QUJD\"}}")));
}

static void
an_ended_conversation_is_ended_twice_without_harm(void **state)
{
	struct world *w = *state;

	talk(w);
	turns_free(&w->turns);
	assert_null(w->turns);
	turns_free(&w->turns);
	turns_free(NULL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(leading_system_messages_are_one_instruction_with_a_part_each),
		TEST(a_later_system_message_speaks_as_the_user_in_its_place),
		TEST(a_later_system_message_is_hoisted_where_the_operator_says_so),
		TEST(system_messages_alone_are_what_the_user_says),
		TEST(more_words_of_the_system_stand_behind_its_own),
		TEST(more_words_of_the_system_need_none_of_its_own),
		TEST(a_model_without_instructions_hears_them_in_the_users_first_turn),
		TEST(a_user_who_says_nothing_says_a_blank),
		TEST(an_assistant_who_says_nothing_is_dropped),
		TEST(contents_of_one_speaker_stay_apart),
		TEST(a_first_turn_of_the_model_stays_where_it_may),
		TEST(a_first_turn_of_the_model_gets_a_blank_in_front_where_it_may_not),
		TEST(a_last_word_of_the_model_stays_as_a_beginning),
		TEST(a_last_word_of_the_model_is_asked_to_go_on_where_it_may_not_be_last),
		TEST(calls_are_followed_by_their_results),
		TEST(text_stands_before_the_calls_of_its_message),
		TEST(results_come_in_one_content_in_the_order_of_the_calls),
		TEST(a_call_without_a_result_gets_one_that_says_so),
		TEST(of_two_results_the_last_one_counts),
		TEST(a_result_without_a_call_is_told_as_text),
		TEST(a_result_before_its_call_is_nobodys),
		TEST(results_move_up_to_their_calls_and_what_stood_between_follows),
		TEST(words_beside_a_result_are_a_content_of_their_own),
		TEST(results_without_an_id_find_their_calls_by_name),
		TEST(results_with_neither_id_nor_name_go_to_the_calls_in_turn),
		TEST(calls_of_one_message_under_one_id_take_results_in_turn),
		TEST(an_id_that_is_used_again_belongs_to_the_newest_call),
		TEST(calls_follow_the_user_or_a_result),
		TEST(what_the_model_said_just_before_its_calls_belongs_to_them),
		TEST(contents_of_the_model_that_are_signed_are_never_merged),
		TEST(media_of_a_result_stand_in_it_since_gemini_3),
		TEST(media_of_results_follow_them_before_gemini_3),
		TEST(media_of_a_result_without_a_call_stand_beside_its_text),
		TEST(media_of_a_result_that_does_not_count_have_a_place),
		TEST(ten_thousand_messages_with_ten_thousand_calls_find_their_results),
		TEST(ten_thousand_calls_of_one_message_under_one_id_take_results_in_turn),
		TEST(media_are_borrowed_and_not_copied),
		TEST(media_that_are_fetched_later_have_their_place),
		TEST(an_ended_conversation_is_ended_twice_without_harm),
	};

	return cmocka_run_group_tests_name("dialect/turns", tests, NULL, NULL);
}
