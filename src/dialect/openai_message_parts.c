/*
 * Parts of messages: see openai_message_parts.h.  Pure, runs in workers; owns the list of the
 * parts of the message at hand, media stay where they are in the request.
 */
#include "dialect/openai_message_parts.h"

#include <stdio.h>
#include "base/mem.h"
#include "dialect/media.h"
#include "dialect/openai_message_calls.h"
#include "dialect/private.h"

/*	member and type		what it is of	base64 without a URL is fine */
static const struct medium {
	const char *type, *kind;
	bool is_data;
} media[] = {
	{ "image_url", "image", false },
	{ "input_audio", "audio", true },
	{ "file", "application", true },
	{ "video_url", "video", false },
	{ "input_video", "video", true },
};
#define MEDIA_COUNT (sizeof(media) / sizeof(media[0]))

void
message_parts_fini(struct message_parts *p)
{
	mem_free(p->list);
	*p = (struct message_parts){ 0 };
}

static struct message_part *
add_part(struct message_parts *p)
{
	if (p->count == p->room) {
		p->room = p->room > 0 ? 2 * p->room : 8;
		p->list = mem_resize(p->list, p->room * sizeof(*p->list));
	}
	p->list[p->count] = (struct message_part){ 0 };
	return &p->list[p->count++];
}

/* ---- what a medium is made of ---- */

static struct span *
source_member(struct message_source *m, struct span key, const char **name)
{
	static const char *const data[] = { "url", "data", "file_data" };

	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		if (scan_key_is(key, data[i])) {
			m->data_name = *name = data[i];
			return &m->data;
		}
	if (scan_key_is(key, *name = "file_id"))
		return &m->file_id;
	if (scan_key_is(key, *name = "filename"))
		return &m->filename;
	if (scan_key_is(key, *name = "detail"))
		return &m->detail;
	if (scan_key_is(key, *name = "format") || scan_key_is(key, *name = "mime_type"))
		return &m->format;
	return NULL;
}

static void
read_source_member(struct message_source *m, struct scan *s, struct span key)
{
	const char *name = NULL;
	struct span *out = source_member(m, key, &name);

	if (out == NULL) {
		scan_skip(s, NULL);
		return;
	}
	*out = SPAN_NONE;
	if (take_null(s))
		return;
	if (scan_type(s) == SCAN_STRING) {
		scan_string(s, out);
		return;
	}
	m->wrong = name;
	scan_skip(s, NULL);
}

/* What is wrong in it is told later, if it turns out to be what the part is about. */
static void
read_source(struct message_source *m, struct scan *s)
{
	struct span key;

	*m = (struct message_source){ 0 };
	if (take_null(s))
		return;
	if (scan_type(s) == SCAN_STRING) {
		scan_string(s, &m->data);
	} else if (scan_type(s) == SCAN_OBJECT) {
		scan_object(s);
		while (scan_member(s, &key))
			read_source_member(m, s, key);
	} else {
		m->wrong = "";
		scan_skip(s, NULL);
	}
}

/* ---- one part ---- */

struct part_reading {
	const struct message_parts *list; /* the part is going to stand at its end */
	struct scan *s;
	struct arena *arena;
	struct err *err;
	struct span type, text, refusal; /* escaped; p == NULL: not said */
	struct message_source sources[MEDIA_COUNT];
	struct message_extra extra;
	bool has_extra;
};

static bool
refuse_part(const struct part_reading *r, const char *what, const char *member)
{
	return refuse(r->err, what, "messages[%zu].%s[%zu]%s%s", r->list->message, r->list->name,
	    r->list->count, member[0] != '\0' ? "." : "", member);
}

static bool
read_part_text(struct part_reading *r, const char *member, struct span *out)
{
	*out = SPAN_NONE;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_STRING)
		return refuse_part(r, "must be a string", member);
	return scan_string(r->s, out);
}

static bool
read_part_member(struct part_reading *r, struct span key)
{
	if (scan_key_is(key, "type"))
		return read_part_text(r, "type", &r->type);
	if (scan_key_is(key, "text"))
		return read_part_text(r, "text", &r->text);
	if (scan_key_is(key, "refusal"))
		return read_part_text(r, "refusal", &r->refusal);
	for (size_t i = 0; i < MEDIA_COUNT; i++)
		if (scan_key_is(key, media[i].type)) {
			read_source(&r->sources[i], r->s);
			return true;
		}
	if (message_extra_read(&r->extra, r->s, key))
		r->has_extra = true;
	else
		scan_skip(r->s, NULL);
	return true;
}

/* The part is read: which of its members counts. */
static bool
choose_part(const struct part_reading *r, struct message_part *p)
{
	if (r->type.p == NULL)
		return refuse_part(r, "is missing", "type");
	if (scan_key_is(r->type, "text") || scan_key_is(r->type, "refusal")) {
		p->kind = scan_key_is(r->type, "text") ? MESSAGE_TEXT : MESSAGE_REFUSAL;
		p->text = p->kind == MESSAGE_TEXT ? r->text : r->refusal;
		return p->text.p != NULL ||
		       refuse_part(r, "is missing", p->kind == MESSAGE_TEXT ? "text" : "refusal");
	}
	for (size_t i = 0; i < MEDIA_COUNT; i++) {
		if (!scan_key_is(r->type, media[i].type))
			continue;
		p->kind = MESSAGE_MEDIA;
		p->medium = &media[i];
		p->source = r->sources[i];
		return true;
	}
	return refuse_part(r, "is no known type of part", "type");
}

static bool
read_part(struct message_parts *list, struct scan *s, struct arena *arena, struct err *e)
{
	struct part_reading r = { .list = list, .s = s, .arena = arena, .err = e };
	struct message_part part = { 0 };
	struct span key;

	if (scan_type(s) != SCAN_OBJECT)
		return refuse_part(&r, "must be an object", "");
	scan_object(s);
	while (scan_member(s, &key))
		if (!read_part_member(&r, key))
			return false;
	if (!choose_part(&r, &part))
		return false;
	if (r.has_extra) {
		part.extra = arena_alloc(arena, sizeof(*part.extra));
		*part.extra = r.extra;
	}
	*add_part(list) = part;
	return true;
}

bool
message_parts_read(struct message_parts *list, struct scan *s, struct arena *arena, struct err *e)
{
	list->count = 0;
	scan_array(s);
	while (scan_item(s))
		if (!read_part(list, s, arena, e))
			return false;
	return true;
}

bool
message_content_read(struct message_parts *list, struct scan *s, struct arena *arena, struct err *e)
{
	if (scan_type(s) == SCAN_ARRAY)
		return message_parts_read(list, s, arena, e);
	if (scan_type(s) != SCAN_STRING)
		return refuse(e, "must be a string or a list of parts", "messages[%zu].%s",
		    list->message, list->name);
	list->count = 0;
	return scan_string(s, &add_part(list)->text);
}

/* ---- media, written ---- */

struct media_writing {
	const struct message_media *with;
	const struct message_parts *list;
	size_t at;
	const struct message_part *part;
};

/* "messages[0].content[1].image_url.url" */
static const char *
path_of(const struct media_writing *w, const char *member)
{
	return arena_printf(w->with->arena, "messages[%zu].%s[%zu].%s%s%s", w->list->message,
	    w->list->name, w->at, w->part->medium->type, member[0] != '\0' ? "." : "", member);
}

static bool
refuse_member(const struct media_writing *w, const char *what, const char *member)
{
	return refuse(w->with->err, what, "%s", path_of(w, member));
}

bool
message_part_refuse(const struct message_parts *list, size_t at, const char *what, struct err *e)
{
	return refuse(e, what, "messages[%zu].%s[%zu].type", list->message, list->name, at);
}

/* Beside the data nothing is known there (Gemini API reference, FunctionResponsePart). */
static bool
stands_in_result(const struct message_media *with)
{
	return with->of_result && with->facts->major >= 3;
}

/* Families that know no resolution of a part get the highest that any part asks for. */
static const char *
resolution_of(const struct media_writing *w)
{
	const struct model_facts *facts = w->with->facts;
	struct span detail = w->part->source.detail;
	bool high = scan_key_is(detail, "high");

	if ((facts->lacks & LACKS(MEDIA_RESOLUTION)) || (!high && !scan_key_is(detail, "low")))
		return NULL;
	if (stands_in_result(w->with))
		return NULL;
	if (facts->major >= 3)
		return high ? "MEDIA_RESOLUTION_HIGH" : "MEDIA_RESOLUTION_LOW";
	if (high || *w->with->resolution == NULL)
		*w->with->resolution = high ? "MEDIA_RESOLUTION_HIGH" : "MEDIA_RESOLUTION_LOW";
	return NULL;
}

static void
add_member(struct buf *out, const char *name, struct span json)
{
	buf_printf(out, "%s\"%s\":", out->len > 0 ? "," : "", name);
	buf_add_span(out, json);
}

/* Members of Gemini's part that rode along in the client's. */
static struct span
members_of(const struct media_writing *w)
{
	const struct message_extra *x = w->part->extra;
	struct buf members = BUF_INIT;
	struct span signature = SPAN_NONE, all;

	if (x == NULL || stands_in_result(w->with))
		return SPAN_NONE;
	if (w->with->of_model)
		signature = message_extra_signature(x, w->with->turns);
	if (x->video_metadata.len > 0)
		add_member(&members, "videoMetadata", x->video_metadata);
	if (signature.len > 0)
		buf_printf(&members, "%s\"thoughtSignature\":\"%.*s\"", members.len > 0 ? "," : "",
		    SPAN_ARG(signature));
	all = arena_span(w->with->arena, buf_span(&members));
	buf_fini(&members);
	return all;
}

/* "mp3" of a sound, "mp4" of a film, "application/pdf": what the client calls its data. */
static bool
mime_of(const struct media_writing *w, struct span *mime)
{
	const struct message_source *from = &w->part->source;
	struct arena *arena = w->with->arena;
	struct span format = message_plain(from->format, arena);
	const char *kind = w->part->medium->kind;

	*mime = span_has(format, "/") ? format : SPAN_NONE;
	if (format.len == 0)
		*mime = span_of(media_mime_of_name(message_plain(from->filename, arena)));
	else if (strcmp(kind, "audio") == 0)
		*mime = span_of(media_mime_of_audio(format, arena));
	else if (strcmp(kind, "video") == 0 && mime->len == 0)
		*mime = span_of(arena_printf(arena, "video/%.*s", SPAN_ARG(format)));
	return format.len == 0 || mime->len > 0 || strcmp(kind, "audio") != 0 ||
	       refuse_member(w, "is no known format of sound", "format");
}

static bool
is_google_file(struct span plain)
{
	return span_starts(plain, "files/") ||
	       span_starts(plain, "https://generativelanguage.googleapis.com/v1beta/files/") ||
	       span_starts(plain, "https://generativelanguage.googleapis.com/v1/files/");
}

static bool
check_source(const struct media_writing *w)
{
	const struct message_source *from = &w->part->source;
	bool is_file = strcmp(w->part->medium->type, "file") == 0;

	if (from->wrong != NULL)
		return refuse_member(w,
		    from->wrong[0] != '\0' ? "must be a string" : "must be an object", from->wrong);
	if (from->data.p == NULL && is_file && from->file_id.p != NULL)
		return is_google_file(message_plain(from->file_id, w->with->arena)) ||
		       refuse_member(w, "is no file that is known here", "file_id");
	return from->data.p != NULL ||
	       refuse_member(w, "is missing",
		   is_file ? "file_data" : (w->part->medium->is_data ? "data" : "url"));
}

bool
message_media_write(
    const struct message_media *with, const struct message_parts *list, size_t at, struct rope *out)
{
	struct media_writing w = { with, list, at, &list->list[at] };
	const struct message_source *from = &w.part->source;
	bool by_id = from->data.p == NULL;
	struct media m = { .kind = w.part->medium->kind };

	if (!check_source(&w) || !mime_of(&w, &m.mime))
		return false;
	m.url = by_id ? from->file_id : from->data;
	m.field = path_of(&w, by_id ? "file_id" : (from->data_name != NULL ? from->data_name : ""));
	m.resolution = resolution_of(&w);
	m.extra = members_of(&w);
	return (w.part->medium->is_data && !by_id ? media_write_data : media_write)(
	    &m, with->req, with->arena, with->call, out, with->err);
}
