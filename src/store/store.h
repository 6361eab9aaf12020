/*
 * The store: one LMDB environment in state.dir, opened after fork, once in each process.
 * Only the janitor opens it for writing.
 *
 * A transaction that met an error ignores further work and reports it at its end:
 *
 *	struct txn t = store_read(s);
 *	struct span rec = store_get(&t, TABLE_CLIENT, key);
 *	bool ok = client_parse(c, rec);		// copies what it keeps: rec dies with t
 *	return store_end(&t, e) && ok;
 *
 * Read transactions live within one turn of the loop.
 */
#ifndef POLLUX_STORE_STORE_H
#define POLLUX_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/schema.h"
#include "store/seal.h"

struct store;
enum store_mode { STORE_READ, STORE_WRITE };

/* Whether there is a store in dir: one that is there must not get a new key file. */
bool store_exists(const char *dir);
/* STORE_WRITE makes what is missing, runs migrations and checks the seal's fingerprint.  A
 * newer format version, or a key file that is not this store's, is refused.  The seal is
 * borrowed. */
struct store *store_open(const char *dir, enum store_mode, uint64_t map_bytes,
    const struct seal *, struct err *);
void store_close(struct store **);

struct txn {
	struct store *store;       /* borrowed */
	void *mdb;                 /* MDB_txn */
	struct arena *arena;       /* owned: unsealed values; made on first use */
	struct unsealed *unsealed; /* of the arena: what is wiped at the end */
	bool writes;
	struct err err;
};

struct txn store_read(struct store *);
struct txn store_write(struct store *);
/* Value (unsealed where the table is sealed), or p == NULL when absent; valid until the end,
 * in a writing transaction until the next change. */
struct span store_get(struct txn *, enum table, struct span key);
bool store_has(struct txn *, enum table, struct span key);
void store_put(struct txn *, enum table, struct span key, struct span value);
void store_erase(struct txn *, enum table, struct span key); /* absent is fine */
/* Each record in key order until fn says false.  fn must not change the table.  A record that
 * does not unseal is logged and left out: one bad sector must not cost all the others. */
void store_each(struct txn *, enum table,
    bool (*fn)(void *ctx, struct span key, struct span value), void *ctx);
uint64_t store_count(struct txn *, enum table);
uint64_t store_table_bytes(struct txn *, enum table); /* pages that its records take */
/* Ends it: a writing one commits (with full sync) unless there was an error.  A full map is
 * grown and reported as ERR_FULL with retry_ms = 1, so that the caller runs the transaction
 * again. */
bool store_end(struct txn *, struct err *);
void store_abort(struct txn *);

void store_check_readers(struct store *);  /* frees slots of dead readers: after each death */
uint64_t store_used_bytes(struct store *); /* what data.mdb holds, pages free for reuse included */
uint64_t store_map_bytes(struct store *);

/* One step of the format, from version `from` to the next, in a transaction of its own. */
struct store_step {
	uint32_t from;
	bool (*run)(struct txn *, struct err *);
};
/* Runs the steps that lead from the store's version to `to`; store_open does it with its own
 * list.  A version it has no step for, or one newer than `to`, is refused. */
bool store_migrate(struct store *, const struct store_step *, size_t n, uint32_t to, struct err *);

#endif
