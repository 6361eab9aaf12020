/*
 * Tools of OpenAI's chat, the request: see openai_tools.h.  Pure, runs in workers, owns nothing:
 * what is noted lies in the exchange's arena and points into the request.
 */
#include "dialect/openai_tools.h"

#include <string.h>
#include "dialect/openai_tool.h"
#include "dialect/private.h"

/* ---- search ---- */

static const struct search_option {
	const char *name, *of_options, *of_tool;
} search_options[] = {
	{ "user_location", "web_search_options.user_location", "tools.user_location" },
	{ "search_context_size", "web_search_options.search_context_size",
	    "tools.search_context_size" },
	{ "filters", "web_search_options.filters", "tools.filters" },
};

#define SEARCH_OPTION_COUNT (sizeof(search_options) / sizeof(search_options[0]))

#define DROPPED_NAMED_MAX 16 /* a request may bring a thousand, and a header is short */

_Static_assert(2 * SEARCH_OPTION_COUNT + DROPPED_NAMED_MAX + 2 <= OPENAI_TOOLS_IGNORED_MAX,
    "a place for each path: options, tools, the list itself, the choice");

/* Reads the value ahead if key is an option of a search, and notes it if it says anything. */
static bool
take_search_option(struct tool_reading *r, struct span key, unsigned *options)
{
	for (unsigned i = 0; i < SEARCH_OPTION_COUNT; i++) {
		if (!scan_key_is(key, search_options[i].name))
			continue;
		if (take_something(r->s))
			*options |= 1u << i;
		return true;
	}
	return false;
}

/* Only a request that has a list of tools twice finds no room. */
void
openai_tools_ignore(struct openai_tools *t, const char *path)
{
	for (size_t i = 0; i < t->ignored_count; i++)
		if (strcmp(t->ignored[i], path) == 0)
			return;
	if (t->ignored_count < OPENAI_TOOLS_IGNORED_MAX)
		t->ignored[t->ignored_count++] = path;
}

static void
note_options(struct openai_tools *t, unsigned options, bool of_tool)
{
	for (unsigned i = 0; i < SEARCH_OPTION_COUNT; i++)
		if (options & 1u << i)
			openai_tools_ignore(
			    t, of_tool ? search_options[i].of_tool : search_options[i].of_options);
}

bool
openai_search_read(struct openai_tools *t, struct scan *s, struct arena *arena, struct err *e)
{
	struct tool_reading r = { .s = s, .arena = arena, .e = e, .field = "web_search_options" };
	struct span key;
	unsigned options = 0;

	t->searches = false;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return tool_refuse(&r, "", TOOL_NO_OBJECT);
	scan_object(s);
	while (scan_member(s, &key))
		if (!take_search_option(&r, key, &options))
			scan_skip(s, NULL);
	t->searches = true;
	note_options(t, options, false);
	return s->fault == NULL;
}

/* ---- lists of tools ---- */

static void
append(struct openai_tools *t, const struct openai_tool *tool, struct arena *arena)
{
	struct openai_tool *copy = arena_alloc(arena, sizeof(*copy));

	*copy = *tool;
	if (t->last != NULL)
		t->last->next = copy;
	else
		t->first = copy;
	t->last = copy;
	t->count++;
}

static bool
drop_tool(const struct tool_reading *r, struct openai_tools *t)
{
	if (!t->drop_unknown)
		return tool_refuse(r, ".type", TOOL_NO_TYPE);
	if (t->ignored_count < DROPPED_NAMED_MAX)
		openai_tools_ignore(t, arena_printf(r->arena, "%s[%zu]", r->field, r->at));
	else
		openai_tools_ignore(t, r->field);
	return true;
}

static bool
add_tool(struct tool_reading *r, struct tool_draft *d, unsigned options, struct openai_tools *t)
{
	struct openai_tool *tool;

	if (!tool_draft_pick(r, d, &tool))
		return false;
	if (tool != NULL) {
		append(t, tool, r->arena);
		return true;
	}
	if (!tool_draft_is_search(d))
		return drop_tool(r, t);
	t->search_tool = true;
	note_options(t, options, true);
	return true;
}

static bool
read_tool(struct tool_reading *r, struct openai_tools *t)
{
	struct tool_draft d = { .type = SPAN_NONE };
	struct span key;
	unsigned options = 0;
	bool ok = true;

	if (scan_type(r->s) != SCAN_OBJECT)
		return tool_refuse(r, "", TOOL_NO_OBJECT);
	scan_object(r->s);
	while (ok && scan_member(r->s, &key))
		if (!take_search_option(r, key, &options))
			ok = tool_draft_read(r, key, &d);
	return ok && r->s->fault == NULL && add_tool(r, &d, options, t);
}

static bool
read_function(struct tool_reading *r, struct openai_tools *t)
{
	struct openai_tool tool;

	if (scan_type(r->s) != SCAN_OBJECT)
		return tool_refuse(r, "", TOOL_NO_OBJECT);
	if (!tool_body_read(r, &tool) || !tool_name_check(r, &tool))
		return false;
	append(t, &tool, r->arena);
	return true;
}

static bool
read_list(struct tool_reading *r, struct openai_tools *t,
    bool (*read_one)(struct tool_reading *, struct openai_tools *))
{
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_ARRAY)
		return refuse(r->e, TOOL_NO_LIST, "%s", r->field);
	scan_array(r->s);
	for (r->at = 0; scan_item(r->s); r->at++)
		if (!read_one(r, t))
			return false;
	return r->s->fault == NULL;
}

static void
take_list(struct openai_tools *t, const struct openai_tools *list, bool legacy, struct arena *arena)
{
	t->first = list->first;
	t->last = list->last;
	t->count = list->count;
	t->legacy = legacy && t->count > 0;
	openai_tools_index(t, arena);
}

bool
openai_tools_read(
    struct openai_tools *t, struct scan *s, const char *field, struct arena *arena, struct err *e)
{
	struct tool_reading r = { .s = s, .arena = arena, .e = e, .field = field, .listed = true };
	struct openai_tools list = { .drop_unknown = t->drop_unknown };

	if (!read_list(&r, &list, read_tool))
		return false;
	t->search_tool = list.search_tool;
	for (size_t i = 0; i < list.ignored_count; i++)
		openai_tools_ignore(t, list.ignored[i]);
	if (list.count > 0 || !t->legacy)
		take_list(t, &list, false, arena);
	return true;
}

bool
openai_functions_read(struct openai_tools *t, struct scan *s, struct arena *arena, struct err *e)
{
	struct tool_reading r = {
		.s = s, .arena = arena, .e = e, .field = "functions", .listed = true
	};
	struct openai_tools list = { .first = NULL };

	if (!read_list(&r, &list, read_function))
		return false;
	if (t->count == 0 || t->legacy)
		take_list(t, &list, true, arena);
	return true;
}
