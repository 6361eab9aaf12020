/*
 * Calls in an answer: see openai_told_calls.h.  Pure, runs in workers, owns nothing.
 *
 * Gemini gives a call whole, and so it is told in one piece.  The enterprise surface may give its
 * arguments bit by bit: in a stream they are told so, save where the client knows them in another
 * form than Gemini (custom tools, wrapped parameters): these wait for the end.
 */
#include "dialect/openai_told_calls.h"

#include <sodium.h>
#include "base/scan.h"
#include "dialect/openai_chat.h"
#include "dialect/openai_pieces.h"
#include "gemini/object.h"
#include "gemini/partial_args.h"

#define ID_LETTERS 24
#define ID_BYTES   40 /* with its prefix */

struct openai_open_call {
	bool is_open;
	bool waits;  /* told at its end */
	size_t step; /* its place among the calls */
	char id[ID_BYTES];
	struct openai_kept name, upstream_id, signature; /* escaped */
	struct openai_kept args;                         /* as far as they came */
	struct partial_args partial;
};

/* A call as it is told. */
struct told {
	size_t step;                    /* its place among the calls */
	struct span id;                 /* ours */
	struct span name;               /* escaped, as Gemini knows it */
	struct span args;               /* raw */
	struct span signature;          /* escaped */
	struct span upstream_id;        /* escaped */
	const struct openai_tool *tool; /* NULL: none of the request's */
};

static const struct chat_notes *
notes_of(const struct dialect_out *out)
{
	return out->call->notes;
}

static bool
is_legacy(const struct dialect_out *out)
{
	const struct chat_notes *notes = notes_of(out);

	return notes->tools != NULL && notes->tools->legacy;
}

const char *
openai_told_calls_key(const struct dialect_out *out)
{
	return is_legacy(out) ? "function_call" : "tool_calls";
}

bool
openai_told_calls_is_open(const struct openai_told_calls *c)
{
	return c->open != NULL && c->open->is_open;
}

/* ---- ids ---- */

/* Clients bring it back with the result: no other call of anyone may have it. */
void
openai_id_write(struct buf *b, const struct dialect_out *out, const struct openai_told_calls *c,
    const char *prefix)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char hash[ID_LETTERS];
	struct buf seed = BUF_INIT;

	buf_printf(&seed, "%s %s %lld %zu ", prefix, out->request_id ? out->request_id : "",
	    (long long)c->choice, c->count);
	buf_add_span(&seed, c->salt);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)seed.data, seed.len, NULL, 0);
	buf_fini(&seed);
	buf_add_text(b, prefix);
	for (size_t i = 0; i < sizeof(hash); i++)
		buf_add_char(b, letters[hash[i] % 32]);
}

static struct span
make_id(char id[ID_BYTES], const struct dialect_out *out, const struct openai_told_calls *c)
{
	struct buf b = BUF_INIT;

	openai_id_write(&b, out, c, "call_");
	snprintf(id, ID_BYTES, "%s", buf_text(&b));
	buf_fini(&b);
	return span_of(id);
}

/* ---- what the client knows ---- */

static const struct openai_tool *
tool_of(const struct dialect_out *out, struct span escaped_name)
{
	const struct chat_notes *notes = notes_of(out);
	const struct openai_tool *tool;
	struct buf plain = BUF_INIT;

	if (notes->tools == NULL)
		return NULL;
	scan_text(&plain, escaped_name);
	tool = openai_tools_by_sent(notes->tools, buf_span(&plain));
	buf_fini(&plain);
	return tool;
}

/* The value of a member of args; false: args is no object, or has none of that name. */
static bool
member_of(struct span args, const char *name, struct span *raw, enum scan_type *type)
{
	struct span key;
	struct scan s;
	bool found = false;

	scan_init(&s, args);
	if (scan_type(&s) != SCAN_OBJECT)
		return false;
	scan_object(&s);
	while (scan_member(&s, &key)) {
		bool is = scan_key_is(key, name);

		if (is)
			*type = scan_type(&s);
		found = found || is;
		scan_skip(&s, is ? raw : NULL);
	}
	return scan_end(&s) && found;
}

/* The text that a custom tool is given: its only parameter. */
static void
write_input(struct buf *b, struct span args)
{
	enum scan_type type = SCAN_BAD;
	struct span input = SPAN_NONE;

	if (!member_of(args, "input", &input, &type))
		openai_json_quote(b, args);
	else if (type == SCAN_STRING)
		buf_add_span(b, input); /* with its quotes */
	else
		openai_json_quote(b, input);
}

static void
write_arguments(struct buf *b, const struct told *t)
{
	enum scan_type type = SCAN_BAD;
	struct span inner = SPAN_NONE;

	if (t->tool != NULL && t->tool->custom)
		write_input(b, t->args);
	else if (t->tool != NULL && t->tool->wrapped && member_of(t->args, "value", &inner, &type))
		openai_json_quote(b, inner);
	else
		openai_json_quote(b, t->args);
}

/* ---- items ---- */

static void
write_name(struct object_writer *o, const struct told *t)
{
	if (t->tool != NULL)
		object_text(o, "name", t->tool->name);
	else
		object_escaped(o, "name", t->name);
}

static void
write_signature(struct object_writer *o, const struct told *t)
{
	if (t->signature.len == 0)
		return;
	object_key(o, "extra_content");
	buf_add_lit(o->out, "{\"google\":{\"thought_signature\":\"");
	buf_add_span(o->out, t->signature);
	buf_add_lit(o->out, "\"}}");
}

/* The object of the function itself.  arguments: false leaves them "", for more to follow. */
static void
write_function(struct object_writer *o, const struct told *t, bool arguments)
{
	bool custom = t->tool != NULL && t->tool->custom;

	write_name(o, t);
	object_key(o, custom ? "input" : "arguments");
	if (arguments)
		write_arguments(o->out, t);
	else
		buf_add_lit(o->out, "\"\"");
}

static void
write_call(struct buf *b, const struct dialect_out *out, const struct told *t, bool arguments)
{
	const char *type = t->tool != NULL && t->tool->custom ? "custom" : "function";
	struct object_writer o, function;

	object_begin(&o, b);
	if (is_legacy(out)) {
		write_function(&o, t, arguments);
	} else {
		if (out->call->stream)
			object_int(&o, "index", (int64_t)t->step);
		object_text(&o, "id", t->id);
		object_text(&o, "type", span_of(type));
		object_key(&o, type);
		object_begin(&function, b);
		write_function(&function, t, arguments);
		object_end(&function);
	}
	write_signature(&o, t);
	object_end(&o);
}

/* More arguments of a call that was told before. */
static void
write_more(struct buf *b, const struct dialect_out *out, size_t step, struct span json)
{
	struct object_writer o, function;

	object_begin(&o, b);
	if (is_legacy(out)) {
		object_text(&o, "arguments", json);
		object_end(&o);
		return;
	}
	object_int(&o, "index", (int64_t)step);
	object_key(&o, "function");
	object_begin(&function, b);
	object_text(&function, "arguments", json);
	object_end(&function);
	object_end(&o);
}

/* ---- remembering ---- */

static struct span
unescape(struct span escaped, struct buf *room)
{
	size_t before = room->len;

	scan_text(room, escaped);
	return span_mem(buf_text(room) + before, room->len - before);
}

static void
remember(const struct dialect_out *out, const struct told *t)
{
	struct buf room = BUF_INIT;
	struct signed_call known = { .id = t->id,
		.args = span_starts(t->args, "{") ? t->args : SPAN("{}"),
		.step_index = t->step,
		.model = out->call->model };

	if (out->house == NULL || out->house->remember == NULL)
		return;
	/* All at once, lest the first ones move while the last is written. */
	buf_reserve(&room, t->name.len + t->signature.len + t->upstream_id.len);
	known.name = unescape(t->name, &room);
	known.signature = unescape(t->signature, &room);
	known.upstream_id = unescape(t->upstream_id, &room);
	out->house->remember(out->house->ctx, &known);
	buf_fini(&room);
}

/* ---- calls that come whole ---- */

static void
tell_whole(
    struct openai_told_calls *c, struct dialect_out *out, const struct part *p, struct buf *item)
{
	char id[ID_BYTES];
	struct told t = { .step = c->count,
		.id = make_id(id, out, c),
		.name = p->name,
		.args = p->args.p != NULL ? p->args : SPAN("{}"),
		.signature = p->signature,
		.upstream_id = p->id,
		.tool = tool_of(out, p->name) };

	write_call(item, out, &t, true);
	remember(out, &t);
	c->count++;
}

/* ---- calls that come in pieces ---- */

static struct told
open_told(const struct openai_open_call *o, const struct dialect_out *out)
{
	return (struct told){ .step = o->step,
		.id = span_of(o->id),
		.name = openai_kept_span(&o->name),
		.args = openai_kept_span(&o->args),
		.signature = openai_kept_span(&o->signature),
		.upstream_id = openai_kept_span(&o->upstream_id),
		.tool = tool_of(out, openai_kept_span(&o->name)) };
}

static void
open_call(struct openai_told_calls *c, struct dialect_out *out, const struct part *p)
{
	struct openai_open_call *o = c->open;
	const struct openai_tool *tool = tool_of(out, p->name);

	if (o == NULL)
		o = c->open = arena_alloc(out->arena, sizeof(*o));
	o->is_open = true;
	o->waits = !out->call->stream || (tool != NULL && (tool->custom || tool->wrapped));
	make_id(o->id, out, c);
	o->step = c->count++;
	o->partial = (struct partial_args){ 0 };
	openai_kept_set(&o->name, out->arena, p->name);
	openai_kept_set(&o->upstream_id, out->arena, SPAN_NONE);
	openai_kept_set(&o->signature, out->arena, SPAN_NONE);
	openai_kept_set(&o->args, out->arena, SPAN_NONE);
}

/* What the part adds to the arguments. */
static void
take_pieces(struct openai_open_call *o, struct arena *arena, const struct part *p, struct buf *more)
{
	if (p->id.len > 0)
		openai_kept_set(&o->upstream_id, arena, p->id);
	if (p->signature.len > 0)
		openai_kept_set(&o->signature, arena, p->signature);
	partial_args_add(&o->partial, p->partial, more);
	/* All of them at once, in place of pieces. */
	if (span_starts(p->args, "{") && more->len == 0 && o->args.len == 0 && !p->will_continue)
		openai_json_compact(more, p->args);
	else if (!p->will_continue)
		partial_args_end(&o->partial, more);
	openai_kept_add(&o->args, arena, buf_span(more));
}

/* A call that waits is told when it ends, another one when it begins and as it grows. */
static bool
tell_open(const struct openai_open_call *o, const struct dialect_out *out, bool begins, bool ends,
    struct span more, struct buf *item)
{
	struct told t = open_told(o, out);

	if (o->waits ? ends : begins) {
		write_call(item, out, &t, o->args.len > 0);
		return true;
	}
	if (o->waits || more.len == 0)
		return false;
	write_more(item, out, o->step, more);
	return true;
}

static void
close_call(struct openai_open_call *o, const struct dialect_out *out)
{
	struct told t = open_told(o, out);

	remember(out, &t);
	o->is_open = false;
}

static bool
tell_pieces(
    struct openai_told_calls *c, struct dialect_out *out, const struct part *p, struct buf *item)
{
	bool begins = !openai_told_calls_is_open(c), told;
	struct buf more = BUF_INIT;

	if (begins)
		open_call(c, out, p);
	take_pieces(c->open, out->arena, p, &more);
	told = tell_open(c->open, out, begins, !p->will_continue, buf_span(&more), item);
	if (!p->will_continue)
		close_call(c->open, out);
	buf_fini(&more);
	return told;
}

bool
openai_told_calls_end(
    struct openai_told_calls *c, struct dialect_out *out, bool cut, struct buf *item)
{
	struct openai_open_call *o = c->open;
	struct buf more = BUF_INIT;
	bool told;

	if (!openai_told_calls_is_open(c))
		return false;
	if (!cut)
		partial_args_end(&o->partial, &more);
	openai_kept_add(&o->args, out->arena, buf_span(&more));
	told = tell_open(o, out, false, true, buf_span(&more), item);
	if (!cut)
		close_call(o, out);
	o->is_open = false;
	buf_fini(&more);
	return told;
}

/* ---- any call ---- */

/* A part without a name, or with the same one, goes on with the call that is open. */
static bool
goes_on(const struct openai_told_calls *c, const struct part *p)
{
	return openai_told_calls_is_open(c) &&
	       (p->name.len == 0 || span_eq(p->name, openai_kept_span(&c->open->name)));
}

static bool
is_wanted(const struct openai_told_calls *c, const struct dialect_out *out)
{
	return c->count == 0 || !(notes_of(out)->one_call || is_legacy(out));
}

static bool
tell_new(
    struct openai_told_calls *c, struct dialect_out *out, const struct part *p, struct buf *item)
{
	if (!is_wanted(c, out))
		return false;
	if (p->will_continue || p->partial.p != NULL)
		return tell_pieces(c, out, p, item);
	tell_whole(c, out, p, item);
	return true;
}

bool
openai_told_calls_add(
    struct openai_told_calls *c, struct dialect_out *out, const struct part *p, struct buf *item)
{
	struct buf next = BUF_INIT;
	bool ended, begun;

	if (goes_on(c, p))
		return tell_pieces(c, out, p, item);
	if (p->name.len == 0)
		return false;
	ended = openai_told_calls_end(c, out, false, item); /* another one has begun */
	begun = tell_new(c, out, p, &next);
	if (ended && begun)
		buf_add_char(item, ',');
	buf_add_span(item, buf_span(&next));
	buf_fini(&next);
	return ended || begun;
}
