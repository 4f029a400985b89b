/* enrolment.h: how a warpgate gets its certificate and its first configuration from the control plane.
 *
 * HTTP/1.1 over TLS 1.3 with ALPN mezusphere-control/1 to the control plane itself (server name api.<domain>): an edge may pass
 * such a connection on but cannot read it. JSON bodies, at most ENROLMENT_BYTES_MAX.
 *   POST /warpgate/v1/enrolments   Authorization: Bearer <API key>
 *     {"csr":"PEM","name":"…","version":"…","platform":"linux/x86_64","environment":"production"}    environment optional
 *     201 {"warpgate":"wg_…","environment":"env_…","trust_domain":"…","certificate":"PEM chain","trust_anchors":"PEM",
 *          "bundle_keys":{"keys":[…]},"bundle":"JWS","edges":[{"address":"host:port","server_name":"edge.…"}]}
 *   POST /warpgate/v1/renewals     client certificate of the warpgate
 *     {"csr":"PEM"}   200 the same answer
 * Errors are RFC 9457 with `code`: key_unknown, key_revoked (401), environment_unknown, environment_ambiguous, csr_invalid (422) …
 */
#ifndef TUNNEL_ENROLMENT_H
#define TUNNEL_ENROLMENT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/status.h"
#include "base/str.h"

#define ENROLMENT_BYTES_MAX (8u << 20)
#define ENROLMENT_PATH "/warpgate/v1/enrolments"
#define ENROLMENT_RENEWAL_PATH "/warpgate/v1/renewals"
#define ENROLMENT_EDGES_MAX 16
#define ENROLMENT_NAME_MAX 64 /* [A-Za-z0-9._-] */

struct enrolment_request {
    struct str csr;
    struct str name;        /* empty in renewals */
    struct str version;     /* empty in renewals */
    struct str platform;    /* empty in renewals */
    struct str environment; /* name or id, may be empty */
};

struct enrolment_edge {
    struct str address;     /* host:port */
    struct str server_name; /* SNI */
};

/* Text is borrowed from the tree it was read from. */
struct enrolment_answer {
    struct id warpgate;
    struct id environment;
    struct str trust_domain;
    struct str certificate;
    struct str trust_anchors;
    const json_t *bundle_keys;
    struct str bundle;
    struct enrolment_edge edges[ENROLMENT_EDGES_MAX];
    size_t edge_count;
};

enum status enrolment_request_read(const json_t *object, struct enrolment_request *request,
                                   struct why *why) MUST_USE;
json_t *enrolment_request_write(const struct enrolment_request *request);
enum status enrolment_answer_read(const json_t *object, struct enrolment_answer *answer,
                                  struct why *why) MUST_USE;
json_t *enrolment_answer_write(const struct enrolment_answer *answer);

#endif
