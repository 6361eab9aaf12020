/*
 * Media of a request, written as a part of Gemini's: see media.h.  Pure, runs in workers, owns
 * nothing; what it keeps lies in the arena.
 *
 * What is only Google's to fetch (its own files, YouTube, buckets) is named to it and never
 * downloaded here.  What anybody may fetch is noted for upstream/download.c.
 */
#include "dialect/media.h"

#include <assert.h>
#include <sodium.h>
#include "base/scan.h"

#define URL_MAX     8192
#define ID_MAX      64  /* of a file; Google gives 12 letters, 40 may be chosen */
#define REMOTES_MAX 500 /* of a request: as many as OpenAI takes images */

#define FILES_HOST "generativelanguage.googleapis.com"
#define FILES_BASE "https://" FILES_HOST "/v1beta/"

/* What the functions below have in common. */
struct writing {
	const struct media *m; /* all borrowed */
	struct arena *arena;
	struct call *call;
	struct rope *out;
	struct err *err;
	enum remote_media remote;
	struct span mime; /* m->mime, cleaned */
};

static bool
refuse_url(const struct writing *w, const char *why)
{
	return err_field(w->err, w->m->field, "%s %s", w->m->field, why);
}

/* ---- parts ---- */

/* What stands behind the medium itself, up to the end of the part. */
static void
end_part(const struct writing *w)
{
	struct buf *text = &w->out->text;

	if (w->m->resolution != NULL) {
		buf_add_lit(text, ",\"mediaResolution\":{\"level\":");
		scan_quote(text, span_of(w->m->resolution));
		buf_add_char(text, '}');
	}
	if (w->m->extra.len > 0) {
		buf_add_char(text, ',');
		buf_add_span(text, w->m->extra);
	}
	buf_add_char(text, '}');
}

static bool
write_inline(const struct writing *w, struct span mime, struct span data)
{
	struct buf *text = &w->out->text;

	buf_add_lit(text, "{\"inlineData\":{\"mimeType\":");
	scan_quote(text, mime);
	buf_add_lit(text, ",\"data\":\"");
	rope_borrow(w->out, data);
	buf_add_lit(text, "\"}");
	end_part(w);
	return true;
}

static bool
write_file(const struct writing *w, struct span uri, struct span mime)
{
	struct buf *text = &w->out->text;

	buf_add_lit(text, "{\"fileData\":{\"fileUri\":");
	scan_quote(text, uri);
	if (mime.len > 0) {
		buf_add_lit(text, ",\"mimeType\":");
		scan_quote(text, mime);
	}
	buf_add_char(text, '}');
	end_part(w);
	return true;
}

/* ---- data ---- */

/* The type that the first bytes of base64 tell; NULL: none. */
static const char *
sniff_base64(struct span data)
{
	unsigned char bytes[MEDIA_SNIFF_BYTES];
	size_t digits = data.len < sizeof(bytes) / 3 * 4 ? data.len : sizeof(bytes) / 3 * 4, n;

	if (sodium_base642bin(bytes, sizeof(bytes), data.p, digits, NULL, &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0)
		return NULL;
	return media_sniff(span_mem(bytes, n));
}

/* The data's own word first, then the client's, then what the bytes say. */
static bool
write_data(const struct writing *w, struct span mime, struct span data)
{
	const char *seen;

	if (mime.len == 0)
		mime = w->mime;
	if (mime.len > 0)
		return write_inline(w, mime, data);
	seen = sniff_base64(data);
	if (seen != NULL && strcmp(w->m->kind, "audio") == 0)
		seen = media_as_audio(seen);
	if (seen == NULL && strcmp(w->m->kind, "application") == 0)
		seen = "application/pdf";
	if (seen == NULL)
		return refuse_url(w, "does not say what type its data is of");
	return write_inline(w, span_of(seen), data);
}

static bool
write_data_url(const struct writing *w)
{
	struct data_url d;

	return data_url_read(w->m->url, w->arena, &d, w->m->field, w->err) &&
	       write_data(w, d.mime, d.data);
}

static bool
write_base64(const struct writing *w)
{
	struct span data;

	return media_base64(w->m->url, w->arena, &data, w->m->field, w->err) &&
	       write_data(w, SPAN_NONE, data);
}

/* ---- URLs ---- */

struct url {
	struct span all;
	struct span scheme; /* without ':' */
	struct span host;   /* without user and port */
	struct span path;   /* behind the first '/', without query */
};

/* Of "HOST", "HOST:PORT", "USER:PASSWORD@[::1]:PORT". */
static struct span
host_of(struct span authority)
{
	const char *at = authority.len > 0 ? memrchr(authority.p, '@', authority.len) : NULL;
	struct span host = authority;

	if (at != NULL)
		host = span_mem(at + 1, (size_t)(authority.p + authority.len - at) - 1);
	if (!span_starts(host, "["))
		return span_cut(&host, ':');
	return host;
}

static struct url
url_parse(struct span plain)
{
	struct url u = { .all = plain };
	const char *mark = plain.len > 0 ? memmem(plain.p, plain.len, "://", 3) : NULL;
	struct span rest, authority;
	size_t len = 0;

	if (mark == NULL)
		return u;
	u.scheme = span_mem(plain.p, (size_t)(mark - plain.p));
	rest = span_mem(mark + 3, (size_t)(plain.p + plain.len - mark) - 3);
	while (len < rest.len && strchr("/?#", rest.p[len]) == NULL)
		len++;
	authority = span_mem(rest.p, len);
	u.host = host_of(authority);
	u.path = span_mem(rest.p + len, rest.len - len);
	u.path = span_cut(&u.path, '#');
	u.path = span_cut(&u.path, '?');
	if (u.path.len > 0)
		u.path = span_mem(u.path.p + 1, u.path.len - 1);
	return u;
}

static bool
is_file_id(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(s.p[i] == '-' || s.p[i] == '_' || (s.p[i] >= '0' && s.p[i] <= '9') ||
			((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z')))
			return false;
	return s.len > 0 && s.len <= ID_MAX;
}

/* "files/ID" */
static bool
is_file_name(struct span s)
{
	return span_starts(s, "files/") && is_file_id(span_mem(s.p + 6, s.len - 6));
}

/* A file of Gemini's, https://FILES_HOST/v1beta/files/ID: gives "files/ID". */
static bool
find_file_name(const struct url *u, struct span *name)
{
	struct span rest = u->path, version;

	if (!span_is_nocase(u->host, FILES_HOST))
		return false;
	version = span_cut(&rest, '/');
	*name = rest;
	return span_starts(version, "v1") && is_file_name(rest);
}

static bool
is_youtube(struct span host)
{
	static const char *const hosts[] = { "youtube.com", "www.youtube.com", "m.youtube.com",
		"music.youtube.com", "youtu.be" };

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (span_is_nocase(host, hosts[i]))
			return true;
	return false;
}

static bool
write_file_name(const struct writing *w, struct span name)
{
	const char *uri = arena_printf(w->arena, FILES_BASE "%.*s", SPAN_ARG(name));

	return write_file(w, span_of(uri), w->mime);
}

/* ---- what is to be fetched ---- */

static bool
note_remote(const struct writing *w, struct span url)
{
	struct remote **end = &w->call->remotes, *r;
	size_t count = 0;

	for (; *end != NULL; end = &(*end)->next)
		count++;
	if (count == REMOTES_MAX)
		return refuse_url(w, "is one URL too many: a request may name 500");
	r = *end = arena_alloc(w->arena, sizeof(*r));
	r->url = url;
	r->field = w->m->field;
	r->mime = w->mime;
	if (r->mime.len == 0)
		r->mime = span_of(arena_printf(w->arena, "%s/*", w->m->kind));
	buf_add_lit(&w->out->text, "{\"inlineData\":");
	rope_later(w->out, &r->place);
	end_part(w);
	return true;
}

/* Of the client's word, else of the name. */
static struct span
mime_by_name(const struct writing *w, struct span url)
{
	return w->mime.len > 0 ? w->mime : span_of(media_mime_of_name(url));
}

static bool
write_remote(const struct writing *w, const struct url *u)
{
	if (w->remote == REMOTE_MEDIA_INLINE)
		return note_remote(w, u->all);
	if (w->remote == REMOTE_MEDIA_PASSTHROUGH)
		return write_file(w, u->all, mime_by_name(w, u->all));
	return refuse_url(w, "is a URL, and this server fetches none: send a data URL");
}

static bool
write_url(const struct writing *w, const struct url *u)
{
	struct span name;

	if (is_file_name(u->all))
		return write_file_name(w, u->all);
	if (u->host.len > 0 && span_is_nocase(u->scheme, "gs"))
		return write_file(w, u->all, mime_by_name(w, u->all));
	if (u->host.len == 0 ||
	    (!span_is_nocase(u->scheme, "http") && !span_is_nocase(u->scheme, "https")))
		return refuse_url(
		    w, "is no URL of data:, http:, https: or gs:, and no file of Gemini's");
	if (find_file_name(u, &name))
		return write_file_name(w, name);
	if (is_youtube(u->host))
		return write_file(w, u->all, SPAN_NONE);
	return write_remote(w, u);
}

/* ---- in front ---- */

static bool
unescape(const struct writing *w, struct span *plain)
{
	struct buf text = BUF_INIT;

	if (w->m->url.len > 6 * URL_MAX)
		return refuse_url(w, "is too long for a URL");
	scan_text(&text, w->m->url);
	*plain = arena_span(w->arena, span_trim(buf_span(&text)));
	buf_fini(&text);
	if (plain->len > URL_MAX)
		return refuse_url(w, "is too long for a URL");
	for (size_t i = 0; i < plain->len; i++)
		if ((unsigned char)plain->p[i] < 0x20 || plain->p[i] == 0x7f)
			return refuse_url(w, "holds a control character");
	return plain->len > 0 || refuse_url(w, "is empty");
}

static struct writing
begin(const struct media *m, const struct dialect_request *req, struct arena *arena,
    struct call *call, struct rope *out, struct err *e)
{
	assert(m->kind != NULL && m->field != NULL);
	return (struct writing){
		.m = m,
		.arena = arena,
		.call = call,
		.out = out,
		.err = e,
		.remote = dialect_options_of(req->options)->remote_media,
		.mime = media_mime(m->mime, arena),
	};
}

bool
media_write(const struct media *m, const struct dialect_request *req, struct arena *arena,
    struct call *call, struct rope *out, struct err *e)
{
	struct writing w = begin(m, req, arena, call, out, e);
	struct span plain = SPAN_NONE;
	struct url u;

	if (data_url_is(m->url))
		return write_data_url(&w);
	if (!unescape(&w, &plain))
		return false;
	u = url_parse(plain);
	return write_url(&w, &u);
}

/* Base64 holds no ':', and no medium is as short as the name of a file. */
static bool
is_url(struct span escaped)
{
	size_t head = escaped.len < ID_MAX ? escaped.len : ID_MAX;

	return (head > 0 && memchr(escaped.p, ':', head) != NULL) || is_file_name(escaped) ||
	       (span_starts(escaped, "files\\/") && escaped.len < ID_MAX);
}

bool
media_write_data(const struct media *m, const struct dialect_request *req, struct arena *arena,
    struct call *call, struct rope *out, struct err *e)
{
	struct writing w = begin(m, req, arena, call, out, e);

	if (is_url(m->url))
		return media_write(m, req, arena, call, out, e);
	return write_base64(&w);
}
