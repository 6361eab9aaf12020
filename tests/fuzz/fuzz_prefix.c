/*
 * How a prompt begins, of any bytes: where they are cut makes no difference, and what follows the
 * first turn none either.  The same walk finds what a body names and what it weighs.
 */
#include <assert.h>
#include <stdint.h>
#include "base/mem.h"
#include "gemini/prefix.h"
#include "memory/remote_name.h"
#include "upstream/estimate.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MODEL SPAN("gemini-x")

/* Pieces whose lengths the input itself decides. */
static struct body
cut(struct arena *a, struct span text)
{
	struct body b = { arena_alloc(a, (text.len + 1) * sizeof(*b.pieces)), 0 };

	while (text.len > 0) {
		size_t n = 1 + (unsigned char)text.p[0] % 37;

		if (n > text.len)
			n = text.len;
		b.pieces[b.count++] = span_mem(text.p, n);
		text = span_mem(text.p + n, text.len - n);
	}
	return b;
}

static void
check_names(const struct body *whole, const struct body *pieces)
{
	struct remote_names a, b;

	remote_names_init(&a);
	remote_names_init(&b);
	remote_names_of_body(&a, whole, SPAN("http://127.0.0.1:1"));
	remote_names_of_body(&b, pieces, SPAN("http://127.0.0.1:1"));
	assert(a.n == b.n);
	for (size_t i = 0; i < a.n; i++)
		assert(span_eq(a.names[i], b.names[i]) && remote_name_is_valid(a.names[i]));
}

static void
check_weight(const struct body *whole, const struct body *pieces)
{
	struct estimates *e = estimates_new();

	assert(estimate_tokens(e, MODEL, whole) == estimate_tokens(e, MODEL, pieces));
	estimate_learn(e, MODEL, pieces, 10);
	assert(estimate_tokens(e, MODEL, whole) >= 1);
	estimates_free(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct buf text = BUF_INIT;

	/* Blanks before it make it long enough. */
	buf_reserve(&text, size + PREFIX_BODY_MIN);
	while (text.len < PREFIX_BODY_MIN)
		buf_add_char(&text, ' ');
	buf_add(&text, data, size);
	struct body whole = body_of(a, buf_span(&text));
	struct body pieces = cut(a, buf_span(&text));

	assert(prefix_hash(MODEL, &whole) == prefix_hash(MODEL, &pieces));
	check_names(&whole, &pieces);
	check_weight(&whole, &pieces);
	buf_fini(&text);
	arena_free(&a);
	return 0;
}
