#include "gemini/call.h"

#include "tests/unit/unit.h"

#define BASE "https://g.example"

static int
setup(void **state)
{
	*state = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	arena_free((struct arena **)state);
	return 0;
}

static void
operations_are_found_by_their_verb(void **state)
{
	enum operation op = OP_MODELS_LIST;

	(void)state;
	assert_true(operation_find(SPAN("streamGenerateContent"), &op));
	assert_int_equal(op, OP_STREAM);
	assert_true(operation_streams(op));
	assert_string_equal(operation_method(op), "POST");
	assert_string_equal(operation_name(op), "streamGenerateContent");
	assert_true(operation_find(SPAN("batchEmbedContents"), &op));
	assert_int_equal(op, OP_BATCH_EMBED);
	assert_false(operation_find(SPAN("predict"), &op));
	assert_false(operation_find(SPAN(""), &op));
	assert_int_equal(op, OP_BATCH_EMBED);
	assert_string_equal(operation_name(OP_MODELS_LIST), "models.list");
	assert_string_equal(operation_name(OP_MODEL_GET), "models.get");
	assert_string_equal(operation_method(OP_MODEL_GET), "GET");
}

static void
a_call_has_one_url(void **state)
{
	static const struct {
		enum operation op;
		enum framing framing;
		const char *model, *query, *url;
	} rows[] = {
		{ OP_GENERATE, FRAMING_UNARY, "m", "", "/v1beta/models/m:generateContent" },
		{ OP_GENERATE, FRAMING_UNARY, "m", "fields=x",
		    "/v1beta/models/m:generateContent?fields=x" },
		{ OP_STREAM, FRAMING_SSE, "m", "",
		    "/v1beta/models/m:streamGenerateContent?alt=sse" },
		{ OP_STREAM, FRAMING_SSE, "m", "alt=sse",
		    "/v1beta/models/m:streamGenerateContent?alt=sse" },
		{ OP_STREAM, FRAMING_SSE, "m", "a=b",
		    "/v1beta/models/m:streamGenerateContent?a=b&alt=sse" },
		{ OP_STREAM, FRAMING_ARRAY, "m", "", "/v1beta/models/m:streamGenerateContent" },
		{ OP_COUNT, FRAMING_UNARY, "tunedModels/t", "",
		    "/v1beta/tunedModels/t:countTokens" },
		{ OP_MODELS_LIST, FRAMING_UNARY, "", "pageSize=2", "/v1beta/models?pageSize=2" },
		{ OP_MODEL_GET, FRAMING_UNARY, "m", "", "/v1beta/models/m" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct call c = { .op = rows[i].op,
			.framing = rows[i].framing,
			.model = span_of(rows[i].model),
			.query = span_of(rows[i].query) };
		struct buf url = BUF_INIT, want = BUF_INIT;

		call_url(&c, BASE, &url);
		buf_printf(&want, BASE "%s", rows[i].url);
		assert_string_equal(buf_text(&url), buf_text(&want));
		buf_fini(&url);
		buf_fini(&want);
	}
}

static void
credentials_stay_out_of_the_query(void **state)
{
	static const struct {
		const char *raw, *kept;
	} rows[] = {
		{ "", "" },
		{ "key=SECRET", "" },
		{ "alt=sse&key=SECRET", "alt=sse" },
		{ "key=SECRET&alt=sse", "alt=sse" },
		{ "a=1&access_token=T&b=2&oauth_token=O", "a=1&b=2" },
		{ "%6Bey=SECRET&a=1", "a=1" },
		{ "KEY=SECRET&$key=SECRET&%24key=SECRET", "" },
		{ "key", "" },
		{ "quotaUser=u&$.xgafv=2&prettyPrint=false", "prettyPrint=false" },
		{ "$httpMethod=DELETE&x=1", "x=1" },
		{ "&&a=1&&b=2&", "a=1&b=2" },
		{ "pageSize=5&pageToken=a%2Bb%3D", "pageSize=5&pageToken=a%2Bb%3D" },
		{ "monkey=1", "monkey=1" },
		/* As clumsy programs write it, or hostile ones. */
		{ "+key=SECRET&key+=SECRET&key%20=SECRET&key%00=SECRET&a=1", "a=1" },
		{ "$$key=SECRET&$.key=SECRET&key[]=SECRET&key%5B0%5D=SECRET&a=1", "a=1" },
		{ ";key=SECRET&b=2;key=SECRET&a=1", "a=1" },
		{ "apiKey=SECRET&x-goog-api-key=SECRET&X-Api-Key=SECRET&a=1", "a=1" },
		{ "authorization=Bearer+SECRET&bearer_token=SECRET&a=1", "a=1" },
		{ "filter=a;b=c&keys=1&[key]=1", "filter=a;b=c&keys=1&[key]=1" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct span out;

		assert_true(call_query(span_of(rows[i].raw), *state, &out, &e));
		if (!span_is(out, rows[i].kept))
			fail_msg("%s: %.*s", rows[i].raw, SPAN_ARG(out));
	}
}

static void
what_cannot_be_relayed_is_refused(void **state)
{
	static const struct {
		const char *raw, *field;
	} rows[] = {
		{ "callback=f", "callback" },
		{ "$callback=f", "callback" },
		{ "a=1&alt=proto", "alt" },
		{ "alt=%70roto", "alt" },
		{ "$alt=PROTO", "alt" },
		{ "a=b c", "query" },
		{ "a=b\r\nhost: x", "query" },
		{ "a=b#c", "query" },
		{ "a=\x7f", "query" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct span out;

		assert_false(call_query(span_of(rows[i].raw), *state, &out, &e));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
	}
}

static void
the_framing_is_what_the_query_asks_for(void **state)
{
	(void)state;
	assert_int_equal(call_framing(OP_STREAM, SPAN("alt=sse")), FRAMING_SSE);
	assert_int_equal(call_framing(OP_STREAM, SPAN("a=1&%61lt=SSE")), FRAMING_SSE);
	assert_int_equal(call_framing(OP_STREAM, SPAN("$alt=sse")), FRAMING_SSE);
	assert_int_equal(call_framing(OP_STREAM, SPAN("alt=json")), FRAMING_ARRAY);
	assert_int_equal(call_framing(OP_STREAM, SPAN_NONE), FRAMING_ARRAY);
	assert_int_equal(call_framing(OP_GENERATE, SPAN("alt=sse")), FRAMING_UNARY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_are_found_by_their_verb),
		cmocka_unit_test(a_call_has_one_url),
		cmocka_unit_test(credentials_stay_out_of_the_query),
		cmocka_unit_test(what_cannot_be_relayed_is_refused),
		cmocka_unit_test(the_framing_is_what_the_query_asks_for),
	};

	return cmocka_run_group_tests_name("gemini/call", tests, setup, teardown);
}
