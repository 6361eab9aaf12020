/*
 * The ring of the latest traces, written by all workers and read by whoever explains a request.
 *
 * A place is guarded by its sequence word: odd while it is written, and telling which trace it
 * is.  A reader takes a copy between two looks at that word and leaves out what changed
 * meanwhile.  A writer that finds the one a whole ring before it still at its place drops its own
 * trace; one two rings before it has died there, or stands still, and is passed over.  Should that
 * one wake and go on writing, the check of number and words betrays the mixture.
 */
#include "ipc/board.h"

#include <assert.h>
#include <string.h>
#include "ipc/board_layout.h"

static uint64_t
writing(uint64_t number)
{
	return number * 2 + 1;
}

static uint64_t
written(uint64_t number)
{
	return number * 2;
}

static struct board_trace *
place_of(const struct board *b, uint64_t number)
{
	return &b->trace_at[number % b->traces];
}

static uint64_t
check_of(const struct board *b, uint64_t number, const uint64_t words[BOARD_TRACE_WORDS])
{
	return board_hash(b, words, BOARD_TRACE_BYTES) ^ number;
}

static bool
claim(const struct board *b, struct board_trace *t, uint64_t number)
{
	uint64_t have = atomic_load_explicit(&t->sequence, memory_order_relaxed);
	bool busy = have & 1;

	if (have / 2 >= number || (busy && have / 2 + b->traces >= number))
		return false;
	if (!atomic_compare_exchange_strong_explicit(
		&t->sequence, &have, writing(number), memory_order_acquire, memory_order_relaxed))
		return false;
	/* No word of ours may be seen before that one. */
	atomic_thread_fence(memory_order_release);
	return true;
}

void
board_trace_put(struct board *b, const void *bytes, size_t len)
{
	uint64_t words[BOARD_TRACE_WORDS] = { 0 };
	uint64_t number = atomic_fetch_add(&b->map->traces_put, 1) + 1, sequence = writing(number);
	struct board_trace *t = place_of(b, number);

	assert(len <= BOARD_TRACE_BYTES);
	if (!board_have(b, t, true) || !claim(b, t, number))
		return;
	memcpy(words, bytes, len);
	for (size_t i = 0; i < BOARD_TRACE_WORDS; i++)
		atomic_store_explicit(&t->words[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&t->check, check_of(b, number, words), memory_order_relaxed);
	/* Unless we were passed over. */
	atomic_compare_exchange_strong_explicit(
	    &t->sequence, &sequence, written(number), memory_order_release, memory_order_relaxed);
}

/* False: it is not there, or not whole. */
static bool
copy(const struct board *b, uint64_t number, uint64_t words[BOARD_TRACE_WORDS])
{
	struct board_trace *t = place_of(b, number);
	uint64_t check;

	if (!board_is_there(b, t) ||
	    atomic_load_explicit(&t->sequence, memory_order_acquire) != written(number))
		return false;
	for (size_t i = 0; i < BOARD_TRACE_WORDS; i++)
		words[i] = atomic_load_explicit(&t->words[i], memory_order_relaxed);
	check = atomic_load_explicit(&t->check, memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&t->sequence, memory_order_relaxed) == written(number) &&
	       check == check_of(b, number, words);
}

void
board_trace_each(struct board *b, bool (*fn)(void *ctx, const void *bytes), void *ctx)
{
	uint64_t newest = atomic_load(&b->map->traces_put);

	for (uint64_t n = 0; n < b->traces && n < newest; n++) {
		uint64_t words[BOARD_TRACE_WORDS];

		if (copy(b, newest - n, words) && !fn(ctx, words))
			return;
	}
}
