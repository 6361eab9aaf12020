/*
 * What went wrong when the world said no: a kind, words fit for whoever caused it, and when
 * trying again makes sense.  Functions that can be refused return false and fill an err given
 * as their last argument; an invariant of ours that breaks is an assert instead.
 *
 * Only a dialect turns an err into a wire error, only gate/exchange.c into a status.
 */
#ifndef POLLUX_BASE_ERR_H
#define POLLUX_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

/*	kind		printable name	HTTP status that it is answered with */
#define ERR_KINDS(K)                                                                               \
	K(NONE, "none", 200)                                                                       \
	K(BAD_REQUEST, "bad-request", 400)         /* the caller's input; field names the place */ \
	K(UNAUTHORIZED, "unauthorized", 401)       /* no client key, or not a valid one */         \
	K(FORBIDDEN, "forbidden", 403)             /* a valid key that may not do this */          \
	K(NOT_FOUND, "not-found", 404)             /* no such door or object */                    \
	K(MODEL_NOT_FOUND, "model-not-found", 404) /* no such model, or not for this operation */  \
	K(METHOD, "method-not-allowed", 405)                                                       \
	K(SLOW, "request-timeout", 408) /* the client took too long to send */                     \
	K(CONFLICT, "conflict", 409)                                                               \
	K(TOO_LARGE, "too-large", 413)                                                             \
	K(BUSY, "rate-limited", 429)     /* frees soon; retry_ms says when */                      \
	K(QUOTA, "quota-exhausted", 429) /* a limit that frees in hours, or never */               \
	K(INTERNAL, "internal", 500)                                                               \
	K(UNSUPPORTED, "unsupported", 501)                                                         \
	K(UPSTREAM, "upstream-failed", 502) /* upstream answered nonsense or broke off */          \
	K(UNAVAILABLE, "unavailable", 503)  /* nothing can serve now */                            \
	K(OVERLOADED, "overloaded", 503)    /* the model is, whoever asks */                       \
	K(UPSTREAM_SLOW, "upstream-timeout", 504)                                                  \
	K(CONFIG, "configuration", 500)                                                            \
	K(SYSTEM, "system", 500) /* a system call or a library refused */                          \
	K(FULL, "full", 507)     /* the disk or the store's map is full */

enum err_kind {
#define ERR_ENUM(kind, name, status) ERR_##kind,
	ERR_KINDS(ERR_ENUM)
#undef ERR_ENUM
	    ERR_KIND_COUNT
};

struct err {
	enum err_kind kind;
	int64_t retry_ms; /* from now; 0: no idea or no use */
	char field[160];  /* the input's path, "messages[2].content[0].type"; may be "" */
	char text[1024];  /* a sentence; never a secret, never a prompt; cut at a UTF-8 boundary */
};

#define ERR_INIT ((struct err){ .kind = ERR_NONE })

/* Each returns false, so that "return err_set(...)" reads well.  A NULL err is allowed. */
bool err_set(struct err *, enum err_kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool err_retry(struct err *, enum err_kind, int64_t retry_ms, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The kind is BAD_REQUEST. */
bool err_field(struct err *, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The kind is SYSTEM, or FULL for ENOSPC and EDQUOT.  Adds strerror; errno is left as it was. */
bool err_errno(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_prefix(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *err_kind_name(enum err_kind);
int err_kind_status(enum err_kind);

#endif
