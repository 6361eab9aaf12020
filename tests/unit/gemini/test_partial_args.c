/*
 * Arguments in pieces: rows of pieces and the JSON that they come to.
 */
#include "gemini/partial_args.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

#define AT(path, value)       "{\"jsonPath\":\"" path "\"," value "}"
#define TEXT(path, text)      AT(path, "\"stringValue\":\"" text "\"")
#define TEXT_MORE(path, text) AT(path, "\"stringValue\":\"" text "\",\"willContinue\":true")
#define NUMBER(path, n)       AT(path, "\"numberValue\":" n)

/* All pieces at once, and each in a list of its own: both come to the same. */
static void
comes_to(const char *const *pieces, const char *want)
{
	struct partial_args whole = { 0 }, single = { 0 };
	struct buf list = BUF_INIT, a = BUF_INIT, b = BUF_INIT;

	buf_add_char(&list, '[');
	for (size_t i = 0; pieces[i] != NULL; i++) {
		struct buf one = BUF_INIT;

		buf_printf(&list, "%s%s", i ? "," : "", pieces[i]);
		buf_printf(&one, "[%s]", pieces[i]);
		partial_args_add(&single, buf_span(&one), &b);
		buf_fini(&one);
	}
	buf_add_char(&list, ']');
	partial_args_add(&whole, buf_span(&list), &a);
	partial_args_end(&whole, &a);
	partial_args_end(&single, &b);
	assert_string_equal(buf_text(&a), want);
	assert_string_equal(buf_text(&b), want);
	assert_true(scan_check(buf_span(&a), NULL, NULL));
	buf_fini(&list);
	buf_fini(&a);
	buf_fini(&b);
}

#define COMES_TO(want, ...) comes_to((const char *const[]){ __VA_ARGS__, NULL }, want)

static void
values_of_each_kind_become_members(void **state)
{
	(void)state;
	COMES_TO("{\"s\":\"x\\ny\",\"n\":-1.5e3,\"t\":true,\"f\":false,\"z\":null}",
	    TEXT("$.s", "x\\ny"), NUMBER("$.n", "-1.5e3"), AT("$.t", "\"boolValue\":true"),
	    AT("$.f", "\"boolValue\":false"), AT("$.z", "\"nullValue\":\"NULL_VALUE\""));
}

static void
a_text_goes_on_while_it_says_so(void **state)
{
	(void)state;
	COMES_TO("{\"a\":\"New York\",\"b\":\"\"}", TEXT_MORE("$.a", "New"),
	    TEXT_MORE("$.a", " Yo"), TEXT("$.a", "rk"), TEXT("$.b", ""));
	COMES_TO("{\"a\":\"x\",\"b\":1}", TEXT_MORE("$.a", "x"),
	    AT("$.a", "\"willContinue\":false"), NUMBER("$.b", "1"));
}

static void
a_text_that_is_left_open_is_closed(void **state)
{
	(void)state;
	COMES_TO("{\"a\":\"x\"}", TEXT_MORE("$.a", "x"));
	COMES_TO("{\"a\":\"x\",\"b\":1}", TEXT_MORE("$.a", "x"), NUMBER("$.b", "1"));
	COMES_TO("{\"o\":{\"l\":[\"x\"]}}", TEXT_MORE("$.o.l[0]", "x"));
}

static void
objects_and_lists_open_and_close_as_paths_do(void **state)
{
	(void)state;
	COMES_TO("{\"a\":{\"b\":{\"c\":1},\"d\":2},\"e\":3}", NUMBER("$.a.b.c", "1"),
	    NUMBER("$.a.d", "2"), NUMBER("$.e", "3"));
	COMES_TO("{\"l\":[1,2,{\"x\":3,\"y\":[4]}],\"z\":5}", NUMBER("$.l[0]", "1"),
	    NUMBER("$.l[1]", "2"), NUMBER("$.l[2].x", "3"), NUMBER("$.l[2].y[0]", "4"),
	    NUMBER("$.z", "5"));
	COMES_TO("{\"m\":[[1],[2]]}", NUMBER("$.m[0][0]", "1"), NUMBER("$.m[1][0]", "2"));
}

static void
names_in_brackets_may_be_anything(void **state)
{
	(void)state;
	COMES_TO("{\"a b\":1,\"c.d[0]\":2,\"it's\":3,\"\xC3\xA9\\\"\":4}", NUMBER("$['a b']", "1"),
	    NUMBER("$['c.d[0]']", "2"), NUMBER("$['it\\\\'s']", "3"),
	    NUMBER("$[\\\"\\u00e9\\\\\\\"\\\"]", "4"));
}

static void
nothing_is_an_empty_object(void **state)
{
	struct partial_args a = { 0 };
	struct buf out = BUF_INIT;

	(void)state;
	partial_args_add(&a, SPAN_NONE, &out);
	partial_args_end(&a, &out);
	assert_string_equal(buf_text(&out), "{}");
	buf_clear(&out);
	partial_args_add(&a, SPAN("[" NUMBER("$.a", "1") "]"), &out);
	partial_args_end(&a, &out);
	assert_string_equal(buf_text(&out), "{\"a\":1}"); /* ready for another call */
	buf_fini(&out);
}

static void
what_does_not_fit_is_left_out(void **state)
{
	static const char *const rows[] = {
		"7",
		"null",
		"[]",
		"{}",
		"\"x\"",
		TEXT("", "x"),
		TEXT("$", "x"),
		TEXT("a", "x"),
		TEXT("$.", "x"),
		TEXT("$..a", "x"),
		TEXT("$[0]", "x"),
		TEXT("$a", "x"),
		TEXT("$.a[", "x"),
		TEXT("$.a[x]", "x"),
		TEXT("$.a[-1]", "x"),
		TEXT("$['a", "x"),
		TEXT("$['a'", "x"),
		TEXT("$['a\\\\", "x"),
		TEXT("$.a\\u0000b", "x"),
		AT("$.b", "\"newValue\":7"),
		AT("$.b", "\"numberValue\":\"NaN\""),
		AT("$.b", "\"boolValue\":7"),
		AT("$.b", "\"stringValue\":7"),
		"{\"stringValue\":\"x\"}",
		TEXT("$.a", "again"), /* $.a is written */
		TEXT("$.a.b", "into a value"),
		TEXT("$.l", "over a list"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		COMES_TO("{\"l\":[0],\"a\":1,\"z\":2}", NUMBER("$.l[0]", "0"), NUMBER("$.a", "1"),
		    i == COUNT(rows) - 1 ? "null" : rows[i], NUMBER("$.z", "2"));
	COMES_TO("{\"l\":[0]}", NUMBER("$.l[0]", "0"), TEXT("$.l", "x"), TEXT("$.l.x", "x"));
	COMES_TO("{\"l\":{\"x\":0}}", NUMBER("$.l.x", "0"), TEXT("$.l[1]", "x"));
}

static void
a_path_that_goes_too_far_is_left_out(void **state)
{
	struct buf deep = BUF_INIT, wide = BUF_INIT;

	(void)state;
	buf_add_lit(&deep, "{\"numberValue\":1,\"jsonPath\":\"$");
	for (int i = 0; i <= PARTIAL_DEPTH_MAX; i++)
		buf_add_lit(&deep, ".a");
	buf_add_lit(&deep, "\"}");
	buf_add_lit(&wide, "{\"numberValue\":1,\"jsonPath\":\"$.");
	for (int i = 0; i <= PARTIAL_NAMES_MAX; i++)
		buf_add_char(&wide, 'a');
	buf_add_lit(&wide, "\"}");
	COMES_TO("{\"z\":2}", buf_text(&deep), buf_text(&wide), NUMBER("$.z", "2"));
	buf_fini(&deep);
	buf_fini(&wide);
}

static void
pieces_that_are_no_list_say_nothing(void **state)
{
	static const char *const rows[] = { "{}", "7", "\"x\"" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct partial_args a = { 0 };
		struct buf out = BUF_INIT;

		partial_args_add(&a, span_of(rows[i]), &out);
		assert_int_equal(out.len, 0);
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_each_kind_become_members),
		cmocka_unit_test(a_text_goes_on_while_it_says_so),
		cmocka_unit_test(a_text_that_is_left_open_is_closed),
		cmocka_unit_test(objects_and_lists_open_and_close_as_paths_do),
		cmocka_unit_test(names_in_brackets_may_be_anything),
		cmocka_unit_test(nothing_is_an_empty_object),
		cmocka_unit_test(what_does_not_fit_is_left_out),
		cmocka_unit_test(a_path_that_goes_too_far_is_left_out),
		cmocka_unit_test(pieces_that_are_no_list_say_nothing),
	};

	return cmocka_run_group_tests_name("gemini/partial_args", tests, NULL, NULL);
}
