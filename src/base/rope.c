/*
 * Bytes in pieces: see rope.h.  Runs everywhere; owns its text and the list of what it borrows.
 */
#include "base/rope.h"

#include <assert.h>

size_t
body_len(const struct body *b)
{
	size_t len = 0;

	for (size_t i = 0; i < b->count; i++)
		len += b->pieces[i].len;
	return len;
}

struct body
body_of(struct arena *a, struct span bytes)
{
	struct span *piece = arena_alloc(a, sizeof(*piece));

	*piece = bytes;
	return (struct body){ piece, 1 };
}

void
body_flatten(const struct body *b, struct buf *out)
{
	buf_reserve(out, body_len(b));
	for (size_t i = 0; i < b->count; i++)
		buf_add_span(out, b->pieces[i]);
}

void
rope_fini(struct rope *r)
{
	buf_fini(&r->text);
	mem_free(r->insets);
	*r = ROPE_INIT;
}

void
rope_clear(struct rope *r)
{
	buf_clear(&r->text);
	r->count = 0;
}

static void
add_inset(struct rope *r, struct rope_inset inset)
{
	assert(r->count == 0 || r->insets[r->count - 1].at <= inset.at);
	if (r->count == r->room) {
		r->room = r->room > 0 ? 2 * r->room : 8;
		r->insets = mem_resize(r->insets, r->room * sizeof(*r->insets));
	}
	r->insets[r->count++] = inset;
}

void
rope_borrow(struct rope *r, struct span bytes)
{
	if (bytes.len < ROPE_BORROW_MIN)
		buf_add_span(&r->text, bytes);
	else
		add_inset(r, (struct rope_inset){ .at = r->text.len, .bytes = bytes });
}

void
rope_later(struct rope *r, struct span **place)
{
	add_inset(r, (struct rope_inset){ .at = r->text.len, .place = place });
}

void
rope_append(struct rope *into, const struct rope *from)
{
	size_t shift = into->text.len;

	buf_add_span(&into->text, buf_span(&from->text));
	for (size_t i = 0; i < from->count; i++) {
		struct rope_inset inset = from->insets[i];

		inset.at += shift;
		add_inset(into, inset);
	}
}

size_t
rope_len(const struct rope *r)
{
	size_t len = r->text.len;

	for (size_t i = 0; i < r->count; i++)
		len += r->insets[i].bytes.len;
	return len;
}

struct body
rope_body(const struct rope *r, struct arena *a)
{
	struct span text = arena_span(a, buf_span(&r->text));
	struct body b = { arena_alloc(a, (2 * r->count + 1) * sizeof(struct span)), 0 };
	size_t at = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct rope_inset *inset = &r->insets[i];

		if (inset->at > at)
			b.pieces[b.count++] = span_mem(text.p + at, inset->at - at);
		at = inset->at;
		if (inset->place != NULL)
			*inset->place = &b.pieces[b.count];
		b.pieces[b.count++] = inset->bytes;
	}
	if (text.len > at || b.count == 0)
		b.pieces[b.count++] = span_mem(text.p + at, text.len - at);
	return b;
}
