#include "dialect/dialect.h"

#include "base/scan.h"
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
decode(enum operation op, const char *model, struct call *c, struct err *e)
{
	const struct dialect_request req = { .op = op, .model = span_of(model) };

	*e = ERR_INIT;
	return dialect_openai_models.decode(&req, arena, c, e);
}

/* The answer made of one of Google's; NULL when finish says no. */
static const char *
answer(enum operation op, const char *json)
{
	struct call c = { .op = op };
	struct buf b = BUF_INIT;
	struct dialect_out out = {
		.arena = arena, .bytes = &b, .call = &c, .created_s = 1700000000
	};
	struct err e = ERR_INIT;
	struct chunk k;
	const char *text = NULL;

	if (json != NULL) {
		assert_true(chunk_parse(span_of(json), op, arena, &k, &e));
		dialect_openai_models.encode(&out, &k);
	}
	if (dialect_openai_models.finish(&out, &e)) {
		text = arena_dup_span(arena, buf_span(&b));
		assert_true(scan_check(buf_span(&b), NULL, NULL));
	} else {
		assert_int_equal(e.kind, ERR_UPSTREAM);
	}
	buf_fini(&b);
	return text;
}

static void
the_list_is_asked_for_in_one_page(void **state)
{
	struct call c;
	struct err e;
	struct buf url = BUF_INIT;

	(void)state;
	assert_true(decode(OP_MODELS_LIST, "", &c, &e));
	call_url(&c, "", &url);
	assert_string_equal(buf_text(&url), "/v1beta/models?pageSize=1000");
	assert_null(c.body.p);
	buf_fini(&url);
}

static void
one_model_is_asked_for_by_its_bare_name(void **state)
{
	struct call c;
	struct err e;

	(void)state;
	assert_true(decode(OP_MODEL_GET, "models/gemini-x", &c, &e));
	assert_true(span_is(c.model, "gemini-x"));
	assert_false(decode(OP_MODEL_GET, "../x", &c, &e));
	assert_int_equal(e.kind, ERR_MODEL_NOT_FOUND);
}

static void
the_list_is_openais(void **state)
{
	(void)state;
	assert_string_equal(
	    answer(OP_MODELS_LIST,
		"{\"models\":[{\"name\":\"models/gemini-2.5-flash\",\"inputTokenLimit\":1048576,"
		"\"outputTokenLimit\":65536,\"supportedGenerationMethods\":[\"generateContent\"]},"
		"{\"name\":\"models/"
		"embedding\"},{\"displayName\":\"nameless\"},null],\"nextPageToken\":\"x\"}"),
	    "{\"object\":\"list\",\"data\":[{\"id\":\"gemini-2.5-flash\",\"object\":\"model\","
	    "\"created\":1700000000,\"owned_by\":\"google\",\"context_length\":1048576,"
	    "\"max_output_tokens\":65536},{\"id\":\"embedding\",\"object\":\"model\","
	    "\"created\":1700000000,\"owned_by\":\"google\"}]}");
}

static void
a_list_of_nothing_is_empty(void **state)
{
	static const char *const rows[] = { "{}", "{\"models\":[]}", "{\"models\":null}",
		"{\"models\":{\"a\":[]}}", "{\"models\":[],\"models\":[{\"name\":\"models/x\"}]}" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(
		    answer(OP_MODELS_LIST, rows[i]), "{\"object\":\"list\",\"data\":[]}");
}

static void
one_model_is_one_object(void **state)
{
	(void)state;
	assert_string_equal(
	    answer(OP_MODEL_GET, "{\"name\":\"models/gemini-x\",\"outputTokenLimit\":\"8\"}"),
	    "{\"id\":\"gemini-x\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":"
	    "\"google\","
	    "\"max_output_tokens\":8}");
}

static void
an_answer_without_a_model_is_none(void **state)
{
	(void)state;
	assert_null(answer(OP_MODEL_GET, "{}"));
	assert_null(answer(OP_MODEL_GET, NULL));
	assert_null(answer(OP_MODELS_LIST, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_asked_for_in_one_page),
		cmocka_unit_test(one_model_is_asked_for_by_its_bare_name),
		cmocka_unit_test(the_list_is_openais),
		cmocka_unit_test(a_list_of_nothing_is_empty),
		cmocka_unit_test(one_model_is_one_object),
		cmocka_unit_test(an_answer_without_a_model_is_none),
	};

	return cmocka_run_group_tests_name("dialect/openai_models", tests, setup, teardown);
}
