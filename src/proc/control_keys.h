/*
 * What the rooms of the words about Gemini keys share.  Both functions refuse the ask when they
 * fail.
 */
#ifndef POLLUX_PROC_CONTROL_KEYS_H
#define POLLUX_PROC_CONTROL_KEYS_H

#include <stdbool.h>
#include "base/text.h"
#include "upstream/credential.h"

struct control_ask;

bool control_keys_load(struct control_ask *, struct credential_set *);
/* By id or label; NULL: refused, with the nearest label. */
struct credential *control_keys_find(
    struct control_ask *, const struct credential_set *, struct span named);

#endif
