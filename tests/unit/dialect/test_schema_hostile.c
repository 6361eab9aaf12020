/*
 * The schema adapter and what has hurt the users of others: lessons by their numbers, faults by
 * their letters; then schemas that are meant to hurt.
 */
#include "dialect/schema.h"

#include "tests/unit/dialect/schema_rows.h"

/* ---- lessons ---- */

/* Both targets refuse it and name the place. */
static void
expect_refusal(const char *in, const char *place, const char *words)
{
	for (int target = SCHEMA_JSON; target <= SCHEMA_OPENAPI; target++) {
		struct buf out = BUF_INIT;
		struct schema_made made;
		struct err e;
		char field[200];

		snprintf(field, sizeof(field), FIELD "%s", place);
		if (adapt((enum schema_target)target, SCHEMA_OF_TOOL, span_of(in), &out, &made, &e))
			fail_msg("%s: %s", in, buf_text(&out));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, field);
		if (!span_starts(span_of(e.text), field) || !span_has(span_of(e.text), words))
			fail_msg("%s: %s", in, e.text);
		assert_false(made.omitted || made.wrapped);
		buf_fini(&out);
	}
}

/* 9 */
static void
tools_and_answers_go_through_one_routine(void **state)
{
	static const char in[] =
	    "{'type':'object','properties':{'a':{'type':'string','$comment':'c',"
	    "'const':'x'}},'propertyOrdering':['a']}";
	static const char out[] =
	    "{'type':'object','properties':{'a':{'type':'string','enum':['x']}},"
	    "'propertyOrdering':['a']}";

	(void)state;
	expect(SCHEMA_JSON, SCHEMA_OF_TOOL, in, out);
	expect(SCHEMA_JSON, SCHEMA_OF_ANSWER, in, out);
}

/* 10 */
static void
a_word_that_nobody_has_heard_of_is_dropped_at_every_depth(void **state)
{
	static const struct row rows[] = {
		{ "{'brandNew':1,'type':'array','items':{'brandNew':2,"
		  "'anyOf':[{'brandNew':{},'type':'string'},{'type':'number',"
		  "'enumDescriptions':['x']}]}}",
		    "{'type':'array','items':{'anyOf':[{'type':'string'},{'type':'number'}]}}",
		    "{'type':'ARRAY','items':{'anyOf':[{'type':'STRING'},{'type':'NUMBER'}]}}" },
	};

	(void)state;
	EACH_PART(rows);
}

/* 11 */
static void
property_names_are_dropped(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'object','propertyNames':{'type':'string'},'additionalProperties':{}}",
		    "{'type':'object','additionalProperties':{}}", "{'type':'OBJECT'}" },
	};

	(void)state;
	EACH_PART(rows);
}

/* 12 */
static void
numbers_in_an_enum_of_strings_become_strings(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'string','enum':[1,2.5,'a']}",
		    "{'type':'string','enum':['1','2.5','a']}",
		    "{'type':'STRING','enum':['1','2.5','a']}" },
		{ "{'type':['string','null'],'enum':[1,null]}",
		    "{'type':['string','null'],'enum':['1']}",
		    "{'type':'STRING','enum':['1'],'nullable':true}" },
		{ "{'type':'string','const':7}", "{'type':'string','enum':['7']}",
		    "{'type':'STRING','enum':['7']}" },
	};

	(void)state;
	EACH_PART(rows);
}

/* 13 */
static void
a_reference_with_siblings_is_written_out_for_the_subset(void **state)
{
	(void)state;
	expect(SCHEMA_OPENAPI, SCHEMA_OF_TOOL,
	    "{'properties':{'a':{'$ref':'#/$defs/A','description':'mine',"
	    "'minLength':3}},'$defs':{'A':{'type':'string','minLength':1,"
	    "'maxLength':9}}}",
	    "{'type':'OBJECT','properties':{'a':{'type':'STRING','minLength':3,"
	    "'maxLength':9,'description':'mine'}}}");
}

/* 14 */
static void
a_positive_number_of_zod_is_accepted(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'integer','exclusiveMinimum':0,'maximum':9007199254740991}",
		    "{'type':'integer','minimum':1,'maximum':9007199254740991}",
		    "{'type':'INTEGER','minimum':1,'maximum':9007199254740991}" },
	};

	(void)state;
	EACH_PART(rows);
}

/* 15 */
static void
schema_and_additional_properties_do_not_reach_the_subset(void **state)
{
	(void)state;
	expect(SCHEMA_OPENAPI, SCHEMA_OF_TOOL,
	    "{'$schema':'https://json-schema.org/draft/2020-12/schema',"
	    "'type':'object','properties':{'a':{'type':'string'}},"
	    "'additionalProperties':false}",
	    "{'type':'OBJECT','properties':{'a':{'type':'STRING'}}}");
}

/* 16 */
static void
the_json_schema_fields_keep_what_the_subset_loses(void **state)
{
	static const char rich[] =
	    "{'type':'object','properties':{'a':{'$ref':'#/$defs/A'},"
	    "'b':{'oneOf':[{'type':'string','format':'email'},{'type':'integer',"
	    "'enum':[1,2]}]}},'additionalProperties':{'type':'string'},"
	    "'$defs':{'A':{'prefixItems':[{'type':'number'}],"
	    "'items':{'type':'null'}}}}";

	(void)state;
	expect(SCHEMA_JSON, SCHEMA_OF_TOOL, rich, rich);
}

/* 17 */
static void
a_wrong_value_in_the_structure_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *in, *place, *words;
	} rows[] = {
		{ "[]", "", "must be an object" },
		{ "'object'", "", "must be an object" },
		{ "{'type':{'type':'string'}}", ".type", "must be string, number" },
		{ "{'type':'strin'}", ".type", "must be string, number" },
		{ "{'type':['string',5]}", ".type", "must be string, number" },
		{ "{'type':['string',{}]}", ".type", "must be string, number" },
		{ "{'properties':[{'a':1}]}", ".properties", "must be an object" },
		{ "{'properties':'a'}", ".properties", "must be an object" },
		{ "{'properties':{'a':'string'}}", ".properties.a", "must be a schema" },
		{ "{'properties':{'a':null}}", ".properties.a", "must be a schema" },
		{ "{'properties':{'a':{'type':7}}}", ".properties.a.type",
		    "must be string, number" },
		{ "{'properties':{'a':{'items':'string'}}}", ".properties.a.items",
		    "must be a schema or a list" },
		{ "{'properties':{'a':{'items':[{},1]}}}", ".properties.a.items[1]",
		    "must be a schema" },
		{ "{'properties':{'a':{'items':[1]}}}", ".properties.a.items",
		    "must be a schema or a list" },
		{ "{'properties':{'a':{'anyOf':{}}}}", ".properties.a.anyOf",
		    "must be a list of schemas" },
		{ "{'properties':{'a':{'oneOf':['a']}}}", ".properties.a.oneOf",
		    "must be a list of schemas" },
		{ "{'properties':{'a':{'anyOf':[{},[]]}}}", ".properties.a.anyOf[1]",
		    "must be a schema" },
		{ "{'properties':{'a':{'allOf':[{'type':[1]}]}}}", ".properties.a.allOf[0].type",
		    "must be string, number" },
		{ "{'properties':{'a':{'prefixItems':7}}}", ".properties.a.prefixItems",
		    "must be a list of schemas" },
		{ "{'properties':{'a':{}},'required':'a'}", ".required",
		    "must be a list of strings" },
		{ "{'properties':{'a':{}},'required':['a',1]}", ".required",
		    "must be a list of strings" },
		{ "{'properties':{'a':{}},'required':[true]}", ".required",
		    "must be a list of strings" },
		{ "{'properties':{'a':{'enum':'a'}}}", ".properties.a.enum", "must be a list" },
		{ "{'properties':{'a':{'$ref':{}}}}", ".properties.a.$ref", "must be a string" },
		{ "{'properties':{'a':{'$ref':'#/$defs/A'}},'$defs':{'A':{'items':true,"
		  "'type':0}}}",
		    ".$defs.A.type", "must be string, number" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_refusal(rows[i].in, rows[i].place, rows[i].words);
}

/* 17 */
static void
a_wrong_value_in_what_describes_or_limits_is_left_out(void **state)
{
	static const char *const words[] = { "'minLength':{'type':'string'}", "'minLength':'5'",
		"'minLength':-1", "'minLength':1.5", "'maxLength':1e400", "'minimum':'0'",
		"'minimum':true", "'minimum':-1e999", "'maxItems':[]", "'exclusiveMinimum':'0'",
		"'exclusiveMinimum':{}", "'pattern':{}", "'format':[]", "'title':{'a':1}",
		"'description':5", "'description':null", "'nullable':1", "'required':true",
		"'required':false", "'required':null", "'propertyOrdering':{}",
		"'additionalProperties':[]", "'$anchor':1", "'$id':{}", "'properties':[]",
		"'items':null", "'anyOf':null", "'allOf':null", "'$defs':null",
		"'definitions':[]" };

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		char *in = mem_printf("{%s,'type':'string'}", words[i]);
		struct row row = { in, "{'type':'string'}", "{'type':'STRING'}" };

		each_part(&row, 1);
		mem_free(in);
	}
}

/* (j) */
static void
const_exclusive_bounds_and_lists_of_types_are_not_forwarded(void **state)
{
	(void)state;
	expect(SCHEMA_OPENAPI, SCHEMA_OF_TOOL,
	    "{'type':'object','properties':{'kind':{'const':'city'},"
	    "'count':{'type':'integer','exclusiveMinimum':0},"
	    "'note':{'type':['string','null']}}}",
	    "{'type':'OBJECT','properties':{'kind':{'type':'STRING','enum':['city']},"
	    "'count':{'type':'INTEGER','minimum':1},'note':{'type':'STRING',"
	    "'nullable':true}}}");
}

/* ---- hostile input ---- */

/* {"type":"object","properties":{"a": ... }} in itself, the innermost a string. */
static void
nest(struct buf *out, int depth)
{
	for (int i = 1; i < depth; i++)
		buf_add_lit(out, "{'type':'object','properties':{'a':");
	buf_add_lit(out, "{'type':'string'}");
	for (int i = 1; i < depth; i++)
		buf_add_lit(out, "}}");
}

static void
thirty_two_levels_pass_and_thirty_three_are_refused(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct schema_made made;
	struct err e;

	(void)state;
	for (int target = SCHEMA_JSON; target <= SCHEMA_OPENAPI; target++) {
		buf_clear(&in);
		buf_clear(&out);
		nest(&in, SCHEMA_DEPTH_MAX);
		assert_true(adapt(
		    (enum schema_target)target, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
		buf_clear(&in);
		buf_clear(&out);
		nest(&in, SCHEMA_DEPTH_MAX + 1);
		assert_false(adapt(
		    (enum schema_target)target, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_true(span_starts(span_of(e.field), FIELD ".properties.a.properties.a"));
		assert_true(span_ends(span_of(e.text), "is nested more than 32 deep"));
	}
	buf_fini(&in);
	buf_fini(&out);
}

/* Each definition refers to the next one twice: 2^40 parts when they are written out. */
static void
a_bomb_of_references_is_refused_where_it_must_be_written_out(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct schema_made made;
	struct err e;

	(void)state;
	buf_add_lit(&in, "{'type':'object','properties':{'a':{'$ref':'#/$defs/d0'}},'$defs':{");
	for (int i = 0; i < 40; i++)
		buf_printf(&in,
		    "'d%d':{'type':'object','properties':{'x':{'$ref':'#/$defs/d%d'},"
		    "'y':{'$ref':'#/$defs/d%d'}}},",
		    i, i + 1, i + 1);
	buf_add_lit(&in, "'d40':{'type':'string'}}}");

	assert_true(adapt(SCHEMA_JSON, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
	assert_true(out.len < 2 * in.len);
	buf_clear(&out);
	assert_false(adapt(SCHEMA_OPENAPI, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_string_equal(e.field, FIELD);
	assert_string_equal(e.text, FIELD " is too large when its references are written out");
	buf_fini(&in);
	buf_fini(&out);
}

static void
a_bomb_of_merged_references_is_refused(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct schema_made made;
	struct err e;

	(void)state;
	buf_add_lit(&in, "{'type':'object','properties':{'a':{'$ref':'#/$defs/d0'}},'$defs':{");
	for (int i = 0; i < 20; i++)
		buf_printf(&in,
		    "'d%d':{'properties':{'x':{'allOf':[{'$ref':'#/$defs/d%d'},"
		    "{'minLength':1}]},'y':{'allOf':[{'$ref':'#/$defs/d%d'},"
		    "{'title':'t'}]}}},",
		    i, i + 1, i + 1);
	buf_add_lit(&in, "'d20':{'type':'string'}}}");
	for (int target = SCHEMA_JSON; target <= SCHEMA_OPENAPI; target++) {
		assert_false(adapt(
		    (enum schema_target)target, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
		assert_string_equal(e.field, FIELD);
	}
	buf_fini(&in);
	buf_fini(&out);
}

/* Twelve kinds of nodes that all refer to each other: 12! ways to write that out. */
static void
a_grammar_that_loops_in_many_ways_is_cut_sooner(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct schema_made made;
	struct err e;

	(void)state;
	buf_add_lit(&in, "{'type':'object','properties':{'e':{'$ref':'#/$defs/k0'}},'$defs':{");
	for (int i = 0; i < 12; i++) {
		buf_printf(&in, "%s'k%d':{'type':'object','properties':{", i ? "," : "", i);
		for (int k = 0; k < 12; k++)
			buf_printf(&in, "%s'p%d':{'$ref':'#/$defs/k%d'}", k ? "," : "", k, k);
		buf_add_lit(&in, "}}");
	}
	buf_add_lit(&in, "}}");
	assert_true(adapt(SCHEMA_OPENAPI, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
	assert_true(span_has(buf_span(&out), "\"p11\":{\"type\":\"OBJECT\"}"));
	assert_true(out.len < (1 << 20));
	buf_fini(&in);
	buf_fini(&out);
}

static void
references_that_lead_only_to_each_other_end(void **state)
{
	static const struct row rows[] = {
		{ "{'properties':{'a':{'allOf':[{'$ref':'#/properties/a'}]}}}", NULL,
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'}}}" },
		{ "{'properties':{'a':{'$ref':'#/properties/b'},'b':{'$ref':'#/properties/a'}}}",
		    NULL,
		    "{'type':'OBJECT','properties':{'a':{'type':'STRING'},'b':{'type':'STRING'}}"
		    "}" },
		{ "{'allOf':[{'$ref':'#'}],'properties':{'a':{'type':'null'}}}", NULL,
		    "{'type':'OBJECT','properties':{'a':{'type':'NULL'}}}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect(SCHEMA_OPENAPI, SCHEMA_OF_TOOL, rows[i].in, rows[i].openapi);
}

static void
a_chain_of_ten_thousand_references_does_not_eat_the_stack(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct schema_made made;
	struct err e;

	(void)state;
	buf_add_lit(&in, "{'properties':{'a':{'$ref':'#/$defs/d0'}},'$defs':{");
	for (int i = 0; i < 10000; i++)
		buf_printf(&in, "'d%d':{'$ref':'#/$defs/d%d'},", i, i + 1);
	buf_add_lit(&in, "'d10000':{'type':'string'}}}");
	assert_true(adapt(SCHEMA_JSON, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
	buf_clear(&out);
	assert_false(adapt(SCHEMA_OPENAPI, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
	assert_string_equal(e.field, FIELD);
	buf_fini(&in);
	buf_fini(&out);
}

static void
a_schema_of_a_megabyte_passes(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct schema_made made;
	struct err e;

	(void)state;
	for (int target = SCHEMA_JSON; target <= SCHEMA_OPENAPI; target++) {
		buf_clear(&in);
		buf_clear(&out);
		/* many properties, by a reference, so that they count against the bounds */
		buf_add_lit(&in, "{'$ref':'#/$defs/all','$defs':{'all':{'properties':{");
		for (int i = 0; i < 16000; i++)
			buf_printf(&in, "'property%d':{'type':'string','title':'t'},", i);
		buf_add_lit(&in, "'long':{'description':'");
		for (int i = 0; i < 10000; i++)
			buf_add_lit(&in, "a long description of something, ");
		buf_add_lit(&in, "'}},'required':['long'");
		for (int i = 15999; i >= 0; i--)
			buf_printf(&in, ",'property%d'", i);
		buf_add_lit(&in, "]}}}");
		assert_true(in.len > (1 << 20));
		if (!adapt(
			(enum schema_target)target, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e))
			fail_msg("%s", e.text);
		assert_true(span_has(buf_span(&out), "\"property0\"]"));
	}
	buf_fini(&in);
	buf_fini(&out);
}

static void
a_schema_of_too_many_parts_is_refused(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct schema_made made;
	struct err e;

	(void)state;
	buf_add_lit(&in, "{'anyOf':[{}");
	for (int i = 0; i < SCHEMA_NODES_MAX; i++)
		buf_add_lit(&in, ",{}");
	buf_add_lit(&in, "]}");
	assert_false(adapt(SCHEMA_JSON, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
	assert_string_equal(e.field, FIELD);
	assert_string_equal(e.text, FIELD " has more than 200000 parts");
	buf_fini(&in);
	buf_fini(&out);
}

static void
of_equal_names_the_last_one_counts(void **state)
{
	static const struct row rows[] = {
		{ "{'type':'number','description':'d','type':'string'}",
		    "{'type':'string','description':'d'}", "{'type':'STRING','description':'d'}" },
		{ "{'properties':{'a':{'type':'null'},'b':{},'\\u0061':{'type':'number'},"
		  "'a':{'type':'boolean'}}}",
		    "{'properties':{'a':{'type':'boolean'},'b':{}}}",
		    "{'type':'OBJECT','properties':{'a':{'type':'BOOLEAN'},'b':{'type':'STRING'}}"
		    "}" },
		{ "{'type':5,'type':'string'}", "{'type':'string'}", NULL },
	};

	(void)state;
	EACH_PART(rows);
}

static void
words_and_names_are_understood_through_their_escapes(void **state)
{
	static const struct row rows[] = {
		{ "{'\\u0074ype':'\\u006fbject','properties':{'a\\u0022\\/b':{'type':"
		  "'null'},'\\ud83d\\ude00':{'type':'null'}},'required':['a\\'/b',"
		  "'\xf0\x9f\x98\x80']}",
		    "{'type':'object','properties':{'a\\'/b':{'type':'null'},"
		    "'\xf0\x9f\x98\x80':{'type':'null'}},'required':['a\\'/b',"
		    "'\xf0\x9f\x98\x80']}",
		    "{'type':'OBJECT','properties':{'a\\'/b':{'type':'NULL'},"
		    "'\xf0\x9f\x98\x80':{'type':'NULL'}},'required':['a\\'/b',"
		    "'\xf0\x9f\x98\x80']}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

/* A property may be named like a word, a definition like a place. */
static void
names_of_properties_are_no_words(void **state)
{
	static const struct row rows[] = {
		{ "{'properties':{'type':{'type':'string'},'$ref':{'type':'null'},"
		  "'properties':{'properties':{'not':{'type':'null'}}},"
		  "'':{'type':'null'}}}",
		    "{'type':'object','properties':{'type':{'type':'string'},"
		    "'$ref':{'type':'null'},'properties':{'properties':{'not':{'type':"
		    "'null'}}},'':{'type':'null'}}}",
		    "{'type':'OBJECT','properties':{'type':{'type':'STRING'},"
		    "'$ref':{'type':'NULL'},'properties':{'type':'OBJECT',"
		    "'properties':{'not':{'type':'NULL'}}},'':{'type':'NULL'}}}" },
	};

	(void)state;
	EACH_ROOT(SCHEMA_OF_TOOL, rows);
}

static void
what_was_adapted_is_adapted_no_further(void **state)
{
	static const char *const texts[] = {
		"{'allOf':[{'$ref':'#/definitions/A'},{'required':['a']}],"
		"'definitions':{'A':{'properties':{'a':{'$ref':'#/definitions/A'},"
		"'b':{'const':1}}}}}",
		"{'type':'array','items':[{'exclusiveMinimum':0.5},{'$ref':'#/items/0'}],"
		"'nullable':true}",
		"{'type':'object','properties':{'n':{'$ref':'#','nullable':true}},"
		"'required':['n']}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct buf once = BUF_INIT, twice = BUF_INIT;
		struct schema_made made;
		struct err e;

		assert_true(
		    adapt(SCHEMA_JSON, SCHEMA_OF_TOOL, span_of(texts[i]), &once, &made, &e));
		assert_true(adapt(SCHEMA_JSON, SCHEMA_OF_TOOL, buf_span(&once), &twice, &made, &e));
		assert_string_equal(buf_text(&twice), buf_text(&once));
		buf_fini(&once);
		buf_fini(&twice);
	}
}

static void
small_schemas_leave_no_more_than_small_scratch_behind(void **state)
{
	struct schema_order order = { .use = SCHEMA_OF_TOOL, .field = FIELD };
	struct arena *arena = arena_new(0);
	struct span in = SPAN("{\"properties\":{\"a\":{}}}");
	struct schema_made made;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct buf out = BUF_INIT;

		assert_true(schema_write(&order, in, arena, &out, &made, &e));
		buf_fini(&out);
	}
	assert_true(arena_bytes(arena) < (2 << 20));
	arena_free(&arena);
}

/* ---- recordings ---- */

/* Schemas that were sent to Gemini, under the directory that POLLUX_DATA names. */
static void
a_recorded_json_schema_passes_unchanged(void **state)
{
	const char *folder = getenv("POLLUX_DATA");
	char path[4096], room[4096];
	struct buf in = BUF_INIT, tight = BUF_INIT, out = BUF_INIT;
	struct schema_made made;
	struct err e;
	FILE *f;
	size_t n;

	(void)state;
	snprintf(path, sizeof(path), "%s/gemini-recorded/schema/json-schema.json",
	    folder != NULL ? folder : "");
	f = folder != NULL ? fopen(path, "rb") : NULL;
	if (f == NULL)
		skip();
	while ((n = fread(room, 1, sizeof(room), f)) > 0)
		buf_add(&in, room, n);
	fclose(f);
	for (size_t i = 0, quotes = 0; i < in.len; i++) {
		quotes += in.data[i] == '"';
		if (quotes % 2 == 1 || (in.data[i] != ' ' && in.data[i] != '\n'))
			buf_add_char(&tight, in.data[i]);
	}
	assert_true(adapt(SCHEMA_JSON, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
	assert_string_equal(buf_text(&out), buf_text(&tight));
	buf_clear(&out);
	assert_true(adapt(SCHEMA_OPENAPI, SCHEMA_OF_TOOL, buf_span(&in), &out, &made, &e));
	buf_fini(&in);
	buf_fini(&tight);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools_and_answers_go_through_one_routine),
		cmocka_unit_test(a_word_that_nobody_has_heard_of_is_dropped_at_every_depth),
		cmocka_unit_test(property_names_are_dropped),
		cmocka_unit_test(numbers_in_an_enum_of_strings_become_strings),
		cmocka_unit_test(a_reference_with_siblings_is_written_out_for_the_subset),
		cmocka_unit_test(a_positive_number_of_zod_is_accepted),
		cmocka_unit_test(schema_and_additional_properties_do_not_reach_the_subset),
		cmocka_unit_test(the_json_schema_fields_keep_what_the_subset_loses),
		cmocka_unit_test(a_wrong_value_in_the_structure_is_refused_with_its_place),
		cmocka_unit_test(a_wrong_value_in_what_describes_or_limits_is_left_out),
		cmocka_unit_test(const_exclusive_bounds_and_lists_of_types_are_not_forwarded),
		cmocka_unit_test(thirty_two_levels_pass_and_thirty_three_are_refused),
		cmocka_unit_test(a_bomb_of_references_is_refused_where_it_must_be_written_out),
		cmocka_unit_test(a_bomb_of_merged_references_is_refused),
		cmocka_unit_test(a_grammar_that_loops_in_many_ways_is_cut_sooner),
		cmocka_unit_test(references_that_lead_only_to_each_other_end),
		cmocka_unit_test(a_chain_of_ten_thousand_references_does_not_eat_the_stack),
		cmocka_unit_test(a_schema_of_a_megabyte_passes),
		cmocka_unit_test(a_schema_of_too_many_parts_is_refused),
		cmocka_unit_test(of_equal_names_the_last_one_counts),
		cmocka_unit_test(words_and_names_are_understood_through_their_escapes),
		cmocka_unit_test(names_of_properties_are_no_words),
		cmocka_unit_test(what_was_adapted_is_adapted_no_further),
		cmocka_unit_test(small_schemas_leave_no_more_than_small_scratch_behind),
		cmocka_unit_test(a_recorded_json_schema_passes_unchanged),
	};

	return cmocka_run_group_tests_name("dialect/schema_hostile", tests, NULL, NULL);
}
