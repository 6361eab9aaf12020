/*
 * Loaded credentials: see inventory.h.
 */
#include "upstream/inventory.h"

#include <assert.h>
#include "base/log.h"
#include "base/mem.h"

#define UNREAD_PAUSE_MS 1000 /* before a store that could not be read is read again */

static void
snapshot_free(struct pool_snapshot *s)
{
	if (s->leases > 0 || s->current)
		return;
	choice_free(&s->choice);
	credential_set_fini(&s->set);
	mem_free(s->items);
	mem_free(s);
}

void
inventory_release(struct pool_snapshot *s)
{
	assert(s->leases > 0);
	s->leases--;
	snapshot_free(s);
}

static void
retire(struct inventory *v)
{
	if (!v->now)
		return;
	v->now->current = false;
	snapshot_free(v->now);
	v->now = NULL;
}

static struct choosable
choosable_of(const struct inventory *v, const struct credential *c)
{
	int subject = board_subject(v->board, c->board_key, true);
	int scope = c->project[0] == '\0' ? subject
					  : board_subject(v->board, credential_scope_key(c), true);
	bool keys_later = v->config->pool_accounts_first && c->kind == CREDENTIAL_KEY;

	return (struct choosable){ .key = c->board_key,
		.subject = scope < 0 ? -1 : subject,
		.scope = scope,
		.tier = keys_later ? 1 : 0,
		.enabled = c->enabled };
}

static void
take_over(struct inventory *v, struct pool_snapshot *s)
{
	s->items = mem_array(s->set.count + 1, sizeof(*s->items));
	for (size_t i = 0; i < s->set.count; i++) {
		s->items[i] = choosable_of(v, &s->set.items[i]);
		s->enabled += s->items[i].enabled;
	}
	s->choice = choice_new(v->board, s->items, (uint32_t)s->set.count);
	s->current = true;
	retire(v);
	v->now = s;
}

static bool
was_loaded_just_now(const struct inventory *v, struct moment now)
{
	int64_t least_ms = v->now ? (int64_t)(v->now->set.count / INVENTORY_A_MS) : 0;

	return now.ms - v->loaded_ms < least_ms;
}

void
inventory_refresh(struct inventory *v, struct moment now)
{
	uint64_t generation = board_generation(v->board, BOARD_GEN_CREDENTIALS);
	struct err e = ERR_INIT;

	if (v->now && v->now->set.generation == generation)
		return;
	if (was_loaded_just_now(v, now))
		return;
	if (v->unread_generation == generation && now.ms < v->unread_until_ms)
		return;
	struct pool_snapshot *s = mem_alloc(sizeof(*s));

	if (credential_set_load(&s->set, v->store, generation, &e)) {
		take_over(v, s);
		v->loaded_ms = now.ms;
		return;
	}
	log_error("pool", "credentials cannot be loaded", "error=%s", e.text);
	v->unread_generation = generation;
	v->unread_until_ms = now.ms + UNREAD_PAUSE_MS;
	mem_free(s);
}

void
inventory_init(
    struct inventory *v, struct store *store, struct board *board, const struct config *config)
{
	*v = (struct inventory){ .store = store, .board = board, .config = config };
	inventory_refresh(v, (struct moment){ 0, 0 }); /* no request should have to wait for it */
}

void
inventory_fini(struct inventory *v)
{
	retire(v);
}

uint32_t
inventory_find(const struct inventory *v, struct span id)
{
	const struct credential *c = v->now ? map_get(v->now->set.by_id, id) : NULL;

	return c ? (uint32_t)(c - v->now->set.items) : CHOICE_NONE;
}

void
inventory_disable(struct inventory *v, uint32_t i)
{
	assert(v->now && i < v->now->set.count);
	if (!v->now->items[i].enabled)
		return;
	v->now->items[i].enabled = false;
	v->now->set.items[i].enabled = false;
	v->now->enabled--;
}
