/*
 * Sampling fields, row by row: what a client sends and what Gemini gets of it.
 */
#include "dialect/openai_params.h"

#include "tests/unit/unit.h"

/* Reads the members of an object as fields of a request and writes what comes of them. */
static bool
translate(const char *json, int64_t output_limit, struct buf *out, struct err *e)
{
	struct openai_params p = { 0 };
	struct scan s;
	struct span key;
	bool ok = true, known;

	*e = ERR_INIT;
	scan_init(&s, span_of(json));
	assert_true(scan_object(&s));
	while (ok && scan_member(&s, &key)) {
		ok = openai_params_read(&p, &s, key, &known, e);
		assert_true(known);
	}
	if (!ok)
		return false;
	assert_true(scan_end(&s));
	if (!openai_params_check(&p, e))
		return false;
	openai_params_write(&p, output_limit, out);
	assert_true(scan_check(buf_span(out), NULL, NULL));
	return true;
}

static void
each_field_has_its_translation(void **state)
{
	static const struct {
		const char *openai, *gemini;
	} rows[] = {
		{ "{}", "{}" },
		{ "{\"temperature\":0.7}", "{\"temperature\":0.7}" },
		{ "{\"temperature\":0}", "{\"temperature\":0}" },
		{ "{\"temperature\":2}", "{\"temperature\":2}" },
		{ "{\"temperature\":null}", "{}" },
		{ "{\"temperature\":1e0}", "{\"temperature\":1e0}" },
		{ "{\"temperature\":1,\"temperature\":0.5}", "{\"temperature\":0.5}" },
		{ "{\"temperature\":1,\"temperature\":null}", "{}" },
		{ "{\"top_p\":0.95}", "{\"topP\":0.95}" },
		{ "{\"top_p\":1}", "{\"topP\":1}" },
		{ "{\"top_p\":null}", "{}" },
		{ "{\"top_p\":0}", "{\"temperature\":0}" },
		{ "{\"top_p\":0.0,\"temperature\":1.5}", "{\"temperature\":0}" },
		{ "{\"top_k\":40}", "{\"topK\":40}" },
		{ "{\"presence_penalty\":0.5}", "{\"presencePenalty\":0.5}" },
		{ "{\"frequency_penalty\":-2}", "{\"frequencyPenalty\":-2}" },
		{ "{\"presence_penalty\":0,\"frequency_penalty\":0.0}", "{}" },
		{ "{\"presence_penalty\":-0}", "{}" },
		{ "{\"presence_penalty\":2,\"frequency_penalty\":2.0}",
		    "{\"presencePenalty\":1.99,\"frequencyPenalty\":1.99}" },
		{ "{\"n\":1}", "{}" },
		{ "{\"n\":null}", "{}" },
		{ "{\"n\":8}", "{\"candidateCount\":8}" },
		{ "{\"stop\":null}", "{}" },
		{ "{\"stop\":\"END\"}", "{\"stopSequences\":[\"END\"]}" },
		{ "{\"stop\":\"\"}", "{}" },
		{ "{\"stop\":[\"a\",\"\",\"\\n\\u00e9\"]}",
		    "{\"stopSequences\":[\"a\",\"\\n\\u00e9\"]}" },
		{ "{\"stop\":[]}", "{}" },
		{ "{\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"\"]}",
		    "{\"stopSequences\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}" },
		{ "{\"stop\":[\"a\"],\"stop\":\"b\"}", "{\"stopSequences\":[\"b\"]}" },
		{ "{\"seed\":42}", "{\"seed\":42}" },
		{ "{\"seed\":4294967297}", "{\"seed\":1}" },
		{ "{\"seed\":-1}", "{\"seed\":2147483647}" },
		{ "{\"seed\":0}", "{\"seed\":0}" },
		{ "{\"max_tokens\":100}", "{\"maxOutputTokens\":100}" },
		{ "{\"max_tokens\":100.0}", "{\"maxOutputTokens\":100}" },
		{ "{\"max_completion_tokens\":200}", "{\"maxOutputTokens\":200}" },
		{ "{\"max_tokens\":100,\"max_completion_tokens\":200}",
		    "{\"maxOutputTokens\":200}" },
		{ "{\"max_completion_tokens\":200,\"max_tokens\":100}",
		    "{\"maxOutputTokens\":200}" },
		{ "{\"max_completion_tokens\":null,\"max_tokens\":100}",
		    "{\"maxOutputTokens\":100}" },
		{ "{\"max_tokens\":1000000}", "{\"maxOutputTokens\":65536}" },
		{ "{\"logprobs\":true}", "{\"responseLogprobs\":true}" },
		{ "{\"logprobs\":false}", "{}" },
		{ "{\"logprobs\":null,\"top_logprobs\":null}", "{}" },
		{ "{\"top_logprobs\":5,\"logprobs\":true}",
		    "{\"responseLogprobs\":true,\"logprobs\":5}" },
		{ "{\"logprobs\":true,\"top_logprobs\":0}", "{\"responseLogprobs\":true}" },
		{ "{\"logprobs\":false,\"top_logprobs\":0}", "{}" },
		{ "{\"response_format\":null}", "{}" },
		{ "{\"response_format\":{\"type\":\"text\"}}", "{}" },
		{ "{\"response_format\":{\"type\":\"json_object\"}}",
		    "{\"responseMimeType\":\"application/json\"}" },
		{ "{\"response_format\":{\"x\":1,\"type\":\"text/x.enum\"}}",
		    "{\"responseMimeType\":\"text/x.enum\"}" },
		{ "{\"response_format\":{\"type\":\"json_object\"},\"response_format\":{\"type\":"
		  "\"text\"}}",
		    "{}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = BUF_INIT;
		struct err e;

		if (!translate(rows[i].openai, 65536, &b, &e))
			fail_msg("%s: %s", rows[i].openai, e.text);
		if (!span_is(buf_span(&b), rows[i].gemini))
			fail_msg("%s: %s", rows[i].openai, buf_text(&b));
		buf_fini(&b);
	}
}

static void
values_out_of_range_name_their_field(void **state)
{
	static const struct {
		const char *openai, *field;
	} rows[] = {
		{ "{\"temperature\":-0.1}", "temperature" },
		{ "{\"temperature\":2.01}", "temperature" },
		{ "{\"temperature\":1e400}", "temperature" },
		{ "{\"temperature\":\"1\"}", "temperature" },
		{ "{\"temperature\":true}", "temperature" },
		{ "{\"top_p\":1.1}", "top_p" },
		{ "{\"top_p\":[]}", "top_p" },
		{ "{\"top_k\":0}", "top_k" },
		{ "{\"top_k\":1.5}", "top_k" },
		{ "{\"presence_penalty\":2.1}", "presence_penalty" },
		{ "{\"frequency_penalty\":-2.1}", "frequency_penalty" },
		{ "{\"n\":0}", "n" },
		{ "{\"n\":9}", "n" },
		{ "{\"n\":1.5}", "n" },
		{ "{\"n\":\"1\"}", "n" },
		{ "{\"stop\":7}", "stop" },
		{ "{\"stop\":[\"a\",7]}", "stop[1]" },
		{ "{\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}", "stop" },
		{ "{\"seed\":1.5}", "seed" },
		{ "{\"seed\":99999999999999999999}", "seed" },
		{ "{\"max_tokens\":0}", "max_tokens" },
		{ "{\"max_tokens\":-5}", "max_tokens" },
		{ "{\"max_completion_tokens\":\"many\"}", "max_completion_tokens" },
		{ "{\"logprobs\":1}", "logprobs" },
		{ "{\"top_logprobs\":21,\"logprobs\":true}", "top_logprobs" },
		{ "{\"top_logprobs\":3}", "top_logprobs" },
		{ "{\"response_format\":\"json\"}", "response_format" },
		{ "{\"response_format\":{}}", "response_format.type" },
		{ "{\"response_format\":{\"type\":7}}", "response_format.type" },
		{ "{\"response_format\":{\"type\":\"xml\"}}", "response_format.type" },
		{ "{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}}",
		    "response_format.type" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = BUF_INIT;
		struct err e;

		if (translate(rows[i].openai, 0, &b, &e))
			fail_msg("%s: %s", rows[i].openai, buf_text(&b));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
		assert_non_null(
		    strstr(e.text, rows[i].field[0] == 'r' ? "response_format" : rows[i].field));
		buf_fini(&b);
	}
}

static void
an_unknown_limit_is_bound_by_the_type(void **state)
{
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_true(translate("{\"max_tokens\":9000000000}", 0, &b, &e));
	assert_string_equal(buf_text(&b), "{\"maxOutputTokens\":2147483647}");
	buf_fini(&b);
}

static void
other_fields_are_left_to_the_caller(void **state)
{
	struct openai_params p = { 0 };
	struct err e = ERR_INIT;
	struct scan s;
	bool known = true;

	(void)state;
	scan_init(&s, SPAN("7"));
	assert_true(openai_params_read(&p, &s, SPAN("user"), &known, &e));
	assert_false(known);
	assert_true(scan_skip(&s, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_has_its_translation),
		cmocka_unit_test(values_out_of_range_name_their_field),
		cmocka_unit_test(an_unknown_limit_is_bound_by_the_type),
		cmocka_unit_test(other_fields_are_left_to_the_caller),
	};

	return cmocka_run_group_tests_name("dialect/openai_params", tests, NULL, NULL);
}
