/*
 * A JSON Schema as a tree of spans: what base/scan.h gives in passing, kept for those who must
 * look back and forth, since a reference may lead anywhere.  Pure; all of it lies in an arena,
 * the spans point into the text.
 *
 * Of members of one name the last one counts, at the place of the first, as in the parsers of
 * the clients.  Lists of nothing but strings, numbers and nulls (enum, required, examples) stay
 * text: there can be many, and none of them is a schema.
 */
#ifndef POLLUX_DIALECT_SCHEMA_TREE_H
#define POLLUX_DIALECT_SCHEMA_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/scan.h"
#include "base/text.h"

#define SCHEMA_NODES_MAX 200000 /* what has more is refused; a node takes 72 bytes */

struct schema_node {
	struct span name;             /* of a member: without escapes; else empty */
	struct span raw;              /* the value as it stands, a string with its quotes */
	struct schema_node *parent;   /* NULL: the root */
	struct schema_node *children; /* in order; NULL when there are none or they stayed text */
	uint32_t count;               /* of children */
	uint8_t type;                 /* enum scan_type */
	bool has_false;               /* of a list */

	/* What schema_refs.c finds out.  A member "$ref" leads to its target. */
	bool loops;   /* of a "$ref": back to itself; of a property or the root: one is in it */
	bool on_path; /* private to schema_refs.c, as are index and low */
	uint32_t index, low;

	/* The writers' marks. */
	uint16_t open; /* so many times it is being written out just now */
	uint32_t seen; /* by the view of this number */
};

/* json was scanned before, with no fault.  NULL: it has more than SCHEMA_NODES_MAX parts. */
struct schema_node *schema_tree_read(struct arena *, struct span json);

/* The member of that name, NULL when there is none or the node is no object. */
struct schema_node *schema_tree_find(const struct schema_node *, struct span name);
/* Where a JSON pointer ("/properties/a", RFC 6901) leads, or NULL. */
struct schema_node *schema_tree_point(struct schema_node *, struct span pointer);

/* A string's text, without quotes; escaped. */
struct span schema_tree_text(const struct schema_node *);
/* Unescaped; in the arena where it had to be made. */
struct span schema_tree_plain(struct arena *, const struct schema_node *);
bool schema_tree_is_word(const struct schema_node *, const char *plain); /* a string, and this */
bool schema_tree_is_true(const struct schema_node *);                    /* NULL is not */
bool schema_tree_is_false(const struct schema_node *);

/* Objects, or lists of strings, that are to be put together. */
struct schema_parts {
	const struct schema_node *node;
	struct schema_parts *next;
};

/* One object of all their members: of one name the last counts, at the place of the first. */
struct schema_node *schema_tree_join(struct arena *, const struct schema_parts *objects);
/* The strings of lists as the names of members; what is no string is passed over. */
struct schema_node *schema_tree_names(struct arena *, const struct schema_parts *lists);
/* An object of these members, which are copied. */
struct schema_node *schema_tree_object(
    struct arena *, const struct schema_node *members, size_t count);

/* Appends the node's place below the root: ".properties.a.items[2]". */
void schema_tree_place(const struct schema_node *, struct buf *out);

#endif
