/*
 * Legacy completions: prompts as turns of a user, each in a call of its own, and their answers as
 * choices in order.  In JSON of these tests ' stands for ".
 */
#include "dialect/dialect.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

static struct arena *arena;
static struct dialect_options options; /* zeroed between tests */
static unsigned lacks;

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
forget(void **state)
{
	(void)state;
	options = (struct dialect_options){ .late_system = LATE_SYSTEM_INLINE };
	lacks = 0;
	arena_reset(arena);
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
know_model(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	(void)ctx;
	(void)e;
	*out = (struct dialect_model){ .name = bare, .facts = model_facts(bare) };
	out->facts.lacks |= lacks;
	return true;
}

static bool
decode(const char *json, struct call *c, struct err *e)
{
	static const struct dialect_house house = { .model = know_model };
	struct dialect_request req = { .op = OP_GENERATE,
		.body = span_of(quoted(json)),
		.options = &options,
		.house = &house };

	*e = ERR_INIT;
	return dialect_openai_completions.decode(&req, arena, c, e);
}

static struct call
decoded(const char *json)
{
	struct call c;
	struct err e;

	if (!decode(json, &c, &e))
		fail_msg("%s: %s", json, e.text);
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

#define MODEL      "'model':'gemini-2.5-flash'"
#define TURN(text) "{'contents':[{'role':'user','parts':[{'text':'" text "'}]}]"

static void
sends(const char *members, const char *gemini)
{
	struct call c = decoded(arena_printf(arena, "{" MODEL ",%s}", members));

	assert_int_equal(c.parts, 1);
	assert_string_equal(body_text(&c, 0), quoted(gemini));
}

static void
refuses(const char *json, const char *field)
{
	struct call c;
	struct err e;

	if (decode(json, &c, &e))
		fail_msg("%s was taken", json);
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	if (strcmp(e.field, field) != 0)
		fail_msg("%s: field \"%s\": %s", json, e.field, e.text);
}

static void
a_prompt_is_what_a_user_says(void **state)
{
	struct call c = decoded("{" MODEL ",'prompt':'Say \\'hi\\'\\u00e9'}");

	(void)state;
	assert_string_equal(body_text(&c, 0), quoted(TURN("Say \\'hi\\'\\u00e9") "}"));
	assert_int_equal(c.op, OP_GENERATE);
	assert_int_equal(c.framing, FRAMING_UNARY);
	assert_int_equal(c.parts, 1);
	assert_int_equal(c.choices, 1);
	assert_int_equal(c.ignored.len, 0);
}

static void
a_stream_is_asked_for_as_one(void **state)
{
	struct call c = decoded("{" MODEL ",'prompt':'a','stream':true}");

	(void)state;
	assert_true(c.stream);
	assert_int_equal(c.op, OP_STREAM);
	assert_int_equal(c.framing, FRAMING_SSE);
}

/* The 16 of OpenAI's own would starve models that think. */
static void
no_limit_is_set_where_none_was_asked_for(void **state)
{
	(void)state;
	sends("'prompt':'a','max_tokens':null", TURN("a") "}");
}

static void
sampling_fields_go_into_the_configuration(void **state)
{
	(void)state;
	sends("'prompt':'a','max_tokens':16,'temperature':0.5,'top_p':0.9,'stop':['\\n','END'],"
	      "'seed':7",
	    TURN("a") ",'generationConfig':{'temperature':0.5,'topP':0.9,'seed':7,"
		      "'maxOutputTokens':16,'stopSequences':['\\n','END']}}");
}

static void
a_service_tier_stands_beside_the_configuration(void **state)
{
	(void)state;
	sends("'prompt':'a','service_tier':'flex'", TURN("a") ",'serviceTier':'flex'}");
}

static void
each_prompt_is_a_call_of_its_own(void **state)
{
	struct call c = decoded("{" MODEL ",'prompt':['a','b','c'],'max_tokens':5}");

	(void)state;
	assert_int_equal(c.parts, 3);
	assert_int_equal(c.choices, 1);
	assert_string_equal(
	    body_text(&c, 0), quoted(TURN("a") ",'generationConfig':{'maxOutputTokens':5}}"));
	assert_string_equal(
	    body_text(&c, 2), quoted(TURN("c") ",'generationConfig':{'maxOutputTokens':5}}"));
}

static void
several_choices_are_asked_for_in_one_call(void **state)
{
	struct call c = decoded("{" MODEL ",'prompt':['a','b'],'n':3}");

	(void)state;
	assert_int_equal(c.parts, 2);
	assert_int_equal(c.choices, 3);
	assert_string_equal(
	    body_text(&c, 1), quoted(TURN("b") ",'generationConfig':{'candidateCount':3}}"));
}

static void
a_model_of_one_choice_is_asked_as_often_as_needed(void **state)
{
	static const char *const texts[] = { "a", "a", "a", "b", "b", "b" };

	(void)state;
	lacks = LACKS(CANDIDATES);
	struct call c = decoded("{" MODEL ",'prompt':['a','b'],'n':3}");

	assert_int_equal(c.parts, 6);
	assert_int_equal(c.choices, 1);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(
		    body_text(&c, i), quoted(arena_printf(arena, TURN("%s") "}", texts[i])));
}

static void
a_long_prompt_is_not_copied(void **state)
{
	char json[2200];

	(void)state;
	snprintf(json, sizeof(json), "{" MODEL ",'prompt':'%01000d'}", 5);
	struct call c = decoded(json);

	assert_int_equal(c.bodies[0].count, 3);
}

static void
what_has_no_effect_is_named(void **state)
{
	struct call c = decoded("{" MODEL ",'prompt':'a','suffix':'x','best_of':3,"
				"'logit_bias':{'5':1},'logprobs':2,'user':'me','unknown':[{}]}");

	(void)state;
	assert_true(span_is(c.ignored, "suffix, best_of, logit_bias, logprobs"));
}

static void
what_says_nothing_is_not_named(void **state)
{
	struct call c = decoded("{" MODEL ",'prompt':'a','suffix':null,'best_of':null,"
				"'logit_bias':{},'logprobs':null,'echo':null,'stream':null,"
				"'stream_options':null}");

	(void)state;
	assert_int_equal(c.ignored.len, 0);
	assert_false(c.stream);
}

static void
tokens_are_refused_by_name(void **state)
{
	struct call c;
	struct err e;

	(void)state;
	refuses("{" MODEL ",'prompt':[1,2]}", "prompt[0]");
	refuses("{" MODEL ",'prompt':[[1],[2]]}", "prompt[0]");
	refuses("{" MODEL ",'prompt':['a',2]}", "prompt[1]");
	assert_false(decode("{" MODEL ",'prompt':[[1]]}", &c, &e));
	assert_string_equal(e.text, "prompt[0] must be text: Gemini takes no tokens");
}

static void
a_prompt_without_text_is_refused(void **state)
{
	(void)state;
	refuses("{" MODEL "}", "prompt");
	refuses("{" MODEL ",'prompt':null}", "prompt");
	refuses("{" MODEL ",'prompt':''}", "prompt");
	refuses("{" MODEL ",'prompt':[]}", "prompt");
	refuses("{" MODEL ",'prompt':['']}", "prompt[0]");
	refuses("{" MODEL ",'prompt':['a',null]}", "prompt[1]");
	refuses("{" MODEL ",'prompt':{}}", "prompt");
	refuses("{" MODEL ",'prompt':7}", "prompt");
}

static void
more_than_128_prompts_are_refused(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add_lit(&b, "{" MODEL ",'prompt':['a'");
	for (int i = 1; i < 128; i++)
		buf_add_lit(&b, ",'a'");
	struct call c = decoded(arena_printf(arena, "%s]}", buf_text(&b)));

	assert_int_equal(c.parts, 128);
	refuses(arena_printf(arena, "%s,'a']}", buf_text(&b)), "prompt");
	buf_fini(&b);
}

static void
values_of_other_types_are_refused_by_field(void **state)
{
	static const struct {
		const char *member, *field;
	} rows[] = {
		{ "'stream':1", "stream" },
		{ "'stream':'true'", "stream" },
		{ "'echo':'yes'", "echo" },
		{ "'stream_options':true", "stream_options" },
		{ "'stream_options':{'include_usage':1}", "stream_options.include_usage" },
		{ "'max_tokens':0", "max_tokens" },
		{ "'temperature':3", "temperature" },
		{ "'n':9", "n" },
		{ "'stop':5", "stop" },
		{ "'model':5", "model" },
		{ "'model':null", "model" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		refuses(arena_printf(arena, "{" MODEL ",'prompt':'a',%s}", rows[i].member),
		    rows[i].field);
	refuses("{'prompt':'a'}", "model");
}

static void
what_is_not_json_is_said_to_be_none(void **state)
{
	static const char *const rows[] = { "", "{", "[]", "'a'", "{" MODEL ",'prompt':'a'",
		"{" MODEL ",'prompt':'a'}x", "{" MODEL ",'prompt':'\x01'}",
		"{" MODEL ",'prompt':['a',]}", "{" MODEL ",'prompt':'a','stream':tru}",
		"{" MODEL ",'prompt':'\\ud800'}" };

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
ask(struct answer *a, const char *members)
{
	*a = (struct answer){ .call = decoded(
				  arena_printf(arena, "{'model':'models/m',%s}", members)) };
	a->out = (struct dialect_out){ .dialect = &dialect_openai_completions,
		.arena = arena,
		.bytes = &a->bytes,
		.call = &a->call,
		.request_id = "req1",
		.created_s = 1700000000,
		.options = &options };
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
	/* As upstream/fan.h has it. */
	for (size_t i = 0; i < k.candidate_count; i++)
		k.candidates[i].index += (int64_t)(part * a->call.choices);
	dialect_openai_completions.encode(&a->out, &k);
	arena_free(&brief);
	memset(copy, '#', strlen(json));
	free(copy);
}

static const char *
ended(struct answer *a)
{
	const char *text;

	if (!dialect_openai_completions.finish(&a->out, &a->err))
		fail_msg("%s", a->err.text);
	text = arena_dup_span(arena, buf_span(&a->bytes));
	if (!a->call.stream)
		assert_true(scan_check(buf_span(&a->bytes), NULL, NULL));
	buf_fini(&a->bytes);
	return text;
}

static void
fails(struct answer *a, enum err_kind kind, const char *words)
{
	if (dialect_openai_completions.finish(&a->out, &a->err))
		fail_msg("finished: %s", buf_text(&a->bytes));
	assert_int_equal(a->err.kind, kind);
	assert_string_equal(a->err.text, words);
	buf_fini(&a->bytes);
}

#define EMPTY "the upstream answered with nothing in it"

#define HEAD "{'id':'cmpl-R1','object':'text_completion','created':1700000000,'model':'models/m'"
#define EVENT(text, index, finish)                                                                 \
	"data: " HEAD ",'choices':[{'text':'" text "','index':" index                              \
	",'logprobs':null,'finish_reason':" finish "}]}\n\n"
#define CHOICE(text, index, finish)                                                                \
	"{'text':'" text "','index':" index ",'logprobs':null,'finish_reason':'" finish "'}"
#define USAGE(prompt, answer, total, thoughts)                                                     \
	"{'prompt_tokens':" prompt ",'completion_tokens':" answer ",'total_tokens':" total         \
	",'prompt_tokens_details':{'cached_tokens':0},"                                            \
	"'completion_tokens_details':{'reasoning_tokens':" thoughts "}}"
#define NO_USAGE ",'usage':" USAGE("0", "0", "0", "0") "}"
#define DONE     "data: [DONE]\n\n"

#define SAYS(parts) "{'responseId':'R1','candidates':[{'content':{'parts':[" parts "]}}]}"
#define LAST(parts, why)                                                                           \
	"{'responseId':'R1','candidates':[{'content':{'parts':[" parts "]},'finishReason':'" why   \
	"'}]}"
#define TEXT(t) "{'text':'" t "'}"

static void
a_plain_answer_is_openais(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'a'");
	gets(&a, 0,
	    "{'responseId':'R1','candidates':[{'content':{'parts':[" TEXT(
		"Hi \\'you\\'") "]},"
				"'finishReason':'STOP'}],'usageMetadata':{'promptTokenCount':5,"
				"'candidatesTokenCount':2,'thoughtsTokenCount':4,'totalTokenCount':"
				"11}}");
	assert_string_equal(ended(&a), quoted(HEAD ",'choices':[" CHOICE("Hi \\'you\\'", "0",
					   "stop") "],'usage':" USAGE("5", "6", "11", "4") "}"));
}

static void
parts_and_chunks_are_joined_without_anything_between(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'a'");
	gets(&a, 0, SAYS(TEXT("a") "," TEXT("") "," TEXT("b ")));
	gets(&a, 0, LAST(TEXT("\\u00e9"), "STOP"));
	assert_string_equal(
	    ended(&a), quoted(HEAD ",'choices':[" CHOICE("ab \\u00e9", "0", "stop") "]" NO_USAGE));
}

static void
only_text_is_told(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'a'");
	gets(&a, 0,
	    LAST("{'text':'hm','thought':true}," TEXT(
		     "x") ",{'functionCall':{'name':'f'}},{'inlineData':{'mimeType':'image/"
			  "png','data':'AA'}}",
		"STOP"));
	assert_string_equal(
	    ended(&a), quoted(HEAD ",'choices':[" CHOICE("x", "0", "stop") "]" NO_USAGE));
}

static void
an_answer_without_an_id_has_the_requests(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'a'");
	gets(&a, 0, "{'candidates':[{'finishReason':'STOP'}]}");
	assert_non_null(strstr(ended(&a), "{\"id\":\"cmpl-req1\","));
}

static void
a_finish_reason_is_openais(void **state)
{
	static const struct {
		const char *gemini, *openai;
	} rows[] = { { "STOP", "stop" }, { "MAX_TOKENS", "length" }, { "SAFETY", "content_filter" },
		{ "RECITATION", "content_filter" }, { "OTHER", "stop" }, { "NEW", "stop" } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;

		ask(&a, "'prompt':'a'");
		gets(&a, 0,
		    arena_printf(arena, "{'candidates':[{'finishReason':'%s'}]}", rows[i].gemini));
		assert_non_null(strstr(
		    ended(&a), arena_printf(arena, "\"finish_reason\":\"%s\"}", rows[i].openai)));
	}
}

static void
a_stream_is_events_of_the_same_object(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'a','stream':true");
	gets(&a, 0, SAYS(TEXT("Hel")));
	assert_string_equal(buf_text(&a.bytes), quoted(EVENT("Hel", "0", "null")));
	buf_clear(&a.bytes);
	gets(&a, 0, SAYS(TEXT("")));
	assert_int_equal(a.bytes.len, 0);
	gets(&a, 0, LAST(TEXT("lo"), "STOP"));
	assert_string_equal(
	    ended(&a), quoted(EVENT("lo", "0", "null") EVENT("", "0", "'stop'") DONE));
}

/* Older models say STOP on every chunk. */
static void
a_finish_reason_is_held_to_the_end(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'a','stream':true");
	gets(&a, 0, LAST(TEXT("a"), "STOP"));
	gets(&a, 0, LAST(TEXT("b"), "MAX_TOKENS"));
	assert_string_equal(ended(&a), quoted(EVENT("a", "0", "null") EVENT("b", "0", "null")
					       EVENT("", "0", "'length'") DONE));
}

static void
usage_comes_in_an_event_of_its_own_where_it_was_asked_for(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'a','stream':true,'stream_options':{'include_usage':true,'x':[]}");
	gets(&a, 0,
	    "{'responseId':'R1','candidates':[{'content':{'parts':[" TEXT(
		"a") "]},"
		     "'finishReason':'STOP'}],'usageMetadata':{'promptTokenCount':5,"
		     "'candidatesTokenCount':2,'totalTokenCount':7}}");
	assert_string_equal(ended(&a),
	    quoted("data: " HEAD ",'choices':[{'text':'a','index':0,'logprobs':null,"
		   "'finish_reason':null}],'usage':null}\n\n"
		   "data: " HEAD ",'choices':[{'text':'','index':0,'logprobs':null,"
		   "'finish_reason':'stop'}],'usage':null}\n\n"
		   "data: " HEAD ",'choices':[],'usage':" USAGE("5", "2", "7", "0") "}\n\n" DONE));
}

static void
choices_come_in_the_order_of_their_prompts(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':['x','y','z']");
	gets(&a, 2, LAST(TEXT("c"), "STOP"));
	gets(&a, 0, LAST(TEXT("a"), "MAX_TOKENS"));
	gets(&a, 1, LAST(TEXT("b"), "STOP"));
	assert_string_equal(
	    ended(&a), quoted(HEAD ",'choices':[" CHOICE("a", "0", "length") "," CHOICE(
			   "b", "1", "stop") "," CHOICE("c", "2", "stop") "]" NO_USAGE));
}

static void
the_choices_of_one_prompt_stand_together(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':['x','y'],'n':2");
	gets(&a, 1,
	    "{'responseId':'R1','candidates':[{'index':1,'content':{'parts':[" TEXT(
		"d") "]},'finishReason':'STOP'},{'content':{'parts':[" TEXT("c") "]},'finishReason'"
										 ":'STOP'}]}");
	gets(&a, 0,
	    "{'candidates':[{'content':{'parts':[" TEXT(
		"a") "]},'finishReason':'STOP'},"
		     "{'index':1,'content':{'parts':[" TEXT("b") "]},'finishReason':'STOP'}]}");
	assert_string_equal(ended(&a),
	    quoted(HEAD ",'choices':[" CHOICE("a", "0", "stop") "," CHOICE("b", "1",
		"stop") "," CHOICE("c", "2", "stop") "," CHOICE("d", "3", "stop") "]" NO_USAGE));
}

/* ---- echo ---- */

static void
echo_puts_each_prompt_in_front_of_its_answers(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':['x\\n','y'],'n':2,'echo':true");
	gets(&a, 0,
	    "{'responseId':'R1','candidates':[{'content':{'parts':[" TEXT(
		"1") "]},'finishReason':'STOP'},{'index':1,'finishReason':'STOP'}]}");
	gets(&a, 1, LAST(TEXT("3"), "STOP"));
	assert_string_equal(
	    ended(&a), quoted(HEAD ",'choices':[" CHOICE("x\\n1", "0", "stop") "," CHOICE(
			   "x\\n", "1", "stop") "," CHOICE("y3", "2", "stop") "]" NO_USAGE));
}

static void
echo_comes_before_each_choice_of_a_model_asked_several_times(void **state)
{
	struct answer a;

	(void)state;
	lacks = LACKS(CANDIDATES);
	ask(&a, "'prompt':['x','y'],'n':2,'echo':true");
	for (size_t part = 0; part < 4; part++)
		gets(&a, part, LAST(TEXT("!"), "STOP"));
	assert_string_equal(ended(&a),
	    quoted(HEAD ",'choices':[" CHOICE("x!", "0", "stop") "," CHOICE("x!", "1",
		"stop") "," CHOICE("y!", "2", "stop") "," CHOICE("y!", "3", "stop") "]" NO_USAGE));
}

static void
echo_is_the_first_event_of_a_stream(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'x','stream':true,'echo':true");
	gets(&a, 0, SAYS(TEXT("1")));
	gets(&a, 0, LAST(TEXT("2"), "STOP"));
	assert_string_equal(ended(&a), quoted(EVENT("x", "0", "null") EVENT("1", "0", "null") EVENT(
					   "2", "0", "null") EVENT("", "0", "'stop'") DONE));
}

/* ---- blocked, empty, broken off ---- */

#define BLOCKED "{'responseId':'R1','promptFeedback':{'blockReason':'SAFETY'}}"

static void
a_blocked_prompt_is_a_choice_that_was_filtered(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':['x','y']");
	gets(&a, 0, LAST(TEXT("a"), "STOP"));
	gets(&a, 1, BLOCKED);
	assert_string_equal(
	    ended(&a), quoted(HEAD ",'choices':[" CHOICE("a", "0", "stop") "," CHOICE(
			   "", "1", "content_filter") "]" NO_USAGE));
	ask(&a, "'prompt':'x','stream':true");
	gets(&a, 0, BLOCKED);
	assert_string_equal(ended(&a), quoted(EVENT("", "0", "'content_filter'") DONE));
}

static void
a_blocked_prompt_is_an_error_where_the_operator_wants_it(void **state)
{
	struct answer a;

	(void)state;
	options.blocked_prompt = BLOCKED_PROMPT_ERROR400;
	ask(&a, "'prompt':'x','stream':true,'echo':true");
	gets(&a, 0, BLOCKED);
	assert_int_equal(a.bytes.len, 0);
	fails(&a, ERR_BAD_REQUEST, "The prompt was blocked: SAFETY");
	(dialect_openai_completions.fail)(&a.out, &a.err);
	assert_string_equal(buf_text(&a.bytes),
	    quoted("{'error':{'message':'The prompt was blocked: SAFETY','type':"
		   "'invalid_request_error','param':null,'code':'content_policy_violation'}}"));
	buf_fini(&a.bytes);
}

static void
an_answer_with_nothing_in_it_is_none(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'x'");
	fails(&a, ERR_UPSTREAM, EMPTY);
	ask(&a, "'prompt':'x'");
	gets(&a, 0, "{}");
	fails(&a, ERR_UPSTREAM, EMPTY);
	ask(&a, "'prompt':'x'");
	gets(&a, 0, "{'candidates':[{'finishReason':'STOP'}]}");
	assert_non_null(strstr(ended(&a), "\"choices\":[{\"text\":\"\",\"index\":0,"));
}

static void
a_prompt_without_an_answer_fails_the_whole(void **state)
{
	struct answer a;

	(void)state;
	for (size_t missing = 0; missing < 3; missing++) {
		ask(&a, "'prompt':['x','y','z'],'n':2");
		for (size_t part = 0; part < 3; part++)
			if (part != missing)
				gets(&a, part, LAST(TEXT("a"), "STOP"));
		fails(&a, ERR_UPSTREAM, EMPTY);
	}
}

static void
a_stream_that_broke_off_does_not_end_well(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'x','stream':true");
	gets(&a, 0, SAYS(TEXT("a")));
	fails(&a, ERR_UPSTREAM, "the upstream broke off before its answer's end");
}

static void
an_error_after_the_first_event_is_one_that_sdks_raise(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'x','stream':true");
	a.out.begun = true;
	err_set(&a.err, ERR_UPSTREAM, "it broke off");
	(dialect_openai_completions.fail)(&a.out, &a.err);
	assert_string_equal(buf_text(&a.bytes),
	    quoted("data: {'error':{'message':'it broke off','type':'server_error','param':null,"
		   "'code':'upstream_truncated'}}\n\n"));
	buf_fini(&a.bytes);
}

static void
silence_is_filled_with_comments(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':'x','stream':true");
	dialect_openai_completions.keep_alive(&a.out);
	assert_string_equal(buf_text(&a.bytes), ": keep-alive\n\n");
	buf_fini(&a.bytes);
}

static void
a_choice_from_nowhere_does_no_harm(void **state)
{
	struct answer a;

	(void)state;
	ask(&a, "'prompt':['x','y'],'echo':true");
	gets(&a, 0,
	    "{'candidates':[{'index':-7,'finishReason':'STOP'},"
	    "{'index':9223372036854775807,'finishReason':'STOP'}]}");
	fails(&a, ERR_UPSTREAM, EMPTY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup(name, forget)
		CASE(a_prompt_is_what_a_user_says),
		CASE(a_stream_is_asked_for_as_one),
		CASE(no_limit_is_set_where_none_was_asked_for),
		CASE(sampling_fields_go_into_the_configuration),
		CASE(a_service_tier_stands_beside_the_configuration),
		CASE(each_prompt_is_a_call_of_its_own),
		CASE(several_choices_are_asked_for_in_one_call),
		CASE(a_model_of_one_choice_is_asked_as_often_as_needed),
		CASE(a_long_prompt_is_not_copied),
		CASE(what_has_no_effect_is_named),
		CASE(what_says_nothing_is_not_named),
		CASE(tokens_are_refused_by_name),
		CASE(a_prompt_without_text_is_refused),
		CASE(more_than_128_prompts_are_refused),
		CASE(values_of_other_types_are_refused_by_field),
		CASE(what_is_not_json_is_said_to_be_none),
		CASE(a_plain_answer_is_openais),
		CASE(parts_and_chunks_are_joined_without_anything_between),
		CASE(only_text_is_told),
		CASE(an_answer_without_an_id_has_the_requests),
		CASE(a_finish_reason_is_openais),
		CASE(a_stream_is_events_of_the_same_object),
		CASE(a_finish_reason_is_held_to_the_end),
		CASE(usage_comes_in_an_event_of_its_own_where_it_was_asked_for),
		CASE(choices_come_in_the_order_of_their_prompts),
		CASE(the_choices_of_one_prompt_stand_together),
		CASE(echo_puts_each_prompt_in_front_of_its_answers),
		CASE(echo_comes_before_each_choice_of_a_model_asked_several_times),
		CASE(echo_is_the_first_event_of_a_stream),
		CASE(a_blocked_prompt_is_a_choice_that_was_filtered),
		CASE(a_blocked_prompt_is_an_error_where_the_operator_wants_it),
		CASE(an_answer_with_nothing_in_it_is_none),
		CASE(a_prompt_without_an_answer_fails_the_whole),
		CASE(a_stream_that_broke_off_does_not_end_well),
		CASE(an_error_after_the_first_event_is_one_that_sdks_raise),
		CASE(silence_is_filled_with_comments),
		CASE(a_choice_from_nowhere_does_no_harm),
	};

	return cmocka_run_group_tests_name("dialect/openai_completions", tests, setup, teardown);
}
