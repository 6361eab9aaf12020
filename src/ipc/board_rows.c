/*
 * What stands on the board at an address that follows from its number: rows, marks, windows,
 * leases.  In every process; what the words of a row, a window or a lease mean is known to the
 * rooms above.
 */
#include "ipc/board.h"

#include <assert.h>
#include "ipc/board_layout.h"

/* ---- rows ---- */

struct board_row *
board_row(struct board *b, int subject, int model, bool create)
{
	struct board_row *r;

	if (subject < 0 || model < 0)
		return NULL;
	assert((uint32_t)subject < b->subjects && (uint32_t)model <= b->models);
	r = &b->rows[(uint64_t)model * b->subjects + (uint64_t)subject];
	return board_have(b, r, create) ? r : NULL;
}

/*
 * Always a change of the word, also where the bit is set: whoever takes the mark then sees what
 * was changed before, and whoever took it just now leaves ours standing.
 */
void
board_mark(struct board *b, int subject)
{
	assert(subject >= 0 && (uint32_t)subject < b->subjects);
	atomic_fetch_or(&b->marks[subject / 64], UINT64_C(1) << (subject % 64));
}

int
board_marked(struct board *b, int from)
{
	uint64_t words = b->subjects / 64;
	uint64_t mask = UINT64_MAX;

	assert(from >= 0);
	mask <<= from % 64;
	for (uint64_t i = (uint64_t)from / 64; i < words; i++, mask = UINT64_MAX) {
		uint64_t set = atomic_load_explicit(&b->marks[i], memory_order_relaxed) & mask;

		while (set) {
			uint64_t bit = set & -set;

			if (atomic_fetch_and(&b->marks[i], ~bit) & bit)
				return (int)(i * 64) + __builtin_ctzll(bit);
			set &= ~bit; /* another one took it meanwhile */
		}
	}
	return -1;
}

/* ---- windows ---- */

/* The page is filled first: a number that was given out can always be written to. */
uint32_t
board_window_take(struct board *b)
{
	uint64_t n = atomic_load_explicit(&b->map->windows_used, memory_order_relaxed);

	do {
		if (n >= b->windows) {
			board_say_once(b, BOARD_SAID_WINDOWS, "there is no room for another limit",
			    n, b->windows);
			return 0;
		}
		if (!board_have(b, &b->window_at[n], true))
			return 0;
	} while (!atomic_compare_exchange_weak(&b->map->windows_used, &n, n + 1));
	return (uint32_t)n + 1;
}

struct window *
board_window(struct board *b, uint32_t number)
{
	assert(number > 0 && number <= b->windows);
	return &b->window_at[number - 1];
}

uint32_t
board_windows_used(const struct board *b)
{
	return (uint32_t)atomic_load_explicit(&b->map->windows_used, memory_order_relaxed);
}

/* ---- leases ---- */

struct board_lease *
board_lease(struct board *b, int slot, uint32_t place, bool create)
{
	struct board_lease *l;

	assert(slot >= 0 && slot < BOARD_JOURNALS);
	if (place >= b->leases)
		return NULL;
	l = &b->lease_at[(uint64_t)slot * b->leases + place];
	return board_have(b, l, create) ? l : NULL;
}

uint32_t
board_leases_size(const struct board *b)
{
	return b->leases;
}
