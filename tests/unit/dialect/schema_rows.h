/*
 * What the tests of the schema adapter share: rows of what a client declares, what Gemini's
 * JSON-Schema fields get of it and what its older Schema gets.  In rows and in texts a ' stands
 * for a ".  Whatever is written is looked at by the oracle, which knows what Google takes.
 */
#ifndef POLLUX_TESTS_SCHEMA_ROWS_H
#define POLLUX_TESTS_SCHEMA_ROWS_H

#include "base/scan.h"
#include "dialect/schema.h"
#include "tests/fuzz/schema_oracle.h"
#include "tests/unit/unit.h"

#define FIELD "tools[0].function.parameters"
#define SAME  "="

struct row {
	const char *in;
	const char *json;    /* SAME: as it came in; "": omitted; NULL: not looked at */
	const char *openapi; /* likewise */
};

static inline char *
json_of(struct span text)
{
	char *json = mem_dup_span(text);

	if (memchr(json, '"', text.len) != NULL)
		return json; /* it is no text of these tests */
	for (size_t i = 0; i < text.len; i++)
		if (json[i] == '\'')
			json[i] = '"';
	return json;
}

static inline void
assert_json(const struct buf *out, const char *wanted)
{
	char *json = json_of(span_of(wanted));

	if (!span_is(buf_span(out), json))
		fail_msg("%.4000s, but\n%.4000s was wanted", buf_text(out), json);
	mem_free(json);
}

static inline bool
adapt_as(const struct schema_order *order, struct span text, struct buf *out,
    struct schema_made *made, struct err *e)
{
	struct arena *arena = arena_new(0);
	char *json = json_of(text);
	const char *fault = NULL;
	bool ok;

	*e = ERR_INIT;
	buf_clear(out);
	assert_true(scan_check(span_mem(json, text.len), NULL, NULL));
	ok = schema_write(order, span_mem(json, text.len), arena, out, made, e);
	if (!ok)
		assert_int_equal(out->len, 0);
	else if (!made->omitted)
		fault = oracle_schema_fault(buf_span(out), order->target == SCHEMA_OPENAPI);
	if (fault != NULL)
		fail_msg("%s: %.2000s", fault, buf_text(out));
	mem_free(json);
	arena_free(&arena);
	return ok;
}

static inline bool
adapt(enum schema_target target, enum schema_use use, struct span text, struct buf *out,
    struct schema_made *made, struct err *e)
{
	struct schema_order order = { .target = target, .use = use, .field = FIELD };

	return adapt_as(&order, text, out, made, e);
}

static inline void
expect(enum schema_target target, enum schema_use use, const char *in, const char *wanted)
{
	struct buf out = BUF_INIT;
	struct schema_made made;
	struct err e;

	if (wanted == NULL)
		return;
	if (!adapt(target, use, span_of(in), &out, &made, &e))
		fail_msg("%s: %s", in, e.text);
	assert_json(&out, strcmp(wanted, SAME) == 0 ? in : wanted);
	assert_int_equal(made.omitted, *wanted == '\0');
	buf_fini(&out);
}

/* Rows of whole schemas. */
static inline void
each_root(enum schema_use use, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		expect(SCHEMA_JSON, use, rows[i].in, rows[i].json);
		expect(SCHEMA_OPENAPI, use, rows[i].in, rows[i].openapi);
	}
}

static inline void
expect_part(enum schema_target target, const char *in, const char *wanted)
{
	char *whole, *made;

	if (wanted == NULL)
		return;
	whole = mem_printf("{'type':'object','properties':{'v':%s}}", in);
	made = mem_printf("{'type':'%s','properties':{'v':%s}}",
	    target == SCHEMA_JSON ? "object" : "OBJECT", strcmp(wanted, SAME) == 0 ? in : wanted);
	expect(target, SCHEMA_OF_TOOL, whole, made);
	mem_free(whole);
	mem_free(made);
}

/* Rows of schemas that stand in a property of a tool. */
static inline void
each_part(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		expect_part(SCHEMA_JSON, rows[i].in, rows[i].json);
		expect_part(SCHEMA_OPENAPI, rows[i].in, rows[i].openapi);
	}
}

#define EACH_PART(rows)      each_part(rows, COUNT(rows))
#define EACH_ROOT(use, rows) each_root(use, rows, COUNT(rows))

#endif
