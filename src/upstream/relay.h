/*
 * A request of Gemini's own API handed on as it is: any method, any path, its body in one piece
 * or as it comes, the answer as it comes.  For what no dialect translates: files, caches, batches,
 * operations, methods that are newer than this.  Nothing is held, whatever its size.
 *
 * Another credential is tried as long as nothing of the answer was given, nothing of a streamed
 * body was taken, and upstream cannot have done already what is asked: reading is always
 * repeated, changing only after a refusal or where no connection came about.
 */
#ifndef POLLUX_UPSTREAM_RELAY_H
#define POLLUX_UPSTREAM_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/text.h"
#include "gemini/fault.h"
#include "net/fetch.h"
#include "upstream/ask.h"

struct relay;

struct relay_order {
	const char *method;
	struct span target;         /* "/v1beta/files?pageSize=3": path and query, no credential */
	const char *const *headers; /* "name: value", NULL-terminated, no credential */
	/* Whose quota it is; of a method that names none the collection ("files") stands for it, so
	 * that what is spent there is not lost to the models. */
	struct span model;
	struct ask_lend lend; /* owner: the credential that an upload, a file, a cache belongs to */
	struct span body;       /* p == NULL: none, or it comes by relay_send */
	bool streams_body;
	int64_t body_bytes;        /* of a streamed one; -1: unknown */
	int64_t server_timeout_ms; /* 0: none */
};

struct relay_events {
	bool (*gone)(void *ctx); /* as in struct ask_events */
	void (*sent)(void *ctx); /* room again for relay_send */
	/* A status under 400.  credential: id and label of the one that serves. */
	void (*head)(void *ctx, const struct fetch_head *, const char *id, const char *label);
	void (*data)(void *ctx, struct span);
	void (*tried)(void *ctx, const char *label, const struct verdict *);
	/* One of these is the last event; the relay is freed behind it. */
	void (*done)(void *ctx);
	void (*broke)(void *ctx); /* in the middle of the answer */
	void (*failed)(void *ctx, const struct err *, const struct fault *); /* before its head */
};

/* What the order points to, and the arena, outlive it.  Events come from the loop. */
struct relay *relay_start(struct upstream *, const struct relay_order *, struct arena *,
    const struct relay_events *, void *ctx);
/* Copied.  False: stop until sent.  What comes behind a failure is dropped. */
bool relay_send(struct relay *, struct span);
void relay_send_end(struct relay *);
void relay_pause(struct relay *); /* the answer */
void relay_resume(struct relay *);
void relay_cancel(struct relay **); /* no event follows; empty is fine */

#endif
