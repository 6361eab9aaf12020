/*
 * Calls to an upstream over HTTP: the life of one call, from its order to its last event.
 *
 * Runs in every process that fetches.  Owns each call until behind its end event, the copies of its
 * URL and headers (wiped: they hold credentials), and its deadlines.  The body stays the caller's.
 * curl's side is net/shard.c (multis, sockets) and net/easy.c (options that all calls share);
 * net/order.c puts an order into options, net/reply.c reads an answer's head, net/verdict.c names
 * the result.
 *
 * The caller's functions run inside curl's callbacks, so that nothing is copied on the way
 * up.  Curl cannot be told anything there; what they ask for is noted, refused to curl by the
 * next callback, and done when curl returns.
 *
 * A kept connection that the server closed just as it was used again costs the caller nothing
 * (lesson 59).  When no byte of an answer came, libcurl sends the request once more by
 * itself, POST or not, on the next kept connection or a new one.  After five dead ones in a row it
 * gives up; then this room sends it once more, on a new connection.  What fails on a new
 * connection is never sent twice.
 */
#include "net/fetch.h"

#include <assert.h>
#include <stdio.h>
#include "base/mem.h"
#include "net/easy.h"
#include "net/order.h"
#include "net/reply.h"
#include "net/shard.h"
#include "net/verdict.h"

#define FETCH_STATES(S)                                                                            \
	S(CONNECTING, "connecting")                                                                \
	S(SENDING, "waiting for an answer") /* from the request's first byte on */                 \
	S(READING, "reading the answer")    /* from the final status line on */                    \
	S(OVER, "over")                     /* ended or cancelled: no event follows */

enum fetch_state {
#define STATE_ENUM(state, name) STATE_##state,
	FETCH_STATES(STATE_ENUM)
#undef STATE_ENUM
};

static const char *const state_names[] = {
#define STATE_NAME(state, name) name,
	FETCH_STATES(STATE_NAME)
#undef STATE_NAME
};

struct fetcher {
	struct loop *loop;     /* borrowed */
	struct easies *easies; /* owned */
	struct shards *shards; /* owned */
	struct list alive;     /* fetches, owned */
	struct list dead;      /* fetches to be freed after the turn's callbacks, owned */
	bool burial_due;
};

struct fetch {
	struct list link;        /* in its fetcher's list of those alive or dead */
	struct fetcher *fetcher; /* borrowed */
	struct seat seat;
	struct fetch_events events;
	void *ctx; /* borrowed, the caller's */
	enum fetch_state state;
	struct curl_slist *headers; /* owned, wiped */
	struct span body;           /* borrowed until end or cancel */
	size_t body_at;             /* what on_body has given so far */
	const char *refusal;        /* static: why it was not even tried, told later in the turn */
	bool cancelled, retried;
	bool paused;                              /* as the caller wants it */
	bool held;                                /* curl has paused and holds what came last */
	bool unpause_due;                         /* deferred */
	int64_t first_byte_ms, idle_ms, total_ms; /* as ordered; 0: none */
	int64_t started_at, sending_at, heard_at; /* loop time */
	struct timer timer;                       /* at the nearest deadline, or before it */
	struct reply reply;
	char words[CURL_ERROR_SIZE]; /* curl's, or ours; for the log */
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

static void
fetch_move(struct fetch *f, enum fetch_state to)
{
	static const unsigned allowed[] = {
		[STATE_CONNECTING] = 1u << STATE_SENDING | 1u << STATE_OVER,
		/* Once more: by us from the start, or by curl within itself. */
		[STATE_SENDING] = 1u << STATE_CONNECTING | 1u << STATE_SENDING |
				  1u << STATE_READING | 1u << STATE_OVER,
		[STATE_READING] = 1u << STATE_OVER,
		[STATE_OVER] = 0,
	};

	assert(allowed[f->state] & 1u << to);
	f->state = to;
}

/* ---- the end of a call ---- */

static void
fetch_free(struct fetch *f)
{
	assert(f->state == STATE_OVER && f->seat.state == SEAT_FREE);
	list_remove(&f->link);
	reply_fini(&f->reply);
	order_free_headers(&f->headers);
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
	easies_give(f->fetcher->easies, f->seat.easy);
	f->seat.easy = NULL;
	order_free_headers(&f->headers);
}

/* shard_events.left */
static void
on_left(struct seat *seat)
{
	struct fetch *f = list_entry(seat, struct fetch, seat);

	give_easy_back(f);
	if (f->cancelled)
		fetch_bury(f);
}

static void refuse(void *);
static void unpause(void *);

static void
fetch_close(struct fetch *f)
{
	struct loop *loop = f->fetcher->loop;

	fetch_move(f, STATE_OVER);
	loop_untimer(loop, &f->timer);
	if (f->refusal)
		loop_undefer(loop, refuse, f);
	if (f->unpause_due)
		loop_undefer(loop, unpause, f);
	seat_leave(&f->seat);
}

static void
fetch_end(struct fetch *f, enum fetch_result result)
{
	assert(!seat_is_inside(&f->seat));
	fetch_close(f);
	f->events.end(f->ctx, result, f->words);
	fetch_bury(f);
}

static void
refuse(void *ctx)
{
	struct fetch *f = ctx;

	snprintf(f->words, sizeof(f->words), "%s", f->refusal);
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
	int64_t now = loop_now_ms(f->fetcher->loop), at = INT64_MAX;

	if (f->total_ms > 0)
		at = f->started_at + f->total_ms;
	if (f->state == STATE_SENDING && f->first_byte_ms > 0 &&
	    f->sending_at + f->first_byte_ms < at)
		at = f->sending_at + f->first_byte_ms;
	if (f->state == STATE_READING && f->idle_ms > 0 && !f->paused &&
	    f->heard_at + f->idle_ms < at)
		at = f->heard_at + f->idle_ms;
	if (at == INT64_MAX)
		loop_untimer(f->fetcher->loop, &f->timer);
	else
		loop_timer(f->fetcher->loop, &f->timer, at > now ? at - now : 0, on_deadline, f);
}

static void
fetch_too_slow(struct fetch *f, enum fetch_result result, int64_t after_ms)
{
	snprintf(f->words, sizeof(f->words), "still %s after %lld ms", state_names[f->state],
	    (long long)after_ms);
	fetch_end(f, result);
}

static void
on_deadline(void *ctx)
{
	struct fetch *f = ctx;
	int64_t now = loop_now_ms(f->fetcher->loop);

	if (f->total_ms > 0 && now - f->started_at >= f->total_ms)
		fetch_too_slow(f, FETCH_TOTAL_SLOW, f->total_ms);
	else if (f->state == STATE_SENDING && f->first_byte_ms > 0 &&
		 now - f->sending_at >= f->first_byte_ms)
		fetch_too_slow(f, FETCH_FIRST_BYTE_SLOW, f->first_byte_ms);
	else if (f->state == STATE_READING && f->idle_ms > 0 && !f->paused &&
		 now - f->heard_at >= f->idle_ms)
		fetch_too_slow(f, FETCH_IDLE, f->idle_ms);
	else
		fetch_arm(f);
}

/* ---- curl's callbacks: inside, curl may not be called ---- */

static void
on_status(struct fetch *f)
{
	fetch_move(f, STATE_READING);
	fetch_arm(f);
}

static void
on_head(struct fetch *f)
{
	struct fetch_head head;

	reply_head(&f->reply, &head);
	f->events.head(f->ctx, &head);
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;
	enum reply_news news;

	if (f->state == STATE_OVER)
		return 0;
	if (f->state == STATE_CONNECTING || f->reply.whole)
		return size * n; /* a proxy's words, or a trailer */
	f->heard_at = loop_now_ms(f->fetcher->loop);
	news = reply_line(&f->reply, span_mem(p, size * n));
	if (news == REPLY_STATUS)
		on_status(f);
	else if (news == REPLY_HEAD)
		on_head(f);
	return news != REPLY_BAD && f->state != STATE_OVER ? size * n : 0;
}

static size_t
on_data(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	if (f->state == STATE_OVER)
		return CURL_WRITEFUNC_ERROR;
	if (!f->reply.whole || size * n == 0)
		return size * n;
	if (f->paused) {
		f->held = true;
		return CURL_WRITEFUNC_PAUSE; /* curl keeps these bytes, at most one read's worth */
	}
	f->heard_at = loop_now_ms(f->fetcher->loop);
	f->events.data(f->ctx, span_mem(p, size * n));
	return f->state == STATE_OVER ? CURL_WRITEFUNC_ERROR : size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;
	size_t len = f->body.len - f->body_at;

	if (f->state == STATE_OVER)
		return CURL_READFUNC_ABORT; /* the body may be gone */
	if (len > size * n)
		len = size * n;
	memcpy(p, f->body.p + f->body_at, len);
	f->body_at += len;
	return len;
}

/* The same body again, on another connection. */
static int
on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct fetch *f = arg;

	if (f->state == STATE_OVER || origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > f->body.len)
		return CURL_SEEKFUNC_FAIL;
	f->body_at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* The connection stands, proxy and TLS included; the request goes out next. */
static int
on_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct fetch *f = arg;

	(void)to, (void)from, (void)to_port, (void)from_port;
	if (f->state == STATE_OVER)
		return CURL_PREREQFUNC_ABORT;
	fetch_move(f, STATE_SENDING);
	f->sending_at = loop_now_ms(f->fetcher->loop);
	fetch_arm(f);
	return CURL_PREREQFUNC_OK;
}

/* ---- curl has ended it ---- */

/* Every connection that curl tried was a kept one, and dead. */
static bool
is_stale_connection(const struct fetch *f, CURLcode code)
{
	long opened = 1;

	if (f->retried || f->state != STATE_SENDING || f->reply.bytes > 0)
		return false;
	if (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR && code != CURLE_GOT_NOTHING)
		return false;
	curl_easy_getinfo(f->seat.easy, CURLINFO_NUM_CONNECTS, &opened);
	return opened == 0;
}

static void
try_again(struct fetch *f)
{
	CURL *easy = f->seat.easy;

	f->retried = true;
	f->body_at = 0;
	f->words[0] = '\0';
	fetch_move(f, STATE_CONNECTING);
	fetch_arm(f);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	seat_take(&f->seat, f->fetcher->shards, easy);
}

/* Curl names hosts and ports, and now and then a piece of what a server sent. */
static void
settle_words(struct fetch *f, enum fetch_result result, CURLcode code)
{
	if (result == FETCH_OK)
		f->words[0] = '\0';
	else if (f->reply.fault)
		snprintf(f->words, sizeof(f->words), "%s", f->reply.fault);
	else if (code == CURLE_OK)
		snprintf(f->words, sizeof(f->words), "closed inside the answer's head");
	else if (!f->words[0])
		snprintf(f->words, sizeof(f->words), "%s", curl_easy_strerror(code));
	for (char *c = f->words; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
}

static enum fetch_result
judge(const struct fetch *f, CURLcode code)
{
	if (f->reply.fault)
		return FETCH_PROTOCOL;
	return verdict(code, (struct progress){ .sent = f->state != STATE_CONNECTING,
				 .status = f->state == STATE_READING,
				 .head = f->reply.whole });
}

/* shard_events.done */
static void
on_done(struct seat *seat, CURLcode code)
{
	struct fetch *f = list_entry(seat, struct fetch, seat);
	enum fetch_result result;

	assert(f->state != STATE_OVER); /* one given up leaves by on_left */
	if (is_stale_connection(f, code)) {
		try_again(f);
		return;
	}
	result = judge(f, code);
	settle_words(f, result, code);
	give_easy_back(f);
	fetch_end(f, result);
}

/* ---- start ---- */

/* curl_easy_setopt is a macro with a type check of its own, hence one more macro. */
#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (rc == CURLE_OK)                                                                \
			rc = curl_easy_setopt(easy, option, value);                                \
	} while (0)

static bool
connect_callbacks(struct fetch *f, CURL *easy)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_ERRORBUFFER, f->words);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, (void *)f);
	SET(CURLOPT_WRITEFUNCTION, on_data);
	SET(CURLOPT_WRITEDATA, (void *)f);
	SET(CURLOPT_READFUNCTION, on_body);
	SET(CURLOPT_READDATA, (void *)f);
	SET(CURLOPT_SEEKFUNCTION, on_rewind);
	SET(CURLOPT_SEEKDATA, (void *)f);
	SET(CURLOPT_PREREQFUNCTION, on_sending);
	SET(CURLOPT_PREREQDATA, (void *)f);
	return rc == CURLE_OK;
}

static struct fetch *
fetch_new(struct fetcher *all, const struct fetch_order *order, const struct fetch_events *events,
    void *ctx)
{
	struct fetch *f = mem_alloc(sizeof(*f));

	f->fetcher = all;
	f->events = *events;
	f->ctx = ctx;
	f->body = order->body.p ? order->body : SPAN_NONE;
	f->first_byte_ms = order->first_byte_timeout_ms;
	f->idle_ms = order->idle_timeout_ms;
	f->total_ms = order->total_timeout_ms;
	f->started_at = loop_now_ms(all->loop);
	reply_init(&f->reply);
	list_push(&all->alive, &f->link);
	return f;
}

struct fetch *
fetch_start(struct fetcher *all, const struct fetch_order *order, const struct fetch_events *events,
    void *ctx)
{
	struct fetch *f = fetch_new(all, order, events, ctx);
	CURL *easy;

	f->refusal = order_fault(order);
	if (!f->refusal) {
		easy = easies_take(all->easies);
		if (order_apply(order, easy, &f->headers) && connect_callbacks(f, easy)) {
			fetch_arm(f);
			seat_take(&f->seat, all->shards, easy);
			return f;
		}
		easies_give(all->easies, easy);
		f->refusal = "the order is more than libcurl takes";
	}
	loop_defer(all->loop, refuse, f);
	return f;
}

/* ---- pause, resume, cancel ---- */

void
fetch_pause(struct fetch *f)
{
	if (f->state == STATE_OVER)
		return;
	/* on_data says no to the next bytes; until then curl reads at most one buffer more. */
	f->paused = true;
	if (f->unpause_due)
		loop_undefer(f->fetcher->loop, unpause, f);
	f->unpause_due = false;
}

void
fetch_resume(struct fetch *f)
{
	if (f->state == STATE_OVER || !f->paused)
		return;
	f->paused = false;
	f->heard_at = loop_now_ms(f->fetcher->loop);
	fetch_arm(f);
	if (!f->held)
		return;
	f->unpause_due = true;
	loop_defer(f->fetcher->loop, unpause, f);
}

static void
unpause(void *ctx)
{
	struct fetch *f = ctx;
	bool good;

	f->unpause_due = false;
	f->held = false;
	good = seat_unpause(&f->seat);
	/* Still here after the events that ran inside?  Then a failure is one of the connection. */
	if (!good && f->state != STATE_OVER) {
		settle_words(f, FETCH_CUT, CURLE_RECV_ERROR);
		fetch_end(f, FETCH_CUT);
	}
}

void
fetch_cancel(struct fetch **slot)
{
	struct fetch *f = slot ? *slot : NULL;
	bool seated;

	if (!f)
		return;
	*slot = NULL;
	if (f->state == STATE_OVER)
		return; /* in its end event */
	seated = f->seat.state != SEAT_FREE;
	f->cancelled = true;
	fetch_close(f);
	if (!seated)
		fetch_bury(f);
}

/* ---- the fetcher ---- */

struct fetcher *
fetcher_new(struct loop *loop, const struct fetcher_config *config, struct err *e)
{
	static const struct shard_events events = { .done = on_done, .left = on_left };
	struct easies *easies = easies_new(config, e);
	struct fetcher *all;

	if (!easies)
		return NULL;
	all = mem_alloc(sizeof(*all));
	all->loop = loop;
	all->easies = easies;
	all->shards = shards_new(loop, config->max_idle_connections, &events);
	list_init(&all->alive);
	list_init(&all->dead);
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
	easies_free(&all->easies);
	mem_free(all);
	*slot = NULL;
}

int64_t
fetcher_active(const struct fetcher *all)
{
	return shards_active(all->shards);
}
