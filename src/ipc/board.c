/*
 * The board in use: pages, numbers for all, slots and their counts.  Every process of the daemon
 * maps the same pages; the other board rooms own what stands on the sparse ones.
 */
#include "ipc/board.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/log.h"
#include "ipc/board_layout.h"

#define ORPHAN (UINT32_C(1) << 31) /* in a slot's orphan; below it the pid of who sweeps it */

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

/* ---- for all rooms of the board ---- */

void
board_say_once(
    struct board *b, enum board_said what, const char *words, uint64_t used, uint64_t size)
{
	if (atomic_fetch_or(&b->map->said, (uint32_t)what) & (uint32_t)what)
		return;
	log_warn("board", words, "used=%" PRIu64 " size=%" PRIu64, used, size);
}

uint64_t
board_hash(const struct board *b, const void *bytes, size_t len)
{
	uint64_t out;

	_Static_assert(sizeof(out) == crypto_shorthash_BYTES, "a hash is one word");
	_Static_assert(BOARD_SEED_BYTES == crypto_shorthash_KEYBYTES, "the seed is its key");
	crypto_shorthash((unsigned char *)&out, bytes, len, b->map->seed);
	return out;
}

static uint64_t
pages_there(const struct board *b)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < b->map->about.items[BOARD_REGION_PAGES]; i++)
		n += (uint64_t)__builtin_popcountll(atomic_load(&b->pages[i]));
	return n;
}

/* Kernels before 5.14 cannot say whether there is room: there the page counts as filled. */
bool
board_fill(struct board *b, const volatile void *at)
{
	uint64_t page = (uint64_t)((const volatile char *)at - b->sparse) >> b->page_shift;

#ifdef MADV_POPULATE_WRITE
	size_t bytes = (size_t)1 << b->page_shift;
	char *begin = b->sparse + page * bytes;

	if (madvise(begin, bytes, MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
		board_say_once(b, BOARD_SAID_ROOM, "the file system of the board is full",
		    pages_there(b) * bytes, b->map->about.bytes);
		return false;
	}
#endif
	atomic_fetch_or_explicit(
	    &b->pages[page / 64], UINT64_C(1) << (page % 64), memory_order_release);
	return true;
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

void
board_spent_set(struct board *b, int64_t until_ms)
{
	atomic_store_explicit(&b->map->spent_until_ms, until_ms, memory_order_release);
}

int64_t
board_spent_until(const struct board *b)
{
	return atomic_load_explicit(&b->map->spent_until_ms, memory_order_acquire);
}

_Atomic uint64_t *
board_scratch(struct board *b, uint64_t key)
{
	return &b->scratch[board_hash(b, &key, sizeof(key)) & (BOARD_SCRATCH_WORDS - 1)];
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

static bool
has_ended(pid_t pid)
{
	return pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH);
}

/* What its leases hold is given back once: by one sweeper, and by another only if that one died. */
static bool
claim_orphan(struct board_slot *s)
{
	uint32_t word = atomic_load(&s->orphan);
	pid_t sweeper = (pid_t)(word & ~ORPHAN);

	if (word == 0 || !has_ended(atomic_load(&s->pid)))
		return false;
	if (sweeper && sweeper != getpid() && !has_ended(sweeper))
		return false;
	return atomic_compare_exchange_strong(&s->orphan, &word, ORPHAN | (uint32_t)getpid());
}

void
board_sweep_orphans(struct board *b, void (*let_go)(void *ctx, struct board *, int slot), void *ctx)
{
	for (int i = 0; i < BOARD_WORKERS_MAX; i++) {
		if (!claim_orphan(board_slot(b, i)))
			continue;
		let_go(ctx, b, i);
		board_slot_sweep(b, i);
	}
}

void
board_mark_orphans(struct board *b)
{
	for (int i = 0; i < BOARD_WORKERS_MAX; i++) {
		struct board_slot *s = board_slot(b, i);

		if (atomic_load(&s->state) == WORKER_EMPTY)
			continue;
		atomic_store(&s->state, WORKER_DRAINING);
		atomic_store(&s->orphan, ORPHAN);
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
