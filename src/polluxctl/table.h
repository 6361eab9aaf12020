/*
 * Tables for people: every cell is made first, then the widths are known and it is printed.
 */
#ifndef POLLUX_POLLUXCTL_TABLE_H
#define POLLUX_POLLUXCTL_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/text.h"

enum colour { PLAIN, GREEN, YELLOW, RED, BOLD };

struct looks {
	FILE *to;
	bool colours;
};

#define TABLE_COLUMNS_MAX 12

struct table_cell {
	struct buf text; /* owned */
	enum colour colour;
};

struct table {
	const char *const *heads;
	size_t columns;
	struct table_cell *cells; /* owned; row after row */
	size_t count, room;
};

#define TABLE_INIT(names)                                                                          \
	{                                                                                          \
		.heads = names, .columns = sizeof(names) / sizeof((names)[0])                      \
	}

/* The next cell, to be filled at once. */
struct buf *table_add(struct table *, enum colour);
void table_text(struct table *, enum colour, const char *text); /* "": a dash */
void table_int(struct table *, int64_t n);
void table_print(const struct looks *, struct table *); /* and it is empty again */

/* A line "name   value", a dash where the value is empty. */
void table_field(const struct looks *, const char *name, const struct buf *value);
void table_field_text(const struct looks *, const char *name, const char *text);

#endif
