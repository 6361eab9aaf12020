/*
 * How hard a model is to think: what clients say, and what each family is told of it.
 */
#include "dialect/openai_thinking.h"

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

struct said {
	const char *effort; /* JSON, or NULL */
	const char *config; /* JSON, or NULL */
};

static bool
read_said(const struct said *said, struct openai_thinking *t, struct err *e)
{
	struct scan s;

	*t = (struct openai_thinking){ .effort = EFFORT_UNSAID };
	*e = ERR_INIT;
	if (said->effort != NULL) {
		scan_init(&s, span_of(said->effort));
		if (!openai_effort_read(t, &s, e))
			return false;
		assert_true(scan_end(&s));
	}
	if (said->config != NULL) {
		scan_init(&s, span_of(said->config));
		if (!openai_thinking_read(t, &s, "google.thinking_config", e))
			return false;
		assert_true(scan_end(&s));
	}
	return openai_thinking_check(t, e);
}

/* What the model is told; "" when nothing. */
static const char *
told_by(struct said said, struct model_facts facts, enum thoughts_shown shown, struct call *c)
{
	struct openai_thinking t;
	struct object_writer o;
	struct buf out = BUF_INIT;
	struct err e;
	const char *text;
	static const char head[] = "{\"thinkingConfig\":";

	*c = (struct call){ .op = OP_GENERATE };
	if (!read_said(&said, &t, &e))
		fail_msg("%s %s: %s", said.effort, said.config, e.text);
	object_begin(&o, &out);
	openai_thinking_write(&t, &facts, shown, c, arena, &o);
	object_end(&o);
	assert_true(scan_check(buf_span(&out), NULL, NULL));
	if (o.members == 0) {
		buf_fini(&out);
		return "";
	}
	assert_true(span_starts(buf_span(&out), head));
	text = arena_dup_span(arena, span_mem(out.data + sizeof(head) - 1, out.len - sizeof(head)));
	buf_fini(&out);
	return text;
}

static const char *
told(struct said said, const char *model)
{
	struct call c;

	return told_by(said, model_facts(span_of(model)), THOUGHTS_AUTO, &c);
}

/* ---- the table ---- */

static const char *const families[] = { "gemini-2.5-flash", "gemini-2.5-flash-lite",
	"gemini-2.5-pro", "gemini-3.5-flash", "gemini-3.1-pro", "gemini-3-pro-preview",
	"gemini-3.1-flash-image" };

static const struct effort_row {
	const char *effort;
	/* of each family: a budget, or a level; NULL: nothing */
	const char *cells[COUNT(families)];
} effort_rows[] = {
	{ "\"none\"", { "0", "0", "128", "MINIMAL", "LOW", "LOW", "MINIMAL" } },
	{ "\"minimal\"", { "1024", "1024", "1024", "MINIMAL", "LOW", "LOW", "MINIMAL" } },
	{ "\"low\"", { "1024", "1024", "1024", "LOW", "LOW", "LOW", "MINIMAL" } },
	{ "\"medium\"", { "8192", "8192", "8192", "MEDIUM", "MEDIUM", "HIGH", "HIGH" } },
	{ "\"high\"", { "24576", "24576", "24576", "HIGH", "HIGH", "HIGH", "HIGH" } },
	{ "\"xhigh\"", { "24576", "24576", "32768", "HIGH", "HIGH", "HIGH", "HIGH" } },
	{ "\"max\"", { "24576", "24576", "32768", "HIGH", "HIGH", "HIGH", "HIGH" } },
	{ "null", { NULL, NULL, NULL, NULL, NULL, NULL, NULL } },
	{ NULL, { NULL, NULL, NULL, NULL, NULL, NULL, NULL } },
};

static void
each_effort_has_its_cell_in_each_family(void **state)
{
	(void)state;
	for (size_t r = 0; r < COUNT(effort_rows); r++) {
		const struct effort_row *row = &effort_rows[r];

		for (size_t f = 0; f < COUNT(families); f++) {
			bool is_number = row->cells[f] != NULL && row->cells[f][0] <= '9';
			bool shows = r > 0;
			char want[128] = "";
			const char *got = told((struct said){ .effort = row->effort }, families[f]);

			if (row->cells[f] != NULL)
				snprintf(want, sizeof(want),
				    is_number ? "{\"thinkingBudget\":%s%s}"
					      : "{\"thinkingLevel\":\"%s\"%s}",
				    row->cells[f], shows ? ",\"includeThoughts\":true" : "");
			if (strcmp(got, want) != 0)
				fail_msg(
				    "%s on %s: %s and not %s", row->effort, families[f], got, want);
		}
	}
}

static void
families_of_one_kind_are_told_the_same(void **state)
{
	static const struct {
		const char *model, *like;
	} rows[] = {
		{ "gemini-3.6-flash", "gemini-3.5-flash" },
		{ "gemini-3.5-flash-lite", "gemini-3.5-flash" },
		{ "gemini-3.1-flash-lite", "gemini-3.5-flash" },
		{ "gemini-3-flash-preview", "gemini-3.5-flash" },
		{ "gemini-3.7-flash", "gemini-3.1-pro" },
		{ "gemini-3.8-flash", "gemini-3.1-pro" },
		{ "gemini-3.1-flash-lite-image", "gemini-3.1-flash-image" },
		{ "gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash" },
		/* Families that nobody knows yet. */
		{ "gemini-3.9-ultra", "gemini-3.1-pro" },
		{ "gemini-6", "gemini-3.1-pro" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t r = 0; r < COUNT(effort_rows); r++) {
			struct said said = { .effort = effort_rows[r].effort };

			assert_string_equal(told(said, rows[i].model), told(said, rows[i].like));
		}
}

static void
a_model_with_one_level_gets_that(void **state)
{
	(void)state;
	for (size_t r = 0; r < 7; r++)
		assert_non_null(strstr(
		    told((struct said){ .effort = effort_rows[r].effort }, "gemini-3-pro-image"),
		    "{\"thinkingLevel\":\"HIGH\""));
}

/* Lesson 61, and a fault seen in a peer: a level sent to any model. */
static void
no_model_before_3_gets_a_level_and_none_from_3_on_a_budget(void **state)
{
	static const char *const budgets[] = { "gemini-2.5-flash", "gemini-2.5-flash-lite",
		"gemini-2.5-pro", "gemini-flash-latest" };
	static const char *const levels[] = { "gemini-3-pro", "gemini-3.5-flash",
		"gemini-3.8-flash", "gemini-9" };
	static const struct said all[] = { { .effort = "\"high\"" },
		{ .config = "{\"thinking_level\":\"low\"}" },
		{ .config = "{\"thinking_budget\":5000}" } };

	(void)state;
	for (size_t s = 0; s < COUNT(all); s++) {
		for (size_t i = 0; i < COUNT(budgets); i++) {
			assert_null(strstr(told(all[s], budgets[i]), "thinkingLevel"));
			assert_non_null(strstr(told(all[s], budgets[i]), "thinkingBudget"));
		}
		for (size_t i = 0; i < COUNT(levels); i++) {
			assert_null(strstr(told(all[s], levels[i]), "thinkingBudget"));
			assert_non_null(strstr(told(all[s], levels[i]), "thinkingLevel"));
		}
	}
}

/* ---- thinking_config ---- */

#define SHOWN ",\"includeThoughts\":true}"

static void
a_thinking_config_is_said_in_the_models_words(void **state)
{
	static const struct {
		const char *model, *config, *told;
	} rows[] = {
		{ "gemini-2.5-flash", "{\"thinking_budget\":2000}",
		    "{\"thinkingBudget\":2000" SHOWN },
		/* Lesson 62: both ways of writing. */
		{ "gemini-2.5-flash", "{\"thinkingBudget\":2000}",
		    "{\"thinkingBudget\":2000" SHOWN },
		{ "gemini-3.5-flash", "{\"thinking_level\":\"low\"}",
		    "{\"thinkingLevel\":\"LOW\"" SHOWN },
		{ "gemini-3.5-flash", "{\"thinkingLevel\":\"MEDIUM\"}",
		    "{\"thinkingLevel\":\"MEDIUM\"" SHOWN },
		{ "gemini-3.5-flash", "{\"thinking\\u005flevel\":\"low\"}",
		    "{\"thinkingLevel\":\"LOW\"" SHOWN },
		/* Lesson 60: held to what the model takes. */
		{ "gemini-2.5-flash", "{\"thinking_budget\":52428}",
		    "{\"thinkingBudget\":24576" SHOWN },
		{ "gemini-2.5-flash-lite", "{\"thinking_budget\":100}",
		    "{\"thinkingBudget\":512" SHOWN },
		{ "gemini-2.5-pro", "{\"thinking_budget\":1}", "{\"thinkingBudget\":128" SHOWN },
		{ "gemini-2.5-pro", "{\"thinking_budget\":99999}",
		    "{\"thinkingBudget\":32768" SHOWN },
		{ "gemini-2.5-pro", "{\"thinking_budget\":9000000000000000000}",
		    "{\"thinkingBudget\":32768" SHOWN },
		{ "gemini-2.5-pro", "{\"thinking_budget\":-1}", "{\"thinkingBudget\":-1" SHOWN },
		{ "gemini-2.5-flash", "{\"thinking_budget\":1024.0}",
		    "{\"thinkingBudget\":1024" SHOWN },
		{ "gemini-3.8-flash", "{\"thinking_level\":\"minimal\"}",
		    "{\"thinkingLevel\":\"LOW\"" SHOWN },
		{ "gemini-3-pro", "{\"thinking_level\":\"MEDIUM\"}",
		    "{\"thinkingLevel\":\"HIGH\"" SHOWN },
		/* In the other family's words. */
		{ "gemini-3.5-flash", "{\"thinking_budget\":1024}",
		    "{\"thinkingLevel\":\"LOW\"" SHOWN },
		{ "gemini-3.5-flash", "{\"thinking_budget\":2048}",
		    "{\"thinkingLevel\":\"MEDIUM\"" SHOWN },
		{ "gemini-3.5-flash", "{\"thinking_budget\":12288}",
		    "{\"thinkingLevel\":\"HIGH\"" SHOWN },
		{ "gemini-3.5-flash", "{\"thinking_budget\":0}",
		    "{\"thinkingLevel\":\"MINIMAL\"}" },
		{ "gemini-3.5-flash", "{\"thinking_budget\":-1}", "{\"includeThoughts\":true}" },
		{ "gemini-2.5-flash", "{\"thinking_level\":\"high\"}",
		    "{\"thinkingBudget\":24576" SHOWN },
		{ "gemini-2.5-flash", "{\"thinking_level\":\"minimal\"}",
		    "{\"thinkingBudget\":1024" SHOWN },
		/* Nothing but that it is there. */
		{ "gemini-2.5-flash", "{}", "{\"includeThoughts\":true}" },
		{ "gemini-2.5-flash", "null", "" },
		{ "gemini-2.5-flash", "{\"thinking_budget\":null,\"thinking_level\":null}",
		    "{\"includeThoughts\":true}" },
		{ "gemini-3.5-flash", "{\"thinking_level\":\"THINKING_LEVEL_UNSPECIFIED\"}",
		    "{\"includeThoughts\":true}" },
		{ "gemini-2.5-flash", "{\"something_new\":[1]}", "{\"includeThoughts\":true}" },
		/* The last of several. */
		{ "gemini-2.5-flash", "{\"thinking_budget\":1,\"thinkingBudget\":2}",
		    "{\"thinkingBudget\":2" SHOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = told((struct said){ .config = rows[i].config }, rows[i].model);

		if (strcmp(got, rows[i].told) != 0)
			fail_msg("%s on %s: %s", rows[i].config, rows[i].model, got);
	}
}

/* A-13, lesson 63. */
static void
thoughts_are_shown_to_who_asked_to_think(void **state)
{
	static const struct {
		const char *name, *effort, *config;
		const char *model;
		bool shown;
	} rows[] = {
		{ "nothing said", NULL, NULL, "gemini-2.5-pro", false },
		{ "an effort", "\"low\"", NULL, "gemini-2.5-pro", true },
		{ "no effort", "\"none\"", NULL, "gemini-2.5-pro", false },
		{ "no effort at a level", "\"none\"", NULL, "gemini-3.5-flash", false },
		{ "a config", NULL, "{\"thinking_budget\":5000}", "gemini-2.5-pro", true },
		{ "they alone", NULL, "{\"include_thoughts\":true}", "gemini-2.5-pro", true },
		{ "not they", NULL, "{\"include_thoughts\":false}", "gemini-2.5-pro", false },
		{ "an effort without them", "\"high\"", "{\"includeThoughts\":false}",
		    "gemini-3.5-flash", false },
		{ "no effort with them", "\"none\"", "{\"include_thoughts\":true}",
		    "gemini-3.5-flash", true },
		{ "a model that is not thinking has none", "\"none\"",
		    "{\"include_thoughts\":true}", "gemini-2.5-flash", false },
		{ "nor by a budget of 0", NULL, "{\"include_thoughts\":true,\"thinking_budget\":0}",
		    "gemini-2.5-flash-lite", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got =
		    told((struct said){ rows[i].effort, rows[i].config }, rows[i].model);

		if ((strstr(got, "includeThoughts\":true") != NULL) != rows[i].shown)
			fail_msg("%s: %s", rows[i].name, got);
	}
}

static void
the_operator_may_always_or_never_ask_for_thoughts(void **state)
{
	struct call c;
	struct model_facts pro = model_facts(SPAN("gemini-2.5-pro")),
			   flash = model_facts(SPAN("gemini-2.5-flash")),
			   lite = model_facts(SPAN("gemini-2.5-flash-lite")),
			   three = model_facts(SPAN("gemini-3.5-flash")),
			   old = model_facts(SPAN("gemini-2.0-flash"));
	struct said nothing = { NULL, NULL }, low = { .effort = "\"low\"" },
		    none = { .effort = "\"none\"" },
		    not = { .config = "{\"include_thoughts\":false}" },
		    show = { .config = "{\"include_thoughts\":true}" };

	(void)state;
	assert_string_equal(
	    told_by(nothing, pro, THOUGHTS_ALWAYS, &c), "{\"includeThoughts\":true}");
	assert_string_equal(
	    told_by(nothing, three, THOUGHTS_ALWAYS, &c), "{\"includeThoughts\":true}");
	assert_string_equal(told_by(nothing, old, THOUGHTS_ALWAYS, &c), "");
	/* Such a one does not think unless it is asked to. */
	assert_string_equal(told_by(nothing, lite, THOUGHTS_ALWAYS, &c), "");
	assert_non_null(strstr(told_by(low, lite, THOUGHTS_ALWAYS, &c), "includeThoughts"));
	assert_string_equal(told_by(none, flash, THOUGHTS_ALWAYS, &c), "{\"thinkingBudget\":0}");
	assert_string_equal(told_by(not, pro, THOUGHTS_ALWAYS, &c), "");
	assert_int_equal(c.ignored.len, 0);

	assert_string_equal(told_by(low, pro, THOUGHTS_NEVER, &c), "{\"thinkingBudget\":1024}");
	assert_int_equal(c.ignored.len, 0);
	assert_string_equal(told_by(show, pro, THOUGHTS_NEVER, &c), "");
	assert_true(span_is(c.ignored, "thinking_config.include_thoughts"));
}

/* ---- models that cannot be told ---- */

static void
a_model_that_does_not_think_is_told_nothing(void **state)
{
	static const struct {
		struct said said;
		const char *ignored;
	} rows[] = {
		{ { .effort = "\"high\"" }, "reasoning_effort" },
		{ { .effort = "\"minimal\"" }, "reasoning_effort" },
		{ { .effort = "\"none\"" }, "" },
		{ { .config = "{\"thinking_budget\":1000}" }, "thinking_config" },
		{ { .config = "{\"thinking_budget\":0}" }, "" },
		{ { .config = "{\"thinking_level\":\"low\"}" }, "thinking_config" },
		{ { .config = "{\"include_thoughts\":true}" }, "thinking_config" },
		{ { .config = "{\"include_thoughts\":false}" }, "" },
		{ { .effort = "\"low\"", .config = "{\"include_thoughts\":true}" },
		    "reasoning_effort, thinking_config" },
		{ { NULL, NULL }, "" },
	};
	struct model_facts learned = model_facts(SPAN("gemini-3.5-flash"));
	const struct model_facts all[] = { model_facts(SPAN("gemini-2.0-flash")),
		model_facts(SPAN("gemma-3-27b-it")), model_facts(SPAN("gemini-2.5-flash-image")),
		model_facts(SPAN("gemini-2.5-pro-preview-tts")), learned };

	(void)state;
	for (size_t m = 0; m < COUNT(all); m++) {
		struct model_facts f = all[m];

		if (f.thinks)
			f.lacks |= LACKS(THINKING);
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct call c;

			assert_string_equal(told_by(rows[i].said, f, THOUGHTS_AUTO, &c), "");
			assert_true(span_is(c.ignored, rows[i].ignored));
		}
	}
}

/* ---- refusals ---- */

static void
what_makes_no_sense_names_its_field(void **state)
{
	static const struct {
		struct said said;
		const char *field;
	} rows[] = {
		{ { .effort = "\"ultra\"" }, "reasoning_effort" },
		{ { .effort = "\"\"" }, "reasoning_effort" },
		{ { .effort = "5" }, "reasoning_effort" },
		{ { .effort = "{}" }, "reasoning_effort" },
		{ { .config = "7" }, "google.thinking_config" },
		{ { .config = "{\"thinking_budget\":\"1000\"}" },
		    "google.thinking_config.thinking_budget" },
		{ { .config = "{\"thinking_budget\":1.5}" },
		    "google.thinking_config.thinking_budget" },
		{ { .config = "{\"thinking_budget\":-2}" },
		    "google.thinking_config.thinking_budget" },
		{ { .config = "{\"thinking_budget\":1e400}" },
		    "google.thinking_config.thinking_budget" },
		{ { .config = "{\"thinking_level\":1}" }, "google.thinking_config.thinking_level" },
		{ { .config = "{\"thinking_level\":\"extreme\"}" },
		    "google.thinking_config.thinking_level" },
		{ { .config = "{\"include_thoughts\":\"yes\"}" },
		    "google.thinking_config.include_thoughts" },
		/* Gemini refuses both together. */
		{ { .config = "{\"thinking_budget\":1000,\"thinking_level\":\"low\"}" },
		    "google.thinking_config.thinking_budget" },
		/* As Google's own layer does. */
		{ { .effort = "\"low\"", .config = "{\"thinking_budget\":1000}" },
		    "reasoning_effort" },
		{ { .effort = "\"low\"", .config = "{\"thinkingLevel\":\"LOW\"}" },
		    "reasoning_effort" },
		{ { .effort = "\"none\"", .config = "{\"thinking_budget\":0}" },
		    "reasoning_effort" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct openai_thinking t;
		struct err e;

		if (read_said(&rows[i].said, &t, &e))
			fail_msg("not refused: %s %s", rows[i].said.effort, rows[i].said.config);
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, rows[i].field);
		assert_null(strstr(e.text, "ultra"));
	}
}

static void
an_effort_may_stand_beside_include_thoughts_alone(void **state)
{
	(void)state;
	assert_string_equal(
	    told((struct said){ "\"low\"", "{\"include_thoughts\":true,\"thinking_budget\":null}" },
		"gemini-2.5-pro"),
	    "{\"thinkingBudget\":1024,\"includeThoughts\":true}");
}

static void
text_that_breaks_off_is_no_config(void **state)
{
	static const char json[] =
	    "{\"thinking_budget\":1000,\"include_thoughts\":true,\"thinking_level\":null}";

	(void)state;
	for (size_t len = 0; len < sizeof(json) - 1; len++) {
		struct openai_thinking t = { .effort = EFFORT_UNSAID };
		struct err e = ERR_INIT;
		struct scan s;
		char *cut = malloc(len + 1);

		memcpy(cut, json, len);
		scan_init(&s, span_mem(cut, len));
		assert_false(openai_thinking_read(&t, &s, "x", &e) && scan_end(&s));
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_effort_has_its_cell_in_each_family),
		cmocka_unit_test(families_of_one_kind_are_told_the_same),
		cmocka_unit_test(a_model_with_one_level_gets_that),
		cmocka_unit_test(no_model_before_3_gets_a_level_and_none_from_3_on_a_budget),
		cmocka_unit_test(a_thinking_config_is_said_in_the_models_words),
		cmocka_unit_test(thoughts_are_shown_to_who_asked_to_think),
		cmocka_unit_test(the_operator_may_always_or_never_ask_for_thoughts),
		cmocka_unit_test(a_model_that_does_not_think_is_told_nothing),
		cmocka_unit_test(what_makes_no_sense_names_its_field),
		cmocka_unit_test(an_effort_may_stand_beside_include_thoughts_alone),
		cmocka_unit_test(text_that_breaks_off_is_no_config),
	};

	return cmocka_run_group_tests_name("dialect/openai_thinking", tests, setup, teardown);
}
