/*
 * Sliding windows in a random schedule of several processes, whose clocks differ, that write late,
 * give back, are killed: beside a model of it by brute force, which says of each booking whether it
 * must get in.
 */
#include "tests/unit/unit.h"
#include "tests/unit/ipc/window_oracle.h"

#include "ipc/window.h"

#define T0    INT64_C(7200000)
#define SPAN  INT64_C(60500)
#define WIDTH INT64_C(1044) /* of a sub-window: SPAN / 58, rounded up */

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

/* The end of the sub-window, when all in it has fallen out. */
static int64_t
sub_until(int64_t at_ms)
{
	return (at_ms / WIDTH + 1) * WIDTH - 1 + SPAN;
}

/* Something that the window should know of: counts from its time on, until it falls out. */
struct item {
	window_booking booking; /* 0: nobody holds it */
	uint64_t amount;
	int64_t from_ms;
	bool stamped;
};

#define ITEMS 4096
#define STEPS 20000

struct schedule {
	struct window *w;
	struct window_rule rule;
	bool ring;
	uint64_t seed;
	int64_t now_ms;
	struct item items[ITEMS];
	size_t item_count;
	struct sent sent[STEPS];
	size_t sent_count;
	unsigned admitted, refused;
};

static int64_t
until(const struct schedule *s, const struct item *i)
{
	return s->ring ? i->from_ms + SPAN : sub_until(i->from_ms);
}

static uint64_t
modelled(const struct schedule *s, int64_t now_ms)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->item_count; i++)
		if (until(s, &s->items[i]) > now_ms)
			sum += s->items[i].amount;
	return sum;
}

static struct item *
item_add(struct schedule *s, struct item new)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->item_count; i++)
		if (s->items[i].booking || until(s, &s->items[i]) > s->now_ms - 5000)
			s->items[kept++] = s->items[i];
	assert_true(kept < ITEMS);
	s->items[kept] = new;
	s->item_count = kept + 1;
	return &s->items[kept];
}

/* What has fallen out a moment ago may be remembered or not where a clock is behind: `least` does
 * not count it, `most` does. */
static void
check_booked(const struct schedule *s, uint64_t amount, int64_t now_ms, bool in)
{
	uint64_t least = modelled(s, s->now_ms), most = modelled(s, now_ms);

	if (in)
		assert_true(least + amount <= s->rule.limit);
	else
		assert_true(most + amount > s->rule.limit);
	uint64_t used = window_used(s->w, &s->rule, now_ms) - (in ? amount : 0);

	assert_in_range(used, least, most);
}

/* Half of the processes have a clock that is up to two seconds behind. */
static void
schedule_book(struct schedule *s)
{
	int64_t behind_ms = random_one_in(&s->seed, 2) ? (int64_t)random_below(&s->seed, 2000) : 0;
	int64_t now_ms = s->now_ms - behind_ms, free_at_ms = 0;
	uint64_t most = s->rule.unit == WINDOW_TOKENS ? s->rule.limit / 3 : 1;
	uint64_t amount = 1 + random_below(&s->seed, most);
	window_booking b = window_book(s->w, &s->rule, amount, now_ms, &free_at_ms);

	check_booked(s, amount, now_ms, b != 0);
	if (b) {
		s->admitted++;
		item_add(s, (struct item){ b, amount, now_ms, false });
		return;
	}
	s->refused++;
	assert_true(free_at_ms > now_ms);
	if (behind_ms > 0)
		return;
	assert_true(modelled(s, free_at_ms) + amount <= s->rule.limit);
	assert_true(modelled(s, free_at_ms - 1) + amount > s->rule.limit);
}

static struct item *
held_one(struct schedule *s)
{
	size_t first = random_below(&s->seed, s->item_count + 1);

	for (size_t i = 0; i < s->item_count; i++) {
		struct item *x = &s->items[(first + i) % s->item_count];

		if (x->booking)
			return x;
	}
	return NULL;
}

static void
schedule_write(struct schedule *s, struct item *x)
{
	assert_true(s->sent_count < STEPS);
	s->sent[s->sent_count++] = (struct sent){ s->now_ms, x->amount };
	x->booking = window_stamp(s->w, x->booking, s->now_ms);
	x->from_ms = s->now_ms;
	x->stamped = true;
	if (s->rule.unit == WINDOW_TOKENS && random_one_in(&s->seed, 2)) {
		x->amount -= random_below(&s->seed, x->amount + 1);
		s->sent[s->sent_count - 1].amount = x->amount;
		x->booking = window_settle(s->w, x->booking, x->amount);
	}
	x->booking = 0;
}

/* Its holder is killed: before it was noted, or noted, perhaps in the middle of a stamp; then it
 * may have been sent. */
static void
schedule_kill(struct schedule *s, struct item *x)
{
	window_booking b = x->booking;

	x->booking = 0;
	if (random_one_in(&s->seed, 3))
		return;
	if (random_one_in(&s->seed, 2)) {
		window_stamp(s->w, b, s->now_ms);
		x->from_ms = s->now_ms;
	} else if (s->ring) {
		window_stamp_doubtful(s->w, b, s->now_ms);
		x->from_ms = s->now_ms;
	} else {
		window_stamp_doubtful(s->w, b, s->now_ms);
		x = item_add(s, (struct item){ 0, x->amount, s->now_ms, false });
	}
	if (random_one_in(&s->seed, 2))
		s->sent[s->sent_count++] = (struct sent){ s->now_ms, x->amount };
}

static void
schedule_end(struct schedule *s, struct item *x)
{
	switch (random_below(&s->seed, 8)) {
	case 0:
		window_return(s->w, x->booking);
		*x = (struct item){ .from_ms = x->from_ms };
		return;
	case 1:
		schedule_kill(s, x);
		return;
	default:
		schedule_write(s, x);
	}
}

/* As pool_renew does: well within a span. */
static void
schedule_renew(struct schedule *s)
{
	for (size_t i = 0; i < s->item_count; i++) {
		struct item *x = &s->items[i];

		if (!x->booking || s->now_ms - x->from_ms < 10000)
			continue;
		x->booking = window_stamp(s->w, x->booking, s->now_ms);
		x->from_ms = s->now_ms;
	}
}

static void
schedule_run(struct schedule *s, const struct window_rule *rule, uint64_t seed)
{
	memset(s->w, 0, sizeof(*s->w));
	s->rule = *rule;
	s->ring = rule->unit == WINDOW_REQUESTS && rule->limit <= WINDOW_RING_MAX;
	s->seed = seed;
	s->now_ms = T0;
	s->item_count = s->sent_count = s->admitted = s->refused = 0;
	for (int i = 0; i < STEPS; i++) {
		struct item *x;

		if (random_one_in(&s->seed, 3) && (x = held_one(s)))
			schedule_end(s, x);
		else
			schedule_book(s);
		if (random_one_in(&s->seed, 3))
			s->now_ms += (int64_t)random_below(
			    &s->seed, random_one_in(&s->seed, 50) ? 10000 : 400);
		schedule_renew(s);
	}
}

static struct schedule *
schedule_new(struct window *w)
{
	struct schedule *s = test_malloc(sizeof(*s));

	s->w = w;
	return s;
}

static void
any_schedule_of_processes_keeps_the_limit_and_uses_it(void **state)
{
	static const struct window_rule rules[] = { { WINDOW_REQUESTS, 1, SPAN },
		{ WINDOW_REQUESTS, 5, SPAN }, { WINDOW_REQUESTS, 15, SPAN },
		{ WINDOW_REQUESTS, 60, SPAN }, { WINDOW_REQUESTS, 61, SPAN },
		{ WINDOW_REQUESTS, 150, SPAN }, { WINDOW_TOKENS, 30, SPAN },
		{ WINDOW_TOKENS, 32000, SPAN }, { WINDOW_TOKENS, 4000000, SPAN } };
	struct schedule *s = schedule_new(*state);

	for (size_t i = 0; i < COUNT(rules); i++)
		for (uint64_t seed = 1; seed <= 3; seed++) {
			schedule_run(s, &rules[i], seed * 77);
			assert_true(s->admitted > 20 && s->refused > 20);
			assert_true(sent_worst(s->sent, s->sent_count, SPAN) <= rules[i].limit);
		}
	test_free(s);
}

/* The limit goes up and down, over the border of the forms too; each is kept by what is admitted
 * under it. */
static void
limits_may_change_at_any_time(void **state)
{
	static const struct window_rule rules[] = { { WINDOW_REQUESTS, 5, SPAN },
		{ WINDOW_REQUESTS, 40, SPAN }, { WINDOW_REQUESTS, 70, SPAN },
		{ WINDOW_REQUESTS, 10, SPAN + 9000 }, { WINDOW_REQUESTS, 90, SPAN + 9000 } };
	struct window *w = *state;
	struct sent sent[400];
	uint64_t seed = 4711;
	int64_t now_ms = T0, free_at_ms;
	size_t n = 0;
	unsigned admitted[COUNT(rules)] = { 0 };

	for (int i = 0; i < 40000; i++) {
		size_t r = (size_t)(i / 300 + i / 7000) % COUNT(rules);
		window_booking b = window_book(w, &rules[r], 1, now_ms, &free_at_ms);

		now_ms += (int64_t)random_below(&seed, 1500);
		if (!b)
			continue;
		admitted[r]++;
		window_stamp(w, b, now_ms);
		if (n == COUNT(sent))
			memmove(sent, sent + 200, (n -= 200) * sizeof(*sent));
		sent[n++] = (struct sent){ now_ms, 1 };
		uint64_t in_span = 0;

		for (size_t k = 0; k < n; k++)
			in_span += sent[k].at_ms + rules[r].span_ms > now_ms;
		assert_true(in_span <= rules[r].limit);
	}
	for (size_t r = 0; r < COUNT(rules); r++)
		assert_true(admitted[r] > 100);
}

int
main(void)
{
#define SCHEDULE_TEST(f) cmocka_unit_test_setup_teardown(f, window_setup, window_teardown)
	const struct CMUnitTest tests[] = {
		SCHEDULE_TEST(any_schedule_of_processes_keeps_the_limit_and_uses_it),
		SCHEDULE_TEST(limits_may_change_at_any_time),
	};

	return cmocka_run_group_tests_name("ipc/window (schedule)", tests, NULL, NULL);
}
