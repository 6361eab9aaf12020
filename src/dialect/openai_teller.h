/*
 * Telling an answer of OpenAI's chat part by part: as events of a stream, at once, or gathered
 * into its choice for a plain answer.  Pure; what is kept lies in the exchange's arena.
 */
#ifndef POLLUX_DIALECT_OPENAI_TELLER_H
#define POLLUX_DIALECT_OPENAI_TELLER_H

#include "dialect/dialect.h"
#include "dialect/openai_answer.h"
#include "gemini/chunk.h"
#include "gemini/object.h"

/* What the parts of one candidate are told with. */
struct openai_teller {
	struct dialect_out *out;
	struct openai_choice *choice;
	struct span logprobs; /* items that wait for a text to go with */
};

/* An event up to its delta, whose members the caller writes. */
void openai_event_begin(
    struct dialect_out *, const struct openai_choice *, struct object_writer *delta);
/* logprobs: items, may be empty.  finish: NULL, or the finish reason. */
void openai_event_end(
    struct dialect_out *, struct object_writer *delta, struct span logprobs, const char *finish);

/* Of a stream: the role, once. */
void openai_tell_role(struct openai_teller *);
void openai_tell_part(struct openai_teller *, const struct part *);
/* The probabilities that no text came for. */
void openai_tell_logprobs(struct openai_teller *);
/* What is still open at the end: a thought, a call, the last bytes of a sound. */
void openai_tell_rest(struct openai_teller *);

#endif
