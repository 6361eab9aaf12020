/*
 * How far a call has come, and until when it may take.
 *
 * Pure.  Runs wherever net/fetch.c does; owns nothing.
 */
#include "net/course.h"

#include <assert.h>

const char *
course_state_name(enum course_state state)
{
	static const char *const names[] = {
#define COURSE_NAME(state, name) name,
		COURSE_STATES(COURSE_NAME)
#undef COURSE_NAME
	};

	assert((size_t)state < sizeof(names) / sizeof(names[0]));
	return names[state];
}

void
course_begin(struct course *c, const struct fetch_order *order, int64_t now_ms)
{
	*c = (struct course){
		.state = order->public_only ? COURSE_RESOLVING : COURSE_CONNECTING,
		.first_byte_ms = order->first_byte_timeout_ms,
		.idle_ms = order->idle_timeout_ms,
		.total_ms = order->total_timeout_ms,
		.started_at = now_ms,
	};
}

void
course_move(struct course *c, enum course_state to)
{
	static const unsigned allowed[] = {
		[COURSE_RESOLVING] = 1u << COURSE_CONNECTING | 1u << COURSE_OVER,
		[COURSE_CONNECTING] = 1u << COURSE_SENDING | 1u << COURSE_OVER,
		/* Once more: by us from the start, or by curl within itself. */
		[COURSE_SENDING] = 1u << COURSE_CONNECTING | 1u << COURSE_SENDING |
				   1u << COURSE_READING | 1u << COURSE_OVER,
		[COURSE_READING] = 1u << COURSE_OVER,
		[COURSE_OVER] = 0,
	};

	assert(allowed[c->state] & 1u << to);
	c->state = to;
}

static void
consider(
    struct course_deadline *nearest, int64_t from_ms, int64_t after_ms, enum fetch_result result)
{
	if (after_ms > 0 && from_ms + after_ms < nearest->at_ms)
		*nearest = (struct course_deadline){ from_ms + after_ms, after_ms, result };
}

struct course_deadline
course_nearest(const struct course *c)
{
	struct course_deadline nearest = { .at_ms = INT64_MAX };

	if (c->state == COURSE_OVER)
		return nearest;
	consider(&nearest, c->started_at, c->total_ms, FETCH_TOTAL_SLOW);
	if (c->state == COURSE_SENDING && !c->starved)
		consider(&nearest, c->sent_at, c->first_byte_ms, FETCH_FIRST_BYTE_SLOW);
	if (c->state == COURSE_READING && !c->paused)
		consider(&nearest, c->heard_at, c->idle_ms, FETCH_IDLE);
	return nearest;
}
