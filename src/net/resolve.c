/*
 * Names into addresses without blocking the loop.
 *
 * Runs wherever net/fetch.c does.  Owns the questions, the threads' number and the mail through
 * which they answer.  A thread touches nothing but its job, the C library's resolver and the mail;
 * it takes no signal.
 *
 * The C library's resolver cannot be interrupted: who gives up a question leaves its thread
 * behind, which is counted until it returns.
 */
#include "net/resolve.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/map.h"
#include "base/mem.h"

/* Shared by a resolver and its threads; freed by who of them goes last. */
struct mail {
	pthread_mutex_t lock; /* for all that follows */
	struct list done;     /* of jobs, owned */
	size_t at_work;       /* threads */
	bool closed;          /* nobody fetches it any more */
	int bell;             /* eventfd, owned; for the loop to watch */
};

/* What a thread works on: its own until it lies in the mail.  The asker is the loop's alone. */
struct job {
	struct list link;
	struct mail *mail;      /* borrowed; there as long as a thread is at work */
	struct resolve *asker;  /* borrowed; NULL: given up */
	char *host;             /* owned */
	int code;               /* getaddrinfo's */
	struct addrinfo *found; /* owned */
};

struct resolver {
	struct loop *loop; /* borrowed */
	struct mail *mail; /* ours until closed */
	struct watch bell;
	struct list waiting; /* questions without a thread */
	size_t waiting_count, threads;
};

enum resolve_state {
	RESOLVE_WAITING,  /* for a thread */
	RESOLVE_ASKED,    /* a thread is at work */
	RESOLVE_ANSWERED, /* to be told later in this turn */
	RESOLVE_TOLD      /* in its event */
};

struct resolve {
	enum resolve_state state;
	struct list link;          /* in resolver->waiting */
	struct resolver *resolver; /* borrowed */
	struct job *job;           /* borrowed, while asked */
	char *host;                /* owned */
	struct addrinfo *found;    /* owned */
	const char *fault;         /* static */
	struct timer limit;
	resolve_fn *fn;
	void *ctx; /* borrowed, the caller's */
};

/* ---- in a thread ---- */

static int
look_up(const char *host, int flags, struct addrinfo **found)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags
	};

	*found = NULL;
	return getaddrinfo(host, NULL, &hints, found);
}

static void
job_free(struct job *j)
{
	if (j->found)
		freeaddrinfo(j->found);
	mem_free(j->host);
	mem_free(j);
}

static void
mail_free(struct mail *m)
{
	struct list *first;

	while ((first = list_shift(&m->done)))
		job_free(list_entry(first, struct job, link));
	close(m->bell);
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

static void *
work(void *arg)
{
	struct job *j = arg;
	struct mail *m = j->mail;
	uint64_t one = 1;
	bool last;

	/* Addresses of a family that this host does not speak are of no use. */
	j->code = look_up(j->host, AI_ADDRCONFIG, &j->found);
	pthread_mutex_lock(&m->lock);
	list_push(&m->done, &j->link);
	m->at_work--;
	last = m->closed && m->at_work == 0;
	if (!m->closed && write(m->bell, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN); /* it rings already */
	pthread_mutex_unlock(&m->lock);
	if (last)
		mail_free(m);
	return NULL;
}

/* ---- in the loop ---- */

static bool
thread_start(struct job *j)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, work, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc == 0;
}

static void
tell(struct resolve *q, bool slow)
{
	struct resolved answer = { .list = q->found, .fault = q->fault, .slow = slow };

	assert((q->found != NULL) == (q->fault == NULL));
	q->state = RESOLVE_TOLD;
	loop_untimer(q->resolver->loop, &q->limit);
	q->fn(q->ctx, &answer);
	if (q->found)
		freeaddrinfo(q->found);
	mem_free(q->host);
	mem_free(q);
}

static void
tell_later(void *ctx)
{
	tell(ctx, false);
}

static void
answer(struct resolve *q, const char *fault)
{
	q->fault = fault;
	q->state = RESOLVE_ANSWERED;
	loop_defer(q->resolver->loop, tell_later, q);
}

static void
ask(struct resolve *q)
{
	struct resolver *r = q->resolver;
	struct job *j = mem_alloc(sizeof(*j));

	*j = (struct job){ .mail = r->mail, .asker = q, .host = mem_dup(q->host) };
	pthread_mutex_lock(&r->mail->lock);
	r->mail->at_work++;
	pthread_mutex_unlock(&r->mail->lock);
	if (thread_start(j)) {
		r->threads++;
		q->job = j;
		q->state = RESOLVE_ASKED;
		return;
	}
	pthread_mutex_lock(&r->mail->lock);
	r->mail->at_work--;
	pthread_mutex_unlock(&r->mail->lock);
	job_free(j);
	answer(q, "the system gives no thread to look it up");
}

static void
leave_queue(struct resolve *q)
{
	list_remove(&q->link);
	q->resolver->waiting_count--;
}

static void
ask_next(struct resolver *r)
{
	while (r->threads < RESOLVE_THREADS_MAX && !list_is_empty(&r->waiting)) {
		struct resolve *q = list_entry(r->waiting.next, struct resolve, link);

		leave_queue(q);
		ask(q);
	}
}

/* The thread goes on, but for nobody. */
static void
give_up(struct resolve *q)
{
	if (q->state == RESOLVE_WAITING)
		leave_queue(q);
	else if (q->state == RESOLVE_ASKED)
		q->job->asker = NULL;
	else if (q->state == RESOLVE_ANSWERED)
		loop_undefer(q->resolver->loop, tell_later, q);
}

static void
on_limit(void *ctx)
{
	struct resolve *q = ctx;

	if (q->state == RESOLVE_ANSWERED)
		return; /* just in time */
	give_up(q);
	q->fault = "the name was not resolved in time";
	tell(q, true);
}

static void
job_deliver(struct job *j)
{
	struct resolve *q = j->asker;

	if (q) {
		q->job = NULL;
		q->found = j->found;
		j->found = NULL;
		if (!q->found)
			q->fault = j->code == 0 ? "no address" : gai_strerror(j->code);
		tell(q, false);
	}
	job_free(j);
}

static void
on_bell(void *ctx, uint32_t events)
{
	struct resolver *r = ctx;
	struct list done, *first;
	uint64_t count;

	(void)events;
	list_init(&done);
	if (read(r->mail->bell, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&r->mail->lock);
	while ((first = list_shift(&r->mail->done)))
		list_push(&done, first);
	pthread_mutex_unlock(&r->mail->lock);
	while ((first = list_shift(&done))) {
		r->threads--;
		job_deliver(list_entry(first, struct job, link));
	}
	ask_next(r);
}

struct resolve *
resolve_start(struct resolver *r, const char *host, int64_t limit_ms, resolve_fn *fn, void *ctx)
{
	struct resolve *q = mem_alloc(sizeof(*q));

	if (limit_ms <= 0 || limit_ms > RESOLVE_MS_MAX)
		limit_ms = RESOLVE_MS_MAX;
	*q = (struct resolve){ .resolver = r, .host = mem_dup(host), .fn = fn, .ctx = ctx };
	list_init(&q->link);
	loop_timer(r->loop, &q->limit, limit_ms, on_limit, q);
	if (look_up(host, AI_NUMERICHOST, &q->found) == 0 && q->found) {
		answer(q, NULL);
	} else if (r->threads < RESOLVE_THREADS_MAX) {
		ask(q);
	} else if (r->waiting_count < RESOLVE_WAITING_MAX) {
		list_push(&r->waiting, &q->link);
		r->waiting_count++;
	} else {
		answer(q, "too many names are being looked up");
	}
	return q;
}

void
resolve_cancel(struct resolve **slot)
{
	struct resolve *q = slot ? *slot : NULL;

	if (!q)
		return;
	*slot = NULL;
	if (q->state == RESOLVE_TOLD)
		return; /* freed behind its event */
	give_up(q);
	loop_untimer(q->resolver->loop, &q->limit);
	if (q->found)
		freeaddrinfo(q->found);
	mem_free(q->host);
	mem_free(q);
}

/* ---- the resolver ---- */

struct resolver *
resolver_new(struct loop *loop, struct err *e)
{
	int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct resolver *r;

	if (bell < 0) {
		err_errno(e, "no descriptor for the resolver");
		return NULL;
	}
	r = mem_alloc(sizeof(*r));
	r->loop = loop;
	list_init(&r->waiting);
	r->mail = mem_alloc(sizeof(*r->mail));
	list_init(&r->mail->done);
	pthread_mutex_init(&r->mail->lock, NULL);
	r->mail->bell = bell;
	loop_watch(loop, &r->bell, bell, EPOLLIN, on_bell, r);
	return r;
}

void
resolver_free(struct resolver **slot)
{
	struct resolver *r = slot ? *slot : NULL;
	bool last;

	if (!r)
		return;
	assert(list_is_empty(&r->waiting));
	loop_unwatch(r->loop, &r->bell);
	pthread_mutex_lock(&r->mail->lock);
	r->mail->closed = true;
	last = r->mail->at_work == 0;
	pthread_mutex_unlock(&r->mail->lock);
	if (last)
		mail_free(r->mail);
	mem_free(r);
	*slot = NULL;
}

size_t
resolver_threads(const struct resolver *r)
{
	return r->threads;
}
