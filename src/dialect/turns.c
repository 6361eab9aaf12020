/*
 * A conversation as it is told: see turns.h.  Pure, runs in workers; owns the lists of what was
 * told until turns_free, the rest lies in the exchange's arena.
 *
 * Results find their calls here, while both come in; what then has to be moved, turns_write.c
 * moves.  Every step is linear, so that ten thousand messages cost what they weigh.
 */
#include "dialect/turns.h"

#include <assert.h>
#include "base/map.h"
#include "dialect/turns_told.h"

struct turns *
turns_new(struct arena *arena, const struct dialect_house *house, const struct dialect_model *model,
    enum late_system late_system)
{
	struct turns *t = arena_alloc(arena, sizeof(*t));

	t->arena = arena;
	t->house = house;
	t->model = model;
	t->late_system = late_system;
	t->system = t->instructed = ROPE_INIT;
	t->leading = true;
	model_family(&model->facts, t->family);
	return t;
}

void
turns_free(struct turns **slot)
{
	struct turns *t = slot != NULL ? *slot : NULL;

	if (t == NULL)
		return;
	*slot = NULL;
	for (struct told_rope *r = t->ropes; r != NULL; r = r->next)
		rope_fini(&r->rope);
	for (size_t key = 0; key < TOLD_KEYS; key++)
		map_free(&t->waiting[key]);
	map_free(&t->upstream_ids);
	rope_fini(&t->system);
	rope_fini(&t->instructed);
	mem_free(t->messages);
	mem_free(t->parts);
	mem_free(t->calls);
}

/* ---- messages ---- */

/* Room for one more of size bytes in a list that doubles. */
static void *
grown(void *list, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return list;
	*room = *room > 0 ? 2 * *room : 16;
	return mem_resize(list, *room * size);
}

static struct told_message *
open_message(struct turns *t)
{
	return &t->messages[t->message_count];
}

void
turns_begin(struct turns *t, enum speaker speaker)
{
	t->to_system =
	    speaker == SPEAKER_SYSTEM && (t->leading || t->late_system == LATE_SYSTEM_HOIST);
	if (speaker != SPEAKER_SYSTEM)
		t->leading = false;
	t->messages = grown(t->messages, t->message_count, &t->message_room, sizeof(*t->messages));
	*open_message(t) = (struct told_message){ .of_model = speaker == SPEAKER_MODEL,
		.may_be_blank = speaker == SPEAKER_USER,
		.first_part = t->part_count,
		.first_call = t->call_count };
}

void
turns_end(struct turns *t)
{
	const struct told_message *m = open_message(t);
	bool is_blank = m->parts == 0 && m->calls == 0;

	if (!t->to_system && (!is_blank || m->may_be_blank))
		t->message_count++;
}

static struct told_part *
add_part(struct turns *t, enum told_kind kind)
{
	struct told_part *p;

	t->parts = grown(t->parts, t->part_count, &t->part_room, sizeof(*t->parts));
	p = &t->parts[t->part_count++];
	*p = (struct told_part){ .kind = kind };
	open_message(t)->parts++;
	open_message(t)->spoken++;
	return p;
}

void
told_system(struct rope *parts, struct span escaped)
{
	if (escaped.len == 0)
		return;
	buf_add_text(&parts->text, rope_len(parts) > 0 ? ",{\"text\":\"" : "{\"text\":\"");
	rope_borrow(parts, escaped);
	buf_add_lit(&parts->text, "\"}");
}

void
turns_text(struct turns *t, struct span escaped)
{
	if (t->to_system)
		told_system(&t->system, escaped);
	else if (escaped.len > 0)
		add_part(t, TOLD_TEXT)->text = escaped;
}

void
turns_text_signed(struct turns *t, struct span escaped, struct span signature, bool thought)
{
	struct told_part *p;

	signature = turns_signature(t, signature);
	if (t->to_system || (signature.len == 0 && !thought)) {
		turns_text(t, escaped);
		return;
	}
	/* A signature may come on an empty text, behind everything else. */
	if (escaped.len == 0 && signature.len == 0)
		return;
	p = add_part(t, TOLD_TEXT);
	p->text = escaped;
	p->signature = signature;
	p->thought = thought;
}

static struct rope *
keep_rope(struct turns *t, const struct rope *rope)
{
	struct told_rope *kept = arena_alloc(t->arena, sizeof(*kept));

	kept->rope = ROPE_INIT;
	rope_append(&kept->rope, rope);
	kept->next = t->ropes;
	t->ropes = kept;
	return &kept->rope;
}

void
turns_media(struct turns *t, const struct rope *part_json)
{
	assert(!t->to_system);
	add_part(t, TOLD_MEDIA)->media = keep_rope(t, part_json);
}

void
turns_instruct(struct turns *t, struct span escaped)
{
	told_system(&t->instructed, escaped);
}

/* ---- calls and their results ---- */

/* The calls of one message that have one key; the newest message that has it counts. */
struct waiting {
	size_t message;
	struct told_call *next, *last; /* the one the next result goes to; the last of the chain */
};

static void
wait_for_result(struct turns *t, enum told_key key, struct span by, struct told_call *c)
{
	struct waiting *w;

	if (t->waiting[key] == NULL)
		t->waiting[key] = map_new();
	w = map_get(t->waiting[key], by);
	if (w == NULL) {
		w = arena_alloc(t->arena, sizeof(*w));
		map_put(t->waiting[key], by, w);
	} else if (w->message == t->message_count) {
		w->last->alike[key] = c;
		w->last = c;
		return;
	}
	*w = (struct waiting){ t->message_count, c, c };
}

static struct told_call *
find_waiting(struct turns *t, enum told_key key, struct span by)
{
	struct waiting *w = t->waiting[key] != NULL ? map_get(t->waiting[key], by) : NULL;

	if (w == NULL)
		return NULL;
	while (w->next->result != NULL && w->next->alike[key] != NULL)
		w->next = w->next->alike[key];
	return w->next;
}

void
turns_call(struct turns *t, const struct turn_call *told)
{
	struct told_call *c = arena_alloc(t->arena, sizeof(*c));
	struct told_message *m = open_message(t);
	struct span in_id;

	assert(m->of_model);
	c->id = told_id(told->id, &in_id);
	c->name = told->name;
	c->args = told->args;
	told_call_recall(t, c, in_id, told->signature, m->calls);
	t->calls = grown(t->calls, t->call_count, &t->call_room, sizeof(*t->calls));
	t->calls[t->call_count++] = c;
	m->calls++;
	wait_for_result(t, TOLD_ID, c->id, c);
	wait_for_result(t, TOLD_NAME, c->name, c);
}

/* Nobody will read what is fetched for a result that another one took the place of; its places
 * are left somewhere all the same. */
static void
abandon_media(struct turns *t, const struct rope *media)
{
	for (size_t i = 0; media != NULL && i < media->count; i++)
		if (media->insets[i].place != NULL)
			*media->insets[i].place = arena_alloc(t->arena, sizeof(struct span));
}

void
turns_result(struct turns *t, const struct turn_result *told)
{
	struct told_result *r = arena_alloc(t->arena, sizeof(*r));
	struct told_call *c;

	assert(!open_message(t)->of_model && !t->to_system);
	*r = (struct told_result){ .id = told_id(told->id, NULL),
		.name = told->name,
		.response = told->response,
		.text = told->text };
	if (told->media != NULL && rope_len(told->media) > 0)
		r->media = keep_rope(t, told->media);
	add_part(t, TOLD_RESULT)->result = r;
	if (r->id.len > 0 || r->name.len == 0)
		c = find_waiting(t, TOLD_ID, r->id);
	else
		c = find_waiting(t, TOLD_NAME, r->name);
	r->orphan = c == NULL;
	if (c == NULL)
		return;
	open_message(t)->spoken--;
	if (c->result != NULL)
		abandon_media(t, c->result->media);
	c->result = r;
}

size_t
turns_count(const struct turns *t)
{
	return t->message_count;
}

bool
turns_is_empty(const struct turns *t)
{
	return t->message_count == 0 && rope_len(&t->system) == 0;
}
