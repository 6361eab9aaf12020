/*
 * Words of refusal: see pool_refusal.h.
 */
#include "upstream/pool_refusal.h"

#include <stdio.h>
#include <time.h>
#include "upstream/outcome.h"

#define PROBED_MS 250

static const char *
time_text(int64_t wall_ms, char *out, size_t size)
{
	time_t seconds = (time_t)((wall_ms + 999) / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, size, "a time far off");
	return out;
}

/* The kind of error, and what all credentials have in common.  What froze them may be our business
 * alone: then it says nothing about this request. */
static enum err_kind
kind_of(const struct fitness_pass *p, struct err *words)
{
	switch (p->pass) {
	case PASS_MINUTE:
		err_set(words, ERR_BUSY, "every credential has used up this minute's quota");
		return ERR_BUSY;
	case PASS_TOKENS:
		err_set(words, ERR_BUSY,
		    "no credential has as many tokens left in this minute's quota");
		return ERR_BUSY;
	case PASS_DAY:
		err_set(words, ERR_QUOTA, "every credential has used up this day's quota");
		return ERR_QUOTA;
	case PASS_FROZEN:
		outcome_err(p->cause, NULL, words);
		if (words->kind == ERR_BUSY || words->kind == ERR_QUOTA ||
		    words->kind == ERR_MODEL_NOT_FOUND)
			return words->kind;
		break;
	case PASS_NO_ROOM:
		err_set(words, ERR_UNAVAILABLE, "this server has no room to count another request");
		return ERR_UNAVAILABLE;
	default:
		break;
	}
	err_set(words, ERR_UNAVAILABLE, "every credential rests after failures");
	return ERR_UNAVAILABLE;
}

/* How long a probe takes nobody knows; most are over in a moment. */
static int64_t
free_at_ms(const struct pool_refusal *r, const struct fitness_pass *p)
{
	int64_t soon_ms = r->now.ms + PROBED_MS;

	return p->pass == PASS_PROBED && p->free_at_ms > soon_ms ? soon_ms : p->free_at_ms;
}

static int64_t
free_in(const struct pool_refusal *r, const struct fitness_pass *p)
{
	int64_t ms = free_at_ms(r, p) - r->now.ms;

	return ms > 0 ? ms : 0;
}

static bool
refuse_until(
    const struct pool_refusal *r, const struct fitness_pass *p, enum err_kind kind,
    const char *words, const char *subject, int64_t *free_in_ms, struct err *e)
{
	char at[32];

	if (p->free_at_ms == INT64_MAX)
		return err_set(e, kind, "%s", words);
	*free_in_ms = free_in(r, p);
	return err_retry(e, kind, *free_in_ms, "%s; %s again at %s", words, subject,
	    time_text(r->now.wall_ms + *free_in_ms, at, sizeof(at)));
}

bool
pool_refuse(const struct pool_refusal *r, int64_t *free_in_ms, struct err *e)
{
	struct err words = ERR_INIT;

	*free_in_ms = -1;
	if (r->credentials == 0)
		return err_set(e, ERR_UNAVAILABLE,
		    "no credential is configured: the operator adds one with \"polluxctl keys "
		    "add\"");
	if (r->enabled == 0)
		return err_set(e, ERR_UNAVAILABLE,
		    "every credential is disabled: \"polluxctl keys list\" says why");
	if (r->model_unknown)
		return err_set(e, ERR_MODEL_NOT_FOUND, "the upstream knows no model \"%.*s\"",
		    SPAN_ARG(r->model));
	if (r->model_pass.pass != PASS_NONE)
		return refuse_until(r, &r->model_pass, ERR_OVERLOADED,
		    "the model is overloaded", "it is tried", free_in_ms, e);
	bool waits = r->next.free_at_ms != INT64_MAX;

	if (r->only && !waits && !r->tried_free && r->next.pass != PASS_NO_ROOM)
		return err_set(e, ERR_UNAVAILABLE,
		    "the credential that owns what this names can no longer be used: make it "
		    "anew");
	if ((!waits || r->tried_free) && r->next.pass != PASS_NO_ROOM) {
		/* Still, whoever may wait should know for how long. */
		if (waits)
			*free_in_ms = free_in(r, &r->next);
		return err_set(e, ERR_UNAVAILABLE, "every credential was tried");
	}
	enum err_kind kind = kind_of(&r->next, &words);

	return refuse_until(
	    r, &r->next, kind, words.text, "the first is free", free_in_ms, e);
}
