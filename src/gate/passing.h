/*
 * Which headers of a request that is handed on as it is pass, and which of its answer: two lists.
 * What is not on them stays here.  Pure.
 */
#ifndef POLLUX_GATE_PASSING_H
#define POLLUX_GATE_PASSING_H

#include <stdbool.h>
#include "base/span.h"

bool passing_up(struct span name);
bool passing_down(struct span name);

#endif
