/*
 * Data URLs and bare base64, out of the escaped text of a request.  Declared in media.h.  Pure,
 * runs in workers, owns nothing.
 *
 * A video of 100 MB comes through here: what is good as it stands is looked at once, a block at a
 * time, and borrowed.  Anything else is copied once, with its faults mended on the way.
 */
#include "dialect/media.h"

#include "base/scan.h"

#define HEAD_MAX    4096 /* of "TYPE;name=...;base64", unescaped; file names may be in it */
#define BLOCK_BYTES 64
#define PADDING_MAX 3 /* "+ '==='" is a habit of some, whatever the length */
#define NO_BYTE     256

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- bytes out of escaped text ---- */

struct reader {
	const char *p, *end;
	bool percent; /* %XX is one byte */
};

static int
hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \uXXXX, of which p is behind the 'u'. */
static int
read_unit(struct reader *r)
{
	int unit = 0;

	if (r->end - r->p < 4) {
		r->p = r->end;
		return NO_BYTE;
	}
	for (int i = 0; i < 4; i++)
		unit = unit << 4 | (hex_value(*r->p++) & 15);
	return unit < 0x80 ? unit : NO_BYTE;
}

static int
read_unescaped(struct reader *r)
{
	unsigned char c = (unsigned char)*r->p++;

	if (c != '\\')
		return c;
	if (r->p == r->end)
		return NO_BYTE;
	switch (c = (unsigned char)*r->p++) {
	case 'n':
	case 'r':
	case 't':
	case 'f':
		return ' '; /* white space is as good as any other here */
	case 'b':
		return '\b';
	case 'u':
		return read_unit(r);
	default:
		return c;
	}
}

/* The next byte, of a text that has one; NO_BYTE where an escape stands for no ASCII. */
static int
read_byte(struct reader *r)
{
	struct reader ahead;
	int c = read_unescaped(r), high, low;

	if (c != '%' || !r->percent)
		return c;
	ahead = *r;
	high = ahead.p < ahead.end ? hex_value(read_unescaped(&ahead)) : -1;
	low = ahead.p < ahead.end ? hex_value(read_unescaped(&ahead)) : -1;
	if (high < 0 || low < 0)
		return c;
	*r = ahead;
	return high << 4 | low;
}

static bool
is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- base64 that is good ---- */

/* Without a branch, so that the compiler makes a block's worth of it at once. */
static inline unsigned char
is_digit64(unsigned char c)
{
	unsigned char letter = (unsigned char)((c | 0x20) - 'a') < 26;
	unsigned char figure = (unsigned char)(c - '/') < 11; /* '/' stands before '0' */

	return letter | figure | (c == '+');
}

static bool
is_block_of_digits(const char *p)
{
	unsigned char good = 1;

	for (int i = 0; i < BLOCK_BYTES; i++)
		good &= is_digit64((unsigned char)p[i]);
	return good;
}

static const char *
digits_end(const char *p, const char *end)
{
	while (end - p >= BLOCK_BYTES && is_block_of_digits(p))
		p += BLOCK_BYTES;
	while (p < end && is_digit64((unsigned char)*p))
		p++;
	return p;
}

/* The last digit of an incomplete group without the bits that belong to no byte: some decoders
 * refuse them. */
static char
last_digit(char c, size_t digits)
{
	size_t spare = digits % 4 == 2 ? 15 : digits % 4 == 3 ? 3 : 0;

	return digits64[(size_t)(strchr(digits64, c) - digits64) & ~spare];
}

static bool
is_good(struct span s)
{
	size_t digits = s.len;

	while (digits > 0 && s.len - digits < 2 && s.p[digits - 1] == '=')
		digits--;
	return s.len > 0 && s.len % 4 == 0 && digits_end(s.p, s.p + digits) == s.p + digits &&
	       last_digit(s.p[digits - 1], digits) == s.p[digits - 1];
}

static bool
is_escaped_blank(const char *p)
{
	return p[0] == '\\' && (p[1] == 'n' || p[1] == 'r' || p[1] == 't');
}

/* White space off the front, also escaped. */
static struct span
trim_front(struct span s)
{
	for (;;)
		if (s.len > 0 && s.p[0] == ' ')
			s = span_mem(s.p + 1, s.len - 1);
		else if (s.len > 1 && is_escaped_blank(s.p))
			s = span_mem(s.p + 2, s.len - 2);
		else
			return s;
}

/* Off the end: tools like to end base64 with a new line.  Of other text this could cut an escaped
 * backslash in two; in base64 there is none. */
static struct span
trim_end(struct span s)
{
	for (;;)
		if (s.len > 0 && s.p[s.len - 1] == ' ')
			s.len -= 1;
		else if (s.len > 1 && is_escaped_blank(s.p + s.len - 2))
			s.len -= 2;
		else
			return s;
}

/* ---- base64 that is not ---- */

/* The digits under both alphabets' names, as the standard one has them; else 0. */
static const char mended[256] = {
#define D(c) [c] = c
	D('A'), D('B'), D('C'), D('D'), D('E'), D('F'), D('G'), D('H'), D('I'), D('J'), D('K'),
	D('L'), D('M'), D('N'), D('O'), D('P'), D('Q'), D('R'), D('S'), D('T'), D('U'), D('V'),
	D('W'), D('X'), D('Y'), D('Z'), D('a'), D('b'), D('c'), D('d'), D('e'), D('f'), D('g'),
	D('h'), D('i'), D('j'), D('k'), D('l'), D('m'), D('n'), D('o'), D('p'), D('q'), D('r'),
	D('s'), D('t'), D('u'), D('v'), D('w'), D('x'), D('y'), D('z'), D('0'), D('1'), D('2'),
	D('3'), D('4'), D('5'), D('6'), D('7'), D('8'), D('9'), D('+'),
	D('/'), ['-'] = '+', ['_'] = '/'
#undef D
};

struct mending {
	char *out;
	size_t digits, padding;
	bool broken;
};

static void
mend_digits(struct mending *m, struct reader *r)
{
	const char *p = r->p;
	char *out = m->out + m->digits, digit;

	while (p < r->end && (digit = mended[(unsigned char)*p]) != 0) {
		*out++ = digit;
		p++;
	}
	if (p == r->p)
		return;
	m->broken = m->padding > 0;
	m->digits = (size_t)(out - m->out);
	r->p = p;
}

static void
mend_other(struct mending *m, int c)
{
	if (is_blank(c))
		return;
	if (c == '=')
		m->padding++;
	else if (c == NO_BYTE || mended[c] == 0 || m->padding > 0)
		m->broken = true;
	else
		m->out[m->digits++] = mended[c];
}

/* The length with its padding; 0: beyond mending. */
static size_t
mend_end(struct mending *m)
{
	size_t len = m->digits;

	if (m->broken || len == 0 || len % 4 == 1 || m->padding > PADDING_MAX)
		return 0;
	m->out[len - 1] = last_digit(m->out[len - 1], len);
	while (len % 4 != 0)
		m->out[len++] = '=';
	return len;
}

static bool
mend(struct reader r, struct arena *arena, struct span *data)
{
	struct mending m = { .out = arena_alloc(arena, (size_t)(r.end - r.p) + 3) };

	while (r.p < r.end && !m.broken) {
		mend_digits(&m, &r);
		if (r.p < r.end)
			mend_other(&m, read_byte(&r));
	}
	*data = span_mem(m.out, mend_end(&m));
	return data->len > 0;
}

static bool
base64_read(
    struct reader r, struct arena *arena, struct span *data, const char *field, struct err *e)
{
	*data = trim_end(trim_front(span_mem(r.p, (size_t)(r.end - r.p))));
	if (data->len == 0)
		return err_field(e, field, "%s holds no data", field);
	if (is_good(*data))
		return true;
	r.p = data->p;
	r.end = data->p + data->len;
	return mend(r, arena, data) || err_field(e, field, "%s is not base64", field);
}

bool
media_base64(
    struct span escaped, struct arena *arena, struct span *data, const char *field, struct err *e)
{
	struct reader r;

	if (escaped.len == 0)
		return err_field(e, field, "%s holds no data", field);
	r = (struct reader){ escaped.p, escaped.p + escaped.len, false };
	return base64_read(r, arena, data, field, e);
}

/* ---- bytes to base64 ---- */

static char *
encode_group(char *out, const unsigned char in[3])
{
	uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

	*out++ = digits64[bits >> 18];
	*out++ = digits64[bits >> 12 & 63];
	*out++ = digits64[bits >> 6 & 63];
	*out++ = digits64[bits & 63];
	return out;
}

void
media_base64_add(struct buf *out, const void *bytes, size_t len)
{
	const unsigned char *in = bytes;
	unsigned char last[3] = { 0 };
	char *to;

	buf_reserve(out, len / 3 * 4 + 4);
	to = out->data + out->len;
	for (; len >= 3; len -= 3, in += 3)
		to = encode_group(to, in);
	if (len > 0) {
		memcpy(last, in, len);
		to = encode_group(to, last);
		memset(to - (3 - len), '=', 3 - len);
	}
	*to = '\0';
	out->len = (size_t)(to - out->data);
}

/* ---- data URLs ---- */

static int
fold(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Behind "data:", or with p == NULL. */
static struct reader
open_url(struct span escaped)
{
	static const char scheme[] = "data:";
	struct span s = trim_front(escaped);
	struct reader r = { NULL, NULL, true };

	if (s.len == 0)
		return r;
	r.p = s.p;
	r.end = s.p + s.len;
	for (size_t i = 0; scheme[i] != '\0'; i++)
		if (r.p == r.end || fold(read_unescaped(&r)) != scheme[i])
			return (struct reader){ NULL, NULL, true };
	return r;
}

bool
data_url_is(struct span escaped)
{
	return open_url(escaped).p != NULL;
}

/* What stands in front of the comma, which is taken too. */
static bool
read_head(struct reader *r, char *head, size_t *len)
{
	for (*len = 0; r->p < r->end && *len < HEAD_MAX; (*len)++) {
		int c = read_unescaped(r);

		if (c == ',')
			return true;
		head[*len] = (char)(c == NO_BYTE ? '?' : c);
	}
	return false;
}

static bool
says_base64(struct span head)
{
	bool says = false;

	span_cut(&head, ';'); /* the type */
	while (head.p != NULL)
		says = span_is_nocase(span_trim(span_cut(&head, ';')), "base64") || says;
	return says;
}

/* "data:text/plain,Hello%20world" */
static bool
plain_read(
    struct span escaped, struct arena *arena, struct span *data, const char *field, struct err *e)
{
	struct buf text = BUF_INIT, bytes = BUF_INIT, coded = BUF_INIT;

	scan_text(&text, escaped);
	text_percent_decode(&bytes, buf_span(&text), false);
	media_base64_add(&coded, buf_text(&bytes), bytes.len);
	*data = arena_span(arena, buf_span(&coded));
	buf_fini(&text);
	buf_fini(&bytes);
	buf_fini(&coded);
	return data->len > 0 || err_field(e, field, "%s holds no data", field);
}

bool
data_url_read(struct span escaped, struct arena *arena, struct data_url *out, const char *field,
    struct err *e)
{
	struct reader r = open_url(escaped);
	char head[HEAD_MAX];
	size_t len;

	if (r.p == NULL || !read_head(&r, head, &len))
		return err_field(e, field, "%s is not a data URL: data:TYPE;base64,DATA", field);
	out->mime = media_mime(span_mem(head, len), arena);
	if (says_base64(span_mem(head, len)))
		return base64_read(r, arena, &out->data, field, e);
	return plain_read(span_mem(r.p, (size_t)(r.end - r.p)), arena, &out->data, field, e);
}
