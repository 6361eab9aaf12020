/*
 * The word "keys import": many keys from lines "KEY" or "LABEL,KEY".  Runs in the janitor.
 *
 * The lines are taken in batches, each one commit, so that 10,000 keys do not hold the loop up
 * and the one who waits sees how far it is.  Owns its job until it is answered; the lines are the
 * ask's.
 */
#include "proc/control_words.h"

#include <stdio.h>
#include "base/mem.h"
#include "store/label.h"
#include "proc/control.h"
#include "proc/control_keys.h"

#define LABEL_BYTES 64
#define BATCH_MIN   50
#define BATCH_MAX   1000

struct import {
	struct control_ask *ask; /* borrowed: it owns this */
	struct span rest;        /* lines not yet read, borrowed from the ask */
	size_t line, lines;      /* read; in all */
	size_t batch;            /* lines for one commit */
	size_t batch_line;       /* the first one of the commit under way */
	struct map *labels;      /* owned: every label there is; the values mean nothing */
	struct map *ids;         /* owned: of every key there is, to its label */
	struct arena *arena;     /* owned: of these labels */
	size_t next;             /* for labels that are made up */
	int64_t since_wall_ms;
	json_t *results; /* owned */
	size_t added, duplicate, refused;
	size_t in_commit; /* of these added, not yet durable */
};

static void
import_free(void *state)
{
	struct import *i = state;

	map_free(&i->labels);
	map_free(&i->ids);
	arena_free(&i->arena);
	json_decref(i->results);
	mem_free(i);
}

static size_t
count_lines(struct span s)
{
	size_t n = 0;

	while (s.p && s.len) {
		span_cut(&s, '\n');
		n++;
	}
	return n;
}

static void
know(struct import *i, const char *id, const char *label)
{
	char *kept = arena_dup(i->arena, label);

	map_put(i->labels, span_of(label), kept);
	map_put(i->ids, span_of(id), kept);
}

static struct import *
import_new(struct control_ask *a, const struct credential_set *set)
{
	struct import *i = mem_alloc(sizeof(*i));

	*i = (struct import){ .ask = a,
		.rest = control_input(a),
		.lines = count_lines(control_input(a)),
		.labels = map_new(),
		.ids = map_new(),
		.arena = arena_new(0),
		.next = set->count + 1,
		.since_wall_ms = loop_wall_ms(control_of(a)->loop),
		.results = json_array() };
	i->batch = i->lines / 100;
	if (i->batch < BATCH_MIN)
		i->batch = BATCH_MIN;
	if (i->batch > BATCH_MAX)
		i->batch = BATCH_MAX;
	for (size_t k = 0; k < set->count; k++)
		know(i, set->items[k].id, set->items[k].label);
	return i;
}

/* One line. */

static void
note_result(struct import *i, const char *label, const char *result, const char *why)
{
	json_t *r = json_pack(
	    "{s:I, s:s, s:s}", "line", (json_int_t)i->line, "label", label, "result", result);

	if (why)
		json_object_set_new(r, "why", json_string(why));
	json_array_append_new(i->results, r);
}

static void
refuse_line(struct import *i, const char *why)
{
	i->refused++;
	note_result(i, "", "refused", why);
}

static bool
is_taken(void *ctx, struct span label)
{
	return map_get(((struct import *)ctx)->labels, label) != NULL;
}

/* The label of a line that has one, or one that is made up; false: the line is refused. */
static bool
choose_label(struct import *i, struct span given, char out[LABEL_BYTES])
{
	struct err e = ERR_INIT;

	if (given.p == NULL) {
		label_make(out, LABEL_BYTES, "key", &i->next, is_taken, i);
		return true;
	}
	if (!label_check(given, &e)) {
		refuse_line(i, e.text);
		return false;
	}
	snprintf(out, LABEL_BYTES, "%.*s", SPAN_ARG(given));
	if (!is_taken(i, given))
		return true;
	refuse_line(i, "another key has this label");
	return false;
}

static void
add_key(struct import *i, struct span label, struct span pasted, struct changes *changes)
{
	struct control *c = control_of(i->ask);
	struct credential cred = { .enabled = true,
		.created_wall_ms = i->since_wall_ms + (int64_t)i->line, /* they keep their order */
		.project = (char[]){ "" },
		.note = (char[]){ "" } };
	char chosen[LABEL_BYTES];
	struct span secret;
	struct err e = ERR_INIT;
	const char *same;

	if (!credential_check_secret(pasted, &secret, &e)) {
		refuse_line(i, e.text);
		return;
	}
	credential_make_id(secret, c->seal, cred.id);
	same = map_get(i->ids, span_of(cred.id));
	if (same) {
		i->duplicate++;
		note_result(i, same, "duplicate", NULL);
		return;
	}
	if (!choose_label(i, label, chosen))
		return;
	cred.label = chosen;
	cred.secret = mem_dup_span(secret);
	changes_put_credential(changes, &cred);
	mem_wipe(cred.secret, secret.len);
	mem_free(cred.secret);
	know(i, cred.id, chosen);
	i->added++;
	i->in_commit++;
	note_result(i, chosen, "added", NULL);
}

static void
take_line(struct import *i, struct changes *changes)
{
	struct span line = span_trim(span_cut(&i->rest, '\n'));
	struct span label = SPAN_NONE;

	i->line++;
	if (line.len == 0 || line.p[0] == '#')
		return;
	if (memchr(line.p, ',', line.len))
		label = span_trim(span_cut(&line, ','));
	add_key(i, label, line, changes);
}

/* Batches. */

static void
sum_up(struct import *i)
{
	json_t *members =
	    json_pack("{s:I, s:I, s:I, s:O}", "added", (json_int_t)i->added, "duplicate",
		(json_int_t)i->duplicate, "refused", (json_int_t)i->refused, "results", i->results);
	struct err e = ERR_INIT;

	if (i->refused == 0) {
		control_answer_take(i->ask, members);
		return;
	}
	err_set(&e, ERR_BAD_REQUEST, "%zu of %zu lines were refused; the others were taken",
	    i->refused, i->lines);
	control_refuse_take(i->ask, &e, members);
}

static void next_batch(struct import *);

static void
on_batch(void *ctx, const struct err *cause)
{
	struct import *i = ctx;
	struct err e = ERR_INIT;

	if (!cause) {
		i->in_commit = 0;
		control_progress(i->ask, i->line, i->lines);
		next_batch(i);
		return;
	}
	i->added -= i->in_commit;
	control_explain(control_of(i->ask), cause, &e);
	err_prefix(&e, "stopped at line %zu, with %zu keys added: ", i->batch_line, i->added);
	control_refuse_take(i->ask, &e, json_pack("{s:I}", "added", (json_int_t)i->added));
}

static void
next_batch(struct import *i)
{
	struct changes changes = CHANGES_INIT;
	size_t until = i->line + i->batch;

	i->batch_line = i->line + 1;
	while (i->rest.p && i->rest.len && (i->line < until || changes.count == 0))
		take_line(i, &changes);
	if (changes.count)
		committer_add(
		    control_of(i->ask)->committer, changes.ops, changes.count, on_batch, i);
	else
		sum_up(i);
	changes_fini(&changes);
}

void
control_keys_import(struct control_ask *a)
{
	struct credential_set set;

	if (control_input(a).len == 0) {
		control_refuse_usage(a,
		    "no keys were given: they are read from standard input, KEY or "
		    "LABEL,KEY on each line");
		return;
	}
	if (!control_keys_load(a, &set))
		return;
	struct import *i = import_new(a, &set);

	credential_set_fini(&set);
	control_keep_take(a, i, import_free);
	next_batch(i);
}
