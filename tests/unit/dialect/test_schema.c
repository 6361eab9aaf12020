/*
 * The schema adapter, row by row of the mapping.
 */
#include "dialect/schema.h"

#include "tests/unit/dialect/schema_rows.h"

/* ---- the vectors ---- */

static void
the_worked_examples_come_out_to_the_letter(void **state)
{
	static const struct row answers[] = {
		{ "{'type':['string','null']}", SAME, "{'type':'STRING','nullable':true}" },
		{ "{'anyOf':[{'type':'null'},{'type':'array','items':{'type':'string'}}]}", SAME,
		    "{'type':'ARRAY','items':{'type':'STRING'},'nullable':true}" },
		{ "{'const':'a'}", "{'enum':['a']}", "{'type':'STRING','enum':['a']}" },
		{ "{'type':'integer','enum':[1,2]}", SAME,
		    "{'type':'INTEGER','description':'Allowed values: 1, 2'}" },
		{ "{'oneOf':[{'type':'string'},{'type':'number'}]}", SAME,
		    "{'anyOf':[{'type':'STRING'},{'type':'NUMBER'}]}" },
		{ "{'$ref':'#/definitions/P','description':'x',"
		  "'definitions':{'P':{'type':'string','format':'uri'}}}",
		    "{'$ref':'#/$defs/P','$defs':{'P':{'type':'string','format':'uri'}}}",
		    "{'type':'STRING','description':'x'}" },
		{ "{'type':'integer','exclusiveMinimum':0}", "{'type':'integer','minimum':1}",
		    "{'type':'INTEGER','minimum':1}" },
	};
	static const struct row tools[] = {
		{ "{'type':'object','properties':{},'additionalProperties':false}", "", "" },
		{ "{'allOf':[{'properties':{'a':{'type':'string'}},'required':['a']},"
		  "{'properties':{'b':{'type':'number'}}}]}",
		    "{'type':'object','properties':{'a':{'type':'string'},"
		    "'b':{'type':'number'}},'required':['a']}",
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'},"
		    "'b':{'type':'NUMBER'}},'required':['a']}" },
		{ "{'type':'object','properties':{'t':{'type':'object',"
		  "'properties':{'child':{'$ref':'#/properties/t'}}}}}",
		    SAME,
		    "{'type':'OBJECT','properties':{'t':{'type':'OBJECT',"
		    "'properties':{'child':{'type':'OBJECT',"
		    "'properties':{'child':{'type':'OBJECT',"
		    "'properties':{'child':{'type':'OBJECT',"
		    "'properties':{'child':{'type':'OBJECT'}}}}}}}}}}}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_ANSWER, answers);
	EACH_ROOT(SCHEMA_OF_TOOL, tools);
}

/* ---- types ---- */

static void
a_type_is_kept_or_put_in_upper_case(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'string'}", SAME, "{'type':'STRING'}" },
		{ "{'type':'number'}", SAME, "{'type':'NUMBER'}" },
		{ "{'type':'integer'}", SAME, "{'type':'INTEGER'}" },
		{ "{'type':'boolean'}", SAME, "{'type':'BOOLEAN'}" },
		{ "{'type':'null'}", SAME, "{'type':'NULL'}" },
		{ "{'type':'STRING'}", "{'type':'string'}", "{'type':'STRING'}" },
		{ "{'type':'any'}", "{}", "{'type':'STRING'}" },
		{ "{'type':'TYPE_UNSPECIFIED'}", "{}", "{'type':'STRING'}" },
		{ "{'type':null}", "{}", "{'type':'STRING'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
a_list_of_types_becomes_nullable_or_alternatives(void **state)
{
	static const struct row rows[] = {
		{ "{'type':['null','string']}", SAME, "{'type':'STRING','nullable':true}" },
		{ "{'type':['string']}", SAME, "{'type':'STRING'}" },
		{ "{'type':['null']}", SAME, "{'type':'NULL'}" },
		{ "{'type':[]}", "{}", "{'type':'STRING'}" },
		{ "{'description':'d','type':['string','integer']}", SAME,
		    "{'description':'d','anyOf':[{'type':'STRING'},{'type':'INTEGER'}]}" },
		{ "{'type':['string','string','null','array']}",
		    "{'type':['string','null','array']}",
		    "{'anyOf':[{'type':'STRING'},{'type':'ARRAY','items':{'type':'STRING'}}],"
		    "'nullable':true}" },
	};

	(void)state;
	EACH_PART(rows);
}

/* Gemini: "properties: only allowed for OBJECT type", "items: field predicate failed". */
static void
each_of_several_types_gets_the_words_that_speak_of_it(void **state)
{
	static const struct row rows[] = {
		{ "{'type':['string','integer','object','array'],'minLength':2,'minimum':1,"
		  "'properties':{'a':{}},'required':['a'],'items':{'type':'number'},"
		  "'maxItems':3,'title':'T'}",
		    SAME,
		    "{'anyOf':[{'type':'STRING','minLength':2},{'type':'INTEGER',"
		    "'minimum':1},{'type':'OBJECT','properties':{'a':{'type':'STRING'}},"
		    "'required':['a']},{'type':'ARRAY','items':{'type':'NUMBER'},"
		    "'maxItems':3}],'title':'T'}" },
		{ "{'type':'string','properties':{'a':{}},'items':{},'minimum':1}", SAME,
		    "{'type':'STRING'}" },
		{ "{'type':['string','integer'],'enum':['a',1]}", SAME,
		    "{'anyOf':[{'type':'STRING','enum':['a']},{'type':'INTEGER',"
		    "'description':'Allowed values: \\'a\\', 1'}]}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
a_missing_type_is_inferred_for_the_subset_only(void **state)
{
	static const struct row rows[] = {
		{ "{'properties':{'a':{}}}", SAME,
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'}}}" },
		{ "{'items':{'type':'number'}}", SAME,
		    "{'type':'ARRAY','items':{'type':'NUMBER'}}" },
		{ "{'enum':['a','b']}", SAME, "{'type':'STRING','enum':['a','b']}" },
		{ "{'anyOf':[{'type':'string'},{'type':'number'}]}", SAME,
		    "{'anyOf':[{'type':'STRING'},{'type':'NUMBER'}]}" },
		{ "{'description':'d'}", SAME, "{'type':'STRING','description':'d'}" },
		{ "{'minimum':0.5}", SAME, "{'type':'NUMBER','minimum':0.5}" },
		{ "{'maxItems':2}", SAME,
		    "{'type':'ARRAY','maxItems':2,'items':{'type':'STRING'}}" },
	};

	(void)state;
	EACH_PART(rows);
}

/* ---- objects ---- */

static void
properties_required_items_description_and_title_are_kept_in_their_order(void **state)
{
	static const struct row rows[] = {
		{ "{'title':'T','required':['b','a'],'description':'d\\u00e9\\n',"
		  "'properties':{'b':{'items':{'type':'boolean'},'type':'array'},"
		  "'a':{'type':'string'}},'type':'object'}",
		    SAME,
		    "{'title':'T','required':['b','a'],'description':'d\\u00e9\\n',"
		    "'properties':{'b':{'items':{'type':'BOOLEAN'},'type':'ARRAY'},"
		    "'a':{'type':'STRING'}},'type':'OBJECT'}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
	EACH_PART(rows);
}

static void
required_names_without_a_property_are_removed_for_the_subset(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object','properties':{'a':{'type':'string'}},'required':['a',"
		  "'z','a']}",
		    "{'type':'object','properties':{'a':{'type':'string'}},'required':['a','z']}",
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'}},'required':['a']}" },
		{ "{'type':'object','properties':{'a':{'type':'string'}},'required':['z']}", SAME,
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'}}}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
an_object_without_properties_stays_one(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object'}", SAME, "{'type':'OBJECT'}" },
		{ "{'type':'object','properties':{}}", SAME, "{'type':'OBJECT'}" },
		{ "{'type':'object','required':['a'],'description':'d'}", SAME,
		    "{'type':'OBJECT','description':'d'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
a_tool_without_properties_is_omitted(void **state)
{
	static const struct row rows[] = {
		{ "{}", "", "" },
		{ "null", "", "" },
		{ "true", "", "" },
		{ "{'type':'object'}", "", "" },
		{ "{'type':'object','properties':{}}", "", "" },
		{ "{'type':'object','properties':[]}", "", "" },
		{ "{'type':'object','properties':null,'required':[]}", "", "" },
		{ "{'type':'object','properties':{'a':false}}", "", "" },
		{ "{'type':'object','additionalProperties':true}", "", "" },
		{ "{'description':'d','$schema':'s'}", "", "" },
		{ "{'$ref':'#'}", "", "" },
		{ "{'type':'object','additionalProperties':{'type':'string'}}", SAME, "" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
an_answer_of_any_value_is_omitted(void **state)
{
	static const struct row rows[] = {
		{ "{}", "", "" },
		{ "null", "", "" },
		{ "true", "", "" },
		{ "{'description':'d'}", "", "" },
		{ "{'type':'object'}", SAME, "{'type':'OBJECT'}" },
		{ "{'type':'string'}", SAME, "{'type':'STRING'}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_ANSWER, rows);
}

static void
the_root_of_a_tool_is_named_an_object_where_it_was_not(void **state)
{
	static const struct row rows[] = {
		{ "{'properties':{'a':{'type':'null'}}}",
		    "{'type':'object','properties':{'a':{'type':'null'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'NULL'}}}" },
		{ "{'properties':{'a':{'type':'null'}},'type':['null','object']}",
		    "{'properties':{'a':{'type':'null'}},'type':'object'}", NULL },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
a_root_that_is_no_object_is_wrapped_for_tools(void **state)
{
	static const struct {
		const char *in, *json, *openapi;
		bool wrapped;
	} rows[] = {
		{ "{'type':'string'}",
		    "{'type':'object','properties':{'value':{'type':'string'}},"
		    "'required':['value']}",
		    "{'type':'OBJECT','properties':{'value':{'type':'STRING'}},"
		    "'required':['value']}",
		    true },
		{ "{'anyOf':[{'type':'string'},{'type':'null'}]}",
		    "{'type':'object','properties':{'value':{'anyOf':[{'type':'string'},"
		    "{'type':'null'}]}},'required':['value']}",
		    "{'type':'OBJECT','properties':{'value':{'type':'STRING',"
		    "'nullable':true}},'required':['value']}",
		    true },
		{ "{'type':'object','properties':{'a':{'type':'string'}}}",
		    "{'type':'object','properties':{'a':{'type':'string'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'}}}", false },
		{ "{'$ref':'#/$defs/a','$defs':{'a':{'type':'array','items':{'type':'string'}}}}",
		    "{'type':'object','properties':{'value':{'$ref':'#/$defs/a'}},"
		    "'required':['value'],'$defs':{'a':{'type':'array',"
		    "'items':{'type':'string'}}}}",
		    "{'type':'OBJECT','properties':{'value':{'type':'ARRAY',"
		    "'items':{'type':'STRING'}}},'required':['value']}",
		    true },
		{ "{'items':{'type':'object','properties':{'x':{'$ref':'#/items'}}}}",
		    "{'type':'object','properties':{'value':{'items':{'type':'object',"
		    "'properties':{'x':{'$ref':'#/properties/value/items'}}}}},"
		    "'required':['value']}",
		    NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int target = SCHEMA_JSON; target <= SCHEMA_OPENAPI; target++) {
			const char *wanted = target == SCHEMA_JSON ? rows[i].json : rows[i].openapi;
			struct buf out = BUF_INIT;
			struct schema_made made;
			struct err e;

			if (wanted == NULL)
				continue;
			assert_true(adapt((enum schema_target)target, SCHEMA_OF_TOOL,
			    span_of(rows[i].in), &out, &made, &e));
			assert_json(&out, wanted);
			assert_int_equal(made.wrapped, rows[i].wrapped);
			buf_fini(&out);
		}
}

static void
a_root_that_refers_to_an_object_has_its_words_for_tools(void **state)
{
	static const struct row rows[] = {
		{ "{'$ref':'#/definitions/A','definitions':{'A':{'type':'object',"
		  "'properties':{'a':{'$ref':'#/definitions/A'}}}}}",
		    "{'type':'object','properties':{'a':{'$ref':'#/$defs/A'}},"
		    "'$defs':{'A':{'type':'object','properties':{'a':{'$ref':"
		    "'#/$defs/A'}}}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'OBJECT',"
		    "'properties':{'a':{'type':'OBJECT',"
		    "'properties':{'a':{'type':'OBJECT'}}}}}}}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

/* ---- arrays ---- */

static void
an_array_without_items_has_strings_in_the_subset(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'array'}", SAME, "{'type':'ARRAY','items':{'type':'STRING'}}" },
		{ "{'type':'array','items':true}", "{'type':'array','items':{}}",
		    "{'type':'ARRAY','items':{'type':'STRING'}}" },
		{ "{'type':'array','items':null}", "{'type':'array'}",
		    "{'type':'ARRAY','items':{'type':'STRING'}}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
a_tuple_becomes_prefix_items_or_any_of_its_members(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'array','items':[{'type':'string'},{'type':'number'}]}",
		    "{'type':'array','prefixItems':[{'type':'string'},{'type':'number'}]}",
		    "{'type':'ARRAY','items':{'anyOf':[{'type':'STRING'},{'type':'NUMBER'}]}}" },
		{ "{'type':'array','items':[{'type':'number'},{'type':'number'}],"
		  "'minItems':2,'maxItems':2}",
		    "{'type':'array','prefixItems':[{'type':'number'},{'type':'number'}],"
		    "'minItems':2,'maxItems':2}",
		    "{'type':'ARRAY','items':{'type':'NUMBER'},'minItems':2,'maxItems':2}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
prefix_items_are_kept_or_become_any_of(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'array','prefixItems':[{'type':'string'},{'type':'number'}],"
		  "'items':false}",
		    "{'type':'array','prefixItems':[{'type':'string'},{'type':'number'}]}",
		    "{'type':'ARRAY','items':{'anyOf':[{'type':'STRING'},{'type':'NUMBER'}]}}" },
		{ "{'type':'array','prefixItems':[{'type':'string'}],'items':{'type':'boolean'}}",
		    SAME,
		    "{'type':'ARRAY','items':{'anyOf':[{'type':'STRING'},{'type':'BOOLEAN'}]}}" },
		{ "{'prefixItems':[false]}", "{}", "{'type':'ARRAY','items':{'type':'STRING'}}" },
	};

	(void)state;
	EACH_PART(rows);
}

/* ---- references ---- */

static void
definitions_become_defs_and_references_follow(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object','properties':{'a':{'$ref':'#/definitions/A'},"
		  "'b':{'$ref':'#/$defs/B'}},'definitions':{'A':{'type':'string'}},"
		  "'$defs':{'B':{'type':'number'}}}",
		    "{'type':'object','properties':{'a':{'$ref':'#/$defs/A'},"
		    "'b':{'$ref':'#/$defs/B'}},'$defs':{'A':{'type':'string'},"
		    "'B':{'type':'number'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'},'b':{'type':'NUMBER'}}"
		    "}" },
		{ "{'type':'object','properties':{'a':{'$ref':'#/definitions/A'},"
		  "'b':{'$ref':'#/$defs/A'}},'definitions':{'A':{'type':'string'}},"
		  "'$defs':{'A':{'type':'number'}}}",
		    "{'type':'object','properties':{'a':{'type':'string'},"
		    "'b':{'$ref':'#/$defs/A'}},'$defs':{'A':{'type':'number'}}}",
		    NULL },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
nothing_stands_beside_a_reference_but_dollar_words(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object','properties':{'a':{'description':'d',"
		  "'$ref':'#/$defs/A','title':'t','$id':'i','$comment':'c'}},"
		  "'$defs':{'A':{'type':'string','description':'theirs'}}}",
		    "{'type':'object','properties':{'a':{'$ref':'#/$defs/A','$id':'i'}},"
		    "'$defs':{'A':{'type':'string','description':'theirs'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING','description':'d',"
		    "'title':'t'}}}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
a_reference_may_lead_anywhere_in_the_text(void **state)
{
	static const struct row rows[] = {
		{ "{'properties':{'a':{'items':{'type':'number'}},"
		  "'b':{'$ref':'#/properties/a/items'}}}",
		    "{'type':'object','properties':{'a':{'items':{'type':'number'}},"
		    "'b':{'$ref':'#/properties/a/items'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'ARRAY',"
		    "'items':{'type':'NUMBER'}},'b':{'type':'NUMBER'}}}" },
		{ "{'properties':{'b':{'$ref':'#/components/schemas/A'}},"
		  "'components':{'schemas':{'A':{'type':'number'}}}}",
		    "{'type':'object','properties':{'b':{'type':'number'}}}",
		    "{'type':'OBJECT','properties':{'b':{'type':'NUMBER'}}}" },
		{ "{'properties':{'a':{'items':[{'type':'number'}]},"
		  "'b':{'$ref':'#/properties/a/items/0'}}}",
		    "{'type':'object','properties':{'a':{'prefixItems':[{'type':'number'}]},"
		    "'b':{'$ref':'#/properties/a/prefixItems/0'}}}",
		    NULL },
		{ "{'properties':{'a':{'allOf':[{'type':'number'}]},"
		  "'b':{'$ref':'#/properties/a/allOf/0'}}}",
		    "{'type':'object','properties':{'a':{'type':'number'},'b':{'type':'number'}}}",
		    NULL },
		{ "{'properties':{'a':{'anyOf':[false,{'type':'number'}]},"
		  "'b':{'$ref':'#/properties/a/anyOf/1'}}}",
		    "{'type':'object','properties':{'a':{'anyOf':[{'type':'number'}]},"
		    "'b':{'type':'number'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'NUMBER'},'b':{'type':'NUMBER'}}"
		    "}" },
		{ "{'$id':'T','properties':{'a':{'$ref':'#anchor'},"
		  "'b':{'$ref':'T#/$defs/x'}},'$defs':{'x':{'$anchor':'anchor',"
		  "'type':'number'}}}",
		    "{'type':'object','$id':'T','properties':{'a':{'$ref':'#/$defs/x'},"
		    "'b':{'$ref':'#/$defs/x'}},'$defs':{'x':{'$anchor':'anchor',"
		    "'type':'number'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'NUMBER'},'b':{'type':'NUMBER'}}"
		    "}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
a_reference_understands_the_escapes_of_pointers(void **state)
{
	static const struct row rows[] = {
		{ "{'properties':{'a':{'$ref':'#/$defs/x~1y~0z'},"
		  "'b':{'$ref':'#/$defs/p%20q'},'c':{'$ref':'#/$defs/p q'},"
		  "'d':{'$ref':'#/\\u0024defs/100%'},'e':{'$ref':'#/%24defs/x~1y~0z'}},"
		  "'$defs':{'x/y~z':{'type':'null'},'p q':{'type':'boolean'},"
		  "'100%':{'type':'number'}}}",
		    "{'type':'object','properties':{'a':{'$ref':'#/$defs/x~1y~0z'},"
		    "'b':{'$ref':'#/$defs/p q'},'c':{'$ref':'#/$defs/p q'},"
		    "'d':{'$ref':'#/$defs/100%25'},'e':{'$ref':'#/$defs/x~1y~0z'}},"
		    "'$defs':{'x/y~z':{'type':'null'},'p q':{'type':'boolean'},"
		    "'100%':{'type':'number'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'NULL'},"
		    "'b':{'type':'BOOLEAN'},'c':{'type':'BOOLEAN'},'d':{'type':'NUMBER'},"
		    "'e':{'type':'NULL'}}}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
a_reference_that_leads_nowhere_or_away_is_left_out(void **state)
{
	static const struct row rows[] = {
		{ "{'$ref':'https://example.com/schema.json','description':'d'}",
		    "{'description':'d'}", "{'type':'STRING','description':'d'}" },
		{ "{'$ref':'#/$defs/none'}", "{}", "{'type':'STRING'}" },
		{ "{'$ref':'#none'}", "{}", "{'type':'STRING'}" },
		{ "{'$ref':'#/properties/v','type':'number'}", "{'type':'number'}",
		    "{'type':'NUMBER'}" },
		{ "{'$ref':''}", "{}", "{'type':'STRING'}" },
		{ "{'$ref':null}", "{}", "{'type':'STRING'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
a_loop_is_kept_and_not_required(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object','properties':{'v':{'type':'string'},"
		  "'next':{'anyOf':[{'$ref':'#'},{'type':'null'}]}},'required':['v',"
		  "'next']}",
		    "{'type':'object','properties':{'v':{'type':'string'},"
		    "'next':{'anyOf':[{'$ref':'#'},{'type':'null'}]}},'required':['v']}",
		    NULL },
		{ "{'type':'object','properties':{'t':{'$ref':'#/$defs/N'}},"
		  "'required':['t'],'$defs':{'N':{'type':'object',"
		  "'properties':{'all':{'type':'array','items':{'$ref':'#/$defs/N'}}},"
		  "'required':['all']}}}",
		    "{'type':'object','properties':{'t':{'$ref':'#/$defs/N'}},"
		    "'required':['t'],'$defs':{'N':{'type':'object',"
		    "'properties':{'all':{'type':'array','items':{'$ref':'#/$defs/N'}}}}}}",
		    NULL },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
a_loop_is_written_out_three_times_and_ends_as_an_object(void **state)
{
	(void)state;
	expect(SCHEMA_OPENAPI, SCHEMA_OF_TOOL,
	    "{'type':'object','properties':{'n':{'type':'integer'},'s':{'$ref':'#'}},"
	    "'required':['s']}",
	    "{'type':'OBJECT','properties':{'n':{'type':'INTEGER'},"
	    "'s':{'type':'OBJECT','properties':{'n':{'type':'INTEGER'},"
	    "'s':{'type':'OBJECT','properties':{'n':{'type':'INTEGER'},"
	    "'s':{'type':'OBJECT','properties':{'n':{'type':'INTEGER'},"
	    "'s':{'type':'OBJECT'}},'required':['s']}},'required':['s']}},"
	    "'required':['s']}},'required':['s']}");
}

/* ---- choices ---- */

static void
any_of_is_kept_and_its_null_becomes_nullable(void **state)
{
	static const struct row rows[] = {
		{ "{'anyOf':[{'type':'string'},{'type':'number'},{'type':'null'}],"
		  "'description':'d'}",
		    SAME,
		    "{'anyOf':[{'type':'STRING'},{'type':'NUMBER'}],'description':'d',"
		    "'nullable':true}" },
		{ "{'anyOf':[{'type':'string','description':'theirs','title':'t'},"
		  "{'const':null}],'description':'mine'}",
		    NULL, NULL },
		{ "{'anyOf':[{'type':'null'}]}", SAME, "{'type':'NULL'}" },
		{ "{'anyOf':[]}", "{}", "{'type':'STRING'}" },
		{ "{'anyOf':[false]}", "{}", "{'type':'STRING'}" },
		{ "{'anyOf':[{'anyOf':[{'type':'string'},{'type':'null'}]},{'type':'null'}]}", SAME,
		    "{'type':'STRING','nullable':true}" },
	};

	(void)state;
	each_part(rows, 1);
	each_part(rows + 2, COUNT(rows) - 2);
	expect(SCHEMA_OPENAPI, SCHEMA_OF_ANSWER, rows[1].in,
	    "{'type':'STRING','description':'mine','title':'t','nullable':true}");
}

static void
what_stands_beside_a_choice_goes_into_each_alternative(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'string','anyOf':[{'maxLength':3},{'pattern':'a'}]}", SAME,
		    "{'anyOf':[{'type':'STRING','maxLength':3},{'type':'STRING','pattern':'a'}]}" },
		{ "{'type':'object','anyOf':[{'type':'string'},{'type':'number'}]}", SAME,
		    "{'anyOf':[{'type':'STRING'},{'type':'NUMBER'}]}" },
		{ "{'type':'object','properties':{'k':{'type':'string'}},'required':['k'],"
		  "'oneOf':[{'properties':{'a':{'type':'null'}},'required':['a']},"
		  "{'properties':{'k':{'type':'number'}}}]}",
		    SAME,
		    "{'anyOf':[{'type':'OBJECT','properties':{'k':{'type':'STRING'},"
		    "'a':{'type':'NULL'}},'required':['k','a']},{'type':'OBJECT',"
		    "'properties':{'k':{'type':'NUMBER'}},'required':['k']}]}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
alternatives_that_only_require_something_are_left_out_of_the_subset(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object','properties':{'a':{'type':'string'},"
		  "'b':{'type':'string'}},'anyOf':[{'required':['a']},{'required':['b']}]}",
		    SAME,
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'},'b':{'type':'STRING'}}"
		    "}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
one_of_is_kept_or_becomes_any_of(void **state)
{
	static const struct row rows[] = {
		{ "{'oneOf':[{'type':'string'},{'type':'null'}]}", SAME,
		    "{'type':'STRING','nullable':true}" },
		{ "{'title':'t','oneOf':[{'type':'string'},{'type':'number'}]}", SAME,
		    "{'title':'t','anyOf':[{'type':'STRING'},{'type':'NUMBER'}]}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
all_of_is_merged_shallowly_and_the_later_wins(void **state)
{
	static const struct row rows[] = {
		{ "{'allOf':[{'type':'string','minLength':1,'description':'first'},"
		  "{'minLength':2,'description':'second'}]}",
		    "{'type':'string','minLength':2,'description':'second'}",
		    "{'type':'STRING','minLength':2,'description':'second'}" },
		{ "{'description':'mine','allOf':[{'type':'string','description':'theirs'}]}",
		    "{'type':'string','description':'mine'}",
		    "{'type':'STRING','description':'mine'}" },
		{ "{'allOf':[{'allOf':[{'properties':{'a':{'type':'string'}}}],"
		  "'required':['a']},{'properties':{'b':{},'a':{'type':'null'}},"
		  "'required':['b','a']}],'properties':{'c':{'type':'number'}}}",
		    "{'type':'object','properties':{'a':{'type':'null'},'b':{},"
		    "'c':{'type':'number'}},'required':['a','b']}",
		    "{'type':'OBJECT','properties':{'a':{'type':'NULL'},"
		    "'b':{'type':'STRING'},'c':{'type':'NUMBER'}},'required':['a','b']}" },
		{ "{'allOf':[true,{'type':'string'},{}]}", "{'type':'string'}",
		    "{'type':'STRING'}" },
		{ "{'allOf':[],'type':'string'}", "{'type':'string'}", NULL },
	};

	(void)state;
	EACH_PART(rows);
}

static void
all_of_takes_in_what_it_refers_to(void **state)
{
	static const struct row rows[] = {
		{ "{'properties':{'a':{'allOf':[{'$ref':'#/$defs/A'}],"
		  "'description':'mine'},'b':{'allOf':[{'$ref':'#/$defs/B'},"
		  "{'properties':{'y':{}}}]}},'$defs':{'A':{'type':'string',"
		  "'description':'theirs'},'B':{'type':'object','properties':{'x':{}}}}}",
		    "{'type':'object','properties':{'a':{'type':'string',"
		    "'description':'mine'},'b':{'type':'object','properties':{'x':{},"
		    "'y':{}}}},'$defs':{'A':{'type':'string','description':'theirs'},"
		    "'B':{'type':'object','properties':{'x':{}}}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING',"
		    "'description':'mine'},'b':{'type':'OBJECT',"
		    "'properties':{'x':{'type':'STRING'},'y':{'type':'STRING'}}}}}" },
		/* what loops stays a reference */
		{ "{'properties':{'a':{'allOf':[{'$ref':'#'}],'description':'d'}}}",
		    "{'type':'object','properties':{'a':{'$ref':'#'}}}", NULL },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

/* ---- words ---- */

static void
words_that_gemini_does_not_know_are_dropped(void **state)
{
	static const char *const words[] = { "'not':{}", "'if':{}", "'then':{}", "'else':{}",
		"'dependentRequired':{}", "'dependentSchemas':{}", "'dependencies':{}",
		"'patternProperties':{'^a':{}}", "'propertyNames':{'pattern':'a'}",
		"'unevaluatedProperties':false", "'unevaluatedItems':false", "'contains':{}",
		"'minContains':1", "'uniqueItems':true", "'multipleOf':2",
		"'contentEncoding':'base64'", "'contentMediaType':'a/b'", "'contentSchema':{}",
		"'readOnly':true", "'writeOnly':true", "'deprecated':true", "'$schema':'s'",
		"'$comment':'c'", "'examples':['a']", "'enumDescriptions':['a']", "'x-order':1",
		"'strict':true", "'$vocabulary':{}", "'$dynamicRef':'#a'",
		"'discriminator':{'propertyName':'a'}" };

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		char *in = mem_printf("{%s,'type':'string'}", words[i]);
		struct row row = { in, "{'type':'string'}", "{'type':'STRING'}" };

		each_part(&row, 1);
		mem_free(in);
	}
}

static void
an_excluded_bound_of_an_integer_is_the_next_one_included(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'integer','exclusiveMaximum':10}", "{'type':'integer','maximum':9}",
		    "{'type':'INTEGER','maximum':9}" },
		{ "{'type':['integer','null'],'exclusiveMinimum':-1}",
		    "{'type':['integer','null'],'minimum':0}",
		    "{'type':'INTEGER','minimum':0,'nullable':true}" },
		{ "{'type':'integer','exclusiveMinimum':2.5,'exclusiveMaximum':7.0}",
		    "{'type':'integer','minimum':3,'maximum':6}",
		    "{'type':'INTEGER','minimum':3,'maximum':6}" },
		{ "{'type':'integer','minimum':5,'exclusiveMinimum':2}",
		    "{'type':'integer','minimum':5}", "{'type':'INTEGER','minimum':5}" },
		{ "{'type':'integer','minimum':5,'exclusiveMinimum':5}",
		    "{'type':'integer','minimum':6}", "{'type':'INTEGER','minimum':6}" },
		{ "{'type':'integer','minimum':5,'exclusiveMinimum':true,'maximum':9,"
		  "'exclusiveMaximum':false}",
		    "{'type':'integer','minimum':6,'maximum':9}",
		    "{'type':'INTEGER','minimum':6,'maximum':9}" },
		{ "{'type':'integer','exclusiveMinimum':true}", "{'type':'integer'}",
		    "{'type':'INTEGER'}" },
		{ "{'type':'integer','exclusiveMinimum':9223372036854775807}",
		    "{'type':'integer','minimum':9223372036854775807,"
		    "'description':'Must be greater than 9223372036854775807'}",
		    "{'type':'INTEGER','minimum':9223372036854775807,"
		    "'description':'Must be greater than 9223372036854775807'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
an_excluded_bound_of_a_number_is_told_in_the_description(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'number','exclusiveMinimum':0}",
		    "{'type':'number','minimum':0,'description':'Must be greater than 0'}",
		    "{'type':'NUMBER','minimum':0,'description':'Must be greater than 0'}" },
		{ "{'description':'A rate.','type':'number','exclusiveMinimum':0,"
		  "'exclusiveMaximum':1e2}",
		    "{'description':'A rate.\\nMust be greater than 0\\nMust be less than "
		    "1e2','type':'number','minimum':0,'maximum':1e2}",
		    "{'description':'A rate.\\nMust be greater than 0\\nMust be less than "
		    "1e2','type':'NUMBER','minimum':0,'maximum':1e2}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
const_becomes_an_enum_of_one_or_a_description(void **state)
{
	static const struct row rows[] = {
		{ "{'const':'a'}", "{'enum':['a']}", "{'type':'STRING','enum':['a']}" },
		{ "{'const':5}", "{'enum':[5]}",
		    "{'type':'INTEGER','description':'Allowed values: 5'}" },
		{ "{'const':1.50}", "{'enum':[1.50]}",
		    "{'type':'NUMBER','description':'Allowed values: 1.50'}" },
		{ "{'const':true}", "{'type':'boolean'}",
		    "{'type':'BOOLEAN','description':'Allowed values: true'}" },
		{ "{'type':'boolean','const':false}", "{'type':'boolean'}",
		    "{'type':'BOOLEAN','description':'Allowed values: false'}" },
		{ "{'const':{'a':['b']}}", "{}",
		    "{'type':'OBJECT','description':'Allowed values: {\\'a\\':[\\'b\\']}'}" },
		{ "{'const':null}", "{'type':'null'}", "{'type':'NULL'}" },
		{ "{'const':'a','enum':['b','c']}", "{'enum':['a']}",
		    "{'type':'STRING','enum':['a']}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
an_enum_keeps_strings_and_numbers(void **state)
{
	static const struct row rows[] = {
		{ "{'enum':['a',2,'',true,{'b':1}]}", "{'enum':['a',2,'']}",
		    "{'type':'STRING','enum':['a','2']}" },
		{ "{'type':'string','enum':['a','']}", SAME, "{'type':'STRING','enum':['a']}" },
		{ "{'type':'string','enum':['']}", SAME,
		    "{'type':'STRING','description':'Allowed values: \\'\\''}" },
		{ "{'enum':[]}", "{}", "{'type':'STRING'}" },
		{ "{'enum':null}", "{}", "{'type':'STRING'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
null_in_an_enum_is_one_more_type(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'string','enum':['a',null]}", "{'type':['string','null'],'enum':['a']}",
		    "{'type':'STRING','enum':['a'],'nullable':true}" },
		{ "{'enum':[null,'a']}", "{'type':['string','null'],'enum':['a']}",
		    "{'type':'STRING','enum':['a'],'nullable':true}" },
		{ "{'enum':[null,'a',1]}", "{'type':['string','number','null'],'enum':['a',1]}",
		    NULL },
		{ "{'enum':[null]}", "{'type':'null'}", "{'type':'NULL'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
an_enum_of_numbers_or_booleans_is_told_in_the_description(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'number','enum':[1.0,2.50]}", SAME,
		    "{'type':'NUMBER','description':'Allowed values: 1.0, 2.50'}" },
		{ "{'type':'boolean','enum':[true],'description':'d'}",
		    "{'type':'boolean','description':'d'}",
		    "{'type':'BOOLEAN','description':'d\\nAllowed values: true'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
nullable_becomes_a_type_or_is_kept(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'string','nullable':true}", "{'type':['string','null']}",
		    "{'type':'STRING','nullable':true}" },
		{ "{'type':'string','nullable':false}", "{'type':'string'}", "{'type':'STRING'}" },
		{ "{'nullable':true}", "{}", "{'type':'STRING','nullable':true}" },
		{ "{'properties':{'a':{}},'nullable':true}",
		    "{'type':['object','null'],'properties':{'a':{}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'}},'nullable':true}" },
		{ "{'nullable':true,'oneOf':[{'type':'string'},{'type':'number'}]}",
		    "{'oneOf':[{'type':'string'},{'type':'number'},{'type':'null'}]}",
		    "{'nullable':true,'anyOf':[{'type':'STRING'},{'type':'NUMBER'}]}" },
		{ "{'nullable':'yes','type':'string'}", "{'type':'string'}", "{'type':'STRING'}" },
	};
	static const struct row references[] = {
		{ "{'properties':{'a':{'$ref':'#/$defs/A','nullable':true}},"
		  "'$defs':{'A':{'type':'string'}}}",
		    "{'type':'object','properties':{'a':{'anyOf':[{'$ref':'#/$defs/A'},"
		    "{'type':'null'}]}},'$defs':{'A':{'type':'string'}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING','nullable':true}}}" },
	};

	(void)state;
	EACH_PART(rows);
	EACH_ROOT(SCHEMA_OF_TOOL, references);
}

static void
additional_properties_are_kept_or_dropped(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object','properties':{'a':{}},'additionalProperties':false}", SAME,
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'}}}" },
		{ "{'type':'object','additionalProperties':true}", SAME, "{'type':'OBJECT'}" },
		{ "{'type':'object','additionalProperties':{'const':'a'}}",
		    "{'type':'object','additionalProperties':{'enum':['a']}}",
		    "{'type':'OBJECT'}" },
		{ "{'type':'object','additionalProperties':'no'}", "{'type':'object'}",
		    "{'type':'OBJECT'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
bounds_are_copied_as_they_were_written(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'array','minItems':1,'maxItems':1e1,'items':{'type':'number',"
		  "'minimum':-0.50,'maximum':1.0E+2}}",
		    SAME,
		    "{'type':'ARRAY','minItems':1,'maxItems':1e1,'items':{'type':'NUMBER',"
		    "'minimum':-0.50,'maximum':1.0E+2}}" },
		{ "{'type':'string','minLength':1,'maxLength':20,'pattern':'^a\\\\d$'}", SAME,
		    "{'type':'STRING','minLength':1,'maxLength':20,'pattern':'^a\\\\d$'}" },
		{ "{'type':'integer','minimum':-9223372036854775808}", SAME,
		    "{'type':'INTEGER','minimum':-9223372036854775808}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
the_number_of_properties_is_bounded_in_the_subset_only(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object','minProperties':1,'maxProperties':2}", "{'type':'object'}",
		    "{'type':'OBJECT','minProperties':1,'maxProperties':2}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
a_format_that_the_subset_does_not_know_is_told_in_the_description(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'string','format':'date-time'}", SAME,
		    "{'type':'STRING','format':'date-time'}" },
		{ "{'type':'string','format':'enum','enum':['a']}", SAME,
		    "{'type':'STRING','format':'enum','enum':['a']}" },
		{ "{'type':'string','format':'email'}", SAME,
		    "{'type':'STRING','description':'Format: email'}" },
		{ "{'type':'string','format':'uuid','description':'An id.'}", SAME,
		    "{'type':'STRING','description':'An id.\\nFormat: uuid'}" },
		{ "{'type':'number','format':'double'}", SAME,
		    "{'type':'NUMBER','format':'double'}" },
		{ "{'type':'integer','format':'int64'}", SAME,
		    "{'type':'INTEGER','format':'int64'}" },
		{ "{'type':'integer','format':'uint8'}", SAME,
		    "{'type':'INTEGER','description':'Format: uint8'}" },
	};

	(void)state;
	EACH_PART(rows);
}

static void
default_and_example_are_kept_in_the_subset_only(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'string','default':{'a':[1]},'example':'e'}", "{'type':'string'}",
		    "{'type':'STRING','default':{'a':[1]},'example':'e'}" },
		{ "{'type':'string','default':null}", "{'type':'string'}", "{'type':'STRING'}" },
	};
	static const struct row root[] = {
		{ "{'type':'object','examples':[{'a':1},2]}", "{'type':'object'}",
		    "{'type':'OBJECT','example':{'a':1}}" },
		{ "{'type':'object','examples':[]}", "{'type':'object'}", "{'type':'OBJECT'}" },
		{ "{'type':'object','examples':{'a':1}}", "{'type':'object'}",
		    "{'type':'OBJECT'}" },
	};

	(void)state;
	EACH_PART(rows);
	EACH_ROOT(SCHEMA_OF_ANSWER, root);
}

static void
the_order_of_properties_is_told_for_answers(void **state)
{
	static const struct row answers[] = {
		{ "{'type':'object','properties':{'b':{'properties':{'y':{'type':'null'}}},"
		  "'a':{'type':'null'}}}",
		    "{'type':'object','properties':{'b':{'properties':{'y':{'type':'null'}},"
		    "'propertyOrdering':['y']},'a':{'type':'null'}},'propertyOrdering':['b',"
		    "'a']}",
		    "{'type':'OBJECT','properties':{'b':{'type':'OBJECT',"
		    "'properties':{'y':{'type':'NULL'}},'propertyOrdering':['y']},"
		    "'a':{'type':'NULL'}},'propertyOrdering':['b','a']}" },
		{ "{'propertyOrdering':['a','z','b'],'type':'object',"
		  "'properties':{'b':{'type':'null'},'a':{'type':'null'}}}",
		    SAME,
		    "{'propertyOrdering':['a','b'],'type':'OBJECT',"
		    "'properties':{'b':{'type':'NULL'},'a':{'type':'NULL'}}}" },
	};
	static const struct row tools[] = {
		{ "{'type':'object','properties':{'b':{'type':'null'}},'propertyOrdering':['b']}",
		    SAME,
		    "{'type':'OBJECT','properties':{'b':{'type':'NULL'}},'propertyOrdering':['b']"
		    "}" },
		{ "{'type':'object','properties':{'b':{'type':'null'}},'propertyOrdering':7}",
		    "{'type':'object','properties':{'b':{'type':'null'}}}",
		    "{'type':'OBJECT','properties':{'b':{'type':'NULL'}}}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_ANSWER, answers);
	EACH_ROOT(SCHEMA_OF_TOOL, tools);
}

static void
a_boolean_schema_is_any_value_or_a_string(void **state)
{
	static const struct row rows[] = {
		{ "true", "{}", "{'type':'STRING'}" },
		{ "{}", "{}", "{'type':'STRING'}" },
	};
	static const struct row never[] = {
		{ "{'properties':{'a':false,'b':{'type':'null'}},'required':['a','b']}",
		    "{'type':'object','properties':{'b':{'type':'null'}},'required':['b']}",
		    "{'type':'OBJECT','properties':{'b':{'type':'NULL'}},'required':['b']}" },
	};

	(void)state;
	EACH_PART(rows);
	EACH_ROOT(SCHEMA_OF_TOOL, never);
}

static void
a_root_without_title_gets_the_one_that_is_given(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object'}", "{'type':'object','title':'a\\'b'}",
		    "{'type':'OBJECT','title':'a\\'b'}" },
		{ "{'title':'own','type':'object'}", "{'title':'own','type':'object'}",
		    "{'title':'own','type':'OBJECT'}" },
	};
	struct schema_order order = { .use = SCHEMA_OF_ANSWER, .field = FIELD };
	struct buf out = BUF_INIT;
	struct schema_made made;
	struct err e;

	(void)state;
	order.title = SPAN("a\\\"b");
	for (size_t i = 0; i < COUNT(rows); i++) {
		order.target = SCHEMA_JSON;
		assert_true(adapt_as(&order, span_of(rows[i].in), &out, &made, &e));
		assert_json(&out, rows[i].json);
		order.target = SCHEMA_OPENAPI;
		assert_true(adapt_as(&order, span_of(rows[i].in), &out, &made, &e));
		assert_json(&out, rows[i].openapi);
	}
	buf_fini(&out);
}

/* The idiom of OpenAI's strict mode. */
static void
strict_mode_passes_unchanged_in_the_json_schema_fields(void **state)
{
	static const char strict[] =
	    "{'type':'object','properties':{'a':{'type':['string','null']},"
	    "'b':{'type':'object','properties':{'c':{'type':'integer'}},"
	    "'required':['c'],'additionalProperties':false}},'required':['a','b'],"
	    "'additionalProperties':false}";

	(void)state;
	expect(SCHEMA_JSON, SCHEMA_OF_TOOL, strict, strict);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worked_examples_come_out_to_the_letter),
		cmocka_unit_test(a_type_is_kept_or_put_in_upper_case),
		cmocka_unit_test(a_list_of_types_becomes_nullable_or_alternatives),
		cmocka_unit_test(each_of_several_types_gets_the_words_that_speak_of_it),
		cmocka_unit_test(a_missing_type_is_inferred_for_the_subset_only),
		cmocka_unit_test(
		    properties_required_items_description_and_title_are_kept_in_their_order),
		cmocka_unit_test(required_names_without_a_property_are_removed_for_the_subset),
		cmocka_unit_test(an_object_without_properties_stays_one),
		cmocka_unit_test(a_tool_without_properties_is_omitted),
		cmocka_unit_test(an_answer_of_any_value_is_omitted),
		cmocka_unit_test(the_root_of_a_tool_is_named_an_object_where_it_was_not),
		cmocka_unit_test(a_root_that_is_no_object_is_wrapped_for_tools),
		cmocka_unit_test(a_root_that_refers_to_an_object_has_its_words_for_tools),
		cmocka_unit_test(an_array_without_items_has_strings_in_the_subset),
		cmocka_unit_test(a_tuple_becomes_prefix_items_or_any_of_its_members),
		cmocka_unit_test(prefix_items_are_kept_or_become_any_of),
		cmocka_unit_test(definitions_become_defs_and_references_follow),
		cmocka_unit_test(nothing_stands_beside_a_reference_but_dollar_words),
		cmocka_unit_test(a_reference_may_lead_anywhere_in_the_text),
		cmocka_unit_test(a_reference_understands_the_escapes_of_pointers),
		cmocka_unit_test(a_reference_that_leads_nowhere_or_away_is_left_out),
		cmocka_unit_test(a_loop_is_kept_and_not_required),
		cmocka_unit_test(a_loop_is_written_out_three_times_and_ends_as_an_object),
		cmocka_unit_test(any_of_is_kept_and_its_null_becomes_nullable),
		cmocka_unit_test(what_stands_beside_a_choice_goes_into_each_alternative),
		cmocka_unit_test(
		    alternatives_that_only_require_something_are_left_out_of_the_subset),
		cmocka_unit_test(one_of_is_kept_or_becomes_any_of),
		cmocka_unit_test(all_of_is_merged_shallowly_and_the_later_wins),
		cmocka_unit_test(all_of_takes_in_what_it_refers_to),
		cmocka_unit_test(words_that_gemini_does_not_know_are_dropped),
		cmocka_unit_test(an_excluded_bound_of_an_integer_is_the_next_one_included),
		cmocka_unit_test(an_excluded_bound_of_a_number_is_told_in_the_description),
		cmocka_unit_test(const_becomes_an_enum_of_one_or_a_description),
		cmocka_unit_test(an_enum_keeps_strings_and_numbers),
		cmocka_unit_test(null_in_an_enum_is_one_more_type),
		cmocka_unit_test(an_enum_of_numbers_or_booleans_is_told_in_the_description),
		cmocka_unit_test(nullable_becomes_a_type_or_is_kept),
		cmocka_unit_test(additional_properties_are_kept_or_dropped),
		cmocka_unit_test(bounds_are_copied_as_they_were_written),
		cmocka_unit_test(the_number_of_properties_is_bounded_in_the_subset_only),
		cmocka_unit_test(a_format_that_the_subset_does_not_know_is_told_in_the_description),
		cmocka_unit_test(default_and_example_are_kept_in_the_subset_only),
		cmocka_unit_test(the_order_of_properties_is_told_for_answers),
		cmocka_unit_test(a_boolean_schema_is_any_value_or_a_string),
		cmocka_unit_test(a_root_without_title_gets_the_one_that_is_given),
		cmocka_unit_test(strict_mode_passes_unchanged_in_the_json_schema_fields),
	};

	return cmocka_run_group_tests_name("dialect/schema", tests, NULL, NULL);
}
