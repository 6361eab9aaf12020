/*
 * Shards: curl multis driven by our loop, each with at most 128 transfers.  Sharding is
 * compulsory: a multi's connection pool is a linear list, and with thousands of transfers
 * most of the time would go into walking it.  For net/fetch.c alone; knows no HTTP.
 *
 * A transfer sits on a seat.  The first shard with room gives it (fill-first), so that
 * connections stay warm where the work is.  An empty shard is kept for its connections as
 * long as they may be reused, unless more of them are idle than allowed.
 */
#ifndef POLLUX_NET_SHARD_H
#define POLLUX_NET_SHARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <curl/curl.h>
#include "base/loop.h"
#include "base/map.h"

#define SHARD_SEATS 128

struct shards;
struct shard;

enum seat_state {
	SEAT_FREE,   /* not with a shard */
	SEAT_COMING, /* curl is told of it later in this turn */
	SEAT_TAKEN,  /* curl works on it */
	SEAT_GOING   /* given up inside one of curl's callbacks: taken out when curl returns */
};

struct seat {
	enum seat_state state;
	struct list link;    /* in its shard's list of those coming or going */
	struct list sending; /* in its list of those whose request may not be out yet */
	unsigned blocked;    /* sockets of its in which curl waits for room to write */
	struct shard *shard; /* borrowed; NULL while free */
	CURL *easy;  /* borrowed; CURLOPT_PRIVATE and the socket functions belong to the shard */
	bool walled; /* a socket was denied to it */
};

struct shard_events {
	void (*done)(struct seat *, CURLcode); /* curl has ended it; the seat is free again */
	void (*left)(struct seat *); /* after seat_leave: curl knows nothing of it any more */
	/* After seat_is_sending: curl has returned and waits for no room to write.  False: it
	 * will write more nevertheless, and this is asked again. */
	bool (*flushed)(struct seat *);
};

/* Is asked before each socket is made; NULL: all may be. */
typedef bool shard_wall_fn(const struct sockaddr *);

struct shards *shards_new(
    struct loop *, int64_t max_idle_connections, const struct shard_events *, shard_wall_fn *);
void shards_free(struct shards **); /* no seat is taken any more, or their owners forget them */
int64_t shards_active(const struct shards *); /* seats taken */

/* done comes later, from the loop. */
void seat_take(struct seat *, struct shards *, CURL *easy);
/* Ends the transfer and closes its connection: at once, and left is called before this
 * returns; inside one of this shard's callbacks, as soon as curl returns from it. */
void seat_leave(struct seat *);
/* Lets a paused transfer go on, but for what of CURLPAUSE_RECV and _SEND is still to stand; its
 * callbacks may run inside.  Not from a callback. */
bool seat_unpause(struct seat *, int still);
bool seat_is_inside(const struct seat *); /* one of its shard's callbacks is running */
void seat_is_sending(struct seat *);      /* from a callback: flushed is to be called */

#endif
