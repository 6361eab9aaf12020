/*
 * Embeddings: what goes upstream in batches of a hundred, and what comes back in the order and in
 * the encoding that was asked for.  In JSON of these tests ' stands for ".
 */
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

static char *
quoted(const char *json)
{
	char *text = arena_dup(arena, json);

	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return text;
}

/* ---- requests ---- */

static bool
decode(const char *json, const struct dialect_house *house, struct call *c, struct err *e)
{
	struct dialect_request req = { .op = OP_BATCH_EMBED,
		.body = span_of(quoted(json)),
		.server_timeout_ms = 7,
		.house = house };

	*e = ERR_INIT;
	return dialect_openai_embeddings.decode(&req, arena, c, e);
}

static struct call
decoded(const char *json)
{
	struct call c;
	struct err e;

	if (!decode(json, NULL, &c, &e))
		fail_msg("%s: %s", json, e.text);
	assert_int_equal(c.op, OP_BATCH_EMBED);
	assert_int_equal(c.choices, 1);
	assert_in_range(c.parts, 1, 21);
	return c;
}

static const char *
body_text(const struct call *c, size_t part)
{
	struct buf flat = BUF_INIT;
	const char *text;

	body_flatten(&c->bodies[part], &flat);
	assert_true(scan_check(buf_span(&flat), NULL, NULL));
	text = arena_dup_span(arena, buf_span(&flat));
	buf_fini(&flat);
	return text;
}

static void
sends(const char *json, const char *gemini)
{
	struct call c = decoded(json);

	assert_int_equal(c.parts, 1);
	assert_string_equal(body_text(&c, 0), quoted(gemini));
}

static void
refuses(const char *json, const char *field)
{
	struct call c;
	struct err e;

	if (decode(json, NULL, &c, &e))
		fail_msg("%s was taken", json);
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	if (strcmp(e.field, field) != 0)
		fail_msg("%s: field \"%s\": %s", json, e.field, e.text);
}

#define ITEM(text, rest) "{'model':'models/m','content':{'parts':[{'text':'" text "'}]}" rest "}"

static void
a_text_is_a_batch_of_one(void **state)
{
	(void)state;
	sends("{'model':'m','input':'Hi'}", "{'requests':[" ITEM("Hi", "") "]}");
}

static void
texts_stay_in_order(void **state)
{
	(void)state;
	sends("{'input':['a','b','c'],'model':'m'}",
	    "{'requests':[" ITEM("a", "") "," ITEM("b", "") "," ITEM("c", "") "]}");
}

static void
a_text_goes_as_it_was_written(void **state)
{
	(void)state;
	sends("{'model':'m','input':['\\u00e9\\n\\'','\\ud83d\\ude00']}",
	    "{'requests':[" ITEM("\\u00e9\\n\\'", "") "," ITEM("\\ud83d\\ude00", "") "]}");
}

static void
dimensions_become_output_dimensionality(void **state)
{
	(void)state;
	sends("{'model':'m','input':'a','dimensions':256}",
	    "{'requests':[" ITEM("a", ",'outputDimensionality':256") "]}");
	sends("{'model':'m','input':'a','dimensions':256.0}",
	    "{'requests':[" ITEM("a", ",'outputDimensionality':256") "]}");
	sends("{'model':'m','input':'a','dimensions':null}", "{'requests':[" ITEM("a", "") "]}");
}

static void
the_task_type_is_passed_on(void **state)
{
	static const char *const rows[] = {
		"{'model':'m','input':'a','task_type':'CLUSTERING'}",
		"{'model':'m','input':'a','taskType':'CLUSTERING'}",
		"{'model':'m','input':'a','google':{'task_type':'CLUSTERING','x':[1]}}",
		"{'model':'m','input':'a','extra_body':{'google':{'taskType':'CLUSTERING'}}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		sends(rows[i], "{'requests':[" ITEM("a", ",'taskType':'CLUSTERING'") "]}");
}

static void
what_has_no_effect_is_skipped(void **state)
{
	(void)state;
	sends("{'model':'m','input':'a','user':'me','encoding_format':null,'extra_body':null,"
	      "'google':null,'task_type':null,'more':{'deep':[[{}]]}}",
	    "{'requests':[" ITEM("a", "") "]}");
}

static void
the_last_of_several_fields_wins(void **state)
{
	(void)state;
	sends("{'model':'x','input':5,'input':'a','model':'m','dimensions':3,'dimensions':null}",
	    "{'requests':[" ITEM("a", "") "]}");
}

static void
the_model_is_named_bare_upstream_and_echoed_as_it_was_asked_for(void **state)
{
	static const char *const names[] = { "m", "models/m", "google/m" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char json[80];

		snprintf(json, sizeof(json), "{'model':'%s','input':'a'}", names[i]);
		struct call c = decoded(json);

		assert_true(span_is(c.model, "m"));
		assert_true(span_is(c.model_asked, names[i]));
		assert_string_equal(body_text(&c, 0), quoted("{'requests':[" ITEM("a", "") "]}"));
	}
}

static bool
know_alias(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	(void)ctx;
	if (!span_is(bare, "text-embedding-3-small"))
		return err_set(e, ERR_MODEL_NOT_FOUND, "off");
	*out = (struct dialect_model){ .name = SPAN("models/gemini-embedding-001") };
	return true;
}

static void
an_alias_stands_for_its_model_in_url_and_body(void **state)
{
	const struct dialect_house house = { .model = know_alias };
	struct call c;
	struct err e;

	(void)state;
	assert_true(decode("{'model':'text-embedding-3-small','input':'a'}", &house, &c, &e));
	assert_true(span_is(c.model, "gemini-embedding-001"));
	assert_true(span_is(c.model_asked, "text-embedding-3-small"));
	assert_non_null(strstr(body_text(&c, 0), "\"models/gemini-embedding-001\""));
	assert_false(decode("{'model':'other','input':'a'}", &house, &c, &e));
	assert_int_equal(e.kind, ERR_MODEL_NOT_FOUND);
}

static void
a_tuned_model_has_the_same_name_in_url_and_body(void **state)
{
	struct call c = decoded("{'model':'tunedModels/x','input':'a'}");

	(void)state;
	assert_non_null(strstr(body_text(&c, 0), "{\"model\":\"tunedModels/x\","));
}

/* ---- batches ---- */

/* {model, input: [text x count]} */
static const char *
request_of(size_t count, const char *text)
{
	struct buf b = BUF_INIT;
	const char *json;

	buf_add_lit(&b, "{'model':'m','encoding_format':'float','input':[");
	for (size_t i = 0; i < count; i++)
		buf_printf(&b, "%s'%s%zu'", i > 0 ? "," : "", text, i);
	buf_add_lit(&b, "]}");
	json = arena_dup_span(arena, buf_span(&b));
	buf_fini(&b);
	return json;
}

static size_t
count_of(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)) != NULL; p += strlen(word))
		n++;
	return n;
}

static void
a_hundred_texts_are_one_batch(void **state)
{
	static const struct {
		size_t texts, parts, in_last;
	} rows[] = { { 99, 1, 99 }, { 100, 1, 100 }, { 101, 2, 1 }, { 200, 2, 100 },
		{ 2048, 21, 48 } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct call c = decoded(request_of(rows[i].texts, "t"));

		assert_int_equal(c.parts, rows[i].parts);
		for (size_t part = 0; part < c.parts; part++)
			assert_int_equal(count_of(body_text(&c, part), "\"text\":"),
			    part + 1 < c.parts ? 100 : rows[i].in_last);
	}
}

static void
batches_follow_each_other(void **state)
{
	struct call c = decoded(request_of(250, "t"));

	(void)state;
	assert_non_null(strstr(body_text(&c, 0), "\"t99\""));
	assert_non_null(
	    strstr(body_text(&c, 1), "{\"requests\":[{\"model\":\"models/m\",\"content\":"
				     "{\"parts\":[{\"text\":\"t100\"}]}}"));
	assert_non_null(strstr(body_text(&c, 2), "\"t249\""));
}

static void
long_texts_are_not_copied(void **state)
{
	char text[1001];

	(void)state;
	memset(text, 'x', 1000);
	text[1000] = '\0';
	struct call c = decoded(request_of(2, text));

	assert_int_equal(c.bodies[0].count, 5);
	assert_non_null(strstr(body_text(&c, 0), "xxx1\"}]}}]}"));
}

/* ---- what is refused ---- */

static void
tokens_are_refused_by_name(void **state)
{
	struct call c;
	struct err e;

	(void)state;
	refuses("{'model':'m','input':[1,2,3]}", "input[0]");
	refuses("{'model':'m','input':[[1,2],[3]]}", "input[0]");
	refuses("{'model':'m','input':['a',5]}", "input[1]");
	refuses("{'model':'m','input':5}", "input");
	assert_false(decode("{'model':'m','input':[[1,2]]}", NULL, &c, &e));
	assert_string_equal(e.text, "input[0] must be text: Gemini takes no tokens");
}

static void
an_input_without_text_is_refused(void **state)
{
	(void)state;
	refuses("{'model':'m'}", "input");
	refuses("{'model':'m','input':null}", "input");
	refuses("{'model':'m','input':[]}", "input");
	refuses("{'model':'m','input':''}", "input");
	refuses("{'model':'m','input':['a','']}", "input[1]");
	refuses("{'model':'m','input':['a',null]}", "input[1]");
	refuses("{'model':'m','input':{'text':'a'}}", "input");
	refuses("{'model':'m','input':true}", "input");
}

static void
more_than_2048_texts_are_refused(void **state)
{
	(void)state;
	refuses(request_of(2049, "t"), "input");
}

static void
values_of_other_types_are_refused_by_field(void **state)
{
	static const struct {
		const char *member, *field;
	} rows[] = {
		{ "'dimensions':0", "dimensions" },
		{ "'dimensions':-1", "dimensions" },
		{ "'dimensions':1.5", "dimensions" },
		{ "'dimensions':1e99", "dimensions" },
		{ "'dimensions':'256'", "dimensions" },
		{ "'dimensions':true", "dimensions" },
		{ "'encoding_format':'hex'", "encoding_format" },
		{ "'encoding_format':''", "encoding_format" },
		{ "'encoding_format':1", "encoding_format" },
		{ "'task_type':1", "task_type" },
		{ "'google':1", "google" },
		{ "'google':{'task_type':[]}", "google.task_type" },
		{ "'extra_body':'x'", "extra_body" },
		{ "'extra_body':{'google':[]}", "extra_body.google" },
		{ "'extra_body':{'google':{'task_type':1}}", "extra_body.google.task_type" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char json[160];

		snprintf(json, sizeof(json), "{'model':'m','input':'a',%s}", rows[i].member);
		refuses(json, rows[i].field);
	}
}

static void
a_model_is_needed(void **state)
{
	struct call c;
	struct err e;

	(void)state;
	refuses("{'input':'a'}", "model");
	refuses("{'model':null,'input':'a'}", "model");
	refuses("{'model':'','input':'a'}", "model");
	refuses("{'model':5,'input':'a'}", "model");
	assert_false(decode("{'model':'../x','input':'a'}", NULL, &c, &e));
	assert_int_equal(e.kind, ERR_MODEL_NOT_FOUND);
}

static void
what_is_not_json_is_that_first_of_all(void **state)
{
	static const char *const rows[] = { "", "{", "[]", "'a'", "{'model':'m','input':'a'",
		"{'model':'m','input':'a'}x", "{'model':'a\x01','input':'a'}",
		"{'model':'m','input':}", "{'input':['a',],'model':'m'}",
		"{'model':'m','input':'a','user':tru}" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		refuses(rows[i], "");
}

/* ---- answers ---- */

struct answer {
	struct call call;
	struct buf bytes;
	struct dialect_out out;
	struct err err;
};

static void
ask(struct answer *a, const char *json)
{
	*a = (struct answer){ .call = decoded(json) };
	a->out = (struct dialect_out){ .dialect = &dialect_openai_embeddings,
		.arena = arena,
		.bytes = &a->bytes,
		.call = &a->call,
		.request_id = "r",
		.created_s = 1700000000 };
}

/* The chunk's bytes are gone when this returns. */
static void
gets(struct answer *a, size_t part, const char *json)
{
	char *copy = malloc(strlen(json) + 1);
	struct arena *brief = arena_new(0);
	struct chunk k;

	strcpy(copy, quoted(json));
	if (!chunk_parse(span_of(copy), a->call.op, brief, &k, &a->err))
		fail_msg("%s: %s", json, a->err.text);
	k.part = part;
	dialect_openai_embeddings.encode(&a->out, &k);
	arena_free(&brief);
	memset(copy, '#', strlen(json));
	free(copy);
}

static const char *
ended(struct answer *a)
{
	const char *text;

	if (!dialect_openai_embeddings.finish(&a->out, &a->err))
		fail_msg("%s", a->err.text);
	if (!scan_check(buf_span(&a->bytes), NULL, NULL))
		fail_msg("not JSON: %s", buf_text(&a->bytes));
	text = arena_dup_span(arena, buf_span(&a->bytes));
	buf_fini(&a->bytes);
	return text;
}

static const char *
failed(struct answer *a)
{
	if (dialect_openai_embeddings.finish(&a->out, &a->err))
		fail_msg("finished: %s", buf_text(&a->bytes));
	assert_int_equal(a->err.kind, ERR_UPSTREAM);
	assert_int_equal(a->bytes.len, 0);
	return a->err.text;
}

/* {embeddings: [{values: [first + i]} ...]} */
static const char *
vectors(size_t count, size_t first)
{
	struct buf b = BUF_INIT;
	const char *json;

	buf_add_lit(&b, "{'embeddings':[");
	for (size_t i = 0; i < count; i++)
		buf_printf(&b, "%s{'values':[%zu]}", i > 0 ? "," : "", first + i);
	buf_add_lit(&b, "]}");
	json = arena_dup_span(arena, buf_span(&b));
	buf_fini(&b);
	return json;
}

static void
the_answer_is_openais(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "{'model':'models/m','input':['ab','abcdefgh']}");
	gets(&a, 0, "{'embeddings':[{'values':[0.25, -1e-05,\n 3]},{'shape':[1],'values':[7]}]}");
	assert_string_equal(
	    ended(&a), quoted("{'object':'list','data':["
			      "{'object':'embedding','index':0,'embedding':[0.25,-1e-05,3]},"
			      "{'object':'embedding','index':1,'embedding':[7]}],"
			      "'model':'models/m','usage':{'prompt_tokens':3,'total_tokens':3}}"));
}

/* As np.frombuffer(base64.b64decode(x), dtype="<f4") reads it. */
static void
base64_is_little_endian_floats(void **state)
{
	static const struct {
		const char *values, *base64;
	} rows[] = {
		{ "[1]", "AACAPw==" },
		{ "[1,-2]", "AACAPwAAAMA=" },
		{ "[1,-2,0.5]", "AACAPwAAAMAAAAA/" },
		{ "[0,-0.0,0.1]", "AAAAAAAAAIDNzMw9" },
		{ "[3.4028234663852886e38]", "//9/fw==" },
		{ "[1e-45,1e-400]", "AQAAAAAAAAA=" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;
		const char *want;

		ask(&a, "{'model':'m','input':'a','encoding_format':'base64'}");
		gets(&a, 0, arena_printf(arena, "{'embeddings':[{'values':%s}]}", rows[i].values));
		want = arena_printf(arena, "\"embedding\":\"%s\"}", rows[i].base64);
		if (strstr(ended(&a), want) == NULL)
			fail_msg("%s is not %s", rows[i].values, rows[i].base64);
	}
}

static void
floats_are_the_default_and_go_as_they_came(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "{'model':'m','input':'a'}");
	gets(&a, 0, "{'embeddings':[{'values':[0.013168523415,1E2,-0.0]}]}");
	assert_non_null(strstr(ended(&a), "\"embedding\":[0.013168523415,1E2,-0.0]"));
	ask(&a, "{'model':'m','input':'a','encoding_format':'float'}");
	gets(&a, 0, "{'embeddings':[{'values':[3,4]}]}");
	assert_non_null(strstr(ended(&a), "\"embedding\":[3,4]"));
}

static void
a_vector_of_fewer_dimensions_is_normalised(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "{'model':'m','input':'a','dimensions':2}");
	gets(&a, 0, "{'embeddings':[{'values':[3,4]}]}");
	assert_non_null(strstr(ended(&a), "\"embedding\":[0.600000024,0.800000012]"));
	ask(&a, "{'model':'m','input':'a','dimensions':2,'encoding_format':'base64'}");
	gets(&a, 0, "{'embeddings':[{'values':[0,-9]}]}");
	assert_non_null(strstr(ended(&a), "\"embedding\":\"AAAAAAAAgL8=\""));
}

static void
a_vector_of_nothing_stays_nothing(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "{'model':'m','input':'a','dimensions':2}");
	gets(&a, 0, "{'embeddings':[{'values':[0,0]}]}");
	assert_non_null(strstr(ended(&a), "\"embedding\":[0,0]"));
}

static void
the_largest_floats_are_normalised_without_overflow(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "{'model':'m','input':'a','dimensions':2}");
	gets(&a, 0, "{'embeddings':[{'values':[3.4e38,0]}]}");
	assert_non_null(strstr(ended(&a), "\"embedding\":[1,0]"));
}

/* ---- several batches ---- */

static void
assert_in_order(const char *json, size_t count)
{
	const char *p = json;

	for (size_t i = 0; i < count; i++) {
		char want[80];

		snprintf(want, sizeof(want), "\"index\":%zu,\"embedding\":[%zu]}", i, i);
		p = strstr(p, want);
		if (p == NULL)
			fail_msg("no %s in its place", want);
	}
	assert_int_equal(count_of(json, "\"object\":\"embedding\""), count);
}

static void
batches_come_in_order_whichever_answers_first(void **state)
{
	static const size_t orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct answer a;

		ask(&a, request_of(230, "t"));
		for (size_t j = 0; j < 3; j++) {
			size_t part = orders[i][j];

			gets(&a, part, vectors(part < 2 ? 100 : 30, part * 100));
		}
		assert_in_order(ended(&a), 230);
	}
}

static void
a_batch_with_too_few_vectors_fails_the_whole(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, request_of(130, "t"));
	gets(&a, 0, vectors(99, 0));
	gets(&a, 1, vectors(30, 100));
	assert_string_equal(failed(&a), "the upstream gave 99 vectors for 100 texts");
}

/* The sum is right, and every vector behind the gap would be another text's. */
static void
one_vector_too_few_is_not_made_good_by_one_too_many(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, request_of(130, "t"));
	gets(&a, 0, vectors(99, 0));
	gets(&a, 1, vectors(31, 100));
	failed(&a);
	ask(&a, request_of(130, "t"));
	gets(&a, 0, vectors(101, 0));
	gets(&a, 1, vectors(29, 100));
	assert_string_equal(failed(&a), "the upstream gave 101 vectors for 100 texts");
}

static void
a_batch_that_never_answers_fails_the_whole(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, request_of(130, "t"));
	gets(&a, 1, vectors(30, 100));
	assert_string_equal(failed(&a), "the upstream gave 0 vectors for 100 texts");
	ask(&a, "{'model':'m','input':'a'}");
	assert_string_equal(failed(&a), "the upstream gave 0 vectors for 1 texts");
}

static void
a_vector_that_is_none_fails_the_whole(void **state)
{
	static const char *const rows[] = { "{}", "null", "5", "[]", "{'values':null}",
		"{'values':[]}", "{'values':'x'}", "{'values':[1,'2']}", "{'values':[1,null]}",
		"{'values':[1e39]}", "{'values':[-1e400]}", "{'values':[[1]]}",
		"{'values':[1],'values':[]}" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;

		ask(&a, "{'model':'m','input':['a','b','c']}");
		gets(&a, 0,
		    arena_printf(
			arena, "{'embeddings':[{'values':[1]},%s,{'values':[3]}]}", rows[i]));
		failed(&a);
	}
}

static void
an_answer_of_another_shape_fails(void **state)
{
	static const char *const rows[] = { "{}", "{'embeddings':null}", "{'embeddings':{}}",
		"{'embedding':{'values':[1]}}", "{'embeddings':[],'usageMetadata':5}",
		"{'embeddings':[{'values':[1]}],'embeddings':[{'values':[1]}]}" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;

		ask(&a, "{'model':'m','input':'a'}");
		gets(&a, 0, rows[i]);
		failed(&a);
	}
}

static void
only_the_first_answer_of_a_batch_counts(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "{'model':'m','input':'a'}");
	gets(&a, 0, vectors(1, 0));
	gets(&a, 0, vectors(1, 5));
	assert_in_order(ended(&a), 1);
}

/* ---- usage ---- */

static void
uses(const char *request, const char *const *chunks, int64_t tokens)
{
	struct answer a;
	const char *want;

	ask(&a, request);
	for (size_t i = 0; chunks[i] != NULL; i++)
		gets(&a, i, chunks[i]);
	want = arena_printf(arena, "\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
	    (long long)tokens, (long long)tokens);
	if (strstr(ended(&a), want) == NULL)
		fail_msg("not %s", want);
}

#define CHUNKS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define ONE         "'embeddings':[{'values':[1]}]"

static void
usage_is_estimated_and_never_less_than_nothing(void **state)
{
	(void)state;
	uses("{'model':'m','input':'a'}", CHUNKS("{" ONE "}"), 1);
	uses("{'model':'m','input':'abcde'}", CHUNKS("{" ONE "}"), 2);
	/* An escape is no six bytes of text. */
	uses("{'model':'m','input':'\\u0061\\u0061\\u0061\\u0061'}", CHUNKS("{" ONE "}"), 1);
	uses(
	    request_of(130, "tttttt"), CHUNKS(vectors(100, 0), vectors(30, 100)), 2 * 100 + 3 * 30);
}

static void
usage_is_upstreams_where_it_says_so(void **state)
{
	static const char ask_one[] = "{'model':'m','input':'abcdefgh'}";

	(void)state;
	uses(ask_one, CHUNKS("{" ONE ",'usageMetadata':{'promptTokenCount':9,'x':1}}"), 9);
	uses(ask_one, CHUNKS("{'usageMetadata':{'promptTokenCount':'0'}," ONE "}"), 0);
	uses(ask_one, CHUNKS("{" ONE ",'usageMetadata':{'promptTokenCount':-1}}"), 2);
	uses(ask_one, CHUNKS("{" ONE ",'usageMetadata':{'promptTokenCount':9223372036854775807}}"),
	    2);
	uses(ask_one, CHUNKS("{" ONE ",'usageMetadata':{'promptTokenCount':null}}"), 2);
}

static void
what_one_batch_does_not_say_is_estimated(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, request_of(101, "t"));
	gets(&a, 1, "{" ONE ",'usageMetadata':{'promptTokenCount':1000}}");
	gets(&a, 0, vectors(100, 0));
	assert_non_null(strstr(ended(&a), "\"prompt_tokens\":1100,"));
}

static void
a_failure_is_openais_error(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "{'model':'m','input':'a'}");
	failed(&a);
	(dialect_openai_embeddings.fail)(&a.out, &a.err);
	assert_string_equal(buf_text(&a.bytes),
	    quoted("{'error':{'message':'the upstream gave 0 vectors for 1 texts',"
		   "'type':'server_error','param':null,'code':'upstream_error'}}"));
	buf_fini(&a.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_a_batch_of_one),
		cmocka_unit_test(texts_stay_in_order),
		cmocka_unit_test(a_text_goes_as_it_was_written),
		cmocka_unit_test(dimensions_become_output_dimensionality),
		cmocka_unit_test(the_task_type_is_passed_on),
		cmocka_unit_test(what_has_no_effect_is_skipped),
		cmocka_unit_test(the_last_of_several_fields_wins),
		cmocka_unit_test(the_model_is_named_bare_upstream_and_echoed_as_it_was_asked_for),
		cmocka_unit_test(an_alias_stands_for_its_model_in_url_and_body),
		cmocka_unit_test(a_tuned_model_has_the_same_name_in_url_and_body),
		cmocka_unit_test(a_hundred_texts_are_one_batch),
		cmocka_unit_test(batches_follow_each_other),
		cmocka_unit_test(long_texts_are_not_copied),
		cmocka_unit_test(tokens_are_refused_by_name),
		cmocka_unit_test(an_input_without_text_is_refused),
		cmocka_unit_test(more_than_2048_texts_are_refused),
		cmocka_unit_test(values_of_other_types_are_refused_by_field),
		cmocka_unit_test(a_model_is_needed),
		cmocka_unit_test(what_is_not_json_is_that_first_of_all),
		cmocka_unit_test(the_answer_is_openais),
		cmocka_unit_test(base64_is_little_endian_floats),
		cmocka_unit_test(floats_are_the_default_and_go_as_they_came),
		cmocka_unit_test(a_vector_of_fewer_dimensions_is_normalised),
		cmocka_unit_test(a_vector_of_nothing_stays_nothing),
		cmocka_unit_test(the_largest_floats_are_normalised_without_overflow),
		cmocka_unit_test(batches_come_in_order_whichever_answers_first),
		cmocka_unit_test(a_batch_with_too_few_vectors_fails_the_whole),
		cmocka_unit_test(one_vector_too_few_is_not_made_good_by_one_too_many),
		cmocka_unit_test(a_batch_that_never_answers_fails_the_whole),
		cmocka_unit_test(a_vector_that_is_none_fails_the_whole),
		cmocka_unit_test(an_answer_of_another_shape_fails),
		cmocka_unit_test(only_the_first_answer_of_a_batch_counts),
		cmocka_unit_test(usage_is_estimated_and_never_less_than_nothing),
		cmocka_unit_test(usage_is_upstreams_where_it_says_so),
		cmocka_unit_test(what_one_batch_does_not_say_is_estimated),
		cmocka_unit_test(a_failure_is_openais_error),
	};

	return cmocka_run_group_tests_name("dialect/openai_embeddings", tests, setup, teardown);
}
