/*
 * What the tests of tools share: a request's members in, Gemini's tools and toolConfig out.
 * JSON is written with ' for " here, so that it can be read.
 */
#ifndef POLLUX_TESTS_DIALECT_TOOLS_H
#define POLLUX_TESTS_DIALECT_TOOLS_H

#include "dialect/openai_tools.h"
#include "tests/unit/unit.h"

#define CITY_T1                                                                                    \
	"{'type':'object','properties':{'city':{'type':'string'}},"                                \
	"'required':['city']}"
#define CITY_T2                                                                                    \
	"{'type':'OBJECT','properties':{'city':{'type':'STRING'}},"                                \
	"'required':['city']}"
#define F(name)        "{'type':'function','function':{'name':'" name "'}}"
#define NAMED(name)    "{'name':'" name "'}"
#define TOOLS(list)    "'tools':[" list "]"
#define DECLARED(list) ",'tools':[{'functionDeclarations':[" list "]}]"
#define CONFIG(what)   ",'toolConfig':{" what "}"
#define CALLING(what)  "'functionCallingConfig':{" what "}"

#define CHOICE(body) "'tools':[" F("f") "],'tool_choice':" body
#define NAMES(list)  CONFIG(CALLING("'mode':'ANY','allowedFunctionNames':[" list "]"))
#define VALID(list)  CONFIG(CALLING("'mode':'VALIDATED','allowedFunctionNames':[" list "]"))
#define ALLOWED(mode, list)                                                                        \
	"{'type':'allowed_tools','allowed_tools':{'mode':'" mode "','tools':[" list "]}}"

static const struct model_facts gemini_3 __attribute__((unused)) = { .major = 3 };
static const struct model_facts gemini_25 __attribute__((unused)) = { .major = 2, .minor = 5 };
static const struct model_facts gemini_20 __attribute__((unused)) = { .major = 2 };
static const struct model_facts unknown __attribute__((unused)) = { .major = 0 };

struct world {
	struct arena *arena;
	struct openai_tools tools;
	struct buf out;
	struct err e;
	struct scan s;
	bool dropped_search;
	bool drops; /* tools of unknown types are left out */
};

static inline int
build(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->arena = arena_new(0);
	*state = w;
	return 0;
}

static inline int
clear_away(void **state)
{
	struct world *w = *state;

	arena_free(&w->arena);
	buf_fini(&w->out);
	mem_free(w);
	return 0;
}

/* ' stands for " */
static inline char *
quoted(struct world *w, const char *json)
{
	char *text = arena_dup(w->arena, json);

	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return text;
}

/* What the chat gathers from elsewhere: NAME-search and extra_body.google.tools. */
static inline bool
read_from_elsewhere(struct world *w, struct span key)
{
	struct span raw;

	if (!scan_skip(&w->s, &raw))
		return false;
	if (scan_key_is(key, "NAME-search"))
		w->tools.searches = true;
	if (scan_key_is(key, "google.tools"))
		w->tools.extra = span_mem(raw.p + 1, raw.len - 2);
	return true;
}

static inline bool
read_member(struct world *w, struct span key)
{
	static const char *const choices[] = { "tool_choice", "function_call" };

	if (scan_key_is(key, "tools"))
		return openai_tools_read(&w->tools, &w->s, "tools", w->arena, &w->e);
	if (scan_key_is(key, "functions"))
		return openai_functions_read(&w->tools, &w->s, w->arena, &w->e);
	if (scan_key_is(key, "web_search_options"))
		return openai_search_read(&w->tools, &w->s, w->arena, &w->e);
	for (size_t i = 0; i < COUNT(choices); i++)
		if (scan_key_is(key, choices[i]))
			return openai_choice_read(&w->tools, &w->s, choices[i], w->arena, &w->e);
	return read_from_elsewhere(w, key);
}

/* Reads the members of an object as fields of a request; false when something is refused or the
 * text is none. */
static inline bool
read_text(struct world *w, struct span json)
{
	struct span key;
	bool ok = true;

	w->tools = (struct openai_tools){ .drop_unknown = w->drops };
	w->e = ERR_INIT;
	scan_init(&w->s, json);
	if (scan_type(&w->s) == SCAN_OBJECT && scan_object(&w->s))
		while (ok && scan_member(&w->s, &key))
			ok = read_member(w, key);
	return ok && scan_end(&w->s) && openai_tools_check(&w->tools, &w->e);
}

static inline bool
translate(struct world *w, const char *members, const struct model_facts *facts)
{
	arena_reset(w->arena);
	buf_clear(&w->out);
	return read_text(w, span_of(arena_printf(w->arena, "{%s}", quoted(w, members)))) &&
	       openai_tools_write(&w->tools, facts, w->arena, &w->out, &w->dropped_search, &w->e);
}

static inline void
must_translate(struct world *w, const char *members, const struct model_facts *facts)
{
	struct span whole;

	if (!translate(w, members, facts))
		fail_msg("%s: %s", members, w->e.text);
	whole = span_of(arena_printf(w->arena, "{\"\":0%s}", buf_text(&w->out)));
	if (!scan_check(whole, NULL, NULL))
		fail_msg("%s: not JSON: %s", members, buf_text(&w->out));
}

static inline void
gives(struct world *w, const struct model_facts *facts, const char *members, const char *gemini)
{
	must_translate(w, members, facts);
	assert_string_equal(buf_text(&w->out), quoted(w, gemini));
}

static inline void
refuses(struct world *w, const char *members, const char *field)
{
	if (translate(w, members, &gemini_3))
		fail_msg("%s: taken: %s", members, buf_text(&w->out));
	assert_null(w->s.fault);
	if (w->e.kind != ERR_BAD_REQUEST || strcmp(w->e.field, field) != 0)
		fail_msg("%s: %s: %s", members, w->e.field, w->e.text);
	assert_int_equal(strncmp(w->e.text, field, strlen(field)), 0);
}

/* As it was sent, plain. */
static inline const char *
sent_name(struct world *w, const char *name)
{
	const struct openai_tool *tool = openai_tools_by_name(&w->tools, span_of(name));

	assert_non_null(tool);
	assert_ptr_equal(openai_tools_by_sent(&w->tools, tool->sent), tool);
	return arena_dup_span(w->arena, tool->sent);
}

#endif
