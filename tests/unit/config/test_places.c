/* Where things are when nobody said. */
#include "tests/unit/unit.h"

#include "config/private.h"

static void
root_uses_the_installed_paths_whatever_the_environment(void **state)
{
	char *env[] = { "HOME=/root", "XDG_RUNTIME_DIR=/run/user/0", "XDG_CONFIG_HOME=/x", NULL };
	struct places p;

	(void)state;
	places_find(&p, true, env);
	assert_string_equal(p.file, POLLUX_SYSCONFDIR "/pollux.conf");
	assert_string_equal(p.state_dir, POLLUX_STATEDIR);
	assert_string_equal(p.run_dir, POLLUX_RUNDIR);
	places_fini(&p);
	assert_null(p.file);
}

static void
others_use_the_xdg_directories(void **state)
{
	char *env[] = { "HOME=/home/u", "XDG_RUNTIME_DIR=/run/user/7", "XDG_CONFIG_HOME=/c",
		"XDG_STATE_HOME=/s", NULL };
	struct places p;

	(void)state;
	places_find(&p, false, env);
	assert_string_equal(p.file, "/c/pollux/pollux.conf");
	assert_string_equal(p.state_dir, "/s/pollux");
	assert_string_equal(p.run_dir, "/run/user/7/pollux");
	places_fini(&p);
}

static void
home_stands_in_for_what_xdg_does_not_say(void **state)
{
	char *env[] = { "HOME=/home/u", NULL };
	struct places p;

	(void)state;
	places_find(&p, false, env);
	assert_string_equal(p.file, "/home/u/.config/pollux/pollux.conf");
	assert_string_equal(p.state_dir, "/home/u/.local/state/pollux");
	assert_string_equal(p.run_dir, "/home/u/.local/state/pollux/run");
	places_fini(&p);
}

static void
relative_paths_in_the_environment_are_passed_over(void **state)
{
	char *env[] = { "HOME=/home/u", "XDG_STATE_HOME=state", "XDG_RUNTIME_DIR=", NULL };
	struct places p;

	(void)state;
	places_find(&p, false, env);
	assert_string_equal(p.state_dir, "/home/u/.local/state/pollux");
	assert_string_equal(p.run_dir, "/home/u/.local/state/pollux/run");
	places_fini(&p);
}

static void
without_home_nothing_can_be_told(void **state)
{
	char *env[] = { "HOME=u", NULL };
	struct places p;

	(void)state;
	places_find(&p, false, env);
	assert_null(p.file);
	assert_null(p.state_dir);
	assert_null(p.run_dir);
	places_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_uses_the_installed_paths_whatever_the_environment),
		cmocka_unit_test(others_use_the_xdg_directories),
		cmocka_unit_test(home_stands_in_for_what_xdg_does_not_say),
		cmocka_unit_test(relative_paths_in_the_environment_are_passed_over),
		cmocka_unit_test(without_home_nothing_can_be_told),
	};

	return cmocka_run_group_tests_name("config/places", tests, NULL, NULL);
}
