/*
 * Arguments of a function call that come in pieces (FunctionCall.partialArgs of the enterprise
 * surface), put together as the text of one JSON object: each piece names its place by a path,
 * "$.a.b[0]" (RFC 9535), and what is written never has to be taken back.  Pure.
 *
 * Pieces come in the order in which the text is read.  One that does not fit behind what is
 * written (another kind of container, a path into a value) is left out.
 */
#ifndef POLLUX_GEMINI_PARTIAL_ARGS_H
#define POLLUX_GEMINI_PARTIAL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/text.h"

#define PARTIAL_DEPTH_MAX 32   /* steps of a path; longer paths are left out */
#define PARTIAL_NAMES_MAX 1024 /* bytes of the names in a path */

struct partial_path {
	size_t depth;
	struct {
		size_t at, len; /* of a name, in names */
		bool is_item;   /* of a list; at is its index */
	} steps[PARTIAL_DEPTH_MAX];
	char names[PARTIAL_NAMES_MAX];
};

struct partial_args {             /* zeroed to begin with */
	struct partial_path path; /* of the value written last */
	bool in_text;             /* that value is a string whose end has not come */
};

/* pieces: the raw value of partialArgs.  Appends the text that they bring. */
void partial_args_add(struct partial_args *, struct span pieces, struct buf *out);
/* Appends what closes the object: "{}" when nothing came.  Ready for another call then. */
void partial_args_end(struct partial_args *, struct buf *out);

#endif
