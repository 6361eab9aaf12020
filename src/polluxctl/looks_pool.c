/*
 * The looks of the pool: see looks_pool.h.
 */
#include "polluxctl/looks_pool.h"

#include <inttypes.h>
#include <string.h>
#include "polluxctl/member.h"

/* status. */

void
looks_states(struct buf *out, const json_t *keys)
{
	static const char *const always[] = { "enabled", "frozen", "disabled" };
	const char *state, *between = "";
	const json_t *n;

	json_object_foreach((json_t *)(uintptr_t)keys, state, n) {
		bool shown = json_integer_value(n) != 0;

		for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
			shown |= strcmp(state, always[i]) == 0;
		if (!shown)
			continue;
		buf_printf(out, "%s%" PRId64 " ", between, (int64_t)json_integer_value(n));
		member_add_clean(out, state);
		between = ", ";
	}
}

static void
add_cooling(struct buf *out, const json_t *model)
{
	buf_add_text(out, "Model ");
	member_add_clean(out, member_text(model, "model"));
	buf_printf(out, " is %s", member_text(model, "state"));
	if (member_int(model, "for_s")) {
		buf_add_text(out, " for ");
		member_add_span(out, member_int(model, "for_s"));
	}
	buf_printf(out, ", for all keys: %s\n", member_text(model, "cause"));
}

static void
add_used(struct buf *out, const json_t *board, const char *what)
{
	const json_t *part = json_object_get(board, what);

	buf_printf(out, "%" PRId64 " of %" PRId64 " %s, ", member_int(part, "used"),
	    member_int(part, "size"), what);
}

void
looks_pool(struct buf *out, const json_t *pool)
{
	const json_t *board = json_object_get(pool, "board"), *model;
	size_t i;

	json_array_foreach(json_object_get(pool, "cooling"), i, model)
		add_cooling(out, model);
	if (member_int(pool, "minute_spent_for_s")) {
		buf_add_text(out, "The minute of every limit counts as used up for ");
		member_add_span(out, member_int(pool, "minute_spent_for_s"));
		buf_add_text(out, ": nothing is known of the one before the start\n");
	}
	buf_add_text(out, "Board: ");
	add_used(out, board, "subjects");
	add_used(out, board, "cells");
	buf_printf(out, "%" PRId64 " models, %" PRId64 " windows\n", member_int(board, "models"),
	    member_int(board, "windows"));
}

/* explain. */

static void
add_clean_or_dash(struct buf *out, const char *text)
{
	member_add_clean(out, text[0] ? text : "-");
}

static void
add_ms_or_dash(struct buf *out, const json_t *o, const char *name)
{
	const json_t *ms = json_object_get(o, name);

	if (json_is_integer(ms))
		member_add_ms(out, json_integer_value(ms));
	else
		buf_add_char(out, '-');
}

static void
add_count(struct buf *out, int64_t n, const char *one, const char *many)
{
	if (n)
		buf_printf(out, ", %" PRId64 " %s", n, n == 1 ? one : many);
}

/* "req_1 asked gemini-2.5-flash at TIME: answered with 200 after 812ms, 2 attempts" */
static void
show_request(const struct looks *l, const json_t *t)
{
	struct buf line = BUF_INIT;

	add_clean_or_dash(&line, member_text(t, "request"));
	buf_add_text(&line, " asked ");
	add_clean_or_dash(&line, member_text(t, "model"));
	buf_printf(&line, " at %s: answered with %" PRId64 " after ", member_text(t, "began"),
	    member_int(t, "status"));
	member_add_ms(&line, member_int(t, "took_ms"));
	add_count(&line, member_int(t, "attempts_made"), "attempt", "attempts");
	add_count(&line, member_int(t, "mends"), "of them after a mend", "of them after mends");
	add_count(&line, member_int(t, "waits"), "wait for a key", "waits for a key");
	fprintf(l->to, "%s.\n\n", buf_text(&line));
	buf_fini(&line);
}

/* Why one was chosen, and where a draw was made by which luck. */
static void
add_chosen(struct buf *out, const json_t *attempt)
{
	const json_t *draw = json_object_get(attempt, "draw");

	add_clean_or_dash(out, member_text(attempt, "chosen"));
	if (json_is_number(draw))
		buf_printf(out, " (%.2f, mean %.2f)", json_number_value(draw),
		    json_number_value(json_object_get(attempt, "mean")));
}

static void
show_attempts(const struct looks *l, const json_t *attempts)
{
	static const char *const heads[] = { "ATTEMPT", "KEY", "CHOSEN AS", "OUTCOME", "STATUS",
		"LENT AFTER", "FIRST BYTE", "TOTAL" };
	struct table t = TABLE_INIT(heads);
	const json_t *one;
	size_t i;

	json_array_foreach(attempts, i, one) {
		const char *outcome = member_text(one, "outcome");
		bool lent = member_text(one, "credential")[0] != '\0';
		enum colour colour = strcmp(outcome, "ok") == 0 ? GREEN : YELLOW;

		table_int(&t, (int64_t)i + 1);
		table_text(&t, PLAIN, lent ? member_text(one, "credential") : "none was free");
		add_chosen(table_add(&t, PLAIN), one);
		table_text(&t, lent ? colour : PLAIN, lent && !outcome[0] ? "not ended" : outcome);
		if (member_int(one, "status"))
			table_int(&t, member_int(one, "status"));
		else
			table_text(&t, PLAIN, "");
		add_ms_or_dash(table_add(&t, PLAIN), one, "lent_after_ms");
		add_ms_or_dash(table_add(&t, PLAIN), one, "first_byte_ms");
		add_ms_or_dash(table_add(&t, PLAIN), one, "total_ms");
	}
	table_print(l, &t);
}

/* "attempt 1: 12 looked at; 3 frozen, 8 another one was drawn" */
static void
show_looks(const struct looks *l, size_t number, const json_t *attempt)
{
	struct buf line = BUF_INIT;
	const char *reason;
	const json_t *n;
	size_t first;

	buf_printf(
	    &line, "attempt %zu: %" PRId64 " looked at", number, member_int(attempt, "looked_at"));
	json_object_foreach(json_object_get(attempt, "passed_over"), reason, n) {
		buf_printf(&line, ", %" PRId64 " ", (int64_t)json_integer_value(n));
		first = line.len;
		member_add_clean(&line, reason);
		for (size_t i = first; i < line.len; i++)
			if (line.data[i] == '_')
				line.data[i] = ' ';
	}
	fprintf(l->to, "%s\n", buf_text(&line));
	buf_fini(&line);
}

static void
show_passes(const struct looks *l, const json_t *passes)
{
	static const char *const heads[] = { "ATTEMPT", "PASSED OVER", "WHY", "CAUSE", "FREE IN" };
	struct table t = TABLE_INIT(heads);
	const json_t *one;
	size_t i;

	json_array_foreach(passes, i, one) {
		table_int(&t, member_int(one, "attempt"));
		table_text(&t, PLAIN, member_text(one, "credential"));
		table_text(&t, PLAIN, member_text(one, "why"));
		table_text(&t, PLAIN, member_text(one, "cause"));
		if (member_int(one, "free_in_s"))
			member_add_span(table_add(&t, PLAIN), member_int(one, "free_in_s"));
		else
			table_text(&t, PLAIN, "");
	}
	table_print(l, &t);
}

void
looks_explained(const struct looks *l, const json_t *answer)
{
	const json_t *attempts = json_object_get(answer, "attempts");
	const json_t *passes = json_object_get(answer, "passed_over"), *one;
	int64_t more = member_int(answer, "attempts_made") - (int64_t)json_array_size(attempts);
	size_t i;

	show_request(l, answer);
	show_attempts(l, attempts);
	if (more > 0)
		fprintf(l->to, "and %" PRId64 " more, of which nothing was kept\n", more);
	fputc('\n', l->to);
	json_array_foreach(attempts, i, one)
		show_looks(l, i + 1, one);
	if (json_array_size(passes) == 0)
		return;
	fputc('\n', l->to);
	show_passes(l, passes);
}
