/*
 * Media of a request, downloaded: see download.h.  Runs in workers.  Owns its fetches and what
 * they bring, which is never there both plain and coded: each piece becomes base64 as it comes.
 *
 * The address of every hop is guarded by net/fetch.h.  A redirect from https to http is followed:
 * nothing secret is sent, and what comes back is only looked at by a model.
 */
#include "upstream/download.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <curl/curl.h>
#include "base/scan.h"
#include "dialect/media.h"

#define BUSY_MS 1000 /* before one that others left no room is to try again */

/* One URL, however often the request names it. */
struct download {
	struct downloads *all;       /* borrowed */
	const struct remote *remote; /* borrowed: the first that names it */
	size_t places;               /* how often it is named */
	char *url;                   /* owned: of this hop */
	int redirects;
	int64_t until_ms;
	struct fetch *fetch; /* owned */
	struct span said;    /* the answer's Content-Type, in the arena */
	struct buf first;    /* owned: what came until the type was told */
	bool typed;
	unsigned char carry[3]; /* bytes of an incomplete group */
	size_t carried;
	size_t bytes;
	struct buf json; /* owned: the value of inlineData */
	bool whole;
};

struct downloads {
	struct downloads_limits limits;
	int64_t until_ms; /* for all of them */
	struct loop *loop;       /* borrowed */
	struct fetcher *fetcher; /* borrowed */
	struct remote *remotes;  /* borrowed */
	struct arena *arena;     /* borrowed */
	downloads_fn *done;
	void *ctx;             /* borrowed */
	struct download *list; /* owned */
	size_t count, begun, under_way, bytes;
	uint64_t sent_bytes; /* in the request to upstream: each in all its places */
	bool over;           /* done is due, or was called */
	struct err err;
};

/* ---- the end ---- */

static void
tell(void *ctx)
{
	struct downloads *all = ctx;

	all->done(all->ctx, all->err.kind == ERR_NONE ? NULL : &all->err);
}

static void
drop(struct downloads *all)
{
	for (size_t i = 0; i < all->count; i++) {
		buf_fini(&all->list[i].first);
		buf_fini(&all->list[i].json);
	}
	if (all->limits.shared)
		*all->limits.shared -= all->bytes;
	all->bytes = 0;
}

/* One that fails makes room for others at once: else all that come in one turn would fail. */
static void
end(struct downloads *all)
{
	assert(!all->over);
	all->over = true;
	for (size_t i = 0; i < all->count; i++)
		fetch_cancel(&all->list[i].fetch);
	if (all->err.kind != ERR_NONE)
		drop(all);
	loop_defer(all->loop, tell, all);
}

/* Returns false, so that "return failed(...)" reads well. */
static bool __attribute__((format(printf, 2, 3))) failed(struct download *d, const char *fmt, ...)
{
	struct downloads *all = d->all;
	char words[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	err_field(&all->err, d->remote->field, "%s %s", d->remote->field, words);
	end(all);
	return false;
}

/* ---- the type ---- */

static bool
is_kind(struct span mime, const char *kind)
{
	size_t len = strlen(kind);

	return span_starts(mime, kind) && mime.len > len && mime.p[len] == '/';
}

/* A kind and a star: the request says no more than that. */
static bool
is_only_kind(struct span mime)
{
	return span_ends(mime, "/*");
}

static bool
wants(const struct download *d, const char *kind)
{
	return is_kind(d->remote->mime, kind);
}

static struct span
type_by_name(const struct download *d)
{
	const char *mime = media_mime_of_name(span_of(d->url));

	return span_of(mime != NULL ? mime : media_mime_of_name(d->remote->url));
}

/* The bytes know best; a container that may hold sound as well is what others say it is. */
static struct span
type_of(const struct download *d)
{
	const char *seen = media_sniff(buf_span(&d->first));
	bool sound = wants(d, "audio") || is_kind(d->said, "audio");

	if (seen != NULL)
		return span_of(sound ? media_as_audio(seen) : seen);
	if (d->said.len > 0)
		return d->said;
	return is_only_kind(d->remote->mime) ? type_by_name(d) : d->remote->mime;
}

/* What text must not stand for, be it a login or an error with status 200.  NULL: it may. */
static const char *
no_text(const struct download *d)
{
	return wants(d, "image")   ? "an image"
	       : wants(d, "video") ? "a video"
	       : wants(d, "audio") ? "sound"
				   : NULL;
}

static bool
begin_json(struct download *d)
{
	struct span mime = type_of(d);

	if (mime.len == 0)
		return failed(d, "does not say what type it is of");
	if (is_kind(mime, "text") && no_text(d) != NULL)
		return failed(d, "is text (%.*s) and not %s", SPAN_ARG(mime), no_text(d));
	d->typed = true;
	buf_add_lit(&d->json, "{\"mimeType\":");
	scan_quote(&d->json, mime);
	buf_add_lit(&d->json, ",\"data\":\"");
	return true;
}

/* ---- the bytes ---- */

static void
encode(struct download *d, struct span s)
{
	size_t groups;

	while (s.len > 0 && d->carried > 0 && d->carried < 3) {
		d->carry[d->carried++] = (unsigned char)*s.p++;
		s.len--;
	}
	if (d->carried == 3) {
		media_base64_add(&d->json, d->carry, 3);
		d->carried = 0;
	}
	groups = d->carried == 0 ? s.len / 3 * 3 : 0;
	media_base64_add(&d->json, s.p, groups);
	for (size_t i = groups; i < s.len; i++)
		d->carry[d->carried++] = (unsigned char)s.p[i];
}

static bool
take(struct download *d, struct span s)
{
	if (d->typed) {
		encode(d, s);
		return true;
	}
	buf_add_span(&d->first, s);
	if (d->first.len < MEDIA_SNIFF_BYTES)
		return true;
	if (!begin_json(d))
		return false;
	encode(d, buf_span(&d->first));
	buf_fini(&d->first);
	return true;
}

static bool
is_too_much_for_us(const struct downloads *all, uint64_t more)
{
	const struct downloads_limits *l = &all->limits;

	return l->shared && (*l->shared > l->shared_bytes || more > l->shared_bytes - *l->shared);
}

static bool
check_size(struct download *d, uint64_t bytes)
{
	struct downloads *all = d->all;

	if (bytes > all->limits.one_bytes)
		return failed(d, "is larger than %zu MB", all->limits.one_bytes >> 20);
	if ((bytes - d->bytes) * d->places > all->limits.all_bytes - all->sent_bytes)
		return failed(d, "and what else is to be fetched are larger than %zu MB",
		    all->limits.all_bytes >> 20);
	if (!is_too_much_for_us(all, bytes - d->bytes))
		return true;
	err_retry(&all->err, ERR_UNAVAILABLE, BUSY_MS,
	    "too much is being fetched for other requests; try again in a moment");
	end(all);
	return false;
}

static bool
end_json(struct download *d)
{
	if (d->bytes == 0)
		return failed(d, "is empty");
	if (!d->typed && !begin_json(d))
		return false;
	encode(d, buf_span(&d->first));
	buf_fini(&d->first);
	media_base64_add(&d->json, d->carry, d->carried);
	buf_add_lit(&d->json, "\"}");
	d->whole = true;
	return true;
}

/* ---- URLs ---- */

/*
 * The URL, which may be relative to base, as curl has it and without a fragment.  Blanks and
 * letters that are not ASCII are coded, but in the host's name, for which libcurl would need a
 * locale: clients write "xn--" there.  NULL: why says why.
 */
static char *
join(const char *base, const char *url, const char **why)
{
	const unsigned flags = CURLU_URLENCODE | CURLU_ALLOW_SPACE;
	CURLU *u = curl_url();
	char *user = NULL, *text = NULL, *joined = NULL;

	if (u == NULL)
		mem_exhausted(0);
	*why = "is not a URL";
	if ((base != NULL && curl_url_set(u, CURLUPART_URL, base, flags) != CURLUE_OK) ||
	    curl_url_set(u, CURLUPART_URL, url, flags | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &text, 0) != CURLUE_OK)
		goto out;
	*why = "is not of http or https";
	if (!span_starts(span_of(text), "http://") && !span_starts(span_of(text), "https://"))
		goto out;
	*why = "has a user's name in it, which is not supported";
	if (curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_NO_USER)
		goto out;
	joined = mem_dup(text);
out:
	curl_free(user);
	curl_free(text);
	curl_url_cleanup(u);
	return joined;
}

/* ---- one download ---- */

static void start_more(struct downloads *);
static void fetch_hop(struct download *);

static void
follow(struct download *d, struct span location)
{
	char *to = mem_dup_span(location), *url;
	const char *why;

	fetch_cancel(&d->fetch);
	url = join(d->url, to, &why);
	mem_free(to);
	if (url == NULL) {
		failed(d, "could not be fetched: it redirects to what %s", why);
		return;
	}
	mem_free(d->url);
	d->url = url;
	if (++d->redirects > d->all->limits.redirects)
		failed(d, "could not be fetched: it redirects more than %d times",
		    d->all->limits.redirects);
	else
		fetch_hop(d);
}

static bool
is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool
is_coded(struct span coding)
{
	return coding.len > 0 && !span_is_nocase(coding, "identity");
}

static void
on_head(void *ctx, const struct fetch_head *head)
{
	struct download *d = ctx;
	struct span location = fetch_head_get(head, "location");

	if (is_redirect(head->status) && location.len > 0) {
		follow(d, location);
		return;
	}
	if (head->status != 200) {
		failed(d, "could not be fetched: the server answered %d", head->status);
		return;
	}
	if (is_coded(fetch_head_get(head, "content-encoding"))) {
		failed(d, "could not be fetched: the server answered with coded content");
		return;
	}
	d->said = media_mime(head->content_type, d->all->arena);
	if (head->content_length > 0 && check_size(d, (uint64_t)head->content_length))
		buf_reserve(&d->json, (size_t)head->content_length / 3 * 4 + 256);
}

static void
on_data(void *ctx, struct span bytes)
{
	struct download *d = ctx;

	if (!check_size(d, (uint64_t)d->bytes + bytes.len))
		return;
	d->bytes += bytes.len;
	d->all->bytes += bytes.len;
	d->all->sent_bytes += (uint64_t)bytes.len * d->places;
	if (d->all->limits.shared)
		*d->all->limits.shared += bytes.len;
	take(d, bytes);
}

static const char *
words_of(enum fetch_result result)
{
	switch (result) {
	case FETCH_FORBIDDEN:
		return "the address of its host is not a public address";
	case FETCH_DNS:
		return "the name of its host is not known";
	case FETCH_CONNECT:
		return "its host cannot be reached";
	case FETCH_TLS:
		return "its host is not trusted (TLS)";
	case FETCH_PROTOCOL:
		return "the server did not answer in HTTP";
	case FETCH_REFUSED:
		return "its URL is not one";
	default:
		return "the server broke off";
	}
}

static bool
is_too_slow(enum fetch_result result)
{
	return result == FETCH_CONNECT_SLOW || result == FETCH_FIRST_BYTE_SLOW ||
	       result == FETCH_IDLE || result == FETCH_TOTAL_SLOW;
}

static void
fail_slow(struct download *d)
{
	const struct downloads *all = d->all;

	if (d->until_ms == all->until_ms)
		failed(d, "could not be fetched: the media of this request took longer than %g s",
		    (double)all->limits.all_ms / 1000);
	else
		failed(d, "could not be fetched: it took longer than %g s",
		    (double)all->limits.time_ms / 1000);
}

static void
on_end(void *ctx, enum fetch_result result, const char *words)
{
	struct download *d = ctx;

	(void)words;
	d->fetch = NULL;
	if (is_too_slow(result)) {
		fail_slow(d);
	} else if (result != FETCH_OK) {
		failed(d, "could not be fetched: %s", words_of(result));
	} else if (end_json(d)) {
		d->all->under_way--;
		start_more(d->all);
	}
}

static void
fetch_hop(struct download *d)
{
	static const char *const headers[] = { "Accept: */*", "Accept-Encoding: identity", NULL };
	static const struct fetch_events events = {
		.head = on_head, .data = on_data, .end = on_end
	};
	int64_t left_ms = d->until_ms - loop_now_ms(d->all->loop);
	struct fetch_order order = {
		.method = "GET",
		.url = d->url,
		.headers = headers,
		.public_only = true,
		.total_timeout_ms = left_ms > 0 ? left_ms : 1,
	};

	d->fetch = fetch_start(d->all->fetcher, &order, &events, d);
}

static bool
start_one(struct download *d)
{
	const char *why;
	char *asked = mem_dup_span(d->remote->url);

	d->until_ms = loop_now_ms(d->all->loop) + d->all->limits.time_ms;
	if (d->until_ms > d->all->until_ms)
		d->until_ms = d->all->until_ms;
	d->url = join(NULL, asked, &why);
	mem_free(asked);
	if (d->url == NULL)
		return failed(d, "%s", why);
	fetch_hop(d);
	return true;
}

/* ---- all of them ---- */

static struct download *
find(const struct downloads *all, struct span url)
{
	for (size_t i = 0; i < all->count; i++)
		if (span_eq(all->list[i].remote->url, url))
			return &all->list[i];
	return NULL;
}

static void
note(struct downloads *all, const struct remote *r)
{
	struct download *d = find(all, r->url);

	if (d == NULL) {
		d = &all->list[all->count++];
		*d = (struct download){ .all = all, .remote = r };
	}
	d->places++;
}

static void
place_all(const struct downloads *all)
{
	for (struct remote *r = all->remotes; r != NULL; r = r->next) {
		const struct download *d = find(all, r->url);

		assert(d != NULL && d->whole && r->place != NULL);
		*r->place = buf_span(&d->json);
	}
}

static void
start_more(struct downloads *all)
{
	while (all->under_way < all->limits.at_once && all->begun < all->count) {
		all->under_way++;
		if (!start_one(&all->list[all->begun++]))
			return;
	}
	if (all->under_way > 0)
		return;
	place_all(all);
	end(all);
}

static void
begin(void *ctx)
{
	start_more(ctx);
}

struct downloads *
downloads_start(const struct downloads_limits *limits, struct loop *loop, struct fetcher *fetcher,
    struct remote *remotes, struct arena *arena, downloads_fn *done, void *ctx)
{
	struct downloads *all = mem_alloc(sizeof(*all));
	size_t count = 0;

	*all = (struct downloads){ .limits = *limits,
		.until_ms = loop_now_ms(loop) + limits->all_ms,
		.loop = loop,
		.fetcher = fetcher,
		.remotes = remotes,
		.arena = arena,
		.done = done,
		.ctx = ctx };
	for (const struct remote *r = remotes; r != NULL; r = r->next)
		count++;
	all->list = mem_array(count, sizeof(*all->list));
	for (const struct remote *r = remotes; r != NULL; r = r->next)
		note(all, r);
	loop_defer(loop, begin, all);
	return all;
}

void
downloads_free(struct downloads **slot)
{
	struct downloads *all = slot != NULL ? *slot : NULL;

	if (all == NULL)
		return;
	loop_undefer(all->loop, begin, all);
	loop_undefer(all->loop, tell, all);
	for (size_t i = 0; i < all->count; i++) {
		fetch_cancel(&all->list[i].fetch);
		mem_free(all->list[i].url);
	}
	drop(all);
	mem_free(all->list);
	mem_free(all);
	*slot = NULL;
}
