/*
 * Answers of chat completions, row by row: what Gemini sends and what the client gets of it.
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

/* An answer under way. */
struct answer {
	struct chat_notes notes;
	struct call call;
	struct buf bytes;
	struct dialect_out out;
	struct err err;
};

static void
answer_init(struct answer *a, bool stream)
{
	*a = (struct answer){ .call = { .op = stream ? OP_STREAM : OP_GENERATE,
				  .framing = stream ? FRAMING_SSE : FRAMING_UNARY,
				  .model_asked = SPAN("models/gem\"ini"),
				  .stream = stream } };
	a->call.notes = &a->notes;
	a->out = (struct dialect_out){ .dialect = &dialect_openai_chat,
		.arena = arena,
		.bytes = &a->bytes,
		.call = &a->call,
		.request_id = "req1",
		.created_s = 1700000000 };
}

/* The chunk's bytes are gone when this returns, as they are behind a reader's callback. */
static void
answer_gets(struct answer *a, const char *json)
{
	char *copy = malloc(strlen(json) + 1);
	struct arena *brief = arena_new(0);
	struct chunk k;

	strcpy(copy, json);
	if (!chunk_parse(span_of(copy), a->call.op, brief, &k, &a->err))
		fail_msg("%s: %s", json, a->err.text);
	dialect_openai_chat.encode(&a->out, &k);
	arena_free(&brief);
	memset(copy, '#', strlen(json));
	free(copy);
}

#define CREATED    ",\"created\":1700000000,\"model\":\"models/gem\\\"ini\""
#define PLAIN_HEAD "{\"id\":\"chatcmpl-R1\",\"object\":\"chat.completion\"" CREATED
#define CHUNK_HEAD "data: {\"id\":\"chatcmpl-R1\",\"object\":\"chat.completion.chunk\"" CREATED
#define EVENT(index, delta, finish)                                                                \
	CHUNK_HEAD ",\"choices\":[{\"index\":" index ",\"delta\":" delta                           \
		   ",\"finish_reason\":" finish "}]}\n\n"
#define ROLE    "{\"role\":\"assistant\",\"content\":\"\"}"
#define DONE    "data: [DONE]\n\n"
#define PART(p) "{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" p "]}}]}"
#define LAST(p, why)                                                                               \
	"{\"responseId\":\"R1\",\"candidates\":[{\"content\":{\"parts\":[" p                       \
	"]},\"finishReason\":\"" why "\"}]}"
#define TEXT(t) "{\"text\":\"" t "\"}"

/* Up to five chunks through a stream, and what came of them. */
static void
streams(const char *const *chunks, const char *want)
{
	struct answer a;

	answer_init(&a, true);
	for (; *chunks != NULL; chunks++)
		answer_gets(&a, *chunks);
	if (!dialect_openai_chat.finish(&a.out, &a.err))
		fail_msg("%s", a.err.text);
	assert_string_equal(buf_text(&a.bytes), want);
	buf_fini(&a.bytes);
}

#define STREAMS(want, ...) streams((const char *const[]){ __VA_ARGS__, NULL }, want)

/* ---- streams ---- */

static void
text_comes_as_deltas_and_the_reason_at_the_end(void **state)
{
	(void)state;
	STREAMS(EVENT("0", ROLE, "null") EVENT("0", "{\"content\":\"Hel\"}", "null")
		    EVENT("0", "{\"content\":\"lo\\n\"}", "null") EVENT("0", "{}", "\"stop\"") DONE,
	    PART(TEXT("Hel")), LAST(TEXT("lo\\n"), "STOP"));
}

static void
a_reason_on_every_chunk_is_told_once(void **state)
{
	(void)state;
	STREAMS(EVENT("0", ROLE, "null") EVENT("0", "{\"content\":\"a\"}", "null")
		    EVENT("0", "{\"content\":\"b\"}", "null") EVENT("0", "{}", "\"length\"") DONE,
	    LAST(TEXT("a"), "STOP"), LAST(TEXT("b"), "MAX_TOKENS"), "{\"responseId\":\"R1\"}");
}

static void
a_chunk_is_written_when_it_comes(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, "{\"usageMetadata\":{\"promptTokenCount\":3},\"responseId\":\"R1\"}");
	assert_int_equal(a.bytes.len, 0);
	answer_gets(&a, PART(TEXT("a")));
	assert_string_equal(
	    buf_text(&a.bytes), EVENT("0", ROLE, "null") EVENT("0", "{\"content\":\"a\"}", "null"));
	buf_clear(&a.bytes);
	answer_gets(&a, LAST(TEXT(""), "STOP"));
	assert_int_equal(a.bytes.len, 0);
	buf_fini(&a.bytes);
}

static void
thoughts_come_beside_the_text(void **state)
{
	(void)state;
	STREAMS(EVENT("0", ROLE, "null") EVENT("0", "{\"reasoning_content\":\"hm\"}", "null")
		    EVENT("0", "{\"content\":\"a\"}", "null") EVENT("0", "{}", "\"stop\"") DONE,
	    PART("{\"text\":\"hm\",\"thought\":true}"), LAST(TEXT("a"), "STOP"));
}

static void
candidates_are_choices_by_their_index(void **state)
{
	(void)state;
	STREAMS(EVENT("1", ROLE, "null") EVENT("1", "{\"content\":\"b\"}", "null")
		    EVENT("0", ROLE, "null") EVENT("0", "{\"content\":\"a\"}", "null")
			EVENT("0", "{}", "\"stop\"") EVENT("1", "{}", "\"content_filter\"") DONE,
	    "{\"responseId\":\"R1\",\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":"
	    "\"b\"}]},"
	    "\"finishReason\":\"SAFETY\"},{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
	    "\"finishReason\":\"STOP\"}]}");
}

#define FIRST_EVENT                                                                                \
	CHUNK_HEAD ",\"choices\":[{\"index\":0,\"delta\":" ROLE                                    \
		   ",\"finish_reason\":null}],\"usage\":null}\n\n"
#define LAST_EVENT                                                                                 \
	CHUNK_HEAD ",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"         \
		   "\"usage\":null}\n\n"
#define USAGE_EVENT                                                                                \
	CHUNK_HEAD ",\"choices\":[],\"usage\":{\"prompt_tokens\":38,\"completion_tokens\":174,"    \
		   "\"total_tokens\":212,\"prompt_tokens_details\":{\"cached_tokens\":30},"        \
		   "\"completion_tokens_details\":{\"reasoning_tokens\":168}}}\n\n"

static void
usage_comes_last_when_it_was_asked_for(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	a.notes.include_usage = true;
	answer_gets(&a,
	    "{\"responseId\":\"R1\",\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":"
	    "{\"promptTokenCount\":38,\"thoughtsTokenCount\":68,\"totalTokenCount\":106}}");
	answer_gets(&a,
	    "{\"usageMetadata\":{\"promptTokenCount\":38,\"candidatesTokenCount\":6,"
	    "\"thoughtsTokenCount\":168,\"totalTokenCount\":212,\"cachedContentTokenCount\":30}}");
	assert_true(dialect_openai_chat.finish(&a.out, &a.err));
	assert_string_equal(buf_text(&a.bytes), FIRST_EVENT LAST_EVENT USAGE_EVENT DONE);
	buf_fini(&a.bytes);
}

static void
a_blocked_prompt_is_a_refusal(void **state)
{
	(void)state;
	STREAMS(EVENT("0", ROLE, "null")
		    EVENT("0", "{\"refusal\":\"The prompt was blocked: SAFETY\"}", "null")
			EVENT("0", "{}", "\"content_filter\"") DONE,
	    "{\"responseId\":\"R1\",\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}",
	    "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}");
}

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
	assert_int_equal(a.bytes.len, 0);
	a.out.begun = true;
	(dialect_openai_chat.fail)(&a.out, &a.err); /* cmocka has a macro of that name */
	assert_string_equal(buf_text(&a.bytes),
	    "data: {\"error\":{\"message\":\"the upstream broke off before its answer's "
	    "end\",\"type\":"
	    "\"server_error\",\"param\":null,\"code\":\"upstream_truncated\"}}\n\n");
	buf_fini(&a.bytes);
}

static void
one_choice_that_broke_off_breaks_the_answer(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, "{\"candidates\":[{\"finishReason\":\"STOP\"},{\"index\":1}]}");
	assert_false(dialect_openai_chat.finish(&a.out, &a.err));
	buf_fini(&a.bytes);
}

static void
an_answer_with_nothing_in_it_is_none(void **state)
{
	struct answer a;

	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		answer_init(&a, stream);
		assert_false(dialect_openai_chat.finish(&a.out, &a.err));
		assert_int_equal(a.err.kind, ERR_UPSTREAM);
		answer_gets(&a, "{\"candidates\":[],\"usageMetadata\":{\"totalTokenCount\":1}}");
		assert_false(dialect_openai_chat.finish(&a.out, &a.err));
		assert_int_equal(a.bytes.len, 0);
		buf_fini(&a.bytes);
	}
}

static void
without_a_response_id_the_requests_own_serves(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, "{\"candidates\":[{}]}");
	answer_gets(&a, PART(TEXT("a")));
	assert_non_null(strstr(buf_text(&a.bytes), "\"id\":\"chatcmpl-req1\""));
	assert_null(strstr(buf_text(&a.bytes), "R1"));
	buf_fini(&a.bytes);
}

static void
a_comment_keeps_a_stream_alive(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	assert_true(dialect_openai_chat.keeps_alive);
	dialect_openai_chat.keep_alive(&a.out);
	assert_string_equal(buf_text(&a.bytes), ": keep-alive\n\n");
	buf_fini(&a.bytes);
}

/* ---- calls, pictures, code ---- */

/* Puts "call_*" in place of each id, having looked at it. */
static const char *
without_ids(const struct buf *b, char ids[][32], size_t max, size_t *count)
{
	struct buf out = BUF_INIT;
	const char *p = buf_text(b), *id, *text;

	*count = 0;
	while ((id = strstr(p, "call_")) != NULL) {
		size_t len = strspn(id + 5, "abcdefghijklmnopqrstuvwxyz234567");

		buf_add(&out, p, (size_t)(id - p));
		if (len != 24) { /* tool_calls and the like */
			buf_add_lit(&out, "call_");
			p = id + 5;
			continue;
		}
		buf_add_lit(&out, "call_*");
		assert_in_range(*count, 0, max - 1);
		snprintf(ids[(*count)++], 32, "%.29s", id);
		p = id + 29;
	}
	buf_add_text(&out, p);
	text = arena_dup_span(arena, buf_span(&out));
	buf_fini(&out);
	return text;
}

#define CALL(name, args) "{\"functionCall\":{\"name\":\"" name "\",\"args\":" args "}}"

static void
calls_come_whole_and_are_counted(void **state)
{
	struct answer a;
	char ids[4][32];
	size_t count;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a,
	    PART(TEXT("a") "," CALL("f", "{ \"x\" : \"a \\\"b\\\\ \",\r\n \"y\": [ 1 , 2 ] }")));
	answer_gets(&a, PART("{\"functionCall\":{\"name\":\"g\"},\"thoughtSignature\":\"U0lH\"}"));
	answer_gets(&a, LAST(TEXT(""), "STOP"));
	assert_true(dialect_openai_chat.finish(&a.out, &a.err));
	assert_string_equal(without_ids(&a.bytes, ids, 4, &count),
	    EVENT("0", ROLE, "null") EVENT("0", "{\"content\":\"a\"}", "null") EVENT("0",
		"{\"tool_calls\":[{\"index\":0,\"id\":\"call_*\",\"type\":\"function\","
		"\"function\":{\"name\":\"f\","
		"\"arguments\":\"{\\\"x\\\":\\\"a \\\\\\\"b\\\\\\\\ \\\",\\\"y\\\":[1,2]}\"}}]}",
		"null") EVENT("0",
		"{\"tool_calls\":[{\"index\":1,\"id\":\"call_*\",\"type\":\"function\","
		"\"function\":"
		"{\"name\":\"g\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_"
		"signature\":"
		"\"U0lH\"}}}]}",
		"null") EVENT("0", "{}", "\"tool_calls\"") DONE);
	assert_int_equal(count, 2);
	assert_string_not_equal(ids[0], ids[1]);
	buf_fini(&a.bytes);
}

static void
calls_of_a_plain_answer_stand_in_the_message(void **state)
{
	struct answer a;
	char ids[4][32];
	size_t count;

	(void)state;
	answer_init(&a, false);
	answer_gets(&a, LAST(CALL("f", "{\"x\": 1}") "," CALL("f", "{}"), "STOP"));
	assert_true(dialect_openai_chat.finish(&a.out, &a.err));
	assert_string_equal(without_ids(&a.bytes, ids, 4, &count),
	    PLAIN_HEAD ",\"choices\":[{\"index\":0,\"message\":{\"role\":"
		       "\"assistant\",\"content\":"
		       "null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_*\","
		       "\"type\":\"function\",\"function\":{\"name\":"
		       "\"f\",\"arguments\":\"{\\\"x\\\":1}\"}},{\"id\":\"call_*\","
		       "\"type\":\"function\",\"function\":{\"name\":"
		       "\"f\",\"arguments\":\"{}\"}}]},\"logprobs\":null,\"finish_"
		       "reason\":\"tool_calls\"}],\"usage\":"
		       "{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":"
		       "0,\"prompt_tokens_details\":"
		       "{\"cached_tokens\":0},\"completion_tokens_details\":{"
		       "\"reasoning_tokens\":0}}}");
	assert_int_equal(count, 2);
	assert_string_not_equal(ids[0], ids[1]);
	buf_fini(&a.bytes);
}

static void
calls_that_end_without_a_reason_are_whole(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, true);
	answer_gets(&a, PART(CALL("f", "{}")));
	assert_true(dialect_openai_chat.finish(&a.out, &a.err));
	assert_non_null(strstr(buf_text(&a.bytes), "\"finish_reason\":\"tool_calls\""));
	buf_fini(&a.bytes);
}

static void
ids_differ_from_request_to_request(void **state)
{
	struct answer a, b;
	char ids[2][32];
	char first[32];
	size_t count;

	(void)state;
	answer_init(&a, false);
	answer_init(&b, false);
	b.out.request_id = "req2";
	answer_gets(&a, LAST(CALL("f", "{}"), "STOP"));
	answer_gets(&b, LAST(CALL("f", "{}"), "STOP"));
	assert_true(dialect_openai_chat.finish(&a.out, &a.err));
	assert_true(dialect_openai_chat.finish(&b.out, &b.err));
	without_ids(&a.bytes, ids, 2, &count);
	strcpy(first, ids[0]);
	without_ids(&b.bytes, ids, 2, &count);
	assert_string_not_equal(first, ids[0]);
	buf_fini(&a.bytes);
	buf_fini(&b.bytes);
}

static void
pictures_and_code_are_not_lost(void **state)
{
	(void)state;
	STREAMS(EVENT("0", ROLE, "null") EVENT("0",
		    "{\"images\":[{\"type\":\"image_url\",\"index\":0,\"image_url\":{\"url\":"
		    "\"data:image/png;base64,AAAA\"}}]}",
		    "null") EVENT("0", "{\"content\":\"\\n```python\\nprint(1)\\n```\\n\"}", "null")
		    EVENT("0", "{\"content\":\"\\n```\\n1\\n```\\n\"}", "null")
			EVENT("0", "{}", "\"stop\"") DONE,
	    PART("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}"),
	    PART("{\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"print(1)\"}}"),
	    LAST("{\"codeExecutionResult\":{\"outcome\":\"OUTCOME_OK\",\"output\":\"1\"}},{"
		 "\"toolCall\":{}}",
		"STOP"));
}

/* ---- plain answers ---- */

#define NO_USAGE                                                                                   \
	",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0,\"prompt_"     \
	"tokens_details\":"                                                                        \
	"{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}"
#define CHOICE(index, message, finish)                                                             \
	"{\"index\":" index ",\"message\":{\"role\":\"assistant\"," message "},\"logprobs\":null," \
	"\"finish_reason\":\"" finish "\"}"

static void
a_plain_answer_is_one_object(void **state)
{
	static const struct {
		const char *name, *chunk, *choices;
	} rows[] = {
		{ "text", LAST(TEXT("a\\n") "," TEXT("b"), "STOP"),
		    CHOICE("0", "\"content\":\"a\\nb\",\"refusal\":null", "stop") },
		{ "thoughts", LAST("{\"text\":\"hm\",\"thought\":true}," TEXT("a"), "STOP"),
		    CHOICE("0", "\"content\":\"a\",\"refusal\":null,\"reasoning_content\":\"hm\"",
			"stop") },
		{ "no text", LAST("", "STOP"),
		    CHOICE("0", "\"content\":\"\",\"refusal\":null", "stop") },
		{ "no text, cut short", LAST("", "MAX_TOKENS"),
		    CHOICE("0", "\"content\":\"\",\"refusal\":null", "length") },
		{ "filtered", LAST("", "SAFETY"),
		    CHOICE("0", "\"content\":null,\"refusal\":null", "content_filter") },
		{ "filtered on the way", LAST(TEXT("a"), "SAFETY"),
		    CHOICE("0", "\"content\":\"a\",\"refusal\":null", "content_filter") },
		{ "no reason given", PART(TEXT("a")),
		    CHOICE("0", "\"content\":\"a\",\"refusal\":null", "stop") },
		{ "blocked",
		    "{\"responseId\":\"R1\",\"promptFeedback\":{\"blockReason\":\"OTHER\"}}",
		    CHOICE("0", "\"content\":null,\"refusal\":\"The prompt was blocked: OTHER\"",
			"content_filter") },
		{ "a picture",
		    LAST("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA\"}}", "STOP"),
		    CHOICE("0",
			"\"content\":\"\",\"refusal\":null,\"images\":[{\"type\":\"image_url\","
			"\"index\":0,"
			"\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}]",
			"stop") },
		{ "two choices, in order",
		    "{\"responseId\":\"R1\",\"candidates\":[{\"index\":1,\"finishReason\":"
		    "\"STOP\"},{\"index\":0,\"finishReason\":\"MAX_TOKENS\"}]}",
		    CHOICE("0", "\"content\":\"\",\"refusal\":null", "length") "," CHOICE(
			"1", "\"content\":\"\",\"refusal\":null", "stop") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf want = BUF_INIT;
		struct answer a;

		answer_init(&a, false);
		answer_gets(&a, rows[i].chunk);
		assert_int_equal(a.bytes.len, 0);
		assert_true(dialect_openai_chat.finish(&a.out, &a.err));
		buf_printf(&want, PLAIN_HEAD ",\"choices\":[%s]" NO_USAGE, rows[i].choices);
		if (!span_eq(buf_span(&a.bytes), buf_span(&want)))
			fail_msg("%s:\n%s\ninstead of\n%s", rows[i].name, buf_text(&a.bytes),
			    buf_text(&want));
		assert_true(scan_check(buf_span(&a.bytes), NULL, NULL));
		buf_fini(&want);
		buf_fini(&a.bytes);
	}
}

static void
a_plain_answer_may_be_gathered_from_many_chunks(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	answer_gets(&a, PART(TEXT("a")));
	answer_gets(&a, PART(TEXT("b")));
	answer_gets(&a, LAST(TEXT("c"), "STOP"));
	assert_true(dialect_openai_chat.finish(&a.out, &a.err));
	assert_string_equal(
	    buf_text(&a.bytes), PLAIN_HEAD ",\"choices\":[" CHOICE("0",
				    "\"content\":\"abc\",\"refusal\":null", "stop") "]" NO_USAGE);
	buf_fini(&a.bytes);
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
		{ "CONTINUATION", "length", "length", false },
		{ "SAFETY", "content_filter", "content_filter", false },
		{ "RECITATION", "content_filter", "content_filter", false },
		{ "LANGUAGE", "content_filter", "content_filter", false },
		{ "BLOCKLIST", "content_filter", "content_filter", false },
		{ "PROHIBITED_CONTENT", "content_filter", "content_filter", false },
		{ "SPII", "content_filter", "content_filter", false },
		{ "IMAGE_SAFETY", "content_filter", "content_filter", false },
		{ "IMAGE_PROHIBITED_CONTENT", "content_filter", "content_filter", false },
		{ "IMAGE_RECITATION", "content_filter", "content_filter", false },
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
		answer_gets(&a, buf_text(&chunk));
		assert_true(dialect_openai_chat.finish(&a.out, &a.err));
		snprintf(want, sizeof(want), "\"finish_reason\":\"%s\"",
		    calls ? rows[i / 4].with_calls : rows[i / 4].openai);
		snprintf(native, sizeof(native),
		    "\"extra_content\":{\"google\":{\"finish_reason\":\"%s\","
		    "\"finish_message\":\"why\"}}",
		    reason);
		if (strstr(buf_text(&a.bytes), want) == NULL ||
		    (strstr(buf_text(&a.bytes), native) != NULL) != rows[i / 4].native)
			fail_msg("%s: %s", reason, buf_text(&a.bytes));
		buf_fini(&chunk);
		buf_fini(&a.bytes);
	}
}

/* ---- usage ---- */

static void
thoughts_count_inside_and_tool_results_too(void **state)
{
	struct answer a;

	(void)state;
	answer_init(&a, false);
	answer_gets(&a,
	    "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":"
	    "21,"
	    "\"candidatesTokenCount\":96,\"thoughtsTokenCount\":160,\"toolUsePromptTokenCount\":86,"
	    "\"cachedContentTokenCount\":5}}");
	assert_true(dialect_openai_chat.finish(&a.out, &a.err));
	assert_non_null(strstr(buf_text(&a.bytes),
	    "\"usage\":{\"prompt_tokens\":107,\"completion_tokens\":256,\"total_tokens\":363,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":5},\"completion_tokens_details\":{"
	    "\"reasoning_tokens\":160}}"));
	buf_fini(&a.bytes);
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
	struct answer a;

	(void)state;
	for (int asked = 0; asked <= 1; asked++) {
		for (int stream = 0; stream <= 1; stream++) {
			answer_init(&a, stream);
			a.notes.logprobs = asked;
			answer_gets(&a, LOGPROBS);
			assert_true(dialect_openai_chat.finish(&a.out, &a.err));
			assert_int_equal(
			    strstr(buf_text(&a.bytes), "\"logprobs\":" LOGPROB) != NULL, asked);
			buf_fini(&a.bytes);
		}
	}
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
	assert_non_null(
	    strstr(buf_text(&a.bytes), "\"delta\":{\"content\":\"\"},\"logprobs\":" LOGPROB));
	buf_fini(&a.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_as_deltas_and_the_reason_at_the_end),
		cmocka_unit_test(a_reason_on_every_chunk_is_told_once),
		cmocka_unit_test(a_chunk_is_written_when_it_comes),
		cmocka_unit_test(thoughts_come_beside_the_text),
		cmocka_unit_test(candidates_are_choices_by_their_index),
		cmocka_unit_test(usage_comes_last_when_it_was_asked_for),
		cmocka_unit_test(a_blocked_prompt_is_a_refusal),
		cmocka_unit_test(an_end_without_a_reason_is_a_break),
		cmocka_unit_test(one_choice_that_broke_off_breaks_the_answer),
		cmocka_unit_test(an_answer_with_nothing_in_it_is_none),
		cmocka_unit_test(without_a_response_id_the_requests_own_serves),
		cmocka_unit_test(a_comment_keeps_a_stream_alive),
		cmocka_unit_test(calls_come_whole_and_are_counted),
		cmocka_unit_test(calls_of_a_plain_answer_stand_in_the_message),
		cmocka_unit_test(calls_that_end_without_a_reason_are_whole),
		cmocka_unit_test(ids_differ_from_request_to_request),
		cmocka_unit_test(pictures_and_code_are_not_lost),
		cmocka_unit_test(a_plain_answer_is_one_object),
		cmocka_unit_test(a_plain_answer_may_be_gathered_from_many_chunks),
		cmocka_unit_test(every_finish_reason_has_its_word),
		cmocka_unit_test(thoughts_count_inside_and_tool_results_too),
		cmocka_unit_test(probabilities_come_when_they_were_asked_for),
		cmocka_unit_test(probabilities_without_text_are_not_lost),
	};

	return cmocka_run_group_tests_name("dialect/openai_chat_out", tests, setup, teardown);
}
