/*
 * The worker's end of writing.  Runs in every worker; owns the link to the janitor and each
 * write until it is acknowledged.
 *
 * Writes are sent in order and, after a link was lost, sent again in the same order.  What the
 * janitor had committed without being able to say so is then written twice, which does no harm.
 */
#include "store/writer.h"

#include <assert.h>
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/write.h"

#define RETRY_FIRST_MS 50
#define RETRY_LAST_MS  1000

/* One write on its way. */
struct write {
	struct list link;
	uint64_t id;
	struct buf body; /* owned; wiped */
	writer_fn *done;
	void *ctx;
};

struct writer {
	struct loop *loop; /* borrowed */
	char *path;        /* owned */
	struct link *link; /* owned; NULL while the janitor is away */
	struct timer retry;
	int64_t retry_ms;    /* the next wait */
	struct list waiting; /* owned writes, oldest first */
	size_t count, bytes, limit_bytes;
	uint64_t last_id;
	bool said_away;
};

static void connect_now(void *ctx);

/* ---- the link ---- */

static void
retry_later(struct writer *w)
{
	/* Where nothing waits, the master says of the janitor all there is to say. */
	if (!w->said_away && w->count > 0) {
		log_warn(
		    "store", "the janitor cannot be reached, writes wait", "waiting=%zu", w->count);
		w->said_away = true;
	}
	loop_timer(w->loop, &w->retry, w->retry_ms, connect_now, w);
	w->retry_ms = w->retry_ms * 2 < RETRY_LAST_MS ? w->retry_ms * 2 : RETRY_LAST_MS;
}

static void
write_free(struct write *p)
{
	buf_wipe(&p->body);
	mem_free(p);
}

static struct write *
find_write(struct writer *w, uint64_t id)
{
	list_for_each(it, &w->waiting) {
		struct write *p = list_entry(it, struct write, link);

		if (p->id == id)
			return p;
	}
	return NULL;
}

/* The last thing done for it: the callback may free the writer. */
static void
settle(struct writer *w, struct write *p, const struct err *e)
{
	writer_fn *done = p->done;
	void *ctx = p->ctx;

	list_remove(&p->link);
	w->count--;
	w->bytes -= p->body.len;
	write_free(p);
	if (done)
		done(ctx, e);
}

static void
on_frame(void *ctx, struct link *l, struct frame *f)
{
	struct writer *w = ctx;
	struct write *p = find_write(w, f->id);
	struct err e = ERR_INIT;

	(void)l;
	if (w->said_away)
		log_info("store", "the janitor answers again", "waiting=%zu", w->count);
	w->said_away = false;
	w->retry_ms = RETRY_FIRST_MS;
	if (!p)
		return;
	if (f->kind == MESSAGE_DONE) {
		settle(w, p, NULL);
	} else if (f->kind == MESSAGE_REFUSED) {
		write_refusal_parse(f->body, &e);
		settle(w, p, &e);
	}
}

static void
on_gone(void *ctx, struct link *l, const char *why)
{
	struct writer *w = ctx;

	(void)l;
	log_debug("store", "the link to the janitor ended", "cause=%s", why);
	w->link = NULL;
	retry_later(w);
}

static void
connect_now(void *ctx)
{
	struct writer *w = ctx;

	w->link = link_connect(w->loop, w->path, on_frame, on_gone, w, NULL);
	if (!w->link) {
		retry_later(w);
		return;
	}
	list_for_each(it, &w->waiting) {
		const struct write *p = list_entry(it, struct write, link);

		/* What does not go now goes with the next link: gone is going to say so. */
		if (!link_send(w->link, MESSAGE_WRITE, p->id, buf_span(&p->body)))
			return;
	}
}

/* ---- writing ---- */

struct writer *
writer_new(struct loop *loop, const char *janitor_path, size_t queue_bytes)
{
	struct writer *w = mem_alloc(sizeof(*w));

	w->loop = loop;
	w->path = mem_dup(janitor_path);
	w->limit_bytes = queue_bytes;
	w->retry_ms = RETRY_FIRST_MS;
	list_init(&w->waiting);
	connect_now(w);
	return w;
}

void
writer_free(struct writer **slot)
{
	struct writer *w = *slot;
	struct list *it;

	if (!w)
		return;
	*slot = NULL;
	loop_untimer(w->loop, &w->retry);
	link_close(&w->link);
	while ((it = list_shift(&w->waiting)))
		write_free(list_entry(it, struct write, link));
	mem_free(w->path);
	mem_free(w);
}

bool
writer_write(struct writer *w, const struct write_op *ops, size_t n, writer_fn *done, void *ctx)
{
	struct buf body = BUF_INIT;
	struct write *p;

	write_encode(&body, ops, n);
	if (body.len > LINK_FRAME_MAX || w->bytes + body.len > w->limit_bytes) {
		buf_wipe(&body);
		return false;
	}
	p = mem_alloc(sizeof(*p));
	*p = (struct write){ .id = ++w->last_id, .body = body, .done = done, .ctx = ctx };
	list_push(&w->waiting, &p->link);
	w->count++;
	w->bytes += body.len;
	if (w->link)
		link_send(w->link, MESSAGE_WRITE, p->id, buf_span(&p->body));
	return true;
}

size_t
writer_waiting(const struct writer *w)
{
	return w->count;
}
