/*
 * Google's own words in requests of OpenAI's: see openai_extra.h.  Pure, runs in workers, owns
 * nothing: all but a few names points into the request.
 */
#include "dialect/openai_extra.h"

#include "dialect/overlay.h"
#include "dialect/private.h"

#define TAG_LONGEST  64  /* bytes of a thought_tag_marker */
#define NAME_LONGEST 40  /* of a member that is not known, to be noted in a header */
#define NOTED_MOST   256 /* bytes of that header; what clients send has no end */

/* Where they may stand, as errors say it. */
static const struct place {
	const char *field, *thinking, *config_thinking;
} in_extra_body = { "extra_body.google", "extra_body.google.thinking_config",
	"extra_body.google.generation_config.thinking_config" },
  at_the_top = { "google", "google.thinking_config", "google.generation_config.thinking_config" };

struct reading {
	struct openai_extra *x;
	struct openai_thinking *thinking;
	struct scan *s;
	struct arena *arena;
	struct call *call;
	struct err *err;
	const struct place *place;
	const char *name; /* of the member at hand, as errors say it */
};

/* ---- kinds of members ---- */

static bool
read_word(struct reading *r, struct span *out)
{
	*out = SPAN_NONE;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_STRING)
		return refuse(r->err, "must be a string", "%s.%s", r->place->field, r->name);
	return scan_string(r->s, out);
}

static bool
read_raw_object(struct reading *r, struct span *out)
{
	*out = SPAN_NONE;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_OBJECT)
		return refuse(r->err, "must be an object", "%s.%s", r->place->field, r->name);
	return scan_skip(r->s, out);
}

/* A list of objects: what stands between its brackets. */
static bool
read_raw_items(struct reading *r, struct span *out)
{
	struct span raw = SPAN_NONE, first = SPAN_NONE;

	*out = SPAN_NONE;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_ARRAY)
		return refuse(r->err, "must be a list", "%s.%s", r->place->field, r->name);
	scan_array(r->s);
	for (size_t i = 0; scan_item(r->s); i++) {
		if (scan_type(r->s) != SCAN_OBJECT)
			return refuse(
			    r->err, "must be an object", "%s.%s[%zu]", r->place->field, r->name, i);
		if (!scan_skip(r->s, &raw))
			return false;
		if (first.p == NULL)
			first = raw;
	}
	if (first.p != NULL)
		*out = span_mem(first.p, (size_t)(raw.p + raw.len - first.p));
	return r->s->fault == NULL;
}

/* ---- the members ---- */

static bool
read_thinking(struct reading *r)
{
	return openai_thinking_read(r->thinking, r->s, r->place->thinking, r->err);
}

static bool
read_cached(struct reading *r)
{
	return read_word(r, &r->x->cached_content);
}

static bool
read_safety(struct reading *r)
{
	return read_raw_items(r, &r->x->safety_settings);
}

static bool
read_tools(struct reading *r)
{
	return read_raw_items(r, &r->x->tools);
}

static bool
read_resolution(struct reading *r)
{
	return read_word(r, &r->x->media_resolution);
}

static bool
read_image_config(struct reading *r)
{
	return read_raw_object(r, &r->x->image_config);
}

static bool
read_aspect_ratio(struct reading *r)
{
	return read_word(r, &r->x->aspect_ratio);
}

static bool
read_image_size(struct reading *r)
{
	return read_word(r, &r->x->image_size);
}

/* How much to think is held to what the model takes, wherever it is said. */
static bool
read_generation_config(struct reading *r)
{
	struct scan inner;
	struct span key;
	bool ok = true;

	if (!read_raw_object(r, &r->x->generation_config))
		return false;
	scan_init(&inner, r->x->generation_config);
	if (r->x->generation_config.len == 0 || !scan_object(&inner))
		return true;
	while (ok && scan_member(&inner, &key)) {
		if (overlay_key_is(key, "thinkingConfig"))
			ok = openai_thinking_read(
			    r->thinking, &inner, r->place->config_thinking, r->err);
		else
			scan_skip(&inner, NULL);
	}
	return ok;
}

static bool
read_thought_tag(struct reading *r)
{
	struct span word;
	struct buf plain = BUF_INIT;

	r->x->thought_tag = SPAN_NONE;
	if (!read_word(r, &word))
		return false;
	scan_text(&plain, word);
	if (plain.len > 0 && plain.len <= TAG_LONGEST)
		r->x->thought_tag = arena_span(r->arena, buf_span(&plain));
	buf_fini(&plain);
	return word.len == 0 || r->x->thought_tag.len > 0 ||
	       refuse(r->err, "is too long", "%s.%s", r->place->field, r->name);
}

static bool
read_stream_arguments(struct reading *r)
{
	r->x->stream_arguments = false;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_BOOL)
		return refuse(r->err, "must be true or false", "%s.%s", r->place->field, r->name);
	return scan_bool(r->s, &r->x->stream_arguments);
}

static const struct member {
	const char *camel, *name;
	bool (*read)(struct reading *);
} members[] = {
	{ "thinkingConfig", "thinking_config", read_thinking },
	{ "cachedContent", "cached_content", read_cached },
	{ "safetySettings", "safety_settings", read_safety },
	{ "tools", "tools", read_tools },
	{ "mediaResolution", "media_resolution", read_resolution },
	{ "generationConfig", "generation_config", read_generation_config },
	{ "thoughtTagMarker", "thought_tag_marker", read_thought_tag },
	{ "imageConfig", "image_config", read_image_config },
	{ "aspectRatio", "aspect_ratio", read_aspect_ratio },
	{ "imageSize", "image_size", read_image_size },
	{ "streamFunctionCallArguments", "stream_function_call_arguments", read_stream_arguments },
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static bool
is_plain_name(struct span key)
{
	for (size_t i = 0; i < key.len; i++)
		if (!((key.p[i] | 0x20) >= 'a' && (key.p[i] | 0x20) <= 'z') && key.p[i] != '_' &&
		    !(key.p[i] >= '0' && key.p[i] <= '9'))
			return false;
	return key.len > 0 && key.len <= NAME_LONGEST;
}

/* The name goes into a header: only one that is fit for it is told. */
static bool
note_unknown(struct reading *r, struct span key)
{
	char path[32 + NAME_LONGEST];

	if (!take_something(r->s))
		return r->s->fault == NULL;
	if (r->call->ignored.len + sizeof(path) > NOTED_MOST)
		return true;
	if (is_plain_name(key))
		snprintf(path, sizeof(path), "%s.%.*s", r->place->field, SPAN_ARG(key));
	else
		snprintf(path, sizeof(path), "%s", r->place->field);
	dialect_ignore(r->call, r->arena, span_of(path));
	return true;
}

static bool
read_member(struct reading *r, struct span key)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (overlay_key_is(key, members[i].camel)) {
			r->name = members[i].name;
			return members[i].read(r);
		}
	return note_unknown(r, key);
}

static bool
read_google(struct reading *r, const struct place *place)
{
	struct span key;
	bool ok = true;

	r->place = place;
	if (take_null(r->s))
		return true;
	if (scan_type(r->s) != SCAN_OBJECT)
		return refuse(r->err, "must be an object", "%s", place->field);
	r->x->field = place->field;
	scan_object(r->s);
	while (ok && scan_member(r->s, &key))
		ok = read_member(r, key);
	return ok;
}

bool
openai_extra_read(struct openai_extra *x, struct openai_thinking *thinking, struct scan *s,
    struct arena *arena, struct call *c, struct err *e)
{
	struct reading r = {
		.x = x, .thinking = thinking, .s = s, .arena = arena, .call = c, .err = e
	};

	return read_google(&r, &at_the_top);
}

/* What else stands in extra_body is for other layers than Google's. */
bool
openai_extra_body_read(struct openai_extra *x, struct openai_thinking *thinking, struct scan *s,
    struct arena *arena, struct call *c, struct err *e)
{
	struct reading r = {
		.x = x, .thinking = thinking, .s = s, .arena = arena, .call = c, .err = e
	};
	struct span key;
	bool ok = true;

	if (take_null(s))
		return true;
	if (scan_type(s) != SCAN_OBJECT)
		return refuse(e, "must be an object", "extra_body");
	scan_object(s);
	while (ok && scan_member(s, &key)) {
		if (scan_key_is(key, "google"))
			ok = read_google(&r, &in_extra_body);
		else
			scan_skip(s, NULL);
	}
	return ok;
}

/* ---- generationConfig ---- */

static void
write_image_config(const struct openai_extra *x, struct object_writer *config)
{
	struct buf ours = BUF_INIT;
	struct object_writer o;

	object_begin(&o, &ours);
	if (x->aspect_ratio.len > 0)
		object_escaped(&o, "aspectRatio", x->aspect_ratio);
	if (x->image_size.len > 0)
		object_escaped(&o, "imageSize", x->image_size);
	object_end(&o);
	if (x->image_config.len > 0) {
		object_key(config, "imageConfig");
		overlay_write(buf_span(&ours), x->image_config, NULL, NULL, config->out);
	} else if (o.members > 0) {
		object_raw(config, "imageConfig", buf_span(&ours));
	}
	buf_fini(&ours);
}

/* "low" will do for "MEDIA_RESOLUTION_LOW". */
static void
write_asked_resolution(struct span word, struct object_writer *config)
{
	static const char *const words[][2] = { { "low", "MEDIA_RESOLUTION_LOW" },
		{ "medium", "MEDIA_RESOLUTION_MEDIUM" }, { "high", "MEDIA_RESOLUTION_HIGH" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_is_nocase(word, words[i][0])) {
			object_text(config, "mediaResolution", span_of(words[i][1]));
			return;
		}
	object_escaped(config, "mediaResolution", word);
}

static void
write_resolution(const struct openai_extra *x, const struct model_facts *f, const char *resolution,
    struct call *c, struct arena *arena, struct object_writer *config)
{
	bool lacks = (f->lacks & LACKS(MEDIA_RESOLUTION)) != 0;

	if (lacks && x->media_resolution.len > 0)
		dialect_ignore(c, arena, SPAN("media_resolution"));
	else if (lacks && resolution != NULL)
		dialect_ignore(c, arena, SPAN("image_url.detail"));
	else if (x->media_resolution.len > 0)
		write_asked_resolution(x->media_resolution, config);
	else if (resolution != NULL)
		object_text(config, "mediaResolution", span_of(resolution));
}

void
openai_extra_write(const struct openai_extra *x, const struct model_facts *f,
    const char *resolution, struct call *c, struct arena *arena, struct object_writer *config)
{
	write_resolution(x, f, resolution, c, arena, config);
	write_image_config(x, config);
}

/* Members of generationConfig that a model may lack. */
static const struct lacking {
	const char *camel;
	unsigned lack;
	const char *name;
} lackings[] = {
	{ "presencePenalty", LACKS(PENALTIES), "generation_config.presence_penalty" },
	{ "frequencyPenalty", LACKS(PENALTIES), "generation_config.frequency_penalty" },
	{ "responseLogprobs", LACKS(LOGPROBS), "generation_config.response_logprobs" },
	{ "logprobs", LACKS(LOGPROBS), "generation_config.logprobs" },
	{ "candidateCount", LACKS(CANDIDATES), "generation_config.candidate_count" },
	{ "topK", LACKS(TOP_K), "generation_config.top_k" },
	{ "seed", LACKS(SEED), "generation_config.seed" },
	{ "mediaResolution", LACKS(MEDIA_RESOLUTION), "generation_config.media_resolution" },
};

#define LACKING_COUNT (sizeof(lackings) / sizeof(lackings[0]))

struct merging {
	const struct model_facts *facts;
	struct call *call;
	struct arena *arena;
};

/* thinkingConfig was read by itself. */
static bool
takes(void *ctx, struct span name)
{
	const struct merging *m = ctx;

	for (size_t i = 0; i < LACKING_COUNT; i++)
		if ((m->facts->lacks & lackings[i].lack) != 0 &&
		    overlay_key_is(name, lackings[i].camel)) {
			dialect_ignore(m->call, m->arena, span_of(lackings[i].name));
			return false;
		}
	return !overlay_key_is(name, "thinkingConfig");
}

void
openai_extra_merge(const struct openai_extra *x, const struct model_facts *f, struct span config,
    struct call *c, struct arena *arena, struct buf *out)
{
	struct merging m = { .facts = f, .call = c, .arena = arena };

	if (x->generation_config.len > 0)
		overlay_write(config, x->generation_config, takes, &m, out);
	else
		buf_add_span(out, config);
}

/* ---- safetySettings ---- */

static const char *const categories[] = {
	"HARM_CATEGORY_HARASSMENT",
	"HARM_CATEGORY_HATE_SPEECH",
	"HARM_CATEGORY_SEXUALLY_EXPLICIT",
	"HARM_CATEGORY_DANGEROUS_CONTENT",
};

#define CATEGORY_COUNT (sizeof(categories) / sizeof(categories[0]))

static unsigned
category_of(struct scan *s)
{
	struct span key, value;
	unsigned named = 0;

	scan_object(s);
	while (scan_member(s, &key)) {
		if (!overlay_key_is(key, "category") || scan_type(s) != SCAN_STRING) {
			scan_skip(s, NULL);
			continue;
		}
		scan_string(s, &value);
		named = 0;
		for (size_t i = 0; i < CATEGORY_COUNT; i++)
			if (span_is_nocase(value, categories[i]))
				named = 1u << i;
	}
	return named;
}

/* The categories that the client speaks of itself, as bits.  The items were scanned as a list. */
static unsigned
named_categories(struct span items)
{
	struct span item = items;
	unsigned named = 0;
	struct scan s;

	while (item.len > 0) {
		size_t used;

		scan_init(&s, item);
		named |= category_of(&s);
		used = (size_t)(s.at - item.p);
		item = span_trim(span_mem(item.p + used, item.len - used));
		if (item.len > 0) /* the comma */
			item = span_trim(span_mem(item.p + 1, item.len - 1));
	}
	return named;
}

void
openai_extra_safety(const struct openai_extra *x, enum safety_default choice, struct buf *out)
{
	const char *threshold = choice == SAFETY_OFF ? "OFF" : "BLOCK_NONE";
	unsigned named = named_categories(x->safety_settings);
	const char *before = ",\"safetySettings\":[";

	if (x->safety_settings.len > 0) {
		buf_add_text(out, before);
		buf_add_span(out, x->safety_settings);
		before = ",";
	}
	for (size_t i = 0; choice != SAFETY_PROVIDER && i < CATEGORY_COUNT; i++) {
		if ((named & 1u << i) != 0)
			continue;
		buf_printf(out, "%s{\"category\":\"%s\",\"threshold\":\"%s\"}", before,
		    categories[i], threshold);
		before = ",";
	}
	if (before[1] == '\0')
		buf_add_char(out, ']');
}
