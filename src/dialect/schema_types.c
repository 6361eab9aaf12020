/*
 * The types of JSON Schema by name: see schema_types.h.  Pure, runs in workers, owns nothing.
 */
#include "dialect/schema_types.h"

#include <string.h>

#define NAME_MAX_BYTES 128 /* escapes and all; what is longer is no name of a type */

static const struct {
	const char *lower, *upper;
} type_names[] = {
	[SCHEMA_TYPE_STRING] = { "string", "STRING" },
	[SCHEMA_TYPE_NUMBER] = { "number", "NUMBER" },
	[SCHEMA_TYPE_INTEGER] = { "integer", "INTEGER" },
	[SCHEMA_TYPE_BOOLEAN] = { "boolean", "BOOLEAN" },
	[SCHEMA_TYPE_ARRAY] = { "array", "ARRAY" },
	[SCHEMA_TYPE_OBJECT] = { "object", "OBJECT" },
	[SCHEMA_TYPE_NULL] = { "null", "NULL" },
};

const char *
schema_type_name(enum schema_type type, bool openapi)
{
	return openapi ? type_names[type].upper : type_names[type].lower;
}

bool
schema_types_have(const struct schema_types *t, enum schema_type type)
{
	return memchr(t->list, (int)type, t->count) != NULL;
}

void
schema_types_add(struct schema_types *t, enum schema_type type)
{
	if (type != SCHEMA_TYPE_NONE && !schema_types_have(t, type))
		t->list[t->count++] = (uint8_t)type;
}

void
schema_types_drop(struct schema_types *t, enum schema_type type)
{
	uint8_t kept = 0;

	for (size_t i = 0; i < t->count; i++)
		if (t->list[i] != type)
			t->list[kept++] = t->list[i];
	t->count = kept;
}

static bool
add_named(struct schema_types *t, struct span escaped)
{
	struct buf name = BUF_INIT;
	bool known;

	if (escaped.len > NAME_MAX_BYTES)
		return false;
	scan_text(&name, escaped);
	known = span_is_nocase(buf_span(&name), "any") ||
		span_is_nocase(buf_span(&name), "TYPE_UNSPECIFIED");
	for (int type = 0; !known && type < SCHEMA_TYPE_NONE; type++) {
		known = span_is_nocase(buf_span(&name), type_names[type].lower);
		if (known)
			schema_types_add(t, (enum schema_type)type);
	}
	buf_fini(&name);
	return known;
}

bool
schema_types_read(const struct schema_node *node, struct schema_types *t)
{
	struct scan s;
	struct span name;
	bool known = true;

	*t = (struct schema_types){ .listed = node->type == SCAN_ARRAY };
	if (node->type == SCAN_STRING)
		return add_named(t, schema_tree_text(node));
	if (node->type != SCAN_ARRAY || node->count > 0)
		return false;
	scan_init(&s, node->raw);
	scan_array(&s);
	while (known && scan_item(&s))
		known =
		    scan_type(&s) == SCAN_STRING && scan_string(&s, &name) && add_named(t, name);
	return known;
}

bool
schema_type_is_null(const struct schema_node *node)
{
	const struct schema_node *type = schema_tree_find(node, SPAN("type"));
	const struct schema_node *value = schema_tree_find(node, SPAN("const"));
	const struct schema_node *list = schema_tree_find(node, SPAN("enum"));
	struct schema_types types;

	if (type != NULL && schema_types_read(type, &types) && types.count > 0)
		return types.count == 1 && types.list[0] == SCHEMA_TYPE_NULL;
	if (value != NULL)
		return value->type == SCAN_NULL;
	return list != NULL && list->type == SCAN_ARRAY &&
	       span_is(span_trim(span_mem(list->raw.p + 1, list->raw.len - 2)), "null");
}
