/*
 * What an operator pasted where a Gemini key was asked for: a key, what looks like one, or
 * something else that should not have been shown to anybody.  Pure.  No text made here repeats it.
 */
#ifndef POLLUX_PROC_PASTED_H
#define POLLUX_PROC_PASTED_H

#include <stdbool.h>
#include "base/err.h"
#include "base/text.h"

struct pasted {
	struct span key; /* without the white space around it; in what was pasted */
	char doubt[160]; /* why it may be none after all; "" when it looks like one */
};

/* False: it is none, and err says what it looks like. */
bool pasted_read(struct span text, struct pasted *, struct err *);
/* It begins as Gemini keys do and is long enough for one: nothing that a label should be. */
bool pasted_is_gemini(struct span);
/* Whether somebody knows it as his: a key of another service, a token, a file's beginning. */
bool pasted_is_foreign(struct span);
/* A line NAME=VALUE of an .env file, with or without "export" and quotes around the value. */
bool pasted_assignment(struct span line, struct span *name, struct span *value);
/* Whether variables of this name hold Gemini keys. */
bool pasted_names_keys(struct span name);
/* "AIza...9x2Q": enough to find it again, not to use it. */
void pasted_hint(struct span key, struct buf *out);

#endif
