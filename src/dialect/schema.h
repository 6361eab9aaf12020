/*
 * The one adapter of JSON Schema, for the parameters of tools and for the format of answers, used
 * by every dialect.  Pure.
 *
 * Two targets.  Google's JSON-Schema fields (parametersJsonSchema, responseJsonSchema) take most
 * of it; the older Schema (parameters, responseSchema) is a subset of OpenAPI's, for models that
 * know no other and for a second try after a refusal.  Both by an allow-list (lesson 10): a word
 * that is not known is left out.  Key order is kept, numbers are copied as they were written.
 * (Google: Gemini API, structured output, function calling, type Schema.)
 *
 * What the wires leave open is decided so:
 *
 *	a wrong value (lesson 17)  refused with its place where it is structure (type, properties,
 *				   items, anyOf, enum, required, $ref ...), left out where it
 *				   describes or limits (description, minLength, format ...); null
 *				   is as good as absent, and [] as good as {} (PHP)
 *	references		   to any place of the text, an $anchor or an $id; one that leads
 *				   nowhere or away is left out, its siblings stay; for Schema they
 *				   are written out, one that loops three times and then as
 *				   {"type":"OBJECT"}, in fewer turns where that grows too large
 *	loops in JSON Schema	   stay references; the property around one is not required any
 *				   more, since Gemini takes them nowhere else
 *	objects without properties stay {"type":"OBJECT"}, save the root of a tool
 *	a choice and siblings	   for Schema the siblings go into each alternative; alternatives
 *				   that only require something are left out
 *	what cannot be said	   (numbers of an enum, formats, an excluded bound) is told in the
 *				   description
 */
#ifndef POLLUX_DIALECT_SCHEMA_H
#define POLLUX_DIALECT_SCHEMA_H

#include <stdbool.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define SCHEMA_DEPTH_MAX 32 /* what is nested deeper is refused */

enum schema_target { SCHEMA_JSON, SCHEMA_OPENAPI };
enum schema_use {
	SCHEMA_OF_TOOL,  /* the root must be an object: wrapped if it is none, omitted if empty */
	SCHEMA_OF_ANSWER /* propertyOrdering is added where it is missing */
};

struct schema_order {
	enum schema_target target;
	enum schema_use use;
	const char *field; /* its path in the request, for errors: "tools[0].function.parameters" */
	struct span title; /* escaped: for a root that has none; may be empty */
};

struct schema_made {
	bool omitted; /* nothing was written: no object, or one that says nothing */
	bool wrapped; /* below {type:object,properties:{value:...}}: unwrap the arguments; where
		       * it loops, value may be absent */
};

/*
 * json: the raw value as it stands in a request that was already scanned.  Appends the schema, or
 * nothing when it is omitted.  False, nothing appended: err BAD_REQUEST names the field and the
 * place in it ("tools[0].function.parameters.properties.a.type").  arena: for scratch; the
 * exchange's.  What is large has scratch of its own, which is gone with the call.
 *
 * A tool is omitted when it has no properties; for the JSON-Schema fields a schema of all others
 * (additionalProperties) is as good.  An answer is omitted when any value would do.
 */
bool schema_write(const struct schema_order *, struct span json, struct arena *, struct buf *out,
    struct schema_made *, struct err *);

#endif
