/*
 * The sampling fields of OpenAI's requests and those of what an answer is made of (words, images,
 * speech), read and written as members of Gemini's generationConfig.  Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_PARAMS_H
#define POLLUX_DIALECT_OPENAI_PARAMS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/text.h"
#include "gemini/call.h"
#include "gemini/model.h"
#include "gemini/object.h"

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

enum modality { MODALITY_TEXT, MODALITY_IMAGE, MODALITY_AUDIO, MODALITY_VIDEO, MODALITY_COUNT };

struct openai_params { /* zeroed to begin with */
	struct openai_number temperature, top_p, presence_penalty, frequency_penalty;
	struct openai_integer n, top_k, seed, max_tokens, max_completion_tokens, top_logprobs;
	bool logprobs;
	struct span stop[OPENAI_STOP_MAX]; /* escaped */
	size_t stop_count;
	enum modality modalities[MODALITY_COUNT]; /* each once, in the order of the request */
	size_t modality_count;                    /* 0: not said */
	bool audio;                               /* the field was there */
	struct span voice;                        /* audio.voice, escaped; may be empty */
	struct span audio_format;                 /* audio.format, escaped; may be empty */
	struct span
	    tier; /* service_tier as Gemini writes it: "flex", "priority"; empty: the usual */
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
/* How many answers are asked for: n. */
size_t openai_params_choices(const struct openai_params *);
/* They take as many calls: the model gives one at a time. */
bool openai_params_fan_out(const struct openai_params *, const struct model_facts *);
/*
 * Adds members to generationConfig.  What the model lacks is left out and noted in call->ignored,
 * as is what it has no word for.
 */
void openai_params_write(const struct openai_params *, const struct model_facts *, struct call *,
    struct arena *, struct object_writer *config);
/* The samples are wanted as they come, without a WAV head: audio.format is pcm16. */
bool openai_params_raw_audio(const struct openai_params *);

#endif
