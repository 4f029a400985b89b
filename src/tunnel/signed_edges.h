/* signed_edges.h: the list of edges, as the control plane signs it for warpgates: where to keep tunnels, and whom not to believe any more.
 *
 * A JWS of type SIGNED_EDGES_TYPE by the keys that sign bundles; edges carry it (feed_message.h, tunnel_message.h) and cannot change it.
 *   {"revision":1790000000000,"edges":[{"address":"host:port","server_name":"edge.…"}],"revoked":["edg_…"],
 *    "anchors":"PEM","issuer":"hex","renew_within_ms":5000}
 * The revision is the wall clock in ms when it was signed: of two lists the newer holds. `edges` may be empty; at most ENROLMENT_EDGES_MAX.
 * `revoked`: edges whose certificates are void although they have not expired, the newest SIGNED_EDGES_REVOKED_MAX.
 * `anchors`: the roots of the internal CA that are trusted from now on; `issuer`: the name (ca_rotation_anchors_name) of the one that issues: whose
 * certificate is of another renews it within that time. All three may be missing: then nothing is said of it. Pure; any thread.
 */
#ifndef TUNNEL_SIGNED_EDGES_H
#define TUNNEL_SIGNED_EDGES_H

#include <jansson.h>

#include "base/id.h"
#include "pki/jws.h"
#include "tunnel/enrolment.h"

#define SIGNED_EDGES_TYPE "mezusphere-edges"
#define SIGNED_EDGES_BYTES_MAX (32u << 10) /* of the payload */
#define SIGNED_EDGES_REVOKED_MAX 128
#define SIGNED_EDGES_ANCHORS_MAX 16384
#define SIGNED_EDGES_RENEW_MS_MAX (3600 * 1000)

struct signed_edges {
    json_t *
        tree; /* owned: what the texts below are borrowed from; NULL in one that is to be written */
    uint64_t revision;
    struct enrolment_edge edges[ENROLMENT_EDGES_MAX];
    size_t edge_count;
    struct id revoked[SIGNED_EDGES_REVOKED_MAX];
    size_t revoked_count;
    struct str anchors; /* empty: not said */
    struct str issuer;
    unsigned renew_within_ms;
};

/* Appends the JWS. STATUS_TOO_LARGE, STATUS_FAILED. */
enum status signed_edges_write(const struct signed_edges *list, EVP_PKEY *key,
                               struct buf *jws) MUST_USE;
/* Verifies and reads; signed_edges_fini it. Only a greater revision than `newer_than` is taken (STATUS_CONFLICT edges_not_newer).
 * Otherwise what jws_verify returns, or STATUS_INVALID, with why; then there is nothing to fini. */
enum status signed_edges_open(const struct jws_keys *keys, struct str jws, uint64_t newer_than,
                              struct signed_edges *list, struct why *why) MUST_USE;
void signed_edges_fini(struct signed_edges *list);
bool signed_edges_is_revoked(const struct signed_edges *list, const struct id *edge);

#endif
