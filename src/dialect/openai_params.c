/*
 * Sampling and what an answer is made of, from OpenAI to Gemini: see openai_params.h.  Pure, runs
 * in workers, owns nothing: all spans point into the request.
 */
#include "dialect/openai_params.h"

#include <stddef.h>
#include "dialect/dialect.h"
#include "dialect/openai_fields.h"
#include "dialect/private.h"

#define SEED_MASK    INT64_C(0x7fffffff) /* Gemini's seed is an int32 */
#define N_MAX        8
#define PENALTY_MOST "1.99" /* Gemini's range ends before 2 */

#define PLACE(member) offsetof(struct openai_params, member)

static const struct number_field {
	const char *name;
	double min, max;
	size_t place;
} number_fields[] = {
	{ "temperature", 0, 2, PLACE(temperature) },
	{ "top_p", 0, 1, PLACE(top_p) },
	{ "presence_penalty", -2, 2, PLACE(presence_penalty) },
	{ "frequency_penalty", -2, 2, PLACE(frequency_penalty) },
};

static const struct integer_field {
	const char *name;
	int64_t min, max;
	size_t place;
} integer_fields[] = {
	{ "n", 1, N_MAX, PLACE(n) },
	{ "top_k", -1, INT32_MAX, PLACE(top_k) }, /* below 1: off, as other servers have it */
	{ "seed", INT64_MIN, INT64_MAX, PLACE(seed) },
	{ "max_tokens", 1, INT64_MAX, PLACE(max_tokens) },
	{ "max_completion_tokens", 1, INT64_MAX, PLACE(max_completion_tokens) },
	{ "top_logprobs", 0, 20, PLACE(top_logprobs) },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- reading ---- */

static bool
read_number(const struct number_field *f, struct openai_number *out, struct scan *s, struct err *e)
{
	struct openai_number n = { .set = true };

	*out = (struct openai_number){ 0 };
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_NUMBER)
		return err_field(e, f->name, "%s must be a number", f->name);
	if (!scan_number(s, &n.raw))
		return false;
	if (!span_double(n.raw, &n.value) || !(n.value >= f->min && n.value <= f->max))
		return err_field(e, f->name, "%s must be from %g to %g", f->name, f->min, f->max);
	*out = n;
	return true;
}

static bool
refuse_integer(const struct integer_field *f, struct err *e)
{
	if (f->min == INT64_MIN)
		return err_field(e, f->name, "%s must be a whole number", f->name);
	if (f->max == INT64_MAX)
		return err_field(e, f->name, "%s must be a whole number of at least %lld", f->name,
		    (long long)f->min);
	return err_field(e, f->name, "%s must be a whole number from %lld to %lld", f->name,
	    (long long)f->min, (long long)f->max);
}

static bool
read_integer(
    const struct integer_field *f, struct openai_integer *out, struct scan *s, struct err *e)
{
	struct span raw;
	int64_t value;

	*out = (struct openai_integer){ 0 };
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_NUMBER)
		return refuse_integer(f, e);
	if (!scan_number(s, &raw))
		return false;
	if (!whole_number(raw, &value) || value < f->min || value > f->max)
		return refuse_integer(f, e);
	*out = (struct openai_integer){ .set = true, .value = value };
	return true;
}

static bool
read_logprobs(struct openai_params *p, struct scan *s, struct err *e)
{
	return openai_flag_read(s, "logprobs", false, &p->logprobs, e);
}

/* Empty strings would stop everything; Gemini refuses them. */
static bool
add_stop(struct openai_params *p, struct scan *s, struct err *e)
{
	struct span text;

	if (!scan_string(s, &text))
		return false;
	if (text.len == 0)
		return true;
	if (p->stop_count == OPENAI_STOP_MAX)
		return err_field(e, "stop", "stop may have at most %d sequences", OPENAI_STOP_MAX);
	p->stop[p->stop_count++] = text;
	return true;
}

static bool
read_stop(struct openai_params *p, struct scan *s, struct err *e)
{
	p->stop_count = 0;
	if (take_null(s))
		return true;
	if (scan_type(s) == SCAN_STRING)
		return add_stop(p, s, e);
	if (scan_type(s) != SCAN_ARRAY)
		return err_field(e, "stop", "stop must be a string or a list of strings");
	scan_array(s);
	for (size_t i = 0; scan_item(s); i++) {
		if (scan_type(s) != SCAN_STRING)
			return refuse(e, "must be a string", "stop[%zu]", i);
		if (!add_stop(p, s, e))
			return false;
	}
	return true;
}

static const char *const modality_words[] = {
	[MODALITY_TEXT] = "text",
	[MODALITY_IMAGE] = "image",
	[MODALITY_AUDIO] = "audio",
	[MODALITY_VIDEO] = "video",
};

static bool
has_modality(const struct openai_params *p, enum modality m)
{
	for (size_t i = 0; i < p->modality_count; i++)
		if (p->modalities[i] == m)
			return true;
	return false;
}

/* Google's programs write them in capitals. */
static bool
add_modality(struct openai_params *p, struct span word)
{
	for (int m = 0; m < MODALITY_COUNT; m++) {
		if (!span_is_nocase(word, modality_words[m]))
			continue;
		if (!has_modality(p, (enum modality)m))
			p->modalities[p->modality_count++] = (enum modality)m;
		return true;
	}
	return false;
}

static bool
read_modalities(struct openai_params *p, struct scan *s, struct err *e)
{
	struct span word;

	p->modality_count = 0;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_ARRAY)
		return refuse(e, "must be a list", "modalities");
	scan_array(s);
	for (size_t i = 0; scan_item(s); i++) {
		if (scan_type(s) != SCAN_STRING)
			return refuse(e, "must be a string", "modalities[%zu]", i);
		if (scan_string(s, &word) && !add_modality(p, word))
			return refuse(e, "must be text, image, audio or video", "modalities[%zu]", i);
	}
	return true;
}

/* A voice of one's own is an object with its id. */
static bool
read_voice(struct openai_params *p, struct scan *s, struct err *e)
{
	struct span key;
	bool ok = true;

	if (scan_type(s) != SCAN_OBJECT)
		return openai_text_read(s, "audio.voice", &p->voice, e);
	p->voice = SPAN_NONE;
	scan_object(s);
	while (ok && scan_member(s, &key)) {
		if (scan_key_is(key, "id"))
			ok = openai_text_read(s, "audio.voice.id", &p->voice, e);
		else
			scan_skip(s, NULL);
	}
	return ok;
}

static bool
read_audio(struct openai_params *p, struct scan *s, struct err *e)
{
	struct span key;
	bool ok = true;

	p->audio = false;
	p->voice = p->audio_format = SPAN_NONE;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return refuse(e, "must be an object", "audio");
	p->audio = true;
	scan_object(s);
	while (ok && scan_member(s, &key)) {
		if (scan_key_is(key, "voice"))
			ok = read_voice(p, s, e);
		else if (scan_key_is(key, "format"))
			ok = openai_text_read(s, "audio.format", &p->audio_format, e);
		else
			scan_skip(s, NULL);
	}
	return ok;
}

/* The other tiers are the one that Gemini has for everyone. */
static bool
read_tier(struct openai_params *p, struct scan *s, struct err *e)
{
	struct span word;

	if (!openai_text_read(s, "service_tier", &word, e))
		return false;
	p->tier = SPAN_NONE;
	if (scan_key_is(word, "flex"))
		p->tier = SPAN("flex");
	else if (scan_key_is(word, "priority"))
		p->tier = SPAN("priority");
	return true;
}

static const struct other_field {
	const char *name;
	bool (*read)(struct openai_params *, struct scan *, struct err *);
} other_fields[] = {
	{ "logprobs", read_logprobs },
	{ "stop", read_stop },
	{ "modalities", read_modalities },
	{ "audio", read_audio },
	{ "service_tier", read_tier },
};

bool
openai_params_read(
    struct openai_params *p, struct scan *s, struct span key, bool *known, struct err *e)
{
	char *base = (char *)p;

	*known = true;
	for (size_t i = 0; i < COUNT_OF(number_fields); i++)
		if (scan_key_is(key, number_fields[i].name))
			return read_number(&number_fields[i],
			    (struct openai_number *)(base + number_fields[i].place), s, e);
	for (size_t i = 0; i < COUNT_OF(integer_fields); i++)
		if (scan_key_is(key, integer_fields[i].name))
			return read_integer(&integer_fields[i],
			    (struct openai_integer *)(base + integer_fields[i].place), s, e);
	for (size_t i = 0; i < COUNT_OF(other_fields); i++)
		if (scan_key_is(key, other_fields[i].name))
			return other_fields[i].read(p, s, e);
	*known = false;
	return true;
}

bool
openai_params_check(const struct openai_params *p, struct err *e)
{
	if (p->top_logprobs.value > 0 && !p->logprobs)
		return err_field(e, "top_logprobs", "top_logprobs needs logprobs to be true");
	return true;
}

/* ---- writing ---- */

struct writing {
	const struct openai_params *p;
	const struct model_facts *facts;
	struct call *call;
	struct arena *arena;
	struct object_writer *o; /* generationConfig */
};

/* False: the model lacks it, and the client is told that the field had no effect. */
static bool
may_have(struct writing *w, unsigned lack, const char *field)
{
	if ((w->facts->lacks & lack) == 0)
		return true;
	dialect_ignore(w->call, w->arena, span_of(field));
	return false;
}

/* A penalty of zero is what Gemini does anyway, and many models refuse the field itself. */
static void
write_penalty(struct writing *w, const char *key, const struct openai_number *n, const char *field)
{
	if (n->set && n->value != 0 && may_have(w, LACKS(PENALTIES), field))
		object_raw(w->o, key, n->value == 2 ? SPAN(PENALTY_MOST) : n->raw);
}

/* A top_p of zero means "the likeliest token only", which Gemini calls temperature 0. */
static void
write_randomness(struct writing *w)
{
	const struct openai_params *p = w->p;
	bool greedy = p->top_p.set && p->top_p.value == 0;

	if (greedy)
		object_int(w->o, "temperature", 0);
	else if (p->temperature.set)
		object_raw(w->o, "temperature", p->temperature.raw);
	if (p->top_p.set && !greedy)
		object_raw(w->o, "topP", p->top_p.raw);
	if (p->top_k.value > 0 && may_have(w, LACKS(TOP_K), "top_k"))
		object_int(w->o, "topK", p->top_k.value);
	/* Several calls of one seed would all answer the same. */
	if (p->seed.set && openai_params_fan_out(p, w->facts))
		dialect_ignore(w->call, w->arena, SPAN("seed"));
	else if (p->seed.set && may_have(w, LACKS(SEED), "seed"))
		object_int(w->o, "seed", p->seed.value & SEED_MASK);
	write_penalty(w, "presencePenalty", &p->presence_penalty, "presence_penalty");
	write_penalty(w, "frequencyPenalty", &p->frequency_penalty, "frequency_penalty");
}

static void
write_length(struct writing *w)
{
	const struct openai_params *p = w->p;
	const struct openai_integer *asked =
	    p->max_completion_tokens.set ? &p->max_completion_tokens : &p->max_tokens;
	int64_t limit = w->facts->output_token_limit;
	int64_t most = limit > 0 ? limit : INT32_MAX;

	if (asked->set)
		object_int(w->o, "maxOutputTokens", asked->value < most ? asked->value : most);
}

static void
write_stop(struct writing *w)
{
	struct buf *out = w->o->out;

	if (w->p->stop_count == 0)
		return;
	object_key(w->o, "stopSequences");
	for (size_t i = 0; i < w->p->stop_count; i++) {
		buf_add_text(out, i == 0 ? "[\"" : ",\"");
		buf_add_span(out, w->p->stop[i]);
		buf_add_char(out, '"');
	}
	buf_add_char(out, ']');
}

static void
write_logprobs(struct writing *w)
{
	if (!w->p->logprobs || !may_have(w, LACKS(LOGPROBS), "logprobs"))
		return;
	object_bool(w->o, "responseLogprobs", true);
	if (w->p->top_logprobs.value > 0)
		object_int(w->o, "logprobs", w->p->top_logprobs.value);
}

/* ---- what an answer is made of ---- */

/* What is not said goes by what the model is for; a voice alone is what one of speech has. */
static struct openai_params
modalities_of(const struct openai_params *p, const struct model_facts *f)
{
	struct openai_params m = *p;

	if (f->makes_speech && (p->modality_count == 0 || has_modality(p, MODALITY_AUDIO))) {
		m.modality_count = 1;
		m.modalities[0] = MODALITY_AUDIO;
	} else if (f->makes_images && p->modality_count == 0) {
		m.modality_count = 2;
		m.modalities[0] = MODALITY_TEXT;
		m.modalities[1] = MODALITY_IMAGE;
	}
	return m;
}

static void
write_modalities(struct writing *w, const struct openai_params *m)
{
	static const char *const names[] = { "TEXT", "IMAGE", "AUDIO", "VIDEO" };
	struct buf *out = w->o->out;

	if (m->modality_count == 0 || (m->modality_count == 1 && m->modalities[0] == MODALITY_TEXT))
		return;
	object_key(w->o, "responseModalities");
	for (size_t i = 0; i < m->modality_count; i++)
		buf_printf(out, "%s\"%s\"", i == 0 ? "[" : ",", names[m->modalities[i]]);
	buf_add_char(out, ']');
}

/* Gemini's samples get a WAV head or none: nothing here can make the other formats. */
static bool
can_make(struct span format)
{
	return format.len == 0 || scan_key_is(format, "wav") || scan_key_is(format, "pcm16");
}

static void
write_voice(struct writing *w, const struct openai_params *m)
{
	struct object_writer speech, voice, prebuilt;

	if (m->audio && !has_modality(m, MODALITY_AUDIO)) {
		dialect_ignore(w->call, w->arena, SPAN("audio"));
		return;
	}
	if (!can_make(m->audio_format))
		dialect_ignore(w->call, w->arena, SPAN("audio.format"));
	if (m->voice.len == 0)
		return;
	object_key(w->o, "speechConfig");
	object_begin(&speech, w->o->out);
	object_key(&speech, "voiceConfig");
	object_begin(&voice, w->o->out);
	object_key(&voice, "prebuiltVoiceConfig");
	object_begin(&prebuilt, w->o->out);
	object_escaped(&prebuilt, "voiceName", m->voice);
	object_end(&prebuilt);
	object_end(&voice);
	object_end(&speech);
}

/* ---- the whole ---- */

size_t
openai_params_choices(const struct openai_params *p)
{
	return p->n.set ? (size_t)p->n.value : 1;
}

bool
openai_params_fan_out(const struct openai_params *p, const struct model_facts *f)
{
	return openai_params_choices(p) > 1 && (f->lacks & LACKS(CANDIDATES)) != 0;
}

void
openai_params_write(const struct openai_params *p, const struct model_facts *facts, struct call *c,
    struct arena *arena, struct object_writer *config)
{
	struct writing w = { .p = p, .facts = facts, .call = c, .arena = arena, .o = config };
	struct openai_params made_of = modalities_of(p, facts);

	write_randomness(&w);
	if (openai_params_choices(p) > 1 && !openai_params_fan_out(p, facts))
		object_int(config, "candidateCount", p->n.value);
	write_length(&w);
	write_stop(&w);
	write_logprobs(&w);
	write_modalities(&w, &made_of);
	write_voice(&w, &made_of);
}

bool
openai_params_raw_audio(const struct openai_params *p)
{
	return scan_key_is(p->audio_format, "pcm16");
}
