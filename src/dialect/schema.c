/*
 * The adapter of JSON Schema: see schema.h.  Pure, runs in workers, owns nothing beyond a call.
 *
 * The text is read into a tree (schema_tree.c), its references are followed (schema_refs.c),
 * each schema is looked at with what is merged into it (schema_view.c, schema_facts.c) and
 * written for its target (schema_json.c, schema_openapi.c).
 *
 * References that loop are written out three times in themselves.  Where many do, that grows
 * beyond all bounds, so what turns out too large is tried again with fewer turns before it is
 * refused.
 */
#include "dialect/schema.h"

#include "dialect/schema_facts.h"
#include "dialect/schema_json.h"
#include "dialect/schema_openapi.h"
#include "gemini/object.h"

/*
 * Bounds of what references may add.  Without any, each part is written once; Google's words for
 * it take more room, since "{}" becomes {"type":"STRING"}, and what is told in a description is
 * escaped once more.
 */
#define PARTS_MORE     10000
#define BYTES_MORE     (1 << 20)
#define BYTES_PER_PART 64
#define BYTES_PER_BYTE 3

/* What is larger, or is one of very many, has its scratch apart and gives it back at once. */
#define SMALL_BYTES 2048
#define MANY_BYTES  (1 << 20)

enum root_kind { ROOT_EMPTY, ROOT_OBJECT, ROOT_OTHER };

static bool
has_properties(const struct schema_view *v)
{
	const struct schema_node *map = v->word[SCHEMA_WORD_PROPERTIES];

	for (size_t i = 0; map != NULL && i < map->count; i++)
		if (!schema_tree_is_false(&map->children[i]))
			return true;
	return false;
}

static bool
has_choice(const struct schema_work *w, const struct schema_view *v)
{
	if (w->openapi)
		return schema_openapi_choice(v) != NULL;
	return v->word[SCHEMA_WORD_ANY_OF] != NULL || v->word[SCHEMA_WORD_ONE_OF] != NULL;
}

/* Values of any name are arguments, too, where the target can tell of what kind they are. */
static bool
has_arguments(const struct schema_work *w, const struct schema_view *v)
{
	const struct schema_node *others = v->word[SCHEMA_WORD_ADDITIONAL_PROPERTIES];

	return has_properties(v) || (!w->openapi && others != NULL && others->count > 0) ||
	       has_choice(w, v);
}

static enum root_kind
kind_of(struct schema_work *w, const struct schema_view *v)
{
	struct schema_types types = schema_types_of(v);
	struct schema_values values = schema_values_of(w, v);
	enum schema_type guess = schema_type_guess(v, &values);
	bool choice = has_choice(w, v);

	if (types.count == 0 && guess == SCHEMA_TYPE_NONE)
		return choice || values.nulls > 0 ? ROOT_OTHER : ROOT_EMPTY;
	if (choice && w->openapi)
		return ROOT_OTHER;
	return schema_types_have(&types, SCHEMA_TYPE_OBJECT) ||
		       (types.count == 0 && guess == SCHEMA_TYPE_OBJECT)
		   ? ROOT_OBJECT
		   : ROOT_OTHER;
}

/* Looks at the root with all that it refers to. */
static bool
look(struct schema_work *w, enum schema_use use, struct schema_made *made)
{
	enum root_kind kind = ROOT_EMPTY;
	struct schema_view v;
	bool ok;

	schema_view_begin(w, &v);
	ok = schema_view_collect(w, &v, w->root);
	if (ok)
		kind = kind_of(w, &v);
	made->omitted = kind == ROOT_EMPTY;
	if (use == SCHEMA_OF_TOOL && kind == ROOT_OBJECT)
		made->omitted = !has_arguments(w, &v);
	made->wrapped = use == SCHEMA_OF_TOOL && kind == ROOT_OTHER;
	w->root_object = use == SCHEMA_OF_TOOL && kind == ROOT_OBJECT;
	schema_view_end(w, &v);
	return ok;
}

static bool
write_root(struct schema_work *w, unsigned depth)
{
	if (w->openapi)
		return schema_openapi_write(w, w->root, NULL, depth);
	return schema_json_write(w, w->root, depth);
}

static bool
write_wrapped(struct schema_work *w)
{
	struct object_writer o;

	object_begin(&o, w->out);
	object_text(&o, "type", span_of(schema_type_name(SCHEMA_TYPE_OBJECT, w->openapi)));
	object_key(&o, "properties");
	buf_add_lit(w->out, "{\"value\":");
	if (!write_root(w, 2))
		return false;
	buf_add_char(w->out, '}');
	if (w->openapi || !w->root->loops)
		object_raw(&o, "required", SPAN("[\"value\"]"));
	if (w->title.len > 0)
		object_escaped(&o, "title", w->title);
	if (!w->openapi && !schema_json_write_defs(w, &o, 1))
		return false;
	object_end(&o);
	return true;
}

static bool
write_once(struct schema_work *w, enum schema_use use, struct schema_made *made)
{
	*made = (struct schema_made){ .omitted = false };
	w->how = SCHEMA_ROOT_AS_IS;
	if (!look(w, use, made))
		return false;
	if (made->omitted)
		return true;
	if (made->wrapped) {
		w->how = SCHEMA_ROOT_WRAPPED;
		return write_wrapped(w);
	}
	if (use == SCHEMA_OF_TOOL)
		w->how = SCHEMA_ROOT_INLINED;
	return write_root(w, 1);
}

static bool
write_schema(struct schema_work *w, enum schema_use use, struct schema_made *made)
{
	const size_t before = w->out->len;

	for (int unroll = SCHEMA_UNROLL; unroll >= 0; unroll--) {
		w->unroll = (unsigned)unroll;
		w->spent = 0;
		w->too_large = false;
		if (write_once(w, use, made))
			return true;
		if (w->out->len > before) {
			w->out->len = before;
			w->out->data[before] = '\0';
		}
		if (!w->too_large)
			return false;
	}
	return err_field(
	    w->err, w->field, "%s is too large when its references are written out", w->field);
}

static bool
read_and_write(const struct schema_order *order, struct span json, struct arena *arena,
    struct buf *out, struct schema_made *made, struct err *e)
{
	size_t parts = json.len / 2 < SCHEMA_NODES_MAX ? json.len / 2 : SCHEMA_NODES_MAX;
	struct schema_work w = {
		.openapi = order->target == SCHEMA_OPENAPI,
		.orders = order->use == SCHEMA_OF_ANSWER,
		.field = order->field,
		.title = order->title,
		.arena = arena,
		.out = out,
		.err = e,
		.depth_max = SCHEMA_DEPTH_MAX,
		.spend_max = PARTS_MORE + parts,
		.bytes_max =
		    out->len + BYTES_MORE + parts * BYTES_PER_PART + json.len * BYTES_PER_BYTE,
	};

	w.root = schema_tree_read(arena, json);
	if (w.root == NULL)
		return err_field(
		    e, order->field, "%s has more than %d parts", order->field, SCHEMA_NODES_MAX);
	if (w.root->type == SCAN_NULL || w.root->type == SCAN_BOOL) {
		made->omitted = true;
		return true;
	}
	if (w.root->type != SCAN_OBJECT)
		return err_field(e, order->field, "%s must be an object", order->field);
	schema_refs_link(arena, w.root);
	return write_schema(&w, order->use, made);
}

bool
schema_write(const struct schema_order *order, struct span json, struct arena *arena,
    struct buf *out, struct schema_made *made, struct err *e)
{
	struct arena *apart = NULL;
	bool ok;

	*made = (struct schema_made){ .omitted = false };
	if (json.len > SMALL_BYTES || arena_bytes(arena) > MANY_BYTES)
		arena = apart = arena_new(0);
	ok = read_and_write(order, json, arena, out, made, e);
	if (!ok)
		*made = (struct schema_made){ .omitted = false };
	arena_free(&apart);
	return ok;
}
