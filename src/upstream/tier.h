/*
 * The credentials of one tier: in order of creation, on a ring for affinity, and for each model
 * that was lately asked for, which of them need not be looked at now and which did best.  Private
 * to a worker; knows numbers and times, not the board.
 */
#ifndef POLLUX_UPSTREAM_TIER_H
#define POLLUX_UPSTREAM_TIER_H

#include <stdbool.h>
#include <stdint.h>
#include "upstream/affinity.h"
#include "upstream/roster.h"

/* One that can be chosen; its place in the array is its order of creation. */
struct choosable {
	uint64_t key;       /* of the credential on the board */
	int subject, scope; /* the board's numbers; scope: of its project, or the same.  -1: no room */
	unsigned tier;      /* 0 before 1 */
	bool enabled;
};

#define TIER_WINNERS    4
#define TIER_FIELDS_MAX 64 /* of a tier; the one longest unused gives way: some 25 bytes a member */

/*
 * Who is awake in a tier for one model.  What it remembers is never older than the next wake.  What
 * is not metered has a field of its own: a minute that is used up does not keep anybody from it.
 */
struct field {
	struct roster *roster; /* owned; numbers are those of tier.members */
	uint32_t first;        /* all members before this one are asleep */
	uint64_t thaws;        /* how many it knows of */
	uint64_t used;         /* the serial of its last use */
	uint32_t winners[TIER_WINNERS]; /* a ring of the latest, each once; asleep or not */
	uint32_t winner_count, winner_next;
};

struct tier {
	uint32_t n, enabled;       /* enabled: at first */
	uint32_t *members;         /* owned: numbers of choosables, in order of creation */
	struct affinity *affinity; /* owned; of those enabled at first, by their place in members */
	struct field **fields;     /* owned, each owned or NULL; two for each model, 0: of none */
	uint32_t fields_room, fields_count;
};

/* Those there are, the first tier first; gives how many. */
uint32_t tiers_new(struct tier **, const struct choosable *, uint32_t n);
void tiers_free(struct tier **, uint32_t count);

/* model: of the board, or -1.  thaws, serial: never less than at an earlier call; a thaw that is
 * new to the field has woken all. */
struct field *tier_field(
    struct tier *, int model, bool metered, uint64_t thaws, uint64_t serial);
void tier_wake_all(struct tier *);
/* Those whose time has come; at most `most`. */
void field_wake(struct field *, int64_t now_ms, uint32_t most);
/* This member was the best that was drawn, though perhaps not for the first time. */
void field_won(struct field *, uint32_t member);
/* The latest winners, drawn in the roster's round: those awake and not drawn yet; gives how many. */
uint32_t field_draw_winners(struct field *, uint32_t member[TIER_WINNERS]);

#endif
