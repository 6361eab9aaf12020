/*
 * Sampling fields and what answers are made of, row by row: what a client sends and what Gemini
 * gets of it.
 */
#include "dialect/openai_params.h"

#include "dialect/dialect.h"
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

static bool
read_params(const char *json, struct openai_params *p, struct err *e)
{
	struct scan s;
	struct span key;
	bool ok = true, known;

	*p = (struct openai_params){ .logprobs = false };
	*e = ERR_INIT;
	scan_init(&s, span_of(json));
	assert_true(scan_object(&s));
	while (ok && scan_member(&s, &key)) {
		ok = openai_params_read(p, &s, key, &known, e);
		assert_true(known);
	}
	if (!ok)
		return false;
	assert_true(scan_end(&s));
	return openai_params_check(p, e);
}

/* Reads the members of an object as fields of a request and writes what comes of them. */
static bool
translate(const char *json, const struct model_facts *facts, struct buf *out, struct call *c,
    struct err *e)
{
	struct openai_params p;
	struct object_writer o;

	*c = (struct call){ .op = OP_GENERATE };
	if (!read_params(json, &p, e))
		return false;
	object_begin(&o, out);
	openai_params_write(&p, facts, c, arena, &o);
	object_end(&o);
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
		{ "{\"top_k\":0}", "{}" },
		{ "{\"top_k\":-1}", "{}" },
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
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct model_facts facts = { .output_token_limit = 65536 };
		struct buf b = BUF_INIT;
		struct call c;
		struct err e;

		if (!translate(rows[i].openai, &facts, &b, &c, &e))
			fail_msg("%s: %s", rows[i].openai, e.text);
		if (!span_is(buf_span(&b), rows[i].gemini))
			fail_msg("%s: %s", rows[i].openai, buf_text(&b));
		assert_int_equal(c.ignored.len, 0);
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
		{ "{\"top_k\":-2}", "top_k" },
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
		{ "{\"modalities\":\"text\"}", "modalities" },
		{ "{\"modalities\":[\"text\",7]}", "modalities[1]" },
		{ "{\"modalities\":[\"smell\"]}", "modalities[0]" },
		{ "{\"audio\":\"loud\"}", "audio" },
		{ "{\"audio\":{\"voice\":7}}", "audio.voice" },
		{ "{\"audio\":{\"voice\":{\"id\":7}}}", "audio.voice.id" },
		{ "{\"audio\":{\"format\":[]}}", "audio.format" },
		{ "{\"service_tier\":7}", "service_tier" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct openai_params p;
		struct err e;

		if (read_params(rows[i].openai, &p, &e))
			fail_msg("not refused: %s", rows[i].openai);
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
		assert_non_null(strstr(e.text, rows[i].field));
	}
}

static void
an_unknown_limit_is_bound_by_the_type(void **state)
{
	struct model_facts facts = { .output_token_limit = 0 };
	struct buf b = BUF_INIT;
	struct call c;
	struct err e;

	(void)state;
	assert_true(translate("{\"max_tokens\":9000000000}", &facts, &b, &c, &e));
	assert_string_equal(buf_text(&b), "{\"maxOutputTokens\":2147483647}");
	buf_fini(&b);
}

/* what upstream refused is left out, and the client is told. */
static void
what_a_model_lacks_is_left_out_and_named(void **state)
{
	static const struct {
		const char *openai;
		unsigned lacks;
		const char *gemini, *ignored;
	} rows[] = {
		{ "{\"presence_penalty\":1,\"frequency_penalty\":1,\"seed\":7}", LACKS(PENALTIES),
		    "{\"seed\":7}", "presence_penalty, frequency_penalty" },
		{ "{\"presence_penalty\":0,\"frequency_penalty\":0}", LACKS(PENALTIES), "{}", "" },
		{ "{\"logprobs\":true,\"top_logprobs\":5}", LACKS(LOGPROBS), "{}", "logprobs" },
		{ "{\"logprobs\":false}", LACKS(LOGPROBS), "{}", "" },
		{ "{\"top_k\":40}", LACKS(TOP_K), "{}", "top_k" },
		{ "{\"top_k\":0}", LACKS(TOP_K), "{}", "" },
		{ "{\"seed\":40}", LACKS(SEED), "{}", "seed" },
		{ "{\"n\":3}", LACKS(CANDIDATES), "{}", "" },
		{ "{\"temperature\":1}", ~0u, "{\"temperature\":1}", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct model_facts facts = { .lacks = rows[i].lacks };
		struct buf b = BUF_INIT;
		struct call c;
		struct err e;

		assert_true(translate(rows[i].openai, &facts, &b, &c, &e));
		assert_string_equal(buf_text(&b), rows[i].gemini);
		assert_true(span_is(c.ignored, rows[i].ignored));
		buf_fini(&b);
	}
}

/* A-23, and a fault seen in a peer: n dropped in silence. */
static void
several_answers_take_several_calls_where_the_model_gives_one(void **state)
{
	struct model_facts one = { .lacks = LACKS(CANDIDATES) }, many = { .lacks = 0 };
	struct openai_params p;
	struct err e;

	(void)state;
	assert_true(read_params("{}", &p, &e));
	assert_int_equal(openai_params_choices(&p), 1);
	assert_false(openai_params_fan_out(&p, &one));
	assert_true(read_params("{\"n\":1}", &p, &e));
	assert_false(openai_params_fan_out(&p, &one));
	assert_true(read_params("{\"n\":8}", &p, &e));
	assert_int_equal(openai_params_choices(&p), 8);
	assert_true(openai_params_fan_out(&p, &one));
	assert_false(openai_params_fan_out(&p, &many));
}

#define VOICE(name)                                                                                \
	"\"speechConfig\":{\"voiceConfig\":{\"prebuiltVoiceConfig\":{\"voiceName\":\"" name "\"}}" \
											    "}"

static void
an_answer_is_made_of_what_was_asked_for_or_what_the_model_makes(void **state)
{
	static const struct {
		const char *name, *openai, *model, *gemini, *ignored;
	} rows[] = {
		{ "words are the usual", "{\"modalities\":[\"text\"]}", "gemini-2.5-flash", "{}",
		    "" },
		{ "nothing said", "{\"modalities\":null}", "gemini-2.5-flash", "{}", "" },
		{ "an empty list", "{\"modalities\":[]}", "gemini-2.5-flash", "{}", "" },
		{ "each once, in order", "{\"modalities\":[\"image\",\"text\",\"IMAGE\"]}",
		    "gemini-2.5-flash", "{\"responseModalities\":[\"IMAGE\",\"TEXT\"]}", "" },
		{ "the last list", "{\"modalities\":[\"image\"],\"modalities\":[\"audio\"]}",
		    "gemini-2.5-flash", "{\"responseModalities\":[\"AUDIO\"]}", "" },
		/* Lesson 68. */
		{ "a model of images makes both by itself", "{}", "gemini-2.5-flash-image",
		    "{\"responseModalities\":[\"TEXT\",\"IMAGE\"]}", "" },
		{ "an image alone", "{\"modalities\":[\"image\"]}", "gemini-2.5-flash-image",
		    "{\"responseModalities\":[\"IMAGE\"]}", "" },
		{ "a model of speech speaks by itself", "{}", "gemini-2.5-flash-preview-tts",
		    "{\"responseModalities\":[\"AUDIO\"]}", "" },
		{ "and takes no words beside it",
		    "{\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"Kore\",\"format\":"
		    "\"wav\"}}",
		    "gemini-2.5-flash-preview-tts",
		    "{\"responseModalities\":[\"AUDIO\"]," VOICE("Kore") "}", "" },
		{ "a voice", "{\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"Puck\"}}",
		    "gemini-2.5-flash",
		    "{\"responseModalities\":[\"TEXT\",\"AUDIO\"]," VOICE("Puck") "}", "" },
		{ "a voice of one's own", "{\"audio\":{\"voice\":{\"id\":\"v\",\"x\":1}}}",
		    "gemini-2.5-flash-preview-tts",
		    "{\"responseModalities\":[\"AUDIO\"]," VOICE("v") "}", "" },
		{ "a format that is not made here",
		    "{\"audio\":{\"voice\":\"Kore\",\"format\":\"mp3\"}}",
		    "gemini-2.5-flash-preview-tts",
		    "{\"responseModalities\":[\"AUDIO\"]," VOICE("Kore") "}", "audio.format" },
		{ "samples", "{\"audio\":{\"format\":\"pcm16\"}}", "gemini-2.5-flash-preview-tts",
		    "{\"responseModalities\":[\"AUDIO\"]}", "" },
		{ "a voice for what does not speak", "{\"audio\":{\"voice\":\"Kore\"}}",
		    "gemini-2.5-flash", "{}", "audio" },
		{ "no voice after all", "{\"audio\":{\"voice\":\"Kore\"},\"audio\":null}",
		    "gemini-2.5-flash-preview-tts", "{\"responseModalities\":[\"AUDIO\"]}", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct model_facts facts = model_facts(span_of(rows[i].model));
		struct buf b = BUF_INIT;
		struct call c;
		struct err e;

		if (!translate(rows[i].openai, &facts, &b, &c, &e))
			fail_msg("%s: %s", rows[i].name, e.text);
		if (!span_is(buf_span(&b), rows[i].gemini) || !span_is(c.ignored, rows[i].ignored))
			fail_msg("%s: %s (%.*s)", rows[i].name, buf_text(&b), SPAN_ARG(c.ignored));
		buf_fini(&b);
	}
}

static void
samples_are_wanted_raw_when_pcm16_is_asked_for(void **state)
{
	static const struct {
		const char *json;
		bool raw;
	} rows[] = {
		{ "{\"audio\":{\"format\":\"pcm16\"}}", true },
		{ "{\"audio\":{\"format\":\"wav\"}}", false },
		{ "{\"audio\":{\"format\":null}}", false },
		{ "{}", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct openai_params p;
		struct err e;

		assert_true(read_params(rows[i].json, &p, &e));
		assert_int_equal(openai_params_raw_audio(&p), rows[i].raw);
	}
}

static void
two_tiers_are_geminis_too(void **state)
{
	static const struct {
		const char *json, *tier;
	} rows[] = {
		{ "{\"service_tier\":\"flex\"}", "flex" },
		{ "{\"service_tier\":\"priority\"}", "priority" },
		{ "{\"service_tier\":\"auto\"}", "" },
		{ "{\"service_tier\":\"default\"}", "" },
		{ "{\"service_tier\":\"scale\"}", "" },
		{ "{\"service_tier\":\"fast\"}", "" },
		{ "{\"service_tier\":null}", "" },
		{ "{\"service_tier\":\"flex\",\"service_tier\":null}", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct openai_params p;
		struct err e;

		assert_true(read_params(rows[i].json, &p, &e));
		assert_true(span_is(p.tier, rows[i].tier));
	}
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
		cmocka_unit_test(what_a_model_lacks_is_left_out_and_named),
		cmocka_unit_test(several_answers_take_several_calls_where_the_model_gives_one),
		cmocka_unit_test(an_answer_is_made_of_what_was_asked_for_or_what_the_model_makes),
		cmocka_unit_test(samples_are_wanted_raw_when_pcm16_is_asked_for),
		cmocka_unit_test(two_tiers_are_geminis_too),
		cmocka_unit_test(other_fields_are_left_to_the_caller),
	};

	return cmocka_run_group_tests_name("dialect/openai_params", tests, setup, teardown);
}
