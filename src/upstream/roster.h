/*
 * Which of n credentials are worth looking at for one model, so that a choice among many need not
 * look at all: those that are awake, in no order, and those that sleep until a time.  Private
 * to a worker; knows numbers and times alone.  Waking, sleeping and drawing cost O(log n) at most.
 */
#ifndef POLLUX_UPSTREAM_ROSTER_H
#define POLLUX_UPSTREAM_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include "upstream/posterior.h"

struct roster;

struct roster *roster_new(uint32_t n); /* all awake */
void roster_free(struct roster **);
void roster_wake_all(struct roster *);
/* Those whose time has come; at most `most` of them in one call. */
void roster_wake(struct roster *, int64_t now_ms, uint32_t most);
/* Until then it is not drawn; INT64_MAX: until all are woken.  One that sleeps already keeps the
 * later time. */
void roster_sleep(struct roster *, uint32_t i, int64_t until_ms);
bool roster_is_awake(const struct roster *, uint32_t i);
uint32_t roster_awake(const struct roster *); /* how many */
int64_t roster_next_ms(const struct roster *); /* when the first of those asleep wakes; INT64_MAX */

/* One round of drawing without putting back, at random.  Whoever falls asleep during the round,
 * drawn already or not, changes nothing for the others; who wakes during it is among those still to
 * be drawn.  False: all that are awake were drawn. */
void roster_round(struct roster *);
bool roster_draw(struct roster *, struct chance *, uint32_t *i);

#endif
