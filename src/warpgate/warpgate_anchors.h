/* warpgate_anchors.h: the platform's roots that this warpgate trusts, through a rotation of its internal CA (pki/ca_rotation.h).
 *
 * Enrolment and each renewal bring them; between these the signed list of edges does (tunnel/signed_edges.h), which no edge can forge.
 * New handshakes go by them, tunnels that stand stay. What is so, the warpgate tells on every tunnel. Loop thread only.
 */
#ifndef WARPGATE_WARPGATE_ANCHORS_H
#define WARPGATE_WARPGATE_ANCHORS_H

#include "base/buf.h"
#include "pki/ca_rotation.h"
#include "tunnel/enrolment.h"
#include "tunnel/signed_edges.h"

struct warpgate_parts;

struct warpgate_anchors {
    struct buf pem;   /* empty: not enrolled yet */
    struct buf chain; /* our own certificate */
    char name[CA_ANCHORS_SIZE];
    char issuer[CA_ANCHORS_SIZE]; /* the root that issues; empty: not told yet */
    char root[CA_ANCHORS_SIZE];   /* that our own certificate is of */
};

void warpgate_anchors_init(struct warpgate_anchors *anchors);
void warpgate_anchors_fini(struct warpgate_anchors *anchors);
/* What came with a certificate, which was judged. */
enum status warpgate_anchors_enrolled(struct warpgate_anchors *anchors,
                                      const struct enrolment_answer *answer) MUST_USE;
/* From a list that is newer, and signed: into parts->tunnel_tls. True: there was something new to tell. A list that does not know the root of our own
 * certificate is older than that, and is not followed. */
bool warpgate_anchors_follow(struct warpgate_parts *parts, const struct signed_edges *list);
/* Another root issues than that of our own certificate. */
bool warpgate_anchors_is_renewal_due(const struct warpgate_anchors *anchors);

#endif
