/*
 * The looks of Gemini keys: see looks_keys.h.
 */
#include "polluxctl/looks_keys.h"

#include <inttypes.h>
#include <string.h>
#include "polluxctl/member.h"

static bool
state_is(const json_t *o, const char *state)
{
	return strcmp(member_text(o, "state"), state) == 0;
}

static enum colour
colour_of(const json_t *o)
{
	return state_is(o, "enabled") ? GREEN : state_is(o, "disabled") ? RED : YELLOW;
}

/* Limits are called by their settings in JSON. */
static const char *
cause_of(const json_t *o)
{
	static const char *const limits[][2] = { { "rpm", "this minute's requests" },
		{ "tpm", "this minute's tokens" }, { "rpd", "this day's requests" } };
	const char *cause = member_text(o, "cause");

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strcmp(cause, limits[i][0]) == 0)
			return limits[i][1];
	return cause;
}

/* "frozen 38s: minute-quota", "disabled: key-invalid", "full: this minute's requests" */
static void
add_state(struct buf *out, const json_t *o)
{
	const char *why = state_is(o, "disabled") ? member_text(o, "note") : cause_of(o);
	int64_t for_s = member_int(o, "free_in_s");

	member_add_clean(out, member_text(o, "state"));
	if (state_is(o, "enabled"))
		return;
	if (for_s > 0 && !state_is(o, "disabled")) {
		buf_add_char(out, ' ');
		member_add_span(out, for_s);
	}
	if (why[0]) {
		buf_add_text(out, ": ");
		member_add_clean(out, why);
	}
}

/* And of which model, where it is one alone. */
static void
add_worst_state(struct buf *out, const json_t *key)
{
	const char *model = member_text(key, "model");

	add_state(out, key);
	if (model[0] && !state_is(key, "enabled") && !state_is(key, "disabled")) {
		buf_add_text(out, " (");
		member_add_clean(out, model);
		buf_add_char(out, ')');
	}
}

/* "0.93 of 14": how likely a success is, and how many outcomes tell that. */
static void
add_rate(struct buf *out, const json_t *o)
{
	double weight = json_number_value(json_object_get(o, "weight"));

	if (weight < 0.5)
		buf_add_char(out, '-');
	else
		buf_printf(
		    out, "%.2f of %.0f", json_number_value(json_object_get(o, "mean")), weight);
}

/* keys list. */

void
looks_keys(const struct looks *l, const json_t *answer)
{
	static const char *const heads[] = { "LABEL", "KEY", "STATE", "SOURCE", "PROJECT",
		"SUCCESS", "UNDER WAY", "ANSWERED", "FAILED", "LAST FAILURE" };
	struct table t = TABLE_INIT(heads);
	const json_t *keys = json_object_get(answer, "keys"), *key;
	size_t i;

	if (json_array_size(keys) == 0) {
		fputs("There is no Gemini key yet: add one with \"polluxctl keys add\".\n", l->to);
		return;
	}
	json_array_foreach(keys, i, key) {
		table_text(&t, PLAIN, member_text(key, "label"));
		table_text(&t, PLAIN, member_text(key, "hint"));
		add_worst_state(table_add(&t, colour_of(key)), key);
		table_text(&t, PLAIN, member_text(key, "source"));
		table_text(&t, PLAIN, member_text(key, "project"));
		add_rate(table_add(&t, PLAIN), key);
		table_int(&t, member_int(key, "in_flight"));
		table_int(&t, member_int(key, "successes"));
		table_int(&t, member_int(key, "failures"));
		table_text(&t, PLAIN, member_text(key, "last_failure"));
	}
	table_print(l, &t);
}

/* keys show. */

static void
show_state(const struct looks *l, const json_t *key)
{
	struct buf value = BUF_INIT;

	add_worst_state(&value, key);
	table_field(l, "state", &value);
	buf_fini(&value);
	if (member_text(key, "advice")[0])
		table_field_text(l, "which means", member_text(key, "advice"));
}

static void
show_day(const struct looks *l, const char *name, int64_t unix_s)
{
	struct buf value = BUF_INIT;

	member_add_day(&value, unix_s);
	table_field(l, name, &value);
	buf_fini(&value);
}

static void
show_number(const struct looks *l, const char *name, int64_t n)
{
	struct buf value = BUF_INIT;

	buf_add_int(&value, n);
	table_field(l, name, &value);
	buf_fini(&value);
}

static void
show_failures(const struct looks *l, const json_t *key)
{
	struct buf value = BUF_INIT;

	buf_printf(&value, "%" PRId64 ", %" PRId64 " in a row", member_int(key, "failures"),
	    member_int(key, "failed_in_a_row"));
	table_field(l, "failed", &value);
	buf_fini(&value);
	table_field_text(l, "last failure", member_text(key, "last_failure"));
}

static void
add_breaker(struct buf *out, const json_t *breaker)
{
	member_add_clean(out, member_text(breaker, "state"));
	if (member_int(breaker, "open_for_s")) {
		buf_add_char(out, ' ');
		member_add_span(out, member_int(breaker, "open_for_s"));
	}
	if (member_text(breaker, "cause")[0]) {
		buf_add_text(out, ": ");
		member_add_clean(out, member_text(breaker, "cause"));
	}
}

static void
add_latency(struct buf *out, const json_t *o)
{
	if (!member_int(o, "total_ms")) {
		buf_add_char(out, '-');
		return;
	}
	member_add_ms(out, member_int(o, "first_byte_ms"));
	buf_add_text(out, " / ");
	member_add_ms(out, member_int(o, "total_ms"));
}

static void
show_whole(const struct looks *l, const json_t *key)
{
	struct buf value = BUF_INIT;

	add_breaker(&value, json_object_get(key, "breaker"));
	table_field(l, "breaker", &value);
	buf_clear(&value);
	add_rate(&value, key);
	table_field(l, "success", &value);
	buf_clear(&value);
	add_latency(&value, key);
	table_field(l, "first / last", &value);
	buf_clear(&value);
	member_add_span(&value, member_int(key, "day_ends_in_s"));
	table_field(l, "day ends in", &value);
	buf_fini(&value);
}

static void
show_models(const struct looks *l, const json_t *models)
{
	static const char *const heads[] = { "MODEL", "STATE", "BREAKER", "SUCCESS", "FIRST / LAST",
		"UNDER WAY", "ANSWERED", "FAILED", "LAST FAILURE" };
	struct table t = TABLE_INIT(heads);
	const char *name;
	const json_t *m;

	json_object_foreach((json_t *)(uintptr_t)models, name, m) {
		table_text(&t, PLAIN, name);
		add_state(table_add(&t, colour_of(m)), m);
		add_breaker(table_add(&t, PLAIN), json_object_get(m, "breaker"));
		add_rate(table_add(&t, PLAIN), m);
		add_latency(table_add(&t, PLAIN), m);
		table_int(&t, member_int(m, "in_flight"));
		table_int(&t, member_int(m, "successes"));
		table_int(&t, member_int(m, "failures"));
		table_text(&t, PLAIN, member_text(m, "last_failure"));
	}
	table_print(l, &t);
}

/* "3 of 5", "12 of 100 (learned)", "7", "-" */
static void
add_limit(struct buf *out, const json_t *limits, const char *name)
{
	const json_t *limit = json_object_get(limits, name);
	bool limited = json_is_integer(json_object_get(limit, "limit"));

	if (!json_is_integer(json_object_get(limit, "used"))) {
		buf_add_char(out, '-');
		return;
	}
	buf_add_int(out, member_int(limit, "used"));
	if (limited)
		buf_printf(out, " of %" PRId64, member_int(limit, "limit"));
	if (strcmp(member_text(limit, "from"), "learned") == 0)
		buf_add_text(out, " (learned)");
}

static void
show_limits(const struct looks *l, const json_t *models)
{
	static const char *const heads[] = { "MODEL", "REQUESTS A MINUTE", "TOKENS A MINUTE",
		"REQUESTS A DAY", "LEARNED" };
	struct table t = TABLE_INIT(heads);
	const char *name;
	const json_t *m;

	json_object_foreach((json_t *)(uintptr_t)models, name, m) {
		const json_t *limits = json_object_get(m, "limits");

		table_text(&t, PLAIN, name);
		add_limit(table_add(&t, PLAIN), limits, "rpm");
		add_limit(table_add(&t, PLAIN), limits, "tpm");
		add_limit(table_add(&t, PLAIN), limits, "rpd");
		member_add_day(table_add(&t, PLAIN), member_int(limits, "learned_s"));
	}
	table_print(l, &t);
}

void
looks_key(const struct looks *l, const json_t *key)
{
	const json_t *models = json_object_get(key, "models");

	table_field_text(l, "label", member_text(key, "label"));
	table_field_text(l, "id", member_text(key, "id"));
	table_field_text(l, "key", member_text(key, "hint"));
	show_state(l, key);
	table_field_text(l, "source", member_text(key, "source"));
	table_field_text(l, "project", member_text(key, "project"));
	show_day(l, "added", member_int(key, "created_s"));
	show_number(l, "under way", member_int(key, "in_flight"));
	show_number(l, "answered", member_int(key, "successes"));
	show_day(l, "last answered", member_int(key, "last_success_s"));
	show_failures(l, key);
	show_whole(l, key);
	if (json_object_size(models) == 0)
		return;
	fputc('\n', l->to);
	show_models(l, models);
	fputc('\n', l->to);
	show_limits(l, models);
}

/* Others. */

static void
show_warnings(const struct looks *l, const json_t *answer)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(answer, "warnings"), i, warning)
		fprintf(l->to, "Note: %s.\n", json_string_value(warning));
}

void
looks_key_tested(const struct looks *l, const json_t *answer)
{
	struct buf state = BUF_INIT;

	fprintf(l->to, "%s works with %s (%" PRId64 " ms).\n", member_text(answer, "label"),
	    member_text(answer, "model"), member_int(answer, "took_ms"));
	if (state_is(answer, "disabled")) {
		fprintf(l->to, "It is disabled: polluxctl keys enable %s lends it again.\n",
		    member_text(answer, "label"));
	} else if (!state_is(answer, "enabled")) {
		add_state(&state, answer);
		fprintf(l->to, "It is still %s; polluxctl keys thaw %s lends it at once.\n",
		    buf_text(&state), member_text(answer, "label"));
	}
	buf_fini(&state);
}

void
looks_keys_added(const struct looks *l, const json_t *answer)
{
	fprintf(l->to, "Added as \"%s\".  Try it: polluxctl keys test %s\n",
	    member_text(answer, "label"), member_text(answer, "label"));
	show_warnings(l, answer);
}

/* What there is to say of one line; most often nothing. */
static void
show_result(const struct looks *l, const json_t *r)
{
	const char *result = member_text(r, "result"), *hint = member_text(r, "hint");
	bool refused = strcmp(result, "refused") == 0;
	bool duplicate = strcmp(result, "duplicate") == 0;
	const char *why = member_text(r, refused || duplicate ? "why" : "warning");
	struct buf line = BUF_INIT;

	if (!why[0] && !refused && !duplicate)
		return;
	buf_printf(&line, "line %" PRId64, member_int(r, "line"));
	if (hint[0]) {
		buf_add_text(&line, " (");
		member_add_clean(&line, hint);
		buf_add_char(&line, ')');
	}
	buf_printf(&line, ": %s: ", refused ? "refused" : duplicate ? "not added" : "added, but");
	member_add_clean(&line, why);
	if (duplicate)
		buf_printf(&line, ", as \"%s\"", member_text(r, "label"));
	fprintf(l->to, "%s\n", buf_text(&line));
	buf_fini(&line);
}

void
looks_keys_imported(const struct looks *l, const json_t *answer)
{
	const json_t *results = json_object_get(answer, "results"), *r;
	size_t i;

	json_array_foreach(results, i, r)
		show_result(l, r);
	fprintf(l->to, "%" PRId64 " added, %" PRId64 " here already, %" PRId64 " refused.\n",
	    member_int(answer, "added"), member_int(answer, "duplicate"),
	    member_int(answer, "refused"));
}
