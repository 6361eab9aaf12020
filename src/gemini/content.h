/*
 * Making contents and parts in Gemini's JSON.  Pure: appends to a buffer, builds no tree.
 * Escaped text is what base/scan.h gives: it is copied as it stands.
 */
#ifndef POLLUX_GEMINI_CONTENT_H
#define POLLUX_GEMINI_CONTENT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

/*
 * A list of contents being written: "[{role,parts:[...]}, ...]".  content_turn opens a turn;
 * the next turn or content_end closes it.  A turn without any part gets one with a single
 * space, since Gemini refuses empty parts.
 */
struct content_list {
	struct buf *out; /* borrowed */
	int turns;
	int parts; /* of the open turn */
	bool open;
};
void content_begin(struct content_list *, struct buf *out);
void content_turn(struct content_list *, const char *role);    /* "user" or "model" */
void content_text(struct content_list *, struct span escaped); /* an empty one is dropped */
void content_raw(struct content_list *, struct span part_json);
void content_end(struct content_list *);

/* An object being written: commas and quotes are its business. */
struct object_writer {
	struct buf *out; /* borrowed */
	int members;
};
void object_begin(struct object_writer *, struct buf *out);
void object_raw(struct object_writer *, const char *key, struct span json);
void object_text(struct object_writer *, const char *key, struct span plain);
void object_escaped(struct object_writer *, const char *key, struct span escaped);
void object_int(struct object_writer *, const char *key, int64_t);
void object_bool(struct object_writer *, const char *key, bool);
void object_key(struct object_writer *, const char *key); /* the caller writes the value itself */
void object_end(struct object_writer *);

#endif
