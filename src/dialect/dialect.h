/*
 * The interface every wire format fills in.  Pure translation: request -> call, chunk ->
 * bytes, error -> bytes.  Bytes and values in, bytes and values out; what a dialect must ask of
 * the house (what is known of a model, which signature a call had) it asks through struct
 * dialect_house.
 */
#ifndef POLLUX_DIALECT_DIALECT_H
#define POLLUX_DIALECT_DIALECT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "gemini/call.h"
#include "gemini/chunk.h"
#include "gemini/fault.h"
#include "gemini/model.h"

/* What the operator chose where two behaviours are worth having (settings of "dialect"). */
enum late_system { LATE_SYSTEM_INLINE, LATE_SYSTEM_HOIST };
enum remote_media { REMOTE_MEDIA_INLINE, REMOTE_MEDIA_PASSTHROUGH, REMOTE_MEDIA_REJECT };
enum blocked_prompt { BLOCKED_PROMPT_CHOICE, BLOCKED_PROMPT_ERROR400 };
enum thoughts_shown { THOUGHTS_AUTO, THOUGHTS_ALWAYS, THOUGHTS_NEVER };
enum image_out { IMAGE_OUT_IMAGES, IMAGE_OUT_MARKDOWN, IMAGE_OUT_BOTH };
enum safety_default { SAFETY_PROVIDER, SAFETY_OFF, SAFETY_NONE };

struct dialect_options { /* zeroed: the defaults */
	enum late_system late_system;
	enum remote_media remote_media;
	enum blocked_prompt blocked_prompt;
	enum thoughts_shown thoughts;
	enum image_out image_out;
	enum safety_default safety_default;
	bool drop_unknown_tools; /* named in x-pollux-ignored instead of refused */
};

/* A model as a client named it, looked up. */
struct dialect_model {
	struct span name;          /* bare, as upstream knows it: aliases resolved */
	struct model_facts facts;  /* lacks: also what was learned, and what this request has to do without */
	bool searches;             /* was asked for as NAME-search: answers with the web searched first */
};

/*
 * A call of a function as Gemini made it.  Kept by the house, so that its signature is there
 * again when a client brings the call back without it (lessons 2, 3).
 */
struct signed_call {
	struct span id;          /* ours: "call_" + 24 letters */
	struct span upstream_id; /* Gemini's own; empty: it gave none */
	struct span name;        /* plain, as Gemini knows it */
	struct span args;        /* raw JSON: an object */
	struct span signature;   /* base64, as it came; empty: it had none */
	size_t step_index;       /* place among the calls of its answer, from 0 */
	struct span model;       /* bare, as upstream knows it */
};

/* A model as lists of models have it. */
struct listed_model {
	struct span name, display_name; /* plain */
	int64_t input_tokens, output_tokens; /* 0: not said */
	bool thinks, generates, embeds;
};

/* All borrowed; each function may be NULL: nothing is known, nothing is kept. */
struct dialect_house {
	void *ctx;
	/* False: err (MODEL_NOT_FOUND: switched off here). */
	bool (*model)(void *ctx, struct span bare, struct dialect_model *, struct err *);
	/* By id; out's spans are in the arena.  A call of another client is not found. */
	bool (*recall)(void *ctx, struct span id, struct arena *, struct signed_call *out);
	/* By what it is: name, args, step_index, model of like. */
	bool (*recall_like)(
	    void *ctx, const struct signed_call *like, struct arena *, struct signed_call *out);
	/* Copies.  The answer's last byte waits until it is stored. */
	void (*remember)(void *ctx, const struct signed_call *);
	/* Whether the list of models is young enough to be given without asking upstream. */
	bool (*models_are_fresh)(void *ctx);
	/* All that can be asked for, aliases and NAME-search among them, until fn says false. */
	void (*each_model)(
	    void *ctx, bool (*fn)(void *fn_ctx, const struct listed_model *), void *fn_ctx);
	/* Upstream has this one.  Copies. */
	void (*found_model)(void *ctx, const struct listed_model *);
};

/* What the route and the head of the request say. */
struct dialect_request {
	enum operation op; /* as far as the route knows; decode may change it */
	struct span model; /* out of the path, decoded; empty when it stands in the body */
	struct span query; /* raw */
	struct span body;  /* borrowed; lives as long as the exchange needs it */
	int64_t server_timeout_ms;
	const struct dialect_options *options; /* NULL: the defaults */
	const struct dialect_house *house;     /* NULL: as one without functions */
};

/* One answer being written. */
struct dialect_out {
	const struct dialect *dialect;
	struct arena *arena;     /* borrowed: the exchange's */
	struct buf *bytes;       /* borrowed: all append; the exchange sends and clears */
	const struct call *call; /* as far as decode came; for fail only its framing counts then */
	const char *request_id;
	int64_t created_s;         /* Unix time of the request */
	bool begun;                /* kept by the exchange: the head is out, fail writes an event */
	const struct fault *fault; /* Google's error behind the err of fail; or NULL */
	const struct dialect_options *options; /* NULL: the defaults */
	const struct dialect_house *house;     /* NULL: as one without functions */
	void *state;               /* the dialect's own, in the arena; NULL at first */
};

struct dialect {
	const char *name;        /* in logs and metrics: "openai-chat" */
	const char *stream_type; /* Content-Type of a stream; where relays, that of SSE framing */
	bool relays;             /* upstream's bytes are the answer; encode is NULL */
	bool keeps_alive;        /* keep_alive may be called on a stream that is silent */
	/*
	 * Fills the whole call.  False fills err: BAD_REQUEST with its field, MODEL_NOT_FOUND.  Called
	 * again for the same request when upstream refused an option: the house then says that the
	 * model lacks it.
	 */
	bool (*decode)(const struct dialect_request *, struct arena *, struct call *, struct err *);
	/* In order; never a chunk whose error is set: that is for fail.  A stream's bytes go out
	 * at once, a plain answer is written by finish or here. */
	void (*encode)(struct dialect_out *, const struct chunk *);
	/* The last bytes of a good answer.  False: it broke off, err says how, and fail is next. */
	bool (*finish)(struct dialect_out *, struct err *);
	/* This wire's error: a whole JSON body, or an event when out->begun. */
	void (*fail)(struct dialect_out *, const struct err *);
	/* A comment or ping; NULL where not keeps_alive. */
	void (*keep_alive)(struct dialect_out *);
};

extern const struct dialect dialect_openai_chat;
extern const struct dialect dialect_openai_completions;
extern const struct dialect dialect_openai_embeddings;
extern const struct dialect dialect_openai_models;
extern const struct dialect dialect_native;

/* Notes a request field that has no effect here (x-pollux-ignored); once each. */
void dialect_ignore(struct call *, struct arena *, struct span field);

/*
 * The model that a client named (plain), looked up: its bare name as upstream knows it goes into
 * call->model, as it was written into call->model_asked.  out may be NULL.  False:
 * MODEL_NOT_FOUND, or BAD_REQUEST with field "model" when there is none.
 */
bool dialect_find_model(const struct dialect_request *, struct call *, struct span asked,
    struct dialect_model *out, struct err *);

/* The operator's choice, or the defaults. */
const struct dialect_options *dialect_options_of(const struct dialect_options *);

/*
 * An OpenAI error object, {"error":{message,type,param,code}}; shared by that family and given
 * by doors that are nobody's.  A refusal of the request itself speaks in Google's words.
 */
void dialect_openai_error(struct buf *, const struct err *, const struct fault *);
/* The fail of that family: the object, or once begun an event that its SDKs raise.  What then
 * broke off without a word of Google's has the code "upstream_truncated". */
void dialect_openai_fail(struct dialect_out *, const struct err *);

/* A Google error envelope, with RetryInfo when err->retry_ms is set and BadRequest when
 * err->field is. */
void dialect_google_error(struct buf *, const struct err *, int status);

#endif
