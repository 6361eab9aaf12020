/*
 * What stands in the store: tables, keys, records, format version.
 *
 * A record is a list of tagged fields: varint tag, varint length, bytes.  An unknown tag is
 * kept when a record is copied and skipped when it is read, so an older binary survives a newer
 * record of the same format version.  Integers are zigzag varints.  Each domain's room owns
 * its tags (upstream/credential.c, admit/client.c).
 */
#ifndef POLLUX_STORE_SCHEMA_H
#define POLLUX_STORE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

#define SCHEMA_FORMAT_VERSION 1
#define SCHEMA_KEY_MAX        511 /* bytes of a key, from 1: what LMDB takes */

enum table {
#define TABLE(name, text, sealed, generation, help) TABLE_##name,
#include "store/schema.def"
#undef TABLE
	TABLE_COUNT
};
const char *table_name(enum table);
bool table_find(struct span name, enum table *out); /* by its name */
bool table_is_sealed(enum table);
int table_generation(enum table); /* enum board_generation, or -1 */

/* Keys of the table meta that belong to the store itself. */
#define SCHEMA_META_FORMAT      SPAN("format")      /* format version, decimal text */
#define SCHEMA_META_FINGERPRINT SPAN("fingerprint") /* seal_fingerprint of the key file */

void record_put_text(struct buf *, unsigned tag, struct span);
void record_put_int(struct buf *, unsigned tag, int64_t);

struct record {
	struct span rest;
	bool broken;
};
void record_begin(struct record *, struct span raw);
/* False at the end, or when it is broken. */
static inline bool record_next(struct record *, unsigned *tag, struct span *value);
bool record_int(struct span value, int64_t *out);

bool record_next_long(struct record *, unsigned *tag, struct span *value); /* for record_next */

/* A start reads millions of fields: those whose tag and length are a byte each, which is nearly all,
 * are read in place. */
static inline bool
record_next(struct record *r, unsigned *tag, struct span *value)
{
	const unsigned char *p = (const unsigned char *)r->rest.p;

	if (r->broken || r->rest.len < 2 || (p[0] | p[1]) & 0x80 || p[1] > r->rest.len - 2)
		return record_next_long(r, tag, value);
	*tag = p[0];
	*value = (struct span){ r->rest.p + 2, p[1] };
	r->rest.p += 2 + p[1];
	r->rest.len -= 2u + p[1];
	return true;
}

#endif
