#include "dialect/openai_pieces.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

static void
pieces_stand_in_the_order_in_which_they_came(void **state)
{
	struct arena *arena = arena_new(0);
	struct openai_pieces list = { 0 };
	struct buf out = BUF_INIT;
	char gone[] = "1";

	(void)state;
	openai_pieces_add(&list, arena, span_of(gone));
	openai_pieces_add(&list, arena, SPAN("22"));
	openai_pieces_add(&list, arena, SPAN("3"));
	gone[0] = '#';
	openai_pieces_write(&list, ",", &out);
	assert_string_equal(buf_text(&out), "1,22,3");
	assert_int_equal(list.count, 3);
	buf_fini(&out);
	arena_free(&arena);
}

static void
a_text_that_is_said_again_takes_no_more_room(void **state)
{
	struct arena *arena = arena_new(0);
	struct openai_kept k = { 0 };
	size_t bytes;

	(void)state;
	assert_null(openai_kept_span(&k).p);
	openai_kept_set(&k, arena, SPAN_NONE);
	assert_non_null(openai_kept_span(&k).p);
	openai_kept_set(&k, arena, SPAN("something long enough to matter"));
	bytes = arena_bytes(arena);
	for (int i = 0; i < 10000; i++)
		openai_kept_set(&k, arena, i & 1 ? SPAN("short") : SPAN("not as short as that"));
	assert_int_equal(arena_bytes(arena), bytes);
	assert_true(span_is(openai_kept_span(&k), "short"));
	arena_free(&arena);
}

static void
a_text_grows_as_more_of_it_comes(void **state)
{
	struct arena *arena = arena_new(0);
	struct openai_kept k = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		openai_kept_add(&k, arena, SPAN("abc"));
	assert_int_equal(openai_kept_span(&k).len, 3000);
	assert_true(span_starts(openai_kept_span(&k), "abcabc"));
	assert_true(span_ends(openai_kept_span(&k), "abcabc"));
	assert_true(arena_bytes(arena) < 30000);
	arena_free(&arena);
}

static void
compact_json_has_no_white_space_but_in_strings(void **state)
{
	static const struct {
		const char *json, *compact, *quoted;
	} rows[] = {
		{ "{ }", "{}", "\"{}\"" },
		{ "[1, 2 ,\r\n\t3]", "[1,2,3]", "\"[1,2,3]\"" },
		{ "{\"a b\" : \"c  d\"}", "{\"a b\":\"c  d\"}", "\"{\\\"a b\\\":\\\"c  d\\\"}\"" },
		{ "\"x \\\" y\\\\\"", "\"x \\\" y\\\\\"", "\"\\\"x \\\\\\\" y\\\\\\\\\\\"\"" },
		{ "[\"\\n\\u00e9\" , \"\xC3\xA9\"]", "[\"\\n\\u00e9\",\"\xC3\xA9\"]",
		    "\"[\\\"\\\\n\\\\u00e9\\\",\\\"\xC3\xA9\\\"]\"" },
		{ " 7 ", "7", "\"7\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = BUF_INIT, plain = BUF_INIT;

		openai_json_compact(&out, span_of(rows[i].json));
		assert_string_equal(buf_text(&out), rows[i].compact);
		buf_clear(&out);
		openai_json_quote(&out, span_of(rows[i].json));
		assert_string_equal(buf_text(&out), rows[i].quoted);
		/* What a client decodes is the compact form. */
		scan_text(&plain, span_mem(out.data + 1, out.len - 2));
		assert_string_equal(buf_text(&plain), rows[i].compact);
		buf_fini(&out);
		buf_fini(&plain);
	}
}

static void
a_plain_text_is_escaped_without_quotes(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	openai_text_escape(&out, SPAN("a\"b\n"));
	openai_text_escape(&out, SPAN(""));
	assert_string_equal(buf_text(&out), "a\\\"b\\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_stand_in_the_order_in_which_they_came),
		cmocka_unit_test(a_text_that_is_said_again_takes_no_more_room),
		cmocka_unit_test(a_text_grows_as_more_of_it_comes),
		cmocka_unit_test(compact_json_has_no_white_space_but_in_strings),
		cmocka_unit_test(a_plain_text_is_escaped_without_quotes),
	};

	return cmocka_run_group_tests_name("dialect/openai_pieces", tests, NULL, NULL);
}
