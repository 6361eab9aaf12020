/*
 * Entries: which source gives which setting what value, in the order in which they were found;
 * and the faults that were found with them.
 * Runs wherever a configuration is read.  A set of entries owns an arena of its own.
 */
#include "config/private.h"

#include <stdarg.h>
#include <string.h>

#define FILE_WORD "file "

void
entries_init(struct entries *es)
{
	*es = (struct entries){ .arena = arena_new(0) };
}

void
entries_fini(struct entries *es)
{
	for (size_t i = 0; i < es->count; i++)
		for (size_t k = 0; k < es->items[i].count; k++)
			mem_wipe((char *)es->items[i].values[k], strlen(es->items[i].values[k]));
	mem_free(es->items);
	arena_free(&es->arena);
	*es = (struct entries){ NULL, NULL, 0, 0 };
}

struct entry *
entries_add(struct entries *es, const struct setting *setting, const char *model,
    const char *origin, int line)
{
	struct entry *e;

	if (es->count == es->cap) {
		es->cap = es->cap == 0 ? 16 : es->cap * 2;
		es->items = mem_resize(es->items, es->cap * sizeof(*es->items));
	}
	e = &es->items[es->count++];
	*e = (struct entry){
		.setting = setting,
		.model = model == NULL ? NULL : arena_dup(es->arena, model),
		.origin = arena_dup(es->arena, origin),
		.line = line,
	};
	return e;
}

void
entry_add_value(struct entries *es, struct entry *e, struct span value)
{
	if (e->count == e->cap) {
		const char **more;

		e->cap = e->cap == 0 ? 1 : e->cap * 2;
		more = arena_alloc(es->arena, e->cap * sizeof(*more));
		if (e->count > 0)
			memcpy(more, e->values, e->count * sizeof(*more));
		e->values = more;
	}
	e->values[e->count++] = arena_dup_span(es->arena, value);
}

const char *
origin_place(const char *origin)
{
	size_t len = strlen(FILE_WORD);

	return strncmp(origin, FILE_WORD, len) == 0 ? origin + len : origin;
}

void
faults_add(struct faults *fs, bool is_error, int line, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	fs->errors += is_error;
	if (fs->count > FAULTS_MOST)
		return;
	if (fs->count == FAULTS_MOST) {
		buf_add_lit(&text, "there is more that is wrong");
		line = INT32_MAX; /* stays last */
	} else {
		va_start(ap, fmt);
		buf_vprintf(&text, fmt, ap);
		va_end(ap);
	}
	fs->items = mem_resize(fs->items, (fs->count + 1) * sizeof(*fs->items));
	fs->items[fs->count++] = (struct fault_line){ line, is_error, mem_dup(buf_text(&text)) };
	buf_fini(&text);
}

void
faults_at(struct faults *fs, const char *path, int line, const char *fmt, ...)
{
	struct buf words = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&words, fmt, ap);
	va_end(ap);
	faults_add(fs, true, line, "%s:%d: %s", path, line, buf_text(&words));
	buf_fini(&words);
}

void
faults_sort(struct faults *fs)
{
	for (size_t i = 1; i < fs->count; i++) {
		struct fault_line moved = fs->items[i];
		size_t k = i;

		for (; k > 0 && fs->items[k - 1].line > moved.line; k--)
			fs->items[k] = fs->items[k - 1];
		fs->items[k] = moved;
	}
}

void
faults_fini(struct faults *fs)
{
	for (size_t i = 0; i < fs->count; i++)
		mem_free(fs->items[i].text);
	mem_free(fs->items);
	*fs = (struct faults){ NULL, 0, 0 };
}
