/*
 * Requests of OpenAI's chat: whatever is accepted must be JSON for Gemini, whatever is refused
 * must be an error that OpenAI's clients can read.  The first four bytes are the operator's
 * choices, what the house knows, and what the model lacks; the rest is the body.
 */
#include <assert.h>
#include "base/scan.h"
#include "dialect/openai_chat.h"
#include "gemini/model.h"

#define HEAD 4

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct world {
	unsigned lacks;
	bool searches, remembers;
};

static bool
know_model(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	const struct world *w = ctx;

	(void)e;
	*out = (struct dialect_model){ .name = bare, .facts = model_facts(bare) };
	out->facts.lacks |= w->lacks;
	out->searches = w->searches;
	return true;
}

static bool
recall(void *ctx, struct span id, struct arena *arena, struct signed_call *out)
{
	const struct world *w = ctx;

	if (!w->remembers || id.len == 0)
		return false;
	*out = (struct signed_call){ .id = id,
		.upstream_id = arena_span(arena, SPAN("fc-1")),
		.name = SPAN("f"),
		.args = SPAN("{}"),
		.signature = (id.p[0] & 1) != 0 ? SPAN("QUJD") : SPAN_NONE,
		.step_index = (size_t)(unsigned char)id.p[0] % 4,
		.model = SPAN("gemini-3.5-flash") };
	return true;
}

static bool
recall_like(void *ctx, const struct signed_call *like, struct arena *arena, struct signed_call *out)
{
	return recall(ctx, like->name, arena, out);
}

/* Media that were fetched stand in their places. */
static void
fill_places(struct call *c)
{
	for (struct remote *r = c->remotes; r != NULL; r = r->next) {
		assert(r->field != NULL && r->place != NULL && r->place->len == 0);
		assert(r->url.len > 4 && span_is_nocase(span_mem(r->url.p, 4), "http"));
		*r->place = SPAN("{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}");
	}
}

static void
check_bodies(const struct call *c)
{
	struct buf first = BUF_INIT;

	assert(c->parts >= 1 && c->parts <= 8 && c->choices >= 1 && c->choices <= 8);
	assert(c->parts == 1 || c->choices == 1);
	body_flatten(&c->bodies[0], &first);
	assert(first.len == body_len(&c->bodies[0]));
	assert(scan_check(buf_span(&first), NULL, NULL));
	assert(span_starts(buf_span(&first), "{\"contents\":[{"));
	for (size_t i = 1; i < c->parts; i++)
		assert(c->bodies[i].pieces == c->bodies[0].pieces);
	buf_fini(&first);
}

/* They go into a header. */
static void
check_ignored(struct span ignored)
{
	assert(ignored.len < 4096);
	for (size_t i = 0; i < ignored.len; i++)
		assert(ignored.p[i] >= ' ' && ignored.p[i] <= '~');
}

static void
check(struct call *c, struct span body)
{
	struct buf url = BUF_INIT;

	assert(scan_check(body, NULL, NULL));
	assert(model_name_is_valid(c->model));
	assert(c->notes != NULL);
	fill_places(c);
	check_bodies(c);
	check_ignored(c->ignored);
	call_url(c, "https://gemini.example", &url);
	buf_fini(&url);
}

static void
check_refusal(const struct err *e)
{
	struct buf bytes = BUF_INIT;

	assert(e->kind == ERR_BAD_REQUEST || e->kind == ERR_MODEL_NOT_FOUND);
	assert(e->text[0] != '\0');
	dialect_openai_error(&bytes, e, NULL);
	assert(scan_check(buf_span(&bytes), NULL, NULL));
	buf_fini(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < HEAD)
		return 0;
	struct world w = { .lacks = (unsigned)(data[2] | data[3] << 8) & ((1u << LACK_COUNT) - 1),
		.searches = (data[1] & 1) != 0,
		.remembers = (data[1] & 2) != 0 };
	const struct dialect_options options = {
		.late_system = (data[0] & 1) != 0 ? LATE_SYSTEM_HOIST : LATE_SYSTEM_INLINE,
		.remote_media = (enum remote_media)((data[0] >> 1) % 3),
		.thoughts = (enum thoughts_shown)((data[0] >> 3) % 3),
		.safety_default = (enum safety_default)((data[0] >> 5) % 3),
		.drop_unknown_tools = (data[1] & 8) != 0,
	};
	const struct dialect_house house = {
		.ctx = &w, .model = know_model, .recall = recall, .recall_like = recall_like
	};
	const struct dialect_request req = { .op = OP_GENERATE,
		.body = span_mem(data + HEAD, len - HEAD),
		.options = &options,
		.house = (data[1] & 4) != 0 ? NULL : &house };
	struct arena *arena = arena_new(0);
	struct err e = ERR_INIT;
	struct call c;

	if (openai_chat_decode(&req, arena, &c, &e))
		check(&c, req.body);
	else
		check_refusal(&e);
	arena_free(&arena);
	return 0;
}
