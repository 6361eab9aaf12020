/*
 * Records as the janitor handles them.  Owns the lists and changes that it fills.
 */
#include "proc/records.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/mem.h"

#define GROW_TRIES 64 /* of one commit on a map that doubles each time */

/* Clients. */

struct loading {
	struct client_list *list;
	size_t room;
	size_t broken;
};

static bool
load_one(void *ctx, struct span key, struct span value)
{
	struct loading *l = ctx;
	struct client_list *list = l->list;

	if (list->count == l->room) {
		l->room = l->room ? l->room * 2 : 16;
		list->items = mem_resize(list->items, l->room * sizeof(*list->items));
	}
	if (client_decode(key, value, &list->items[list->count]))
		list->count++;
	else
		l->broken++;
	return true;
}

static int
by_creation(const void *left, const void *right)
{
	const struct client *a = left, *b = right;

	if (a->created_wall_ms != b->created_wall_ms)
		return a->created_wall_ms < b->created_wall_ms ? -1 : 1;
	return strcmp(a->id, b->id);
}

bool
client_list_load(struct client_list *list, struct store *store, struct err *e)
{
	struct loading l = { .list = list };

	*list = (struct client_list){ NULL, 0 };
	struct txn t = store_read(store);

	store_each(&t, TABLE_CLIENT, load_one, &l);
	if (!store_end(&t, e)) {
		client_list_fini(list);
		return false;
	}
	if (l.broken)
		log_error("control", "records of clients cannot be read", "count=%zu", l.broken);
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), by_creation);
	return true;
}

void
client_list_fini(struct client_list *list)
{
	mem_free(list->items);
	*list = (struct client_list){ NULL, 0 };
}

struct client *
client_list_find(const struct client_list *list, struct span id_or_label)
{
	for (size_t i = 0; i < list->count; i++)
		if (span_is(id_or_label, list->items[i].id))
			return &list->items[i];
	for (size_t i = 0; i < list->count; i++)
		if (span_is(id_or_label, list->items[i].label))
			return &list->items[i];
	return NULL;
}

void
client_make(struct client *c, const struct seal *seal, struct span key, const char *label,
    enum client_source source, int64_t now_wall_ms)
{
	unsigned char random[CLIENT_ID_LEN / 2];

	*c = (struct client){ .source = source, .enabled = true, .created_wall_ms = now_wall_ms };
	randombytes_buf(random, sizeof(random));
	text_hex(c->id, random, sizeof(random));
	snprintf(c->label, sizeof(c->label), "%s", label);
	client_hash(seal, key, c->hash);
}

/* Labels. */

void
label_make(char *out, size_t size, const char *prefix, size_t *next,
    bool (*is_taken)(void *ctx, struct span label), void *ctx)
{
	do
		snprintf(out, size, "%s-%zu", prefix, (*next)++);
	while (is_taken(ctx, span_of(out)));
}

bool
credential_label_is_taken(void *set, struct span label)
{
	return credential_set_find(set, label) != NULL;
}

bool
client_label_is_taken(void *list, struct span label)
{
	return client_list_find(list, label) != NULL;
}

/* Changes. */

static void
add(struct changes *c, enum table table, struct span key, struct span value)
{
	struct write_op op = { .table = table, .key = { mem_dup_span(key), key.len } };

	if (value.p)
		op.value = (struct span){ mem_dup_span(value), value.len };
	if (c->count == c->room) {
		c->room = c->room ? c->room * 2 : 4;
		c->ops = mem_resize(c->ops, c->room * sizeof(*c->ops));
	}
	c->ops[c->count++] = op;
}

void
changes_put_credential(struct changes *c, const struct credential *cred)
{
	struct buf record = BUF_INIT;

	buf_reserve(&record, 1024);
	credential_encode(cred, &record);
	add(c, TABLE_CREDENTIAL, span_of(cred->id), buf_span(&record));
	buf_wipe(&record);
}

void
changes_erase_credential(struct changes *c, const struct credential *cred)
{
	add(c, TABLE_CREDENTIAL, span_of(cred->id), SPAN_NONE);
}

void
changes_put_client(struct changes *c, const struct client *client)
{
	struct span hash = span_mem(client->hash, sizeof(client->hash));
	struct buf record = BUF_INIT;

	client_encode(client, &record);
	add(c, TABLE_CLIENT, hash, buf_span(&record));
	add(c, TABLE_CLIENT_ID, span_of(client->id), hash);
	buf_fini(&record);
}

void
changes_erase_client(struct changes *c, const struct client *client)
{
	add(c, TABLE_CLIENT, span_mem(client->hash, sizeof(client->hash)), SPAN_NONE);
	add(c, TABLE_CLIENT_ID, span_of(client->id), SPAN_NONE);
}

static void
forget(struct span s)
{
	/* mem_dup_span made it: it is ours to write to. */
	char *own = (char *)(uintptr_t)s.p;

	if (own)
		mem_wipe(own, s.len);
	mem_free(own);
}

void
changes_fini(struct changes *c)
{
	for (size_t i = 0; i < c->count; i++) {
		forget(c->ops[i].key);
		forget(c->ops[i].value);
	}
	mem_free(c->ops);
	*c = CHANGES_INIT;
}

static bool
commit_once(const struct changes *c, struct store *store, struct err *e)
{
	struct txn t = store_write(store);

	for (size_t i = 0; i < c->count; i++) {
		const struct write_op *op = &c->ops[i];

		if (op->value.p)
			store_put(&t, op->table, op->key, op->value);
		else
			store_erase(&t, op->table, op->key);
	}
	return store_end(&t, e);
}

bool
changes_commit(const struct changes *c, struct store *store, struct board *board, struct err *e)
{
	bool ok = c->count == 0 || commit_once(c, store, e);

	for (int i = 0; !ok && e->kind == ERR_FULL && e->retry_ms == 1 && i < GROW_TRIES; i++)
		ok = commit_once(c, store, e);
	for (size_t i = 0; ok && i < c->count; i++)
		if (table_generation(c->ops[i].table) >= 0)
			board_bump(board, (enum board_generation)table_generation(c->ops[i].table));
	return ok;
}
