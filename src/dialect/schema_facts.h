/*
 * What a view of a schema comes to: its types, the values that it allows, its bounds, and what
 * has to be said in words since the target cannot say it otherwise.  Pure; for the two writers.
 */
#ifndef POLLUX_DIALECT_SCHEMA_FACTS_H
#define POLLUX_DIALECT_SCHEMA_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"
#include "dialect/schema_types.h"
#include "dialect/schema_view.h"
#include "gemini/object.h"

/* ---- types ---- */

struct schema_types schema_types_of(const struct schema_view *); /* none: count is 0 */

/* ---- values: enum, or const as a list of one ---- */

struct schema_values {
	struct span list; /* JSON; p NULL: any value is allowed */
	size_t strings, empty, numbers, bools, nulls, objects, arrays;
	bool whole; /* the numbers are integers */
};

struct schema_values schema_values_of(struct schema_work *, const struct schema_view *);

/* The type that words and values speak of; SCHEMA_TYPE_NONE: none in particular. */
enum schema_type schema_type_guess(const struct schema_view *, const struct schema_values *);

enum schema_numbers { SCHEMA_NUMBERS_KEPT, SCHEMA_NUMBERS_QUOTED, SCHEMA_NUMBERS_LEFT };

/* Appends the list of the strings and, so or so, the numbers among them (lesson 12). */
void schema_values_write(
    const struct schema_values *, enum schema_numbers, bool with_empty, struct buf *out);

/* ---- bounds ---- */

struct schema_bound {
	struct span number; /* p NULL: none */
	bool beyond;        /* the number itself is excluded */
};

/* An excluded whole number of an integer is the next one included (lesson 14). */
struct schema_bound schema_bound_of(
    struct schema_work *, const struct schema_view *, bool lower, bool whole);

/* ---- notes: to be added to the description ---- */

struct schema_notes {
	struct buf text; /* owned; plain, line by line */
};

void schema_note(struct schema_notes *, const char *what, struct span plain);
void schema_note_bounds(
    struct schema_notes *, struct schema_work *, const struct schema_view *, bool whole);
void schema_note_values(struct schema_notes *, const struct schema_values *);
/* Writes the member "description" of what there is, if there is anything, and frees the notes. */
void schema_notes_write(
    struct schema_notes *, struct object_writer *, const struct schema_node *description);

/* "minimum" and "maximum", where one of these words leads. */
void schema_bounds_write(struct object_writer *, struct schema_work *, const struct schema_view *,
    enum schema_word, bool whole);
/* The names of the properties, in their order. */
void schema_ordering_write(struct object_writer *, const struct schema_node *properties);

#endif
