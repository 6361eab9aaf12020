/*
 * One schema as it is to be written: its words, put together with those of its allOf and of the
 * references that are written out in its place.  Pure; for the two writers, schema_json.c and
 * schema_openapi.c.
 *
 * A view is an allow-list: a word that is not in the table below is not seen (lesson 10).  What
 * a word's value must be is checked here (lesson 17).  A wrong one in the structure is refused
 * with its place, a wrong one in what merely describes or limits is left out, and null is as
 * good as absent.
 */
#ifndef POLLUX_DIALECT_SCHEMA_VIEW_H
#define POLLUX_DIALECT_SCHEMA_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "dialect/schema_refs.h"
#include "dialect/schema_tree.h"
#include "dialect/schema_types.h"

#define SCHEMA_UNROLL 3 /* so often a reference that loops is written out in itself */

#define SCHEMA_OF(type) (1u << SCHEMA_TYPE_##type)
#define SCHEMA_OF_ANY   0xffu
#define SCHEMA_OF_SIZED (SCHEMA_OF(NUMBER) | SCHEMA_OF(INTEGER))
#define SCHEMA_OF_NOTE  0u /* it describes, and limits nothing */

/* What the value must be; else it is left out, or, from MAP on, refused. */
enum schema_value {
	SCHEMA_VALUE_ANY,
	SCHEMA_VALUE_TEXT,
	SCHEMA_VALUE_FLAG,
	SCHEMA_VALUE_SIZE,   /* a whole number, not below 0 */
	SCHEMA_VALUE_NUMBER, /* that a double can hold */
	SCHEMA_VALUE_BOUND,  /* such a number, or true or false as in older drafts */
	SCHEMA_VALUE_OPEN,   /* a schema */
	SCHEMA_VALUE_ORDER,  /* a list of strings */
	SCHEMA_VALUE_MAP,    /* of schemas by name; or [], which PHP makes of an empty one */
	SCHEMA_VALUE_ITEMS,  /* a schema or a list of them */
	SCHEMA_VALUE_LIST,
	SCHEMA_VALUE_SCHEMAS, /* a list of them */
	SCHEMA_VALUE_NAMES,   /* a list of strings; the true of older drafts is left out */
	SCHEMA_VALUE_TYPE,
	SCHEMA_VALUE_REF
};

/* In order of the names.	word, name, value, the types that it limits */
#define SCHEMA_WORDS(W)                                                                            \
	W(ANCHOR, "$anchor", TEXT, SCHEMA_OF_NOTE)                                                 \
	W(DEFS, "$defs", MAP, SCHEMA_OF_NOTE)                                                      \
	W(ID, "$id", TEXT, SCHEMA_OF_NOTE)                                                         \
	W(REF, "$ref", REF, SCHEMA_OF_ANY)                                                         \
	W(ADDITIONAL_PROPERTIES, "additionalProperties", OPEN, SCHEMA_OF(OBJECT))                  \
	W(ALL_OF, "allOf", SCHEMAS, SCHEMA_OF_ANY)                                                 \
	W(ANY_OF, "anyOf", SCHEMAS, SCHEMA_OF_ANY)                                                 \
	W(CONST, "const", ANY, SCHEMA_OF_ANY)                                                      \
	W(DEFAULT, "default", ANY, SCHEMA_OF_NOTE)                                                 \
	W(DEFINITIONS, "definitions", MAP, SCHEMA_OF_NOTE)                                         \
	W(DESCRIPTION, "description", TEXT, SCHEMA_OF_NOTE)                                        \
	W(ENUM, "enum", LIST, SCHEMA_OF_ANY)                                                       \
	W(EXAMPLE, "example", ANY, SCHEMA_OF_NOTE)                                                 \
	W(EXAMPLES, "examples", ANY, SCHEMA_OF_NOTE)                                               \
	W(EXCLUSIVE_MAXIMUM, "exclusiveMaximum", BOUND, SCHEMA_OF_SIZED)                           \
	W(EXCLUSIVE_MINIMUM, "exclusiveMinimum", BOUND, SCHEMA_OF_SIZED)                           \
	W(FORMAT, "format", TEXT, SCHEMA_OF(STRING) | SCHEMA_OF_SIZED)                             \
	W(ITEMS, "items", ITEMS, SCHEMA_OF(ARRAY))                                                 \
	W(MAX_ITEMS, "maxItems", SIZE, SCHEMA_OF(ARRAY))                                           \
	W(MAX_LENGTH, "maxLength", SIZE, SCHEMA_OF(STRING))                                        \
	W(MAX_PROPERTIES, "maxProperties", SIZE, SCHEMA_OF(OBJECT))                                \
	W(MAXIMUM, "maximum", NUMBER, SCHEMA_OF_SIZED)                                             \
	W(MIN_ITEMS, "minItems", SIZE, SCHEMA_OF(ARRAY))                                           \
	W(MIN_LENGTH, "minLength", SIZE, SCHEMA_OF(STRING))                                        \
	W(MIN_PROPERTIES, "minProperties", SIZE, SCHEMA_OF(OBJECT))                                \
	W(MINIMUM, "minimum", NUMBER, SCHEMA_OF_SIZED)                                             \
	W(NULLABLE, "nullable", FLAG, SCHEMA_OF_NOTE)                                              \
	W(ONE_OF, "oneOf", SCHEMAS, SCHEMA_OF_ANY)                                                 \
	W(PATTERN, "pattern", TEXT, SCHEMA_OF(STRING))                                             \
	W(PREFIX_ITEMS, "prefixItems", SCHEMAS, SCHEMA_OF(ARRAY))                                  \
	W(PROPERTIES, "properties", MAP, SCHEMA_OF(OBJECT))                                        \
	W(PROPERTY_ORDERING, "propertyOrdering", ORDER, SCHEMA_OF(OBJECT))                         \
	W(REQUIRED, "required", NAMES, SCHEMA_OF(OBJECT))                                          \
	W(TITLE, "title", TEXT, SCHEMA_OF_NOTE)                                                    \
	W(TYPE, "type", TYPE, SCHEMA_OF_ANY)

enum schema_word {
#define SCHEMA_WORD_ENUM(word, name, value, of) SCHEMA_WORD_##word,
	SCHEMA_WORDS(SCHEMA_WORD_ENUM)
#undef SCHEMA_WORD_ENUM
	    SCHEMA_WORD_COUNT
};

enum schema_word schema_word_find(struct span name); /* SCHEMA_WORD_COUNT: it is none */
const char *schema_word_name(enum schema_word);
unsigned schema_word_of(enum schema_word); /* SCHEMA_OF bits */

/* ---- the work at hand: one try at one schema ---- */

struct schema_work {
	bool openapi;        /* for Google's Schema; else for its JSON-Schema fields */
	bool orders;         /* propertyOrdering is added where it is missing */
	bool root_object;    /* the root has to be an object, and is one */
	const char *field;   /* borrowed, like the rest; of the request, for errors */
	struct span title;   /* escaped; for a root that has none; may be empty */
	struct arena *arena; /* scratch */
	struct buf *out;
	struct err *err;
	struct schema_node *root;
	unsigned depth_max;
	enum schema_root how;
	unsigned unroll;         /* SCHEMA_UNROLL, or less on a further try */
	unsigned expanding;      /* references that are being written out just now */
	size_t spent, spend_max; /* parts that are written in place of references */
	size_t bytes_max;        /* of out */
	uint32_t views;
	bool too_large; /* a step said false for this, and left err alone */
};

/* Each schema that is written begins so; the root has depth 1. */
bool schema_work_enter(struct schema_work *, const struct schema_node *, unsigned depth);
/* "FIELD WHAT" against the node's place; returns false. */
bool schema_work_refuse(struct schema_work *, const struct schema_node *, const char *what);

/* ---- a view ---- */

struct schema_opened;

struct schema_view {
	const struct schema_node *word[SCHEMA_WORD_COUNT]; /* the value that counts; or NULL */
	uint16_t source[SCHEMA_WORD_COUNT];                /* the so-manieth schema said it */
	uint8_t order[SCHEMA_WORD_COUNT];                  /* of words, as they came */
	uint8_t count;
	bool in_place; /* no reference is being written out around it */
	bool nullable; /* it may be null, for whatever reason but its type */
	bool merged;   /* of more than one schema */
	bool cut;      /* a reference was left out since it loops too deeply: any object */
	uint32_t number;
	uint16_t sources;
	struct schema_parts *properties, *required; /* that word[] is made of; last first */
	struct schema_opened *opened;
};

/*
 * view_end undoes what a view leaves marked and must be called, also after false; what is
 * written below a view is written before its end.
 */
void schema_view_begin(struct schema_work *, struct schema_view *);
/* Takes what limits from another view, which is complete: weaker than what is collected. */
void schema_view_inherit(struct schema_work *, struct schema_view *, const struct schema_view *);
/*
 * word[REQUIRED] is then an object of names, word[PROPERTIES] one of all of them.  For OpenAPI
 * anyOf and oneOf are word[ANY_OF], which is there only with two or more alternatives that are
 * not null; a single one is taken in.
 */
bool schema_view_collect(struct schema_work *, struct schema_view *, const struct schema_node *);
/* The schema's own words only, whatever it refers to. */
bool schema_view_own(struct schema_work *, struct schema_view *, const struct schema_node *);
void schema_view_end(struct schema_work *, struct schema_view *);

/* It is said, and nothing is said by the other word or only behind it. */
bool schema_view_leads(const struct schema_view *, enum schema_word, enum schema_word other);
/* Something limits the value, apart from its type and alternatives. */
bool schema_view_limits(const struct schema_view *);
#endif
