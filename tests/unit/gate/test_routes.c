/*
 * Every URL and what lies behind it: doors of dialects, and the rest of Gemini's tree, which is
 * handed on.
 */
#include "tests/unit/unit.h"

#include "gate/routes.h"

struct row {
	const char *method, *path;
	bool goog_key;
	enum err_kind kind; /* ERR_NONE: found */
	enum door door;
	const struct dialect *dialect;
	enum operation op;
	const char *model;
};

#define NATIVE      &dialect_native
#define CHAT        &dialect_openai_chat
#define COMPLETIONS &dialect_openai_completions
#define EMBEDDINGS  &dialect_openai_embeddings
#define MODELS      &dialect_openai_models

static const struct row rows[] = {
	{ "POST", "/v1/chat/completions", false, ERR_NONE, DOOR_ASK, CHAT, OP_GENERATE, "" },
	{ "POST", "/chat/completions", false, ERR_NONE, DOOR_ASK, CHAT, OP_GENERATE, "" },
	{ "POST", "/v1beta/openai/chat/completions", false, ERR_NONE, DOOR_ASK, CHAT, OP_GENERATE,
	    "" },
	{ "POST", "/v1/chat/completions/", false, ERR_NONE, DOOR_ASK, CHAT, OP_GENERATE, "" },
	{ "POST", "/v1/completions", false, ERR_NONE, DOOR_ASK, COMPLETIONS, OP_GENERATE, "" },
	{ "POST", "/completions", false, ERR_NONE, DOOR_ASK, COMPLETIONS, OP_GENERATE, "" },
	{ "POST", "/v1beta/openai/completions", false, ERR_NONE, DOOR_ASK, COMPLETIONS, OP_GENERATE,
	    "" },
	{ "POST", "/v1/embeddings", false, ERR_NONE, DOOR_ASK, EMBEDDINGS, OP_BATCH_EMBED, "" },
	{ "POST", "/embeddings", false, ERR_NONE, DOOR_ASK, EMBEDDINGS, OP_BATCH_EMBED, "" },
	{ "POST", "/v1beta/openai/embeddings", false, ERR_NONE, DOOR_ASK, EMBEDDINGS,
	    OP_BATCH_EMBED, "" },
	{ "GET", "/v1/models", false, ERR_NONE, DOOR_ASK, MODELS, OP_MODELS_LIST, "" },
	{ "GET", "/v1/models", true, ERR_NONE, DOOR_ASK, NATIVE, OP_MODELS_LIST, "" },
	{ "HEAD", "/v1/models", false, ERR_NONE, DOOR_ASK, MODELS, OP_MODELS_LIST, "" },
	{ "GET", "/v1/models/gemini-2.5-pro", false, ERR_NONE, DOOR_ASK, MODELS, OP_MODEL_GET,
	    "gemini-2.5-pro" },
	{ "GET", "/v1/models/models%2Fgemini-2.5-pro", false, ERR_NONE, DOOR_ASK, MODELS,
	    OP_MODEL_GET, "gemini-2.5-pro" },
	{ "GET", "/v1/models/models/gemini-2.5-pro", false, ERR_NONE, DOOR_ASK, MODELS,
	    OP_MODEL_GET, "gemini-2.5-pro" },
	{ "GET", "/v1/models/gemini-2.5-pro", true, ERR_NONE, DOOR_ASK, NATIVE, OP_MODEL_GET,
	    "gemini-2.5-pro" },
	{ "GET", "/v1beta/models", false, ERR_NONE, DOOR_ASK, NATIVE, OP_MODELS_LIST, "" },
	{ "GET", "/v1beta/models/gemini-2.5-pro", false, ERR_NONE, DOOR_ASK, NATIVE, OP_MODEL_GET,
	    "gemini-2.5-pro" },
	{ "GET", "/v1beta/openai/models/x", false, ERR_NONE, DOOR_ASK, MODELS, OP_MODEL_GET, "x" },
	{ "POST", "/v1beta/models/m:generateContent", false, ERR_NONE, DOOR_ASK, NATIVE,
	    OP_GENERATE, "m" },
	{ "POST", "/v1beta/models/m:streamGenerateContent", false, ERR_NONE, DOOR_ASK, NATIVE,
	    OP_STREAM, "m" },
	{ "POST", "/v1beta/models/m:countTokens", false, ERR_NONE, DOOR_ASK, NATIVE, OP_COUNT,
	    "m" },
	{ "POST", "/v1beta/models/m:embedContent", false, ERR_NONE, DOOR_ASK, NATIVE, OP_EMBED,
	    "m" },
	{ "POST", "/v1beta/models/m:batchEmbedContents", false, ERR_NONE, DOOR_ASK, NATIVE,
	    OP_BATCH_EMBED, "m" },
	{ "POST", "/v1beta/models/m%3AgenerateContent", false, ERR_NONE, DOOR_ASK, NATIVE,
	    OP_GENERATE, "m" },
	{ "POST", "/v1/models/m:generateContent", false, ERR_NONE, DOOR_ASK, NATIVE, OP_GENERATE,
	    "m" },
	{ "POST", "/v2/models/m:streamGenerateContent", false, ERR_NONE, DOOR_ASK, NATIVE,
	    OP_STREAM, "m" },
	{ "GET", "/healthz", false, ERR_NONE, DOOR_ALIVE, CHAT, OP_GENERATE, "" },
	{ "GET", "/readyz", false, ERR_NONE, DOOR_READY, CHAT, OP_GENERATE, "" },
	{ "GET", "/health", false, ERR_NONE, DOOR_HEALTH, CHAT, OP_GENERATE, "" },
	{ "POST", "/wake", false, ERR_NONE, DOOR_ALIVE, CHAT, OP_GENERATE, "" },

	{ "GET", "/v1/chat/completions", false, ERR_METHOD, DOOR_ASK, CHAT, OP_GENERATE, "" },
	{ "DELETE", "/v1/models/x", false, ERR_METHOD, DOOR_ASK, MODELS, OP_MODEL_GET, "" },
	{ "GET", "/v1/embeddings", false, ERR_METHOD, DOOR_ASK, EMBEDDINGS, OP_BATCH_EMBED, "" },
	{ "GET", "/v1beta/openai/embeddings", false, ERR_METHOD, DOOR_ASK, EMBEDDINGS,
	    OP_BATCH_EMBED, "" },
	{ "OPTIONS", "/v1beta/cachedContents", false, ERR_METHOD, DOOR_ASK, NATIVE, OP_GENERATE,
	    "" },
	{ "POST", "/v1beta/openai/files", false, ERR_NOT_FOUND, DOOR_ASK, CHAT, OP_GENERATE, "" },
	{ "GET", "/v1beta/openai", false, ERR_NOT_FOUND, DOOR_ASK, CHAT, OP_GENERATE, "" },
	{ "GET", "/v1beta", false, ERR_NOT_FOUND, DOOR_ASK, NATIVE, OP_GENERATE, "" },
	{ "GET", "/v1beta/", false, ERR_NOT_FOUND, DOOR_ASK, NATIVE, OP_GENERATE, "" },
	{ "POST", "/upload/files", false, ERR_NOT_FOUND, DOOR_ASK, NATIVE, OP_GENERATE, "" },
	{ "GET", "/v2/nothing", false, ERR_NOT_FOUND, DOOR_ASK, NATIVE, OP_GENERATE, "" },
	{ "GET", "/", false, ERR_NOT_FOUND, DOOR_ASK, CHAT, OP_GENERATE, "" },
	{ "GET", "/v1/models/a/b", false, ERR_NOT_FOUND, DOOR_ASK, CHAT, OP_GENERATE, "" },
	{ "POST", "/v1beta/models/a:b/c:generateContent", false, ERR_NONE, DOOR_ASK, NATIVE,
	    OP_GENERATE, "a:b/c" },
};

static void
every_url_leads_to_its_door(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct route found;
		struct err e = ERR_INIT;
		bool ok = route_find(
		    span_of(r->method), span_of(r->path), r->goog_key, arena, &found, &e);

		if (ok != (r->kind == ERR_NONE) || e.kind != r->kind || found.dialect != r->dialect)
			fail_msg("%s %s: %s, dialect %s", r->method, r->path, err_kind_name(e.kind),
			    found.dialect->name);
		if (!ok)
			continue;
		assert_int_equal(found.door, r->door);
		if (found.door == DOOR_ASK)
			assert_int_equal(found.op, r->op);
		assert_true(span_is(found.model, r->model));
	}
	arena_free(&arena);
}

static const struct relay {
	const char *method, *path, *model, *verb;
} relays[] = {
	{ "POST", "/v1beta/models/m:inventContent", "m", "inventContent" },
	{ "POST", "/v1beta/models/m%3ApredictLongRunning", "m", "predictLongRunning" },
	{ "POST", "/v1/models/m:inventContent", "m", "inventContent" },
	{ "POST", "/v1alpha/models/m:generateContent", "m", "generateContent" },
	{ "PUT", "/v1beta/models/m:generateContent", "m", "generateContent" },
	{ "GET", "/v1beta/models/m:generateContent", "m", "generateContent" },
	{ "GET", "/v1beta/models/m/operations/o-1", "m", "" },
	{ "DELETE", "/v1beta/models/m", "m", "" },
	{ "POST", "/v1beta/models", "", "" },
	{ "POST", "/v1beta/tunedModels/t:generateContent", "", "" },
	{ "PATCH", "/v1beta/cachedContents/c", "", "" },
	{ "POST", "/v1beta/cachedContents", "", "" },
	{ "GET", "/v1beta/files/f:download", "", "" },
	{ "HEAD", "/download/v1beta/files/f:download", "", "" },
	{ "POST", "/upload/v1beta/files", "", "" },
	{ "POST", "/upload/v1beta/files/", "", "" },
	{ "GET", "/v1beta/batches/b", "", "" },
	{ "GET", "/v1alpha/x", "", "" },
};

/* What Gemini has and Pollux has no word for goes through as it is. */
static void
the_rest_of_geminis_tree_is_handed_on(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < COUNT(relays); i++) {
		const struct relay *r = &relays[i];
		struct route found;
		struct err e = ERR_INIT;

		if (!route_find(span_of(r->method), span_of(r->path), false, arena, &found, &e) ||
		    found.door != DOOR_RELAY)
			fail_msg("%s %s: %s", r->method, r->path, e.text);
		assert_ptr_equal(found.dialect, NATIVE);
		if (!span_is(found.model, r->model) || !span_is(found.verb, r->verb))
			fail_msg("%s %s: model %.*s, verb %.*s", r->method, r->path,
			    SPAN_ARG(found.model), SPAN_ARG(found.verb));
	}
	arena_free(&arena);
}

static void
a_method_that_is_known_is_not_handed_on(void **state)
{
	struct arena *arena = arena_new(0);
	struct err e = ERR_INIT;
	struct route r;

	(void)state;
	assert_true(
	    route_find(SPAN("POST"), SPAN("/v1beta/models/m:countTokens"), true, arena, &r, &e));
	assert_int_equal(r.door, DOOR_ASK);
	assert_int_equal(r.verb.len, 0);
	arena_free(&arena);
}

static void
a_wrong_method_is_told_the_right_one(void **state)
{
	struct arena *arena = arena_new(0);
	struct route r;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(route_find(SPAN("GET"), SPAN("/v1/chat/completions"), false, arena, &r, &e));
	assert_string_equal(r.allow, "POST");
	assert_false(route_find(SPAN("POST"), SPAN("/v1/models"), false, arena, &r, &e));
	assert_string_equal(r.allow, "GET, HEAD");
	assert_false(route_find(SPAN("TRACE"), SPAN("/v1beta/files"), false, arena, &r, &e));
	assert_string_equal(r.allow, "GET, HEAD, POST, PUT, PATCH, DELETE");
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_url_leads_to_its_door),
		cmocka_unit_test(the_rest_of_geminis_tree_is_handed_on),
		cmocka_unit_test(a_method_that_is_known_is_not_handed_on),
		cmocka_unit_test(a_wrong_method_is_told_the_right_one),
	};

	return cmocka_run_group_tests_name("gate/routes", tests, NULL, NULL);
}
