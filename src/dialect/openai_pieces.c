/*
 * What an answer keeps between its chunks: see openai_pieces.h.  Pure, runs in workers, owns
 * nothing: all of it lies in the arena that the caller gives.
 */
#include "dialect/openai_pieces.h"

#include <assert.h>
#include <string.h>
#include "base/scan.h"

#define KEPT_ROOM_MIN 64

/* ---- lists ---- */

void
openai_pieces_add(struct openai_pieces *list, struct arena *a, struct span json)
{
	struct openai_text *p = arena_alloc(a, sizeof(*p));

	p->json = arena_span(a, json);
	if (list->last != NULL)
		list->last->next = p;
	else
		list->first = p;
	list->last = p;
	list->count++;
}

void
openai_pieces_write(const struct openai_pieces *list, const char *between, struct buf *out)
{
	for (const struct openai_text *p = list->first; p != NULL; p = p->next) {
		if (p != list->first)
			buf_add_text(out, between);
		buf_add_span(out, p->json);
	}
}

/* ---- texts that change ---- */

void
openai_kept_set(struct openai_kept *k, struct arena *a, struct span s)
{
	k->len = 0;
	openai_kept_add(k, a, s);
}

void
openai_kept_add(struct openai_kept *k, struct arena *a, struct span s)
{
	char *roomy;

	if (k->p == NULL || s.len > k->room - k->len) {
		k->room = 2 * (k->len + s.len) + KEPT_ROOM_MIN;
		roomy = arena_alloc(a, k->room);
		if (k->len > 0)
			memcpy(roomy, k->p, k->len);
		k->p = roomy;
	}
	if (s.len > 0)
		memcpy(k->p + k->len, s.p, s.len);
	k->len += s.len;
}

struct span
openai_kept_span(const struct openai_kept *k)
{
	return span_mem(k->p, k->len);
}

/* ---- forms of JSON ---- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the string that begins at p. */
static const char *
string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	assert(p < end); /* json is valid */
	return p + 1;
}

void
openai_json_compact(struct buf *out, struct span json)
{
	const char *p = json.p, *end = p + json.len, *run = p;

	while (p < end) {
		if (*p == '"') {
			p = string_end(p, end);
		} else if (is_space(*p)) {
			buf_add(out, run, (size_t)(p - run));
			run = ++p;
		} else {
			p++;
		}
	}
	buf_add(out, run, (size_t)(end - run));
}

void
openai_json_quote(struct buf *out, struct span json)
{
	bool in_string = false;

	buf_add_char(out, '"');
	for (size_t i = 0; i < json.len; i++) {
		char c = json.p[i];

		if (!in_string && is_space(c))
			continue;
		if (c == '"' || c == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, c);
		if (c == '"')
			in_string = !in_string;
		if (c == '\\') { /* valid: something follows */
			c = json.p[++i];
			if (c == '"' || c == '\\')
				buf_add_char(out, '\\');
			buf_add_char(out, c);
		}
	}
	buf_add_char(out, '"');
}

void
openai_text_escape(struct buf *out, struct span plain)
{
	struct buf quoted = BUF_INIT;

	scan_quote(&quoted, plain);
	buf_add(out, quoted.data + 1, quoted.len - 2);
	buf_fini(&quoted);
}
