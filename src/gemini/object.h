/*
 * Writing JSON objects member by member, into a buffer and without a tree.  Pure.  Escaped text is
 * what base/scan.h gives: it is copied as it stands.
 */
#ifndef POLLUX_GEMINI_OBJECT_H
#define POLLUX_GEMINI_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

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
