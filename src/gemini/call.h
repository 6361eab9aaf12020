/*
 * One thing to ask of Gemini: operation, model, and a body in Gemini's own JSON.  The native
 * shape is our middle language, so nothing is lost on the way.  Pure.
 */
#ifndef POLLUX_GEMINI_CALL_H
#define POLLUX_GEMINI_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/rope.h"
#include "base/text.h"

/*	operation	verb in the URL		HTTP	answers in chunks */
#define OPERATIONS(O)                                                                              \
	O(GENERATE, "generateContent", "POST", false)                                              \
	O(STREAM, "streamGenerateContent", "POST", true)                                           \
	O(COUNT, "countTokens", "POST", false)                                                     \
	O(EMBED, "embedContent", "POST", false)                                                    \
	O(BATCH_EMBED, "batchEmbedContents", "POST", false)                                        \
	O(MODELS_LIST, "", "GET", false)                                                           \
	O(MODEL_GET, "", "GET", false)

enum operation {
#define OPERATION_ENUM(name, verb, http, streams) OP_##name,
	OPERATIONS(OPERATION_ENUM)
#undef OPERATION_ENUM
	    OPERATION_COUNT
};
const char *operation_name(enum operation); /* for logs: the verb, or "models.list", "models.get" */
const char *operation_method(enum operation);
bool operation_streams(enum operation);
/* By its verb, "generateContent"; false when it is none of ours. */
bool operation_find(struct span verb, enum operation *out);

/* How the bytes of an answer are framed. */
enum framing { FRAMING_UNARY, FRAMING_SSE, FRAMING_ARRAY };

/*
 * Media that a request names by its URL (http, https).  Once it is there, its JSON goes to the
 * place that is kept for it in the body: {"mimeType":...,"data":...}, the value of inlineData.
 */
struct remote {
	struct remote *next;
	struct span url;     /* plain */
	const char *field;   /* its path in the request: "messages[0].content[1].image_url.url" */
	struct span mime;    /* what the client said it is, plain; empty: nothing */
	struct span *place;  /* in the pieces of the body; empty until it is fetched */
};

struct call {
	enum operation op;
	enum framing framing;      /* of the upstream's answer */
	struct span model;         /* bare, as upstream knows it; empty for MODELS_LIST */
	struct span model_asked;   /* as the client wrote it: echoed in answers */
	/*
	 * Gemini's JSON: pieces in the arena and in the client's bytes.  One for each part, where
	 * one request takes several calls of upstream (n, lists of prompts, long lists of texts).
	 */
	struct body *bodies;
	size_t parts;              /* at least 1, also where there is no body (bodies == NULL) */
	size_t choices; /* that each part may bring, at least 1: part i's begin at i * choices */
	unsigned revision;         /* moves when the call is translated anew */
	struct remote *remotes;    /* media to be fetched before the call is made; NULL: none */
	struct span query;         /* to pass on, raw, credentials taken out; may be empty */
	int64_t server_timeout_ms; /* the client's X-Server-Timeout; 0: none */
	bool stream;               /* the client wants a stream */
	bool known;                /* nothing is asked of upstream: finish has the answer already */
	struct span ignored;       /* fields without effect, "a, b", in the arena; may be empty */
	void *notes;               /* the dialect's own, for the answer; in the arena */
};

/*
 * base: upstream.gemini_url without a slash at its end.  Appends the URL; never a secret.  A
 * stream whose framing is SSE gets alt=sse unless its query says so already.
 */
void call_url(const struct call *, const char *base, struct buf *out);
/*
 * The query parameters of a native request that go upstream: all but credentials and
 * quotaUser, $.xgafv, $httpMethod, under their names with and without '$'.  callback and
 * alt=proto are refused (BAD_REQUEST, field "callback", "alt"), bytes that no URL may have too.
 */
bool call_query(struct span raw, struct arena *, struct span *out, struct err *);
/* No byte in it that a URL may not have: what came raw in a path or query can be handed on. */
bool call_may_carry(struct span raw);
/* alt=sse, or not. */
enum framing call_framing(enum operation, struct span query);

#endif
