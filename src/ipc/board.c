/*
 * The board in use: slots, counts, generations, tickets, cells.  Every process of the daemon maps
 * the same pages; this room owns the meaning of its words, the rooms above that of the cells'.
 */
#include "ipc/board.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include "base/log.h"
#include "ipc/board_layout.h"

/* In a cell's kind: its key is 0, and not the 1 that stands there. */
#define KEY_IS_ZERO (UINT64_C(1) << 32)

/* ---- names of counts ---- */

static const struct {
	const char *name;
	bool gauge;
} counts[BOARD_COUNT_COUNT] = {
#define GAUGE   true
#define COUNTER false
#define BOARD_COUNT_ROW(name, text, kind) { text, kind },
	BOARD_COUNTS(BOARD_COUNT_ROW)
#undef BOARD_COUNT_ROW
#undef COUNTER
#undef GAUGE
};

const char *
board_count_name(enum board_count c)
{
	assert(c < BOARD_COUNT_COUNT);
	return counts[c].name;
}

bool
board_count_is_gauge(enum board_count c)
{
	assert(c < BOARD_COUNT_COUNT);
	return counts[c].gauge;
}

/* ---- numbers for all ---- */

uint64_t
board_generation(const struct board *b, enum board_generation g)
{
	assert(g < BOARD_GEN_COUNT);
	return atomic_load_explicit(&b->map->generations[g], memory_order_acquire);
}

void
board_bump(struct board *b, enum board_generation g)
{
	assert(g < BOARD_GEN_COUNT);
	atomic_fetch_add_explicit(&b->map->generations[g], 1, memory_order_release);
}

uint64_t
board_ticket(struct board *b)
{
	return atomic_fetch_add_explicit(&b->map->ticket, 1, memory_order_relaxed) + 1;
}

/* ---- slots ---- */

struct board_slot *
board_slot(struct board *b, int index)
{
	assert(index >= 0 && index < BOARD_WORKERS_MAX);
	return &b->map->slots[index];
}

int
board_slot_take(struct board *b, uint32_t number, int64_t wall_ms)
{
	for (int i = 0; i < BOARD_WORKERS_MAX; i++) {
		struct board_slot *s = &b->map->slots[i];
		uint32_t empty = WORKER_EMPTY;

		if (!atomic_compare_exchange_strong(&s->state, &empty, WORKER_STARTING))
			continue;
		atomic_store(&s->number, number);
		atomic_store(&s->since_wall_ms, wall_ms);
		return i;
	}
	return -1;
}

/* Taking each word out before it is added elsewhere: two sweepers cannot count it twice. */
void
board_slot_sweep(struct board *b, int index)
{
	struct board_slot *s = board_slot(b, index);

	for (int c = 0; c < BOARD_COUNT_COUNT; c++) {
		int64_t n = atomic_exchange(&s->counts[c], 0);

		if (n && !counts[c].gauge)
			atomic_fetch_add(&b->map->totals[c], n);
	}
	atomic_store(&s->pid, 0);
	atomic_store(&s->number, 0);
	atomic_store(&s->since_wall_ms, 0);
	atomic_store(&s->orphan, 0);
	atomic_store(&s->state, WORKER_EMPTY); /* last: from here on it may be taken */
}

void
board_sweep_orphans(struct board *b)
{
	for (int i = 0; i < BOARD_WORKERS_MAX; i++) {
		struct board_slot *s = board_slot(b, i);
		pid_t pid = atomic_load(&s->pid);

		if (atomic_load(&s->orphan) && (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH)))
			board_slot_sweep(b, i);
	}
}

void
board_count_add(struct board_slot *s, enum board_count c, int64_t by)
{
	assert(c < BOARD_COUNT_COUNT);
	atomic_fetch_add_explicit(&s->counts[c], by, memory_order_relaxed);
}

int64_t
board_count_sum(const struct board *b, enum board_count c)
{
	int64_t sum;

	assert(c < BOARD_COUNT_COUNT);
	sum = atomic_load_explicit(&b->map->totals[c], memory_order_relaxed);
	for (int i = 0; i < BOARD_WORKERS_MAX; i++)
		sum += atomic_load_explicit(&b->map->slots[i].counts[c], memory_order_relaxed);
	return sum;
}

/* ---- cells ---- */

/* Where the way to a cell begins. */
static uint64_t
place_of(const struct board_layout *l, uint64_t kind, uint64_t key)
{
	uint64_t in[2] = { kind, key }, out;

	_Static_assert(sizeof(out) == crypto_shorthash_BYTES, "a hash is one word");
	_Static_assert(sizeof(l->seed) == crypto_shorthash_KEYBYTES, "the seed is its key");
	crypto_shorthash((unsigned char *)&out, (const unsigned char *)in, sizeof(in), l->seed);
	return out & (l->about.cells - 1);
}

static void
say_once(_Atomic uint32_t *said, const struct board *b, const char *words)
{
	if (atomic_exchange(said, 1) == 0)
		log_warn("board", words, "used=%" PRIu64 " size=%" PRIu64, board_cells_used(b),
		    board_cells_size(b));
}

/* Fills the page, so that writing to it cannot fail any more.  Kernels before 5.14 cannot say. */
static bool
page_fill(struct board *b, uint64_t page)
{
	struct board_layout *l = b->map;

#ifdef MADV_POPULATE_WRITE
	void *at = (char *)b->cells + page * l->about.page_bytes;

	if (madvise(at, l->about.page_bytes, MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
		say_once(&l->room_said, b, "the file system of the board is full");
		return false;
	}
#endif
	atomic_fetch_or_explicit(
	    &l->pages[page / 64], UINT64_C(1) << (page % 64), memory_order_release);
	return true;
}

/* Over seven eighths the ways to a cell grow long, so that is full. */
static bool
has_room(struct board *b)
{
	struct board_layout *l = b->map;

	if (atomic_load_explicit(&l->used, memory_order_relaxed) <
	    l->about.cells - l->about.cells / 8)
		return true;
	say_once(&l->full_said, b, "the table of cells is full");
	return false;
}

/*
 * A cell is made in two steps, key and then kind, each one compare-and-swap.  Whoever comes by
 * between them (or finds that the maker was killed there) and wants this key does the second
 * step in the maker's place.  Both words never change again, so all processes that look for the
 * same kind and key pass the same cells and end at the same one.
 */
static bool
is_of_kind(struct board_cell *c, uint64_t kind, bool create)
{
	uint64_t have = atomic_load_explicit(&c->kind, memory_order_acquire);

	if (have == 0 && create &&
	    atomic_compare_exchange_strong_explicit(
		&c->kind, &have, kind, memory_order_acq_rel, memory_order_acquire))
		return true;
	return have == kind;
}

/* The key that stands in the cell, after having tried to put ours there if it was free. */
static uint64_t
key_or_take(struct board *b, struct board_cell *c, uint64_t key, bool create)
{
	uint64_t have = atomic_load_explicit(&c->key, memory_order_acquire);

	if (have || !create || !has_room(b))
		return have;
	if (!atomic_compare_exchange_strong_explicit(
		&c->key, &have, key, memory_order_acq_rel, memory_order_acquire))
		return have;
	atomic_fetch_add_explicit(&b->map->used, 1, memory_order_relaxed);
	return key;
}

struct board_cell *
board_cell(struct board *b, enum board_kind kind, uint64_t key, bool create)
{
	const struct board_layout *l = b->map;
	uint64_t per_page = l->about.page_bytes / sizeof(struct board_cell);
	uint64_t mask = l->about.cells - 1;
	uint64_t at = place_of(l, kind, key);
	uint64_t word = key ? key : 1, tag = (uint64_t)kind | (key ? 0 : KEY_IS_ZERO);

	assert(kind > 0);
	for (uint64_t n = 0; n < l->about.cells; n++, at = (at + 1) & mask) {
		struct board_cell *c = &b->cells[at];
		uint64_t have;

		if (!board_page_is_there(b, at / per_page) &&
		    !(create && page_fill(b, at / per_page)))
			return NULL;
		have = key_or_take(b, c, word, create);
		if (have == 0)
			return NULL;
		if (have == word && is_of_kind(c, tag, create))
			return c;
	}
	return NULL;
}

uint64_t
board_cells_used(const struct board *b)
{
	return atomic_load_explicit(&b->map->used, memory_order_relaxed);
}

uint64_t
board_cells_size(const struct board *b)
{
	return b->map->about.cells;
}
