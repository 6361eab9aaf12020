/*
 * Words about Gemini keys, save import and test.  Runs in the janitor.  A key is spoken of by its
 * label; its secret goes into the store and is never said again.
 */
#include "proc/control_words.h"

#include "base/mem.h"
#include "proc/control.h"
#include "proc/control_keys.h"
#include "store/label.h"
#include "upstream/credential.h"
#include "upstream/health.h"

#define LABEL_BYTES 64

bool
control_keys_load(struct control_ask *a, struct credential_set *set)
{
	struct control *c = control_of(a);
	struct err e = ERR_INIT;

	if (credential_set_load(
		set, c->store, board_generation(c->board, BOARD_GEN_CREDENTIALS), &e))
		return true;
	control_refuse(a, &e);
	return false;
}

struct credential *
control_keys_find(struct control_ask *a, const struct credential_set *set, struct span named)
{
	struct credential *found = credential_set_find(set, named);

	if (found)
		return found;
	const char **labels = mem_array(set->count + 1, sizeof(*labels));

	for (size_t i = 0; i < set->count; i++)
		labels[i] = set->items[i].label;
	control_refuse_unknown(a, "Gemini key", named, labels, set->count);
	mem_free(labels);
	return NULL;
}

/* Showing. */

static void
put_text(json_t *object, const char *name, const char *text)
{
	json_t *value = json_string(text);

	json_object_set_new(object, name, value ? value : json_string(""));
}

/* In seconds, rounded up: 0 only when it is free. */
static int64_t
seconds_until(int64_t until_wall_ms, int64_t now_wall_ms)
{
	return until_wall_ms > now_wall_ms ? (until_wall_ms - now_wall_ms + 999) / 1000 : 0;
}

/* How a key rests: the longest of its freezes, and those of single models. */
struct rest {
	int64_t until_wall_ms; /* 0: it does not */
	enum outcome cause;
	json_t *models; /* {"NAME": {"frozen_for_s": n, "cause": "..."}} */
};

/* The board knows models by hash alone, so it is asked for those the configuration names, by
 * upstream's own names, and for the one that was asked for. */
static struct rest
rest_of(const struct control *c, const struct credential *cred, const char *asked)
{
	const struct config *config = c->birth->config;
	struct board_cell *cell = health_cell(c->board, cred->board_key);
	int64_t now_ms = loop_wall_ms(c->loop);
	struct rest r = { .cause = OUTCOME_OK, .models = json_object() };

	r.until_wall_ms =
	    health_frozen_until(c->board, cell, cred->board_key, SPAN_NONE, now_ms, &r.cause);
	for (size_t i = 0; i < config->model_count + (asked != NULL); i++) {
		const struct config_model *m = i < config->model_count ? &config->models[i] : NULL;
		const char *name = !m ? asked : m->alias[0] ? m->alias : m->name;
		enum outcome cause = OUTCOME_OK;
		int64_t until = health_frozen_until(
		    c->board, cell, cred->board_key, span_of(name), now_ms, &cause);

		if (until)
			json_object_set_new(r.models, name,
			    json_pack("{s:I, s:s}", "frozen_for_s",
				(json_int_t)seconds_until(until, now_ms), "cause",
				outcome_name(cause)));
		if (until > r.until_wall_ms) {
			r.until_wall_ms = until;
			r.cause = cause;
		}
	}
	return r;
}

static void
put_health(const struct control *c, const struct credential *cred, const char *model, json_t *k)
{
	int64_t now_ms = loop_wall_ms(c->loop);
	struct rest rest = rest_of(c, cred, model);
	bool frozen = rest.until_wall_ms != 0;
	struct health_view v;

	health_view(health_cell(c->board, cred->board_key), now_ms, &v);
	put_text(k, "state", !cred->enabled ? "disabled" : frozen ? "frozen" : "enabled");
	json_object_set_new(k, "frozen", json_boolean(frozen));
	json_object_set_new(
	    k, "frozen_for_s", json_integer(seconds_until(rest.until_wall_ms, now_ms)));
	put_text(k, "cause", frozen ? outcome_name(rest.cause) : "");
	json_object_set_new(k, "models", rest.models);
	json_object_set_new(k, "successes", json_integer((json_int_t)v.successes));
	json_object_set_new(k, "failures", json_integer((json_int_t)v.failures));
	json_object_set_new(k, "failed_in_a_row", json_integer(v.failed_in_a_row));
	put_text(
	    k, "last_failure", v.last_failure == OUTCOME_OK ? "" : outcome_name(v.last_failure));
}

static json_t *
key_shown(const struct control *c, const struct credential *cred, const char *model)
{
	struct buf hint = BUF_INIT;
	json_t *k = json_object();

	credential_hint(cred, &hint);
	put_text(k, "label", cred->label);
	put_text(k, "id", cred->id);
	put_text(k, "hint", buf_text(&hint));
	json_object_set_new(k, "enabled", json_boolean(cred->enabled));
	put_text(k, "note", cred->note);
	put_health(c, cred, model, k);
	put_text(k, "source", cred->source == CREDENTIAL_FROM_ENVIRONMENT ? "env" : "operator");
	put_text(k, "project", cred->project);
	json_object_set_new(k, "created_s", json_integer(cred->created_wall_ms / 1000));
	buf_fini(&hint);
	return k;
}

void
control_keys_list(struct control_ask *a)
{
	struct credential_set set;
	json_t *keys;

	if (!control_keys_load(a, &set))
		return;
	keys = json_array();
	for (size_t i = 0; i < set.count; i++)
		json_array_append_new(keys, key_shown(control_of(a), &set.items[i], NULL));
	credential_set_fini(&set);
	control_answer_take(a, json_pack("{s:o}", "keys", keys));
}

void
control_keys_show(struct control_ask *a)
{
	struct credential_set set;
	struct credential *cred;

	if (!control_keys_load(a, &set))
		return;
	cred = control_keys_find(a, &set, control_argument(a, 0));
	if (cred)
		control_answer_take(a, key_shown(control_of(a), cred, control_option(a, "model")));
	credential_set_fini(&set);
}

/* Adding. */

static bool
check_new(
    struct control_ask *a, const struct credential_set *set, const char *id, const char *label)
{
	const struct credential *same = map_get(set->by_id, span_of(id));
	struct err e = ERR_INIT;

	if (same)
		err_set(&e, ERR_CONFLICT, "this key is here already: its label is \"%s\"%s",
		    same->label,
		    same->enabled ? "" : ", and it is disabled (polluxctl keys enable)");
	else if (label && credential_set_find(set, span_of(label)))
		err_set(&e, ERR_CONFLICT, "another key has the label \"%s\" already", label);
	else
		return true;
	control_refuse(a, &e);
	return false;
}

static void
add_to(struct control_ask *a, struct credential_set *set, struct span secret, const char *label)
{
	struct control *c = control_of(a);
	const char *project = control_option(a, "project");
	struct changes changes = CHANGES_INIT;
	struct credential cred = { .enabled = true, .created_wall_ms = loop_wall_ms(c->loop) };
	char made[LABEL_BYTES];
	size_t next = set->count + 1;

	credential_make_id(secret, c->seal, cred.id);
	if (!check_new(a, set, cred.id, label))
		return;
	if (!label)
		label_make(made, sizeof(made), "key", &next, credential_label_is_taken, set);
	cred.label = mem_dup(label ? label : made);
	cred.secret = mem_dup_span(secret);
	cred.project = mem_dup(project ? project : "");
	cred.note = mem_dup("");
	changes_put_credential(&changes, &cred);
	control_commit_take(
	    a, &changes, json_pack("{s:s, s:s}", "label", cred.label, "id", cred.id));
	changes_fini(&changes);
	credential_fini(&cred);
}

void
control_keys_add(struct control_ask *a)
{
	struct credential_set set;
	struct err e = ERR_INIT;
	struct span secret;
	const char *label;

	if (!control_label(a, label_check, &label))
		return;
	if (control_input(a).len == 0) {
		control_refuse_usage(a, "no key was given: it is read from standard input");
		return;
	}
	if (!credential_check_secret(control_input(a), &secret, &e)) {
		control_refuse(a, &e);
		return;
	}
	if (!control_keys_load(a, &set))
		return;
	add_to(a, &set, secret, label);
	credential_set_fini(&set);
}

/* Changing. */

enum change { CHANGE_ENABLE, CHANGE_DISABLE, CHANGE_THAW, CHANGE_REMOVE };

static const char env_warning[] =
    "\"%s\" comes from GEMINI_API_KEYS: while it is listed there, it comes back when Pollux starts";

static void
set_note(struct credential *cred, bool enabled, const char *note)
{
	cred->enabled = enabled;
	mem_free(cred->note);
	cred->note = mem_dup(note);
}

static void
change_one(const struct control *c, enum change how, struct credential *cred,
    struct changes *changes, json_t *warnings)
{
	switch (how) {
	case CHANGE_ENABLE:
		set_note(cred, true, "");
		changes_put_credential(changes, cred);
		health_thaw(health_cell(c->board, cred->board_key)); /* it begins anew */
		break;
	case CHANGE_DISABLE:
		set_note(cred, false, "by the operator");
		changes_put_credential(changes, cred);
		break;
	case CHANGE_THAW:
		health_thaw(health_cell(c->board, cred->board_key));
		break;
	case CHANGE_REMOVE:
		changes_erase_credential(changes, cred);
		health_thaw(health_cell(c->board, cred->board_key)); /* should it ever come back */
		if (cred->source == CREDENTIAL_FROM_ENVIRONMENT)
			json_array_append_new(warnings, json_sprintf(env_warning, cred->label));
		break;
	}
}

static bool
all_known(struct control_ask *a, const struct credential_set *set)
{
	for (size_t i = 0; i < control_argument_count(a); i++)
		if (!control_keys_find(a, set, control_argument(a, i)))
			return false;
	return true;
}

static void
change_all(struct control_ask *a, const struct credential_set *set, enum change how)
{
	struct changes changes = CHANGES_INIT;
	json_t *labels = json_array(), *warnings = json_array();

	for (size_t i = 0; i < control_argument_count(a); i++) {
		struct credential *cred = credential_set_find(set, control_argument(a, i));

		change_one(control_of(a), how, cred, &changes, warnings);
		json_array_append_new(labels, json_string(cred->label));
	}
	control_commit_take(
	    a, &changes, json_pack("{s:o, s:o}", "labels", labels, "warnings", warnings));
	changes_fini(&changes);
}

static void
change(struct control_ask *a, enum change how)
{
	struct credential_set set;

	if (!control_keys_load(a, &set))
		return;
	if (all_known(a, &set))
		change_all(a, &set, how);
	credential_set_fini(&set);
}

void
control_keys_enable(struct control_ask *a)
{
	change(a, CHANGE_ENABLE);
}

void
control_keys_disable(struct control_ask *a)
{
	change(a, CHANGE_DISABLE);
}

void
control_keys_thaw(struct control_ask *a)
{
	change(a, CHANGE_THAW);
}

void
control_keys_rm(struct control_ask *a)
{
	change(a, CHANGE_REMOVE);
}
