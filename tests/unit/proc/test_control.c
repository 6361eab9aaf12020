/*
 * The control socket: every word, from the frame that asks to the frame that answers, on a
 * store and a committer as the janitor has them.
 */
#include "tests/unit/proc/world.h"

#include "base/json.h"
#include "proc/control.h"
#include "tests/unit/net/peer.h"
#include "upstream/credential.h"
#include "upstream/health.h"

#define KEY_A   "AIzaSyTestKeyNumberAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B   "AIzaSyTestKeyNumberBBBBBBBBBBBBBBBBBBBBBB"
#define MODEL   "gemini-2.5-flash"
#define TURNS   2000
#define TURN_MS 1000 /* the most a turn waits when something is still to come */
#define ASKS    4

struct asker {
	struct link *link;
	json_t *answers[ASKS]; /* by the id of the question */
	char refused[256];
	size_t progress;
	size_t count;
};

static struct world world;
static struct loop *loop;
static struct control control;
static struct link *janitor_end, *to_master, *master_end;
static struct asker asker;
static struct peer upstream;
static enum message asked_of_master;
static uint64_t master_id;

/* The world. */

static void
on_answer(void *ctx, struct link *l, struct frame *f)
{
	struct asker *a = ctx;
	struct err e = ERR_INIT;

	(void)l;
	if (f->kind == MESSAGE_PROGRESS) {
		a->progress++;
		return;
	}
	assert_int_equal(f->kind, MESSAGE_DONE);
	assert_true(f->id < ASKS);
	assert_null(a->answers[f->id]);
	a->answers[f->id] = json_parse(f->body, "", &e);
	assert_non_null(a->answers[f->id]);
	a->count++;
}

static void
on_question(void *ctx, struct link *l, struct frame *f)
{
	(void)ctx;
	control_frame(&control, l, f);
}

static void
on_gone(void *ctx, struct link *l, const char *why)
{
	(void)why;
	if (ctx == &control)
		control_forget(&control, l);
	*(l == asker.link ? &asker.link : l == janitor_end ? &janitor_end : &to_master) = NULL;
}

static void
on_master_reply(void *ctx, struct link *l, struct frame *f)
{
	(void)ctx;
	(void)l;
	control_master_replied(&control, f);
}

static void
on_asked_of_master(void *ctx, struct link *l, struct frame *f)
{
	(void)ctx;
	(void)l;
	asked_of_master = f->kind;
	master_id = f->id;
}

static void
on_master_end_gone(void *ctx, struct link *l, const char *why)
{
	(void)ctx;
	(void)l;
	(void)why;
	master_end = NULL;
}

static void
open_links(void)
{
	struct err e = ERR_INIT;
	int pair[2];

	assert_true(link_pair(pair, &e));
	asker = (struct asker){ .link = NULL };
	asker.link = link_open(loop, pair[0], on_answer, on_gone, &asker);
	janitor_end = link_open(loop, pair[1], on_question, on_gone, &control);
	assert_true(link_pair(pair, &e));
	to_master = link_open(loop, pair[0], on_master_reply, on_gone, NULL);
	master_end = link_open(loop, pair[1], on_asked_of_master, on_master_end_gone, NULL);
}

static int
setup(void **state)
{
	struct fetcher_config fc = {
		.proxy = "", .ca_file = "", .user_agent = "test", .max_idle_connections = 1
	};
	struct err e = ERR_INIT;

	(void)state;
	world_open(&world);
	loop = loop_new();
	peer_start(&upstream, loop);
	char *url = mem_printf("upstream.gemini_url=http://127.0.0.1:%d", upstream.port);

	world_configure(&world, url);
	mem_free(url);
	open_links();
	asked_of_master = (enum message)0;
	control = (struct control){ .loop = loop,
		.birth = &world.birth,
		.store = world.store,
		.seal = world.seal,
		.board = world.board,
		.committer = committer_new(loop, world.store, world.board),
		.master = &to_master };
	control.fetcher = fetcher_new(loop, &fc, &e);
	assert_non_null(control.fetcher);
	control_init(&control);
	return 0;
}

static void
forget_answers(void)
{
	for (size_t i = 0; i < ASKS; i++) {
		json_decref(asker.answers[i]);
		asker.answers[i] = NULL;
	}
	asker.count = 0;
	asker.progress = 0;
}

static int
teardown(void **state)
{
	(void)state;
	committer_free(&control.committer);
	control_fini(&control);
	fetcher_free(&control.fetcher);
	peer_stop(&upstream);
	link_close(&asker.link);
	link_close(&janitor_end);
	link_close(&to_master);
	link_close(&master_end);
	loop_free(&loop);
	forget_answers();
	world_close(&world);
	return 0;
}

/* Asking. */

static void
ask(uint64_t id, const char *question)
{
	assert_true(link_send(asker.link, MESSAGE_CONTROL, id, span_of(question)));
}

static void
wait_for(size_t answers)
{
	for (int i = 0; i < TURNS && asker.count < answers; i++)
		loop_turn(loop, TURN_MS);
	assert_int_equal(asker.count, answers);
}

/* The answer to one question; borrowed until the next. */
static const json_t *
said(const char *question)
{
	forget_answers();
	ask(1, question);
	wait_for(1);
	return asker.answers[1];
}

/* words, options and input as JSON texts, NULL: none. */
static const json_t *
say(const char *words, const char *options, const char *input)
{
	json_t *q = json_object();
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	json_object_set_new(q, "words", json_parse(span_of(words), "", &e));
	if (options)
		json_object_set_new(q, "options", json_parse(span_of(options), "", &e));
	if (input)
		json_object_set_new(q, "input", json_string(input));
	json_print(&text, q);
	json_decref(q);
	const json_t *answer = said(buf_text(&text));

	buf_fini(&text);
	return answer;
}

static bool
is_ok(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "ok"));
}

static const char *
text(const json_t *answer, const char *name)
{
	const char *t = json_string_value(json_object_get(answer, name));

	return t ? t : "";
}

static int
number(const json_t *answer, const char *name)
{
	return (int)json_integer_value(json_object_get(answer, name));
}

static void
is_refused(const json_t *answer, bool usage, const char *words)
{
	assert_false(is_ok(answer));
	if (!strstr(text(answer, "error"), words))
		fail_msg("\"%s\" is not in: %s", words, text(answer, "error"));
	assert_int_equal(json_is_true(json_object_get(answer, "usage")), usage);
}

static void
add_key(const char *label, const char *secret)
{
	char *options = mem_printf("{\"label\": \"%s\"}", label);

	assert_true(is_ok(say("[\"keys\",\"add\"]", options, secret)));
	mem_free(options);
}

static size_t
count_of(enum table table)
{
	struct txn t = store_read(world.store);
	size_t n = (size_t)store_count(&t, table);

	store_abort(&t);
	return n;
}

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

/* keys. */

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

static struct credential_set
load_set(void)
{
	struct credential_set set;
	struct err e = ERR_INIT;

	assert_true(credential_set_load(&set, world.store, 0, &e));
	return set;
}

static void
freeze(const char *label, const char *model, int64_t for_ms)
{
	struct credential_set set = load_set();
	struct credential *c = credential_set_find(&set, span_of(label));

	health_freeze(world.board, health_cell(world.board, c->board_key), c->board_key,
	    span_of(model), model[0] == '\0', loop_clock_wall_ms() + for_ms, OUTCOME_QUOTA_MINUTE);
	credential_set_fini(&set);
}

static void
a_frozen_key_says_how_long_and_why_until_it_is_thawed(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	freeze("a", "", 3600000);
	answer = say("[\"keys\",\"show\",\"a\"]", NULL, NULL);
	assert_string_equal(text(answer, "state"), "frozen");
	assert_string_equal(text(answer, "cause"), "minute-quota");
	assert_in_range(number(answer, "frozen_for_s"), 3500, 3600);
	assert_true(is_ok(say("[\"keys\",\"thaw\",\"a\"]", NULL, NULL)));
	assert_int_equal(number(say("[\"keys\",\"show\",\"a\"]", NULL, NULL), "frozen_for_s"), 0);
}

static void
a_freeze_of_one_model_is_shown_for_it(void **state)
{
	const json_t *answer, *model;

	(void)state;
	add_key("a", KEY_A);
	freeze("a", MODEL, 3600000);
	answer = say("[\"keys\",\"show\",\"a\"]", "{\"model\":\"" MODEL "\"}", NULL);
	model = json_object_get(json_object_get(answer, "models"), MODEL);
	assert_in_range(number(model, "frozen_for_s"), 3500, 3600);
	assert_in_range(number(answer, "frozen_for_s"), 3500, 3600);
}

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

/* keys import. */

static void
an_import_gives_one_result_for_each_line(void **state)
{
	static const char *const expected[] = { "added", "added", "duplicate", "refused", "refused",
		"refused" };
	const json_t *answer, *results;

	(void)state;
	add_key("old", KEY_A);
	answer = say("[\"keys\",\"import\"]", NULL,
	    "# mine\n\n"
	    "one,AIzaSyTestKey-1\r\n"
	    "AIzaSyTestKey-2\n"
	    "three," KEY_A "\n"
	    "one,AIzaSyTestKey-3\n"
	    "bad label,AIzaSyTestKey-4\n"
	    "AIzaSy TestKey-5");
	is_refused(answer, false, "3 of 8 lines");
	assert_int_equal(number(answer, "added"), 2);
	assert_int_equal(number(answer, "duplicate"), 1);
	assert_int_equal(number(answer, "refused"), 3);
	results = json_object_get(answer, "results");
	assert_int_equal(json_array_size(results), COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_string_equal(text(json_array_get(results, i), "result"), expected[i]);
		assert_int_equal(number(json_array_get(results, i), "line"), (int)i + 3);
	}
	assert_string_equal(text(json_array_get(results, 2), "label"), "old");
	assert_int_equal(count_of(TABLE_CREDENTIAL), 3);
}

static void
an_import_of_thousands_goes_on_in_small_commits_and_tells_how_far_it_is(void **state)
{
	struct buf lines = BUF_INIT;
	struct credential_set set;
	const json_t *answer;

	(void)state;
	for (int i = 0; i < 3000; i++)
		buf_printf(&lines, "AIzaSyTestKey-%06d\n", i);
	answer = say("[\"keys\",\"import\"]", NULL, buf_text(&lines));
	assert_true(is_ok(answer));
	assert_int_equal(number(answer, "added"), 3000);
	assert_true(asker.progress >= 10);
	assert_int_equal(count_of(TABLE_CREDENTIAL), 3000);
	set = load_set();
	assert_string_equal(
	    set.items[0].secret, "AIzaSyTestKey-000000"); /* in the order of the lines */
	assert_string_equal(set.items[2999].secret, "AIzaSyTestKey-002999");
	credential_set_fini(&set);
	buf_fini(&lines);
}

static void
an_import_of_nothing_is_wrong_usage(void **state)
{
	(void)state;
	is_refused(say("[\"keys\",\"import\"]", NULL, NULL), true, "standard input");
	assert_true(is_ok(say("[\"keys\",\"import\"]", NULL, "# nothing\n\n")));
}

/* keys test. */

static void
answer_as(const char *status, const char *body)
{
	static char answer[4096];
	static struct peer_line line;

	snprintf(answer, sizeof(answer),
	    "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
	    status, strlen(body), body);
	line = (struct peer_line){ .says = answer };
	peer_play(&upstream, &line, 1);
}

static void
a_key_that_works_is_said_to_work(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	answer_as("200 OK", "{\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}");
	answer = say("[\"keys\",\"test\",\"a\"]", NULL, NULL);
	assert_true(is_ok(answer));
	assert_string_equal(text(answer, "outcome"), "ok");
	assert_string_equal(text(answer, "model"), "gemini-2.5-flash-lite");
	assert_non_null(strstr(buf_text(&upstream.request), "x-goog-api-key: " KEY_A));
	assert_non_null(strstr(buf_text(&upstream.request), "\"maxOutputTokens\":1"));
	assert_null(strstr(buf_text(&upstream.request), "?key="));
}

static void
a_key_that_does_not_says_why_in_googles_words_without_keys(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	answer_as("400 Bad Request",
	    "{\"error\":{\"code\":400,\"message\":\"API key not valid: " KEY_A
	    "\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":"
	    "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\"}]}}");
	answer = say("[\"keys\",\"test\",\"a\"]", "{\"model\":\"models/" MODEL "\"}", NULL);
	is_refused(answer, false, "API key not valid");
	assert_string_equal(text(answer, "outcome"), "key-invalid");
	assert_string_equal(text(answer, "model"), MODEL);
	assert_null(strstr(text(answer, "error"), KEY_A));
	assert_null(strstr(text(answer, "message"), KEY_A));
}

static void
a_test_counts_for_nothing(void **state)
{
	const json_t *answer;

	(void)state;
	add_key("a", KEY_A);
	answer_as("401 Unauthorized",
	    "{\"error\":{\"code\":401,\"message\":\"no\",\"status\":\"UNAUTHENTICATED\"}}");
	assert_false(is_ok(say("[\"keys\",\"test\",\"a\"]", NULL, NULL)));
	answer = say("[\"keys\",\"show\",\"a\"]", NULL, NULL);
	assert_string_equal(text(answer, "state"), "enabled");
	assert_int_equal(number(answer, "failures"), 0);
	assert_int_equal(number(answer, "successes"), 0);
}

static void
what_answers_but_is_not_gemini_is_no_success(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	answer_as("200 OK", "<html>Welcome</html>");
	is_refused(say("[\"keys\",\"test\",\"a\"]", NULL, NULL), false, "not Gemini");
}

static void
a_name_that_is_no_models_is_not_sent(void **state)
{
	(void)state;
	add_key("a", KEY_A);
	is_refused(
	    say("[\"keys\",\"test\",\"a\"]", "{\"model\":\"x/../y?z\"}", NULL), true, "--model");
	is_refused(say("[\"keys\",\"test\",\"b\"]", NULL, NULL), false, "no Gemini key");
	assert_int_equal(upstream.requests, 0);
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
status_counts_keys_and_clients_by_state(void **state)
{
	const json_t *answer, *keys;

	(void)state;
	add_key("a", KEY_A);
	add_key("b", KEY_B);
	freeze("b", "", 60000);
	assert_true(is_ok(say("[\"clients\",\"add\"]", NULL, NULL)));
	answer = say("[\"status\"]", NULL, NULL);
	assert_true(is_ok(answer));
	keys = json_object_get(answer, "keys");
	assert_int_equal(number(keys, "enabled"), 1);
	assert_int_equal(number(keys, "frozen"), 1);
	assert_int_equal(number(keys, "disabled"), 0);
	assert_int_equal(number(json_object_get(answer, "clients"), "enabled"), 1);
	assert_string_equal(text(answer, "version"), PACKAGE_VERSION);
	assert_int_equal(json_array_size(json_object_get(answer, "processes")), 2);
	assert_true(
	    json_is_integer(json_object_get(json_object_get(answer, "counts"), "requests")));
}

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_question_that_cannot_be_read_is_refused),
		CASE(an_unknown_word_gets_the_nearest_one),
		CASE(too_few_and_too_many_arguments_get_the_usage),
		CASE(an_option_of_another_word_is_refused),
		CASE(a_key_among_the_words_is_refused_and_never_repeated),
		CASE(an_added_key_is_in_the_store_when_it_is_answered),
		CASE(a_key_without_a_label_gets_a_free_one),
		CASE(a_key_that_is_there_is_refused_by_its_label),
		CASE(what_is_no_key_or_no_label_is_refused),
		CASE(a_list_shows_a_hint_and_never_the_key),
		CASE(a_frozen_key_says_how_long_and_why_until_it_is_thawed),
		CASE(a_freeze_of_one_model_is_shown_for_it),
		CASE(keys_are_disabled_and_enabled_by_label_or_id),
		CASE(one_unknown_label_among_several_changes_nothing),
		CASE(an_unknown_label_that_is_long_is_not_repeated),
		CASE(two_that_add_at_once_do_not_get_the_same_label),
		CASE(one_who_leaves_has_still_been_served),
		CASE(an_import_gives_one_result_for_each_line),
		CASE(an_import_of_thousands_goes_on_in_small_commits_and_tells_how_far_it_is),
		CASE(an_import_of_nothing_is_wrong_usage),
		CASE(a_key_that_works_is_said_to_work),
		CASE(a_key_that_does_not_says_why_in_googles_words_without_keys),
		CASE(a_test_counts_for_nothing),
		CASE(what_answers_but_is_not_gemini_is_no_success),
		CASE(a_name_that_is_no_models_is_not_sent),
		CASE(a_made_client_key_is_shown_once_and_opens_the_door),
		CASE(a_brought_client_key_is_taken_and_not_repeated),
		CASE(a_disabled_client_stays_outside_and_a_removed_one_is_gone),
		CASE(status_counts_keys_and_clients_by_state),
		CASE(a_reload_is_answered_as_the_master_answers),
		CASE(without_a_master_a_reload_is_refused),
		CASE(a_setting_is_shown_with_where_it_comes_from),
		CASE(what_is_open_at_the_end_is_refused),
	};

	return cmocka_run_group_tests_name("proc/control", tests, NULL, NULL);
}
