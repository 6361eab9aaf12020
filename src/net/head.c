/*
 * Reading request heads.  Runs in workers.  Owns nothing: copies lie in the request's arena.
 *
 * They are copied at once, since a stream's request outlives its connection in the library.
 */
#include "net/head.h"

#include <microhttpd.h>

/* The least that the library takes of its pool for one argument of a query. */
#define ARGUMENT_BYTES 64

struct filling {
	struct arena *arena;
	struct header *headers;
	size_t n, room;
};

static enum MHD_Result
add_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct filling *f = arg;

	(void)kind;
	if (f->n == f->room)
		return MHD_NO;
	f->headers[f->n].name = arena_dup(f->arena, name);
	f->headers[f->n++].value = arena_dup(f->arena, value ? value : "");
	return MHD_YES;
}

static void
copy_headers(struct request_head *h, struct arena *arena, struct MHD_Connection *mhd)
{
	int count = MHD_get_connection_values(mhd, MHD_HEADER_KIND, NULL, NULL);
	struct filling f = { .arena = arena, .room = count > 0 ? (size_t)count : 0 };

	if (!f.room)
		return;
	f.headers = arena_alloc(arena, f.room * sizeof(*f.headers));
	MHD_get_connection_values(mhd, MHD_HEADER_KIND, add_header, &f);
	h->headers = f.headers;
	h->n_headers = f.n;
}

struct span
head_find(const struct request_head *h, const char *name)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (span_is_nocase(span_of(h->headers[i].name), name))
			return span_of(h->headers[i].value);
	return SPAN_NONE;
}

static size_t
count_of(const struct request_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_headers; i++)
		n += span_is_nocase(span_of(h->headers[i].name), name);
	return n;
}

/*
 * RFC 9112, 6.3.  The library takes the first length it finds and, in its older versions,
 * reads until the end of the connection for codings that it does not know; a proxy before us
 * may read the same head otherwise, and then one client's body is another's request.
 */
static int
read_framing(struct request_head *h)
{
	size_t lengths = count_of(h, "content-length"), codings = count_of(h, "transfer-encoding");
	struct span length = head_find(h, "content-length");

	if (lengths + codings > 1 || (codings && h->http_1_0))
		return 400;
	if (codings) {
		h->body_bytes = -1;
		return span_is_nocase(head_find(h, "transfer-encoding"), "chunked") ? 0 : 501;
	}
	for (size_t i = 0; i < length.len; i++)
		if (length.p[i] < '0' || length.p[i] > '9')
			return 400;
	if (lengths && length.len == 0)
		return 400;
	/* All digits: what does not fit is more than anyone may send. */
	if (lengths && !span_int(length, 0, INT64_MAX, &h->body_bytes))
		h->body_bytes = INT64_MAX;
	return 0;
}

/*
 * RFC 9112, 5.1 and 3.2.  The library takes "Content-Length : 5" for a header of another name,
 * where a proxy before us may take it for the length; and of two hosts one is not ours.
 */
static bool
names_are_sound(const struct request_head *h)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (h->headers[i].name[strcspn(h->headers[i].name, " \t")] != '\0')
			return false;
	return count_of(h, "host") <= 1;
}

bool
head_is_crowded(const struct request_head *h, size_t pool_bytes)
{
	size_t bytes = h->path.len + h->query.len + ARGUMENT_BYTES;

	for (size_t i = 0; i < h->query.len; i++)
		bytes += h->query.p[i] == '&' ? ARGUMENT_BYTES : 0;
	return bytes > pool_bytes;
}

void
head_read_target(struct request_head *h, struct arena *arena, const char *target)
{
	struct span rest = arena_span(arena, span_of(target ? target : ""));
	size_t at = 0;

	/* A proxy's form, "http://host/path": RFC 9112, 3.2.2 has servers take it. */
	if (span_starts(rest, "http://") || span_starts(rest, "https://")) {
		at = (size_t)(strstr(rest.p, "://") + 3 - rest.p);
		while (at < rest.len && rest.p[at] != '/' && rest.p[at] != '?')
			at++;
		rest = span_mem(rest.p + at, rest.len - at);
		if (!span_starts(rest, "/")) {
			h->path = SPAN("/");
			span_cut(&rest, '?');
			h->query = rest.p ? rest : SPAN("");
			return;
		}
	}
	if (!span_starts(rest, "/"))
		return;
	h->path = span_cut(&rest, '?');
	h->query = rest.p ? rest : SPAN("");
}

int
head_read(struct request_head *h, struct arena *arena, struct MHD_Connection *mhd,
    const char *method, const char *version)
{
	h->method = arena_span(arena, span_of(method));
	h->http_1_0 = strcmp(version, "HTTP/1.0") == 0;
	copy_headers(h, arena, mhd);
	h->expects_continue =
	    !h->http_1_0 && span_is_nocase(head_find(h, "expect"), "100-continue");
	if (h->path.len == 0 || !names_are_sound(h))
		return 400;
	return read_framing(h);
}
