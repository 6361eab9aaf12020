/*
 * The types of JSON Schema by name.  Pure.
 */
#ifndef POLLUX_DIALECT_SCHEMA_TYPES_H
#define POLLUX_DIALECT_SCHEMA_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include "dialect/schema_tree.h"

enum schema_type {
	SCHEMA_TYPE_STRING,
	SCHEMA_TYPE_NUMBER,
	SCHEMA_TYPE_INTEGER,
	SCHEMA_TYPE_BOOLEAN,
	SCHEMA_TYPE_ARRAY,
	SCHEMA_TYPE_OBJECT,
	SCHEMA_TYPE_NULL,
	SCHEMA_TYPE_NONE
};

struct schema_types {
	uint8_t list[SCHEMA_TYPE_NONE]; /* enum schema_type, as they came, each once */
	uint8_t count;
	bool listed; /* written as a list */
};

/*
 * The value of a word "type": a name, in whatever case, or a list of names.  "any" and Google's
 * TYPE_UNSPECIFIED say nothing.  False: it is something else.
 */
bool schema_types_read(const struct schema_node *, struct schema_types *);
bool schema_types_have(const struct schema_types *, enum schema_type);
void schema_types_add(struct schema_types *, enum schema_type);
void schema_types_drop(struct schema_types *, enum schema_type);
/* "string", or for OpenAPI "STRING". */
const char *schema_type_name(enum schema_type, bool openapi);
/* A schema that allows nothing but null. */
bool schema_type_is_null(const struct schema_node *schema);

#endif
