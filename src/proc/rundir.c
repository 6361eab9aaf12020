/*
 * The files the master makes for the daemon.  Done while it may still be root, so that the
 * children find all of them belonging to whom they become.
 */
#include "proc/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "pollux/control.h"
#include "proc/slots.h"

/* How much there may be on the board: what is not used takes no memory (doc/board.md). */
#define BOARD_CELLS    (UINT64_C(1) << 20)
#define BOARD_SUBJECTS 32768 /* credentials and projects */
#define BOARD_MODELS   64    /* and those that are configured, rounded up to this many */
#define BOARD_WINDOWS  (UINT32_C(1) << 20)
#define BOARD_LEASES   16384 /* of each worker */
#define BOARD_TRACES   4096

static bool
make_parents(const char *path, struct err *e)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		char *part = mem_printf("%.*s", (int)(slash - path), path);
		bool ok = mkdir(part, 0755) == 0 || errno == EEXIST || errno == EROFS;

		if (!ok)
			err_errno(e, "directory %s cannot be made", part);
		mem_free(part);
		if (!ok)
			return false;
	}
	return true;
}

static bool
make_dir(const char *path, mode_t mode, const struct identity *who, struct err *e)
{
	struct stat st;
	bool made = false;

	if (stat(path, &st) != 0 && errno == ENOENT) {
		if (!make_parents(path, e))
			return false;
		made = mkdir(path, mode) == 0;
		if (!made && errno != EEXIST)
			return err_errno(e, "directory %s cannot be made", path);
	}
	if (stat(path, &st) != 0)
		return err_errno(e, "directory %s cannot be used", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_CONFIG, "%s is not a directory", path);
	/* What others made is theirs to give: "/run" must not become ours. */
	if (made && who->change && chown(path, who->uid, who->gid) != 0)
		return err_errno(e, "directory %s cannot be given to %s", path, who->name);
	return true;
}

static bool
claim_pid_file(struct rundir *r, const struct config *c, struct err *e)
{
	char *path = mem_printf("%s/%s", c->server_run_dir, POLLUX_PID_FILE);
	bool ok = true;

	r->pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (r->pid_fd < 0)
		ok = err_errno(e, "%s cannot be written", path);
	else if (flock(r->pid_fd, LOCK_EX | LOCK_NB) != 0)
		ok = err_set(e, ERR_CONFLICT, "another Pollux runs with server.run_dir = \"%s\"",
		    c->server_run_dir);
	else if (ftruncate(r->pid_fd, 0) != 0 || dprintf(r->pid_fd, "%ld\n", (long)getpid()) < 0)
		ok = err_errno(e, "%s cannot be written", path);
	mem_free(path);
	return ok;
}

static bool
is_run_dir(int fd, const struct config *c)
{
	struct stat run, state;

	return stat(c->server_run_dir, &run) == 0 && fstat(fd, &state) == 0 &&
	       run.st_dev == state.st_dev && run.st_ino == state.st_ino;
}

/* Two janitors on one store would each think that it alone writes. */
static bool
claim_state(struct rundir *r, const struct config *c, struct err *e)
{
	r->state_fd = open(c->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->state_fd < 0)
		return err_errno(e, "directory %s cannot be used", c->state_dir);
	/* The board is made under a lock of its directory, which would wait for this one. */
	if (is_run_dir(r->state_fd, c))
		return err_set(e, ERR_CONFIG,
		    "server.run_dir and state.dir are one directory (%s): each needs its own",
		    c->state_dir);
	if (flock(r->state_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(
		    e, ERR_CONFLICT, "another Pollux runs with state.dir = \"%s\"", c->state_dir);
	return true;
}

static const char *const socket_names[2] = { POLLUX_CONTROL_SOCKET, POLLUX_JANITOR_SOCKET };

static int
open_socket(const char *path, const struct identity *who, struct err *e)
{
	int fd = link_listen(path, 0660, e);

	if (fd >= 0 && who->change && lchown(path, who->uid, who->gid) != 0) {
		err_errno(e, "%s cannot be given to %s", path, who->name);
		close(fd);
		return -1;
	}
	return fd;
}

static bool
open_control(struct rundir *r, const struct config *c, const struct identity *who, struct err *e)
{
	for (size_t i = 0; i < 2; i++) {
		char *path = mem_printf("%s/%s", c->server_run_dir, socket_names[i]);

		r->control_fds[i] = open_socket(path, who, e);
		mem_free(path);
		if (r->control_fds[i] < 0)
			return false;
	}
	return true;
}

/* In steps, so that another block or two in the file do not make another board of it. */
static struct board_sizes
board_sizes_of(const struct config *c)
{
	uint32_t blocks = ((uint32_t)c->model_count + BOARD_MODELS - 1) / BOARD_MODELS;

	return (struct board_sizes){ .cells = BOARD_CELLS,
		.subjects = BOARD_SUBJECTS,
		.models = BOARD_MODELS * (1 + blocks),
		.windows = BOARD_WINDOWS,
		.leases = BOARD_LEASES,
		.traces = BOARD_TRACES };
}

static bool
open_board(struct rundir *r, const struct config *c, struct err *e)
{
	char *path = mem_printf("%s/%s", c->server_run_dir, POLLUX_BOARD_FILE);
	struct board_sizes sizes = board_sizes_of(c);
	bool kept = false;

	r->board = board_create(path, &sizes, &kept, e);
	mem_free(path);
	if (r->board && kept) {
		log_info("master", "the board of an earlier run goes on",
		    "cells=%llu subjects=%u windows=%u",
		    (unsigned long long)board_cells_used(r->board), board_subjects_used(r->board),
		    board_windows_used(r->board));
		slots_bury_orphans(r->board);
	}
	return r->board != NULL;
}

bool
rundir_open(struct rundir *r, const struct config *c, const struct identity *who, struct err *e)
{
	*r = (struct rundir){ .pid_fd = -1, .state_fd = -1, .control_fds = { -1, -1 } };
	if (make_dir(c->server_run_dir, 0755, who, e) && make_dir(c->state_dir, 0700, who, e) &&
	    claim_pid_file(r, c, e) && claim_state(r, c, e) && open_control(r, c, who, e) &&
	    open_board(r, c, e))
		return true;
	rundir_close(r, c, false);
	return false;
}

/* True: there is nothing of that name.  Whatever else stands there is left alone. */
static bool
is_missing(const char *path)
{
	struct stat st;

	return lstat(path, &st) != 0 && errno == ENOENT;
}

static bool
mend_socket(
    struct rundir *r, const struct config *c, const struct identity *who, size_t i, struct err *e)
{
	char *path = mem_printf("%s/%s", c->server_run_dir, socket_names[i]);
	bool missing = is_missing(path);
	int fd = missing ? open_socket(path, who, e) : -1;

	if (fd >= 0) {
		log_warn("master", "a socket was gone and is made again", "path=%s", path);
		close(r->control_fds[i]);
		r->control_fds[i] = fd;
	}
	mem_free(path);
	return !missing || fd >= 0;
}

/* The new file is locked before the old one is let go of. */
static bool
mend_pid_file(struct rundir *r, const struct config *c, struct err *e)
{
	char *path = mem_printf("%s/%s", c->server_run_dir, POLLUX_PID_FILE);
	bool missing = is_missing(path), ok = true;
	int old = r->pid_fd;

	mem_free(path);
	if (!missing)
		return true;
	ok = claim_pid_file(r, c, e);
	if (ok) {
		close(old);
		return true;
	}
	if (r->pid_fd >= 0)
		close(r->pid_fd);
	r->pid_fd = old;
	return false;
}

bool
rundir_mend(struct rundir *r, const struct config *c, const struct identity *who, struct err *e)
{
	return make_dir(c->server_run_dir, 0755, who, e) && mend_pid_file(r, c, e) &&
	       mend_socket(r, c, who, 0, e) && mend_socket(r, c, who, 1, e);
}

static void
remove_files(const struct config *c)
{
	static const char *const names[] = { POLLUX_CONTROL_SOCKET, POLLUX_JANITOR_SOCKET,
		POLLUX_PID_FILE };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = mem_printf("%s/%s", c->server_run_dir, names[i]);

		unlink(path);
		mem_free(path);
	}
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
rundir_close(struct rundir *r, const struct config *c, bool orderly)
{
	if (orderly) {
		board_disown(r->board);
		remove_files(c);
	}
	board_detach(&r->board);
	shut(&r->control_fds[0]);
	shut(&r->control_fds[1]);
	shut(&r->state_fd);
	shut(&r->pid_fd); /* the lock goes with it */
}
