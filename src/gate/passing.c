/*
 * Headers that pass: see passing.h.  Pure, runs in workers.
 */
#include "gate/passing.h"

#include <string.h>
#include "base/text.h"

static bool
is_one_of(struct span name, const char *const *names)
{
	for (; *names; names++)
		if (span_is_nocase(name, *names))
			return true;
	return false;
}

static bool
starts_nocase(struct span name, const char *prefix)
{
	size_t len = strlen(prefix);

	return name.len >= len && span_is_nocase(span_mem(name.p, len), prefix);
}

static bool
starts_with_one_of(struct span name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (starts_nocase(name, *prefixes))
			return true;
	return false;
}

/* What says something of the body, of the part of it that is wanted, or of an upload; and
 * Google's own, but for those that name who asks. */
bool
passing_up(struct span name)
{
	/* A proxy before us may have signed in who asks: that is for us alone. */
	static const char *const ours[] = { "x-goog-api-key", "x-goog-user-project",
		"x-goog-api-client", NULL };
	static const char *const names[] = { "x-goog-authenticated-user", "x-goog-iap-",
		"x-goog-iam-", NULL };
	static const char *const others[] = { "content-type", "content-encoding", "content-range",
		"accept", "accept-language", "range", "if-match", "if-none-match", "if-range",
		"if-modified-since", "if-unmodified-since", "x-server-timeout",
		"x-http-method-override", "slug", NULL };

	if (starts_nocase(name, "x-goog-"))
		return !is_one_of(name, ours) && !starts_with_one_of(name, names);
	return is_one_of(name, others);
}

bool
passing_down(struct span name)
{
	static const char *const names[] = { "content-type", "content-range", "accept-ranges",
		"content-disposition", "content-encoding", "content-language", "etag", "expires",
		"last-modified", "cache-control", "vary", "digest", "x-server-timing", NULL };

	return is_one_of(name, names) || starts_nocase(name, "x-goog-upload-") ||
	       starts_nocase(name, "x-goog-hash") || span_is_nocase(name, "location");
}
