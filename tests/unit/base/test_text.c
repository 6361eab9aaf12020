/* base/text: spans, numbers, buffers, codings, and the nearest name. */
#include "tests/unit/unit.h"
#include "base/text.h"

#define assert_span(s, text) assert_true(span_is(s, text))

/* ---- spans ---- */

static void
spans_compare_by_their_bytes(void **state)
{
	(void)state;
	assert_true(span_is(SPAN("abc"), "abc"));
	assert_false(span_is(SPAN("abc"), "ab"));
	assert_false(span_is(SPAN("ab"), "abc"));
	assert_false(span_is(SPAN("abC"), "abc"));
	assert_true(span_eq(SPAN("a\0b"), span_mem("a\0b", 3)));
	assert_false(span_eq(SPAN("a\0b"), SPAN("a\0c")));
	assert_false(span_is(SPAN("a\0b"), "a"));
}

static void
an_absent_span_is_empty_everywhere(void **state)
{
	struct span none = span_of(NULL);

	(void)state;
	assert_null(none.p);
	assert_true(span_is(none, ""));
	assert_true(span_is_nocase(none, ""));
	assert_true(span_eq(none, SPAN("")));
	assert_true(span_starts(none, ""));
	assert_true(span_ends(none, ""));
	assert_true(span_has(none, ""));
	assert_true(span_has_nocase(none, ""));
	assert_false(span_has(none, "x"));
	assert_false(span_has_nocase(none, "x"));
	assert_false(span_starts(none, "x"));
	assert_int_equal(span_trim(none).len, 0);
}

static void
case_is_folded_in_ascii_alone(void **state)
{
	(void)state;
	assert_true(span_is_nocase(SPAN("BeAReR"), "bearer"));
	assert_false(span_is_nocase(SPAN("bearer "), "bearer"));
	assert_false(span_is_nocase(SPAN("@[`{"), "`{@["));
	assert_false(span_is_nocase(SPAN("\xc3\x89"), "\xc3\xa9"));
}

static void
beginnings_ends_and_middles_are_found(void **state)
{
	struct span s = SPAN("models/gemini-Pro");

	(void)state;
	assert_true(span_starts(s, "models/"));
	assert_false(span_starts(s, "model/"));
	assert_true(span_ends(s, "-Pro"));
	assert_false(span_ends(s, "-pro"));
	assert_true(span_has(s, "gemini"));
	assert_false(span_has(s, "GEMINI"));
	assert_true(span_has_nocase(s, "GEMINI-pro"));
	assert_false(span_has_nocase(s, "gemini-pro-"));
	assert_false(span_starts(s, "models/gemini-Pro and more"));
	assert_false(span_ends(s, "more than models/gemini-Pro"));
}

static void
white_space_is_trimmed_at_both_ends_only(void **state)
{
	(void)state;
	assert_span(span_trim(SPAN(" \t\r\n\v\fa b \n")), "a b");
	assert_span(span_trim(SPAN("   ")), "");
	assert_span(span_trim(SPAN("\xc2\xa0x")), "\xc2\xa0x");
}

static void
cutting_gives_part_after_part(void **state)
{
	struct span rest = SPAN("a,,bc,");

	(void)state;
	assert_span(span_cut(&rest, ','), "a");
	assert_span(span_cut(&rest, ','), "");
	assert_span(span_cut(&rest, ','), "bc");
	assert_non_null(rest.p);
	assert_span(span_cut(&rest, ','), "");
	assert_null(rest.p);
	assert_null(span_cut(&rest, ',').p);
}

/* ---- numbers ---- */

static void
whole_numbers_are_read_up_to_their_limits(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "007", 7 },
		{ "-12", -12 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t value = 99;

		assert_true(span_int(span_of(good[i].text), INT64_MIN, INT64_MAX, &value));
		assert_true(value == good[i].value);
	}
}

static void
what_is_no_whole_number_is_refused(void **state)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "12a",
		"--1", "9223372036854775808", "-9223372036854775809", "99999999999999999999999999",
		"\xd9\xa1" };
	int64_t value = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(span_int(span_of(bad[i]), INT64_MIN, INT64_MAX, &value));
	assert_false(span_int(SPAN_NONE, 0, 1, &value));
	assert_false(span_int(SPAN("1\0"), 0, 1, &value));
	assert_int_equal(value, 42);
}

static void
numbers_out_of_range_are_refused(void **state)
{
	int64_t value = 42;

	(void)state;
	assert_true(span_int(SPAN("10"), 10, 20, &value));
	assert_true(span_int(SPAN("20"), 10, 20, &value));
	assert_false(span_int(SPAN("9"), 10, 20, &value));
	assert_false(span_int(SPAN("21"), 10, 20, &value));
	assert_int_equal(value, 20);
}

static void
numbers_with_a_point_are_read(void **state)
{
	static const struct {
		const char *text;
		double value;
	} good[] = { { "0", 0 }, { "0.25", 0.25 }, { "-1.5", -1.5 }, { "2e3", 2000 },
		{ "2.5E-1", 0.25 }, { "1e+2", 100 } };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		double value = 99;

		assert_true(span_double(span_of(good[i].text), &value));
		assert_true(value == good[i].value);
	}
}

static void
what_is_no_decimal_number_is_refused(void **state)
{
	static const char *const bad[] = { "", "-", ".5", "1.", "1.e2", "1e", "1e+", "inf", "nan",
		"0x1p3", "1,5", " 1", "1 ", "1e999", "-1e999", "+1" };
	char longest[300];
	double value = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(span_double(span_of(bad[i]), &value));
	memset(longest, '1', sizeof(longest));
	assert_false(span_double(span_mem(longest, sizeof(longest)), &value));
	assert_false(span_double(SPAN_NONE, &value));
	assert_true(value == 42);
}

/* ---- buffers ---- */

static void
an_empty_buffer_reads_as_an_empty_text(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_span(&b).len, 0);
	buf_clear(&b);
	buf_drop_front(&b, 0);
	buf_wipe(&b);
	buf_fini(&b);
	assert_null(b.data);
}

static void
a_buffer_always_ends_in_nul(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	for (int i = 0; i < 1000; i++) {
		buf_add_char(&b, 'x');
		assert_int_equal(strlen(buf_text(&b)), b.len);
	}
	buf_clear(&b);
	assert_string_equal(buf_text(&b), "");
	buf_reserve(&b, 100000);
	assert_string_equal(buf_text(&b), "");
	assert_true(b.cap > 100000);
	buf_fini(&b);
}

static void
all_that_is_added_stands_in_order(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add(&b, "ab\0", 3);
	buf_add(&b, NULL, 0);
	buf_add_span(&b, SPAN_NONE);
	buf_add_span(&b, SPAN("c"));
	buf_add_text(&b, "de");
	buf_add_lit(&b, "f");
	buf_printf(&b, "%d%s", 1, "g");
	assert_int_equal(b.len, 9);
	assert_memory_equal(buf_text(&b), "ab\0cdef1g", 10);
	buf_fini(&b);
}

static void
whole_numbers_are_written_to_their_limits(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, 10, 1234567890123, INT64_MAX, INT64_MIN };

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct buf b = BUF_INIT;
		int64_t back;

		buf_add_int(&b, numbers[i]);
		assert_true(span_int(buf_span(&b), INT64_MIN, INT64_MAX, &back));
		assert_true(back == numbers[i]);
		buf_fini(&b);
	}
}

static void
printing_fills_any_length(void **state)
{
	(void)state;
	for (int width = 1; width < 400; width++) {
		struct buf b = BUF_INIT;

		buf_add_text(&b, "begin");
		buf_printf(&b, "%*d", width, 7);
		assert_int_equal(b.len, 5 + width);
		assert_int_equal(b.data[b.len - 1], '7');
		assert_int_equal(b.data[b.len], '\0');
		buf_fini(&b);
	}
}

static void
the_front_of_a_buffer_can_be_dropped(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add_text(&b, "abcdef");
	buf_drop_front(&b, 2);
	assert_string_equal(buf_text(&b), "cdef");
	buf_drop_front(&b, 4);
	assert_string_equal(buf_text(&b), "");
	buf_fini(&b);
}

/* ---- codings ---- */

static void
hexadecimals_go_both_ways(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x7f, 0x80, 0xff, 0x0a };
	unsigned char back[sizeof(bytes)];
	char hex[2 * sizeof(bytes) + 1];

	(void)state;
	text_hex(hex, bytes, sizeof(bytes));
	assert_string_equal(hex, "007f80ff0a");
	assert_true(text_unhex(SPAN("007F80fF0a"), back, sizeof(back)));
	assert_memory_equal(back, bytes, sizeof(bytes));
}

static void
hexadecimals_of_another_length_or_kind_are_refused(void **state)
{
	static const char *const bad[] = { "", "0", "000", "0000000", "00000000", "00000g",
		"0x0000", " 00000" };
	unsigned char out[3];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_unhex(span_of(bad[i]), out, sizeof(out)));
}

static void
percent_codes_are_read_and_broken_ones_kept(void **state)
{
	static const struct {
		const char *in, *plain, *plus;
	} cases[] = {
		{ "abc", "abc", "abc" },
		{ "a%20b+c", "a b+c", "a b c" },
		{ "%e2%82%AC", "\xe2\x82\xac", "\xe2\x82\xac" },
		{ "%", "%", "%" },
		{ "%4", "%4", "%4" },
		{ "%zz%41", "%zzA", "%zzA" },
		{ "%%41", "%A", "%A" },
		{ "%2B", "+", "+" },
		{ "%2541", "%41", "%41" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = BUF_INIT;

		text_percent_decode(&b, span_of(cases[i].in), false);
		assert_string_equal(buf_text(&b), cases[i].plain);
		buf_clear(&b);
		text_percent_decode(&b, span_of(cases[i].in), true);
		assert_string_equal(buf_text(&b), cases[i].plus);
		buf_fini(&b);
	}
}

static void
percent_coding_leaves_the_unreserved_alone(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	text_percent_encode(&b, SPAN("aZ09-._~"));
	assert_string_equal(buf_text(&b), "aZ09-._~");
	buf_clear(&b);
	text_percent_encode(&b, SPAN("a b/\xff&\0"));
	assert_string_equal(buf_text(&b), "a%20b%2F%FF%26%00");
	buf_fini(&b);
}

static void
every_byte_survives_percent_coding(void **state)
{
	struct buf coded = BUF_INIT, back = BUF_INIT;
	char all[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	text_percent_encode(&coded, span_mem(all, sizeof(all)));
	text_percent_decode(&back, buf_span(&coded), true);
	assert_true(span_eq(buf_span(&back), span_mem(all, sizeof(all))));
	buf_fini(&coded);
	buf_fini(&back);
}

static void
a_value_is_found_in_a_query(void **state)
{
	static const struct {
		const char *query, *value; /* NULL: absent */
	} cases[] = {
		{ "key=abc", "abc" },
		{ "a=1&key=abc&key=def", "abc" },
		{ "a=key&mykey=1&keys=2&key=3", "3" },
		{ "key=a=b", "a=b" },
		{ "key=%41", "%41" },
		{ "key=", "" },
		{ "key", "" },
		{ "&&key=1", "1" },
		{ "k%65y=sly", "sly" },
		{ "KEY=1", NULL },
		{ "", NULL },
		{ "=key", NULL },
		{ "ke=y", NULL },
		{ "key%00=1", NULL },
		{ "&", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span value = SPAN_NONE;
		bool found = text_query_get(span_of(cases[i].query), "key", &value);

		assert_int_equal(found, cases[i].value != NULL);
		if (found) {
			assert_non_null(value.p);
			assert_span(value, cases[i].value);
		}
	}
	assert_false(text_query_get(SPAN_NONE, "key", &(struct span){ 0 }));
}

/* ---- the nearest name ---- */

static void
the_nearest_name_is_suggested_when_it_is_near(void **state)
{
	static const char *const names[] = { "max_body", "max_connections", "listen", "dir" };
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{ "max_bdy", "max_body" },
		{ "maxbody", "max_body" },
		{ "max_conections", "max_connections" },
		{ "lisen", "listen" },
		{ "listne", "listen" },
		{ "dri", "dir" },
		{ "dirs", "dir" },
		{ "workers", NULL },
		{ "", NULL },
		{ "x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *nearest = text_nearest(cases[i].word, names, COUNT(names));

		if (cases[i].nearest) {
			assert_non_null(nearest);
			assert_string_equal(nearest, cases[i].nearest);
		} else {
			assert_null(nearest);
		}
	}
}

static void
a_word_beyond_all_names_has_no_nearest(void **state)
{
	static const char *const names[] = { "a" };
	char word[5000];

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(text_nearest(word, names, 1));
	assert_null(text_nearest("a", (const char *const[]){ word }, 1));
	assert_null(text_nearest("a", NULL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_compare_by_their_bytes),
		cmocka_unit_test(an_absent_span_is_empty_everywhere),
		cmocka_unit_test(case_is_folded_in_ascii_alone),
		cmocka_unit_test(beginnings_ends_and_middles_are_found),
		cmocka_unit_test(white_space_is_trimmed_at_both_ends_only),
		cmocka_unit_test(cutting_gives_part_after_part),
		cmocka_unit_test(whole_numbers_are_read_up_to_their_limits),
		cmocka_unit_test(what_is_no_whole_number_is_refused),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(numbers_with_a_point_are_read),
		cmocka_unit_test(what_is_no_decimal_number_is_refused),
		cmocka_unit_test(an_empty_buffer_reads_as_an_empty_text),
		cmocka_unit_test(a_buffer_always_ends_in_nul),
		cmocka_unit_test(all_that_is_added_stands_in_order),
		cmocka_unit_test(whole_numbers_are_written_to_their_limits),
		cmocka_unit_test(printing_fills_any_length),
		cmocka_unit_test(the_front_of_a_buffer_can_be_dropped),
		cmocka_unit_test(hexadecimals_go_both_ways),
		cmocka_unit_test(hexadecimals_of_another_length_or_kind_are_refused),
		cmocka_unit_test(percent_codes_are_read_and_broken_ones_kept),
		cmocka_unit_test(percent_coding_leaves_the_unreserved_alone),
		cmocka_unit_test(every_byte_survives_percent_coding),
		cmocka_unit_test(a_value_is_found_in_a_query),
		cmocka_unit_test(the_nearest_name_is_suggested_when_it_is_near),
		cmocka_unit_test(a_word_beyond_all_names_has_no_nearest),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
