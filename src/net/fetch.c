/*
 * Calls to an upstream over HTTP: the life of one call, from its order to its last event.
 *
 * Runs in every process that fetches.  Owns each call until behind its end event, and the copies of
 * its URL and headers (wiped: they hold credentials).  The body stays the caller's.
 * curl's side is net/shard.c (multis, sockets), net/easy.c (options that all calls share) and
 * net/transfer.c (the callbacks); net/order.c puts an order into options, net/course.c knows states
 * and deadlines.
 *
 * A kept connection that the server closed just as it was used again costs the caller nothing
 * (lesson 59).  When no byte of an answer came, libcurl sends the request once more by
 * itself, POST or not, on the next kept connection or a new one.  After five dead ones in a row it
 * gives up; then this room sends it once more, on a new connection.  What fails on a new
 * connection is never sent twice.
 *
 * A call to public addresses only takes one step more, before curl hears of it: net/resolve.c
 * looks up the name, net/target.c judges the addresses and binds the call to them.  It then runs
 * in shards of its own, so that neither connections nor what curl remembers of names pass
 * between such calls and others, and whose sockets are judged once more as they are made.
 */
#include "net/fetch.h"

#include <assert.h>
#include <stdio.h>
#include "base/mem.h"
#include "net/easy.h"
#include "net/guard.h"
#include "net/order.h"
#include "net/resolve.h"
#include "net/target.h"
#include "net/transfer.h"

/* Hosts that clients name are many and seldom asked twice. */
#define GUARDED_IDLE_MAX 8

struct fetcher {
	struct loop *loop;         /* borrowed */
	struct easies *easies;     /* owned */
	struct shards *shards;     /* owned */
	struct shards *guarded;    /* owned; for calls to public addresses only */
	struct resolver *resolver; /* owned; for these too */
	guard_fn *is_public;
	int64_t resolving;
	struct list alive; /* fetches, owned */
	struct list dead;  /* fetches to be freed after the turn's callbacks, owned */
	bool burial_due;
};

struct fetch {
	struct list link;        /* in its fetcher's list of those alive or dead */
	struct fetcher *fetcher; /* borrowed */
	struct transfer t;
	struct timer timer;         /* at the nearest deadline, or before it */
	struct curl_slist *headers; /* owned, wiped */
	const char *refusal;        /* static: why it was not even tried, told later in the turn */
	bool cancelled, retried;
	bool go_on_due, finish_due; /* deferred */
	bool guarded;               /* the rest is for such a call */
	struct target target;
	struct resolve *resolve; /* owned; while the name is looked up */
	int64_t connect_ms;
};

const char *
fetch_result_name(enum fetch_result result)
{
	static const char *const names[] = {
#define RESULT_NAME(result, name) name,
		FETCH_RESULTS(RESULT_NAME)
#undef RESULT_NAME
	};

	assert((size_t)result < sizeof(names) / sizeof(names[0]));
	return names[result];
}

struct span
fetch_head_get(const struct fetch_head *head, const char *name)
{
	return reply_value(head->headers, head->header_count, name);
}

static int64_t
now_ms(const struct fetch *f)
{
	return loop_now_ms(f->fetcher->loop);
}

/* ---- the end of a call ---- */

static void
fetch_free(struct fetch *f)
{
	assert(f->t.course.state == COURSE_OVER && f->t.seat.state == SEAT_FREE && !f->t.seat.easy);
	list_remove(&f->link);
	reply_fini(&f->t.reply);
	upload_fini(&f->t.upload);
	mem_free(f);
}

static void
fetcher_bury(void *ctx)
{
	struct fetcher *all = ctx;

	all->burial_due = false;
	while (!list_is_empty(&all->dead))
		fetch_free(list_entry(all->dead.next, struct fetch, link));
}

static void
fetch_bury(struct fetch *f)
{
	struct fetcher *all = f->fetcher;

	list_remove(&f->link);
	list_push(&all->dead, &f->link);
	if (!all->burial_due)
		loop_defer(all->loop, fetcher_bury, all);
	all->burial_due = true;
}

/* Curl has let go of the handle: it goes back, and with it every pointer that it held. */
static void
give_easy_back(struct fetch *f)
{
	if (f->t.seat.easy)
		easies_give(f->fetcher->easies, f->t.seat.easy);
	f->t.seat.easy = NULL;
	order_free_headers(&f->headers);
	target_fini(&f->target);
}

/* shard_events.left */
static void
on_left(struct seat *seat)
{
	struct fetch *f = list_entry(seat, struct fetch, t.seat);

	give_easy_back(f);
	if (f->cancelled)
		fetch_bury(f);
}

static void refuse(void *);
static void go_on(void *);
static void go_on_later(struct transfer *);
static void finish(void *);

static void
stop_resolving(struct fetch *f)
{
	if (f->resolve)
		f->fetcher->resolving--;
	resolve_cancel(&f->resolve);
}

static void
fetch_close(struct fetch *f)
{
	struct loop *loop = f->fetcher->loop;

	course_move(&f->t.course, COURSE_OVER);
	loop_untimer(loop, &f->timer);
	stop_resolving(f);
	if (f->refusal)
		loop_undefer(loop, refuse, f);
	if (f->go_on_due)
		loop_undefer(loop, go_on, f);
	if (f->finish_due)
		loop_undefer(loop, finish, f);
	if (f->t.seat.state != SEAT_FREE)
		seat_leave(&f->t.seat);
	else
		give_easy_back(f);
}

static void
fetch_end(struct fetch *f, enum fetch_result result)
{
	assert(!seat_is_inside(&f->t.seat));
	transfer_sent_no_more(&f->t);
	if (f->t.course.state == COURSE_OVER)
		return; /* cancelled in that event */
	fetch_close(f);
	f->t.events.end(f->t.ctx, result, f->t.words);
	fetch_bury(f);
}

static void
refuse(void *ctx)
{
	struct fetch *f = ctx;

	snprintf(f->t.words, sizeof(f->t.words), "%s", f->refusal);
	f->refusal = NULL;
	fetch_end(f, FETCH_REFUSED);
}

/* ---- deadlines ---- */

static void on_deadline(void *);

/* Sets the timer to the nearest deadline.  What is heard only moves heard_at: the timer then goes
 * off early and is set anew, which is cheaper than moving it for every few bytes. */
static void
fetch_arm(struct fetch *f)
{
	struct course_deadline d = course_nearest(&f->t.course);
	int64_t now = now_ms(f);

	if (d.at_ms == INT64_MAX)
		loop_untimer(f->fetcher->loop, &f->timer);
	else
		loop_timer(
		    f->fetcher->loop, &f->timer, d.at_ms > now ? d.at_ms - now : 0, on_deadline, f);
}

static void
on_deadline(void *ctx)
{
	struct fetch *f = ctx;
	struct course_deadline d = course_nearest(&f->t.course);

	if (d.at_ms > now_ms(f)) {
		fetch_arm(f);
		return;
	}
	snprintf(f->t.words, sizeof(f->t.words), "still %s after %lld ms",
	    course_state_name(f->t.course.state), (long long)d.after_ms);
	fetch_end(f, d.result);
}

/* transfer_wishes.rearm */
static void
rearm(struct transfer *t)
{
	fetch_arm(list_entry(t, struct fetch, t));
}

/* The answer is whole, and the rest of what was to be sent of no use. */
static void
finish(void *ctx)
{
	struct fetch *f = ctx;

	f->finish_due = false;
	f->t.words[0] = '\0';
	fetch_end(f, FETCH_OK);
}

/* transfer_wishes.whole */
static void
finish_later(struct transfer *t)
{
	struct fetch *f = list_entry(t, struct fetch, t);

	if (!f->finish_due)
		loop_defer(f->fetcher->loop, finish, f);
	f->finish_due = true;
}

/* ---- curl has ended it ---- */

/* Of the time to connect, which began to run at since_ms. */
static int64_t
connect_left(const struct fetch *f, int64_t since_ms)
{
	return f->connect_ms > 0 ? since_ms + f->connect_ms - now_ms(f) : INT64_MAX;
}

static void
try_again(struct fetch *f)
{
	CURL *easy = f->t.seat.easy;
	bool again = upload_rewind(&f->t.upload, 0);

	assert(again); /* what streams has a new connection from the start */
	f->retried = true;
	f->t.words[0] = '\0';
	course_move(&f->t.course, COURSE_CONNECTING);
	fetch_arm(f);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	if (f->guarded)
		target_pin(&f->target, easy, connect_left(f, now_ms(f)));
	seat_take(&f->t.seat, f->guarded ? f->fetcher->guarded : f->fetcher->shards, easy);
}

/* shard_events.done */
static void
on_done(struct seat *seat, CURLcode code)
{
	struct fetch *f = list_entry(seat, struct fetch, t.seat);

	assert(f->t.course.state != COURSE_OVER); /* one given up leaves by on_left */
	if (!f->retried && transfer_was_stale(&f->t, code)) {
		try_again(f);
		return;
	}
	fetch_end(f, transfer_result(&f->t, code));
}

/* shard_events.flushed */
static bool
on_flushed(struct seat *seat)
{
	return transfer_flushed(&list_entry(seat, struct fetch, t.seat)->t);
}

/* ---- the name of a guarded call ---- */

static void
fail(struct fetch *f, enum fetch_result result, const char *words, const char *more)
{
	snprintf(f->t.words, sizeof(f->t.words), "%s%s", words, more);
	fetch_end(f, result);
}

static void
on_resolved(void *ctx, const struct resolved *answer)
{
	struct fetch *f = ctx;
	struct fetcher *all = f->fetcher;
	int64_t left_ms = connect_left(f, f->t.course.started_at);

	f->resolve = NULL;
	all->resolving--;
	if (answer->fault)
		fail(f, answer->slow ? FETCH_CONNECT_SLOW : FETCH_DNS,
		    "this host cannot tell whether the name's addresses are public: ",
		    answer->fault);
	else if (!target_bind(
		     &f->target, answer->list, all->is_public, easies_have_proxy(all->easies)))
		fail(f, FETCH_FORBIDDEN, "the host has an address that is not public", "");
	else if (!target_pin(&f->target, f->t.seat.easy, left_ms))
		fail(f, FETCH_REFUSED, "the host's name is more than libcurl takes", "");
	else {
		course_move(&f->t.course, COURSE_CONNECTING);
		seat_take(&f->t.seat, all->guarded, f->t.seat.easy);
	}
}

/* ---- start ---- */

static struct fetch *
fetch_new(struct fetcher *all, const struct fetch_order *order, const struct fetch_events *events,
    void *ctx)
{
	static const struct transfer_wishes wishes = { rearm, go_on_later, finish_later };
	struct fetch *f = mem_alloc(sizeof(*f));

	f->fetcher = all;
	f->t.loop = all->loop;
	f->t.wishes = &wishes;
	f->t.events = *events;
	f->t.ctx = ctx;
	f->guarded = order->public_only;
	f->connect_ms = order->connect_timeout_ms;
	course_begin(&f->t.course, order, loop_now_ms(all->loop));
	upload_init(&f->t.upload, order);
	reply_init(&f->t.reply);
	list_push(&all->alive, &f->link);
	return f;
}

/* Readies a handle for it.  What it then says no to is given back with the call. */
static const char *
prepare(struct fetch *f, const struct fetch_order *order)
{
	const char *fault = order_fault(order);

	if (!fault && order->public_only)
		fault = target_read(&f->target, order->url);
	if (fault)
		return fault;
	f->t.seat.easy = easies_take(f->fetcher->easies, order->public_only);
	if (!order_apply(order, f->t.seat.easy, &f->headers) ||
	    !transfer_connect(&f->t, f->t.seat.easy))
		return "the order is more than libcurl takes";
	return NULL;
}

struct fetch *
fetch_start(struct fetcher *all, const struct fetch_order *order, const struct fetch_events *events,
    void *ctx)
{
	struct fetch *f = fetch_new(all, order, events, ctx);

	assert(!order->streams_body || events->sent);
	f->refusal = prepare(f, order);
	if (f->refusal) {
		loop_defer(all->loop, refuse, f);
		return f;
	}
	fetch_arm(f);
	if (order->public_only) {
		f->resolve =
		    resolve_start(all->resolver, f->target.host, f->connect_ms, on_resolved, f);
		all->resolving++;
	} else {
		seat_take(&f->t.seat, all->shards, f->t.seat.easy);
	}
	return f;
}

/* ---- pause, resume, send, cancel ---- */

static void
go_on(void *ctx)
{
	struct fetch *f = ctx;

	f->go_on_due = false;
	/* Still here after the events that ran inside?  Then a failure is one of the connection. */
	if (!transfer_go_on(&f->t) && f->t.course.state != COURSE_OVER)
		fetch_end(f, transfer_result(&f->t, CURLE_RECV_ERROR));
}

static void
go_on_later(struct transfer *t)
{
	struct fetch *f = list_entry(t, struct fetch, t);

	if (!f->go_on_due)
		loop_defer(f->fetcher->loop, go_on, f);
	f->go_on_due = true;
}

void
fetch_pause(struct fetch *f)
{
	/* on_data says no to the next bytes; until then curl reads at most one buffer more. */
	if (f->t.course.state != COURSE_OVER)
		f->t.course.paused = true;
}

void
fetch_resume(struct fetch *f)
{
	if (f->t.course.state == COURSE_OVER || !f->t.course.paused)
		return;
	f->t.course.paused = false;
	f->t.course.heard_at = now_ms(f);
	fetch_arm(f);
	if (f->t.held)
		go_on_later(&f->t);
}

/* There is something to say to curl, which waits for it. */
static void
feed(struct fetch *f)
{
	if (!f->t.course.starved)
		return;
	f->t.course.starved = false;
	f->t.course.sent_at = now_ms(f);
	fetch_arm(f);
	go_on_later(&f->t);
}

bool
fetch_send(struct fetch *f, struct span bytes)
{
	bool room = upload_add(&f->t.upload, bytes);

	if (f->t.course.state != COURSE_OVER)
		feed(f);
	return room;
}

void
fetch_send_end(struct fetch *f)
{
	upload_end(&f->t.upload);
	if (f->t.course.state != COURSE_OVER)
		feed(f);
}

void
fetch_cancel(struct fetch **slot)
{
	struct fetch *f = slot ? *slot : NULL;
	bool seated;

	if (!f)
		return;
	*slot = NULL;
	if (f->t.course.state == COURSE_OVER)
		return; /* in its end event */
	seated = f->t.seat.state != SEAT_FREE;
	f->cancelled = true;
	fetch_close(f);
	if (!seated)
		fetch_bury(f);
}

/* ---- the fetcher ---- */

struct fetcher *
fetcher_new(struct loop *loop, const struct fetcher_config *config, struct err *e)
{
	static const struct shard_events events = {
		.done = on_done, .left = on_left, .flushed = on_flushed
	};
	struct fetcher *all = mem_alloc(sizeof(*all));

	all->loop = loop;
	all->is_public = config->is_public ? config->is_public : guard_is_public;
	list_init(&all->alive);
	list_init(&all->dead);
	all->easies = easies_new(config, e);
	all->resolver = all->easies ? resolver_new(loop, e) : NULL;
	if (!all->resolver) {
		fetcher_free(&all);
		return NULL;
	}
	all->shards = shards_new(loop, config->max_idle_connections, &events, NULL);
	/* With a proxy all sockets go there, and it connects to what target_pin has named. */
	all->guarded = shards_new(loop, GUARDED_IDLE_MAX, &events,
	    easies_have_proxy(all->easies) ? NULL : all->is_public);
	return all;
}

void
fetcher_free(struct fetcher **slot)
{
	struct fetcher *all = slot ? *slot : NULL;

	if (!all)
		return;
	list_for_each_safe(it, next, &all->alive)
	{
		struct fetch *f = list_entry(it, struct fetch, link);

		fetch_cancel(&f);
	}
	assert(list_is_empty(&all->alive));
	fetcher_bury(all);
	loop_undefer(all->loop, fetcher_bury, all);
	shards_free(&all->shards);
	shards_free(&all->guarded);
	resolver_free(&all->resolver);
	easies_free(&all->easies);
	mem_free(all);
	*slot = NULL;
}

int64_t
fetcher_active(const struct fetcher *all)
{
	return shards_active(all->shards) + shards_active(all->guarded) + all->resolving;
}
