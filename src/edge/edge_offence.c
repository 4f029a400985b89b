#include "edge/edge_offence.h"

#include <netinet/in.h>
#include <string.h>

#include "net/address.h"

#define PREFIX_BYTES 8 /* of an IPv6 address: what one subscriber has is at least a /64 */

static const struct allowance_rate rate = {.burst = EDGE_OFFENCE_BURST,
                                           .per_second = EDGE_OFFENCE_PER_SECOND};

void edge_offence_init(struct edge_offences *offences, uint64_t seed) {
    offences->seed = seed;
}

/* splitmix64's end: every bit of the address and of the seed counts. */
static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t hash_address(const struct edge_offences *offences, const char *ip_address) {
    struct address address;
    uint64_t bits = 0;
    if (address_from_ip(str_from(ip_address), 0, &address) == STATUS_OK) {
        if (address.storage.ss_family == AF_INET) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)&address.storage;
            bits = ntohl(in->sin_addr.s_addr);
        } else {
            const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address.storage;
            memcpy(&bits, &in6->sin6_addr, PREFIX_BYTES);
        }
    }
    uint64_t hash = mix(mix(bits + offences->seed) + offences->seed);
    return hash != 0 ? hash : 1;
}

/* Its place, or the place of whoever has the most left in its set. */
static struct edge_offence *find_slot(struct edge_offences *offences, uint64_t address,
                                      int64_t now_ms) {
    struct edge_offence *set = offences->slots[address & (EDGE_OFFENCE_SETS - 1)];
    struct edge_offence *best = NULL;
    uint64_t most = 0;
    for (size_t i = 0; i < EDGE_OFFENCE_WAYS; i++) {
        if (set[i].address == address) {
            return &set[i];
        }
        uint64_t left =
            set[i].address == 0 ? UINT64_MAX : allowance_left(&set[i].allowance, &rate, now_ms);
        if (best == NULL || left > most) {
            best = &set[i];
            most = left;
        }
    }
    best->address = address;
    allowance_init(&best->allowance, &rate, now_ms);
    return best;
}

bool edge_offence_charge(struct edge_offences *offences, const char *ip_address, int64_t now_ms) {
    struct edge_offence *offence = find_slot(offences, hash_address(offences, ip_address), now_ms);
    return allowance_take(&offence->allowance, &rate, now_ms);
}
