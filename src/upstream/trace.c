/*
 * The trace of a request.  Runs in workers, which fill it and put it on the board, and in the
 * janitor, which shows it.  Owns nothing: it lies with its exchange, then on the board.
 *
 * A trace is filled on the way of every request, so filling it takes no memory and no search;
 * what does not fit is counted, not kept.  Ids and names of models come from clients and may be any
 * bytes: they are kept as they are, and made UTF-8 when they are shown.
 */
#include "upstream/trace.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/json.h"
#include "base/scan.h"
#include "base/text.h"

const char *
chosen_name(enum chosen_by by)
{
	static const char *const names[] = {
#define CHOSEN_NAME(name, text) text,
		CHOSEN_BYS(CHOSEN_NAME)
#undef CHOSEN_NAME
	};

	assert(by < CHOSEN_COUNT);
	return names[by];
}

/* ---- filling ---- */

/* The rest is zeroed, so that equal texts are equal bytes. */
static void
keep_text(char *out, size_t size, struct span text)
{
	size_t len = text.len < size ? text.len : size - 1;

	memset(out, 0, size);
	if (len)
		memcpy(out, text.p, len);
}

/* From a time that is not before, as a number that fits. */
static uint32_t
elapsed_ms(int64_t from_ms, int64_t to_ms)
{
	int64_t ms = to_ms - from_ms;

	return ms < 0 ? 0 : ms >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)ms;
}

void
trace_begin(struct trace *t, struct span request_id, struct span client, struct moment m)
{
	if (!t)
		return;
	memset(t, 0, sizeof(*t));
	keep_text(t->request, sizeof(t->request), request_id);
	keep_text(t->client, sizeof(t->client), client);
	t->began_ms = m.ms;
	t->began_wall_ms = m.wall_ms;
}

void
trace_model(struct trace *t, struct span model)
{
	if (t)
		keep_text(t->model, sizeof(t->model), model);
}

struct trace_try *
trace_try_begin(struct trace *t)
{
	/* For what is not kept, of all requests: nobody reads it. */
	static struct trace_try spare;
	struct trace_try *try_;

	if (!t)
		return NULL;
	try_ = t->try_count < TRACE_TRIES ? &t->tries[t->try_count++] : &spare;
	t->tries_made += t->tries_made < UINT16_MAX;
	*try_ = (struct trace_try){
		.first_byte_ms = UINT32_MAX, .total_ms = UINT32_MAX, .outcome = OUTCOME_COUNT
	};
	return try_;
}

static uint32_t
free_in_s(const struct fitness_pass *p, struct moment m)
{
	int64_t ms = p->free_at_ms - m.ms;

	if (p->free_at_ms == INT64_MAX || ms / 1000 >= UINT32_MAX - 1)
		return UINT32_MAX;
	return ms <= 0 ? 0 : (uint32_t)((ms + 999) / 1000);
}

static uint8_t
latest_try(const struct trace *t)
{
	unsigned n = t->tries_made ? t->tries_made - 1u : 0;

	return n < UINT8_MAX ? (uint8_t)n : UINT8_MAX;
}

void
trace_pass_add(struct trace *t, uint64_t credential, const struct fitness_pass *p, struct moment m)
{
	if (!t || t->pass_count >= TRACE_PASSES)
		return;
	t->passes[t->pass_count++] = (struct trace_pass){
		.credential = credential,
		.free_in_s = free_in_s(p, m),
		.pass = (uint8_t)p->pass,
		.cause = (uint8_t)p->cause,
		.try_ = latest_try(t),
	};
}

bool
trace_has_pass(const struct trace *t, uint64_t credential, enum pass why)
{
	for (uint8_t i = 0; t && i < t->pass_count; i++)
		if (t->passes[i].credential == credential && t->passes[i].pass == why)
			return true;
	return false;
}

void
trace_end(struct trace *t, struct board *b, unsigned status, struct moment m)
{
	if (!t)
		return;
	t->took_ms = elapsed_ms(t->began_ms, m.ms);
	t->status = (uint16_t)(status <= UINT16_MAX ? status : 0);
	if (b)
		board_trace_put(b, t, sizeof(*t));
}

/* ---- finding ---- */

struct search {
	char request[sizeof(((struct trace *)0)->request)];
	struct trace *out;
	bool found;
};

/* Newest first: the first is the latest. */
static bool
is_another(void *ctx, const void *bytes)
{
	struct search *s = ctx;

	if (memcmp((const char *)bytes + offsetof(struct trace, request), s->request,
		sizeof(s->request)) != 0)
		return true;
	memcpy(s->out, bytes, sizeof(*s->out));
	s->found = true;
	return false;
}

bool
trace_find(struct board *b, struct span request_id, struct trace *out)
{
	struct search s = { .out = out };

	keep_text(s.request, sizeof(s.request), request_id);
	board_trace_each(b, is_another, &s);
	return s.found;
}

/* ---- showing ---- */

struct labels {
	const char *(*of)(void *ctx, uint64_t key);
	void *ctx;
};

/* Any bytes as text, what is no UTF-8 replaced; null when there are none. */
static json_t *
shown_text(struct span text)
{
	struct buf quoted = BUF_INIT;
	json_t *value;

	if (text.len == 0)
		return json_null();
	scan_quote(&quoted, text);
	value = json_parse(buf_span(&quoted), NULL, NULL);
	buf_fini(&quoted);
	return value ? value : json_null();
}

static json_t *
shown_array(const char *text, size_t size)
{
	return shown_text(span_mem(text, strnlen(text, size)));
}

static json_t *
shown_number(uint64_t n, uint64_t none)
{
	return n == none ? json_null() : json_integer((json_int_t)n);
}

/* To four places: it tells how two compare. */
static json_t *
shown_share(double share)
{
	return isfinite(share) ? json_real(round(share * 1e4) / 1e4) : json_null();
}

static json_t *
shown_credential(uint64_t key, const struct labels *labels)
{
	const char *label = labels->of && key ? labels->of(labels->ctx, key) : NULL;
	char id[17];

	if (key == 0 || label)
		return shown_text(span_of(label));
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)key);
	return json_string(id);
}

/* RFC 3339 has four digits for a year. */
#define YEAR_10000_MS INT64_C(253402300800000)

static json_t *
shown_time(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char day[32], text[48];
	struct tm tm;

	if (wall_ms <= 0 || wall_ms >= YEAR_10000_MS || !gmtime_r(&seconds, &tm) ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return json_null();
	snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(wall_ms % 1000));
	return json_string(text);
}

static json_t *
shown_outcome(unsigned o)
{
	return o < OUTCOME_COUNT ? json_string(outcome_name((enum outcome)o)) : json_null();
}

/* A reason as a name in JSON: "minute's tokens used up" is minutes_tokens_used_up. */
static void
reason_key(enum pass p, char *out, size_t size)
{
	size_t n = 0;

	for (const char *c = pass_name(p); *c && n + 1 < size; c++)
		if (isalnum((unsigned char)*c))
			out[n++] = *c;
		else if (*c == ' ')
			out[n++] = '_';
	out[n] = '\0';
}

static json_t *
shown_passed(const uint16_t passed[PASS_COUNT])
{
	json_t *counts = json_object();
	char key[48];

	for (int p = 0; p < PASS_COUNT; p++) {
		if (passed[p] == 0)
			continue;
		reason_key((enum pass)p, key, sizeof(key));
		json_object_set_new(counts, key, json_integer(passed[p]));
	}
	return counts;
}

static json_t *
shown_chosen(unsigned by)
{
	return by > CHOSEN_NONE && by < CHOSEN_COUNT ? json_string(chosen_name(by)) : json_null();
}

static json_t *
shown_try(const struct trace_try *t, const struct labels *labels)
{
	json_t *o = json_object();
	bool lent = t->credential != 0;

	json_object_set_new(o, "credential", shown_credential(t->credential, labels));
	json_object_set_new(o, "chosen", shown_chosen(t->chosen));
	json_object_set_new(o, "outcome", shown_outcome(t->outcome));
	json_object_set_new(o, "status", shown_number(t->http_status, 0));
	json_object_set_new(o, "lent_after_ms", lent ? json_integer(t->lent_ms) : json_null());
	json_object_set_new(o, "first_byte_ms", shown_number(t->first_byte_ms, UINT32_MAX));
	json_object_set_new(o, "total_ms", shown_number(t->total_ms, UINT32_MAX));
	json_object_set_new(o, "mean", lent ? shown_share(t->mean) : json_null());
	json_object_set_new(
	    o, "draw", t->chosen == CHOSEN_DRAW ? shown_share(t->draw) : json_null());
	json_object_set_new(o, "looked_at", json_integer(t->looked_at));
	json_object_set_new(o, "passed_over", shown_passed(t->passed));
	return o;
}

static json_t *
shown_pass(const struct trace_pass *p, const struct labels *labels)
{
	json_t *o = json_object();
	bool known = p->pass > PASS_NONE && p->pass < PASS_COUNT;

	json_object_set_new(o, "credential", shown_credential(p->credential, labels));
	json_object_set_new(o, "why", known ? json_string(pass_name(p->pass)) : json_null());
	json_object_set_new(
	    o, "cause", p->cause == OUTCOME_OK ? json_null() : shown_outcome(p->cause));
	json_object_set_new(o, "free_in_s", shown_number(p->free_in_s, UINT32_MAX));
	json_object_set_new(o, "attempt", json_integer(p->try_ + 1));
	return o;
}

json_t *
trace_shown(const struct trace *t, const char *(*label_of)(void *ctx, uint64_t key), void *ctx)
{
	const struct labels labels = { label_of, ctx };
	json_t *o = json_object(), *tries = json_array(), *passes = json_array();

	for (int i = 0; i < t->try_count && i < TRACE_TRIES; i++)
		json_array_append_new(tries, shown_try(&t->tries[i], &labels));
	for (int i = 0; i < t->pass_count && i < TRACE_PASSES; i++)
		json_array_append_new(passes, shown_pass(&t->passes[i], &labels));
	json_object_set_new(o, "request", shown_array(t->request, sizeof(t->request)));
	json_object_set_new(o, "began", shown_time(t->began_wall_ms));
	json_object_set_new(o, "took_ms", json_integer(t->took_ms));
	json_object_set_new(o, "status", shown_number(t->status, 0));
	json_object_set_new(o, "model", shown_array(t->model, sizeof(t->model)));
	json_object_set_new(o, "client", shown_array(t->client, sizeof(t->client)));
	json_object_set_new(o, "attempts", tries);
	json_object_set_new(o, "attempts_made", json_integer(t->tries_made));
	json_object_set_new(o, "passed_over", passes);
	json_object_set_new(o, "waits", json_integer(t->waits));
	json_object_set_new(o, "mends", json_integer(t->mends));
	return o;
}
