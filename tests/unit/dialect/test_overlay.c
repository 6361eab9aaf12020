#include "dialect/overlay.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

static void
check(const char *lower, const char *upper, overlay_take *take, void *ctx, const char *want)
{
	struct buf out = BUF_INIT;

	overlay_write(span_of(lower), span_of(upper), take, ctx, &out);
	assert_true(scan_check(buf_span(&out), NULL, NULL));
	if (!span_is(buf_span(&out), want))
		fail_msg("%s on %s: %s", upper, lower, buf_text(&out));
	buf_fini(&out);
}

static void
what_is_above_counts(void **state)
{
	static const struct {
		const char *lower, *upper, *want;
	} rows[] = {
		{ "{}", "{}", "{}" },
		{ "{\"a\":1}", "{}", "{\"a\":1}" },
		{ "{}", "{\"a\":1}", "{\"a\":1}" },
		{ "{\"a\":1,\"b\":2}", "{\"b\":3,\"c\":4}", "{\"a\":1,\"b\":3,\"c\":4}" },
		/* Both ways of writing are one; what is not merged stays as it was written. */
		{ "{\"topP\":1}", "{\"top_p\":0.5}", "{\"topP\":0.5}" },
		{ "{\"topP\":1}", "{\"topP\":0.5}", "{\"topP\":0.5}" },
		{ "{}", "{\"top_p\":0.5}", "{\"top_p\":0.5}" },
		{ "{\"topP\":1}", "{\"top\\u005fp\":0.5}", "{\"topP\":0.5}" },
		{ "{\"topP\":1}", "{\"top__p\":0.5}", "{\"topP\":1,\"top__p\":0.5}" },
		/* Objects are merged, lists and all else are not. */
		{ "{\"speechConfig\":{\"voiceConfig\":{\"a\":1}}}",
		    "{\"speech_config\":{\"language_code\":\"de\",\"voice_config\":{\"b\":2}}}",
		    "{\"speechConfig\":{\"voiceConfig\":{\"a\":1,\"b\":2},\"language_code\":\"de\"}"
		    "}" },
		{ "{\"a\":[1,2]}", "{\"a\":[3]}", "{\"a\":[3]}" },
		{ "{\"a\":{\"b\":1}}", "{\"a\":7}", "{\"a\":7}" },
		{ "{\"a\":7}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}" },
		/* A schema is one thing. */
		{ "{\"responseJsonSchema\":{\"type\":\"object\"}}",
		    "{\"response_json_schema\":{\"title\":\"t\"}}",
		    "{\"responseJsonSchema\":{\"title\":\"t\"}}" },
		/* null is as good as absent, the last of several wins. */
		{ "{\"a\":1}", "{\"a\":null}", "{\"a\":1}" },
		{ "{\"a\":1}", "{\"a\":2,\"a\":null}", "{\"a\":2}" },
		{ "{\"aB\":0}", "{\"aB\":1,\"a_b\":2}", "{\"aB\":2}" },
		/* What is above alone is passed on. */
		{ "{}", "{\"a\":null,\"a\":1}", "{\"a\":null,\"a\":1}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(rows[i].lower, rows[i].upper, NULL, NULL, rows[i].want);
}

static bool
not_that(void *ctx, struct span name)
{
	return !overlay_key_is(name, ctx);
}

static void
what_is_not_taken_leaves_what_is_below(void **state)
{
	char name[] = "topK";

	(void)state;
	check("{\"topK\":1,\"a\":{\"topK\":1}}", "{\"top_k\":2,\"a\":{\"top_k\":3}}", not_that,
	    name, "{\"topK\":1,\"a\":{\"topK\":3}}");
	check("{}", "{\"top_k\":2,\"b\":1}", not_that, name, "{\"b\":1}");
}

static void
a_name_is_known_in_either_way_of_writing(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} rows[] = {
		{ "thinkingConfig", true },
		{ "thinking_config", true },
		{ "thinking\\u005fconfig", true },
		{ "\\u0074hinkingConfig", true },
		{ "ThinkingConfig", false },
		{ "thinking_Config", false },
		{ "thinkingconfig", false },
		{ "_thinking_config", false },
		{ "thinking_config_", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (overlay_key_is(span_of(rows[i].name), "thinkingConfig") != rows[i].is)
			fail_msg("%s", rows[i].name);
	assert_false(overlay_key_is(SPAN_NONE, "a"));
}

/* Hostile in number: each is looked up, none is searched for. */
static void
a_hundred_thousand_members_are_fine(void **state)
{
	struct buf upper = BUF_INIT, out = BUF_INIT;

	(void)state;
	buf_add_char(&upper, '{');
	for (int i = 0; i < 100000; i++)
		buf_printf(&upper, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
	buf_add_char(&upper, '}');
	overlay_write(SPAN("{\"k7\":0}"), buf_span(&upper), NULL, NULL, &out);
	assert_true(span_starts(buf_span(&out), "{\"k7\":7,\"k0\":0,"));
	assert_true(span_ends(buf_span(&out), ",\"k99999\":99999}"));
	assert_int_equal(out.len, upper.len);
	buf_fini(&upper);
	buf_fini(&out);
}

static void
what_is_below_is_replaced_when_it_is_none_of_ours(void **state)
{
	struct buf lower = BUF_INIT;

	(void)state;
	buf_add_char(&lower, '{');
	for (int i = 0; i <= OVERLAY_MEMBERS_MAX; i++)
		buf_printf(&lower, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
	buf_add_char(&lower, '}');
	check(buf_text(&lower), "{\"k1\":7}", NULL, NULL, "{\"k1\":7}");
	buf_fini(&lower);
}

/* Hostile in length: a name is looked at no further than it can be one of ours. */
static void
a_name_may_be_of_any_length(void **state)
{
	size_t len = 1u << 20;
	char *name = malloc(len);

	(void)state;
	memset(name, '_', len);
	assert_false(overlay_key_is(span_mem(name, len), "thinkingConfig"));
	free(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_above_counts),
		cmocka_unit_test(what_is_not_taken_leaves_what_is_below),
		cmocka_unit_test(a_name_is_known_in_either_way_of_writing),
		cmocka_unit_test(a_hundred_thousand_members_are_fine),
		cmocka_unit_test(what_is_below_is_replaced_when_it_is_none_of_ours),
		cmocka_unit_test(a_name_may_be_of_any_length),
	};

	return cmocka_run_group_tests_name("dialect/overlay", tests, NULL, NULL);
}
