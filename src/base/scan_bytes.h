/*
 * What both halves of the scanner (scan.c, scan_text.c) ask of bytes: where plain text ends,
 * what a UTF-8 sequence is, what an escape says.  Private to them.
 */
#ifndef POLLUX_BASE_SCAN_BYTES_H
#define POLLUX_BASE_SCAN_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Eight bytes, the first one lowest, so that counting trailing zeros counts from the front. */
static inline uint64_t
word_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

/*
 * The tests of eight bytes at once, here and in scan.c: a borrow or carry can only come out
 * of a byte that is itself a hit, so the lowest hit is exact.  Those above it may be false and
 * are not looked at.
 */
static inline size_t
first_hit(uint64_t hits)
{
	return (size_t)__builtin_ctzll(hits) / 8;
}

static inline uint64_t
special_bytes(uint64_t w)
{
	/* A byte over 0x7F keeps its high bit in one of the differences at least. */
	return ((w - ONES * 0x20) | ((w ^ ONES * '"') - ONES) | ((w ^ ONES * '\\') - ONES)) & HIGHS;
}

static inline bool
is_special(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
}

static inline bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* Behind the bytes that mean themselves in a string: printable ASCII without '"' and '\'. */
static inline const char *
plain_run(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t hits = special_bytes(word_at(p));

		if (hits)
			return p + first_hit(hits);
	}
	while (p < end && !is_special((unsigned char)*p))
		p++;
	return p;
}

static inline bool
is_tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/*
 * Whether a UTF-8 sequence of two, three or four bytes stands at p (RFC 3629, 4).  Few branches
 * for the first two, which are most of the world's text.
 */
static inline bool
is_utf8_pair(const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p;
	uint32_t w;

	if (end - p < 2)
		return false;
	w = u[0] | (uint32_t)u[1] << 8;
	return (w & 0xC0E0) == 0x80C0 && (w & 0x1E) != 0; /* C0 and C1 would be overlong */
}

static inline bool
is_utf8_triple(const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p;
	uint32_t w, edge;

	if (end - p < 3)
		return false;
	w = u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16;
	edge = w & 0x200F; /* E0 80 would be overlong, ED A0 a surrogate */
	return (w & 0xC0C0F0) == 0x8080E0 && edge != 0 && edge != 0x200D;
}

static inline bool
is_utf8_quad(const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p;

	if (end - p < 4 || u[0] < 0xF0 || u[0] > 0xF4 || !is_tail(u[1]) || !is_tail(u[2]) ||
	    !is_tail(u[3]))
		return false;
	if (u[0] == 0xF0)
		return u[1] >= 0x90;         /* else overlong */
	return u[0] != 0xF4 || u[1] <= 0x8F; /* else over U+10FFFF */
}

/*
 * Behind the UTF-8 sequences at p, or on the byte that begins none.  Where one stands there are
 * mostly more, as in other scripts; a blank between two words does not end the run.
 */
static inline const char *
utf8_run(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p >= 0x80) {
		if (is_utf8_pair(p, end)) {
			p += 2;
		} else if (is_utf8_triple(p, end)) {
			do
				p += 3;
			while (is_utf8_triple(p, end));
		} else if (is_utf8_quad(p, end)) {
			p += 4;
		} else {
			break;
		}
		if (end - p >= 2 && *p == ' ' && (unsigned char)p[1] >= 0x80)
			p++;
	}
	return p;
}

static inline int
hex_value(char c)
{
	if (is_digit((unsigned char)c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The UTF-16 unit of a \uXXXX at p, or -1 when none stands there. */
static inline int32_t
unit_at(const char *p, const char *end)
{
	int32_t unit = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_value(p[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

#endif
