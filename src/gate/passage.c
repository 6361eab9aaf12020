/*
 * What is handed on as it is: see passage.h.  Runs in workers; lies in the request's arena.
 */
#include "gate/passage.h"

#include <stdio.h>
#include "base/log.h"
#include "base/mem.h"
#include "gate/passing.h"
#include "gemini/model.h"
#include "gemini/prefix.h"
#include "memory/remote_name.h"
#include "upstream/relay.h"
#include "upstream/trace.h"

#define GATHER_BYTES (1u << 20) /* a body of at most that is gathered, wherever it goes */
/* An answer of at most that goes out whole, so that its connection lives; and one of more is not
 * looked at. */
#define WHOLE_BYTES    (256u << 10)
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
	bool gathers;       /* the answer goes out whole */
	struct span object; /* of Google's that the path names; may be empty */
	bool is_object;     /* the path is nothing more than its name */
	struct buf seen;    /* owned: of an answer that shows objects and passes meanwhile */
	bool looks;         /* at the answer, for the objects that it shows */
	char owner[CREDENTIAL_ID_LEN + 1]; /* of what it shows: the credential that serves */
};

/* ---- the request ---- */

static const char *const *
headers_up(const struct request_head *head, struct arena *arena)
{
	const char **out = arena_alloc(arena, (head->n_headers + 1) * sizeof(*out));
	size_t n = 0;

	for (size_t i = 0; i < head->n_headers; i++)
		if (passing_up(span_of(head->headers[i].name)))
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
		p->order.lend.owner = arena_span(p->arena, id);
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
	p->object = remote_name_of_path(plain);
	p->is_object = p->object.len > 0 && p->object.p + p->object.len == plain.p + plain.len;
	p->order.model = m.name.len > 0 ? m.name : collection_of(plain);
	if (route->verb.len == 0 || (span_eq(m.name, route->model) && !is_old_name(path))) {
		buf_add_span(out, path);
		return true;
	}
	buf_printf(out, "/v1beta/models/%.*s:%.*s", SPAN_ARG(m.name), SPAN_ARG(route->verb));
	return true;
}

static bool
is_method(const struct passage *p, const char *method)
{
	return span_is(request_head(p->request)->method, method);
}

/* What this makes belongs to whoever serves it.  One client's things are kept together, so that one
 * request can use them all. */
static bool
makes_objects(const struct passage *p)
{
	static const char *const verbs[] = { "batchGenerateContent", "asyncBatchEmbedContent",
		"predictLongRunning" };
	bool makes = p->route->model.len == 0;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		makes = makes || span_is(p->route->verb, verbs[i]);
	return makes && is_method(p, "POST");
}

/* Where the first credential serves all, things are together by themselves. */
static bool
takes_first(const struct passage *p)
{
	return strcmp(p->response->gate->config->pool_pick, "order") == 0;
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
	if (makes_objects(p) && !takes_first(p))
		p->order.lend.affinity = prefix_hash_text(span_of(p->house->client));
	return ok;
}

/* Whose are the things that path and body name?  An upload has its owner in its address. */
static bool
find_owner(struct passage *p, const struct body *body, struct err *e)
{
	if (p->order.lend.owner.len > 0)
		return true;
	return house_owner_of_body(p->house, body, p->object, &p->order.lend.owner, e);
}

/* ---- the answer ---- */

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

		if (!passing_down(h->name) || h->value.len > HEADER_LONGEST)
			continue;
		add_header(p, arena_dup_span(p->arena, h->name),
		    is_address(h->name) ? our_address(p, h->value, id)
					: arena_dup_span(p->arena, h->value));
	}
	if (p->response->gate->config->dialect_show_credential)
		add_header(p, "x-pollux-credential", arena_dup(p->arena, label));
}

static bool
on_gone_asked(void *ctx)
{
	const struct passage *p = ctx;

	return request_is_gone(p->request);
}

static bool
is_json(struct span type)
{
	return span_is_nocase(span_trim(span_cut(&type, ';')), "application/json");
}

/* Methods that make objects or show them. */
static bool
may_show(const struct passage *p, const struct fetch_head *head)
{
	return head->status / 100 == 2 && is_json(head->content_type) && !is_method(p, "HEAD") &&
	       !is_method(p, "DELETE") && head->content_length <= WHOLE_BYTES;
}

static void
on_head(void *ctx, const struct fetch_head *head, const char *id, const char *label)
{
	struct passage *p = ctx;
	bool bodiless = head->status == 204 || head->status == 304;

	p->status = head->status;
	p->looks = may_show(p, head);
	snprintf(p->owner, sizeof(p->owner), "%s", id);
	headers_down(p, head, id, label);
	/* The length in an answer to HEAD is of a body that does not come. */
	p->gathers = bodiless || (head->content_length >= 0 &&
				     head->content_length <= WHOLE_BYTES && !is_method(p, "HEAD"));
	if (p->gathers)
		return;
	if (head->content_length >= 0)
		add_header(p, "content-length",
		    arena_printf(p->arena, "%lld", (long long)head->content_length));
	response_pass(p->response, p->status, p->headers, p->header_count);
}

/* A copy of what passes; too long for a list of objects, it is none. */
static void
look(struct passage *p, struct span bytes)
{
	p->looks = bytes.len <= WHOLE_BYTES - p->seen.len;
	if (p->looks)
		buf_add_span(&p->seen, bytes);
	else
		buf_fini(&p->seen);
}

static void
on_data(void *ctx, struct span bytes)
{
	struct passage *p = ctx;

	if (p->gathers) {
		buf_add_span(&p->response->bytes, bytes);
		return;
	}
	if (p->looks)
		look(p, bytes);
	response_relay(p->response, bytes, SPAN_NONE);
}

static void
end_answer(void *ctx)
{
	struct passage *p = ctx;

	if (p->response->over)
		return;
	if (p->gathers)
		response_pass_whole(p->response, p->status, p->headers, p->header_count);
	else
		response_pass_end(p->response, true);
}

/* The next request, in whichever worker, must find whose this answer's objects are. */
static void
on_done(void *ctx)
{
	struct passage *p = ctx;

	p->relay = NULL; /* it frees itself behind its last event */
	if (p->looks)
		house_remember_owner(
		    p->house, buf_span(p->gathers ? &p->response->bytes : &p->seen), p->owner);
	else if (is_method(p, "DELETE") && p->status / 100 == 2)
		house_forget_object(p->house, p->object);
	house_await(p->house, end_answer, p);
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

/* Its owner does not know it any more. */
static bool
is_lost(const struct passage *p, const struct fault *fault)
{
	return p->is_object && p->order.lend.owner.len > 0 && fault && fault->is_json &&
	       fault->http_status == 404;
}

static void
on_failed(void *ctx, const struct err *e, const struct fault *fault)
{
	struct passage *p = ctx;

	p->relay = NULL;
	if (is_lost(p, fault))
		house_forget_object(p->house, p->object);
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
passage_open(struct response *response, const struct route *route, struct house *house,
    char label[64], struct trace *trace)
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
	p->order.lend.trace = trace;
	if (!make_order(p, head, &e) || (is_upload(head) && !find_owner(p, NULL, &e))) {
		response_fail(response, &e, NULL);
		return NULL;
	}
	if (trace)
		trace_model(trace, p->order.model);
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
	struct span piece = request_body(p->request);
	struct body body = { &piece, 1 };
	struct err e = ERR_INIT;

	if (p->order.streams_body) {
		if (p->relay)
			relay_send_end(p->relay);
		return;
	}
	if (request_head(p->request)->body_bytes != 0)
		p->order.body = piece.p ? piece : SPAN("");
	else if (!is_method(p, "GET") && !is_method(p, "HEAD"))
		p->order.body = SPAN("");
	if (find_owner(p, &body, &e))
		start(p);
	else
		response_fail(p->response, &e, NULL);
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
	if (!p)
		return;
	relay_cancel(&p->relay);
	buf_fini(&p->seen);
}
