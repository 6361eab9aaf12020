/*
 * A moment as two clocks tell it.  What is counted in seconds and minutes goes by the monotonic
 * one, which nobody sets; what is bound to a calendar day, or must survive a reboot, by the other.
 */
#ifndef POLLUX_BASE_MOMENT_H
#define POLLUX_BASE_MOMENT_H

#include <stdint.h>

struct moment {
	int64_t ms;      /* monotonic: the same clock in every process, from boot on */
	int64_t wall_ms; /* Unix time; may jump either way */
};

#endif
