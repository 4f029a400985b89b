/* feed_message.h: what control plane and edge say to each other.
 *
 * The edge dials the control plane: TLS 1.3 with its own certificate, ALPN mezusphere-control/1, HTTP/1.1:
 *   POST /edge/v1/feed   (chunked body: records up; 200 with a chunked body: records down; both stay open)
 *   control -> edge  {"type":"keys","jwks":{…}}                              bundle signing keys; first
 *                    {"type":"host","hostname":"…","chain":"PEM","key":"PEM"}   a visitor certificate; add or replace
 *                    {"type":"host_removed","hostname":"…"}
 *                    {"type":"environment","bundle":"JWS"}                   add or replace
 *                    {"type":"environment_removed","environment":"env_…"}
 *                    {"type":"revoked","warpgate":"wg_…","reason":"key_revoked"}   close its tunnels, refuse it from now on
 *                    {"type":"certificate","chain":"PEM"}                    answer to renew
 *                    {"type":"state","as_of":1790000000000}                  before the rest: when the control plane last knew that its state was
 *                                       the database's, wall clock in ms. An edge that has seen a later one forgets nothing because of this sync
 *                    {"type":"edges","jws":"…"}                              the signed list of edges (signed_edges.h), for warpgates
 *                    {"type":"controls","controls":[{"address":"host:port","server_name":"api.…"}]}   all control planes: keep a feed to each
 *                    {"type":"usage_taken","process":"4f…","sequence":7}     it is committed: never to be sent again
 *                    {"type":"pace","report_ms":1000}                        usage is wanted as often as that; 5 s unless told
 *                    {"type":"anchors","anchors":"PEM","issuer":"hex","renew_within_ms":5000}   all roots that are trusted, and the name of the
 *                                       one that issues: an edge whose own certificate is of another renews it within that time
 *                    {"type":"synced"}                                       the whole state has been sent; live from here
 *   edge -> control  {"type":"hello","version":"…"}                          first
 *                    {"type":"applied","environment":"env_…","revision":7}
 *                    {"type":"refused","environment":"env_…"|"","revision":7,"code":"…","detail":"…"}
 *                    {"type":"warpgate","warpgate":"wg_…","environment":"env_…","tunnels":1,"ip_address":"…","name":"…",
 *                     "version":"…","applied_revision":7,"refused_code":"…","upstreams":[{"name":"default","state":"up"}]}
 *                                       at each change, for all tunnels of this edge through which the warpgate answers, whichever of its workers have
 *                                       them; tunnels 0: gone. applied_revision is the newest that it has told on any of them.
 *                                       upstreams may be missing: then nothing is known
 *                                       anchors and root, both optional: as in its "trust" (tunnel_message.h)
 *                    {"type":"renew","csr":"PEM"}
 *                    {"type":"trust","anchors":"hex","root":"hex"}           the names (ca_rotation_anchors_name) of the roots that it trusts, and of
 *                                       the one that its own certificate is of; when synced, and when one of the two changes
 *                    {"type":"load","connections":9,"tunnels":2,"requests_per_second":40,"cpu_percent":12,"memory_bytes":50000000,
 *                     "environments":3}                                      every 5 s
 *                    {"type":"usage","process":"4f…","sequence":7,"at":1795177020000,"counts":[…],"requests":[…]}
 *                                       one at a time, on one feed: the next follows the answer "usage_taken"; what was not answered
 *                                       is sent again as it was (usage_record.h)
 * The edge's request has a field mezusphere-edge-instance: when its process began, wall clock in ms. Of two processes with one certificate the
 * younger has the feed: the other one's ends, and is answered 409 while the younger is there.
 * On "synced" the edge forgets environments and hosts that were not in this sync, unless something in it had to be refused:
 * then the last good state stays. A record {"type":"ping"} goes each way every 5 s; silence of 15 s ends the connection.
 * Unknown types are ignored.
 */
#ifndef TUNNEL_FEED_MESSAGE_H
#define TUNNEL_FEED_MESSAGE_H

#include <stdint.h>

#include <jansson.h>

#include "base/id.h"
#include "base/status.h"
#include "base/str.h"
#include "tunnel/edge_enrolment.h"
#include "tunnel/upstream_state.h"

#define FEED_PATH "/edge/v1/feed"
#define FEED_PING_MS 5000
#define FEED_SILENCE_MS 15000
/* how often usage is reported, unless the control plane asks for another pace */
#define FEED_PACE_MS 5000
#define FEED_PACE_MS_MIN 250
#define FEED_PACE_MS_MAX 60000

enum feed_message_type {
    FEED_MESSAGE_UNKNOWN,
    FEED_MESSAGE_KEYS,
    FEED_MESSAGE_HOST,
    FEED_MESSAGE_HOST_REMOVED,
    FEED_MESSAGE_ENVIRONMENT,
    FEED_MESSAGE_ENVIRONMENT_REMOVED,
    FEED_MESSAGE_REVOKED,
    FEED_MESSAGE_CERTIFICATE,
    FEED_MESSAGE_SYNCED,
    FEED_MESSAGE_HELLO,
    FEED_MESSAGE_APPLIED,
    FEED_MESSAGE_REFUSED,
    FEED_MESSAGE_WARPGATE,
    FEED_MESSAGE_RENEW,
    FEED_MESSAGE_USAGE,
    FEED_MESSAGE_USAGE_TAKEN,
    FEED_MESSAGE_PACE,
    FEED_MESSAGE_STATE,
    FEED_MESSAGE_EDGES,
    FEED_MESSAGE_CONTROLS,
    FEED_MESSAGE_LOAD,
    FEED_MESSAGE_ANCHORS,
    FEED_MESSAGE_TRUST,
    FEED_MESSAGE_PING,
};

/* What an edge has to do. */
struct feed_load {
    unsigned connections; /* of visitors */
    unsigned tunnels;     /* that carry requests */
    unsigned requests_per_second;
    unsigned
        cpu_percent; /* of one CPU, over the last seconds: several workers may use more than 100 */
    uint64_t memory_bytes;
    unsigned environments; /* that it serves */
};

#define FEED_INSTANCE_FIELD "mezusphere-edge-instance"

/* Only the members of the type are set. Text is borrowed from the object read. */
struct feed_message {
    enum feed_message_type type;
    const json_t *jwks;
    struct str hostname, chain, key;
    struct str bundle;
    struct id environment;
    struct id warpgate;
    struct str reason;
    struct str version, name, ip_address;
    uint64_t revision; /* APPLIED, REFUSED; WARPGATE: applied_revision */
    unsigned tunnels;
    struct str code, detail; /* REFUSED; WARPGATE: code = refused_code, may be empty */
    struct upstream_state upstreams[UPSTREAM_STATE_MAX]; /* WARPGATE */
    size_t upstream_count;
    struct str csr;
    uint64_t as_of_ms;             /* STATE */
    struct str edges;              /* EDGES: JWS */
    struct edge_controls controls; /* CONTROLS */
    struct feed_load load;         /* LOAD */
    struct str anchors;            /* ANCHORS: PEM; TRUST, WARPGATE: their name */
    struct str issuer;             /* ANCHORS */
    struct str root;               /* TRUST, WARPGATE */
    unsigned renew_within_ms;      /* ANCHORS */
    struct str process;            /* USAGE, USAGE_TAKEN: of the edge's process; hexadecimal */
    uint64_t sequence;             /* likewise: from 1, rising */
    uint64_t at_ms;                /* USAGE */
    const json_t *counts;          /* USAGE: arrays, their members not looked at yet */
    const json_t *requests;
    unsigned report_ms; /* PACE */
};

enum status feed_message_read(const json_t *object, struct feed_message *message,
                              struct why *why) MUST_USE;
json_t *feed_message_write(const struct feed_message *message);

#endif
