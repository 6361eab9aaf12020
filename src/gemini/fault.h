/*
 * An error answer of Google's, read: envelope, google.rpc details, quota words.  Pure.
 * Tolerates what is seen in the wild: arrays of one, envelopes nested as text, HTML, nothing
 * at all.
 */
#ifndef POLLUX_GEMINI_FAULT_H
#define POLLUX_GEMINI_FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/text.h"
#include "gemini/quota.h"

struct fault {
	int http_status;     /* of the answer; 200 for an error amid a stream */
	int code;            /* error.code, else what status stands for, else http_status */
	const char *status;  /* "RESOURCE_EXHAUSTED", "" */
	const char *message; /* Google's words, plain, secrets taken out; "" */
	const char *reason;  /* of ErrorInfo, "API_KEY_INVALID", else of the older list; "" */
	const char *field;   /* of the first BadRequest violation; "" */
	/* Where its owner confirms an account, for the operator to be shown; no secret; "". */
	const char *validation_link;
	/* Of the violation with the longest period.  The model may be another than the one asked
	 * for: an alias's, or "" */
	const char *quota_id, *quota_model;
	int64_t quota_value;        /* -1: not said */
	struct quota_limits limits; /* of all violations, each to its own */
	enum quota_period period;   /* the longest of several; QUOTA_ZERO beats all */
	int64_t retry_ms;    /* RetryInfo, else quotaResetDelay, else "retry in Xs"; -1: not said */
	int64_t reset_at_ms; /* quotaResetTimeStamp as Unix time; -1: not said */
	struct span body; /* to be relayed: without DebugInfo and secrets; empty unless is_json */
	bool is_json;     /* body is a JSON error envelope, as an object or a list of one */
};

/* body: a whole answer, or the JSON of a chunk with an error.  All texts are in the arena. */
void fault_parse(int http_status, struct span body, struct arena *, struct fault *out);
/* What decides: the answer's own status, or the error's where the answer had begun well. */
int fault_status(const struct fault *);
/* Key shapes (AIza..., AQ...., ya29...., 1//...), "api_key:...", the values of key= and
 * access_token= and what follows "Bearer " are replaced by "[redacted]".  JSON stays JSON. */
void fault_redact(struct span text, struct buf *out);

#endif
