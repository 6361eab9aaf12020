/*
 * What the requests of OpenAI's doors have in common.  In JSON of these tests ' stands for ".
 */
#include "dialect/openai_fields.h"

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

static struct span
quoted(const char *json)
{
	char *text = arena_dup(arena, json);

	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return span_of(text);
}

/* ---- the body ---- */

struct body_case {
	struct scan s;
	struct err err;
	int members;
	bool flag;
	struct span text;
	bool usage;
};

static bool
take(void *ctx, struct span key)
{
	struct body_case *b = ctx;

	b->members++;
	if (scan_key_is(key, "flag"))
		return openai_flag_read(&b->s, "flag", true, &b->flag, &b->err);
	if (scan_key_is(key, "text"))
		return openai_text_read(&b->s, "text", &b->text, &b->err);
	if (scan_key_is(key, "stream_options"))
		return openai_stream_options_read(&b->s, &b->usage, &b->err);
	return scan_skip(&b->s, NULL);
}

static bool
reads(struct body_case *b, const char *json)
{
	*b = (struct body_case){ .members = 0 };
	scan_init(&b->s, quoted(json));
	return openai_body_read(&b->s, take, b, &b->err);
}

static void
members_are_given_one_by_one(void **state)
{
	struct body_case b;

	(void)state;
	assert_true(reads(&b, " { 'flag' : false , 'x' : [1,{}], 'text':'a\\n' } "));
	assert_int_equal(b.members, 3);
	assert_false(b.flag);
	assert_true(span_is(b.text, "a\\n"));
	assert_true(reads(&b, "{}"));
	assert_int_equal(b.members, 0);
}

static void
a_refusal_ends_the_reading(void **state)
{
	struct body_case b;

	(void)state;
	assert_false(reads(&b, "{'a':1,'flag':5,'b':2}"));
	assert_int_equal(b.members, 2);
	assert_string_equal(b.err.field, "flag");
	assert_string_equal(b.err.text, "flag must be true or false");
}

static void
what_is_no_object_is_refused(void **state)
{
	static const char *const rows[] = { "[]", "5", "null", "'x'", "true" };
	struct body_case b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(reads(&b, rows[i]));
		assert_string_equal(b.err.text, "the body must be a JSON object");
	}
}

static void
what_is_not_json_is_said_to_be_none(void **state)
{
	static const char *const rows[] = { "{", "{'a'}", "{'a':1}}", "{'a':1,}",
		"{'text':'\\ud800'}", "{'flag':trues}", "{'text':'\xff'}",
		"{'stream_options':{'include_usage':true]}", "{'a':'" };
	struct body_case b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (reads(&b, rows[i]))
			fail_msg("%s was taken", rows[i]);
		assert_int_equal(b.err.kind, ERR_BAD_REQUEST);
		assert_int_equal(strncmp(b.err.text, "the body is not JSON: ", 22), 0);
	}
}

static void
a_body_that_goes_too_deep_is_refused(void **state)
{
	struct buf b = BUF_INIT;
	struct body_case c;

	(void)state;
	buf_add_lit(&b, "{'a':");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, '[');
	assert_false(reads(&c, buf_text(&b)));
	assert_non_null(strstr(c.err.text, SCAN_TOO_DEEP));
	buf_fini(&b);
}

/* ---- single fields ---- */

static void
null_is_as_good_as_absent(void **state)
{
	struct body_case b;

	(void)state;
	assert_true(reads(&b, "{'flag':false,'flag':null,'text':'a','text':null,"
			      "'stream_options':{'include_usage':true},'stream_options':null}"));
	assert_true(b.flag);
	assert_null(b.text.p);
	assert_false(b.usage);
	assert_true(reads(&b, "{'stream_options':{'include_usage':null}}"));
	assert_false(b.usage);
}

static void
an_empty_text_is_a_text(void **state)
{
	struct body_case b;

	(void)state;
	assert_true(reads(&b, "{'text':''}"));
	assert_non_null(b.text.p);
	assert_int_equal(b.text.len, 0);
}

static void
usage_is_asked_for_in_stream_options(void **state)
{
	struct body_case b;

	(void)state;
	assert_true(reads(&b, "{'stream_options':{'x':[],'include_usage':true,'y':1}}"));
	assert_true(b.usage);
	assert_true(reads(&b, "{'stream_options':{'include_usage':true},'stream_options':{}}"));
	assert_false(b.usage);
}

static void
values_of_other_types_are_refused_by_field(void **state)
{
	static const struct {
		const char *json, *field;
	} rows[] = {
		{ "{'flag':'true'}", "flag" },
		{ "{'flag':[]}", "flag" },
		{ "{'text':5}", "text" },
		{ "{'text':{}}", "text" },
		{ "{'stream_options':[]}", "stream_options" },
		{ "{'stream_options':{'include_usage':'yes'}}", "stream_options.include_usage" },
	};
	struct body_case b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(reads(&b, rows[i].json));
		assert_string_equal(b.err.field, rows[i].field);
	}
}

static void
a_model_may_be_written_with_escapes(void **state)
{
	const struct dialect_request req = { .op = OP_GENERATE };
	struct call c = { .op = OP_GENERATE };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(openai_model_find(&req, &c, arena, SPAN("models\\/gemini\\u002dx"), NULL, &e));
	assert_true(span_is(c.model, "gemini-x"));
	assert_true(span_is(c.model_asked, "models/gemini-x"));
	assert_false(openai_model_find(&req, &c, arena, SPAN_NONE, NULL, &e));
	assert_string_equal(e.field, "model");
}

/* ---- lists of texts ---- */

static void
add(void *ctx, struct span escaped)
{
	struct buf *b = ctx;

	buf_printf(b, "<%.*s>", SPAN_ARG(escaped));
}

static const char *
texts(const char *json, struct err *e)
{
	struct buf b = BUF_INIT;
	const char *text = NULL;

	*e = ERR_INIT;
	if (openai_texts_read(quoted(json), "input", 3, add, &b, e))
		text = arena_dup_span(arena, buf_span(&b));
	buf_fini(&b);
	return text;
}

static void
a_text_may_stand_alone_or_in_a_list(void **state)
{
	struct err e;

	(void)state;
	assert_string_equal(texts("'a\\u00e9'", &e), "<a\\u00e9>");
	assert_string_equal(texts("['a']", &e), "<a>");
	assert_string_equal(texts(" [ 'a' , 'b','c' ] ", &e), "<a><b><c>");
}

static void
what_is_no_text_is_refused_by_its_place(void **state)
{
	static const struct {
		const char *json, *field, *text;
	} rows[] = {
		{ "null", "input", "input is missing" },
		{ "''", "input", "input is empty" },
		{ "[]", "input", "input is empty" },
		{ "5", "input", "input must be text: Gemini takes no tokens" },
		{ "{}", "input", "input must be text: Gemini takes no tokens" },
		{ "[5]", "input[0]", "input[0] must be text: Gemini takes no tokens" },
		{ "['a',[1]]", "input[1]", "input[1] must be text: Gemini takes no tokens" },
		{ "['a','']", "input[1]", "input[1] is empty" },
		{ "['a','b','c','d']", "input", "input may have at most 3 texts" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (texts(rows[i].json, &e) != NULL)
			fail_msg("%s was taken", rows[i].json);
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
		assert_string_equal(e.text, rows[i].text);
	}
	assert_false(openai_texts_read(SPAN_NONE, "input", 3, add, NULL, &e));
	assert_string_equal(e.text, "input is missing");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_given_one_by_one),
		cmocka_unit_test(a_refusal_ends_the_reading),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(what_is_not_json_is_said_to_be_none),
		cmocka_unit_test(a_body_that_goes_too_deep_is_refused),
		cmocka_unit_test(null_is_as_good_as_absent),
		cmocka_unit_test(an_empty_text_is_a_text),
		cmocka_unit_test(usage_is_asked_for_in_stream_options),
		cmocka_unit_test(values_of_other_types_are_refused_by_field),
		cmocka_unit_test(a_model_may_be_written_with_escapes),
		cmocka_unit_test(a_text_may_stand_alone_or_in_a_list),
		cmocka_unit_test(what_is_no_text_is_refused_by_its_place),
	};

	return cmocka_run_group_tests_name("dialect/openai_fields", tests, setup, teardown);
}
