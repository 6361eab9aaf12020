#include "gemini/chunk.h"

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

static struct chunk
chunk_of(const char *json)
{
	struct err e = ERR_INIT;
	struct chunk k;

	if (!chunk_parse(span_of(json), OP_STREAM, arena, &k, &e))
		fail_msg("%s: %s", json, e.text);
	return k;
}

#define IS(span, words) assert_true(span_is(span, words))

/* ---- what a chunk holds ---- */

static void
all_that_matters_is_found(void **state)
{
	struct chunk k = chunk_of(
	    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"a\\n\"},"
	    "{\"text\":\"why\",\"thought\":true},{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":"
	    " 1},"
	    "\"id\":\"c1\"},\"thoughtSignature\":\"U0lH\"},{\"inlineData\":{\"mimeType\":\"image/"
	    "png\","
	    "\"data\":\"AAAA\"}},{\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"print(1)"
	    "\"}},"
	    "{\"codeExecutionResult\":{\"outcome\":\"OUTCOME_OK\",\"output\":\"1\\n\"}},"
	    "{\"toolCall\":{\"id\":\"t\"}}]},\"index\":1,\"finishReason\":\"STOP\","
	    "\"finishMessage\":\"done\","
	    "\"groundingMetadata\":{\"g\":1},\"citationMetadata\":{\"c\":1},\"logprobsResult\":{"
	    "\"l\":1},"
	    "\"safetyRatings\":[]}],\"usageMetadata\":{\"promptTokenCount\":38,"
	    "\"cachedContentTokenCount\":\"7\","
	    "\"candidatesTokenCount\":6,\"thoughtsTokenCount\":168,\"toolUsePromptTokenCount\":1,"
	    "\"totalTokenCount\":212},\"modelVersion\":\"gemini-x\",\"responseId\":\"R1\"}");
	const struct candidate *c = &k.candidates[0];

	(void)state;
	assert_int_equal(k.candidate_count, 1);
	assert_int_equal(c->index, 1);
	assert_int_equal(c->part_count, 7);
	assert_int_equal(c->parts[0].kind, PART_TEXT);
	IS(c->parts[0].text, "a\\n");
	assert_false(c->parts[0].thought);
	assert_null(c->parts[0].signature.p);
	IS(c->parts[0].raw, "{\"text\":\"a\\n\"}");
	assert_true(c->parts[1].thought);
	assert_int_equal(c->parts[2].kind, PART_FUNCTION_CALL);
	IS(c->parts[2].name, "f");
	IS(c->parts[2].args, "{\"x\": 1}");
	IS(c->parts[2].id, "c1");
	IS(c->parts[2].signature, "U0lH");
	assert_int_equal(c->parts[3].kind, PART_INLINE_DATA);
	IS(c->parts[3].mime, "image/png");
	IS(c->parts[3].data, "AAAA");
	assert_int_equal(c->parts[4].kind, PART_CODE);
	IS(c->parts[4].text, "print(1)");
	IS(c->parts[4].language, "PYTHON");
	assert_int_equal(c->parts[5].kind, PART_CODE_RESULT);
	IS(c->parts[5].text, "1\\n");
	assert_int_equal(c->parts[6].kind, PART_OTHER);
	IS(c->parts[6].raw, "{\"toolCall\":{\"id\":\"t\"}}");
	IS(c->finish_reason, "STOP");
	IS(c->finish_message, "done");
	IS(c->grounding, "{\"g\":1}");
	IS(c->citation, "{\"c\":1}");
	IS(c->logprobs, "{\"l\":1}");
	IS(c->safety, "[]");
	assert_int_equal(k.usage.prompt, 38);
	assert_int_equal(k.usage.cached, 7);
	assert_int_equal(k.usage.candidates, 6);
	assert_int_equal(k.usage.thoughts, 168);
	assert_int_equal(k.usage.tool_prompt, 1);
	assert_int_equal(k.usage.total, 212);
	IS(k.model_version, "gemini-x");
	IS(k.response_id, "R1");
	assert_null(k.block_reason.p);
	assert_null(k.error.p);
}

static void
what_is_not_said_is_told_apart_from_zero(void **state)
{
	struct chunk k =
	    chunk_of("{\"candidates\":[{}],\"usageMetadata\":{\"totalTokenCount\":0}}");

	(void)state;
	assert_int_equal(k.candidate_count, 1);
	assert_int_equal(k.candidates[0].index, 0);
	assert_int_equal(k.candidates[0].part_count, 0);
	assert_null(k.candidates[0].finish_reason.p);
	assert_int_equal(k.usage.total, 0);
	assert_int_equal(k.usage.prompt, -1);
}

static void
what_google_may_write_is_tolerated(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"candidates\":null,\"usageMetadata\":null,\"promptFeedback\":null,"
		"\"responseId\":null}",
		"{\"candidates\":[]}",
		"{\"candidates\":[null,{\"content\":null},{\"content\":{}},{\"content\":{\"parts\":"
		"null}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[null,{},{\"text\":null}]}}]}",
		"{\"candidates\":[{\"content\":{\"missing-parts\":true}}]}",
		"{\"candidates\":[{\"finishReason\":\"SOMETHING_NEW\",\"newThing\":{\"a\":[1,{}]}}]"
		"}",
		"{\"candidates\":[{\"finishReason\":4,\"index\":\"2\"}]}",
		"{\"this\":[{\"is\":{\"not\":[{\"a\":\"valid\"}]},\"response\":{}}]}",
		"{\"usageMetadata\":{\"promptTokenCount\":\"12\",\"totalTokenCount\":1.5,"
		"\"trafficType\":\"X\"}}",
		"{\"promptFeedback\":{\"safetyRatings\":[{}]}}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\","
		"\"args\":null}}]}}]}",
		" \r\n{ \"candidates\" : [ ] } \r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		chunk_of(rows[i]);
}

static void
what_it_may_not_write_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"null",
		"[]",
		"\"text\"",
		"7",
		"{",
		"{} x",
		"{\"candidates\":{}}",
		"{\"candidates\":[7]}",
		"{\"candidates\":[{\"content\":[]}]}",
		"{\"candidates\":[{\"content\":{\"parts\":{}}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[\"a\"]}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":7}]}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"thought\":\"yes\"}]}}]}",
		"{\"candidates\":[{\"finishReason\":{}}]}",
		"{\"usageMetadata\":[]}",
		"{\"usageMetadata\":{\"promptTokenCount\":{}}}",
		"{\"responseId\":{}}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\xff\"}]}}]}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct chunk k;

		if (chunk_parse(span_of(rows[i]), OP_STREAM, arena, &k, &e))
			fail_msg("%s", rows[i]);
		assert_int_equal(e.kind, ERR_UPSTREAM);
	}
}

static void
a_call_may_come_in_pieces(void **state)
{
	struct chunk k = chunk_of(
	    "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\","
	    "\"willContinue\":true}},{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.a\"}],"
	    "\"willContinue\":null}},{\"functionCall\":{}}]}}]}");
	const struct part *p = k.candidates[0].parts;

	(void)state;
	IS(p[0].name, "f");
	assert_true(p[0].will_continue);
	assert_null(p[0].partial.p);
	assert_int_equal(p[1].kind, PART_FUNCTION_CALL);
	IS(p[1].partial, "[{\"jsonPath\":\"$.a\"}]");
	assert_false(p[1].will_continue);
	assert_int_equal(p[2].kind, PART_FUNCTION_CALL);
	assert_null(p[2].name.p);
}

static void
an_error_never_tells_what_the_answer_said(void **state)
{
	struct err e = ERR_INIT;
	struct chunk k;

	(void)state;
	assert_false(
	    chunk_parse(SPAN("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"the secret"),
		OP_STREAM, arena, &k, &e));
	assert_null(strstr(e.text, "secret"));
}

static void
numbers_that_a_counter_cannot_hold_are_not_said(void **state)
{
	struct chunk k =
	    chunk_of("{\"usageMetadata\":{\"promptTokenCount\":1.5,\"totalTokenCount\":"
		     "99999999999999999999,\"thoughtsTokenCount\":\"x\"}}");

	(void)state;
	assert_int_equal(k.usage.prompt, -1);
	assert_int_equal(k.usage.total, -1);
	assert_int_equal(k.usage.thoughts, -1);
}

static void
a_message_alone_blocks_as_well(void **state)
{
	struct chunk k = chunk_of("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}");

	(void)state;
	IS(k.block_reason, "SAFETY");
	k = chunk_of("{\"candidates\":[],\"promptFeedback\":{\"blockReasonMessage\":\"Message\"}}");
	IS(k.block_reason, "BLOCK_REASON_UNSPECIFIED");
	IS(k.block_message, "Message");
}

static void
many_candidates_and_parts_are_all_kept(void **state)
{
	struct buf b = BUF_INIT;
	struct chunk k;

	(void)state;
	buf_add_lit(&b, "{\"candidates\":[");
	for (int i = 0; i < 37; i++) {
		buf_printf(&b, "%s{\"index\":%d,\"content\":{\"parts\":[", i ? "," : "", i);
		for (int j = 0; j <= i; j++)
			buf_printf(&b, "%s{\"text\":\"%d.%d\"}", j ? "," : "", i, j);
		buf_add_lit(&b, "]}}");
	}
	buf_add_lit(&b, "]}");
	k = chunk_of(buf_text(&b));
	assert_int_equal(k.candidate_count, 37);
	for (size_t i = 0; i < 37; i++) {
		assert_int_equal(k.candidates[i].index, i);
		assert_int_equal(k.candidates[i].part_count, i + 1);
		for (size_t j = 0; j <= i; j++) {
			char want[16];

			snprintf(want, sizeof(want), "%zu.%zu", i, j);
			IS(k.candidates[i].parts[j].text, want);
		}
	}
	buf_fini(&b);
}

static void
other_operations_give_only_their_bytes(void **state)
{
	static const char json[] = "{\"totalTokens\":6,\"candidates\":7}";
	struct err e = ERR_INIT;
	struct chunk k;

	(void)state;
	assert_true(chunk_parse(span_of(json), OP_COUNT, arena, &k, &e));
	IS(k.raw, json);
	assert_int_equal(k.candidate_count, 0);
	assert_true(chunk_says_something(&k, OP_COUNT));
	assert_false(chunk_parse(SPAN("{\"totalTokens\":6"), OP_COUNT, arena, &k, &e));
}

static void
embeddings_give_only_their_bytes(void **state)
{
	static const char *const rows[] = { "{\"embedding\":{\"values\":[0.1,2]}}",
		"{\"embeddings\":[{\"values\":[1]},{\"values\":[2]}],\"usageMetadata\":7}" };
	static const enum operation ops[] = { OP_EMBED, OP_BATCH_EMBED };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct chunk k;

		assert_true(chunk_parse(span_of(rows[i]), ops[i], arena, &k, &e));
		IS(k.raw, rows[i]);
		assert_int_equal(k.usage.prompt, -1);
		assert_true(chunk_says_something(&k, ops[i]));
		assert_false(chunk_ends(&k));
	}
}

/* ---- what it says ---- */

static void
only_some_chunks_say_something(void **state)
{
	static const struct {
		const char *json;
		bool says;
	} rows[] = {
		{ "{}", false },
		{ "{\"usageMetadata\":{\"totalTokenCount\":3}}", false },
		{ "{\"candidates\":[{\"content\":{\"role\":\"model\"}}]}", false },
		{ "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]}}]}", false },
		{ "{\"candidates\":[{\"content\":{\"parts\":[{}]}}]}", false },
		{ "{\"candidates\":[{\"content\":{\"parts\":[{\"thoughtSignature\":\"QUJD\"}]}}]}",
		    false },
		{ "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":null}]}}]}", false },
		{ "{\"candidates\":[{\"content\":{\"parts\":[{\"toolCall\":{}}]}}]}", true },
		{ "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}", true },
		{ "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]}}"
		  "]}",
		    true },
		{ "{\"candidates\":[{},{\"finishReason\":\"STOP\"}]}", true },
		{ "{\"promptFeedback\":{\"blockReason\":\"OTHER\"}}", true },
		{ "{\"error\":{\"code\":500}}", false },
		{ "{\"error\":null,\"candidates\":[{\"finishReason\":\"STOP\"}]}", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct chunk k = chunk_of(rows[i].json);

		if (chunk_says_something(&k, OP_STREAM) != rows[i].says)
			fail_msg("%s", rows[i].json);
	}
}

/* Reasons for which another try may do better (lessons 38, 43). */
static void
a_failure_with_nothing_beside_it_says_nothing_but_ends(void **state)
{
	static const struct {
		const char *reason;
		enum finish finish;
	} rows[] = {
		{ "\"STOP\"", FINISH_STOP }, /* nothing to add to a tool's result, perhaps */
		{ "\"MAX_TOKENS\"", FINISH_LENGTH },
		{ "\"CONTINUATION\"", FINISH_LENGTH },
		{ "\"SAFETY\"", FINISH_FILTER },
		{ "\"RECITATION\"", FINISH_FILTER },
		{ "\"LANGUAGE\"", FINISH_FILTER },
		{ "\"BLOCKLIST\"", FINISH_FILTER },
		{ "\"PROHIBITED_CONTENT\"", FINISH_FILTER },
		{ "\"SPII\"", FINISH_FILTER },
		{ "\"IMAGE_SAFETY\"", FINISH_FILTER },
		{ "\"IMAGE_PROHIBITED_CONTENT\"", FINISH_FILTER },
		{ "\"IMAGE_RECITATION\"", FINISH_FILTER },
		{ "\"OTHER\"", FINISH_FAILED },
		{ "\"MALFORMED_FUNCTION_CALL\"", FINISH_FAILED },
		{ "\"UNEXPECTED_TOOL_CALL\"", FINISH_FAILED },
		{ "\"TOO_MANY_TOOL_CALLS\"", FINISH_FAILED },
		{ "\"MALFORMED_RESPONSE\"", FINISH_FAILED },
		{ "\"MISSING_THOUGHT_SIGNATURE\"", FINISH_FAILED },
		{ "\"NO_IMAGE\"", FINISH_FAILED },
		{ "\"IMAGE_OTHER\"", FINISH_FAILED },
		{ "\"FINISH_REASON_UNSPECIFIED\"", FINISH_FAILED },
		{ "\"SOMETHING_NEW\"", FINISH_FAILED },
		{ "77", FINISH_FAILED },
		{ "null", FINISH_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool ends = rows[i].finish != FINISH_NONE;
		struct buf bare = BUF_INIT, full = BUF_INIT;
		struct chunk k;

		buf_printf(&bare,
		    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},"
		    "\"finishReason\":%s}]}",
		    rows[i].reason);
		buf_printf(&full,
		    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
		    "\"finishReason\":%s}]}",
		    rows[i].reason);
		k = chunk_of(buf_text(&bare));
		assert_int_equal(finish_of(k.candidates[0].finish_reason), rows[i].finish);
		assert_int_equal(
		    chunk_says_something(&k, OP_STREAM), ends && rows[i].finish != FINISH_FAILED);
		assert_int_equal(chunk_ends(&k), ends);
		k = chunk_of(buf_text(&full));
		assert_true(chunk_says_something(&k, OP_STREAM));
		assert_int_equal(chunk_ends(&k), ends);
		buf_fini(&bare);
		buf_fini(&full);
	}
}

static void
one_candidate_that_says_something_is_enough(void **state)
{
	struct chunk k = chunk_of("{\"candidates\":[{\"finishReason\":\"OTHER\"},{\"index\":1,"
				  "\"finishReason\":\"STOP\"}]}");

	(void)state;
	assert_true(chunk_says_something(&k, OP_GENERATE));
	k = chunk_of("{\"candidates\":[{\"finishReason\":\"OTHER\"},{\"index\":1}]}");
	assert_false(chunk_says_something(&k, OP_GENERATE));
	assert_true(chunk_ends(&k));
}

/* ---- usage ---- */

static void
tokens_are_counted_by_modality(void **state)
{
	struct chunk k = chunk_of(
	    "{\"usageMetadata\":{\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":3},"
	    "{\"modality\":\"TEXT\",\"tokenCount\":\"4\"},{\"modality\":\"IMAGE\"},"
	    "{\"modality\":\"DOCUMENT\",\"tokenCount\":9},{\"tokenCount\":9},{\"modality\":7},"
	    "7,null],\"candidatesTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":5},"
	    "{\"modality\":\"TEXT\",\"tokenCount\":-5}],\"cacheTokensDetails\":[{\"modality\":"
	    "\"AUDIO\",\"tokenCount\":9}]}}");

	(void)state;
	assert_int_equal(k.usage.prompt_text, 7);
	assert_int_equal(k.usage.prompt_image, 0);
	assert_int_equal(k.usage.prompt_audio, -1);
	assert_int_equal(k.usage.answer_audio, 5);
	assert_int_equal(k.usage.answer_text, -1);
	assert_int_equal(k.usage.answer_image, -1);
}

static void
details_of_a_shape_that_is_not_known_say_nothing(void **state)
{
	static const char *const rows[] = { "7", "{}", "null", "\"x\"", "[[]]",
		"[{\"modality\":\"IMAGE\",\"tokenCount\":1.5}]",
		"[{\"modality\":\"TEXT\",\"tokenCount\":9223372036854775807}]" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf json = BUF_INIT;
		struct chunk k;

		buf_printf(&json, "{\"usageMetadata\":{\"promptTokensDetails\":%s}}", rows[i]);
		k = chunk_of(buf_text(&json));
		assert_int_equal(k.usage.prompt_audio, -1);
		buf_fini(&json);
	}
}

static void
the_last_said_of_each_counter_wins(void **state)
{
	struct usage sum, newer;

	(void)state;
	usage_init(&sum);
	usage_init(&newer);
	newer.prompt = 5;
	newer.candidates = 1;
	usage_merge(&sum, &newer);
	usage_init(&newer);
	newer.candidates = 9;
	usage_merge(&sum, &newer);
	assert_int_equal(sum.prompt, 5);
	assert_int_equal(sum.candidates, 9);
	assert_int_equal(sum.total, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_matters_is_found),
		cmocka_unit_test(what_is_not_said_is_told_apart_from_zero),
		cmocka_unit_test(what_google_may_write_is_tolerated),
		cmocka_unit_test(what_it_may_not_write_is_refused),
		cmocka_unit_test(a_call_may_come_in_pieces),
		cmocka_unit_test(an_error_never_tells_what_the_answer_said),
		cmocka_unit_test(numbers_that_a_counter_cannot_hold_are_not_said),
		cmocka_unit_test(a_message_alone_blocks_as_well),
		cmocka_unit_test(many_candidates_and_parts_are_all_kept),
		cmocka_unit_test(other_operations_give_only_their_bytes),
		cmocka_unit_test(embeddings_give_only_their_bytes),
		cmocka_unit_test(only_some_chunks_say_something),
		cmocka_unit_test(a_failure_with_nothing_beside_it_says_nothing_but_ends),
		cmocka_unit_test(one_candidate_that_says_something_is_enough),
		cmocka_unit_test(tokens_are_counted_by_modality),
		cmocka_unit_test(details_of_a_shape_that_is_not_known_say_nothing),
		cmocka_unit_test(the_last_said_of_each_counter_wins),
	};

	return cmocka_run_group_tests_name("gemini/chunk", tests, setup, teardown);
}
