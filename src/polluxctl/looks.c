/*
 * The looks of answers.  What a newer daemon adds is left out; what is missing shows as a dash.
 */
#include "polluxctl/looks.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "base/mem.h"
#include "base/text.h"

#define COLUMNS_MAX 10

enum colour { PLAIN, GREEN, YELLOW, RED, BOLD };
static const char *const colour_codes[] = { "", "\033[32m", "\033[33m", "\033[31m", "\033[1m" };

struct looks {
	FILE *to;
	bool colours;
};

/* Values. */

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static int64_t
int_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* "38s", "12m", "5h10m", "3d4h": two units are as much as one reads. */
static void
put_span(struct buf *out, int64_t seconds)
{
	if (seconds < 60)
		buf_printf(out, "%" PRId64 "s", seconds);
	else if (seconds < 3600)
		buf_printf(out, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		buf_printf(out, "%" PRId64 "h%02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
	else
		buf_printf(out, "%" PRId64 "d%02" PRId64 "h", seconds / 86400, seconds / 3600 % 24);
}

static void
put_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	size_t unit = 0;

	for (; n >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		n /= 1024;
	buf_printf(out, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static void
put_day(struct buf *out, int64_t unix_s)
{
	time_t when = (time_t)unix_s;
	char text[32] = "-";
	struct tm tm;

	if (unix_s > 0 && localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	buf_add_text(out, text);
}

/* What a terminal would obey is not passed on to it: control characters, also those of two bytes.
 */
static void
put_clean(struct buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f) {
			buf_add_char(out, '?');
		} else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			buf_add_char(out, '?');
			p++;
		} else {
			buf_add_char(out, (char)*p);
		}
	}
}

static size_t
width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Tables: every cell is made first, then the widths are known. */

struct cell {
	struct buf text; /* owned */
	enum colour colour;
};

struct table {
	const char *const *heads;
	size_t columns;
	struct cell *cells; /* owned; row after row */
	size_t count, room;
};

static struct buf *
cell_add(struct table *t, enum colour colour)
{
	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->cells = mem_resize(t->cells, t->room * sizeof(*t->cells));
	}
	t->cells[t->count] = (struct cell){ .text = BUF_INIT, .colour = colour };
	return &t->cells[t->count++].text;
}

static void
cell_text(struct table *t, enum colour colour, const char *text)
{
	put_clean(cell_add(t, colour), text[0] ? text : "-");
}

static void
cell_int(struct table *t, int64_t n)
{
	buf_add_int(cell_add(t, PLAIN), n);
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

static void
table_print(const struct looks *l, struct table *t)
{
	size_t widths[COLUMNS_MAX] = { 0 };

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

#define TABLE_INIT(names)                                                                          \
	{                                                                                          \
		.heads = names, .columns = sizeof(names) / sizeof((names)[0])                      \
	}

/* Gemini keys. */

static enum colour
colour_of_key(const json_t *key)
{
	const char *state = text_of(key, "state");

	return strcmp(state, "enabled") == 0 ? GREEN : strcmp(state, "frozen") == 0 ? YELLOW : RED;
}

/* "frozen 38s: minute-quota", "disabled: key-invalid" */
static void
put_state(struct buf *out, const json_t *key)
{
	const char *state = text_of(key, "state");
	bool frozen = strcmp(state, "frozen") == 0;
	const char *why = text_of(key, frozen ? "cause" : "note");

	put_clean(out, state);
	if (frozen) {
		buf_add_char(out, ' ');
		put_span(out, int_of(key, "frozen_for_s"));
	}
	if (why[0]) {
		buf_add_text(out, ": ");
		put_clean(out, why);
	}
}

static void
show_keys(const struct looks *l, const json_t *answer)
{
	static const char *const heads[] = { "LABEL", "KEY", "STATE", "SOURCE", "PROJECT",
		"ANSWERED", "FAILED", "LAST FAILURE" };
	struct table t = TABLE_INIT(heads);
	const json_t *keys = json_object_get(answer, "keys"), *key;
	size_t i;

	if (json_array_size(keys) == 0) {
		fputs("There is no Gemini key yet: add one with \"polluxctl keys add\".\n", l->to);
		return;
	}
	json_array_foreach(keys, i, key) {
		cell_text(&t, PLAIN, text_of(key, "label"));
		cell_text(&t, PLAIN, text_of(key, "hint"));
		put_state(cell_add(&t, colour_of_key(key)), key);
		cell_text(&t, PLAIN, text_of(key, "source"));
		cell_text(&t, PLAIN, text_of(key, "project"));
		cell_int(&t, int_of(key, "successes"));
		cell_int(&t, int_of(key, "failures"));
		cell_text(&t, PLAIN, text_of(key, "last_failure"));
	}
	table_print(l, &t);
}

static void
show_field(const struct looks *l, const char *name, const struct buf *value)
{
	fprintf(l->to, "%-14s %s\n", name, value->len ? buf_text(value) : "-");
}

static void
show_text(const struct looks *l, const char *name, const char *text)
{
	struct buf value = BUF_INIT;

	put_clean(&value, text);
	show_field(l, name, &value);
	buf_fini(&value);
}

static void
show_key(const struct looks *l, const json_t *key)
{
	struct buf value = BUF_INIT;
	const char *model;
	const json_t *rest;

	show_text(l, "label", text_of(key, "label"));
	show_text(l, "id", text_of(key, "id"));
	show_text(l, "key", text_of(key, "hint"));
	put_state(&value, key);
	show_field(l, "state", &value);
	buf_clear(&value);
	json_object_foreach((json_t *)(uintptr_t)json_object_get(key, "models"), model, rest) {
		put_clean(&value, model);
		buf_add_text(&value, ", ");
		put_span(&value, int_of(rest, "frozen_for_s"));
		buf_printf(&value, ": %s", text_of(rest, "cause"));
		show_field(l, "model frozen", &value);
		buf_clear(&value);
	}
	show_text(l, "source", text_of(key, "source"));
	show_text(l, "project", text_of(key, "project"));
	put_day(&value, int_of(key, "created_s"));
	show_field(l, "added", &value);
	buf_clear(&value);
	buf_printf(&value, "%" PRId64, int_of(key, "successes"));
	show_field(l, "answered", &value);
	buf_clear(&value);
	buf_printf(&value, "%" PRId64 ", %" PRId64 " in a row", int_of(key, "failures"),
	    int_of(key, "failed_in_a_row"));
	show_field(l, "failed", &value);
	buf_fini(&value);
	show_text(l, "last failure", text_of(key, "last_failure"));
}

static void
show_test(const struct looks *l, const json_t *answer)
{
	fprintf(l->to, "%s works with %s (%" PRId64 " ms).\n", text_of(answer, "label"),
	    text_of(answer, "model"), int_of(answer, "took_ms"));
}

static void
show_added_key(const struct looks *l, const json_t *answer)
{
	fprintf(l->to, "Added as \"%s\".  Try it: polluxctl keys test %s\n",
	    text_of(answer, "label"), text_of(answer, "label"));
}

static void
show_import(const struct looks *l, const json_t *answer)
{
	const json_t *results = json_object_get(answer, "results"), *r;
	size_t i;

	json_array_foreach(results, i, r) {
		const char *result = text_of(r, "result");

		if (strcmp(result, "refused") == 0)
			fprintf(l->to, "line %" PRId64 ": refused: %s\n", int_of(r, "line"),
			    text_of(r, "why"));
		else if (strcmp(result, "duplicate") == 0)
			fprintf(l->to, "line %" PRId64 ": here already as \"%s\"\n",
			    int_of(r, "line"), text_of(r, "label"));
	}
	fprintf(l->to, "%" PRId64 " added, %" PRId64 " here already, %" PRId64 " refused.\n",
	    int_of(answer, "added"), int_of(answer, "duplicate"), int_of(answer, "refused"));
}

/* Client keys. */

static void
show_clients(const struct looks *l, const json_t *answer)
{
	static const char *const heads[] = { "LABEL", "ID", "STATE", "SOURCE", "ADDED" };
	struct table t = TABLE_INIT(heads);
	const json_t *clients = json_object_get(answer, "clients"), *client;
	size_t i;

	if (json_array_size(clients) == 0) {
		fputs("There is no client key: make one with \"polluxctl clients add\".\n", l->to);
		return;
	}
	json_array_foreach(clients, i, client) {
		bool enabled = json_is_true(json_object_get(client, "enabled"));

		cell_text(&t, PLAIN, text_of(client, "label"));
		cell_text(&t, PLAIN, text_of(client, "id"));
		cell_text(&t, enabled ? GREEN : RED, enabled ? "enabled" : "disabled");
		cell_text(&t, PLAIN, text_of(client, "source"));
		put_day(cell_add(&t, PLAIN), int_of(client, "created_s"));
	}
	table_print(l, &t);
}

static void
show_added_client(const struct looks *l, const json_t *answer)
{
	const char *key = text_of(answer, "key");

	fprintf(l->to, "Added as \"%s\".\n", text_of(answer, "label"));
	if (key[0])
		fprintf(l->to, "Its key, which is shown this once:\n\n    %s\n\n", key);
}

/* The daemon. */

static void
show_processes(const struct looks *l, const json_t *processes)
{
	static const char *const heads[] = { "PROCESS", "PID", "STATE", "CONNECTIONS",
		"UNDER WAY" };
	struct table t = TABLE_INIT(heads);
	const json_t *p;
	size_t i;

	json_array_foreach(processes, i, p) {
		bool works = json_object_get(p, "connections") != NULL;
		const char *state = text_of(p, "state");

		cell_text(&t, PLAIN, text_of(p, "name"));
		cell_int(&t, int_of(p, "pid"));
		cell_text(&t, strcmp(state, "ready") == 0 ? GREEN : YELLOW, state);
		if (works)
			cell_int(&t, int_of(p, "connections"));
		else
			cell_text(&t, PLAIN, "");
		if (works)
			cell_int(&t, int_of(p, "exchanges"));
		else
			cell_text(&t, PLAIN, "");
	}
	table_print(l, &t);
}

static void
show_counts(const struct looks *l, const json_t *counts)
{
	const char *name;
	const json_t *n;
	struct buf shown = BUF_INIT;

	json_object_foreach((json_t *)(uintptr_t)counts, name, n) {
		struct buf value = BUF_INIT;

		buf_clear(&shown);
		put_clean(&shown, name);
		for (size_t i = 0; i < shown.len; i++)
			if (shown.data[i] == '_')
				shown.data[i] = ' ';
		buf_add_int(&value, json_integer_value(n));
		fprintf(l->to, "%-20s %s\n", buf_text(&shown), buf_text(&value));
		buf_fini(&value);
	}
	buf_fini(&shown);
}

static void
show_status(const struct looks *l, const json_t *answer)
{
	const json_t *keys = json_object_get(answer, "keys"),
		     *clients = json_object_get(answer, "clients");
	const json_t *store = json_object_get(answer, "store"),
		     *listen = json_object_get(answer, "listen");
	const json_t *name;
	struct buf line = BUF_INIT;
	size_t i;

	buf_printf(&line, "Pollux %s, up ", text_of(answer, "version"));
	put_span(&line, int_of(answer, "uptime_s"));
	buf_add_text(&line, ", listening on");
	json_array_foreach(listen, i, name)
		buf_printf(&line, " %s", json_string_value(name));
	buf_printf(&line,
	    "\nGemini keys: %" PRId64 " enabled, %" PRId64 " frozen, %" PRId64 " disabled\n",
	    int_of(keys, "enabled"), int_of(keys, "frozen"), int_of(keys, "disabled"));
	buf_printf(&line, "Client keys: %" PRId64 " enabled, %" PRId64 " disabled\n",
	    int_of(clients, "enabled"), int_of(clients, "disabled"));
	buf_add_text(&line, "Store: ");
	put_bytes(&line, int_of(store, "used_bytes"));
	buf_add_text(&line, " used of ");
	put_bytes(&line, int_of(store, "map_bytes"));
	buf_printf(&line, " in %s\n\n", text_of(store, "dir"));
	fputs(buf_text(&line), l->to);
	buf_fini(&line);
	show_processes(l, json_object_get(answer, "processes"));
	fputc('\n', l->to);
	show_counts(l, json_object_get(answer, "counts"));
}

static void
show_settings(const struct looks *l, const json_t *answer)
{
	static const char *const heads[] = { "SETTING", "VALUE", "FROM" };
	struct table t = TABLE_INIT(heads);
	const json_t *settings = json_object_get(answer, "settings"), *s;
	size_t i;

	json_array_foreach(settings, i, s) {
		cell_text(&t, PLAIN, text_of(s, "name"));
		cell_text(&t, PLAIN, text_of(s, "value"));
		cell_text(&t, PLAIN, text_of(s, "origin"));
	}
	table_print(l, &t);
}

static void
show_setting(const struct looks *l, const json_t *answer)
{
	struct buf value = BUF_INIT;

	put_clean(&value, text_of(answer, "value"));
	fprintf(l->to, "%s\n", buf_text(&value));
	buf_fini(&value);
}

static void
show_reload(const struct looks *l, const json_t *answer)
{
	(void)answer;
	fputs("The configuration is valid; new workers take over.\n", l->to);
}

static void
show_drain(const struct looks *l, const json_t *answer)
{
	(void)answer;
	fputs("No new requests are taken; polluxd ends when those under way are done.\n", l->to);
}

/* Changes by label: "Done: a, b." and what to know about them. */
static void
show_labels(const struct looks *l, const json_t *answer)
{
	const json_t *labels = json_object_get(answer, "labels"), *item;
	struct buf line = BUF_INIT;
	size_t i;

	json_array_foreach(labels, i, item)
		buf_printf(&line, "%s%s", i ? ", " : "Done: ", json_string_value(item));
	fprintf(l->to, "%s.\n", line.len ? buf_text(&line) : "Done");
	buf_fini(&line);
	json_array_foreach(json_object_get(answer, "warnings"), i, item)
		fprintf(l->to, "Note: %s.\n", json_string_value(item));
}

/* Words: those that are not here change things by label. */

static const struct {
	enum word_index word;
	void (*show)(const struct looks *, const json_t *);
} shows[] = {
	{ WORD_INDEX_status, show_status },
	{ WORD_INDEX_reload, show_reload },
	{ WORD_INDEX_drain, show_drain },
	{ WORD_INDEX_keys_add, show_added_key },
	{ WORD_INDEX_keys_import, show_import },
	{ WORD_INDEX_keys_list, show_keys },
	{ WORD_INDEX_keys_show, show_key },
	{ WORD_INDEX_keys_test, show_test },
	{ WORD_INDEX_clients_add, show_added_client },
	{ WORD_INDEX_clients_list, show_clients },
	{ WORD_INDEX_config_list, show_settings },
	{ WORD_INDEX_config_get, show_setting },
};

void
looks_print(FILE *to, bool colours, const struct word *word, const json_t *answer)
{
	struct looks l = { to, colours };

	if (!json_is_true(json_object_get(answer, "ok"))) {
		if (json_object_get(answer, "results"))
			show_import(&l, answer);
		return;
	}
	for (size_t i = 0; word && i < sizeof(shows) / sizeof(shows[0]); i++) {
		if (&word_table[shows[i].word] == word) {
			shows[i].show(&l, answer);
			return;
		}
	}
	show_labels(&l, answer);
}

void
looks_words(FILE *to)
{
	for (size_t i = 0; i < WORD_COUNT; i++)
		fprintf(to, "  %s%s%s\n        %s\n", word_table[i].name,
		    word_table[i].arguments[0] ? " " : "", word_table[i].arguments,
		    word_table[i].help);
}
