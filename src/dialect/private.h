/*
 * What the rooms of this folder share in reading requests.
 */
#ifndef POLLUX_DIALECT_PRIVATE_H
#define POLLUX_DIALECT_PRIVATE_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/err.h"
#include "base/scan.h"

/* True when the value ahead was null, which is taken: null is as good as absent. */
static inline bool
take_null(struct scan *s)
{
	return scan_type(s) == SCAN_NULL && scan_null(s);
}

/* Takes the value ahead and says whether there is anything in it: not null, not an empty list
 * or object. */
static inline bool
take_something(struct scan *s)
{
	enum scan_type type = scan_type(s);
	struct span raw = SPAN_NONE;

	if (!scan_skip(s, &raw) || type == SCAN_NULL)
		return false;
	if (type != SCAN_ARRAY && type != SCAN_OBJECT)
		return true;
	return span_trim(span_mem(raw.p + 1, raw.len - 2)).len > 0;
}

/* Programs that know only one kind of number write 100.0 for 100. */
static inline bool
whole_number(struct span raw, int64_t *out)
{
	double value;

	if (scan_int(raw, out))
		return true;
	/* Beyond 2^53 a double does not hold every whole number. */
	if (!span_double(raw, &value) || value != floor(value) || fabs(value) > 9007199254740992.0)
		return false;
	*out = (int64_t)value;
	return true;
}

/* "FIELD WHAT" against that field, whose path is given as a format. */
static inline bool __attribute__((format(printf, 3, 4)))
refuse(struct err *e, const char *what, const char *fmt, ...)
{
	char field[sizeof(e->field)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(field, sizeof(field), fmt, ap);
	va_end(ap);
	return err_field(e, field, "%s %s", field, what);
}

#endif
