/*
 * What was pasted in place of a key.
 */
#include "tests/unit/unit.h"

#include "proc/pasted.h"

#define AIZA "AIzaSy01234567890123456789012345678901x" /* 39 characters */

static void
what_looks_like_a_key_is_one_without_a_doubt(void **state)
{
	static const char *const cases[] = { AIZA, "  " AIZA "\r\n", "AQ.Ab8RN6K-x_y.z0123456789" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pasted p;
		struct err e = ERR_INIT;

		assert_true(pasted_read(span_of(cases[i]), &p, &e));
		assert_true(span_eq(p.key, span_trim(span_of(cases[i]))));
		assert_string_equal(p.doubt, "");
	}
}

static void
an_unknown_beginning_and_an_odd_length_are_doubted(void **state)
{
	static const char *const cases[][2] = { { "some-other-key", "AIza" },
		{ "aizasy01234567890123456789012345678901x", "AIza" },
		{ AIZA "y", "40 characters" }, { "AIzaSy012345678", "15 characters" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pasted p;
		struct err e = ERR_INIT;

		assert_true(pasted_read(span_of(cases[i][0]), &p, &e));
		assert_non_null(strstr(p.doubt, cases[i][1]));
		assert_null(strstr(p.doubt, cases[i][0]));
	}
}

static void
what_others_made_is_none_and_is_not_repeated(void **state)
{
	static const char *const cases[][2] = { { "sk-ant-api03-0123456789", "Anthropic" },
		{ "sk-or-v1-0123456789", "OpenRouter" }, { "sk-proj-0123456789", "OpenAI" },
		{ "gsk_0123456789", "Groq" }, { "xai-0123456789", "xAI" },
		{ "pplx-0123456789", "Perplexity" }, { "hf_0123456789", "Hugging Face" },
		{ "r8_0123456789", "Replicate" }, { "nvapi-0123456789", "NVIDIA" },
		{ "ghp_0123456789", "GitHub" }, { "github_pat_0123456789", "GitHub" },
		{ "glpat-0123456789", "GitLab" }, { "AKIA0123456789", "Amazon" },
		{ "ya29.0123456789", "access token" }, { "1//0123456789", "refresh token" },
		{ "GOCSPX-0123456789", "client secret" }, { "eyJ0123456789.x", "web token" },
		{ "plx-0123456789", "Pollux" }, { "Bearer 0123456789", "header" },
		{ "bearer 0123456789", "header" }, { "Authorization: x 0123456789", "header" },
		{ "X-Goog-Api-Key: 0123456789", "header" }, { "https://0123456789", "URL" },
		{ "-----BEGIN PRIVATE KEY-----", "PEM" }, { "{\"a\":\"0123456789\"}", "JSON" },
		{ "[\"0123456789\"]", "JSON" }, { "GEMINI_API_KEY=0123456789", ".env" },
		{ "export X_Y=0123456789", ".env" }, { "", "empty" }, { " \t ", "empty" },
		{ "AIza 0123456789", "white space" }, { "\"AIza0123456789\"", "quotation" },
		{ "AIza0123456789\xc2\xa0", "no key has" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pasted p;
		struct err e = ERR_INIT;

		assert_false(pasted_read(span_of(cases[i][0]), &p, &e));
		if (!strstr(e.text, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], e.text);
		assert_null(strstr(e.text, "0123456789"));
	}
}

static void
an_assignment_is_taken_apart(void **state)
{
	static const char *const cases[][3] = { { "A_B=c", "A_B", "c" },
		{ " export  A_B = \"c d\" ", "A_B", "c d" }, { "A1='c'", "A1", "c" },
		{ "AB=", "AB", "" }, { "AB=\"c", "AB", "\"c" }, { "AB=c=d", "AB", "c=d" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span name, value;

		assert_true(pasted_assignment(span_of(cases[i][0]), &name, &value));
		assert_true(span_is(name, cases[i][1]));
		assert_true(span_is(value, cases[i][2]));
	}
}

static void
what_only_has_an_equals_sign_is_no_assignment(void **state)
{
	static const char *const cases[] = { "", "=", "=x", "A=x", "key=x", "AB", "A-B=x",
		"AKIA0123456789=", AIZA "=", "1A=x",
		"ANAMETHATISFARTOOLONGTOBETHATOFANYVARIABLEOFTHISWORLD=x" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span name, value;

		assert_false(pasted_assignment(span_of(cases[i]), &name, &value));
	}
}

static void
variables_of_keys_are_known_by_name(void **state)
{
	(void)state;
	assert_true(pasted_names_keys(SPAN("GEMINI_API_KEYS")));
	assert_true(pasted_names_keys(SPAN("GOOGLE_API_KEY")));
	assert_false(pasted_names_keys(SPAN("OPENAI_API_KEY")));
	assert_false(pasted_names_keys(SPAN("PASSWORD")));
}

static void
only_what_is_long_enough_looks_like_geminis(void **state)
{
	(void)state;
	assert_true(pasted_is_gemini(SPAN(AIZA)));
	assert_false(pasted_is_gemini(SPAN("AIza-my-label")));
	assert_false(pasted_is_gemini(SPAN_NONE));
	assert_true(pasted_is_foreign(SPAN("ghp_x")));
	assert_false(pasted_is_foreign(SPAN("my-label")));
	assert_false(pasted_is_foreign(SPAN_NONE));
}

static void
a_hint_shows_four_characters_at_each_end_of_what_is_long(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	pasted_hint(SPAN("0123456789012345678"), &out);
	assert_string_equal(buf_text(&out), "...");
	buf_clear(&out);
	pasted_hint(SPAN("0123456789012345wxyz"), &out);
	assert_string_equal(buf_text(&out), "0123...wxyz");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_looks_like_a_key_is_one_without_a_doubt),
		cmocka_unit_test(an_unknown_beginning_and_an_odd_length_are_doubted),
		cmocka_unit_test(what_others_made_is_none_and_is_not_repeated),
		cmocka_unit_test(an_assignment_is_taken_apart),
		cmocka_unit_test(what_only_has_an_equals_sign_is_no_assignment),
		cmocka_unit_test(variables_of_keys_are_known_by_name),
		cmocka_unit_test(only_what_is_long_enough_looks_like_geminis),
		cmocka_unit_test(a_hint_shows_four_characters_at_each_end_of_what_is_long),
	};

	return cmocka_run_group_tests_name("proc/pasted", tests, NULL, NULL);
}
