/*
 * What is handed on as it is: what of it counts, when it may be sent again, and what is told of its
 * end.  Loop, pool and fetches are played by the test.
 */
#include "tests/unit/unit.h"

#include "base/mem.h"
#include "upstream/loan.h"
#include "upstream/relay.h"
#include "upstream/tries.h"

#include "tests/unit/upstream/clockwork.h"
#include "tests/unit/upstream/lender.h"
#include "tests/unit/upstream/wire.h"

#define ERROR(status) "{\"error\":{\"status\":\"" status "\",\"message\":\"words\"}}"

struct world {
	struct loop loop;
	struct config config;
	struct board_slot slot;
	struct upstream up;
	struct arena *arena;
	struct relay_order order;
	struct relay *relay;
	size_t heads, done, broke, failed, sent;
	struct buf data, tried;
	struct err err;
	char served_by[64];
	bool gone, cancels;
};

static bool
on_gone(void *ctx)
{
	return ((struct world *)ctx)->gone;
}

static void
on_sent(void *ctx)
{
	((struct world *)ctx)->sent++;
}

static void
on_head(void *ctx, const struct fetch_head *head, const char *id, const char *label)
{
	struct world *w = ctx;

	assert_in_range(head->status, 100, 399);
	assert_string_equal(id, label);
	snprintf(w->served_by, sizeof(w->served_by), "%s", label);
	w->heads++;
	if (w->cancels)
		relay_cancel(&w->relay);
}

static void
on_data(void *ctx, struct span bytes)
{
	struct world *w = ctx;

	buf_add_span(&w->data, bytes);
}

static void
on_tried(void *ctx, const char *label, const struct verdict *v)
{
	struct world *w = ctx;

	buf_printf(&w->tried, "%s:%s ", label, outcome_name(v->outcome));
}

static void
on_done(void *ctx)
{
	struct world *w = ctx;

	w->done++;
	w->relay = NULL;
}

static void
on_broke(void *ctx)
{
	struct world *w = ctx;

	w->broke++;
	w->relay = NULL;
}

static void
on_failed(void *ctx, const struct err *e, const struct fault *f)
{
	struct world *w = ctx;

	(void)f;
	w->failed++;
	w->err = *e;
	w->relay = NULL;
}

static int
setup(void **state)
{
	static const char *const headers[] = { "content-type: application/json", NULL };
	struct world *w = mem_alloc(sizeof(*w));

	clockwork_begin(&w->loop);
	clockwork = &w->loop;
	lender = (struct lender){ .ids = { "a", "b", "c" }, .free_in_ms = -1 };
	wires = wires_cancelled = 0;
	w->config.upstream_gemini_url = "http://upstream.test";
	w->config.upstream_max_attempts = 4;
	w->config.upstream_total_timeout_ms = 1800000;
	w->config.queue_max_wait_ms = 30000;
	w->arena = arena_new(0);
	w->up = (struct upstream){ .loop = &w->loop,
		.estimates = estimates_new(),
		.config = &w->config,
		.slot = &w->slot };
	w->order = (struct relay_order){ .method = "GET",
		.target = SPAN("/v1beta/files?pageSize=3"),
		.headers = headers,
		.model = SPAN("files"),
		.body_bytes = -1 };
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	relay_cancel(&w->relay);
	clockwork_turn(&w->loop);
	assert_null(wire);
	assert_int_equal(w->loop.timer_count, 0);
	assert_int_equal(lender.lent, lender.settled);
	assert_int_equal(w->slot.counts[BOARD_FETCHES], 0);
	buf_fini(&w->data);
	buf_fini(&w->tried);
	estimates_free(&w->up.estimates);
	arena_free(&w->arena);
	mem_free(w);
	clockwork = NULL;
	return 0;
}

static void
start(struct world *w)
{
	static const struct relay_events events = { .gone = on_gone,
		.sent = on_sent,
		.head = on_head,
		.data = on_data,
		.tried = on_tried,
		.done = on_done,
		.broke = on_broke,
		.failed = on_failed };

	w->relay = relay_start(&w->up, &w->order, w->arena, &events, w);
	assert_null(wire); /* from the loop, not from inside */
	clockwork_turn(&w->loop);
}

/* Behind the teardown of one case comes the next. */
static void
begin_anew(void **state)
{
	teardown(state);
	setup(state);
}

static void
post(struct world *w, const char *target)
{
	w->order.method = "POST";
	w->order.target = span_of(target);
	w->order.body = SPAN("{\"contents\":[{\"parts\":[{\"text\":\"how many words\"}]}]}");
}

static void
answers(struct world *w, int status, const char *body)
{
	wire_answers(status, body);
	clockwork_turn(&w->loop);
}

static void
ends(struct world *w, enum fetch_result result)
{
	wire_ends(result);
	clockwork_turn(&w->loop);
}

/* ---- an answer ---- */

static void
a_request_is_handed_on_and_its_answer_given_as_it_comes(void **state)
{
	struct world *w = *state;

	start(w);
	assert_string_equal(wire->method, "GET");
	assert_string_equal(wire->url, "http://upstream.test/v1beta/files?pageSize=3");
	assert_string_equal(wire->key, "x-goog-api-key: a-secret");
	assert_int_equal(wire->header_count, 2);
	wire_written();
	wire_head(200, "text/plain");
	assert_int_equal(w->heads, 1);
	assert_string_equal(w->served_by, "a");
	wire_says("one ");
	wire_says("two");
	assert_string_equal(buf_text(&w->data), "one two");
	ends(w, FETCH_OK);
	assert_int_equal(w->done, 1);
	assert_string_equal(buf_text(&w->tried), "a:ok ");
	assert_int_equal(lender.end.http_status, 200);
	assert_int_equal(lender.written, 1);
	assert_int_equal(lender.end.prompt_tokens, -1);
}

static void
an_answer_that_breaks_off_is_said_to(void **state)
{
	struct world *w = *state;

	start(w);
	wire_written();
	wire_head(200, "text/plain");
	wire_says("half");
	ends(w, FETCH_CUT);
	assert_int_equal(w->broke, 1);
	assert_int_equal(lender.verdict.outcome, OUTCOME_BROKE_OFF);
	assert_int_equal(wires, 1);
}

static void
its_minute_begins_by_a_fresh_clock_when_it_was_written(void **state)
{
	struct world *w = *state;

	start(w);
	clockwork_pass(&w->loop, 250);
	wire_written();
	assert_int_equal(lender.written_at.ms, w->loop.now_ms + w->loop.late_ms);
}

/* ---- what counts ---- */

static void
what_a_model_is_asked_to_do_is_metered_but_for_counting(void **state)
{
	static const struct {
		const char *method, *target;
		bool metered;
	} rows[] = {
		{ "POST", "/v1beta/models/gemini-x:generateContent", true },
		{ "POST", "/v1beta/models/gemini-x:streamGenerateContent?alt=sse", true },
		{ "POST", "/v1beta/models/gemini-x:generateContent?a=:countTokens", true },
		{ "POST", "/v1/models/embedding:batchEmbedContents", true },
		{ "POST", "/v1beta/models/veo:predictLongRunning", true },
		{ "POST", "/v1beta/models/gemini-x:somethingNew", true },
		{ "POST", "/v1beta/models/gemini-x%3AgenerateContent", true },
		{ "POST", "/v1beta/%6dodels/gemini-x:generateContent", true },
		{ "POST", "/v1beta/models/gemini-x:countTokens", false },
		{ "POST", "/v1beta/models/gemini-x%3acountTokens", false },
		{ "POST", "/v1beta/models/gemini-x:countTokensNot", true },
		{ "GET", "/v1beta/models/gemini-x:generateContent", false },
		{ "GET", "/v1beta/models/gemini-x", false },
		{ "GET", "/v1beta/models", false },
		{ "POST", "/v1beta/models", false },
		{ "POST", "/v1beta/files", false },
		{ "POST", "/v1beta/cachedContents", false },
		{ "POST", "/upload/v1beta/files", false },
		{ "DELETE", "/v1beta/files/abc", false },
		{ "POST", "/v1beta/files/abc:generateContent", false },
		{ "POST", "/v1beta/files/abc?x=/models/y:generateContent", false },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		w->order.method = rows[i].method;
		w->order.target = span_of(rows[i].target);
		start(w);
		if (lender.wish.metered != rows[i].metered)
			print_message("%s %s\n", rows[i].method, rows[i].target);
		assert_int_equal(lender.wish.metered, rows[i].metered);
		relay_cancel(&w->relay);
		clockwork_turn(&w->loop);
	}
}

static void
what_an_order_brings_for_the_choice_is_handed_on(void **state)
{
	struct world *w = *state;
	struct trace trace = { 0 };

	w->order.lend = (struct ask_lend){ .affinity = 9, .owner = SPAN("b"), .trace = &trace };
	start(w);
	assert_true(span_is(lender.wish.only, "b"));
	assert_int_equal(lender.wish.affinity, 9);
	assert_ptr_equal(lender.wish.trace, &trace);
	assert_true(span_is(lender.wish.model, "files"));
}

static void
tokens_are_estimated_where_they_are_limited(void **state)
{
	struct world *w = *state;
	struct body body;

	lender.counts_tokens = true;
	post(w, "/v1beta/models/gemini-x:generateContent");
	w->order.model = SPAN("gemini-x");
	body = body_of(w->arena, w->order.body);
	start(w);
	assert_int_equal(
	    lender.wish.tokens, estimate_tokens(w->up.estimates, w->order.model, &body));
	assert_true(lender.wish.tokens > 0);
}

/* ---- whether it may be sent again ---- */

/* Upstream cannot have done already what it is asked once more. */
static void
what_may_have_been_done_is_not_asked_again(void **state)
{
	static const struct {
		const char *method;
		int status; /* 0: none */
		enum fetch_result result;
		bool again;
	} rows[] = {
		{ "GET", 500, FETCH_OK, true },
		{ "GET", 503, FETCH_OK, true },
		{ "GET", 0, FETCH_RESET, true },
		{ "GET", 0, FETCH_FIRST_BYTE_SLOW, true },
		{ "HEAD", 500, FETCH_OK, true },
		{ "POST", 429, FETCH_OK, true },
		{ "POST", 503, FETCH_OK, true },
		{ "POST", 0, FETCH_CONNECT, true },
		{ "POST", 0, FETCH_DNS, true },
		{ "POST", 0, FETCH_TLS, true },
		{ "POST", 0, FETCH_CONNECT_SLOW, true },
		{ "POST", 500, FETCH_OK, false },
		{ "POST", 502, FETCH_OK, false },
		{ "POST", 504, FETCH_OK, false },
		{ "POST", 499, FETCH_OK, false },
		{ "POST", 0, FETCH_RESET, false },
		{ "POST", 0, FETCH_FIRST_BYTE_SLOW, false },
		{ "POST", 400, FETCH_OK, false },
		{ "DELETE", 500, FETCH_OK, false },
		{ "DELETE", 503, FETCH_OK, true },
		{ "PATCH", 0, FETCH_CUT, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world *w = *state;

		w->order.method = rows[i].method;
		start(w);
		if (rows[i].status) {
			wire_written();
			wire_head(rows[i].status, "application/json");
			wire_says(rows[i].status == 503 ? ERROR("UNAVAILABLE") : ERROR("X"));
		}
		ends(w, rows[i].result);
		if ((wires == 2) != rows[i].again)
			print_message("row %zu\n", i);
		assert_int_equal(wires, rows[i].again ? 2 : 1);
		assert_int_equal(w->failed, rows[i].again ? 0 : 1);
		begin_anew(state);
	}
}

/* The rows that allow it, and the pauses, are those of all requests. */
static void
a_read_is_repeated_with_the_only_credential_after_a_pause(void **state)
{
	struct world *w = *state;

	lender.ids[1] = NULL;
	start(w);
	answers(w, 500, ERROR("INTERNAL"));
	assert_null(wire);
	assert_in_range(clockwork_next_ms(&w->loop), 250, 750);
	clockwork_pass(&w->loop, 750);
	answers(w, 500, ERROR("INTERNAL"));
	assert_int_equal(w->failed, 1);
	assert_int_equal(wires, 2);
	assert_string_equal(buf_text(&w->tried), "a:server-error a:server-error ");
}

static void
an_attempt_with_another_credential_begins_anew(void **state)
{
	struct world *w = *state;

	start(w);
	answers(w, 503, ERROR("UNAVAILABLE"));
	assert_int_equal(wires, 2);
	answers(w, 200, "fine");
	assert_string_equal(w->served_by, "b");
	assert_string_equal(buf_text(&w->data), "fine");
	assert_int_equal(w->done, 1);
	assert_string_equal(buf_text(&w->tried), "a:overloaded b:ok ");
}

static void
a_body_of_one_piece_is_sent_again_whole(void **state)
{
	struct world *w = *state;

	post(w, "/v1beta/models/gemini-x:generateContent");
	start(w);
	assert_int_equal(wire->body.len, w->order.body.len);
	answers(w, 503, ERROR("UNAVAILABLE"));
	assert_int_equal(wires, 2);
	assert_int_equal(wire->body.len, w->order.body.len);
}

/* ---- bodies that stream ---- */

static void
a_streamed_body_waits_until_somebody_takes_it(void **state)
{
	struct world *w = *state;

	w->order.method = "POST";
	w->order.streams_body = true;
	lender.rests = true;
	lender.free_in_ms = 5000;
	start(w);
	assert_null(wire);
	assert_true(relay_send(w->relay, SPAN("early ")));
	lender.rests = false;
	clockwork_pass(&w->loop, 5000 + TRIES_LATE_MS);
	assert_string_equal(buf_text(&wire->body), "early ");
	relay_send(w->relay, SPAN("late"));
	relay_send_end(w->relay);
	assert_string_equal(buf_text(&wire->body), "early late");
	assert_true(wire->ended);
	answers(w, 200, "");
	assert_int_equal(w->done, 1);
}

static void
a_streamed_body_of_which_something_was_taken_is_not_sent_again(void **state)
{
	struct world *w = *state;

	w->order.method = "POST";
	w->order.streams_body = true;
	start(w);
	assert_int_equal(w->sent, 1); /* room */
	relay_send(w->relay, SPAN("some of it"));
	answers(w, 503, ERROR("UNAVAILABLE"));
	assert_int_equal(wires, 1);
	assert_int_equal(w->failed, 1);
}

static void
a_streamed_body_of_which_nothing_was_taken_is_sent_to_another(void **state)
{
	struct world *w = *state;

	w->order.method = "POST";
	w->order.streams_body = true;
	start(w);
	answers(w, 503, ERROR("UNAVAILABLE"));
	assert_int_equal(wires, 2);
	relay_send(w->relay, SPAN("all"));
	relay_send_end(w->relay);
	assert_string_equal(buf_text(&wire->body), "all");
}

/* ---- refusals ---- */

static void
a_refusal_that_does_not_end_is_judged_by_what_came(void **state)
{
	struct world *w = *state;

	lender.ids[1] = NULL;
	w->order.method = "DELETE";
	start(w);
	wire_written();
	wire_head(500, "text/html");
	clockwork_pass(&w->loop, LOAN_WORDS_MS - 1);
	assert_int_equal(w->failed, 0);
	clockwork_pass(&w->loop, 1);
	assert_int_equal(w->failed, 1);
	assert_int_equal(wires_cancelled, 1);
	assert_int_equal(w->heads, 0);
}

static void
a_refusal_of_any_length_is_read_up_to_a_bound(void **state)
{
	struct world *w = *state;
	char *words = mem_alloc(LOAN_WORDS_BYTES + 2);

	memset(words, 'x', LOAN_WORDS_BYTES + 1);
	w->order.method = "DELETE";
	start(w);
	wire_written();
	wire_head(500, "text/html");
	wire_says(words);
	clockwork_turn(&w->loop);
	assert_null(wire);
	assert_int_equal(w->failed, 1);
	mem_free(words);
}

/* Upstream was told how long the client waits, and kept to it. */
static void
a_time_out_that_the_client_wished_for_blames_no_one(void **state)
{
	struct world *w = *state;

	w->order.server_timeout_ms = 3000;
	start(w);
	assert_int_equal(wire->total_ms, 3000);
	answers(w, 504, ERROR("DEADLINE_EXCEEDED"));
	assert_int_equal(lender.verdict.outcome, OUTCOME_OUT_OF_TIME);
	assert_int_equal(w->failed, 1);
	assert_int_equal(wires, 1);
}

static void
a_model_that_took_too_long_by_itself_is_asked_of_one_other(void **state)
{
	struct world *w = *state;

	start(w);
	answers(w, 504, ERROR("DEADLINE_EXCEEDED"));
	assert_int_equal(wires, 2);
	answers(w, 504, ERROR("DEADLINE_EXCEEDED"));
	assert_int_equal(wires, 2);
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->err.kind, ERR_UPSTREAM_SLOW);
}

/* ---- going away ---- */

static void
a_client_that_left_is_asked_about_before_each_attempt(void **state)
{
	struct world *w = *state;

	start(w);
	w->gone = true;
	answers(w, 503, ERROR("UNAVAILABLE"));
	assert_int_equal(wires, 1);
	assert_int_equal(w->failed, 0);
}

static void
a_cancelled_relay_is_dropped_and_says_nothing_more(void **state)
{
	struct world *w = *state;

	start(w);
	relay_cancel(&w->relay);
	assert_null(w->relay);
	assert_int_equal(lender.verdict.outcome, OUTCOME_DROPPED);
	assert_int_equal(wires_cancelled, 1);
	clockwork_pass(&w->loop, 60000);
	assert_int_equal(w->heads + w->done + w->failed + w->broke, 0);
	relay_cancel(&w->relay); /* empty is fine */
}

static void
it_may_be_cancelled_at_its_head(void **state)
{
	struct world *w = *state;

	w->cancels = true;
	start(w);
	wire_written();
	wire_head(200, "text/plain");
	assert_null(wire);
	assert_int_equal(lender.verdict.outcome, OUTCOME_DROPPED);
}

static void
a_pause_holds_for_later_attempts(void **state)
{
	struct world *w = *state;

	start(w);
	relay_pause(w->relay);
	assert_true(wire->paused);
	answers(w, 503, ERROR("UNAVAILABLE"));
	assert_true(wire->paused);
	relay_resume(w->relay);
	assert_false(wire->paused);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(a_request_is_handed_on_and_its_answer_given_as_it_comes),
		CASE(an_answer_that_breaks_off_is_said_to),
		CASE(its_minute_begins_by_a_fresh_clock_when_it_was_written),
		CASE(what_a_model_is_asked_to_do_is_metered_but_for_counting),
		CASE(what_an_order_brings_for_the_choice_is_handed_on),
		CASE(tokens_are_estimated_where_they_are_limited),
		CASE(what_may_have_been_done_is_not_asked_again),
		CASE(a_read_is_repeated_with_the_only_credential_after_a_pause),
		CASE(an_attempt_with_another_credential_begins_anew),
		CASE(a_body_of_one_piece_is_sent_again_whole),
		CASE(a_streamed_body_waits_until_somebody_takes_it),
		CASE(a_streamed_body_of_which_something_was_taken_is_not_sent_again),
		CASE(a_streamed_body_of_which_nothing_was_taken_is_sent_to_another),
		CASE(a_refusal_that_does_not_end_is_judged_by_what_came),
		CASE(a_refusal_of_any_length_is_read_up_to_a_bound),
		CASE(a_time_out_that_the_client_wished_for_blames_no_one),
		CASE(a_model_that_took_too_long_by_itself_is_asked_of_one_other),
		CASE(a_client_that_left_is_asked_about_before_each_attempt),
		CASE(a_cancelled_relay_is_dropped_and_says_nothing_more),
		CASE(it_may_be_cancelled_at_its_head),
		CASE(a_pause_holds_for_later_attempts),
	};

	return cmocka_run_group_tests_name("upstream/relay", tests, NULL, NULL);
}
