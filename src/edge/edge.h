/* edge.h: the data plane of one process: visitors in, tunnels in, requests across. See docs/request-path.md.
 *
 * Several workers, each with a loop and a thread of its own; the first runs on the main loop. They share nothing but TLS contexts and
 * the roster (edge_roster.h). All functions are for the main loop's thread, and so are all callbacks but `add_services`.
 * Each worker has a front on each listening socket, with the edge's two services: tunnels (ALPN mezusphere-tunnel/1 with the
 * edge's own server name) and visitors (every host name that a bundle carries and a certificate exists for).
 * Everything the edge knows it hears on its feeds from control planes and keeps in memory, and, where it has a data folder, on its disk: it
 * serves by that from the start, whether or not a control plane can be reached.
 */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include "base/status.h"
#include "base/str.h"
#include "net/front.h"
#include "net/loop.h"
#include "net/tls_ticket.h"

struct edge;
struct edge_controls;
struct edge_disk;

#define EDGE_LISTENERS_MAX 8
#define EDGE_WORKERS_MAX 8

struct edge_config {
    struct loop *loop;
    unsigned worker_count; /* 1 to 8; the first is the main loop's */
    struct str trust_domain;
    struct str trust_anchors_pem; /* root of the internal PKI */
    struct str certificate_pem;   /* chain with the edge role */
    struct str key_pem;
    struct str tunnel_server_name; /* edge.<domain> */
    /* A descriptor that is connected to a control plane in this very process; -1: there is none now. May be NULL. */
    int (*connect_control)(void *context);
    void *connect_context;
    const char *control_address; /* host:port to dial where there is none */
    struct str control_server_name;
    const struct edge_controls *controls; /* instead of these two: several; NULL: none */
    struct edge_disk *disk; /* where what is heard is kept, and is to be read from; NULL: nowhere */
    /* The certificate was renewed: to be kept. May be NULL. */
    void (*on_certificate)(void *context, struct str chain_pem);
    void *certificate_context;
    size_t memory_limit_bytes; /* see edge_shed.h; 0: none */
    size_t
        visitor_max; /* connections of visitors at a time; 0: as many as there are descriptors for */
    struct str ticket_keys; /* of the process that this one replaces; empty: none */
    /* The edge has heard everything, for the first time, or had it on its disk: it can serve. */
    void (*on_synced)(void *context);
    void *synced_context;
};

/* Starts the workers and the feed; nothing is accepted yet. STATUS_INVALID, STATUS_FAILED with why. */
enum status edge_new(const struct edge_config *config, struct edge **edge,
                     struct why *why) MUST_USE;
/* Accepts on listening sockets, each of which the edge duplicates for each worker. `add_services` is called on each worker's thread
 * for each front, to add what else answers there; what it adds lives until edge_close has ended. STATUS_FAILED with why. */
enum status edge_open(struct edge *edge, const int *fds, size_t count,
                      void (*add_services)(void *context, struct front *front), void *context,
                      struct why *why) MUST_USE;
/* Accepts no more on any worker; connections live on. `on_closed` once, when the handshakes under way have ended, or have been cut after a
 * second. Then it may be opened again. */
void edge_close(struct edge *edge, void (*on_closed)(void *context), void *context);
/* The keys of session tickets, for a successor: a secret, which the caller wipes. Returns the length. */
size_t edge_export_tickets(struct edge *edge, uint8_t out[TLS_TICKET_BLOB_MAX]);
/* Tunnels that carry requests. */
size_t edge_tunnel_count(struct edge *edge);
/* True when at least one warpgate is ready for this host name. */
bool edge_serves(struct edge *edge, struct str host);
/* How an edge ends. */
enum edge_farewell {
    EDGE_FAREWELL_STOP,    /* for good: warpgates are to find another edge, if there is one */
    EDGE_FAREWELL_REPLACE, /* another process has taken over the port: warpgates find it there, and keep their tunnels here meanwhile */
};
/* After edge_close: finishes what runs, tells tunnels and visitors to go (GOAWAY, Connection: close); on_ended once, at the latest
 * some two seconds after `grace_ms`: WebSockets get one of them to end, connections the other (docs/operations.md); and another two
 * where the control plane does not take what was counted last (edge_usage.h). */
void edge_stop(struct edge *edge, enum edge_farewell farewell, int64_t grace_ms,
               void (*on_ended)(void *context), void *context);
/* After it has ended, or before it was opened. Waits for the threads. */
void edge_free(struct edge **edge);

#endif
