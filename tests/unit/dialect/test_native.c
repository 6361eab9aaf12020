#include "dialect/dialect.h"

#include "base/rope.h"
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
decode(enum operation op, const char *model, const char *query, const char *body, struct call *c,
    struct err *e)
{
	const struct dialect_request req = { .op = op,
		.model = span_of(model),
		.query = span_of(query),
		.body = span_of(body),
		.server_timeout_ms = 7000 };

	*e = ERR_INIT;
	return dialect_native.decode(&req, arena, c, e);
}

/* ---- requests ---- */

static void
the_body_goes_on_as_the_very_bytes(void **state)
{
	static const char body[] = " {\"contents\" :[ ], \"unknown\":1.0e5}\n";
	struct call c;
	struct err e;

	(void)state;
	assert_true(decode(OP_STREAM, "models/gemini-x", "key=K&alt=sse", body, &c, &e));
	assert_int_equal(c.parts, 1);
	assert_int_equal(c.bodies[0].count, 1);
	assert_ptr_equal(c.bodies[0].pieces[0].p, body);
	assert_int_equal(c.bodies[0].pieces[0].len, strlen(body));
	assert_true(span_is(c.model, "gemini-x"));
	assert_true(span_is(c.query, "alt=sse"));
	assert_int_equal(c.framing, FRAMING_SSE);
	assert_true(c.stream);
	assert_int_equal(c.server_timeout_ms, 7000);
}

/* ---- a model of another name upstream ---- */

static bool
find_alias(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	(void)ctx;
	(void)e;
	*out = (struct dialect_model){ .name = bare };
	if (span_is(bare, "fast"))
		out->name = SPAN("gemini-2.5-flash");
	else if (span_is(bare, "tuned"))
		out->name = SPAN("tunedModels/mine");
	return true;
}

static void
decode_alias(const char *model, struct span body, struct call *c)
{
	const struct dialect_house house = { .model = find_alias };
	const struct dialect_request req = {
		.op = OP_BATCH_EMBED, .model = span_of(model), .body = body, .house = &house
	};
	struct err e = ERR_INIT;

	assert_true(dialect_native.decode(&req, arena, c, &e));
}

static void
an_alias_stands_for_its_model_in_the_body_too(void **state)
{
	static const struct {
		const char *asked, *body, *want;
	} rows[] = {
		{ "fast", "{\"model\":\"models/fast\",\"x\":1}",
		    "{\"model\":\"models/gemini-2.5-flash\",\"x\":1}" },
		{ "models/fast", " {\"model\" : \"fast\" } ",
		    " {\"model\" : \"models/gemini-2.5-flash\" } " },
		{ "fast", "{\"model\":\"models\\/f\\u0061st\"}",
		    "{\"model\":\"models/gemini-2.5-flash\"}" },
		{ "fast",
		    "{\"requests\":[{\"model\":\"models/fast\"},7,{\"content\":{\"model\":"
		    "\"models/fast\"}},{\"model\":\"models/fast\"}]}",
		    "{\"requests\":[{\"model\":\"models/gemini-2.5-flash\"},7,{\"content\":{"
		    "\"model\":\"models/fast\"}},{\"model\":\"models/gemini-2.5-flash\"}]}" },
		{ "fast", "{\"generateContentRequest\":{\"model\":\"models/fast\"}}",
		    "{\"generateContentRequest\":{\"model\":\"models/gemini-2.5-flash\"}}" },
		{ "fast", "{\"generate_content_request\":{\"model\":\"models/fast\"}}",
		    "{\"generate_content_request\":{\"model\":\"models/gemini-2.5-flash\"}}" },
		{ "tuned", "{\"model\":\"models/tuned\"}", "{\"model\":\"tunedModels/mine\"}" },
		{ "fast", "{\"model\":\"models/other\"}", "{\"model\":\"models/other\"}" },
		{ "fast", "{\"model\":7,\"requests\":{}}", "{\"model\":7,\"requests\":{}}" },
		{ "fast", "[]", "[]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf sent = BUF_INIT;
		struct call c;

		decode_alias(rows[i].asked, span_of(rows[i].body), &c);
		body_flatten(&c.bodies[0], &sent);
		assert_string_equal(buf_text(&sent), rows[i].want);
		buf_fini(&sent);
	}
}

static void
a_large_body_of_an_alias_is_not_copied(void **state)
{
	static const char head[] = "{\"model\":\"models/fast\",\"x\":\"";
	struct buf body = BUF_INIT;
	struct span last;
	struct call c;

	(void)state;
	buf_add_text(&body, head);
	for (size_t i = 0; i < ROPE_BORROW_MIN; i++)
		buf_add_char(&body, 'x');
	buf_add_text(&body, "\"}");
	decode_alias("fast", buf_span(&body), &c);
	last = c.bodies[0].pieces[c.bodies[0].count - 1];
	assert_ptr_equal(last.p + last.len, body.data + body.len);
	assert_true(last.len > ROPE_BORROW_MIN);
	buf_fini(&body);
}

/* ---- operations ---- */

static void
every_operation_passes(void **state)
{
	static const struct {
		enum operation op;
		const char *query;
		enum framing framing;
		bool stream, body;
	} rows[] = {
		{ OP_GENERATE, "", FRAMING_UNARY, false, true },
		{ OP_STREAM, "", FRAMING_ARRAY, true, true },
		{ OP_STREAM, "alt=sse", FRAMING_SSE, true, true },
		{ OP_COUNT, "", FRAMING_UNARY, false, true },
		{ OP_EMBED, "", FRAMING_UNARY, false, true },
		{ OP_BATCH_EMBED, "", FRAMING_UNARY, false, true },
		{ OP_MODEL_GET, "", FRAMING_UNARY, false, false },
		{ OP_MODELS_LIST, "pageSize=3", FRAMING_UNARY, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct call c;
		struct err e;

		assert_true(decode(rows[i].op, rows[i].op == OP_MODELS_LIST ? "" : "m",
		    rows[i].query, rows[i].body ? "{}" : "", &c, &e));
		assert_int_equal(c.op, rows[i].op);
		assert_int_equal(c.framing, rows[i].framing);
		assert_int_equal(c.stream, rows[i].stream);
		assert_int_equal(c.bodies != NULL, rows[i].body);
	}
}

static void
bad_requests_are_refused(void **state)
{
	static const struct {
		const char *model, *query, *body;
		enum err_kind kind;
		const char *words;
	} rows[] = {
		{ "m", "", "", ERR_BAD_REQUEST, "no body" },
		{ "m", "", " \r\n", ERR_BAD_REQUEST, "no body" },
		{ "m", "", "{\"a\":}", ERR_BAD_REQUEST, "at byte 5" },
		{ "m", "", "{} {}", ERR_BAD_REQUEST, "at byte 3" },
		{ "m", "", "{\"a\":\"\xff\"}", ERR_BAD_REQUEST, "UTF-8" },
		{ "m", "alt=proto", "{}", ERR_BAD_REQUEST, "alt=proto" },
		{ "m", "callback=x", "{}", ERR_BAD_REQUEST, "callback" },
		{ "a/../b", "", "{}", ERR_MODEL_NOT_FOUND, "" },
		{ "", "", "{}", ERR_BAD_REQUEST, "model" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct call c;
		struct err e;

		assert_false(
		    decode(OP_GENERATE, rows[i].model, rows[i].query, rows[i].body, &c, &e));
		assert_int_equal(e.kind, rows[i].kind);
		assert_non_null(strstr(e.text, rows[i].words));
	}
}

/* ---- errors ---- */

static const char *
failed(const struct call *c, bool begun, const struct fault *f)
{
	struct buf b = BUF_INIT;
	struct dialect_out out = { .dialect = &dialect_native,
		.arena = arena,
		.bytes = &b,
		.call = c,
		.begun = begun,
		.fault = f };
	struct err e = ERR_INIT;
	const char *text;

	err_retry(&e, ERR_UNAVAILABLE, 2000, "nothing can serve now");
	(dialect_native.fail)(&out, &e); /* cmocka has a macro of that name */
	text = arena_dup_span(arena, buf_span(&b));
	buf_fini(&b);
	return text;
}

#define OURS                                                                                       \
	"{\"error\":{\"code\":503,\"message\":\"nothing can serve "                                \
	"now\",\"status\":\"UNAVAILABLE\","                                                        \
	"\"details\":[{\"@type\":\"type.googleapis.com/"                                           \
	"google.rpc.RetryInfo\",\"retryDelay\":\"2s\"}]}}"
#define THEIRS "{ \"error\": {\"code\": 400} }"

static void
errors_come_in_the_form_that_was_asked_for(void **state)
{
	const struct fault theirs = { .body = SPAN(THEIRS), .is_json = true };
	const struct fault list = { .body = SPAN("[" THEIRS "]"), .is_json = true };
	const struct fault html = { .body = SPAN_NONE, .is_json = false };
	const struct call unary = { .op = OP_GENERATE, .framing = FRAMING_UNARY };
	const struct call sse = { .op = OP_STREAM, .framing = FRAMING_SSE };
	const struct call array = { .op = OP_STREAM, .framing = FRAMING_ARRAY };
	const struct {
		const struct call *call;
		bool begun;
		const struct fault *fault;
		const char *want;
	} rows[] = {
		{ NULL, false, NULL, OURS "\n" },
		{ &unary, false, NULL, OURS "\n" },
		{ &unary, false, &html, OURS "\n" },
		{ &unary, false, &theirs, THEIRS "\n" },
		{ &sse, false, NULL, OURS "\n" },
		{ &sse, true, NULL, OURS "\n" },
		{ &sse, true, &theirs, THEIRS "\n" },
		{ &array, false, NULL, "[" OURS "]\n" },
		{ &array, false, &list, "[" THEIRS "]\n" },
		{ &array, true, NULL, ",\r\n" OURS "\n]\n" },
		{ &array, true, &theirs, ",\r\n" THEIRS "\n]\n" },
		{ &array, true, &list, ",\r\n" OURS "\n]\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(
		    failed(rows[i].call, rows[i].begun, rows[i].fault), rows[i].want);
}

static void
upstreams_bytes_are_the_answer(void **state)
{
	struct buf b = BUF_INIT;
	struct dialect_out out = { .bytes = &b };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(dialect_native.relays);
	assert_false(dialect_native.keeps_alive);
	assert_true(dialect_native.finish(&out, &e));
	assert_int_equal(b.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_body_goes_on_as_the_very_bytes),
		cmocka_unit_test(an_alias_stands_for_its_model_in_the_body_too),
		cmocka_unit_test(a_large_body_of_an_alias_is_not_copied),
		cmocka_unit_test(every_operation_passes),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(errors_come_in_the_form_that_was_asked_for),
		cmocka_unit_test(upstreams_bytes_are_the_answer),
	};

	return cmocka_run_group_tests_name("dialect/native", tests, setup, teardown);
}
