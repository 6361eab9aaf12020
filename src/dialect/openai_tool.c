/*
 * One tool as it stands in a list of OpenAI's, or what names one in a choice: see
 * openai_tool.h.  Pure, runs in workers, owns nothing: what is noted lies in the exchange's
 * arena and points into the request.
 *
 * Names are unescaped, since answers look them up; descriptions and schemas stay as they are.
 */
#include "dialect/openai_tool.h"

#include <string.h>
#include "dialect/private.h"

#define FUNCTION_PART ".function"
#define CUSTOM_PART   ".custom"

bool
tool_refuse(const struct tool_reading *r, const char *member, const char *what)
{
	const char *part = r->part != NULL ? r->part : "";

	if (r->listed)
		return refuse(r->e, what, "%s[%zu]%s%s", r->field, r->at, part, member);
	return refuse(r->e, what, "%s%s%s", r->field, part, member);
}

/* ---- values ---- */

bool
tool_text_read(struct tool_reading *r, const char *member, struct span *out)
{
	*out = SPAN_NONE;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_STRING)
		return tool_refuse(r, member, TOOL_NO_TEXT);
	return scan_string(r->s, out);
}

static bool
read_plain(struct tool_reading *r, const char *member, struct span *out)
{
	struct buf plain = BUF_INIT;

	if (!tool_text_read(r, member, out))
		return false;
	if (!scan_has_escape(*out))
		return true;
	scan_text(&plain, *out);
	*out = arena_span(r->arena, buf_span(&plain));
	buf_fini(&plain);
	return true;
}

static bool
read_parameters(struct tool_reading *r, struct openai_tool *tool)
{
	tool->parameters = SPAN_NONE;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_OBJECT)
		return tool_refuse(r, ".parameters", TOOL_NO_OBJECT);
	return scan_skip(r->s, &tool->parameters);
}

/* ---- the format of a custom tool ---- */

static bool
read_grammar(struct tool_reading *r, struct openai_tool *tool, bool *given)
{
	struct span key;
	bool ok = true;

	tool->syntax = tool->grammar = SPAN_NONE;
	*given = !take_null(r->s);
	if (!*given)
		return true;
	if (scan_type(r->s) != SCAN_OBJECT)
		return tool_refuse(r, ".format.grammar", TOOL_NO_OBJECT);
	scan_object(r->s);
	while (ok && scan_member(r->s, &key)) {
		if (scan_key_is(key, "definition"))
			ok = tool_text_read(r, ".format.grammar.definition", &tool->grammar);
		else if (scan_key_is(key, "syntax"))
			ok = tool_text_read(r, ".format.grammar.syntax", &tool->syntax);
		else
			scan_skip(r->s, NULL);
	}
	return ok && r->s->fault == NULL;
}

static bool
check_format(
    const struct tool_reading *r, struct openai_tool *tool, struct span type, bool has_grammar)
{
	if (type.p == NULL)
		return tool_refuse(r, ".format.type", TOOL_MISSING);
	if (scan_key_is(type, "text")) {
		tool->syntax = tool->grammar = SPAN_NONE;
		return true;
	}
	if (!scan_key_is(type, "grammar"))
		return tool_refuse(r, ".format.type", "must be text or grammar");
	if (!has_grammar)
		return tool_refuse(r, ".format.grammar", TOOL_MISSING);
	if (tool->grammar.p == NULL)
		return tool_refuse(r, ".format.grammar.definition", TOOL_MISSING);
	if (tool->syntax.p == NULL)
		return tool_refuse(r, ".format.grammar.syntax", TOOL_MISSING);
	if (!scan_key_is(tool->syntax, "lark") && !scan_key_is(tool->syntax, "regex"))
		return tool_refuse(r, ".format.grammar.syntax", "must be lark or regex");
	return true;
}

static bool
read_format(struct tool_reading *r, struct openai_tool *tool)
{
	struct span key, type = SPAN_NONE;
	bool ok = true, has_grammar = false;

	tool->syntax = tool->grammar = SPAN_NONE;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_OBJECT)
		return tool_refuse(r, ".format", TOOL_NO_OBJECT);
	scan_object(r->s);
	while (ok && scan_member(r->s, &key)) {
		if (scan_key_is(key, "type"))
			ok = tool_text_read(r, ".format.type", &type);
		else if (scan_key_is(key, "grammar"))
			ok = read_grammar(r, tool, &has_grammar);
		else
			scan_skip(r->s, NULL);
	}
	return ok && r->s->fault == NULL && check_format(r, tool, type, has_grammar);
}

/* ---- a tool ---- */

bool
tool_body_read(struct tool_reading *r, struct openai_tool *tool)
{
	bool custom = r->part != NULL && strcmp(r->part, CUSTOM_PART) == 0;
	struct span key;
	bool ok = true;

	*tool = (struct openai_tool){ .at = r->at };
	scan_object(r->s);
	while (ok && scan_member(r->s, &key)) {
		if (scan_key_is(key, "name"))
			ok = read_plain(r, ".name", &tool->name);
		else if (scan_key_is(key, "description"))
			ok = tool_text_read(r, ".description", &tool->description);
		else if (!custom && scan_key_is(key, "parameters"))
			ok = read_parameters(r, tool);
		else if (custom && scan_key_is(key, "format"))
			ok = read_format(r, tool);
		else
			scan_skip(r->s, NULL);
	}
	return ok && r->s->fault == NULL;
}

static bool
read_part(struct tool_reading *r, const char *part, struct openai_tool *tool, bool *given)
{
	bool ok;

	*given = !take_null(r->s);
	if (!*given)
		return true;
	r->part = part;
	if (scan_type(r->s) != SCAN_OBJECT)
		return tool_refuse(r, "", TOOL_NO_OBJECT);
	ok = tool_body_read(r, tool);
	r->part = NULL;
	return ok;
}

bool
tool_name_check(const struct tool_reading *r, const struct openai_tool *tool)
{
	if (tool->name.p == NULL)
		return tool_refuse(r, ".name", TOOL_MISSING);
	if (tool->name.len == 0)
		return tool_refuse(r, ".name", "must not be empty");
	return true;
}

bool
tool_draft_read(struct tool_reading *r, struct span key, struct tool_draft *d)
{
	if (scan_key_is(key, "type"))
		return read_plain(r, ".type", &d->type);
	if (scan_key_is(key, "function"))
		return read_part(r, FUNCTION_PART, &d->function, &d->has_function);
	if (scan_key_is(key, "custom"))
		return read_part(r, CUSTOM_PART, &d->custom, &d->has_custom);
	scan_skip(r->s, NULL);
	return true;
}

bool
tool_draft_pick(struct tool_reading *r, struct tool_draft *d, struct openai_tool **tool)
{
	bool custom = span_is(d->type, "custom");

	*tool = NULL;
	if (d->type.p == NULL)
		return tool_refuse(r, ".type", TOOL_MISSING);
	if (!custom && !span_is(d->type, "function"))
		return true;
	r->part = custom ? CUSTOM_PART : FUNCTION_PART;
	*tool = custom ? &d->custom : &d->function;
	(*tool)->custom = custom;
	if (!(custom ? d->has_custom : d->has_function))
		return tool_refuse(r, "", TOOL_MISSING);
	if (!tool_name_check(r, *tool))
		return false;
	r->part = NULL;
	return true;
}

/* web_search, and its names with a preview or a date behind it. */
bool
tool_draft_is_search(const struct tool_draft *d)
{
	static const char word[] = "web_search";

	return span_starts(d->type, word) &&
	       (d->type.len == strlen(word) || d->type.p[strlen(word)] == '_');
}
