/* field_policy.h: which header fields may pass, in both directions, at both lines.
 *
 * Names are compared after folding: lower case, and everything but letters and digits ("_", ".", "~", …) read as "-",
 * as CGI-like gateways do. Whatever folds to a platform name is removed, so that nobody outside can speak in the
 * platform's name, in any spelling, in headers or trailers:
 *   requests:  warpgate-*, mezusphere-*, x-forwarded-*, forwarded, x-real-ip, x-original-url, x-rewrite-url,
 *              x-original-host, x-http-method-override is left alone (no rule reads it), and every name with "_" or ".".
 *   responses: warpgate-*, mezusphere-*.
 *   trailers, both ways: as in requests.
 * One pass over the fields, no allocation, order kept. Then the edge writes the platform's own fields.
 */
#ifndef POLICY_FIELD_POLICY_H
#define POLICY_FIELD_POLICY_H

#include "base/arena.h"
#include "http/http_message.h"

/* Written by the edge for the workload. */
#define FIELD_REQUEST_ID "warpgate-request-id"
#define FIELD_FORWARDED_FOR "x-forwarded-for"
#define FIELD_FORWARDED_PROTO "x-forwarded-proto"
#define FIELD_FORWARDED_HOST "x-forwarded-host"
#define FIELD_FORWARDED_PORT "x-forwarded-port"
/* Inside the tunnel only: taken off by the other end. */
/* request: env_… that the edge decided for */
#define FIELD_TUNNEL_ENVIRONMENT "mezusphere-environment"
/* response: the warpgate answers, not the workload; a slug */
#define FIELD_TUNNEL_ERROR "mezusphere-error"

/* In the edge: from a visitor. Removes what must not pass. */
void field_policy_clean_request(struct http_fields *fields);
/* In the warpgate: from the edge. As above, but what the edge itself writes (the names above, but
 * FIELD_TUNNEL_ERROR) may stay once each, in exactly that spelling: the first. */
void field_policy_clean_tunnel_request(struct http_fields *fields);
/* At the warpgate, from the workload, and again at the edge. */
void field_policy_clean_response(struct http_fields *fields);
void field_policy_clean_trailers(struct http_fields *fields);

/* What only the edge knows: at the edge, after field_policy_clean_request. `address` is "192.0.2.1" or "2001:db8::1". The values
 * are borrowed: they must live as long as the fields. */
void field_policy_add_visitor(struct http_fields *fields, struct arena *arena, struct str address,
                              struct str request_id);
/* What follows from the request itself: at the warpgate, after field_policy_clean_tunnel_request. Proto is https, host is the
 * authority as the visitor sent it (borrowed), port the one in it, or 443. */
void field_policy_add_forwarded(struct http_fields *fields, struct arena *arena,
                                struct str authority);

#endif
