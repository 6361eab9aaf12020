/*
 * What an attempt's end means.  Pure: one decision list for answers of Google's, one table
 * for what the network said.  Runs in workers and, for `keys test`, in the janitor.
 */
#include "upstream/outcome.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

const char *
outcome_name(enum outcome o)
{
	static const char *const names[] = {
#define OUTCOME_NAME(name, text) text,
		OUTCOMES(OUTCOME_NAME)
#undef OUTCOME_NAME
	};

	assert(o < OUTCOME_COUNT);
	return names[o];
}

/* Days since 1970-01-01 of a civil date; month from 1. */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static int64_t
year_of(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = z / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);

	/* Years begin in March here; January and February belong to the next. */
	return era * 400 + year_of_era + (day_of_year >= 306 ? 1 : 0);
}

/* The n-th Sunday of a month, in days since 1970.  1970-01-01 was a Thursday. */
static int64_t
sunday_of(int64_t year, int month, int n)
{
	int64_t first = days_of(year, month, 1);
	int64_t weekday = (first + 4) % 7; /* 0 is Sunday */

	return first + (7 - weekday) % 7 + (n - 1) * 7;
}

/* The rule since 2007: from the second Sunday of March, 10:00 UTC, to the first of November, 09:00
 * UTC. */
static int64_t
pacific_offset_ms(int64_t wall_ms)
{
	int64_t year = year_of(wall_ms / DAY_MS);
	int64_t begins = sunday_of(year, 3, 2) * DAY_MS + 10 * HOUR_MS;
	int64_t ends = sunday_of(year, 11, 1) * DAY_MS + 9 * HOUR_MS;

	return wall_ms >= begins && wall_ms < ends ? -7 * HOUR_MS : -8 * HOUR_MS;
}

int64_t
outcome_pacific_midnight(int64_t now_wall_ms)
{
	int64_t day = (now_wall_ms + pacific_offset_ms(now_wall_ms)) / DAY_MS + 1;

	/* The offset in force at that midnight: the change comes two hours later. */
	int64_t summer = day * DAY_MS + 7 * HOUR_MS;
	int64_t winter = day * DAY_MS + 8 * HOUR_MS;

	return pacific_offset_ms(summer) == -7 * HOUR_MS ? summer : winter;
}

static struct verdict
verdict_of(enum outcome o)
{
	return (struct verdict){ .outcome = o };
}

static struct verdict
frozen(enum outcome o, bool whole, int64_t until_wall_ms)
{
	return (struct verdict){ .outcome = o,
		.try_other = true,
		.whole = whole,
		.freeze_until_wall_ms = until_wall_ms };
}

static struct verdict
disabled(enum outcome o)
{
	return (struct verdict){ .outcome = o, .try_other = true, .disable = true };
}

static int64_t
clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* The quota id decides, never the delay alone: a day's limit often comes with a delay of seconds
 * (lesson 20). */
static struct verdict
verdict_of_quota(const struct fault *f, int64_t now, uint64_t chance)
{
	bool said = f->retry_ms >= 0;

	if (span_has_nocase(span_of(f->message), "prepayment credit") ||
	    span_has_nocase(span_of(f->message), "prepay credit"))
		return disabled(OUTCOME_NO_CREDIT);
	switch (f->period) {
	case QUOTA_ZERO:
		return frozen(OUTCOME_QUOTA_ZERO, false, now + DAY_MS);
	case QUOTA_DAY:
		return frozen(OUTCOME_QUOTA_DAY, false,
		    outcome_pacific_midnight(now) + (int64_t)(chance % (120 * SECOND_MS)));
	case QUOTA_HOUR:
		return frozen(OUTCOME_QUOTA_MINUTE, false,
		    now + (said ? clamp(f->retry_ms, SECOND_MS, HOUR_MS) : HOUR_MS));
	case QUOTA_MINUTE:
		return frozen(OUTCOME_QUOTA_MINUTE, false,
		    now + (said ? clamp(f->retry_ms, SECOND_MS, 2 * MINUTE_MS) : MINUTE_MS));
	case QUOTA_SECOND:
		return frozen(OUTCOME_QUOTA_MINUTE, false, now + SECOND_MS);
	case QUOTA_UNKNOWN:
		break;
	}
	return frozen(OUTCOME_QUOTA_VAGUE, false,
	    now + (said ? clamp(f->retry_ms, SECOND_MS, 10 * MINUTE_MS) : 30 * SECOND_MS));
}

static bool
reason_is_one_of(const struct fault *f, const char *const *reasons)
{
	for (; *reasons; reasons++)
		if (strcmp(f->reason, *reasons) == 0)
			return true;
	return false;
}

/* As its first words: further on it may quote what the client wrote. */
static bool
begins(const struct fault *f, const char *words)
{
	return strncasecmp(f->message, words, strlen(words)) == 0;
}

static struct verdict
verdict_of_400(const struct fault *f, int64_t now)
{
	if (strcmp(f->reason, "API_KEY_INVALID") == 0 || begins(f, "API key not valid") ||
	    begins(f, "API key expired"))
		return disabled(OUTCOME_KEY_INVALID);
	if (strcmp(f->status, "FAILED_PRECONDITION") == 0 &&
	    begins(f, "User location is not supported"))
		return frozen(OUTCOME_REGION, true, now + DAY_MS);
	return verdict_of(OUTCOME_REFUSED);
}

static struct verdict
verdict_of_401(const struct fault *f)
{
	if (!f->is_json) /* a portal or a proxy on the way: it knows nothing of our keys */
		return (struct verdict){ .outcome = OUTCOME_SERVER_ERROR, .try_other = true };
	/* A method that no API key opens, though the key is as good as any. */
	if (strcmp(f->reason, "CREDENTIALS_MISSING") == 0 ||
	    begins(f, "API keys are not supported"))
		return verdict_of(OUTCOME_REFUSED);
	return disabled(f->http_status == 402 ? OUTCOME_NO_CREDIT : OUTCOME_KEY_INVALID);
}

static struct verdict
verdict_of_403(const struct fault *f, int64_t now)
{
	static const char *const denied[] = { "CONSUMER_SUSPENDED", "SERVICE_DISABLED",
		"BILLING_DISABLED", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED",
		"API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_ANDROID_APP_BLOCKED",
		"API_KEY_IOS_APP_BLOCKED", "USER_PROJECT_DENIED", NULL };
	static const char *const words[] = { "reported as leaked", "project has been denied access",
		"has been suspended", "unregistered callers", NULL };

	if (reason_is_one_of(f, denied))
		return disabled(OUTCOME_KEY_DENIED);
	/* A file, a cache or a tuned model that another project owns: no credential is to blame.
	 * Its name follows, which may be any words. */
	if (span_has_nocase(span_of(f->message), "permission to access"))
		return verdict_of(OUTCOME_REFUSED);
	for (const char *const *w = words; *w; w++)
		if (span_has_nocase(span_of(f->message), *w))
			return disabled(OUTCOME_KEY_DENIED);
	return frozen(OUTCOME_FORBIDDEN, false, now + 30 * MINUTE_MS);
}

static struct verdict
verdict_of_404(const struct fault *f)
{
	struct span words = span_of(f->message);

	/*
	 * Previews may be open to some projects only, so another credential is worth a try.  No
	 * freeze: names come from clients, and each would take a cell of the board.
	 */
	if (span_has_nocase(words, "models/") || span_has_nocase(words, "no longer available"))
		return (struct verdict){ .outcome = OUTCOME_MODEL_UNKNOWN, .try_other = true };
	return verdict_of(OUTCOME_REFUSED);
}

struct verdict
outcome_of_fault(const struct fault *f, int64_t now, uint64_t chance)
{
	switch (f->http_status >= 400 ? f->http_status : f->code) {
	case 400:
		return verdict_of_400(f, now);
	case 401:
	case 402:
		return verdict_of_401(f);
	case 403:
		return verdict_of_403(f, now);
	case 404:
		return verdict_of_404(f);
	case 429:
		return verdict_of_quota(f, now, chance);
	case 408:
	case 504:
		return (struct verdict){ .outcome = OUTCOME_TIMED_OUT, .try_other = true };
	case 503:
		return (struct verdict){
			.outcome = OUTCOME_OVERLOADED, .try_other = true, .try_same = true
		};
	case 499:
	case 500:
	case 502:
		return (struct verdict){
			.outcome = OUTCOME_SERVER_ERROR, .try_other = true, .try_same = true
		};
	case 501:
		return verdict_of(OUTCOME_REFUSED);
	default:
		break;
	}
	if (f->http_status >= 400 && f->http_status < 500)
		return verdict_of(OUTCOME_REFUSED);
	return (
	    struct verdict){ .outcome = OUTCOME_SERVER_ERROR, .try_other = true, .try_same = true };
}

struct verdict
outcome_of_fetch(enum fetch_result r)
{
	switch (r) {
	case FETCH_OK:
		return verdict_of(OUTCOME_OK);
	case FETCH_CONNECT_SLOW:
	case FETCH_FIRST_BYTE_SLOW:
	case FETCH_IDLE:
		return (struct verdict){ .outcome = OUTCOME_TIMED_OUT, .try_other = true };
	case FETCH_TOTAL_SLOW: /* total_timeout, or what the client allowed: no credential's doing
				*/
		return verdict_of(OUTCOME_OUT_OF_TIME);
	case FETCH_CUT:
	case FETCH_PROTOCOL:
		return (struct verdict){
			.outcome = OUTCOME_GARBLED, .try_other = true, .try_same = true
		};
	case FETCH_REFUSED: /* by us, before anyone was asked: the request's own doing */
		return verdict_of(OUTCOME_REFUSED);
	case FETCH_DNS:
	case FETCH_CONNECT:
	case FETCH_TLS:
	case FETCH_RESET:
	case FETCH_FORBIDDEN:
		break;
	}
	return (
	    struct verdict){ .outcome = OUTCOME_UNREACHABLE, .try_other = true, .try_same = true };
}

/*	outcome		kind of the err		words, where Google said none */
static const struct {
	enum outcome outcome;
	enum err_kind kind;
	const char *words;
} last_words[] = {
	{ OUTCOME_REFUSED, ERR_BAD_REQUEST, "the upstream refused this request" },
	{ OUTCOME_MODEL_UNKNOWN, ERR_MODEL_NOT_FOUND, "the upstream knows no such model" },
	{ OUTCOME_KEY_INVALID, ERR_UNAVAILABLE,
	    "no usable credential is left: the upstream no longer accepts the last one tried" },
	{ OUTCOME_KEY_DENIED, ERR_UNAVAILABLE,
	    "no usable credential is left: the upstream denies the last one tried" },
	{ OUTCOME_NO_CREDIT, ERR_QUOTA,
	    "the prepaid credit of the last credential tried is used up" },
	{ OUTCOME_FORBIDDEN, ERR_FORBIDDEN, "the upstream forbids this" },
	{ OUTCOME_REGION, ERR_BAD_REQUEST,
	    "the upstream does not serve the place this server calls from" },
	{ OUTCOME_QUOTA_MINUTE, ERR_BUSY, "every credential has used up this minute's quota" },
	{ OUTCOME_QUOTA_DAY, ERR_QUOTA, "every credential has used up this day's quota" },
	{ OUTCOME_QUOTA_ZERO, ERR_QUOTA, "no credential has any quota for this model" },
	{ OUTCOME_QUOTA_VAGUE, ERR_BUSY, "the upstream limits the rate of every credential" },
	{ OUTCOME_OVERLOADED, ERR_UNAVAILABLE, "the model is overloaded; try again in a moment" },
	{ OUTCOME_SERVER_ERROR, ERR_UPSTREAM, "the upstream failed" },
	{ OUTCOME_TIMED_OUT, ERR_UPSTREAM_SLOW, "the upstream did not answer in time" },
	{ OUTCOME_OUT_OF_TIME, ERR_UPSTREAM_SLOW,
	    "the upstream did not finish in the time allowed" },
	{ OUTCOME_UNREACHABLE, ERR_UPSTREAM, "the upstream could not be reached" },
	{ OUTCOME_EMPTY, ERR_UPSTREAM, "the upstream answered with nothing in it" },
	{ OUTCOME_GARBLED, ERR_UPSTREAM,
	    "the upstream's answer broke off or could not be understood" },
	{ OUTCOME_BROKE_OFF, ERR_UPSTREAM, "the upstream broke off in the middle of the answer" },
	{ OUTCOME_DROPPED, ERR_INTERNAL, "the client left" },
	{ OUTCOME_OK, ERR_INTERNAL, "answered" },
};

/* A refusal keeps the status Google gave it. */
static enum err_kind
kind_of_refusal(const struct fault *f)
{
	switch (f->http_status >= 400 ? f->http_status : f->code) {
	case 403:
		return ERR_FORBIDDEN;
	case 404:
		return ERR_NOT_FOUND;
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
	return o == OUTCOME_KEY_INVALID || o == OUTCOME_KEY_DENIED || o == OUTCOME_NO_CREDIT;
}

static bool
is_of_one_credential(const struct verdict *v)
{
	return v->freeze_until_wall_ms != 0 || v->disable;
}

bool
outcome_outweighs(const struct verdict *newer, const struct verdict *told)
{
	return told->outcome == OUTCOME_OK || !is_of_one_credential(newer) ||
	       is_of_one_credential(told);
}

const struct fault *
outcome_err(enum outcome o, const struct fault *f, struct err *e)
{
	size_t i = 0;

	while (last_words[i].outcome != o) {
		i++;
		assert(i < sizeof(last_words) / sizeof(last_words[0]));
	}
	enum err_kind kind = o == OUTCOME_REFUSED && f ? kind_of_refusal(f) : last_words[i].kind;
	bool quote = f && f->message[0] != '\0' && !outcome_is_ours(o);

	err_set(e, kind, "%s", quote ? f->message : last_words[i].words);
	if (f && f->field[0] != '\0' && kind == ERR_BAD_REQUEST)
		snprintf(e->field, sizeof(e->field), "%s", f->field);
	if (f && f->retry_ms > 0)
		e->retry_ms = f->retry_ms;
	return outcome_is_ours(o) ? NULL : f;
}
