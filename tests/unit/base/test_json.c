/*
 * jansson with typed getters: values where they fit, else a refusal that names the path and
 * never quotes the input.
 */
#include "tests/unit/unit.h"

#include "base/json.h"
#include "base/mem.h"

#define TEXT(literal)                                                                              \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

static json_t *
parse(const char *text)
{
	struct err e = ERR_INIT;
	json_t *tree = json_parse(span_of(text), "", &e);

	if (!tree)
		fail_msg("%s", e.text);
	return tree;
}

/* ---- parsing ---- */

static void
any_value_may_stand_at_the_root(void **state)
{
	static const char *const texts[] = { "{}", "[]", "\"a\"", "1", "-0.5", "true", "null",
		" [1] \n", "\"\\u0000\"", "{\"a\":1,\"a\":2}" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		json_decref(parse(texts[i]));
}

static void
broken_json_is_refused_with_its_place(void **state)
{
	static const struct {
		struct span text;
		const char *words;
	} cases[] = {
		{ TEXT(""), "invalid JSON: unexpected end of the JSON text at byte 0" },
		{ TEXT("{\"a\":}"), "invalid JSON: a value expected at byte 5" },
		{ TEXT("[1,2"), "invalid JSON: unexpected end of the JSON text at byte 4" },
		{ TEXT("{} {}"), "invalid JSON: something follows the JSON value at byte 3" },
		{ TEXT("\"\xff\""), "invalid JSON: invalid UTF-8 in a string at byte 1" },
		{ TEXT("[1\0,2]"), "invalid JSON: ',' or ']' expected at byte 2" },
		{ TEXT("1\0"), "invalid JSON: something follows the JSON value at byte 1" },
		{ TEXT("[1e999]"), "a number in the JSON text is too large" },
		{ TEXT("[9223372036854775808]"), "a number in the JSON text is too large" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = ERR_INIT;

		assert_null(json_parse(cases[i].text, "body", &e));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, "body");
		assert_string_equal(e.text, cases[i].words);
	}
}

static void
too_deep_a_text_is_refused(void **state)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_add_char(&text, '[');
	assert_null(json_parse(buf_span(&text), NULL, &e));
	assert_non_null(strstr(e.text, "nested too deeply"));
	assert_string_equal(e.field, "");
	buf_fini(&text);
}

static void
the_input_is_never_quoted_in_an_error(void **state)
{
	static const char *const texts[] = { "{\"key\": SECRET}", "{\"key\": \"SECRET}",
		"[\"SECRET\" 1]", "SECRET", "{\"SECRET\" 1}", "[1e999, \"SECRET\"]",
		"{\"SECRET\\u0000\":1}" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct err e = ERR_INIT;

		assert_null(json_parse(span_of(texts[i]), "", &e));
		assert_null(strstr(e.text, "SECRET"));
	}
}

static void
nobody_has_to_listen_to_the_error(void **state)
{
	(void)state;
	assert_null(json_parse(SPAN("["), NULL, NULL));
	assert_null(json_parse(SPAN("1e999"), NULL, NULL));
	assert_null(json_parse(SPAN_NONE, NULL, NULL));
}

/* ---- getters ---- */

static const char sample[] =
    "{\"text\":\"words\",\"empty\":\"\",\"nul\":\"a\\u0000b\",\"int\":42,\"minus\":-7,"
    "\"real\":1.5,\"whole\":3.0,\"yes\":true,\"no\":false,\"none\":null,\"list\":[],"
    "\"object\":{},\"least\":-9223372036854775808}";

static int
setup(void **state)
{
	*state = parse(sample);
	return 0;
}

static int
teardown(void **state)
{
	json_decref(*state);
	return 0;
}

static void
text_is_given_where_it_stands(void **state)
{
	struct err e = ERR_INIT;
	const char *out = NULL;

	assert_true(json_want_text(*state, "text", "", &out, &e));
	assert_string_equal(out, "words");
	assert_true(json_want_text(*state, "empty", "", &out, &e));
	assert_string_equal(out, "");
	assert_true(json_opt_text(*state, "text", "", &out, &e));
	assert_string_equal(out, "words");
	assert_int_equal(e.kind, ERR_NONE);
}

static void
integers_are_given_within_their_range(void **state)
{
	struct err e = ERR_INIT;
	int64_t out = 0;

	assert_true(json_want_int(*state, "int", "", 42, 42, &out, &e) && out == 42);
	assert_true(json_want_int(*state, "minus", "", -7, 0, &out, &e) && out == -7);
	assert_true(json_want_int(*state, "least", "", INT64_MIN, 0, &out, &e) && out == INT64_MIN);
	assert_true(json_opt_int(*state, "int", "", 0, 100, &out, &e) && out == 42);
	assert_int_equal(e.kind, ERR_NONE);
}

static void
integers_just_out_of_their_range_are_refused(void **state)
{
	struct err e = ERR_INIT;
	int64_t out = 5;

	assert_false(json_want_int(*state, "int", "", 0, 41, &out, &e));
	assert_false(json_want_int(*state, "int", "", 43, 99, &out, &e));
	assert_false(json_opt_int(*state, "minus", "", -6, 0, &out, &e));
	assert_false(json_opt_int(*state, "minus", "", -9, -8, &out, &e));
	assert_string_equal(e.text, "minus must be from -9 to -8");
	assert_int_equal(out, 5);
}

static void
booleans_are_given(void **state)
{
	struct err e = ERR_INIT;
	bool out = false;

	assert_true(json_opt_bool(*state, "yes", "", &out, &e) && out);
	assert_true(json_opt_bool(*state, "no", "", &out, &e) && !out);
	assert_int_equal(e.kind, ERR_NONE);
}

static void
an_optional_value_that_is_absent_or_null_changes_nothing(void **state)
{
	static const char *const keys[] = { "absent", "none" };
	struct err e = ERR_INIT;
	const char *text = "as before";
	int64_t number = 5;
	bool yes = true;

	for (size_t i = 0; i < COUNT(keys); i++) {
		assert_true(json_opt_text(*state, keys[i], "", &text, &e));
		assert_true(json_opt_int(*state, keys[i], "", 0, 1, &number, &e));
		assert_true(json_opt_bool(*state, keys[i], "", &yes, &e));
	}
	assert_string_equal(text, "as before");
	assert_int_equal(number, 5);
	assert_true(yes);
	assert_int_equal(e.kind, ERR_NONE);
}

enum getter { WANT_TEXT, OPT_TEXT, WANT_INT, OPT_INT, OPT_BOOL };

static bool
get(enum getter getter, const json_t *obj, const char *key, const char *path, struct err *e)
{
	const char *text;
	int64_t number;
	bool yes;

	switch (getter) {
	case WANT_TEXT:
		return json_want_text(obj, key, path, &text, e);
	case OPT_TEXT:
		return json_opt_text(obj, key, path, &text, e);
	case WANT_INT:
		return json_want_int(obj, key, path, 0, 10, &number, e);
	case OPT_INT:
		return json_opt_int(obj, key, path, 0, 10, &number, e);
	default:
		return json_opt_bool(obj, key, path, &yes, e);
	}
}

static void
what_does_not_fit_is_refused_by_its_path(void **state)
{
	static const struct {
		enum getter getter;
		const char *key, *path, *field, *words;
	} cases[] = {
		{ WANT_TEXT, "absent", "", "absent", "absent is required" },
		{ WANT_TEXT, "none", "clients[2]", "clients[2].none",
		    "clients[2].none is required" },
		{ WANT_INT, "absent", "a.b", "a.b.absent", "a.b.absent is required" },
		{ WANT_INT, "none", NULL, "none", "none is required" },
		{ WANT_TEXT, "int", "", "int", "int must be a string, not an integer" },
		{ OPT_TEXT, "real", "", "real",
		    "real must be a string, not a number with a fraction or exponent" },
		{ OPT_TEXT, "list", "x", "x.list", "x.list must be a string, not an array" },
		{ OPT_TEXT, "object", "x", "x.object", "x.object must be a string, not an object" },
		{ OPT_TEXT, "no", "", "no", "no must be a string, not a boolean" },
		{ WANT_TEXT, "nul", "", "nul", "nul must not contain a NUL character" },
		{ WANT_INT, "text", "", "text", "text must be an integer, not a string" },
		{ OPT_INT, "real", "", "real",
		    "real must be an integer, not a number with a fraction or exponent" },
		{ OPT_INT, "whole", "", "whole",
		    "whole must be an integer, not a number with a fraction or exponent" },
		{ OPT_INT, "yes", "", "yes", "yes must be an integer, not a boolean" },
		{ WANT_INT, "int", "", "int", "int must be from 0 to 10" },
		{ OPT_INT, "minus", "p", "p.minus", "p.minus must be from 0 to 10" },
		{ OPT_BOOL, "int", "", "int", "int must be true or false, not an integer" },
		{ OPT_BOOL, "text", "", "text", "text must be true or false, not a string" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = ERR_INIT;

		assert_false(get(cases[i].getter, *state, cases[i].key, cases[i].path, &e));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, cases[i].field);
		assert_string_equal(e.text, cases[i].words);
		assert_false(get(cases[i].getter, *state, cases[i].key, cases[i].path, NULL));
	}
}

static void
only_an_object_has_members(void **state)
{
	json_t *list = json_array();

	(void)state;
	for (enum getter getter = WANT_TEXT; getter <= OPT_BOOL; getter++) {
		struct err e = ERR_INIT;

		assert_false(get(getter, list, "a", "keys[1]", &e));
		assert_string_equal(e.field, "keys[1]");
		assert_string_equal(e.text, "keys[1] must be an object");
		assert_false(get(getter, NULL, "a", "", &e));
		assert_string_equal(e.field, "");
		assert_string_equal(e.text, "the JSON text must be an object");
		assert_false(get(getter, list, "a", NULL, NULL));
	}
	json_decref(list);
}

static void
a_path_that_is_too_long_is_cut(void **state)
{
	char path[400];
	struct err e = ERR_INIT;

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(get(WANT_TEXT, *state, "absent", path, &e));
	assert_int_equal(strlen(e.field), sizeof(e.field) - 1);
	assert_memory_equal(e.field, path, sizeof(e.field) - 1);
}

/* ---- printing ---- */

static void
trees_are_printed_compactly_in_their_order(void **state)
{
	static const struct {
		const char *text, *printed;
	} cases[] = {
		{ "{ \"z\" : [ 1 , 2.5 , true ] , \"a\" : { \"y\" : null , \"b\" : \"\" } }",
		    "{\"z\":[1,2.5,true],\"a\":{\"y\":null,\"b\":\"\"}}" },
		{ "\"h\\u00e9 \\\"x\\\"\\n\\ud83d\\ude00\"",
		    "\"h\xc3\xa9 \\\"x\\\"\\n\xf0\x9f\x98\x80\"" },
		{ "[]", "[]" },
		{ "{}", "{}" },
		{ "7", "7" },
		{ "null", "null" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = BUF_INIT;
		json_t *tree = parse(cases[i].text);

		buf_add_lit(&out, "x=");
		json_print(&out, tree);
		assert_string_equal(buf_text(&out) + 2, cases[i].printed);
		json_decref(tree);
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_value_may_stand_at_the_root),
		cmocka_unit_test(broken_json_is_refused_with_its_place),
		cmocka_unit_test(too_deep_a_text_is_refused),
		cmocka_unit_test(the_input_is_never_quoted_in_an_error),
		cmocka_unit_test(nobody_has_to_listen_to_the_error),
		cmocka_unit_test(text_is_given_where_it_stands),
		cmocka_unit_test(integers_are_given_within_their_range),
		cmocka_unit_test(integers_just_out_of_their_range_are_refused),
		cmocka_unit_test(booleans_are_given),
		cmocka_unit_test(an_optional_value_that_is_absent_or_null_changes_nothing),
		cmocka_unit_test(what_does_not_fit_is_refused_by_its_path),
		cmocka_unit_test(only_an_object_has_members),
		cmocka_unit_test(a_path_that_is_too_long_is_cut),
		cmocka_unit_test(trees_are_printed_compactly_in_their_order),
	};

	return cmocka_run_group_tests_name("base/json", tests, setup, teardown);
}
