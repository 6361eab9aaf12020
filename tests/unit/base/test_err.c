/* base/err: kinds, words, places, and how too long words are cut. */
#include "tests/unit/unit.h"
#include <errno.h>
#include "base/err.h"

static void
setting_an_error_says_false_and_keeps_the_words(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(err_set(&e, ERR_NOT_FOUND, "no %s called \"%s\"", "model", "x"));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_string_equal(e.text, "no model called \"x\"");
	assert_string_equal(e.field, "");
	assert_int_equal(e.retry_ms, 0);
}

static void
an_error_that_nobody_wants_is_allowed(void **state)
{
	(void)state;
	assert_false(err_set(NULL, ERR_BUSY, "x"));
	assert_false(err_retry(NULL, ERR_BUSY, 5, "x"));
	assert_false(err_field(NULL, "a", "x"));
	errno = ENOENT;
	assert_false(err_errno(NULL, "x"));
	err_prefix(NULL, "x");
}

static void
a_retry_time_is_kept_and_never_negative(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(err_retry(&e, ERR_BUSY, 1500, "in %d ms", 1500));
	assert_int_equal(e.retry_ms, 1500);
	assert_string_equal(e.text, "in 1500 ms");
	err_retry(&e, ERR_BUSY, -3, "x");
	assert_int_equal(e.retry_ms, 0);
}

static void
a_field_makes_a_bad_request(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(err_field(&e, "messages[2].content", "must be a %s", "string"));
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_string_equal(e.field, "messages[2].content");
	assert_string_equal(e.text, "must be a string");
}

static void
a_new_error_forgets_the_old_one(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_field(&e, "a.b", "x");
	err_retry(&e, ERR_BUSY, 9, "y");
	assert_string_equal(e.field, "");
	err_set(&e, ERR_INTERNAL, "z");
	assert_int_equal(e.retry_ms, 0);
}

static void
an_error_may_be_told_of_in_its_own_successor(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_field(&e, "a", "first");
	err_field(&e, e.field, "then: %s", e.text);
	assert_string_equal(e.text, "then: first");
	assert_string_equal(e.field, "a");
}

static void
errno_is_put_into_words_and_left_alone(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOENT;
	assert_false(err_errno(&e, "cannot open %s", "/x"));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_string_equal(e.text, "cannot open /x: No such file or directory");
}

static void
a_full_disk_is_a_kind_of_its_own(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOSPC;
	err_errno(&e, "x");
	assert_int_equal(e.kind, ERR_FULL);
	errno = EDQUOT;
	err_errno(&e, "x");
	assert_int_equal(e.kind, ERR_FULL);
}

static void
a_prefix_goes_in_front_and_changes_nothing_else(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_retry(&e, ERR_BUSY, 7, "spent");
	err_prefix(&e, "model %s: ", "m");
	assert_string_equal(e.text, "model m: spent");
	assert_int_equal(e.kind, ERR_BUSY);
	assert_int_equal(e.retry_ms, 7);
}

static void
words_that_are_too_long_are_cut(void **state)
{
	struct err e = ERR_INIT;
	char longest[3000];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	err_field(&e, longest, "%s", longest);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_int_equal(strlen(e.field), sizeof(e.field) - 1);
	err_prefix(&e, "%s", longest);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void
a_cut_leaves_no_half_character(void **state)
{
	static const char *const characters[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t c = 0; c < COUNT(characters); c++) {
		size_t n = strlen(characters[c]);

		for (size_t before = 0; before < n; before++) {
			struct err e = ERR_INIT;
			char text[sizeof(e.text) + 16] = "";

			memset(text, 'x', before);
			for (size_t at = before; at < sizeof(e.text) + 4; at += n)
				memcpy(text + at, characters[c], n + 1);
			err_set(&e, ERR_INTERNAL, "%s", text);
			assert_int_equal((strlen(e.text) - before) % n, 0);
			assert_true(strlen(e.text) + n >= sizeof(e.text));
			assert_memory_equal(e.text, text, strlen(e.text));
		}
	}
}

static void
bytes_that_are_no_utf8_are_cut_without_a_step_too_far(void **state)
{
	struct err e = ERR_INIT;
	char text[2000];

	(void)state;
	memset(text, 0x80, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_INTERNAL, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void
every_kind_has_a_name_and_a_status(void **state)
{
	(void)state;
	for (int kind = 0; kind < ERR_KIND_COUNT; kind++) {
		assert_true(strlen(err_kind_name(kind)) > 0);
		assert_in_range(err_kind_status(kind), 200, 599);
		for (int other = 0; other < kind; other++)
			assert_string_not_equal(err_kind_name(kind), err_kind_name(other));
	}
	assert_int_equal(err_kind_status(ERR_MODEL_NOT_FOUND), 404);
	assert_string_equal(err_kind_name(ERR_QUOTA), "quota-exhausted");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_an_error_says_false_and_keeps_the_words),
		cmocka_unit_test(an_error_that_nobody_wants_is_allowed),
		cmocka_unit_test(a_retry_time_is_kept_and_never_negative),
		cmocka_unit_test(a_field_makes_a_bad_request),
		cmocka_unit_test(a_new_error_forgets_the_old_one),
		cmocka_unit_test(an_error_may_be_told_of_in_its_own_successor),
		cmocka_unit_test(errno_is_put_into_words_and_left_alone),
		cmocka_unit_test(a_full_disk_is_a_kind_of_its_own),
		cmocka_unit_test(a_prefix_goes_in_front_and_changes_nothing_else),
		cmocka_unit_test(words_that_are_too_long_are_cut),
		cmocka_unit_test(a_cut_leaves_no_half_character),
		cmocka_unit_test(bytes_that_are_no_utf8_are_cut_without_a_step_too_far),
		cmocka_unit_test(every_kind_has_a_name_and_a_status),
	};

	return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
