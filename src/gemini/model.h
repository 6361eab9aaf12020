/*
 * What is known of Gemini's models: names as people write them, families, limits, capabilities.
 * Pure.  Unknown models are not refused here: upstream decides what exists.
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

struct model_facts {
	int64_t output_token_limit; /* 0: unknown, do not clamp */
	int64_t input_token_limit;  /* 0: unknown */
	int major, minor;           /* 2, 5 for gemini-2.5-flash; 0, 0 when it cannot be told */
	bool thinks;
};
/* By the longest known prefix ("gemini-2.5-flash-lite-preview-09" is a gemini-2.5-flash-lite). */
struct model_facts model_facts(struct span bare);

#endif
