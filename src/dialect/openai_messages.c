/*
 * The messages of a chat, from OpenAI to Gemini: see openai_messages.h.  Pure, runs in workers;
 * owns the parts of the message at hand.
 *
 * Each message is told when its end is reached, since its role may stand behind its content; text
 * is passed on in its escaped form, media is not even looked at here.
 */
#include "dialect/openai_messages.h"

#include <assert.h>
#include "base/mem.h"
#include "dialect/openai_message_calls.h"
#include "dialect/openai_message_extra.h"
#include "dialect/openai_message_parts.h"
#include "dialect/private.h"

struct message {
	size_t at;
	struct span role, refusal, name, call_id; /* escaped; p == NULL: not said */
	bool has_content;
	struct span calls, function_call; /* raw; p == NULL: none */
	struct message_extra extra;
};

struct reading {
	struct scan s;
	struct arena *arena;
	const struct openai_tools *tools; /* NULL: none */
	struct turns *turns;
	struct message_media media;           /* what media are written with */
	struct message_parts content, images; /* of the message at hand */
	struct rope part, parts;              /* scratch: one part, those of a result */
	struct err *err;
};

static bool
refuse_message(const struct reading *r, const struct message *m, const char *what, const char *name)
{
	return refuse(r->err, what, "messages[%zu]%s%s", m->at, name[0] != '\0' ? "." : "", name);
}

/* ---- telling what a message says ---- */

static void
tell_text(struct reading *r, const struct message_part *p, struct span of_message)
{
	struct span signature = SPAN_NONE;

	if (p->extra != NULL)
		signature = message_extra_signature(p->extra, r->turns);
	turns_text_signed(r->turns, p->text, signature.len > 0 ? signature : of_message,
	    p->extra != NULL && p->extra->thought);
}

static bool
tell_medium(struct reading *r, const struct message_parts *list, size_t at)
{
	rope_clear(&r->part);
	if (!message_media_write(&r->media, list, at, &r->part))
		return false;
	turns_media(r->turns, &r->part);
	return true;
}

/* Only the assistant refuses. */
static bool
check_content(struct reading *r, const struct message *m)
{
	if (!m->has_content)
		return refuse_message(r, m, "must be a string or a list of parts", "content");
	for (size_t i = 0; i < r->content.count; i++)
		if (r->content.list[i].kind == MESSAGE_REFUSAL)
			return message_part_refuse(
			    &r->content, i, "is for the assistant alone", r->err);
	return true;
}

static bool
tell_system(struct reading *r, const struct message *m)
{
	if (!check_content(r, m))
		return false;
	turns_begin(r->turns, SPEAKER_SYSTEM);
	for (size_t i = 0; i < r->content.count; i++) {
		if (r->content.list[i].kind == MESSAGE_MEDIA)
			return message_part_refuse(
			    &r->content, i, "is not for a system message: it takes text", r->err);
		turns_text(r->turns, r->content.list[i].text);
	}
	turns_end(r->turns);
	return true;
}

static bool
tell_user(struct reading *r, const struct message *m)
{
	if (!check_content(r, m))
		return false;
	r->media.of_model = false;
	turns_begin(r->turns, SPEAKER_USER);
	for (size_t i = 0; i < r->content.count; i++) {
		if (r->content.list[i].kind != MESSAGE_MEDIA)
			turns_text(r->turns, r->content.list[i].text);
		else if (!tell_medium(r, &r->content, i))
			return false;
	}
	turns_end(r->turns);
	return true;
}

/* ---- the assistant ---- */

/* The last text of the content, which the signature of the message belongs to; count: none. */
static size_t
last_text(const struct message_parts *content)
{
	size_t i = content->count;

	while (i > 0 &&
	       (content->list[i - 1].kind == MESSAGE_MEDIA || content->list[i - 1].text.len == 0))
		i--;
	return i > 0 ? i - 1 : content->count;
}

static bool
tell_assistant_content(struct reading *r, const struct message *m)
{
	struct span signature = message_extra_signature(&m->extra, r->turns);
	size_t last = m->refusal.len > 0 ? r->content.count : last_text(&r->content);

	for (size_t i = 0; i < r->content.count; i++) {
		if (r->content.list[i].kind != MESSAGE_MEDIA)
			tell_text(r, &r->content.list[i], i == last ? signature : SPAN_NONE);
		else if (!tell_medium(r, &r->content, i))
			return false;
	}
	if (m->refusal.len > 0)
		turns_text_signed(r->turns, m->refusal, signature, false);
	return true;
}

/* The images of our own answers, coming back. */
static bool
tell_images(struct reading *r)
{
	for (size_t i = 0; i < r->images.count; i++) {
		if (r->images.list[i].kind != MESSAGE_MEDIA)
			return message_part_refuse(&r->images, i, "is no image", r->err);
		if (!tell_medium(r, &r->images, i))
			return false;
	}
	return true;
}

/* What is legacy has no effect beside what is new. */
static bool
tell_calls(struct reading *r, const struct message *m)
{
	const struct message_calling of = { m->at, r->tools, r->arena, r->turns, r->err };
	size_t told = 0;

	if (m->calls.p != NULL && !message_calls_tell(&of, m->calls, &told))
		return false;
	return told > 0 || m->function_call.p == NULL ||
	       message_function_call_tell(&of, m->function_call);
}

static bool
tell_assistant(struct reading *r, const struct message *m)
{
	r->media.of_model = true;
	turns_begin(r->turns, SPEAKER_MODEL);
	if (!tell_assistant_content(r, m) || !tell_images(r) || !tell_calls(r, m))
		return false;
	turns_end(r->turns);
	return true;
}

/* ---- results ---- */

/* Texts of several parts as lines. */
static struct span
text_of(struct reading *r)
{
	struct buf lines = BUF_INIT;
	struct span text = SPAN_NONE;
	size_t count = 0;

	for (size_t i = 0; i < r->content.count; i++) {
		if (r->content.list[i].kind == MESSAGE_MEDIA)
			continue;
		text = r->content.list[i].text;
		if (count++ > 0)
			buf_add_lit(&lines, "\\n");
		buf_add_span(&lines, text);
	}
	if (count > 1)
		text = arena_span(r->arena, buf_span(&lines));
	buf_fini(&lines);
	return text;
}

static void
next_part(struct rope *parts)
{
	if (parts->text.len > 0)
		buf_add_char(&parts->text, ',');
}

/* Parts in Gemini's own words, for the result as they are: extra_content.google.parts. */
static bool
add_native_parts(struct reading *r, const struct message *m)
{
	struct span part;
	struct scan s;

	if (m->extra.parts.p == NULL)
		return true;
	scan_init(&s, m->extra.parts);
	if (take_null(&s))
		return true;
	if (scan_type(&s) != SCAN_ARRAY)
		return refuse_message(r, m, "must be a list", "extra_content.google.parts");
	scan_array(&s);
	for (size_t i = 0; scan_item(&s); i++) {
		bool is_object = scan_type(&s) == SCAN_OBJECT;

		scan_skip(&s, &part);
		if (!is_object || !message_is_shallow(part, MESSAGE_DEPTH_MAX))
			return refuse(r->err,
			    is_object ? "is nested too deeply" : "must be an object",
			    "messages[%zu].extra_content.google.parts[%zu]", m->at, i);
		next_part(&r->parts);
		rope_borrow(&r->parts, part);
	}
	return true;
}

static bool
gather_parts(struct reading *r, const struct message *m)
{
	struct message_media media = r->media;

	rope_clear(&r->parts);
	media.of_model = false;
	media.of_result = true;
	for (size_t i = 0; i < r->content.count; i++) {
		if (r->content.list[i].kind != MESSAGE_MEDIA)
			continue;
		next_part(&r->parts);
		if (!message_media_write(&media, &r->content, i, &r->parts))
			return false;
	}
	return add_native_parts(r, m);
}

static bool
tell_result(struct reading *r, struct message *m, struct span call_id)
{
	struct turn_result told = { .id = message_plain(call_id, r->arena) };

	m->has_content = true; /* a tool may have nothing to say */
	if (!check_content(r, m) || !gather_parts(r, m))
		return false;
	told.name = message_call_name(r->tools, m->name, r->arena);
	told.text = text_of(r);
	told.response = message_call_response(told.text, r->arena);
	told.media = r->parts.text.len > 0 ? &r->parts : NULL;
	turns_begin(r->turns, SPEAKER_USER);
	turns_result(r->turns, &told);
	turns_end(r->turns);
	return true;
}

static bool
tell_tool(struct reading *r, struct message *m)
{
	if (m->call_id.p == NULL)
		return refuse_message(r, m, "is missing", "tool_call_id");
	return tell_result(r, m, m->call_id);
}

static bool
tell_function(struct reading *r, struct message *m)
{
	if (m->name.len == 0)
		return refuse_message(r, m, "is missing", "name");
	return tell_result(r, m, SPAN_NONE);
}

/* ---- reading ---- */

static bool
tell(struct reading *r, struct message *m)
{
	if (m->role.p == NULL)
		return refuse_message(r, m, "is missing", "role");
	if (scan_key_is(m->role, "user"))
		return tell_user(r, m);
	if (scan_key_is(m->role, "assistant"))
		return tell_assistant(r, m);
	if (scan_key_is(m->role, "tool"))
		return tell_tool(r, m);
	if (scan_key_is(m->role, "system") || scan_key_is(m->role, "developer"))
		return tell_system(r, m);
	if (scan_key_is(m->role, "function"))
		return tell_function(r, m);
	return refuse_message(r, m, "is no known role", "role");
}

static bool
read_string(struct reading *r, const struct message *m, const char *name, struct span *out)
{
	*out = SPAN_NONE;
	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) != SCAN_STRING)
		return refuse_message(r, m, "must be a string", name);
	return scan_string(&r->s, out);
}

/* Kept until the message ends; null is as good as absent. */
static bool
read_raw(struct reading *r, struct span *out)
{
	*out = SPAN_NONE;
	if (!take_null(&r->s))
		scan_skip(&r->s, out);
	return true;
}

static bool
read_content(struct reading *r, struct message *m)
{
	m->has_content = !take_null(&r->s);
	r->content.count = 0;
	r->content.message = m->at;
	return !m->has_content || message_content_read(&r->content, &r->s, r->arena, r->err);
}

static bool
read_images(struct reading *r, struct message *m)
{
	r->images.message = m->at;
	if (scan_type(&r->s) == SCAN_ARRAY)
		return message_parts_read(&r->images, &r->s, r->arena, r->err);
	r->images.count = 0;
	return take_null(&r->s) || refuse_message(r, m, "must be a list", "images");
}

static bool
read_member(struct reading *r, struct message *m, struct span key)
{
	if (scan_key_is(key, "role"))
		return read_string(r, m, "role", &m->role);
	if (scan_key_is(key, "content"))
		return read_content(r, m);
	if (scan_key_is(key, "tool_call_id"))
		return read_string(r, m, "tool_call_id", &m->call_id);
	if (scan_key_is(key, "name"))
		return read_string(r, m, "name", &m->name);
	if (scan_key_is(key, "refusal"))
		return read_string(r, m, "refusal", &m->refusal);
	if (scan_key_is(key, "tool_calls"))
		return read_raw(r, &m->calls);
	if (scan_key_is(key, "function_call"))
		return read_raw(r, &m->function_call);
	if (scan_key_is(key, "images"))
		return read_images(r, m);
	if (!message_extra_read(&m->extra, &r->s, key))
		scan_skip(&r->s, NULL);
	return true;
}

static bool
read_message(struct reading *r, size_t at)
{
	struct message m = { .at = at };
	struct span key;

	r->content.count = r->images.count = 0;
	if (scan_type(&r->s) != SCAN_OBJECT)
		return refuse_message(r, &m, "must be an object", "");
	scan_object(&r->s);
	while (scan_member(&r->s, &key))
		if (!read_member(r, &m, key))
			return false;
	return tell(r, &m);
}

static bool
read_all(struct reading *r, struct span raw)
{
	if (raw.p == NULL)
		return refuse(r->err, "is missing", "messages");
	scan_init(&r->s, raw);
	if (scan_type(&r->s) != SCAN_ARRAY)
		return refuse(r->err, "must be a list", "messages");
	scan_array(&r->s);
	for (size_t i = 0; scan_item(&r->s); i++)
		if (!read_message(r, i))
			return false;
	assert(scan_end(&r->s));
	if (turns_is_empty(r->turns))
		return refuse(r->err, "has nothing that could be answered", "messages");
	return true;
}

bool
openai_messages_read(struct span raw, const struct dialect_request *req, struct arena *arena,
    struct call *call, const struct dialect_model *model, const struct openai_tools *tools,
    struct turns *turns, const char **resolution, struct err *e)
{
	struct reading r = { .arena = arena,
		.tools = tools,
		.turns = turns,
		.media = { .req = req,
		    .arena = arena,
		    .call = call,
		    .facts = &model->facts,
		    .turns = turns,
		    .resolution = resolution,
		    .err = e },
		.content = { .name = "content" },
		.images = { .name = "images" },
		.part = ROPE_INIT,
		.parts = ROPE_INIT,
		.err = e };
	bool ok;

	*resolution = NULL;
	ok = read_all(&r, raw);
	message_parts_fini(&r.content);
	message_parts_fini(&r.images);
	rope_fini(&r.part);
	rope_fini(&r.parts);
	return ok;
}
