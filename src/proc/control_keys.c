/*
 * The words that add Gemini keys one by one, and change them.  Runs in the janitor.  A key is
 * spoken of by its label; its secret goes into the store and is never said again.
 */
#include "proc/control_words.h"

#include "base/mem.h"
#include "proc/control.h"
#include "proc/control_set.h"
#include "proc/pasted.h"
#include "store/label.h"
#include "upstream/credential.h"
#include "upstream/fitness.h"

#define LABEL_BYTES 64

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

static json_t *
added(const struct credential *cred, const char *doubt)
{
	json_t *warnings = json_array();

	if (doubt[0])
		json_array_append_new(warnings, json_string(doubt));
	return json_pack(
	    "{s:s, s:s, s:o}", "label", cred->label, "id", cred->id, "warnings", warnings);
}

static void
add_to(struct control_ask *a, struct credential_set *set, const struct pasted *pasted,
    const char *label, const char *project)
{
	struct control *c = control_of(a);
	struct changes changes = CHANGES_INIT;
	struct credential cred = { .enabled = true, .created_wall_ms = loop_wall_ms(c->loop) };
	char made[LABEL_BYTES];
	size_t next = set->count + 1;

	credential_make_id(pasted->key, c->seal, cred.id);
	if (!check_new(a, set, cred.id, label))
		return;
	if (!label)
		label_make(made, sizeof(made), "key", &next, credential_label_is_taken, set);
	cred.label = mem_dup(label ? label : made);
	cred.secret = mem_dup_span(pasted->key);
	cred.project = mem_dup(project ? project : "");
	cred.note = mem_dup("");
	changes_put_credential(&changes, &cred);
	control_commit_take(a, &changes, added(&cred, pasted->doubt));
	changes_fini(&changes);
	credential_fini(&cred);
}

void
control_keys_add(struct control_ask *a)
{
	struct credential_set set;
	struct err e = ERR_INIT;
	struct pasted pasted;
	const char *label, *project;

	if (!control_name(a, "label", label_check, &label) ||
	    !control_name(a, "project", label_check, &project))
		return;
	if (control_input(a).len == 0) {
		control_refuse_usage(a, "no key was given: it is read from standard input");
		return;
	}
	if (!pasted_read(control_input(a), &pasted, &e)) {
		control_refuse(a, &e);
		return;
	}
	if (!control_set_load(a, &set))
		return;
	add_to(a, &set, &pasted, label, project);
	credential_set_fini(&set);
}

/* Changing. */

enum change { CHANGE_ENABLE, CHANGE_DISABLE, CHANGE_THAW, CHANGE_REMOVE };

static const char env_warning[] =
    "\"%s\" comes from GEMINI_API_KEYS: while it is listed there, it comes back when Pollux starts";

static const char disabled_warning[] =
    "\"%s\" is disabled: it is lent again after \"polluxctl keys enable\"";

static void
set_note(struct credential *cred, bool enabled, const char *note)
{
	cred->enabled = enabled;
	mem_free(cred->note);
	cred->note = mem_dup(note);
}

/* A key that no process has loaded yet has no subject; its project may. */
static void
thaw(struct board *b, const struct credential *cred)
{
	struct key_place p = key_place_of(b, cred);

	fitness_thaw_all(b, p.subject, p.scope);
}

/* What one key suffered goes with it; what its project has spent stays spent for the others. */
static void
forgive(struct board *b, const struct credential *cred)
{
	struct key_place p = key_place_of(b, cred);

	fitness_thaw_all(b, p.subject, p.subject);
}

static void
change_one(const struct control *c, enum change how, struct credential *cred,
    struct changes *changes, json_t *warnings)
{
	switch (how) {
	case CHANGE_ENABLE:
		set_note(cred, true, "");
		changes_put_credential(changes, cred);
		forgive(c->board, cred); /* it begins anew */
		break;
	case CHANGE_DISABLE:
		set_note(cred, false, "by the operator");
		changes_put_credential(changes, cred);
		break;
	case CHANGE_THAW:
		thaw(c->board, cred);
		if (!cred->enabled)
			json_array_append_new(
			    warnings, json_sprintf(disabled_warning, cred->label));
		break;
	case CHANGE_REMOVE:
		changes_erase_credential(changes, cred);
		forgive(c->board, cred); /* should it ever come back */
		if (cred->source == CREDENTIAL_FROM_ENVIRONMENT)
			json_array_append_new(warnings, json_sprintf(env_warning, cred->label));
		break;
	}
}

static bool
all_known(struct control_ask *a, const struct credential_set *set)
{
	for (size_t i = 0; i < control_argument_count(a); i++)
		if (!control_set_find(a, set, control_argument(a, i)))
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

	if (!control_set_load(a, &set))
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

/* keys thaw --all: the models too, which may be cooling for all keys. */

static void
thaw_one_of_all(void *ctx, const struct key_scene *s, const struct credential *cred)
{
	(*(size_t *)ctx)++;
	thaw(s->board, cred);
}

static void
answer_thawed(void *ctx, struct control_ask *a)
{
	fitness_thaw_all(control_of(a)->board, BOARD_EVERYONE, BOARD_EVERYONE);
	control_answer_take(a, json_pack("{s:I}", "thawed", (json_int_t) * (const size_t *)ctx));
}

static void
thaw_everything(struct control_ask *a)
{
	static const struct control_set_walk walk = { thaw_one_of_all, answer_thawed, mem_free };
	size_t *count = mem_alloc(sizeof(*count));

	*count = 0;
	control_set_walk(a, &walk, count);
}

void
control_keys_thaw(struct control_ask *a)
{
	bool all = control_flag(a, "all");
	bool named = control_argument_count(a) > 0;

	if (all == named)
		control_refuse_usage(a, "usage: polluxctl keys thaw LABEL...; or, for all of them, "
					"polluxctl keys thaw --all");
	else if (all)
		thaw_everything(a);
	else
		change(a, CHANGE_THAW);
}

void
control_keys_rm(struct control_ask *a)
{
	change(a, CHANGE_REMOVE);
}
