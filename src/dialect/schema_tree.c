/*
 * A JSON Schema as a tree: see schema_tree.h.  Pure, runs in workers; owns nothing that outlives
 * a call.
 *
 * Children are gathered on one stack while their parent is being read, and move to the arena
 * when it is complete; only then do the children of the children learn where their parent lies.
 * Behind the members of an object stand their numbers in order of the names, so that a name is
 * found by halving, however many there are.
 */
#include "dialect/schema_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct scan scan;
	struct arena *arena;
	struct schema_node *stack; /* owned */
	size_t count, room;
	size_t total; /* of nodes so far */
	struct buf name;
};

/* ---- members in order of their names ---- */

/* Behind the members of an object stand their numbers. */
static uint32_t *
order_of(const struct schema_node *children, size_t count)
{
	return (uint32_t *)(void *)(uintptr_t)(children + count);
}

static int
name_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int way = len > 0 ? memcmp(a.p, b.p, len) : 0;

	if (way != 0)
		return way;
	return a.len < b.len ? -1 : a.len > b.len;
}

static int
order_compare(const void *a, const void *b, void *members)
{
	const struct schema_node *m = members;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int way = name_compare(m[x].name, m[y].name);

	if (way != 0)
		return way;
	return x < y ? -1 : x > y;
}

static void
order_sort(struct schema_node *members, size_t count, uint32_t *order)
{
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	if (count > 1)
		qsort_r(order, count, sizeof(*order), order_compare, members);
}

/* Gives the first of each name the value of its last; the others become SCAN_BAD.  How many? */
static size_t
bury_doubles(struct schema_node *members, size_t count, const uint32_t *order)
{
	size_t doubles = 0;

	for (size_t i = 0, next; i < count; i = next) {
		struct schema_node *first = &members[order[i]];

		for (next = i + 1; next < count; next++)
			if (!span_eq(members[order[next]].name, first->name))
				break;
		if (next - i == 1)
			continue;
		*first = members[order[next - 1]];
		for (size_t k = i + 1; k < next; k++)
			members[order[k]].type = SCAN_BAD;
		doubles += next - i - 1;
	}
	return doubles;
}

static size_t
order_members(struct schema_node *members, size_t count)
{
	uint32_t *order = order_of(members, count);
	size_t kept = 0;

	order_sort(members, count, order);
	if (bury_doubles(members, count, order) == 0)
		return count;
	for (size_t i = 0; i < count; i++)
		if (members[i].type != SCAN_BAD)
			members[kept++] = members[i];
	order_sort(members, kept, order_of(members, kept));
	return kept;
}

/* What lies on the stack above base goes to the arena, where it stays. */
static void
settle(struct reader *r, struct schema_node *node, size_t base)
{
	struct schema_node *children;
	size_t count = r->count - base;

	r->count = base;
	if (count == 0)
		return;
	children = arena_alloc(r->arena, count * (sizeof(*children) + sizeof(uint32_t)));
	memcpy(children, r->stack + base, count * sizeof(*children));
	node->count = (uint32_t)count;
	if (node->type == SCAN_OBJECT)
		node->count = (uint32_t)order_members(children, count);
	node->children = children;
	for (size_t i = 0; i < node->count; i++)
		for (size_t k = 0; k < children[i].count; k++)
			children[i].children[k].parent = &children[i];
}

/* ---- reading ---- */

static bool read_value(struct reader *r, struct schema_node *node);

static void
push(struct reader *r, const struct schema_node *node)
{
	if (r->count == r->room) {
		r->room = r->room > 0 ? 2 * r->room : 64;
		r->stack = mem_resize(r->stack, r->room * sizeof(*r->stack));
	}
	r->stack[r->count++] = *node;
}

static struct span
plain_name(struct reader *r, struct span escaped)
{
	if (!scan_has_escape(escaped))
		return escaped;
	buf_clear(&r->name);
	scan_text(&r->name, escaped);
	return arena_span(r->arena, buf_span(&r->name));
}

static bool
read_members(struct reader *r, struct schema_node *node)
{
	size_t base = r->count;
	struct span key;

	scan_object(&r->scan);
	while (scan_member(&r->scan, &key)) {
		struct schema_node member = { .name = plain_name(r, key) };

		if (!read_value(r, &member))
			return false;
		push(r, &member);
	}
	settle(r, node, base);
	return true;
}

/* Of a list that lies ahead of a copy of the cursor. */
static bool
stays_text(struct scan s)
{
	scan_array(&s);
	while (scan_item(&s)) {
		enum scan_type type = scan_type(&s);

		if (type == SCAN_OBJECT || type == SCAN_ARRAY || type == SCAN_BOOL)
			return false;
		scan_skip(&s, NULL);
	}
	return true;
}

static bool
read_items(struct reader *r, struct schema_node *node)
{
	size_t base = r->count;

	if (stays_text(r->scan))
		return scan_skip(&r->scan, NULL);
	scan_array(&r->scan);
	while (scan_item(&r->scan)) {
		struct schema_node item = { .count = 0 };

		if (!read_value(r, &item))
			return false;
		node->has_false |= schema_tree_is_false(&item);
		push(r, &item);
	}
	settle(r, node, base);
	return true;
}

static bool
read_value(struct reader *r, struct schema_node *node)
{
	const char *begin;
	bool ok = true;

	if (r->total++ == SCHEMA_NODES_MAX)
		return false;
	node->type = (uint8_t)scan_type(&r->scan);
	begin = r->scan.at;
	if (node->type == SCAN_OBJECT)
		ok = read_members(r, node);
	else if (node->type == SCAN_ARRAY)
		ok = read_items(r, node);
	else
		scan_skip(&r->scan, NULL);
	node->raw = span_mem(begin, (size_t)(r->scan.at - begin));
	return ok;
}

struct schema_node *
schema_tree_read(struct arena *arena, struct span json)
{
	struct reader r = { .arena = arena };
	struct schema_node *root = arena_alloc(arena, sizeof(*root));
	bool ok;

	scan_init(&r.scan, json);
	ok = read_value(&r, root);
	assert(!ok || scan_end(&r.scan));
	for (size_t i = 0; ok && i < root->count; i++)
		root->children[i].parent = root;
	mem_free(r.stack);
	buf_fini(&r.name);
	return ok ? root : NULL;
}

/* ---- looking ---- */

struct schema_node *
schema_tree_find(const struct schema_node *object, struct span name)
{
	size_t low = 0, high = object->count;
	const uint32_t *order;

	if (object->type != SCAN_OBJECT || object->count == 0)
		return NULL;
	order = order_of(object->children, object->count);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct schema_node *member = &object->children[order[middle]];
		int way = name_compare(name, member->name);

		if (way == 0)
			return member;
		if (way < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* One step of a pointer; ~1 stands for a slash, ~0 for itself. */
static struct schema_node *
step(const struct schema_node *node, struct span token, struct buf *name)
{
	int64_t at;

	if (node->type == SCAN_ARRAY) {
		if (!span_int(token, 0, (int64_t)node->count - 1, &at))
			return NULL;
		return &node->children[at];
	}
	if (memchr(token.p, '~', token.len) == NULL)
		return schema_tree_find(node, token);
	buf_clear(name);
	for (size_t i = 0; i < token.len; i++) {
		char c = token.p[i];

		if (c == '~' && i + 1 < token.len &&
		    (token.p[i + 1] == '0' || token.p[i + 1] == '1'))
			c = token.p[++i] == '1' ? '/' : '~';
		buf_add_char(name, c);
	}
	return schema_tree_find(node, buf_span(name));
}

struct schema_node *
schema_tree_point(struct schema_node *node, struct span pointer)
{
	struct buf name = BUF_INIT;
	struct span rest = pointer;

	if (rest.len > 0 && *rest.p != '/')
		return NULL;
	if (rest.len > 0)
		span_cut(&rest, '/');
	else
		rest.p = NULL;
	while (node != NULL && rest.p != NULL)
		node = step(node, span_cut(&rest, '/'), &name);
	buf_fini(&name);
	return node;
}

struct span
schema_tree_text(const struct schema_node *string)
{
	assert(string->type == SCAN_STRING);
	return span_mem(string->raw.p + 1, string->raw.len - 2);
}

struct span
schema_tree_plain(struct arena *arena, const struct schema_node *string)
{
	struct span escaped = schema_tree_text(string), plain;
	struct buf text = BUF_INIT;

	if (!scan_has_escape(escaped))
		return escaped;
	scan_text(&text, escaped);
	plain = arena_span(arena, buf_span(&text));
	buf_fini(&text);
	return plain;
}

bool
schema_tree_is_word(const struct schema_node *node, const char *plain)
{
	return node->type == SCAN_STRING && scan_key_is(schema_tree_text(node), plain);
}

bool
schema_tree_is_true(const struct schema_node *node)
{
	return node != NULL && node->type == SCAN_BOOL && *node->raw.p == 't';
}

bool
schema_tree_is_false(const struct schema_node *node)
{
	return node != NULL && node->type == SCAN_BOOL && *node->raw.p == 'f';
}

/* ---- putting together ---- */

struct schema_node *
schema_tree_object(struct arena *arena, const struct schema_node *members, size_t count)
{
	struct schema_node *made = arena_alloc(arena, sizeof(*made)), *all;

	*made = (struct schema_node){ .type = SCAN_OBJECT };
	if (count == 0)
		return made;
	all = arena_alloc(arena, count * (sizeof(*all) + sizeof(uint32_t)));
	memcpy(all, members, count * sizeof(*all));
	made->count = (uint32_t)order_members(all, count);
	made->children = all;
	return made;
}

struct schema_node *
schema_tree_join(struct arena *arena, const struct schema_parts *objects)
{
	struct reader r = { .arena = arena };
	struct schema_node *made;

	for (const struct schema_parts *p = objects; p != NULL; p = p->next)
		for (size_t i = 0; i < p->node->count; i++)
			push(&r, &p->node->children[i]);
	made = schema_tree_object(arena, r.stack, r.count);
	mem_free(r.stack);
	return made;
}

static void
push_names(struct reader *r, const struct schema_node *list)
{
	scan_init(&r->scan, list->raw);
	scan_array(&r->scan);
	while (scan_item(&r->scan)) {
		struct schema_node string = { .type = SCAN_STRING };
		bool is_string = scan_type(&r->scan) == SCAN_STRING;

		scan_skip(&r->scan, &string.raw);
		if (!is_string)
			continue;
		string.name = schema_tree_plain(r->arena, &string);
		push(r, &string);
	}
}

struct schema_node *
schema_tree_names(struct arena *arena, const struct schema_parts *lists)
{
	struct reader r = { .arena = arena };
	struct schema_node *made;

	for (const struct schema_parts *p = lists; p != NULL; p = p->next)
		push_names(&r, p->node);
	made = schema_tree_object(arena, r.stack, r.count);
	mem_free(r.stack);
	return made;
}

/* ---- where it is ---- */

void
schema_tree_place(const struct schema_node *node, struct buf *out)
{
	const struct schema_node *parent = node->parent;

	if (parent == NULL)
		return;
	schema_tree_place(parent, out);
	if (parent->type == SCAN_ARRAY) {
		buf_printf(out, "[%zu]", (size_t)(node - parent->children));
		return;
	}
	buf_add_char(out, '.');
	buf_add_span(out, node->name);
}
