/*
 * The doors that ask how Pollux itself is: alive, ready, health.
 */
#ifndef POLLUX_GATE_PROBE_H
#define POLLUX_GATE_PROBE_H

#include "gate/gate.h"
#include "gate/routes.h"

/* Appends the JSON body; gives the status.  No secrets, no labels: these doors need no key. */
int probe_answer(const struct gate *, enum door, struct buf *body);

#endif
