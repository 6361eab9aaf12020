/*
 * Which tools may or must be called, row by row: what a client chooses and what Gemini is told.
 */
#include "dialect/openai_tools.h"

#include "tests/unit/dialect/tools.h"

static void
each_choice_has_its_mode(void **state)
{
	static const struct {
		const char *choice, *config;
	} rows[] = {
		{ "null", "" },
		{ "'auto'", "" },
		{ "'none'", CONFIG(CALLING("'mode':'NONE'")) },
		{ "'required'", CONFIG(CALLING("'mode':'ANY'")) },
		{ "'validated'", CONFIG(CALLING("'mode':'VALIDATED'")) },
		{ "'requ\\u0069red'", CONFIG(CALLING("'mode':'ANY'")) },
		{ F("f"), NAMES("'f'") },
		{ F("a/b"), NAMES("'a_b'") },
		{ "{'type':'custom','custom':{'name':'c'}}", NAMES("'c'") },
		{ "{'type':'function','function':{'name':'f'},'custom':null}", NAMES("'f'") },
		{ ALLOWED("required", F("f")), NAMES("'f'") },
		{ ALLOWED("required", "{'type':'custom','custom':{'name':'c'}}," F("a/b")),
		    NAMES("'c','a_b'") },
		{ ALLOWED("auto", F("f") "," F("a/b")), VALID("'f','a_b'") },
		{ ALLOWED("auto", F("f") "," F("f")), VALID("'f'") },
		{ ALLOWED("auto", ""), CONFIG(CALLING("'mode':'NONE'")) },
		{ "{'allowed_tools':{'tools':[" F("f") "],'mode':'auto'},'type':'allowed_tools'}",
		    VALID("'f'") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char members[512], gemini[512];

		snprintf(members, sizeof(members),
		    "'tool_choice':%s,'tools':[" F("f") "," F(
			"a/b") ",{'type':'custom','custom':{'name':'c'}}]",
		    rows[i].choice);
		snprintf(gemini, sizeof(gemini),
		    DECLARED(NAMED("f") "," NAMED(
			"a_b") ",{'name':'c','parametersJsonSchema':{'type':'object','properties':"
			       "{'input':{'type':'string'}},'required':['input']}}") "%s",
		    rows[i].config);
		gives(*state, &gemini_3, members, gemini);
		gives(*state, &gemini_25, members, gemini);
	}
}

static void
older_models_are_told_only_of_the_allowed_tools(void **state)
{
	static const char tools[] = ",'tools':[" F("f") "," F("g") "," F("h") "]";
	char members[512];

	snprintf(members, sizeof(members), "'tool_choice':%s%s", ALLOWED("auto", F("h") "," F("f")),
	    tools);
	gives(*state, &gemini_20, members, DECLARED(NAMED("f") "," NAMED("h")));
	snprintf(
	    members, sizeof(members), "'tool_choice':%s%s", ALLOWED("required", F("h")), tools);
	gives(*state, &gemini_20, members,
	    DECLARED(NAMED("f") "," NAMED("g") "," NAMED("h")) NAMES("'h'"));
	snprintf(members, sizeof(members), "'tool_choice':%s%s", ALLOWED("auto", ""), tools);
	gives(*state, &gemini_20, members,
	    DECLARED(NAMED("f") "," NAMED("g") "," NAMED("h")) CONFIG(CALLING("'mode':'NONE'")));
}

static void
a_choice_that_is_none_of_the_tools_is_refused(void **state)
{
	static const struct {
		const char *members, *field;
	} rows[] = {
		{ "'tools':[" F("f") "],'tool_choice':" F("g"), "tool_choice.function.name" },
		{ "'tools':[" F("f") "],'tool_choice':{'type':'custom','custom':{'name':'g'}}",
		    "tool_choice.custom.name" },
		{ "'tools':[" F("a/b") "],'tool_choice':" F("a_b"), "tool_choice.function.name" },
		{ "'tools':[" F("f") "],'tool_choice':" ALLOWED("auto", F("f") "," F("g")),
		    "tool_choice.allowed_tools.tools[1].function.name" },
		{ "'tools':[" F("f") "],'tool_choice':" ALLOWED(
		      "required", "{'type':'web_search'},{'type':'custom','custom':{'name':'g'}}"),
		    "tool_choice.allowed_tools.tools[1].custom.name" },
		{ "'functions':[{'name':'f'}],'function_call':{'name':'g'}", "function_call.name" },
		{ "'tools':[{'type':'web_search'}],'tool_choice':" F("g"),
		    "tool_choice.function.name" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		refuses(*state, rows[i].members, rows[i].field);
}

static void
a_choice_needs_tools(void **state)
{
	static const char *const rows[] = { "'required'", "'validated'", F("f"),
		ALLOWED("auto", F("f")), ALLOWED("auto", "") };

	for (size_t i = 0; i < COUNT(rows); i++) {
		char members[256];

		snprintf(members, sizeof(members), "'tool_choice':%s", rows[i]);
		refuses(*state, members, "tool_choice");
		snprintf(members, sizeof(members), "'tool_choice':%s,'tools':[]", rows[i]);
		refuses(*state, members, "tool_choice");
	}
	refuses(*state, "'function_call':{'name':'f'}", "function_call");
}

static void
the_legacy_choice_is_none_auto_or_a_name(void **state)
{
	static const struct {
		const char *choice, *config;
	} rows[] = {
		{ "null", "" },
		{ "'auto'", "" },
		{ "'none'", CONFIG(CALLING("'mode':'NONE'")) },
		{ "{'name':'f'}", CONFIG(CALLING("'mode':'ANY','allowedFunctionNames':['f']")) },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char members[256], gemini[256];

		snprintf(members, sizeof(members), "'functions':[{'name':'f'}],'function_call':%s",
		    rows[i].choice);
		snprintf(gemini, sizeof(gemini), DECLARED(NAMED("f")) "%s", rows[i].config);
		gives(*state, &gemini_3, members, gemini);
	}
}

static void
a_choice_of_a_wrong_shape_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *members, *field;
	} rows[] = {
		{ CHOICE("7"), "tool_choice" },
		{ CHOICE("[]"), "tool_choice" },
		{ CHOICE("true"), "tool_choice" },
		{ CHOICE("''"), "tool_choice" },
		{ CHOICE("'any'"), "tool_choice" },
		{ CHOICE("'f'"), "tool_choice" },
		{ CHOICE("{}"), "tool_choice.type" },
		{ CHOICE("{'type':'any'}"), "tool_choice.type" },
		{ CHOICE("{'type':'function'}"), "tool_choice.function" },
		{ CHOICE("{'type':'function','function':'f'}"), "tool_choice.function" },
		{ CHOICE("{'type':'function','function':{}}"), "tool_choice.function.name" },
		{ CHOICE("{'type':'function','function':{'name':7}}"),
		    "tool_choice.function.name" },
		{ CHOICE("{'type':'custom'}"), "tool_choice.custom" },
		{ CHOICE("{'type':'custom','custom':{'name':''}}"), "tool_choice.custom.name" },
		{ CHOICE("{'type':'allowed_tools'}"), "tool_choice.allowed_tools" },
		{ CHOICE("{'type':'allowed_tools','allowed_tools':null}"),
		    "tool_choice.allowed_tools" },
		{ CHOICE("{'type':'allowed_tools','allowed_tools':{'mode':'auto','tools':null}}"),
		    "tool_choice.allowed_tools.tools" },
		{ CHOICE("{'type':'allowed_tools','allowed_tools':[]}"),
		    "tool_choice.allowed_tools" },
		{ CHOICE("{'type':'allowed_tools','allowed_tools':{'tools':[]}}"),
		    "tool_choice.allowed_tools.mode" },
		{ CHOICE("{'type':'allowed_tools','allowed_tools':{'mode':'auto'}}"),
		    "tool_choice.allowed_tools.tools" },
		{ CHOICE("{'type':'allowed_tools','allowed_tools':{'mode':'auto','tools':'f'}}"),
		    "tool_choice.allowed_tools.tools" },
		{ CHOICE(ALLOWED("none", F("f"))), "tool_choice.allowed_tools.mode" },
		{ CHOICE(ALLOWED("required", "")), "tool_choice.allowed_tools.tools" },
		{ CHOICE(ALLOWED("auto", "'f'")), "tool_choice.allowed_tools.tools[0]" },
		{ CHOICE(ALLOWED("auto", F("f") ",{}")),
		    "tool_choice.allowed_tools.tools[1].type" },
		{ CHOICE(ALLOWED("auto", "{'type':'mcp'}")),
		    "tool_choice.allowed_tools.tools[0].type" },
		{ CHOICE(ALLOWED("auto", "{'type':'function'}")),
		    "tool_choice.allowed_tools.tools[0].function" },
		{ CHOICE(ALLOWED("auto", "{'type':'function','function':{}}")),
		    "tool_choice.allowed_tools.tools[0].function.name" },
		{ "'functions':[{'name':'f'}],'function_call':'required'", "function_call" },
		{ "'functions':[{'name':'f'}],'function_call':'validated'", "function_call" },
		{ "'functions':[{'name':'f'}],'function_call':7", "function_call" },
		{ "'functions':[{'name':'f'}],'function_call':{}", "function_call.name" },
		{ "'functions':[{'name':'f'}],'function_call':{'name':7}", "function_call.name" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		refuses(*state, rows[i].members, rows[i].field);
}

#define TEST(f) cmocka_unit_test(f)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_choice_has_its_mode),
		TEST(older_models_are_told_only_of_the_allowed_tools),
		TEST(a_choice_that_is_none_of_the_tools_is_refused),
		TEST(a_choice_needs_tools),
		TEST(the_legacy_choice_is_none_auto_or_a_name),
		TEST(a_choice_of_a_wrong_shape_is_refused_with_its_place),
	};

	return cmocka_run_group_tests_name("dialect/openai_tool_choice", tests, build, clear_away);
}
