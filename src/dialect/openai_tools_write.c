/*
 * Tools of OpenAI's chat as Gemini's tools and toolConfig: see openai_tools.h.  Pure, runs in
 * workers, owns nothing.
 *
 * All functions go into one tool, as Gemini wants them.  What the families differ in: the field
 * and the language of the parameters' schema, whether a choice among several functions can be
 * left to the model, and whether search may stand beside functions.
 */
#include "dialect/openai_tools.h"

#include <assert.h>
#include <stdio.h>
#include "dialect/schema.h"
#include "gemini/object.h"
#include "gemini/read.h"

/* What the tools of extra_body.google are. */
enum extra { EXTRA_FUNCTIONS = 1, EXTRA_SEARCH = 2, EXTRA_OTHER = 4 };

struct writing {
	struct openai_tools *t;
	const struct model_facts *facts; /* borrowed, as are the next three */
	struct arena *arena;
	struct buf *out;
	struct err *e;
	bool filtered;  /* only what was chosen is declared */
	bool declares;  /* there are functions of the client's to be declared */
	bool functions; /* there are any at all */
	bool search;    /* one of ours */
	bool beside;    /* something of Google's stands beside functions */
};

/* A family that cannot be told is taken for a new one. */
static bool
is_older_than(const struct model_facts *f, int major, int minor)
{
	return f->major > 0 && (f->major < major || (f->major == major && f->minor < minor));
}

static bool
takes_json_schema(const struct model_facts *f)
{
	return !is_older_than(f, 2, 5) && !(f->lacks & LACKS(JSON_SCHEMA));
}

/* Here one that cannot be told is no new one: to lose the search is better than the request. */
static bool
takes_search_beside(const struct model_facts *f)
{
	return f->major >= 3 && !(f->lacks & LACKS(SEARCH_WITH_TOOLS));
}

/* ---- what there is ---- */

static unsigned
extra_kind(struct span key)
{
	if (scan_key_is(key, "functionDeclarations") || scan_key_is(key, "function_declarations"))
		return EXTRA_FUNCTIONS;
	if (scan_key_is(key, "googleSearch") || scan_key_is(key, "google_search"))
		return EXTRA_SEARCH;
	return EXTRA_OTHER;
}

/* Of items that are no JSON text together, but each is one: they were scanned in their list. */
static unsigned
extra_kinds(struct span items)
{
	unsigned kinds = 0;
	struct span rest = span_trim(items);

	while (rest.len > 0) {
		struct scan s;
		struct span key;

		scan_init(&s, rest);
		if (read_object(&s))
			while (scan_member(&s, &key)) {
				kinds |= extra_kind(key);
				scan_skip(&s, NULL);
			}
		assert(s.fault == NULL);
		rest = span_trim(span_mem(s.at, (size_t)(s.end - s.at)));
		if (rest.len > 0) /* the comma */
			rest = span_trim(span_mem(rest.p + 1, rest.len - 1));
	}
	return kinds;
}

static bool
is_allowed_list(const struct openai_tools *t)
{
	return t->choose == CHOOSE_ALLOWED || t->choose == CHOOSE_ALLOWED_REQUIRED;
}

/* A search that is a tool is under the choice; one that the request as a whole asks for is not. */
static bool
wants_search(const struct openai_tools *t)
{
	if (t->searches)
		return true;
	if (!t->search_tool || t->choose == CHOOSE_NONE)
		return false;
	return !is_allowed_list(t) || t->search_chosen;
}

/* Says whether any of the request's own functions is among the chosen ones. */
static bool
mark_chosen(struct openai_tools *t)
{
	bool any = false;

	for (struct openai_tool *tool = t->first; tool != NULL; tool = tool->next)
		tool->chosen = false;
	for (const struct openai_chosen *c = t->chosen; c != NULL; c = c->next) {
		struct openai_tool *tool = openai_tools_find(t, c->name);

		if (tool == NULL)
			continue;
		tool->chosen = any = true;
	}
	return any;
}

static void
look(struct writing *w, bool *dropped_search)
{
	struct openai_tools *t = w->t;
	unsigned extra = extra_kinds(t->extra);
	bool any_chosen = mark_chosen(t);

	w->filtered =
	    t->choose == CHOOSE_ALLOWED && t->chosen != NULL && is_older_than(w->facts, 2, 5);
	w->declares = w->filtered ? any_chosen : t->count > 0;
	w->functions = w->declares || (extra & EXTRA_FUNCTIONS);
	w->search = wants_search(t) && !(extra & EXTRA_SEARCH);
	*dropped_search = w->search && w->functions && !takes_search_beside(w->facts);
	if (*dropped_search)
		w->search = false;
	w->beside = w->functions && takes_search_beside(w->facts) &&
		    (w->search || (extra & (EXTRA_SEARCH | EXTRA_OTHER)));
}

/* ---- functions ---- */

static void
write_description(struct object_writer *o, const struct openai_tool *tool)
{
	if (tool->grammar.p == NULL) {
		if (tool->description.len > 0)
			object_escaped(o, "description", tool->description);
		return;
	}
	object_key(o, "description");
	buf_add_char(o->out, '"');
	if (tool->description.len > 0) {
		buf_add_span(o->out, tool->description);
		buf_add_lit(o->out, "\\n\\n");
	}
	buf_add_lit(o->out, "The input must match this ");
	buf_add_span(o->out, tool->syntax);
	buf_add_lit(o->out, " grammar:\\n");
	buf_add_span(o->out, tool->grammar);
	buf_add_char(o->out, '"');
}

/* The schema, or neither it nor its key. */
static bool
write_schema(struct writing *w, struct object_writer *o, const char *key, struct openai_tool *tool)
{
	char field[64];
	const struct schema_order order = {
		.target = takes_json_schema(w->facts) ? SCHEMA_JSON : SCHEMA_OPENAPI,
		.use = SCHEMA_OF_TOOL,
		.field = field,
	};
	struct schema_made made = { .omitted = false };
	struct object_writer before = *o;
	size_t len = w->out->len;

	snprintf(field, sizeof(field),
	    w->t->legacy ? "functions[%zu].parameters" : "tools[%zu].function.parameters",
	    tool->at);
	object_key(o, key);
	if (!schema_write(&order, tool->parameters, w->arena, w->out, &made, w->e))
		return false;
	tool->wrapped = made.wrapped;
	if (made.omitted) {
		*o = before;
		w->out->len = len;
		w->out->data[len] = '\0';
	}
	return true;
}

static bool
write_parameters(struct writing *w, struct object_writer *o, struct openai_tool *tool)
{
	bool json = takes_json_schema(w->facts);
	const char *key = json ? "parametersJsonSchema" : "parameters";

	tool->wrapped = false;
	if (tool->custom) {
		object_raw(o, key,
		    json ? SPAN("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":"
				"\"string\"}},\"required\":[\"input\"]}")
			 : SPAN("{\"type\":\"OBJECT\",\"properties\":{\"input\":{\"type\":"
				"\"STRING\"}},\"required\":[\"input\"]}"));
		return true;
	}
	return tool->parameters.p == NULL || write_schema(w, o, key, tool);
}

static bool
write_function(struct writing *w, struct openai_tool *tool)
{
	struct object_writer o;

	object_begin(&o, w->out);
	object_text(&o, "name", tool->sent);
	write_description(&o, tool);
	if (!write_parameters(w, &o, tool))
		return false;
	object_end(&o);
	return true;
}

static bool
write_functions(struct writing *w)
{
	bool first = true;

	buf_add_lit(w->out, "{\"functionDeclarations\":[");
	for (struct openai_tool *tool = w->t->first; tool != NULL; tool = tool->next) {
		if (w->filtered && !tool->chosen)
			continue;
		if (!first)
			buf_add_char(w->out, ',');
		first = false;
		if (!write_function(w, tool))
			return false;
	}
	buf_add_lit(w->out, "]}");
	return true;
}

/* ---- tools and toolConfig ---- */

static bool
write_tools(struct writing *w)
{
	bool extra = w->t->extra.len > 0;

	if (!w->declares && !w->search && !extra)
		return true;
	buf_add_lit(w->out, ",\"tools\":[");
	if (w->declares && !write_functions(w))
		return false;
	if (w->search)
		buf_add_text(
		    w->out, w->declares ? ",{\"googleSearch\":{}}" : "{\"googleSearch\":{}}");
	if (extra && (w->declares || w->search))
		buf_add_char(w->out, ',');
	buf_add_span(w->out, w->t->extra);
	buf_add_char(w->out, ']');
	return true;
}

/* NULL: what Gemini does anyway. */
static const char *
mode_of(const struct writing *w)
{
	const struct openai_tools *t = w->t;

	/* An empty list of names would allow all functions. */
	if (is_allowed_list(t) && t->chosen == NULL)
		return "NONE";
	switch (t->choose) {
	case CHOOSE_NONE:
		return "NONE";
	case CHOOSE_REQUIRED:
	case CHOOSE_ONE:
	case CHOOSE_ALLOWED_REQUIRED:
		return "ANY";
	case CHOOSE_ALLOWED:
		return w->filtered ? NULL : "VALIDATED";
	case CHOOSE_VALIDATED:
		return "VALIDATED";
	default:
		return NULL;
	}
}

/* Each once.  A name that is none of ours is one of the extra tools'. */
static void
write_chosen(struct writing *w)
{
	bool first = true;

	buf_add_lit(w->out, ",\"allowedFunctionNames\":");
	for (const struct openai_chosen *c = w->t->chosen; c != NULL; c = c->next) {
		struct openai_tool *tool = openai_tools_find(w->t, c->name);

		if (tool != NULL && !tool->chosen)
			continue;
		buf_add_char(w->out, first ? '[' : ',');
		scan_quote(w->out, tool != NULL ? tool->sent : openai_tool_name(c->name, w->arena));
		if (tool != NULL)
			tool->chosen = false;
		first = false;
	}
	buf_add_char(w->out, ']');
}

static void
write_config(struct writing *w)
{
	const char *mode = w->functions ? mode_of(w) : NULL;
	struct object_writer o;

	if (mode == NULL && !w->beside)
		return;
	buf_add_lit(w->out, ",\"toolConfig\":");
	object_begin(&o, w->out);
	if (mode != NULL) {
		object_key(&o, "functionCallingConfig");
		buf_add_lit(w->out, "{\"mode\":\"");
		buf_add_text(w->out, mode);
		buf_add_char(w->out, '"');
		if (w->t->chosen != NULL)
			write_chosen(w);
		buf_add_char(w->out, '}');
	}
	if (w->beside)
		object_bool(&o, "includeServerSideToolInvocations", true);
	object_end(&o);
}

bool
openai_tools_write(struct openai_tools *t, const struct model_facts *facts, struct arena *arena,
    struct buf *out, bool *dropped_search, struct err *e)
{
	struct writing w = { .t = t, .facts = facts, .arena = arena, .out = out, .e = e };

	look(&w, dropped_search);
	if (!write_tools(&w))
		return false;
	write_config(&w);
	return true;
}
