/*
 * One schema as it is to be written: see schema_view.h.  Pure, runs in workers; what it makes
 * lies in the scratch arena.
 *
 * What others say is taken first, its own words last: the last one counts.  So an allOf merges
 * shallowly into the schema that has it, and a reference with a description of its own keeps
 * that description.
 */
#include "dialect/schema_view.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "dialect/schema_types.h"

#define CHAIN_MAX 256 /* schemas of which each is only a reference to the next */
#define WHOLE_MAX 9007199254740992.0

static const struct word {
	const char *name;
	enum schema_value value;
	unsigned of;
} words[] = {
#define WORD_ROW(word, name, value, of) { name, SCHEMA_VALUE_##value, of },
	SCHEMA_WORDS(WORD_ROW)
#undef WORD_ROW
};

struct schema_opened {
	struct schema_node *target;
	struct schema_opened *next;
};

const char *
schema_word_name(enum schema_word word)
{
	return words[word].name;
}

unsigned
schema_word_of(enum schema_word word)
{
	return words[word].of;
}

enum schema_word
schema_word_find(struct span name)
{
	size_t low = 0, high = SCHEMA_WORD_COUNT;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t len = strlen(words[middle].name);
		int way = memcmp(name.len > 0 ? name.p : "", words[middle].name,
		    name.len < len ? name.len : len);

		if (way == 0 && name.len == len)
			return (enum schema_word)middle;
		if (way < 0 || (way == 0 && name.len < len))
			high = middle;
		else
			low = middle + 1;
	}
	return SCHEMA_WORD_COUNT;
}

/* ---- the work ---- */

bool
schema_work_refuse(struct schema_work *w, const struct schema_node *node, const char *what)
{
	struct buf place = BUF_INIT;

	buf_add_text(&place, w->field);
	schema_tree_place(node, &place);
	err_field(w->err, buf_text(&place), "%s %s", buf_text(&place), what);
	buf_fini(&place);
	return false;
}

static bool
overflow(struct schema_work *w)
{
	w->too_large = true;
	return false;
}

/* Only what stands for references is counted: the text itself is as long as it is. */
static bool
spend(struct schema_work *w, size_t parts)
{
	if (w->expanding == 0)
		return true;
	w->spent += parts;
	return w->spent <= w->spend_max || overflow(w);
}

bool
schema_work_enter(struct schema_work *w, const struct schema_node *node, unsigned depth)
{
	char what[64];

	if (depth > w->depth_max && w->expanding == 0) {
		snprintf(what, sizeof(what), "is nested more than %u deep", w->depth_max);
		return schema_work_refuse(w, node, what);
	}
	if (depth > w->depth_max || w->out->len > w->bytes_max)
		return overflow(w);
	return spend(w, 1);
}

/* ---- what values must be ---- */

static bool
is_schema(const struct schema_node *node)
{
	return node->type == SCAN_OBJECT || node->type == SCAN_BOOL;
}

static bool
is_empty_list(const struct schema_node *node)
{
	return node->type == SCAN_ARRAY &&
	       span_trim(span_mem(node->raw.p + 1, node->raw.len - 2)).len == 0;
}

static bool
is_strings(const struct schema_node *node)
{
	struct scan s;
	bool all = true;

	if (node->type != SCAN_ARRAY || node->count > 0)
		return false;
	scan_init(&s, node->raw);
	scan_array(&s);
	while (scan_item(&s)) {
		all = all && scan_type(&s) == SCAN_STRING;
		scan_skip(&s, NULL);
	}
	return all;
}

static bool
is_size(const struct schema_node *node)
{
	double value;

	return node->type == SCAN_NUMBER && span_double(node->raw, &value) && value >= 0 &&
	       value <= WHOLE_MAX && value == floor(value);
}

static bool
is_number(const struct schema_node *node)
{
	double value;

	return node->type == SCAN_NUMBER && span_double(node->raw, &value);
}

static bool
is_optional_fit(const struct schema_node *node, enum schema_value value)
{
	switch (value) {
	case SCHEMA_VALUE_TEXT:
		return node->type == SCAN_STRING;
	case SCHEMA_VALUE_FLAG:
		return node->type == SCAN_BOOL;
	case SCHEMA_VALUE_SIZE:
		return is_size(node);
	case SCHEMA_VALUE_NUMBER:
		return is_number(node);
	case SCHEMA_VALUE_BOUND:
		return is_number(node) || node->type == SCAN_BOOL;
	case SCHEMA_VALUE_OPEN:
		return is_schema(node);
	case SCHEMA_VALUE_ORDER:
		return is_strings(node);
	default:
		return true;
	}
}

static const char type_demand[] =
    "must be string, number, integer, boolean, array, object or null, or a list of these";

/* Of what is refused when it does not fit: what it must be. */
static const char *const demands[] = {
	[SCHEMA_VALUE_MAP] = "must be an object",
	[SCHEMA_VALUE_ITEMS] = "must be a schema or a list of schemas",
	[SCHEMA_VALUE_LIST] = "must be a list",
	[SCHEMA_VALUE_SCHEMAS] = "must be a list of schemas",
	[SCHEMA_VALUE_NAMES] = "must be a list of strings",
	[SCHEMA_VALUE_TYPE] = type_demand,
	[SCHEMA_VALUE_REF] = "must be a string",
};

/* A list that stayed text has no schema in it. */
static bool
is_structure_fit(const struct schema_node *node, enum schema_value value)
{
	struct schema_types types;

	switch (value) {
	case SCHEMA_VALUE_MAP:
		return node->type == SCAN_OBJECT || is_empty_list(node);
	case SCHEMA_VALUE_ITEMS:
		return is_schema(node) || node->count > 0 || is_empty_list(node);
	case SCHEMA_VALUE_LIST:
		return node->type == SCAN_ARRAY;
	case SCHEMA_VALUE_SCHEMAS:
		return node->type == SCAN_ARRAY && (node->count > 0 || is_empty_list(node));
	case SCHEMA_VALUE_NAMES:
		return node->type == SCAN_BOOL || is_strings(node);
	case SCHEMA_VALUE_TYPE:
		return schema_types_read(node, &types);
	case SCHEMA_VALUE_REF:
		return node->type == SCAN_STRING;
	default:
		return true;
	}
}

/* What fits and still says nothing. */
static bool
is_idle(const struct schema_node *node, enum schema_word word)
{
	if (node->type == SCAN_NULL)
		return word != SCHEMA_WORD_CONST;
	switch (words[word].value) {
	case SCHEMA_VALUE_MAP:
	case SCHEMA_VALUE_SCHEMAS:
	case SCHEMA_VALUE_LIST:
		return is_empty_list(node);
	case SCHEMA_VALUE_ITEMS:
		return is_empty_list(node) || schema_tree_is_false(node);
	case SCHEMA_VALUE_NAMES:
		return node->type != SCAN_ARRAY;
	case SCHEMA_VALUE_REF:
		return true; /* followed by then */
	default:
		return false;
	}
}

static bool
check_word(struct schema_work *w, const struct schema_node *node, enum schema_word word, bool *take)
{
	enum schema_value value = words[word].value;

	*take = !is_idle(node, word) && is_optional_fit(node, value);
	return node->type == SCAN_NULL || is_structure_fit(node, value) ||
	       schema_work_refuse(w, node, demands[value]);
}

/* ---- taking ---- */

static void
add_part(struct schema_work *w, struct schema_parts **list, const struct schema_node *node)
{
	struct schema_parts *part = arena_alloc(w->arena, sizeof(*part));

	*part = (struct schema_parts){ .node = node, .next = *list };
	*list = part;
}

static void
set_word(struct schema_work *w, struct schema_view *v, enum schema_word word,
    const struct schema_node *node)
{
	if (word == SCHEMA_WORD_PROPERTIES)
		add_part(w, &v->properties, node);
	else if (word == SCHEMA_WORD_REQUIRED)
		add_part(w, &v->required, node);
	if (v->word[word] == NULL)
		v->order[v->count++] = (uint8_t)word;
	v->word[word] = node;
	v->source[word] = v->sources;
}

static bool take_schema(
    struct schema_work *w, struct schema_view *v, const struct schema_node *node, unsigned chain);

/* Of a loop that was written out often enough nothing is left but an object. */
static bool
follow(struct schema_work *w, struct schema_view *v, const struct schema_node *ref, unsigned chain)
{
	struct schema_node *target = schema_refs_target(ref);
	struct schema_opened *opened;

	if (target->seen == v->number)
		return true;
	target->seen = v->number;
	v->merged = true;
	if (ref->loops && target->open >= w->unroll) {
		v->cut = true;
		return true;
	}
	opened = arena_alloc(w->arena, sizeof(*opened));
	*opened = (struct schema_opened){ .target = target, .next = v->opened };
	v->opened = opened;
	target->open++;
	w->expanding++;
	return take_schema(w, v, target, chain + 1);
}

static bool
take_all_of(
    struct schema_work *w, struct schema_view *v, const struct schema_node *node, unsigned chain)
{
	const struct schema_node *list = schema_tree_find(node, SPAN("allOf"));

	if (list == NULL || list->type != SCAN_ARRAY)
		return true;
	v->merged = v->merged || list->count > 0;
	for (size_t i = 0; i < list->count; i++)
		if (!take_schema(w, v, &list->children[i], chain + 1))
			return false;
	return true;
}

/* anyOf or oneOf for OpenAPI: null is taken out, and what is left of it alone is taken in. */
static bool
take_choice(struct schema_work *w, struct schema_view *v, const struct schema_node *list,
    const struct schema_node **choice, unsigned chain)
{
	const struct schema_node *only = NULL;
	size_t left = 0;

	if (list == NULL || list->type != SCAN_ARRAY)
		return true;
	for (size_t i = 0; i < list->count; i++) {
		const struct schema_node *item = &list->children[i];

		if (schema_type_is_null(item)) {
			v->nullable = true;
		} else if (!schema_tree_is_false(item)) {
			only = item;
			left++;
		}
	}
	if (left == 1)
		return take_schema(w, v, only, chain + 1);
	if (left > 1 && *choice == NULL)
		*choice = list;
	return true;
}

/* These belong to the schema that is written, and to no other that is merged into it. */
static bool
is_own_only(enum schema_word word)
{
	return word == SCHEMA_WORD_DEFS || word == SCHEMA_WORD_DEFINITIONS ||
	       word == SCHEMA_WORD_ID || word == SCHEMA_WORD_ANCHOR;
}

/* Lists are read again and again; what is in an object is paid for when it is come to. */
static size_t
word_cost(const struct schema_node *node, enum schema_word word)
{
	return node->type == SCAN_OBJECT && word != SCHEMA_WORD_CONST ? 1 : 1 + node->raw.len / 256;
}

static bool
take_word(struct schema_work *w, struct schema_view *v, const struct schema_node *node, bool own)
{
	enum schema_word word = schema_word_find(node->name);
	bool take;

	if (word == SCHEMA_WORD_COUNT)
		return true;
	if (!check_word(w, node, word, &take) || !spend(w, word_cost(node, word)))
		return false;
	if (!take || word == SCHEMA_WORD_ALL_OF || (is_own_only(word) && !(own && v->in_place)))
		return true;
	if (w->openapi && (word == SCHEMA_WORD_ANY_OF || word == SCHEMA_WORD_ONE_OF))
		return true;
	if (word == SCHEMA_WORD_NULLABLE)
		v->nullable = v->nullable || schema_tree_is_true(node);
	set_word(w, v, word, node);
	return true;
}

/* Where the members are taken one by one, a choice keeps its place among them. */
static bool
take_words(struct schema_work *w, struct schema_view *v, const struct schema_node *node,
    const struct schema_node *choice, bool own)
{
	v->sources++;
	for (size_t i = 0; i < node->count; i++) {
		if (!take_word(w, v, &node->children[i], own))
			return false;
		if (&node->children[i] == choice)
			set_word(w, v, SCHEMA_WORD_ANY_OF, choice);
	}
	return true;
}

static bool
take_schema(
    struct schema_work *w, struct schema_view *v, const struct schema_node *node, unsigned chain)
{
	const struct schema_node *ref, *choice = NULL;

	if (node->type == SCAN_BOOL)
		return true;
	if (node->type != SCAN_OBJECT)
		return schema_work_refuse(w, node, "must be a schema: an object, or true or false");
	if (chain > CHAIN_MAX)
		return overflow(w);
	if (!spend(w, 1))
		return false;
	ref = schema_refs_of(node);
	if ((ref != NULL && !follow(w, v, ref, chain)) || !take_all_of(w, v, node, chain))
		return false;
	if (w->openapi &&
	    (!take_choice(w, v, schema_tree_find(node, SPAN("anyOf")), &choice, chain) ||
		!take_choice(w, v, schema_tree_find(node, SPAN("oneOf")), &choice, chain)))
		return false;
	return take_words(w, v, node, choice, chain == 0);
}

/* ---- a view ---- */

void
schema_view_begin(struct schema_work *w, struct schema_view *v)
{
	*v = (struct schema_view){ .number = ++w->views, .in_place = w->expanding == 0 };
}

void
schema_view_inherit(struct schema_work *w, struct schema_view *v, const struct schema_view *base)
{
	v->sources++;
	for (size_t i = 0; i < base->count; i++) {
		enum schema_word word = (enum schema_word)base->order[i];

		if (words[word].of == SCHEMA_OF_NOTE || word == SCHEMA_WORD_ANY_OF ||
		    word == SCHEMA_WORD_REQUIRED)
			continue;
		set_word(w, v, word, base->word[word]);
	}
	for (const struct schema_parts *p = base->required; p != NULL; p = p->next)
		set_word(w, v, SCHEMA_WORD_REQUIRED, p->node);
}

/* In the order in which they came. */
static struct schema_parts *
parts_turn(struct schema_parts *list)
{
	struct schema_parts *turned = NULL, *next;

	for (; list != NULL; list = next) {
		next = list->next;
		list->next = turned;
		turned = list;
	}
	return turned;
}

bool
schema_view_own(struct schema_work *w, struct schema_view *v, const struct schema_node *node)
{
	return take_words(w, v, node, NULL, true);
}

bool
schema_view_collect(struct schema_work *w, struct schema_view *v, const struct schema_node *node)
{
	const struct schema_node **properties = &v->word[SCHEMA_WORD_PROPERTIES];
	const struct schema_node **required = &v->word[SCHEMA_WORD_REQUIRED];

	if (!take_schema(w, v, node, 0))
		return false;
	v->properties = parts_turn(v->properties);
	v->required = parts_turn(v->required);
	if (v->properties != NULL && v->properties->next != NULL) {
		*properties = schema_tree_join(w->arena, v->properties);
		if (!spend(w, (*properties)->count))
			return false;
	}
	if (v->required != NULL)
		*required = schema_tree_names(w->arena, v->required);
	return true;
}

void
schema_view_end(struct schema_work *w, struct schema_view *v)
{
	for (; v->opened != NULL; v->opened = v->opened->next) {
		v->opened->target->open--;
		w->expanding--;
	}
}

bool
schema_view_leads(const struct schema_view *v, enum schema_word word, enum schema_word other)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->order[i] == word)
			return true;
		if (v->order[i] == other)
			return false;
	}
	return false;
}

bool
schema_view_limits(const struct schema_view *v)
{
	for (size_t i = 0; i < v->count; i++) {
		enum schema_word word = (enum schema_word)v->order[i];

		if (words[word].of != SCHEMA_OF_NOTE && word != SCHEMA_WORD_TYPE &&
		    word != SCHEMA_WORD_ANY_OF && word != SCHEMA_WORD_ONE_OF)
			return true;
	}
	return false;
}
