/*
 * The head of an upstream's answer, read line by line as curl gives it.  Interim answers
 * (1xx) are passed over.  Pure; for net/fetch.c alone.
 */
#ifndef POLLUX_NET_REPLY_H
#define POLLUX_NET_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"

/* A head over this is not an answer any more; curl's own bound is 300 KiB. */
#define REPLY_BYTES_MAX 65536

struct fetch_head;

enum reply_news {
	REPLY_MORE,   /* read on */
	REPLY_STATUS, /* that was the final answer's status line */
	REPLY_HEAD,   /* that was the end of its head: reply_head() */
	REPLY_BAD     /* fault says why */
};

struct reply {
	bool whole; /* the head was read to its end */
	int status; /* 0: no status line yet, or that of an interim answer is over */
	bool chunked;
	int64_t length;     /* -1: not told */
	char *content_type; /* owned */
	char *retry_after;  /* owned */
	size_t bytes;       /* so far, interim answers included */
	const char *fault;  /* static */
};

void reply_init(struct reply *);
void reply_fini(struct reply *);
enum reply_news reply_line(
    struct reply *, struct span line); /* with its line end; not after REPLY_HEAD */
void reply_head(const struct reply *, struct fetch_head *); /* borrowed from the reply */

#endif
