/*
 * The keys for words: see control_set.h.  Runs in the janitor.  A walk owns the keys as they were
 * when it began, and belongs to its ask.
 */
#include "proc/control_set.h"

#include "base/mem.h"
#include "proc/control.h"

#define TURN_MS      4  /* of one turn of the loop */
#define KEYS_AT_ONCE 32 /* before the clock is looked at */

bool
control_set_load(struct control_ask *a, struct credential_set *set)
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
control_set_find(struct control_ask *a, const struct credential_set *set, struct span named)
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

/* Walking. */

struct walk {
	struct control_ask *ask; /* borrowed: it owns this */
	struct credential_set set;
	size_t at;
	struct timer timer;
	struct control_set_walk how;
	void *ctx; /* owned: dropped by how.drop */
};

static void
walk_free(void *state)
{
	struct walk *w = state;

	loop_untimer(control_of(w->ask)->loop, &w->timer);
	credential_set_fini(&w->set);
	w->how.drop(w->ctx);
	mem_free(w);
}

static void
go_on(void *ctx)
{
	struct walk *w = ctx;
	struct control *c = control_of(w->ask);
	int64_t until_ms = loop_clock_ms() + TURN_MS;
	struct key_scene scene;

	key_scene_init(&scene, c->board, c->birth->config, loop_clock_moment());
	while (w->at < w->set.count) {
		w->how.key(w->ctx, &scene, &w->set.items[w->at++]);
		if (w->at % KEYS_AT_ONCE == 0 && loop_clock_ms() >= until_ms)
			break;
	}
	key_scene_fini(&scene);
	if (w->at < w->set.count)
		loop_timer(c->loop, &w->timer, 0, go_on, w);
	else
		w->how.end(w->ctx, w->ask);
}

void
control_set_walk(struct control_ask *a, const struct control_set_walk *how, void *ctx_take)
{
	struct walk *w = mem_alloc(sizeof(*w));

	*w = (struct walk){ .ask = a, .how = *how, .ctx = ctx_take };
	control_keep_take(a, w, walk_free);
	if (control_set_load(a, &w->set))
		go_on(w);
}
