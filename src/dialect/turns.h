/*
 * A conversation on its way to Gemini: what the dialects have in common.  A dialect tells its
 * messages in order; this room makes Gemini's contents and systemInstruction of them, with the
 * repairs that Gemini's rules of turns ask for: results follow their calls, in the calls' order,
 * each call has one, orphans are told as text; signatures go where they stood.  Pure.
 *
 * (Google: Gemini API, function calling, thought signatures; lessons 1 to 8.)
 *
 * turns.c listens, turns_sign.c knows about signatures, turns_write.c repairs and writes.  Every
 * span that is told is borrowed for as long as the body that is written lives.
 */
#ifndef POLLUX_DIALECT_TURNS_H
#define POLLUX_DIALECT_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/rope.h"
#include "dialect/dialect.h"
#include "gemini/model.h"

enum speaker { SPEAKER_SYSTEM, SPEAKER_USER, SPEAKER_MODEL };

struct turn_call {
	struct span id;   /* the client's, plain; may be empty (legacy functions) */
	struct span name; /* as Gemini knows it, plain */
	struct span args; /* raw JSON: an object */
	struct span
	    signature; /* that the client brought, escaped base64; may be empty or rubbish */
};

struct turn_result {
	struct span id;           /* the client's, plain; may be empty: by name then */
	struct span name;         /* as Gemini knows it, plain; may be empty: from the call */
	struct span response;     /* raw JSON: an object */
	struct span text;         /* escaped: what it says as text, should it be an orphan */
	const struct rope *media; /* parts {"inlineData":...}, comma separated; or NULL */
};

struct turns;

/* house and model are borrowed; house may be NULL: nothing is known of any call. */
struct turns *turns_new(
    struct arena *, const struct dialect_house *, const struct dialect_model *, enum late_system);
void turns_free(struct turns **); /* what is not in the arena; NULL or empty is fine */

/* One message: begin, its parts, end.  A message of nothing is dropped; a user's becomes a blank.
 */
void turns_begin(struct turns *, enum speaker);
void turns_text(struct turns *, struct span escaped); /* an empty one is dropped */
/* A text that has a signature of its own, or is a thought (extra_content.google). */
void turns_text_signed(struct turns *, struct span escaped, struct span signature, bool thought);
void turns_media(
    struct turns *, const struct rope *part_json);         /* copied: its borrowed spans are not */
void turns_call(struct turns *, const struct turn_call *); /* of the model */
/* In a message of the user's.  Goes to the call before it that has this id (or name) and has no
 * result yet; with none such, to the last one that has this id: the last result wins. */
void turns_result(struct turns *, const struct turn_result *);
void turns_end(struct turns *);
/* More words of the system, behind its own: "Answer with JSON of this schema: ...".  Escaped. */
void turns_instruct(struct turns *, struct span escaped);

/*
 * What may go upstream for a signature that a client brought (escaped): itself, without escapes;
 * the skip value, where this request has to do without signatures; empty when it is not base64.
 */
struct span turns_signature(const struct turns *, struct span escaped);

size_t turns_count(
    const struct turns *); /* messages so far that were not dropped; not the system's */
bool turns_is_empty(const struct turns *); /* nothing that could be answered */
/* Appends "contents":[...] and ,"systemInstruction":{...} if there is one.  Once. */
void turns_write(struct turns *, struct rope *out);

#endif
