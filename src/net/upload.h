/*
 * What a call sends: a body in pieces that lie with the caller, or one that comes bit by bit and
 * waits here, a little at a time.  For net/fetch.c alone.
 */
#ifndef POLLUX_NET_UPLOAD_H
#define POLLUX_NET_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/rope.h"
#include "base/text.h"

#define UPLOAD_HIGH_BYTES 65536 /* above, the caller is asked to stop */
#define UPLOAD_LOW_BYTES  16384 /* below, to go on */

struct fetch_order;

struct upload {
	struct body body; /* borrowed */
	size_t piece, at; /* where the next byte lies */
	uint64_t given;   /* to curl */
	bool copied;      /* curl has it all from the start, and asks for nothing */
	bool read;        /* curl was told that there is no more */

	bool streams;
	int64_t announced; /* -1: unknown */
	struct buf queue;  /* owned; what waits begins at queue_at */
	size_t queue_at;
	bool ended;        /* no more comes behind the queue */
	bool full;         /* the caller was asked to stop */
	const char *fault; /* static: its length is not what was announced */
};

enum upload_news {
	UPLOAD_BYTES, /* some, as many as there was room for */
	UPLOAD_DONE,  /* that was all */
	UPLOAD_WAIT,  /* nothing now */
	UPLOAD_BAD    /* fault says why */
};

void upload_init(struct upload *, const struct fetch_order *);
void upload_fini(struct upload *);
/* Copies up to room bytes, says how many. */
enum upload_news upload_read(struct upload *, char *p, size_t room, size_t *len);
/* The same body again, from there on.  False: it is gone. */
bool upload_rewind(struct upload *, int64_t offset);

/* Of one that streams: more of it.  False: that is plenty for now. */
bool upload_add(struct upload *, struct span);
void upload_end(struct upload *);
bool upload_wants_more(struct upload *);     /* true once, when it fell below the low mark */
bool upload_is_out(const struct upload *);   /* curl was given all */
int64_t upload_bytes(const struct upload *); /* how many there are; so far, if that is unknown */
/* And knows that it was all; what it then sends is the rest. */
bool upload_is_read(const struct upload *);

#endif
