/*
 * Sampling fields, from OpenAI to Gemini: see openai_params.h.  Pure, runs in workers, owns
 * nothing: all spans point into the request.
 */
#include "dialect/openai_params.h"

#include <math.h>
#include <stddef.h>
#include "dialect/private.h"
#include "gemini/content.h"

#define SEED_MASK    INT64_C(0x7fffffff) /* Gemini's seed is an int32 */
#define N_MAX        8
#define PENALTY_MOST "1.99" /* Gemini's range ends before 2 */

/* Beyond this a double does not hold every whole number. */
#define DOUBLE_WHOLE 9007199254740992.0

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
	{ "top_k", 1, INT32_MAX, PLACE(top_k) },
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

/* Programs that know only one kind of number write 100.0 for 100. */
static bool
whole_number(struct span raw, int64_t *out)
{
	double value;

	if (scan_int(raw, out))
		return true;
	if (!span_double(raw, &value) || value != floor(value) || fabs(value) > DOUBLE_WHOLE)
		return false;
	*out = (int64_t)value;
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
	p->logprobs = false;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_BOOL)
		return err_field(e, "logprobs", "logprobs must be true or false");
	return scan_bool(s, &p->logprobs);
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

static bool
set_format(struct openai_params *p, struct span type, struct err *e)
{
	static const char field[] = "response_format.type";

	if (type.p == NULL)
		return err_field(e, field, "%s is missing", field);
	if (scan_key_is(type, "text"))
		return true;
	if (scan_key_is(type, "json_object")) {
		p->mime = SPAN("application/json");
		return true;
	}
	if (scan_key_is(type, "json_schema"))
		return err_field(e, field, "response_format json_schema " UNSUPPORTED);
	if (!memchr(type.p, '/', type.len))
		return err_field(e, field, "%s must be text, json_object or a MIME type", field);
	p->mime = type;
	return true;
}

static bool
read_format(struct openai_params *p, struct scan *s, struct err *e)
{
	struct span key, type = SPAN_NONE;

	p->mime = SPAN_NONE;
	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return err_field(e, "response_format", "response_format must be an object");
	scan_object(s);
	while (scan_member(s, &key)) {
		if (!scan_key_is(key, "type")) {
			scan_skip(s, NULL);
			continue;
		}
		if (scan_type(s) != SCAN_STRING)
			return err_field(
			    e, "response_format.type", "response_format.type must be a string");
		scan_string(s, &type);
	}
	return s->fault == NULL && set_format(p, type, e);
}

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
	if (scan_key_is(key, "logprobs"))
		return read_logprobs(p, s, e);
	if (scan_key_is(key, "stop"))
		return read_stop(p, s, e);
	if (scan_key_is(key, "response_format"))
		return read_format(p, s, e);
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

/* A penalty of zero is what Gemini does anyway, and many models refuse the field itself. */
static void
write_penalty(struct object_writer *o, const char *key, const struct openai_number *n)
{
	if (!n->set || n->value == 0)
		return;
	object_raw(o, key, n->value == 2 ? SPAN(PENALTY_MOST) : n->raw);
}

/* A top_p of zero means "the likeliest token only", which Gemini calls temperature 0. */
static void
write_randomness(struct object_writer *o, const struct openai_params *p)
{
	bool greedy = p->top_p.set && p->top_p.value == 0;

	if (greedy)
		object_int(o, "temperature", 0);
	else if (p->temperature.set)
		object_raw(o, "temperature", p->temperature.raw);
	if (p->top_p.set && !greedy)
		object_raw(o, "topP", p->top_p.raw);
	if (p->top_k.set)
		object_int(o, "topK", p->top_k.value);
	if (p->seed.set)
		object_int(o, "seed", p->seed.value & SEED_MASK);
	write_penalty(o, "presencePenalty", &p->presence_penalty);
	write_penalty(o, "frequencyPenalty", &p->frequency_penalty);
}

static void
write_length(struct object_writer *o, const struct openai_params *p, int64_t output_limit)
{
	const struct openai_integer *asked =
	    p->max_completion_tokens.set ? &p->max_completion_tokens : &p->max_tokens;
	int64_t most = output_limit > 0 ? output_limit : INT32_MAX;

	if (asked->set)
		object_int(o, "maxOutputTokens", asked->value < most ? asked->value : most);
}

static void
write_stop(struct object_writer *o, const struct openai_params *p)
{
	if (p->stop_count == 0)
		return;
	object_key(o, "stopSequences");
	for (size_t i = 0; i < p->stop_count; i++) {
		buf_add_text(o->out, i == 0 ? "[\"" : ",\"");
		buf_add_span(o->out, p->stop[i]);
		buf_add_char(o->out, '"');
	}
	buf_add_char(o->out, ']');
}

void
openai_params_write(const struct openai_params *p, int64_t output_limit, struct buf *out)
{
	struct object_writer o;

	object_begin(&o, out);
	write_randomness(&o, p);
	if (p->n.value > 1)
		object_int(&o, "candidateCount", p->n.value);
	write_length(&o, p, output_limit);
	write_stop(&o, p);
	if (p->logprobs)
		object_bool(&o, "responseLogprobs", true);
	if (p->logprobs && p->top_logprobs.value > 0)
		object_int(&o, "logprobs", p->top_logprobs.value);
	if (p->mime.len > 0)
		object_escaped(&o, "responseMimeType", p->mime);
	object_end(&o);
}
