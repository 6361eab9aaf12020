/*
 * Members of an answer, read and written for people.  What is missing reads as "" or 0.
 */
#ifndef POLLUX_POLLUXCTL_MEMBER_H
#define POLLUX_POLLUXCTL_MEMBER_H

#include <jansson.h>
#include <stdint.h>
#include "base/text.h"

const char *member_text(const json_t *object, const char *name);
int64_t member_int(const json_t *object, const char *name);

/* "38s", "12m05s", "5h10m", "3d04h": two units are as much as one reads. */
void member_add_span(struct buf *, int64_t seconds);
void member_add_ms(struct buf *, int64_t ms);
void member_add_bytes(struct buf *, int64_t bytes);
void member_add_day(struct buf *, int64_t unix_s); /* 0: "-" */
/* What a terminal would obey is not passed on to it. */
void member_add_clean(struct buf *, const char *text);

#endif
