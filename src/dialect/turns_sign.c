/*
 * Signatures of calls: which one is right, and where one has to stand in for it.  Pure but for
 * what it asks of the house; runs in workers, owns nothing.
 *
 * In this order, the first hit wins: what the client brought, what hangs on its id, what the
 * house remembers by id, by content; for a call that Gemini wants signed the skip value.  What
 * the house remembers under the id beats what the client brought: clients copy one signature to
 * all calls of an answer, or cut it.  (Google: thought signatures; lessons 2 to 4.)
 */
#include "dialect/turns.h"

#include "base/scan.h"
#include "dialect/turns_told.h"

#define ID_SUFFIX "__thought__"
#define ID_MAX    64 /* of an id that the house may have given */

/* ---- what clients bring ---- */

static bool
is_base64_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '-' || c == '_';
}

/* Of either alphabet; padding may be missing but not be wrong. */
static bool
is_base64(struct span s)
{
	size_t padding = 0;

	while (padding < 2 && padding < s.len && s.p[s.len - 1 - padding] == '=')
		padding++;
	if (padding > 0 ? s.len % 4 != 0 : s.len % 4 == 1)
		return false;
	for (size_t i = 0; i < s.len - padding; i++)
		if (!is_base64_char(s.p[i]))
			return false;
	return s.len > padding;
}

/* What the client brought, without escapes; empty when it is no signature. */
static struct span
clean(struct arena *arena, struct span escaped)
{
	struct buf plain = BUF_INIT;
	struct span s = escaped;

	if (scan_has_escape(escaped)) {
		scan_text(&plain, escaped);
		s = is_base64(buf_span(&plain)) ? arena_span(arena, buf_span(&plain)) : SPAN_NONE;
		buf_fini(&plain);
	}
	return is_base64(s) ? s : SPAN_NONE;
}

static bool
does_without(const struct turns *t)
{
	return (t->model->facts.lacks & LACKS(SIGNATURES)) != 0;
}

struct span
turns_signature(const struct turns *t, struct span escaped)
{
	struct span s = clean(t->arena, escaped);

	return s.len > 0 && does_without(t) ? SIGNATURE_SKIPS : s;
}

struct span
told_id(struct span id, struct span *signature)
{
	const size_t len = sizeof(ID_SUFFIX) - 1;
	const char *suffix = id.len > 0 ? memmem(id.p, id.len, ID_SUFFIX, len) : NULL;
	size_t cut = suffix != NULL ? (size_t)(suffix - id.p) : id.len;

	if (signature != NULL)
		*signature =
		    suffix != NULL ? span_mem(suffix + len, id.len - cut - len) : SPAN_NONE;
	return span_mem(id.p, cut);
}

/* ---- what the house remembers ---- */

static bool
is_of_family(const struct turns *t, struct span model)
{
	struct model_facts facts;
	char family[sizeof(t->family)];

	if (span_eq(model, t->model->name))
		return true;
	facts = model_facts(model);
	model_family(&facts, family);
	return family[0] != '\0' && strcmp(family, t->family) == 0;
}

static bool
recall_by_id(const struct turns *t, struct span id, struct signed_call *out)
{
	return t->house != NULL && t->house->recall != NULL && id.len > 0 && id.len <= ID_MAX &&
	       t->house->recall(t->house->ctx, id, t->arena, out);
}

static bool
recall_by_content(
    const struct turns *t, const struct told_call *c, size_t place, struct signed_call *out)
{
	const struct signed_call like = {
		.name = c->name, .args = c->args, .step_index = place, .model = t->model->name
	};

	return t->house != NULL && t->house->recall_like != NULL &&
	       t->house->recall_like(t->house->ctx, &like, t->arena, out);
}

/* Gemini tells calls apart by their ids, so that a second one of the same goes without. */
static void
take_upstream_id(struct turns *t, struct told_call *c, struct span id)
{
	if (id.len == 0)
		return;
	if (t->upstream_ids == NULL)
		t->upstream_ids = map_new();
	if (map_get(t->upstream_ids, id) != NULL)
		return;
	map_put(t->upstream_ids, id, c);
	c->upstream_id = id;
}

/* By what it is: not against another signature that the client brought with it. */
static bool
guess(const struct turns *t, const struct told_call *c, size_t place, struct signed_call *out)
{
	return recall_by_content(t, c, place, out) &&
	       (c->signature.len == 0 || out->signature.len == 0 ||
		   span_eq(c->signature, out->signature));
}

void
told_call_recall(
    struct turns *t, struct told_call *c, struct span in_id, struct span brought, size_t place)
{
	struct signed_call stored = { 0 };
	bool by_id = recall_by_id(t, c->id, &stored), certain;

	c->signature = clean(t->arena, brought);
	if (c->signature.len == 0 && is_base64(in_id))
		c->signature = in_id;
	c->known = by_id || guess(t, c, place, &stored);
	if (!c->known)
		return;
	certain = by_id || (c->signature.len > 0 && span_eq(c->signature, stored.signature));
	c->guessed = !certain;
	c->record = stored.id;
	c->step_index = stored.step_index;
	c->signature = is_of_family(t, stored.model) ? stored.signature : SPAN_NONE;
	if (certain)
		take_upstream_id(t, c, stored.upstream_id);
	else
		c->upstream_id = stored.upstream_id;
}

static void
settle_guess(struct turns *t, struct map *taken, struct told_call *c)
{
	struct span upstream_id = c->upstream_id;

	c->upstream_id = SPAN_NONE;
	if (map_get(taken, c->record) != NULL) {
		c->known = false;
		c->signature = SPAN_NONE;
		return;
	}
	map_put(taken, c->record, c);
	take_upstream_id(t, c, upstream_id);
}

/*
 * The same function may be called with the same arguments more than once, and what is remembered
 * is one of these calls: the one that bears its id; else the last, since that is the newest.
 */
void
told_calls_settle(struct turns *t)
{
	struct map *taken = map_new();

	for (size_t i = 0; i < t->call_count; i++)
		if (t->calls[i]->known && !t->calls[i]->guessed)
			map_put(taken, t->calls[i]->record, t->calls[i]);
	for (size_t i = t->call_count; i-- > 0;)
		if (t->calls[i]->guessed)
			settle_guess(t, taken, t->calls[i]);
	map_free(&taken);
}

/* ---- what goes upstream ---- */

/* The first call of each step needs one while the turn lasts; of earlier turns nobody asks. */
static bool
needs_one(const struct turns *t, bool first_of_step, bool current_turn)
{
	if (!first_of_step)
		return false;
	return does_without(t) || (current_turn && model_wants_signatures(&t->model->facts));
}

struct span
told_call_signature(
    const struct turns *t, const struct told_call *c, bool first_of_step, bool current_turn)
{
	if (c->signature.len > 0)
		return does_without(t) ? SIGNATURE_SKIPS : c->signature;
	return needs_one(t, first_of_step, current_turn) ? SIGNATURE_SKIPS : SPAN_NONE;
}
