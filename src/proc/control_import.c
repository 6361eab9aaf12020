/*
 * The word "keys import": many keys from a paste.  Runs in the janitor.  A line is one of
 *
 *	KEY   LABEL,KEY   LABEL,KEY,PROJECT   KEY,KEY,...   GEMINI_API_KEYS=KEY,KEY,...
 *
 * and each that is not, or whose key is there already, is told by its number; the others are taken.
 * They are taken in batches, each one commit, so that 10,000 keys do not hold the loop up and the
 *one who waits sees how far it is.  Owns its job until it is answered; the lines are the ask's.
 */
#include "proc/control_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "proc/control.h"
#include "proc/control_set.h"
#include "proc/pasted.h"
#include "store/label.h"

#define LABEL_BYTES 64
#define BATCH_MIN   50
#define BATCH_MAX   1000
#define FIELDS_MAX  64 /* of one line, that are looked at before they are taken for keys */
#define SECRET_FROM 20 /* characters; a label may well begin as some service's keys do */

/* A key that is there, or was taken from this paste. */
struct known {
	const char *label; /* in the arena */
	size_t line;       /* of this paste; 0: it was there before */
};

struct import {
	struct control_ask *ask; /* borrowed: it owns this */
	struct span rest;        /* lines not yet read, borrowed from the ask */
	size_t line, lines;      /* read; in all */
	size_t batch;            /* lines for one commit */
	size_t batch_line;       /* the first one of the commit under way */
	struct map *labels;      /* owned: every label there is; the values mean nothing */
	struct map *ids;         /* owned: of every key there is, to its struct known */
	struct arena *arena;     /* owned: of these and their labels */
	const char *project;     /* of lines that name none; borrowed from the ask */
	struct span more;        /* keys of the line under way that are still to be taken */
	bool in_pem;             /* between the first and the last line of such a thing */
	size_t next;             /* for labels that are made up */
	int64_t since_wall_ms;
	json_t *results; /* owned */
	size_t added, duplicate, refused;
	size_t doubted;   /* of these added */
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
know(struct import *i, const char *id, const char *label, size_t line)
{
	struct known *k = arena_alloc(i->arena, sizeof(*k));

	*k = (struct known){ .label = arena_dup(i->arena, label), .line = line };
	map_put(i->labels, span_of(label), k);
	map_put(i->ids, span_of(id), k);
}

/* Some editors put a mark in front of the first line. */
static struct span
without_mark(struct span s)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t len = sizeof(mark) - 1;

	return span_starts(s, mark) ? span_mem(s.p + len, s.len - len) : s;
}

static struct import *
import_new(struct control_ask *a, const struct credential_set *set, const char *project)
{
	struct import *i = mem_alloc(sizeof(*i));

	*i = (struct import){ .ask = a,
		.rest = without_mark(control_input(a)),
		.lines = count_lines(control_input(a)),
		.labels = map_new(),
		.ids = map_new(),
		.arena = arena_new(0),
		.project = project ? project : "",
		.next = set->count + 1,
		.since_wall_ms = loop_wall_ms(control_of(a)->loop),
		.results = json_array() };
	i->batch = i->lines / 100;
	if (i->batch < BATCH_MIN)
		i->batch = BATCH_MIN;
	if (i->batch > BATCH_MAX)
		i->batch = BATCH_MAX;
	for (size_t k = 0; k < set->count; k++)
		know(i, set->items[k].id, set->items[k].label, 0);
	return i;
}

/* What became of a line, or of one key in it. */

static json_t *
note_result(struct import *i, struct span key, const char *label, const char *result)
{
	struct buf hint = BUF_INIT;
	json_t *r = json_pack(
	    "{s:I, s:s, s:s}", "line", (json_int_t)i->line, "label", label, "result", result);

	if (key.p)
		pasted_hint(key, &hint);
	/* What stands at the ends of something else may be no text. */
	if (hint.len && json_object_set_new(r, "hint", json_string(buf_text(&hint))) != 0)
		json_object_set_new(r, "hint", json_string("..."));
	buf_fini(&hint);
	json_array_append_new(i->results, r);
	return r;
}

/* key: what was taken for one, or nothing. */
static void
refuse_line(struct import *i, struct span key, const char *why)
{
	i->refused++;
	json_object_set_new(note_result(i, key, "", "refused"), "why", json_string(why));
}

static void
note_duplicate(struct import *i, struct span key, const struct known *same)
{
	json_t *r = note_result(i, key, same->label, "duplicate");

	i->duplicate++;
	if (same->line) {
		json_object_set_new(r, "first_line", json_integer((json_int_t)same->line));
		json_object_set_new(r, "why", json_sprintf("the same as line %zu", same->line));
	} else {
		json_object_set_new(r, "why", json_string("it is here already"));
	}
}

/* One key. */

static bool
is_taken(void *ctx, struct span label)
{
	return map_get(((struct import *)ctx)->labels, label) != NULL;
}

/* The label of a line that has one, or one that is made up; false: the line is refused. */
static bool
choose_label(struct import *i, struct span given, struct span key, char out[LABEL_BYTES])
{
	struct err e = ERR_INIT;

	if (given.len == 0) {
		label_make(out, LABEL_BYTES, "key", &i->next, is_taken, i);
		return true;
	}
	if (!label_check(given, &e)) {
		refuse_line(i, key, e.text);
		return false;
	}
	snprintf(out, LABEL_BYTES, "%.*s", SPAN_ARG(given));
	if (!is_taken(i, given))
		return true;
	refuse_line(i, key, "another key has this label");
	return false;
}

static bool
choose_project(struct import *i, struct span given, struct span key, char out[LABEL_BYTES])
{
	struct err e = ERR_INIT;

	snprintf(out, LABEL_BYTES, "%s", i->project);
	if (given.len == 0)
		return true;
	if (!label_check(given, &e)) {
		refuse_line(i, key,
		    "the name of a project is made of letters, digits and - _ . @ : +, as a label "
		    "is");
		return false;
	}
	snprintf(out, LABEL_BYTES, "%.*s", SPAN_ARG(given));
	return true;
}

static void
add_key(struct import *i, struct span label, struct span text, struct span project,
    struct changes *changes)
{
	struct control *c = control_of(i->ask);
	char label_chosen[LABEL_BYTES], project_chosen[LABEL_BYTES];
	struct credential cred = { .enabled = true,
		.created_wall_ms = i->since_wall_ms + (int64_t)i->added, /* they keep their order */
		.label = label_chosen,
		.project = project_chosen,
		.note = (char[]){ "" } };
	struct pasted pasted;
	struct err e = ERR_INIT;
	const struct known *same;

	if (!pasted_read(text, &pasted, &e)) {
		refuse_line(i, span_trim(text), e.text);
		return;
	}
	credential_make_id(pasted.key, c->seal, cred.id);
	same = map_get(i->ids, span_of(cred.id));
	if (same) {
		note_duplicate(i, pasted.key, same);
		return;
	}
	if (!choose_label(i, label, pasted.key, label_chosen) ||
	    !choose_project(i, project, pasted.key, project_chosen))
		return;
	cred.secret = mem_dup_span(pasted.key);
	changes_put_credential(changes, &cred);
	mem_wipe(cred.secret, pasted.key.len);
	mem_free(cred.secret);
	know(i, cred.id, label_chosen, i->line);
	i->added++;
	i->in_commit++;
	json_t *r = note_result(i, pasted.key, label_chosen, "added");

	if (pasted.doubt[0]) {
		i->doubted++;
		json_object_set_new(r, "warning", json_string(pasted.doubt));
	}
}

/* One line. */

/* More than FIELDS_MAX: there are too many.  Empty ones at the end are none. */
static size_t
cut_fields(struct span line, struct span fields[FIELDS_MAX])
{
	size_t n = 0;

	while (line.p && n < FIELDS_MAX)
		fields[n++] = span_trim(span_cut(&line, ','));
	if (line.p)
		return FIELDS_MAX + 1;
	while (n > 1 && fields[n - 1].len == 0)
		n--;
	return n;
}

static void
take_one_more(struct import *i, struct changes *changes)
{
	struct span key = span_trim(span_cut(&i->more, ','));

	if (key.len)
		add_key(i, SPAN_NONE, key, SPAN_NONE, changes);
}

static bool
are_all_keys(const struct span *fields, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (!pasted_is_gemini(fields[k]))
			return false;
	return true;
}

/* A key in the place of a label would be shown everywhere. */
static bool
is_secret(struct span s)
{
	return pasted_is_gemini(s) || (s.len >= SECRET_FROM && pasted_is_foreign(s));
}

static void
take_fields(struct import *i, struct span line, struct changes *changes)
{
	struct span fields[FIELDS_MAX] = { SPAN_NONE };
	size_t n = cut_fields(line, fields);

	if (n == 1)
		add_key(i, SPAN_NONE, fields[0], SPAN_NONE, changes);
	else if (n > FIELDS_MAX || are_all_keys(fields, n))
		i->more = line;
	else if (n > 3)
		refuse_line(i, SPAN_NONE, "a line is KEY, or LABEL,KEY, or LABEL,KEY,PROJECT");
	else if (is_secret(fields[0]) || is_secret(fields[2]))
		refuse_line(i, SPAN_NONE,
		    "a key stands in the place of something else: the label comes first, then the "
		    "key, then the project");
	else
		add_key(i, fields[0], fields[1], fields[2], changes);
}

static void
take_assignment(struct import *i, struct span name, struct span value)
{
	if (pasted_names_keys(name))
		i->more = value;
	else
		refuse_line(i, SPAN_NONE,
		    "this looks like a line of an .env file; of those GEMINI_API_KEYS and "
		    "GEMINI_API_KEY are read");
}

/* A private key's lines have no prefix, and would be taken for keys. */
static bool
is_pem_body(struct span line)
{
	for (size_t k = 0; k < line.len; k++)
		if (!isalnum((unsigned char)line.p[k]) && !strchr("+/=", line.p[k]))
			return false;
	return line.len > 0 && !pasted_is_gemini(line);
}

static void
take_line(struct import *i, struct changes *changes)
{
	struct span line = span_trim(span_cut(&i->rest, '\n')), name, value;

	i->line++;
	if (i->in_pem && (is_pem_body(line) || span_starts(line, "-----END")))
		return;
	i->in_pem = span_starts(line, "-----BEGIN");
	if (line.len == 0 || line.p[0] == '#')
		return;
	if (line.p[0] == '{' || line.p[0] == '[')
		add_key(i, SPAN_NONE, line, SPAN_NONE, changes); /* says what it looks like */
	else if (pasted_assignment(line, &name, &value))
		take_assignment(i, name, value);
	else
		take_fields(i, line, changes);
}

/* Batches. */

static void
sum_up(struct import *i)
{
	json_t *members = json_pack("{s:I, s:I, s:I, s:I, s:O}", "added", (json_int_t)i->added,
	    "doubted", (json_int_t)i->doubted, "duplicate", (json_int_t)i->duplicate, "refused",
	    (json_int_t)i->refused, "results", i->results);
	struct err e = ERR_INIT;

	if (i->refused == 0) {
		control_answer_take(i->ask, members);
		return;
	}
	err_set(&e, ERR_BAD_REQUEST, "%zu refused, in %zu lines; the others were taken", i->refused,
	    i->lines);
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

static bool
is_at_end(const struct import *i)
{
	return !i->more.p && !(i->rest.p && i->rest.len);
}

static void
next_batch(struct import *i)
{
	struct changes changes = CHANGES_INIT;
	size_t until = i->line + i->batch;

	i->batch_line = i->more.p ? i->line : i->line + 1;
	while (
	    !is_at_end(i) && changes.count < BATCH_MAX && (i->line < until || changes.count == 0)) {
		if (i->more.p)
			take_one_more(i, &changes);
		else
			take_line(i, &changes);
	}
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
	const char *project;

	if (!control_name(a, "project", label_check, &project))
		return;
	if (control_input(a).len == 0) {
		control_refuse_usage(a,
		    "no keys were given: they are read from standard input, KEY, LABEL,KEY or "
		    "LABEL,KEY,PROJECT on each line");
		return;
	}
	if (!control_set_load(a, &set))
		return;
	struct import *i = import_new(a, &set, project);

	credential_set_fini(&set);
	control_keep_take(a, i, import_free);
	next_batch(i);
}
