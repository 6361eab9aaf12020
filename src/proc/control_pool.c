/*
 * The pool as a whole: its part of "status", and the word "explain".  Runs in the janitor; changes
 * nothing.
 */
#include "proc/control_pool.h"

#include <string.h>
#include "base/text.h"
#include "proc/control.h"
#include "proc/control_set.h"
#include "proc/control_words.h"
#include "proc/key_shown.h"
#include "upstream/trace.h"

/* status. */

/* Its breaker or its freeze, which hold for every key. */
static json_t *
cooling_of(struct board *b, int model, struct moment now)
{
	struct fitness_rows rows = { .model = board_row(b, BOARD_EVERYONE, model, false) };
	struct fitness_pass look = fitness_look_model(&rows, now);
	struct span name = board_model_name(b, model);
	bool half_open = look.probes || look.pass == PASS_PROBED;
	struct fitness_view v;

	if (look.pass == PASS_NONE && !look.probes)
		return NULL;
	fitness_view(rows.model, now, &v);
	enum outcome cause = half_open ? v.breaker_cause : look.cause;
	json_t *o = json_object(), *text = json_stringn(name.p, name.len);

	json_object_set_new(o, "model", text ? text : json_string(""));
	shown_text(o, "state", half_open ? "half-open" : "resting");
	shown_text(o, "cause", cause == OUTCOME_OK ? "" : outcome_name(cause));
	shown_seconds(o, "for_s", half_open ? 0 : look.free_at_ms - now.ms);
	return o;
}

static json_t *
used_of(uint64_t used, uint64_t size)
{
	return json_pack("{s:I, s:I}", "used", (json_int_t)used, "size", (json_int_t)size);
}

static json_t *
board_shown(struct board *b)
{
	json_t *o = json_object();

	json_object_set_new(o, "subjects", used_of(board_subjects_used(b), board_subjects_size(b)));
	json_object_set_new(o, "cells", used_of(board_cells_used(b), board_cells_size(b)));
	shown_int(o, "models", board_models_used(b) - 1);
	shown_int(o, "windows", board_windows_used(b));
	return o;
}

json_t *
control_pool_shown(struct board *b, struct moment now)
{
	const struct board_row *all = board_row(b, BOARD_EVERYONE, BOARD_WHOLE, false);
	int64_t spent_ms = board_spent_until(b) - now.ms;
	json_t *o = json_object(), *cooling = json_array();

	for (int m = BOARD_WHOLE + 1; m < board_models_used(b); m++) {
		json_t *one = cooling_of(b, m, now);

		if (one)
			json_array_append_new(cooling, one);
	}
	shown_int(o, "in_flight", fitness_in_flight(all));
	json_object_set_new(o, "cooling", cooling);
	shown_seconds(o, "minute_spent_for_s", spent_ms > 0 ? spent_ms : 0);
	json_object_set_new(o, "board", board_shown(b));
	return o;
}

/* explain. */

static const char *
label_of(void *ctx, uint64_t key)
{
	const struct credential_set *set = ctx;

	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].board_key == key)
			return set->items[i].label;
	return NULL;
}

struct kept {
	size_t count;
	int64_t oldest_wall_ms;
};

static bool
count_trace(void *ctx, const void *bytes)
{
	struct kept *k = ctx;
	struct trace t;

	memcpy(&t, bytes, sizeof(t));
	k->count++;
	k->oldest_wall_ms = t.began_wall_ms;
	return true;
}

/* The id is not repeated: it may be anything that was pasted. */
static void
refuse_unknown(struct control_ask *a)
{
	const struct control *c = control_of(a);
	struct kept kept = { 0, 0 };
	struct err e = ERR_INIT;

	board_trace_each(c->board, count_trace, &kept);
	int64_t age_s = (loop_wall_ms(c->loop) - kept.oldest_wall_ms) / 1000;

	if (kept.count == 0)
		err_set(&e, ERR_NOT_FOUND,
		    "nothing is kept of such a request: none has asked for a key yet");
	else
		err_set(&e, ERR_NOT_FOUND,
		    "nothing is kept of such a request.  Of those that asked for a key the latest "
		    "%zu are kept, the oldest of them from %lld s ago; what was refused before it "
		    "asked, or is still being answered, is not among them",
		    kept.count, (long long)(age_s > 0 ? age_s : 0));
	control_refuse(a, &e);
}

void
control_explain_request(struct control_ask *a)
{
	struct credential_set set;
	struct trace t;

	if (!trace_find(control_of(a)->board, control_argument(a, 0), &t)) {
		refuse_unknown(a);
		return;
	}
	if (!control_set_load(a, &set))
		return;
	control_answer_take(a, trace_shown(&t, label_of, &set));
	credential_set_fini(&set);
}
