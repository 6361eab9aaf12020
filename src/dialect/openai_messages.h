/*
 * The messages of OpenAI's chat, read and written as Gemini's contents and systemInstruction.
 * Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_MESSAGES_H
#define POLLUX_DIALECT_OPENAI_MESSAGES_H

#include <stdbool.h>
#include "base/err.h"
#include "base/scan.h"
#include "base/text.h"
#include "gemini/content.h"

struct openai_piece;

struct openai_messages {              /* zeroed to begin with */
	struct buf body;              /* owned: Gemini's request, its last brace not yet written */
	struct buf system;            /* owned: the parts of the leading system messages */
	struct content_list contents; /* in body */
	size_t message_count;
	bool leading;                /* only system messages so far */
	struct openai_piece *pieces; /* owned: texts of the message under way */
	size_t piece_room;
	struct scan *s;  /* borrowed while reading */
	struct err *err; /* borrowed while reading */
};

/* Reads the list ahead; the last of several wins.  False: err names the place, or the text
 * has a fault. */
bool openai_messages_read(struct openai_messages *, struct scan *, struct err *);
/* Behind this the caller adds what else the request has, and the brace. */
bool openai_messages_end(struct openai_messages *, struct err *);
void openai_messages_fini(struct openai_messages *);

#endif
