/*
 * Gathering bodies.  Runs in workers.  A body owns its memory.
 */
#include "net/body.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/mem.h"

/* Pages that were never written cost nothing, but each growing costs a system call, and room
 * that is not used counts where the kernel promises no more memory than there is. */
#define STEP_LEAST_BYTES (1u << 20)

static size_t
whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static size_t
next_cap(const struct body *b, size_t need, int64_t declared_bytes)
{
	size_t step = b->cap, all = declared_bytes > 0 ? (size_t)declared_bytes + 1 : SIZE_MAX;

	if (b->is_mapped)
		step = b->cap / 8 > STEP_LEAST_BYTES ? b->cap / 8 : STEP_LEAST_BYTES;
	if (all >= need && b->cap + step > all)
		return all;
	return b->cap + step > need ? b->cap + step : need;
}

static char *
map(struct body *b, size_t cap)
{
	char *data;

	if (b->is_mapped)
		data = mremap(b->data, b->cap, cap, MREMAP_MAYMOVE);
	else
		data = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		mem_exhausted(cap);
	if (!b->is_mapped) {
		if (b->len)
			memcpy(data, b->data, b->len);
		mem_free(b->data);
	}
	return data;
}

static void
grow(struct body *b, size_t cap)
{
	if (cap > BODY_MAP_BYTES) {
		cap = whole_pages(cap);
		b->data = map(b, cap);
		b->is_mapped = true;
	} else {
		b->data = mem_resize(b->data, cap);
	}
	b->cap = cap;
}

void
body_add(struct body *b, struct span s, int64_t declared_bytes)
{
	size_t need;

	if (s.len == 0)
		return;
	/* Half of what there is leaves room to reckon with. */
	if (__builtin_add_overflow(b->len, s.len, &need) || need >= SIZE_MAX / 2)
		mem_exhausted(s.len);
	need++; /* the NUL */
	if (need > b->cap)
		grow(b, next_cap(b, need, declared_bytes));
	memcpy(b->data + b->len, s.p, s.len);
	b->len += s.len;
	b->data[b->len] = '\0';
}

struct span
body_span(const struct body *b)
{
	return (struct span){ b->data ? b->data : "", b->len };
}

void
body_fini(struct body *b)
{
	if (b->is_mapped)
		munmap(b->data, b->cap);
	else
		mem_free(b->data);
	*b = BODY_INIT;
}
