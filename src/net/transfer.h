/*
 * One transfer inside curl: its callbacks, what they give to the caller and take from him, and
 * what its end means.  For net/fetch.c alone, which starts and ends it.
 */
#ifndef POLLUX_NET_TRANSFER_H
#define POLLUX_NET_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>
#include <curl/curl.h>
#include "base/loop.h"
#include "net/course.h"
#include "net/fetch_types.h"
#include "net/reply.h"
#include "net/shard.h"
#include "net/upload.h"

struct transfer;

/* What a callback of curl's may not do itself. */
struct transfer_wishes {
	void (*rearm)(struct transfer *); /* its deadlines have changed */
	void (*go_on)(struct transfer *); /* transfer_go_on, once curl has returned */
	void (*whole)(struct transfer *); /* the same for its end: the answer is whole */
};

struct transfer {
	const struct loop *loop;              /* borrowed */
	const struct transfer_wishes *wishes; /* borrowed, static */
	struct fetch_events events;
	void *ctx; /* borrowed, the caller's */
	struct seat seat;
	struct course course;
	struct upload upload;
	struct reply reply;
	int64_t body_bytes;          /* of the answer, so far */
	bool held;                   /* curl has paused and holds what came last */
	bool unwritten;              /* it is being sent, and written was not told of */
	bool resent;                 /* curl was about to send it once more on a kept connection */
	bool began;                  /* some of it may have been sent ... */
	bool unwanted;               /* ... and the caller would not have it sent again */
	char words[CURL_ERROR_SIZE]; /* curl's, or ours; for the log */
};

bool transfer_connect(struct transfer *, CURL *easy); /* sets the callbacks */
/* What was paused goes on, if the caller lets it.  False: the connection failed meanwhile. */
bool transfer_go_on(struct transfer *);
/* shard_events.flushed: tells the caller once the request is all out.  False: it is not. */
bool transfer_flushed(struct transfer *);
/* The end has come.  Of a request that was answered before it was all out this is told now. */
void transfer_sent_no_more(struct transfer *);
/* The connection that curl tried was a kept one, and dead. */
bool transfer_was_stale(const struct transfer *, CURLcode);
/* What it came to; words say why. */
enum fetch_result transfer_result(struct transfer *, CURLcode);

#endif
