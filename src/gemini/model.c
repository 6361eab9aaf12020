/*
 * What is known of Gemini's models: see model.h.  Pure, runs in workers, owns nothing.
 *
 * The tables below are for translating well, not for refusing: a model that they do not know
 * goes upstream as it is.  So a limit stands here only where Google states it, and a lack only
 * where a whole family has it; whatever else a model lacks is learned from its refusals.
 */
#include "gemini/model.h"

#include <stdio.h>

#define NAME_LONGEST 128

#define TUNED "tunedModels/"

/* ---- families ---- */

#define LEVEL(level) (1u << LEVEL_##level)
#define LOW_TO_HIGH  (LEVEL(LOW) | LEVEL(MEDIUM) | LEVEL(HIGH))
#define ALL_LEVELS   (LEVEL(MINIMAL) | LOW_TO_HIGH)

/* Before Gemini 3 neither search nor a format of the answer went with functions. */
#define APART (LACKS(FORMAT_WITH_TOOLS) | LACKS(SEARCH_WITH_TOOLS))
/* Before 2.5 schemas were of OpenAPI's kind alone. */
#define OLD (APART | LACKS(JSON_SCHEMA))
/* The open models take words and give words. */
#define OPEN (OLD | LACKS(SYSTEM) | LACKS(JSON_MODE) | LACKS(CANDIDATES))
/* One answer at a time: Gemini 3, and all that make images or speech. */
#define ONE LACKS(CANDIDATES)

#define NO_THINKING           THINKING_NONE, 0, 0, false, 0
#define BUDGET(from, to)      THINKING_BUDGET, from, to, false, 0
#define BUDGET_OR_0(from, to) THINKING_BUDGET, from, to, true, 0
#define LEVELS(levels)        THINKING_LEVEL, 0, 0, false, levels

static const struct known {
	const char *prefix; /* of the bare name; ends where the name ends or a '-' follows */
	int64_t output_tokens, input_tokens; /* 0: not said */
	enum model_thinking thinking;
	int32_t budget_min, budget_max;
	bool stops;
	unsigned levels;
	unsigned lacks;
} known[] = {
	{ "gemini-1.0", 0, 0, NO_THINKING, OLD },
	{ "gemini-1.5", 8192, 0, NO_THINKING, OLD },
	{ "gemini-1.5-flash", 8192, 1048576, NO_THINKING, OLD },
	{ "gemini-1.5-pro", 8192, 2097152, NO_THINKING, OLD },
	{ "gemini-2.0", 0, 0, NO_THINKING, OLD },
	{ "gemini-2.0-flash", 8192, 1048576, NO_THINKING, OLD },
	{ "gemini-2.0-flash-lite", 8192, 1048576, NO_THINKING, OLD },
	{ "gemini-2.5", 0, 0, NO_THINKING, APART },
	{ "gemini-2.5-flash", 65536, 1048576, BUDGET_OR_0(1, 24576), APART },
	{ "gemini-2.5-flash-image", 32768, 0, NO_THINKING, APART | ONE },
	{ "gemini-2.5-flash-lite", 65536, 1048576, BUDGET_OR_0(512, 24576), APART },
	{ "gemini-2.5-flash-live", 0, 0, BUDGET_OR_0(1, 24576), APART },
	{ "gemini-2.5-flash-native-audio", 0, 0, BUDGET_OR_0(1, 24576), APART },
	{ "gemini-2.5-flash-preview-tts", 16384, 8192, NO_THINKING, APART | ONE },
	{ "gemini-2.5-pro", 65536, 1048576, BUDGET(128, 32768), APART },
	{ "gemini-2.5-pro-preview-tts", 16384, 8192, NO_THINKING, APART | ONE },
	{ "gemini-3-flash", 65536, 1048576, LEVELS(ALL_LEVELS), ONE },
	{ "gemini-3-pro", 65536, 1048576, LEVELS(LEVEL(LOW) | LEVEL(HIGH)), ONE },
	{ "gemini-3-pro-image", 32768, 65536, LEVELS(LEVEL(HIGH)), ONE },
	{ "gemini-3.1-flash-image", 0, 0, LEVELS(LEVEL(MINIMAL) | LEVEL(HIGH)), ONE },
	{ "gemini-3.1-flash-lite", 65536, 1048576, LEVELS(ALL_LEVELS), ONE },
	{ "gemini-3.1-flash-lite-image", 0, 0, LEVELS(LEVEL(MINIMAL) | LEVEL(HIGH)), ONE },
	{ "gemini-3.1-pro", 65536, 1048576, LEVELS(LOW_TO_HIGH), ONE },
	{ "gemini-3.5-flash", 0, 0, LEVELS(ALL_LEVELS), ONE },
	{ "gemini-3.5-flash-lite", 0, 0, LEVELS(ALL_LEVELS), ONE },
	{ "gemini-3.6-flash", 0, 0, LEVELS(ALL_LEVELS), ONE },
	{ "gemini-3.7-flash", 0, 0, LEVELS(LOW_TO_HIGH), ONE },
	{ "gemini-3.8-flash", 0, 0, LEVELS(LOW_TO_HIGH), ONE },
	/* Names that move on to the newest of a kind: a budget is taken by old and new. */
	{ "gemini-flash-latest", 0, 0, BUDGET(512, 24576), 0 },
	{ "gemini-flash-lite-latest", 0, 0, BUDGET(512, 24576), 0 },
	{ "gemini-pro-latest", 0, 0, BUDGET(128, 32768), 0 },
	{ "gemini-embedding-001", 0, 2048, NO_THINKING, 0 },
	{ "gemini-embedding-2", 0, 8192, NO_THINKING, 0 },
	{ "gemma", 0, 0, NO_THINKING, 0 },
	{ "gemma-2", 0, 0, NO_THINKING, OPEN },
	{ "gemma-3", 0, 0, NO_THINKING, OPEN },
	{ "gemma-3n", 0, 0, NO_THINKING, OPEN },
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

/* ---- names ---- */

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

/* ---- facts ---- */

static bool
is_family(struct span bare, const char *prefix)
{
	size_t len = strlen(prefix);

	return span_starts(bare, prefix) && (bare.len == len || bare.p[len] == '-');
}

/* One of the words between the name's dashes. */
static bool
has_word(struct span bare, const char *word)
{
	while (bare.p != NULL)
		if (span_is(span_cut(&bare, '-'), word))
			return true;
	return false;
}

static const struct known *
find_known(struct span bare)
{
	const struct known *best = NULL;

	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (is_family(bare, known[i].prefix) &&
		    (best == NULL || strlen(known[i].prefix) > strlen(best->prefix)))
			best = &known[i];
	return best;
}

static void
take_known(struct model_facts *f, const struct known *k)
{
	f->output_token_limit = k->output_tokens;
	f->input_token_limit = k->input_tokens;
	f->thinking = k->thinking;
	f->budget_min = k->budget_min;
	f->budget_max = k->budget_max;
	f->thinking_stops = k->stops;
	f->levels = k->levels;
	f->lacks = k->lacks;
}

/* A newcomer is thought to be as its elders: from 3 on all think, at levels that most have. */
static void
guess(struct model_facts *f)
{
	if (f->major < 3)
		return;
	f->thinking = THINKING_LEVEL;
	f->levels = LOW_TO_HIGH;
	f->lacks = ONE;
}

struct model_facts
model_facts(struct span bare)
{
	const struct known *k = find_known(bare);
	struct model_facts f = { 0 };

	read_version(bare, &f);
	if (k != NULL)
		take_known(&f, k);
	else
		guess(&f);
	f.makes_images = has_word(bare, "image");
	f.makes_speech = has_word(bare, "tts");
	if (f.makes_speech)
		f.thinking = THINKING_NONE;
	if (f.makes_images || f.makes_speech)
		f.lacks |= ONE;
	f.thinks = f.thinking != THINKING_NONE;
	f.thinking_rests = is_family(bare, "gemini-2.5-flash-lite");
	return f;
}

bool
model_wants_signatures(const struct model_facts *f)
{
	return f->major >= 3 && !f->makes_images;
}

void
model_family(const struct model_facts *f, char family[24])
{
	family[0] = '\0';
	if (f->major > 0)
		snprintf(family, 24, "gemini-%d", f->major);
}

/* ---- lacks ---- */

_Static_assert(2 * LACK_COUNT <= 32, "LACKS_HERE has to fit in as well");

#define ALL_LACKS ((1u << LACK_COUNT) - 1)

const char *
model_lack_name(enum model_lack lack)
{
	static const char *const names[] = {
#define MODEL_LACK_NAME(lack, words) words,
		MODEL_LACKS(MODEL_LACK_NAME)
#undef MODEL_LACK_NAME
	};

	return names[lack];
}

/*
 * Upstream's words, in lower case; '*' stands for anything.  A row says LACKS where they speak of
 * the model and LACKS_HERE where they speak of what this request brought: of its history, of the
 * size of a budget, of one schema among many.  To remember those would make every other request
 * to the model the poorer.
 */
static const struct refusal {
	unsigned lacks;
	const char *words;
} refusals[] = {
	{ LACKS(PENALTIES), "penalty is not enabled" },
	{ LACKS(PENALTIES), "penalty is not supported" },
	{ LACKS(PENALTIES), "penalties are not" },
	{ LACKS(LOGPROBS), "logprobs is not enabled" },
	{ LACKS(LOGPROBS), "logprobs is not supported" },
	{ LACKS(LOGPROBS), "logprobs are not" },
	{ LACKS(CANDIDATES), "multiple candidates is not" },
	{ LACKS(CANDIDATES), "multiple candidates are not" },
	{ LACKS(CANDIDATES), "only one candidate can be" },
	{ LACKS(TOP_K), "top_k is not enabled" },
	{ LACKS(TOP_K), "top_k is not supported" },
	{ LACKS(TOP_K), "topk is not enabled" },
	{ LACKS(TOP_K), "topk is not supported" },
	{ LACKS(TOP_K), "top-k is not" },
	{ LACKS(SEED), "seed is not enabled" },
	{ LACKS(SEED), "seed is not supported" },
	{ LACKS(THINKING), "thinking is not enabled" },
	{ LACKS(THINKING), "thinking is not supported" },
	{ LACKS(THINKING), "thinking config is not" },
	{ LACKS(THINKING), "thinking_config is not" },
	{ LACKS(THINKING), "thinking level is not supported" },
	{ LACKS(THINKING), "thinking budget is not supported" },
	/* A number or a level that this model does not take; others it may. */
	{ LACKS_HERE(THINKING), "budget*is invalid" },
	{ LACKS_HERE(THINKING), "thinking level * is not supported" },
	{ LACKS_HERE(THINKING), "only works in thinking mode" },
	{ LACKS_HERE(THINKING), "include_thoughts is only" },
	{ LACKS(SYSTEM), "developer instruction is not" },
	{ LACKS(SYSTEM), "system instruction is not enabled" },
	{ LACKS(SYSTEM), "system instruction is not supported" },
	{ LACKS(JSON_MODE), "json mode is not" },
	/* Of the field if it is a model's, but as often of what this one schema says. */
	{ LACKS_HERE(JSON_SCHEMA), "json schema" },
	{ LACKS_HERE(JSON_SCHEMA), "json_schema" },
	{ LACKS_HERE(JSON_SCHEMA), "jsonschema" },
	{ LACKS_HERE(JSON_SCHEMA), "invalid schema" },
	{ LACKS_HERE(JSON_SCHEMA), "the schema" },
	{ LACKS_HERE(JSON_SCHEMA), "specified schema" },
	{ LACKS_HERE(JSON_SCHEMA), "schema is" },
	{ LACKS(FORMAT_WITH_TOOLS), "function calling with a response mime type*is unsupported" },
	{ LACKS(FORMAT_WITH_TOOLS), "tool use with a response mime type*is unsupported" },
	{ LACKS(SEARCH_WITH_TOOLS), "built-in tools*search*cannot be combined" },
	{ LACKS(SEARCH_WITH_TOOLS), "tool use with function calling is unsupported" },
	{ LACKS(MEDIA_RESOLUTION), "media resolution is not" },
	{ LACKS(MEDIA_RESOLUTION), "media_resolution is not" },
	/* A signature is bound to whoever made it; the next conversation has its own. */
	{ LACKS_HERE(SIGNATURES), "thought signature" },
	{ LACKS_HERE(SIGNATURES), "thought_signature" },
	{ LACKS_HERE(SIGNATURES), "thoughtsignature" },
	/* Only a history that begins with the model's turn is refused so: it is no rule of the
	 * model's that costs others anything, but neither is it worth a memory. */
	{ LACKS_HERE(MODEL_FIRST), "function call turn comes immediately after a user turn" },
	{ LACKS_HERE(MODEL_FIRST), "first content*role*user" },
	{ LACKS(MODEL_LAST), "requests end with a user role" },
	{ LACKS(MODEL_LAST), "requests ends with a user role" },
};

/*
 * What cannot be parsed names a place and quotes what stood there, which is the client's: only
 * these are looked for in such a line, with their place.  Upstream's older relatives do not know
 * the fields.
 */
static const struct refusal unknowns[] = {
	{ LACKS(JSON_SCHEMA),
	    "unknown name \"parametersjsonschema\" at 'tools[*].function_declarations[" },
	{ LACKS(JSON_SCHEMA), "unknown name \"responsejsonschema\" at 'generation_config'" },
	{ LACKS(THINKING), "unknown name \"thinkingconfig\" at 'generation_config'" },
	{ LACKS(THINKING),
	    "unknown name \"thinkinglevel\" at 'generation_config.thinking_config'" },
	{ LACKS(MEDIA_RESOLUTION), "unknown name \"mediaresolution\" at 'generation_config'" },
	{ LACKS_HERE(SIGNATURES), "invalid value at 'contents[*thought_signature' (type_bytes)" },
};

/* What is refused is said at the beginning; what follows may be of any length. */
#define MESSAGE_LONGEST 8192
#define LINE_LONGEST    1024

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* How much of the text is a quotation, with its quotes; 0: it does not begin with one. */
static size_t
quotation(struct span text)
{
	const char *end;

	if (text.len < 2 || !memchr("\"'`[", text.p[0], 4))
		return 0;
	end = memchr(text.p + 1, text.p[0] == '[' ? ']' : text.p[0], text.len - 1);
	return end != NULL ? (size_t)(end - text.p) + 1 : 0;
}

/* One line in lower case, without what it quotes of the client's: anything with a space in it,
 * which no name has.  An apostrophe inside a word opens nothing. */
static struct span
say_again(struct span line, char out[LINE_LONGEST])
{
	size_t len = 0, i = 0;

	while (i < line.len && len < LINE_LONGEST) {
		bool in_word = i > 0 && is_alnum(line.p[i - 1]) && line.p[i] == '\'';
		size_t quoted = in_word ? 0 : quotation(span_mem(line.p + i, line.len - i));
		size_t end = i + (quoted > 0 ? quoted : 1);

		if (quoted > 0 && memchr(line.p + i, ' ', quoted) != NULL)
			i = end;
		while (i < end && len < LINE_LONGEST)
			out[len++] = lower(line.p[i++]);
	}
	return span_mem(out, len);
}

static bool
speaks_of(struct span line, const char *words)
{
	while (*words != '\0') {
		size_t len = strcspn(words, "*");
		const char *at = memmem(line.p, line.len, words, len);

		if (at == NULL)
			return false;
		line = span_mem(at + len, line.len - (size_t)(at - line.p) - len);
		words += len + (words[len] == '*');
	}
	return true;
}

static unsigned
named_in(struct span line, const struct refusal *rows, size_t count)
{
	unsigned lacks = 0;

	for (size_t i = 0; i < count; i++)
		if (speaks_of(line, rows[i].words))
			lacks |= rows[i].lacks;
	return lacks;
}

#define NAMED_IN(line, rows) named_in(line, rows, sizeof(rows) / sizeof((rows)[0]))

unsigned
model_lacks_named(struct span message)
{
	unsigned lacks = 0;
	char room[LINE_LONGEST];

	if (message.len > MESSAGE_LONGEST)
		message.len = MESSAGE_LONGEST;
	while (message.len > 0) {
		struct span line = span_cut(&message, '\n');
		bool is_of_parser = span_has_nocase(line, "unknown name") ||
				    span_has_nocase(line, "invalid value at");

		line = say_again(line, room);
		lacks |= is_of_parser ? NAMED_IN(line, unknowns) : NAMED_IN(line, refusals);
	}
	/* What is the model's is this request's as well: it need not be said twice. */
	return lacks & ~(model_lacks_lasting(lacks) << LACK_COUNT);
}

unsigned
model_lacks_lasting(unsigned lacks)
{
	return lacks & ALL_LACKS;
}

unsigned
model_lacks_now(unsigned lacks)
{
	return (lacks | lacks >> LACK_COUNT) & ALL_LACKS;
}
