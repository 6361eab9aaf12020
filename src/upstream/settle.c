/*
 * The effects of a verdict: see settle.h.  Runs in workers and in the janitor, which probes.
 */
#include "upstream/settle.h"

#include "base/log.h"

#define STAND_IN_MS      60000 /* a whole credential rests, though one model is meant */
#define MODELS_FORBIDDEN 3     /* that answer 403: the credential itself is refused, it seems */

/* Three in a row may be the model's or the request's bad luck no more; a way that is closed is
 * told from a stumble by the second. */
static const struct breaker_rule own_rule = { 3, 5000, 60000, 1000 };
static const struct breaker_rule whole_rule = { 2, 5000, 60000, 1000 };
static const struct breaker_rule model_rule = { 3, 2000, 30000, 1000 };

struct fitness_rows
settle_rows(struct board *b, int subject, int scope, int model, bool create)
{
	struct fitness_rows r = { 0 };

	if (subject < 0)
		return r;
	r.whole = board_row(b, subject, BOARD_WHOLE, create);
	r.scope_whole = scope == subject ? r.whole : board_row(b, scope, BOARD_WHOLE, create);
	if (model <= BOARD_WHOLE)
		return r;
	r.own = board_row(b, subject, model, create);
	r.scope = scope == subject ? r.own : board_row(b, scope, model, create);
	r.model = board_row(b, BOARD_EVERYONE, model, create);
	return r;
}

/* Upstream spoke as only one can speak that has the model. */
static bool
proves_the_model(enum outcome o)
{
	switch (o) {
	case OUTCOME_OK:
	case OUTCOME_QUOTA_MINUTE:
	case OUTCOME_QUOTA_DAY:
	case OUTCOME_QUOTA_ZERO:
	case OUTCOME_QUOTA_VAGUE:
	case OUTCOME_TOO_MANY_TOKENS:
	case OUTCOME_NO_CAPACITY:
	case OUTCOME_OVERLOADED:
	case OUTCOME_EMPTY:
	case OUTCOME_BROKE_OFF:
		return true;
	default:
		return false;
	}
}

/* A front that is out of order says so whatever it is asked for.  Names that are no more than that
 * proves must not take the last places of those that are real. */
static bool
is_worth_a_place(struct board *b, enum outcome o)
{
	return (o != OUTCOME_NO_CAPACITY && o != OUTCOME_OVERLOADED && o != OUTCOME_QUOTA_VAGUE) ||
	       board_models_used(b) <= board_models_size(b) / 2;
}

/* Names come from clients: a model gets rows of its own only once upstream has proved that it is
 * there. */
static int
model_of(const struct settled *s, enum outcome o, struct moment now)
{
	if (s->model > BOARD_WHOLE || s->name.len == 0 || !proves_the_model(o))
		return s->model;
	fitness_known(s->board, s->name);
	int model = board_model(s->board, s->name, is_worth_a_place(s->board, o));

	if (model > BOARD_WHOLE)
		unproven_proved(s->unproven, s->board, s->name, model, now);
	return model;
}

/* ---- freezes ---- */

/* Hints are bounded by pool.freeze_min and freeze_max; facts are not. */
static int64_t
bounded_ms(const struct config *c, const struct verdict *v, int64_t ms)
{
	if (!v->bounded)
		return ms;
	if (ms > c->pool_freeze_max_ms)
		ms = c->pool_freeze_max_ms;
	return ms < c->pool_freeze_min_ms ? c->pool_freeze_min_ms : ms;
}

static struct board_row *
frozen_row(const struct fitness_rows *rows, const struct verdict *v)
{
	switch (v->freeze) {
	case FREEZE_OWN:
		return rows->own;
	case FREEZE_QUOTA:
		return rows->scope ? rows->scope : rows->scope_whole;
	case FREEZE_WHOLE:
		return rows->whole;
	case FREEZE_NONE:
		break;
	}
	return NULL;
}

/* row: where it will stand, for the streak of vague ones; NULL for those that say how long. */
static struct fitness_freeze
freeze_of(
    const struct settled *s, const struct verdict *v, struct board_row *row, struct moment now)
{
	struct fitness_freeze f = { .cause = v->outcome };
	int64_t ms = v->freeze_for_ms;

	if (v->freeze_until_wall_ms) {
		f.by_wall = true;
		ms = v->freeze_until_wall_ms - now.wall_ms;
	} else if (ms == 0) {
		ms = outcome_vague_ms(fitness_vague(row));
	}
	f.until_ms = (f.by_wall ? now.wall_ms : now.ms) + bounded_ms(s->config, v, ms);
	return f;
}

/* The board has no place for the model, so all of them rest for its quota: for no longer than may
 * be borne by those that have some. */
static void
shorten(struct fitness_freeze *f, struct moment now)
{
	int64_t left = fitness_freeze_left_ms(f, now);

	f->by_wall = false;
	f->until_ms = now.ms + (left < STAND_IN_MS ? left : STAND_IN_MS);
}

static void
freeze(const struct settled *s, const struct fitness_rows *rows, const struct verdict *v,
    struct moment now)
{
	struct board_row *row = frozen_row(rows, v);
	struct fitness_freeze f;

	if (!row) {
		if (v->freeze == FREEZE_OWN && v->freeze_for_ms > 0) {
			f = freeze_of(s, v, NULL, now);
			unproven_note(s->unproven, s->name, s->subject, &f, now);
		}
		return;
	}
	f = freeze_of(s, v, row, now);
	if (v->freeze == FREEZE_QUOTA && !rows->scope && s->name.len > 0)
		shorten(&f, now);
	fitness_freeze(row, &f, now);
	log_info("pool", "credential frozen", "label=%s model=%.*s for=%llds cause=%s", s->label,
	    SPAN_ARG(v->freeze == FREEZE_WHOLE || s->name.len == 0 ? SPAN("*") : s->name),
	    (long long)((f.until_ms - (f.by_wall ? now.wall_ms : now.ms) + 999) / 1000),
	    outcome_name(v->outcome));
}

/* ---- breakers ---- */

static void
break_(const struct settled *s, struct board_row *row, const struct breaker_rule *rule,
    enum outcome o, const char *what, struct moment now)
{
	if (!row || !fitness_break(row, rule, o, now, chance_next(s->chance)))
		return;
	log_info("pool", "breaker opened", "of=%s label=%s model=%.*s cause=%s", what, s->label,
	    SPAN_ARG(s->name.len ? s->name : SPAN("*")), outcome_name(o));
}

/* An answer of whatever status proves that the way to it is open; only a good one, that the model
 * answers. */
static void
settle_breakers(const struct settled *s, const struct fitness_rows *rows,
    const struct settlement *end, struct moment now)
{
	enum outcome o = end->verdict->outcome;
	enum outcome_breaker breaks = outcome_facts(o)->breaker;

	if (breaks == OUTCOME_BREAKS_WHOLE)
		break_(s, rows->whole, &whole_rule, o, "credential", now);
	else if (end->http_status > 0)
		fitness_mend(rows->whole);
	else if (s->probes_whole)
		fitness_unprobe(rows->whole, now);

	if (breaks == OUTCOME_BREAKS_OWN)
		break_(s, rows->own ? rows->own : rows->whole, &own_rule, o, "credential", now);
	else if (o == OUTCOME_OK)
		fitness_mend(rows->own);
	else if (s->probes_own)
		fitness_unprobe(rows->own, now);

	if (breaks == OUTCOME_BREAKS_MODEL)
		break_(s, rows->model, &model_rule, o, "model", now);
	else if (o == OUTCOME_OK)
		fitness_mend(rows->model);
	else if (s->probes_model)
		fitness_unprobe(rows->model, now);
}

void
settle_answered(
    const struct fitness_rows *rows, struct lease_line *line, int http_status, struct moment now)
{
	if (line->probes_whole)
		fitness_mend(rows->whole);
	line->probes_whole = false;
	if (http_status != 200)
		return;
	if (line->probes_own)
		fitness_unprobe(rows->own, now);
	if (line->probes_model)
		fitness_mend(rows->model);
	line->probes_own = line->probes_model = false;
}

/* ---- counts ---- */

static bool
is_worth_telling(enum outcome o)
{
	return o != OUTCOME_OK && o != OUTCOME_DROPPED && o != OUTCOME_REFUSED &&
	       o != OUTCOME_OUT_OF_TIME;
}

static void
settle_counts(const struct fitness_rows *rows, const struct settlement *end, struct moment now)
{
	enum outcome o = end->verdict->outcome;
	bool blamed = outcome_facts(o)->blame == OUTCOME_BLAMES_FAILURE;

	if (o == OUTCOME_OK) {
		fitness_succeeded(rows->own, end->first_byte_ms, end->total_ms, now);
		fitness_succeeded(rows->whole, end->first_byte_ms, end->total_ms, now);
		fitness_vague_ends(rows->scope ? rows->scope : rows->scope_whole);
	} else if (is_worth_telling(o)) {
		fitness_failed(rows->own, o, blamed, now);
		fitness_failed(rows->whole, o, blamed, now);
	}
}

/* What upstream stated of its limits; that there is one of tokens is noted for all. */
static void
learn(const struct settled *s, const struct fitness_rows *rows, const struct verdict *v,
    struct moment now)
{
	struct fitness_limits said = { v->limit_rpm, v->limit_tpm, v->limit_rpd };
	struct fitness_limits tokens = { .tpm = v->limit_tpm };

	if (said.rpm == 0 && said.tpm == 0 && said.rpd == 0)
		return;
	fitness_learn(rows->scope, &said, now);
	if (tokens.tpm)
		fitness_learn(rows->model, &tokens, now);
	log_info("pool", "upstream stated a limit",
	    "label=%s model=%.*s rpm=%lld tpm=%lld rpd=%lld", s->label, SPAN_ARG(s->name),
	    (long long)said.rpm, (long long)said.tpm, (long long)said.rpd);
}

enum settle_end
settle_apply(const struct settled *s, const struct settlement *end, struct moment now)
{
	const struct verdict *v = end->verdict;
	int model = model_of(s, v->outcome, now);
	struct fitness_rows rows = settle_rows(s->board, s->subject, s->scope, model, true);
	bool refused = v->disable;

	settle_counts(&rows, end, now);
	settle_breakers(s, &rows, end, now);
	learn(s, &rows, v, now);
	if (v->freeze != FREEZE_NONE && !v->disable)
		freeze(s, &rows, v, now);
	if (v->outcome == OUTCOME_MODEL_UNKNOWN && !rows.own)
		fitness_unknown(s->board, s->name, s->key, now);
	if (v->outcome == OUTCOME_FORBIDDEN)
		refused = fitness_forbidden(rows.own, rows.whole, now) >= MODELS_FORBIDDEN;
	if (s->subject >= 0)
		board_mark(s->board, s->subject);
	if (s->scope >= 0 && s->scope != s->subject)
		board_mark(s->board, s->scope);
	return !refused ? SETTLE_ON : v->siblings ? SETTLE_DISABLE_PROJECT : SETTLE_DISABLE;
}
