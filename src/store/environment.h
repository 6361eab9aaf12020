/*
 * The LMDB environment of one process: its map, which grows; its handles; the beginning and
 * the end of transactions.  For store/store.c alone, which knows what records are.
 */
#ifndef POLLUX_STORE_ENVIRONMENT_H
#define POLLUX_STORE_ENVIRONMENT_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct environment;

/* Opens what stands in dir; writes: makes what is missing, tables too. */
struct environment *environment_open(const char *dir, bool writes, uint64_t map_bytes,
    struct err *);
void environment_close(struct environment **); /* no transaction may be under way */

/* At most one writing transaction at a time; any number of reading ones. */
bool environment_begin(struct environment *, bool writes, MDB_txn **, struct err *);
/* Of a writing one; the transaction is gone either way. */
bool environment_commit(struct environment *, MDB_txn *, struct err *);
void environment_abort(struct environment *, MDB_txn *, bool writes);

/* Handle of a table (enum table); it may change between transactions. */
MDB_dbi environment_table(const struct environment *, unsigned table);
/* Turns what the library said into an err; a full map grows before the next transaction. */
bool environment_fail(struct environment *, int rc, const char *what, struct err *);

void environment_check_readers(struct environment *);
uint64_t environment_used_bytes(struct environment *);
uint64_t environment_map_bytes(const struct environment *);

#endif
