/*
 * One tool of OpenAI's chat, and reading one where it stands in a list or is named in a choice:
 * {type, function:{...}}, {type, custom:{...}}, or of another type.  Reading is for the rooms of
 * openai_tools.h.  Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_TOOL_H
#define POLLUX_DIALECT_OPENAI_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/text.h"

struct openai_tool {
	struct openai_tool *next;
	struct span name;        /* the client's, plain */
	struct span sent;        /* as Gemini knows it: made legal where it was not */
	struct span description; /* escaped; may be empty */
	struct span parameters;  /* raw JSON, an object; p == NULL: none */
	struct span syntax;  /* of a custom tool's grammar: "lark" or "regex", escaped; or empty */
	struct span grammar; /* its definition, escaped */
	size_t at;           /* tools[at], functions[at] */
	bool custom;         /* its one parameter is "input"; calls are told as type "custom" */
	bool wrapped;        /* set by openai_tools_write: its parameters were no object but are
			      * {"value": ...}, to be unwrapped */
	bool chosen;         /* private: among the chosen ones */
};

#define TOOL_MISSING   "is missing"
#define TOOL_NO_TEXT   "must be a string"
#define TOOL_NO_LIST   "must be a list"
#define TOOL_NO_OBJECT "must be an object"
#define TOOL_NO_TYPE   "is no type of tool that is known here"

/* Where the reader stands: FIELD[AT]PART, or FIELDPART. */
struct tool_reading {
	struct scan *s; /* borrowed, as are the next two */
	struct arena *arena;
	struct err *e;
	const char *field;
	bool listed;
	size_t at;
	const char *part; /* ".function"; NULL: none */
};

/* The type may come last, so both are read. */
struct tool_draft {
	struct span type; /* plain; p == NULL: none */
	struct openai_tool function, custom;
	bool has_function, has_custom;
};

/* "PATH WHAT" against the path: where the reader stands, and member (".name", or ""). */
bool tool_refuse(const struct tool_reading *, const char *member, const char *what);
/* A string is ahead, given escaped; null gives SPAN_NONE. */
bool tool_text_read(struct tool_reading *, const char *member, struct span *out);

/* The value ahead is that of a member of such an object; what has no counterpart is skipped. */
bool tool_draft_read(struct tool_reading *, struct span key, struct tool_draft *);
/* Once all is read: the function or the custom tool, which has a name; *tool is NULL when the
 * type is another one. */
bool tool_draft_pick(struct tool_reading *, struct tool_draft *, struct openai_tool **tool);
bool tool_draft_is_search(const struct tool_draft *);

/* An object is ahead: {name, description, parameters} or {name, description, format}.  What else
 * there is, strict among it, has no counterpart. */
bool tool_body_read(struct tool_reading *, struct openai_tool *);
bool tool_name_check(const struct tool_reading *, const struct openai_tool *);

#endif
