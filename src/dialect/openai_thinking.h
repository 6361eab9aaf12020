/*
 * How hard a model is to think, as clients of OpenAI say it (reasoning_effort) and as Google's own
 * layer lets them say it (thinking_config), written as the thinkingConfig that the model takes:
 * a budget of tokens up to Gemini 2.5, a level from 3 on, never both.  Pure.
 *
 * (Google: Gemini API, thinking; OpenAI compatibility.  Lessons 60 to 63.)
 */
#ifndef POLLUX_DIALECT_OPENAI_THINKING_H
#define POLLUX_DIALECT_OPENAI_THINKING_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "dialect/dialect.h"
#include "gemini/model.h"
#include "gemini/object.h"

/* In order: what comes later thinks harder. */
enum effort {
	EFFORT_UNSAID,
	EFFORT_NONE,
	EFFORT_MINIMAL,
	EFFORT_LOW,
	EFFORT_MEDIUM,
	EFFORT_HIGH,
	EFFORT_MOST /* "xhigh", "max" */
};

struct openai_thinking {    /* zeroed to begin with */
	enum effort effort; /* reasoning_effort */
	const char *field;  /* of thinking_config, for errors; NULL: it was not there */
	enum effort level;  /* its thinking_level */
	bool has_budget;
	int64_t budget;        /* its thinking_budget: -1 leaves it to the model */
	bool has_shown, shown; /* its include_thoughts */
};

/*
 * Each reads the value ahead; null is as good as absent, the last of several wins.  False: err
 * names the place, or the text has a fault.  field: "extra_body.google.thinking_config"; it is
 * borrowed.
 */
bool openai_effort_read(struct openai_thinking *, struct scan *, struct err *);
bool openai_thinking_read(struct openai_thinking *, struct scan *, const char *field, struct err *);
/* Of what only makes sense alone: an effort beside a budget or a level. */
bool openai_thinking_check(const struct openai_thinking *, struct err *);
/*
 * Adds "thinkingConfig" when there is something to say.  What a model that cannot be told so was
 * asked for is noted in call->ignored.
 */
void openai_thinking_write(const struct openai_thinking *, const struct model_facts *,
    enum thoughts_shown, struct call *, struct arena *, struct object_writer *);

#endif
