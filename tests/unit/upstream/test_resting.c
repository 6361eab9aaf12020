/* Who rests for long: which rows, by whose credential, and which model is asked for. */
#include "tests/unit/upstream/world.h"

#include "upstream/fitness.h"
#include "upstream/resting.h"

#define MODEL SPAN("gemini-2.5-flash")
#define LOOK  (5 * MINUTE) /* until the next one */

static const struct moment now = { 5000000, T0 };
static const struct breaker_rule rule = { 1, 1000, 1000, 1000 };

/* Three credentials; "b" and "c" are of one project. */
struct scene {
	struct world *world;
	struct config config;
	struct config_model models[2];
	struct inventory inventory;
	struct resting_list list;
	char id[3][CREDENTIAL_ID_LEN + 1];
};

static void
scene_open(struct scene *s, struct world *w)
{
	*s = (struct scene){ .world = w };
	s->config.models = s->models;
	world_add(w, "a", "AIza-aaaaaaaaaaaaaaaa", true, T0 + 1, s->id[0]);
	world_add_of(w, "p", "b", "AIza-bbbbbbbbbbbbbbbb", true, T0 + 2, s->id[1]);
	world_add_of(w, "p", "c", "AIza-cccccccccccccccc", true, T0 + 3, s->id[2]);
	inventory_init(&s->inventory, w->store, w->board, &s->config);
}

static void
scene_close(struct scene *s)
{
	resting_fini(&s->list);
	inventory_fini(&s->inventory);
}

static const struct pool_snapshot *
loaded(struct scene *s)
{
	inventory_refresh(&s->inventory, now);
	return s->inventory.now;
}

static struct board_row *
row(struct scene *s, int subject, struct span model)
{
	int number = model.len ? board_model(s->world->board, model, true) : BOARD_WHOLE;

	return board_row(s->world->board, subject, number, true);
}

static struct board_row *
own(struct scene *s, int who, struct span model)
{
	return row(s, loaded(s)->items[who].subject, model);
}

static struct board_row *
shared(struct scene *s, struct span model)
{
	return row(s, loaded(s)->items[1].scope, model);
}

static void
freeze(struct board_row *r, int64_t for_ms, enum outcome cause)
{
	struct fitness_freeze f = { .until_ms = now.ms + for_ms, .cause = cause };

	fitness_freeze(r, &f, now);
}

static size_t
find(struct scene *s, struct moment m)
{
	resting_find(&s->list, s->world->board, loaded(s), LOOK, m);
	return s->list.count;
}

/* The breaker opens, and its time comes. */
static void
half_open(struct board_row *r, struct moment *m)
{
	assert_true(fitness_break(r, &rule, OUTCOME_SERVER_ERROR, now, 0));
	*m = (struct moment){ now.ms + 2000, now.wall_ms + 2000 };
}

/* ---- rows ---- */

static void
what_may_be_over_before_its_time_is_found(void **state)
{
	static const enum outcome causes[] = { OUTCOME_REGION, OUTCOME_FORBIDDEN,
		OUTCOME_MODEL_UNKNOWN, OUTCOME_NEEDS_VALIDATION, OUTCOME_QUOTA_VAGUE };

	for (size_t i = 0; i < COUNT(causes); i++) {
		struct scene s;

		scene_open(&s, *state);
		freeze(own(&s, 0, MODEL), 30 * MINUTE, causes[i]);
		assert_int_equal(find(&s, now), 1);
		assert_int_equal(s.list.items[0].how, RESTING_FROZEN);
		assert_int_equal(s.list.items[0].cause, causes[i]);
		assert_int_equal(s.list.items[0].credential, 0);
		assert_true(resting_still(s.world->board, loaded(&s), &s.list.items[0], 0, now));
		fitness_thaw(own(&s, 0, MODEL));
		assert_false(resting_still(s.world->board, loaded(&s), &s.list.items[0], 0, now));
		assert_int_equal(find(&s, now), 0);
		scene_close(&s);
	}
}

static void
what_a_clock_ends_is_left_to_it(void **state)
{
	static const struct {
		int64_t for_ms;
		enum outcome cause;
	} cases[] = { { 30 * MINUTE, OUTCOME_QUOTA_MINUTE }, { 30 * MINUTE, OUTCOME_QUOTA_DAY },
		{ 30 * MINUTE, OUTCOME_QUOTA_ZERO }, { 30 * MINUTE, OUTCOME_KEY_INVALID },
		{ LOOK, OUTCOME_FORBIDDEN }, { MINUTE, OUTCOME_QUOTA_VAGUE } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene s;

		scene_open(&s, *state);
		freeze(own(&s, 0, MODEL), cases[i].for_ms, cases[i].cause);
		freeze(own(&s, 1, SPAN_NONE), cases[i].for_ms, cases[i].cause);
		assert_int_equal(find(&s, now), 0);
		fitness_thaw(own(&s, 0, MODEL));
		fitness_thaw(own(&s, 1, SPAN_NONE));
		scene_close(&s);
	}
}

static void
a_breaker_is_left_alone_until_its_time_has_come_or_while_it_is_probed(void **state)
{
	struct scene s;
	struct moment m;

	scene_open(&s, *state);
	half_open(own(&s, 0, MODEL), &m);
	assert_int_equal(find(&s, now), 0);
	assert_int_equal(find(&s, m), 1);
	assert_int_equal(s.list.items[0].how, RESTING_BROKEN);
	assert_int_equal(s.list.items[0].cause, OUTCOME_SERVER_ERROR);
	assert_true(fitness_probe(own(&s, 0, MODEL), m));
	assert_int_equal(find(&s, m), 0);
	scene_close(&s);
}

static void
behind_a_credential_that_rests_its_models_are_not_looked_at(void **state)
{
	struct scene s;
	struct moment m;

	scene_open(&s, *state);
	freeze(own(&s, 0, MODEL), 30 * MINUTE, OUTCOME_FORBIDDEN);
	freeze(own(&s, 0, SPAN_NONE), 60 * MINUTE, OUTCOME_REGION);
	assert_int_equal(find(&s, now), 1);
	assert_int_equal(s.list.items[0].model, BOARD_WHOLE);
	fitness_thaw(own(&s, 0, SPAN_NONE));
	freeze(own(&s, 0, SPAN_NONE), 60 * MINUTE, OUTCOME_QUOTA_DAY);
	assert_int_equal(find(&s, now), 0);
	fitness_thaw(own(&s, 0, SPAN_NONE));
	half_open(own(&s, 0, SPAN_NONE), &m);
	assert_int_equal(find(&s, now), 0); /* open: the way is closed, whatever the model */
	assert_int_equal(find(&s, m), 1);
	scene_close(&s);
}

static void
what_a_project_shares_is_found_once(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	freeze(shared(&s, MODEL), 10 * MINUTE, OUTCOME_QUOTA_VAGUE);
	assert_int_equal(find(&s, now), 1);
	assert_int_equal(s.list.items[0].subject, loaded(&s)->items[1].scope);
	assert_in_range(s.list.items[0].credential, 1, 2);
	freeze(shared(&s, SPAN_NONE), 10 * MINUTE, OUTCOME_QUOTA_VAGUE);
	assert_int_equal(find(&s, now), 1);
	assert_int_equal(s.list.items[0].model, BOARD_WHOLE);
	scene_close(&s);
}

static void
a_model_that_rests_for_all_is_not_asked_for(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	freeze(own(&s, 0, MODEL), 30 * MINUTE, OUTCOME_FORBIDDEN);
	assert_true(
	    fitness_break(row(&s, BOARD_EVERYONE, MODEL), &rule, OUTCOME_OVERLOADED, now, 0));
	assert_int_equal(find(&s, now), 0);
	scene_close(&s);
}

static void
models_whose_answers_are_dear_are_not_asked_for(void **state)
{
	static const char *const names[] = { "gemini-2.5-flash-image", "imagen-4.0-generate-001",
		"veo-3.0-generate-001", "gemini-2.5-flash-preview-tts", "gemini-live-2.5-flash",
		"gemini-2.5-flash-native-audio-latest",
		"gemini-2.0-flash-preview-image-generation" };
	struct scene s;

	scene_open(&s, *state);
	for (size_t i = 0; i < COUNT(names); i++)
		freeze(own(&s, 0, span_of(names[i])), 30 * MINUTE, OUTCOME_FORBIDDEN);
	freeze(own(&s, 0, SPAN("gemini-embedding-001")), 30 * MINUTE, OUTCOME_FORBIDDEN);
	assert_int_equal(find(&s, now), 1);
	scene_close(&s);
}

/* ---- credentials ---- */

static void
change(struct scene *s, int who, bool enabled, const char *note)
{
	struct credential c = loaded(s)->set.items[who];
	struct buf record = BUF_INIT;

	c.enabled = enabled;
	c.note = (char *)note;
	credential_encode(&c, &record);
	struct txn t = store_write(s->world->store);

	store_put(&t, TABLE_CREDENTIAL, span_of(c.id), buf_span(&record));
	assert_true(store_end(&t, NULL));
	board_bump(s->world->board, BOARD_GEN_CREDENTIALS);
	buf_wipe(&record);
}

static void
of_the_disabled_ones_those_are_found_whose_reason_may_pass(void **state)
{
	static const struct {
		const char *note;
		bool found;
	} cases[] = { { "no-credit", true }, { "region", true }, { "needs-validation", true },
		{ "key-invalid", false }, { "suspended", false }, { "key-denied", false },
		{ "forbidden", false }, { "by the operator", false }, { "", false },
		{ "no success for 30d", false } };
	struct scene s;

	scene_open(&s, *state);
	for (size_t i = 0; i < COUNT(cases); i++) {
		change(&s, 0, false, cases[i].note);
		assert_int_equal(find(&s, now), cases[i].found);
		if (!cases[i].found)
			continue;
		assert_int_equal(s.list.items[0].how, RESTING_DISABLED);
		assert_string_equal(outcome_name(s.list.items[0].cause), cases[i].note);
	}
	change(&s, 0, true, "no-credit");
	assert_int_equal(find(&s, now), 0);
	scene_close(&s);
}

static void
rows_of_disabled_ones_are_not_looked_at(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	freeze(own(&s, 0, MODEL), 30 * MINUTE, OUTCOME_FORBIDDEN);
	freeze(own(&s, 0, SPAN_NONE), 30 * MINUTE, OUTCOME_REGION);
	assert_int_equal(find(&s, now), 1);
	change(&s, 0, false, "by the operator");
	assert_false(resting_still(s.world->board, loaded(&s), &s.list.items[0], 0, now));
	assert_int_equal(find(&s, now), 0);
	scene_close(&s);
}

static void
a_credential_that_an_operator_asked_for_is_found(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	fitness_ask_probe(own(&s, 2, SPAN_NONE), now);
	assert_int_equal(find(&s, now), 1);
	assert_int_equal(s.list.items[0].how, RESTING_ASKED);
	assert_int_equal(s.list.items[0].credential, 2);
	assert_true(resting_still(s.world->board, loaded(&s), &s.list.items[0], 0, now));
	assert_true(fitness_take_probe(own(&s, 2, SPAN_NONE)));
	assert_false(resting_still(s.world->board, loaded(&s), &s.list.items[0], 0, now));
	scene_close(&s);
}

static void
they_come_in_the_order_of_their_rows(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	for (int who = 0; who < 3; who++)
		for (int m = 0; m < 5; m++) {
			char name[24];

			snprintf(name, sizeof(name), "model-%d", m);
			freeze(own(&s, who, span_of(name)), 30 * MINUTE, OUTCOME_FORBIDDEN);
		}
	assert_int_equal(find(&s, now), 15);
	for (size_t i = 1; i < s.list.count; i++)
		assert_true(resting_compare(&s.list.items[i - 1], &s.list.items[i]) < 0);
	scene_close(&s);
}

/* ---- models ---- */

static struct span
model(struct scene *s, int who)
{
	return resting_model(s->world->board, &s->config, loaded(s), (uint32_t)who, now);
}

static void
succeed(struct board_row *r, int64_t after_ms)
{
	fitness_succeeded(r, 1, 1, (struct moment){ now.ms + after_ms, now.wall_ms + after_ms });
}

static void
the_model_that_answered_last_is_asked_for(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	succeed(own(&s, 0, SPAN("gemini-2.5-pro")), 1000);
	succeed(own(&s, 0, MODEL), 3000);
	succeed(own(&s, 0, SPAN("gemini-embedding-001")), 9000);
	succeed(own(&s, 0, SPAN("gemini-2.5-flash-image")), 9000);
	succeed(own(&s, 1, SPAN("gemini-3-pro")), 9000);
	assert_true(span_eq(model(&s, 0), MODEL));
	/* But not one that rests itself. */
	freeze(own(&s, 0, MODEL), MINUTE, OUTCOME_QUOTA_MINUTE);
	assert_true(span_is(model(&s, 0), "gemini-2.5-pro"));
	assert_true(fitness_break(
	    row(&s, BOARD_EVERYONE, SPAN("gemini-2.5-pro")), &rule, OUTCOME_OVERLOADED, now, 0));
	assert_true(span_is(model(&s, 0), "gemini-3-pro"));
	scene_close(&s);
}

static void
else_one_of_the_configuration_or_any_that_is_known(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	assert_true(span_is(model(&s, 0), "gemini-2.5-flash-lite"));
	own(&s, 1, SPAN("gemini-3-pro"));
	assert_true(span_is(model(&s, 0), "gemini-3-pro"));
	s.models[0] = (struct config_model){
		.name = "pictures", .alias = "gemini-3-pro-image", .enabled = true
	};
	s.models[1] =
	    (struct config_model){ .name = "fast", .alias = "gemini-2.5-flash", .enabled = true };
	s.config.model_count = 2;
	assert_true(span_eq(model(&s, 0), MODEL));
	s.models[1].enabled = false;
	assert_true(span_is(model(&s, 0), "gemini-3-pro"));
	scene_close(&s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_open, world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_may_be_over_before_its_time_is_found),
		TEST(what_a_clock_ends_is_left_to_it),
		TEST(a_breaker_is_left_alone_until_its_time_has_come_or_while_it_is_probed),
		TEST(behind_a_credential_that_rests_its_models_are_not_looked_at),
		TEST(what_a_project_shares_is_found_once),
		TEST(a_model_that_rests_for_all_is_not_asked_for),
		TEST(models_whose_answers_are_dear_are_not_asked_for),
		TEST(of_the_disabled_ones_those_are_found_whose_reason_may_pass),
		TEST(rows_of_disabled_ones_are_not_looked_at),
		TEST(a_credential_that_an_operator_asked_for_is_found),
		TEST(they_come_in_the_order_of_their_rows),
		TEST(the_model_that_answered_last_is_asked_for),
		TEST(else_one_of_the_configuration_or_any_that_is_known),
	};

	return cmocka_run_group_tests_name("upstream/resting", tests, NULL, NULL);
}
