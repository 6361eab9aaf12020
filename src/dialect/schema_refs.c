/*
 * The references of a JSON Schema: see schema_refs.h.  Pure, runs in workers, owns nothing.
 *
 * What loops is found with Tarjan's algorithm over the whole tree, a reference being one more
 * edge: two parts lie in one strong component when each leads to the other.  It keeps its own
 * stack, since a chain of references may be as long as the text.
 */
#include "dialect/schema_refs.h"

#include <assert.h>

/* A growing array of nodes. */
struct pile {
	struct schema_node **at; /* owned */
	size_t count, room;
};

static void
pile_push(struct pile *p, struct schema_node *node)
{
	if (p->count == p->room) {
		p->room = p->room > 0 ? 2 * p->room : 32;
		p->at = mem_resize(p->at, p->room * sizeof(*p->at));
	}
	p->at[p->count++] = node;
}

/* ---- names ---- */

struct linking {
	struct arena *arena;
	struct schema_node *root;
	struct pile refs, names;   /* names: members $id and $anchor */
	struct schema_node *index; /* of names, each with what it names as its only child */
};

static void
gather(struct linking *l, struct schema_node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		struct schema_node *child = &node->children[i];

		if (child->type != SCAN_STRING)
			gather(l, child);
		else if (span_is(child->name, "$ref"))
			pile_push(&l->refs, child);
		else if (span_is(child->name, "$id") || span_is(child->name, "$anchor"))
			pile_push(&l->names, child);
	}
}

/* An anchor is named as references name it: with its '#'. */
static struct span
name_of(struct arena *arena, const struct schema_node *member)
{
	struct span plain = schema_tree_plain(arena, member);

	if (!span_is(member->name, "$anchor"))
		return plain;
	return span_of(arena_printf(arena, "#%.*s", SPAN_ARG(plain)));
}

static void
index_names(struct linking *l)
{
	struct schema_node *all = mem_array(l->names.count, sizeof(*all));

	for (size_t i = 0; i < l->names.count; i++) {
		all[i].type = SCAN_STRING;
		all[i].name = name_of(l->arena, l->names.at[i]);
		all[i].children = l->names.at[i]->parent;
	}
	l->index = schema_tree_object(l->arena, all, l->names.count);
	mem_free(all);
}

static struct schema_node *
named(const struct linking *l, struct span name)
{
	struct schema_node *found = schema_tree_find(l->index, name);

	return found != NULL ? found->children : NULL;
}

/* ---- where they lead ---- */

/* %XX is decoded first, as in any URI; those who forgot to encode are understood as well. */
static struct schema_node *
point(struct schema_node *from, struct span pointer)
{
	struct buf decoded = BUF_INIT;
	struct schema_node *found;

	text_percent_decode(&decoded, pointer, false);
	found = schema_tree_point(from, buf_span(&decoded));
	if (found == NULL)
		found = schema_tree_point(from, pointer);
	buf_fini(&decoded);
	return found;
}

static struct schema_node *
resolve(const struct linking *l, struct span ref)
{
	struct span fragment = ref, base = span_cut(&fragment, '#');
	struct schema_node *from = l->root;

	if (base.len > 0 || (fragment.len > 0 && *fragment.p != '/')) {
		from = named(l, ref);
		if (from != NULL || base.len == 0 || fragment.p == NULL)
			return from;
		from = named(l, base);
	}
	return from != NULL && fragment.p != NULL ? point(from, fragment) : NULL;
}

static bool
is_schema(const struct schema_node *node)
{
	return node->type == SCAN_OBJECT || node->type == SCAN_BOOL;
}

/* ---- what loops ---- */

struct frame {
	struct schema_node *node;
	uint32_t next; /* child */
};

struct walk {
	struct frame *frames; /* owned */
	size_t count, room;
	struct pile path; /* of parts whose component is not known yet */
	uint32_t index;
};

static void
enter(struct walk *w, struct schema_node *node)
{
	node->index = node->low = ++w->index;
	node->on_path = true;
	pile_push(&w->path, node);
	if (w->count == w->room) {
		w->room = w->room > 0 ? 2 * w->room : 64;
		w->frames = mem_resize(w->frames, w->room * sizeof(*w->frames));
	}
	w->frames[w->count++] = (struct frame){ .node = node };
}

static void
lower(struct schema_node *node, uint32_t low)
{
	if (low < node->low)
		node->low = low;
}

/* All parts of one component get the same low. */
static void
leave(struct walk *w, struct schema_node *node)
{
	struct schema_node *member;

	w->count--;
	if (w->count > 0)
		lower(w->frames[w->count - 1].node, node->low);
	if (node->low != node->index)
		return;
	do {
		member = w->path.at[--w->path.count];
		member->on_path = false;
		member->low = node->index;
	} while (member != node);
}

/* A leaf has no part in this; a reference has one child, its target. */
static void
find_components(struct schema_node *root)
{
	struct walk w = { .index = 0 };

	enter(&w, root);
	while (w.count > 0) {
		struct frame *top = &w.frames[w.count - 1];
		struct schema_node *child;

		if (top->node->children == NULL ||
		    top->next >= (top->node->count ? top->node->count : 1)) {
			leave(&w, top->node);
			continue;
		}
		child = &top->node->children[top->next++];
		if (child->children == NULL)
			continue;
		if (child->index == 0)
			enter(&w, child);
		else if (child->on_path)
			lower(top->node, child->index);
	}
	mem_free(w.frames);
	mem_free(w.path.at);
}

/* ---- what a place is ---- */

/* What the way from the root to a part has come to. */
enum place {
	AT_SCHEMA,
	AT_PROPERTIES,  /* a map of them by name */
	AT_DEFINITIONS, /* likewise */
	AT_LIST,        /* of schemas */
	AT_NOWHERE      /* that is known */
};

struct trail {
	struct schema_node *node[SCAN_DEPTH_MAX + 1]; /* from the part up to the root */
	size_t count;
};

static void
trail_to(struct trail *t, struct schema_node *node)
{
	for (t->count = 0; node != NULL; node = node->parent) {
		assert(t->count <= SCAN_DEPTH_MAX);
		t->node[t->count++] = node;
	}
}

static enum place
place_of_word(const struct schema_node *word)
{
	static const struct {
		const char *name;
		enum scan_type type;
		enum place place;
	} words[] = {
		{ "properties", SCAN_OBJECT, AT_PROPERTIES },
		{ "$defs", SCAN_OBJECT, AT_DEFINITIONS },
		{ "definitions", SCAN_OBJECT, AT_DEFINITIONS },
		{ "items", SCAN_OBJECT, AT_SCHEMA },
		{ "items", SCAN_ARRAY, AT_LIST },
		{ "prefixItems", SCAN_ARRAY, AT_LIST },
		{ "anyOf", SCAN_ARRAY, AT_LIST },
		{ "oneOf", SCAN_ARRAY, AT_LIST },
		{ "allOf", SCAN_ARRAY, AT_LIST },
		{ "additionalProperties", SCAN_OBJECT, AT_SCHEMA },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word->type == words[i].type && span_is(word->name, words[i].name))
			return words[i].place;
	return AT_NOWHERE;
}

static enum place
place_below(enum place place, const struct schema_node *child)
{
	if (place == AT_NOWHERE)
		return AT_NOWHERE;
	if (place == AT_SCHEMA)
		return place_of_word(child);
	return child->type == SCAN_OBJECT ? AT_SCHEMA : AT_NOWHERE;
}

/* Gemini takes a loop only where it may be left out: within a property that is not required. */
static void
mark_loop(struct schema_node *ref)
{
	struct trail t;
	enum place place = AT_SCHEMA;
	struct schema_node *within;

	trail_to(&t, ref->parent);
	within = t.node[t.count - 1]; /* the root is a property once it is wrapped */
	for (size_t i = t.count - 1; i-- > 0;) {
		if (place == AT_PROPERTIES)
			within = t.node[i];
		else if (place == AT_DEFINITIONS)
			within = NULL;
		place = place_below(place, t.node[i]);
	}
	ref->loops = true;
	if (within != NULL)
		within->loops = true;
}

void
schema_refs_link(struct arena *arena, struct schema_node *root)
{
	struct linking l = { .arena = arena, .root = root };
	bool any = false;

	gather(&l, root);
	index_names(&l);
	for (size_t i = 0; i < l.refs.count; i++) {
		struct schema_node *ref = l.refs.at[i];
		struct schema_node *target = resolve(&l, schema_tree_plain(arena, ref));

		if (target == NULL || target == ref->parent || !is_schema(target))
			continue;
		ref->children = target;
		any = true;
	}
	if (any)
		find_components(root);
	for (size_t i = 0; any && i < l.refs.count; i++) {
		struct schema_node *ref = l.refs.at[i];

		if (ref->children != NULL && ref->low == ref->children->low)
			mark_loop(ref);
	}
	mem_free(l.refs.at);
	mem_free(l.names.at);
}

const struct schema_node *
schema_refs_of(const struct schema_node *schema)
{
	const struct schema_node *ref = schema_tree_find(schema, SPAN("$ref"));

	return ref != NULL && ref->type == SCAN_STRING && ref->children != NULL ? ref : NULL;
}

struct schema_node *
schema_refs_target(const struct schema_node *ref)
{
	return ref->children;
}

/* ---- by what path ---- */

static void
add_token(struct buf *path, struct span name)
{
	buf_add_char(path, '/');
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (c == '~')
			buf_add_lit(path, "~0");
		else if (c == '/')
			buf_add_lit(path, "~1");
		else if (c == '%')
			buf_add_lit(path, "%25");
		else
			buf_add_char(path, c);
	}
}

/* A step from a schema to one of its words, as it is written. */
static bool
add_word(struct buf *path, const struct schema_node *schema, const struct schema_node *word,
    enum schema_root how)
{
	bool is_root = schema->parent == NULL;
	bool defines = place_of_word(word) == AT_DEFINITIONS;

	if (is_root && how == SCHEMA_ROOT_WRAPPED && !defines)
		buf_add_lit(path, "/properties/value");
	/* Beside a reference nothing is written, save the definitions of the root. */
	if (schema_refs_of(schema) != NULL && !(is_root && (defines || how == SCHEMA_ROOT_INLINED)))
		return false;
	if (defines) {
		buf_add_lit(path, "/$defs");
		return true;
	}
	if (span_is(word->name, "items") && word->type == SCAN_ARRAY) {
		buf_add_lit(path, "/prefixItems");
		return schema_tree_find(schema, SPAN("prefixItems")) == NULL;
	}
	add_token(path, word->name);
	return !span_is(word->name, "allOf");
}

/* Of two definitions of one name, the one in $defs is written. */
static bool
is_hidden(const struct schema_node *map, struct span name)
{
	const struct schema_node *defs;

	if (!span_is(map->name, "definitions"))
		return false;
	defs = schema_tree_find(map->parent, SPAN("$defs"));
	return defs != NULL && schema_tree_find(defs, name) != NULL;
}

/* What may never be is left out of a list, so that the numbers behind it change. */
static bool
add_number(struct buf *path, const struct schema_node *list, const struct schema_node *item)
{
	buf_printf(path, "/%zu", (size_t)(item - list->children));
	return !list->has_false;
}

static bool
add_step(struct buf *path, enum place place, const struct schema_node *parent,
    const struct schema_node *child, enum schema_root how)
{
	switch (place) {
	case AT_SCHEMA:
		return add_word(path, parent, child, how);
	case AT_PROPERTIES:
		add_token(path, child->name);
		return true;
	case AT_DEFINITIONS:
		add_token(path, child->name);
		return !is_hidden(parent, child->name);
	case AT_LIST:
		return add_number(path, parent, child);
	case AT_NOWHERE:
		break;
	}
	return false;
}

bool
schema_refs_path(struct schema_node *target, enum schema_root how, struct buf *path)
{
	const size_t before = path->len;
	struct trail t;
	enum place place = AT_SCHEMA;
	bool ok = target->type == SCAN_OBJECT;

	trail_to(&t, target);
	buf_add_char(path, '#');
	if (t.count == 1 && how == SCHEMA_ROOT_WRAPPED)
		buf_add_lit(path, "/properties/value");
	for (size_t i = t.count - 1; ok && i-- > 0;) {
		ok = add_step(path, place, t.node[i + 1], t.node[i], how);
		place = place_below(place, t.node[i]);
	}
	if (ok && place == AT_SCHEMA)
		return true;
	path->len = before;
	path->data[before] = '\0';
	return false;
}
