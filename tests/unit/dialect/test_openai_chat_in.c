/*
 * Requests of chat completions, row by row: what a client sends and what Gemini gets of it.  What
 * one room alone is about is tested with it; here they meet.
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

static struct dialect_options options; /* zeroed between tests */
static struct dialect_house house;

static int
forget(void **state)
{
	(void)state;
	options = (struct dialect_options){ .late_system = LATE_SYSTEM_INLINE };
	house = (struct dialect_house){ .ctx = NULL };
	arena_reset(arena);
	return 0;
}

/* Decodes from an allocation of the very size, so that a read past its end is seen.  It lives
 * as long as the test, as the body of an exchange does. */
static bool
decode(const char *json, size_t len, struct call *c, struct err *e)
{
	struct dialect_request req = { .op = OP_GENERATE, .options = &options, .house = &house };

	req.body = arena_span(arena, span_mem(json, len));
	*e = ERR_INIT;
	return openai_chat_decode(&req, arena, c, e);
}

static const char *
text_of(const struct body *b)
{
	struct buf flat = BUF_INIT;
	const char *text;

	body_flatten(b, &flat);
	assert_true(scan_check(buf_span(&flat), NULL, NULL));
	text = arena_dup_span(arena, buf_span(&flat));
	buf_fini(&flat);
	return text;
}

static struct call
decoded(const char *json)
{
	struct call c;
	struct err e;

	if (!decode(json, strlen(json), &c, &e))
		fail_msg("%s: %s", json, e.text);
	assert_true(c.parts >= 1 && c.choices >= 1);
	return c;
}

/* The body that goes upstream. */
static const char *
sent(const char *json)
{
	struct call c = decoded(json);

	return text_of(&c.bodies[0]);
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

#define MODEL    "\"model\":\"gemini-2.5-flash\""
#define THREE    "\"model\":\"gemini-3.5-flash\""
#define USER     "{\"role\":\"user\",\"content\":\"hi\"}"
#define SAY      "\"messages\":[" USER "]"
#define ASK      MODEL "," SAY
#define HI       "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"
#define TOOLS    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define DECLARED "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}"

#define SYSTEM_IS(parts)  ",\"systemInstruction\":{\"parts\":[" parts "]}"
#define TURN(role, parts) "{\"role\":\"" role "\",\"parts\":[" parts "]}"
#define T(text)           "{\"text\":\"" text "\"}"

/* What comes of a request: its body, and what is named as without effect. */
struct row {
	const char *name, *json, *body, *ignored;
};

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct call c = decoded(rows[i].json);
		const char *body = text_of(&c.bodies[0]);

		if (strcmp(body, rows[i].body) != 0)
			fail_msg("%s: %s", rows[i].name, body);
		if (!span_is(c.ignored, rows[i].ignored))
			fail_msg("%s: ignored %.*s", rows[i].name, SPAN_ARG(c.ignored));
	}
}

/* ---- the whole ---- */

/* Mapping 12.1. */
#define ROUND_TRIP(model)                                                                          \
	"{\"model\":\"" model "\",\"messages\":["                                                  \
	"{\"role\":\"system\",\"content\":\"Be terse.\"},"                                         \
	"{\"role\":\"user\",\"content\":\"Weather in Paris and London?\"},"                        \
	"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["                                \
	"{\"id\":\"call_AAA\",\"type\":\"function\",\"function\":{\"name\":\"get_temp\","          \
	"\"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"}},"                                        \
	"{\"id\":\"call_BBB\",\"type\":\"function\",\"function\":{\"name\":\"get_temp\","          \
	"\"arguments\":\"{\\\"city\\\":\\\"London\\\"}\"}}]},"                                     \
	"{\"role\":\"tool\",\"tool_call_id\":\"call_BBB\",\"content\":\"{\\\"c\\\":12}\"},"        \
	"{\"role\":\"tool\",\"tool_call_id\":\"call_AAA\",\"content\":\"15 degrees\"}],"           \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_temp\",\"parameters\":"    \
	"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":"       \
	"[\"city\"]}}}]}"

#define ROUND_TRIP_SENT(id1, id2, signature)                                                       \
	"{\"contents\":["                                                                          \
	"{\"role\":\"user\",\"parts\":[{\"text\":\"Weather in Paris and London?\"}]},"             \
	"{\"role\":\"model\",\"parts\":["                                                          \
	"{\"functionCall\":{" id1 "\"name\":\"get_temp\",\"args\":{\"city\":\"Paris\"}}" signature \
	"},"                                                                                       \
	"{\"functionCall\":{" id2 "\"name\":\"get_temp\",\"args\":{\"city\":\"London\"}}}]},"      \
	"{\"role\":\"user\",\"parts\":["                                                           \
	"{\"functionResponse\":{" id1 "\"name\":\"get_temp\",\"response\":{\"output\":"            \
	"\"15 degrees\"}}},"                                                                       \
	"{\"functionResponse\":{" id2 "\"name\":\"get_temp\",\"response\":{\"c\":12}}}]}],"        \
	"\"systemInstruction\":{\"parts\":[{\"text\":\"Be terse.\"}]},"                            \
	"\"tools\":[{\"functionDeclarations\":[{\"name\":\"get_temp\",\"parametersJsonSchema\":"   \
	"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":"       \
	"[\"city\"]}}]}]}"

#define SIGNED(signature) ",\"thoughtSignature\":\"" signature "\""

static bool
recall_both(void *ctx, struct span id, struct arena *a, struct signed_call *out)
{
	bool first = span_is(id, "call_AAA");

	(void)ctx;
	(void)a;
	*out = (struct signed_call){ .id = id,
		.upstream_id = first ? SPAN("fc-1") : SPAN("fc-2"),
		.name = SPAN("get_temp"),
		.args = first ? SPAN("{\"city\":\"Paris\"}") : SPAN("{\"city\":\"London\"}"),
		.signature = first ? SPAN("QUJD") : SPAN_NONE,
		.step_index = first ? 0 : 1,
		.model = SPAN("gemini-3.5-flash") };
	return first || span_is(id, "call_BBB");
}

static void
a_round_of_tools_gets_its_ids_and_signatures_back(void **state)
{
	(void)state;
	house.recall = recall_both;
	assert_string_equal(sent(ROUND_TRIP("gemini-3.5-flash")),
	    ROUND_TRIP_SENT("\"id\":\"fc-1\",", "\"id\":\"fc-2\",", SIGNED("QUJD")));
}

static void
a_round_of_tools_that_nobody_remembers_gets_the_placeholder(void **state)
{
	(void)state;
	assert_string_equal(sent(ROUND_TRIP("gemini-3.5-flash")),
	    ROUND_TRIP_SENT("", "", SIGNED("skip_thought_signature_validator")));
	assert_string_equal(sent(ROUND_TRIP("gemini-2.5-flash")), ROUND_TRIP_SENT("", "", ""));
}

static void
everything_has_its_place_in_the_body(void **state)
{
	(void)state;
	options.safety_default = SAFETY_NONE;
	assert_string_equal(
	    sent("{\"service_tier\":\"flex\",\"extra_body\":{\"google\":{\"safety_settings\":[{"
		 "\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"OFF\"}],\"tools\":[{"
		 "\"urlContext\":{}}]}},\"temperature\":0,\"tool_choice\":\"required\"," TOOLS
		 "," THREE ",\"messages\":[{\"role\":\"developer\",\"content\":\"s\"}," USER "]}"),
	    HI SYSTEM_IS(T("s")) "," DECLARED
				 ",{\"urlContext\":{}}],\"toolConfig\":{\"functionCallingConfig\":"
				 "{\"mode\":\"ANY\"},\"includeServerSideToolInvocations\":true},"
				 "\"generationConfig\":{\"temperature\":0},"
				 "\"safetySettings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\","
				 "\"threshold\":\"OFF\"},"
				 "{\"category\":\"HARM_CATEGORY_HATE_SPEECH\",\"threshold\":"
				 "\"BLOCK_NONE\"},"
				 "{\"category\":\"HARM_CATEGORY_SEXUALLY_EXPLICIT\",\"threshold\":"
				 "\"BLOCK_NONE\"},"
				 "{\"category\":\"HARM_CATEGORY_DANGEROUS_CONTENT\",\"threshold\":"
				 "\"BLOCK_NONE\"}],"
				 "\"serviceTier\":\"flex\"}");
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
	assert_true(
	    span_ends(span_of(text_of(&c.bodies[0])), TURN("model", T("message 9999")) "]}"));
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
	assert_true(span_has(span_of(text_of(&c.bodies[0])), T("p0") "," T("p1")));
	assert_true(span_ends(span_of(text_of(&c.bodies[0])), T("p998") "," T("p999") "]}]}"));
	buf_fini(&in);
}

static void
the_last_of_several_wins(void **state)
{
	struct call c =
	    decoded("{\"messages\":[{\"role\":\"system\",\"content\":\"old\"}," USER "," USER "],"
		    "\"stream\":true,\"model\":\"a\"," ASK ",\"stream\":false,\"tools\":[{\"type\":"
		    "\"function\",\"function\":{\"name\":\"f\"}}],\"tools\":null,"
		    "\"parallel_tool_calls\":false,\"parallel_tool_calls\":null}");
	const struct chat_notes *notes = c.notes;

	(void)state;
	assert_true(span_is(c.model, "gemini-2.5-flash"));
	assert_string_equal(text_of(&c.bodies[0]), HI "}");
	assert_false(c.stream);
	assert_false(notes->one_call);
	assert_null(notes->tools);
}

/* ---- model and stream ---- */

static void
model_may_come_last_and_is_bare_upstream(void **state)
{
	struct call c =
	    decoded("{\"messages\":[" USER "],\"model\":\"models\\/gemini-2.5-flash\"}");

	(void)state;
	assert_true(span_is(c.model, "gemini-2.5-flash"));
	assert_true(span_is(c.model_asked, "models/gemini-2.5-flash"));
	assert_string_equal(text_of(&c.bodies[0]), HI "}");
	assert_int_equal(c.op, OP_GENERATE);
	assert_int_equal(c.framing, FRAMING_UNARY);
	assert_false(c.stream);
	assert_int_equal(c.query.len, 0);
	assert_int_equal(c.parts, 1);
	assert_int_equal(c.choices, 1);
	assert_null(c.remotes);
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

/* ---- parameters ---- */

static void
parameters_become_the_generation_config(void **state)
{
	struct call c =
	    decoded("{\"max_tokens\":70000,\"temperature\":0.5,\"logprobs\":true," ASK "}");
	const struct chat_notes *notes = c.notes;

	(void)state;
	assert_string_equal(text_of(&c.bodies[0]),
	    HI ",\"generationConfig\":{\"temperature\":0.5,\"maxOutputTokens\":65536,"
	       "\"responseLogprobs\":true}}");
	assert_true(notes->logprobs);
}

#define CONFIG(members) ",\"generationConfig\":{" members "}"

static void
other_rooms_say_their_part_of_the_generation_config(void **state)
{
	static const struct row rows[] = {
		{ "an effort", "{" ASK ",\"reasoning_effort\":\"low\"}",
		    HI CONFIG("\"thinkingConfig\":{\"thinkingBudget\":1024,\"includeThoughts\":"
			      "true}") "}",
		    "" },
		{ "an effort of a family with levels",
		    "{" THREE "," SAY ",\"reasoning_effort\":\"none\"}",
		    HI CONFIG("\"thinkingConfig\":{\"thinkingLevel\":\"MINIMAL\"}") "}", "" },
		{ "thinking_config at the top",
		    "{" ASK ",\"google\":{\"thinking_config\":{\"thinking_budget\":99}}}",
		    HI CONFIG(
			"\"thinkingConfig\":{\"thinkingBudget\":99,\"includeThoughts\":true}") "}",
		    "" },
		{ "thinking_config in extra_body",
		    "{" THREE "," SAY ",\"extra_body\":{\"google\":{\"thinkingConfig\":{"
		    "\"thinkingLevel\":\"high\",\"includeThoughts\":false}}}}",
		    HI CONFIG("\"thinkingConfig\":{\"thinkingLevel\":\"HIGH\"}") "}", "" },
		{ "an effort that has no effect",
		    "{\"model\":\"gemini-2.0-flash\"," SAY ",\"reasoning_effort\":\"high\"}",
		    HI "}", "reasoning_effort" },
		{ "a format", "{" ASK ",\"response_format\":{\"type\":\"json_object\"}}",
		    HI CONFIG("\"responseMimeType\":\"application/json\"") "}", "" },
		{ "a model of images",
		    "{\"model\":\"gemini-2.5-flash-image\"," SAY
		    ",\"google\":{\"aspect_ratio\":\"16:9\"}}",
		    HI CONFIG("\"responseModalities\":[\"TEXT\",\"IMAGE\"],\"imageConfig\":{"
			      "\"aspectRatio\":\"16:9\"}") "}",
		    "" },
		{ "generation_config last",
		    "{" ASK
		    ",\"google\":{\"generation_config\":{\"top_p\":0.1,\"response_mime_type\":"
		    "\"text/plain\",\"thinking_config\":{\"thinking_budget\":0}}},\"top_p\":1,"
		    "\"response_format\":{\"type\":\"json_object\"}}",
		    HI CONFIG(
			"\"topP\":0.1,\"responseMimeType\":\"text/plain\",\"thinkingConfig\":{"
			"\"thinkingBudget\":0}") "}",
		    "" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
notes_tell_the_answer_what_was_asked(void **state)
{
	struct call c = decoded(
	    "{" ASK "," TOOLS ",\"parallel_tool_calls\":false,\"audio\":{\"format\":\"pcm16\"},"
	    "\"google\":{\"thought_tag_marker\":\"think\"}}");
	const struct chat_notes *n = c.notes;

	(void)state;
	assert_true(n->one_call);
	assert_true(n->raw_audio);
	assert_true(span_is(n->thought_tag, "think"));
	assert_non_null(n->tools);
	assert_int_equal(n->tools->count, 1);
	c = decoded("{" ASK ",\"parallel_tool_calls\":true}");
	n = c.notes;
	assert_false(n->one_call);
	assert_false(n->raw_audio);
	assert_int_equal(n->thought_tag.len, 0);
	assert_null(n->tools);
}

/* ---- several answers ---- */

static void
n_is_one_call_of_several_candidates(void **state)
{
	struct call c = decoded("{" ASK ",\"n\":3}");

	(void)state;
	assert_int_equal(c.parts, 1);
	assert_int_equal(c.choices, 3);
	assert_string_equal(text_of(&c.bodies[0]), HI CONFIG("\"candidateCount\":3") "}");
}

static void
n_is_several_calls_where_the_model_gives_one_answer_at_a_time(void **state)
{
	struct call c = decoded("{" THREE "," SAY ",\"n\":3}");

	(void)state;
	assert_int_equal(c.parts, 3);
	assert_int_equal(c.choices, 1);
	for (size_t i = 0; i < c.parts; i++)
		assert_string_equal(text_of(&c.bodies[i]), HI "}");
	assert_int_equal(c.ignored.len, 0);
}

static void
media_that_is_still_to_come_is_there_for_each_of_several_calls(void **state)
{
	struct call c = decoded(
	    "{" THREE
	    ",\"n\":2,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
	    "\"image_url\":{\"url\":\"https://example.com/a.png\"}}]}]}");

	(void)state;
	assert_int_equal(c.parts, 2);
	assert_non_null(c.remotes);
	assert_null(c.remotes->next);
	*c.remotes->place = SPAN("{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}");
	for (size_t i = 0; i < c.parts; i++)
		assert_non_null(strstr(text_of(&c.bodies[i]),
		    "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}"));
}

static void
more_than_eight_answers_are_refused(void **state)
{
	struct err e = refused("{" ASK ",\"n\":9}");

	(void)state;
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_string_equal(e.field, "n");
}

/* ---- formats beside functions ---- */

/* */
static void
before_gemini_3_functions_beat_a_format_which_is_asked_for_in_words(void **state)
{
	const char *body = sent("{" ASK "," TOOLS ",\"response_format\":{\"type\":\"json_schema\","
				"\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\","
				"\"properties\":{\"a\":{\"type\":\"string\"}}}}}}");

	(void)state;
	assert_non_null(strstr(body, DECLARED));
	assert_null(strstr(body, "responseMimeType"));
	assert_null(strstr(body, "responseJsonSchema"));
	assert_non_null(strstr(body, ",\"systemInstruction\":{\"parts\":[{\"text\":\""));
	assert_non_null(strstr(body, "JSON Schema: {\\\""));
}

static void
from_gemini_3_on_they_stand_beside_each_other(void **state)
{
	const char *body =
	    sent("{" THREE "," SAY "," TOOLS ",\"response_format\":{\"type\":\"json_object\"}}");

	(void)state;
	assert_string_equal(
	    body, HI "," DECLARED "]" CONFIG("\"responseMimeType\":\"application/json\"") "}");
}

/* ---- tools ---- */

static void
tools_and_search_find_their_place(void **state)
{
	static const struct row rows[] = {
		{ "search", "{" ASK ",\"web_search_options\":{}}",
		    HI ",\"tools\":[{\"googleSearch\":{}}]}", "" },
		{ "no search", "{" ASK ",\"web_search_options\":null}", HI "}", "" },
		{ "search and functions from 3 on",
		    "{" THREE "," SAY "," TOOLS ",\"web_search_options\":{}}",
		    HI "," DECLARED ",{\"googleSearch\":{}}],\"toolConfig\":{"
		       "\"includeServerSideToolInvocations\":true}}",
		    "" },
		{ "before 3 functions win", "{" ASK "," TOOLS ",\"web_search_options\":{}}",
		    HI "," DECLARED "]}", "web_search_options" },
		{ "none", "{" ASK "," TOOLS ",\"tool_choice\":\"none\"}",
		    HI "," DECLARED
		       "],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"NONE\"}}}",
		    "" },
		{ "google.tools", "{" ASK ",\"google\":{\"tools\":[{\"codeExecution\":{}}]}}",
		    HI ",\"tools\":[{\"codeExecution\":{}}]}", "" },
		{ "arguments in pieces",
		    "{" ASK "," TOOLS ",\"google\":{\"stream_function_call_arguments\":true}}",
		    HI "," DECLARED "],\"toolConfig\":{\"functionCallingConfig\":{"
		       "\"streamFunctionCallArguments\":true}}}",
		    "" },
		{ "beside a choice",
		    "{" ASK "," TOOLS ",\"tool_choice\":\"required\","
		    "\"google\":{\"streamFunctionCallArguments\":true}}",
		    HI "," DECLARED "],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
		       "\"streamFunctionCallArguments\":true}}}",
		    "" },
		{ "of nothing", "{" ASK ",\"google\":{\"streamFunctionCallArguments\":true}}",
		    HI "}", "" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static bool
know_search(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	size_t suffix = strlen("-search");

	(void)ctx;
	(void)e;
	*out = (struct dialect_model){ .name = bare, .searches = span_ends(bare, "-search") };
	if (out->searches)
		out->name.len -= suffix;
	out->facts = model_facts(out->name);
	return true;
}

static void
a_name_that_ends_in_search_searches(void **state)
{
	static const struct row rows[] = {
		{ "alone", "{\"model\":\"gemini-2.5-flash-search\"," SAY "}",
		    HI ",\"tools\":[{\"googleSearch\":{}}]}", "" },
		{ "beside functions", "{\"model\":\"gemini-2.5-flash-search\"," SAY "," TOOLS "}",
		    HI "," DECLARED "]}", "model" },
		{ "beside a cache",
		    "{\"model\":\"gemini-2.5-flash-search\"," SAY
		    ",\"google\":{\"cached_content\":\"cachedContents/x\"}}",
		    HI ",\"cachedContent\":\"cachedContents/x\"}", "model" },
	};

	(void)state;
	house.model = know_search;
	check_rows(rows, COUNT(rows));
}

/* ---- cached content ---- */

#define CACHED "\"google\":{\"cached_content\":\"cachedContents/x\"}"

static void
a_cache_is_named_to_gemini(void **state)
{
	(void)state;
	assert_string_equal(
	    sent("{" ASK "," CACHED "}"), HI ",\"cachedContent\":\"cachedContents/x\"}");
	/* Alone, the system's words are the user's turn. */
	assert_non_null(strstr(
	    sent("{" MODEL "," CACHED ",\"messages\":[{\"role\":\"system\",\"content\":\"s\"}]}"),
	    "\"cachedContent\""));
	/* Late, they stand in their place. */
	assert_non_null(strstr(sent("{" MODEL "," CACHED ",\"messages\":[" USER
				    ",{\"role\":\"system\",\"content\":\"s\"}," USER "]}"),
	    "\"cachedContent\""));
}

static void
what_lies_in_the_cache_cannot_be_sent_beside_it(void **state)
{
	static const struct {
		const char *fields, *field;
	} rows[] = {
		{ SAY "," TOOLS, "tools" },
		{ SAY ",\"functions\":[{\"name\":\"f\"}]", "functions" },
		{ SAY ",\"tools\":[{\"type\":\"web_search\"}]", "tools" },
		{ SAY ",\"tool_choice\":\"none\"", "tool_choice" },
		{ SAY ",\"web_search_options\":{}", "web_search_options" },
		{ "\"messages\":[{\"role\":\"system\",\"content\":\"s\"}," USER "]",
		    "messages[0]" },
		{ "\"messages\":[{\"content\":\"s\",\"role\":\"developer\"}," USER "]",
		    "messages[0]" },
		{ SAY ",\"extra_body\":{\"google\":{\"tools\":[{\"urlContext\":{}}]}}",
		    "extra_body.google.tools" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf in = BUF_INIT;
		struct err e;

		buf_printf(&in, "{" MODEL "," CACHED ",%s}", rows[i].fields);
		e = refused(buf_text(&in));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
		assert_non_null(strstr(e.text, "cached_content"));
		buf_fini(&in);
	}
	options.late_system = LATE_SYSTEM_HOIST;
	assert_string_equal(refused("{" MODEL "," CACHED ",\"messages\":[" USER
				    ",{\"role\":\"system\",\"content\":\"s\"}]}")
				.field,
	    "messages[1]");
}

/* ---- media ---- */

static void
the_detail_of_images_is_one_for_all_on_2_5(void **state)
{
	const char *body =
	    sent("{" MODEL ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
		 "\"image_url\":{\"url\":\"data:image/png;base64,AAAA\",\"detail\":\"low\"}},"
		 "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\","
		 "\"detail\":\"high\"}}]}]}");

	(void)state;
	assert_non_null(strstr(body, CONFIG("\"mediaResolution\":\"MEDIA_RESOLUTION_HIGH\"")));
}

static void
a_large_image_is_never_copied(void **state)
{
	size_t size = 4u << 20, before;
	struct dialect_request req = { .op = OP_GENERATE };
	struct buf in = BUF_INIT;
	struct call c;
	struct err e;
	bool borrowed = false;

	(void)state;
	buf_add_lit(&in,
	    "{" MODEL ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
	    "\"image_url\":{\"url\":\"data:image/png;base64,");
	buf_reserve(&in, size);
	memset(in.data + in.len, 'A', size);
	in.len += size;
	buf_add_lit(&in, "\"}}]}]}");
	req.body = buf_span(&in);
	before = arena_bytes(arena);
	assert_true(openai_chat_decode(&req, arena, &c, &e));
	assert_true(arena_bytes(arena) - before < 1u << 16);
	for (size_t i = 0; i < c.bodies[0].count; i++)
		borrowed |= c.bodies[0].pieces[i].len == size;
	assert_true(borrowed);
	buf_fini(&in);
}

/* ---- what upstream refused ---- */

static unsigned lacking;

static bool
know_lacking(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	(void)ctx;
	(void)e;
	*out = (struct dialect_model){ .name = bare, .facts = model_facts(bare) };
	out->facts.lacks |= lacking;
	return true;
}

/* the request is translated once more without it. */
static void
what_upstream_refused_is_done_without(void **state)
{
	static const struct {
		const char *refusal;
		struct row row;
	} rows[] = {
		{ "Penalty is not enabled for this model",
		    { "penalties", "{" ASK ",\"presence_penalty\":1,\"seed\":1}",
			HI CONFIG("\"seed\":1") "}", "presence_penalty" } },
		{ "Logprobs is not enabled for this model",
		    { "logprobs", "{" ASK ",\"logprobs\":true}", HI "}", "logprobs" } },
		{ "Multiple candidates is not enabled for this model",
		    { "candidates", "{" ASK ",\"n\":2}", HI "}", "" } },
		{ "Budget 0 is invalid. This model only works in thinking mode.",
		    { "budget",
			"{" ASK ",\"google\":{\"thinking_config\":{\"thinking_budget\":0}}}",
			HI "}", "" } },
		{ "Thinking level is not supported for this model.",
		    { "level", "{" THREE "," SAY ",\"reasoning_effort\":\"low\"}", HI "}",
			"reasoning_effort" } },
		{ "Function calling with a response mime type: 'application/json' is unsupported",
		    { "format",
			"{" THREE "," SAY
			",\"tools\":[],\"response_format\":{\"type\":\"json_object\"}}",
			HI CONFIG("\"responseMimeType\":\"application/json\"") "}", "" } },
		{ "Built-in tools ({google_search}) and Function Calling cannot be combined in the "
		  "same request. Please choose one to continue.",
		    { "search", "{" THREE "," SAY "," TOOLS ",\"web_search_options\":{}}",
			HI "," DECLARED "]}", "web_search_options" } },
	};

	(void)state;
	house.model = know_lacking;
	for (size_t i = 0; i < COUNT(rows); i++) {
		lacking = model_lacks_named(span_of(rows[i].refusal));
		assert_int_not_equal(lacking, 0);
		check_rows(&rows[i].row, 1);
	}
}

/* ---- what is not translated ---- */

static void
what_has_no_effect_is_named_where_one_would_expect_it(void **state)
{
	static const struct {
		const char *fields, *ignored;
	} rows[] = {
		{ "\"verbosity\":\"low\"", "verbosity" },
		{ "\"logit_bias\":{\"50256\":-100}", "logit_bias" },
		{ "\"logit_bias\":{}", "" },
		{ "\"prediction\":{\"type\":\"content\"}", "prediction" },
		{ "\"audio\":{\"voice\":\"Kore\"}", "audio" },
		{ "\"google\":{\"a\":1}", "google.a" },
		{ "\"extra_body\":{\"google\":{\"a\":1}}", "extra_body.google.a" },
		{ "\"extra_body\":{\"other\":{\"a\":1}}", "" },
		{ "\"verbosity\":null,\"google\":null,\"service_tier\":null,\"extra_body\":null,"
		  "\"parallel_tool_calls\":null,\"web_search_options\":null,"
		  "\"reasoning_effort\":null,\"response_format\":null",
		    "" },
		{ "\"verbosity\":\"low\",\"prediction\":1,\"verbosity\":\"high\"",
		    "verbosity, prediction" },
		{ "\"user\":\"u\",\"metadata\":{\"a\":\"b\"},\"store\":true,"
		  "\"safety_identifier\":\"x\",\"prompt_cache_key\":\"k\","
		  "\"prompt_cache_retention\":\"24h\",\"prompt_cache_options\":{},"
		  "\"moderation\":{}",
		    "" },
		{ "\"something_new\":[{\"a\":1}]", "" },
		{ "\"tools\":[],\"functions\":[],\"tools\":null", "" },
		{ "\"service_tier\":\"auto\"", "" },
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
		assert_string_equal(text_of(&c.bodies[0]), HI "}");
		buf_fini(&in);
	}
}

/* ---- bad input ---- */

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
		{ "{" MODEL ",\"messages\":[7]}", "messages[0]" },
		{ "{" ASK ",\"stream\":\"yes\"}", "stream" },
		{ "{" ASK ",\"stream_options\":true}", "stream_options" },
		{ "{" ASK ",\"stream_options\":{\"include_usage\":1}}",
		    "stream_options.include_usage" },
		{ "{" ASK ",\"parallel_tool_calls\":\"no\"}", "parallel_tool_calls" },
		{ "{" ASK ",\"modalities\":\"text\"}", "modalities" },
		{ "{" ASK ",\"temperature\":3}", "temperature" },
		{ "{" ASK ",\"response_format\":7}", "response_format" },
		{ "{" ASK ",\"reasoning_effort\":7}", "reasoning_effort" },
		{ "{" ASK ",\"google\":7}", "google" },
		{ "{" ASK ",\"extra_body\":[]}", "extra_body" },
		{ "{" ASK ",\"extra_body\":{\"google\":7}}", "extra_body.google" },
		{ "{" ASK ",\"tools\":7}", "tools" },
		{ "{" ASK ",\"functions\":7}", "functions" },
		{ "{" ASK ",\"tool_choice\":7}", "tool_choice" },
		{ "{" ASK ",\"web_search_options\":7}", "web_search_options" },
		{ "{" ASK ",\"top_logprobs\":3}", "top_logprobs" },
		{ "{" ASK ",\"reasoning_effort\":\"low\",\"google\":{\"thinking_config\":{"
		  "\"thinking_budget\":1}}}",
		    "reasoning_effort" },
		{ "{" ASK ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}",
		    "tool_choice" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = refused(rows[i].json);

		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		if (strncmp(e.field, rows[i].field, strlen(rows[i].field)) != 0)
			fail_msg("%s: %s", rows[i].json, e.field);
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
what_is_nested_too_deeply_is_refused(void **state)
{
	static const char *const places[] = { "\"x\":", "\"google\":{\"generation_config\":{\"a\":",
		("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
		 "\"a\":") };

	(void)state;
	for (size_t i = 0; i < COUNT(places); i++) {
		struct buf in = BUF_INIT;

		buf_printf(&in, "{" ASK ",%s", places[i]);
		for (int depth = 0; depth < 100000; depth++)
			buf_add_char(&in, '[');
		assert_non_null(strstr(refused(buf_text(&in)).text, SCAN_TOO_DEEP));
		buf_fini(&in);
	}
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
	    ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
	    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
	    "\"tool_call_id\":\"c\",\"content\":\"x\"}],\"stream_options\":{\"include_usage\":true}"
	    ","
	    "\"modalities\":[\"text\"],\"audio\":{\"voice\":\"a\"},\"response_format\":{\"type\":"
	    "\"json_schema\",\"json_schema\":{\"schema\":{\"type\":\"object\"}}},\"tool_choice\":"
	    "\"none\"," TOOLS
	    ",\"extra_body\":{\"google\":{\"thinking_config\":{\"thinking_budget\":"
	    "1},\"safety_settings\":[{\"category\":\"x\"}],\"generation_config\":{\"top_p\":1}}}}";
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

/* by itself it is refused, since silent loss hides errors. */
static void
a_tool_of_an_unknown_type_is_left_out_where_the_operator_says_so(void **state)
{
	static const char json[] =
	    "{" ASK ",\"tools\":[{\"type\":\"mcp\",\"server_label\":\"x\"}]}";

	(void)state;
	assert_string_equal(refused(json).field, "tools[0].type");
	options.drop_unknown_tools = true;
	assert_true(span_is(decoded(json).ignored, "tools[0]"));
	assert_string_equal(sent(json), HI "}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_round_of_tools_gets_its_ids_and_signatures_back, forget),
		cmocka_unit_test_setup(
		    a_round_of_tools_that_nobody_remembers_gets_the_placeholder, forget),
		cmocka_unit_test_setup(everything_has_its_place_in_the_body, forget),
		cmocka_unit_test_setup(ten_thousand_messages_are_fine, forget),
		cmocka_unit_test_setup(one_message_may_have_many_parts, forget),
		cmocka_unit_test_setup(the_last_of_several_wins, forget),
		cmocka_unit_test_setup(model_may_come_last_and_is_bare_upstream, forget),
		cmocka_unit_test_setup(a_stream_is_asked_for_as_events, forget),
		cmocka_unit_test_setup(parameters_become_the_generation_config, forget),
		cmocka_unit_test_setup(other_rooms_say_their_part_of_the_generation_config, forget),
		cmocka_unit_test_setup(notes_tell_the_answer_what_was_asked, forget),
		cmocka_unit_test_setup(n_is_one_call_of_several_candidates, forget),
		cmocka_unit_test_setup(
		    n_is_several_calls_where_the_model_gives_one_answer_at_a_time, forget),
		cmocka_unit_test_setup(
		    media_that_is_still_to_come_is_there_for_each_of_several_calls, forget),
		cmocka_unit_test_setup(more_than_eight_answers_are_refused, forget),
		cmocka_unit_test_setup(
		    before_gemini_3_functions_beat_a_format_which_is_asked_for_in_words, forget),
		cmocka_unit_test_setup(from_gemini_3_on_they_stand_beside_each_other, forget),
		cmocka_unit_test_setup(tools_and_search_find_their_place, forget),
		cmocka_unit_test_setup(a_name_that_ends_in_search_searches, forget),
		cmocka_unit_test_setup(a_cache_is_named_to_gemini, forget),
		cmocka_unit_test_setup(what_lies_in_the_cache_cannot_be_sent_beside_it, forget),
		cmocka_unit_test_setup(the_detail_of_images_is_one_for_all_on_2_5, forget),
		cmocka_unit_test_setup(a_large_image_is_never_copied, forget),
		cmocka_unit_test_setup(what_upstream_refused_is_done_without, forget),
		cmocka_unit_test_setup(
		    what_has_no_effect_is_named_where_one_would_expect_it, forget),
		cmocka_unit_test_setup(wrong_types_name_their_field, forget),
		cmocka_unit_test_setup(an_impossible_model_is_not_found, forget),
		cmocka_unit_test_setup(what_is_nested_too_deeply_is_refused, forget),
		cmocka_unit_test_setup(text_that_is_not_json_is_told_with_its_place, forget),
		cmocka_unit_test_setup(no_cut_of_a_request_is_taken_for_one, forget),
		cmocka_unit_test_setup(an_error_tells_nothing_of_what_was_said, forget),
		cmocka_unit_test_setup(
		    a_tool_of_an_unknown_type_is_left_out_where_the_operator_says_so, forget),
	};

	return cmocka_run_group_tests_name("dialect/openai_chat_in", tests, setup, teardown);
}
