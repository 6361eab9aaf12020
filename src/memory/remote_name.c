/*
 * Names of what lives at Google: see remote_name.h.  Pure, runs in workers, owns nothing.
 */
#include "memory/remote_name.h"

#include <string.h>
#include <strings.h>
#include "base/scan.h"
#include "gemini/outline.h"
#include "gemini/quota.h"
#include "gemini/read.h"

#define GOOGLE       "https://generativelanguage.googleapis.com"
#define SEGMENTS_MAX 8
#define SHOWN_DEPTH  8   /* of objects in an answer */
#define URI_MAX      512 /* bytes of one that is looked at */

/* ---- names ---- */

static bool
is_one_of(struct span s, const char *const *names)
{
	for (; *names; names++)
		if (span_is(s, *names))
			return true;
	return false;
}

static bool
is_of_segment(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '~';
}

static bool
is_segment(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_of_segment(s.p[i]))
			return false;
	return s.len > 0 && !span_is(s, ".") && !span_is(s, "..");
}

/* Collections whose members belong to one credential. */
static bool
is_collection(struct span segment)
{
	static const char *const names[] = { "files", "cachedContents", "batches", "operations",
		"tunedModels", "fileSearchStores", "corpora", "generatedFiles", NULL };

	return is_one_of(segment, names);
}

bool
remote_name_is_valid(struct span name)
{
	struct span first = SPAN_NONE, last = SPAN_NONE, before_last = SPAN_NONE;
	size_t n = 0;

	if (name.len == 0 || name.len > REMOTE_NAME_MAX)
		return false;
	while (name.p != NULL) {
		before_last = last;
		last = span_cut(&name, '/');
		if (!is_segment(last) || ++n > SEGMENTS_MAX)
			return false;
		if (n == 1)
			first = last;
	}
	if (n < 2 || span_is(last, "operations"))
		return false;
	/* Operations stand below whatever they work on, also "fileSearchStores/s/upload". */
	return span_is(before_last, "operations") || (n % 2 == 0 && is_collection(first));
}

bool
remote_name_is_lasting(struct span name)
{
	static const char *const names[] = { "tunedModels", "fileSearchStores", "corpora", NULL };

	return is_one_of(span_cut(&name, '/'), names);
}

/* Without its last segment; empty: it has but one. */
static struct span
without_last(struct span name)
{
	while (name.len > 0 && name.p[name.len - 1] != '/')
		name.len--;
	if (name.len > 0)
		name.len--;
	return name;
}

/* The longest that is a name. */
static struct span
longest_name(struct span s)
{
	while (s.len > 0 && !remote_name_is_valid(s))
		s = without_last(s);
	return s;
}

struct span
remote_name_parent(struct span name)
{
	return longest_name(without_last(name));
}

static bool
is_version(struct span segment)
{
	return segment.len >= 2 && segment.p[0] == 'v' && segment.p[1] >= '0' &&
	       segment.p[1] <= '9';
}

/* Without the verb of a method: "files/abc:download". */
static struct span
without_verb(struct span rest)
{
	for (size_t i = rest.len; i-- > 0 && rest.p[i] != '/';)
		if (rest.p[i] == ':')
			return span_mem(rest.p, i);
	return rest;
}

struct span
remote_name_of_path(struct span path)
{
	struct span rest = path, segment;

	if (span_cut(&rest, '/').len > 0)
		return SPAN_NONE;
	segment = span_cut(&rest, '/');
	if (span_is(segment, "upload") || span_is(segment, "download"))
		segment = span_cut(&rest, '/');
	if (!is_version(segment) || rest.p == NULL)
		return SPAN_NONE;
	if (rest.len > 0 && rest.p[rest.len - 1] == '/')
		rest.len--;
	return longest_name(without_verb(rest));
}

/* What stands behind base; p == NULL: it is another address. */
static struct span
below(struct span uri, struct span base)
{
	while (base.len > 0 && base.p[base.len - 1] == '/')
		base.len--;
	if (base.len == 0 || uri.len <= base.len || uri.p[base.len] != '/' ||
	    strncasecmp(uri.p, base.p, base.len) != 0)
		return SPAN_NONE;
	return span_mem(uri.p + base.len, uri.len - base.len);
}

struct span
remote_name_of_uri(struct span uri, struct span base)
{
	struct span path;

	if (remote_name_is_valid(uri))
		return uri;
	path = below(uri, SPAN(GOOGLE));
	if (path.p == NULL)
		path = below(uri, base);
	return path.p != NULL ? remote_name_of_path(span_cut(&path, '?')) : SPAN_NONE;
}

/* ---- requests ---- */

void
remote_names_init(struct remote_names *r)
{
	r->n = r->used = 0;
}

void
remote_names_add(struct remote_names *r, struct span name)
{
	if (!name.p || !remote_name_is_valid(name) || r->n == REMOTE_NAMES ||
	    name.len > sizeof(r->text) - r->used)
		return;
	for (size_t i = 0; i < r->n; i++)
		if (span_eq(r->names[i], name))
			return;
	memcpy(r->text + r->used, name.p, name.len);
	r->names[r->n++] = span_mem(r->text + r->used, name.len);
	r->used += name.len;
}

/* The member whose key was just read may name something. */
static bool
may_name(const struct outline *o)
{
	static const char *const keys[] = { "cachedContent", "fileUri", "uri", "fileName",
		"fileSearchStoreNames", "model", NULL };

	return is_one_of(outline_key(o), keys);
}

static void
note_text(struct remote_names *r, struct outline_text text, struct span base)
{
	char raw[URI_MAX];
	struct buf plain = BUF_INIT;

	if (text.len > sizeof(raw))
		return;
	scan_text(&plain, span_mem(raw, outline_text_copy(text, raw, sizeof(raw))));
	remote_names_add(r, remote_name_of_uri(buf_span(&plain), base));
	buf_fini(&plain);
}

void
remote_names_of_body(struct remote_names *r, const struct body *body, struct span base)
{
	enum outline_token t;
	struct outline o;
	bool names_some = false;

	outline_init(&o, body);
	while ((t = outline_next(&o)) > OUTLINE_DONE) {
		if (t == OUTLINE_STRING && names_some)
			note_text(r, o.text, base);
		else if (t == OUTLINE_KEY)
			names_some = may_name(&o);
		else if (t == OUTLINE_CLOSE)
			names_some = false;
		if (t == OUTLINE_KEY && outline_is_foreign(&o))
			outline_skip(&o);
	}
}

/* ---- answers ---- */

struct showing {
	struct arena *arena; /* borrowed */
	struct remote_shown *shown;
	size_t n, room;
};

/* until: RFC 3339, escaped; empty: not said. */
static int64_t
time_of(struct showing *showing, struct span until)
{
	int64_t wall_ms = 0;

	if (until.len > 0)
		wall_ms = quota_timestamp_ms(arena_dup_span(showing->arena, until));
	return wall_ms > 0 ? wall_ms : 0;
}

static void
show(struct showing *showing, struct span escaped, struct span until)
{
	struct buf plain = BUF_INIT;
	struct remote_shown shown = { .until_wall_ms = time_of(showing, until) };
	size_t i = 0;

	scan_text(&plain, escaped);
	shown.name = remote_name_of_uri(buf_span(&plain), SPAN_NONE);
	while (i < showing->n && !span_eq(showing->shown[i].name, shown.name))
		i++;
	if (i < showing->n && shown.until_wall_ms > 0) {
		showing->shown[i].until_wall_ms = shown.until_wall_ms;
	} else if (i == showing->n && shown.name.len > 0 && i < showing->room) {
		shown.name = arena_span(showing->arena, shown.name);
		showing->shown[showing->n++] = shown;
	}
	buf_fini(&plain);
}

/* Members in which objects are shown, themselves or in lists.  What else an answer has may be what
 * a model said, or a client. */
static bool
holds_objects(struct span key)
{
	static const char *const names[] = { "file", "files", "cachedContents", "batches",
		"operations", "tunedModels", "fileSearchStores", "documents", "corpora",
		"generatedFiles", "metadata", "output", "response", "generateVideoResponse",
		"generatedSamples", "video", NULL };

	return is_one_of(key, names);
}

/* Members that name an object which is not shown itself. */
static bool
refers(struct span key)
{
	static const char *const names[] = { "uri", "responsesFile", "tunedModel", NULL };

	return is_one_of(key, names);
}

static void read_shown(struct showing *showing, struct scan *s, unsigned depth);

static void
read_shown_value(struct showing *showing, struct scan *s, unsigned depth)
{
	if (scan_type(s) == SCAN_OBJECT && depth < SHOWN_DEPTH) {
		read_shown(showing, s, depth + 1);
	} else if (scan_type(s) == SCAN_ARRAY && depth < SHOWN_DEPTH) {
		scan_array(s);
		while (scan_item(s))
			read_shown_value(showing, s, depth + 1);
	} else {
		scan_skip(s, NULL);
	}
}

static void
read_shown(struct showing *showing, struct scan *s, unsigned depth)
{
	struct span key, name = SPAN_NONE, until = SPAN_NONE, other;

	scan_object(s);
	while (scan_member(s, &key)) {
		if (span_is(key, "name")) {
			read_text(s, &name);
		} else if (span_is(key, "expirationTime") || span_is(key, "expireTime")) {
			read_text(s, &until);
		} else if (refers(key)) {
			other = SPAN_NONE;
			read_text(s, &other);
			show(showing, other, SPAN_NONE);
		} else if (holds_objects(key)) {
			read_shown_value(showing, s, depth);
		} else {
			scan_skip(s, NULL);
		}
	}
	show(showing, name, until);
}

size_t
remote_names_of_answer(
    struct span answer, struct arena *arena, struct remote_shown *shown, size_t room)
{
	struct showing showing = { .arena = arena, .shown = shown, .room = room };
	struct scan s;

	scan_init(&s, answer);
	read_shown_value(&showing, &s, 0);
	return scan_end(&s) ? showing.n : 0;
}
