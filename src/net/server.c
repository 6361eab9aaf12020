/*
 * The client's side of HTTP: libmicrohttpd's epoll inside our loop.  Runs in workers.
 *
 * Owns the daemon and the connections that are in it.  The library reads heads and bodies
 * and sends whole answers; accepting, timers, seeing clients leave and streaming are ours
 * (net/listener.h, net/conn.h, net/stream.h), and so is what to do next (net/request.h).
 */
#include "net/server.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include "base/log.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/request_house.h"

/* All of it is resident for each idle connection.  Cookies lie in it twice: half of it carries
 * heads of 3.5 kB only. */
#define POOL_BYTES     16384
#define PASSES         4     /* of MHD_run in a turn, while it says that it has more to do */
#define LOOK_PASSES    64    /* of those, until it is looked for one that leads nowhere */
#define SLOW_MS        5     /* between two passes, while such a one is being let go */
#define SLOW_FOR_MS    2500  /* the library counts in seconds */
#define DRAIN_GRACE_MS 1000  /* an idle client's next request may be on its way */
#define SAY_FULL_MS    60000 /* once in so long, that clients wait for a place */

struct server {
	struct loop *loop; /* borrowed */
	int64_t max_connections;
	const char *limited_by;
	int64_t full_said_ms; /* 0: not yet */
	struct conn_config conn_config;
	struct conn_owner conn_owner;
	struct server_handler handler;
	struct request_house house;

	struct MHD_Daemon *mhd; /* owned */
	struct watch watch;     /* of its epoll */
	struct loop_hook hook;
	struct timer kick;
	bool must_run;
	int passes; /* that the library alone asked for, since the last look */
	int64_t passed_at_ms, slow_until_ms;

	struct listener *listener; /* owned */
	struct conn *adopting;     /* on its way into the library */
	struct list conns;         /* in the library */
	int64_t n_conns;
	loop_fn *idle;
	void *idle_ctx;
};

/* ---- the library's turn ---- */

static void
kicked(void *arg)
{
	(void)arg;
}

/* The library must run, though none of its descriptors says so; its hook may have run already. */
static void
kick(struct server *s)
{
	s->must_run = true;
	loop_timer(s->loop, &s->kick, 0, kicked, s);
}

static void
library_event(void *arg, uint32_t events)
{
	struct server *s = arg;

	(void)events;
	s->must_run = true;
}

/* How long to wait with a pass that nothing calls for but the library itself. */
static int64_t
slow_ms(const struct server *s)
{
	int64_t now_ms = loop_now_ms(s->loop), ms = s->passed_at_ms + SLOW_MS - now_ms;

	return now_ms < s->slow_until_ms && ms > 0 ? ms : 0;
}

static int64_t
library_wait_ms(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (s->must_run)
		return 0;
	if (MHD_get_timeout(s->mhd, &ms) != MHD_YES)
		return -1;
	if (ms == 0)
		return slow_ms(s);
	return ms > INT_MAX ? INT_MAX : (int64_t)ms;
}

/* A line of the chunked coding for which its buffer is too small makes the library ask for another
 * pass, and another, for as long as the connection lives. */
static void
look_round(struct server *s)
{
	s->passes = 0;
	list_for_each_safe(it, next, &s->conns) {
		if (conn_look(list_entry(it, struct conn, link)))
			s->slow_until_ms = loop_now_ms(s->loop) + SLOW_FOR_MS;
	}
}

static int64_t
library_turn(void *arg)
{
	struct server *s = arg;

	for (int i = 0; i < PASSES && library_wait_ms(s) == 0; i++) {
		s->passes += !s->must_run;
		s->passed_at_ms = loop_now_ms(s->loop);
		s->must_run = false;
		MHD_run(s->mhd);
	}
	if (s->passes >= LOOK_PASSES)
		look_round(s);
	if (!s->must_run)
		loop_untimer(s->loop, &s->kick);
	return library_wait_ms(s);
}

/* ---- places ---- */

int64_t
server_connections(const struct server *s)
{
	return s->n_conns + s->house.n_streams;
}

int64_t
server_streams(const struct server *s)
{
	return s->house.n_streams;
}

/* Someone waits in the kernel's queue, and nobody else will tell the operator. */
static void
say_full(struct server *s)
{
	int64_t now_ms = loop_now_ms(s->loop);

	if (s->full_said_ms && now_ms - s->full_said_ms < SAY_FULL_MS)
		return;
	s->full_said_ms = now_ms;
	log_warn("server", "every place is taken: more clients wait until one leaves",
	    "places=%lld limit=%s", (long long)s->max_connections, s->limited_by);
}

static bool
has_room(void *arg)
{
	struct server *s = arg;

	if (server_connections(s) < s->max_connections)
		return true;
	say_full(s);
	return false;
}

static void
tell_idle(void *arg)
{
	struct server *s = arg;
	loop_fn *idle = s->idle;

	s->idle = NULL;
	if (idle)
		idle(s->idle_ctx);
}

static void
place_is_free(struct server *s)
{
	if (s->house.is_closing)
		return;
	listener_wake(s->listener);
	if (s->house.is_draining && server_connections(s) == 0)
		loop_defer(s->loop, tell_idle, s);
}

/* ---- what the library tells ---- */

static struct conn *
conn_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The only sight of the request target before the library takes it apart. */
static void *
on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct server *s = cls;
	struct conn *c = conn_of(mhd);
	struct request *r = request_new(&s->house, c, mhd, target);

	if (head_is_crowded(request_head(r), POOL_BYTES)) {
		conn_refuse(c, "414 URI Too Long");
		request_client_slow(r);
	}
	return r;
}

static size_t
on_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

static enum MHD_Result
send_answer(struct MHD_Connection *mhd, const struct request *r)
{
	struct MHD_Response *response = request_response(r);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_queue_response(mhd, (unsigned)request_status(r), response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *size, void **req_cls)
{
	struct request *r = conn_of(mhd)->request;
	struct span bytes = span_mem(data, *size);
	enum request_turn turn;

	(void)cls;
	(void)url;
	(void)req_cls;
	if (!r)
		return MHD_NO; /* it has left, by a stream */
	turn = request_has_head(r) ? request_read_body(r, &bytes)
				   : request_read_head(r, method, version);
	*size = bytes.len; /* what was not taken is brought again */
	switch (turn) {
	case REQUEST_READ_ON:
		return MHD_YES;
	case REQUEST_SUSPEND:
		MHD_suspend_connection(mhd);
		return MHD_YES;
	case REQUEST_SEND:
		return send_answer(mhd, r);
	case REQUEST_LET_GO:
		return MHD_NO;
	}
	return MHD_NO;
}

static enum request_end
end_of(enum MHD_RequestTerminationCode why)
{
	switch (why) {
	case MHD_REQUEST_TERMINATED_COMPLETED_OK:
		return REQUEST_END_SENT;
	case MHD_REQUEST_TERMINATED_WITH_ERROR:
	case MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN:
		return REQUEST_END_LIBRARY;
	default:
		return REQUEST_END_CLIENT;
	}
}

static void
on_completed(
    void *cls, struct MHD_Connection *mhd, void **req_cls, enum MHD_RequestTerminationCode why)
{
	struct server *s = cls;
	struct conn *c = conn_of(mhd);

	(void)req_cls;
	if (!c->request)
		return; /* it has left, by a stream */
	request_end(c->request, end_of(why));
	conn_rest(c, s->house.is_draining ? DRAIN_GRACE_MS : s->conn_config.idle_timeout_ms);
}

static void
on_connection(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode what)
{
	struct server *s = cls;

	(void)mhd;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = s->adopting;
		list_push(&s->conns, &s->adopting->link);
		conn_open(s->adopting);
		s->adopting = NULL;
		s->n_conns++;
	} else {
		struct conn *c = *context;

		*context = NULL;
		/* It gave up within the request line, and of that on_completed is not told. */
		if (c->request)
			request_end(c->request, REQUEST_END_CLIENT);
		conn_free(&c);
		s->n_conns--;
		place_is_free(s);
	}
}

/* ---- connections ---- */

static void
accepted(void *arg, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct server *s = arg;

	s->adopting = conn_new(s->loop, &s->conn_config, &s->conn_owner, fd, addr);
	/* It closes the descriptor also when it fails. */
	if (MHD_add_connection(s->mhd, fd, addr, len) != MHD_YES)
		log_warn("server", "the HTTP library did not take a connection", "errno=%d", errno);
	conn_free(&s->adopting);
	s->must_run = true;
}

static void
client_left(void *arg, struct conn *c)
{
	(void)arg;
	if (c->request)
		request_client_left(c->request);
}

static void
client_is_slow(void *arg, struct conn *c)
{
	(void)arg;
	if (c->request && request_answer_slow(c->request))
		return;
	conn_refuse(c, "408 Request Timeout");
	if (c->request)
		request_client_slow(c->request);
}

void
server_drain(struct server *s, loop_fn *idle, void *ctx)
{
	s->idle = idle;
	s->idle_ctx = ctx;
	s->house.is_draining = true;
	listener_stop(s->listener);
	/* One that has not asked anything yet is just about to. */
	list_for_each(it, &s->conns) {
		struct conn *c = list_entry(it, struct conn, link);

		if (!c->request && !conn_is_fresh(c))
			conn_hurry(c, DRAIN_GRACE_MS);
	}
	place_is_free(s);
}

/* ---- its life ---- */

static unsigned
library_flags(void)
{
	/* TURBO is what lets a stream leave: no shutdown() when the library closes. */
	unsigned flags =
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_NO_LISTEN_SOCKET;

#if MHD_VERSION >= 0x01000000
	flags |= MHD_USE_NO_THREAD_SAFETY; /* else each resume costs a write and a read */
#endif
	return flags;
}

/* Our own timers come first; this one is for an answer whose reader has stopped. */
static unsigned
library_timeout_s(const struct server_config *c)
{
	int64_t rest_ms = c->header_timeout_ms + c->idle_timeout_ms;
	int64_t ms = c->stream.stall_timeout_ms > rest_ms ? c->stream.stall_timeout_ms : rest_ms;

	return ms / 1000 + 1 > 86400 ? 86400 : (unsigned)(ms / 1000 + 1);
}

static bool
library_start(struct server *s, const struct server_config *config, struct err *e)
{
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, INT_MAX, NULL }, /* ours counts streams too */
		{ MHD_OPTION_CONNECTION_TIMEOUT, library_timeout_s(config), NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, s },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s },
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, s },
		{ MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)on_unescape, s },
		{ MHD_OPTION_END, 0, NULL },
	};
	const union MHD_DaemonInfo *info;

	s->mhd = MHD_start_daemon(library_flags(), 0, NULL, NULL, on_request, s, MHD_OPTION_ARRAY,
	    options, MHD_OPTION_END);
	if (!s->mhd)
		return err_set(e, ERR_SYSTEM, "libmicrohttpd %s cannot be started with epoll",
		    MHD_get_version());
	info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_FLAGS);
	if (!info || !((unsigned)info->flags & MHD_USE_TURBO))
		return err_set(
		    e, ERR_SYSTEM, "libmicrohttpd %s refuses MHD_USE_TURBO", MHD_get_version());
	info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0)
		return err_set(
		    e, ERR_SYSTEM, "libmicrohttpd %s gives no epoll descriptor", MHD_get_version());
	loop_watch(s->loop, &s->watch, info->epoll_fd, EPOLLIN, library_event, s);
	loop_hook(s->loop, &s->hook, library_turn, s);
	return true;
}

static void
fill_in(struct server *s, const struct server_config *config, const struct server_handler *handler,
    void *ctx)
{
	s->max_connections = config->max_connections;
	s->limited_by = config->limited_by ? config->limited_by : "max_connections";
	s->conn_config.header_timeout_ms = config->header_timeout_ms;
	s->conn_config.idle_timeout_ms = config->idle_timeout_ms;
	s->conn_owner = (struct conn_owner){ client_left, client_is_slow, s };
	s->handler = *handler;
	s->house = (struct request_house){
		.server = s,
		.loop = s->loop,
		.handler = &s->handler,
		.ctx = ctx,
		.max_body_bytes = config->max_body_bytes,
		.drain_bytes = (uint64_t)config->drain_bytes,
		.pool_bytes = POOL_BYTES,
		.stream = config->stream,
		.wake = kick,
		.place_is_free = place_is_free,
	};
	request_house_init(&s->house, &request_streams);
	list_init(&s->conns);
}

struct server *
server_new(struct loop *loop, const struct server_config *config,
    const struct server_handler *handler, void *ctx, struct err *e)
{
	static const struct listener_owner door = { has_room, accepted };
	struct server *s = mem_alloc(sizeof(*s));

	s->loop = loop;
	s->watch.fd = -1;
	fill_in(s, config, handler, ctx);
	if (library_start(s, config, e))
		s->listener =
		    listener_new(loop, config->listen_fds, config->listen_count, &door, s, e);
	if (!s->listener)
		server_free(&s);
	return s;
}

void
server_free(struct server **slot)
{
	struct server *s = slot ? *slot : NULL;

	if (!s)
		return;
	s->house.is_closing = true;
	listener_free(&s->listener);
	/* The library may not be stopped while a connection is suspended. */
	list_for_each(it, &s->conns) {
		struct conn *c = list_entry(it, struct conn, link);

		if (c->request)
			request_release(c->request);
	}
	loop_unhook(s->loop, &s->hook);
	loop_unwatch(s->loop, &s->watch);
	if (s->mhd)
		MHD_stop_daemon(s->mhd);
	request_house_fini(&s->house);
	loop_untimer(s->loop, &s->kick);
	loop_undefer(s->loop, tell_idle, s);
	mem_free(s);
	*slot = NULL;
}
