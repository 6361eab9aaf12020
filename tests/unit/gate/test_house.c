/*
 * What a dialect may ask of the house: how much one request may have looked for, and what becomes
 * of those who wait for the store.  And whose is what a request names.  Signatures and owners are
 * played by the test.
 */
#include "tests/unit/unit.h"

#include "base/loop.h"
#include "gate/house.h"
#include "memory/remote.h"
#include "memory/signature.h"

/* Stands in for memory/signature.c: all that is looked for is found, and is of the size told. */
static size_t looked, found_bytes;
static writer_fn *waiting;
static void *waiting_ctx;

bool
signature_find(const struct signature_book *b, struct span id, int64_t now_wall_ms,
    struct arena *arena, struct signed_call *out)
{
	(void)b;
	(void)id;
	(void)now_wall_ms;
	(void)arena;
	looked++;
	*out = (struct signed_call){ .args = { "", found_bytes } };
	return true;
}

bool
signature_find_like(const struct signature_book *b, const struct signed_call *like,
    int64_t now_wall_ms, struct arena *arena, struct signed_call *out)
{
	(void)like;
	return signature_find(b, SPAN_NONE, now_wall_ms, arena, out);
}

bool
signature_keep(const struct signature_book *b, const struct signed_call *c, int64_t now_wall_ms,
    writer_fn *done, void *ctx)
{
	(void)b;
	(void)c;
	(void)now_wall_ms;
	waiting = done;
	waiting_ctx = ctx;
	return true;
}

/* Stands in for memory/remote.c: all is owned by one, or by two; each answer shows something. */
static char asked[512], learned[64], forgotten[64];
static bool disagree;

bool
remote_owner_of_all(const struct remote_book *b, const struct span *names, size_t n,
    int64_t now_wall_ms, char owner[CREDENTIAL_ID_LEN + 1], struct err *e)
{
	(void)b;
	(void)now_wall_ms;
	for (size_t i = 0; i < n; i++)
		snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), "%.*s ",
		    SPAN_ARG(names[i]));
	strcpy(owner, "0123456789abcdef");
	return !disagree || err_field(e, "fileUri", "they belong to two");
}

bool
remote_learn(const struct remote_book *b, struct span answer,
    const char owner[CREDENTIAL_ID_LEN + 1], int64_t now_wall_ms, writer_fn *done, void *ctx)
{
	(void)b;
	(void)now_wall_ms;
	snprintf(learned, sizeof(learned), "%.*s of %s", SPAN_ARG(answer), owner);
	waiting = done;
	waiting_ctx = ctx;
	return answer.len > 0;
}

void
remote_forget(const struct remote_book *b, struct span name)
{
	(void)b;
	snprintf(forgotten, sizeof(forgotten), "%.*s", SPAN_ARG(name));
}

struct world {
	struct gate gate;
	struct config config;
	struct board_slot slot;
	struct house house;
	size_t saved;
};

static int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	looked = found_bytes = 0;
	waiting = NULL;
	asked[0] = learned[0] = forgotten[0] = '\0';
	disagree = false;
	w->config.upstream_gemini_url = (char *)"http://127.0.0.1:9";
	w->gate.config = &w->config;
	w->gate.loop = loop_new();
	w->gate.slot = &w->slot;
	house_init(&w->house, &w->gate, "c1", "req_1");
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	house_leave(&w->house);
	loop_free(&w->gate.loop);
	mem_free(w);
	return 0;
}

static size_t
ids_found(struct world *w, size_t tries)
{
	const struct dialect_house *face = &w->house.face;
	struct signed_call out;
	size_t n = 0;

	for (size_t i = 0; i < tries; i++)
		n += face->recall(face->ctx, SPAN("call_A"), NULL, &out);
	return n;
}

static size_t
likes_found(struct world *w, size_t tries, size_t args_len)
{
	const struct dialect_house *face = &w->house.face;
	const struct signed_call like = { .args = { "", args_len } };
	struct signed_call out;
	size_t n = 0;

	for (size_t i = 0; i < tries; i++)
		n += face->recall_like(face->ctx, &like, NULL, &out);
	return n;
}

/* ---- looking for calls ---- */

static void
ten_thousand_calls_are_all_looked_for(void **state)
{
	found_bytes = 2000;
	assert_int_equal(ids_found(*state, 10000), 10000);
	assert_int_equal(likes_found(*state, 1000, 1000), 1000);
}

static void
a_request_does_not_search_for_ever(void **state)
{
	size_t n = ids_found(*state, 1000000);

	assert_in_range(n, 10000, 100000);
	assert_int_equal(looked, n);
}

/* One record of a megabyte, named over and over, would fill the memory with its copies. */
static void
a_large_record_comes_back_so_often_only(void **state)
{
	found_bytes = 1u << 20;
	assert_in_range(ids_found(*state, 10000), 32, 128);
}

static void
arguments_are_compared_up_to_some_megabytes(void **state)
{
	assert_in_range(likes_found(*state, 1000, 1u << 20), 4, 16);
	assert_int_equal(ids_found(*state, 1), 0);
}

static void
another_request_has_its_own_share(void **state)
{
	struct world *w = *state;

	ids_found(w, 1000000);
	house_init(&w->house, &w->gate, "c1", "req_2");
	assert_int_equal(ids_found(w, 1), 1);
}

/* ---- waiting for the store ---- */

static void
on_saved(void *ctx)
{
	struct world *w = ctx;

	w->saved++;
	house_leave(&w->house); /* as one does whose last bytes were all that it waited for */
}

static void
remember(struct world *w)
{
	static const struct signed_call c = { .id = { "call_A", 6 } };

	w->house.face.remember(w->house.face.ctx, &c);
	assert_true(house_is_saving(&w->house));
	w->house.saved = on_saved;
	w->house.ctx = w;
}

static void
whoever_waits_is_told_and_may_leave_at_once(void **state)
{
	struct world *w = *state;

	remember(w);
	waiting(waiting_ctx, NULL);
	assert_int_equal(w->saved, 1);
}

static void
the_store_may_answer_when_nobody_waits_any_more(void **state)
{
	struct world *w = *state;

	remember(w);
	house_leave(&w->house);
	assert_false(house_is_saving(&w->house));
	waiting(waiting_ctx, NULL);
	assert_int_equal(w->saved, 0);
}

static void
what_the_store_does_not_take_is_counted(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	err_set(&e, ERR_FULL, "the disk is full");
	remember(w);
	house_leave(&w->house);
	waiting(waiting_ctx, &e);
	assert_int_equal(atomic_load(&w->slot.counts[BOARD_LOST_WRITES]), 1);
}

static void
whoever_waits_for_nothing_goes_on_at_once(void **state)
{
	struct world *w = *state;

	house_await(&w->house, on_saved, w);
	assert_int_equal(w->saved, 1);
}

static void
whoever_waits_goes_on_when_all_is_stored(void **state)
{
	struct world *w = *state;

	house_remember_owner(&w->house, SPAN("{}"), "0123456789abcdef");
	assert_string_equal(learned, "{} of 0123456789abcdef");
	assert_true(house_is_saving(&w->house));
	house_await(&w->house, on_saved, w);
	assert_int_equal(w->saved, 0);
	waiting(waiting_ctx, NULL);
	assert_int_equal(w->saved, 1);
	assert_int_equal(w->house.patience.place, 0);
}

static void
a_store_that_is_slow_is_not_waited_for_for_long(void **state)
{
	struct world *w = *state;

	house_remember_owner(&w->house, SPAN("{}"), "0123456789abcdef");
	house_await(&w->house, on_saved, w);
	assert_int_equal(w->house.patience.at_ms, loop_now_ms(w->gate.loop) + HOUSE_PATIENCE_MS);
	w->house.patience.fn(w->house.patience.ctx);
	assert_int_equal(w->saved, 1);
	waiting(waiting_ctx, NULL); /* it comes at last, and nobody is told twice */
	assert_int_equal(w->saved, 1);
}

static void
whoever_leaves_is_not_told(void **state)
{
	struct world *w = *state;

	house_remember_owner(&w->house, SPAN("{}"), "0123456789abcdef");
	house_await(&w->house, on_saved, w);
	house_leave(&w->house);
	assert_int_equal(w->house.patience.place, 0);
	waiting(waiting_ctx, NULL);
	assert_int_equal(w->saved, 0);
}

static void
an_answer_without_news_is_not_waited_for(void **state)
{
	struct world *w = *state;

	house_remember_owner(&w->house, SPAN(""), "0123456789abcdef");
	assert_false(house_is_saving(&w->house));
	house_forget_object(&w->house, SPAN("files/a"));
	assert_string_equal(forgotten, "files/a");
}

/* ---- owners ---- */

/* asks: what the store was asked for. */
static void
assert_asks(
    struct world *w, enum operation op, const char *model, const char *text, const char *asks)
{
	struct span piece = span_of(text), owner = SPAN("old");
	struct body body = { &piece, 1 };
	struct call c = {
		.op = op, .model = span_of(model), .bodies = text ? &body : NULL, .parts = 1
	};
	struct err e = ERR_INIT;

	asked[0] = '\0';
	assert_true(house_owner(&w->house, &c, &owner, &e));
	assert_string_equal(asked, asks);
	assert_true(span_is(owner, asks[0] ? "0123456789abcdef" : ""));
}

static void
what_a_call_names_has_an_owner(void **state)
{
	assert_asks(*state, OP_GENERATE, "gemini-x", "{\"cachedContent\":\"cachedContents/c\"}",
	    "cachedContents/c ");
	assert_asks(*state, OP_STREAM, "gemini-x",
	    "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":"
	    "\"http://127.0.0.1:9/v1beta/files/a\"}}]}]}",
	    "files/a ");
	assert_asks(*state, OP_COUNT, "tunedModels/t", "{\"fileUri\":\"files/a\"}",
	    "tunedModels/t files/a ");
	assert_asks(*state, OP_MODEL_GET, "tunedModels/t", NULL, "tunedModels/t ");
}

static void
a_call_that_names_nothing_asks_nobody(void **state)
{
	assert_asks(*state, OP_GENERATE, "gemini-x", "{\"contents\":[]}", "");
	assert_asks(*state, OP_GENERATE, "gemini-x", "", "");
	assert_asks(*state, OP_EMBED, "gemini-x", "{\"fileUri\":\"files/a\"}", "");
	assert_asks(*state, OP_MODELS_LIST, "", NULL, "");
}

static void
what_two_own_is_refused(void **state)
{
	struct world *w = *state;
	struct span piece = SPAN("{\"fileUri\":\"files/a\"}"), owner;
	struct body body = { &piece, 1 };
	struct err e = ERR_INIT;

	disagree = true;
	assert_false(house_owner_of_body(&w->house, &body, SPAN("files/b"), &owner, &e));
	assert_string_equal(asked, "files/b files/a ");
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_int_equal(owner.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(ten_thousand_calls_are_all_looked_for),
		CASE(a_request_does_not_search_for_ever),
		CASE(a_large_record_comes_back_so_often_only),
		CASE(arguments_are_compared_up_to_some_megabytes),
		CASE(another_request_has_its_own_share),
		CASE(whoever_waits_is_told_and_may_leave_at_once),
		CASE(the_store_may_answer_when_nobody_waits_any_more),
		CASE(what_the_store_does_not_take_is_counted),
		CASE(whoever_waits_for_nothing_goes_on_at_once),
		CASE(whoever_waits_goes_on_when_all_is_stored),
		CASE(a_store_that_is_slow_is_not_waited_for_for_long),
		CASE(whoever_leaves_is_not_told),
		CASE(an_answer_without_news_is_not_waited_for),
		CASE(what_a_call_names_has_an_owner),
		CASE(a_call_that_names_nothing_asks_nobody),
		CASE(what_two_own_is_refused),
	};

	return cmocka_run_group_tests_name("gate/house", tests, NULL, NULL);
}
