/*
 * JSON in pieces, token by token: the same wherever it is cut, and never beyond its end.
 */
#include "tests/unit/unit.h"

#include "gemini/outline.h"
#include "tests/unit/gemini/pieces.h"

static int
setup(void **state)
{
	*state = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	arena_free((struct arena **)state);
	return 0;
}

static void
add_text(struct buf *out, struct outline_text text)
{
	for (struct span part; (part = outline_text_cut(&text)).len > 0;)
		buf_add_span(out, part);
}

/* All tokens, parted by blanks: { KEY: "string" word ] ... and what it ended with. */
static void
tell(const struct body *b, struct buf *out)
{
	struct outline o;
	enum outline_token t;

	outline_init(&o, b);
	while ((t = outline_next(&o)) > OUTLINE_DONE) {
		if (t == OUTLINE_OBJECT || t == OUTLINE_ARRAY || t == OUTLINE_CLOSE) {
			buf_add_char(out, t == OUTLINE_OBJECT  ? '{'
					  : t == OUTLINE_ARRAY ? '['
							       : '/');
		} else {
			if (t == OUTLINE_STRING)
				buf_add_char(out, '"');
			add_text(out, o.text);
			if (t == OUTLINE_KEY)
				buf_add_char(out, ':');
		}
		buf_add_char(out, ' ');
	}
	buf_add_text(out, t == OUTLINE_DONE ? "done" : "bad");
}

static void
assert_told(struct arena *a, const char *text, const char *wanted)
{
	for (size_t bytes = 1; bytes <= strlen(text) + 1; bytes++) {
		struct body b = pieces_of(a, span_of(text), bytes);
		struct buf told = BUF_INIT;

		tell(&b, &told);
		assert_string_equal(buf_text(&told), wanted);
		buf_fini(&told);
	}
}

static const struct {
	const char *text, *told;
} cases[] = {
	{ "{}", "{ / done" },
	{ "[]", "[ / done" },
	{ " { } \n", "{ / done" },
	{ "12.5e-3", "12.5e-3 done" },
	{ "\"\"", "\" done" },
	{ "{\"a\":1,\"b\":[true,null,\"x y\"],\"c\":{\"d\":\"e\"}}",
	    "{ a: 1 b: [ true null \"x y / c: { d: \"e / / done" },
	{ "[ [ ] , { } , [ 1 , 2 ] ]", "[ [ / { / [ 1 2 / / done" },
	{ "{\t\"a\"\r\n: \"b\" }", "{ a: \"b / done" },
	{ "[\"a\\\"b\",\"c\\\\\",\"\\\\\\\"\",\"\\u0022\"]",
	    "[ \"a\\\"b \"c\\\\ \"\\\\\\\" \"\\u0022 / done" },
	{ "[\"{[,]}:\"]", "[ \"{[,]}: / done" },

	{ "", "bad" },
	{ "  ", "bad" },
	{ "{", "{ bad" },
	{ "[1,", "[ 1 bad" },
	{ "[1 2]", "[ 1 bad" },
	{ "[,]", "[ bad" },
	{ "[1,]", "[ 1 bad" },
	{ "{,}", "{ bad" },
	{ "{\"a\"}", "{ bad" },
	{ "{\"a\":}", "{ a: bad" },
	{ "{\"a\":1,}", "{ a: 1 bad" },
	{ "{\"a\":1 \"b\":2}", "{ a: 1 bad" },
	{ "{a:1}", "{ bad" },
	{ "{\"a\":1]", "{ a: 1 bad" },
	{ "[1}", "[ 1 bad" },
	{ "{} {}", "{ / bad" },
	{ "}", "bad" },
	{ "\"abc", "bad" },
	{ "\"abc\\\"", "bad" },
	{ "[\"", "[ bad" },
	{ "\x01", "bad" },
};

static void
tokens_are_the_same_wherever_the_body_is_cut(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_told(*state, cases[i].text, cases[i].told);
}

static void
a_body_without_pieces_is_broken(void **state)
{
	struct body none = BODY_NONE;
	struct span empty = SPAN_NONE;
	struct body one = { &empty, 1 };
	struct buf told = BUF_INIT;

	(void)state;
	tell(&none, &told);
	tell(&one, &told);
	assert_string_equal(buf_text(&told), "badbad");
	buf_fini(&told);
}

static void
what_was_broken_stays_so(void **state)
{
	struct body b = body_of(*state, SPAN("[1 2]"));
	struct outline o;

	outline_init(&o, &b);
	assert_int_equal(outline_next(&o), OUTLINE_ARRAY);
	assert_int_equal(outline_next(&o), OUTLINE_WORD);
	for (int i = 0; i < 3; i++)
		assert_int_equal(outline_next(&o), OUTLINE_BAD);
	assert_false(outline_leave(&o));
	assert_false(outline_skip(&o));
}

static void
depth_is_bounded_where_it_is_read_and_not_where_it_is_skipped(void **state)
{
	struct buf text = BUF_INIT;
	struct outline o;
	struct body b;
	unsigned opened = 0;

	buf_add_lit(&text, "{\"a\":");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&text, '[');
	for (int i = 0; i < 100000; i++)
		buf_add_char(&text, ']');
	buf_add_lit(&text, ",\"b\":1}");
	b = body_of(*state, buf_span(&text));
	outline_init(&o, &b);
	assert_int_equal(outline_next(&o), OUTLINE_OBJECT);
	assert_int_equal(outline_next(&o), OUTLINE_KEY);
	while (outline_next(&o) == OUTLINE_ARRAY)
		opened++;
	assert_int_equal(opened, OUTLINE_DEPTH_MAX - 1);
	assert_int_equal(outline_next(&o), OUTLINE_BAD);

	outline_init(&o, &b);
	assert_int_equal(outline_next(&o), OUTLINE_OBJECT);
	assert_int_equal(outline_next(&o), OUTLINE_KEY);
	assert_true(outline_skip(&o));
	assert_int_equal(outline_next(&o), OUTLINE_KEY);
	assert_true(span_is(outline_key(&o), "b"));
	buf_fini(&text);
}

/* To the key, skips its value, and says which key comes next. */
static void
assert_next_behind(struct arena *a, const char *value)
{
	char text[200];

	snprintf(text, sizeof(text), "{\"a\":%s,\"z\":0}", value);
	for (size_t bytes = 1; bytes <= strlen(text); bytes++) {
		struct body b = pieces_of(a, span_of(text), bytes);
		struct outline o;

		outline_init(&o, &b);
		assert_int_equal(outline_next(&o), OUTLINE_OBJECT);
		assert_int_equal(outline_next(&o), OUTLINE_KEY);
		assert_true(outline_skip(&o));
		assert_int_equal(outline_next(&o), OUTLINE_KEY);
		assert_true(span_is(outline_key(&o), "z"));
		assert_int_equal(outline_next(&o), OUTLINE_WORD);
		assert_int_equal(outline_next(&o), OUTLINE_CLOSE);
		assert_int_equal(outline_next(&o), OUTLINE_DONE);
	}
}

static void
any_value_is_skipped_whole(void **state)
{
	static const char *const values[] = { "1", "\"x\"", "null", "{}", "[]",
		"{\"b\":[{\"c\":\"}]\\\"\"}]}", "[[[\"[\"]],{\"]\":\"[\"}]", " [ 1 ] " };

	for (size_t i = 0; i < COUNT(values); i++)
		assert_next_behind(*state, values[i]);
}

static void
what_is_left_of_an_object_or_array_is_skipped(void **state)
{
	struct body b = body_of(*state, SPAN("[[1,[2,3],{\"a\":4}],[],5]"));
	struct outline o;

	outline_init(&o, &b);
	assert_int_equal(outline_next(&o), OUTLINE_ARRAY);
	assert_int_equal(outline_next(&o), OUTLINE_ARRAY);
	assert_int_equal(outline_next(&o), OUTLINE_WORD);
	assert_true(outline_leave(&o));
	assert_int_equal(outline_next(&o), OUTLINE_ARRAY);
	assert_true(outline_leave(&o));
	assert_int_equal(outline_next(&o), OUTLINE_WORD);
	assert_true(outline_text_is(o.text, "5"));
	assert_true(outline_leave(&o));
	assert_int_equal(outline_next(&o), OUTLINE_DONE);
}

static void
what_does_not_end_cannot_be_skipped(void **state)
{
	static const char *const texts[] = { "{\"a\":[1,2", "{\"a\":{\"b\":\"", "{\"a\":\"x",
		"{\"a\":" };

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct body b = body_of(*state, span_of(texts[i]));
		struct outline o;

		outline_init(&o, &b);
		outline_next(&o);
		assert_int_equal(outline_next(&o), OUTLINE_KEY);
		assert_false(outline_skip(&o));
		assert_int_equal(outline_next(&o), OUTLINE_BAD);
	}
}

static void
keys_are_known_in_both_spellings(void **state)
{
	static const struct {
		const char *text, *key;
	} keys[] = { { "{\"inlineData\":1}", "inlineData" },
		{ "{\"inline_data\":1}", "inlineData" },
		{ "{\"file_search_store_names\":1}", "fileSearchStoreNames" },
		{ "{\"_x\":1}", "_x" }, { "{\"x_\":1}", "x_" }, { "{\"a__b\":1}", "a_B" },
		{ "{\"a_1\":1}", "a_1" }, { "{\"\":1}", "" },
		{ "{\"a_name_of_more_than_forty_eight_bytes_is_no_name_of_googles\":1}", "" } };

	for (size_t i = 0; i < COUNT(keys); i++)
		for (size_t bytes = 1; bytes < 8; bytes++) {
			struct body b = pieces_of(*state, span_of(keys[i].text), bytes);
			struct outline o;

			outline_init(&o, &b);
			outline_next(&o);
			assert_int_equal(outline_next(&o), OUTLINE_KEY);
			assert_true(span_is(outline_key(&o), keys[i].key));
		}
}

static void
arguments_results_and_schemas_are_foreign(void **state)
{
	static const struct {
		const char *text;
		bool foreign;
	} keys[] = { { "{\"args\":1}", true }, { "{\"response\":1}", true },
		{ "{\"function_declarations\":1}", true }, { "{\"generationConfig\":1}", true },
		{ "{\"parts\":1}", false }, { "{\"fileData\":1}", false } };

	for (size_t i = 0; i < COUNT(keys); i++) {
		struct body b = body_of(*state, span_of(keys[i].text));
		struct outline o;

		outline_init(&o, &b);
		outline_next(&o);
		outline_next(&o);
		assert_int_equal(outline_is_foreign(&o), keys[i].foreign);
	}
}

static void
a_text_is_copied_as_far_as_there_is_room(void **state)
{
	struct body b = pieces_of(*state, SPAN("\"abcdefgh\""), 3);
	struct outline o;
	char out[5];

	outline_init(&o, &b);
	assert_int_equal(outline_next(&o), OUTLINE_STRING);
	assert_int_equal(o.text.len, 8);
	assert_int_equal(outline_text_copy(o.text, out, sizeof(out)), 5);
	assert_memory_equal(out, "abcde", 5);
	assert_true(outline_text_is(o.text, "abcdefgh"));
	assert_false(outline_text_is(o.text, "abcdefgx"));
	assert_false(outline_text_is(o.text, "abcdefg"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(tokens_are_the_same_wherever_the_body_is_cut),
		CASE(a_body_without_pieces_is_broken),
		CASE(what_was_broken_stays_so),
		CASE(depth_is_bounded_where_it_is_read_and_not_where_it_is_skipped),
		CASE(any_value_is_skipped_whole),
		CASE(what_is_left_of_an_object_or_array_is_skipped),
		CASE(what_does_not_end_cannot_be_skipped),
		CASE(keys_are_known_in_both_spellings),
		CASE(arguments_results_and_schemas_are_foreign),
		CASE(a_text_is_copied_as_far_as_there_is_room),
	};

	return cmocka_run_group_tests_name("gemini/outline", tests, NULL, NULL);
}
