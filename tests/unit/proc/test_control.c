/*
 * The control socket, from the frame that asks to the frame that answers; the words about clients
 * and about the daemon.
 */
#include "tests/unit/proc/control_world.h"

/* What is said wrongly. */

static void
a_question_that_cannot_be_read_is_refused(void **state)
{
	static const char *const cases[] = { "", "x", "[]", "{}", "{\"words\":[]}",
		"{\"words\":\"status\"}", "{\"words\":[1]}",
		"{\"words\":[\"status\"],\"options\":[]}",
		"{\"words\":[\"status\"],\"options\":{\"label\":1}}",
		"{\"words\":[\"status\"],\"input\":7}", "{\"words\":[\"sta\\u0000tus\"]}",
		"{\"words\":[\"status\"]" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		is_refused(said(cases[i]), true, "cannot be read");
}

static void
an_unknown_word_gets_the_nearest_one(void **state)
{
	(void)state;
	is_refused(say("[\"keys\",\"lsit\"]", NULL, NULL), true, "keys list");
	is_refused(say("[\"keys\"]", NULL, NULL), true, "another word");
	is_refused(say("[\"xyzzy\"]", NULL, NULL), true, "no such word");
}

static void
too_few_and_too_many_arguments_get_the_usage(void **state)
{
	(void)state;
	is_refused(
	    say("[\"keys\",\"show\"]", NULL, NULL), true, "usage: polluxctl keys show LABEL");
	is_refused(say("[\"keys\",\"show\",\"a\",\"b\"]", NULL, NULL), true, "usage:");
	is_refused(say("[\"status\",\"now\"]", NULL, NULL), true, "usage: polluxctl status");
}

static void
an_option_of_another_word_is_refused(void **state)
{
	(void)state;
	is_refused(say("[\"status\"]", "{\"label\":\"a\"}", NULL), true, "status");
	is_refused(say("[\"keys\",\"add\"]", "{\"key\":\"-\"}", KEY_A), true, "--label");
}

static void
a_key_among_the_words_is_refused_and_never_repeated(void **state)
{
	static const char *const words[] = { "[\"keys\",\"add\",\"" KEY_A "\"]",
		"[\"keys\",\"show\",\"" KEY_A "\"]",
		"[\"keys\",\"rm\",\"plx-0123456789abcdefghijklmnop\"]",
		"[\"keys\",\"add\",\"whatever\"]", "[\"config\",\"get\",\"" KEY_A "\"]" };

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		const json_t *answer = say(words[i], NULL, NULL);

		is_refused(answer, true, "standard input");
		assert_null(strstr(text(answer, "error"), "AIzaSy"));
		assert_null(strstr(text(answer, "error"), "plx-"));
		assert_null(strstr(text(answer, "error"), "whatever"));
	}
	is_refused(
	    say("[\"keys\",\"add\"]", "{\"label\":\"" KEY_A "\"}", KEY_B), true, "standard input");
	assert_int_equal(count_of(TABLE_CREDENTIAL), 0);
}

/* clients. */

static bool
may_enter(const char *key)
{
	struct client client;
	struct err e = ERR_INIT;

	return client_identify(world.store, world.seal, span_of(key), &client, &e);
}

static void
a_made_client_key_is_shown_once_and_opens_the_door(void **state)
{
	const json_t *answer;
	char *key;

	(void)state;
	answer = say("[\"clients\",\"add\"]", NULL, NULL);
	assert_true(is_ok(answer));
	assert_string_equal(text(answer, "label"), "client-1");
	key = mem_dup(text(answer, "key"));
	assert_true(may_enter(key));
	answer = say("[\"clients\",\"list\"]", NULL, NULL);
	struct buf all = BUF_INIT;

	json_print(&all, answer);
	assert_null(strstr(buf_text(&all), key));
	assert_false(world_file_has(&world, "data.mdb", key));
	buf_fini(&all);
	mem_free(key);
}

static void
a_brought_client_key_is_taken_and_not_repeated(void **state)
{
	const json_t *answer;

	(void)state;
	answer = say(
	    "[\"clients\",\"add\"]", "{\"key\":\"-\",\"label\":\"own\"}", "my-own-client-key\n");
	assert_true(is_ok(answer));
	assert_null(json_object_get(answer, "key"));
	assert_true(may_enter("my-own-client-key"));
	is_refused(
	    say("[\"clients\",\"add\"]", "{\"key\":\"-\"}", "my-own-client-key"), false, "\"own\"");
	is_refused(
	    say("[\"clients\",\"add\"]", "{\"key\":\"my-own-client-key\"}", NULL), true, "--key -");
	is_refused(say("[\"clients\",\"add\"]", "{\"key\":\"-\"}", "short"), false, "characters");
	is_refused(say("[\"clients\",\"add\"]", "{\"label\":\"own\"}", NULL), false, "\"own\"");
}

static void
a_disabled_client_stays_outside_and_a_removed_one_is_gone(void **state)
{
	(void)state;
	assert_true(is_ok(say(
	    "[\"clients\",\"add\"]", "{\"key\":\"-\",\"label\":\"own\"}", "my-own-client-key")));
	assert_true(is_ok(say("[\"clients\",\"disable\",\"own\"]", NULL, NULL)));
	assert_false(may_enter("my-own-client-key"));
	assert_true(is_ok(say("[\"clients\",\"enable\",\"own\"]", NULL, NULL)));
	assert_true(may_enter("my-own-client-key"));
	is_refused(
	    say("[\"clients\",\"rm\",\"own\",\"owl\"]", NULL, NULL), false, "nothing was changed");
	assert_true(is_ok(say("[\"clients\",\"rm\",\"own\"]", NULL, NULL)));
	assert_false(may_enter("my-own-client-key"));
	assert_int_equal(count_of(TABLE_CLIENT), 0);
	assert_int_equal(count_of(TABLE_CLIENT_ID), 0);
}

/* The daemon. */

static void
ask_master(const char *words, enum message kind)
{
	forget_answers();
	ask(1, words);
	for (int i = 0; i < TURNS && asked_of_master != kind; i++)
		loop_turn(loop, TURN_MS);
	assert_int_equal(asked_of_master, kind);
	assert_int_equal(asker.count, 0);
}

static void
a_reload_is_answered_as_the_master_answers(void **state)
{
	(void)state;
	ask_master("{\"words\":[\"reload\"]}", MESSAGE_RELOAD);
	link_send(master_end, MESSAGE_DONE, master_id, SPAN_NONE);
	wait_for(1);
	assert_true(is_ok(asker.answers[1]));
	ask_master("{\"words\":[\"drain\"]}", MESSAGE_DRAIN);
	link_send(master_end, MESSAGE_REFUSED, master_id, SPAN("not now"));
	wait_for(1);
	is_refused(asker.answers[1], false, "not now");
}

static void
without_a_master_a_reload_is_refused(void **state)
{
	(void)state;
	link_close(&to_master);
	is_refused(say("[\"reload\"]", NULL, NULL), false, "start polluxd again");
}

static void
a_setting_is_shown_with_where_it_comes_from(void **state)
{
	const json_t *answer;

	(void)state;
	answer = say("[\"config\",\"get\",\"state.dir\"]", NULL, NULL);
	assert_string_equal(text(answer, "value"), world.dir);
	assert_string_equal(text(answer, "origin"), "-D");
	is_refused(say("[\"config\",\"get\",\"state.dri\"]", NULL, NULL), false, "\"state.dir\"");
	answer = say("[\"config\",\"list\"]", NULL, NULL);
	assert_string_equal(
	    text(json_array_get(json_object_get(answer, "settings"), 0), "name"), "server.listen");
}

static void
what_is_open_at_the_end_is_refused(void **state)
{
	(void)state;
	ask_master("{\"words\":[\"reload\"]}", MESSAGE_RELOAD);
	control_fini(&control);
	control_init(&control);
	wait_for(1);
	is_refused(asker.answers[1], false, "try again");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_question_that_cannot_be_read_is_refused),
		CASE(an_unknown_word_gets_the_nearest_one),
		CASE(too_few_and_too_many_arguments_get_the_usage),
		CASE(an_option_of_another_word_is_refused),
		CASE(a_key_among_the_words_is_refused_and_never_repeated),
		CASE(a_made_client_key_is_shown_once_and_opens_the_door),
		CASE(a_brought_client_key_is_taken_and_not_repeated),
		CASE(a_disabled_client_stays_outside_and_a_removed_one_is_gone),
		CASE(a_reload_is_answered_as_the_master_answers),
		CASE(without_a_master_a_reload_is_refused),
		CASE(a_setting_is_shown_with_where_it_comes_from),
		CASE(what_is_open_at_the_end_is_refused),
	};

	return cmocka_run_group_tests_name("proc/control", tests, NULL, NULL);
}
