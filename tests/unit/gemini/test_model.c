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
		{ "gemini-flash-latest", 0, 0, 0, false },
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ways_to_write_a_name_are_one),
		cmocka_unit_test(only_names_that_stay_in_their_place_are_valid),
		cmocka_unit_test(a_name_has_at_most_128_letters),
		cmocka_unit_test(facts_come_from_the_longest_known_beginning),
	};

	return cmocka_run_group_tests_name("gemini/model", tests, NULL, NULL);
}
