/*
 * Tables by number and name; records that are whole, strange or broken.
 */
#include "tests/unit/unit.h"

#include "ipc/board.h"
#include "store/schema.h"

static void
every_table_is_found_by_its_name(void **state)
{
	(void)state;
	for (int t = 0; t < TABLE_COUNT; t++) {
		enum table found = TABLE_COUNT;

		assert_true(table_find(span_of(table_name((enum table)t)), &found));
		assert_int_equal(found, t);
	}
}

static void
a_name_that_is_no_table_is_not_found(void **state)
{
	static const char *const names[] = { "", "metA", "meta ", "met", "credentials" };
	enum table t;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_false(table_find(span_of(names[i]), &t));
	assert_false(table_find(SPAN_NONE, &t));
}

static void
secrets_are_sealed_and_changes_are_announced(void **state)
{
	(void)state;
	assert_true(table_is_sealed(TABLE_CREDENTIAL));
	assert_false(table_is_sealed(TABLE_META));
	assert_int_equal(table_generation(TABLE_CREDENTIAL), BOARD_GEN_CREDENTIALS);
	assert_int_equal(table_generation(TABLE_CLIENT), BOARD_GEN_CLIENTS);
	assert_int_equal(table_generation(TABLE_META), -1);
}

static void
fields_come_back_in_order(void **state)
{
	struct buf b = BUF_INIT;
	struct record r;
	struct span value;
	unsigned tag;
	int64_t n;

	(void)state;
	record_put_text(&b, 1, SPAN("label"));
	record_put_int(&b, 300, -5);
	record_put_text(&b, UINT32_MAX, SPAN_NONE);
	record_put_text(&b, 0, SPAN("a\0b"));
	record_begin(&r, buf_span(&b));
	assert_true(record_next(&r, &tag, &value));
	assert_int_equal(tag, 1);
	assert_true(span_is(value, "label"));
	assert_true(record_next(&r, &tag, &value));
	assert_int_equal(tag, 300);
	assert_true(record_int(value, &n));
	assert_int_equal(n, -5);
	assert_true(record_next(&r, &tag, &value));
	assert_int_equal(tag, UINT32_MAX);
	assert_int_equal(value.len, 0);
	assert_true(record_next(&r, &tag, &value));
	assert_int_equal(value.len, 3);
	assert_false(record_next(&r, &tag, &value));
	assert_false(r.broken);
	buf_fini(&b);
}

static void
integers_of_any_size_survive(void **state)
{
	static const int64_t cases[] = { 0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192,
		INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = BUF_INIT;
		struct record r;
		struct span value;
		unsigned tag;
		int64_t n = 12345;

		record_put_int(&b, 7, cases[i]);
		record_begin(&r, buf_span(&b));
		assert_true(record_next(&r, &tag, &value));
		assert_true(record_int(value, &n));
		assert_true(n == cases[i]);
		buf_fini(&b);
	}
}

static void
small_integers_are_short(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	record_put_int(&b, 1, -64);
	assert_int_equal(b.len, 3);
	buf_fini(&b);
}

static void
what_is_no_integer_is_refused(void **state)
{
	static const struct span cases[] = {
		{ "", 0 },
		{ "\x80", 1 },
		{ "\x01\x01", 2 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
	};
	int64_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_false(record_int(cases[i], &n));
}

static void
a_record_cut_anywhere_but_between_fields_is_broken(void **state)
{
	struct buf b = BUF_INIT;
	size_t whole[4], n_whole = 0;

	(void)state;
	whole[n_whole++] = 0;
	record_put_text(&b, 1, SPAN("first"));
	whole[n_whole++] = b.len;
	record_put_text(&b, 200, SPAN("second"));
	whole[n_whole++] = b.len;
	record_put_int(&b, 3, 1 << 20);
	for (size_t len = 0; len < b.len; len++) {
		struct record r;
		struct span value;
		unsigned tag;
		bool at_border = false;

		for (size_t i = 0; i < n_whole; i++)
			at_border |= whole[i] == len;
		record_begin(&r, span_mem(b.data, len));
		while (record_next(&r, &tag, &value))
			assert_true(value.p + value.len <= b.data + len);
		assert_int_equal(r.broken, !at_border);
		assert_false(record_next(&r, &tag, &value));
	}
	buf_fini(&b);
}

static void
hostile_records_are_broken_and_not_read_past_their_end(void **state)
{
	static const struct span cases[] = {
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 11 }, /* a tag without end */
		{ "\x80\x80\x80\x80\x10\x01x", 7 },                     /* a tag over 32 bits */
		{ "\x01\x7f"
		  "abc",
		    5 }, /* longer than what is there */
		{ "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, /* 2^64 - 1 bytes */
		{ "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11 }, /* more than 64 bits */
		{ "\x01", 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *exact = malloc(cases[i].len); /* so that a sanitizer sees a byte too far */
		struct record r;
		struct span value;
		unsigned tag;

		memcpy(exact, cases[i].p, cases[i].len);
		record_begin(&r, span_mem(exact, cases[i].len));
		assert_false(record_next(&r, &tag, &value));
		assert_true(r.broken);
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_table_is_found_by_its_name),
		cmocka_unit_test(a_name_that_is_no_table_is_not_found),
		cmocka_unit_test(secrets_are_sealed_and_changes_are_announced),
		cmocka_unit_test(fields_come_back_in_order),
		cmocka_unit_test(integers_of_any_size_survive),
		cmocka_unit_test(small_integers_are_short),
		cmocka_unit_test(what_is_no_integer_is_refused),
		cmocka_unit_test(a_record_cut_anywhere_but_between_fields_is_broken),
		cmocka_unit_test(hostile_records_are_broken_and_not_read_past_their_end),
	};

	return cmocka_run_group_tests_name("store/schema", tests, NULL, NULL);
}
