/*
 * How far a call has come, and until when it may take: the states of net/fetch.c and the
 * deadlines that hold in each.  Pure; for net/fetch.c alone.
 */
#ifndef POLLUX_NET_COURSE_H
#define POLLUX_NET_COURSE_H

#include <stdbool.h>
#include <stdint.h>
#include "net/fetch_types.h"

#define COURSE_STATES(S)                                                                           \
	S(RESOLVING, "looking up the name") /* by us: of a call to public addresses only */        \
	S(CONNECTING, "connecting")                                                                \
	S(SENDING, "waiting for an answer") /* from the request's first byte on */                 \
	S(READING, "reading the answer")    /* from the final status line on */                    \
	S(OVER, "over")                     /* ended or cancelled: no event follows */

enum course_state {
#define COURSE_ENUM(state, name) COURSE_##state,
	COURSE_STATES(COURSE_ENUM)
#undef COURSE_ENUM
};

struct course {
	enum course_state state;
	int64_t first_byte_ms, idle_ms, total_ms; /* as ordered; 0: none */
	int64_t started_at, sent_at, heard_at;    /* loop time; the last two move on */
	bool paused;  /* the caller takes nothing: the upstream's silence is no fault */
	bool starved; /* the caller gives nothing to send: nor is it then */
};

struct course_deadline {
	int64_t at_ms; /* loop time; INT64_MAX: none */
	int64_t after_ms;
	enum fetch_result result; /* of a call that passes it */
};

void course_begin(struct course *, const struct fetch_order *, int64_t now_ms);
void course_move(struct course *, enum course_state);
const char *course_state_name(enum course_state);
struct course_deadline course_nearest(const struct course *);

#endif
