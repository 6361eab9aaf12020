/*
 * Tables: see table.h.
 */
#include "polluxctl/table.h"

#include <assert.h>
#include "base/mem.h"
#include "polluxctl/member.h"

static const char *const colour_codes[] = { "", "\033[32m", "\033[33m", "\033[31m", "\033[1m" };

static size_t
width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

struct buf *
table_add(struct table *t, enum colour colour)
{
	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->cells = mem_resize(t->cells, t->room * sizeof(*t->cells));
	}
	t->cells[t->count] = (struct table_cell){ .text = BUF_INIT, .colour = colour };
	return &t->cells[t->count++].text;
}

void
table_text(struct table *t, enum colour colour, const char *text)
{
	member_add_clean(table_add(t, colour), text[0] ? text : "-");
}

void
table_int(struct table *t, int64_t n)
{
	buf_add_int(table_add(t, PLAIN), n);
}

static void
print_padded(const struct looks *l, enum colour colour, const char *text, size_t width, bool last)
{
	const char *code = l->colours ? colour_codes[colour] : "";
	size_t have = width_of(text);

	fprintf(l->to, "%s%s%s", code, text, code[0] ? "\033[0m" : "");
	if (last)
		fputc('\n', l->to);
	else
		fprintf(l->to, "%*s", (int)(width > have ? width - have : 0) + 2, "");
}

void
table_print(const struct looks *l, struct table *t)
{
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };

	assert(t->columns > 0 && t->columns <= TABLE_COLUMNS_MAX);
	for (size_t c = 0; c < t->columns; c++)
		widths[c] = width_of(t->heads[c]);
	for (size_t i = 0; i < t->count; i++) {
		size_t width = width_of(buf_text(&t->cells[i].text));

		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	for (size_t c = 0; c < t->columns; c++)
		print_padded(l, BOLD, t->heads[c], widths[c], c + 1 == t->columns);
	for (size_t i = 0; i < t->count; i++) {
		size_t c = i % t->columns;

		print_padded(l, t->cells[i].colour, buf_text(&t->cells[i].text), widths[c],
		    c + 1 == t->columns);
		buf_fini(&t->cells[i].text);
	}
	mem_free(t->cells);
	*t = (struct table){ .heads = NULL };
}

void
table_field(const struct looks *l, const char *name, const struct buf *value)
{
	fprintf(l->to, "%-14s %s\n", name, value->len ? buf_text(value) : "-");
}

void
table_field_text(const struct looks *l, const char *name, const char *text)
{
	struct buf value = BUF_INIT;

	member_add_clean(&value, text);
	table_field(l, name, &value);
	buf_fini(&value);
}
