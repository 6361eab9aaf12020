/*
 * A worker: one thread on one loop that drives libmicrohttpd and libcurl.  Owns its
 * connections, its fetches and its slot on the board; reads the store, never writes it, never
 * blocks, never forks.
 */
#include "proc/worker.h"

#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "gate/exchange.h"
#include "gate/gate.h"
#include "gate/house.h"
#include "pollux/control.h"
#include "net/fetch.h"
#include "net/server.h"
#include "store/store.h"
#include "store/writer.h"
#include "upstream/catalogue.h"
#include "upstream/estimate.h"
#include "upstream/learned.h"
#include "upstream/pool.h"

#define WRITE_QUEUE_BYTES (8u << 20)
#define IDLE_UPSTREAM     256
#define STREAM_HIGH_WATER (64u << 10)
#define STREAM_LOW_WATER  (16u << 10)
#define LINGER_MS         5000
#define LINGER_BYTES      (1u << 20)
/* The C library raises its own once a larger block was freed, up to 32 MiB; what lies in the heap
 * from then on is kept by it.  Large bodies and answers are to go back to the system. */
#define MAPPED_FROM_BYTES (1 << 20)
#define REFUSED_BODY_BYTES                                                                         \
	(32u << 20) /* of a body nobody wants, read so that the refusal can be                     \
		     */

struct worker {
	const struct birth *birth; /* borrowed from the master's memory */
	struct loop *loop;
	struct seal *seal;
	struct store *store;
	struct writer *writer;
	struct pool *pool;
	struct learned *learned;
	struct catalogue *catalogue;
	struct fetcher *fetcher;
	struct server *server;
	struct link *master;
	struct watch lifeline;
	struct timer deadline;  /* of a drain */
	struct timer renewal;   /* of what is booked and not yet written */
	struct estimates *estimates;
	struct loop_hook count; /* puts on the board what nobody counts one by one */
	struct upstream upstream;
	struct gate gate;
	bool draining;
};

static void
stop(void *ctx)
{
	struct worker *w = ctx;

	loop_stop(w->loop);
}

static void
give_up_draining(void *ctx)
{
	struct worker *w = ctx;

	log_warn("worker", "drain_timeout is over: what is still open is cut off",
	    "connections=%lld", (long long)server_connections(w->server));
	loop_stop(w->loop);
}

static void
drain(struct worker *w)
{
	if (w->draining)
		return;
	w->draining = true;
	atomic_store(&board_slot(w->birth->board, w->birth->slot)->state, WORKER_DRAINING);
	loop_timer(
	    w->loop, &w->deadline, w->birth->config->server_drain_timeout_ms, give_up_draining, w);
	server_drain(w->server, stop, w);
	/* As long as one process has the socket open, connections wait in its queue. */
	for (size_t i = 0; i < w->birth->listen_count; i++)
		close(w->birth->listen_fds[i]);
}

static void
on_frame(void *ctx, struct link *l, struct frame *f)
{
	struct worker *w = ctx;
	struct err e = ERR_INIT;

	(void)l;
	switch (f->kind) {
	case MESSAGE_DRAIN:
		drain(w);
		break;
	case MESSAGE_STOP:
		loop_stop(w->loop);
		break;
	case MESSAGE_REOPEN:
		if (!log_reopen(&e))
			log_error("worker", "the log cannot be opened anew", "error=%s", e.text);
		break;
	default:
		break;
	}
}

/* The master is gone: nobody restarts us, nobody else serves these sockets. */
static void
on_master_gone(void *ctx, struct link *l, const char *why)
{
	struct worker *w = ctx;

	(void)l;
	w->master = NULL;
	log_warn("worker", "the master is gone: draining", "why=%s", why);
	drain(w);
}

static void
on_lifeline(void *ctx, uint32_t events)
{
	struct worker *w = ctx;

	(void)events;
	loop_unwatch(w->loop, &w->lifeline);
	drain(w);
}

static void
on_signal(void *ctx, int signo)
{
	struct worker *w = ctx;

	(void)signo;
	/* Somebody else must serve these sockets, or their connections wait for nobody. */
	if (!w->draining && w->master)
		link_send(w->master, MESSAGE_DRAIN, 0, SPAN_NONE);
	drain(w);
}

/* A stream has two descriptors; the rest is for the store, links and idle connections. */
static int64_t
connections_by_descriptors(void)
{
	int64_t n = (process_descriptors() - 512) / 2;

	return n < 16 ? 16 : n;
}

static int64_t
connections_allowed(const struct config *c)
{
	int64_t by_descriptors = connections_by_descriptors();

	if (c->server_max_connections == 0)
		return by_descriptors;
	if (c->server_max_connections > by_descriptors)
		log_warn("worker",
		    "server.max_connections is more than the descriptor limit carries",
		    "wanted=%lld carried=%lld descriptors=%lld",
		    (long long)c->server_max_connections, (long long)by_descriptors,
		    (long long)process_descriptors());
	return c->server_max_connections < by_descriptors ? c->server_max_connections
							  : by_descriptors;
}

static int64_t
count_connections(void *ctx)
{
	struct worker *w = ctx;

	atomic_store_explicit(&w->gate.slot->counts[BOARD_CONNECTIONS],
	    server_connections(w->server), memory_order_relaxed);
	return -1;
}

static bool
open_server(struct worker *w, struct err *e)
{
	const struct config *c = w->birth->config;
	struct server_config sc = {
		.listen_fds = w->birth->listen_fds,
		.listen_count = w->birth->listen_count,
		.max_body_bytes = c->server_max_body_bytes,
		.max_connections = connections_allowed(c),
		.limited_by = c->server_max_connections == 0 ||
				      c->server_max_connections > connections_by_descriptors()
				  ? "RLIMIT_NOFILE"
				  : "server.max_connections",
		.header_timeout_ms = c->server_header_timeout_ms,
		.idle_timeout_ms = c->server_idle_timeout_ms,
		.drain_bytes = REFUSED_BODY_BYTES,
		.stream = {
			.high_water_bytes = STREAM_HIGH_WATER,
			.low_water_bytes = STREAM_LOW_WATER,
			.stall_timeout_ms = c->server_idle_timeout_ms,
			.linger_ms = LINGER_MS,
			.linger_bytes = LINGER_BYTES,
		},
	};

	w->server = server_new(w->loop, &sc, &exchange_handler, &w->gate, e);
	if (w->server)
		loop_hook(w->loop, &w->count, count_connections, w);
	return w->server != NULL;
}

static bool
write_records(void *ctx, const struct write_op *ops, size_t n)
{
	struct worker *w = ctx;
	bool taken = writer_write(w->writer, ops, n, NULL, NULL);

	if (!taken)
		board_count_add(w->upstream.slot, BOARD_LOST_WRITES, 1);
	return taken;
}

static void
open_pool(struct worker *w)
{
	struct pool_house house = { .store = w->store,
		.board = w->birth->board,
		.config = w->birth->config,
		.slot = w->birth->slot,
		.write = write_records,
		.ctx = w };

	randombytes_buf(&house.seed, sizeof(house.seed));
	w->pool = pool_new(&house);
}

static void
renew(void *ctx)
{
	struct worker *w = ctx;

	pool_renew(w->pool, loop_clock_moment());
	loop_timer(w->loop, &w->renewal, POOL_RENEW_MS, renew, w);
}

static bool
open_upstream(struct worker *w, struct err *e)
{
	const struct config *c = w->birth->config;
	struct fetcher_config fc = { .proxy = c->upstream_proxy,
		.ca_file = c->upstream_ca_file,
		.user_agent = "pollux/" PACKAGE_VERSION,
		.max_idle_connections = IDLE_UPSTREAM };
	struct buf path = BUF_INIT;

	buf_printf(&path, "%s/%s", c->server_run_dir, POLLUX_JANITOR_SOCKET);
	w->writer = writer_new(w->loop, buf_text(&path), WRITE_QUEUE_BYTES);
	buf_fini(&path);
	w->estimates = estimates_new();
	w->learned = learned_new(w->store, w->birth->board, w->writer);
	w->catalogue = catalogue_new(w->store, w->birth->board, w->writer);
	w->fetcher = fetcher_new(w->loop, &fc, e);
	w->upstream = (struct upstream){ .loop = w->loop,
		.estimates = w->estimates,
		.fetcher = w->fetcher,
		.config = c,
		.slot = board_slot(w->birth->board, w->birth->slot) };
	open_pool(w);
	w->upstream.pool = w->pool;
	loop_timer(w->loop, &w->renewal, POOL_RENEW_MS, renew, w);
	return w->fetcher != NULL;
}

static bool
open_store(struct worker *w, struct err *e)
{
	const struct config *c = w->birth->config;

	w->seal = seal_open(c->state_key_file, false, e);
	if (!w->seal)
		return false;
	w->store = store_open(c->state_dir, STORE_READ, c->state_map_size_bytes, w->seal, e);
	return w->store != NULL;
}

static bool
come_up(struct worker *w, struct err *e)
{
	const struct birth *b = w->birth;

	if (!process_settle(b, e) || !open_store(w, e))
		return false;
	w->loop = loop_new();
	loop_signal(w->loop, SIGTERM, on_signal, w);
	loop_signal(w->loop, SIGINT, on_signal, w);
	if (!open_upstream(w, e))
		return false;
	w->gate = (struct gate){ .loop = w->loop,
		.config = b->config,
		.store = w->store,
		.seal = w->seal,
		.board = b->board,
		.slot = board_slot(b->board, b->slot),
		.upstream = &w->upstream,
		.writer = w->writer,
		.learned = w->learned,
		.catalogue = w->catalogue,
		.started_s = loop_wall_ms(w->loop) / 1000 };
	house_options(b->config, &w->gate.options);
	if (!open_server(w, e))
		return false;
	w->master = link_open(w->loop, b->link_fd, on_frame, on_master_gone, w);
	loop_watch(w->loop, &w->lifeline, b->lifeline_fd, EPOLLIN | EPOLLRDHUP, on_lifeline, w);
	atomic_store(&w->gate.slot->state, WORKER_READY);
	link_send(w->master, MESSAGE_READY, 0, SPAN_NONE);
	return true;
}

static void
go_down(struct worker *w)
{
	w->draining = true; /* what still comes in starts nothing */
	loop_untimer(w->loop, &w->deadline);
	if (w->server)
		loop_unhook(w->loop, &w->count);
	server_free(&w->server);
	loop_turn(w->loop, 0); /* what was cancelled is freed behind the turn */
	fetcher_free(&w->fetcher);
	loop_untimer(w->loop, &w->renewal);
	pool_free(&w->pool);
	estimates_free(&w->estimates);
	learned_free(&w->learned);
	catalogue_free(&w->catalogue);
	writer_free(&w->writer);
	store_close(&w->store);
	seal_close(&w->seal);
	loop_unwatch(w->loop, &w->lifeline);
	link_close(&w->master);
	loop_free(&w->loop);
	log_close();
}

void
worker_main(const struct birth *b)
{
	struct worker *w = mem_alloc(sizeof(*w));
	struct err e = ERR_INIT;

	w->birth = b;
	mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
	if (sodium_init() < 0) {
		err_set(&e, ERR_SYSTEM, "libsodium cannot be initialised");
		process_fail(b, &e);
	}
	if (!come_up(w, &e))
		process_fail(b, &e);
	loop_run(w->loop);
	go_down(w);
	mem_free(w);
	exit(0);
}
