/*
 * What clients of OpenAI say in Google's own words, as its OpenAI layer has them say it:
 * {"extra_body":{"google":{...}}}, or {"google":{...}} where an SDK has unpacked extra_body.  Names
 * in snake_case or camelCase.  Pure.
 *
 * (Google: Gemini API, OpenAI compatibility.)
 */
#ifndef POLLUX_DIALECT_OPENAI_EXTRA_H
#define POLLUX_DIALECT_OPENAI_EXTRA_H

#include <stdbool.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/text.h"
#include "dialect/dialect.h"
#include "dialect/openai_thinking.h"
#include "gemini/model.h"
#include "gemini/object.h"

struct openai_extra {                  /* zeroed to begin with; spans point into the request */
	const char *field;             /* where it stood last: "extra_body.google"; NULL: nowhere */
	struct span cached_content;    /* escaped; empty: none */
	struct span safety_settings;   /* raw items, comma separated; or empty */
	struct span tools;             /* raw items, comma separated; or empty */
	struct span generation_config; /* raw object; or empty */
	struct span image_config;      /* raw object; or empty */
	struct span aspect_ratio, image_size, media_resolution; /* escaped; or empty */
	struct span thought_tag;                                /* plain; or empty */
	bool stream_arguments;                                  /* stream_function_call_arguments */
};

/*
 * Each reads the value ahead, that of "extra_body" or of "google".  null is as good as absent, the
 * last of several wins, member by member.  Members that are not known are noted in call->ignored.
 * thinking_config goes into thinking.  False: err names the place, or the text has a fault.
 */
bool openai_extra_body_read(struct openai_extra *, struct openai_thinking *, struct scan *,
    struct arena *, struct call *, struct err *);
bool openai_extra_read(struct openai_extra *, struct openai_thinking *, struct scan *,
    struct arena *, struct call *, struct err *);

/* Adds members to generationConfig.  resolution: what the images of the request ask for, or NULL.
 */
void openai_extra_write(const struct openai_extra *, const struct model_facts *,
    const char *resolution, struct call *, struct arena *, struct object_writer *config);
/* The client's generation_config, laid over what was made of its other fields (config, a raw
 * object): appends the whole.  What the model lacks is left out and noted. */
void openai_extra_merge(const struct openai_extra *, const struct model_facts *, struct span config,
    struct call *, struct arena *, struct buf *out);
/* Appends ,"safetySettings":[...] if there are any: the client's, and those of the house for the
 * categories that it does not name. */
void openai_extra_safety(const struct openai_extra *, enum safety_default, struct buf *out);

#endif
