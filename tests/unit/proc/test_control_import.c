/*
 * The word "keys import": what becomes of each line of a paste.
 */
#include "tests/unit/proc/control_world.h"

static void
an_import_gives_one_result_for_each_line(void **state)
{
	static const char *const expected[] = { "added", "added", "duplicate", "refused", "refused",
		"refused" };
	const json_t *answer, *results;

	(void)state;
	add_key("old", KEY_A);
	answer = say("[\"keys\",\"import\"]", NULL,
	    "# mine\n\n"
	    "one,AIzaSyTestKey-1\r\n"
	    "AIzaSyTestKey-2\n"
	    "three," KEY_A "\n"
	    "one,AIzaSyTestKey-3\n"
	    "bad label,AIzaSyTestKey-4\n"
	    "AIzaSy TestKey-5");
	is_refused(answer, false, "3 refused");
	assert_int_equal(number(answer, "added"), 2);
	assert_int_equal(number(answer, "duplicate"), 1);
	assert_int_equal(number(answer, "refused"), 3);
	results = json_object_get(answer, "results");
	assert_int_equal(json_array_size(results), COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_string_equal(text(json_array_get(results, i), "result"), expected[i]);
		assert_int_equal(number(json_array_get(results, i), "line"), (int)i + 3);
	}
	assert_string_equal(text(json_array_get(results, 2), "label"), "old");
	assert_int_equal(count_of(TABLE_CREDENTIAL), 3);
}

static void
an_import_of_thousands_goes_on_in_small_commits_and_tells_how_far_it_is(void **state)
{
	struct buf lines = BUF_INIT;
	struct credential_set set;
	const json_t *answer;

	(void)state;
	for (int i = 0; i < 3000; i++)
		buf_printf(&lines, "AIzaSyTestKey-%06d\n", i);
	answer = say("[\"keys\",\"import\"]", NULL, buf_text(&lines));
	assert_true(is_ok(answer));
	assert_int_equal(number(answer, "added"), 3000);
	assert_true(asker.progress >= 10);
	assert_int_equal(count_of(TABLE_CREDENTIAL), 3000);
	set = load_set();
	assert_string_equal(
	    set.items[0].secret, "AIzaSyTestKey-000000"); /* in the order of the lines */
	assert_string_equal(set.items[2999].secret, "AIzaSyTestKey-002999");
	credential_set_fini(&set);
	buf_fini(&lines);
}

static void
an_import_of_nothing_is_wrong_usage(void **state)
{
	(void)state;
	is_refused(say("[\"keys\",\"import\"]", NULL, NULL), true, "standard input");
	assert_true(is_ok(say("[\"keys\",\"import\"]", NULL, "# nothing\n\n")));
}

static const json_t *
import(const char *lines)
{
	return say("[\"keys\",\"import\"]", NULL, lines);
}

static const json_t *
result(const json_t *answer, size_t i)
{
	const json_t *r = json_array_get(member(answer, "results"), i);

	assert_non_null(r);
	return r;
}

static void
each_bad_line_says_what_is_wrong_with_it_and_never_the_key(void **state)
{
	static const char *const cases[][2] = { { "AIzaSy with blanks in the key", "white space" },
		{ "\"AIzaSyQuoted-0123456789\"", "quotation mark" },
		{ "'AIzaSyQuoted-0123456789'", "quotation mark" },
		{ "\xe2\x80\x9c"
		  "AIzaSyQuoted-0123456789\xe2\x80\x9d",
		    "no key has" },
		{ "AIzaSyTab\t-0123456789abc", "white space" }, { "short", "5 characters" },
		{ "sk-0123456789abcdef0123", "OpenAI" }, { "sk-ant-0123456789abcdef", "Anthropic" },
		{ "xai-0123456789abcdef0123", "xAI" },
		{ "hf_0123456789abcdef0123", "Hugging Face" },
		{ "ghp_0123456789abcdef0123", "GitHub" }, { "AKIA0123456789ABCDEF", "Amazon" },
		{ "ya29.0123456789abcdef012", "access token" },
		{ "Bearer AIzaSy0123456789abcdef", "header" },
		{ "https://example.com/?key=0123456789", "URL" },
		{ "[\"AIzaSy0123456789abcdef\",", "JSON" },
		{ "PASSWORD=0123456789abcdef0123", ".env" },
		{ "one,two-0123456789abcdef,three,four", "LABEL,KEY,PROJECT" },
		{ KEY_B ",label", "the label comes first" },
		{ "label,some-key-0123456789,bad project", "project" },
		{ "label,\"AIzaSyQuoted-0123456789\"", "quotation mark" } };
	struct buf lines = BUF_INIT, all = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		buf_printf(&lines, "%s\n", cases[i][0]);
	buf_add_lit(&lines, KEY_A);
	const json_t *answer = import(buf_text(&lines));

	assert_int_equal(number(answer, "refused"), COUNT(cases));
	assert_int_equal(number(answer, "added"), 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const json_t *r = result(answer, i);

		assert_int_equal(number(r, "line"), (int)i + 1);
		if (!strstr(text(r, "why"), cases[i][1]))
			fail_msg("%s: %s", cases[i][0], text(r, "why"));
	}
	json_print(&all, answer);
	assert_null(strstr(buf_text(&all), "0123456789"));
	assert_null(strstr(buf_text(&all), "with blanks"));
	assert_null(strstr(buf_text(&all), KEY_A));
	assert_null(strstr(buf_text(&all), KEY_B));
	buf_fini(&lines);
	buf_fini(&all);
}

static void
what_was_pasted_is_found_again_by_its_ends(void **state)
{
	const json_t *answer;

	(void)state;
	answer = import("sk-0123456789abcdefWXYZ\n" KEY_A "\nshort");
	assert_string_equal(text(result(answer, 0), "hint"), "sk-0...WXYZ");
	assert_string_equal(text(result(answer, 1), "hint"), "AIza...AAAA");
	assert_string_equal(text(result(answer, 2), "hint"), "...");
}

static void
a_duplicate_in_the_paste_names_the_line_it_repeats(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("old", KEY_B);
	answer = import("# mine\none," KEY_A "\ntwo," KEY_A "\n" KEY_B "\n");
	assert_true(is_ok(answer));
	assert_int_equal(number(answer, "duplicate"), 2);
	assert_int_equal(number(result(answer, 1), "first_line"), 2);
	assert_string_equal(text(result(answer, 1), "label"), "one");
	assert_string_equal(text(result(answer, 2), "label"), "old");
	assert_null(json_object_get(result(answer, 2), "first_line"));
}

static void
a_line_may_name_a_label_and_a_project(void **state)
{
	struct credential_set set;

	(void)state;
	assert_true(is_ok(say("[\"keys\",\"import\"]", "{\"project\":\"all\"}",
	    "one,AIzaSyTestKey-1,p-1\n ,AIzaSyTestKey-2, p-2 \nthree,AIzaSyTestKey-3,\n"
	    "AIzaSyTestKey-4")));
	set = load_set();
	assert_int_equal(set.count, 4);
	assert_string_equal(set.items[0].project, "p-1");
	assert_string_equal(set.items[1].project, "p-2");
	assert_string_equal(set.items[1].label, "key-1");
	assert_string_equal(set.items[2].project, "all");
	assert_string_equal(set.items[3].project, "all");
	credential_set_fini(&set);
	is_refused(say("[\"keys\",\"import\"]", "{\"project\":\"a b\"}", KEY_A), true, "--project");
}

static void
marks_line_ends_comments_and_empty_lines_do_no_harm(void **state)
{
	const json_t *answer;

	(void)state;
	answer = import(
	    "\xef\xbb\xbf" KEY_A "\r\n\r\n   \r\n  # a comment, with a comma\r\n" KEY_B "\r\n");
	assert_true(is_ok(answer));
	assert_int_equal(number(answer, "added"), 2);
	assert_int_equal(number(result(answer, 1), "line"), 5);
	struct credential_set set = load_set();

	assert_string_equal(set.items[0].secret, KEY_A);
	assert_string_equal(set.items[1].secret, KEY_B);
	credential_set_fini(&set);
}

static void
the_line_of_an_env_file_and_keys_side_by_side_are_taken_apart(void **state)
{
	static const char *const cases[] = { "GEMINI_API_KEYS=" KEY_A "," KEY_B,
		"export GEMINI_API_KEYS=\"" KEY_A "," KEY_B "\"",
		"  GEMINI_API_KEYS = '" KEY_A ", " KEY_B ",' ", KEY_A "," KEY_B,
		KEY_A " , " KEY_B ",", "GEMINI_API_KEY=" KEY_A "\nGOOGLE_API_KEY=" KEY_B };

	for (size_t i = 0; i < COUNT(cases); i++) {
		const json_t *answer = import(cases[i]);

		assert_true(is_ok(answer));
		assert_int_equal(number(answer, i == 0 ? "added" : "duplicate"), 2);
	}
	assert_int_equal(count_of(TABLE_CREDENTIAL), 2);
	(void)state;
}

static void
one_line_of_thousands_is_taken_in_small_commits_too(void **state)
{
	struct buf line = BUF_INIT;
	const json_t *answer;

	(void)state;
	buf_add_lit(&line, "GEMINI_API_KEYS=");
	for (int i = 0; i < 2500; i++)
		buf_printf(&line, "AIzaSyTestKey-%06d,", i);
	buf_add_lit(&line, "\n" KEY_A);
	answer = import(buf_text(&line));
	assert_true(is_ok(answer));
	assert_int_equal(number(answer, "added"), 2501);
	assert_true(asker.progress >= 3);
	assert_int_equal(count_of(TABLE_CREDENTIAL), 2501);
	buf_fini(&line);
}

static void
a_private_key_is_refused_as_one_thing_and_what_follows_is_taken(void **state)
{
	const json_t *answer;

	(void)state;
	answer = import("-----BEGIN PRIVATE KEY-----\n"
			"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC0123456789abcdef0123456789abcdef\n"
			"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC0123456789abcdef0123456789abcd==\n"
			"-----END PRIVATE KEY-----\n" KEY_A "\n");
	is_refused(answer, false, "1 refused");
	assert_int_equal(number(answer, "added"), 1);
	answer = import("-----BEGIN RSA PRIVATE KEY-----\n" KEY_B "\n");
	assert_int_equal(number(answer, "added"), 1);
}

static void
a_key_that_looks_odd_is_taken_with_a_warning(void **state)
{
	const json_t *answer;

	(void)state;
	answer = import("some-other-key-0123456789\n" KEY_A "\nAIzaSyCutInTheMidd\n"
			"AQ.Ab0123456789abcdef0123456789\n");
	assert_true(is_ok(answer));
	assert_int_equal(number(answer, "added"), 4);
	assert_int_equal(number(answer, "doubted"), 2);
	assert_non_null(strstr(text(result(answer, 0), "warning"), "AQ."));
	assert_null(json_object_get(result(answer, 1), "warning"));
	assert_non_null(strstr(text(result(answer, 2), "warning"), "18 characters"));
	assert_null(json_object_get(result(answer, 3), "warning"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_import_gives_one_result_for_each_line),
		CASE(an_import_of_thousands_goes_on_in_small_commits_and_tells_how_far_it_is),
		CASE(an_import_of_nothing_is_wrong_usage),
		CASE(each_bad_line_says_what_is_wrong_with_it_and_never_the_key),
		CASE(what_was_pasted_is_found_again_by_its_ends),
		CASE(a_duplicate_in_the_paste_names_the_line_it_repeats),
		CASE(a_line_may_name_a_label_and_a_project),
		CASE(marks_line_ends_comments_and_empty_lines_do_no_harm),
		CASE(the_line_of_an_env_file_and_keys_side_by_side_are_taken_apart),
		CASE(one_line_of_thousands_is_taken_in_small_commits_too),
		CASE(a_private_key_is_refused_as_one_thing_and_what_follows_is_taken),
		CASE(a_key_that_looks_odd_is_taken_with_a_warning),
	};

	return cmocka_run_group_tests_name("proc/control_import", tests, NULL, NULL);
}
