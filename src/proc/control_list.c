/*
 * The words "keys list" and "keys show".  Runs in the janitor; changes nothing.
 */
#include "proc/control_words.h"

#include "base/json.h"
#include "base/mem.h"
#include "gemini/model.h"
#include "proc/control.h"
#include "proc/control_set.h"
#include "proc/key_shown.h"

/* keys list: as text from the first key on, so that no tree of thousands is made and freed. */

struct listing {
	struct buf answer;
	size_t count;
};

static void
list_key(void *ctx, const struct key_scene *s, const struct credential *c)
{
	struct listing *l = ctx;
	json_t *key = key_in_short(s, c);

	buf_add_text(&l->answer, l->count++ ? "," : "");
	json_print(&l->answer, key);
	json_decref(key);
}

static void
answer_list(void *ctx, struct control_ask *a)
{
	struct listing *l = ctx;

	buf_add_lit(&l->answer, "]}");
	control_answer_text(a, buf_span(&l->answer));
}

static void
listing_free(void *ctx)
{
	struct listing *l = ctx;

	buf_fini(&l->answer);
	mem_free(l);
}

void
control_keys_list(struct control_ask *a)
{
	static const struct control_set_walk walk = { list_key, answer_list, listing_free };
	struct listing *l = mem_alloc(sizeof(*l));

	*l = (struct listing){ .answer = BUF_INIT };
	buf_add_lit(&l->answer, "{\"ok\":true,\"keys\":[");
	control_set_walk(a, &walk, l);
}

/* keys show. */

/* The board's number of the model that is meant, by its name in the configuration or upstream's
 * own; BOARD_WHOLE: all of them, -1: one that nothing is known of. */
static int
model_meant(const struct control_ask *a)
{
	const struct control *c = control_of(a);
	const char *said = control_option(a, "model");

	if (!said)
		return BOARD_WHOLE;
	struct span bare = model_bare(span_of(said));
	const struct config_model *m = config_model_find(c->birth->config, bare);

	return board_model(c->board, m && m->alias[0] ? span_of(m->alias) : bare, false);
}

static void
show(struct control_ask *a, const struct credential *cred)
{
	const struct control *c = control_of(a);
	struct key_scene scene;

	key_scene_init(&scene, c->board, c->birth->config, loop_moment(c->loop));
	control_answer_take(a, key_in_full(&scene, cred, model_meant(a)));
	key_scene_fini(&scene);
}

void
control_keys_show(struct control_ask *a)
{
	struct credential_set set;
	const struct credential *cred;

	if (!control_set_load(a, &set))
		return;
	cred = control_set_find(a, &set, control_argument(a, 0));
	if (cred)
		show(a, cred);
	credential_set_fini(&set);
}
