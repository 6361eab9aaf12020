/*
 * All parts of a call as one answer: how many are asked at a time, whose chunk it is, what was used
 * in all, and how it ends.  The asks are played by the test.
 */
#include "tests/unit/unit.h"

#include "base/loop.h"
#include "base/mem.h"
#include "upstream/fan.h"

#define PARTS_MAX 32
#define WIDTH     8 /* asks at a time, as fan.c has it */

/* Stands in for upstream/ask.c: it does nothing of itself. */
struct ask {
	size_t part;
	struct ask_lend lend;
	struct ask_events events;
	void *ctx;
	bool paused;
	char label[16];
};

static struct ask *asks[PARTS_MAX]; /* by part; NULL: not started, ended or cancelled */
static size_t started, cancelled;

struct ask *
ask_start(struct upstream *up, const struct call *call, size_t part, const struct ask_lend *lend,
    struct arena *arena, const struct ask_events *events, void *ctx)
{
	struct ask *a = mem_alloc(sizeof(*a));

	assert_non_null(up);
	assert_non_null(arena);
	assert_in_range(part, 0, call->parts - 1);
	assert_null(asks[part]);
	*a = (struct ask){ .part = part, .lend = *lend, .events = *events, .ctx = ctx };
	snprintf(a->label, sizeof(a->label), "key-%zu", part);
	asks[part] = a;
	started++;
	return a;
}

const char *
ask_label(const struct ask *a)
{
	return a->label;
}

void
ask_pause(struct ask *a)
{
	a->paused = true;
}

void
ask_resume(struct ask *a)
{
	a->paused = false;
}

void
ask_cancel(struct ask **ap)
{
	if (!*ap)
		return;
	cancelled++;
	asks[(*ap)->part] = NULL;
	mem_free(*ap);
	*ap = NULL;
}

/* Whoever started the fan, and what it was told. */
struct caller {
	struct loop *loop;
	struct arena *arena;
	struct upstream up;
	struct call call;
	struct ask_lend lend;
	struct fan *fan;
	struct err err; /* what it failed with */
	size_t chunks, done, failed, mended, tried;
	size_t part, raw_bytes;
	int64_t indexes[4];
	size_t candidates;
	struct usage usage;
	bool cancels; /* at the next chunk */
	size_t split; /* a mend makes so many parts of it; 0: there is none */
};

static bool
on_gone(void *ctx)
{
	return ((struct caller *)ctx)->cancels;
}

static void
on_chunk(void *ctx, const struct chunk *k)
{
	struct caller *c = ctx;

	c->chunks++;
	c->part = k->part;
	c->usage = k->usage;
	c->candidates = k->candidate_count;
	for (size_t i = 0; i < k->candidate_count && i < COUNT(c->indexes); i++)
		c->indexes[i] = k->candidates[i].index;
	if (c->cancels)
		fan_cancel(&c->fan);
}

static bool
on_mend(void *ctx, const struct fault *f)
{
	struct caller *c = ctx;

	(void)f;
	if (c->split == 0)
		return false;
	c->mended++;
	c->call.parts = c->split;
	c->call.choices = 1;
	c->call.revision++;
	return true;
}

static void
on_done(void *ctx)
{
	struct caller *c = ctx;

	c->done++;
	fan_cancel(&c->fan); /* as one does who cleans up: nothing happens */
}

static void
on_failed(void *ctx, const struct err *e, const struct fault *f)
{
	struct caller *c = ctx;

	(void)f;
	c->failed++;
	c->err = *e;
	c->fan = NULL;
}

static void
on_tried(void *ctx, const char *label, const struct verdict *v)
{
	struct caller *c = ctx;

	(void)v;
	assert_string_equal(label, "key-0");
	c->tried++;
}

static void
on_raw(void *ctx, struct span bytes, struct span type)
{
	struct caller *c = ctx;

	assert_true(span_is(type, "text/plain"));
	c->raw_bytes += bytes.len;
}

static void
on_plain(void *ctx, struct buf *bytes, struct span type)
{
	on_raw(ctx, buf_span(bytes), type);
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
	struct caller *c = mem_alloc(sizeof(*c));

	c->loop = loop_new();
	c->arena = arena_new(0);
	c->up.loop = c->loop;
	started = cancelled = 0;
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	struct caller *c = *state;

	fan_cancel(&c->fan);
	loop_turn(c->loop, 0);
	for (size_t i = 0; i < PARTS_MAX; i++)
		assert_null(asks[i]);
	arena_free(&c->arena);
	loop_free(&c->loop);
	mem_free(c);
	return 0;
}

static void
start(struct caller *c, size_t parts, size_t choices, const struct ask_events *events)
{
	c->call = (struct call){ .op = OP_GENERATE, .parts = parts, .choices = choices };
	c->fan = fan_start(&c->up, &c->call, &c->lend, c->arena, events, c);
}

static size_t
under_way(void)
{
	size_t n = 0;

	for (size_t i = 0; i < PARTS_MAX; i++)
		n += asks[i] != NULL;
	return n;
}

static void
gives(size_t part, const char *json)
{
	struct arena *brief = arena_new(0);
	struct err e = ERR_INIT;
	struct chunk k;

	if (!chunk_parse(span_of(json), OP_GENERATE, brief, &k, &e))
		fail_msg("%s: %s", json, e.text);
	asks[part]->events.chunk(asks[part]->ctx, &k);
	arena_free(&brief);
}

static struct ask
take(size_t part)
{
	struct ask a = *asks[part];

	mem_free(asks[part]);
	asks[part] = NULL;
	return a;
}

static void
ends(size_t part)
{
	struct ask a = take(part);

	a.events.done(a.ctx);
}

static void
fails(size_t part, const struct err *e)
{
	struct ask a = take(part);

	a.events.failed(a.ctx, e, NULL);
}

/* ---- one part ---- */

static void
a_call_of_one_part_is_one_ask(void **state)
{
	struct caller *c = *state;

	start(c, 1, 2, &translated);
	assert_int_equal(started, 1);
	gives(0, "{\"candidates\":[{\"index\":1}],\"usageMetadata\":{\"promptTokenCount\":3}}");
	assert_int_equal(c->part, 0);
	assert_int_equal(c->indexes[0], 1);
	assert_int_equal(c->usage.prompt, 3);
	ends(0);
	assert_int_equal(c->done, 1);
	assert_int_equal(c->failed, 0);
}

static void
bytes_of_a_relayed_answer_are_handed_on(void **state)
{
	struct caller *c = *state;
	struct buf plain = BUF_INIT;

	start(c, 1, 1, &relayed);
	assert_null(asks[0]->events.mend);
	assert_null(asks[0]->events.tried);
	buf_add_lit(&plain, "abc");
	asks[0]->events.raw(asks[0]->ctx, SPAN("12345"), SPAN("text/plain"));
	asks[0]->events.plain(asks[0]->ctx, &plain, SPAN("text/plain"));
	assert_int_equal(c->raw_bytes, 8);
	ends(0);
	buf_fini(&plain);
}

static void
a_translated_answer_asks_for_no_bytes(void **state)
{
	struct caller *c = *state;

	start(c, 1, 1, &translated);
	assert_null(asks[0]->events.raw);
	assert_null(asks[0]->events.plain);
	assert_false(asks[0]->events.gone(asks[0]->ctx));
	asks[0]->events.tried(asks[0]->ctx, asks[0]->label, NULL);
	assert_int_equal(c->tried, 1);
}

static void
the_label_is_that_of_the_first_part(void **state)
{
	struct caller *c = *state;

	start(c, 3, 1, &translated);
	assert_string_equal(fan_label(c->fan), "key-0");
	ends(0);
	assert_string_equal(fan_label(c->fan), "");
}

/* ---- several ---- */

static void
only_some_are_asked_at_a_time(void **state)
{
	struct caller *c = *state;

	start(c, 20, 1, &translated);
	assert_int_equal(started, WIDTH);
	for (size_t ended = 0; ended < 20; ended++) {
		assert_int_equal(c->done, 0);
		assert_int_equal(under_way(), 20 - ended < WIDTH ? 20 - ended : WIDTH);
		ends(ended);
	}
	assert_int_equal(started, 20);
	assert_int_equal(c->done, 1);
}

/* Of one request: the same beginning, the same owner, one trace. */
static void
each_part_is_lent_for_alike(void **state)
{
	struct caller *c = *state;
	struct trace trace;

	c->lend = (struct ask_lend){ .affinity = 5, .owner = SPAN("owner"), .trace = &trace };
	start(c, WIDTH + 1, 1, &translated);
	c->lend = (struct ask_lend){ 0 }; /* it was copied */
	ends(0);
	for (size_t i = 1; i <= WIDTH; i++) {
		assert_int_equal(asks[i]->lend.affinity, 5);
		assert_true(span_is(asks[i]->lend.owner, "owner"));
		assert_ptr_equal(asks[i]->lend.trace, &trace);
	}
}

static void
parts_may_end_in_any_order(void **state)
{
	static const size_t order[] = { 2, 0, 3, 1 };
	struct caller *c = *state;

	start(c, 4, 1, &translated);
	for (size_t i = 0; i < COUNT(order); i++) {
		assert_int_equal(c->done, 0);
		gives(order[i], "{\"candidates\":[{\"finishReason\":\"STOP\"}]}");
		assert_int_equal(c->part, order[i]);
		ends(order[i]);
	}
	assert_int_equal(c->done, 1);
	assert_int_equal(c->chunks, 4);
}

static void
choices_are_numbered_over_all_parts(void **state)
{
	struct caller *c = *state;

	start(c, 3, 2, &translated);
	gives(2, "{\"candidates\":[{},{\"index\":1}]}");
	assert_int_equal(c->candidates, 2);
	assert_int_equal(c->indexes[0], 4);
	assert_int_equal(c->indexes[1], 5);
	gives(0, "{\"candidates\":[{\"index\":1}]}");
	assert_int_equal(c->indexes[0], 1);
}

/* Else it would speak in another part's place. */
static void
a_choice_that_was_not_asked_for_stays_in_its_part(void **state)
{
	static const char *const rows[] = { "2", "7", "-1", "9223372036854775807",
		"-9223372036854775808" };
	struct caller *c = *state;

	start(c, 3, 2, &translated);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char json[80];

		snprintf(json, sizeof(json), "{\"candidates\":[{\"index\":%s}]}", rows[i]);
		gives(1, json);
		assert_in_range(c->indexes[0], 2, 3);
	}
}

static void
a_chunk_without_candidates_is_given_too(void **state)
{
	struct caller *c = *state;

	start(c, 2, 1, &translated);
	gives(1, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}");
	assert_int_equal(c->chunks, 1);
	assert_int_equal(c->part, 1);
	assert_int_equal(c->candidates, 0);
}

/* ---- what was used ---- */

#define USED(prompt, answer)                                                                       \
	"{\"usageMetadata\":{\"promptTokenCount\":" prompt ",\"candidatesTokenCount\":" answer "}" \
	"}"

static void
usage_is_the_sum_over_all_parts(void **state)
{
	struct caller *c = *state;

	start(c, 2, 1, &translated);
	gives(0, USED("5", "10"));
	assert_int_equal(c->usage.prompt, 5);
	gives(1, USED("7", "1"));
	assert_int_equal(c->usage.prompt, 12);
	assert_int_equal(c->usage.candidates, 11);
	/* The last word of a part replaces what it said before. */
	gives(1, USED("7", "20"));
	assert_int_equal(c->usage.prompt, 12);
	assert_int_equal(c->usage.candidates, 30);
	gives(0, "{}");
	assert_int_equal(c->usage.candidates, 30);
}

static void
what_no_part_said_stays_unsaid(void **state)
{
	struct caller *c = *state;

	start(c, 2, 1, &translated);
	gives(0, USED("0", "0"));
	gives(1, "{}");
	assert_int_equal(c->usage.prompt, 0);
	assert_int_equal(c->usage.thoughts, -1);
	assert_int_equal(c->usage.total, -1);
}

static void
absurd_counters_do_not_overflow(void **state)
{
	struct caller *c = *state;

	start(c, 2, 1, &translated);
	gives(0, USED("9223372036854775807", "-5"));
	gives(1, USED("9223372036854775807", "1"));
	assert_true(c->usage.prompt == INT64_MAX);
	assert_int_equal(c->usage.candidates, 1);
}

/* ---- the end ---- */

static void
the_first_part_that_fails_ends_all(void **state)
{
	struct caller *c = *state;
	struct err e = ERR_INIT;

	err_set(&e, ERR_QUOTA, "all spent");
	start(c, 12, 1, &translated);
	ends(3);
	fails(5, &e);
	assert_int_equal(c->failed, 1);
	assert_int_equal(c->done, 0);
	assert_int_equal(c->err.kind, ERR_QUOTA);
	assert_string_equal(c->err.text, "all spent");
	assert_int_equal(under_way(), 0);
	assert_int_equal(cancelled, WIDTH - 1); /* one had ended, and another one begun for it */
}

static void
whoever_cancels_hears_nothing_more(void **state)
{
	struct caller *c = *state;

	start(c, 12, 1, &translated);
	fan_cancel(&c->fan);
	assert_null(c->fan);
	assert_int_equal(cancelled, WIDTH);
	assert_int_equal(under_way(), 0);
	loop_turn(c->loop, 0);
	assert_int_equal(c->done + c->failed, 0);
	fan_cancel(&c->fan); /* empty is fine */
}

static void
it_may_be_cancelled_out_of_a_chunk(void **state)
{
	struct caller *c = *state;

	start(c, 3, 1, &translated);
	c->cancels = true;
	assert_true(asks[1]->events.gone(asks[1]->ctx));
	gives(1, "{\"candidates\":[{}]}");
	assert_int_equal(under_way(), 0);
	assert_int_equal(c->chunks, 1);
}

/* ---- the pace ---- */

static void
a_pause_holds_all_parts_and_those_that_follow(void **state)
{
	struct caller *c = *state;

	start(c, 9, 1, &translated);
	fan_pause(c->fan);
	for (size_t i = 0; i < WIDTH; i++)
		assert_true(asks[i]->paused);
	ends(0);
	assert_true(asks[8]->paused);
	fan_resume(c->fan);
	for (size_t i = 1; i < 9; i++)
		assert_false(asks[i]->paused);
}

/* ---- what upstream refused ---- */

static const struct fault refusal = { .code = 400 };

static bool
is_mended(size_t part)
{
	return asks[part]->events.mend(asks[part]->ctx, &refusal);
}

static void
a_refusal_that_cannot_be_mended_starts_nothing(void **state)
{
	struct caller *c = *state;

	start(c, 1, 2, &translated);
	assert_false(is_mended(0));
	assert_int_equal(started, 1);
}

static void
a_mend_may_split_one_part_into_many(void **state)
{
	struct caller *c = *state;

	start(c, 1, 3, &translated);
	c->split = 3;
	assert_true(is_mended(0));
	assert_int_equal(started, 3);
	gives(0, "{\"candidates\":[{}]}");
	gives(2, "{\"candidates\":[{}]}");
	assert_int_equal(c->part, 2);
	assert_int_equal(c->indexes[0], 2);
	for (size_t i = 0; i < 3; i++)
		ends(i);
	assert_int_equal(c->done, 1);
}

/* Parts would get other numbers than the choices that were told already. */
/* The second of two prompts answered with three choices, as those of the first one's parts. */
static void
what_was_under_way_by_the_old_numbers_is_asked_anew(void **state)
{
	struct caller *c = *state;

	start(c, 2, 3, &translated);
	c->split = 6;
	assert_true(is_mended(0));
	assert_int_equal(cancelled, 1);
	assert_int_equal(started, 2 + 1 + 4);
	gives(1, "{\"candidates\":[{\"index\":0}]}");
	assert_int_equal(c->part, 1);
	assert_int_equal(c->indexes[0], 1);
	for (size_t i = 0; i < 6; i++)
		ends(i);
	assert_int_equal(c->done, 1);
}

static void
nothing_is_split_once_a_choice_was_told(void **state)
{
	struct caller *c = *state;

	start(c, 2, 2, &translated);
	c->split = 4;
	gives(0, "{\"candidates\":[{},{\"index\":1}]}");
	assert_false(is_mended(1));
	assert_int_equal(c->mended, 0);
	assert_int_equal(c->call.parts, 2);
}

static void
a_mend_without_a_split_may_come_late(void **state)
{
	struct caller *c = *state;

	start(c, 2, 1, &translated);
	c->split = 2;
	gives(0, "{\"candidates\":[{}]}");
	assert_true(is_mended(1));
	assert_int_equal(started, 2);
}

static void
all_parts_have_the_time_of_one_request(void **state)
{
	struct caller *c = *state;

	start(c, WIDTH + 1, 1, &translated);
	int64_t since_ms = asks[0]->lend.since_ms;

	assert_int_equal(since_ms, loop_now_ms(c->loop));
	ends(0);
	assert_int_equal(asks[WIDTH]->lend.since_ms, since_ms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(a_call_of_one_part_is_one_ask),
		CASE(bytes_of_a_relayed_answer_are_handed_on),
		CASE(a_translated_answer_asks_for_no_bytes),
		CASE(the_label_is_that_of_the_first_part),
		CASE(all_parts_have_the_time_of_one_request),
		CASE(only_some_are_asked_at_a_time),
		CASE(each_part_is_lent_for_alike),
		CASE(parts_may_end_in_any_order),
		CASE(choices_are_numbered_over_all_parts),
		CASE(a_choice_that_was_not_asked_for_stays_in_its_part),
		CASE(a_chunk_without_candidates_is_given_too),
		CASE(usage_is_the_sum_over_all_parts),
		CASE(what_no_part_said_stays_unsaid),
		CASE(absurd_counters_do_not_overflow),
		CASE(the_first_part_that_fails_ends_all),
		CASE(whoever_cancels_hears_nothing_more),
		CASE(it_may_be_cancelled_out_of_a_chunk),
		CASE(a_pause_holds_all_parts_and_those_that_follow),
		CASE(a_refusal_that_cannot_be_mended_starts_nothing),
		CASE(a_mend_may_split_one_part_into_many),
		CASE(what_was_under_way_by_the_old_numbers_is_asked_anew),
		CASE(nothing_is_split_once_a_choice_was_told),
		CASE(a_mend_without_a_split_may_come_late),
	};

	return cmocka_run_group_tests_name("upstream/fan", tests, NULL, NULL);
}
