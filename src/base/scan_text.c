/*
 * Strings of JSON in their escaped form, as the scanner (scan.c) gives them: comparing and
 * unescaping them, and writing new ones.  Declared in scan.h.
 *
 * Pure: used in every process, owns nothing, allocates only into the buffers it is given.
 * What is unescaped here was validated by the scanner; anything else dies by assert.
 */
#include "base/scan.h"

#include <assert.h>
#include <string.h>
#include "base/scan_bytes.h"

/* ---- reading ---- */

static size_t
utf8_encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xE0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3F));
		out[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3F));
	out[2] = (char)(0x80 | (code >> 6 & 0x3F));
	out[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

static char
short_escape(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c; /* '"', '\' and '/' stand for themselves */
	}
}

/* Gives the UTF-8 of the escape at p and returns what stands behind it. */
static const char *
unescape(const char *p, const char *end, char utf8[4], size_t *len)
{
	uint32_t code;
	int32_t low;

	assert(end - p >= 2);
	if (p[1] != 'u') {
		utf8[0] = short_escape(p[1]);
		*len = 1;
		return p + 2;
	}
	assert(end - p >= 6);
	code = (uint32_t)unit_at(p, end);
	p += 6;
	if (code >= 0xD800 && code <= 0xDBFF) {
		low = unit_at(p, end);
		assert(low >= 0xDC00 && low <= 0xDFFF);
		code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
		p += 6;
	}
	*len = utf8_encode(code, utf8);
	return p;
}

static bool
escaped_is(struct span escaped, const char *plain, size_t len)
{
	const char *p = escaped.p, *end = p + escaped.len, *rest = plain, *rest_end = plain + len;

	while (p < end) {
		char utf8[4];
		size_t n = 1;

		if (*p == '\\')
			p = unescape(p, end, utf8, &n);
		else
			utf8[0] = *p++;
		if ((size_t)(rest_end - rest) < n || memcmp(rest, utf8, n) != 0)
			return false;
		rest += n;
	}
	return rest == rest_end;
}

bool
scan_key_is(struct span escaped, const char *plain)
{
	size_t len = strlen(plain);

	/* An escape is always longer than what it stands for. */
	if (escaped.len < len)
		return false;
	if (escaped.len == len)
		return len == 0 ||
		       (memcmp(escaped.p, plain, len) == 0 && !memchr(plain, '\\', len));
	if (len == 0 || (escaped.p[0] != plain[0] && escaped.p[0] != '\\'))
		return false;
	return scan_has_escape(escaped) && escaped_is(escaped, plain, len);
}

bool
scan_has_escape(struct span escaped)
{
	return escaped.len > 0 && memchr(escaped.p, '\\', escaped.len) != NULL;
}

void
scan_text(struct buf *out, struct span escaped)
{
	const char *p = escaped.p, *end, *slash;

	if (escaped.len == 0)
		return;
	end = p + escaped.len;
	buf_reserve(out, escaped.len);
	while (p < end && (slash = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		char utf8[4];
		size_t len;

		buf_add(out, p, (size_t)(slash - p));
		p = unescape(slash, end, utf8, &len);
		buf_add(out, utf8, len);
	}
	buf_add(out, p, (size_t)(end - p));
}

bool
scan_int(struct span raw_number, int64_t *out)
{
	return span_int(raw_number, INT64_MIN, INT64_MAX, out);
}

/* ---- writing ---- */

static void
add_escape(struct buf *out, unsigned char c)
{
	static const char letters[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};
	static const char hex[] = "0123456789abcdef";

	if (c >= 0x20)
		buf_add(out, (char[]){ '\\', (char)c }, 2);
	else if (letters[c])
		buf_add(out, (char[]){ '\\', letters[c] }, 2);
	else
		buf_add(out, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
}

void
scan_quote(struct buf *out, struct span plain)
{
	const char *run = plain.p ? plain.p : "", *p = run, *end = p + plain.len;

	buf_reserve(out, plain.len + 2);
	buf_add_char(out, '"');
	while ((p = plain_run(p, end)) < end) {
		unsigned char c = (unsigned char)*p;
		const char *behind = c >= 0x80 ? utf8_run(p, end) : p;

		if (behind > p) {
			p = behind;
			continue;
		}
		buf_add(out, run, (size_t)(p - run));
		if (c >= 0x80)
			buf_add_lit(out, "\xEF\xBF\xBD"); /* U+FFFD */
		else
			add_escape(out, c);
		run = ++p;
	}
	buf_add(out, run, (size_t)(end - run));
	buf_add_char(out, '"');
}
