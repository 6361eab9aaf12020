/*
 * Borrowed bytes: a pointer and a length.  The type alone, since the rooms of memory and of
 * text both speak of it; what can be done with a span is in base/text.h.
 */
#ifndef POLLUX_BASE_SPAN_H
#define POLLUX_BASE_SPAN_H

#include <stddef.h>

struct span {
	const char *p; /* borrowed */
	size_t len;
};

#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })
#define SPAN_NONE     ((struct span){ NULL, 0 })

/* For printf("%.*s", SPAN_ARG(s)). */
#define SPAN_ARG(s) (int)(s).len, ((s).p ? (s).p : "")

#endif
