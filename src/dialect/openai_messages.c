/*
 * The messages of a chat, from OpenAI to Gemini: see openai_messages.h.  Pure, runs in workers.
 *
 * Each message is written into Gemini's contents when its end is reached, since its role may
 * stand behind its content; text is copied in its escaped form.
 */
#include "dialect/openai_messages.h"

#include "base/mem.h"
#include "dialect/private.h"

#define BODY_SLACK 256 /* for what stands around the messages */

/* One text of a message.  A refusal is one that only the assistant may say. */
struct openai_piece {
	struct span text; /* escaped */
	bool is_refusal;
};

struct message {
	size_t at;
	struct span role;    /* escaped; p == NULL: not said */
	struct span refusal; /* escaped */
	bool has_content;
	const char *calls;  /* the member that holds calls of tools; NULL: none */
	size_t piece_count; /* of openai_messages.pieces */
};

/* ---- the parts of a message ---- */

static void
add_piece(struct openai_messages *o, struct message *m, struct span text, bool is_refusal)
{
	if (m->piece_count == o->piece_room) {
		o->piece_room = o->piece_room > 0 ? 2 * o->piece_room : 16;
		o->pieces = mem_resize(o->pieces, o->piece_room * sizeof(*o->pieces));
	}
	o->pieces[m->piece_count++] = (struct openai_piece){ text, is_refusal };
}

static bool
is_media(struct span type)
{
	static const char *const types[] = { "image_url", "input_audio", "file", "video_url",
		"input_video" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (scan_key_is(type, types[i]))
			return true;
	return false;
}

/* The part has been read: type, and the texts under both names. */
static bool
take_part(struct openai_messages *o, struct message *m, size_t at, struct span type,
    const struct span texts[2])
{
	bool is_refusal = scan_key_is(type, "refusal");

	if (!is_refusal && !scan_key_is(type, "text"))
		return refuse(o->err, is_media(type) ? UNSUPPORTED : "is no known type of part",
		    "messages[%zu].content[%zu].type", m->at, at);
	if (texts[is_refusal].p == NULL)
		return refuse(o->err, "is missing", "messages[%zu].content[%zu].%s", m->at, at,
		    is_refusal ? "refusal" : "text");
	add_piece(o, m, texts[is_refusal], is_refusal);
	return true;
}

static bool
read_part(struct openai_messages *o, struct message *m, size_t at)
{
	static const char *const names[] = { "text", "refusal", "type" };
	struct span key, values[3] = { SPAN_NONE, SPAN_NONE, SPAN_NONE };

	if (scan_type(o->s) != SCAN_OBJECT)
		return refuse(o->err, "must be an object", "messages[%zu].content[%zu]", m->at, at);
	scan_object(o->s);
	while (scan_member(o->s, &key)) {
		size_t i = 0;

		while (i < 3 && !scan_key_is(key, names[i]))
			i++;
		if (i == 3)
			scan_skip(o->s, NULL);
		else if (scan_type(o->s) == SCAN_STRING)
			scan_string(o->s, &values[i]);
		else
			return refuse(o->err, "must be a string", "messages[%zu].content[%zu].%s",
			    m->at, at, names[i]);
	}
	if (o->s->fault != NULL)
		return false;
	if (values[2].p == NULL)
		return refuse(o->err, "is missing", "messages[%zu].content[%zu].type", m->at, at);
	return take_part(o, m, at, values[2], values);
}

static bool
read_content(struct openai_messages *o, struct message *m)
{
	struct span text;

	m->piece_count = 0;
	m->has_content = false;
	if (take_null(o->s))
		return true;
	m->has_content = true;
	if (scan_type(o->s) == SCAN_STRING) {
		if (scan_string(o->s, &text))
			add_piece(o, m, text, false);
		return true;
	}
	if (scan_type(o->s) != SCAN_ARRAY)
		return refuse(
		    o->err, "must be a string or a list of parts", "messages[%zu].content", m->at);
	scan_array(o->s);
	for (size_t i = 0; scan_item(o->s); i++)
		if (!read_part(o, m, i))
			return false;
	return true;
}

/* ---- writing a message ---- */

static void
add_system(struct openai_messages *o, const struct message *m)
{
	for (size_t i = 0; i < m->piece_count; i++) {
		if (o->pieces[i].text.len == 0)
			continue;
		buf_add_text(&o->system, o->system.len > 0 ? ",{\"text\":\"" : "{\"text\":\"");
		buf_add_span(&o->system, o->pieces[i].text);
		buf_add_lit(&o->system, "\"}");
	}
}

static bool
says_something(const struct openai_messages *o, const struct message *m)
{
	for (size_t i = 0; i < m->piece_count; i++)
		if (o->pieces[i].text.len > 0)
			return true;
	return m->refusal.len > 0;
}

static void
add_turn(struct openai_messages *o, const struct message *m, const char *role)
{
	content_turn(&o->contents, role);
	for (size_t i = 0; i < m->piece_count; i++)
		content_text(&o->contents, o->pieces[i].text);
	content_text(&o->contents, m->refusal);
}

static bool
end_assistant(struct openai_messages *o, struct message *m)
{
	if (m->calls != NULL)
		return refuse(o->err, UNSUPPORTED, "messages[%zu].%s", m->at, m->calls);
	o->leading = false;
	if (says_something(o, m))
		add_turn(o, m, "model");
	return true;
}

/* Of everyone but the assistant content is wanted, and none may refuse. */
static bool
check_content(struct openai_messages *o, struct message *m)
{
	if (!m->has_content)
		return refuse(
		    o->err, "must be a string or a list of parts", "messages[%zu].content", m->at);
	for (size_t i = 0; i < m->piece_count; i++)
		if (o->pieces[i].is_refusal)
			return refuse(o->err, "is for the assistant alone",
			    "messages[%zu].content[%zu].type", m->at, i);
	m->refusal = SPAN_NONE;
	return true;
}

static bool
end_user(struct openai_messages *o, struct message *m)
{
	if (!check_content(o, m))
		return false;
	o->leading = false;
	add_turn(o, m, "user");
	return true;
}

/* The leading ones are Gemini's one instruction; a later one speaks where it stands, since
 * moving it to the front would move it back in time. */
static bool
end_system(struct openai_messages *o, struct message *m)
{
	if (!check_content(o, m))
		return false;
	if (o->leading)
		add_system(o, m);
	else if (says_something(o, m))
		add_turn(o, m, "user");
	return true;
}

static bool
end_message(struct openai_messages *o, struct message *m)
{
	if (m->role.p == NULL)
		return refuse(o->err, "is missing", "messages[%zu].role", m->at);
	if (scan_key_is(m->role, "user"))
		return end_user(o, m);
	if (scan_key_is(m->role, "assistant"))
		return end_assistant(o, m);
	if (scan_key_is(m->role, "system") || scan_key_is(m->role, "developer"))
		return end_system(o, m);
	if (scan_key_is(m->role, "tool") || scan_key_is(m->role, "function"))
		return refuse(o->err, UNSUPPORTED, "messages[%zu].role", m->at);
	return refuse(o->err, "is no known role", "messages[%zu].role", m->at);
}

/* ---- messages ---- */

static bool
read_string(struct openai_messages *o, struct message *m, const char *name, struct span *out)
{
	*out = SPAN_NONE;
	if (take_null(o->s))
		return true;
	if (scan_type(o->s) != SCAN_STRING)
		return refuse(o->err, "must be a string", "messages[%zu].%s", m->at, name);
	return scan_string(o->s, out);
}

static bool
read_message_member(struct openai_messages *o, struct message *m, struct span key)
{
	if (scan_key_is(key, "role"))
		return read_string(o, m, "role", &m->role);
	if (scan_key_is(key, "content"))
		return read_content(o, m);
	if (scan_key_is(key, "refusal"))
		return read_string(o, m, "refusal", &m->refusal);
	if (scan_key_is(key, "tool_calls"))
		m->calls = take_something(o->s) ? "tool_calls" : NULL;
	else if (scan_key_is(key, "function_call"))
		m->calls = take_something(o->s) ? "function_call" : NULL;
	else
		scan_skip(o->s, NULL);
	return true;
}

static bool
read_message(struct openai_messages *o)
{
	struct message m = { .at = o->message_count };
	struct span key;

	if (scan_type(o->s) != SCAN_OBJECT)
		return refuse(o->err, "must be an object", "messages[%zu]", m.at);
	scan_object(o->s);
	while (scan_member(o->s, &key))
		if (!read_message_member(o, &m, key))
			return false;
	o->message_count++;
	return o->s->fault == NULL && end_message(o, &m);
}

static bool
read_all(struct openai_messages *o)
{
	if (scan_type(o->s) != SCAN_ARRAY)
		return refuse(o->err, "must be a list", "messages");
	scan_array(o->s);
	while (scan_item(o->s))
		if (!read_message(o))
			return false;
	return true;
}

bool
openai_messages_read(struct openai_messages *o, struct scan *s, struct err *e)
{
	buf_clear(&o->body);
	buf_clear(&o->system);
	/* Both wires are about as wordy, so it rarely has to grow. */
	buf_reserve(&o->body, (size_t)(s->end - s->at) + BODY_SLACK);
	buf_add_lit(&o->body, "{\"contents\":");
	content_begin(&o->contents, &o->body);
	o->message_count = 0;
	o->leading = true;
	o->s = s;
	o->err = e;
	return read_all(o);
}

/* Gemini wants contents: an instruction that stands alone is what the user says. */
static void
end_contents(struct openai_messages *o)
{
	bool alone = o->contents.turns == 0;

	if (alone) {
		content_turn(&o->contents, "user");
		content_raw(&o->contents, buf_span(&o->system));
	}
	content_end(&o->contents);
	if (alone || o->system.len == 0)
		return;
	buf_add_lit(&o->body, ",\"systemInstruction\":{\"parts\":[");
	buf_add_span(&o->body, buf_span(&o->system));
	buf_add_lit(&o->body, "]}");
}

bool
openai_messages_end(struct openai_messages *o, struct err *e)
{
	if (o->body.len == 0)
		return refuse(e, "is missing", "messages");
	if (o->contents.turns == 0 && o->system.len == 0)
		return refuse(e, "has nothing that could be answered", "messages");
	end_contents(o);
	return true;
}

void
openai_messages_fini(struct openai_messages *o)
{
	buf_fini(&o->body);
	buf_fini(&o->system);
	mem_free(o->pieces);
	*o = (struct openai_messages){ 0 };
}
