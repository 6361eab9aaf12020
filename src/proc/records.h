/*
 * What the rooms of the janitor share about records: all clients of the store as a list, and
 * changes gathered for one commit.
 */
#ifndef POLLUX_PROC_RECORDS_H
#define POLLUX_PROC_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include "admit/client.h"
#include "base/err.h"
#include "ipc/board.h"
#include "store/store.h"
#include "store/writer.h"
#include "upstream/credential.h"

/* Every client there is, in order of creation. */
struct client_list {
	struct client *items; /* owned */
	size_t count;
};
bool client_list_load(struct client_list *, struct store *, struct err *);
void client_list_fini(struct client_list *);
/* By id or by label; NULL when there is none. */
struct client *client_list_find(const struct client_list *, struct span id_or_label);
/* A client of this key, enabled, with a fresh id; label: checked by the caller. */
void client_make(struct client *, const struct seal *, struct span key, const char *label,
    enum client_source, int64_t now_wall_ms);

/* A label "PREFIX-N" that is_taken does not know; N begins at *next, which is moved on. */
void label_make(char *out, size_t size, const char *prefix, size_t *next,
    bool (*is_taken)(void *ctx, struct span label), void *ctx);
bool credential_label_is_taken(void *set, struct span label); /* struct credential_set */
bool client_label_is_taken(void *list, struct span label);    /* struct client_list */

/* Changes for one commit: keys and values are copied, and wiped in the end. */
struct changes {
	struct write_op *ops; /* owned, and what they point to */
	size_t count, room;
};
#define CHANGES_INIT ((struct changes){ NULL, 0, 0 })
void changes_put_credential(struct changes *, const struct credential *);
void changes_erase_credential(struct changes *, const struct credential *);
void changes_put_client(struct changes *, const struct client *);
void changes_erase_client(struct changes *, const struct client *);
void changes_fini(struct changes *);
/* At once and without a committer: for the time before the loop runs.  None is fine. */
bool changes_commit(const struct changes *, struct store *, struct board *, struct err *);

#endif
