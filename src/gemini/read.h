/*
 * Reading what Google wrote, kindly: a value of the wanted type is taken, one of another type
 * is skipped and *out left alone.  For all that is only looked at and never relied on.  Each
 * consumes exactly the value ahead.
 */
#ifndef POLLUX_GEMINI_READ_H
#define POLLUX_GEMINI_READ_H

#include <stdbool.h>
#include <stdint.h>
#include "base/scan.h"

static inline void
read_text(struct scan *s, struct span *escaped)
{
	if (scan_type(s) == SCAN_STRING)
		scan_string(s, escaped);
	else
		scan_skip(s, NULL);
}

/* Google writes 64 bit numbers as strings. */
static inline void
read_int(struct scan *s, int64_t *out)
{
	enum scan_type type = scan_type(s);
	struct span raw;
	int64_t value;

	if (type == SCAN_STRING ? scan_string(s, &raw)
				: type == SCAN_NUMBER && scan_number(s, &raw)) {
		if (scan_int(raw, &value))
			*out = value;
	} else {
		scan_skip(s, NULL);
	}
}

static inline void
read_raw(struct scan *s, struct span *raw)
{
	if (scan_type(s) == SCAN_NULL)
		scan_skip(s, NULL);
	else
		scan_skip(s, raw);
}

/* True: inside, and the members are to be read to their end. */
static inline bool
read_object(struct scan *s)
{
	if (scan_type(s) == SCAN_OBJECT)
		return scan_object(s);
	scan_skip(s, NULL);
	return false;
}

static inline bool
read_array(struct scan *s)
{
	if (scan_type(s) == SCAN_ARRAY)
		return scan_array(s);
	scan_skip(s, NULL);
	return false;
}

#endif
