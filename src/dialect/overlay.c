/*
 * One object of Gemini's laid over another: see overlay.h.  Pure, runs in workers, owns nothing.
 *
 * The lower one is small, being ours; the upper one is a client's and of any size.  So the members
 * of the lower one are looked for in the upper, which is walked twice and never noted.
 */
#include "dialect/overlay.h"

#include "base/scan.h"
#include "gemini/object.h"

/* ---- names ---- */

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* The character of a name in camelCase that stands at *i of one in either way of writing. */
static char
next_char(struct span plain, size_t *i)
{
	char c = plain.p[*i];

	if (c == '_' && *i > 0 && *i + 1 < plain.len && is_lower(plain.p[*i + 1])) {
		c = (char)(plain.p[*i + 1] - 'a' + 'A');
		*i += 1;
	}
	*i += 1;
	return c;
}

static bool
name_is(struct span plain, struct span camel)
{
	size_t i = 0, at = 0;

	while (i < plain.len && at < camel.len)
		if (next_char(plain, &i) != camel.p[at++])
			return false;
	return i == plain.len && at == camel.len;
}

static bool
key_is(struct span escaped, struct span camel)
{
	struct buf plain = BUF_INIT;
	bool is;

	/* An underscore more for each character at the most, and six bytes for each of both. */
	if (escaped.len > 12 * camel.len)
		return false;
	if (!scan_has_escape(escaped))
		return name_is(escaped, camel);
	scan_text(&plain, escaped);
	is = name_is(buf_span(&plain), camel);
	buf_fini(&plain);
	return is;
}

bool
overlay_key_is(struct span escaped, const char *camel)
{
	return key_is(escaped, span_of(camel));
}

/* ---- what both have ---- */

struct member {
	struct span name;  /* of lower */
	struct span below; /* raw */
	struct span above; /* raw; p == NULL: upper has none */
};

struct both {
	struct member members[OVERLAY_MEMBERS_MAX];
	size_t count;
};

static bool
is_null(struct span raw)
{
	return span_is(raw, "null");
}

/* False: there are too many. */
static bool
read_lower(struct both *b, struct span json)
{
	struct scan s;
	struct span name, value;

	b->count = 0;
	scan_init(&s, json);
	if (!scan_object(&s))
		return true;
	while (scan_member(&s, &name)) {
		scan_skip(&s, &value);
		if (b->count == OVERLAY_MEMBERS_MAX)
			return false;
		b->members[b->count++] = (struct member){ .name = name, .below = value };
	}
	return true;
}

static struct member *
find(struct both *b, struct span name)
{
	for (size_t i = 0; i < b->count; i++)
		if (key_is(name, b->members[i].name))
			return &b->members[i];
	return NULL;
}

static bool
is_taken(struct span name, overlay_take *take, void *ctx)
{
	return take == NULL || take(ctx, name);
}

static void
find_upper(struct both *b, struct span json, overlay_take *take, void *ctx)
{
	struct scan s;
	struct span name, value;
	struct member *m;

	scan_init(&s, json);
	if (!scan_object(&s))
		return;
	while (scan_member(&s, &name)) {
		scan_skip(&s, &value);
		m = find(b, name);
		if (m != NULL && !is_null(value) && is_taken(name, take, ctx))
			m->above = value;
	}
}

/* ---- writing ---- */

static bool
is_object(struct span raw)
{
	return raw.len > 0 && raw.p[0] == '{';
}

/* A schema is one thing: half of one and half of another is neither. */
static bool
is_schema(struct span name)
{
	return span_is(name, "responseSchema") || span_is(name, "responseJsonSchema");
}

static void
write_name(struct object_writer *o, struct span escaped)
{
	if (o->members++ > 0)
		buf_add_char(o->out, ',');
	buf_add_char(o->out, '"');
	buf_add_span(o->out, escaped);
	buf_add_lit(o->out, "\":");
}

static void
write_lower(struct object_writer *o, const struct both *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct member *m = &b->members[i];

		write_name(o, m->name);
		if (m->above.p == NULL)
			buf_add_span(o->out, m->below);
		else if (is_object(m->below) && is_object(m->above) && !is_schema(m->name))
			overlay_write(m->below, m->above, NULL, NULL, o->out);
		else
			buf_add_span(o->out, m->above);
	}
}

static void
write_upper(
    struct object_writer *o, struct both *b, struct span json, overlay_take *take, void *ctx)
{
	struct scan s;
	struct span name, value;

	scan_init(&s, json);
	if (!scan_object(&s))
		return;
	while (scan_member(&s, &name)) {
		scan_skip(&s, &value);
		if (find(b, name) != NULL || !is_taken(name, take, ctx))
			continue;
		write_name(o, name);
		buf_add_span(o->out, value);
	}
}

void
overlay_write(struct span lower, struct span upper, overlay_take *take, void *ctx, struct buf *out)
{
	struct object_writer o;
	struct both b;

	if (!read_lower(&b, lower))
		b.count = 0;
	find_upper(&b, upper, take, ctx);
	object_begin(&o, out);
	write_lower(&o, &b);
	write_upper(&o, &b, upper, take, ctx);
	object_end(&o);
}
