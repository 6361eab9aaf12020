/*
 * The head of an upstream's answer: status and the few fields that anybody asks for.
 *
 * Pure.  Runs wherever net/fetch.c does; owns the copies of two fields.
 */
#include "net/reply.h"

#include <assert.h>
#include "base/mem.h"
#include "net/fetch_types.h"

void
reply_init(struct reply *r)
{
	*r = (struct reply){ .length = -1 };
}

void
reply_fini(struct reply *r)
{
	mem_free(r->content_type);
	mem_free(r->retry_after);
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

static void
keep(char **where, struct span value)
{
	mem_free(*where);
	*where = mem_dup_span(value);
}

static void
read_field(struct reply *r, struct span line)
{
	struct span name = span_cut(&line, ':');
	struct span value = span_trim(line);

	if (span_is_nocase(name, "content-type"))
		keep(&r->content_type, value);
	else if (span_is_nocase(name, "retry-after"))
		keep(&r->retry_after, value);
	else if (span_is_nocase(name, "transfer-encoding"))
		r->chunked = span_has_nocase(value, "chunked");
	else if (span_is_nocase(name, "content-length") &&
		 !span_int(value, 0, INT64_MAX, &r->length))
		r->length = -1; /* curl breaks off such an answer by itself */
}

static enum reply_news
end_head(struct reply *r)
{
	size_t bytes = r->bytes;

	if (r->status >= 200) {
		r->whole = true;
		return REPLY_HEAD;
	}
	reply_fini(r); /* the real one follows */
	r->bytes = bytes;
	return REPLY_MORE;
}

enum reply_news
reply_line(struct reply *r, struct span line)
{
	assert(!r->whole);
	r->bytes += line.len;
	line = span_trim(line);
	if (r->bytes > REPLY_BYTES_MAX)
		return fail(r, "the answer's head is too large");
	if (r->status == 0)
		return read_status(r, line);
	if (line.len == 0)
		return end_head(r);
	read_field(r, line);
	return REPLY_MORE;
}

void
reply_head(const struct reply *r, struct fetch_head *out)
{
	assert(r->whole);
	*out = (struct fetch_head){
		.status = r->status,
		.content_type = span_of(r->content_type),
		.retry_after = span_of(r->retry_after),
		.content_length = r->chunked ? -1 : r->length,
	};
}
