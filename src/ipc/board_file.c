/*
 * The board's file: making it, keeping one that stands there, mapping it.  Runs in the master,
 * before it forks; the lock on the directory is held only meanwhile.
 */
#include "ipc/board.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "ipc/board_layout.h"

#define MAGIC         "pollux board\n"
#define LOCK_TRIES    50 /* five seconds in all; a board is made in milliseconds */
#define LOCK_PAUSE_NS 100000000
#define LEAST         64 /* of cells and of subjects: one word of bits */

/* Beyond these a file is no board of ours.  Their product is far from what 64 bits hold. */
#define CELLS_MOST    (UINT64_C(1) << 32)
#define SUBJECTS_MOST (UINT32_C(1) << 22)
#define MODELS_MOST   (UINT32_C(1) << 16)
#define WINDOWS_MOST  (UINT32_C(1) << 28)
#define LEASES_MOST   (UINT32_C(1) << 24)
#define TRACES_MOST   (UINT32_C(1) << 24)

/* ---- who is alive ---- */

static bool
file_slurp(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* "" where it cannot be told; a board made then is never kept. */
static void
boot_id(char out[40])
{
	memset(out, 0, 40);
	if (file_slurp("/proc/sys/kernel/random/boot_id", out, 40))
		out[strcspn(out, "\n")] = '\0';
}

/*
 * When a process began, in ticks since boot: field 22 of its stat.  0: it is dead, or a zombie,
 * or cannot be seen.  The name in field 2 may hold anything, so counting begins behind its last
 * ')'.
 */
static uint64_t
start_of(int64_t pid)
{
	char path[64], text[1024];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	if (!file_slurp(path, text, sizeof(text)))
		return 0;
	at = strrchr(text, ')');
	if (!at || at[1] != ' ' || strchr("ZXx", at[2]))
		return 0;
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static bool
owner_lives(const struct board_head *h, const char *boot)
{
	int64_t pid = atomic_load(&h->owner_pid);
	uint64_t start = atomic_load(&h->owner_start);

	if (pid <= 0 || strncmp(h->boot, boot, sizeof(h->boot)) != 0)
		return false;
	if (start == 0) /* it could not read its own */
		return kill((pid_t)pid, 0) == 0 || errno == EPERM;
	return start_of(pid) == start;
}

/* The order leaves no moment in which a dead owner's words look like a living one's. */
static void
own(struct board *b)
{
	struct board_head *h = &b->map->about.head;

	atomic_store(&b->map->orderly, 0);
	atomic_store(&h->owner_start, start_of(getpid()));
	atomic_store(&h->owner_pid, getpid());
}

/* ---- the layout ---- */

static uint64_t
round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t
power_of_two(uint64_t wanted, uint64_t most)
{
	uint64_t n = LEAST;

	while (n < wanted && n < most)
		n *= 2;
	return n;
}

static uint32_t
within(uint32_t wanted, uint32_t most)
{
	return wanted < 1 ? 1 : wanted > most ? most : wanted;
}

static void
count_items(const struct board_sizes *s, uint64_t items[BOARD_REGION_COUNT])
{
	uint64_t models = within(s->models, MODELS_MOST);
	uint64_t subjects = power_of_two(s->subjects, SUBJECTS_MOST);

	items[BOARD_REGION_MARKS] = subjects / 64;
	items[BOARD_REGION_SCRATCH] = BOARD_SCRATCH_WORDS;
	items[BOARD_REGION_MODELS] = models;
	items[BOARD_REGION_CELLS] = power_of_two(s->cells, CELLS_MOST);
	items[BOARD_REGION_SUBJECTS] = subjects;
	items[BOARD_REGION_ROWS] = (models + 1) * subjects;
	items[BOARD_REGION_WINDOWS] = within(s->windows, WINDOWS_MOST);
	items[BOARD_REGION_LEASES] = (uint64_t)within(s->leases, LEASES_MOST) * BOARD_JOURNALS;
	items[BOARD_REGION_TRACES] = within(s->traces, TRACES_MOST);
}

static const uint64_t item_bytes[BOARD_REGION_COUNT] = {
#define REGION_ITEM(name, type) sizeof(type),
	BOARD_REGIONS(REGION_ITEM)
#undef REGION_ITEM
};

/* The page bits come first and there are as many as the sparse regions have pages. */
static void
place_regions(struct board_about *a)
{
	uint64_t pages = 0, at = round_up(sizeof(struct board_layout), 64);

	for (int r = BOARD_FIRST_SPARSE; r < BOARD_REGION_COUNT; r++)
		pages += round_up(a->items[r] * item_bytes[r], a->page_bytes) / a->page_bytes;
	a->items[BOARD_REGION_PAGES] = round_up(pages, 64) / 64;
	for (int r = 0; r < BOARD_REGION_COUNT; r++) {
		a->at[r] = round_up(at, r < BOARD_FIRST_SPARSE ? 64 : a->page_bytes);
		at = a->at[r] + a->items[r] * item_bytes[r];
	}
	a->bytes = round_up(at, a->page_bytes);
}

/* What a board of this version, machine and size says of itself. */
static struct board_about
describe(const struct board_sizes *sizes)
{
	struct board_about a = {
		.head.layout = BOARD_LAYOUT_VERSION,
		.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
		.slot_bytes = sizeof(struct board_slot),
		.counts = BOARD_COUNT_COUNT,
	};

	memcpy(a.head.magic, MAGIC, sizeof(MAGIC));
	boot_id(a.head.boot);
	count_items(sizes, a.items);
	place_regions(&a);
	return a;
}

static uint32_t
cut(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* Whoever attaches takes the sizes that the file tells, and checks that all the rest follows. */
static struct board_sizes
sizes_of(const struct board_about *a)
{
	return (struct board_sizes){ .cells = a->items[BOARD_REGION_CELLS],
		.subjects = cut(a->items[BOARD_REGION_SUBJECTS]),
		.models = cut(a->items[BOARD_REGION_MODELS]),
		.windows = cut(a->items[BOARD_REGION_WINDOWS]),
		.leases = cut(a->items[BOARD_REGION_LEASES] / BOARD_JOURNALS),
		.traces = cut(a->items[BOARD_REGION_TRACES]) };
}

/* Only a board that agrees in all of it can be used. */
static bool
is_same(const struct board_about *have, const struct board_about *want)
{
	return want->head.boot[0] && have->head.layout == want->head.layout &&
	       strncmp(have->head.boot, want->head.boot, sizeof(want->head.boot)) == 0 &&
	       have->bytes == want->bytes && have->page_bytes == want->page_bytes &&
	       have->slot_bytes == want->slot_bytes && have->counts == want->counts &&
	       memcmp(have->items, want->items, sizeof(want->items)) == 0 &&
	       memcmp(have->at, want->at, sizeof(want->at)) == 0;
}

/* ---- mapping ---- */

static struct board *
board_of(char *map, const struct board_about *a)
{
	struct board *b = mem_alloc(sizeof(*b));
	struct board_sizes s = sizes_of(a);

	*b = (struct board){ .map = (struct board_layout *)map,
		.sparse = map + a->at[BOARD_FIRST_SPARSE],
		.page_shift = (unsigned)__builtin_ctzll(a->page_bytes),
		.subjects = s.subjects,
		.models = s.models,
		.windows = s.windows,
		.leases = s.leases,
		.traces = s.traces };
	b->pages = (_Atomic uint64_t *)(map + a->at[BOARD_REGION_PAGES]);
	b->marks = (_Atomic uint64_t *)(map + a->at[BOARD_REGION_MARKS]);
	b->scratch = (_Atomic uint64_t *)(map + a->at[BOARD_REGION_SCRATCH]);
	b->names = (struct board_model *)(map + a->at[BOARD_REGION_MODELS]);
	b->cells = (struct board_cell *)(map + a->at[BOARD_REGION_CELLS]);
	b->keys = (_Atomic uint64_t *)(map + a->at[BOARD_REGION_SUBJECTS]);
	b->rows = (struct board_row *)(map + a->at[BOARD_REGION_ROWS]);
	b->window_at = (struct window *)(map + a->at[BOARD_REGION_WINDOWS]);
	b->lease_at = (struct board_lease *)(map + a->at[BOARD_REGION_LEASES]);
	b->trace_at = (struct board_trace *)(map + a->at[BOARD_REGION_TRACES]);
	return b;
}

static struct board *
map_file(int fd, const struct board_about *a, struct err *e)
{
	void *map = mmap(NULL, a->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED) {
		err_errno(e, "the board cannot be mapped");
		return NULL;
	}
	return board_of(map, a);
}

void
board_detach(struct board **slot)
{
	struct board *b = *slot;

	if (!b)
		return;
	munmap(b->map, b->map->about.bytes);
	mem_free(b);
	*slot = NULL;
}

/* What the file says of itself; false when it is no board at all. */
static bool
read_about(int fd, struct board_about *out, struct stat *st)
{
	memset(out, 0, sizeof(*out));
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	       pread(fd, out, sizeof(*out), 0) >= (ssize_t)sizeof(out->head) &&
	       memcmp(out->head.magic, MAGIC, sizeof(MAGIC)) == 0;
}

static bool
file_is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

static int
open_there(const char *path)
{
	return open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

struct board *
board_attach(const char *path, struct err *e)
{
	struct board_about have, want;
	struct board_sizes sizes;
	struct board *b = NULL;
	struct stat st;
	int fd = open_there(path);

	if (fd < 0) {
		err_errno(e, "the board %s cannot be opened", path);
		return NULL;
	}
	bool is_board = read_about(fd, &have, &st);

	sizes = sizes_of(&have);
	want = describe(&sizes);
	if (is_board && is_same(&have, &want) && (uint64_t)st.st_size == have.bytes)
		b = map_file(fd, &have, e);
	else
		err_set(e, ERR_CONFLICT, "%s is not a board of this version and boot", path);
	close(fd);
	return b;
}

/* ---- making one ---- */

static struct board *
fill_new(int fd, const struct board_about *want, const char *path, struct err *e)
{
	struct board *b;
	ssize_t got;
	int rc;

	if (ftruncate(fd, (off_t)want->bytes) != 0) {
		err_errno(e, "the board %s cannot be made", path);
		return NULL;
	}
	rc = posix_fallocate(fd, 0, (off_t)want->at[BOARD_FIRST_SPARSE]);
	if (rc != 0) {
		errno = rc;
		err_errno(e, "the board %s cannot be made", path);
		return NULL;
	}
	b = map_file(fd, want, e);
	if (!b)
		return NULL;
	b->map->about = *want;
	got = getrandom(b->map->seed, sizeof(b->map->seed), 0);
	assert(got == (ssize_t)sizeof(b->map->seed)); /* so few bytes come whole */
	own(b);
	return b;
}

/* Made beside and renamed into place: nobody ever finds half a board, and whoever still maps
 * the old one keeps it. */
static struct board *
make_new(const char *path, const struct board_about *want, struct err *e)
{
	char *beside = mem_printf("%s.new", path);
	struct board *b = NULL;
	int fd;

	unlink(beside);
	fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err_errno(e, "the board %s cannot be made", path);
	else
		b = fill_new(fd, want, path, e);
	if (fd >= 0)
		close(fd);
	if (b && rename(beside, path) != 0) {
		err_errno(e, "the board %s cannot be made", path);
		board_detach(&b);
	}
	if (!b)
		unlink(beside);
	mem_free(beside);
	return b;
}

/* ---- keeping one ---- */

static void
adopt(struct board *b)
{
	/* The same process under a new program has left nothing. */
	bool same = atomic_load(&b->map->about.head.owner_pid) == getpid() &&
		    atomic_load(&b->map->about.head.owner_start) == start_of(getpid());

	b->ended_orderly = same || atomic_load(&b->map->orderly) != 0;
	own(b);
	if (!same)
		board_mark_orphans(b);
	board_recount(b);
	atomic_store(&b->map->said, 0);
}

/*
 * What to do with the file at path: *keep is set to its board, or left NULL when a new one is
 * to be made.  False when it belongs to another.
 */
static bool
look_at(const char *path, const struct board_about *want, struct board **keep, struct err *e)
{
	struct board_about have;
	int64_t pid;
	struct stat st;
	bool ok = true;
	int fd = open_there(path);

	*keep = NULL;
	if (fd >= 0 && read_about(fd, &have, &st)) {
		pid = atomic_load(&have.head.owner_pid);
		if (pid != getpid() && owner_lives(&have.head, want->head.boot))
			ok = err_set(e, ERR_CONFLICT,
			    "%s belongs to process %" PRId64 ", which is running", path, pid);
		else if (is_same(&have, want) && file_is_ours(&st) &&
			 (uint64_t)st.st_size == want->bytes)
			ok = (*keep = map_file(fd, want, e)) != NULL;
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static struct board *
keep_or_make(const char *path, const struct board_about *want, bool *kept, struct err *e)
{
	struct board *b;

	if (!look_at(path, want, &b, e))
		return NULL;
	*kept = b != NULL;
	if (!b)
		return make_new(path, want, e);
	adopt(b);
	return b;
}

/* Anybody who may read the directory may lock it: then the start fails, but it does not hang. */
static bool
lock_soon(int fd)
{
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		nanosleep(&pause, NULL);
	}
	errno = EWOULDBLOCK;
	return false;
}

/* Two masters that start at once take turns: the second finds the first one's board. */
static int
lock_directory_of(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_printf("%.*s/", (int)(slash - path), path) : mem_dup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		err_errno(e, "the directory %s", dir);
	} else if (!lock_soon(fd)) {
		err_errno(e, "the directory %s cannot be locked", dir);
		close(fd);
		fd = -1;
	}
	mem_free(dir);
	return fd;
}

struct board *
board_create(const char *path, const struct board_sizes *sizes, bool *kept, struct err *e)
{
	struct board_about want = describe(sizes);
	struct board *b = NULL;
	int lock = lock_directory_of(path, e);

	*kept = false;
	if (lock >= 0) {
		b = keep_or_make(path, &want, kept, e);
		close(lock);
	}
	return b;
}

void
board_disown(struct board *b)
{
	atomic_store(&b->map->orderly, 1);
	atomic_store(&b->map->about.head.owner_pid, 0);
}

bool
board_ended_orderly(const struct board *b)
{
	return b->ended_orderly;
}
