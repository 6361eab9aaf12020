/*
 * What is known of Gemini's models: see model.h.  Pure, runs in workers, owns nothing.
 *
 * The table below is for clamping, not for refusing: a model that it does not know goes
 * upstream as it is.  So a limit stands here only where Google states it.
 */
#include "gemini/model.h"

#define NAME_LONGEST 128

#define TUNED "tunedModels/"

static const struct known {
	const char *prefix; /* of the bare name; ends where the name ends or a '-' follows */
	int64_t output_tokens, input_tokens;
	bool thinks;
} known[] = {
	{ "gemini-1.5-flash", 8192, 1048576, false },
	{ "gemini-1.5-pro", 8192, 2097152, false },
	{ "gemini-2.0-flash", 8192, 1048576, false },
	{ "gemini-2.0-flash-lite", 8192, 1048576, false },
	{ "gemini-2.5-flash", 65536, 1048576, true },
	{ "gemini-2.5-flash-image", 32768, 0, false },
	{ "gemini-2.5-flash-lite", 65536, 1048576, true },
	{ "gemini-2.5-flash-live", 0, 0, true },
	{ "gemini-2.5-flash-native-audio", 0, 0, true },
	{ "gemini-2.5-flash-preview-tts", 16384, 8192, false },
	{ "gemini-2.5-pro", 65536, 1048576, true },
	{ "gemini-2.5-pro-preview-tts", 16384, 8192, false },
	{ "gemini-3-flash", 65536, 1048576, true },
	{ "gemini-3-pro", 65536, 1048576, true },
	{ "gemini-3-pro-image", 32768, 65536, true },
	{ "gemini-3.1-flash-lite", 65536, 1048576, true },
	{ "gemini-3.1-pro", 65536, 1048576, true },
	{ "gemini-embedding-001", 0, 2048, false },
	{ "gemini-embedding-2", 0, 8192, false },
	{ "gemma", 0, 0, false },
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static bool
drop_prefix(struct span *name, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!span_starts(*name, prefix))
		return false;
	*name = span_mem(name->p + len, name->len - len);
	return true;
}

struct span
model_bare(struct span name)
{
	while (drop_prefix(&name, "models/") || drop_prefix(&name, "google/"))
		continue;
	return name;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool
model_name_is_valid(struct span bare)
{
	drop_prefix(&bare, TUNED);
	/* The first one is no '.', so that no name can climb out of its path. */
	if (bare.len == 0 || bare.len > NAME_LONGEST || !is_alnum(bare.p[0]))
		return false;
	for (size_t i = 0; i < bare.len; i++)
		if (!is_alnum(bare.p[i]) && !memchr("-_.", bare.p[i], 3))
			return false;
	return true;
}

/* The number at the front, taken off; -1 when none stands there. */
static int
take_number(struct span *rest)
{
	int n = 0;
	size_t i = 0;

	for (; i < rest->len && i < 4 && rest->p[i] >= '0' && rest->p[i] <= '9'; i++)
		n = n * 10 + (rest->p[i] - '0');
	*rest = span_mem(rest->p + i, rest->len - i);
	return i > 0 ? n : -1;
}

static void
read_version(struct span bare, struct model_facts *f)
{
	int major, minor = 0;

	if (!drop_prefix(&bare, "gemini-"))
		return;
	major = take_number(&bare);
	if (major < 0)
		return;
	if (drop_prefix(&bare, "."))
		minor = take_number(&bare);
	if (minor < 0 || (bare.len > 0 && bare.p[0] != '-'))
		return;
	f->major = major;
	f->minor = minor;
}

static bool
is_family(struct span bare, const char *prefix)
{
	size_t len = strlen(prefix);

	return span_starts(bare, prefix) && (bare.len == len || bare.p[len] == '-');
}

struct model_facts
model_facts(struct span bare)
{
	struct model_facts f = { 0 };
	size_t longest = 0;

	read_version(bare, &f);
	f.thinks = f.major >= 3;
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		size_t len = strlen(known[i].prefix);

		if (len <= longest || !is_family(bare, known[i].prefix))
			continue;
		longest = len;
		f.output_token_limit = known[i].output_tokens;
		f.input_token_limit = known[i].input_tokens;
		f.thinks = known[i].thinks;
	}
	return f;
}
