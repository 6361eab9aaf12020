/*
 * The word "keys test": one minimal call with one key, past the pool, so that it counts for
 * nothing and works for a disabled or frozen key too.  It changes nothing either: what keeps the
 * key from being lent is said beside the result, for the operator to end.  Runs in the janitor.
 * Owns its fetch and its answer until the ask is answered.
 */
#include "proc/control_words.h"

#include <sodium.h>
#include <stdio.h>
#include "base/mem.h"
#include "gemini/call.h"
#include "gemini/fault.h"
#include "gemini/model.h"
#include "net/fetch.h"
#include "proc/control.h"
#include "proc/control_set.h"
#include "proc/key_shown.h"
#include "upstream/outcome.h"

#define DEFAULT_MODEL "gemini-2.5-flash-lite" /* the least dear one */
#define ANSWER_MAX    (256u << 10)
#define TOTAL_MAX_MS  60000
#define URL_ROOM      1024

static const char question[] =
    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Say hi\"}]}],"
    "\"generationConfig\":{\"maxOutputTokens\":1}}";

struct test {
	struct control_ask *ask; /* borrowed: it owns this */
	struct fetch *fetch;     /* owned */
	char *label;             /* owned */
	char *model;             /* owned */
	bool enabled;
	struct key_place place;
	int status;
	struct buf answer; /* owned */
	struct span question;
	int64_t since_ms;
};

static void
test_free(void *state)
{
	struct test *t = state;

	fetch_cancel(&t->fetch);
	mem_free(t->label);
	mem_free(t->model);
	buf_fini(&t->answer);
	mem_free(t);
}

static void
on_head(void *ctx, const struct fetch_head *head)
{
	((struct test *)ctx)->status = head->status;
}

static void
on_data(void *ctx, struct span bytes)
{
	struct test *t = ctx;
	size_t room = ANSWER_MAX - t->answer.len;

	buf_add(&t->answer, bytes.p, bytes.len < room ? bytes.len : room);
}

/* How the pool sees the key, with this model; whatever the test said. */
static struct key_standing
standing_of(const struct test *t)
{
	struct control *c = control_of(t->ask);
	int model = board_model(c->board, span_of(t->model), false);
	struct key_scene scene;

	key_scene_init(&scene, c->board, c->birth->config, loop_moment(c->loop));
	struct key_standing k = key_stands_worst(&scene, t->place, model);

	key_scene_fini(&scene);
	return k;
}

static json_t *
result(const struct test *t, enum outcome o, const char *words)
{
	struct key_standing k = standing_of(t);
	json_t *r = json_object();

	shown_text(r, "label", t->label);
	shown_text(r, "model", t->model);
	shown_text(r, "outcome", outcome_name(o));
	shown_int(r, "status", t->status);
	shown_int(r, "took_ms", loop_now_ms(control_of(t->ask)->loop) - t->since_ms);
	shown_text(r, "message", words);
	shown_text(r, "state", key_state_name(t->enabled ? k.state : KEY_DISABLED));
	shown_text(r, "cause", k.cause == OUTCOME_OK ? "" : outcome_name(k.cause));
	shown_seconds(r, "free_in_s", k.for_ms);
	return r;
}

/* link: where the account's owner confirms it to Google, or "". */
static void
failed(struct test *t, enum outcome o, const char *words, const char *link)
{
	struct err e = ERR_INIT;
	json_t *r = result(t, o, words);

	if (link[0])
		shown_text(r, "validation_link", link);
	err_set(&e, ERR_UPSTREAM, "%s does not work with %s: %s%s%s%s%s", t->label, t->model,
	    outcome_name(o), words[0] ? ": " : "", words, link[0] ? "; to confirm it: " : "", link);
	control_refuse_take(t->ask, &e, r);
}

static void
judge_fault(struct test *t)
{
	struct arena *arena = arena_new(0);
	struct buf words = BUF_INIT;
	struct fault fault;
	uint64_t chance;

	randombytes_buf(&chance, sizeof(chance));
	fault_parse(t->status, buf_span(&t->answer), arena, &fault);
	fault_redact(span_of(fault.message), &words);
	struct verdict v = outcome_of_fault(&fault, loop_wall_ms(control_of(t->ask)->loop), chance);

	failed(t, v.outcome, buf_text(&words), fault.validation_link);
	buf_fini(&words);
	arena_free(&arena);
}

static void
on_end(void *ctx, enum fetch_result how, const char *words)
{
	struct test *t = ctx;

	t->fetch = NULL; /* it is freed behind its last event */
	if (t->status >= 300)
		judge_fault(t);
	else if (how != FETCH_OK)
		failed(t, outcome_of_fetch(how).outcome, words, "");
	else if (t->status == 200 && span_has(buf_span(&t->answer), "\"candidates\""))
		control_answer_take(t->ask, result(t, OUTCOME_OK, ""));
	else
		failed(t, OUTCOME_GARBLED, "what answered is not Gemini's API", "");
}

static void
send_question(struct test *t, const char *secret)
{
	static const struct fetch_events events = {
		.head = on_head, .data = on_data, .end = on_end
	};
	struct control *c = control_of(t->ask);
	const struct config *config = c->birth->config;
	struct call call = {
		.op = OP_GENERATE, .framing = FRAMING_UNARY, .model = span_of(t->model)
	};
	struct buf url = BUF_INIT, key = BUF_INIT;
	int64_t total_ms = config->upstream_first_byte_timeout_ms;

	call_url(&call, config->upstream_gemini_url, &url);
	buf_reserve(&key, URL_ROOM);
	buf_printf(&key, "x-goog-api-key: %s", secret);
	const char *headers[] = { buf_text(&key), "content-type: application/json", NULL };
	t->question = span_of(question);
	struct fetch_order order = {
		.method = operation_method(OP_GENERATE),
		.url = buf_text(&url),
		.headers = headers,
		.body = { .pieces = &t->question, .count = 1 },
		.connect_timeout_ms = config->upstream_connect_timeout_ms,
		.total_timeout_ms = total_ms < TOTAL_MAX_MS ? total_ms : TOTAL_MAX_MS,
	};

	t->fetch = fetch_start(c->fetcher, &order, &events, t);
	buf_wipe(&key);
	buf_fini(&url);
}

/* By its name in the configuration or upstream's own. */
static char *
model_asked(const struct control_ask *a)
{
	const char *said = control_option(a, "model");
	struct span bare = model_bare(span_of(said ? said : DEFAULT_MODEL));
	const struct config_model *m = config_model_find(control_of(a)->birth->config, bare);

	return m && m->alias[0] ? mem_dup(m->alias) : mem_dup_span(bare);
}

static void
begin(struct control_ask *a, const struct credential *cred, char *model_take)
{
	struct test *t = mem_alloc(sizeof(*t));

	*t = (struct test){ .ask = a,
		.label = mem_dup(cred->label),
		.model = model_take,
		.enabled = cred->enabled,
		.place = key_place_of(control_of(a)->board, cred),
		.since_ms = loop_now_ms(control_of(a)->loop) };
	control_keep_take(a, t, test_free);
	send_question(t, cred->secret);
}

void
control_keys_test(struct control_ask *a)
{
	struct credential_set set;
	struct credential *cred;
	char *model = model_asked(a);

	if (!model_name_is_valid(span_of(model))) {
		mem_free(model);
		control_refuse_usage(a, "--model: this is not a model's name");
		return;
	}
	if (!control_set_load(a, &set)) {
		mem_free(model);
		return;
	}
	cred = control_set_find(a, &set, control_argument(a, 0));
	if (cred)
		begin(a, cred, model);
	else
		mem_free(model);
	credential_set_fini(&set);
}
