/*
 * The references of a JSON Schema: where each leads, which lead back to themselves, and by what
 * path a part can be named in what Gemini is sent.  Pure.
 *
 * A reference leads to a place ("#", "#/$defs/a", also "#/components/schemas/a"), to an $anchor
 * ("#a"), to an $id, or to a place below an $id.  What is not in the text is never fetched.
 */
#ifndef POLLUX_DIALECT_SCHEMA_REFS_H
#define POLLUX_DIALECT_SCHEMA_REFS_H

#include <stdbool.h>
#include "base/mem.h"
#include "base/text.h"
#include "dialect/schema_tree.h"

/*
 * Gives each member "$ref" its target, as its only child, and marks what loops: the reference,
 * and the innermost property that it lies in, or the root.
 */
void schema_refs_link(struct arena *, struct schema_node *root);
/* The reference of a schema, NULL when it has none that leads anywhere else. */
const struct schema_node *schema_refs_of(const struct schema_node *schema);
struct schema_node *schema_refs_target(const struct schema_node *ref);

/* How the root is written. */
enum schema_root {
	SCHEMA_ROOT_AS_IS,   /* when it is a reference, nothing but that and its definitions */
	SCHEMA_ROOT_INLINED, /* with the words of what it refers to and its own */
	SCHEMA_ROOT_WRAPPED  /* as SCHEMA_ROOT_AS_IS, below /properties/value; definitions stay */
};

/*
 * Appends the path of a part in JSON-Schema output ("#/$defs/a"), as plain text.  False, nothing
 * appended: it does not stand there, or not as it is, and has to be written in place.
 */
bool schema_refs_path(struct schema_node *target, enum schema_root, struct buf *path);

#endif
