/*
 * All parts of a call: see fan.h.  Runs in workers; owns the asks under way and the memory of
 * what each part has used.
 */
#include "upstream/fan.h"

#include <assert.h>
#include "base/mem.h"

#define WIDTH 8 /* asks at a time */

struct branch {
	struct fan *fan; /* borrowed: whose it is */
	size_t number;
	struct ask *ask; /* owned; NULL before it is started and behind its last event */
	struct usage usage;
};

struct fan {
	struct upstream *up;     /* borrowed */
	const struct call *call; /* borrowed */
	struct ask_lend lend;    /* for every part */
	struct arena *arena;     /* borrowed */
	struct ask_events events;
	void *ctx;
	struct branch **parts; /* owned, as are its items: asks point to them */
	size_t count;
	size_t started, done;
	bool given; /* a chunk of any part */
	bool paused, over;
	struct arena *scratch; /* owned: candidates of the chunk at hand */
};

static void start_part(struct fan *, struct branch *);
static void start_more(struct fan *);

static void
fan_free(void *ctx)
{
	struct fan *f = ctx;

	for (size_t i = 0; i < f->count; i++)
		mem_free(f->parts[i]);
	mem_free(f->parts);
	arena_free(&f->scratch);
	mem_free(f);
}

static void
retire(struct fan *f)
{
	f->over = true;
	for (size_t i = 0; i < f->count; i++)
		ask_cancel(&f->parts[i]->ask);
	loop_defer(f->up->loop, fan_free, f);
}

/* The call has more parts than before: a mend has split it. */
static void
grow(struct fan *f)
{
	if (f->call->parts <= f->count)
		return;
	f->parts = mem_resize(f->parts, f->call->parts * sizeof(struct branch *));
	for (; f->count < f->call->parts; f->count++) {
		struct branch *p = mem_alloc(sizeof(*p));

		*p = (struct branch){ .fan = f, .number = f->count };
		usage_init(&p->usage);
		f->parts[f->count] = p;
	}
}

/* ---- chunks ---- */

static int64_t
add_counter(int64_t sum, int64_t n)
{
	if (n < 0)
		return sum;
	if (sum < 0)
		return n;
	return n > INT64_MAX - sum ? INT64_MAX : sum + n;
}

/* What was said of a counter by any part. */
static void
sum_usage(const struct fan *f, struct usage *out)
{
	usage_init(out);
	for (size_t i = 0; i < f->count; i++) {
#define USAGE_ADD(name, key) out->name = add_counter(out->name, f->parts[i]->usage.name);
		USAGE_COUNTERS(USAGE_ADD)
#undef USAGE_ADD
	}
}

/* A part has no more choices than it was asked for: the next one's stand behind them. */
static int64_t
index_in_whole(const struct branch *p, int64_t index)
{
	int64_t choices = (int64_t)p->fan->call->choices;

	return (int64_t)p->number * choices + (index > 0 ? index % choices : 0);
}

static void
on_chunk(void *ctx, const struct chunk *k)
{
	struct branch *p = ctx;
	struct fan *f = p->fan;
	struct chunk whole = *k;

	f->given = true;
	if (f->count == 1) {
		f->events.chunk(f->ctx, k);
		return;
	}
	whole.part = p->number;
	usage_merge(&p->usage, &k->usage);
	sum_usage(f, &whole.usage);
	arena_reset(f->scratch);
	whole.candidates = arena_alloc(f->scratch, k->candidate_count * sizeof(*k->candidates));
	for (size_t i = 0; i < k->candidate_count; i++) {
		whole.candidates[i] = k->candidates[i];
		whole.candidates[i].index = index_in_whole(p, k->candidates[i].index);
	}
	f->events.chunk(f->ctx, &whole);
}

/* ---- other events of a part ---- */

static bool
on_gone_asked(void *ctx)
{
	const struct branch *p = ctx;

	return p->fan->events.gone(p->fan->ctx);
}

static void
on_raw(void *ctx, struct span bytes, struct span type)
{
	const struct branch *p = ctx;

	p->fan->events.raw(p->fan->ctx, bytes, type);
}

static void
on_plain(void *ctx, struct buf *bytes, struct span type)
{
	const struct branch *p = ctx;

	p->fan->events.plain(p->fan->ctx, bytes, type);
}

/* What they asked for went by the old numbers. */
static void
ask_others_anew(struct fan *f, const struct branch *mended)
{
	for (size_t i = 0; i < f->started; i++) {
		struct branch *p = f->parts[i];

		if (p == mended || !p->ask)
			continue;
		ask_cancel(&p->ask);
		start_part(f, p);
	}
}

static bool
on_refused(void *ctx, const struct fault *fault)
{
	const struct branch *p = ctx;
	struct fan *f = p->fan;

	size_t choices = f->call->choices;

	/* To ask for each choice alone gives the parts new numbers: too late when one was told. */
	if (f->given && choices > 1)
		return false;
	if (!f->events.mend(f->ctx, fault))
		return false;
	if (f->call->choices != choices)
		ask_others_anew(f, p);
	grow(f);
	start_more(f);
	return true;
}

static void
on_done(void *ctx)
{
	struct branch *p = ctx;
	struct fan *f = p->fan;

	p->ask = NULL; /* it frees itself behind its last event */
	f->done++;
	if (f->done < f->count) {
		start_more(f);
		return;
	}
	retire(f);
	f->events.done(f->ctx);
}

static void
on_failed(void *ctx, const struct err *e, const struct fault *fault)
{
	struct branch *p = ctx;
	struct fan *f = p->fan;

	p->ask = NULL;
	retire(f);
	f->events.failed(f->ctx, e, fault);
}

static void
on_tried(void *ctx, const char *label, const struct verdict *v)
{
	const struct branch *p = ctx;

	p->fan->events.tried(p->fan->ctx, label, v);
}

/* ---- the parts ---- */

static void
start_part(struct fan *f, struct branch *p)
{
	struct ask_events events = {
		.gone = on_gone_asked,
		.chunk = on_chunk,
		.raw = f->events.raw ? on_raw : NULL,
		.plain = f->events.plain ? on_plain : NULL,
		.mend = f->events.mend ? on_refused : NULL,
		.done = on_done,
		.failed = on_failed,
		.tried = f->events.tried ? on_tried : NULL,
	};

	p->ask = ask_start(f->up, f->call, p->number, &f->lend, f->arena, &events, p);
	if (f->paused)
		ask_pause(p->ask);
}

static void
start_more(struct fan *f)
{
	while (f->started < f->count && f->started - f->done < WIDTH)
		start_part(f, f->parts[f->started++]);
}

struct fan *
fan_start(struct upstream *up, const struct call *call, const struct ask_lend *lend,
    struct arena *arena, const struct ask_events *events, void *ctx)
{
	struct fan *f = mem_alloc(sizeof(*f));

	assert(call->parts > 0 && call->choices > 0 && (call->parts == 1 || !events->raw));
	*f = (struct fan){ .up = up,
		.call = call,
		.lend = *lend,
		.arena = arena,
		.events = *events,
		.ctx = ctx,
		.scratch = arena_new(0) };
	f->lend.since_ms = loop_now_ms(up->loop);
	grow(f);
	start_more(f);
	return f;
}

const char *
fan_label(const struct fan *f)
{
	return f->parts[0]->ask ? ask_label(f->parts[0]->ask) : "";
}

void
fan_pause(struct fan *f)
{
	f->paused = true;
	for (size_t i = 0; i < f->count; i++)
		if (f->parts[i]->ask)
			ask_pause(f->parts[i]->ask);
}

void
fan_resume(struct fan *f)
{
	f->paused = false;
	for (size_t i = 0; i < f->count; i++)
		if (f->parts[i]->ask)
			ask_resume(f->parts[i]->ask);
}

void
fan_cancel(struct fan **fp)
{
	struct fan *f = *fp;

	*fp = NULL;
	if (f && !f->over)
		retire(f);
}
