/*
 * Calls in answers of chat completions: what the client is told, and what the house remembers.
 */
#include "tests/unit/dialect/chat_answer.h"

#define TOOL(name)   "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
#define CUSTOM(name) "{\"type\":\"custom\",\"custom\":{\"name\":\"" name "\"}}"
#define ITEM(name, args)                                                                           \
	"{\"id\":\"call_*\",\"type\":\"function\",\"function\":{\"name\":\"" name                  \
	"\",\"arguments\":\"" args "\"}}"
#define DELTA_ITEM(index, name, args)                                                              \
	"{\"tool_calls\":[{\"index\":" index                                                       \
	",\"id\":\"call_*\",\"type\":\"function\",\"function\":{\"name\":\"" name                  \
	"\",\"arguments\":\"" args "\"}}]}"
#define MORE(index, args)                                                                          \
	"{\"tool_calls\":[{\"index\":" index ",\"function\":{\"arguments\":\"" args "\"}}]}"
#define CALLED "\"content\":null,\"refusal\":null,\"tool_calls\":["

/* ---- calls that come whole ---- */

static void
calls_stand_in_the_message_with_compact_arguments(void **state)
{
	(void)state;
	ANSWERS(PLAIN(CALLED ITEM("f", "{\\\"x\\\":1}") "," ITEM("f", "{}") "]", "tool_calls"),
	    LAST(CALL("f", "{ \"x\" :\n 1}") "," CALL("f", "{}"), "STOP"));
}

static void
arguments_are_the_text_of_a_json_string(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA(DELTA_ITEM(
		    "0", "f", "{\\\"x\\\":\\\"a \\\\\\\"b\\\\\\\\ \\\",\\\"y\\\":[1,2]}"))
		    FINISH("tool_calls") DONE,
	    LAST(CALL("f", "{ \"x\" : \"a \\\"b\\\\ \",\r\n \"y\": [ 1 , 2 ] }"), "STOP"));
}

static void
absent_and_null_arguments_are_an_empty_object(void **state)
{
	static const char *const rows[] = { "{\"functionCall\":{\"name\":\"f\"}}",
		CALL("f", "null"), CALL("f", "{}"), CALL("f", " { } ") };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT;

		buf_printf(&chunk, LAST("%s", "STOP"), rows[i]);
		ANSWERS(PLAIN(CALLED ITEM("f", "{}") "]", "tool_calls"), buf_text(&chunk));
		buf_fini(&chunk);
	}
}

static void
a_text_and_a_call_in_one_chunk_are_both_told(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA("{\"content\":\"a\"}") DELTA(DELTA_ITEM("0", "f", "{}"))
		    FINISH("tool_calls") DONE,
	    LAST(TEXT("a") "," CALL("f", "{}"), "STOP"));
}

static void
calls_count_from_0_over_the_whole_stream(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA(DELTA_ITEM("0", "f", "{}")) DELTA(DELTA_ITEM("1", "g", "{}"))
		    DELTA(DELTA_ITEM("2", "f", "{}")) FINISH("tool_calls") DONE,
	    PART(CALL("f", "{}") "," CALL("g", "{}")), PART(CALL("f", "{}")),
	    LAST(TEXT(""), "STOP"));
}

static void
each_choice_counts_its_own_calls(void **state)
{
	(void)state;
	STREAMS(EVENT("0", ROLE, "null") EVENT("0", DELTA_ITEM("0", "f", "{}"), "null")
		    EVENT("1", ROLE, "null") EVENT("1", DELTA_ITEM("0", "f", "{}"), "null")
			EVENT("0", "{}", "\"tool_calls\"") EVENT("1", "{}", "\"tool_calls\"") DONE,
	    "{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" CALL(
		"f", "{}") "]},\"finishReason\":\"STOP\"},{\"index\":1,\"content\":{\"parts\":"
			   "[" CALL("f", "{}") "]},\"finishReason\":\"STOP\"}]}");
}

static void
a_signature_is_told_with_its_call(void **state)
{
	static const char chunk[] = LAST(
	    "{\"functionCall\":{\"name\":\"f\"},\"thoughtSignature\":\"U0lH\"}," CALL("g", "{}"),
	    "STOP");

	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		struct answer a;

		answer_init(&a, stream);
		answer_gets_all(&a, CHUNKS(chunk));
		answer_has(&a, "\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":"
			       "{\"thought_signature\":\"U0lH\"}}}");
		answer_has(&a, "\"name\":\"g\",\"arguments\":\"{}\"}}]");
		answer_fini(&a);
	}
}

static void
calls_that_end_without_a_reason_are_whole(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a, CHUNKS(PART(CALL("f", "{}"))));
	answer_has(&a, "\"finish_reason\":\"tool_calls\"");
	answer_fini(&a);
}

static void
a_call_without_a_name_is_none(void **state)
{
	(void)state;
	ANSWERS(PLAIN("\"content\":\"\",\"refusal\":null", "stop"),
	    LAST("{\"functionCall\":{}}", "STOP"));
}

/* ---- ids ---- */

static void
an_id_is_call_and_24_letters_whatever_gemini_gave(void **state)
{
	struct answer a;
	char ids[2][40];

	(void)state;
	answer_init(&a, false);
	answer_gets_all(&a, CHUNKS(LAST("{\"functionCall\":{\"name\":\"f\",\"id\":\"fc-1\"}},"
					"{\"functionCall\":{\"name\":\"f\",\"id\":\"\"}}",
				"STOP")));
	answer_lacks(&a, "fc-1");
	assert_int_equal(answer_hide_ids(&a, ids, 2), 2);
	assert_string_not_equal(ids[0], ids[1]);
	answer_fini(&a);
}

static void
first_id(const char *request_id, const char *response_id, int choice, char id[40])
{
	struct buf chunk = BUF_INIT;
	struct answer a;

	answer_init(&a, false);
	a.out.request_id = request_id;
	buf_printf(&chunk,
	    "{\"responseId\":\"%s\",\"candidates\":[{\"index\":%d,\"content\":{\"parts\":[%s]},"
	    "\"finishReason\":\"STOP\"}]}",
	    response_id, choice, CALL("f", "{}"));
	answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
	assert_int_equal(answer_hide_ids(&a, (char(*)[40])id, 1), 1);
	buf_fini(&chunk);
	answer_fini(&a);
}

static void
no_two_answers_have_an_id_in_common(void **state)
{
	char ids[4][40];

	(void)state;
	first_id("req1", "R1", 0, ids[0]);
	first_id("req2", "R1", 0, ids[1]);
	first_id("req1", "R2", 0, ids[2]);
	first_id("req1", "R1", 1, ids[3]);
	for (size_t i = 0; i < COUNT(ids); i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
}

/* ---- what the house remembers ---- */

static void
each_call_is_remembered_with_its_signature_and_place(void **state)
{
	struct answer a;
	char ids[2][40];

	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		answer_init(&a, stream);
		answer_gets_all(
		    &a, CHUNKS(LAST("{\"functionCall\":{\"name\":\"caf\\u00e9\",\"id\":\"fc\\/1\","
				    "\"args\":{\"x\": 1}},\"thoughtSignature\":\"U0\\/lH\\u003d\"},"
				    "{\"functionCall\":{\"name\":\"g\"}}",
			    "STOP")));
		assert_int_equal(answer_hide_ids(&a, ids, 2), 2);
		assert_int_equal(a.remembered_count, 2);
		assert_string_equal(a.remembered[0].id, ids[0]);
		assert_string_equal(a.remembered[0].upstream_id, "fc/1");
		assert_string_equal(a.remembered[0].name, "caf\xC3\xA9");
		assert_string_equal(a.remembered[0].args, "{\"x\": 1}");
		assert_string_equal(a.remembered[0].signature, "U0/lH=");
		assert_string_equal(a.remembered[0].model, "gemini-3.5-flash");
		assert_int_equal(a.remembered[0].step_index, 0);
		assert_string_equal(a.remembered[1].id, ids[1]);
		assert_string_equal(a.remembered[1].upstream_id, "");
		assert_string_equal(a.remembered[1].args, "{}");
		assert_string_equal(a.remembered[1].signature, "");
		assert_int_equal(a.remembered[1].step_index, 1);
		answer_fini(&a);
	}
}

static void
an_answer_needs_no_house(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct answer a;

		answer_init(&a, false);
		a.house.remember = NULL;
		if (i > 0)
			a.out.house = NULL;
		answer_gets_all(&a, CHUNKS(LAST(CALL("f", "{}"), "STOP")));
		answer_has(&a, "\"name\":\"f\"");
		answer_fini(&a);
	}
}

/* ---- names and forms that the client knows ---- */

static void
a_changed_name_is_changed_back(void **state)
{
	struct buf chunk = BUF_INIT;
	struct answer a;

	(void)state;
	answer_init(&a, false);
	answer_has_tools(&a, "[" TOOL("mcp/do it") "," TOOL("plain") "]", false);
	buf_printf(&chunk, LAST(CALL("%.*s", "{}") "," CALL("plain", "{}"), "STOP"),
	    SPAN_ARG(a.tools.first->sent));
	answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
	answer_lacks(&a, "mcp_do_it");
	answer_has(&a, "\"name\":\"mcp/do it\"");
	answer_has(&a, "\"name\":\"plain\"");
	assert_true(span_is(a.tools.first->sent, a.remembered[0].name));
	buf_fini(&chunk);
	answer_fini(&a);
}

static void
a_name_that_is_no_tools_is_told_as_it_is(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	answer_has_tools(&a, "[" TOOL("f") "]", false);
	answer_gets_all(&a, CHUNKS(LAST(CALL("default_api\\u003ag", "{}"), "STOP")));
	answer_has(&a, "\"name\":\"default_api\\u003ag\"");
	answer_fini(&a);
}

static void
a_custom_tools_call_has_an_input(void **state)
{
	static const struct {
		const char *args, *input;
	} rows[] = {
		{ "{\"input\":\"a \\\"b\\\"\\n\"}", "a \\\"b\\\"\\n" },
		{ "{\"input\":\"\"}", "" },
		{ "{\"input\": {\"x\" : 1}}", "{\\\"x\\\":1}" },
		{ "{\"other\": 1}", "{\\\"other\\\":1}" },
		{ "{}", "{}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		struct buf chunk = BUF_INIT, want = BUF_INIT;
		struct answer a;

		answer_init(&a, i & 1);
		answer_has_tools(&a, "[" CUSTOM("sh") "]", false);
		buf_printf(&chunk, LAST(CALL("sh", "%s"), "STOP"), rows[i / 2].args);
		answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
		answer_hide_ids(&a, NULL, 0);
		buf_printf(&want,
		    "\"tool_calls\":[{%s\"id\":\"call_*\",\"type\":\"custom\",\"custom\":{\"name\":"
		    "\"sh\",\"input\":\"%s\"}}]",
		    i & 1 ? "\"index\":0," : "", rows[i / 2].input);
		answer_has(&a, buf_text(&want));
		assert_string_equal(a.remembered[0].args, rows[i / 2].args);
		buf_fini(&chunk);
		buf_fini(&want);
		answer_fini(&a);
	}
}

static void
wrapped_arguments_are_unwrapped(void **state)
{
	static const struct {
		const char *args, *told;
	} rows[] = {
		{ "{\"value\": [1, 2]}", "[1,2]" },
		{ "{\"value\":\"a\"}", "\\\"a\\\"" },
		{ "{\"value\":null}", "null" },
		{ "{\"x\": 1}", "{\\\"x\\\":1}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT, want = BUF_INIT;
		struct answer a;

		answer_init(&a, false);
		answer_has_tools(&a, "[" TOOL("f") "]", false);
		a.tools.first->wrapped = true;
		buf_printf(&chunk, LAST(CALL("f", "%s"), "STOP"), rows[i].args);
		answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
		buf_printf(&want, "\"arguments\":\"%s\"", rows[i].told);
		answer_has(&a, buf_text(&want));
		buf_fini(&chunk);
		buf_fini(&want);
		answer_fini(&a);
	}
}

static void
legacy_functions_are_answered_with_one_function_call(void **state)
{
	static const char chunk[] =
	    LAST("{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":1}},\"thoughtSignature\":"
		 "\"U0lH\"}," CALL("f", "{}"),
		"STOP");
	static const char call[] =
	    "\"function_call\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\",\"extra_content\":"
	    "{\"google\":{\"thought_signature\":\"U0lH\"}}}";

	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		struct answer a;

		answer_init(&a, stream);
		answer_has_tools(&a, "[{\"name\":\"f\"}]", true);
		answer_gets_all(&a, CHUNKS(chunk));
		answer_has(&a, call);
		answer_has(&a, "\"finish_reason\":\"function_call\"");
		answer_lacks(&a, "tool_calls");
		answer_lacks(&a, "{}\",");
		if (!stream)
			answer_has(&a, "\"content\":null,\"refusal\":null,\"function_call\"");
		answer_fini(&a);
	}
}

static void
only_the_first_call_is_told_where_one_was_wanted(void **state)
{
	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		struct answer a;

		answer_init(&a, stream);
		a.notes.one_call = true;
		answer_gets_all(&a, CHUNKS(PART(CALL("f", "{}") "," CALL("g", "{}")),
					LAST(CALL("h", "{}"), "STOP")));
		answer_has(&a, "\"name\":\"f\"");
		answer_lacks(&a, "\"g\"");
		answer_lacks(&a, "\"h\"");
		answer_has(&a, "\"finish_reason\":\"tool_calls\"");
		assert_int_equal(a.remembered_count, 1);
		answer_fini(&a);
	}
}

/* ---- calls that come in pieces ---- */

#define BEGIN(name) "{\"functionCall\":{\"name\":\"" name "\",\"willContinue\":true}}"
#define PIECE(path, value, more)                                                                   \
	"{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"" path "\"," value                    \
	",\"willContinue\":" more "}],\"willContinue\":true}}"
#define END "{\"functionCall\":{}}"

static void
a_call_in_pieces_is_told_in_pieces(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA(DELTA_ITEM("0", "f", ""))
		    DELTA(MORE("0", "{\\\"city\\\":\\\"Par")) DELTA(MORE("0", "is\\\\n\\\"")) DELTA(
			MORE("0", ",\\\"n\\\":7")) DELTA(MORE("0", "}")) FINISH("tool_calls") DONE,
	    PART(BEGIN("f")), PART(PIECE("$.city", "\"stringValue\":\"Par\"", "true")),
	    PART(PIECE("$.city", "\"stringValue\":\"is\\n\"", "false")),
	    PART(PIECE("$.n", "\"numberValue\":7", "false")), PART(END), LAST(TEXT(""), "STOP"));
}

static void
a_call_in_pieces_is_one_call_of_a_plain_answer(void **state)
{
	(void)state;
	ANSWERS(PLAIN(CALLED ITEM("f", "{\\\"a\\\":true}") "," ITEM("g", "{}") "]", "tool_calls"),
	    LAST(BEGIN("f") "," PIECE("$.a", "\"boolValue\":true", "false") "," END
									    "," CALL("g", "{}"),
		"STOP"));
}

static void
a_call_in_pieces_is_remembered_when_it_is_whole(void **state)
{
	struct answer a;
	char ids[1][40];

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, PART(CALL("first", "{}")));
	answer_gets(&a, PART("{\"functionCall\":{\"name\":\"f\",\"id\":\"fc-1\",\"willContinue\":"
			     "true},\"thoughtSignature\":\"U0lH\"}"));
	answer_gets(&a, PART(PIECE("$.a.b", "\"nullValue\":\"NULL_VALUE\"", "false")));
	assert_int_equal(a.remembered_count, 1);
	answer_gets_all(&a, CHUNKS(PART(END), LAST(TEXT(""), "STOP")));
	assert_int_equal(a.remembered_count, 2);
	assert_string_equal(a.remembered[1].name, "f");
	assert_string_equal(a.remembered[1].upstream_id, "fc-1");
	assert_string_equal(a.remembered[1].signature, "U0lH");
	assert_string_equal(a.remembered[1].args, "{\"a\":{\"b\":null}}");
	assert_int_equal(a.remembered[1].step_index, 1);
	answer_has(&a, "{\"index\":1,\"id\":\"");
	answer_hide_ids(&a, ids, 1);
	assert_string_equal(a.remembered[0].id, ids[0]);
	answer_fini(&a);
}

static void
a_call_may_have_all_its_pieces_at_once(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA(DELTA_ITEM("0", "f", "{\\\"a\\\":1,\\\"b\\\":false}"))
		    FINISH("tool_calls") DONE,
	    LAST("{\"functionCall\":{\"name\":\"f\",\"partialArgs\":[{\"jsonPath\":\"$.a\","
		 "\"numberValue\":1},{\"jsonPath\":\"$.b\",\"boolValue\":false}]}}",
		"STOP"));
}

static void
arguments_may_come_whole_at_the_end_of_a_call_that_was_begun(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA(DELTA_ITEM("0", "f", "")) DELTA(MORE("0", "{\\\"a\\\":1}"))
		    FINISH("tool_calls") DONE,
	    PART(BEGIN("f")), LAST(CALL("f", "{\"a\": 1}"), "STOP"));
}

static void
another_call_ends_the_one_that_is_open(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA(DELTA_ITEM("0", "f", ""))
		    DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}},"
			  "{\"index\":1,\"id\":\"call_*\",\"type\":\"function\",\"function\":"
			  "{\"name\":\"g\",\"arguments\":\"{}\"}}]}") FINISH("tool_calls") DONE,
	    PART(BEGIN("f")), LAST(CALL("g", "{}"), "STOP"));
	ANSWERS(PLAIN(CALLED ITEM("f", "{}") "," ITEM("g", "{}") "]", "tool_calls"),
	    PART(BEGIN("f")), PART(BEGIN("g")), LAST(END, "STOP"));
}

static void
the_end_of_the_answer_ends_a_call_that_is_open(void **state)
{
	static const char *const chunks[] = { PART(BEGIN("f")),
		PART(PIECE("$.a", "\"stringValue\":\"x\"", "true")), LAST(TEXT(""), "STOP"), NULL };
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a, chunks);
	answer_has(&a,
	    DELTA(MORE("0", "{\\\"a\\\":\\\"x")) DELTA(MORE("0", "\\\"}")) FINISH("tool_calls"));
	assert_string_equal(a.remembered[0].args, "{\"a\":\"x\"}");
	answer_fini(&a);
}

/* As OpenAI does it: what looks whole might be run. */
static void
a_limit_leaves_the_arguments_cut(void **state)
{
	static const char *const chunks[] = { PART(BEGIN("f")),
		PART(PIECE("$.a", "\"stringValue\":\"x\"", "true")), LAST("", "MAX_TOKENS"), NULL };

	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		struct answer a;

		answer_init(&a, stream);
		answer_gets_all(&a, chunks);
		answer_has(&a, "\"arguments\":\"{\\\"a\\\":\\\"x\"}");
		answer_has(&a, "\"finish_reason\":\"length\"");
		assert_int_equal(a.remembered_count, 0);
		answer_fini(&a);
	}
}

static void
a_stream_that_ends_within_a_call_broke_off(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, PART(BEGIN("f")));
	assert_false(dialect_openai_chat.finish(&a.out, &a.err));
	assert_int_equal(a.err.kind, ERR_UPSTREAM);
	answer_fini(&a);
}

/* What the client knows in another form is told when it is whole. */
static void
a_custom_tools_call_in_pieces_waits_for_its_end(void **state)
{
	static const char *const chunks[] = { PART(CALL("f", "{}")), PART(BEGIN("sh")),
		PART(PIECE("$.input", "\"stringValue\":\"ls \"", "true")),
		PART(PIECE("$.input", "\"stringValue\":\"-l\"", "false")), PART(END),
		LAST("", "STOP"), NULL };
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_has_tools(&a, "[" TOOL("f") "," CUSTOM("sh") "]", false);
	answer_gets_all(&a, chunks);
	answer_hide_ids(&a, NULL, 0);
	answer_is(&a,
	    DELTA(ROLE) DELTA(DELTA_ITEM("0", "f", "{}")) DELTA(
		"{\"tool_calls\":[{\"index\":1,\"id\":\"call_*\",\"type\":\"custom\","
		"\"custom\":{\"name\":\"sh\",\"input\":\"ls -l\"}}]}") FINISH("tool_calls") DONE);
	answer_fini(&a);
}

static void
a_legacy_call_in_pieces_is_one_function_call(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_has_tools(&a, "[{\"name\":\"f\"}]", true);
	answer_gets_all(
	    &a, CHUNKS(PART(BEGIN("f")), PART(PIECE("$.a", "\"numberValue\":1", "false")),
		    PART(END), PART(BEGIN("f")), PART(PIECE("$.a", "\"numberValue\":2", "false")),
		    PART(END), LAST("", "STOP")));
	answer_is(&a, DELTA(ROLE) DELTA("{\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}}")
			  DELTA("{\"function_call\":{\"arguments\":\"{\\\"a\\\":1\"}}")
			      DELTA("{\"function_call\":{\"arguments\":\"}\"}}")
				  FINISH("function_call") DONE);
	answer_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_stand_in_the_message_with_compact_arguments),
		cmocka_unit_test(arguments_are_the_text_of_a_json_string),
		cmocka_unit_test(absent_and_null_arguments_are_an_empty_object),
		cmocka_unit_test(a_text_and_a_call_in_one_chunk_are_both_told),
		cmocka_unit_test(calls_count_from_0_over_the_whole_stream),
		cmocka_unit_test(each_choice_counts_its_own_calls),
		cmocka_unit_test(a_signature_is_told_with_its_call),
		cmocka_unit_test(calls_that_end_without_a_reason_are_whole),
		cmocka_unit_test(a_call_without_a_name_is_none),
		cmocka_unit_test(an_id_is_call_and_24_letters_whatever_gemini_gave),
		cmocka_unit_test(no_two_answers_have_an_id_in_common),
		cmocka_unit_test(each_call_is_remembered_with_its_signature_and_place),
		cmocka_unit_test(an_answer_needs_no_house),
		cmocka_unit_test(a_changed_name_is_changed_back),
		cmocka_unit_test(a_name_that_is_no_tools_is_told_as_it_is),
		cmocka_unit_test(a_custom_tools_call_has_an_input),
		cmocka_unit_test(wrapped_arguments_are_unwrapped),
		cmocka_unit_test(legacy_functions_are_answered_with_one_function_call),
		cmocka_unit_test(only_the_first_call_is_told_where_one_was_wanted),
		cmocka_unit_test(a_call_in_pieces_is_told_in_pieces),
		cmocka_unit_test(a_call_in_pieces_is_one_call_of_a_plain_answer),
		cmocka_unit_test(a_call_in_pieces_is_remembered_when_it_is_whole),
		cmocka_unit_test(a_call_may_have_all_its_pieces_at_once),
		cmocka_unit_test(arguments_may_come_whole_at_the_end_of_a_call_that_was_begun),
		cmocka_unit_test(another_call_ends_the_one_that_is_open),
		cmocka_unit_test(the_end_of_the_answer_ends_a_call_that_is_open),
		cmocka_unit_test(a_limit_leaves_the_arguments_cut),
		cmocka_unit_test(a_stream_that_ends_within_a_call_broke_off),
		cmocka_unit_test(a_custom_tools_call_in_pieces_waits_for_its_end),
		cmocka_unit_test(a_legacy_call_in_pieces_is_one_function_call),
	};

	return cmocka_run_group_tests_name("dialect/openai_told_calls", tests, NULL, NULL);
}
