/*
 * Remote objects: what lives at Google and belongs to one credential (files, cached contents,
 * batches, tuned models, stores for file search, operations), and the rule that what names one must
 * use its owner (lesson 64).  Kept in the store until they expire there.
 *
 * Owners are learned from upstream's answers alone (memory/remote_name.h reads them).  The names
 * are Google's, or chosen by a client: where two credentials have an object of one name, the one
 * that was shown last counts.
 */
#ifndef POLLUX_MEMORY_REMOTE_H
#define POLLUX_MEMORY_REMOTE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"
#include "store/writer.h"
#include "upstream/credential.h"

#define REMOTE_TTL_MS     INT64_C(172800000) /* where the object does not say: 48 hours, as files */
#define REMOTE_LASTING_MS INT64_C(7776000000) /* of what does not expire there: 90 days unused */
#define REMOTE_COUNT_MAX  200000

struct remote_book { /* all borrowed */
	struct store *store;
	struct writer *writer; /* NULL: nothing is written */
};

/* An answer of upstream's that made or showed objects: remembers each it names, where that is
 * news.  done as writer_write has it, called only when this is true: something is being written. */
bool remote_learn(const struct remote_book *, struct span answer,
    const char owner[CREDENTIAL_ID_LEN + 1], int64_t now_wall_ms, writer_fn *done, void *ctx);
/* False: nobody is known to own it, nor what it is a part of ("fileSearchStores/s" of
 * "fileSearchStores/s/documents/d").  Asking counts as a use, which puts off the end of what does
 * not say when it expires. */
bool remote_owner(const struct remote_book *, struct span name, int64_t now_wall_ms,
    char owner[CREDENTIAL_ID_LEN + 1]);
/* The owner of all these; empty: none is known.  False: they belong to different ones, and err says
 * which two. */
bool remote_owner_of_all(const struct remote_book *, const struct span *names, size_t n,
    int64_t now_wall_ms, char owner[CREDENTIAL_ID_LEN + 1], struct err *);
/* It is deleted, or upstream does not know it. */
void remote_forget(const struct remote_book *, struct span name);

/*
 * Erases what is over its time, and the oldest of what is too many; a chore of the janitor.
 * Gives how many writes it asked for; when that is not 0 there may be more to do.
 */
size_t remote_sweep(struct store *, struct committer *, int64_t now_wall_ms);

#endif
