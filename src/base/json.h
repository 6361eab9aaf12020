/*
 * jansson with typed getters that say which path was wrong.  For configuration,
 * administration and odd shapes; never on the way of a request.
 *
 * A json_t * argument is borrowed.  path is the value's own path in the input and is only
 * used for the error: "clients[2]"; it may be "" or NULL.  Optional getters leave *out alone
 * when the key is absent or null.  A text with a NUL character in it is refused.
 */
#ifndef POLLUX_BASE_JSON_H
#define POLLUX_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/text.h"

/*
 * NULL on error; caller owns.  What base/scan.h takes is taken, save numbers that fit neither
 * 64 bits nor a double; errors never quote the input.  Of equal names the last one counts.
 */
json_t *json_parse(struct span text, const char *path, struct err *);
bool json_want_text(const json_t *obj, const char *key, const char *path, const char **out,
    struct err *);
bool json_opt_text(const json_t *obj, const char *key, const char *path, const char **out,
    struct err *);
bool json_want_int(const json_t *obj, const char *key, const char *path, int64_t min, int64_t max,
    int64_t *out, struct err *);
bool json_opt_int(const json_t *obj, const char *key, const char *path, int64_t min, int64_t max,
    int64_t *out, struct err *);
bool json_opt_bool(const json_t *obj, const char *key, const char *path, bool *out, struct err *);
/* Compact, keys in the order of insertion; appended to out. */
void json_print(struct buf *out, const json_t *);

#endif
