/* edge_enrolment.h: how an edge gets its first certificate: with a join token, from the control plane that the token names.
 *
 * As in enrolment.h: HTTP/1.1 over TLS 1.3 with ALPN mezusphere-control/1; the control plane sends its chain with the root, and the edge
 * knows that by the fingerprint in the token. JSON bodies.
 *   POST /edge/v1/enrolments   Authorization: Bearer <the token's secret>
 *     {"csr":"PEM","name":"…","version":"…","address":"host:port"}     name and address optional
 *     201 {"edge":"edg_…","trust_domain":"…","certificate":"PEM chain","trust_anchors":"PEM","tunnel_server_name":"edge.…",
 *          "controls":[{"address":"host:port","server_name":"api.…"}]}
 * Errors are RFC 9457 with `code`: join_token_unknown, join_token_used, join_token_revoked, join_token_expired (401), csr_invalid,
 * validation_failed (422) … The certificate is renewed over the feed (feed_message.h).
 */
#ifndef TUNNEL_EDGE_ENROLMENT_H
#define TUNNEL_EDGE_ENROLMENT_H

#include <jansson.h>

#include "base/id.h"
#include "base/status.h"
#include "base/str.h"
#include "tunnel/enrolment.h"

#define EDGE_ENROLMENT_PATH "/edge/v1/enrolments"
#define EDGE_ENROLMENT_BYTES_MAX (256u << 10)
#define EDGE_ENROLMENT_CONTROLS_MAX 8

struct edge_enrolment_request {
    struct str csr;
    struct str name;    /* may be empty */
    struct str version; /* may be empty */
    struct str address; /* where warpgates are to dial it; may be empty */
};

/* Control planes, as edges are told of them. */
struct edge_controls {
    struct enrolment_edge at[EDGE_ENROLMENT_CONTROLS_MAX];
    size_t count;
};

/* Text is borrowed from the tree it was read from. */
struct edge_enrolment_answer {
    struct id edge;
    struct str trust_domain;
    struct str certificate;
    struct str trust_anchors;
    struct str tunnel_server_name;
    struct edge_controls controls;
};

enum status edge_enrolment_request_read(const json_t *object,
                                        struct edge_enrolment_request *request,
                                        struct why *why) MUST_USE;
json_t *edge_enrolment_request_write(const struct edge_enrolment_request *request);
enum status edge_enrolment_answer_read(const json_t *object, struct edge_enrolment_answer *answer,
                                       struct why *why) MUST_USE;
json_t *edge_enrolment_answer_write(const struct edge_enrolment_answer *answer);

/* A list of 1 to EDGE_ENROLMENT_CONTROLS_MAX. STATUS_INVALID with why. */
enum status edge_enrolment_controls_read(const json_t *list, struct edge_controls *controls,
                                         struct why *why) MUST_USE;
json_t *edge_enrolment_controls_write(const struct edge_controls *controls);

#endif
