/*
 * Words about the daemon as a whole: status, reload, drain, config, help.  Runs in the janitor.
 */
#include "proc/control_words.h"

#include <unistd.h>
#include "base/mem.h"
#include "ipc/words.h"
#include "proc/control.h"
#include "proc/control_pool.h"
#include "proc/control_set.h"
#include "proc/slots.h"
#include "upstream/credential.h"

/* status. */

static const char *
state_name(uint32_t state)
{
	switch ((enum worker_state)state) {
	case WORKER_STARTING:
		return "starting";
	case WORKER_READY:
		return "ready";
	case WORKER_DRAINING:
		return "draining";
	case WORKER_EMPTY:
		break;
	}
	return "empty";
}

static json_t *
processes_of(const struct control *c)
{
	json_t *all = json_array();

	slots_bury_orphans(c->board); /* workers of an earlier master, once they are gone */
	json_array_append_new(
	    all, json_pack("{s:s, s:I, s:s}", "name", "master", "pid",
		     (json_int_t)c->birth->master_pid, "state", *c->master ? "ready" : "gone"));
	json_array_append_new(all, json_pack("{s:s, s:I, s:s}", "name", "janitor", "pid",
				       (json_int_t)getpid(), "state", "ready"));
	for (int i = 0; i < BOARD_WORKERS_MAX; i++) {
		struct board_slot *slot = board_slot(c->board, i);
		pid_t pid = atomic_load(&slot->pid);
		char name[32];

		if (pid == 0)
			continue;
		int64_t age_ms = loop_wall_ms(c->loop) - atomic_load(&slot->since_wall_ms);

		snprintf(name, sizeof(name), "worker %u", atomic_load(&slot->number));
		json_array_append_new(all,
		    json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "name", name, "pid",
			(json_int_t)pid, "state", state_name(atomic_load(&slot->state)), "uptime_s",
			(json_int_t)(age_ms > 0 ? age_ms / 1000 : 0), "connections",
			(json_int_t)atomic_load(&slot->counts[BOARD_CONNECTIONS]), "exchanges",
			(json_int_t)atomic_load(&slot->counts[BOARD_EXCHANGES])));
	}
	return all;
}

static json_t *
counts_of(const struct control *c)
{
	json_t *counts = json_object();

	for (int i = 0; i < BOARD_COUNT_COUNT; i++)
		json_object_set_new(counts, board_count_name((enum board_count)i),
		    json_integer(board_count_sum(c->board, (enum board_count)i)));
	return counts;
}

/* Keys by their state. */
struct census {
	json_int_t keys[KEY_STATE_COUNT];
};

static void
count_key(void *ctx, const struct key_scene *s, const struct credential *c)
{
	struct key_place p = key_place_of(s->board, c);
	struct census *n = ctx;

	n->keys[c->enabled ? key_stands_worst(s, p, BOARD_WHOLE).state : KEY_DISABLED]++;
}

static json_t *
keys_of(const struct census *n)
{
	json_t *keys = json_object();

	for (int i = 0; i < KEY_STATE_COUNT; i++)
		json_object_set_new(
		    keys, key_state_name((enum key_state)i), json_integer(n->keys[i]));
	return keys;
}

/* NULL when the store cannot be read: the cause is in err. */
static json_t *
clients_of(const struct control *c, struct err *e)
{
	struct client_list list;
	int enabled = 0, disabled = 0;

	if (!client_list_load(&list, c->store, e))
		return NULL;
	for (size_t i = 0; i < list.count; i++)
		*(list.items[i].enabled ? &enabled : &disabled) += 1;
	client_list_fini(&list);
	return json_pack("{s:i, s:i}", "enabled", enabled, "disabled", disabled);
}

static json_t *
listen_of(const struct control *c)
{
	json_t *listen = json_array();

	for (const char *const *name = c->birth->listen_names; *name; name++)
		json_array_append_new(listen, json_string(*name));
	return listen;
}

static void
answer_status(void *ctx, struct control_ask *a)
{
	const struct control *c = control_of(a);
	json_t *m = json_object(), *clients;
	struct err e = ERR_INIT;

	json_object_set_new(m, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(m, "uptime_s",
	    json_integer((loop_wall_ms(c->loop) - c->birth->started_wall_ms) / 1000));
	json_object_set_new(m, "listen", listen_of(c));
	json_object_set_new(m, "configuration", json_string(c->birth->config->file));
	json_object_set_new(m, "processes", processes_of(c));
	json_object_set_new(m, "counts", counts_of(c));
	json_object_set_new(m, "store",
	    json_pack("{s:s, s:I, s:I}", "dir", c->birth->config->state_dir, "used_bytes",
		(json_int_t)store_used_bytes(c->store), "map_bytes",
		(json_int_t)store_map_bytes(c->store)));
	json_object_set_new(m, "keys", keys_of(ctx));
	json_object_set_new(m, "pool", control_pool_shown(c->board, loop_moment(c->loop)));
	clients = clients_of(c, &e);
	if (!clients) {
		control_refuse_take(a, &e, m);
		return;
	}
	json_object_set_new(m, "clients", clients);
	control_answer_take(a, m);
}

void
control_status(struct control_ask *a)
{
	static const struct control_set_walk walk = { count_key, answer_status, mem_free };
	struct census *n = mem_alloc(sizeof(*n));

	*n = (struct census){ { 0 } };
	control_set_walk(a, &walk, n);
}

/* Asked of the master. */

void
control_reload(struct control_ask *a)
{
	control_ask_master(a, MESSAGE_RELOAD);
}

void
control_drain(struct control_ask *a)
{
	control_ask_master(a, MESSAGE_DRAIN);
}

/* config. */

static json_t *
setting_of(const struct config *config, const char *name)
{
	struct buf value = BUF_INIT;
	json_t *setting = NULL;

	if (config_value(config, name, &value))
		setting = json_pack("{s:s, s:s, s:s}", "name", name, "value", buf_text(&value),
		    "origin", config_origin(config, name));
	buf_fini(&value);
	return setting;
}

void
control_config_list(struct control_ask *a)
{
	const struct config *config = control_of(a)->birth->config;
	json_t *all = json_array();

	for (size_t i = 0; config_name(i); i++)
		json_array_append_new(all, setting_of(config, config_name(i)));
	control_answer_take(a, json_pack("{s:o}", "settings", all));
}

static const char *
nearest_setting(const char *name)
{
	size_t n = 0;

	while (config_name(n))
		n++;
	const char **names = mem_array(n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++)
		names[i] = config_name(i);
	const char *nearest = text_nearest(name, names, n);

	mem_free(names);
	return nearest;
}

void
control_config_get(struct control_ask *a)
{
	const char *name = control_argument(a, 0).p;
	json_t *setting = setting_of(control_of(a)->birth->config, name);
	struct err e = ERR_INIT;

	if (setting) {
		for (size_t i = 0; config_name(i); i++)
			if (strcmp(config_name(i), name) == 0)
				json_object_set_new(setting, "help", json_string(config_help(i)));
		control_answer_take(a, setting);
		return;
	}
	const char *nearest = nearest_setting(name);

	err_set(&e, ERR_NOT_FOUND,
	    "there is no setting \"%s\"%s%s%s; \"polluxctl config list\" has them all", name,
	    nearest ? " (did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?)" : "");
	control_refuse(a, &e);
}

/* help. */

void
control_help(struct control_ask *a)
{
	json_t *all = json_array();

	for (size_t i = 0; i < WORD_COUNT; i++)
		json_array_append_new(
		    all, json_pack("{s:s, s:s, s:s}", "name", word_table[i].name, "arguments",
			     word_table[i].arguments, "help", word_table[i].help));
	control_answer_take(a, json_pack("{s:o}", "words", all));
}
