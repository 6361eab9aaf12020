/*
 * Text: borrowed spans, growable buffers, bounded number parsing, hex and percent coding.
 *
 * A span never owns its bytes and need not end in NUL.  A buffer owns its bytes, grows as
 * needed and always keeps a NUL behind its content (not counted in len), so that buf_text()
 * can be handed to C functions.
 */
#ifndef POLLUX_BASE_TEXT_H
#define POLLUX_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/span.h"

struct span span_of(const char *text); /* NULL gives SPAN_NONE */
struct span span_mem(const void *p, size_t len);
bool span_is(struct span s, const char *text);        /* same bytes */
bool span_is_nocase(struct span s, const char *text); /* ASCII case folded */
bool span_eq(struct span a, struct span b);
bool span_starts(struct span s, const char *prefix);
bool span_ends(struct span s, const char *suffix);
bool span_has(struct span s, const char *needle);        /* occurs anywhere */
bool span_has_nocase(struct span s, const char *needle); /* ASCII case folded */
struct span span_trim(struct span s);                    /* white space off both ends */
/* Cuts *rest at the first sep: gives what stood before it and moves *rest behind it.
 * Without a sep it gives all and leaves *rest empty with p == NULL. */
struct span span_cut(struct span *rest, char sep);

/* Whole decimal numbers only; false on anything else, on overflow and out of range. */
bool span_int(struct span s, int64_t min, int64_t max, int64_t *out)
    __attribute__((warn_unused_result));
/* Digits, perhaps with point and exponent, at most 255 bytes; neither infinite nor hexadecimal. */
bool span_double(struct span s, double *out) __attribute__((warn_unused_result));

struct buf {
	char *data; /* owned; NULL while nothing was ever added */
	size_t len;
	size_t cap;
};

#define BUF_INIT ((struct buf){ NULL, 0, 0 })

void buf_init(struct buf *);
void buf_fini(struct buf *); /* frees; leaves it empty */
/* Overwrites, then frees: for secrets.  Reserve enough first: growing leaves copies behind. */
void buf_wipe(struct buf *);
void buf_clear(struct buf *);                /* forgets the content, keeps the memory */
void buf_reserve(struct buf *, size_t more); /* room for more bytes behind len */
void buf_add(struct buf *, const void *p, size_t len);
void buf_add_span(struct buf *, struct span);
void buf_add_text(struct buf *, const char *);
void buf_add_char(struct buf *, char);
void buf_add_int(struct buf *, int64_t);
void buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *, const char *fmt, va_list) __attribute__((format(printf, 2, 0)));
void buf_drop_front(struct buf *, size_t n); /* takes n bytes off the front (memmove) */
const char *buf_text(const struct buf *);    /* never NULL */
struct span buf_span(const struct buf *);
#define buf_add_lit(b, literal) buf_add((b), "" literal, sizeof(literal) - 1)

void text_hex(char *out, const void *p, size_t len); /* out: 2 * len + 1 bytes, lower case */
bool text_unhex(struct span hex, void *out, size_t len) __attribute__((warn_unused_result));
/* %XX and, where plus is true, '+' as space; a broken escape is kept as it stands. */
void text_percent_decode(struct buf *out, struct span in, bool plus);
void text_percent_encode(struct buf *out, struct span in); /* all but RFC 3986 unreserved */
/* The raw value of NAME in a query string ("a=1&b=2", no '?'); false when absent. */
bool text_query_get(struct span query, const char *name, struct span *value);

/* The Levenshtein-nearest of names to word, or NULL when none is near enough to suggest. */
const char *text_nearest(const char *word, const char *const *names, size_t n);

#endif
