/* edge_offence.h: what visitors cost by giving up, counted by address over all their connections.
 *
 * A session has a budget of its own (http/h2_budget.h), and ends when it is overdrawn; whoever then comes again with another
 * connection would begin anew. Here a cancelled request is charged to the address (IPv6: its /64): EDGE_OFFENCE_BURST at once,
 * EDGE_OFFENCE_PER_SECOND more each second, which a large office behind one address does not reach. Beyond that each further
 * cancel costs the connection that it came on.
 * A table of fixed size: an address that finds no place takes that of the one in its set that has the most left. One thread.
 */
#ifndef EDGE_EDGE_OFFENCE_H
#define EDGE_EDGE_OFFENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/allowance.h"

#define EDGE_OFFENCE_BURST 2000
#define EDGE_OFFENCE_PER_SECOND 250
#define EDGE_OFFENCE_SETS 256 /* a power of two */
#define EDGE_OFFENCE_WAYS 4

struct edge_offence {
    uint64_t address;           /* hashed; 0: free */
    struct allowance allowance; /* of cancels */
};

struct edge_offences {
    uint64_t seed; /* so that nobody can choose addresses that fall together */
    struct edge_offence slots[EDGE_OFFENCE_SETS][EDGE_OFFENCE_WAYS];
};

/* `offences` is zeroed memory. */
void edge_offence_init(struct edge_offences *offences, uint64_t seed);
/* One cancel from `ip_address` ("192.0.2.1", "2001:db8::1"). False: the address is over its limit. */
bool edge_offence_charge(struct edge_offences *offences, const char *ip_address, int64_t now_ms);

#endif
