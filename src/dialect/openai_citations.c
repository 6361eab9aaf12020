/*
 * Citations: see openai_citations.h.  Pure, runs in workers, owns nothing.
 *
 * Three scales are in play.  A segment is so many bytes into a part; with what the parts before
 * it held that is a place in Gemini's text, the visible texts joined.  From there to code points
 * of the same text, and with the insets before it to a place in the content.
 *
 * (Gemini API reference, GroundingMetadata, Segment, CitationMetadata; OpenAI API reference,
 * chat completions, url_citation.)
 */
#include "dialect/openai_citations.h"

#include "base/scan.h"
#include "gemini/object.h"
#include "gemini/read.h"

#define STARTS_WORDS 64
#define STARTS_BYTES (STARTS_WORDS * (size_t)64)

/* Gemini's answers have some ten members of grounding and some hundred citations. */
#define FACTS_MAX             64
#define ANNOTATIONS_MAX       4096
#define ANNOTATIONS_BYTES_MAX (8u << 20)

struct openai_starts {
	struct openai_starts *next;
	size_t used; /* bits */
	uint64_t bits[STARTS_WORDS];
};

struct openai_inset {
	struct openai_inset *next;
	size_t at;     /* in Gemini's text */
	size_t points; /* code points */
};

struct openai_place {
	struct openai_place *next;
	size_t part; /* its number */
	size_t at;   /* in Gemini's text */
};

struct openai_fact {
	struct openai_fact *next;
	struct openai_kept name;    /* escaped */
	struct openai_kept value;   /* compact; the last said */
	struct openai_pieces *list; /* where its items are gathered instead; or NULL */
};

/* ---- text ---- */

static bool
is_start(char c)
{
	return ((unsigned char)c & 0xC0) != 0x80;
}

/* Unescaped, where it has escapes; else the very same.  The caller ends scratch. */
static struct span
plain_of(struct span escaped, struct buf *scratch)
{
	if (!scan_has_escape(escaped))
		return escaped;
	scan_text(scratch, escaped);
	return buf_span(scratch);
}

static void
note_start(struct openai_citations *c, struct arena *a, bool starts)
{
	struct openai_starts *s = c->last_starts;

	if (s == NULL || s->used == STARTS_BYTES) {
		s = arena_alloc(a, sizeof(*s));
		if (c->last_starts != NULL)
			c->last_starts->next = s;
		else
			c->starts = s;
		c->last_starts = s;
	}
	if (starts)
		s->bits[s->used / 64] |= UINT64_C(1) << s->used % 64;
	s->used++;
}

void
openai_citations_text(struct openai_citations *c, struct arena *a, struct span escaped)
{
	struct buf scratch = BUF_INIT;
	struct span text = plain_of(escaped, &scratch);

	for (size_t i = 0; i < text.len; i++) {
		if (c->starts == NULL && (unsigned char)text.p[i] < 0x80)
			c->ascii++;
		else
			note_start(c, a, is_start(text.p[i]));
	}
	c->bytes += text.len;
	buf_fini(&scratch);
}

void
openai_citations_inset(struct openai_citations *c, struct arena *a, struct span escaped)
{
	struct buf scratch = BUF_INIT;
	struct span text = plain_of(escaped, &scratch);
	struct openai_inset *in = c->last_inset;

	if (text.len > 0 && (in == NULL || in->at != c->bytes)) {
		in = arena_alloc(a, sizeof(*in));
		in->at = c->bytes;
		if (c->last_inset != NULL)
			c->last_inset->next = in;
		else
			c->insets = in;
		c->last_inset = in;
	}
	for (size_t i = 0; i < text.len; i++)
		in->points += is_start(text.p[i]);
	buf_fini(&scratch);
}

void
openai_citations_part(
    struct openai_citations *c, struct arena *a, const struct part *p, bool is_first)
{
	bool goes_on = is_first && c->parts > 0 && p->kind == PART_TEXT && c->kind == PART_TEXT &&
		       p->thought == c->thought;
	struct openai_place *place;

	if (goes_on)
		return;
	c->parts++;
	c->kind = p->kind;
	c->thought = p->thought;
	if (p->kind != PART_TEXT || p->thought)
		return;
	place = arena_alloc(a, sizeof(*place));
	place->part = c->parts - 1;
	place->at = c->bytes;
	if (c->last_place != NULL)
		c->last_place->next = place;
	else
		c->places = place;
	c->last_place = place;
}

/* ---- places ---- */

static bool
starts_at(const struct openai_starts *s, size_t i)
{
	return s->bits[i / 64] >> i % 64 & 1;
}

static size_t
starts_before(const struct openai_starts *s, size_t i)
{
	size_t n = 0;

	for (size_t word = 0; word < i / 64; word++)
		n += (size_t)__builtin_popcountll(s->bits[word]);
	for (size_t at = i & ~(size_t)63; at < i; at++)
		n += starts_at(s, at);
	return n;
}

/* Characters that begin before the byte at; one that is torn there counts from its start. */
static size_t
points_before(const struct openai_citations *c, size_t at)
{
	size_t points = at < c->ascii ? at : c->ascii, left = at - points;
	const struct openai_starts *s = c->starts;

	if (left == 0)
		return points;
	for (; left >= s->used && s->next != NULL; s = s->next) {
		points += starts_before(s, s->used);
		left -= s->used;
	}
	while (left < s->used && !starts_at(s, left)) {
		if (left == 0)
			return points - 1; /* begun in the block before */
		left--;
	}
	return points + starts_before(s, left);
}

/* In the content.  What stands at the place itself is before a beginning and behind an end. */
static size_t
content_place(const struct openai_citations *c, size_t at, bool is_end)
{
	size_t points = points_before(c, at);

	for (const struct openai_inset *in = c->insets; in != NULL; in = in->next)
		if (in->at < at || (in->at == at && !is_end))
			points += in->points;
	return points;
}

struct range {
	int64_t part, start, end;
};

/* Where it stands in Gemini's text; false when that is nowhere, or nothing. */
static bool
range_find(const struct openai_citations *c, const struct range *r, size_t *start, size_t *end)
{
	const struct openai_place *place = c->places;

	/* A part that is not visible text has its words where the next one that is begins. */
	while (place != NULL && (int64_t)place->part < r->part)
		place = place->next;
	if (place == NULL || r->part < 0 || r->start < 0 || r->end <= r->start ||
	    (uint64_t)r->start >= c->bytes - place->at)
		return false;
	*start = place->at + (size_t)r->start;
	*end = (uint64_t)r->end < c->bytes - place->at ? place->at + (size_t)r->end : c->bytes;
	return true;
}

/* ---- gathering ---- */

/* How many items of raw are known already: all that were gathered, or none. */
static size_t
items_known(const struct openai_pieces *list, struct span raw)
{
	const struct openai_text *known = list->first;
	struct buf compact = BUF_INIT;
	struct scan s;
	struct span item;
	bool same = true;

	scan_init(&s, raw);
	scan_array(&s);
	while (scan_item(&s)) {
		scan_skip(&s, &item);
		if (known == NULL || !same)
			continue;
		buf_clear(&compact);
		openai_json_compact(&compact, item);
		same = span_eq(buf_span(&compact), known->json);
		known = known->next;
	}
	buf_fini(&compact);
	return same && known == NULL ? list->count : 0;
}

/* Streams bring what was not sent before; should a list begin with all of that once more, only
 * what follows is new. */
static void
gather_items(struct openai_pieces *list, struct arena *a, struct span raw)
{
	struct buf compact = BUF_INIT;
	struct scan s;
	struct span item;
	size_t known;

	scan_init(&s, raw);
	if (scan_type(&s) != SCAN_ARRAY)
		return;
	known = items_known(list, raw);
	scan_array(&s);
	for (size_t i = 0; scan_item(&s); i++) {
		scan_skip(&s, &item);
		if (i < known)
			continue;
		buf_clear(&compact);
		openai_json_compact(&compact, item);
		openai_pieces_add(list, a, buf_span(&compact));
	}
	buf_fini(&compact);
}

/* NULL: there are too many already. */
static struct openai_fact *
fact_of(struct openai_citations *c, struct arena *a, struct span name)
{
	struct openai_fact **at = &c->facts, *f;
	int count = 0;

	for (; *at != NULL; at = &(*at)->next, count++)
		if (span_eq(openai_kept_span(&(*at)->name), name))
			return *at;
	if (count == FACTS_MAX)
		return NULL;
	f = arena_alloc(a, sizeof(*f));
	openai_kept_set(&f->name, a, name);
	*at = f;
	return f;
}

static void
gather_fact(struct openai_citations *c, struct arena *a, struct span name, struct span raw)
{
	struct openai_fact *f = fact_of(c, a, name);
	struct buf compact = BUF_INIT;

	if (f == NULL)
		return;
	if (scan_key_is(name, "groundingChunks"))
		f->list = &c->chunks;
	else if (scan_key_is(name, "groundingSupports"))
		f->list = &c->supports;
	if (f->list != NULL) {
		gather_items(f->list, a, raw);
		return;
	}
	openai_json_compact(&compact, raw);
	openai_kept_set(&f->value, a, buf_span(&compact));
	buf_fini(&compact);
}

void
openai_citations_gather(struct openai_citations *c, struct arena *a, const struct candidate *k)
{
	struct scan s;
	struct span key, raw;

	scan_init(&s, k->grounding);
	if (k->grounding.p != NULL && read_object(&s))
		while (scan_member(&s, &key))
			if (scan_skip(&s, &raw))
				gather_fact(c, a, key, raw);
	scan_init(&s, k->citation);
	if (k->citation.p != NULL && read_object(&s)) {
		while (scan_member(&s, &key)) {
			scan_skip(&s, &raw);
			/* This API's name and that of the enterprise surface. */
			if (scan_key_is(key, "citationSources") || scan_key_is(key, "citations"))
				gather_items(&c->sources, a, raw);
		}
	}
}

/* ---- reading what was gathered ---- */

struct source {
	struct span uri, title; /* escaped; uri p == NULL: nothing that could be linked to */
};

static void
read_source_members(struct scan *s, struct source *to)
{
	struct span key;

	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "uri") || scan_key_is(key, "sourceUri"))
			read_text(s, &to->uri);
		else if (scan_key_is(key, "title"))
			read_text(s, &to->title);
		else
			scan_skip(s, NULL);
	}
}

/* A grounding chunk: one of web, maps, retrievedContext, image, and what may be new. */
static struct source
chunk_source(struct span json)
{
	struct source found = { SPAN_NONE, SPAN_NONE };
	struct span key;
	struct scan s;

	scan_init(&s, json);
	if (!read_object(&s))
		return found;
	while (scan_member(&s, &key))
		read_source_members(&s, &found);
	return found;
}

static void
read_segment(struct scan *s, struct range *r)
{
	struct span key;

	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "partIndex"))
			read_int(s, &r->part);
		else if (scan_key_is(key, "startIndex"))
			read_int(s, &r->start);
		else if (scan_key_is(key, "endIndex"))
			read_int(s, &r->end);
		else
			scan_skip(s, NULL);
	}
}

/* ---- annotations ---- */

struct annotator {
	const struct openai_citations *citations;
	struct buf *out;
	struct source *sources; /* by their index */
	size_t written;
};

static bool
is_full(const struct annotator *to)
{
	return to->written == ANNOTATIONS_MAX || to->out->len > ANNOTATIONS_BYTES_MAX;
}

static void
annotate(struct annotator *to, const struct range *r, const struct source *from)
{
	struct object_writer o, citation;
	size_t start, end;

	if (is_full(to) || from->uri.len == 0 || !range_find(to->citations, r, &start, &end))
		return;
	if (to->written++ > 0)
		buf_add_char(to->out, ',');
	object_begin(&o, to->out);
	object_text(&o, "type", SPAN("url_citation"));
	object_key(&o, "url_citation");
	object_begin(&citation, to->out);
	object_int(&citation, "start_index", (int64_t)content_place(to->citations, start, false));
	object_int(&citation, "end_index", (int64_t)content_place(to->citations, end, true));
	object_escaped(&citation, "url", from->uri);
	object_escaped(&citation, "title", from->title.len > 0 ? from->title : from->uri);
	object_end(&citation);
	object_end(&o);
}

static void
annotate_support(struct annotator *to, struct span json)
{
	struct span key, indices = SPAN_NONE;
	struct range r = { 0, 0, 0 };
	struct scan s;

	scan_init(&s, json);
	if (!read_object(&s))
		return;
	while (scan_member(&s, &key)) {
		if (scan_key_is(key, "segment"))
			read_segment(&s, &r);
		else if (scan_key_is(key, "groundingChunkIndices"))
			read_raw(&s, &indices);
		else
			scan_skip(&s, NULL);
	}
	scan_init(&s, indices);
	if (indices.p == NULL || !read_array(&s))
		return;
	while (scan_item(&s)) {
		int64_t index = -1;

		read_int(&s, &index);
		if (index >= 0 && (uint64_t)index < to->citations->chunks.count)
			annotate(to, &r, &to->sources[index]);
	}
}

static void
annotate_citation(struct annotator *to, struct span json)
{
	struct source from = { SPAN_NONE, SPAN_NONE };
	struct range r = { 0, 0, 0 };
	struct scan s;

	scan_init(&s, json);
	read_source_members(&s, &from);
	scan_init(&s, json);
	read_segment(&s, &r);
	annotate(to, &r, &from);
}

bool
openai_citations_write(const struct openai_citations *c, struct buf *out)
{
	struct annotator to = { .citations = c, .out = out };
	size_t i = 0;

	to.sources = mem_array(c->chunks.count, sizeof(*to.sources));
	for (const struct openai_text *t = c->chunks.first; t != NULL; t = t->next)
		to.sources[i++] = chunk_source(t->json);
	for (const struct openai_text *t = c->supports.first; t != NULL; t = t->next)
		annotate_support(&to, t->json);
	for (const struct openai_text *t = c->sources.first; t != NULL; t = t->next)
		annotate_citation(&to, t->json);
	mem_free(to.sources);
	return to.written > 0;
}

static void
write_fact(const struct openai_fact *f, struct buf *out)
{
	buf_add_char(out, '"');
	buf_add_span(out, openai_kept_span(&f->name));
	buf_add_lit(out, "\":");
	if (f->list == NULL) {
		buf_add_span(out, openai_kept_span(&f->value));
		return;
	}
	buf_add_char(out, '[');
	openai_pieces_write(f->list, ",", out);
	buf_add_char(out, ']');
}

bool
openai_grounding_write(const struct openai_citations *c, struct buf *out)
{
	if (c->facts == NULL)
		return false;
	for (const struct openai_fact *f = c->facts; f != NULL; f = f->next) {
		buf_add_char(out, f == c->facts ? '{' : ',');
		write_fact(f, out);
	}
	buf_add_char(out, '}');
	return true;
}
