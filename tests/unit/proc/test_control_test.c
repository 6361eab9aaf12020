/*
 * The word "keys test", on an upstream that says what the test wants.
 */
#include "tests/unit/proc/control_world.h"

static void
answer_as(const char *status, const char *body)
{
	static char answer[4096];
	static struct peer_line line;

	snprintf(answer, sizeof(answer),
	    "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
	    status, strlen(body), body);
	line = (struct peer_line){ .says = answer };
	peer_play(&upstream, &line, 1);
}

static void
a_key_that_works_is_said_to_work(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	answer_as("200 OK", "{\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}");
	answer = say("[\"keys\",\"test\",\"a\"]", NULL, NULL);
	assert_true(is_ok(answer));
	assert_string_equal(text(answer, "outcome"), "ok");
	assert_string_equal(text(answer, "model"), "gemini-2.5-flash-lite");
	assert_non_null(strstr(buf_text(&upstream.request), "x-goog-api-key: " KEY_A));
	assert_non_null(strstr(buf_text(&upstream.request), "\"maxOutputTokens\":1"));
	assert_null(strstr(buf_text(&upstream.request), "?key="));
}

static void
a_key_that_does_not_says_why_in_googles_words_without_keys(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	answer_as("400 Bad Request",
	    "{\"error\":{\"code\":400,\"message\":\"API key not valid: " KEY_A
	    "\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":"
	    "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\"}]}}");
	answer = say("[\"keys\",\"test\",\"a\"]", "{\"model\":\"models/" MODEL "\"}", NULL);
	is_refused(answer, false, "API key not valid");
	assert_string_equal(text(answer, "outcome"), "key-invalid");
	assert_string_equal(text(answer, "model"), MODEL);
	assert_null(strstr(text(answer, "error"), KEY_A));
	assert_null(strstr(text(answer, "message"), KEY_A));
}

static void
a_test_counts_for_nothing(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	answer_as("401 Unauthorized",
	    "{\"error\":{\"code\":401,\"message\":\"no\",\"status\":\"UNAUTHENTICATED\"}}");
	assert_false(is_ok(say("[\"keys\",\"test\",\"a\"]", NULL, NULL)));
	answer = say("[\"keys\",\"show\",\"a\"]", NULL, NULL);
	assert_string_equal(text(answer, "state"), "enabled");
	assert_int_equal(number(answer, "failures"), 0);
	assert_int_equal(number(answer, "successes"), 0);
}

static void
what_answers_but_is_not_gemini_is_no_success(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	answer_as("200 OK", "<html>Welcome</html>");
	is_refused(say("[\"keys\",\"test\",\"a\"]", NULL, NULL), false, "not Gemini");
}

static void
a_name_that_is_no_models_is_not_sent(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	is_refused(
	    say("[\"keys\",\"test\",\"a\"]", "{\"model\":\"x/../y?z\"}", NULL), true, "--model");
	is_refused(say("[\"keys\",\"test\",\"b\"]", NULL, NULL), false, "no Gemini key");
	assert_int_equal(upstream.requests, 0);
}

static const json_t *
test_that_works(const char *label)
{
	answer_as("200 OK", "{\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}");
	const json_t *answer = say_of("\"keys\",\"test\"", label);

	assert_true(is_ok(answer));
	return answer;
}

static void
a_success_does_not_thaw_but_says_what_the_key_waits_for(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	assert_string_equal(text(test_that_works("a"), "state"), "enabled");
	freeze("a", "gemini-2.5-flash-lite", 3600000, OUTCOME_QUOTA_MINUTE);
	answer = test_that_works("a");
	assert_string_equal(text(answer, "state"), "frozen");
	assert_string_equal(text(answer, "cause"), "minute-quota");
	assert_in_range(number(answer, "free_in_s"), 3500, 3600);
	assert_string_equal(text(shown("a"), "state"), "frozen");
}

static void
what_another_model_suffers_is_not_said_of_this_one(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	freeze("a", "gemini-2.5-pro", 3600000, OUTCOME_QUOTA_MINUTE);
	assert_string_equal(text(test_that_works("a"), "state"), "enabled");
}

static void
a_disabled_key_that_works_is_said_to_be_disabled(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	assert_true(is_ok(say_of("\"keys\",\"disable\"", "a")));
	assert_string_equal(text(test_that_works("a"), "state"), "disabled");
}

static void
an_account_to_be_confirmed_gives_the_link(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	answer_as("403 Forbidden",
	    "{\"error\":{\"code\":403,\"message\":\"Verify your account to continue.\",\"status\":"
	    "\"PERMISSION_DENIED\",\"details\":[{\"@type\":"
	    "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"VALIDATION_REQUIRED\","
	    "\"domain\":\"cloudcode-pa.googleapis.com\",\"metadata\":{\"validation_link\":"
	    "\"https://accounts.google.com/signin/continue?x=1\"}}]}}");
	answer = say_of("\"keys\",\"test\"", "a");
	is_refused(answer, false, "https://accounts.google.com/signin/continue");
	assert_string_equal(text(answer, "outcome"), "needs-validation");
	assert_string_equal(
	    text(answer, "validation_link"), "https://accounts.google.com/signin/continue?x=1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_key_that_works_is_said_to_work),
		CASE(a_key_that_does_not_says_why_in_googles_words_without_keys),
		CASE(a_test_counts_for_nothing),
		CASE(what_answers_but_is_not_gemini_is_no_success),
		CASE(a_name_that_is_no_models_is_not_sent),
		CASE(a_success_does_not_thaw_but_says_what_the_key_waits_for),
		CASE(what_another_model_suffers_is_not_said_of_this_one),
		CASE(a_disabled_key_that_works_is_said_to_be_disabled),
		CASE(an_account_to_be_confirmed_gives_the_link),
	};

	return cmocka_run_group_tests_name("proc/control_test", tests, NULL, NULL);
}
