/*
 * Calls of functions in an answer of OpenAI's chat: their ids, their names as the client knows
 * them, their arguments, and what the house has to remember of each.  Pure but for that; of one
 * choice, in the exchange's arena.
 */
#ifndef POLLUX_DIALECT_OPENAI_TOLD_CALLS_H
#define POLLUX_DIALECT_OPENAI_TOLD_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/text.h"
#include "dialect/dialect.h"
#include "gemini/chunk.h"

struct openai_open_call; /* one whose arguments come in pieces */

struct openai_told_calls {
	int64_t choice;                /* index */
	struct span salt;              /* borrowed: what nobody else knows, for ids */
	size_t count;                  /* told to the client */
	struct openai_open_call *open; /* in the arena, used again; NULL: never one */
};

/* "call_" and the like, and 24 letters that nothing else of anyone has. */
void openai_id_write(
    struct buf *, const struct dialect_out *, const struct openai_told_calls *, const char *prefix);

/*
 * Appends what is told of a part that is a call: an item of tool_calls, or where the request had
 * functions the value of function_call.  False: nothing, since only one call was wanted, or since
 * its arguments are not all there.
 */
bool openai_told_calls_add(
    struct openai_told_calls *, struct dialect_out *, const struct part *, struct buf *item);
/*
 * The answer ended.  Appends what is still to be told of a call that has not; where the answer
 * was cut short its arguments stay cut.
 */
bool openai_told_calls_end(
    struct openai_told_calls *, struct dialect_out *, bool cut, struct buf *item);
/* A call has begun and not ended. */
bool openai_told_calls_is_open(const struct openai_told_calls *);
/* "tool_calls" or "function_call": where the items belong. */
const char *openai_told_calls_key(const struct dialect_out *);

#endif
