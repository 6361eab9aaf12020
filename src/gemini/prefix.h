/*
 * How a prompt begins: one hash of what stays the same while a conversation grows.  Requests of one
 * conversation that go to one credential meet Google's implicit cache there (lessons 65, 66;
 * Gemini API, "context caching").  Pure.
 *
 * The hash has no key: it is the same in all processes, on all machines and in all versions, until
 * PREFIX_VERSION moves.  Nobody gains by two prompts that collide but a warm cache.
 */
#ifndef POLLUX_GEMINI_PREFIX_H
#define POLLUX_GEMINI_PREFIX_H

#include <stdint.h>
#include "base/rope.h"
#include "base/span.h"

/* A shorter body than this cannot meet a cache: 1,024 tokens are the least that is ever cached. */
#define PREFIX_BODY_MIN 4096
/* No more of one text than this is looked at (and how long it is). */
#define PREFIX_TEXT_MAX 65536
#define PREFIX_VERSION  1

/*
 * Of Gemini's JSON: the model, systemInstruction, tools, cachedContent, and contents up to the
 * end of the first turn of the user's (a turn without a role is one).
 *
 * It makes no difference
 *	- how the body is cut into pieces,
 *	- what white space stands between tokens,
 *	- in which order an object has its members, at any depth,
 *	- whether names are written in camelCase or snake_case, at any depth,
 *	- what else the body has: configuration, safety settings, later turns.
 * It does make one how a string is escaped, how a number is written, and in which order an
 * array has its items.
 *
 * 0: the body is too short, or has no such beginning (embeddings, broken JSON).
 */
uint64_t prefix_hash(struct span model, const struct body *);
/* The same kind of hash of any text; never 0. */
uint64_t prefix_hash_text(struct span);

#endif
