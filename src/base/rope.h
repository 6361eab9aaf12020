/*
 * Bytes in pieces: text that is written here, between it large spans that lie elsewhere and
 * are not copied (a request's base64 media), and places that are filled in later.
 *
 * What is written goes into rope->text as into any buffer; rope_borrow puts a span of
 * somebody else's at the end of what is written so far.
 */
#ifndef POLLUX_BASE_ROPE_H
#define POLLUX_BASE_ROPE_H

#include <stddef.h>
#include "base/mem.h"
#include "base/text.h"

/* The finished thing, in order.  pieces NULL: there is none, which is less than an empty one. */
struct body {
	struct span *pieces; /* borrowed, as are the bytes */
	size_t count;
};

#define BODY_NONE ((struct body){ NULL, 0 })

size_t body_len(const struct body *);
struct body body_of(struct arena *, struct span bytes); /* one piece; bytes are borrowed */
void body_flatten(const struct body *, struct buf *out);

#define ROPE_BORROW_MIN 512 /* shorter spans are copied: a piece costs more than that */

struct rope_inset {
	size_t at;          /* in text: it stands before this byte */
	struct span bytes;  /* borrowed */
	struct span **place; /* of one that is filled in later: where to say where; or NULL */
};

struct rope {
	struct buf text;            /* owned */
	struct rope_inset *insets;  /* owned; in order */
	size_t count, room;
};

#define ROPE_INIT ((struct rope){ BUF_INIT, NULL, 0, 0 })

void rope_fini(struct rope *);
void rope_clear(struct rope *);
/* bytes live as long as the body that is made of it. */
void rope_borrow(struct rope *, struct span bytes);
/* rope_body writes to *place where the piece stands, empty, for its bytes to be put in. */
void rope_later(struct rope *, struct span **place);
void rope_append(struct rope *into, const struct rope *from);
size_t rope_len(const struct rope *); /* without what comes later */
/* The text is copied into the arena: the rope may be finished behind it. */
struct body rope_body(const struct rope *, struct arena *);

#endif
