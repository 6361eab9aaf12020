/*
 * Spans, buffers, numbers and codings.  Runs in every process, pure; a buffer owns its bytes
 * and nothing else here owns anything.
 */
#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"

#define BUF_LEAST_BYTES 64
#define NUMBER_LONGEST  255
#define NEAREST_LONGEST 63

/* ---- spans ---- */

struct span
span_of(const char *text)
{
	return text ? (struct span){ text, strlen(text) } : SPAN_NONE;
}

struct span
span_mem(const void *p, size_t len)
{
	return (struct span){ p, len };
}

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool
same_nocase(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return true;
}

bool
span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool
span_is(struct span s, const char *text)
{
	return span_eq(s, span_of(text));
}

bool
span_is_nocase(struct span s, const char *text)
{
	return s.len == strlen(text) && same_nocase(s.p, text, s.len);
}

bool
span_starts(struct span s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && (len == 0 || memcmp(s.p, prefix, len) == 0);
}

bool
span_ends(struct span s, const char *suffix)
{
	size_t len = strlen(suffix);

	return s.len >= len && (len == 0 || memcmp(s.p + s.len - len, suffix, len) == 0);
}

bool
span_has(struct span s, const char *needle)
{
	size_t len = strlen(needle);

	return len == 0 || (s.len >= len && memmem(s.p, s.len, needle, len));
}

bool
span_has_nocase(struct span s, const char *needle)
{
	size_t len = strlen(needle);

	if (len == 0)
		return true;
	for (size_t i = 0; i + len <= s.len; i++)
		if (same_nocase(s.p + i, needle, len))
			return true;
	return false;
}

static bool
is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span
span_trim(struct span s)
{
	while (s.len && is_white(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len && is_white(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct span
span_cut(struct span *rest, char sep)
{
	struct span part = *rest;
	const char *at = part.len ? memchr(part.p, sep, part.len) : NULL;

	if (!at) {
		*rest = SPAN_NONE;
		return part;
	}
	part.len = (size_t)(at - part.p);
	rest->p = at + 1;
	rest->len -= part.len + 1;
	return part;
}

/* ---- numbers ---- */

static size_t
count_digits(struct span s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

bool
span_int(struct span s, int64_t min, int64_t max, int64_t *out)
{
	bool minus = s.len && s.p[0] == '-';
	size_t at = minus ? 1 : 0;
	int64_t value = 0;

	if (at == s.len || count_digits(s, at) != s.len - at)
		return false;
	for (; at < s.len; at++) {
		int digit = s.p[at] - '0';

		/* Summed below zero where negative, as the least number has no counterpart. */
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, minus ? -digit : digit, &value))
			return false;
	}
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

/* Digits, perhaps a point with digits, perhaps an exponent: no hexadecimals, no "inf". */
static bool
is_decimal(struct span s)
{
	size_t at = s.len && s.p[0] == '-' ? 1 : 0;
	size_t n = count_digits(s, at);

	if (n == 0)
		return false;
	at += n;
	if (at < s.len && s.p[at] == '.') {
		n = count_digits(s, at + 1);
		if (n == 0)
			return false;
		at += 1 + n;
	}
	if (at < s.len && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		if (at < s.len && (s.p[at] == '+' || s.p[at] == '-'))
			at++;
		n = count_digits(s, at);
		if (n == 0)
			return false;
		at += n;
	}
	return at == s.len;
}

bool
span_double(struct span s, double *out)
{
	char text[NUMBER_LONGEST + 1];
	double value;

	if (s.len > NUMBER_LONGEST || !is_decimal(s))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	/* No process of ours calls setlocale, so the point is a point. */
	value = strtod(text, NULL);
	if (!isfinite(value))
		return false;
	*out = value;
	return true;
}

/* ---- buffers ---- */

void
buf_init(struct buf *b)
{
	*b = BUF_INIT;
}

void
buf_fini(struct buf *b)
{
	mem_free(b->data);
	*b = BUF_INIT;
}

void
buf_wipe(struct buf *b)
{
	if (b->data)
		mem_wipe(b->data, b->cap);
	buf_fini(b);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void
buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;

	if (__builtin_add_overflow(b->len, more, &need) || need >= SIZE_MAX / 2)
		mem_exhausted(more);
	need++; /* the NUL */
	if (need <= b->cap)
		return;
	cap = b->cap * 2 > need ? b->cap * 2 : need;
	if (cap < BUF_LEAST_BYTES)
		cap = BUF_LEAST_BYTES;
	b->data = mem_resize(b->data, cap);
	b->cap = cap;
	b->data[b->len] = '\0';
}

void
buf_add(struct buf *b, const void *p, size_t len)
{
	buf_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, p, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_add_span(struct buf *b, struct span s)
{
	buf_add(b, s.p, s.len);
}

void
buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_add_int(struct buf *b, int64_t value)
{
	char digits[20];
	char *at = digits + sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--at = '-';
	buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int len;

	va_copy(again, ap);
	buf_reserve(b, BUF_LEAST_BYTES - 1);
	room = b->cap - b->len;
	len = vsnprintf(b->data + b->len, room, fmt, ap);
	assert(len >= 0);
	if ((size_t)len >= room) {
		buf_reserve(b, (size_t)len);
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
	}
	va_end(again);
	b->len += (size_t)len;
}

void
buf_drop_front(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

const char *
buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

struct span
buf_span(const struct buf *b)
{
	return (struct span){ buf_text(b), b->len };
}

/* ---- codings ---- */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = fold(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
text_hex(char *out, const void *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = p;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

bool
text_unhex(struct span hex, void *out, size_t len)
{
	unsigned char *bytes = out;

	if (hex.len % 2 || hex.len / 2 != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_value(hex.p[2 * i]), low = hex_value(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* Takes one character, decoded, off the front of a text that is not empty. */
static char
percent_next(struct span *in, bool plus)
{
	char c = in->p[0];
	size_t used = 1;

	if (c == '+' && plus) {
		c = ' ';
	} else if (c == '%' && in->len >= 3) {
		int high = hex_value(in->p[1]), low = hex_value(in->p[2]);

		if (high >= 0 && low >= 0) {
			c = (char)(high << 4 | low);
			used = 3;
		}
	}
	in->p += used;
	in->len -= used;
	return c;
}

void
text_percent_decode(struct buf *out, struct span in, bool plus)
{
	buf_reserve(out, in.len);
	while (in.len)
		buf_add_char(out, percent_next(&in, plus));
}

static bool
is_unreserved(char c)
{
	return (fold(c) >= 'a' && fold(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

void
text_percent_encode(struct buf *out, struct span in)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_reserve(out, in.len);
	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.p[i];

		if (is_unreserved((char)c))
			buf_add_char(out, (char)c);
		else
			buf_add(out, (char[]){ '%', digits[c >> 4], digits[c & 15] }, 3);
	}
}

/* Names are compared decoded: who writes "k%65y" means "key" and must be taken at his word. */
static bool
is_name(struct span coded, const char *name)
{
	for (; coded.len && *name; name++)
		if (percent_next(&coded, true) != *name)
			return false;
	return coded.len == 0 && *name == '\0';
}

bool
text_query_get(struct span query, const char *name, struct span *value)
{
	while (query.p) {
		struct span rest = span_cut(&query, '&');
		struct span key = span_cut(&rest, '=');

		if (key.len == 0 || !is_name(key, name))
			continue;
		*value = rest.p ? rest : (struct span){ key.p + key.len, 0 };
		return true;
	}
	return false;
}

/* ---- what was meant ---- */

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[NEAREST_LONGEST + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t swap = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = least(swap, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_len];
}

const char *
text_nearest(const char *word, const char *const *names, size_t n)
{
	size_t len = strlen(word);
	size_t best = len / 3 + 2; /* one slip in a short word, more in a long one */
	const char *nearest = NULL;

	if (len > NEAREST_LONGEST)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t name_len = strlen(names[i]), d;

		if (name_len > NEAREST_LONGEST)
			continue;
		d = distance(word, len, names[i], name_len);
		if (d < best && d < name_len && d < len) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}
