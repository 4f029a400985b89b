/* edge_presence.h: which edges have a feed here, and how much they have to do, as they report it. In memory, for all threads: it has a
 * lock of its own. What is kept of it is in the store (store_edge.h), written from time to time.
 */
#ifndef CONTROL_EDGE_PRESENCE_H
#define CONTROL_EDGE_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "net/address.h"
#include "store/store_edge.h"
#include "tunnel/feed_message.h"

struct edge_presence;

struct edge_presence_view {
    bool is_connected;
    bool is_known; /* it has had a feed since this process began */
    int64_t seen_at_ms;
    char version[STORE_EDGE_VERSION_MAX + 1];
    char ip_address[ADDRESS_TEXT_SIZE];
    int64_t certificate_until_ms;
    bool has_load;
    struct feed_load load;
};

struct edge_presence *edge_presence_new(const struct clock *clock);
void edge_presence_free(struct edge_presence **presence);

/* Its feed begins: with this certificate, from there. */
void edge_presence_up(struct edge_presence *presence, const struct id *edge, const char *ip_address,
                      int64_t certificate_until_ms);
void edge_presence_down(struct edge_presence *presence, const struct id *edge);
void edge_presence_heard(struct edge_presence *presence, const struct id *edge);
void edge_presence_version(struct edge_presence *presence, const struct id *edge,
                           struct str version);
void edge_presence_renewed(struct edge_presence *presence, const struct id *edge,
                           int64_t certificate_until_ms);
void edge_presence_load(struct edge_presence *presence, const struct id *edge,
                        const struct feed_load *load);

/* All zero where nothing is known. */
void edge_presence_get(struct edge_presence *presence, const struct id *edge,
                       struct edge_presence_view *view);
/* Those with news since the last call, at most `max`; returns how many. For keeping it in the store. */
size_t edge_presence_take_changed(struct edge_presence *presence, struct id *edges, size_t max);

#endif
