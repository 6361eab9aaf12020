/*
 * Where an answer has its words from: Gemini's groundingMetadata and citationMetadata, told as
 * annotations of OpenAI's chat (url_citation).  Pure; of one choice, in the exchange's arena.
 *
 * Gemini counts bytes of UTF-8 in its own text parts, OpenAI's clients count code points of the
 * content that they were told.  Metadata comes behind the text, when a stream's text is long
 * gone, so what is needed to turn one into the other is noted as the text passes: nothing for
 * ASCII, from the first other character on a bit for each byte.
 */
#ifndef POLLUX_DIALECT_OPENAI_CITATIONS_H
#define POLLUX_DIALECT_OPENAI_CITATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"
#include "base/text.h"
#include "dialect/openai_pieces.h"
#include "gemini/chunk.h"

struct openai_starts; /* which bytes begin a character */
struct openai_inset;  /* what stands in the content and is none of Gemini's text */
struct openai_place;  /* where a part's text begins */
struct openai_fact;   /* a member of groundingMetadata */

struct openai_citations { /* zeroed to begin with; all in the arena */
	size_t bytes;     /* of Gemini's visible text so far */
	size_t ascii;     /* of them before the first that is none */
	struct openai_starts *starts, *last_starts;
	struct openai_inset *insets, *last_inset;
	struct openai_place *places, *last_place;
	size_t parts;        /* begun so far, as Gemini counts them */
	enum part_kind kind; /* of the last one */
	bool thought;
	struct openai_fact *facts; /* of groundingMetadata, in order */
	struct openai_pieces chunks, supports, sources;
};

/*
 * Before each part is told.  is_first: of its chunk, where it may go on with what the part before
 * it began: a stream cuts one text into many.
 */
void openai_citations_part(
    struct openai_citations *, struct arena *, const struct part *, bool is_first);
/* Visible text of the part; escaped. */
void openai_citations_text(struct openai_citations *, struct arena *, struct span escaped);
/* Content that the dialect adds of its own: fences, tags, pictures; escaped. */
void openai_citations_inset(struct openai_citations *, struct arena *, struct span escaped);
/* Raw JSON of a candidate; p == NULL: none.  Streams bring lists in portions. */
void openai_citations_gather(struct openai_citations *, struct arena *, const struct candidate *);

/* Appends the annotations, comma separated; false: there are none.  They are bounded in number and
 * in size: a citation is a few bytes, and the URL that it names may be long. */
bool openai_citations_write(const struct openai_citations *, struct buf *out);
/* Appends the whole groundingMetadata, compact; false: there was none, or nothing in it. */
bool openai_grounding_write(const struct openai_citations *, struct buf *out);

#endif
