/*
 * Arguments of a call that come in pieces: see partial_args.h.  Pure, runs in workers; what is
 * remembered between two pieces is the path of the last one, in the room that the caller gives.
 *
 *	$.city      "Par"   ->  {"city":"Par
 *	$.city      "is"    ->  is"
 *	$.at[0].day 7       ->  ,"at":[{"day":7
 *	the end             ->  }]}
 */
#include "gemini/partial_args.h"

#include "base/scan.h"
#include "gemini/read.h"

/* ---- paths ---- */

static bool
add_name_char(struct partial_path *p, size_t *used, char c)
{
	if (*used == sizeof(p->names) || c == '\0')
		return false;
	p->names[(*used)++] = c;
	p->steps[p->depth].len++;
	return true;
}

/* A name in brackets, "['a b']", from behind its first quote. */
static bool
read_quoted(struct partial_path *p, struct span *rest, char quote, size_t *used)
{
	const char *at = rest->p, *end = at + rest->len;

	while (at < end && *at != quote) {
		if (*at == '\\' && ++at == end)
			return false;
		if (!add_name_char(p, used, *at++))
			return false;
	}
	if (end - at < 2 || at[1] != ']')
		return false;
	*rest = span_mem(at + 2, (size_t)(end - at) - 2);
	return true;
}

static bool
read_brackets(struct partial_path *p, struct span *rest, size_t *used)
{
	struct span inner;
	int64_t index;

	if (rest->len > 0 && (*rest->p == '\'' || *rest->p == '"')) {
		char quote = *rest->p;

		*rest = span_mem(rest->p + 1, rest->len - 1);
		return read_quoted(p, rest, quote, used);
	}
	inner = span_cut(rest, ']');
	if (!span_int(inner, 0, INT32_MAX, &index))
		return false;
	p->steps[p->depth].is_item = true;
	p->steps[p->depth].at = (size_t)index;
	return true;
}

static bool
read_name(struct partial_path *p, struct span *rest, size_t *used)
{
	const char *at = rest->p, *end = at + rest->len;

	while (at < end && *at != '.' && *at != '[')
		if (!add_name_char(p, used, *at++))
			return false;
	*rest = span_mem(at, (size_t)(end - at));
	return p->steps[p->depth].len > 0;
}

/* False when it is no path to a member, or goes too far. */
static bool
path_read(struct partial_path *p, struct span plain)
{
	struct span rest;
	size_t used = 0;

	p->depth = 0;
	if (!span_starts(plain, "$"))
		return false;
	rest = span_mem(plain.p + 1, plain.len - 1);
	while (rest.len > 0) {
		char mark = *rest.p;

		if (p->depth == PARTIAL_DEPTH_MAX || (mark != '.' && mark != '['))
			return false;
		rest = span_mem(rest.p + 1, rest.len - 1);
		p->steps[p->depth].at = used;
		p->steps[p->depth].len = 0;
		p->steps[p->depth].is_item = false;
		if (mark == '.' ? !read_name(p, &rest, &used) : !read_brackets(p, &rest, &used))
			return false;
		p->depth++;
	}
	return p->depth > 0 && !p->steps[0].is_item;
}

static bool
step_eq(const struct partial_path *a, const struct partial_path *b, size_t i)
{
	if (a->steps[i].is_item || b->steps[i].is_item)
		return a->steps[i].is_item && b->steps[i].is_item &&
		       a->steps[i].at == b->steps[i].at;
	return span_eq(span_mem(a->names + a->steps[i].at, a->steps[i].len),
	    span_mem(b->names + b->steps[i].at, b->steps[i].len));
}

/* How many steps both have in common. */
static size_t
shared(const struct partial_path *a, const struct partial_path *b)
{
	size_t i = 0;

	while (i < a->depth && i < b->depth && step_eq(a, b, i))
		i++;
	return i;
}

/* ---- writing ---- */

static void
end_text(struct partial_args *a, struct buf *out)
{
	if (a->in_text)
		buf_add_char(out, '"');
	a->in_text = false;
}

/* Closes the containers of the path's steps from the given one on. */
static void
close_from(struct partial_args *a, size_t step, struct buf *out)
{
	for (size_t i = a->path.depth; i > step; i--)
		buf_add_char(out, a->path.steps[i - 1].is_item ? ']' : '}');
}

static void
open_step(const struct partial_path *p, size_t i, bool is_first, struct buf *out)
{
	if (is_first)
		buf_add_char(out, p->steps[i].is_item ? '[' : '{');
	else
		buf_add_char(out, ',');
	if (p->steps[i].is_item)
		return;
	scan_quote(out, span_mem(p->names + p->steps[i].at, p->steps[i].len));
	buf_add_char(out, ':');
}

/* From the end of the last value to the beginning of this one; false when it cannot stand there. */
static bool
move_to(struct partial_args *a, const struct partial_path *to, struct buf *out)
{
	size_t same = shared(&a->path, to);

	if (a->path.depth > 0 && (same == a->path.depth || same == to->depth ||
				     a->path.steps[same].is_item != to->steps[same].is_item))
		return false;
	end_text(a, out);
	close_from(a, same + 1, out);
	for (size_t i = same; i < to->depth; i++)
		open_step(to, i, i > same || a->path.depth == 0, out);
	a->path = *to;
	return true;
}

/* ---- pieces ---- */

struct piece {
	struct span path; /* escaped */
	struct span text; /* escaped; p == NULL: it is no string */
	struct span raw;  /* of another kind; p == NULL: none */
	bool will_continue;
};

static void
read_flag(struct scan *s, bool *flag)
{
	if (scan_type(s) == SCAN_BOOL)
		scan_bool(s, flag);
	else
		scan_skip(s, NULL);
}

static void
read_piece_member(struct scan *s, struct span key, struct piece *p)
{
	enum scan_type type = scan_type(s);

	if (scan_key_is(key, "jsonPath")) {
		read_text(s, &p->path);
	} else if (scan_key_is(key, "stringValue")) {
		read_text(s, &p->text);
	} else if (scan_key_is(key, "willContinue")) {
		read_flag(s, &p->will_continue);
	} else if (scan_key_is(key, "nullValue")) {
		p->raw = SPAN("null");
		scan_skip(s, NULL);
	} else if ((scan_key_is(key, "numberValue") && type == SCAN_NUMBER) ||
		   (scan_key_is(key, "boolValue") && type == SCAN_BOOL)) {
		scan_skip(s, &p->raw);
	} else {
		scan_skip(s, NULL);
	}
}

static bool
is_here(const struct partial_args *a, const struct partial_path *to)
{
	return a->path.depth == to->depth && shared(&a->path, to) == to->depth;
}

static void
add_piece(
    struct partial_args *a, const struct piece *p, const struct partial_path *to, struct buf *out)
{
	bool goes_on = a->in_text && is_here(a, to);

	if (!goes_on && ((p->text.p == NULL && p->raw.p == NULL) || !move_to(a, to, out)))
		return;
	if (p->text.p == NULL) {
		if (!goes_on)
			buf_add_span(out, p->raw);
		else if (!p->will_continue)
			end_text(a, out);
		return;
	}
	if (!goes_on)
		buf_add_char(out, '"');
	buf_add_span(out, p->text);
	a->in_text = true;
	if (!p->will_continue)
		end_text(a, out);
}

static void
read_piece(struct scan *s, struct partial_args *a, struct buf *out)
{
	struct piece p = { SPAN_NONE, SPAN_NONE, SPAN_NONE, false };
	struct partial_path to;
	struct buf plain = BUF_INIT;
	struct span key;

	if (!read_object(s))
		return;
	while (scan_member(s, &key))
		read_piece_member(s, key, &p);
	scan_text(&plain, p.path);
	if (path_read(&to, buf_span(&plain)))
		add_piece(a, &p, &to, out);
	buf_fini(&plain);
}

void
partial_args_add(struct partial_args *a, struct span pieces, struct buf *out)
{
	struct scan s;

	if (pieces.p == NULL)
		return;
	scan_init(&s, pieces);
	if (!read_array(&s))
		return;
	while (scan_item(&s))
		read_piece(&s, a, out);
}

void
partial_args_end(struct partial_args *a, struct buf *out)
{
	if (a->path.depth == 0)
		buf_add_char(out, '{');
	end_text(a, out);
	close_from(a, 1, out);
	buf_add_char(out, '}');
	a->path.depth = 0;
}
