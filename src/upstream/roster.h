/*
 * Which of n credentials are worth looking at for one model, so that a choice among many need not
 * look at all: those that are awake, in no order, and those that sleep until a time.  Private
 * to a worker; knows numbers and times, and how many sleep for which reason.  Waking, sleeping and
 * drawing cost O(log n) at most.
 */
#ifndef POLLUX_UPSTREAM_ROSTER_H
#define POLLUX_UPSTREAM_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include "upstream/posterior.h"

#define ROSTER_WHYS 16

struct roster;

struct roster *roster_new(uint32_t n); /* all awake */
void roster_free(struct roster **);
void roster_wake_all(struct roster *);
/* Those whose time has come; at most `most` of them in one call. */
void roster_wake(struct roster *, int64_t now_ms, uint32_t most);
/* Until then it is not drawn; INT64_MAX: until all are woken.  One that sleeps already keeps the
 * later time, with its reason.  why: below ROSTER_WHYS; what it means is the caller's affair. */
void roster_sleep(struct roster *, uint32_t i, int64_t until_ms, unsigned why);
bool roster_is_awake(const struct roster *, uint32_t i);
uint32_t roster_awake(const struct roster *); /* how many */
const uint32_t *roster_asleep(const struct roster *); /* [ROSTER_WHYS]: how many for each reason */
int64_t roster_next_ms(const struct roster *); /* when the first of those asleep wakes; INT64_MAX */

/* One round of drawing without putting back, at random.  Whoever falls asleep during the round,
 * drawn already or not, changes nothing for the others; who wakes during it is among those still to
 * be drawn.  False: all that are awake were drawn. */
void roster_round(struct roster *);
bool roster_draw(struct roster *, struct chance *, uint32_t *i);
/* Draws this one.  False: it sleeps, or was drawn in this round. */
bool roster_take(struct roster *, uint32_t i);

#endif
