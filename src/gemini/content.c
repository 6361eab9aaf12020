/*
 * Making contents and parts in Gemini's JSON: see content.h.  Pure, runs in workers, owns
 * nothing: what is written stands in the buffer of the caller.
 */
#include "gemini/content.h"

#include <assert.h>
#include "base/scan.h"

/* ---- a list of contents ---- */

void
content_begin(struct content_list *l, struct buf *out)
{
	*l = (struct content_list){ .out = out };
	buf_add_char(out, '[');
}

static void
close_turn(struct content_list *l)
{
	if (!l->open)
		return;
	if (l->parts == 0)
		content_raw(l, SPAN("{\"text\":\" \"}"));
	buf_add_lit(l->out, "]}");
	l->open = false;
}

void
content_turn(struct content_list *l, const char *role)
{
	close_turn(l);
	if (l->turns++ > 0)
		buf_add_char(l->out, ',');
	buf_add_lit(l->out, "{\"role\":\"");
	buf_add_text(l->out, role);
	buf_add_lit(l->out, "\",\"parts\":[");
	l->parts = 0;
	l->open = true;
}

void
content_text(struct content_list *l, struct span escaped)
{
	assert(l->open);
	if (escaped.len == 0)
		return;
	if (l->parts++ > 0)
		buf_add_char(l->out, ',');
	buf_add_lit(l->out, "{\"text\":\"");
	buf_add_span(l->out, escaped);
	buf_add_lit(l->out, "\"}");
}

void
content_raw(struct content_list *l, struct span part_json)
{
	assert(l->open);
	if (l->parts++ > 0)
		buf_add_char(l->out, ',');
	buf_add_span(l->out, part_json);
}

void
content_end(struct content_list *l)
{
	close_turn(l);
	buf_add_char(l->out, ']');
}

/* ---- an object ---- */

void
object_begin(struct object_writer *o, struct buf *out)
{
	*o = (struct object_writer){ .out = out };
	buf_add_char(out, '{');
}

void
object_key(struct object_writer *o, const char *key)
{
	if (o->members++ > 0)
		buf_add_char(o->out, ',');
	buf_add_char(o->out, '"');
	buf_add_text(o->out, key);
	buf_add_lit(o->out, "\":");
}

void
object_raw(struct object_writer *o, const char *key, struct span json)
{
	object_key(o, key);
	buf_add_span(o->out, json);
}

void
object_text(struct object_writer *o, const char *key, struct span plain)
{
	object_key(o, key);
	scan_quote(o->out, plain);
}

void
object_escaped(struct object_writer *o, const char *key, struct span escaped)
{
	object_key(o, key);
	buf_add_char(o->out, '"');
	buf_add_span(o->out, escaped);
	buf_add_char(o->out, '"');
}

void
object_int(struct object_writer *o, const char *key, int64_t value)
{
	object_key(o, key);
	buf_add_int(o->out, value);
}

void
object_bool(struct object_writer *o, const char *key, bool value)
{
	object_key(o, key);
	buf_add_text(o->out, value ? "true" : "false");
}

void
object_end(struct object_writer *o)
{
	buf_add_char(o->out, '}');
}
