/*
 * Google's own words in requests of OpenAI's: extra_body.google, row by row.
 */
#include "dialect/openai_extra.h"

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

struct world {
	struct openai_extra x;
	struct openai_thinking thinking;
	struct call call;
	struct err err;
};

static bool
read_google(struct world *w, const char *json)
{
	struct scan s;

	*w = (struct world){ .err = ERR_INIT };
	scan_init(&s, span_of(json));
	return openai_extra_read(&w->x, &w->thinking, &s, arena, &w->call, &w->err) && scan_end(&s);
}

static struct world
google(const char *json)
{
	struct world w;

	if (!read_google(&w, json))
		fail_msg("%s: %s", json, w.err.text);
	return w;
}

/* generationConfig as it comes of google and of what other fields made of it. */
static const char *
config_of(struct world *w, const char *ours, struct model_facts facts, const char *resolution)
{
	struct buf under = BUF_INIT, all = BUF_INIT;
	struct object_writer o;
	const char *text;

	object_begin(&o, &under);
	if (ours != NULL)
		object_raw(&o, "topP", span_of(ours));
	openai_extra_write(&w->x, &facts, resolution, &w->call, arena, &o);
	object_end(&o);
	openai_extra_merge(&w->x, &facts, buf_span(&under), &w->call, arena, &all);
	assert_true(scan_check(buf_span(&all), NULL, NULL));
	text = arena_dup_span(arena, buf_span(&all));
	buf_fini(&under);
	buf_fini(&all);
	return text;
}

static const char *
safety_of(const char *json, enum safety_default choice)
{
	struct world w = google(json);
	struct buf out = BUF_INIT;
	const char *text;

	openai_extra_safety(&w.x, choice, &out);
	text = arena_dup_span(arena, buf_span(&out));
	buf_fini(&out);
	return text;
}

/* ---- reading ---- */

static void
both_places_and_both_ways_of_writing_are_understood(void **state)
{
	static const char *const bodies[] = {
		"{\"google\":{\"cached_content\":\"cachedContents/a\"}}",
		"{\"google\":{\"cachedContent\":\"cachedContents/a\"}}",
		("{\"other\":{\"cached_content\":\"no\"},\"google\":{\"cached\\u005fcontent\":"
		 "\"cachedContents/a\"},\"google\":null}"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct world w = { .err = ERR_INIT };
		struct scan s;

		scan_init(&s, span_of(bodies[i]));
		assert_true(openai_extra_body_read(&w.x, &w.thinking, &s, arena, &w.call, &w.err));
		assert_true(scan_end(&s));
		assert_true(span_is(w.x.cached_content, "cachedContents/a"));
		assert_string_equal(w.x.field, "extra_body.google");
	}
	assert_true(span_is(google("{\"cachedContent\":\"cachedContents/a\"}").x.cached_content,
	    "cachedContents/a"));
}

static void
each_member_is_read(void **state)
{
	struct world w = google(
	    "{\"thinking_config\":{\"thinking_budget\":7,\"include_thoughts\":true},"
	    "\"safety_settings\":[ {\"a\":1} , {} ],\"tools\":[{\"urlContext\":{}},{\"b\":2}],"
	    "\"media_resolution\":\"MEDIA_RESOLUTION_LOW\",\"generation_config\":{\"a\":1},"
	    "\"thought_tag_marker\":\"th\\u006fught\",\"aspect_ratio\":\"16:9\",\"image_size\":"
	    "\"2K\","
	    "\"image_config\":{\"c\":3},\"stream_function_call_arguments\":true}");

	(void)state;
	assert_true(w.thinking.has_budget);
	assert_int_equal(w.thinking.budget, 7);
	assert_true(w.thinking.shown);
	assert_string_equal(w.thinking.field, "google.thinking_config");
	assert_true(span_is(w.x.safety_settings, "{\"a\":1} , {}"));
	assert_true(span_is(w.x.tools, "{\"urlContext\":{}},{\"b\":2}"));
	assert_true(span_is(w.x.media_resolution, "MEDIA_RESOLUTION_LOW"));
	assert_true(span_is(w.x.generation_config, "{\"a\":1}"));
	assert_true(span_is(w.x.thought_tag, "thought"));
	assert_true(span_is(w.x.aspect_ratio, "16:9"));
	assert_true(span_is(w.x.image_size, "2K"));
	assert_true(span_is(w.x.image_config, "{\"c\":3}"));
	assert_true(w.x.stream_arguments);
	assert_int_equal(w.call.ignored.len, 0);
}

static void
null_and_empty_are_as_good_as_absent(void **state)
{
	struct world w =
	    google("{\"thinking_config\":null,\"safety_settings\":[],\"tools\":null,"
		   "\"cached_content\":null,\"generation_config\":null,"
		   "\"thought_tag_marker\":null,\"image_config\":null,"
		   "\"stream_function_call_arguments\":null,\"media_resolution\":null}");

	(void)state;
	assert_null(w.thinking.field);
	assert_int_equal(w.x.safety_settings.len + w.x.tools.len + w.x.cached_content.len +
			     w.x.generation_config.len + w.x.thought_tag.len +
			     w.x.image_config.len + w.x.media_resolution.len,
	    0);
	assert_false(w.x.stream_arguments);
	w = google("null");
	assert_null(w.x.field);
}

static void
wrong_types_name_their_place(void **state)
{
	static const struct {
		const char *json, *field;
	} rows[] = {
		{ "7", "google" },
		{ "[]", "google" },
		{ "{\"thinking_config\":[]}", "google.thinking_config" },
		{ "{\"thinkingConfig\":{\"thinkingBudget\":\"x\"}}",
		    "google.thinking_config.thinking_budget" },
		{ "{\"cached_content\":7}", "google.cached_content" },
		{ "{\"safety_settings\":{}}", "google.safety_settings" },
		{ "{\"safety_settings\":[{},7]}", "google.safety_settings[1]" },
		{ "{\"tools\":\"x\"}", "google.tools" },
		{ "{\"tools\":[[]]}", "google.tools[0]" },
		{ "{\"media_resolution\":1}", "google.media_resolution" },
		{ "{\"generation_config\":[]}", "google.generation_config" },
		{ "{\"generation_config\":{\"thinking_config\":{\"thinking_level\":7}}}",
		    "google.generation_config.thinking_config.thinking_level" },
		{ "{\"thought_tag_marker\":true}", "google.thought_tag_marker" },
		{ "{\"thought_tag_marker\":"
		  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaa\"}",
		    "google.thought_tag_marker" },
		{ "{\"aspect_ratio\":1.5}", "google.aspect_ratio" },
		{ "{\"image_size\":[]}", "google.image_size" },
		{ "{\"image_config\":\"x\"}", "google.image_config" },
		{ "{\"stream_function_call_arguments\":1}",
		    "google.stream_function_call_arguments" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w;

		if (read_google(&w, rows[i].json))
			fail_msg("not refused: %s", rows[i].json);
		assert_int_equal(w.err.kind, ERR_BAD_REQUEST);
		assert_string_equal(w.err.field, rows[i].field);
	}
}

static void
members_that_nobody_knows_are_named(void **state)
{
	static const struct {
		const char *json, *ignored;
	} rows[] = {
		{ "{\"something_new\":{\"a\":1}}", "google.something_new" },
		{ "{\"b1\":1,\"c\":2}", "google.b1, google.c" },
		{ "{\"a\":null,\"b\":{},\"c\":[]}", "" },
		/* They go into a header. */
		{ "{\"a\\r\\nset-cookie: x\":1}", "google" },
		{ "{\"a, b\":1}", "google" },
		{ "{\"\":1}", "google" },
		{ "{\"caf\xC3\xA9\":1}", "google" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = google(rows[i].json);

		if (!span_is(w.call.ignored, rows[i].ignored))
			fail_msg("%s: %.*s", rows[i].json, SPAN_ARG(w.call.ignored));
	}
}

static void
only_so_many_are_named(void **state)
{
	struct buf json = BUF_INIT;

	(void)state;
	buf_add_lit(&json, "{\"a\":1");
	for (int i = 0; i < 10000; i++)
		buf_printf(&json, ",\"name%d\":1", i);
	buf_add_char(&json, '}');
	assert_true(google(buf_text(&json)).call.ignored.len < 400);
	buf_fini(&json);
}

/* ---- generationConfig ---- */

static void
members_find_their_place_in_the_generation_config(void **state)
{
	static const struct {
		const char *name, *json, *ours, *resolution, *config;
	} rows[] = {
		{ "nothing", "{}", NULL, NULL, "{}" },
		{ "media_resolution", "{\"media_resolution\":\"MEDIA_RESOLUTION_LOW\"}", NULL, NULL,
		    "{\"mediaResolution\":\"MEDIA_RESOLUTION_LOW\"}" },
		{ "in short", "{\"media_resolution\":\"High\"}", NULL, NULL,
		    "{\"mediaResolution\":\"MEDIA_RESOLUTION_HIGH\"}" },
		{ "what images ask for", "{}", NULL, "MEDIA_RESOLUTION_HIGH",
		    "{\"mediaResolution\":\"MEDIA_RESOLUTION_HIGH\"}" },
		{ "the client's own word before that", "{\"mediaResolution\":\"low\"}", NULL,
		    "MEDIA_RESOLUTION_HIGH", "{\"mediaResolution\":\"MEDIA_RESOLUTION_LOW\"}" },
		{ "aspect_ratio", "{\"aspect_ratio\":\"16:9\"}", NULL, NULL,
		    "{\"imageConfig\":{\"aspectRatio\":\"16:9\"}}" },
		{ "image_size", "{\"image_size\":\"2K\",\"aspectRatio\":\"1:1\"}", NULL, NULL,
		    "{\"imageConfig\":{\"aspectRatio\":\"1:1\",\"imageSize\":\"2K\"}}" },
		{ "image_config",
		    "{\"aspect_ratio\":\"1:1\",\"image_config\":{\"image_size\":\"4K\"}}", NULL,
		    NULL, "{\"imageConfig\":{\"aspectRatio\":\"1:1\",\"image_size\":\"4K\"}}" },
		{ "generation_config is merged last",
		    "{\"generation_config\":{\"top_p\":0.5,\"topK\":3}}", "1", NULL,
		    "{\"topP\":0.5,\"topK\":3}" },
		{ "and deeply",
		    "{\"aspect_ratio\":\"1:1\",\"generationConfig\":{\"image_config\":{\"aspect_"
		    "ratio\":"
		    "\"9:16\",\"imageSize\":\"1K\"}}}",
		    NULL, NULL,
		    "{\"imageConfig\":{\"aspectRatio\":\"9:16\",\"imageSize\":\"1K\"}}" },
		{ "how to think was read by itself",
		    "{\"generation_config\":{\"thinking_config\":{\"thinking_budget\":1},\"seed\":"
		    "1}}",
		    NULL, NULL, "{\"seed\":1}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = google(rows[i].json);
		const char *got = config_of(
		    &w, rows[i].ours, (struct model_facts){ .lacks = 0 }, rows[i].resolution);

		if (strcmp(got, rows[i].config) != 0)
			fail_msg("%s: %s", rows[i].name, got);
	}
}

static void
thinking_in_the_generation_config_is_held_to_the_model_too(void **state)
{
	struct world w =
	    google("{\"generation_config\":{\"thinkingConfig\":{\"thinkingBudget\":99999}}}");

	(void)state;
	assert_true(w.thinking.has_budget);
	assert_int_equal(w.thinking.budget, 99999);
	assert_string_equal(w.thinking.field, "google.generation_config.thinking_config");
}

static void
what_the_model_lacks_is_left_out_of_the_generation_config(void **state)
{
	static const struct {
		const char *json;
		const char *resolution;
		unsigned lacks;
		const char *config, *ignored;
	} rows[] = {
		{ "{\"generation_config\":{\"presencePenalty\":1,\"frequency_penalty\":1,\"seed\":"
		  "1}}",
		    NULL, LACKS(PENALTIES), "{\"seed\":1}",
		    "generation_config.presence_penalty, generation_config.frequency_penalty" },
		{ "{\"generation_config\":{\"responseLogprobs\":true,\"logprobs\":3}}", NULL,
		    LACKS(LOGPROBS), "{}",
		    "generation_config.response_logprobs, generation_config.logprobs" },
		{ "{\"generation_config\":{\"candidate_count\":3,\"top_k\":1,\"seed\":1}}", NULL,
		    LACKS(CANDIDATES) | LACKS(TOP_K) | LACKS(SEED), "{}",
		    "generation_config.candidate_count, generation_config.top_k, "
		    "generation_config.seed" },
		{ "{\"media_resolution\":\"low\"}", NULL, LACKS(MEDIA_RESOLUTION), "{}",
		    "media_resolution" },
		{ "{}", "MEDIA_RESOLUTION_LOW", LACKS(MEDIA_RESOLUTION), "{}", "image_url.detail" },
		{ "{\"generation_config\":{\"mediaResolution\":\"x\"}}", NULL,
		    LACKS(MEDIA_RESOLUTION), "{}", "generation_config.media_resolution" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = google(rows[i].json);
		struct model_facts facts = { .lacks = rows[i].lacks };

		assert_string_equal(config_of(&w, NULL, facts, rows[i].resolution), rows[i].config);
		assert_true(span_is(w.call.ignored, rows[i].ignored));
	}
}

/* ---- safetySettings ---- */

#define HARM(category, threshold)                                                                  \
	"{\"category\":\"HARM_CATEGORY_" category "\",\"threshold\":\"" threshold "\"}"
#define FOUR(threshold)                                                                            \
	HARM("HARASSMENT", threshold)                                                              \
	"," HARM("HATE_SPEECH", threshold) "," HARM("SEXUALLY_EXPLICIT", threshold) "," HARM(      \
	    "DANGEROUS_CONTENT", threshold)

/* */
static void
no_safety_settings_are_sent_unasked(void **state)
{
	(void)state;
	assert_string_equal(safety_of("{}", SAFETY_PROVIDER), "");
	assert_string_equal(safety_of("{\"safety_settings\":[]}", SAFETY_PROVIDER), "");
}

static void
the_operator_may_choose_them(void **state)
{
	(void)state;
	assert_string_equal(safety_of("{}", SAFETY_OFF), ",\"safetySettings\":[" FOUR("OFF") "]");
	assert_string_equal(
	    safety_of("{}", SAFETY_NONE), ",\"safetySettings\":[" FOUR("BLOCK_NONE") "]");
}

static void
the_clients_settings_come_as_they_are(void **state)
{
	(void)state;
	assert_string_equal(
	    safety_of("{\"safetySettings\":[" HARM("HARASSMENT", "BLOCK_ONLY_HIGH") ",{\"x\":1}]}",
		SAFETY_PROVIDER),
	    ",\"safetySettings\":[" HARM("HARASSMENT", "BLOCK_ONLY_HIGH") ",{\"x\":1}]");
}

static void
the_clients_settings_win_by_category(void **state)
{
	(void)state;
	assert_string_equal(
	    safety_of("{\"safety_settings\":[ " HARM("HATE_SPEECH",
			  "BLOCK_LOW_AND_ABOVE") " , "
						 "{\"threshold\":\"OFF\",\"category\":\"harm_"
						 "category_dangerous_content\"},"
						 "{\"category\":7} ]}",
		SAFETY_OFF),
	    ",\"safetySettings\":[" HARM("HATE_SPEECH",
		"BLOCK_LOW_AND_ABOVE") " , "
				       "{\"threshold\":\"OFF\",\"category\":\"harm_category_"
				       "dangerous_content\"},"
				       "{\"category\":7}," HARM("HARASSMENT", "OFF") "," HARM(
					   "SEXUALLY_EXPLICIT", "OFF") "]");
	assert_string_equal(
	    safety_of("{\"safety_settings\":[" FOUR("BLOCK_ONLY_HIGH") "]}", SAFETY_NONE),
	    ",\"safetySettings\":[" FOUR("BLOCK_ONLY_HIGH") "]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_places_and_both_ways_of_writing_are_understood),
		cmocka_unit_test(each_member_is_read),
		cmocka_unit_test(null_and_empty_are_as_good_as_absent),
		cmocka_unit_test(wrong_types_name_their_place),
		cmocka_unit_test(members_that_nobody_knows_are_named),
		cmocka_unit_test(only_so_many_are_named),
		cmocka_unit_test(members_find_their_place_in_the_generation_config),
		cmocka_unit_test(thinking_in_the_generation_config_is_held_to_the_model_too),
		cmocka_unit_test(what_the_model_lacks_is_left_out_of_the_generation_config),
		cmocka_unit_test(no_safety_settings_are_sent_unasked),
		cmocka_unit_test(the_operator_may_choose_them),
		cmocka_unit_test(the_clients_settings_come_as_they_are),
		cmocka_unit_test(the_clients_settings_win_by_category),
	};

	return cmocka_run_group_tests_name("dialect/openai_extra", tests, setup, teardown);
}
