/* What time does to credentials: who is disabled for want of success, whose day begins anew. */
#include "tests/unit/upstream/world.h"

#include "upstream/fitness.h"
#include "upstream/upkeep.h"

#define MODEL SPAN("gemini-2.5-flash")
#define HOUR  (60 * MINUTE)
#define DAY   (24 * HOUR)
#define AFTER (30 * DAY)

/* Three credentials, made at T0; the clock stands at `now`. */
struct scene {
	struct world *world;
	struct config config;
	struct inventory inventory;
	struct upkeep *upkeep;
	struct upkeep_idle idle;
	struct moment now;
	char id[3][CREDENTIAL_ID_LEN + 1];
};

static const struct pool_snapshot *
loaded(struct scene *s)
{
	inventory_refresh(&s->inventory, s->now);
	return s->inventory.now;
}

static void
scene_open(struct scene *s, struct world *w)
{
	*s = (struct scene){ .world = w, .now = { 5000000, T0 } };
	world_add(w, "a", "AIza-aaaaaaaaaaaaaaaa", true, T0, s->id[0]);
	world_add(w, "b", "AIza-bbbbbbbbbbbbbbbb", true, T0 + 1, s->id[1]);
	world_add_of(w, "p", "c", "AIza-cccccccccccccccc", true, T0 + 2, s->id[2]);
	inventory_init(&s->inventory, w->store, w->board, &s->config);
	s->upkeep = upkeep_new();
}

static void
scene_close(struct scene *s)
{
	upkeep_idle_fini(&s->idle);
	upkeep_free(&s->upkeep);
	inventory_fini(&s->inventory);
}

static void
pass(struct scene *s, int64_t ms)
{
	s->now.ms += ms;
	s->now.wall_ms += ms;
}

static struct board_row *
whole(struct scene *s, int who)
{
	return board_row(s->world->board, loaded(s)->items[who].subject, BOARD_WHOLE, true);
}

static void
lend(struct scene *s, int who, bool succeeds)
{
	fitness_lent(whole(s, who), board_ticket(s->world->board), s->now);
	fitness_returned(whole(s, who));
	if (succeeds)
		fitness_succeeded(whole(s, who), 1, 1, s->now);
	else
		fitness_failed(whole(s, who), OUTCOME_SERVER_ERROR, true, s->now);
}

/* "ab": these two are to be disabled. */
static const char *
look(struct scene *s)
{
	static char names[8];
	size_t n = 0;

	upkeep_idle_fini(&s->idle);
	upkeep_look(s->upkeep, s->world->board, loaded(s), AFTER, s->now, &s->idle);
	for (char who = 'a'; who <= 'c'; who++)
		for (size_t i = 0; i < s->idle.count; i++)
			if (loaded(s)->set.items[s->idle.items[i]].label[0] == who)
				names[n++] = who;
	names[n] = '\0';
	return names;
}

static void
enable(struct scene *s, int who, bool enabled)
{
	struct credential c = loaded(s)->set.items[who];
	struct buf record = BUF_INIT;

	c.enabled = enabled;
	credential_encode(&c, &record);
	struct txn t = store_write(s->world->store);

	store_put(&t, TABLE_CREDENTIAL, span_of(c.id), buf_span(&record));
	assert_true(store_end(&t, NULL));
	board_bump(s->world->board, BOARD_GEN_CREDENTIALS);
	buf_wipe(&record);
}

/* ---- who is of no use ---- */

static void
who_fails_and_had_no_success_for_so_long_is_named(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	lend(&s, 0, true);
	lend(&s, 1, true);
	look(&s);
	pass(&s, AFTER - SECOND);
	lend(&s, 0, false);
	lend(&s, 1, true);
	assert_string_equal(look(&s), "");
	pass(&s, SECOND);
	assert_string_equal(look(&s), "a");
	lend(&s, 0, true);
	assert_string_equal(look(&s), "");
	scene_close(&s);
}

static void
who_never_succeeded_is_judged_from_its_first_lending_on(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	lend(&s, 1, true);
	look(&s);
	pass(&s, AFTER);
	lend(&s, 0, false);
	lend(&s, 1, true);
	assert_string_equal(look(&s), "");
	pass(&s, AFTER - SECOND);
	lend(&s, 1, true);
	assert_string_equal(look(&s), "");
	pass(&s, SECOND);
	assert_string_equal(look(&s), "a");
	scene_close(&s);
}

static void
who_was_never_lent_is_not_judged(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	lend(&s, 1, true);
	look(&s);
	pass(&s, 10 * AFTER);
	lend(&s, 1, true);
	assert_string_equal(look(&s), "");
	scene_close(&s);
}

/* Nobody asked for anything in a long while: that is no fault of theirs. */
static void
who_was_idle_is_not_named_whatever_failed_before(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	lend(&s, 0, false);
	lend(&s, 0, true);
	lend(&s, 0, false);
	pass(&s, 2 * AFTER);
	assert_string_equal(look(&s), ""); /* a janitor that begins does not know when it failed */
	assert_string_equal(look(&s), "");
	lend(&s, 0, false);
	assert_string_equal(look(&s), "a");
	scene_close(&s);
}

static void
who_was_enabled_again_begins_anew(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	lend(&s, 0, true);
	look(&s);
	pass(&s, 2 * AFTER);
	enable(&s, 0, false);
	lend(&s, 0, false);
	assert_string_equal(look(&s), "");
	enable(&s, 0, true);
	look(&s);
	lend(&s, 0, false);
	pass(&s, AFTER - SECOND);
	assert_string_equal(look(&s), "");
	pass(&s, SECOND);
	assert_string_equal(look(&s), "a");
	scene_close(&s);
}

static void
the_last_one_is_kept_and_it_is_the_one_that_succeeded_last(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	lend(&s, 0, true);
	pass(&s, SECOND);
	lend(&s, 2, true);
	pass(&s, SECOND);
	lend(&s, 1, false);
	look(&s);
	pass(&s, AFTER);
	for (int who = 0; who < 3; who++)
		lend(&s, who, false);
	assert_string_equal(look(&s), "ab");
	enable(&s, 0, false);
	assert_string_equal(look(&s), "b");
	enable(&s, 1, false);
	assert_string_equal(look(&s), "");
	scene_close(&s);
}

static void
the_clock_that_is_set_back_disables_nobody(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	lend(&s, 0, true);
	look(&s);
	s.now.wall_ms -= 2 * AFTER;
	lend(&s, 0, false);
	assert_string_equal(look(&s), "");
	scene_close(&s);
}

static void
the_note_says_for_how_long(void **state)
{
	static const struct {
		int64_t ms;
		const char *note;
	} cases[] = { { AFTER, "no success for 30d" }, { HOUR, "no success for 1h" },
		{ 36 * HOUR, "no success for 36h" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf note = BUF_INIT;

		upkeep_note(cases[i].ms, &note);
		assert_string_equal(buf_text(&note), cases[i].note);
		buf_fini(&note);
	}
}

/* ---- days ---- */

static void
whose_day_was_used_is_counted_up_to_its_end(void **state)
{
	struct scene s;
	int model;

	scene_open(&s, *state);
	model = board_model(s.world->board, MODEL, true);
	const struct choosable *items = loaded(&s)->items;

	assert_int_equal(upkeep_spent_days(s.world->board, loaded(&s), s.now), 0);
	assert_true(
	    fitness_day_book(board_row(s.world->board, items[0].subject, model, true), 0, s.now));
	assert_true(/* of the project of c */
	    fitness_day_book(board_row(s.world->board, items[2].scope, model, true), 0, s.now));
	assert_int_equal(upkeep_spent_days(s.world->board, loaded(&s), s.now), 2);

	struct fitness_freeze f = { .until_ms = s.now.wall_ms + fitness_day_ends_in_ms(s.now),
		.by_wall = true,
		.cause = OUTCOME_QUOTA_DAY };

	fitness_freeze(board_row(s.world->board, items[1].subject, model, true), &f, s.now);
	assert_int_equal(upkeep_spent_days(s.world->board, loaded(&s), s.now), 3);
	pass(&s, fitness_day_ends_in_ms(s.now) - 1);
	assert_int_equal(upkeep_spent_days(s.world->board, loaded(&s), s.now), 3);
	pass(&s, MINUTE);
	assert_int_equal(upkeep_spent_days(s.world->board, loaded(&s), s.now), 0);
	scene_close(&s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_open, world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_fails_and_had_no_success_for_so_long_is_named),
		TEST(who_never_succeeded_is_judged_from_its_first_lending_on),
		TEST(who_was_never_lent_is_not_judged),
		TEST(who_was_idle_is_not_named_whatever_failed_before),
		TEST(who_was_enabled_again_begins_anew),
		TEST(the_last_one_is_kept_and_it_is_the_one_that_succeeded_last),
		TEST(the_clock_that_is_set_back_disables_nobody),
		TEST(the_note_says_for_how_long),
		TEST(whose_day_was_used_is_counted_up_to_its_end),
	};

	return cmocka_run_group_tests_name("upstream/upkeep", tests, NULL, NULL);
}
