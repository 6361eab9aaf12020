/* The configuration file: what is read out of it, with which lines, and what is said of its faults.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/private.h"

struct parsed {
	struct entries entries;
	struct faults faults;
	struct buf found; /* "server.workers=3@1 " for each entry */
	struct buf said;  /* the faults in order, a line each */
};

static struct parsed
parse(struct span text)
{
	struct parsed p = { { NULL, NULL, 0, 0 }, { NULL, 0, 0 }, BUF_INIT, BUF_INIT };

	entries_init(&p.entries);
	file_parse(text, "f", &p.entries, &p.faults);
	faults_sort(&p.faults);
	for (size_t i = 0; i < p.entries.count; i++) {
		const struct entry *e = &p.entries.items[i];

		if (e->model != NULL)
			buf_printf(&p.found, "[%s]", e->model);
		if (e->setting != NULL)
			buf_printf(&p.found, "%s", e->setting->name);
		for (size_t k = 0; k < e->count; k++)
			buf_printf(&p.found, "%c%s", k == 0 ? '=' : '|', e->values[k]);
		buf_printf(&p.found, "@%d ", e->line);
	}
	for (size_t i = 0; i < p.faults.count; i++)
		buf_printf(&p.said, "%s%s\n", p.faults.items[i].is_error ? "" : "warning ",
		    p.faults.items[i].text);
	return p;
}

static void
parsed_fini(struct parsed *p)
{
	entries_fini(&p->entries);
	faults_fini(&p->faults);
	buf_fini(&p->found);
	buf_fini(&p->said);
}

static void
settings_are_found_with_their_lines(void **state)
{
	static const struct {
		const char *text, *found;
	} cases[] = {
		{ "", "" },
		{ "# nothing\n", "" },
		{ "server { workers = 3 }", "server.workers=3@1 " },
		{ "server {\n\tworkers = 3\n\n\tuser = \"nobody\"\n}\nlog { level = debug }",
		    "server.workers=3@2 server.user=nobody@4 log.level=debug@6 " },
		{ "server\n{\nworkers\n=\n3\n}", "server.workers=3@5 " },
		{ "server { listen = {\"a:1\",\n \"b:2\"} }", "server.listen=a:1|b:2@1 " },
		{ "server { listen = {'a:1', b:2,} }", "server.listen=a:1|b:2@1 " },
		{ "server { listen = a:1 }", "server.listen=a:1@1 " },
		{ "server { listen = {a:1}\n listen += b:2 }", "server.listen=a:1|b:2@1 " },
		{ "server { listen = {a:1}\n workers = 2 listen += {b:2, c:3} }",
		    "server.listen=a:1|b:2|c:3@1 server.workers=2@2 " },
		{ "log { debug = {} }", "log.debug=@1 " },
		{ "server { # x\n listen = { # y\n a:1, # z\n /* w\n */ b:2 } }\nlog { level = "
		  "info }",
		    "server.listen=a:1|b:2@3 log.level=info@6 " },
		{ "upstream { proxy = http://p:3128/ }", "upstream.proxy=http://p:3128/@1 " },
		{ "log { target = '/a\\b\"c' }", "log.target=/a\\b\"c@1 " },
		{ "log { target = \"/a\\\\b\\\"c\\${d}\" }", "log.target=/a\\b\"c${d}@1 " },
		{ "log { target = ~/pollux.log }", "log.target=~/pollux.log@1 " },
		{ "server { workers = {1, 2} }", "server.workers=1|2@1 " },
		{ "server { workers = 1 }\nserver { user = x }",
		    "server.workers=1@1 server.user=x@2 " },
		{ "server{workers=1}log{level=info}", "server.workers=1@1 log.level=info@1 " },
		{ "\"server\" { 'workers' = 1 }", "server.workers=1@1 " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct parsed p = parse(span_of(cases[i].text));

		assert_string_equal(buf_text(&p.said), "");
		assert_string_equal(buf_text(&p.found), cases[i].found);
		parsed_fini(&p);
	}
}

static void
each_model_has_a_block_even_an_empty_one(void **state)
{
	struct parsed p = parse(SPAN("model \"fast one\" {\n alias = gemini-2.5-flash\n}\n"
				     "model b { }\nmodel \"fast one\" { enabled = no }"));

	(void)state;
	assert_string_equal(buf_text(&p.said), "");
	assert_string_equal(buf_text(&p.found), "[fast one]model.alias=gemini-2.5-flash@2 "
						"[fast one]model.enabled=no@5 [fast one]@5 [b]@4 ");
	parsed_fini(&p);
}

static void
an_origin_says_file_and_line(void **state)
{
	struct parsed p = parse(SPAN("log {\n level = info }"));

	(void)state;
	assert_string_equal(p.entries.items[0].origin, "file f:2");
	parsed_fini(&p);
}

static void
every_unknown_name_is_said_with_its_line_and_the_nearest(void **state)
{
	struct parsed p = parse(SPAN("server {\n"
				     "	wrkers = 3\n"
				     "	max_bdy = {\"a\", \"b\"}\n"
				     "	workers = 4 }\n"
				     "sever {\n"
				     "	workers = 9\n"
				     "	listen = { \"}\" }\n"
				     "}\n"
				     "log { level = info colour = yes }\n"
				     "include(\"x\")\n"));

	(void)state;
	assert_string_equal(buf_text(&p.said),
	    "f:2: there is no setting \"wrkers\" in section server; did you mean server.workers\n"
	    "f:3: there is no setting \"max_bdy\" in section server; did you mean server.max_body\n"
	    "f:5: there is no section \"sever\"; did you mean server\n"
	    "f:9: there is no setting \"colour\" in section log\n"
	    "f:10: not of the form NAME = VALUE or NAME = { VALUE, ... }\n");
	assert_string_equal(buf_text(&p.found), "server.workers=4@4 log.level=info@9 ");
	parsed_fini(&p);
}

static void
unknown_names_are_said_wherever_they_stand(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "workers = 3", "f:1: \"workers\" stands outside of every section\n" },
		{ "a = 1\nb = 2", "f:1: \"a\" stands outside of every section\n"
				  "f:2: \"b\" stands outside of every section\n" },
		{ "weather { bar { baz = 1 } qux = {1} }",
		    "f:1: there is no section \"weather\"\n" },
		{ "weather \"title\" { bar = 1 }", "f:1: there is no section \"weather\"\n" },
		{ "model x { colour = 3 }",
		    "f:1: there is no setting \"colour\" in section model\n" },
		{ "model x {\n alis = y }", "f:2: there is no setting \"alis\" in section model; "
					    "did you mean model.alias\n" },
		{ "server { freeze_min = 1s }", "f:1: there is no setting \"freeze_min\" in "
						"section server; did you mean pool.freeze_min\n" },
		{ "server|workers = 3",
		    "f:1: \"server|workers\" stands outside of every section\n" },
		{ "\"model=x|alias\" = y",
		    "f:1: \"model=x|alias\" stands outside of every section\n" },
		{ "server { \"\" = 3 }", "f:1: there is no setting \"\" in section server\n" },
		{ "server { \"work\\\\ers\" = 3 }",
		    "f:1: there is no setting \"work\\\\ers\" in section server; did you mean "
		    "server.workers\n" },
		{ "\xff\xfe = 1", "f:1: \"??\" stands outside of every section\n" },
		{ "server { nothing { } workers = 1 }", "f:1: there is no section \"nothing\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct parsed p = parse(span_of(cases[i].text));

		assert_string_equal(buf_text(&p.said), cases[i].said);
		parsed_fini(&p);
	}
}

static void
faults_of_form_are_said_with_their_line(void **state)
{
	static const char form[] = "not of the form NAME = VALUE or NAME = { VALUE, ... }\n";
	static const struct {
		const char *text;
		int line;
		const char *said; /* NULL: form */
	} cases[] = {
		{ "server {\n workers = 3\n", 1, "section server is not closed\n" },
		{ "}", 1, "unexpected closing brace\n" },
		{ "server { workers = 3 }\n\n}", 3, "unexpected closing brace\n" },
		{ "server {\n workers 3\n}", 2, "missing equal sign after option 'workers'\n" },
		{ "server\nworkers = 3", 2, "missing opening brace for section 'server'\n" },
		{ "server = 3", 1, "\"server\" stands outside of every section\n" },
		{ "model { alias = x }", 1, "missing title for section 'model'\n" },
		{ "server \"a\" { }", 1, "missing opening brace for section 'server'\n" },
		{ "server {\n workers = \n}", 3, NULL },
		{ "server { workers = = 3 }", 1, NULL },
		{ "server { workers = (3) }", 1, NULL },
		{ "server {\n workers = {{3}} }", 2, NULL },
		{ "server { workers = 3, user = x }", 1, NULL },
		{ "{", 1, NULL },
		{ "= 3", 1, NULL },
		{ "server", 1, "premature end of file\n" },
		{ "server { workers", 1, "premature end of file\n" },
		{ "server {\n workers = 1\n\npool {\n freeze_min = 1s }", 4,
		    "section pool begins inside section server of line 1, which is not closed\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct parsed p = parse(span_of(cases[i].text));
		char *said = mem_printf(
		    "f:%d: %s", cases[i].line, cases[i].said == NULL ? form : cases[i].said);

		assert_string_equal(buf_text(&p.said), said);
		mem_free(said);
		parsed_fini(&p);
	}
}

static void
a_value_of_several_words_is_one_fault(void **state)
{
	struct parsed p = parse(SPAN("server {\n max_body = 64 Ki B user = x\n workers = 2\n}"));

	(void)state;
	assert_string_equal(
	    buf_text(&p.said), "f:2: a value of several words must stand in quotes\n");
	assert_string_equal(buf_text(&p.found), "server.user=x@2 server.workers=2@3 ");
	parsed_fini(&p);
}

static void
a_stray_word_is_one_fault(void **state)
{
	struct parsed p = parse(SPAN("server {\n workers = 2\n stray word\n another\n}"));

	(void)state;
	assert_string_equal(buf_text(&p.said),
	    "f:3: not of the form NAME = VALUE or NAME = { VALUE, ... }\n"
	    "f:4: not of the form NAME = VALUE or NAME = { VALUE, ... }\n");
	assert_string_equal(buf_text(&p.found), "server.workers=2@2 ");
	parsed_fini(&p);
}

static void
what_stands_before_a_fault_of_form_is_still_read(void **state)
{
	struct parsed p = parse(SPAN("server { workers = 1\n wrkers = 2\nlog { level = info"));

	(void)state;
	assert_string_equal(buf_text(&p.found), "server.workers=1@1 ");
	assert_int_equal(p.faults.errors, 2);
	parsed_fini(&p);
}

static void
a_setting_that_stands_twice_is_a_warning(void **state)
{
	struct parsed p = parse(SPAN("server { workers = 1\n workers = 2 }\nmodel a { alias = b }\n"
				     "model a { alias = c }\nmodel b { alias = c }"));

	(void)state;
	assert_string_equal(buf_text(&p.said),
	    "warning f:2: server.workers is set a second time; line 1 does not count\n"
	    "warning f:4: model.alias is set a second time; line 3 does not count\n");
	assert_int_equal(p.faults.errors, 0);
	parsed_fini(&p);
}

static void
no_fault_of_form_quotes_a_value(void **state)
{
	static const char *const texts[] = {
		"upstream { proxy = \"x\" \"http://u:geheim@p\" }",
		"upstream { proxy \"http://u:geheim@p\" }",
		"upstream { proxy = { \"x\" \"http://u:geheim@p\" } }",
		"upstream { proxy = http://u:geheim@p http://u:geheim@p }",
		"upstream \"http://u:geheim@p\" = x",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct parsed p = parse(span_of(texts[i]));

		assert_int_not_equal(p.faults.errors, 0);
		assert_null(strstr(buf_text(&p.said), "geheim"));
		parsed_fini(&p);
	}
}

/* libconfuse would put the variable's value in its place. */
static void
the_environment_does_not_reach_into_the_file(void **state)
{
	struct parsed p = parse(SPAN("server { user = \"${HOME}\" group = '${HOME}' }"));

	(void)state;
	assert_string_equal(buf_text(&p.found), "server.user=${HOME}@1 server.group=${HOME}@1 ");
	assert_int_equal(p.faults.errors, 1);
	parsed_fini(&p);
}

static void
deep_nesting_is_a_fault_and_no_crash(void **state)
{
	struct buf text = BUF_INIT;
	struct parsed p;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_add_lit(&text, "a {");
	p = parse(buf_span(&text));
	assert_int_equal(p.faults.errors, 1);
	parsed_fini(&p);
	buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		buf_add_lit(&text, "server {");
	p = parse(buf_span(&text));
	assert_int_equal(p.faults.errors, 1);
	parsed_fini(&p);
	buf_fini(&text);
}

static void
a_list_of_many_items_is_read(void **state)
{
	struct buf text = BUF_INIT;
	struct parsed p;

	(void)state;
	buf_add_lit(&text, "log { debug = {");
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "s%d, ", i);
	buf_add_lit(&text, "} }");
	p = parse(buf_span(&text));
	assert_string_equal(buf_text(&p.said), "");
	assert_int_equal(p.entries.items[0].count, 20000);
	assert_string_equal(p.entries.items[0].values[19999], "s19999");
	parsed_fini(&p);
	buf_fini(&text);
}

/* ---- the file itself ---- */

static char dir[] = "/tmp/pollux-test-file-XXXXXX";

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void
a_file_is_read_whole(void **state)
{
	char *path = mem_printf("%s/conf", dir);
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	bool missing = true;
	FILE *f = fopen(path, "w");

	(void)state;
	for (int i = 0; i < 5000; i++)
		fputs("# line\n", f);
	fclose(f);
	assert_true(file_read(path, &text, &missing, &e));
	assert_false(missing);
	assert_int_equal(text.len, 5000 * 7);
	buf_fini(&text);
	unlink(path);
	mem_free(path);
}

static void
a_missing_file_is_told_from_one_that_cannot_be_read(void **state)
{
	char *path = mem_printf("%s/none", dir), *below = mem_printf("%s/none/of/these", dir);
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	bool missing = false;

	(void)state;
	assert_false(file_read(path, &text, &missing, &e));
	assert_true(missing);
	assert_false(file_read(below, &text, &missing, &e));
	assert_true(missing);
	assert_false(file_read(dir, &text, &missing, &e));
	assert_false(missing);
	assert_string_equal(e.text, "is not a regular file");
	mem_free(path);
	mem_free(below);
}

static void
the_null_device_is_an_empty_file(void **state)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	bool missing = true;

	(void)state;
	assert_true(file_read("/dev/null", &text, &missing, &e));
	assert_false(missing);
	assert_int_equal(text.len, 0);
	assert_false(file_read("/dev/zero", &text, &missing, &e));
	buf_fini(&text);
}

/* Opening a pipe that nobody writes to would wait for ever. */
static void
a_pipe_is_not_waited_for(void **state)
{
	char *path = mem_printf("%s/pipe", dir);
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	bool missing;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(file_read(path, &text, &missing, &e));
	assert_string_equal(e.text, "is not a regular file");
	unlink(path);
	mem_free(path);
}

static void
a_file_that_is_too_large_is_refused(void **state)
{
	char *path = mem_printf("%s/large", dir);
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	bool missing;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(ftruncate(fd, 2 * 1024 * 1024), 0);
	close(fd);
	assert_false(file_read(path, &text, &missing, &e));
	assert_string_equal(e.text, "is larger than 1024 KiB");
	buf_fini(&text);
	unlink(path);
	mem_free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_found_with_their_lines),
		cmocka_unit_test(each_model_has_a_block_even_an_empty_one),
		cmocka_unit_test(an_origin_says_file_and_line),
		cmocka_unit_test(every_unknown_name_is_said_with_its_line_and_the_nearest),
		cmocka_unit_test(unknown_names_are_said_wherever_they_stand),
		cmocka_unit_test(faults_of_form_are_said_with_their_line),
		cmocka_unit_test(a_value_of_several_words_is_one_fault),
		cmocka_unit_test(a_stray_word_is_one_fault),
		cmocka_unit_test(what_stands_before_a_fault_of_form_is_still_read),
		cmocka_unit_test(a_setting_that_stands_twice_is_a_warning),
		cmocka_unit_test(no_fault_of_form_quotes_a_value),
		cmocka_unit_test(the_environment_does_not_reach_into_the_file),
		cmocka_unit_test(deep_nesting_is_a_fault_and_no_crash),
		cmocka_unit_test(a_list_of_many_items_is_read),
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(a_missing_file_is_told_from_one_that_cannot_be_read),
		cmocka_unit_test(the_null_device_is_an_empty_file),
		cmocka_unit_test(a_pipe_is_not_waited_for),
		cmocka_unit_test(a_file_that_is_too_large_is_refused),
	};

	return cmocka_run_group_tests_name("config/file", tests, make_dir, remove_dir);
}
