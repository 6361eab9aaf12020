/*
 * The LMDB environment.  Runs in the janitor (the only writer) and in workers (readers); each
 * process owns the one that it opened after its fork.
 *
 * MDB_NOTLS, so that a reader's slot belongs to a transaction object, which is reset and
 * renewed instead of made each time, and a second one may be open beside it.  Full sync.  No
 * MDB_WRITEMAP, with which a stray pointer would reach the file; no MDB_NOMEMINIT, which would
 * write old heap content (perhaps secrets) into the file's free space.
 *
 * Whatever moves the map (growing, following another's growth, opening anew) happens while
 * no transaction is under way in this process: values handed out point into the map.
 */
#include "store/environment.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "store/schema.h"

#define READERS_MAX      1024 /* slots of 64 bytes: workers of two generations and to spare */
#define GROW_LEAST_BYTES (1u << 20)
#define OPEN_TRIES       64 /* from one page to the end of the address space by doubling */

struct environment {
	char *dir; /* owned */
	bool writes;
	MDB_env *lmdb; /* owned; NULL after a failed reopening, until one succeeds */
	MDB_dbi tables[TABLE_COUNT];
	uint64_t map_bytes;
	MDB_txn *idle;   /* owned: a reading transaction, reset, for the next one to begin */
	unsigned active; /* transactions under way */
	bool writing;
	bool grow;   /* the map was full: more of it before the next transaction */
	bool reopen; /* the library gave the environment up */
};

/* ---- what the library says ---- */

/* LMDB says EIO for a write that the disk took only in part, as most file systems do when they
 * run full. */
bool
environment_fail(struct environment *v, int rc, const char *what, struct err *e)
{
	switch (rc) {
	case MDB_MAP_FULL:
		v->grow = true;
		return err_retry(e, ERR_FULL, 1, "%s: the store's map is full", what);
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return err_set(
		    e, ERR_FULL, "%s: the disk of the store is full (%s)", what, strerror(rc));
	case EIO:
		return err_set(e, ERR_FULL,
		    "%s: the disk of the store took only a part of a write: it is full or failing",
		    what);
	default:
		return err_set(e, ERR_SYSTEM, "%s: %s", what, mdb_strerror(rc));
	}
}

/* ---- opening ---- */

static uint64_t
whole_pages(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return bytes ? (bytes + page - 1) / page * page : page;
}

static void
let_go(struct environment *v)
{
	if (v->idle)
		mdb_txn_abort(v->idle);
	v->idle = NULL;
	if (v->lmdb)
		mdb_env_close(v->lmdb);
	v->lmdb = NULL;
}

static int
open_files(struct environment *v)
{
	int rc = mdb_env_create(&v->lmdb);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(v->lmdb, TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(v->lmdb, READERS_MAX);
	if (rc == 0)
		rc = mdb_env_set_mapsize(v->lmdb, v->map_bytes);
	if (rc == 0)
		rc = mdb_env_open(v->lmdb, v->dir, MDB_NOTLS | (v->writes ? 0 : MDB_RDONLY), 0600);
	return rc;
}

/* Handles live as long as the environment: opened in one transaction of its own at the start. */
static int
open_tables(struct environment *v)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(v->lmdb, NULL, v->writes ? 0 : MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	for (int t = 0; t < TABLE_COUNT && rc == 0; t++)
		rc = mdb_dbi_open(
		    txn, table_name((enum table)t), v->writes ? MDB_CREATE : 0, &v->tables[t]);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static uint64_t
more_map(const struct environment *v)
{
	uint64_t least = v->map_bytes + GROW_LEAST_BYTES;

	return whole_pages(v->map_bytes * 2 > least ? v->map_bytes * 2 : least);
}

/* A map too small for the tables themselves grows as it would later; one that another process
 * has grown is adopted. */
static bool
open_whole(struct environment *v, struct err *e)
{
	int rc = open_files(v);

	for (int i = 0; rc == 0 && i < OPEN_TRIES; i++) {
		MDB_envinfo info;

		mdb_env_info(v->lmdb, &info);
		v->map_bytes = info.me_mapsize;
		rc = open_tables(v);
		if (rc == 0)
			return true;
		if (rc == MDB_MAP_FULL)
			rc = mdb_env_set_mapsize(v->lmdb, more_map(v));
		else if (rc == MDB_MAP_RESIZED)
			rc = mdb_env_set_mapsize(v->lmdb, 0);
	}
	let_go(v);
	return environment_fail(v, rc, "the store cannot be opened", e);
}

struct environment *
environment_open(const char *dir, bool writes, uint64_t map_bytes, struct err *e)
{
	struct environment *v = mem_alloc(sizeof(*v));

	v->dir = mem_dup(dir);
	v->writes = writes;
	v->map_bytes = whole_pages(map_bytes);
	if (!open_whole(v, e))
		environment_close(&v);
	return v;
}

void
environment_close(struct environment **slot)
{
	struct environment *v = *slot;

	if (!v)
		return;
	assert(v->active == 0);
	let_go(v);
	mem_free(v->dir);
	mem_free(v);
	*slot = NULL;
}

/* ---- what moves the map ---- */

static void
set_map(struct environment *v, uint64_t bytes)
{
	int rc = mdb_env_set_mapsize(v->lmdb, bytes);
	MDB_envinfo info;

	if (rc != 0) {
		/* The old mapping is gone as well. */
		v->reopen = true;
		log_error("store", "the map cannot be changed", "bytes=%" PRIu64 " cause=%s", bytes,
		    mdb_strerror(rc));
		return;
	}
	mdb_env_info(v->lmdb, &info);
	v->map_bytes = info.me_mapsize;
}

static void
grow(struct environment *v)
{
	v->grow = false;
	set_map(v, more_map(v));
	if (!v->reopen)
		log_info("store", "the map was full and has grown", "bytes=%" PRIu64, v->map_bytes);
}

/* After a failed write of its own head the library refuses everything until it is opened anew. */
static bool
revive(struct environment *v, struct err *e)
{
	let_go(v);
	if (!open_whole(v, e))
		return false;
	v->reopen = false;
	log_warn("store", "the store was opened anew", "dir=%s", v->dir);
	return true;
}

static bool
settle(struct environment *v, struct err *e)
{
	if (v->active)
		return true;
	if ((v->reopen || !v->lmdb) && !revive(v, e))
		return false;
	if (v->grow)
		grow(v);
	return !v->reopen || revive(v, e);
}

/* ---- transactions ---- */

static int
begin_once(struct environment *v, bool writes, MDB_txn **txn)
{
	int rc;

	if (writes || !v->idle)
		return mdb_txn_begin(v->lmdb, NULL, writes ? 0 : MDB_RDONLY, txn);
	*txn = v->idle;
	v->idle = NULL;
	rc = mdb_txn_renew(*txn);
	if (rc != 0)
		mdb_txn_abort(*txn);
	return rc;
}

static int
begin(struct environment *v, bool writes, MDB_txn **txn)
{
	int rc = begin_once(v, writes, txn);

	if (rc == MDB_MAP_RESIZED && v->active == 0) {
		set_map(v, 0); /* takes the size that another process gave it */
		rc = v->reopen ? MDB_PANIC : begin_once(v, writes, txn);
	} else if (rc == MDB_READERS_FULL) {
		environment_check_readers(v);
		rc = begin_once(v, writes, txn);
	}
	v->reopen |= rc == MDB_PANIC;
	return rc;
}

bool
environment_begin(struct environment *v, bool writes, MDB_txn **txn, struct err *e)
{
	int rc;

	assert(!writes || (v->writes && !v->writing));
	if (!settle(v, e))
		return false;
	rc = begin(v, writes, txn);
	if (rc == MDB_PANIC && v->active == 0) {
		if (!revive(v, e))
			return false;
		rc = begin(v, writes, txn);
	}
	if (rc != 0)
		return environment_fail(v, rc, "the store takes no transaction", e);
	v->active++;
	v->writing |= writes;
	return true;
}

static void
ended(struct environment *v, bool writes)
{
	assert(v->active > 0);
	v->active--;
	if (writes)
		v->writing = false;
	/* At once where it can be, so that whoever asks for the size hears the new one. */
	if (v->grow && v->active == 0 && !v->reopen)
		grow(v);
}

bool
environment_commit(struct environment *v, MDB_txn *txn, struct err *e)
{
	int rc = mdb_txn_commit(txn);

	if (rc != 0)
		environment_fail(v, rc, "the store did not take the commit", e);
	ended(v, true);
	return rc == 0;
}

void
environment_abort(struct environment *v, MDB_txn *txn, bool writes)
{
	if (writes || v->idle) {
		mdb_txn_abort(txn);
	} else {
		mdb_txn_reset(txn); /* keeps its slot, pins nothing */
		v->idle = txn;
	}
	ended(v, writes);
}

/* ---- questions ---- */

MDB_dbi
environment_table(const struct environment *v, unsigned table)
{
	assert(table < TABLE_COUNT);
	return v->tables[table];
}

void
environment_check_readers(struct environment *v)
{
	int dead = 0;

	if (v->lmdb && mdb_reader_check(v->lmdb, &dead) == 0 && dead > 0)
		log_debug("store", "readers that died were cleared", "n=%d", dead);
}

uint64_t
environment_used_bytes(struct environment *v)
{
	MDB_envinfo info;
	MDB_stat stat;

	if (!v->lmdb || mdb_env_info(v->lmdb, &info) != 0 || mdb_env_stat(v->lmdb, &stat) != 0)
		return 0;
	return (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
}

uint64_t
environment_map_bytes(const struct environment *v)
{
	return v->map_bytes;
}
