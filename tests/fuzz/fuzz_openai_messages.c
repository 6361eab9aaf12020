/*
 * Messages of OpenAI's chat, told to a house that remembers some of their calls: whatever is
 * accepted must be contents that Gemini's rules allow, whatever is refused must name its place.
 * The first byte says which model is asked and what it lacks, the rest is the list of messages.
 */
#include <assert.h>
#include "base/scan.h"
#include "dialect/openai_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* By the sum of its letters a call is known or not, was signed or not, was the first or not. */
static bool
recall(void *ctx, struct span id, struct arena *arena, struct signed_call *out)
{
	unsigned sum = 0;

	(void)ctx;
	(void)arena;
	for (size_t i = 0; i < id.len; i++)
		sum = 31 * sum + (unsigned char)id.p[i];
	*out = (struct signed_call){ .id = id,
		.upstream_id = sum % 4 ? SPAN("u1") : SPAN("u2"),
		.signature = sum % 8 ? SPAN("QUJD") : SPAN_NONE,
		.step_index = sum % 3,
		.model = sum % 16 ? SPAN("gemini-3-flash") : SPAN("gemini-2.5-pro") };
	return sum % 2;
}

static struct dialect_model
choose_model(unsigned char choice)
{
	static const char *const names[] = { "gemini-3-flash", "gemini-2.5-flash", "gemma-3-27b",
		"gemini-3-pro-image" };
	struct dialect_model m = { .name = span_of(names[choice % 4]) };

	m.facts = model_facts(m.name);
	if (choice & 16)
		m.facts.lacks |= LACKS(SIGNATURES) | LACKS(MODEL_FIRST) | LACKS(MODEL_LAST);
	if (choice & 32)
		m.facts.lacks |= LACKS(SYSTEM);
	return m;
}

/* A content has parts, at least one; what stands in them is the client's. */
static void
check_content(struct scan *s)
{
	struct span key;
	size_t parts = 0;

	scan_object(s);
	while (scan_member(s, &key)) {
		if (!scan_key_is(key, "parts")) {
			scan_skip(s, NULL);
			continue;
		}
		for (scan_array(s); scan_item(s); parts++)
			scan_skip(s, NULL);
	}
	assert(parts > 0);
}

static void
check_contents(struct span json)
{
	struct scan s;
	struct span key;
	size_t contents = 0;

	scan_init(&s, json);
	scan_object(&s);
	while (scan_member(&s, &key)) {
		if (!scan_key_is(key, "contents")) {
			scan_skip(&s, NULL);
			continue;
		}
		for (scan_array(&s); scan_item(&s); contents++)
			check_content(&s);
	}
	assert(scan_end(&s));
	assert(contents > 0);
}

static void
check_body(struct turns *turns, const struct call *call, struct arena *arena)
{
	struct rope rope = ROPE_INIT;
	struct buf json = BUF_INIT;
	struct body body;

	buf_add_char(&rope.text, '{');
	turns_write(turns, &rope);
	buf_add_char(&rope.text, '}');
	body = rope_body(&rope, arena);
	for (const struct remote *r = call->remotes; r != NULL; r = r->next) {
		assert(r->place != NULL);
		*r->place = SPAN("{}");
	}
	body_flatten(&body, &json);
	assert(scan_check(buf_span(&json), NULL, NULL));
	check_contents(buf_span(&json));
	buf_fini(&json);
	rope_fini(&rope);
}

static void
read_messages(struct span raw, unsigned char choice)
{
	const struct dialect_house house = { .recall = recall };
	const struct dialect_request req = { .op = OP_GENERATE };
	const struct dialect_model model = choose_model(choice);
	struct arena *arena = arena_new(0);
	struct turns *turns =
	    turns_new(arena, &house, &model, choice & 64 ? LATE_SYSTEM_HOIST : LATE_SYSTEM_INLINE);
	struct call call = { 0 };
	struct err e = ERR_INIT;
	const char *resolution;

	if (openai_messages_read(raw, &req, arena, &call, &model, NULL, turns, &resolution, &e)) {
		check_body(turns, &call, arena);
	} else {
		assert(e.kind == ERR_BAD_REQUEST && e.text[0] != '\0');
		assert(span_starts(span_of(e.field), "messages"));
	}
	turns_free(&turns);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span raw = span_mem(data, len), key;
	struct buf request = BUF_INIT;
	struct scan s;

	if (len < 2)
		return 0;
	/* As in a request, which is scanned first: so the messages are not nested too deeply. */
	buf_add_lit(&request, "{\"messages\":");
	buf_add(&request, data + 1, len - 1);
	buf_add_char(&request, '}');
	scan_init(&s, buf_span(&request));
	if (scan_object(&s) && scan_member(&s, &key) && scan_skip(&s, &raw) &&
	    !scan_member(&s, &key) && scan_end(&s))
		read_messages(raw, data[0]);
	buf_fini(&request);
	return 0;
}
