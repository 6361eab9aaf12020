/*
 * Server-sent events: see sse.h.
 *
 * Pure: used in workers, owns the two buffers of its reader.  A stream lives for minutes and
 * waits most of the time, so a reader keeps little memory between events.
 */
#include "base/sse.h"

#include <assert.h>
#include <string.h>

/* What a reader may hold between events; a larger buffer is given back. */
#define KEEP_BYTES 4096

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

void
sse_init(struct sse *r, size_t max_bytes, sse_fn *event, sse_fn *stray, void *ctx)
{
	*r = (struct sse){
		.event = event, .stray = stray, .ctx = ctx, .max_bytes = max_bytes, .at_start = true
	};
}

void
sse_fini(struct sse *r)
{
	buf_fini(&r->line);
	buf_fini(&r->data);
}

/* ---- reading ---- */

static bool
stop(struct sse *r, bool too_large)
{
	r->stopped = true;
	r->too_large = too_large;
	return false;
}

static void
empty(struct buf *b)
{
	if (b->cap > KEEP_BYTES)
		buf_fini(b);
	else
		buf_clear(b);
}

static bool
give_event(struct sse *r)
{
	bool go_on;

	if (!r->has_data)
		return true;
	go_on = r->event(r->ctx, buf_span(&r->data));
	r->has_data = false;
	empty(&r->data);
	return go_on || stop(r, false);
}

static bool
add_data(struct sse *r, struct span value)
{
	if (value.p && value.len && value.p[0] == ' ')
		value = span_mem(value.p + 1, value.len - 1);
	if (r->data.len + r->has_data + value.len > r->max_bytes)
		return stop(r, true);
	if (r->has_data)
		buf_add_char(&r->data, '\n');
	buf_add_span(&r->data, value);
	r->has_data = true;
	return true;
}

static bool
is_field_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '_'))
			return false;
	}
	return name.len > 0;
}

/*
 * Any text before a colon would be a field to the standard, and text without a colon as well.
 * But '"code": 503,' and '}' are lines of a bare JSON error, so a name has to look like one,
 * and without a colon it has to be one of the standard's.
 */
static bool
is_field(struct span name, bool has_colon)
{
	if (has_colon)
		return is_field_name(name);
	return span_is(name, "data") || span_is(name, "event") || span_is(name, "id") ||
	       span_is(name, "retry");
}

static bool
take_line(struct sse *r, struct span line)
{
	struct span name, value = line;

	if (line.len > r->max_bytes)
		return stop(r, true);
	if (r->at_start && span_starts(line, BYTE_ORDER_MARK))
		line = value = span_mem(line.p + 3, line.len - 3);
	r->at_start = false;
	if (line.len == 0)
		return give_event(r);
	name = span_cut(&value, ':');
	if (name.len == 0)
		return true; /* a comment */
	if (!is_field(name, value.p != NULL))
		return r->stray(r->ctx, line) || stop(r, false);
	if (span_is(name, "data"))
		return add_data(r, value);
	return true;
}

/* A line's end has come: its last bytes are the given ones. */
static bool
end_line(struct sse *r, struct span tail)
{
	bool go_on;

	if (r->line.len == 0)
		return take_line(r, tail);
	if (tail.len > r->max_bytes - r->line.len)
		return stop(r, true);
	buf_add_span(&r->line, tail);
	go_on = take_line(r, buf_span(&r->line));
	empty(&r->line);
	return go_on;
}

static bool
keep_beginning(struct sse *r, struct span part)
{
	if (part.len > r->max_bytes - r->line.len)
		return stop(r, true);
	buf_add_span(&r->line, part);
	return true;
}

bool
sse_feed(struct sse *r, struct span in)
{
	const char *p = in.p, *end, *lf;

	if (r->stopped)
		return false;
	if (in.len == 0)
		return true;
	end = p + in.len;
	lf = memchr(p, '\n', in.len);
	while (p < end) {
		const char *stop_at, *cr;

		if (r->after_cr && *p == '\n') {
			r->after_cr = false;
			p++;
			continue;
		}
		r->after_cr = false;
		/* The next LF is kept, so that a text of many CRs is not searched over and over. */
		if (lf && lf < p)
			lf = memchr(p, '\n', (size_t)(end - p));
		stop_at = lf ? lf : end;
		cr = memchr(p, '\r', (size_t)(stop_at - p));
		if (cr)
			stop_at = cr;
		if (stop_at == end)
			return keep_beginning(r, span_mem(p, (size_t)(end - p)));
		r->after_cr = cr != NULL;
		if (!end_line(r, span_mem(p, (size_t)(stop_at - p))))
			return false;
		p = stop_at + 1;
	}
	return true;
}

bool
sse_finish(struct sse *r)
{
	if (r->stopped)
		return false;
	if (r->line.len > 0 && !end_line(r, SPAN_NONE))
		return false;
	return give_event(r);
}

/* ---- writing ---- */

static bool
has_line_end(struct span s)
{
	return s.len > 0 && (memchr(s.p, '\n', s.len) || memchr(s.p, '\r', s.len));
}

/* One data field for each line; the reader puts them together again. */
static void
add_lines(struct buf *out, struct span lines)
{
	for (size_t i = 0; i < lines.len; i++) {
		if (lines.p[i] == '\r' && i + 1 < lines.len && lines.p[i + 1] == '\n')
			i++;
		if (lines.p[i] == '\r' || lines.p[i] == '\n')
			buf_add_lit(out, "\ndata: ");
		else
			buf_add_char(out, lines.p[i]);
	}
}

void
sse_write(struct buf *out, struct span one_line)
{
	buf_reserve(out, one_line.len + 8);
	buf_add_lit(out, "data: ");
	/* A JSON text from elsewhere may be indented; a line end must not break the framing. */
	if (has_line_end(one_line))
		add_lines(out, one_line);
	else
		buf_add_span(out, one_line);
	buf_add_lit(out, "\n\n");
}

void
sse_comment(struct buf *out, const char *text)
{
	assert(!strpbrk(text, "\r\n"));
	buf_add_lit(out, ": ");
	buf_add_text(out, text);
	buf_add_lit(out, "\n\n");
}
