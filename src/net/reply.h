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
struct fetch_header;
struct reply_field;

enum reply_news {
	REPLY_MORE,   /* read on */
	REPLY_STATUS, /* that was the final answer's status line */
	REPLY_HEAD,   /* that was the end of its head: reply_head() */
	REPLY_BAD     /* fault says why */
};

struct reply {
	bool whole;     /* the head was read to its end */
	int status;     /* 0: no status line yet, or that of an interim answer is over */
	int64_t length; /* of the body, once the head is whole; -1: not told */

	struct buf text;            /* owned; the fields' names and values */
	struct reply_field *fields; /* owned; where in it they are */
	size_t count, room;
	struct fetch_header *headers; /* owned; once the head is whole */

	size_t bytes;      /* so far, interim answers included */
	const char *fault; /* static */
};

void reply_init(struct reply *);
void reply_fini(struct reply *);
enum reply_news reply_line(
    struct reply *, struct span line); /* with its line end; not after REPLY_HEAD */
void reply_head(const struct reply *, struct fetch_head *); /* borrowed from the reply */
void reply_drop_headers(struct reply *);                    /* nobody will ask for them again */
/* The value that counts, where a name is repeated: the last; p NULL: absent. */
struct span reply_value(const struct fetch_header *, size_t count, const char *name);

#endif
