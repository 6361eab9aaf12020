/*
 * Encryption at rest: XChaCha20-Poly1305 with the record's table and key as associated data, so
 * a sealed value cannot be moved to another record.  The key file (a header and one line for
 * each key, 0600) is made by the janitor at the first start and read by workers; subkeys for
 * sealing and for keyed hashes are derived from it (crypto_kdf).
 *
 * A sealed value begins with the number of the key that sealed it, so keys can be rotated: the
 * file may hold several, the last one seals.  The first one stays for good: keyed hashes
 * cannot be made anew without what was hashed, so they and the fingerprint hang on it.
 */
#ifndef POLLUX_STORE_SEAL_H
#define POLLUX_STORE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/text.h"

#define SEAL_HASH_BYTES 32
#define SEAL_KEYS_MAX   64 /* keys in one file */

struct seal;
/* A file that others may read is refused. */
struct seal *seal_open(const char *key_file, bool create, struct err *);
void seal_close(struct seal **); /* wipes */
void seal_wrap(const struct seal *, struct buf *out, struct span plain, struct span associated);
bool seal_unwrap(const struct seal *, struct buf *out, struct span sealed, struct span associated,
    struct err *);
/* BLAKE2b keyed hash; purpose (exactly 8 characters, "client__") separates uses. */
void seal_hash(const struct seal *, const char purpose[8], struct span text,
    unsigned char out[SEAL_HASH_BYTES]);
/* Changes with the key file's first key: the store refuses a key that is not its own. */
void seal_fingerprint(const struct seal *, unsigned char out[SEAL_HASH_BYTES]);

#endif
