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
#include "dialect/dialect.h"
#include "dialect/openai_audio.h"
#include "dialect/openai_citations.h"
#include "dialect/openai_pieces.h"
#include "dialect/openai_told_calls.h"
#include "gemini/chunk.h"
#include "gemini/object.h"

struct openai_choice {
	struct openai_choice *next; /* by index */
	int64_t index;
	bool introduced; /* the role was told */
	bool in_thought; /* content stands between the tags of a thought */
	size_t images;
	struct openai_told_calls calls;
	struct openai_citations citations;
	struct openai_audio audio;
	struct openai_kept block_reason;           /* escaped: the prompt was blocked */
	struct openai_kept finish, finish_message; /* escaped */
	struct openai_kept signature;              /* of a text, escaped: the last one */
	/* Of a plain answer. */
	struct openai_pieces content, reasoning, items, pictures, logprobs;
};

struct openai_answer {
	struct span head; /* of every event and of the plain answer: {"id":...,"model":... */
	struct openai_choice *choices;
	struct usage usage;
	struct span tag_open, tag_close; /* around thoughts in the content, escaped; or empty */
};

/*
 * The answer, made at its first chunk: out->state.  Its id is the prefix and what Gemini calls it
 * (response_id, escaped), or what the request is called; object: what OpenAI calls such an answer.
 */
struct openai_answer *openai_answer_open(struct dialect_out *, const char *id_prefix,
    const char *object, struct span response_id);
/* Its index may be one of the call's; what is none of it is left out. */
bool openai_answer_takes(const struct dialect_out *, const struct candidate *);
/* The choice of that index, made when it is new. */
struct openai_choice *openai_answer_choice(struct openai_answer *, struct arena *, int64_t index);
/* Of a candidate: why it ended, if it did. */
void openai_choice_ends(struct openai_choice *, struct arena *, const struct candidate *);
bool openai_choice_is_blocked(const struct openai_choice *);
/* A prompt that was blocked is an error here (dialect.blocked_prompt), not a choice. */
bool openai_blocks_are_errors(const struct dialect_out *);
/* At the end of out's answer (its state): each part of the call has its choices, and whatever was
 * streamed came to its end.  A choice without calls, which are whole when they come, is cut when
 * nothing was said of why it ended. */
bool openai_answer_check(const struct dialect_out *, struct err *);
/* The last events of a stream: the usage, if it was asked for, and [DONE]. */
void openai_answer_end_stream(struct dialect_out *, bool usage);
void openai_answer_keep_alive(struct dialect_out *);
/* The fail of such an answer: a blocked prompt has a code of its own. */
void openai_answer_fail(struct dialect_out *, const struct err *);

/* finish_reason.  call: that of a choice which stopped for its calls, "tool_calls". */
const char *openai_choice_finish(const struct openai_choice *, const char *call);
/* The last calls and texts were cut short. */
bool openai_choice_is_cut_short(const struct openai_choice *);
/* Adds extra_content as far as there is any: what is known of the whole message, and Gemini's
 * own finish reason where OpenAI's says less. */
void openai_choice_extra(
    struct object_writer *, const struct openai_choice *, bool of_message, bool of_finish);
/* What is said of its sound but the data: id, expires_at, transcript. */
void openai_choice_audio(
    struct object_writer *audio, const struct openai_choice *, const struct dialect_out *);
void openai_refusal_write(struct buf *, const struct openai_choice *); /* a JSON string */
void openai_usage_write(struct buf *, const struct usage *);           /* an object */
/* The whole plain answer behind its head. */
void openai_answer_write(const struct openai_answer *, struct dialect_out *);

#endif
