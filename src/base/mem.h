/*
 * Memory: allocation that cannot fail (the process dies with one line instead), arenas, and
 * wiping of secrets.
 *
 * An arena is what one exchange, one configuration or one store record set lives in: many
 * small allocations, freed together.  Large blocks (over a quarter of its chunk size) get a
 * chunk of their own.  Nothing taken from an arena is freed alone.
 */
#ifndef POLLUX_BASE_MEM_H
#define POLLUX_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include "base/span.h"

/* Fresh memory is zeroed, products are checked, a size of 0 is fine, copies end in NUL. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_resize(void *, size_t size) __attribute__((returns_nonnull)); /* the rest is not zeroed */
void *mem_array(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
char *mem_dup(const char *) __attribute__((malloc, returns_nonnull));
char *mem_dup_span(struct span) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
void mem_free(void *);         /* NULL is fine */
void mem_wipe(void *, size_t); /* the compiler cannot drop it */
_Noreturn void mem_exhausted(size_t size);

struct arena;
struct arena *arena_new(size_t chunk_bytes); /* first chunk is taken lazily; 0 picks a default */
void arena_free(struct arena **);            /* NULL or empty is fine */
void arena_reset(struct arena *);            /* forgets all, keeps one chunk */
/* Zeroed, aligned for anything, and there as long as the arena.  Copies end in NUL. */
void *arena_alloc(struct arena *, size_t size) __attribute__((returns_nonnull));
char *arena_dup(struct arena *, const char *) __attribute__((returns_nonnull));
char *arena_dup_span(struct arena *, struct span) __attribute__((returns_nonnull));
struct span arena_span(struct arena *, struct span);
char *arena_printf(struct arena *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));
size_t arena_bytes(const struct arena *); /* taken from the system, for tests and metrics */

#endif
