/* tunnel_message.h: what edge and warpgate say to each other on the control stream (docs/protocol.md).
 *
 * The edge opens the tunnel's first HTTP/2 stream: POST /mezusphere/control, :authority "edge". Its request body carries
 * records to the warpgate, the response body (status 200) records back. Both stay open as long as the tunnel.
 *   edge -> warpgate  {"type":"bundle","jws":"…"}            the environment's configuration, first and on each change
 *                     {"type":"tunnels","count":1}           how many tunnels this edge wants from this warpgate (1..8)
 *                     {"type":"drain"}                       make a new tunnel, then let this one end
 *                     {"type":"replace"}                     make a new tunnel, which finds another process there; this one the edge ends
 *                     {"type":"revoked","reason":"…"}        credentials are void: do not reconnect with them
 *                     {"type":"edges","jws":"…"}             the signed list of all edges (signed_edges.h): keep tunnels to each
 *   warpgate -> edge  {"type":"hello","version":"0.1.0","name":"…","capabilities":[…],"upstreams":["default"]}   first
 *                     {"type":"applied","revision":7}
 *                     {"type":"refused","revision":7,"code":"…","detail":"…"}
 *                     {"type":"health","upstreams":[{"name":"default","state":"up"}]}      up, down or unknown
 *                     {"type":"trust","anchors":"hex","root":"hex"}   names (ca_rotation_anchors_name) of the roots that it trusts, and of the one that its
 *                                       own certificate is of; after hello, and when one of the two changes
 * Unknown types are ignored (a newer peer); unknown members of known types are refused.
 */
#ifndef TUNNEL_TUNNEL_MESSAGE_H
#define TUNNEL_TUNNEL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/status.h"
#include "base/str.h"
#include "tunnel/upstream_state.h"

#define TUNNEL_CONTROL_PATH "/mezusphere/control"
#define TUNNEL_CONTROL_AUTHORITY "edge"
/* What the warpgate answers itself; no request of a visitor, since it names no environment. */
#define TUNNEL_PROBE_PATH "/mezusphere/probe"
#define TUNNEL_CAPABILITY_PROBE "probe"
#define TUNNEL_UPSTREAMS_MAX UPSTREAM_STATE_MAX
#define TUNNEL_COUNT_MAX 8

enum tunnel_message_type {
    TUNNEL_MESSAGE_UNKNOWN, /* ignore */
    TUNNEL_MESSAGE_BUNDLE,
    TUNNEL_MESSAGE_TUNNELS,
    TUNNEL_MESSAGE_DRAIN,
    TUNNEL_MESSAGE_REPLACE,
    TUNNEL_MESSAGE_REVOKED,
    TUNNEL_MESSAGE_HELLO,
    TUNNEL_MESSAGE_APPLIED,
    TUNNEL_MESSAGE_REFUSED,
    TUNNEL_MESSAGE_HEALTH,
    TUNNEL_MESSAGE_EDGES,
    TUNNEL_MESSAGE_TRUST,
};

/* Text is borrowed from the JSON object that was read. */
struct tunnel_message {
    enum tunnel_message_type type;
    struct str jws;           /* BUNDLE, EDGES */
    unsigned count;           /* TUNNELS */
    struct str reason;        /* REVOKED */
    struct str version, name; /* HELLO: at most 64 bytes each, printable ASCII without spaces */
    struct upstream_state upstreams[TUNNEL_UPSTREAMS_MAX]; /* HELLO: names alone; HEALTH */
    size_t upstream_count;
    bool has_probe;           /* HELLO: the capability "probe" */
    uint64_t revision;        /* APPLIED, REFUSED */
    struct str code, detail;  /* REFUSED: at most 64 and 256 bytes */
    struct str anchors, root; /* TRUST: at most 64 bytes of [A-Za-z0-9._-] */
};

/* STATUS_INVALID with why. */
enum status tunnel_message_read(const json_t *object, struct tunnel_message *message,
                                struct why *why) MUST_USE;
/* A new object; json_decref it. */
json_t *tunnel_message_write(const struct tunnel_message *message);

#endif
