/*
 * The format that an answer is to have, response_format: read, and written as Gemini's
 * responseMimeType with a schema, or in words where the model takes no such fields.  Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_FORMAT_H
#define POLLUX_DIALECT_OPENAI_FORMAT_H

#include <stdbool.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/text.h"
#include "gemini/call.h"
#include "gemini/model.h"
#include "gemini/object.h"

struct openai_format {      /* zeroed: plain text */
	struct span mime;   /* escaped; empty: plain text */
	struct span schema; /* raw; p == NULL: none */
	struct span name;   /* of the schema, escaped; may be empty */
};

/* Reads the value ahead; null is as good as absent.  False: err names the place, or the text has
 * a fault. */
bool openai_format_read(struct openai_format *, struct scan *, struct err *);
/*
 * Adds members to generationConfig.  Where the model cannot be told so, alone or beside functions
 * and search (with_tools), words for the system are appended to instruction instead, escaped; what
 * cannot be said in words either is noted in call->ignored.  False: the schema is refused.
 */
bool openai_format_write(const struct openai_format *, const struct model_facts *, bool with_tools,
    struct call *, struct arena *, struct object_writer *config, struct buf *instruction,
    struct err *);

#endif
