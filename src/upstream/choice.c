/*
 * Choosing: see choice.h.  Runs in workers and in the janitor; owns the tiers of its set.
 *
 * Up to CHOICE_ALL of a tier are all looked at each time, which is exact whatever happened on the
 * board meanwhile.  Among more, the rosters remember who need not be looked at: the cost of finding
 * out that one is frozen is paid once for each freeze, not once for each request.  What they
 * remember is never older than the next wake: its time, a thaw, a clock that was set.
 */
#include "upstream/choice.h"

#include <assert.h>
#include <stdlib.h>
#include "base/mem.h"
#include "upstream/allowance.h"

#define WAKE_MOST     8    /* in one step: a waking costs as much as a look */
#define IDLE_MOST     256  /* looked at in vain without falling asleep, before giving up */
#define AGAIN_MOST    8    /* sleepers looked at again before a refusal */
#define PROBED_NAP_MS 250  /* a probe takes about as long as a request */
#define CLOCK_SET_MS  1000 /* the clocks moved against each other: more than they are slewed by */

_Static_assert(PASS_COUNT <= ROSTER_WHYS, "rosters count sleepers by all reasons");
_Static_assert(TIER_WINNERS < CHOICE_HANDFUL, "a handful is not of winners alone");

struct choice {
	struct board *board;           /* borrowed */
	const struct choosable *items; /* borrowed */
	uint32_t n;
	struct tier *tiers; /* owned; tier_count of them, the first tier first */
	uint32_t tier_count;
	uint64_t made;         /* choices so far */
	int64_t wall_ahead_ms; /* of one clock before the other, when last seen */
};

/* ---- birth and end ---- */

struct choice *
choice_new(struct board *b, const struct choosable *items, uint32_t n)
{
	struct choice *c = mem_alloc(sizeof(*c));

	assert(n < CHOICE_NONE);
	*c = (struct choice){ .board = b, .items = items, .n = n };
	c->tier_count = tiers_new(&c->tiers, items, n);
	return c;
}

void
choice_free(struct choice **cp)
{
	struct choice *c = *cp;

	if (!c)
		return;
	tiers_free(&c->tiers, c->tier_count);
	mem_free(c);
	*cp = NULL;
}

void
choice_wake_all(struct choice *c)
{
	for (uint32_t i = 0; i < c->tier_count; i++)
		tier_wake_all(&c->tiers[i]);
}

/* A freeze that ends with a day ends at another moment when the clock of days is set. */
static void
notice_clock(struct choice *c, struct moment t)
{
	int64_t ahead = t.wall_ms - t.ms;

	if (llabs(ahead - c->wall_ahead_ms) <= CLOCK_SET_MS)
		return;
	c->wall_ahead_ms = ahead;
	choice_wake_all(c);
}

/* ---- looking ---- */

struct seen {
	uint32_t i;
	uint32_t member; /* of its tier; only among many */
	bool excluded;   /* by the wish: says nothing about other ones */
	struct fitness_rows rows;
	struct fitness_pass pass;
};

/* Less is better. */
struct rank {
	double first;
	uint64_t second;
};

/* One choice under way. */
struct search {
	struct choice *choice;
	const struct choice_wish *wish;
	struct moment now;
	struct chance *chance;
	struct seen best; /* of the eligible, when there are any */
	struct rank rank; /* of the best */
	uint32_t eligible, equal, looked_at;
	uint32_t passed[PASS_COUNT];
	struct fitness_pass next;
	uint32_t next_i;
	bool favours_probes;
};

static struct fitness_rows
rows_of(struct board *b, const struct choosable *it, int model)
{
	bool alone = it->scope == it->subject;
	struct fitness_rows r = { .whole = board_row(b, it->subject, BOARD_WHOLE, false) };

	r.scope_whole = alone ? r.whole : board_row(b, it->scope, BOARD_WHOLE, false);
	if (model > BOARD_WHOLE) {
		r.own = board_row(b, it->subject, model, false);
		r.scope = alone ? r.own : board_row(b, it->scope, model, false);
	}
	return r;
}

/* A handful is far apart: its memory is asked for at once.  Of a whole the first half is read. */
static void
prefetch(const struct fitness_rows *r)
{
	const struct board_row *const both[] = { r->own, r->scope };

	if (r->whole)
		__builtin_prefetch(&r->whole->words[0]);
	for (int k = 0; k < 2 && both[k]; k++) {
		__builtin_prefetch(&both[k]->words[0]);
		__builtin_prefetch(&both[k]->words[BOARD_ROW_WORDS / 2]);
	}
}

static struct seen
seen_of(const struct search *s, uint32_t i)
{
	struct seen k = { .i = i };

	k.rows = rows_of(s->choice->board, &s->choice->items[i], s->wish->model);
	prefetch(&k.rows);
	return k;
}

/* By the wish; PASS_NONE: it is not. */
static enum pass
excluded_as(const struct choice_wish *w, uint32_t i)
{
	for (uint32_t k = 0; k < w->not_count; k++)
		if (w->not_[k] == i)
			return w->not_why[k];
	return PASS_NONE;
}

/* Whoever is kept by limits alone has no freeze and no breaker in the way: where these do not
 * matter, a look without its scope, in which they are counted, tells what is left to tell. */
static struct fitness_pass
look_at(const struct search *s, const struct fitness_rows *rows)
{
	const struct choice_wish *w = s->wish;
	struct fitness_limits limits = allowance_limits(&w->limits, rows->scope, s->now);
	struct fitness_pass p = fitness_look(rows, limits.rpd, w->tokens, s->now);

	if (!w->metered && (p.pass == PASS_MINUTE || p.pass == PASS_TOKENS || p.pass == PASS_DAY)) {
		struct fitness_rows uncounted = *rows;

		uncounted.scope = NULL;
		p = fitness_look(&uncounted, 0, 0, s->now);
	}
	return p;
}

/* As the board has it. */
static struct fitness_pass
pass_of(const struct search *s, const struct seen *k)
{
	const struct choosable *it = &s->choice->items[k->i];
	struct fitness_pass p = { .free_at_ms = INT64_MAX };

	if (!it->enabled && !s->wish->whatever) {
		p.pass = PASS_DISABLED;
		return p;
	}
	if (it->subject < 0 || it->scope < 0) {
		p.pass = PASS_NO_ROOM;
		return p;
	}
	p = look_at(s, &k->rows);
	if (s->wish->whatever)
		p.pass = PASS_NONE;
	return p;
}

static void
judge(const struct search *s, struct seen *k)
{
	enum pass why = excluded_as(s->wish, k->i);

	k->excluded = why != PASS_NONE;
	k->pass = k->excluded ? (struct fitness_pass){ .pass = why, .free_at_ms = INT64_MAX }
			      : pass_of(s, k);
}

/* ---- who comes next when there is none ---- */

/* One that was just disabled is frozen until all processes have read that: it is not free then. */
static struct fitness_pass
as_told(const struct fitness_pass *p)
{
	if (p->pass == PASS_FROZEN && outcome_is_ours(p->cause))
		return (struct fitness_pass){ .pass = PASS_DISABLED, .free_at_ms = INT64_MAX };
	return *p;
}

/* Of those that are not free by themselves, being disabled is the least to speak of. */
static void
consider_next(struct search *s, uint32_t i, const struct fitness_pass *seen)
{
	struct fitness_pass p = as_told(seen);
	bool sooner = p.free_at_ms < s->next.free_at_ms;
	bool says_more = p.free_at_ms == s->next.free_at_ms && p.pass != PASS_DISABLED &&
			 s->next.pass == PASS_DISABLED;

	if (!sooner && !says_more && s->next_i != CHOICE_NONE)
		return;
	s->next = p;
	s->next_i = i;
}

/* What was tried may be free soon, or at once; what was found full while booking, as its row says,
 * or when it says nothing, because room was given back just now, at once. */
static void
consider_excluded(struct search *s, struct choice_made *made)
{
	const struct choice_wish *w = s->wish;

	for (uint32_t k = 0; k < w->not_count; k++) {
		struct seen it;

		if (w->only != CHOICE_NONE && w->only != w->not_[k])
			continue;
		it = seen_of(s, w->not_[k]);
		it.pass = pass_of(s, &it);
		if (it.pass.pass == PASS_NONE && w->not_why[k] == PASS_TRIED) {
			made->tried_free = true;
			continue;
		}
		if (it.pass.pass == PASS_NONE) {
			it.pass.pass = w->not_why[k];
			it.pass.free_at_ms =
			    it.pass.pass == PASS_NO_ROOM ? INT64_MAX : s->now.ms + 1;
		}
		consider_next(s, it.i, &it.pass);
	}
}

/* ---- comparing ---- */

/*
 * A draw knows nothing of answers that are still out: until the first came, or was waited for in
 * vain, all would draw a credential that hangs as if it were as good as any.  So one that has had s
 * successes lately is trusted with s * s requests at once, and each beyond takes from its draw.
 */
static double
draw_of(const struct search *s, const struct seen *k)
{
	posterior w = fitness_posterior(k->rows.own);
	double draw = posterior_draw(w, s->now.ms, s->chance), successes;
	unsigned out = fitness_in_flight(k->rows.own ? k->rows.own : k->rows.whole);

	if (out == 0)
		return draw;
	posterior_counts(w, s->now.ms, &successes, NULL);
	double beyond = out - successes * successes;

	return beyond > 0 ? draw * 2 / (2 + beyond) : draw;
}

static struct rank
rank_of(const struct search *s, const struct seen *k)
{
	bool favoured = s->favours_probes && k->pass.probes;

	switch (s->wish->pick) {
	case CHOICE_LEAST_USED:
		return (
		    struct rank){ fitness_in_flight(k->rows.whole), fitness_ticket(k->rows.whole) };
	case CHOICE_ROUND_ROBIN:
		return (struct rank){ 0, fitness_ticket(k->rows.whole) };
	case CHOICE_ORDER:
		return (struct rank){ 0, k->i };
	case CHOICE_THOMPSON:
		break;
	}
	/* A draw is below 1, so whoever is favoured comes before all that are not. */
	return (struct rank){ -favoured - draw_of(s, k), 0 };
}

static void
pass_over(struct search *s, const struct seen *k)
{
	struct trace *t = s->wish->trace;
	uint64_t key = s->choice->items[k->i].key;

	s->passed[k->pass.pass]++;
	if (!k->excluded)
		consider_next(s, k->i, &k->pass);
	if (t && t->pass_count < TRACE_PASSES && !trace_has_pass(t, key, k->pass.pass))
		trace_pass_add(t, key, &k->pass, s->now);
}

static void
take(struct search *s, const struct seen *k)
{
	s->best = *k;
	s->eligible++;
}

/* Of equals each is taken with the same chance, in whatever order they come. */
static void
compare(struct search *s, const struct seen *k)
{
	struct rank r = rank_of(s, k);
	bool less =
	    r.first < s->rank.first || (r.first == s->rank.first && r.second < s->rank.second);
	bool same = r.first == s->rank.first && r.second == s->rank.second;

	if (s->eligible == 0 || less) {
		s->rank = r;
		s->equal = 1;
		take(s, k);
	} else if (same && chance_below(s->chance, ++s->equal) == 0) {
		take(s, k);
	} else {
		s->eligible++;
	}
}

static void
weigh(struct search *s, struct seen *k)
{
	judge(s, k);
	s->looked_at++;
	if (k->pass.pass == PASS_NONE)
		compare(s, k);
	else
		pass_over(s, k);
}

/* ---- few: all of them ---- */

static void
search_few(struct search *s, const struct tier *t)
{
	struct seen seen[CHOICE_HANDFUL];

	for (uint32_t from = 0; from < t->n; from += CHOICE_HANDFUL) {
		uint32_t n = t->n - from < CHOICE_HANDFUL ? t->n - from : CHOICE_HANDFUL;

		for (uint32_t k = 0; k < n; k++)
			seen[k] = seen_of(s, t->members[from + k]);
		for (uint32_t k = 0; k < n; k++)
			weigh(s, &seen[k]);
	}
}

/* ---- many: those that are awake ---- */

/* Until when it need not be looked at for this model, whoever asks; 0: that depends. */
static int64_t
sleeps_until(const struct seen *k, int64_t now_ms)
{
	int64_t until = k->pass.free_at_ms > now_ms ? k->pass.free_at_ms : now_ms + 1;

	if (k->excluded)
		return 0;
	switch (k->pass.pass) {
	case PASS_DISABLED:
	case PASS_NO_ROOM:
	case PASS_FROZEN:
	case PASS_BROKEN:
	case PASS_MINUTE:
	case PASS_DAY:
		return until;
	case PASS_PROBED:
		return until < now_ms + PROBED_NAP_MS ? until : now_ms + PROBED_NAP_MS;
	default: /* a prompt of fewer tokens may fit */
		return 0;
	}
}

/* False: it stays awake, though it is of no use now.  Who falls asleep is counted with all that
 * sleep. */
static bool
settle_down(struct search *s, struct field *f, const struct seen *k)
{
	int64_t until = sleeps_until(k, s->now.ms);

	if (until > 0) {
		roster_sleep(f->roster, k->member, until, k->pass.pass);
		s->passed[k->pass.pass]--;
	}
	return until > 0 || k->pass.pass == PASS_NONE;
}

/* Draws and weighs up to a handful; gives how many, and adds those that were of no use. */
static uint32_t
weigh_handful(struct search *s, const struct tier *t, struct field *f, uint32_t *idle)
{
	struct seen seen[CHOICE_HANDFUL];
	uint32_t member[CHOICE_HANDFUL];
	uint32_t n = s->wish->pick == CHOICE_THOMPSON ? field_draw_winners(f, member) : 0;

	for (; n < CHOICE_HANDFUL && roster_draw(f->roster, s->chance, &member[n]); n++)
		__builtin_prefetch(&t->members[member[n]]);
	for (uint32_t k = 0; k < n; k++)
		__builtin_prefetch(&s->choice->items[t->members[member[k]]]);
	for (uint32_t k = 0; k < n; k++) {
		seen[k] = seen_of(s, t->members[member[k]]);
		seen[k].member = member[k];
	}
	for (uint32_t k = 0; k < n; k++) {
		weigh(s, &seen[k]);
		*idle += !settle_down(s, f, &seen[k]);
	}
	return n;
}

/* The first of those awake.  All before f->first are asleep, so only who woke lately makes it start
 * anew. */
static uint32_t
search_in_order(struct search *s, const struct tier *t, struct field *f)
{
	uint32_t idle = 0, drawn;

	for (uint32_t m = f->first; m < t->n && s->eligible == 0 && idle < IDLE_MOST; m++) {
		if (roster_is_awake(f->roster, m)) {
			struct seen k = seen_of(s, t->members[m]);

			k.member = m;
			weigh(s, &k);
			idle += !settle_down(s, f, &k);
		}
		if (m == f->first && !roster_is_awake(f->roster, m))
			f->first++;
	}
	while (s->eligible == 0 && idle < IDLE_MOST && roster_draw(f->roster, s->chance, &drawn))
		; /* these were looked at */
	return idle;
}

/* False: so many are of no use that it is not worth going on. */
static bool
search_awake(struct search *s, const struct tier *t, struct field *f)
{
	bool all = roster_awake(f->roster) <= CHOICE_ALL;
	uint32_t idle = 0;

	if (!all && s->wish->pick == CHOICE_ORDER)
		return search_in_order(s, t, f) < IDLE_MOST;
	while (idle < IDLE_MOST && (s->eligible == 0 || all))
		if (weigh_handful(s, t, f, &idle) == 0)
			break;
	return idle < IDLE_MOST;
}

/*
 * Before a refusal: whoever of those asleep is free first is looked at again.  Mostly it tells the
 * reason and the time of the refusal; but it may have been set free, or be held longer.
 */
static void
search_asleep(struct search *s, const struct tier *t, struct field *f)
{
	uint32_t idle = 0;

	for (int k = 0; k < AGAIN_MOST && s->eligible == 0; k++) {
		int64_t next = roster_next_ms(f->roster);

		if (next == INT64_MAX || next >= s->next.free_at_ms)
			return;
		field_wake(f, next, 1);
		weigh_handful(s, t, f, &idle);
	}
}

/* Whoever wakes during a round is drawn in it: nobody is looked at twice. */
static void
search_many(struct search *s, struct tier *t)
{
	uint64_t thaws = board_generation(s->choice->board, BOARD_GEN_THAWS);
	struct field *f = tier_field(t, s->wish->model, s->wish->metered, thaws, s->choice->made);
	const uint32_t *asleep = roster_asleep(f->roster);
	uint32_t most = s->wish->pick == CHOICE_ORDER ? UINT32_MAX : WAKE_MOST;
	bool on;

	roster_round(f->roster);
	do {
		field_wake(f, s->now.ms, most);
		on = search_awake(s, t, f);
	} while (on && s->eligible == 0 && roster_next_ms(f->roster) <= s->now.ms);
	if (on && s->eligible == 0)
		search_asleep(s, t, f);
	if (s->eligible > 0 && s->wish->pick == CHOICE_THOMPSON && !s->best.pass.probes)
		field_won(f, s->best.member);
	for (int p = 0; p < PASS_COUNT; p++)
		s->passed[p] += asleep[p];
}

/* ---- affinity ---- */

/* As if it had this request, too. */
static bool
is_within_share(unsigned in_flight, uint64_t total, double among)
{
	return in_flight < CHOICE_LOAD_LEAST ||
	       in_flight * among < (double)CHOICE_LOAD_BOUND * (double)(total + 1);
}

/* seen[0 .. n) in order of affinity, seen[chosen] is taken. */
static void
take_affine(struct search *s, struct seen *seen, uint32_t chosen)
{
	for (uint32_t k = 0; k < chosen; k++) {
		if (seen[k].pass.pass == PASS_NONE)
			seen[k].pass =
			    (struct fitness_pass){ PASS_BUSY, OUTCOME_OK, s->now.ms, false };
		pass_over(s, &seen[k]);
	}
	s->looked_at += chosen + 1;
	take(s, &seen[chosen]);
}

/*
 * The mean is that of all that are enabled.  Where most of these are out, all of the rest are
 * busier than that; then it is taken of as many as are likely to be left, going by the neighbours.
 */
static bool
search_affine(struct search *s, const struct tier *t)
{
	struct seen seen[AFFINITY_NEIGHBOURS];
	uint32_t near[AFFINITY_NEIGHBOURS], fit = 0, ready = 0;
	uint32_t n = affinity_near(t->affinity, s->wish->affinity, near);
	uint64_t total =
	    fitness_in_flight(board_row(s->choice->board, BOARD_EVERYONE, BOARD_WHOLE, false));

	for (uint32_t k = 0; k < n; k++) {
		for (; ready < (k == 0 ? 1 : n); ready++)
			seen[ready] = seen_of(s, t->members[near[ready]]);
		judge(s, &seen[k]);
		if (seen[k].pass.pass != PASS_NONE)
			continue;
		fit++;
		if (is_within_share(fitness_in_flight(seen[k].rows.whole), total, t->enabled)) {
			take_affine(s, seen, k);
			return true;
		}
	}
	for (uint32_t k = 0; k < n; k++)
		if (seen[k].pass.pass == PASS_NONE &&
		    is_within_share(fitness_in_flight(seen[k].rows.whole), total,
			(double)t->enabled * fit / n)) {
			take_affine(s, seen, k);
			return true;
		}
	return false;
}

/* ---- all together ---- */

static enum chosen_by
search(struct search *s)
{
	static const enum chosen_by by_pick[] = { [CHOICE_THOMPSON] = CHOSEN_DRAW,
		[CHOICE_LEAST_USED] = CHOSEN_USE,
		[CHOICE_ROUND_ROBIN] = CHOSEN_TURN,
		[CHOICE_ORDER] = CHOSEN_ORDER };
	const struct choice_wish *w = s->wish;

	if (w->only != CHOICE_NONE) {
		struct seen k = seen_of(s, w->only);

		weigh(s, &k);
		return w->whatever ? CHOSEN_PROBE : CHOSEN_OWNER;
	}
	for (uint32_t i = 0; i < s->choice->tier_count && s->eligible == 0; i++) {
		struct tier *t = &s->choice->tiers[i];

		if (w->affinity != 0 && search_affine(s, t))
			return CHOSEN_AFFINITY;
		if (t->n <= CHOICE_ALL)
			search_few(s, t);
		else
			search_many(s, t);
	}
	return by_pick[w->pick];
}

static void
tell(const struct search *s, enum chosen_by by, struct trace_try *why)
{
	posterior w = fitness_posterior(s->best.rows.own);
	double draw = -s->rank.first;

	if (!why)
		return;
	why->looked_at = s->looked_at < UINT16_MAX ? (uint16_t)s->looked_at : UINT16_MAX;
	for (int p = 0; p < PASS_COUNT; p++)
		why->passed[p] = s->passed[p] < UINT16_MAX ? (uint16_t)s->passed[p] : UINT16_MAX;
	why->chosen = CHOSEN_NONE;
	why->mean = why->draw = 0;
	if (s->eligible == 0)
		return;
	why->chosen = (uint8_t)(s->best.pass.probes ? CHOSEN_PROBE : by);
	why->mean = (float)posterior_mean(w, s->now.ms);
	if (by == CHOSEN_DRAW)
		why->draw = (float)(draw > 1 ? draw - 1 : draw);
}

void
choice_make(struct choice *c, const struct choice_wish *w, struct moment now, struct chance *chance,
    struct choice_made *made)
{
	struct search s = { .choice = c, .wish = w, .now = now, .chance = chance };

	assert(w->only == CHOICE_NONE ? !w->whatever : w->only < c->n);
	c->made++;
	notice_clock(c, now);
	s.next = (struct fitness_pass){ .pass = PASS_DISABLED, .free_at_ms = INT64_MAX };
	s.next_i = CHOICE_NONE;
	s.favours_probes =
	    w->pick == CHOICE_THOMPSON && chance_below(chance, CHOICE_PROBE_ONE_IN) == 0;
	enum chosen_by by = search(&s);

	*made = (struct choice_made){
		.i = CHOICE_NONE, .next_i = CHOICE_NONE, .resort_i = CHOICE_NONE
	};
	if (s.eligible > 0) {
		s.passed[PASS_OUTDRAWN] += s.eligible - 1;
		made->i = s.best.i;
		made->rows = s.best.rows;
		made->rows.model = board_row(
		    c->board, BOARD_EVERYONE, w->model > BOARD_WHOLE ? w->model : -1, false);
		made->probes = s.best.pass.probes;
	} else {
		if (s.next.pass == PASS_BROKEN)
			made->resort_i = s.next_i;
		consider_excluded(&s, made);
		made->next = s.next;
		made->next_i = s.next_i;
	}
	tell(&s, by, w->why);
}
