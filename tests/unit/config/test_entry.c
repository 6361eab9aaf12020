/* Entries and faults: that they keep what they were given, in their order. */
#include "tests/unit/unit.h"

#include "config/private.h"

static void
entries_keep_copies_in_their_order(void **state)
{
	struct entries es;
	char value[] = "127.0.0.1:1", model[] = "fast", origin[] = "-D";

	(void)state;
	entries_init(&es);
	for (size_t i = 0; i < 100; i++) {
		struct entry *e =
		    entries_add(&es, setting_at(0), i % 2 == 0 ? NULL : model, origin, (int)i);

		for (size_t k = 0; k < i; k++)
			entry_add_value(&es, e, span_of(value));
	}
	memset(value, 'x', sizeof(value) - 1);
	memset(model, 'x', sizeof(model) - 1);
	memset(origin, 'x', sizeof(origin) - 1);
	assert_int_equal(es.count, 100);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(es.items[i].line, i);
		assert_int_equal(es.items[i].count, i);
		assert_string_equal(es.items[i].origin, "-D");
		if (i > 0)
			assert_string_equal(es.items[i].values[i - 1], "127.0.0.1:1");
		if (i % 2 == 1)
			assert_string_equal(es.items[i].model, "fast");
	}
	entries_fini(&es);
	entries_fini(&es); /* empty is fine */
}

static void
the_place_of_an_origin_leaves_out_that_it_is_a_file(void **state)
{
	(void)state;
	assert_string_equal(origin_place("file /etc/x:12"), "/etc/x:12");
	assert_string_equal(origin_place("environment POLLUX_X"), "environment POLLUX_X");
	assert_string_equal(origin_place("-D"), "-D");
}

static void
faults_are_sorted_by_line_and_stay_in_order_within_one(void **state)
{
	struct faults fs = { NULL, 0, 0 };

	(void)state;
	faults_at(&fs, "x", 7, "a");
	faults_at(&fs, "x", 3, "b");
	faults_add(&fs, false, 7, "c");
	faults_add(&fs, true, 0, "d");
	faults_at(&fs, "x", 3, "e %d", 5);
	faults_sort(&fs);
	assert_int_equal(fs.errors, 4);
	assert_string_equal(fs.items[0].text, "d");
	assert_string_equal(fs.items[1].text, "x:3: b");
	assert_string_equal(fs.items[2].text, "x:3: e 5");
	assert_string_equal(fs.items[3].text, "x:7: a");
	assert_string_equal(fs.items[4].text, "c");
	assert_false(fs.items[4].is_error);
	faults_fini(&fs);
	assert_int_equal(fs.errors, 0);
}

static void
too_many_faults_end_in_a_word_that_there_are_more(void **state)
{
	struct faults fs = { NULL, 0, 0 };

	(void)state;
	for (int i = 1; i <= 5000; i++)
		faults_add(&fs, true, i, "fault %d", i);
	faults_sort(&fs);
	assert_int_equal(fs.count, FAULTS_MOST + 1);
	assert_int_equal(fs.errors, 5000);
	assert_string_equal(fs.items[FAULTS_MOST].text, "there is more that is wrong");
	faults_fini(&fs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_keep_copies_in_their_order),
		cmocka_unit_test(the_place_of_an_origin_leaves_out_that_it_is_a_file),
		cmocka_unit_test(faults_are_sorted_by_line_and_stay_in_order_within_one),
		cmocka_unit_test(too_many_faults_end_in_a_word_that_there_are_more),
	};

	return cmocka_run_group_tests_name("config/entry", tests, NULL, NULL);
}
