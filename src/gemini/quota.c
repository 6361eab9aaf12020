/*
 * Quota words and times: see quota.h.  Pure, runs in workers, owns nothing.
 */
#include "gemini/quota.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/text.h"

#define YEAR_MS (366 * 86400 * INT64_C(1000))

/* ---- times ---- */

/* The unit at the front in ms, taken off; 0 when none stands there. */
static double
take_unit(const char **p)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "ms", 1 }, { "h", 3600e3 }, { "m", 60e3 }, { "s", 1e3 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*p, units[i].name, len) != 0)
			continue;
		*p += len;
		return units[i].ms;
	}
	return 0;
}

int64_t
quota_duration_ms(const char *p)
{
	double sum = 0;
	bool any = false;

	while (*p >= '0' && *p <= '9') {
		char *behind;
		double n = strtod(p, &behind), unit;

		p = behind;
		unit = take_unit(&p);
		if (unit == 0)
			break;
		sum += n * unit;
		any = true;
	}
	if (!any)
		return -1;
	return sum < (double)YEAR_MS ? (int64_t)ceil(sum - 1e-6) : YEAR_MS;
}

int64_t
quota_timestamp_ms(const char *text)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0;
	int hours, minutes;
	char sign;

	if (p == NULL)
		return -1;
	if (*p == '.') {
		char *behind;
		double fraction = strtod(p, &behind);

		if (!(fraction < 1))
			return -1;
		ms = (int64_t)(fraction * 1000 + 0.5);
		p = behind;
	}
	ms += (int64_t)timegm(&tm) * 1000;
	if (sscanf(p, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-'))
		ms -= (sign == '+' ? 1 : -1) * (hours * INT64_C(60) + minutes) * 60000;
	else if (*p != 'Z' && *p != 'z')
		return -1;
	return ms >= 0 ? ms : -1;
}

/* ---- quota words ---- */

enum quota_period
quota_period_of(const char *text)
{
	static const struct {
		const char *word;
		enum quota_period period;
	} words[] = { { "PerDay", QUOTA_DAY }, { "per day", QUOTA_DAY }, { "Daily", QUOTA_DAY },
		{ "PerHour", QUOTA_HOUR }, { "per hour", QUOTA_HOUR },
		{ "PerMinute", QUOTA_MINUTE }, { "per minute", QUOTA_MINUTE },
		{ "PerSecond", QUOTA_SECOND }, { "per second", QUOTA_SECOND } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_has_nocase(span_of(text), words[i].word))
			return words[i].period;
	return QUOTA_UNKNOWN;
}

/* Behind the next "limit:" and its blanks, or NULL. */
static const char *
next_limit(const char *p)
{
	p = strstr(p, "limit:");
	if (p == NULL)
		return NULL;
	p += strlen("limit:");
	return p + strspn(p, " \t\r\n");
}

bool
quota_says_zero(const char *message)
{
	for (const char *p = message; (p = next_limit(p)) != NULL;)
		if (p[0] == '0' && !(p[1] >= '0' && p[1] <= '9') && p[1] != '.')
			return true;
	return false;
}

/* The number at the front, and behind it; -1: none, or no whole one. */
static int64_t
take_limit(const char **p)
{
	size_t digits = strspn(*p, "0123456789");
	struct span number = span_mem(*p, digits);
	int64_t value;

	*p += digits;
	return **p != '.' && span_int(number, 0, INT64_MAX, &value) ? value : -1;
}

void
quota_limit(const char *message, int64_t *value, struct span *model)
{
	static const char mark[] = ", model: ";
	const char *p = next_limit(message);

	*value = -1;
	*model = SPAN_NONE;
	if (p == NULL)
		return;
	*value = take_limit(&p);
	if (strncmp(p, mark, strlen(mark)) == 0)
		*model = span_mem(p + strlen(mark), strcspn(p + strlen(mark), " ,\r\n\t"));
	while ((p = next_limit(p)) != NULL)
		if (take_limit(&p) != *value)
			*value = -1;
}

int64_t
quota_retry_ms(const char *message)
{
	static const char *const marks[] = { "retry in ", "reset after " };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *p = strcasestr(message, marks[i]);

		if (p != NULL)
			return quota_duration_ms(p + strlen(marks[i]));
	}
	return -1;
}

/* ---- limits ---- */

/* "GenerateContentInputTokensPerModelPerMinute": where in l it belongs, or NULL. */
static int64_t *
limit_of(struct quota_limits *l, const char *id)
{
	struct span text = span_of(id);
	enum quota_period period = quota_period_of(id);

	if (span_has_nocase(text, "token"))
		return period == QUOTA_MINUTE && !span_has_nocase(text, "output") ? &l->tpm : NULL;
	if (!span_has_nocase(text, "request"))
		return NULL;
	return period == QUOTA_MINUTE ? &l->rpm : period == QUOTA_DAY ? &l->rpd : NULL;
}

void
quota_limits_add(struct quota_limits *l, const char *id, int64_t value)
{
	int64_t *limit = limit_of(l, id);

	if (limit == NULL || value < 1 || value > QUOTA_LIMIT_MAX)
		return;
	if (*limit == 0 || value < *limit)
		*limit = value;
}
