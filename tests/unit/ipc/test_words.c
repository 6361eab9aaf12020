/*
 * The words of control.sock: found, guessed at, and true to their own usage lines.
 */
#include "tests/unit/unit.h"

#include "ipc/words.h"

static void
a_word_of_two_parts_is_found_before_its_arguments(void **state)
{
	const char *said[] = { "keys", "show", "status" };
	size_t used = 0;

	(void)state;
	assert_ptr_equal(word_find(said, 3, &used), &word_table[WORD_INDEX_keys_show]);
	assert_int_equal(used, 2);
}

static void
a_word_of_one_part_leaves_the_rest_to_be_arguments(void **state)
{
	const char *said[] = { "status", "now" };
	size_t used = 0;

	(void)state;
	assert_ptr_equal(word_find(said, 2, &used), &word_table[WORD_INDEX_status]);
	assert_int_equal(used, 1);
}

static void
what_is_no_word_is_not_found(void **state)
{
	static const char *const cases[][2] = { { "keys", "" }, { "key", "list" }, { "", "" },
		{ "keys list", "" }, { "STATUS", "" },
		{ "a-word-that-is-very-much-longer-than-any-name-of-ours-could-ever-be-indeed",
		    "x" } };
	size_t used;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* "keys list" as one word is the name as it stands in the table: that is fine. */
		bool whole = strcmp(cases[i][0], "keys list") == 0;

		assert_int_equal(word_find(cases[i], 2, &used) != NULL, whole);
	}
	assert_null(word_find(NULL, 0, &used));
}

static void
every_word_is_found_by_its_own_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < WORD_COUNT; i++) {
		const char *name = word_table[i].name;
		size_t used;

		assert_ptr_equal(word_find(&name, 1, &used), &word_table[i]);
	}
}

static void
a_slip_of_the_pen_is_understood(void **state)
{
	static const struct {
		const char *said[2];
		const char *meant;
	} cases[] = {
		{ { "keys", "lst" }, "keys list" },
		{ { "key", "list" }, "keys list" },
		{ { "statsu", "" }, "status" },
		{ { "client", "add" }, "clients add" },
		{ { "xyzzy", "plugh" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *nearest = word_nearest(cases[i].said, 2);

		if (cases[i].meant)
			assert_string_equal(nearest, cases[i].meant);
		else
			assert_null(nearest);
	}
}

static void
an_option_is_one_of_a_word_only_if_its_usage_says_so(void **state)
{
	const struct word *add = &word_table[WORD_INDEX_keys_add];

	(void)state;
	assert_true(word_takes_option(add, "label"));
	assert_true(word_takes_option(add, "project"));
	assert_false(word_takes_option(add, "key"));
	assert_false(word_takes_option(add, "lab"));
	assert_false(word_takes_option(add, "labels"));
	assert_false(word_takes_option(add, ""));
	assert_false(word_takes_option(&word_table[WORD_INDEX_status], "label"));
}

static void
an_option_without_a_value_has_none_in_any_word(void **state)
{
	(void)state;
	assert_true(word_takes_option(&word_table[WORD_INDEX_keys_thaw], "all"));
	assert_false(word_takes_option(&word_table[WORD_INDEX_keys_rm], "all"));
	assert_true(word_is_flag("all"));
	assert_false(word_is_flag("label"));
	assert_false(word_is_flag("al"));
	assert_false(word_is_flag(""));
	assert_false(word_is_flag("all]"));
}

static void
a_group_is_the_first_part_of_words(void **state)
{
	(void)state;
	assert_true(word_has_group("keys"));
	assert_true(word_has_group("config"));
	assert_false(word_has_group("key"));
	assert_false(word_has_group("status"));
	assert_false(word_has_group(""));
}

static void
words_that_need_arguments_say_so_in_their_usage(void **state)
{
	(void)state;
	for (size_t i = 0; i < WORD_COUNT; i++) {
		const struct word *w = &word_table[i];
		bool named = w->arguments[0] && w->arguments[0] != '[';

		assert_int_equal(w->least > 0, named);
		assert_int_equal(w->most > 1, strstr(w->arguments, "...") != NULL);
		assert_true(w->least <= w->most);
		assert_true(w->help[strlen(w->help) - 1] == '.');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_of_two_parts_is_found_before_its_arguments),
		cmocka_unit_test(a_word_of_one_part_leaves_the_rest_to_be_arguments),
		cmocka_unit_test(what_is_no_word_is_not_found),
		cmocka_unit_test(every_word_is_found_by_its_own_name),
		cmocka_unit_test(a_slip_of_the_pen_is_understood),
		cmocka_unit_test(an_option_is_one_of_a_word_only_if_its_usage_says_so),
		cmocka_unit_test(an_option_without_a_value_has_none_in_any_word),
		cmocka_unit_test(a_group_is_the_first_part_of_words),
		cmocka_unit_test(words_that_need_arguments_say_so_in_their_usage),
	};

	return cmocka_run_group_tests_name("ipc/words", tests, NULL, NULL);
}
