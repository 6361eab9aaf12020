/*
 * A small world for tests of what stands on board and store: both in a directory of their
 * own, with two credentials, at a fixed time.
 */
#ifndef POLLUX_TESTS_UPSTREAM_WORLD_H
#define POLLUX_TESTS_UPSTREAM_WORLD_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/unit.h"
#include "base/mem.h"
#include "ipc/board.h"
#include "store/store.h"
#include "upstream/credential.h"

#define T0     INT64_C(1790000000000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

struct world {
	char dir[64];
	struct seal *seal;
	struct store *store;
	struct board *board;
};

static inline void
world_path(const struct world *w, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", w->dir, name);
}

static inline int
world_open(void **state)
{
	static const struct board_sizes sizes = { .cells = 4096,
		.subjects = 4096,
		.models = 64,
		.windows = 4096,
		.leases = 256,
		.traces = 64 };
	struct world *w = calloc(1, sizeof(*w));
	struct err e = ERR_INIT;
	char path[128];
	bool kept;

	strcpy(w->dir, "/tmp/pollux-world-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	world_path(w, "key", path);
	w->seal = seal_open(path, true, &e);
	assert_non_null(w->seal);
	world_path(w, "store", path);
	assert_int_equal(mkdir(path, 0700), 0);
	w->store = store_open(path, STORE_WRITE, 16 << 20, w->seal, &e);
	if (!w->store)
		fail_msg("%s", e.text);
	world_path(w, "board", path);
	w->board = board_create(path, &sizes, &kept, &e);
	if (!w->board)
		fail_msg("%s", e.text);
	*state = w;
	return 0;
}

static inline int
world_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int
world_close(void **state)
{
	struct world *w = *state;

	board_detach(&w->board);
	store_close(&w->store);
	seal_close(&w->seal);
	nftw(w->dir, world_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* Stores a credential of a project ("": of none); its id is written to id. */
static inline void
world_add_of(struct world *w, const char *project, const char *label, const char *secret,
    bool enabled, int64_t created, char id[CREDENTIAL_ID_LEN + 1])
{
	struct credential c = { .label = (char *)label,
		.secret = (char *)secret,
		.project = (char *)project,
		.note = (char *)"",
		.enabled = enabled,
		.created_wall_ms = created };
	struct buf record = BUF_INIT;
	struct err e = ERR_INIT;

	credential_make_id(span_of(secret), w->seal, id);
	credential_encode(&c, &record);
	struct txn t = store_write(w->store);

	store_put(&t, TABLE_CREDENTIAL, span_of(id), buf_span(&record));
	if (!store_end(&t, &e))
		fail_msg("%s", e.text);
	board_bump(w->board, BOARD_GEN_CREDENTIALS);
	buf_wipe(&record);
}

static inline void
world_add(struct world *w, const char *label, const char *secret, bool enabled, int64_t created,
    char id[CREDENTIAL_ID_LEN + 1])
{
	world_add_of(w, "", label, secret, enabled, created, id);
}

#endif
