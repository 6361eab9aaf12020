/*
 * What upstream refused of a model's options ("Penalty is not enabled for this model"), learned
 * from its answers, so that the next request does without at once.  Kept in the store, believed
 * for LEARNED_TTL_MS; each worker has a copy of what it asked for.
 */
#ifndef POLLUX_UPSTREAM_LEARNED_H
#define POLLUX_UPSTREAM_LEARNED_H

#include <stdint.h>
#include "base/text.h"
#include "ipc/board.h"
#include "store/store.h"
#include "store/writer.h"

#define LEARNED_TTL_MS INT64_C(86400000)

struct learned;

/* All borrowed; the writer may be NULL (tests): then it is known here alone. */
struct learned *learned_new(struct store *, struct board *, struct writer *);
void learned_free(struct learned **);
/* LACKS(...) of the model, 0 when nothing is known. */
unsigned learned_lacks(struct learned *, struct span model, int64_t now_wall_ms);
/* Only what lasts is kept (model_lacks_lasting). */
void learned_note(struct learned *, struct span model, unsigned lacks, int64_t now_wall_ms);

#endif
