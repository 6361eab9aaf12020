/*
 * Which tools may or must be called, in OpenAI's words: see openai_tools.h.  Pure, runs in workers,
 * owns nothing: what is noted lies in the exchange's arena.
 */
#include "dialect/openai_tools.h"

#include <string.h>
#include "dialect/openai_tool.h"
#include "dialect/private.h"

#define ALLOWED_FIELD "tool_choice.allowed_tools.tools"

static const char choice_field[] = "tool_choice", legacy_field[] = "function_call";

/* ---- the allowed tools ---- */

static struct openai_chosen **
add_chosen(struct tool_reading *r, const struct openai_tool *tool, struct openai_chosen **end)
{
	struct openai_chosen *c = arena_alloc(r->arena, sizeof(*c));

	*c = (struct openai_chosen){ .name = tool->name, .custom = tool->custom, .at = r->at };
	*end = c;
	return &c->next;
}

static bool
read_allowed_tool(struct tool_reading *r, struct openai_tools *t, struct openai_chosen ***end)
{
	struct tool_draft d = { .type = SPAN_NONE };
	struct openai_tool *tool;
	struct span key;
	bool ok = true;

	if (scan_type(r->s) != SCAN_OBJECT)
		return tool_refuse(r, "", TOOL_NO_OBJECT);
	scan_object(r->s);
	while (ok && scan_member(r->s, &key))
		ok = tool_draft_read(r, key, &d);
	if (!ok || r->s->fault != NULL || !tool_draft_pick(r, &d, &tool))
		return false;
	if (tool != NULL)
		*end = add_chosen(r, tool, *end);
	else if (tool_draft_is_search(&d))
		t->search_chosen = true;
	else
		return t->drop_unknown || tool_refuse(r, ".type", TOOL_NO_TYPE);
	return true;
}

static bool
read_allowed_list(const struct tool_reading *outer, struct openai_tools *t, bool *given)
{
	struct tool_reading r = *outer;
	struct openai_chosen **end = &t->chosen;

	r.field = ALLOWED_FIELD;
	r.part = NULL;
	t->chosen = NULL;
	t->search_chosen = false;
	*given = !take_null(r.s);
	if (!*given)
		return true;
	if (scan_type(r.s) != SCAN_ARRAY)
		return tool_refuse(&r, "", TOOL_NO_LIST);
	scan_array(r.s);
	r.listed = true;
	for (r.at = 0; scan_item(r.s); r.at++)
		if (!read_allowed_tool(&r, t, &end))
			return false;
	return r.s->fault == NULL;
}

/* {mode, tools}; *given: there is such a thing. */
static bool
read_allowed(struct tool_reading *r, struct openai_tools *t, bool *given)
{
	struct span key, mode = SPAN_NONE;
	bool ok = true, has_list = false;

	*given = !take_null(r->s);
	if (!*given)
		return true;
	r->part = ".allowed_tools";
	if (scan_type(r->s) != SCAN_OBJECT)
		return tool_refuse(r, "", TOOL_NO_OBJECT);
	scan_object(r->s);
	while (ok && scan_member(r->s, &key)) {
		if (scan_key_is(key, "mode"))
			ok = tool_text_read(r, ".mode", &mode);
		else if (scan_key_is(key, "tools"))
			ok = read_allowed_list(r, t, &has_list);
		else
			scan_skip(r->s, NULL);
	}
	if (!ok || r->s->fault != NULL)
		return false;
	if (mode.p == NULL || !has_list)
		return tool_refuse(r, mode.p == NULL ? ".mode" : ".tools", TOOL_MISSING);
	t->choose = scan_key_is(mode, "required") ? CHOOSE_ALLOWED_REQUIRED : CHOOSE_ALLOWED;
	if (t->choose == CHOOSE_ALLOWED && !scan_key_is(mode, "auto"))
		return tool_refuse(r, ".mode", "must be auto or required");
	if (t->choose == CHOOSE_ALLOWED_REQUIRED && t->chosen == NULL && !t->search_chosen)
		return tool_refuse(r, ".tools", "must not be empty");
	r->part = NULL;
	return true;
}

/* ---- the choice ---- */

static bool
choose_one(struct tool_reading *r, struct openai_tools *t, const struct openai_tool *tool)
{
	t->choose = CHOOSE_ONE;
	t->chosen = NULL;
	t->search_chosen = false;
	add_chosen(r, tool, &t->chosen);
	return true;
}

/* A tool of a type that is unknown here is chosen: where such tools are left out, none is. */
static bool
choose_unknown(struct tool_reading *r, struct openai_tools *t)
{
	if (!t->drop_unknown)
		return tool_refuse(r, ".type", "must be function, custom or allowed_tools");
	t->choose = CHOOSE_AUTO;
	openai_tools_ignore(t, r->field);
	return true;
}

/* {type:"function",function:{name}}, {type:"custom",...} or {type:"allowed_tools",...}. */
static bool
read_choice_object(struct tool_reading *r, struct openai_tools *t)
{
	struct tool_draft d = { .type = SPAN_NONE };
	struct openai_tool *tool;
	struct span key;
	bool ok = true, has_allowed = false;

	scan_object(r->s);
	while (ok && scan_member(r->s, &key))
		ok = scan_key_is(key, "allowed_tools") ? read_allowed(r, t, &has_allowed)
						       : tool_draft_read(r, key, &d);
	if (!ok || r->s->fault != NULL || !tool_draft_pick(r, &d, &tool))
		return false;
	if (tool != NULL)
		return choose_one(r, t, tool);
	if (!span_is(d.type, "allowed_tools"))
		return choose_unknown(r, t);
	return has_allowed || tool_refuse(r, ".allowed_tools", TOOL_MISSING);
}

static bool
read_choice_word(struct tool_reading *r, struct openai_tools *t, bool legacy)
{
	static const struct {
		const char *word;
		enum openai_choose choose;
		bool legacy;
	} words[] = {
		{ "auto", CHOOSE_AUTO, true },
		{ "none", CHOOSE_NONE, true },
		{ "required", CHOOSE_REQUIRED, false },
		{ "validated", CHOOSE_VALIDATED, false },
	};
	struct span said;

	if (!scan_string(r->s, &said))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!scan_key_is(said, words[i].word) || (legacy && !words[i].legacy))
			continue;
		t->choose = words[i].choose;
		return true;
	}
	return tool_refuse(r, "",
	    legacy ? "must be none, auto or the name of a function"
		   : "must be none, auto, required, validated or an object that names tools");
}

static bool
read_choice(struct tool_reading *r, struct openai_tools *t, bool legacy)
{
	struct openai_tool tool;

	switch (scan_type(r->s)) {
	case SCAN_STRING:
		return read_choice_word(r, t, legacy);
	case SCAN_OBJECT:
		if (!legacy)
			return read_choice_object(r, t);
		return tool_body_read(r, &tool) && tool_name_check(r, &tool) &&
		       choose_one(r, t, &tool);
	default:
		return tool_refuse(r, "", "must be a string or an object");
	}
}

bool
openai_choice_read(
    struct openai_tools *t, struct scan *s, const char *field, struct arena *arena, struct err *e)
{
	bool legacy = strcmp(field, legacy_field) == 0;
	struct tool_reading r = {
		.s = s, .arena = arena, .e = e, .field = legacy ? legacy_field : choice_field
	};
	struct openai_tools got = { .choice_field = r.field, .drop_unknown = t->drop_unknown };

	if (take_null(s))
		got.choice_field = NULL;
	else if (!read_choice(&r, &got, legacy))
		return false;
	/* What the other field said stands, unless this is a choice and not the legacy one. */
	if (t->choice_field != NULL && t->choice_field != r.field &&
	    (legacy || got.choice_field == NULL))
		return true;
	t->choose = got.choose;
	t->chosen = got.chosen;
	t->search_chosen = got.search_chosen;
	t->choice_field = got.choice_field;
	if (got.ignored_count > 0)
		openai_tools_ignore(t, got.ignored[0]);
	return true;
}

/* ---- with the tools ---- */

static bool
refuse_chosen(const struct openai_tools *t, const struct openai_chosen *c, struct err *e)
{
	const char *kind = c->custom ? "custom" : "function";
	static const char what[] = "is none of the tools of this request";

	if (t->choice_field == legacy_field)
		return refuse(e, what, "%s.name", t->choice_field);
	if (t->choose == CHOOSE_ONE)
		return refuse(e, what, "%s.%s.name", t->choice_field, kind);
	return refuse(e, what, ALLOWED_FIELD "[%zu].%s.name", c->at, kind);
}

bool
openai_tools_check(const struct openai_tools *t, struct err *e)
{
	if (t->choose == CHOOSE_AUTO || t->choose == CHOOSE_NONE || t->extra.len > 0)
		return true;
	if (t->count == 0 && !t->search_tool)
		return refuse(e, "needs tools beside it", "%s", t->choice_field);
	for (const struct openai_chosen *c = t->chosen; c != NULL; c = c->next)
		if (openai_tools_by_name(t, c->name) == NULL)
			return refuse_chosen(t, c, e);
	return true;
}
