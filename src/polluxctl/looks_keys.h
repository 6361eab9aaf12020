/*
 * The looks of Gemini keys: lists, one in full, what became of an import.
 */
#ifndef POLLUX_POLLUXCTL_LOOKS_KEYS_H
#define POLLUX_POLLUXCTL_LOOKS_KEYS_H

#include <jansson.h>
#include "polluxctl/table.h"

void looks_keys(const struct looks *, const json_t *answer);
void looks_key(const struct looks *, const json_t *key);
void looks_keys_added(const struct looks *, const json_t *answer);
void looks_keys_imported(const struct looks *, const json_t *answer);
void looks_key_tested(const struct looks *, const json_t *answer);

#endif
