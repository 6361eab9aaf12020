/*
 * Memory that cannot fail, arenas, wiping.  Runs in every process.  An arena owns its chunks;
 * everything else belongs to whoever asked for it.
 */
#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(MEM_POISONS)
#define MEM_POISONS 1
#endif

/*
 * The sanitizer sees a chunk as one block, so an arena tells it what is handed out and leaves
 * a gap behind each piece: a step over the end of one is then found, as with malloc.
 */
#ifdef MEM_POISONS
#include <sanitizer/asan_interface.h>
#define mem_poison(p, size)   ASAN_POISON_MEMORY_REGION(p, size)
#define mem_unpoison(p, size) ASAN_UNPOISON_MEMORY_REGION(p, size)
#define ARENA_GAP             16
#else
#define mem_poison(p, size)   ((void)0)
#define mem_unpoison(p, size) ((void)0)
#define ARENA_GAP             0
#endif

#define ARENA_CHUNK_BYTES 8192
#define ARENA_ALIGN       _Alignof(max_align_t)

/* ---- the heap ---- */

_Noreturn void
mem_exhausted(size_t size)
{
	char line[96];
	int len = snprintf(line, sizeof(line), "out of memory: %zu bytes were refused\n", size);

	/* Not through the log: that is no place to go without memory. */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		abort();
	abort();
}

void *
mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		mem_exhausted(size);
	return p;
}

void *
mem_resize(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		mem_exhausted(size);
	return p;
}

void *
mem_array(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		mem_exhausted(SIZE_MAX);
	return mem_alloc(bytes);
}

char *
mem_dup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(mem_alloc(size), text, size);
}

char *
mem_dup_span(struct span s)
{
	char *copy = mem_alloc(s.len + 1);

	if (s.len)
		memcpy(copy, s.p, s.len);
	return copy;
}

/* The room, NUL included, that a printed text takes. */
static size_t __attribute__((format(printf, 1, 0))) measure(const char *fmt, va_list ap)
{
	char none[1];
	int len;

	assert(fmt);
	len = vsnprintf(none, sizeof(none), fmt, ap);
	assert(len >= 0);
	return (size_t)len + 1;
}

char *
mem_printf(const char *fmt, ...)
{
	char *text;
	va_list ap;
	size_t size;

	va_start(ap, fmt);
	size = measure(fmt, ap);
	va_end(ap);
	text = mem_alloc(size);
	va_start(ap, fmt);
	vsnprintf(text, size, fmt, ap);
	va_end(ap);
	return text;
}

void
mem_free(void *p)
{
	free(p);
}

void
mem_wipe(void *p, size_t size)
{
	if (size)
		explicit_bzero(p, size);
}

/* ---- arenas ---- */

struct chunk {
	struct chunk *next; /* owned */
	size_t size;        /* of bytes */
	size_t used;
	_Alignas(max_align_t) char bytes[];
};

struct arena {
	size_t chunk_bytes;
	size_t taken_bytes;
	struct chunk *small; /* owned; the first is the one being filled */
	struct chunk *large; /* owned; one allocation each */
};

static struct chunk *
chunk_new(struct arena *a, size_t size, struct chunk *next)
{
	struct chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		mem_exhausted(size);
	c = mem_alloc(sizeof(*c) + size);
	c->size = size;
	c->next = next;
	a->taken_bytes += sizeof(*c) + size;
	mem_poison(c->bytes, size);
	return c;
}

/* Frees a list of chunks up to the one that is kept, which may be NULL. */
static struct chunk *
chunks_free(struct arena *a, struct chunk *c, const struct chunk *kept)
{
	while (c != kept) {
		struct chunk *next = c->next;

		a->taken_bytes -= sizeof(*c) + c->size;
		mem_unpoison(c->bytes, c->size);
		mem_free(c);
		c = next;
	}
	return c;
}

struct arena *
arena_new(size_t chunk_bytes)
{
	struct arena *a = mem_alloc(sizeof(*a));

	a->chunk_bytes = chunk_bytes ? chunk_bytes : ARENA_CHUNK_BYTES;
	a->taken_bytes = sizeof(*a);
	return a;
}

void
arena_free(struct arena **slot)
{
	struct arena *a = slot ? *slot : NULL;

	if (!a)
		return;
	chunks_free(a, a->small, NULL);
	chunks_free(a, a->large, NULL);
	mem_free(a);
	*slot = NULL;
}

void
arena_reset(struct arena *a)
{
	struct chunk *last = a->small;

	a->large = chunks_free(a, a->large, NULL);
	while (last && last->next)
		last = last->next;
	a->small = chunks_free(a, a->small, last);
	if (!last)
		return;
	mem_poison(last->bytes, last->size);
	last->used = 0;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t need;
	struct chunk *c = a->small;
	char *p;

	if (size > SIZE_MAX / 2)
		mem_exhausted(size);
	need = (size + ARENA_GAP + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (need == 0)
		need = ARENA_ALIGN;
	if (need > a->chunk_bytes / 4) {
		a->large = chunk_new(a, need, a->large);
		mem_unpoison(a->large->bytes, size);
		return a->large->bytes; /* fresh from the system, so zeroed */
	}
	if (!c || c->size - c->used < need)
		c = a->small = chunk_new(a, a->chunk_bytes, a->small);
	p = c->bytes + c->used;
	c->used += need;
	mem_unpoison(p, size);
	return memset(p, 0, size);
}

char *
arena_dup(struct arena *a, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(arena_alloc(a, size), text, size);
}

char *
arena_dup_span(struct arena *a, struct span s)
{
	char *copy = arena_alloc(a, s.len + 1);

	if (s.len)
		memcpy(copy, s.p, s.len);
	return copy;
}

struct span
arena_span(struct arena *a, struct span s)
{
	if (!s.p)
		return SPAN_NONE;
	return (struct span){ arena_dup_span(a, s), s.len };
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	char *text;
	va_list ap;
	size_t size;

	va_start(ap, fmt);
	size = measure(fmt, ap);
	va_end(ap);
	text = arena_alloc(a, size);
	va_start(ap, fmt);
	vsnprintf(text, size, fmt, ap);
	va_end(ap);
	return text;
}

size_t
arena_bytes(const struct arena *a)
{
	return a->taken_bytes;
}
