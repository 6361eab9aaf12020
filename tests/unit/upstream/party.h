/*
 * Requests that are tried, with a real pool on a real board.  The loop is played, so time is the
 * test's; the attempts are made by the test.
 */
#ifndef POLLUX_TESTS_UPSTREAM_PARTY_H
#define POLLUX_TESTS_UPSTREAM_PARTY_H

#include "tests/unit/upstream/world.h"

#include "upstream/tries.h"

#include "tests/unit/upstream/clockwork.h"

#define MODEL    SPAN("gemini-2.5-flash")
#define KEYS_MAX 6
#define MANY     24

/* The tries of one request, and what came of them. */
struct party {
	struct scene *scene;
	struct tries tries;
	struct lease lease; /* of the attempt under way */
	struct buf asked;   /* labels in the order they were lent in: "a b " */
	int64_t asked_ms;   /* when the last was, on the loop's clock */
	int over, token_asks;
	uint64_t tokens;
	struct err err;
	const struct fault *fault;
	bool gone, ended;
};

struct scene {
	struct world *world;
	struct loop loop;
	struct config config;
	struct config_model models[1];
	struct board_slot slot;
	struct upstream up;
	struct arena *arena;
	char id[KEYS_MAX][CREDENTIAL_ID_LEN + 1];
	struct party parties[MANY];
	size_t party_count;
};

/* ---- the request ---- */

static inline bool
on_gone(void *ctx)
{
	struct party *p = ctx;

	return p->gone;
}

static inline uint64_t
on_tokens(void *ctx)
{
	struct party *p = ctx;

	p->token_asks++;
	return p->tokens;
}

static inline void
on_lent(void *ctx, struct lease *lease)
{
	struct party *p = ctx;

	assert_int_equal(p->over, 0);
	assert_string_equal(p->lease.id, ""); /* one at a time */
	assert_string_equal(p->tries.label, lease->label);
	p->lease = *lease;
	*lease = (struct lease){ 0 };
	p->asked_ms = p->scene->loop.now_ms;
	buf_printf(&p->asked, "%s ", p->lease.label);
}

static inline void
on_over(void *ctx, const struct err *e, const struct fault *f)
{
	struct party *p = ctx;

	assert_string_equal(p->lease.id, "");
	p->over++;
	p->err = *e;
	p->fault = f;
}

static inline struct party *
begin_as(struct scene *s, struct tries_order order)
{
	static const struct tries_events events = {
		.gone = on_gone, .tokens = on_tokens, .lent = on_lent, .over = on_over
	};
	struct party *p = &s->parties[s->party_count++];

	assert_in_range(s->party_count, 1, MANY);
	if (!order.model.p)
		order.model = MODEL;
	if (order.total_ms == 0)
		order.total_ms = 30 * MINUTE;
	*p = (struct party){ .scene = s, .err = ERR_INIT };
	tries_init(&p->tries, &s->up, &order, &events, p);
	tries_next(&p->tries);
	assert_int_equal(p->asked.len, 0); /* never from inside */
	return p;
}

static inline struct party *
begin(struct scene *s)
{
	struct party *p = begin_as(s, (struct tries_order){ .metered = true });

	clockwork_turn(&s->loop);
	return p;
}

/* ---- how attempts end ---- */

static inline void
settle(struct party *p, const struct verdict *v, int status)
{
	struct settlement end = { .verdict = v,
		.prompt_tokens = -1,
		.first_byte_ms = status ? 10 : -1,
		.total_ms = 20,
		.http_status = status };

	lease_written(p->scene->up.pool, &p->lease, loop_moment(&p->scene->loop));
	lease_settle(p->scene->up.pool, &p->lease, &end, loop_moment(&p->scene->loop));
}

static inline struct verdict
verdict_of(struct scene *s, int status, const char *body, const struct fault **out)
{
	struct fault *f = arena_alloc(s->arena, sizeof(*f));

	fault_parse(status, span_of(body), s->arena, f);
	if (out)
		*out = f;
	return outcome_of_fault(f, loop_wall_ms(&s->loop), 0);
}

/* In a way that the board does not hear of. */
static inline void
ends_quietly_with(struct party *p, const struct verdict *v)
{
	settle(p, &(struct verdict){ .outcome = OUTCOME_DROPPED }, 0);
	tries_ended(&p->tries, v, NULL, true);
	clockwork_turn(&p->scene->loop);
}

static inline void
is_refused(struct party *p, int status, const char *body)
{
	const struct fault *f;
	struct verdict v = verdict_of(p->scene, status, body, &f);

	settle(p, &v, status);
	tries_ended(&p->tries, &v, f, true);
	clockwork_turn(&p->scene->loop);
}

static inline void
is_answered(struct party *p)
{
	static const struct verdict ok = { .outcome = OUTCOME_OK };

	settle(p, &ok, 200);
	tries_fini(&p->tries);
	p->ended = true;
}

#define ERROR(status, words) "{\"error\":{\"status\":\"" status "\",\"message\":\"" words "\"}}"
#define FAILED               500, ERROR("INTERNAL", "An internal error has occurred.")
#define OVERLOADED           503, ERROR("UNAVAILABLE", "The model is overloaded.")
#define TOO_SLOW             504, ERROR("DEADLINE_EXCEEDED", "The request timed out.")
#define NO_MODEL             404, ERROR("NOT_FOUND", "models/x is not found for API version v1beta")
#define BAD_KEY              400, ERROR("INVALID_ARGUMENT", "API key not valid. Try another.")
#define BAD_REQUEST          400, ERROR("INVALID_ARGUMENT", "temperature must be in range")
#define VAGUE(words)         429, ERROR("RESOURCE_EXHAUSTED", "Resource has been exhausted. " words)
#define SPENT(id, more)                                                                            \
	429, "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"You exceeded your "      \
	     "current quota.\",\"details\":[{\"@type\":\"x/google.rpc.QuotaFailure\","             \
	     "\"violations\":[{\"quotaId\":\"" id "\",\"quotaValue\":\"5\"}]}" more "]}}"
#define MINUTE_OF(delay)                                                                           \
	SPENT("GenerateRequestsPerMinutePerProjectPerModel",                                       \
	    ",{\"@type\":\"x/google.rpc.RetryInfo\",\"retryDelay\":\"" delay "\"}")
#define DAY SPENT("GenerateRequestsPerDayPerProjectPerModel", "")

#define ASSERT_ASKED(p, labels) assert_string_equal(buf_text(&(p)->asked), labels)

/* ---- the scene ---- */

static inline void
open_pool(struct scene *s)
{
	struct pool_house house = { .store = s->world->store,
		.board = s->world->board,
		.config = &s->config,
		.slot = -1,
		.seed = 1 };

	s->up.pool = pool_new(&house);
}

/* As many credentials, "a" first. */
static inline void
add_keys(struct scene *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char label[] = { (char)('a' + i), '\0' }, secret[64];

		snprintf(secret, sizeof(secret), "AIza-%zu-aaaaaaaaaaaaaaaa", i);
		world_add(s->world, label, secret, true, T0 + (int64_t)i, s->id[i]);
	}
}

static inline int
setup(void **state)
{
	struct scene *s = mem_alloc(sizeof(*s));
	void *world;

	world_open(&world);
	s->world = world;
	clockwork_begin(&s->loop);
	clockwork = &s->loop;
	s->config = (struct config){ .pool_pick = "order",
		.pool_freeze_min_ms = SECOND,
		.pool_freeze_max_ms = 24 * 60 * MINUTE,
		.pool_margin_ms = 500,
		.upstream_max_attempts = 4,
		.queue_max_wait_ms = 30 * SECOND,
		.models = s->models };
	s->models[0] = (struct config_model){
		.name = "gemini-2.5-flash", .display_name = "", .alias = "", .enabled = true
	};
	s->up = (struct upstream){ .loop = &s->loop, .config = &s->config, .slot = &s->slot };
	s->arena = arena_new(0);
	*state = s;
	return 0;
}

/* Limits make the board know the model from the start. */
static inline struct scene *
with_keys_limited(void **state, size_t n, struct fitness_limits limits)
{
	struct scene *s = *state;

	add_keys(s, n);
	s->models[0].rpm = limits.rpm;
	s->models[0].tpm = limits.tpm;
	s->models[0].rpd = limits.rpd;
	s->config.model_count = 1;
	open_pool(s);
	return s;
}

static inline struct scene *
with_keys(void **state, size_t n)
{
	return with_keys_limited(state, n, (struct fitness_limits){ .rpm = 1000 });
}

static inline int
teardown(void **state)
{
	static const struct verdict dropped = { .outcome = OUTCOME_DROPPED };
	struct scene *s = *state;
	void *world = s->world;

	for (size_t i = 0; i < s->party_count; i++) {
		struct party *p = &s->parties[i];

		tries_fini(&p->tries);
		if (p->lease.id[0])
			settle(p, &dropped, 0);
		buf_fini(&p->asked);
	}
	assert_int_equal(s->loop.timer_count, 0);
	assert_int_equal(s->loop.deferred_count, 0);
	pool_free(&s->up.pool);
	arena_free(&s->arena);
	mem_free(s);
	clockwork = NULL;
	return world_close(&world);
}

/* Somebody else's request finds the first credential spent. */
static inline void
freeze_first(struct scene *s, int status, const char *body)
{
	struct party *other = begin(s);
	struct verdict v = verdict_of(s, status, body, NULL);

	settle(other, &v, status);
	tries_fini(&other->tries);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
