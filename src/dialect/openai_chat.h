/*
 * Chat completions, shared by its rooms: openai_chat_in.c (request -> call), openai_chat_out.c
 * (chunk -> bytes), openai_logprobs.c, and legacy completions, which are a chat in other words.
 */
#ifndef POLLUX_DIALECT_OPENAI_CHAT_H
#define POLLUX_DIALECT_OPENAI_CHAT_H

#include <stdbool.h>
#include "dialect/dialect.h"
#include "dialect/openai_tools.h"

/* What the answer must know of the request: call.notes. */
struct chat_notes {
	bool include_usage;  /* stream_options.include_usage */
	bool logprobs;
	bool one_call;       /* parallel_tool_calls: false */
	bool raw_audio;      /* audio.format is pcm16: no WAV head */
	struct span thought_tag; /* plain: thoughts go into content between <TAG> and </TAG>; or empty */
	const struct openai_tools *tools; /* names as the client knows them; NULL: none */
};

bool openai_chat_decode(
    const struct dialect_request *, struct arena *, struct call *, struct err *);

/* Gemini's logprobsResult as the items of logprobs.content, comma separated; nothing is
 * appended when it holds none. */
void openai_logprobs_write(struct buf *, struct span logprobs_result);

#endif
