/*
 * How Google speaks of quotas: periods in identifiers, limits and waits in sentences,
 * durations and timestamps of proto3's JSON.  Pure.
 */
#ifndef POLLUX_GEMINI_QUOTA_H
#define POLLUX_GEMINI_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

/* The longer the later; QUOTA_ZERO is a limit of nothing at all. */
enum quota_period { QUOTA_UNKNOWN, QUOTA_SECOND, QUOTA_MINUTE, QUOTA_HOUR, QUOTA_DAY, QUOTA_ZERO };

/* Of "GenerateRequestsPerDayPerProjectPerModel-FreeTier", or of a sentence. */
enum quota_period quota_period_of(const char *text);
/* "limit: 0" and not "limit: 0.5": the model is not for this project at all. */
bool quota_says_zero(const char *message);
/* Of "... limit: 20, model: gemini-x": -1 and an empty span where it does not say; -1 too where it
 * states several that differ.  model is borrowed from message. */
void quota_limit(const char *message, int64_t *value, struct span *model);
/* Of "... retry in 56.18s." or "... reset after 3h2m."; -1 when it does not say. */
int64_t quota_retry_ms(const char *message);

/* Limits as upstream stated them; 0: it did not.  Those of other units (tokens a day, anything an
 * hour) have no place here. */
struct quota_limits {
	int64_t rpm, tpm, rpd; /* requests and prompt tokens a minute, requests a day */
};
#define QUOTA_LIMIT_MAX INT64_C(16000000) /* one above it is none that would ever be reached */

/* The identifier decides what is counted and how long.  A limit of nothing is none to learn; of
 * two for the same unit both hold, so the smaller stays. */
void quota_limits_add(struct quota_limits *, const char *quota_id, int64_t value);

/* "38s", "0.539s", "964ms", "11h2m3.5s"; rounded up to whole ms, at most a year; -1: none. */
int64_t quota_duration_ms(const char *);
/* RFC 3339 to Unix time; -1: none. */
int64_t quota_timestamp_ms(const char *);

#endif
