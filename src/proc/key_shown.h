/*
 * A key as JSON, for `polluxctl keys list` and `keys show`.  Runs in the janitor.  The key itself
 * is never in it.
 */
#ifndef POLLUX_PROC_KEY_SHOWN_H
#define POLLUX_PROC_KEY_SHOWN_H

#include <jansson.h>
#include "proc/key_state.h"
#include "upstream/credential.h"

/* As one of many: the key as a whole, and the worst of its models.  The caller owns it. */
json_t *key_in_short(const struct key_scene *, const struct credential *);
/* With every model that anything is known of.  only: as in key_stands_worst. */
json_t *key_in_full(const struct key_scene *, const struct credential *, int only);

/* For members of answers: text that is no UTF-8 shows as "". */
void shown_text(json_t *object, const char *name, const char *text);
void shown_int(json_t *object, const char *name, int64_t n);
/* Rounded up, so that 0 means now; null below 0. */
void shown_seconds(json_t *object, const char *name, int64_t ms);

#endif
