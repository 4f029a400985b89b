/* edge_admit.c: step 1: is it a request that we can read, for a host that we serve?
 *
 * The authority must name the very host that the TLS handshake named: a certificate proves one name, and a request for
 * another one on the same connection (RFC 9110 §15.5.20) is answered 421.
 */
#include "edge/edge_request.h"
#include "policy/canonical_host.h"

/* TRACE would echo the platform's own fields; CONNECT asks for a proxy. */
static bool may_forward_method(struct str method) {
    return !str_eq(method, STR("TRACE")) && !str_eq(method, STR("CONNECT"));
}

enum edge_step_result edge_admit(struct edge_request *request) {
    const struct http_head *head = request->head;
    char host[CANONICAL_HOST_SIZE];
    struct why why = {0};
    if (!may_forward_method(head->method)) {
        return edge_request_refuse(request, EDGE_CODE_METHOD_UNSUPPORTED, NULL);
    }
    if (canonical_host(head->authority, host, &why) != STATUS_OK) {
        return edge_request_refuse(request, EDGE_CODE_BAD_REQUEST, &why);
    }
    if (!str_eq(str_from(host), request->visitor->server_name)) {
        return edge_request_refuse(request, EDGE_CODE_HOST_NOT_SERVED, NULL);
    }
    struct edge_environment *environment = edge_environment_of_host(request->edge, str_from(host));
    if (environment == NULL || environment->bundle == NULL) {
        return edge_request_refuse(request, EDGE_CODE_HOST_NOT_SERVED, NULL);
    }
    request->environment = environment;
    request->environment_id = environment->id;
    request->bundle = bundle_ref(environment->bundle);
    return EDGE_STEP_NEXT;
}
