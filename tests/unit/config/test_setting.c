/* The table of settings: that settings.def is right in itself, and what is done with one setting.
 */
#include "tests/unit/unit.h"

#include "config/config.h"
#include "config/private.h"

static const struct setting *
find(const char *name)
{
	const struct setting *s = setting_find_dotted(span_of(name));

	assert_non_null(s);
	return s;
}

/* Writes one value into a struct of its own; the words of the error, or "" when it was taken. */
static const char *
refusal(const struct setting *s, const char *value)
{
	static struct err e;
	struct arena *arena = arena_new(0);
	struct config c = { 0 };

	e = ERR_INIT;
	(void)setting_write(s, &c, &value, 1, arena, &e);
	arena_free(&arena);
	return e.text;
}

static void
every_default_is_a_value_of_its_setting(void **state)
{
	struct arena *arena = arena_new(0);
	struct config c = { 0 };
	struct config_model m = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < setting_count(); i++)
		if (!setting_write(setting_at(i), &c, &setting_at(i)->def, 1, arena, &e))
			fail_msg("%s: %s", setting_at(i)->name, e.text);
	for (size_t i = 0; i < setting_model_count(); i++)
		if (!setting_write(
			setting_model_at(i), &m, &setting_model_at(i)->def, 1, arena, &e))
			fail_msg("%s: %s", setting_model_at(i)->name, e.text);
	arena_free(&arena);
}

static void
the_ends_of_every_range_are_values_of_their_setting(void **state)
{
	(void)state;
	for (size_t i = 0; i < setting_count(); i++) {
		const struct setting *s = setting_at(i);

		if (s->type != SETTING_INT && s->type != SETTING_DURATION &&
		    s->type != SETTING_BYTES)
			continue;
		assert_string_equal(refusal(s, s->min), "");
		assert_string_equal(refusal(s, s->max), "");
	}
}

static void
no_name_stands_twice_and_every_one_has_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < setting_count(); i++) {
		assert_ptr_equal(setting_find_dotted(span_of(setting_at(i)->name)), setting_at(i));
		assert_true(strlen(setting_at(i)->help) > 10);
	}
	for (size_t i = 0; i < setting_model_count(); i++)
		assert_ptr_equal(setting_find(SPAN("model"), span_of(setting_model_at(i)->key)),
		    setting_model_at(i));
}

/* The file's options are made section by section, in one sweep over the table. */
static void
the_settings_of_a_section_stand_together(void **state)
{
	(void)state;
	for (size_t i = 1; i < setting_count(); i++) {
		const char *section = setting_at(i)->section;

		if (strcmp(section, setting_at(i - 1)->section) == 0)
			continue;
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(section, setting_at(k)->section);
	}
}

static void
what_does_not_exist_is_not_found(void **state)
{
	(void)state;
	assert_true(setting_is_section(SPAN("server")));
	assert_true(setting_is_section(SPAN("model")));
	assert_false(setting_is_section(SPAN("serve")));
	assert_false(setting_is_section(SPAN("")));
	assert_null(setting_find(SPAN("server"), SPAN("level")));
	assert_null(setting_find(SPAN("model"), SPAN("level")));
	assert_null(setting_find_dotted(SPAN("server")));
	assert_null(setting_find_dotted(SPAN("model.alias")));
}

static void
a_dotted_name_is_cut_at_its_dots(void **state)
{
	static const struct {
		const char *name, *section, *model, *key;
	} cases[] = {
		{ "server.listen", "server", NULL, "listen" },
		{ "server.a.b", "server", NULL, "a.b" },
		{ "model.fast.alias", "model", "fast", "alias" },
		{ "model.gemini-2.5-flash.enabled", "model", "gemini-2.5-flash", "enabled" },
		{ "model..alias", "model", "", "alias" },
	};
	static const char *const bad[] = { "", "server", "model", "model.alias" };
	struct span section, model, key;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(setting_split(span_of(cases[i].name), &section, &model, &key));
		assert_true(span_is(section, cases[i].section));
		assert_true(span_is(key, cases[i].key));
		assert_int_equal(model.p == NULL, cases[i].model == NULL);
		assert_true(cases[i].model == NULL || span_is(model, cases[i].model));
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(setting_split(span_of(bad[i]), &section, &model, &key));
}

static void
a_mistyped_name_gets_the_nearest(void **state)
{
	(void)state;
	assert_string_equal(setting_nearest_section(SPAN("sever")), "server");
	assert_string_equal(setting_nearest_section(SPAN("models")), "model");
	assert_null(setting_nearest_section(SPAN("entirely-other")));
	assert_string_equal(setting_nearest(SPAN("server"), SPAN("wrkers")), "server.workers");
	assert_string_equal(setting_nearest(SPAN("model"), SPAN("alis")), "model.alias");
	assert_string_equal(setting_nearest(SPAN("serevr"), SPAN("workers")), "server.workers");
	assert_null(setting_nearest(SPAN("server"), SPAN("something-entirely-other")));
}

static void
the_right_key_in_the_wrong_section_is_shown_its_place(void **state)
{
	(void)state;
	assert_string_equal(setting_nearest(SPAN("server"), SPAN("freeze_min")), "pool.freeze_min");
	assert_string_equal(setting_nearest(SPAN_NONE, SPAN("workers")), "server.workers");
}

static void
names_in_the_environment_follow_from_the_name(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	setting_env_name(find("upstream.first_byte_timeout"), &out);
	assert_string_equal(buf_text(&out), "POLLUX_UPSTREAM_FIRST_BYTE_TIMEOUT");
	buf_fini(&out);
}

static void
values_out_of_range_are_refused_with_the_range(void **state)
{
	(void)state;
	assert_string_equal(
	    refusal(find("server.workers"), "129"), "129 is out of range: 0 to 128");
	assert_string_equal(refusal(find("server.workers"), "-1"), "-1 is out of range: 0 to 128");
	assert_string_equal(
	    refusal(find("server.max_body"), "1"), "\"1\" is out of range: 1 KiB to 4 GiB");
	assert_string_equal(
	    refusal(find("queue.max_wait"), "11m"), "\"11m\" is out of range: 0s to 10m");
}

static void
an_empty_value_is_no_value_where_there_is_no_default(void **state)
{
	(void)state;
	assert_string_equal(refusal(find("upstream.proxy"), ""), "");
	assert_string_equal(refusal(find("state.dir"), "  "), "");
	assert_string_equal(refusal(find("log.target"), ""), "");
	assert_string_not_equal(refusal(find("upstream.gemini_url"), ""), "");
	assert_string_not_equal(refusal(find("server.workers"), ""), "");
	assert_string_not_equal(refusal(find("log.level"), ""), "");
}

static void
a_single_value_is_not_a_list(void **state)
{
	const char *two[] = { "1", "2" };
	struct arena *arena = arena_new(0);
	struct config c = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_false(setting_write(find("server.workers"), &c, two, 2, arena, &e));
	assert_string_equal(e.text, "takes one value, not a list");
	assert_false(setting_write(find("server.workers"), &c, NULL, 0, arena, &e));
	arena_free(&arena);
}

static void
a_list_is_cut_at_commas_and_keeps_no_empty_item(void **state)
{
	const char *values[] = { " 127.0.0.1:1 ,, [::1]:2", "", "*:3," };
	struct arena *arena = arena_new(0);
	struct config c = { 0 };
	struct buf shown = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(setting_write(find("server.listen"), &c, values, 3, arena, &e));
	assert_int_equal(c.server_listen.count, 3);
	assert_string_equal(c.server_listen.items[1], "[::1]:2");
	setting_show(find("server.listen"), &c, &shown);
	assert_string_equal(buf_text(&shown), "127.0.0.1:1, [::1]:2, *:3");
	values[1] = "nonsense";
	assert_false(setting_write(find("server.listen"), &c, values, 3, arena, &e));
	buf_fini(&shown);
	arena_free(&arena);
}

static void
a_value_is_shown_and_equal_to_itself_alone(void **state)
{
	static const struct {
		const char *name, *value, *shown, *other;
	} cases[] = {
		{ "server.workers", "4", "4", "5" },
		{ "server.max_body", "65536", "64 KiB", "65537" },
		{ "server.idle_timeout", "120s", "2m", "121s" },
		{ "server.run_dir", "/run/pollux/", "/run/pollux", "/run" },
		{ "upstream.proxy", "http://u:p@h:1/", "http://u:***@h:1", "http://u:q@h:1" },
		{ "auth.anonymous", "on", "yes", "off" },
		{ "pool.pick", "ORDER", "order", "thompson" },
		{ "pool.auto_disable_after", "30d", "30d", "never" },
		{ "pool.auto_disable_after", "never", "never", "1h" },
		{ "log.debug", "pool,fetch", "pool, fetch", "pool" },
		{ "log.debug", "pool,fetch", "pool, fetch", "pool,fetcher" },
		{ "server.user", "nobody", "nobody", "root" },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct setting *s = find(cases[i].name);
		struct config a = { 0 }, b = { 0 }, c = { 0 };
		struct buf shown = BUF_INIT;
		struct err e = ERR_INIT;

		assert_true(setting_write(s, &a, &cases[i].value, 1, arena, &e));
		assert_true(setting_write(s, &b, &cases[i].value, 1, arena, &e));
		assert_true(setting_write(s, &c, &cases[i].other, 1, arena, &e));
		setting_show(s, &a, &shown);
		assert_string_equal(buf_text(&shown), cases[i].shown);
		assert_true(setting_equal(s, &a, &b));
		assert_false(setting_equal(s, &a, &c));
		buf_fini(&shown);
	}
	arena_free(&arena);
}

static void
only_urls_hold_a_login(void **state)
{
	(void)state;
	assert_true(setting_holds_login(find("upstream.proxy"), SPAN(" http://u:p@h ")));
	assert_false(setting_holds_login(find("upstream.proxy"), SPAN("http://h")));
	assert_false(setting_holds_login(find("server.run_dir"), SPAN("http://u:p@h")));
}

static void
a_wiped_url_is_gone(void **state)
{
	const struct setting *s = find("upstream.proxy");
	const char *value = "http://u:geheim@h";
	struct arena *arena = arena_new(0);
	struct config c = { 0 };
	struct err e = ERR_INIT;
	const char *text;

	(void)state;
	assert_true(setting_write(s, &c, &value, 1, arena, &e));
	text = c.upstream_proxy;
	setting_wipe(s, &c);
	assert_null(c.upstream_proxy);
	assert_string_equal(text, "");
	arena_free(&arena);
}

static void
a_start_is_needed_for_what_is_made_at_the_start(void **state)
{
	(void)state;
	assert_true(find("server.workers")->restart);
	assert_true(find("server.listen")->restart);
	assert_true(find("state.dir")->restart);
	assert_false(find("upstream.proxy")->restart);
	assert_false(find("log.level")->restart);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_is_a_value_of_its_setting),
		cmocka_unit_test(the_ends_of_every_range_are_values_of_their_setting),
		cmocka_unit_test(no_name_stands_twice_and_every_one_has_help),
		cmocka_unit_test(the_settings_of_a_section_stand_together),
		cmocka_unit_test(what_does_not_exist_is_not_found),
		cmocka_unit_test(a_dotted_name_is_cut_at_its_dots),
		cmocka_unit_test(a_mistyped_name_gets_the_nearest),
		cmocka_unit_test(the_right_key_in_the_wrong_section_is_shown_its_place),
		cmocka_unit_test(names_in_the_environment_follow_from_the_name),
		cmocka_unit_test(values_out_of_range_are_refused_with_the_range),
		cmocka_unit_test(an_empty_value_is_no_value_where_there_is_no_default),
		cmocka_unit_test(a_single_value_is_not_a_list),
		cmocka_unit_test(a_list_is_cut_at_commas_and_keeps_no_empty_item),
		cmocka_unit_test(a_value_is_shown_and_equal_to_itself_alone),
		cmocka_unit_test(only_urls_hold_a_login),
		cmocka_unit_test(a_wiped_url_is_gone),
		cmocka_unit_test(a_start_is_needed_for_what_is_made_at_the_start),
	};

	return cmocka_run_group_tests_name("config/setting", tests, NULL, NULL);
}
