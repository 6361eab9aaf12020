/*
 * Freezes that wait for a proof: see unproven.h.
 */
#include "upstream/unproven.h"

#include <string.h>

void
unproven_note(struct unproven *u, struct span model, int subject,
    const struct fitness_freeze *freeze, struct moment now)
{
	struct unproven_freeze *f = &u->items[u->next];

	if (model.len == 0 || model.len > BOARD_MODEL_BYTES || subject < 0)
		return;
	u->next = (u->next + 1) % UNPROVEN_MAX;
	*f = (struct unproven_freeze){ .subject = subject, .freeze = *freeze, .noted_ms = now.ms };
	memcpy(f->model, model.p, model.len);
}

void
unproven_proved(
    struct unproven *u, struct board *b, struct span name, int model, struct moment now)
{
	for (size_t i = 0; i < UNPROVEN_MAX; i++) {
		struct unproven_freeze *f = &u->items[i];

		if (f->model[0] == '\0' || !span_is(name, f->model))
			continue;
		struct board_row *own = board_row(b, f->subject, model, true);

		if (own && now.ms - f->noted_ms < UNPROVEN_KEPT_MS) {
			fitness_freeze(own, &f->freeze, now);
			board_mark(b, f->subject);
		}
		*f = (struct unproven_freeze){ .subject = -1 };
	}
}
