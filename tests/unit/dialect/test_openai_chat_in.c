/*
 * Requests of chat completions, row by row: what a client sends and what Gemini gets of it.
 */
#include "dialect/openai_chat.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* Decodes from an allocation of the very size, so that a read past its end is seen.  It lives
 * as long as the test, as the body of an exchange does. */
static bool
decode(const char *json, size_t len, struct call *c, struct err *e)
{
	struct dialect_request req = { .op = OP_GENERATE };

	req.body = arena_span(arena, span_mem(json, len));
	*e = ERR_INIT;
	return openai_chat_decode(&req, arena, c, e);
}

static struct call
decoded(const char *json)
{
	struct call c;
	struct err e;

	if (!decode(json, strlen(json), &c, &e))
		fail_msg("%s: %s", json, e.text);
	assert_true(scan_check(c.body, NULL, NULL));
	return c;
}

static struct err
refused(const char *json)
{
	struct call c;
	struct err e;

	if (decode(json, strlen(json), &c, &e))
		fail_msg("not refused: %s", json);
	return e;
}

#define MODEL "\"model\":\"gemini-2.5-flash\""
#define USER  "{\"role\":\"user\",\"content\":\"hi\"}"
#define ASK   MODEL ",\"messages\":[" USER "]"
#define HI    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"

/* ---- messages ---- */

#define SYSTEM_IS(parts)  ",\"systemInstruction\":{\"parts\":[" parts "]}"
#define TURN(role, parts) "{\"role\":\"" role "\",\"parts\":[" parts "]}"
#define T(text)           "{\"text\":\"" text "\"}"

static void
messages_become_contents(void **state)
{
	static const struct {
		const char *name, *messages, *body;
	} rows[] = {
		{ "one question", USER, "[" TURN("user", T("hi")) "]" },
		{ "a conversation", USER ",{\"role\":\"assistant\",\"content\":\"yes?\"}," USER,
		    "[" TURN("user", T("hi")) "," TURN("model", T("yes?")) "," TURN(
			"user", T("hi")) "]" },
		{ "a leading system message",
		    "{\"role\":\"system\",\"content\":\"Be terse.\"}," USER,
		    "[" TURN("user", T("hi")) "]" SYSTEM_IS(T("Be terse.")) },
		{ "several, one part each",
		    "{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"developer\","
		    "\"content\":[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\",\"text\":"
		    "\"c\"}]}," USER,
		    "[" TURN("user", T("hi")) "]" SYSTEM_IS(T("a") "," T("b") "," T("c")) },
		{ "a late system message stays in its place",
		    USER ",{\"role\":\"system\",\"content\":\"now\"}," USER,
		    "[" TURN("user", T("hi")) "," TURN("user", T("now")) "," TURN(
			"user", T("hi")) "]" },
		{ "system messages alone",
		    "{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"system\","
		    "\"content\":\"b\"}",
		    "[" TURN("user", T("a") "," T("b")) "]" },
		{ "an empty system message", "{\"role\":\"system\",\"content\":\"\"}," USER,
		    "[" TURN("user", T("hi")) "]" },
		{ "an empty late one", USER ",{\"role\":\"system\",\"content\":\"\"}",
		    "[" TURN("user", T("hi")) "]" },
		{ "text parts",
		    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
		    "{\"text\":\"b\",\"type\":\"text\",\"prompt_cache_breakpoint\":{}}]}",
		    "[" TURN("user", T("a") "," T("b")) "]" },
		{ "empty parts are dropped",
		    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"},"
		    "{\"type\":\"text\",\"text\":\"b\"}]}",
		    "[" TURN("user", T("b")) "]" },
		{ "nothing said", "{\"role\":\"user\",\"content\":\"\"}",
		    "[" TURN("user", T(" ")) "]" },
		{ "no parts at all", "{\"role\":\"user\",\"content\":[]}",
		    "[" TURN("user", T(" ")) "]" },
		{ "the role behind the content",
		    "{\"content\":\"x\",\"role\":\"system\"},{\"content\":\"y\","
		    "\"role\":\"user\"}",
		    "[" TURN("user", T("y")) "]" SYSTEM_IS(T("x")) },
		{ "escapes stay as they are",
		    "{\"role\":\"user\",\"content\":\"\\u00e9\\n\\\"\\/ \xC3\xA9\"}",
		    "[" TURN("user", T("\\u00e9\\n\\\"\\/ \xC3\xA9")) "]" },
		{ "an escaped role", "{\"r\\u006fle\":\"us\\u0065r\",\"content\":\"x\"}",
		    "[" TURN("user", T("x")) "]" },
		{ "an assistant that said nothing",
		    USER ",{\"role\":\"assistant\",\"content\":null}," USER,
		    "[" TURN("user", T("hi")) "," TURN("user", T("hi")) "]" },
		{ "an assistant without content",
		    USER ",{\"role\":\"assistant\"},{\"role\":\"assistant\","
			 "\"content\":\"\"},{\"role\":\"assistant\",\"content\":[]}",
		    "[" TURN("user", T("hi")) "]" },
		{ "a refusal is text",
		    USER ",{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"}",
		    "[" TURN("user", T("hi")) "," TURN("model", T("no")) "]" },
		{ "a refusal part is text",
		    USER ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
			 "\"text\":\"a\"},{\"type\":\"refusal\",\"refusal\":\"no\"}]}",
		    "[" TURN("user", T("hi")) "," TURN("model", T("a") "," T("no")) "]" },
		{ "what the assistant thought is dropped",
		    USER ",{\"role\":\"assistant\",\"content\":\"a\","
			 "\"reasoning_content\":\"x\",\"audio\":{\"id\":\"y\"},\"name\":\"z\","
			 "\"tool_calls\":[],"
			 "\"function_call\":null}",
		    "[" TURN("user", T("hi")) "," TURN("model", T("a")) "]" },
		{ "the last content wins",
		    "{\"role\":\"assistant\",\"content\":\"x\",\"role\":\"user\","
		    "\"content\":\"y\"}",
		    "[" TURN("user", T("y")) "]" },
		{ "a last word of the assistant stays",
		    USER ",{\"role\":\"assistant\",\"content\":\"The\"}",
		    "[" TURN("user", T("hi")) "," TURN("model", T("The")) "]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf in = BUF_INIT, want = BUF_INIT;
		struct call c;

		buf_printf(&in, "{" MODEL ",\"messages\":[%s]}", rows[i].messages);
		buf_printf(&want, "{\"contents\":%s}", rows[i].body);
		c = decoded(buf_text(&in));
		if (!span_eq(c.body, buf_span(&want)))
			fail_msg("%s: %.*s", rows[i].name, SPAN_ARG(c.body));
		buf_fini(&in);
		buf_fini(&want);
	}
}

static void
messages_that_cannot_be_translated_name_the_place(void **state)
{
	static const struct {
		const char *messages, *field, *words;
	} rows[] = {
		{ "7", "messages[0]", "must be an object" },
		{ USER ",null", "messages[1]", "must be an object" },
		{ "{\"content\":\"x\"}", "messages[0].role", "missing" },
		{ "{\"role\":7,\"content\":\"x\"}", "messages[0].role", "string" },
		{ "{\"role\":\"robot\",\"content\":\"x\"}", "messages[0].role", "no known role" },
		{ "{\"role\":\"user\"}", "messages[0].content", "string or a list" },
		{ "{\"role\":\"user\",\"content\":null}", "messages[0].content",
		    "string or a list" },
		{ "{\"role\":\"user\",\"content\":7}", "messages[0].content", "string or a list" },
		{ "{\"role\":\"system\"}", "messages[0].content", "string or a list" },
		{ USER ",{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},7]}",
		    "messages[1].content[1]", "must be an object" },
		{ "{\"role\":\"user\",\"content\":[{\"text\":\"a\"}]}",
		    "messages[0].content[0].type", "missing" },
		{ "{\"role\":\"user\",\"content\":[{\"type\":7}]}", "messages[0].content[0].type",
		    "string" },
		{ "{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}",
		    "messages[0].content[0].text", "missing" },
		{ "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":null}]}",
		    "messages[0].content[0].text", "string" },
		{ "{\"role\":\"user\",\"content\":[{\"type\":\"hologram\"}]}",
		    "messages[0].content[0].type", "no known type" },
		{ "{\"role\":\"user\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"a\"}]}",
		    "messages[0].content[0].type", "assistant alone" },
		/* What changes the answer and is not translated. */
		{ "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
		  "\"x\"}}]}",
		    "messages[0].content[0].type", "not supported by this build" },
		{ USER "," USER ",{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}",
		    "messages[2].content[0].type", "not supported by this build" },
		{ "{\"role\":\"user\",\"content\":[{\"type\":\"file\"}]}",
		    "messages[0].content[0].type", "not supported by this build" },
		{ USER ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"x\"}]}",
		    "messages[1].tool_calls", "not supported by this build" },
		{ USER ",{\"role\":\"assistant\",\"function_call\":{\"name\":\"x\"}}",
		    "messages[1].function_call", "not supported by this build" },
		{ USER ",{\"role\":\"tool\",\"tool_call_id\":\"x\",\"content\":\"y\"}",
		    "messages[1].role", "not supported by this build" },
		{ "{\"role\":\"function\",\"name\":\"x\",\"content\":\"y\"}", "messages[0].role",
		    "not supported by this build" },
		/* Nothing to answer. */
		{ "", "messages", "nothing" },
		{ "{\"role\":\"system\",\"content\":\"\"}", "messages", "nothing" },
		{ "{\"role\":\"assistant\",\"content\":null}", "messages", "nothing" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf in = BUF_INIT;
		struct err e;

		buf_printf(&in, "{\"messages\":[%s]," MODEL "}", rows[i].messages);
		e = refused(buf_text(&in));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
		if (strstr(e.text, rows[i].words) == NULL)
			fail_msg("%s: %s", rows[i].messages, e.text);
		buf_fini(&in);
	}
}

static void
ten_thousand_messages_are_fine(void **state)
{
	struct buf in = BUF_INIT;
	struct call c;

	(void)state;
	buf_add_lit(&in, "{" MODEL ",\"messages\":[");
	for (int i = 0; i < 10000; i++)
		buf_printf(&in, "%s{\"role\":\"%s\",\"content\":\"message %d\"}", i ? "," : "",
		    i % 2 ? "assistant" : "user", i);
	buf_add_lit(&in, "]}");
	c = decoded(buf_text(&in));
	assert_true(span_ends(c.body, TURN("model", T("message 9999")) "]}"));
	buf_fini(&in);
}

static void
one_message_may_have_many_parts(void **state)
{
	struct buf in = BUF_INIT;
	struct call c;

	(void)state;
	buf_add_lit(&in, "{" MODEL ",\"messages\":[{\"role\":\"user\",\"content\":[");
	for (int i = 0; i < 1000; i++)
		buf_printf(&in, "%s{\"type\":\"text\",\"text\":\"p%d\"}", i ? "," : "", i);
	buf_add_lit(&in, "]}]}");
	c = decoded(buf_text(&in));
	assert_true(span_has(c.body, T("p0") "," T("p1")));
	assert_true(span_ends(c.body, T("p998") "," T("p999") "]}]}"));
	buf_fini(&in);
}

/* ---- the other fields ---- */

static void
model_may_come_last_and_is_bare_upstream(void **state)
{
	struct call c =
	    decoded("{\"messages\":[" USER "],\"model\":\"models\\/gemini-2.5-flash\"}");

	(void)state;
	assert_true(span_is(c.model, "gemini-2.5-flash"));
	assert_true(span_is(c.model_asked, "models/gemini-2.5-flash"));
	assert_true(span_is(c.body, HI "}"));
	assert_int_equal(c.op, OP_GENERATE);
	assert_int_equal(c.framing, FRAMING_UNARY);
	assert_false(c.stream);
	assert_int_equal(c.query.len, 0);
}

static void
a_stream_is_asked_for_as_events(void **state)
{
	struct call c =
	    decoded("{" ASK ",\"stream\":true,\"stream_options\":{\"include_usage\":true,"
		    "\"include_obfuscation\":false}}");
	const struct chat_notes *notes = c.notes;
	struct buf url = BUF_INIT;

	(void)state;
	assert_true(c.stream);
	assert_int_equal(c.op, OP_STREAM);
	assert_int_equal(c.framing, FRAMING_SSE);
	assert_true(notes->include_usage);
	assert_false(notes->logprobs);
	call_url(&c, "", &url);
	assert_string_equal(
	    buf_text(&url), "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
	buf_fini(&url);
}

static void
parameters_become_the_generation_config(void **state)
{
	struct call c =
	    decoded("{\"max_tokens\":70000,\"temperature\":0.5,\"logprobs\":true," ASK "}");
	const struct chat_notes *notes = c.notes;

	(void)state;
	assert_true(span_is(c.body,
	    HI ",\"generationConfig\":{\"temperature\":0.5,\"maxOutputTokens\":65536,"
	       "\"responseLogprobs\":true}}"));
	assert_true(notes->logprobs);
}

static void
the_last_of_several_wins(void **state)
{
	struct call c =
	    decoded("{\"messages\":[{\"role\":\"system\",\"content\":\"old\"}," USER "," USER "],"
		    "\"stream\":true,\"model\":\"a\"," ASK ",\"stream\":false}");

	(void)state;
	assert_true(span_is(c.model, "gemini-2.5-flash"));
	assert_true(span_is(c.body, HI "}"));
	assert_false(c.stream);
}

static void
what_has_no_effect_is_named_where_one_would_expect_it(void **state)
{
	static const struct {
		const char *fields, *ignored;
	} rows[] = {
		{ "\"reasoning_effort\":\"low\"", "reasoning_effort" },
		{ "\"verbosity\":\"low\"", "verbosity" },
		{ "\"logit_bias\":{\"50256\":-100}", "logit_bias" },
		{ "\"logit_bias\":{}", "" },
		{ "\"prediction\":{\"type\":\"content\"}", "prediction" },
		{ "\"web_search_options\":{}", "web_search_options" },
		{ "\"parallel_tool_calls\":false", "parallel_tool_calls" },
		{ "\"parallel_tool_calls\":true", "" },
		{ "\"service_tier\":\"flex\"", "service_tier" },
		{ "\"service_tier\":\"priority\"", "service_tier" },
		{ "\"service_tier\":\"auto\"", "" },
		{ "\"extra_body\":{\"google\":{\"a\":1}}", "extra_body" },
		{ "\"google\":{\"a\":1}", "google" },
		{ "\"reasoning_effort\":null,\"verbosity\":null,\"google\":null,\"service_tier\":"
		  "null,"
		  "\"parallel_tool_calls\":null,\"web_search_options\":null",
		    "" },
		{ "\"verbosity\":\"low\",\"reasoning_effort\":\"low\",\"verbosity\":\"high\"",
		    "verbosity, reasoning_effort" },
		{ "\"user\":\"u\",\"metadata\":{\"a\":\"b\"},\"store\":true,\"safety_identifier\":"
		  "\"x\","
		  "\"prompt_cache_key\":\"k\",\"prompt_cache_retention\":\"24h\",\"moderation\":{}",
		    "" },
		{ "\"something_new\":[{\"a\":1}]", "" },
		{ "\"tools\":[],\"functions\":[],\"tools\":null", "" },
		{ "\"tool_choice\":\"none\",\"function_call\":\"auto\",\"tool_choice\":null", "" },
		{ "\"modalities\":[\"text\"],\"audio\":null", "" },
		{ "\"modalities\":null,\"stream\":null,\"stream_options\":null", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf in = BUF_INIT;
		struct call c;

		buf_printf(&in, "{%s," ASK "}", rows[i].fields);
		c = decoded(buf_text(&in));
		if (!span_is(c.ignored, rows[i].ignored))
			fail_msg("%s: %.*s", rows[i].fields, SPAN_ARG(c.ignored));
		assert_true(span_is(c.body, HI "}"));
		buf_fini(&in);
	}
}

static void
what_changes_the_answer_and_is_not_translated_is_refused(void **state)
{
	static const struct {
		const char *fields, *field;
	} rows[] = {
		{ "\"tools\":[{\"type\":\"function\"}]", "tools" },
		{ "\"functions\":[{\"name\":\"f\"}]", "functions" },
		{ "\"tool_choice\":\"required\"", "tool_choice" },
		{ "\"tool_choice\":{\"type\":\"function\"}", "tool_choice" },
		{ "\"function_call\":{\"name\":\"f\"}", "function_call" },
		{ "\"modalities\":[\"text\",\"audio\"]", "modalities[1]" },
		{ "\"audio\":{\"voice\":\"alloy\"}", "audio" },
		{ "\"response_format\":{\"type\":\"json_schema\"}", "response_format.type" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf in = BUF_INIT;
		struct err e;

		buf_printf(&in, "{%s," ASK "}", rows[i].fields);
		e = refused(buf_text(&in));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
		assert_non_null(strstr(e.text, "not supported by this build"));
		buf_fini(&in);
	}
}

static void
wrong_types_name_their_field(void **state)
{
	static const struct {
		const char *json, *field;
	} rows[] = {
		{ "{\"messages\":[" USER "]}", "model" },
		{ "{\"messages\":[" USER "],\"model\":\"\"}", "model" },
		{ "{\"messages\":[" USER "],\"model\":null}", "model" },
		{ "{\"messages\":[" USER "],\"model\":7}", "model" },
		{ "{" MODEL "}", "messages" },
		{ "{" MODEL ",\"messages\":null}", "messages" },
		{ "{" MODEL ",\"messages\":{}}", "messages" },
		{ "{" MODEL ",\"messages\":[]}", "messages" },
		{ "{" ASK ",\"stream\":\"yes\"}", "stream" },
		{ "{" ASK ",\"stream_options\":true}", "stream_options" },
		{ "{" ASK ",\"stream_options\":{\"include_usage\":1}}",
		    "stream_options.include_usage" },
		{ "{" ASK ",\"modalities\":\"text\"}", "modalities" },
		{ "{" ASK ",\"modalities\":[7]}", "modalities[0]" },
		{ "{" ASK ",\"temperature\":3}", "temperature" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = refused(rows[i].json);

		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
	}
}

static void
an_impossible_model_is_not_found(void **state)
{
	struct err e = refused("{\"messages\":[" USER "],\"model\":\"../../etc/passwd\"}");

	(void)state;
	assert_int_equal(e.kind, ERR_MODEL_NOT_FOUND);
}

static void
text_that_is_not_json_is_told_with_its_place(void **state)
{
	static const struct {
		const char *json, *words;
	} rows[] = {
		{ "", "not JSON" },
		{ "hello", "at byte 0" },
		{ "[1]", "must be a JSON object" },
		{ "{" ASK ",}", "not JSON" },
		{ "{" ASK "} x", "not JSON" },
		{ "{" ASK ",\"temperature\":\"x\xff\"}", "temperature" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", "at byte 39" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"a\nb\"}]}",
		    "control character" },
		{ "{\"a\":{\"b\":[1,2}}", "at byte 14" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = refused(rows[i].json);

		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		if (strstr(e.text, rows[i].words) == NULL)
			fail_msg("%s: %s", rows[i].json, e.text);
	}
}

static void
no_cut_of_a_request_is_taken_for_one(void **state)
{
	static const char json[] =
	    "{" MODEL
	    ",\"stop\":[\"a\"],\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\","
	    "\"text\":\"\\u00e9\"}]}," USER
	    "],\"stream_options\":{\"include_usage\":true},\"modalities\":"
	    "[\"text\"],\"response_format\":{\"type\":\"json_object\"},\"tool_choice\":\"none\"}";
	struct call c;
	struct err e;

	(void)state;
	for (size_t len = 0; len < sizeof(json) - 1; len++) {
		assert_false(decode(json, len, &c, &e));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
	}
	assert_true(decode(json, sizeof(json) - 1, &c, &e));
}

static void
an_error_tells_nothing_of_what_was_said(void **state)
{
	static const char *const rows[] = {
		"{" MODEL ",\"messages\":[{\"role\":\"user\",\"content\":\"sesame\x01\"}]}",
		"{" MODEL ",\"messages\":[{\"role\":\"sesame\",\"content\":\"sesame\"}]}",
		"{" MODEL
		",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"sesame\"}]}]}",
		"{" ASK ",\"response_format\":{\"type\":\"sesame\"}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_null(strstr(refused(rows[i]).text, "sesame"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_become_contents),
		cmocka_unit_test(messages_that_cannot_be_translated_name_the_place),
		cmocka_unit_test(ten_thousand_messages_are_fine),
		cmocka_unit_test(one_message_may_have_many_parts),
		cmocka_unit_test(model_may_come_last_and_is_bare_upstream),
		cmocka_unit_test(a_stream_is_asked_for_as_events),
		cmocka_unit_test(parameters_become_the_generation_config),
		cmocka_unit_test(the_last_of_several_wins),
		cmocka_unit_test(what_has_no_effect_is_named_where_one_would_expect_it),
		cmocka_unit_test(what_changes_the_answer_and_is_not_translated_is_refused),
		cmocka_unit_test(wrong_types_name_their_field),
		cmocka_unit_test(an_impossible_model_is_not_found),
		cmocka_unit_test(text_that_is_not_json_is_told_with_its_place),
		cmocka_unit_test(no_cut_of_a_request_is_taken_for_one),
		cmocka_unit_test(an_error_tells_nothing_of_what_was_said),
	};

	return cmocka_run_group_tests_name("dialect/openai_chat_in", tests, setup, teardown);
}
