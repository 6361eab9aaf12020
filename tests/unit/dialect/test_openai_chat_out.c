/*
 * Answers of chat completions, row by row: what Gemini sends and what the client gets of it.
 * Calls, citations and sound have test programs of their own.
 */
#include "tests/unit/dialect/chat_answer.h"

/* ---- streams, chunk by chunk ---- */

static void
the_first_event_with_a_candidate_tells_the_role_once(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, "{\"usageMetadata\":{\"promptTokenCount\":3},\"responseId\":\"R1\"}");
	answer_is(&a, "");
	answer_gets(&a, PART(TEXT("a")));
	answer_is(&a, DELTA(ROLE) DELTA("{\"content\":\"a\"}"));
	buf_clear(&a.bytes);
	answer_gets(&a, PART(TEXT("b")));
	answer_is(&a, DELTA("{\"content\":\"b\"}"));
	answer_fini(&a);
}

static void
text_comes_as_deltas_and_the_reason_at_the_end(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA("{\"content\":\"Hel\"}") DELTA("{\"content\":\"lo\\n\"}")
		    FINISH("stop") DONE,
	    PART(TEXT("Hel")), LAST(TEXT("lo\\n"), "STOP"));
}

static void
an_empty_text_is_skipped_and_the_last_chunk_is_not_lost(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA("{\"content\":\"a\"}") FINISH("length") DONE, PART(TEXT("a")),
	    LAST(TEXT(""), "MAX_TOKENS"));
}

static void
a_reason_on_every_chunk_is_told_once(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA("{\"content\":\"a\"}") DELTA("{\"content\":\"b\"}")
		    FINISH("length") DONE,
	    LAST(TEXT("a"), "STOP"), LAST(TEXT("b"), "MAX_TOKENS"), "{\"responseId\":\"R1\"}");
}

static void
thoughts_come_beside_the_text(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA("{\"reasoning_content\":\"hm\"}") DELTA("{\"content\":\"a\"}")
		    FINISH("stop") DONE,
	    PART("{\"text\":\"hm\",\"thought\":true}"), LAST(TEXT("a"), "STOP"));
}

static void
candidates_are_choices_by_their_index(void **state)
{
	(void)state;
	STREAMS(EVENT("1", ROLE, "null") EVENT("1", "{\"content\":\"b\"}", "null")
		    EVENT("0", ROLE, "null") EVENT("0", "{\"content\":\"a\"}", "null")
			EVENT("0", "{}", "\"stop\"") EVENT("1", "{}", "\"length\"") DONE,
	    "{\"responseId\":\"R1\",\"candidates\":[{\"index\":1,\"content\":{\"parts\":["
	    "{\"text\":\"b\"}]},\"finishReason\":\"MAX_TOKENS\"},{\"content\":{\"parts\":["
	    "{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}");
}

static void
id_created_and_model_stay_the_same_over_a_stream(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, "{\"candidates\":[{}]}");
	answer_gets(&a, PART(TEXT("a")));
	answer_has(&a, "\"id\":\"chatcmpl-req1\"");
	answer_lacks(&a, "R1");
	answer_fini(&a);
}

static void
a_comment_keeps_a_stream_alive(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	assert_true(dialect_openai_chat.keeps_alive);
	dialect_openai_chat.keep_alive(&a.out);
	answer_is(&a, ": keep-alive\n\n");
	answer_fini(&a);
}

/* The worked example, chat completions out. */

#define TOLD_OF(delta, finish)                                                                     \
	"data: {\"id\":\"chatcmpl-R1\",\"object\":\"chat.completion.chunk\","                      \
	"\"created\":1700000000,\"model\":\"gemini-3.5-flash\",\"choices\":[{\"index\":0,"         \
	"\"delta\":" delta ",\"finish_reason\":" finish "}],\"usage\":null}\n\n"

static void
the_worked_example_of_a_stream_with_thoughts_and_a_call(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	a.notes.include_usage = true;
	a.call.model_asked = SPAN("gemini-3.5-flash");
	answer_gets_all(&a,
	    CHUNKS("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":"
		   "\"Need the date.\",\"thought\":true}]},\"index\":0}],\"usageMetadata\":"
		   "{\"promptTokenCount\":38,\"thoughtsTokenCount\":68,\"totalTokenCount\":106},"
		   "\"modelVersion\":\"gemini-3.5-flash\",\"responseId\":\"R1\"}",
		"{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"functionCall\":"
		"{\"id\":\"fc-9\",\"name\":\"now\",\"args\":{}},\"thoughtSignature\":\"U0lH\"}]}}],"
		"\"usageMetadata\":{\"promptTokenCount\":38,\"thoughtsTokenCount\":168,"
		"\"totalTokenCount\":206},\"responseId\":\"R1\"}",
		"{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]},"
		"\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":38,"
		"\"candidatesTokenCount\":6,\"thoughtsTokenCount\":168,\"totalTokenCount\":212},"
		"\"responseId\":\"R1\"}"));
	assert_int_equal(answer_hide_ids(&a, NULL, 0), 1);
	answer_is(&a,
	    TOLD_OF(ROLE, "null") TOLD_OF("{\"reasoning_content\":\"Need the date.\"}", "null")
		TOLD_OF("{\"tool_calls\":[{\"index\":0,\"id\":\"call_*\",\"type\":\"function\","
			"\"function\":{\"name\":\"now\",\"arguments\":\"{}\"},\"extra_content\":"
			"{\"google\":{\"thought_signature\":\"U0lH\"}}}]}",
		    "null")
		    TOLD_OF("{}", "\"tool_calls\"") "data: "
						    "{\"id\":\"chatcmpl-R1\",\"object\":\"chat."
						    "completion.chunk\","
						    "\"created\":1700000000,\"model\":\"gemini-3.5-"
						    "flash\",\"choices\":[],\"usage\":"
						    "{\"prompt_tokens\":38,\"completion_tokens\":"
						    "174,\"total_tokens\":212,"
						    "\"prompt_tokens_details\":{\"cached_tokens\":"
						    "0},\"completion_tokens_details\":"
						    "{\"reasoning_tokens\":168}}}\n\n" DONE);
	answer_fini(&a);
}

static void
usage_is_told_only_when_it_was_asked_for_and_then_once(void **state)
{
	static const char chunk[] =
	    "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":"
	    "{\"promptTokenCount\":7,\"candidatesTokenCount\":5,\"thoughtsTokenCount\":100}}";

	(void)state;
	for (int asked = 0; asked <= 1; asked++) {
		struct answer a;

		answer_init(&a, true);
		a.notes.include_usage = asked;
		answer_gets_all(&a, CHUNKS(chunk, chunk));
		if (asked)
			answer_has(&a, "\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
				       "\"completion_tokens\":105,\"total_tokens\":112,");
		else
			answer_lacks(&a, "usage");
		answer_has(&a, "}\n\ndata: [DONE]\n\n");
		answer_fini(&a);
	}
}

/* ---- streams that break off ---- */

static void
an_end_without_a_reason_is_a_break(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, PART(TEXT("a")));
	buf_clear(&a.bytes);
	assert_false(dialect_openai_chat.finish(&a.out, &a.err));
	assert_int_equal(a.err.kind, ERR_UPSTREAM);
	answer_is(&a, "");
	a.out.begun = true;
	answer_fails(&a);
	answer_is(&a,
	    "data: {\"error\":{\"message\":\"the upstream broke off before its answer's end\","
	    "\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_truncated\"}}\n\n");
	answer_fini(&a);
}

static void
one_choice_that_broke_off_breaks_the_answer(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, "{\"candidates\":[{\"finishReason\":\"STOP\"},{\"index\":1}]}");
	assert_false(dialect_openai_chat.finish(&a.out, &a.err));
	answer_fini(&a);
}

static void
an_answer_with_nothing_in_it_is_none(void **state)
{
	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		struct answer a;

		answer_init(&a, stream);
		assert_false(dialect_openai_chat.finish(&a.out, &a.err));
		assert_int_equal(a.err.kind, ERR_UPSTREAM);
		answer_gets(&a, "{\"candidates\":[],\"usageMetadata\":{\"totalTokenCount\":1}}");
		assert_false(dialect_openai_chat.finish(&a.out, &a.err));
		answer_is(&a, "");
		answer_fini(&a);
	}
}

/* ---- thoughts ---- */

#define THOUGHT(t) "{\"text\":\"" t "\",\"thought\":true}"

static void
thoughts_stand_in_tags_where_a_tag_was_asked_for(void **state)
{
	static const struct {
		const char *chunk, *deltas, *content;
	} rows[] = {
		{ LAST(THOUGHT("h") "," THOUGHT("m") "," TEXT("a") "," TEXT("b"), "STOP"),
		    DELTA("{\"content\":\"<t\\\"g>h\"}") DELTA("{\"content\":\"m\"}")
			DELTA("{\"content\":\"</t\\\"g>a\"}") DELTA("{\"content\":\"b\"}"),
		    "<t\\\"g>hm</t\\\"g>ab" },
		{ LAST(THOUGHT("hm"), "STOP"),
		    DELTA("{\"content\":\"<t\\\"g>hm\"}") DELTA("{\"content\":\"</t\\\"g>\"}"),
		    "<t\\\"g>hm</t\\\"g>" },
		{ LAST(TEXT("a") "," THOUGHT("hm") "," TEXT("b"), "STOP"),
		    DELTA("{\"content\":\"a\"}") DELTA("{\"content\":\"<t\\\"g>hm\"}")
			DELTA("{\"content\":\"</t\\\"g>b\"}"),
		    "a<t\\\"g>hm</t\\\"g>b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		struct buf want = BUF_INIT;
		struct answer a;

		answer_init(&a, i & 1);
		a.notes.thought_tag = SPAN("t\"g");
		answer_gets_all(&a, CHUNKS(rows[i / 2].chunk));
		buf_printf(&want, "\"content\":\"%s\"", rows[i / 2].content);
		answer_has(&a, i & 1 ? rows[i / 2].deltas : buf_text(&want));
		answer_lacks(&a, "reasoning_content");
		buf_fini(&want);
		answer_fini(&a);
	}
}

static void
a_thought_in_tags_is_closed_before_a_call(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	a.notes.thought_tag = SPAN("think");
	answer_gets_all(&a, CHUNKS(LAST(THOUGHT("hm") "," CALL("f", "{}"), "STOP")));
	answer_has(&a, DELTA("{\"content\":\"</think>\"}") CHUNK_HEAD
	    ",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":");
	answer_fini(&a);
}

static void
thoughts_are_dropped_where_the_operator_never_shows_them(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct answer a;

		answer_init(&a, i & 1);
		a.options.thoughts = THOUGHTS_NEVER;
		if (i & 2)
			a.notes.thought_tag = SPAN("think");
		answer_gets_all(&a, CHUNKS(LAST(THOUGHT("hm") "," TEXT("a"), "STOP")));
		answer_has(&a, "\"content\":\"a\"");
		answer_lacks(&a, "hm");
		answer_lacks(&a, "think");
		answer_fini(&a);
	}
}

/* ---- signatures of texts ---- */

#define SIGNED(t, sig) "{\"text\":\"" t "\",\"thoughtSignature\":\"" sig "\"}"

static void
a_texts_signature_is_told_of_the_message(void **state)
{
	(void)state;
	ANSWERS(PLAIN("\"content\":\"ab\",\"refusal\":null,\"extra_content\":"
		      "{\"google\":{\"thought_signature\":\"U0lH\"}}",
		    "stop"),
	    LAST(TEXT("a") "," SIGNED("b", "U0lH"), "STOP"));
	STREAMS(DELTA(ROLE) DELTA("{\"content\":\"a\"}") DELTA("{\"content\":\"b\"}")
		    DELTA("{\"extra_content\":{\"google\":{\"thought_signature\":\"U0lH\"}}}")
			FINISH("stop") DONE,
	    PART(TEXT("a")), LAST(SIGNED("b", "U0lH"), "STOP"));
}

static void
a_signature_on_an_empty_text_is_not_lost(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA("{\"content\":\"a\"}")
		    DELTA("{\"extra_content\":{\"google\":{\"thought_signature\":\"U0lH\"}}}")
			FINISH("stop") DONE,
	    PART(TEXT("a")), LAST(SIGNED("", "U0lH"), "STOP"));
	STREAMS(DELTA(ROLE) DELTA("{\"content\":\"a\"}")
		    DELTA("{\"extra_content\":{\"google\":{\"thought_signature\":\"U0lH\"}}}")
			FINISH("stop") DONE,
	    PART(TEXT("a")), LAST("{\"thoughtSignature\":\"U0lH\"}", "STOP"));
}

/* Clients join strings that a stream says twice of one name. */
static void
two_signatures_are_never_joined(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a, CHUNKS(PART(SIGNED("a", "Rmlyc3Q=")), PART(SIGNED("b", "TGFzdA==")),
				LAST(TEXT(""), "STOP")));
	answer_has(&a, "\"thought_signature\":\"TGFzdA==\"");
	answer_lacks(&a, "Rmlyc3Q=");
	answer_fini(&a);
}

/* ---- pictures ---- */

#define PNG(sig) "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}" sig "}"
#define PICTURE(i)                                                                                 \
	"{\"type\":\"image_url\",\"index\":" i                                                     \
	",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}"
#define MARKDOWN "![image](data:image/png;base64,AAAA)"

static void
pictures_are_images_of_the_message_by_default(void **state)
{
	(void)state;
	ANSWERS(PLAIN("\"content\":\"a\",\"refusal\":null,\"images\":[" PICTURE("0") "," PICTURE(
			  "1") "]",
		    "stop"),
	    LAST(TEXT("a") "," PNG("") "," PNG(""), "STOP"));
	STREAMS(DELTA(ROLE) DELTA("{\"images\":[" PICTURE("0") "]}")
		    DELTA("{\"images\":[" PICTURE("1") "]}") FINISH("stop") DONE,
	    PART(PNG("")), LAST(PNG(""), "STOP"));
}

static void
pictures_are_told_as_the_operator_wants_them(void **state)
{
	static const struct {
		enum image_out as;
		bool images, markdown;
	} rows[] = { { IMAGE_OUT_IMAGES, true, false }, { IMAGE_OUT_MARKDOWN, false, true },
		{ IMAGE_OUT_BOTH, true, true } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		struct answer a;

		answer_init(&a, i & 1);
		a.options.image_out = rows[i / 2].as;
		answer_gets_all(&a, CHUNKS(LAST(PNG(""), "STOP")));
		if (rows[i / 2].images)
			answer_has(&a, "\"images\":[" PICTURE("0") "]");
		else
			answer_lacks(&a, "\"images\"");
		if (rows[i / 2].markdown)
			answer_has(&a, "\"content\":\"" MARKDOWN "\"");
		else
			answer_lacks(&a, MARKDOWN);
		answer_fini(&a);
	}
}

static void
a_thoughts_picture_is_a_draft_and_not_told(void **state)
{
	(void)state;
	ANSWERS(PLAIN("\"content\":\"a\",\"refusal\":null", "stop"),
	    LAST(PNG(",\"thought\":true") "," TEXT("a"), "STOP"));
}

static void
a_pictures_signature_goes_with_it(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	answer_gets_all(&a, CHUNKS(LAST(PNG(",\"thoughtSignature\":\"U0lH\""), "STOP")));
	answer_has(
	    &a, "base64,AAAA\"},\"extra_content\":{\"google\":{\"thought_signature\":\"U0lH\"}}}]");
	answer_fini(&a);
}

/* ---- code ---- */

#define CODE(language, code)                                                                       \
	"{\"executableCode\":{\"language\":" language ",\"code\":\"" code "\"}}"
#define RESULT(output)                                                                             \
	"{\"codeExecutionResult\":{\"outcome\":\"OUTCOME_OK\",\"output\":\"" output "\"}}"

static void
code_and_its_result_are_fenced_blocks_of_the_content(void **state)
{
	static const struct {
		const char *part, *content;
	} rows[] = {
		{ CODE("\"PYTHON\"", "print(1)"), "\\n```python\\nprint(1)\\n```\\n" },
		{ CODE("\"PYTHON\"", "print(1)\\n"), "\\n```python\\nprint(1)\\n```\\n" },
		{ CODE("\"PYTHON\"", "'\\\\n"), "\\n```python\\n'\\\\n\\n```\\n" },
		{ CODE("\"PYTHON\"", "'\\\\\\n"), "\\n```python\\n'\\\\\\n```\\n" },
		{ CODE("\"LANGUAGE_UNSPECIFIED\"", "x"), "\\n```\\nx\\n```\\n" },
		{ CODE("1", "x"), "\\n```\\nx\\n```\\n" },
		{ CODE("null", "x"), "\\n```\\nx\\n```\\n" },
		{ CODE("\"PY`\\nx\"", "x"), "\\n```\\nx\\n```\\n" },
		{ RESULT("1\\n"), "\\n```\\n1\\n```\\n" },
		{ RESULT("1"), "\\n```\\n1\\n```\\n" },
		{ RESULT(""), "" },
		{ "{\"toolCall\":{\"id\":\"t\"}},{\"toolResponse\":{\"id\":\"t\"}}", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT, want = BUF_INIT;
		struct answer a;

		answer_init(&a, false);
		buf_printf(&chunk, LAST("%s", "STOP"), rows[i].part);
		answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
		buf_printf(
		    &want, PLAIN("\"content\":\"%s\",\"refusal\":null", "stop"), rows[i].content);
		answer_is(&a, buf_text(&want));
		buf_fini(&chunk);
		buf_fini(&want);
		answer_fini(&a);
	}
}

static void
code_comes_as_it_runs(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA("{\"content\":\"\\n```python\\nprint(1)\\n```\\n\"}")
		    DELTA("{\"content\":\"\\n```\\n1\\n```\\n\"}") FINISH("stop") DONE,
	    PART(CODE("\"PYTHON\"", "print(1)")), LAST(RESULT("1") ",{\"toolCall\":{}}", "STOP"));
}

/* ---- plain answers ---- */

static void
a_plain_answer_is_one_object(void **state)
{
	static const struct {
		const char *name, *chunk, *choices;
	} rows[] = {
		{ "text", LAST(TEXT("a\\n") "," TEXT("b"), "STOP"),
		    CHOICE("0", "\"content\":\"a\\nb\",\"refusal\":null", "stop") },
		{ "thoughts", LAST(THOUGHT("hm") "," TEXT("a"), "STOP"),
		    CHOICE("0", "\"content\":\"a\",\"refusal\":null,\"reasoning_content\":\"hm\"",
			"stop") },
		{ "no text", LAST("", "STOP"),
		    CHOICE("0", "\"content\":\"\",\"refusal\":null", "stop") },
		{ "no content at all",
		    "{\"responseId\":\"R1\",\"candidates\":[{\"finishReason\":\"STOP\"}]}",
		    CHOICE("0", "\"content\":\"\",\"refusal\":null", "stop") },
		{ "no text, cut short", LAST("", "MAX_TOKENS"),
		    CHOICE("0", "\"content\":\"\",\"refusal\":null", "length") },
		{ "no reason given", PART(TEXT("a")),
		    CHOICE("0", "\"content\":\"a\",\"refusal\":null", "stop") },
		{ "two choices, in order",
		    "{\"responseId\":\"R1\",\"candidates\":[{\"index\":1,\"finishReason\":"
		    "\"STOP\"},{\"index\":0,\"finishReason\":\"MAX_TOKENS\"}]}",
		    CHOICE("0", "\"content\":\"\",\"refusal\":null", "length") "," CHOICE(
			"1", "\"content\":\"\",\"refusal\":null", "stop") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf want = BUF_INIT;

		buf_printf(&want, PLAIN_HEAD ",\"choices\":[%s]" NO_USAGE, rows[i].choices);
		ANSWERS(buf_text(&want), rows[i].chunk);
		buf_fini(&want);
	}
}

static void
a_plain_answer_may_be_gathered_from_many_chunks(void **state)
{
	(void)state;
	ANSWERS(PLAIN("\"content\":\"abc\",\"refusal\":null", "stop"), PART(TEXT("a")),
	    PART(TEXT("b")), LAST(TEXT("c"), "STOP"));
}

/* ---- why it ended ---- */

static void
every_finish_reason_has_its_word(void **state)
{
	static const struct {
		const char *gemini, *openai, *with_calls;
		bool native; /* told beside it */
	} rows[] = {
		{ "STOP", "stop", "tool_calls", false },
		{ "MAX_TOKENS", "length", "length", false },
		{ "CONTINUATION", "length", "length", true },
		{ "SAFETY", "content_filter", "content_filter", true },
		{ "RECITATION", "content_filter", "content_filter", true },
		{ "LANGUAGE", "content_filter", "content_filter", true },
		{ "BLOCKLIST", "content_filter", "content_filter", true },
		{ "PROHIBITED_CONTENT", "content_filter", "content_filter", true },
		{ "SPII", "content_filter", "content_filter", true },
		{ "IMAGE_SAFETY", "content_filter", "content_filter", true },
		{ "IMAGE_PROHIBITED_CONTENT", "content_filter", "content_filter", true },
		{ "IMAGE_RECITATION", "content_filter", "content_filter", true },
		{ "MALFORMED_FUNCTION_CALL", "stop", "tool_calls", true },
		{ "UNEXPECTED_TOOL_CALL", "stop", "tool_calls", true },
		{ "TOO_MANY_TOOL_CALLS", "stop", "tool_calls", true },
		{ "MALFORMED_RESPONSE", "stop", "tool_calls", true },
		{ "MISSING_THOUGHT_SIGNATURE", "stop", "tool_calls", true },
		{ "OTHER", "stop", "tool_calls", true },
		{ "NO_IMAGE", "stop", "tool_calls", true },
		{ "IMAGE_OTHER", "stop", "tool_calls", true },
		{ "FINISH_REASON_UNSPECIFIED", "stop", "tool_calls", true },
		{ "SOMETHING_NEW", "stop", "tool_calls", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 4; i++) {
		const char *reason = rows[i / 4].gemini;
		bool stream = i & 1, calls = i & 2;
		char want[64], native[128];
		struct buf chunk = BUF_INIT;
		struct answer a;

		answer_init(&a, stream);
		buf_printf(&chunk,
		    "{\"candidates\":[{\"content\":{\"parts\":[%s]},\"finishReason\":\"%s\","
		    "\"finishMessage\":\"why\"}]}",
		    calls ? CALL("f", "{}") : TEXT("a"), reason);
		answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
		snprintf(want, sizeof(want), "\"finish_reason\":\"%s\"",
		    calls ? rows[i / 4].with_calls : rows[i / 4].openai);
		answer_has(&a, want);
		snprintf(native, sizeof(native),
		    "\"extra_content\":{\"google\":{\"finish_reason\":\"%s\","
		    "\"finish_message\":\"why\"}}",
		    reason);
		if (rows[i / 4].native)
			answer_has(&a, native);
		else
			answer_lacks(&a, "extra_content");
		buf_fini(&chunk);
		answer_fini(&a);
	}
}

static void
a_stop_behind_the_calls_is_a_stop_for_them(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a, CHUNKS(PART(CALL("f", "{}")), LAST(TEXT(""), "STOP")));
	answer_has(&a, FINISH("tool_calls") DONE);
	answer_fini(&a);
}

static void
a_limit_behind_the_calls_is_not_masked_by_them(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets_all(&a, CHUNKS(PART(CALL("f", "{}")), LAST(TEXT(""), "MAX_TOKENS")));
	answer_has(&a, FINISH("length") DONE);
	answer_fini(&a);
}

static void
content_is_null_only_for_calls_and_filters(void **state)
{
	static const struct {
		const char *part, *reason, *content;
	} rows[] = {
		{ CALL("f", "{}"), "STOP", "\"content\":null," },
		{ TEXT("a") "," CALL("f", "{}"), "STOP", "\"content\":\"a\"," },
		{ CALL("f", "{}"), "MAX_TOKENS", "\"content\":\"\"," },
		{ "", "SAFETY", "\"content\":null," },
		{ TEXT("a"), "SAFETY", "\"content\":\"a\"," }, /* filtered on the way */
		{ "", "STOP", "\"content\":\"\"," },
		{ "", "MALFORMED_FUNCTION_CALL", "\"content\":\"\"," },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT;
		struct answer a;

		answer_init(&a, false);
		buf_printf(&chunk, LAST("%s", "%s"), rows[i].part, rows[i].reason);
		answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
		answer_has(&a, rows[i].content);
		answer_has(&a, "\"refusal\":null");
		buf_fini(&chunk);
		answer_fini(&a);
	}
}

/* ---- blocked prompts ---- */

#define BLOCK "{\"responseId\":\"R1\",\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}"

static void
a_blocked_prompt_is_a_choice_with_a_refusal(void **state)
{
	(void)state;
	ANSWERS(PLAIN("\"content\":null,\"refusal\":\"The prompt was blocked: SAFETY\"",
		    "content_filter"),
	    BLOCK);
	STREAMS(DELTA(ROLE) DELTA("{\"refusal\":\"The prompt was blocked: SAFETY\"}")
		    FINISH("content_filter") DONE,
	    BLOCK, BLOCK);
}

static void
a_blocked_prompt_tells_what_was_used(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	answer_gets_all(&a, CHUNKS("{\"promptFeedback\":{\"blockReason\":\"OTHER\"},"
				   "\"usageMetadata\":{\"promptTokenCount\":9}}"));
	answer_has(&a, "\"prompt_tokens\":9,\"completion_tokens\":0,\"total_tokens\":9,");
	answer_fini(&a);
}

static void
a_blocked_prompt_is_an_error_where_the_operator_wants_it(void **state)
{
	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		struct answer a;

		answer_init(&a, stream);
		a.options.blocked_prompt = BLOCKED_PROMPT_ERROR400;
		answer_gets(&a, BLOCK);
		answer_is(&a, ""); /* so that the status is still open */
		assert_false(dialect_openai_chat.finish(&a.out, &a.err));
		assert_int_equal(a.err.kind, ERR_BAD_REQUEST);
		answer_fails(&a);
		answer_is(&a, "{\"error\":{\"message\":\"The prompt was blocked: SAFETY\",\"type\":"
			      "\"invalid_request_error\",\"param\":null,\"code\":"
			      "\"content_policy_violation\"}}");
		answer_fini(&a);
	}
}

static void
a_block_amid_a_stream_is_an_event_where_it_is_an_error(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	a.options.blocked_prompt = BLOCKED_PROMPT_ERROR400;
	answer_gets(&a, PART(TEXT("a")));
	answer_gets(&a, BLOCK);
	assert_false(dialect_openai_chat.finish(&a.out, &a.err));
	buf_clear(&a.bytes);
	a.out.begun = true;
	answer_fails(&a);
	answer_has(&a, "data: {\"error\":{\"message\":\"The prompt was blocked: SAFETY\"");
	answer_has(&a, "}}\n\n");
	answer_fini(&a);
}

static void
each_part_of_a_call_has_its_own_block(void **state)
{
	struct chunk k = { .part = 2, .block_reason = SPAN("SAFETY") };
	struct answer a;

	(void)state;
	answer_init(&a, false);
	a.call.parts = 3;
	usage_init(&k.usage);
	answer_gets(&a, "{\"candidates\":[{\"index\":1,\"finishReason\":\"STOP\"}]}");
	answer_gets(&a, "{\"candidates\":[{\"index\":0,\"finishReason\":\"STOP\"}]}");
	dialect_openai_chat.encode(&a.out, &k);
	answer_ends(&a);
	answer_has(&a, "{\"index\":2,\"message\":{\"role\":\"assistant\",\"content\":null,"
		       "\"refusal\":\"The prompt was blocked: SAFETY\"}");
	answer_has(&a, "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\"");
	answer_fini(&a);
}

/* A choice that is missing would not be noticed: clients count on n. */
static void
a_part_of_a_call_without_an_answer_fails_the_whole(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	a.call.parts = 2;
	answer_gets(&a, "{\"candidates\":[{\"index\":1,\"finishReason\":\"STOP\"}]}");
	assert_false(dialect_openai_chat.finish(&a.out, &a.err));
	assert_int_equal(a.err.kind, ERR_UPSTREAM);
	answer_fini(&a);
}

/* ---- usage ---- */

static void
usage_counts_as_openai_does(void **state)
{
	static const struct {
		const char *name, *gemini, *openai;
	} rows[] = {
		{ "tool results are part of the prompt, thoughts of the answer",
		    "\"promptTokenCount\":21,\"candidatesTokenCount\":96,\"thoughtsTokenCount\":"
		    "160,"
		    "\"toolUsePromptTokenCount\":86,\"totalTokenCount\":363",
		    "\"prompt_tokens\":107,\"completion_tokens\":256,\"total_tokens\":363,"
		    "\"prompt_tokens_details\":{\"cached_tokens\":0},"
		    "\"completion_tokens_details\":{\"reasoning_tokens\":160}" },
		{ "cached tokens are inside the prompt's",
		    "\"promptTokenCount\":50,\"cachedContentTokenCount\":40,"
		    "\"candidatesTokenCount\":3",
		    "\"prompt_tokens\":50,\"completion_tokens\":3,\"total_tokens\":53,"
		    "\"prompt_tokens_details\":{\"cached_tokens\":40},"
		    "\"completion_tokens_details\":{\"reasoning_tokens\":0}" },
		{ "the total is Google's where it says one",
		    "\"promptTokenCount\":1,\"totalTokenCount\":9",
		    "\"prompt_tokens\":1,\"completion_tokens\":0,\"total_tokens\":9," },
		{ "modalities",
		    "\"promptTokenCount\":30,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
		    "\"tokenCount\":10},{\"modality\":\"IMAGE\",\"tokenCount\":20},{\"modality\":"
		    "\"AUDIO\"},{\"modality\":\"VIDEO\",\"tokenCount\":7}],"
		    "\"candidatesTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":5},"
		    "{\"modality\":\"TEXT\",\"tokenCount\":2}]",
		    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0,"
		    "\"image_tokens\":20,\"text_tokens\":10},\"completion_tokens_details\":"
		    "{\"reasoning_tokens\":0,\"audio_tokens\":5,\"text_tokens\":2}" },
		{ "nothing said", "\"trafficType\":\"ON_DEMAND\"",
		    "\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0," },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf chunk = BUF_INIT;
		struct answer a;

		answer_init(&a, false);
		buf_printf(&chunk,
		    "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{%s}}",
		    rows[i].gemini);
		answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
		answer_has(&a, rows[i].openai);
		buf_fini(&chunk);
		answer_fini(&a);
	}
}

static void
the_last_usage_said_of_each_counter_is_told(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	a.notes.include_usage = true;
	answer_gets_all(&a,
	    CHUNKS("{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":"
		   "{\"promptTokenCount\":38,\"thoughtsTokenCount\":68,\"totalTokenCount\":106}}",
		"{\"usageMetadata\":{\"candidatesTokenCount\":6,\"thoughtsTokenCount\":168,"
		"\"totalTokenCount\":212,\"cachedContentTokenCount\":30}}"));
	answer_has(&a,
	    "\"usage\":{\"prompt_tokens\":38,\"completion_tokens\":174,\"total_tokens\":212,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":30},");
	answer_fini(&a);
}

/* ---- probabilities ---- */

#define LOGPROBS                                                                                   \
	"{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"      \
	"\"finishReason\":\"STOP\","                                                               \
	"\"logprobsResult\":{\"chosenCandidates\":[{\"token\":\"a\",\"logProbability\":-0.5}]}}]}"
#define LOGPROB                                                                                    \
	"{\"content\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":[]}],"    \
	"\"refusal\":null}"

static void
probabilities_come_when_they_were_asked_for(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct answer a;

		answer_init(&a, i & 1);
		a.notes.logprobs = i & 2;
		answer_gets_all(&a, CHUNKS(LOGPROBS));
		if (i & 2)
			answer_has(&a, "\"logprobs\":" LOGPROB);
		else
			answer_lacks(&a, LOGPROB);
		answer_fini(&a);
	}
}

static void
probabilities_that_gemini_does_not_give_are_null(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	a.notes.logprobs = true;
	answer_gets_all(&a, CHUNKS(LAST(TEXT("a"), "STOP")));
	answer_has(&a, "\"logprobs\":null");
	answer_fini(&a);
}

static void
probabilities_without_text_are_not_lost(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	a.notes.logprobs = true;
	answer_gets(&a,
	    "{\"responseId\":\"R1\",\"candidates\":[{\"finishReason\":\"STOP\",\"logprobsResult\":"
	    "{\"chosenCandidates\":[{\"token\":\"a\",\"logProbability\":-0.5}]}}]}");
	answer_has(&a, "\"delta\":{\"content\":\"\"},\"logprobs\":" LOGPROB);
	answer_fini(&a);
}

/* ---- memory ---- */

#define LONG(part)                                                                                 \
	"{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" part                    \
	"]},\"finishReason\":\"OTHER\",\"finishMessage\":\"a message that is said every time\","   \
	"\"groundingMetadata\":{\"webSearchQueries\":[\"who\",\"what\"]},\"citationMetadata\":"    \
	"{\"citationSources\":[{\"endIndex\":4,\"uri\":\"u\"}]}}],\"usageMetadata\":"              \
	"{\"promptTokenCount\":3}}"

static void
a_long_stream_keeps_nothing_of_its_chunks(void **state)
{
	static const char *const chunks[] = { LONG(THOUGHT("hm")), LONG(TEXT("some text\\n")),
		LONG(CALL("f", "{\"a\":1}")), LONG(PNG("")) };
	struct answer a;

	(void)state;
	answer_init(&a, true);
	a.house.remember = NULL;
	for (size_t i = 0; i < COUNT(chunks); i++) {
		size_t bytes;

		answer_gets(&a, chunks[i]);
		bytes = arena_bytes(a.arena);
		for (int n = 0; n < 2000; n++) {
			buf_clear(&a.bytes);
			answer_gets(&a, chunks[i]);
		}
		assert_int_equal(arena_bytes(a.arena), bytes);
	}
	answer_fini(&a);
}

/* A bit for each byte of text, and only behind the first that is no ASCII. */
static void
a_long_stream_of_other_scripts_keeps_an_eighth(void **state)
{
	struct answer a;
	size_t text = 0, bytes;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, PART(TEXT("a")));
	bytes = arena_bytes(a.arena);
	for (; text < 200000; text += 24) {
		buf_clear(&a.bytes);
		answer_gets(&a, PART(TEXT("\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82"
					  "\xE4\xB8\x96\xE7\x95\x8C\xE4\xBD\xA0\xE5\xA5\xBD")));
	}
	assert_in_range(arena_bytes(a.arena) - bytes, text / 9, text / 6);
	answer_fini(&a);
}

/* ---- what upstream never says ---- */

/* The id stands in each event, and one event of Gemini's may be a hundred thousand of ours. */
static void
an_id_that_is_far_too_long_is_the_requests(void **state)
{
	(void)state;
	for (size_t len = 127; len <= 129; len++) {
		struct buf chunk = BUF_INIT, id = BUF_INIT;
		struct answer a;

		for (size_t i = 0; i < len; i++)
			buf_add_char(&id, 'i');
		buf_printf(&chunk,
		    "{\"responseId\":\"%s\",\"candidates\":[{\"content\":{\"parts\":[" TEXT(
			"a") "]},\"finishReason\":\"STOP\"}]}",
		    buf_text(&id));
		answer_init(&a, true);
		answer_gets_all(&a, CHUNKS(buf_text(&chunk)));
		buf_clear(&chunk);
		buf_printf(&chunk, "{\"id\":\"chatcmpl-%s\",", len <= 128 ? buf_text(&id) : "req1");
		answer_has(&a, buf_text(&chunk));
		answer_fini(&a);
		buf_fini(&chunk);
		buf_fini(&id);
	}
}

static void
a_candidate_of_an_impossible_index_is_left_out(void **state)
{
	static const char *const indices[] = { "-1", "8", "1099511627776",
		"\"9223372036854775807\"", "-9223372036854775808" };

	(void)state;
	for (size_t i = 0; i < COUNT(indices); i++) {
		struct buf chunk = BUF_INIT;

		buf_printf(&chunk,
		    "{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" TEXT(
			"a") "]},\"finishReason\":\"STOP\"},{\"index\":%s,\"content\":{\"parts\":"
			     "[" TEXT("b") "]},\"finishReason\":\"STOP\"}]}",
		    indices[i]);
		STREAMS(
		    DELTA(ROLE) DELTA("{\"content\":\"a\"}") FINISH("stop") DONE, buf_text(&chunk));
		buf_fini(&chunk);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_event_with_a_candidate_tells_the_role_once),
		cmocka_unit_test(text_comes_as_deltas_and_the_reason_at_the_end),
		cmocka_unit_test(an_empty_text_is_skipped_and_the_last_chunk_is_not_lost),
		cmocka_unit_test(a_reason_on_every_chunk_is_told_once),
		cmocka_unit_test(thoughts_come_beside_the_text),
		cmocka_unit_test(candidates_are_choices_by_their_index),
		cmocka_unit_test(id_created_and_model_stay_the_same_over_a_stream),
		cmocka_unit_test(a_comment_keeps_a_stream_alive),
		cmocka_unit_test(the_worked_example_of_a_stream_with_thoughts_and_a_call),
		cmocka_unit_test(usage_is_told_only_when_it_was_asked_for_and_then_once),
		cmocka_unit_test(an_end_without_a_reason_is_a_break),
		cmocka_unit_test(one_choice_that_broke_off_breaks_the_answer),
		cmocka_unit_test(an_answer_with_nothing_in_it_is_none),
		cmocka_unit_test(thoughts_stand_in_tags_where_a_tag_was_asked_for),
		cmocka_unit_test(a_thought_in_tags_is_closed_before_a_call),
		cmocka_unit_test(thoughts_are_dropped_where_the_operator_never_shows_them),
		cmocka_unit_test(a_texts_signature_is_told_of_the_message),
		cmocka_unit_test(a_signature_on_an_empty_text_is_not_lost),
		cmocka_unit_test(two_signatures_are_never_joined),
		cmocka_unit_test(pictures_are_images_of_the_message_by_default),
		cmocka_unit_test(pictures_are_told_as_the_operator_wants_them),
		cmocka_unit_test(a_thoughts_picture_is_a_draft_and_not_told),
		cmocka_unit_test(a_pictures_signature_goes_with_it),
		cmocka_unit_test(code_and_its_result_are_fenced_blocks_of_the_content),
		cmocka_unit_test(code_comes_as_it_runs),
		cmocka_unit_test(a_plain_answer_is_one_object),
		cmocka_unit_test(a_plain_answer_may_be_gathered_from_many_chunks),
		cmocka_unit_test(every_finish_reason_has_its_word),
		cmocka_unit_test(a_stop_behind_the_calls_is_a_stop_for_them),
		cmocka_unit_test(a_limit_behind_the_calls_is_not_masked_by_them),
		cmocka_unit_test(content_is_null_only_for_calls_and_filters),
		cmocka_unit_test(a_blocked_prompt_is_a_choice_with_a_refusal),
		cmocka_unit_test(a_blocked_prompt_tells_what_was_used),
		cmocka_unit_test(a_blocked_prompt_is_an_error_where_the_operator_wants_it),
		cmocka_unit_test(a_block_amid_a_stream_is_an_event_where_it_is_an_error),
		cmocka_unit_test(each_part_of_a_call_has_its_own_block),
		cmocka_unit_test(a_part_of_a_call_without_an_answer_fails_the_whole),
		cmocka_unit_test(usage_counts_as_openai_does),
		cmocka_unit_test(the_last_usage_said_of_each_counter_is_told),
		cmocka_unit_test(probabilities_come_when_they_were_asked_for),
		cmocka_unit_test(probabilities_that_gemini_does_not_give_are_null),
		cmocka_unit_test(probabilities_without_text_are_not_lost),
		cmocka_unit_test(a_long_stream_keeps_nothing_of_its_chunks),
		cmocka_unit_test(a_long_stream_of_other_scripts_keeps_an_eighth),
		cmocka_unit_test(an_id_that_is_far_too_long_is_the_requests),
		cmocka_unit_test(a_candidate_of_an_impossible_index_is_left_out),
	};

	return cmocka_run_group_tests_name("dialect/openai_chat_out", tests, NULL, NULL);
}
