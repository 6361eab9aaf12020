/*
 * The interface every wire format fills in.  Pure translation: request -> call, chunk ->
 * bytes, error -> bytes.  Bytes and values in, bytes and values out.
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

/* What the route and the head of the request say. */
struct dialect_request {
	enum operation op; /* as far as the route knows; decode may change it */
	struct span model; /* out of the path, decoded; empty when it stands in the body */
	struct span query; /* raw */
	struct span body;  /* borrowed; lives as long as the exchange needs it */
	int64_t server_timeout_ms;
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
	void *state;               /* the dialect's own, in the arena; NULL at first */
};

struct dialect {
	const char *name;        /* in logs and metrics: "openai-chat" */
	const char *stream_type; /* Content-Type of a stream; where relays, that of SSE framing */
	bool relays;             /* upstream's bytes are the answer; encode is NULL */
	bool keeps_alive;        /* keep_alive may be called on a stream that is silent */
	/* Fills the whole call.  False fills err: BAD_REQUEST with its field, MODEL_NOT_FOUND. */
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
extern const struct dialect dialect_openai_models;
extern const struct dialect dialect_native;

/* Notes a request field that has no effect here (x-pollux-ignored); once each. */
void dialect_ignore(struct call *, struct arena *, struct span field);

/*
 * The model that a client named: bare into call->model, as it was written into model_asked.
 * Aliases of the configuration are the gate's business, after decode.  False: MODEL_NOT_FOUND,
 * or BAD_REQUEST with field "model" when there is none.
 */
bool dialect_model(struct call *, struct span asked, struct err *);

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
