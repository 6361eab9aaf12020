/* The environment: which variables count, as what, and what happens to the keys in it. */
#include "tests/unit/unit.h"

#include "config/config.h"
#include "config/private.h"

#define ENV_MOST 8

struct read {
	struct entries entries;
	struct config_secrets secrets;
	struct faults faults;
	struct buf found, said;
};

static struct read
read_env(const char *const *vars)
{
	struct read r = { { NULL, NULL, 0, 0 }, { NULL, NULL, false }, { NULL, 0, 0 }, BUF_INIT,
		BUF_INIT };
	char *env[ENV_MOST + 1] = { NULL };

	for (size_t i = 0; i < ENV_MOST && vars[i] != NULL; i++)
		env[i] = mem_dup(vars[i]);
	entries_init(&r.entries);
	environ_read(env, &r.entries, &r.secrets, &r.faults);
	for (size_t i = 0; env[i] != NULL; i++)
		mem_free(env[i]);
	for (size_t i = 0; i < r.entries.count; i++)
		buf_printf(&r.found, "%s=%s (%s) ", r.entries.items[i].setting->name,
		    r.entries.items[i].values[0], r.entries.items[i].origin);
	for (size_t i = 0; i < r.faults.count; i++)
		buf_printf(&r.said, "%s%s\n", r.faults.items[i].is_error ? "" : "warning ",
		    r.faults.items[i].text);
	return r;
}

static void
read_fini(struct read *r)
{
	entries_fini(&r->entries);
	config_secrets_wipe(&r->secrets);
	faults_fini(&r->faults);
	buf_fini(&r->found);
	buf_fini(&r->said);
}

static void
variables_become_settings(void **state)
{
	static const struct {
		const char *vars[ENV_MOST];
		const char *found;
	} cases[] = {
		{ { NULL }, "" },
		{ { "PATH=/bin", "HOME=/root" }, "" },
		{ { "POLLUX_SERVER_WORKERS=3" },
		    "server.workers=3 (environment POLLUX_SERVER_WORKERS) " },
		{ { "POLLUX_UPSTREAM_FIRST_BYTE_TIMEOUT=1m" },
		    "upstream.first_byte_timeout=1m (environment "
		    "POLLUX_UPSTREAM_FIRST_BYTE_TIMEOUT) " },
		{ { "PORT=9000" }, "server.listen=127.0.0.1:9000 (environment PORT) " },
		{ { "HOST=0.0.0.0", "PORT=9000" },
		    "server.listen=0.0.0.0:9000 (environment HOST and PORT) " },
		{ { "HOST=::1", "PORT=9000" },
		    "server.listen=[::1]:9000 (environment HOST and PORT) " },
		{ { "HOST=[::1]", "PORT=9000" },
		    "server.listen=[::1]:9000 (environment HOST and PORT) " },
		{ { "HOST=", "PORT=9000" }, "server.listen=127.0.0.1:9000 (environment PORT) " },
		{ { "HOST=myhost" }, "" },
		{ { "HOST=x86_64-linux-gnu", "PORT=tcp://10.0.0.1:80" }, "" },
		{ { "PORT=" }, "" },
		{ { "PORT=-1" }, "" },
		{ { "PROXY=socks5://p:1080" },
		    "upstream.proxy=socks5://p:1080 (environment PROXY) " },
		{ { "QUEUE_MAX_WAIT_MS=1500" },
		    "queue.max_wait=1500ms (environment QUEUE_MAX_WAIT_MS) " },
		{ { "OAUTH_CLIENT_ID=x", "REDIS_URL=y", "SECRET_KEY=z", "PASSWORD=geheim" }, "" },
		{ { "POLLUX_CLIENT_KEYS=a", "POLLUX_SOCKET=/run/x" }, "" },
		{ { "POLLUX_SERVER_WORKERS=" }, "" },
		{ { "XPOLLUX_SERVER_WORKERS=1", "pollux_server_workers=1" }, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct read r = read_env(cases[i].vars);

		assert_string_equal(buf_text(&r.found), cases[i].found);
		assert_string_equal(buf_text(&r.said), "");
		read_fini(&r);
	}
}

/* The later entry counts, so the settings' own names have to come last. */
static void
a_setting_s_own_name_beats_the_known_one(void **state)
{
	const char *vars[] = { "POLLUX_SERVER_LISTEN=a:1,b:2", "PORT=9000",
		"POLLUX_QUEUE_MAX_WAIT=1s", "QUEUE_MAX_WAIT_MS=7", NULL };
	struct read r = read_env(vars);

	(void)state;
	assert_string_equal(r.entries.items[0].values[0], "127.0.0.1:9000");
	assert_string_equal(r.entries.items[1].values[0], "7ms");
	assert_string_equal(r.entries.items[2].values[0], "a:1,b:2");
	assert_string_equal(r.entries.items[3].values[0], "1s");
	read_fini(&r);
}

static void
unknown_names_of_ours_are_warnings_with_the_nearest(void **state)
{
	const char *vars[] = { "POLLUX_SERVER_WRKERS=3", "POLLUX_PORT_8080_TCP_ADDR=10.0.0.1",
		"POLLUX_CLIENT_KEY=geheim", "POLLUX_=geheim", "POLLUX_X\ny=1", NULL };
	struct read r = read_env(vars);

	(void)state;
	assert_string_equal(buf_text(&r.said),
	    "warning environment: there is no setting \"POLLUX_SERVER_WRKERS\"; "
	    "did you mean POLLUX_SERVER_WORKERS\n"
	    "warning environment: there is no setting \"POLLUX_PORT_8080_TCP_ADDR\"\n"
	    "warning environment: there is no setting \"POLLUX_CLIENT_KEY\"; "
	    "did you mean POLLUX_CLIENT_KEYS\n"
	    "warning environment: there is no setting \"POLLUX_\"\n"
	    "warning environment: there is no setting \"POLLUX_X?y\"\n");
	assert_int_equal(r.faults.errors, 0);
	read_fini(&r);
}

static void
a_wait_that_is_no_number_is_an_error(void **state)
{
	static const char *const bad[] = { "30s", "-1", "1.5", "x" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char *var = mem_printf("QUEUE_MAX_WAIT_MS=%s", bad[i]);
		const char *vars[] = { var, NULL };
		struct read r = read_env(vars);

		assert_int_equal(r.faults.errors, 1);
		assert_non_null(strstr(buf_text(&r.said), "is not a number of milliseconds"));
		read_fini(&r);
		mem_free(var);
	}
}

static void
keys_are_cut_at_commas_and_each_taken_once(void **state)
{
	const char *vars[] = { "GEMINI_API_KEYS= k1,k2,, k3\n,k1 ,", "POLLUX_CLIENT_KEYS=c1",
		NULL };
	struct read r = read_env(vars);

	(void)state;
	assert_true(r.secrets.has_gemini_keys);
	assert_string_equal(r.secrets.gemini_keys[0], "k1");
	assert_string_equal(r.secrets.gemini_keys[1], "k2");
	assert_string_equal(r.secrets.gemini_keys[2], "k3");
	assert_null(r.secrets.gemini_keys[3]);
	assert_string_equal(r.secrets.client_keys[0], "c1");
	assert_null(r.secrets.client_keys[1]);
	assert_string_equal(buf_text(&r.said), "");
	assert_int_equal(r.entries.count, 0);
	read_fini(&r);
	assert_null(r.secrets.gemini_keys);
}

static void
an_empty_list_of_keys_is_told_from_none(void **state)
{
	const char *empty[] = { "GEMINI_API_KEYS=", NULL }, *none[] = { "GEMINI_API_KEY=k", NULL };
	struct read r = read_env(empty);

	(void)state;
	assert_true(r.secrets.has_gemini_keys);
	assert_null(r.secrets.gemini_keys);
	read_fini(&r);
	r = read_env(none);
	assert_false(r.secrets.has_gemini_keys);
	assert_null(r.secrets.gemini_keys);
	read_fini(&r);
}

static void
a_key_with_odd_letters_is_an_error_that_does_not_show_it(void **state)
{
	const char *vars[] = { "GEMINI_API_KEYS=k1,ge heim,k2", "POLLUX_CLIENT_KEYS=gehe\xc3\xaem",
		NULL };
	struct read r = read_env(vars);

	(void)state;
	assert_int_equal(r.faults.errors, 2);
	assert_string_equal(buf_text(&r.said),
	    "environment GEMINI_API_KEYS: number 2 has a character in it that no key has\n"
	    "environment POLLUX_CLIENT_KEYS: number 1 has a character in it that no key has\n");
	read_fini(&r);
}

static void
a_variable_is_found_by_its_whole_name(void **state)
{
	char *env[] = { "HOMER=1", "HOME", "HOME=2", "HOME=3", NULL };

	(void)state;
	assert_string_equal(environ_get(env, "HOME"), "2");
	assert_null(environ_get(env, "HOM"));
	assert_null(environ_get(NULL, "HOME"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_become_settings),
		cmocka_unit_test(a_setting_s_own_name_beats_the_known_one),
		cmocka_unit_test(unknown_names_of_ours_are_warnings_with_the_nearest),
		cmocka_unit_test(a_wait_that_is_no_number_is_an_error),
		cmocka_unit_test(keys_are_cut_at_commas_and_each_taken_once),
		cmocka_unit_test(an_empty_list_of_keys_is_told_from_none),
		cmocka_unit_test(a_key_with_odd_letters_is_an_error_that_does_not_show_it),
		cmocka_unit_test(a_variable_is_found_by_its_whole_name),
	};

	return cmocka_run_group_tests_name("config/environ", tests, NULL, NULL);
}
