/*
 * Calls of functions that Gemini made, with their thought signatures, kept for the clients that
 * drop them: short ids go out, the signature comes back from here, in whichever worker and
 * after a restart (lessons 1 to 8; Gemini API, "thought signatures").
 *
 * A record belongs to the client it was made for.  It is found by the id that was given out, or
 * by what the call is (name, arguments, place) where a client made an id of its own.  It lives
 * for SIGNATURE_TTL_MS behind its last use.
 */
#ifndef POLLUX_MEMORY_SIGNATURE_H
#define POLLUX_MEMORY_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/mem.h"
#include "dialect/dialect.h"
#include "store/seal.h"
#include "store/store.h"
#include "store/writer.h"

#define SIGNATURE_TTL_MS    INT64_C(86400000)
#define SIGNATURE_COUNT_MAX 200000
#define SIGNATURE_BYTES_MAX (UINT64_C(256) << 20)

/* Whose it is and with what it is read and written; all borrowed. */
struct signature_book {
	struct store *store;
	const struct seal *seal;
	struct writer *writer; /* NULL: nothing is written */
	struct span client;    /* its id; "" for everyone without a key */
};

/* Copies.  done as writer_write has it, but not called when this is false: the queue is full, or
 * the call is too large to be kept. */
bool signature_keep(const struct signature_book *, const struct signed_call *, int64_t now_wall_ms,
    writer_fn *done, void *ctx);
/* By id.  out's spans are in the arena. */
bool signature_find(const struct signature_book *, struct span id, int64_t now_wall_ms,
    struct arena *, struct signed_call *out);
/* By name, args, step_index and the family of the model. */
bool signature_find_like(const struct signature_book *, const struct signed_call *like,
    int64_t now_wall_ms, struct arena *, struct signed_call *out);

/*
 * Erases what is over its time, and the oldest of what is too many; a chore of the janitor.
 * Gives how many records went; when that is not 0 there may be more to do.
 */
size_t signature_sweep(struct store *, struct committer *, int64_t now_wall_ms);

#endif
