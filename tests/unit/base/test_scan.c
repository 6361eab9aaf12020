/*
 * The JSON scanner: what it takes and refuses (beside jansson), its cursor, escaped text and
 * writing.  With POLLUX_DATA naming a directory, all *.json under it are compared as well.
 */
#include "tests/unit/unit.h"

#include <ftw.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/scan.h"
#include "tests/fuzz/scan_oracle.h"

#define TEXT(literal)                                                                              \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

/* The text in a block of exactly its length, so that reading behind it is seen. */
static struct span
exactly(const char *p, size_t len)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, p, len);
	return span_mem(copy, len);
}

/* The scanner's verdict, compared with jansson's. */
static bool
is_json(const char *p, size_t len)
{
	struct span text = exactly(p, len);
	const char *difference = oracle_disagrees(text);
	bool ok = scan_check(text, NULL, NULL);

	if (difference)
		fail_msg("%s: %.*s", difference, (int)(len < 200 ? len : 200), p);
	free((char *)text.p);
	return ok;
}

/* ---- what is JSON ---- */

static const struct span valid[] = {
	/* scalars and white space */
	TEXT("null"),
	TEXT("true"),
	TEXT("false"),
	TEXT("0"),
	TEXT("\"\""),
	TEXT("{}"),
	TEXT("[]"),
	TEXT(" null"),
	TEXT("null "),
	TEXT("\t\n\r null \t\n\r"),
	TEXT("\n\n        1        \n"),
	TEXT("[ ]"),
	TEXT("{ }"),
	TEXT("[\n]"),
	TEXT("{\t\r\n}"),
	TEXT("  [  1  ,  2  ]  "),
	TEXT("{ \"a\" : 1 , \"b\" : 2 }"),
	TEXT("{\"a\"\n:\n1\n,\n\"b\"\n:\n2\n}"),
	TEXT("[                                 1\n                                          ]"),
	/* numbers */
	TEXT("-0"),
	TEXT("-1"),
	TEXT("10"),
	TEXT("1234567890"),
	TEXT("12345678"),
	TEXT("123456789"),
	TEXT("0.0"),
	TEXT("0.5"),
	TEXT("-0.5"),
	TEXT("1.25"),
	TEXT("1.00000000000000000001"),
	TEXT("1e1"),
	TEXT("1E1"),
	TEXT("1e+1"),
	TEXT("1e-1"),
	TEXT("0e0"),
	TEXT("0E+00"),
	TEXT("-0.0e-0"),
	TEXT("1.5e10"),
	TEXT("1e-400"),
	TEXT("1e01"),
	TEXT("0e1"),
	TEXT("9223372036854775807"),
	TEXT("-9223372036854775808"),
	TEXT("123456789012345678"),
	TEXT("0.12345678901234567890123456789012345678901234567890"),
	TEXT("[0,1,-1,0.1,1e5]"),
	TEXT("[1 ,2\n,3]"),
	TEXT("{\"a\":0}"),
	TEXT("[-0,-0.0]"),
	/* numbers that are too large for jansson are no concern of the scanner */
	TEXT("1e400"),
	TEXT("-1e400"),
	TEXT("9223372036854775808"),
	TEXT("[123456789012345678901]"),
	/* strings */
	TEXT("\"a\""),
	TEXT("\" \""),
	TEXT("\"\x7f\""),
	TEXT("\"/\""),
	TEXT("\"'\""),
	TEXT("\"\\\"\""),
	TEXT("\"\\\\\""),
	TEXT("\"\\/\""),
	TEXT("\"\\b\\f\\n\\r\\t\""),
	TEXT("\"\\\\\\\\\""),
	TEXT("\"\\\\\\\"\""),
	TEXT("\"\\\\n\""),
	TEXT("\"\\u0041\""),
	TEXT("\"\\u0000\""),
	TEXT("\"\\u001f\""),
	TEXT("\"\\u007F\""),
	TEXT("\"\\uabcd\""),
	TEXT("\"\\uABCD\""),
	TEXT("\"\\ud7ff\\ue000\""),
	TEXT("\"\\uffff\""),
	TEXT("\"\\ufffe\""),
	TEXT("\"\\ud800\\udc00\""),
	TEXT("\"\\uDBFF\\uDFFF\""),
	TEXT("\"\\uD83D\\uDE00!\""),
	TEXT("\"x\\ud83d\\ude00\\ud83d\\ude00y\""),
	TEXT("\"\\u00e9\\n\\u00e9\""),
	TEXT("\"}{][,:\""),
	TEXT("[\"}\",\"]\"]"),
	TEXT("{\"}\":\"{\"}"),
	TEXT("\"\\\\u12\""),
	TEXT("\"0123456789abcdef0123456789abcdef\""),
	TEXT("\"0123456\\n\""),
	TEXT("\"01234567\\n\""),
	/* UTF-8 */
	TEXT("\"\xc2\x80\""),
	TEXT("\"\xdf\xbf\""),
	TEXT("\"\xe0\xa0\x80\""),
	TEXT("\"\xed\x9f\xbf\""),
	TEXT("\"\xee\x80\x80\""),
	TEXT("\"\xef\xbf\xbf\""),
	TEXT("\"\xef\xbb\xbf\""),
	TEXT("\"\xf0\x90\x80\x80\""),
	TEXT("\"\xf4\x8f\xbf\xbf\""),
	TEXT("\"\xf1\x80\x80\x80\""),
	TEXT("\"h\xc3\xa9llo w\xc3\xb6rld \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x8c\x8d\""),
	TEXT("\"\xd0\xb0 \xd0\xb1\""),
	TEXT("\"\xd0\xb0  \xd0\xb1\""),
	TEXT("\"\xd0\xb0 \""),
	TEXT("\"\xd0\xb0 \\n\""),
	TEXT("\"\xe2\x80\xa8\xe2\x80\xa9\""),
	TEXT("{\"\xc3\xa9\":\"\xc3\xa9\"}"),
	/* containers */
	TEXT("[[]]"),
	TEXT("[{}]"),
	TEXT("{\"a\":{}}"),
	TEXT("{\"a\":[]}"),
	TEXT("[[],[],[[]]]"),
	TEXT("[[[[[[[[]]]]]]]]"),
	TEXT("[{\"a\":[{\"b\":[{}]}]}]"),
	TEXT("[1,\"a\",null,true,{},[]]"),
	TEXT("[1,[2,[3,[4]]],5]"),
	TEXT("{\"a\":1,\"a\":2}"),
	TEXT("{\"\":0}"),
	TEXT("{\"\":{\"\":[]}}"),
	TEXT("{\"a\":[1,2],\"b\":{\"c\":3},\"d\":4}"),
	TEXT("{\"a\\u0062\":1}"),
	TEXT("{\"\\\"\":1}"),
	TEXT("{\"a\":\"\\u0000\"}"),
	TEXT("[null,null]"),
	TEXT("[true,false]"),
	TEXT("[\"a\",\"b\"]"),
	TEXT("{\"a\":null,\"b\":true,\"c\":false}"),
	TEXT("[{},{},{}]"),
	TEXT("[\"\",\"\"]"),
};

static const struct span invalid[] = {
	/* nothing, too little, too much */
	TEXT(""),
	TEXT(" "),
	TEXT("\n\t\r "),
	TEXT("        "),
	TEXT("nul"),
	TEXT("n"),
	TEXT("tru"),
	TEXT("fals"),
	TEXT("nulll"),
	TEXT("truee"),
	TEXT("True"),
	TEXT("NULL"),
	TEXT("nil"),
	TEXT("undefined"),
	TEXT("NaN"),
	TEXT("Infinity"),
	TEXT("-Infinity"),
	TEXT("a"),
	TEXT("'a'"),
	TEXT("1 2"),
	TEXT("null null"),
	TEXT("{}{}"),
	TEXT("[][]"),
	TEXT("\"a\"\"b\""),
	TEXT("1,"),
	TEXT("{},"),
	TEXT("[],"),
	TEXT("]"),
	TEXT("}"),
	TEXT(","),
	TEXT(":"),
	TEXT("\\"),
	TEXT("1]"),
	TEXT("truefalse"),
	TEXT("true1"),
	TEXT("1true"),
	TEXT("null\"\""),
	TEXT("{}x"),
	TEXT("[1]x"),
	TEXT("\xef\xbb\xbf{}"),
	TEXT("\xef\xbb\xbf"),
	TEXT("{}\xef\xbb\xbf"),
	TEXT("\xff\xfe{\0}\0"),
	TEXT("\v1"),
	TEXT("\f1"),
	TEXT("1\v"),
	TEXT("\xc2\xa0"
	     "1"),
	TEXT("\x1f"),
	TEXT("\x7f"),
	TEXT("// x\n1"),
	TEXT("/* x */ 1"),
	TEXT("1 // x"),
	TEXT("# x\n1"),
	TEXT("(1)"),
	TEXT("`a`"),
	/* raw NUL bytes, also where jansson loses them */
	TEXT("\0"),
	TEXT("1\0"),
	TEXT("\0"
	     "1"),
	TEXT("true\0"),
	TEXT("null\0"),
	TEXT("[1\0,2]"),
	TEXT("[true\0]"),
	TEXT("{}\0"),
	TEXT("[]\0"),
	TEXT("\"a\"\0"),
	TEXT("\"a\0b\""),
	TEXT("[\0]"),
	TEXT("{\"a\"\0:1}"),
	TEXT("{\"a\":1\0}"),
	TEXT("12\0"
	     "34"),
	TEXT("1.\0"
	     "5"),
	TEXT("-\0"
	     "1"),
	TEXT("nu\0ll"),
	TEXT("\"\\\0n\""),
	TEXT("\"\\u00\0"
	     "41\""),
	TEXT("1e\0"
	     "5"),
	/* numbers */
	TEXT("-"),
	TEXT("+1"),
	TEXT("--1"),
	TEXT("01"),
	TEXT("-01"),
	TEXT("00"),
	TEXT("-00"),
	TEXT("1."),
	TEXT(".5"),
	TEXT("-.5"),
	TEXT("1.e5"),
	TEXT("1.5."),
	TEXT("1..5"),
	TEXT("1e"),
	TEXT("1e+"),
	TEXT("1e-"),
	TEXT("1e+-1"),
	TEXT("1e1.5"),
	TEXT("1e1e1"),
	TEXT("e1"),
	TEXT("0x10"),
	TEXT("0x"),
	TEXT("1a"),
	TEXT("1 .5"),
	TEXT("- 1"),
	TEXT("1 e5"),
	TEXT("0."),
	TEXT("0.e1"),
	TEXT("1_000"),
	TEXT("1,000"),
	TEXT("1f"),
	TEXT("1L"),
	TEXT("12345678a"),
	TEXT("12345678."),
	TEXT("-a"),
	TEXT("[01]"),
	TEXT("[1.]"),
	TEXT("[-]"),
	TEXT("[1e]"),
	TEXT("[.1]"),
	TEXT("[+1]"),
	TEXT("[0 1]"),
	TEXT("\xef\xbc\x91"),
	TEXT("1234567:"),
	TEXT("1234567/"),
	TEXT("12345678:9"),
	TEXT("[1/2]"),
	TEXT("-0x1"),
	TEXT("1e5\x80"),
	TEXT("1\x80"),
	TEXT("123456\xb0"
	     "8"),
	/* strings */
	TEXT("\""),
	TEXT("\"a"),
	TEXT("\"\\\""),
	TEXT("\"\\"),
	TEXT("\"\\a\""),
	TEXT("\"\\v\""),
	TEXT("\"\\0\""),
	TEXT("\"\\x41\""),
	TEXT("\"\\'\""),
	TEXT("\"\\ \""),
	TEXT("\"\\\n\""),
	TEXT("\"\\N\""),
	TEXT("\"\\U0041\""),
	TEXT("\"\\u\""),
	TEXT("\"\\u1\""),
	TEXT("\"\\u12\""),
	TEXT("\"\\u123\""),
	TEXT("\"\\u123g\""),
	TEXT("\"\\ug123\""),
	TEXT("\"\\u 123\""),
	TEXT("\"\\u+123\""),
	TEXT("\"\\u-123\""),
	TEXT("\"\\u12:4\""),
	TEXT("\"\\u12@4\""),
	TEXT("\"\\u12`4\""),
	TEXT("\"\\u12/4\""),
	TEXT("\"\\u"),
	TEXT("\"\\u00"),
	TEXT("\"\\u0041"),
	TEXT("\"\n\""),
	TEXT("\"\t\""),
	TEXT("\"\r\""),
	TEXT("\"\x01\""),
	TEXT("\"\x1f\""),
	TEXT("\"0123456\n\""),
	TEXT("\"01234567\x1f\""),
	TEXT("\"012345678901234\t\""),
	TEXT("'"),
	TEXT("\"a'"),
	TEXT("\"a\\\""),
	TEXT("\"\\\\\\\""),
	TEXT("\"\\\x80\""),
	TEXT("\"\\\xc3\xa9\""),
	/* surrogates */
	TEXT("\"\\ud800\""),
	TEXT("\"\\udbff\""),
	TEXT("\"\\udc00\""),
	TEXT("\"\\udfff\""),
	TEXT("\"\\ud800x\""),
	TEXT("\"\\ud800\\n\""),
	TEXT("\"\\ud800\\u0041\""),
	TEXT("\"\\ud800\\ud800\""),
	TEXT("\"\\udc00\\ud800\""),
	TEXT("\"\\udc00\\udc00\""),
	TEXT("\"\\ud800\\ue000\""),
	TEXT("\"\\ud800\\udbff\""),
	TEXT("\"\\ud800\\"),
	TEXT("\"\\ud800\\u"),
	TEXT("\"\\ud800\\udc0\""),
	TEXT("\"\\ud800\\udc0g\""),
	TEXT("\"\\ud800/udc00\""),
	TEXT("\"\\ud800\\xdc00\""),
	TEXT("\"\\ud83d\\ude00\\ud83d\""),
	TEXT("\"\\ud800 \\udc00\""),
	TEXT("{\"\\ud800\":1}"),
	TEXT("{\"\\udc00\":1}"),
	/* UTF-8 */
	TEXT("\"\x80\""),
	TEXT("\"\xbf\""),
	TEXT("\"\xc0\x80\""),
	TEXT("\"\xc0\xaf\""),
	TEXT("\"\xc1\xbf\""),
	TEXT("\"\xc2\""),
	TEXT("\"\xc2"),
	TEXT("\"\xc2\x41\""),
	TEXT("\"\xc2\xc2\""),
	TEXT("\"\xe0\x80\x80\""),
	TEXT("\"\xe0\x9f\xbf\""),
	TEXT("\"\xe0\xa0\""),
	TEXT("\"\xe0\xa0"),
	TEXT("\"\xe1\x80\""),
	TEXT("\"\xe1\""),
	TEXT("\"\xe1\x80\x41\""),
	TEXT("\"\xe1\x41\x80\""),
	TEXT("\"\xed\xa0\x80\""),
	TEXT("\"\xed\xbf\xbf\""),
	TEXT("\"\xed\xa0\x80\xed\xb0\x80\""),
	TEXT("\"\xf0\x80\x80\x80\""),
	TEXT("\"\xf0\x8f\xbf\xbf\""),
	TEXT("\"\xf0\x90\x80\""),
	TEXT("\"\xf0\x90\""),
	TEXT("\"\xf0\""),
	TEXT("\"\xf0\x90\x80"),
	TEXT("\"\xf4\x90\x80\x80\""),
	TEXT("\"\xf5\x80\x80\x80\""),
	TEXT("\"\xf8\x88\x80\x80\x80\""),
	TEXT("\"\xfe\""),
	TEXT("\"\xff\""),
	TEXT("\"\xc3\xa9\xc3\""),
	TEXT("\"\xd0\xb0 \xd0\""),
	TEXT("\"\xd0\xb0 \x80\""),
	TEXT("\"\xe4\xb8\x96\xe7\x95\""),
	TEXT("\"abcdefg\x80\""),
	TEXT("\"abcdefgh\xff\""),
	TEXT("{\"\xff\":1}"),
	TEXT("\"\xf0\x9f\x8c\""),
	TEXT("\"\xd0\xb0\n\""),
	TEXT("\"\xd0\xb0"),
	/* containers */
	TEXT("["),
	TEXT("[1"),
	TEXT("[1,"),
	TEXT("[1,]"),
	TEXT("[,1]"),
	TEXT("[,]"),
	TEXT("[1,,2]"),
	TEXT("[1 2]"),
	TEXT("[1:2]"),
	TEXT("[1;2]"),
	TEXT("[1}"),
	TEXT("[}"),
	TEXT("[]]"),
	TEXT("[[]"),
	TEXT("[[],]"),
	TEXT("[\"a\""),
	TEXT("[\"a\":1]"),
	TEXT("[{]}"),
	TEXT("[{}"),
	TEXT("[a]"),
	TEXT("[true false]"),
	TEXT("[truefalse]"),
	TEXT("[nul]"),
	TEXT("[1]]"),
	TEXT("[1}]"),
	TEXT("{"),
	TEXT("{\"a\""),
	TEXT("{\"a\":"),
	TEXT("{\"a\":1"),
	TEXT("{\"a\":1,"),
	TEXT("{\"a\":1,}"),
	TEXT("{,}"),
	TEXT("{,\"a\":1}"),
	TEXT("{\"a\"}"),
	TEXT("{\"a\":}"),
	TEXT("{\"a\" 1}"),
	TEXT("{\"a\",1}"),
	TEXT("{\"a\"=1}"),
	TEXT("{\"a\"::1}"),
	TEXT("{:1}"),
	TEXT("{1:1}"),
	TEXT("{a:1}"),
	TEXT("{'a':1}"),
	TEXT("{null:1}"),
	TEXT("{true:1}"),
	TEXT("{[]:1}"),
	TEXT("{{}:1}"),
	TEXT("{\"a\":1 \"b\":2}"),
	TEXT("{\"a\":1,,\"b\":2}"),
	TEXT("{\"a\":1;\"b\":2}"),
	TEXT("{]"),
	TEXT("{\"a\":1]"),
	TEXT("{\"a\":[1}"),
	TEXT("{\"a\":[}]"),
	TEXT("{}}"),
	TEXT("{\"a\":1}}"),
	TEXT("{\"a\":1,\"b\"}"),
	TEXT("{\"a\":1,2}"),
	TEXT("{\"a\":1 2}"),
	TEXT("{\"a\":\"b\"\"c\"}"),
	TEXT("{\"a"),
	TEXT("{\"a\\"),
	TEXT("{\"a\n\":1}"),
	TEXT("{\"a\\x\":1}"),
	TEXT("[[[[[[[["),
	TEXT("[[1,2],[3,4]"),
	TEXT("[{\"a\":1},{\"b\":2]"),
	TEXT("{\"a\":{\"b\":{\"c\":1}}"),
	/* a name that jansson cannot hold */
	TEXT("{\"\\u0000\":1}"),
	TEXT("{\"a\\u0000b\":1}"),
	TEXT("[{\"a\":{\"\\u0000\":1}}]"),
};

static void
valid_texts_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(valid); i++)
		if (!is_json(valid[i].p, valid[i].len))
			fail_msg("refused: %.*s", SPAN_ARG(valid[i]));
}

static void
invalid_texts_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(invalid); i++)
		if (is_json(invalid[i].p, invalid[i].len))
			fail_msg("taken: case %zu: %.*s", i, SPAN_ARG(invalid[i]));
}

static void
no_text_at_all_is_no_json(void **state)
{
	const char *fault;
	size_t at;

	(void)state;
	assert_false(scan_check(SPAN_NONE, &fault, &at));
	assert_string_equal(fault, "unexpected end of the JSON text");
	assert_int_equal(at, 0);
}

static void
any_two_bytes_in_any_place_are_judged_as_jansson_does(void **state)
{
	static const char *const places[] = { "%", "\"%\"", "\"0123456%89\"", "\"\\%\"",
		"\"\\u00%\"", "[1%]", "{\"%\":0}", "-%", "1.%" };

	(void)state;
	for (size_t place = 0; place < COUNT(places); place++) {
		size_t before = strcspn(places[place], "%"), len = strlen(places[place]) + 1;
		char text[32];

		memcpy(text, places[place], before);
		memcpy(text + before + 2, places[place] + before + 1, len - before - 2);
		/* All firsts; seconds from each class of bytes and its edges. */
		for (int a = 0; a < 256; a++)
			for (int b = 0; b < 256; b += b < 0x30 || b > 0xBC ? 1 : 3) {
				text[before] = (char)a;
				text[before + 1] = (char)b;
				is_json(text, len);
			}
	}
}

static void
every_utf8_lead_is_held_to_its_tails(void **state)
{
	static const unsigned char edges[] = { 0x22, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
		0xc0, 0xc2, 0xff };
	const size_t n = COUNT(edges);

	(void)state;
	for (int lead = 0x80; lead < 256; lead++)
		for (size_t i = 0; i < n * n * n; i++) {
			char text[] = { '"', (char)lead, (char)edges[i % n], (char)edges[i / n % n],
				(char)edges[i / n / n], '"' };

			is_json(text, sizeof(text));
		}
}

static void
a_special_byte_is_seen_at_every_offset(void **state)
{
	static const char special[] = { '"', '\\', '\n', '\x1f', '\0', '\x80', '\xff' };

	(void)state;
	for (size_t len = 1; len <= 40; len++)
		for (size_t at = 0; at < len; at++)
			for (size_t i = 0; i < sizeof(special); i++) {
				char text[48];

				memset(text, '~', sizeof(text));
				text[0] = text[len + 1] = '"';
				assert_true(is_json(text, len + 2));
				text[1 + at] = special[i];
				assert_false(is_json(text, len + 2));
			}
}

static void
every_byte_is_judged_in_every_place_of_a_word(void **state)
{
	static const char *const runs[] = { "\"abcdefghijklmnop\"", "0.1234567890123456",
		"1                1" };

	(void)state;
	for (size_t run = 0; run < COUNT(runs); run++) {
		size_t len = strlen(runs[run]);

		for (size_t at = 0; at < len; at++)
			for (int c = 0; c < 256; c++) {
				char text[32];

				memcpy(text, runs[run], len);
				text[at] = (char)c;
				is_json(text, len);
			}
	}
}

static void
runs_of_digits_and_blanks_end_at_every_offset(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 40; n++) {
		char text[256];
		int len = snprintf(text, sizeof(text), "[%*s0.%0*d%*s,1e%0*d]", (int)n, "", (int)n,
		    7, (int)n, "", (int)(n % 3 + 1), 1);

		assert_true(is_json(text, (size_t)len));
		text[1 + n + 1 + n] = 'x'; /* one of the digits */
		assert_false(is_json(text, (size_t)len));
	}
}

static const char *const documents[] = {
	"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"h\xc3\xa9llo "
	"\\ud83d\\ude00 "
	"\\\"you\\\"\\n\"},{\"role\":\"assistant\",\"content\":null}],\"temperature\":-0.75e+2,"
	"\"n\":1,"
	"\"stream\":true,\"tools\":[]}",
	"{\n  \"candidates\": [\n    {\n      \"content\": {\n        \"parts\": [\n          {\n"
	"            \"text\": \"\xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x8c\x8d\"\n          }\n        "
	"]\n"
	"      },\n      \"index\": 0\n    }\n  ],\n  \"usage\": {\"a\": 12345678901, \"b\": "
	"false}\n}\n",
	"[[[[\"\\u0000\\u00e9\",1.5,{\"a\":{\"b\":{}}}],[]],true],null,\"0123456789abcdef\"]",
	"  \"a string alone, \xd0\xb0 \xd0\xb1 \\t\"  ",
};

static void
every_truncation_is_judged_as_jansson_does(void **state)
{
	(void)state;
	for (size_t d = 0; d < COUNT(documents); d++) {
		size_t len = strlen(documents[d]);

		assert_true(is_json(documents[d], len));
		for (size_t cut = 0; cut < len; cut++)
			is_json(documents[d], cut);
	}
}

static void
every_changed_or_missing_byte_is_judged_as_jansson_does(void **state)
{
	static const char changes[] = "\"\\{}[],: \n\x01"
				      "0-.e\x80\xc3x";

	(void)state;
	for (size_t d = 0; d < COUNT(documents); d++) {
		size_t len = strlen(documents[d]);
		char *text = mem_dup(documents[d]);

		for (size_t at = 0; at < len; at++) {
			for (size_t i = 0; i < sizeof(changes); i++) {
				text[at] = changes[i];
				is_json(text, len);
			}
			memmove(text + at, text + at + 1, len - at);
			is_json(text, len - 1);
			memcpy(text, documents[d], len + 1);
		}
		mem_free(text);
	}
}

static unsigned compared;

static int
compare_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct span text;
	const char *difference;
	char *content;
	FILE *f;

	(void)ftw;
	if (type != FTW_F || !span_ends(span_of(path), ".json"))
		return 0;
	f = fopen(path, "rb");
	assert_non_null(f);
	content = mem_alloc((size_t)st->st_size + 1);
	text = span_mem(content, fread(content, 1, (size_t)st->st_size, f));
	fclose(f);
	difference = oracle_disagrees(text);
	if (difference)
		fail_msg("%s: %s", path, difference);
	mem_free(content);
	compared++;
	return 0;
}

static void
recorded_answers_are_read_as_jansson_does(void **state)
{
	const char *data = getenv("POLLUX_DATA");

	(void)state;
	if (!data || access(data, R_OK) != 0)
		skip();
	compared = 0;
	assert_int_equal(nftw(data, compare_file, 16, FTW_PHYS), 0);
	print_message("# %u files compared\n", compared);
	assert_true(compared > 0);
}

/* ---- depth ---- */

static struct span
nested(unsigned depth, const char *opener, const char *core, const char *closer)
{
	static struct buf text;

	buf_clear(&text);
	for (unsigned i = 0; i < depth; i++)
		buf_add_text(&text, opener);
	buf_add_text(&text, core);
	for (unsigned i = 0; i < depth; i++)
		buf_add_text(&text, closer);
	return buf_span(&text);
}

static void
the_greatest_depth_is_taken(void **state)
{
	(void)state;
	assert_true(scan_check(nested(SCAN_DEPTH_MAX, "[", "", "]"), NULL, NULL));
	assert_true(scan_check(nested(SCAN_DEPTH_MAX, "[1,", "2", ",3]"), NULL, NULL));
	assert_true(scan_check(nested(SCAN_DEPTH_MAX, "{\"a\":", "1", ",\"b\":2}"), NULL, NULL));
	assert_true(scan_check(nested(SCAN_DEPTH_MAX / 2, "[{\"a\":", "1", "}]"), NULL, NULL));
	assert_null(oracle_disagrees(nested(SCAN_DEPTH_MAX / 2, "[{\"a\":", "1", "},2]")));
}

static void
one_level_more_is_refused(void **state)
{
	const char *fault;
	size_t at;

	(void)state;
	assert_false(scan_check(nested(SCAN_DEPTH_MAX + 1, "[", "", "]"), &fault, &at));
	assert_string_equal(fault, SCAN_TOO_DEEP);
	assert_int_equal(at, SCAN_DEPTH_MAX);
	assert_false(scan_check(nested(SCAN_DEPTH_MAX, "[", "{}", "]"), &fault, &at));
	assert_string_equal(fault, SCAN_TOO_DEEP);
	assert_false(scan_check(nested(1000000, "[", "", ""), &fault, &at));
	assert_string_equal(fault, SCAN_TOO_DEEP);
	assert_null(oracle_disagrees(nested(SCAN_DEPTH_MAX + 1, "{\"a\":", "1", "}")));
}

static void
depth_counts_from_the_root_also_when_a_part_is_skipped(void **state)
{
	struct scan s;

	(void)state;
	for (unsigned extra = 0; extra < 2; extra++) {
		scan_init(&s, nested(SCAN_DEPTH_MAX + extra, "[", "1", "]"));
		for (int i = 0; i < 100; i++)
			assert_true(scan_array(&s) && scan_item(&s));
		assert_int_equal(scan_skip(&s, NULL), extra == 0);
		for (int i = 0; extra == 0 && i < 100; i++)
			assert_false(scan_item(&s));
		assert_int_equal(scan_end(&s), extra == 0);
	}
}

/* ---- the cursor ---- */

static struct scan
scan_of(const char *text)
{
	struct scan s;

	scan_init(&s, span_of(text));
	return s;
}

static void
the_type_of_a_value_is_told_without_consuming_it(void **state)
{
	static const struct {
		const char *text;
		enum scan_type type;
	} cases[] = { { " {}", SCAN_OBJECT }, { "\n[]", SCAN_ARRAY }, { "\"a\"", SCAN_STRING },
		{ "0", SCAN_NUMBER }, { "-1", SCAN_NUMBER }, { "9", SCAN_NUMBER },
		{ "true", SCAN_BOOL }, { "false", SCAN_BOOL }, { "null", SCAN_NULL },
		{ "", SCAN_BAD }, { " ", SCAN_BAD }, { "+1", SCAN_BAD }, { "]", SCAN_BAD },
		{ "x", SCAN_BAD }, { "\x80", SCAN_BAD } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scan s = scan_of(cases[i].text);

		assert_int_equal(scan_type(&s), cases[i].type);
		assert_int_equal(scan_type(&s), cases[i].type);
		assert_int_equal(s.fault != NULL, cases[i].type == SCAN_BAD);
		assert_int_equal(scan_skip(&s, NULL) && scan_end(&s), cases[i].type != SCAN_BAD);
	}
}

static void
an_object_is_walked_member_by_member(void **state)
{
	struct scan s =
	    scan_of(" { \"model\" : \"m\\n\" , \"n\":-12.5e3,\"on\":true , \"off\":false,"
		    "\"none\" : null, \"list\":[1, {\"x\":[]} ,3] } ");
	struct span key, text, number, list;
	bool on = false, off = true;

	(void)state;
	assert_true(scan_object(&s));
	assert_true(scan_member(&s, &key) && span_is(key, "model"));
	assert_true(scan_string(&s, &text) && span_is(text, "m\\n"));
	assert_true(scan_member(&s, &key) && span_is(key, "n"));
	assert_true(scan_number(&s, &number) && span_is(number, "-12.5e3"));
	assert_true(scan_member(&s, &key) && scan_bool(&s, &on) && on);
	assert_true(scan_member(&s, &key) && scan_bool(&s, &off) && !off);
	assert_true(scan_member(&s, &key) && scan_null(&s));
	assert_true(scan_member(&s, &key) && span_is(key, "list"));
	assert_true(scan_skip(&s, &list) && span_is(list, "[1, {\"x\":[]} ,3]"));
	assert_false(scan_member(&s, &key));
	assert_true(scan_end(&s));
	assert_null(s.fault);
}

static void
an_array_is_walked_item_by_item(void **state)
{
	struct scan s = scan_of("[1,[],[2,3],{\"a\":[4]}]");
	struct span raw;
	const char *const items[] = { "1", "[]", "[2,3]", "{\"a\":[4]}" };

	(void)state;
	assert_true(scan_array(&s));
	for (size_t i = 0; i < COUNT(items); i++)
		assert_true(scan_item(&s) && scan_skip(&s, &raw) && span_is(raw, items[i]));
	assert_false(scan_item(&s));
	assert_true(scan_end(&s));
}

static void
a_raw_value_has_no_white_space_around_it(void **state)
{
	struct scan s = scan_of("  \n [ 1 ]\t ");
	struct span raw;

	(void)state;
	assert_true(scan_skip(&s, &raw) && span_is(raw, "[ 1 ]"));
	assert_true(scan_end(&s));
	s = scan_of("[ 1.5 , \"a\" ]");
	assert_true(scan_array(&s) && scan_item(&s) && scan_skip(&s, &raw) && span_is(raw, "1.5"));
	assert_true(scan_item(&s) && scan_skip(&s, &raw) && span_is(raw, "\"a\""));
	assert_false(scan_item(&s));
}

static void
walks_may_nest(void **state)
{
	struct scan s = scan_of("{\"a\":[{\"b\":1},{}],\"c\":{}}");
	struct span key, n;

	(void)state;
	assert_true(scan_object(&s) && scan_member(&s, &key));
	assert_true(scan_array(&s) && scan_item(&s) && scan_object(&s) && scan_member(&s, &key));
	assert_true(span_is(key, "b") && scan_number(&s, &n));
	assert_false(scan_member(&s, &key));
	assert_true(scan_item(&s) && scan_object(&s));
	assert_false(scan_member(&s, &key));
	assert_false(scan_item(&s));
	assert_true(scan_member(&s, &key) && span_is(key, "c") && scan_object(&s));
	assert_false(scan_member(&s, &key));
	assert_false(scan_member(&s, &key));
	assert_true(scan_end(&s));
}

static void
a_value_of_another_type_is_a_fault(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{ "[]", "an object expected" },
		{ "{}", "an array expected" },
		{ "1", "a string expected" },
		{ "\"1\"", "a number expected" },
		{ "null", "true or false expected" },
		{ "false", "null expected" },
	};
	struct span part;
	bool yes;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scan s = scan_of(cases[i].text);
		bool ok = i == 0   ? scan_object(&s)
			  : i == 1 ? scan_array(&s)
			  : i == 2 ? scan_string(&s, &part)
			  : i == 3 ? scan_number(&s, &part)
			  : i == 4 ? scan_bool(&s, &yes)
				   : scan_null(&s);

		assert_false(ok);
		assert_string_equal(s.fault, cases[i].fault);
		assert_int_equal(s.fault_at, 0);
	}
}

static void
the_first_fault_sticks(void **state)
{
	struct scan s = scan_of("{\"a\":tru, \"b\":[");
	struct span part;
	bool yes;

	(void)state;
	assert_true(scan_object(&s) && scan_member(&s, &part));
	assert_false(scan_bool(&s, &yes));
	assert_string_equal(s.fault, "unknown word");
	assert_int_equal(s.fault_at, 5);
	assert_int_equal(scan_type(&s), SCAN_BAD);
	assert_false(scan_object(&s) || scan_array(&s) || scan_string(&s, &part));
	assert_false(scan_number(&s, &part) || scan_bool(&s, &yes) || scan_null(&s));
	assert_false(
	    scan_member(&s, &part) || scan_item(&s) || scan_skip(&s, NULL) || scan_end(&s));
	assert_false(scan_fail(&s, "too late"));
	assert_string_equal(s.fault, "unknown word");
	assert_int_equal(s.fault_at, 5);
}

static void
a_consumer_may_find_faults_of_its_own(void **state)
{
	struct scan s = scan_of("[1]");

	(void)state;
	assert_true(scan_array(&s) && scan_item(&s) && scan_skip(&s, NULL));
	assert_false(scan_fail(&s, "one is too small"));
	assert_string_equal(s.fault, "one is too small");
	assert_int_equal(s.fault_at, 2);
	assert_false(scan_item(&s) || scan_end(&s));
}

static void
the_end_is_only_reached_when_all_was_read(void **state)
{
	struct scan s = scan_of("[1]");

	(void)state;
	assert_false(scan_end(&s));
	assert_non_null(s.fault);
	s = scan_of("[1]");
	assert_true(scan_array(&s));
	assert_false(scan_end(&s));
	s = scan_of("[1]");
	assert_true(scan_array(&s) && scan_item(&s));
	assert_false(scan_end(&s));
	s = scan_of("[1] x");
	assert_true(scan_skip(&s, NULL));
	assert_false(scan_end(&s));
	assert_string_equal(s.fault, "something follows the JSON value");
	assert_int_equal(s.fault_at, 4);
	s = scan_of("[1] \n");
	assert_true(scan_skip(&s, NULL) && scan_end(&s) && scan_end(&s));
}

static void
faults_are_told_with_their_place(void **state)
{
	static const struct {
		const char *text, *fault;
		size_t at;
	} cases[] = {
		{ "", "unexpected end of the JSON text", 0 },
		{ "{\"a\":", "unexpected end of the JSON text", 5 },
		{ "\"abc", "unexpected end of the JSON text", 4 },
		{ "\"ab\\u00", "unexpected end of the JSON text", 7 },
		{ "[1,-", "unexpected end of the JSON text", 4 },
		{ "[1 2]", "',' or ']' expected", 3 },
		{ "{\"a\":1 2}", "',' or '}' expected", 7 },
		{ "{\"a\" 1}", "':' expected", 5 },
		{ "{1:1}", "a name in quotes expected", 1 },
		{ "[1,]", "a value expected", 3 },
		{ "[nil]", "unknown word", 1 },
		{ "[01]", "a number begins with 0", 2 },
		{ "[1.x]", "a digit is missing in a number", 3 },
		{ "[\"a\\x\"]", "invalid escape in a string", 3 },
		{ "[\"a\\u12x4\"]", "invalid escape in a string", 3 },
		{ "[\"a\\ud800b\"]", "half of a surrogate pair in a string", 3 },
		{ "[\"a\nb\"]", "control character in a string", 3 },
		{ "[\"ab\xff\"]", "invalid UTF-8 in a string", 4 },
		{ "{\"a\\u0000\":1}", "NUL in a name", 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *fault;
		size_t at;

		assert_false(scan_check(span_of(cases[i].text), &fault, &at));
		assert_string_equal(fault, cases[i].fault);
		assert_int_equal(at, cases[i].at);
	}
}

/* Whether a process that does this dies by an assert. */
static bool
dies(void (*act)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
leave_an_item_unread(void)
{
	struct scan s = scan_of("[1,2]");

	scan_array(&s);
	scan_item(&s);
	scan_item(&s);
}

static void
leave_a_member_unread(void)
{
	struct scan s = scan_of("{\"a\":1,\"b\":2}");
	struct span key;

	scan_object(&s);
	scan_member(&s, &key);
	scan_member(&s, &key);
}

static void
read_an_item_twice(void)
{
	struct scan s = scan_of("[1,2]");

	scan_array(&s);
	scan_item(&s);
	scan_skip(&s, NULL);
	scan_skip(&s, NULL);
}

static void
ask_for_items_of_nothing(void)
{
	struct scan s = scan_of("[]");

	scan_skip(&s, NULL);
	scan_item(&s);
}

static void
a_consumer_that_reads_wrongly_dies(void **state)
{
	(void)state;
	assert_true(dies(leave_an_item_unread));
	assert_true(dies(leave_a_member_unread));
	assert_true(dies(read_an_item_twice));
	assert_true(dies(ask_for_items_of_nothing));
}

/* ---- escaped text ---- */

static void
names_are_compared_as_what_they_mean(void **state)
{
	static const struct {
		const char *escaped, *plain;
		bool same;
	} cases[] = {
		{ "model", "model", true },
		{ "model", "mode", false },
		{ "mode", "model", false },
		{ "", "", true },
		{ "", "a", false },
		{ "a", "", false },
		{ "\\u0000", "", false },
		{ "mod\\u0065l", "model", true },
		{ "\\u006dodel", "model", true },
		{ "\\u006Dode\\u006c", "model", true },
		{ "mod\\u0065", "model", false },
		{ "mod\\u0065ll", "model", false },
		{ "\\u006edel", "model", false },
		{ "\\u00e9", "\xc3\xa9", true },
		{ "\xc3\xa9", "\xc3\xa9", true },
		{ "\\ud83d\\ude00", "\xf0\x9f\x98\x80", true },
		{ "\\ud83d\\ude00", "\xf0\x9f\x98", false },
		{ "a\\/b", "a/b", true },
		{ "\\\"", "\"", true },
		{ "\\\\", "\\", true },
		{ "\\n", "\n", true },
		{ "\\n", "\\n", false },
		{ "\\\\n", "\\n", true },
		{ "model\\u0000", "model", false },
		{ "\\t\\b\\f\\r", "\t\b\f\r", true },
		{ "content", "contents", false },
		{ "contentx", "contents", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (scan_key_is(span_of(cases[i].escaped), cases[i].plain) != cases[i].same)
			fail_msg("%s and %s", cases[i].escaped, cases[i].plain);
	assert_true(scan_key_is(SPAN_NONE, ""));
	assert_false(scan_key_is(SPAN_NONE, "a"));
}

static void
text_is_unescaped(void **state)
{
	static const struct {
		const char *escaped;
		struct span text;
	} cases[] = {
		{ "", TEXT("") },
		{ "plain", TEXT("plain") },
		{ "\\\"\\\\\\/", TEXT("\"\\/") },
		{ "\\b\\f\\n\\r\\t", TEXT("\b\f\n\r\t") },
		{ "a\\u0041b", TEXT("aAb") },
		{ "\\u0000", TEXT("\0") },
		{ "\\u007f\\u0080", TEXT("\x7f\xc2\x80") },
		{ "\\u07FF\\u0800", TEXT("\xdf\xbf\xe0\xa0\x80") },
		{ "\\ud7ff", TEXT("\xed\x9f\xbf") },
		{ "\\ue000\\uFFFF", TEXT("\xee\x80\x80\xef\xbf\xbf") },
		{ "\\ud800\\udc00", TEXT("\xf0\x90\x80\x80") },
		{ "\\uDBFF\\uDFFF", TEXT("\xf4\x8f\xbf\xbf") },
		{ "x\\ud83d\\ude00y", TEXT("x\xf0\x9f\x98\x80y") },
		{ "\\\\u0041", TEXT("\\u0041") },
		{ "\xe4\xb8\x96\\n\xe7\x95\x8c", TEXT("\xe4\xb8\x96\n\xe7\x95\x8c") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = BUF_INIT;

		buf_add_lit(&out, "<");
		scan_text(&out, span_of(cases[i].escaped));
		assert_int_equal(out.len, cases[i].text.len + 1);
		assert_memory_equal(out.data + 1, cases[i].text.p, cases[i].text.len);
		assert_int_equal(scan_has_escape(span_of(cases[i].escaped)),
		    strchr(cases[i].escaped, '\\') != NULL);
		buf_fini(&out);
	}
}

static void
nothing_unescapes_to_nothing(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	scan_text(&out, SPAN_NONE);
	assert_int_equal(out.len, 0);
	assert_false(scan_has_escape(SPAN_NONE));
	buf_fini(&out);
}

static void
whole_numbers_are_read_exactly(void **state)
{
	static const struct {
		const char *raw;
		bool ok;
		int64_t value;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "7", true, 7 },
		{ "-42", true, -42 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "100000000000000000000", false, 0 },
		{ "1.0", false, 0 },
		{ "1e3", false, 0 },
		{ "1E0", false, 0 },
		{ "", false, 0 },
		{ "-", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = 99;

		assert_int_equal(scan_int(span_of(cases[i].raw), &value), cases[i].ok);
		assert_int_equal(value, cases[i].ok ? cases[i].value : 99);
	}
}

/* ---- writing ---- */

static void
text_is_quoted_with_what_json_requires(void **state)
{
	static const struct {
		struct span plain;
		const char *quoted;
	} cases[] = {
		{ TEXT(""), "\"\"" },
		{ TEXT("plain / text'"), "\"plain / text'\"" },
		{ TEXT("a\"b\\c"), "\"a\\\"b\\\\c\"" },
		{ TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ TEXT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\"" },
		{ TEXT("h\xc3\xa9 \xe4\xb8\x96 \xf0\x9f\x8c\x8d"),
		    "\"h\xc3\xa9 \xe4\xb8\x96 \xf0\x9f\x8c\x8d\"" },
		{ TEXT("\xff"), "\"\xef\xbf\xbd\"" },
		{ TEXT("a\x80\x80z"), "\"a\xef\xbf\xbd\xef\xbf\xbdz\"" },
		{ TEXT("\xc3"), "\"\xef\xbf\xbd\"" },
		{ TEXT("\xc3\""), "\"\xef\xbf\xbd\\\"\"" },
		{ TEXT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("01234567\n89abcdef\"0"), "\"01234567\\n89abcdef\\\"0\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span plain = exactly(cases[i].plain.p, cases[i].plain.len);
		struct buf out = BUF_INIT;

		buf_add_lit(&out, "x=");
		scan_quote(&out, plain);
		assert_string_equal(buf_text(&out) + 2, cases[i].quoted);
		assert_true(is_json(out.data + 2, out.len - 2));
		buf_fini(&out);
		free((char *)plain.p);
	}
}

static void
no_text_is_quoted_as_an_empty_string(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	scan_quote(&out, SPAN_NONE);
	assert_string_equal(buf_text(&out), "\"\"");
	buf_fini(&out);
}

static void
every_code_point_survives_quoting_and_escaping(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 61) {
		struct buf written = BUF_INIT, text = BUF_INIT, quoted = BUF_INIT;
		struct span escaped;
		struct scan s;

		if (code >= 0xD800 && code < 0xE000)
			continue;
		if (code < 0x10000)
			buf_printf(&written, "\"\\u%04x\"", code);
		else
			buf_printf(&written, "\"\\u%04x\\u%04X\"",
			    0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF));
		scan_init(&s, buf_span(&written));
		assert_true(scan_string(&s, &escaped) && scan_end(&s));
		scan_text(&text, escaped);
		scan_quote(&quoted, buf_span(&text));
		assert_null(oracle_disagrees(buf_span(&quoted)));
		buf_clear(&text);
		scan_init(&s, buf_span(&quoted));
		assert_true(scan_string(&s, &escaped) && scan_end(&s));
		scan_text(&text, escaped);
		assert_int_equal(text.len, code < 0x80      ? 1
					   : code < 0x800   ? 2
					   : code < 0x10000 ? 3
							    : 4);
		buf_fini(&written);
		buf_fini(&text);
		buf_fini(&quoted);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_texts_are_taken),
		cmocka_unit_test(invalid_texts_are_refused),
		cmocka_unit_test(no_text_at_all_is_no_json),
		cmocka_unit_test(any_two_bytes_in_any_place_are_judged_as_jansson_does),
		cmocka_unit_test(every_utf8_lead_is_held_to_its_tails),
		cmocka_unit_test(a_special_byte_is_seen_at_every_offset),
		cmocka_unit_test(every_byte_is_judged_in_every_place_of_a_word),
		cmocka_unit_test(runs_of_digits_and_blanks_end_at_every_offset),
		cmocka_unit_test(every_truncation_is_judged_as_jansson_does),
		cmocka_unit_test(every_changed_or_missing_byte_is_judged_as_jansson_does),
		cmocka_unit_test(recorded_answers_are_read_as_jansson_does),
		cmocka_unit_test(the_greatest_depth_is_taken),
		cmocka_unit_test(one_level_more_is_refused),
		cmocka_unit_test(depth_counts_from_the_root_also_when_a_part_is_skipped),
		cmocka_unit_test(the_type_of_a_value_is_told_without_consuming_it),
		cmocka_unit_test(an_object_is_walked_member_by_member),
		cmocka_unit_test(an_array_is_walked_item_by_item),
		cmocka_unit_test(a_raw_value_has_no_white_space_around_it),
		cmocka_unit_test(walks_may_nest),
		cmocka_unit_test(a_value_of_another_type_is_a_fault),
		cmocka_unit_test(the_first_fault_sticks),
		cmocka_unit_test(a_consumer_may_find_faults_of_its_own),
		cmocka_unit_test(the_end_is_only_reached_when_all_was_read),
		cmocka_unit_test(faults_are_told_with_their_place),
		cmocka_unit_test(a_consumer_that_reads_wrongly_dies),
		cmocka_unit_test(names_are_compared_as_what_they_mean),
		cmocka_unit_test(text_is_unescaped),
		cmocka_unit_test(nothing_unescapes_to_nothing),
		cmocka_unit_test(whole_numbers_are_read_exactly),
		cmocka_unit_test(text_is_quoted_with_what_json_requires),
		cmocka_unit_test(no_text_is_quoted_as_an_empty_string),
		cmocka_unit_test(every_code_point_survives_quoting_and_escaping),
	};

	return cmocka_run_group_tests_name("base/scan", tests, NULL, NULL);
}
