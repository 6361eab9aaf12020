/*
 * What is shown of a key: see key_shown.h.
 */
#include "proc/key_shown.h"

#include <math.h>
#include <string.h>
#include "base/text.h"
#include "upstream/allowance.h"

/* ---- values ---- */

void
shown_text(json_t *object, const char *name, const char *text)
{
	json_t *value = json_string(text);

	json_object_set_new(object, name, value ? value : json_string(""));
}

void
shown_int(json_t *object, const char *name, int64_t n)
{
	json_object_set_new(object, name, json_integer((json_int_t)n));
}

void
shown_seconds(json_t *object, const char *name, int64_t ms)
{
	json_object_set_new(
	    object, name, ms < 0 ? json_null() : json_integer((json_int_t)((ms + 999) / 1000)));
}

/* 0: never, or not known. */
static void
shown_or_null(json_t *object, const char *name, int64_t n)
{
	json_object_set_new(object, name, n ? json_integer((json_int_t)n) : json_null());
}

static void
shown_share(json_t *object, const char *name, double share)
{
	json_object_set_new(object, name, json_real(round(share * 1e4) / 1e4));
}

/* ---- states ---- */

/* Which of the limits is used up, by its name in the configuration. */
static const char *
limit_name(enum pass full)
{
	switch (full) {
	case PASS_TOKENS:
		return "tpm";
	case PASS_DAY:
		return "rpd";
	default:
		return "rpm";
	}
}

static const char *
cause_of(const struct key_standing *k)
{
	if (k->state == KEY_FULL)
		return limit_name(k->full);
	return k->cause == OUTCOME_OK ? "" : outcome_name(k->cause);
}

static void
put_standing(json_t *o, const struct key_standing *k)
{
	bool frozen = k->state == KEY_FROZEN;

	json_object_set_new(o, "frozen", json_boolean(frozen));
	shown_seconds(o, "frozen_for_s", frozen && k->for_ms > 0 ? k->for_ms : 0);
	shown_text(o, "cause", cause_of(k));
	shown_seconds(o, "free_in_s", k->for_ms);
}

/* What an operator can do about it. */
static const char *
advice_of(const struct credential *c, const struct key_standing *k)
{
	static const struct {
		enum outcome outcome;
		const char *advice;
	} table[] = {
		{ OUTCOME_KEY_INVALID,
		    "Google does not know this key: put a new one in its place" },
		{ OUTCOME_KEY_DENIED, "Google denies it the API: see whether the project has the "
				      "API enabled, and what "
				      "the key is restricted to" },
		{ OUTCOME_SUSPENDED, "Google has suspended it, or its project, or holds it for "
				     "leaked: all keys of the "
				     "project are concerned" },
		{ OUTCOME_NO_CREDIT, "the prepaid credit of its project is used up" },
		{ OUTCOME_NEEDS_VALIDATION,
		    "its owner must confirm the account to Google: \"polluxctl keys test\" shows "
		    "where" },
		{ OUTCOME_REGION, "Google does not serve the place that this server calls from" },
		{ OUTCOME_QUOTA_ZERO, "Google gives its project no quota for the model" },
		{ OUTCOME_FORBIDDEN, "Google does not let it use the model" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!c->enabled && strcmp(c->note, outcome_name(table[i].outcome)) == 0)
			return table[i].advice;
		if (c->enabled && k->state == KEY_FROZEN && k->cause == table[i].outcome)
			return table[i].advice;
	}
	return "";
}

/* ---- a row ---- */

static void
put_counts(json_t *o, const struct fitness_view *v)
{
	shown_int(o, "in_flight", v->in_flight);
	shown_int(o, "successes", (int64_t)v->successes);
	shown_int(o, "failures", (int64_t)v->failures);
	shown_int(o, "failed_in_a_row", v->failures_in_a_row);
	shown_text(
	    o, "last_failure", v->last_failure == OUTCOME_OK ? "" : outcome_name(v->last_failure));
	shown_or_null(o, "last_success_s", v->last_success_wall_s);
	shown_share(o, "mean", v->mean);
	shown_share(o, "weight", v->weight);
	shown_or_null(o, "first_byte_ms", v->first_byte_ms);
	shown_or_null(o, "total_ms", v->total_ms);
}

static void
put_breaker(json_t *o, const struct fitness_view *v)
{
	bool closed = v->breaker == BREAKER_CLOSED;
	json_t *b = json_object();

	shown_text(b, "state", breaker_state_name(v->breaker));
	shown_text(b, "cause",
	    closed || v->breaker_cause == OUTCOME_OK ? "" : outcome_name(v->breaker_cause));
	shown_seconds(b, "open_for_s", v->open_for_ms);
	json_object_set_new(o, "breaker", b);
}

static void
put_limit(json_t *limits, const char *name, int64_t limit, int64_t set, bool counted, int64_t used)
{
	json_t *l = json_object();

	shown_or_null(l, "limit", limit);
	if (limit)
		shown_text(l, "from", set > 0 ? "configuration" : "learned");
	else
		json_object_set_new(l, "from", json_null());
	json_object_set_new(l, "used", counted ? json_integer((json_int_t)used) : json_null());
	json_object_set_new(limits, name, l);
}

/* A minute is counted where it is limited, a day always. */
static void
put_limits(json_t *o, const struct key_scene *s, const struct board_row *scope, int model)
{
	const struct fitness_limits *set = &s->limits[model];
	struct fitness_limits force = allowance_limits(set, scope, s->now);
	struct allowance_used used =
	    allowance_used(s->board, scope, &force, s->config->pool_margin_ms, s->now.ms);
	json_t *limits = json_object();
	struct fitness_view v;

	fitness_view(scope, s->now, &v);
	put_limit(limits, "rpm", force.rpm, set->rpm, force.rpm > 0, (int64_t)used.requests);
	put_limit(limits, "tpm", force.tpm, set->tpm, force.tpm > 0, (int64_t)used.tokens);
	put_limit(limits, "rpd", force.rpd, set->rpd, true, v.day_used);
	bool learned = v.learned.rpm || v.learned.tpm || v.learned.rpd;

	shown_or_null(limits, "learned_s", learned ? v.learned_wall_s : 0);
	json_object_set_new(o, "limits", limits);
}

/* ---- models ---- */

static json_t *
standing_shown(const struct key_standing *k)
{
	json_t *o = json_object();

	shown_text(o, "state", key_state_name(k->state));
	put_standing(o, k);
	json_object_set_new(o, "shared", json_boolean(k->shared));
	return o;
}

static bool
has_limits(const struct fitness_limits *l)
{
	return l->rpm || l->tpm || l->rpd;
}

/* Something is known of it, or the operator has set it a limit. */
static bool
is_of_interest(const struct key_scene *s, const struct fitness_rows *rows,
    const struct key_standing *k, const struct fitness_view *own)
{
	struct fitness_view scope;

	fitness_view(rows->scope, s->now, &scope);
	return k->state != KEY_ENABLED || own->first_lent_wall_s || own->successes ||
	       own->failures || own->in_flight || scope.day_used || has_limits(&scope.learned) ||
	       has_limits(&s->limits[k->model]);
}

static void
put_model(json_t *models, const struct key_scene *s, struct key_place p, int model)
{
	struct fitness_rows rows = key_rows(s->board, p, model);
	struct key_standing k = key_stands(s, p, model);
	struct span name = board_model_name(s->board, model);
	struct fitness_view v;

	fitness_view(rows.own, s->now, &v);
	if (!is_of_interest(s, &rows, &k, &v))
		return;
	json_t *o = standing_shown(&k);

	put_counts(o, &v);
	put_breaker(o, &v);
	put_limits(o, s, rows.scope, model);
	/* A name that is no UTF-8 is none of Google's: it is left out. */
	json_object_setn_new(models, name.p, name.len, o);
}

/* ---- a key ---- */

static void
put_record(json_t *o, const struct credential *c)
{
	struct buf hint = BUF_INIT;

	credential_hint(c, &hint);
	shown_text(o, "label", c->label);
	shown_text(o, "id", c->id);
	shown_text(o, "hint", buf_text(&hint));
	json_object_set_new(o, "enabled", json_boolean(c->enabled));
	shown_text(o, "note", c->note);
	shown_text(o, "source", c->source == CREDENTIAL_FROM_ENVIRONMENT ? "env" : "operator");
	shown_text(o, "project", c->project);
	shown_int(o, "created_s", c->created_wall_ms / 1000);
	buf_fini(&hint);
}

static void
put_worst(
    json_t *o, const struct key_scene *s, const struct credential *c, const struct key_standing *k)
{
	struct span model = board_model_name(s->board, k->model);

	shown_text(o, "state", key_state_name(c->enabled ? k->state : KEY_DISABLED));
	put_standing(o, k);
	json_object_set_new(
	    o, "model", k->model == BOARD_WHOLE ? json_null() : json_stringn(model.p, model.len));
}

/* The breaker of the whole counts what the way to it suffers; of models each its own. */
static unsigned
failed_in_a_row(const struct key_scene *s, struct key_place p, int only)
{
	unsigned most = 0;

	for (int m = BOARD_WHOLE; p.subject >= 0 && m < s->models; m++) {
		struct fitness_view v;

		if (m != BOARD_WHOLE && only != BOARD_WHOLE && m != only)
			continue;
		fitness_view(board_row(s->board, p.subject, m, false), s->now, &v);
		if (v.failures_in_a_row > most)
			most = v.failures_in_a_row;
	}
	return most;
}

/* Gives its standing; the models are the caller's to put. */
static struct key_standing
put_key(json_t *o, const struct key_scene *s, const struct credential *c, int only)
{
	struct key_place p = key_place_of(s->board, c);
	struct key_standing k = key_stands_worst(s, p, only);
	struct fitness_view whole;

	fitness_view(board_row(s->board, p.subject, BOARD_WHOLE, false), s->now, &whole);
	put_record(o, c);
	put_worst(o, s, c, &k);
	put_counts(o, &whole);
	shown_int(o, "failed_in_a_row", failed_in_a_row(s, p, only));
	return k;
}

json_t *
key_in_short(const struct key_scene *s, const struct credential *c)
{
	json_t *o = json_object(), *models = json_object();
	struct key_standing k = put_key(o, s, c, BOARD_WHOLE);
	struct span name = board_model_name(s->board, k.model);

	if (k.model != BOARD_WHOLE)
		json_object_setn_new(models, name.p, name.len, standing_shown(&k));
	json_object_set_new(o, "models", models);
	return o;
}

json_t *
key_in_full(const struct key_scene *s, const struct credential *c, int only)
{
	struct key_place p = key_place_of(s->board, c);
	json_t *o = json_object(), *models = json_object();
	struct key_standing k = put_key(o, s, c, only);
	struct fitness_view whole;

	fitness_view(board_row(s->board, p.subject, BOARD_WHOLE, false), s->now, &whole);
	struct key_standing alone = key_stands(s, p, BOARD_WHOLE);

	put_breaker(o, &whole);
	json_object_set_new(o, "whole", standing_shown(&alone));
	shown_text(o, "advice", advice_of(c, &k));
	shown_or_null(o, "first_lent_s", whole.first_lent_wall_s);
	shown_seconds(o, "day_ends_in_s", fitness_day_ends_in_ms(s->now));
	for (int m = BOARD_WHOLE + 1; m < s->models; m++)
		if (only == BOARD_WHOLE || m == only)
			put_model(models, s, p, m);
	json_object_set_new(o, "models", models);
	return o;
}
