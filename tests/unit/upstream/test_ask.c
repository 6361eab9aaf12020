/*
 * Asks: what of an answer is held back and until when, when it is asked again, mended, given up,
 * and what is wished for.  Loop, pool and attempts are played by the test.
 */
#include "tests/unit/unit.h"

#include "base/mem.h"
#include "upstream/ask.h"
#include "upstream/attempt.h"
#include "upstream/tries.h"

#include "tests/unit/upstream/clockwork.h"
#include "tests/unit/upstream/lender.h"

/* Stands in for upstream/attempt.c: it does nothing of itself. */
struct attempt {
	struct upstream *up;
	struct lease lease;
	size_t part;
	struct attempt_limits limits;
	struct attempt_events events;
	void *ctx;
	bool paused;
};

static struct attempt *attempt; /* under way; NULL: none is */
static int attempts, cancelled;

struct attempt *
attempt_start(struct upstream *up, struct lease *lease, const struct call *call, size_t part,
    const struct attempt_limits *limits, struct arena *arena, const struct attempt_events *events,
    void *ctx)
{
	struct attempt *a = mem_alloc(sizeof(*a));

	assert_null(attempt);
	assert_non_null(arena);
	assert_in_range(part, 0, call->parts - 1);
	*a = (struct attempt){ .up = up,
		.lease = *lease,
		.part = part,
		.limits = *limits,
		.events = *events,
		.ctx = ctx };
	*lease = (struct lease){ 0 };
	attempts++;
	return attempt = a;
}

void
attempt_pause(struct attempt *a)
{
	a->paused = true;
}

void
attempt_resume(struct attempt *a)
{
	a->paused = false;
}

void
attempt_cancel(struct attempt **a)
{
	if (!*a)
		return;
	assert_ptr_equal(*a, attempt);
	cancelled++;
	mem_free(*a);
	*a = attempt = NULL;
}

struct span
attempt_content_type(const struct attempt *a)
{
	assert_ptr_equal(a, attempt);
	return SPAN("text/event-stream");
}

/* Whoever asked, and what it was told. */
struct world {
	struct loop loop;
	struct config config;
	struct board_slot slot;
	struct upstream up;
	struct arena *arena;
	struct span piece;
	struct body body;
	struct call call;
	struct ask_lend lend;
	struct trace trace;
	struct ask *ask;
	size_t chunks, done, failed, tried, mends;
	struct buf raw, plain;
	struct buf tried_labels;
	struct err err;
	bool has_fault, gone, mendable, cancels;
};

static bool
on_gone(void *ctx)
{
	return ((struct world *)ctx)->gone;
}

static void
on_chunk(void *ctx, const struct chunk *k)
{
	struct world *w = ctx;

	assert_non_null(k->raw.p);
	w->chunks++;
	if (w->cancels)
		ask_cancel(&w->ask);
}

static void
on_raw(void *ctx, struct span bytes, struct span type)
{
	struct world *w = ctx;

	assert_true(type.len == 0 || span_is(type, "text/event-stream"));
	buf_add_span(&w->raw, bytes);
}

static void
on_plain(void *ctx, struct buf *bytes, struct span type)
{
	struct world *w = ctx;

	assert_true(span_is(type, "text/event-stream"));
	buf_add_span(&w->plain, buf_span(bytes));
}

static bool
on_mend(void *ctx, const struct fault *f)
{
	struct world *w = ctx;

	assert_non_null(f);
	if (!w->mendable)
		return false;
	w->mends++;
	w->call.revision++;
	return true;
}

static void
on_done(void *ctx)
{
	struct world *w = ctx;

	w->done++;
	w->ask = NULL;
}

static void
on_failed(void *ctx, const struct err *e, const struct fault *f)
{
	struct world *w = ctx;

	w->failed++;
	w->err = *e;
	w->has_fault = f != NULL;
	w->ask = NULL;
}

static void
on_tried(void *ctx, const char *label, const struct verdict *v)
{
	struct world *w = ctx;

	w->tried++;
	buf_printf(&w->tried_labels, "%s:%s ", label, outcome_name(v->outcome));
}

static const struct ask_events translated = { .gone = on_gone,
	.chunk = on_chunk,
	.mend = on_mend,
	.done = on_done,
	.failed = on_failed,
	.tried = on_tried };
static const struct ask_events relayed = { .gone = on_gone,
	.chunk = on_chunk,
	.raw = on_raw,
	.plain = on_plain,
	.done = on_done,
	.failed = on_failed };

static int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	clockwork_begin(&w->loop);
	clockwork = &w->loop;
	lender = (struct lender){ .ids = { "a", "b", "c", "d", "e" }, .free_in_ms = -1 };
	attempts = cancelled = 0;
	w->config.upstream_max_attempts = 4;
	w->config.upstream_connect_timeout_ms = 5000;
	w->config.upstream_first_byte_timeout_ms = 120000;
	w->config.upstream_idle_timeout_ms = 300000;
	w->config.upstream_total_timeout_ms = 1800000;
	w->config.queue_max_wait_ms = 30000;
	w->arena = arena_new(0);
	w->up = (struct upstream){ .loop = &w->loop,
		.estimates = estimates_new(),
		.config = &w->config,
		.slot = &w->slot };
	w->piece = SPAN("{\"contents\":[{\"parts\":[{\"text\":\"how many words is this\"}]}]}");
	w->body = (struct body){ &w->piece, 1 };
	w->call = (struct call){ .op = OP_STREAM,
		.framing = FRAMING_SSE,
		.model = SPAN("gemini-2.0-flash"),
		.bodies = &w->body,
		.parts = 1,
		.choices = 1 };
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	ask_cancel(&w->ask);
	clockwork_turn(&w->loop);
	assert_null(attempt);
	assert_int_equal(w->loop.timer_count, 0);
	buf_fini(&w->raw);
	buf_fini(&w->plain);
	buf_fini(&w->tried_labels);
	estimates_free(&w->up.estimates);
	arena_free(&w->arena);
	mem_free(w);
	clockwork = NULL;
	return 0;
}

static void
start(struct world *w, const struct ask_events *events)
{
	w->ask = ask_start(&w->up, &w->call, 0, &w->lend, w->arena, events, w);
	assert_int_equal(attempts, 0); /* from the loop, not from inside */
	clockwork_turn(&w->loop);
}

/* ---- what attempts bring ---- */

static void
gives(struct world *w, const char *json)
{
	struct arena *brief = arena_new(0);
	struct err e = ERR_INIT;
	struct chunk k;

	if (!chunk_parse(span_of(json), w->call.op, brief, &k, &e))
		fail_msg("%s: %s", json, e.text);
	attempt->events.chunk(attempt->ctx, &k);
	arena_free(&brief);
}

static void
ends_as(struct world *w, const struct verdict *v, const struct fault *f)
{
	struct attempt *a = attempt;

	attempt = NULL;
	a->events.end(a->ctx, v, f);
	mem_free(a);
	clockwork_turn(&w->loop);
}

static void
ends(struct world *w, enum outcome o)
{
	bool elsewhere = o != OUTCOME_OK && o != OUTCOME_REFUSED && o != OUTCOME_BROKE_OFF;
	struct verdict v = { .outcome = o, .try_other = elsewhere };

	ends_as(w, &v, NULL);
}

static const struct fault refusal = { .http_status = 400,
	.code = 400,
	.status = "INVALID_ARGUMENT",
	.message = "Penalty is not enabled for this model",
	.reason = "",
	.field = "",
	.quota_id = "",
	.quota_model = "",
	.is_json = true };

static void
is_refused(struct world *w)
{
	struct verdict v = { .outcome = OUTCOME_REFUSED };

	ends_as(w, &v, &refusal);
}

#define WORDS   "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hello\"}]}}]}"
#define NOTHING "{\"candidates\":[{\"content\":{\"role\":\"model\"}}]}"
#define BROKEN  "{\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}"

/* ---- an answer ---- */

static void
an_answer_is_given_chunk_by_chunk(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	assert_string_equal(ask_label(w->ask), "a");
	gives(w, WORDS);
	assert_int_equal(w->chunks, 1);
	gives(w, WORDS);
	assert_int_equal(w->chunks, 2);
	ends(w, OUTCOME_OK);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->failed, 0);
	assert_string_equal(buf_text(&w->tried_labels), "a:ok ");
}

static void
what_says_nothing_is_held_until_something_is_said(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	gives(w, NOTHING);
	gives(w, NOTHING);
	assert_int_equal(w->chunks, 0);
	gives(w, WORDS);
	assert_int_equal(w->chunks, 3);
}

static void
of_an_attempt_that_failed_before_it_said_anything_nothing_is_given(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	gives(w, NOTHING);
	ends(w, OUTCOME_SERVER_ERROR);
	assert_string_equal(ask_label(w->ask), "b");
	gives(w, WORDS);
	ends(w, OUTCOME_OK);
	assert_int_equal(w->chunks, 1);
	assert_int_equal(w->done, 1);
	assert_string_equal(buf_text(&w->tried_labels), "a:server-error b:ok ");
}

static void
nothing_is_tried_again_once_something_was_said(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	gives(w, WORDS);
	ends(w, OUTCOME_SERVER_ERROR);
	assert_int_equal(attempts, 1);
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->err.kind, ERR_UPSTREAM);
}

static void
bytes_come_with_the_chunks_they_hold(void **state)
{
	struct world *w = *state;

	start(w, &relayed);
	gives(w, NOTHING);
	attempt->events.raw(attempt->ctx, SPAN("one "));
	assert_int_equal(w->raw.len, 0);
	gives(w, WORDS);
	attempt->events.raw(attempt->ctx, SPAN("two "));
	assert_string_equal(buf_text(&w->raw), "one two ");
	attempt->events.raw(attempt->ctx, SPAN("three"));
	assert_string_equal(buf_text(&w->raw), "one two three");
	ends(w, OUTCOME_OK);
	assert_int_equal(w->done, 1);
}

/* ---- answers without an answer ---- */

static void
an_answer_that_said_nothing_is_asked_for_once_more(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	gives(w, BROKEN);
	ends(w, OUTCOME_EMPTY);
	assert_int_equal(attempts, 2);
	gives(w, WORDS);
	ends(w, OUTCOME_OK);
	assert_int_equal(w->chunks, 1);
	assert_int_equal(w->done, 1);
}

static void
an_empty_answer_is_given_for_want_of_a_better_one(void **state)
{
	static const enum outcome later[] = { OUTCOME_EMPTY, OUTCOME_UNREACHABLE,
		OUTCOME_KEY_INVALID };

	for (size_t i = 0; i < COUNT(later); i++) {
		void *own = *state;
		struct world *w;

		if (i > 0)
			setup(&own);
		w = own;
		lender.ids[2] = NULL;
		start(w, &translated);
		gives(w, BROKEN);
		ends(w, OUTCOME_EMPTY);
		ends(w, later[i]);
		clockwork_pass(&w->loop, 1000);
		assert_int_equal(w->chunks, 1);
		assert_int_equal(w->done, 1);
		assert_int_equal(w->failed, 0);
		if (i > 0)
			teardown(&own);
	}
	clockwork = &((struct world *)*state)->loop;
}

/* It would be the second answer in one. */
static void
an_empty_answer_is_not_given_behind_one_that_began(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	gives(w, BROKEN);
	ends(w, OUTCOME_EMPTY);
	gives(w, WORDS);
	ends(w, OUTCOME_BROKE_OFF);
	assert_int_equal(w->chunks, 1);
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->done, 0);
}

static void
an_empty_plain_answer_is_given_whole(void **state)
{
	struct world *w = *state;
	struct buf bytes = BUF_INIT;

	w->call.op = OP_GENERATE;
	w->call.framing = FRAMING_UNARY;
	lender.ids[1] = NULL;
	start(w, &relayed);
	gives(w, BROKEN);
	buf_add_lit(&bytes, BROKEN);
	attempt->events.plain(attempt->ctx, &bytes);
	buf_fini(&bytes);
	assert_int_equal(w->plain.len, 0);
	ends(w, OUTCOME_EMPTY);
	assert_string_equal(buf_text(&w->plain), BROKEN);
	assert_int_equal(w->done, 1);
}

/* ---- mending ---- */

static void
a_refused_request_is_mended_and_asked_of_the_same_again(void **state)
{
	struct world *w = *state;

	w->mendable = true;
	w->config.upstream_max_attempts = 1;
	start(w, &translated);
	is_refused(w);
	assert_int_equal(w->mends, 1);
	assert_int_equal(attempts, 2);
	assert_string_equal(ask_label(w->ask), "a");
	gives(w, WORDS);
	ends(w, OUTCOME_OK);
	assert_int_equal(w->done, 1);
}

static void
what_cannot_be_mended_is_told(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	is_refused(w);
	assert_int_equal(attempts, 1);
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->err.kind, ERR_BAD_REQUEST);
	assert_string_equal(w->err.text, refusal.message);
	assert_true(w->has_fault);
}

static void
nobody_mends_without_end(void **state)
{
	struct world *w = *state;

	w->mendable = true;
	start(w, &translated);
	for (int i = 0; i < TRIES_MENDS_MAX + 1; i++)
		is_refused(w);
	assert_int_equal(w->mends, TRIES_MENDS_MAX);
	assert_int_equal(attempts, TRIES_MENDS_MAX + 1);
	assert_int_equal(w->failed, 1);
}

/* Another part of the call met the same refusal first. */
static void
what_was_mended_meanwhile_is_not_mended_again(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	w->call.revision++;
	is_refused(w);
	assert_int_equal(w->mends, 0);
	assert_int_equal(attempts, 2);
	is_refused(w); /* but now it is what was sent */
	assert_int_equal(w->failed, 1);
}

static void
what_has_begun_is_not_mended(void **state)
{
	struct world *w = *state;

	w->mendable = true;
	start(w, &translated);
	gives(w, WORDS);
	is_refused(w);
	assert_int_equal(w->mends, 0);
	assert_int_equal(w->failed, 1);
}

/* ---- what is wished for ---- */

static void
generating_and_embedding_is_metered_and_nothing_else(void **state)
{
	static const struct {
		enum operation op;
		bool metered;
	} rows[] = { { OP_GENERATE, true }, { OP_STREAM, true }, { OP_EMBED, true },
		{ OP_BATCH_EMBED, true }, { OP_COUNT, false }, { OP_MODELS_LIST, false },
		{ OP_MODEL_GET, false } };
	struct world *w = *state;

	assert_int_equal(COUNT(rows), OPERATION_COUNT);
	for (size_t i = 0; i < COUNT(rows); i++) {
		attempts = 0;
		w->call.op = rows[i].op;
		start(w, &translated);
		assert_int_equal(lender.wish.metered, rows[i].metered);
		ask_cancel(&w->ask);
		clockwork_turn(&w->loop);
	}
}

static void
what_a_request_brings_for_the_choice_is_handed_on(void **state)
{
	struct world *w = *state;

	w->lend = (struct ask_lend){ .affinity = 77, .owner = SPAN("a"), .trace = &w->trace };
	start(w, &translated);
	w->lend = (struct ask_lend){ 0 }; /* it was copied */
	assert_int_equal(lender.wish.affinity, 77);
	assert_true(span_is(lender.wish.only, "a"));
	assert_ptr_equal(lender.wish.trace, &w->trace);
	assert_true(span_is(lender.wish.model, "gemini-2.0-flash"));
	ends(w, OUTCOME_SERVER_ERROR);
	assert_int_equal(lender.wish.affinity, 77);
	assert_int_equal(lender.wish.tried_count, 1);
}

static void
tokens_are_estimated_where_they_are_limited(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	assert_int_equal(lender.wish.tokens, 0);
	ask_cancel(&w->ask);
	clockwork_turn(&w->loop);
	attempts = 0;
	lender.counts_tokens = true;
	start(w, &translated);
	assert_int_equal(
	    lender.wish.tokens, estimate_tokens(w->up.estimates, w->call.model, &w->body));
}

static void
a_mended_request_is_estimated_anew(void **state)
{
	struct world *w = *state;
	struct span longer =
	    SPAN("{\"contents\":[{\"parts\":[{\"text\":\"this is a prompt that has "
		 "many more words in it than the one that it replaced had\"}]}]}");
	uint64_t before;

	w->mendable = true;
	lender.counts_tokens = true;
	start(w, &translated);
	before = lender.wish.tokens;
	w->piece = longer;
	is_refused(w);
	assert_true(lender.wish.tokens > before);
}

static void
the_time_allowed_is_for_all_attempts_together(void **state)
{
	struct world *w = *state;

	w->call.server_timeout_ms = 20000;
	start(w, &translated);
	assert_int_equal(attempt->limits.total_timeout_ms, 20000);
	clockwork_pass(&w->loop, 15000);
	ends(w, OUTCOME_UNREACHABLE);
	assert_int_equal(attempt->limits.total_timeout_ms, 5000);
	clockwork_pass(&w->loop, 5000);
	ends(w, OUTCOME_UNREACHABLE);
	assert_int_equal(w->failed, 1);
}

/* Of a call in many parts each began anew, and a client that gave a minute waited for five. */
static void
a_part_that_begins_late_has_no_more_time_than_the_others(void **state)
{
	struct world *w = *state;

	w->call.server_timeout_ms = 20000;
	w->lend.since_ms = w->loop.now_ms;
	clockwork_pass(&w->loop, 15000);
	start(w, &translated);
	assert_int_equal(attempt->limits.total_timeout_ms, 5000);
	ends(w, OUTCOME_OK);
	clockwork_pass(&w->loop, 5000);
	lender.lent = attempts = 0;
	start(w, &translated);
	assert_int_equal(lender.lent, 0);
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->err.kind, ERR_UPSTREAM_SLOW);
	w->ask = NULL;
}

static void
a_client_may_not_allow_more_time_than_the_operator(void **state)
{
	struct world *w = *state;

	w->call.server_timeout_ms = INT64_MAX;
	start(w, &translated);
	assert_int_equal(attempt->limits.total_timeout_ms, 1800000);
}

/* ---- going away ---- */

static void
a_client_that_left_is_asked_about_before_each_attempt(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	w->gone = true;
	ends(w, OUTCOME_SERVER_ERROR);
	assert_int_equal(attempts, 1);
	assert_int_equal(w->failed, 0); /* who asked is about to cancel */
}

static void
a_cancelled_ask_stops_its_attempt_and_says_nothing_more(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	gives(w, NOTHING);
	ask_cancel(&w->ask);
	assert_null(w->ask);
	assert_int_equal(cancelled, 1);
	clockwork_pass(&w->loop, 60000);
	assert_int_equal(w->done + w->failed + w->chunks, 0);
	ask_cancel(&w->ask); /* empty is fine */
}

static void
it_may_be_cancelled_while_what_was_held_is_given(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	gives(w, NOTHING);
	gives(w, NOTHING);
	w->cancels = true;
	gives(w, WORDS);
	assert_int_equal(w->chunks, 1);
	assert_null(attempt);
}

static void
a_pause_holds_for_later_attempts(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	ask_pause(w->ask);
	assert_true(attempt->paused);
	ends(w, OUTCOME_SERVER_ERROR);
	assert_true(attempt->paused);
	ask_resume(w->ask);
	assert_false(attempt->paused);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(an_answer_is_given_chunk_by_chunk),
		CASE(what_says_nothing_is_held_until_something_is_said),
		CASE(of_an_attempt_that_failed_before_it_said_anything_nothing_is_given),
		CASE(nothing_is_tried_again_once_something_was_said),
		CASE(bytes_come_with_the_chunks_they_hold),
		CASE(an_answer_that_said_nothing_is_asked_for_once_more),
		CASE(an_empty_answer_is_given_for_want_of_a_better_one),
		CASE(an_empty_answer_is_not_given_behind_one_that_began),
		CASE(an_empty_plain_answer_is_given_whole),
		CASE(a_refused_request_is_mended_and_asked_of_the_same_again),
		CASE(what_cannot_be_mended_is_told),
		CASE(nobody_mends_without_end),
		CASE(what_was_mended_meanwhile_is_not_mended_again),
		CASE(what_has_begun_is_not_mended),
		CASE(generating_and_embedding_is_metered_and_nothing_else),
		CASE(what_a_request_brings_for_the_choice_is_handed_on),
		CASE(tokens_are_estimated_where_they_are_limited),
		CASE(a_mended_request_is_estimated_anew),
		CASE(the_time_allowed_is_for_all_attempts_together),
		CASE(a_part_that_begins_late_has_no_more_time_than_the_others),
		CASE(a_client_may_not_allow_more_time_than_the_operator),
		CASE(a_client_that_left_is_asked_about_before_each_attempt),
		CASE(a_cancelled_ask_stops_its_attempt_and_says_nothing_more),
		CASE(it_may_be_cancelled_while_what_was_held_is_given),
		CASE(a_pause_holds_for_later_attempts),
	};

	return cmocka_run_group_tests_name("upstream/ask", tests, NULL, NULL);
}
