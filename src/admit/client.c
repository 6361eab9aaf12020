/*
 * Client keys.  Workers look them up, the janitor writes them.  The key itself is shown once,
 * when it is made, and is nowhere kept.
 */
#include "admit/client.h"

#include <ctype.h>
#include <sodium.h>
#include "base/mem.h"

/* Tags of the record; never given a second meaning. */
enum { TAG_ID = 1, TAG_LABEL = 2, TAG_SOURCE = 3, TAG_ENABLED = 4, TAG_CREATED = 5 };

#define KEY_RANDOM_BYTES 24
#define KEY_MIN          16
#define KEY_MAX          256

static struct span
bearer_of(struct span authorization)
{
	struct span s = span_trim(authorization);

	if (s.len < 7 || !span_is_nocase((struct span){ s.p, 6 }, "bearer") ||
	    (s.p[6] != ' ' && s.p[6] != '\t'))
		return SPAN_NONE;
	return span_trim((struct span){ s.p + 7, s.len - 7 });
}

struct span
client_presented(struct span authorization, struct span goog, struct span x_api_key,
    struct span query, struct arena *arena)
{
	struct span bearer = bearer_of(authorization);
	struct span raw;

	if (bearer.len)
		return bearer;
	if (goog.len)
		return span_trim(goog);
	if (x_api_key.len)
		return span_trim(x_api_key);
	if (!text_query_get(query, "key", &raw) || raw.len == 0)
		return SPAN_NONE;
	struct buf plain = BUF_INIT;

	text_percent_decode(&plain, raw, true);
	struct span kept = arena_span(arena, buf_span(&plain));

	buf_wipe(&plain);
	return kept;
}

void
client_hash(const struct seal *seal, struct span key, unsigned char out[SEAL_HASH_BYTES])
{
	seal_hash(seal, "client__", key, out);
}

bool
client_identify(struct store *store, const struct seal *seal, struct span key, struct client *out,
    struct err *e)
{
	unsigned char hash[SEAL_HASH_BYTES];
	struct span hash_span = { (const char *)hash, sizeof(hash) };

	client_hash(seal, key, hash);
	struct txn t = store_read(store);
	struct span record = store_get(&t, TABLE_CLIENT, hash_span);
	bool found = record.p && client_decode(hash_span, record, out);

	if (!store_end(&t, e))
		return false;
	if (!found)
		return err_set(e, ERR_UNAUTHORIZED, "this client key is not known here");
	if (!out->enabled)
		return err_set(e, ERR_UNAUTHORIZED, "this client key is disabled");
	return true;
}

void
client_make_key(struct buf *out)
{
	unsigned char random[KEY_RANDOM_BYTES];
	char text[KEY_RANDOM_BYTES * 2];

	randombytes_buf(random, sizeof(random));
	sodium_bin2base64(
	    text, sizeof(text), random, sizeof(random), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_add_text(out, CLIENT_KEY_PREFIX);
	buf_add_text(out, text);
	mem_wipe(random, sizeof(random));
	mem_wipe(text, sizeof(text));
}

bool
client_check_key(struct span key, struct err *e)
{
	if (key.len < KEY_MIN || key.len > KEY_MAX)
		return err_field(e, "key", "a client key has %d to %d characters, this one %zu",
		    KEY_MIN, KEY_MAX, key.len);
	for (size_t i = 0; i < key.len; i++)
		if (key.p[i] < 0x21 || key.p[i] > 0x7e || key.p[i] == ',')
			return err_field(e, "key",
			    "a client key is made of printable characters without blanks and "
			    "commas");
	return true;
}

void
client_encode(const struct client *c, struct buf *record)
{
	record_put_text(record, TAG_ID, span_of(c->id));
	record_put_text(record, TAG_LABEL, span_of(c->label));
	record_put_int(record, TAG_SOURCE, c->source);
	record_put_int(record, TAG_ENABLED, c->enabled);
	record_put_int(record, TAG_CREATED, c->created_wall_ms);
}

static bool
keep_text(char *out, size_t size, struct span value)
{
	if (value.len >= size)
		return false;
	memcpy(out, value.p, value.len);
	out[value.len] = '\0';
	return true;
}

static bool
decode_field(struct client *c, unsigned tag, struct span value)
{
	int64_t number = 0;

	switch (tag) {
	case TAG_ID:
		return keep_text(c->id, sizeof(c->id), value);
	case TAG_LABEL:
		return keep_text(c->label, sizeof(c->label), value);
	case TAG_SOURCE:
		if (!record_int(value, &number) || number < 0 || number > CLIENT_FROM_FIRST_RUN)
			return false;
		c->source = (enum client_source)number;
		return true;
	case TAG_ENABLED:
		if (!record_int(value, &number))
			return false;
		c->enabled = number != 0;
		return true;
	case TAG_CREATED:
		return record_int(value, &c->created_wall_ms);
	default:
		return true; /* of a newer binary */
	}
}

bool
client_decode(struct span hash, struct span raw, struct client *out)
{
	struct client c = { .enabled = false };
	struct record r;
	struct span value;
	unsigned tag;

	if (hash.len != SEAL_HASH_BYTES)
		return false;
	memcpy(c.hash, hash.p, hash.len);
	record_begin(&r, raw);
	while (record_next(&r, &tag, &value))
		if (!decode_field(&c, tag, value))
			return false;
	if (r.broken || c.id[0] == '\0')
		return false;
	*out = c;
	return true;
}
