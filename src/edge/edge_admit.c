/* edge_admit.c: step 1: is it a request that we can read, for a host that we serve?
 *
 * The authority must name the very host that the TLS handshake named: a certificate proves one name, and a request for
 * another one on the same connection (RFC 9110 §15.5.20) is answered 421.
 */
#include "edge/edge_request.h"
#include "edge/edge_shed.h"
#include "policy/canonical_host.h"

/* TRACE would echo the platform's own fields; CONNECT asks for a proxy. */
static bool may_forward_method(struct str method) {
    return !str_eq(method, STR("TRACE")) && !str_eq(method, STR("CONNECT"));
}

/* The usual case, without canonical forms: the very name, with or without a port. The port is judged with the route. */
static bool is_plainly(struct str authority, struct str name) {
    return str_starts_with(authority, name) &&
           (authority.len == name.len || authority.at[name.len] == ':');
}

static enum status read_host(const struct edge_request *request, char host[CANONICAL_HOST_SIZE],
                             struct str *name, struct why *why) {
    *name = request->visitor->server_name;
    if (is_plainly(request->head->authority, *name)) {
        return STATUS_OK;
    }
    host[0] = '\0';
    enum status status = canonical_host(request->head->authority, host, why);
    *name = str_from(host);
    return status;
}

enum edge_step_result edge_admit(struct edge_request *request) {
    char host[CANONICAL_HOST_SIZE];
    struct str name;
    struct why why = {0};
    if (request->visitor->is_excess || edge_shed_is_on(request->worker)) {
        return edge_request_refuse(request, EDGE_CODE_OVERLOADED, NULL);
    }
    if (!may_forward_method(request->head->method)) {
        return edge_request_refuse(request, EDGE_CODE_METHOD_UNSUPPORTED, NULL);
    }
    if (read_host(request, host, &name, &why) != STATUS_OK) {
        return edge_request_refuse(request, EDGE_CODE_BAD_REQUEST, &why);
    }
    if (!str_eq(name, request->visitor->server_name)) {
        return edge_request_refuse(request, EDGE_CODE_HOST_NOT_SERVED, NULL);
    }
    struct edge_environment *environment = edge_environment_of_host(request->worker, name);
    if (environment == NULL || environment->bundle == NULL) {
        return edge_request_refuse(request, EDGE_CODE_HOST_NOT_SERVED, NULL);
    }
    request->environment = environment;
    request->environment_id = environment->id;
    request->bundle = bundle_ref(environment->bundle);
    return EDGE_STEP_NEXT;
}
