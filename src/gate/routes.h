/*
 * Every URL Pollux answers, in one table: method, pattern, dialect, operation.  Pure.
 */
#ifndef POLLUX_GATE_ROUTES_H
#define POLLUX_GATE_ROUTES_H

#include <stdbool.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "dialect/dialect.h"
#include "gemini/call.h"

enum door {
	DOOR_ASK,   /* a call that a dialect makes */
	DOOR_RELAY, /* handed on as it is (gate/passage.h) */
	DOOR_ALIVE,
	DOOR_READY,
	DOOR_HEALTH
};

struct route {
	enum door door;
	const struct dialect *dialect; /* also for the words of a refusal; never NULL */
	enum operation op;
	struct span model; /* out of the path, decoded and bare; empty when it has none */
	struct span verb;  /* of a method that is handed on: "predict"; empty when it has none */
	const char *allow; /* of a METHOD error: for the Allow header; else NULL */
};

/* In Google's tree, but a door of ours: never handed on. */
bool route_is_openai(struct span path);

/*
 * goog_key: the request presents its key as Gemini's programs do (x-goog-api-key or ?key=),
 * which decides the shape of GET /v1/models.  False: err NOT_FOUND or METHOD; the dialect is set
 * even then, to that of the part of the tree the path lies in.
 */
bool route_find(struct span method, struct span path, bool goog_key, struct arena *, struct route *,
    struct err *);

#endif
