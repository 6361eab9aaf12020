/*
 * How a prompt begins: see prefix.h.  Pure, runs in workers, owns nothing.
 *
 * Each value has a hash of its own.  That of an object is made of the sum of its members', which
 * has no order; that of an array of its items', one behind the other.
 */
#include "gemini/prefix.h"

#include <endian.h>
#include <string.h>
#include "gemini/outline.h"

/* Odd numbers without a pattern: the golden ratio's digits, those of pi and of e, in base 2. */
#define MIX_A UINT64_C(0x9E3779B97F4A7C15)
#define MIX_B UINT64_C(0x243F6A8885A308D3)
#define MIX_C UINT64_C(0xB7E151628AED2A6B)

/* So that a word, a text and an object of the same bytes are not the same. */
enum kind { KIND_TEXT = 1, KIND_WORD, KIND_MEMBER, KIND_OBJECT, KIND_ARRAY, KIND_WHOLE };

/* ---- hashing ---- */

static inline uint64_t
turn(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

/* One word into a running hash. */
static inline uint64_t
stir(uint64_t h, uint64_t word)
{
	return turn(h ^ word * MIX_A, 29) * MIX_B;
}

/* Every bit of the result hangs on every bit that went in. */
static inline uint64_t
settle(uint64_t h)
{
	h ^= h >> 31;
	h *= MIX_C;
	h ^= h >> 29;
	h *= MIX_A;
	return h ^ h >> 32;
}

static inline uint64_t
word_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

/* Bytes on their way into a hash; where they are cut makes no difference. */
struct stirring {
	uint64_t h;
	char rest[8]; /* fewer than that are waiting for more; zeros behind them */
	size_t waiting;
};

static void
stir_bytes(struct stirring *s, struct span part)
{
	if (s->waiting > 0) {
		size_t room = sizeof(s->rest) - s->waiting;
		size_t n = part.len < room ? part.len : room;

		memcpy(s->rest + s->waiting, part.p, n);
		s->waiting += n;
		part = span_mem(part.p + n, part.len - n);
		if (s->waiting < sizeof(s->rest))
			return;
		s->h = stir(s->h, word_at(s->rest));
	}
	for (; part.len >= 8; part = span_mem(part.p + 8, part.len - 8))
		s->h = stir(s->h, word_at(part.p));
	memset(s->rest, 0, sizeof(s->rest));
	for (size_t i = 0; i < part.len; i++)
		s->rest[i] = part.p[i];
	s->waiting = part.len;
}

static uint64_t
stir_end(const struct stirring *s, size_t len)
{
	return settle(stir(stir(s->h, word_at(s->rest)), len));
}

static uint64_t
hash_bytes(enum kind kind, struct span bytes)
{
	struct stirring s = { .h = kind };

	if (bytes.len > 0)
		stir_bytes(&s, bytes);
	return stir_end(&s, bytes.len);
}

static uint64_t
hash_text(enum kind kind, struct outline_text text)
{
	struct stirring s = { .h = kind };
	size_t len = text.len;

	if (text.len > PREFIX_TEXT_MAX)
		text.len = PREFIX_TEXT_MAX;
	for (struct span part; (part = outline_text_cut(&text)).len > 0;)
		stir_bytes(&s, part);
	return stir_end(&s, len);
}

/* ---- values ---- */

static bool hash_value(struct outline *o, enum outline_token t, uint64_t *out);

/* Of a name longer than all of Google's, as it is written. */
static uint64_t
hash_key(const struct outline *o)
{
	struct span key = outline_key(o);

	return key.len > 0 ? hash_bytes(KIND_TEXT, key) : hash_text(KIND_TEXT, o->text);
}

static uint64_t
member(uint64_t key, uint64_t value)
{
	return settle(stir(stir(KIND_MEMBER, key), value));
}

static bool
hash_object(struct outline *o, uint64_t *out)
{
	uint64_t sum = 0, value;
	enum outline_token t;

	while ((t = outline_next(o)) == OUTLINE_KEY) {
		uint64_t key = hash_key(o);

		if (!hash_value(o, outline_next(o), &value))
			return false;
		sum += member(key, value);
	}
	*out = settle(stir(KIND_OBJECT, sum));
	return t == OUTLINE_CLOSE;
}

static bool
hash_array(struct outline *o, uint64_t *out)
{
	uint64_t h = KIND_ARRAY, value;
	enum outline_token t;

	while ((t = outline_next(o)) != OUTLINE_CLOSE) {
		if (!hash_value(o, t, &value))
			return false;
		h = stir(h, value);
	}
	*out = settle(h);
	return true;
}

/* Of the value whose first token was just read; no deeper than an outline goes. */
static bool
hash_value(struct outline *o, enum outline_token t, uint64_t *out)
{
	switch (t) {
	case OUTLINE_STRING:
		*out = hash_text(KIND_TEXT, o->text);
		return true;
	case OUTLINE_WORD:
		*out = hash_text(KIND_WORD, o->text);
		return true;
	case OUTLINE_OBJECT:
		return hash_object(o, out);
	case OUTLINE_ARRAY:
		return hash_array(o, out);
	default:
		return false;
	}
}

/* ---- the beginning ---- */

struct beginning {
	uint64_t system, tools, cached, turns; /* 0: the body has none */
	bool has_user;
};

/* A turn, as any object; *is_user: whose it is. */
static bool
hash_turn(struct outline *o, uint64_t *out, bool *is_user)
{
	uint64_t sum = 0, value;
	enum outline_token t;

	*is_user = true;
	while ((t = outline_next(o)) == OUTLINE_KEY) {
		bool is_role = span_is(outline_key(o), "role");
		uint64_t key = hash_key(o);

		t = outline_next(o);
		if (is_role && t == OUTLINE_STRING && o->text.len > 0)
			*is_user = outline_text_is(o->text, "user");
		if (!hash_value(o, t, &value))
			return false;
		sum += member(key, value);
	}
	*out = settle(stir(KIND_OBJECT, sum));
	return t == OUTLINE_CLOSE;
}

/* Turns up to the first one of the user's; the rest is not looked at. */
static bool
hash_turns(struct outline *o, struct beginning *b)
{
	uint64_t h = KIND_ARRAY, value;
	enum outline_token t;

	if (outline_next(o) != OUTLINE_ARRAY)
		return false;
	b->has_user = false; /* of a name that stands there twice the last counts */
	while (!b->has_user) {
		t = outline_next(o);
		if (t == OUTLINE_CLOSE)
			return true;
		if (t != OUTLINE_OBJECT || !hash_turn(o, &value, &b->has_user))
			return false;
		h = stir(h, value);
	}
	b->turns = settle(h);
	return outline_leave(o);
}

/* The member whose key was just read. */
static bool
hash_member(struct outline *o, struct beginning *b)
{
	struct span key = outline_key(o);

	if (span_is(key, "contents"))
		return hash_turns(o, b);
	if (span_is(key, "systemInstruction"))
		return hash_value(o, outline_next(o), &b->system);
	if (span_is(key, "tools"))
		return hash_value(o, outline_next(o), &b->tools);
	if (span_is(key, "cachedContent"))
		return hash_value(o, outline_next(o), &b->cached);
	return outline_skip(o);
}

static bool
hash_body(struct outline *o, struct beginning *b)
{
	enum outline_token t;

	if (outline_next(o) != OUTLINE_OBJECT)
		return false;
	while ((t = outline_next(o)) == OUTLINE_KEY)
		if (!hash_member(o, b))
			return false;
	return t == OUTLINE_CLOSE && outline_next(o) == OUTLINE_DONE && b->has_user;
}

static uint64_t
never_zero(uint64_t h)
{
	return h != 0 ? h : 1;
}

uint64_t
prefix_hash(struct span model, const struct body *body)
{
	struct beginning b = { 0 };
	struct outline o;
	uint64_t h = stir(KIND_WHOLE, PREFIX_VERSION);

	if (body_len(body) < PREFIX_BODY_MIN)
		return 0;
	outline_init(&o, body);
	if (!hash_body(&o, &b))
		return 0;
	h = stir(h, hash_bytes(KIND_TEXT, model));
	h = stir(stir(stir(stir(h, b.system), b.tools), b.cached), b.turns);
	return never_zero(settle(h));
}

uint64_t
prefix_hash_text(struct span text)
{
	return never_zero(hash_bytes(KIND_TEXT, text));
}
