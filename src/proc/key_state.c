/*
 * The state of a key: see key_state.h.
 */
#include "proc/key_state.h"

#include <assert.h>
#include "base/mem.h"
#include "upstream/allowance.h"
#include "upstream/pool.h"

const char *
key_state_name(enum key_state s)
{
	static const char *const names[] = {
#define KEY_STATE_NAME(name, text) text,
		KEY_STATES(KEY_STATE_NAME)
#undef KEY_STATE_NAME
	};

	assert(s < KEY_STATE_COUNT);
	return names[s];
}

void
key_scene_init(struct key_scene *s, struct board *b, const struct config *c, struct moment now)
{
	*s = (struct key_scene){
		.board = b, .config = c, .now = now, .models = board_models_used(b)
	};
	s->limits = mem_array((size_t)s->models + 1, sizeof(*s->limits));
	for (int m = BOARD_WHOLE + 1; m < s->models; m++)
		s->limits[m] = pool_limits(c, board_model_name(b, m));
}

void
key_scene_fini(struct key_scene *s)
{
	mem_free(s->limits);
	*s = (struct key_scene){ 0 };
}

struct key_place
key_place_of(struct board *b, const struct credential *c)
{
	int subject = board_subject(b, c->board_key, false);

	return (struct key_place){ .subject = subject,
		.scope = c->project[0] == '\0' ? subject
					       : board_subject(b, credential_scope_key(c), false) };
}

/* Not as upstream/settle.h has it: a key that nobody has loaded yet may be of a project that is
 * well known. */
struct fitness_rows
key_rows(struct board *b, struct key_place p, int model)
{
	return (struct fitness_rows){ .own = board_row(b, p.subject, model, false),
		.whole = board_row(b, p.subject, BOARD_WHOLE, false),
		.scope = board_row(b, p.scope, model, false),
		.scope_whole = board_row(b, p.scope, BOARD_WHOLE, false) };
}

/* ---- one standing ---- */

static struct key_standing
stands(int model, enum key_state state, int64_t for_ms)
{
	return (struct key_standing){
		.state = state, .model = model, .cause = OUTCOME_OK, .for_ms = for_ms
	};
}

static bool
is_frozen(const struct board_row *row, struct moment now)
{
	struct fitness_freeze f = fitness_frozen(row, now);

	return f.until_ms != 0;
}

static struct key_standing
half_open(const struct key_scene *s, const struct board_row *row, int model)
{
	struct key_standing k = stands(model, KEY_HALF_OPEN, 0);
	struct fitness_view v;

	fitness_view(row, s->now, &v);
	k.cause = v.breaker_cause;
	return k;
}

/* The notes on the board tell of what a booking found full; what is full that nobody asked for
 * since tell the windows alone. */
static struct key_standing
stands_by_use(const struct key_scene *s, const struct board_row *scope, int model,
    const struct fitness_limits *limits)
{
	struct key_standing k = stands(model, KEY_ENABLED, 0);

	if (!scope || (limits->rpm <= 0 && limits->tpm <= 0))
		return k;
	int64_t spent_ms = board_spent_until(s->board) - s->now.ms;
	struct allowance_used u =
	    allowance_used(s->board, scope, limits, s->config->pool_margin_ms, s->now.ms);

	if (spent_ms > 0) {
		k = stands(model, KEY_FULL, spent_ms);
		k.full = PASS_MINUTE;
	} else if (limits->rpm > 0 && u.requests >= (uint64_t)limits->rpm) {
		k = stands(model, KEY_FULL, -1);
		k.full = PASS_MINUTE;
	} else if (limits->tpm > 0 && u.tokens >= (uint64_t)limits->tpm) {
		k = stands(model, KEY_FULL, -1);
		k.full = PASS_TOKENS;
	}
	return k;
}

struct key_standing
key_stands(const struct key_scene *s, struct key_place p, int model)
{
	struct fitness_rows all = key_rows(s->board, p, model);
	struct fitness_rows rows = { .own = all.own, .scope = all.scope };
	struct fitness_limits limits = { 0 };

	if (model > BOARD_WHOLE && model < s->models)
		limits = allowance_limits(&s->limits[model], rows.scope, s->now);

	struct fitness_pass look = fitness_look(&rows, limits.rpd, 0, s->now);
	int64_t for_ms = look.free_at_ms == INT64_MAX ? -1 : look.free_at_ms - s->now.ms;
	struct key_standing k;

	switch (look.pass) {
	case PASS_NONE:
		return look.probes ? half_open(s, rows.own, model)
				   : stands_by_use(s, rows.scope, model, &limits);
	case PASS_PROBED:
		return half_open(s, rows.own, model);
	case PASS_BROKEN:
		k = stands(model, KEY_RESTING, for_ms);
		break;
	case PASS_FROZEN:
		k = stands(model, KEY_FROZEN, for_ms);
		k.shared = p.scope != p.subject && is_frozen(rows.scope, s->now) &&
			   !is_frozen(rows.own, s->now);
		break;
	default:
		k = stands(model, KEY_FULL, for_ms);
		k.full = look.pass;
		return k;
	}
	k.cause = look.cause;
	return k;
}

/* ---- the worst ---- */

static bool
is_worse(const struct key_standing *k, const struct key_standing *than)
{
	return k->state > than->state || (k->state == than->state && k->for_ms > than->for_ms);
}

struct key_standing
key_stands_worst(const struct key_scene *s, struct key_place p, int only)
{
	struct key_standing worst = key_stands(s, p, BOARD_WHOLE);

	if (only < 0 || (p.subject < 0 && p.scope < 0))
		return worst;
	for (int m = BOARD_WHOLE + 1; m < s->models; m++) {
		if (only != BOARD_WHOLE && m != only)
			continue;
		struct key_standing k = key_stands(s, p, m);

		if (is_worse(&k, &worst))
			worst = k;
	}
	return worst;
}
