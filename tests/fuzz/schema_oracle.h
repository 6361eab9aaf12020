/*
 * What Google's documentation says of a schema that it takes: for the unit test and the fuzz
 * target.  It looks at what was written, for JSON-Schema fields or for the older Schema, and
 * knows nothing of how it came about.
 */
#ifndef POLLUX_TESTS_SCHEMA_ORACLE_H
#define POLLUX_TESTS_SCHEMA_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"
#include "base/scan.h"
#include "dialect/schema_tree.h"

#define ORACLE_DEPTH_MAX 33 /* alternatives of types add a level of their own */

struct oracle {
	struct schema_node *root;
	struct arena *arena;
	bool openapi;
	const char *fault; /* the first, or NULL */
};

static inline void
oracle_want(struct oracle *o, bool truth, const char *otherwise)
{
	if (!truth && o->fault == NULL)
		o->fault = otherwise;
}

static inline bool
oracle_is_one_of(struct span name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (span_is(name, *names))
			return true;
	return false;
}

static inline struct schema_node *
oracle_get(const struct schema_node *schema, const char *name)
{
	return schema_tree_find(schema, span_of(name));
}

static inline void oracle_schema(struct oracle *o, const struct schema_node *s, int depth);

static inline void
oracle_map(struct oracle *o, const struct schema_node *map, int depth)
{
	if (map == NULL)
		return;
	oracle_want(o, map->type == SCAN_OBJECT, "a map of schemas is none");
	for (size_t i = 0; i < map->count; i++)
		oracle_schema(o, &map->children[i], depth + 1);
}

static inline void
oracle_list(struct oracle *o, const struct schema_node *list, int depth)
{
	if (list == NULL)
		return;
	oracle_want(o, list->type == SCAN_ARRAY && list->count > 0, "a list of schemas is none");
	for (size_t i = 0; i < list->count; i++)
		oracle_schema(o, &list->children[i], depth + 1);
}

/* The types of a list's items are among these: 's' for strings, 'n' for numbers. */
static inline bool
oracle_items_are(const struct schema_node *list, bool numbers, bool empty)
{
	struct scan s;
	size_t count = 0;
	bool ok = list->type == SCAN_ARRAY;

	scan_init(&s, list->raw);
	if (!ok || !scan_array(&s))
		return false;
	for (; scan_item(&s); count++) {
		enum scan_type type = scan_type(&s);
		struct span raw;

		scan_skip(&s, &raw);
		ok = ok && ((type == SCAN_STRING && (empty || raw.len > 2)) ||
			       (type == SCAN_NUMBER && numbers));
	}
	return ok && count > 0;
}

static inline bool
oracle_names_are_properties(struct oracle *o, const struct schema_node *s, const char *word)
{
	const struct schema_node *properties = oracle_get(s, "properties"), *names;
	struct schema_parts list = { .node = oracle_get(s, word) };

	if (list.node == NULL)
		return true;
	names = schema_tree_names(o->arena, &list);
	for (size_t i = 0; i < names->count; i++)
		if (properties == NULL || !schema_tree_find(properties, names->children[i].name))
			return false;
	return true;
}

/* ---- the older Schema ---- */

static inline void
oracle_openapi_words(struct oracle *o, const struct schema_node *s)
{
	static const char *const known[] = { "type", "format", "title", "description", "nullable",
		"enum", "items", "minItems", "maxItems", "properties", "required", "minProperties",
		"maxProperties", "minimum", "maximum", "minLength", "maxLength", "pattern",
		"example", "anyOf", "propertyOrdering", "default", NULL };

	for (size_t i = 0; i < s->count; i++)
		oracle_want(o, oracle_is_one_of(s->children[i].name, known), "an unknown word");
}

static inline void
oracle_openapi_type(struct oracle *o, const struct schema_node *s, const char *type)
{
	static const struct {
		const char *word, *type;
	} only[] = { { "properties", "OBJECT" }, { "required", "OBJECT" },
		{ "propertyOrdering", "OBJECT" }, { "minProperties", "OBJECT" },
		{ "maxProperties", "OBJECT" }, { "items", "ARRAY" }, { "minItems", "ARRAY" },
		{ "maxItems", "ARRAY" }, { "enum", "STRING" }, { "minLength", "STRING" },
		{ "maxLength", "STRING" }, { "pattern", "STRING" } };

	for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++)
		if (oracle_get(s, only[i].word) != NULL)
			oracle_want(o, strcmp(type, only[i].type) == 0, "a word of another type");
	if (strcmp(type, "ARRAY") == 0)
		oracle_want(o, oracle_get(s, "items") != NULL, "an array without items");
	if (oracle_get(s, "minimum") != NULL || oracle_get(s, "maximum") != NULL)
		oracle_want(o, strcmp(type, "NUMBER") == 0 || strcmp(type, "INTEGER") == 0,
		    "a bound of what is no number");
}

static inline void
oracle_openapi(struct oracle *o, const struct schema_node *s, int depth)
{
	static const char *const types[] = { "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY",
		"OBJECT", "NULL", NULL };
	const struct schema_node *type = oracle_get(s, "type"), *list = oracle_get(s, "enum");

	oracle_openapi_words(o, s);
	oracle_want(
	    o, (type != NULL) != (oracle_get(s, "anyOf") != NULL), "no type, or two shapes");
	oracle_want(o, list == NULL || oracle_items_are(list, false, false), "no enum of strings");
	oracle_want(
	    o, oracle_names_are_properties(o, s, "required"), "an unknown name is required");
	oracle_want(o, oracle_names_are_properties(o, s, "propertyOrdering"), "it orders too much");
	for (size_t i = 0; types[i] != NULL; i++)
		if (type != NULL && schema_tree_is_word(type, types[i]))
			oracle_openapi_type(o, s, types[i]);
	oracle_want(o, type == NULL || oracle_is_one_of(schema_tree_text(type), types), "no type");
	if (oracle_get(s, "items") != NULL)
		oracle_schema(o, oracle_get(s, "items"), depth + 1);
}

/* ---- the JSON-Schema fields ---- */

static inline void
oracle_json_words(struct oracle *o, const struct schema_node *s)
{
	static const char *const known[] = { "$id", "$defs", "$ref", "$anchor", "type", "format",
		"title", "description", "enum", "items", "prefixItems", "minItems", "maxItems",
		"minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties",
		"required", "propertyOrdering", "minLength", "maxLength", "pattern", NULL };
	bool refers = oracle_get(s, "$ref") != NULL;

	for (size_t i = 0; i < s->count; i++) {
		struct span name = s->children[i].name;

		oracle_want(o, oracle_is_one_of(name, known), "an unknown word");
		oracle_want(o, !refers || span_starts(name, "$"), "a word beside $ref");
	}
}

static inline void
oracle_reference(struct oracle *o, const struct schema_node *ref)
{
	struct span plain = schema_tree_plain(o->arena, ref), pointer;
	struct buf decoded = BUF_INIT;
	const struct schema_node *target;

	oracle_want(o, span_starts(plain, "#"), "a reference that leaves the text");
	pointer = span_mem(plain.p + 1, plain.len - 1);
	text_percent_decode(&decoded, pointer, false);
	target = schema_tree_point(o->root, buf_span(&decoded));
	oracle_want(o, target != NULL && target->type == SCAN_OBJECT, "a reference to nowhere");
	buf_fini(&decoded);
}

static inline void
oracle_json(struct oracle *o, const struct schema_node *s, int depth)
{
	const struct schema_node *ref = oracle_get(s, "$ref"), *list = oracle_get(s, "enum");
	const struct schema_node *others = oracle_get(s, "additionalProperties");

	oracle_json_words(o, s);
	if (ref != NULL)
		oracle_reference(o, ref);
	oracle_want(o, list == NULL || oracle_items_are(list, true, true), "no enum");
	oracle_map(o, oracle_get(s, "$defs"), depth);
	oracle_list(o, oracle_get(s, "oneOf"), depth);
	oracle_list(o, oracle_get(s, "prefixItems"), depth);
	if (oracle_get(s, "items") != NULL)
		oracle_schema(o, oracle_get(s, "items"), depth + 1);
	if (others != NULL && others->type != SCAN_BOOL)
		oracle_schema(o, others, depth + 1);
}

static inline void
oracle_schema(struct oracle *o, const struct schema_node *s, int depth)
{
	oracle_want(o, s->type == SCAN_OBJECT, "a schema that is no object");
	oracle_want(o, depth <= ORACLE_DEPTH_MAX, "it goes too deep");
	if (o->fault != NULL)
		return;
	if (o->openapi)
		oracle_openapi(o, s, depth);
	else
		oracle_json(o, s, depth);
	oracle_map(o, oracle_get(s, "properties"), depth);
	oracle_list(o, oracle_get(s, "anyOf"), depth);
}

/* Each member that is told twice. */
static inline bool
oracle_has_doubles(struct scan *s)
{
	struct span keys[64], key;
	size_t count = 0;
	bool found = false;

	if (scan_type(s) == SCAN_ARRAY) {
		scan_array(s);
		while (scan_item(s))
			found = oracle_has_doubles(s) || found;
		return found;
	}
	if (scan_type(s) != SCAN_OBJECT) {
		scan_skip(s, NULL);
		return false;
	}
	scan_object(s);
	while (scan_member(s, &key)) {
		for (size_t i = 0; i < count && i < 64; i++)
			found = found || span_eq(keys[i], key);
		keys[count++ % 64] = key;
		if (scan_key_is(key, "default") || scan_key_is(key, "example"))
			scan_skip(s, NULL); /* the client's own, and not ours to mend */
		else
			found = oracle_has_doubles(s) || found;
	}
	return found;
}

/* NULL, or what Google would not take. */
static inline const char *
oracle_schema_fault(struct span json, bool openapi)
{
	struct oracle o = { .openapi = openapi };
	struct scan s;

	if (!scan_check(json, NULL, NULL))
		return "no JSON";
	scan_init(&s, json);
	if (oracle_has_doubles(&s))
		return "a member is told twice";
	o.arena = arena_new(0);
	o.root = schema_tree_read(o.arena, json);
	if (o.root != NULL)
		oracle_schema(&o, o.root, 1);
	arena_free(&o.arena);
	return o.fault;
}

#endif
