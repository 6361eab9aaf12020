/*
 * What polluxctl reads from standard input: a key, or many lines.
 */
#ifndef POLLUX_POLLUXCTL_INPUT_H
#define POLLUX_POLLUXCTL_INPUT_H

#include <stdbool.h>
#include "base/err.h"
#include "base/text.h"

/* From a terminal it asks with prompt and shows nothing of what is typed; from anything else it
 * takes all there is.  out is reserved first, so that wiping it leaves no copy. */
bool input_secret(const char *prompt, struct buf *out, struct err *);
bool input_lines(const char *prompt, struct buf *out, struct err *);

#endif
