/*
 * Which credentials are nearest to how a prompt begins, the nearest first.  Follows from the keys
 * and the prefix alone: the same in every worker and after a restart, and nothing is remembered.
 *
 * Up to AFFINITY_NEIGHBOURS all of them, in the order of rendezvous hashing.  Of more, the ones
 * that follow the prefix on a ring of hashes, in that order too: so the cost does not grow with
 * their number.  One more credential takes its share of the prefixes from others and leaves the
 * rest where they were; of more than the neighbours, as many again change their order.
 */
#ifndef POLLUX_UPSTREAM_AFFINITY_H
#define POLLUX_UPSTREAM_AFFINITY_H

#include <stdint.h>

#define AFFINITY_NEIGHBOURS 16

struct affinity;

/* keys[0 .. n): those that are 0 take no part.  They are copied. */
struct affinity *affinity_new(const uint64_t *keys, uint32_t n);
void affinity_free(struct affinity **);
/* Numbers of keys, the nearest first; gives how many. */
uint32_t affinity_near(
    const struct affinity *, uint64_t prefix, uint32_t near[AFFINITY_NEIGHBOURS]);

#endif
