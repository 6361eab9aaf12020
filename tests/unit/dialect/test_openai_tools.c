/*
 * Tools, row by row: what a client sends and what Gemini gets of it.
 */
#include "dialect/openai_tools.h"

#include "tests/unit/dialect/tools.h"

/* ---- functions ---- */

static void
all_functions_go_into_one_tool(void **state)
{
	gives(*state, &gemini_3, TOOLS(F("a") "," F("b") "," F("c")),
	    DECLARED(NAMED("a") "," NAMED("b") "," NAMED("c")));
}

static void
no_tools_give_nothing(void **state)
{
	static const char *const rows[] = { "", "'tools':null", "'tools':[]", "'functions':null",
		"'functions':[]", "'tools':[],'functions':[]", "'tools':null,'tool_choice':null",
		"'tool_choice':'none'", "'tool_choice':'auto'", "'function_call':'none'",
		"'function_call':'auto'", "'web_search_options':null" };

	for (size_t i = 0; i < COUNT(rows); i++) {
		gives(*state, &gemini_3, rows[i], "");
		gives(*state, &gemini_20, rows[i], "");
	}
}

static void
the_tools_of_the_worked_example_are_as_it_says(void **state)
{
	gives(*state, &gemini_3,
	    "'tools':[{'type':'function','function':{'name':'get_temp','parameters':{'type':"
	    "'object','properties':{'city':{'type':'string'}},'required':['city']}}}]",
	    ",'tools':[{'functionDeclarations':[{'name':'get_temp','parametersJsonSchema':{'type':"
	    "'object','properties':{'city':{'type':'string'}},'required':['city']}}]}]");
}

static void
members_may_come_in_any_order(void **state)
{
	gives(*state, &gemini_3,
	    "'tool_choice':{'function':{'name':'f'},'type':'function'},'tools':[{'function':{"
	    "'parameters':" CITY_T1 ",'description':'d','name':'f'},'type':'function'}]",
	    DECLARED("{'name':'f','description':'d','parametersJsonSchema':" CITY_T1 "}")
		CONFIG(CALLING("'mode':'ANY','allowedFunctionNames':['f']")));
}

static void
a_description_is_passed_on_and_an_absent_one_is_left_out(void **state)
{
	gives(*state, &gemini_3,
	    TOOLS(
		"{'type':'function','function':{'name':'a','description':'Line\\nS\\u00e3o \\\\'}},"
		"{'type':'function','function':{'name':'b','description':null}},"
		"{'type':'function','function':{'name':'c','description':''}}," F("d")),
	    DECLARED("{'name':'a','description':'Line\\nS\\u00e3o \\\\'}," NAMED("b") "," NAMED(
		"c") "," NAMED("d")));
}

static void
parameters_become_a_json_schema_on_models_that_know_it(void **state)
{
	static const char members[] =
	    "'tools':[{'type':'function','function':{'name':'f','parameters':" CITY_T1 "}}]";
	static const char t1[] = DECLARED("{'name':'f','parametersJsonSchema':" CITY_T1 "}");
	static const char t2[] = DECLARED("{'name':'f','parameters':" CITY_T2 "}");
	const struct {
		struct model_facts facts;
		const char *gemini;
	} rows[] = {
		{ { .major = 3, .minor = 1 }, t1 },
		{ { .major = 3 }, t1 },
		{ { .major = 2, .minor = 5 }, t1 },
		{ { .major = 0 }, t1 },
		{ { .major = 2 }, t2 },
		{ { .major = 1, .minor = 5 }, t2 },
		{ { .major = 3, .lacks = LACKS(JSON_SCHEMA) }, t2 },
		{ { .major = 0, .lacks = LACKS(JSON_SCHEMA) }, t2 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		gives(*state, &rows[i].facts, members, rows[i].gemini);
}

static void
parameters_that_are_absent_or_have_no_properties_are_left_out(void **state)
{
	static const char *const rows[] = { "", ",'parameters':null", ",'parameters':{}",
		",'parameters':{'type':'object'}",
		",'parameters':{'type':'object','properties':{},'additionalProperties':false}" };

	for (size_t i = 0; i < COUNT(rows); i++) {
		char members[256];

		snprintf(members, sizeof(members),
		    "'tools':[{'type':'function','function':{'name':'f'%s,'description':'d'}}]",
		    rows[i]);
		gives(*state, &gemini_3, members, DECLARED("{'name':'f','description':'d'}"));
		gives(*state, &gemini_20, members, DECLARED("{'name':'f','description':'d'}"));
	}
}

static void
parameters_that_are_no_object_are_wrapped_and_said_to_be(void **state)
{
	struct world *w = *state;
	static const char members[] =
	    "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'string'}}},"
	    "{'type':'function','function':{'name':'g','parameters':" CITY_T1 "}}]";

	gives(w, &gemini_3, members,
	    DECLARED("{'name':'f','parametersJsonSchema':{'type':'object','properties':{'value':{"
		     "'type':'string'}},'required':['value']}},"
		     "{'name':'g','parametersJsonSchema':" CITY_T1 "}"));
	assert_true(openai_tools_by_sent(&w->tools, SPAN("f"))->wrapped);
	assert_false(openai_tools_by_sent(&w->tools, SPAN("g"))->wrapped);
	gives(w, &gemini_20, members,
	    DECLARED("{'name':'f','parameters':{'type':'OBJECT','properties':{'value':{"
		     "'type':'STRING'}},'required':['value']}},"
		     "{'name':'g','parameters':" CITY_T2 "}"));
	assert_true(openai_tools_by_sent(&w->tools, SPAN("f"))->wrapped);
}

/* Fault (j) of a popular gateway, and lessons 9 to 16: one routine cleans what tools bring too. */
static void
words_that_gemini_refuses_in_a_schema_do_not_go_up(void **state)
{
	struct world *w = *state;
	static const char members[] =
	    "'tools':[{'type':'function','function':{'name':'f','parameters':{'$schema':'x','type':"
	    "'object','properties':{'a':{'const':'x','$comment':'c'},'b':{'type':'integer',"
	    "'exclusiveMinimum':0},'c':{'type':['string','null']}},'propertyNames':{'pattern':'x'},"
	    "'additionalProperties':false}}}]";
	static const char *const refused[] = { "const", "exclusiveMinimum", "$comment", "$schema",
		"propertyNames" };

	must_translate(w, members, &gemini_3);
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_false(span_has(buf_span(&w->out), refused[i]));
	assert_true(span_has(buf_span(&w->out), "[\"string\",\"null\"]"));
	must_translate(w, members, &gemini_20);
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_false(span_has(buf_span(&w->out), refused[i]));
	assert_false(span_has(buf_span(&w->out), "[\"string\",\"null\"]"));
	assert_false(span_has(buf_span(&w->out), "additionalProperties"));
}

static void
strict_is_ignored(void **state)
{
	static const char *const values[] = { "true", "false", "null" };

	for (size_t i = 0; i < COUNT(values); i++) {
		char members[256];

		snprintf(members, sizeof(members),
		    "'tools':[{'type':'function','strict':%s,'function':{'strict':%s,'name':'f',"
		    "'parameters':" CITY_T1 "}}]",
		    values[i], values[i]);
		gives(*state, &gemini_3, members,
		    DECLARED("{'name':'f','parametersJsonSchema':" CITY_T1 "}"));
	}
}

static void
of_tools_with_one_name_the_last_wins(void **state)
{
	struct world *w = *state;

	gives(w, &gemini_3,
	    TOOLS("{'type':'function','function':{'name':'f','description':'1'}}," F(
		"g") ","
		     "{'type':'function','function':{'name':'f','description':'2'}},"
		     "{'type':'function','function':{'name':'\\u0066','description':'3'}}," F("h")),
	    DECLARED(NAMED("g") ",{'name':'f','description':'3'}," NAMED("h")));
	assert_int_equal(w->tools.count, 3);
	assert_true(span_is(w->tools.last->name, "h"));
	assert_int_equal(openai_tools_by_name(&w->tools, SPAN("f"))->at, 3);
	gives(w, &gemini_3,
	    TOOLS(F("f") ",{'type':'function','function':{'name':'f','description':'last'}}"),
	    DECLARED("{'name':'f','description':'last'}"));
	assert_true(span_is(w->tools.last->description, "last"));
}

/* There is no setting that makes more of these names. */
static void
a_function_named_like_a_tool_of_googles_is_a_function(void **state)
{
	gives(*state, &gemini_3,
	    TOOLS(F("googleSearch") "," F("google_search") "," F("codeExecution") "," F(
		"urlContext")),
	    DECLARED(NAMED("googleSearch") "," NAMED("google_search") "," NAMED(
		"codeExecution") "," NAMED("urlContext")));
}

/* ---- custom tools, legacy functions ---- */

static void
a_custom_tool_is_a_function_of_one_input(void **state)
{
	struct world *w = *state;
	static const char members[] =
	    "'tools':[{'type':'custom','custom':{'name':'sql','description':'Runs it.'}}]";

	gives(w, &gemini_3, members,
	    DECLARED("{'name':'sql','description':'Runs it.','parametersJsonSchema':{'type':"
		     "'object','properties':{'input':{'type':'string'}},'required':['input']}}"));
	assert_true(openai_tools_by_sent(&w->tools, SPAN("sql"))->custom);
	gives(w, &gemini_20, members,
	    DECLARED("{'name':'sql','description':'Runs it.','parameters':{'type':"
		     "'OBJECT','properties':{'input':{'type':'STRING'}},'required':['input']}}"));
	must_translate(w, TOOLS(F("sql")), &gemini_3);
	assert_false(openai_tools_by_sent(&w->tools, SPAN("sql"))->custom);
}

static void
the_grammar_of_a_custom_tool_stands_in_its_description(void **state)
{
	static const struct {
		const char *custom, *description;
	} rows[] = {
		{ "'format':null", NULL },
		{ "'format':{'type':'text'}", NULL },
		{ "'format':{'type':'text','grammar':{'syntax':'lark','definition':'x'}}", NULL },
		{ "'format':{'type':'grammar','grammar':{'syntax':'lark','definition':'s: "
		  "\\'a\\'\\n'}}",
		    "The input must match this lark grammar:\\ns: \\'a\\'\\n" },
		{ "'format':{'grammar':{'definition':'^\\\\d+$','syntax':'regex'},'type':'grammar'}"
		  ","
		  "'description':'A number.'",
		    "A number.\\n\\nThe input must match this regex grammar:\\n^\\\\d+$" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char members[512], gemini[512];

		snprintf(members, sizeof(members),
		    "'tools':[{'type':'custom','custom':{'name':'c',%s}}]", rows[i].custom);
		snprintf(gemini, sizeof(gemini),
		    DECLARED("{'name':'c'%s%s%s,'parametersJsonSchema':{'type':'object',"
			     "'properties':{'input':{'type':'string'}},'required':['input']}}"),
		    rows[i].description ? ",'description':'" : "",
		    rows[i].description ? rows[i].description : "", rows[i].description ? "'" : "");
		gives(*state, &gemini_3, members, gemini);
	}
}

static void
legacy_functions_are_functions(void **state)
{
	struct world *w = *state;
	static const char members[] =
	    "'functions':[{'name':'f','description':'d','parameters':" CITY_T1 "},{'name':'g'}]";

	gives(w, &gemini_3, members,
	    DECLARED(
		"{'name':'f','description':'d','parametersJsonSchema':" CITY_T1 "}," NAMED("g")));
	assert_true(w->tools.legacy);
	gives(w, &gemini_20, members,
	    DECLARED("{'name':'f','description':'d','parameters':" CITY_T2 "}," NAMED("g")));
	must_translate(w, TOOLS(F("f")), &gemini_3);
	assert_false(w->tools.legacy);
}

static void
what_is_legacy_has_no_effect_beside_what_is_not(void **state)
{
	static const char *const rows[] = {
		"'functions':[{'name':'old'}],'tools':[" F("f") "]",
		"'tools':[" F("f") "],'functions':[{'name':'old'}]",
		"'tools':[" F("f") "],'functions':null,'function_call':null",
		"'functions':[],'tools':[" F("f") "],'functions':[]",
		"'tool_choice':'auto','function_call':'none','tools':[" F("f") "]",
		"'function_call':{'name':'f'},'tool_choice':'auto','tools':[" F("f") "]",
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		gives(w, &gemini_3, rows[i], DECLARED(NAMED("f")));
		assert_false(w->tools.legacy);
	}
	gives(w, &gemini_3, "'functions':[{'name':'old'}],'tools':[],'tools':null",
	    DECLARED(NAMED("old")));
	assert_true(w->tools.legacy);
	gives(w, &gemini_3,
	    "'functions':[{'name':'old'}],'function_call':'none','tool_choice':null",
	    DECLARED(NAMED("old")) CONFIG(CALLING("'mode':'NONE'")));
}

/* ---- search ---- */

#define SEARCH "{'googleSearch':{}}"
#define BESIDE "'includeServerSideToolInvocations':true"

static void
each_way_to_ask_for_a_search_gives_one(void **state)
{
	static const char *const rows[] = { "'web_search_options':{}",
		"'web_search_options':{'search_context_size':'low'}",
		"'tools':[{'type':'web_search'}]", "'tools':[{'type':'web_search_preview'}]",
		"'tools':[{'type':'web_search_2025_08_26','search_context_size':'high'}]",
		"'tools':[{'type':'web_search_preview_2025_03_11'}]",
		"'tools':[{'type':'web_search'},{'type':'web_search'}],'web_search_options':{}",
		"'NAME-search':true", "'tools':[{'type':'web_search'}],'tool_choice':'required'",
		"'tools':[{'type':'web_search'}],'tool_choice':" ALLOWED(
		    "required", "{'type':'web_search'}") };
	const struct model_facts models[] = { gemini_3, gemini_25, gemini_20, unknown,
		{ .major = 1, .minor = 5 }, { .major = 2, .lacks = LACKS(SEARCH_WITH_TOOLS) } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t j = 0; j < COUNT(models); j++) {
			gives(w, &models[j], rows[i], ",'tools':[" SEARCH "]");
			assert_false(w->dropped_search);
		}
}

static void
search_stands_beside_functions_on_gemini_3(void **state)
{
	struct world *w = *state;
	static const struct model_facts newer = { .major = 4, .minor = 2 };

	gives(w, &gemini_3, "'web_search_options':{},'tools':[" F("f") "]",
	    ",'tools':[{'functionDeclarations':[" NAMED("f") "]}," SEARCH "]" CONFIG(BESIDE));
	assert_false(w->dropped_search);
	gives(w, &newer, "'tools':[{'type':'web_search'}," F("f") "],'tool_choice':" F("f"),
	    ",'tools':[{'functionDeclarations':[" NAMED("f") "]}," SEARCH "]" CONFIG(
		CALLING("'mode':'ANY','allowedFunctionNames':['f']") "," BESIDE));
	assert_false(w->dropped_search);
}

static void
before_gemini_3_functions_win_over_search(void **state)
{
	const struct model_facts models[] = { gemini_25, gemini_20, unknown,
		{ .major = 3, .lacks = LACKS(SEARCH_WITH_TOOLS) } };
	static const char *const rows[] = { "'web_search_options':{},'tools':[" F("f") "]",
		"'tools':[{'type':'web_search'}," F("f") "]",
		"'NAME-search':true,'tools':[" F("f") "]",
		"'web_search_options':{},'functions':[{'name':'f'}]" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t j = 0; j < COUNT(models); j++) {
			gives(w, &models[j], rows[i], DECLARED(NAMED("f")));
			assert_true(w->dropped_search);
		}
}

static void
a_search_tool_is_under_the_choice_and_the_option_is_not(void **state)
{
	static const char declared[] = ",'tools':[{'functionDeclarations':[" NAMED("f") "]}]";
	static const char both[] =
	    ",'tools':[{'functionDeclarations':[" NAMED("f") "]}," SEARCH "]";
	static const struct {
		const char *members, *tools, *config;
	} rows[] = {
		{ "'tools':[{'type':'web_search'}," F("f") "],'tool_choice':'none'", declared,
		    CONFIG(CALLING("'mode':'NONE'")) },
		{ "'tools':[{'type':'web_search'}," F("f") "],'tool_choice':" ALLOWED(
		      "auto", F("f")),
		    declared, VALID("'f'") },
		{ "'tools':[{'type':'web_search'}," F("f") "],'tool_choice':" ALLOWED(
		      "auto", F("f") ",{'type':'web_search'}"),
		    both,
		    CONFIG(CALLING("'mode':'VALIDATED','allowedFunctionNames':['f']") "," BESIDE) },
		{ "'tools':[{'type':'web_search'}," F("f") "],'tool_choice':" ALLOWED(
		      "required", "{'type':'web_search_preview'}"),
		    both, CONFIG(CALLING("'mode':'NONE'") "," BESIDE) },
		{ "'web_search_options':{},'tools':[" F("f") "],'tool_choice':'none'", both,
		    CONFIG(CALLING("'mode':'NONE'") "," BESIDE) },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char gemini[512];

		snprintf(gemini, sizeof(gemini), "%s%s", rows[i].tools, rows[i].config);
		gives(*state, &gemini_3, rows[i].members, gemini);
	}
	gives(*state, &gemini_3, "'tools':[{'type':'web_search'}],'tool_choice':'none'", "");
}

static void
options_of_a_search_that_have_no_effect_are_noted(void **state)
{
	static const struct {
		const char *members, *ignored;
	} rows[] = {
		{ "'web_search_options':{}", "" },
		{ "'web_search_options':{'user_location':null,'search_context_size':null}", "" },
		{ "'web_search_options':{'user_location':{}}", "" },
		{ "'web_search_options':{'search_context_size':'low','new':1}",
		    "web_search_options.search_context_size " },
		{ "'web_search_options':{'user_location':{'type':'approximate','approximate':{"
		  "'country':'FR'}},'search_context_size':'low','filters':{'a':1}}",
		    "web_search_options.user_location web_search_options.search_context_size "
		    "web_search_options.filters " },
		{ "'tools':[{'type':'web_search','user_location':{'city':'Rome'}},{'type':"
		  "'web_search','user_location':{'city':'Bonn'},'filters':{'a':1}}]",
		    "tools.user_location tools.filters " },
		{ "'tools':[{'user_location':{'city':'Rome'},'type':'function','function':{'name':"
		  "'f'}}]",
		    "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char ignored[512] = "";

		must_translate(w, rows[i].members, &gemini_3);
		for (size_t j = 0; j < w->tools.ignored_count; j++) {
			strcat(ignored, w->tools.ignored[j]);
			strcat(ignored, " ");
		}
		assert_string_equal(ignored, rows[i].ignored);
	}
	must_translate(w,
	    "'web_search_options':{'user_location':{'a':1},'search_context_size':'low','filters':{"
	    "'a':1}},'tools':[{'type':'web_search','user_location':{'a':1},'search_context_size':"
	    "'low','filters':{'a':1}}]",
	    &gemini_3);
	assert_int_equal(w->tools.ignored_count, 6);
}

/* ---- extra_body.google.tools ---- */

static void
extra_tools_are_appended_verbatim(void **state)
{
	static const struct {
		const char *members, *gemini;
	} rows[] = {
		{ "'google.tools':[]", "" },
		{ "'google.tools':[{'urlContext':{}}]", ",'tools':[{'urlContext':{}}]" },
		{ "'google.tools':[{ 'code_execution' : {} } , {'googleMaps':{}}]",
		    ",'tools':[{ 'code_execution' : {} } , {'googleMaps':{}}]" },
		{ "'google.tools':[{'google_search':{'timeRangeFilter':{}}}],'web_search_options':{"
		  "}",
		    ",'tools':[{'google_search':{'timeRangeFilter':{}}}]" },
		{ "'google.tools':[{'urlContext':{}}],'NAME-search':true",
		    ",'tools':[" SEARCH ",{'urlContext':{}}]" },
		{ "'google.tools':[{'urlContext':{}}],'tools':[" F("f") "]",
		    ",'tools':[{'functionDeclarations':[" NAMED("f") "]},{'urlContext':{}}]" CONFIG(
			BESIDE) },
		{ "'google.tools':[{'functionDeclarations':[{'name':'g'}]}],'tools':[" F("f") "]",
		    ",'tools':[{'functionDeclarations':[" NAMED(
			"f") "]},{'functionDeclarations':[{'name':'g'}]}]" },
		{ "'google.tools':[{'functionDeclarations':[{'name':'g'}]}],'tool_choice':" F("g"),
		    ",'tools':[{'functionDeclarations':[{'name':'g'}]}]" NAMES("'g'") },
		{ "'google.tools':[{'functionDeclarations':[{'name':'g'}]}],'tools':[" F(
		      "f") "],'tool_choice':" ALLOWED("auto", F("f") "," F("g")),
		    ",'tools':[{'functionDeclarations':[" NAMED(
			"f") "]},{'functionDeclarations':[{'name':'g'}]}]" VALID("'f','g'") },
		{ "'google.tools':[{'functionDeclarations':[{'name':'g'}]}],'web_search_options':{"
		  "}",
		    ",'tools':[" SEARCH
		    ",{'functionDeclarations':[{'name':'g'}]}]" CONFIG(BESIDE) },
		{ "'google.tools':[{'urlContext':{}}],'tool_choice':'required'",
		    ",'tools':[{'urlContext':{}}]" },
		{ "'google.tools':[7,'x',null,[1,{}],{}],'tools':[" F("f") "]",
		    ",'tools':[{'functionDeclarations':[" NAMED("f") "]},7,'x',null,[1,{}],{}]" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		gives(*state, &gemini_3, rows[i].members, rows[i].gemini);
}

static void
before_gemini_3_extra_functions_win_over_search_too(void **state)
{
	struct world *w = *state;

	gives(w, &gemini_25,
	    "'google.tools':[{'function_declarations':[{'name':'g'}]}],'web_search_options':{}",
	    ",'tools':[{'function_declarations':[{'name':'g'}]}]");
	assert_true(w->dropped_search);
	gives(w, &gemini_25, "'google.tools':[{'googleSearch':{}}],'tools':[" F("f") "]",
	    ",'tools':[{'functionDeclarations':[" NAMED("f") "]},{'googleSearch':{}}]");
	assert_false(w->dropped_search);
}

/* ---- repeated members ---- */

static void
the_last_of_several_wins_and_null_is_as_good_as_absent(void **state)
{
	static const struct {
		const char *members, *gemini;
	} rows[] = {
		{ "'tools':[" F("f") "],'tools':[" F("g") "]", DECLARED(NAMED("g")) },
		{ "'tools':[" F("f") "],'tools':null", "" },
		{ "'tools':[{'type':'web_search'}],'tools':[" F("g") "]", DECLARED(NAMED("g")) },
		{ "'functions':[{'name':'f'}],'functions':[{'name':'g'}]", DECLARED(NAMED("g")) },
		{ "'functions':[{'name':'f'}],'functions':null", "" },
		{ "'tools':[" F("f") "],'tool_choice':'none','tool_choice':'required'",
		    DECLARED(NAMED("f")) CONFIG(CALLING("'mode':'ANY'")) },
		{ "'tools':[" F("f") "],'tool_choice':" F("f") ",'tool_choice':null",
		    DECLARED(NAMED("f")) },
		{ "'functions':[{'name':'f'}],'function_call':'none','function_call':null",
		    DECLARED(NAMED("f")) },
		{ "'web_search_options':{},'web_search_options':null", "" },
		{ "'tools':[{'type':'web_search','type':'function','function':{'name':'a','name':"
		  "'b'},'function':{'name':null,'name':'f'}}]",
		    DECLARED(NAMED("f")) },
		{ "'tools':[{'type':'function','function':{'name':'f','parameters':" CITY_T1
		  ",'parameters':null,'description':'d','description':null}}]",
		    DECLARED(NAMED("f")) },
		{ "'tools':[" F("f") "," F("g") "],'tool_choice':{'type':'function','type':"
						"'allowed_tools','function':{'name':'f'},"
						"'allowed_tools':{'mode':'auto','mode':'required',"
						"'tools':[" F("f") "],'tools':[" F("g") "]}}",
		    DECLARED(NAMED("f") "," NAMED("g")) NAMES("'g'") },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		gives(*state, &gemini_3, rows[i].members, rows[i].gemini);
}

/* ---- hostile shapes ---- */

#define FN(body)     "'tools':[" F("a") ",{'type':'function','function':" body "}]"
#define CUSTOM(body) "'tools':[{'type':'custom','custom':" body "}]"
#define FORMAT(body) CUSTOM("{'name':'c','format':" body "}")

static void
a_tool_of_a_wrong_shape_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *members, *field;
	} rows[] = {
		{ "'tools':{}", "tools" },
		{ "'tools':'f'", "tools" },
		{ "'tools':true", "tools" },
		{ "'tools':[null]", "tools[0]" },
		{ "'tools':[" F("a") ",'f']", "tools[1]" },
		{ "'tools':[[]]", "tools[0]" },
		{ "'tools':[{}]", "tools[0].type" },
		{ "'tools':[{'type':null}]", "tools[0].type" },
		{ "'tools':[{'type':7}]", "tools[0].type" },
		{ "'tools':[{'type':''}]", "tools[0].type" },
		{ "'tools':[{'type':'code_interpreter'}]", "tools[0].type" },
		{ "'tools':[{'type':'web_searching'}]", "tools[0].type" },
		{ "'tools':[{'type':'Function','function':{'name':'f'}}]", "tools[0].type" },
		{ "'tools':[{'function':{'name':'f'}}]", "tools[0].type" },
		{ "'tools':[{'type':'function'}]", "tools[0].function" },
		{ "'tools':[{'type':'function','name':'f'}]", "tools[0].function" },
		{ "'tools':[{'type':'function','custom':{'name':'f'}}]", "tools[0].function" },
		{ FN("null"), "tools[1].function" },
		{ FN("[]"), "tools[1].function" },
		{ FN("'f'"), "tools[1].function" },
		{ FN("{}"), "tools[1].function.name" },
		{ FN("{'name':null}"), "tools[1].function.name" },
		{ FN("{'name':''}"), "tools[1].function.name" },
		{ FN("{'name':7}"), "tools[1].function.name" },
		{ FN("{'name':['f']}"), "tools[1].function.name" },
		{ FN("{'name':'f','description':7}"), "tools[1].function.description" },
		{ FN("{'name':'f','description':{}}"), "tools[1].function.description" },
		{ FN("{'name':'f','parameters':[]}"), "tools[1].function.parameters" },
		{ FN("{'name':'f','parameters':'{}'}"), "tools[1].function.parameters" },
		{ FN("{'name':'f','parameters':true}"), "tools[1].function.parameters" },
		{ "'tools':[{'type':'custom'}]", "tools[0].custom" },
		{ CUSTOM("[]"), "tools[0].custom" },
		{ CUSTOM("{}"), "tools[0].custom.name" },
		{ CUSTOM("{'name':''}"), "tools[0].custom.name" },
		{ FORMAT("'text'"), "tools[0].custom.format" },
		{ FORMAT("{}"), "tools[0].custom.format.type" },
		{ FORMAT("{'type':7}"), "tools[0].custom.format.type" },
		{ FORMAT("{'type':'xml'}"), "tools[0].custom.format.type" },
		{ FORMAT("{'type':'grammar'}"), "tools[0].custom.format.grammar" },
		{ FORMAT("{'type':'grammar','grammar':'x'}"), "tools[0].custom.format.grammar" },
		{ FORMAT("{'type':'grammar','grammar':null}"), "tools[0].custom.format.grammar" },
		{ FORMAT("{'type':'grammar','grammar':{'syntax':'lark'}}"),
		    "tools[0].custom.format.grammar.definition" },
		{ FORMAT("{'type':'grammar','grammar':{'definition':7}}"),
		    "tools[0].custom.format.grammar.definition" },
		{ FORMAT("{'type':'grammar','grammar':{'definition':'x'}}"),
		    "tools[0].custom.format.grammar.syntax" },
		{ FORMAT("{'type':'grammar','grammar':{'definition':'x','syntax':'ebnf'}}"),
		    "tools[0].custom.format.grammar.syntax" },
		{ "'functions':{}", "functions" },
		{ "'functions':['f']", "functions[0]" },
		{ "'functions':[{'name':'a'},{}]", "functions[1].name" },
		{ "'functions':[{'name':'a','parameters':7}]", "functions[0].parameters" },
		{ "'tools':[" F("a") "],'functions':[{}]", "functions[0].name" },
		{ "'web_search_options':true", "web_search_options" },
		{ "'web_search_options':[]", "web_search_options" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		refuses(*state, rows[i].members, rows[i].field);
}

static void
what_is_wrong_in_a_schema_is_refused_with_its_place(void **state)
{
	struct world *w = *state;
	struct buf deep = BUF_INIT;

	buf_add_text(&deep, "'tools':[" F("a") ",{'type':'function','function':{'name':'f',"
					       "'parameters':{'type':'object','properties':{'p':");
	for (int i = 0; i < 40; i++)
		buf_add_text(&deep, "{'type':'array','items':");
	buf_add_text(&deep, "{'type':'string'}");
	for (int i = 0; i < 40; i++)
		buf_add_text(&deep, "}");
	buf_add_text(&deep, "}}}}]");
	assert_false(translate(w, buf_text(&deep), &gemini_3));
	assert_null(w->s.fault);
	assert_int_equal(w->e.kind, ERR_BAD_REQUEST);
	assert_true(span_starts(span_of(w->e.field), "tools[1].function.parameters"));
	buf_fini(&deep);
	refuses(w, "'functions':[{'name':'f','parameters':{'type':'object','properties':7}}]",
	    "functions[0].parameters.properties");
}

static void
an_error_never_quotes_what_was_said(void **state)
{
	static const char *const rows[] = { "'tools':[{'type':'s3cret'}]", "'tool_choice':'s3cret'",
		CHOICE(F("s3cret")), FORMAT("{'type':'s3cret'}"), CHOICE("{'type':'s3cret'}"),
		CHOICE(ALLOWED("s3cret", "")) };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(translate(w, rows[i], &gemini_3));
		assert_null(strstr(w->e.text, "s3cret"));
		assert_null(strstr(w->e.field, "s3cret"));
	}
}

/* Everything that can be said, at once. */
static const char everything[] =
    "'tools':[{'type':'function','function':{'name':'a/b','description':'d','strict':true,"
    "'parameters':" CITY_T1 "}},{'type':'custom','custom':{'name':'c','format':{'type':'grammar',"
    "'grammar':{'syntax':'lark','definition':'x'}}}},{'type':'web_search','filters':[1]}," F(
	"f") "],'tool_choice':" ALLOWED("auto",
	F("f") ",{'type':'web_search'}") ","
					 "'functions':[{'name':'g','parameters':{}}],'function_"
					 "call':{'name':'g'},"
					 "'web_search_options':{'user_location':{'type':'"
					 "approximate'}}";

static void
no_part_of_a_request_is_taken_for_a_whole_one(void **state)
{
	static const char *const requests[] = { everything, CHOICE("'required'"),
		"'functions':[{'name':'f'}],'function_call':'auto'" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(requests); i++) {
		struct span whole;

		must_translate(w, requests[i], &gemini_3);
		whole = span_of(arena_printf(w->arena, "{%s}", quoted(w, requests[i])));
		for (size_t len = 0; len < whole.len; len++) {
			/* Of its own size, so that a look beyond its end is seen. */
			char *part = mem_alloc(len);

			memcpy(part, whole.p, len);
			assert_false(read_text(w, span_mem(part, len)));
			assert_non_null(w->s.fault);
			mem_free(part);
		}
	}
}

static void
a_request_with_a_spoilt_byte_is_refused_or_gives_json(void **state)
{
	static const char spoilt[] = "\"{}[]:,0n\\\x01\xff";
	struct world *w = *state;
	const size_t len = strlen(everything);

	for (size_t at = 0; at < len; at++)
		for (size_t i = 0; i < COUNT(spoilt); i++) {
			char members[sizeof(everything)];

			memcpy(members, everything, sizeof(members));
			members[at] = spoilt[i];
			if (translate(w, members, &gemini_3))
				must_translate(w, members, &gemini_25);
			else
				assert_true(w->e.kind == ERR_BAD_REQUEST || w->s.fault != NULL);
		}
}

/* ---- large ones ---- */

static size_t
occurrences(struct span in, const char *needle)
{
	size_t n = 0, len = strlen(needle);

	for (const char *p = in.p; (p = memmem(p, (size_t)(in.p + in.len - p), needle, len)); p++)
		n++;
	return n;
}

static void
a_thousand_tools_are_all_declared(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	buf_add_text(&b, "'tools':[");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b,
		    "%s{'type':'function','function':{'name':'srv/%d','description':'%d',"
		    "'parameters':" CITY_T1 "}}",
		    i > 0 ? "," : "", i, i);
	buf_add_text(&b, "],'tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':'auto',"
			 "'tools':[");
	for (int i = 999; i >= 0; i--)
		buf_printf(&b, F("srv/%d") "%s", i, i > 0 ? "," : "");
	buf_add_text(&b, "]}}");
	must_translate(w, buf_text(&b), &gemini_3);
	assert_int_equal(w->tools.count, 1000);
	assert_int_equal(occurrences(buf_span(&w->out), "\"parametersJsonSchema\""), 1000);
	assert_int_equal(occurrences(buf_span(&w->out), "\"srv_500\""), 2);
	assert_string_equal(sent_name(w, "srv/999"), "srv_999");
	must_translate(w, buf_text(&b), &gemini_20);
	assert_int_equal(occurrences(buf_span(&w->out), "\"parameters\""), 1000);
	buf_fini(&b);
}

static void
many_tools_of_one_name_are_one(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;

	buf_add_text(&b, "'tools':[" F("f"));
	for (int i = 1; i < 5000; i++)
		buf_add_text(&b, "," F("f"));
	buf_add_text(&b, "]");
	gives(w, &gemini_3, buf_text(&b), DECLARED(NAMED("f")));
	assert_int_equal(w->tools.count, 1);
	assert_int_equal(w->tools.first->at, 4999);
	buf_fini(&b);
}

static void
a_schema_of_a_megabyte_is_passed_on(void **state)
{
	struct world *w = *state;
	struct buf b = BUF_INIT;
	size_t n = 0;

	buf_add_text(&b, "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':"
			 "'object','properties':{");
	for (; b.len < 1024 * 1024; n++)
		buf_printf(&b, "%s'p%zu':{'type':'string','description':'number %zu'}",
		    n > 0 ? "," : "", n, n);
	buf_add_text(&b, "}}}}]");
	must_translate(w, buf_text(&b), &gemini_3);
	assert_int_equal(occurrences(buf_span(&w->out), "\"description\""), n);
	must_translate(w, buf_text(&b), &gemini_20);
	assert_int_equal(occurrences(buf_span(&w->out), "\"STRING\""), n);
	buf_fini(&b);
}

#define TEST(f) cmocka_unit_test(f)

/* ---- tools of unknown types, where the operator lets them be left out (A-46) ---- */

static void
drops(struct world *w, const char *members, const char *gemini, const char *ignored)
{
	struct buf names = BUF_INIT;

	w->drops = true;
	gives(w, &gemini_3, members, gemini);
	for (size_t i = 0; i < w->tools.ignored_count; i++)
		buf_printf(&names, "%s%s", i > 0 ? ", " : "", w->tools.ignored[i]);
	assert_string_equal(buf_text(&names), ignored);
	buf_fini(&names);
}

static void
a_tool_of_a_type_unknown_here_is_left_out_and_named(void **state)
{
	drops(*state,
	    TOOLS("{'type':'file_search','vector_store_ids':['v'],'filters':{'a':1}}," F(
		"f") ",{'type':'mcp','server_label':'x'}"),
	    DECLARED(NAMED("f")), "tools[0], tools[2]");
}

static void
with_all_tools_left_out_there_are_none(void **state)
{
	drops(*state, TOOLS("{'type':'computer_use_preview'}"), "", "tools[0]");
	drops(*state, TOOLS("{'type':'shell'}") ",'tool_choice':'auto'", "", "tools[0]");
}

static void
a_tool_that_is_known_is_still_checked(void **state)
{
	struct world *w = *state;

	w->drops = true;
	refuses(w, TOOLS("{'type':'mcp'},{'type':'function'}"), "tools[1].function");
	refuses(w, TOOLS("{'name':'f'}"), "tools[0].type");
	refuses(w, TOOLS("5"), "tools[0]");
	refuses(w, TOOLS("{'type':'mcp'}") ",'tool_choice':'required'", "tool_choice");
}

/* They go into a header. */
static void
of_a_thousand_tools_only_the_first_are_named(void **state)
{
	struct world *w = *state;
	struct buf members = BUF_INIT;

	buf_add_lit(&members, "'tools':[{'type':'x0'}");
	for (int i = 1; i < 1000; i++)
		buf_printf(&members, ",{'type':'x%d'}", i);
	buf_add_lit(&members, "],'tools':[" F("f"));
	for (int i = 1; i < 1000; i++)
		buf_printf(&members, ",{'type':'y%d'}", i);
	buf_add_char(&members, ']');
	w->drops = true;
	must_translate(w, buf_text(&members), &gemini_3);
	assert_int_equal(w->tools.count, 1);
	assert_in_range(w->tools.ignored_count, 17, OPENAI_TOOLS_IGNORED_MAX);
	assert_string_equal(w->tools.ignored[15], "tools[15]");
	assert_string_equal(w->tools.ignored[16], "tools");
	buf_fini(&members);
}

static void
a_search_is_no_unknown_tool(void **state)
{
	drops(*state, TOOLS("{'type':'web_search','filters':{'x':1}}"),
	    ",'tools':[{'googleSearch':{}}]", "tools.filters");
}

static void
a_choice_of_what_was_left_out_is_left_out_too(void **state)
{
	drops(*state, TOOLS(F("f") ",{'type':'mcp'}") ",'tool_choice':{'type':'mcp','name':'x'}",
	    DECLARED(NAMED("f")), "tools[1], tool_choice");
	drops(*state,
	    TOOLS(F("f") "," F("g") ",{'type':'mcp'}") ",'tool_choice':" ALLOWED(
		"required", F("f") ",{'type':'mcp'}"),
	    DECLARED(NAMED("f") "," NAMED("g")) NAMES("'f'"), "tools[2]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_functions_go_into_one_tool),
		TEST(no_tools_give_nothing),
		TEST(the_tools_of_the_worked_example_are_as_it_says),
		TEST(members_may_come_in_any_order),
		TEST(a_description_is_passed_on_and_an_absent_one_is_left_out),
		TEST(parameters_become_a_json_schema_on_models_that_know_it),
		TEST(parameters_that_are_absent_or_have_no_properties_are_left_out),
		TEST(parameters_that_are_no_object_are_wrapped_and_said_to_be),
		TEST(words_that_gemini_refuses_in_a_schema_do_not_go_up),
		TEST(strict_is_ignored),
		TEST(of_tools_with_one_name_the_last_wins),
		TEST(a_function_named_like_a_tool_of_googles_is_a_function),
		TEST(a_custom_tool_is_a_function_of_one_input),
		TEST(the_grammar_of_a_custom_tool_stands_in_its_description),
		TEST(legacy_functions_are_functions),
		TEST(what_is_legacy_has_no_effect_beside_what_is_not),
		TEST(each_way_to_ask_for_a_search_gives_one),
		TEST(search_stands_beside_functions_on_gemini_3),
		TEST(before_gemini_3_functions_win_over_search),
		TEST(a_search_tool_is_under_the_choice_and_the_option_is_not),
		TEST(options_of_a_search_that_have_no_effect_are_noted),
		TEST(extra_tools_are_appended_verbatim),
		TEST(before_gemini_3_extra_functions_win_over_search_too),
		TEST(the_last_of_several_wins_and_null_is_as_good_as_absent),
		TEST(a_tool_of_a_wrong_shape_is_refused_with_its_place),
		TEST(what_is_wrong_in_a_schema_is_refused_with_its_place),
		TEST(an_error_never_quotes_what_was_said),
		TEST(no_part_of_a_request_is_taken_for_a_whole_one),
		TEST(a_request_with_a_spoilt_byte_is_refused_or_gives_json),
		TEST(a_thousand_tools_are_all_declared),
		TEST(many_tools_of_one_name_are_one),
		TEST(a_schema_of_a_megabyte_is_passed_on),
		TEST(a_tool_of_a_type_unknown_here_is_left_out_and_named),
		TEST(with_all_tools_left_out_there_are_none),
		TEST(a_tool_that_is_known_is_still_checked),
		TEST(of_a_thousand_tools_only_the_first_are_named),
		TEST(a_search_is_no_unknown_tool),
		TEST(a_choice_of_what_was_left_out_is_left_out_too),
	};

	return cmocka_run_group_tests_name("dialect/openai_tools", tests, build, clear_away);
}
