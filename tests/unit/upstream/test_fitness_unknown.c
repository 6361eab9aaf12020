/* Names of models that no credential knows. */
#include "tests/unit/ipc/board_place.h"

#include "base/text.h"
#include "upstream/fitness.h"
#include "upstream/posterior.h"

#define UP     INT64_C(86400000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define NAME   SPAN("gemini-9-ultra")

#define FIRST      UINT64_C(0x1111)
#define SECOND_ONE UINT64_C(0x2222)

static const struct board_sizes sizes = {
	.cells = 64, .subjects = 64, .models = 16, .windows = 16, .leases = 4, .traces = 16
};

struct world {
	void *place;
	struct board *board;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (place_setup(&w->place) != 0)
		return -1;
	w->board = place_create(w->place, &sizes, NULL);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	board_detach(&w->board);
	place_teardown(&w->place);
	free(w);
	return 0;
}

static struct moment
at(int64_t ms)
{
	return (struct moment){ UP + ms, 0 };
}

static void
what_two_credentials_say_is_believed_for_an_hour(void **state)
{
	struct world *w = *state;

	assert_false(fitness_is_unknown(w->board, NAME, at(0)));
	fitness_unknown(w->board, NAME, FIRST, at(0));
	assert_false(fitness_is_unknown(w->board, NAME, at(0)));
	fitness_unknown(w->board, NAME, SECOND_ONE, at(MINUTE));
	assert_true(fitness_is_unknown(w->board, NAME, at(MINUTE)));
	assert_true(fitness_is_unknown(w->board, NAME, at(HOUR)));
	assert_false(fitness_is_unknown(w->board, NAME, at(HOUR + MINUTE)));
}

static void
one_credential_that_repeats_itself_is_one(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 10; i++)
		fitness_unknown(w->board, NAME, FIRST, at(i * SECOND));
	assert_false(fitness_is_unknown(w->board, NAME, at(MINUTE)));
}

static void
a_second_opinion_that_comes_late_is_a_first(void **state)
{
	struct world *w = *state;

	fitness_unknown(w->board, NAME, FIRST, at(0));
	fitness_unknown(w->board, NAME, SECOND_ONE, at(6 * MINUTE));
	assert_false(fitness_is_unknown(w->board, NAME, at(6 * MINUTE)));
	fitness_unknown(w->board, NAME, FIRST, at(7 * MINUTE));
	assert_true(fitness_is_unknown(w->board, NAME, at(7 * MINUTE)));
}

static void
one_that_knew_it_after_all_is_right(void **state)
{
	struct world *w = *state;

	fitness_unknown(w->board, NAME, FIRST, at(0));
	fitness_unknown(w->board, NAME, SECOND_ONE, at(0));
	fitness_known(w->board, NAME);
	assert_false(fitness_is_unknown(w->board, NAME, at(0)));
	fitness_unknown(w->board, NAME, FIRST, at(0));
	assert_false(fitness_is_unknown(w->board, NAME, at(0)));
}

static void
one_that_knows_a_name_says_nothing_of_others(void **state)
{
	struct world *w = *state;
	char name[32];

	fitness_unknown(w->board, NAME, FIRST, at(0));
	fitness_unknown(w->board, NAME, SECOND_ONE, at(0));
	/* As many as there are words, so that some share its. */
	for (int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "made-up-%d", i);
		fitness_known(w->board, span_of(name));
	}
	assert_true(fitness_is_unknown(w->board, NAME, at(0)));
}

static void
names_that_differ_by_a_letter_are_others(void **state)
{
	static const char *const others[] = { "", "g", "gemini-9-ultrA", "gemini-9-ultra ",
		"gemini-9-ultr", "models/gemini-9-ultra" };
	struct world *w = *state;

	fitness_unknown(w->board, NAME, FIRST, at(0));
	fitness_unknown(w->board, NAME, SECOND_ONE, at(0));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(fitness_is_unknown(w->board, span_of(others[i]), at(0)));
}

static void
a_flood_of_names_may_make_it_forgotten_and_makes_nothing_up(void **state)
{
	struct world *w = *state;
	struct chance chance;
	char name[32];

	/* Each is said once: none may be believed, whoever shares a word with whom. */
	chance_seed(&chance, 7);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		fitness_unknown(w->board, span_of(name), chance_next(&chance), at(0));
		assert_false(fitness_is_unknown(w->board, span_of(name), at(0)));
	}
}

static void
a_name_of_any_bytes_is_a_name(void **state)
{
	struct world *w = *state;
	struct span names[] = { SPAN("\xff\0\x80"), SPAN("\n"), SPAN_NONE };

	for (size_t i = 0; i < COUNT(names); i++) {
		fitness_unknown(w->board, names[i], FIRST, at(0));
		fitness_unknown(w->board, names[i], SECOND_ONE, at(0));
		assert_true(fitness_is_unknown(w->board, names[i], at(0)));
	}
}

static void
what_was_believed_does_not_come_back_when_the_time_goes_round(void **state)
{
	struct world *w = *state;
	int64_t round = (INT64_C(1) << 24) * SECOND;

	fitness_unknown(w->board, NAME, FIRST, at(0));
	fitness_unknown(w->board, NAME, SECOND_ONE, at(0));
	assert_false(fitness_is_unknown(w->board, NAME, at(round / 2)));
	assert_false(fitness_is_unknown(w->board, NAME, at(round - MINUTE)));
}

int
main(void)
{
#define ON_BOARD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ON_BOARD(what_two_credentials_say_is_believed_for_an_hour),
		ON_BOARD(one_credential_that_repeats_itself_is_one),
		ON_BOARD(a_second_opinion_that_comes_late_is_a_first),
		ON_BOARD(one_that_knew_it_after_all_is_right),
		ON_BOARD(one_that_knows_a_name_says_nothing_of_others),
		ON_BOARD(names_that_differ_by_a_letter_are_others),
		ON_BOARD(a_flood_of_names_may_make_it_forgotten_and_makes_nothing_up),
		ON_BOARD(a_name_of_any_bytes_is_a_name),
		ON_BOARD(what_was_believed_does_not_come_back_when_the_time_goes_round),
	};

	return cmocka_run_group_tests_name("upstream/fitness_unknown", tests, NULL, NULL);
}
