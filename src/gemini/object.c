/*
 * Writing JSON objects: see object.h.  Pure, runs in workers, owns nothing: what is written stands
 * in the buffer of the caller.
 */
#include "gemini/object.h"

#include "base/scan.h"

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
