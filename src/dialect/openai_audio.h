/*
 * Speech in an answer: parts of inline audio become the one audio of a message.  What Gemini
 * gives as bare samples (audio/L16) gets the head of a WAV file, so that it can be played.  Pure;
 * of one choice, in the exchange's arena.
 */
#ifndef POLLUX_DIALECT_OPENAI_AUDIO_H
#define POLLUX_DIALECT_OPENAI_AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/text.h"
#include "dialect/openai_pieces.h"
#include "gemini/chunk.h"

struct openai_audio { /* zeroed to begin with */
	bool begun;
	struct openai_kept mime;    /* of the first part, escaped */
	struct openai_pieces parts; /* of a plain answer: base64 of each, escaped */
	/* Of a stream: bytes that wait for more, since base64 takes three at a time. */
	unsigned char carry[2];
	size_t carried;
};

bool openai_audio_is(const struct part *);

/* Of a plain answer: kept until all is there; then appends its base64. */
void openai_audio_keep(struct openai_audio *, struct arena *, const struct part *);
void openai_audio_write(const struct openai_audio *, bool raw, struct buf *out);

/*
 * Of a stream: appends base64 that can be decoded by itself and be joined with what came and
 * comes; perhaps none.  The end appends what was left.  raw: no head, for who asked for samples.
 */
void openai_audio_stream(
    struct openai_audio *, struct arena *, const struct part *, bool raw, struct buf *out);
void openai_audio_end(struct openai_audio *, struct buf *out);

#endif
