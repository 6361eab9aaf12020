/*
 * Writes a schema as Google's Schema, the subset of OpenAPI's (parameters, responseSchema).
 * Pure.
 */
#ifndef POLLUX_DIALECT_SCHEMA_OPENAPI_H
#define POLLUX_DIALECT_SCHEMA_OPENAPI_H

#include <stdbool.h>
#include "dialect/schema_view.h"

/* base: of a choice, what stands beside it and holds for each alternative; or NULL. */
bool schema_openapi_write(struct schema_work *, const struct schema_node *,
    const struct schema_view *base, unsigned depth);
/* The alternatives of a view; NULL: none, or none that says more than what may be left out. */
const struct schema_node *schema_openapi_choice(const struct schema_view *);

#endif
