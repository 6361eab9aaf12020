/*
 * A pool to choose from: credentials on a board of its own, at a fixed time, with a fixed chance.
 */
#ifndef POLLUX_TESTS_CHOICE_WORLD_H
#define POLLUX_TESTS_CHOICE_WORLD_H

#include <unistd.h>
#include "tests/unit/unit.h"
#include "base/span.h"
#include "ipc/board.h"
#include "upstream/choice.h"

#define SECOND   INT64_C(1000)
#define MINUTE   (60 * SECOND)
#define HOUR     (60 * MINUTE)
#define MANY     200 /* more than are all looked at */
#define ITEM_MAX 4000

static const struct moment T0 = { .ms = 5000000, .wall_ms = INT64_C(1790000000000) };

struct pool_world {
	char dir[64], path[96];
	struct board *board;
	struct chance chance;
	struct choosable items[ITEM_MAX];
	uint32_t n;
	int model;
	struct choice *choice; /* made at the first choice */
	struct choice_made made;
	struct trace_try why; /* of the last choice */
};

static inline int
pool_world_open(void **state)
{
	static const struct board_sizes sizes = { .cells = 64,
		.subjects = 8192,
		.models = 128,
		.windows = 64,
		.leases = 8,
		.traces = 8 };
	struct pool_world *w = calloc(1, sizeof(*w));
	struct err e = ERR_INIT;
	bool kept;

	snprintf(w->dir, sizeof(w->dir), "/tmp/test-choice-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/board", w->dir);
	w->board = board_create(w->path, &sizes, &kept, &e);
	if (!w->board)
		fail_msg("%s", e.text);
	w->model = board_model(w->board, span_of("gemini-2.5-flash"), true);
	chance_seed(&w->chance, 7);
	*state = w;
	return 0;
}

static inline int
pool_world_close(void **state)
{
	struct pool_world *w = *state;

	choice_free(&w->choice);
	board_detach(&w->board);
	unlink(w->path);
	rmdir(w->dir);
	free(w);
	return 0;
}

/* For the next case of a table. */
static inline struct pool_world *
pool_world_anew(void **state)
{
	pool_world_close(state);
	assert_int_equal(pool_world_open(state), 0);
	return *state;
}

/* Of a project by its key; 0: of none.  What was chosen from before is forgotten. */
static inline uint32_t
add_one(struct pool_world *w, unsigned tier, uint64_t project)
{
	struct choosable *it = &w->items[w->n];

	assert_true(w->n < ITEM_MAX);
	it->key = 1000 + w->n;
	it->subject = board_subject(w->board, it->key, true);
	assert_true(it->subject > 0);
	it->scope = project ? board_subject(w->board, project, true) : it->subject;
	it->tier = tier;
	it->enabled = true;
	choice_free(&w->choice);
	return w->n++;
}

static inline void
add(struct pool_world *w, uint32_t count)
{
	while (count-- > 0)
		add_one(w, 0, 0);
}

/* ---- rows ---- */

static inline struct board_row *
own(struct pool_world *w, uint32_t i)
{
	return board_row(w->board, w->items[i].subject, w->model, true);
}

static inline struct board_row *
whole(struct pool_world *w, uint32_t i)
{
	return board_row(w->board, w->items[i].subject, BOARD_WHOLE, true);
}

static inline struct board_row *
scope(struct pool_world *w, uint32_t i)
{
	return board_row(w->board, w->items[i].scope, w->model, true);
}

static inline void
freeze(struct board_row *row, int64_t for_ms)
{
	fitness_freeze(row,
	    &(struct fitness_freeze){ .until_ms = T0.ms + for_ms, .cause = OUTCOME_QUOTA_MINUTE },
	    T0);
}

/* Opens it for exactly so long. */
static inline void
break_for(struct board_row *row, int64_t for_ms)
{
	struct breaker_rule rule = {
		.failures = 1, .first_ms = for_ms, .most_ms = for_ms, .least_ms = for_ms
	};

	assert_true(fitness_break(row, &rule, OUTCOME_SERVER_ERROR, T0, 0));
}

/* Its breaker half-open, with its probe under way. */
static inline void
probe_it(struct pool_world *w, uint32_t i)
{
	struct moment then = { T0.ms - MINUTE, T0.wall_ms - MINUTE };
	struct breaker_rule rule = { 1, 1, 1, 1 };

	assert_true(fitness_break(own(w, i), &rule, OUTCOME_SILENT, then, 0));
	assert_true(fitness_probe(own(w, i), T0));
}

static inline void
learn(struct board_row *row, int successes, int failures)
{
	for (int i = 0; i < successes; i++)
		fitness_succeeded(row, 100, 200, T0);
	for (int i = 0; i < failures; i++)
		fitness_failed(row, OUTCOME_SERVER_ERROR, true, T0);
}

/* As pool_lend has it. */
static inline void
lend(struct pool_world *w, uint32_t i)
{
	uint64_t ticket = board_ticket(w->board);

	fitness_lent(own(w, i), ticket, T0);
	fitness_lent(whole(w, i), ticket, T0);
	fitness_lent(board_row(w->board, BOARD_EVERYONE, BOARD_WHOLE, true), ticket, T0);
}

static inline void
give_back(struct pool_world *w, uint32_t i)
{
	fitness_returned(own(w, i));
	fitness_returned(whole(w, i));
	fitness_returned(board_row(w->board, BOARD_EVERYONE, BOARD_WHOLE, true));
}

/* ---- choosing ---- */

static inline struct moment
after(int64_t ms)
{
	return (struct moment){ T0.ms + ms, T0.wall_ms + ms };
}

static inline struct choice_wish
wish(struct pool_world *w)
{
	return (struct choice_wish){ .model = w->model, .metered = true, .only = CHOICE_NONE };
}

/* The chosen one's number, or CHOICE_NONE. */
static inline uint32_t
choose(struct pool_world *w, struct choice_wish wished, struct moment now)
{
	memset(&w->why, 0, sizeof(w->why));
	if (!wished.why)
		wished.why = &w->why;
	if (!w->choice)
		w->choice = choice_new(w->board, w->items, w->n);
	choice_make(w->choice, &wished, now, &w->chance, &w->made);
	return w->made.i;
}

static inline uint32_t
chosen(struct pool_world *w)
{
	return choose(w, wish(w), T0);
}

static inline uint32_t
chosen_by_affinity(struct pool_world *w, uint64_t prefix)
{
	struct choice_wish wished = wish(w);

	wished.affinity = prefix;
	return choose(w, wished, T0);
}

#endif
