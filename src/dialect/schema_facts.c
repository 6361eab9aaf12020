/*
 * What a view of a schema comes to: see schema_facts.h.  Pure, runs in workers.  Numbers are
 * copied as they were written; only an excluded bound becomes another number.
 */
#include "dialect/schema_facts.h"

#include <math.h>
#include <string.h>

#define WHOLE_MAX 9007199254740992.0 /* beyond, a double does not hold every whole number */

/* ---- types ---- */

struct schema_types
schema_types_of(const struct schema_view *v)
{
	struct schema_types types = { .count = 0 };

	if (v->word[SCHEMA_WORD_TYPE] != NULL)
		schema_types_read(v->word[SCHEMA_WORD_TYPE], &types);
	return types;
}

/* ---- values ---- */

static bool
is_whole(struct span number)
{
	return memchr(number.p, '.', number.len) == NULL &&
	       memchr(number.p, 'e', number.len) == NULL &&
	       memchr(number.p, 'E', number.len) == NULL;
}

static void
count_value(struct schema_values *v, enum scan_type type, struct span raw)
{
	switch (type) {
	case SCAN_STRING:
		v->strings++;
		v->empty += raw.len == 2;
		break;
	case SCAN_NUMBER:
		v->numbers++;
		v->whole = v->whole && is_whole(raw);
		break;
	case SCAN_BOOL:
		v->bools++;
		break;
	case SCAN_NULL:
		v->nulls++;
		break;
	case SCAN_OBJECT:
		v->objects++;
		break;
	case SCAN_ARRAY:
		v->arrays++;
		break;
	case SCAN_BAD:
		break;
	}
}

struct schema_values
schema_values_of(struct schema_work *w, const struct schema_view *view)
{
	const struct schema_node *only = view->word[SCHEMA_WORD_CONST];
	const struct schema_node *list = view->word[SCHEMA_WORD_ENUM];
	struct schema_values v = { .whole = true };
	struct scan s;

	if (only != NULL)
		v.list = span_of(arena_printf(w->arena, "[%.*s]", SPAN_ARG(only->raw)));
	else if (list != NULL)
		v.list = list->raw;
	else
		return v;
	scan_init(&s, v.list);
	scan_array(&s);
	while (scan_item(&s)) {
		enum scan_type type = scan_type(&s);
		struct span raw;

		scan_skip(&s, &raw);
		count_value(&v, type, raw);
	}
	return v;
}

static bool
is_written(enum scan_type type, struct span raw, enum schema_numbers numbers, bool with_empty)
{
	if (type == SCAN_NUMBER)
		return numbers != SCHEMA_NUMBERS_LEFT;
	return type == SCAN_STRING && (with_empty || raw.len > 2);
}

void
schema_values_write(
    const struct schema_values *v, enum schema_numbers numbers, bool with_empty, struct buf *out)
{
	struct scan s;
	struct span raw;
	bool first = true;

	buf_add_char(out, '[');
	scan_init(&s, v->list);
	scan_array(&s);
	while (scan_item(&s)) {
		enum scan_type type = scan_type(&s);

		scan_skip(&s, &raw);
		if (!is_written(type, raw, numbers, with_empty))
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		if (type == SCAN_NUMBER && numbers == SCHEMA_NUMBERS_QUOTED)
			scan_quote(out, raw);
		else
			buf_add_span(out, raw);
	}
	buf_add_char(out, ']');
}

static enum schema_type
guess_by_values(const struct schema_values *values)
{
	if (values->strings > 0)
		return SCHEMA_TYPE_STRING;
	if (values->numbers > 0)
		return values->whole ? SCHEMA_TYPE_INTEGER : SCHEMA_TYPE_NUMBER;
	if (values->bools > 0)
		return SCHEMA_TYPE_BOOLEAN;
	if (values->objects > 0)
		return SCHEMA_TYPE_OBJECT;
	return values->arrays > 0 ? SCHEMA_TYPE_ARRAY : SCHEMA_TYPE_NONE;
}

enum schema_type
schema_type_guess(const struct schema_view *v, const struct schema_values *values)
{
	enum schema_type type = guess_by_values(values);
	unsigned of = 0;

	if (v->cut || v->word[SCHEMA_WORD_PROPERTIES] != NULL)
		return SCHEMA_TYPE_OBJECT;
	if (v->word[SCHEMA_WORD_ITEMS] != NULL || v->word[SCHEMA_WORD_PREFIX_ITEMS] != NULL)
		return SCHEMA_TYPE_ARRAY;
	if (type != SCHEMA_TYPE_NONE)
		return type;
	for (size_t i = 0; i < v->count; i++) {
		unsigned limits = schema_word_of((enum schema_word)v->order[i]);

		if (limits != SCHEMA_OF_ANY && v->order[i] != SCHEMA_WORD_FORMAT)
			of |= limits;
	}
	if (of & SCHEMA_OF(OBJECT))
		return SCHEMA_TYPE_OBJECT;
	if (of & SCHEMA_OF(ARRAY))
		return SCHEMA_TYPE_ARRAY;
	if (of & SCHEMA_OF(STRING))
		return SCHEMA_TYPE_STRING;
	return of & SCHEMA_OF(NUMBER) ? SCHEMA_TYPE_NUMBER : SCHEMA_TYPE_NONE;
}

/* ---- bounds ---- */

/* The whole number next to this one, into the range; false: it cannot be told. */
static bool
next_whole(struct span number, bool lower, int64_t *next)
{
	double value;

	if (scan_int(number, next))
		return !__builtin_add_overflow(*next, lower ? 1 : -1, next);
	if (!span_double(number, &value) || fabs(value) >= WHOLE_MAX)
		return false;
	*next = lower ? (int64_t)floor(value) + 1 : (int64_t)ceil(value) - 1;
	return true;
}

static bool
is_stricter(struct span a, struct span b, bool lower)
{
	double x = 0, y = 0;

	return span_double(a, &x) && span_double(b, &y) && (lower ? x > y : x < y);
}

struct schema_bound
schema_bound_of(struct schema_work *w, const struct schema_view *v, bool lower, bool whole)
{
	const struct schema_node *at = v->word[lower ? SCHEMA_WORD_MINIMUM : SCHEMA_WORD_MAXIMUM];
	const struct schema_node *beyond =
	    v->word[lower ? SCHEMA_WORD_EXCLUSIVE_MINIMUM : SCHEMA_WORD_EXCLUSIVE_MAXIMUM];
	struct schema_bound b = { .number = at != NULL ? at->raw : SPAN_NONE };
	int64_t next;

	if (schema_tree_is_true(beyond))
		beyond = at;
	if (beyond == NULL || beyond->type != SCAN_NUMBER)
		return b;
	if (at != NULL && is_stricter(at->raw, beyond->raw, lower))
		return b;
	b = (struct schema_bound){ .number = beyond->raw, .beyond = true };
	if (whole && next_whole(beyond->raw, lower, &next)) {
		b.number = span_of(arena_printf(w->arena, "%lld", (long long)next));
		b.beyond = false;
	}
	return b;
}

void
schema_bounds_write(struct object_writer *o, struct schema_work *w, const struct schema_view *v,
    enum schema_word word, bool whole)
{
	bool lower = word == SCHEMA_WORD_MINIMUM || word == SCHEMA_WORD_EXCLUSIVE_MINIMUM;
	enum schema_word at = lower ? SCHEMA_WORD_MINIMUM : SCHEMA_WORD_MAXIMUM;
	enum schema_word beyond =
	    lower ? SCHEMA_WORD_EXCLUSIVE_MINIMUM : SCHEMA_WORD_EXCLUSIVE_MAXIMUM;
	struct schema_bound b;

	if (!schema_view_leads(v, word, word == at ? beyond : at))
		return;
	b = schema_bound_of(w, v, lower, whole);
	if (b.number.p != NULL)
		object_raw(o, schema_word_name(at), b.number);
}

/* ---- notes ---- */

void
schema_note(struct schema_notes *n, const char *what, struct span plain)
{
	if (n->text.len > 0)
		buf_add_char(&n->text, '\n');
	buf_add_text(&n->text, what);
	buf_add_span(&n->text, plain);
}

void
schema_note_bounds(
    struct schema_notes *n, struct schema_work *w, const struct schema_view *v, bool whole)
{
	struct schema_bound low = schema_bound_of(w, v, true, whole);
	struct schema_bound high = schema_bound_of(w, v, false, whole);

	if (low.beyond)
		schema_note(n, "Must be greater than ", low.number);
	if (high.beyond)
		schema_note(n, "Must be less than ", high.number);
}

void
schema_note_values(struct schema_notes *n, const struct schema_values *v)
{
	struct scan s;
	struct span raw;
	bool first = true;

	scan_init(&s, v->list);
	scan_array(&s);
	while (scan_item(&s)) {
		bool null = scan_type(&s) == SCAN_NULL;

		scan_skip(&s, &raw);
		if (null)
			continue;
		if (first)
			schema_note(n, "Allowed values: ", raw);
		else
			buf_printf(&n->text, ", %.*s", SPAN_ARG(raw));
		first = false;
	}
}

void
schema_notes_write(
    struct schema_notes *n, struct object_writer *o, const struct schema_node *description)
{
	struct buf quoted = BUF_INIT;
	bool said = description != NULL && schema_tree_text(description).len > 0;

	if (n->text.len == 0) {
		if (description != NULL)
			object_raw(o, "description", description->raw);
		return;
	}
	scan_quote(&quoted, buf_span(&n->text));
	object_key(o, "description");
	buf_add_char(o->out, '"');
	if (said) {
		buf_add_span(o->out, schema_tree_text(description));
		buf_add_lit(o->out, "\\n");
	}
	buf_add(o->out, quoted.data + 1, quoted.len - 1);
	buf_fini(&quoted);
	buf_fini(&n->text);
}

void
schema_ordering_write(struct object_writer *o, const struct schema_node *properties)
{
	bool first = true;

	object_key(o, "propertyOrdering");
	buf_add_char(o->out, '[');
	for (size_t i = 0; i < properties->count; i++) {
		if (schema_tree_is_false(&properties->children[i]))
			continue;
		if (!first)
			buf_add_char(o->out, ',');
		first = false;
		scan_quote(o->out, properties->children[i].name);
	}
	buf_add_char(o->out, ']');
}
