/*
 * Client keys: who may come in.  Kept only as keyed hashes; looked up in the store by hash,
 * so the time taken says nothing about near misses, and a store of 100,000 costs no memory here.
 */
#ifndef POLLUX_ADMIT_CLIENT_H
#define POLLUX_ADMIT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/text.h"
#include "store/label.h"
#include "store/store.h"
#include "store/writer.h"

enum client_source { CLIENT_FROM_OPERATOR, CLIENT_FROM_ENVIRONMENT, CLIENT_FROM_FIRST_RUN };

#define CLIENT_ID_LEN     12
#define CLIENT_KEY_PREFIX "plx-"

struct client {
	char id[CLIENT_ID_LEN + 1];
	char label[LABEL_MAX + 1];
	enum client_source source;
	bool enabled;
	int64_t created_wall_ms;
	unsigned char hash[SEAL_HASH_BYTES];
};

/* The presented key out of Authorization: Bearer, x-goog-api-key, x-api-key, ?key= (in this
 * order); p == NULL when none was.  query's value is percent-decoded into arena. */
struct span client_presented(struct span authorization, struct span goog, struct span x_api_key,
    struct span query, struct arena *);
/* False: err UNAUTHORIZED (no such key, or disabled). */
bool client_identify(
    struct store *, const struct seal *, struct span key, struct client *, struct err *);
void client_make_key(struct buf *out); /* a new random key */
void client_hash(const struct seal *, struct span key, unsigned char out[SEAL_HASH_BYTES]);
bool client_check_key(
    struct span key, struct err *); /* one brought along: 16 to 256 printable characters */
void client_encode(const struct client *, struct buf *record);
bool client_decode(struct span hash, struct span record, struct client *);

#endif
