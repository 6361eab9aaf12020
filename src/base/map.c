/*
 * The hash map and the lists.  Runs in every process.  A map owns its entries and the keys in
 * them, never the values; lists own nothing.
 */
#include "base/map.h"

#include <assert.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>
#include "base/mem.h"

#define MAP_LEAST_BUCKETS 16

struct entry {
	struct entry *next; /* owned, same bucket */
	uint64_t hash;
	void *value; /* borrowed */
	size_t key_len;
	char key[]; /* NUL behind it, for the eye in a debugger */
};

struct map {
	struct entry **buckets; /* owned; a power of two of them */
	size_t n_buckets;
	size_t count;
};

/* One for the process, so that equal keys hash alike in all its maps. */
static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static bool has_hash_key;

static void
make_hash_key(void)
{
	int ready = sodium_init();

	assert(ready >= 0);
	randombytes_buf(hash_key, sizeof(hash_key));
	has_hash_key = true;
}

static uint64_t
hash_of(struct span key)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;

	crypto_shorthash(out, (const unsigned char *)(key.p ? key.p : ""), key.len, hash_key);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

/* The pointer that leads to the key's entry, or to the NULL where it would be added. */
static struct entry **
find(const struct map *m, struct span key, uint64_t hash)
{
	struct entry **at = &m->buckets[hash & (m->n_buckets - 1)];

	for (; *at; at = &(*at)->next)
		if ((*at)->hash == hash && span_eq(key, span_mem((*at)->key, (*at)->key_len)))
			break;
	return at;
}

static void
grow(struct map *m)
{
	size_t n = m->n_buckets * 2;
	struct entry **buckets = mem_array(n, sizeof(*buckets));

	for (size_t i = 0; i < m->n_buckets; i++) {
		struct entry *next;

		for (struct entry *e = m->buckets[i]; e; e = next) {
			struct entry **at = &buckets[e->hash & (n - 1)];

			next = e->next;
			e->next = *at;
			*at = e;
		}
	}
	mem_free(m->buckets);
	m->buckets = buckets;
	m->n_buckets = n;
}

struct map *
map_new(void)
{
	struct map *m = mem_alloc(sizeof(*m));

	if (!has_hash_key)
		make_hash_key();
	m->n_buckets = MAP_LEAST_BUCKETS;
	m->buckets = mem_array(m->n_buckets, sizeof(*m->buckets));
	return m;
}

void
map_free_values(struct map **slot, void (*value_free)(void *))
{
	struct map *m = slot ? *slot : NULL;

	if (!m)
		return;
	*slot = NULL;
	for (size_t i = 0; i < m->n_buckets; i++) {
		struct entry *next;

		for (struct entry *e = m->buckets[i]; e; e = next) {
			next = e->next;
			if (value_free)
				value_free(e->value);
			mem_free(e);
		}
	}
	mem_free(m->buckets);
	mem_free(m);
}

void
map_free(struct map **slot)
{
	map_free_values(slot, NULL);
}

void *
map_get(const struct map *m, struct span key)
{
	const struct entry *e = *find(m, key, hash_of(key));

	return e ? e->value : NULL;
}

void *
map_put(struct map *m, struct span key, void *value)
{
	uint64_t hash = hash_of(key);
	struct entry **at = find(m, key, hash);
	struct entry *e = *at;

	assert(value);
	if (e) {
		void *old = e->value;

		e->value = value;
		return old;
	}
	e = mem_alloc(sizeof(*e) + key.len + 1);
	e->hash = hash;
	e->value = value;
	e->key_len = key.len;
	if (key.len)
		memcpy(e->key, key.p, key.len);
	*at = e;
	if (++m->count > m->n_buckets)
		grow(m);
	return NULL;
}

void *
map_remove(struct map *m, struct span key)
{
	struct entry **at = find(m, key, hash_of(key));
	struct entry *e = *at;
	void *value;

	if (!e)
		return NULL;
	value = e->value;
	*at = e->next;
	mem_free(e);
	m->count--;
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

void
map_each(const struct map *m, bool (*fn)(void *ctx, struct span key, void *value), void *ctx)
{
	for (size_t i = 0; i < m->n_buckets; i++)
		for (const struct entry *e = m->buckets[i]; e; e = e->next)
			if (!fn(ctx, span_mem(e->key, e->key_len), e->value))
				return;
}

/* ---- lists ---- */

void
list_init(struct list *l)
{
	l->prev = l->next = l;
}

bool
list_is_empty(const struct list *head)
{
	return head->next == head;
}

static void
insert_between(struct list *item, struct list *prev, struct list *next)
{
	item->prev = prev;
	item->next = next;
	prev->next = item;
	next->prev = item;
}

void
list_push(struct list *head, struct list *item)
{
	insert_between(item, head->prev, head);
}

void
list_unshift(struct list *head, struct list *item)
{
	insert_between(item, head, head->next);
}

void
list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

struct list *
list_shift(struct list *head)
{
	struct list *first = head->next;

	if (first == head)
		return NULL;
	list_remove(first);
	return first;
}
