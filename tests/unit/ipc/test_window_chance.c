/*
 * Windows under a random order of steps of four processes, which write late, settle, give back, and
 * are killed between any two steps.  Chance has a seed, so that what fails once fails again.
 */
#include "tests/unit/ipc/window_steps.h"

#include "tests/unit/ipc/window_oracle.h"

#define T0        INT64_C(7200000)
#define SPAN      INT64_C(60500)
#define PROCESSES 4
#define SENT_MAX  20000

/* What a process has in its journal. */
enum journal { HOLDS_NONE, HOLDS_BOOKING, HOLDS_DOUBT };

struct process {
	struct coroutine coroutine;
	bool alive;
	int64_t since_ms; /* the time it acts by; the clock does not run away from it.  0: idle */
	const struct window_rule *rule;
	enum journal journal;
	window_booking booking;
};

struct world {
	struct window window;
	struct process processes[PROCESSES];
	struct process *running;
	uint64_t seed;
	int64_t now_ms;
	bool kills, returns;
	uint64_t turns_to_tick, tick_ms; /* on the average, at most */
	struct sent sent[SENT_MAX];
	size_t sent_count;
	unsigned admitted, refused, killed;
};

static struct world *here;

static bool
gives_way(unsigned one_in)
{
	return random_one_in(&here->seed, one_in);
}

/* ---- what a process does ---- */

static uint64_t
some_amount(const struct window_rule *r)
{
	return r->unit == WINDOW_TOKENS && r->limit > 9
		   ? 1 + random_below(&here->seed, r->limit / 3)
		   : 1;
}

static void
renew(struct process *p)
{
	int64_t now_ms = here->now_ms;

	p->journal = HOLDS_DOUBT;
	p->booking = window_stamp(&here->window, p->booking, now_ms);
	p->journal = HOLDS_BOOKING;
	p->since_ms = now_ms;
	give_way(2);
}

/* Upstream has it before the stamp, and finds fewer tokens in it than were reserved. */
static void
send_and_settle(struct process *p)
{
	uint64_t amount = 1 + random_below(&here->seed, window_amount(p->booking));

	assert_true(here->sent_count < SENT_MAX);
	here->sent[here->sent_count++] = (struct sent){ here->now_ms, amount };
	give_way(2);
	int64_t now_ms = here->now_ms;

	p->journal = HOLDS_DOUBT;
	p->booking = window_stamp(&here->window, p->booking, now_ms);
	p->journal = HOLDS_NONE;
	window_settle(&here->window, p->booking, amount);
}

static void
act(struct process *p)
{
	int64_t free_at_ms = 0;

	p->since_ms = here->now_ms;
	window_booking b =
	    window_book(&here->window, p->rule, some_amount(p->rule), p->since_ms, &free_at_ms);

	if (!b) {
		assert_true(free_at_ms > p->since_ms);
		here->refused++;
		return;
	}
	here->admitted++;
	p->booking = b;
	p->journal = HOLDS_BOOKING;
	give_way(2);
	while (random_one_in(&here->seed, 4))
		renew(p);
	if (here->returns && random_one_in(&here->seed, 6)) {
		p->journal = HOLDS_DOUBT;
		window_return(&here->window, p->booking);
		p->journal = HOLDS_NONE;
		return;
	}
	send_and_settle(p);
}

static void
live(void)
{
	struct process *p = here->running;

	for (;;) {
		act(p);
		p->since_ms = 0;
		give_way(1);
	}
}

/* ---- the world ---- */

static void
birth(int number)
{
	struct process *p = &here->processes[number];

	p->alive = true;
	p->since_ms = 0;
	p->journal = HOLDS_NONE;
	coroutine_begin(&p->coroutine, live);
}

/* Killed where it stands; what it held is swept at once or a little later. */
static void
death(struct process *p)
{
	p->alive = false;
	here->killed++;
}

static void
sweep(int number)
{
	struct process *p = &here->processes[number];

	if (p->journal == HOLDS_BOOKING)
		window_stamp(&here->window, p->booking, here->now_ms);
	else if (p->journal == HOLDS_DOUBT)
		window_stamp_doubtful(&here->window, p->booking, here->now_ms);
	birth(number);
}

/* No process is left behind by half a span: whoever holds something renews it in time. */
static void
tick(void)
{
	int64_t to_ms = here->now_ms + (int64_t)random_below(&here->seed, here->tick_ms);

	for (int i = 0; i < PROCESSES; i++)
		if (here->processes[i].since_ms && here->processes[i].since_ms + SPAN / 2 < to_ms)
			return;
	here->now_ms = to_ms;
}

static void
run(const struct window_rule *const rules[PROCESSES], uint64_t seed, int turns)
{
	memset(&here->window, 0, sizeof(here->window));
	here->seed = seed * 7919;
	here->now_ms = T0;
	here->sent_count = here->admitted = here->refused = here->killed = 0;
	for (int i = 0; i < PROCESSES; i++) {
		here->processes[i].rule = rules[i];
		birth(i);
	}
	while (turns-- > 0) {
		int i = (int)random_below(&here->seed, PROCESSES);

		if (!here->processes[i].alive) {
			sweep(i);
		} else if (here->kills && random_one_in(&here->seed, 150)) {
			death(&here->processes[i]);
		} else {
			here->running = &here->processes[i];
			coroutine_go_on(&here->running->coroutine);
		}
		if (random_one_in(&here->seed, here->turns_to_tick))
			tick();
	}
}

/* Whatever was left, some spans later nothing is. */
static void
check_empty_in_the_end(const struct window_rule *r)
{
	int64_t free_at_ms;
	uint64_t n = 0;

	here->now_ms += 3 * SPAN;
	while (window_book(&here->window, r, 1, here->now_ms, &free_at_ms))
		n++;
	assert_int_equal(n, r->limit);
}

static void
check(const struct window_rule *const rules[PROCESSES], unsigned seeds, unsigned least_percent)
{
	unsigned refused = 0;
	uint64_t sent = 0, fits = 0;

	for (unsigned seed = 1; seed <= seeds; seed++) {
		run(rules, seed, 60000);
		uint64_t worst = sent_worst(here->sent, here->sent_count, SPAN);

		if (worst > rules[0]->limit)
			fail_msg("%llu in a span, seed %u", (unsigned long long)worst, seed);
		refused += here->refused;
		sent += here->sent_count;
		fits += rules[0]->limit * (uint64_t)((here->now_ms - T0) / SPAN + 1);
		for (int i = 0; i < PROCESSES; i++)
			check_empty_in_the_end(rules[i]);
	}
	assert_true(refused > 0);
	if (sent * 100 < fits * least_percent)
		fail_msg("%llu of %llu", (unsigned long long)sent, (unsigned long long)fits);
}

static int
world_open(void **state)
{
	*state = here = calloc(1, sizeof(*here));
	here->turns_to_tick = 40;
	here->tick_ms = 1500;
	return 0;
}

static int
world_close(void **state)
{
	free(*state);
	return 0;
}

/* ---- limits ---- */

static const struct window_rule three = { WINDOW_REQUESTS, 3, SPAN };
static const struct window_rule three_longer = { WINDOW_REQUESTS, 3, SPAN + 20000 };
static const struct window_rule three_tokens = { WINDOW_TOKENS, 3, SPAN };
static const struct window_rule three_tokens_longer = { WINDOW_TOKENS, 3, SPAN + 20000 };

static const struct window_rule ring = { WINDOW_REQUESTS, 60, SPAN };
static const struct window_rule subs = { WINDOW_REQUESTS, 61, SPAN };
static const struct window_rule tokens = { WINDOW_TOKENS, 9000, SPAN };

static void
no_order_of_steps_admits_one_too_many(void **state)
{
	const struct window_rule *const all[][PROCESSES] = { { &three, &three, &three, &three },
		{ &ring, &ring, &ring, &ring }, { &subs, &subs, &subs, &subs },
		{ &three_tokens, &three_tokens, &three_tokens, &three_tokens } };

	(void)state;
	here->returns = false;
	for (size_t i = 0; i < COUNT(all); i++)
		check(all[i], 3, 85);
}

static void
no_order_of_steps_reserves_too_many_tokens(void **state)
{
	const struct window_rule *const all[PROCESSES] = { &tokens, &tokens, &tokens, &tokens };

	(void)state;
	here->returns = true;
	check(all, 5, 0);
}

static void
killed_at_any_step_it_admits_not_one_too_many_and_is_never_wedged(void **state)
{
	const struct window_rule *const all[][PROCESSES] = { { &three, &three, &three, &three },
		{ &ring, &ring, &ring, &ring }, { &subs, &subs, &subs, &subs },
		{ &tokens, &tokens, &tokens, &tokens } };

	(void)state;
	here->returns = here->kills = true;
	for (size_t i = 0; i < COUNT(all); i++) {
		check(all[i], 3, 0);
		assert_true(here->killed > 20);
	}
}

/* The same limit, so that one oracle holds for all: each would have another form. */
static void
a_form_that_changes_at_any_step_loses_nothing(void **state)
{
	const struct window_rule *const all[][PROCESSES] = { { &three, &three_tokens, &three,
								 &three },
		{ &three, &three_tokens_longer, &three_tokens, &three_longer },
		{ &three_tokens, &three_tokens, &three_tokens_longer, &three_tokens_longer } };

	(void)state;
	/* Time flies, so that it is empty again and again, and all change it at once. */
	here->turns_to_tick = 60;
	here->tick_ms = 25000;
	for (int kills = 0; kills < 2; kills++) {
		here->returns = here->kills = kills;
		for (size_t i = 0; i < COUNT(all); i++)
			check(all[i], 4, 0);
	}
}

int
main(void)
{
#define CHANCE_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
	const struct CMUnitTest tests[] = {
		CHANCE_TEST(no_order_of_steps_admits_one_too_many),
		CHANCE_TEST(no_order_of_steps_reserves_too_many_tokens),
		CHANCE_TEST(killed_at_any_step_it_admits_not_one_too_many_and_is_never_wedged),
		CHANCE_TEST(a_form_that_changes_at_any_step_loses_nothing),
	};

	return cmocka_run_group_tests_name("ipc/window (chance)", tests, NULL, NULL);
}
