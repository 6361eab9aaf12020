/*
 * The models that upstream has for our credentials, merged from what several of them were told.
 * Asked for when a client wants the list and it is older than CATALOGUE_FRESH_MS; kept in the
 * store, one record for each model, so that all workers and the next start know it.  Each
 * worker has a copy, made anew when the store has changed.
 */
#ifndef POLLUX_UPSTREAM_CATALOGUE_H
#define POLLUX_UPSTREAM_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"
#include "gemini/model.h"
#include "ipc/board.h"
#include "store/store.h"
#include "store/writer.h"

#define CATALOGUE_FRESH_MS INT64_C(600000)
#define CATALOGUE_FORGET_MS                                                                        \
	INT64_C(172800000) /* what no credential was told of for so long is gone */

struct catalogue_model {
	struct span name;                    /* bare, plain */
	struct span display_name;            /* plain; may be empty */
	int64_t input_tokens, output_tokens; /* 0: not said */
	bool thinks;                         /* upstream says so */
	bool generates, embeds;              /* generateContent; embedContent */
	int64_t seen_wall_ms;                /* when a credential was told of it last */
};

void catalogue_encode(const struct catalogue_model *, struct buf *record);
/* The texts are borrowed from name and record.  False: not a record. */
bool catalogue_decode(struct span name, struct span record, struct catalogue_model *);

struct catalogue;

/* All borrowed; the writer may be NULL (tests). */
struct catalogue *catalogue_new(struct store *, struct board *, struct writer *);
void catalogue_free(struct catalogue **);

bool catalogue_is_fresh(struct catalogue *, int64_t now_wall_ms);
/* In order of name, until fn says false; what is forgotten is left out.  fn notes nothing. */
void catalogue_each(struct catalogue *, int64_t now_wall_ms,
    bool (*fn)(void *ctx, const struct catalogue_model *), void *ctx);
/* Or NULL; there until the catalogue is spoken to again. */
const struct catalogue_model *catalogue_find(struct catalogue *, struct span bare);
/* What upstream says of the model fills in what the table of gemini/model.c does not know. */
void catalogue_refine(struct catalogue *, struct span bare, struct model_facts *);

/* A credential was told of this model just now.  Copies; written to the store by catalogue_save. */
void catalogue_note(struct catalogue *, const struct catalogue_model *);
void catalogue_save(struct catalogue *, int64_t now_wall_ms);

#endif
