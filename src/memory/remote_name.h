/*
 * Names of what lives at Google, and where requests and answers have them.  Pure.
 */
#ifndef POLLUX_MEMORY_REMOTE_NAME_H
#define POLLUX_MEMORY_REMOTE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/rope.h"
#include "base/span.h"

#define REMOTE_NAME_MAX 200 /* bytes */
#define REMOTE_NAMES    64  /* of one request; more are not looked for */

/* The names that a request has, each once. */
struct remote_names {
	struct span names[REMOTE_NAMES]; /* in text */
	size_t n;
	char text[REMOTE_NAMES * 64]; /* private, as is the rest */
	size_t used;
};

/* "files/abc", "cachedContents/x", "batches/x", "tunedModels/x", "models/m/operations/x": what can
 * have an owner. */
bool remote_name_is_valid(struct span name);
/* It stays until it is deleted. */
bool remote_name_is_lasting(struct span name);
/* What it is a part of: "fileSearchStores/s" of "fileSearchStores/s/documents/d"; or empty. */
struct span remote_name_parent(struct span name);
/* Of a path, decoded: "/v1beta/files/abc:download" gives "files/abc", "/v1beta/fileSearchStores/s/
 * documents" the store; empty: it names none. */
struct span remote_name_of_path(struct span path);
/* A name as it is, or a URL of Google's with such a path, or one below base (upstream.gemini_url);
 * empty: what stands there is somebody else's. */
struct span remote_name_of_uri(struct span uri, struct span base);
void remote_names_init(struct remote_names *);
/* Copies; what is not valid, is there already or finds no room is left out. */
void remote_names_add(struct remote_names *, struct span name);
/*
 * Adds all that a body in Gemini's JSON names, by "cachedContent", "fileUri", "uri", "fileName",
 * "fileSearchStoreNames" and "model"; not what stands in arguments and results of functions, which
 * is the client's own.  Nothing is allocated where there is none.
 */
void remote_names_of_body(struct remote_names *, const struct body *, struct span base);

/* An object that an answer of upstream's shows. */
struct remote_shown {
	struct span name;      /* in the arena */
	int64_t until_wall_ms; /* 0: it does not say */
};
/* A File, CachedContent, Operation and the like, a list of them, or what holds one. */
size_t remote_names_of_answer(
    struct span answer, struct arena *, struct remote_shown *shown, size_t room);

#endif
