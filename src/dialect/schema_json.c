/*
 * A schema for the JSON-Schema fields: see schema_json.h.  Pure, runs in workers.
 *
 * Nearly everything passes as it is.  "definitions" become "$defs"; a reference to a part that
 * stands elsewhere in what is written stays a reference, and nothing may stand beside it.  Gemini
 * unrolls what loops only within properties that are not required: such a one is taken off the
 * list.
 */
#include "dialect/schema_json.h"

#include "dialect/schema_facts.h"

struct writing {
	struct schema_work *w;
	struct schema_view v;
	struct object_writer o;
	struct schema_types types;
	struct schema_values values;
	unsigned depth;
	bool root;        /* written in place of the root */
	bool null_wanted; /* null becomes one more alternative */
};

static bool
is_whole(const struct writing *x)
{
	return schema_types_have(&x->types, SCHEMA_TYPE_INTEGER) &&
	       !schema_types_have(&x->types, SCHEMA_TYPE_NUMBER);
}

/* ---- types ---- */

static bool
has_choice(const struct writing *x)
{
	return x->v.word[SCHEMA_WORD_ANY_OF] != NULL || x->v.word[SCHEMA_WORD_ONE_OF] != NULL;
}

/* A type that nobody named, where something else would be lost without one. */
static enum schema_type
missing_type(const struct writing *x, bool null)
{
	const struct schema_values *values = &x->values;
	bool kept = values->strings > 0 || values->numbers > 0;

	if (x->v.cut || (x->v.merged && x->v.word[SCHEMA_WORD_PROPERTIES] != NULL))
		return SCHEMA_TYPE_OBJECT;
	if (values->bools > 0 && !kept)
		return SCHEMA_TYPE_BOOLEAN;
	return null && !has_choice(x) ? schema_type_guess(&x->v, values) : SCHEMA_TYPE_NONE;
}

static void
settle_types(struct writing *x)
{
	bool null = x->v.nullable || x->values.nulls > 0;

	x->types = schema_types_of(&x->v);
	if (x->root && x->w->root_object) {
		x->types = (struct schema_types){ .count = 0 };
		schema_types_add(&x->types, SCHEMA_TYPE_OBJECT);
		return;
	}
	if (x->types.count == 0) {
		schema_types_add(&x->types, missing_type(x, null));
		if (null && x->values.strings > 0 && x->values.numbers > 0)
			schema_types_add(&x->types, SCHEMA_TYPE_NUMBER);
	}
	if (!null)
		return;
	if (x->types.count == 0) {
		x->null_wanted = has_choice(x);
		if (x->null_wanted || x->values.nulls == 0)
			return;
	}
	if (x->types.count > 0 && !schema_types_have(&x->types, SCHEMA_TYPE_NULL))
		x->types.listed = true;
	schema_types_add(&x->types, SCHEMA_TYPE_NULL);
}

static void
write_types(struct writing *x)
{
	if (x->types.count == 0)
		return;
	object_key(&x->o, "type");
	for (size_t i = 0; i < x->types.count; i++) {
		if (x->types.listed)
			buf_add_char(x->w->out, i == 0 ? '[' : ',');
		buf_printf(x->w->out, "\"%s\"",
		    schema_type_name((enum schema_type)x->types.list[i], false));
	}
	if (x->types.listed)
		buf_add_char(x->w->out, ']');
}

/* ---- what holds schemas ---- */

static bool
write_child(struct writing *x, const char *key, const struct schema_node *child)
{
	object_key(&x->o, key);
	return schema_json_write(x->w, child, x->depth + 1);
}

/* What may never be is left out. */
static bool
write_map(struct schema_work *w, struct object_writer *o, const char *key,
    const struct schema_node *map, unsigned depth)
{
	bool first = true;

	object_key(o, key);
	buf_add_char(w->out, '{');
	for (size_t i = 0; i < map->count; i++) {
		if (schema_tree_is_false(&map->children[i]))
			continue;
		if (!first)
			buf_add_char(w->out, ',');
		first = false;
		scan_quote(w->out, map->children[i].name);
		buf_add_char(w->out, ':');
		if (!schema_json_write(w, &map->children[i], depth + 1))
			return false;
	}
	buf_add_char(w->out, '}');
	return true;
}

static bool
write_list(struct writing *x, const char *key, const struct schema_node *list, bool add_null)
{
	struct object_writer before = x->o;
	size_t at = x->w->out->len;
	bool any = false, null = false;

	object_key(&x->o, key);
	buf_add_char(x->w->out, '[');
	for (size_t i = 0; i < list->count; i++) {
		if (schema_tree_is_false(&list->children[i]))
			continue;
		if (any)
			buf_add_char(x->w->out, ',');
		any = true;
		null = null || schema_type_is_null(&list->children[i]);
		if (!schema_json_write(x->w, &list->children[i], x->depth + 1))
			return false;
	}
	if (add_null && any && !null)
		buf_add_lit(x->w->out, ",{\"type\":\"null\"}");
	buf_add_char(x->w->out, ']');
	if (!any) {
		x->w->out->len = at;
		x->w->out->data[at] = '\0';
		x->o = before;
	}
	return true;
}

/* A tuple of older drafts is what newer ones call prefixItems. */
static bool
write_items(struct writing *x, const struct schema_node *items)
{
	if (items->type != SCAN_ARRAY)
		return write_child(x, "items", items);
	return x->v.word[SCHEMA_WORD_PREFIX_ITEMS] != NULL ||
	       write_list(x, "prefixItems", items, false);
}

static bool
write_choice(struct writing *x, enum schema_word word)
{
	enum schema_word other =
	    word == SCHEMA_WORD_ANY_OF ? SCHEMA_WORD_ONE_OF : SCHEMA_WORD_ANY_OF;
	bool add_null = x->null_wanted && schema_view_leads(&x->v, word, other);

	return write_list(x, schema_word_name(word), x->v.word[word], add_null);
}

/* Definitions of either name become one map. */
static bool
write_defs(struct schema_work *w, struct object_writer *o, const struct schema_view *v,
    enum schema_word word, unsigned depth)
{
	const struct schema_node *old = v->word[SCHEMA_WORD_DEFINITIONS];
	const struct schema_node *defs = v->word[SCHEMA_WORD_DEFS];
	const struct schema_node *map = defs != NULL ? defs : old;
	struct schema_parts second = { .node = defs }, first = { .node = old, .next = &second };
	enum schema_word other =
	    word == SCHEMA_WORD_DEFS ? SCHEMA_WORD_DEFINITIONS : SCHEMA_WORD_DEFS;

	if (map == NULL || !schema_view_leads(v, word, other))
		return true;
	if (old != NULL && defs != NULL)
		map = schema_tree_join(w->arena, &first);
	return write_map(w, o, "$defs", map, depth);
}

/* ---- lists of names ---- */

static bool
is_demanded(const struct writing *x, struct span name)
{
	const struct schema_node *map = x->v.word[SCHEMA_WORD_PROPERTIES];
	const struct schema_node *property = map != NULL ? schema_tree_find(map, name) : NULL;

	return property == NULL || !(property->loops || schema_tree_is_false(property));
}

static void
write_required(struct writing *x, const struct schema_node *names)
{
	bool any = false;

	for (size_t i = 0; i < names->count; i++) {
		if (!is_demanded(x, names->children[i].name))
			continue;
		if (!any)
			object_key(&x->o, "required");
		buf_add_char(x->w->out, any ? ',' : '[');
		buf_add_span(x->w->out, names->children[i].raw);
		any = true;
	}
	if (any)
		buf_add_char(x->w->out, ']');
}

static void
write_values(struct writing *x, enum schema_word word)
{
	enum schema_word other = word == SCHEMA_WORD_ENUM ? SCHEMA_WORD_CONST : SCHEMA_WORD_ENUM;
	bool strings = schema_types_have(&x->types, SCHEMA_TYPE_STRING) &&
		       !schema_types_have(&x->types, SCHEMA_TYPE_NUMBER) &&
		       !schema_types_have(&x->types, SCHEMA_TYPE_INTEGER);

	if (!schema_view_leads(&x->v, word, other))
		return;
	if (x->values.strings == 0 && x->values.numbers == 0)
		return;
	object_key(&x->o, "enum");
	schema_values_write(
	    &x->values, strings ? SCHEMA_NUMBERS_QUOTED : SCHEMA_NUMBERS_KEPT, true, x->w->out);
}

/* ---- a schema ---- */

static void
write_description(struct writing *x)
{
	struct schema_notes notes = { BUF_INIT };

	schema_note_bounds(&notes, x->w, &x->v, is_whole(x));
	schema_notes_write(&notes, &x->o, x->v.word[SCHEMA_WORD_DESCRIPTION]);
}

static bool
write_word(struct writing *x, enum schema_word word)
{
	const struct schema_node *value = x->v.word[word];

	switch (word) {
	case SCHEMA_WORD_TYPE:
		write_types(x);
		return true;
	case SCHEMA_WORD_DESCRIPTION:
		write_description(x);
		return true;
	case SCHEMA_WORD_ENUM:
	case SCHEMA_WORD_CONST:
		write_values(x, word);
		return true;
	case SCHEMA_WORD_MINIMUM:
	case SCHEMA_WORD_MAXIMUM:
	case SCHEMA_WORD_EXCLUSIVE_MINIMUM:
	case SCHEMA_WORD_EXCLUSIVE_MAXIMUM:
		schema_bounds_write(&x->o, x->w, &x->v, word, is_whole(x));
		return true;
	case SCHEMA_WORD_REQUIRED:
		write_required(x, value);
		return true;
	case SCHEMA_WORD_PROPERTIES:
		return write_map(x->w, &x->o, "properties", value, x->depth);
	case SCHEMA_WORD_ITEMS:
		return write_items(x, value);
	case SCHEMA_WORD_PREFIX_ITEMS:
		return write_list(x, "prefixItems", value, false);
	case SCHEMA_WORD_ANY_OF:
	case SCHEMA_WORD_ONE_OF:
		return write_choice(x, word);
	case SCHEMA_WORD_DEFS:
	case SCHEMA_WORD_DEFINITIONS:
		return (x->root && x->w->how == SCHEMA_ROOT_WRAPPED) ||
		       write_defs(x->w, &x->o, &x->v, word, x->depth);
	case SCHEMA_WORD_ADDITIONAL_PROPERTIES:
		if (value->type == SCAN_OBJECT)
			return write_child(x, "additionalProperties", value);
		object_raw(&x->o, "additionalProperties", value->raw);
		return true;
	case SCHEMA_WORD_ID:
	case SCHEMA_WORD_ANCHOR:
	case SCHEMA_WORD_TITLE:
	case SCHEMA_WORD_FORMAT:
	case SCHEMA_WORD_PATTERN:
	case SCHEMA_WORD_MIN_LENGTH:
	case SCHEMA_WORD_MAX_LENGTH:
	case SCHEMA_WORD_MIN_ITEMS:
	case SCHEMA_WORD_MAX_ITEMS:
	case SCHEMA_WORD_PROPERTY_ORDERING:
		object_raw(&x->o, schema_word_name(word), value->raw);
		return true;
	default:
		return true;
	}
}

static bool
write_words(struct writing *x)
{
	const struct schema_node *properties = x->v.word[SCHEMA_WORD_PROPERTIES];

	object_begin(&x->o, x->w->out);
	if (x->v.word[SCHEMA_WORD_TYPE] == NULL)
		write_types(x);
	for (size_t i = 0; i < x->v.count; i++)
		if (!write_word(x, (enum schema_word)x->v.order[i]))
			return false;
	if (x->v.word[SCHEMA_WORD_DESCRIPTION] == NULL)
		write_description(x);
	if (x->w->orders && properties != NULL && properties->count > 0 &&
	    x->v.word[SCHEMA_WORD_PROPERTY_ORDERING] == NULL)
		schema_ordering_write(&x->o, properties);
	if (x->root && x->w->how != SCHEMA_ROOT_WRAPPED && x->w->title.len > 0 &&
	    x->v.word[SCHEMA_WORD_TITLE] == NULL)
		object_escaped(&x->o, "title", x->w->title);
	object_end(&x->o);
	return true;
}

/* ---- references ---- */

/*
 * The one reference of a schema that is nothing but allOf of it.  Merging would keep the
 * description beside it, so only what loops, or is too large otherwise, stays a reference.
 */
static const struct schema_node *
lone_reference(const struct schema_work *w, const struct schema_node *node)
{
	const struct schema_node *list = schema_tree_find(node, SPAN("allOf")), *ref;

	if (list == NULL || list->type != SCAN_ARRAY || list->count != 1)
		return NULL;
	ref = schema_refs_of(&list->children[0]);
	if (ref == NULL || !(ref->loops || w->unroll == 0))
		return NULL;
	for (size_t i = 0; i < node->count; i++) {
		enum schema_word word = schema_word_find(node->children[i].name);

		if (word != SCHEMA_WORD_COUNT && word != SCHEMA_WORD_ALL_OF &&
		    schema_word_of(word) != SCHEMA_OF_NOTE)
			return NULL;
	}
	return ref;
}

/* By what path it is referred to; false: it is no reference, or one that is written out. */
static bool
find_path(struct writing *x, const struct schema_node *node, struct buf *path)
{
	const struct schema_node *ref;

	if (x->root && x->w->how == SCHEMA_ROOT_INLINED)
		return false;
	ref = schema_refs_of(node);
	if (ref == NULL)
		ref = lone_reference(x->w, node);
	return ref != NULL && schema_refs_path(schema_refs_target(ref), x->w->how, path);
}

static bool
write_reference(struct writing *x, struct span path)
{
	object_begin(&x->o, x->w->out);
	if (x->v.nullable) {
		object_key(&x->o, "anyOf");
		buf_add_lit(x->w->out, "[{\"$ref\":");
		scan_quote(x->w->out, path);
		buf_add_lit(x->w->out, "},{\"type\":\"null\"}]");
	} else {
		object_text(&x->o, "$ref", path);
	}
	for (size_t i = 0; i < x->v.count; i++) {
		enum schema_word word = (enum schema_word)x->v.order[i];

		if (*schema_word_name(word) == '$' || word == SCHEMA_WORD_DEFINITIONS)
			if (!write_word(x, word))
				return false;
	}
	object_end(&x->o);
	return true;
}

bool
schema_json_write(struct schema_work *w, const struct schema_node *node, unsigned depth)
{
	struct writing x = { .w = w, .depth = depth, .root = node == w->root };
	struct buf path = BUF_INIT;
	bool ok;

	if (!schema_work_enter(w, node, depth))
		return false;
	schema_view_begin(w, &x.v);
	if (find_path(&x, node, &path)) {
		ok = schema_view_own(w, &x.v, node) && write_reference(&x, buf_span(&path));
	} else if ((ok = schema_view_collect(w, &x.v, node))) {
		x.values = schema_values_of(w, &x.v);
		settle_types(&x);
		ok = write_words(&x);
	}
	schema_view_end(w, &x.v);
	buf_fini(&path);
	return ok;
}

bool
schema_json_write_defs(struct schema_work *w, struct object_writer *o, unsigned depth)
{
	struct schema_view v;

	schema_view_begin(w, &v);
	if (!schema_view_own(w, &v, w->root))
		return false;
	return write_defs(w, o, &v, SCHEMA_WORD_DEFS, depth) &&
	       write_defs(w, o, &v, SCHEMA_WORD_DEFINITIONS, depth);
}
