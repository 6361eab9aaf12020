/*
 * Credentials as records: API keys now, accounts later.  A set is what one process has
 * loaded; it is loaded again when the store's generation has moved.
 */
#ifndef POLLUX_UPSTREAM_CREDENTIAL_H
#define POLLUX_UPSTREAM_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/map.h"
#include "base/text.h"
#include "store/store.h"

#define CREDENTIAL_ID_LEN                                                                          \
	16 /* hex characters; derived from the secret, so a key is one credential however often it \
	      is added */

enum credential_kind { CREDENTIAL_KEY, CREDENTIAL_ACCOUNT };
enum credential_source { CREDENTIAL_FROM_OPERATOR, CREDENTIAL_FROM_ENVIRONMENT };

struct credential {
	char id[CREDENTIAL_ID_LEN + 1];
	uint64_t board_key; /* of its subject on the board; never 0 */
	enum credential_kind kind;
	char *label;        /* owned; unique, shown everywhere in place of the secret */
	char *secret;       /* owned; wiped when freed */
	char *project;      /* owned; "" when not said */
	char *note;         /* owned; why it was disabled, or "" */
	enum credential_source source;
	bool enabled;
	int64_t created_wall_ms;
};

/* Checks what an operator pasted: trims white space, refuses quotes, blanks inside, control bytes,
 * absurd lengths. */
bool credential_check_secret(struct span pasted, struct span *clean, struct err *);
void credential_make_id(struct span secret, const struct seal *, char id[CREDENTIAL_ID_LEN + 1]);
void credential_encode(const struct credential *, struct buf *record);
bool credential_decode(struct span id, struct span record, struct credential *out);
void credential_fini(struct credential *);
/* Of whatever its quotas are counted for: its project, or itself where it says none.  Never 0. */
uint64_t credential_scope_key(const struct credential *);
/* "AIza...9x2Q": enough to recognise, not to use. */
void credential_hint(const struct credential *, struct buf *out);

struct credential_set {
	struct credential *items; /* owned; in order of creation, then id */
	size_t count;
	uint64_t generation; /* of the board when it was loaded */
	struct map *by_id;   /* borrowed items */
};
bool credential_set_load(
    struct credential_set *, struct store *, uint64_t generation, struct err *);
void credential_set_fini(struct credential_set *);
/* By id or by label; NULL when there is none. */
struct credential *credential_set_find(const struct credential_set *, struct span id_or_label);

#endif
