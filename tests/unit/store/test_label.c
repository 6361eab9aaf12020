#include "store/label.h"

#include "tests/unit/unit.h"

static void
a_label_needs_no_quoting_anywhere(void **state)
{
	static const struct {
		struct span label;
		bool fine;
	} rows[] = {
		{ { "a", 1 }, true },
		{ { "team-1_prod.eu@host:2+x", 23 }, true },
		{ { "", 0 }, false },
		{ { "two words", 9 }, false },
		{ { "tab\there", 8 }, false },
		{ { "nul\0here", 8 }, false },
		{ { "quo\"te", 6 }, false },
		{ { "dollar$", 7 }, false },
		{ { "sla/sh", 6 }, false },
		{ { "caf\xc3\xa9", 5 }, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(label_check(rows[i].label, &e), rows[i].fine);
		if (!rows[i].fine)
			assert_string_equal(e.field, "label");
	}
}

static void
a_label_has_at_most_63_characters(void **state)
{
	char longest[LABEL_MAX + 1];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_true(label_check((struct span){ longest, LABEL_MAX }, NULL));
	assert_false(label_check((struct span){ longest, LABEL_MAX + 1 }, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_label_needs_no_quoting_anywhere),
		cmocka_unit_test(a_label_has_at_most_63_characters),
	};

	return cmocka_run_group_tests_name("store/label", tests, NULL, NULL);
}
