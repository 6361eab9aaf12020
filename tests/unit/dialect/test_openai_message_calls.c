/*
 * Calls of tools and their results in messages of OpenAI's chat, row by row.
 */
#include "dialect/openai_message_calls.h"

#include "tests/unit/dialect/messages_world.h"

/* ---- calls ---- */

static void
arguments_become_an_object(void **state)
{
	static const struct {
		const char *arguments, *args; /* arguments as a JSON value */
	} rows[] = {
		{ "\"{\\\"city\\\":\\\"Paris\\\"}\"", "{\"city\":\"Paris\"}" },
		{ "\"{}\"", "{}" },
		{ "\"\"", "{}" },
		{ "\" \\n \"", "{}" },
		{ "\"null\"", "{}" },
		{ "null", "{}" },
		{ "\"[1,2]\"", "{\"value\":[1,2]}" },
		{ "\"7\"", "{\"value\":7}" },
		{ "\"\\\"a\\\"\"", "{\"value\":\"a\"}" },
		{ "\"true\"", "{\"value\":true}" },
		{ "\"{city: Paris}\"", "{\"_raw\":\"{city: Paris}\"}" },
		{ "\"{\\\"city\\\":\\\"Par\"", "{\"_raw\":\"{\\\"city\\\":\\\"Par\"}" },
		{ "\"{} {}\"", "{\"_raw\":\"{} {}\"}" },
		{ "\"Paris\"", "{\"_raw\":\"Paris\"}" },
		{ "\"NaN\"", "{\"_raw\":\"NaN\"}" },
		{ "\"{\\\"a\\\":\\\"\\n\\\"}\"", "{\"_raw\":\"{\\\"a\\\":\\\"\\n\\\"}\"}" },
		{ "\"\\n{\\\"a\\\":1}\\n\"", "\n{\"a\":1}\n" },
		{ "\" \\t{\\\"a\\\":1}\"", " \t{\"a\":1}" },
		{ "\"{\\\"a\\\":\\\"\\\\u00e9\\ud83d\\ude00\\\"}\"",
		    "{\"a\":\"\\u00e9\xF0\x9F\x98\x80\"}" },
		{ "{\"city\":\"Paris\"}", "{\"city\":\"Paris\"}" },
		{ "[1]", "{\"value\":[1]}" },
		{ "7", "{\"value\":7}" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char messages[512], body[512];

		snprintf(messages, sizeof(messages),
		    "[" USER ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":"
		    "\"function\",\"function\":{\"name\":\"f\",\"arguments\":%s}}]}]",
		    rows[i].arguments);
		snprintf(body, sizeof(body),
		    CONTENTS(HI "," BY("model", FC("f", "%s")) "," BY("user", FR("f", MISSING))),
		    rows[i].args);
		assert_string_equal(made(*state, messages), body);
	}
}

/* As deep as the scanner takes it, inside of a string: one more level would break the body. */
static void
arguments_that_are_nested_too_deeply_are_text(void **state)
{
	struct buf messages = BUF_INIT;

	buf_add_lit(&messages, "[" USER ",");
	buf_add_lit(&messages, "{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\","
			       "\"arguments\":\"");
	for (int i = 0; i < 125; i++)
		buf_add_char(&messages, '[');
	for (int i = 0; i < 125; i++)
		buf_add_char(&messages, ']');
	buf_add_lit(&messages, "\"}}]");
	assert_non_null(strstr(made(*state, buf_text(&messages)), "{\"_raw\":\"[[["));
	buf_clear(&messages);
	buf_add_lit(&messages,
	    "[" USER ",{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\","
	    "\"arguments\":");
	for (int i = 0; i < 120; i++)
		buf_add_char(&messages, '[');
	for (int i = 0; i < 120; i++)
		buf_add_char(&messages, ']');
	buf_add_lit(&messages, "}}]");
	assert_refused(*state, buf_text(&messages), "messages[1].function_call.arguments",
	    "is nested too deeply");
	buf_fini(&messages);
}

static void
calls_of_tools_become_calls_of_functions(void **state)
{
	static const struct row rows[] = {
		{ "text first, then the calls",
		    "[" USER ",{\"role\":\"assistant\",\"tool_calls\":[" CALL("a", "f",
			"{}") "," CALL("b", "g", "{}") "],\"content\":\"Let me see.\"}," TOOL("a",
			"1") "," TOOL("b", "x") "]",
		    CONTENTS(HI "," BY("model",
			T("Let me see.") "," FC("f", "{}") "," FC("g", "{}")) "," BY("user",
			FR("f", "{\"output\":1}") "," FR("g", "{\"output\":\"x\"}"))) },
		{ "empty text is dropped",
		    "[" USER ",{\"role\":\"assistant\",\"content\":\"\","
		    "\"tool_calls\":[" CALL("a", "f", "{}") "]}," TOOL("a", "{}") "]",
		    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY("user", FR("f", "{}"))) },
		{ "a custom tool",
		    "[" USER "," CALLS(
			"{\"id\":\"a\",\"type\":\"custom\",\"custom\":"
			"{\"name\":\"shell\",\"input\":\"ls \\\"x\\\"\"}}") "," TOOL("a", "y") "]",
		    CONTENTS(HI "," BY("model", FC("shell", "{\"input\":\"ls \\\"x\\\"\"}")) "," BY(
			"user", FR("shell", "{\"output\":\"y\"}"))) },
		{ "one without input",
		    "[" USER "," CALLS("{\"id\":\"a\",\"type\":\"custom\","
				       "\"custom\":{\"name\":\"shell\"}}") "]",
		    CONTENTS(HI "," BY("model", FC("shell", "{\"input\":\"\"}")) "," BY(
			"user", FR("shell", MISSING))) },
		{ "no type, no arguments",
		    "[" USER "," CALLS("{\"id\":\"a\",\"function\":"
				       "{\"name\":\"f\"}}") "]",
		    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY("user", FR("f", MISSING))) },
		{ "a legacy function",
		    "[" USER ",{\"role\":\"assistant\",\"content\":null,"
		    "\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"role\":"
		    "\"function\","
		    "\"name\":\"f\",\"content\":\"{\\\"c\\\":12}\"}]",
		    CONTENTS(
			HI "," BY("model", FC("f", "{}")) "," BY("user", FR("f", "{\"c\":12}"))) },
		{ "legacy beside new",
		    "[" USER ",{\"role\":\"assistant\",\"function_call\":{\"name\":"
		    "\"f\"},\"tool_calls\":[" CALL("a", "g", "{}") "]}]",
		    CONTENTS(HI "," BY("model", FC("g", "{}")) "," BY("user", FR("g", MISSING))) },
		{ "legacy beside nothing",
		    "[" USER ",{\"role\":\"assistant\",\"function_call\":"
		    "{\"name\":\"f\"},\"tool_calls\":[]}]",
		    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY("user", FR("f", MISSING))) },
		{ "calls of others than the assistant are passed over",
		    "[{\"role\":\"user\",\"content\":\"hi\",\"tool_calls\":5,\"function_call\":7}]",
		    CONTENTS(HI) },
		{ "a name that Gemini would refuse",
		    "[" USER "," CALLS(CALL("a", "9 lives/x", "{}")) "," TOOL("a", "{}") "]",
		    CONTENTS(HI "," BY("model", FC("_9_lives_x", "{}")) "," BY(
			"user", FR("_9_lives_x", "{}"))) },
	};

	assert_rows(*state, rows, COUNT(rows));
}

static void
calls_that_cannot_be_understood_are_refused_with_their_place(void **state)
{
	static const struct refusal rows[] = {
		{ "[{\"role\":\"assistant\",\"tool_calls\":{}}]", "messages[0].tool_calls",
		    "must be a list" },
		{ "[" USER "," CALLS("7") "]", "messages[1].tool_calls[0]", "must be an object" },
		{ "[" CALLS("{\"id\":\"a\"}") "]", "messages[0].tool_calls[0].function",
		    "is missing" },
		{ "[" CALLS("{\"function\":[]}") "]", "messages[0].tool_calls[0].function",
		    "must be an object" },
		{ "[" CALLS("{\"type\":\"custom\",\"function\":{\"name\":\"f\"}}") "]",
		    "messages[0].tool_calls[0].custom", "is missing" },
		{ "[" CALLS("{\"type\":\"mcp\",\"function\":{\"name\":\"f\"}}") "]",
		    "messages[0].tool_calls[0].type", "no known type" },
		{ "[" CALLS("{\"type\":7}") "]", "messages[0].tool_calls[0].type", "string" },
		{ "[" CALLS("{\"id\":7}") "]", "messages[0].tool_calls[0].id", "string" },
		{ "[" CALLS(CALL("a", "f", "{}") ",{\"function\":{}}") "]",
		    "messages[0].tool_calls[1].function.name", "is missing" },
		{ "[" CALLS(CALL("a", "", "{}")) "]", "messages[0].tool_calls[0].function.name",
		    "is missing" },
		{ "[" CALLS("{\"function\":{\"name\":7}}") "]",
		    "messages[0].tool_calls[0].function.name", "must be a string" },
		{ "[" CALLS("{\"custom\":{\"name\":\"f\",\"input\":7}}") "]",
		    "messages[0].tool_calls[0].custom.input", "must be a string" },
		{ "[{\"role\":\"assistant\",\"function_call\":\"f\"}]", "messages[0].function_call",
		    "must be an object" },
		{ "[{\"role\":\"assistant\",\"function_call\":{}}]",
		    "messages[0].function_call.name", "is missing" },
		{ "[{\"role\":\"tool\",\"content\":\"x\"}]", "messages[0].tool_call_id",
		    "is missing" },
		{ "[{\"role\":\"tool\",\"tool_call_id\":7,\"content\":\"x\"}]",
		    "messages[0].tool_call_id", "must be a string" },
		{ "[{\"role\":\"function\",\"content\":\"x\"}]", "messages[0].name", "is missing" },
		{ "[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":{}}]",
		    "messages[0].content", "must be" },
		{ "[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":[{\"type\":\"refusal\","
		  "\"refusal\":\"x\"}]}]",
		    "messages[0].content[0].type", "assistant alone" },
		{ "[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":[" IMAGE("x") "]}]",
		    "messages[0].content[0].image_url.url", "" },
		{ "[{\"role\":\"tool\",\"tool_call_id\":\"a\"," GOOGLE("\"parts\":{}") "}]",
		    "messages[0].extra_content.google.parts", "must be a list" },
		{ "[{\"role\":\"tool\",\"tool_call_id\":\"a\"," GOOGLE("\"parts\":[{},7]") "}]",
		    "messages[0].extra_content.google.parts[1]", "must be an object" },
	};

	assert_refusals(*state, rows, COUNT(rows));
}

/* The request's tools, as its decoder reads them. */
static void
give_tools(struct world *w, const char *json)
{
	struct scan s;
	struct err e;

	w->tools = arena_alloc(w->arena, sizeof(*w->tools));
	scan_init(&s, span_of(json));
	if (!openai_tools_read(w->tools, &s, "tools", w->arena, &e))
		fail_msg("%s", e.text);
}

static void
a_call_has_the_name_that_its_tool_is_sent_by(void **state)
{
	struct world *w = *state;

	give_tools(w, "[{\"type\":\"function\",\"function\":{\"name\":\"a/b\"}},"
		      "{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]");
	w->tools->first->sent = SPAN("sent");
	assert_string_equal(
	    made(w, "[" USER "," CALLS(CALL("a", "a\\/b", "{}")) "," TOOL("a", "{}") "]"),
	    CONTENTS(HI "," BY("model", FC("sent", "{}")) "," BY("user", FR("sent", "{}"))));
	assert_string_equal(
	    made(w, "[" USER ",{\"role\":\"assistant\",\"function_call\":{\"name\":\"a/b\"}},"
		    "{\"role\":\"function\",\"name\":\"a/b\",\"content\":\"{}\"}]"),
	    CONTENTS(HI "," BY("model", FC("sent", "{}")) "," BY("user", FR("sent", "{}"))));
	assert_string_equal(
	    made(w, "[" USER "," CALLS(CALL("a", "gone/b", "{}")) "," TOOL("a", "{}") "]"),
	    CONTENTS(HI "," BY("model", FC("gone_b", "{}")) "," BY("user", FR("gone_b", "{}"))));
}

static void
arguments_of_a_wrapped_tool_are_wrapped(void **state)
{
	struct world *w = *state;

	give_tools(w, "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]");
	w->tools->first->wrapped = true;
	assert_string_equal(
	    made(w, "[" USER "," CALLS(CALL("a", "f", "[1]") "," CALL("b", "f",
			"{\\\"x\\\":1}") "," CALL("c", "f", "null") "," CALL("d", "f", "")) "]"),
	    CONTENTS(HI "," BY(
		"model", FC("f", "{\"value\":[1]}") "," FC("f", "{\"value\":{\"x\":1}}") "," FC(
			     "f", "{\"value\":null}") "," FC("f", "{}")) "," BY("user",
		FR("f", MISSING) "," FR("f", MISSING) "," FR("f", MISSING) "," FR("f", MISSING))));
}

/* ---- results ---- */

static void
what_a_tool_says_becomes_an_object(void **state)
{
	static const struct {
		const char *content, *response;
	} rows[] = {
		{ "\"{\\\"c\\\":12}\"", "{\"c\":12}" },
		{ "\"{\\\"error\\\":\\\"no\\\"}\"", "{\"error\":\"no\"}" },
		{ "\"15 degrees\"", "{\"output\":\"15 degrees\"}" },
		{ "\"15\"", "{\"output\":15}" },
		{ "\"-1.5e3\"", "{\"output\":-1.5e3}" },
		{ "\"007\"", "{\"output\":\"007\"}" },
		{ "\"9007199254740992\"", "{\"output\":9007199254740992}" },
		{ "\"9007199254740993\"", "{\"output\":\"9007199254740993\"}" },
		{ "\"-9007199254740993\"", "{\"output\":\"-9007199254740993\"}" },
		{ "\"99999999999999999999\"", "{\"output\":\"99999999999999999999\"}" },
		{ "\"3.14159265358979323846\"", "{\"output\":3.14159265358979323846}" },
		{ "\"[1,2]\"", "{\"output\":[1,2]}" },
		{ "\"null\"", "{\"output\":null}" },
		{ "\"true\"", "{\"output\":true}" },
		{ "\"\\\"x\\\"\"", "{\"output\":\"x\"}" },
		{ "\"{\\\"c\\\":\"", "{\"output\":\"{\\\"c\\\":\"}" },
		{ "\"Error: failed\"", "{\"output\":\"Error: failed\"}" },
		{ "\"\"", "{\"output\":\"\"}" },
		{ "null", "{\"output\":\"\"}" },
		{ "[]", "{\"output\":\"\"}" },
		{ "[" TEXT("a") "," TEXT("b") "]", "{\"output\":\"a\\nb\"}" },
		{ "[" TEXT("{\\\"a\\\":") "," TEXT("1}") "]", "{\"a\":\n1}" },
		{ "[" TEXT("{\\\"a\\\":1}") "]", "{\"a\":1}" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char messages[512], body[512];

		snprintf(messages, sizeof(messages),
		    "[" USER
		    "," CALLS(CALL("a", "f", "{}")) ",{\"role\":\"tool\","
						    "\"tool_call_id\":\"a\",\"content\":%s}]",
		    rows[i].content);
		snprintf(body, sizeof(body),
		    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY("user", FR("f", "%s"))),
		    rows[i].response);
		assert_string_equal(made(*state, messages), body);
	}
}

#define SHOWS(id, ...)                                                                             \
	"{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":[" __VA_ARGS__ "]}"

static void
images_of_a_tool_stand_in_its_result_since_gemini_3(void **state)
{
	struct world *w = *state;

	ask(w, "gemini-3-pro-image", 0);
	assert_string_equal(
	    made(w, "[" USER "," CALLS(CALL("a", "f", "{}")) "," SHOWS("a",
			TEXT("Here.") "," IMAGE(PNG) "," IMAGE("https://example.com/a.png")) "]"),
	    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY("user",
		"{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"Here.\"},"
		"\"parts\":[" INLINE_PNG ",{\"inlineData\":{\"fetched\":true}}]}}")));
}

/* A part of a result has its data and nothing else: more is refused. */
static void
images_in_a_result_have_neither_resolution_nor_metadata(void **state)
{
	struct world *w = *state;
	static const char detailed[] = "[" USER "," CALLS(CALL("a", "f", "{}")) "," SHOWS("a",
	    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" PNG
	    "\",\"detail\":\"high\"}," GOOGLE("\"video_metadata\":{\"fps\":1}") "}") "]";

	ask(w, "gemini-3-pro-image", 0);
	assert_string_equal(made(w, detailed),
	    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY("user",
		"{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"\"},"
		"\"parts\":[" INLINE_PNG "]}}")));
	assert_null(w->resolution);
	ask(w, "gemini-2.5-flash", 0);
	assert_string_equal(made(w, detailed),
	    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY(
		"user", FR("f", "{\"output\":\"\"}")) "," BY("user",
		"{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgo=\"},"
		"\"videoMetadata\":{\"fps\":1}}")));
	assert_string_equal(w->resolution, "MEDIA_RESOLUTION_HIGH");
}

static void
images_of_a_tool_follow_its_result_before_gemini_3(void **state)
{
	assert_string_equal(made(*state, "[" USER "," CALLS(CALL("a", "f", "{}")) "," SHOWS(
					     "a", IMAGE(PNG)) "," USER "]"),
	    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY(
		"user", FR("f", "{\"output\":\"\"}")) "," BY("user", INLINE_PNG) "," HI));
}

static void
parts_in_googles_own_words_stand_beside_the_response(void **state)
{
	struct world *w = *state;

	ask(w, "gemini-3-pro-image", 0);
	assert_string_equal(
	    made(w, "[" USER "," CALLS(CALL("a", "f",
			"{}")) ",{\"role\":\"tool\","
			       "\"tool_call_id\":\"a\",\"content\":[" TEXT("x") "," IMAGE(
				   PNG) "]," GOOGLE("\"parts\":[{\"inline_data\":{\"data\":"
						    "\"QUJD\"}}, {\"y\":1}]") "}]"),
	    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY("user",
		"{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"x\"},\"parts\":"
		"[" INLINE_PNG ",{\"inline_data\":{\"data\":\"QUJD\"}},{\"y\":1}]}}")));
}

static void
results_without_calls_are_told_as_text(void **state)
{
	static const struct row rows[] = {
		{ "of a tool", "[" TOOL("call_1", "15 degrees") "," USER "]",
		    CONTENTS(BY("user", T("Tool result (call_1): 15 degrees")) "," HI) },
		{ "of a function", "[{\"role\":\"function\",\"name\":\"f\",\"content\":\"x\"}]",
		    CONTENTS(BY("user", T("Tool result (f): x"))) },
		{ "of JSON", "[" TOOL("call_1", "{\\\"c\\\":1}") "]",
		    CONTENTS(BY("user", T("Tool result (call_1): {\\\"c\\\":1}"))) },
		{ "with an image", "[" SHOWS("call_1", IMAGE(PNG)) "]",
		    CONTENTS(BY("user", T("Tool result (call_1): ") "," INLINE_PNG)) },
		{ "without an id", "[" TOOL("", "x") "]",
		    CONTENTS(BY("user", T("Tool result (): x"))) },
	};

	assert_rows(*state, rows, COUNT(rows));
}

static void
results_follow_their_calls_whatever_stands_between(void **state)
{
	static const struct row rows[] = {
		{ "another order",
		    "[" USER "," CALLS(CALL("a", "f", "{}") "," CALL("b", "g", "{}")) "," TOOL(
			"b", "2") "," TOOL("a", "1") "]",
		    CONTENTS(HI "," BY("model", FC("f", "{}") "," FC("g", "{}")) "," BY(
			"user", FR("f", "{\"output\":1}") "," FR("g", "{\"output\":2}"))) },
		{ "one is missing",
		    "[" USER "," CALLS(CALL("a", "f", "{}") "," CALL("b", "g", "{}")) "," TOOL(
			"b", "2") "," USER "]",
		    CONTENTS(HI "," BY("model", FC("f", "{}") "," FC("g", "{}")) "," BY(
			"user", FR("f", MISSING) "," FR("g", "{\"output\":2}")) "," HI) },
		{ "one too many",
		    "[" USER
		    "," CALLS(CALL("a", "f", "{}")) "," TOOL("a", "1") "," TOOL("a", "2") "]",
		    CONTENTS(HI
			"," BY("model", FC("f", "{}")) "," BY("user", FR("f", "{\"output\":2}"))) },
		{ "a message between",
		    "[" USER "," CALLS(CALL("a", "f", "{}")) "," USER "," TOOL("a", "1") "]",
		    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY(
			"user", FR("f", "{\"output\":1}")) "," HI) },
		{ "an image with it",
		    "[" USER "," CALLS(CALL("a", "f", "{}")) "," TOOL("a", "1") "," PARTS(
			"user", IMAGE(PNG)) "]",
		    CONTENTS(HI "," BY("model", FC("f", "{}")) "," BY(
			"user", FR("f", "{\"output\":1}")) "," BY("user", INLINE_PNG)) },
	};

	assert_rows(*state, rows, COUNT(rows));
}

/* A result that does not count may name media that are to be fetched. */
static void
every_medium_that_is_fetched_has_a_place(void **state)
{
	struct world *w = *state;

	made(w, "[" USER "," CALLS(CALL("a", "f", "{}")) "," SHOWS(
		    "a", IMAGE("https://example.com/a")) "," TOOL("a", "2") "]");
	assert_non_null(w->call.remotes);
	assert_non_null(w->call.remotes->place);
}

/* ---- signatures ---- */

static void
a_signature_is_found_wherever_a_client_leaves_it(void **state)
{
	static const char *const calls[] = {
		"{\"id\":\"a\"," GOOGLE(
		    "\"thought_signature\":\"QUJD\"") ",\"function\":{\"name\":\"f\"}}",
		"{\"id\":\"a\"," GOOGLE(
		    "\"thoughtSignature\":\"QUJD\"") ",\"function\":{\"name\":\"f\"}}",
		"{\"id\":\"a\",\"function\":{\"name\":\"f\",\"thought_signature\":\"QUJD\"}}",
		"{\"id\":\"a\",\"thought_signature\":\"QUJD\",\"function\":{\"name\":\"f\"}}",
		"{\"id\":\"a\",\"provider_specific_fields\":{\"thought_signature\":\"QUJD\"},"
		"\"function\":{\"name\":\"f\"}}",
		"{\"id\":\"a\",\"provider_specific_fields\":{\"thought_signatures\":[\"QUJD\","
		"\"x\"]},"
		"\"function\":{\"name\":\"f\"}}",
		"{\"id\":\"a\",\"function\":{\"name\":\"f\",\"provider_specific_fields\":"
		"{\"thought_signature\":\"QUJD\"}}}",
		"{\"id\":\"a__thought__QUJD\",\"function\":{\"name\":\"f\"}}",
		/* The better place wins, rubbish is passed over, so is what is no text. */
		"{\"id\":\"a__thought__WFla\",\"thought_signature\":\"WFla\"," GOOGLE(
		    "\"thought_signature\":\"QUJD\"") ",\"function\":{\"name\":\"f\"}}",
		"{\"id\":\"a\",\"function\":{\"name\":\"f\",\"thought_signature\":\"no!\"}," GOOGLE(
		    "\"thought_signature\":7,\"thoughtSignature\":\"\"") ",\"thought_signature\":"
									 "\"QUJD\"}",
	};
	struct world *w = *state;

	ask(w, "gemini-3.5-flash", 0);
	for (size_t i = 0; i < COUNT(calls); i++) {
		char messages[512];

		snprintf(messages, sizeof(messages),
		    "[" USER "," CALLS("%s") "," TOOL("a", "1") "]", calls[i]);
		assert_string_equal(made(w, messages),
		    CONTENTS(HI "," BY("model", "{\"functionCall\":{\"name\":\"f\",\"args\":{}},"
						"\"thoughtSignature\":\"QUJD\"}") "," BY("user",
			FR("f", "{\"output\":1}"))));
	}
}

/* A tool round trip: the client dropped extra_content, and answers in another order. */
#define ROUND_TRIP                                                                                 \
	"[" SAYS("system", "Be terse.") "," SAYS(                                                  \
	    "user", "Weather in Paris and London?") "," CALLS(CALL("call_AAA", "get_temp",         \
	    "{\\\"city\\\":\\\"Paris\\\"}") "," CALL("call_BBB", "get_temp",                       \
	    "{\\\"city\\\":\\\"London\\\"}")) "," TOOL("call_BBB",                                 \
	    "{\\\"c\\\":12}") "," TOOL("call_AAA", "15 degrees") "]"
#define PARIS  "\"args\":{\"city\":\"Paris\"}}"
#define LONDON "\"args\":{\"city\":\"London\"}}"
#define ASKED  BY("user", T("Weather in Paris and London?"))
#define TEMPS(model)                                                                               \
	CONTENTS(ASKED "," BY("model", model) "," BY("user",                                       \
	    FR("get_temp", "{\"output\":\"15 degrees\"}") "," FR("get_temp", "{\"c\":12}")))       \
	INSTRUCTION(T("Be terse."))

static void
a_tool_round_trip_whose_calls_are_remembered(void **state)
{
	struct world *w = *state;

	w->remembers = true;
	ask(w, "gemini-3.5-flash", 0);
	assert_string_equal(made(w, ROUND_TRIP),
	    CONTENTS(ASKED "," BY("model",
		"{\"functionCall\":{\"id\":\"fc-1\",\"name\":\"get_temp\"," PARIS
		",\"thoughtSignature\":\"QUJD\"},"
		"{\"functionCall\":{\"id\":\"fc-2\",\"name\":\"get_temp\"," LONDON
		"}") "," BY("user", "{\"functionResponse\":{\"id\":\"fc-1\",\"name\":\"get_temp\","
				    "\"response\":{\"output\":\"15 degrees\"}}},"
				    "{\"functionResponse\":{\"id\":\"fc-2\",\"name\":\"get_temp\","
				    "\"response\":{\"c\":12}}}")) INSTRUCTION(T("Be terse.")));
}

static void
a_tool_round_trip_of_which_nothing_is_known(void **state)
{
	struct world *w = *state;

	ask(w, "gemini-3.5-flash", 0);
	assert_string_equal(made(w, ROUND_TRIP),
	    TEMPS("{\"functionCall\":{\"name\":\"get_temp\"," PARIS
		  ",\"thoughtSignature\":\"skip_thought_signature_validator\"},"
		  "{\"functionCall\":{\"name\":\"get_temp\"," LONDON "}"));
}

static void
a_tool_round_trip_before_gemini_3_needs_no_signature(void **state)
{
	assert_string_equal(made(*state, ROUND_TRIP),
	    TEMPS("{\"functionCall\":{\"name\":\"get_temp\"," PARIS
		  "},{\"functionCall\":{\"name\":\"get_temp\"," LONDON "}"));
}

/* The history was written by another model: the second answer to it has no signature of ours. */
static void
a_tool_round_trip_whose_signatures_were_refused(void **state)
{
	struct world *w = *state;

	w->remembers = true;
	ask(w, "gemini-3.5-flash", LACKS(SIGNATURES));
	assert_non_null(strstr(made(w, ROUND_TRIP),
	    PARIS ",\"thoughtSignature\":\"skip_thought_signature_validator\"}"));
	assert_null(strstr(w->json.data, "QUJD"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(arguments_become_an_object),
		TEST(arguments_that_are_nested_too_deeply_are_text),
		TEST(calls_of_tools_become_calls_of_functions),
		TEST(calls_that_cannot_be_understood_are_refused_with_their_place),
		TEST(a_call_has_the_name_that_its_tool_is_sent_by),
		TEST(arguments_of_a_wrapped_tool_are_wrapped),
		TEST(what_a_tool_says_becomes_an_object),
		TEST(images_of_a_tool_stand_in_its_result_since_gemini_3),
		TEST(images_in_a_result_have_neither_resolution_nor_metadata),
		TEST(images_of_a_tool_follow_its_result_before_gemini_3),
		TEST(parts_in_googles_own_words_stand_beside_the_response),
		TEST(results_without_calls_are_told_as_text),
		TEST(results_follow_their_calls_whatever_stands_between),
		TEST(every_medium_that_is_fetched_has_a_place),
		TEST(a_signature_is_found_wherever_a_client_leaves_it),
		TEST(a_tool_round_trip_whose_calls_are_remembered),
		TEST(a_tool_round_trip_of_which_nothing_is_known),
		TEST(a_tool_round_trip_before_gemini_3_needs_no_signature),
		TEST(a_tool_round_trip_whose_signatures_were_refused),
	};

	return cmocka_run_group_tests_name("dialect/openai_message_calls", tests, NULL, NULL);
}
