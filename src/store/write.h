/*
 * What is asked to be written, and the same as bytes: the body of a WRITE frame and of its
 * refusal.  The bytes are for the two ends of writing alone (writer.c, committer.c).
 *
 * The body is a list of fields in the encoding of records.  Each operation begins with its
 * table's name (tag 1), then the key (tag 2), then the value, which an erasing one has not: tag 3,
 * or tag 4 where the record is only to be changed, not made.
 * Tables go by name: their numbers may differ between two versions while one replaces the other.
 */
#ifndef POLLUX_STORE_WRITE_H
#define POLLUX_STORE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/text.h"
#include "store/schema.h"

struct write_op {
	enum table table;
	struct span key;
	struct span value; /* p == NULL: erase */
	bool only_change;  /* nothing is written when there is no such record: it may have been removed */
};

void write_encode(struct buf *out, const struct write_op *, size_t n);

/* Reads op after op: begin, then next until it is false.  broken: what came is no write. */
struct write_reader {
	struct record fields;
	struct write_op op; /* borrowed from the body */
	bool held;          /* its table has been read */
	bool broken;
};
void write_begin(struct write_reader *, struct span body);
bool write_next(struct write_reader *, struct write_op *);
/* Checks the whole; n: how many operations. */
bool write_check(struct span body, size_t *n, struct err *);

/* One line: "full: the disk of the store is full". */
void write_refusal_put(struct buf *out, const struct err *);
void write_refusal_parse(struct span line, struct err *);

#endif
