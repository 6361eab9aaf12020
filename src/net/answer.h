/*
 * The head and body of an answer as the one who answers gave them, cleaned: for
 * libmicrohttpd to send, or as bytes for a connection that has left it.
 *
 * What frames or identifies an answer is not the caller's to set (Content-Length,
 * Transfer-Encoding, Connection, Date, X-Request-Id and such are left out), and a header that
 * is not fit for the wire, one with a line end in it above all, is left out with a warning.
 * All others pass, in their order, and one name as often as it is given; save that libmicrohttpd
 * takes no empty value.
 */
#ifndef POLLUX_NET_ANSWER_H
#define POLLUX_NET_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/text.h"
#include "net/head.h"

struct MHD_Response;

struct answer {
	int status;
	struct header *headers; /* in the arena that answer_make was given */
	size_t n;
	struct span body;     /* borrowed */
	int64_t length_bytes; /* the body's, or what a stream promises */
};

void answer_make(struct answer *, struct arena *, int status, const struct header *, size_t n,
    struct span body);
/* The caller destroys it.  NULL: the library refused. */
struct MHD_Response *answer_response(const struct answer *, const char *request_id, bool close);
bool answer_may_have_body(int status);
/* The Content-Length among headers; -1: none, or none to rely on. */
int64_t answer_promised_bytes(const struct header *, size_t n);
/* Both heads share the library's one small pool.  Where the answer's finds no room there, the
 * library closes without a word. */
bool answer_is_tight(const struct answer *, const struct request_head *, size_t pool_bytes);

enum answer_length {
	ANSWER_SIZED,  /* Content-Length: length_bytes */
	ANSWER_CHUNKED,
	ANSWER_TO_THE_END /* of the connection */
};
/* The head for a connection that is closed behind this answer. */
void answer_print_head(struct buf *, const struct answer *, enum answer_length,
    const char *request_id, int64_t wall_ms);

#endif
