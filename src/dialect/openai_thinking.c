/*
 * How hard a model is to think: see openai_thinking.h.  Pure, runs in workers, owns nothing.
 *
 * Clients speak in efforts, in levels or in tokens; each is first understood as an effort or a
 * number of tokens and then said in the words of the model, held to what it takes.  Google's own
 * layer refuses an effort of none where thinking cannot be stopped; most who ask for it mean "as
 * fast as can be", so here they get the least there is.
 */
#include "dialect/openai_thinking.h"

#include <assert.h>
#include "dialect/overlay.h"
#include "dialect/private.h"

#define BUDGET_AUTO INT64_C(-1)

/* ---- reading ---- */

static const struct effort_word {
	const char *word;
	enum effort effort;
} effort_words[] = {
	{ "none", EFFORT_NONE },
	{ "minimal", EFFORT_MINIMAL },
	{ "low", EFFORT_LOW },
	{ "medium", EFFORT_MEDIUM },
	{ "high", EFFORT_HIGH },
	{ "xhigh", EFFORT_MOST },
	{ "max", EFFORT_MOST },
};

#define EFFORT_WORDS (sizeof(effort_words) / sizeof(effort_words[0]))

static enum effort
effort_of(struct span escaped)
{
	for (size_t i = 0; i < EFFORT_WORDS; i++)
		if (scan_key_is(escaped, effort_words[i].word))
			return effort_words[i].effort;
	return EFFORT_UNSAID;
}

bool
openai_effort_read(struct openai_thinking *t, struct scan *s, struct err *e)
{
	static const char field[] = "reasoning_effort";
	struct span word;

	t->effort = EFFORT_UNSAID;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_STRING)
		return refuse(e, "must be a string", field);
	if (!scan_string(s, &word))
		return false;
	t->effort = effort_of(word);
	return t->effort != EFFORT_UNSAID ||
	       refuse(e, "must be none, minimal, low, medium, high, xhigh or max", field);
}

/* Names of enums are taken in any case. */
static bool
set_level(struct openai_thinking *t, struct span word, struct err *e)
{
	static const struct effort_word levels[] = { { "MINIMAL", EFFORT_MINIMAL },
		{ "LOW", EFFORT_LOW }, { "MEDIUM", EFFORT_MEDIUM }, { "HIGH", EFFORT_HIGH },
		{ "THINKING_LEVEL_UNSPECIFIED", EFFORT_UNSAID } };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (span_is_nocase(word, levels[i].word)) {
			t->level = levels[i].effort;
			return true;
		}
	return refuse(e, "must be minimal, low, medium or high", "%s.thinking_level", t->field);
}

static bool
read_level(struct openai_thinking *t, struct scan *s, struct err *e)
{
	struct span word;

	t->level = EFFORT_UNSAID;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_STRING)
		return refuse(e, "must be a string", "%s.thinking_level", t->field);
	return scan_string(s, &word) && set_level(t, word, e);
}

static bool
read_budget(struct openai_thinking *t, struct scan *s, struct err *e)
{
	struct span raw;

	t->has_budget = false;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_NUMBER)
		return refuse(e, "must be a whole number", "%s.thinking_budget", t->field);
	if (!scan_number(s, &raw))
		return false;
	if (!whole_number(raw, &t->budget) || t->budget < BUDGET_AUTO)
		return refuse(
		    e, "must be a whole number of at least -1", "%s.thinking_budget", t->field);
	t->has_budget = true;
	return true;
}

static bool
read_shown(struct openai_thinking *t, struct scan *s, struct err *e)
{
	t->has_shown = false;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_BOOL)
		return refuse(e, "must be true or false", "%s.include_thoughts", t->field);
	t->has_shown = true;
	return scan_bool(s, &t->shown);
}

bool
openai_thinking_read(struct openai_thinking *t, struct scan *s, const char *field, struct err *e)
{
	struct span key;
	bool ok = true;

	*t = (struct openai_thinking){ .effort = t->effort };
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return refuse(e, "must be an object", "%s", field);
	t->field = field;
	scan_object(s);
	while (ok && scan_member(s, &key)) {
		if (overlay_key_is(key, "thinkingLevel"))
			ok = read_level(t, s, e);
		else if (overlay_key_is(key, "thinkingBudget"))
			ok = read_budget(t, s, e);
		else if (overlay_key_is(key, "includeThoughts"))
			ok = read_shown(t, s, e);
		else
			scan_skip(s, NULL);
	}
	return ok;
}

bool
openai_thinking_check(const struct openai_thinking *t, struct err *e)
{
	if (t->has_budget && t->level != EFFORT_UNSAID)
		return refuse(
		    e, "cannot stand beside thinking_level", "%s.thinking_budget", t->field);
	if (t->effort != EFFORT_UNSAID && (t->has_budget || t->level != EFFORT_UNSAID))
		return refuse(e, "cannot stand beside a thinking_level or thinking_budget",
		    "reasoning_effort");
	return true;
}

/* ---- what the model takes ---- */

static int64_t
clamp_budget(int64_t budget, const struct model_facts *f)
{
	if (budget == BUDGET_AUTO || (budget == 0 && f->thinking_stops))
		return budget;
	if (budget < f->budget_min)
		return f->budget_min;
	return budget < f->budget_max ? budget : f->budget_max;
}

static int64_t
budget_of(enum effort effort, const struct model_facts *f)
{
	static const int64_t budgets[] = {
		[EFFORT_NONE] = 0,
		[EFFORT_MINIMAL] = 1024,
		[EFFORT_LOW] = 1024,
		[EFFORT_MEDIUM] = 8192,
		[EFFORT_HIGH] = 24576,
		[EFFORT_MOST] = INT32_MAX,
	};

	return clamp_budget(budgets[effort], f);
}

/* The bounds are those that Google's levels are said to stand for. */
static enum effort
effort_of_budget(int64_t budget)
{
	if (budget == BUDGET_AUTO)
		return EFFORT_UNSAID;
	if (budget == 0)
		return EFFORT_NONE;
	if (budget < 2048)
		return EFFORT_LOW;
	return budget < 12288 ? EFFORT_MEDIUM : EFFORT_HIGH;
}

static bool
has_level(const struct model_facts *f, int level)
{
	return level >= LEVEL_MINIMAL && level <= LEVEL_HIGH && (f->levels & 1u << level) != 0;
}

/* The nearest that the model has: who asks for little gets less rather than more, who asks for
 * much gets more rather than less. */
static enum thinking_level
nearest_level(const struct model_facts *f, enum thinking_level wanted)
{
	int towards = wanted <= LEVEL_LOW ? -1 : 1;
	int level = (int)wanted;

	assert(f->levels != 0);
	while (level >= LEVEL_MINIMAL && level <= LEVEL_HIGH && !has_level(f, level))
		level += towards;
	if (has_level(f, level))
		return (enum thinking_level)level;
	for (level = (int)wanted; !has_level(f, level); level -= towards)
		continue;
	return (enum thinking_level)level;
}

static enum thinking_level
level_of(enum effort effort, const struct model_facts *f)
{
	switch (effort) {
	case EFFORT_NONE:
	case EFFORT_MINIMAL:
		return nearest_level(f, LEVEL_MINIMAL);
	case EFFORT_LOW:
		return nearest_level(f, LEVEL_LOW);
	case EFFORT_MEDIUM:
		return nearest_level(f, LEVEL_MEDIUM);
	default:
		return nearest_level(f, LEVEL_HIGH);
	}
}

/* ---- writing ---- */

/* What is wanted of a model, whatever words it was asked for in. */
static enum effort
wanted(const struct openai_thinking *t)
{
	if (t->effort != EFFORT_UNSAID)
		return t->effort;
	if (t->level != EFFORT_UNSAID)
		return t->level;
	return t->has_budget ? effort_of_budget(t->budget) : EFFORT_UNSAID;
}

/* Thinking is off, so that there are no thoughts to be shown; to ask for them is refused then. */
static bool
is_off(const struct openai_thinking *t, const struct model_facts *f)
{
	if (f->thinking != THINKING_BUDGET || !f->thinking_stops)
		return false;
	return t->has_budget ? t->budget == 0 : wanted(t) == EFFORT_NONE;
}

static bool
shows(const struct openai_thinking *t, const struct model_facts *f, enum thoughts_shown choice)
{
	bool asked = wanted(t) != EFFORT_UNSAID || t->field != NULL;

	if (choice == THOUGHTS_NEVER || is_off(t, f))
		return false;
	if (t->has_shown)
		return t->shown;
	if (choice == THOUGHTS_ALWAYS)
		return asked || !f->thinking_rests;
	return asked && wanted(t) != EFFORT_NONE;
}

static const char *
level_name(enum thinking_level level)
{
	static const char *const names[] = {
		[LEVEL_MINIMAL] = "MINIMAL",
		[LEVEL_LOW] = "LOW",
		[LEVEL_MEDIUM] = "MEDIUM",
		[LEVEL_HIGH] = "HIGH",
	};

	return names[level];
}

static void
write_amount(const struct openai_thinking *t, const struct model_facts *f, struct object_writer *o)
{
	enum effort effort = wanted(t);

	if (f->thinking == THINKING_BUDGET && t->has_budget)
		object_int(o, "thinkingBudget", clamp_budget(t->budget, f));
	else if (f->thinking == THINKING_BUDGET && effort != EFFORT_UNSAID)
		object_int(o, "thinkingBudget", budget_of(effort, f));
	else if (f->thinking == THINKING_LEVEL && effort != EFFORT_UNSAID)
		object_text(o, "thinkingLevel", span_of(level_name(level_of(effort, f))));
}

/* Not to think is what such a model does anyway. */
static void
note_ignored(const struct openai_thinking *t, struct call *c, struct arena *arena)
{
	if (t->effort > EFFORT_NONE)
		dialect_ignore(c, arena, SPAN("reasoning_effort"));
	if (t->level != EFFORT_UNSAID || (t->has_budget && t->budget != 0) ||
	    (t->has_shown && t->shown))
		dialect_ignore(c, arena, SPAN("thinking_config"));
}

void
openai_thinking_write(const struct openai_thinking *t, const struct model_facts *f,
    enum thoughts_shown choice, struct call *c, struct arena *arena, struct object_writer *config)
{
	struct buf json = BUF_INIT;
	struct object_writer o;

	if (f->thinking == THINKING_NONE || (f->lacks & LACKS(THINKING)) != 0) {
		note_ignored(t, c, arena);
		return;
	}
	if (choice == THOUGHTS_NEVER && t->has_shown && t->shown)
		dialect_ignore(c, arena, SPAN("thinking_config.include_thoughts"));
	object_begin(&o, &json);
	write_amount(t, f, &o);
	if (shows(t, f, choice))
		object_bool(&o, "includeThoughts", true);
	object_end(&o);
	if (o.members > 0)
		object_raw(config, "thinkingConfig", buf_span(&json));
	buf_fini(&json);
}
