/*
 * The schema adapter: the first byte picks target, use and title, the rest is a schema.  What is
 * written is a schema that Google takes; for the JSON-Schema fields it passes unchanged when it
 * is put in again.
 */
#include <assert.h>
#include <stdio.h>
#include "base/scan.h"
#include "dialect/schema.h"
#include "tests/fuzz/schema_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* An adapted schema is not adapted any further; if nothing was left in it, it may be left out. */
static void
check_again(const struct schema_order *order, struct span json)
{
	struct arena *arena = arena_new(0);
	struct buf out = BUF_INIT;
	struct schema_made made;
	struct err e = ERR_INIT;

	if (!schema_write(order, json, arena, &out, &made, &e) ||
	    (!made.omitted && !span_eq(buf_span(&out), json))) {
		printf("%.*s\nbecomes\n%s%s\n", SPAN_ARG(json), buf_text(&out), e.text);
		assert(!"the second pass changes what the first one wrote");
	}
	assert(!made.wrapped);
	buf_fini(&out);
	arena_free(&arena);
}

static void
check_written(const struct schema_order *order, struct span json)
{
	const char *fault = oracle_schema_fault(json, order->target == SCHEMA_OPENAPI);

	if (fault != NULL) {
		printf("%s: %.*s\n", fault, SPAN_ARG(json));
		assert(!"what is written is no schema");
	}
	if (order->target == SCHEMA_JSON)
		check_again(order, json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span json = span_mem(data + 1, len > 0 ? len - 1 : 0);
	struct schema_order order = { .field = "f" };
	struct arena *arena;
	struct buf out = BUF_INIT;
	struct schema_made made;
	struct err e = ERR_INIT;

	if (len == 0 || !scan_check(json, NULL, NULL))
		return 0;
	order.target = data[0] & 1 ? SCHEMA_OPENAPI : SCHEMA_JSON;
	order.use = data[0] & 2 ? SCHEMA_OF_ANSWER : SCHEMA_OF_TOOL;
	order.title = data[0] & 4 ? SPAN("a \\\"title\\\"") : SPAN_NONE;
	arena = arena_new(0);
	buf_add_lit(&out, "before");
	if (!schema_write(&order, json, arena, &out, &made, &e)) {
		assert(out.len == 6 && e.kind == ERR_BAD_REQUEST && !made.omitted && !made.wrapped);
	} else if (made.omitted) {
		assert(out.len == 6 && !made.wrapped);
	} else {
		assert(!made.wrapped || order.use == SCHEMA_OF_TOOL);
		check_written(&order, span_mem(out.data + 6, out.len - 6));
	}
	buf_fini(&out);
	arena_free(&arena);
	return 0;
}
