/* presence_state.h: what presence.h keeps. Private to it: presence.c takes reports, presence_view.c makes views of them.
 *
 * Everything is under the lock, which each public function takes once.
 */
#ifndef CONTROL_PRESENCE_STATE_H
#define CONTROL_PRESENCE_STATE_H

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "control/presence.h"

/* What one edge said last of one warpgate. */
struct report {
    struct list node; /* in its warpgate's reports */
    struct id edge;
    unsigned tunnels;
    bool is_stale;          /* its edge is not there, or is back and has not repeated it */
    int64_t stale_until_ms; /* mono: when it is dropped */
    int64_t seen_at_ms;     /* wall */
    uint64_t applied_revision;
    char ip_address[STORE_WARPGATE_IP_MAX + 1];
    char version[STORE_WARPGATE_VERSION_MAX + 1];
    char refused_code[STORE_WARPGATE_REFUSED_CODE_MAX + 1];
    struct presence_upstream *upstreams; /* owned */
    size_t upstream_count;
};

struct warpgate_reports {
    struct list reports;
    struct list changed_node;     /* linked while something is to be kept */
    struct list environment_node; /* in its environment's warpgates */
    struct id id;
    struct id environment;
};

struct environment_entry {
    struct list warpgates;
};

/* What one edge applied of one environment. */
struct applied {
    uint64_t revision;
    char refused_code[STORE_WARPGATE_REFUSED_CODE_MAX + 1];
};

struct edge_entry {
    struct id id;
    bool is_up;
    int64_t heard_at_ms; /* wall */
    struct map applied;  /* environment id -> struct applied */
};

struct presence {
    pthread_mutex_t lock;
    const struct clock *clock;
    struct map warpgates;    /* id -> struct warpgate_reports */
    struct map environments; /* id -> struct environment_entry */
    struct map edges;        /* id -> struct edge_entry */
    struct map newest;       /* environment id -> its newest revision */
    struct list changed;
    size_t report_count;
    size_t applied_count;
    size_t up_count;
    int64_t alone_since_ms; /* mono: no edge is there, since then */
    uint64_t generation;    /* see presence_generation */
};

#endif
