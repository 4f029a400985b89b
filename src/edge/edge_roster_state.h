/* edge_roster_state.h: what is inside the roster. Private to edge_roster.c, which keeps it, and edge_roster_report.c, which tells it.
 *
 * Everything under the one lock.
 */
#ifndef EDGE_EDGE_ROSTER_STATE_H
#define EDGE_EDGE_ROSTER_STATE_H

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "edge/edge_roster.h"
#include "net/address.h"

#define EDGE_ROSTER_NAME_SIZE 65

/* What is known of an upstream, with a name of its own. */
struct edge_roster_upstream {
    char name[EDGE_ROSTER_NAME_SIZE];
    struct upstream_state state;
};

struct edge_roster_environment {
    struct list due_node;
    struct id id;
    unsigned seats[EDGE_WORKERS_MAX]; /* of tunnels that are not leaving */
    unsigned ready[EDGE_WORKERS_MAX];
    uint64_t applied[EDGE_WORKERS_MAX]; /* 0: the worker does not know it */
    uint64_t reported_revision;
    size_t warpgate_count;
};

struct edge_roster_warpgate {
    struct list due_node;
    struct list seats; /* struct edge_roster_seat.node */
    size_t seat_count;
    struct id id;
    struct edge_roster_environment *environment;
    char ip_address[ADDRESS_TEXT_SIZE];
    char version[65];
    char name[65];
    char refused_code[65];
    char anchors[65]; /* of its "trust" */
    char root[65];
    struct edge_roster_upstream *upstreams; /* NULL: it has said nothing of them */
    size_t upstream_count;
    uint64_t
        applied_revision; /* the newest that one of its tunnels has told: they share one policy */
    int64_t reported_at_ms;
    bool has_been_reported;
    int64_t moved_at_ms; /* 0: none of its tunnels was yet */
};

struct edge_roster_seat {
    struct list node;
    struct edge_roster *roster;
    struct edge_roster_warpgate *warpgate;
    unsigned worker;
    enum edge_roster_standing standing;
    bool is_silent; /* it stands, and nothing is answered through it */
    uint64_t applied_revision;
    int64_t surplus_since_ms; /* 0: it is not */
};

struct edge_roster {
    pthread_mutex_t lock;
    const struct clock *clock;
    unsigned worker_count;
    struct map warpgates;
    struct map environments;
    struct list due_warpgates;
    struct list due_environments;
    size_t visitors[EDGE_WORKERS_MAX];
    bool is_woken;
    void (*on_due)(void *context);
    void *context;
};

void edge_roster_lock(struct edge_roster *roster);
/* Wakes the feed's worker, once, when something is due to be told at once. */
void edge_roster_unlock(struct edge_roster *roster, bool is_due);

/* With the lock: the revision of an environment that all workers have in force; 0: not all have one. */
uint64_t edge_roster_least_revision(const struct edge_roster *roster,
                                    const struct edge_roster_environment *environment);
/* With the lock: its last tunnel has gone, and whoever had to be told of it has been. Frees. */
void edge_roster_drop_warpgate(struct edge_roster *roster, struct edge_roster_warpgate *warpgate);
/* With the lock: puts it on the list of what is to be told; whether it may be told now. */
bool edge_roster_report_soon(struct edge_roster *roster, struct edge_roster_warpgate *warpgate);

#endif
