#include "gemini/model.h"

#include "tests/unit/unit.h"

static void
the_ways_to_write_a_name_are_one(void **state)
{
	static const char *const names[] = { "gemini-x", "models/gemini-x", "google/gemini-x",
		"google/models/gemini-x" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_true(span_is(model_bare(span_of(names[i])), "gemini-x"));
	assert_true(span_is(model_bare(SPAN("tunedModels/x")), "tunedModels/x"));
	assert_int_equal(model_bare(SPAN("models/")).len, 0);
	assert_int_equal(model_bare(SPAN_NONE).len, 0);
}

static void
only_names_that_stay_in_their_place_are_valid(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
		{ "gemini-2.5-flash", true },
		{ "gemma-3-27b-it", true },
		{ "tunedModels/my_model-1", true },
		{ "X", true },
		{ "", false },
		{ "..", false },
		{ ".hidden", false },
		{ "-dash", false },
		{ "a/b", false },
		{ "tunedModels/", false },
		{ "tunedModels/../x", false },
		{ "a b", false },
		{ "a?key=1", false },
		{ "a:generateContent", false },
		{ "a%2fb", false },
		{ "a\n", false },
		{ "g\xC3\xA9mini", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (model_name_is_valid(span_of(rows[i].name)) != rows[i].valid)
			fail_msg("\"%s\"", rows[i].name);
	assert_false(model_name_is_valid(span_mem("a\0b", 3)));
}

static void
a_name_has_at_most_128_letters(void **state)
{
	char name[129];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_true(model_name_is_valid(span_mem(name, 128)));
	assert_false(model_name_is_valid(span_mem(name, 129)));
}

static void
facts_come_from_the_longest_known_beginning(void **state)
{
	static const struct {
		const char *name;
		int64_t output;
		int major, minor;
		bool thinks;
	} rows[] = {
		{ "gemini-2.5-flash", 65536, 2, 5, true },
		{ "gemini-2.5-flash-lite-preview-09-2025", 65536, 2, 5, true },
		{ "gemini-2.5-flash-image", 32768, 2, 5, false },
		{ "gemini-2.0-flash-001", 8192, 2, 0, false },
		{ "gemini-1.5-pro-002", 8192, 1, 5, false },
		{ "gemini-3-pro-preview", 65536, 3, 0, true },
		{ "gemini-3-pro-image-preview", 32768, 3, 0, true },
		{ "gemini-3.8-flash", 0, 3, 8, true },
		{ "gemini-4-ultra", 0, 4, 0, true },
		{ "gemini-2.5-prodigy", 0, 2, 5, false },
		{ "gemini-flash-latest", 0, 0, 0, true },
		{ "gemini-1.5-flash-8b", 8192, 1, 5, false },
		{ "gemini-2.5-pro-preview-tts", 16384, 2, 5, false },
		{ "gemini-4-flash-tts", 0, 4, 0, false },
		{ "gemini-3x", 0, 0, 0, false },
		{ "gemini-2.", 0, 0, 0, false },
		{ "gemma-3-27b-it", 0, 0, 0, false },
		{ "something-else", 0, 0, 0, false },
		{ "", 0, 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct model_facts f = model_facts(span_of(rows[i].name));

		if (f.output_token_limit != rows[i].output || f.major != rows[i].major ||
		    f.minor != rows[i].minor || f.thinks != rows[i].thinks)
			fail_msg("%s: output=%d version=%d.%d thinks=%d", rows[i].name,
			    (int)f.output_token_limit, f.major, f.minor, f.thinks);
	}
}

/* ---- thinking ---- */

#define LV(level)   (1u << LEVEL_##level)
#define LOW_TO_HIGH (LV(LOW) | LV(MEDIUM) | LV(HIGH))
#define ALL         (LV(MINIMAL) | LOW_TO_HIGH)

static void
each_family_thinks_in_its_own_way(void **state)
{
	static const struct {
		const char *name;
		enum model_thinking thinking;
		int min, max;
		bool stops, rests;
		unsigned levels;
	} rows[] = {
		{ "gemini-3.8-flash", THINKING_LEVEL, 0, 0, false, false, LOW_TO_HIGH },
		{ "gemini-3.7-flash", THINKING_LEVEL, 0, 0, false, false, LOW_TO_HIGH },
		{ "gemini-3.6-flash", THINKING_LEVEL, 0, 0, false, false, ALL },
		{ "gemini-3.5-flash", THINKING_LEVEL, 0, 0, false, false, ALL },
		{ "gemini-3.5-flash-lite", THINKING_LEVEL, 0, 0, false, false, ALL },
		{ "gemini-3.1-flash-lite", THINKING_LEVEL, 0, 0, false, false, ALL },
		{ "gemini-3.1-pro", THINKING_LEVEL, 0, 0, false, false, LOW_TO_HIGH },
		{ "gemini-3.1-pro-preview", THINKING_LEVEL, 0, 0, false, false, LOW_TO_HIGH },
		{ "gemini-3-pro-preview", THINKING_LEVEL, 0, 0, false, false, LV(LOW) | LV(HIGH) },
		{ "gemini-3-flash", THINKING_LEVEL, 0, 0, false, false, ALL },
		{ "gemini-3-flash-preview", THINKING_LEVEL, 0, 0, false, false, ALL },
		{ "gemini-3.1-flash-image", THINKING_LEVEL, 0, 0, false, false,
		    LV(MINIMAL) | LV(HIGH) },
		{ "gemini-3.1-flash-lite-image", THINKING_LEVEL, 0, 0, false, false,
		    LV(MINIMAL) | LV(HIGH) },
		{ "gemini-3-pro-image", THINKING_LEVEL, 0, 0, false, false, LV(HIGH) },
		{ "gemini-2.5-pro", THINKING_BUDGET, 128, 32768, false, false, 0 },
		{ "gemini-2.5-flash", THINKING_BUDGET, 1, 24576, true, false, 0 },
		{ "gemini-2.5-flash-lite", THINKING_BUDGET, 512, 24576, true, true, 0 },
		{ "gemini-2.0-flash", THINKING_NONE, 0, 0, false, false, 0 },
		{ "gemini-1.5-pro", THINKING_NONE, 0, 0, false, false, 0 },
		{ "gemma-3-27b-it", THINKING_NONE, 0, 0, false, false, 0 },
		{ "gemini-embedding-001", THINKING_NONE, 0, 0, false, false, 0 },
		{ "imagen-4.0-generate-001", THINKING_NONE, 0, 0, false, false, 0 },
		{ "gemini-2.5-flash-preview-tts", THINKING_NONE, 0, 0, false, false, 0 },
		/* Families that nobody knows yet. */
		{ "gemini-3.9-ultra", THINKING_LEVEL, 0, 0, false, false, LOW_TO_HIGH },
		{ "gemini-12-flash", THINKING_LEVEL, 0, 0, false, false, LOW_TO_HIGH },
		{ "gemini-2.7-flash", THINKING_NONE, 0, 0, false, false, 0 },
		{ "my-model", THINKING_NONE, 0, 0, false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct model_facts f = model_facts(span_of(rows[i].name));

		if (f.thinking != rows[i].thinking || f.thinks != (f.thinking != THINKING_NONE) ||
		    (f.thinking == THINKING_LEVEL && f.levels != rows[i].levels) ||
		    (f.thinking == THINKING_BUDGET &&
			(f.budget_min != rows[i].min || f.budget_max != rows[i].max)) ||
		    f.thinking_stops != rows[i].stops || f.thinking_rests != rows[i].rests)
			fail_msg("%s", rows[i].name);
	}
}

static void
every_family_that_thinks_in_levels_has_one(void **state)
{
	static const char *const names[] = { "gemini-3-pro-image", "gemini-99", "gemini-3-image",
		"gemini-3.1-flash-image" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_not_equal(model_facts(span_of(names[i])).levels, 0);
}

static void
models_of_images_and_of_speech_are_known_by_their_names(void **state)
{
	static const struct {
		const char *name;
		bool images, speech;
	} rows[] = {
		{ "gemini-2.5-flash-image", true, false },
		{ "gemini-2.5-flash-image-preview", true, false },
		{ "gemini-3-pro-image-preview", true, false },
		{ "gemini-3.1-flash-lite-image", true, false },
		{ "gemini-2.0-flash-preview-image-generation", true, false },
		{ "gemini-5-image", true, false },
		{ "gemini-2.5-flash-preview-tts", false, true },
		{ "gemini-2.5-pro-preview-tts", false, true },
		{ "gemini-2.5-flash", false, false },
		{ "gemini-imagery-1", false, false },
		{ "imagen-4.0", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct model_facts f = model_facts(span_of(rows[i].name));

		if (f.makes_images != rows[i].images || f.makes_speech != rows[i].speech)
			fail_msg("%s", rows[i].name);
	}
}

static void
what_a_family_lacks_is_known_beforehand(void **state)
{
	static const struct {
		const char *name;
		unsigned has, lacks;
	} rows[] = {
		{ "gemini-2.0-flash", LACKS(SYSTEM) | LACKS(CANDIDATES),
		    LACKS(JSON_SCHEMA) | LACKS(FORMAT_WITH_TOOLS) | LACKS(SEARCH_WITH_TOOLS) },
		{ "gemini-1.5-pro", LACKS(CANDIDATES),
		    LACKS(JSON_SCHEMA) | LACKS(FORMAT_WITH_TOOLS) | LACKS(SEARCH_WITH_TOOLS) },
		{ "gemini-2.5-pro", LACKS(JSON_SCHEMA) | LACKS(CANDIDATES) | LACKS(PENALTIES),
		    LACKS(FORMAT_WITH_TOOLS) | LACKS(SEARCH_WITH_TOOLS) },
		{ "gemini-2.5-computer-use-preview", LACKS(JSON_SCHEMA),
		    LACKS(FORMAT_WITH_TOOLS) | LACKS(SEARCH_WITH_TOOLS) },
		{ "gemini-3.5-flash",
		    LACKS(JSON_SCHEMA) | LACKS(FORMAT_WITH_TOOLS) | LACKS(SEARCH_WITH_TOOLS) |
			LACKS(PENALTIES) | LACKS(LOGPROBS) | LACKS(THINKING),
		    LACKS(CANDIDATES) },
		{ "gemini-7-ultra", LACKS(JSON_SCHEMA) | LACKS(FORMAT_WITH_TOOLS),
		    LACKS(CANDIDATES) },
		{ "gemini-2.5-flash-image", LACKS(SYSTEM), LACKS(CANDIDATES) },
		{ "gemma-3-27b-it", 0, LACKS(SYSTEM) | LACKS(JSON_MODE) },
		{ "gemma-3n-e4b-it", 0, LACKS(SYSTEM) | LACKS(JSON_MODE) },
		{ "something-else", ~0u, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned lacks = model_facts(span_of(rows[i].name)).lacks;

		if ((lacks & rows[i].lacks) != rows[i].lacks || (lacks & rows[i].has) != 0)
			fail_msg("%s: %x", rows[i].name, lacks);
	}
}

static void
gemini_3_wants_its_signatures_back(void **state)
{
	static const struct {
		const char *name, *family;
		bool wants;
	} rows[] = {
		{ "gemini-3-pro", "gemini-3", true },
		{ "gemini-3.5-flash", "gemini-3", true },
		{ "gemini-4", "gemini-4", true },
		{ "gemini-3-pro-image", "gemini-3", false },
		{ "gemini-2.5-flash", "gemini-2", false },
		{ "gemini-flash-latest", "", false },
		{ "gemma-3", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct model_facts f = model_facts(span_of(rows[i].name));
		char family[24];

		model_family(&f, family);
		assert_string_equal(family, rows[i].family);
		assert_int_equal(model_wants_signatures(&f), rows[i].wants);
	}
}

/* ---- lacks ---- */

static void
upstreams_refusals_name_what_a_model_lacks(void **state)
{
	static const struct {
		const char *message;
		unsigned lacks;
	} rows[] = {
		{ "Penalty is not enabled for this model", LACKS(PENALTIES) },
		{ "Penalty is not enabled for models/gemini-2.5-flash", LACKS(PENALTIES) },
		{ "PENALTY IS NOT ENABLED FOR THIS MODEL", LACKS(PENALTIES) },
		{ "* GenerateContentRequest: Presence penalty is not enabled for this model",
		    LACKS(PENALTIES) },
		{ "Logprobs is not enabled for this model", LACKS(LOGPROBS) },
		{ "Logprobs is not enabled for models/gemini-3-pro-preview", LACKS(LOGPROBS) },
		{ "Multiple candidates is not enabled for this model", LACKS(CANDIDATES) },
		{ "Only one candidate can be specified in the current model", LACKS(CANDIDATES) },
		{ "Budget 0 is invalid. This model only works in thinking mode.",
		    LACKS_HERE(THINKING) },
		{ "The thinking budget 52428 is invalid. Please choose a value between 0 and "
		  "24576.",
		    LACKS_HERE(THINKING) },
		{ "Thinking level is not supported for this model.", LACKS(THINKING) },
		{ "Thinking level MINIMAL is not supported for this model. Please retry with "
		  "other thinking level.",
		    LACKS_HERE(THINKING) },
		{ "Thinking is not enabled for models/gemini-2.0-flash", LACKS(THINKING) },
		{ "Unable to submit request because Thinking_config.include_thoughts is only "
		  "enabled "
		  "when thinking is enabled.",
		    LACKS_HERE(THINKING) },
		{ "Built-in tools ({google_search}) and Function Calling cannot be combined in the "
		  "same request. Please choose one to continue.",
		    LACKS(SEARCH_WITH_TOOLS) },
		{ "Tool use with function calling is unsupported", LACKS(SEARCH_WITH_TOOLS) },
		{ "Function calling with a response mime type: 'application/json' is unsupported",
		    LACKS(FORMAT_WITH_TOOLS) },
		{ "Tool use with a response mime type: 'application/json' is unsupported",
		    LACKS(FORMAT_WITH_TOOLS) },
		{ "Developer instruction is not enabled for models/gemma-3-27b-it", LACKS(SYSTEM) },
		{ "JSON mode is not enabled for models/gemma-3-27b-it", LACKS(JSON_MODE) },
		{ "Media resolution is not enabled for this model", LACKS(MEDIA_RESOLUTION) },
		{ "top_k is not supported for this model", LACKS(TOP_K) },
		{ "Seed is not enabled for this model", LACKS(SEED) },
		{ "Invalid JSON payload received. Unknown name \"parametersJsonSchema\" at "
		  "'tools[0].function_declarations[0]': Cannot find field.",
		    LACKS(JSON_SCHEMA) },
		{ "Invalid JSON payload received. Unknown name \"responseJsonSchema\" at "
		  "'generation_config': Cannot find field.",
		    LACKS(JSON_SCHEMA) },
		{ "Invalid JSON payload received. Unknown name \"thinkingConfig\" at "
		  "'generation_config': Cannot find field.",
		    LACKS(THINKING) },
		{ "* "
		  "GenerateContentRequest.tools[0].function_declarations[0].parameters_json_schema"
		  ".properties: should be non-empty for OBJECT type",
		    LACKS_HERE(JSON_SCHEMA) },
		{ "The specified schema produces a constraint that has too many states for "
		  "serving.",
		    LACKS_HERE(JSON_SCHEMA) },
		{ "Function call is missing a thought_signature in functionCall parts. This is "
		  "required for tools to work correctly, and missing thought_signature may lead to "
		  "degraded model performance. Additional data, function call `default_api:f` , "
		  "position 2.",
		    LACKS_HERE(SIGNATURES) },
		{ "Unable to submit request because function call `get_temp` in the `2.` content "
		  "block is missing a `thought_signature`. Learn more: https://example.com",
		    LACKS_HERE(SIGNATURES) },
		{ "Thought signature is not valid", LACKS_HERE(SIGNATURES) },
		{ "Corrupted thought signature.", LACKS_HERE(SIGNATURES) },
		{ "Invalid value at 'contents[1].parts[0].thought_signature' (TYPE_BYTES), Base64 "
		  "decoding failed for \"!!\"",
		    LACKS_HERE(SIGNATURES) },
		{ "Please ensure that function call turn comes immediately after a user turn or "
		  "after a function response turn.",
		    LACKS_HERE(MODEL_FIRST) },
		{ "Please ensure that single turn requests end with a user role or the role field "
		  "is empty.",
		    LACKS(MODEL_LAST) },
		/* Several at once. */
		{ "Penalty is not enabled for this model\nLogprobs is not enabled for this model",
		    LACKS(PENALTIES) | LACKS(LOGPROBS) },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned lacks = model_lacks_named(span_of(rows[i].message));

		if (lacks != rows[i].lacks)
			fail_msg("%s: %x and not %x", rows[i].message, lacks, rows[i].lacks);
	}
}

static void
other_refusals_teach_nothing(void **state)
{
	static const char *const messages[] = {
		"",
		"\n\n",
		"API key not valid. Please pass a valid API key.",
		"User location is not supported for the API use.",
		"The input token count (1048577) exceeds the maximum number of tokens allowed "
		"(1048576).",
		"Unable to process input image. Please retry or report in example.com",
		"Model used by GenerateContent request (models/a) and CachedContent (models/b) has "
		"to "
		"be the same.",
		"Please ensure that the number of function response parts is equal to the number "
		"of "
		"function call parts of the function call turn.",
		"* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.",
		/* Names of fields that are not known, whatever they are called. */
		"Invalid JSON payload received. Unknown name \"penalty\" at 'generation_config': "
		"Cannot find field.",
		"Invalid JSON payload received. Unknown name \"thought_signature_of_mine\" at "
		"'contents[0].parts[0]': Cannot find field.",
		"Invalid JSON payload received. Unknown name \"thinkingConfig\" at 'tools[0]': "
		"Cannot "
		"find field.",
		"Invalid JSON payload received. Unknown name \"responseJsonSchema\" at "
		"'contents[0]': "
		"Cannot find field.",
		"Invalid JSON payload received. Unknown name \"Penalty is not enabled for this "
		"model\" at 'generation_config': Cannot find field.",
		/* What a client wrote is quoted, and is nobody's word. */
		"Invalid value at 'contents[0].role' (TYPE_STRING), \"Logprobs is not enabled for "
		"this "
		"model\"",
		"* "
		"GenerateContentRequest.tools[0].function_declarations[0].parameters.properties["
		"JSON "
		"mode is not enabled].type: must be specified",
		"Allowed values are `a`, `b`; found `Developer instruction is not enabled`.",
		"Can't find voice 'Function calling is not enabled'.",
		"Function calling config is set without function_declarations.",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++)
		if (model_lacks_named(span_of(messages[i])) != 0)
			fail_msg("%s: %x", messages[i], model_lacks_named(span_of(messages[i])));
	assert_int_equal(model_lacks_named(SPAN_NONE), 0);
}

static void
a_long_refusal_is_read_as_far_as_it_says_something(void **state)
{
	static const char words[] = "Penalty is not enabled for this model";
	size_t len = 100000;
	char *message = malloc(len);

	(void)state;
	memset(message, '[', len);
	assert_int_equal(model_lacks_named(span_mem(message, len)), 0);
	memset(message, '\'', len);
	memcpy(message, words, sizeof(words) - 1);
	assert_int_equal(model_lacks_named(span_mem(message, len)), LACKS(PENALTIES));
	memset(message, '\n', len);
	assert_int_equal(model_lacks_named(span_mem(message, len)), 0);
	free(message);
}

static void
only_what_is_the_models_lasts(void **state)
{
	static const unsigned here = LACKS_HERE(THINKING) | LACKS_HERE(JSON_SCHEMA) |
				     LACKS_HERE(SIGNATURES) | LACKS_HERE(MODEL_FIRST);
	static const unsigned for_good = LACKS(PENALTIES) | LACKS(LOGPROBS) | LACKS(MODEL_LAST);

	(void)state;
	assert_int_equal(model_lacks_lasting(here | for_good), for_good);
	assert_int_equal(model_lacks_lasting(here), 0);
	assert_int_equal(
	    model_lacks_now(here | for_good), for_good | LACKS(THINKING) | LACKS(JSON_SCHEMA) |
						  LACKS(SIGNATURES) | LACKS(MODEL_FIRST));
}

static void
each_lack_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < LACK_COUNT; i++) {
		assert_true(model_lack_name((enum model_lack)i)[0] != '\0');
		for (int j = 0; j < i; j++)
			assert_string_not_equal(model_lack_name((enum model_lack)i),
			    model_lack_name((enum model_lack)j));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ways_to_write_a_name_are_one),
		cmocka_unit_test(only_names_that_stay_in_their_place_are_valid),
		cmocka_unit_test(a_name_has_at_most_128_letters),
		cmocka_unit_test(facts_come_from_the_longest_known_beginning),
		cmocka_unit_test(each_family_thinks_in_its_own_way),
		cmocka_unit_test(every_family_that_thinks_in_levels_has_one),
		cmocka_unit_test(models_of_images_and_of_speech_are_known_by_their_names),
		cmocka_unit_test(what_a_family_lacks_is_known_beforehand),
		cmocka_unit_test(gemini_3_wants_its_signatures_back),
		cmocka_unit_test(upstreams_refusals_name_what_a_model_lacks),
		cmocka_unit_test(other_refusals_teach_nothing),
		cmocka_unit_test(a_long_refusal_is_read_as_far_as_it_says_something),
		cmocka_unit_test(only_what_is_the_models_lasts),
		cmocka_unit_test(each_lack_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests_name("gemini/model", tests, NULL, NULL);
}
