/*
 * What was told of a conversation, shared by the rooms of turns: turns.c fills it, turns_sign.c
 * finds out what is known of its calls, turns_write.c puts it in order and writes it.
 */
#ifndef POLLUX_DIALECT_TURNS_TOLD_H
#define POLLUX_DIALECT_TURNS_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/map.h"
#include "base/rope.h"
#include "dialect/dialect.h"

/* A copy of media that was told; its text lies on the heap. */
struct told_rope {
	struct told_rope *next;
	struct rope rope; /* owned */
};

struct told_result {
	struct span id, name; /* plain */
	struct span response; /* raw JSON */
	struct span text;     /* escaped */
	struct rope *media;   /* owned by turns.ropes; NULL: none */
	bool orphan;          /* it is nobody's */
};

/* What results look for their call by. */
enum told_key { TOLD_ID, TOLD_NAME, TOLD_KEYS };

struct told_call {
	struct span id, name;       /* plain */
	struct span args;           /* raw JSON */
	struct span signature;      /* plain base64: the one that is right for it; may be empty */
	struct span upstream_id;    /* plain; empty: it goes without */
	bool known;                 /* the house remembers it */
	bool guessed;               /* by what it is alone */
	struct span record;         /* the id that the house remembers it by */
	size_t step_index;          /* of a known one */
	struct told_result *result; /* NULL: none */
	struct told_call *alike[TOLD_KEYS]; /* the next one of its message with the same key */
};

enum told_kind { TOLD_TEXT, TOLD_MEDIA, TOLD_RESULT };

struct told_part {
	enum told_kind kind;
	bool thought;
	struct span text;           /* escaped */
	struct span signature;      /* plain base64; may be empty */
	struct rope *media;         /* owned by turns.ropes */
	struct told_result *result; /* in the arena */
};

struct told_message {
	bool of_model;            /* else the user's, or a late word of the system's */
	bool may_be_blank;        /* one of nothing counts */
	size_t first_part, parts; /* of turns.parts, without calls */
	size_t spoken;            /* those of them that are no result of a call's */
	size_t first_call, calls; /* of turns.calls */
};

struct turns {
	struct arena *arena;               /* borrowed */
	const struct dialect_house *house; /* borrowed; or NULL */
	const struct dialect_model *model; /* borrowed */
	char family[24];                   /* the model's */
	enum late_system late_system;

	struct told_message *messages; /* owned; the open one is behind the last */
	size_t message_count, message_room;
	struct told_part *parts; /* owned */
	size_t part_count, part_room;
	struct told_call **calls; /* owned; the calls in the arena */
	size_t call_count, call_room;
	struct told_rope *ropes; /* owned, in the arena */

	/* Which calls wait for a result; owned; NULL before the first call. */
	struct map *waiting[TOLD_KEYS];
	struct map *upstream_ids; /* each is given out once; owned; NULL before the first */

	struct rope system;     /* parts of the instruction, comma separated; owned */
	struct rope instructed; /* those that stand behind them; owned */
	bool leading;           /* nothing but the system has spoken */
	bool to_system;         /* the open message is the instruction's */
};

/* {"text":"..."}, behind a comma when something stands before it. */
void told_system(struct rope *parts, struct span escaped);

/* ---- turns_sign.c ---- */

#define SIGNATURE_SKIPS SPAN("skip_thought_signature_validator")

/* Fills what the house knows of the call, and its signature out of that and of what the client
 * brought: in the id (plain), and beside it (escaped).  place: among the calls of its message. */
void told_call_recall(
    struct turns *, struct told_call *, struct span in_id, struct span brought, size_t place);
/* When all is told: of the calls that were guessed, each that is another one is forgotten. */
void told_calls_settle(struct turns *);
/* Takes "__thought__SIGNATURE" off an id; signature may be NULL. */
struct span told_id(struct span id, struct span *signature);
/* What goes upstream with the call. */
struct span told_call_signature(
    const struct turns *, const struct told_call *, bool first_of_step, bool current_turn);

#endif
