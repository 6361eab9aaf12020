/*
 * The messages of OpenAI's chat, read from a request that was scanned, and told to turns.  Pure.
 *
 * openai_message_parts.c knows what content is made of, openai_message_calls.c calls and results,
 * openai_message_extra.c what rides along.
 */
#ifndef POLLUX_DIALECT_OPENAI_MESSAGES_H
#define POLLUX_DIALECT_OPENAI_MESSAGES_H

#include <stdbool.h>
#include "base/err.h"
#include "base/text.h"
#include "dialect/dialect.h"
#include "dialect/openai_tools.h"
#include "dialect/turns.h"

/*
 * raw: the value of "messages" (p == NULL: it was not there), part of a text that was scanned
 * whole.  tools: as openai_tools_write left them, so that it is known which of them are wrapped;
 * NULL: none.  Media that is to be fetched goes into call->remotes.  image detail on families that
 * know no resolution for each part is gathered in *resolution (the highest asked for; NULL: none).
 * False: err names the place, "messages[2].content[0].type".
 */
bool openai_messages_read(struct span raw, const struct dialect_request *, struct arena *,
    struct call *, const struct dialect_model *, const struct openai_tools *, struct turns *,
    const char **resolution, struct err *);

#endif
