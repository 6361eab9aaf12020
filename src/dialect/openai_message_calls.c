/*
 * Calls and results, from OpenAI to Gemini: see openai_message_calls.h.  Pure, runs in workers,
 * owns nothing.
 *
 * OpenAI's wire carries arguments and results as text, Gemini's as JSON objects.  What a model or
 * a tool wrote is never refused for being no such thing: it is wrapped, in one way, so that the
 * model sees what it was.
 */
#include "dialect/openai_message_calls.h"

#include "base/scan.h"
#include "dialect/openai_message_extra.h"
#include "dialect/private.h"

#define EXACT_MAX (INT64_C(1) << 53) /* beyond, a double does not hold every whole number */

/* ---- text and JSON ---- */

struct span
message_plain(struct span escaped, struct arena *arena)
{
	struct buf plain = BUF_INIT;

	if (!scan_has_escape(escaped))
		return escaped;
	scan_text(&plain, escaped);
	escaped = arena_span(arena, buf_span(&plain));
	buf_fini(&plain);
	return escaped;
}

/* p stands in a string: where it ends. */
static const char *
string_end(const char *p, const char *end)
{
	while (p < end && *p != '"')
		p += *p == '\\' ? 2 : 1;
	return p;
}

bool
message_is_shallow(struct span json, size_t depth)
{
	const char *end = json.p + json.len;
	size_t open = 0;

	for (const char *p = json.p; p < end; p++) {
		if (*p == '"')
			p = string_end(p + 1, end);
		else if ((*p == '{' || *p == '[') && ++open > depth)
			return false;
		else if (*p == '}' || *p == ']')
			open--;
	}
	return true;
}

static bool
may_be_json(struct span text)
{
	text = span_trim(text);
	return text.len > 0 &&
	       (memchr("{[\"-tfn", text.p[0], 7) != NULL || (text.p[0] >= '0' && text.p[0] <= '9'));
}

/* The JSON that a text (escaped) holds; false: it holds none, or none that may go upstream. */
static bool
find_json(struct span escaped, struct arena *arena, struct span *json)
{
	struct span begin = span_trim(escaped);

	/* What begins with an escape may be a line end with JSON behind it. */
	if (begin.len == 0 || (begin.p[0] != '\\' && !may_be_json(begin)))
		return false;
	*json = message_plain(escaped, arena);
	return may_be_json(*json) && scan_check(*json, NULL, NULL) &&
	       message_is_shallow(*json, MESSAGE_DEPTH_MAX);
}

static bool
is_object(struct span json)
{
	return span_trim(json).p[0] == '{';
}

static struct span
joined(struct arena *arena, const char *before, struct span s, const char *behind)
{
	size_t head = strlen(before), tail = strlen(behind);
	char *p = arena_alloc(arena, head + s.len + tail);

	memcpy(p, before, head);
	if (s.p != NULL)
		memcpy(p + head, s.p, s.len);
	memcpy(p + head + s.len, behind, tail);
	return span_mem(p, head + s.len + tail);
}

/*
 * Gemini keeps the numbers of a result as doubles.  A whole number that none of them holds is an
 * id as a rule, and the model is to see all of its digits: alone, it stays text.
 */
static bool
is_long_integer(struct span json)
{
	struct span text = span_trim(json);
	int64_t value;

	for (size_t i = text.p[0] == '-'; i < text.len; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return !scan_int(text, &value) || value > EXACT_MAX || value < -EXACT_MAX;
}

struct span
message_call_response(struct span escaped, struct arena *arena)
{
	struct span json;

	if (!find_json(escaped, arena, &json) || is_long_integer(json))
		return joined(arena, "{\"output\":\"", escaped, "\"}");
	if (is_object(json))
		return json;
	return joined(arena, "{\"output\":", json, "}");
}

/* ---- arguments ---- */

static struct span
args_of_json(struct span json, bool wrapped, struct arena *arena)
{
	if (!wrapped && span_is(span_trim(json), "null"))
		return SPAN("{}");
	if (!wrapped && is_object(json))
		return json;
	return joined(arena, "{\"value\":", json, "}");
}

static struct span
args_of_text(struct span escaped, bool wrapped, struct arena *arena)
{
	struct span json;

	if (find_json(escaped, arena, &json))
		return args_of_json(json, wrapped, arena);
	if (span_trim(message_plain(escaped, arena)).len == 0)
		return SPAN("{}");
	return joined(arena, "{\"_raw\":\"", escaped, "\"}");
}

/* ---- one call ---- */

struct call_reading {
	const struct message_calling *of;
	size_t at;
	const char *member;      /* of the message: "tool_calls", "function_call" */
	struct span id, type;    /* escaped; p == NULL: not said */
	struct span name, input; /* escaped */
	struct span args;        /* escaped, when is_text; else raw; p == NULL: not said */
	bool is_text;
	const char *inner; /* the member that holds them: "function", "custom"; or NULL */
	struct message_extra extra;
};

static bool
refuse_call(const struct call_reading *r, const char *what, const char *where)
{
	const char *dot = where[0] != '\0' ? "." : "";

	if (strcmp(r->member, "function_call") == 0)
		return refuse(r->of->err, what, "messages[%zu].function_call%s%s", r->of->message,
		    dot, where);
	return refuse(r->of->err, what, "messages[%zu].%s[%zu]%s%s", r->of->message, r->member,
	    r->at, dot, where);
}

static bool
refuse_inner(const struct call_reading *r, const char *what, const char *where)
{
	char path[64];

	if (strcmp(r->member, "function_call") == 0)
		return refuse_call(r, what, where);
	snprintf(path, sizeof(path), "%s.%s", r->inner, where);
	return refuse_call(r, what, path);
}

/* A string, or null, which leaves *out empty. */
static bool
read_string(struct scan *s, struct span *out)
{
	*out = SPAN_NONE;
	if (take_null(s))
		return true;
	return scan_type(s) == SCAN_STRING && scan_string(s, out);
}

/* Some clients send the object itself in place of its text. */
static void
read_args(struct call_reading *r, struct scan *s)
{
	r->args = SPAN_NONE;
	r->is_text = scan_type(s) == SCAN_STRING;
	if (take_null(s))
		return;
	if (r->is_text)
		scan_string(s, &r->args);
	else
		scan_skip(s, &r->args);
}

/* What stands in "function", in "custom", and in "function_call". */
static bool
read_inner_member(struct call_reading *r, struct scan *s, struct span key)
{
	if (scan_key_is(key, "name"))
		return read_string(s, &r->name) || refuse_inner(r, "must be a string", "name");
	if (scan_key_is(key, "input") && strcmp(r->inner, "custom") == 0)
		return read_string(s, &r->input) || refuse_inner(r, "must be a string", "input");
	if (scan_key_is(key, "arguments"))
		read_args(r, s);
	else if (!message_extra_read_function(&r->extra, s, key))
		scan_skip(s, NULL);
	return true;
}

static bool
read_inner(struct call_reading *r, struct scan *s, const char *inner)
{
	struct span key;

	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return refuse_call(r, "must be an object", inner);
	r->inner = inner;
	scan_object(s);
	while (scan_member(s, &key))
		if (!read_inner_member(r, s, key))
			return false;
	return true;
}

static bool
read_call_member(struct call_reading *r, struct scan *s, struct span key)
{
	if (scan_key_is(key, "id"))
		return read_string(s, &r->id) || refuse_call(r, "must be a string", "id");
	if (scan_key_is(key, "type"))
		return read_string(s, &r->type) || refuse_call(r, "must be a string", "type");
	if (scan_key_is(key, "function"))
		return read_inner(r, s, "function");
	if (scan_key_is(key, "custom"))
		return read_inner(r, s, "custom");
	if (!message_extra_read(&r->extra, s, key))
		scan_skip(s, NULL);
	return true;
}

static bool
check_type(const struct call_reading *r)
{
	const char *wanted = r->inner != NULL ? r->inner : "function";

	if (r->type.p != NULL && !scan_key_is(r->type, "function") &&
	    !scan_key_is(r->type, "custom"))
		return refuse_call(r, "is no known type of call", "type");
	if (r->type.p != NULL && scan_key_is(r->type, "custom"))
		wanted = "custom";
	else if (r->type.p != NULL)
		wanted = "function";
	return (r->inner != NULL && strcmp(r->inner, wanted) == 0) ||
	       refuse_call(r, "is missing", wanted);
}

static bool
tell_call(const struct call_reading *r)
{
	struct arena *arena = r->of->arena;
	const struct openai_tools *tools = r->of->tools;
	struct span name = message_plain(r->name, arena);
	const struct openai_tool *tool = tools != NULL ? openai_tools_by_name(tools, name) : NULL;
	bool wrapped = tool != NULL && tool->wrapped;
	struct turn_call told = { .id = message_plain(r->id, arena) };

	if (name.len == 0)
		return refuse_inner(r, "is missing", "name");
	if (!r->is_text && r->args.p != NULL && !message_is_shallow(r->args, MESSAGE_DEPTH_MAX))
		return refuse_inner(r, "is nested too deeply", "arguments");
	told.name = tool != NULL ? tool->sent : openai_tool_name(name, arena);
	told.signature = message_extra_signature(&r->extra, r->of->turns);
	if (strcmp(r->inner, "custom") == 0)
		told.args = joined(arena, "{\"input\":\"", r->input, "\"}");
	else if (r->is_text || r->args.p == NULL)
		told.args = args_of_text(r->args, wrapped, arena);
	else
		told.args = args_of_json(r->args, wrapped, arena);
	turns_call(r->of->turns, &told);
	return true;
}

static bool
read_call(const struct message_calling *of, struct scan *s, size_t at)
{
	struct call_reading r = { .of = of, .at = at, .member = "tool_calls" };
	struct span key;

	if (scan_type(s) != SCAN_OBJECT)
		return refuse_call(&r, "must be an object", "");
	scan_object(s);
	while (scan_member(s, &key))
		if (!read_call_member(&r, s, key))
			return false;
	return check_type(&r) && tell_call(&r);
}

bool
message_calls_tell(const struct message_calling *of, struct span raw, size_t *count)
{
	struct scan s;

	scan_init(&s, raw);
	if (scan_type(&s) != SCAN_ARRAY)
		return refuse(of->err, "must be a list", "messages[%zu].tool_calls", of->message);
	scan_array(&s);
	for (*count = 0; scan_item(&s); ++*count)
		if (!read_call(of, &s, *count))
			return false;
	return true;
}

bool
message_function_call_tell(const struct message_calling *of, struct span raw)
{
	struct call_reading r = { .of = of, .member = "function_call", .inner = "function" };
	struct scan s;

	scan_init(&s, raw);
	if (scan_type(&s) != SCAN_OBJECT)
		return refuse_call(&r, "must be an object", "");
	return read_inner(&r, &s, "function") && tell_call(&r);
}

struct span
message_call_name(const struct openai_tools *tools, struct span escaped, struct arena *arena)
{
	struct span name = message_plain(escaped, arena);
	const struct openai_tool *tool = NULL;

	if (name.len == 0)
		return SPAN_NONE;
	if (tools != NULL)
		tool = openai_tools_by_name(tools, name);
	return tool != NULL ? tool->sent : openai_tool_name(name, arena);
}
