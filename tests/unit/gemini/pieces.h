/*
 * Bodies cut into pieces, for tests of what must not depend on it.
 */
#ifndef POLLUX_TESTS_GEMINI_PIECES_H
#define POLLUX_TESTS_GEMINI_PIECES_H

#include "base/mem.h"
#include "base/rope.h"
#include "base/text.h"

/* Pieces of so many bytes, the last one shorter, and an empty one before each. */
static inline struct body
pieces_of(struct arena *a, struct span text, size_t bytes)
{
	size_t most = 2 * (text.len / bytes + 1);
	struct body b = { arena_alloc(a, most * sizeof(*b.pieces)), 0 };

	while (text.len > 0) {
		size_t n = text.len < bytes ? text.len : bytes;

		b.pieces[b.count++] = SPAN_NONE;
		b.pieces[b.count++] = span_mem(text.p, n);
		text = span_mem(text.p + n, text.len - n);
	}
	return b;
}

#endif
