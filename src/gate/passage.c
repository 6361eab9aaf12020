/*
 * What is handed on as it is: see passage.h.  Runs in workers; lies in the request's arena.
 *
 * Headers pass by two lists, one for each direction: what is not on it stays here.
 */
#include "gate/passage.h"

#include <stdio.h>
#include "base/log.h"
#include "base/mem.h"
#include "gemini/model.h"
#include "upstream/relay.h"

#define GATHER_BYTES (1u << 20) /* a body of at most that is gathered, wherever it goes */
#define WHOLE_BYTES                                                                                \
	(256u << 10) /* an answer of at most that goes out whole: its connection lives */
#define HEADERS_MAX    64
#define HEADER_LONGEST 8192

struct passage {
	struct response *response; /* borrowed from the exchange */
	const struct route *route; /* borrowed */
	struct house *house;       /* borrowed */
	char *label;               /* borrowed: 64 characters */
	struct request *request;   /* borrowed */
	struct arena *arena;       /* borrowed */
	struct relay_order order;  /* in the arena */
	struct relay *relay;       /* owned; NULL before it is started and behind its last event */
	int status;
	struct header headers[HEADERS_MAX];
	size_t header_count;
	bool gathers; /* the answer goes out whole */
};

/* ---- the request ---- */

static bool
is_one_of(struct span name, const char *const *names)
{
	for (; *names; names++)
		if (span_is_nocase(name, *names))
			return true;
	return false;
}

static bool
starts_nocase(struct span name, const char *prefix)
{
	size_t len = strlen(prefix);

	return name.len >= len && span_is_nocase(span_mem(name.p, len), prefix);
}

static bool
starts_with_one_of(struct span name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (starts_nocase(name, *prefixes))
			return true;
	return false;
}

/* What says something of the body, of the part of it that is wanted, or of an upload; and
 * Google's own, but for those that name who asks. */
static bool
goes_up(struct span name)
{
	/* A proxy before us may have signed in who asks: that is for us alone. */
	static const char *const ours[] = { "x-goog-api-key", "x-goog-user-project",
		"x-goog-api-client", NULL };
	static const char *const names[] = { "x-goog-authenticated-user", "x-goog-iap-",
		"x-goog-iam-", NULL };
	static const char *const others[] = { "content-type", "content-encoding", "content-range",
		"accept", "accept-language", "range", "if-match", "if-none-match", "if-range",
		"if-modified-since", "if-unmodified-since", "x-server-timeout",
		"x-http-method-override", "slug", NULL };

	if (starts_nocase(name, "x-goog-"))
		return !is_one_of(name, ours) && !starts_with_one_of(name, names);
	return is_one_of(name, others);
}

static const char *const *
headers_up(const struct request_head *head, struct arena *arena)
{
	const char **out = arena_alloc(arena, (head->n_headers + 1) * sizeof(*out));
	size_t n = 0;

	for (size_t i = 0; i < head->n_headers; i++)
		if (goes_up(span_of(head->headers[i].name)))
			out[n++] = arena_printf(
			    arena, "%s: %s", head->headers[i].name, head->headers[i].value);
	return out;
}

/* The query without what is ours.  The credential that an upload was begun with comes out of it;
 * elsewhere no client has a say in that. */
static bool
clean_query(struct passage *p, const struct request_head *head, struct buf *out, struct err *e)
{
	struct span query, id;
	struct buf kept = BUF_INIT;

	if (!call_query(head->query, p->arena, &query, e))
		return false;
	if (span_starts(head->path, "/upload/") && text_query_get(query, PASSAGE_CREDENTIAL, &id))
		p->order.credential = arena_span(p->arena, id);
	while (query.p != NULL) {
		struct span param = span_cut(&query, '&');

		if (param.len == 0 || span_starts(param, PASSAGE_CREDENTIAL "="))
			continue;
		buf_add_char(&kept, kept.len > 0 ? '&' : '?');
		buf_add_span(&kept, param);
	}
	buf_add_span(out, buf_span(&kept));
	buf_fini(&kept);
	return true;
}

/* The path in plain letters, whatever way it is written. */
static struct span
plain_path(struct passage *p, struct span path)
{
	struct buf plain = BUF_INIT;
	struct span kept;

	text_percent_decode(&plain, path, false);
	kept = arena_span(p->arena, buf_span(&plain));
	buf_fini(&plain);
	return kept;
}

/* ".." would lead out of the API, also before a ';', and "//" past the doors that are ours. */
static bool
is_straight(struct span plain)
{
	span_cut(&plain, '/');
	while (plain.p != NULL) {
		struct span segment = span_cut(&plain, '/');

		if ((segment.len == 0 && plain.p != NULL) ||
		    (segment.len > 0 && memchr(segment.p, '\\', segment.len)))
			return false;
		segment = span_cut(&segment, ';');
		if (span_is(segment, "..") || span_is(segment, "."))
			return false;
	}
	return true;
}

/* "files" of "/upload/v1beta/files/f-1:download". */
static struct span
collection_of(struct span plain)
{
	struct span segment;

	span_cut(&plain, '/');
	segment = span_cut(&plain, '/');
	if (span_is(segment, "upload") || span_is(segment, "download"))
		span_cut(&plain, '/');
	segment = span_cut(&plain, '/');
	return span_cut(&segment, ':');
}

/* /v1/models/M:VERB and /v2/models/M:VERB are older names for the same. */
static bool
is_old_name(struct span path)
{
	return span_starts(path, "/v1/") || span_starts(path, "/v2/");
}

/* Behind "models/" an alias of the configuration gives way to what it stands for. */
static bool
write_path(struct passage *p, struct span path, struct buf *out, struct err *e)
{
	const struct route *route = p->route;
	struct span plain = plain_path(p, path);
	struct dialect_model m = { 0 };

	if (!call_may_carry(path))
		return err_set(
		    e, ERR_BAD_REQUEST, "the path has a byte that may not stand in a URL");
	if (!is_straight(plain) || route_is_openai(plain))
		return err_set(e, ERR_NOT_FOUND, "there is nothing behind this path");
	if (route->model.len > 0 && !model_name_is_valid(route->model))
		return err_set(e, ERR_MODEL_NOT_FOUND, "there is no model of that name");
	if (route->model.len > 0 && !p->house->face.model(p->house, route->model, &m, e))
		return false;
	m.name = model_bare(m.name);
	p->order.model = m.name.len > 0 ? m.name : collection_of(plain);
	if (route->verb.len == 0 || (span_eq(m.name, route->model) && !is_old_name(path))) {
		buf_add_span(out, path);
		return true;
	}
	buf_printf(out, "/v1beta/models/%.*s:%.*s", SPAN_ARG(m.name), SPAN_ARG(route->verb));
	return true;
}

static bool
make_order(struct passage *p, const struct request_head *head, struct err *e)
{
	struct buf target = BUF_INIT;
	int64_t seconds;
	bool ok;

	p->order.method = arena_dup_span(p->arena, head->method);
	p->order.headers = headers_up(head, p->arena);
	p->order.body_bytes = head->body_bytes;
	if (span_int(request_header(p->request, "x-server-timeout"), 1, 86400, &seconds))
		p->order.server_timeout_ms = seconds * 1000;
	ok = write_path(p, head->path, &target, e) && clean_query(p, head, &target, e);
	p->order.target = arena_span(p->arena, buf_span(&target));
	buf_fini(&target);
	return ok;
}

/* ---- the answer ---- */

static bool
goes_down(struct span name)
{
	static const char *const names[] = { "content-type", "content-range", "accept-ranges",
		"content-disposition", "content-encoding", "content-language", "etag", "expires",
		"last-modified", "cache-control", "vary", "digest", "x-server-timing", NULL };

	return is_one_of(name, names) || starts_nocase(name, "x-goog-upload-") ||
	       starts_nocase(name, "x-goog-hash") || span_is_nocase(name, "location");
}

static const char *
header_or(struct passage *p, const char *name, const char *otherwise)
{
	struct span value = request_header(p->request, name);

	return value.len > 0 ? arena_dup_span(p->arena, value) : otherwise;
}

/*
 * An address of Google's that the client is to use next: the same here.  The credential goes
 * along, since what was begun with one cannot be gone on with by another.
 */
static const char *
our_address(struct passage *p, struct span url, const char *credential)
{
	const char *host = header_or(p, "x-forwarded-host", header_or(p, "host", NULL));
	const char *scheme = header_or(p, "x-forwarded-proto", "http");
	struct span base = span_of(p->response->gate->config->upstream_gemini_url);
	struct span path = url;

	if (span_starts(url, p->response->gate->config->upstream_gemini_url)) {
		path = span_mem(url.p + base.len, url.len - base.len);
	} else {
		for (int slashes = 0; path.len > 0; path.p++, path.len--)
			if (path.p[0] == '/' && ++slashes == 3)
				break;
	}
	if (!host || !span_starts(path, "/upload/"))
		return arena_dup_span(p->arena, url);
	struct span query = path, kept = SPAN_NONE;

	path = span_cut(&query, '?');
	call_query(query, p->arena, &kept, NULL); /* without a key, should one stand in it */
	return arena_printf(p->arena, "%s://%s%.*s?%.*s%s%s=%s", scheme, host, SPAN_ARG(path),
	    SPAN_ARG(kept), kept.len > 0 ? "&" : "", PASSAGE_CREDENTIAL, credential);
}

static bool
is_address(struct span name)
{
	return span_is_nocase(name, "location") || span_is_nocase(name, "x-goog-upload-url") ||
	       span_is_nocase(name, "x-goog-upload-control-url");
}

static void
add_header(struct passage *p, const char *name, const char *value)
{
	if (p->header_count < HEADERS_MAX)
		p->headers[p->header_count++] = (struct header){ name, value };
}

static void
headers_down(struct passage *p, const struct fetch_head *head, const char *id, const char *label)
{
	p->header_count = 0;
	for (size_t i = 0; i < head->header_count; i++) {
		const struct fetch_header *h = &head->headers[i];

		if (!goes_down(h->name) || h->value.len > HEADER_LONGEST)
			continue;
		add_header(p, arena_dup_span(p->arena, h->name),
		    is_address(h->name) ? our_address(p, h->value, id)
					: arena_dup_span(p->arena, h->value));
	}
	if (p->response->gate->config->dialect_show_credential)
		add_header(p, "x-pollux-credential", arena_dup(p->arena, label));
}

static bool
is_head(const struct passage *p)
{
	return span_is(request_head(p->request)->method, "HEAD");
}

static bool
on_gone_asked(void *ctx)
{
	const struct passage *p = ctx;

	return request_is_gone(p->request);
}

static void
on_head(void *ctx, const struct fetch_head *head, const char *id, const char *label)
{
	struct passage *p = ctx;
	bool bodiless = head->status == 204 || head->status == 304;

	p->status = head->status;
	headers_down(p, head, id, label);
	/* The length in an answer to HEAD is of a body that does not come. */
	p->gathers = bodiless || (head->content_length >= 0 &&
				     head->content_length <= WHOLE_BYTES && !is_head(p));
	if (p->gathers)
		return;
	if (head->content_length >= 0)
		add_header(p, "content-length",
		    arena_printf(p->arena, "%lld", (long long)head->content_length));
	response_pass(p->response, p->status, p->headers, p->header_count);
}

static void
on_data(void *ctx, struct span bytes)
{
	struct passage *p = ctx;

	if (p->gathers)
		buf_add_span(&p->response->bytes, bytes);
	else
		response_relay(p->response, bytes, SPAN_NONE);
}

static void
on_done(void *ctx)
{
	struct passage *p = ctx;

	p->relay = NULL; /* it frees itself behind its last event */
	if (p->gathers)
		response_pass_whole(p->response, p->status, p->headers, p->header_count);
	else
		response_pass_end(p->response, true);
}

static void
on_broke(void *ctx)
{
	struct passage *p = ctx;
	struct err e = ERR_INIT;

	p->relay = NULL;
	if (!p->gathers) {
		response_pass_end(p->response, false);
		return;
	}
	err_set(&e, ERR_UPSTREAM, "the upstream broke off in the middle of the answer");
	response_fail(p->response, &e, NULL);
}

static void
on_failed(void *ctx, const struct err *e, const struct fault *fault)
{
	struct passage *p = ctx;

	p->relay = NULL;
	response_fail(p->response, e, fault);
}

static void
on_tried(void *ctx, const char *label, const struct verdict *v)
{
	struct passage *p = ctx;

	p->response->attempts++;
	snprintf(p->label, 64, "%s", label);
	log_debug("gate", "attempt ended", "id=%s attempt=%d credential=%s outcome=%s",
	    request_id(p->request), p->response->attempts, label, outcome_name(v->outcome));
}

/* ---- the whole ---- */

static void
on_sent(void *ctx)
{
	struct passage *p = ctx;

	request_resume_body(p->request);
}

static void
start(struct passage *p)
{
	static const struct relay_events events = { .gone = on_gone_asked,
		.sent = on_sent,
		.head = on_head,
		.data = on_data,
		.tried = on_tried,
		.done = on_done,
		.broke = on_broke,
		.failed = on_failed };

	p->relay = relay_start(p->response->gate->upstream, &p->order, p->arena, &events, p);
}

static void
on_piece(void *ctx, struct span piece)
{
	struct passage *p = ctx;

	if (p->relay && !relay_send(p->relay, piece))
		request_pause_body(p->request);
}

/* What is uploaded may be larger than any memory. */
static bool
is_upload(const struct request_head *head)
{
	return span_starts(head->path, "/upload/") &&
	       (head->body_bytes < 0 || head->body_bytes > GATHER_BYTES);
}

struct passage *
passage_open(
    struct response *response, const struct route *route, struct house *house, char label[64])
{
	const struct request_head *head = request_head(response->request);
	struct passage *p = arena_alloc(response->arena, sizeof(*p));
	struct err e = ERR_INIT;

	p->response = response;
	p->route = route;
	p->house = house;
	p->label = label;
	p->request = response->request;
	p->arena = response->arena;
	if (!make_order(p, head, &e)) {
		response_fail(response, &e, NULL);
		return NULL;
	}
	if (is_upload(head)) {
		p->order.streams_body = true;
		request_take_body(p->request, on_piece, p);
		start(p);
	}
	return p;
}

void
passage_ready(struct passage *p)
{
	struct span body = request_body(p->request);

	if (p->order.streams_body) {
		if (p->relay)
			relay_send_end(p->relay);
		return;
	}
	if (request_head(p->request)->body_bytes != 0)
		p->order.body = body.p ? body : SPAN("");
	else if (!span_is(request_head(p->request)->method, "GET") &&
		 !span_is(request_head(p->request)->method, "HEAD"))
		p->order.body = SPAN("");
	start(p);
}

void
passage_full(struct passage *p)
{
	if (p->relay)
		relay_pause(p->relay);
}

void
passage_drained(struct passage *p)
{
	if (p->relay)
		relay_resume(p->relay);
}

void
passage_close(struct passage **pp)
{
	struct passage *p = *pp;

	*pp = NULL;
	if (p)
		relay_cancel(&p->relay);
}
