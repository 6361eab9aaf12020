/*
 * A hash map from byte strings to pointers, and intrusive doubly linked lists.
 *
 * The map copies its keys and borrows its values.  Hashing is keyed with a random number of
 * the process (SipHash by libsodium), so input from outside cannot pile up in one bucket.
 */
#ifndef POLLUX_BASE_MAP_H
#define POLLUX_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include "base/text.h"

struct map;
struct map *map_new(void);
void map_free(struct map **);
void map_free_values(struct map **, void (*value_free)(void *)); /* hands each value over first */
void *map_get(const struct map *, struct span key);              /* NULL: absent */
/* The value that stood there, or NULL.  A value is never NULL: that would read as absent. */
void *map_put(struct map *, struct span key, void *value);
void *map_remove(struct map *, struct span key); /* the value that stood there, or NULL */
size_t map_count(const struct map *);
/* Calls fn for each pair in no order, until it says false; the map may not change meanwhile. */
void map_each(const struct map *, bool (*fn)(void *ctx, struct span key, void *value), void *ctx);

struct list {
	struct list *prev, *next;
};

void list_init(struct list *);
bool list_is_empty(const struct list *);
void list_push(struct list *head, struct list *item);    /* at the end */
void list_unshift(struct list *head, struct list *item); /* at the front */
void list_remove(struct list *item);        /* leaves it pointing at itself; twice is fine */
struct list *list_shift(struct list *head); /* first one, taken out; NULL when empty */
#define list_entry(item, type, member) ((type *)((char *)(item)-offsetof(type, member)))

#define list_for_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* The item at hand may be removed, or freed. */
#define list_for_each_safe(it, tmp, head)                                                          \
	for (struct list *it = (head)->next, *tmp = it->next; it != (head);                        \
	     it = tmp, tmp = it->next)

#endif
