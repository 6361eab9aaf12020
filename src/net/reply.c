/*
 * The head of an upstream's answer: its status and its header lines.
 *
 * Pure.  Runs wherever net/fetch.c does; owns the copies of the lines, for as long as the head is
 * of interest.
 */
#include "net/reply.h"

#include <assert.h>
#include "base/mem.h"
#include "net/fetch_types.h"

/* Places in reply->text, which moves as it grows; the bound on a head keeps them small. */
struct reply_field {
	uint32_t name, name_len, value, value_len;
};

void
reply_init(struct reply *r)
{
	*r = (struct reply){ .length = -1 };
}

void
reply_drop_headers(struct reply *r)
{
	buf_fini(&r->text);
	mem_free(r->fields);
	mem_free(r->headers);
	r->fields = NULL;
	r->headers = NULL;
	r->count = r->room = 0;
}

void
reply_fini(struct reply *r)
{
	reply_drop_headers(r);
	reply_init(r);
}

static enum reply_news
fail(struct reply *r, const char *fault)
{
	r->fault = fault;
	return REPLY_BAD;
}

static enum reply_news
read_status(struct reply *r, struct span line)
{
	int64_t status;

	if (!span_starts(line, "HTTP/"))
		return fail(r, "the answer has no status line");
	span_cut(&line, ' ');
	if (!span_int(span_cut(&line, ' '), 100, 999, &status))
		return fail(r, "the answer has no valid status");
	r->status = (int)status;
	return status < 200 ? REPLY_MORE : REPLY_STATUS;
}

/* ---- fields ---- */

static uint32_t
keep(struct reply *r, struct span text)
{
	size_t at = r->text.len;

	buf_add_span(&r->text, text);
	return (uint32_t)at;
}

/* A line without a colon, or without a name before it, is none that anybody could ask for. */
static void
read_field(struct reply *r, struct span line)
{
	struct span value = line;
	struct span name = span_trim(span_cut(&value, ':'));

	if (!value.p || name.len == 0)
		return;
	value = span_trim(value);
	if (r->count == r->room) {
		r->room = r->room > 0 ? 2 * r->room : 16;
		r->fields = mem_resize(r->fields, r->room * sizeof(*r->fields));
	}
	r->fields[r->count].name = keep(r, name);
	r->fields[r->count].name_len = (uint32_t)name.len;
	r->fields[r->count].value = keep(r, value);
	r->fields[r->count].value_len = (uint32_t)value.len;
	r->count++;
}

/* The line before goes on; RFC 9112 5.2 has one space in the place of the fold. */
static void
read_fold(struct reply *r, struct span more)
{
	struct reply_field *last = r->count > 0 ? &r->fields[r->count - 1] : NULL;

	if (!last || more.len == 0)
		return;
	assert(last->value + last->value_len == r->text.len);
	if (last->value_len > 0)
		buf_add_char(&r->text, ' ');
	buf_add_span(&r->text, more);
	last->value_len = (uint32_t)(r->text.len - last->value);
}

/* ---- the end of a head ---- */

struct span
reply_value(const struct fetch_header *headers, size_t count, const char *name)
{
	while (count-- > 0)
		if (span_is_nocase(headers[count].name, name))
			return headers[count].value;
	return SPAN_NONE;
}

static void
list_headers(struct reply *r)
{
	r->headers = mem_array(r->count + 1, sizeof(*r->headers));
	for (size_t i = 0; i < r->count; i++) {
		const struct reply_field *f = &r->fields[i];
		const char *text = buf_text(&r->text);

		r->headers[i] = (struct fetch_header){ { text + f->name, f->name_len },
			{ text + f->value, f->value_len } };
	}
}

static void
read_length(struct reply *r)
{
	struct span length = reply_value(r->headers, r->count, "content-length");
	struct span coding = reply_value(r->headers, r->count, "transfer-encoding");

	if (span_has_nocase(coding, "chunked") || !span_int(length, 0, INT64_MAX, &r->length))
		r->length = -1; /* curl breaks off an answer whose length is none by itself */
}

static enum reply_news
end_head(struct reply *r)
{
	size_t bytes = r->bytes;

	if (r->status >= 200) {
		r->whole = true;
		list_headers(r);
		read_length(r);
		return REPLY_HEAD;
	}
	reply_fini(r); /* the real one follows */
	r->bytes = bytes;
	return REPLY_MORE;
}

enum reply_news
reply_line(struct reply *r, struct span line)
{
	bool folded = line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t');

	assert(!r->whole);
	r->bytes += line.len;
	line = span_trim(line);
	if (r->bytes > REPLY_BYTES_MAX)
		return fail(r, "the answer's head is too large");
	if (r->status == 0)
		return read_status(r, line);
	if (folded)
		read_fold(r, line);
	else if (line.len == 0)
		return end_head(r);
	else
		read_field(r, line);
	return REPLY_MORE;
}

void
reply_head(const struct reply *r, struct fetch_head *out)
{
	assert(r->whole && r->headers);
	*out = (struct fetch_head){
		.status = r->status,
		.content_type = reply_value(r->headers, r->count, "content-type"),
		.retry_after = reply_value(r->headers, r->count, "retry-after"),
		.content_length = r->length,
		.headers = r->headers,
		.header_count = r->count,
	};
}
