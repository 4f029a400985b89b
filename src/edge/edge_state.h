/* edge_state.h: what the parts of one edge share. Private to src/edge.
 *
 * struct edge is the process's: configuration, TLS contexts, the feed, the roster, and the workers. struct edge_worker is what
 * runs on one loop, on one thread. A worker touches its own members alone, and of its edge what stands under "any thread":
 * made before the workers run, with a lock of its own, or atomic.
 * Ownership: the worker owns environments, visitors and tunnels; a request is owned by its visitor's stream.
 */
#ifndef EDGE_EDGE_STATE_H
#define EDGE_EDGE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "edge/edge.h"
#include "edge/edge_meter.h"
#include "edge/edge_offence.h"
#include "edge/edge_roster.h"
#include "pki/ca_rotation.h"
#include "pki/jws.h"
#include "tunnel/feed_message.h"

struct edge_disk;
struct edge_feeds;
struct edge_usage;

enum edge_phase {
    EDGE_RUNNING,
    EDGE_STOPPING, /* finishing what runs */
    EDGE_ENDED,
};

/* See edge_shed.h. */
enum edge_pressure {
    EDGE_PRESSURE_NONE,
    EDGE_PRESSURE_HIGH,   /* nothing new */
    EDGE_PRESSURE_SEVERE, /* and less of what there is */
};

/* How far a worker is; set by edge_worker.c alone. It goes only onwards, and from any but the first two straight to ENDED once nothing
 * runs. The figures are there. */
enum edge_worker_state {
    EDGE_WORKER_RUNNING,
    EDGE_WORKER_LEAVING,   /* tunnels and visitors have been told, and get the time to hear it */
    EDGE_WORKER_FINISHING, /* what runs, until the grace is over */
    EDGE_WORKER_PARTING,   /* the ends of WebSockets have been sent Close */
    EDGE_WORKER_CLOSING,   /* visitors are being closed in an orderly way */
    EDGE_WORKER_CUTTING,   /* those that were left, at once */
    EDGE_WORKER_ENDED,
};

struct edge_worker;

/* See edge_trust.h. */
struct edge_trust {
    struct buf anchors_pem;
    struct buf chain_pem;          /* the edge's own */
    char anchors[CA_ANCHORS_SIZE]; /* their name */
    char issuer[CA_ANCHORS_SIZE];  /* the root that issues; empty: not told yet */
    char root[CA_ANCHORS_SIZE];    /* that the edge's own certificate is of */
};

struct edge {
    /* the main loop's thread */
    struct loop *loop;
    enum edge_phase phase;
    struct edge_feeds *feeds;
    struct edge_usage *usage;
    struct edge_disk *disk;   /* borrowed; NULL: nothing is kept */
    uint64_t instance;        /* wall ms: when this process began */
    uint64_t sync_count;      /* of all feeds: see edge_hear.h */
    uint64_t newest_as_of_ms; /* wall: of the newest state that a control plane had */
    uint64_t edges_revision;  /* of the list of edges */
    struct map host_names;    /* whose certificates we have -> generation that told, and one */
    struct map revocations;   /* warpgate id -> the same */
    bool has_synced;
    struct loop_task loaded_task;
    void (*on_certificate)(void *context, struct str chain_pem); /* may be NULL */
    void *certificate_context;
    struct feed_load load; /* edge_load.h */
    int64_t load_at_ms;
    int64_t load_cpu_us;
    uint64_t load_requests;
    EVP_PKEY *key;                   /* of this edge's own certificate */
    int64_t certificate_renew_at_ms; /* wall */
    struct edge_trust trust;
    unsigned running; /* workers that have not ended yet */
    unsigned closing; /* workers whose fronts have not ended yet */
    void (*on_synced)(void *context);
    void *synced_context;
    void (*on_ended)(void *context);
    void *ended_context;
    void (*on_closed)(void *context);
    void *closed_context;

    /* any thread */
    char trust_domain[256];
    char tunnel_server_name[256];
    struct tls_context *visitor_tls;
    struct tls_context *tunnel_tls;
    struct tls_context *control_tls;
    struct tls_ticket_ring *tickets;
    size_t memory_limit_bytes;     /* 0: none */
    size_t visitor_max;            /* 0: none */
    atomic_int pressure;           /* enum edge_pressure */
    atomic_bool has_feed;          /* some control plane tells us what changes */
    _Atomic int64_t feed_since_ms; /* monotonic: since then it has been so, or not so */
    struct edge_roster *roster;
    struct edge_worker *workers[EDGE_WORKERS_MAX];
    unsigned worker_count;
    unsigned worker_goal; /* as configured: how many there will be */
};

struct edge_worker {
    struct edge *edge;          /* NULL in tests of one worker */
    struct edge_roster *roster; /* the edge's; likewise */
    unsigned index;
    struct loop *loop;            /* the main loop for the first; the others own theirs */
    struct loop_mailbox *mailbox; /* of that loop, for lessons */
    pthread_t thread;             /* of the others */
    bool has_thread;
    enum edge_worker_state state;
    struct front *fronts[EDGE_LISTENERS_MAX];
    size_t front_count;
    struct loop_timer close_timer; /* while its fronts end their handshakes */
    int64_t close_by_ms;
    uint64_t flawed_generation;  /* the newest sync of which something was refused */
    struct id offered;           /* the environment of the last bundle that was well signed */
    struct buf edges_jws;        /* the signed list of edges, for warpgates; empty: none yet */
    atomic_ullong request_count; /* any thread may read it */
    struct jws_keys bundle_keys;
    struct map environments; /* id -> struct edge_environment */
    struct map hosts;        /* canonical host name -> struct edge_environment */
    struct map revoked;      /* warpgate ids: refused for good */
    size_t visitor_count;
    size_t visitor_peak;  /* since memory was last given back */
    struct list visitors; /* struct edge_visitor.node */
    struct list tunnels;  /* struct edge_tunnel.node, also those not ready */
    /* struct edge_request.unread.node: bytes of the answer wait for the visitor; likewise */
    struct list unread;
    size_t unread_bytes;
    int64_t started_ms;  /* monotonic */
    struct wheel wheel;  /* struct edge_request.deadline.entry */
    size_t parked_count; /* requests that wait for a tunnel */
    struct edge_meter meter;
    struct list switched; /* struct edge_switch.node: what has become a WebSocket */
    struct edge_offences offences;
    struct loop_timer sweep_timer;
    struct random_seeded request_ids; /* not secrets: a cheap generator will do */
    struct loop_timer end_timer;      /* from LEAVING on: to the next state */
    int64_t grace_ms;
    unsigned open_timers;
};

/* A feed was synced, or is gone. */
void edge_note_feed(struct edge *edge);
/* The edge knows enough to serve: says so, the first time. */
void edge_note_synced(struct edge *edge);
/* The feeds are to be told what is due. */
void edge_report_due(struct edge *edge);
/* Takes a renewed certificate into use for new connections. */
void edge_take_certificate(struct edge *edge, struct str chain_pem);
/* Asks for a new one when half of its life is over; called every few seconds while the feed is up. */
void edge_check_certificate(struct edge *edge);

/* The empty tables of a zeroed worker, in one place for workers and for tests that need neither TLS nor a feed. `seed`: of
 * request ids. */
void edge_worker_init(struct edge_worker *worker, struct loop *loop, uint64_t seed);
/* Called by visitors and tunnels as they go: ends the worker when it is stopping and nothing runs. */
void edge_check_ended(struct edge_worker *worker);

#endif
