/*
 * Windows under every order of steps of two processes, where the one does all of its work at each
 * step of the other.
 */
#include "tests/unit/ipc/window_steps.h"

#define T0   INT64_C(7200000)
#define SPAN INT64_C(60500)

struct world {
	struct window window;
	struct coroutine interrupted;
	unsigned stop_in; /* steps */
	bool ended;
	void (*act)(void);
	/* What they work with, and what comes of it. */
	const struct window_rule *was, *is; /* the rule that the window was made by, and another */
	int64_t at_ms;
	window_booking held, got;
	uint64_t flooded;
};

static struct world *here;

static bool
gives_way(unsigned one_in)
{
	(void)one_in;
	return here->stop_in-- == 1;
}

static void
act_once(void)
{
	here->act();
	here->ended = true;
	coroutine_pause();
}

/* False: act had ended before it came to this step. */
static bool
interrupted(unsigned step, void (*act)(void), void (*meanwhile)(void))
{
	here->act = act;
	here->stop_in = step;
	here->ended = false;
	coroutine_begin(&here->interrupted, act_once);
	coroutine_go_on(&here->interrupted);
	if (here->ended)
		return false;
	meanwhile();
	coroutine_go_on(&here->interrupted);
	assert_true(here->ended);
	return true;
}

static window_booking
book_at(const struct window_rule *r, int64_t now_ms)
{
	int64_t free_at_ms;

	return window_book(&here->window, r, 1, now_ms, &free_at_ms);
}

static uint64_t
flood(const struct window_rule *r, int64_t now_ms)
{
	uint64_t n = 0;

	for (window_booking b; (b = book_at(r, now_ms)); n++)
		window_stamp(&here->window, b, now_ms);
	return n;
}

static void
empty_window(void)
{
	memset(&here->window, 0, sizeof(here->window));
}

static void
act_book(void)
{
	here->got = book_at(here->was, here->at_ms);
}

static void
act_stamp(void)
{
	here->got = window_stamp(&here->window, here->held, here->at_ms);
}

static void
act_return(void)
{
	window_return(&here->window, here->held);
}

static void
act_settle(void)
{
	window_settle(&here->window, here->held, 2);
}

static void
other_books(void)
{
	here->flooded = book_at(here->was, here->at_ms) != 0;
}

static void
other_stamps(void)
{
	window_stamp(&here->window, here->held, here->at_ms);
}

static void
other_spends(void)
{
	window_spend(&here->window, here->at_ms + 5000);
}

/* Has another form, and fills it as far as it can: not at all while the window is spent because of
 * what was found in it. */
static void
other_floods(void)
{
	here->flooded = flood(here->is, here->at_ms);
}

static const struct window_rule three = { WINDOW_REQUESTS, 3, SPAN };
static const struct window_rule three_tokens = { WINDOW_TOKENS, 3, SPAN };
static const struct window_rule three_tokens_longer = { WINDOW_TOKENS, 3, SPAN + 20000 };

static const struct {
	const struct window_rule *was, *is;
} changes[] = { { &three, &three_tokens }, { &three_tokens, &three },
	{ &three_tokens, &three_tokens_longer }, { &three, &three_tokens_longer } };

static void
the_last_place_goes_to_one_of_two(void **state)
{
	unsigned step = 1;

	(void)state;
	here->at_ms = T0;
	for (size_t i = 0; i < COUNT(changes); i++) {
		here->was = changes[i].was;
		for (step = 1;; step++) {
			empty_window();
			assert_true(book_at(here->was, T0) && book_at(here->was, T0));
			if (!interrupted(step, act_book, other_books))
				break;
			assert_int_equal((here->got != 0) + here->flooded, 1);
			assert_int_equal(window_used(&here->window, here->was, T0), 3);
		}
		assert_true(step > 60);
	}
}

static void
what_is_stamped_while_another_adds_up_is_not_missed(void **state)
{
	unsigned step = 1;

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		here->was = changes[i].was;
		for (int64_t later = 0; later < SPAN; later += 9000) {
			for (step = 1;; step++) {
				empty_window();
				here->held = book_at(here->was, T0);
				assert_true(book_at(here->was, T0) && book_at(here->was, T0));
				here->at_ms = T0 + later;
				if (!interrupted(step, act_book, other_stamps))
					break;
				assert_int_equal(here->got, 0);
			}
			assert_true(step > 60);
		}
	}
}

static void
none_gets_in_behind_the_spending(void **state)
{
	unsigned step;

	(void)state;
	here->at_ms = T0;
	for (size_t i = 0; i < COUNT(changes); i++) {
		here->was = changes[i].was;
		for (step = 1;; step++) {
			empty_window();
			book_at(here->was, T0);
			if (!interrupted(step, act_book, other_spends))
				break;
			assert_int_equal(here->got, 0);
			assert_int_equal(flood(here->was, T0 + 4999), 0);
		}
		assert_true(step > 60);
	}
}

/* Both forms use all words: at some time of 60 they meet in one. */
static void
check_booking_under_way(int64_t at_ms)
{
	unsigned step;

	here->at_ms = at_ms;
	for (step = 1;; step++) {
		empty_window();
		flood(here->was, at_ms - 2 * SPAN);
		if (!interrupted(step, act_book, other_floods))
			break;
		assert_int_equal(here->flooded + (here->got != 0), here->flooded ? 3 : 0);
		assert_int_equal(window_used(&here->window, here->is, at_ms), 3);
	}
	assert_true(step > 60);
}

static void
a_booking_under_way_loses_nothing_of_a_new_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		here->was = changes[i].was;
		here->is = changes[i].is;
		for (int k = 0; k < 60; k++)
			check_booking_under_way(T0 + 2 * SPAN + k * 1044);
	}
}

/* It counts from its stamp, in whichever form, and not only as what was found when that was made.
 */
static void
a_stamp_under_way_counts_in_a_new_form(void **state)
{
	const int64_t later = 20000;
	unsigned step;

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		here->was = changes[i].was;
		here->is = changes[i].is;
		for (step = 1;; step++) {
			empty_window();
			here->held = book_at(here->was, T0);
			here->at_ms = T0 + later;
			if (!interrupted(step, act_stamp, other_floods))
				break;
			int64_t out_ms = T0 + later + here->is->span_ms - 1;

			assert_true(window_used(&here->window, here->is, out_ms) >= 1);
			assert_true(flood(here->is, out_ms) + here->flooded <= 2);
			assert_int_equal(flood(here->is, out_ms + 2 * SPAN), 3);
		}
		assert_true(step > 3);
	}
}

/* It was not renewed for a span: then it is one too many, but it is counted. */
static void
check_late_stamp(int64_t at_ms)
{
	int64_t out_ms = at_ms + here->is->span_ms - 1;
	unsigned step;

	here->at_ms = at_ms;
	for (step = 1;; step++) {
		empty_window();
		here->held = book_at(here->was, at_ms - 2 * SPAN);
		if (!interrupted(step, act_stamp, other_floods))
			break;
		if (here->flooded)
			assert_int_equal(
			    window_used(&here->window, here->is, out_ms), here->flooded + 1);
		assert_true(here->flooded <= 3 && flood(here->is, out_ms) <= 2);
	}
	assert_true(step > 3);
}

static void
a_late_stamp_under_way_counts_beside_what_a_new_form_admitted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		here->was = changes[i].was;
		here->is = changes[i].is;
		for (int k = 0; k < 60; k++)
			check_late_stamp(T0 + 2 * SPAN + k * 1044);
	}
}

static void
what_is_given_back_or_settled_late_leaves_a_new_form_alone(void **state)
{
	void (*const acts[])(void) = { act_return, act_settle };
	unsigned step;

	(void)state;
	for (size_t i = 0; i < COUNT(changes) * COUNT(acts); i++) {
		here->was = changes[i / 2].was;
		here->is = changes[i / 2].is;
		for (step = 1;; step++) {
			empty_window();
			here->held = book_at(here->was, T0);
			here->at_ms = T0 + 2 * SPAN;
			if (!interrupted(step, acts[i % 2], other_floods))
				break;
			assert_int_equal(here->flooded, 3);
			assert_int_equal(window_used(&here->window, here->is, here->at_ms), 3);
		}
	}
}

static int
world_open(void **state)
{
	*state = here = calloc(1, sizeof(*here));
	return here ? 0 : -1;
}

static int
world_close(void **state)
{
	free(*state);
	return 0;
}

int
main(void)
{
#define STEPS_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
	const struct CMUnitTest tests[] = {
		STEPS_TEST(the_last_place_goes_to_one_of_two),
		STEPS_TEST(what_is_stamped_while_another_adds_up_is_not_missed),
		STEPS_TEST(none_gets_in_behind_the_spending),
		STEPS_TEST(a_booking_under_way_loses_nothing_of_a_new_form),
		STEPS_TEST(a_stamp_under_way_counts_in_a_new_form),
		STEPS_TEST(a_late_stamp_under_way_counts_beside_what_a_new_form_admitted),
		STEPS_TEST(what_is_given_back_or_settled_late_leaves_a_new_form_alone),
	};

	return cmocka_run_group_tests_name("ipc/window (steps)", tests, NULL, NULL);
}
