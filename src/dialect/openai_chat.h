/*
 * Chat completions, shared by its rooms: openai_chat_in.c (request -> call), openai_chat_out.c
 * (chunk -> bytes) and openai_logprobs.c.
 */
#ifndef POLLUX_DIALECT_OPENAI_CHAT_H
#define POLLUX_DIALECT_OPENAI_CHAT_H

#include <stdbool.h>
#include "dialect/dialect.h"

/* What the answer must know of the request: call.notes. */
struct chat_notes {
	bool include_usage; /* stream_options.include_usage */
	bool logprobs;
};

bool openai_chat_decode(
    const struct dialect_request *, struct arena *, struct call *, struct err *);

/* Gemini's logprobsResult as the items of logprobs.content, comma separated; nothing is
 * appended when it holds none. */
void openai_logprobs_write(struct buf *, struct span logprobs_result);

#endif
