/* What -D takes and what it refuses. */
#include "tests/unit/unit.h"

#include "config/private.h"

static void
a_setting_is_taken_as_it_stands(void **state)
{
	static const struct {
		const char *text, *name, *model, *value;
	} cases[] = {
		{ "server.workers=3", "server.workers", NULL, "3" },
		{ "server.listen=a:1,b:2", "server.listen", NULL, "a:1,b:2" },
		{ "log.target=", "log.target", NULL, "" },
		{ "upstream.proxy=http://p:1", "upstream.proxy", NULL, "http://p:1" },
		{ "upstream.gemini_url=http://a/?x=y", "upstream.gemini_url", NULL,
		    "http://a/?x=y" },
		{ "model.gemini-2.5-flash.enabled=no", "model.enabled", "gemini-2.5-flash", "no" },
		{ "model.fast.alias=gemini-2.5-flash", "model.alias", "fast", "gemini-2.5-flash" },
		{ "model..enabled=no", "model.enabled", "", "no" },
		{ " server.workers =3", "server.workers", NULL, "3" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct entries es;
		struct faults fs = { NULL, 0, 0 };

		entries_init(&es);
		override_read(cases[i].text, &es, &fs);
		assert_int_equal(fs.count, 0);
		assert_int_equal(es.count, 1);
		assert_string_equal(es.items[0].setting->name, cases[i].name);
		assert_string_equal(es.items[0].origin, "-D");
		assert_int_equal(es.items[0].count, 1);
		assert_string_equal(es.items[0].values[0], cases[i].value);
		if (cases[i].model == NULL)
			assert_null(es.items[0].model);
		else
			assert_string_equal(es.items[0].model, cases[i].model);
		entries_fini(&es);
	}
}

static void
what_is_not_understood_is_an_error(void **state)
{
	static const char form[] = "-D wants section.key=value or model.NAME.key=value";
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "", form },
		{ "=", form },
		{ "server.workers", form },
		{ "workers=3", form },
		{ "model.enabled=no", form },
		{ "server.wrkers=3",
		    "-D: there is no setting \"server.wrkers\"; did you mean server.workers" },
		{ "serer.workers=3",
		    "-D: there is no setting \"serer.workers\"; did you mean server.workers" },
		{ "server.freeze_min=1s",
		    "-D: there is no setting \"server.freeze_min\"; did you mean pool.freeze_min" },
		{ "model.x.alis=y",
		    "-D: there is no setting \"model.x.alis\"; did you mean model.alias" },
		{ "server.workers.x=3",
		    "-D: there is no setting \"server.workers.x\"; did you mean server.workers" },
		{ "a.b=c", "-D: there is no setting \"a.b\"" },
		{ "model.x.colour=3", "-D: there is no setting \"model.x.colour\"" },
		{ ".=", "-D: there is no setting \".\"" },
		{ "a\n.b=c", "-D: there is no setting \"a?.b\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct entries es;
		struct faults fs = { NULL, 0, 0 };

		entries_init(&es);
		override_read(cases[i].text, &es, &fs);
		assert_int_equal(es.count, 0);
		assert_int_equal(fs.count, 1);
		assert_true(fs.items[0].is_error);
		assert_string_equal(fs.items[0].text, cases[i].said);
		faults_fini(&fs);
		entries_fini(&es);
	}
}

/* Everyone on the machine can read the command line. */
static void
a_password_is_refused_and_not_repeated(void **state)
{
	static const char *const texts[] = { "upstream.proxy=http://u:geheim@p",
		"upstream.proxy= http://geheim@p", "upstream.gemini_url=http://u:geheim@p" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct entries es;
		struct faults fs = { NULL, 0, 0 };

		entries_init(&es);
		override_read(texts[i], &es, &fs);
		assert_int_equal(es.count, 0);
		assert_int_equal(fs.errors, 1);
		assert_non_null(
		    strstr(fs.items[0].text, "a password does not belong on the command line"));
		assert_null(strstr(fs.items[0].text, "geheim"));
		faults_fini(&fs);
		entries_fini(&es);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_setting_is_taken_as_it_stands),
		cmocka_unit_test(what_is_not_understood_is_an_error),
		cmocka_unit_test(a_password_is_refused_and_not_repeated),
	};

	return cmocka_run_group_tests_name("config/override", tests, NULL, NULL);
}
