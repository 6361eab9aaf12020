/*
 * The format that an answer is to have: see openai_format.h.  Pure, runs in workers, owns nothing.
 */
#include "dialect/openai_format.h"

#include "dialect/dialect.h"
#include "dialect/private.h"
#include "dialect/schema.h"

#define FIELD        "response_format"
#define SCHEMA_FIELD FIELD ".json_schema.schema"
#define JSON_MIME    "application/json"

/* What is said where there is no field for it.  Without quotes or backslashes: it is escaped as
 * it stands. */
#define IN_JSON   "Answer with one JSON value alone, without code fences or other text."
#define BY_SCHEMA " It must be valid under this JSON Schema: "

/* ---- reading ---- */

static bool
read_schema_member(struct openai_format *f, struct scan *s, struct span key, struct err *e)
{
	enum scan_type type = scan_type(s);

	if (scan_key_is(key, "name")) {
		if (type != SCAN_STRING && type != SCAN_NULL)
			return refuse(e, "must be a string", FIELD ".json_schema.name");
		return type == SCAN_NULL ? scan_null(s) : scan_string(s, &f->name);
	}
	if (!scan_key_is(key, "schema"))
		return scan_skip(s, NULL);
	f->schema = SPAN_NONE;
	if (take_null(s))
		return true;
	if (type != SCAN_OBJECT && type != SCAN_BOOL)
		return refuse(e, "must be an object", SCHEMA_FIELD);
	return scan_skip(s, &f->schema);
}

static bool
read_schema(struct openai_format *f, struct scan *s, struct err *e)
{
	struct span key;
	bool ok = true;

	f->schema = f->name = SPAN_NONE;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return refuse(e, "must be an object", FIELD ".json_schema");
	scan_object(s);
	while (ok && scan_member(s, &key))
		ok = read_schema_member(f, s, key, e);
	return ok;
}

static bool
set_type(struct openai_format *f, struct span type, bool has_schema, struct err *e)
{
	if (type.p == NULL)
		return refuse(e, "is missing", FIELD ".type");
	if (scan_key_is(type, "json_schema")) {
		f->mime = SPAN(JSON_MIME);
		return has_schema || refuse(e, "is missing", FIELD ".json_schema");
	}
	f->schema = f->name = SPAN_NONE;
	if (scan_key_is(type, "text"))
		return true;
	f->mime = scan_key_is(type, "json_object") ? SPAN(JSON_MIME) : type;
	return memchr(f->mime.p, '/', f->mime.len) != NULL ||
	       refuse(e, "must be text, json_object, json_schema or a MIME type", FIELD ".type");
}

bool
openai_format_read(struct openai_format *f, struct scan *s, struct err *e)
{
	struct span key, type = SPAN_NONE;
	bool ok = true, has_schema = false;

	*f = (struct openai_format){ .mime = SPAN_NONE };
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return refuse(e, "must be an object", FIELD);
	scan_object(s);
	while (ok && scan_member(s, &key)) {
		if (scan_key_is(key, "json_schema")) {
			has_schema = scan_type(s) != SCAN_NULL;
			ok = read_schema(f, s, e);
		} else if (!scan_key_is(key, "type")) {
			scan_skip(s, NULL);
		} else if (scan_type(s) != SCAN_STRING) {
			ok = refuse(e, "must be a string", FIELD ".type");
		} else {
			scan_string(s, &type);
		}
	}
	return ok && s->fault == NULL && set_type(f, type, has_schema, e);
}

/* ---- writing ---- */

static bool
is_json(const struct openai_format *f)
{
	return scan_key_is(f->mime, JSON_MIME);
}

static bool
make_schema(const struct openai_format *f, enum schema_target target, struct arena *arena,
    struct buf *out, struct err *e)
{
	struct schema_order order = {
		.target = target, .use = SCHEMA_OF_ANSWER, .field = SCHEMA_FIELD, .title = f->name
	};
	struct schema_made made = { .omitted = false };

	return f->schema.p == NULL || schema_write(&order, f->schema, arena, out, &made, e);
}

static void
write_words(struct span schema, struct buf *out)
{
	struct buf quoted = BUF_INIT;

	buf_add_lit(out, IN_JSON);
	if (schema.len > 0) {
		scan_quote(&quoted, schema);
		buf_add_lit(out, BY_SCHEMA);
		buf_add(out, quoted.data + 1, quoted.len - 2);
	}
	buf_fini(&quoted);
}

static void
write_fields(
    const struct openai_format *f, bool subset, struct span schema, struct object_writer *o)
{
	object_escaped(o, "responseMimeType", f->mime);
	if (schema.len > 0)
		object_raw(o, subset ? "responseSchema" : "responseJsonSchema", schema);
}

bool
openai_format_write(const struct openai_format *f, const struct model_facts *facts, bool with_tools,
    struct call *c, struct arena *arena, struct object_writer *config, struct buf *instruction,
    struct err *e)
{
	bool in_words = (facts->lacks & LACKS(JSON_MODE)) != 0 ||
			(with_tools && (facts->lacks & LACKS(FORMAT_WITH_TOOLS)) != 0);
	bool subset = !in_words && (facts->lacks & LACKS(JSON_SCHEMA)) != 0;
	struct buf schema = BUF_INIT;
	bool ok;

	if (f->mime.len == 0)
		return true;
	ok = make_schema(f, subset ? SCHEMA_OPENAPI : SCHEMA_JSON, arena, &schema, e);
	if (ok && !in_words)
		write_fields(f, subset, buf_span(&schema), config);
	else if (ok && is_json(f))
		write_words(buf_span(&schema), instruction);
	else if (ok)
		dialect_ignore(c, arena, SPAN(FIELD));
	buf_fini(&schema);
	return ok;
}
