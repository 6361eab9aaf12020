/*
 * What is known of Gemini's models: names as people write them, families, limits, what each can
 * do.  One table.  Pure.  Unknown models are not refused here: upstream decides what exists.
 */
#ifndef POLLUX_GEMINI_MODEL_H
#define POLLUX_GEMINI_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

/* "models/x", "google/x" and "x" are one: gives "x". */
struct span model_bare(struct span name);
/* Safe to stand in a URL path: letters, digits, '-', '_', '.', at most 128; "tunedModels/x" too. */
bool model_name_is_valid(struct span bare);

/*
 * What a model, or a request, has to do without.  Known beforehand from the family, or learned
 * from a refusal of upstream's ("Penalty is not enabled for this model"): then the request is
 * translated once more without it.  The words stand in model.c.
 *
 *	lack			what is left out or done otherwise */
#define MODEL_LACKS(L)                                                                             \
	L(PENALTIES, "penalties")          /* presencePenalty, frequencyPenalty */                 \
	L(LOGPROBS, "logprobs")            /* responseLogprobs, logprobs */                        \
	L(CANDIDATES, "candidateCount")    /* n > 1 takes several calls */                         \
	L(TOP_K, "topK")                                                                           \
	L(SEED, "seed")                                                                            \
	L(THINKING, "thinkingConfig")                                                              \
	L(SYSTEM, "systemInstruction")     /* spoken as the user's first turn */                   \
	L(JSON_MODE, "responseMimeType")   /* a format of the answer: asked for in words */        \
	L(JSON_SCHEMA, "JSON Schema")      /* parametersJsonSchema, responseJsonSchema */          \
	L(FORMAT_WITH_TOOLS, "a response format beside functions")                                 \
	L(SEARCH_WITH_TOOLS, "search beside functions")                                            \
	L(MEDIA_RESOLUTION, "mediaResolution")                                                     \
	L(SIGNATURES, "thought signatures") /* those of this request: the placeholder instead */   \
	L(MODEL_FIRST, "a first turn of the model") /* a user's turn is put in front */            \
	L(MODEL_LAST, "a last turn of the model")   /* "Continue." is put behind */

enum model_lack {
#define MODEL_LACK_ENUM(lack, words) LACK_##lack,
	MODEL_LACKS(MODEL_LACK_ENUM)
#undef MODEL_LACK_ENUM
	    LACK_COUNT
};
#define LACKS(lack) (1u << LACK_##lack)

/*
 * A refusal may speak of the one request alone: of a budget that is too small, of a schema that is
 * too large.  Then it says nothing of the model, and the lack is named by a bit of its own.
 */
#define LACKS_HERE(lack) (1u << (LACK_COUNT + LACK_##lack))

const char *model_lack_name(enum model_lack); /* for the log */
/* What a refusal of upstream's speaks of, LACKS and LACKS_HERE; 0: none.  plain. */
unsigned model_lacks_named(struct span message);
/* Of those the ones that are the model's for good: LACKS alone. */
unsigned model_lacks_lasting(unsigned lacks);
/* All of them as LACKS: what a translation has to do without. */
unsigned model_lacks_now(unsigned lacks);

enum model_thinking {
	THINKING_NONE,   /* any thinkingConfig is refused */
	THINKING_BUDGET, /* thinkingBudget, in tokens */
	THINKING_LEVEL   /* thinkingLevel */
};

enum thinking_level { LEVEL_MINIMAL, LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH };

struct model_facts {
	int64_t output_token_limit; /* 0: unknown, do not clamp */
	int64_t input_token_limit;  /* 0: unknown */
	int major, minor;           /* 2, 5 for gemini-2.5-flash; 0, 0 when it cannot be told */
	bool thinks;
	enum model_thinking thinking;
	int32_t budget_min, budget_max; /* of THINKING_BUDGET; besides -1 */
	bool thinking_stops;            /* a budget of 0 is allowed */
	bool thinking_rests;            /* it does not think unless it is asked to */
	unsigned levels;                /* of THINKING_LEVEL: 1u << LEVEL_... */
	bool makes_images, makes_speech;
	unsigned lacks;                 /* LACKS(...) */
};
/* By the longest known prefix ("gemini-2.5-flash-lite-preview-09" is a gemini-2.5-flash-lite). */
struct model_facts model_facts(struct span bare);

/* Gemini asks for signatures of function calls ("thought signatures", Google). */
bool model_wants_signatures(const struct model_facts *);
/* "gemini-3": what signatures may be carried between; "" when it cannot be told. */
void model_family(const struct model_facts *, char family[24]);

#endif
