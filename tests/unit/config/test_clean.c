/* The text of a configuration file, made ready for libconfuse. */
#include "tests/unit/unit.h"

#include "config/private.h"

struct cleaned {
	struct buf out;
	struct faults faults;
	bool is_text;
};

static struct cleaned
clean(struct span in)
{
	struct cleaned c = { BUF_INIT, { NULL, 0, 0 }, false };

	c.is_text = clean_text(in, "f", &c.out, &c.faults);
	return c;
}

static void
cleaned_fini(struct cleaned *c)
{
	buf_fini(&c->out);
	faults_fini(&c->faults);
}

static void
clean_text_stays_as_it_is_but_for_comments(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "server { workers = 3 }\n", "server { workers = 3 }\n" },
		{ "a = b # c = d\ne = f", "a = b \ne = f" },
		{ "# only\n#\n#####\n", "\n\n\n" },
		{ "#", "" },
		{ "// x\na", "\na" },
		{ "a /* b\nc\n*/ d", "a \n\n  d" },
		{ "/***/a", " a" },
		{ "a\tb\r\nc", "a b \nc" },
		{ "url = http://a/b", "url = http://a/b" },
		{ "x = a//b", "x = a//b" },
		{ "x += \"a\"", "x += \"a\"" },
		{ "\xef\xbb\xbfserver", "server" },
		{ "x = \"# no comment // here /* */\"", "x = \"# no comment // here /* */\"" },
		{ "x = \"a\\\"b\\\\c\\$d\"", "x = \"a\\\"b\\\\c\\$d\"" },
		{ "x = 'a\"b'", "x = 'a\"b'" },
		{ "x = 'a\\b'", "x = 'a\\\\b'" },
		{ "x = \"a*b+c\"", "x = \"a*b+c\"" },
		{ "x = '${HOME}'", "x = '${HOME}'" },
		{ "x = \"\\${HOME} $ $x\"", "x = \"\\${HOME} $ $x\"" },
		{ "x = { }", "x = { \"\"}" },
		{ "x = {\n}", "x = {\n\"\"}" },
		{ "x += {}", "x += {\"\"}" },
		{ "s {} t { }", "s {} t { }" },
		{ "s \"=\" {}", "s \"=\" {}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cleaned c = clean(span_of(cases[i].in));

		assert_true(c.is_text);
		assert_string_equal(buf_text(&c.out), cases[i].out);
		assert_int_equal(c.faults.count, 0);
		cleaned_fini(&c);
	}
}

static void
what_libconfuse_would_misread_is_a_fault(void **state)
{
	static const struct {
		const char *in, *out, *fault;
	} cases[] = {
		{ "\nx = \"a\ny = 1", "\nx = \"a\"\ny = 1",
		    "f:2: the text that begins here is not closed on its line" },
		{ "x = 'a", "x = 'a'", "f:1: the text that begins here is not closed on its line" },
		{ "x = 'a\\", "x = 'a\\\\'",
		    "f:1: the text that begins here is not closed on its line" },
		{ "x = \"a\\", "x = \"a\"",
		    "f:1: the text that begins here is not closed on its line" },
		{ "x = \"a\\\ny", "x = \"a\"\ny",
		    "f:1: the text that begins here is not closed on its line" },
		{ "a\n/* b\n\n", "a\n\n\n", "f:2: the comment that begins here is not closed" },
		{ "/*/", "", "f:1: the comment that begins here is not closed" },
		{ "x = \"${HOME}/y\"", "x = \"\\${HOME}/y\"",
		    "f:1: ${...} is not replaced in this file; give the setting by the environment "
		    "instead" },
		{ "x = ${HOME}", "x = HOME}",
		    "f:1: ${...} is not replaced in this file; give the setting by the environment "
		    "instead" },
		{ "x = *:80", "x = :80", "f:1: a value with a * in it must stand in quotes" },
		{ "x = a+b", "x = ab", "f:1: a value with a + in it must stand in quotes" },
		{ "x = \"\\x41\"", "x = \"x41\"",
		    "f:1: only \\\\, \\\" and \\$ can stand behind a backslash" },
		{ "x = \"a\\0b\"", "x = \"a0b\"",
		    "f:1: only \\\\, \\\" and \\$ can stand behind a backslash" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cleaned c = clean(span_of(cases[i].in));

		assert_true(c.is_text);
		assert_string_equal(buf_text(&c.out), cases[i].out);
		assert_int_equal(c.faults.count, 1);
		assert_string_equal(c.faults.items[0].text, cases[i].fault);
		assert_true(c.faults.items[0].is_error);
		cleaned_fini(&c);
	}
}

static void
a_file_that_is_no_text_gives_one_fault(void **state)
{
	static const struct {
		struct span in;
		const char *fault;
	} cases[] = {
		{ { "a\0b", 3 }, "f:1: a byte 0x00 has no place in a configuration file" },
		{ { "a\n\n# \x1b[31m\1\2", 12 },
		    "f:3: a byte 0x1b has no place in a configuration file" },
		{ { "\x7f"
		    "ELF\0",
		      5 },
		    "f:1: a byte 0x7f has no place in a configuration file" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cleaned c = clean(cases[i].in);

		assert_false(c.is_text);
		assert_int_equal(c.faults.count, 1);
		assert_string_equal(c.faults.items[0].text, cases[i].fault);
		cleaned_fini(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_text_stays_as_it_is_but_for_comments),
		cmocka_unit_test(what_libconfuse_would_misread_is_a_fault),
		cmocka_unit_test(a_file_that_is_no_text_gives_one_fault),
	};

	return cmocka_run_group_tests_name("config/clean", tests, NULL, NULL);
}
