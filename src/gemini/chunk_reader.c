/*
 * From the bytes of an answer to its chunks: see chunk.h.  Runs in workers, one for each
 * answer under way; owns the bytes of the chunk that is not whole yet and an arena that is
 * emptied before each chunk.
 *
 * SSE is read by base/sse.c.  What stands between events without being a field there, and
 * everything in the array framing, is cut into JSON values by counting braces outside strings.
 */
#include "gemini/chunk.h"

#include <assert.h>
#include <string.h>
#include "base/scan.h"

#define ARENA_BYTES 2048

/* Where a JSON object or list ends, told byte by byte.  Whether it is valid is found later. */
struct braces {
	size_t depth;
	bool in_string, after_backslash;
};

enum list_place { LIST_BEFORE, LIST_INSIDE, LIST_BEHIND };

struct chunk_reader {
	enum framing framing;
	enum operation op;
	size_t max_bytes;
	chunk_fn *fn;
	void *ctx;             /* borrowed */
	struct arena *arena;   /* owned: the chunk at hand */
	struct sse sse;        /* owned; only of the SSE framing */
	struct buf held;       /* owned: the beginning of a value whose end has not come */
	struct braces braces;  /* of what is held */
	enum list_place place; /* of the array framing */
	bool stopped;
	struct err err;
};

/* ---- one value ---- */

static bool
stop(struct chunk_reader *r, const char *why)
{
	r->stopped = true;
	if (why != NULL)
		err_set(&r->err, ERR_UPSTREAM, "the upstream's answer %s", why);
	return false;
}

static bool
too_large(struct chunk_reader *r)
{
	r->stopped = true;
	return err_set(&r->err, ERR_UPSTREAM,
	    "the upstream's answer has a piece of more than %zu bytes", r->max_bytes);
}

static bool
give_object(struct chunk_reader *r, struct span json)
{
	struct chunk k;

	arena_reset(r->arena);
	if (!chunk_parse(json, r->op, r->arena, &k, &r->err)) {
		r->stopped = true;
		return false;
	}
	return r->fn(r->ctx, &k) || stop(r, NULL);
}

/* An object, or a list of them: errors come in lists of one where none was asked for. */
static bool
give_value(struct chunk_reader *r, struct span json)
{
	struct scan s;
	struct span item;

	json = span_trim(json);
	if (!span_starts(json, "["))
		return give_object(r, json);
	scan_init(&s, json);
	if (scan_array(&s))
		while (scan_item(&s))
			if (scan_skip(&s, &item) && !give_object(r, item))
				return false;
	return scan_end(&s) || stop(r, "is a list that cannot be understood");
}

/* ---- cutting values ---- */

/* Behind the end of the value, or NULL when it goes on.  Begins at its '{' or '['. */
static const char *
braces_pass(struct braces *b, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (b->after_backslash)
			b->after_backslash = false;
		else if (b->in_string && *p == '\\')
			b->after_backslash = true;
		else if (*p == '"')
			b->in_string = !b->in_string;
		else if (b->in_string)
			continue;
		else if (*p == '{' || *p == '[')
			b->depth++;
		else if ((*p == '}' || *p == ']') && --b->depth == 0)
			return p + 1;
	}
	return NULL;
}

static bool
hold(struct chunk_reader *r, const char *p, const char *end)
{
	if ((size_t)(end - p) > r->max_bytes - r->held.len)
		return too_large(r);
	buf_add(&r->held, p, (size_t)(end - p));
	return true;
}

/* Takes the value under way, or one that begins at p, as far as it goes: to its end, where
 * *p then stands, or to the end of the bytes. */
static bool
take_value(struct chunk_reader *r, const char **p, const char *end)
{
	const char *behind = braces_pass(&r->braces, *p, end);
	bool go_on;

	if (behind == NULL) {
		go_on = hold(r, *p, end);
		*p = end;
		return go_on;
	}
	if (r->held.len == 0 && (size_t)(behind - *p) <= r->max_bytes) {
		go_on = give_value(r, span_mem(*p, (size_t)(behind - *p)));
	} else {
		go_on = hold(r, *p, behind) && give_value(r, buf_span(&r->held));
		buf_fini(&r->held);
	}
	r->braces = (struct braces){ 0 };
	*p = behind;
	return go_on;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- the array framing ---- */

/* What stands around the elements.  An object where a list should be is taken as its only
 * element: an error may come so. */
static bool
take_mark(struct chunk_reader *r, char c)
{
	if (is_space(c))
		return true;
	if (c == '[' && r->place == LIST_BEFORE)
		r->place = LIST_INSIDE;
	else if (c == ']' && r->place == LIST_INSIDE)
		r->place = LIST_BEHIND;
	else if (c != ',' || r->place != LIST_INSIDE)
		return stop(r, "is no list of chunks");
	return true;
}

static bool
feed_array(struct chunk_reader *r, const char *p, const char *end)
{
	while (p < end) {
		if (r->held.len == 0 && *p != '{') {
			if (!take_mark(r, *p++))
				return false;
			continue;
		}
		if (r->place == LIST_BEHIND)
			return stop(r, "goes on behind its end");
		if (!take_value(r, &p, end))
			return false;
		if (r->held.len == 0 && r->place == LIST_BEFORE)
			r->place = LIST_BEHIND;
	}
	return true;
}

/* ---- SSE ---- */

static bool
on_event(void *ctx, struct span data)
{
	struct chunk_reader *r = ctx;

	data = span_trim(data);
	if (data.len == 0 || span_is(data, "[DONE]"))
		return true;
	return give_value(r, data);
}

/* A line of a bare JSON value amid the stream. */
static bool
on_stray(void *ctx, struct span line)
{
	static const char line_end[] = "\n";
	struct chunk_reader *r = ctx;
	const char *p = line.p, *end = line.p + line.len;

	while (p < end) {
		if (r->held.len == 0 && is_space(*p)) {
			p++;
			continue;
		}
		if (r->held.len == 0 && *p != '{' && *p != '[')
			return stop(r, "has a line that is no event");
		if (!take_value(r, &p, end))
			return false;
	}
	/* White space stands for the line's end, lest two words become one. */
	return r->held.len == 0 || hold(r, line_end, line_end + 1);
}

static bool
sse_result(struct chunk_reader *r, bool ok)
{
	if (!ok && r->sse.too_large)
		too_large(r);
	return ok;
}

/* ---- the reader ---- */

struct chunk_reader *
chunk_reader_new(enum framing framing, enum operation op, size_t max_bytes, chunk_fn *fn, void *ctx)
{
	struct chunk_reader *r = mem_alloc(sizeof(*r));

	assert(max_bytes > 0);
	r->framing = framing;
	r->op = op;
	r->max_bytes = max_bytes;
	r->fn = fn;
	r->ctx = ctx;
	r->arena = arena_new(ARENA_BYTES);
	if (framing == FRAMING_SSE)
		sse_init(&r->sse, max_bytes, on_event, on_stray, r);
	return r;
}

void
chunk_reader_free(struct chunk_reader **rp)
{
	struct chunk_reader *r = *rp;

	if (r == NULL)
		return;
	if (r->framing == FRAMING_SSE)
		sse_fini(&r->sse);
	buf_fini(&r->held);
	arena_free(&r->arena);
	mem_free(r);
	*rp = NULL;
}

static bool
feed(struct chunk_reader *r, struct span bytes)
{
	const char *end = bytes.p + bytes.len;

	switch (r->framing) {
	case FRAMING_SSE:
		return sse_result(r, sse_feed(&r->sse, bytes));
	case FRAMING_ARRAY:
		return feed_array(r, bytes.p, end);
	default:
		return hold(r, bytes.p, end);
	}
}

static bool
finish(struct chunk_reader *r)
{
	if (r->framing == FRAMING_SSE && !sse_result(r, sse_finish(&r->sse)))
		return false;
	if (r->framing == FRAMING_UNARY && r->held.len > 0)
		return give_value(r, buf_span(&r->held));
	if (r->held.len > 0 || r->place == LIST_INSIDE)
		return stop(r, "breaks off");
	if (r->framing == FRAMING_UNARY)
		return stop(r, "is empty");
	return true;
}

void
chunk_reader_take(struct chunk_reader *r, struct buf *out)
{
	if (r->framing != FRAMING_UNARY)
		return;
	buf_fini(out);
	*out = r->held;
	r->held = BUF_INIT;
}

/* Whatever failed before fails again; err says why, unless it was the callback's wish. */
static bool
result(struct chunk_reader *r, bool ok, struct err *e)
{
	if (!ok && r->err.kind != ERR_NONE && e != NULL)
		*e = r->err;
	return ok;
}

bool
chunk_reader_feed(struct chunk_reader *r, struct span bytes, struct err *e)
{
	if (bytes.len == 0)
		return !r->stopped;
	return result(r, !r->stopped && feed(r, bytes), e);
}

bool
chunk_reader_finish(struct chunk_reader *r, struct err *e)
{
	return result(r, !r->stopped && finish(r), e);
}
