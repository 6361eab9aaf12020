/*
 * Credentials as records.  The janitor writes them, workers load them.  A set owns its
 * credentials and wipes their secrets when it goes.
 */
#include "upstream/credential.h"

#include <ctype.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/mem.h"

/* Tags of the record; never given a second meaning. */
enum {
	TAG_LABEL = 1,
	TAG_SECRET = 2,
	TAG_PROJECT = 3,
	TAG_NOTE = 4,
	TAG_SOURCE = 5,
	TAG_ENABLED = 6,
	TAG_CREATED = 7,
	TAG_KIND = 8
};

#define SECRET_MIN 8
#define SECRET_MAX 512

bool
credential_check_secret(struct span pasted, struct span *clean, struct err *e)
{
	struct span s = span_trim(pasted);

	if (s.len == 0)
		return err_field(e, "key", "the key is empty");
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\'' || c == '`')
			return err_field(e, "key",
			    "the key has a quotation mark in it (at character %zu): paste it "
			    "without",
			    i + 1);
		if (isspace(c))
			return err_field(
			    e, "key", "the key has white space in it (at character %zu)", i + 1);
		if (c < 0x21 || c > 0x7e || c == ',')
			return err_field(e, "key",
			    "the key has a character in it that no key has (at character %zu)",
			    i + 1);
	}
	if (s.len < SECRET_MIN || s.len > SECRET_MAX)
		return err_field(e, "key", "the key has %zu characters; %d to %d are possible",
		    s.len, SECRET_MIN, SECRET_MAX);
	*clean = s;
	return true;
}

void
credential_make_id(struct span secret, const struct seal *seal, char id[CREDENTIAL_ID_LEN + 1])
{
	unsigned char hash[SEAL_HASH_BYTES];

	seal_hash(seal, "credid__", secret, hash);
	text_hex(id, hash, CREDENTIAL_ID_LEN / 2);
}

void
credential_encode(const struct credential *c, struct buf *record)
{
	record_put_text(record, TAG_LABEL, span_of(c->label));
	record_put_text(record, TAG_SECRET, span_of(c->secret));
	record_put_text(record, TAG_PROJECT, span_of(c->project));
	record_put_text(record, TAG_NOTE, span_of(c->note));
	record_put_int(record, TAG_SOURCE, c->source);
	record_put_int(record, TAG_ENABLED, c->enabled);
	record_put_int(record, TAG_CREATED, c->created_wall_ms);
	record_put_int(record, TAG_KIND, c->kind);
}

static void
keep_text(char **member, struct span value)
{
	mem_free(*member);
	*member = mem_dup_span(value);
}

static bool
decode_field(struct credential *c, unsigned tag, struct span value)
{
	int64_t number = 0;

	switch (tag) {
	case TAG_LABEL:
		keep_text(&c->label, value);
		return true;
	case TAG_SECRET:
		keep_text(&c->secret, value);
		return true;
	case TAG_PROJECT:
		keep_text(&c->project, value);
		return true;
	case TAG_NOTE:
		keep_text(&c->note, value);
		return true;
	case TAG_SOURCE:
		if (!record_int(value, &number))
			return false;
		c->source = number == CREDENTIAL_FROM_ENVIRONMENT ? CREDENTIAL_FROM_ENVIRONMENT
								  : CREDENTIAL_FROM_OPERATOR;
		return true;
	case TAG_ENABLED:
		if (!record_int(value, &number))
			return false;
		c->enabled = number != 0;
		return true;
	case TAG_CREATED:
		return record_int(value, &c->created_wall_ms);
	case TAG_KIND:
		if (!record_int(value, &number))
			return false;
		c->kind = number == CREDENTIAL_ACCOUNT ? CREDENTIAL_ACCOUNT : CREDENTIAL_KEY;
		return true;
	default:
		return true; /* of a newer binary */
	}
}

static uint64_t
board_key_of(const char *id)
{
	uint64_t key = strtoull(id, NULL, 16);

	return key ? key : 1;
}

bool
credential_decode(struct span id, struct span raw, struct credential *out)
{
	struct credential c = { .label = mem_dup(""),
		.secret = mem_dup(""),
		.project = mem_dup(""),
		.note = mem_dup("") };
	struct record r;
	struct span value;
	unsigned tag;
	bool ok = id.len == CREDENTIAL_ID_LEN;

	record_begin(&r, raw);
	while (ok && record_next(&r, &tag, &value))
		ok = decode_field(&c, tag, value);
	if (!ok || r.broken || c.secret[0] == '\0') {
		credential_fini(&c);
		return false;
	}
	memcpy(c.id, id.p, CREDENTIAL_ID_LEN);
	c.board_key = board_key_of(c.id);
	*out = c;
	return true;
}

/* The board outlives this process, so the hash must not change from start to start: FNV-1a.  What
 * stands before the name keeps projects apart from ids. */
uint64_t
credential_scope_key(const struct credential *c)
{
	static const char mark[] = "project:";
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	if (c->project[0] == '\0')
		return c->board_key;
	for (const char *p = mark; *p; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	for (const char *p = c->project; *p; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	h ^= h >> 29;
	return h ? h : 1;
}

void
credential_fini(struct credential *c)
{
	if (c->secret)
		mem_wipe(c->secret, strlen(c->secret));
	mem_free(c->secret);
	mem_free(c->label);
	mem_free(c->project);
	mem_free(c->note);
	*c = (struct credential){ 0 };
}

void
credential_hint(const struct credential *c, struct buf *out)
{
	size_t len = strlen(c->secret);

	if (len < 20) {
		buf_add_lit(out, "...");
		return;
	}
	buf_add(out, c->secret, 4);
	buf_add_lit(out, "...");
	buf_add(out, c->secret + len - 4, 4);
}

struct loading {
	struct credential_set *set;
	size_t capacity;
	size_t broken;
};

static bool
load_one(void *ctx, struct span key, struct span value)
{
	struct loading *l = ctx;

	if (l->set->count == l->capacity) {
		l->capacity = l->capacity ? l->capacity * 2 : 16;
		l->set->items = mem_resize(l->set->items, l->capacity * sizeof(*l->set->items));
	}
	if (credential_decode(key, value, &l->set->items[l->set->count]))
		l->set->count++;
	else
		l->broken++;
	return true;
}

static int
by_creation(const void *left, const void *right)
{
	const struct credential *a = left, *b = right;

	if (a->created_wall_ms != b->created_wall_ms)
		return a->created_wall_ms < b->created_wall_ms ? -1 : 1;
	return strcmp(a->id, b->id);
}

bool
credential_set_load(
    struct credential_set *set, struct store *store, uint64_t generation, struct err *e)
{
	struct loading l = { .set = set };

	*set = (struct credential_set){ .generation = generation };
	struct txn t = store_read(store);

	store_each(&t, TABLE_CREDENTIAL, load_one, &l);
	if (!store_end(&t, e)) {
		credential_set_fini(set);
		return false;
	}
	if (l.broken)
		log_error("pool", "records of credentials cannot be read", "count=%zu", l.broken);
	if (set->count)
		qsort(set->items, set->count, sizeof(*set->items), by_creation);
	set->by_id = map_new();
	for (size_t i = 0; i < set->count; i++)
		map_put(set->by_id, span_of(set->items[i].id), &set->items[i]);
	return true;
}

void
credential_set_fini(struct credential_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		credential_fini(&set->items[i]);
	mem_free(set->items);
	map_free(&set->by_id);
	*set = (struct credential_set){ 0 };
}

struct credential *
credential_set_find(const struct credential_set *set, struct span id_or_label)
{
	struct credential *found = set->by_id ? map_get(set->by_id, id_or_label) : NULL;

	for (size_t i = 0; !found && i < set->count; i++)
		if (span_is(id_or_label, set->items[i].label))
			found = &set->items[i];
	return found;
}
