/*
 * What was pasted: see pasted.h.  The table of other services' keys keeps them out of the store and
 * off Google's wire: whoever gets one of them has it.
 */
#include "proc/pasted.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "upstream/credential.h"

#define AIZA_LENGTH      39 /* of every key that begins so */
#define LOOKS_KEY_LENGTH 30
#define NAME_MAX_LENGTH  48
#define HINTED_LENGTH    20 /* of shorter ones four characters at each end would be too much */

static const char *const gemini_prefixes[] = { "AIza", "AQ." };

/* The longer of two prefixes that begin alike stands first.  nocase: it is no key's, but words. */
static const struct {
	const char *prefix;
	bool nocase;
	const char *looks_like;
} foreign[] = {
	{ "sk-ant-", false, "a key of Anthropic" },
	{ "sk-or-", false, "a key of OpenRouter" },
	{ "sk-", false, "a key of OpenAI, or of another service that begins its keys so" },
	{ "gsk_", false, "a key of Groq" },
	{ "xai-", false, "a key of xAI" },
	{ "pplx-", false, "a key of Perplexity" },
	{ "hf_", false, "a token of Hugging Face" },
	{ "r8_", false, "a token of Replicate" },
	{ "nvapi-", false, "a key of NVIDIA" },
	{ "ghp_", false, "a token of GitHub" },
	{ "gho_", false, "a token of GitHub" },
	{ "ghs_", false, "a token of GitHub" },
	{ "github_pat_", false, "a token of GitHub" },
	{ "glpat-", false, "a token of GitLab" },
	{ "AKIA", false, "an access key of Amazon Web Services" },
	{ "ASIA", false, "an access key of Amazon Web Services" },
	{ "ya29.", false, "an OAuth access token of Google, which ends within the hour" },
	{ "1//", false, "an OAuth refresh token of Google, which belongs to an account" },
	{ "GOCSPX-", false, "an OAuth client secret of Google" },
	{ "eyJ", false, "a JSON web token" },
	{ "plx-", false, "a client key of Pollux, which programs present to Pollux itself" },
	{ "Bearer ", true, "a header: paste the key alone" },
	{ "Authorization:", true, "a header: paste the key alone" },
	{ "x-goog-api-key:", true, "a header: paste the key alone" },
	{ "http://", true, "a URL: paste the key alone" },
	{ "https://", true, "a URL: paste the key alone" },
	{ "-----BEGIN", false, "a private key or a certificate in PEM form" },
	{ "{", false, "JSON, such as a service account's file: a key is a line of text" },
	{ "[", false, "JSON: keys are given one on each line" },
};
#define FOREIGN_COUNT (sizeof(foreign) / sizeof(foreign[0]))

static bool
begins(struct span s, const char *prefix, bool nocase)
{
	size_t len = strlen(prefix);

	return s.len >= len &&
	       (nocase ? strncasecmp(s.p, prefix, len) == 0 : memcmp(s.p, prefix, len) == 0);
}

static const char *
whose(struct span s)
{
	for (size_t i = 0; i < FOREIGN_COUNT; i++)
		if (begins(s, foreign[i].prefix, foreign[i].nocase))
			return foreign[i].looks_like;
	return NULL;
}

static bool
has_gemini_prefix(struct span s)
{
	for (size_t i = 0; i < sizeof(gemini_prefixes) / sizeof(gemini_prefixes[0]); i++)
		if (span_starts(s, gemini_prefixes[i]))
			return true;
	return false;
}

bool
pasted_is_gemini(struct span s)
{
	return s.len >= LOOKS_KEY_LENGTH && has_gemini_prefix(s);
}

bool
pasted_is_foreign(struct span s)
{
	return whose(s) != NULL;
}

/* ---- NAME=VALUE ---- */

static struct span
without_export(struct span s)
{
	static const char word[] = "export";
	size_t len = sizeof(word) - 1;

	if (s.len > len && span_starts(s, word) && isspace((unsigned char)s.p[len]))
		return span_trim(span_mem(s.p + len, s.len - len));
	return s;
}

static bool
is_name(struct span s)
{
	if (s.len < 2 || s.len > NAME_MAX_LENGTH || !isupper((unsigned char)s.p[0]))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!isupper(c) && !isdigit(c) && c != '_')
			return false;
	}
	return true;
}

static struct span
without_quotes(struct span s)
{
	bool quoted = s.len >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.len - 1] == s.p[0];

	return quoted ? span_mem(s.p + 1, s.len - 2) : s;
}

bool
pasted_assignment(struct span line, struct span *name, struct span *value)
{
	struct span rest = without_export(span_trim(line));
	const char *equals = rest.len ? memchr(rest.p, '=', rest.len) : NULL;

	if (!equals)
		return false;
	struct span left = span_trim(span_mem(rest.p, (size_t)(equals - rest.p)));

	/* What begins as a key does may have a '=' at its end. */
	if (!is_name(left) || pasted_is_foreign(rest))
		return false;
	*name = left;
	*value = without_quotes(
	    span_trim(span_mem(equals + 1, (size_t)(rest.p + rest.len - equals - 1))));
	return true;
}

bool
pasted_names_keys(struct span name)
{
	static const char *const names[] = { "GEMINI_API_KEYS", "GEMINI_API_KEY", "GEMINI_KEYS",
		"GEMINI_KEY", "GOOGLE_API_KEYS", "GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

/* ---- a key ---- */

static void
doubt(struct pasted *p)
{
	if (!has_gemini_prefix(p->key))
		snprintf(p->doubt, sizeof(p->doubt),
		    "it begins neither with AIza nor with AQ., as Gemini's keys do");
	else if (span_starts(p->key, "AIza") && p->key.len != AIZA_LENGTH)
		snprintf(p->doubt, sizeof(p->doubt),
		    "it has %zu characters, and keys that begin with AIza have %d: was a line "
		    "broken?",
		    p->key.len, AIZA_LENGTH);
}

bool
pasted_read(struct span text, struct pasted *out, struct err *e)
{
	struct span s = span_trim(text), name, value;
	const char *looks_like = whose(s);

	*out = (struct pasted){ .key = SPAN_NONE };
	if (looks_like)
		return err_field(e, "key", "this is no Gemini key; it looks like %s", looks_like);
	if (pasted_assignment(s, &name, &value))
		return err_field(e, "key",
		    "this looks like a line of an .env file: paste what stands behind the '='");
	if (!credential_check_secret(s, &out->key, e))
		return false;
	doubt(out);
	return true;
}

void
pasted_hint(struct span key, struct buf *out)
{
	if (key.len >= HINTED_LENGTH) {
		buf_add(out, key.p, 4);
		buf_add_lit(out, "...");
		buf_add(out, key.p + key.len - 4, 4);
	} else {
		buf_add_lit(out, "...");
	}
}
