/*
 * A walk over JSON in pieces: see outline.h.  Pure, runs in workers, owns nothing.
 *
 * Nearly all bytes of a body stand in strings, and their ends are found by memchr: of a quote only
 * the backslashes right before it have to be counted.
 */
#include "gemini/outline.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* What may come next. */
enum {
	EXPECTS_VALUE,
	EXPECTS_FIRST, /* an item or ']' */
	EXPECTS_FIRST_KEY,
	EXPECTS_KEY,
	EXPECTS_MORE, /* ',' or the end of what is open */
	EXPECTS_NOTHING,
	EXPECTS_NO_MORE /* a fault was met */
};

/* ---- bytes ---- */

/* An empty piece may have no address to count from. */
static void
enter_piece(struct outline *o)
{
	o->at = o->piece->p;
	o->end = o->piece->len > 0 ? o->at + o->piece->len : o->at;
}

void
outline_init(struct outline *o, const struct body *b)
{
	*o = (struct outline){ .expects = EXPECTS_VALUE };
	if (b->count == 0)
		return;
	o->piece = b->pieces;
	o->behind = b->pieces + b->count;
	enter_piece(o);
}

/* To the next piece that has bytes; false: there is none. */
static bool
turn_over(struct outline *o)
{
	while (o->at == o->end) {
		if (o->piece == o->behind || ++o->piece == o->behind)
			return false;
		enter_piece(o);
	}
	return true;
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int
peek_behind_blanks(struct outline *o)
{
	while (o->at < o->end || turn_over(o)) {
		if (!is_blank(*o->at))
			return (unsigned char)*o->at;
		o->at++;
	}
	return -1;
}

/* The next byte that is not white space, not taken; -1: there is none. */
static inline int
peek(struct outline *o)
{
	if (o->at < o->end && (unsigned char)*o->at > ' ')
		return (unsigned char)*o->at;
	return peek_behind_blanks(o);
}

static struct outline_text
text_here(const struct outline *o)
{
	return (struct outline_text){ o->piece, (size_t)(o->at - o->piece->p), 0 };
}

/* ---- strings and words ---- */

/* The first quote, or NULL.  Most strings are short: a call of memchr costs more than they do. */
static inline const char *
find_quote(const char *p, const char *end)
{
	for (int i = 0; i < 4 && end - p >= 8; i++, p += 8) {
		uint64_t w;

		memcpy(&w, p, sizeof(w));
		w = le64toh(w) ^ ONES * '"';
		w = (w - ONES) & ~w & HIGHS; /* the lowest bit stands for the first quote */
		if (w)
			return p + __builtin_ctzll(w) / 8;
	}
	return memchr(p, '"', (size_t)(end - p));
}

/* Whether an odd number of backslashes ends right before p, those at the end of what came before
 * this stretch included. */
static bool
is_escaped(const char *begin, const char *p, bool escaped_before)
{
	const char *q = p;

	while (q > begin && q[-1] == '\\')
		q--;
	return ((p - q) % 2 != 0) != (q == begin && escaped_before);
}

/* Behind the quote that ends the string in this piece; NULL: it goes on behind the piece. */
static const char *
string_end(const char *begin, const char *end, bool *escaped)
{
	const char *p = begin;

	for (;;) {
		const char *quote = find_quote(p, end);

		if (!quote) {
			*escaped = is_escaped(p, end, *escaped);
			return NULL;
		}
		bool is_text = is_escaped(p, quote, *escaped);

		*escaped = false;
		p = quote + 1;
		if (!is_text)
			return p;
	}
}

/* The string that begins at the quote ahead. */
static bool
take_string(struct outline *o)
{
	bool escaped = false;

	o->at++;
	o->text = text_here(o);
	while (turn_over(o)) {
		const char *end = string_end(o->at, o->end, &escaped);

		if (end) {
			o->text.len += (size_t)(end - o->at) - 1;
			o->at = end;
			return true;
		}
		o->text.len += (size_t)(o->end - o->at);
		o->at = o->end;
	}
	return false;
}

static bool
is_of_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
	       c == '.' || c == 'E';
}

static bool
take_word(struct outline *o)
{
	o->text = text_here(o);
	while (turn_over(o) && is_of_word(*o->at)) {
		o->at++;
		o->text.len++;
	}
	return o->text.len > 0;
}

struct span
outline_text_cut(struct outline_text *t)
{
	struct span part;

	while (t->len > 0 && t->at == t->piece->len) {
		t->piece++;
		t->at = 0;
	}
	if (t->len == 0)
		return SPAN_NONE;
	part = span_mem(t->piece->p + t->at, t->piece->len - t->at);
	if (part.len > t->len)
		part.len = t->len;
	t->at += part.len;
	t->len -= part.len;
	return part;
}

bool
outline_text_is(struct outline_text t, const char *wanted)
{
	size_t len = strlen(wanted);

	if (t.len != len)
		return false;
	for (struct span part; (part = outline_text_cut(&t)).len > 0; wanted += part.len)
		if (memcmp(part.p, wanted, part.len) != 0)
			return false;
	return true;
}

size_t
outline_text_copy(struct outline_text t, char *out, size_t room)
{
	size_t n = 0;

	for (struct span part; n < room && (part = outline_text_cut(&t)).len > 0;) {
		if (part.len > room - n)
			part.len = room - n;
		memcpy(out + n, part.p, part.len);
		n += part.len;
	}
	return n;
}

/* ---- keys ---- */

/* "inline_data" is "inlineData". */
static void
make_camel(struct outline *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->key_len; i++) {
		char c = o->key[i];
		char next = i + 1 < o->key_len ? o->key[i + 1] : '\0';

		if (c == '_' && n > 0 && next >= 'a' && next <= 'z') {
			c = (char)(next - 'a' + 'A');
			i++;
		}
		o->key[n++] = c;
	}
	o->key_len = n;
}

static bool
take_key(struct outline *o)
{
	if (peek(o) != '"' || !take_string(o))
		return false;
	o->key_len = o->text.len <= OUTLINE_KEY_MAX
			 ? outline_text_copy(o->text, o->key, OUTLINE_KEY_MAX)
			 : 0;
	if (memchr(o->key, '_', o->key_len))
		make_camel(o);
	if (peek(o) != ':')
		return false;
	o->at++;
	return true;
}

struct span
outline_key(const struct outline *o)
{
	return span_mem(o->key, o->key_len);
}

bool
outline_is_foreign(const struct outline *o)
{
	static const char *const names[] = { "args", "response", "functionDeclarations",
		"generationConfig" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(outline_key(o), names[i]))
			return true;
	return false;
}

/* ---- structure ---- */

static enum outline_token
fail(struct outline *o)
{
	o->expects = EXPECTS_NO_MORE;
	return OUTLINE_BAD;
}

static bool
is_in_object(const struct outline *o)
{
	unsigned d = o->depth - 1;

	return o->objects[d / 64] >> d % 64 & 1;
}

static void
value_is_over(struct outline *o)
{
	o->expects = o->depth > 0 ? EXPECTS_MORE : EXPECTS_NOTHING;
}

static enum outline_token
open_container(struct outline *o, bool is_object)
{
	uint64_t bit = UINT64_C(1) << o->depth % 64;

	if (o->depth == OUTLINE_DEPTH_MAX)
		return fail(o);
	if (is_object)
		o->objects[o->depth / 64] |= bit;
	else
		o->objects[o->depth / 64] &= ~bit;
	o->at++;
	o->depth++;
	o->expects = is_object ? EXPECTS_FIRST_KEY : EXPECTS_FIRST;
	return is_object ? OUTLINE_OBJECT : OUTLINE_ARRAY;
}

static enum outline_token
close_container(struct outline *o)
{
	o->at++;
	o->depth--;
	value_is_over(o);
	return OUTLINE_CLOSE;
}

static enum outline_token
take_value(struct outline *o, int c)
{
	bool is_string = c == '"';

	if (c == '{' || c == '[')
		return open_container(o, c == '{');
	if (c < 0 || !(is_string ? take_string(o) : take_word(o)))
		return fail(o);
	value_is_over(o);
	return is_string ? OUTLINE_STRING : OUTLINE_WORD;
}

static enum outline_token
next_key(struct outline *o)
{
	if (!take_key(o))
		return fail(o);
	o->expects = EXPECTS_VALUE;
	return OUTLINE_KEY;
}

/* Behind a value: the end of what is open, or a comma and what follows it. */
static enum outline_token
next_more(struct outline *o, int c)
{
	bool in_object = is_in_object(o);

	if (c == (in_object ? '}' : ']'))
		return close_container(o);
	if (c != ',')
		return fail(o);
	o->at++;
	return in_object ? next_key(o) : take_value(o, peek(o));
}

enum outline_token
outline_next(struct outline *o)
{
	int c = peek(o);

	switch (o->expects) {
	case EXPECTS_VALUE:
		return take_value(o, c);
	case EXPECTS_FIRST:
		return c == ']' ? close_container(o) : take_value(o, c);
	case EXPECTS_FIRST_KEY:
		return c == '}' ? close_container(o) : next_key(o);
	case EXPECTS_MORE:
		return next_more(o, c);
	case EXPECTS_NOTHING:
		return c < 0 ? OUTLINE_DONE : fail(o);
	default:
		return OUTLINE_BAD;
	}
}

/* ---- skipping ---- */

/* Behind the end of what is open, whether it is an object or an array. */
static bool
skip_levels(struct outline *o)
{
	size_t open = 1;

	while (o->at < o->end || turn_over(o)) {
		char c = *o->at;

		if (c == '"') {
			if (!take_string(o))
				return false;
			continue;
		}
		o->at++;
		if (c == '{' || c == '[')
			open++;
		else if ((c == '}' || c == ']') && --open == 0)
			return true;
	}
	return false;
}

bool
outline_skip(struct outline *o)
{
	int c = peek(o);

	if (o->expects != EXPECTS_VALUE)
		return false;
	if (c != '{' && c != '[')
		return take_value(o, c) != OUTLINE_BAD;
	o->at++;
	if (!skip_levels(o)) {
		fail(o);
		return false;
	}
	value_is_over(o);
	return true;
}

bool
outline_leave(struct outline *o)
{
	if (o->expects == EXPECTS_NO_MORE)
		return false;
	assert(o->depth > 0);
	if (!skip_levels(o)) {
		fail(o);
		return false;
	}
	o->depth--;
	value_is_over(o);
	return true;
}
