/*
 * One try: what becomes of the lease, of the bytes, and what its end is called.  Loop, pool and
 * fetches are played by the test.
 */
#include "tests/unit/unit.h"

#include "base/mem.h"
#include "upstream/attempt.h"
#include "upstream/loan.h"

#include "tests/unit/upstream/clockwork.h"
#include "tests/unit/upstream/lender.h"
#include "tests/unit/upstream/wire.h"

#define TEXT(words)                                                                                \
	"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" words "\"}]},\"finishReason\":"   \
	"\"STOP\"}]"
#define USED(prompt) ",\"usageMetadata\":{\"promptTokenCount\":" prompt "}}"
#define SPENT(id, value, more)                                                                     \
	"{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota.\",\"status\":"    \
	"\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc."         \
	"QuotaFailure\",\"violations\":[{\"quotaId\":\"" id "\",\"quotaValue\":\"" value           \
	"\"}]}" more "]}}"
#define MINUTE_TOKENS "GenerateContentInputTokensPerModelPerMinute-FreeTier"

struct world {
	struct loop loop;
	struct config config;
	struct board_slot slot;
	struct upstream up;
	struct arena *arena;
	struct call call;
	struct span piece;
	struct body body;
	struct attempt *attempt;
	struct attempt_limits limits;
	size_t chunks, raws, plains, ends;
	struct verdict verdict;
	const struct fault *fault;
	bool cancels; /* at the next chunk, raw or plain */
};

static bool
on_chunk(void *ctx, const struct chunk *k)
{
	struct world *w = ctx;

	assert_non_null(k->raw.p);
	w->chunks++;
	if (w->cancels)
		attempt_cancel(&w->attempt);
	return !w->cancels;
}

static void
on_raw(void *ctx, struct span bytes)
{
	struct world *w = ctx;

	assert_true(bytes.len > 0);
	w->raws++;
	if (w->cancels)
		attempt_cancel(&w->attempt);
}

static void
on_plain(void *ctx, struct buf *bytes)
{
	struct world *w = ctx;

	assert_true(bytes->len > 0);
	w->plains++;
	if (w->cancels)
		attempt_cancel(&w->attempt);
}

static void
on_end(void *ctx, const struct verdict *v, const struct fault *f)
{
	struct world *w = ctx;

	assert_int_equal(lender.settled, 1); /* before anybody hears of it */
	w->ends++;
	w->verdict = *v;
	w->fault = f;
	w->attempt = NULL;
}

static const struct attempt_events translated = { .chunk = on_chunk, .end = on_end };
static const struct attempt_events relayed = {
	.chunk = on_chunk, .raw = on_raw, .plain = on_plain, .end = on_end
};

static int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	clockwork_begin(&w->loop);
	clockwork = &w->loop;
	lender = (struct lender){ .ids = { "cred-a" } };
	wires = wires_cancelled = 0;
	w->config.upstream_gemini_url = "http://upstream.test";
	w->arena = arena_new(0);
	w->up = (struct upstream){ .loop = &w->loop,
		.estimates = estimates_new(),
		.config = &w->config,
		.slot = &w->slot };
	w->piece = SPAN("{\"contents\":[{\"parts\":[{\"text\":\"how many words is this\"}]}]}");
	w->body = (struct body){ &w->piece, 1 };
	w->call = (struct call){ .op = OP_GENERATE,
		.model = SPAN("gemini-x"),
		.bodies = &w->body,
		.parts = 1,
		.choices = 1 };
	w->limits = (struct attempt_limits){ .total_timeout_ms = 60000, .answer_bytes = 1 << 20 };
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	attempt_cancel(&w->attempt);
	clockwork_turn(&w->loop);
	assert_null(wire);
	assert_int_equal(w->loop.timer_count, 0);
	assert_int_equal(lender.lent, lender.settled);
	assert_int_equal(w->slot.counts[BOARD_FETCHES], 0);
	estimates_free(&w->up.estimates);
	arena_free(&w->arena);
	mem_free(w);
	clockwork = NULL;
	return 0;
}

static void
start(struct world *w, const struct attempt_events *events)
{
	struct wish wish = { .model = w->call.model };
	struct lease lease;
	int64_t free_in_ms;
	struct err e = ERR_INIT;

	assert_true(pool_lend(NULL, &wish, loop_moment(&w->loop), &lease, &free_in_ms, &e));
	w->attempt = attempt_start(&w->up, &lease, &w->call, 0, &w->limits, w->arena, events, w);
	assert_string_equal(lease.id, ""); /* taken over */
	assert_int_equal(w->slot.counts[BOARD_FETCHES], 1);
}

/* ---- the lease ---- */

static void
it_is_sent_with_the_secret_that_was_lent(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	assert_string_equal(wire->key, "x-goog-api-key: a-secret");
	assert_string_equal(
	    wire->url, "http://upstream.test/v1beta/models/gemini-x:generateContent");
	assert_string_equal(wire->method, "POST");
	assert_string_equal(buf_text(&wire->body), w->piece.p);
	assert_int_equal(wire->total_ms, 60000);
}

/* A minute must not begin when the turn did: the request was written later. */
static void
its_minute_begins_by_a_fresh_clock_when_it_was_written(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	assert_int_equal(lender.written, 0);
	clockwork_pass(&w->loop, 300);
	wire_written();
	assert_int_equal(lender.written, 1);
	assert_int_equal(lender.written_at.ms, w->loop.now_ms + w->loop.late_ms);
	assert_int_equal(lender.written_at.wall_ms, loop_wall_ms(&w->loop) + w->loop.late_ms);
	wire_head(200, "application/json");
	assert_int_equal(lender.written, 1);
}

static void
what_is_sent_again_is_written_again(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	wire_written();
	clockwork_pass(&w->loop, 20);
	wire_written();
	assert_int_equal(lender.written, 2);
	assert_int_equal(lender.written_at.ms, w->loop.now_ms + w->loop.late_ms);
}

static void
an_answer_before_all_was_written_begins_the_minute(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	wire_head(413, "application/json");
	assert_int_equal(lender.written, 1);
	wire_ends(FETCH_OK);
	assert_int_equal(w->verdict.outcome, OUTCOME_REFUSED);
}

static void
what_never_went_out_is_never_written(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	wire_ends(FETCH_CONNECT);
	assert_int_equal(w->verdict.outcome, OUTCOME_UNREACHABLE);
	assert_int_equal(lender.written, 0);
	assert_int_equal(lender.end.http_status, 0);
	assert_int_equal(lender.end.first_byte_ms, -1);
}

static void
its_times_and_status_are_settled_with_it(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	clockwork_pass(&w->loop, 100);
	wire_written();
	clockwork_pass(&w->loop, 400);
	wire_head(200, "application/json");
	clockwork_pass(&w->loop, 1000);
	wire_says(TEXT("yes") "}");
	wire_ends(FETCH_OK);
	assert_int_equal(w->verdict.outcome, OUTCOME_OK);
	assert_int_equal(lender.verdict.outcome, OUTCOME_OK);
	assert_int_equal(lender.end.http_status, 200);
	assert_int_equal(lender.end.first_byte_ms, 500);
	assert_int_equal(lender.end.total_ms, 1500);
	assert_string_equal(lender.settled_id, "cred-a");
}

static void
an_attempt_given_up_is_dropped_and_blames_no_one(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	wire_written();
	attempt_cancel(&w->attempt);
	assert_null(w->attempt);
	assert_int_equal(wires_cancelled, 1);
	assert_int_equal(lender.verdict.outcome, OUTCOME_DROPPED);
	clockwork_turn(&w->loop);
	assert_int_equal(w->ends, 0);
	attempt_cancel(&w->attempt); /* empty is fine */
}

/* ---- tokens ---- */

static void
the_tokens_that_upstream_counted_are_settled(void **state)
{
	static const struct {
		const char *usage;
		int64_t tokens;
	} rows[] = {
		{ "}", -1 },
		{ ",\"usageMetadata\":{\"promptTokenCount\":12}}", 12 },
		{ ",\"usageMetadata\":{\"promptTokenCount\":0}}", 0 },
		{ ",\"usageMetadata\":{\"promptTokenCount\":12,\"toolUsePromptTokenCount\":30}}",
		    42 },
		{ ",\"usageMetadata\":{\"toolUsePromptTokenCount\":30}}", -1 },
		{ ",\"usageMetadata\":{\"promptTokenCount\":12,\"cachedContentTokenCount\":9}}",
		    12 },
	};
	struct world *w = *state;
	char body[512];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(body, sizeof(body), "%s%s", TEXT("yes"), rows[i].usage);
		lender.settled = lender.lent = 0;
		start(w, &translated);
		wire_answers(200, body);
		assert_int_equal(w->verdict.outcome, OUTCOME_OK);
		assert_int_equal(lender.end.prompt_tokens, rows[i].tokens);
	}
}

static void
of_a_stream_what_was_said_last_counts(void **state)
{
	struct world *w = *state;

	w->call.op = OP_STREAM;
	w->call.framing = FRAMING_SSE;
	start(w, &translated);
	wire_written();
	wire_head(200, "text/event-stream");
	wire_says("data: " TEXT("a") USED("5") "\n\n");
	wire_says("data: " TEXT("b") USED("8") "\n\n");
	wire_says("data: " TEXT("c") "}\n\n");
	wire_ends(FETCH_OK);
	assert_int_equal(lender.end.prompt_tokens, 8);
}

static void
what_was_counted_is_settled_though_the_client_left(void **state)
{
	struct world *w = *state;

	w->call.op = OP_STREAM;
	w->call.framing = FRAMING_SSE;
	start(w, &translated);
	wire_written();
	wire_head(200, "text/event-stream");
	wire_says("data: " TEXT("a") USED("5") "\n\n");
	attempt_cancel(&w->attempt);
	assert_int_equal(lender.verdict.outcome, OUTCOME_DROPPED);
	assert_int_equal(lender.end.prompt_tokens, 5);
}

static uint64_t
estimate(struct world *w)
{
	return estimate_tokens(w->up.estimates, w->call.model, &w->body);
}

static void
the_estimate_learns_where_tokens_are_limited(void **state)
{
	struct world *w = *state;
	uint64_t before = estimate(w);

	start(w, &translated);
	wire_answers(200, TEXT("yes") USED("60"));
	assert_int_equal(estimate(w), before);
	lender = (struct lender){ .ids = { "cred-a" }, .counts_tokens = true };
	for (int i = 0; i < 20; i++) {
		lender.settled = lender.lent = 0;
		start(w, &translated);
		wire_answers(200, TEXT("yes") USED("60"));
	}
	assert_true(estimate(w) > before);
}

/* A cache's tokens are not those of the bytes that were sent. */
static void
the_estimate_does_not_learn_from_what_caches_added(void **state)
{
	struct world *w = *state;
	uint64_t before = estimate(w);

	lender.counts_tokens = true;
	start(w, &translated);
	wire_answers(200,
	    TEXT("yes") ",\"usageMetadata\":{\"promptTokenCount\":9000,\"cachedContentTokenCount\":"
			"8900}}");
	assert_int_equal(estimate(w), before);
}

/* Row 20: it would be refused by any credential with that limit, now and in a minute. */
static void
a_prompt_larger_than_a_minutes_tokens_freezes_nobody(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	wire_answers(429, SPENT(MINUTE_TOKENS, "5", ""));
	assert_int_equal(w->verdict.outcome, OUTCOME_TOO_MANY_TOKENS);
	assert_int_equal(w->verdict.freeze, FREEZE_NONE);
	assert_int_equal(lender.verdict.outcome, OUTCOME_TOO_MANY_TOKENS);
}

static void
a_minutes_tokens_that_others_used_freeze_it(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	wire_answers(429, SPENT(MINUTE_TOKENS, "250000", ""));
	assert_int_equal(w->verdict.outcome, OUTCOME_QUOTA_MINUTE);
	assert_int_equal(w->verdict.freeze, FREEZE_QUOTA);
	assert_int_equal(w->verdict.limit_tpm, 250000);
}

/* ---- answers and ends ---- */

static void
a_refusal_gives_its_words_with_the_verdict(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	wire_written();
	wire_head(400, "application/json");
	wire_says("{\"error\":{\"code\":400,\"message\":\"API key not ");
	wire_says("valid. Please pass a valid API key.\",\"status\":\"INVALID_ARGUMENT\"}}");
	assert_int_equal(w->ends, 0);
	wire_ends(FETCH_OK);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->verdict.outcome, OUTCOME_KEY_INVALID);
	assert_non_null(w->fault);
	assert_int_equal(w->chunks, 0);
}

static void
a_refusal_that_does_not_end_is_judged_by_what_came(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	wire_written();
	wire_head(503, "application/json");
	clockwork_pass(&w->loop, LOAN_WORDS_MS - 1);
	assert_int_equal(w->ends, 0);
	clockwork_pass(&w->loop, 1);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->verdict.outcome, OUTCOME_SERVER_ERROR); /* not in Google's words */
	assert_int_equal(wires_cancelled, 1);
}

static void
a_refusal_without_an_end_to_its_bytes_is_not_read_on(void **state)
{
	struct world *w = *state;
	char *words = mem_alloc(100001);

	memset(words, 'x', 100000);
	start(w, &translated);
	wire_written();
	wire_head(500, "text/html");
	for (int i = 0; i < 3 && wire; i++)
		wire_says(words);
	assert_null(wire);
	assert_int_equal(w->verdict.outcome, OUTCOME_SERVER_ERROR);
	mem_free(words);
}

static void
how_it_ended_has_a_name(void **state)
{
	static const struct {
		int status; /* 0: no head */
		const char *says;
		enum fetch_result result;
		enum outcome outcome;
		bool same; /* may be asked again */
	} rows[] = {
		{ 0, NULL, FETCH_DNS, OUTCOME_UNREACHABLE, true },
		{ 0, NULL, FETCH_RESET, OUTCOME_UNREACHABLE, true },
		{ 0, NULL, FETCH_FIRST_BYTE_SLOW, OUTCOME_SILENT, false },
		{ 0, NULL, FETCH_TOTAL_SLOW, OUTCOME_OUT_OF_TIME, false },
		{ 0, NULL, FETCH_REFUSED, OUTCOME_REFUSED, false },
		{ 200, NULL, FETCH_OK, OUTCOME_GARBLED, true },
		{ 200, "not json", FETCH_OK, OUTCOME_GARBLED, true },
		{ 200, "{}", FETCH_OK, OUTCOME_EMPTY, true },
		{ 200, "{\"candidates\":[]}", FETCH_OK, OUTCOME_EMPTY, true },
		{ 200, "{\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}",
		    FETCH_OK, OUTCOME_EMPTY, true },
		{ 200, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}", FETCH_OK, OUTCOME_OK,
		    false },
		{ 200, TEXT("half"), FETCH_CUT, OUTCOME_GARBLED, true },
		{ 200, TEXT("half"), FETCH_IDLE, OUTCOME_SILENT, false },
		{ 204, NULL, FETCH_OK, OUTCOME_GARBLED, true },
		{ 302, NULL, FETCH_OK, OUTCOME_SERVER_ERROR, true },
		{ 404,
		    "{\"error\":{\"code\":404,\"message\":\"models/x is not found for API "
		    "version v1beta\",\"status\":\"NOT_FOUND\"}}",
		    FETCH_OK, OUTCOME_MODEL_UNKNOWN, false },
		{ 499, "{\"error\":{\"code\":499,\"status\":\"CANCELLED\"}}", FETCH_OK,
		    OUTCOME_CANCELLED, true },
		{ 503, "{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}", FETCH_OK,
		    OUTCOME_OVERLOADED, true },
		{ 503, "{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}", FETCH_CUT,
		    OUTCOME_OVERLOADED, true },
		{ 504, "{\"error\":{\"code\":504,\"status\":\"DEADLINE_EXCEEDED\"}}", FETCH_OK,
		    OUTCOME_TIMED_OUT, false },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		lender.settled = lender.lent = 0;
		w->ends = 0;
		start(w, &translated);
		if (rows[i].status)
			wire_written();
		if (rows[i].status)
			wire_head(rows[i].status, "application/json");
		if (rows[i].says)
			wire_says(rows[i].says);
		if (wire)
			wire_ends(rows[i].result);
		if (w->verdict.outcome != rows[i].outcome)
			print_message("row %zu: %s\n", i, outcome_name(w->verdict.outcome));
		assert_int_equal(w->ends, 1);
		assert_int_equal(w->verdict.outcome, rows[i].outcome);
		assert_int_equal(w->verdict.try_same, rows[i].same);
		assert_int_equal(lender.verdict.outcome, rows[i].outcome);
		assert_int_equal(lender.end.http_status, rows[i].status);
	}
}

/* Row 31: nothing is tried again, but its freeze holds. */
static void
an_error_amid_a_stream_is_judged_like_any(void **state)
{
	struct world *w = *state;

	w->call.op = OP_STREAM;
	w->call.framing = FRAMING_SSE;
	start(w, &translated);
	wire_written();
	wire_head(200, "text/event-stream");
	wire_says("data: " TEXT("a") USED("5") "\n\n");
	wire_says("data: " SPENT("GenerateRequestsPerMinutePerProjectPerModel", "5", "") "\n\n");
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->chunks, 1);
	assert_int_equal(w->verdict.outcome, OUTCOME_QUOTA_MINUTE);
	assert_int_equal(w->verdict.freeze, FREEZE_QUOTA);
	assert_int_equal(lender.end.prompt_tokens, 5);
	assert_null(wire);
}

static void
what_breaks_once_something_was_said_has_broken_off(void **state)
{
	static const enum fetch_result results[] = { FETCH_CUT, FETCH_IDLE, FETCH_TOTAL_SLOW };
	struct world *w = *state;

	w->call.op = OP_STREAM;
	w->call.framing = FRAMING_SSE;
	for (size_t i = 0; i < COUNT(results); i++) {
		lender.settled = lender.lent = 0;
		start(w, &translated);
		wire_written();
		wire_head(200, "text/event-stream");
		wire_says("data: " TEXT("a") "}\n\n");
		wire_ends(results[i]);
		assert_int_equal(w->verdict.outcome, OUTCOME_BROKE_OFF);
		assert_false(w->verdict.try_other || w->verdict.try_same);
	}
}

/* ---- what is relayed ---- */

static void
bytes_are_relayed_chunk_by_chunk(void **state)
{
	struct world *w = *state;

	w->call.op = OP_STREAM;
	w->call.framing = FRAMING_SSE;
	start(w, &relayed);
	wire_written();
	wire_head(200, "text/event-stream");
	wire_says("data: {\"candidates\":[{\"content\":{\"parts\"");
	assert_int_equal(w->raws, 0);
	wire_says(":[{\"text\":\"a\"}]}}]}\n\n");
	assert_int_equal(w->raws, 1);
	assert_true(span_is(attempt_content_type(w->attempt), "text/event-stream"));
	wire_says("data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}\n\n");
	assert_int_equal(w->raws, 1);
	assert_int_equal(w->ends, 1);
}

static void
a_plain_answer_is_relayed_whole(void **state)
{
	struct world *w = *state;

	start(w, &relayed);
	wire_answers(200, TEXT("yes") "}");
	assert_int_equal(w->plains, 1);
	assert_int_equal(w->raws, 0);
	assert_int_equal(w->verdict.outcome, OUTCOME_OK);
}

static void
it_may_be_cancelled_out_of_any_event(void **state)
{
	struct world *w = *state;

	w->cancels = true;
	start(w, &translated);
	wire_written();
	wire_head(200, "application/json");
	wire_says(TEXT("yes") "}");
	if (wire)
		wire_ends(FETCH_OK);
	assert_null(w->attempt);
	lender.settled = lender.lent = 0;
	w->call.op = OP_STREAM;
	w->call.framing = FRAMING_SSE;
	start(w, &relayed);
	wire_written();
	wire_head(200, "text/event-stream");
	wire_says("data: " TEXT("a") "}\n\n");
	assert_null(w->attempt);
	assert_null(wire);
	assert_int_equal(w->ends, 0);
}

static void
a_pause_is_the_fetchs(void **state)
{
	struct world *w = *state;

	start(w, &translated);
	attempt_pause(w->attempt);
	assert_true(wire->paused);
	attempt_resume(w->attempt);
	assert_false(wire->paused);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(it_is_sent_with_the_secret_that_was_lent),
		CASE(its_minute_begins_by_a_fresh_clock_when_it_was_written),
		CASE(what_is_sent_again_is_written_again),
		CASE(an_answer_before_all_was_written_begins_the_minute),
		CASE(what_never_went_out_is_never_written),
		CASE(its_times_and_status_are_settled_with_it),
		CASE(an_attempt_given_up_is_dropped_and_blames_no_one),
		CASE(the_tokens_that_upstream_counted_are_settled),
		CASE(of_a_stream_what_was_said_last_counts),
		CASE(what_was_counted_is_settled_though_the_client_left),
		CASE(the_estimate_learns_where_tokens_are_limited),
		CASE(the_estimate_does_not_learn_from_what_caches_added),
		CASE(a_prompt_larger_than_a_minutes_tokens_freezes_nobody),
		CASE(a_minutes_tokens_that_others_used_freeze_it),
		CASE(a_refusal_gives_its_words_with_the_verdict),
		CASE(a_refusal_that_does_not_end_is_judged_by_what_came),
		CASE(a_refusal_without_an_end_to_its_bytes_is_not_read_on),
		CASE(how_it_ended_has_a_name),
		CASE(an_error_amid_a_stream_is_judged_like_any),
		CASE(what_breaks_once_something_was_said_has_broken_off),
		CASE(bytes_are_relayed_chunk_by_chunk),
		CASE(a_plain_answer_is_relayed_whole),
		CASE(it_may_be_cancelled_out_of_any_event),
		CASE(a_pause_is_the_fetchs),
	};

	return cmocka_run_group_tests_name("upstream/attempt", tests, NULL, NULL);
}
