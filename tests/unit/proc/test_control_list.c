/*
 * What is shown of keys: the words "keys list" and "keys show".
 */
#include "tests/unit/proc/control_world.h"

#include <math.h>
#include "proc/key_state.h"

#define OTHER "gemini-2.5-pro"

static const struct breaker_rule rule = { 1, 60000, 60000, 60000 };

static void
break_down(const char *label, const char *model, enum outcome why)
{
	fitness_break(row_of(label, model), &rule, why, now(), UINT64_MAX);
}

static const json_t *
model_of(const json_t *key, const char *model)
{
	return member(member(key, "models"), model);
}

static const json_t *
limit_of(const json_t *key, const char *model, const char *limit)
{
	return member(member(model_of(key, model), "limits"), limit);
}

/* keys list. */

static const json_t *
listed(size_t i)
{
	const json_t *key =
	    json_array_get(member(say("[\"keys\",\"list\"]", NULL, NULL), "keys"), i);

	assert_non_null(key);
	return key;
}

static void
a_list_shows_a_hint_and_never_the_key(void **state)
{
	const json_t *answer, *key;
	struct buf all = BUF_INIT;

	(void)state;
	add_key("a", KEY_A);
	answer = say("[\"keys\",\"list\"]", NULL, NULL);
	key = json_array_get(json_object_get(answer, "keys"), 0);
	assert_string_equal(text(key, "label"), "a");
	assert_string_equal(text(key, "hint"), "AIza...AAAA");
	assert_string_equal(text(key, "state"), "enabled");
	assert_string_equal(text(key, "source"), "operator");
	assert_int_equal(number(key, "frozen_for_s"), 0);
	json_print(&all, answer);
	assert_null(strstr(buf_text(&all), KEY_A));
	buf_fini(&all);
}

static void
a_list_of_none_is_empty(void **state)
{
	const json_t *answer;

	(void)state;
	answer = say("[\"keys\",\"list\"]", NULL, NULL);
	assert_true(is_ok(answer));
	assert_int_equal(json_array_size(member(answer, "keys")), 0);
}

static void
a_list_of_many_keeps_the_order_in_which_they_came(void **state)
{
	struct buf lines = BUF_INIT;
	const json_t *keys;
	char label[16];

	(void)state;
	for (int i = 0; i < 500; i++)
		buf_printf(&lines, "k%03d,AIzaSyTestKey-%06d\n", i, i);
	assert_true(is_ok(say("[\"keys\",\"import\"]", NULL, buf_text(&lines))));
	keys = member(say("[\"keys\",\"list\"]", NULL, NULL), "keys");
	assert_int_equal(json_array_size(keys), 500);
	for (size_t i = 0; i < 500; i++) {
		snprintf(label, sizeof(label), "k%03zu", i);
		assert_string_equal(text(json_array_get(keys, i), "label"), label);
	}
	buf_fini(&lines);
}

static void
a_list_names_the_worst_of_the_models_alone(void **state)
{
	const json_t *key;

	(void)state;
	add_key("a", KEY_A);
	freeze("a", MODEL, 600000, OUTCOME_QUOTA_MINUTE);
	freeze("a", OTHER, 3600000, OUTCOME_QUOTA_DAY);
	key = listed(0);
	assert_string_equal(text(key, "state"), "frozen");
	assert_string_equal(text(key, "model"), OTHER);
	assert_string_equal(text(key, "cause"), "day-quota");
	assert_in_range(number(key, "frozen_for_s"), 3500, 3600);
	assert_int_equal(json_object_size(member(key, "models")), 1);
	assert_in_range(number(model_of(key, OTHER), "frozen_for_s"), 3500, 3600);
}

/* keys show: states. */

static void
a_frozen_key_says_how_long_and_why_until_it_is_thawed(void **state)
{
	const json_t *key;

	(void)state;
	add_key("a", KEY_A);
	freeze("a", "", 3600000, OUTCOME_QUOTA_MINUTE);
	key = shown("a");
	assert_string_equal(text(key, "state"), "frozen");
	assert_true(json_is_true(member(key, "frozen")));
	assert_string_equal(text(key, "cause"), "minute-quota");
	assert_in_range(number(key, "frozen_for_s"), 3500, 3600);
	assert_true(is_null(key, "model"));
	assert_true(is_ok(say_of("\"keys\",\"thaw\"", "a")));
	key = shown("a");
	assert_int_equal(number(key, "frozen_for_s"), 0);
	assert_string_equal(text(key, "cause"), "");
}

static void
every_freeze_of_a_model_is_shown_by_its_name(void **state)
{
	const json_t *key;

	(void)state;
	add_key("a", KEY_A);
	freeze("a", MODEL, 600000, OUTCOME_FORBIDDEN);
	freeze("a", OTHER, 3600000, OUTCOME_QUOTA_ZERO);
	key = shown("a");
	assert_in_range(number(model_of(key, MODEL), "frozen_for_s"), 550, 600);
	assert_string_equal(text(model_of(key, MODEL), "cause"), "forbidden");
	assert_in_range(number(model_of(key, OTHER), "frozen_for_s"), 3500, 3600);
	assert_string_equal(text(model_of(key, OTHER), "cause"), "no-quota");
	assert_string_equal(text(member(key, "whole"), "state"), "enabled");
	assert_string_equal(text(key, "cause"), "no-quota");
	assert_true(text(key, "advice")[0] != '\0');
}

static const json_t *
shown_for(const char *label, const char *model)
{
	char *words = mem_printf("[\"keys\",\"show\",\"%s\"]", label);
	char *options = mem_printf("{\"model\":\"%s\"}", model);
	const json_t *answer = say(words, options, NULL);

	mem_free(words);
	mem_free(options);
	return answer;
}

static void
one_model_alone_can_be_asked_for(void **state)
{
	const json_t *key;

	(void)state;
	add_key("a", KEY_A);
	freeze("a", MODEL, 600000, OUTCOME_QUOTA_MINUTE);
	freeze("a", OTHER, 3600000, OUTCOME_QUOTA_DAY);
	key = shown_for("a", "models/" MODEL);
	assert_string_equal(text(key, "cause"), "minute-quota");
	assert_int_equal(json_object_size(member(key, "models")), 1);
	assert_in_range(number(model_of(key, MODEL), "frozen_for_s"), 550, 600);
	key = shown_for("a", "no-such-model");
	assert_string_equal(text(key, "state"), "enabled");
	assert_int_equal(json_object_size(member(key, "models")), 0);
}

static void
a_model_may_be_asked_for_by_the_name_of_the_configuration(void **state)
{
	(void)state;
	configure("model.fast.alias=" MODEL);
	add_key("a", KEY_A);
	freeze("a", MODEL, 600000, OUTCOME_QUOTA_MINUTE);
	assert_string_equal(text(shown_for("a", "fast"), "state"), "frozen");
}

static void
a_key_whose_breaker_is_open_rests_and_then_is_half_open(void **state)
{
	const json_t *key, *seen;

	(void)state;
	add_key("a", KEY_A);
	break_down("a", "", OUTCOME_UNREACHABLE);
	key = shown("a");
	assert_string_equal(text(key, "state"), "resting");
	assert_string_equal(text(key, "cause"), "unreachable");
	assert_false(json_is_true(member(key, "frozen")));
	assert_in_range(number(key, "free_in_s"), 1, 60);
	seen = member(key, "breaker");
	assert_string_equal(text(seen, "state"), "open");
	assert_string_equal(text(seen, "cause"), "unreachable");
	assert_in_range(number(seen, "open_for_s"), 1, 60);

	struct moment long_ago = { now().ms - 3600000, now().wall_ms - 3600000 };

	fitness_thaw(row_of("a", ""));
	fitness_break(row_of("a", ""), &rule, OUTCOME_SILENT, long_ago, 0);
	key = shown("a");
	assert_string_equal(text(key, "state"), "half-open");
	assert_string_equal(text(key, "cause"), "silent");
	assert_string_equal(text(member(key, "breaker"), "state"), "half-open");
}

static void
a_freeze_is_worse_than_a_rest_and_a_rest_than_a_full_minute(void **state)
{
	const json_t *key;

	(void)state;
	configure("model." MODEL ".rpd=1");
	add_key("a", KEY_A);
	assert_true(fitness_day_book(row_of("a", MODEL), 1, now()));
	assert_string_equal(text(shown("a"), "state"), "full");
	break_down("a", OTHER, OUTCOME_SERVER_ERROR);
	key = shown("a");
	assert_string_equal(text(key, "state"), "resting");
	assert_string_equal(text(key, "model"), OTHER);
	freeze("a", OTHER, 60000, OUTCOME_FORBIDDEN);
	assert_string_equal(text(shown("a"), "state"), "frozen");
	assert_true(is_ok(say_of("\"keys\",\"disable\"", "a")));
	key = shown("a");
	assert_string_equal(text(key, "state"), "disabled");
	assert_string_equal(text(key, "note"), "by the operator");
}

/* Only as a worker would store it. */
static void
disable_as(const char *label, const char *note)
{
	struct credential_set set = load_set();
	struct credential *c = credential_set_find(&set, span_of(label));
	struct changes changes = CHANGES_INIT;
	struct err e = ERR_INIT;

	c->enabled = false;
	mem_free(c->note);
	c->note = mem_dup(note);
	changes_put_credential(&changes, c);
	assert_true(changes_commit(&changes, world.store, world.board, &e));
	changes_fini(&changes);
	credential_set_fini(&set);
}

static void
a_key_that_upstream_refused_says_why_and_what_to_do(void **state)
{
	static const enum outcome cases[] = { OUTCOME_KEY_INVALID, OUTCOME_KEY_DENIED,
		OUTCOME_SUSPENDED, OUTCOME_NO_CREDIT, OUTCOME_NEEDS_VALIDATION };

	(void)state;
	add_key("a", KEY_A);
	for (size_t i = 0; i < COUNT(cases); i++) {
		disable_as("a", outcome_name(cases[i]));
		const json_t *key = shown("a");

		assert_string_equal(text(key, "state"), "disabled");
		assert_string_equal(text(key, "note"), outcome_name(cases[i]));
		assert_true(strlen(text(key, "advice")) > 10);
	}
}

static void
a_freeze_that_the_project_shares_is_shown_with_each_of_its_keys(void **state)
{
	struct fitness_freeze f = { .until_ms = now().ms + 600000, .cause = OUTCOME_QUOTA_DAY };
	const char *project = "{\"project\":\"p\"}";

	(void)state;
	assert_true(is_ok(say("[\"keys\",\"add\"]", project, KEY_A)));
	assert_true(is_ok(say("[\"keys\",\"add\"]", project, KEY_B)));
	struct credential_set set = load_set();
	int scope = board_subject(world.board, credential_scope_key(&set.items[0]), true);

	credential_set_fini(&set);
	fitness_freeze(
	    board_row(world.board, scope, board_model(world.board, SPAN(MODEL), true), true), &f,
	    now());
	for (int i = 1; i <= 2; i++) {
		const json_t *key = shown(i == 1 ? "key-1" : "key-2");

		assert_string_equal(text(key, "state"), "frozen");
		assert_true(json_is_true(member(model_of(key, MODEL), "shared")));
	}
	add_key("alone", "AIzaSyTestKeyOfNoProjectAtAll0123456789");
	assert_string_equal(text(shown("alone"), "state"), "enabled");
}

/* keys show: what is known. */

static void
answers_and_failures_are_counted_and_timed(void **state)
{
	struct board_row *whole, *own;
	const json_t *key;

	(void)state;
	add_key("a", KEY_A);
	whole = row_of("a", "");
	own = row_of("a", MODEL);
	fitness_lent(own, 1, now());
	fitness_lent(whole, 1, now());
	for (int i = 0; i < 3; i++) {
		fitness_succeeded(own, 200, 900, now());
		fitness_succeeded(whole, 200, 900, now());
	}
	fitness_failed(own, OUTCOME_SERVER_ERROR, true, now());
	fitness_failed(whole, OUTCOME_SERVER_ERROR, true, now());
	key = shown("a");
	for (int i = 0; i < 2; i++) {
		const json_t *o = i == 0 ? key : model_of(key, MODEL);

		assert_int_equal(number(o, "successes"), 3);
		assert_int_equal(number(o, "failures"), 1);
		assert_int_equal(number(o, "in_flight"), 1);
		assert_string_equal(text(o, "last_failure"), "server-error");
		assert_int_equal(number(o, "first_byte_ms"), 200);
		assert_int_equal(number(o, "total_ms"), 900);
		assert_in_range(number(o, "last_success_s"), (int)(now().wall_ms / 1000) - 60,
		    (int)(now().wall_ms / 1000) + 60);
		double mean = json_real_value(member(o, "mean"));

		assert_true(fabs(mean - 4.0 / 6.0) < 0.01);
		assert_true(fabs(json_real_value(member(o, "weight")) - 4) < 0.3);
	}
}

static void
of_a_new_key_nothing_is_known(void **state)
{
	const json_t *key;

	(void)state;
	add_key("a", KEY_A);
	key = shown("a");
	assert_string_equal(text(key, "state"), "enabled");
	assert_string_equal(text(key, "last_failure"), "");
	assert_true(is_null(key, "last_success_s"));
	assert_true(is_null(key, "first_byte_ms"));
	assert_int_equal(number(key, "failed_in_a_row"), 0);
	assert_int_equal(json_object_size(member(key, "models")), 0);
	assert_int_equal(board_subjects_used(world.board), 0);
}

static void
failures_in_a_row_are_those_of_the_worst_model(void **state)
{
	static const struct breaker_rule three = { 3, 60000, 60000, 60000 };

	(void)state;
	add_key("a", KEY_A);
	for (int i = 0; i < 2; i++)
		fitness_break(row_of("a", MODEL), &three, OUTCOME_SERVER_ERROR, now(), 0);
	assert_int_equal(number(shown("a"), "failed_in_a_row"), 2);
	assert_int_equal(number(listed(0), "failed_in_a_row"), 2);
	assert_int_equal(number(shown_for("a", OTHER), "failed_in_a_row"), 0);
}

static void
limits_of_the_configuration_are_shown_with_what_is_used_of_them(void **state)
{
	const json_t *key, *limit;

	(void)state;
	configure("model." MODEL ".rpm=5");
	add_key("a", KEY_A);
	board_model(world.board, SPAN(MODEL), true); /* as the pool does at its start */
	limit = limit_of(shown("a"), MODEL, "rpm");
	assert_int_equal(number(limit, "limit"), 5);
	assert_int_equal(number(limit, "used"), 0);
	for (int i = 0; i < 3; i++)
		book("a", MODEL, 5, 0, 0);
	key = shown("a");
	limit = limit_of(key, MODEL, "rpm");
	assert_int_equal(number(limit, "limit"), 5);
	assert_int_equal(number(limit, "used"), 3);
	assert_string_equal(text(limit, "from"), "configuration");
	limit = limit_of(key, MODEL, "rpd");
	assert_true(is_null(limit, "limit"));
	assert_int_equal(number(limit, "used"), 3);
	assert_true(is_null(limit_of(key, MODEL, "tpm"), "used"));
	assert_in_range(number(key, "day_ends_in_s"), 0, 90000);
}

static void
a_limit_that_was_learned_says_so_and_since_when(void **state)
{
	struct fitness_limits said = { 10, 250000, 20 };
	const json_t *key, *limits;

	(void)state;
	add_key("a", KEY_A);
	fitness_learn(row_of("a", MODEL), &said, now());
	book("a", MODEL, 10, 250000, 1234);
	key = shown("a");
	limits = member(model_of(key, MODEL), "limits");
	assert_string_equal(text(member(limits, "rpm"), "from"), "learned");
	assert_int_equal(number(member(limits, "tpm"), "limit"), 250000);
	assert_int_equal(number(member(limits, "tpm"), "used"), 1234);
	assert_int_equal(number(member(limits, "rpd"), "limit"), 20);
	assert_in_range(number(limits, "learned_s"), (int)(now().wall_ms / 1000) - 60,
	    (int)(now().wall_ms / 1000) + 60);
}

static void
what_the_operator_set_stands_before_what_was_learned(void **state)
{
	struct fitness_limits said = { 10, 0, 0 };
	const json_t *limit;

	(void)state;
	configure("model." MODEL ".rpm=5");
	add_key("a", KEY_A);
	fitness_learn(row_of("a", MODEL), &said, now());
	limit = limit_of(shown("a"), MODEL, "rpm");
	assert_int_equal(number(limit, "limit"), 5);
	assert_string_equal(text(limit, "from"), "configuration");
}

static void
a_key_that_used_up_its_minute_is_full_before_anybody_asks_for_more(void **state)
{
	const json_t *key;

	(void)state;
	configure("model." MODEL ".rpm=2");
	add_key("a", KEY_A);
	for (int i = 0; i < 2; i++)
		book("a", MODEL, 2, 0, 0);
	key = shown("a");
	assert_string_equal(text(key, "state"), "full");
	assert_string_equal(text(key, "cause"), "rpm");
	assert_string_equal(text(key, "model"), MODEL);
	assert_false(json_is_true(member(key, "frozen")));
}

static void
a_day_that_is_used_up_says_when_it_ends(void **state)
{
	const json_t *key;

	(void)state;
	configure("model." MODEL ".rpd=1");
	add_key("a", KEY_A);
	assert_true(fitness_day_book(row_of("a", MODEL), 1, now()));
	key = shown("a");
	assert_string_equal(text(key, "cause"), "rpd");
	assert_in_range(number(key, "free_in_s"), 1, 100000);
	assert_string_equal(text(model_of(key, MODEL), "state"), "full");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_list_shows_a_hint_and_never_the_key),
		CASE(a_list_of_none_is_empty),
		CASE(a_list_of_many_keeps_the_order_in_which_they_came),
		CASE(a_list_names_the_worst_of_the_models_alone),
		CASE(a_frozen_key_says_how_long_and_why_until_it_is_thawed),
		CASE(every_freeze_of_a_model_is_shown_by_its_name),
		CASE(one_model_alone_can_be_asked_for),
		CASE(a_model_may_be_asked_for_by_the_name_of_the_configuration),
		CASE(a_key_whose_breaker_is_open_rests_and_then_is_half_open),
		CASE(a_freeze_is_worse_than_a_rest_and_a_rest_than_a_full_minute),
		CASE(a_key_that_upstream_refused_says_why_and_what_to_do),
		CASE(a_freeze_that_the_project_shares_is_shown_with_each_of_its_keys),
		CASE(answers_and_failures_are_counted_and_timed),
		CASE(of_a_new_key_nothing_is_known),
		CASE(failures_in_a_row_are_those_of_the_worst_model),
		CASE(limits_of_the_configuration_are_shown_with_what_is_used_of_them),
		CASE(a_limit_that_was_learned_says_so_and_since_when),
		CASE(what_the_operator_set_stands_before_what_was_learned),
		CASE(a_key_that_used_up_its_minute_is_full_before_anybody_asks_for_more),
		CASE(a_day_that_is_used_up_says_when_it_ends),
	};

	return cmocka_run_group_tests_name("proc/control_list", tests, NULL, NULL);
}
