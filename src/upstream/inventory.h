/*
 * The credentials that a process has loaded, ready to be chosen from.  Loaded anew when the store's
 * generation has moved: a loaded set is a snapshot with a count of its leases, and the old one goes
 * when its last lease is settled.
 *
 * A large set takes milliseconds to load, and of a paste of many bad keys each is disabled by a
 * change of its own.  So the larger the set, the longer it is used at least: a millisecond for
 * every INVENTORY_A_MS credentials, which leaves some twentieth of a worker's time for loading.
 */
#ifndef POLLUX_UPSTREAM_INVENTORY_H
#define POLLUX_UPSTREAM_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/moment.h"
#include "config/config.h"
#include "ipc/board.h"
#include "store/store.h"
#include "upstream/choice.h"
#include "upstream/credential.h"

#define INVENTORY_A_MS 32

struct pool_snapshot {
	struct credential_set set; /* owned */
	struct choosable *items;   /* owned; beside set.items */
	struct choice *choice;     /* owned */
	size_t enabled;
	unsigned leases; /* settle with inventory_release */
	bool current;
};

/* Embedded in its owner. */
struct inventory {
	struct store *store; /* borrowed, as are board and config */
	struct board *board;
	const struct config *config;
	uint64_t unread_generation; /* of the store, which could not be read ... */
	int64_t unread_until_ms;    /* ... and is not tried again before */
	struct pool_snapshot *now;  /* owned; NULL before the first load */
	int64_t loaded_ms;          /* when that was */
};

void inventory_init(struct inventory *, struct store *, struct board *, const struct config *);
void inventory_fini(struct inventory *);
/* A store that cannot be read leaves the old set in place; so does one that changed just behind the
 * last loading of many. */
void inventory_refresh(struct inventory *, struct moment);
/* A lease of this snapshot is settled. */
void inventory_release(struct pool_snapshot *);
/* CHOICE_NONE: there is none. */
uint32_t inventory_find(const struct inventory *, struct span id);
/* It is not lent from here any more, whatever the next loading says. */
void inventory_disable(struct inventory *, uint32_t i);

#endif
