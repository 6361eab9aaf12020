/*
 * The first janitor's first work: what came by the environment, and a client when there is none.
 */
#include "tests/unit/proc/world.h"

#include "admit/client.h"
#include "proc/first_run.h"
#include "upstream/credential.h"

#define KEY_A    "AIzaSyTestKeyNumberAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B    "AIzaSyTestKeyNumberBBBBBBBBBBBBBBBBBBBBBB"
#define KEY_C    "AIzaSyTestKeyNumberCCCCCCCCCCCCCCCCCCCCCC"
#define CLIENT_A "client-key-of-the-first"
#define CLIENT_B "client-key-of-the-second"

#define UNLISTED "no longer in the environment"

static struct world world;
static int64_t now_ms = WORLD_NOW; /* each start is a minute later */

static int
setup(void **state)
{
	(void)state;
	world_open(&world);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	world_close(&world);
	return 0;
}

/* A start with these lists; NULL: the variable is not set. */
static bool
start(char **gemini_keys, char **client_keys, struct err *e)
{
	struct config_secrets secrets = { .gemini_keys = gemini_keys,
		.client_keys = client_keys,
		.has_gemini_keys = gemini_keys != NULL };

	world.birth.secrets = &secrets;
	struct first_run run = { .birth = &world.birth,
		.store = world.store,
		.seal = world.seal,
		.board = world.board,
		.now_wall_ms = now_ms += 60000 };
	bool ok = first_run(&run, e);

	world.birth.secrets = NULL;
	return ok;
}

#define LIST(...) ((char *[]){ __VA_ARGS__, NULL })
#define NOTHING   ((char *[]){ NULL })

static void
start_well(char **gemini_keys, char **client_keys)
{
	struct err e = ERR_INIT;

	if (!start(gemini_keys, client_keys, &e))
		fail_msg("%s", e.text);
}

/* "env-1 on, env-2 off: note" in order of creation. */
static void
keys_are(const char *expected)
{
	struct credential_set set;
	struct err e = ERR_INIT;
	struct buf all = BUF_INIT;

	assert_true(credential_set_load(&set, world.store, 0, &e));
	for (size_t i = 0; i < set.count; i++)
		buf_printf(&all, "%s%s %s%s%s", i ? ", " : "", set.items[i].label,
		    set.items[i].enabled ? "on" : "off", set.items[i].note[0] ? ": " : "",
		    set.items[i].note);
	assert_string_equal(buf_text(&all), expected);
	buf_fini(&all);
	credential_set_fini(&set);
}

static void
clients_are(const char *expected)
{
	struct client_list list;
	struct err e = ERR_INIT;
	struct buf all = BUF_INIT;

	assert_true(client_list_load(&list, world.store, &e));
	for (size_t i = 0; i < list.count; i++)
		buf_printf(&all, "%s%s %s", i ? ", " : "", list.items[i].label,
		    list.items[i].enabled ? "on" : "off");
	assert_string_equal(buf_text(&all), expected);
	buf_fini(&all);
	client_list_fini(&list);
}

static bool
may_enter(const char *key)
{
	struct client client;
	struct err e = ERR_INIT;

	return client_identify(world.store, world.seal, span_of(key), &client, &e);
}

static void
change_key(const char *label, bool enabled, const char *note)
{
	struct changes changes = CHANGES_INIT;
	struct credential_set set;
	struct err e = ERR_INIT;

	assert_true(credential_set_load(&set, world.store, 0, &e));
	struct credential *c = credential_set_find(&set, span_of(label));

	assert_non_null(c);
	c->enabled = enabled;
	mem_free(c->note);
	c->note = mem_dup(note);
	changes_put_credential(&changes, c);
	assert_true(changes_commit(&changes, world.store, world.board, &e));
	changes_fini(&changes);
	credential_set_fini(&set);
}

static void
add_by_hand(const char *secret, const char *label)
{
	struct credential c = { .enabled = true,
		.created_wall_ms = WORLD_NOW - 1,
		.label = mem_dup(label),
		.secret = mem_dup(secret),
		.project = mem_dup(""),
		.note = mem_dup("") };
	struct changes changes = CHANGES_INIT;
	struct err e = ERR_INIT;

	credential_make_id(span_of(secret), world.seal, c.id);
	changes_put_credential(&changes, &c);
	assert_true(changes_commit(&changes, world.store, world.board, &e));
	changes_fini(&changes);
	credential_fini(&c);
}

/* Keys of Gemini's. */

static void
keys_of_the_environment_become_records_in_their_order(void **state)
{
	uint64_t before = board_generation(world.board, BOARD_GEN_CREDENTIALS);

	(void)state;
	start_well(LIST(KEY_C, KEY_A, KEY_B), NULL);
	keys_are("env-1 on, env-2 on, env-3 on");
	assert_true(board_generation(world.board, BOARD_GEN_CREDENTIALS) > before);
	assert_false(world_file_has(&world, "data.mdb", KEY_A));
}

static void
a_key_listed_twice_is_one_record(void **state)
{
	(void)state;
	start_well(LIST(KEY_A, " " KEY_A "\n", "", KEY_B), NULL);
	keys_are("env-1 on, env-2 on");
}

static void
a_second_start_with_the_same_list_changes_nothing(void **state)
{
	uint64_t before;

	(void)state;
	start_well(LIST(KEY_A, KEY_B), LIST(CLIENT_A));
	before = board_generation(world.board, BOARD_GEN_CREDENTIALS);
	start_well(LIST(KEY_A, KEY_B), LIST(CLIENT_A));
	keys_are("env-1 on, env-2 on");
	clients_are("env-1 on");
	assert_int_equal(board_generation(world.board, BOARD_GEN_CREDENTIALS), before);
}

static void
a_bad_key_is_left_out_and_the_others_are_taken(void **state)
{
	(void)state;
	start_well(LIST("has a blank", "'" KEY_A "'", "short", KEY_B), NULL);
	keys_are("env-1 on");
}

static void
a_key_that_is_no_longer_listed_is_disabled_and_not_deleted(void **state)
{
	(void)state;
	start_well(LIST(KEY_A, KEY_B), NULL);
	start_well(LIST(KEY_B, KEY_C), NULL);
	keys_are("env-1 off: " UNLISTED ", env-2 on, env-3 on");
}

static void
an_empty_list_disables_all_that_came_by_it(void **state)
{
	(void)state;
	start_well(LIST(KEY_A), NULL);
	start_well(NOTHING, NULL);
	keys_are("env-1 off: " UNLISTED);
}

static void
a_variable_that_is_not_set_leaves_keys_alone(void **state)
{
	(void)state;
	start_well(LIST(KEY_A), NULL);
	start_well(NULL, NULL);
	keys_are("env-1 on");
}

static void
a_key_that_is_listed_again_is_enabled_again(void **state)
{
	(void)state;
	start_well(LIST(KEY_A), NULL);
	start_well(NOTHING, NULL);
	start_well(LIST(KEY_A), NULL);
	keys_are("env-1 on");
}

static void
a_key_that_was_disabled_for_another_cause_stays_so(void **state)
{
	(void)state;
	start_well(LIST(KEY_A), NULL);
	change_key("env-1", false, "key-invalid");
	start_well(LIST(KEY_A), NULL);
	keys_are("env-1 off: key-invalid");
	start_well(NOTHING, NULL);
	keys_are("env-1 off: key-invalid");
}

static void
a_key_that_an_operator_added_stays_his(void **state)
{
	(void)state;
	add_by_hand(KEY_A, "mine");
	start_well(LIST(KEY_A, KEY_B), NULL);
	keys_are("mine on, env-1 on");
	start_well(NOTHING, NULL);
	keys_are("mine on, env-1 off: " UNLISTED);
}

static void
a_label_that_is_taken_is_not_given_again(void **state)
{
	(void)state;
	add_by_hand(KEY_A, "env-1");
	start_well(LIST(KEY_B, KEY_C), NULL);
	keys_are("env-1 on, env-2 on, env-3 on");
}

/* Clients. */

static void
client_keys_of_the_environment_open_the_door(void **state)
{
	(void)state;
	start_well(NULL, LIST(CLIENT_A, " " CLIENT_B, CLIENT_A));
	clients_are("env-1 on, env-2 on");
	assert_true(may_enter(CLIENT_A));
	assert_true(may_enter(CLIENT_B));
	assert_false(may_enter("client-key-of-the-third"));
	assert_false(world_file_has(&world, "data.mdb", CLIENT_A));
	assert_false(world_file_has(&world, "first-run", "client key"));
}

static void
a_client_key_that_is_no_longer_listed_is_disabled(void **state)
{
	(void)state;
	start_well(NULL, LIST(CLIENT_A, CLIENT_B));
	start_well(NULL, LIST(CLIENT_B));
	clients_are("env-1 off, env-2 on");
	assert_false(may_enter(CLIENT_A));
}

static void
a_client_that_was_shut_out_is_not_let_in_by_the_environment(void **state)
{
	(void)state;
	start_well(NULL, LIST(CLIENT_A, CLIENT_B));
	start_well(NULL, LIST(CLIENT_B));
	start_well(NULL, LIST(CLIENT_A, CLIENT_B));
	assert_false(may_enter(CLIENT_A));
}

static void
without_any_client_one_is_made_and_written_to_a_file_of_mode_0600(void **state)
{
	char *path = mem_printf("%s/first-run", world.dir);
	struct stat st;

	(void)state;
	start_well(NULL, NULL);
	clients_are("first-run on");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(world_file_has(&world, "first-run", "client key: plx-"));
	mem_free(path);
}

static void
the_key_in_that_file_opens_the_door(void **state)
{
	char *path = mem_printf("%s/first-run", world.dir);
	char line[256] = "", key[256] = "";
	FILE *f;

	(void)state;
	start_well(NULL, NULL);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "client key: %255s", key);
	fclose(f);
	assert_true(may_enter(key));
	mem_free(path);
}

static void
a_link_in_the_place_of_that_file_is_not_followed(void **state)
{
	char *path = mem_printf("%s/first-run", world.dir);
	char *victim = mem_printf("%s/victim", world.dir);
	int fd = open(victim, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	close(fd);
	assert_int_equal(symlink(victim, path), 0);
	start_well(NULL, NULL);
	assert_false(world_file_has(&world, "victim", "plx-"));
	assert_true(world_file_has(&world, "first-run", "plx-"));
	mem_free(path);
	mem_free(victim);
}

static void
a_later_start_makes_no_second_one(void **state)
{
	(void)state;
	start_well(NULL, NULL);
	start_well(NULL, NULL);
	clients_are("first-run on");
}

static void
a_later_janitor_does_nothing(void **state)
{
	struct first_run run = { .birth = &world.birth,
		.store = world.store,
		.seal = world.seal,
		.board = world.board,
		.now_wall_ms = WORLD_NOW };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(first_run(&run, &e));
	clients_are("");
}

static void
a_door_to_the_world_without_client_keys_stays_shut(void **state)
{
	static const char *const open[] = { "0.0.0.0:8080", "[::]:8080", "192.0.2.7:80" };

	(void)state;
	for (size_t i = 0; i < COUNT(open); i++) {
		struct err e = ERR_INIT;

		world.listen_names[1] = open[i];
		assert_false(start(NULL, NULL, &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_non_null(strstr(e.text, open[i]));
		assert_non_null(strstr(e.text, "POLLUX_CLIENT_KEYS"));
		clients_are("");
	}
}

static void
a_door_to_the_world_opens_with_a_client_key(void **state)
{
	(void)state;
	world.listen_names[0] = "0.0.0.0:8080";
	start_well(NULL, LIST(CLIENT_A));
	start_well(NULL, NULL); /* that client is in the store now */
}

static void
anonymous_in_writing_needs_no_client(void **state)
{
	(void)state;
	world_configure(&world, "auth.anonymous=yes");
	world.listen_names[0] = "0.0.0.0:8080";
	start_well(NULL, NULL);
	clients_are("");
}

static void
the_file_goes_when_its_client_has_gone(void **state)
{
	struct changes changes = CHANGES_INIT;
	struct client_list list;
	struct err e = ERR_INIT;

	(void)state;
	start_well(NULL, NULL);
	first_run_tidy(&world.birth, world.store);
	assert_true(world_file_has(&world, "first-run", "plx-"));
	assert_true(client_list_load(&list, world.store, &e));
	changes_erase_client(&changes, &list.items[0]);
	assert_true(changes_commit(&changes, world.store, world.board, &e));
	changes_fini(&changes);
	client_list_fini(&list);
	first_run_tidy(&world.birth, world.store);
	assert_false(world_file_has(&world, "first-run", "plx-"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(keys_of_the_environment_become_records_in_their_order),
		CASE(a_key_listed_twice_is_one_record),
		CASE(a_second_start_with_the_same_list_changes_nothing),
		CASE(a_bad_key_is_left_out_and_the_others_are_taken),
		CASE(a_key_that_is_no_longer_listed_is_disabled_and_not_deleted),
		CASE(an_empty_list_disables_all_that_came_by_it),
		CASE(a_variable_that_is_not_set_leaves_keys_alone),
		CASE(a_key_that_is_listed_again_is_enabled_again),
		CASE(a_key_that_was_disabled_for_another_cause_stays_so),
		CASE(a_key_that_an_operator_added_stays_his),
		CASE(a_label_that_is_taken_is_not_given_again),
		CASE(client_keys_of_the_environment_open_the_door),
		CASE(a_client_key_that_is_no_longer_listed_is_disabled),
		CASE(a_client_that_was_shut_out_is_not_let_in_by_the_environment),
		CASE(without_any_client_one_is_made_and_written_to_a_file_of_mode_0600),
		CASE(the_key_in_that_file_opens_the_door),
		CASE(a_link_in_the_place_of_that_file_is_not_followed),
		CASE(a_later_start_makes_no_second_one),
		CASE(a_later_janitor_does_nothing),
		CASE(a_door_to_the_world_without_client_keys_stays_shut),
		CASE(a_door_to_the_world_opens_with_a_client_key),
		CASE(anonymous_in_writing_needs_no_client),
		CASE(the_file_goes_when_its_client_has_gone),
	};

	return cmocka_run_group_tests_name("proc/first_run", tests, NULL, NULL);
}
