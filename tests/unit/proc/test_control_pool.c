/*
 * What is shown of the pool as a whole: the words "status" and "explain".
 */
#include "tests/unit/proc/control_world.h"

#include "upstream/trace.h"

static const struct breaker_rule rule = { 1, 60000, 60000, 60000 };

/* status. */

static void
status_counts_keys_and_clients_by_state(void **state)
{
	const json_t *answer, *keys;

	(void)state;
	add_key("a", KEY_A);
	add_key("b", KEY_B);
	freeze("b", MODEL, 60000, OUTCOME_QUOTA_MINUTE);
	assert_true(is_ok(say("[\"clients\",\"add\"]", NULL, NULL)));
	answer = say("[\"status\"]", NULL, NULL);
	assert_true(is_ok(answer));
	keys = json_object_get(answer, "keys");
	assert_int_equal(number(keys, "enabled"), 1);
	assert_int_equal(number(keys, "frozen"), 1);
	assert_int_equal(number(keys, "disabled"), 0);
	assert_int_equal(number(keys, "resting"), 0);
	assert_int_equal(number(json_object_get(answer, "clients"), "enabled"), 1);
	assert_string_equal(text(answer, "version"), PACKAGE_VERSION);
	assert_int_equal(json_array_size(json_object_get(answer, "processes")), 2);
	assert_true(
	    json_is_integer(json_object_get(json_object_get(answer, "counts"), "requests")));
}

static void
status_names_models_that_rest_for_all_keys(void **state)
{
	int model = board_model(world.board, SPAN(MODEL), true);
	const json_t *cooling;

	(void)state;
	assert_int_equal(
	    json_array_size(member(member(say("[\"status\"]", NULL, NULL), "pool"), "cooling")), 0);
	fitness_break(board_row(world.board, BOARD_EVERYONE, model, true), &rule,
	    OUTCOME_OVERLOADED, now(), UINT64_MAX);
	cooling =
	    json_array_get(member(member(say("[\"status\"]", NULL, NULL), "pool"), "cooling"), 0);
	assert_string_equal(text(cooling, "model"), MODEL);
	assert_string_equal(text(cooling, "cause"), "overloaded");
	assert_string_equal(text(cooling, "state"), "resting");
	assert_in_range(number(cooling, "for_s"), 1, 60);
}

static void
status_tells_how_much_of_the_board_is_used(void **state)
{
	const json_t *board;

	(void)state;
	add_key("a", KEY_A);
	configure("model." MODEL ".rpm=2");
	book("a", MODEL, 2, 0, 0);
	board = member(member(say("[\"status\"]", NULL, NULL), "pool"), "board");
	assert_int_equal(number(member(board, "subjects"), "used"), 1);
	assert_in_range(number(member(board, "subjects"), "size"), 200, 256);
	assert_int_equal(number(board, "models"), 1);
	assert_int_equal(number(board, "windows"), 1);
	assert_true(number(member(board, "cells"), "size") > 0);
}

static void
a_minute_that_counts_as_spent_is_told(void **state)
{
	const json_t *pool;

	(void)state;
	configure("model." MODEL ".rpm=2");
	add_key("a", KEY_A);
	row_of("a", MODEL);
	board_spent_set(world.board, now().ms + 40000);
	pool = member(say("[\"status\"]", NULL, NULL), "pool");
	assert_in_range(number(pool, "minute_spent_for_s"), 30, 40);
	assert_string_equal(text(shown("a"), "state"), "full");
	board_spent_set(world.board, 0);
	pool = member(say("[\"status\"]", NULL, NULL), "pool");
	assert_int_equal(number(pool, "minute_spent_for_s"), 0);
}

/* explain. */

static uint64_t
board_key_of(const char *label)
{
	struct credential_set set = load_set();
	uint64_t key = credential_set_find(&set, span_of(label))->board_key;

	credential_set_fini(&set);
	return key;
}

/* Of a request that "a" failed and "b" answered. */
static void
leave_trace(const char *id)
{
	struct fitness_pass frozen = { PASS_FROZEN, OUTCOME_QUOTA_DAY, now().ms + 60000, false };
	struct trace t;
	struct trace_try *try_;

	trace_begin(&t, span_of(id), SPAN("client-1"), now());
	trace_model(&t, SPAN(MODEL));
	try_ = trace_try_begin(&t);
	try_->credential = board_key_of("a");
	try_->chosen = CHOSEN_DRAW;
	try_->outcome = OUTCOME_SERVER_ERROR;
	try_->http_status = 500;
	try_ = trace_try_begin(&t);
	trace_pass_add(&t, UINT64_C(0x123456789abcdef0), &frozen, now());
	try_->credential = board_key_of("b");
	try_->chosen = CHOSEN_AFFINITY;
	try_->outcome = OUTCOME_OK;
	try_->http_status = 200;
	trace_end(&t, world.board, 200, now());
}

static void
a_request_is_explained_with_labels(void **state)
{
	const json_t *answer, *attempts;

	(void)state;
	add_key("a", KEY_A);
	add_key("b", KEY_B);
	leave_trace("req_0123");
	answer = say_of("\"explain\"", "req_0123");
	assert_true(is_ok(answer));
	assert_string_equal(text(answer, "request"), "req_0123");
	assert_string_equal(text(answer, "model"), MODEL);
	attempts = member(answer, "attempts");
	assert_int_equal(json_array_size(attempts), 2);
	assert_string_equal(text(json_array_get(attempts, 0), "credential"), "a");
	assert_string_equal(text(json_array_get(attempts, 0), "outcome"), "server-error");
	assert_string_equal(text(json_array_get(attempts, 1), "credential"), "b");
	assert_string_equal(text(json_array_get(attempts, 1), "outcome"), "ok");
}

static void
a_key_that_is_gone_is_called_by_its_id(void **state)
{
	const json_t *pass;

	(void)state;
	add_key("a", KEY_A);
	add_key("b", KEY_B);
	leave_trace("req_0123");
	pass = json_array_get(member(say_of("\"explain\"", "req_0123"), "passed_over"), 0);
	assert_string_equal(text(pass, "credential"), "123456789abcdef0");
	assert_string_equal(text(pass, "cause"), "day-quota");
}

static void
what_is_not_kept_says_how_many_are(void **state)
{
	(void)state;
	is_refused(say_of("\"explain\"", "req_1"), false, "none has asked for a key yet");
	add_key("a", KEY_A);
	add_key("b", KEY_B);
	for (int i = 0; i < 3; i++)
		leave_trace("req_2");
	is_refused(say_of("\"explain\"", "req_1"), false, "latest 3 are kept");
	assert_string_equal(text(asker.answers[1], "kind"), "not-found");
	is_refused(say_of("\"explain\"", "req_1\",\"req_2"), true, "usage");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(status_counts_keys_and_clients_by_state),
		CASE(status_names_models_that_rest_for_all_keys),
		CASE(status_tells_how_much_of_the_board_is_used),
		CASE(a_minute_that_counts_as_spent_is_told),
		CASE(a_request_is_explained_with_labels),
		CASE(a_key_that_is_gone_is_called_by_its_id),
		CASE(what_is_not_kept_says_how_many_are),
	};

	return cmocka_run_group_tests_name("proc/control_pool", tests, NULL, NULL);
}
