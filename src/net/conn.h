/*
 * One client's connection while libmicrohttpd has it: the watch that sees the client leave,
 * and the timers that libmicrohttpd lacks.  Knows neither requests nor libmicrohttpd.
 *
 * libmicrohttpd's own timeout is an idle time, which a client that dribbles never meets, and
 * it does not look at suspended connections at all.  The rules here:
 *
 *	head   must be whole header_timeout after the accept, or idle_timeout + header_timeout
 *	       after the last answer; else it is too slow.  A connection on which nothing came
 *	       since its last answer is closed without a word after idle_timeout.
 *	body   in each interval of header_timeout at least 1 KiB for each second of it must
 *	       come, unless the body is whole before; else it is too slow.  So a body may take
 *	       as long as its size asks for.  While we hold it back the interval stands still.
 *	rest   of a body whose answer is there already: the same, in intervals of a second.
 *
 * What becomes of one that is too slow is the owner's to say.
 */
#ifndef POLLUX_NET_CONN_H
#define POLLUX_NET_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/loop.h"
#include "base/map.h"

#define CONN_LEAST_BYTES_PER_S 1024
#define CONN_PEER_BYTES        48

struct conn;

struct conn_config {
	int64_t header_timeout_ms;
	int64_t idle_timeout_ms;
};

struct conn_owner {
	void (*left)(void *ctx, struct conn *); /* the client's FIN or reset; has_left is set */
	void (*slow)(void *ctx, struct conn *); /* refuse it, or send what there is to send */
	void *ctx;
};

struct conn {
	struct list link; /* the server's */
	void *request;    /* the server's: what is under way, NULL between requests */
	int fd;           /* borrowed from libmicrohttpd */
	char peer[CONN_PEER_BYTES]; /* address without port */
	bool has_left;    /* sticky: an edge comes once, perhaps before there is a request */

	/* private */
	struct loop *loop;
	const struct conn_config *config;
	const struct conn_owner *owner;
	struct watch watch;
	struct timer timer;
	int64_t rested_at_ms; /* end of the last answer; -1: nothing was answered yet */
	int64_t interval_ms; /* between the weighings of a body */
	int64_t left_ms;     /* of the interval, while it stands still */
	uint64_t body_bytes; /* in this interval */
	bool is_unread;      /* nothing of the body was read since the last weighing, though it came */
	bool stands_still;   /* the same, at the last look */
};

struct conn *conn_new(struct loop *, const struct conn_config *, const struct conn_owner *, int fd,
    const struct sockaddr *);
void conn_free(struct conn **); /* leaves the descriptor alone */

void conn_open(struct conn *);       /* begins the watch; awaits the first head */
void conn_await_body(struct conn *);
void conn_await_rest(struct conn *);
void conn_body_came(struct conn *, uint64_t bytes);
/* Every so many runs of the library.  Twice it did not read of this body what has come: it never
 * will, and the owner is told that it is slow.  True: so it was. */
bool conn_look(struct conn *);
void conn_hold(struct conn *);       /* we read no more of the body */
void conn_go_on(struct conn *);      /* after conn_hold */
void conn_be_patient(struct conn *); /* it is our turn: no timer */
void conn_rest(struct conn *, int64_t idle_ms); /* answered; awaits another head */
void conn_hurry(struct conn *, int64_t idle_ms); /* shortens the rest, from the last answer on */
bool conn_is_fresh(const struct conn *); /* nothing was answered yet */

/* The whole of a bodiless answer, "408 Request Timeout", then both ways are shut. */
void conn_refuse(struct conn *, const char *status);
void conn_shut(struct conn *); /* libmicrohttpd sees the end and lets go */

#endif
