/*
 * The looks of answers.  What a newer daemon adds is left out; what is missing shows as a dash.
 */
#include "polluxctl/looks.h"

#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "polluxctl/looks_keys.h"
#include "polluxctl/looks_pool.h"
#include "polluxctl/table.h"
#include "polluxctl/member.h"

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

		table_text(&t, PLAIN, member_text(client, "label"));
		table_text(&t, PLAIN, member_text(client, "id"));
		table_text(&t, enabled ? GREEN : RED, enabled ? "enabled" : "disabled");
		table_text(&t, PLAIN, member_text(client, "source"));
		member_add_day(table_add(&t, PLAIN), member_int(client, "created_s"));
	}
	table_print(l, &t);
}

static void
show_added_client(const struct looks *l, const json_t *answer)
{
	const char *key = member_text(answer, "key");

	fprintf(l->to, "Added as \"%s\".\n", member_text(answer, "label"));
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
		const char *state = member_text(p, "state");

		table_text(&t, PLAIN, member_text(p, "name"));
		table_int(&t, member_int(p, "pid"));
		table_text(&t, strcmp(state, "ready") == 0 ? GREEN : YELLOW, state);
		if (works)
			table_int(&t, member_int(p, "connections"));
		else
			table_text(&t, PLAIN, "");
		if (works)
			table_int(&t, member_int(p, "exchanges"));
		else
			table_text(&t, PLAIN, "");
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
		member_add_clean(&shown, name);
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
	const json_t *clients = json_object_get(answer, "clients");
	const json_t *store = json_object_get(answer, "store"),
		     *listen = json_object_get(answer, "listen");
	const json_t *name;
	struct buf line = BUF_INIT;
	size_t i;

	buf_printf(&line, "Pollux %s, up ", member_text(answer, "version"));
	member_add_span(&line, member_int(answer, "uptime_s"));
	buf_add_text(&line, ", listening on");
	json_array_foreach(listen, i, name)
		buf_printf(&line, " %s", json_string_value(name));
	buf_add_text(&line, "\nGemini keys: ");
	looks_states(&line, json_object_get(answer, "keys"));
	buf_printf(&line, "\nClient keys: %" PRId64 " enabled, %" PRId64 " disabled\n",
	    member_int(clients, "enabled"), member_int(clients, "disabled"));
	buf_add_text(&line, "Store: ");
	member_add_bytes(&line, member_int(store, "used_bytes"));
	buf_add_text(&line, " used of ");
	member_add_bytes(&line, member_int(store, "map_bytes"));
	buf_printf(&line, " in %s\n", member_text(store, "dir"));
	looks_pool(&line, json_object_get(answer, "pool"));
	buf_add_char(&line, '\n');
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
		table_text(&t, PLAIN, member_text(s, "name"));
		table_text(&t, PLAIN, member_text(s, "value"));
		table_text(&t, PLAIN, member_text(s, "origin"));
	}
	table_print(l, &t);
}

static void
show_setting(const struct looks *l, const json_t *answer)
{
	struct buf value = BUF_INIT;

	member_add_clean(&value, member_text(answer, "value"));
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
	if (json_object_get(answer, "thawed"))
		buf_printf(
		    &line, "Done: %" PRId64 " keys and all models", member_int(answer, "thawed"));
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
	{ WORD_INDEX_explain_request, looks_explained },
	{ WORD_INDEX_keys_add, looks_keys_added },
	{ WORD_INDEX_keys_import, looks_keys_imported },
	{ WORD_INDEX_keys_list, looks_keys },
	{ WORD_INDEX_keys_show, looks_key },
	{ WORD_INDEX_keys_test, looks_key_tested },
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
			looks_keys_imported(&l, answer);
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
