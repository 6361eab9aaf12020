/*
 * How many tokens a prompt will count, before upstream has said so: what is reserved of a limit of
 * tokens a minute, and settled when the answer tells.  What was reserved too little breaks the limit;
 * what was reserved too much only makes others wait until it is settled.  So this is an upper
 * estimate, and one that a change of what clients talk about does not surprise.
 *
 *	text        words, digits, punctuation and the characters of other scripts are counted
 *	            apart, each kind times what one of it was worth lately with this model: a
 *	            digit is a whole token, a byte of English a quarter of one
 *	image       1,290 in a body
 *	text/...    in a body: as text
 *	sound, video, documents in a body: 258, and one for every 64 of its bytes
 *	a file that is named by its URI: 258, for nothing is known of it
 *
 * All bytes of the JSON are text but those of media.  What was learned follows upwards at once and
 * downwards slowly, long prompts move it more than short ones, and of a kind that was never
 * met the most is expected.  Prompts with media teach nothing: their tokens cannot be told apart.
 */
#ifndef POLLUX_UPSTREAM_ESTIMATE_H
#define POLLUX_UPSTREAM_ESTIMATE_H

#include <stdint.h>
#include "base/rope.h"
#include "base/span.h"

/* Models that are remembered: names come from clients.  One more, and the one of which nothing
 * was heard for longest is forgotten. */
#define ESTIMATE_MODELS 64

struct estimates; /* of a worker: what it learned of each model */

struct estimates *estimates_new(void);
void estimates_free(struct estimates **);
/* Of a body in Gemini's JSON; at least 1. */
uint64_t estimate_tokens(struct estimates *, struct span model, const struct body *);
/* Upstream counted so many for this body (without what tools and caches added). */
void estimate_learn(
    struct estimates *, struct span model, const struct body *, int64_t prompt_tokens);

#endif
