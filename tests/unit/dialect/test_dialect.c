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

/* What a buffer was filled with, as a text of the arena. */
static const char *
take(struct buf *b)
{
	const char *text = arena_dup_span(arena, buf_span(b));

	assert_true(scan_check(buf_span(b), NULL, NULL));
	buf_fini(b);
	return text;
}

static const char *
openai(const struct err *e, const struct fault *f)
{
	struct buf b = BUF_INIT;

	dialect_openai_error(&b, e, f);
	return take(&b);
}

static const char *
google(const struct err *e, int status)
{
	struct buf b = BUF_INIT;

	dialect_google_error(&b, e, status);
	return take(&b);
}

static struct fault
fault_saying(const char *message)
{
	return (struct fault){ .http_status = 400,
		.code = 400,
		.status = "",
		.message = message,
		.reason = "",
		.field = "",
		.quota_id = "",
		.quota_model = "" };
}

/* ---- requests ---- */

static void
what_had_no_effect_is_noted_once(void **state)
{
	struct call c = { .op = OP_GENERATE };

	(void)state;
	dialect_ignore(&c, arena, SPAN("verbosity"));
	dialect_ignore(&c, arena, SPAN("logit_bias"));
	dialect_ignore(&c, arena, SPAN("verbosity"));
	dialect_ignore(&c, arena, SPAN("logit"));
	assert_true(span_is(c.ignored, "verbosity, logit_bias, logit"));
}

static void
a_model_is_bare_upstream_and_echoed_as_it_was_written(void **state)
{
	const struct dialect_request req = { .op = OP_GENERATE };
	struct call c = { .op = OP_GENERATE };
	struct dialect_model m;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(dialect_find_model(&req, &c, SPAN("models/gemini-2.5-flash"), &m, &e));
	assert_true(span_is(c.model, "gemini-2.5-flash"));
	assert_true(span_is(c.model_asked, "models/gemini-2.5-flash"));
	assert_true(span_is(m.name, "gemini-2.5-flash"));
	assert_int_equal(m.facts.thinking, THINKING_BUDGET);
	assert_false(m.searches);
	assert_true(dialect_find_model(&req, &c, SPAN("google/x"), NULL, &e));
	assert_true(span_is(c.model, "x"));
}

static void
a_missing_model_and_an_impossible_one_are_refused(void **state)
{
	const struct dialect_request req = { .op = OP_GENERATE };
	struct call c = { .op = OP_GENERATE };
	struct err e = ERR_INIT;

	(void)state;
	assert_false(dialect_find_model(&req, &c, SPAN_NONE, NULL, &e));
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_string_equal(e.field, "model");
	assert_false(dialect_find_model(&req, &c, SPAN("../../secret"), NULL, &e));
	assert_int_equal(e.kind, ERR_MODEL_NOT_FOUND);
	assert_null(strstr(e.text, "secret"));
}

/* "fast" is an alias, "lost" one that leads nowhere, "shut" switched off; of "NAME-search" the
 * house knows what is meant; "learned" was refused something. */
static bool
know_model(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	*(int *)ctx += 1;
	*out = (struct dialect_model){ .name = bare };
	if (span_is(bare, "shut"))
		return err_set(e, ERR_MODEL_NOT_FOUND, "switched off here");
	if (span_is(bare, "fast"))
		out->name = SPAN("models/gemini-3.5-flash");
	if (span_is(bare, "lost"))
		out->name = SPAN("../x");
	out->searches = span_ends(bare, "-search");
	out->facts = model_facts(out->name);
	if (span_is(bare, "learned"))
		out->facts.lacks = LACKS(PENALTIES) | LACKS_HERE(JSON_SCHEMA);
	return true;
}

static void
the_house_says_what_is_known_of_a_model(void **state)
{
	int asked = 0;
	const struct dialect_house house = { .ctx = &asked, .model = know_model };
	const struct dialect_request req = { .op = OP_GENERATE, .house = &house };
	struct call c = { .op = OP_GENERATE };
	struct dialect_model m;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(dialect_find_model(&req, &c, SPAN("google/fast"), &m, &e));
	assert_true(span_is(c.model, "gemini-3.5-flash"));
	assert_true(span_is(c.model_asked, "google/fast"));
	assert_true(dialect_find_model(&req, &c, SPAN("gemini-x-search"), &m, &e));
	assert_true(m.searches);
	assert_false(dialect_find_model(&req, &c, SPAN("shut"), &m, &e));
	assert_string_equal(e.text, "switched off here");
	assert_false(dialect_find_model(&req, &c, SPAN("lost"), &m, &e));
	assert_int_equal(e.kind, ERR_MODEL_NOT_FOUND);
	assert_int_equal(asked, 4);
	/* A name that cannot be one is not looked up. */
	assert_false(dialect_find_model(&req, &c, SPAN("a b"), &m, &e));
	assert_int_equal(asked, 4);
}

static void
what_this_request_has_to_do_without_counts_as_lacking(void **state)
{
	int asked = 0;
	const struct dialect_house house = { .ctx = &asked, .model = know_model };
	const struct dialect_request req = { .op = OP_GENERATE, .house = &house };
	struct call c = { .op = OP_GENERATE };
	struct dialect_model m;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(dialect_find_model(&req, &c, SPAN("learned"), &m, &e));
	assert_int_equal(m.facts.lacks, LACKS(PENALTIES) | LACKS(JSON_SCHEMA));
}

static void
options_that_nobody_chose_are_the_defaults(void **state)
{
	const struct dialect_options chosen = { .thoughts = THOUGHTS_NEVER };

	(void)state;
	assert_ptr_equal(dialect_options_of(&chosen), &chosen);
	assert_int_equal(dialect_options_of(NULL)->thoughts, THOUGHTS_AUTO);
	assert_int_equal(dialect_options_of(NULL)->late_system, LATE_SYSTEM_INLINE);
	assert_int_equal(dialect_options_of(NULL)->remote_media, REMOTE_MEDIA_INLINE);
	assert_int_equal(dialect_options_of(NULL)->safety_default, SAFETY_PROVIDER);
}

/* ---- OpenAI's errors ---- */

static void
each_kind_has_its_type_and_code(void **state)
{
	static const struct {
		enum err_kind kind;
		const char *rest;
	} rows[] = {
		{ ERR_BAD_REQUEST,
		    "\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}" },
		{ ERR_UNAUTHORIZED, "\"type\":\"invalid_request_error\",\"param\":null,\"code\":"
				    "\"invalid_api_key\"}}" },
		{ ERR_FORBIDDEN, "\"type\":\"permission_error\",\"param\":null,\"code\":null}}" },
		{ ERR_NOT_FOUND, "\"type\":\"invalid_request_error\",\"param\":null,\"code\":"
				 "\"unsupported_endpoint\"}}" },
		{ ERR_MODEL_NOT_FOUND, "\"type\":\"invalid_request_error\",\"param\":null,\"code\":"
				       "\"model_not_found\"}}" },
		{ ERR_METHOD, "\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}" },
		{ ERR_TOO_LARGE, "\"type\":\"invalid_request_error\",\"param\":null,\"code\":"
				 "\"request_too_large\"}}" },
		{ ERR_BUSY, "\"type\":\"rate_limit_error\",\"param\":null,\"code\":\"rate_limit_"
			    "exceeded\"}}" },
		{ ERR_QUOTA, "\"type\":\"insufficient_quota\",\"param\":null,\"code\":"
			     "\"insufficient_quota\"}}" },
		{ ERR_INTERNAL, "\"type\":\"server_error\",\"param\":null,\"code\":null}}" },
		{ ERR_UPSTREAM,
		    "\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_error\"}}" },
		{ ERR_UNAVAILABLE, "\"type\":\"server_error\",\"param\":null,\"code\":\"no_"
				   "available_credential\"}}" },
		{ ERR_OVERLOADED,
		    "\"type\":\"server_error\",\"param\":null,\"code\":\"overloaded\"}}" },
		{ ERR_UPSTREAM_SLOW,
		    "\"type\":\"server_error\",\"param\":null,\"code\":\"timeout\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		char want[256];

		err_set(&e, rows[i].kind, "words");
		snprintf(want, sizeof(want), "{\"error\":{\"message\":\"words\",%s", rows[i].rest);
		assert_string_equal(openai(&e, NULL), want);
	}
}

static void
a_field_is_the_param(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_field(&e, "messages[2].content[0].type", "no \"such\" part");
	assert_string_equal(openai(&e, NULL),
	    "{\"error\":{\"message\":\"no \\\"such\\\" part\",\"type\":\"invalid_request_error\","
	    "\"param\":\"messages[2].content[0].type\",\"code\":\"invalid_value\"}}");
}

static void
a_refusal_of_the_request_speaks_in_googles_words(void **state)
{
	struct fault f = fault_saying("Unknown name \"x\"");
	struct err e = ERR_INIT;

	(void)state;
	f.field = "generation_config";
	err_set(&e, ERR_BAD_REQUEST, "ours");
	assert_string_equal(openai(&e, &f),
	    "{\"error\":{\"message\":\"Unknown name \\\"x\\\"\",\"type\":\"invalid_request_error\","
	    "\"param\":\"generation_config\",\"code\":\"invalid_value\"}}");
}

static void
what_is_not_the_clients_matter_speaks_in_ours(void **state)
{
	struct fault f = fault_saying("consumer 'project_number:348715329010'");
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_QUOTA, "every credential is spent");
	assert_non_null(strstr(openai(&e, &f), "every credential is spent"));
	assert_null(strstr(openai(&e, &f), "project_number"));
	err_set(&e, ERR_UNAVAILABLE, "nothing can serve now");
	assert_non_null(strstr(openai(&e, &f), "\"code\":\"no_available_credential\""));
}

static void
too_many_tokens_have_a_code_of_their_own(void **state)
{
	struct fault f =
	    fault_saying("The input token count (1048577) exceeds the maximum number of "
			 "tokens allowed (1048576).");
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_BAD_REQUEST, "x");
	assert_non_null(strstr(openai(&e, &f), "\"code\":\"context_length_exceeded\""));
}

static void
words_from_outside_cannot_break_the_object(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_BAD_REQUEST, "a\"}\n\x01\xff");
	assert_non_null(strstr(openai(&e, NULL), "a\\\"}\\n\\u0001\xEF\xBF\xBD"));
}

static void
begun_an_error_is_an_event(void **state)
{
	struct buf b = BUF_INIT;
	struct dialect_out out = { .bytes = &b, .begun = true };
	struct fault f = fault_saying("x");
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_UPSTREAM, "cut");
	dialect_openai_fail(&out, &e);
	assert_string_equal(buf_text(&b),
	    "data: {\"error\":{\"message\":\"cut\",\"type\":\"server_error\","
	    "\"param\":null,\"code\":\"upstream_truncated\"}}\n\n");
	buf_clear(&b);
	out.fault = &f;
	dialect_openai_fail(&out, &e);
	assert_non_null(strstr(buf_text(&b), "\"code\":\"upstream_error\""));
	buf_clear(&b);
	out.begun = false;
	dialect_openai_fail(&out, &e);
	assert_true(scan_check(buf_span(&b), NULL, NULL));
	buf_fini(&b);
}

/* ---- Google's errors ---- */

static void
google_errors_have_the_status_of_their_code(void **state)
{
	static const struct {
		int status;
		const char *name;
	} rows[] = {
		{ 400, "INVALID_ARGUMENT" },
		{ 401, "UNAUTHENTICATED" },
		{ 403, "PERMISSION_DENIED" },
		{ 404, "NOT_FOUND" },
		{ 409, "ABORTED" },
		{ 429, "RESOURCE_EXHAUSTED" },
		{ 499, "CANCELLED" },
		{ 500, "INTERNAL" },
		{ 501, "UNIMPLEMENTED" },
		{ 503, "UNAVAILABLE" },
		{ 504, "DEADLINE_EXCEEDED" },
		{ 418, "INVALID_ARGUMENT" },
		{ 507, "INTERNAL" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		char want[256];

		err_set(&e, ERR_INTERNAL, "words");
		snprintf(want, sizeof(want),
		    "{\"error\":{\"code\":%d,\"message\":\"words\",\"status\":\"%s\"}}",
		    rows[i].status, rows[i].name);
		assert_string_equal(google(&e, rows[i].status), want);
	}
}

static void
google_errors_say_when_to_come_back_and_what_is_to_blame(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_retry(&e, ERR_BUSY, 12001, "wait");
	assert_string_equal(google(&e, 429),
	    "{\"error\":{\"code\":429,\"message\":\"wait\",\"status\":\"RESOURCE_EXHAUSTED\","
	    "\"details\":"
	    "[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"13s\"}]}}");
	err_field(&e, "alt", "no");
	assert_string_equal(google(&e, 400),
	    "{\"error\":{\"code\":400,\"message\":\"no\",\"status\":\"INVALID_ARGUMENT\","
	    "\"details\":"
	    "[{\"@type\":\"type.googleapis.com/"
	    "google.rpc.BadRequest\",\"fieldViolations\":[{\"field\":"
	    "\"alt\",\"description\":\"no\"}]}]}}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_had_no_effect_is_noted_once),
		cmocka_unit_test(a_model_is_bare_upstream_and_echoed_as_it_was_written),
		cmocka_unit_test(a_missing_model_and_an_impossible_one_are_refused),
		cmocka_unit_test(the_house_says_what_is_known_of_a_model),
		cmocka_unit_test(what_this_request_has_to_do_without_counts_as_lacking),
		cmocka_unit_test(options_that_nobody_chose_are_the_defaults),
		cmocka_unit_test(each_kind_has_its_type_and_code),
		cmocka_unit_test(a_field_is_the_param),
		cmocka_unit_test(a_refusal_of_the_request_speaks_in_googles_words),
		cmocka_unit_test(what_is_not_the_clients_matter_speaks_in_ours),
		cmocka_unit_test(too_many_tokens_have_a_code_of_their_own),
		cmocka_unit_test(words_from_outside_cannot_break_the_object),
		cmocka_unit_test(begun_an_error_is_an_event),
		cmocka_unit_test(google_errors_have_the_status_of_their_code),
		cmocka_unit_test(google_errors_say_when_to_come_back_and_what_is_to_blame),
	};

	return cmocka_run_group_tests_name("dialect/dialect", tests, setup, teardown);
}
