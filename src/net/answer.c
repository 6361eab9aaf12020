/*
 * Answers on their way out.  Runs in workers.  Owns nothing: copies lie in the request's arena.
 */
#include "net/answer.h"

#include <assert.h>
#include <time.h>
#include <microhttpd.h>
#include "base/log.h"

/* In the library's pool, beside its text: a header's or a query argument's own record. */
#define RECORD_BYTES 80
/* The answer's status line, date, length, id, and what alignment costs. */
#define FRAME_BYTES 1024

/* RFC 9110, 5.6.2 */
static bool
is_token(const char *name)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	if (!name || !*name)
		return false;
	for (const char *p = name; *p; p++) {
		bool is_word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			       (*p >= '0' && *p <= '9');

		if (!is_word && !strchr(marks, *p))
			return false;
	}
	return true;
}

static bool
is_fit_value(const char *value)
{
	if (!value)
		return false;
	for (const char *p = value; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return false;
	return true;
}

static bool
is_ours(const char *name)
{
	static const char *const ours[] = { "content-length", "transfer-encoding", "connection",
		"keep-alive", "trailer", "upgrade", "date", "x-request-id" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (span_is_nocase(span_of(name), ours[i]))
			return true;
	return false;
}

static bool
may_pass(const struct header *h)
{
	if (!is_token(h->name) || !is_fit_value(h->value)) {
		log_warn("server", "a header is not fit to be sent, it is left out", "name=%s",
		    is_token(h->name) ? h->name : "?");
		return false;
	}
	return !is_ours(h->name);
}

void
answer_make(struct answer *a, struct arena *arena, int status, const struct header *headers,
    size_t n, struct span body)
{
	assert(status >= 200 && status <= 999);
	*a = (struct answer){ .status = status, .body = body, .length_bytes = (int64_t)body.len };
	a->headers = n ? arena_alloc(arena, n * sizeof(*headers)) : NULL;
	for (size_t i = 0; i < n; i++) {
		if (!may_pass(&headers[i]))
			continue;
		a->headers[a->n].name = arena_dup(arena, headers[i].name);
		a->headers[a->n++].value = arena_dup(arena, headers[i].value);
	}
}

int64_t
answer_promised_bytes(const struct header *headers, size_t n)
{
	int64_t bytes = -1, one;

	for (size_t i = 0; i < n; i++) {
		if (!span_is_nocase(span_of(headers[i].name), "content-length"))
			continue;
		if (!span_int(span_of(headers[i].value), 0, INT64_MAX, &one))
			return -1;
		if (bytes >= 0 && bytes != one)
			return -1;
		bytes = one;
	}
	return bytes;
}

static size_t
headers_bytes(const struct header *h, size_t n)
{
	size_t bytes = n * RECORD_BYTES;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(h[i].name) + strlen(h[i].value) + 4;
	return bytes;
}

bool
answer_is_tight(const struct answer *a, const struct request_head *h, size_t pool_bytes)
{
	size_t bytes = FRAME_BYTES + h->path.len + h->query.len;

	for (size_t i = 0; i < h->query.len; i++)
		bytes += h->query.p[i] == '&' ? RECORD_BYTES : 0;
	bytes += headers_bytes(h->headers, h->n_headers);
	bytes += headers_bytes(a->headers, a->n);
	return bytes > pool_bytes;
}

struct MHD_Response *
answer_response(const struct answer *a, const char *request_id, bool close)
{
	/* The library takes a pointer to non-const bytes and leaves them alone in this mode. */
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    a->body.len, (void *)(uintptr_t)(a->body.p ? a->body.p : ""), MHD_RESPMEM_PERSISTENT);

	if (!r)
		return NULL;
	for (size_t i = 0; i < a->n; i++)
		if (a->headers[i].value[0] != '\0' &&
		    MHD_add_response_header(r, a->headers[i].name, a->headers[i].value) != MHD_YES)
			log_warn("server", "the HTTP library refused a header", "name=%s",
			    a->headers[i].name);
	MHD_add_response_header(r, "x-request-id", request_id);
	if (close)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	return r;
}

bool
answer_may_have_body(int status)
{
	return status != 204 && status != 304;
}

/* RFC 9110, 5.6.7: English whatever the locale says. */
static void
print_date(struct buf *out, int64_t wall_ms)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	time_t t = wall_ms / 1000;
	struct tm tm;

	if (gmtime_r(&t, &tm))
		buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
		    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
}

void
answer_print_head(struct buf *out, const struct answer *a, enum answer_length length,
    const char *request_id, int64_t wall_ms)
{
	buf_printf(
	    out, "HTTP/1.1 %d %s\r\n", a->status, MHD_get_reason_phrase_for((unsigned)a->status));
	print_date(out, wall_ms);
	buf_add_lit(out, "Connection: close\r\n");
	if (length == ANSWER_CHUNKED)
		buf_add_lit(out, "Transfer-Encoding: chunked\r\n");
	else if (length == ANSWER_SIZED)
		buf_printf(out, "Content-Length: %lld\r\n", (long long)a->length_bytes);
	for (size_t i = 0; i < a->n; i++)
		buf_printf(out, "%s: %s\r\n", a->headers[i].name, a->headers[i].value);
	buf_printf(out, "x-request-id: %s\r\n\r\n", request_id);
}
