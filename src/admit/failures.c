/*
 * Failed log-ins by address.  Runs in workers; stands on the board.
 */
#include "admit/failures.h"

#include <arpa/inet.h>
#include <string.h>

/* The cell's one word: {second the window began: 32, failures: 32}. */
enum { WORD_WINDOW };

/* An IPv6 customer has a whole /64: its first half is the address. */
static struct span
network_of(const char *peer, unsigned char v6[16])
{
	if (inet_pton(AF_INET6, peer, v6) == 1)
		return span_mem(v6, 8);
	return span_of(peer);
}

static uint64_t
place_of(const struct seal *seal, const char *peer)
{
	unsigned char v6[16], hash[SEAL_HASH_BYTES];
	uint64_t h;

	seal_hash(seal, "address_", network_of(peer, v6), hash);
	memcpy(&h, hash, sizeof(h));
	return 1 + h % FAILURES_PLACES;
}

/* Counts one in the window that is open at now_s, or opens one; gives the window behind it. */
static uint64_t
count_one(_Atomic uint64_t *word, uint32_t now_s)
{
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed), wanted;

	do {
		uint32_t began = (uint32_t)(old >> 32), failures = (uint32_t)old;

		if (now_s < began || now_s - began >= FAILURES_WINDOW_MS / 1000) {
			began = now_s;
			failures = 0;
		}
		if (failures <= FAILURES_ALLOWED)
			failures++;
		wanted = (uint64_t)began << 32 | failures;
	} while (!atomic_compare_exchange_weak_explicit(
	    word, &old, wanted, memory_order_relaxed, memory_order_relaxed));
	return wanted;
}

void
failures_note(
    struct board *b, const struct seal *seal, const char *peer, int64_t now_wall_ms, struct err *e)
{
	struct board_cell *cell = board_cell(b, BOARD_KIND_ADDRESS, place_of(seal, peer), true);

	if (!cell)
		return;
	uint64_t window = count_one(&cell->words[WORD_WINDOW], (uint32_t)(now_wall_ms / 1000));
	int64_t ends_ms = (int64_t)(window >> 32) * 1000 + FAILURES_WINDOW_MS;

	if ((uint32_t)window > FAILURES_ALLOWED)
		err_retry(e, ERR_BUSY, ends_ms > now_wall_ms ? ends_ms - now_wall_ms : 1,
		    "too many requests without a valid client key came from this address");
}
