/*
 * The journal of leases: see lease.h.  Written by workers, each its own slot's lines; swept by
 * the master, or the janitor for workers that outlived their master.  Owns nothing.
 *
 *	state     {model: 32, flags: 32}; 0: nothing is held.  Written last, wiped first
 *	numbers   {subject: 32, scope: 32}
 *	windows   {requests: 32, tokens: 32}
 *	requests, tokens
 *	          bookings in these
 *	touched   1: this line was written in the worker's life
 *
 * One that is killed in the middle of writing leaves a line that is not held (then what it booked
 * falls out by itself), or one with an older booking, which the flag of doubt covers.
 */
#include "upstream/lease.h"

enum {
	WORD_STATE,
	WORD_NUMBERS,
	WORD_WINDOWS,
	WORD_REQUESTS,
	WORD_TOKENS,
	WORD_TOUCHED,
	WORD_COUNT
};
_Static_assert(WORD_COUNT <= BOARD_LEASE_WORDS, "a line has room for all");

enum {
	FLAG_HELD = 1,
	FLAG_WRITTEN = 2,
	FLAG_DOUBT = 4,
	FLAG_DAY = 8,
	FLAG_PROBES_OWN = 16,
	FLAG_PROBES_WHOLE = 32,
	FLAG_PROBES_MODEL = 64
};

/* ---- lines ---- */

static uint64_t
get(const struct board_lease *l, int word)
{
	/* atomic_load takes no pointer to const in C11 as gcc 12 has it. */
	return atomic_load_explicit((_Atomic uint64_t *)&l->words[word], memory_order_acquire);
}

static void
put(struct board_lease *l, int word, uint64_t value)
{
	atomic_store_explicit(&l->words[word], value, memory_order_release);
}

/* Numbers may be -1: they come back as they went. */
static uint64_t
pair(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

static uint64_t
state_of(const struct lease_line *line)
{
	uint32_t flags = FLAG_HELD;

	flags |= line->written ? FLAG_WRITTEN : 0;
	flags |= line->allowance.day ? FLAG_DAY : 0;
	flags |= line->probes_own ? FLAG_PROBES_OWN : 0;
	flags |= line->probes_whole ? FLAG_PROBES_WHOLE : 0;
	flags |= line->probes_model ? FLAG_PROBES_MODEL : 0;
	return pair((uint32_t)line->model, flags);
}

void
lease_line_write(struct board_lease *l, const struct lease_line *line)
{
	const struct allowance *a = &line->allowance;

	put(l, WORD_TOUCHED, 1);
	put(l, WORD_NUMBERS, pair((uint32_t)line->subject, (uint32_t)line->scope));
	put(l, WORD_WINDOWS, pair(a->requests_window, a->tokens_window));
	put(l, WORD_REQUESTS, a->requests);
	put(l, WORD_TOKENS, a->tokens);
	put(l, WORD_STATE, state_of(line));
}

void
lease_line_doubt(struct board_lease *l)
{
	if (l && get(l, WORD_STATE))
		put(l, WORD_STATE, get(l, WORD_STATE) | FLAG_DOUBT);
}

bool
lease_line_read(const struct board_lease *l, struct lease_line *line, bool *doubtful)
{
	uint64_t state = get(l, WORD_STATE), numbers = get(l, WORD_NUMBERS);
	uint64_t windows = get(l, WORD_WINDOWS);

	*line = (struct lease_line){ .subject = -1, .scope = -1, .model = -1 };
	if (!(state & FLAG_HELD))
		return false;
	line->subject = (int)(uint32_t)(numbers >> 32);
	line->scope = (int)(uint32_t)numbers;
	line->model = (int)(uint32_t)(state >> 32);
	line->written = state & FLAG_WRITTEN;
	line->probes_own = state & FLAG_PROBES_OWN;
	line->probes_whole = state & FLAG_PROBES_WHOLE;
	line->probes_model = state & FLAG_PROBES_MODEL;
	line->allowance = (struct allowance){ .requests = get(l, WORD_REQUESTS),
		.tokens = get(l, WORD_TOKENS),
		.requests_window = (uint32_t)(windows >> 32),
		.tokens_window = (uint32_t)windows,
		.day = state & FLAG_DAY };
	if (doubtful)
		*doubtful = state & FLAG_DOUBT;
	return true;
}

void
lease_line_wipe(struct board_lease *l)
{
	put(l, WORD_STATE, 0);
}

/* ---- sweeping ---- */

/* What may have been sent counts from now on, also what was about to be sent anew; what it booked
 * of a day stays.  Should this sweeper be killed too, the next one is to doubt the line. */
static void
let_go_bookings(struct board *b, struct board_lease *l, struct lease_line *line, bool doubtful,
    struct moment now)
{
	if (line->written && !doubtful)
		return;
	lease_line_doubt(l);
	if (doubtful)
		allowance_stamp_doubtful(b, &line->allowance, now.ms);
	else
		allowance_stamp(b, &line->allowance, now.ms);
}

/* Those that the pool counted it on when it was lent. */
static void
let_go_in_flight(struct board_row *own, struct board_row *whole, struct board_row *all)
{
	fitness_returned(own);
	fitness_returned(whole);
	fitness_returned(all);
}

static void
let_go_line(struct board *b, struct board_lease *l, struct moment now)
{
	struct lease_line line;
	bool doubtful;

	if (!lease_line_read(l, &line, &doubtful))
		return;
	struct board_row *own = board_row(b, line.subject, line.model, false);
	struct board_row *whole = board_row(b, line.subject, BOARD_WHOLE, false);

	let_go_bookings(b, l, &line, doubtful, now);
	lease_line_wipe(l);
	let_go_in_flight(own, whole, board_row(b, BOARD_EVERYONE, BOARD_WHOLE, false));
	if (line.probes_own)
		fitness_unprobe(own, now);
	if (line.probes_whole)
		fitness_unprobe(whole, now);
	if (line.probes_model)
		fitness_unprobe(board_row(b, BOARD_EVERYONE, line.model, false), now);
}

/* From the last one down, so that those a killed sweeper left are still a run from 0 on. */
void
lease_sweep(struct board *b, int slot, struct moment now)
{
	struct board_lease *l;
	uint32_t end = 0;

	while ((l = board_lease(b, slot, end, false)) && get(l, WORD_TOUCHED))
		end++;
	while (end-- > 0) {
		l = board_lease(b, slot, end, false);
		let_go_line(b, l, now);
		put(l, WORD_TOUCHED, 0);
	}
}
