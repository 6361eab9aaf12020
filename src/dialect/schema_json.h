/*
 * Writes a schema for Gemini's JSON-Schema fields (parametersJsonSchema, responseJsonSchema).
 * Pure.
 */
#ifndef POLLUX_DIALECT_SCHEMA_JSON_H
#define POLLUX_DIALECT_SCHEMA_JSON_H

#include <stdbool.h>
#include "dialect/schema_view.h"
#include "gemini/object.h"

/* False: refused, or w->too_large. */
bool schema_json_write(struct schema_work *, const struct schema_node *, unsigned depth);
/* The member "$defs" of the root alone, where the root is wrapped and it stands outside. */
bool schema_json_write_defs(struct schema_work *, struct object_writer *, unsigned depth);

#endif
