/*
 * What an attempt's end means.  Pure: one decision list for answers of Google's, one table
 * for what the network said.  Runs in workers and, for `keys test` and probes, in the janitor.
 * What the client hears of it is upstream/outcome_told.c.
 */
#include "upstream/outcome.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define JITTER_MS (120 * SECOND_MS)

const char *
outcome_name(enum outcome o)
{
	static const char *const names[] = {
#define OUTCOME_NAME(name, text, ...) [OUTCOME_##name] = text,
		OUTCOMES(OUTCOME_NAME)
#undef OUTCOME_NAME
	};

	assert(o < OUTCOME_COUNT);
	return names[o];
}

const struct outcome_facts *
outcome_facts(enum outcome o)
{
	static const struct outcome_facts facts[] = {
#define OUTCOME_FACTS(name, text, blame, breaker, spread, least, most)                             \
	[OUTCOME_##                                                                                \
	    name] = { OUTCOME_BLAMES_##blame, OUTCOME_BREAKS_##breaker, spread, least, most },
		OUTCOMES(OUTCOME_FACTS)
#undef OUTCOME_FACTS
	};

	assert(o < OUTCOME_COUNT);
	return &facts[o];
}

/* ---- midnight in California ---- */

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
	/* Rounded down and one more; a clock that was never set stands in the first hours of 1970.
	 */
	int64_t day = (now_wall_ms + pacific_offset_ms(now_wall_ms) + DAY_MS) / DAY_MS;

	/* The offset in force at that midnight: the change comes two hours later. */
	int64_t summer = day * DAY_MS + 7 * HOUR_MS;
	int64_t winter = day * DAY_MS + 8 * HOUR_MS;

	return pacific_offset_ms(summer) == -7 * HOUR_MS ? summer : winter;
}

/* ---- verdicts ---- */

/* Nobody is to do anything: the caller is told. */
static struct verdict
final(enum outcome o)
{
	return (struct verdict){ .outcome = o };
}

/* Another credential may do better. */
static struct verdict
elsewhere(enum outcome o)
{
	return (struct verdict){ .outcome = o, .try_other = true };
}

/* Or the same one, where there is no other. */
static struct verdict
anywhere(enum outcome o)
{
	return (struct verdict){ .outcome = o, .try_other = true, .try_same = true };
}

static struct verdict
disabled(enum outcome o)
{
	return (struct verdict){ .outcome = o, .try_other = true, .disable = true };
}

/* For as long as upstream says or we guess: the operator's bounds hold. */
static struct verdict
frozen(enum outcome o, enum freeze_scope scope, int64_t for_ms)
{
	return (struct verdict){ .outcome = o,
		.try_other = true,
		.freeze = scope,
		.freeze_for_ms = for_ms,
		.bounded = true };
}

static struct verdict
spent_until(int64_t wall_ms)
{
	return (struct verdict){ .outcome = OUTCOME_QUOTA_DAY,
		.try_other = true,
		.freeze = FREEZE_QUOTA,
		.freeze_until_wall_ms = wall_ms };
}

static int64_t
clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* ---- what Google's words say ---- */

static bool
reason_is(const struct fault *f, const char *reason)
{
	return strcmp(f->reason, reason) == 0;
}

static bool
begins_with_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strncasecmp(text, *words, strlen(*words)) == 0)
			return true;
	return false;
}

/* As its first words: further on a message may quote what the client wrote. */
static bool
begins(const struct fault *f, const char *words)
{
	return strncasecmp(f->message, words, strlen(words)) == 0;
}

/* ---- 429 ---- */

static bool
is_out_of_credit(const struct fault *f)
{
	/* Its first sentence, and nothing that is quoted there. */
	struct span words = span_mem(f->message, strcspn(f->message, ".\n\"'`"));

	return reason_is(f, "INSUFFICIENT_G1_CREDITS_BALANCE") ||
	       span_has_nocase(words, "prepayment credit") ||
	       span_has_nocase(words, "prepay credit");
}

static bool
is_out_of_capacity(const struct fault *f)
{
	return reason_is(f, "MODEL_CAPACITY_EXHAUSTED") ||
	       reason_is(f, "MODEL_CAPACITY_EXCEEDED") || begins(f, "No capacity available");
}

/* A day's limit often comes with a delay of seconds, which is not asked (lesson 20).  Not all come
 * back in the same moment. */
static struct verdict
spent_today(int64_t now, uint64_t chance)
{
	return spent_until(outcome_pacific_midnight(now) + (int64_t)(chance % JITTER_MS));
}

/* An account's quota, which has a day of its own. */
static struct verdict
spent_account(const struct fault *f, int64_t now, uint64_t chance)
{
	int64_t latest = outcome_pacific_midnight(now) + DAY_MS;

	if (f->reset_at_ms > now)
		return spent_until(f->reset_at_ms < latest ? f->reset_at_ms : latest);
	if (f->retry_ms > 0 && quota_period_of(f->quota_id) != QUOTA_DAY)
		return frozen(
		    OUTCOME_QUOTA_DAY, FREEZE_QUOTA, clamp(f->retry_ms, SECOND_MS, latest - now));
	return spent_today(now, chance);
}

/* An account that is merely too fast; where it has to wait for long, its quota is spent. */
static struct verdict
too_fast_account(const struct fault *f, int64_t now, uint64_t chance)
{
	int64_t wait = f->retry_ms;

	if (wait < 0)
		wait = f->reset_at_ms > now ? f->reset_at_ms - now : MINUTE_MS;
	if (wait > 5 * MINUTE_MS)
		return spent_account(f, now, chance);
	struct verdict v = frozen(OUTCOME_QUOTA_MINUTE, FREEZE_QUOTA, wait > 0 ? wait : SECOND_MS);

	v.try_same = wait <= 2 * SECOND_MS;
	return v;
}

/* Of a period that ends within the hour, the delay tells when. */
static struct verdict
spent_for_ms(int64_t said_ms, int64_t otherwise, int64_t least, int64_t most)
{
	struct verdict v = frozen(OUTCOME_QUOTA_MINUTE, FREEZE_QUOTA,
	    clamp(said_ms >= 0 ? said_ms : otherwise, least, most));

	v.try_same = most < HOUR_MS;
	return v;
}

static struct verdict
verdict_of_period(const struct fault *f, int64_t now, uint64_t chance)
{
	switch (f->period) {
	case QUOTA_ZERO:
		return (struct verdict){ .outcome = OUTCOME_QUOTA_ZERO,
			.try_other = true,
			.freeze = FREEZE_QUOTA,
			.freeze_for_ms = DAY_MS };
	case QUOTA_DAY:
		return spent_today(now, chance);
	case QUOTA_HOUR:
		return spent_for_ms(f->retry_ms, HOUR_MS, MINUTE_MS, HOUR_MS);
	case QUOTA_MINUTE:
		return spent_for_ms(f->retry_ms, MINUTE_MS, SECOND_MS, 2 * MINUTE_MS);
	case QUOTA_SECOND:
		return spent_for_ms(SECOND_MS, SECOND_MS, SECOND_MS, SECOND_MS);
	case QUOTA_UNKNOWN:
		break;
	}
	/* 0: how long depends on how many of these came in a row. */
	return frozen(OUTCOME_QUOTA_VAGUE, FREEZE_QUOTA,
	    f->retry_ms >= 0 ? clamp(f->retry_ms, SECOND_MS, 10 * MINUTE_MS) : 0);
}

static struct verdict
verdict_of_429(const struct fault *f, int64_t now, uint64_t chance)
{
	struct verdict v;

	if (f->is_json && is_out_of_credit(f))
		return disabled(OUTCOME_NO_CREDIT);
	if (f->period != QUOTA_ZERO && is_out_of_capacity(f))
		return anywhere(OUTCOME_NO_CAPACITY);
	if (f->period != QUOTA_ZERO && reason_is(f, "QUOTA_EXHAUSTED"))
		v = spent_account(f, now, chance);
	else if (f->period == QUOTA_UNKNOWN && reason_is(f, "RATE_LIMIT_EXCEEDED"))
		v = too_fast_account(f, now, chance);
	else
		v = verdict_of_period(f, now, chance);
	v.limit_rpm = f->limits.rpm;
	v.limit_tpm = f->limits.tpm;
	v.limit_rpd = f->limits.rpd;
	return v;
}

int64_t
outcome_vague_ms(unsigned in_a_row)
{
	int64_t ms = 30 * SECOND_MS;

	for (unsigned i = 1; i < in_a_row && ms < 300 * SECOND_MS; i++)
		ms *= 2;
	return ms < 300 * SECOND_MS ? ms : 300 * SECOND_MS;
}

void
outcome_with_tokens(struct verdict *v, const struct fault *f, uint64_t tokens)
{
	/* Where requests are spent as well, the minute is over for any prompt. */
	if (v->outcome != OUTCOME_QUOTA_MINUTE || f->limits.rpm > 0 || f->limits.tpm == 0 ||
	    tokens <= (uint64_t)f->limits.tpm)
		return;
	*v = elsewhere(OUTCOME_TOO_MANY_TOKENS);
	v->limit_tpm = f->limits.tpm;
}

/* ---- the other refusals ---- */

static struct verdict
verdict_of_400(const struct fault *f)
{
	static const char *const invalid[] = { "API key not valid", "API key expired", NULL };

	if (!f->is_json)
		return final(OUTCOME_REFUSED);
	if (reason_is(f, "API_KEY_INVALID") || begins_with_one_of(f->message, invalid))
		return disabled(OUTCOME_KEY_INVALID);
	if (strcmp(f->status, "FAILED_PRECONDITION") == 0 &&
	    begins(f, "User location is not supported"))
		return frozen(OUTCOME_REGION, FREEZE_WHOLE, DAY_MS);
	return final(OUTCOME_REFUSED);
}

static struct verdict
verdict_of_401(const struct fault *f)
{
	/* A method that no API key opens, though the key is as good as any. */
	if (reason_is(f, "CREDENTIALS_MISSING") || begins(f, "API keys are not supported"))
		return final(OUTCOME_REFUSED);
	return disabled(OUTCOME_KEY_INVALID);
}

static bool
is_suspended(const struct fault *f)
{
	static const char *const words[] = { "Your API key was reported as leaked",
		"Your project has been denied access", NULL };
	static const char *const consumer[] = { "Permission denied: Consumer ", "Consumer ", NULL };

	return reason_is(f, "CONSUMER_SUSPENDED") || begins_with_one_of(f->message, words) ||
	       (begins_with_one_of(f->message, consumer) &&
		   span_ends(span_of(f->message), "has been suspended."));
}

static bool
is_denied(const struct fault *f)
{
	static const char *const reasons[] = { "SERVICE_DISABLED", "BILLING_DISABLED",
		"USER_PROJECT_DENIED" };
	static const char *const words[] = { "Method doesn't allow unregistered callers",
		"Generative Language API has not been used in project", NULL };

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reason_is(f, reasons[i]))
			return true;
	/* Restrictions of the key: of its API, of referrers, of addresses, of apps. */
	if (strncmp(f->reason, "API_KEY_", 8) == 0 && span_ends(span_of(f->reason), "_BLOCKED"))
		return true;
	return begins_with_one_of(f->message, words);
}

static struct verdict
verdict_of_403(const struct fault *f)
{
	/* A file, a cache or a tuned model that another project owns: no credential is to blame. */
	static const char *const resource[] = { "You do not have permission to access",
		"CachedContent not found", NULL };

	if (reason_is(f, "API_KEY_INVALID"))
		return disabled(OUTCOME_KEY_INVALID);
	if (reason_is(f, "VALIDATION_REQUIRED"))
		return disabled(OUTCOME_NEEDS_VALIDATION);
	if (is_suspended(f)) {
		struct verdict v = disabled(OUTCOME_SUSPENDED);

		v.siblings = true;
		return v;
	}
	if (is_denied(f))
		return disabled(OUTCOME_KEY_DENIED);
	if (begins_with_one_of(f->message, resource))
		return final(OUTCOME_REFUSED);
	return frozen(OUTCOME_FORBIDDEN, FREEZE_OWN, 30 * MINUTE_MS);
}

static bool
is_about_a_model(const struct fault *f)
{
	static const char *const words[] = { "models/", "This model ", NULL };

	return begins_with_one_of(f->message, words);
}

/*
 * "models/X is not found for API version V, or is not supported for METHOD": one sentence for a
 * model that is not there and for a method that it does not have.  Whoever asks a chat model to
 * embed must not take it from all who chat with it.
 */
static bool
is_asked_for_another_method(const struct fault *f)
{
	static const char mark[] = "is not supported for ";
	static const char *const embedding[] = { "embed", "batchEmbed", NULL };
	static const char *const chatting[] = { "generateContent", "streamGenerateContent",
		"countTokens", NULL };
	struct span name = span_mem(f->message, strcspn(f->message, " "));
	const char *method = strstr(f->message, mark);

	return method != NULL && !begins_with_one_of(method + strlen(mark),
				     span_has_nocase(name, "embed") ? embedding : chatting);
}

static struct verdict
verdict_of_404(const struct fault *f)
{
	/* Previews may be open to some projects only, so another credential is worth a try. */
	if (is_about_a_model(f) && !is_asked_for_another_method(f))
		return frozen(OUTCOME_MODEL_UNKNOWN, FREEZE_OWN, DAY_MS);
	return final(OUTCOME_REFUSED);
}

/* ---- all of them ---- */

/* What comes without Google's envelope is of a portal or a proxy on the way: it knows nothing of
 * our credentials, nor of how loaded a model is. */
static bool
is_of_the_way(const struct fault *f)
{
	int status = fault_status(f);

	return !f->is_json && ((status >= 401 && status <= 403) || status == 503);
}

struct verdict
outcome_of_fault(const struct fault *f, int64_t now, uint64_t chance)
{
	int status = fault_status(f);

	if (is_of_the_way(f))
		return anywhere(OUTCOME_SERVER_ERROR);
	switch (status) {
	case 400:
		return verdict_of_400(f);
	case 401:
		return verdict_of_401(f);
	case 402:
		return disabled(OUTCOME_NO_CREDIT);
	case 403:
		return verdict_of_403(f);
	case 404:
		return verdict_of_404(f);
	case 408:
	case 504:
		return elsewhere(OUTCOME_TIMED_OUT);
	case 429:
		return verdict_of_429(f, now, chance);
	case 499:
		return anywhere(OUTCOME_CANCELLED);
	case 501:
		return final(OUTCOME_REFUSED);
	case 503:
		return anywhere(OUTCOME_OVERLOADED);
	default:
		break;
	}
	return status >= 400 && status < 500 ? final(OUTCOME_REFUSED)
					     : anywhere(OUTCOME_SERVER_ERROR);
}

static struct verdict
unsent(struct verdict v)
{
	v.unsent = true;
	return v;
}

struct verdict
outcome_of_fetch(enum fetch_result r)
{
	switch (r) {
	case FETCH_OK:
		return final(OUTCOME_OK);
	case FETCH_CONNECT_SLOW:
		return unsent(elsewhere(OUTCOME_SILENT));
	case FETCH_FIRST_BYTE_SLOW:
	case FETCH_IDLE:
		return elsewhere(OUTCOME_SILENT);
	case FETCH_TOTAL_SLOW: /* what the client or the operator allowed: no credential's doing */
		return final(OUTCOME_OUT_OF_TIME);
	case FETCH_CUT:
	case FETCH_PROTOCOL:
		return anywhere(OUTCOME_GARBLED);
	case FETCH_REFUSED: /* by us, before anyone was asked: the request's own doing */
		return unsent(final(OUTCOME_REFUSED));
	case FETCH_RESET: /* it may have been read by then */
		return anywhere(OUTCOME_UNREACHABLE);
	case FETCH_DNS:
	case FETCH_CONNECT:
	case FETCH_TLS:
	case FETCH_FORBIDDEN:
		break;
	}
	return unsent(anywhere(OUTCOME_UNREACHABLE));
}
