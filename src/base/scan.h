/*
 * JSON by spans: one strictly validating pass over the bytes, no tree, no allocation.  For
 * everything hot; jansson (base/json.h) is for configuration, administration and odd shapes.
 *
 * A scan is a cursor.  The consumer descends into what it wants and skips the rest; either
 * way each byte is validated once (RFC 8259; UTF-8 without surrogates or overlong forms; no
 * raw control characters; escaped surrogates only in pairs; no NUL in names, which jansson
 * cannot hold; depth at most SCAN_DEPTH_MAX).
 * The first fault sticks: from then on every call says false or SCAN_BAD, so a consumer may
 * check once at its end.
 *
 *	struct scan s;
 *	struct span key, model = SPAN_NONE;
 *
 *	scan_init(&s, body);
 *	if (scan_object(&s))
 *		while (scan_member(&s, &key)) {
 *			if (scan_key_is(key, "model"))
 *				scan_string(&s, &model);
 *			else
 *				scan_skip(&s, NULL);
 *		}
 *	if (!scan_end(&s))
 *		return err_set(e, ERR_BAD_REQUEST, "%s at byte %zu", s.fault, s.fault_at);
 *
 * Every member or item that scan_member/scan_item announced must be consumed by exactly one
 * of scan_object, scan_array (each to its end), scan_string, scan_number, scan_bool,
 * scan_null or scan_skip before the next is asked for; a consumer that does not is wrong and
 * dies by assert (after a fault, anything may be called).  A value of another type than asked
 * for is a fault of the *caller's check*: ask scan_type first where the input may differ.
 *
 * Strings are given in their escaped form, without the quotes: what is only passed on is
 * copied as it stands.  scan_text unescapes.
 */
#ifndef POLLUX_BASE_SCAN_H
#define POLLUX_BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"

#define SCAN_DEPTH_MAX 128
#define SCAN_TOO_DEEP  "nested too deeply" /* the fault of a text that goes deeper */

enum scan_type {
	SCAN_BAD, /* not the beginning of a value, or a fault before */
	SCAN_NULL,
	SCAN_BOOL,
	SCAN_NUMBER,
	SCAN_STRING,
	SCAN_ARRAY,
	SCAN_OBJECT
};

struct scan {
	const char *start, *at, *end; /* borrowed */
	const char *fault;            /* NULL, or words: "invalid escape in a string" */
	size_t fault_at;              /* byte offset from start */
	unsigned depth;
	bool first; /* private: nothing of the innermost container was read yet */
	bool due;   /* private: a value stands ahead and is to be consumed */
};

void scan_init(struct scan *, struct span json);
enum scan_type scan_type(struct scan *); /* of the value ahead; consumes only white space */
bool scan_object(struct scan *);         /* consumes '{' */
bool scan_member(struct scan *, struct span *key); /* false at the '}' (consumed) or on a fault */
bool scan_array(struct scan *);
bool scan_item(struct scan *);           /* false at the ']' (consumed) or on a fault */
bool scan_string(struct scan *, struct span *escaped);
bool scan_number(struct scan *, struct span *raw);
bool scan_bool(struct scan *, bool *);
bool scan_null(struct scan *);
bool scan_skip(struct scan *, struct span *raw); /* any value, validated; raw may be NULL */
bool scan_end(struct scan *); /* true when one whole value was read, nothing follows, no fault */
bool scan_fail(struct scan *, const char *fault); /* for the consumer's own faults; returns false */

/* The whole text is one valid JSON value. */
bool scan_check(struct span json, const char **fault, size_t *fault_at);

/* On escaped text as scan_string and scan_member give it. */
bool scan_key_is(struct span escaped, const char *plain);    /* escapes are understood */
bool scan_has_escape(struct span escaped);
void scan_text(struct buf *out, struct span escaped);        /* appends it unescaped, as UTF-8 */
bool scan_int(struct span raw_number, int64_t *out); /* false: fraction, exponent, overflow */

/* Writing: appends with the quotes, escaping what JSON requires; plain must be UTF-8 (bad
 * bytes become U+FFFD). */
void scan_quote(struct buf *out, struct span plain);

#endif
