/*
 * A write as bytes.  Runs on both ends of the link between worker and janitor; owns nothing.
 */
#include "store/write.h"

#include <assert.h>

enum { TAG_TABLE = 1, TAG_KEY = 2, TAG_VALUE = 3, TAG_CHANGE = 4 };

void
write_encode(struct buf *out, const struct write_op *ops, size_t n)
{
	size_t size = 0;

	/* Room at once: a buffer that grows leaves copies of secrets behind. */
	for (size_t i = 0; i < n; i++)
		size += ops[i].key.len + ops[i].value.len + 64;
	buf_reserve(out, size);
	for (size_t i = 0; i < n; i++) {
		assert(ops[i].key.len >= 1 && ops[i].key.len <= SCHEMA_KEY_MAX);
		record_put_text(out, TAG_TABLE, span_of(table_name(ops[i].table)));
		record_put_text(out, TAG_KEY, ops[i].key);
		if (ops[i].value.p)
			record_put_text(out, ops[i].only_change ? TAG_CHANGE : TAG_VALUE, ops[i].value);
	}
}

void
write_begin(struct write_reader *r, struct span body)
{
	*r = (struct write_reader){ .op.key = SPAN_NONE };
	record_begin(&r->fields, body);
}

/* The fields of one operation after its table; stops at the next one's table, which it keeps. */
static bool
take_field(struct write_reader *r, unsigned tag, struct span value, struct write_op *out)
{
	switch (tag) {
	case TAG_KEY:
		r->broken |= out->key.p != NULL || value.len < 1 || value.len > SCHEMA_KEY_MAX;
		out->key = value;
		return true;
	case TAG_VALUE:
	case TAG_CHANGE:
		r->broken |= out->key.p == NULL || out->value.p != NULL;
		out->only_change = tag == TAG_CHANGE;
		out->value = value;
		return true;
	default:
		/* A part that this version does not know cannot be left out of a write. */
		r->broken = true;
		return false;
	}
}

static bool
take_table(struct write_reader *r, struct span name)
{
	r->op = (struct write_op){ .key = SPAN_NONE };
	r->held = table_find(name, &r->op.table);
	r->broken |= !r->held;
	return r->held;
}

bool
write_next(struct write_reader *r, struct write_op *out)
{
	unsigned tag;
	struct span value;

	if (!r->held && !r->broken && record_next(&r->fields, &tag, &value)) {
		if (tag != TAG_TABLE || !take_table(r, value))
			r->broken = true;
	}
	r->broken |= r->fields.broken;
	if (r->broken || !r->held)
		return false;
	*out = r->op;
	r->held = false;
	while (record_next(&r->fields, &tag, &value)) {
		if (tag == TAG_TABLE) {
			take_table(r, value);
			break;
		}
		if (!take_field(r, tag, value, out))
			break;
	}
	r->broken |= r->fields.broken || out->key.p == NULL;
	return !r->broken;
}

bool
write_check(struct span body, size_t *n, struct err *e)
{
	struct write_reader r;
	struct write_op op;

	*n = 0;
	write_begin(&r, body);
	while (write_next(&r, &op))
		++*n;
	if (!r.broken && *n > 0)
		return true;
	return err_set(e, ERR_BAD_REQUEST, "a write that cannot be read");
}

void
write_refusal_put(struct buf *out, const struct err *e)
{
	buf_printf(out, "%s: %s", err_kind_name(e->kind), e->text);
}

void
write_refusal_parse(struct span line, struct err *e)
{
	for (int k = ERR_NONE + 1; k < ERR_KIND_COUNT; k++) {
		const char *name = err_kind_name((enum err_kind)k);
		size_t len = strlen(name);

		if (!span_starts(line, name) || line.len < len + 2 || line.p[len] != ':')
			continue;
		line = span_trim(span_mem(line.p + len + 1, line.len - len - 1));
		err_set(e, (enum err_kind)k, "%.*s", SPAN_ARG(line));
		return;
	}
	err_set(e, ERR_SYSTEM, "%.*s", SPAN_ARG(line));
}
