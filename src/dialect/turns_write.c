/*
 * A conversation that was told, put in the order that Gemini asks for, and written.  Pure, runs
 * in workers, owns nothing.
 *
 * What Gemini refuses (Gemini API, function calling): a turn of calls that follows anything but a
 * turn of the user's, results that are not as many as the calls before them, and a turn without
 * parts.  Contents of one speaker are otherwise left apart as they were told: parts of one content
 * are read as one text, so that two messages would run into each other.
 */
#include "dialect/turns.h"

#include <stdlib.h>
#include "base/scan.h"
#include "dialect/turns_told.h"

#define NO_RESULT "{\"error\":\"no result was provided\"}"

enum role { ROLE_NONE, ROLE_USER, ROLE_MODEL };

struct writing {
	struct turns *turns; /* borrowed */
	struct rope *out;    /* borrowed */
	enum role role;      /* of the open content; none: there was none yet */
	bool is_signed;      /* a part of it has a signature */
	size_t parts;        /* of it */
};

/* ---- contents and parts ---- */

static bool
lacks(const struct turns *t, unsigned lack)
{
	return (t->model->facts.lacks & lack) != 0;
}

static void
next_content(struct writing *w, enum role role)
{
	buf_add_text(&w->out->text, w->role == ROLE_NONE ? "" : "]},");
	buf_add_text(&w->out->text, role == ROLE_USER ? "{\"role\":\"user\",\"parts\":["
						      : "{\"role\":\"model\",\"parts\":[");
	w->role = role;
	w->is_signed = false;
	w->parts = 0;
}

static void
next_part(struct writing *w)
{
	if (w->parts++ > 0)
		buf_add_char(&w->out->text, ',');
}

static void
user_says(struct writing *w, const char *words)
{
	next_content(w, ROLE_USER);
	next_part(w);
	buf_printf(&w->out->text, "{\"text\":\"%s\"}", words);
}

static void
open_content(struct writing *w, enum role role)
{
	if (role == ROLE_MODEL && w->role == ROLE_NONE && lacks(w->turns, LACKS(MODEL_FIRST)))
		user_says(w, " ");
	next_content(w, role);
}

/* Behind a part's own members; closes it. */
static void
end_part(struct writing *w, struct span signature)
{
	if (signature.len > 0) {
		buf_add_lit(&w->out->text, ",\"thoughtSignature\":\"");
		rope_borrow(w->out, signature);
		buf_add_char(&w->out->text, '"');
		w->is_signed = true;
	}
	buf_add_char(&w->out->text, '}');
}

static void
write_text(struct writing *w, const struct told_part *p)
{
	next_part(w);
	buf_add_lit(&w->out->text, "{\"text\":\"");
	rope_borrow(w->out, p->text);
	buf_add_char(&w->out->text, '"');
	if (p->thought)
		buf_add_lit(&w->out->text, ",\"thought\":true");
	end_part(w, p->signature);
}

static void
write_media(struct writing *w, const struct rope *media)
{
	next_part(w);
	rope_append(w->out, media);
}

/* "Tool result (call_1): 15 degrees" */
static void
write_orphan(struct writing *w, const struct told_result *r)
{
	struct buf *text = &w->out->text;
	struct buf name = BUF_INIT;

	scan_quote(&name, r->id.len > 0 ? r->id : r->name);
	next_part(w);
	buf_add_lit(text, "{\"text\":\"Tool result (");
	buf_add(text, name.data + 1, name.len - 2);
	buf_add_lit(text, "): ");
	rope_borrow(w->out, r->text);
	buf_add_lit(text, "\"}");
	buf_fini(&name);
	if (r->media != NULL)
		write_media(w, r->media);
}

static void
write_parts(struct writing *w, const struct told_message *m)
{
	for (size_t i = 0; i < m->parts; i++) {
		const struct told_part *p = &w->turns->parts[m->first_part + i];

		if (p->kind == TOLD_TEXT)
			write_text(w, p);
		else if (p->kind == TOLD_MEDIA)
			write_media(w, p->media);
		else if (p->result->orphan)
			write_orphan(w, p->result);
	}
}

/* ---- calls and results ---- */

/* {"KIND":{"id":...,"name":... */
static void
begin_function(struct writing *w, const char *kind, const struct told_call *c)
{
	struct buf *text = &w->out->text;

	next_part(w);
	buf_add_lit(text, "{\"");
	buf_add_text(text, kind);
	buf_add_lit(text, "\":{");
	if (c->upstream_id.len > 0) {
		buf_add_lit(text, "\"id\":");
		scan_quote(text, c->upstream_id);
		buf_add_char(text, ',');
	}
	buf_add_lit(text, "\"name\":");
	scan_quote(text, c->name);
}

static void
write_call(struct writing *w, const struct told_call *c, struct span signature)
{
	begin_function(w, "functionCall", c);
	buf_add_lit(&w->out->text, ",\"args\":");
	rope_borrow(w->out, c->args);
	buf_add_char(&w->out->text, '}');
	end_part(w, signature);
}

/* Since Gemini 3 a result may hold media itself. */
static bool
holds_media(const struct turns *t)
{
	return t->model->facts.major >= 3;
}

static void
write_result(struct writing *w, const struct told_call *c)
{
	const struct told_result *r = c->result;

	begin_function(w, "functionResponse", c);
	buf_add_lit(&w->out->text, ",\"response\":");
	rope_borrow(w->out, r != NULL ? r->response : SPAN(NO_RESULT));
	if (r != NULL && r->media != NULL && holds_media(w->turns)) {
		buf_add_lit(&w->out->text, ",\"parts\":[");
		rope_append(w->out, r->media);
		buf_add_char(&w->out->text, ']');
	}
	buf_add_lit(&w->out->text, "}}");
}

static void
write_results(struct writing *w, struct told_call *const *calls, size_t count)
{
	bool apart = false;

	next_content(w, ROLE_USER);
	for (size_t i = 0; i < count; i++)
		write_result(w, calls[i]);
	if (holds_media(w->turns))
		return;
	for (size_t i = 0; i < count; i++) {
		if (calls[i]->result == NULL || calls[i]->result->media == NULL)
			continue;
		if (!apart)
			next_content(w, ROLE_USER);
		apart = true;
		write_media(w, calls[i]->result->media);
	}
}

/*
 * Calls follow the user.  What the model said just before them belongs to them: clients take an
 * answer apart into its text and its calls.  A signed text was an answer of its own.
 */
static void
open_calls(struct writing *w)
{
	if (w->role == ROLE_MODEL && !w->is_signed)
		return;
	if (w->role != ROLE_USER)
		user_says(w, " ");
	next_content(w, ROLE_MODEL);
}

/* A signature is one call's: some clients copy that of the first to all of an answer. */
static void
write_calls(struct writing *w, struct told_call *const *calls, size_t count, bool current_turn)
{
	struct span first = SPAN_NONE;

	for (size_t i = 0; i < count; i++) {
		struct span s = told_call_signature(w->turns, calls[i], i == 0, current_turn);

		write_call(w, calls[i], i > 0 && span_eq(s, first) ? SPAN_NONE : s);
		if (i == 0)
			first = s;
	}
	write_results(w, calls, count);
}

static void
write_model(struct writing *w, const struct told_message *m, bool current_turn)
{
	if (m->calls > 0)
		open_calls(w);
	else
		open_content(w, ROLE_MODEL);
	write_parts(w, m);
	if (m->calls > 0)
		write_calls(w, w->turns->calls + m->first_call, m->calls, current_turn);
}

/* ---- order ---- */

/* It gets a content of its own: not if all in it went to calls, or to the message before it. */
static bool
is_spoken(const struct told_message *m)
{
	if (m->of_model)
		return m->parts > 0 || m->calls > 0;
	return m->spoken > 0 || m->parts == 0;
}

/* m goes on with the calls of one answer where open ends. */
static bool
goes_on(const struct turns *t, const struct told_message *open, const struct told_message *m)
{
	const struct told_call *before = t->calls[open->first_call];
	const struct told_call *behind = t->calls[m->first_call];

	return m->parts == 0 && before->known && behind->known && behind->step_index > 0 &&
	       behind->step_index == open->calls;
}

/*
 * Calls of one answer that a client took apart, with nothing but results between them, are put
 * together again: only the first of them is signed.
 */
static void
join_answers(struct turns *t)
{
	struct told_message *open = NULL;

	for (size_t i = 0; i < t->message_count; i++) {
		struct told_message *m = &t->messages[i];

		if (m->calls > 0 && open != NULL && goes_on(t, open, m)) {
			open->calls += m->calls;
			m->calls = 0;
		} else if (is_spoken(m)) {
			open = m->calls > 0 ? m : NULL;
		}
	}
}

static int
by_step_index(const void *a, const void *b)
{
	const struct told_call *x = *(struct told_call *const *)a;
	const struct told_call *y = *(struct told_call *const *)b;

	return x->step_index < y->step_index ? -1 : x->step_index > y->step_index;
}

/* Two of the same index are of two answers, of which nothing more is known. */
static bool
are_distinct(struct told_call *const *sorted, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (sorted[i - 1]->step_index == sorted[i]->step_index)
			return false;
	return true;
}

/* The calls of one step in the order that Gemini made them in, as far as that is known. */
static void
restore_order(struct told_call **calls, size_t count)
{
	struct told_call **known = mem_array(count, sizeof(struct told_call *));
	size_t n = 0, next = 0;

	for (size_t i = 0; i < count; i++)
		if (calls[i]->known)
			known[n++] = calls[i];
	qsort(known, n, sizeof(struct told_call *), by_step_index);
	if (are_distinct(known, n))
		for (size_t i = 0; i < count; i++)
			if (calls[i]->known)
				calls[i] = known[next++];
	mem_free(known);
}

/* The current turn begins behind the last content of the user that is more than results. */
static size_t
current_turn(const struct turns *t)
{
	size_t i = t->message_count;

	while (i > 0 && (t->messages[i - 1].of_model || !is_spoken(&t->messages[i - 1])))
		i--;
	return i;
}

/* ---- the whole ---- */

static void
add_system(const struct turns *t, struct rope *out)
{
	rope_append(out, &t->system);
	if (rope_len(&t->system) > 0 && rope_len(&t->instructed) > 0)
		buf_add_char(&out->text, ',');
	rope_append(out, &t->instructed);
}

static void
write_messages(struct writing *w)
{
	struct turns *t = w->turns;
	size_t current = current_turn(t);

	for (size_t i = 0; i < t->message_count; i++) {
		const struct told_message *m = &t->messages[i];

		if (!is_spoken(m))
			continue;
		if (m->of_model) {
			write_model(w, m, i >= current);
			continue;
		}
		if (m->parts == 0) {
			user_says(w, " ");
			continue;
		}
		open_content(w, ROLE_USER);
		write_parts(w, m);
	}
}

void
turns_write(struct turns *t, struct rope *out)
{
	struct writing w = { .turns = t, .out = out };
	bool has_system = rope_len(&t->system) > 0 || rope_len(&t->instructed) > 0;
	/* Gemini wants contents: an instruction that stands alone is what the user says. */
	bool says_system = has_system && (t->message_count == 0 || lacks(t, LACKS(SYSTEM)));

	told_calls_settle(t);
	join_answers(t);
	for (size_t i = 0; i < t->message_count; i++)
		if (t->messages[i].calls > 1)
			restore_order(t->calls + t->messages[i].first_call, t->messages[i].calls);
	buf_add_lit(&out->text, "\"contents\":[");
	if (says_system) {
		next_content(&w, ROLE_USER);
		add_system(t, out);
	}
	write_messages(&w);
	if (w.role == ROLE_MODEL && lacks(t, LACKS(MODEL_LAST)))
		user_says(&w, "Continue.");
	buf_add_text(&out->text, w.role == ROLE_NONE ? "]" : "]}]");
	if (!has_system || says_system)
		return;
	buf_add_lit(&out->text, ",\"systemInstruction\":{\"parts\":[");
	add_system(t, out);
	buf_add_lit(&out->text, "]}");
}
