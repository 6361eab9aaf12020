/*
 * What an answer keeps between its chunks, in the exchange's arena, and the forms in which JSON
 * of Gemini's is told to a client: compact, and as the text of a string.  Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_PIECES_H
#define POLLUX_DIALECT_OPENAI_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"
#include "base/text.h"

/* Pieces of JSON, or of one escaped text, that belong together. */
struct openai_text {
	struct openai_text *next;
	struct span json;
};

struct openai_pieces { /* zeroed: none */
	struct openai_text *first, *last;
	size_t count;
};

/* Keeps a copy in the arena. */
void openai_pieces_add(struct openai_pieces *, struct arena *, struct span json);
/* between: what stands between two of them, "" or ",". */
void openai_pieces_write(const struct openai_pieces *, const char *between, struct buf *out);

/* A text that may be said again, or grows: it takes more of the arena only as it outgrows its
 * room. */
struct openai_kept { /* zeroed: not said */
	char *p;
	size_t len, room;
};
void openai_kept_set(struct openai_kept *, struct arena *, struct span);
void openai_kept_add(struct openai_kept *, struct arena *, struct span);
struct span openai_kept_span(const struct openai_kept *); /* p == NULL when not said */

/* json is valid.  Without its white space: fit to stand in one line. */
void openai_json_compact(struct buf *out, struct span json);
/* Compact, and quoted as a string of JSON. */
void openai_json_quote(struct buf *out, struct span json);
/* A plain text in its escaped form, without quotes. */
void openai_text_escape(struct buf *out, struct span plain);

#endif
