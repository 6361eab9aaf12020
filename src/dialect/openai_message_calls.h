/*
 * Calls of tools in the messages of OpenAI's chat, and what their results say.  Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_MESSAGE_CALLS_H
#define POLLUX_DIALECT_OPENAI_MESSAGE_CALLS_H

#include <stdbool.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "dialect/openai_tools.h"
#include "dialect/turns.h"

/* Of a message: which one it is, for paths, and what its calls are told with. */
struct message_calling {
	size_t message;
	const struct openai_tools *tools; /* NULL: none */
	struct arena *arena;
	struct turns *turns;
	struct err *err;
};

/* raw: the value of "tool_calls", of "function_call", not null; part of a text that was scanned
 * whole.  Tells each call to turns; false: err names the place. */
bool message_calls_tell(const struct message_calling *, struct span raw, size_t *count);
bool message_function_call_tell(const struct message_calling *, struct span raw);

/* A tool's name (escaped) as Gemini knows it, plain. */
struct span message_call_name(const struct openai_tools *, struct span escaped, struct arena *);
/* What a result (escaped) says, as the object that Gemini wants: itself when it is a JSON object,
 * else {"output": what it is}. */
struct span message_call_response(struct span escaped, struct arena *);
/* Without escapes, in the arena where it had some. */
struct span message_plain(struct span escaped, struct arena *);
/* JSON that was scanned goes no deeper than that. */
bool message_is_shallow(struct span json, size_t depth);
/* Deeper is what a client sends nowhere, and Gemini takes nowhere. */
#define MESSAGE_DEPTH_MAX 96

#endif
