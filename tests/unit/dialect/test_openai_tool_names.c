/*
 * Names of functions: those that Gemini takes, those that it does not, and the way back.
 */
#include "dialect/openai_tools.h"

#include "tests/unit/dialect/tools.h"

#define TEN   "abcdefghij"
#define FIFTY TEN TEN TEN TEN TEN

static void
a_legal_name_is_sent_as_it_is(void **state)
{
	static const char *const names[] = { "f", "_", "_1", "A.b:c-d_9", "get_weather",
		FIFTY "abcdefghijklmn" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(names); i++) {
		struct span name = span_of(names[i]);

		assert_ptr_equal(openai_tool_name(name, w->arena).p, name.p);
	}
}

static void
an_illegal_name_is_made_legal(void **state)
{
	static const struct {
		const char *name, *sent;
	} rows[] = {
		{ "server/tool", "server_tool" },
		{ "a b\tc", "a_b_c" },
		{ "1st", "_1st" },
		{ "-x", "_-x" },
		{ ".x", "_.x" },
		{ ":x", "_:x" },
		{ "/x", "_x" },
		{ "$", "_" },
		{ "\xc3\xa9t\xc3\xa9", "_t_" },
		{ "\xf0\x9f\x98\x80", "_" },
		{ "a\"b\\c", "a_b_c" },
		{ FIFTY "abc/efghijklmn", FIFTY "abc_efghijklmn" },
		{ "1" FIFTY "abcdefghijkl", "_1" FIFTY "abcdefghijkl" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span sent = openai_tool_name(span_of(rows[i].name), w->arena);

		if (!span_is(sent, rows[i].sent))
			fail_msg("%s: %.*s", rows[i].name, SPAN_ARG(sent));
	}
	assert_true(span_is(openai_tool_name(SPAN("a\0b"), w->arena), "a_b"));
}

static void
a_name_over_64_bytes_is_cut_and_gets_a_hash(void **state)
{
	static const char *const names[] = { FIFTY "abcdefghijklmno", FIFTY "abcdefghijklmnp",
		FIFTY "abcde/ghijklmno", "1" FIFTY "abcdefghijklm" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(names); i++) {
		struct span sent = openai_tool_name(span_of(names[i]), w->arena);

		assert_int_equal(sent.len, 64);
		assert_int_equal(sent.p[55], '_');
		assert_int_equal(strspn(sent.p + 56, "0123456789abcdef"), 8);
		assert_memory_equal(sent.p, i == 3 ? "_1" FIFTY "abc" : FIFTY "abcde", 55);
		for (size_t j = 0; j < i; j++)
			assert_false(span_eq(sent, openai_tool_name(span_of(names[j]), w->arena)));
	}
}

static void
the_same_name_is_always_sent_alike(void **state)
{
	struct world *w = *state;
	struct span sent = openai_tool_name(SPAN(FIFTY FIFTY), w->arena);

	assert_true(span_eq(sent, openai_tool_name(SPAN(FIFTY FIFTY), w->arena)));
	assert_true(span_is(sent, FIFTY "abcde_3cec3f5b"));
}

static void
a_changed_name_can_be_changed_back(void **state)
{
	struct world *w = *state;
	const struct openai_tool *tool;

	gives(w, &gemini_3, TOOLS(F("srv/read") "," F("2fa") "," F("plain")),
	    DECLARED(NAMED("srv_read") "," NAMED("_2fa") "," NAMED("plain")));
	tool = openai_tools_by_sent(&w->tools, SPAN("srv_read"));
	assert_true(span_is(tool->name, "srv/read"));
	assert_ptr_equal(openai_tools_by_name(&w->tools, SPAN("srv/read")), tool);
	assert_true(span_is(openai_tools_by_sent(&w->tools, SPAN("_2fa"))->name, "2fa"));
	assert_string_equal(sent_name(w, "plain"), "plain");
	assert_null(openai_tools_by_sent(&w->tools, SPAN("srv/read")));
	assert_null(openai_tools_by_name(&w->tools, SPAN("srv_read")));
	assert_null(openai_tools_by_name(&w->tools, SPAN("other")));
	assert_null(openai_tools_by_name(&w->tools, SPAN_NONE));
}

static void
nothing_is_found_where_there_are_no_tools(void **state)
{
	struct world *w = *state;

	must_translate(w, "", &gemini_3);
	assert_null(openai_tools_by_sent(&w->tools, SPAN("f")));
	assert_null(openai_tools_by_name(&w->tools, SPAN("f")));
	must_translate(w, "'tools':[]", &gemini_3);
	assert_null(openai_tools_by_sent(&w->tools, SPAN("f")));
}

static void
a_name_with_escapes_is_known_by_what_they_stand_for(void **state)
{
	struct world *w = *state;

	gives(w, &gemini_3,
	    TOOLS(F("get\\u005ftemp") "," F("a\\/b")) ",'tool_choice':{'type':'function',"
						      "'function':{'name':'get_tem\\u0070'}}",
	    DECLARED(NAMED("get_temp") "," NAMED("a_b"))
		CONFIG(CALLING("'mode':'ANY','allowedFunctionNames':['get_temp']")));
	assert_string_equal(sent_name(w, "get_temp"), "get_temp");
	assert_string_equal(sent_name(w, "a/b"), "a_b");
}

static void
names_that_become_the_same_are_told_apart(void **state)
{
	struct world *w = *state;
	static const char *const orders[] = { TOOLS(F("a_b") "," F("a/b") "," F("a b")),
		TOOLS(F("a/b") "," F("a b") "," F("a_b")) };

	for (size_t i = 0; i < COUNT(orders); i++) {
		must_translate(w, orders[i], &gemini_3);
		assert_string_equal(sent_name(w, "a_b"), "a_b");
		assert_string_not_equal(sent_name(w, "a/b"), "a_b");
		assert_string_not_equal(sent_name(w, "a b"), "a_b");
		assert_string_not_equal(sent_name(w, "a b"), sent_name(w, "a/b"));
	}
	must_translate(w, TOOLS(F("a/b") "," F("a b")), &gemini_3);
	assert_string_equal(sent_name(w, "a/b"), "a_b");
	assert_int_equal(strlen(sent_name(w, "a b")), strlen("a_b_01234567"));
}

/* One who knows the hash can claim what the others would be sent as. */
static void
names_that_were_made_to_clash_are_told_apart_all_the_same(void **state)
{
	struct world *w = *state;
	char members[1024] = TOOLS(F("a/b") "," F("a_b"));
	char rivals[4][OPENAI_TOOL_NAME_MAX + 1];

	for (size_t i = 0; i < COUNT(rivals); i++) {
		size_t behind = strlen(members) - 1;

		must_translate(w, members, &gemini_3);
		snprintf(rivals[i], sizeof(rivals[i]), "%s", sent_name(w, "a/b"));
		snprintf(members + behind, sizeof(members) - behind, "," F("%s") "]", rivals[i]);
	}
	must_translate(w, members, &gemini_3);
	for (size_t i = 0; i < COUNT(rivals); i++) {
		assert_string_equal(sent_name(w, rivals[i]), rivals[i]);
		assert_string_not_equal(sent_name(w, "a/b"), rivals[i]);
	}
}

/* All are made the same, "_", and told apart by their hash alone. */
static void
many_tools_whose_names_become_the_same_all_differ(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;
	size_t i = 0;

	buf_add_text(&b, "'tools':[");
	for (int code = 0x4e00; code < 0x4e00 + 5000; code++)
		buf_printf(&b, "%s" F("\\u%04x"), i++ > 0 ? "," : "", code);
	buf_add_text(&b, "]");
	must_translate(w, buf_text(&b), &gemini_3);
	assert_int_equal(w->tools.count, 5000);
	for (const struct openai_tool *t = w->tools.first; t != NULL; t = t->next) {
		assert_ptr_equal(openai_tools_by_sent(&w->tools, t->sent), t);
		assert_ptr_equal(openai_tools_by_name(&w->tools, t->name), t);
	}
	buf_fini(&b);
}

static void
a_name_of_a_megabyte_is_a_name(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	buf_add_text(&b, "'tools':[{'type':'function','function':{'name':'");
	for (int i = 0; i < 100 * 1024; i++)
		buf_add_text(&b, TEN);
	buf_add_text(&b, "'}}]");
	must_translate(w, buf_text(&b), &gemini_3);
	assert_int_equal(w->tools.first->name.len, 1000 * 1024);
	assert_int_equal(w->tools.first->sent.len, 64);
	buf_fini(&b);
}

#define TEST(f) cmocka_unit_test(f)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_legal_name_is_sent_as_it_is),
		TEST(an_illegal_name_is_made_legal),
		TEST(a_name_over_64_bytes_is_cut_and_gets_a_hash),
		TEST(the_same_name_is_always_sent_alike),
		TEST(a_changed_name_can_be_changed_back),
		TEST(nothing_is_found_where_there_are_no_tools),
		TEST(a_name_with_escapes_is_known_by_what_they_stand_for),
		TEST(names_that_become_the_same_are_told_apart),
		TEST(names_that_were_made_to_clash_are_told_apart_all_the_same),
		TEST(many_tools_whose_names_become_the_same_all_differ),
		TEST(a_name_of_a_megabyte_is_a_name),
	};

	return cmocka_run_group_tests_name("dialect/openai_tool_names", tests, build, clear_away);
}
