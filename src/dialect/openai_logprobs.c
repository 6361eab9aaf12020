/*
 * Probabilities of tokens, from Gemini's logprobsResult to OpenAI's logprobs.  Pure, runs in
 * workers, owns nothing.
 *
 * Gemini keeps the chosen tokens and the likeliest ones of each place in two lists side by
 * side; OpenAI puts the second into the first.
 */
#include "dialect/openai_chat.h"

#include "base/scan.h"
#include "gemini/object.h"
#include "gemini/read.h"

struct token {
	struct span text;        /* escaped; p == NULL: none */
	struct span probability; /* a raw number; p == NULL: not said, which is 0 */
};

static void
read_token(struct scan *s, struct token *t)
{
	struct span key;

	*t = (struct token){ SPAN_NONE, SPAN_NONE };
	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "token"))
			read_text(s, &t->text);
		else if (scan_key_is(key, "logProbability") && scan_type(s) == SCAN_NUMBER)
			scan_number(s, &t->probability);
		else
			scan_skip(s, NULL);
	}
}

/* The token's UTF-8, for clients that put torn characters together. */
static void
write_bytes(struct buf *out, struct span escaped)
{
	struct buf plain = BUF_INIT;
	const unsigned char *p;

	scan_text(&plain, escaped);
	p = (const unsigned char *)buf_text(&plain);
	buf_add_char(out, '[');
	for (size_t i = 0; i < plain.len; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_int(out, p[i]);
	}
	buf_add_char(out, ']');
	buf_fini(&plain);
}

static void
write_token(struct object_writer *o, struct buf *out, const struct token *t)
{
	object_begin(o, out);
	object_escaped(o, "token", t->text);
	object_raw(o, "logprob", t->probability.p != NULL ? t->probability : SPAN("0"));
	object_key(o, "bytes");
	write_bytes(out, t->text);
}

static void
write_candidates(struct scan *tops, struct buf *out)
{
	struct object_writer o;
	struct token t;
	int written = 0;

	if (!read_array(tops))
		return;
	while (scan_item(tops)) {
		read_token(tops, &t);
		if (t.text.p == NULL)
			continue;
		if (written++ > 0)
			buf_add_char(out, ',');
		write_token(&o, out, &t);
		object_end(&o);
	}
}

/* The likeliest tokens of one place; tops stands on them, or has none left. */
static void
write_top(struct scan *tops, bool any, struct buf *out)
{
	struct span key;
	bool done = false;

	buf_add_char(out, '[');
	if (any && read_object(tops)) {
		while (scan_member(tops, &key)) {
			if (!done && scan_key_is(key, "candidates")) {
				write_candidates(tops, out);
				done = true;
			} else {
				scan_skip(tops, NULL);
			}
		}
	}
	buf_add_char(out, ']');
}

static void
write_places(struct scan *chosen, struct scan *tops, bool has_tops, struct buf *out)
{
	struct object_writer o;
	struct token t;
	int written = 0;

	while (scan_item(chosen)) {
		read_token(chosen, &t);
		if (written++ > 0)
			buf_add_char(out, ',');
		write_token(&o, out, &t);
		object_key(&o, "top_logprobs");
		has_tops = has_tops && scan_item(tops);
		write_top(tops, has_tops, out);
		object_end(&o);
	}
}

void
openai_logprobs_write(struct buf *out, struct span result)
{
	struct scan s, chosen, tops;
	struct span key, chosen_json = SPAN_NONE, tops_json = SPAN_NONE;

	scan_init(&s, result);
	if (!read_object(&s))
		return;
	while (scan_member(&s, &key)) {
		if (scan_key_is(key, "chosenCandidates"))
			read_raw(&s, &chosen_json);
		else if (scan_key_is(key, "topCandidates"))
			read_raw(&s, &tops_json);
		else
			scan_skip(&s, NULL);
	}
	scan_init(&chosen, chosen_json);
	scan_init(&tops, tops_json);
	if (chosen_json.p != NULL && read_array(&chosen))
		write_places(&chosen, &tops, tops_json.p != NULL && read_array(&tops), out);
}
