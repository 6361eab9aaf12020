/*
 * What the janitor's rooms work on, made for a test: a configuration, an empty store, a key
 * file and a board in a directory of their own.
 */
#ifndef POLLUX_TESTS_PROC_WORLD_H
#define POLLUX_TESTS_PROC_WORLD_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "proc/process.h"
#include "proc/records.h"
#include "store/store.h"
#include "tests/unit/unit.h"

#define WORLD_MAP (8u << 20)
#define WORLD_NOW 1800000000000

struct world {
	char dir[64];
	struct config_input *input;
	struct config *config;
	struct seal *seal;
	struct store *store;
	struct board *board;
	struct birth birth;
	const char *listen_names[3];
};

static inline void
world_say(void *ctx, bool is_error, const char *line)
{
	(void)ctx;
	if (is_error)
		fail_msg("the configuration of the test is wrong: %s", line);
}

/* override: one more setting, or NULL. */
static inline void
world_configure(struct world *w, const char *override)
{
	char *none[] = { NULL };
	char *file = mem_printf("%s/pollux.conf", w->dir);
	char *state = mem_printf("state.dir=%s", w->dir);
	char *run = mem_printf("server.run_dir=%s", w->dir);
	const char *overrides[] = { state, run, override };
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	config_free(&w->config);
	config_input_free(&w->input);
	w->input = config_input_new(file, overrides, override ? 3 : 2, none, world_say, NULL);
	assert_non_null(w->input);
	w->config = config_load(w->input, world_say, NULL);
	assert_non_null(w->config);
	w->birth.config = w->config;
	mem_free(file);
	mem_free(state);
	mem_free(run);
}

static inline void
world_open(struct world *w)
{
	static const struct board_sizes sizes = { .cells = 1024,
		.subjects = 256,
		.models = 16,
		.windows = 256,
		.leases = 64,
		.traces = 16 };
	struct err e = ERR_INIT;
	bool kept;

	*w = (struct world){ .listen_names = { "127.0.0.1:8080" } };
	snprintf(w->dir, sizeof(w->dir), "/tmp/test-proc-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_true(log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, NULL, &e));
	world_configure(w, NULL);
	w->seal = seal_open(w->config->state_key_file, true, &e);
	assert_non_null(w->seal);
	w->store = store_open(w->dir, STORE_WRITE, WORLD_MAP, w->seal, &e);
	assert_non_null(w->store);
	char *board = mem_printf("%s/board", w->dir);

	w->board = board_create(board, &sizes, &kept, &e);
	assert_non_null(w->board);
	mem_free(board);
	w->birth.board = w->board;
	w->birth.listen_names = w->listen_names;
	w->birth.master_pid = getppid();
}

static inline void
world_close(struct world *w)
{
	DIR *dir;

	store_close(&w->store);
	seal_close(&w->seal);
	board_detach(&w->board);
	config_free(&w->config);
	config_input_free(&w->input);
	dir = opendir(w->dir);
	for (struct dirent *d = readdir(dir); d; d = readdir(dir))
		unlinkat(dirfd(dir), d->d_name, 0);
	closedir(dir);
	rmdir(w->dir);
	log_close();
}

/* Whether a file of the state directory has these bytes in it. */
static inline bool
world_file_has(const struct world *w, const char *name, const char *bytes)
{
	char *path = mem_printf("%s/%s", w->dir, name);
	struct buf text = BUF_INIT;
	char part[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	mem_free(path);
	if (fd < 0)
		return false;
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(&text, part, (size_t)n);
	close(fd);
	bool has = memmem(buf_text(&text), text.len, bytes, strlen(bytes)) != NULL;

	buf_fini(&text);
	return has;
}

#endif
