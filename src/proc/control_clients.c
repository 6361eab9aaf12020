/*
 * Words about client keys.  Runs in the janitor.  A client's key is said once, in the answer to
 * the ask that made it, and kept only as a keyed hash.
 */
#include "proc/control_words.h"

#include "base/mem.h"
#include "store/label.h"
#include "proc/control.h"

static bool
load(struct control_ask *a, struct client_list *list)
{
	struct err e = ERR_INIT;

	if (client_list_load(list, control_of(a)->store, &e))
		return true;
	control_refuse(a, &e);
	return false;
}

/* list. */

static const char *
source_name(enum client_source source)
{
	switch (source) {
	case CLIENT_FROM_ENVIRONMENT:
		return "env";
	case CLIENT_FROM_FIRST_RUN:
		return "first-run";
	case CLIENT_FROM_OPERATOR:
		break;
	}
	return "operator";
}

void
control_clients_list(struct control_ask *a)
{
	struct client_list list;
	json_t *all;

	if (!load(a, &list))
		return;
	all = json_array();
	for (size_t i = 0; i < list.count; i++) {
		const struct client *c = &list.items[i];

		json_array_append_new(
		    all, json_pack("{s:s, s:s, s:b, s:s, s:I}", "label", c->label, "id", c->id,
			     "enabled", c->enabled, "source", source_name(c->source), "created_s",
			     (json_int_t)(c->created_wall_ms / 1000)));
	}
	client_list_fini(&list);
	control_answer_take(a, json_pack("{s:o}", "clients", all));
}

/* add. */

static bool
check_new(struct control_ask *a, const struct client_list *list, struct span key, const char *label)
{
	unsigned char hash[SEAL_HASH_BYTES];
	struct err e = ERR_INIT;

	client_hash(control_of(a)->seal, key, hash);
	for (size_t i = 0; i < list->count; i++) {
		if (memcmp(list->items[i].hash, hash, sizeof(hash)) != 0)
			continue;
		err_set(&e, ERR_CONFLICT, "this client key is here already: its label is \"%s\"",
		    list->items[i].label);
		control_refuse(a, &e);
		return false;
	}
	if (!label || !client_list_find(list, span_of(label)))
		return true;
	err_set(&e, ERR_CONFLICT, "another client has the label \"%s\" already", label);
	control_refuse(a, &e);
	return false;
}

static void
add_to(
    struct control_ask *a, struct client_list *list, struct span key, bool made, const char *label)
{
	struct control *c = control_of(a);
	struct changes changes = CHANGES_INIT;
	struct client client;
	char made_label[sizeof(client.label)];
	size_t next = list->count + 1;

	if (!check_new(a, list, key, label))
		return;
	if (!label)
		label_make(
		    made_label, sizeof(made_label), "client", &next, client_label_is_taken, list);
	client_make(&client, c->seal, key, label ? label : made_label, CLIENT_FROM_OPERATOR,
	    loop_wall_ms(c->loop));
	changes_put_client(&changes, &client);
	json_t *members = json_pack("{s:s, s:s}", "label", client.label, "id", client.id);

	if (made)
		json_object_set_new(members, "key", json_stringn(key.p, key.len));
	control_commit_take(a, &changes, members);
	changes_fini(&changes);
}

/* The key to add, in key: made, or what came with the ask; false: refused. */
static bool
take_key(struct control_ask *a, struct buf *key, bool *made)
{
	const char *given = control_option(a, "key");
	struct span input = span_trim(control_input(a));
	struct err e = ERR_INIT;

	*made = given == NULL;
	if (*made) {
		client_make_key(key);
		return true;
	}
	if (strcmp(given, "-") != 0) {
		control_refuse_usage(a,
		    "what is given as an argument can be seen in ps: write --key - "
		    "and give the key on standard input");
		return false;
	}
	if (!client_check_key(input, &e)) {
		control_refuse(a, &e);
		return false;
	}
	buf_add_span(key, input);
	return true;
}

void
control_clients_add(struct control_ask *a)
{
	struct client_list list;
	struct buf key = BUF_INIT;
	const char *label;
	bool made;

	if (!control_name(a, "label", label_check, &label) || !take_key(a, &key, &made))
		return;
	if (load(a, &list)) {
		add_to(a, &list, buf_span(&key), made, label);
		client_list_fini(&list);
	}
	buf_wipe(&key);
}

/* enable, disable, rm. */

enum change { CHANGE_ENABLE, CHANGE_DISABLE, CHANGE_REMOVE };

static const char env_warning[] = "\"%s\" comes from POLLUX_CLIENT_KEYS: while it is listed there, "
				  "it comes back when Pollux starts";

static bool
all_known(struct control_ask *a, const struct client_list *list)
{
	const char **labels;
	size_t i = 0;

	while (i < control_argument_count(a) && client_list_find(list, control_argument(a, i)))
		i++;
	if (i == control_argument_count(a))
		return true;
	labels = mem_array(list->count + 1, sizeof(*labels));
	for (size_t k = 0; k < list->count; k++)
		labels[k] = list->items[k].label;
	control_refuse_unknown(a, "client", control_argument(a, i), labels, list->count);
	mem_free(labels);
	return false;
}

static void
change_one(enum change how, struct client *client, struct changes *changes, json_t *warnings)
{
	if (how == CHANGE_REMOVE) {
		changes_erase_client(changes, client);
		if (client->source == CLIENT_FROM_ENVIRONMENT)
			json_array_append_new(warnings, json_sprintf(env_warning, client->label));
		return;
	}
	client->enabled = how == CHANGE_ENABLE;
	changes_put_client(changes, client);
}

static void
change_all(struct control_ask *a, const struct client_list *list, enum change how)
{
	struct changes changes = CHANGES_INIT;
	json_t *labels = json_array(), *warnings = json_array();

	for (size_t i = 0; i < control_argument_count(a); i++) {
		struct client *client = client_list_find(list, control_argument(a, i));

		change_one(how, client, &changes, warnings);
		json_array_append_new(labels, json_string(client->label));
	}
	control_commit_take(
	    a, &changes, json_pack("{s:o, s:o}", "labels", labels, "warnings", warnings));
	changes_fini(&changes);
}

static void
change(struct control_ask *a, enum change how)
{
	struct client_list list;

	if (!load(a, &list))
		return;
	if (all_known(a, &list))
		change_all(a, &list, how);
	client_list_fini(&list);
}

void
control_clients_enable(struct control_ask *a)
{
	change(a, CHANGE_ENABLE);
}

void
control_clients_disable(struct control_ask *a)
{
	change(a, CHANGE_DISABLE);
}

void
control_clients_rm(struct control_ask *a)
{
	change(a, CHANGE_REMOVE);
}
