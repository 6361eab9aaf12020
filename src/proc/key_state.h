/*
 * How a key stands, as an operator wants to know it: made of what the board says of the key and of
 * each of its models.  Runs in the janitor; changes nothing.
 */
#ifndef POLLUX_PROC_KEY_STATE_H
#define POLLUX_PROC_KEY_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/moment.h"
#include "base/span.h"
#include "config/config.h"
#include "ipc/board.h"
#include "upstream/credential.h"
#include "upstream/fitness.h"

/* The more there is in its way, the later. */
#define KEY_STATES(S)                                                                              \
	S(ENABLED, "enabled")     /* it is lent */                                                 \
	S(FULL, "full")           /* a minute's or the day's limit is used up */                   \
	S(HALF_OPEN, "half-open") /* it rested after failures, and is lent once to see */          \
	S(RESTING, "resting")     /* after failures: its breaker is open */                        \
	S(FROZEN, "frozen")       /* until a time that upstream said, or that its words imply */   \
	S(DISABLED, "disabled")

enum key_state {
#define KEY_STATE_ENUM(name, text) KEY_##name,
	KEY_STATES(KEY_STATE_ENUM)
#undef KEY_STATE_ENUM
	    KEY_STATE_COUNT
};
const char *key_state_name(enum key_state);

/* What is looked at; all borrowed. */
struct key_scene {
	struct board *board;
	const struct config *config;
	struct moment now;
	int models;                    /* numbers below this are given */
	struct fitness_limits *limits; /* owned; the operator's, by the number of the model */
};
void key_scene_init(struct key_scene *, struct board *, const struct config *, struct moment now);
void key_scene_fini(struct key_scene *);

/* Where a key's rows are; -1: the board knows nothing of it. */
struct key_place {
	int subject, scope;
};
struct key_place key_place_of(struct board *, const struct credential *);
struct fitness_rows key_rows(struct board *, struct key_place, int model);

/* Of a key as a whole (model BOARD_WHOLE), or of what holds for one model alone. */
struct key_standing {
	enum key_state state;
	int model;
	enum outcome cause; /* of HALF_OPEN, RESTING and FROZEN */
	enum pass full;     /* of FULL: MINUTE, TOKENS or DAY */
	bool shared;        /* FROZEN: by a quota, which all keys of its project share */
	int64_t for_ms;     /* until it is looked at again; -1: nobody can tell */
};
struct key_standing key_stands(const struct key_scene *, struct key_place, int model);
/* The worst of the whole and of its models; of two alike the one that lasts longer.  only: no other
 * model counts; BOARD_WHOLE: all do; -1: none does. */
struct key_standing key_stands_worst(const struct key_scene *, struct key_place, int only);

#endif
