/*
 * The janitor's end of writing: what has arrived is committed together, and only then
 * acknowledged.  Owns the writes until they are; links belong to the janitor.
 *
 * A commit blocks for as long as the disk takes to say that it has it (some milliseconds); what
 * workers send meanwhile waits in their sockets and forms the next.
 */
#include "store/writer.h"

#include <assert.h>
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/write.h"

#define BATCH_OPS   1000 /* records in one commit, unless one write alone has more */
#define BATCH_BYTES (16u << 20)
#define GROW_TRIES  64 /* of one commit on a map that doubles each time */

struct pending {
	struct list link;
	struct buf body; /* owned; wiped */
	size_t ops;
	writer_fn *done; /* of a write made here; may be NULL */
	void *ctx;
	struct link *from; /* borrowed; NULL: made here, or the link has ended */
	uint64_t id;
};

struct committer {
	struct loop *loop;   /* borrowed */
	struct store *store; /* borrowed */
	struct board *board; /* borrowed */
	struct list waiting; /* owned */
	struct list batch;   /* owned: being committed or answered */
	struct timer again;
	bool scheduled;
	bool refusing; /* said once, until the store takes writes again */
};

static void commit_batch(void *ctx);

/* ---- when ---- */

/* After the descriptors of this turn, so that what all workers have sent goes together. */
static void
commit_soon(void *ctx)
{
	struct committer *c = ctx;

	if (c->scheduled)
		return;
	c->scheduled = true;
	loop_defer(c->loop, commit_batch, c);
}

/* ---- what ---- */

static void
take_batch(struct committer *c)
{
	size_t ops = 0, bytes = 0;

	list_for_each_safe(it, next, &c->waiting) {
		const struct pending *p = list_entry(it, struct pending, link);

		if (ops && (ops + p->ops > BATCH_OPS || bytes + p->body.len > BATCH_BYTES))
			break;
		ops += p->ops;
		bytes += p->body.len;
		list_remove(it);
		list_push(&c->batch, it);
	}
}

static void
apply(struct txn *t, struct span body, bool touched[BOARD_GEN_COUNT])
{
	struct write_reader r;
	struct write_op op;

	write_begin(&r, body);
	while (write_next(&r, &op)) {
		int generation = table_generation(op.table);

		if (op.only_change && !store_has(t, op.table, op.key))
			continue;
		if (op.value.p)
			store_put(t, op.table, op.key, op.value);
		else
			store_erase(t, op.table, op.key);
		if (generation >= 0)
			touched[generation] = true;
	}
	assert(!r.broken); /* it was checked when it came in */
}

static bool
commit_once(struct committer *c, bool touched[BOARD_GEN_COUNT], struct err *e)
{
	struct txn t = store_write(c->store);

	list_for_each(it, &c->batch)
		apply(&t, buf_span(&list_entry(it, struct pending, link)->body), touched);
	return store_end(&t, e);
}

/* Runs the same transaction again when the map had to grow for it. */
static bool
commit(struct committer *c, struct err *e)
{
	bool touched[BOARD_GEN_COUNT] = { false };
	bool ok = commit_once(c, touched, e);

	for (int i = 0; !ok && e->kind == ERR_FULL && e->retry_ms == 1 && i < GROW_TRIES; i++)
		ok = commit_once(c, touched, e);
	for (int g = 0; ok && g < BOARD_GEN_COUNT; g++)
		if (touched[g])
			board_bump(c->board, (enum board_generation)g);
	return ok;
}

static void
pending_free(struct pending *p)
{
	buf_wipe(&p->body);
	mem_free(p);
}

static void
refuse(struct link *l, uint64_t id, const struct err *e)
{
	struct buf line = BUF_INIT;

	write_refusal_put(&line, e);
	link_send(l, MESSAGE_REFUSED, id, buf_span(&line));
	buf_fini(&line);
}

/* why: NULL when it is committed. */
static void
answer(struct pending *p, const struct err *why)
{
	if (p->from && why)
		refuse(p->from, p->id, why);
	else if (p->from)
		link_send(p->from, MESSAGE_DONE, p->id, SPAN_NONE);
	if (p->done)
		p->done(p->ctx, why);
	pending_free(p);
}

static void
say_change(struct committer *c, bool ok, const struct err *e)
{
	if (!ok && !c->refusing)
		log_error("store", "the store takes no writes", "cause=%s", e->text);
	else if (ok && c->refusing)
		log_info("store", "the store takes writes again", NULL);
	c->refusing = !ok;
}

static void
commit_one_batch(struct committer *c)
{
	struct err e = ERR_INIT;
	struct list *it;
	bool ok;

	take_batch(c);
	ok = commit(c, &e);
	say_change(c, ok, &e);
	/* One by one: a callback may end a link, and so look through what is still here. */
	while ((it = list_shift(&c->batch)))
		answer(list_entry(it, struct pending, link), ok ? NULL : &e);
}

static void
commit_batch(void *ctx)
{
	struct committer *c = ctx;

	c->scheduled = false;
	if (list_is_empty(&c->waiting))
		return;
	commit_one_batch(c);
	/* What is left after a full batch waits for what the descriptors bring. */
	if (!list_is_empty(&c->waiting))
		loop_timer(c->loop, &c->again, 0, commit_soon, c);
}

/* ---- coming in ---- */

static struct pending *
add(struct committer *c, struct buf *body_take, size_t ops)
{
	struct pending *p = mem_alloc(sizeof(*p));

	p->body = *body_take;
	p->ops = ops;
	*body_take = BUF_INIT;
	list_push(&c->waiting, &p->link);
	commit_soon(c);
	return p;
}

void
committer_add(struct committer *c, const struct write_op *ops, size_t n, writer_fn *done, void *ctx)
{
	struct buf body = BUF_INIT;
	struct pending *p;

	assert(n > 0);
	write_encode(&body, ops, n);
	p = add(c, &body, n);
	p->done = done;
	p->ctx = ctx;
}

void
committer_frame(struct committer *c, struct link *from, const struct frame *f)
{
	struct buf body = BUF_INIT;
	struct err e = ERR_INIT;
	struct pending *p;
	size_t ops;

	if (!write_check(f->body, &ops, &e)) {
		log_warn("store", "a write that cannot be read came", "bytes=%zu", f->body.len);
		refuse(from, f->id, &e);
		return;
	}
	buf_add_span(&body, f->body);
	p = add(c, &body, ops);
	p->from = from;
	p->id = f->id;
}

static void
forget_in(struct list *list, const struct link *gone)
{
	list_for_each(it, list) {
		struct pending *p = list_entry(it, struct pending, link);

		if (p->from == gone)
			p->from = NULL;
	}
}

void
committer_forget(struct committer *c, struct link *gone)
{
	forget_in(&c->waiting, gone);
	forget_in(&c->batch, gone);
}

struct committer *
committer_new(struct loop *loop, struct store *store, struct board *board)
{
	struct committer *c = mem_alloc(sizeof(*c));

	c->loop = loop;
	c->store = store;
	c->board = board;
	list_init(&c->waiting);
	list_init(&c->batch);
	return c;
}

void
committer_free(struct committer **slot)
{
	struct committer *c = *slot;

	if (!c)
		return;
	assert(list_is_empty(&c->batch)); /* not from inside a write's own callback */
	while (!list_is_empty(&c->waiting))
		commit_one_batch(c);
	loop_undefer(c->loop, commit_batch, c);
	loop_untimer(c->loop, &c->again);
	*slot = NULL;
	mem_free(c);
}
