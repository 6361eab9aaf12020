/*
 * What the requests of OpenAI's doors have in common: a body that is walked once, and fields that
 * mean the same behind each of them.  Pure.
 *
 * Of every reader: null is as good as absent, the last of several wins, the value ahead is
 * consumed.  False: the value is refused and err names its field, or the text has a fault.
 */
#ifndef POLLUX_DIALECT_OPENAI_FIELDS_H
#define POLLUX_DIALECT_OPENAI_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/text.h"
#include "dialect/dialect.h"
#include "gemini/call.h"

/* Takes the value of the member, as the readers here do. */
typedef bool openai_member_fn(void *ctx, struct span key);

/* The whole body: an object, whose members are given one by one until one is refused.  Where the
 * text is not JSON that is said, whatever the reader made of it. */
bool openai_body_read(struct scan *, openai_member_fn *, void *ctx, struct err *);

/* usual: what it is when it is absent. */
bool openai_flag_read(struct scan *, const char *field, bool usual, bool *out, struct err *);
bool openai_text_read(struct scan *, const char *field, struct span *escaped, struct err *);
bool openai_stream_options_read(struct scan *, bool *include_usage, struct err *);

/* dialect_find_model, of a name that is escaped. */
bool openai_model_find(const struct dialect_request *, struct call *, struct arena *,
    struct span escaped, struct dialect_model *, struct err *);

/*
 * A text, or a list of at most that many, as they stand in a body that was read: raw.  Each is
 * given in its escaped form, and none is empty.  Tokens are refused: Gemini takes text alone.
 */
bool openai_texts_read(struct span raw, const char *field, size_t most,
    void (*take)(void *ctx, struct span escaped), void *ctx, struct err *);

#endif
