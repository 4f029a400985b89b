/* presence.h: which warpgates are connected, as the edges report it. In memory, for all threads: it has a lock of its own.
 *
 * A warpgate is connected while some edge that is there reports tunnels of it. When an edge's feed breaks, what it reported last is
 * no longer known to be so: unknown, until that edge is back and has had time to report anew, or another edge reports
 * tunnels, or PRESENCE_STALE_MS have passed. At most PRESENCE_ENTRIES_MAX reports are kept.
 */
#ifndef CONTROL_PRESENCE_H
#define CONTROL_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store_warpgate.h"
#include "tunnel/feed_message.h"

#define PRESENCE_ENTRIES_MAX 100000
#define PRESENCE_SETTLE_MS 10000 /* what a returned edge has not reported after this is gone */
/* what an edge that never returns reported is gone */
#define PRESENCE_STALE_MS (INT64_C(3600) * 1000)

enum presence_status {
    PRESENCE_CONNECTED,
    PRESENCE_DISCONNECTED,
    PRESENCE_UNKNOWN,
};

const char *presence_status_name(enum presence_status status);

struct presence;

/* What is known of one warpgate. Text is empty where nothing is known. */
struct presence_view {
    enum presence_status status;
    bool is_known; /* an edge has reported it since this process began */
    int64_t seen_at_ms;
    uint64_t applied_revision;
    char ip_address[STORE_WARPGATE_IP_MAX + 1];
    char version[STORE_WARPGATE_VERSION_MAX + 1];
    char refused_code[STORE_WARPGATE_REFUSED_CODE_MAX + 1];
};

struct presence *presence_new(const struct clock *clock);
void presence_free(struct presence **presence);

/* An edge's feed begins and ends. Between the two it is believed; `presence_heard` says that it is still there. */
void presence_edge_up(struct presence *presence, const struct id *edge);
void presence_edge_down(struct presence *presence, const struct id *edge);
void presence_heard(struct presence *presence, const struct id *edge);
/* A record of type FEED_MESSAGE_WARPGATE. */
void presence_report(struct presence *presence, const struct id *edge,
                     const struct feed_message *message);
/* From time to time: drops what has become stale. */
void presence_sweep(struct presence *presence);

void presence_get(struct presence *presence, const struct id *warpgate, struct presence_view *view);
/* Warpgates that something was reported of since the last call, at most `max`; returns how many. For keeping it in the store. */
size_t presence_take_changed(struct presence *presence, struct id *warpgates, size_t max);

#endif
