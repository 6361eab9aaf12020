/*
 * The sampling fields of OpenAI's requests, read and written as Gemini's generationConfig.
 * Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_PARAMS_H
#define POLLUX_DIALECT_OPENAI_PARAMS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/scan.h"
#include "base/text.h"

#define OPENAI_STOP_MAX 5 /* Gemini's limit; OpenAI's is 4 */

struct openai_number {
	bool set;
	double value;
	struct span raw; /* as it was written */
};

struct openai_integer {
	bool set;
	int64_t value;
};

struct openai_params {
	struct openai_number temperature, top_p, presence_penalty, frequency_penalty;
	struct openai_integer n, top_k, seed, max_tokens, max_completion_tokens, top_logprobs;
	bool logprobs;
	struct span stop[OPENAI_STOP_MAX]; /* escaped */
	size_t stop_count;
	struct span mime; /* escaped; of response_format; empty: plain text */
};

/*
 * Reads the value ahead if key is one of these fields.  *known says whether it is; then the
 * value is consumed, and false means that it is refused: err names the field, or the text has
 * a fault.  null is as good as absent, the last of several wins.
 */
bool openai_params_read(
    struct openai_params *, struct scan *, struct span key, bool *known, struct err *);
/* Of fields that only make sense together. */
bool openai_params_check(const struct openai_params *, struct err *);
/* Appends one JSON object.  output_limit: the model's, in tokens; 0: unknown. */
void openai_params_write(const struct openai_params *, int64_t output_limit, struct buf *);

#endif
