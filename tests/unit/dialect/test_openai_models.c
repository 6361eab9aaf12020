/*
 * OpenAI's list of models: what the house knows, asked for upstream when it has grown old.  In JSON
 * of these tests ' stands for ".
 */
#include "dialect/dialect.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

#define FOUND_MAX 8

/* A house whose list grows by what it is told. */
struct house {
	struct dialect_house face;
	struct listed_model models[FOUND_MAX];
	size_t count;
	bool fresh;
};

static struct arena *arena;
static struct house house;

static bool
on_freshness(void *ctx)
{
	return ((const struct house *)ctx)->fresh;
}

static void
on_each(void *ctx, bool (*fn)(void *, const struct listed_model *), void *fn_ctx)
{
	const struct house *h = ctx;

	for (size_t i = 0; i < h->count; i++)
		if (!fn(fn_ctx, &h->models[i]))
			return;
}

static void
on_found(void *ctx, const struct listed_model *m)
{
	struct house *h = ctx;

	assert_in_range(h->count, 0, FOUND_MAX - 1);
	h->models[h->count] = *m;
	h->models[h->count].name = arena_span(arena, m->name);
	h->models[h->count++].display_name = arena_span(arena, m->display_name);
}

/* "smart" is the operator's word for gemini-x. */
static bool
on_model(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	(void)ctx;
	if (span_is(bare, "off"))
		return err_set(e, ERR_MODEL_NOT_FOUND, "switched off");
	*out = (struct dialect_model){ .name = span_is(bare, "smart") ? SPAN("gemini-x") : bare };
	return true;
}

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

static int
build(void **state)
{
	(void)state;
	arena_reset(arena);
	house = (struct house){ .face = { .ctx = &house,
				    .model = on_model,
				    .models_are_fresh = on_freshness,
				    .each_model = on_each,
				    .found_model = on_found } };
	return 0;
}

static char *
quoted(const char *json)
{
	char *text = arena_dup(arena, json);

	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return text;
}

static void
has(const char *name, int64_t input_tokens, int64_t output_tokens)
{
	const struct listed_model m = {
		.name = span_of(name), .input_tokens = input_tokens, .output_tokens = output_tokens
	};

	on_found(&house, &m);
}

/* ---- requests ---- */

static bool
decode_for(const struct dialect_house *h, enum operation op, const char *model, struct call *c,
    struct err *e)
{
	const struct dialect_request req = { .op = op, .model = span_of(model), .house = h };

	*e = ERR_INIT;
	return dialect_openai_models.decode(&req, arena, c, e);
}

static struct call
decoded(enum operation op, const char *model)
{
	struct call c;
	struct err e;

	if (!decode_for(&house.face, op, model, &c, &e))
		fail_msg("%s: %s", model, e.text);
	assert_int_equal(c.op, op);
	assert_null(c.bodies);
	assert_int_equal(c.choices, 1);
	assert_true(c.parts >= 1);
	return c;
}

static void
a_list_is_asked_for_in_one_page(void **state)
{
	struct call c = decoded(OP_MODELS_LIST, "");
	struct buf url = BUF_INIT;

	(void)state;
	call_url(&c, "", &url);
	assert_string_equal(buf_text(&url), "/v1beta/models?pageSize=1000");
	buf_fini(&url);
}

static void
several_credentials_are_asked_for_their_lists(void **state)
{
	(void)state;
	assert_int_equal(decoded(OP_MODELS_LIST, "").parts, 3);
	assert_false(decoded(OP_MODELS_LIST, "").known);
}

static void
a_fresh_list_is_given_without_asking(void **state)
{
	(void)state;
	house.fresh = true;
	has("gemini-x", 0, 0);
	assert_true(decoded(OP_MODELS_LIST, "").known);
	assert_int_equal(decoded(OP_MODELS_LIST, "").parts, 1);
}

static void
one_model_is_asked_for_by_its_bare_name(void **state)
{
	static const char *const names[] = { "gemini-x", "models/gemini-x", "google/gemini-x",
		"smart" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct call c = decoded(OP_MODEL_GET, names[i]);

		assert_true(span_is(c.model, "gemini-x"));
		assert_true(span_is(c.model_asked, names[i]));
		assert_false(c.known);
	}
}

static void
one_model_of_a_fresh_list_is_known(void **state)
{
	(void)state;
	house.fresh = true;
	has("gemini-x", 0, 0);
	has("smart", 0, 0);
	assert_true(decoded(OP_MODEL_GET, "gemini-x").known);
	assert_true(decoded(OP_MODEL_GET, "models/gemini-x").known);
	assert_true(decoded(OP_MODEL_GET, "smart").known);
	assert_false(decoded(OP_MODEL_GET, "gemini-y").known);
	house.fresh = false;
	assert_false(decoded(OP_MODEL_GET, "gemini-x").known);
}

static void
a_name_that_none_can_have_is_not_asked_for(void **state)
{
	static const char *const names[] = { "../x", "a b", "off", "models/" };
	struct call c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_false(decode_for(&house.face, OP_MODEL_GET, names[i], &c, &e));
		assert_int_equal(e.kind, ERR_MODEL_NOT_FOUND);
	}
}

static void
without_a_house_upstream_is_asked(void **state)
{
	static const struct dialect_house empty;
	struct call c;
	struct err e;

	(void)state;
	assert_true(decode_for(NULL, OP_MODELS_LIST, "", &c, &e));
	assert_false(c.known);
	assert_true(decode_for(&empty, OP_MODEL_GET, "gemini-x", &c, &e));
	assert_false(c.known);
}

/* ---- answers ---- */

struct answer {
	struct call call;
	struct buf bytes;
	struct dialect_out out;
};

static void
ask(struct answer *a, enum operation op, const char *model)
{
	*a = (struct answer){ .call = decoded(op, model) };
	a->out = (struct dialect_out){ .dialect = &dialect_openai_models,
		.arena = arena,
		.bytes = &a->bytes,
		.call = &a->call,
		.created_s = 1700000000,
		.house = &house.face };
}

/* The chunk's bytes are gone when this returns. */
static void
gets(struct answer *a, const char *json)
{
	char *copy = malloc(strlen(json) + 1);
	struct arena *brief = arena_new(0);
	struct err e = ERR_INIT;
	struct chunk k;

	strcpy(copy, quoted(json));
	if (!chunk_parse(span_of(copy), a->call.op, brief, &k, &e))
		fail_msg("%s: %s", json, e.text);
	dialect_openai_models.encode(&a->out, &k);
	arena_free(&brief);
	memset(copy, '#', strlen(json));
	free(copy);
}

static void
ends(struct answer *a, const char *want)
{
	struct err e = ERR_INIT;

	if (!dialect_openai_models.finish(&a->out, &e))
		fail_msg("%s", e.text);
	assert_true(scan_check(buf_span(&a->bytes), NULL, NULL));
	assert_string_equal(buf_text(&a->bytes), quoted(want));
	buf_fini(&a->bytes);
}

static void
fails(struct answer *a)
{
	struct err e = ERR_INIT;

	assert_false(dialect_openai_models.finish(&a->out, &e));
	assert_int_equal(e.kind, ERR_UPSTREAM);
	assert_int_equal(a->bytes.len, 0);
	buf_fini(&a->bytes);
}

#define MODEL(name, rest)                                                                          \
	"{'id':'" name "','object':'model','created':1700000000,'owned_by':'google'" rest "}"
#define LIST(models) "{'object':'list','data':[" models "]}"
#define LIMITS       ",'context_length':1048576,'max_output_tokens':65536"

static void
the_list_is_openais(void **state)
{
	struct answer a;

	(void)state;
	house.fresh = true;
	has("gemini-2.5-flash", 1048576, 65536);
	has("gemini-2.5-flash-search", 1048576, 65536);
	has("smart", 5, 0);
	has("embedding", 0, 0);
	ask(&a, OP_MODELS_LIST, "");
	ends(&a, LIST(MODEL("gemini-2.5-flash", LIMITS) "," MODEL("gemini-2.5-flash-search",
		     LIMITS) "," MODEL("smart", ",'context_length':5") "," MODEL("embedding", "")));
}

static void
what_upstream_has_goes_to_the_house_and_into_the_list(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, OP_MODELS_LIST, "");
	gets(&a, "{'models':[{'name':'models/gemini-2.5-flash','displayName':'Flash \\'2\\'',"
		 "'inputTokenLimit':1048576,'outputTokenLimit':'65536','thinking':true,"
		 "'supportedGenerationMethods':['countTokens','generateContent']}],"
		 "'nextPageToken':'x'}");
	gets(&a,
	    "{'models':[{'name':'models/embed','supportedGenerationMethods':['embedContent']}]}");
	assert_int_equal(house.count, 2);
	assert_true(span_is(house.models[0].name, "gemini-2.5-flash"));
	assert_true(span_is(house.models[0].display_name, "Flash \"2\""));
	assert_int_equal(house.models[0].input_tokens, 1048576);
	assert_int_equal(house.models[0].output_tokens, 65536);
	assert_true(house.models[0].thinks && house.models[0].generates);
	assert_false(house.models[0].embeds);
	assert_true(house.models[1].embeds);
	assert_false(house.models[1].thinks || house.models[1].generates);
	ends(&a, LIST(MODEL("gemini-2.5-flash", LIMITS) "," MODEL("embed", "")));
}

static void
what_is_no_model_is_left_out(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, OP_MODELS_LIST, "");
	gets(&a,
	    "{'models':[null,5,[],{},{'name':5},{'name':''},{'name':'models/'},{'name':'a/b'},"
	    "{'name':'a\\u0000b'},{'name':'models/x','inputTokenLimit':[],'outputTokenLimit':-4,"
	    "'supportedGenerationMethods':{'generateContent':1},'thinking':'yes',"
	    "'displayName':{}}]}");
	ends(&a, LIST(MODEL("x", "")));
}

static void
the_newest_list_of_a_chunk_is_read_too(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, OP_MODELS_LIST, "");
	gets(&a, "{'models':null,'models':[{'name':'x'}],'more':{'models':[{'name':'y'}]}}");
	ends(&a, LIST(MODEL("x", "")));
}

static void
a_list_of_nothing_is_no_answer(void **state)
{
	static const char *const rows[] = { "{}", "{'models':[]}", "{'models':null}",
		"{'models':{'a':[]}}" };
	struct answer a;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		ask(&a, OP_MODELS_LIST, "");
		gets(&a, rows[i]);
		fails(&a);
	}
	ask(&a, OP_MODELS_LIST, "");
	fails(&a);
}

/* When upstream cannot be asked, what is known is still given: finish comes without a chunk. */
static void
an_old_list_is_better_than_none(void **state)
{
	struct answer a;

	(void)state;
	has("gemini-x", 0, 0);
	ask(&a, OP_MODELS_LIST, "");
	assert_false(a.call.known);
	ends(&a, LIST(MODEL("gemini-x", "")));
}

static void
one_model_is_one_object(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, OP_MODEL_GET, "models/gemini-x");
	gets(&a, "{'name':'models/gemini-x','outputTokenLimit':'8'}");
	gets(&a, "{'name':'models/gemini-x'}");
	ends(&a, MODEL("gemini-x", ",'max_output_tokens':8"));
	assert_int_equal(house.count, 0); /* one model does not make the list fresh */
}

static void
one_model_of_the_house_needs_no_chunk(void **state)
{
	struct answer a;

	(void)state;
	house.fresh = true;
	has("gemini-x", 0, 9);
	ask(&a, OP_MODEL_GET, "models/gemini-x");
	ends(&a, MODEL("gemini-x", ",'max_output_tokens':9"));
}

/* a client asked for the alias, and knows no other name. */
static void
an_alias_keeps_its_name(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, OP_MODEL_GET, "smart");
	gets(&a, "{'name':'models/gemini-x'}");
	ends(&a, MODEL("smart", ""));
}

static void
an_answer_without_a_model_is_none(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, OP_MODEL_GET, "gemini-x");
	fails(&a);
	ask(&a, OP_MODEL_GET, "gemini-x");
	gets(&a, "{}");
	fails(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup(name, build)
		CASE(a_list_is_asked_for_in_one_page),
		CASE(several_credentials_are_asked_for_their_lists),
		CASE(a_fresh_list_is_given_without_asking),
		CASE(one_model_is_asked_for_by_its_bare_name),
		CASE(one_model_of_a_fresh_list_is_known),
		CASE(a_name_that_none_can_have_is_not_asked_for),
		CASE(without_a_house_upstream_is_asked),
		CASE(the_list_is_openais),
		CASE(what_upstream_has_goes_to_the_house_and_into_the_list),
		CASE(what_is_no_model_is_left_out),
		CASE(the_newest_list_of_a_chunk_is_read_too),
		CASE(a_list_of_nothing_is_no_answer),
		CASE(an_old_list_is_better_than_none),
		CASE(one_model_is_one_object),
		CASE(one_model_of_the_house_needs_no_chunk),
		CASE(an_alias_keeps_its_name),
		CASE(an_answer_without_a_model_is_none),
	};

	return cmocka_run_group_tests_name("dialect/openai_models", tests, setup, teardown);
}
