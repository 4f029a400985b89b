/* presence.h: which warpgates are connected, as the edges report it. In memory, for all threads: it has a lock of its own.
 *
 * A warpgate is connected while some edge that is there reports tunnels of it: those whose whole path was proved of late
 * (edge_probe.h). When an edge's feed breaks, what it reported last is
 * no longer known to be so: unknown, until that edge is back and has had time to report anew, or another edge reports
 * tunnels, or PRESENCE_STALE_MS have passed. At most PRESENCE_ENTRIES_MAX reports are kept, and as many of what edges have
 * applied. An edge is one process with one feed, however many workers it has: its report is of all of them.
 */
#ifndef CONTROL_PRESENCE_H
#define CONTROL_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/bundle.h"
#include "store/store_warpgate.h"
#include "tunnel/feed_message.h"

#define PRESENCE_ENTRIES_MAX 100000
#define PRESENCE_UPSTREAMS_MAX UPSTREAM_STATE_MAX
#define PRESENCE_SETTLE_MS 10000 /* what a returned edge has not reported after this is gone */
/* What an edge that does not return reported is gone; so long nothing is said while no edge is there. */
#define PRESENCE_STALE_MS 60000
#define PRESENCE_EDGE_KEEP_MS (INT64_C(3600) * 1000) /* an edge that is away is remembered */
#define PRESENCE_TUNNEL_EDGES_MAX 16

enum presence_status {
    PRESENCE_CONNECTED,
    PRESENCE_DISCONNECTED,
    PRESENCE_UNKNOWN,
};

const char *presence_status_name(enum presence_status status);

struct presence;

struct presence_upstream {
    char name[BUNDLE_UPSTREAM_NAME_MAX + 1];
    bool is_known; /* false: neither up nor down */
    bool is_up;
};

/* A new list of {"name", "state"} for an answer. */
json_t *presence_write_upstreams(const struct presence_upstream *upstreams, size_t count);

/* What is known of one warpgate. Text is empty where nothing is known. */
struct presence_view {
    enum presence_status status;
    unsigned tunnel_count; /* at all edges that are there */
    struct presence_upstream
        upstreams[PRESENCE_UPSTREAMS_MAX]; /* of one that is not connected: none */
    size_t upstream_count;
    bool is_known; /* an edge has reported it since this process began */
    int64_t seen_at_ms;
    int64_t told_at_ms; /* of the upstreams */
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
/* Records of type FEED_MESSAGE_APPLIED and FEED_MESSAGE_REFUSED: which bundle an edge decides by. */
void presence_edge_applied(struct presence *presence, const struct id *edge,
                           const struct feed_message *message);
/* The newest revision that edges are to apply. */
void presence_newest(struct presence *presence, const struct id *environment, uint64_t revision);
/* The environment is no more. */
void presence_forget(struct presence *presence, const struct id *environment);
/* From time to time: drops what has become stale. */
void presence_sweep(struct presence *presence);

void presence_get(struct presence *presence, const struct id *warpgate, struct presence_view *view);

/* The tunnels that one edge reports. */
struct presence_tunnels {
    struct id edge;
    unsigned count;
};

/* Of one warpgate, at edges that are there: at most `max`; returns how many. */
size_t presence_tunnels(struct presence *presence, const struct id *warpgate,
                        struct presence_tunnels *tunnels, size_t max);

/* Of one warpgate, what a stream tells. */
struct presence_brief {
    struct id id;
    enum presence_status status;
    unsigned tunnel_count;
    uint64_t applied_revision;
    char refused_code[STORE_WARPGATE_REFUSED_CODE_MAX + 1];
};

/* Of each warpgate of the environment that is known; NULL for none, else the caller's to memory_free. */
struct presence_brief *presence_list(struct presence *presence, const struct id *environment,
                                     size_t *count);
/* How many warpgates are known, at most PRESENCE_ENTRIES_MAX. */
size_t presence_count(struct presence *presence);
/* Another number whenever a view of some warpgate may have changed. */
uint64_t presence_generation(struct presence *presence);

/* What is known of one environment: of the warpgates that were reported since this process began. */
struct presence_summary {
    size_t edge_count; /* edges that are there: without any, nothing is known */
    unsigned connected_count;
    unsigned unknown_count;
    unsigned behind_count;   /* of the connected: an older bundle is in force there */
    unsigned refused_count;  /* of the connected: they refused the newest one that they saw */
    unsigned down_count;     /* of the connected: all their upstreams are down */
    unsigned impaired_count; /* of the connected: some upstream of theirs is down */
    unsigned tunnel_count;
    /* The best that a connected warpgate says: up before unknown before down. */
    struct presence_upstream upstreams[PRESENCE_UPSTREAMS_MAX];
    size_t upstream_count;
};

void presence_summarize(struct presence *presence, const struct id *environment,
                        uint64_t bundle_revision, struct presence_summary *summary);

/* One edge's view of one environment. */
struct presence_edge {
    struct id edge;
    uint64_t applied_revision; /* 0: none yet */
    char refused_code[STORE_WARPGATE_REFUSED_CODE_MAX + 1];
};

/* Edges that are there, at most `max`; returns how many. */
size_t presence_edges(struct presence *presence, const struct id *environment,
                      struct presence_edge *edges, size_t max);

/* What one edge has applied, of all environments; each at its newest revision (presence_newest). */
struct presence_edge_count {
    size_t applied;
    size_t refused;
    size_t behind;
};

void presence_edge_count(struct presence *presence, const struct id *edge,
                         struct presence_edge_count *count);

/* Warpgates that something was reported of since the last call, at most `max`; returns how many. For keeping it in the store. */
size_t presence_take_changed(struct presence *presence, struct id *warpgates, size_t max);

#endif
