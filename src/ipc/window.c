/*
 * Sliding windows on the board.  Used by workers, which book, and by the master, which stamps
 * what a killed one held; a window belongs to nobody.  No locks: every word is right by itself.
 *
 *	header   {serial: 32, span in ms: 24, tag: 8}; the tag is {era: 6, form: 2}
 *	spent    nothing gets in before this time
 *	places   60 words.  Of a ring {counts from: 42, serial: 8, place: 6, tag: 8}: who holds it
 *	         knows the whole word, so nobody can mistake it for another one.  Of sub-windows
 *	         {number: 30, count: 26, tag: 8}, where number is time / width, and place is
 *	         number % 60
 *
 * A booking looks like the word of a place; of a sub-window with its own amount as the count.
 *
 * Why it is exact.  Let each booking be counted from the moment that the words say.
 *
 *  1. Booking is optimistic: read the header, add up what counts, take a place, then
 *     compare-and-swap the header to its next serial; when that fails give the place back and
 *     begin anew.  So admissions have an order, and each one's sum was read behind the place of
 *     the one before it: there is no pair that did not see one another.  A place taken in vain
 *     counts for a moment too much, never too little.
 *  2. Whatever moves an amount from one word to another adds it there, moves the serial on,
 *     then takes it here.  A sum that missed it (read there before the adding, here behind the
 *     taking) was begun with an older serial, and its admission fails.
 *  3. A time behind that of others is harmless.  A sum with an old time still counts what has
 *     fallen out since, and a word from later than now always counts.  A booking made with an
 *     old time merely falls out earlier, and until then it was not written: stamping counts it
 *     from when it was.  A sub-window's word that carries a later number is not set back: the
 *     amount joins it there.
 *  4. A word is reused when what it says has fallen out: 60 words, and at most 59 numbers count.
 *  5. A change of form is an admission too: it adds up until when anything counts, spends the
 *     window until then, and swaps the header to the next era, which fails if anything was
 *     stamped or admitted meanwhile.  Words of another era say nothing.  Whoever writes a word
 *     looks at the header behind reading what the word was, so none of a new era is lost; whoever
 *     stamped looks at it behind writing, and stamps again in the new era.
 *  6. A process that is killed leaves a place taken, or an amount counted twice, or the window
 *     spent without its new form.  All of that falls out within a span.
 */
#include "ipc/window.h"

#include <assert.h>
#include <stddef.h>

enum { WORD_HEADER, WORD_SPENT, WORD_FIRST = 4 };
enum form { FORM_NONE, FORM_RING, FORM_SUBS };

#define PLACES     60
#define FORM_MASK  UINT64_C(3)
#define TAG_BITS   8
#define TAG_MASK   ((UINT64_C(1) << TAG_BITS) - 1)
#define ERA_ONE    (FORM_MASK + 1)
#define SERIAL_ONE (UINT64_C(1) << 32)
#define SPAN_MASK  ((UINT64_C(1) << 24) - 1)

#define PLACE_MASK      UINT64_C(63)
#define RING_TIME_SHIFT 22

#define COUNT_MASK ((UINT64_C(1) << 26) - 1)
#define COUNT_FULL (UINT64_C(1) << 40) /* more than any limit */
#define SUB_SHIFT  34

_Static_assert(WORD_FIRST + PLACES == WINDOW_WORDS, "all words have a use");
_Static_assert(WINDOW_RING_MAX <= PLACES, "a ring has a place for each");
_Static_assert(WINDOW_SUBS + 2 <= PLACES, "a word is reused behind its span");

/* ---- words ---- */

static uint64_t
load(const struct window *w, size_t word)
{
	/* atomic_load takes no pointer to const in C11 as gcc 12 has it. */
	return atomic_load((_Atomic uint64_t *)&w->words[word]);
}

static bool
swap(struct window *w, size_t word, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong(&w->words[word], &from, to);
}

/* The header as it was: whoever began with it, or before, will not be admitted. */
static uint64_t
move_serial_on(struct window *w)
{
	return atomic_fetch_add(&w->words[WORD_HEADER], SERIAL_ONE);
}

static enum form
form_of(uint64_t word)
{
	return (enum form)(word & FORM_MASK);
}

static uint64_t
tag_of(uint64_t word)
{
	return word & TAG_MASK;
}

static int64_t
span_of(uint64_t header)
{
	return (int64_t)(header >> TAG_BITS & SPAN_MASK);
}

/* Of a sub-window. */
static int64_t
width_of(uint64_t header)
{
	return (span_of(header) + WINDOW_SUBS - 1) / WINDOW_SUBS;
}

static uint64_t
ring_word(int64_t since_ms, uint64_t serial, size_t place, uint64_t tag)
{
	return (uint64_t)since_ms << RING_TIME_SHIFT | (serial & 0xff) << 14 | place << TAG_BITS |
	       tag;
}

static int64_t
ring_since(uint64_t word)
{
	return (int64_t)(word >> RING_TIME_SHIFT);
}

static uint64_t
ring_serial(uint64_t word)
{
	return word >> 14 & 0xff;
}

static size_t
ring_place(window_booking b)
{
	return b >> TAG_BITS & PLACE_MASK;
}

static uint64_t
sub_word(uint64_t number, uint64_t count, uint64_t tag)
{
	return number << SUB_SHIFT | (count < COUNT_MASK ? count : COUNT_MASK) << TAG_BITS | tag;
}

static uint64_t
sub_number(uint64_t word)
{
	return word >> SUB_SHIFT;
}

static uint64_t
sub_count(uint64_t word)
{
	return word >> TAG_BITS & COUNT_MASK;
}

static size_t
sub_place(uint64_t number)
{
	return WORD_FIRST + number % PLACES;
}

/* What a place says: how much, and until when it counts. */
struct held {
	uint64_t amount;
	int64_t until_ms;
};

static struct held
held_by(uint64_t word, uint64_t header, int64_t span_ms)
{
	struct held h = { 0, 0 };

	if (tag_of(word) != tag_of(header) || form_of(word) == FORM_NONE)
		return h;
	if (form_of(word) == FORM_RING) {
		h.amount = 1;
		h.until_ms = ring_since(word) + span_ms;
		return h;
	}
	/* Until the last moment of it has fallen out.  A count that met its bound is not known. */
	h.amount = sub_count(word) < COUNT_MASK ? sub_count(word) : COUNT_FULL;
	h.until_ms = (int64_t)(sub_number(word) + 1) * width_of(header) - 1 + span_ms;
	return h;
}

static uint64_t
sum_of(const struct window *w, uint64_t header, int64_t span_ms, int64_t now_ms)
{
	uint64_t sum = 0;

	for (size_t i = WORD_FIRST; i < WINDOW_WORDS; i++) {
		struct held h = held_by(load(w, i), header, span_ms);

		if (h.until_ms > now_ms)
			sum += h.amount;
	}
	return sum;
}

/* ---- places: 0 when the header is no longer the one that is given, or (ring_take) none is free */

static window_booking
ring_put(struct window *w, uint64_t header, size_t place, uint64_t was, int64_t now_ms)
{
	uint64_t word = ring_word(now_ms, ring_serial(was) + 1, place, tag_of(header));

	return swap(w, WORD_FIRST + place, was, word) ? word : 0;
}

static window_booking
ring_take(struct window *w, uint64_t header, int64_t span_ms, int64_t now_ms)
{
	for (size_t place = 0; place < PLACES; place++) {
		uint64_t was = load(w, WORD_FIRST + place);

		if (held_by(was, header, span_ms).until_ms > now_ms)
			continue;
		if (tag_of(load(w, WORD_HEADER)) != tag_of(header))
			return 0;
		window_booking b = ring_put(w, header, place, was, now_ms);

		if (b)
			return b;
	}
	return 0;
}

/* In place of the oldest: the 60 latest tell whether a limit of up to 60 is reached. */
static window_booking
ring_force(struct window *w, uint64_t header, int64_t now_ms)
{
	for (;;) {
		size_t oldest = 0;
		uint64_t was = 0;
		int64_t since_ms = INT64_MAX;

		for (size_t place = 0; place < PLACES; place++) {
			uint64_t word = load(w, WORD_FIRST + place);
			int64_t at = tag_of(word) == tag_of(header) ? ring_since(word) : -1;

			if (at >= since_ms)
				continue;
			oldest = place;
			was = word;
			since_ms = at;
		}
		if (tag_of(load(w, WORD_HEADER)) != tag_of(header))
			return 0;
		window_booking b = ring_put(w, header, oldest, was, now_ms);

		if (b)
			return b;
	}
}

/* Into the sub-window of now_ms, or the later one that has its word already. */
static window_booking
sub_add(struct window *w, uint64_t header, uint64_t amount, int64_t now_ms)
{
	uint64_t tag = tag_of(header), number = (uint64_t)(now_ms / width_of(header));
	size_t place = sub_place(number);

	for (;;) {
		uint64_t was = load(w, place), count = amount;

		if (tag_of(load(w, WORD_HEADER)) != tag)
			return 0;
		if (tag_of(was) == tag && sub_number(was) >= number) {
			number = sub_number(was);
			count += sub_count(was);
		}
		if (swap(w, place, was, sub_word(number, count, tag)))
			return sub_word(number, amount, tag);
	}
}

/* Whether what was booked there is still counted there. */
static bool
sub_stands(uint64_t word, window_booking b)
{
	return tag_of(word) == tag_of(b) && sub_number(word) == sub_number(b);
}

/* A word that met its bound has forgotten how much is in it: it stays full until it falls out. */
static void
sub_change(struct window *w, window_booking b, uint64_t more, uint64_t less)
{
	size_t place = sub_place(sub_number(b));
	uint64_t was, count;

	do {
		was = load(w, place);
		if (!sub_stands(was, b) || sub_count(was) == COUNT_MASK)
			return;
		count = sub_count(was) + more;
		count = count > less ? count - less : 0;
	} while (!swap(w, place, was, sub_word(sub_number(b), count, tag_of(b))));
}

static void
give_back(struct window *w, window_booking b)
{
	if (form_of(b) == FORM_RING)
		swap(w, WORD_FIRST + ring_place(b), b, 0);
	else
		sub_change(w, b, 0, sub_count(b));
}

/* ---- form ---- */

static enum form
form_for(const struct window_rule *r)
{
	return r->unit == WINDOW_REQUESTS && r->limit <= WINDOW_RING_MAX ? FORM_RING : FORM_SUBS;
}

/* As the rule would have it made.  A ring goes with any span. */
static bool
form_suits(uint64_t header, const struct window_rule *r)
{
	return form_of(header) == form_for(r) &&
	       (form_of(header) == FORM_RING || span_of(header) == r->span_ms);
}

/* Good enough: sub-windows can keep any limit, and any shorter span. */
static bool
form_serves(uint64_t header, const struct window_rule *r)
{
	return form_suits(header, r) ||
	       (form_of(header) == FORM_SUBS && span_of(header) >= r->span_ms);
}

static void
spend(struct window *w, int64_t until_ms)
{
	for (;;) {
		uint64_t was = load(w, WORD_SPENT);

		if (until_ms <= (int64_t)was || swap(w, WORD_SPENT, was, (uint64_t)until_ms))
			return;
	}
}

/* Words of eras gone by, lest one be taken for its own when the eras have all been used. */
static void
wipe_others(struct window *w, uint64_t header)
{
	for (size_t i = WORD_FIRST; i < WINDOW_WORDS; i++) {
		uint64_t was = load(w, i);

		if (tag_of(load(w, WORD_HEADER)) != tag_of(header))
			return;
		if (tag_of(was) != tag_of(header))
			swap(w, i, was, 0);
	}
}

static void
reform(struct window *w, uint64_t header, const struct window_rule *r, int64_t now_ms)
{
	uint64_t era = (tag_of(header) & ~FORM_MASK) + ERA_ONE;
	uint64_t next = (header & ~(SERIAL_ONE - 1)) + SERIAL_ONE;
	int64_t until_ms = 0;

	for (size_t i = WORD_FIRST; i < WINDOW_WORDS; i++) {
		struct held h = held_by(load(w, i), header, r->span_ms);

		if (h.amount && h.until_ms > until_ms)
			until_ms = h.until_ms;
	}
	if (until_ms > now_ms)
		spend(w, until_ms);
	next |= (uint64_t)r->span_ms << TAG_BITS | (era & TAG_MASK) | form_for(r);
	if (swap(w, WORD_HEADER, header, next))
		wipe_others(w, next);
}

/* ---- booking ---- */

/* When this much will have room, by what counts now: in the order in which it falls out. */
static int64_t
free_at(const struct window *w, uint64_t header, const struct window_rule *r, uint64_t amount,
    int64_t now_ms)
{
	struct held held[PLACES];
	uint64_t sum = 0;
	size_t n = 0;

	for (size_t i = WORD_FIRST; i < WINDOW_WORDS; i++) {
		struct held h = held_by(load(w, i), header, r->span_ms);
		size_t at = n;

		if (h.until_ms <= now_ms || h.amount == 0)
			continue;
		for (; at > 0 && held[at - 1].until_ms > h.until_ms; at--)
			held[at] = held[at - 1];
		held[at] = h;
		sum += h.amount;
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		if (sum + amount <= r->limit)
			return i ? held[i - 1].until_ms : now_ms + 1;
		sum -= held[i].amount;
	}
	return n ? held[n - 1].until_ms : now_ms + 1;
}

window_booking
window_book(struct window *w, const struct window_rule *r, uint64_t amount, int64_t now_ms,
    int64_t *free_at_ms)
{
	assert(amount > 0 && amount <= r->limit && amount <= WINDOW_AMOUNT_MAX);
	assert(r->unit == WINDOW_TOKENS || amount == 1);
	assert(r->span_ms > 0 && r->span_ms <= WINDOW_SPAN_MAX && now_ms >= 0);
	for (;;) {
		uint64_t header = load(w, WORD_HEADER);
		int64_t spent_ms = (int64_t)load(w, WORD_SPENT);

		if (spent_ms > now_ms) {
			*free_at_ms = spent_ms;
			return 0;
		}
		uint64_t sum = sum_of(w, header, r->span_ms, now_ms);

		if (!form_serves(header, r) || (sum == 0 && !form_suits(header, r))) {
			reform(w, header, r, now_ms);
			continue;
		}
		if (sum + amount > r->limit) {
			*free_at_ms = free_at(w, header, r, amount, now_ms);
			return 0;
		}
		window_booking b = form_of(header) == FORM_RING
				       ? ring_take(w, header, r->span_ms, now_ms)
				       : sub_add(w, header, amount, now_ms);

		if (b && swap(w, WORD_HEADER, header, header + SERIAL_ONE))
			return b;
		if (b)
			give_back(w, b);
	}
}

/* ---- what is booked ---- */

/* Counts an amount from now_ms on that the window does not know, or no longer. */
static window_booking
count_anew(struct window *w, uint64_t header, uint64_t amount, int64_t now_ms)
{
	return form_of(header) == FORM_RING ? ring_force(w, header, now_ms)
					    : sub_add(w, header, amount, now_ms);
}

/* The same of a booking of this era: a ring's place is moved, what a sub-window holds is added to
 * the later one and must then be taken back. */
static window_booking
count_later(struct window *w, uint64_t header, window_booking b, int64_t now_ms)
{
	if (form_of(b) == FORM_SUBS)
		return sub_add(w, header, sub_count(b), now_ms);
	int64_t since_ms = now_ms > ring_since(b) ? now_ms : ring_since(b);
	window_booking later = ring_put(w, header, ring_place(b), b, since_ms);

	return later ? later : ring_force(w, header, now_ms);
}

/* Its sub-window is that of now_ms already. */
static bool
counts_from(const struct window *w, uint64_t header, window_booking b, int64_t now_ms)
{
	return form_of(b) == FORM_SUBS && tag_of(b) == tag_of(header) &&
	       sub_number(b) >= (uint64_t)(now_ms / width_of(header)) &&
	       sub_stands(load(w, sub_place(sub_number(b))), b);
}

static window_booking
stamp(struct window *w, window_booking b, bool doubtful, int64_t now_ms)
{
	window_booking at = b, later;

	if (!b)
		return 0;
	assert(now_ms >= 0);
	do {
		uint64_t header = load(w, WORD_HEADER);

		assert(form_of(header) != FORM_NONE);
		if (!doubtful && counts_from(w, header, at, now_ms))
			return at;
		later = tag_of(at) == tag_of(header)
			    ? count_later(w, header, at, now_ms)
			    : count_anew(w, header, window_amount(at), now_ms);
		if (later)
			at = later;
	} while (!later || tag_of(move_serial_on(w)) != tag_of(later));
	if (!doubtful && form_of(b) == FORM_SUBS && tag_of(b) == tag_of(later))
		give_back(w, b);
	return later;
}

window_booking
window_stamp(struct window *w, window_booking b, int64_t now_ms)
{
	return stamp(w, b, false, now_ms);
}

window_booking
window_stamp_doubtful(struct window *w, window_booking b, int64_t now_ms)
{
	return stamp(w, b, true, now_ms);
}

window_booking
window_settle(struct window *w, window_booking b, uint64_t amount)
{
	if (!b || form_of(b) == FORM_RING)
		return b;
	if (amount > WINDOW_AMOUNT_MAX)
		amount = WINDOW_AMOUNT_MAX;
	sub_change(w, b, amount, sub_count(b));
	if (amount > sub_count(b))
		move_serial_on(w);
	return amount ? sub_word(sub_number(b), amount, tag_of(b)) : 0;
}

void
window_return(struct window *w, window_booking b)
{
	if (b)
		give_back(w, b);
}

void
window_spend(struct window *w, int64_t until_ms)
{
	spend(w, until_ms);
	move_serial_on(w);
}

uint64_t
window_used(const struct window *w, const struct window_rule *r, int64_t now_ms)
{
	if ((int64_t)load(w, WORD_SPENT) > now_ms)
		return r->limit;
	return sum_of(w, load(w, WORD_HEADER), r->span_ms, now_ms);
}

uint64_t
window_amount(window_booking b)
{
	return !b ? 0 : form_of(b) == FORM_RING ? 1 : sub_count(b);
}
