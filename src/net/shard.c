/*
 * Shards: curl multis in our loop by the socket action interface.
 *
 * Runs in every process that fetches.  Owns the multis, the sockets that curl works with, and what
 * is known of each: curl opens and closes them through this room, so a descriptor number used again
 * is never mistaken for what it was before.
 *
 * A socket whose transfer is over stays registered with the kernel, since most are used again
 * at once; the first event on one that nobody wants (the server closes it, say) takes it out.
 */
#include "net/shard.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"

/* An empty shard lives as long as curl would use its connections again (118 s), not longer. */
#define KEEP_MS 120000

struct sock {
	struct shard *shard; /* borrowed; NULL while no socket of that number is known */
	struct watch watch;
	bool
	    ours; /* opened here and closed here; otherwise curl's own, a resolver's for instance */
	bool wanted;          /* curl waits for events on it */
	struct seat *blocked; /* borrowed: for whom curl waits to write on it; NULL: it does not */
};

struct shard {
	struct list link;      /* in shards->list */
	struct shards *shards; /* borrowed: the set that owns it */
	CURLM *multi;          /* owned */
	int64_t active;        /* seats taken, those coming and going included */
	struct list coming;    /* seats */
	struct list going;     /* seats */
	struct list sending; /* seats that are asked whether their request is out; few, for long */
	struct timer clock;  /* when curl wants to be called */
	struct timer retire; /* set while empty */
	bool inside;         /* curl is running: it may not be called again */
	bool kicked;         /* shard_run is deferred */
	bool old;            /* empty for so long that curl would not use its connections */
};

struct shards {
	struct loop *loop;                 /* borrowed */
	const struct shard_events *events; /* borrowed, static */
	shard_wall_fn *wall;               /* or NULL */
	struct list list;                  /* of shards, owned */
	int64_t max_idle, active, count, sockets;
	bool sweep_due;
	/* By descriptor.  A record, once made, stays for the next socket of that number, so
	 * that a socket may be closed inside its own event. */
	struct sock **socks; /* owned, the records too */
	size_t n_socks;
};

/* ---- sockets ---- */

static struct sock *
sock_at(struct shards *all, int fd)
{
	size_t want = (size_t)fd + 1, n = all->n_socks ? all->n_socks : 64;

	assert(fd >= 0);
	if (want > all->n_socks) {
		while (n < want)
			n *= 2;
		all->socks = mem_resize(all->socks, n * sizeof(*all->socks));
		for (size_t i = all->n_socks; i < n; i++)
			all->socks[i] = NULL;
		all->n_socks = n;
	}
	if (!all->socks[fd])
		all->socks[fd] = mem_alloc(sizeof(struct sock));
	return all->socks[fd];
}

/* Whether there is more to be sent only curl knows: then it waits for room. */
static void
sock_block(struct sock *k, struct seat *seat)
{
	if (k->blocked)
		k->blocked->blocked--;
	k->blocked = seat;
	if (seat)
		seat->blocked++;
}

static void
sock_forget(struct shards *all, struct sock *k)
{
	if (!k->shard)
		return;
	sock_block(k, NULL);
	loop_unwatch(all->loop, &k->watch);
	if (k->ours)
		all->sockets--;
	k->shard = NULL;
	k->ours = k->wanted = false;
}

static void
sock_begin(struct shard *s, struct sock *k, bool ours)
{
	sock_forget(s->shards, k);
	k->shard = s;
	k->ours = ours;
	if (ours)
		s->shards->sockets++;
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct seat *seat = arg;
	struct shard *s = seat->shard;
	int fd;

	(void)purpose;
	if (s->shards->wall && !s->shards->wall(&to->addr)) {
		seat->walled = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	sock_begin(s, sock_at(s->shards, fd), true);
	return fd;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
	struct shard *s = arg;

	sock_forget(s->shards, sock_at(s->shards, fd));
	return close(fd);
}

static void shard_act(struct shard *, curl_socket_t, int bits);

static void
on_socket(void *ctx, uint32_t events)
{
	struct sock *k = ctx;
	int bits = 0;

	if (!k->wanted) {
		loop_unwatch(k->shard->shards->loop, &k->watch);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP))
		bits |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		bits |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		bits |= CURL_CSELECT_ERR;
	shard_act(k->shard, k->watch.fd, bits);
}

/* NULL: a handle of curl's own. */
static struct seat *
seat_of(CURL *easy)
{
	char *private = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	return (struct seat *)(void *)private;
}

/* CURLMOPT_SOCKETFUNCTION */
static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct shard *s = arg;
	struct loop *loop = s->shards->loop;
	struct sock *k = sock_at(s->shards, fd);
	uint32_t events = 0;

	(void)unused;
	if (!k->shard)
		sock_begin(s, k, false);
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	k->wanted = events != 0;
	sock_block(k, events & EPOLLOUT ? seat_of(easy) : NULL);
	if (!k->wanted && !k->ours)
		sock_forget(s->shards, k); /* curl closes its own without another word */
	else if (k->wanted && k->watch.fn)
		loop_rewatch(loop, &k->watch, events);
	else if (k->wanted)
		loop_watch(loop, &k->watch, fd, events, on_socket, k);
	return 0;
}

/* ---- curl's turn ---- */

static void shards_sweep(void *);

static void
shards_sweep_later(struct shards *all)
{
	if (!all->sweep_due)
		loop_defer(all->loop, shards_sweep, all);
	all->sweep_due = true;
}

static void
shard_is_old(void *ctx)
{
	struct shard *s = ctx;

	s->old = true;
	shards_sweep_later(s->shards);
}

static bool
shards_crowded(const struct shards *all)
{
	return all->sockets - all->active > all->max_idle;
}

/* How many connections the multi may hold: curl counts those in use too, and closes the
 * longest idle one when a transfer ends above that. */
static void
shard_limit(struct shard *s)
{
	int64_t most = s->active + s->shards->max_idle;

	if (most > SHARD_SEATS)
		most = SHARD_SEATS;
	if (most < 1)
		most = 1; /* 0 would mean curl's default */
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)most);
}

static void
seat_vacate(struct seat *seat)
{
	struct shard *s = seat->shard;
	struct shards *all = s->shards;

	assert(seat->blocked == 0); /* curl has taken its sockets back */
	list_remove(&seat->sending);
	seat->state = SEAT_FREE;
	seat->shard = NULL;
	s->active--;
	all->active--;
	shard_limit(s);
	if (s->active > 0)
		return;
	loop_timer(all->loop, &s->retire, KEEP_MS, shard_is_old, s);
	if (shards_crowded(all))
		shards_sweep_later(all);
}

static void
seat_remove(struct seat *seat)
{
	struct shard *s = seat->shard;

	s->inside = true;
	curl_multi_remove_handle(s->multi, seat->easy);
	s->inside = false;
	seat_vacate(seat);
}

/* Each of those is asked once; what it then does may take any of them out of its list. */
static void
shard_ask_senders(struct shard *s)
{
	struct list asked;
	struct list *first;

	list_init(&asked);
	while ((first = list_shift(&s->sending))) {
		struct seat *seat = list_entry(first, struct seat, sending);

		list_push(&asked, first);
		if (seat->blocked == 0 && s->shards->events->flushed(seat))
			list_remove(first);
	}
	while ((first = list_shift(&asked)))
		list_push(&s->sending, first);
}

/* Curl has returned: takes out who was given up meanwhile, then tells of those whose request is
 * out, then of those that ended. */
static void
shard_settle(struct shard *s)
{
	const struct shard_events *events = s->shards->events;
	struct list *first;
	CURLMsg *message;
	int more;

	while ((first = list_shift(&s->going))) {
		struct seat *seat = list_entry(first, struct seat, link);

		seat_remove(seat);
		events->left(seat);
	}
	shard_ask_senders(s);
	while ((message = curl_multi_info_read(s->multi, &more))) {
		CURLcode code = message->data.result; /* the message dies with the removal */
		struct seat *seat = seat_of(message->easy_handle);

		assert(message->msg == CURLMSG_DONE);
		assert(seat && seat->state == SEAT_TAKEN);
		seat_remove(seat);
		events->done(seat, code);
	}
}

static void
shard_act(struct shard *s, curl_socket_t fd, int bits)
{
	CURLMcode rc;
	int running;

	assert(!s->inside);
	s->inside = true;
	rc = curl_multi_socket_action(s->multi, fd, bits, &running);
	s->inside = false;
	if (rc == CURLM_OUT_OF_MEMORY)
		mem_exhausted(0);
	if (rc != CURLM_OK)
		log_error("fetch", "libcurl is in disorder", "code=%d", (int)rc);
	shard_settle(s);
}

static void
on_clock(void *ctx)
{
	shard_act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION: may not call curl, only note when to. */
static int
want_clock(CURLM *multi, long after_ms, void *arg)
{
	struct shard *s = arg;

	(void)multi;
	if (after_ms < 0)
		loop_untimer(s->shards->loop, &s->clock);
	else
		loop_timer(s->shards->loop, &s->clock, after_ms, on_clock, s);
	return 0;
}

static void
seat_add(struct shard *s, struct seat *seat)
{
	CURLcode rc;

	seat->state = SEAT_TAKEN;
	rc = curl_easy_setopt(seat->easy, CURLOPT_PRIVATE, (void *)seat);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(seat->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(seat->easy, CURLOPT_OPENSOCKETDATA, (void *)seat);
	/* A connection keeps these two for its whole life, which is not longer than the shard's. */
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(seat->easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(seat->easy, CURLOPT_CLOSESOCKETDATA, (void *)s);
	assert(rc == CURLE_OK);
	if (curl_multi_add_handle(s->multi, seat->easy) != CURLM_OK)
		mem_exhausted(
		    0); /* the handle is sound and in no other multi: nothing else is left */
}

/* Deferred: what was started in this turn leaves in this turn. */
static void
shard_run(void *ctx)
{
	struct shard *s = ctx;
	struct list *first;

	s->kicked = false;
	shard_limit(s);
	while ((first = list_shift(&s->coming)))
		seat_add(s, list_entry(first, struct seat, link));
	shard_act(s, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- seats ---- */

static struct shard *
shard_new(struct shards *all)
{
	struct shard *s = mem_alloc(sizeof(*s));

	s->shards = all;
	s->multi = curl_multi_init();
	if (!s->multi)
		mem_exhausted(0);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, (void *)s);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, want_clock);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, (void *)s);
	curl_multi_setopt(s->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	list_init(&s->coming);
	list_init(&s->going);
	list_init(&s->sending);
	list_push(&all->list, &s->link);
	all->count++;
	return s;
}

static void
shard_free(struct shard *s)
{
	struct shards *all = s->shards;

	assert(s->active == 0 && !s->inside);
	s->inside = true;
	curl_multi_cleanup(s->multi);
	for (size_t fd = 0; fd < all->n_socks; fd++)
		if (all->socks[fd] && all->socks[fd]->shard == s)
			sock_forget(all, all->socks[fd]);
	loop_untimer(all->loop, &s->clock);
	loop_untimer(all->loop, &s->retire);
	if (s->kicked)
		loop_undefer(all->loop, shard_run, s);
	list_remove(&s->link);
	all->count--;
	mem_free(s);
}

static void
shards_sweep(void *ctx)
{
	struct shards *all = ctx;

	all->sweep_due = false;
	/* From the last one: the first is filled first, so its connections are worth most. */
	for (struct list *it = all->list.prev, *next = it->prev; it != &all->list;
	     it = next, next = it->prev) {
		struct shard *s = list_entry(it, struct shard, link);

		if (s->active == 0 && (s->old || shards_crowded(all)))
			shard_free(s);
	}
}

static struct shard *
shard_with_room(struct shards *all)
{
	list_for_each(it, &all->list)
	{
		struct shard *s = list_entry(it, struct shard, link);

		if (s->active < SHARD_SEATS)
			return s;
	}
	return shard_new(all);
}

void
seat_take(struct seat *seat, struct shards *all, CURL *easy)
{
	struct shard *s = shard_with_room(all);

	assert(seat->state == SEAT_FREE);
	*seat = (struct seat){ .state = SEAT_COMING, .shard = s, .easy = easy };
	list_init(&seat->sending);
	list_push(&s->coming, &seat->link);
	s->active++;
	all->active++;
	s->old = false;
	loop_untimer(all->loop, &s->retire);
	if (!s->kicked)
		loop_defer(all->loop, shard_run, s);
	s->kicked = true;
}

void
seat_leave(struct seat *seat)
{
	struct shard *s = seat->shard;
	const struct shard_events *events;

	if (seat->state == SEAT_FREE || seat->state == SEAT_GOING)
		return;
	events = s->shards->events;
	if (seat->state == SEAT_TAKEN && s->inside) {
		seat->state = SEAT_GOING;
		list_push(&s->going, &seat->link);
		return;
	}
	if (seat->state == SEAT_TAKEN) {
		seat_remove(seat);
	} else {
		list_remove(&seat->link);
		seat_vacate(seat);
	}
	events->left(seat);
}

bool
seat_unpause(struct seat *seat, int still)
{
	struct shard *s = seat->shard;
	CURLcode rc;

	assert(seat->state == SEAT_TAKEN && !s->inside);
	s->inside = true;
	rc = curl_easy_pause(seat->easy, still);
	s->inside = false;
	shard_settle(s);
	return rc == CURLE_OK;
}

bool
seat_is_inside(const struct seat *seat)
{
	return seat->shard && seat->shard->inside;
}

void
seat_is_sending(struct seat *seat)
{
	assert(seat->state == SEAT_TAKEN && seat->shard->inside);
	list_remove(&seat->sending);
	list_push(&seat->shard->sending, &seat->sending);
}

/* ---- the set ---- */

struct shards *
shards_new(
    struct loop *loop, int64_t max_idle, const struct shard_events *events, shard_wall_fn *wall)
{
	struct shards *all = mem_alloc(sizeof(*all));

	all->loop = loop;
	all->events = events;
	all->wall = wall;
	all->max_idle = max_idle > 0 ? max_idle : 0;
	list_init(&all->list);
	return all;
}

void
shards_free(struct shards **slot)
{
	struct shards *all = slot ? *slot : NULL;

	if (!all)
		return;
	list_for_each_safe(it, next, &all->list) shard_free(list_entry(it, struct shard, link));
	assert(all->count == 0 && all->sockets == 0);
	if (all->sweep_due)
		loop_undefer(all->loop, shards_sweep, all);
	for (size_t fd = 0; fd < all->n_socks; fd++)
		mem_free(all->socks[fd]);
	mem_free(all->socks);
	mem_free(all);
	*slot = NULL;
}

int64_t
shards_active(const struct shards *all)
{
	return all->active;
}
