/*
 * Names of functions: see openai_tools.h.  Pure, runs in workers, owns nothing: what is made lies
 * in the exchange's arena, so that the answer finds its tools there too.
 *
 * Gemini wants [A-Za-z_][A-Za-z0-9_.:-]{0,63}; clients have names with slashes and blanks, with
 * a digit first, or of any length.  They are changed on the way out and changed back in answers,
 * so no two of one request may become the same.
 */
#include "dialect/openai_tools.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/map.h"

#define HASH_BYTES 4
#define HASH_HEX   ((size_t)2 * HASH_BYTES)
#define STEM_MAX   (OPENAI_TOOL_NAME_MAX - 1 - HASH_HEX) /* what stays of a name with a hash */

/* ---- legal names ---- */

static bool
may_begin(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool
may_follow(char c)
{
	return may_begin(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
}

static bool
is_legal(struct span name)
{
	if (name.len == 0 || name.len > OPENAI_TOOL_NAME_MAX || !may_begin(name.p[0]))
		return false;
	for (size_t i = 1; i < name.len; i++)
		if (!may_follow(name.p[i]))
			return false;
	return true;
}

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* The name with nothing illegal in it, cut behind size bytes; gives its length, also where it
 * is cut: then any length over size. */
static size_t
legal_stem(struct span name, char *out, size_t size)
{
	size_t len = 0;

	if (name.len == 0 || (!may_begin(name.p[0]) && may_follow(name.p[0])))
		out[len++] = '_';
	for (size_t i = 0; i < name.len && len <= size; i++) {
		if (is_continuation(name.p[i]))
			continue; /* of a character that has its '_' */
		if (len < size)
			out[len] = may_follow(name.p[i]) ? name.p[i] : '_';
		len++;
	}
	return len;
}

/* turn: another hash for each. */
static void
hash_hex(struct span name, uint32_t turn, char hex[HASH_HEX + 1])
{
	unsigned char hash[crypto_generichash_BYTES_MIN];
	const unsigned char salt[] = { (unsigned char)(turn >> 24), (unsigned char)(turn >> 16),
		(unsigned char)(turn >> 8), (unsigned char)turn };
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, (const unsigned char *)name.p, name.len);
	if (turn > 0)
		crypto_generichash_update(&state, salt, sizeof(salt));
	crypto_generichash_final(&state, hash, sizeof(hash));
	text_hex(hex, hash, HASH_BYTES);
}

static struct span
hashed_name(struct span name, uint32_t turn, struct arena *arena)
{
	char out[OPENAI_TOOL_NAME_MAX + 1];
	size_t len = legal_stem(name, out, STEM_MAX);

	if (len > STEM_MAX)
		len = STEM_MAX;
	out[len++] = '_';
	hash_hex(name, turn, out + len);
	return arena_span(arena, span_mem(out, len + HASH_HEX));
}

struct span
openai_tool_name(struct span name, struct arena *arena)
{
	char out[OPENAI_TOOL_NAME_MAX];
	size_t len;

	if (is_legal(name))
		return name;
	len = legal_stem(name, out, sizeof(out));
	if (len > sizeof(out))
		return hashed_name(name, 0, arena);
	return arena_span(arena, span_mem(out, len));
}

/* ---- the index ---- */

static int
compare_spans(struct span a, struct span b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.p, b.p, a.len);
}

static int
compare_names(const void *a, const void *b)
{
	const struct openai_tool *x = *(struct openai_tool *const *)a;
	const struct openai_tool *y = *(struct openai_tool *const *)b;
	int order = compare_spans(x->name, y->name);

	return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static int
compare_sent(const void *a, const void *b)
{
	return compare_spans(
	    (*(struct openai_tool *const *)a)->sent, (*(struct openai_tool *const *)b)->sent);
}

static struct openai_tool **
sorted(
    const struct openai_tools *t, struct arena *arena, int (*compare)(const void *, const void *))
{
	struct openai_tool **index = arena_alloc(arena, t->count * sizeof(struct openai_tool *));
	size_t n = 0;

	for (struct openai_tool *tool = t->first; tool != NULL; tool = tool->next)
		index[n++] = tool;
	assert(n == t->count);
	if (n > 0)
		qsort(index, n, sizeof(struct openai_tool *), compare);
	return index;
}

/* Of those with one name the last stays, in its place.  Who stays has a sent name behind it. */
static void
drop_doubles(struct openai_tools *t)
{
	struct openai_tool **at = &t->first;
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct openai_tool *tool = t->by_name[i];

		if (i + 1 < t->count && span_eq(tool->name, t->by_name[i + 1]->name))
			continue;
		tool->sent = tool->name;
		t->by_name[kept++] = tool;
	}
	t->count = kept;
	t->last = NULL;
	while (*at != NULL) {
		if ((*at)->sent.p == NULL) {
			*at = (*at)->next;
		} else {
			t->last = *at;
			at = &(*at)->next;
		}
	}
}

static bool
is_changed(const struct openai_tool *tool)
{
	return tool->sent.p != tool->name.p;
}

/* A name that was changed may be another's: that of a tool whose name was legal, or of one that
 * differed only in what is illegal.  Such a one gets a hash too. */
static void
tell_apart(struct openai_tools *t, struct arena *arena)
{
	struct map *taken = map_new();

	for (struct openai_tool *tool = t->first; tool != NULL; tool = tool->next)
		if (!is_changed(tool))
			map_put(taken, tool->sent, tool);
	for (struct openai_tool *tool = t->first; tool != NULL; tool = tool->next) {
		if (!is_changed(tool))
			continue;
		for (uint32_t turn = 0; map_get(taken, tool->sent) != NULL; turn++)
			tool->sent = hashed_name(tool->name, turn, arena);
		map_put(taken, tool->sent, tool);
	}
	map_free(&taken);
}

void
openai_tools_index(struct openai_tools *t, struct arena *arena)
{
	bool changed = false;

	t->by_name = sorted(t, arena, compare_names);
	drop_doubles(t);
	for (struct openai_tool *tool = t->first; tool != NULL; tool = tool->next) {
		tool->sent = openai_tool_name(tool->name, arena);
		changed |= is_changed(tool);
	}
	t->by_sent = t->by_name;
	if (!changed)
		return;
	tell_apart(t, arena);
	t->by_sent = sorted(t, arena, compare_sent);
}

/* ---- finding ---- */

static int
compare_to_name(const void *key, const void *item)
{
	return compare_spans(*(const struct span *)key, (*(struct openai_tool *const *)item)->name);
}

static int
compare_to_sent(const void *key, const void *item)
{
	return compare_spans(*(const struct span *)key, (*(struct openai_tool *const *)item)->sent);
}

static struct openai_tool *
find(struct openai_tool *const *index, size_t count, struct span key,
    int (*compare)(const void *, const void *))
{
	struct openai_tool *const *found = NULL;

	if (count > 0)
		found = bsearch(&key, index, count, sizeof(struct openai_tool *), compare);
	return found != NULL ? *found : NULL;
}

struct openai_tool *
openai_tools_find(struct openai_tools *t, struct span name)
{
	return find(t->by_name, t->count, name, compare_to_name);
}

const struct openai_tool *
openai_tools_by_name(const struct openai_tools *t, struct span name)
{
	return find(t->by_name, t->count, name, compare_to_name);
}

const struct openai_tool *
openai_tools_by_sent(const struct openai_tools *t, struct span sent)
{
	return find(t->by_sent, t->count, sent, compare_to_sent);
}
