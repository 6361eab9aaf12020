/*
 * A schema as Google's Schema: see schema_openapi.h.  Pure, runs in workers.
 *
 * Each schema has one type, and only words that speak of that type: Gemini refuses properties
 * of a string and items of an object.  Several types become alternatives, and what stands
 * beside alternatives is written into each of them, since nothing may stand beside anyOf but what
 * describes.  References are written out.  What cannot be said is told in the description.
 */
#include "dialect/schema_openapi.h"

#include <string.h>
#include "dialect/schema_facts.h"
#include "gemini/object.h"

#define ALIKE_MAX 8 /* alternatives of a tuple are compared with so many before them */

/* What of a view is written. */
enum part {
	PART_NOTES = 1,  /* what describes it */
	PART_LIMITS = 2, /* its type and what limits it */
	PART_ALL = 3
};

struct writing {
	struct schema_work *w;
	const struct schema_view *v;
	struct object_writer o;
	struct schema_types types; /* without null */
	struct schema_values values;
	bool nullable;
	bool only_null;
	unsigned depth;
	bool root;
};

/* One object being written; several of one view where it has several types. */
struct piece {
	struct writing *x;
	struct object_writer o;
	enum schema_type type;
	enum part part;
};

/* ---- what it comes to ---- */

/* What is no schema says something, too: it is refused when it is come to. */
static bool
says_something(const struct schema_node *alternative)
{
	if (alternative->type != SCAN_OBJECT)
		return alternative->type != SCAN_BOOL;
	for (size_t i = 0; i < alternative->count; i++) {
		enum schema_word word = schema_word_find(alternative->children[i].name);

		switch (word) {
		case SCHEMA_WORD_COUNT:
		case SCHEMA_WORD_REQUIRED:
		case SCHEMA_WORD_ADDITIONAL_PROPERTIES:
		case SCHEMA_WORD_MIN_PROPERTIES:
		case SCHEMA_WORD_MAX_PROPERTIES:
			break;
		default:
			if (schema_word_of(word) != SCHEMA_OF_NOTE)
				return true;
		}
	}
	return false;
}

const struct schema_node *
schema_openapi_choice(const struct schema_view *v)
{
	const struct schema_node *list = v->word[SCHEMA_WORD_ANY_OF];

	for (size_t i = 0; list != NULL && i < list->count; i++)
		if (!schema_type_is_null(&list->children[i]) && says_something(&list->children[i]))
			return list;
	return NULL;
}

static void
settle_types(struct writing *x)
{
	bool null;

	x->types = schema_types_of(x->v);
	x->values = schema_values_of(x->w, x->v);
	null = schema_types_have(&x->types, SCHEMA_TYPE_NULL) || x->values.nulls > 0;
	schema_types_drop(&x->types, SCHEMA_TYPE_NULL);
	x->nullable = null || x->v->nullable;
	x->only_null = x->types.count == 0 &&
		       (null || (x->v->nullable && x->v->word[SCHEMA_WORD_NULLABLE] == NULL)) &&
		       schema_type_guess(x->v, &x->values) == SCHEMA_TYPE_NONE;
}

static enum schema_type
single_type(const struct writing *x)
{
	enum schema_type type;

	if (x->only_null)
		return SCHEMA_TYPE_NULL;
	if (x->types.count > 0)
		return (enum schema_type)x->types.list[0];
	type = schema_type_guess(x->v, &x->values);
	return type != SCHEMA_TYPE_NONE ? type : SCHEMA_TYPE_STRING;
}

/* ---- values, notes ---- */

/* Beside numbers in a choice of types, a number stays one. */
static enum schema_numbers
numbers_as(const struct piece *p)
{
	return p->x->types.count > 1 ? SCHEMA_NUMBERS_LEFT : SCHEMA_NUMBERS_QUOTED;
}

static bool
has_enum(const struct piece *p)
{
	const struct schema_values *values = &p->x->values;
	size_t numbers = numbers_as(p) == SCHEMA_NUMBERS_QUOTED ? values->numbers : 0;

	return p->type == SCHEMA_TYPE_STRING && values->strings - values->empty + numbers > 0;
}

/* Values that a list of strings cannot say. */
static bool
has_told_values(const struct piece *p)
{
	const struct schema_values *v = &p->x->values;

	if (has_enum(p))
		return false;
	if (p->x->types.count > 1 && p->type == SCHEMA_TYPE_BOOLEAN)
		return v->bools > 0;
	if (p->x->types.count > 1)
		return v->numbers > 0 &&
		       (p->type == SCHEMA_TYPE_NUMBER || p->type == SCHEMA_TYPE_INTEGER);
	return v->strings + v->numbers + v->bools + v->objects + v->arrays > 0;
}

static bool
is_known_format(enum schema_type type, const struct schema_node *format)
{
	switch (type) {
	case SCHEMA_TYPE_STRING:
		return schema_tree_is_word(format, "enum") ||
		       schema_tree_is_word(format, "date-time");
	case SCHEMA_TYPE_NUMBER:
		return schema_tree_is_word(format, "float") ||
		       schema_tree_is_word(format, "double");
	case SCHEMA_TYPE_INTEGER:
		return schema_tree_is_word(format, "int32") || schema_tree_is_word(format, "int64");
	default:
		return false;
	}
}

/* A format that is not known; a description put over another's speaks for that one's as well. */
static bool
has_told_format(const struct piece *p)
{
	const struct schema_view *v = p->x->v;
	const struct schema_node *format = v->word[SCHEMA_WORD_FORMAT];

	if (format == NULL || is_known_format(p->type, format))
		return false;
	if (!(schema_word_of(SCHEMA_WORD_FORMAT) & (1u << p->type)))
		return false;
	return v->word[SCHEMA_WORD_DESCRIPTION] == NULL ||
	       v->source[SCHEMA_WORD_FORMAT] >= v->source[SCHEMA_WORD_DESCRIPTION];
}

static void
write_description(struct piece *p)
{
	const struct schema_view *v = p->x->v;
	struct schema_notes notes = { BUF_INIT };

	if (p->part & PART_LIMITS) {
		if (has_told_values(p))
			schema_note_values(&notes, &p->x->values);
		if (has_told_format(p))
			schema_note(&notes, "Format: ",
			    schema_tree_plain(p->x->w->arena, v->word[SCHEMA_WORD_FORMAT]));
		if (SCHEMA_OF_SIZED & (1u << p->type))
			schema_note_bounds(&notes, p->x->w, v, p->type == SCHEMA_TYPE_INTEGER);
	}
	schema_notes_write(
	    &notes, &p->o, p->part & PART_NOTES ? v->word[SCHEMA_WORD_DESCRIPTION] : NULL);
}

static void
write_enum(struct piece *p, enum schema_word word)
{
	enum schema_word other = word == SCHEMA_WORD_ENUM ? SCHEMA_WORD_CONST : SCHEMA_WORD_ENUM;

	if (!has_enum(p) || !schema_view_leads(p->x->v, word, other))
		return;
	object_key(&p->o, "enum");
	schema_values_write(&p->x->values, numbers_as(p), false, p->x->w->out);
}

static void
write_example(struct piece *p)
{
	const struct schema_node *list = p->x->v->word[SCHEMA_WORD_EXAMPLES];
	struct scan s;
	struct span first;

	if (!p->x->root || list->type != SCAN_ARRAY || p->x->v->word[SCHEMA_WORD_EXAMPLE] != NULL)
		return;
	scan_init(&s, list->raw);
	scan_array(&s);
	if (scan_item(&s) && scan_skip(&s, &first))
		object_raw(&p->o, "example", first);
}

/* ---- what an object has ---- */

static const struct schema_node *
property_find(const struct schema_view *v, struct span name)
{
	const struct schema_node *map = v->word[SCHEMA_WORD_PROPERTIES];
	const struct schema_node *found = map != NULL ? schema_tree_find(map, name) : NULL;

	return schema_tree_is_false(found) ? NULL : found;
}

static bool
write_properties(struct piece *p, const struct schema_node *map)
{
	struct buf *out = p->x->w->out;
	bool any = false;

	for (size_t i = 0; i < map->count; i++) {
		if (schema_tree_is_false(&map->children[i]))
			continue;
		if (!any)
			object_key(&p->o, "properties");
		buf_add_char(out, any ? ',' : '{');
		any = true;
		scan_quote(out, map->children[i].name);
		buf_add_char(out, ':');
		if (!schema_openapi_write(p->x->w, &map->children[i], NULL, p->x->depth + 1))
			return false;
	}
	if (any)
		buf_add_char(out, '}');
	return true;
}

/* Names of properties that there are. */
static void
write_names(struct piece *p, const char *key, const struct schema_node *names)
{
	struct buf *out = p->x->w->out;
	bool any = false;

	for (size_t i = 0; i < names->count; i++) {
		if (property_find(p->x->v, names->children[i].name) == NULL)
			continue;
		if (!any)
			object_key(&p->o, key);
		buf_add_char(out, any ? ',' : '[');
		buf_add_span(out, names->children[i].raw);
		any = true;
	}
	if (any)
		buf_add_char(out, ']');
}

/* ---- what a list has ---- */

/* Where the alternatives of a tuple begin, to find those that were written before. */
struct alternatives {
	size_t begin[ALIKE_MAX], len[ALIKE_MAX];
	size_t count;
};

static bool
is_repeated(struct alternatives *a, const struct buf *out, size_t begin)
{
	size_t len = out->len - begin;

	for (size_t i = 0; i < ALIKE_MAX && i < a->count; i++)
		if (a->len[i] == len &&
		    memcmp(out->data + a->begin[i], out->data + begin, len) == 0)
			return true;
	a->begin[a->count % ALIKE_MAX] = begin;
	a->len[a->count % ALIKE_MAX] = len;
	a->count++;
	return false;
}

static void
cut_at(struct buf *out, size_t len)
{
	out->len = len;
	out->data[len] = '\0';
}

static bool
add_alternative(struct piece *p, struct alternatives *a, const struct schema_node *item)
{
	struct buf *out = p->x->w->out;
	size_t before = out->len, begin;

	if (schema_tree_is_false(item))
		return true;
	if (a->count > 0)
		buf_add_char(out, ',');
	begin = out->len;
	if (!schema_openapi_write(p->x->w, item, NULL, p->x->depth + 1))
		return false;
	if (is_repeated(a, out, begin))
		cut_at(out, before);
	return true;
}

/* A tuple, and what may follow it: items that are any of these. */
static bool
write_tuple(struct piece *p, const struct schema_node *list, const struct schema_node *rest)
{
	struct buf *out = p->x->w->out;
	struct alternatives a = { .count = 0 };
	size_t before = out->len, begin;

	buf_add_lit(out, "{\"anyOf\":[");
	begin = out->len;
	for (size_t i = 0; i < list->count; i++)
		if (!add_alternative(p, &a, &list->children[i]))
			return false;
	if (rest != NULL && rest->type == SCAN_OBJECT && !add_alternative(p, &a, rest))
		return false;
	if (a.count > 1) {
		buf_add_lit(out, "]}");
	} else if (a.count == 1) {
		memmove(out->data + before, out->data + begin, out->len - begin);
		cut_at(out, before + (out->len - begin));
	} else {
		cut_at(out, before);
		buf_add_lit(out, "{\"type\":\"STRING\"}");
	}
	return true;
}

static bool
write_items(struct piece *p)
{
	const struct schema_node *items = p->x->v->word[SCHEMA_WORD_ITEMS];
	const struct schema_node *tuple = p->x->v->word[SCHEMA_WORD_PREFIX_ITEMS];

	object_key(&p->o, "items");
	if (tuple != NULL)
		return write_tuple(p, tuple, items);
	if (items != NULL && items->type == SCAN_ARRAY)
		return write_tuple(p, items, NULL);
	if (items != NULL)
		return schema_openapi_write(p->x->w, items, NULL, p->x->depth + 1);
	buf_add_lit(p->x->w->out, "{\"type\":\"STRING\"}");
	return true;
}

/* ---- words ---- */

static void
write_nullable(struct piece *p)
{
	if (p->x->nullable && p->type != SCHEMA_TYPE_NULL)
		object_bool(&p->o, "nullable", true);
}

static bool
write_note(struct piece *p, enum schema_word word)
{
	switch (word) {
	case SCHEMA_WORD_DESCRIPTION:
		write_description(p);
		break;
	case SCHEMA_WORD_NULLABLE:
		write_nullable(p);
		break;
	case SCHEMA_WORD_EXAMPLES:
		write_example(p);
		break;
	case SCHEMA_WORD_TITLE:
	case SCHEMA_WORD_DEFAULT:
	case SCHEMA_WORD_EXAMPLE:
		object_raw(&p->o, schema_word_name(word), p->x->v->word[word]->raw);
		break;
	default:
		break;
	}
	return true;
}

static bool
write_limit(struct piece *p, enum schema_word word)
{
	const struct schema_node *value = p->x->v->word[word];
	struct schema_parts names = { .node = value };

	switch (word) {
	case SCHEMA_WORD_TYPE:
		object_text(&p->o, "type", span_of(schema_type_name(p->type, true)));
		return true;
	case SCHEMA_WORD_ENUM:
	case SCHEMA_WORD_CONST:
		write_enum(p, word);
		return true;
	case SCHEMA_WORD_MINIMUM:
	case SCHEMA_WORD_MAXIMUM:
	case SCHEMA_WORD_EXCLUSIVE_MINIMUM:
	case SCHEMA_WORD_EXCLUSIVE_MAXIMUM:
		schema_bounds_write(&p->o, p->x->w, p->x->v, word, p->type == SCHEMA_TYPE_INTEGER);
		return true;
	case SCHEMA_WORD_PROPERTIES:
		return write_properties(p, value);
	case SCHEMA_WORD_REQUIRED:
		write_names(p, "required", value);
		return true;
	case SCHEMA_WORD_PROPERTY_ORDERING:
		write_names(p, "propertyOrdering", schema_tree_names(p->x->w->arena, &names));
		return true;
	case SCHEMA_WORD_ITEMS:
		return !schema_view_leads(p->x->v, word, SCHEMA_WORD_PREFIX_ITEMS) ||
		       write_items(p);
	case SCHEMA_WORD_PREFIX_ITEMS:
		return !schema_view_leads(p->x->v, word, SCHEMA_WORD_ITEMS) || write_items(p);
	case SCHEMA_WORD_FORMAT:
		if (is_known_format(p->type, value))
			object_raw(&p->o, "format", value->raw);
		return true;
	case SCHEMA_WORD_PATTERN:
	case SCHEMA_WORD_MIN_LENGTH:
	case SCHEMA_WORD_MAX_LENGTH:
	case SCHEMA_WORD_MIN_ITEMS:
	case SCHEMA_WORD_MAX_ITEMS:
	case SCHEMA_WORD_MIN_PROPERTIES:
	case SCHEMA_WORD_MAX_PROPERTIES:
		object_raw(&p->o, schema_word_name(word), value->raw);
		return true;
	default:
		return true;
	}
}

/* What the words did not bring. */
static bool
write_missing(struct piece *p)
{
	const struct schema_node *const *word = p->x->v->word;
	const struct schema_node *properties = word[SCHEMA_WORD_PROPERTIES];

	if (p->part & PART_LIMITS) {
		if (p->type == SCHEMA_TYPE_ARRAY && word[SCHEMA_WORD_ITEMS] == NULL &&
		    word[SCHEMA_WORD_PREFIX_ITEMS] == NULL && !write_items(p))
			return false;
		if (p->type == SCHEMA_TYPE_OBJECT && p->x->w->orders && properties != NULL &&
		    properties->count > 0 && word[SCHEMA_WORD_PROPERTY_ORDERING] == NULL)
			schema_ordering_write(&p->o, properties);
	}
	if (word[SCHEMA_WORD_DESCRIPTION] == NULL || !(p->part & PART_NOTES))
		write_description(p);
	if (!(p->part & PART_NOTES))
		return true;
	if (word[SCHEMA_WORD_NULLABLE] == NULL)
		write_nullable(p);
	if (p->x->root && p->x->depth == 1 && p->x->w->title.len > 0 &&
	    word[SCHEMA_WORD_TITLE] == NULL)
		object_escaped(&p->o, "title", p->x->w->title);
	return true;
}

/* ---- shapes ---- */

static bool
write_single(struct writing *x, enum schema_type type, enum part part)
{
	struct piece p = { .x = x, .type = type, .part = part };

	object_begin(&p.o, x->w->out);
	if (x->v->word[SCHEMA_WORD_TYPE] == NULL)
		write_limit(&p, SCHEMA_WORD_TYPE);
	for (size_t i = 0; i < x->v->count; i++) {
		enum schema_word word = (enum schema_word)x->v->order[i];
		unsigned of = schema_word_of(word);

		if (of == SCHEMA_OF_NOTE ? (part & PART_NOTES) && !write_note(&p, word)
					 : (of & (1u << type)) && !write_limit(&p, word))
			return false;
	}
	if (!write_missing(&p))
		return false;
	object_end(&p.o);
	return true;
}

/* The alternatives, of the view or one for each of its types. */
static bool
write_alternatives(struct piece *p, const struct schema_node *choice)
{
	struct writing *x = p->x;
	bool shared = schema_view_limits(x->v), ok = true, first = true;
	const struct schema_view *base = shared || x->types.count > 0 ? x->v : NULL;

	object_key(&p->o, "anyOf");
	buf_add_char(x->w->out, '[');
	x->w->expanding += shared;
	for (size_t i = 0; ok && choice != NULL && i < choice->count; i++) {
		const struct schema_node *item = &choice->children[i];

		if (schema_tree_is_false(item) || schema_type_is_null(item))
			continue;
		if (!first)
			buf_add_char(x->w->out, ',');
		first = false;
		ok = schema_openapi_write(x->w, item, base, x->depth + 1);
	}
	for (size_t i = 0; ok && choice == NULL && i < x->types.count; i++) {
		if (i > 0)
			buf_add_char(x->w->out, ',');
		ok = write_single(x, (enum schema_type)x->types.list[i], PART_LIMITS);
	}
	x->w->expanding -= shared;
	buf_add_char(x->w->out, ']');
	return ok;
}

static bool
write_choice(struct writing *x, const struct schema_node *choice)
{
	enum schema_word place = choice != NULL ? SCHEMA_WORD_ANY_OF : SCHEMA_WORD_TYPE;
	struct piece p = { .x = x, .type = SCHEMA_TYPE_NONE, .part = PART_NOTES };

	object_begin(&p.o, x->w->out);
	for (size_t i = 0; i < x->v->count; i++) {
		enum schema_word word = (enum schema_word)x->v->order[i];

		if (word == place ? !write_alternatives(&p, choice)
				  : schema_word_of(word) == SCHEMA_OF_NOTE && !write_note(&p, word))
			return false;
	}
	if (!write_missing(&p))
		return false;
	object_end(&p.o);
	return true;
}

static bool
write_view(struct writing *x)
{
	const struct schema_node *choice = schema_openapi_choice(x->v);

	settle_types(x);
	if (choice != NULL || x->types.count > 1)
		return write_choice(x, choice);
	return write_single(x, single_type(x), PART_ALL);
}

bool
schema_openapi_write(struct schema_work *w, const struct schema_node *node,
    const struct schema_view *base, unsigned depth)
{
	struct schema_view v;
	struct writing x = { .w = w, .v = &v, .depth = depth, .root = node == w->root };
	bool ok;

	if (!schema_work_enter(w, node, depth))
		return false;
	schema_view_begin(w, &v);
	if (base != NULL)
		schema_view_inherit(w, &v, base);
	ok = schema_view_collect(w, &v, node) && write_view(&x);
	schema_view_end(w, &v);
	return ok;
}
