/*
 * Names of models that no credential knows.  Runs in workers.  Owns nothing.
 *
 * Names come from clients, and there may be any number of them, so they get no rows: each has a
 * word of the board's scratch, which it shares with others and may lose to them at any time.  Then
 * the upstream is simply asked again.  One credential may lack a preview that others have, so a
 * name is believed to be unknown when two of them have said so.
 */
#include "upstream/fitness.h"

#include "upstream/fitness_words.h"

/* {name: 24, credential that said so: 15, believed: 1, until (monotonic, seconds): 24} */
#define UNTIL_BITS      24
#define BELIEVED        (UINT64_C(1) << UNTIL_BITS)
#define CREDENTIAL_AT   (UNTIL_BITS + 1)
#define CREDENTIAL_BITS 15
#define NAME_AT         (CREDENTIAL_AT + CREDENTIAL_BITS)

#define SECOND_OPINION_S (5 * 60) /* so soon the second one must say so */
#define BELIEVED_S       (60 * 60)

static uint64_t
mixed(uint64_t h)
{
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

/* All processes must come to the same: FNV-1a. */
static uint64_t
key_of(struct span name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(0x100000001b3);
	return mixed(h);
}

/* The board finds the word by the key: what tells names apart that share it is mixed anew. */
static uint64_t
tag_of(uint64_t key)
{
	return mixed(~key) >> NAME_AT;
}

static bool
is_of(uint64_t word, uint64_t key, struct moment m)
{
	uint64_t left = (word - (uint64_t)(m.ms / SECOND_MS)) & BITS(UNTIL_BITS);

	return word != 0 && word >> NAME_AT == tag_of(key) && left > 0 && left <= BELIEVED_S;
}

static uint64_t
said_word(uint64_t key, uint64_t credential, bool believed, struct moment m)
{
	uint64_t until = (uint64_t)(m.ms / SECOND_MS) + (believed ? BELIEVED_S : SECOND_OPINION_S);

	return tag_of(key) << NAME_AT | credential << CREDENTIAL_AT | (believed ? BELIEVED : 0) |
	       (until & BITS(UNTIL_BITS));
}

void
fitness_unknown(struct board *b, struct span model, uint64_t credential_key, struct moment m)
{
	uint64_t key = key_of(model), old, wanted;
	uint64_t credential = mixed(credential_key) & BITS(CREDENTIAL_BITS);
	_Atomic uint64_t *word = board_scratch(b, key);

	old = atomic_load_explicit(word, memory_order_relaxed);
	do {
		bool known = is_of(old, key, m);
		uint64_t before = old >> CREDENTIAL_AT & BITS(CREDENTIAL_BITS);
		bool believed = known && (old & BELIEVED || before != credential);

		wanted = said_word(key, credential, believed, m);
	} while (!atomic_compare_exchange_weak_explicit(
	    word, &old, wanted, memory_order_relaxed, memory_order_relaxed));
}

bool
fitness_is_unknown(struct board *b, struct span model, struct moment m)
{
	uint64_t key = key_of(model);
	uint64_t word = atomic_load_explicit(board_scratch(b, key), memory_order_relaxed);

	return is_of(word, key, m) && (word & BELIEVED);
}

void
fitness_known(struct board *b, struct span model)
{
	uint64_t key = key_of(model);
	_Atomic uint64_t *word = board_scratch(b, key);
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

	while (old != 0 && old >> NAME_AT == tag_of(key) &&
	       !atomic_compare_exchange_weak_explicit(
		   word, &old, 0, memory_order_relaxed, memory_order_relaxed))
		;
}
