/*
 * Reading answers.  A chunk is one piece of an answer in Gemini's shape; a plain answer is
 * one chunk, a stream is many.  Pure.
 *
 * All spans point into the raw bytes of the chunk and, like the arrays, live until the
 * callback returns.  Texts are in their escaped form (base/scan.h).
 */
#ifndef POLLUX_GEMINI_CHUNK_H
#define POLLUX_GEMINI_CHUNK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/sse.h"
#include "base/text.h"
#include "gemini/call.h"

enum part_kind {
	PART_TEXT, /* or nothing that could be shown: a signature alone, {} */
	PART_FUNCTION_CALL,
	PART_INLINE_DATA,
	PART_CODE,        /* executableCode */
	PART_CODE_RESULT, /* codeExecutionResult */
	PART_OTHER
};

struct part {
	enum part_kind kind;
	bool thought;               /* a thought summary */
	struct span text;           /* escaped; of code and its result too */
	struct span language;       /* of code: "PYTHON", escaped, or a number */
	struct span signature;      /* thoughtSignature, escaped; p == NULL when absent */
	struct span name, args, id; /* of a function call: escaped, raw JSON, escaped */
	struct span partial;        /* its partialArgs, raw (gemini/partial_args.h) */
	bool will_continue;         /* more of the same call follows */
	struct span mime, data;     /* of inline data, escaped */
	struct span raw;            /* the part's own JSON */
};

struct candidate {
	int64_t index;
	struct part *parts;
	size_t part_count;
	struct span finish_reason;  /* escaped, or a number; p == NULL: not finished */
	struct span finish_message; /* escaped */
	struct span grounding, citation, logprobs, safety; /* raw JSON; p == NULL when absent */
};

/* What a finish reason comes to. */
enum finish {
	FINISH_NONE,   /* not said */
	FINISH_STOP,   /* the natural end, calls included */
	FINISH_LENGTH, /* cut short */
	FINISH_FILTER, /* taken away for what it says */
	FINISH_FAILED  /* the model went wrong, or a reason newer than this house */
};
enum finish finish_of(struct span reason);

#define USAGE_TOTALS(U)                                                                            \
	U(prompt, "promptTokenCount")                                                              \
	U(cached, "cachedContentTokenCount")                                                       \
	U(candidates, "candidatesTokenCount")                                                      \
	U(thoughts, "thoughtsTokenCount")                                                          \
	U(tool_prompt, "toolUsePromptTokenCount")                                                  \
	U(total, "totalTokenCount")
/* By modality, of promptTokensDetails and of candidatesTokensDetails. */
#define USAGE_PROMPT_DETAILS(U)                                                                    \
	U(prompt_text, "TEXT")                                                                     \
	U(prompt_audio, "AUDIO")                                                                   \
	U(prompt_image, "IMAGE")
#define USAGE_ANSWER_DETAILS(U)                                                                    \
	U(answer_text, "TEXT")                                                                     \
	U(answer_audio, "AUDIO")                                                                   \
	U(answer_image, "IMAGE")
#define USAGE_COUNTERS(U) USAGE_TOTALS(U) USAGE_PROMPT_DETAILS(U) USAGE_ANSWER_DETAILS(U)

struct usage { /* -1: not said */
#define USAGE_MEMBER(name, key) int64_t name;
	USAGE_COUNTERS(USAGE_MEMBER)
#undef USAGE_MEMBER
};
void usage_init(struct usage *);
void usage_merge(struct usage *into, const struct usage *newer); /* the last said of each wins */

struct chunk {
	struct span raw; /* the JSON of this chunk */
	size_t part;     /* of the call's parts, the one that this answers */
	struct candidate *candidates;
	size_t candidate_count;
	struct usage usage;
	/* Of promptFeedback, escaped; p == NULL: not blocked.  A message alone blocks as
	 * "BLOCK_REASON_UNSPECIFIED". */
	struct span block_reason;
	struct span block_message;              /* escaped */
	struct span response_id, model_version; /* escaped */
	struct span error;                      /* raw JSON of an "error" member; p == NULL: none */
};

/* False when it is not a JSON object, or a member has a type it cannot have.  Unknown
 * members and unknown enum values are fine.  For calls that answer otherwise (countTokens,
 * embeddings, models) only raw is filled. */
bool chunk_parse(struct span json, enum operation, struct arena *, struct chunk *, struct err *);
/*
 * Something the client can be told: a part, a block, an end that is what the model meant; for the
 * other operations any answer.  An end by FINISH_FAILED with nothing beside it says nothing:
 * another try may do better (lessons 38, 43).
 */
bool chunk_says_something(const struct chunk *, enum operation);
/* A candidate ended, for whatever reason: where nothing better comes, that is the answer. */
bool chunk_ends(const struct chunk *);

/*
 * Takes the bytes of an answer in any split and any of the three framings and calls back for
 * each chunk.  A bare JSON error amid a stream comes as a chunk whose error is set; so does an
 * error in a list of one.  Nothing of a chunk outlives its callback, and what is held between
 * two feeds is at most one chunk of at most max_bytes.
 */
typedef bool chunk_fn(void *ctx, const struct chunk *); /* false stops the reading */

struct chunk_reader;
struct chunk_reader *chunk_reader_new(
    enum framing, enum operation, size_t max_bytes, chunk_fn *, void *ctx);
void chunk_reader_free(struct chunk_reader **); /* not inside its own callback */
/* False: stopped by the callback, or not to be understood (err filled, kind UPSTREAM). */
bool chunk_reader_feed(struct chunk_reader *, struct span, struct err *);
/* The end of the bytes: gives what is still held; false when they end in the middle of a
 * chunk, or of the list of the array framing. */
bool chunk_reader_finish(struct chunk_reader *, struct err *);
/* The bytes of a plain answer, whole, moved out: behind chunk_reader_finish, or in its callback's
 * wake.  Of other framings there is nothing. */
void chunk_reader_take(struct chunk_reader *, struct buf *out);

#endif
