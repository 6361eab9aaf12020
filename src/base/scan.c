/*
 * JSON by spans: see scan.h.
 *
 * Pure: used in every process, owns nothing, allocates only into the buffers it is given.
 *
 * Most bytes of a request stand inside strings and most of those are plain ASCII, so the
 * loop that matters is plain_run(): eight bytes at a time until something has to be looked
 * at.  Whole containers are skipped without recursion; their kinds lie on a small stack.
 *
 * What is accepted is what jansson accepts, so that a text can be handed from one to the
 * other; hence also its refusal of a NUL in a name, which RFC 8259 would allow.  Stricter than
 * jansson are the depth and raw NUL bytes, laxer are numbers: their size is the consumer's matter.
 */
#include "base/scan.h"

#include <assert.h>
#include <string.h>
#include "base/scan_bytes.h"

#define SPACES (ONES * ' ')

/* ---- bytes ---- */

static inline uint64_t
nondigit_bytes(uint64_t w)
{
	return ((w + ONES * (0x80 - '9' - 1)) | (w - ONES * '0')) & HIGHS;
}

static inline const char *
digit_run(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t hits = nondigit_bytes(word_at(p));

		if (hits)
			return p + first_hit(hits);
	}
	while (p < end && is_digit((unsigned char)*p))
		p++;
	return p;
}

static const char *
space_run(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
		p++;
		/* Gemini indents its answers: after a line end comes a run of blanks. */
		while (end - p >= 8 && word_at(p) == SPACES)
			p += 8;
	}
	return p;
}

/* ---- faults ---- */

static bool __attribute__((cold, noinline))
fail_at(struct scan *s, const char *p, const char *fault)
{
	if (!s->fault) {
		s->fault = p < s->end ? fault : "unexpected end of the JSON text";
		s->fault_at = (size_t)(p - s->start);
	}
	return false;
}

bool
scan_fail(struct scan *s, const char *fault)
{
	if (!s->fault) {
		s->fault = fault;
		s->fault_at = (size_t)(s->at - s->start);
	}
	return false;
}

/* ---- tokens: each stands on its first byte and leaves s->at behind its last ---- */

/* The next byte that is not white space, or -1 at the end of the text. */
static inline int
peek(struct scan *s)
{
	if (s->at < s->end && (unsigned char)*s->at > ' ')
		return (unsigned char)*s->at;
	s->at = space_run(s->at, s->end);
	return s->at < s->end ? (unsigned char)*s->at : -1;
}

static inline bool
is_short_escape(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return true;
	default:
		return false;
	}
}

/* Behind the escape at p, or NULL with the fault set. */
static const char *
escape_end(struct scan *s, const char *p, bool in_name)
{
	int32_t unit, low;

	if (s->end - p >= 2 && p[1] != 'u') {
		fail_at(s, p, "invalid escape in a string");
		return NULL;
	}
	unit = unit_at(p, s->end);
	if (unit < 0) {
		fail_at(s, s->end - p < 6 ? s->end : p, "invalid escape in a string");
		return NULL;
	}
	if (unit == 0 && in_name) {
		fail_at(s, p, "NUL in a name");
		return NULL;
	}
	if (unit < 0xD800 || unit > 0xDFFF)
		return p + 6;
	low = unit < 0xDC00 ? unit_at(p + 6, s->end) : -1;
	if (low < 0xDC00 || low > 0xDFFF) {
		fail_at(s, p, "half of a surrogate pair in a string");
		return NULL;
	}
	return p + 12;
}

/* Reads the string at s->at; gives what stands between its quotes. */
static inline bool
string(struct scan *s, struct span *escaped, bool in_name)
{
	const char *begin = s->at + 1, *p = begin;

	for (;;) {
		unsigned char c;

		p = plain_run(p, s->end);
		if (p == s->end)
			return fail_at(s, p, NULL);
		c = (unsigned char)*p;
		if (c == '"')
			break;
		if (c == '\\') {
			if (s->end - p >= 2 && is_short_escape((unsigned char)p[1]))
				p += 2;
			else if (!(p = escape_end(s, p, in_name)))
				return false;
		} else if (c < 0x20) {
			return fail_at(s, p, "control character in a string");
		} else {
			p = utf8_run(p, s->end);
			if (p < s->end && (unsigned char)*p >= 0x80)
				return fail_at(s, p, "invalid UTF-8 in a string");
		}
	}
	*escaped = (struct span){ begin, (size_t)(p - begin) };
	s->at = p + 1;
	return true;
}

static inline bool
digits(struct scan *s, const char **p)
{
	const char *behind = digit_run(*p, s->end);

	if (behind == *p)
		return fail_at(s, behind, "a digit is missing in a number");
	*p = behind;
	return true;
}

static inline bool
number(struct scan *s)
{
	const char *p = s->at, *end = s->end;

	if (*p == '-')
		p++;
	if (p < end && *p == '0') {
		p++;
		if (p < end && is_digit((unsigned char)*p))
			return fail_at(s, p, "a number begins with 0");
	} else if (!digits(s, &p)) {
		return false;
	}
	if (p < end && *p == '.') {
		p++;
		if (!digits(s, &p))
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!digits(s, &p))
			return false;
	}
	s->at = p;
	return true;
}

static inline bool
literal(struct scan *s, const char *word, size_t len)
{
	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return fail_at(s, s->at, "unknown word");
	s->at += len;
	return true;
}

/* ---- containers ---- */

static inline bool
enter(struct scan *s)
{
	if (s->depth == SCAN_DEPTH_MAX)
		return fail_at(s, s->at, SCAN_TOO_DEEP);
	s->at++;
	s->depth++;
	s->first = true;
	return true;
}

/* To the next member or item of the innermost container; false at its end and on a fault. */
static inline bool
advance(struct scan *s, char closer)
{
	int c = peek(s);

	if (c == closer) {
		s->at++;
		s->depth--;
		s->first = false;
		return false;
	}
	if (s->first) {
		s->first = false;
		return true;
	}
	if (c != ',')
		return fail_at(
		    s, s->at, closer == '}' ? "',' or '}' expected" : "',' or ']' expected");
	s->at++;
	return true;
}

static inline bool
name(struct scan *s, struct span *key)
{
	if (peek(s) != '"')
		return fail_at(s, s->at, "a name in quotes expected");
	if (!string(s, key, true))
		return false;
	if (peek(s) != ':')
		return fail_at(s, s->at, "':' expected");
	s->at++;
	return true;
}

static inline bool
skip_scalar(struct scan *s, int c)
{
	struct span ignored;

	switch (c) {
	case '"':
		return string(s, &ignored, false);
	case 't':
		return literal(s, "true", 4);
	case 'f':
		return literal(s, "false", 5);
	case 'n':
		return literal(s, "null", 4);
	default:
		if (c != '-' && !is_digit((unsigned char)c))
			return fail_at(s, s->at, "a value expected");
		return number(s);
	}
}

static bool
skip_container(struct scan *s)
{
	char closers[SCAN_DEPTH_MAX + 1]; /* by depth */
	const unsigned outer = s->depth;
	int c = *s->at;

	for (;;) {
		if (c == '{' || c == '[') {
			if (!enter(s))
				return false;
			closers[s->depth] = c == '{' ? '}' : ']';
		} else if (!skip_scalar(s, c)) {
			return false;
		}
		while (!advance(s, closers[s->depth]))
			if (s->fault || s->depth == outer)
				return !s->fault;
		if (closers[s->depth] == '}') {
			struct span ignored;

			if (!name(s, &ignored))
				return false;
		}
		c = peek(s);
	}
}

/* ---- the cursor ---- */

void
scan_init(struct scan *s, struct span json)
{
	const char *start = json.p ? json.p : "";

	*s = (struct scan){ .start = start, .at = start, .end = start + json.len, .due = true };
}

/* The first byte of the value that is due; -1 at the end of the text and after a fault. */
static inline int
ahead(struct scan *s)
{
	if (s->fault)
		return -1;
	assert(s->due);
	return peek(s);
}

/* A value has been consumed. */
static inline bool
taken(struct scan *s)
{
	s->due = false;
	return true;
}

enum scan_type
scan_type(struct scan *s)
{
	int c = ahead(s);

	switch (c) {
	case '{':
		return SCAN_OBJECT;
	case '[':
		return SCAN_ARRAY;
	case '"':
		return SCAN_STRING;
	case 't':
	case 'f':
		return SCAN_BOOL;
	case 'n':
		return SCAN_NULL;
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return SCAN_NUMBER;
		fail_at(s, s->at, "a value expected");
		return SCAN_BAD;
	}
}

bool
scan_object(struct scan *s)
{
	if (ahead(s) != '{')
		return fail_at(s, s->at, "an object expected");
	return enter(s) && taken(s);
}

bool
scan_array(struct scan *s)
{
	if (ahead(s) != '[')
		return fail_at(s, s->at, "an array expected");
	return enter(s) && taken(s);
}

bool
scan_member(struct scan *s, struct span *key)
{
	if (s->fault)
		return false;
	assert(s->depth > 0 && !s->due);
	if (!advance(s, '}') || !name(s, key))
		return false;
	s->due = true;
	return true;
}

bool
scan_item(struct scan *s)
{
	if (s->fault)
		return false;
	assert(s->depth > 0 && !s->due);
	s->due = advance(s, ']');
	return s->due;
}

bool
scan_string(struct scan *s, struct span *escaped)
{
	if (ahead(s) != '"')
		return fail_at(s, s->at, "a string expected");
	return string(s, escaped, false) && taken(s);
}

bool
scan_number(struct scan *s, struct span *raw)
{
	int c = ahead(s);
	const char *begin = s->at;

	if (c != '-' && !(c >= '0' && c <= '9'))
		return fail_at(s, begin, "a number expected");
	if (!number(s))
		return false;
	*raw = (struct span){ begin, (size_t)(s->at - begin) };
	return taken(s);
}

bool
scan_bool(struct scan *s, bool *out)
{
	int c = ahead(s);

	if (c != 't' && c != 'f')
		return fail_at(s, s->at, "true or false expected");
	if (!skip_scalar(s, c))
		return false;
	*out = c == 't';
	return taken(s);
}

bool
scan_null(struct scan *s)
{
	if (ahead(s) != 'n')
		return fail_at(s, s->at, "null expected");
	return skip_scalar(s, 'n') && taken(s);
}

bool
scan_skip(struct scan *s, struct span *raw)
{
	int c = ahead(s);
	const char *begin = s->at;

	if (s->fault)
		return false;
	if (c == '{' || c == '[' ? !skip_container(s) : !skip_scalar(s, c))
		return false;
	if (raw)
		*raw = (struct span){ begin, (size_t)(s->at - begin) };
	return taken(s);
}

bool
scan_end(struct scan *s)
{
	if (s->fault)
		return false;
	if (s->due || s->depth > 0)
		return scan_fail(s, "the value was not read to its end");
	if (peek(s) >= 0)
		return fail_at(s, s->at, "something follows the JSON value");
	return true;
}

bool
scan_check(struct span json, const char **fault, size_t *fault_at)
{
	struct scan s;
	bool ok;

	scan_init(&s, json);
	ok = scan_skip(&s, NULL) && scan_end(&s);
	if (fault)
		*fault = s.fault;
	if (fault_at)
		*fault_at = s.fault_at;
	return ok;
}
