/*
 * The control socket: from a frame to the word that answers it, and back.  Runs in the janitor;
 * owns every ask from its frame until it is answered.  Links belong to the janitor.
 *
 * An ask's tree may hold a key: it is wiped before it is freed.
 */
#include "proc/control.h"

#include <assert.h>
#include <string.h>
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "gemini/fault.h"
#include "ipc/words.h"
#include "proc/control_words.h"

#define LOGGED_ARGUMENTS 8
#define LONG_WORD        64 /* longer than any label, name or model that can be meant */

typedef void word_fn(struct control_ask *);

static word_fn *const functions[WORD_COUNT] = {
#define WORD(function, name, least, most, input, does, arguments, help) control_##function,
#include "ipc/words.def"
};

struct control_ask {
	struct list link; /* in control.asks, then in control.answered */
	struct control *control;
	struct link *from;       /* borrowed; NULL: whoever asked has left */
	uint64_t id;             /* of the question */
	uint64_t master_id;      /* of our question to the master; 0: none */
	const struct word *word; /* NULL: nothing that is known was said */
	size_t named;            /* words that name it */
	bool started;
	bool over;               /* answered */
	json_t *request;         /* owned */
	json_t *words, *options; /* borrowed from request */
	struct span input;       /* borrowed from request */
	json_t *members;         /* owned: what to answer once the commit is durable */
	void *state;             /* owned: dropped by drop */
	void (*drop)(void *state);
};

/* The life of an ask. */

static void
wipe_text(const json_t *text)
{
	/* jansson gives its own copy as const; it is about to be freed. */
	if (json_is_string(text))
		mem_wipe((char *)(uintptr_t)json_string_value(text), json_string_length(text));
}

static void
forget_request(struct control_ask *a)
{
	size_t i;
	json_t *word;

	if (!a->request)
		return;
	json_array_foreach(a->words, i, word)
		wipe_text(word);
	wipe_text(json_object_get(a->request, "input"));
	json_decref(a->request);
	a->request = a->words = a->options = NULL;
	a->input = SPAN_NONE;
}

static void
drop_state(struct control_ask *a)
{
	void *state = a->state;

	a->state = NULL;
	if (state)
		a->drop(state);
}

static void
free_answered(void *ctx)
{
	struct control *c = ctx;
	struct list *it;

	while ((it = list_shift(&c->answered))) {
		struct control_ask *a = list_entry(it, struct control_ask, link);

		drop_state(a);
		forget_request(a);
		json_decref(a->members);
		mem_free(a);
	}
}

static void start_next(void *ctx);

static void
finish(struct control_ask *a)
{
	struct control *c = a->control;

	assert(!a->over);
	a->over = true;
	list_remove(&a->link);
	list_push(&c->answered, &a->link);
	if (c->changing == a)
		c->changing = NULL;
	loop_defer(c->loop, free_answered, c);
	loop_defer(c->loop, start_next, c);
}

/* Answering. */

static void
tell(struct control_ask *a, struct span answer)
{
	if (a->from)
		link_send(a->from, MESSAGE_DONE, a->id, answer);
	finish(a);
}

static void
send_take(struct control_ask *a, json_t *answer)
{
	struct buf body = BUF_INIT;

	if (a->from)
		json_print(&body, answer);
	json_decref(answer);
	tell(a, buf_span(&body));
	buf_wipe(&body); /* a new client key may be in it */
}

static json_t *
answer_with(bool ok, json_t *members)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "ok", json_boolean(ok));
	if (members)
		json_object_update(answer, members);
	json_decref(members);
	return answer;
}

/* Labels that were found are named; what was refused may have been anything, also a key. */
static void
log_change(const struct control_ask *a, bool done)
{
	struct buf said = BUF_INIT;
	uid_t uid = 0;

	if (!a->word || a->word->does != WORD_CHANGES)
		return;
	for (size_t i = 0; done && i < control_argument_count(a) && i < LOGGED_ARGUMENTS; i++)
		buf_printf(&said, " %.*s", SPAN_ARG(control_argument(a, i)));
	if (a->from)
		link_peer(a->from, &uid, NULL, NULL);
	log_info("control", done ? "done" : "refused", "word=%s%s uid=%ld", a->word->name,
	    buf_text(&said), (long)uid);
	buf_fini(&said);
}

void
control_answer_take(struct control_ask *a, json_t *members)
{
	log_change(a, true);
	send_take(a, answer_with(true, members));
}

void
control_answer_text(struct control_ask *a, struct span answer)
{
	log_change(a, true);
	tell(a, answer);
}

void
control_refuse_take(struct control_ask *a, const struct err *e, json_t *members)
{
	json_t *answer = answer_with(false, members);
	json_t *text = json_string(e->text);

	log_change(a, false);
	json_object_set_new(answer, "error", text ? text : json_string("refused"));
	json_object_set_new(answer, "kind", json_string(err_kind_name(e->kind)));
	send_take(a, answer);
}

void
control_refuse(struct control_ask *a, const struct err *e)
{
	control_refuse_take(a, e, NULL);
}

void
control_refuse_usage(struct control_ask *a, const char *fmt, ...)
{
	struct err e = ERR_INIT;
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	err_set(&e, ERR_BAD_REQUEST, "%s", buf_text(&text));
	buf_fini(&text);
	control_refuse_take(a, &e, json_pack("{s:b}", "usage", 1));
}

void
control_explain(const struct control *c, const struct err *cause, struct err *out)
{
	if (cause->kind == ERR_FULL)
		err_set(out, ERR_FULL, "%s; make room on the disk that holds %s and try again",
		    cause->text, c->birth->config->state_dir);
	else
		*out = *cause;
}

static void
on_committed(void *ctx, const struct err *cause)
{
	struct control_ask *a = ctx;
	json_t *members = a->members;
	struct err e = ERR_INIT;

	a->members = NULL;
	if (!cause) {
		control_answer_take(a, members);
		return;
	}
	json_decref(members);
	control_explain(a->control, cause, &e);
	err_prefix(&e, "nothing was changed: ");
	control_refuse(a, &e);
}

void
control_commit_take(struct control_ask *a, const struct changes *changes, json_t *members)
{
	if (changes->count == 0) {
		control_answer_take(a, members);
		return;
	}
	a->members = members;
	committer_add(a->control->committer, changes->ops, changes->count, on_committed, a);
}

void
control_progress(struct control_ask *a, size_t done, size_t of)
{
	struct buf body = BUF_INIT;

	if (!a->from)
		return;
	buf_printf(&body, "{\"done\":%zu,\"of\":%zu}", done, of);
	link_send(a->from, MESSAGE_PROGRESS, a->id, buf_span(&body));
	buf_fini(&body);
}

/* The master. */

void
control_ask_master(struct control_ask *a, enum message kind)
{
	struct control *c = a->control;
	struct err e = ERR_INIT;

	a->master_id = ++c->next_id;
	if (*c->master && link_send(*c->master, kind, a->master_id, SPAN_NONE))
		return;
	err_set(&e, ERR_UNAVAILABLE, "the master process is gone: start polluxd again");
	control_refuse(a, &e);
}

void
control_master_replied(struct control *c, const struct frame *f)
{
	struct err e = ERR_INIT;

	list_for_each(it, &c->asks) {
		struct control_ask *a = list_entry(it, struct control_ask, link);

		if (!a->master_id || a->master_id != f->id)
			continue;
		if (f->kind == MESSAGE_DONE) {
			control_answer_take(a, NULL);
			return;
		}
		err_set(&e, ERR_CONFLICT, "%.*s", SPAN_ARG(f->body));
		control_refuse(a, &e);
		return;
	}
}

/* What was said. */

struct control *
control_of(const struct control_ask *a)
{
	return a->control;
}

size_t
control_argument_count(const struct control_ask *a)
{
	size_t said = json_array_size(a->words);

	return said > a->named ? said - a->named : 0;
}

struct span
control_argument(const struct control_ask *a, size_t i)
{
	const json_t *word = json_array_get(a->words, a->named + i);

	return word ? span_mem(json_string_value(word), json_string_length(word)) : SPAN("");
}

const char *
control_option(const struct control_ask *a, const char *name)
{
	return json_string_value(json_object_get(a->options, name));
}

/* polluxctl says "yes" for it. */
bool
control_flag(const struct control_ask *a, const char *name)
{
	return control_option(a, name) != NULL;
}

struct span
control_input(const struct control_ask *a)
{
	return a->input;
}

void
control_keep_take(struct control_ask *a, void *state, void (*drop)(void *state))
{
	assert(!a->state);
	a->state = state;
	a->drop = drop;
}

/* It may be a key that was put in the place of a label: one of Gemini's or of ours, or what is
 * too long to be anything else. */
static bool
looks_secret(struct span text)
{
	struct buf shown = BUF_INIT;

	fault_redact(text, &shown);
	bool redacted = !span_eq(buf_span(&shown), text);

	buf_wipe(&shown);
	return redacted || text.len >= LONG_WORD ||
	       (span_starts(text, CLIENT_KEY_PREFIX) && text.len > 20);
}

#define ECHOED_BYTES 24 /* of an unknown label: enough for a slip, too little for a key */

void
control_refuse_unknown(
    struct control_ask *a, const char *what, struct span named, const char *const *labels, size_t n)
{
	bool echo = named.len <= ECHOED_BYTES && !looks_secret(named);
	char *said = mem_dup_span(named);
	const char *nearest = text_nearest(said, labels, n);
	struct err e = ERR_INIT;

	err_set(&e, ERR_NOT_FOUND, "no %s %s%s%s%s%s%s%s", what,
	    echo ? "has the label \"" : "has such a label", echo ? said : "", echo ? "\"" : "",
	    nearest ? " (did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?)" : "",
	    a->word->does == WORD_CHANGES ? "; nothing was changed" : "");
	mem_wipe(said, named.len);
	mem_free(said);
	control_refuse(a, &e);
}

bool
control_name(struct control_ask *a, const char *option, bool (*check)(struct span, struct err *),
    const char **out)
{
	struct err e = ERR_INIT;

	*out = control_option(a, option);
	if (!*out || check(span_of(*out), &e))
		return true;
	control_refuse_usage(a, "--%s: %s", option, e.text);
	return false;
}

/* Checking it. */

static bool
all_texts(const json_t *array)
{
	size_t i;
	const json_t *item;

	json_array_foreach(array, i, item)
		if (!json_is_string(item) ||
		    strlen(json_string_value(item)) != json_string_length(item))
			return false;
	return true;
}

static bool
read_request(struct control_ask *a, struct span body, struct err *e)
{
	const char *key;
	json_t *value;

	a->request = json_parse(body, "", e);
	if (!a->request)
		return false;
	a->words = json_object_get(a->request, "words");
	a->options = json_object_get(a->request, "options");
	value = json_object_get(a->request, "input");
	if (!json_is_array(a->words) || json_array_size(a->words) == 0 || !all_texts(a->words))
		return err_field(e, "words", "words must be a list of texts, with at least one");
	if (a->options && !json_is_object(a->options))
		return err_field(e, "options", "options must be an object of texts");
	if (value && !json_is_string(value))
		return err_field(e, "input", "input must be a text");
	if (value)
		a->input = span_mem(json_string_value(value), json_string_length(value));
	json_object_foreach(a->options, key, value)
		if (!json_is_string(value))
			return err_field(e, "options", "options must be an object of texts");
	return true;
}

static void
name_word(struct control_ask *a)
{
	const char *said[2] = { NULL, NULL };
	size_t n = 0;

	for (; n < 2 && n < json_array_size(a->words); n++)
		said[n] = json_string_value(json_array_get(a->words, n));
	a->word = word_find(said, n, &a->named);
	if (a->word)
		return;
	const char *nearest = word_nearest(said, n);

	if (n > 0 && word_has_group(said[0]) && !nearest)
		control_refuse_usage(a,
		    "\"%s\" takes another word behind it: \"polluxctl help\" lists them", said[0]);
	else
		control_refuse_usage(a,
		    "there is no such word%s%s%s; \"polluxctl help\" lists them all",
		    nearest ? " (did you mean \"" : "", nearest ? nearest : "",
		    nearest ? "\"?)" : "");
}

/* Whoever wrote a key among the words is told so, and it is not repeated. */
static bool
has_secret(const struct control_ask *a)
{
	const char *key;
	json_t *value;

	for (size_t i = 0; i < control_argument_count(a); i++)
		if (looks_secret(control_argument(a, i)))
			return true;
	json_object_foreach(a->options, key, value)
		if (looks_secret(span_of(json_string_value(value))))
			return true;
	return false;
}

static bool
check_options(struct control_ask *a)
{
	const char *key;
	json_t *value;

	json_object_foreach(a->options, key, value) {
		if (word_takes_option(a->word, key))
			continue;
		control_refuse_usage(a, "this option is not one of \"%s\"; usage: polluxctl %s%s%s",
		    a->word->name, a->word->name, a->word->arguments[0] ? " " : "",
		    a->word->arguments);
		return false;
	}
	return true;
}

static bool
check_said(struct control_ask *a)
{
	size_t n = control_argument_count(a);

	if (has_secret(a) || (n > 0 && a->word->input == WORD_INPUT_SECRET)) {
		control_refuse_usage(a,
		    "what is given as an argument can be seen in ps: give a key on standard input "
		    "(polluxctl %s asks for it), and name it with --label; consider a key that "
		    "stood there as known to others",
		    n > 0 && a->word->input == WORD_INPUT_SECRET ? a->word->name : "keys add");
		return false;
	}
	if (n < a->word->least || n > a->word->most) {
		control_refuse_usage(a, "usage: polluxctl %s%s%s", a->word->name,
		    a->word->arguments[0] ? " " : "", a->word->arguments);
		return false;
	}
	return check_options(a);
}

/* Starting. */

static void
start(struct control_ask *a)
{
	a->started = true;
	if (a->word->does == WORD_CHANGES)
		a->control->changing = a;
	functions[a->word - word_table](a);
}

static void
start_next(void *ctx)
{
	struct control *c = ctx;

	list_for_each(it, &c->asks) {
		struct control_ask *a = list_entry(it, struct control_ask, link);

		if (c->changing)
			return;
		if (a->started)
			continue;
		start(a);
		return; /* the list may have changed; its end calls here again */
	}
}

void
control_frame(struct control *c, struct link *from, const struct frame *f)
{
	struct control_ask *a = mem_alloc(sizeof(*a));
	struct err e = ERR_INIT;

	*a = (struct control_ask){ .control = c, .from = from, .id = f->id };
	list_push(&c->asks, &a->link);
	if (!read_request(a, f->body, &e)) {
		control_refuse_usage(a, "the question cannot be read: %s", e.text);
		return;
	}
	name_word(a);
	if (!a->word || !check_said(a))
		return;
	if (a->word->does == WORD_READS || !c->changing)
		start(a);
}

void
control_forget(struct control *c, struct link *gone)
{
	list_for_each(it, &c->asks) {
		struct control_ask *a = list_entry(it, struct control_ask, link);

		if (a->from == gone)
			a->from = NULL;
	}
}

void
control_init(struct control *c)
{
	list_init(&c->asks);
	list_init(&c->answered);
	c->changing = NULL;
	c->next_id = 0;
}

void
control_fini(struct control *c)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_UNAVAILABLE, "Pollux is stopping or reloading: try again in a moment");
	while (!list_is_empty(&c->asks)) {
		struct control_ask *a = list_entry(c->asks.next, struct control_ask, link);

		drop_state(a);
		control_refuse(a, &e);
	}
	loop_undefer(c->loop, start_next, c);
	loop_undefer(c->loop, free_answered, c);
	free_answered(c);
}
