/*
 * Somebody who says words over the control socket, on a store, a board and a committer as the
 * janitor has them, and an upstream for the one word that asks it.
 */
#ifndef POLLUX_TESTS_PROC_CONTROL_WORLD_H
#define POLLUX_TESTS_PROC_CONTROL_WORLD_H

#include "tests/unit/proc/world.h"

#include "base/json.h"
#include "proc/control.h"
#include "tests/unit/net/peer.h"
#include "upstream/allowance.h"
#include "upstream/credential.h"
#include "upstream/fitness.h"

#define KEY_A   "AIzaSyTestKeyNumberAAAAAAAAAAAAAAAAAAAA"
#define KEY_B   "AIzaSyTestKeyNumberBBBBBBBBBBBBBBBBBBBB"
#define MODEL   "gemini-2.5-flash"
#define TURNS   2000
#define TURN_MS 1000 /* the most a turn waits when something is still to come */
#define ASKS    4

struct asker {
	struct link *link;
	json_t *answers[ASKS]; /* by the id of the question */
	char refused[256];
	size_t progress;
	size_t count;
};

static struct world world;
static struct loop *loop;
static struct control control;
static struct link *janitor_end, *to_master, *master_end;
static struct asker asker;
static struct peer upstream;
static enum message asked_of_master;
static uint64_t master_id;

/* The world. */

static inline void
on_answer(void *ctx, struct link *l, struct frame *f)
{
	struct asker *a = ctx;
	struct err e = ERR_INIT;

	(void)l;
	if (f->kind == MESSAGE_PROGRESS) {
		a->progress++;
		return;
	}
	assert_int_equal(f->kind, MESSAGE_DONE);
	assert_true(f->id < ASKS);
	assert_null(a->answers[f->id]);
	a->answers[f->id] = json_parse(f->body, "", &e);
	assert_non_null(a->answers[f->id]);
	a->count++;
}

static inline void
on_question(void *ctx, struct link *l, struct frame *f)
{
	(void)ctx;
	control_frame(&control, l, f);
}

static inline void
on_gone(void *ctx, struct link *l, const char *why)
{
	(void)why;
	if (ctx == &control)
		control_forget(&control, l);
	*(l == asker.link ? &asker.link : l == janitor_end ? &janitor_end : &to_master) = NULL;
}

static inline void
on_master_reply(void *ctx, struct link *l, struct frame *f)
{
	(void)ctx;
	(void)l;
	control_master_replied(&control, f);
}

static inline void
on_asked_of_master(void *ctx, struct link *l, struct frame *f)
{
	(void)ctx;
	(void)l;
	asked_of_master = f->kind;
	master_id = f->id;
}

static inline void
on_master_end_gone(void *ctx, struct link *l, const char *why)
{
	(void)ctx;
	(void)l;
	(void)why;
	master_end = NULL;
}

static inline void
open_links(void)
{
	struct err e = ERR_INIT;
	int pair[2];

	assert_true(link_pair(pair, &e));
	asker = (struct asker){ .link = NULL };
	asker.link = link_open(loop, pair[0], on_answer, on_gone, &asker);
	janitor_end = link_open(loop, pair[1], on_question, on_gone, &control);
	assert_true(link_pair(pair, &e));
	to_master = link_open(loop, pair[0], on_master_reply, on_gone, NULL);
	master_end = link_open(loop, pair[1], on_asked_of_master, on_master_end_gone, NULL);
}

static inline int
control_setup(void **state)
{
	struct fetcher_config fc = {
		.proxy = "", .ca_file = "", .user_agent = "test", .max_idle_connections = 1
	};
	struct err e = ERR_INIT;

	(void)state;
	world_open(&world);
	loop = loop_new();
	peer_start(&upstream, loop);
	char *url = mem_printf("upstream.gemini_url=http://127.0.0.1:%d", upstream.port);

	world_configure(&world, url);
	mem_free(url);
	open_links();
	asked_of_master = (enum message)0;
	control = (struct control){ .loop = loop,
		.birth = &world.birth,
		.store = world.store,
		.seal = world.seal,
		.board = world.board,
		.committer = committer_new(loop, world.store, world.board),
		.master = &to_master };
	control.fetcher = fetcher_new(loop, &fc, &e);
	assert_non_null(control.fetcher);
	control_init(&control);
	return 0;
}

static inline void
forget_answers(void)
{
	for (size_t i = 0; i < ASKS; i++) {
		json_decref(asker.answers[i]);
		asker.answers[i] = NULL;
	}
	asker.count = 0;
	asker.progress = 0;
}

static inline int
control_teardown(void **state)
{
	(void)state;
	committer_free(&control.committer);
	control_fini(&control);
	fetcher_free(&control.fetcher);
	peer_stop(&upstream);
	link_close(&asker.link);
	link_close(&janitor_end);
	link_close(&to_master);
	link_close(&master_end);
	loop_free(&loop);
	forget_answers();
	world_close(&world);
	return 0;
}

/* Asking. */

static inline void
ask(uint64_t id, const char *question)
{
	assert_true(link_send(asker.link, MESSAGE_CONTROL, id, span_of(question)));
}

static inline void
wait_for(size_t answers)
{
	for (int i = 0; i < TURNS && asker.count < answers; i++)
		loop_turn(loop, TURN_MS);
	assert_int_equal(asker.count, answers);
}

/* The answer to one question; borrowed until the next. */
static inline const json_t *
said(const char *question)
{
	forget_answers();
	ask(1, question);
	wait_for(1);
	return asker.answers[1];
}

/* words, options and input as JSON texts, NULL: none. */
static inline const json_t *
say(const char *words, const char *options, const char *input)
{
	json_t *q = json_object();
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	json_object_set_new(q, "words", json_parse(span_of(words), "", &e));
	if (options)
		json_object_set_new(q, "options", json_parse(span_of(options), "", &e));
	if (input)
		json_object_set_new(q, "input", json_string(input));
	json_print(&text, q);
	json_decref(q);
	const json_t *answer = said(buf_text(&text));

	buf_fini(&text);
	return answer;
}

static inline bool
is_ok(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "ok"));
}

static inline const char *
text(const json_t *answer, const char *name)
{
	const char *t = json_string_value(json_object_get(answer, name));

	return t ? t : "";
}

static inline int
number(const json_t *answer, const char *name)
{
	return (int)json_integer_value(json_object_get(answer, name));
}

static inline void
is_refused(const json_t *answer, bool usage, const char *words)
{
	assert_false(is_ok(answer));
	if (!strstr(text(answer, "error"), words))
		fail_msg("\"%s\" is not in: %s", words, text(answer, "error"));
	assert_int_equal(json_is_true(json_object_get(answer, "usage")), usage);
}

static inline void
add_key(const char *label, const char *secret)
{
	char *options = mem_printf("{\"label\": \"%s\"}", label);

	assert_true(is_ok(say("[\"keys\",\"add\"]", options, secret)));
	mem_free(options);
}

static inline size_t
count_of(enum table table)
{
	struct txn t = store_read(world.store);
	size_t n = (size_t)store_count(&t, table);

	store_abort(&t);
	return n;
}

static inline struct credential_set
load_set(void)
{
	struct credential_set set;
	struct err e = ERR_INIT;

	assert_true(credential_set_load(&set, world.store, 0, &e));
	return set;
}

static inline struct moment
now(void)
{
	return loop_clock_moment();
}

/* The row of a key and a model, "" for the key as a whole; made as a worker would. */
static inline struct board_row *
row_of(const char *label, const char *model)
{
	struct credential_set set = load_set();
	const struct credential *c = credential_set_find(&set, span_of(label));
	int subject = board_subject(world.board, c->board_key, true);
	int number = model[0] ? board_model(world.board, span_of(model), true) : BOARD_WHOLE;
	struct board_row *row = board_row(world.board, subject, number, true);

	assert_non_null(row);
	credential_set_fini(&set);
	return row;
}

static inline void
freeze(const char *label, const char *model, int64_t for_ms, enum outcome why)
{
	struct fitness_freeze f = { .until_ms = now().ms + for_ms, .cause = why };

	fitness_freeze(row_of(label, model), &f, now());
}

/* A word of one argument, most often a label. */
static inline const json_t *
say_of(const char *word, const char *argument)
{
	char *words = mem_printf("[%s,\"%s\"]", word, argument);
	const json_t *answer = say(words, NULL, NULL);

	mem_free(words);
	return answer;
}

static inline const json_t *
shown(const char *label)
{
	return say_of("\"keys\",\"show\"", label);
}

static inline const json_t *
member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	assert_non_null(value);
	return value;
}

static inline bool
is_null(const json_t *object, const char *name)
{
	return json_is_null(member(object, name));
}

/* A setting beside those of the world. */
static inline void
configure(const char *setting)
{
	world_configure(&world, setting);
}

/* Books as the pool does. */
static inline void
book(const char *label, const char *model, int64_t rpm, int64_t tpm, uint64_t tokens)
{
	struct fitness_limits limits = { rpm, tpm, 0 };
	struct allowance a;
	struct fitness_pass why;

	assert_true(allowance_book(world.board, row_of(label, model), &limits, tokens,
	    world.config->pool_margin_ms, now(), &a, &why));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)

#endif
