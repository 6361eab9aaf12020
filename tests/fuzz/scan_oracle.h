/*
 * Compares the scanner with jansson on one text: for the unit test and the fuzz target.
 *
 * They must agree on what is JSON, and a tree built through the scanner's cursor must equal
 * jansson's.  jansson is not asked about what it is known to see differently: it refuses
 * numbers that do not fit a double or 64 bits, goes deeper, and loses a raw NUL byte behind a
 * number or a word (which is never JSON).
 */
#ifndef POLLUX_TESTS_SCAN_ORACLE_H
#define POLLUX_TESTS_SCAN_ORACLE_H

#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/scan.h"

static inline json_t *oracle_tree(struct scan *s);

/* The unescaped text; on the way, quoting it again must lead back to it. */
static inline json_t *
oracle_string(struct span escaped)
{
	struct buf text = BUF_INIT, quoted = BUF_INIT, again = BUF_INIT;
	struct scan s;
	struct span back;
	json_t *string;

	scan_text(&text, escaped);
	scan_quote(&quoted, buf_span(&text));
	scan_init(&s, buf_span(&quoted));
	assert(scan_string(&s, &back) && scan_end(&s));
	scan_text(&again, back);
	assert(span_eq(buf_span(&text), buf_span(&again)));
	assert(scan_has_escape(escaped) || span_eq(escaped, buf_span(&text)));
	if (!memchr(buf_text(&text), '\0', text.len))
		assert(scan_key_is(escaped, buf_text(&text)) && scan_key_is(back, buf_text(&text)));
	string = json_stringn(buf_text(&text), text.len);
	assert(string); /* NULL would say that it is not UTF-8 */
	buf_fini(&text);
	buf_fini(&quoted);
	buf_fini(&again);
	return string;
}

static inline json_t *
oracle_number(struct span raw)
{
	char *copy = strndup(raw.p, raw.len);
	int64_t whole;
	json_t *number =
	    scan_int(raw, &whole) ? json_integer(whole) : json_real(strtod(copy, NULL));

	free(copy);
	return number ? number : json_null(); /* an infinity: jansson refuses the text as well */
}

static inline json_t *
oracle_object(struct scan *s)
{
	json_t *object = json_object(), *value;
	struct span key;

	if (!scan_object(s))
		return object;
	while (scan_member(s, &key)) {
		json_t *name = oracle_string(key);

		value = oracle_tree(s);
		json_object_setn_new_nocheck(
		    object, json_string_value(name), json_string_length(name), value);
		json_decref(name);
	}
	return object;
}

static inline json_t *
oracle_array(struct scan *s)
{
	json_t *array = json_array();

	if (!scan_array(s))
		return array;
	while (scan_item(s))
		json_array_append_new(array, oracle_tree(s));
	return array;
}

/* Never NULL; what it is after a fault does not matter. */
static inline json_t *
oracle_tree(struct scan *s)
{
	struct span part;
	bool yes;

	switch (scan_type(s)) {
	case SCAN_OBJECT:
		return oracle_object(s);
	case SCAN_ARRAY:
		return oracle_array(s);
	case SCAN_STRING:
		return scan_string(s, &part) ? oracle_string(part) : json_null();
	case SCAN_NUMBER:
		return scan_number(s, &part) ? oracle_number(part) : json_null();
	case SCAN_BOOL:
		return scan_bool(s, &yes) ? json_boolean(yes) : json_null();
	case SCAN_NULL:
		scan_null(s);
		return json_null();
	case SCAN_BAD:
		break;
	}
	assert(s->fault);
	return json_null();
}

static inline const char *
oracle_compare(struct span text, json_t *built, const char *fault)
{
	json_error_t why;
	json_t *parsed =
	    json_loadb(text.p ? text.p : "", text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	const char *words = NULL;

	if (text.len && memchr(text.p, '\0', text.len))
		words = fault ? NULL : "the scanner takes a raw NUL";
	else if (!parsed && json_error_code(&why) == json_error_numeric_overflow)
		words = NULL;
	else if (fault && strcmp(fault, SCAN_TOO_DEEP) == 0)
		words = NULL;
	else if (!fault != !!parsed)
		words = parsed ? "only jansson takes it" : "only the scanner takes it";
	else if (parsed && !json_equal(parsed, built))
		words = "the cursor gives another tree";
	json_decref(parsed);
	return words;
}

/* NULL when all agree, else what does not. */
static inline const char *
oracle_disagrees(struct span text)
{
	const char *fault, *words;
	size_t fault_at;
	bool ok = scan_check(text, &fault, &fault_at);
	struct scan s;
	json_t *built;

	scan_init(&s, text);
	built = oracle_tree(&s);
	if (scan_end(&s) != ok)
		words = "skipping and walking differ in their verdict";
	else if (ok != !fault || fault_at > text.len)
		words = "the fault does not fit the verdict";
	else if (!ok && (s.fault_at != fault_at || strcmp(s.fault, fault) != 0))
		words = "skipping and walking differ in the fault";
	else
		words = oracle_compare(text, built, fault);
	json_decref(built);
	return words;
}

#endif
