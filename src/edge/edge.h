/* edge.h: the data plane: visitors in, tunnels in, requests across. See docs/request-path.md.
 *
 * The main program makes a front (net/front.h) and adds the edge's two services to it: tunnels (ALPN mezusphere-tunnel/1 with the
 * edge's own server name) and visitors (every host name that a bundle carries and a certificate exists for).
 * Everything the edge knows it hears on its feed from the control plane and keeps in memory.
 */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include "base/status.h"
#include "base/str.h"
#include "net/front.h"
#include "net/loop.h"

struct edge;

struct edge_config {
    struct loop *loop;
    struct str trust_domain;
    struct str trust_anchors_pem; /* root of the internal PKI */
    struct str certificate_pem;   /* chain with the edge role */
    struct str key_pem;
    struct str tunnel_server_name; /* edge.<domain> */
    const char *control_address;   /* host:port to dial for the feed */
    struct str control_server_name;
};

/* Starts the feed at once. STATUS_INVALID, STATUS_FAILED with why. */
enum status edge_new(const struct edge_config *config, struct edge **edge,
                     struct why *why) MUST_USE;
void edge_add_services(struct edge *edge, struct front *front);
/* True when at least one warpgate is ready for this host name. */
bool edge_serves(struct edge *edge, struct str host);
/* Finishes what runs, tells tunnels and visitors to go (GOAWAY, Connection: close); on_ended once, within `grace_ms`. */
void edge_stop(struct edge *edge, int64_t grace_ms, void (*on_ended)(void *context), void *context);
void edge_free(struct edge **edge);

#endif
