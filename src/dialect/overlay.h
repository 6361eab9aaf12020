/*
 * One object of Gemini's laid over another, which is how a client's own generation_config meets
 * what was made of its other fields.  Google takes names in camelCase and in snake_case: here
 * both are one.  Pure; takes no memory for what is passed on.
 */
#ifndef POLLUX_DIALECT_OVERLAY_H
#define POLLUX_DIALECT_OVERLAY_H

#include <stdbool.h>
#include "base/text.h"

#define OVERLAY_MEMBERS_MAX 64 /* of an object that another is laid over */

/* escaped: as the scanner gives it; camel: "thinkingConfig".  Either way of writing will do. */
bool overlay_key_is(struct span escaped, const char *camel);

/* Whether a member of upper, by its name in either way of writing, is taken. */
typedef bool overlay_take(void *ctx, struct span escaped);

/*
 * Both are raw JSON objects that were scanned before.  Appends one that holds the members of
 * both: where both have one, upper's value counts, and objects are merged the same way, all but
 * schemas.  There null in upper is as good as absent and the last of several wins; what upper alone
 * has is passed on as it stands.  lower's order comes first; its names are in camelCase, and with
 * more members than OVERLAY_MEMBERS_MAX it is replaced.  take is asked of upper's own members;
 * NULL: all.
 */
void overlay_write(
    struct span lower, struct span upper, overlay_take *take, void *ctx, struct buf *out);

#endif
