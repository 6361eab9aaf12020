/*
 * The words that add keys one by one, and change them.
 */
#include "tests/unit/proc/control_world.h"

/* Adding. */

static void
an_added_key_is_in_the_store_when_it_is_answered(void **state)
{
	const json_t *answer;

	(void)state;
	answer = say("[\"keys\",\"add\"]", "{\"label\":\"a\",\"project\":\"p\"}", "  " KEY_A "\n");
	assert_true(is_ok(answer));
	assert_string_equal(text(answer, "label"), "a");
	assert_int_equal(count_of(TABLE_CREDENTIAL), 1);
	assert_int_equal(board_generation(world.board, BOARD_GEN_CREDENTIALS), 1);
	assert_false(world_file_has(&world, "data.mdb", KEY_A));
}

static void
a_key_without_a_label_gets_a_free_one(void **state)
{
	(void)state;
	add_key("key-2", KEY_A);
	assert_string_equal(text(say("[\"keys\",\"add\"]", NULL, KEY_B), "label"), "key-3");
}

static void
a_key_that_is_there_is_refused_by_its_label(void **state)
{
	(void)state;
	add_key("first", KEY_A);
	is_refused(say("[\"keys\",\"add\"]", NULL, KEY_A), false, "\"first\"");
	is_refused(say("[\"keys\",\"add\"]", "{\"label\":\"first\"}", KEY_B), false, "\"first\"");
	assert_int_equal(count_of(TABLE_CREDENTIAL), 1);
}

static void
what_is_no_key_or_no_label_is_refused(void **state)
{
	(void)state;
	is_refused(say("[\"keys\",\"add\"]", NULL, NULL), true, "standard input");
	is_refused(say("[\"keys\",\"add\"]", NULL, "  \n"), false, "empty");
	is_refused(say("[\"keys\",\"add\"]", NULL, KEY_A "\n" KEY_B), false, "white space");
	is_refused(say("[\"keys\",\"add\"]", "{\"label\":\"a b\"}", KEY_A), true, "--label");
	is_refused(say("[\"keys\",\"add\"]", "{\"label\":\"\"}", KEY_A), true, "--label");
}

static void
what_belongs_to_others_is_refused_with_whose_it_looks_like(void **state)
{
	static const char *const cases[][2] = { { "sk-0123456789abcdef0123456789", "OpenAI" },
		{ "sk-ant-0123456789abcdef0123456789", "Anthropic" },
		{ "gsk_0123456789abcdef0123456789", "Groq" },
		{ "ya29.0123456789abcdef0123456789", "OAuth access token" },
		{ "Bearer " KEY_A, "header" }, { "{\"key\": \"" KEY_A "\"}", "JSON" },
		{ "GEMINI_API_KEY=" KEY_A, ".env" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const json_t *answer = say("[\"keys\",\"add\"]", NULL, cases[i][0]);

		is_refused(answer, false, cases[i][1]);
		assert_null(strstr(text(answer, "error"), "0123456789"));
		assert_null(strstr(text(answer, "error"), KEY_A));
	}
	assert_int_equal(count_of(TABLE_CREDENTIAL), 0);
}

static void
a_key_that_looks_odd_is_added_with_a_warning(void **state)
{
	const json_t *answer;

	(void)state;
	answer = say("[\"keys\",\"add\"]", NULL, KEY_A);
	assert_int_equal(json_array_size(member(answer, "warnings")), 0);
	answer = say("[\"keys\",\"add\"]", NULL, "some-other-key-0123456789");
	assert_true(is_ok(answer));
	assert_non_null(
	    strstr(json_string_value(json_array_get(member(answer, "warnings"), 0)), "AIza"));
	assert_int_equal(count_of(TABLE_CREDENTIAL), 2);
}

static void
a_project_is_noted_and_must_be_a_name(void **state)
{
	(void)state;
	assert_true(
	    is_ok(say("[\"keys\",\"add\"]", "{\"label\":\"a\",\"project\":\"p-1\"}", KEY_A)));
	assert_string_equal(text(shown("a"), "project"), "p-1");
	is_refused(say("[\"keys\",\"add\"]", "{\"project\":\"p 1\"}", KEY_B), true, "--project");
	is_refused(say("[\"keys\",\"add\"]", "{\"project\":\"\"}", KEY_B), true, "--project");
}

/* Changing. */

static void
keys_are_disabled_and_enabled_by_label_or_id(void **state)
{
	char *by_id;

	(void)state;
	add_key("a", KEY_A);
	add_key("b", KEY_B);
	by_id = mem_printf("[\"keys\",\"disable\",\"a\",\"%s\"]", text(asker.answers[1], "id"));
	assert_true(is_ok(say(by_id, NULL, NULL)));
	mem_free(by_id);
	assert_string_equal(
	    text(say("[\"keys\",\"show\",\"b\"]", NULL, NULL), "state"), "disabled");
	assert_true(is_ok(say("[\"keys\",\"enable\",\"a\"]", NULL, NULL)));
	assert_string_equal(text(say("[\"keys\",\"show\",\"a\"]", NULL, NULL), "state"), "enabled");
	assert_string_equal(
	    text(say("[\"keys\",\"show\",\"b\"]", NULL, NULL), "note"), "by the operator");
}

static void
one_unknown_label_among_several_changes_nothing(void **state)
{
	(void)state;
	add_key("first", KEY_A);
	is_refused(say("[\"keys\",\"rm\",\"first\",\"frist\"]", NULL, NULL), false,
	    "did you mean \"first\"");
	assert_int_equal(count_of(TABLE_CREDENTIAL), 1);
	assert_true(is_ok(say("[\"keys\",\"rm\",\"first\"]", NULL, NULL)));
	assert_int_equal(count_of(TABLE_CREDENTIAL), 0);
}

static void
an_unknown_label_that_is_long_is_not_repeated(void **state)
{
	static const char secret_like[] = "some-foreign-token-0123456789abcd";
	char *words = mem_printf("[\"keys\",\"show\",\"%s\"]", secret_like);

	(void)state;
	const json_t *answer = say(words, NULL, NULL);

	is_refused(answer, false, "no Gemini key has such a label");
	assert_null(strstr(text(answer, "error"), secret_like));
	mem_free(words);
}

static void
two_that_add_at_once_do_not_get_the_same_label(void **state)
{
	(void)state;
	forget_answers();
	ask(1, "{\"words\":[\"keys\",\"add\"],\"input\":\"" KEY_A "\"}");
	ask(2, "{\"words\":[\"keys\",\"add\"],\"input\":\"" KEY_B "\"}");
	ask(3, "{\"words\":[\"keys\",\"add\"],\"input\":\"" KEY_A "\"}");
	wait_for(3);
	assert_string_equal(text(asker.answers[1], "label"), "key-1");
	assert_string_equal(text(asker.answers[2], "label"), "key-2");
	is_refused(asker.answers[3], false, "\"key-1\"");
}

static void
one_who_leaves_has_still_been_served(void **state)
{
	(void)state;
	ask(1, "{\"words\":[\"keys\",\"add\"],\"input\":\"" KEY_A "\"}");
	link_close(&asker.link);
	for (int i = 0; i < TURNS && janitor_end; i++)
		loop_turn(loop, TURN_MS);
	for (int i = 0; i < TURNS && count_of(TABLE_CREDENTIAL) == 0; i++)
		loop_turn(loop, TURN_MS);
	assert_int_equal(count_of(TABLE_CREDENTIAL), 1);
}

/* Thawing. */

static const char *
state_of(const char *label)
{
	return text(shown(label), "state");
}

static void
what_was_frozen_is_thawed_by_label(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	add_key("b", KEY_B);
	freeze("a", "", 3600000, OUTCOME_REGION);
	freeze("a", MODEL, 3600000, OUTCOME_QUOTA_DAY);
	freeze("b", "", 3600000, OUTCOME_REGION);
	uint64_t thaws = board_generation(world.board, BOARD_GEN_THAWS);

	assert_true(is_ok(say_of("\"keys\",\"thaw\"", "a")));
	assert_string_equal(state_of("a"), "enabled");
	assert_string_equal(state_of("b"), "frozen");
	assert_true(board_generation(world.board, BOARD_GEN_THAWS) > thaws);
}

/* The project of the key that has this label. */
static void
freeze_project(const char *label, int64_t for_ms, enum outcome cause)
{
	struct credential_set set = load_set();
	int scope = board_subject(
	    world.board, credential_scope_key(credential_set_find(&set, span_of(label))), true);
	int model = board_model(world.board, SPAN(MODEL), true);
	struct fitness_freeze f = { .until_ms = now().ms + for_ms, .cause = cause };

	credential_set_fini(&set);
	fitness_freeze(board_row(world.board, scope, model, true), &f, now());
}

static void
what_keys_of_a_project_share_is_thawed_with_any_of_them(void **state)
{
	(void)state;
	assert_true(is_ok(say("[\"keys\",\"add\"]", "{\"label\":\"a\",\"project\":\"p\"}", KEY_A)));
	freeze_project("a", 3600000, OUTCOME_QUOTA_DAY);
	assert_string_equal(state_of("a"), "frozen");
	assert_true(is_ok(say_of("\"keys\",\"thaw\"", "a")));
	assert_string_equal(state_of("a"), "enabled");
}

static void
all_keys_and_models_are_thawed_at_once(void **state)
{
	static const struct breaker_rule rule = { 1, 60000, 60000, 60000 };
	int model;

	(void)state;
	add_key("a", KEY_A);
	add_key("b", KEY_B);
	freeze("a", "", 3600000, OUTCOME_REGION);
	freeze("b", MODEL, 3600000, OUTCOME_QUOTA_DAY);
	model = board_model(world.board, SPAN(MODEL), true);
	struct board_row *everyone = board_row(world.board, BOARD_EVERYONE, model, true);

	fitness_break(everyone, &rule, OUTCOME_OVERLOADED, now(), 0);
	const json_t *answer = say("[\"keys\",\"thaw\"]", "{\"all\":\"yes\"}", NULL);

	assert_int_equal(number(answer, "thawed"), 2);
	assert_string_equal(state_of("a"), "enabled");
	assert_string_equal(state_of("b"), "enabled");
	assert_int_equal(
	    fitness_look_model(&(struct fitness_rows){ .model = everyone }, now()).pass, PASS_NONE);
}

static void
a_thaw_wants_names_or_all_and_not_both(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	is_refused(say("[\"keys\",\"thaw\"]", NULL, NULL), true, "--all");
	is_refused(say("[\"keys\",\"thaw\",\"a\"]", "{\"all\":\"yes\"}", NULL), true, "--all");
	is_refused(say("[\"keys\",\"rm\",\"a\"]", "{\"all\":\"yes\"}", NULL), true, "rm");
	assert_int_equal(count_of(TABLE_CREDENTIAL), 1);
}

static void
a_disabled_key_stays_so_when_it_is_thawed_and_that_is_said(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	assert_true(is_ok(say_of("\"keys\",\"disable\"", "a")));
	answer = say_of("\"keys\",\"thaw\"", "a");
	assert_non_null(strstr(
	    json_string_value(json_array_get(member(answer, "warnings"), 0)), "keys enable"));
	assert_string_equal(state_of("a"), "disabled");
}

static void
a_key_that_is_enabled_or_removed_is_thawed(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	freeze("a", MODEL, 3600000, OUTCOME_QUOTA_ZERO);
	assert_true(is_ok(say_of("\"keys\",\"enable\"", "a")));
	assert_string_equal(state_of("a"), "enabled");
	freeze("a", "", 3600000, OUTCOME_REGION);
	assert_true(is_ok(say_of("\"keys\",\"rm\"", "a")));
	add_key("a", KEY_A);
	assert_string_equal(state_of("a"), "enabled");
}

/* To take one of its keys away, or to enable one, made the others ask although the day was spent. */
static void
what_a_project_has_spent_stays_so_when_one_of_its_keys_comes_or_goes(void **state)
{
	(void)state;
	assert_true(is_ok(say("[\"keys\",\"add\"]", "{\"label\":\"a\",\"project\":\"p\"}", KEY_A)));
	assert_true(is_ok(say("[\"keys\",\"add\"]", "{\"label\":\"b\",\"project\":\"p\"}", KEY_B)));
	freeze_project("a", 3600000, OUTCOME_QUOTA_DAY);
	freeze("b", MODEL, 3600000, OUTCOME_FORBIDDEN);
	assert_true(is_ok(say_of("\"keys\",\"disable\"", "b")));
	assert_true(is_ok(say_of("\"keys\",\"enable\"", "b")));
	assert_string_equal(text(shown("b"), "cause"), "day-quota");
	assert_true(is_ok(say_of("\"keys\",\"rm\"", "b")));
	assert_string_equal(state_of("a"), "frozen");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_added_key_is_in_the_store_when_it_is_answered),
		CASE(a_key_without_a_label_gets_a_free_one),
		CASE(a_key_that_is_there_is_refused_by_its_label),
		CASE(what_is_no_key_or_no_label_is_refused),
		CASE(what_belongs_to_others_is_refused_with_whose_it_looks_like),
		CASE(a_key_that_looks_odd_is_added_with_a_warning),
		CASE(a_project_is_noted_and_must_be_a_name),
		CASE(keys_are_disabled_and_enabled_by_label_or_id),
		CASE(one_unknown_label_among_several_changes_nothing),
		CASE(an_unknown_label_that_is_long_is_not_repeated),
		CASE(two_that_add_at_once_do_not_get_the_same_label),
		CASE(one_who_leaves_has_still_been_served),
		CASE(what_was_frozen_is_thawed_by_label),
		CASE(what_keys_of_a_project_share_is_thawed_with_any_of_them),
		CASE(all_keys_and_models_are_thawed_at_once),
		CASE(a_thaw_wants_names_or_all_and_not_both),
		CASE(a_disabled_key_stays_so_when_it_is_thawed_and_that_is_said),
		CASE(a_key_that_is_enabled_or_removed_is_thawed),
		CASE(what_a_project_has_spent_stays_so_when_one_of_its_keys_comes_or_goes),
	};

	return cmocka_run_group_tests_name("proc/control_keys", tests, NULL, NULL);
}
