/*
 * The format that an answer is to have, row by row: what a client sends and what Gemini gets of
 * it, as fields or as words.
 */
#include "dialect/openai_format.h"

#include "tests/unit/unit.h"

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static bool
read_format(const char *json, struct openai_format *f, struct err *e)
{
	struct scan s;

	*e = ERR_INIT;
	scan_init(&s, span_of(json));
	return openai_format_read(f, &s, e) && scan_end(&s);
}

struct made {
	const char *config, *words;
	struct call call;
};

static bool
make(const char *json, struct model_facts facts, bool with_tools, struct made *m, struct err *e)
{
	struct buf config = BUF_INIT, words = BUF_INIT;
	struct openai_format f;
	struct object_writer o;
	bool ok;

	*m = (struct made){ .config = "" };
	if (!read_format(json, &f, e))
		return false;
	object_begin(&o, &config);
	ok = openai_format_write(&f, &facts, with_tools, &m->call, arena, &o, &words, e);
	object_end(&o);
	m->config = arena_dup_span(arena, buf_span(&config));
	m->words = arena_dup_span(arena, buf_span(&words));
	buf_fini(&config);
	buf_fini(&words);
	return ok;
}

#define JSON_TYPE          "\"responseMimeType\":\"application/json\""
#define SCHEMA             "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"
#define AS_SCHEMA(members) "{\"type\":\"json_schema\",\"json_schema\":{" members "}}"

static void
each_format_has_its_fields(void **state)
{
	static const struct {
		const char *openai, *gemini;
	} rows[] = {
		{ "null", "{}" },
		{ "{\"type\":\"text\"}", "{}" },
		{ "{\"type\":\"json_object\"}", "{" JSON_TYPE "}" },
		{ "{\"x\":1,\"type\":\"text/x.enum\"}", "{\"responseMimeType\":\"text/x.enum\"}" },
		{ AS_SCHEMA("\"name\":\"n\""), "{" JSON_TYPE "}" },
		{ AS_SCHEMA("\"name\":\"n\",\"schema\":null"), "{" JSON_TYPE "}" },
		/* A schema without its type counts for nothing. */
		{ "{\"type\":\"text\",\"json_schema\":{\"schema\":" SCHEMA "}}", "{}" },
		{ "{\"type\":\"json_object\",\"json_schema\":{\"schema\":" SCHEMA "}}",
		    "{" JSON_TYPE "}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct made m;
		struct err e;

		if (!make(rows[i].openai, model_facts(SPAN("gemini-2.5-flash")), false, &m, &e))
			fail_msg("%s: %s", rows[i].openai, e.text);
		if (strcmp(m.config, rows[i].gemini) != 0)
			fail_msg("%s: %s", rows[i].openai, m.config);
		assert_string_equal(m.words, "");
		assert_int_equal(m.call.ignored.len, 0);
	}
}

static void
a_schema_goes_as_json_schema_with_its_name_as_title(void **state)
{
	struct made m;
	struct err e;

	(void)state;
	assert_true(make(AS_SCHEMA("\"schema\":" SCHEMA ",\"name\":\"weather\",\"strict\":true"),
	    model_facts(SPAN("gemini-2.5-flash")), false, &m, &e));
	assert_non_null(strstr(m.config, "{" JSON_TYPE ",\"responseJsonSchema\":{"));
	assert_non_null(strstr(m.config, "\"title\":\"weather\""));
	assert_non_null(strstr(m.config, "\"type\":\"object\""));
	assert_null(strstr(m.config, "responseSchema"));
}

static void
an_older_model_or_one_that_refused_it_gets_the_subset(void **state)
{
	struct model_facts refused = model_facts(SPAN("gemini-2.5-flash"));
	const struct model_facts all[] = { model_facts(SPAN("gemini-2.0-flash")),
		model_facts(SPAN("gemini-1.5-pro")), refused };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct model_facts f = all[i];
		struct made m;
		struct err e;

		f.lacks |= LACKS(JSON_SCHEMA);
		assert_true(make(AS_SCHEMA("\"schema\":" SCHEMA), f, false, &m, &e));
		assert_non_null(strstr(m.config, "{" JSON_TYPE ",\"responseSchema\":{"));
		assert_non_null(strstr(m.config, "\"type\":\"OBJECT\""));
		assert_null(strstr(m.config, "responseJsonSchema"));
	}
}

/* */
static void
beside_functions_before_gemini_3_the_format_is_asked_for_in_words(void **state)
{
	static const char *const models[] = { "gemini-2.5-pro", "gemini-2.0-flash" };

	(void)state;
	for (size_t i = 0; i < COUNT(models); i++) {
		struct made m;
		struct err e;

		assert_true(make(AS_SCHEMA("\"name\":\"n\",\"schema\":" SCHEMA),
		    model_facts(span_of(models[i])), true, &m, &e));
		assert_string_equal(m.config, "{}");
		assert_non_null(strstr(m.words, "JSON Schema: {\\\""));
		assert_non_null(strstr(m.words, "\\\"type\\\":\\\"object\\\""));
		assert_true(make(
		    "{\"type\":\"json_object\"}", model_facts(span_of(models[i])), true, &m, &e));
		assert_string_equal(m.config, "{}");
		assert_non_null(strstr(m.words, "JSON"));
		assert_null(strstr(m.words, "Schema"));
	}
}

static void
from_gemini_3_on_both_stand_beside_each_other(void **state)
{
	struct made m;
	struct err e;

	(void)state;
	assert_true(make(
	    AS_SCHEMA("\"schema\":" SCHEMA), model_facts(SPAN("gemini-3.5-flash")), true, &m, &e));
	assert_non_null(strstr(m.config, "responseJsonSchema"));
	assert_string_equal(m.words, "");
}

static void
a_model_without_json_mode_is_asked_in_words(void **state)
{
	struct made m;
	struct err e;

	(void)state;
	assert_true(make(
	    AS_SCHEMA("\"schema\":" SCHEMA), model_facts(SPAN("gemma-3-27b-it")), false, &m, &e));
	assert_string_equal(m.config, "{}");
	assert_non_null(strstr(m.words, "JSON Schema"));
}

static void
a_type_that_has_no_words_is_named(void **state)
{
	struct made m;
	struct err e;

	(void)state;
	assert_true(make(
	    "{\"type\":\"text/x.enum\"}", model_facts(SPAN("gemini-2.5-flash")), true, &m, &e));
	assert_string_equal(m.config, "{}");
	assert_string_equal(m.words, "");
	assert_true(span_is(m.call.ignored, "response_format"));
}

/* What is said stands in a string of JSON. */
static void
words_are_escaped(void **state)
{
	struct buf b = BUF_INIT;
	struct made m;
	struct err e;

	(void)state;
	assert_true(make(AS_SCHEMA("\"schema\":{\"type\":\"object\",\"properties\":{\"a\\\"\\\\b\":"
				   "{\"type\":\"string\",\"description\":\"x\\n\\u00e9\"}}}"),
	    model_facts(SPAN("gemini-2.5-flash")), true, &m, &e));
	buf_printf(&b, "{\"text\":\"%s\"}", m.words);
	assert_true(scan_check(buf_span(&b), NULL, NULL));
	buf_fini(&b);
}

static void
what_makes_no_sense_names_its_field(void **state)
{
	static const struct {
		const char *json, *field;
	} rows[] = {
		{ "\"json\"", "response_format" },
		{ "[]", "response_format" },
		{ "{}", "response_format.type" },
		{ "{\"type\":7}", "response_format.type" },
		{ "{\"type\":null}", "response_format.type" },
		{ "{\"type\":\"xml\"}", "response_format.type" },
		{ "{\"type\":\"json_schema\"}", "response_format.json_schema" },
		{ "{\"type\":\"json_schema\",\"json_schema\":null}",
		    "response_format.json_schema" },
		{ "{\"type\":\"json_schema\",\"json_schema\":7}", "response_format.json_schema" },
		{ AS_SCHEMA("\"name\":7"), "response_format.json_schema.name" },
		{ AS_SCHEMA("\"schema\":\"x\""), "response_format.json_schema.schema" },
		{ AS_SCHEMA("\"schema\":[]"), "response_format.json_schema.schema" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct openai_format f;
		struct err e;

		if (read_format(rows[i].json, &f, &e))
			fail_msg("not refused: %s", rows[i].json);
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
	}
}

static void
a_schema_that_is_none_names_the_place_in_it(void **state)
{
	struct buf deep = BUF_INIT;
	struct made m;
	struct err e;

	(void)state;
	buf_add_lit(&deep, "{\"type\":\"json_schema\",\"json_schema\":{\"schema\":");
	for (int i = 0; i < 60; i++)
		buf_add_lit(&deep, "{\"type\":\"array\",\"items\":");
	buf_add_lit(&deep, "{}");
	for (int i = 0; i < 60; i++)
		buf_add_char(&deep, '}');
	buf_add_lit(&deep, "}}");
	assert_false(make(buf_text(&deep), model_facts(SPAN("gemini-2.5-flash")), false, &m, &e));
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_true(span_starts(span_of(e.field), "response_format.json_schema.schema"));
	buf_fini(&deep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_has_its_fields),
		cmocka_unit_test(a_schema_goes_as_json_schema_with_its_name_as_title),
		cmocka_unit_test(an_older_model_or_one_that_refused_it_gets_the_subset),
		cmocka_unit_test(beside_functions_before_gemini_3_the_format_is_asked_for_in_words),
		cmocka_unit_test(from_gemini_3_on_both_stand_beside_each_other),
		cmocka_unit_test(a_model_without_json_mode_is_asked_in_words),
		cmocka_unit_test(a_type_that_has_no_words_is_named),
		cmocka_unit_test(words_are_escaped),
		cmocka_unit_test(what_makes_no_sense_names_its_field),
		cmocka_unit_test(a_schema_that_is_none_names_the_place_in_it),
	};

	return cmocka_run_group_tests_name("dialect/openai_format", tests, setup, teardown);
}
