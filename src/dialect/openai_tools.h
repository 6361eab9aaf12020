/*
 * Tools of OpenAI's chat: functions, custom tools, web search, legacy functions, and which of them
 * may or must be called; read and written as Gemini's tools and toolConfig.  Pure.
 *
 * openai_tools.c and openai_tool_choice.c read (a single tool: openai_tool.c),
 * openai_tool_names.c makes names legal and finds tools by them, openai_tools_write.c writes.
 */
#ifndef POLLUX_DIALECT_OPENAI_TOOLS_H
#define POLLUX_DIALECT_OPENAI_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/text.h"
#include "dialect/openai_tool.h"
#include "gemini/model.h"

#define OPENAI_TOOL_NAME_MAX     64 /* bytes of a name that Gemini takes */
#define OPENAI_TOOLS_IGNORED_MAX 24

enum openai_choose {
	CHOOSE_AUTO,
	CHOOSE_NONE,
	CHOOSE_REQUIRED,
	CHOOSE_ONE,
	CHOOSE_ALLOWED,          /* none but the chosen ones, or none at all */
	CHOOSE_ALLOWED_REQUIRED, /* one of the chosen ones */
	CHOOSE_VALIDATED
};

struct openai_chosen {
	struct openai_chosen *next;
	struct span name; /* the client's, plain */
	bool custom;      /* chosen as one; for the path in errors */
	size_t at;        /* allowed_tools.tools[at] */
};

struct openai_tools { /* in the arena with all that it points to; zeroed to begin with */
	/* Functions and custom tools, in order; of those with one name only the last. */
	struct openai_tool *first, *last;
	size_t count;
	bool legacy;        /* "functions": answers use function_call */
	bool searches;      /* web_search_options, or the caller's: NAME-search */
	bool search_tool;   /* a tool of type web_search... */
	bool search_chosen; /* it is among the allowed tools */
	struct span extra;  /* scanned items of google.tools, raw, comma separated; or empty */
	enum openai_choose choose;
	struct openai_chosen *chosen;
	const char *choice_field; /* where the choice was read; NULL: there is none */
	bool drop_unknown; /* the caller's: tools of types unknown here are left out, not refused */
	/* What has no effect, for x-pollux-ignored, by its path, as far as there is room: options
	 * of a search ("web_search_options.user_location"), tools that were left out
	 * ("tools[2]"; behind the first ones of many only "tools"). */
	const char *ignored[OPENAI_TOOLS_IGNORED_MAX];
	size_t ignored_count;
	struct openai_tool **by_name, **by_sent; /* private: sorted, count of each */
};

/*
 * Each reads the value ahead (of the member named by field: "tools", "functions", "tool_choice",
 * "function_call", "web_search_options"); null is as good as absent, the last of several wins.
 * What is new beats what is legacy, in whichever order they come: "functions" and "function_call"
 * have no effect beside "tools" and "tool_choice".
 * False: err names the place, or the text has a fault.
 */
bool openai_tools_read(
    struct openai_tools *, struct scan *, const char *field, struct arena *, struct err *);
bool openai_functions_read(struct openai_tools *, struct scan *, struct arena *, struct err *);
bool openai_choice_read(
    struct openai_tools *, struct scan *, const char *field, struct arena *, struct err *);
bool openai_search_read(struct openai_tools *, struct scan *, struct arena *, struct err *);
/* Of what only makes sense together, once all is read: a choice must be among the tools (those in
 * extra are not looked at: with them any name will do). */
bool openai_tools_check(const struct openai_tools *, struct err *);

/*
 * Appends ,"tools":[...] and ,"toolConfig":{...} as far as there are any.  With search beside
 * functions on a model that cannot have both, functions win and *dropped_search is set.
 */
bool openai_tools_write(struct openai_tools *, const struct model_facts *, struct arena *,
    struct buf *out, bool *dropped_search, struct err *);

/* As a client knows it; NULL when it is none of the request's.  sent: plain. */
const struct openai_tool *openai_tools_by_sent(const struct openai_tools *, struct span sent);
const struct openai_tool *openai_tools_by_name(const struct openai_tools *, struct span name);
/* A function's name as Gemini will take it: itself, or made legal (illegal characters become '_',
 * one is put in front of what may not come first, too long a name is cut to 55 + '_' + 8 hex digits
 * of its hash).  In the arena when it was changed.  Of the request's own tools use sent, which
 * is also told apart from the others. */
struct span openai_tool_name(struct span name, struct arena *);
/* For the readers: a path is noted among the ignored, once. */
void openai_tools_ignore(struct openai_tools *, const char *path);
/* For the readers, when a list is whole: of tools with one name the last stays, each gets the name
 * that it is sent by, and can be found by both. */
void openai_tools_index(struct openai_tools *, struct arena *);
/* For the writer, which marks what it finds. */
struct openai_tool *openai_tools_find(struct openai_tools *, struct span name);

#endif
