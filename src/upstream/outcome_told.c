/*
 * What the client is told of a request that failed: the last words for each outcome, and which of
 * several failures has them.  Pure; runs in workers.  See outcome.h.
 */
#include "upstream/outcome.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

static const struct {
	enum err_kind kind;
	const char *words; /* where Google said none, or none that the client may read */
} last_words[] = {
	[OUTCOME_OK] = { ERR_INTERNAL, "answered" },
	[OUTCOME_DROPPED] = { ERR_INTERNAL, "the client left" },
	[OUTCOME_REFUSED] = { ERR_BAD_REQUEST, "the upstream refused this request" },
	[OUTCOME_MODEL_UNKNOWN] = { ERR_MODEL_NOT_FOUND, "the upstream knows no such model" },
	[OUTCOME_KEY_INVALID] = { ERR_UNAVAILABLE,
	    "no usable credential is left: the upstream no longer accepts the last one tried" },
	[OUTCOME_KEY_DENIED] = { ERR_UNAVAILABLE,
	    "no usable credential is left: the upstream denies the last one tried" },
	[OUTCOME_SUSPENDED] = { ERR_UNAVAILABLE,
	    "no usable credential is left: the upstream has suspended the last one tried" },
	[OUTCOME_NO_CREDIT] = { ERR_QUOTA,
	    "the prepaid credit of the last credential tried is used up" },
	[OUTCOME_NEEDS_VALIDATION] = { ERR_UNAVAILABLE,
	    "no usable credential is left: the owner of the last one tried must confirm it" },
	[OUTCOME_FORBIDDEN] = { ERR_FORBIDDEN, "the upstream forbids this" },
	[OUTCOME_REGION] = { ERR_BAD_REQUEST,
	    "the upstream does not serve the place this server calls from" },
	[OUTCOME_QUOTA_MINUTE] = { ERR_BUSY, "every credential has used up this minute's quota" },
	[OUTCOME_QUOTA_DAY] = { ERR_QUOTA, "every credential has used up this day's quota" },
	[OUTCOME_QUOTA_ZERO] = { ERR_QUOTA, "no credential has any quota for this model" },
	[OUTCOME_QUOTA_VAGUE] = { ERR_BUSY, "the upstream limits the rate of every credential" },
	[OUTCOME_TOO_MANY_TOKENS] = { ERR_QUOTA,
	    "this request alone has more tokens than any credential may send in a minute" },
	[OUTCOME_NO_CAPACITY] = { ERR_OVERLOADED,
	    "the upstream has no capacity left for the model; try again in a moment" },
	[OUTCOME_OVERLOADED] = { ERR_OVERLOADED,
	    "the model is overloaded; try again in a moment" },
	[OUTCOME_CANCELLED] = { ERR_UPSTREAM, "the upstream cancelled this request" },
	[OUTCOME_SERVER_ERROR] = { ERR_UPSTREAM, "the upstream failed" },
	[OUTCOME_TIMED_OUT] = { ERR_UPSTREAM_SLOW, "the upstream did not answer in time" },
	[OUTCOME_SILENT] = { ERR_UPSTREAM_SLOW, "nothing came from the upstream in time" },
	[OUTCOME_OUT_OF_TIME] = { ERR_UPSTREAM_SLOW,
	    "the upstream did not finish in the time allowed" },
	[OUTCOME_UNREACHABLE] = { ERR_UPSTREAM, "the upstream could not be reached" },
	[OUTCOME_EMPTY] = { ERR_UPSTREAM, "the upstream answered with nothing in it" },
	[OUTCOME_GARBLED] = { ERR_UPSTREAM,
	    "the upstream's answer broke off or could not be understood" },
	[OUTCOME_BROKE_OFF] = { ERR_UPSTREAM,
	    "the upstream broke off in the middle of the answer" },
};
_Static_assert(sizeof(last_words) / sizeof(last_words[0]) == OUTCOME_COUNT,
    "every outcome has its last words");

/* A refusal keeps the status Google gave it. */
static enum err_kind
kind_of_refusal(const struct fault *f)
{
	switch (fault_status(f)) {
	case 403:
		return ERR_FORBIDDEN;
	case 404:
		/* Of the model; also where it is the method that it does not have. */
		return strncasecmp(f->message, "models/", 7) == 0 ? ERR_MODEL_NOT_FOUND
								  : ERR_NOT_FOUND;
	case 409:
		return ERR_CONFLICT;
	case 413:
		return ERR_TOO_LARGE;
	case 501:
		return ERR_UNSUPPORTED;
	default:
		return ERR_BAD_REQUEST;
	}
}

bool
outcome_is_ours(enum outcome o)
{
	switch (o) {
	case OUTCOME_KEY_INVALID:
	case OUTCOME_KEY_DENIED:
	case OUTCOME_SUSPENDED:
	case OUTCOME_NO_CREDIT:
	case OUTCOME_NEEDS_VALIDATION:
		return true;
	default:
		return false;
	}
}

/* Whether a model is known is no credential's matter, though it rests for it. */
static bool
is_of_one_credential(const struct verdict *v)
{
	return v->disable || (v->freeze != FREEZE_NONE && v->outcome != OUTCOME_MODEL_UNKNOWN);
}

bool
outcome_outweighs(const struct verdict *newer, const struct verdict *told)
{
	return told->outcome == OUTCOME_OK || !is_of_one_credential(newer) ||
	       is_of_one_credential(told);
}

/* Trying again helps, and when upstream says.  The delay that comes with a day's limit does not
 * mean it. */
static bool
passes_by_itself(enum outcome o, enum err_kind kind)
{
	return kind == ERR_BUSY || kind == ERR_UPSTREAM || kind == ERR_UPSTREAM_SLOW ||
	       kind == ERR_OVERLOADED || (kind == ERR_UNAVAILABLE && !outcome_is_ours(o));
}

const struct fault *
outcome_err(enum outcome o, const struct fault *f, struct err *e)
{
	assert(o < OUTCOME_COUNT);
	enum err_kind kind = o == OUTCOME_REFUSED && f ? kind_of_refusal(f) : last_words[o].kind;
	bool quote = f && f->message[0] != '\0' && !outcome_is_ours(o);

	err_set(e, kind, "%s", quote ? f->message : last_words[o].words);
	if (f && f->field[0] != '\0' && kind == ERR_BAD_REQUEST)
		snprintf(e->field, sizeof(e->field), "%s", f->field);
	if (f && f->retry_ms > 0 && passes_by_itself(o, kind))
		e->retry_ms = f->retry_ms;
	return outcome_is_ours(o) ? NULL : f;
}
