/*
 * An answer of OpenAI's chat as it is gathered from Gemini's chunks: its choices, why each
 * ended, what was used, and the plain answer that is written of them.  Pure; all of it lies in
 * an arena.
 */
#ifndef POLLUX_DIALECT_OPENAI_ANSWER_H
#define POLLUX_DIALECT_OPENAI_ANSWER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/text.h"
#include "gemini/chunk.h"
#include "gemini/content.h"

/* Pieces of JSON, or of one escaped text, that belong together. */
struct openai_text {
	struct openai_text *next;
	struct span json;
};

struct openai_pieces {
	struct openai_text *first, *last;
};

struct openai_choice {
	struct openai_choice *next; /* by index */
	int64_t index;
	bool introduced; /* the role was told */
	int64_t calls, images;
	bool blocked;
	struct span finish;         /* escaped; p == NULL: not said */
	struct span finish_message; /* escaped */
	/* Of a plain answer. */
	struct openai_pieces content, reasoning, tool_calls, pictures, logprobs;
};

struct openai_answer {
	struct span head; /* of every event and of the plain answer: {"id":...,"model":... */
	struct openai_choice *choices;
	struct span block_reason; /* escaped */
	struct usage usage;
};

/* Keeps a copy in the arena. */
void openai_pieces_add(struct openai_pieces *, struct arena *, struct span json);
/* The choice of that index, made when it is new. */
struct openai_choice *openai_answer_choice(struct openai_answer *, struct arena *, int64_t index);
/* A choice ended without a word on why, and without calls, which are whole when they come. */
bool openai_answer_is_cut(const struct openai_answer *);

const char *openai_choice_finish(const struct openai_choice *); /* finish_reason */
/* Adds extra_content with Gemini's finish reason where OpenAI has no word for it. */
void openai_choice_native(struct object_writer *, const struct openai_choice *);
void openai_refusal_write(struct buf *, const struct openai_answer *); /* a JSON string */
void openai_usage_write(struct buf *, const struct usage *);           /* an object */
/* The whole plain answer behind its head. */
void openai_answer_write(const struct openai_answer *, struct buf *);

#endif
