/*
 * What is found on the board by a key: cells, subjects, models.  In every process; nothing waits
 * and nothing is ever taken out again.
 *
 * All three work alike.  Whoever looks for a key goes the same way as everybody else, which follows
 * from the key alone (of models: from the first one on), until the key stands there or the place
 * is free.  A free place is taken by one compare-and-swap of the word that says whose it is, and
 * that word never changes again; so all who look for one key end at one place, however many of them
 * make it at once.  What else belongs to a place is written behind that, each word by a
 * compare-and-swap with 0, by anyone who wants that key: a maker killed in between holds up nobody,
 * and its place is finished by the next who asks for the same.
 */
#include "ipc/board.h"

#include <assert.h>
#include <string.h>
#include "ipc/board_layout.h"

/* In a cell's kind: its key is 0, and not the 1 that stands there. */
#define KEY_IS_ZERO (UINT64_C(1) << 32)

/* Of the way to a subject: see subject_place. */
#define NEAR       UINT64_C(8) /* keys of a cache line */
#define FIRST_RING UINT64_C(64)
#define RINGS_MOST 20 /* more than the largest table has */

/* What stands in the word, after having tried to put ours there if it was 0. */
static uint64_t
word_or_put(_Atomic uint64_t *word, uint64_t ours)
{
	uint64_t have = 0;

	return atomic_compare_exchange_strong(word, &have, ours) ? ours : have;
}

/* Over seven eighths the ways to a place grow long, so that is full. */
static uint64_t
given_out(uint64_t places)
{
	return places - places / 8;
}

/* ---- cells ---- */

static bool
cells_have_room(struct board *b)
{
	uint64_t used = board_cells_used(b), size = board_cells_size(b);

	if (used < given_out(size))
		return true;
	board_say_once(b, BOARD_SAID_CELLS, "the table of cells is full", used, size);
	return false;
}

/* The key that stands in the cell, after having tried to put ours there if it was free. */
static uint64_t
key_or_take(struct board *b, struct board_cell *c, uint64_t key, bool create)
{
	uint64_t have = atomic_load_explicit(&c->key, memory_order_acquire);

	if (have || !create || !cells_have_room(b))
		return have;
	if (!atomic_compare_exchange_strong(&c->key, &have, key))
		return have;
	atomic_fetch_add_explicit(&b->map->cells_used, 1, memory_order_relaxed);
	return key;
}

static bool
is_of_kind(struct board_cell *c, uint64_t kind, bool create)
{
	uint64_t have = atomic_load_explicit(&c->kind, memory_order_acquire);

	if (have == 0 && create)
		have = word_or_put(&c->kind, kind);
	return have == kind;
}

struct board_cell *
board_cell(struct board *b, enum board_kind kind, uint64_t key, bool create)
{
	uint64_t hashed[2] = { (uint64_t)kind, key };
	uint64_t size = board_cells_size(b), mask = size - 1;
	uint64_t at = board_hash(b, hashed, sizeof(hashed)) & mask;
	uint64_t word = key ? key : 1, tag = (uint64_t)kind | (key ? 0 : KEY_IS_ZERO);

	assert(kind > 0);
	for (uint64_t n = 0; n < size; n++, at = (at + 1) & mask) {
		struct board_cell *c = &b->cells[at];
		uint64_t have;

		if (!board_have(b, c, create))
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
	return atomic_load_explicit(&b->map->cells_used, memory_order_relaxed);
}

uint64_t
board_cells_size(const struct board *b)
{
	return b->map->about.items[BOARD_REGION_CELLS];
}

/* ---- subjects ---- */

static bool
subjects_have_room(struct board *b)
{
	if (board_subjects_used(b) < given_out(b->subjects))
		return true;
	board_say_once(b, BOARD_SAID_SUBJECTS, "there is no room for another credential",
	    board_subjects_used(b), b->subjects);
	return false;
}

/* The same as of a cell, whose key is all that there is. */
static uint64_t
subject_or_take(struct board *b, _Atomic uint64_t *place, uint64_t key, bool create)
{
	uint64_t have = atomic_load_explicit(place, memory_order_acquire);

	if (have || !create || !subjects_have_room(b))
		return have;
	if (!atomic_compare_exchange_strong(place, &have, key))
		return have;
	atomic_fetch_add_explicit(&b->map->subjects_used, 1, memory_order_relaxed);
	return key;
}

/*
 * The n-th place on the way of a key.  A subject's place decides where its rows stand, so the way
 * leads from the beginning outwards: a line of eight places among the first 64, one among the next
 * 64, the next 128, 256 ... and from place to place behind that.  Rows of a few subjects then lie
 * on a few pages, instead of on one each.
 */
static uint64_t
subject_place(const struct board *b, uint64_t hash, uint64_t n)
{
	uint64_t ring = n / NEAR;
	uint64_t begin = ring && ring < RINGS_MOST ? FIRST_RING / 2 << ring : 0;
	uint64_t size = begin ? begin : FIRST_RING;

	if (ring >= RINGS_MOST || begin >= b->subjects)
		return (hash + n) & (b->subjects - 1);
	return begin + ((hash >> ring * 2) & (size - 1) & ~(NEAR - 1)) + n % NEAR;
}

int
board_subject(struct board *b, uint64_t key, bool create)
{
	uint64_t hash = board_hash(b, &key, sizeof(key));

	assert(key != 0);
	for (uint64_t n = 0; n < UINT64_C(2) * b->subjects; n++) {
		uint64_t at = subject_place(b, hash, n), have;

		if (at == BOARD_EVERYONE)
			continue;
		if (!board_have(b, &b->keys[at], create))
			return -1;
		have = subject_or_take(b, &b->keys[at], key, create);
		if (have == key)
			return (int)at;
		if (have == 0)
			return -1;
	}
	return -1;
}

uint64_t
board_subject_key(const struct board *b, int subject)
{
	if (subject < 0 || (uint32_t)subject >= b->subjects ||
	    !board_is_there(b, &b->keys[subject]))
		return 0;
	return atomic_load_explicit(&b->keys[subject], memory_order_acquire);
}

uint32_t
board_subjects_size(const struct board *b)
{
	return b->subjects;
}

uint32_t
board_subjects_used(const struct board *b)
{
	return (uint32_t)atomic_load_explicit(&b->map->subjects_used, memory_order_relaxed);
}

/* ---- models ---- */

static void
write_name(struct board_model *m, struct span name)
{
	uint64_t words[BOARD_NAME_WORDS] = { 0 };

	memcpy(words, name.p, name.len);
	for (size_t i = 0; i < BOARD_NAME_WORDS; i++)
		word_or_put(&m->name[i], words[i]);
	word_or_put(&m->length, name.len);
}

static struct span
name_of(const struct board_model *m)
{
	size_t len = atomic_load_explicit(&m->length, memory_order_acquire);

	return len ? (struct span){ (const char *)m->name, len } : SPAN_NONE;
}

/* Two names of one hash would mix their words; then neither is found here, and both go on. */
static bool
is_named(struct board_model *m, struct span name, bool create)
{
	struct span have = name_of(m);

	if (have.len == 0 && create) {
		write_name(m, name);
		have = name_of(m);
	}
	return have.len == name.len && memcmp(have.p, name.p, name.len) == 0;
}

int
board_model(struct board *b, struct span name, bool create)
{
	uint64_t hash;

	if (name.len == 0 || name.len > BOARD_MODEL_BYTES)
		return -1;
	hash = board_hash(b, name.p, name.len);
	hash += hash == 0;
	for (uint32_t i = 0; i < b->models; i++) {
		struct board_model *m = &b->names[i];
		uint64_t have = atomic_load_explicit(&m->hash, memory_order_acquire);

		if (have == 0 && create)
			have = word_or_put(&m->hash, hash);
		if (have == 0)
			return -1;
		if (have == hash && is_named(m, name, create))
			return (int)i + 1;
	}
	if (create)
		board_say_once(b, BOARD_SAID_MODELS, "there is no room for another model",
		    b->models, b->models);
	return -1;
}

struct span
board_model_name(const struct board *b, int model)
{
	if (model < 1 || (uint32_t)model > b->models)
		return SPAN_NONE;
	return name_of(&b->names[model - 1]);
}

int
board_models_used(const struct board *b)
{
	uint32_t n = 0;

	while (n < b->models && atomic_load_explicit(&b->names[n].hash, memory_order_acquire))
		n++;
	return (int)n + 1;
}

int
board_models_size(const struct board *b)
{
	return (int)b->models;
}

/* ---- counted anew ---- */

/* Of items whose first word says whether they are used. */
static uint64_t
count_used(const struct board *b, const void *region, uint64_t items, size_t item_bytes)
{
	uint64_t per_page = ((uint64_t)1 << b->page_shift) / item_bytes, used = 0;

	for (uint64_t i = 0; i < items; i += per_page) {
		const char *at = (const char *)region + i * item_bytes;

		if (!board_is_there(b, at))
			continue;
		for (uint64_t n = 0; n < per_page && i + n < items; n++)
			used += atomic_load((const _Atomic uint64_t *)(at + n * item_bytes)) != 0;
	}
	return used;
}

void
board_recount(struct board *b)
{
	_Static_assert(offsetof(struct board_cell, key) == 0, "a cell begins with its key");
	atomic_store(
	    &b->map->cells_used, count_used(b, b->cells, board_cells_size(b), sizeof(*b->cells)));
	atomic_store(&b->map->subjects_used, count_used(b, b->keys, b->subjects, sizeof(*b->keys)));
}
