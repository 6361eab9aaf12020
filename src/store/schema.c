/*
 * Tables and records.  Runs in the janitor, which writes records, and in workers, which read
 * them; owns the encoding and nothing else.
 *
 * The encoding is the simplest that can grow: a reader meets fields in any order, skips tags
 * it does not know, and says "broken" rather than reading past an end.
 */
#include "store/schema.h"

#include <assert.h>
#include "ipc/board.h"

#define VARINT_MAX 10 /* bytes of the longest: 64 bits, seven in each */

/* ---- tables ---- */

enum { TABLE_SEALED_PLAIN = 0, TABLE_SEALED_SEALED = 1 };

#define GENERATION_NONE        (-1)
#define GENERATION_CREDENTIALS BOARD_GEN_CREDENTIALS
#define GENERATION_MODELS      BOARD_GEN_MODELS
#define GENERATION_CLIENTS     BOARD_GEN_CLIENTS

static const struct {
	const char *name;
	bool sealed;
	int generation;
} tables[TABLE_COUNT] = {
#define TABLE(name, text, sealed, generation, help)                                                \
	[TABLE_##name] = { text, TABLE_SEALED_##sealed, GENERATION_##generation },
#include "store/schema.def"
#undef TABLE
};

const char *
table_name(enum table t)
{
	assert(t < TABLE_COUNT);
	return tables[t].name;
}

bool
table_find(struct span name, enum table *out)
{
	for (int t = 0; t < TABLE_COUNT; t++) {
		if (!span_is(name, tables[t].name))
			continue;
		*out = (enum table)t;
		return true;
	}
	return false;
}

bool
table_is_sealed(enum table t)
{
	assert(t < TABLE_COUNT);
	return tables[t].sealed;
}

int
table_generation(enum table t)
{
	assert(t < TABLE_COUNT);
	return tables[t].generation;
}

/* ---- writing records ---- */

static size_t
varint_make(char out[VARINT_MAX], uint64_t n)
{
	size_t len = 0;

	for (; n >= 0x80; n >>= 7)
		out[len++] = (char)(n | 0x80);
	out[len++] = (char)n;
	return len;
}

static void
put_varint(struct buf *b, uint64_t n)
{
	char bytes[VARINT_MAX];

	buf_add(b, bytes, varint_make(bytes, n));
}

void
record_put_text(struct buf *b, unsigned tag, struct span value)
{
	put_varint(b, tag);
	put_varint(b, value.len);
	buf_add_span(b, value);
}

void
record_put_int(struct buf *b, unsigned tag, int64_t value)
{
	char bytes[VARINT_MAX];
	/* Zigzag: small numbers of either sign stay short. */
	uint64_t zigzag = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);

	record_put_text(b, tag, span_mem(bytes, varint_make(bytes, zigzag)));
}

/* ---- reading them ---- */

/* Takes one varint off the front; false when it does not end or does not fit 64 bits. */
static bool
take_varint(struct span *in, uint64_t *out)
{
	uint64_t n = 0;

	for (size_t i = 0; i < in->len && i < VARINT_MAX; i++) {
		uint64_t byte = (unsigned char)in->p[i];

		if (i == VARINT_MAX - 1 && byte > 1)
			return false;
		n |= (byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		in->p += i + 1;
		in->len -= i + 1;
		*out = n;
		return true;
	}
	return false;
}

void
record_begin(struct record *r, struct span raw)
{
	*r = (struct record){ .rest = raw };
}

bool
record_next_long(struct record *r, unsigned *tag, struct span *value)
{
	uint64_t number, len;

	if (r->broken || r->rest.len == 0)
		return false;
	if (!take_varint(&r->rest, &number) || number > UINT32_MAX ||
	    !take_varint(&r->rest, &len) || len > r->rest.len) {
		r->broken = true;
		return false;
	}
	*tag = (unsigned)number;
	*value = (struct span){ r->rest.p, (size_t)len };
	r->rest.p += len;
	r->rest.len -= (size_t)len;
	return true;
}

bool
record_int(struct span value, int64_t *out)
{
	uint64_t zigzag = value.len ? (unsigned char)value.p[0] : 0x80;

	if ((value.len != 1 || zigzag & 0x80) && (!take_varint(&value, &zigzag) || value.len != 0))
		return false;
	*out = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
	return true;
}
