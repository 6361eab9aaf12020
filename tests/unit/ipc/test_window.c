/*
 * Sliding windows: what they admit, when they free, what a change of limits costs, what the
 * killed leave.
 */
#include "tests/unit/unit.h"

#include "ipc/window.h"

#define T0    INT64_C(7200000)
#define SPAN  INT64_C(60500)
#define WIDTH INT64_C(1044) /* of a sub-window: SPAN / 58, rounded up */

static const struct window_rule five = { WINDOW_REQUESTS, 5, SPAN };
static const struct window_rule hundred = { WINDOW_REQUESTS, 100, SPAN };
static const struct window_rule tokens = { WINDOW_TOKENS, 1000, SPAN };

static int
window_setup(void **state)
{
	*state = calloc(1, sizeof(struct window));
	return *state ? 0 : -1;
}

static int
window_teardown(void **state)
{
	free(*state);
	return 0;
}

static window_booking
book(struct window *w, const struct window_rule *r, uint64_t amount, int64_t now_ms)
{
	int64_t free_at_ms = INT64_MIN;
	window_booking b = window_book(w, r, amount, now_ms, &free_at_ms);

	if (!b)
		assert_true(free_at_ms > now_ms);
	return b;
}

static int64_t
refused_until(struct window *w, const struct window_rule *r, uint64_t amount, int64_t now_ms)
{
	int64_t free_at_ms = 0;

	assert_false(window_book(w, r, amount, now_ms, &free_at_ms));
	assert_true(free_at_ms > now_ms);
	return free_at_ms;
}

/* How many of one are admitted at that moment, sent at once. */
static unsigned
flood(struct window *w, const struct window_rule *r, int64_t now_ms)
{
	window_booking b;
	unsigned n = 0;

	for (; (b = book(w, r, 1, now_ms)); n++)
		window_stamp(w, b, now_ms);
	return n;
}

/* The end of the sub-window, when all in it has fallen out. */
static int64_t
sub_until(int64_t at_ms)
{
	return (at_ms / WIDTH + 1) * WIDTH - 1 + SPAN;
}

/* ---- rings ---- */

static void
exactly_the_limit_gets_in(void **state)
{
	static const uint64_t limits[] = { 1, 2, 5, 15, 59, 60, 61, 100, 1000, 10000 };

	for (size_t i = 0; i < COUNT(limits); i++) {
		struct window_rule r = { WINDOW_REQUESTS, limits[i], SPAN };

		memset(*state, 0, sizeof(struct window));
		assert_int_equal(flood(*state, &r, T0), limits[i]);
		assert_int_equal(window_used(*state, &r, T0), limits[i]);
		assert_int_equal(flood(*state, &r, T0 + SPAN - 1), 0);
		assert_int_equal(flood(*state, &r, T0 + 2 * SPAN), limits[i]);
	}
}

static void
a_place_of_a_ring_frees_a_span_behind_its_stamp_to_the_millisecond(void **state)
{
	window_booking b[5];

	for (int i = 0; i < 5; i++)
		b[i] = book(*state, &five, 1, T0 + i);
	for (int i = 0; i < 5; i++)
		window_stamp(*state, b[i], T0 + 1000 + 10 * i);
	for (int i = 0; i < 5; i++) {
		int64_t free_ms = T0 + 1000 + 10 * i + SPAN;

		assert_int_equal(refused_until(*state, &five, 1, free_ms - 1), free_ms);
		assert_true(book(*state, &five, 1, free_ms));
	}
	assert_false(book(*state, &five, 1, T0 + 1040 + SPAN));
}

static void
what_is_not_stamped_counts_from_its_booking(void **state)
{
	for (int i = 0; i < 5; i++)
		assert_true(book(*state, &five, 1, T0));
	assert_int_equal(refused_until(*state, &five, 1, T0 + 30000), T0 + SPAN);
	assert_int_equal(flood(*state, &five, T0 + SPAN), 5);
}

static void
what_is_stamped_anew_counts_from_then(void **state)
{
	window_booking b = book(*state, &five, 1, T0);

	for (int64_t t = T0; t < T0 + 10 * SPAN; t += 10000) {
		b = window_stamp(*state, b, t);
		assert_int_equal(window_used(*state, &five, t + SPAN - 1), 1);
		assert_int_equal(window_used(*state, &five, t + SPAN), 0);
	}
}

static void
a_returned_place_is_free_at_once(void **state)
{
	window_booking b[5];

	for (int i = 0; i < 5; i++)
		b[i] = book(*state, &five, 1, T0);
	assert_false(book(*state, &five, 1, T0));
	window_return(*state, b[2]);
	assert_true(book(*state, &five, 1, T0));
	assert_false(book(*state, &five, 1, T0));
}

static void
what_others_took_since_is_not_returned_and_not_moved(void **state)
{
	window_booking late[5], b;

	for (int i = 0; i < 5; i++)
		late[i] = book(*state, &five, 1, T0);
	assert_int_equal(flood(*state, &five, T0 + SPAN), 5);
	for (int i = 0; i < 5; i++)
		window_return(*state, late[i]);
	assert_int_equal(window_used(*state, &five, T0 + SPAN), 5);
	b = window_stamp(*state, late[0], T0 + SPAN + 10);
	assert_int_equal(window_used(*state, &five, T0 + SPAN + 10), 6);
	assert_int_equal(refused_until(*state, &five, 1, T0 + 2 * SPAN - 1), T0 + 2 * SPAN);
	window_return(*state, b);
	assert_int_equal(window_used(*state, &five, T0 + SPAN + 10), 5);
}

static void
one_too_many_in_a_full_ring_takes_the_place_of_the_oldest(void **state)
{
	struct window_rule r = { WINDOW_REQUESTS, 60, SPAN };
	window_booking late = book(*state, &r, 1, T0);

	for (int i = 0; i < 60; i++)
		window_stamp(*state, book(*state, &r, 1, T0 + SPAN + i), T0 + SPAN + i);
	window_stamp(*state, late, T0 + SPAN + 100);
	/* The 61 fall out one by one; there is room when 59 are left. */
	assert_int_equal(refused_until(*state, &r, 1, T0 + 2 * SPAN), T0 + 2 * SPAN + 1);
	assert_int_equal(flood(*state, &r, T0 + 2 * SPAN + 1), 1);
}

static void
none_is_left_alone(void **state)
{
	struct window empty;

	memset(&empty, 0, sizeof(empty));
	assert_int_equal(window_stamp(*state, 0, T0), 0);
	assert_int_equal(window_stamp_doubtful(*state, 0, T0), 0);
	assert_int_equal(window_settle(*state, 0, 10), 0);
	window_return(*state, 0);
	assert_int_equal(window_amount(0), 0);
	assert_int_equal(window_used(*state, &five, 0), 0);
	assert_memory_equal(*state, &empty, sizeof(empty));
}

static void
it_works_from_the_first_millisecond_after_boot(void **state)
{
	assert_int_equal(flood(*state, &five, 0), 5);
	assert_int_equal(refused_until(*state, &five, 1, 1), SPAN);
	assert_int_equal(flood(*state, &five, SPAN), 5);
	memset(*state, 0, sizeof(struct window));
	assert_int_equal(flood(*state, &hundred, 0), 100);
	assert_int_equal(refused_until(*state, &hundred, 1, 1), WIDTH - 1 + SPAN);
}

static void
it_works_after_years_of_uptime(void **state)
{
	const int64_t years = INT64_C(20) * 366 * 86400 * 1000;

	assert_int_equal(flood(*state, &five, T0), 5);
	assert_int_equal(flood(*state, &five, years), 5);
	assert_int_equal(refused_until(*state, &five, 1, years + 1), years + SPAN);
	memset(*state, 0, sizeof(struct window));
	assert_int_equal(flood(*state, &hundred, T0), 100);
	assert_int_equal(flood(*state, &hundred, years), 100);
	assert_int_equal(refused_until(*state, &hundred, 1, years + 1), sub_until(years));
}

/* ---- sub-windows ---- */

static void
a_sub_window_falls_out_as_a_whole_when_its_last_moment_has(void **state)
{
	int64_t at = T0 / WIDTH * WIDTH + 300;

	for (int i = 0; i < 100; i++)
		window_stamp(*state, book(*state, &hundred, 1, at), at + i % 2 * WIDTH);
	assert_int_equal(refused_until(*state, &hundred, 1, at + 2 * WIDTH), sub_until(at));
	assert_int_equal(flood(*state, &hundred, sub_until(at) - 1), 0);
	assert_int_equal(flood(*state, &hundred, sub_until(at)), 50);
	assert_int_equal(refused_until(*state, &hundred, 1, sub_until(at)), sub_until(at) + WIDTH);
}

static void
nothing_is_more_than_one_sub_window_late(void **state)
{
	for (int64_t at = T0; at < T0 + 3 * WIDTH; at += 87) {
		memset(*state, 0, sizeof(struct window));
		flood(*state, &hundred, at);
		int64_t free_ms = refused_until(*state, &hundred, 1, at);

		assert_in_range(free_ms, at + SPAN, at + SPAN + WIDTH - 1);
		assert_int_equal(flood(*state, &hundred, free_ms), 100);
	}
}

static void
tokens_wait_for_as_much_as_they_need(void **state)
{
	static const uint64_t amounts[] = { 100, 300, 600 };

	for (int i = 0; i < 3; i++) {
		int64_t at = T0 + 10000 * i;

		window_stamp(*state, book(*state, &tokens, amounts[i], at), at);
	}
	int64_t now = T0 + 30000;

	assert_int_equal(refused_until(*state, &tokens, 1, now), sub_until(T0));
	assert_int_equal(refused_until(*state, &tokens, 100, now), sub_until(T0));
	assert_int_equal(refused_until(*state, &tokens, 101, now), sub_until(T0 + 10000));
	assert_int_equal(refused_until(*state, &tokens, 400, now), sub_until(T0 + 10000));
	assert_int_equal(refused_until(*state, &tokens, 401, now), sub_until(T0 + 20000));
	assert_int_equal(refused_until(*state, &tokens, 1000, now), sub_until(T0 + 20000));
	assert_true(book(*state, &tokens, 400, sub_until(T0 + 10000)));
}

static void
tokens_are_settled_down_and_up(void **state)
{
	window_booking b = book(*state, &tokens, 900, T0);

	b = window_stamp(*state, b, T0 + 5000);
	assert_false(book(*state, &tokens, 101, T0 + 5000));
	b = window_settle(*state, b, 200);
	assert_int_equal(window_amount(b), 200);
	assert_int_equal(window_used(*state, &tokens, T0 + 5000), 200);
	assert_true(book(*state, &tokens, 800, T0 + 5000));
	b = window_settle(*state, b, 1500);
	assert_int_equal(window_amount(b), 1500);
	assert_int_equal(window_used(*state, &tokens, T0 + 5000), 2300);
	assert_int_equal(refused_until(*state, &tokens, 1, T0 + 6000), sub_until(T0 + 5000));
	assert_int_equal(window_settle(*state, b, 0), 0);
	assert_int_equal(window_used(*state, &tokens, T0 + 5000), 800);
}

static void
settling_after_its_span_touches_nobody(void **state)
{
	window_booking b = book(*state, &tokens, 900, T0);

	/* The same word, 60 sub-windows later. */
	int64_t later = T0 + 60 * WIDTH;

	window_stamp(*state, book(*state, &tokens, 700, later), later);
	window_settle(*state, b, 100);
	assert_int_equal(window_used(*state, &tokens, later), 700);
	window_return(*state, b);
	assert_int_equal(window_used(*state, &tokens, later), 700);
	b = window_stamp(*state, b, later);
	assert_int_equal(window_used(*state, &tokens, later), 1600);
}

static void
requests_are_not_settled(void **state)
{
	window_booking b = book(*state, &five, 1, T0);

	assert_int_equal(window_amount(b), 1);
	assert_int_equal(window_settle(*state, b, 100), b);
	assert_int_equal(window_used(*state, &five, T0), 1);
}

static void
more_than_a_word_can_count_stays_full_until_it_falls_out(void **state)
{
	struct window_rule r = { WINDOW_TOKENS, WINDOW_AMOUNT_MAX, SPAN };
	window_booking b[8];

	for (int i = 0; i < 8; i++)
		b[i] = book(*state, &r, 1, T0);
	for (int i = 0; i < 8; i++)
		b[i] = window_settle(*state, b[i], INT64_MAX);
	for (int i = 0; i < 8; i++)
		assert_int_equal(window_amount(b[i]), WINDOW_AMOUNT_MAX);
	for (int i = 0; i < 8; i++)
		window_settle(*state, b[i], 1);
	assert_int_equal(refused_until(*state, &r, 1, T0), sub_until(T0));
	assert_true(book(*state, &r, WINDOW_AMOUNT_MAX, sub_until(T0)));
}

/* ---- clocks that are behind ---- */

static void
a_time_behind_others_books_no_more_than_they_do(void **state)
{
	static const struct window_rule *const rules[] = { &five, &hundred };

	for (size_t i = 0; i < COUNT(rules); i++)
		for (int64_t behind = 0; behind < 5 * SPAN; behind += 700) {
			memset(*state, 0, sizeof(struct window));
			assert_int_equal(flood(*state, rules[i], T0), rules[i]->limit);
			assert_false(book(*state, rules[i], 1, T0 - behind));
			window_booking b = book(*state, rules[i], 1, sub_until(T0));

			assert_int_equal(
			    flood(*state, rules[i], T0 + 1), 0); /* was so before, and is */
			window_return(*state, b);
		}
}

static void
an_old_booking_joins_the_later_one_that_has_its_word(void **state)
{
	window_booking b = book(*state, &tokens, 300, T0 + 60 * WIDTH);

	window_stamp(*state, b, T0 + 60 * WIDTH);
	b = book(*state, &tokens, 200, T0);
	assert_true(b);
	assert_int_equal(window_used(*state, &tokens, T0 + 60 * WIDTH), 500);
	assert_int_equal(window_stamp(*state, b, T0 + 60 * WIDTH), b);
	window_return(*state, b);
	assert_int_equal(window_used(*state, &tokens, T0 + 60 * WIDTH), 300);
}

static void
a_stamp_never_moves_back(void **state)
{
	window_booking b = window_stamp(*state, book(*state, &five, 1, T0), T0 + 5000);

	window_stamp(*state, b, T0 + 1000);
	assert_int_equal(window_used(*state, &five, T0 + 5000 + SPAN - 1), 1);
	memset(*state, 0, sizeof(struct window));
	b = window_stamp(*state, book(*state, &hundred, 1, T0), T0 + 5000);
	window_stamp(*state, b, T0 + 1000);
	assert_int_equal(window_used(*state, &hundred, T0 + 5000 + SPAN - 1), 1);
}

/* ---- spent ---- */

static void
nothing_gets_into_a_spent_window_before_its_time(void **state)
{
	window_spend(*state, T0 + 40000);
	window_spend(*state, T0 + 10000);
	assert_int_equal(refused_until(*state, &five, 1, T0), T0 + 40000);
	assert_int_equal(refused_until(*state, &tokens, 1, T0 + 39999), T0 + 40000);
	assert_int_equal(window_used(*state, &five, T0), 5);
	assert_int_equal(flood(*state, &five, T0 + 40000), 5);
}

static void
what_is_booked_before_it_is_spent_is_stamped_all_the_same(void **state)
{
	window_booking b = book(*state, &five, 1, T0);

	window_spend(*state, T0 + 1000);
	window_stamp(*state, b, T0 + 500);
	assert_int_equal(flood(*state, &five, T0 + 1000), 4);
}

/* ---- limits that change ---- */

static void
a_lower_limit_holds_for_what_was_admitted_under_a_higher_one(void **state)
{
	struct window_rule ten = { WINDOW_REQUESTS, 10, SPAN };

	for (int i = 0; i < 10; i++)
		window_stamp(*state, book(*state, &ten, 1, T0 + i), T0 + i);
	/* Room is made when four of the ten are left. */
	assert_int_equal(refused_until(*state, &five, 1, T0 + 20), T0 + 5 + SPAN);
	assert_int_equal(flood(*state, &five, T0 + 4 + SPAN), 0);
	assert_int_equal(flood(*state, &five, T0 + 5 + SPAN), 1);
	assert_int_equal(flood(*state, &ten, T0 + 5 + SPAN), 5);
}

static void
a_longer_margin_holds_for_what_is_in_a_ring(void **state)
{
	struct window_rule longer = { WINDOW_REQUESTS, 5, SPAN + 20000 };

	assert_int_equal(flood(*state, &five, T0), 5);
	assert_int_equal(refused_until(*state, &longer, 1, T0 + SPAN), T0 + SPAN + 20000);
}

static void
a_change_of_form_counts_what_is_in_it_as_the_whole_limit(void **state)
{
	window_booking b = book(*state, &five, 1, T0);

	window_stamp(*state, book(*state, &five, 1, T0), T0 + 2000);
	assert_int_equal(refused_until(*state, &hundred, 1, T0 + 5000), T0 + 2000 + SPAN);
	/* What was under way counts in the new form from its stamp on. */
	b = window_stamp(*state, b, T0 + 6000);
	assert_int_equal(flood(*state, &hundred, T0 + 2000 + SPAN - 1), 0);
	assert_int_equal(flood(*state, &hundred, T0 + 2000 + SPAN), 99);
	window_return(*state, b);
	assert_int_equal(flood(*state, &hundred, T0 + 2000 + SPAN), 1);
}

static void
a_change_of_form_of_an_empty_window_costs_nothing(void **state)
{
	static const struct window_rule *const rules[] = { &five, &hundred, &tokens };
	int64_t at = T0;

	/* More often than there are eras. */
	for (int i = 0; i < 300; i++, at += 2 * SPAN)
		assert_int_equal(flood(*state, rules[i % 3], at), rules[i % 3]->limit);
}

/* Eras are told by six bits: the 65th is called as the first, and its words say other things. */
static void
a_word_of_an_era_long_gone_says_nothing(void **state)
{
	struct window_rule longer = { WINDOW_REQUESTS, 100, 4 * SPAN };
	int64_t at = T0 + 2 * SPAN;

	flood(*state, &hundred, T0);
	for (int i = 0; i < 32; i++) {
		window_return(*state, book(*state, &five, 1, at));
		window_return(*state, book(*state, &longer, 1, at));
	}
	assert_int_equal(window_used(*state, &longer, at), 0);
	assert_int_equal(flood(*state, &longer, at), 100);
}

static void
sub_windows_serve_a_small_limit_until_they_are_empty(void **state)
{
	for (int i = 0; i < 3; i++)
		window_stamp(*state, book(*state, &hundred, 1, T0), T0);
	assert_int_equal(flood(*state, &five, T0 + 100), 2);
	assert_int_equal(refused_until(*state, &five, 1, T0 + 200), sub_until(T0));
	assert_int_equal(flood(*state, &five, sub_until(T0)), 5);
	assert_int_equal(refused_until(*state, &five, 1, sub_until(T0)), sub_until(T0) + SPAN);
}

static void
a_longer_span_than_sub_windows_cover_changes_the_form(void **state)
{
	struct window_rule longer = { WINDOW_TOKENS, 1000, SPAN + 20000 };
	window_booking b = window_stamp(*state, book(*state, &tokens, 10, T0), T0);

	assert_int_equal(refused_until(*state, &longer, 1, T0 + 100), sub_until(T0) + 20000);
	b = window_stamp(*state, b, T0 + 30000);
	assert_int_equal(window_amount(b), 10);
	assert_int_equal(window_used(*state, &longer, sub_until(T0) + 20000), 10);
	/* The shorter one goes on in what is there. */
	assert_int_equal(flood(*state, &tokens, sub_until(T0) + 20000), 990);
}

/* ---- what the killed leave ---- */

static void
a_booking_nobody_holds_falls_out_in_a_span(void **state)
{
	assert_true(book(*state, &five, 1, T0));
	assert_int_equal(flood(*state, &five, T0 + 10), 4);
	assert_int_equal(flood(*state, &five, T0 + SPAN), 1);
	memset(*state, 0, sizeof(struct window));
	assert_true(book(*state, &hundred, 1, T0));
	assert_int_equal(flood(*state, &hundred, T0 + 10), 99);
	assert_int_equal(flood(*state, &hundred, sub_until(T0)), 100);
}

static void
a_doubtful_booking_takes_nothing_from_others(void **state)
{
	window_booking mine = book(*state, &tokens, 300, T0);

	window_stamp(*state, book(*state, &tokens, 500, T0), T0);
	/* It was moved, and its holder killed before it could say so. */
	window_stamp(*state, mine, T0 + 5000);
	window_stamp_doubtful(*state, mine, T0 + 6000);
	assert_int_equal(window_used(*state, &tokens, T0 + 6000), 500 + 2 * 300);
	assert_int_equal(window_used(*state, &tokens, sub_until(T0)), 2 * 300);
	assert_int_equal(window_used(*state, &tokens, sub_until(T0 + 5000)), 300);
	assert_int_equal(window_used(*state, &tokens, sub_until(T0 + 6000)), 0);
}

static void
a_doubtful_place_of_a_ring_is_known_by_its_word(void **state)
{
	window_booking b = book(*state, &five, 1, T0);

	window_stamp_doubtful(*state, b, T0 + 5000);
	assert_int_equal(window_used(*state, &five, T0 + 5000), 1);
	window_stamp_doubtful(*state, b, T0 + 6000);
	assert_int_equal(window_used(*state, &five, T0 + 6000), 2);
}

int
main(void)
{
#define WINDOW_TEST(f) cmocka_unit_test_setup_teardown(f, window_setup, window_teardown)
	const struct CMUnitTest tests[] = {
		WINDOW_TEST(exactly_the_limit_gets_in),
		WINDOW_TEST(a_place_of_a_ring_frees_a_span_behind_its_stamp_to_the_millisecond),
		WINDOW_TEST(what_is_not_stamped_counts_from_its_booking),
		WINDOW_TEST(what_is_stamped_anew_counts_from_then),
		WINDOW_TEST(a_returned_place_is_free_at_once),
		WINDOW_TEST(what_others_took_since_is_not_returned_and_not_moved),
		WINDOW_TEST(one_too_many_in_a_full_ring_takes_the_place_of_the_oldest),
		WINDOW_TEST(none_is_left_alone),
		WINDOW_TEST(it_works_from_the_first_millisecond_after_boot),
		WINDOW_TEST(it_works_after_years_of_uptime),
		WINDOW_TEST(a_sub_window_falls_out_as_a_whole_when_its_last_moment_has),
		WINDOW_TEST(nothing_is_more_than_one_sub_window_late),
		WINDOW_TEST(tokens_wait_for_as_much_as_they_need),
		WINDOW_TEST(tokens_are_settled_down_and_up),
		WINDOW_TEST(settling_after_its_span_touches_nobody),
		WINDOW_TEST(requests_are_not_settled),
		WINDOW_TEST(more_than_a_word_can_count_stays_full_until_it_falls_out),
		WINDOW_TEST(a_time_behind_others_books_no_more_than_they_do),
		WINDOW_TEST(an_old_booking_joins_the_later_one_that_has_its_word),
		WINDOW_TEST(a_stamp_never_moves_back),
		WINDOW_TEST(nothing_gets_into_a_spent_window_before_its_time),
		WINDOW_TEST(what_is_booked_before_it_is_spent_is_stamped_all_the_same),
		WINDOW_TEST(a_lower_limit_holds_for_what_was_admitted_under_a_higher_one),
		WINDOW_TEST(a_longer_margin_holds_for_what_is_in_a_ring),
		WINDOW_TEST(a_change_of_form_counts_what_is_in_it_as_the_whole_limit),
		WINDOW_TEST(a_change_of_form_of_an_empty_window_costs_nothing),
		WINDOW_TEST(a_word_of_an_era_long_gone_says_nothing),
		WINDOW_TEST(sub_windows_serve_a_small_limit_until_they_are_empty),
		WINDOW_TEST(a_longer_span_than_sub_windows_cover_changes_the_form),
		WINDOW_TEST(a_booking_nobody_holds_falls_out_in_a_span),
		WINDOW_TEST(a_doubtful_booking_takes_nothing_from_others),
		WINDOW_TEST(a_doubtful_place_of_a_ring_is_known_by_its_word),
	};

	return cmocka_run_group_tests_name("ipc/window", tests, NULL, NULL);
}
