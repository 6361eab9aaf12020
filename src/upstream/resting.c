/*
 * Who rests for long: see resting.h.  Runs in the janitor.
 *
 * Rows of one model stand side by side, so the board is gone through model by model.
 */
#include "upstream/resting.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "gemini/model.h"
#include "upstream/fitness.h"
#include "upstream/fitness_words.h"

#define KNOWN_MODEL SPAN("gemini-2.5-flash-lite") /* the least dear one */

/* ---- one row ---- */

/* Freezes whose reason may be over before their time. */
static bool
may_be_over(enum outcome cause)
{
	switch (cause) {
	case OUTCOME_REGION:
	case OUTCOME_FORBIDDEN:
	case OUTCOME_MODEL_UNKNOWN:
	case OUTCOME_NEEDS_VALIDATION:
	case OUTCOME_QUOTA_VAGUE:
		return true;
	default:
		return false;
	}
}

bool
resting_may_pass(const struct credential *c, enum outcome *cause)
{
	static const enum outcome passing[] = { OUTCOME_NO_CREDIT, OUTCOME_REGION,
		OUTCOME_NEEDS_VALIDATION };

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		if (c->enabled || strcmp(c->note, outcome_name(passing[i])) != 0)
			continue;
		*cause = passing[i];
		return true;
	}
	return false;
}

static enum resting_how
breaker_rests(const struct board_row *row, struct moment m, enum outcome *cause, bool *blocked)
{
	breaker w = word_get(row, FITNESS_BREAKER);
	int64_t free_at_ms;
	bool is_probe = false;

	if (breaker_state(w, m.ms) == BREAKER_CLOSED)
		return RESTING_NOT;
	*blocked = true;
	if (!breaker_lets(w, m.ms, &is_probe, &free_at_ms) || !is_probe)
		return RESTING_NOT;
	*cause = outcome_of_number(breaker_cause(w));
	return RESTING_BROKEN;
}

/* blocked: nothing can be found out behind it; also where it ends by itself. */
static enum resting_how
row_rests(const struct board_row *row, int64_t next_look_ms, struct moment m, enum outcome *cause,
    bool *blocked)
{
	struct fitness_freeze f = { 0 };
	int64_t left = 0;

	*cause = OUTCOME_OK;
	if (word_get(row, FITNESS_FREEZE)) {
		f = fitness_frozen(row, m);
		left = fitness_freeze_left_ms(&f, m);
	}
	if (left == 0)
		return breaker_rests(row, m, cause, blocked);
	*blocked = true;
	if (left <= next_look_ms || !may_be_over(f.cause))
		return RESTING_NOT;
	*cause = f.cause;
	return RESTING_FROZEN;
}

static bool
is_asked_for(const struct board_row *whole)
{
	return LOW_SECONDS(word_get(whole, FITNESS_SAID)) != 0;
}

/* ---- all of them ---- */

struct finding {
	struct resting_list *list;
	struct board *board;
	const struct pool_snapshot *credentials;
	int64_t next_look_ms;
	struct moment now;
	bool *out; /* owned; of each credential: whether it rests as a whole, or is disabled */
};

static void
add(struct finding *f, const struct resting *r)
{
	struct resting_list *l = f->list;

	if (l->count == RESTING_MAX)
		return;
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->items = mem_resize(l->items, l->room * sizeof(*l->items));
	}
	l->items[l->count++] = *r;
}

/* False: it does not rest, as far as this row tells. */
static bool
look_at_row(struct finding *f, uint32_t i, int subject, uint64_t key, int model)
{
	struct resting r = {
		.subject_key = key, .subject = subject, .model = model, .credential = i
	};
	const struct board_row *row = board_row(f->board, subject, model, false);
	bool blocked = false;

	if (!row)
		return false;
	r.how = row_rests(row, f->next_look_ms, f->now, &r.cause, &blocked);
	if (r.how != RESTING_NOT)
		add(f, &r);
	return blocked || r.how != RESTING_NOT;
}

static void
look_at_whole(struct finding *f, uint32_t i)
{
	const struct credential *c = &f->credentials->set.items[i];
	const struct choosable *it = &f->credentials->items[i];
	struct resting r = { .subject_key = c->board_key,
		.subject = it->subject,
		.model = BOARD_WHOLE,
		.credential = i };

	f->out[i] = true;
	if (it->subject < 0 || it->scope < 0)
		return;
	if (!it->enabled) {
		if (resting_may_pass(c, &r.cause)) {
			r.how = RESTING_DISABLED;
			add(f, &r);
		}
		return;
	}
	f->out[i] = look_at_row(f, i, it->subject, c->board_key, BOARD_WHOLE);
	if (!f->out[i] && it->scope != it->subject)
		f->out[i] = look_at_row(f, i, it->scope, credential_scope_key(c), BOARD_WHOLE);
	if (!f->out[i] && is_asked_for(board_row(f->board, it->subject, BOARD_WHOLE, false))) {
		r.how = RESTING_ASKED;
		add(f, &r);
	}
}

static bool
model_rests(struct board *b, int model, struct moment m)
{
	struct fitness_rows rows = { .model = board_row(b, BOARD_EVERYONE, model, false) };

	return fitness_look_model(&rows, m).pass != PASS_NONE;
}

static void
look_at_model(struct finding *f, int model)
{
	if (model_rests(f->board, model, f->now) ||
	    !resting_is_cheap(board_model_name(f->board, model)))
		return;
	for (uint32_t i = 0; i < f->credentials->set.count; i++) {
		const struct choosable *it = &f->credentials->items[i];
		const struct credential *c = &f->credentials->set.items[i];

		if (f->out[i] || look_at_row(f, i, it->subject, c->board_key, model) ||
		    it->scope == it->subject)
			continue;
		look_at_row(f, i, it->scope, credential_scope_key(c), model);
	}
}

int
resting_compare(const void *va, const void *vb)
{
	const struct resting *a = va, *b = vb;

	if (a->subject_key != b->subject_key)
		return a->subject_key < b->subject_key ? -1 : 1;
	return a->model - b->model;
}

/* A project's row was found by each of its credentials: the first one is to be asked with. */
static void
drop_doubles(struct resting_list *l)
{
	size_t kept = 0;

	if (l->count > 0)
		qsort(l->items, l->count, sizeof(*l->items), resting_compare);
	for (size_t i = 0; i < l->count; i++)
		if (kept == 0 || resting_compare(&l->items[kept - 1], &l->items[i]) != 0)
			l->items[kept++] = l->items[i];
	l->count = kept;
}

void
resting_find(struct resting_list *l, struct board *b, const struct pool_snapshot *credentials,
    int64_t next_look_ms, struct moment m)
{
	struct finding f = { l, b, credentials, next_look_ms, m,
		mem_array(credentials->set.count + 1, sizeof(bool)) };
	int models = board_models_used(b);

	l->count = 0;
	for (uint32_t i = 0; i < credentials->set.count; i++)
		look_at_whole(&f, i);
	for (int model = BOARD_WHOLE + 1; model < models; model++)
		look_at_model(&f, model);
	drop_doubles(l);
	mem_free(f.out);
}

void
resting_fini(struct resting_list *l)
{
	mem_free(l->items);
	*l = (struct resting_list){ NULL, 0, 0 };
}

bool
resting_still(struct board *b, const struct pool_snapshot *credentials, const struct resting *r,
    int64_t next_look_ms, struct moment m)
{
	const struct credential *c = &credentials->set.items[r->credential];
	const struct board_row *row = board_row(b, r->subject, r->model, false);
	bool blocked = false;
	enum outcome cause;

	assert(r->credential < credentials->set.count);
	if (r->how == RESTING_DISABLED)
		return resting_may_pass(c, &cause);
	if (!credentials->items[r->credential].enabled)
		return false;
	if (r->how == RESTING_ASKED)
		return is_asked_for(row);
	return row_rests(row, next_look_ms, m, &cause, &blocked) != RESTING_NOT;
}

/* ---- models ---- */

bool
resting_is_cheap(struct span model)
{
	static const char *const dear[] = { "image", "imagen", "veo", "tts", "audio", "video",
		"lyria", "live" };
	struct model_facts facts = model_facts(model);

	for (size_t i = 0; i < sizeof(dear) / sizeof(dear[0]); i++)
		if (span_has_nocase(model, dear[i]))
			return false;
	return model.len > 0 && !facts.makes_images && !facts.makes_speech;
}

static bool
chats(struct span model)
{
	return resting_is_cheap(model) && !span_has_nocase(model, "embed");
}

static bool
is_open(struct board *b, const struct choosable *it, int model, struct moment m)
{
	struct fitness_rows rows = { .own = board_row(b, it->subject, model, false),
		.scope = board_row(b, it->scope, model, false) };

	return !model_rests(b, model, m) && fitness_look(&rows, 0, 0, m).pass == PASS_NONE;
}

/* The one that it answered for last; untried: else the first that it never did. */
static struct span
model_of_the_board(struct board *b, const struct choosable *it, bool untried, struct moment m)
{
	int64_t latest = untried ? -1 : 0;
	struct span best = SPAN_NONE;

	for (int model = BOARD_WHOLE + 1; model < board_models_used(b); model++) {
		struct span name = board_model_name(b, model);
		int64_t last =
		    HIGH_SECONDS(word_get(board_row(b, it->subject, model, false), FITNESS_LAST));

		if (last <= latest || !chats(name) || !is_open(b, it, model, m))
			continue;
		latest = last;
		best = name;
	}
	return best;
}

static struct span
model_of_the_configuration(
    struct board *b, const struct config *c, const struct choosable *it, struct moment m)
{
	for (size_t i = 0; i < c->model_count; i++) {
		const struct config_model *conf = &c->models[i];
		struct span name = model_bare(span_of(conf->alias[0] ? conf->alias : conf->name));

		if (conf->enabled && chats(name) && is_open(b, it, board_model(b, name, false), m))
			return name;
	}
	return SPAN_NONE;
}

struct span
resting_model(struct board *b, const struct config *c, const struct pool_snapshot *credentials,
    uint32_t credential, struct moment m)
{
	const struct choosable *it = &credentials->items[credential];
	struct span found = model_of_the_board(b, it, false, m);

	if (found.len == 0)
		found = model_of_the_configuration(b, c, it, m);
	if (found.len == 0)
		found = model_of_the_board(b, it, true, m);
	return found.len ? found : KNOWN_MODEL;
}
