#include "edge/edge_offence.h"

#include <netinet/in.h>
#include <string.h>

#include "net/address.h"

#define PREFIX_BYTES 8 /* of an IPv6 address: what one subscriber has is at least a /64 */

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

static int64_t owed_now(const struct edge_offence *offence, int64_t now_ms) {
    int64_t earned = (now_ms - offence->charged_at_ms) * EDGE_OFFENCE_PER_SECOND / 1000;
    return offence->owed > earned ? offence->owed - earned : 0;
}

/* Its place, or the place of whoever owes least in its set. */
static struct edge_offence *find_slot(struct edge_offences *offences, uint64_t address,
                                      int64_t now_ms) {
    struct edge_offence *set = offences->slots[address & (EDGE_OFFENCE_SETS - 1)];
    struct edge_offence *least = &set[0];
    for (size_t i = 0; i < EDGE_OFFENCE_WAYS; i++) {
        if (set[i].address == address) {
            return &set[i];
        }
        if (owed_now(&set[i], now_ms) < owed_now(least, now_ms)) {
            least = &set[i];
        }
    }
    *least = (struct edge_offence){.address = address, .charged_at_ms = now_ms};
    return least;
}

bool edge_offence_charge(struct edge_offences *offences, const char *ip_address, int64_t now_ms) {
    struct edge_offence *offence = find_slot(offences, hash_address(offences, ip_address), now_ms);
    int64_t owed = owed_now(offence, now_ms);
    /* Time that is too short to have earned a whole one is kept for the next look. */
    if (owed != offence->owed || owed == 0) {
        offence->charged_at_ms = now_ms;
    }
    offence->owed = owed;
    if (owed >= EDGE_OFFENCE_BURST) {
        return false;
    }
    offence->owed++;
    return true;
}
