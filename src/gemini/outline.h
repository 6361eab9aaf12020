/*
 * A walk over JSON in pieces (base/rope.h), token by token, for whoever wants to know what a body
 * holds without flattening it: a walk costs little more than finding the ends of its strings.
 *
 * For bodies that were read and validated before.  Brackets, commas, colons and depth are
 * checked; what stands in strings and words, and all that is skipped, is not.  Pure; no allocation.
 *
 *	struct outline o;
 *
 *	outline_init(&o, body);
 *	if (outline_next(&o) == OUTLINE_OBJECT)
 *		while (outline_next(&o) == OUTLINE_KEY) {
 *			if (span_is(outline_key(&o), "cachedContent"))
 *				...outline_next(&o) and what it is...
 *			else
 *				outline_skip(&o);
 *		}
 */
#ifndef POLLUX_GEMINI_OUTLINE_H
#define POLLUX_GEMINI_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/rope.h"
#include "base/span.h"

#define OUTLINE_DEPTH_MAX 128
#define OUTLINE_KEY_MAX   48

enum outline_token {
	OUTLINE_BAD,  /* broken, or nested too deeply: so says every call from then on */
	OUTLINE_DONE, /* the value is over, and nothing follows */
	OUTLINE_OBJECT,
	OUTLINE_ARRAY,
	OUTLINE_CLOSE, /* of either */
	OUTLINE_KEY,   /* its value comes next */
	OUTLINE_STRING,
	OUTLINE_WORD /* a number, true, false, null */
};

/* What stands between quotes, in its escaped form, or a word; perhaps in several pieces. */
struct outline_text {
	const struct span *piece; /* where it begins; borrowed from the body */
	size_t at;                /* in that piece */
	size_t len;
};

struct outline {
	struct outline_text text;                 /* of the last key, string or word */
	const struct span *piece;                 /* private, as is the rest */
	const struct span *behind;                /* the last piece */
	const char *at, *end;                     /* of the piece */
	uint64_t objects[OUTLINE_DEPTH_MAX / 64]; /* bits: which of what is open are objects */
	unsigned depth;
	int expects;
	char key[OUTLINE_KEY_MAX];
	size_t key_len;
};

void outline_init(struct outline *, const struct body *); /* the body is borrowed */
enum outline_token outline_next(struct outline *);
/* The value of the key just read, whole.  False: it is broken. */
bool outline_skip(struct outline *);
/* All that is left of the innermost object or array, its end included. */
bool outline_leave(struct outline *);

/* The key just read, in Google's camelCase however it is written ("inline_data" is "inlineData");
 * empty when it is longer than OUTLINE_KEY_MAX.  Escapes in it are not understood. */
struct span outline_key(const struct outline *);
/* The key just read holds what is the client's own: arguments and results of functions,
 * schemas.  A "fileData" in there is not Google's. */
bool outline_is_foreign(const struct outline *);

/* The first part of a text that lies in one piece, taken off its front; len 0 at the end. */
struct span outline_text_cut(struct outline_text *);
bool outline_text_is(struct outline_text, const char *);
/* As far as there is room; gives how many bytes. */
size_t outline_text_copy(struct outline_text, char *out, size_t room);

#endif
