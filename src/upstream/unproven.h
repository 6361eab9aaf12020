/*
 * Freezes for models that nobody has proved to exist yet.  Names come from clients, so such a model has
 * no rows on the board (upstream/fitness.h); what one credential was refused is kept here for a
 * while and put on the board when another one proves the model.  Private to a process; the latest
 * few only.
 */
#ifndef POLLUX_UPSTREAM_UNPROVEN_H
#define POLLUX_UPSTREAM_UNPROVEN_H

#include <stdint.h>
#include "base/moment.h"
#include "base/span.h"
#include "ipc/board.h"
#include "upstream/fitness.h"

#define UNPROVEN_MAX     16
#define UNPROVEN_KEPT_MS 600000

struct unproven_freeze {
	char model[BOARD_MODEL_BYTES + 1];
	int subject;
	struct fitness_freeze freeze;
	int64_t noted_ms;
};

/* Zeroed: empty.  Embedded in its owner. */
struct unproven {
	struct unproven_freeze items[UNPROVEN_MAX];
	uint32_t next; /* the place to be written over */
};

void unproven_note(struct unproven *, struct span model, int subject,
    const struct fitness_freeze *, struct moment);
/* The board has rows for it from now on: those of the ones noted are frozen, and forgotten here. */
void unproven_proved(
    struct unproven *, struct board *, struct span name, int model, struct moment);

#endif
